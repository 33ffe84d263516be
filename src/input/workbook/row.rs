//! The cells of one row of a sheet.

use super::WorkbookError;

/// Largest number of rows and columns of a sheet, as in Excel.
pub(super) const MAX_ROWS: u32 = 1_048_576;
const MAX_COLUMNS: usize = 16_384;
/// Largest number of bytes of a row's text. The CSV reader accepts no longer records, either.
pub(super) const MAX_LENGTH: usize = 16 << 20;

/// The cells of one row, up to the last that is not empty.
#[derive(Debug, Default)]
pub(super) struct RowCells {
    texts: Vec<String>,
    length: usize,
}

impl RowCells {
    pub(super) fn clear(&mut self) {
        self.texts.clear();
        self.length = 0;
    }

    /// Returns no cells if the row is blank.
    pub(super) fn get(&self) -> &[String] {
        &self.texts
    }

    /// Puts a text into `count` columns, beginning with `column`, which counts from 0. The row is not filled up to an
    /// empty text.
    pub(super) fn put(
        &mut self,
        column: usize,
        count: usize,
        text: &str,
    ) -> Result<(), WorkbookError> {
        if text.is_empty() {
            return Ok(());
        }
        let end = column.saturating_add(count);
        if end > MAX_COLUMNS {
            return Err(WorkbookError::damaged(format!(
                "a row has more than {MAX_COLUMNS} cells"
            )));
        }
        self.length = self.length.saturating_add(text.len().saturating_mul(count));
        if self.length > MAX_LENGTH {
            return Err(too_long());
        }
        if self.texts.len() < end {
            self.texts.resize(end, String::new());
        }
        for cell in &mut self.texts[column..end] {
            text.clone_into(cell);
        }
        Ok(())
    }
}

/// Makes the error of a row that is too long.
pub(super) fn too_long() -> WorkbookError {
    let megabytes = MAX_LENGTH >> 20;
    WorkbookError::Damaged(format!("a row is longer than {megabytes} MiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_in_their_columns() {
        let mut row = RowCells::default();
        row.put(2, 2, "c").unwrap();
        row.put(0, 1, "a").unwrap();
        row.put(9, 9, "").unwrap();
        assert_eq!(row.get(), ["a", "", "c", "c"]);
        row.clear();
        assert!(row.get().is_empty());
    }

    #[test]
    fn rows_have_limits() {
        let mut row = RowCells::default();
        row.put(16_383, 1, "last").unwrap();
        for (column, count) in [(16_384, 1), (16_383, 2), (usize::MAX, 2)] {
            let error = row.put(column, count, "x").unwrap_err().to_string();
            assert_eq!(
                error,
                "is a damaged workbook: a row has more than 16384 cells"
            );
        }
        let long = "x".repeat(1 << 20);
        row.put(0, 15, &long).unwrap();
        let error = row.put(15, 1, &long).unwrap_err().to_string();
        assert_eq!(error, "is a damaged workbook: a row is longer than 16 MiB");
    }
}
