//! Control totals and remarks: offset resets, expectations, damaged columns, answers of earlier runs.

use super::SummaryText;
use crate::humanize::count;
use crate::report::locale::phrases;

/// The most topics that a sentence names.
const TOPICS_NAMED: usize = 5;

impl SummaryText<'_> {
    /// Returns the two equations of the control totals.
    #[must_use]
    pub fn totals(&self) -> [String; 2] {
        let totals = &self.summary.tally.totals;
        let tie = self.locale.text(if totals.tie() {
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

    /// Returns the groups whose offset was likely reset: messages that they had passed are open now.
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

    /// Returns where expectations and answers do not match, and what the expectations could not decide.
    #[must_use]
    pub fn expectation_notes(&self) -> Vec<String> {
        let unexpected = self.summary.unexpected();
        let named: Vec<_> = unexpected
            .iter()
            .map(|(group, messages)| format!("{group} {}", count(*messages)))
            .collect();
        let named = (!named.is_empty()).then(|| {
            let named = self.locale.listed(&named);
            if self.is_chinese() {
                format!("约定之外的消费组出现在结果中（消息数）：{named}")
            } else {
                format!(
                    "groups that answered although no expectation names them (messages): {named}"
                )
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
                    "{messages} messages: no expectation for their topic applies (another tag, or born at another time), so \
                     nothing could be missed"
                )
            }
        });
        let without_messages = self.without_messages();
        let without_expectations = self.without_expectations();
        [
            without_messages,
            without_expectations,
            named,
            assumed,
            nothing,
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Returns the topics with expectations but without messages. They may be misspelt, or quiet that day.
    fn without_messages(&self) -> Option<String> {
        let named = self.first_of(&self.summary.coverage.without_messages)?;
        Some(if self.is_chinese() {
            format!("约定中的这些主题没有任何消息，请检查拼写：{named}")
        } else {
            format!(
                "the expectations name topics that no message has, check their spelling: {named}"
            )
        })
    }

    /// Returns the topics of messages without expectations.
    fn without_expectations(&self) -> Option<String> {
        let topics = self.summary.coverage.without_expectations.iter();
        let topics: Vec<_> = topics
            .map(|(topic, messages)| format!("{topic} {}", count(*messages)))
            .collect();
        let named = self.first_of(&topics)?;
        Some(if self.is_chinese() {
            format!("约定未涉及这些主题（消息数），其有结果的消费组均按应消费计：{named}")
        } else {
            format!(
                "these topics (messages) have no expectations, so there the groups that answered count as \
                 expected: {named}"
            )
        })
    }

    /// Returns the first items of a list and how many more there are, or `None` for an empty list.
    fn first_of(&self, items: &[String]) -> Option<String> {
        let mut named = items.get(..TOPICS_NAMED).unwrap_or(items).to_vec();
        let more = items.len() - named.len();
        if more > 0 {
            let more = count(more as u64);
            named.push(if self.is_chinese() {
                format!("另有 {more} 个主题")
            } else {
                format!("{more} more")
            });
        }
        (!named.is_empty()).then(|| self.locale.listed(&named))
    }

    /// Returns a sentence for each kept column that a spreadsheet has likely damaged.
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

    /// Returns how many born times come from IDs, if any do: their time zone is assumed.
    #[must_use]
    pub fn born_decoded(&self) -> Option<String> {
        let messages = self.summary.tally.born_decoded;
        if messages == 0 {
            return None;
        }
        let zones = self.summary.producer_zones();
        let zones = self.locale.listed(&zones);
        Some(if self.is_chinese() {
            let messages = count(messages);
            format!(
                "{messages} 条消息的产生时间由消息 ID 推算，时区为假定值：{zones}（5.x 客户端的 ID 为 UTC）；\
                 --producer-zone 可指定其他时区，--born-column 可指定含产生时间的列"
            )
        } else {
            let messages = match messages {
                1 => "1 message".to_owned(),
                _ => format!("{} messages", count(messages)),
            };
            format!(
                "the born times of {messages} come from their IDs, and the time zone of those is assumed: {zones} (UTC for IDs \
                 of 5.x clients); --producer-zone names another zone, --born-column a column with born times"
            )
        })
    }

    /// Returns how many answers come from an earlier run, if any do.
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
}
