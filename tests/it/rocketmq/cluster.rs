//! A cluster of scripted servers that answer like Java's: a name server and two brokers or more, with the data of a
//! test.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use crate::broker::{Asked, Broker, Step};

pub(crate) const BROKERS: [&str; 4] = ["broker-a", "broker-b", "broker-c", "broker-d"];

/// Number of queues of each topic on each broker.
pub(crate) const QUEUES: u32 = 2;

/// A name server and its brokers.
pub(crate) struct Cluster {
    names: Broker,
    brokers: Vec<Broker>,
    state: Arc<Mutex<State>>,
}

/// The data of the servers.
#[derive(Debug, Default, Clone)]
pub(crate) struct State {
    /// Topics without messages.
    pub(crate) topics: BTreeSet<String>,
    pub(crate) messages: Vec<Message>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// Oldest offset of every queue.
    pub(crate) min_offset: u64,
    /// Brokers that close every connection.
    pub(crate) down: BTreeSet<String>,
    /// Brokers that the name server does not know.
    pub(crate) forgotten: BTreeSet<String>,
    /// Whether the name server still lists the queues of brokers that it has forgotten.
    pub(crate) keeps_queues: bool,
    /// A request code that is answered with an error code, so many times.
    pub(crate) refuse: Option<(i64, i64, u32)>,
    pub(crate) addresses: BTreeMap<String, String>,
    /// Whether brokers answer every look-up with the same messages under another topic.
    pub(crate) moved: bool,
    /// Answers some requests otherwise.
    pub(crate) lie: Option<Lie>,
    /// How far the levels of delayed messages are delivered, on every broker.
    pub(crate) delivered: BTreeMap<u32, u64>,
    /// When the oldest message of every broker was stored; unknown by default.
    pub(crate) earliest: Option<i64>,
    /// Number of messages that a pull returns at most; 32 by default.
    pub(crate) at_once: Option<usize>,
    /// The only broker that answers so; by default all, and the name server.
    pub(crate) liar: Option<&'static str>,
    /// Number of brokers above two.
    pub(crate) more_brokers: usize,
}

/// Returns the steps for a request, if it is answered otherwise.
pub(crate) type Lie = fn(&Asked) -> Option<Vec<Step>>;

/// A stored message.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) key: String,
    pub(crate) topic: String,
    pub(crate) broker: usize,
    pub(crate) queue_id: u32,
    pub(crate) queue_offset: u64,
    pub(crate) tag: Option<&'static str>,
    pub(crate) stored_at: i64,
    pub(crate) born_at: i64,
    /// Address of the broker when it stored the message; by default its current address.
    pub(crate) store: Option<String>,
    /// Additional properties.
    pub(crate) properties: Vec<(&'static str, String)>,
    /// Number of redeliveries.
    pub(crate) reconsumed: i32,
    pub(crate) body: Vec<u8>,
    /// Says how the body is compressed.
    pub(crate) system_flag: u32,
}

impl Message {
    /// The nth message: queue after queue, in the order of their offsets.
    pub(crate) fn nth(nth: u64) -> Self {
        let place = nth % u64::from(QUEUES * 2);
        Self {
            key: key(nth),
            topic: "orders".to_owned(),
            broker: usize::from(place >= u64::from(QUEUES)),
            queue_id: u32::try_from(place).unwrap() % QUEUES,
            queue_offset: nth / u64::from(QUEUES * 2),
            tag: Some("paid"),
            stored_at: 1_763_600_000_000 + i64::try_from(nth).unwrap(),
            born_at: 1_763_599_990_000 - i64::try_from(nth * 1000).unwrap(),
            store: None,
            properties: Vec::new(),
            reconsumed: 0,
            body: b"a body".to_vec(),
            system_flag: 0,
        }
    }

    /// A copy of this message in another topic, in its first queue, stored an hour later.
    pub(crate) fn copied(&self, topic: &str, queue_offset: u64, reconsumed: i32) -> Self {
        Self {
            topic: topic.to_owned(),
            queue_id: 0,
            queue_offset,
            stored_at: self.stored_at + 3_600_000,
            properties: vec![("RETRY_TOPIC", self.topic.clone())],
            reconsumed,
            ..self.clone()
        }
    }

