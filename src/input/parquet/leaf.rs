//! The values of one column of one row group, a batch of rows at a time.

use std::sync::Arc;

use parquet::column::page::PageReader;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray, Int96};
use parquet::errors::Result as ParquetResult;
use parquet::schema::types::ColumnDescPtr;

use super::damaged_in;
use super::fault::ParquetFault;
use super::meaning::{ColumnMeaning, NotText, Value};
use crate::exit::contained;

/// A column whose values have one physical type.
trait TypedColumn: Send {
    /// Reads the next rows in place of the ones before, and returns the number of rows, values and levels.
    fn read(&mut self, rows: usize, levels: &mut Levels) -> ParquetResult<(usize, usize, usize)>;

    /// Returns a value by its place in the batch.
    fn value(&self, at: usize) -> Option<Value<'_>>;
}

/// The definition and repetition levels of a batch.
#[derive(Debug, Default)]
struct Levels {
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

struct Typed<T: DataType> {
    reader: ColumnReaderImpl<T>,
    values: Vec<T::T>,
}

impl<T: DataType> TypedColumn for Typed<T>
where
    T::T: AsValue,
{
    fn read(&mut self, rows: usize, levels: &mut Levels) -> ParquetResult<(usize, usize, usize)> {
        levels.definition.clear();
        levels.repetition.clear();
        self.values.clear();
        let (definition, repetition) = (&mut levels.definition, &mut levels.repetition);
        self.reader
            .read_records(rows, Some(definition), Some(repetition), &mut self.values)
    }

    fn value(&self, at: usize) -> Option<Value<'_>> {
        self.values.get(at).map(AsValue::as_value)
    }
}

/// A stored value of one physical type.
trait AsValue {
    fn as_value(&self) -> Value<'_>;
}

impl AsValue for bool {
    fn as_value(&self) -> Value<'_> {
        Value::Bool(*self)
    }
}

impl AsValue for i32 {
    fn as_value(&self) -> Value<'_> {
        Value::Int32(*self)
    }
}

impl AsValue for i64 {
    fn as_value(&self) -> Value<'_> {
        Value::Int64(*self)
    }
}

impl AsValue for Int96 {
    fn as_value(&self) -> Value<'_> {
        match self.data() {
            [low, high, day] => {
                let nanos = u64::from(*high) << 32 | u64::from(*low);
                Value::Int96(nanos.cast_signed(), *day)
            }
            _ => Value::Int96(0, 0),
        }
    }
}

impl AsValue for f32 {
    fn as_value(&self) -> Value<'_> {
        Value::Float(*self)
    }
}

impl AsValue for f64 {
    fn as_value(&self) -> Value<'_> {
        Value::Double(*self)
    }
}

impl AsValue for ByteArray {
    fn as_value(&self) -> Value<'_> {
        Value::Bytes(self.data())
    }
}

impl AsValue for FixedLenByteArray {
    fn as_value(&self) -> Value<'_> {
        Value::Bytes(self.data())
    }
}

fn typed<T: DataType>(reader: ColumnReaderImpl<T>) -> Box<dyn TypedColumn>
where
    T::T: AsValue,
{
    let values = Vec::new();
    Box::new(Typed { reader, values })
}

/// A column of a row group, and the place up to which its batch is read.
pub(super) struct Leaf {
    name: Arc<str>,
    kind: ColumnMeaning,
    /// The levels of a value that is there.
    max_definition: i16,
    max_repetition: i16,
    column: Box<dyn TypedColumn>,
    levels: Levels,
    /// Number of levels in the batch.
    length: usize,
    at: usize,
    /// The place of the next value.
    value_at: usize,
}

/// One value or one null, with its levels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next {
    pub(super) definition: i16,
    pub(super) repetition: i16,
}

