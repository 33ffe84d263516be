//! The messages of each topic.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::groups::{Lag, add_lags, by_lag, judged};
use super::shapes::{self, Outcome, Shape};
use super::times::{KINDS, Kind, OLD, Since};
use super::{Expected, GROUPS, Message, NEVER, Operation, Pair, Reply, Truth, written};

/// Number of messages whose groups have any shape.
const ANY: usize = 600;
/// The first so many of them are of the topic `orders`.
const ORDERS: usize = 400;

const ALL_ZERO: [Lag; 6] = [Lag::Zero; 6];

pub(super) fn add(truth: &mut Truth) {
    any_shape(truth);
    tags(truth);
    subscriptions(truth);
    unlisted(truth);
    nobody(truth);
    without_topic(truth);
    unconfirmed(truth);
    nameless(truth);
    unanswered(truth);
}

/// Returns the message ID of a number, with the time in seconds.
fn id(number: usize, born: Timestamp) -> String {
    let seconds = born.as_second() - 1_609_459_200;
    format!("01DA97D4F2A81B0A5C{seconds:08X}{number:08X}")
}

/// Returns an element of the list of subscriptions.
fn subscription(topic: &str, group: &str) -> Value {
    json!({
        "topicName": topic, "consumerGroupId": group, "filterExpression": "*", "filterExpressionType": "TAG",
        "messageModel": "CLUSTERING", "subscriptionStatus": "ONLINE", "consistency": "true",
    })
}

fn subscribed(topic: &str) -> Vec<Value> {
    let all = GROUPS.into_iter();
    all.map(|group| subscription(topic, group)).collect()
}

impl Truth {
    fn lists(&mut self, topic: &str, subscriptions: impl Into<Value>) {
        let reply = Reply::data(subscriptions.into());
        self.answers(Operation::ListTopicSubscriptions, [topic, "", ""], reply);
    }

    /// Adds a message whose trace has this data.
    fn traced(&mut self, topic: &str, kind: &Kind, data: Value, expected: Expected) {
        let number = self.messages.len();
        let reply = Reply::data(data);
        let reply = match number % 3 {
            0 => reply.with_code(),
            1 => reply,
            _ => {
                let mut body = reply.body;
                body.as_object_mut().unwrap().remove("success");
                Reply { body, ..reply }
            }
        };
        self.message((topic, kind), reply, None, expected);
    }

    /// Adds a message with the answers about its trace and its detail.
    fn message(
        &mut self,
        (topic, kind): (&str, &Kind),
        trace: Reply,
        detail: Option<Reply>,
        expected: Expected,
    ) {
        let born = self.before_now(kind.age());
        let id = id(self.messages.len(), born);
        let mut trace = trace;
        if trace.body["data"]["messageInfo"].is_object()
            && trace.body["data"]["messageInfo"] != json!({})
        {
            trace.body["data"]["messageInfo"]["messageId"] = id.clone().into();
        }
        self.answers(Operation::GetTrace, [topic, &id, ""], trace);
        let confirmed = detail.is_some();
        if let Some(detail) = detail {
            self.answers(Operation::GetMessageDetail, [topic, &id, ""], detail);
        }
        self.messages.push(Message {
            topic: topic.to_owned(),
            id,
            born,
            expected,
            confirmed,
        });
    }

    /// Returns the data of a trace with these elements about consumers.
    fn data(&self, topic: &str, kind: &Kind, infos: impl Into<Value>) -> Value {
        let produced = written(self.before_now(kind.age()));
        let mut records = self.nulls();
        records.push(json!({
            "produceStatus": "SUCCESS", "produceTime": produced, "arriveTime": produced, "produceDuration": 3,
            "clientHost": "10.0.0.1", "userName": "u", "messageSource": "SDK",
        }));
        json!({
            "regionId": super::REGION, "instanceId": super::INSTANCE, "topicName": topic,
            "messageInfo": kind.message_info(self, topic, "?"),
            "producerInfo": {"records": records},
            "brokerInfo": kind.broker_info(self),
            "consumerInfos": infos.into(),
        })
    }
}

/// Returns the elements of a shape, with the name of the group.
fn of_group(shape: &Shape, group: &str) -> Vec<Value> {
    let with_group = |info: &Value| {
        let mut info = info.clone();
        info["consumerGroupId"] = group.into();
        info
    };
    shape.infos.iter().map(with_group).collect()
}

