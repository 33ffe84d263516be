//! The Summary sheet: what a person reads who opens nothing else.

use rust_xlsxwriter::{Worksheet, XlsxError};

use super::cells::serial;
use super::look::Look;
use super::page::{Cell, Page, lines};
use super::table::{Sheets, Table};
use crate::report::Summary;
use crate::report::lang::{Voice, phrases};
use crate::verdict::{MessageVerdict, Verdict};

/// Of its nine columns.
const WIDTHS: [u16; 9] = [34, 13, 13, 13, 13, 18, 13, 30, 30];

/// All of them together.
const ACROSS: usize = 177;

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
    contents(&mut page, tables, &summary.voice)
}

/// The headline, and whether it is the whole summary.
fn top(page: &mut Page<'_>, summary: &Summary<'_>) -> Done {
    let look = page.look;
    let story = summary.told();
    let voice = story.voice;
    let headline = story.headline();
    // The title is half as large again.
    let height = lines(&headline, ACROSS * 2 / 3) * 1.4;
    page.across(&headline, &look.title, height)?;
    let (phrase, format) = if summary.is_complete() {
        (voice.say(phrases::ALL_ANSWERED), &look.complete)
    } else {
        (voice.say(phrases::SOME_UNANSWERED), &look.incomplete)
    };
    let banner = format!("{} · {}", phrase, story.totals().join(" · "));
    page.across(&banner, format, lines(&banner, ACROSS))?;
    let besides = std::iter::once(story.provenance())
        .chain(story.carried())
        .chain(story.resets())
        .chain(story.contract())
        .chain(story.damaged());
    for text in besides {
        page.across(&text, &look.quiet, lines(&text, ACROSS))?;
    }
    Ok(())
}

fn groups(page: &mut Page<'_>, summary: &Summary<'_>) -> Done {
    let voice = &summary.voice;
    page.section(voice.say(phrases::BY_GROUP))?;
    let [first, last] = [phrases::MISSED_FIRST, phrases::MISSED_LAST]
        .map(|phrase| format!("{} ({})", voice.say(phrase), voice.clock.label()));
    let mut head = vec![voice.say(phrases::GROUP), voice.say(phrases::EXPECTED)];
    let verdicts = Verdict::ALL.map(|verdict| voice.verdict(verdict));
    head.extend(verdicts.iter().map(String::as_str));
    head.extend([&*first, &*last]);
    page.head(&head, 1..=6, &[])?;
    let local = |time| serial(time, &voice.clock);
    for (name, group) in &summary.tally.groups {
        let mut cells = vec![Cell::Text(name), Cell::Number(group.expected)];
        cells.extend(Verdict::ALL.map(|verdict| Cell::Number(group.count(verdict))));
        let (first, last) = group.missed_born.unzip();
        cells.extend([first, last].map(|time| Cell::Time(time.and_then(local))));
        page.row(&cells)?;
    }
    Ok(())
}

fn messages(page: &mut Page<'_>, summary: &Summary<'_>) -> Done {
    let voice = &summary.voice;
    let tally = &summary.tally;
    page.section(voice.say(phrases::BY_MESSAGE))?;
    page.head(
        &[
            voice.say(phrases::VERDICT),
            voice.say(phrases::NUMBER),
            voice.say(phrases::SHARE),
        ],
        1..=2,
        &[],
    )?;
    for verdict in MessageVerdict::ALL {
        let (number, of) = (tally.messages(verdict), tally.totals.distinct);
        let share = match verdict {
            MessageVerdict::Rejected => Cell::Nothing, // rows that are no messages
            _ => Cell::Share(number, of),
        };
        let name = voice.message_verdict(verdict);
        page.row(&[Cell::Text(&name), Cell::Number(number), share])?;
    }
    Ok(())
}

/// Breaks alike, the commonest first.
fn kinds(page: &mut Page<'_>, summary: &Summary<'_>) -> Done {
    let voice = &summary.voice;
    let mut kinds: Vec<_> = summary.tally.breaks.iter().collect();
    if kinds.is_empty() {
        return Ok(());
    }
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.count));
    page.section(voice.say(phrases::BREAKS_BY_KIND))?;
    page.head(
        &[
            voice.say(phrases::TOPIC),
            voice.say(phrases::NUMBER),
            voice.say(phrases::FIRST_ROW),
        ],
        1..=2,
        &[
            (3, 5, voice.say(phrases::FIRST_MESSAGE)),
            (6, 8, voice.say(phrases::GROUPS_AT_FAULT)),
        ],
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
        let name = voice.say(phrases::OTHER_KINDS);
        page.row(&[Cell::Text(name), Cell::Number(others)])?;
    }
    Ok(())
}

fn errors(page: &mut Page<'_>, summary: &Summary<'_>) -> Done {
    let voice = &summary.voice;
    if summary.tally.errors.is_empty() {
        return Ok(());
    }
    page.section(voice.say(phrases::ERRORS))?;
    page.head(
        &[voice.say(phrases::ERROR_CODE), voice.say(phrases::NUMBER)],
        1..=1,
        &[],
    )?;
    for (code, &times) in &summary.tally.errors {
        page.row(&[Cell::Text(code), Cell::Number(times)])?;
    }
    Ok(())
}

/// What else there is in the workbook.
fn contents(page: &mut Page<'_>, tables: &[Sheets], voice: &Voice) -> Done {
    page.section(voice.say(phrases::SHEETS))?;
    page.head(
        &[voice.say(phrases::SHEET), voice.say(phrases::ROWS)],
        1..=1,
        &[(2, 8, voice.say(phrases::HOLDS))],
    )?;
    for sheets in tables {
        let holds = match sheets.table {
            Table::Breaks => voice.say(phrases::BREAKS_HOLD),
            Table::Matrix => voice.say(phrases::MATRIX_HOLDS),
            Table::Detail => voice.say(phrases::DETAIL_HOLDS),
        };
        for (nth, &rows) in sheets.rows.iter().enumerate() {
            let name = sheets.name(nth, voice);
            let cells = [Cell::Sheet(&name), Cell::Number(rows.into())];
            page.spread(&cells, &[(2, 8, holds)])?;
        }
    }
    let cells = [Cell::Sheet(voice.say(phrases::METHOD)), Cell::Nothing];
    page.spread(&cells, &[(2, 8, voice.say(phrases::METHOD_HOLDS))])
}
