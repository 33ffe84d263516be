//! `OnsConsumerTimeSpan`: from when to when there are messages of a topic, and how far a group has come.
//!
//! `MinTimeStamp` is what tells a purged message from one that never was (`facts/ons-api.md` §2.3), so it is given
//! only where the snapshot has the very messages that decide it.

use jiff::Timestamp;
use serde::Serialize;

use super::Ask;
use crate::serve::Refusal;

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

pub(super) fn answer<'a>(ask: &'a Ask<'_>) -> Result<Data<'a>, Refusal> {
    let (topic, state) = ask.topic_state()?;
    let group = ask.parameters.required("GroupId")?;
    let known = state.groups.iter().find(|(name, _)| **name == *group);
    let (_, group_state) = known.ok_or_else(|| {
        let message = format!("the snapshot has no group {group} on topic {topic}");
        Refusal::not_found("BIZ_SUBSCRIPTION_NOT_FOUND", message)
    })?;
    let span = ask
        .snapshot()?
        .store_times()
        .span(topic, state, group_state);
    Ok(Data {
        topic,
        instance_id: ask.instance()?,
        min_time_stamp: span.earliest.map(Timestamp::as_millisecond),
        max_time_stamp: span.latest.map(Timestamp::as_millisecond),
        consume_time_stamp: span.consumed.map(Timestamp::as_millisecond),
    })
}
