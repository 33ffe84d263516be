//! Detects the format of an input from its first bytes.

use super::header::Role;
use super::options::{InputFormat, InputOptions};
use crate::delimited::{BOM, RecordSyntax, likeliest_delimiter};

/// Number of bytes that are examined.
pub(super) const HEAD: u64 = 64 << 10;

/// A kind of file that is not an input in any format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Nothing but blanks.
    #[error("is empty")]
    Empty,
    /// UTF-16, which Windows calls "Unicode".
    #[error("is UTF-16, expected UTF-8")]
    Utf16,
    /// A compression other than gzip and zstd.
    #[error("is compressed with bzip2 or xz, expected gzip, zstd or plain text")]
    Compressed,
    /// A zip archive, such as a workbook.
    #[error("is an Excel workbook or another zip archive, expected text")]
    Workbook,
    /// Lines that end in CR only.
    #[error("has lines that end in CR alone, expected LF or CRLF")]
    LoneCr,
    /// One JSON array.
    #[error("is a JSON array, expected one object a line")]
    JsonArray,
}

/// The format of an input, with its delimiter if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordShape {
    RecordCells { delimiter: u8 },
    Ndjson,
    Ids,
}

impl RecordShape {
    /// Returns the syntax by which the input is divided into records.
    pub(super) fn cut(self) -> RecordSyntax {
        match self {
            Self::RecordCells { delimiter } => RecordSyntax::Csv {
                delimiter,
                remarks: false,
            },
            Self::Ndjson | Self::Ids => RecordSyntax::Lines,
        }
    }
}

/// Detects the format from the first decompressed bytes. Options that are given take precedence.
pub(super) fn sniff(head: &[u8], options: &InputOptions) -> Result<RecordShape, Unreadable> {
    if is_utf16(head) {
        return Err(Unreadable::Utf16);
    }
    if head.starts_with(b"BZh") || head.starts_with(b"\xfd7zXZ\0") {
        return Err(Unreadable::Compressed);
    }
    if head.starts_with(b"PK\x03\x04") {
        return Err(Unreadable::Workbook);
    }
    let head = head.strip_prefix(BOM).unwrap_or(head);
    let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines
        .find(|line| !line.is_empty())
        .ok_or(Unreadable::Empty)?;
    if first.contains(&b'\r') && !head.contains(&b'\n') {
        return Err(Unreadable::LoneCr);
    }
    let first = String::from_utf8_lossy(first);
    let cells = |likeliest: Option<u8>| RecordShape::RecordCells {
        delimiter: options.delimiter.or(likeliest).unwrap_or(b','),
    };
    match options.format {
        Some(InputFormat::Csv) => Ok(cells(delimiter(&first))),
        Some(InputFormat::Tsv) => Ok(cells(Some(b'\t'))),
        Some(InputFormat::Ids) => Ok(RecordShape::Ids),
        None if options.delimiter.is_some() => Ok(cells(None)),
        _ if first.starts_with('[') => Err(Unreadable::JsonArray),
        Some(InputFormat::Ndjson) => Ok(RecordShape::Ndjson),
        None if first.starts_with('{') => Ok(RecordShape::Ndjson),
        None => match delimiter(&first) {
            None if is_id_list(&first, options) => Ok(RecordShape::Ids),
            likeliest => Ok(cells(likeliest)),
        },
    }
}

/// Recognises UTF-16 with its mark, or without it: then every second byte of ASCII is zero.
fn is_utf16(head: &[u8]) -> bool {
    let begins = head.get(..8).unwrap_or_default();
    let is_zero = |from: usize| {
        let mut bytes = begins.iter().skip(from).step_by(2);
        !begins.is_empty() && bytes.all(|&byte| byte == 0)
    };
    head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") || is_zero(0) != is_zero(1)
}

fn delimiter(header: &str) -> Option<u8> {
    likeliest_delimiter(header, |name| Role::MsgId.is_called(name))
}

/// Decides whether a first line without delimiters is an ID or the header of a single column. Every ID has a digit,
/// however it was altered.
fn is_id_list(first: &str, options: &InputOptions) -> bool {
    options.msg_id_column.is_none()
        && (options.no_header || first.contains(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1E0578FE110F18B4AAC235C0C8460BA2";

    fn sniff_text(text: &str) -> Result<RecordShape, Unreadable> {
        sniff(text.as_bytes(), &InputOptions::default())
    }

    #[test]
    fn formats_are_known_by_their_first_line() {
        let cells = |delimiter| Ok(RecordShape::RecordCells { delimiter });
        for (text, shape) in [
            ("msg_id,topic\n", cells(b',')),
            ("\u{feff}\r\nmsg_id;topic\r\n", cells(b';')),
            ("msg_id\ttopic, or what\n", cells(b'\t')),
            ("order, ref, more;Message ID;topic\n", cells(b';')),
            ("a|b|c\n", cells(b'|')),
            ("msg_id\n", cells(b',')),
            ("\"msg_id\"\n", cells(b',')),
            ("\n  {\"msg_id\":1}\n", Ok(RecordShape::Ndjson)),
            (ID, Ok(RecordShape::Ids)),
            ("1E0578FE110F18B4AAC235C0C846****\n", Ok(RecordShape::Ids)),
            ("1.23E+15\n", Ok(RecordShape::Ids)),
        ] {
            assert_eq!(sniff_text(text), shape, "{text}");
        }
    }

    #[test]
    fn what_the_person_says_is_not_doubted() {
        let with = |format, delimiter, text: &str| {
            sniff(
                text.as_bytes(),
                &InputOptions {
                    format,
                    delimiter,
                    ..InputOptions::default()
                },
            )
        };
        let cells = |delimiter| Ok(RecordShape::RecordCells { delimiter });
        assert_eq!(with(Some(InputFormat::Csv), None, "a;b"), cells(b';'));
        assert_eq!(with(Some(InputFormat::Csv), Some(b'#'), "a;b"), cells(b'#'));
        assert_eq!(with(Some(InputFormat::Tsv), None, "a;b"), cells(b'\t'));
        assert_eq!(with(Some(InputFormat::Csv), None, "{a}"), cells(b','));
        assert_eq!(
            with(Some(InputFormat::Ids), None, "a,b"),
            Ok(RecordShape::Ids)
        );
        assert_eq!(with(None, Some(b';'), "[a];b"), cells(b';'));
        assert_eq!(
            with(Some(InputFormat::Ndjson), None, "a"),
            Ok(RecordShape::Ndjson)
        );
    }

    #[test]
    fn what_can_t_be_read_has_a_name() {
        assert_eq!(sniff_text(" \n\r\n"), Err(Unreadable::Empty));
        assert_eq!(sniff_text("msg_id\rA\r"), Err(Unreadable::LoneCr));
        assert_eq!(sniff_text("[{}]"), Err(Unreadable::JsonArray));
        assert_eq!(sniff_text("PK\x03\x04"), Err(Unreadable::Workbook));
        assert_eq!(
            sniff(b"\xff\xfem\0", &InputOptions::default()),
            Err(Unreadable::Utf16)
        );
        for text in ["m\0s\0g\0_\0i\0", "\0m\0s\0g\0_\0i"] {
            assert_eq!(sniff_text(text), Err(Unreadable::Utf16), "{text:?}");
        }
        assert_eq!(sniff_text("BZh91AY"), Err(Unreadable::Compressed));
        assert_ne!(sniff_text("msg_id\0,"), Err(Unreadable::Utf16));
    }
}
