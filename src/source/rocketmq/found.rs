//! Converts stored messages into positions, and compares their age.

use std::sync::Arc;

use jiff::Timestamp;

use super::remoting::StoredMessage;
use crate::message::Position;
use crate::source::LocatedMessage;

/// Returns the position of a stored message that was looked up by `msg_id`; `None` if its offset is negative.
pub(super) fn located(
    broker: &Arc<str>,
    message: &StoredMessage,
    msg_id: &str,
) -> Option<LocatedMessage> {
    Some(LocatedMessage {
        topic: message.topic.as_str().into(),
        unique_key: message
            .unique_key()
            .filter(|key| *key != msg_id)
            .map(Into::into),
        position: Position {
            broker: broker.clone(),
            queue_id: message.queue_id,
            queue_offset: u64::try_from(message.queue_offset).ok()?,
            tag: message.tag().into(),
            store: Some(message.store_host.to_string().into()),
        },
        stored_at: Timestamp::from_millisecond(message.store_timestamp).ok(),
        born_at: born_at(message),
    })
}

/// Returns when the message was made. `None` if its producer left the field empty.
fn born_at(message: &StoredMessage) -> Option<Timestamp> {
    let millis = Some(message.born_timestamp).filter(|millis| *millis > 0)?;
    Timestamp::from_millisecond(millis).ok()
}

/// Compares by store time, then by offset.
pub(super) fn is_older(one: &LocatedMessage, other: &LocatedMessage) -> bool {
    let age = |found: &LocatedMessage| (found.stored_at, found.position.queue_offset);
    age(one) < age(other)
}
