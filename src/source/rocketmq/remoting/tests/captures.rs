//! Frames of real servers of 4.9 and 5.5 (`tests/data/rocketmq`), used in complete calls.

use std::path::Path;

use serde_json::Value;

use super::super::{Cause, KeyLookup, Pull, QueueOf, Remoting, StoredMessage};
use super::broker::{Broker, Step, frame};
use super::{ORDERS, cluster};

const VERSIONS: [&str; 2] = ["4.9", "5.5"];

/// Returns form, header and body of a captured response.
fn captured(version: &str, name: &str) -> (u8, Vec<u8>, Vec<u8>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/rocketmq");
    let frame = std::fs::read(folder.join(version).join(format!("{name}.bin"))).expect(name);
    let mark = u32::from_be_bytes(frame[4..8].try_into().unwrap());
    let (head, body) = frame[8..].split_at((mark & 0x00FF_FFFF) as usize);
    (frame[4], head.to_vec(), body.to_vec())
}

/// Returns a field of a captured request, which the captured response refers to.
fn field(version: &str, name: &str, field: &str) -> String {
    let (_, head, _) = captured(version, &format!("{name}.request"));
    let head: Value = serde_json::from_slice(&head).unwrap();
    head["extFields"][field].as_str().unwrap().to_owned()
}

/// A server that answers any request with the captured response, under the number of the request.
fn replaying(version: &str, name: &str) -> (Remoting, String, Broker) {
    let (form, head, body) = captured(version, &format!("{name}.answer"));
    let broker = Broker::scripted(move |asked| {
        let Ok(mut json) = serde_json::from_slice::<Value>(&head) else {
            assert_eq!(form, 1, "neither JSON nor binary");
            let mut head = head.clone();
            head[5..9].copy_from_slice(&i32::try_from(asked.opaque).unwrap().to_be_bytes());
            let length = |bytes: usize| u32::try_from(bytes).unwrap();
            let mark = length(head.len()) | 1 << 24;
            let mut frame = length(4 + head.len() + body.len()).to_be_bytes().to_vec();
            frame.extend(mark.to_be_bytes());
            return vec![Step::Write([frame, head, body.clone()].concat())];
        };
        json["opaque"] = asked.opaque.into();
        vec![Step::Write(frame(&json, &body))]
    });
    (cluster(&broker), broker.address.clone(), broker)
}

#[tokio::test]
async fn routes_and_brokers() {
    for version in VERSIONS {
        let names = [
            "105-route",
            "105-route-strict",
            "105-route-asked-strict",
            "105-route.java",
            "105-route.java-binary",
        ];
        for name in names {
            let (cluster, ..) = replaying(version, name);
            let route = cluster.route("orders").await.unwrap().expect(name);
            let mut brokers: Vec<_> = route
                .brokers
                .iter()
                .map(|broker| &*broker.broker_name)
                .collect();
            brokers.sort_unstable();
            assert_eq!(brokers, ["broker-a", "broker-b"], "{version} {name}");
            assert!(
                route
                    .queues
                    .iter()
                    .all(|queues| (queues.read_queue_nums, queues.perm) == (4, 6))
            );
            assert!(
                route
                    .brokers
                    .iter()
                    .all(|broker| broker.master().unwrap().starts_with("127.0.0.1:"))
            );
            assert!(!route.is_static());
        }
        let (cluster, ..) = replaying(version, "105-route-none");
        assert_eq!(cluster.route("no-such-topic").await.unwrap(), None);
        for name in ["106-cluster", "106-cluster.java", "106-cluster.java-binary"] {
            let (cluster, ..) = replaying(version, name);
            let info = cluster.cluster_info().await.unwrap();
            assert_eq!(info.clusters["TestCluster"].len(), 2, "{version} {name}");
            assert!(info.brokers["broker-a"].master().is_some());
        }
        let (cluster, ..) = replaying(version, "206-topics");
        assert!(
            cluster
                .topics(|name| Some(name.to_owned()))
                .await
                .unwrap()
                .iter()
                .any(|topic| topic == "orders")
        );
    }
}

