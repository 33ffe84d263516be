//! Pages, windows, proofs, and groups that cannot be read.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::DeadLetterRequest;
use super::super::dead_letters::examine;
use super::{Fake, Made, broken, refusal, time, unlimited};
use crate::engine::Pacer;
use crate::evidence::{Examination, MessageKeys, ProofKind};
use crate::settings::Deadline;
use crate::source::ons::LastCall;
use crate::source::operation::DEAD_LETTERS;
use crate::source::{Failure, FailureKind};

const FROM: &str = "2026-11-20T00:00:00Z";
const TO: &str = "2026-11-22T00:00:00Z";

fn request<'a>(groups: &[&str], keys: &'a MessageKeys) -> DeadLetterRequest<'a> {
    let instance: Arc<str> = "MQ_INST_1".into();
    let named = |group: &&str| (Some(Arc::clone(&instance)), Arc::from(*group));
    DeadLetterRequest {
        last_call: LastCall::AT_ANY_TIME,
        groups: groups.iter().map(named).collect(),
        from: time(FROM),
        to: time(TO),
        keys,
        limit: 20_000,
    }
}

fn keys(ids: &[&str]) -> MessageKeys {
    ids.iter().copied().collect()
}

fn letter(id: &str, at: i64) -> Value {
    json!({"MsgId": id, "StoreTimestamp": at, "ReconsumeTimes": 16})
}

fn page(pages: u64, letters: &[Value]) -> Value {
    json!({"TaskId": "T", "CurrentPage": 1, "MaxPageCount": pages, "MsgFoundList": {"OnsRestMessageDo": letters}})
}

/// Answers like the service, which has these dead letters.
fn service(letters: &[(String, i64)]) -> impl Fn(&Made) -> Result<Option<Value>, Failure> {
    let letters = letters.to_vec();
    move |made| {
        let (begin, end) = (made.number("BeginTime"), made.number("EndTime"));
        let number = usize::try_from(made.number("CurrentPage")).unwrap();
        let size = usize::try_from(made.number("PageSize")).unwrap();
        assert!((1..=50).contains(&number) && (5..=50).contains(&size));
        assert_eq!(made.get("TaskId"), (number > 1).then_some("T"));
        let found: Vec<_> = letters
            .iter()
            .filter(|(_, at)| (begin..=end).contains(at))
            .map(|(id, at)| letter(id, *at))
            .collect();
        let pages = found.len().div_ceil(size);
        let page_of = found.chunks(size).nth(number - 1).unwrap_or_default();
        Ok(Some(page(pages.try_into().unwrap(), page_of)))
    }
}

