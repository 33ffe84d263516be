//! Detects the format of an input from its first bytes.

use serde::de::IgnoredAny;

use super::cleaning::clean_id;
use super::column_ref::ColumnRef;
use super::header::Role;
use super::log_line::sent_messages;
use super::options::{InputFormat, InputOptions};
use super::table_start::{SHEET_DELIMITER, TableStart, TableText};
use super::unreadable::Unreadable;
use crate::delimited::BOM;

/// Number of bytes that are examined.
pub(super) const HEAD: u64 = 1 << 20;

/// Number of lines in which a JSON object or a header is sought.
const SEARCHED: usize = 20;

/// The format of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Table(TableStart),
    /// One JSON object a line.
    JsonLines,
    /// JSON values that span lines, or an array.
    JsonValues,
    /// One message ID a line.
    Ids,
    /// Lines that producers wrote.
    Log,
    /// None of them.
    Unknown,
}

/// Beginnings of files that are not text, with what they are.
const BINARY: [(&[u8], Unreadable); 13] = [
    (b"BZh", Unreadable::Compressed("bzip2")),
    (b"\xfd7zXZ\0", Unreadable::Compressed("xz")),
    (b"\x1f\x8b", Unreadable::CompressedTwice),
    (b"\x28\xb5\x2f\xfd", Unreadable::CompressedTwice),
    (b"%PDF-", Unreadable::Binary("PDF document")),
    (b"\x89PNG", Unreadable::Binary("picture")),
    (b"\xff\xd8\xff", Unreadable::Binary("picture")),
    (b"GIF8", Unreadable::Binary("picture")),
    (b"PAR1", Unreadable::Binary("Parquet file")),
    (b"SQLite format 3\0", Unreadable::Binary("SQLite database")),
    (b"Rar!", Unreadable::Binary("RAR archive")),
    (b"7z\xbc\xaf", Unreadable::Binary("7-Zip archive")),
    (b"\x7fELF", Unreadable::Binary("program")),
];

/// Recognises files that are not text by their first decompressed bytes.
pub(super) fn check_is_text(head: &[u8]) -> Result<(), Unreadable> {
    let known = BINARY
        .iter()
        .find(|(beginning, _)| head.starts_with(beginning));
    let is_tar = head.get(257..262) == Some(b"ustar");
    match known {
        Some((_, reason)) => Err(*reason),
        None if is_tar => Err(Unreadable::Binary("tar archive")),
        None => Ok(()),
    }
}

/// Detects the format by the first characters. Options that are given take precedence.
pub(super) fn sniff(head: &[u8], options: &InputOptions) -> Result<Shape, Unreadable> {
    let mut head = head;
    while let Some(rest) = head.strip_prefix(BOM) {
        head = rest;
    }
    let first = head.trim_ascii_start();
    if first.is_empty() && options.format != Some(InputFormat::Log) {
        return Err(Unreadable::Empty);
    }
    let begins_with = |tag: &&str| begins_with(first, tag);
    if ["<!doctype html", "<html", "<head", "<body", "<table"]
        .iter()
        .any(begins_with)
    {
        return Err(Unreadable::Html);
    }
    if begins_with(&"<?xml") {
        return Err(Unreadable::Xml);
    }
    let table = |delimiter: Option<u8>| table(head, options.delimiter.or(delimiter), options);
    Ok(match options.format {
        Some(InputFormat::Csv) => table(None),
        Some(InputFormat::Tsv) => table(Some(b'\t')),
        Some(InputFormat::Ids) => Shape::Ids,
        Some(InputFormat::Log) => Shape::Log,
        Some(InputFormat::Ndjson) => Shape::JsonLines,
        Some(InputFormat::Json) => Shape::JsonValues,
        Some(InputFormat::Parquet) => Shape::Unknown,
        None if options.delimiter.is_some() => table(None),
        None => detect(head, options),
    })
}

fn begins_with(text: &[u8], tag: &str) -> bool {
    text.get(..tag.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(tag.as_bytes()))
}

