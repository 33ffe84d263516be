//! The headline.

use super::SummaryText;
use crate::humanize::count;
use crate::report::locale::{RangePrecision, phrases};
use crate::verdict::{GroupTally, MessageVerdict};

/// The most groups that the headline names.
const GROUPS_NAMED: usize = 3;

impl SummaryText<'_> {
    /// Returns the headline: the result in one sentence.
    #[must_use]
    pub fn headline(&self) -> String {
        let totals = &self.summary.tally.totals;
        let missing = (totals.unanswered > 0).then(|| {
            let messages = self.of_all(totals.unanswered);
            if self.is_chinese() {
                format!("不完整：{messages}没有得到结果。")
            } else {
                format!("INCOMPLETE: {messages} got no answer. ")
            }
        });
        let parts: Vec<_> = std::iter::once(self.finding())
            .chain(self.besides())
            .collect();
        let parts = parts.join(self.locale.text(phrases::SEMICOLON));
        missing.unwrap_or_default() + &parts
    }

    fn finding(&self) -> String {
        let tally = &self.summary.tally;
        let broken = tally.messages(MessageVerdict::Break);
        let whole = count(tally.totals.distinct);
        if broken > 0 {
            self.breaks(broken)
        } else if tally.is_clean() && tally.totals.distinct > 0 {
            if self.summary.coverage.covers_none {
                return self.covered_by_nothing(&whole);
            }
            if self.is_chinese() {
                format!("全部 {whole} 条消息均已被应消费的消费组消费")
            } else {
                format!("all {whole} messages were consumed by every expected group")
            }
        } else if tally.totals.answered > 0 {
            let answered = self.of_all(tally.totals.answered);
            if self.is_chinese() {
                format!("{answered}得到结果，其中没有差异")
            } else {
                format!("no break in the answers about {answered}")
            }
        } else if self.is_chinese() {
            format!("{whole} 条消息均无任何结果")
        } else {
            format!("nothing is known about any of {whole} messages")
        }
    }

    /// Returns the headline of a run without breaks in which no expectation applied to any message.
    fn covered_by_nothing(&self, whole: &str) -> String {
        if self.is_chinese() {
            format!("全部 {whole} 条消息均已被有结果的消费组消费，但约定未涉及其中任何主题")
        } else {
            format!(
                "all {whole} messages were consumed by the groups that answered, but the expectations name none of their topics"
            )
        }
    }

    /// Returns how many messages each group missed, and when those of the first group were produced.
    fn breaks(&self, broken: u64) -> String {
        let broken = self.of_all(broken);
        let at_fault = self.at_fault();
        if let [(name, group)] = at_fault[..] {
            let produced = self.produced(group);
            return match (self.is_chinese(), produced.is_empty()) {
                (true, true) => format!("{broken}未被 {name} 消费"),
                (true, false) => format!("{broken}未被 {name} 消费（{produced}）"),
                (false, true) => format!("{broken} were not consumed by {name}"),
                (false, false) => format!("{broken} were not consumed by {name}, {produced}"),
            };
        }
        let named = at_fault.iter().take(GROUPS_NAMED).enumerate();
        let mut named: Vec<_> = named
            .map(|(nth, (name, group))| {
                let produced = if nth == 0 {
                    self.produced(group)
                } else {
                    String::new()
                };
                let remark = (!produced.is_empty()).then(|| self.locale.in_brackets(&produced));
                format!(
                    "{name} {}{}",
                    count(group.missed),
                    remark.unwrap_or_default()
                )
            })
            .collect();
        let more = at_fault.len().saturating_sub(GROUPS_NAMED);
        if more > 0 {
            named.push(self.more_groups(more));
        }
        let named = self.locale.listed(&named);
        if self.is_chinese() {
            format!("{broken}未被所有应消费的消费组消费：{named}")
        } else {
            format!("{broken} were not consumed by every expected group: {named}")
        }
    }

    /// Returns how many groups a list leaves out.
    pub(in crate::report) fn more_groups(&self, more: usize) -> String {
        match (self.is_chinese(), more) {
            (true, _) => format!("另有 {more} 个消费组"),
            (false, 1) => "1 more group".to_owned(),
            (false, _) => format!("{more} more groups"),
        }
    }

    /// Returns the groups that make breaks, those that missed most first.
    #[must_use]
    pub fn at_fault(&self) -> Vec<(&str, &GroupTally)> {
        let groups = self.summary.tally.groups.iter();
        let mut at_fault: Vec<_> = groups
            .filter(|(_, group)| group.missed > 0)
            .map(|(name, group)| (name.as_str(), group))
            .collect();
        at_fault.sort_by_key(|(_, group)| std::cmp::Reverse(group.missed));
        at_fault
    }

    /// Returns `produced 2026-11-20 06:02 to 06:19 UTC`, or an empty text if no born time is known.
    fn produced(&self, group: &GroupTally) -> String {
        let Some(born) = group.missed_born else {
            return String::new();
        };
        let (time_range, zone) = (
            self.locale.time_range(born, RangePrecision::Around),
            self.locale.time_format.name(),
        );
        if self.is_chinese() {
            format!("{time_range} {zone} 产生")
        } else {
            format!("produced {time_range} {zone}")
        }
    }

    /// Returns what else keeps rows from being reconciled.
    fn besides(&self) -> impl Iterator<Item = String> {
        let tally = &self.summary.tally;
        let judged =
            tally.messages(MessageVerdict::Break) + tally.messages(MessageVerdict::Reconciled);
        let is_chinese = self.is_chinese();
        let parts = [
            (
                tally.totals.answered - judged,
                "can't be told",
                "条无法判定",
            ),
            (tally.totals.not_found, "not found", "条未找到"),
            (tally.totals.rejected, "rejected as bad rows", "行无效"),
        ];
        parts
            .into_iter()
            .filter(|(number, ..)| *number > 0)
            .map(move |(number, en, zh)| {
                format!("{} {}", count(number), if is_chinese { zh } else { en })
            })
    }
}

