//! Writes a results file: appended as answers come, sealed at the end.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::scribe::{Scribe, Written};
use super::{Header, Outcome, ReadError, Record, Trailer, order};
use crate::clock;
use crate::exit::{Advice, Status};
use crate::file::{self, Sha256};
use crate::input::{Entry, Reject, Row};
use crate::source::{Failure, Track};
use crate::verdict::Totals;

/// A block this large is handed to the writing thread without waiting for more.
const BLOCK: usize = 1024 * 1024;

/// How much a power cut may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Synced once a second: for answers that can't be asked for again.
    EverySecond,
    /// Left to the system: a snapshot can be asked again at any time.
    Relaxed,
}

/// Why a record can't be written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// An earlier run did not finish, or another one is writing.
    #[error("{} holds the answers of an unfinished run", path.display())]
    Unfinished {
        /// The partial file.
        path: PathBuf,
    },
    /// Another run holds the lock.
    #[error("another run is writing {}", path.display())]
    Busy {
        /// The partial file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("can't {doing} {}", path.display())]
    Io {
        /// What we were at.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// Is there a partial file with answers?
        begun: bool,
    },
}

impl Advice for RecordError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unfinished { path } => format!(
                "its answers may not be had again: keep it (mv {0} {0}.kept), or name another record with --results",
                path.display()
            ),
            Self::Busy { .. } => "wait for it, or name another record with --results".to_owned(),
            Self::Io {
                begun: true, path, ..
            } => format!("the answers so far are in {}", partial_path(path).display()),
            Self::Io { .. } => {
                "name a record in a folder you may write to with --results".to_owned()
            }
        })
    }

    fn status(&self) -> Status {
        if matches!(self, Self::Io { begun: true, .. }) {
            Status::Incomplete
        } else {
            Status::Refused
        }
    }
}

/// Where the record grows before it is whole.
#[must_use]
pub fn partial_path(results: &Path) -> PathBuf {
    let mut name = results.as_os_str().to_owned();
    if results
        .extension()
        .is_none_or(|extension| extension != "partial")
    {
        name.push(".partial");
    }
    name.into()
}

/// A results file in the making.
#[derive(Debug)]
pub struct Recorder {
    target: PathBuf,
    scribe: Scribe,
    /// The partial file again, for reading it back and to hold the lock.
    file: File,
    header_bytes: u64,
    durability: Durability,
    block: Vec<u8>,
    time: TimeText,
    in_order: bool,
    next_row: u64,
    totals: Totals,
    groups: BTreeSet<Arc<str>>,
    last_groups: Vec<Arc<str>>,
    columns: Columns,
}

