//! The Summary sheet.

use rust_xlsxwriter::Worksheet;

use super::cells::serial;
use super::formats::SheetFormats;
use super::sheet_writer::{PageCell, SheetWriter, XlsxResult, lines};
use super::table::{TableSheets, XlsxTable};
use crate::report::Summary;
use crate::report::locale::{Locale, phrases};
use crate::report::row::ReportContext;
use crate::verdict::{MessageVerdict, Verdict};

/// The column widths in characters.
const WIDTHS: [u16; 9] = [34, 13, 13, 13, 13, 18, 13, 30, 30];

/// The column widths if more than the offsets was examined: three more verdicts have a column.
const WIDTHS_EXAMINED: [u16; 12] = [34, 13, 13, 13, 13, 18, 13, 16, 13, 13, 30, 30];

/// The width of all columns together.
const ACROSS: usize = 177;

pub(super) fn write(
    sheet: &mut Worksheet,
    formats: &SheetFormats,
    summary: &Summary<'_>,
    context: &ReportContext,
    tables: &[TableSheets],
) -> XlsxResult {
    let widths: &[u16] = if summary.is_examined() {
        &WIDTHS_EXAMINED
    } else {
        &WIDTHS
    };
    let mut page = SheetWriter::begin(sheet, formats, widths)?;
    top(&mut page, summary, context)?;
    groups(&mut page, summary)?;
    messages(&mut page, summary)?;
    kinds(&mut page, summary)?;
    errors(&mut page, summary)?;
    contents(&mut page, tables, &summary.locale)
}

/// Writes the headline and whether the run is complete.
fn top(page: &mut SheetWriter<'_>, summary: &Summary<'_>, context: &ReportContext) -> XlsxResult {
    let formats = page.formats;
    let text = summary.text();
    let locale = text.locale;
    let headline = text.headline();
    // The title's font is half as large again.
    let height = lines(&headline, ACROSS * 2 / 3) * 1.4;
    page.across(&headline, &formats.title, height)?;
    let (phrase, format) = if summary.is_complete() {
        (locale.text(phrases::NONE_UNANSWERED), &formats.complete)
    } else {
        (locale.text(phrases::SOME_UNANSWERED), &formats.incomplete)
    };
    let banner = format!("{} · {}", phrase, text.totals().join(" · "));
    page.across(&banner, format, lines(&banner, ACROSS))?;
    let besides = std::iter::once(text.provenance())
        .chain(text.unasked_brokers())
        .chain(text.inference_notes())
        .chain(text.examination_notes())
        .chain(text.input_notes())
        .chain(text.carried())
        .chain(text.resets())
        .chain(text.labelled_expectation_notes())
        .chain(text.born_decoded())
        .chain(text.damaged())
        .chain(XlsxTable::Matrix.left_out_heading(context));
    for text in besides {
        page.across(&text, &formats.quiet, lines(&text, ACROSS))?;
    }
    Ok(())
}

fn groups(page: &mut SheetWriter<'_>, summary: &Summary<'_>) -> XlsxResult {
    let locale = &summary.locale;
    page.section(locale.text(phrases::BY_GROUP))?;
    let [first, last] = [phrases::MISSED_FIRST, phrases::MISSED_LAST].map(|phrase| {
        locale.text(phrase).to_owned() + &locale.in_brackets(locale.time_format.label())
    });
    let mut head = vec![locale.text(phrases::GROUP), locale.text(phrases::EXPECTED)];
    let verdicts = summary.group_verdicts();
    let names = verdicts.iter().map(|verdict| locale.verdict(*verdict));
    let names: Vec<_> = names.collect();
    head.extend(names.iter().map(String::as_str));
    head.extend([&*first, &*last]);
    let numbers = 1 + u16::try_from(verdicts.len()).unwrap_or_default();
    page.head(&head, 1..=numbers, &[])?;
    let local = |time| serial(time, &locale.time_format);
    for (name, group) in &summary.tally.groups {
        let mut cells = vec![PageCell::Text(name), PageCell::Number(group.expected)];
        let counts = verdicts.iter().map(|verdict| group.count(*verdict));
        cells.extend(counts.map(PageCell::Number));
        let (first, last) = group.missed_born.unzip();
        cells.extend([first, last].map(|time| PageCell::Time(time.and_then(local))));
        page.row(&cells)?;
    }
    // The words of the heading are explained here, since a reader meets them here first.
    let occurs = |verdict: &Verdict| {
        let mut groups = summary.tally.groups.values();
        groups.any(|group| group.count(*verdict) > 0)
    };
    for verdict in Verdict::ALL.into_iter().filter(occurs) {
        let name = locale.verdict(verdict) + locale.text(phrases::COLON);
        let meaning = locale.text(summary.text().group_meaning(verdict));
        page.spread(&[PageCell::Text(&name)], &[(1, 8, meaning)])?;
    }
    Ok(())
}

