//! Sentences about answers that were inferred instead of asked.

use super::SummaryText;
use crate::humanize::{count, counted};
use crate::results::{InferenceSection, OrderContradiction, UnknownType};

/// The most contradictions that are stated, and the most topics.
const STATED: usize = 5;

impl SummaryText<'_> {
    /// Returns what was inferred: contradictions first. Empty if everything was asked.
    #[must_use]
    pub fn inference_notes(&self) -> Vec<String> {
        let files = self.summary.results_files.iter();
        let sections: Vec<&InferenceSection> = files
            .filter_map(|results_file| results_file.trailer().inference.as_ref())
            .collect();
        if sections.is_empty() {
            return Vec::new();
        }
        let contradictions = sections.iter().flat_map(|section| &section.contradictions);
        let mut notes: Vec<String> = contradictions
            .clone()
            .take(STATED)
            .map(|contradiction| self.contradiction(contradiction))
            .collect();
        match contradictions.count().saturating_sub(STATED) {
            0 => {}
            more if self.is_chinese() => notes.push(format!("另有 {more} 处推断与应答矛盾")),
            more => notes.push(counted(
                more as u64,
                "more contradiction of inferred answers",
                "more contradictions of inferred answers",
            )),
        }
        notes.push(self.settled_by(&sections));
        notes.extend(self.untagged(&sections));
        let unknown = sections.iter().flat_map(|section| &section.unknown_types);
        notes.extend(self.unknown_types(unknown));
        notes
    }

    fn contradiction(&self, contradiction: &OrderContradiction) -> String {
        let OrderContradiction {
            topic,
            group,
            row,
            inferred,
            found,
            inferred_from,
            ..
        } = contradiction;
        if self.is_chinese() {
            let found = if found.is_empty() {
                "没有该消费组"
            } else {
                found
            };
            return format!(
                "推断有误：主题 {topic} 第 {row} 行由第 {inferred_from} 行推断，{group} 应为 {inferred}，查询结果却是 {found}；\
                 位点被重置过，或某行的队列位置有误；因此该主题含此消费组的队列已全部逐条查询"
            );
        }
        format!(
            "{contradiction}. The offset was reset, or a row names a wrong place. So every message was asked in the queues of \
             this topic that have the group"
        )
    }

    /// Returns `20,000 messages settled by 611 calls: …`.
    fn settled_by(&self, sections: &[&InferenceSection]) -> String {
        let sum = |of: fn(&InferenceSection) -> u64| sections.iter().map(|one| of(one)).sum();
        let [inferred, rechecked, moved, types]: [u64; 4] = [
            sum(|section| section.messages),
            sum(|section| section.rechecked),
            sum(|section| section.moved),
            sum(|section| section.calls),
        ];
        let tally = &self.summary.tally;
        let messages = tally.totals.distinct;
        let calls = tally.calls + types;
        if self.is_chinese() {
            let mut text = format!(
                "{} 条消息由 {} 次调用得出：其中 {} 条未查询，按队列顺序由其他消息的应答推断（依据 inferred）；另有 {} 条可推断的消息被随机抽查",
                count(messages),
                count(calls),
                count(inferred),
                count(rechecked)
            );
            if moved > 0 {
                text += "，抽查时";
                text += &count(moved);
                text += " 个推断为未到（open）的结果已变为已消费";
            }
            return text;
        }
        let mut text = format!(
            "{} settled by {}: {} from others by the order of the queues (evidence inferred); ",
            counted(messages, "message", "messages"),
            counted(calls, "call", "calls"),
            counted(inferred, "answer follows", "answers follow"),
        );
        let has_sample = sections.iter().any(|section| section.recheck != "0%");
        match rechecked {
            0 if has_sample => text += "none of them was in the random sample",
            0 => text += "no random sample of them was asked",
            _ => {
                text += "a random sample of ";
                text += &count(rechecked);
                text += " was asked nevertheless";
            }
        }
        if moved > 0 {
            text += ", in which ";
            text += &counted(moved, "open pair", "open pairs");
            text += " had meanwhile been passed";
        }
        text
    }

    fn untagged(&self, sections: &[&InferenceSection]) -> Option<String> {
        let untagged: u64 = sections.iter().map(|section| section.untagged).sum();
        if untagged == 0 {
            return None;
        }
        Some(if self.is_chinese() {
            format!(
                "其中 {} 条消息的 tag 未知：若某消费组按 tag 过滤，推断为已消费的消息可能已被过滤；输入中提供 tag 列即可判定",
                count(untagged)
            )
        } else {
            format!(
                "the tags of {} with inferred `passed` are unknown: a group that filters by tags may have filtered them; a column \
                 `tag` in the input tells",
                counted(untagged, "message", "messages")
            )
        })
    }

    fn unknown_types<'t>(&self, unknown: impl Iterator<Item = &'t UnknownType>) -> Option<String> {
        let topics: Vec<_> = unknown.collect();
        let first = topics.first()?;
        let named = topics.iter().take(STATED).map(|one| one.topic.clone());
        let mut named: Vec<_> = named.collect();
        match topics.len() - named.len() {
            0 => {}
            more if self.is_chinese() => named.push(format!("另有 {more} 个主题")),
            more => named.push(format!("{more} more")),
        }
        let named = self.locale.listed(&named);
        let reason = self.locale.in_brackets(&first.reason);
        Some(if self.is_chinese() {
            format!(
                "消息类型未知，推断时按普通消息处理：{named}{reason}；若为定时、延时或事务消息，推断结果无效"
            )
        } else {
            format!(
                "the message type of some topics is unknown, so they are taken for topics of normal messages: {named}{reason}; if \
                 one has delayed or transactional messages, what is inferred about these is wrong"
            )
        })
    }
}
