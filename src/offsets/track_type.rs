//! Track types: the answer for one group and one message.

use std::borrow::Cow;
use std::fmt;

/// The track type that a source reports. An open set, kept verbatim (`docs/facts/ons-api.md` §1.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrackType(Cow<'static, str>);

impl TrackType {
    /// The group's offset has passed the message.
    pub const CONSUMED: Self = Self(Cow::Borrowed("CONSUMED"));
    /// The offset has passed the message, and the group's subscription filters it out.
    pub const CONSUMED_BUT_FILTERED: Self = Self(Cow::Borrowed("CONSUMED_BUT_FILTERED"));
    /// The offset has not reached the message.
    pub const NOT_CONSUME_YET: Self = Self(Cow::Borrowed("NOT_CONSUME_YET"));
    /// No client of the group is connected; this says nothing about consumption.
    pub const NOT_ONLINE: Self = Self(Cow::Borrowed("NOT_ONLINE"));
    /// A pull consumer: its offsets are not examined.
    pub const PULL: Self = Self(Cow::Borrowed("PULL"));
    /// A broadcasting group: its clients keep the offsets.
    pub const CONSUME_BROADCASTING: Self = Self(Cow::Borrowed("CONSUME_BROADCASTING"));
    /// The source cannot tell.
    pub const UNKNOWN: Self = Self(Cow::Borrowed("UNKNOWN"));

    /// ApsaraMQ for RocketMQ 5.x: the group subscribes to the topic, and there is no record of a delivery. This word and the
    /// two below are our own.
    pub const NO_RECORD: Self = Self(Cow::Borrowed("NO_RECORD"));
    /// ApsaraMQ for RocketMQ 5.x: the group's subscription, as it is today, does not include the message's tag.
    pub const FILTERED_BY_TAG: Self = Self(Cow::Borrowed("FILTERED_BY_TAG"));
    /// ApsaraMQ for RocketMQ 5.x: there is no trace of the message, and whether the message exists could not be found out.
    pub const UNCONFIRMED: Self = Self(Cow::Borrowed("UNCONFIRMED"));

    /// Every track type of `OnsMessageTrace` known today.
    pub const KNOWN: [Self; 7] = [
        Self::CONSUMED,
        Self::CONSUMED_BUT_FILTERED,
        Self::NOT_CONSUME_YET,
        Self::NOT_ONLINE,
        Self::PULL,
        Self::CONSUME_BROADCASTING,
        Self::UNKNOWN,
    ];

    /// Returns the track type as the source spelled it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for TrackType {
    fn from(word: &str) -> Self {
        let ours = [Self::NO_RECORD, Self::FILTERED_BY_TAG, Self::UNCONFIRMED];
        Self::KNOWN
            .into_iter()
            .chain(ours)
            .find(|known| known.as_str() == word)
            .unwrap_or_else(|| Self(Cow::Owned(word.to_owned())))
    }
}

impl fmt::Display for TrackType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
