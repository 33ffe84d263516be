//! What all summaries say: the headline, the caveats, and the next step.

use std::fmt::Write as _;
use std::io;

use crate::offsets::Rules;
use crate::record::{Damage, Record};
use crate::verdict::{MessageVerdict, Tally, Verdict};
use crate::words::count;

/// A format that sums up.
pub trait SummaryFormat: Sync {
    /// Writes the whole report.
    fn render(&self, summary: &Summary<'_>, out: &mut dyn io::Write) -> io::Result<()>;
}

/// A judged record, or several shards of one run, in numbers.
#[derive(Debug)]
pub struct Summary<'a> {
    /// The records it is made from.
    pub records: &'a [Record],
    /// Everything counted.
    pub tally: Tally,
    /// What a spreadsheet has done to the kept columns.
    pub damage: Damage,
}

impl Summary<'_> {
    /// Was every query answered?
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.tally.totals.unanswered == 0
    }

    /// The one sentence that has to be right.
    #[must_use]
    pub fn headline(&self) -> String {
        let tally = &self.tally;
        let of = |n: u64| format!("{} of {} messages", count(n), count(tally.totals.distinct));
        let mut line = if self.is_complete() {
            String::new()
        } else {
            format!(
                "INCOMPLETE: {} got no answer. ",
                of(tally.totals.unanswered)
            )
        };
        let broken = tally.messages(MessageVerdict::Break);
        let unclear = tally.totals.answered - broken - tally.messages(MessageVerdict::Reconciled);
        let fit = "memory takes all text";
        let whole = count(tally.totals.distinct);
        if broken > 0 {
            write!(
                line,
                "{} were not consumed by every expected group",
                of(broken)
            )
            .expect(fit);
        } else if tally.is_clean() && tally.totals.distinct > 0 {
            write!(
                line,
                "all {whole} messages were consumed by every expected group"
            )
            .expect(fit);
        } else if tally.totals.answered > 0 {
            write!(
                line,
                "no break in the answers about {}",
                of(tally.totals.answered)
            )
            .expect(fit);
        } else {
            write!(line, "nothing is known about any of {whole} messages").expect(fit);
        }
        for (number, what) in [
            (unclear, "can't be told"),
            (tally.totals.not_found, "not found"),
            (tally.totals.rejected, "rejected as bad rows"),
        ] {
            if number > 0 {
                write!(line, "; {} {what}", count(number)).expect(fit);
            }
        }
        line
    }

    /// Groups whose offset seems to have gone back: messages that they had passed are open now.
    #[must_use]
    pub fn resets(&self) -> Vec<String> {
        let groups = self
            .tally
            .groups
            .iter()
            .filter(|(_, group)| group.regressed > 0);
        groups
            .map(|(name, group)| {
                let messages = count(group.regressed);
                format!("{name}: {messages} of the messages that it had passed are open now, its offset was likely reset")
            })
            .collect()
    }

    /// The groups that answer though the contract of the topic names them nowhere, each with its number of messages.
    #[must_use]
    pub fn unexpected(&self) -> Vec<(&str, u64)> {
        let groups = self.tally.groups.iter();
        groups
            .filter(|(_, group)| group.unexpected > 0)
            .map(|(name, group)| (name.as_str(), group.unexpected))
            .collect()
    }

    /// What the contract could not decide, or left out; only what applies here.
    #[must_use]
    pub fn contract_notes(&self) -> Vec<String> {
        let tally = &self.tally;
        let assumed = (tally.assumed > 0).then(|| {
            format!(
                "{} messages: their tag or born time is not known, so groups that are expected only of certain ones count \
                 as expected",
                count(tally.assumed)
            )
        });
        let nothing = (tally.nothing_expected > 0).then(|| {
            format!(
                "{} messages: the contract of their topic expects no group (another tag, or born at another time), so \
                 nothing could be missed",
                count(tally.nothing_expected)
            )
        });
        assumed.into_iter().chain(nothing).collect()
    }

    /// The kept columns that look as if a spreadsheet had damaged them, each in a sentence.
    #[must_use]
    pub fn damaged(&self) -> Vec<String> {
        self.damage
            .columns()
            .map(|column| column.to_string())
            .collect()
    }

    /// What was taken from an earlier record, if anything was.
    #[must_use]
    pub fn carried(&self) -> Option<String> {
        let (carried, rechecked) = (self.tally.totals.carried, self.tally.rechecked);
        (carried + rechecked > 0).then(|| {
            format!(
                "{} of {} answers are of an earlier run; {} messages that some group had passed then were asked again",
                count(carried),
                count(self.tally.totals.answered),
                count(rechecked)
            )
        })
    }

    /// What the numbers do not prove; only those that apply here (`facts/users.md` §3b).
    #[must_use]
    pub fn caveats(&self) -> Vec<&'static str> {
        let tally = &self.tally;
        let any = |verdict| tally.groups.values().any(|group| group.count(verdict) > 0);
        let mut caveats = Vec::new();
        if any(Verdict::Passed) {
            caveats.push(
                "passed means that the group's offset went past the message. It does not prove success: failed \
                 messages go to retry or dead-letter topics and the offset moves on, and a reset skips messages.",
            );
        }
        let by_offsets = |record: &Record| record.header().rules == Rules::Offsets;
        if self.records.iter().any(by_offsets) {
            caveats.push(
                "judged by offsets, also where mqadmin would not: what is marked offline left its offset behind and does not \
                 tell its filter, what is marked pop was delivered and perhaps not acknowledged.",
            );
        }
        if any(Verdict::Filtered) {
            caveats.push("filtered is judged by the group's subscription of now, not of when the message came.");
        }
        if any(Verdict::Open) {
            caveats.push(
                "open may be a message in work, delayed or being retried: offsets are committed every few seconds. \
                 Ask the open ones again before acting on them.",
            );
        }
        if any(Verdict::Undetermined) {
            caveats.push(
                "undetermined is neither a pass nor a break: the source can't tell (offline, pull, broadcasting).",
            );
        }
        if any(Verdict::Absent) {
            caveats.push(
                "absent: an expected group that no answer names. It was never started, was deleted, or is misspelt.",
            );
        }
        if tally.totals.not_found > 0 {
            caveats.push(
                "not found may be expired (messages live about 3 days), another topic, instance or region, or an \
                 ID of another kind; it does not mean lost.",
            );
        }
        if tally.totals.carried > 0 {
            caveats.push(
                "carried answers are as old as their observed_at: an offset that was reset since then shows only in \
                 messages that were asked again.",
            );
        }
        caveats.push(
            "Each answer is of its own moment (observed_at): the whole is no snapshot, unless the source is one.",
        );
        caveats
    }

    /// Where the answers came from and of when they are.
    #[must_use]
    pub fn provenance(&self) -> String {
        let mut sources: Vec<_> = self
            .records
            .iter()
            .map(|record| record.header().source.as_str())
            .collect();
        sources.dedup();
        let observed = self
            .tally
            .observed
            .as_ref()
            .map_or_else(String::new, |(first, last)| {
                if first == last {
                    format!(", as of {first}")
                } else {
                    format!(", observed {first} to {last}")
                }
            });
        format!("source {}{observed}", sources.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headline_never_makes_an_incomplete_run_look_complete() {
        let mut tally = Tally::default();
        tally.totals.rows = 3;
        tally.totals.distinct = 3;
        tally.totals.unanswered = 3;
        let summary = Summary {
            records: &[],
            tally,
            damage: Damage::default(),
        };
        assert!(
            summary
                .headline()
                .starts_with("INCOMPLETE: 3 of 3 messages got no answer. "),
            "{}",
            summary.headline()
        );
        assert!(
            summary
                .headline()
                .ends_with("nothing is known about any of 3 messages")
        );
    }
}
