//! Puts the results files of all shards of a run together: one results file, as the run without shards would have made it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{
    Durability, Header, Line, ReadError, ResultsError, ResultsFile, ResultsWriter, evidence_merge,
    inference,
};
use crate::exit::Advice;
use crate::file::Sha256;
use crate::input::{SHARD, Shard};
use crate::verdict::{AnswerView, EvidenceLine};

/// Results files that are not all shards of one run.
#[derive(Debug, thiserror::Error)]
pub enum ShardsError {
    /// A results file is no shard.
    #[error("{} is not a shard, and {} is shard {shard} of a run", path.display(), other.display())]
    NoShard {
        /// The results file.
        path: PathBuf,
        /// One that is a shard.
        other: PathBuf,
        /// Its shard.
        shard: Shard,
    },
    /// A results file is a shard of another number of shards.
    #[error("{} is shard {shard}, and {} is shard {other_shard}: they are not shards of one run", path.display(), other.display())]
    Count {
        /// The results file.
        path: PathBuf,
        /// Its shard.
        shard: Shard,
        /// Another one.
        other: PathBuf,
        /// The shard of the other one.
        other_shard: Shard,
    },
    /// A shard is there twice.
    #[error("{} and {} are both shard {shard}", path.display(), other.display())]
    Twice {
        /// The results file.
        path: PathBuf,
        /// The other one.
        other: PathBuf,
        /// Their shard.
        shard: Shard,
    },
    /// A shard is of another run.
    #[error("{} (shard {shard}) is not of the run of {} (shard {other_shard}): {}", path.display(), other.display(), differences.join("; "))]
    Foreign {
        /// The results file.
        path: PathBuf,
        /// Its shard.
        shard: Shard,
        /// The one that it is compared with.
        other: PathBuf,
        /// The shard of the other one.
        other_shard: Shard,
        /// What differs.
        differences: Vec<String>,
    },
    /// Shards are missing.
    #[error("missing: shard {}", names(missing))]
    Missing {
        /// The shards.
        missing: Vec<Shard>,
    },
    /// A row belongs to another shard.
    #[error("{} is shard {shard}, and its row {row} does not belong to that shard", path.display())]
    Row {
        /// The results file.
        path: PathBuf,
        /// Its shard.
        shard: Shard,
        /// The row.
        row: u64,
    },
    /// A results file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The new results file cannot be written.
    #[error(transparent)]
    Write(#[from] ResultsError),
}

fn names(shards: &[Shard]) -> String {
    let names: Vec<_> = shards.iter().map(ToString::to_string).collect();
    names.join(", ")
}

impl Advice for ShardsError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoShard { .. } | Self::Count { .. } | Self::Foreign { .. } => {
                "name the results files of all shards of one run: the same inputs, source and options"
            }
            Self::Twice { .. } => "name each shard once",
            Self::Missing { .. } => {
                "name the results files of all shards; `ons-audit audit` with --shard makes one"
            }
            Self::Row { .. } => "the file was changed: audit that shard again",
            Self::Read(error) => return error.hint(),
            Self::Write(error) => return error.hint(),
        };
        Some(hint.to_owned())
    }

    fn status(&self) -> crate::exit::Status {
        match self {
            Self::Read(error) => error.status(),
            Self::Write(error) => error.status(),
            _ => crate::exit::Status::Refused,
        }
    }
}

/// Writes the results file of the run whose shards these are to `target`. A run whose shards expect other groups gets the
/// expectations of shard 0.
///
/// # Errors
///
/// If they are not all shards of one run, or a file cannot be read or written.
pub fn merge(shards: &[ResultsFile], target: &Path) -> Result<(), ShardsError> {
    let ordered = in_order(shards)?;
    let mut writer = ResultsWriter::create(target, &header(&ordered), Durability::Relaxed)?;
    for (shard, file) in &ordered {
        let mut blocks = file.blocks(true);
        while let Some(block) = blocks.next_block()? {
            for (row, text) in block.lines() {
                let bad = |error| file.bad_line(row, error);
                let line = super::Block::parse(row, text).map_err(bad)?;
                if !is_of(*shard, &line) {
                    return Err(ShardsError::Row {
                        path: file.path().to_owned(),
                        shard: *shard,
                        row,
                    });
                }
                writer.push_line(&line, text)?;
            }
        }
    }
    let trailers = || ordered.iter().map(|(_, file)| file.trailer());
    if let Some(first) = trailers().next() {
        writer.set_input_notes(first.input.clone());
    }
    if let Some(merged) = inference::merged(trailers().filter_map(|t| t.inference.as_ref())) {
        writer.set_inference(merged);
    }
    let mut lines: Vec<EvidenceLine> = Vec::new();
    for (_, file) in &ordered {
        lines.extend(file.lines_behind_rows()?);
    }
    let lines = evidence_merge::merged(lines);
    let calls = trailers().filter_map(|trailer| trailer.evidence);
    let calls = calls.map(|section| section.calls).sum();
    let ended = ordered.iter().map(|(_, file)| file.ended).max();
    writer
        .settle()?
        .finish((&lines, calls), ended.unwrap_or_default())?;
    Ok(())
}

