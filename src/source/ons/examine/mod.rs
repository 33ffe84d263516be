//! What became of messages beyond the offsets: dead letters of groups and traces of messages (`docs/facts/processing.md`
//! §B).
//!
//! - [`dead_letters`]: `OnsDLQMessagePageQueryByGroupId`, page by page, in windows of time.
//! - [`traces`]: `OnsTraceQueryByMsgId` starts a query, `OnsTraceGetResult` returns its result.
//! - [`fields`]: reads the fields of answers, whatever their shape.
//!
//! Nothing here fails: what could not be read is stated with the reason. Every operation only reads.

mod dead_letters;
pub(super) mod fields;
#[cfg(test)]
mod tests;
mod traces;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::answer::parse_field;
use super::request::Call;
use crate::clock::{self, Clock};
use crate::evidence::{Examination, MessageKeys, Proof};
use crate::settings::Deadline;
use crate::source::{CallPacer, Failure, Ons};

/// The groups whose dead letters are asked for.
#[derive(Debug)]
pub struct DeadLetterRequest<'a> {
    /// Groups with their instances, expected ones first.
    pub groups: Vec<(Option<Arc<str>>, Arc<str>)>,
    /// The time since which dead letters are asked for: earlier, none of the messages can have had one. Those of more than
    /// three days ago are deleted.
    pub from: Timestamp,
    /// The time until which dead letters are asked for: now.
    pub to: Timestamp,
    /// The messages that are looked for.
    pub keys: &'a MessageKeys,
    /// Most calls that the examination may make.
    pub limit: u64,
    /// Until when calls may begin.
    pub last_call: LastCall<'a>,
}

/// Until when calls may begin.
#[derive(Debug, Clone, Copy)]
pub struct LastCall<'a> {
    /// No call begins after it.
    pub deadline: Option<&'a Deadline>,
    /// Returns the current time.
    pub clock: Clock,
}

impl LastCall<'_> {
    /// Calls may begin at any time.
    pub const AT_ANY_TIME: Self = Self {
        deadline: None,
        clock: clock::system,
    };

    /// Returns why no call may begin now.
    fn reason(self) -> Option<Arc<str>> {
        let deadline = self.deadline?;
        let is_over = deadline.left((self.clock)()) <= SignedDuration::ZERO;
        is_over.then(|| format!("the time is up ({})", deadline.given_by).into())
    }
}

/// A message whose trace is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceQuery {
    /// The instance of the topic.
    pub instance_id: Option<Arc<str>>,
    /// The topic.
    pub topic: Arc<str>,
    /// The message ID.
    pub msg_id: Arc<str>,
    /// When the producer made the message, if it is known. Otherwise the last three days are searched.
    pub born_at: Option<Timestamp>,
}

/// What the traces of messages say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceExamination {
    /// What the clients have reported.
    pub proofs: Vec<Proof>,
    /// What came of each query, in the order of the queries.
    pub outcomes: Vec<TraceOutcome>,
    /// Number of calls that it took.
    pub calls: u64,
}

/// What came of the query for the trace of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceOutcome {
    /// At least one client has reported success or failure.
    Reported,
    /// The trace has no report of a client: its consumers do not trace, or have not finished.
    NoReport,
    /// The message could not be traced, with the reason.
    Untraced(Arc<str>),
}

/// Makes one attempt of a call and returns the field of its answer. The tests have one without a socket.
trait Api {
    /// Makes the attempt.
    async fn attempt(&self, call: Call<'_>, field: &str) -> Result<Option<Value>, Failure>;
}

impl Api for Ons {
    async fn attempt(&self, call: Call<'_>, field: &str) -> Result<Option<Value>, Failure> {
        let operation = call.operation;
        self.api
            .attempt(call, |status, body, redactor| {
                parse_field((operation, field), status, body, redactor)
            })
            .await
    }
}

impl Ons {
    /// Asks for the dead letters of each group. A group that could not be read is
    /// [`incomplete`](crate::evidence::ExaminedTopic::incomplete); what was found in it until then is kept.
    ///
    /// `pace` is that of `OnsDLQMessagePageQueryByGroupId`, which has a quota of its own.
    pub async fn dead_letters<P: CallPacer>(
        &self,
        request: &DeadLetterRequest<'_>,
        pace: &P,
    ) -> Examination {
        dead_letters::examine(self, request, pace).await
    }

    /// Asks for the trace of each message. There are proofs for all groups that a trace names.
    ///
    /// `pace` is that of `OnsTraceQueryByMsgId`, which has a quota of its own. The results are asked for at most once a
    /// second, which is far below the quota of `OnsTraceGetResult`.
    pub async fn traces<P: CallPacer>(
        &self,
        messages: &[TraceQuery],
        last_call: LastCall<'_>,
        pace: &P,
    ) -> TraceExamination {
        traces::examine(self, messages, (self.api.now(), last_call), pace).await
    }
}

/// Returns a name without the prefix of its instance, with which the service stores it. If the call names no instance, the
/// source does, so that of any instance is removed.
pub(super) fn plain_name<'n>(name: &'n str, instance: Option<&str>) -> &'n str {
    match (name.split_once('%'), instance) {
        (Some((prefix, plain)), Some(instance)) if prefix == instance => plain,
        (Some((prefix, plain)), None) if prefix.starts_with("MQ_INST_") => plain,
        _ => name,
    }
}
