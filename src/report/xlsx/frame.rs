//! Makes the workbook without the rows of its tables, through the library.

use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, IgnoreError, Note, Workbook, Worksheet, XlsxError,
};

use super::cells::cut;
use super::formats::{SheetFormats, VerdictColumns, colour};
use super::table::{TableSheets, XlsxTable};
use super::{method, summary};
use crate::report::Summary;
use crate::report::headings::headings;
use crate::report::locale::phrases;
use crate::report::row::ReportContext;
use crate::verdict::MessageVerdict;

/// The greatest column width.
const MAX_WIDTH: f64 = 48.0;

/// Returns the bytes of the workbook. Its sheets are Summary, those of each table, and Method.
///
/// `lengths` are the widths of the texts in the kept columns.
pub(super) fn workbook(
    summary: &Summary<'_>,
    context: &ReportContext,
    tables: &[TableSheets],
    lengths: &[u8],
) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let formats = SheetFormats::begin(&mut workbook);
    workbook.set_properties(&properties(summary)?);
    let locale = &summary.locale;
    let sheet = workbook.add_worksheet();
    sheet.set_name(locale.text(phrases::SUMMARY))?;
    summary::write(sheet, &formats, summary, context, tables)?;
    paper(sheet);
    for sheets in tables {
        for (nth, &rows) in sheets.rows.iter().enumerate() {
            let sheet = workbook.add_worksheet();
            sheet.set_name(sheets.name(nth, locale))?;
            table(sheet, &formats, sheets.table, context)?;
            let width = fit(sheet, sheets.table, context, lengths)?;
            columns(sheet, sheets.table, context, rows)?;
            paper(sheet);
            // A table that would be too small on one page continues on further ones, each with row and message ID.
            sheet.set_print_fit_to_pages(pages_across(width), 0);
            sheet.set_repeat_rows(0, 0)?;
            sheet.set_repeat_columns(0, 1)?;
        }
    }
    let sheet = workbook.add_worksheet();
    sheet.set_name(locale.text(phrases::METHOD))?;
    method::write(sheet, &formats, summary)?;
    paper(sheet);
    workbook.save_to_buffer()
}

/// Writes the heading and freezes it.
fn table(
    sheet: &mut Worksheet,
    formats: &SheetFormats,
    table: XlsxTable,
    context: &ReportContext,
) -> Result<(), XlsxError> {
    let groups = table.groups(context);
    let own = table.columns(context).iter().map(|column| column.name);
    let mut names = headings(own, &context.columns, groups);
    if let Some(left_out) = table.left_out_heading(context) {
        names.insert(names.len() - groups.len(), left_out.into());
    }
    for (name, column) in names.iter_mut().zip(table.columns(context)) {
        if column.is_time {
            *name = format!("{name} ({})", context.locale.time_format.label()).into();
        }
    }
    for (column, name) in (0..).zip(names) {
        sheet.write_string_with_format(0, column, &*cut(&name), &formats.head)?;
    }
    for (column, own) in (0..).zip(table.columns(context)) {
        if let Some(words) = words(own.name, context) {
            let note = Note::new(cut(&words))
                .set_author("ons-audit")
                .set_width(520)
                .set_height(190);
            sheet.insert_note(0, column, &note.add_author_prefix(false))?;
        }
    }
    sheet.set_row_height(0, 32)?;
    sheet.set_freeze_panes(1, 2)?;
    Ok(())
}

/// Returns what the codes in a column mean, with their names in the language of the workbook.
fn words(column: &str, context: &ReportContext) -> Option<String> {
    let locale = &context.locale;
    let line = |name: String, meaning| name + locale.text(phrases::COLON) + locale.text(meaning);
    let lines: Vec<_> = match column {
        "verdict" => {
            let verdicts = context.group_verdicts().iter();
            verdicts
                .map(|&verdict| line(locale.verdict(verdict), phrases::meaning(verdict)))
                .collect()
        }
        "message_verdict" => {
            let verdicts = MessageVerdict::ALL.into_iter();
            verdicts
                .map(|verdict| {
                    let meaning = phrases::message_meaning(verdict, true);
                    line(locale.message_verdict(verdict), meaning)
                })
                .collect()
        }
        _ => return None,
    };
    Some(lines.join("\n"))
}

