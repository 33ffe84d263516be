//! How many calls a run with `--infer` would make.

use std::time::Duration;

use serde::Serialize;

use super::{InferInput, InferSettings, each_placed};
use crate::engine::{CandidateSet, Rate};
use crate::exit::Failed;
use crate::humanize::{self, count, counted};

/// The calls that a run with `--infer` would make.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(in crate::command) struct InferPlan {
    /// Messages whose answers may follow from others.
    placed: u64,
    /// The number of queues that have these messages.
    queues: u64,
    /// Number of groups that may be behind, as assumed for the most calls.
    groups: u64,
    /// Calls if every group has passed the highest message of each queue.
    fewest_calls: u64,
    /// Calls if every group is behind in every queue, with no filter and no repeated call.
    most_calls: u64,
    /// How long these take. `None` without a limit of the rate.
    fewest_seconds: Option<f64>,
    most_seconds: Option<f64>,
}

impl InferPlan {
    /// Plans the calls. `groups` may be behind, `messages` are to be asked about.
    ///
    /// # Errors
    ///
    /// If a row cannot be read.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    pub(in crate::command) fn of(
        settings: &InferSettings,
        input: &InferInput<'_>,
        (groups, messages, rate): (u64, u64, Rate),
    ) -> Result<Self, Failed> {
        let mut candidates = CandidateSet::with_capacity(input.inputs.row_count());
        each_placed(settings, input, |row, topic, place| {
            candidates.add(topic, place, (row.row, 0));
            Ok(())
        })?;
        let topics = candidates.topics().count() as u64;
        let sizes = candidates.queue_sizes();
        let placed: u64 = sizes.iter().sum();
        let queues = sizes.len() as u64;
        let others = messages.saturating_sub(placed) + topics;
        let with_sample = |asked: u64| {
            others + asked + ((placed - asked) as f64 * settings.recheck).ceil() as u64
        };
        let halving = |size: u64| u64::from(u64::BITS - (size - 1).leading_zeros());
        let most = sizes
            .iter()
            .map(|size| (2 + groups * halving(*size)).min(*size));
        let fewest = sizes.iter().map(|size| (*size).min(2));
        let (fewest_calls, most_calls) = (with_sample(fewest.sum()), with_sample(most.sum()));
        let seconds = |calls| rate.time_for(calls).map(|time| time.as_secs_f64());
        Ok(Self {
            placed,
            queues,
            groups,
            fewest_seconds: seconds(fewest_calls),
            most_seconds: seconds(most_calls),
            fewest_calls,
            most_calls,
        })
    }

    /// Returns `440 to 1,040 calls instead of 20,000, …`. `messages` are to be asked about.
    pub(in crate::command) fn text(&self, messages: u64) -> String {
        if self.placed == 0 {
            return "saves nothing: no message has a place and was sent successfully (SEND_OK)"
                .to_owned();
        }
        let time = |seconds: f64| humanize::duration(Duration::from_secs_f64(seconds));
        let time = self
            .fewest_seconds
            .zip(self.most_seconds)
            .map_or_else(String::new, |(fewest, most)| {
                format!(", {} to {}", time(fewest), time(most))
            });
        format!(
            "{} to {} calls instead of {}{time}: {} in {}; the most if {} are behind in each queue, more if they filter, above \
             all without tags, or if the offsets move",
            count(self.fewest_calls),
            count(self.most_calls),
            count(messages),
            counted(self.placed, "message has a place", "messages have places"),
            counted(self.queues, "queue", "queues"),
            counted(self.groups, "group", "groups"),
        )
    }
}
