//! Writes a sheet that is read like a page.

use rust_xlsxwriter::{Format, Url, Worksheet, XlsxError};

use super::cells::cut;
use super::formats::SheetFormats;

pub(super) type XlsxResult = Result<(), XlsxError>;

/// A sheet, and the number of the next row.
pub(super) struct SheetWriter<'p> {
    pub(super) sheet: &'p mut Worksheet,
    pub(super) formats: &'p SheetFormats,
    row: u32,
    /// The column widths in characters.
    widths: Vec<u16>,
    /// The last column of texts that span the page.
    last: u16,
}

/// A cell of a table.
pub(super) enum PageCell<'c> {
    Text(&'c str),
    Number(u64),
    Share(u64, u64),
    Time(Option<f64>),
    /// A link to a sheet of this workbook.
    Sheet(&'c str),
    Nothing,
}

impl<'p> SheetWriter<'p> {
    /// Starts a sheet with these column widths, in characters.
    pub(super) fn begin(
        sheet: &'p mut Worksheet,
        formats: &'p SheetFormats,
        widths: &[u16],
    ) -> Result<Self, XlsxError> {
        sheet.set_screen_gridlines(false);
        for (column, width) in (0..).zip(widths) {
            sheet.set_column_width(column, f64::from(*width))?;
        }
        let last = u16::try_from(widths.len()).unwrap_or(u16::MAX) - 1;
        Ok(Self {
            sheet,
            formats,
            row: 0,
            widths: widths.to_vec(),
            last,
        })
    }

    /// Writes a text across the page, `lines` high.
    pub(super) fn across(&mut self, text: &str, format: &Format, lines: f64) -> XlsxResult {
        let text = cut(text);
        self.sheet
            .merge_range(self.row, 0, self.row, self.last, "", format)?;
        self.sheet
            .write_string_with_format(self.row, 0, &*text, format)?;
        self.sheet.set_row_height(self.row, lines)?;
        self.row += 1;
        Ok(())
    }

    /// Writes a section title with room above it.
    pub(super) fn section(&mut self, text: &str) -> XlsxResult {
        self.row += 1;
        let format = &self.formats.section;
        for column in 0..=self.last {
            let text = if column == 0 { text } else { "" };
            self.sheet
                .write_string_with_format(self.row, column, text, format)?;
        }
        self.sheet.set_row_height(self.row, 20)?;
        self.row += 1;
        Ok(())
    }

    /// Writes the heading of a table. `numbers` are the columns of numbers, and `wide` are headings that span several
    /// columns: first, last, name.
    pub(super) fn head(
        &mut self,
        names: &[&str],
        numbers: std::ops::RangeInclusive<u16>,
        wide: &[(u16, u16, &str)],
    ) -> XlsxResult {
        for (column, name) in (0..).zip(names) {
            let format = if numbers.contains(&column) {
                &self.formats.number_head
            } else {
                &self.formats.head
            };
            self.sheet
                .write_string_with_format(self.row, column, *name, format)?;
        }
        for &(from, to, name) in wide {
            self.sheet
                .merge_range(self.row, from, self.row, to, name, &self.formats.head)?;
        }
        let heights = names
            .iter()
            .zip(&self.widths)
            .map(|(name, width)| lines(name, (*width).into()));
        let height = heights.fold(0.0, f64::max);
        self.sheet.set_row_height(self.row, height)?;
        self.row += 1;
        Ok(())
    }

    /// Writes a row of a table.
    pub(super) fn row(&mut self, cells: &[PageCell<'_>]) -> XlsxResult {
        for (column, cell) in (0..).zip(cells) {
            let (sheet, formats) = (&mut *self.sheet, self.formats);
            match cell {
                PageCell::Text(text) => {
                    sheet.write_string_with_format(
                        self.row,
                        column,
                        &*cut(text),
                        &formats.wrapped,
                    )?;
                }
                PageCell::Number(number) => {
                    sheet.write_number_with_format(
                        self.row,
                        column,
                        real(*number),
                        &formats.number,
                    )?;
                }
                PageCell::Share(part, whole) => {
                    let share = if *whole == 0 {
                        0.0
                    } else {
                        real(*part) / real(*whole)
                    };
                    sheet.write_number_with_format(self.row, column, share, &formats.share)?;
                }
                PageCell::Time(serial) => {
                    if let Some(serial) = serial {
                        sheet.write_number_with_format(self.row, column, *serial, &formats.time)?;
                    }
                }
                PageCell::Sheet(name) => {
                    let link = Url::new(format!("internal:'{name}'!A1")).set_text(*name);
                    sheet.write_url_with_format(self.row, column, link, &formats.link)?;
                }
                PageCell::Nothing => {}
            }
        }
        self.row += 1;
        Ok(())
    }

    /// Writes a row of a table whose last texts span several columns: first, last, text.
    pub(super) fn spread(
        &mut self,
        cells: &[PageCell<'_>],
        wide: &[(u16, u16, &str)],
    ) -> XlsxResult {
        let format = &self.formats.wrapped;
        for &(from, to, text) in wide {
            self.sheet
                .merge_range(self.row, from, self.row, to, "", format)?;
            self.sheet
                .write_string_with_format(self.row, from, &*cut(text), format)?;
        }
        self.row(cells)
    }

    /// Writes a label and a text of `lines` lines beside it, in a sheet with two columns.
    pub(super) fn entry(&mut self, label: &str, text: &str, lines: f64) -> XlsxResult {
        self.sheet
            .write_string_with_format(self.row, 0, &*cut(label), &self.formats.strong)?;
        self.sheet
            .write_string_with_format(self.row, 1, &*cut(text), &self.formats.wrapped)?;
        self.sheet.set_row_height(self.row, lines)?;
        self.row += 1;
        Ok(())
    }
}

/// Returns the height of a row in points for a text in a column of `width` characters. A Chinese character is two wide.
pub(super) fn lines(text: &str, width: usize) -> f64 {
    let columns = |line: &str| line.chars().map(|c| 1 + usize::from(c >= '\u{1100}')).sum();
    let lines: usize = text
        .lines()
        .map(|line| usize::max(1, usize::div_ceil(columns(line), width)))
        .sum();
    15.5 * f64::from(u16::try_from(lines.clamp(1, 26)).unwrap_or(26))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "spreadsheets count in 53 bits, far more than any number of rows"
)]
const fn real(number: u64) -> f64 {
    number as f64
}
