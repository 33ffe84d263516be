//! Writes a results file: appended as answers come, sealed at the end.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::close::{OrderedFile, PartialStart, keep_earlier, order_into, seal};
use super::column_order::ColumnOrder;
use super::journal::{Journal, Written};
use super::line::FoundView;
use super::text::{push_failure, push_field, push_json, push_number, push_previously, push_reject};
use super::tracks::Tracks;
use super::{Outcome, ResultsError, Trailer};
use crate::clock::{self, TimeText};
use crate::file;
use crate::input::{Entry, Row};
use crate::verdict::Totals;
use jiff::Timestamp;
use tempfile::TempPath;

/// A block this large is handed to the writing thread without waiting for more.
pub(super) const BLOCK: usize = 256 * 1024;

/// How much a power cut may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Synced once a second: for answers that can't be asked for again.
    EverySecond,
    /// Left to the system: a snapshot can be asked again at any time.
    Relaxed,
}

/// Where the results file grows before it is whole.
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
pub struct ResultsWriter {
    pub(super) target: PathBuf,
    pub(super) journal: Journal,
    /// The partial file again: it is locked as long as this is open.
    pub(super) lock: File,
    pub(super) begun: PartialStart,
    pub(super) durability: Durability,
    pub(super) block: Vec<u8>,
    pub(super) time: TimeText,
    pub(super) in_order: bool,
    pub(super) next_row: u64,
    pub(super) totals: Totals,
    pub(super) tracks: Tracks,
    pub(super) columns: ColumnOrder,
}

impl ResultsWriter {
    /// Counted so far.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Where the answers are as long as the results file is not whole.
    #[must_use]
    pub fn partial(&self) -> PathBuf {
        partial_path(&self.target)
    }

    /// Appends one row with what became of it; duplicates and rejected rows have no outcome.
    pub fn push(&mut self, row: &Row, outcome: Option<&Outcome>) -> Result<(), ResultsError> {
        self.in_order &= row.row == self.next_row;
        self.next_row = row.row + 1;
        self.totals.rows += 1;
        self.columns.meet(row.row, &row.kept.columns);
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
            (Entry::Query(_), None) => {
                unreachable!("the loop results files a query with its outcome")
            }
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
    pub fn flush(&mut self) -> Result<(), ResultsError> {
        if self.block.is_empty() {
            return Ok(());
        }
        self.journal
            .write(&mut self.block)
            .map_err(|source| ResultsError::Io {
                doing: "write",
                path: self.target.clone(),
                source,
                begun: true,
            })
    }

    /// Writes and syncs what there is and leaves the partial file behind: the run was interrupted.
    pub fn abandon(mut self) -> Result<Totals, ResultsError> {
        let flushed = self.flush();
        let target = self.target;
        let failed = |source| ResultsError::Io {
            doing: "write",
            path: target.clone(),
            source,
            begun: true,
        };
        let written = self.journal.finish().map_err(failed)?;
        if let Some(ordering) = written.ordering {
            ordering.abandon();
        }
        written.file.sync_all().map_err(failed)?;
        flushed.map(|()| self.totals)
    }

    /// All rows are in: ties the totals, puts the lines in order, seals, syncs and renames.
    pub fn finish(mut self, now: Timestamp) -> Result<Totals, ResultsError> {
        let flushed = self.flush();
        let target = self.target.clone();
        let failed = |doing| {
            let path = target.clone();
            move |source| ResultsError::Io {
                doing,
                path,
                source,
                begun: true,
            }
        };
        // The journal's own error says why it stopped taking blocks.
        let written = self.journal.finish().map_err(failed("write"))?;
        flushed?;
        let trailer = Trailer {
            totals: self.totals,
            groups: self.tracks.groups().map(str::to_owned).collect(),
            columns: self.columns.names(),
            finished_at: clock::rfc3339(now),
            sha256: String::new(),
        };
        let partial = partial_path(&target);
        let reordered = match written {
            Written {
                hash: Some(hash),
                file,
                ..
            } if self.in_order => {
                seal(file, hash, trailer).map_err(failed("seal"))?;
                None
            }
            _ => {
                let (ordered, place) =
                    in_row_order(written, self.begun, &target).map_err(failed("order"))?;
                ordered.seal(trailer).map_err(failed("seal"))?;
                Some(place)
            }
        };
        keep_earlier(&target).map_err(failed("keep the earlier results file beside"))?;
        let is_reordered = reordered.is_some();
        match reordered {
            Some(place) => place.persist(&target).map_err(|error| error.error),
            None => fs::rename(&partial, &target),
        }
        .map_err(failed("rename"))?;
        if self.durability == Durability::EverySecond {
            file::sync_folder(&target).map_err(failed("sync the folder of"))?;
        }
        if is_reordered {
            fs::remove_file(&partial).map_err(failed("remove the partial of"))?;
        }
        Ok(self.totals)
    }

    fn push_outcome(&mut self, outcome: &Outcome) {
        let request_id = match &outcome.answer {
            Ok(trace) => {
                self.totals.answered += 1;
                self.totals.tracks += trace.tracks.len() as u64;
                self.block.extend_from_slice(b",\"tracks\":");
                self.tracks.push(&mut self.block, &trace.tracks);
                if let Some(found) = &trace.found {
                    self.block.extend_from_slice(b",\"found\":");
                    push_json(&mut self.block, &FoundView::of(found));
                }
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
        if outcome.throttled > 0 {
            let throttled = u64::from(outcome.throttled);
            push_number(&mut self.block, ",\"throttled\":", throttled);
        }
        if let Some(request_id) = request_id {
            push_field(&mut self.block, "request_id", request_id);
        }
        if let Some(run_id) = &outcome.carried_from {
            self.totals.carried += 1;
            push_field(&mut self.block, "carried_from", run_id);
        }
        if let Some(previously) = &outcome.previously {
            push_previously(&mut self.block, previously);
        }
    }
}

/// Where the lines are put in row order.
#[must_use]
pub fn ordered_path(target: &Path) -> PathBuf {
    target.with_added_extension("ordered")
}

/// What was written, in row order: by the thread that has done it on the way, or now.
fn in_row_order(
    written: Written,
    begun: PartialStart,
    target: &Path,
) -> io::Result<(OrderedFile, TempPath)> {
    let Written {
        mut file, ordering, ..
    } = written;
    if let Some(ordering) = ordering
        && let Some(ordered) = ordering.finish()?
    {
        return Ok(ordered);
    }
    let place = TempPath::try_from_path(ordered_path(target))?;
    file.seek(SeekFrom::Start(0))?;
    Ok((order_into(&place, file, begun)?, place))
}
