//! The columns of a Parquet report: their names, their types, and their cells until they are written.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::Result;
use parquet::file::writer::SerializedColumnWriter;
use parquet::schema::types::Type;

use crate::report::csv::{MATRIX_COLUMNS, long_columns};
use crate::report::row::ReportContext;

/// The columns of the reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum ReportTable {
    /// One row per message and group.
    Long,
    /// One row per message, one column per group.
    Matrix,
}

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CellKind {
    /// Our own text. An empty cell is a null.
    Text,
    /// A cell of the input, which may be empty and is never a null.
    Kept,
    /// The row, which is never a null.
    Row,
    /// A number of attempts.
    Count,
    /// A time in milliseconds, in UTC.
    Time,
}

/// A column, and the cells of the row group that is being collected.
#[derive(Debug)]
pub(super) struct Column {
    name: String,
    kind: CellKind,
    texts: Vec<u8>,
    /// Where each text ends.
    ends: Vec<usize>,
    numbers: Vec<i64>,
    /// 1 for each cell that is there, 0 for each null.
    levels: Vec<i16>,
}

/// Returns the columns of a report in the order of the CSV, and those of the input that have another name in it.
pub(super) fn columns(
    layout: ReportTable,
    context: &ReportContext,
) -> (Vec<Column>, Vec<(String, String)>) {
    let ours: Vec<&str> = match layout {
        ReportTable::Long => long_columns(context).collect(),
        ReportTable::Matrix => MATRIX_COLUMNS.to_vec(),
    };
    let groups = match layout {
        ReportTable::Long => &[][..],
        ReportTable::Matrix => &context.groups,
    };
    let mut names = Names::of(&context.columns);
    let ours: Vec<Column> = ours
        .into_iter()
        .map(|name| Column::new(names.take(name), kind_of(name)))
        .collect();
    let groups: Vec<Column> = groups
        .iter()
        .map(|group| Column::new(names.take(group), CellKind::Text))
        .collect();
    let mut renamed = Vec::new();
    let kept = context.columns.iter().map(|name| {
        let unique = names.take(name);
        if unique != *name {
            renamed.push((name.clone(), unique.clone()));
        }
        Column::new(unique, CellKind::Kept)
    });
    let kept: Vec<Column> = kept.collect();
    let all = ours.into_iter().chain(kept).chain(groups).collect();
    (all, renamed)
}

fn kind_of(name: &str) -> CellKind {
    match name {
        "row" => CellKind::Row,
        "attempts" | "attempts_seen" => CellKind::Count,
        "born_at" | "observed_at" | "evidence_at" => CellKind::Time,
        _ => CellKind::Text,
    }
}

/// Names in lower case: programs ignore the case of names.
#[derive(Debug)]
struct Names {
    taken: HashSet<String>,
    /// The names of the input. A name with a number is none of them.
    input: HashSet<String>,
}

impl Names {
    /// Makes names for columns of the input with these names, and for others.
    fn of(input: &[String]) -> Self {
        Self {
            taken: HashSet::new(),
            input: input.iter().map(|name| name.to_lowercase()).collect(),
        }
    }

    /// Returns a name that no column has: `verdict`, or `verdict_2`.
    fn take(&mut self, name: &str) -> String {
        if self.taken.insert(name.to_lowercase()) {
            return name.to_owned();
        }
        let mut number = 2;
        loop {
            let unique = format!("{name}_{number}");
            let lower = unique.to_lowercase();
            if !self.input.contains(&lower) && self.taken.insert(lower) {
                return unique;
            }
            number += 1;
        }
    }
}

/// Returns the schema of a report.
pub(super) fn schema(columns: &[Column]) -> Result<Arc<Type>> {
    let fields = columns.iter().map(|column| column.field().map(Arc::new));
    let fields = fields.collect::<Result<Vec<_>>>()?;
    let schema = Type::group_type_builder("schema").with_fields(fields);
    schema.build().map(Arc::new)
}

impl Column {
    const fn new(name: String, kind: CellKind) -> Self {
        Self {
            name,
            kind,
            texts: Vec::new(),
            ends: Vec::new(),
            numbers: Vec::new(),
            levels: Vec::new(),
        }
    }

