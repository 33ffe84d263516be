//! What was noticed about the inputs: what a person should look at, what was removed or skipped.

use std::path::Path;

use super::SummaryText;
use crate::humanize::{self, count};
use crate::input::{InputNotes, Noticed};
use crate::report::locale::{Language, Locale};

/// The most logs that a sentence names.
const LOGS_NAMED: usize = 5;

/// The sentences about the notes of inputs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InputNotesText<'n> {
    pub(crate) notes: &'n InputNotes,
    pub(crate) language: Language,
}

impl InputNotesText<'_> {
    /// Returns all sentences, warnings first.
    pub(crate) fn all(self) -> Vec<String> {
        let warnings = self.warnings().into_iter();
        let prefix = match self.language {
            Language::English => "warning: ",
            Language::Chinese => "警告：",
        };
        warnings
            .map(|warning| prefix.to_owned() + &warning)
            .chain(self.remarks())
            .collect()
    }

    /// Returns what a person should look at.
    pub(crate) fn warnings(self) -> Vec<String> {
        let warnings = [
            self.cells_with_ids(),
            self.lines_with_ids(),
            self.replaced_characters(),
        ];
        let warnings = warnings.into_iter().flatten();
        warnings.collect()
    }

    fn cells_with_ids(self) -> Option<String> {
        let (number, first) = self.noticed(&self.notes.cells_with_ids)?;
        Some(match (self.language, self.notes.cells_with_ids.count) {
            (Language::English, 1) => format!(
                "1 row has a message ID in a cell of several lines{first}: this ID was not asked about, a stray quote may \
                 have swallowed its row"
            ),
            (Language::English, _) => format!(
                "{number} rows have a message ID in a cell of several lines{first}: these IDs were not asked about, stray \
                 quotes may have swallowed their rows"
            ),
            (Language::Chinese, _) => format!(
                "{number} 行的多行单元格中含有消息 ID{first}：这些 ID 未被查询，其所在行可能被多余的引号吞掉"
            ),
        })
    }

    fn lines_with_ids(self) -> Option<String> {
        let (number, first) = self.noticed(&self.notes.lines_with_ids)?;
        Some(match (self.language, self.notes.lines_with_ids.count) {
            (Language::English, 1) => format!(
                "1 log line contains a message ID that is not in a send result{first}: this ID was not asked about"
            ),
            (Language::English, _) => format!(
                "{number} log lines contain a message ID that is not in a send result{first}: these IDs were not asked about"
            ),
            (Language::Chinese, _) => {
                format!("{number} 行日志含有不属于发送结果的消息 ID{first}：这些 ID 未被查询")
            }
        })
    }

    fn replaced_characters(self) -> Option<String> {
        let (number, first) = self.noticed(&self.notes.replaced_characters)?;
        Some(
            match (self.language, self.notes.replaced_characters.count) {
                (Language::English, 1) => format!(
                    "1 row contains the replacement character U+FFFD{first}: its text was damaged, here or by an earlier program"
                ),
                (Language::English, _) => format!(
                    "{number} rows contain the replacement character U+FFFD{first}: their text was damaged, here or by an \
                 earlier program"
                ),
                (Language::Chinese, _) => format!(
                    "{number} 行含有替换字符 U+FFFD{first}：文本在本次读取时或在此前的程序中已损坏"
                ),
            },
        )
    }

    /// Returns the count and the first place in brackets, or `None` if the count is 0.
    fn noticed(self, noticed: &Noticed) -> Option<(String, String)> {
        if noticed.count == 0 {
            return None;
        }
        let place = noticed.place();
        let first = match (self.language, noticed.count) {
            (Language::English, 1) => format!(" ({place})"),
            (Language::English, _) => format!(" (first: {place})"),
            (Language::Chinese, 1) => format!("（{place}）"),
            (Language::Chinese, _) => format!("（首处：{place}）"),
        };
        Some((count(noticed.count), first))
    }

    /// Returns what was removed, skipped or noticed besides.
    fn remarks(self) -> Vec<String> {
        let notes = self.notes;
        let remarks = [
            self.removed(
                notes.blanks_removed,
                "blanks around IDs, topics or instances were",
                " ID、主题或实例前后的空白",
            ),
            self.removed(
                notes.quotes_removed,
                "quotes around IDs were",
                " ID 两侧的引号",
            ),
            self.removed(
                notes.text_marks_removed,
                "the text mark ' of spreadsheets before IDs was",
                " ID 前的电子表格文本标记 '",
            ),
            self.skipped_lines(),
            self.lines_without_message(),
            self.files_without_message(),
            self.send_status(),
        ];
        let remarks = remarks.into_iter().flatten();
        remarks.collect()
    }

    fn removed(self, rows: u64, what: &str, what_in_chinese: &str) -> Option<String> {
        let number = count(rows);
        Some(match (self.language, rows) {
            (_, 0) => return None,
            (Language::English, 1) => format!("{what} removed in 1 row"),
            (Language::English, _) => format!("{what} removed in {number} rows"),
            (Language::Chinese, _) => format!("在 {number} 行中去除了{what_in_chinese}"),
        })
    }

    fn skipped_lines(self) -> Option<String> {
        let skipped = &self.notes.skipped_lines;
        let (number, first) = self.noticed(skipped)?;
        let text = &skipped.text;
        Some(match (self.language, skipped.count) {
            (Language::English, 1) => {
                format!("1 title or comment line was skipped{first}: `{text}`")
            }
            (Language::English, _) => {
                format!("{number} title or comment lines were skipped{first}: `{text}`")
            }
            (Language::Chinese, _) => format!("跳过了 {number} 行标题或注释{first}：`{text}`"),
        })
    }

    fn lines_without_message(self) -> Option<String> {
        let lines = self.notes.lines_without_message;
        let number = count(lines);
        Some(match (self.language, lines) {
            (_, 0) => return None,
            (Language::English, 1) => "1 log line has no message".to_owned(),
            (Language::English, _) => format!("{number} log lines have no message"),
            (Language::Chinese, _) => format!("日志中有 {number} 行不含消息"),
        })
    }

    fn files_without_message(self) -> Option<String> {
        let files = &self.notes.files_without_message;
        let named = files.iter().take(LOGS_NAMED);
        let mut named: Vec<_> = named.map(|file| humanize::input(Path::new(file))).collect();
        let more = files.len() - named.len();
        if more > 0 {
            let more = count(more as u64);
            named.push(match self.language {
                Language::English => format!("{more} more"),
                Language::Chinese => format!("另有 {more} 个"),
            });
        }
        let named = self.listed(&named)?;
        Some(match self.language {
            Language::English => format!("logs without any message: {named}"),
            Language::Chinese => format!("不含任何消息的日志：{named}"),
        })
    }

    fn send_status(self) -> Option<String> {
        let statuses = self.notes.send_status.iter();
        let named: Vec<_> = statuses
            .map(|(status, messages)| match self.language {
                Language::English => format!("{status} {}", count(*messages)),
                Language::Chinese => format!("{status} {} 条", count(*messages)),
            })
            .collect();
        let named = self.listed(&named)?;
        Some(match self.language {
            Language::English => {
                format!("messages whose send status is not SEND_OK: {named}")
            }
            Language::Chinese => format!("发送状态不是 SEND_OK 的消息：{named}"),
        })
    }

    fn listed(self, items: &[String]) -> Option<String> {
        let locale = Locale {
            language: self.language,
            ..Locale::default()
        };
        (!items.is_empty()).then(|| locale.listed(items))
    }
}

impl SummaryText<'_> {
    /// Returns what was noticed about the inputs, warnings first, and how many messages were not found by a key in lower
    /// case.
    #[must_use]
    pub fn input_notes(&self) -> Vec<String> {
        let text = InputNotesText {
            notes: &self.summary.input_notes,
            language: self.locale.language,
        };
        text.all().into_iter().chain(self.lower_case()).collect()
    }

    fn lower_case(&self) -> Option<String> {
        let messages = self.summary.tally.lower_case;
        let number = count(messages);
        Some(match (self.locale.language, messages) {
            (_, 0) => return None,
            (Language::English, 1) => {
                "1 message that was not found has an ID in lower case: most clients write IDs in upper case, so try it in \
                 upper case"
                    .to_owned()
            }
            (Language::English, _) => format!(
                "{number} messages that were not found have IDs in lower case: most clients write IDs in upper case, so try \
                 them in upper case"
            ),
            (Language::Chinese, _) => format!(
                "{number} 条未找到的消息的 ID 为小写：多数客户端使用大写字母，请改用大写重试"
            ),
        })
    }
}

#[cfg(test)]
mod tests;
