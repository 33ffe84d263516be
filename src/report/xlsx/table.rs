//! The tables: their columns, and how an input row becomes table rows.

use std::cmp::Reverse;

use super::cells::CellWriter;
use crate::humanize::count;
use crate::report::locale::{Locale, Phrase, phrases};
use crate::report::row::{ReportContext, RowFormat, RowView};
use crate::verdict::{Evidence, GroupFinding, MessageVerdict, Tally};

/// The most columns of a sheet.
pub(in crate::report) const MAX_COLUMNS: usize = 16_384;

/// How many input rows are measured for the widths of the columns.
const MEASURED: u64 = 500;

/// A table that may be long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum XlsxTable {
    /// One row per distinct message and group at fault.
    Breaks,
    /// One row per message that was not found or not answered, and per bad row.
    Unjudged,
    /// One row per input row, one column per group.
    Matrix,
    /// One row per input row and group.
    Detail,
}

/// A column that does not come from the input.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableColumn {
    pub(super) name: &'static str,
    /// The width in characters.
    pub(super) width: f64,
    pub(super) is_time: bool,
}

const fn column(name: &'static str, width: f64) -> TableColumn {
    TableColumn {
        name,
        width,
        is_time: false,
    }
}

const fn time(name: &'static str) -> TableColumn {
    TableColumn {
        name,
        width: 23.0,
        is_time: true,
    }
}

const ROW: TableColumn = column("row", 9.0);
const MSG_ID: TableColumn = column("msg_id", 37.0);
const TOPIC: TableColumn = column("topic", 16.0);
const INSTANCE: TableColumn = column("instance_id", 34.0);
const GROUP: TableColumn = column("group", 20.0);
const TRACK_TYPE: TableColumn = column("track_type", 24.0);
const VERDICT: TableColumn = column("verdict", 15.0);
const MESSAGE_VERDICT: TableColumn = column("message_verdict", 19.0);
const BORN: TableColumn = time("born_at");
const OBSERVED: TableColumn = time("observed_at");

const ATTEMPTS_SEEN: TableColumn = column("attempts_seen", 14.0);
const EVIDENCE_AT: TableColumn = time("evidence_at");
const EVIDENCE_NOTE: TableColumn = column("evidence_note", 40.0);

const BREAKS: [TableColumn; 12] = [
    ROW,
    MSG_ID,
    TOPIC,
    GROUP,
    VERDICT,
    TRACK_TYPE,
    BORN,
    OBSERVED,
    INSTANCE,
    ATTEMPTS_SEEN,
    EVIDENCE_AT,
    EVIDENCE_NOTE,
];

/// Number of columns of [`BREAKS`] if only the offsets are known.
const BREAKS_BY_OFFSET: usize = 9;

const UNJUDGED: [TableColumn; 7] = [
    ROW,
    MSG_ID,
    TOPIC,
    INSTANCE,
    MESSAGE_VERDICT,
    column("error_code", 20.0),
    column("error_message", 48.0),
];

const MATRIX: [TableColumn; 5] = [ROW, MSG_ID, TOPIC, INSTANCE, MESSAGE_VERDICT];

const DETAIL: [TableColumn; 20] = [
    ROW,
    MSG_ID,
    TOPIC,
    INSTANCE,
    GROUP,
    TRACK_TYPE,
    VERDICT,
    column("expected", 12.0),
    MESSAGE_VERDICT,
    BORN,
    OBSERVED,
    column("attempts", 11.0),
    column("request_id", 38.0),
    column("error_code", 20.0),
    column("error_message", 48.0),
    column("evidence", 16.0),
    ATTEMPTS_SEEN,
    EVIDENCE_AT,
    column("evidence_host", 22.0),
    EVIDENCE_NOTE,
];

/// Number of columns of [`DETAIL`] if only the offsets are known.
const DETAIL_BY_OFFSET: usize = 15;

impl XlsxTable {
    pub(super) const ALL: [Self; 4] = [Self::Breaks, Self::Unjudged, Self::Matrix, Self::Detail];

    pub(super) const fn name(self) -> Phrase {
        match self {
            Self::Breaks => phrases::BREAKS,
            Self::Unjudged => phrases::UNJUDGED,
            Self::Matrix => phrases::MATRIX,
            Self::Detail => phrases::DETAIL,
        }
    }

