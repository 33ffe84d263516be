import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/**
 * RocketMQ's own Java client and mqadmin, as tests/rocketmq/suite.py needs them: fills a cluster with messages, keeps groups of
 * every kind on it, and says what mqadmin says. Compiles against 4.9 and 5.x: no type is named whose package moved between them.
 *
 * <p>Reads a command a line from standard input and answers each with one line, `ok …` or `failed …`:
 * <pre>
 * fill COUNT DIR     messages and groups; at the end DIR has messages.csv (where each message lies) and copies.csv (retries)
 * words IN OUT       mqadmin's words: IN has lines `id,topic`; OUT gets `id,topic,group,word,detail` (no group: the look-up failed)
 * mqadmin ARG...     one mqadmin command
 * send TOPIC N FILE  N more messages, their `id,topic,tag,offset_id` in FILE
 * stop GROUP | start GROUP
 * quit
 * </pre>
 * `words` calls the two methods of DefaultMQAdminExt that `mqadmin queryMsgById` calls, in the order it does, without a new JVM
 * for each message; suite.py compares a few of them with what the command itself prints.
 */
public class Clients {
    static final String CLUSTER = "TestCluster";
    /** Messages in each topic, per thousand of all. */
    static final Map<String, Integer> TOPICS = new TreeMap<>(Map.of("orders", 400, "plain", 200, "delayed", 100, "ordered", 100, "batch", 200));
    static final String[] TAGS = {"created", "paid", "shipped"};
    /** An orderly consumer that lags stops after so many messages of a queue. */
    static final int HOLD = 20;