    /// Returns whether a look-up by this key finds it.
    fn is_found_by(&self, key: &str) -> bool {
        let keys = self.properties.iter().filter(|(name, _)| *name == "KEYS");
        let mut keys = keys.flat_map(|(_, keys)| keys.split(' '));
        self.key == key || keys.any(|one| one == key)
    }

    /// Returns its position in the commit log.
    pub(crate) fn physical(&self) -> u64 {
        1000 + self.queue_offset * 1000 + u64::from(self.queue_id) * 300
    }
}

/// Returns the unique key of the nth message.
pub(crate) fn key(nth: u64) -> String {
    format!("AC10323E1A2B18B4AAC235C0{nth:08X}")
}

/// A consumer group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    /// `consumeType` and `messageModel`, if a client is connected.
    pub(crate) online: Option<(&'static str, &'static str)>,
    /// Topic, expression, and type of the expression.
    pub(crate) subscriptions: Vec<(&'static str, &'static str, &'static str)>,
    /// By topic: the offset of each queue of each broker.
    pub(crate) offsets: BTreeMap<String, u64>,
    /// ID of the client; by default that of a remoting client.
    pub(crate) client_id: Option<&'static str>,
    /// Whether the `%RETRY%` topic is missing.
    pub(crate) homeless: bool,
    /// Whether the group has no queues for retries.
    pub(crate) without_retries: bool,
}

impl Group {
    /// Creates a push consumer in clustering mode with this offset in every queue of `orders`.
    pub(crate) fn push(offset: u64) -> Self {
        Self {
            online: Some(("CONSUME_PASSIVELY", "CLUSTERING")),
            subscriptions: vec![("orders", "*", "TAG")],
            ..Self::offline(offset)
        }
    }

    pub(crate) fn offline(offset: u64) -> Self {
        Self {
            offsets: [("orders".to_owned(), offset)].into(),
            ..Self::default()
        }
    }
}

impl Cluster {
    pub(crate) fn start(state: State) -> Self {
        let brokers = 2 + state.more_brokers;
        let state = Arc::new(Mutex::new(state));
        let brokers: Vec<_> = (0..brokers)
            .map(|nth| {
                let state = state.clone();
                Broker::scripted(move |asked| state.lock().unwrap().at_broker(nth, asked))
            })
            .collect();
        let addresses = BROKERS.iter().zip(&brokers);
        state.lock().unwrap().addresses = addresses
            .map(|(name, broker)| ((*name).to_owned(), broker.address.clone()))
            .collect();
        let shared = state.clone();
        let names = Broker::scripted(move |asked| {
            let state = shared.lock().unwrap();
            let lie = state.lie.and_then(|lie| lie(asked));
            lie.unwrap_or_else(|| vec![state.at_names(asked)])
        });
        Self {
            names,
            brokers,
            state,
        }
    }

    /// Returns `rocketmq://…`.
    pub(crate) fn source(&self) -> String {
        format!("rocketmq://{}", self.names.address)
    }

    /// Changes the data of the servers.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// Returns the number of requests to brokers, by code.
    pub(crate) fn calls(&self) -> BTreeMap<i64, usize> {
        let mut calls = BTreeMap::new();
        for asked in self.brokers.iter().flat_map(Broker::asked) {
            *calls.entry(asked.code).or_default() += 1;
        }
        calls
    }

    /// Returns an offset ID.
    pub(crate) fn offset_id(&self, message: &Message) -> String {
        let address = self.brokers[message.broker].address.rsplit_once(':');
        let port: u32 = address.unwrap().1.parse().unwrap();
        format!("7F000001{port:08X}{:016X}", message.physical())
    }
}

impl State {
    fn at_names(&self, asked: &Asked) -> Step {
        match asked.code {
            105 => match &asked.fields["topic"] {
                topic if self.all_topics().contains(topic) => asked.ok(self.route()),
                _ => asked.refuse(17, "No topic route info in name server for the topic"),
            },
            106 => asked.ok(self.cluster_info()),
            206 => {
                let topics: Vec<_> = self.all_topics().into_iter().collect();
                asked.ok(format!("{{\"topicList\":{topics:?}}}"))
            }
            _ => asked.refuse(3, "not supported"),
        }
    }

