//! What all summaries say in sentences, in the language and by the clock of a [`Voice`]: the headline, the totals, where
//! the answers came from, what they do not prove.

use super::Summary;
use super::lang::{Edges, Language, Phrase, Voice, phrases};
use crate::offsets::Rules;
use crate::record::Record;
use crate::verdict::{GroupTally, MessageVerdict, Verdict};
use crate::words::count;

/// The headline names no more groups than this.
const GROUPS_NAMED: usize = 3;

/// A summary, told.
#[derive(Debug, Clone, Copy)]
pub struct Story<'s> {
    pub(super) summary: &'s Summary<'s>,
    /// Who tells it.
    pub voice: &'s Voice,
}

impl Story<'_> {
    const fn is_chinese(&self) -> bool {
        matches!(self.voice.language, Language::Chinese)
    }

    /// The one sentence that has to be right.
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
        let parts = parts.join(self.voice.say(phrases::SEMICOLON));
        missing.unwrap_or_default() + &parts
    }

    /// `280 of 986 messages`
    fn of_all(&self, number: u64) -> String {
        let [number, whole] = [number, self.summary.tally.totals.distinct].map(count);
        if self.is_chinese() {
            format!("{whole} 条消息中有 {number} 条")
        } else {
            format!("{number} of {whole} messages")
        }
    }

    fn finding(&self) -> String {
        let tally = &self.summary.tally;
        let broken = tally.messages(MessageVerdict::Break);
        let whole = count(tally.totals.distinct);
        if broken > 0 {
            self.breaks(broken)
        } else if tally.is_clean() && tally.totals.distinct > 0 {
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

    /// How many messages whom missed, and when those of the first were produced.
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
                let remark = (!produced.is_empty()).then(|| self.voice.in_brackets(&produced));
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
        let named = self.voice.listed(&named);
        if self.is_chinese() {
            format!("{broken}未被所有应消费的消费组消费：{named}")
        } else {
            format!("{broken} were not consumed by every expected group: {named}")
        }
    }

    /// How many groups are left out of a list.
    pub(super) fn more_groups(&self, more: usize) -> String {
        match (self.is_chinese(), more) {
            (true, _) => format!("另有 {more} 个消费组"),
            (false, 1) => "1 more group".to_owned(),
            (false, _) => format!("{more} more groups"),
        }
    }

    /// The groups that make breaks, the worst first.
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

    /// `produced 2026-11-20 06:02 to 06:19 UTC`; nothing where no ID tells.
    fn produced(&self, group: &GroupTally) -> String {
        let Some(born) = group.missed_born else {
            return String::new();
        };
        let (stretch, zone) = (
            self.voice.stretch(born, Edges::Around),
            self.voice.clock.name(),
        );
        if self.is_chinese() {
            format!("{stretch} {zone} 产生")
        } else {
            format!("produced {stretch} {zone}")
        }
    }

    /// What else keeps rows from being reconciled.
    fn besides(&self) -> impl Iterator<Item = String> {
        let tally = &self.summary.tally;
        let told =
            tally.messages(MessageVerdict::Break) + tally.messages(MessageVerdict::Reconciled);
        let is_chinese = self.is_chinese();
        let parts = [
            (tally.totals.answered - told, "can't be told", "条无法判定"),
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

    /// The two equations that must hold.
    #[must_use]
    pub fn totals(&self) -> [String; 2] {
        let totals = &self.summary.tally.totals;
        let tie = self.voice.say(if totals.tie() {
            phrases::TIE
        } else {
            phrases::NO_TIE
        });
        let [rows, distinct, duplicates, rejected] = [
            totals.rows,
            totals.distinct,
            totals.duplicates,
            totals.rejected,
        ]
        .map(count);
        let [answered, not_found, unanswered] =
            [totals.answered, totals.not_found, totals.unanswered].map(count);
        if self.is_chinese() {
            [
                format!(
                    "{rows} 行 = {distinct} 条不同消息 + {duplicates} 重复行 + {rejected} 无效行"
                ),
                format!(
                    "{distinct} 条不同消息 = {answered} 有结果 + {not_found} 未找到 + {unanswered} 无应答（{tie}）"
                ),
            ]
        } else {
            [
                format!(
                    "{rows} rows = {distinct} distinct + {duplicates} duplicates + {rejected} rejected"
                ),
                format!(
                    "{distinct} distinct = {answered} answered + {not_found} not found + {unanswered} unanswered ({tie})"
                ),
            ]
        }
    }

    /// Groups whose offset seems to have gone back: messages that they had passed are open now.
    #[must_use]
    pub fn resets(&self) -> Vec<String> {
        let groups = self.summary.tally.groups.iter();
        groups
            .filter(|(_, group)| group.regressed > 0)
            .map(|(name, group)| {
                let messages = count(group.regressed);
                if self.is_chinese() {
                    format!("{name}：此前已消费的消息中有 {messages} 条现在未消费，消费位点疑似被重置")
                } else {
                    format!("{name}: {messages} of the messages that it had passed are open now, its offset was likely reset")
                }
            })
            .collect()
    }

    /// Where contract and answers do not fit together, and what the contract could not decide; only what applies here.
    #[must_use]
    pub fn contract(&self) -> Vec<String> {
        let unexpected = self.summary.unexpected();
        let named: Vec<_> = unexpected
            .iter()
            .map(|(group, messages)| format!("{group} {}", count(*messages)))
            .collect();
        let named = (!named.is_empty()).then(|| {
            let named = self.voice.listed(&named);
            if self.is_chinese() {
                format!("约定之外的消费组出现在结果中（消息数）：{named}")
            } else {
                format!("unexpected groups answer, in so many messages: {named}")
            }
        });
        let tally = &self.summary.tally;
        let assumed = (tally.assumed > 0).then(|| {
            let messages = count(tally.assumed);
            if self.is_chinese() {
                format!("{messages} 条消息的标签或产生时间未知：仅对部分消息有要求的消费组按要求消费计")
            } else {
                format!(
                    "{messages} messages: their tag or born time is not known, so groups that are expected only of \
                     certain ones count as expected"
                )
            }
        });
        let nothing = (tally.nothing_expected > 0).then(|| {
            let messages = count(tally.nothing_expected);
            if self.is_chinese() {
                format!("{messages} 条消息：其主题的约定不要求任何消费组消费（标签或产生时间不符），因此不会漏消费")
            } else {
                format!(
                    "{messages} messages: the contract of their topic expects no group (another tag, or born at another \
                     time), so nothing could be missed"
                )
            }
        });
        named.into_iter().chain(assumed).chain(nothing).collect()
    }

    /// The kept columns that look as if a spreadsheet had damaged them, each in a sentence.
    #[must_use]
    pub fn damaged(&self) -> Vec<String> {
        let columns = self.summary.damage.columns();
        columns
            .map(|column| {
                if !self.is_chinese() {
                    return column.to_string();
                }
                let [damaged, values] = [column.damaged, column.values].map(count);
                format!(
                    "列 {}：{values} 个值中有 {damaged} 个疑似被电子表格损坏，首个为第 {} 行的 {}；均按原样保留",
                    column.column, column.first_row, column.first
                )
            })
            .collect()
    }

    /// What was taken from an earlier record, if anything was.
    #[must_use]
    pub fn carried(&self) -> Option<String> {
        let tally = &self.summary.tally;
        let (carried, rechecked) = (tally.totals.carried, tally.rechecked);
        if carried + rechecked == 0 {
            return None;
        }
        let [carried, answered, rechecked] = [carried, tally.totals.answered, rechecked].map(count);
        Some(if self.is_chinese() {
            format!(
                "{answered} 条结果中有 {carried} 条沿用此前的运行；此前已有消费组消费的 {rechecked} 条消息重新查询过"
            )
        } else {
            format!(
                "{carried} of {answered} answers are of an earlier run; {rechecked} messages that some group had passed then were asked again"
            )
        })
    }

    /// What the numbers do not prove, each in a sentence; only what applies here (`facts/users.md` §3b).
    #[must_use]
    pub fn caveats(&self) -> Vec<&'static str> {
        let caveats = self.applying().into_iter();
        caveats.map(|(whole, _)| self.voice.say(whole)).collect()
    }

    /// The same in a few words each.
    #[must_use]
    pub fn caveats_in_short(&self) -> Vec<&'static str> {
        let caveats = self.applying().into_iter();
        caveats.map(|(_, short)| self.voice.say(short)).collect()
    }

    fn applying(&self) -> Vec<(Phrase, Phrase)> {
        let tally = &self.summary.tally;
        let any = |verdict| tally.groups.values().any(|group| group.count(verdict) > 0);
        let by_offsets = |record: &Record| record.header().rules == Rules::Offsets;
        let all = [
            (
                any(Verdict::Passed),
                phrases::PASSED_CAVEAT,
                phrases::PASSED_IN_SHORT,
            ),
            (
                self.summary.records.iter().any(by_offsets),
                phrases::BY_OFFSETS_CAVEAT,
                phrases::BY_OFFSETS_IN_SHORT,
            ),
            (
                any(Verdict::Filtered),
                phrases::FILTERED_CAVEAT,
                phrases::FILTERED_IN_SHORT,
            ),
            (
                any(Verdict::Open),
                phrases::OPEN_CAVEAT,
                phrases::OPEN_IN_SHORT,
            ),
            (
                any(Verdict::Undetermined),
                phrases::UNDETERMINED_CAVEAT,
                phrases::UNDETERMINED_IN_SHORT,
            ),
            (
                any(Verdict::Absent),
                phrases::ABSENT_CAVEAT,
                phrases::ABSENT_IN_SHORT,
            ),
            (
                tally.totals.not_found > 0,
                phrases::NOT_FOUND_CAVEAT,
                phrases::NOT_FOUND_IN_SHORT,
            ),
            (
                tally.totals.carried > 0,
                phrases::CARRIED_CAVEAT,
                phrases::CARRIED_IN_SHORT,
            ),
            (
                true,
                phrases::NO_SNAPSHOT_CAVEAT,
                phrases::NO_SNAPSHOT_IN_SHORT,
            ),
        ];
        let applying = all.into_iter().filter(|(applies, ..)| *applies);
        applying.map(|(_, whole, short)| (whole, short)).collect()
    }

    /// The sources as the runs named them.
    #[must_use]
    pub fn sources(&self) -> String {
        let records = self.summary.records.iter();
        let mut sources: Vec<_> = records
            .map(|record| record.header().source.clone())
            .collect();
        sources.dedup();
        self.voice.listed(&sources)
    }

    /// Of when the answers are, with the zone; nothing where there are none.
    #[must_use]
    pub fn observed(&self) -> Option<String> {
        let (first, last) = self.summary.tally.observed.as_ref()?;
        let zone = self.voice.clock.name();
        let [first_told, last_told] = [first, last].map(|time| self.voice.recorded(time));
        Some(match (self.is_chinese(), first == last) {
            (true, true) => format!("数据时刻 {first_told} {zone}"),
            (false, true) => format!("as of {first_told} {zone}"),
            (true, false) => format!("查询时间 {first_told} 至 {last_told} {zone}"),
            (false, false) => format!("observed {first_told} to {last_told} {zone}"),
        })
    }

    /// Where the answers came from and of when they are.
    #[must_use]
    pub fn provenance(&self) -> String {
        let (sources, observed) = (self.sources(), self.observed());
        let observed = observed.map(|observed| {
            let comma = if self.is_chinese() { "，" } else { ", " };
            format!("{comma}{observed}")
        });
        let observed = observed.unwrap_or_default();
        if self.is_chinese() {
            format!("数据源 {sources}{observed}")
        } else {
            format!("source {sources}{observed}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Damage;
    use crate::report::lang::Clock;
    use crate::verdict::{Answer, Expectations, Facts, Subject, Tally, TrackView, judge};

    fn headlines(tally: Tally) -> [String; 2] {
        let summary = Summary {
            records: &[],
            tally,
            damage: Damage::default(),
            voice: Voice::default(),
        };
        Language::ALL.map(|language| {
            let clock = Clock::new(&"+08:00".parse().unwrap());
            summary.told_by(&Voice { language, clock }).headline()
        })
    }

    /// Two messages a minute apart that these groups have not passed, and one that they have.
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
            let facts = Facts {
                row,
                msg_id: "",
                topic: "orders",
                born: born.parse().ok(),
                observed_at: "",
                error: None,
                is_carried: false,
                passed: None,
                attempts: (1, 0),
            };
            tally.add(
                facts,
                &judge(
                    Answer::Tracks(&tracks),
                    &Subject::of_topic("orders"),
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
    fn the_headline_names_who_missed_how_many_and_of_when_they_are() {
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