/// Every shape for every group, and every kind of message for groups without a record.
fn any_shape(truth: &mut Truth) {
    let odd = "%RETRY%order-events_v2|x";
    let (orders_lags, odd_lags) = (
        [
            Lag::Zero,
            Lag::Zero,
            Lag::Backlog,
            Lag::Inflight,
            Lag::NoEntry,
            Lag::Zero,
        ],
        [
            Lag::Denied,
            Lag::NoInflight,
            Lag::Zero,
            Lag::Zero,
            Lag::NoReady,
            Lag::Backlog,
        ],
    );
    for (topic, lags) in [("orders", orders_lags), (odd, odd_lags)] {
        let mut listed = subscribed(topic);
        listed.insert(2, Value::Null);
        truth.lists(topic, listed);
        add_lags(truth, topic, lags);
    }
    let mut by_age = BTreeMap::new();
    for number in 0..ANY {
        let (topic, lags) = if number < ORDERS {
            ("orders", orders_lags)
        } else {
            (odd, odd_lags)
        };
        let kind = &KINDS[number % KINDS.len()];
        let stored = truth.before_now(kind.age());
        let shapes = by_age.entry(stored).or_insert_with(|| shapes::all(stored));
        let mut infos = truth.nulls();
        let mut pairs = absent();
        for (place, group) in GROUPS.into_iter().enumerate() {
            let shape = &shapes[(number + 11 * place) % shapes.len()];
            infos.extend(of_group(shape, group));
            let pair = match shape.outcome {
                Outcome::NoRecord => by_lag(lags[place], kind.since, kind.name),
                outcome => judged(outcome, shape.attempts, place, &shape.name),
            };
            pairs.insert(group.to_owned(), pair);
        }
        let data = truth.data(topic, kind, infos);
        truth.traced(topic, kind, data, Expected::Groups(pairs));
    }
}

/// Returns the verdict about the group that does not exist.
fn absent() -> BTreeMap<String, Pair> {
    let pair = Pair::new("absent", "in no answer and in no list");
    BTreeMap::from([(NEVER.to_owned(), pair)])
}

fn undetermined(rule: &str) -> BTreeMap<String, Pair> {
    BTreeMap::from([(NEVER.to_owned(), Pair::new("undetermined", rule))])
}

/// Tags and filters.
fn tags(truth: &mut Truth) {
    let topic = "tags";
    let mut listed = subscribed(topic);
    for (place, expression, kind) in [
        (0, "paid", "TAG"),
        (1, "paid||sent", "TAG"),
        (3, "amount > 3", "SQL"),
        (4, "paid", "UNSPECIFIED"),
    ] {
        listed[place]["filterExpression"] = expression.into();
        listed[place]["filterExpressionType"] = kind.into();
    }
    for field in ["filterExpression", "filterExpressionType"] {
        listed[5].as_object_mut().unwrap().remove(field);
    }
    truth.lists(topic, listed);
    add_lags(truth, topic, ALL_ZERO);
    // The field of the message, and for each group whether it receives the message: yes, no, or unknown (`?`).
    for (tag, received) in [
        (Some(json!("paid")), "yyy??y"),
        (Some(json!("sent")), "nyy??y"),
        (Some(json!("PAID")), "nny??y"),
        (Some(json!("")), "nny??y"),
        (Some(Value::Null), "nny??y"),
        (None, "??y??y"),
    ] {
        for with_record in [false, true] {
            for kind in [&KINDS[0], &OLD] {
                one_tag(truth, (topic, kind), tag.as_ref(), received, with_record);
            }
        }
    }
}

fn one_tag(
    truth: &mut Truth,
    (topic, kind): (&str, &Kind),
    tag: Option<&Value>,
    received: &str,
    with_record: bool,
) {
    let mut pairs = absent();
    for ((place, group), received) in GROUPS.into_iter().enumerate().zip(received.chars()) {
        let rule = format!("tag {tag:?}, received {received}");
        let pair = match received {
            'y' => by_lag(Lag::Zero, kind.since, &rule),
            'n' => Pair::new("filtered", rule),
            _ => Pair::new("undetermined", rule),
        };
        // A record outweighs the subscription as it is today.
        let pair = if with_record && place % 2 == 0 {
            judged(Outcome::Passed, 1, place, "a record and a filter")
        } else {
            pair
        };
        pairs.insert(group.to_owned(), pair);
    }
    let success = shapes::success(truth.before_now(kind.age()));
    let records = GROUPS
        .into_iter()
        .step_by(2)
        .take(3 * usize::from(with_record));
    let infos: Vec<_> = records
        .flat_map(|group| of_group(&success, group))
        .collect();
    let mut data = truth.data(topic, kind, infos);
    let message = data["messageInfo"].as_object_mut().unwrap();
    message.remove("messageTag");
    if let Some(tag) = tag {
        message.insert("messageTag".into(), tag.clone());
    }
    truth.traced(topic, kind, data, Expected::Groups(pairs));
}

