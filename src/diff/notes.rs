//! Warnings and notes of a comparison.

use super::change::Change;
use super::side::Side;
use super::tally::ChangeKind;
use super::text::Differences;
use crate::humanize::{count, counted};
use crate::verdict::Verdict;

impl Differences<'_> {
    /// Returns what makes the results files hard to compare.
    #[must_use]
    pub(crate) fn warnings(&self) -> Vec<String> {
        let (old, new) = (
            self.old.results_file.header(),
            self.new.results_file.header(),
        );
        let mut warnings = Vec::new();
        if old.run_id == new.run_id {
            warnings.push("OLD and NEW are results files of the same run".to_owned());
        }
        if old.source != new.source {
            warnings.push(format!(
                "the sources differ: OLD asked {}, NEW asked {}; whether they speak of the same cluster the results files \
                 don't say",
                old.source, new.source
            ));
        }
        if self.has_other_expectations() {
            warnings.push(
                "the expectations differ: each results file is judged by its own, so a change may be one of expectation; \
                 --expect and --expect-file judge both by the same"
                    .to_owned(),
            );
        }
        if self.tally.messages.both == 0 {
            warnings.push(
                "no message stands in both results files: messages are the same if instance, topic and ID are spelt alike"
                    .to_owned(),
            );
        }
        let overlap = (self.old.end(), new.started_at.parse().ok());
        if let (Some(end), Some(start)) = overlap
            && new.as_of.is_none()
            && end > start
            && old.run_id != new.run_id
        {
            warnings.push("the runs overlap: NEW began before OLD had its last answer".to_owned());
        }
        warnings
    }

    /// Returns whether the two sides are judged by different expectations.
    fn has_other_expectations(&self) -> bool {
        self.old.expectations != self.new.expectations
    }

    /// Returns the notes that apply: what the numbers do not prove.
    #[must_use]
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = self.gaps();
        notes.extend(self.caveats().into_iter().map(str::to_owned));
        notes
    }

    /// Returns how much was not compared.
    fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        let stale = self.tally.messages.stale;
        if stale > 0 {
            let [were, they_resolve] = match stale {
                1 => ["was", "it resolves"],
                _ => ["were", "they resolve"],
            };
            gaps.push(format!(
                "{} of NEW {were} observed before OLD's (overlapping runs, or answers carried over): {they_resolve} \
                 nothing.",
                counted(stale, "answer", "answers")
            ));
        }
        let totals = [&self.old, &self.new].map(|side| &side.summary.tally.totals);
        let unanswered = totals.map(|totals| totals.unanswered);
        if unanswered != [0, 0] {
            let [old, new] = [
                counted(unanswered[0], "message", "messages"),
                count(unanswered[1]),
            ];
            gaps.push(format!(
                "{old} of OLD and {new} of NEW have no answer: nothing is concluded from that."
            ));
        }
        let rejected = totals.map(|totals| totals.rejected);
        if rejected != [0, 0] {
            let [old, new] = [
                counted(rejected[0], "bad row", "bad rows"),
                count(rejected[1]),
            ];
            gaps.push(format!("{old} of OLD and {new} of NEW are not compared."));
        }
        gaps
    }

    fn caveats(&self) -> Vec<&'static str> {
        let any = |change| self.tally.count(change) > 0;
        let filtered = |side: &Side<'_>| {
            let mut groups = side.summary.tally.groups.values();
            groups.any(|group| group.count(Verdict::Filtered) > 0)
        };
        let by_deliveries = self.new.records_deliveries();
        let caveats = [
            (
                self.tally.kinds.keys().any(ChangeKind::is_open_again) && !by_deliveries,
                "an offset goes back when someone resets it; a change of the broker's master can look the same.",
            ),
            (any(Change::Resolved), self.resolved_means()),
            (any(Change::Unconfirmed), self.unconfirmed_means()),
            (
                any(Change::StillOpen) || any(Change::Unconfirmed),
                "first_seen reaches no further back than OLD: the fault may be older, up to the message's born time.",
            ),
            (
                filtered(&self.old) || filtered(&self.new),
                "filtered is judged by the subscription at the time of each results file, not of the message.",
            ),
        ];
        let that_apply = caveats.into_iter().filter(|(applies, _)| *applies);
        that_apply.map(|(_, caveat)| caveat).collect()
    }

    /// Returns what a resolved fault proves.
    fn resolved_means(&self) -> &'static str {
        let by_deliveries = self.new.records_deliveries();
        if by_deliveries && self.has_other_expectations() {
            "resolved means that a client succeeded, that the group had no lag at the time of NEW, or that NEW no longer \
             expects it: the expectations differ."
        } else if by_deliveries {
            "resolved means that a client succeeded, or that the group had no lag at the time of NEW; a group that skipped \
             messages has no lag either."
        } else if self.has_other_expectations() {
            "resolved means that the group's offset went past the message since, or that NEW no longer expects it: the \
             expectations differ."
        } else {
            "resolved means that the group's offset went past the message since; a reset to a later offset looks the same."
        }
    }

    /// Returns what is known of a fault that is unconfirmed.
    fn unconfirmed_means(&self) -> &'static str {
        if self.new.records_deliveries() {
            "unconfirmed was at fault in OLD, and NEW doesn't say what became of it: not asked, no answer, not found \
             (expired?), not named, undetermined, or no longer expected."
        } else {
            "unconfirmed was at fault in OLD, and NEW doesn't say what became of it: not asked, no answer, not found \
             (expired after about 3 days?), not named, undetermined, or no longer expected."
        }
    }
}