    fn field(&self) -> Result<Type> {
        let (physical, logical) = match self.kind {
            CellKind::Text | CellKind::Kept => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            CellKind::Row => (Physical::INT64, None),
            CellKind::Count => (Physical::INT32, None),
            CellKind::Time => {
                let time = LogicalType::timestamp(true, TimeUnit::MILLIS);
                (Physical::INT64, Some(time))
            }
        };
        let repetition = match self.kind {
            CellKind::Kept | CellKind::Row => Repetition::REQUIRED,
            CellKind::Text | CellKind::Count | CellKind::Time => Repetition::OPTIONAL,
        };
        Type::primitive_type_builder(&self.name, physical)
            .with_logical_type(logical)
            .with_repetition(repetition)
            .build()
    }

    /// Adds the cell of a row, given as the CSV has it, and returns the number of bytes that it takes.
    pub(super) fn push(&mut self, cell: &str) -> usize {
        let number = match self.kind {
            CellKind::Text | CellKind::Kept => None,
            CellKind::Row | CellKind::Count => cell.parse().ok(),
            CellKind::Time => cell.parse().ok().map(millis),
        };
        let is_there = match self.kind {
            CellKind::Kept => true,
            CellKind::Text => !cell.is_empty(),
            CellKind::Row | CellKind::Count | CellKind::Time => number.is_some(),
        };
        self.levels.push(is_there.into());
        self.numbers.extend(number);
        if !is_there {
            return size_of::<i16>();
        }
        if number.is_none() {
            self.texts.extend_from_slice(cell.as_bytes());
            self.ends.push(self.texts.len());
        }
        size_of::<i16>() + size_of::<usize>() + cell.len()
    }

    /// Writes the cells, and begins anew.
    pub(super) fn write(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<()> {
        let levels = std::mem::take(&mut self.levels);
        let levels = match self.kind {
            CellKind::Kept | CellKind::Row => None,
            CellKind::Text | CellKind::Count | CellKind::Time => Some(&*levels),
        };
        let numbers = std::mem::take(&mut self.numbers);
        match self.kind {
            CellKind::Text | CellKind::Kept => {
                let texts = Bytes::from(std::mem::take(&mut self.texts));
                let mut start = 0;
                let ends = std::mem::take(&mut self.ends).into_iter();
                let values = ends.map(|end| {
                    let value = texts.slice(start..end);
                    start = end;
                    ByteArray::from(value)
                });
                let values: Vec<_> = values.collect();
                writer
                    .typed::<ByteArrayType>()
                    .write_batch(&values, levels, None)?;
            }
            CellKind::Row | CellKind::Time => {
                writer
                    .typed::<Int64Type>()
                    .write_batch(&numbers, levels, None)?;
            }
            CellKind::Count => {
                let numbers = numbers
                    .into_iter()
                    .map(|number| i32::try_from(number).unwrap_or(i32::MAX));
                let numbers: Vec<i32> = numbers.collect();
                writer
                    .typed::<Int32Type>()
                    .write_batch(&numbers, levels, None)?;
            }
        }
        Ok(())
    }
}

/// Returns the milliseconds since 1970, rounded down as in the texts of times.
fn millis(time: Timestamp) -> i64 {
    let millis = time.as_nanosecond().div_euclid(1_000_000);
    i64::try_from(millis).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_whatever_their_case() {
        let input = [
            "Verdict",
            "VERDICT_2",
            "verdict",
            "Größe",
            "GRÖSSE",
            "größe",
            "a.b",
        ];
        let input = input.map(str::to_owned);
        let mut names = Names::of(&input);
        assert_eq!(
            ["row", "verdict"].map(|name| names.take(name)),
            ["row", "verdict"]
        );
        let taken = input.each_ref().map(|name| names.take(name));
        let expected = [
            "Verdict_3",
            "VERDICT_2",
            "verdict_4",
            "Größe",
            "GRÖSSE",
            "größe_2",
            "a.b",
        ];
        assert_eq!(taken, expected);
    }

    #[test]
    fn cells_are_typed_and_empty_cells_of_ours_are_nulls() {
        for (kind, cell, numbers, level) in [
            (CellKind::Text, "", &[][..], 0),
            (CellKind::Text, "x", &[], 1),
            (CellKind::Kept, "", &[], 1),
            (CellKind::Row, "17", &[17], 1),
            (CellKind::Count, "", &[], 0),
            (CellKind::Time, "1970-01-01T00:00:01.500Z", &[1500], 1),
            (CellKind::Time, "1969-12-31T23:59:59.999Z", &[-1], 1),
            (CellKind::Time, "", &[], 0),
        ] {
            let mut column = Column::new("x".to_owned(), kind);
            column.push(cell);
            assert_eq!(
                (&*column.numbers, &*column.levels),
                (numbers, &[level][..]),
                "{kind:?} {cell}"
            );
        }
    }
}