/// Broadcasting, offline, inconsistent, listed twice, and not listed.
fn subscriptions(truth: &mut Truth) {
    let topic = "mixed";
    let mut listed = subscribed(topic);
    listed[0]["messageModel"] = "BROADCASTING".into();
    listed[1]["subscriptionStatus"] = "OFFLINE".into();
    listed[2]["consistency"] = "false".into();
    listed[2]["filterExpression"] = "sent".into();
    listed[3]["filterExpression"] = "sent".into();
    let (mut other, same) = (listed[3].clone(), listed[4].clone());
    other["filterExpression"] = "cancelled".into();
    listed[5] = same;
    listed.push(other);
    truth.lists(topic, listed);
    add_lags(truth, topic, ALL_ZERO);
    for number in 0..24 {
        let kind = &KINDS[number % 4];
        let shapes = shapes::all(truth.before_now(kind.age()));
        let mut pairs = absent();
        for (place, rule) in [
            (0, "broadcasting"),
            (2, "an inconsistent filter"),
            (3, "two filters"),
        ] {
            pairs.insert(GROUPS[place].to_owned(), Pair::new("undetermined", rule));
        }
        for (place, rule) in [(1, "offline"), (4, "listed twice, with one filter")] {
            let pair = by_lag(Lag::Zero, kind.since, rule);
            pairs.insert(GROUPS[place].to_owned(), pair);
        }
        pairs.insert(
            GROUPS[5].to_owned(),
            Pair::new("absent", "not listed, without a record"),
        );
        let mut infos = Vec::new();
        // One group of the six has records.
        let place = number % 6;
        let shape = &shapes[number * 5 % shapes.len()];
        if shape.outcome != Outcome::NoRecord {
            infos.extend(of_group(shape, GROUPS[place]));
            let pair = judged(shape.outcome, shape.attempts, place, &shape.name);
            match pairs.get_mut(GROUPS[place]).filter(|_| place == 0) {
                // A record is about one client of a broadcasting group.
                Some(broadcasting) => broadcasting.without_model = Some(Box::new(pair)),
                None => drop(pairs.insert(GROUPS[place].to_owned(), pair)),
            }
        }
        let data = truth.data(topic, kind, infos);
        truth.traced(topic, kind, data, Expected::Groups(pairs));
    }
}

/// The key may not ask for the subscriptions.
fn unlisted(truth: &mut Truth) {
    let topic = "unlisted";
    let reply = Reply::refused(403, "NoPermission");
    truth.answers(Operation::ListTopicSubscriptions, [topic, "", ""], reply);
    add_lags(truth, topic, ALL_ZERO);
    for number in 0..18 {
        let kind = &KINDS[number % 3];
        let shapes = shapes::all(truth.before_now(kind.age()));
        let mut pairs = undetermined("the subscriptions are unknown");
        let mut infos = Vec::new();
        for (place, group) in GROUPS.into_iter().enumerate() {
            let shape = &shapes[(number * 3 + place) % shapes.len()];
            let pair = if place < 3 || shape.outcome == Outcome::NoRecord {
                Pair::new(
                    "undetermined",
                    "not in the trace, and the subscriptions are unknown",
                )
            } else {
                infos.extend(of_group(shape, group));
                judged(shape.outcome, shape.attempts, place, &shape.name)
            };
            pairs.insert(group.to_owned(), pair);
        }
        let data = truth.data(topic, kind, infos);
        truth.traced(topic, kind, data, Expected::Groups(pairs));
    }
}

/// No group subscribes.
fn nobody(truth: &mut Truth) {
    let topic = "nobody";
    truth.lists(topic, json!([]));
    for infos in [json!([]), Value::Null, json!([null])] {
        let mut pairs = absent();
        for group in GROUPS {
            let pair = Pair::new("absent", "nobody subscribes");
            pairs.insert(group.to_owned(), pair);
        }
        let data = truth.data(topic, &KINDS[0], infos);
        truth.traced(topic, &KINDS[0], data, Expected::Groups(pairs));
    }
}

/// The topic does not exist.
fn without_topic(truth: &mut Truth) {
    for status in [404, 200, 400] {
        let reply = Reply::refused(status, "Topic.NotFound");
        truth.message(("gone", &KINDS[0]), reply, None, Expected::NotFound);
    }
}

