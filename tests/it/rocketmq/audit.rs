//! Audits of a cluster: the report, and the number of calls.

use super::cluster::{Cluster, Message, State, key};
use super::{audit, input, keys, of, state};
use crate::running::Running;
use crate::tool::{Tool, table};

#[test]
fn every_group_shows_mqadmins_answer_where_it_differs() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    tool.write("in.csv", keys([key(0)]));
    let rows = audit(&tool, &cluster, "--exit-zero", 0);
    let said: Vec<_> = rows
        .iter()
        .map(|row| {
            let cells = [
                "group",
                "track_type",
                "verdict",
                "mark",
                "mqadmin_track_type",
            ];
            cells.map(|column| row[column].as_str()).join(" ")
        })
        .collect();
    // The system's own group is omitted.
    assert_eq!(
        said,
        [
            "GID_broadcast CONSUME_BROADCASTING undetermined  CONSUMED",
            "GID_caught_up CONSUMED passed  ",
            "GID_elsewhere CONSUMED passed unsubscribed NOT_CONSUME_YET",
            "GID_homeless CONSUMED passed offline UNKNOWN",
            "GID_lagging NOT_CONSUME_YET open  ",
            "GID_new NOT_CONSUME_YET open  ",
            "GID_offline CONSUMED passed offline NOT_ONLINE",
            "GID_pop CONSUMED passed pop UNKNOWN",
            "GID_pull CONSUMED passed pull PULL",
            "GID_sql UNKNOWN undetermined filter_unknown CONSUMED",
            "GID_tagged CONSUMED_BUT_FILTERED filtered  ",
        ]
    );
    let header = tool.read("out.csv");
    assert!(header.starts_with("row,msg_id,topic,instance_id,group,track_type,verdict,"));
    assert!(
        header
            .lines()
            .next()
            .unwrap()
            .contains("error_message,mark,mqadmin_track_type,evidence,attempts_seen,")
    );
    assert_eq!(tool.names(), ["in.csv", "out.csv", "out.results.ndjson"]);
}

#[test]
fn every_kind_of_id_leads_to_the_same_answer() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    let message = Message::nth(5);
    let rows = [
        format!("{},orders,,,,", key(5)),
        format!("{},orders,,,,", cluster.offset_id(&message)),
        format!("{},orders,broker-b,1,1,paid", key(77)), // its position is given, so it is not looked up
    ];
    let columns = "msg_id,topic,broker,queue_id,queue_offset,tag";
    tool.write("in.csv", input(columns, rows));
    let rows = audit(&tool, &cluster, "--exit-zero --examine none", 0);
    let words = |row| {
        of(&rows, row)
            .into_iter()
            .map(|row| (row["group"].clone(), row["track_type"].clone()))
    };
    assert_eq!(words(1).count(), 11);
    assert!(words(1).eq(words(2)));
    assert!(words(1).eq(words(3)));
    assert_eq!(cluster.calls()[&12], 2, "both brokers, for the one key");
    assert_eq!(cluster.calls()[&33], 1);
}

#[test]
fn offsets_are_read_once_a_broker_and_nothing_is_ever_written() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    tool.write("in.csv", keys((0..8).map(key)));
    audit(&tool, &cluster, "--exit-zero --examine none", 0);
    let calls = cluster.calls();
    let counts: Vec<_> = calls.iter().map(|(code, count)| (*code, *count)).collect();
    // 12 × messages × brokers; 31 and 30 per queue; the offsets of all groups in one call; 203 per group;
    // 300 per topic.
    assert_eq!(
        counts,
        [(12, 16), (30, 4), (31, 4), (43, 2), (203, 22), (300, 2)]
    );
}

#[test]
fn many_close_messages_are_found_by_reading_their_queues() {
    let many = State {
        messages: (0..1000).map(Message::nth).collect(),
        ..state()
    };
    let (tool, cluster) = (Tool::new(), Cluster::start(many));
    tool.write("in.csv", keys((0..900).map(key)));
    let rows = audit(&tool, &cluster, "--exit-zero --rate max --examine none", 0);
    assert_eq!(rows.len(), 900 * 11);
    for row in &rows {
        let number: u64 = row["row"].parse().unwrap();
        let open = row["group"] == "GID_lagging" || row["group"] == "GID_new" || number > 8;
        if row["group"] != "GID_sql" && row["group"] != "GID_broadcast" {
            assert_eq!(row["verdict"] == "open", open, "{row:?}");
        }
    }
    let calls = cluster.calls();
    assert!(calls[&11] <= 40, "{calls:?}");
    assert!(calls.values().sum::<usize>() < 100, "{calls:?}");
}

