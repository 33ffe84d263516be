//! The operations, one file each.
//!
//! `OnsMessageTrace` works with every source, the others with snapshots only. Those about dead letters and traces need a
//! snapshot of a cluster that was examined for them; otherwise they do not exist. Every operation only reads. Fields that the snapshot does not have are
//! left out: in these operations every field is optional (`docs/facts/ons-api.md` §2.3).

mod consumer_time_span;
mod dlq_message_get_by_id;
mod dlq_message_page_query;
mod examined_group;
mod instance_list;
mod message_get_by_msg_id;
mod message_trace;
mod region_list;
mod topic_sub_detail;
mod trace_get_result;
mod trace_query_by_msg_id;

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::upstream::Upstream;
use super::{ApiError, BodyFormat, Parameters, Principal};
use crate::engine::Rate;
use crate::evidence::Examination;
use crate::offsets::snapshot::TopicState;
use crate::source::snapshot::{NO_MESSAGE, absent};
use crate::source::{Failure, Snapshot};

/// The version of the API.
pub const VERSION: &str = "2019-02-14";

/// Queries for traces: the quota of the cloud.
const TRACE_QUERIES: Rate = Rate::Limited {
    calls: NonZeroU32::new(30).expect("thirty is not zero"),
    per: Duration::from_mins(1),
};

/// An operation that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Returns which groups consumed a message.
    MessageTrace,
    /// Returns the online groups that subscribe to a topic.
    TopicSubDetail,
    /// Returns a message and its store time.
    MessageGetByMsgId,
    /// Returns the store times of a topic's oldest and newest messages, and how far a group has consumed.
    ConsumerTimeSpan,
    /// Returns the regions; the source counts as one.
    RegionList,
    /// Returns the instances.
    InstanceInServiceList,
    /// Returns a page of the dead letters of a group.
    DlqMessagePageQuery,
    /// Returns a dead letter of a group.
    DlqMessageGetById,
    /// Starts the query for the trace of a message.
    TraceQueryByMsgId,
    /// Returns the result of a query for a trace.
    TraceGetResult,
}

impl Action {
    /// All operations.
    pub const ALL: [Self; 10] = [
        Self::MessageTrace,
        Self::TopicSubDetail,
        Self::MessageGetByMsgId,
        Self::ConsumerTimeSpan,
        Self::RegionList,
        Self::InstanceInServiceList,
        Self::DlqMessagePageQuery,
        Self::DlqMessageGetById,
        Self::TraceQueryByMsgId,
        Self::TraceGetResult,
    ];

    /// Returns the name that clients use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MessageTrace => "OnsMessageTrace",
            Self::TopicSubDetail => "OnsTopicSubDetail",
            Self::MessageGetByMsgId => "OnsMessageGetByMsgId",
            Self::ConsumerTimeSpan => "OnsConsumerTimeSpan",
            Self::RegionList => "OnsRegionList",
            Self::InstanceInServiceList => "OnsInstanceInServiceList",
            Self::DlqMessagePageQuery => "OnsDLQMessagePageQueryByGroupId",
            Self::DlqMessageGetById => "OnsDLQMessageGetById",
            Self::TraceQueryByMsgId => "OnsTraceQueryByMsgId",
            Self::TraceGetResult => "OnsTraceGetResult",
        }
    }

    /// Returns the name of the field with the answer.
    const fn field(self) -> &'static str {
        match self {
            Self::DlqMessagePageQuery => "MsgFoundDo",
            Self::TraceQueryByMsgId => "QueryId",
            Self::TraceGetResult => "TraceData",
            _ => "Data",
        }
    }

    /// Returns the rate that an account may call the operation at if `quota` is that of the others. Queries for traces are
    /// the expensive ones: 30 a minute (`docs/facts/ons-api.md` §2.1).
    #[must_use]
    pub fn quota(self, quota: Rate) -> Rate {
        let most = match self {
            Self::TraceQueryByMsgId => TRACE_QUERIES,
            _ => return quota,
        };
        match quota.interval() {
            Some(interval) if Some(interval) < most.interval() => most,
            _ => quota,
        }
    }

    /// Finds an operation by its name.
    ///
    /// # Errors
    ///
    /// [`ApiError::UnknownAction`].
    pub fn named(name: &str) -> Result<Self, ApiError> {
        let mut all = Self::ALL.into_iter();
        all.find(|action| action.name() == name)
            .ok_or(ApiError::UnknownAction)
    }

    /// Performs the operation; returns the body of the answer.
    pub(super) async fn answer(
        self,
        context: &ActionContext<'_>,
        format: BodyFormat,
        request_id: &str,
    ) -> Result<Vec<u8>, ApiError> {
        let name = (self.name(), self.field());
        Ok(match self {
            Self::MessageTrace => {
                format.answer(name, request_id, &message_trace::answer(context).await?)
            }
            Self::TopicSubDetail => {
                format.answer(name, request_id, &topic_sub_detail::answer(context)?)
            }
            Self::MessageGetByMsgId => {
                format.answer(name, request_id, &message_get_by_msg_id::answer(context)?)
            }
            Self::ConsumerTimeSpan => {
                format.answer(name, request_id, &consumer_time_span::answer(context)?)
            }
            Self::RegionList => format.answer(name, request_id, &region_list::answer(context)?),
            Self::InstanceInServiceList => {
                format.answer(name, request_id, &instance_list::answer(context)?)
            }
            Self::DlqMessagePageQuery => {
                format.answer(name, request_id, &dlq_message_page_query::answer(context)?)
            }
            Self::DlqMessageGetById => {
                format.answer(name, request_id, &dlq_message_get_by_id::answer(context)?)
            }
            Self::TraceQueryByMsgId => {
                format.answer(name, request_id, &trace_query_by_msg_id::answer(context)?)
            }
            Self::TraceGetResult => {
                format.answer(name, request_id, &trace_get_result::answer(context)?)
            }
        })
    }
}

