//! Born times by the thousand: the month's beginning is looked up once, not for every ID.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::message::MessageId;
use crate::record::Header;
use crate::settings::Zone;

/// Decodes born times as they were possible at one moment: when the run began, or when the snapshot was taken that
/// answered it.
#[derive(Debug, Clone)]
pub struct BornClock {
    now: Timestamp,
    zone: TimeZone,
}

impl BornClock {
    /// `zone` is the producers' (`facts/ons-api.md` §8.1); an ID tells only the time within a month.
    #[must_use]
    pub const fn new(now: Timestamp, zone: TimeZone) -> Self {
        Self { now, zone }
    }

    /// As the run that wrote `header` would have decoded them; nothing if its zone means nothing to this system.
    #[must_use]
    pub fn of(header: &Header) -> Option<Self> {
        let zone: Zone = header.producer_zone.parse().ok()?;
        let moment = header.as_of.as_ref().unwrap_or(&header.started_at);
        Some(Self::new(moment.parse().ok()?, zone.zone))
    }

    /// When the message was born, if its ID tells.
    #[must_use]
    pub fn born(&self, msg_id: &str) -> Option<Timestamp> {
        MessageId::parse(msg_id).ok()?.born(self.now, &self.zone)
    }
}
