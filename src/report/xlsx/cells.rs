//! Writes the cells of large sheets as XML.
//!
//! Workers render rows before their row numbers are known. They write [`ROW_NUMBER`] instead, which no text can contain, and
//! the sheet's writer replaces it. All text is inline, so it is never taken for a number, a formula or a link, and
//! needs no table of strings.

use std::fmt::Write as _;
use std::io::Write as _;

use jiff::Timestamp;

use crate::report::locale::TimeFormat;

/// Stands for the row number.
pub(super) const ROW_NUMBER: u8 = 0;

/// The longest text of a cell, in UTF-16 units.
const MAX_LENGTH: usize = 32_767;

/// The style of texts: number format `@`, so that a text stays a text when the cell is edited.
pub(super) const TEXT: u32 = 1;

/// The style of times.
pub(super) const TIME: u32 = 2;

/// The style of numbers as they are.
pub(super) const GENERAL: u32 = 0;

/// The style of numbers.
pub(super) const NUMBER: u32 = 3;

/// Appends the letters of a column: `A`, …, `Z`, `AA`, …
pub(super) fn push_letters(out: &mut Vec<u8>, column: usize) {
    let start = out.len();
    let mut left = column + 1;
    while left > 0 {
        let digit = u8::try_from((left - 1) % 26).expect("below 26");
        out.push(b'A' + digit);
        left = (left - 1) / 26;
    }
    out[start..].reverse();
}

/// Writes cells from left to right. Empty cells are left out.
pub(super) struct CellWriter<'o> {
    out: &'o mut Vec<u8>,
    column: usize,
}

impl<'o> CellWriter<'o> {
    /// Starts at a column.
    pub(super) const fn at(out: &'o mut Vec<u8>, column: usize) -> Self {
        Self { out, column }
    }

    /// Writes a text, whatever it looks like.
    pub(super) fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.open(TEXT);
            let edges = [text.as_bytes()[0], text.as_bytes()[text.len() - 1]];
            let text_start: &[u8] = if edges.iter().any(u8::is_ascii_whitespace) {
                b" t=\"inlineStr\"><is><t xml:space=\"preserve\">"
            } else {
                b" t=\"inlineStr\"><is><t>"
            };
            self.out.extend_from_slice(text_start);
            push_text(self.out, text);
            self.out.extend_from_slice(b"</t></is></c>");
        }
        self.column += 1;
    }

    /// Writes a number.
    pub(super) fn number(&mut self, number: Option<u64>) {
        if let Some(number) = number {
            self.open(NUMBER);
            write!(self.out, "><v>{number}</v></c>").expect("writing to memory cannot fail");
        }
        self.column += 1;
    }

    /// Writes a number that is given by its digits.
    pub(super) fn digits(&mut self, digits: &str) {
        self.open(GENERAL);
        write!(self.out, "><v>{digits}</v></c>").expect("writing to memory cannot fail");
        self.column += 1;
    }

    /// Writes a local time. The column's heading names the zone.
    pub(super) fn time(&mut self, time: Option<Timestamp>, time_format: &TimeFormat) {
        if let Some(serial) = time.and_then(|time| serial(time, time_format)) {
            self.open(TIME);
            write!(self.out, "><v>{serial}</v></c>").expect("writing to memory cannot fail");
        }
        self.column += 1;
    }

    fn open(&mut self, style: u32) {
        self.out.extend_from_slice(b"<c r=\"");
        push_letters(self.out, self.column);
        self.out.extend_from_slice(&[ROW_NUMBER, b'"']);
        write!(self.out, " s=\"{style}\"").expect("writing to memory cannot fail");
    }
}

/// Returns the days since 1899-12-30, as spreadsheets count them, or `None` for times that spreadsheets cannot show.
#[expect(
    clippy::cast_precision_loss,
    reason = "53 bits hold the milliseconds of nine millennia"
)]
pub(super) fn serial(time: Timestamp, time_format: &TimeFormat) -> Option<f64> {
    const EPOCH: i64 = 25_569; // 1970-01-01
    const DAY: i64 = 86_400_000;
    let days = time.as_millisecond() + time_format.ahead(time) + EPOCH * DAY;
    // Spreadsheets count a day 60, 1900-02-29, that never was. Earlier days are off by one.
    (days > 60 * DAY).then(|| days as f64 / DAY as f64)
}

/// Returns a text that fits into a cell. A longer text is cut and says so.
pub(super) fn cut(text: &str) -> std::borrow::Cow<'_, str> {
    if text.len() <= MAX_LENGTH || text.encode_utf16().count() <= MAX_LENGTH {
        return text.into();
    }
    let mark = format!(" … [cut: {} characters]", text.chars().count());
    let mut room = MAX_LENGTH - mark.encode_utf16().count();
    let fits = |c: &char| {
        let fits = c.len_utf16() <= room;
        room -= c.len_utf16().min(room);
        fits
    };
    let kept: String = text.chars().take_while(fits).collect();
    (kept + &mark).into()
}

