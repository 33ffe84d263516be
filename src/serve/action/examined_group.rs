//! The group of a call, and its dead letters.

use std::borrow::Cow;

use serde::Serialize;

use super::ActionContext;
use super::message_get_by_msg_id::{Properties, Property};
use crate::evidence::{ExaminedTopic, Proof, ProofKind};
use crate::message::MessageId;
use crate::serve::ApiError;
use crate::source::Snapshot;

/// Whose dead letters a call asks for.
pub(super) struct ExaminedGroup<'a> {
    context: &'a ActionContext<'a>,
    /// As the call names it.
    pub(super) name: &'a str,
    /// As the snapshot names it.
    in_snapshot: Cow<'a, str>,
    instance: Option<&'a str>,
}

impl<'a> ExaminedGroup<'a> {
    /// Returns the group of a call.
    ///
    /// A key that is restricted to some topics may ask about the groups of these topics only. Whether another group exists
    /// is not revealed.
    pub(super) fn of(context: &'a ActionContext<'_>) -> Result<Self, ApiError> {
        let examination = context.examination()?;
        let snapshot = context.snapshot()?;
        let instance = context.instance()?;
        let name = context.parameters.required("GroupId")?;
        snapshot.instance(instance)?;
        let in_snapshot = snapshot.group_name(instance, name);
        let mut topics = snapshot.state().topics.iter();
        let is_member = topics.any(|(topic, state)| {
            let mut groups = state.groups.iter();
            let topic = snapshot.bare_name(instance, topic);
            context.principal.may_use_topic(&topic).is_ok()
                && groups.any(|(group, _)| **group == *in_snapshot)
        });
        if !is_member {
            if context.principal.topics().is_some() {
                return Err(ApiError::NoPermission(format!("group {name}")));
            }
            if !examination.groups().contains(&*in_snapshot) {
                let message = format!("the snapshot has no group {name}");
                let code = "BIZ_SUBSCRIPTION_NOT_FOUND";
                return Err(ApiError::not_found(code, message));
            }
        }
        Ok(Self {
            context,
            name,
            in_snapshot,
            instance,
        })
    }

    /// Returns whether what names this instance, or none, is about the group. A query without an instance asks about that of
    /// the snapshot.
    fn is_of_instance(&self, snapshot: &Snapshot, named: Option<&str>) -> bool {
        named.is_none() || named == self.instance.or(snapshot.instance_id())
    }

    /// Returns the dead letters that the key may see, oldest first.
    pub(super) fn dead_letters(&self) -> Result<Vec<&'a Proof>, ApiError> {
        let snapshot = self.context.snapshot()?;
        let principal = self.context.principal;
        // A restricted key sees no dead letter of another topic, nor one whose topic is not known.
        let may_see = |letter: &&Proof| match &letter.topic {
            Some(topic) => {
                let topic = snapshot.bare_name(self.instance, topic);
                principal.may_use_topic(&topic).is_ok()
            }
            None => principal.topics().is_none(),
        };
        let proofs = self.context.examination()?.proofs.iter();
        let mut letters: Vec<_> = proofs
            .filter(|proof| proof.kind == ProofKind::DeadLettered)
            .filter(|proof| *proof.group == *self.in_snapshot)
            .filter(|proof| self.is_of_instance(snapshot, proof.instance_id.as_deref()))
            .filter(may_see)
            .collect();
        letters.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
        Ok(letters)
    }

    /// Checks that the snapshot has all dead letters since a time. Otherwise one that is missing would look as if the message
    /// had not failed.
    pub(super) fn check_complete_since(&self, begin: i64) -> Result<(), ApiError> {
        let (name, snapshot) = (self.name, self.context.snapshot()?);
        let topics = &self.context.examination()?.topics;
        let is_of_group = |topic: &&ExaminedTopic| {
            *topic.group == *self.in_snapshot
                && topic.is_dead_letter_topic()
                && self.is_of_instance(snapshot, topic.instance_id.as_deref())
        };
        let problem = match topics.iter().find(is_of_group) {
            None => "they were not examined".to_owned(),
            Some(topic) => match (&topic.incomplete, topic.from) {
                (Some(reason), _) => reason.to_string(),
                (None, Some(from)) if begin < from.as_millisecond() => {
                    format!(
                        "they were examined since {} only",
                        crate::clock::rfc3339(from)
                    )
                }
                (None, _) => return Ok(()),
            },
        };
        let message =
            format!("the snapshot does not have all dead letters of group {name}: {problem}");
        Err(ApiError::not_found("BIZ_TOPIC_NOT_FOUND", message))
    }

    /// Returns a dead letter as a message.
    pub(super) fn message(&self, letter: &'a Proof) -> Result<DeadLetterMessage<'a>, ApiError> {
        let snapshot = self.context.snapshot()?;
        let topic = letter
            .topic
            .as_deref()
            .map(|topic| snapshot.bare_name(self.instance, topic));
        let is_unique = !matches!(MessageId::parse(&letter.key), Ok(MessageId::OffsetId(_)));
        let mut properties = Vec::new();
        if is_unique {
            properties.push(Property {
                name: "UNIQ_KEY",
                value: Cow::Borrowed(&*letter.key),
            });
        }
        properties.extend(topic.clone().map(|value| Property {
            name: "DLQ_ORIGIN_TOPIC",
            value,
        }));
        Ok(DeadLetterMessage {
            msg_id: &letter.key,
            topic: topic.unwrap_or_else(|| Cow::Owned(format!("%DLQ%{}", self.name))),
            instance_id: self.instance,
            store_timestamp: letter.at.as_millisecond(),
            reconsume_times: letter.attempts,
            property_list: Properties {
                message_property: properties,
            },
        })
    }
}

/// A dead letter. A snapshot has no bodies and no addresses.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeadLetterMessage<'a> {
    msg_id: &'a str,
    topic: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<&'a str>,
    store_timestamp: i64,
    reconsume_times: u32,
    property_list: Properties<'a>,
}