#[tokio::test]
async fn groups() {
    for version in VERSIONS {
        for name in ["300-groups", "300-groups.java", "300-groups.java-binary"] {
            let (cluster, at, _broker) = replaying(version, name);
            let groups = cluster.groups_of_topic(&at, "orders").await.unwrap();
            assert!(
                groups.iter().any(|group| group == "GID_offline"),
                "{version} {name}"
            );
        }
        let (cluster, at, _broker) = replaying(version, "300-groups-none");
        assert!(
            cluster
                .groups_of_topic(&at, "none")
                .await
                .unwrap()
                .is_empty()
        );
        let (cluster, at, _broker) = replaying(version, "201-subscription-groups");
        let groups = cluster.subscription_groups(&at).await.unwrap().groups;
        assert!(groups["GID_offline"].consume_enable);
        assert_eq!(groups["GID_offline"].retry_queue_nums, 1);
    }
}

#[tokio::test]
async fn clients() {
    for version in VERSIONS {
        let table = [
            ("caught_up", "CONSUME_PASSIVELY", "CLUSTERING", "TAG", 0),
            ("broadcast", "CONSUME_PASSIVELY", "BROADCASTING", "TAG", 0),
            ("tagged", "CONSUME_PASSIVELY", "CLUSTERING", "TAG", 1),
            ("sql", "CONSUME_PASSIVELY", "CLUSTERING", "SQL92", 0),
        ];
        for (name, consumes, model, kind, tags) in table {
            let (cluster, at, _broker) = replaying(version, &format!("203-connections-{name}"));
            let connection = cluster
                .consumer_connection(&at, "GID")
                .await
                .unwrap()
                .expect(name);
            assert_eq!(
                (&*connection.consume_type, &*connection.message_model),
                (consumes, model)
            );
            let orders = &connection.subscriptions["orders"];
            assert_eq!(
                (&*orders.expression_type, orders.tags.len() >= tags),
                (kind, true),
                "{version} {name}"
            );
            assert_eq!(orders.tags.len(), orders.codes.len());
        }
        let (cluster, at, _broker) = replaying(version, "203-connections-pull");
        let pull = cluster
            .consumer_connection(&at, "GID_pull")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(pull.consume_type, "CONSUME_ACTIVELY");
        for name in ["203-connections-never", "203-connections-offline"] {
            let (cluster, at, _broker) = replaying(version, name);
            assert_eq!(
                cluster.consumer_connection(&at, "GID").await.unwrap(),
                None,
                "{version} {name}"
            );
        }
    }
}

#[tokio::test]
async fn tables_of_offsets() {
    for version in VERSIONS {
        for name in [
            "208-stats-caught_up",
            "208-stats.java",
            "208-stats.java-binary",
            "208-stats-topic-list",
        ] {
            let (cluster, at, _broker) = replaying(version, name);
            let stats = cluster.consume_stats(&at, "GID", None).await.unwrap();
            assert!(stats.queues.len() >= 4, "{version} {name}");
            for (queue, offsets) in stats.queues {
                assert!(queue.broker_name.starts_with("broker-") && queue.queue_id < 16);
                assert!(
                    0 <= offsets.consumer_offset
                        && offsets.consumer_offset <= offsets.broker_offset
                );
            }
        }
        let (cluster, at, _broker) = replaying(version, "208-stats-topic");
        assert!(
            cluster
                .consume_stats(&at, "GID", None)
                .await
                .unwrap()
                .queues
                .is_empty()
        );

        let (cluster, at, _broker) = replaying(version, "43-all-offsets");
        let groups = cluster
            .all_consumer_offsets(&at, None)
            .await
            .unwrap()
            .groups;
        let of = |topic, group| {
            groups
                .iter()
                .find(|of| (&*of.topic, &*of.group) == (topic, group))
        };
        assert_eq!(
            of("orders", "GID_pull").unwrap().queues,
            [(0, 250), (1, 250), (2, 250), (3, 250)]
        );
        assert_eq!(
            of("%RETRY%GID_failing", "GID_failing").unwrap().queues,
            [(0, 100)]
        );
    }
}

#[tokio::test]
async fn single_offsets() {
    for version in VERSIONS {
        let (cluster, at, _broker) = replaying(version, "14-offset");
        assert!(
            cluster
                .consumer_offset(&at, "GID", ORDERS)
                .await
                .unwrap()
                .is_some()
        );
        // A 4.9 broker has no way to report a missing offset.
        let (cluster, at, _broker) = replaying(version, "14-offset-none");
        let none = cluster.consumer_offset(&at, "GID", ORDERS).await.unwrap();
        assert_eq!(none, (version == "4.9").then_some(0));
        for (name, offset) in [
            ("30-max", 250),
            ("30-max-none", 0),
            ("31-min", 0),
            ("29-search-offset", 0),
        ] {
            let (cluster, at, _broker) = replaying(version, name);
            assert_eq!(
                cluster.max_offset(&at, ORDERS).await.unwrap(),
                offset,
                "{version} {name}"
            );
        }
    }
}