    fn all_topics(&self) -> BTreeSet<String> {
        let of_messages = self.messages.iter().map(|message| message.topic.clone());
        let settled = self.groups.iter().filter(|(_, group)| !group.homeless);
        let retries = settled.map(|(name, _)| format!("%RETRY%{name}"));
        let topics = self.topics.iter().cloned();
        topics.chain(of_messages).chain(retries).collect()
    }

    fn known(&self) -> impl Iterator<Item = (&String, &String)> {
        let known = |(name, _): &(&String, _)| !self.forgotten.contains(*name);
        self.addresses.iter().filter(known)
    }

    fn route(&self) -> String {
        let (mut queues, mut brokers) = (Vec::new(), Vec::new());
        for (name, address) in &self.addresses {
            let is_known = !self.forgotten.contains(name);
            if !is_known && !self.keeps_queues {
                continue;
            }
            queues.push(format!(
                r#"{{"brokerName":"{name}","perm":6,"readQueueNums":{QUEUES},"topicSysFlag":0,"writeQueueNums":{QUEUES}}}"#
            ));
            if is_known {
                brokers.push(format!(
                    r#"{{"brokerAddrs":{{"0":"{address}"}},"brokerName":"{name}","cluster":"c","enableActingMaster":false}}"#
                ));
            }
        }
        format!(
            r#"{{"brokerDatas":[{}],"filterServerTable":{{}},"queueDatas":[{}]}}"#,
            brokers.join(","),
            queues.join(",")
        )
    }

