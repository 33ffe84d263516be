//! One track for each group of a topic: what the trace says about it, or what follows from its subscription.

use std::sync::Arc;

use super::subscriptions::Subscribers;
use super::trace::{MessageInfo, Traced};
use crate::message::Tag;
use crate::offsets::{Marks, TrackType};
use crate::source::{Trace, Track};

/// Why the tracks may lack groups although the subscribers are known.
const UNNAMED_CONSUMER: &str = "a consumer in the trace has no name";
/// Why the tracks may lack groups although there is a list of subscribers.
const UNNAMED_SUBSCRIBER: &str = "a subscription of the topic has no group";

/// Returns the answer about a message. Groups without a record are judged by their subscriptions, or are
/// [`UNCONFIRMED`](TrackType::UNCONFIRMED) if it is not certain that the message exists.
pub(super) fn answer(
    traced: Traced,
    subscribers: Result<&Subscribers, &Arc<str>>,
    is_confirmed: bool,
) -> Trace {
    let Traced {
        message,
        broker,
        mut tracks,
        has_unnamed,
    } = traced;
    let mut unlisted = has_unnamed.then(|| Arc::from(UNNAMED_CONSUMER));
    let tag = message.as_ref().map_or(Tag::Unknown, MessageInfo::tag);
    match subscribers {
        Ok(subscribers) => {
            if subscribers.has_unnamed {
                unlisted = unlisted.or_else(|| Some(UNNAMED_SUBSCRIBER.into()));
            }
            let mut without_record = Vec::new();
            for subscriber in &subscribers.groups {
                let group = &*subscriber.group;
                if let Some(track) = tracks.iter_mut().find(|track| &*track.group == group) {
                    if let Some(deliveries) = &mut track.deliveries {
                        Arc::make_mut(deliveries).broadcasting = subscriber.is_broadcasting;
                    }
                    continue;
                }
                let (word, marks) = if is_confirmed {
                    subscriber.judge(&tag)
                } else {
                    (TrackType::UNCONFIRMED, Marks::default())
                };
                without_record.push(Track {
                    marks,
                    ..Track::new(group, word)
                });
            }
            tracks.append(&mut without_record);
        }
        Err(reason) => unlisted = Some(Arc::clone(reason)),
    }
    // The results file sorts them in the same way.
    tracks.sort_by(|a, b| a.group.cmp(&b.group));
    let available = message
        .as_ref()
        .map(|message| message.available_at(&broker));
    Trace {
        born_at: message.as_ref().and_then(MessageInfo::born_at),
        available_at: available.as_ref().and_then(|available| available.ok()),
        unavailable: available.and_then(Result::err).map(Arc::from),
        unlisted,
        ..Trace::new(tracks)
    }
}
