//! One input file: its encoding, its format, its columns, and the reader of its rows.

use std::io::Read;
use std::sync::Arc;

use super::InputError;
use super::bytes::Bytes;
use super::csv_rows::CsvRows;
use super::encoding::Decoding;
use super::format::{HEAD, Shape, has_message, sheet_start, sniff, table_start};
use super::id_rows::IdRows;
use super::input_text::InputText;
use super::layout::{Layout, check_ids, check_keys, check_log, in_words};
use super::log_rows::LogRows;
use super::ndjson_rows::{self, NdjsonRows};
use super::notes::InputNotes;
use super::options::{InputFormat, InputOptions};
use super::parquet::ParquetTable;
use super::query_builder::QueryBuilder;
use super::reader::{InputReader, Parser};
use super::survey::{Survey, sha256};
use super::table_start::{TableStart, TableText};
use super::unreadable::Unreadable;
use super::validity::{OtherBytes, check_json};
use crate::delimited::{RecordSyntax, Records};
use crate::humanize::printable;

/// One input: its bytes and its format.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) name: Arc<str>,
    /// The file as it is stored.
    bytes: Bytes,
    text: InputText,
    layout: Layout,
    options: Arc<InputOptions>,
    /// Which column was taken for which role, in words. Empty for a list of IDs and for logs.
    pub(super) roles: String,
    /// Number of rows found by the survey.
    rows: u64,
    /// Its checksum found by the survey.
    sha256: String,
}

impl Input {
    /// Detects encoding and format of an input and maps its columns.
    pub(super) fn understand(
        name: String,
        bytes: Bytes,
        options: Arc<InputOptions>,
    ) -> Result<Self, InputError> {
        let text = InputText::of(&name, &bytes, &options)?;
        if let InputText::Parquet(table) = text {
            return Self::of_table(name, bytes, table, options);
        }
        let head = text.head().map_err(InputError::unread(&name))?;
        let shape = match &text {
            InputText::Sheet(..) => {
                Ok(sheet_start(&head, &options).map_or(Shape::Unknown, Shape::Table))
            }
            InputText::File(..) | InputText::Parquet(_) => sniff(&head, &options),
        };
        let mut shape = shape.map_err(|reason| InputError::Unreadable {
            path: name.clone(),
            reason,
        })?;
        let mut input = Self {
            name: name.into(),
            bytes,
            text,
            layout: Layout::Log,
            options,
            roles: String::new(),
            rows: 0,
            sha256: String::new(),
        };
        if shape == Shape::Unknown {
            shape = input.look_further(&head)?;
        }
        if let Shape::Table(start) = &shape
            && start.offset >= HEAD
        {
            return Err(InputError::Unreadable {
                path: input.name.to_string(),
                reason: Unreadable::LongHeader,
            });
        }
        let before_rows = match &shape {
            Shape::Table(start) => {
                usize::try_from(start.offset).map_or(&head[..], |end| &head[..end])
            }
            _ => &[],
        };
        match input.lay_out(shape) {
            Err(error @ InputError::Columns { .. }) => {
                Err(input.encoding_fault(&head)?.unwrap_or(error))
            }
            Ok(()) if input.text.decoding() != Decoding::Lossy => {
                let fault = input.encoding_fault(before_rows)?;
                fault.map_or(Ok(input), Err)
            }
            laid_out => laid_out.map(|()| input),
        }
    }

    /// Maps the columns of a Parquet file. Only those that are needed are read.
    fn of_table(
        name: String,
        bytes: Bytes,
        mut table: ParquetTable,
        options: Arc<InputOptions>,
    ) -> Result<Self, InputError> {
        let start = TableStart::without_header(table.names());
        // The columns of a Parquet file always have names.
        let named = InputOptions {
            no_header: false,
            ..(*options).clone()
        };
        let text = InputText::Parquet(table.clone());
        let layout = Layout::table(&name, start, &text, &named)?;
        let mut roles = String::new();
        if let Layout::Table(mapped, _) = &layout {
            roles = in_words(mapped.columns.taken());
            table.keep_only(|column| mapped.columns.is_read(column));
        }
        Ok(Self {
            name: name.into(),
            bytes,
            text: InputText::Parquet(table),
            layout,
            options,
            roles,
            rows: 0,
            sha256: String::new(),
        })
    }

    /// Makes a log of a file without messages.
    pub(super) fn log(
        name: String,
        bytes: Bytes,
        options: &InputOptions,
    ) -> Result<Self, InputError> {
        let options = InputOptions {
            format: Some(InputFormat::Log),
            ..options.clone()
        };
        Self::understand(name, bytes, Arc::new(options))
    }