    /// Returns the columns before the kept ones. Matrix and Detail have the names and the order of the CSVs.
    pub(super) fn columns(self, context: &ReportContext) -> &'static [TableColumn] {
        match (self, context.evidence) {
            (Self::Breaks, true) => &BREAKS,
            (Self::Breaks, false) => &BREAKS[..BREAKS_BY_OFFSET],
            (Self::Unjudged, _) => &UNJUDGED,
            (Self::Matrix, _) => &MATRIX,
            (Self::Detail, true) => &DETAIL,
            (Self::Detail, false) => &DETAIL[..DETAIL_BY_OFFSET],
        }
    }

    /// Returns the number of columns, with the kept columns and the groups.
    pub(super) fn width(self, context: &ReportContext) -> usize {
        let left_out = usize::from(self.left_out(context) > 0);
        self.columns(context).len() + context.columns.len() + left_out + self.groups(context).len()
    }

    /// Returns the groups that have a column.
    pub(super) fn groups(self, context: &ReportContext) -> &[String] {
        match (self, &context.sheet_groups) {
            (Self::Matrix, Some(groups)) => groups,
            _ => self.all_groups(context),
        }
    }

    const fn all_groups(self, context: &ReportContext) -> &[String] {
        match self {
            Self::Matrix => context.groups.as_slice(),
            Self::Breaks | Self::Unjudged | Self::Detail => &[],
        }
    }

    /// Returns how many groups have no column because the sheet would be too wide. If there are any, a column without
    /// values stands before those of the groups.
    fn left_out(self, context: &ReportContext) -> usize {
        self.all_groups(context).len() - self.groups(context).len()
    }

    /// Returns the heading of the column that says how many groups are left out, if there is one.
    pub(super) fn left_out_heading(self, context: &ReportContext) -> Option<String> {
        let (left_out, all) = (self.left_out(context), self.all_groups(context).len());
        (left_out > 0).then(|| {
            let [left_out, all] = [left_out, all].map(|number| count(number as u64));
            let phrase = context.locale.text(phrases::GROUPS_LEFT_OUT);
            phrase
                .replace("{left_out}", &left_out)
                .replace("{all}", &all)
        })
    }

    const fn tag(self) -> u8 {
        match self {
            Self::Breaks => b'B',
            Self::Unjudged => b'U',
            Self::Matrix => b'M',
            Self::Detail => b'D',
        }
    }
}

/// A table, and the number of rows in each of its sheets without their headings.
#[derive(Debug)]
pub(super) struct TableSheets {
    pub(super) table: XlsxTable,
    pub(super) rows: Vec<u32>,
}

impl TableSheets {
    /// Returns the sheet's name: `Detail`, or `Detail 2` if there are several.
    pub(super) fn name(&self, nth: usize, locale: &Locale) -> String {
        let name = locale.text(self.table.name());
        match self.rows.len() {
            1 => name.to_owned(),
            _ => format!("{name} {}", nth + 1),
        }
    }
}

/// Returns the number of columns of the widest table.
pub(in crate::report) fn widest(context: &ReportContext) -> usize {
    let widths = XlsxTable::ALL.map(|table| table.width(context));
    widths.into_iter().max().unwrap_or_default()
}

/// Returns the groups with findings that fit into the matrix of a workbook, most findings first.
pub(in crate::report) fn groups_of_sheet(context: &ReportContext, tally: &Tally) -> Vec<String> {
    let mut found: Vec<_> = tally
        .groups
        .iter()
        .map(|(name, group)| (name, group.findings()))
        .filter(|(_, findings)| *findings > 0)
        .collect();
    found.sort_by_key(|(_, findings)| Reverse(*findings));
    // One column says how many groups are left out.
    let room = MAX_COLUMNS.saturating_sub(MATRIX.len() + context.columns.len() + 1);
    let names = found.into_iter().take(room);
    names.map(|(name, _)| name.clone()).collect()
}

/// A part of a piece that workers pass to the [`XlsxSink`](super::XlsxSink).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RowPart<'p> {
    /// The cells of a row.
    Cells(XlsxTable, &'p [u8]),
    /// The lengths of the texts in the kept columns, one byte each.
    Lengths(&'p [u8]),
}

const LENGTHS: u8 = b'L';

/// Takes the first part off a piece.
pub(super) fn next_part<'p>(piece: &mut &'p [u8]) -> Option<RowPart<'p>> {
    let (&tag, rest) = piece.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *piece = rest;
    let table = XlsxTable::ALL.into_iter().find(|table| table.tag() == tag);
    Some(table.map_or(RowPart::Lengths(part), |table| RowPart::Cells(table, part)))
}

