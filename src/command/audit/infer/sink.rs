//! Receives the rows that are settled by a run with `--infer`.

use std::collections::HashMap;
use std::num::NonZeroU64;

use super::{InferStage, message_answer};
use crate::engine::{Disposition, Sink};
use crate::input::Row;
use crate::results::Outcome;

/// Takes the answers about messages that others follow from, and hands all rows on to the sink of the run.
pub(in crate::command::audit) struct InferSink<'s, S> {
    pub(in crate::command::audit) stage: &'s InferStage,
    pub(in crate::command::audit) sink: &'s mut S,
    /// Rows whose answers are kept back until other messages are asked again because of them: the calls for these are theirs.
    held: HashMap<NonZeroU64, (Row, Outcome)>,
}

impl<'s, S: Sink> InferSink<'s, S> {
    pub(in crate::command::audit) fn new(stage: &'s InferStage, sink: &'s mut S) -> Self {
        Self {
            stage,
            sink,
            held: HashMap::new(),
        }
    }

    /// Hands on the rows that are kept back. To be called at the end of the run, however it ends.
    ///
    /// # Errors
    ///
    /// If a row cannot be kept.
    pub(in crate::command::audit) fn release(&mut self) -> anyhow::Result<()> {
        for (row, outcome) in std::mem::take(&mut self.held).into_values() {
            self.sink.settled(&row, Some(&outcome))?;
        }
        Ok(())
    }

    /// Adds the calls of a message that was asked again to the row because of which it was.
    fn add_calls(
        &mut self,
        because: NonZeroU64,
        again: &Outcome,
        is_last: bool,
    ) -> anyhow::Result<()> {
        if let Some((_, outcome)) = self.held.get_mut(&because) {
            outcome.more_calls += again.attempts + again.more_calls;
            outcome.throttled += again.throttled;
        }
        if is_last && let Some((row, outcome)) = self.held.remove(&because) {
            self.sink.settled(&row, Some(&outcome))?;
        }
        Ok(())
    }
}

impl<S: Sink> Sink for InferSink<'_, S> {
    fn settled(&mut self, row: &Row, outcome: Option<&Outcome>) -> anyhow::Result<()> {
        let number = NonZeroU64::new(row.row);
        let (Some(number), Some(outcome), true) = (number, outcome, self.stage.was_asked(row))
        else {
            self.stage.learn(row, outcome);
            return self.sink.settled(row, outcome);
        };
        let mut inference = self.stage.inference.borrow_mut();
        let disposition = inference.answered(number, message_answer(outcome), outcome.observed_at);
        drop(inference);
        match disposition {
            Disposition::Keep => self.sink.settled(row, Some(outcome)),
            Disposition::KeepAfterChecks => {
                self.held.insert(number, (row.clone(), outcome.clone()));
                Ok(())
            }
            Disposition::Check(because, is_last) => self.add_calls(because, outcome, is_last),
        }
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        self.sink.idle()
    }

    fn tick(&mut self, slowed_to: Option<f64>) {
        self.sink.tick(slowed_to);
    }
}
