//! The operations, one file each.
//!
//! `OnsMessageTrace` works with every source, the others with snapshots only. Fields that the snapshot does not have are
//! left out: in these operations every field is optional (`docs/facts/ons-api.md` §2.3).

mod consumer_time_span;
mod instance_list;
mod message_get_by_msg_id;
mod message_trace;
mod region_list;
mod topic_sub_detail;

use super::upstream::Upstream;
use super::{ApiError, BodyFormat, Parameters, Principal};
use crate::offsets::snapshot::TopicState;
use crate::source::snapshot::{NO_MESSAGE, absent};
use crate::source::{Failure, Snapshot};

/// The version of the API.
pub const VERSION: &str = "2019-02-14";

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
}

impl Action {
    /// All operations.
    pub const ALL: [Self; 6] = [
        Self::MessageTrace,
        Self::TopicSubDetail,
        Self::MessageGetByMsgId,
        Self::ConsumerTimeSpan,
        Self::RegionList,
        Self::InstanceInServiceList,
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
        let name = self.name();
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

    /// Returns the topic of the call with its state in the snapshot.
    fn topic_state(&self) -> Result<(&str, &TopicState), ApiError> {
        let snapshot = self.snapshot()?;
        let topic = self.topic()?;
        let state = snapshot.topic(self.instance()?, topic)?;
        Ok((topic, state))
    }
}
