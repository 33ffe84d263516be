//! Sinks: they write the pieces of a report into one file, or into several parts.

use std::io::{self, Write};
use std::num::NonZeroU64;
use std::path::PathBuf;

use memchr::memchr2_iter;

use super::Summary;
use crate::file::{Output, Parts, remove_parts};

/// Takes the rendered pieces of one report and writes files.
pub(crate) trait ReportSink {
    /// Takes the text before the first row. Called once, before everything else.
    fn begin(&mut self, _head: &[u8]) -> io::Result<()> {
        Ok(())
    }

    /// Takes rendered rows.
    fn take(&mut self, piece: &[u8]) -> io::Result<()>;

    /// Takes the summary, once all rows are there. Formats that show totals beside the rows write them here.
    fn summarise(&mut self, _summary: &Summary<'_>) -> io::Result<()> {
        Ok(())
    }

    /// Takes the text behind the last row. Afterwards everything is written, but no file is visible yet.
    fn end(&mut self, _foot: &[u8]) -> io::Result<()> {
        Ok(())
    }

    /// Makes the files visible under their names and returns them.
    fn commit(self: Box<Self>) -> io::Result<Vec<WrittenFile>>;
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// The file's path.
    pub path: PathBuf,
    /// The number of rows, if the file is one of several parts.
    pub rows: Option<u64>,
}

/// A report in one file.
pub(super) struct SingleFile {
    pub(super) path: PathBuf,
    pub(super) output: Output,
    /// Whether parts of an earlier report may be there, which this one replaces.
    pub(super) replaces_parts: bool,
}

impl ReportSink for SingleFile {
    fn begin(&mut self, head: &[u8]) -> io::Result<()> {
        self.output.write_all(head)
    }

    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        self.output.write_all(piece)
    }

    fn end(&mut self, foot: &[u8]) -> io::Result<()> {
        self.output.write_all(foot)
    }

    fn commit(self: Box<Self>) -> io::Result<Vec<WrittenFile>> {
        if self.replaces_parts {
            remove_parts(&self.path)?;
        }
        self.output.commit()?;
        Ok(vec![WrittenFile {
            path: self.path,
            rows: None,
        }])
    }
}

/// A CSV in parts with a limited number of rows. Each part begins with the header.
pub(super) struct PartFiles {
    /// The path of the report as given.
    path: PathBuf,
    parts: Parts,
    most: NonZeroU64,
    head: Vec<u8>,
    /// Rows in the current part.
    rows: u64,
}

impl PartFiles {
    pub(super) const fn new(path: PathBuf, parts: Parts, most: NonZeroU64) -> Self {
        Self {
            path,
            parts,
            most,
            head: Vec::new(),
            rows: 0,
        }
    }
}

impl ReportSink for PartFiles {
    fn begin(&mut self, head: &[u8]) -> io::Result<()> {
        head.clone_into(&mut self.head);
        self.parts.write_all(head)
    }

    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        let mut written = 0;
        for end in row_ends(piece) {
            // A part ends when a row for the next part arrives, so the last part is never empty.
            if self.rows == self.most.get() {
                self.parts.turn(self.rows)?;
                self.parts.write_all(&self.head)?;
                self.rows = 0;
            }
            self.parts.write_all(&piece[written..end])?;
            self.rows += 1;
            written = end;
        }
        self.parts.write_all(&piece[written..])
    }

    fn end(&mut self, foot: &[u8]) -> io::Result<()> {
        self.parts.write_all(foot)
    }

    fn commit(self: Box<Self>) -> io::Result<Vec<WrittenFile>> {
        let mut made = self.parts.commit(self.rows)?;
        if let [(path, _)] = &mut *made {
            *path = self.path;
        }
        Ok(made
            .into_iter()
            .map(|(path, rows)| WrittenFile {
                path,
                rows: Some(rows),
            })
            .collect())
    }
}

/// Returns where the rows of a CSV end: at line ends outside quotes. A doubled quote turns quoting off and on again.
fn row_ends(piece: &[u8]) -> impl Iterator<Item = usize> {
    let mut quoted = false;
    memchr2_iter(b'"', b'\n', piece).filter_map(move |at| {
        if piece[at] == b'"' {
            quoted = !quoted;
            return None;
        }
        (!quoted).then_some(at + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_inside_quotes_end_no_row() {
        let piece = b"1,a\n2,\"b\nb\"\n3,\"c\"\"\n\"\"c\"\n";
        assert_eq!(row_ends(piece).collect::<Vec<_>>(), [4, 12, piece.len()]);
    }
}
