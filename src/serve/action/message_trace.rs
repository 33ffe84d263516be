//! `OnsMessageTrace`: which groups consumed a message.
//!
//! Answers of `ApsaraMQ` for RocketMQ 5.x are translated: this API has other words and codes for the same.

use serde::Serialize;

use super::{ActionContext, NO_MESSAGE};
use crate::message::Query;
use crate::offsets::TrackType;
use crate::serve::ApiError;
use crate::source::{Failure, FailureKind, Trace, Track};
use crate::verdict::{RowEvidence, Verdict};

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
        born_after: None,
        send_result: None,
    };
    let trace = context.upstream.trace(&query).await.and_then(complete);
    let trace =
        trace.map_err(|failure| context.error_for(with_code_of_4(failure), topic, msg_id))?;
    let tracks = trace.tracks.into_iter().map(|track| MessageTrack {
        track_type: word_of_4(&track).to_string(),
        consumer_group: track.group.to_string(),
        instance_id: instance.map(str::to_owned),
    });
    Ok(Data {
        tracks: tracks.collect(),
    })
}

/// Refuses an answer that may lack groups: a client would take these for groups that do not subscribe to the topic.
fn complete(trace: Trace) -> Result<Trace, Failure> {
    match &trace.unlisted {
        None => Ok(trace),
        Some(why) => {
            tracing::warn!("the answer may lack groups: {why}");
            let message = "the groups of the topic are unknown";
            Err(Failure::new(FailureKind::Server, None, message))
        }
    }
}

/// Returns the word of 4.x for what a track says. The lag of the group is not read, so a group without a record is unknown.
fn word_of_4(track: &Track) -> TrackType {
    let ours = [TrackType::NO_RECORD, TrackType::UNCONFIRMED];
    let Some(deliveries) = &track.deliveries else {
        return if track.track_type == TrackType::FILTERED_BY_TAG {
            TrackType::CONSUMED_BUT_FILTERED
        } else if ours.contains(&track.track_type) {
            TrackType::UNKNOWN
        } else {
            track.track_type.clone()
        };
    };
    if deliveries.broadcasting {
        return TrackType::CONSUME_BROADCASTING;
    }
    let by_records = RowEvidence::default();
    let word = track.track_type.as_str();
    match by_records
        .judge_deliveries(&track.group, deliveries, word)
        .verdict
    {
        Verdict::Passed => TrackType::CONSUMED,
        Verdict::Open => TrackType::NOT_CONSUME_YET,
        _ => TrackType::UNKNOWN,
    }
}

/// Gives a failure of 5.x the code that 4.x has for it.
fn with_code_of_4(mut failure: Failure) -> Failure {
    let code = match failure.code.as_deref() {
        Some("Message.NotFound") => NO_MESSAGE,
        Some("Topic.NotFound") => "BIZ_TOPIC_NOT_FOUND",
        Some("Instance.NotFound") => "INSTANCE_NOT_FOUND",
        _ => return failure,
    };
    failure.code = Some(code.to_owned());
    failure.kind = FailureKind::NotFound;
    failure
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::evidence::{DeadLetter, Deliveries, DeliveryRecord};

    fn delivered(word: &str, records: &[&str], is_dead: bool) -> Track {
        let record = |status: &&str| DeliveryRecord {
            status: (*status).into(),
            ..DeliveryRecord::default()
        };
        let deliveries = Deliveries {
            dead_letter: is_dead.then(DeadLetter::default),
            records: records.iter().map(record).collect(),
            broadcasting: false,
        };
        Track {
            deliveries: Some(Arc::new(deliveries)),
            ..Track::new("GID_a", word.into())
        }
    }

    #[test]
    fn deliveries_become_words_of_4() {
        for (word, records, is_dead, expected) in [
            ("SUCCESS", &["SUCCESS"][..], false, "CONSUMED"),
            ("FAILED", &["FAILED", "CONSUME_SUCCESS"], false, "CONSUMED"),
            ("SUCCESS", &[], false, "CONSUMED"),
            ("CONSUMING", &["CONSUMING"], false, "NOT_CONSUME_YET"),
            ("FAILED", &["FAILED", "CONSUMING"], false, "NOT_CONSUME_YET"),
            ("FAILED", &["FAILED"], false, "UNKNOWN"),
            ("FAILED", &["FAILED"], true, "UNKNOWN"),
            ("UNKNOWN", &["SOMETHING"], false, "UNKNOWN"),
            ("CONSUMED", &["NOT_OK"], false, "UNKNOWN"),
        ] {
            let track = delivered(word, records, is_dead);
            assert_eq!(word_of_4(&track).as_str(), expected, "{word} {records:?}");
        }
        for (track_type, expected) in [
            ("FILTERED_BY_TAG", "CONSUMED_BUT_FILTERED"),
            ("NO_RECORD", "UNKNOWN"),
            ("UNCONFIRMED", "UNKNOWN"),
            ("CONSUME_BROADCASTING", "CONSUME_BROADCASTING"),
            ("PULL", "PULL"),
            ("SOMETHING_NEW", "SOMETHING_NEW"),
        ] {
            let word = word_of_4(&Track::new("GID_a", track_type.into()));
            assert_eq!(word.as_str(), expected);
        }
    }

    #[test]
    fn failures_of_5_get_the_codes_of_4() {
        for (code, kind, expected) in [
            ("Message.NotFound", FailureKind::NotFound, "BIZ_NO_MESSAGE"),
            (
                "Topic.NotFound",
                FailureKind::NotFound,
                "BIZ_TOPIC_NOT_FOUND",
            ),
            (
                "Instance.NotFound",
                FailureKind::Fatal,
                "INSTANCE_NOT_FOUND",
            ),
        ] {
            let failure = with_code_of_4(Failure::new(kind, code.to_owned(), "gone"));
            assert_eq!(failure.code.as_deref(), Some(expected));
            assert_eq!(failure.kind, FailureKind::NotFound, "{code}");
        }
        let denied = Failure::new(FailureKind::Forbidden, "NoPermission".to_owned(), "no");
        assert_eq!(with_code_of_4(denied.clone()), denied);
    }

    #[test]
    fn an_answer_that_may_lack_groups_is_a_failure() {
        let whole = Trace::new(vec![Track::new("GID_a", TrackType::CONSUMED)]);
        assert_eq!(complete(whole.clone()), Ok(whole.clone()));
        let unlisted = Some("no permission".into());
        let failure = complete(Trace { unlisted, ..whole }).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Server);
        assert!(!failure.message.contains("permission"), "{failure:?}");
    }
}