    static String nameServer;
    static DefaultMQAdminExt admin;
    static DefaultMQProducer producer;
    static final Map<String, Runnable> stops = new TreeMap<>();
    /** What the group that reads everything received, by unique key: the true position of each message. */
    static final Map<String, String> seen = new ConcurrentSkipListMap<>();
    static final Map<String, String> copies = new ConcurrentSkipListMap<>();
    static final Map<String, ConcurrentSkipListSet<String>> counted = new ConcurrentHashMap<>();

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err); // mqadmin and the client print where they like
        nameServer = arguments[0];
        System.setProperty("rocketmq.client.rebalance.waitInterval", "1000");
        System.setProperty("rocketmq.namesrv.addr", nameServer);
        admin = new DefaultMQAdminExt(10_000);
        admin.setNamesrvAddr(nameServer);
        admin.setInstanceName("admin");
        admin.setPollNameServerInterval(1_000); // where brokers are: a long-lived JVM would ask where they were
        admin.start();
        producer = new DefaultMQProducer("PID_producer");
        producer.setNamesrvAddr(nameServer);
        producer.setInstanceName("producer");
        producer.setSendMsgTimeout(30_000);
        producer.setPollNameServerInterval(2_000);
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
        Runtime.getRuntime().halt(0); // consumers vanish as they do in a crash; suite.py has long stopped asking
    }

    static String obey(String[] words) throws Exception {
        switch (words[0]) {
            case "fill": return fill(Integer.parseInt(words[1]), Path.of(words[2]));
            case "words": return words(Path.of(words[1]), Path.of(words[2]));
            case "send": return send(words[1], Integer.parseInt(words[2]), Path.of(words[3]));
            case "stop": stops.remove(words[1]).run(); return words[1];
            case "start": everything(words[1]); return words[1];
            case "mqadmin": return mqadmin(Arrays.copyOfRange(words, 1, words.length));
            default: throw new IllegalArgumentException("there is no command " + words[0]);
        }
    }

    // ---- messages

    static String fill(int count, Path directory) throws Exception {
        until("brokers", () -> registered() == 2); // they listen before the name server knows them
        for (String topic : TOPICS.keySet()) {
            for (String broker : masters()) admin.createAndUpdateTopicConfig(broker, new TopicConfig(topic, 4, 4, 6));
        }
        until("routes", () -> TOPICS.keySet().stream().allMatch(topic -> route(topic) == 2));
        int orders = TOPICS.get("orders") * count / 1000;
        for (int n = 0; n < orders; n++) producer.send(order(n));
        for (int n = 0; n < TOPICS.get("plain") * count / 1000; n++) producer.send(new Message("plain", body(n)));
        for (int n = 0; n < TOPICS.get("delayed") * count / 1000; n++) {
            Message message = new Message("delayed", TAGS[n % 3], "D" + n, body(n));
            message.setDelayTimeLevel(1);
            producer.send(message);
        }
        for (int n = 0; n < TOPICS.get("ordered") * count / 1000; n++) {
            producer.send(new Message("ordered", TAGS[n % 3], "S" + n % 40, body(n)),
                (queues, message, key) -> queues.get((int) key % queues.size()), n % 40);
        }
        for (int n = 0; n < TOPICS.get("batch") * count / 1000; n += 10) {
            List<Message> batch = new ArrayList<>();
            for (int part = n; part < n + 10; part++) batch.add(new Message("batch", TAGS[part % 3], "B" + part, body(part)));
            producer.send(batch);
        }
        groups(count, orders);
        try (PrintWriter csv = new PrintWriter(Files.newBufferedWriter(directory.resolve("messages.csv")))) {
            csv.println("msg_id,topic,tag,broker,queue_id,queue_offset,offset_msg_id");
            seen.forEach((key, place) -> csv.println(key + "," + place));
        }
        try (PrintWriter csv = new PrintWriter(Files.newBufferedWriter(directory.resolve("copies.csv")))) {
            csv.println("offset_msg_id,topic,msg_id");
            copies.forEach((offsetId, what) -> csv.println(offsetId + "," + what));
        }
        return seen.size() + " messages, " + copies.size() + " retry copies";
    }

    static Message order(int n) {
        Message message = new Message("orders", TAGS[n % 3], "A" + n, body(n));
        message.putUserProperty("amount", String.valueOf(n % 1000));
        return message;
    }

    static byte[] body(int n) {
        return ("message " + n).getBytes(StandardCharsets.UTF_8);
    }

    static String send(String topic, int count, Path out) throws Exception {
        try (PrintWriter csv = new PrintWriter(Files.newBufferedWriter(out))) {
            csv.println("msg_id,topic,tag,offset_msg_id");
            for (int n = 0; n < count; n++) {
                var sent = producer.send(new Message(topic, TAGS[n % 3], "X" + n, body(n)));
                csv.println(sent.getMsgId() + "," + topic + "," + TAGS[n % 3] + "," + sent.getOffsetMsgId());
            }
        }
        return count + " messages";
    }

    // ---- groups

    static void groups(int count, int orders) throws Exception {
        int plain = TOPICS.get("plain") * count / 1000;
        everything("GID_caught_up");
        failing("GID_failing");
        pull("GID_pull");
        push("GID_tagged", "paid || created", "orders", "plain");
        sql("GID_sql");
        push("GID_unsubscribed", "*", "orders", "plain");
        push("GID_stale_broadcast", "*", "orders", "plain");
        holding("GID_lagging");
        holding("GID_offline");
        if (pop()) popping("GID_pop");
        push("GID_broadcast", "broadcast", "*", "orders", "plain");
        for (String broker : masters()) mqadmin("updateSubGroup", "-b", broker, "-g", "GID_never");

        until("messages read", () -> seen.size() >= count);
        until("tags", () -> counted("GID_tagged") >= (orders + 2) / 3 + (orders + 1) / 3);
        until("amounts", () -> counted("GID_sql") >= java.util.stream.IntStream.range(0, orders).filter(n -> n % 1000 > 500).count());
        for (String all : List.of("GID_pull", "GID_unsubscribed", "GID_stale_broadcast", "GID_broadcast")) {
            until(all, () -> counted(all) >= orders + plain);
        }
        if (pop()) until("pop", () -> counted("GID_pop") >= orders);
        until("held back", () -> counted("GID_lagging") >= 16 * HOLD && counted("GID_offline") >= 16 * HOLD);
        until("retries", () -> copies.size() >= java.util.stream.IntStream.range(0, orders).filter(n -> n % 10 == 7).count());
        Thread.sleep(1_500); // three commits of every group

        for (String group : List.of("GID_offline", "GID_unsubscribed", "GID_stale_broadcast")) stops.remove(group).run();
        push("GID_unsubscribed", "*", "plain");
        push("GID_stale_broadcast", "broadcast", "*", "orders", "plain");
    }

    static DefaultMQPushConsumer consumer(String group) {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group);
        consumer.setNamesrvAddr(nameServer);
        consumer.setInstanceName("consumers");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setConsumeThreadMin(2);
        consumer.setConsumeThreadMax(2);
        consumer.setPersistConsumerOffsetInterval(500);
        consumer.setHeartbeatBrokerInterval(2_000);
        consumer.setPollNameServerInterval(2_000);
        return consumer;
    }

    static void start(String group, DefaultMQPushConsumer consumer) throws Exception {
        consumer.start();
        stops.put(group, consumer::shutdown);
    }

    static MessageListenerConcurrently counting(String group) {
        return (messages, context) -> {
            messages.forEach(message -> count(group, message));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        };
    }

    static void count(String group, MessageExt message) {
        counted.computeIfAbsent(group, name -> new ConcurrentSkipListSet<>()).add(message.getProperty("UNIQ_KEY"));
    }

    static int counted(String group) {
        return counted.containsKey(group) ? counted.get(group).size() : 0;
    }

    /** Reads every topic and records the position of each message. */
    static void everything(String group) throws Exception {
        DefaultMQPushConsumer consumer = consumer(group);
        for (String topic : TOPICS.keySet()) consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                MessageQueue queue = context.getMessageQueue();
                if (queue.getTopic().startsWith("%")) continue;
                seen.put(message.getProperty("UNIQ_KEY"), String.join(",", queue.getTopic(),
                    message.getTags() == null ? "" : message.getTags(), queue.getBrokerName(),
                    "" + message.getQueueId(), "" + message.getQueueOffset(), offsetId(message)));
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        start(group, consumer);
    }

    /** The address and place of the stored record; getMsgId() would be the unique key. */
    static String offsetId(MessageExt message) {
        try {
            return (String) message.getClass().getMethod("getOffsetMsgId").invoke(message);
        } catch (ReflectiveOperationException trouble) {
            throw new IllegalStateException(trouble);
        }
    }

    static void push(String group, String expression, String... topics) throws Exception {
        DefaultMQPushConsumer consumer = consumer(group);
        boolean broadcast = expression.equals("broadcast");
        if (broadcast) {
            // MessageModel's package is not the same in 4.9 and 5.x
            consumer.setMessageModel(Enum.valueOf(consumer.getMessageModel().getDeclaringClass(), "BROADCASTING"));
            expression = topics[0];
            topics = Arrays.copyOfRange(topics, 1, topics.length);
        }
        for (String topic : topics) consumer.subscribe(topic, expression);
        consumer.registerMessageListener(counting(group));
        start(group, consumer);
    }

    static void sql(String group) throws Exception {
        DefaultMQPushConsumer consumer = consumer(group);
        for (String topic : List.of("orders", "plain")) consumer.subscribe(topic, MessageSelector.bySql("amount > 500"));
        consumer.registerMessageListener(counting(group));
        start(group, consumer);
    }

    /** Every tenth order fails twice: once as itself, once as its retry, and ends as a dead letter. */
    static void failing(String group) throws Exception {
        DefaultMQPushConsumer consumer = consumer(group);
        consumer.setMaxReconsumeTimes(1);
        consumer.setConsumeMessageBatchMaxSize(1);
        consumer.subscribe("orders", "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            MessageExt message = messages.get(0);
            if (context.getMessageQueue().getTopic().startsWith("%RETRY%")) {
                copies.put(offsetId(message), context.getMessageQueue().getTopic() + "," + message.getProperty("UNIQ_KEY"));
            }
            boolean fails = message.getKeys().endsWith("7");
            return fails ? ConsumeConcurrentlyStatus.RECONSUME_LATER : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        start(group, consumer);
    }

    /** Takes the first messages of each queue and then asks for the same one again and again. */
    static void holding(String group) throws Exception {
        DefaultMQPushConsumer consumer = consumer(group);
        for (String topic : List.of("orders", "plain")) consumer.subscribe(topic, "*");
        consumer.setConsumeMessageBatchMaxSize(1);
        Map<String, AtomicInteger> taken = new ConcurrentHashMap<>();
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            AtomicInteger count = taken.computeIfAbsent(context.getMessageQueue().toString(), queue -> new AtomicInteger());
            if (count.get() >= HOLD) return ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
            count.incrementAndGet();
            count(group, messages.get(0));
            return ConsumeOrderlyStatus.SUCCESS;
        });
        start(group, consumer);
    }

    static void pull(String group) throws Exception {
        DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(group);
        consumer.setNamesrvAddr(nameServer);
        consumer.setInstanceName("pullers");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setAutoCommitIntervalMillis(1_000);
        consumer.setHeartbeatBrokerInterval(2_000);
        consumer.setPollNameServerInterval(2_000);
        for (String topic : List.of("orders", "plain")) consumer.subscribe(topic, "*");
        consumer.start();
        Thread polling = new Thread(() -> {
            while (consumer.isRunning()) consumer.poll(500).forEach(message -> count(group, message));
        });
        polling.setDaemon(true);
        polling.start();
        stops.put(group, consumer::shutdown);
    }

    static boolean pop() {
        return Arrays.stream(DefaultMQPushConsumer.class.getMethods()).anyMatch(method -> method.getName().equals("setClientRebalance"));
    }

    /** 5.x only: the broker hands out messages and keeps the offsets; the client acknowledges each. */
    static void popping(String group) throws Exception {
        for (String broker : masters()) mqadmin("updateSubGroup", "-b", broker, "-g", group);
        for (String broker : masters()) mqadmin("setConsumeMode", "-b", broker, "-t", "orders", "-g", group, "-m", "POP", "-q", "8");
        DefaultMQPushConsumer consumer = consumer(group);
        DefaultMQPushConsumer.class.getMethod("setClientRebalance", boolean.class).invoke(consumer, false);
        consumer.subscribe("orders", "*");
        consumer.registerMessageListener(counting(group));
        start(group, consumer);
    }

    // ---- mqadmin

    static String words(Path in, Path out) throws Exception {
        List<String> asked = Files.readAllLines(in);
        long begin = System.nanoTime();
        try (PrintWriter csv = new PrintWriter(Files.newBufferedWriter(out))) {
            for (String line : asked) {
                String id = line.substring(0, line.indexOf(','));
                String topic = line.substring(id.length() + 1);
                try {
                    MessageExt message = admin.viewMessage(topic, id);
                    var tracks = admin.messageTrackDetail(message);
                    for (var track : tracks) {
                        String detail = track.getExceptionDesc() == null ? "" : track.getExceptionDesc();
                        csv.println(String.join(",", id, topic, track.getConsumerGroup(), "" + track.getTrackType(), oneCell(detail)));
                    }
                    if (tracks.isEmpty()) csv.println(id + "," + topic + ",,no consumer,");
                } catch (Exception trouble) {
                    csv.println(id + "," + topic + ",,failed," + oneCell(trouble.getMessage()));
                }
            }
        }
        return asked.size() + " messages in " + (System.nanoTime() - begin) / 1_000_000 + " ms";
    }

    static String oneCell(String text) {
        String line = text == null ? "" : text.lines().findFirst().orElse("");
        return line.replace(',', ';').replace('"', '\'');
    }

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
        for (long end = System.nanoTime() + 240_000_000_000L; !holds.getAsBoolean(); Thread.sleep(50)) {
            if (System.nanoTime() > end) {
                Map<String, Integer> counts = new TreeMap<>();
                counted.forEach((group, set) -> counts.put(group, set.size()));
                throw new IllegalStateException("not so after 240 s: " + what + "; read " + seen.size() + ", copies " + copies.size() + ", " + counts);
            }
        }
    }
}
