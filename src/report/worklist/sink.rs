//! Writes the files of a worklist and their manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::names::names;
use super::next_entry;
use crate::file::FileSet;
use crate::report::Summary;
use crate::report::row::ReportContext;
use crate::report::sink::{ReportSink, WrittenFile};
use crate::verdict::Verdict;

/// The file that lists the files of a worklist.
const MANIFEST: &str = "worklist.json";

const SCHEMA: &str = "ons-audit-worklist/1";

/// How many bytes are collected before a file is written to.
const BUFFER: usize = 32 * 1024;

/// Sorts entries into files.
pub(in crate::report) struct WorklistSink {
    /// The path as given on the command line.
    path: PathBuf,
    set: FileSet,
    groups: Vec<String>,
    /// The file names of the groups, without verdict and ending.
    names: Vec<String>,
    head: Vec<u8>,
    files: BTreeMap<(usize, Verdict), WorklistFiles>,
}

/// The CSV and the NDJSON file of one group and verdict.
#[derive(Default)]
struct WorklistFiles {
    csv: Vec<u8>,
    ndjson: Vec<u8>,
    messages: u64,
}

#[derive(Serialize)]
struct WorklistManifest<'a> {
    schema: &'static str,
    /// Whether every message was answered.
    complete: bool,
    #[serde(rename = "records")]
    results_files: Vec<ResultsFileView<'a>>,
    observed_from: Option<&'a str>,
    observed_to: Option<&'a str>,
    files: Vec<WorklistFileView<'a>>,
}

#[derive(Serialize)]
struct ResultsFileView<'a> {
    run_id: &'a str,
    source: &'a str,
    sha256: &'a str,
}

#[derive(Serialize)]
struct WorklistFileView<'a> {
    file: String,
    group: &'a str,
    verdict: &'static str,
    messages: u64,
}

impl WorklistSink {
    pub(in crate::report) fn new(path: PathBuf, set: FileSet, context: &ReportContext) -> Self {
        Self {
            path,
            set,
            names: names(&context.groups),
            groups: context.groups.clone(),
            head: Vec::new(),
            files: BTreeMap::new(),
        }
    }

    fn name(&self, (group, verdict): (usize, Verdict), ending: &str) -> String {
        format!("{}.{verdict}.{ending}", self.names[group])
    }

    /// Appends the collected lines of one pair of files.
    fn flush(&mut self, key: (usize, Verdict)) -> io::Result<()> {
        let names = ["csv", "ndjson"].map(|ending| self.name(key, ending));
        let Some(pair) = self.files.get_mut(&key) else {
            return Ok(());
        };
        for (name, bytes) in names.iter().zip([&mut pair.csv, &mut pair.ndjson]) {
            self.set.append(name, bytes)?;
            bytes.clear();
        }
        Ok(())
    }

    fn manifest(&self, summary: &Summary<'_>) -> io::Result<Vec<u8>> {
        let results_files = summary
            .results_files
            .iter()
            .map(|results_file| ResultsFileView {
                run_id: &results_file.header().run_id,
                source: &results_file.header().source,
                sha256: &results_file.trailer().sha256,
            });
        let files = self.files.iter().flat_map(|(&key, pair)| {
            ["csv", "ndjson"].map(|ending| WorklistFileView {
                file: self.name(key, ending),
                group: &self.groups[key.0],
                verdict: key.1.as_str(),
                messages: pair.messages,
            })
        });
        let observed = summary.tally.observed.as_ref();
        let mut json = serde_json::to_vec_pretty(&WorklistManifest {
            schema: SCHEMA,
            complete: summary.is_complete(),
            results_files: results_files.collect(),
            observed_from: observed.map(|(first, _)| first.as_str()),
            observed_to: observed.map(|(_, last)| last.as_str()),
            files: files.collect(),
        })?;
        json.push(b'\n');
        Ok(json)
    }
}

impl ReportSink for WorklistSink {
    fn begin(&mut self, head: &[u8]) -> io::Result<()> {
        head.clone_into(&mut self.head);
        Ok(())
    }

    fn take(&mut self, mut piece: &[u8]) -> io::Result<()> {
        while let Some(entry) = next_entry(&mut piece) {
            let key = (entry.group, entry.verdict);
            let pair = self.files.entry(key).or_default();
            if pair.messages == 0 {
                pair.csv.extend_from_slice(&self.head);
            }
            pair.messages += 1;
            pair.csv.extend_from_slice(entry.csv);
            pair.ndjson.extend_from_slice(entry.ndjson);
            if pair.csv.len() + pair.ndjson.len() > BUFFER {
                self.flush(key)?;
            }
        }
        Ok(())
    }

    fn summarise(&mut self, summary: &Summary<'_>) -> io::Result<()> {
        let keys: Vec<_> = self.files.keys().copied().collect();
        for key in keys {
            self.flush(key)?;
        }
        self.set.append(MANIFEST, &self.manifest(summary)?)
    }

    fn commit(self: Box<Self>) -> io::Result<Vec<WrittenFile>> {
        let made = self.files.iter().map(|(&key, pair)| WrittenFile {
            path: self.path.join(self.name(key, "csv")),
            rows: Some(pair.messages),
        });
        let made = made.collect();
        self.set.commit()?;
        Ok(made)
    }
}

/// Why a folder cannot hold a worklist.
#[derive(Debug, thiserror::Error)]
pub enum ForeignFolder {
    /// The folder holds something that is not part of an earlier worklist.
    #[error("{} is there and no worklist of an earlier run: it holds {found}", path.display())]
    Holds {
        /// The folder's path.
        path: PathBuf,
        /// The first such file.
        found: String,
    },
    /// The folder or its manifest cannot be read.
    #[error("can't read {}", path.display())]
    Unread {
        /// The path of the folder or the manifest.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// Refuses a folder with files that its manifest does not list. Only listed files may be replaced.
///
/// # Errors
///
/// The folder holds another file, or cannot be read.
pub fn refuse_foreign(path: &Path) -> Result<(), ForeignFolder> {
    #[derive(Deserialize)]
    struct EarlierManifest {
        schema: String,
        files: Vec<EarlierFile>,
    }
    #[derive(Deserialize)]
    struct EarlierFile {
        file: String,
    }
    let unread = |source| ForeignFolder::Unread {
        path: path.to_owned(),
        source,
    };
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(unread)?,
    };
    let manifest = fs::read(path.join(MANIFEST)).unwrap_or_default();
    let listed = serde_json::from_slice::<EarlierManifest>(&manifest)
        .ok()
        .filter(|listed| listed.schema == SCHEMA);
    let mut known = BTreeSet::new();
    if let Some(listed) = listed {
        known.insert(MANIFEST.to_owned());
        known.extend(listed.files.into_iter().map(|listed| listed.file));
    }
    for entry in entries {
        let entry = entry.map_err(unread)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_file = entry.file_type().map_err(unread)?.is_file();
        if !is_file || !known.contains(&name) {
            return Err(ForeignFolder::Holds {
                path: path.to_owned(),
                found: name,
            });
        }
    }
    Ok(())
}
