//! Control totals and remarks: offset resets, expectations, damaged columns, answers of earlier runs.

use jiff::Timestamp;

use super::SummaryText;
use crate::humanize::{count, counted};
use crate::report::locale::{Phrase, phrases};
use crate::verdict::{EVERY_TOPIC, MessageVerdict};

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
                    "{rows} 行 = {distinct} 条不同消息 + {duplicates} 行重复 + {rejected} 行无效"
                ),
                format!(
                    "{distinct} 条不同消息 = {answered} 条有应答 + {not_found} 条未找到 + {unanswered} 条无应答（{tie}）"
                ),
            ]
        } else {
            [
                format!(
                    "{} = {distinct} distinct + {} + {rejected} rejected",
                    counted(totals.rows, "row", "rows"),
                    counted(totals.duplicates, "duplicate", "duplicates"),
                ),
                format!(
                    "{distinct} distinct = {answered} answered + {not_found} not found + {unanswered} unanswered ({tie})"
                ),
            ]
        }
    }

    /// Returns the groups whose offset was likely reset: messages that they had passed are open now. Where deliveries are
    /// recorded there is no offset, and a client has the messages now.
    #[must_use]
    pub fn resets(&self) -> Vec<String> {
        let groups = self.summary.tally.groups.iter();
        let groups = groups.filter(|(_, group)| group.regressed > 0);
        groups
            .map(|(name, group)| self.reset(name, group.regressed))
            .collect()
    }

    fn reset(&self, group: &str, messages: u64) -> String {
        let by_deliveries = self.summary.is_by_deliveries();
        if self.is_chinese() {
            let now = if by_deliveries {
                "正在投递"
            } else {
                "未消费，消费位点疑似被重置"
            };
            let messages = count(messages);
            return format!("{group}：此前已消费的消息中有 {messages} 条现在{now}");
        }
        let now = if by_deliveries {
            "being delivered now"
        } else {
            "open now, its offset was likely reset"
        };
        let verb = if messages == 1 { "is" } else { "are" };
        let messages = counted(messages, "message", "messages");
        format!("{group}: {messages} that it had passed {verb} {now}")
    }

    /// Returns the label of [`Self::resets`].
    pub(in crate::report) fn resets_label(&self) -> Phrase {
        if self.summary.is_by_deliveries() {
            phrases::BEING_DELIVERED
        } else {
            phrases::LIKELY_RESET
        }
    }

    /// Returns the remark on a report without expectations, or `None` if any group is expected.
    pub(in crate::report) fn no_expectations(&self) -> Option<&'static str> {
        (!self.has_expectations()).then(|| self.locale.text(phrases::NO_EXPECTATIONS))
    }

    /// Returns how messages were judged, for readers who were not there.
    pub(in crate::report) fn how_judged(&self) -> Phrase {
        match (self.summary.is_by_deliveries(), self.has_expectations()) {
            (false, true) => phrases::HOW_JUDGED,
            (false, false) => phrases::HOW_JUDGED_WITHOUT,
            (true, true) => phrases::HOW_JUDGED_RECORDED,
            (true, false) => phrases::HOW_JUDGED_RECORDED_WITHOUT,
        }
    }

    /// Returns what a verdict about a message means in this report.
    pub(in crate::report) fn message_meaning(&self, verdict: MessageVerdict) -> Phrase {
        phrases::message_meaning(verdict, self.has_expectations())
    }

    /// Returns the expectations as a table: topic, group, tags, and the times between which messages must be born.
    pub(in crate::report) fn expectation_rows(&self) -> Vec<[String; 5]> {
        let time = |time: Option<Timestamp>| {
            time.map_or_else(String::new, |time| self.locale.time_format.time(time))
        };
        let by_topic = self.summary.expectations.by_topic().into_iter();
        by_topic
            .flat_map(|(topic, expected)| expected.iter().map(move |expected| (topic, expected)))
            .map(|(topic, expected)| {
                let tags: Vec<_> = expected.tags.iter().cloned().collect();
                [
                    match topic {
                        EVERY_TOPIC => self.locale.text(phrases::EVERY_TOPIC).to_owned(),
                        topic => topic.to_owned(),
                    },
                    expected.group.clone(),
                    self.locale.listed(&tags),
                    time(expected.valid_from),
                    time(expected.valid_to),
                ]
            })
            .collect()
    }

    /// Returns [`Self::expectation_notes`] with their label, for places where each note stands alone.
    pub(in crate::report) fn labelled_expectation_notes(&self) -> Vec<String> {
        let label =
            self.locale.text(phrases::EXPECTATIONS).to_owned() + self.locale.text(phrases::COLON);
        let notes = self.expectation_notes().into_iter();
        notes.map(|note| label.clone() + &note).collect()
    }

    /// Returns whether there are expectations, where they and the answers do not match, and what they could not decide.
    #[must_use]
    pub fn expectation_notes(&self) -> Vec<String> {
        let unexpected = self.summary.unexpected();
        let named: Vec<_> = unexpected
            .iter()
            .map(|(group, messages)| format!("{group} {}", self.messages(*messages)))
            .collect();
        let named = (!named.is_empty()).then(|| {
            let named = self.locale.listed(&named);
            if self.is_chinese() {
                format!("约定之外的消费组出现在结果中：{named}")
            } else {
                format!(
                    "groups that answered although no expectation names them (messages): {named}"
                )
            }
        });
        let tally = &self.summary.tally;
        let assumed = (tally.assumed > 0).then(|| {
            if self.is_chinese() {
                let messages = count(tally.assumed);
                format!("{messages} 条消息的标签或产生时间未知：仅对部分消息有要求的消费组按要求消费计")
            } else {
                format!(
                    "{}: the tag or born time is not known, so groups that are expected only of certain messages count \
                     as expected",
                    counted(tally.assumed, "message", "messages")
                )
            }
        });
        let nothing = (tally.nothing_expected > 0).then(|| {
            if self.is_chinese() {
                let messages = count(tally.nothing_expected);
                format!("{messages} 条消息：其主题的约定不要求任何消费组消费（标签或产生时间不符），因此不会漏消费")
            } else {
                format!(
                    "{}: no expectation for the topic applies (another tag, or born at another time), so nothing could \
                     be missed",
                    counted(tally.nothing_expected, "message", "messages")
                )
            }
        });
        let without_messages = self.without_messages();
        let without_expectations = self.without_expectations();
        let accepted = self.summary.expectations.accept_filtered && self.has_expectations();
        let accepted = accepted.then_some(phrases::FILTERED_ACCEPTED);
        let dead_lettered = self.summary.expectations.accept_dead_lettered;
        let dead_lettered = dead_lettered.then_some(phrases::DEAD_LETTERED_ACCEPTED);
        [
            self.no_expectations().map(str::to_owned),
            accepted.map(|accepted| self.locale.text(accepted).to_owned()),
            dead_lettered.map(|accepted| self.locale.text(accepted).to_owned()),
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

    /// Returns a number of messages, in Chinese with its measure word.
    pub(in crate::report) fn messages(&self, number: u64) -> String {
        self.measured(number, " 条")
    }

    /// Returns a number of rows, in Chinese with its measure word.
    pub(in crate::report) fn rows(&self, number: u64) -> String {
        self.measured(number, " 行")
    }

    fn measured(&self, number: u64, word: &str) -> String {
        count(number) + if self.is_chinese() { word } else { "" }
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
            .map(|(topic, messages)| format!("{topic} {}", self.messages(*messages)))
            .collect();
        let named = self.first_of(&topics)?;
        Some(if self.is_chinese() {
            format!("约定未涉及这些主题，其有结果的消费组均按应消费计：{named}")
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

    /// Returns which brokers could not be asked, and what follows for the messages.
    #[must_use]
    pub fn unasked_brokers(&self) -> Option<String> {
        let brokers = self.summary.unasked_brokers();
        if brokers.is_empty() {
            return None;
        }
        let named: Vec<_> = brokers
            .iter()
            .map(|(name, why)| {
                if self.is_chinese() {
                    format!("{name}（{why}）")
                } else {
                    format!("{name} ({why})")
                }
            })
            .collect();
        let named = self.locale.listed(&named);
        Some(if self.is_chinese() {
            format!("无法查询的 Broker：{named}；可能存储在其上的消息按无应答计")
        } else {
            format!(
                "brokers that could not be asked: {named}; messages that may be stored on them are unanswered"
            )
        })
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
            let subject = match messages {
                1 => "the born time of 1 message comes from its ID".to_owned(),
                _ => format!(
                    "the born times of {} messages come from their IDs",
                    count(messages)
                ),
            };
            format!(
                "{subject}, and the time zone of those is assumed: {zones} (UTC for IDs \
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
        Some(if self.is_chinese() {
            let [carried, answered, rechecked] =
                [carried, tally.totals.answered, rechecked].map(count);
            format!(
                "{answered} 条结果中有 {carried} 条沿用此前的运行；此前已有消费组消费的 {rechecked} 条消息重新查询过"
            )
        } else {
            format!(
                "{} of {} come from an earlier run; {} that some group had passed then {} asked again",
                count(carried),
                counted(tally.totals.answered, "answer", "answers"),
                counted(rechecked, "message", "messages"),
                if rechecked == 1 { "was" } else { "were" }
            )
        })
    }
}
