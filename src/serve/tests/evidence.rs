//! Dead letters and traces of an examined snapshot.

use serde_json::{Value, json};

use super::client::{Client, Version, gateway, gateway_with};
use super::*;

/// 2025-11-20T02:30:00Z.
const HALF_PAST_TWO: i64 = 1_763_605_800_000;

const EXAMINED: &str = r#""examined":[
    {"group":"GID_a","topic":"%DLQ%GID_a","to":"2025-11-20T03:00:00Z"},
    {"group":"GID_late","topic":"%DLQ%GID_late","from":"2025-11-20T02:00:00Z","to":"2025-11-20T03:00:00Z"},
    {"group":"GID_none","topic":"%RETRY%GID_none","to":"2025-11-20T03:00:00Z"},
    {"group":"GID_torn","topic":"%DLQ%GID_torn","to":"2025-11-20T03:00:00Z","incomplete":"it was not answered"}],
"proofs":[
    {"group":"GID_a","kind":"dead_lettered","key":"0A","topic":"orders","at":"2025-11-20T02:30:00Z","attempts":16},
    {"group":"GID_a","kind":"dead_lettered","key":"0A","topic":"orders","at":"2025-11-20T02:50:00Z","attempts":16},
    {"group":"GID_a","kind":"dead_lettered","key":"0B","topic":"lonely","at":"2025-11-20T02:40:00Z","attempts":3},
    {"group":"GID_a","kind":"dead_lettered","key":"0C","at":"2025-11-20T02:45:00Z"},
    {"group":"GID_a","instance_id":"MQ_OTHER","kind":"dead_lettered","key":"0E","topic":"orders","at":"2025-11-20T02:45:00Z"},
    {"group":"GID_a","kind":"waiting","key":"0D","topic":"orders","at":"2025-11-20T02:45:00Z"},
    {"group":"GID_a","kind":"failed","key":"0A","at":"2025-11-20T02:10:00Z","attempts":1,"host":"10.0.0.7"},
    {"group":"GID_a","kind":"succeeded","key":"0A","topic":"orders","at":"2025-11-20T02:20:00Z","attempts":2},
    {"group":"GID_off","kind":"succeeded","key":"0A","topic":"lonely","at":"2025-11-20T02:20:00Z","attempts":2},
    {"group":"GID_off","kind":"succeeded","key":"0B","topic":"lonely","at":"2025-11-20T02:20:00Z"}]"#;

/// All dead letters of the snapshot.
const ALL: [(&str, &str); 5] = [
    ("GroupId", "GID_a"),
    ("BeginTime", "1763600000000"),
    ("EndTime", "1763700000000"),
    ("CurrentPage", "1"),
    ("PageSize", "50"),
];

const QUERY: [(&str, &str); 4] = [
    ("Topic", "orders"),
    ("MsgId", "0A"),
    ("BeginTime", "1763600000000"),
    ("EndTime", "1763700000000"),
];

const PAGE: &str = "OnsDLQMessagePageQueryByGroupId";
const BY_ID: &str = "OnsDLQMessageGetById";
const TRACE: &str = "OnsTraceQueryByMsgId";
const RESULT: &str = "OnsTraceGetResult";

/// Sends a call with these parameters changed; `None` removes one.
async fn ask(
    gateway: &Gateway,
    key_id: &'static str,
    action: &'static str,
    parameters: &[(&'static str, &'static str)],
    changes: &[(&'static str, Option<&'static str>)],
) -> GatewayReply {
    let mut client = Client::of(Version::V3, action, parameters);
    client.key_id = key_id;
    for (name, value) in changes {
        client.set(name, *value);
    }
    client.send_to(gateway).await
}

