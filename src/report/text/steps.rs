//! The next steps, most urgent first.

use super::SummaryText;
use crate::verdict::{MessageVerdict, Verdict};

/// The places that the steps name, in the language of the text.
#[derive(Debug)]
pub(in crate::report) struct StepPlaces {
    /// Where the error codes of unanswered messages are, as `see error_code in report.csv`; `None` to name no place.
    pub(in crate::report) unanswered: Option<String>,
    /// What to do to see the breaks, as `open report.xlsx, sheet Breaks`.
    pub(in crate::report) breaks: String,
    /// What lists the rejected rows, as `rejected.csv`.
    pub(in crate::report) rejected: String,
}

impl SummaryText<'_> {
    /// Returns the next steps. Advice about error codes is in English only.
    pub(in crate::report) fn steps(&self, places: &StepPlaces) -> Vec<String> {
        let tally = &self.summary.tally;
        let is_absent = tally
            .groups
            .values()
            .any(|group| group.count(Verdict::Absent) > 0);
        let advice = self.summary.advice().into_iter();
        let advice = advice.map(|(code, hint)| format!("{code}: {hint}"));
        let unanswered = self.unanswered_step(places);
        let breaks = (tally.messages(MessageVerdict::Break) > 0).then(|| {
            let places = &places.breaks;
            if self.is_chinese() {
                format!("{places}；处置前请重新查询")
            } else {
                format!("{places}; ask those again before acting on them")
            }
        });
        let absent = is_absent.then(|| {
            if self.is_chinese() {
                "缺失的消费组：是否从未启动？请核对约定中的名称".to_owned()
            } else {
                "absent groups: were they ever started? check their names in the expectations"
                    .to_owned()
            }
        });
        let is_any_undetermined = tally.messages(MessageVerdict::Undetermined) > 0;
        let undetermined = is_any_undetermined.then(|| self.undetermined_step());
        let rejected = self.rejected_step(places);
        unanswered
            .into_iter()
            .chain(advice)
            .chain(
                [
                    breaks,
                    self.dead_letters_step(),
                    absent,
                    rejected,
                    undetermined,
                ]
                .into_iter()
                .flatten(),
            )
            .collect()
    }

    /// Returns what to do about unanswered messages, or `None` if there are none.
    pub(in crate::report) fn unanswered_step(&self, places: &StepPlaces) -> Option<String> {
        if self.summary.is_complete() {
            return None;
        }
        let place = places.unanswered.as_ref();
        let is_of_5 = self.summary.is_by_deliveries(); // there, the instance decides
        Some(if self.is_chinese() {
            let place = place.map(|place| format!("{place}；")).unwrap_or_default();
            format!(
                "{place}同一命令加 --resume 会重新查询这些消息{}",
                if is_of_5 {
                    ""
                } else {
                    "（消息约保留 3 天）"
                }
            )
        } else {
            let place = place.map(|place| format!("{place}; ")).unwrap_or_default();
            format!(
                "{place}the same command with --resume asks about them again, while the messages are kept{}",
                if is_of_5 { "" } else { " (about 3 days)" }
            )
        })
    }

    fn undetermined_step(&self) -> String {
        let step = match (self.summary.is_by_deliveries(), self.is_chinese()) {
            (true, true) => {
                "无法判定不等于通过：原因见 CSV 报告的 evidence_note 列；请在消费组没有堆积时重新查询，或查看其自身的日志"
            }
            (true, false) => {
                "undetermined does not count as passed: the column evidence_note of a CSV report says why; ask again when the group has no lag, or look at its own log"
            }
            (false, true) => "无法判定不等于通过：请启动该消费组，或查看其自身的日志",
            (false, false) => {
                "undetermined does not count as passed: start the group, or look at its own log"
            }
        };
        step.to_owned()
    }

    /// Returns what to do about dead letters that make breaks, or `None` if there are none.
    fn dead_letters_step(&self) -> Option<String> {
        let mut groups = self.summary.tally.groups.values();
        let is_any = groups.any(|group| group.missed_as(Verdict::DeadLettered) > 0);
        let not_kept = self.summary.tally.groups.values();
        let not_kept = self.not_kept(not_kept.map(|group| group.not_kept).sum());
        is_any.then(|| {
            if self.is_chinese() {
                let not_kept = not_kept.map(|text| format!("；{text}，须由生产者重新发送"));
                "死信：重新投递之前，请先查明并排除失败原因".to_owned()
                    + &not_kept.unwrap_or_default()
            } else {
                let not_kept =
                    not_kept.map(|text| format!("; {text}: only the producer can send them again"));
                "dead letters: correct what made them fail before they are sent again".to_owned()
                    + &not_kept.unwrap_or_default()
            }
        })
    }

    /// Returns what to do about rejected rows, or `None` if there are none.
    fn rejected_step(&self, places: &StepPlaces) -> Option<String> {
        let place = &places.rejected;
        (self.summary.tally.totals.rejected > 0).then(|| {
            if self.is_chinese() {
                format!("修正无效行：{place}列出了文件、行号与原因")
            } else {
                format!("fix the rejected rows: {place} lists them with file, line and reason")
            }
        })
    }
}
