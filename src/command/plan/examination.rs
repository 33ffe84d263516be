//! What a service is asked besides one call for each message.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::Outlook;
use crate::command::audit::Draft;
use crate::command::flags::SourceKind;
use crate::engine::Rate;
use crate::exit::Failed;
use crate::humanize::{self, count, counted};
use crate::settings::Settings;

/// The calls for a trace: one starts the query, and at least one returns its result.
const CALLS_FOR_A_TRACE: u64 = 2;

/// The calls besides those for messages.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ExaminationPlan {
    Ons(OnsPlan),
    Rmq(RmqPlan),
}

/// The calls to 5.x. Only those whose number is known before the run are counted.
#[derive(Debug, Serialize)]
pub(super) struct RmqPlan {
    /// One for the subscriptions of each topic.
    topic_calls: u64,
    /// One for the retention of each instance.
    instance_calls: u64,
}

/// The calls to 4.x and the time of its examination.
#[derive(Debug, Serialize)]
pub(super) struct OnsPlan {
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
    /// Plans the calls about so many messages. Returns `None` if no service is asked.
    pub(super) fn of(
        (draft, outlook): (&Draft, &Outlook),
        settings: &Settings,
        messages: u64,
    ) -> Result<Option<Self>, Failed> {
        match draft.source.kind() {
            _ if messages == 0 => Ok(None),
            SourceKind::Api if draft.header.is_examined() => {
                OnsPlan::of(draft, settings, messages).map(|plan| Some(Self::Ons(plan)))
            }
            SourceKind::Rmq => Ok(Some(Self::Rmq(RmqPlan {
                topic_calls: outlook.topics,
                instance_calls: outlook.instances,
            }))),
            SourceKind::Api | SourceKind::Cluster | SourceKind::Snapshot => Ok(None),
        }
    }

    /// Returns the plan in words.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Ons(plan) => plan.text(),
            Self::Rmq(plan) => plan.text(),
        }
    }
}

impl RmqPlan {
    /// Returns `4 calls: subscriptions of 3 topics, retention of 1 instance; 1 more for each message that is not found, …`.
    fn text(&self) -> String {
        let calls = self.topic_calls.saturating_add(self.instance_calls);
        let calls = counted(calls, "call", "calls");
        let topics = counted(self.topic_calls, "topic", "topics");
        let instances = counted(self.instance_calls, "instance", "instances");
        format!(
            "{calls}: subscriptions of {topics}, retention of {instances}; 1 more for each message that is not found, for \
             each group and topic without records, and for each group with failures or dead letters"
        )
    }
}

impl OnsPlan {
    /// Plans the examination of so many messages.
    fn of(draft: &Draft, settings: &Settings, messages: u64) -> Result<Self, Failed> {
        let groups: BTreeSet<_> = draft.header.expectations.groups().collect();
        let groups = u64::try_from(groups.len()).unwrap_or(u64::MAX);
        let sample: u64 = settings.get("trace_sample")?;
        let traced_messages = sample.saturating_mul(2).min(messages);
        let rates = [draft.pace.dead_letter_rate(), draft.pace.trace_rate()];
        let times = [groups, traced_messages].into_iter().zip(rates);
        let times: Option<Vec<_>> = times.map(|(calls, rate)| rate.time_for(calls)).collect();
        Ok(Self {
            dead_letter_calls: (groups > 0).then_some(groups),
            traced_messages,
            trace_calls: traced_messages.saturating_mul(CALLS_FOR_A_TRACE),
            seconds: times.map(|times| times.iter().sum::<Duration>().as_secs_f64()),
            rates,
        })
    }

    /// Returns `dead letters: 1 call for each of 3 groups and each 50 of them, at 480/m; traces: …`.
    fn text(&self) -> String {
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
