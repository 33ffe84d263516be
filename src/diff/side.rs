//! One of the two results files, and the walk over its messages.

use jiff::Timestamp;

use super::index::AnswerTable;
use crate::input::Fingerprint;
use crate::report::{RenderError, Summary};
use crate::results::{Line, MessageContexts, ResultsFile};
use crate::verdict::{AnswerView, Expectations, judge};

/// One of the two results files: read once already, so that its seal and totals hold.
#[derive(Debug)]
pub(crate) struct Side<'r> {
    /// The results file.
    pub(crate) results_file: &'r ResultsFile,
    /// What it adds up to.
    pub(crate) summary: Summary<'r>,
    /// By which it is judged.
    pub(crate) expectations: Expectations,
}

/// A message of a results file.
#[derive(Debug)]
pub(super) struct SideMessage<'a> {
    /// Its first row.
    pub(super) line: &'a Line<'a>,
    pub(super) fingerprint: Fingerprint,
    /// Number of its answer.
    pub(super) answer: u32,
    /// When that was observed.
    pub(super) observed: Option<Timestamp>,
    /// Born time, given or decoded from the ID.
    pub(super) born: Option<Timestamp>,
}

impl Side<'_> {
    /// Every distinct message in row order. Bad rows are no messages: nobody knows which one they mean.
    pub(super) fn each(
        &self,
        answers: &mut AnswerTable,
        mut each: impl FnMut(&SideMessage<'_>, &mut AnswerTable) -> Result<(), RenderError>,
    ) -> Result<(), RenderError> {
        let mut blocks = self.results_file.blocks(false);
        let subjects = MessageContexts::of(self.results_file.header(), &self.expectations);
        while let Some(block) = blocks.next_block()? {
            for line in self.results_file.parsed(&block) {
                let line = line?;
                let Some(answer) = line.answer() else {
                    continue;
                };
                if matches!(answer, AnswerView::Rejected) {
                    continue;
                }
                let subject = subjects.of_line(&line);
                let judged = judge(answer, &subject, &self.expectations);
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
                each(&message, answers)?;
            }
        }
        Ok(())
    }

    /// Of when it speaks: the snapshot's moment, or that of the run.
    #[must_use]
    pub(crate) fn moment(&self) -> Option<Timestamp> {
        let header = self.results_file.header();
        let moment = header.as_of.as_ref().unwrap_or(&header.started_at);
        moment.parse().ok()
    }

    /// The last moment it knows of.
    pub(super) fn end(&self) -> Option<Timestamp> {
        let observed = self.summary.tally.observed.as_ref();
        let end = observed.map_or(&self.results_file.trailer().finished_at, |(_, last)| last);
        end.parse().ok()
    }
}