/// Appends a part. `write` appends its content.
pub(super) fn push_part(out: &mut Vec<u8>, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = u32::try_from(out.len() - length_at - 4).expect("a row is no 4 GB long");
    out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
}

/// Writes the rows of all tables. The frame has their headings.
#[derive(Debug)]
pub(in crate::report) struct XlsxRows;

impl RowFormat for XlsxRows {
    fn head(&self, _context: &ReportContext, _out: &mut Vec<u8>) {}

    fn row(&self, context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
        if view.row <= MEASURED {
            push_part(out, LENGTHS, |out| {
                out.extend(view.kept_in(&context.columns).map(|text| columns_of(&text)));
            });
        }
        if view.same_as.is_none() {
            push_breaks(context, view, out);
            push_unjudged(context, view, out);
        }
        push_part(out, XlsxTable::Matrix.tag(), |out| {
            matrix(context, view, out);
        });
        push_detail(context, view, out);
    }
}

/// Returns the width of a text in terminal columns.
fn columns_of(text: &str) -> u8 {
    let wide = |c: char| {
        1 + usize::from(
            matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{ffdc}' | '\u{1f300}'..),
        )
    };
    let columns: usize = text.chars().take(255).map(wide).sum();
    u8::try_from(columns).unwrap_or(u8::MAX)
}

fn push_breaks(context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
    for seen in view.judged.groups.iter().filter(|seen| seen.breaks) {
        push_part(out, XlsxTable::Breaks.tag(), |out| {
            let mut cells = CellWriter::at(out, 0);
            cells.number(Some(view.row));
            cells.text(&view.line.msg_id);
            cells.text(&view.line.topic);
            cells.text(seen.group);
            cells.text(seen.verdict().as_str());
            cells.text(seen.track_type);
            cells.time(view.born, &context.locale.time_format);
            observed(&mut cells, context, view);
            cells.text(&view.line.instance_id);
            if context.evidence {
                let finding = &seen.finding;
                cells.number(Some(u64::from(finding.attempts)).filter(|seen| *seen > 0));
                cells.time(finding.at, &context.locale.time_format);
                cells.text(&finding.note.to_string());
            }
            kept(&mut cells, context, view);
        });
    }
}

fn push_unjudged(context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
    use MessageVerdict::{NotFound, Rejected, Unanswered};
    if !matches!(view.verdict(), NotFound | Rejected | Unanswered) {
        return;
    }
    push_part(out, XlsxTable::Unjudged.tag(), |out| {
        let mut cells = message(view, out);
        cells.text(view.verdict().as_str());
        let (code, message) = view.error();
        cells.text(&code);
        cells.text(&message);
        kept(&mut cells, context, view);
    });
}

fn matrix(context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
    let mut cells = message(view, out);
    cells.text(view.verdict().as_str());
    kept(&mut cells, context, view);
    if XlsxTable::Matrix.left_out(context) > 0 {
        cells.text("");
    }
    for verdicts in view.verdicts_in(XlsxTable::Matrix.groups(context)) {
        cells.text(&verdicts);
    }
}

/// Appends the rows of Detail. The fields that are equal for all groups are rendered once.
fn push_detail(context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
    let mut alike = Vec::new();
    message(view, &mut alike);
    let before = alike.len();
    answer(context, view, &mut alike);
    let answered = alike.len();
    let own = XlsxTable::Detail.columns(context).len();
    kept(&mut CellWriter::at(&mut alike, own), context, view);
    if view.judged.groups.is_empty() {
        push_part(out, XlsxTable::Detail.tag(), |out| {
            out.extend_from_slice(&alike);
        });
    }
    let (before, behind) = alike.split_at(before);
    let (answer, kept) = behind.split_at(answered - before.len());
    for seen in &view.judged.groups {
        push_part(out, XlsxTable::Detail.tag(), |out| {
            out.extend_from_slice(before);
            let mut cells = CellWriter::at(out, 4);
            cells.text(seen.group);
            cells.text(seen.track_type);
            cells.text(seen.verdict().as_str());
            cells.text(seen.expectation());
            out.extend_from_slice(answer);
            if context.evidence {
                evidence(context, &seen.finding, out);
            }
            out.extend_from_slice(kept);
        });
    }
}

