//! Writes the lines of a terminal summary. They are wrapped only if the terminal is narrower than the text.

use std::io::{self, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

use crate::humanize::{printable, printable_lines};

/// The column where the text behind a label begins.
const INDENT: u16 = 13;

/// Below this width, lines are not wrapped: the terminal's own line breaks are more readable.
const MIN_WIDTH: u16 = 40;

/// The width that the last column of a narrow table gets before names are broken. It holds a day and a range of times.
const LAST_COLUMN: u16 = 25;

/// Names are not broken into pieces shorter than this.
const FIRST_COLUMN: u16 = 12;

/// Writes the lines of a summary. No text reaches the terminal with characters that it would obey.
pub(crate) struct TerminalWriter<'o> {
    out: &'o mut dyn Write,
    /// The width of the terminal in columns.
    width: Option<u16>,
}

impl<'o> TerminalWriter<'o> {
    pub(crate) fn new(out: &'o mut dyn Write, width: Option<u16>) -> Self {
        let width = width.filter(|width| *width >= MIN_WIDTH);
        Self { out, width }
    }

    /// Writes a text and an empty line.
    pub(crate) fn paragraph(&mut self, text: &str) -> io::Result<()> {
        let text = self.wrapped(&printable(text), 0);
        writeln!(self.out, "{text}\n")
    }

    /// Writes lines under one label, or nothing if there are no lines.
    pub(crate) fn labelled(
        &mut self,
        label: &str,
        lines: impl IntoIterator<Item = String>,
    ) -> io::Result<()> {
        let labels = std::iter::once(label).chain(std::iter::repeat(""));
        for (label, line) in labels.zip(lines) {
            let wrapped = self.wrapped(&printable(&line), INDENT);
            let mut parts = wrapped.lines();
            writeln!(self.out, "{label:<12} {}", parts.next().unwrap_or_default())?;
            for part in parts {
                writeln!(self.out, "{:<12} {part}", "")?;
            }
        }
        Ok(())
    }

    /// Writes a table and an empty line. If the terminal has no room for the wide table, the narrow one is used and
    /// wrapped.
    pub(crate) fn table(&mut self, wide: &Table, narrow: impl FnOnce() -> Table) -> io::Result<()> {
        let text = wide.trim_fmt();
        let text = match self.width {
            Some(width) if !fits(&text, width) => fitted(narrow(), width).trim_fmt(),
            _ => text,
        };
        writeln!(self.out, "{}\n", printable_lines(&text))
    }

    /// Returns the text wrapped to the width that is left of the indent.
    fn wrapped(&self, text: &str, indent: u16) -> String {
        match self.width {
            Some(width) if !fits(text, width - indent) => wrap(text, width - indent),
            _ => text.to_owned(),
        }
    }
}

/// Returns a table without borders.
pub(crate) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

/// Fits a table to the terminal. The last column is wrapped first, then the names in the first column; numbers are
/// never wrapped. If even that has no room, the table stays as it is.
fn fitted(mut table: Table, width: u16) -> Table {
    let widths = table.column_max_content_widths();
    let [first, numbers @ .., last] = &*widths else {
        return table;
    };
    let gaps = widths.len() - 1;
    for (nth, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, u16::from(nth < gaps)));
    }
    let reserved = numbers
        .iter()
        .map(|number| usize::from(*number))
        .sum::<usize>()
        + gaps;
    let room = usize::from(width).saturating_sub(reserved);
    let names = (*first).min(saturated(
        room.saturating_sub((*last).min(LAST_COLUMN).into()),
    ));
    if names < (*first).min(FIRST_COLUMN) {
        return table;
    }
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width);
    let fixed = std::iter::once(names + 1).chain(numbers.iter().map(|number| number + 1));
    for (column, width) in table.column_iter_mut().zip(fixed) {
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
    }
    table
}

fn saturated(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

/// Wraps a text to a number of columns, between words where possible.
fn wrap(text: &str, width: u16) -> String {
    let mut table = plain_table();
    table
        .add_row([text])
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width);
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 0));
    }
    table.trim_fmt()
}

fn fits(text: &str, width: u16) -> bool {
    let mut table = plain_table();
    table.add_row([text]); // the table knows the width of Chinese text
    table.column_max_content_widths().iter().max() <= Some(&width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(width: Option<u16>, lines: &[&str]) -> String {
        let mut text = Vec::new();
        let lines = lines.iter().map(|line| (*line).to_owned());
        TerminalWriter::new(&mut text, width)
            .labelled("next", lines)
            .unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn lines_are_wrapped_under_their_label_on_a_terminal_only() {
        let line = "open report.csv, filter message_verdict = break; ask those again";
        let whole = format!("next         {line}\n             short\n");
        for width in [None, Some(80), Some(20)] {
            assert_eq!(shown(width, &[line, "short"]), whole, "{width:?}");
        }
        assert_eq!(
            shown(Some(53), &[line, "short"]),
            "next         open report.csv, filter message_verdict\n             = break; ask those again\n             short\n"
        );
        let chinese = shown(Some(40), &["订单 未消费 消息 产生 时间 订单 未消费"]);
        assert!(chinese.lines().all(|line| fits(line, 40)), "{chinese}");
        assert_eq!(chinese.lines().count(), 2);
    }

    #[test]
    fn a_table_is_wrapped_in_its_last_column_then_in_its_first() {
        let table = |heading: &str| {
            let mut table = plain_table();
            table.set_header(["group", "passed", heading]);
            table.add_row([
                "GID_orders_billing",
                "1,000,000",
                "2026-11-20 06:02:09 to 2026-11-21",
            ]);
            table
        };
        let shown = |width| {
            let mut text = Vec::new();
            let mut lines = TerminalWriter::new(&mut text, width);
            lines
                .table(&table("a long heading"), || table("short"))
                .unwrap();
            String::from_utf8(text).unwrap()
        };
        assert_eq!(shown(None), shown(Some(120)));
        assert!(shown(None).contains("a long heading"));
        assert_eq!(
            shown(Some(60)),
            "group              passed    short\n\
             GID_orders_billing 1,000,000 2026-11-20 06:02:09 to\n\
             \x20                            2026-11-21\n\n"
        );
        assert_eq!(
            shown(Some(50)),
            "group          passed    short\n\
             GID_orders_bil 1,000,000 2026-11-20 06:02:09 to\n\
             ling                     2026-11-21\n\n"
        );
        assert_eq!(shown(Some(44)).lines().count(), 3, "no room at all");
    }
}