impl Recorder {
    /// Creates `RESULTS.partial` (0600, locked) and writes the header.
    pub fn create(
        target: &Path,
        header: &Header,
        durability: Durability,
    ) -> Result<Self, RecordError> {
        let path = partial_path(target);
        let refused = |doing| {
            let path = path.clone();
            move |source| RecordError::Io {
                doing,
                path,
                source,
                begun: false,
            }
        };
        let file = match file::create_private(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(occupied(path));
            }
            Err(error) => return Err(refused("create")(error)),
        };
        file.try_lock()
            .map_err(|error| refused("lock")(error.into()))?;
        let mut block = Vec::with_capacity(BLOCK + BLOCK / 8);
        push_json(&mut block, header);
        block.push(b'\n');
        let header_bytes = block.len() as u64;
        let writer = file.try_clone().map_err(refused("open"))?;
        let mut recorder = Self {
            target: target.to_owned(),
            scribe: Scribe::start(writer, durability).map_err(refused("begin"))?,
            file,
            header_bytes,
            durability,
            block,
            time: TimeText::default(),
            in_order: true,
            next_row: 1,
            totals: Totals::default(),
            groups: BTreeSet::new(),
            last_groups: Vec::new(),
            columns: Columns::default(),
        };
        recorder.flush()?;
        Ok(recorder)
    }

    /// Counted so far.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Where the answers are as long as the record is not whole.
    #[must_use]
    pub fn partial(&self) -> PathBuf {
        partial_path(&self.target)
    }

    /// Appends one row with what became of it; duplicates and rejected rows have no outcome.
    pub fn push(&mut self, row: &Row, outcome: Option<&Outcome>) -> Result<(), RecordError> {
        self.in_order &= row.row == self.next_row;
        self.next_row = row.row + 1;
        self.totals.rows += 1;
        self.columns.meet(&row.kept.columns);
        push_number(&mut self.block, "{\"row\":", row.row);
        match (&row.entry, outcome) {
            (Entry::Query(query), Some(outcome)) => {
                push_field(&mut self.block, "msg_id", &query.msg_id);
                push_field(&mut self.block, "topic", &query.topic);
                if let Some(instance) = &query.instance_id {
                    push_field(&mut self.block, "instance_id", instance);
                }
                self.push_outcome(outcome);
            }
            (Entry::Duplicate { of }, _) => {
                self.totals.duplicates += 1;
                push_number(&mut self.block, ",\"same_as\":", *of);
            }
            (Entry::Rejected(reject), _) => {
                self.totals.rejected += 1;
                push_reject(&mut self.block, reject);
            }
            (Entry::Query(_), None) => unreachable!("the loop records a query with its outcome"),
        }
        if let Some(extra) = &row.kept.json {
            self.block.extend_from_slice(b",\"extra\":");
            self.block.extend_from_slice(extra.as_bytes());
        }
        self.block.extend_from_slice(b"}\n");
        if self.block.len() >= BLOCK {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Hands on what has been pushed. Called before every wait, so that no answer sits in memory while the run is paced.
    pub fn flush(&mut self) -> Result<(), RecordError> {
        if self.block.is_empty() {
            return Ok(());
        }
        self.scribe
            .write(&mut self.block)
            .map_err(|source| RecordError::Io {
                doing: "write",
                path: self.target.clone(),
                source,
                begun: true,
            })
    }

    /// Writes and syncs what there is and leaves the partial file behind: the run was interrupted.
    pub fn abandon(mut self) -> Result<Totals, RecordError> {
        let flushed = self.flush();
        let target = self.target;
        let failed = |source| RecordError::Io {
            doing: "write",
            path: target.clone(),
            source,
            begun: true,
        };
        self.scribe
            .finish()
            .and_then(|written| written.file.sync_all())
            .map_err(failed)?;
        flushed.map(|()| self.totals)
    }

    /// All rows are in: ties the totals, puts the lines in order, seals, syncs and renames.
    pub fn finish(mut self, now: Timestamp) -> Result<Totals, RecordError> {
        let flushed = self.flush();
        let target = self.target.clone();
        let failed = |doing| {
            let path = target.clone();
            move |source| RecordError::Io {
                doing,
                path,
                source,
                begun: true,
            }
        };
        // The thread's own error says why it stopped taking blocks.
        let written = self.scribe.finish().map_err(failed("write"))?;
        flushed?;
        let trailer = Trailer {
            totals: self.totals,
            groups: self
                .groups
                .iter()
                .map(|group| (**group).to_owned())
                .collect(),
            columns: self.columns.names,
            finished_at: clock::rfc3339(now),
            sha256: String::new(),
        };
        let partial = partial_path(&target);
        let whole = if self.in_order {
            seal(written, trailer, self.durability).map_err(failed("seal"))?;
            partial.clone()
        } else {
            let ordered = target.with_added_extension("ordered");
            reorder(&self.file, self.header_bytes, &ordered, trailer).map_err(failed("order"))?;
            ordered
        };
        keep_earlier(&target).map_err(failed("keep the earlier record beside"))?;
        fs::rename(&whole, &target).map_err(failed("rename"))?;
        if self.durability == Durability::EverySecond {
            file::sync_folder(&target).map_err(failed("sync the folder of"))?;
        }
        if whole != partial {
            fs::remove_file(&partial).map_err(failed("remove the partial of"))?;
        }
        Ok(self.totals)
    }

    fn push_outcome(&mut self, outcome: &Outcome) {
        let request_id = match &outcome.answer {
            Ok(trace) => {
                self.totals.answered += 1;
                self.totals.tracks += trace.tracks.len() as u64;
                self.push_tracks(&trace.tracks);
                &trace.request_id
            }
            Err(failure) => {
                if failure.kind == crate::source::FailureKind::NotFound {
                    self.totals.not_found += 1;
                } else {
                    self.totals.unanswered += 1;
                }
                push_failure(&mut self.block, failure);
                &failure.request_id
            }
        };
        self.totals.distinct += 1;
        self.block.extend_from_slice(b",\"observed_at\":\"");
        self.block
            .extend_from_slice(self.time.of(outcome.observed_at).as_bytes());
        push_number(
            &mut self.block,
            "\",\"attempts\":",
            u64::from(outcome.attempts),
        );
        if let Some(request_id) = request_id {
            push_field(&mut self.block, "request_id", request_id);
        }
    }

    /// Tracks in group order: the source's order means nothing, and a second run must write the same bytes.
    fn push_tracks(&mut self, tracks: &[Track]) {
        let mut sorted = Vec::new();
        let tracks = if self.meet_groups(tracks) {
            tracks
        } else {
            sorted.extend_from_slice(tracks);
            sorted.sort_by(|a, b| {
                (&a.group, a.track_type.as_str()).cmp(&(&b.group, b.track_type.as_str()))
            });
            &sorted
        };
        self.block.extend_from_slice(b",\"tracks\":[");
        for (nth, track) in tracks.iter().enumerate() {
            self.block.extend_from_slice(if nth == 0 {
                b"{\"group\":"
            } else {
                b",{\"group\":"
            });
            push_text(&mut self.block, &track.group);
            push_field(&mut self.block, "track_type", track.track_type.as_str());
            self.block.push(b'}');
        }
        self.block.push(b']');
    }

    /// Remembers the groups of an answer; are they in order already? Most answers have the groups of the last one,
    /// and a snapshot's are even the same texts.
    fn meet_groups(&mut self, tracks: &[Track]) -> bool {
        let same = |(track, last): (&Track, &Arc<str>)| Arc::ptr_eq(&track.group, last);
        if tracks.len() == self.last_groups.len() && tracks.iter().zip(&self.last_groups).all(same)
        {
            return true;
        }
        for track in tracks {
            if !self.groups.contains(&track.group) {
                self.groups.insert(track.group.clone());
            }
        }
        let in_order = tracks.is_sorted_by(|a, b| a.group < b.group);
        self.last_groups.clear();
        if in_order {
            self.last_groups
                .extend(tracks.iter().map(|track| track.group.clone()));
        }
        in_order
    }
}

fn occupied(path: PathBuf) -> RecordError {
    match File::open(&path).map(|file| file.try_lock()) {
        Ok(Err(fs::TryLockError::WouldBlock)) => RecordError::Busy { path },
        _ => RecordError::Unfinished { path },
    }
}

/// Adds the trailer to a partial file whose lines came in order.
fn seal(written: Written, trailer: Trailer, durability: Durability) -> io::Result<()> {
    let Written { mut file, hash } = written;
    file.write_all(&sealed(trailer, hash))?;
    if durability == Durability::EverySecond {
        file.sync_all()
    } else {
        Ok(())
    }
}

/// Copies a partial file to `target` in row order and adds the trailer.
fn reorder(
    mut partial: &File,
    header_bytes: u64,
    target: &Path,
    trailer: Trailer,
) -> io::Result<()> {
    let _ = fs::remove_file(target); // left by a run that died right here
    let mut out = Hashed {
        out: BufWriter::with_capacity(BLOCK, file::create_private(target)?),
        hash: Sha256::new(),
    };
    partial.seek(SeekFrom::Start(0))?;
    let mut lines = BufReader::with_capacity(BLOCK, partial);
    io::copy(&mut io::Read::take(&mut lines, header_bytes), &mut out)?;
    order::by_row(lines, &mut out, || file::scratch(target))?;
    let Hashed { mut out, hash } = out;
    out.write_all(&sealed(trailer, hash))?;
    out.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()
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

/// A whole record is never overwritten, since its answers may not be had again: it is renamed by when it ended.
fn keep_earlier(target: &Path) -> io::Result<()> {
    let earlier = match Record::open(target) {
        Ok(earlier) => earlier,
        Err(ReadError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(());
        }
        Err(other) => return Err(io::Error::other(other)),
    };
    let stem = target.file_stem().unwrap_or_default().to_string_lossy();
    let ended = earlier.trailer().finished_at.replace(':', "");
    let extension = target
        .extension()
        .map(|e| format!(".{}", e.to_string_lossy()))
        .unwrap_or_default();
    let kept = target.with_file_name(format!("{stem}.{ended}{extension}"));
    tracing::info!(kept = %kept.display(), "an earlier record with this name is kept");
    fs::rename(target, kept)
}

struct Hashed<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The kept columns of all inputs, in the order they were met.
#[derive(Debug, Default)]
struct Columns {
    names: Vec<String>,
    known: HashSet<Box<str>>,
    last: Option<Arc<[Box<str>]>>,
}

impl Columns {
    fn meet(&mut self, columns: &Arc<[Box<str>]>) {
        if self
            .last
            .as_ref()
            .is_some_and(|last| Arc::ptr_eq(last, columns))
        {
            return;
        }
        for name in columns.iter() {
            if !self.known.contains(name) {
                self.known.insert(name.clone());
                self.names.push(name.clone().into());
            }
        }
        self.last = Some(columns.clone());
    }
}

/// The text of the last time: all answers of a snapshot have the same, and formatting one costs more than judging.
#[derive(Debug, Default)]
struct TimeText(Option<(Timestamp, String)>);

impl TimeText {
    fn of(&mut self, time: Timestamp) -> &str {
        if self.0.as_ref().is_none_or(|(last, _)| *last != time) {
            self.0 = Some((time, clock::rfc3339(time)));
        }
        self.0.as_ref().map_or("", |(_, text)| text)
    }
}

fn push_failure(block: &mut Vec<u8>, failure: &Failure) {
    block.extend_from_slice(b",\"error\":{\"kind\":\"");
    block.extend_from_slice(failure.kind.as_str().as_bytes());
    block.push(b'"');
    if let Some(code) = &failure.code {
        push_field(block, "code", code);
    }
    push_field(block, "message", &failure.message);
    if let Some(status) = failure.http_status {
        push_number(block, ",\"http_status\":", u64::from(status));
    }
    block.push(b'}');
}

fn push_reject(block: &mut Vec<u8>, reject: &Reject) {
    for (name, found) in [("msg_id", &reject.msg_id), ("topic", &reject.topic)] {
        if let Some(found) = found {
            push_field(block, name, found);
        }
    }
    block.extend_from_slice(b",\"rejected\":{\"file\":");
    push_text(block, &reject.file);
    push_number(block, ",\"line\":", reject.line);
    push_field(block, "column", &reject.column);
    push_field(block, "found", &reject.found);
    push_field(block, "reason", &reject.reason);
    block.push(b'}');
}

fn push_field(block: &mut Vec<u8>, name: &str, value: &str) {
    block.extend_from_slice(b",\"");
    block.extend_from_slice(name.as_bytes());
    block.extend_from_slice(b"\":");
    push_text(block, value);
}

/// A JSON string. Nearly all are plain, and then no serializer is needed.
fn push_text(block: &mut Vec<u8>, text: &str) {
    // No early exit: that lets the compiler look at many bytes at once.
    let special = |found, byte| found | (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    if text.bytes().fold(false, special) {
        push_json(block, text);
    } else {
        block.push(b'"');
        block.extend_from_slice(text.as_bytes());
        block.push(b'"');
    }
}

fn push_number(block: &mut Vec<u8>, before: &str, number: u64) {
    block.extend_from_slice(before.as_bytes());
    push_json(block, &number);
}

fn push_json<T: Serialize + ?Sized>(block: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(block, value)
        .expect("our own types serialise, and memory takes all bytes");
}