/// Writes `row,msg_id,topic,instance_id`.
fn message<'o>(view: &RowView<'_>, out: &'o mut Vec<u8>) -> CellWriter<'o> {
    let mut cells = CellWriter::at(out, 0);
    cells.number(Some(view.row));
    cells.text(&view.line.msg_id);
    cells.text(&view.line.topic);
    cells.text(&view.line.instance_id);
    cells
}

/// Writes the fields of Detail about what a verdict rests on.
fn evidence(context: &ReportContext, finding: &GroupFinding<'_>, out: &mut Vec<u8>) {
    let mut cells = CellWriter::at(out, DETAIL_BY_OFFSET);
    cells.text(finding.evidence.map_or("", Evidence::as_str));
    cells.number(Some(u64::from(finding.attempts)).filter(|seen| *seen > 0));
    cells.time(finding.at, &context.locale.time_format);
    cells.text(finding.host);
    cells.text(&finding.note.to_string());
}

/// Writes the fields behind `expected` that are equal for all groups, up to the kept columns.
fn answer(context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
    let mut cells = CellWriter::at(out, 8);
    cells.text(view.verdict().as_str());
    cells.time(view.born, &context.locale.time_format);
    observed(&mut cells, context, view);
    cells.number(view.line.attempts.map(u64::from));
    let (code, message) = view.error();
    for text in [&*view.line.request_id, &*code, &*message] {
        cells.text(text);
    }
}

fn observed(cells: &mut CellWriter<'_>, context: &ReportContext, view: &RowView<'_>) {
    match view.line.observed_at.parse() {
        Ok(time) => cells.time(Some(time), &context.locale.time_format),
        // Results files of this program hold only times here.
        Err(_) => cells.text(&view.line.observed_at),
    }
}

fn kept(cells: &mut CellWriter<'_>, context: &ReportContext, view: &RowView<'_>) {
    for (column, text) in view.kept_in(&context.columns).enumerate() {
        if context.number_columns.contains(&column) && is_plain_number(&text) {
            cells.digits(&text);
        } else {
            cells.text(&text);
        }
    }
}

/// Returns whether a text is a number that a spreadsheet holds with all its digits: `233.84`, `-7`, not `007` or `1E5`.
fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let length = whole.len() + decimals.len();
    are_digits(whole)
        && are_digits(decimals)
        && (whole == "0" || !whole.starts_with('0'))
        && text != "-0"
        && length <= 16 - usize::from(digits.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_that_keep_their_digits_are_plain() {
        for text in [
            "0",
            "7",
            "-7",
            "233.84",
            "0.5",
            "-149.32",
            "123456789012345",
            "55.50",
        ] {
            assert!(is_plain_number(text), "{text}");
        }
        for text in [
            "",
            "-",
            "-0",
            ".",
            "1.",
            ".5",
            "007",
            "1E5",
            "1,5",
            " 1",
            "+1",
            "1.2.3",
            "--1",
            "１",
            "1234567890123456",
            "1234567890.123456",
            "NaN",
        ] {
            assert!(!is_plain_number(text), "{text}");
        }
    }

    #[test]
    fn parts_are_read_back_in_order() {
        let mut piece = Vec::new();
        push_part(&mut piece, b'B', |out| out.extend_from_slice(b"first"));
        push_part(&mut piece, LENGTHS, |_| {});
        push_part(&mut piece, b'D', |out| out.extend_from_slice(b"last"));
        let mut rest = &piece[..];
        assert_eq!(
            next_part(&mut rest),
            Some(RowPart::Cells(XlsxTable::Breaks, b"first"))
        );
        assert_eq!(next_part(&mut rest), Some(RowPart::Lengths(b"")));
        assert_eq!(
            next_part(&mut rest),
            Some(RowPart::Cells(XlsxTable::Detail, b"last"))
        );
        assert_eq!(next_part(&mut rest), None);
    }

    #[test]
    fn chinese_is_twice_as_wide() {
        assert_eq!(columns_of("A-10001"), 7);
        assert_eq!(columns_of("李娜"), 4);
        assert_eq!(columns_of(&"x".repeat(300)), 255);
    }
}
