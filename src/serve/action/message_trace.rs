//! `OnsMessageTrace`: which groups consumed a message.

use serde::Serialize;

use super::ActionContext;
use crate::message::Query;
use crate::serve::ApiError;

#[derive(Serialize)]
pub(super) struct Data {
    #[serde(rename = "MessageTrack")]
    tracks: Vec<MessageTrack>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MessageTrack {
    consumer_group: String,
    track_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<String>,
}

pub(super) async fn answer(context: &ActionContext<'_>) -> Result<Data, ApiError> {
    let msg_id = context.parameters.required("MsgId")?;
    let topic = context.topic()?;
    let instance = context.instance()?;
    let query = Query {
        instance_id: instance.map(Into::into),
        topic: topic.into(),
        msg_id: msg_id.into(),
        position: None,
    };
    let trace = context.upstream.trace(&query).await;
    let trace = trace.map_err(|failure| context.error_for(failure, topic, msg_id))?;
    let tracks = trace.tracks.into_iter().map(|track| MessageTrack {
        consumer_group: track.group.to_string(),
        track_type: track.track_type.to_string(),
        instance_id: instance.map(str::to_owned),
    });
    Ok(Data {
        tracks: tracks.collect(),
    })
}