/// Appends text to XML in the form `ST_Xstring`: characters that XML cannot hold become `_x0007_`, and text that looks
/// like that is escaped.
fn push_text(out: &mut Vec<u8>, text: &str) {
    let text = cut(text);
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let escaped: &[u8] = match byte {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'_' if is_escape(&bytes[at..]) => b"_x005F_",
            b'\t' | b'\n' => continue,
            0..b' ' => {
                out.extend_from_slice(&bytes[plain..at]);
                write!(out, "_x{byte:04X}_").expect("writing to memory cannot fail");
                plain = at + 1;
                continue;
            }
            // U+FFFE and U+FFFF
            0xEF if matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])) => {
                out.extend_from_slice(&bytes[plain..at]);
                out.extend_from_slice(if bytes[at + 2] == 0xBE {
                    b"_xFFFE_"
                } else {
                    b"_xFFFF_"
                });
                plain = at + 3;
                continue;
            }
            _ => continue,
        };
        out.extend_from_slice(&bytes[plain..at]);
        out.extend_from_slice(escaped);
        plain = at + 1;
    }
    out.extend_from_slice(&bytes[plain..]);
}

/// Returns whether the bytes begin with `_x`, four hex digits and `_`.
fn is_escape(bytes: &[u8]) -> bool {
    matches!(bytes, [b'_', b'x', digits @ .., ] if digits.len() >= 5
        && digits[..4].iter().all(u8::is_ascii_hexdigit)
        && digits[4] == b'_')
}

/// Returns a range of cells such as `A1:S1048576`.
pub(super) fn range(columns: usize, rows: u32) -> String {
    let mut letters = Vec::new();
    push_letters(&mut letters, columns.max(1) - 1);
    let mut range = String::from("A1:");
    range.extend(letters.into_iter().map(char::from));
    let _ = write!(range, "{}", rows.max(1)); // writing to a String cannot fail
    range
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> String {
        let mut out = Vec::new();
        push_text(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_have_letters() {
        for (column, letters) in [
            (0, "A"),
            (25, "Z"),
            (26, "AA"),
            (701, "ZZ"),
            (16_383, "XFD"),
        ] {
            let mut out = Vec::new();
            push_letters(&mut out, column);
            assert_eq!(out, letters.as_bytes());
        }
        assert_eq!(range(19, 1_048_576), "A1:S1048576");
    }

    #[test]
    fn characters_that_xml_cannot_hold_are_escaped() {
        for (given, written) in [
            ("=1+1", "=1+1"),
            ("a<b>&c", "a&lt;b&gt;&amp;c"),
            ("bell\u{7}\0", "bell_x0007__x0000_"),
            ("a\r\nb\tc", "a_x000D_\nb\tc"),
            ("_x0041_ MQ_x_1", "_x005F_x0041_ MQ_x_1"),
            ("\u{fffe}\u{ffff}\u{feff}", "_xFFFE__xFFFF_\u{feff}"),
        ] {
            assert_eq!(text(given), written);
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_and_says_so() {
        let long = "長".repeat(40_000);
        let cut = cut(&long);
        assert_eq!(cut.encode_utf16().count(), MAX_LENGTH);
        assert!(cut.ends_with("長 … [cut: 40000 characters]"));
        let fits = "長".repeat(MAX_LENGTH);
        assert_eq!(super::cut(&fits), fits);
        let astral = "🀄".repeat(20_000);
        assert!(super::cut(&astral).encode_utf16().count() <= MAX_LENGTH);
    }

    #[test]
    fn times_are_days_since_1899() {
        let by = |time_format: &str, text: &str| {
            serial(text.parse().unwrap(), &time_format.parse().unwrap())
        };
        let at = |text| by("UTC", text);
        assert_eq!(at("2026-11-20T12:00:00Z"), Some(46_346.5));
        assert_eq!(
            at("1970-01-01T00:00:00.001Z"),
            Some(2_209_161_600_001.0 / 86_400_000.0)
        );
        assert_eq!(by("+06:00", "2026-11-20T12:00:00Z"), Some(46_346.75));
        assert_eq!(at("1899-01-01T00:00:00Z"), None);
    }

    proptest! {
        #[test]
        fn no_text_breaks_out_of_its_cell(given in "(\\PC|[\0-\x1f]|_x00|[0-9A-F]{4}_)*") {
            let text = text(&given);
            prop_assert!(!text.as_bytes().contains(&ROW_NUMBER));
            prop_assert!(!text.contains('<'));
        }
    }
}