#[cfg(test)]
mod tests {
    use crate::input::InputNotes;
    use crate::report::Summary;
    use crate::report::locale::{Language, Locale, TimeFormat};
    use crate::results::SpreadsheetDamage;
    use crate::verdict::{
        AnswerView, Coverage, Expectations, MessageContext, RowFacts, Tally, TrackView, judge,
    };

    fn headlines(tally: Tally) -> [String; 2] {
        let summary = Summary {
            results_files: &[],
            tally,
            coverage: Coverage::default(),
            damage: SpreadsheetDamage::default(),
            input_notes: InputNotes::default(),
            locale: Locale::default(),
        };
        Language::ALL.map(|language| {
            let time_format = TimeFormat::new(&"+08:00".parse().unwrap());
            summary
                .text_in(&Locale {
                    language,
                    time_format,
                })
                .headline()
        })
    }

    /// Counts three messages with born times: the groups missed two and passed one.
    fn missed_by(groups: &[&str]) -> Tally {
        let (mut tally, mut expectations) = (Tally::default(), Expectations::default());
        expectations.add(&groups.join(",")).unwrap();
        for row in 0..3 {
            let word = if row == 2 {
                "CONSUMED"
            } else {
                "NOT_CONSUME_YET"
            };
            let tracks: Vec<_> = groups
                .iter()
                .map(|&group| TrackView::new(group, word))
                .collect();
            let born = format!("2026-11-20T06:0{}:30Z", row * 3);
            let facts = RowFacts {
                row,
                msg_id: "",
                topic: "orders",
                born: born.parse().ok(),
                is_born_decoded: false,
                observed_at: "",
                error: None,
                is_carried: false,
                passed: None,
                attempts: (1, 0),
            };
            tally.add(
                facts,
                &judge(
                    AnswerView::Tracks(&tracks),
                    &MessageContext::of_topic("orders"),
                    &expectations,
                ),
            );
        }
        tally
    }

    #[test]
    fn the_headline_never_makes_an_incomplete_run_look_complete() {
        let mut tally = Tally::default();
        tally.totals.rows = 3;
        tally.totals.distinct = 3;
        tally.totals.unanswered = 3;
        assert_eq!(
            headlines(tally),
            [
                "INCOMPLETE: 3 of 3 messages got no answer. nothing is known about any of 3 messages",
                "不完整：3 条消息中有 3 条没有得到结果。3 条消息均无任何结果",
            ]
        );
    }

    #[test]
    fn the_headline_names_groups_numbers_and_born_times() {
        assert_eq!(
            headlines(missed_by(&["GID_a"])),
            [
                "2 of 3 messages were not consumed by GID_a, produced 2026-11-20 14:00 to 14:04 UTC+08:00",
                "3 条消息中有 2 条未被 GID_a 消费（2026-11-20 14:00 至 14:04 UTC+08:00 产生）",
            ]
        );
        assert_eq!(
            headlines(missed_by(&["a", "b", "c", "d", "e"])),
            [
                "2 of 3 messages were not consumed by every expected group: a 2 (produced 2026-11-20 14:00 to 14:04 \
                 UTC+08:00), b 2, c 2, 2 more groups",
                "3 条消息中有 2 条未被所有应消费的消费组消费：a 2（2026-11-20 14:00 至 14:04 UTC+08:00 产生）、b 2、c 2、\
                 另有 2 个消费组",
            ]
        );
    }
}