    /// Returns whether the input is a log.
    pub(super) const fn is_log(&self) -> bool {
        matches!(self.layout, Layout::Log)
    }

    /// Returns whether the input is a sheet of a workbook.
    pub(super) const fn is_sheet(&self) -> bool {
        matches!(self.text, InputText::Sheet(..))
    }

    /// Reads a file to its end that begins with nothing known: its first message may come late in a log.
    fn look_further(&self, head: &[u8]) -> Result<Shape, InputError> {
        if self.options.log_column.is_none() && matches!(self.text, InputText::File(..)) {
            let mut records = self.open(RecordSyntax::Lines)?;
            while let Some(record) = records.next().map_err(InputError::bad_record(&self.name))? {
                if has_message(record.bytes) {
                    return Ok(Shape::Log);
                }
            }
        }
        let text = TableText {
            head,
            is_sheet: matches!(self.text, InputText::Sheet(..)),
        };
        let start = table_start(text, None, &self.options);
        start
            .map(Shape::Table)
            .ok_or_else(|| InputError::Unreadable {
                path: self.name.to_string(),
                reason: Unreadable::Empty,
            })
    }

    /// Maps the columns of a format.
    fn lay_out(&mut self, shape: Shape) -> Result<(), InputError> {
        let (name, options) = (&*self.name, &*self.options);
        (self.layout, self.roles) = match shape {
            Shape::Table(start) => {
                let layout = Layout::table(name, start, &self.text, options)?;
                let roles = match &layout {
                    Layout::Table(table, _) => in_words(table.columns.taken()),
                    _ => String::new(),
                };
                let sheet = match &self.text {
                    InputText::Sheet(_, sheet) => format!("sheet `{}`, ", printable(sheet)),
                    InputText::File(..) | InputText::Parquet(_) => String::new(),
                };
                (layout, sheet + &roles)
            }
            Shape::JsonLines => {
                check_keys(name, options)?;
                (
                    Layout::JsonLines,
                    self.roles_of_keys(RecordSyntax::JsonLines)?,
                )
            }
            Shape::JsonValues => {
                check_keys(name, options)?;
                (
                    Layout::JsonValues,
                    self.roles_of_keys(RecordSyntax::JsonValues)?,
                )
            }
            Shape::Log => {
                check_log(name, options)?;
                (Layout::Log, String::new())
            }
            Shape::Ids | Shape::Unknown => {
                check_ids(name, options)?;
                (Layout::Ids, String::new())
            }
        };
        Ok(())
    }

    /// Returns the error of a header that its encoding makes unreadable, if that is so.
    fn encoding_fault(&self, head: &[u8]) -> Result<Option<InputError>, InputError> {
        // The end of the head may cut a character in two.
        let is_invalid = str::from_utf8(head).is_err_and(|error| error.error_len().is_some());
        Ok(match self.text.decoding() {
            _ if !is_invalid => None,
            Decoding::Utf8 => {
                let mut other = OtherBytes::default();
                let mut records = self.open(RecordSyntax::Lines)?;
                while let Some(record) =
                    records.next().map_err(InputError::bad_record(&self.name))?
                {
                    other.check(record.line, record.bytes);
                }
                other.error(&self.name)
            }
            decoding => Some(InputError::Header {
                path: self.name.to_string(),
                encoding: decoding.name(),
            }),
        })
    }

    /// Notes what the survey found, for [`check_unchanged`](Self::check_unchanged).
    pub(super) fn set_survey(&mut self, survey: &Survey) {
        self.rows = survey.rows;
        self.sha256.clone_from(&survey.sha256);
    }

    pub(super) const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    fn open(&self, syntax: RecordSyntax) -> Result<Records, InputError> {
        let text = self.text.open().map_err(InputError::unread(&self.name))?;
        Ok(Records::new(text, syntax))
    }

    /// Returns the data records, without the header.
    fn records(&self) -> Result<Records, InputError> {
        self.records_of(|syntax| self.open(syntax))
    }

    fn records_of(
        &self,
        open: impl FnOnce(RecordSyntax) -> Result<Records, InputError>,
    ) -> Result<Records, InputError> {
        match &self.layout {
            Layout::Table(table, start) => {
                let mut records = open(RecordSyntax::Csv {
                    delimiter: table.delimiter,
                    remarks: false,
                })?;
                if table.counts_rows {
                    records = records.of_sheet();
                }
                let skipped = records.skip(start.offset, start.line);
                skipped.map_err(InputError::unread(&self.name))?;
                Ok(records)
            }
            Layout::JsonLines => open(RecordSyntax::JsonLines),
            Layout::JsonValues => open(RecordSyntax::JsonValues),
            Layout::Ids | Layout::Log => open(RecordSyntax::Lines),
        }
    }

