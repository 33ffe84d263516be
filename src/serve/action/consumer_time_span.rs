//! `OnsConsumerTimeSpan`: store times of a topic's oldest and newest messages, and of the last one a group consumed.
//!
//! Clients tell purged messages from those that never existed by `MinTimeStamp` (`docs/facts/ons-api.md` §2.3). So it is
//! given only if the snapshot has the messages that determine it.

use jiff::Timestamp;
use serde::Serialize;

use super::ActionContext;
use crate::serve::ApiError;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Data<'a> {
    topic: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_time_stamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_time_stamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consume_time_stamp: Option<i64>,
}

pub(super) fn answer<'a>(context: &'a ActionContext<'_>) -> Result<Data<'a>, ApiError> {
    let (topic, state) = context.topic_state()?;
    let group = context.parameters.required("GroupId")?;
    let subscribed = state.groups.iter().find(|(name, _)| **name == *group);
    let (_, group_state) = subscribed.ok_or_else(|| {
        let message = format!("the snapshot has no group {group} on topic {topic}");
        ApiError::not_found("BIZ_SUBSCRIPTION_NOT_FOUND", message)
    })?;
    let span = context
        .snapshot()?
        .store_times()
        .span(topic, state, group_state);
    Ok(Data {
        topic,
        instance_id: context.instance()?,
        min_time_stamp: span.earliest.map(Timestamp::as_millisecond),
        max_time_stamp: span.latest.map(Timestamp::as_millisecond),
        consume_time_stamp: span.consumed.map(Timestamp::as_millisecond),
    })
}
