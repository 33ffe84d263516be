//! What examining beyond the offsets asks a service, besides `OnsMessageTrace`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::command::audit::Draft;
use crate::command::flags::SourceKind;
use crate::engine::Rate;
use crate::exit::Failed;
use crate::humanize::{self, count, counted};
use crate::settings::Settings;

/// The calls for a trace: one starts the query, and at least one returns its result.
const CALLS_FOR_A_TRACE: u64 = 2;

/// The calls and the time of an examination.
#[derive(Debug, Serialize)]
pub(super) struct ExaminationPlan {
    /// Least number of calls for dead letters: one for each group that is expected. `None` if none is: then there is one for
    /// each group that answers.
    dead_letter_calls: Option<u64>,
    /// Most messages that are traced: the sample, and as many breaks and dead letters.
    traced_messages: u64,
    /// Least number of calls for so many messages.
    trace_calls: u64,
    /// How long all of these calls take. `None` without a limit of the rate.
    seconds: Option<f64>,
    #[serde(skip)]
    rates: [Rate; 2],
}

impl ExaminationPlan {
    /// Plans the examination of so many messages. Returns `None` if no service is examined.
    pub(super) fn of(
        draft: &Draft,
        settings: &Settings,
        messages: u64,
    ) -> Result<Option<Self>, Failed> {
        if draft.source.kind() != SourceKind::Api || !draft.header.is_examined() || messages == 0 {
            return Ok(None);
        }
        let groups: BTreeSet<_> = draft.header.expectations.groups().collect();
        let groups = u64::try_from(groups.len()).unwrap_or(u64::MAX);
        let sample: u64 = settings.get("trace_sample")?;
        let traced_messages = sample.saturating_mul(2).min(messages);
        let rates = [draft.pace.dead_letter_rate(), draft.pace.trace_rate()];
        let times = [groups, traced_messages].into_iter().zip(rates);
        let times: Option<Vec<_>> = times.map(|(calls, rate)| rate.time_for(calls)).collect();
        Ok(Some(Self {
            dead_letter_calls: (groups > 0).then_some(groups),
            traced_messages,
            trace_calls: traced_messages.saturating_mul(CALLS_FOR_A_TRACE),
            seconds: times.map(|times| times.iter().sum::<Duration>().as_secs_f64()),
            rates,
        }))
    }

    /// Returns `dead letters: 1 call for each of 3 groups and each 50 of them, at 480/m; traces: …`.
    pub(super) fn text(&self) -> String {
        let at = |rate: Rate| match rate {
            Rate::Max => String::new(),
            Rate::Limited { .. } => format!(", at {rate}"),
        };
        let [letters, traces] = self.rates.map(at);
        let groups = match self.dead_letter_calls {
            None => "group that answers".to_owned(),
            Some(1) => "1 group".to_owned(),
            Some(groups) => format!("of {} groups", count(groups)),
        };
        let for_each = match self.dead_letter_calls {
            Some(1) => "for",
            _ => "for each",
        };
        let mut text =
            format!("dead letters: 1 call {for_each} {groups}, and for each 50 more{letters}");
        if self.traced_messages > 0 {
            let messages = counted(self.traced_messages, "message", "messages");
            let calls = count(self.trace_calls);
            let _ = write!(text, "; traces: at most {messages}, {calls} calls{traces}"); // a String takes everything
            if let Some(seconds) = self.seconds {
                let time = humanize::duration(Duration::from_secs_f64(seconds));
                let _ = write!(text, "; together {time} more");
            }
        }
        text
    }
}