fn messages(page: &mut SheetWriter<'_>, summary: &Summary<'_>) -> XlsxResult {
    let locale = &summary.locale;
    let tally = &summary.tally;
    page.section(locale.text(phrases::BY_MESSAGE))?;
    page.head(
        &[
            locale.text(phrases::VERDICT),
            locale.text(phrases::NUMBER),
            locale.text(phrases::SHARE),
        ],
        1..=2,
        &[(3, 8, locale.text(phrases::MEANING))],
    )?;
    let text = summary.text();
    for verdict in MessageVerdict::ALL {
        let (number, of) = (tally.messages(verdict), tally.totals.distinct);
        let share = match verdict {
            MessageVerdict::Rejected => PageCell::Nothing, // bad rows are not messages
            _ => PageCell::Share(number, of),
        };
        let name = locale.message_verdict(verdict);
        let meaning = locale.text(text.message_meaning(verdict));
        page.spread(
            &[PageCell::Text(&name), PageCell::Number(number), share],
            &[(3, 8, meaning)],
        )?;
    }
    Ok(())
}

/// Writes the kinds of break, the most frequent first.
fn kinds(page: &mut SheetWriter<'_>, summary: &Summary<'_>) -> XlsxResult {
    let locale = &summary.locale;
    let mut kinds: Vec<_> = summary.tally.breaks.iter().collect();
    if kinds.is_empty() {
        return Ok(());
    }
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.count));
    page.section(locale.text(phrases::BREAKS_BY_KIND))?;
    page.head(
        &[
            locale.text(phrases::TOPIC),
            locale.text(phrases::NUMBER),
            locale.text(phrases::FIRST_ROW),
        ],
        1..=2,
        &[
            (3, 5, locale.text(phrases::FIRST_MESSAGE)),
            (6, 8, locale.text(phrases::GROUPS_AT_FAULT)),
        ],
    )?;
    let mut named = 0;
    for kind in kinds {
        let groups = kind
            .groups
            .iter()
            .map(|(group, verdict)| group.clone() + &locale.in_brackets(verdict.as_str()));
        let groups = locale.listed(&groups.collect::<Vec<_>>());
        page.spread(
            &[
                PageCell::Text(&kind.topic),
                PageCell::Number(kind.count),
                PageCell::Number(kind.first_row),
            ],
            &[(3, 5, &kind.first_msg_id), (6, 8, &groups)],
        )?;
        named += kind.count;
    }
    let others = summary.tally.messages(MessageVerdict::Break) - named;
    if others > 0 {
        let name = locale.text(phrases::OTHER_KINDS);
        page.row(&[PageCell::Text(name), PageCell::Number(others)])?;
    }
    Ok(())
}

fn errors(page: &mut SheetWriter<'_>, summary: &Summary<'_>) -> XlsxResult {
    let locale = &summary.locale;
    if summary.tally.errors.is_empty() {
        return Ok(());
    }
    page.section(locale.text(phrases::ERRORS))?;
    page.head(
        &[
            locale.text(phrases::ERROR_CODE),
            locale.text(phrases::NUMBER),
        ],
        1..=1,
        &[],
    )?;
    for (code, &times) in &summary.tally.errors {
        page.row(&[PageCell::Text(code), PageCell::Number(times)])?;
    }
    Ok(())
}

/// Writes the table of contents.
fn contents(page: &mut SheetWriter<'_>, tables: &[TableSheets], locale: &Locale) -> XlsxResult {
    page.section(locale.text(phrases::SHEETS))?;
    page.head(
        &[locale.text(phrases::SHEET), locale.text(phrases::ROWS)],
        1..=1,
        &[(2, 8, locale.text(phrases::HOLDS))],
    )?;
    for sheets in tables {
        let holds = match sheets.table {
            XlsxTable::Breaks => locale.text(phrases::BREAKS_HOLD),
            XlsxTable::Unjudged => locale.text(phrases::UNJUDGED_HOLD),
            XlsxTable::Matrix => locale.text(phrases::MATRIX_HOLDS),
            XlsxTable::Detail => locale.text(phrases::DETAIL_HOLDS),
        };
        for (nth, &rows) in sheets.rows.iter().enumerate() {
            let name = sheets.name(nth, locale);
            let cells = [PageCell::Sheet(&name), PageCell::Number(rows.into())];
            page.spread(&cells, &[(2, 8, holds)])?;
        }
    }
    let cells = [
        PageCell::Sheet(locale.text(phrases::METHOD)),
        PageCell::Nothing,
    ];
    page.spread(&cells, &[(2, 8, locale.text(phrases::METHOD_HOLDS))])
}
