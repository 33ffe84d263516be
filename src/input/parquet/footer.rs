//! The end of a file: what columns it has, and where they are.
//!
//! The schema is walked before the crate reads it. The crate reads nested columns by recursion and reserves room for as
//! many as an element names, so a damaged footer could exhaust the stack or the memory.

use std::io::{Read, Seek, SeekFrom};

use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::fault::{MAX_DEPTH, ParquetFault};
use super::thrift::{STRUCT, Thrift, ThriftFault};
use super::{ENCRYPTED, MAGIC, damaged};
use crate::exit::contained;
use crate::input::bytes::Bytes;

/// The longest footer that is read.
const FOOTER_LIMIT: u64 = 256 << 20;

/// The length of the footer's length and the last bytes.
const TAIL: u64 = 8;

/// Reads the footer.
pub(super) fn read_footer(bytes: &Bytes) -> Result<ParquetMetaData, ParquetFault> {
    let mut file = bytes.raw();
    let end = file.seek(SeekFrom::End(0)).map_err(ParquetFault::Read)?;
    if end < MAGIC.len() as u64 + TAIL {
        return Err(ParquetFault::Truncated);
    }
    let tail = read_at(bytes, end - TAIL, TAIL)?;
    let (length, magic) = tail.split_at(4);
    match magic {
        ENCRYPTED => return Err(ParquetFault::Encrypted),
        MAGIC => {}
        _ => return Err(ParquetFault::Truncated),
    }
    let length = length.iter().rev();
    let length = length.fold(0, |length, &byte| length << 8 | u64::from(byte));
    if length > (end - TAIL - MAGIC.len() as u64).min(FOOTER_LIMIT) {
        let problem = format!("its footer is said to have {length} bytes");
        return Err(ParquetFault::Damaged(problem));
    }
    let footer = read_at(bytes, end - TAIL - length, length)?;
    check_schema(&footer)?;
    let metadata = contained(|| ParquetMetaDataReader::decode_metadata(&footer));
    let metadata = metadata.map_err(ParquetFault::Damaged)?.map_err(damaged)?;
    check_rows(&metadata)?;
    Ok(metadata)
}

/// Reads bytes of a file. Fewer of them are an error.
pub(super) fn read_at(bytes: &Bytes, at: u64, length: u64) -> Result<Vec<u8>, ParquetFault> {
    let mut file = bytes.raw();
    let mut read = Vec::new();
    file.seek(SeekFrom::Start(at)).map_err(ParquetFault::Read)?;
    file.take(length)
        .read_to_end(&mut read)
        .map_err(ParquetFault::Read)?;
    if (read.len() as u64) < length {
        let problem = format!("it ends before byte {}", at.saturating_add(length));
        return Err(ParquetFault::Damaged(problem));
    }
    Ok(read)
}

/// Checks that the elements of the schema are a tree that is not too deep, and that nothing is encrypted.
fn check_schema(footer: &[u8]) -> Result<(), ParquetFault> {
    let bad = |_: ThriftFault| ParquetFault::Damaged("its footer cannot be read".to_owned());
    let mut thrift = Thrift::new(footer);
    let mut last = 0;
    while let Some(field) = thrift.field(&mut last).map_err(bad)? {
        match field.id {
            2 => {
                let children = children(&mut thrift).map_err(bad)?;
                check_tree(&children)?;
            }
            8 => return Err(ParquetFault::Encrypted),
            _ => thrift.skip(field.kind).map_err(bad)?,
        }
    }
    Ok(())
}

/// Returns the number of children of each element of the schema.
fn children(thrift: &mut Thrift<'_>) -> Result<Vec<i64>, ThriftFault> {
    let (length, kind) = thrift.list()?;
    if kind != STRUCT {
        return Err(ThriftFault::Invalid);
    }
    let element = |_| Ok(thrift.numbers()?[5].unwrap_or_default());
    (0..length).map(element).collect()
}

fn check_tree(children: &[i64]) -> Result<(), ParquetFault> {
    let bad = || ParquetFault::Damaged("its schema is no tree".to_owned());
    // The number of elements that are missing at each level.
    let mut missing = vec![1];
    for &children in children {
        while missing.last() == Some(&0) {
            missing.pop();
        }
        *missing.last_mut().ok_or_else(bad)? -= 1;
        if children < 0 {
            return Err(bad());
        }
        if children > 0 {
            missing.push(children);
        }
        if missing.len() > MAX_DEPTH {
            return Err(ParquetFault::Deep);
        }
    }
    let is_whole = missing.iter().all(|&missing| missing == 0);
    is_whole.then_some(()).ok_or_else(bad)
}

/// Checks that the row groups have the rows that the file is said to have.
fn check_rows(metadata: &ParquetMetaData) -> Result<(), ParquetFault> {
    let mut rows: i64 = 0;
    for group in metadata.row_groups() {
        let sum = rows.checked_add(group.num_rows());
        rows = match sum {
            Some(sum) if group.num_rows() >= 0 => sum,
            _ => {
                return Err(ParquetFault::Damaged(
                    "a number of rows is wrong".to_owned(),
                ));
            }
        };
        let column = group
            .columns()
            .iter()
            .find(|column| column.file_path().is_some());
        if let Some(column) = column {
            return Err(ParquetFault::Summary {
                column: column.column_path().string(),
                file: column.file_path().unwrap_or_default().to_owned(),
            });
        }
    }
    let said = metadata.file_metadata().num_rows();
    if said != rows {
        let problem = format!("it is said to have {said} rows, its row groups have {rows}");
        return Err(ParquetFault::Damaged(problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_a_tree_of_bounded_depth() {
        let found = |children: &[i64]| match check_tree(children) {
            Ok(()) => String::new(),
            Err(fault) => fault.to_string(),
        };
        let no_tree = "is a damaged Parquet file: its schema is no tree";
        let deep = "has columns that are nested deeper than 64 levels";
        let mut nested = vec![1; 200];
        nested.push(0);
        for (children, fault) in [
            (&[2, 0, 0][..], ""),
            (&[2, 1, 0, 0], ""),
            (&[], no_tree),
            (&[2, 0], no_tree),
            (&[1, 0, 0], no_tree),
            (&[i64::from(i32::MAX), 0], no_tree),
            (&[1, -1], no_tree),
            (&nested, deep),
        ] {
            assert_eq!(found(children), fault, "{children:?}");
        }
    }
}
