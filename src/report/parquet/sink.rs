//! Writes a Parquet report: collects rows until a row group is full.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use csv_core::{ReadRecordResult, Reader};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;

use super::columns::{Column, ReportTable, columns, schema};
use crate::file::Output;
use crate::report::row::ReportContext;
use crate::report::sink::{ReportSink, WrittenFile};

/// The most rows of a row group.
const GROUP_ROWS: usize = 122_880;

/// How many bytes of cells a row group has at most, so that memory does not grow with the report.
const GROUP_BYTES: usize = 16 << 20;

/// The program that wrote the file. It depends on nothing but the version.
const CREATED_BY: &str = concat!("ons-audit version ", env!("CARGO_PKG_VERSION"));

/// A Parquet report that is being written.
pub(in crate::report) struct ParquetSink {
    path: PathBuf,
    columns: Vec<Column>,
    state: State,
    records: RecordSplitter,
    rows: usize,
    bytes: usize,
}

/// What the output is at each step.
enum State {
    New(Output),
    Writing(Box<SerializedFileWriter<Output>>),
    Written(Output),
    Failed,
}

impl ParquetSink {
    /// Makes a report of the rows of the long CSV.
    pub(in crate::report) fn long(path: PathBuf, output: Output, context: &ReportContext) -> Self {
        Self::new(path, output, ReportTable::Long, context)
    }

    /// Makes a report of the rows of the matrix.
    pub(in crate::report) fn matrix(
        path: PathBuf,
        output: Output,
        context: &ReportContext,
    ) -> Self {
        Self::new(path, output, ReportTable::Matrix, context)
    }

    fn new(path: PathBuf, output: Output, layout: ReportTable, context: &ReportContext) -> Self {
        let (columns, renamed) = columns(layout, context);
        if !renamed.is_empty() {
            let renamed = renamed
                .iter()
                .map(|(from, to)| format!("`{from}` is `{to}`"));
            let renamed: Vec<_> = renamed.collect();
            tracing::info!(
                "in the Parquet report, whose readers ignore the case of names, columns of the input have other names: {}",
                renamed.join(", ")
            );
        }
        Self {
            path,
            columns,
            state: State::New(output),
            records: RecordSplitter::default(),
            rows: 0,
            bytes: 0,
        }
    }

    /// Writes the collected rows.
    fn write_group(&mut self) -> io::Result<()> {
        let State::Writing(writer) = &mut self.state else {
            return Ok(());
        };
        let columns = &mut self.columns;
        let write = || {
            let mut group = writer.next_row_group()?;
            for column in columns {
                let next = group.next_column()?;
                let mut next = next.ok_or_else(|| ParquetError::General("no column".to_owned()))?;
                column.write(&mut next)?;
                next.close()?;
            }
            group.close().map(drop)
        };
        (self.rows, self.bytes) = (0, 0);
        write().map_err(own)
    }
}

impl ReportSink for ParquetSink {
    fn begin(&mut self, _head: &[u8]) -> io::Result<()> {
        let State::New(output) = std::mem::replace(&mut self.state, State::Failed) else {
            return Ok(());
        };
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .build();
        let schema = schema(&self.columns).map_err(own)?;
        let writer = SerializedFileWriter::new(output, schema, Arc::new(properties));
        self.state = State::Writing(Box::new(writer.map_err(own)?));
        Ok(())
    }

    fn take(&mut self, mut piece: &[u8]) -> io::Result<()> {
        while let Some(cells) = self.records.next(&mut piece)? {
            let mut start = 0;
            for (column, &end) in self.columns.iter_mut().zip(cells.ends) {
                self.bytes += column.push(&cells.text[start..end]);
                start = end;
            }
            self.rows += 1;
            if self.rows == GROUP_ROWS || self.bytes >= GROUP_BYTES {
                self.write_group()?;
            }
        }
        Ok(())
    }

    fn end(&mut self, _foot: &[u8]) -> io::Result<()> {
        if self.rows > 0 {
            self.write_group()?;
        }
        if let State::Writing(writer) = std::mem::replace(&mut self.state, State::Failed) {
            self.state = State::Written(writer.into_inner().map_err(own)?);
        }
        Ok(())
    }

    fn commit(self: Box<Self>) -> io::Result<Vec<WrittenFile>> {
        match self.state {
            State::Written(output) => output.commit()?,
            State::New(_) | State::Writing(_) | State::Failed => {
                return Err(io::Error::other("the report is not complete"));
            }
        }
        Ok(vec![WrittenFile {
            path: self.path,
            rows: None,
        }])
    }
}

/// Returns the error of the operating system, if it is one.
fn own(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}

/// Splits records of CSV into cells.
struct RecordSplitter {
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// The cells of a record, one after another.
struct SplitRecord<'r> {
    text: &'r str,
    /// Where each cell ends.
    ends: &'r [usize],
}

impl Default for RecordSplitter {
    fn default() -> Self {
        Self {
            reader: Reader::new(),
            text: vec![0; 1024],
            ends: vec![0; 64],
        }
    }
}

impl RecordSplitter {
    /// Takes the first record off a piece, which consists of whole records.
    fn next(&mut self, piece: &mut &[u8]) -> io::Result<Option<SplitRecord<'_>>> {
        let (mut length, mut count) = (0, 0);
        while !piece.is_empty() {
            let (result, read, written, ends) =
                self.reader
                    .read_record(piece, &mut self.text[length..], &mut self.ends[count..]);
            *piece = &piece[read..];
            length += written;
            count += ends;
            match result {
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    let text = str::from_utf8(&self.text[..length]).map_err(io::Error::other)?;
                    let ends = &self.ends[..count];
                    return Ok(Some(SplitRecord { text, ends }));
                }
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
            }
        }
        Ok(None)
    }
}
