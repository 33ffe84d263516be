//! The lines of a results file about what was examined beyond the offsets. They stand between the last row and the trailer.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::ReadError;
use super::written_line::push_json;
use crate::verdict::{EvidenceIndex, EvidenceLine};

/// Returns the lines as they are written.
pub(super) fn written(lines: &[EvidenceLine]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        push_json(&mut bytes, line);
        bytes.push(b'\n');
    }
    bytes
}

/// Reads the lines in a range of a results file, arranged for judging.
pub(super) fn read(
    path: &Path,
    file: &File,
    range: &Range<u64>,
) -> Result<EvidenceIndex, ReadError> {
    let mut index = EvidenceIndex::default();
    each(path, file, range, |line| index.add(line))?;
    Ok(index)
}

/// Calls `take` for each line in a range of a results file.
pub(super) fn each(
    path: &Path,
    file: &File,
    range: &Range<u64>,
    mut take: impl FnMut(EvidenceLine),
) -> Result<(), ReadError> {
    let failed = |source| ReadError::Io {
        path: path.to_owned(),
        source,
    };
    let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, range.start)
        .map_err(failed)?;
    for (nth, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let line = serde_json::from_slice(line).map_err(|source| ReadError::Evidence {
            path: path.to_owned(),
            nth,
            source,
        })?;
        take(line);
    }
    Ok(())
}
