//! The headline.

use super::SummaryText;
use crate::humanize::count;
use crate::report::locale::{RangePrecision, phrases};
use crate::verdict::{GroupTally, MessageVerdict, Verdict};

/// The most groups that the headline names.
const GROUPS_NAMED: usize = 3;

impl SummaryText<'_> {
    /// Returns the headline: the result in one sentence. It is the title and the details of [`Self::headline_parts`].
    #[must_use]
    pub fn headline(&self) -> String {
        self.headline_with(&str::to_owned)
    }

    /// Returns the headline with the names of groups as `name` writes them, for outputs that must escape names and
    /// nothing else.
    #[must_use]
    pub fn headline_with(&self, name: &dyn Fn(&str) -> String) -> String {
        let (result, details) = self.result(name);
        let groups = (!details.is_empty())
            .then(|| self.locale.text(phrases::COLON).to_owned() + &self.locale.listed(&details));
        let result = result + &groups.unwrap_or_default();
        let parts: Vec<_> = std::iter::once(result).chain(self.besides()).collect();
        let parts = parts.join(self.locale.text(phrases::SEMICOLON));
        self.incomplete() + &parts + self.without_expectations_remark()
    }

    /// Returns the headline as a short title and a list of details: groups with their missed messages, and what else
    /// keeps rows from being reconciled.
    #[must_use]
    pub fn headline_parts(&self) -> (String, Vec<String>) {
        let (result, details) = self.result(&str::to_owned);
        let title = self.incomplete() + &result + self.without_expectations_remark();
        (title, details.into_iter().chain(self.besides()).collect())
    }

    /// Returns how many messages are unanswered, as the beginning of the headline.
    fn incomplete(&self) -> String {
        let unanswered = self.summary.tally.totals.unanswered;
        if unanswered == 0 {
            return String::new();
        }
        let messages = self.of_all(unanswered);
        if self.is_chinese() {
            format!("不完整：{messages}无应答。")
        } else {
            format!("INCOMPLETE: {messages} got no answer. ")
        }
    }

    /// Returns the last words of a headline without expectations: a group that was never started is not missed then.
    fn without_expectations_remark(&self) -> &'static str {
        match (self.has_expectations(), self.is_chinese()) {
            (true, _) => "",
            (false, true) => "（未指定消费约定）",
            (false, false) => " (no expectations were given)",
        }
    }

    /// Returns the result, and the groups that missed messages if there are several.
    fn result(&self, name: &dyn Fn(&str) -> String) -> (String, Vec<String>) {
        let tally = &self.summary.tally;
        let broken = tally.messages(MessageVerdict::Break);
        let distinct = tally.totals.distinct;
        if broken > 0 {
            return self.breaks(broken, name);
        }
        let result = if tally.is_clean() && distinct > 0 {
            self.nothing_missed()
        } else if tally.totals.answered > 0 {
            let answered = self.of_all(tally.totals.answered);
            if self.is_chinese() {
                format!("{answered}有应答，其中没有差异")
            } else {
                format!("no break in the answers about {answered}")
            }
        } else if self.is_chinese() {
            format!("{} 条消息均无任何结果", count(distinct))
        } else {
            match distinct {
                1 => "nothing is known about the 1 message".to_owned(),
                _ => format!("nothing is known about any of {} messages", count(distinct)),
            }
        };
        (result, Vec::new())
    }

    /// Returns the result of a run in which every message is reconciled.
    fn nothing_missed(&self) -> String {
        let distinct = self.summary.tally.totals.distinct;
        let whole = count(distinct);
        if !self.has_expectations() {
            return match (self.is_chinese(), distinct) {
                (true, _) => format!("{whole} 条消息中，没有任何一条被有结果的消费组漏消费"),
                (false, 1) => "no group that answered missed the 1 message".to_owned(),
                (false, _) => format!("no group that answered missed any of the {whole} messages"),
            };
        }
        let covers_none = self.summary.coverage.covers_none;
        let expects_nothing = self.summary.tally.nothing_expected == distinct;
        if self.is_chinese() {
            let all = format!("全部 {whole} 条消息均");
            return if covers_none {
                all + "已被有结果的消费组消费，但约定未涉及其中任何主题"
            } else if expects_nothing {
                all + "不要求任何消费组消费"
            } else {
                all + "已被所有应消费的消费组" + self.consumed() + &self.except()
            };
        }
        let all = match distinct {
            1 => "the 1 message was ".to_owned(),
            _ => format!("all {whole} messages were "),
        };
        if covers_none {
            all + "consumed by the groups that answered, but the expectations name none of their topics"
        } else if expects_nothing {
            all + "expected of no group"
        } else {
            all + self.consumed() + " by every expected group" + &self.except()
        }
    }

    /// Returns what expected groups did with messages that they did not miss.
    fn consumed(&self) -> &'static str {
        let accepted = [
            self.has_accepted(Verdict::Filtered),
            self.has_accepted(Verdict::DeadLettered),
        ];
        match (accepted, self.is_chinese()) {
            ([false, false], true) => "消费",
            ([false, false], false) => "consumed",
            ([true, false], true) => "消费或过滤",
            ([true, false], false) => "consumed or filtered",
            ([false, true], true) => "消费，或进入死信队列（已接受）",
            ([false, true], false) => "consumed, or dead-lettered as accepted,",
            ([true, true], true) => "消费、过滤，或进入死信队列（已接受）",
            ([true, true], false) => "consumed, filtered, or dead-lettered as accepted,",
        }
    }

    /// Returns to how many messages "every expected group" does not apply, and why.
    fn except(&self) -> String {
        let without = &self.summary.coverage.without_expectations;
        let without: u64 = without.iter().map(|(_, messages)| messages).sum();
        let nothing = self.summary.tally.nothing_expected;
        let [without_text, nothing_text] = [without, nothing].map(count);
        let [without_text, nothing_text] = if self.is_chinese() {
            [
                format!("；其中 {without_text} 条的主题没有约定，只按有结果的消费组判定"),
                format!("；其中 {nothing_text} 条不要求任何消费组消费"),
            ]
        } else {
            [
                format!(
                    "; {without_text} of them in topics without expectations, judged by the groups that answered"
                ),
                format!("; {nothing_text} of them expected of no group"),
            ]
        };
        let texts = [(without, without_text), (nothing, nothing_text)];
        let applying = texts.into_iter().filter(|(messages, _)| *messages > 0);
        applying.map(|(_, text)| text).collect()
    }

    /// Returns whether an expected group has this verdict about a message, and that was accepted by the expectations.
    fn has_accepted(&self, verdict: Verdict) -> bool {
        let expectations = &self.summary.expectations;
        let is_accepted = match verdict {
            Verdict::Filtered => expectations.accept_filtered,
            Verdict::DeadLettered => expectations.accept_dead_lettered,
            _ => false,
        };
        let mut groups = self.summary.tally.groups.values();
        is_accepted && groups.any(|group| group.expected > 0 && group.count(verdict) > 0)
    }

    /// Returns how many messages were missed, and by which groups. If expectations name the only group, the first text
    /// contains it.
    fn breaks(&self, broken: u64, name: &dyn Fn(&str) -> String) -> (String, Vec<String>) {
        let were = if broken == 1 { "was" } else { "were" };
        let broken = self.of_all(broken);
        let at_fault = self.at_fault();
        if let ([(only, group)], true) = (&at_fault[..], self.has_expectations()) {
            let (name, produced) = (name(only), self.produced(group));
            let fault = self.fault(group, &name, were);
            let result = match (self.is_chinese(), produced.is_empty()) {
                (true, true) => format!("{broken}{fault}"),
                (true, false) => format!("{broken}{fault}（{produced}）"),
                (false, true) => format!("{broken} {fault}"),
                (false, false) => format!("{broken} {fault}, {produced}"),
            };
            return (result, Vec::new());
        }
        let named = at_fault.iter().take(GROUPS_NAMED).enumerate();
        let mut named: Vec<_> = named
            .map(|(nth, (group_name, group))| {
                let mut remarks = self.named_failures(group);
                if nth == 0 && group.missed_born.is_some() {
                    remarks.push(self.produced(group));
                }
                let remark = (!remarks.is_empty())
                    .then(|| self.locale.in_brackets(&self.locale.listed(&remarks)));
                let (name, missed) = (name(group_name), self.messages(group.missed));
                format!("{name} {missed}{}", remark.unwrap_or_default())
            })
            .collect();
        let more = at_fault.len().saturating_sub(GROUPS_NAMED);
        if more > 0 {
            named.push(self.more_groups(more));
        }
        let has_failures = at_fault
            .iter()
            .any(|(_, group)| !Self::failures(group).is_empty());
        let missed = match (self.is_chinese(), has_failures) {
            (true, false) => "漏消费",
            (true, true) => "漏消费或处理失败",
            (false, false) => "missed",
            (false, true) => "missed or not processed",
        };
        let result = match (self.is_chinese(), self.has_expectations()) {
            (true, true) => format!("{broken}被至少一个应消费的消费组{missed}"),
            (true, false) => format!("{broken}被至少一个有结果的消费组{missed}"),
            (false, true) => format!("{broken} {were} {missed} by at least one expected group"),
            (false, false) => {
                format!("{broken} {were} {missed} by at least one group that answered")
            }
        };
        (result, named)
    }

    /// Returns what became of the messages of a break, if only one group made breaks.
    fn fault(&self, group: &GroupTally, name: &str, were: &str) -> String {
        let failures = Self::failures(group);
        let is_chinese = self.is_chinese();
        match &failures[..] {
            [] if is_chinese => format!("未被 {name} 消费"),
            [] => format!("{were} missed by {name}"),
            [(only, number)] if *number == group.missed => match (only, is_chinese) {
                (Verdict::DeadLettered, _) if self.summary.is_by_deliveries() => {
                    self.given_up(group, name)
                }
                (Verdict::DeadLettered, true) => format!("进入了 {name} 的死信队列"),
                (Verdict::DeadLettered, false) => format!("ended in {name}'s dead-letter queue"),
                (Verdict::Retrying, true) => format!("正在等待 {name} 重试"),
                (Verdict::Retrying, false) if *number == 1 => {
                    format!("waits for another delivery to {name}")
                }
                (Verdict::Retrying, false) => format!("wait for another delivery to {name}"),
                (_, true) => format!("被 {name} 处理失败"),
                (_, false) => format!("failed in {name}"),
            },
            _ => {
                let named = self.named_failures(group);
                let named = self.locale.in_brackets(&self.locale.listed(&named));
                if is_chinese {
                    format!("被 {name} 漏消费或处理失败{named}")
                } else {
                    format!("{were} missed or not processed by {name}{named}")
                }
            }
        }
    }

    /// Returns what became of dead letters of a source that records deliveries.
    fn given_up(&self, group: &GroupTally, name: &str) -> String {
        let not_kept = self.not_kept(group.not_kept);
        let not_kept = not_kept.map(|text| self.locale.in_brackets(&text));
        let not_kept = not_kept.unwrap_or_default();
        if self.is_chinese() {
            format!("成为 {name} 的死信{not_kept}")
        } else {
            format!("became dead letters of {name}{not_kept}")
        }
    }

    /// Returns how many dead letters were not kept. `None` if there are none.
    pub(super) fn not_kept(&self, number: u64) -> Option<String> {
        (number > 0).then(|| {
            if self.is_chinese() {
                format!("其中 {} 条未保留", count(number))
            } else {
                format!("{} not kept", count(number))
            }
        })
    }

    /// Returns the failures of a group with their numbers, as details of the headline.
    fn named_failures(&self, group: &GroupTally) -> Vec<String> {
        let failures = Self::failures(group).into_iter();
        failures
            .map(|(verdict, number)| {
                let name = self.locale.text(phrases::verdict(verdict));
                let not_kept = match (verdict, self.not_kept(group.not_kept)) {
                    (Verdict::DeadLettered, Some(not_kept)) => self.locale.in_brackets(&not_kept),
                    _ => String::new(),
                };
                if self.is_chinese() {
                    format!("{name} {}{not_kept}", self.messages(number))
                } else {
                    format!("{} {}{not_kept}", count(number), name.replace('_', "-"))
                }
            })
            .collect()
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

    /// Returns what else keeps rows from being reconciled, and whether the input needs attention.
    fn besides(&self) -> impl Iterator<Item = String> {
        let tally = &self.summary.tally;
        let judged =
            tally.messages(MessageVerdict::Break) + tally.messages(MessageVerdict::Reconciled);
        let is_chinese = self.is_chinese();
        let rejected = match tally.totals.rejected {
            1 => "rejected as a bad row",
            _ => "rejected as bad rows",
        };
        let parts = [
            (
                tally.totals.answered - judged,
                "can't be told",
                "条无法判定",
            ),
            (tally.totals.not_found, "not found", "条未找到"),
            (tally.totals.rejected, rejected, "行无效"),
        ];
        let attention = self.summary.input_notes.needs_attention().then(|| {
            let [en, zh] = ["see the warnings about the input", "输入有警告，请查看"];
            if is_chinese { zh } else { en }.to_owned()
        });
        parts
            .into_iter()
            .filter(|(number, ..)| *number > 0)
            .map(move |(number, en, zh)| {
                format!("{} {}", count(number), if is_chinese { zh } else { en })
            })
            .chain(attention)
    }
}

