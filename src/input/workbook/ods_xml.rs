//! Reads the tables of `content.xml`: rows, and the values and texts of their cells.

use std::io::BufRead;

use jiff::SignedDuration;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::WorkbookError;
use super::ods_text::Paragraphs;
use super::row::RowCells;
use super::value::number;

/// What comes next in the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A sheet begins.
    Sheet(String),
    /// A row, which the sheet has `repeats` times in a row.
    Row {
        repeats: u64,
    },
    End,
}

/// The tables of one `content.xml`.
pub(super) struct Tables<B> {
    xml: Reader<B>,
    buffer: Vec<u8>,
    skipped: Vec<u8>,
    in_table: bool,
}

impl<B: BufRead> Tables<B> {
    pub(super) fn new(content: B) -> Self {
        let mut xml = Reader::from_reader(content);
        xml.config_mut().expand_empty_elements = true;
        Self {
            xml,
            buffer: Vec::new(),
            skipped: Vec::new(),
            in_table: false,
        }
    }

    /// Reads to the end of the next row, or to the beginning of the next sheet. The cells of the row are skipped if they
    /// are not wanted.
    pub(super) fn next(&mut self, row: Option<&mut RowCells>) -> Result<Step, WorkbookError> {
        loop {
            self.buffer.clear();
            match self.xml.read_event_into(&mut self.buffer)? {
                Event::Start(tag) => match tag.name().as_ref() {
                    "table:table" if !self.in_table => {
                        self.in_table = true;
                        return Ok(Step::Sheet(
                            attribute(&tag, "table:name")?.unwrap_or_default(),
                        ));
                    }
                    "table:table-row" if self.in_table => {
                        let repeats = repeats(attribute(&tag, "table:number-rows-repeated")?)?;
                        match row {
                            Some(row) => self.read_row(row)?,
                            None => {
                                (self.xml).read_to_end_into(tag.name(), &mut self.skipped)?;
                            }
                        }
                        return Ok(Step::Row { repeats });
                    }
                    // Shapes have tables and texts of their own, and so has the history of changes.
                    "table:table" | "table:shapes" | "table:tracked-changes" | "office:forms" => {
                        (self.xml).read_to_end_into(tag.name(), &mut self.skipped)?;
                    }
                    _ => {}
                },
                Event::End(tag) if tag.name().as_ref() == "table:table" => self.in_table = false,
                Event::Eof if self.in_table => return Err(cut_off()),
                Event::Eof => return Ok(Step::End),
                _ => {}
            }
        }
    }

    fn read_row(&mut self, row: &mut RowCells) -> Result<(), WorkbookError> {
        row.clear();
        let mut column = 0_usize;
        loop {
            self.buffer.clear();
            match self.xml.read_event_into(&mut self.buffer)? {
                Event::Start(tag) => match tag.name().as_ref() {
                    "table:table-cell" | "table:covered-table-cell" => {
                        let cell = CellTag::read(&tag)?;
                        let content = self.read_content()?;
                        let count = usize::try_from(cell.repeats).unwrap_or(usize::MAX);
                        row.put(column, count, &cell.text(content)?)?;
                        column = column.saturating_add(count);
                    }
                    _ => {
                        (self.xml).read_to_end_into(tag.name(), &mut self.skipped)?;
                    }
                },
                Event::End(_) => return Ok(()),
                Event::Eof => return Err(cut_off()),
                _ => {}
            }
        }
    }

    /// Reads the paragraphs of a cell, without comments and shapes.
    fn read_content(&mut self) -> Result<String, WorkbookError> {
        let mut text = Paragraphs::default();
        loop {
            self.buffer.clear();
            match self.xml.read_event_into(&mut self.buffer)? {
                Event::Start(tag) => match tag.name().as_ref() {
                    "text:p" | "text:h" => self.read_paragraph(&mut text)?,
                    _ => {
                        (self.xml).read_to_end_into(tag.name(), &mut self.skipped)?;
                    }
                },
                Event::End(_) => return Ok(text.finish()),
                Event::Eof => return Err(cut_off()),
                _ => {}
            }
        }
    }

