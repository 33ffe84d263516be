//! What OLD says of every message, in 32 bytes each.

use jiff::Timestamp;

use super::answers::AnswerTable;
use super::error::DiffError;
use super::side::Side;
use super::tally::AnswerCensus;
use crate::input::Fingerprint;

/// One message of OLD.
#[derive(Debug, Clone, Copy)]
pub(super) struct BaselineEntry {
    message: Fingerprint,
    /// Its first row.
    pub(super) row: u32,
    /// Number of its answer.
    pub(super) answer: u32,
    /// Was it met in NEW?
    pub(super) met: bool,
    /// Milliseconds; `i64::MIN` where the results file has no time.
    observed: i64,
}

impl BaselineEntry {
    /// When its answer was observed.
    pub(super) fn observed(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.observed).ok()
    }
}

/// All messages of OLD, found by fingerprint: two of a million meet with a probability under 10⁻¹⁶.
#[derive(Debug)]
pub(super) struct Baseline(Vec<BaselineEntry>);

impl Baseline {
    /// Reads the results file of `side`, whose totals were checked before: they say how much room is needed.
    pub(super) fn read(
        side: &Side<'_>,
        answers: &mut AnswerTable,
        census: &mut AnswerCensus,
    ) -> Result<Self, DiffError> {
        let messages = side.results_file.trailer().totals.distinct;
        let mut entries = Vec::with_capacity(usize::try_from(messages).unwrap_or(0));
        side.each(answers, |message, answers| {
            let topic = answers.names.number(&message.line.topic);
            census.count(topic, message.answer, 0);
            entries.push(BaselineEntry {
                message: message.fingerprint,
                row: u32::try_from(message.line.row).unwrap_or(u32::MAX),
                answer: message.answer,
                met: false,
                observed: message.observed.map_or(i64::MIN, Timestamp::as_millisecond),
            });
            Ok(())
        })?;
        entries.sort_unstable_by_key(|entry| (entry.message, entry.row));
        Ok(Self(entries))
    }

    /// The message of this fingerprint. Rows that place one ID differently are several answers to it: their first that
    /// was not met, since both results files have them in the order of the input.
    pub(super) fn find(&mut self, message: Fingerprint) -> Option<&mut BaselineEntry> {
        let first = self.0.partition_point(|entry| entry.message < message);
        let alike = self.0[first..]
            .iter()
            .take_while(|entry| entry.message == message);
        let count = alike.clone().count();
        let nth = alike.take_while(|entry| entry.met).count();
        let nth = nth.min(count.checked_sub(1)?);
        Some(&mut self.0[first + nth])
    }

    /// The messages that were not met in NEW.
    pub(super) fn left(&self) -> impl Iterator<Item = &BaselineEntry> {
        self.0.iter().filter(|entry| !entry.met)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_takes_32_bytes() {
        assert_eq!(size_of::<BaselineEntry>(), 32);
    }
}