/// What `GetMessageDetail` says.
#[derive(Debug, Clone, Copy)]
enum Detail {
    Found(&'static Kind),
    NotFound(u16),
    Denied,
    Empty,
}

impl Detail {
    fn reply(self, truth: &Truth, topic: &str) -> Reply {
        match self {
            Self::Found(kind) => {
                let mut data = kind.message_info(truth, topic, "?");
                data["bodySize"] = 6.into();
                data["systemProperties"] = json!({"__k": "v"});
                Reply::data(data)
            }
            Self::NotFound(status) => Reply::refused(status, "Message.NotFound"),
            Self::Denied => Reply::refused(403, "NoPermission"),
            Self::Empty => Reply::data(Value::Null),
        }
    }
}

/// The trace does not prove that the message exists.
fn unconfirmed(truth: &mut Truth) {
    let topic = "lost";
    truth.lists(topic, subscribed(topic));
    let lags = [
        Lag::Zero,
        Lag::Backlog,
        Lag::Inflight,
        Lag::Zero,
        Lag::NoEntry,
        Lag::Denied,
    ];
    add_lags(truth, topic, lags);
    let details = [
        Detail::Found(&KINDS[0]),
        Detail::Found(&KINDS[4]),
        Detail::Found(&KINDS[5]),
        Detail::Found(&KINDS[10]),
        Detail::Found(&KINDS[12]),
        Detail::NotFound(404),
        Detail::NotFound(200),
        Detail::Denied,
        Detail::Empty,
    ];
    for detail in details {
        for status in [404, 200] {
            let trace = Reply::refused(status, "Message.NotFound");
            one_unconfirmed(truth, topic, lags, (trace, false), detail);
        }
        for message_info in [None, Some(Value::Null), Some(json!({}))] {
            for with_record in [false, true] {
                let success = shapes::success(truth.before_now(KINDS[0].age()));
                let infos = of_group(&success, GROUPS[0]);
                let infos = if with_record { infos } else { Vec::new() };
                let mut data = truth.data(topic, &KINDS[0], infos);
                data.as_object_mut().unwrap().remove("messageInfo");
                data.as_object_mut().unwrap().remove("brokerInfo");
                if let Some(message_info) = &message_info {
                    data["messageInfo"] = message_info.clone();
                }
                one_unconfirmed(truth, topic, lags, (Reply::data(data), with_record), detail);
            }
        }
    }
}

fn one_unconfirmed(
    truth: &mut Truth,
    topic: &str,
    lags: [Lag; 6],
    (trace, with_record): (Reply, bool),
    detail: Detail,
) {
    let mut pairs = absent();
    for (place, group) in GROUPS.into_iter().enumerate() {
        let pair = match detail {
            _ if with_record && place == 0 => judged(Outcome::Passed, 1, 0, "a record"),
            Detail::Found(kind) => by_lag(lags[place], kind.since, "confirmed"),
            _ => Pair::new("undetermined", format!("{detail:?}")),
        };
        pairs.insert(group.to_owned(), pair);
    }
    let expected = match detail {
        Detail::NotFound(_) if !with_record => Expected::NotFound,
        _ => Expected::Groups(pairs),
    };
    let reply = detail.reply(truth, topic);
    truth.message((topic, &KINDS[0]), trace, Some(reply), expected);
}

/// A consumer in the trace has no name.
fn nameless(truth: &mut Truth) {
    let topic = "nameless";
    truth.lists(topic, subscribed(topic));
    add_lags(truth, topic, ALL_ZERO);
    for name in [Value::Null, json!("")] {
        let kind = &KINDS[0];
        let success = shapes::success(truth.before_now(kind.age()));
        let mut infos = of_group(&success, GROUPS[0]);
        let mut without_name = infos[0].clone();
        without_name["consumerGroupId"] = name;
        infos.push(without_name);
        let mut pairs = undetermined("a consumer has no name");
        for (place, group) in GROUPS.into_iter().enumerate() {
            let pair = if place == 0 {
                judged(Outcome::Passed, 1, 0, "named")
            } else {
                by_lag(Lag::Zero, Since::Long, "beside a consumer without name")
            };
            pairs.insert(group.to_owned(), pair);
        }
        let data = truth.data(topic, kind, infos);
        truth.traced(topic, kind, data, Expected::Groups(pairs));
    }
}

/// The trace cannot be read, however often it is asked for.
fn unanswered(truth: &mut Truth) {
    let mut without_code = Reply::refused(404, "");
    let body = without_code.body.as_object_mut().unwrap();
    body.remove("code");
    body.remove("dynamicCode");
    let mut at_200 = without_code.clone();
    at_200.status = 200;
    for reply in [without_code, at_200] {
        truth.message(("orders", &KINDS[0]), reply, None, Expected::Unanswered);
    }
}
