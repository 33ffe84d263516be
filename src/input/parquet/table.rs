//! A Parquet file as a table.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use parquet::file::metadata::ParquetMetaData;

use super::fault::ParquetFault;
use super::footer::read_footer;
use super::leaf::Leaf;
use super::meaning::ColumnMeaning;
use super::node::{Node, nodes};
use super::pages::Pages;
use super::text::ParquetText;
use crate::exit::contained;
use crate::input::bytes::Bytes;

/// The most rows in a batch.
const BATCH: usize = 8192;

/// How many bytes a batch may have, if the footer tells the truth about the sizes of its columns.
const BATCH_BYTES: u64 = 16 << 20;

/// The memory that a value takes besides its bytes: its handle and its levels.
const VALUE_BYTES: u64 = 48;

/// A file whose footer was read. Its rows can be read several times, also concurrently.
#[derive(Clone)]
pub(in crate::input) struct ParquetTable {
    bytes: Bytes,
    metadata: Arc<ParquetMetaData>,
    columns: Arc<[Node]>,
    /// The name and the kind of each leaf.
    leaves: Arc<[(Arc<str>, ColumnMeaning)]>,
    /// Which columns are read. Cells of the others are empty.
    is_read: Arc<[bool]>,
}

impl ParquetTable {
    /// Reads the footer of a file.
    pub(in crate::input) fn open(bytes: &Bytes) -> Result<Self, ParquetFault> {
        let metadata = read_footer(bytes)?;
        let schema = metadata.file_metadata().schema_descr();
        let columns = nodes(schema.root_schema());
        if !columns.iter().all(Node::is_whole) {
            let problem = "a group has no columns".to_owned();
            return Err(ParquetFault::Damaged(problem));
        }
        let leaves = schema.columns().iter().map(|column| {
            let kind = ColumnMeaning::of(column)?;
            Ok((column.path().string().into(), kind))
        });
        let leaves: Vec<_> = leaves.collect::<Result<_, ParquetFault>>()?;
        let has_all =
            |group: &parquet::file::metadata::RowGroupMetaData| group.num_columns() == leaves.len();
        if !metadata.row_groups().iter().all(has_all) {
            let problem = "a row group has other columns than the schema".to_owned();
            return Err(ParquetFault::Damaged(problem));
        }
        Ok(Self {
            bytes: bytes.clone(),
            is_read: vec![true; columns.len()].into(),
            columns: columns.into(),
            leaves: leaves.into(),
            metadata: metadata.into(),
        })
    }

    /// Returns the names of the columns.
    pub(in crate::input) fn names(&self) -> Vec<String> {
        let names = self.columns.iter().map(|column| column.name().to_owned());
        names.collect()
    }

    /// Leaves the cells of all other columns empty, and does not read them.
    pub(in crate::input) fn keep_only(&mut self, is_read: impl Fn(usize) -> bool) {
        self.is_read = (0..self.columns.len()).map(is_read).collect();
    }

    /// Returns the rows as CSV without a header.
    pub(in crate::input) fn text(&self) -> Box<dyn Read + Send> {
        Box::new(ParquetText::new(self.clone()))
    }

    /// Returns the columns with whether each is read.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&Node, bool)> {
        self.columns.iter().zip(self.is_read.iter().copied())
    }

    /// Opens the columns of a row group that are read. `None` after the last row group.
    pub(super) fn row_group(&self, nth: usize) -> Result<Option<RowGroup>, ParquetFault> {
        let Some(group) = self.metadata.row_groups().get(nth) else {
            return Ok(None);
        };
        let mut leaves: Vec<Option<Leaf>> = self.leaves.iter().map(|_| None).collect();
        let mut bytes: u64 = 0;
        let read = self.columns().filter(|(_, is_read)| *is_read);
        for at in read.flat_map(|(column, _)| column.leaves()) {
            let chunk = group.column(at);
            let Some((name, kind)) = self.leaves.get(at) else {
                continue;
            };
            let pages = Pages::new(&self.bytes, name.clone(), chunk)?;
            let column = chunk.column_descr_ptr();
            leaves[at] = Some(Leaf::new(name.clone(), *kind, &column, Box::new(pages))?);
            let size = contained(|| chunk.uncompressed_size()).unwrap_or_default();
            let values = u64::try_from(chunk.num_values()).unwrap_or_default();
            let size = u64::try_from(size).unwrap_or_default();
            bytes = bytes.saturating_add(size.saturating_add(values.saturating_mul(VALUE_BYTES)));
        }
        let rows = u64::try_from(group.num_rows()).unwrap_or_default();
        let bytes_of_row = (bytes / rows.max(1)).max(1);
        let batch = usize::try_from(BATCH_BYTES / bytes_of_row).unwrap_or(BATCH);
        Ok(Some(RowGroup {
            leaves,
            rows,
            batch: batch.clamp(1, BATCH),
        }))
    }
}

/// The columns of a row group that are read.
pub(super) struct RowGroup {
    /// `None` for a column that is not read.
    pub(super) leaves: Vec<Option<Leaf>>,
    /// Number of rows.
    pub(super) rows: u64,
    /// Number of rows that are read at once.
    pub(super) batch: usize,
}

impl fmt::Debug for ParquetTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetTable")
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}
