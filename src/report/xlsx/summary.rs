//! The Summary sheet: what a person reads who opens nothing else.

use rust_xlsxwriter::{Worksheet, XlsxError};

use super::frame::Sheets;
use super::look::Look;
use super::page::{Cell, Page, lines};
use super::table::Table;
use super::words;
use crate::report::Summary;
use crate::report::terminal::{contract, totals};
use crate::verdict::{MessageVerdict, Verdict};

/// Of its nine columns.
const WIDTHS: [f64; 9] = [34.0, 13.0, 13.0, 13.0, 13.0, 15.0, 13.0, 30.0, 30.0];

/// All of them together.
const ACROSS: usize = 174;

type Done = Result<(), XlsxError>;

pub(super) fn write(
    sheet: &mut Worksheet,
    look: &Look,
    summary: &Summary<'_>,
    tables: &[Sheets],
) -> Done {
    let mut page = Page::begin(sheet, look, &WIDTHS)?;
    top(&mut page, summary)?;
    groups(&mut page, summary)?;
    messages(&mut page, summary)?;
    kinds(&mut page, summary)?;
    errors(&mut page, summary)?;
    contents(&mut page, tables)
}

/// The headline, and whether it is the whole summary.
fn top(page: &mut Page<'_>, summary: &Summary<'_>) -> Done {
    let look = page.look;
    let headline = summary.headline();
    // The title is half as large again.
    let height = lines(&headline, ACROSS * 2 / 3) * 1.4;
    page.across(&headline, &look.title, height)?;
    let (phrase, format) = if summary.is_complete() {
        (words::COMPLETE, &look.complete)
    } else {
        (words::INCOMPLETE, &look.incomplete)
    };
    let banner = format!("{} · {}", phrase, totals(summary).join(" · "));
    page.across(&banner, format, lines(&banner, ACROSS))?;
    let besides = std::iter::once(summary.provenance())
        .chain(summary.carried())
        .chain(summary.resets())
        .chain(contract(summary))
        .chain(summary.damaged());
    for text in besides {
        page.across(&text, &look.quiet, lines(&text, ACROSS))?;
    }
    Ok(())
}

fn groups(page: &mut Page<'_>, summary: &Summary<'_>) -> Done {
    page.section(words::BY_GROUP)?;
    let [first, last] =
        [words::MISSED_FIRST, words::MISSED_LAST].map(|words| format!("{words} (UTC)"));
    let mut head = vec![words::GROUP, words::EXPECTED];
    head.extend(Verdict::ALL.map(Verdict::as_str));
    head.extend([&*first, &*last]);
    page.head(&head, 1..=6, &[])?;
    for (name, group) in &summary.tally.groups {
        let mut cells = vec![Cell::Text(name), Cell::Number(group.expected)];
        cells.extend(Verdict::ALL.map(|verdict| Cell::Number(group.count(verdict))));
        cells.push(Cell::Time(group.missed_born.map(|(first, _)| first)));
        cells.push(Cell::Time(group.missed_born.map(|(_, last)| last)));
        page.row(&cells)?;
    }
    Ok(())
}

fn messages(page: &mut Page<'_>, summary: &Summary<'_>) -> Done {
    let tally = &summary.tally;
    page.section(words::BY_MESSAGE)?;
    page.head(&[words::VERDICT, words::MESSAGES, words::SHARE], 1..=2, &[])?;
    for verdict in MessageVerdict::ALL {
        let (number, of) = (tally.messages(verdict), tally.totals.distinct);
        let share = match verdict {
            MessageVerdict::Rejected => Cell::Nothing, // rows that are no messages
            _ => Cell::Share(number, of),
        };
        let name = verdict.as_str();
        page.row(&[Cell::Text(name), Cell::Number(number), share])?;
    }
    Ok(())
}

/// Breaks alike, the commonest first.
fn kinds(page: &mut Page<'_>, summary: &Summary<'_>) -> Done {
    let mut kinds: Vec<_> = summary.tally.breaks.iter().collect();
    if kinds.is_empty() {
        return Ok(());
    }
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.count));
    page.section(words::BREAKS_BY_KIND)?;
    page.head(
        &[words::TOPIC, words::MESSAGES, words::FIRST_ROW],
        1..=2,
        &[(3, 5, words::FIRST_MESSAGE), (6, 8, words::GROUPS_AT_FAULT)],
    )?;
    let mut named = 0;
    for kind in kinds {
        let groups = kind
            .groups
            .iter()
            .map(|(group, verdict)| format!("{group} ({verdict})"));
        let groups = groups.collect::<Vec<_>>().join(", ");
        page.spread(
            &[
                Cell::Text(&kind.topic),
                Cell::Number(kind.count),
                Cell::Number(kind.first_row),
            ],
            &[(3, 5, &kind.first_msg_id), (6, 8, &groups)],
        )?;
        named += kind.count;
    }
    let others = summary.tally.messages(MessageVerdict::Break) - named;
    if others > 0 {
        let name = words::OTHER_KINDS;
        page.row(&[Cell::Text(name), Cell::Number(others)])?;
    }
    Ok(())
}

fn errors(page: &mut Page<'_>, summary: &Summary<'_>) -> Done {
    if summary.tally.errors.is_empty() {
        return Ok(());
    }
    page.section(words::ERRORS)?;
    page.head(&[words::ERROR_CODE, words::MESSAGES], 1..=1, &[])?;
    for (code, &times) in &summary.tally.errors {
        page.row(&[Cell::Text(code), Cell::Number(times)])?;
    }
    Ok(())
}

/// What else there is in the workbook.
fn contents(page: &mut Page<'_>, tables: &[Sheets]) -> Done {
    page.section(words::SHEETS)?;
    page.head(&[words::SHEET, words::ROWS], 1..=1, &[(2, 8, words::HOLDS)])?;
    for sheets in tables {
        let holds = match sheets.table {
            Table::Breaks => words::BREAKS_HOLD,
            Table::Matrix => words::MATRIX_HOLDS,
            Table::Detail => words::DETAIL_HOLDS,
        };
        for (nth, &rows) in sheets.rows.iter().enumerate() {
            let name = sheets.name(nth);
            let cells = [Cell::Sheet(&name), Cell::Number(rows.into())];
            page.spread(&cells, &[(2, 8, holds)])?;
        }
    }
    let cells = [Cell::Sheet("Method"), Cell::Nothing];
    page.spread(&cells, &[(2, 8, words::METHOD_HOLDS)])
}