    /// Returns a reader of the rows.
    pub(super) fn reader(&self) -> Result<InputReader, InputError> {
        Ok(self.reader_of(self.records()?))
    }

    /// Returns a reader of the rows of a stream of which this input is the beginning. The rows are returned as they arrive.
    pub(super) fn reader_of_stream(
        &self,
        stream: Box<dyn Read + Send>,
    ) -> Result<InputReader, InputError> {
        let text = self.text.decoding().decode(stream);
        let records = self.records_of(|syntax| Ok(Records::new(text, syntax).arriving()))?;
        Ok(self.reader_of(records))
    }

    /// Rejects rows with bytes that are not UTF-8, if the whole input would be refused because of them: those of a stream
    /// are found only when other rows are asked already.
    pub(super) fn rejecting_other_bytes(mut self) -> Self {
        if let InputText::File(_, decoding @ Decoding::Utf8) = &mut self.text {
            *decoding = Decoding::Lossy;
        }
        if let Layout::Table(table, _) = &mut self.layout {
            table.decoding = self.text.decoding();
        }
        self
    }

    /// Returns whether the records are JSON values that may span lines.
    pub(super) const fn is_json_values(&self) -> bool {
        matches!(self.layout, Layout::JsonValues)
    }

    fn reader_of(&self, records: Records) -> InputReader {
        let builder = QueryBuilder::new(self.name.clone(), &self.options);
        let mut notes = InputNotes::default();
        let parser = match &self.layout {
            Layout::Table(table, start) => {
                start.note(&self.name, &mut notes);
                Parser::Csv(CsvRows::new(table.clone(), &self.options, builder))
            }
            Layout::JsonLines | Layout::JsonValues => {
                let (options, decoding) = (self.options.clone(), self.text.decoding());
                Parser::Ndjson(NdjsonRows::new(options, decoding, builder))
            }
            Layout::Ids => Parser::Ids(IdRows::new(builder)),
            Layout::Log => Parser::Log(LogRows::new(&self.options, self.text.decoding(), builder)),
        };
        InputReader::new(records, parser, notes)
    }

    /// Counts the rows and refuses what must be refused before anything is asked: bytes that are not UTF-8, and JSON
    /// with errors.
    pub(super) fn count(&self) -> Result<u64, InputError> {
        let is_strict = self.text.decoding() == Decoding::Utf8;
        let has_log_lines = self.is_log() || self.options.log_column.is_some();
        let mut other = OtherBytes::default();
        let mut rows = 0;
        if has_log_lines {
            rows = self.count_messages()?;
        }
        if is_strict || !has_log_lines {
            let mut records = self.records()?;
            while let Some(record) = records.next().map_err(InputError::bad_record(&self.name))? {
                if is_strict {
                    other.check(record.line, record.bytes);
                }
                let is_row = match self.layout {
                    Layout::Ids => !IdRows::is_comment(record.bytes),
                    Layout::JsonValues => {
                        check_json(record.bytes, record.line, record.column)
                            .map_err(InputError::bad_record(&self.name))?;
                        true
                    }
                    _ => true,
                };
                rows += u64::from(is_row && !has_log_lines);
            }
        }
        match other.error(&self.name) {
            Some(error) => Err(error),
            None => Ok(rows),
        }
    }

    /// Counts the messages of log lines.
    fn count_messages(&self) -> Result<u64, InputError> {
        let mut reader = self.reader()?;
        while reader
            .next()
            .map_err(InputError::bad_record(&self.name))?
            .is_some()
        {}
        Ok(reader.rows())
    }

    /// Checks after the last of `found` rows that the bytes are those of the survey. The results file states their
    /// checksum, so it must not hold answers about other rows.
    pub(super) fn check_unchanged(&self, found: u64) -> Result<(), InputError> {
        let path = || self.name.to_string();
        if found != self.rows {
            return Err(InputError::Changed {
                path: path(),
                expected: self.rows,
                found,
            });
        }
        if self.bytes.is_touched() {
            let now = sha256(self.bytes.raw()).map_err(InputError::unread(&self.name))?;
            if now != self.sha256 {
                return Err(InputError::Rewritten { path: path() });
            }
        }
        Ok(())
    }

    /// Describes the roles of the keys of the first object.
    fn roles_of_keys(&self, syntax: RecordSyntax) -> Result<String, InputError> {
        let mut records = self.open(syntax)?;
        // A fault is reported by the survey, with the others.
        let first = records.next().ok().flatten();
        let roles = first.and_then(|first| ndjson_rows::roles(&first.text(), &self.options));
        let roles = roles.unwrap_or_default();
        Ok(in_words(roles.iter().map(|(role, name)| (*role, &**name))))
    }
}