#[cfg(test)]
mod tests {
    use crate::input::InputNotes;
    use crate::report::Summary;
    use crate::report::locale::{Language, Locale, TimeFormat};
    use crate::results::SpreadsheetDamage;
    use crate::verdict::{
        AnswerView, Coverage, Expectations, MessageContext, RowEvidence, RowFacts, Tally,
        TrackView, judge,
    };

    fn expecting(groups: &[&str]) -> Expectations {
        let mut expectations = Expectations::default();
        if !groups.is_empty() {
            expectations.add(&groups.join(",")).unwrap();
        }
        expectations
    }

    fn headlines(tally: Tally, groups: &[&str]) -> [String; 2] {
        let summary = Summary {
            results_files: &[],
            tally,
            expectations: expecting(groups),
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
        let (mut tally, expectations) = (Tally::default(), expecting(groups));
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
                more_calls: 0,
            };
            tally.add(
                facts,
                &judge(
                    AnswerView::Tracks(&tracks),
                    &MessageContext::of_topic("orders"),
                    &expectations,
                    RowEvidence::default(),
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
            headlines(tally, &["GID_a"]),
            [
                "INCOMPLETE: 3 of 3 messages got no answer. nothing is known about any of 3 messages",
                "不完整：3 条消息中有 3 条无应答。3 条消息均无任何结果",
            ]
        );
    }

    #[test]
    fn the_headline_names_groups_numbers_and_born_times() {
        assert_eq!(
            headlines(missed_by(&["GID_a"]), &["GID_a"]),
            [
                "2 of 3 messages were missed by GID_a, produced 2026-11-20 14:00 to 14:04 UTC+08:00",
                "3 条消息中有 2 条未被 GID_a 消费（2026-11-20 14:00 至 14:04 UTC+08:00 产生）",
            ]
        );
        let groups = ["a", "b", "c", "d", "e"];
        assert_eq!(
            headlines(missed_by(&groups), &groups),
            [
                "2 of 3 messages were missed by at least one expected group: a 2 (produced 2026-11-20 14:00 to 14:04 \
                 UTC+08:00), b 2, c 2, 2 more groups",
                "3 条消息中有 2 条被至少一个应消费的消费组漏消费：a 2 条（2026-11-20 14:00 至 14:04 UTC+08:00 产生）、b 2 条、\
                 c 2 条、另有 2 个消费组",
            ]
        );
    }

    #[test]
    fn without_expectations_every_headline_says_so() {
        let [en, zh] = headlines(missed_by(&["GID_a"]), &[]);
        assert_eq!(
            en,
            "2 of 3 messages were missed by at least one group that answered: GID_a 2 (produced 2026-11-20 14:00 to 14:04 \
             UTC+08:00) (no expectations were given)"
        );
        assert!(zh.ends_with("（未指定消费约定）"), "{zh}");

        let mut clean = Tally::default();
        clean.totals.distinct = 50;
        let mut nothing_known = Tally::default();
        nothing_known.totals.distinct = 1;
        nothing_known.totals.rows = 1;
        nothing_known.totals.unanswered = 1;
        for (tally, expected) in [
            (
                clean,
                "no group that answered missed any of the 50 messages (no expectations were given)",
            ),
            (
                nothing_known,
                "INCOMPLETE: 1 of 1 message got no answer. nothing is known about the 1 message (no expectations were \
                 given)",
            ),
        ] {
            let [en, zh] = headlines(tally, &[]);
            assert_eq!(en, expected);
            assert!(zh.ends_with("（未指定消费约定）"), "{zh}");
        }
    }
}