/// Returns whether a line belongs to a shard. Duplicates are with the row that they repeat.
fn is_of(shard: Shard, line: &Line<'_>) -> bool {
    match line.answer() {
        None => true,
        Some(AnswerView::Rejected) => shard.has_rejects(),
        Some(_) => shard.has_message(&line.instance_id, &line.topic, &line.msg_id),
    }
}

/// Returns the files in the order of their shards, which must be all of one run.
fn in_order(files: &[ResultsFile]) -> Result<Vec<(Shard, &ResultsFile)>, ShardsError> {
    let shard_of = |file: &ResultsFile| file.header().shard();
    let Some((of, first)) = files.iter().find_map(|file| Some((shard_of(file)?, file))) else {
        return Ok(Vec::new());
    };
    let mut by_shard: BTreeMap<Shard, &ResultsFile> = BTreeMap::new();
    for file in files {
        let path = || file.path().to_owned();
        let other = || first.path().to_owned();
        let Some(shard) = shard_of(file) else {
            return Err(ShardsError::NoShard {
                path: path(),
                other: other(),
                shard: of,
            });
        };
        if shard.count() != of.count() {
            return Err(ShardsError::Count {
                path: path(),
                shard,
                other: other(),
                other_shard: of,
            });
        }
        let (then, now) = (first.header(), file.header());
        let mut differences = without_own(then).differences(&without_own(now));
        if then.is_examined() != now.is_examined() {
            differences.push("only one of them is examined (--examine)".to_owned());
        }
        if !differences.is_empty() {
            return Err(ShardsError::Foreign {
                path: path(),
                shard,
                other: other(),
                other_shard: of,
                differences,
            });
        }
        if let Some(earlier) = by_shard.insert(shard, file) {
            return Err(ShardsError::Twice {
                path: path(),
                other: earlier.path().to_owned(),
                shard,
            });
        }
    }
    let missing: Vec<_> = of.all().filter(|it| !by_shard.contains_key(it)).collect();
    if missing.is_empty() {
        Ok(by_shard.into_iter().collect())
    } else {
        Err(ShardsError::Missing { missing })
    }
}

/// Returns a header without what each shard has of its own. Offsets of a cluster are read for each shard at another time.
/// Other expectations need no new answers.
fn without_own(header: &Header) -> Header {
    let mut header = header.clone();
    header.options.remove(SHARD);
    header.expectations = crate::verdict::Expectations::default();
    if !header.brokers.is_empty() {
        header.as_of = None;
    }
    header
}

/// Returns the header of the whole run. Its ID follows from those of the shards, so the same shards give the same file.
fn header(shards: &[(Shard, &ResultsFile)]) -> Header {
    let headers = || shards.iter().map(|(_, file)| file.header());
    let mut run = shards[0].1.header().clone();
    run.options.remove(SHARD);
    let mut id = Sha256::new();
    headers().for_each(|header| id.update(header.run_id.as_bytes()));
    id.hex()[..32].clone_into(&mut run.run_id);
    let earliest = |times: &mut dyn Iterator<Item = &String>| times.min().cloned();
    run.started_at = earliest(&mut headers().map(|header| &header.started_at)).unwrap_or_default();
    run.as_of = earliest(&mut headers().filter_map(|header| header.as_of.as_ref()));
    run.brokers = headers()
        .flat_map(|header| header.brokers.clone())
        .collect::<BTreeSet<_>>();
    run.unasked_brokers = headers()
        .flat_map(|header| header.unasked_brokers.clone())
        .collect();
    run
}