fn body(reply: &GatewayReply) -> Value {
    let text = client::text(reply);
    assert_eq!(reply.status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn refused(reply: &GatewayReply) -> (u16, String, String) {
    let error: Value = serde_json::from_slice(&reply.body).unwrap();
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (reply.status, text("Code"), text("Message"))
}

#[tokio::test]
async fn a_page_of_dead_letters_has_the_shape_of_the_cloud() {
    let gateway = gateway_with(EXAMINED);
    let reply = ask(&gateway, "reader", PAGE, &ALL, &[]).await;
    let body = body(&reply);
    let page = &body["MsgFoundDo"];
    assert_eq!(body["RequestId"], "ID");
    assert_eq!(
        (&page["CurrentPage"], &page["MaxPageCount"]),
        (&json!(1), &json!(1))
    );
    let messages = page["MsgFoundList"]["OnsRestMessageDo"].as_array().unwrap();
    let ids: Vec<_> = messages.iter().map(|message| &message["MsgId"]).collect();
    assert_eq!(ids, ["0A", "0B", "0C", "0A"], "oldest first");
    assert_eq!(
        messages[0],
        json!({"MsgId": "0A", "Topic": "orders", "InstanceId": "MQ_1", "StoreTimestamp": HALF_PAST_TWO,
            "ReconsumeTimes": 16, "PropertyList": {"MessageProperty": [
                {"Name": "UNIQ_KEY", "Value": "0A"}, {"Name": "DLQ_ORIGIN_TOPIC", "Value": "orders"}]}})
    );
    assert_eq!(
        messages[2]["Topic"], "%DLQ%GID_a",
        "its own topic is not known"
    );
    let mut client = Client::of(Version::V1, PAGE, &ALL);
    client.set("PageSize", Some("5"));
    let xml = client::text(&client.send_to(&gateway).await);
    for part in [
        "<OnsDLQMessagePageQueryByGroupIdResponse><RequestId>ID</RequestId><MsgFoundDo><TaskId>",
        "<MsgFoundList><OnsRestMessageDo><MsgId>0A</MsgId>",
        "<PropertyList><MessageProperty><Name>UNIQ_KEY</Name><Value>0A</Value></MessageProperty>",
    ] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
}

#[tokio::test]
async fn later_pages_are_those_of_the_first_calls_query() {
    let letters: Vec<_> = (0..12)
        .map(|nth| {
            let (hour, minute) = (1 + nth / 6, nth % 6 * 10);
            format!(
                r#"{{"group":"GID_a","kind":"dead_lettered","key":"0{nth:X}","at":"2025-11-20T0{hour}:{minute:02}:00Z"}}"#
            )
        })
        .collect();
    let fields = format!(
        r#""examined":[{{"group":"GID_a","topic":"%DLQ%GID_a","to":"2025-11-20T03:00:00Z"}}],"proofs":[{}]"#,
        letters.join(",")
    );
    let gateway = gateway_with(&fields);
    // From 01:10 to 02:50: eleven dead letters.
    let times = [
        ("BeginTime", Some("1763601000000")),
        ("EndTime", Some("1763607000000")),
        ("PageSize", Some("5")),
    ];
    let first = body(&ask(&gateway, "reader", PAGE, &ALL, &times).await);
    assert_eq!(first["MsgFoundDo"]["MaxPageCount"], 3);
    let task: &'static str = first["MsgFoundDo"]["TaskId"]
        .as_str()
        .unwrap()
        .to_owned()
        .leak();
    let mut found = Vec::new();
    for (page, number) in [("1", 1), ("2", 2), ("3", 3)] {
        // Times and page size are those of the first call, whatever this one names.
        let changes = [
            ("CurrentPage", Some(page)),
            ("TaskId", Some(task)),
            ("BeginTime", None),
        ];
        let body = body(&ask(&gateway, "reader", PAGE, &ALL, &changes).await);
        assert_eq!(body["MsgFoundDo"]["CurrentPage"], number);
        let list = &body["MsgFoundDo"]["MsgFoundList"]["OnsRestMessageDo"];
        let list = list.as_array().unwrap().iter();
        found.extend(list.map(|message| message["MsgId"].as_str().unwrap().to_owned()));
    }
    let ids = [
        "01", "02", "03", "04", "05", "06", "07", "08", "09", "0A", "0B",
    ];
    assert_eq!(found, ids);
    let changes = [("CurrentPage", Some("4")), ("TaskId", Some(task))];
    let (status, code, message) = refused(&ask(&gateway, "reader", PAGE, &ALL, &changes).await);
    assert_eq!((status, &*code), (400, "BIZ_FIELD_CHECK_INVALID"));
    assert_eq!(message, "CurrentPage is 4, expected 1 to 3");
}

#[tokio::test]
async fn no_dead_letter_is_an_empty_page() {
    let gateway = gateway_with(EXAMINED);
    let times = [
        ("BeginTime", Some("1763600000000")),
        ("EndTime", Some("1763600000001")),
    ];
    let body = body(&ask(&gateway, "reader", PAGE, &ALL, &times).await);
    assert_eq!(body["MsgFoundDo"]["MaxPageCount"], 0);
    assert_eq!(
        body["MsgFoundDo"]["MsgFoundList"]["OnsRestMessageDo"],
        json!([])
    );
}

#[tokio::test]
async fn the_newest_dead_letter_is_found_by_its_id() {
    let gateway = gateway_with(EXAMINED);
    let parameters = [("GroupId", "GID_a"), ("MsgId", "0A")];
    let body = body(&ask(&gateway, "reader", BY_ID, &parameters, &[]).await);
    assert_eq!(body["Data"]["StoreTimestamp"], HALF_PAST_TWO + 20 * 60_000);
    let absent = [("MsgId", Some("0D"))];
    let (status, code, _) = refused(&ask(&gateway, "reader", BY_ID, &parameters, &absent).await);
    assert_eq!((status, &*code), (404, "BIZ_NO_MESSAGE"));
}

#[tokio::test]
async fn a_trace_has_what_the_clients_of_each_group_reported() {
    let gateway = gateway_with(EXAMINED);
    let started = body(&ask(&gateway, "reader", TRACE, &QUERY, &[]).await);
    let query: &'static str = started["QueryId"].as_str().unwrap().to_owned().leak();
    let parameters = [("QueryId", query), ("Topic", "orders")];
    let result = body(&ask(&gateway, "reader", RESULT, &parameters, &[]).await);
    assert_eq!(
        result,
        json!({"RequestId": "ID", "TraceData": {"QueryId": query, "InstanceId": "MQ_1", "Topic": "orders", "MsgId": "0A",
            "Status": "finish", "TraceList": {"TraceMapDo": [{"Topic": "orders", "MsgId": "0A", "SubList": {"SubMapDo": [
                {"SubGroupName": "GID_a", "SuccessCount": 1, "FailCount": 1, "ClientList": {"SubClientInfoDo": [
                    {"SubGroupName": "GID_a", "ClientHost": "10.0.0.7", "SubTime": HALF_PAST_TWO - 20 * 60_000,
                     "ReconsumeTimes": 0, "Status": "CONSUME_FAILED"},
                    {"SubGroupName": "GID_a", "SubTime": HALF_PAST_TWO - 10 * 60_000, "ReconsumeTimes": 1,
                     "Status": "CONSUME_SUCCESS"}]}}]}}]}}})
    );
    let other = [("Topic", Some("lonely")), ("MsgId", Some("0Z"))];
    let started = body(&ask(&gateway, "reader", TRACE, &QUERY, &other).await);
    let query: &'static str = started["QueryId"].as_str().unwrap().to_owned().leak();
    let result = body(&ask(&gateway, "reader", RESULT, &[("QueryId", query)], &[]).await);
    assert_eq!(result["TraceData"]["TraceList"]["TraceMapDo"], json!([]));
    assert_eq!(result["TraceData"]["Status"], "finish");
}

#[tokio::test]
async fn parameters_that_are_missing_or_bad_are_refused() {
    const BAD: &str = "BIZ_FIELD_CHECK_INVALID";
    let gateway = gateway_with(EXAMINED);
    for (action, parameters, change, code) in [
        (PAGE, &ALL[..], ("GroupId", None), "MissingGroupId"),
        (PAGE, &ALL, ("BeginTime", None), "MissingBeginTime"),
        (PAGE, &ALL, ("EndTime", None), "MissingEndTime"),
        (PAGE, &ALL, ("CurrentPage", None), "MissingCurrentPage"),
        (PAGE, &ALL, ("EndTime", Some("1763599999999")), BAD),
        (PAGE, &ALL, ("BeginTime", Some("yesterday")), BAD),
        (PAGE, &ALL, ("BeginTime", Some("99999999999999999999")), BAD),
        (PAGE, &ALL, ("CurrentPage", Some("0")), BAD),
        (PAGE, &ALL, ("CurrentPage", Some("51")), BAD),
        (PAGE, &ALL, ("CurrentPage", Some("2")), BAD),
        (PAGE, &ALL, ("PageSize", Some("4")), BAD),
        (PAGE, &ALL, ("PageSize", Some("51")), BAD),
        (PAGE, &ALL, ("TaskId", Some("T")), BAD),
        (
            PAGE,
            &ALL,
            ("GroupId", Some("GID_x")),
            "BIZ_SUBSCRIPTION_NOT_FOUND",
        ),
        (
            PAGE,
            &ALL,
            ("InstanceId", Some("MQ_2")),
            "INSTANCE_NOT_FOUND",
        ),
        (
            BY_ID,
            &[("GroupId", "GID_a")],
            ("MsgId", None),
            "MissingMsgId",
        ),
        (TRACE, &QUERY, ("MsgId", None), "MissingMsgId"),
        (TRACE, &QUERY, ("Topic", None), "MissingTopic"),
        (TRACE, &QUERY, ("BeginTime", None), "MissingBeginTime"),
        (TRACE, &QUERY, ("EndTime", Some("1")), BAD),
        (
            TRACE,
            &QUERY,
            ("Topic", Some("refunds")),
            "BIZ_TOPIC_NOT_FOUND",
        ),
        (RESULT, &[], ("QueryId", None), "MissingQueryId"),
        (RESULT, &[], ("QueryId", Some("Q-7")), BAD),
        (RESULT, &[], ("QueryId", Some("41")), BAD),
    ] {
        let reply = ask(&gateway, "reader", action, parameters, &[change]).await;
        assert_eq!(refused(&reply).1, code, "{action} {change:?}");
    }
}

/// An empty page would mean that no message of the group has failed.
#[tokio::test]
async fn what_was_not_examined_is_no_empty_page() {
    let gateway = gateway_with(EXAMINED);
    for (group, begin, says) in [
        ("GID_off", "1763600000000", "they were not examined"),
        ("GID_none", "1763600000000", "they were not examined"),
        ("GID_torn", "1763600000000", "it was not answered"),
        (
            "GID_late",
            "1763603999999",
            "they were examined since 2025-11-20T02:00:00.000Z only",
        ),
    ] {
        let changes = [("GroupId", Some(group)), ("BeginTime", Some(begin))];
        let (status, code, message) = refused(&ask(&gateway, "reader", PAGE, &ALL, &changes).await);
        assert_eq!((status, &*code), (404, "BIZ_TOPIC_NOT_FOUND"), "{group}");
        assert!(message.ends_with(says), "{message}");
    }
    let changes = [
        ("GroupId", Some("GID_late")),
        ("BeginTime", Some("1763604000000")),
    ];
    let reply = ask(&gateway, "reader", PAGE, &ALL, &changes).await;
    assert_eq!(reply.status, 200);
    let torn = [("GroupId", "GID_torn"), ("MsgId", "0A")];
    let (_, code, _) = refused(&ask(&gateway, "reader", BY_ID, &torn, &[]).await);
    assert_eq!(code, "BIZ_TOPIC_NOT_FOUND");
}

#[tokio::test]
async fn a_restricted_key_sees_only_what_is_about_its_topics() {
    let gateway = gateway_with(EXAMINED);
    for (key, group, ids) in [
        ("both", "GID_a", Some(&["0A", "0B", "0A"][..])),
        ("narrower", "GID_a", None),
        ("both", "GID_off", None),
        ("narrow", "GID_a", None),
        ("elsewhere", "GID_a", None),
        ("narrow", "GID_x", None),
    ] {
        let reply = ask(&gateway, key, PAGE, &ALL, &[("GroupId", Some(group))]).await;
        match ids {
            Some(ids) => {
                let body = body(&reply);
                let list = body["MsgFoundDo"]["MsgFoundList"]["OnsRestMessageDo"].as_array();
                let found: Vec<_> = list.unwrap().iter().map(|one| &one["MsgId"]).collect();
                assert_eq!(found, ids);
            }
            None if (key, group) == ("both", "GID_off") => {
                assert_eq!(
                    refused(&reply).1,
                    "BIZ_TOPIC_NOT_FOUND",
                    "it was not examined"
                );
            }
            None => assert_eq!(refused(&reply).1, "NoPermission", "{key} {group}"),
        }
    }
    let started = body(&ask(&gateway, "reader", TRACE, &QUERY, &[]).await);
    let query: &'static str = started["QueryId"].as_str().unwrap().to_owned().leak();
    // The key has a right to the topic of the call, but not to that of the query.
    let parameters = [("QueryId", query), ("Topic", "payments")];
    let reply = ask(&gateway, "narrow", RESULT, &parameters, &[]).await;
    assert_eq!(refused(&reply).1, "NoPermission");
    let reply = ask(&gateway, "narrow", TRACE, &QUERY, &[]).await;
    assert_eq!(refused(&reply).1, "NoPermission");
}

#[tokio::test]
async fn without_an_examination_and_for_writes_there_is_no_operation() {
    for (gateway, actions) in [
        (gateway(), &[PAGE, BY_ID, TRACE, RESULT][..]),
        (
            gateway_with(EXAMINED),
            &[
                "OnsDLQMessageResendById",
                "OnsConsumerResetOffset",
                "OnsMessagePush",
                "OnsTopicDelete",
                "OnsGroupDelete",
            ],
        ),
    ] {
        for action in actions {
            let reply = ask(&gateway, "reader", action, &ALL, &[("MsgId", Some("0A"))]).await;
            let (status, code, _) = refused(&reply);
            assert_eq!(
                (status, &*code),
                (404, "InvalidAction.NotFound"),
                "{action}"
            );
        }
    }
}

/// In the snapshot of a cluster, an instance is a namespace: a part of the names of topics and groups.
#[tokio::test]
async fn names_have_no_namespace_in_answers() {
    let snapshot = r#"{"schema":"ons-audit-snapshot/1","cluster":"demo","captured_at":"2025-11-20T03:00:00Z","rules":"offsets",
        "topics":[{"topic":"MQ_1%orders"}],
        "groups":[{"group":"MQ_1%GID_a","online":true,"subscriptions":[{"topic":"MQ_1%orders"}]}],
        "examined":[{"group":"MQ_1%GID_a","topic":"%DLQ%MQ_1%GID_a","to":"2025-11-20T03:00:00Z"}],
        "proofs":[{"group":"MQ_1%GID_a","kind":"dead_lettered","key":"0A","topic":"MQ_1%orders","at":"2025-11-20T02:30:00Z"},
                  {"group":"MQ_1%GID_a","kind":"failed","key":"0A","at":"2025-11-20T02:10:00Z"}]}"#;
    let gateway = client::gateway_over(snapshot, "2025-11-20T02:45:00Z");
    let instance = ("InstanceId", Some("MQ_1"));
    let page = body(&ask(&gateway, "reader", PAGE, &ALL, &[instance]).await);
    let message = &page["MsgFoundDo"]["MsgFoundList"]["OnsRestMessageDo"][0];
    assert_eq!(
        (&message["Topic"], &message["MsgId"]),
        (&json!("orders"), &json!("0A"))
    );
    let page = body(&ask(&gateway, "both", PAGE, &ALL, &[instance]).await);
    assert_eq!(page["MsgFoundDo"]["MaxPageCount"], 1);
    let started = body(&ask(&gateway, "reader", TRACE, &QUERY, &[instance]).await);
    let query: &'static str = started["QueryId"].as_str().unwrap().to_owned().leak();
    let result = body(
        &ask(
            &gateway,
            "reader",
            RESULT,
            &[("QueryId", query)],
            &[instance],
        )
        .await,
    );
    let group = &result["TraceData"]["TraceList"]["TraceMapDo"][0]["SubList"]["SubMapDo"][0];
    assert_eq!(group["SubGroupName"], "GID_a");
}
