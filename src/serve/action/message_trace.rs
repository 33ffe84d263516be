//! `OnsMessageTrace`: which groups consumed a message.

use serde::Serialize;

use super::Ask;
use crate::message::Query;
use crate::serve::Refusal;

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

pub(super) async fn answer(ask: &Ask<'_>) -> Result<Data, Refusal> {
    let msg_id = ask.parameters.required("MsgId")?;
    let topic = ask.topic()?;
    let instance = ask.instance()?;
    let query = Query {
        instance_id: instance.map(Into::into),
        topic: topic.into(),
        msg_id: msg_id.into(),
        position: None,
    };
    let trace = ask.upstream.trace(&query).await;
    let trace = trace.map_err(|failure| ask.refusal(failure, topic, msg_id))?;
    let tracks = trace.tracks.into_iter().map(|track| MessageTrack {
        consumer_group: track.group.to_string(),
        track_type: track.track_type.to_string(),
        instance_id: instance.map(str::to_owned),
    });
    Ok(Data {
        tracks: tracks.collect(),
    })
}