    fn read_paragraph(&mut self, text: &mut Paragraphs) -> Result<(), WorkbookError> {
        text.begin();
        let mut depth = 0_usize;
        loop {
            self.buffer.clear();
            match self.xml.read_event_into(&mut self.buffer)? {
                Event::Start(tag) => {
                    depth += 1;
                    match tag.name().as_ref() {
                        "text:s" => text.push(" ", repeats(attribute(&tag, "text:c")?)?)?,
                        "text:tab" => text.push("\t", 1)?,
                        "text:line-break" => text.push("\n", 1)?,
                        name if is_beside_text(name) => {
                            depth -= 1;
                            (self.xml).read_to_end_into(tag.name(), &mut self.skipped)?;
                        }
                        _ => {}
                    }
                }
                Event::End(_) if depth == 0 => {
                    text.end();
                    return Ok(());
                }
                Event::End(_) => depth -= 1,
                Event::Text(part) => text.push_collapsed(&part.xml10_content())?,
                Event::CData(part) => text.push_collapsed(&part.xml10_content())?,
                Event::GeneralRef(reference) => text.push(&resolve(&reference)?, 1)?,
                Event::Eof => return Err(cut_off()),
                _ => {}
            }
        }
    }
}

/// Returns whether an element in a paragraph has text that is not part of the cell's text.
fn is_beside_text(name: &str) -> bool {
    matches!(name, "office:annotation" | "text:note" | "text:ruby-text")
        || name.starts_with("draw:")
}

/// The attributes of a cell.
#[derive(Debug, Default)]
struct CellTag {
    repeats: u64,
    kind: String,
    /// The value of a cell that is not text, or the result of a formula that is.
    value: Option<String>,
    is_error: bool,
}

impl CellTag {
    fn read(tag: &BytesStart<'_>) -> Result<Self, WorkbookError> {
        let mut cell = Self {
            repeats: 1,
            ..Self::default()
        };
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(WorkbookError::damaged)?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)?
                .into_owned();
            match attribute.key.as_ref() {
                "table:number-columns-repeated" => cell.repeats = repeats(Some(value))?,
                "office:value-type" => cell.kind = value,
                "calcext:value-type" => cell.is_error = value == "error",
                "office:value"
                | "office:date-value"
                | "office:time-value"
                | "office:boolean-value"
                | "office:string-value" => cell.value = Some(value),
                _ => {}
            }
        }
        Ok(cell)
    }

    /// Returns the text of a cell that shows `content`.
    fn text(self, content: String) -> Result<String, WorkbookError> {
        let Some(value) = self
            .value
            .filter(|value| !value.is_empty() && !self.is_error)
        else {
            return Ok(content);
        };
        Ok(match self.kind.as_str() {
            "float" | "percentage" | "currency" => match value.trim().parse::<f64>() {
                Ok(value) if value.is_finite() => number(value),
                _ => {
                    let reason = format!("a cell has the number `{value:.40}`");
                    return Err(WorkbookError::Damaged(reason));
                }
            },
            "boolean" => value.to_ascii_uppercase(),
            "time" => match value.parse::<SignedDuration>() {
                Ok(duration) => duration.to_string(),
                Err(_) => value,
            },
            _ => value,
        })
    }
}

/// Reads how often something stands in a row: once, if that is not said.
fn repeats(count: Option<String>) -> Result<u64, WorkbookError> {
    count.map_or(Ok(1), |count| {
        count.parse().map_err(|_| {
            WorkbookError::Damaged(format!("`{count:.40}` is no number of repetitions"))
        })
    })
}

/// Returns the value of an attribute.
pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, WorkbookError> {
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.map_err(WorkbookError::damaged)?;
        if attribute.key.as_ref() == name {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0)?;
            return Ok(Some(value.into_owned()));
        }
    }
    Ok(None)
}

/// Resolves `&name;` or `&#number;`.
fn resolve(reference: &BytesRef<'_>) -> Result<String, WorkbookError> {
    if let Some(known) = resolve_predefined_entity(reference) {
        return Ok(known.to_owned());
    }
    match reference.resolve_char_ref()? {
        Some(c) => Ok(c.to_string()),
        None => Err(WorkbookError::Damaged(format!(
            "`&{:.40};` is not defined",
            &**reference
        ))),
    }
}

fn cut_off() -> WorkbookError {
    WorkbookError::damaged("its part `content.xml` ends too early")
}

impl From<quick_xml::Error> for WorkbookError {
    fn from(error: quick_xml::Error) -> Self {
        Self::damaged(error)
    }
}