/// What an operation works with.
#[derive(Debug)]
pub(super) struct ActionContext<'a> {
    pub(super) parameters: &'a Parameters<'a>,
    pub(super) principal: &'a Principal,
    pub(super) upstream: &'a Upstream,
}

impl ActionContext<'_> {
    /// Returns the topic of the call, after checking the right to it.
    fn topic(&self) -> Result<&str, ApiError> {
        let topic = self.parameters.required("Topic")?;
        self.principal.may_use_topic(topic)?;
        Ok(topic)
    }

    /// Returns the instance of the call or else of the source, after checking the right to it.
    fn instance(&self) -> Result<Option<&str>, ApiError> {
        let named = self.parameters.get("InstanceId");
        let instance = named.or_else(|| self.upstream.instance_id());
        self.principal.may_use_instance(instance)?;
        Ok(instance)
    }

    /// Turns a failure about a message into an error that reveals nothing the principal has no right to.
    fn error_for(&self, failure: Failure, topic: &str, msg_id: &str) -> ApiError {
        let Some(topics) = self.principal.topics() else {
            return failure.into();
        };
        if let Some(snapshot) = self.upstream.snapshot() {
            let query = (self.parameters.get("InstanceId"), topic, msg_id);
            return snapshot.discreet(failure, query, topics).into();
        }
        match failure.code.as_deref() {
            // Brokers and other gateways may name the topic that has the message.
            Some(NO_MESSAGE) => ApiError::not_found(NO_MESSAGE, absent(topic)),
            _ => failure.into(),
        }
    }

    /// Returns the snapshot. For any other source the operation does not exist.
    fn snapshot(&self) -> Result<&Snapshot, ApiError> {
        self.upstream.snapshot().ok_or(ApiError::UnknownAction)
    }

    /// Returns what was examined beyond the offsets. Without it the operation does not exist.
    fn examination(&self) -> Result<&Examination, ApiError> {
        let examination = self.snapshot()?.state().examination.as_ref();
        examination.ok_or(ApiError::UnknownAction)
    }

    /// Returns a whole number of the call. `None` if it is not given.
    fn number(&self, name: &'static str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.parameters.get(name) else {
            return Ok(None);
        };
        let number = text.parse().map_err(|_| {
            ApiError::invalid_field(format!("{name} is `{text}`, which is no whole number"))
        })?;
        Ok(Some(number))
    }

    /// Returns a time of the call, in milliseconds.
    fn millis(&self, name: &'static str) -> Result<i64, ApiError> {
        self.number(name)?.ok_or(ApiError::MissingField(name))
    }

    /// Returns the time from `BeginTime` to `EndTime`, in milliseconds.
    fn period(&self) -> Result<RangeInclusive<i64>, ApiError> {
        let (begin, end) = (self.millis("BeginTime")?, self.millis("EndTime")?);
        if begin > end {
            let message = format!("BeginTime {begin} is after EndTime {end}");
            return Err(ApiError::invalid_field(message));
        }
        Ok(begin..=end)
    }

    /// Returns the topic of the call with its state in the snapshot.
    fn topic_state(&self) -> Result<(&str, &TopicState), ApiError> {
        let snapshot = self.snapshot()?;
        let topic = self.topic()?;
        let state = snapshot.topic(self.instance()?, topic)?;
        Ok((topic, state))
    }
}
