//! `OnsMessageGetByMsgId`: a message and its store time.
//!
//! A snapshot has no addresses and no bodies. The born time in an ID is only a hint, so it is left out.

use std::borrow::Cow;

use serde::Serialize;

use super::ActionContext;
use crate::serve::ApiError;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Data<'a> {
    topic: &'a str,
    msg_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store_timestamp: Option<i64>,
    property_list: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Properties<'a> {
    pub(super) message_property: Vec<Property<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Property<'a> {
    pub(super) name: &'static str,
    pub(super) value: Cow<'a, str>,
}

pub(super) fn answer<'a>(context: &'a ActionContext<'_>) -> Result<Data<'a>, ApiError> {
    let (topic, state) = context.topic_state()?;
    let msg_id = context.parameters.required("MsgId")?;
    let stored = context
        .snapshot()?
        .message(state, topic, msg_id)
        .map_err(|failure| context.error_for(failure, topic, msg_id))?;
    let tag = stored.tag().map(|value| Property {
        name: "TAGS",
        value: value.into(),
    });
    Ok(Data {
        topic,
        msg_id,
        instance_id: context.instance()?,
        store_timestamp: stored.stored_at().map(jiff::Timestamp::as_millisecond),
        property_list: Properties {
            message_property: tag.into_iter().collect(),
        },
    })
}
