//! One side of a comparison.

use jiff::Timestamp;

use super::index::AnswerTable;
use crate::input::Fingerprint;
use crate::report::Summary;
use crate::results::{Line, MessageContexts, ReadError, ResultsFile};
use crate::verdict::{AnswerView, Expectations, judge};

/// One of the two results files. It was read before, so its seal and its totals hold.
#[derive(Debug)]
pub(crate) struct Side<'r> {
    pub(crate) results_file: &'r ResultsFile,
    pub(crate) summary: Summary<'r>,
    /// The expectations that this side is judged by.
    pub(crate) expectations: Expectations,
}

/// A message of a results file.
#[derive(Debug)]
pub(super) struct SideMessage<'a> {
    /// The message's first row.
    pub(super) line: &'a Line<'a>,
    pub(super) fingerprint: Fingerprint,
    /// The number of the answer.
    pub(super) answer: u32,
    /// When the answer was observed.
    pub(super) observed: Option<Timestamp>,
    /// The born time, as given in a column or by the source, or decoded from the ID.
    pub(super) born: Option<Timestamp>,
}

impl Side<'_> {
    /// Calls `each` for every distinct message in row order. Bad rows are skipped, since it is unknown which message
    /// they mean.
    pub(super) fn each(
        &self,
        answers: &mut AnswerTable,
        mut each: impl FnMut(&SideMessage<'_>, &mut AnswerTable),
    ) -> Result<(), ReadError> {
        let mut blocks = self.results_file.blocks(false);
        let contexts = MessageContexts::of(self.results_file.header(), &self.expectations);
        while let Some(block) = blocks.next_block()? {
            for line in self.results_file.parsed(&block) {
                let line = line?;
                let Some(answer) = line.answer() else {
                    continue;
                };
                if matches!(answer, AnswerView::Rejected) {
                    continue;
                }
                let subject = contexts.of_line(&line);
                let judged = judge(
                    answer,
                    &subject,
                    &self.expectations,
                    self.results_file.evidence_of(&line),
                );
                let message = SideMessage {
                    line: &line,
                    fingerprint: Fingerprint::of_parts(
                        &line.instance_id,
                        &line.topic,
                        &line.msg_id,
                    ),
                    answer: answers.number(&judged),
                    observed: line.observed_at.parse().ok(),
                    born: subject.born,
                };
                each(&message, answers);
            }
        }
        Ok(())
    }

    /// Returns whether the source records deliveries and has no offsets.
    pub(super) fn records_deliveries(&self) -> bool {
        self.results_file.header().records_deliveries()
    }

    /// Returns the moment that the results file describes: the snapshot's moment, or the start of the run.
    #[must_use]
    pub(crate) fn moment(&self) -> Option<Timestamp> {
        let header = self.results_file.header();
        let moment = header.as_of.as_ref().unwrap_or(&header.started_at);
        moment.parse().ok()
    }

    /// Returns the last moment that the results file covers.
    pub(super) fn end(&self) -> Option<Timestamp> {
        let observed = self.summary.tally.observed.as_ref();
        let end = observed.map_or(&self.results_file.trailer().finished_at, |(_, last)| last);
        end.parse().ok()
    }
}
