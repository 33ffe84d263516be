use super::*;
use crate::report::Summary;
use crate::results::SpreadsheetDamage;
use crate::verdict::{Coverage, Expectations, Tally};

fn noticed(count: u64, text: &str) -> Noticed {
    serde_json::from_value(serde_json::json!({"count": count, "first": "-:3", "text": text}))
        .unwrap()
}

fn every_note(count: u64) -> InputNotes {
    InputNotes {
        blanks_removed: count,
        quotes_removed: count,
        text_marks_removed: count,
        skipped_lines: noticed(count, "Orders"),
        lines_without_message: count,
        lines_with_ids: noticed(count, ""),
        files_without_message: (1..=count * 3).map(|n| format!("{n}.log")).collect(),
        send_status: [("FLUSH_DISK_TIMEOUT".to_owned(), count)].into(),
        cells_with_ids: noticed(count, ""),
        replaced_characters: noticed(count, ""),
    }
}

fn sentences(notes: InputNotes, lower_case: u64, language: Language) -> Vec<String> {
    let mut tally = Tally::default();
    tally.lower_case = lower_case;
    let summary = Summary {
        results_files: &[],
        tally,
        expectations: Expectations::default(),
        coverage: Coverage::default(),
        damage: SpreadsheetDamage::default(),
        input_notes: notes,
        locale: Locale::default(),
    };
    let locale = Locale {
        language,
        ..Locale::default()
    };
    summary.text_in(&locale).input_notes()
}

#[test]
fn one_of_a_kind_is_in_the_singular() {
    assert_eq!(
        sentences(every_note(1), 1, Language::English),
        [
            "warning: 1 row has a message ID in a cell of several lines (standard input:3): this ID was not asked about, \
             a stray quote may have swallowed its row",
            "warning: 1 log line contains a message ID that is not in a send result (standard input:3): this ID was not asked about",
            "warning: 1 row contains the replacement character U+FFFD (standard input:3): its text was damaged, here or \
             by an earlier program",
            "blanks around IDs, topics or instances were removed in 1 row",
            "quotes around IDs were removed in 1 row",
            "the text mark ' of spreadsheets before IDs was removed in 1 row",
            "1 title or comment line was skipped (standard input:3): `Orders`",
            "1 log line has no message",
            "logs without any message: 1.log, 2.log, 3.log",
            "messages whose send status is not SEND_OK: FLUSH_DISK_TIMEOUT 1",
            "1 message that was not found has an ID in lower case: most clients write IDs in upper case, so try it in \
             upper case",
        ]
    );
}

#[test]
fn several_of_a_kind_are_in_the_plural() {
    assert_eq!(
        sentences(every_note(2000), 2, Language::English),
        [
            "warning: 2,000 rows have a message ID in a cell of several lines (first: standard input:3): these IDs were \
             not asked about, stray quotes may have swallowed their rows",
            "warning: 2,000 log lines contain a message ID that is not in a send result (first: standard input:3): these IDs were \
             not asked about",
            "warning: 2,000 rows contain the replacement character U+FFFD (first: standard input:3): their text was \
             damaged, here or by an earlier program",
            "blanks around IDs, topics or instances were removed in 2,000 rows",
            "quotes around IDs were removed in 2,000 rows",
            "the text mark ' of spreadsheets before IDs was removed in 2,000 rows",
            "2,000 title or comment lines were skipped (first: standard input:3): `Orders`",
            "2,000 log lines have no message",
            "logs without any message: 1.log, 2.log, 3.log, 4.log, 5.log, 5,995 more",
            "messages whose send status is not SEND_OK: FLUSH_DISK_TIMEOUT 2,000",
            "2 messages that were not found have IDs in lower case: most clients write IDs in upper case, so try them in \
             upper case",
        ]
    );
}

#[test]
fn the_sentences_are_written_in_chinese() {
    assert_eq!(
        sentences(every_note(2), 2, Language::Chinese),
        [
            "警告：2 行的多行单元格中含有消息 ID（首处：standard input:3）：这些 ID 未被查询，其所在行可能被多余的引号吞掉",
            "警告：2 行日志含有不属于发送结果的消息 ID（首处：standard input:3）：这些 ID 未被查询",
            "警告：2 行含有替换字符 U+FFFD（首处：standard input:3）：文本在本次读取时或在此前的程序中已损坏",
            "在 2 行中去除了 ID、主题或实例前后的空白",
            "在 2 行中去除了 ID 两侧的引号",
            "在 2 行中去除了 ID 前的电子表格文本标记 '",
            "跳过了 2 行标题或注释（首处：standard input:3）：`Orders`",
            "日志中有 2 行不含消息",
            "不含任何消息的日志：1.log、2.log、3.log、4.log、5.log、另有 1 个",
            "发送状态不是 SEND_OK 的消息：FLUSH_DISK_TIMEOUT 2 条",
            "2 条未找到的消息的 ID 为小写：多数客户端使用大写字母，请改用大写重试",
        ]
    );
}

#[test]
fn an_input_without_notes_has_no_sentence() {
    for language in Language::ALL {
        assert!(sentences(InputNotes::default(), 0, language).is_empty());
    }
}