fn table(head: &[u8], delimiter: Option<u8>, options: &InputOptions) -> Shape {
    let text = TableText {
        head,
        is_sheet: false,
    };
    table_start(text, delimiter, options).map_or(Shape::Unknown, Shape::Table)
}

/// Finds where a table begins. Without a header that names the message ID, it is the first line.
pub(super) fn table_start(
    text: TableText<'_>,
    delimiter: Option<u8>,
    options: &InputOptions,
) -> Option<TableStart> {
    let found = if options.no_header {
        None
    } else {
        TableStart::find(text, delimiter, options)
    };
    found.or_else(|| TableStart::first(text, delimiter, options))
}

/// Finds where the table of a sheet begins.
pub(super) fn sheet_start(head: &[u8], options: &InputOptions) -> Option<TableStart> {
    let text = TableText {
        head,
        is_sheet: true,
    };
    table_start(text, Some(SHEET_DELIMITER), options)
}

fn detect(head: &[u8], options: &InputOptions) -> Shape {
    if let Some(shape) = detect_json(head) {
        // A log may contain lines of JSON.
        let is_log = !head.trim_ascii_start().starts_with(b"{") && shape == Shape::JsonLines;
        return if is_log && has_message(head) {
            Shape::Log
        } else {
            shape
        };
    }
    let text = TableText {
        head,
        is_sheet: false,
    };
    if !options.no_header
        && let Some(start) = TableStart::find(text, None, options)
    {
        return Shape::Table(start);
    }
    if options.log_column.is_none() && has_message(head) {
        return Shape::Log;
    }
    if options.column(Role::MsgId).is_none() && is_id_list(head) {
        return Shape::Ids;
    }
    let has_number = matches!(options.column(Role::MsgId), Some(ColumnRef::Number(_)));
    if options.no_header || has_number {
        return table(head, None, options);
    }
    Shape::Unknown
}

/// Returns whether one of the lines says that a message was sent. A line that the head cuts off counts, too.
pub(super) fn has_message(head: &[u8]) -> bool {
    lines(head).any(|line| !sent_messages(&String::from_utf8_lossy(line)).is_empty())
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = head.split(|byte| matches!(byte, b'\n' | b'\r'));
    lines
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
}

/// Decides whether a file is JSON, and of which form.
fn detect_json(head: &[u8]) -> Option<Shape> {
    let text = head.trim_ascii_start();
    let is_object =
        |line: &[u8]| line.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(line).is_ok();
    let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let mut lines = lines
        .by_ref()
        .filter(|line| !line.is_empty())
        .take(SEARCHED);
    match text.first()? {
        b'[' => {
            let element = text[1..].trim_ascii_start().first();
            matches!(element, None | Some(b'{' | b'"' | b'[' | b']')).then_some(Shape::JsonValues)
        }
        b'{' if lines.next().is_some_and(is_object) => Some(Shape::JsonLines),
        b'{' => {
            // A value of several lines whose last line happens to be an object is not a broken list of lines.
            let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
            let is_value = matches!(values.next(), Some(Ok(_)));
            Some(if !is_value && lines.any(is_object) {
                Shape::JsonLines
            } else {
                Shape::JsonValues
            })
        }
        _ => lines.any(is_object).then_some(Shape::JsonLines),
    }
}

