//! The progress of a run: a bar that is redrawn, or a line every ten seconds.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{ProgressMode, Screen};
use crate::humanize;
use crate::input::{Entry, Row};
use crate::message::Query;
use crate::results::{Header, MessageContexts, Outcome};
use crate::source::{FailureKind, Track};
use crate::verdict::{
    AnswerFacts, AnswerView, Expectations, MessageVerdict, RowEvidence, TrackView, judge,
};

/// The time between two progress lines where there is no bar.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// A run that ends sooner shows no bar.
const BAR_AFTER: Duration = Duration::from_millis(500);

/// The rate and the time left are shown from then on. Earlier, they would be guesses.
const RATE_AFTER: Duration = Duration::from_secs(1);

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
        // The message is cut where the line ends, so that the bar never wraps.
        let template = match super::width() {
            Some(..60) => "{bar:8} {pos}/{len} {wide_msg}",
            _ => "{bar:24} {pos}/{len} {wide_msg}",
        };
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

    /// Adds the rows that earlier runs settled, and their messages by [`MessageVerdict`].
    pub(crate) fn resume(&mut self, rows: u64, verdicts: [u64; 7]) {
        self.earlier = rows;
        self.done = rows;
        self.verdicts = verdicts;
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
        self.calls += u64::from(outcome.attempts) + u64::from(outcome.more_calls);
        self.throttled += u64::from(outcome.throttled);
        if let (Entry::Query(query), Some(judge)) = (&row.entry, &self.judge) {
            self.verdicts[judge.verdict(row, query, outcome) as usize] += 1;
        }
    }

    /// Shows the progress. `slowed_to` is the pace in calls per second, if throttling has reduced it.
    pub(crate) fn tick(&mut self, slowed_to: Option<f64>) {
        match self.mode {
            ProgressMode::Bar if self.began.elapsed() >= BAR_AFTER => {
                self.bar.set_position(self.done);
                self.bar
                    .set_message(self.message(self.began.elapsed(), slowed_to));
            }
            ProgressMode::Lines if self.last_line.elapsed() >= LINE_EVERY => {
                self.last_line = Instant::now();
                let message = self.message(self.began.elapsed(), slowed_to);
                tracing::info!(
                    "{} of {} rows{}{message}",
                    humanize::count(self.done),
                    humanize::count(self.rows),
                    if message.is_empty() { "" } else { ", " },
                );
            }
            ProgressMode::Bar | ProgressMode::Lines | ProgressMode::Silent => {}
        }
    }

    /// Removes the bar at the end of the run.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Returns the message after this time, such as `7.9 calls/s, 1 min 50 s left, 100 reconciled, 3 break, 2 throttled,
    /// slowed down to 4.0/s`.
    fn message(&self, elapsed: Duration, slowed_to: Option<f64>) -> String {
        let settled = self.done - self.earlier;
        let mut parts = Vec::new();
        if elapsed >= RATE_AFTER && settled > 0 {
            let seconds = elapsed.as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
            let (rate, left) = (
                self.calls as f64 / seconds,
                (self.rows - self.done.min(self.rows)) as f64,
            );
            if self.shows_calls && self.calls > 0 {
                parts.push(format!("{rate:.1} calls/s"));
            }
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let left = Duration::try_from_secs_f64(left * seconds / settled as f64);
            parts.extend(
                left.map(|left| format!("{} left", humanize::duration(left)))
                    .ok(),
            );
        }
        let counts = MessageVerdict::ALL
            .iter()
            .map(|&verdict| (self.verdicts[verdict as usize], verdict))
            .filter(|(count, _)| *count > 0);
        parts
            .extend(counts.map(|(count, verdict)| format!("{} {verdict}", humanize::count(count))));
        if self.throttled > 0 {
            parts.push(format!("{} throttled", humanize::count(self.throttled)));
        }
        parts.extend(slowed_to.map(|pace| format!("slowed down to {pace:.1}/s")));
        parts.join(", ")
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
            TrackView {
                deliveries: track.deliveries.clone(),
                ..TrackView::new(group.to_owned(), word.to_owned())
            }
        };
        match &outcome.answer {
            Ok(trace) => {
                let tracks: Vec<_> = trace.tracks.iter().map(view).collect();
                let subject = self.contexts.of_row(row, query);
                let answer = AnswerView::Tracks(&tracks);
                let evidence = RowEvidence::default().with_answer(AnswerFacts {
                    available_at: trace.available_at,
                    unavailable: trace.unavailable.as_deref().unwrap_or_default(),
                    unlisted: trace.unlisted.as_deref(),
                });
                judge(answer, &subject, &self.expectations, evidence).verdict
            }
            Err(failure) if failure.kind == FailureKind::NotFound => MessageVerdict::NotFound,
            Err(_) => MessageVerdict::Unanswered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_shown_once_it_is_known() {
        let mut progress = Progress::new(ProgressMode::Lines, &Screen::default(), 100, None);
        let at =
            |progress: &Progress, millis| progress.message(Duration::from_millis(millis), None);
        assert_eq!(at(&progress, 20), "");
        assert_eq!(at(&progress, 5_000), "", "nothing is settled yet");
        progress.done = 10;
        progress.calls = 10;
        assert_eq!(at(&progress, 400), "");
        assert_eq!(at(&progress, 5_000), "2.0 calls/s, 45 s left");
        progress.throttled = 2;
        assert_eq!(
            progress.message(Duration::from_secs(5), Some(4.0)),
            "2.0 calls/s, 45 s left, 2 throttled, slowed down to 4.0/s"
        );
    }

    #[test]
    fn a_resumed_run_counts_from_its_first_row() {
        let mut progress = Progress::new(ProgressMode::Lines, &Screen::default(), 100, None);
        let mut verdicts = [0; 7];
        verdicts[MessageVerdict::Reconciled as usize] = 60;
        progress.resume(60, verdicts);
        assert_eq!(
            progress.message(Duration::from_secs(5), None),
            "60 reconciled"
        );
        progress.done += 20;
        progress.calls += 20;
        progress.verdicts[MessageVerdict::Break as usize] += 20;
        assert_eq!(
            progress.message(Duration::from_secs(5), None),
            "4.0 calls/s, 5 s left, 60 reconciled, 20 break"
        );
    }
}