impl Leaf {
    /// Starts before the first row.
    pub(super) fn new(
        name: Arc<str>,
        kind: ColumnMeaning,
        column: &ColumnDescPtr,
        pages: Box<dyn PageReader>,
    ) -> Result<Self, ParquetFault> {
        let open = || match get_column_reader(column.clone(), pages) {
            ColumnReader::BoolColumnReader(reader) => typed(reader),
            ColumnReader::Int32ColumnReader(reader) => typed(reader),
            ColumnReader::Int64ColumnReader(reader) => typed(reader),
            ColumnReader::Int96ColumnReader(reader) => typed(reader),
            ColumnReader::FloatColumnReader(reader) => typed(reader),
            ColumnReader::DoubleColumnReader(reader) => typed(reader),
            ColumnReader::ByteArrayColumnReader(reader) => typed(reader),
            ColumnReader::FixedLenByteArrayColumnReader(reader) => typed(reader),
        };
        let opened = contained(open);
        Ok(Self {
            column: opened.map_err(|problem| ParquetFault::in_column(&name, &problem))?,
            name,
            kind,
            max_definition: column.max_def_level(),
            max_repetition: column.max_rep_level(),
            levels: Levels::default(),
            length: 0,
            at: 0,
            value_at: 0,
        })
    }

    fn fault(&self, problem: &str) -> ParquetFault {
        ParquetFault::in_column(&self.name, problem)
    }

    /// Reads the next `rows` rows.
    pub(super) fn read(&mut self, rows: usize) -> Result<(), ParquetFault> {
        if self.read_some(rows)? < rows {
            return Err(self.fault("it has fewer rows than its row group"));
        }
        Ok(())
    }

    /// Checks after the last row that the column has no more.
    pub(super) fn finish(&mut self) -> Result<(), ParquetFault> {
        if self.read_some(1)? > 0 {
            return Err(self.fault("it has more rows than its row group"));
        }
        Ok(())
    }

    fn read_some(&mut self, rows: usize) -> Result<usize, ParquetFault> {
        let (column, levels) = (&mut self.column, &mut self.levels);
        let read = contained(|| column.read(rows, levels));
        let read = read.map_err(|problem| ParquetFault::in_column(&self.name, &problem))?;
        let (records, values, length) = read.map_err(|error| damaged_in(&self.name, error))?;
        let has_levels = |max: i16, levels: &[i16]| max == 0 || levels.len() == length;
        let is_whole = has_levels(self.max_definition, &self.levels.definition)
            && has_levels(self.max_repetition, &self.levels.repetition)
            && values <= length;
        if !is_whole || records > rows {
            return Err(self.fault("its levels and values differ in number"));
        }
        (self.length, self.at, self.value_at) = (length, 0, 0);
        Ok(records)
    }

    /// Returns the levels of the next value, or `None` at the end of the batch.
    pub(super) fn peek(&self) -> Option<Next> {
        let level = |max: i16, levels: &[i16]| match max {
            0 => Some(0),
            _ => levels.get(self.at).copied(),
        };
        if self.at >= self.length {
            return None;
        }
        Some(Next {
            definition: level(self.max_definition, &self.levels.definition)?,
            repetition: level(self.max_repetition, &self.levels.repetition)?,
        })
    }

    /// Returns the levels of the next value, which must be there.
    pub(super) fn next(&self) -> Result<Next, ParquetFault> {
        let next = self.peek();
        next.ok_or_else(|| self.fault("it has fewer values than the columns beside it"))
    }

    /// Takes the next value, or the null that is in its place, and hands it over.
    pub(super) fn take(
        &mut self,
        write: impl FnOnce(ColumnMeaning, Value<'_>) -> Result<(), NotText>,
    ) -> Result<Taken, ParquetFault> {
        let next = self.next()?;
        self.at += 1;
        if next.definition < self.max_definition {
            return Ok(Taken::Null);
        }
        let value = self.column.value(self.value_at);
        let value = value.ok_or_else(|| self.fault("it has fewer values than levels"))?;
        let written = write(self.kind, value);
        self.value_at += 1;
        Ok(written.map_or(Taken::NotText, |()| Taken::Value))
    }

    /// Returns the name of the column.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// What stands in the place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Null,
    Value,
    /// A text that is not UTF-8.
    NotText,
}