    /// Uses the bare keys of fastjson.
    fn cluster_info(&self) -> String {
        let entries: Vec<_> = self
            .known()
            .map(|(name, address)| {
                format!(r#""{name}":{{"brokerAddrs":{{0:"{address}"}},"brokerName":"{name}","cluster":"c"}}"#)
            })
            .collect();
        let names: Vec<_> = self.known().map(|(name, _)| name).collect();
        format!(
            r#"{{"brokerAddrTable":{{{}}},"clusterAddrTable":{{"c":{names:?}}}}}"#,
            entries.join(",")
        )
    }

    fn at_broker(&mut self, nth: usize, asked: &Asked) -> Vec<Step> {
        if self.liar.is_none_or(|liar| liar == BROKERS[nth])
            && let Some(steps) = self.lie.and_then(|lie| lie(asked))
        {
            return steps;
        }
        if self.down.contains(BROKERS[nth]) {
            return vec![Step::Close];
        }
        if let Some((code, with, times)) = &mut self.refuse
            && *code == asked.code
            && *times > 0
        {
            *times -= 1;
            return vec![asked.refuse(*with, "as the test wants it")];
        }
        vec![self.answer(nth, asked)]
    }

    #[expect(clippy::too_many_lines, reason = "one arm a call")]
    fn answer(&self, nth: usize, asked: &Asked) -> Step {
        let field = |name: &str| asked.fields.get(name).map_or("", |value| &**value);
        let number = |name: &str| field(name).parse::<u64>().unwrap_or(u64::MAX);
        let here = || {
            self.messages
                .iter()
                .filter(move |message| message.broker == nth)
        };
        let in_queue = || {
            let of = |message: &&Message| {
                message.topic == field("topic") && u64::from(message.queue_id) == number("queueId")
            };
            here().filter(of)
        };
        let end = || in_queue().map(|message| message.queue_offset + 1).max();
        let min = self.min_offset.to_string();
        match asked.code {
            300 => asked.ok(self.groups_of(field("topic"))),
            203 => match self.connection(field("consumerGroup")) {
                Some(connection) => asked.ok(connection),
                None => asked.refuse(206, "the consumer group is not online"),
            },
            43 => asked.ok(self.all_offsets(nth)),
            14 => match self.offset(field("consumerGroup"), field("topic")) {
                Some(offset) => asked.answer(0, &[("offset", &*offset.to_string())], ""),
                None => asked.refuse(22, "Not found, maybe this group consumer boot first"),
            },
            28 => {
                let earliest = self.earliest.unwrap_or(-1);
                asked.ok(format!(
                    r#"{{"table":{{"earliestMessageTimeStamp":"{earliest}"}}}}"#
                ))
            }
            29 => {
                let later = in_queue().filter(|message| {
                    u64::try_from(message.stored_at).unwrap() >= number("timestamp")
                });
                let first = later.map(|message| message.queue_offset).min();
                let first = first.or_else(end).unwrap_or(self.min_offset).to_string();
                asked.answer(0, &[("offset", &*first)], "")
            }
            45 => {
                let levels = self.delivered.iter();
                let levels: Vec<_> = levels.map(|(level, at)| format!("{level}:{at}")).collect();
                asked.ok(format!(r#"{{"offsetTable":{{{}}}}}"#, levels.join(",")))
            }
            201 => asked.ok(self.group_settings()),
            31 => asked.answer(0, &[("offset", &*min)], ""),
            30 => {
                let end = end().unwrap_or(self.min_offset).to_string();
                asked.answer(0, &[("offset", &*end)], "")
            }
            33 => match here().find(|message| message.physical() == number("offset")) {
                Some(message) => asked.ok(self.stored(message)),
                None => asked.refuse(1, "can not find message by the offset, 1"),
            },
            12 => {
                let times = number("beginTimestamp")..=number("endTimestamp");
                let copies = here().filter(|message| {
                    message.topic == field("topic")
                        && message.is_found_by(field("key"))
                        && times.contains(&u64::try_from(message.stored_at).unwrap())
                });
                let mut copies: Vec<_> = copies.collect();
                copies.sort_by_key(|message| std::cmp::Reverse(message.stored_at));
                copies.truncate(usize::try_from(number("maxNum")).unwrap());
                let copies = copies.into_iter();
                let body: Vec<u8> = copies.flat_map(|message| self.stored(message)).collect();
                if body.is_empty() {
                    asked.refuse(22, "can not find message, maybe time range not correct")
                } else {
                    asked.ok(body)
                }
            }
            11 => {
                let mut ahead: Vec<_> = in_queue()
                    .filter(|message| message.queue_offset >= number("queueOffset"))
                    .collect();
                ahead.sort_by_key(|message| message.queue_offset);
                let most = usize::try_from(number("maxMsgNums")).unwrap();
                ahead.truncate(most.min(self.at_once.unwrap_or(32)));
                let next = ahead
                    .last()
                    .map_or(number("queueOffset"), |message| message.queue_offset + 1);
                let (next, end) = (next.to_string(), end().unwrap_or_default().to_string());
                let fields = [
                    ("nextBeginOffset", &*next),
                    ("minOffset", &*min),
                    ("maxOffset", &*end),
                ];
                let code = if ahead.is_empty() { 19 } else { 0 };
                let body: Vec<u8> = ahead
                    .iter()
                    .flat_map(|message| self.stored(message))
                    .collect();
                asked.answer(code, &fields, body)
            }
            321 => {
                let first = in_queue().min_by_key(|message| message.queue_offset);
                let entry = first.map_or_else(String::new, |message| {
                    let at = message.physical();
                    format!(r#"{{"physicOffset":{at},"physicSize":200,"tagsCode":0}}"#)
                });
                asked.ok(format!(
                    r#"{{"maxQueueIndex":9,"minQueueIndex":0,"queueData":[{entry}]}}"#
                ))
            }
            _ => asked.refuse(3, "not supported"),
        }
    }

    fn end(&self, topic: &str, broker: usize, queue_id: u32) -> u64 {
        let stored = self.messages.iter();
        let stored = stored.filter(|message| message.topic == topic);
        let stored =
            stored.filter(|message| (message.broker, message.queue_id) == (broker, queue_id));
        stored
            .map(|message| message.queue_offset + 1)
            .max()
            .unwrap_or_default()
    }

    fn group_settings(&self) -> String {
        let groups = self.groups.iter().map(|(name, group)| {
            let queues = i32::from(!group.without_retries);
            format!(r#""{name}":{{"consumeEnable":true,"groupName":"{name}","retryQueueNums":{queues}}}"#)
        });
        let groups: Vec<_> = groups.collect();
        format!(r#"{{"subscriptionGroupTable":{{{}}}}}"#, groups.join(","))
    }

    fn groups_of(&self, topic: &str) -> String {
        let of = |(_, group): &(&String, &Group)| {
            let subscribes = group.subscriptions.iter().any(|(to, ..)| *to == topic);
            (group.online.is_some() && subscribes) || group.offsets.contains_key(topic)
        };
        let names: Vec<_> = self
            .groups
            .iter()
            .filter(of)
            .map(|(name, _)| name)
            .collect();
        format!(r#"{{"groupList":{names:?}}}"#)
    }

    fn connection(&self, group: &str) -> Option<String> {
        let group = self.groups.get(group)?;
        let (consume_type, model) = group.online?;
        let client_id = group.client_id.unwrap_or("127.0.0.1@4711#1");
        let subscriptions: Vec<_> = group
            .subscriptions
            .iter()
            .map(|(topic, expression, kind)| {
                format!(
                    r#""{topic}":{{"classFilterMode":false,"codeSet":[],"expressionType":"{kind}","subString":"{expression}","subVersion":1,"tagsSet":[],"topic":"{topic}"}}"#
                )
            })
            .collect();
        Some(format!(
            r#"{{"connectionSet":[{{"clientAddr":"127.0.0.1:1","clientId":"{client_id}","language":"JAVA","version":479}}],"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","consumeType":"{consume_type}","messageModel":"{model}","subscriptionTable":{{{}}}}}"#,
            subscriptions.join(",")
        ))
    }

    fn offset(&self, group: &str, topic: &str) -> Option<u64> {
        self.groups.get(group)?.offsets.get(topic).copied()
    }

    /// Uses the bare keys of fastjson.
    fn all_offsets(&self, nth: usize) -> String {
        let mut table = String::new();
        for (name, group) in &self.groups {
            for (topic, offset) in &group.offsets {
                let comma = if table.is_empty() { "" } else { "," };
                let at = |queue| match topic.strip_prefix("%RETRY%") {
                    Some(_) => (*offset).min(self.end(topic, nth, queue)),
                    None => *offset,
                };
                write!(
                    table,
                    r#"{comma}"{topic}@{name}":{{0:{},1:{}}}"#,
                    at(0),
                    at(1)
                )
                .unwrap();
            }
        }
        format!(r#"{{"dataVersion":{{"counter":1}},"offsetTable":{{{table}}}}}"#)
    }

    /// Encodes a message as in the commit log.
    fn stored(&self, message: &Message) -> Vec<u8> {
        let store = message
            .store
            .as_ref()
            .unwrap_or(&self.addresses[BROKERS[message.broker]]);
        let (ip, port) = store.rsplit_once(':').unwrap();
        let mut host: Vec<u8> = ip.split('.').map(|part| part.parse().unwrap()).collect();
        host.extend(port.parse::<u32>().unwrap().to_be_bytes());
        let mut properties = format!("UNIQ_KEY\u{1}{}\u{2}", message.key);
        if let Some(tag) = message.tag {
            write!(properties, "TAGS\u{1}{tag}\u{2}").unwrap();
        }
        for (name, value) in &message.properties {
            write!(properties, "{name}\u{1}{value}\u{2}").unwrap();
        }
        let body = &message.body;
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
        let topic = if self.moved {
            "refunds"
        } else {
            &message.topic
        };
        let mut rest = Vec::new();
        rest.extend(0xDAA3_20A7_u32.to_be_bytes());
        rest.extend([0; 4]); // CRC
        rest.extend(message.queue_id.to_be_bytes());
        rest.extend([0; 4]); // flag
        rest.extend(message.queue_offset.to_be_bytes());
        rest.extend(message.physical().to_be_bytes());
        rest.extend(message.system_flag.to_be_bytes());
        rest.extend(message.born_at.to_be_bytes());
        rest.extend(&host);
        rest.extend(message.stored_at.to_be_bytes());
        rest.extend(&host);
        rest.extend(message.reconsumed.to_be_bytes());
        rest.extend([0; 8]); // transaction
        rest.extend(length(body).to_be_bytes());
        rest.extend(body);
        rest.push(u8::try_from(topic.len()).unwrap());
        rest.extend(topic.as_bytes());
        rest.extend(u16::try_from(properties.len()).unwrap().to_be_bytes());
        rest.extend(properties.as_bytes());
        let mut stored = (length(&rest) + 4).to_be_bytes().to_vec();
        stored.extend(rest);
        stored
    }
}
