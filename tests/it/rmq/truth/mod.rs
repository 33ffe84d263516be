//! What the service answers about a few hundred messages and six groups, and the verdicts that follow.
//!
//! Every message is made by a rule. The rule knows the verdict, what a pass rests on, and the number of deliveries. Nothing
//! here uses the code under test.
//!
//! - [`shapes`]: what a trace can say about one group
//! - [`times`]: since when consumers can receive a message
//! - [`groups`]: the groups: how they retry, how far they lag
//! - [`topics`]: the messages of each topic

mod groups;
mod shapes;
mod times;
mod topics;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::wire::{Asked, Operation};

pub(crate) use groups::{GROUPS, NEVER};
use shapes::Outcome;
use times::Since;

pub(crate) const INSTANCE: &str = "rmq-cn-7e22ody4321";
const REGION: &str = "cn-hangzhou";

/// How long messages are kept, in hours.
pub(crate) const RETENTION: u32 = 70;

/// An answer; the gateway adds the request ID.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Reply {
    pub(super) fn data(data: Value) -> Self {
        let mut body = json!({"success": true, "httpStatusCode": 200});
        body["data"] = data;
        Self { status: 200, body }
    }

    /// A success whose envelope has the fields that other answers leave out.
    pub(super) fn with_code(mut self) -> Self {
        self.body["code"] = "200".into();
        self.body["message"] = "SUCCESS".into();
        self
    }

    pub(super) fn refused(status: u16, code: &str) -> Self {
        let body = json!({
            "success": false, "httpStatusCode": status, "code": code, "dynamicCode": code,
            "message": "What is asked for cannot be found.", "dynamicMessage": code,
        });
        Self { status, body }
    }
}

/// What a verdict follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// Whether the group subscribes, and to what.
    Subscription,
    /// The lag of the group.
    Lag,
    /// What the trace says about the group.
    Record,
    /// The same, and how the group retries.
    Policy,
}

/// The verdict about one message and one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) verdict: &'static str,
    /// What `passed` rests on; empty for other verdicts.
    pub(crate) evidence: &'static str,
    /// Number of deliveries.
    pub(crate) attempts: usize,
    /// What decides.
    pub(crate) by: By,
    /// The dead letter is deleted.
    pub(crate) not_kept: bool,
    /// What follows if it is unknown that the group is a broadcasting one.
    pub(crate) without_model: Option<Box<Self>>,
    /// The rule, for messages of tests.
    pub(crate) rule: String,
}

impl Pair {
    /// Returns whether the trace names the group.
    pub(crate) const fn is_recorded(&self) -> bool {
        matches!(self.by, By::Record | By::Policy)
    }

    fn new(verdict: &'static str, rule: impl Into<String>) -> Self {
        Self {
            verdict,
            evidence: "",
            attempts: 0,
            by: By::Subscription,
            not_kept: false,
            without_model: None,
            rule: rule.into(),
        }
    }
}

/// What is true about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    NotFound,
    Unanswered,
    /// By group.
    Groups(BTreeMap<String, Pair>),
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) id: String,
    pub(crate) born: Timestamp,
    pub(crate) expected: Expected,
    /// The detail of the message must be asked for.
    pub(crate) confirmed: bool,
}

/// The answers and the verdicts.
#[derive(Debug)]
pub(crate) struct Truth {
    pub(crate) now: Timestamp,
    pub(crate) messages: Vec<Message>,
    replies: BTreeMap<Asked, Reply>,
}

impl Truth {
    /// Makes the table; its times are relative to `now`.
    pub(crate) fn at(now: Timestamp) -> Self {
        // The service has times of whole seconds.
        let mut truth = Self {
            now: Timestamp::from_second(now.as_second()).unwrap(),
            messages: Vec::new(),
            replies: BTreeMap::new(),
        };
        groups::add(&mut truth);
        topics::add(&mut truth);
        truth
    }

    /// Returns the table for now.
    pub(crate) fn now() -> Self {
        Self::at(ons_audit::clock::system())
    }

    /// Returns everything that the table has an answer to.
    pub(crate) fn askable(&self) -> impl Iterator<Item = (&Asked, &Reply)> {
        self.replies.iter()
    }

    /// Returns the topics of messages.
    pub(crate) fn topics(&self) -> BTreeSet<&str> {
        self.messages.iter().map(|m| m.topic.as_str()).collect()
    }

    /// Returns the answer; a refusal if the table has none.
    pub(crate) fn reply(&self, asked: &Asked) -> Reply {
        let code = match asked.operation {
            _ if asked.instance != INSTANCE => "Instance.NotFound",
            Operation::GetTrace | Operation::GetMessageDetail => "Message.NotFound",
            Operation::ListTopicSubscriptions => "Topic.NotFound",
            _ => "ConsumerGroup.NotFound",
        };
        let reply = self.replies.get(asked).cloned();
        reply.unwrap_or_else(|| Reply::refused(404, code))
    }

    /// Returns what is wrong with the parameters of a request.
    pub(super) fn complaint(
        &self,
        asked: &Asked,
        query: &BTreeMap<String, String>,
    ) -> Option<String> {
        let (Some(start), Some(end)) = (query.get("startTime"), query.get("endTime")) else {
            let is_half = query.contains_key("startTime") || query.contains_key("endTime");
            return is_half.then(|| "half of an interval".to_owned());
        };
        let mut messages = self.messages.iter();
        let message = messages.find(|m| m.topic == asked.topic && m.id == asked.message)?;
        let (Some(start), Some(end)) = (time_of(start), time_of(end)) else {
            return Some(format!("the interval {start} to {end}"));
        };
        let day = SignedDuration::from_hours(24);
        let before = message.born.duration_since(start);
        let after = end.duration_since(self.now);
        let is_right = (day..=day * 4).contains(&before)
            && (SignedDuration::from_secs(-5)..day * 2).contains(&after);
        (!is_right)
            .then(|| format!("starts {before:?} before the message, ends {after:?} from now"))
    }

    /// Returns the verdict of a pair, if the message has groups.
    pub(crate) fn pair(&self, topic: &str, id: &str, group: &str) -> Option<&Pair> {
        let mut messages = self.messages.iter();
        let message = messages.find(|message| message.topic == topic && message.id == id)?;
        match &message.expected {
            Expected::Groups(groups) => groups.get(group),
            Expected::NotFound | Expected::Unanswered => None,
        }
    }

    fn answers(&mut self, operation: Operation, names: [&str; 3], reply: Reply) {
        let [topic, message, group] = names.map(str::to_owned);
        let instance = INSTANCE.to_owned();
        let asked = Asked {
            operation,
            instance,
            topic,
            message,
            group,
        };
        assert!(
            self.replies.insert(asked, reply).is_none(),
            "{names:?} twice"
        );
    }

    /// Returns null elements for a list of the next message, in some messages.
    fn nulls(&self) -> Vec<Value> {
        let are_there = self.messages.len().is_multiple_of(5);
        vec![Value::Null; usize::from(are_there)]
    }

    fn before_now(&self, seconds: i64) -> Timestamp {
        self.now - SignedDuration::from_secs(seconds)
    }
}

/// Returns the time as the service writes it: without a zone, of UTC+8 everywhere.
pub(crate) fn written(time: Timestamp) -> String {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    time.to_zoned(zone)
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

fn time_of(text: &str) -> Option<Timestamp> {
    let time = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    Some(time.to_zoned(zone).ok()?.timestamp())
}
