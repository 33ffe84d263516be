//! What OLD says of every message, in 32 bytes each.

use jiff::Timestamp;

use super::answers::Answers;
use super::render::DiffError;
use super::side::Side;
use super::tally::Census;
use crate::input::Fingerprint;

/// One message of OLD.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    message: Fingerprint,
    /// Its first row.
    pub(super) row: u32,
    /// Number of its answer.
    pub(super) answer: u32,
    /// Was it met in NEW?
    pub(super) met: bool,
    /// Milliseconds; `i64::MIN` where the record has no time.
    observed: i64,
}

impl Entry {
    /// When its answer was observed.
    pub(super) fn observed(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.observed).ok()
    }
}

/// All messages of OLD, found by fingerprint: two of a million meet with a probability under 10⁻¹⁶.
#[derive(Debug)]
pub(super) struct Baseline(Vec<Entry>);

impl Baseline {
    /// Reads the record of `side`, whose totals were checked before: they say how much room is needed.
    pub(super) fn read(
        side: &Side<'_>,
        answers: &mut Answers,
        census: &mut Census,
    ) -> Result<Self, DiffError> {
        let messages = side.record.trailer().totals.distinct;
        let mut entries = Vec::with_capacity(usize::try_from(messages).unwrap_or(0));
        side.each(answers, |message, answers| {
            let topic = answers.names.number(&message.line.topic);
            census.count(topic, message.answer, 0);
            entries.push(Entry {
                message: message.fingerprint,
                row: u32::try_from(message.line.row).unwrap_or(u32::MAX),
                answer: message.answer,
                met: false,
                observed: message.observed.map_or(i64::MIN, Timestamp::as_millisecond),
            });
            Ok(())
        })?;
        entries.sort_unstable_by_key(|entry| entry.message);
        Ok(Self(entries))
    }

    /// The message of this fingerprint.
    pub(super) fn find(&mut self, message: Fingerprint) -> Option<&mut Entry> {
        let place = self.0.binary_search_by_key(&message, |entry| entry.message);
        place.ok().map(|place| &mut self.0[place])
    }

    /// The messages that were not met in NEW.
    pub(super) fn left(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(|entry| !entry.met)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_takes_32_bytes() {
        assert_eq!(size_of::<Entry>(), 32);
    }
}