fn reasons(examination: &Examination) -> Vec<Option<&str>> {
    let topics = examination.topics.iter();
    topics.map(|topic| topic.incomplete.as_deref()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_becomes_a_proof_under_every_id_that_is_looked_for() {
    let found = json!({
        "MsgId": "0A01", "Topic": "%DLQ%GID_a", "StoreTimestamp": 1_763_700_000_000_i64, "ReconsumeTimes": "16",
        "PropertyList": {"MessageProperty": [
            {"Name": "UNIQ_KEY", "Value": "0A02"}, {"Name": "ORIGIN_MESSAGE_ID", "Value": "0A03"},
            {"Name": "DLQ_ORIGIN_TOPIC", "Value": "MQ_INST_1%orders"}, {"Name": "RETRY_TOPIC", "Value": "payments"},
        ]},
    });
    let api = Fake::answering(|_| Ok(Some(page(1, std::slice::from_ref(&found)))));
    let keys = keys(&["0A01", "0A02", "0B"]);
    let examination = examine(&api, &request(&["GID_a"], &keys), &unlimited()).await;
    let proofs = &examination.proofs;
    let found: Vec<_> = proofs.iter().map(|proof| &*proof.key).collect();
    assert_eq!(found, ["0A01", "0A02"]);
    assert_eq!(proofs[0].kind, ProofKind::DeadLettered);
    assert_eq!(proofs[0].topic.as_deref(), Some("orders"));
    assert_eq!(proofs[0].instance_id.as_deref(), Some("MQ_INST_1"));
    assert_eq!(proofs[0].at.as_millisecond(), 1_763_700_000_000);
    assert_eq!(proofs[0].attempts, 16);
    let topic = &examination.topics[0];
    assert_eq!(&*topic.topic, "%DLQ%GID_a");
    assert!(topic.is_dead_letter_topic() && topic.incomplete.is_none());
    assert_eq!((topic.from, topic.to), (Some(time(FROM)), time(TO)));
    assert_eq!(examination.calls, 1);
    let made = &api.made()[0];
    assert_eq!(made.instance.as_deref(), Some("MQ_INST_1"));
    assert_eq!(made.get("GroupId"), Some("GID_a"));
    assert_eq!(made.number("BeginTime"), time(FROM).as_millisecond());
    assert_eq!(made.number("EndTime"), time(TO).as_millisecond());
}

#[tokio::test(start_paused = true)]
async fn the_topic_of_a_copy_is_not_that_of_the_message() {
    for (properties, topic) in [
        (json!([]), None),
        (
            json!([{"Name": "RETRY_TOPIC", "Value": "orders"}]),
            Some("orders"),
        ),
        (
            json!([{"Name": "RETRY_TOPIC", "Value": "%RETRY%GID_a"}]),
            None,
        ),
        (json!([{"Name": "RETRY_TOPIC", "Value": ""}]), None),
    ] {
        let mut found = letter("0A", 1_763_700_000_000);
        found["PropertyList"] = properties;
        let api = Fake::answering(|_| Ok(Some(page(1, std::slice::from_ref(&found)))));
        let keys = keys(&["0A"]);
        let examination = examine(&api, &request(&["GID_a"], &keys), &unlimited()).await;
        assert_eq!(examination.proofs[0].topic.as_deref(), topic);
    }
}

#[tokio::test(start_paused = true)]
async fn dead_letters_of_more_than_three_days_ago_are_not_promised() {
    let api = Fake::answering(|_| Ok(Some(page(0, &[]))));
    let keys = keys(&[]);
    let request = DeadLetterRequest {
        last_call: LastCall::AT_ANY_TIME,
        from: time("2026-11-01T00:00:00Z"),
        ..request(&["GID_a"], &keys)
    };
    let examination = examine(&api, &request, &unlimited()).await;
    assert_eq!(
        examination.topics[0].from,
        Some(time("2026-11-19T00:00:00Z"))
    );
    let begin = api.made()[0].number("BeginTime");
    assert_eq!(begin, time("2026-11-18T23:00:00Z").as_millisecond());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn every_dead_letter_is_found_whatever_the_pages(
        // Crowded around a few times, and fewer within each second than a window may have.
        times in proptest::collection::vec((0..3_i64, 0..40_000_i64), 0..6_000),
    ) {
        let begin = time(FROM).as_millisecond();
        let stored: Vec<_> = times.iter().enumerate()
            .map(|(nth, (hour, millis))| (format!("{nth:04X}"), begin + hour * 3_600_000 + millis)).collect();
        let ids: Vec<_> = stored.iter().map(|(id, _)| &**id).collect();
        let keys = keys(&ids);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let api = Fake::answering(service(&stored));
        let examination = runtime.block_on(examine(&api, &request(&["GID_a"], &keys), &unlimited()));
        prop_assert_eq!(reasons(&examination), [None]);
        let mut found: Vec<_> = examination.proofs.iter().map(|proof| &*proof.key).collect();
        found.sort_unstable();
        prop_assert_eq!(found, ids);
        prop_assert_eq!(examination.calls, api.calls());
        prop_assert!(api.calls() <= 2 + times.len() as u64 / 50 + 150, "{} calls", api.calls());
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_with_too_many_dead_letters_is_incomplete() {
    let at = time("2026-11-21T05:00:00Z").as_millisecond();
    let stored: Vec<_> = (0..2_501).map(|nth| (format!("{nth:04X}"), at)).collect();
    let api = Fake::answering(service(&stored));
    let keys = keys(&["0000", "09C4"]);
    let examination = examine(&api, &request(&["GID_a"], &keys), &unlimited()).await;
    let reason = "more than 2,500 dead letters were stored within a second";
    assert_eq!(reasons(&examination), [Some(reason)]);
    assert_eq!(
        examination.proofs.len(),
        1,
        "the one after page 50 is not found"
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_are_made_than_the_limit_allows() {
    let at = time("2026-11-21T05:00:00Z").as_millisecond();
    let stored: Vec<_> = (0..1_000)
        .map(|nth| (format!("{nth:04X}"), at + nth))
        .collect();
    let api = Fake::answering(service(&stored));
    let keys = keys(&[]);
    let request = DeadLetterRequest {
        last_call: LastCall::AT_ANY_TIME,
        limit: 11,
        ..request(&["GID_a", "GID_b"], &keys)
    };
    let examination = examine(&api, &request, &unlimited()).await;
    let reason = "19 more pages of dead letters, more than the limit of 11 calls allows";
    assert_eq!(reasons(&examination), [Some(reason); 2]);
    assert_eq!(api.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn answers_that_prove_nothing_are_incomplete() {
    let full: Vec<_> = (0..50).map(|nth| letter(&format!("{nth}"), 1)).collect();
    for (answer, says) in [
        (None, Some("it has no MsgFoundDo")),
        (Some(json!([])), Some("MsgFoundList is no list")),
        (
            Some(json!({"MsgFoundList": "none"})),
            Some("MsgFoundList is no list"),
        ),
        (
            Some(json!({"MsgFoundList": {"Other": []}})),
            Some("MsgFoundList is no list"),
        ),
        (
            Some(json!({"MsgFoundList": full})),
            Some("it has no MaxPageCount"),
        ),
        (
            Some(json!({"MaxPageCount": "x", "MsgFoundList": {"OnsRestMessageDo": []}})),
            Some("MaxPageCount is no number of pages"),
        ),
        (
            Some(json!({"MaxPageCount": -1, "MsgFoundList": {"OnsRestMessageDo": []}})),
            Some("MaxPageCount is no number of pages"),
        ),
        (Some(page(2, &[])), Some("page 1 of 2 is empty")),
        (
            Some(page(1, &[json!({"StoreTimestamp": 1})])),
            Some("a message without MsgId"),
        ),
        (
            Some(page(1, &[json!({"MsgId": "A"})])),
            Some("a message without StoreTimestamp"),
        ),
        (Some(json!({})), None),
        (Some(json!("")), None),
        (Some(page(0, &[])), None),
        (
            Some(json!({"MsgFoundList": {"OnsRestMessageDo": letter("A", 1)}})),
            None,
        ),
    ] {
        let api = Fake::answering(|_| Ok(answer.clone()));
        let keys = keys(&[]);
        let examination = examine(&api, &request(&["GID_a"], &keys), &unlimited()).await;
        let reason = reasons(&examination)[0].map(str::to_owned);
        match says {
            Some(says) => {
                let expected =
                    format!("an answer of {} can't be read: {says}", DEAD_LETTERS.name());
                assert_eq!(reason, Some(expected));
            }
            None => assert_eq!(reason, None, "{answer:?}"),
        }
    }
}

thread_local! {
    /// The seconds of [`ticking`].
    static SECONDS: Cell<i64> = const { Cell::new(0) };
}

/// A clock that goes on by a second whenever it is read.
fn ticking() -> Timestamp {
    SECONDS.set(SECONDS.get() + 1);
    Timestamp::from_second(SECONDS.get()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_no_call_begins_and_what_was_answered_is_kept() {
    let letters = [("0A".to_owned(), time(FROM).as_millisecond())];
    let api = Fake::answering(service(&letters));
    let (keys, deadline) = (
        keys(&["0A"]),
        Deadline {
            at: Timestamp::from_second(3).unwrap(), // read before a group, and before its page
            given_by: "--max-time 3s".to_owned(),
        },
    );
    SECONDS.set(0);
    let request = DeadLetterRequest {
        last_call: LastCall {
            deadline: Some(&deadline),
            clock: ticking,
        },
        ..request(&["GID_a", "GID_b"], &keys)
    };
    let examination = examine(&api, &request, &unlimited()).await;
    let late = "the time is up (--max-time 3s)";
    assert_eq!(reasons(&examination), [None, Some(late)]);
    assert_eq!(examination.proofs.len(), 1);
    assert_eq!((api.calls(), examination.calls), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_empty_page_among_others_is_incomplete() {
    let first = [letter("0A", 1_763_700_000_000)];
    let api = Fake::answering(|made| {
        let letters: &[Value] = if made.number("CurrentPage") == 1 {
            &first
        } else {
            &[]
        };
        Ok(Some(page(3, letters)))
    });
    let keys = keys(&["0A"]);
    let examination = examine(&api, &request(&["GID_a"], &keys), &unlimited()).await;
    assert!(
        reasons(&examination)[0]
            .unwrap()
            .ends_with("page 2 of 3 is empty")
    );
    assert_eq!(examination.proofs.len(), 1, "what was found is kept");
}

#[tokio::test(start_paused = true)]
async fn no_message_means_no_dead_letter() {
    let api = Fake::answering(|_| Err(refusal("BIZ_NO_MESSAGE")));
    let keys = keys(&[]);
    let examination = examine(&api, &request(&["GID_a"], &keys), &unlimited()).await;
    assert_eq!(reasons(&examination), [None]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_group_does_not_end_the_others() {
    for (code, says) in [
        (
            "Forbidden.RAM",
            "the access key lacks the RAM action mq:QueryDLQMessage (Forbidden.RAM)",
        ),
        (
            "AUTH_RESOURCE_OWNER_ERROR",
            "OnsDLQMessagePageQueryByGroupId was refused: AUTH_RESOURCE_OWNER_ERROR: it is so",
        ),
        (
            "BIZ_TOPIC_NOT_FOUND",
            "OnsDLQMessagePageQueryByGroupId was refused: BIZ_TOPIC_NOT_FOUND: it is so",
        ),
    ] {
        let api = Fake::answering(|made| match made.get("GroupId") {
            Some("GID_b") => Ok(Some(page(0, &[]))),
            _ => Err(refusal(code)),
        });
        let keys = keys(&[]);
        let request = request(&["GID_a", "GID_b", "GID_c"], &keys);
        let examination = examine(&api, &request, &unlimited()).await;
        assert_eq!(reasons(&examination), [Some(says), None, Some(says)]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_refuses_every_group_is_asked_once() {
    let everything = Failure {
        message: "not authorized. Resource: *, Action: mq:QueryDLQMessage".to_owned(),
        ..refusal("NoPermission")
    };
    for (failure, says) in [
        (
            everything,
            "the access key lacks the RAM action mq:QueryDLQMessage (NoPermission)",
        ),
        (
            refusal("AUTH_REQUEST_NOT_ALLOWED"),
            "the access key lacks the RAM action mq:QueryDLQMessage (AUTH_REQUEST_NOT_ALLOWED)",
        ),
        (
            refusal("InvalidAction.NotFound"),
            "the gateway does not serve OnsDLQMessagePageQueryByGroupId (InvalidAction.NotFound)",
        ),
        (
            refusal("InvalidAccessKeyId.NotFound"),
            "OnsDLQMessagePageQueryByGroupId was refused: InvalidAccessKeyId.NotFound: it is so",
        ),
        (
            refusal("InvalidSecurityToken.Expired"),
            "OnsDLQMessagePageQueryByGroupId was refused: InvalidSecurityToken.Expired: it is so",
        ),
    ] {
        let api = Fake::answering(|_| Err(failure.clone()));
        let keys = keys(&[]);
        let request = request(&["GID_a", "GID_b", "GID_c"], &keys);
        let examination = examine(&api, &request, &unlimited()).await;
        assert_eq!(reasons(&examination), [Some(says); 3]);
        assert_eq!((examination.calls, api.calls()), (1, 1), "{says}");
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_asked_again_and_then_given_up() {
    for (failure, attempts, says) in [
        (
            broken(),
            5,
            "OnsDLQMessagePageQueryByGroupId was not answered in 5 attempts: the connection broke",
        ),
        (
            refusal("InternalError"),
            5,
            "OnsDLQMessagePageQueryByGroupId was not answered in 5 attempts: InternalError: it is so",
        ),
        (
            refusal("Throttling.User"),
            10,
            "OnsDLQMessagePageQueryByGroupId was throttled 10 times in a row (Throttling.User)",
        ),
    ] {
        let api = Fake::answering(|_| Err(failure.clone()));
        let keys = keys(&[]);
        let groups = ["GID_a", "GID_b", "GID_c", "GID_d", "GID_e"];
        let examination = examine(&api, &request(&groups, &keys), &unlimited()).await;
        assert_eq!(reasons(&examination), [Some(says); 5]);
        assert_eq!(
            api.calls(),
            3 * attempts,
            "three groups in a row are enough"
        );

        let failures = Cell::new(attempts - 1);
        let api = Fake::answering(
            |_| match failures.replace(failures.get().saturating_sub(1)) {
                0 => Ok(Some(page(0, &[]))),
                _ => Err(failure.clone()),
            },
        );
        let examination = examine(&api, &request(&["GID_a"], &keys), &unlimited()).await;
        assert_eq!(reasons(&examination), [None]);
        assert_eq!(examination.calls, attempts);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stated_wait_is_kept() {
    let is_first = Cell::new(true);
    let api = Fake::answering(|_| {
        if is_first.replace(false) {
            return Err(Failure {
                retry_after: Some(Duration::from_secs(7)),
                ..refusal("Throttling.User")
            });
        }
        Ok(Some(page(0, &[])))
    });
    let (keys, start) = (keys(&[]), Instant::now());
    examine(&api, &request(&["GID_a"], &keys), &unlimited()).await;
    assert_eq!(start.elapsed(), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn calls_keep_the_pace() {
    let api = Fake::answering(|_| Ok(Some(page(0, &[]))));
    let pacer = Pacer::new("480/m".parse().unwrap(), std::num::NonZeroU32::MIN);
    let groups = ["GID_a"; 41];
    let (keys, start) = (keys(&[]), Instant::now());
    examine(&api, &request(&groups, &keys), &pacer).await;
    assert_eq!(start.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_a_call_is_not_counted() {
    let is_first = Cell::new(true);
    let api = Fake::answering(|_| {
        if is_first.replace(false) {
            return Err(Failure {
                no_call_made: true,
                ..Failure::new(
                    FailureKind::Server,
                    None,
                    "the access key expired before the call",
                )
            });
        }
        Ok(Some(page(0, &[])))
    });
    let keys = keys(&[]);
    let examination = examine(&api, &request(&["GID_a"], &keys), &unlimited()).await;
    assert_eq!(reasons(&examination), [None]);
    assert_eq!(examination.calls, 1);
}

/// Any shape of an answer: objects with the names that are read, lists, texts and numbers.
fn any_value() -> impl Strategy<Value = Value> {
    let names = [
        "MsgFoundList",
        "OnsRestMessageDo",
        "MaxPageCount",
        "TaskId",
        "MsgId",
        "StoreTimestamp",
        "PropertyList",
        "MessageProperty",
        "Name",
        "Value",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["", " ", "A", "UNIQ_KEY", "7"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        let name = prop::sample::select(names.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    /// The examination ends within its limit of calls.
    #[test]
    fn any_answer_is_read_or_is_a_reason(found in any_value()) {
        let keys = keys(&["A", "7"]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let api = Fake::answering(|_| Ok(Some(found.clone())));
        let request = DeadLetterRequest { limit: 200, ..request(&["GID_a"], &keys) };
        let examination = runtime.block_on(examine(&api, &request, &unlimited()));
        prop_assert!(examination.calls <= 200);
        prop_assert_eq!(examination.topics.len(), 1);
    }
}
