import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/**
 * Consumers that fail in every way, for tests/rocketmq/processing.py: every listener writes down what it really did with every
 * message. Compiles against 4.9 and 5.x: no type is named whose package moved between them.
 *
 * <p>Reads a command a line from standard input and answers each with one line, `ok …` or `failed …`:
 * <pre>
 * play DIR           sends all messages, runs all groups, and returns when nothing moves any more
 * heal GROUP         from now on the listener of the group succeeds
 * resend GROUP KEY   sends a dead letter to the retry topic of the group again, with the same UNIQ_KEY
 * direct GROUP KEY   what the dashboard's button for dead letters does: CONSUME_MESSAGE_DIRECTLY with the original message
 * deliveries GROUP KEY   how often the message was delivered to the group so far
 * mqadmin ARG...     one mqadmin command
 * quit
 * </pre>
 * DIR gets messages.csv, groups.csv and deliveries.ndjson, one line a delivery: group, topic, unique key, attempt (as the client
 * counts), outcome, time. Outcomes: success, later, exception, null, and stuck (the listener has not returned when the consume
 * timeout was over).
 */
public class Listeners {
    /** Messages in `events`: so many before the offsets of `t_skipped` are reset, and so many after. */
    static final int EVENTS = 160, LATER = 40;
    static final int OTHERS = 60, SLOW = 16;
    static final String SPACE = "MQ_INST_17_proof";
    static final String LEDGER = SPACE + "%ledger";
    static final List<String> TOPICS = List.of("events", "others", "slow", LEDGER);
    static final int MAX = 2;
    static final int PENDING = 16, SOON = 15; // delay levels of 30 minutes and of 5 seconds

    static String nameServer;
    static DefaultMQAdminExt admin;
    static DefaultMQProducer producer;
    static PrintWriter log, groups, messages;
    static final Map<String, Runnable> stops = new TreeMap<>();
    static final Map<String, DefaultMQPushConsumer> consumers = new TreeMap<>();
    static final Set<String> healed = ConcurrentHashMap.newKeySet();
    /** What a listener did with a message, by `group topic key`. */
    static final Map<String, List<String>> deliveries = new ConcurrentSkipListMap<>();
    /** The place of a message, by `topic key`. */
    static final Map<String, String> places = new TreeMap<>();
    static final CountDownLatch released = new CountDownLatch(1);

    /** What a listener does with message `n` of a topic when it is delivered for the `attempt`-th time, from 0 on. */
    interface Behaviour {
        String outcome(String topic, int n, int attempt);
    }

