//! Reads a complete results file.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read as _};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::blocks::Index;
use super::evidence;
use super::{ColumnOrder, EXAMINED, Header, LOCATED, Line, ReadError, SCHEMA, Trailer};
use crate::input::Survey;
use crate::verdict::{EvidenceIndex, EvidenceLine, RowEvidence, Tally};

/// Largest header in bytes. Expectations and inputs are in it; no real list of them is nearly as long.
const LONGEST_HEADER: u64 = 64 * 1024 * 1024;

/// A complete results file.
#[derive(Debug)]
pub struct ResultsFile {
    pub(super) path: PathBuf,
    pub(super) file: File,
    header: Header,
    /// The bytes of the header: the seal covers them, too.
    pub(super) header_line: Vec<u8>,
    pub(super) trailer: Trailer,
    is_streamed: bool,
    pub(super) ended: Timestamp,
    /// The bytes from the first line to the one behind the last row.
    pub(super) lines: std::ops::Range<u64>,
    /// The bytes of the lines about what was examined, up to the trailer.
    pub(super) evidence_lines: std::ops::Range<u64>,
    evidence: EvidenceIndex,
    pub(super) index: Index,
}

impl ResultsFile {
    /// Opens `path` and checks header and trailer. The lines between are checked as they are read.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is not a complete results file.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        Self::open_as(path, SCHEMA)
    }

    /// Opens a results file of the given schema.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is not a complete results file of that schema.
    pub fn open_as(path: &Path, schema: &str) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Io {
            path: path.to_owned(),
            source,
        };
        if !fs::metadata(path).map_err(failed)?.is_file() {
            let what = "it is not a regular file"; // a pipe would block, and some devices have no end
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, what)));
        }
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let first = first_line(&mut BufReader::new(&file)).map_err(failed)?;
        let mut header = parse_header(path, &first, schema)?;
        let trailer_at = last_line(&file, length).map_err(failed)?;
        let mut last = vec![0; usize::try_from(length - trailer_at).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut last, trailer_at).map_err(failed)?;
        let unfinished = || ReadError::Unfinished {
            path: path.to_owned(),
        };
        if !last.ends_with(b"\n") || trailer_at == 0 {
            return Err(unfinished());
        }
        let trailer: Trailer = serde_json::from_slice(&last).map_err(|_| unfinished())?;
        let is_streamed = header.is_streamed();
        if is_streamed {
            header.inputs = streamed(path, &header.inputs, &trailer.inputs)?;
        }
        let ended = trailer.finished_at.parse();
        let ended = ended.map_err(|_| ReadError::Ended {
            path: path.to_owned(),
            found: trailer.finished_at.clone(),
        })?;
        let section = trailer.evidence.map_or(0, |section| section.bytes);
        let rows_end = trailer_at.checked_sub(section);
        let rows_end = rows_end.filter(|end| *end >= first.len() as u64);
        let evidence_lines = rows_end.ok_or_else(unfinished)?..trailer_at;
        let evidence = evidence::read(path, &file, &evidence_lines)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            header,
            is_streamed,
            lines: first.len() as u64..evidence_lines.start,
            evidence_lines,
            evidence,
            header_line: first,
            trailer,
            ended,
            index: Index::default(),
        })
    }

    /// Returns whether the rows came from a stream, which cannot be read again.
    #[must_use]
    pub const fn is_streamed(&self) -> bool {
        self.is_streamed
    }

    /// Returns the first line, for a stream with what the trailer says about the input.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the last line.
    #[must_use]
    pub const fn trailer(&self) -> &Trailer {
        &self.trailer
    }

    /// Returns whether it is known what verdicts rest on: more than the offsets was examined, or answers were inferred.
    #[must_use]
    pub fn states_evidence(&self) -> bool {
        self.header.is_examined() || self.trailer.inference.is_some()
    }

    /// Reads the lines about what was examined beyond the offsets.
    pub(super) fn lines_behind_rows(&self) -> Result<Vec<EvidenceLine>, ReadError> {
        let mut lines = Vec::new();
        evidence::each(&self.path, &self.file, &self.evidence_lines, |line| {
            lines.push(line);
        })?;
        Ok(lines)
    }

    /// Returns what was examined beyond the offsets.
    #[must_use]
    pub const fn evidence(&self) -> &EvidenceIndex {
        &self.evidence
    }

    /// Returns what was found about the message of a line.
    #[must_use]
    pub fn evidence_of<'a>(&'a self, line: &'a Line<'_>) -> RowEvidence<'a> {
        line.with_answer(if self.evidence.is_empty() {
            RowEvidence::default()
        } else {
            self.evidence.of_row(line.row, &line.instance_id)
        })
    }

    /// Sets the path that reports and errors show, for a file that was unpacked from elsewhere.
    #[must_use]
    pub fn known_as(mut self, path: &Path) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Returns the path as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Compares header and trailer with what a pass over all lines has found. The seal does not cover the trailer, and
    /// a forger could compute a new seal.
    ///
    /// # Errors
    ///
    /// If they differ.
    pub fn check(&self, walked: &Tally, columns: &ColumnOrder) -> Result<(), ReadError> {
        let Trailer {
            totals,
            groups,
            columns: stated,
            ..
        } = &self.trailer;
        if walked.totals != *totals {
            return Err(ReadError::Totals {
                path: self.path.clone(),
                found: format!("{:?}", walked.totals),
                sealed: format!("{totals:?}"),
            });
        }
        let names = |names: &[String]| names.join(", ");
        let answered = walked.groups.iter().filter(|(_, seen)| seen.is_answered());
        let answered: Vec<_> = answered.map(|(group, _)| group.clone()).collect();
        let (columns, header_rows) = (columns.names(), self.header.rows());
        let behind = self.trailer.evidence.map_or(0, |section| section.lines);
        let (what, found, place, stated) = if self.evidence.lines() != behind {
            let counts = [self.evidence.lines(), behind].map(|lines| lines.to_string());
            let [found, stated] = counts;
            (
                "the number of lines behind its rows",
                found,
                "trailer",
                stated,
            )
        } else if !answered.iter().eq(groups) {
            let groups: Vec<_> = groups.iter().cloned().collect();
            let what = "the groups in its answers";
            (what, names(&answered), "trailer", names(&groups))
        } else if columns != *stated {
            let what = "the kept columns of its rows";
            (what, names(&columns), "trailer", names(stated))
        } else if !self.header.may_have(totals.rows) {
            let rows = [totals.rows, header_rows].map(|rows| rows.to_string());
            let [found, stated] = rows;
            ("the rows of its inputs", found, "header", stated)
        } else {
            return Ok(());
        };
        Err(ReadError::Mismatch {
            path: self.path.clone(),
            what,
            found,
            place,
            stated,
        })
    }

    /// Makes an error for a line that cannot be read.
    #[must_use]
    pub fn bad_line(&self, row: u64, source: serde_json::Error) -> ReadError {
        ReadError::Line {
            path: self.path.clone(),
            row,
            source,
        }
    }

    /// Makes an error for a failed read.
    #[must_use]
    pub fn failed(&self, source: io::Error) -> ReadError {
        ReadError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

/// Returns the inputs of a stream. `named` are those of the header, which has only their paths, and `read` those of the
/// trailer.
fn streamed(path: &Path, named: &[Survey], read: &[Survey]) -> Result<Vec<Survey>, ReadError> {
    let paths = |inputs: &[Survey]| {
        let paths = inputs.iter().map(|input| input.path.clone());
        paths.collect::<Vec<_>>().join(", ")
    };
    if paths(named) == paths(read) && !read.iter().any(Survey::is_unread) {
        return Ok(read.to_vec());
    }
    Err(ReadError::Mismatch {
        path: path.to_owned(),
        what: "the inputs with a SHA-256 in the trailer",
        found: paths(read),
        place: "header",
        stated: paths(named),
    })
}

/// Reads the first line with its line end, at most as much as the largest header.
pub(super) fn first_line(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    reader.take(LONGEST_HEADER).read_until(b'\n', &mut first)?;
    Ok(first)
}

pub(super) fn parse_header(path: &Path, line: &[u8], schema: &str) -> Result<Header, ReadError> {
    let bad = |found: String| ReadError::Header {
        path: path.to_owned(),
        found,
    };
    let value: serde_json::Value =
        serde_json::from_slice(line).map_err(|_| bad("no JSON in the first line".to_owned()))?;
    match value.get("schema").and_then(|schema| schema.as_str()) {
        Some(found) if found == schema || [found, schema].iter().all(is_judged) => {
            serde_json::from_value(value).map_err(|error| bad(error.to_string()))
        }
        Some(LOCATED) => Err(bad(format!(
            "schema `{LOCATED}`, messages of an unfinished run that are not judged yet"
        ))),
        Some(other) => Err(bad(format!("schema `{other}`"))),
        None => Err(bad("no `schema`".to_owned())),
    }
}

/// Returns whether a file of this schema holds judged rows. Files with and without examined topics are read alike.
fn is_judged(schema: &&str) -> bool {
    [SCHEMA, EXAMINED].contains(schema)
}

/// Returns the offset of the last line.
fn last_line(file: &File, length: u64) -> io::Result<u64> {
    let mut window = 4096_u64;
    loop {
        let from = length.saturating_sub(window);
        let mut tail = vec![0; usize::try_from(length - from).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut tail, from)?;
        let inner = &tail[..tail.len().saturating_sub(1)];
        if let Some(end) = memchr::memrchr(b'\n', inner) {
            return Ok(from + end as u64 + 1);
        }
        if from == 0 {
            return Ok(0);
        }
        window *= 8;
    }
}