#[tokio::test]
async fn queues_and_settings() {
    for version in VERSIONS {
        let (cluster, at, _broker) = replaying(version, "321-queue");
        let queue = cluster
            .consume_queue(&at, ORDERS, 0, 4)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (queue.min_offset, queue.max_offset, queue.entries.len()),
            (0, 250, 4)
        );
        // `String.hashCode` of `paid`.
        assert_eq!(queue.entries[0].tags_code, 3_433_164);
        for name in ["321-queue-none", "321-queue-past-end"] {
            let (cluster, at, _broker) = replaying(version, name);
            assert_eq!(
                cluster.consume_queue(&at, ORDERS, 0, 4).await.unwrap(),
                None,
                "{version} {name}"
            );
        }
        let (cluster, at, _broker) = replaying(version, "351-topic-config");
        let config = cluster.topic_config(&at, "orders").await;
        if version == "4.9" {
            let refused = config.unwrap_err();
            assert!(
                matches!(refused.cause, Cause::Refused(_)) && refused.code() == Some(3),
                "{refused}"
            );
        } else {
            assert_eq!(config.unwrap().unwrap().read_queue_nums, 4);
            let (cluster, at, _broker) = replaying(version, "351-topic-config-none");
            assert_eq!(cluster.topic_config(&at, "none").await.unwrap(), None);
        }
    }
}

#[tokio::test]
async fn messages() {
    for version in VERSIONS {
        let offset = field(version, "33-view", "offset").parse().unwrap();
        let (cluster, at, _broker) = replaying(version, "33-view");
        let message = cluster
            .view_message(&at, offset, None)
            .await
            .unwrap()
            .unwrap();
        check(&message);
        for name in ["33-view-none", "33-view-misplaced"] {
            let offset = field(version, name, "offset").parse().unwrap();
            let (cluster, at, _broker) = replaying(version, name);
            assert_eq!(
                cluster.view_message(&at, offset, None).await.unwrap(),
                None,
                "{version} {name}"
            );
        }
        for name in ["12-query", "12-query-unique"] {
            let key = field(version, name, "key");
            let (cluster, at, _broker) = replaying(version, name);
            let found = cluster
                .query_message(&at, KeyLookup::any_time("orders", &key))
                .await
                .unwrap();
            assert_eq!(found.len(), 1, "{version} {name}");
            check(&found[0]);
        }
        let (cluster, at, _broker) = replaying(version, "12-query-none");
        assert!(
            cluster
                .query_message(&at, KeyLookup::any_time("orders", "k"))
                .await
                .unwrap()
                .is_empty()
        );

        let queue = QueueOf {
            topic: "orders",
            queue_id: 0,
        };
        let pull = Pull {
            queue,
            from: 0,
            most: 2,
        };
        let (cluster, at, _broker) = replaying(version, "11-pull");
        let pulled = cluster.pull(&at, pull).await.unwrap();
        pulled.messages.iter().for_each(check);
        assert_eq!(
            (pulled.messages.len(), pulled.next, pulled.max_offset),
            (2, 2, 250)
        );
        let (cluster, at, _broker) = replaying(version, "11-pull-at-end");
        let pulled = cluster.pull(&at, pull).await.unwrap();
        assert!(pulled.messages.is_empty() && pulled.next == 250);
    }
}

/// Checks the fields that all captured messages share.
fn check(message: &StoredMessage) {
    assert_eq!(message.topic, "orders");
    assert!(message.body_length >= 9 && message.queue_offset < 250);
    assert!(message.store_host.ip().is_loopback() && message.born_host.ip().is_loopback());
    assert!(
        message.unique_key().is_some_and(|key| key.len() == 56),
        "an IPv6 client's key"
    );
    assert!(message.tag().is_some());
    assert!(message.store_timestamp >= message.born_timestamp - 1000);
    assert_eq!(message.properties.get("CLUSTER"), Some("TestCluster"));
}