    static boolean bad(int n) {
        return n % 10 == 3;
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err); // mqadmin and the client print where they like
        nameServer = arguments[0];
        System.setProperty("rocketmq.client.rebalance.waitInterval", "1000");
        System.setProperty("rocketmq.namesrv.addr", nameServer);
        admin = new DefaultMQAdminExt(10_000);
        admin.setNamesrvAddr(nameServer);
        admin.setInstanceName("admin");
        admin.start();
        producer = new DefaultMQProducer("PID_producer");
        producer.setNamesrvAddr(nameServer);
        producer.setInstanceName("producer");
        producer.setSendMsgTimeout(30_000);
        producer.start();
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null && !line.equals("quit"); line = commands.readLine()) {
            String said;
            try {
                said = "ok " + obey(line.split(" "));
            } catch (Throwable trouble) {
                trouble.printStackTrace();
                said = "failed " + trouble;
            }
            answers.println(said.replace('\n', ' '));
        }
        Runtime.getRuntime().halt(0);
    }

    static String obey(String[] words) throws Exception {
        switch (words[0]) {
            case "play": return play(Path.of(words[1]));
            case "heal": healed.add(words[1]); return words[1];
            case "resend": return resend(words[1], words[2]);
            case "direct": return direct(words[1], words[2]);
            case "deliveries": return deliveries.getOrDefault(words[1] + " events " + words[2], List.of()).size() + "";
            case "mqadmin": return mqadmin(Arrays.copyOfRange(words, 1, words.length));
            default: throw new IllegalArgumentException("there is no command " + words[0]);
        }
    }

    // ---- the play

    static String play(Path directory) throws Exception {
        log = new PrintWriter(Files.newBufferedWriter(directory.resolve("deliveries.ndjson")));
        groups = new PrintWriter(Files.newBufferedWriter(directory.resolve("groups.csv")));
        groups.println("group,kind,topics,tag,limit,traced");
        messages = new PrintWriter(Files.newBufferedWriter(directory.resolve("messages.csv")));
        messages.println("msg_id,topic,tag,n,offset_msg_id,broker,queue_id,queue_offset");
        until("brokers", () -> registered() == 2);
        for (String topic : TOPICS) {
            for (String broker : masters()) admin.createAndUpdateTopicConfig(broker, new TopicConfig(topic, 4, 4, 6));
        }
        until("routes", () -> TOPICS.stream().allMatch(topic -> route(topic) == 2));

        slow();
        new Group("t_skipped").kind("skipped").traced().start("events", (topic, n, attempt) -> "success");
        Thread.sleep(2_500); // the offsets of empty queues are committed
        stops.remove("t_skipped").run();
        if (pop()) popGroups(); // before the messages come: what is there already may wait for a long poll to end
        for (int n = 0; n < EVENTS; n++) send("events", n);
        for (int n = 0; n < OTHERS; n++) send("others", n);
        for (int n = 0; n < OTHERS; n++) send(LEDGER, n);
        mqadmin("resetOffsetByTime", "-g", "t_skipped", "-t", "events", "-s", "now", "-f", "true");
        Thread.sleep(100); // messages of the same millisecond would be on either side
        for (int n = EVENTS; n < EVENTS + LATER; n++) send("events", n);
        messages.flush();

        new Group("t_skipped").kind("skipped").traced().again().start("events", (topic, n, attempt) -> "success");
        everyKind();
        groups.flush();
        settle();
        offline();
        timeouts();
        int count = deliveries.values().stream().mapToInt(List::size).sum();
        return places.size() + " messages, " + Group.all.size() + " groups, " + count + " deliveries";
    }

    static final Behaviour ok = (topic, n, attempt) -> "success";
    static final Behaviour once = (topic, n, attempt) -> bad(n) && attempt == 0 ? "later" : "success";
    static final Behaviour dead = (topic, n, attempt) -> bad(n) ? "later" : "success";
    static final Behaviour exception = (topic, n, attempt) -> bad(n) ? "exception" : "success";
    static final Behaviour nothing = (topic, n, attempt) -> bad(n) ? "null" : "success";

    static void popGroups() throws Exception {
        new Group("g_pop_ok").kind("pop").start("events", ok);
        new Group("g_pop_once").kind("pop").start("events", once);
        new Group("g_pop_fails").kind("pop").limit(2).start("events", dead);
        new Group("t_pop_fails").kind("pop").limit(2).traced().start("events", dead);
    }

    static void everyKind() throws Exception {
        new Group("g_ok").start("events;others", ok);
        new Group("t_ok").traced().start("events", ok);
        new Group("g_once").start("events", once);
        new Group("t_once").traced().start("events", once);
        new Group("g_dead").start("events", dead);
        new Group("t_dead").traced().start("events", dead);
        new Group("g_exception").start("events", exception);
        new Group("t_exception").traced().start("events", exception);
        new Group("t_null").traced().start("events", nothing);
        new Group("g_ordered").kind("ordered").start("events", dead);
        new Group("t_ordered").kind("ordered").traced().start("events", dead);
        // the dead letter has a delay level in 4.9, which grows with the attempts
        new Group("g_ordered_waits").kind(pop() ? "ordered" : "ordered_waits").limit(PENDING - 2).start("events", dead);
        new Group("g_ordered_once").kind("ordered").start("events", once);
        new Group("g_batch").batch(8).start("events", dead);
        new Group("t_batch").batch(8).traced().start("events", dead);
        new Group("g_pending").kind("pending").limit(1).level(PENDING).start("events", dead);
        new Group("t_pending").kind("pending").limit(1).level(PENDING).traced().start("events", dead);
        new Group("t_batch_pending").kind("pending").limit(1).level(PENDING).batch(8).traced().start("events", dead);
        standing();
        new Group("t_filtered").tag("a").traced().start("events", dead);
        new Group("g_filtered_offline").tag("a").start("events", ok);
        // its offsets of `events` are reset to the beginning at last, those of `others` are not
        new Group("g_rewound").kind("rewound").start("events;others", (topic, n, attempt) -> topic.equals("events") && bad(n) ? "later" : "success");
        new Group("g_no_retries").kind("no_retries").limit(1).start("events", dead);
        new Group("t_no_retries").kind("no_retries").limit(1).traced().start("events", dead);
        // message n of `others` has the unique key of message n of `events`
        new Group("g_shared").start("events;others", (topic, n, attempt) -> n % 10 == (topic.equals("events") ? 3 : 5) ? "later" : "success");
        new Group(SPACE + "%t_space").traced().start(LEDGER, dead);
        new Group(SPACE + "%g_space").start(LEDGER, once);
        new Group("g_pull").kind("pull").start("events", ok);
        new Group("g_pull_offline").kind("pull").start("events", ok);
    }

    /** Stops before its retries are delivered: they stand in the retry topic, and nobody reads them. */
    static void standing() throws Exception {
        Group group = new Group("g_standing").kind("standing").limit(1).level(SOON);
        group.start("events", dead);
        until(group.name, () -> places.keySet().stream().allMatch(group::isDone));
        Thread.sleep(700); // sent back, and offsets committed
        stops.remove(group.name).run();
    }

    /** One message of each queue takes longer than the consume timeout of a minute. */
    static void slow() throws Exception {
        for (int n = 0; n < SLOW; n++) send("slow", n);
        new Group("t_slow").traced().start("slow", (topic, n, attempt) -> n < SLOW / 2 && attempt == 0 ? "stuck" : "success");
        new Group("g_slow").start("slow", (topic, n, attempt) -> n < SLOW / 2 && attempt == 0 ? "stuck" : "success");
        stuckSince = System.nanoTime();
    }

    static long stuckSince;

    /**
     * The client looks for expired messages at every full minute of its life, which finds those of a minute and a bit only in the
     * second one. Here it looks as soon as the minute is over. Half of the listeners return `success` afterwards, half never.
     */
    static void timeouts() throws Exception {
        long waited = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - stuckSince);
        Thread.sleep(Math.max(0, 63_000 - waited));
        for (String group : List.of("g_slow", "t_slow")) {
            Object inner = consumers.get(group).getDefaultMQPushConsumerImpl();
            Object service = inner.getClass().getMethod("getConsumeMessageService").invoke(inner);
            Method look = service.getClass().getDeclaredMethod("cleanExpireMsg");
            look.setAccessible(true);
            look.invoke(service);
        }
        released.countDown();
        settle();
    }

    /** Waits until every message has ended in every group: with a success, or after so many deliveries as the group makes. */
    static void settle() throws Exception {
        for (Group group : Group.all.values()) {
            until(group.name, () -> places.keySet().stream().allMatch(group::isDone));
        }
        Thread.sleep(2_000); // copies are stored and offsets committed
        log.flush();
    }

    static void offline() throws Exception {
        for (String group : List.of("g_filtered_offline", "g_pull_offline", "g_rewound")) stops.remove(group).run();
        mqadmin("resetOffsetByTime", "-g", "g_rewound", "-t", "events", "-s", "0", "-f", "true");
    }

    // ---- messages

    static void send(String topic, int n) throws Exception {
        String tag = n % 2 == 0 ? "b" : "a"; // the bad ones have odd numbers
        Message message = new Message(topic, tag, "K" + n, ("message " + n).getBytes(StandardCharsets.UTF_8));
        message.putUserProperty("home", topic);
        message.putUserProperty("n", String.valueOf(n));
        if (topic.equals("others")) MessageAccessor.putProperty(message, "UNIQ_KEY", key("events", n));
        var sent = producer.send(message, (queues, ignored, number) -> queues.get((int) number % queues.size()), n);
        String key = message.getProperty("UNIQ_KEY");
        places.put(topic + " " + key, tag + " " + n);
        keys.put(topic + " " + n, key);
        MessageQueue queue = sent.getMessageQueue();
        messages.println(String.join(",", key, topic, tag, "" + n, sent.getOffsetMsgId(), queue.getBrokerName(), "" + queue.getQueueId(),
            "" + sent.getQueueOffset()));
        offsetIds.put(topic + " " + key, sent.getOffsetMsgId());
    }

    static final Map<String, String> keys = new TreeMap<>(), offsetIds = new TreeMap<>();

    static String key(String topic, int n) {
        return keys.get(topic + " " + n);
    }

    static String resend(String group, String key) throws Exception {
        int n = Integer.parseInt(places.get("events " + key).split(" ")[1]);
        Message message = new Message("%RETRY%" + group, "a", "K" + n, ("message " + n).getBytes(StandardCharsets.UTF_8));
        message.putUserProperty("home", "events");
        message.putUserProperty("n", String.valueOf(n));
        MessageAccessor.putProperty(message, "UNIQ_KEY", key);
        MessageAccessor.putProperty(message, "RETRY_TOPIC", "events");
        int before = count(group, "events", key);
        producer.send(message);
        until("a delivery of what was sent again", () -> count(group, "events", key) > before);
        Thread.sleep(1_500);
        return key;
    }

    static String direct(String group, String key) throws Exception {
        var connection = admin.examineConsumerConnectionInfo(group).getConnectionSet().iterator().next();
        var result = admin.consumeMessageDirectly(group, connection.getClientId(), "events", offsetIds.get("events " + key));
        return String.valueOf(result.getConsumeResult());
    }

    // ---- groups

    static class Group {
        static final Map<String, Group> all = new TreeMap<>();
        final String name;
        String kind = "push", tag = "*";
        int limit = MAX + 1, batch = 1, level;
        boolean traced, again;
        List<String> topics;
        Behaviour behaviour;

        Group(String name) {
            this.name = name;
        }

        Group kind(String kind) { this.kind = kind; return this; }

        Group tag(String tag) { this.tag = tag; return this; }

        /** Number of deliveries after which a message that fails is not delivered again. */
        Group limit(int limit) { this.limit = limit; return this; }

        Group batch(int batch) { this.batch = batch; return this; }

        Group level(int level) { this.level = level; return this; }

        Group traced() { this.traced = true; return this; }

        Group again() { this.again = true; return this; }

        boolean isDone(String place) {
            String[] named = place.split(" ");
            String[] what = places.get(place).split(" ");
            int n = Integer.parseInt(what[1]);
            boolean read = topics.contains(named[0]) && (tag.equals("*") || tag.equals(what[0]))
                && !(kind.equals("skipped") && n < EVENTS);
            List<String> done = deliveries.getOrDefault(name + " " + place, List.of());
            boolean isLast = done.size() >= limit || done.contains("success") || named[0].equals("slow") && released.getCount() > 0;
            return !read || !done.isEmpty() && isLast;
        }

        void start(String topics, Behaviour behaviour) throws Exception {
            this.topics = List.of(topics.split(";"));
            this.behaviour = behaviour;
            all.put(name, this);
            if (again || !kind.equals("skipped")) {
                groups.println(String.join(",", name, kind, topics, tag.equals("*") ? "" : tag, "" + limit, traced ? "yes" : "no"));
            }
            if (kind.equals("no_retries")) {
                mqadmin("updateSubGroup", "-c", "TestCluster", "-g", name, "-q", "0");
            }
            if (kind.equals("pull")) {
                pull();
            } else {
                push();
            }
        }

        private void push() throws Exception {
            boolean spaced = name.startsWith(SPACE);
            String plain = spaced ? name.substring(SPACE.length() + 1) : name;
            DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(spaced ? SPACE : null, plain, null,
                new org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely(), traced, null);
            consumer.setNamesrvAddr(nameServer);
            consumer.setInstanceName(traced || spaced ? "of-" + plain : "consumers");
            consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
            consumer.setConsumeThreadMin(topics.contains("slow") ? 16 : 2);
            consumer.setConsumeThreadMax(topics.contains("slow") ? 16 : 2);
            consumer.setPersistConsumerOffsetInterval(500);
            consumer.setHeartbeatBrokerInterval(2_000);
            consumer.setPollNameServerInterval(2_000);
            consumer.setConsumeTimeout(1);
            consumer.setMaxReconsumeTimes(kind.startsWith("ordered") ? limit - 1 : MAX);
            consumer.setSuspendCurrentQueueTimeMillis(100);
            consumer.setConsumeMessageBatchMaxSize(batch);
            consumer.setPullBatchSize(32);
            for (String topic : topics) consumer.subscribe(spaced ? topic.substring(SPACE.length() + 1) : topic, tag);
            if (kind.startsWith("ordered")) {
                consumer.registerMessageListener((MessageListenerOrderly) (some, context) -> orderly(some));
            } else {
                consumer.registerMessageListener((MessageListenerConcurrently) (some, context) -> {
                    context.setDelayLevelWhenNextConsume(level);
                    return batch == 1 ? one(some.get(0)) : several(some, context::setAckIndex);
                });
            }
            if (kind.equals("pop")) popping(consumer);
            consumer.start();
            consumers.put(name, consumer);
            stops.put(name, consumer::shutdown);
        }

        /** 5.x only. The first failure comes back after a second, the second one is out of reach. */
        private void popping(DefaultMQPushConsumer consumer) throws Exception {
            mqadmin("updateSubGroup", "-c", "TestCluster", "-g", name);
            mqadmin("setConsumeMode", "-c", "TestCluster", "-t", "events", "-g", name, "-m", "POP", "-q", "8");
            DefaultMQPushConsumer.class.getMethod("setClientRebalance", boolean.class).invoke(consumer, false);
            Object inner = consumer.getDefaultMQPushConsumerImpl();
            Method delayLevels = inner.getClass().getDeclaredMethod("getPopDelayLevel");
            delayLevels.setAccessible(true);
            int[] delays = (int[]) delayLevels.invoke(inner);
            Arrays.fill(delays, 3600);
            delays[0] = 1;
        }

        private String decide(MessageExt message, int attempt) {
            String home = message.getProperty("home");
            return healed.contains(name) ? "success" : behaviour.outcome(home, Integer.parseInt(message.getProperty("n")), attempt);
        }

        private void write(MessageExt message, int attempt, String outcome) {
            String home = message.getProperty("home"), key = message.getProperty("UNIQ_KEY");
            synchronized (log) {
                log.printf("{\"group\":\"%s\",\"topic\":\"%s\",\"key\":\"%s\",\"attempt\":%d,\"outcome\":\"%s\",\"time\":%d}%n",
                    name, home, key, attempt, outcome, System.currentTimeMillis());
                log.flush();
            }
            deliveries.computeIfAbsent(name + " " + home + " " + key, pair -> new java.util.concurrent.CopyOnWriteArrayList<>()).add(outcome);
        }

        private ConsumeConcurrentlyStatus one(MessageExt message) {
            int attempt = message.getReconsumeTimes();
            String outcome = decide(message, attempt);
            write(message, attempt, outcome);
            switch (outcome) {
                case "success": return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
                case "exception": throw new IllegalStateException("as it was told to");
                case "null": return null;
                case "stuck": stuck(Integer.parseInt(message.getProperty("n"))); return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
                default: return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            }
        }

        private void stuck(int n) {
            try {
                released.await();
                if (n % 2 == 0) Thread.sleep(Long.MAX_VALUE);
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
            }
        }

        /** All before the first bad message succeed; that and what follows is sent back. */
        private ConsumeConcurrentlyStatus several(List<MessageExt> some, java.util.function.IntConsumer acknowledge) {
            int first = 0;
            while (first < some.size() && decide(some.get(first), some.get(first).getReconsumeTimes()).equals("success")) first++;
            for (int n = 0; n < some.size(); n++) {
                write(some.get(n), some.get(n).getReconsumeTimes(), n < first ? "success" : "later");
            }
            acknowledge.accept(first - 1);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        }

        private ConsumeOrderlyStatus orderly(List<MessageExt> some) {
            MessageExt message = some.get(0);
            String outcome = decide(message, message.getReconsumeTimes());
            write(message, message.getReconsumeTimes(), outcome);
            return outcome.equals("success") ? ConsumeOrderlyStatus.SUCCESS : ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
        }

        private void pull() throws Exception {
            DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(name);
            consumer.setNamesrvAddr(nameServer);
            consumer.setInstanceName("pullers");
            consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
            consumer.setAutoCommitIntervalMillis(1_000);
            consumer.setHeartbeatBrokerInterval(2_000);
            for (String topic : topics) consumer.subscribe(topic, "*");
            consumer.start();
            Thread polling = new Thread(() -> {
                while (consumer.isRunning()) consumer.poll(500).forEach(message -> write(message, 0, "success"));
            });
            polling.setDaemon(true);
            polling.start();
            stops.put(name, consumer::shutdown);
        }
    }

    static int count(String group, String topic, String key) {
        return deliveries.getOrDefault(group + " " + topic + " " + key, List.of()).size();
    }

    static boolean pop() {
        return Arrays.stream(DefaultMQPushConsumer.class.getMethods()).anyMatch(method -> method.getName().equals("setClientRebalance"));
    }

    // ---- mqadmin

    static String mqadmin(String... arguments) {
        List<String> all = new ArrayList<>(Arrays.asList(arguments));
        all.addAll(List.of("-n", nameServer));
        MQAdminStartup.main0(all.toArray(new String[0]), null);
        return arguments[0];
    }

    static List<String> masters() throws Exception {
        List<String> masters = new ArrayList<>();
        admin.examineBrokerClusterInfo().getBrokerAddrTable().values().forEach(broker -> masters.add(broker.getBrokerAddrs().get(0L)));
        return masters;
    }

    static int registered() {
        try {
            return masters().size();
        } catch (Exception notYet) {
            return 0;
        }
    }

    static int route(String topic) {
        try {
            return admin.examineTopicRouteInfo(topic).getBrokerDatas().size();
        } catch (Exception notYet) {
            return 0;
        }
    }

    static void until(String what, BooleanSupplier holds) throws Exception {
        for (long end = System.nanoTime() + 90_000_000_000L; !holds.getAsBoolean(); Thread.sleep(50)) {
            if (System.nanoTime() > end) throw new IllegalStateException("not so after 90 s: " + what + missing(what));
        }
    }

    static String missing(String group) {
        Group named = Group.all.get(group);
        if (named == null) return "";
        List<String> open = new ArrayList<>();
        for (String place : places.keySet()) {
            if (!named.isDone(place)) open.add(place + "=" + places.get(place) + deliveries.getOrDefault(group + " " + place, List.of()));
        }
        return ": " + open.size() + " of them " + open.subList(0, Math.min(5, open.size()));
    }
}
