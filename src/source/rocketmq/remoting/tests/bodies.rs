//! Bodies written by Java servers, with both of their JSON libraries and in standard JSON
//! (`docs/facts/rocketmq.md` §3.3), and by the Rust port.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::super::body::{
    BrokerRuntimeInfo, ClusterInfo, ConsumeQueue, ConsumeStats, ConsumerConnection,
    ConsumerOffsets, DelayOffsets, MessageQueue, QueueStats, SubscriptionGroups, TopicConfig,
    TopicRoute,
};
use super::super::lax_json::from_slice;

const LAX_ROUTE: &str = r#"{"brokerDatas":[{"brokerAddrs":{0:"127.0.0.1:10911",1:"127.0.0.1:10921"},"brokerName":"broker-a","cluster":"DefaultCluster","enableActingMaster":false}],"filterServerTable":{},"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}"#;

#[test]
fn a_route_is_read_in_every_shape() {
    let standard = LAX_ROUTE
        .replace("{0:", r#"{"0":"#)
        .replace(",1:", r#","1":"#);
    let old = LAX_ROUTE.replace("topicSysFlag", "topicSynFlag");
    let port = standard.replace(
        r#""filterServerTable":{}"#,
        r#""filterServerTable":null,"orderTopicConf":null,"topicQueueMappingInfo":null"#,
    );
    let expected: TopicRoute = from_slice(LAX_ROUTE.as_bytes()).unwrap();
    for text in [&standard, &old, &port] {
        assert_eq!(
            from_slice::<TopicRoute>(text.as_bytes()).unwrap(),
            expected,
            "{text}"
        );
    }
    let [broker] = &expected.brokers[..] else {
        panic!("{expected:?}")
    };
    assert_eq!(broker.master(), Some("127.0.0.1:10911"));
    assert_eq!(broker.broker_addrs[&1], "127.0.0.1:10921");
    assert_eq!(
        (expected.queues[0].read_queue_nums, expected.queues[0].perm),
        (4, 6)
    );
    assert!(!expected.is_static());
}

#[test]
fn a_static_topic_is_known_by_its_mapping() {
    for (mapping, is_static) in [
        (r#"{"broker-a":{"bname":"broker-a"}}"#, true),
        ("{}", false),
        ("null", false),
    ] {
        let text = format!(
            r#"{{"queueDatas":[],"brokerDatas":[],"topicQueueMappingByBroker":{mapping}}}"#
        );
        assert_eq!(
            from_slice::<TopicRoute>(text.as_bytes())
                .unwrap()
                .is_static(),
            is_static
        );
        let text = format!(
            r#"{{"topicName":"t","readQueueNums":1,"writeQueueNums":1,"perm":6,"mappingDetail":{}}}"#,
            if is_static { mapping } else { "null" }
        );
        assert_eq!(
            from_slice::<TopicConfig>(text.as_bytes())
                .unwrap()
                .is_static(),
            is_static
        );
    }
}

#[test]
fn a_cluster_is_read_with_brokers_that_have_no_master() {
    let text = r#"{"brokerAddrTable":{"broker-a":{"brokerAddrs":{1:"10.0.0.2:10911",2:"10.0.0.3:10911"},"brokerName":"broker-a","cluster":"c"}},"clusterAddrTable":{"c":["broker-a"]}}"#;
    let info: ClusterInfo = from_slice(text.as_bytes()).unwrap();
    let broker = &info.brokers["broker-a"];
    assert_eq!(
        (broker.master(), broker.address()),
        (None, Some("10.0.0.2:10911"))
    );
    assert_eq!(info.clusters["c"], ["broker-a"]);
}

#[test]
fn statistics_have_objects_for_keys() {
    let raw = r#"{"consumeTps":NaN,"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"TopicA"}:{"brokerOffset":10,"consumerOffset":7,"lastTimestamp":1726000000000,"pullOffset":7},{"brokerName":"b","queueId":3,"topic":"%RETRY%G"}:{"brokerOffset":1,"consumerOffset":0}}}"#;
    let escaped = r#"{"consumeTps":null,"offsetTable":{"{\"brokerName\":\"broker-a\",\"queueId\":0,\"topic\":\"TopicA\"}":{"brokerOffset":10,"consumerOffset":7,"lastTimestamp":1726000000000,"pullOffset":7},"{\"brokerName\":\"b\",\"queueId\":3,\"topic\":\"%RETRY%G\"}":{"brokerOffset":1,"consumerOffset":0}}}"#;
    for text in [raw, escaped] {
        let stats: ConsumeStats = from_slice(text.as_bytes()).unwrap();
        let (queue, offsets) = &stats.queues[0];
        assert_eq!(queue.topic, "TopicA");
        assert_eq!((offsets.broker_offset, offsets.consumer_offset), (10, 7));
        assert_eq!(offsets.last_timestamp, 1_726_000_000_000);
        assert_eq!(stats.queues[1].0.queue_id, 3);
        assert_eq!(stats.queues[1].1.pull_offset, 0);
    }
    let empty: ConsumeStats = from_slice(br#"{"consumeTps":0.0,"offsetTable":{}}"#).unwrap();
    assert!(empty.queues.is_empty());
}

#[test]
fn offsets_are_those_of_a_topic_and_a_group() {
    let text = r#"{"dataVersion":{"counter":8,"stateVersion":0,"timestamp":1795602679942},"groupTopicMap":{"g1":["TopicA"]},"lmqOffsetTable":{},"offsetTable":{"TopicA@g1":{0:5,1:9},"%RETRY%g2@g2":{0:0},"TopicA@g1@client":{0:1},"odd":{0:1}}}"#;
    let offsets = ConsumerOffsets::read(text.as_bytes(), None).unwrap();
    let [first, second] = &offsets.groups[..] else {
        panic!("{offsets:?}")
    };
    assert_eq!((&*first.topic, &*first.group), ("TopicA", "g1"));
    assert_eq!(first.queues, [(0, 5), (1, 9)]);
    assert_eq!((&*second.topic, &*second.group), ("%RETRY%g2", "g2"));
}

#[test]
fn a_connection_tells_who_consumes_and_how() {
    let text = r#"{"connectionSet":[{"clientAddr":"127.0.0.1:50680","clientId":"192.0.2.2@consumers","language":"JAVA","version":407}],"consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","subscriptionTable":{"orders":{"classFilterMode":false,"codeSet":[3433164],"expressionType":"TAG","subString":"paid","subVersion":1795602633478,"tagsSet":["paid"],"topic":"orders"}}}"#;
    let connection: ConsumerConnection = from_slice(text.as_bytes()).unwrap();
    assert_eq!(connection.clients[0].client_id, "192.0.2.2@consumers");
    assert_eq!(connection.consume_type, "CONSUME_PASSIVELY");
    assert_eq!(connection.message_model, "CLUSTERING");
    let orders = &connection.subscriptions["orders"];
    assert_eq!(
        (&orders.tags[..], &orders.codes[..]),
        (&["paid".to_owned()][..], &[3_433_164][..])
    );
    // Missing members are empty, never invented.
    let bare: ConsumerConnection =
        from_slice(br#"{"connectionSet":null,"consumeType":null}"#).unwrap();
    assert_eq!(bare, ConsumerConnection::default());
}

#[test]
fn the_rest_is_read_as_java_writes_it() {
    let queue: ConsumeQueue = from_slice(br#"{"maxQueueIndex":250,"minQueueIndex":3,"queueData":[{"eval":false,"physicOffset":271,"physicSize":268,"tagsCode":-3433164}]}"#).unwrap();
    assert_eq!((queue.min_offset, queue.max_offset), (3, 250));
    assert_eq!(queue.entries[0].physical_offset, 271);
    assert_eq!(
        (queue.entries[0].size, queue.entries[0].tags_code),
        (268, -3_433_164)
    );
    let groups: SubscriptionGroups = from_slice(br#"{"dataVersion":{"counter":11,"timestamp":1},"subscriptionGroupTable":{"G":{"brokerId":0,"consumeBroadcastEnable":true,"consumeEnable":false,"groupName":"G","retryMaxTimes":16}}}"#).unwrap();
    assert!(!groups.groups["G"].consume_enable);
}

#[test]
fn what_a_verdict_rests_on_must_be_there() {
    let wrong = [
        r#"{"offsetTable":{{"brokerName":"b","queueId":0}:{"brokerOffset":1,"consumerOffset":0}}}"#,
        r#"{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"t"}:{"brokerOffset":1}}}"#,
        r#"{"offsetTable":{{"brokerName":"b","queueId":-1,"topic":"t"}:{"brokerOffset":1,"consumerOffset":0}}}"#,
        r#"{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"t"}:{"$ref":"$.offsetTable"}}}"#,
        r#"{"offsetTable":[]}"#,
        "{}",
        "[]",
        "",
    ];
    for text in wrong {
        assert!(
            from_slice::<ConsumeStats>(text.as_bytes()).is_err(),
            "{text}"
        );
    }
    for text in [
        r#"{"offsetTable":{"t@g":{"x":1}}}"#,
        r#"{"offsetTable":{"t@g":{0:"x"}}}"#,
    ] {
        assert!(
            ConsumerOffsets::read(text.as_bytes(), None).is_err(),
            "{text}"
        );
    }
    let text = r#"{"brokerDatas":[{"brokerAddrs":{0:"a:1"},"cluster":"c"}],"queueDatas":[]}"#;
    assert!(from_slice::<TopicRoute>(text.as_bytes()).is_err());
}

#[test]
fn tables_with_too_many_groups_are_refused() {
    let table = |groups: u32| {
        let entries: Vec<_> = (0..groups)
            .map(|nth| format!(r#""t@{nth}":{{0:1}}"#))
            .collect();
        format!(r#"{{"offsetTable":{{{}}}}}"#, entries.join(","))
    };
    let read = |groups, topic: &str| {
        let topics = BTreeSet::from([Arc::from(topic)]);
        ConsumerOffsets::read(table(groups).as_bytes(), Some(&topics))
    };
    assert_eq!(read(20_000, "t").unwrap().groups.len(), 20_000);
    let error = read(20_001, "t").unwrap_err().to_string();
    let says = "too many groups up to: \"t@20000\"";
    assert!(error.contains(says), "{error}");
    // Other topics are not kept.
    assert!(read(20_001, "u").unwrap().groups.is_empty());
}

fn name() -> impl Strategy<Value = String> {
    "[%a-zA-Z0-9_-]{1,12}"
}

proptest! {
    /// Statistics are the same after a round trip, in each style of keys.
    #[test]
    fn statistics_survive_the_wire(
        table in prop::collection::vec(((name(), name(), 0..99_u32), (any::<i64>(), any::<i64>())), 0..8),
        is_lax: bool,
    ) {
        let mut lax = String::from(r#"{"consumeTps":0.5,"offsetTable":{"#);
        for (at, ((topic, broker, queue), (max, offset))) in table.iter().enumerate() {
            let key = json!({"brokerName": broker, "queueId": queue, "topic": topic}).to_string();
            let key = if is_lax { key } else { json!(key).to_string() };
            let comma = if at > 0 { "," } else { "" };
            write!(lax, r#"{comma}{key}:{{"brokerOffset":{max},"consumerOffset":{offset}}}"#).unwrap();
        }
        lax += "}}";
        let stats: ConsumeStats = from_slice(lax.as_bytes()).unwrap();
        let expected: Vec<_> = table.into_iter().map(|((topic, broker_name, queue_id), (max, offset))| (
            MessageQueue { topic, broker_name, queue_id },
            QueueStats { broker_offset: max, consumer_offset: offset, pull_offset: 0, last_timestamp: 0 },
        )).collect();
        prop_assert_eq!(stats.queues, expected);
    }

    #[test]
    fn offsets_survive_the_wire(
        table in prop::collection::btree_map((name(), name()), prop::collection::btree_map(0..99_u32, any::<i64>(), 0..5), 0..8),
        is_lax: bool,
    ) {
        let quote = if is_lax { "" } else { "\"" };
        let mut parts = Vec::new();
        for ((topic, group), queues) in &table {
            let queues: Vec<_> = queues.iter().map(|(queue, offset)| format!("{quote}{queue}{quote}:{offset}")).collect();
            parts.push(format!(r#""{topic}@{group}":{{{}}}"#, queues.join(",")));
        }
        let text = format!(r#"{{"offsetTable":{{{}}}}}"#, parts.join(","));
        let offsets = ConsumerOffsets::read(text.as_bytes(), None).unwrap();
        let read: BTreeMap<_, BTreeMap<_, _>> = offsets.groups.into_iter()
            .map(|of| ((of.topic, of.group), of.queues.into_iter().collect()))
            .collect();
        prop_assert_eq!(read, table);
    }
}

#[test]
fn delay_levels_and_the_oldest_message_are_read_as_brokers_write_them() {
    // The answer of a 5.5.0 broker.
    let text = r#"{"dataVersion":{"counter":16,"stateVersion":0,"timestamp":1795983344683},"offsetTable":{1:1458,16:0}}"#;
    let levels: DelayOffsets = from_slice(text.as_bytes()).unwrap();
    assert_eq!(levels.by_level, [(1, 1458), (16, 0)].into());
    for wrong in [r#"{"offsetTable":{"x":1}}"#, r#"{"dataVersion":{}}"#] {
        assert!(
            from_slice::<DelayOffsets>(wrong.as_bytes()).is_err(),
            "{wrong}"
        );
    }
    let table = [
        (
            r#"{"table":{"bootTimestamp":"1","earliestMessageTimeStamp":"1795983191466"}}"#,
            Some(1_795_983_191_466),
        ),
        (r#"{"table":{"earliestMessageTimeStamp":"-1"}}"#, None),
        (r#"{"table":{"earliestMessageTimeStamp":null}}"#, None),
        (r#"{"table":{}}"#, None),
    ];
    for (text, earliest) in table {
        let info: BrokerRuntimeInfo = from_slice(text.as_bytes()).unwrap();
        assert_eq!(info.earliest_message(), earliest, "{text}");
    }
}
