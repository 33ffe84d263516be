//! The progress of a run: a bar that is redrawn, or a line every ten seconds.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{ProgressMode, Screen};
use crate::humanize;
use crate::input::{Entry, Row};
use crate::message::Query;
use crate::results::{Header, MessageContexts, Outcome};
use crate::source::{FailureKind, Track};
use crate::verdict::{AnswerView, Expectations, MessageVerdict, TrackView, judge};

/// The time between two progress lines where there is no bar.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Judges answers as they arrive, by the same rules as the reports.
#[derive(Debug)]
pub(crate) struct LiveJudge {
    expectations: Expectations,
    contexts: MessageContexts,
}

/// Counts the settled rows and shows the progress.
#[derive(Debug)]
pub(crate) struct Progress {
    mode: ProgressMode,
    bar: ProgressBar,
    /// Judges the answers as they arrive. `None` where they arrive too fast to be read.
    judge: Option<LiveJudge>,
    rows: u64,
    done: u64,
    /// Rows that earlier runs settled.
    earlier: u64,
    calls: u64,
    /// Whether the pace in calls per second is shown.
    shows_calls: bool,
    throttled: u64,
    verdicts: [u64; 7],
    began: Instant,
    last_line: Instant,
}

impl Progress {
    /// Starts the progress of a run with `rows` rows. With a judge, the message shows verdicts.
    #[must_use]
    pub(crate) fn new(
        mode: ProgressMode,
        screen: &Screen,
        rows: u64,
        judge: Option<LiveJudge>,
    ) -> Self {
        let bar = ProgressBar::with_draw_target(Some(rows), ProgressDrawTarget::hidden());
        let bar = if mode == ProgressMode::Bar {
            screen.bars.add(bar)
        } else {
            bar
        };
        let template = "{bar:24} {pos}/{len} {msg}";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        let now = Instant::now();
        Self {
            mode,
            bar,
            judge,
            rows,
            done: 0,
            earlier: 0,
            calls: 0,
            shows_calls: true,
            throttled: 0,
            verdicts: [0; 7],
            began: now,
            last_line: now,
        }
    }

    /// Sets the number of rows that earlier runs settled.
    pub(crate) const fn resume(&mut self, rows: u64) {
        self.earlier = rows;
        self.done = rows;
    }

    /// Shows no calls: the run makes none of its own.
    pub(crate) const fn without_calls(&mut self) {
        self.shows_calls = false;
    }

    /// Counts a settled row.
    pub(crate) fn settled(&mut self, row: &Row, outcome: Option<&Outcome>) {
        self.done += 1;
        if self.mode == ProgressMode::Silent {
            return;
        }
        let Some(outcome) = outcome else { return };
        self.calls += u64::from(outcome.attempts);
        self.throttled += u64::from(outcome.throttled);
        if let (Entry::Query(query), Some(judge)) = (&row.entry, &self.judge) {
            self.verdicts[judge.verdict(row, query, outcome) as usize] += 1;
        }
    }

    /// Shows the progress. `slowed_to` is the pace in calls per second, if throttling has reduced it.
    pub(crate) fn tick(&mut self, slowed_to: Option<f64>) {
        match self.mode {
            ProgressMode::Bar => {
                self.bar.set_position(self.done);
                self.bar.set_message(self.message(slowed_to));
            }
            ProgressMode::Lines if self.last_line.elapsed() >= LINE_EVERY => {
                self.last_line = Instant::now();
                tracing::info!(
                    "{} of {} rows, {}",
                    humanize::count(self.done),
                    humanize::count(self.rows),
                    self.message(slowed_to)
                );
            }
            ProgressMode::Lines | ProgressMode::Silent => {}
        }
    }

    /// Removes the bar at the end of the run.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Returns the message, such as `7.9 calls/s, 1 min 50 s left: 100 reconciled, 3 break; 2 throttled, slowed down to
    /// 4.0/s`.
    fn message(&self, slowed_to: Option<f64>) -> String {
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
        let (rate, left) = (
            self.calls as f64 / seconds,
            (self.rows - self.done.min(self.rows)) as f64,
        );
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let left = Duration::try_from_secs_f64(
            left * seconds / ((self.done - self.earlier).max(1) as f64),
        )
        .unwrap_or_default();
        let mut message = format!("{} left", humanize::duration(left));
        if self.shows_calls {
            message = format!("{rate:.1} calls/s, {message}");
        }
        let counts = MessageVerdict::ALL
            .iter()
            .map(|&verdict| (self.verdicts[verdict as usize], verdict));
        for (nth, (count, verdict)) in counts.filter(|(count, _)| *count > 0).enumerate() {
            message += if nth == 0 { ": " } else { ", " };
            message += &humanize::count(count);
            message += " ";
            message += verdict.as_str();
        }
        if self.throttled > 0 {
            message += "; ";
            message += &humanize::count(self.throttled);
            message += " throttled";
        }
        if let Some(pace) = slowed_to {
            message += if self.throttled > 0 { ", " } else { "; " };
            let _ = write!(message, "slowed down to {pace:.1}/s");
        }
        message
    }
}

impl LiveJudge {
    /// Returns the judge for the run with this header.
    #[must_use]
    pub(crate) fn of(header: &Header, expectations: Expectations) -> Self {
        Self {
            contexts: MessageContexts::of(header, &expectations),
            expectations,
        }
    }

    fn verdict(&self, row: &Row, query: &Query, outcome: &Outcome) -> MessageVerdict {
        let view = |track: &'_ Track| {
            let (group, word) = (track.group.as_ref(), track.track_type.as_str());
            TrackView::new(group.to_owned(), word.to_owned())
        };
        match &outcome.answer {
            Ok(trace) => {
                let tracks: Vec<_> = trace.tracks.iter().map(view).collect();
                let subject = self.contexts.of_row(row, query);
                judge(AnswerView::Tracks(&tracks), &subject, &self.expectations).verdict
            }
            Err(failure) if failure.kind == FailureKind::NotFound => MessageVerdict::NotFound,
            Err(_) => MessageVerdict::Unanswered,
        }
    }
}
