//! The typed calls: their requests, and how they parse responses.

use super::super::stored::tests::Written;
use super::super::{CallError, Cause, KeyLookup, Pull, Request, RequestCode};
use super::broker::{Asked, Broker};
use super::{ORDERS, cluster, nothing};

/// Makes a call and returns its request; the call must succeed.
async fn sent<T>(broker: &Broker, call: impl Future<Output = Result<T, CallError>>) -> String {
    call.await.expect("every call is answered");
    show(broker.asked().last().expect("it was asked"))
}

fn show(asked: &Asked) -> String {
    let fields = asked
        .fields
        .iter()
        .map(|(name, value)| format!(" {name}={value}"));
    asked.code.to_string() + &fields.collect::<String>()
}

/// As a broker of 5.5.0 answers.
const REQUEST_MODES: &str = r#"{"messageRequestModeMap":{"orders":{
    "GID_pop":{"consumerGroup":"GID_pop","mode":"POP","popShareQueueNum":8,"topic":"orders"},
    "GID_back":{"consumerGroup":"GID_back","mode":"PULL","popShareQueueNum":0,"topic":"orders"}}}}"#;

/// Answers every call with a minimal response.
fn obliging() -> Broker {
    Broker::scripted(|asked| {
        vec![match asked.code {
            28 => asked.ok(r#"{"table":{"earliestMessageTimeStamp":"1795602633478"}}"#),
            45 => asked.ok(r#"{"offsetTable":{1:1458,16:0}}"#),
            402 => asked.ok(REQUEST_MODES),
            14 | 29 | 30 | 31 => asked.answer(0, &[("offset", "7")], ""),
            11 => {
                let fields = [
                    ("nextBeginOffset", "8"),
                    ("minOffset", "1"),
                    ("maxOffset", "9"),
                ];
                asked.answer(0, &fields, Written::default().bytes())
            }
            12 | 33 => asked.ok(Written::default().bytes()),
            351 => {
                asked.ok(r#"{"topicName":"orders","readQueueNums":1,"writeQueueNums":1,"perm":6}"#)
            }
            _ => nothing(asked),
        }]
    })
}

#[tokio::test]
async fn requests_about_topics_and_groups_are_what_servers_expect() {
    let broker = obliging();
    let (cluster, at) = (cluster(&broker), &*broker.address);
    let sent = [
        sent(&broker, cluster.route("orders")).await,
        sent(&broker, cluster.cluster_info()).await,
        sent(&broker, cluster.topics(|_| Some(()))).await,
        sent(&broker, cluster.groups_of_topic(at, "orders")).await,
        sent(&broker, cluster.consumer_connection(at, "GID_a")).await,
        sent(&broker, cluster.all_consumer_offsets(at, None)).await,
        sent(&broker, cluster.consume_stats(at, "GID_a", None)).await,
        sent(&broker, cluster.consume_stats(at, "GID_a", Some("orders"))).await,
        sent(&broker, cluster.consumer_offset(at, "GID_a", ORDERS)).await,
        sent(&broker, cluster.subscription_groups(at)).await,
        sent(&broker, cluster.topic_config(at, "orders")).await,
        sent(&broker, cluster.request_modes(at)).await,
        sent(&broker, cluster.delay_offsets(at)).await,
        sent(&broker, cluster.runtime_info(at)).await,
    ];
    let expected = [
        "105 acceptStandardJsonOnly=true topic=orders",
        "106",
        "206",
        "300 topic=orders",
        "203 consumerGroup=GID_a",
        "43",
        "208 consumerGroup=GID_a",
        "208 consumerGroup=GID_a topic=orders topicList=orders",
        "14 consumerGroup=GID_a queueId=3 setZeroIfNotFound=false topic=orders",
        "201",
        "351 topic=orders",
        "402",
        "45",
        "28",
    ];
    assert_eq!(sent, expected);
    assert!(
        broker.asked().iter().all(|asked| asked.connection == 0),
        "one connection does"
    );
}

#[tokio::test]
async fn requests_about_queues_and_messages_are_what_servers_expect() {
    let broker = obliging();
    let (cluster, at) = (cluster(&broker), &*broker.address);
    let pull = Pull {
        queue: ORDERS,
        from: 6,
        most: 32,
    };
    let sent = [
        sent(&broker, cluster.max_offset(at, ORDERS)).await,
        sent(&broker, cluster.min_offset(at, ORDERS)).await,
        sent(
            &broker,
            cluster.offset_at_time(at, ORDERS, 1_795_602_633_000),
        )
        .await,
        sent(&broker, cluster.consume_queue(at, ORDERS, 5, 10_000)).await,
        sent(&broker, cluster.view_message(at, 43_690, Some("orders"))).await,
        sent(
            &broker,
            cluster.query_message(at, KeyLookup::any_time("orders", "KEY-1")),
        )
        .await,
        sent(&broker, cluster.pull(at, pull)).await,
        sent(&broker, cluster.pull_with_bodies(at, pull)).await,
        sent(
            &broker,
            cluster.query_traces(at, KeyLookup::any_time("RMQ_SYS_TRACE_TOPIC", "KEY-1")),
        )
        .await,
    ];
    let pulled = "11 commitOffset=0 consumerGroup=TOOLS_CONSUMER expressionType=TAG maxMsgNums=32 queueId=3 queueOffset=6 \
         subVersion=0 subscription=* suspendTimeoutMillis=0 sysFlag=4 topic=orders";
    let expected = [
        "30 queueId=3 topic=orders",
        "31 queueId=3 topic=orders",
        "29 queueId=3 timestamp=1795602633000 topic=orders",
        "321 count=10000 index=5 queueId=3 topic=orders",
        "33 offset=43690 topic=orders",
        "12 beginTimestamp=0 endTimestamp=9223372036854775807 indexType=U key=KEY-1 maxNum=32 topic=orders",
        pulled,
        pulled,
        "12 beginTimestamp=0 endTimestamp=9223372036854775807 indexType=K key=KEY-1 maxNum=64 topic=RMQ_SYS_TRACE_TOPIC",
    ];
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn answers_are_what_was_asked_for() {
    let broker = obliging();
    let (cluster, at) = (cluster(&broker), &*broker.address);
    assert_eq!(
        cluster.consumer_offset(at, "GID_a", ORDERS).await.unwrap(),
        Some(7)
    );
    assert_eq!(cluster.max_offset(at, ORDERS).await.unwrap(), 7);
    let viewed = cluster.view_message(at, 43_690, None).await.unwrap();
    assert_eq!(viewed.unwrap().queue_offset, 17);
    let pull = Pull {
        queue: ORDERS,
        from: 6,
        most: 32,
    };
    let pulled = cluster.pull(at, pull).await.unwrap();
    assert_eq!((pulled.messages.len(), pulled.next), (1, 8));
    assert_eq!((pulled.min_offset, pulled.max_offset), (1, 9));
    let levels = cluster.delay_offsets(at).await.unwrap().by_level;
    assert_eq!(levels, [(1, 1458), (16, 0)].into());
    let modes = cluster.request_modes(at).await.unwrap();
    assert_eq!(modes.pop_groups(), ["GID_pop"].into());
    let broker = cluster.runtime_info(at).await.unwrap();
    assert_eq!(broker.earliest_message(), Some(1_795_602_633_478));
    let lookup = KeyLookup::any_time("RMQ_SYS_TRACE_TOPIC", "a key of a record");
    let traces = cluster.query_traces(at, lookup).await.unwrap();
    assert_eq!(traces[0].body.as_deref(), Some(&b"message 1"[..]));
}

#[expect(clippy::too_many_lines, reason = "one arm a call")]
#[tokio::test]
async fn what_is_not_there_is_no_error() {
    let broker = Broker::scripted(|asked| {
        vec![match asked.code {
            105 => asked.refuse(
                17,
                "No topic route info in name server for the topic: orders",
            ),
            203 => asked.refuse(206, "the consumer group[GID_a] not online"),
            14 => asked.refuse(
                22,
                "Not found, do not set to zero, maybe this group boot first",
            ),
            12 => asked.refuse(22, "can not find message, maybe time range not correct"),
            33 => asked.refuse(1, "can not find message by the offset, 5"),
            43 => asked.refuse(1, "No consumer offset in this broker"),
            45 => asked.refuse(1, "No delay offset in this broker"),
            321 if asked.fields["index"] == "0" => asked.refuse(1, "3@orders is not exist!"),
            321 => asked.ok(""),
            351 => asked.refuse(17, "No topic in this broker. topic: orders"),
            11 => {
                let fields = [
                    ("nextBeginOffset", "9"),
                    ("minOffset", "1"),
                    ("maxOffset", "9"),
                ];
                asked.answer(19, &fields, "")
            }
            _ => asked.refuse(3, "not supported"),
        }]
    });
    let (cluster, at) = (cluster(&broker), &*broker.address);
    assert_eq!(cluster.route("orders").await.unwrap(), None);
    assert_eq!(
        cluster.consumer_connection(at, "GID_a").await.unwrap(),
        None
    );
    assert_eq!(
        cluster.consumer_offset(at, "GID_a", ORDERS).await.unwrap(),
        None
    );
    let lookup = KeyLookup::any_time("orders", "KEY-1");
    assert!(cluster.query_message(at, lookup).await.unwrap().is_empty());
    assert_eq!(cluster.view_message(at, 5, None).await.unwrap(), None);
    assert!(
        cluster
            .all_consumer_offsets(at, None)
            .await
            .unwrap()
            .groups
            .is_empty()
    );
    assert_eq!(cluster.consume_queue(at, ORDERS, 0, 1).await.unwrap(), None);
    assert_eq!(cluster.consume_queue(at, ORDERS, 9, 1).await.unwrap(), None);
    assert_eq!(cluster.topic_config(at, "orders").await.unwrap(), None);
    assert!(cluster.delay_offsets(at).await.unwrap().by_level.is_empty());
    let pull = Pull {
        queue: ORDERS,
        from: 9,
        most: 32,
    };
    let pulled = cluster.pull(at, pull).await.unwrap();
    assert!(pulled.messages.is_empty() && pulled.next == 9);
}

#[tokio::test]
async fn a_place_in_the_log_holds_the_message_of_that_place_or_none() {
    let broker = Broker::scripted(|asked| {
        vec![match asked.fields["offset"].as_str() {
            "1" => asked.ok([0, 0, 0, 8, 1, 2, 3, 4]),
            "2" => asked.ok(Written::default().bytes()),
            "3" => asked.ok(""),
            "4" => asked.refuse(
                1,
                "java.lang.IllegalArgumentException: newLimit < 0: (-626843481 < 0), java.base/x",
            ),
            _ => asked.refuse(1, "java.lang.NullPointerException"),
        }]
    });
    let (cluster, at) = (cluster(&broker), &*broker.address);
    for offset in 1..=4 {
        assert_eq!(
            cluster.view_message(at, offset, None).await.unwrap(),
            None,
            "{offset}"
        );
    }
    // An error of the broker does not prove that the message is missing.
    let fault = cluster.view_message(at, 5, None).await.unwrap_err();
    assert!(matches!(fault.cause, Cause::Refused(_)), "{fault}");
}

#[tokio::test]
async fn only_the_very_key_is_found() {
    let broker = Broker::scripted(|asked| {
        let other = Written {
            properties: "UNIQ_KEY\u{1}KEY-2\u{2}",
            ..Written::default()
        };
        let messages = [other.bytes(), Written::default().bytes(), other.bytes()].concat();
        vec![asked.ok(messages)]
    });
    let lookup = KeyLookup::any_time("orders", "KEY-1");
    let cluster = cluster(&broker);
    let found = cluster
        .query_message(&broker.address, lookup)
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].unique_key(), Some("KEY-1"));
}

#[tokio::test]
async fn bodies_that_are_none_fail_their_call_alone() {
    let broker = Broker::scripted(|asked| {
        vec![match asked.code {
            203 => asked.ok(r#"{"connectionSet":[{]}"#),
            12 => asked.ok([0, 0, 0, 8, 1, 2, 3, 4]),
            30 => asked.answer(0, &[("offset", "seven")], ""),
            31 => asked.ok(""),
            11 => asked.answer(0, &[("nextBeginOffset", "1")], ""),
            _ => nothing(asked),
        }]
    });
    let (cluster, at) = (cluster(&broker), &*broker.address);
    let pull = Pull {
        queue: ORDERS,
        from: 0,
        most: 1,
    };
    let errors: [CallError; 5] = [
        cluster.consumer_connection(at, "GID_a").await.unwrap_err(),
        cluster
            .query_message(at, KeyLookup::any_time("t", "k"))
            .await
            .unwrap_err(),
        cluster.max_offset(at, ORDERS).await.unwrap_err(),
        cluster.min_offset(at, ORDERS).await.unwrap_err(),
        cluster.pull(at, pull).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error.cause, Cause::Malformed(_)), "{error}");
        assert!(
            error.is_retryable() && error.to_string().contains(at),
            "{error}"
        );
    }
    cluster.cluster_info().await.unwrap();
    assert!(broker.asked().iter().all(|asked| asked.connection == 0));
}

#[tokio::test]
async fn refusals_are_told_apart_by_code() {
    let table = [
        (
            2,
            "[TIMEOUT_CLEAN_QUEUE]broker busy, period in queue: 5005ms",
            "busy",
        ),
        (215, "flow control", "busy"),
        (
            16,
            "User:a has no permission to access Topic:orders",
            "denies",
        ),
        (
            1,
            "org.apache.rocketmq.acl.common.AclException: Check signature failed",
            "denies",
        ),
        (1, "java.lang.NullPointerException, x", "refuses"),
        (3, " request type 300 not supported", "refuses"),
        (17, "", "not found"),
        (-7, "\u{1b}[31mred", "refuses"),
    ];
    for (code, remark, word) in table {
        let broker = Broker::scripted(move |asked| vec![asked.refuse(code, remark)]);
        // An untyped call, because the typed one turns this error into an empty list.
        let request = Request::new(RequestCode::QueryTopicConsumeByWho);
        let error = cluster(&broker)
            .call(&broker.address, request)
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains(word) && !text.contains('\u{1b}'), "{text}");
        assert_eq!(error.code(), Some(i32::try_from(code).unwrap()));
        assert_eq!(error.is_throttled(), matches!(code, 2 | 215));
        assert_eq!(error.is_not_found(), code == 17);
    }
}
