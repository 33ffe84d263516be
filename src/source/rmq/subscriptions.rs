//! The groups that subscribe to a topic, as `ListTopicSubscriptions` lists them, offline ones included.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::fields::{Items, Text};
use crate::message::Tag;
use crate::offsets::{Marks, TagFilter, TrackType};

/// A subscription of the answer.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct TopicSubscription {
    consumer_group_id: Text,
    filter_expression: Text,
    filter_expression_type: Text,
    message_model: Text,
    subscription_status: Text,
    consistency: Text,
}

/// A group that subscribes to the topic.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Subscriber {
    /// The name of the group.
    pub(super) group: String,
    /// Every client receives every message.
    pub(super) is_broadcasting: bool,
    /// Each message goes to one client, as far as the words say. It is the default.
    is_clustering: bool,
    /// No client is connected.
    is_offline: bool,
    /// Which messages the group receives; `None` if that cannot be told.
    filter: Option<TagFilter>,
}

/// The groups of a topic.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Subscribers {
    /// In name order.
    pub(super) groups: Vec<Subscriber>,
    /// Whether a subscription names no group.
    pub(super) has_unnamed: bool,
}

impl From<Items<TopicSubscription>> for Subscribers {
    fn from(Items(subscriptions): Items<TopicSubscription>) -> Self {
        let mut groups = BTreeMap::<String, Subscriber>::new();
        let mut has_unnamed = false;
        for subscription in subscriptions {
            let Some(subscriber) = subscription.read() else {
                has_unnamed = true;
                continue;
            };
            match groups.get_mut(&subscriber.group) {
                Some(known) => known.add(&subscriber),
                None => drop(groups.insert(subscriber.group.clone(), subscriber)),
            }
        }
        Self {
            groups: groups.into_values().collect(),
            has_unnamed,
        }
    }
}

impl TopicSubscription {
    fn read(&self) -> Option<Subscriber> {
        let says = |text: &Text, word: &str| {
            let text = text.said();
            text.is_some_and(|text| text.trim().eq_ignore_ascii_case(word))
        };
        let is_consistent = self.consistency.flag() != Some(false);
        Some(Subscriber {
            group: self.consumer_group_id.said()?.trim().to_owned(),
            is_broadcasting: says(&self.message_model, "BROADCASTING"),
            is_clustering: self.message_model.said().is_none()
                || says(&self.message_model, "CLUSTERING"),
            is_offline: says(&self.subscription_status, "OFFLINE"),
            filter: self.filter().filter(|_| is_consistent),
        })
    }

    /// Returns the filter, if it is certain that it is one by tags. `*` receives everything, whatever the type is called.
    fn filter(&self) -> Option<TagFilter> {
        let kind = self.filter_expression_type.said().unwrap_or_default();
        let expression = self.filter_expression.said();
        let filter = TagFilter::parse(expression, Some("TAG"));
        let is_certain = match kind.trim().to_ascii_uppercase().as_str() {
            "TAG" => true,
            "" | "UNSPECIFIED" => filter.is_all(),
            _ => expression.is_some() && filter.is_all(),
        };
        is_certain.then_some(filter)
    }
}

impl Subscriber {
    /// Adds another subscription of the same group.
    fn add(&mut self, other: &Self) {
        self.is_broadcasting |= other.is_broadcasting;
        self.is_clustering &= other.is_clustering;
        self.is_offline &= other.is_offline;
        if self.filter != other.filter {
            self.filter = None;
        }
    }

    /// Returns the track type of a group without a record of the message, and its marks.
    pub(super) fn judge(&self, tag: &Tag) -> (TrackType, Marks) {
        let offline = Marks::OFFLINE.when(self.is_offline);
        if self.is_broadcasting {
            return (TrackType::CONSUME_BROADCASTING, offline);
        }
        if !self.is_clustering {
            return (TrackType::UNKNOWN, offline);
        }
        let admitted = self.filter.as_ref().map(|filter| filter.admits_tag(tag));
        match admitted {
            Some(Some(true)) => (TrackType::NO_RECORD, offline),
            Some(Some(false)) => (TrackType::FILTERED_BY_TAG, offline),
            Some(None) => (TrackType::NO_RECORD, offline.and(Marks::TAG_UNKNOWN)),
            None => (TrackType::NO_RECORD, offline.and(Marks::FILTER_UNKNOWN)),
        }
    }
}