/// The widest page that is legible on A4 landscape, in characters.
const PAGE_WIDTH: f64 = 190.0;

/// Returns on how many pages side by side a table of this width is printed.
fn pages_across(width: f64) -> u16 {
    let pages = (width / PAGE_WIDTH).ceil().clamp(1.0, 20.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 1 to 20"
    )]
    let pages = pages as u16;
    pages
}

/// Sets the column widths. Returns their sum.
fn fit(
    sheet: &mut Worksheet,
    table: XlsxTable,
    context: &ReportContext,
    lengths: &[u8],
) -> Result<f64, XlsxError> {
    let mut sum = 0.0;
    let own = table.columns(context).iter().map(|column| column.width);
    let kept = context.columns.iter().zip(lengths).map(|(name, length)| {
        let head = head_width(name);
        f64::from(*length).max(head) + 2.0
    });
    let left_out = table
        .left_out_heading(context)
        .map(|text| head_width(&text));
    let groups = table.groups(context).iter();
    let groups = groups.map(|group| head_width(group).max(14.0));
    for (column, width) in (0..).zip(own.chain(kept).chain(left_out).chain(groups)) {
        let width = width.min(MAX_WIDTH);
        sheet.set_column_width(column, width)?;
        sum += width;
    }
    Ok(sum)
}

/// Returns the width of a heading, with room for the filter button.
fn head_width(name: &str) -> f64 {
    let width = name.chars().map(|c| 1 + u16::from(c >= '\u{1100}'));
    f64::from(width.take(60).sum::<u16>()) + 4.0
}

/// Sets the filter and the colours.
fn columns(
    sheet: &mut Worksheet,
    table: XlsxTable,
    context: &ReportContext,
    rows: u32,
) -> Result<(), XlsxError> {
    let width = number(table.width(context));
    sheet.autofilter(0, 0, rows, width - 1)?;
    if rows > 0 {
        // Order numbers are texts on purpose, so the warning about numbers stored as text is switched off.
        sheet.ignore_error_range(1, 0, rows, width - 1, IgnoreError::NumberStoredAsText)?;
    }
    for (column, _) in (0..)
        .zip(table.columns(context))
        .filter(|(_, column)| column.name.ends_with("verdict"))
    {
        let verdicts = VerdictColumns {
            first: column,
            last: column,
            several: false,
        };
        colour(sheet, verdicts, rows)?;
    }
    let groups = table.groups(context);
    if !groups.is_empty() {
        let verdicts = VerdictColumns {
            first: width - number(groups.len()),
            last: width - 1,
            several: true,
        };
        colour(sheet, verdicts, rows)?;
    }
    Ok(())
}

fn number(columns: usize) -> u16 {
    u16::try_from(columns).expect("no more columns than a sheet has")
}

/// Sets the paper: A4, landscape, fitted to the page's width.
fn paper(sheet: &mut Worksheet) {
    sheet
        .set_paper_size(9)
        .set_landscape()
        .set_print_fit_to_pages(1, 0)
        .set_margins(0.4, 0.4, 0.6, 0.6, 0.3, 0.3)
        .set_footer("&L&F, &A&R&P / &N");
}

/// Returns the properties. The creation time is the results file's, so that equal results files make equal workbooks.
fn properties(summary: &Summary<'_>) -> Result<DocProperties, XlsxError> {
    let times = summary
        .results_files
        .iter()
        .map(|results_file| &*results_file.trailer().finished_at);
    let finished: jiff::Timestamp = times
        .max()
        .and_then(|time| time.parse().ok())
        .unwrap_or_default();
    Ok(DocProperties::new()
        .set_title(summary.text().headline())
        .set_author("ons-audit")
        .set_creation_datetime(&ExcelDateTime::from_timestamp(finished.as_second())?))
}