#[test]
fn the_oldest_copy_counts_wherever_it_is() {
    let mut with_copies = state();
    let resent = Message {
        key: key(0),
        stored_at: 5,
        ..Message::nth(7)
    };
    with_copies.messages.push(Message {
        queue_offset: 2,
        ..resent
    });
    let (tool, cluster) = (Tool::new(), Cluster::start(with_copies));
    tool.write("in.csv", keys([key(0)]));
    let rows = audit(&tool, &cluster, "--exit-zero", 0);
    let caught_up = rows.iter().find(|row| row["group"] == "GID_caught_up");
    assert_eq!(
        caught_up.unwrap()["track_type"],
        "NOT_CONSUME_YET",
        "that of the older copy"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_is_not_found_says_why() {
    let mut more = state();
    let waiting = Message {
        topic: "SCHEDULE_TOPIC_XXXX".to_owned(),
        queue_offset: 50,
        properties: vec![("REAL_TOPIC", "orders".to_owned())],
        ..Message::nth(6)
    };
    let undelivered = Message {
        key: key(99),
        queue_offset: 51,
        ..waiting.clone()
    };
    let other = Message {
        topic: "refunds".to_owned(),
        queue_offset: 60,
        ..Message::nth(98)
    };
    more.messages
        .extend([waiting.clone(), undelivered.clone(), other.clone()]);
    let (tool, cluster) = (Tool::new(), Cluster::start(more));
    cluster.change(|state| state.min_offset = 1);
    let id = |message| format!("{},orders,,,", cluster.offset_id(message));
    let gone = Message {
        queue_offset: 0,
        ..Message::nth(0)
    };
    cluster.change(|state| {
        state
            .messages
            .retain(|message| message.physical() != gone.physical());
    });
    let rows = [
        id(&waiting), // delivered since: judged by its copy under the topic
        id(&undelivered),
        id(&other),
        id(&gone),
        format!("{},orders,,,", key(97)),
        format!("{},orders,broker-a,0,0", key(96)),
        format!("{},nowhere,,,", key(0)),
        format!("{},orders,broker-z,0,1", key(95)),
        // A unique key without process ID is looked for by key, not at a broker 10.11.12.13:6324.
        "0A0B0C0D000018B4AAC2562A9AC70003,orders,,,".to_owned(),
    ];
    tool.write(
        "in.csv",
        input("msg_id,topic,broker,queue_id,queue_offset", rows),
    );
    let rows = audit(&tool, &cluster, "", 3);
    assert_eq!(of(&rows, 1).len(), 11);
    for (row, code, says) in [
        (
            2,
            "BIZ_NO_MESSAGE",
            "waits in SCHEDULE_TOPIC_XXXX and was not delivered to orders yet",
        ),
        (
            3,
            "BIZ_NO_MESSAGE",
            "is stored under topic refunds, not under orders",
        ),
        (
            4,
            "MESSAGE_EXPIRED",
            "expired: the topic's oldest message there comes after it",
        ),
        (
            5,
            "BIZ_NO_MESSAGE",
            "under topic orders on broker-a, broker-b: it has expired, is stored under another topic, or its broker is down",
        ),
        (
            9,
            "BIZ_NO_MESSAGE",
            "under topic orders on broker-a, broker-b: it has expired",
        ),
        (
            6,
            "MESSAGE_EXPIRED",
            "expired: queue 0 on broker-a begins at offset 1",
        ),
        (7, "BIZ_TOPIC_NOT_FOUND", "the cluster has no topic nowhere"),
        (8, "BROKER_GONE", "the cluster has no broker broker-z"),
    ] {
        let said = of(&rows, row)[0];
        assert_eq!(said["error_code"], code, "{said:?}");
        assert!(said["error_message"].contains(says), "{said:?}");
    }
}

#[test]
fn a_broker_that_moved_still_has_its_messages() {
    let mut moved = state();
    for message in &mut moved.messages {
        message.store = Some("10.1.2.3:10911".to_owned());
    }
    let (tool, cluster) = (Tool::new(), Cluster::start(moved));
    let before = format!(
        "0A010203{:08X}{:016X},orders",
        10911,
        Message::nth(5).physical()
    );
    tool.write(
        "in.csv",
        input("msg_id,topic", [format!("{},orders", key(5)), before]),
    );
    let rows = audit(&tool, &cluster, "--exit-zero", 0);
    for row in [1, 2] {
        let rows = of(&rows, row);
        let caught_up = rows
            .iter()
            .find(|row| row["group"] == "GID_caught_up")
            .unwrap();
        assert_eq!(caught_up["track_type"], "CONSUMED");
        assert_eq!(
            caught_up["mqadmin_track_type"], "NOT_CONSUME_YET",
            "it compares addresses"
        );
    }
}

#[test]
fn an_instance_is_a_namespace_and_names_are_shown_without_it() {
    let mut tenant = state();
    for message in &mut tenant.messages {
        message.topic = "MQ_INST_1%orders".to_owned();
    }
    let group = super::Group {
        offsets: [("MQ_INST_1%orders".to_owned(), 2)].into(),
        ..super::Group::default()
    };
    tenant.groups = [("MQ_INST_1%GID_a".to_owned(), group)].into();
    let (tool, cluster) = (Tool::new(), Cluster::start(tenant));
    tool.write("in.csv", keys([key(1)]));
    let rows = audit(&tool, &cluster, "--instance MQ_INST_1", 0);
    assert_eq!(
        (rows[0]["group"].as_str(), rows[0]["track_type"].as_str()),
        ("GID_a", "CONSUMED")
    );
}

#[test]
fn plan_and_serve_know_clusters_too() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    tool.write("in.csv", keys((0..8).map(key)));
    let planned = tool
        .call("plan in.csv --source rocketmq://127.0.0.1:9")
        .ends(0);
    assert!(
        planned.stdout.contains("8 without retries, at 500/s"),
        "{}",
        planned.stdout
    );

    let place = format!("{},orders,broker-b,1,1", key(5));
    tool.write(
        "placed.csv",
        input("msg_id,topic,broker,queue_id,queue_offset", [place]),
    );
    let planned = tool
        .call("plan placed.csv --source rocketmq://127.0.0.1:9")
        .ends(0);
    assert!(
        planned
            .stdout
            .contains("none for messages, whose places are given"),
        "{}",
        planned.stdout
    );

    let direct = audit(&tool, &cluster, "--exit-zero", 0);
    let serve = tool
        .call("serve --listen 127.0.0.1:0 --source")
        .arg(&cluster.source());
    let mut running: Running = serve.start();
    let url = running.line().replace("listening on ", "");
    let call = tool
        .call("audit in.csv -o served.csv --exit-zero --rate max --source")
        .arg(&url);
    call.key().ends(0);
    running.signal("TERM");
    running.ends(0);
    let words = |rows: &[crate::tool::Row]| -> Vec<_> {
        let cells = ["msg_id", "group", "track_type", "verdict"];
        rows.iter()
            .map(|row| cells.map(|column| row[column].clone()))
            .collect()
    };
    assert_eq!(words(&direct), words(&table(&tool.read("served.csv"))));
}

#[test]
fn a_grpc_group_is_marked_pop_before_its_first_failure() {
    let mut with_grpc = state();
    let group = |client_id| super::Group {
        client_id: Some(client_id),
        ..super::Group::push(2)
    };
    with_grpc.groups = [
        ("GID_grpc", group("node-7@4711@0@5ehmxiu21h4k")),
        ("GID_remoting", group("10.0.0.7@4711#82734917@unit@STREAM")),
    ]
    .map(|(name, group)| (name.to_owned(), group))
    .into();
    let (tool, cluster) = (Tool::new(), Cluster::start(with_grpc));
    tool.write("in.csv", keys([key(0)]));
    let rows = audit(&tool, &cluster, "", 0);
    let marks: Vec<_> = rows.iter().map(|row| &*row["mark"]).collect();
    assert_eq!(marks, ["pop", ""]);
}
