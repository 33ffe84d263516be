//! Answers, tracks and flows without a socket, and what is sent over one.

mod answers;
mod auxiliary;
mod flows;
mod judging;
mod wire;

use std::cell::RefCell;
use std::future::Future;
use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::service::{Api, RmqService};
use crate::engine::{Pacer, Rate};
use crate::message::Query;
use crate::source::ons::Endpoint;
use crate::source::ons::redact::Redactor;
use crate::source::ons::request::Call;
use crate::source::{Failure, FailureKind, Trace, TraceSource as _};

/// A call as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Made {
    operation: &'static str,
    names: Vec<String>,
    parameters: Vec<(&'static str, String)>,
}

/// What comes of a call.
#[derive(Debug, Clone)]
enum Reply {
    /// Status and body of a response.
    Body(u16, String),
    /// The connection breaks.
    Broken,
}

/// Answers calls by a function, each after ten milliseconds.
struct Fake<F> {
    answer: F,
    made: RefCell<Vec<Made>>,
}

impl<F: Fn(&Made) -> Reply> Fake<F> {
    const fn answering(answer: F) -> Self {
        Self {
            answer,
            made: RefCell::new(Vec::new()),
        }
    }
}

impl<F: Fn(&Made) -> Reply> Api for &Fake<F> {
    fn now(&self) -> Timestamp {
        time("2026-11-22T12:00:00.5Z")
    }

    async fn attempt<T>(
        &self,
        call: Call<'_>,
        parse: impl FnOnce(u16, &[u8], &Redactor) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let owned = |(name, value): (_, &str)| (name, value.to_owned());
        let made = Made {
            operation: call.operation.name(),
            names: call.names.iter().map(|name| (*name).to_owned()).collect(),
            parameters: call.parameters.into_iter().map(owned).collect(),
        };
        let answer = (self.answer)(&made);
        self.made.borrow_mut().push(made);
        let Reply::Body(status, body) = answer else {
            let message = "the connection broke";
            return Err(Failure::new(FailureKind::Transport, None, message));
        };
        parse(
            status,
            body.as_bytes(),
            &Redactor::new(["LTAI5tExampleKey1234"]),
        )
    }
}

impl<F: Fn(&Made) -> Reply> Fake<F> {
    /// Returns a service at `rmq://cn-hangzhou/rmq-cn-s`.
    fn service(&self) -> RmqService<&Self> {
        let endpoint = Endpoint::parse("rmq://cn-hangzhou/rmq-cn-s", false).unwrap();
        RmqService::new(self, &endpoint)
    }

    /// Asks about a message at full speed.
    fn trace(&self, query: &Query) -> Result<Trace, Failure> {
        paused(async { self.service().trace(query, &unlimited()).await })
    }

    fn operations(&self) -> Vec<&'static str> {
        self.made
            .borrow()
            .iter()
            .map(|made| made.operation)
            .collect()
    }
}

/// Runs a future with a clock that stands still while anything can be done.
fn paused<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(future)
}

fn unlimited() -> Pacer {
    Pacer::new(Rate::Max, NonZeroU32::MIN)
}

fn query() -> Query {
    Query {
        instance_id: Some("rmq-cn-i".into()),
        topic: "orders".into(),
        msg_id: "01DA97D4F2A81B0A5C06F5B7E300000000".into(),
        position: None,
        born_after: None,
        send_result: None,
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A success with data.
fn success(data: &Value) -> Reply {
    let body = json!({"requestId": "r-1", "success": true, "code": "200", "data": data});
    Reply::Body(200, body.to_string())
}

/// An error of the service.
fn refused(status: u16, code: &str) -> Reply {
    let body = json!({"requestId": "r-2", "success": false, "code": code, "message": "it is so"});
    Reply::Body(status, body.to_string())
}

const fn broken() -> Reply {
    Reply::Broken
}

/// The data of a trace: a message stored at noon in China, and these consumers.
fn traced(consumers: &Value) -> Reply {
    success(&json!({
        "messageInfo": {
            "messageId": "01DA", "messageType": "NORMAL", "messageTag": "paid",
            "bornTime": "2026-11-22 11:59:59", "storeTime": "2026-11-22 12:00:00", "body": "secret"
        },
        "consumerInfos": consumers
    }))
}

/// Subscriptions of these groups to all tags.
fn subscribed(groups: &[&str]) -> Reply {
    let subscription = |group: &&str| json!({"consumerGroupId": group, "filterExpression": "*"});
    success(&groups.iter().map(subscription).collect())
}

/// Formats every track as `GROUP=WORD`, with its marks.
fn words(trace: &Trace) -> String {
    let word = |track: &crate::source::Track| {
        let mut word = format!("{}={}", track.group, track.track_type);
        for mark in track.marks.words() {
            word.push('+');
            word.push_str(mark);
        }
        word
    };
    let words: Vec<_> = trace.tracks.iter().map(word).collect();
    words.join(" ")
}
