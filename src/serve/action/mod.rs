//! The operations: one file each, all answered from the same source.
//!
//! `OnsMessageTrace` works with every source. The others answer from what a snapshot knows beside the traces; what
//! would have to be guessed is left out of the answer, since every field of theirs is optional
//! (`facts/ons-api.md` §2.3).

mod consumer_time_span;
mod instance_list;
mod message_get_by_msg_id;
mod message_trace;
mod region_list;
mod topic_sub_detail;

use super::door::Caller;
use super::parameters::Parameters;
use super::upstream::Upstream;
use super::{Format, Refusal};
use crate::offsets::snapshot::TopicState;
use crate::source::snapshot::{NO_MESSAGE, absent};
use crate::source::{Failure, Snapshot};

/// The one version of the API.
pub const VERSION: &str = "2019-02-14";

/// An operation that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Which groups consumed a message.
    MessageTrace,
    /// The online groups that subscribe to a topic.
    TopicSubDetail,
    /// Does a message exist, and since when?
    MessageGetByMsgId,
    /// From when to when there are messages for a group.
    ConsumerTimeSpan,
    /// The regions; a source is one.
    RegionList,
    /// The instances.
    InstanceInServiceList,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::MessageTrace,
        Self::TopicSubDetail,
        Self::MessageGetByMsgId,
        Self::ConsumerTimeSpan,
        Self::RegionList,
        Self::InstanceInServiceList,
    ];

    /// As clients call it.
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

    /// The operation of this name.
    pub fn named(name: &str) -> Result<Self, Refusal> {
        let mut all = Self::ALL.into_iter();
        all.find(|action| action.name() == name)
            .ok_or(Refusal::UnknownAction)
    }

    /// Answers, as the body to be sent.
    pub(super) async fn answer(
        self,
        ask: &Ask<'_>,
        format: Format,
        request_id: &str,
    ) -> Result<Vec<u8>, Refusal> {
        let name = self.name();
        Ok(match self {
            Self::MessageTrace => {
                format.answer(name, request_id, &message_trace::answer(ask).await?)
            }
            Self::TopicSubDetail => {
                format.answer(name, request_id, &topic_sub_detail::answer(ask)?)
            }
            Self::MessageGetByMsgId => {
                format.answer(name, request_id, &message_get_by_msg_id::answer(ask)?)
            }
            Self::ConsumerTimeSpan => {
                format.answer(name, request_id, &consumer_time_span::answer(ask)?)
            }
            Self::RegionList => format.answer(name, request_id, &region_list::answer(ask)?),
            Self::InstanceInServiceList => {
                format.answer(name, request_id, &instance_list::answer(ask)?)
            }
        })
    }
}

/// Who asks what of whom.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) parameters: &'a Parameters<'a>,
    pub(super) caller: &'a Caller,
    pub(super) upstream: &'a Upstream,
}

impl Ask<'_> {
    /// The topic, which the caller may ask about.
    fn topic(&self) -> Result<&str, Refusal> {
        let topic = self.parameters.required("Topic")?;
        self.caller.may_use_topic(topic)?;
        Ok(topic)
    }

    /// The instance that is asked about: the one named, else the source's own; the caller may.
    fn instance(&self) -> Result<Option<&str>, Refusal> {
        let named = self.parameters.get("InstanceId");
        let instance = named.or_else(|| self.upstream.instance_id());
        self.caller.may_use_instance(instance)?;
        Ok(instance)
    }

    /// What a source could not answer about a message, without what the caller may not know.
    fn refusal(&self, failure: Failure, topic: &str, msg_id: &str) -> Refusal {
        let Some(topics) = self.caller.topics() else {
            return failure.into();
        };
        if let Some(snapshot) = self.upstream.snapshot() {
            let query = (self.parameters.get("InstanceId"), topic, msg_id);
            return snapshot.discreet(failure, query, topics).into();
        }
        match failure.code.as_deref() {
            // Brokers and other gateways may say where the message is instead.
            Some(NO_MESSAGE) => Refusal::not_found(NO_MESSAGE, absent(topic)),
            _ => failure.into(),
        }
    }

    /// What is known beside the traces; a source that knows nothing does not have the operation.
    fn snapshot(&self) -> Result<&Snapshot, Refusal> {
        self.upstream.snapshot().ok_or(Refusal::UnknownAction)
    }

    /// The topic with all that is known of it.
    fn topic_state(&self) -> Result<(&str, &TopicState), Refusal> {
        let snapshot = self.snapshot()?;
        let topic = self.topic()?;
        let state = snapshot.topic(self.instance()?, topic)?;
        Ok((topic, state))
    }
}
