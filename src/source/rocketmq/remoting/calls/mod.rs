//! The typed calls: what name servers know, what brokers know of groups and of queues, and messages. None of them writes
//! to the cluster; the exception that is none is at [`Remoting::pull`].
//!
//! Brokers are asked at an address (`host:port`), topics and groups by their names on the wire.
//! What is not there is `None` or empty, never an error.

mod groups;
mod messages;
mod name_server;
mod queues;

pub use messages::{Lookup, Pull, Pulled};

use std::str::FromStr;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{Answer, CallError, Cause, Remoting, Request, RequestCode, lax_json};

/// Answers of many megabytes, or many disk reads, take their time.
const HEAVY: u32 = 6;

/// A queue of a topic on one broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueOf<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The queue's number on the broker.
    pub queue_id: u32,
}

/// How answers are read.
impl Remoting {
    async fn json<T: DeserializeOwned>(
        &self,
        broker: &str,
        request: Request,
    ) -> Result<T, CallError> {
        self.json_within(broker, request, self.timeout()).await
    }

    async fn heavy_json<T: DeserializeOwned>(
        &self,
        broker: &str,
        request: Request,
    ) -> Result<T, CallError> {
        self.json_within(broker, request, self.timeout() * HEAVY)
            .await
    }

    async fn json_within<T: DeserializeOwned>(
        &self,
        broker: &str,
        request: Request,
        within: Duration,
    ) -> Result<T, CallError> {
        let call = request.code();
        let answer = self.call_within(broker, request, within).await?;
        read(broker, call, &answer)
    }

    async fn offset(&self, broker: &str, request: Request) -> Result<i64, CallError> {
        let call = request.code();
        let answer = self.call(broker, request).await?;
        field(broker, call, &answer, "offset")
    }
}

fn of_queue(call: RequestCode, queue: QueueOf<'_>) -> Request {
    Request::new(call)
        .with("topic", queue.topic)
        .with("queueId", queue.queue_id)
}

fn read<T: DeserializeOwned>(
    address: &str,
    call: RequestCode,
    answer: &Answer,
) -> Result<T, CallError> {
    lax_json::from_slice(&answer.body)
        .map_err(|why| error(address, call, Cause::Malformed(why.to_string())))
}

fn field<T: FromStr>(
    address: &str,
    call: RequestCode,
    answer: &Answer,
    name: &str,
) -> Result<T, CallError> {
    let value = answer.fields.get(name).and_then(|value| value.parse().ok());
    value.ok_or_else(|| {
        let what = format!("its head has no number `{name}`");
        error(address, call, Cause::Malformed(what))
    })
}

fn error(address: &str, call: RequestCode, cause: Cause) -> CallError {
    CallError {
        address: address.into(),
        call,
        cause,
    }
}
