//! `OnsMessageGetByMsgId`: does a message exist, and when was it stored?
//!
//! A snapshot knows no addresses and no body; the born time that an ID tells is a hint only, so it is left out.

use serde::Serialize;

use super::Ask;
use crate::serve::Refusal;

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
struct Properties<'a> {
    message_property: Vec<Property<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Property<'a> {
    name: &'static str,
    value: &'a str,
}

pub(super) fn answer<'a>(ask: &'a Ask<'_>) -> Result<Data<'a>, Refusal> {
    let (topic, state) = ask.topic_state()?;
    let msg_id = ask.parameters.required("MsgId")?;
    let stored = ask
        .snapshot()?
        .message(state, topic, msg_id)
        .map_err(|failure| ask.refusal(failure, topic, msg_id))?;
    let tag = stored.tag().map(|value| Property {
        name: "TAGS",
        value,
    });
    Ok(Data {
        topic,
        msg_id,
        instance_id: ask.instance()?,
        store_timestamp: stored.stored_at().map(jiff::Timestamp::as_millisecond),
        property_list: Properties {
            message_property: tag.into_iter().collect(),
        },
    })
}
