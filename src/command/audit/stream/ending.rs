//! The end of a stream: its results file, its totals, and its exit status.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::super::run_sink::refusal;
use super::sink::{RejectLimit, StreamSink};
use crate::clock::Clock;
use crate::command::outcome::{Conclusion, print_summary, status};
use crate::command::signals::exit_on_signal;
use crate::engine::{QuotaLost, RunOutcome};
use crate::exit::{Failed, Status};
use crate::humanize::count;
use crate::input::{InputError, InputNotes, Survey};
use crate::report::{ReportFormat, StreamedReport, TerminalSummary};
use crate::results::{ResultsError, ResultsFile, ResultsWriter, partial_path};
use crate::settings::MaxRejects;
use crate::telemetry::ReportTotals;
use crate::ui;

/// What the end needs besides the sink.
pub(super) struct Ending<'a> {
    /// The results file, with `--results`.
    pub(super) results: Option<&'a Path>,
    pub(super) exit_zero: bool,
    pub(super) quiet: bool,
    pub(super) clock: Clock,
}

/// The rows after the last one was settled.
struct Settled {
    report: StreamedReport,
    results: Option<ResultsWriter>,
    /// Why the run has to fail although it was not stopped from outside.
    too_many: Option<Failed>,
}

impl Ending<'_> {
    /// Writes the lines that are left, completes the results file and prints the totals. `read` is what the stream was, if
    /// it was read to its end.
    ///
    /// # Errors
    ///
    /// If the run ended early, a line cannot be written, or there are too many rejected rows.
    pub(super) fn conclude(
        &self,
        ended: anyhow::Result<RunOutcome>,
        read: Option<(Survey, InputNotes)>,
        mut sink: StreamSink<'_>,
    ) -> Result<Conclusion, Failed> {
        exit_on_signal(self.where_answers_are());
        sink.end_of_rows();
        let is_complete = matches!(ended, Ok(RunOutcome::Complete));
        let written = sink.output.finish(!is_complete);
        let settled = Settled {
            too_many: sink.rejects.exceeded(&sink.report, is_complete),
            report: sink.report,
            results: sink.results,
        };
        let failed = match (ended, read) {
            (Ok(RunOutcome::Complete), Some((survey, _))) if survey.rows == 0 => {
                let error = anyhow!("no rows in standard input: there is nothing to ask about");
                let hint = "check the program that writes them";
                (Failed::refused(error, hint.to_owned()), true)
            }
            (Ok(RunOutcome::Complete), Some(read)) => {
                return self.complete(settled, read, written);
            }
            (ended, _) => {
                let is_first = settled.report.tally().totals.distinct == 0;
                let is_written = written.is_ok();
                let why = settled.too_many.or(written.err());
                let failed = why.unwrap_or_else(|| stopped(ended, is_first));
                (failed, is_written)
            }
        };
        Err(Self::leave(failed, &settled.report, settled.results))
    }

    /// Ends a stream whose rows all have their lines.
    fn complete(
        &self,
        settled: Settled,
        (survey, notes): (Survey, InputNotes),
        written: Result<(), Failed>,
    ) -> Result<Conclusion, Failed> {
        let Settled {
            report,
            results,
            too_many,
        } = settled;
        if let Some(failed) = too_many {
            let failed = (failed, written.is_ok());
            return Err(Self::leave(failed, &report, results));
        }
        let mut results_files = Vec::new();
        if let (Some(mut writer), Some(path)) = (results, self.results) {
            writer.set_input_notes(notes.clone());
            writer.set_streamed(vec![survey]);
            writer.finish((self.clock)())?;
            results_files.push(ResultsFile::open(path)?);
        }
        let summary = report.summary(&results_files, notes);
        let terminal = TerminalSummary {
            made: Vec::new(),
            reports: vec![(PathBuf::from("-"), ReportFormat::Ndjson)],
            width: ui::width(),
        };
        if !self.quiet {
            print_summary(&summary, &terminal)?;
        }
        Ok(Conclusion {
            status: status(&summary, self.exit_zero),
            unwritten: written.err(),
            totals: ReportTotals::of(summary),
        })
    }

    /// Ends a stream early. The partial results file is kept if it has an answer. If not all lines could be written, nobody
    /// knows how many were.
    fn leave(
        (failed, is_written): (Failed, bool),
        report: &StreamedReport,
        results: Option<ResultsWriter>,
    ) -> Failed {
        let totals = &report.tally().totals;
        let partial = results.as_ref().map(ResultsWriter::partial);
        if let Some(Err(error)) = results.map(ResultsWriter::abandon) {
            return error.into();
        }
        if totals.distinct == 0 {
            // Without an answer the file would only be in the way of the next run.
            let _ = partial.map(std::fs::remove_file);
            return failed;
        }
        let (rows, answered) = (totals.rows, totals.answered + totals.not_found);
        let lines = if rows == 1 {
            "the line of 1 row is".to_owned()
        } else {
            format!("the lines of {} rows are", count(rows))
        };
        let at_most = if is_written { "" } else { "at most " };
        failed.and_hint(format!(
            "{at_most}{lines} written ({} answered{}); a stream can't be resumed: give the other rows again",
            count(answered),
            partial.map_or_else(String::new, |path| format!(", also in {}", path.display()))
        ))
    }

    fn where_answers_are(&self) -> String {
        let also = self.results.map_or_else(String::new, |path| {
            format!(", and all answers are in {}", partial_path(path).display())
        });
        format!("lines that were written hold{also}")
    }
}

/// Returns why a stream was stopped before its end.
fn stopped(ended: anyhow::Result<RunOutcome>, is_first: bool) -> Failed {
    let error = match ended {
        Ok(RunOutcome::Fatal(failure)) => return refusal(&failure, is_first),
        Ok(RunOutcome::Complete | RunOutcome::Stopped) => {
            return Failed::incomplete(anyhow!("stopped as asked"), None);
        }
        Err(error) => error,
    };
    let error = match error.downcast::<ResultsError>() {
        Ok(error) => return error.into(),
        Err(error) => error,
    };
    let error = match error.downcast::<QuotaLost>() {
        Ok(lost) => return lost.into(),
        Err(error) => error,
    };
    match error.downcast::<InputError>() {
        Ok(error) => Failed {
            status: Status::Incomplete,
            ..error.into()
        },
        Err(error) => Failed::incomplete(error, None),
    }
}

impl RejectLimit<'_> {
    /// Returns the error of a stream with more rejected rows than are allowed. A share is compared when all rows are read.
    fn exceeded(&self, report: &StreamedReport, is_complete: bool) -> Option<Failed> {
        let first = self.first.as_ref()?;
        let totals = &report.tally().totals;
        let rows = totals.rows;
        let is_number = matches!(self.most, MaxRejects::Rows(_));
        if !(is_complete || is_number) || !self.most.exceeded(self.count, rows) {
            return None;
        }
        let with: fn(anyhow::Error, Option<String>) -> Failed = if totals.distinct == 0 {
            Failed::refused
        } else {
            Failed::incomplete
        };
        let error = if self.count == rows {
            anyhow!("all {} rows are bad, the first is {first}", count(rows))
        } else {
            let [bad, of_all] = [self.count, rows].map(count);
            anyhow!(
                "{bad} of {of_all} rows are bad, more than --max-rejects allows; the first is {first}"
            )
        };
        let hint = "is this the list of message IDs? --msg-id-column, --topic-column and --topic say where they stand";
        Some(with(error, Some(hint.to_owned())))
    }
}
