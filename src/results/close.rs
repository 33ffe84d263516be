//! The last steps of a results file: puts the lines in order, adds the trailer with totals and seal, and makes way for
//! the final name.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::order::{self, Earlier};
use super::written_line::push_json;
use super::{ReadError, ResultsFile, Trailer};
use crate::clock;
use crate::file::{self, Sha256};

/// Number of bytes that are copied at once.
const BLOCK: usize = 1024 * 1024;

/// The content of a partial file when a run begins to write to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartialStart {
    /// Number of bytes of the first line.
    pub(super) header_bytes: u64,
    /// The lines behind the header that earlier runs wrote.
    pub(super) earlier: Earlier,
    /// Whether rows of the inputs are missing, as in a shard.
    pub(super) has_gaps: bool,
}

/// Adds the lines behind the rows and the trailer to a partial file whose lines came in order and were hashed on the way.
pub(super) fn seal(
    mut partial: File,
    mut hash: Sha256,
    evidence: &[u8],
    trailer: Trailer,
) -> io::Result<()> {
    hash.update(evidence);
    partial.write_all(evidence)?;
    partial.write_all(&sealed(trailer, hash))
}

/// A results file in row order that was hashed on the way. Only its trailer is missing.
#[derive(Debug)]
pub(super) struct OrderedFile {
    out: BufWriter<NamedTempFile>,
    hash: Sha256,
}

/// Copies the lines of a partial file to a temporary file beside `target` in row order. Bytes in front of the first row are copied unchanged.
pub(super) fn order_into(
    target: &Path,
    partial: impl Read,
    begun: PartialStart,
) -> io::Result<OrderedFile> {
    let mut ordered = OrderedFile {
        out: BufWriter::with_capacity(BLOCK, file::beside(target)?),
        hash: Sha256::new(),
    };
    let mut lines = BufReader::with_capacity(BLOCK, partial);
    io::copy(&mut lines.by_ref().take(begun.header_bytes), &mut ordered)?;
    let scratch = || file::scratch(target);
    order::by_row(lines, &mut ordered, scratch, begun.earlier, begun.has_gaps)?;
    Ok(ordered)
}

impl OrderedFile {
    /// Adds the lines behind the rows and the trailer, and syncs the file.
    pub(super) fn seal(mut self, evidence: &[u8], trailer: Trailer) -> io::Result<NamedTempFile> {
        self.write_all(evidence)?;
        self.out.write_all(&sealed(trailer, self.hash))?;
        let file = self
            .out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        Ok(file)
    }
}

impl Write for OrderedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn sealed(trailer: Trailer, hash: Sha256) -> Vec<u8> {
    let mut line = Vec::new();
    push_json(
        &mut line,
        &Trailer {
            sha256: hash.hex(),
            ..trailer
        },
    );
    line.push(b'\n');
    line
}

/// Renames a complete results file by the time at which it ended. It is never overwritten, since its answers may be
/// impossible to get again.
pub(super) fn keep_earlier(target: &Path) -> io::Result<()> {
    let earlier = match ResultsFile::open(target) {
        Ok(earlier) => earlier,
        Err(ReadError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(());
        }
        Err(other) => return Err(io::Error::other(other)),
    };
    let stem = target.file_stem().unwrap_or_default().to_string_lossy();
    let ended = clock::rfc3339(earlier.ended).replace(':', "");
    let extension = target
        .extension()
        .map(|e| format!(".{}", e.to_string_lossy()))
        .unwrap_or_default();
    let named = |nth: &str| target.with_file_name(format!("{stem}.{ended}{nth}{extension}"));
    let (mut kept, mut nth) = (named(""), 1);
    // Another run may have ended in the same millisecond if the clock was set back.
    while kept.try_exists()? {
        nth += 1;
        kept = named(&format!(".{nth}"));
    }
    tracing::info!(kept = %kept.display(), "an earlier results file with this name is kept");
    fs::rename(target, kept)
}
