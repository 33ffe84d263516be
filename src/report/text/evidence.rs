//! Sentences about what was examined beyond the offsets.

use std::collections::BTreeMap;

use super::SummaryText;
use super::sample::sampled_failures;
use crate::humanize::{count, counted};
use crate::report::locale::phrases;
use crate::verdict::{Evidence, GroupTally, SampleResult, UndeterminedReason, Verdict};

/// The most groups that are named for one reason.
const GROUPS_NAMED: usize = 5;

/// The most reasons that are stated.
const REASONS_STATED: usize = 5;

/// The verdicts that only an examination finds.
const FAILURES: [Verdict; 3] = [Verdict::DeadLettered, Verdict::Retrying, Verdict::Failed];

impl SummaryText<'_> {
    /// Returns what `passed` rests on, over all groups. `None` if nothing was examined or passed.
    #[must_use]
    pub fn passed_by_evidence(&self) -> Option<String> {
        let groups = || self.summary.tally.groups.values();
        let total = |evidence| groups().map(|group| group.evidence(evidence)).sum();
        let parts = by_evidence(total);
        if !self.summary.states_evidence() || parts.is_empty() {
            return None;
        }
        let parts = self.locale.listed(&parts);
        Some(if self.is_chinese() {
            format!("已消费（passed）的依据：{parts}")
        } else {
            format!("passed rests on {parts}")
        })
    }

    /// Returns what `passed` rests on for one group. `None` if nothing was examined or passed.
    pub(in crate::report) fn evidence_of(&self, group: &GroupTally) -> Option<String> {
        let parts = by_evidence(|evidence| group.evidence(evidence));
        if !self.summary.states_evidence() || parts.is_empty() {
            return None;
        }
        let passed = self.locale.text(phrases::verdict(Verdict::Passed));
        let colon = self.locale.text(phrases::COLON);
        Some(format!("{passed}{colon}{}", self.locale.listed(&parts)))
    }

    /// Returns why pairs of a group and a message are undetermined. `None` if no reason is known.
    fn undetermined_by_reason(&self) -> Option<String> {
        let counts =
            UndeterminedReason::ALL.map(|reason| (reason, self.summary.tally.undetermined(reason)));
        let occurring = counts.into_iter().filter(|(_, number)| *number > 0);
        let parts: Vec<_> = occurring
            .map(|(reason, number)| {
                let text = self.locale.text(phrases::undetermined_reason(reason));
                let colon = self.locale.text(phrases::COLON);
                format!("{text}{colon}{}", count(number))
            })
            .collect();
        if parts.is_empty() {
            return None;
        }
        let parts = parts.join(self.locale.text(phrases::SEMICOLON));
        Some(if self.is_chinese() {
            format!("无法判定（undetermined）的原因——{parts}")
        } else {
            format!("undetermined because {parts}")
        })
    }

    /// Returns which groups were not examined completely, each reason once. `None` if all were, or if nothing was to be
    /// examined.
    #[must_use]
    pub fn not_examined(&self) -> Option<String> {
        let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (group, why) in self.summary.gaps() {
            let groups = by_reason.entry(why).or_default();
            if !groups.iter().any(|known| known == group) {
                groups.push(group.to_owned());
            }
        }
        let reasons = by_reason.iter().take(REASONS_STATED).map(|(why, groups)| {
            let mut named = groups[..groups.len().min(GROUPS_NAMED)].to_vec();
            match groups.len() - named.len() {
                0 => {}
                more => named.push(self.more_groups(more)),
            }
            self.locale.listed(&named) + &self.locale.in_brackets(why)
        });
        let mut reasons: Vec<_> = reasons.collect();
        if reasons.is_empty() {
            return None;
        }
        match by_reason.len() - reasons.len() {
            0 => {}
            more if self.is_chinese() => reasons.push(format!("另有 {more} 个原因")),
            more => reasons.push(counted(more as u64, "more reason", "more reasons")),
        }
        let reasons = reasons.join(self.locale.text(phrases::SEMICOLON));
        Some(if self.is_chinese() {
            format!("未能完整检查：{reasons}")
        } else {
            format!("not examined completely: {reasons}")
        })
    }

    /// Returns the topics whose groups are unknown, each reason once. `None` if all are known.
    fn unlisted(&self) -> Option<String> {
        let by_reason = self.summary.tally.unlisted.iter().take(REASONS_STATED);
        let reasons = by_reason.map(|(why, topics)| {
            let mut named: Vec<_> = topics.iter().take(GROUPS_NAMED).cloned().collect();
            match topics.len() - named.len() {
                0 => {}
                more if self.is_chinese() => named.push(format!("另有 {more} 个主题")),
                more => named.push(format!("{more} more")),
            }
            self.locale.listed(&named) + &self.locale.in_brackets(why)
        });
        let reasons: Vec<_> = reasons.collect();
        if reasons.is_empty() {
            return None;
        }
        let reasons = reasons.join(self.locale.text(phrases::SEMICOLON));
        Some(if self.is_chinese() {
            format!("下列主题的消费组无法得知，未出现的消费组不能判为缺失：{reasons}")
        } else {
            format!(
                "the groups of these topics are unknown, so no group of them is called absent: {reasons}"
            )
        })
    }

    /// Returns the results files that were not examined, if others were.
    fn unexamined_files(&self) -> Option<String> {
        let results_files = self.summary.results_files.iter();
        let unexamined = results_files.filter(|file| !file.header().is_examined());
        let paths: Vec<_> = unexamined
            .map(|file| file.path().display().to_string())
            .collect();
        if paths.is_empty() || !self.summary.is_examined() {
            return None;
        }
        let paths = self.locale.listed(&paths);
        Some(if self.is_chinese() {
            format!("未检查的结果文件：{paths}")
        } else {
            format!("not examined: {paths}")
        })
    }

    /// Returns the notes about the examination, for the top of a report.
    #[must_use]
    pub fn examination_notes(&self) -> Vec<String> {
        let notes = [
            self.passed_by_evidence(),
            self.undetermined_by_reason(),
            self.unlisted(),
            self.not_examined(),
            self.unexamined_files(),
            self.sampled(),
        ];
        notes.into_iter().flatten().collect()
    }

    /// Returns the share of failed messages in the random sample, and what is not counted in it. `None` without a sample.
    fn sampled(&self) -> Option<String> {
        let of = |result| self.summary.tally.sampled(result);
        let failed = of(SampleResult::Failed);
        let traced = failed + of(SampleResult::Succeeded);
        let [silent, unanswered] = [SampleResult::NoRecords, SampleResult::Unanswered].map(of);
        if traced + silent + unanswered == 0 {
            return None;
        }
        let is_chinese = self.is_chinese();
        let others = [
            (silent, "without a record of a consumer", "条没有消费记录"),
            (unanswered, "could not be traced", "条未能查询轨迹"),
        ];
        let others = others.into_iter().filter(|(number, ..)| *number > 0);
        let others = others.map(|(number, en, zh)| {
            format!("{} {}", count(number), if is_chinese { zh } else { en })
        });
        let share = (traced > 0).then(|| sampled_failures(failed, traced, self.locale.language));
        let parts: Vec<_> = share.into_iter().chain(others).collect();
        Some(parts.join(self.locale.text(phrases::SEMICOLON)))
    }

    /// Returns the failures of a group with their numbers of breaks, those that occur.
    pub(super) fn failures(group: &GroupTally) -> Vec<(Verdict, u64)> {
        let counts = FAILURES.map(|verdict| (verdict, group.missed_as(verdict)));
        counts
            .into_iter()
            .filter(|(_, number)| *number > 0)
            .collect()
    }
}

fn by_evidence(number: impl Fn(Evidence) -> u64) -> Vec<String> {
    let counts = Evidence::ALL.map(|evidence| (evidence, number(evidence)));
    let occurring = counts.into_iter().rev().filter(|(_, number)| *number > 0);
    occurring
        .map(|(evidence, number)| format!("{} {}", evidence.as_str(), count(number)))
        .collect()
}