/// Decides whether the first line that is not a comment is an ID, however it was altered: hex digits, a masked end, or a
/// number as spreadsheets write it.
fn is_id_list(head: &[u8]) -> bool {
    let first = lines(head).find(|line| !line.starts_with(b"#"));
    let text = first.and_then(|line| str::from_utf8(line).ok());
    let id = text.map(|line| clean_id(line).0).unwrap_or_default();
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || b"*.+-".contains(&byte);
    id.bytes().all(is_part) && id.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1E0578FE110F18B4AAC235C0C8460BA2";

    fn shape_of(text: &str, options: &InputOptions) -> String {
        match sniff(text.as_bytes(), options) {
            Ok(Shape::Table(start)) => format!("table by {}", char::from(start.delimiter)),
            Ok(shape) => format!("{shape:?}"),
            Err(reason) => reason.to_string(),
        }
    }

    #[test]
    fn formats_are_known_by_their_first_lines() {
        let sent = format!(
            "[INFO] 2026-11-20 sent, SendResult [sendStatus=SEND_OK, msgId={ID}, queueOffset=3]\n"
        );
        let array_of_lines = format!("[\n{{\"msg_id\":\"{ID}\"}}\n]");
        let nested = "{\n\"a\":\n{\"b\":1}\n}";
        for (text, shape) in [
            ("msg_id,topic\n", "table by ,"),
            ("\u{feff}\r\nmsg_id;topic\r\n", "table by ;"),
            ("msg_id\ttopic, or what\n", "table by \t"),
            ("order, ref, more;Message ID;topic\n", "table by ;"),
            ("title\nmsg_id|b|c\n", "table by |"),
            ("msg_id\n", "table by ,"),
            ("\"msg_id\"\n", "table by ,"),
            ("a|b|c\n", "Unknown"),
            ("\n  {\"msg_id\":1}\n", "JsonLines"),
            ("{\"msg_id\":\n{}\n", "JsonLines"),
            ("g_id\":1}\n{\"msg_id\":1}\n", "JsonLines"),
            ("{\n \"msg_id\": 1\n}", "JsonValues"),
            (nested, "JsonValues"),
            ("[\n", "JsonValues"),
            ("[{}]", "JsonValues"),
            (&array_of_lines, "JsonValues"),
            (&sent, "Log"),
            (ID, "Ids"),
            ("# comment\n\n1E0578FE110F18B4AAC235C0C846****\n", "Ids"),
            ("1.23E+15\n", "Ids"),
            ("2026-11-20 started\n", "Unknown"),
            ("x1\n", "Unknown"),
            ("'1E0578FE110F18B4AAC235C0C8460BA2\n", "Ids"),
            (" \n\r\n", "is empty"),
            (
                "<!DOCTYPE HTML><p>502",
                "is an HTML page, expected a list of messages",
            ),
        ] {
            assert_eq!(shape_of(text, &InputOptions::default()), shape, "{text}");
        }
    }

    #[test]
    fn options_take_precedence() {
        let with = |format, delimiter, text: &str| {
            let options = InputOptions {
                format,
                delimiter,
                ..InputOptions::default()
            };
            shape_of(text, &options)
        };
        for (format, delimiter, text, shape) in [
            (Some(InputFormat::Csv), None, "a;b", "table by ;"),
            (Some(InputFormat::Csv), Some(b'#'), "a;b", "table by #"),
            (Some(InputFormat::Tsv), None, "a;b", "table by \t"),
            (Some(InputFormat::Csv), None, "{a}", "table by ,"),
            (Some(InputFormat::Ids), None, "a,b", "Ids"),
            (Some(InputFormat::Log), None, "a,b", "Log"),
            (None, Some(b';'), "[a];b", "table by ;"),
            (Some(InputFormat::Ndjson), None, "a", "JsonLines"),
            (Some(InputFormat::Json), None, "a", "JsonValues"),
        ] {
            assert_eq!(with(format, delimiter, text), shape, "{text}");
        }
    }

    #[test]
    fn files_that_are_not_text_are_recognised() {
        for (head, reason) in [
            (
                b"BZh91AY".as_slice(),
                "is compressed with bzip2, expected gzip, zstd or plain text",
            ),
            (
                b"\xfd7zXZ\0\0",
                "is compressed with xz, expected gzip, zstd or plain text",
            ),
            (b"\x1f\x8b\x08", "is compressed twice"),
            (b"%PDF-1.7", "is a PDF document, expected text"),
        ] {
            assert_eq!(check_is_text(head).unwrap_err().to_string(), reason);
        }
        assert_eq!(check_is_text(b"msg_id"), Ok(()));
    }
}
