//! Opens a bundle. Nothing in the file is trusted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use thiserror::Error;

use super::layout::{self, END, END_LENGTH, LOCAL, LayoutError, PackedEntry};
use super::{BundleEntry, BundleManifest, MANIFEST, RECORDS, REPORTS, SCHEMA, SETTINGS};
use crate::exit::{Advice, Status};
use crate::file::{Sha256, open_regular};

/// The longest manifest that is read.
const MAX_MANIFEST: u64 = 64 * 1024 * 1024;

/// The highest ratio of unpacked to packed bytes that is accepted. Real results files and reports stay far below.
const MAX_EXPANSION: u64 = 500;

/// Returns whether the file is a bundle, judged by its first and last bytes. [`Bundle::open`] refuses one that has only
/// one of both, as other bytes may stand before or behind it.
///
/// # Errors
///
/// The file cannot be read.
pub fn is_bundle(path: &Path) -> io::Result<bool> {
    let file = open_regular(path)?;
    let length = file.metadata()?.len();
    let begins = |at, magic: &[u8]| {
        let mut found = vec![0; magic.len()];
        match file.read_exact_at(&mut found, at) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            read => read.map(|()| found == magic),
        }
    };
    Ok(begins(0, LOCAL)? || begins(length.saturating_sub(END_LENGTH), END)?)
}

/// A bundle whose entries are exactly those of its manifest. [`Bundle::unpack`] compares the bytes.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    file: File,
    packed: BTreeMap<String, PackedEntry>,
    manifest: BundleManifest,
}

impl Bundle {
    /// Opens a bundle, checks the structure of the ZIP, and compares its entries with the manifest.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not a bundle, or its entries differ from its manifest.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        let failed = |source| BundleError::Io {
            path: path.to_owned(),
            source,
        };
        let broken = |problem: String| BundleError::Broken {
            path: path.to_owned(),
            problem,
        };
        let file = File::open(path).map_err(failed)?;
        let packed = layout::entries(&file).map_err(|error| match error {
            LayoutError::Io(source) => failed(source),
            LayoutError::Broken(problem) => broken(problem),
        })?;
        if let Some(entry) = packed.iter().find(|entry| !is_ours(&entry.name)) {
            return Err(broken(format!(
                "found the entry `{}`, expected results files, reports, settings and a manifest",
                shown(&entry.name)
            )));
        }
        let packed = packed.into_iter().map(|entry| (entry.name.clone(), entry));
        let packed: BTreeMap<_, _> = packed.collect();
        let manifest = packed
            .get(MANIFEST)
            .ok_or_else(|| format!("`{MANIFEST}` is missing"))
            .and_then(|entry| manifest(&file, entry))
            .map_err(broken)?;
        compared(&packed, &manifest).map_err(broken)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            packed,
            manifest,
        })
    }

    /// Returns the manifest.
    #[must_use]
    pub const fn manifest(&self) -> &BundleManifest {
        &self.manifest
    }

    /// Returns the results files in their order.
    pub fn results_files(&self) -> impl Iterator<Item = &BundleEntry> {
        self.manifest
            .entries
            .iter()
            .filter(|entry| entry.name.starts_with(RECORDS))
    }

    /// Returns the reports.
    pub fn reports(&self) -> impl Iterator<Item = &BundleEntry> {
        self.manifest
            .entries
            .iter()
            .filter(|entry| entry.name.starts_with(REPORTS))
    }

    /// Returns the settings.
    #[must_use]
    pub fn settings(&self) -> Option<&BundleEntry> {
        self.manifest
            .entries
            .iter()
            .find(|entry| entry.name == SETTINGS)
    }

    /// Reads an entry into `out` and compares size and hash with the manifest.
    ///
    /// # Errors
    ///
    /// The entry cannot be read or differs from the manifest, or `out` cannot be written.
    pub fn unpack(&self, entry: &BundleEntry, out: &mut dyn Write) -> Result<(), BundleError> {
        let broken = |problem: String| BundleError::Broken {
            path: self.path.clone(),
            problem,
        };
        let name = shown(&entry.name);
        let Some(packed) = self.packed.get(&entry.name) else {
            return Err(broken(format!("`{name}` is missing")));
        };
        let mut hash = Sha256::new();
        unpacked(&self.file, packed, |bytes| {
            hash.update(bytes);
            out.write_all(bytes)
        })
        .map_err(|error| match error {
            LayoutError::Io(source) => BundleError::Io {
                path: self.path.clone(),
                source,
            },
            LayoutError::Broken(problem) => broken(problem),
        })?;
        let found = hash.hex();
        if packed.size == entry.size && found == entry.sha256 {
            return Ok(());
        }
        Err(broken(format!(
            "`{name}` was changed: its sha256 is {found}, the manifest says {}",
            shown(&entry.sha256)
        )))
    }
}

/// Compares the entries with those that the manifest names.
fn compared(
    packed: &BTreeMap<String, PackedEntry>,
    manifest: &BundleManifest,
) -> Result<(), String> {
    let listed = manifest.entries.iter().map(|entry| &entry.name);
    let listed: BTreeSet<&String> = listed.collect();
    if listed.len() != manifest.entries.len() {
        return Err("its manifest names an entry twice".to_owned());
    }
    if let Some(missing) = listed.iter().find(|name| !packed.contains_key(**name)) {
        return Err(format!("`{}` is missing", shown(missing)));
    }
    let mut names = packed.keys().filter(|name| *name != MANIFEST);
    if let Some(extra) = names.find(|name| !listed.contains(name)) {
        return Err(format!(
            "`{}` is in it, and its manifest does not name it",
            shown(extra)
        ));
    }
    if !listed.iter().any(|name| name.starts_with(RECORDS)) {
        return Err("it contains no results file".to_owned());
    }
    Ok(())
}

/// The bytes of a file from a place on.
struct Section<'f> {
    file: &'f File,
    at: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(out, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Unpacks an entry in pieces and compares what comes out with its sizes and its crc. `take` may fail.
fn unpacked(
    file: &File,
    entry: &PackedEntry,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), LayoutError> {
    let name = shown(&entry.name);
    let broken = |problem: String| LayoutError::Broken(format!("`{name}` {problem}"));
    if entry.size / MAX_EXPANSION > entry.packed.max(1024) {
        return Err(broken(format!(
            "would grow to {} bytes, far more than a report or a results file",
            entry.size
        )));
    }
    let at = entry.start;
    let packed = BufReader::new(Section { file, at }.take(entry.packed));
    let mut packed = DeflateDecoder::new(packed);
    let (mut crc, mut size) = (Crc::new(), 0_u64);
    let mut chunk = vec![0; 256 * 1024];
    while size <= entry.size {
        let read = packed
            .read(&mut chunk)
            .map_err(|error| broken(format!("can't be read: {error}")))?;
        if read == 0 {
            break;
        }
        size += read as u64;
        crc.update(&chunk[..read]);
        take(&chunk[..read]).map_err(LayoutError::Io)?;
    }
    let compared = [
        ("bytes", size, entry.size),
        ("packed bytes", packed.total_in(), entry.packed),
        ("as its crc", crc.sum().into(), entry.crc),
    ];
    match compared
        .into_iter()
        .find(|(_, found, listed)| found != listed)
    {
        Some((what, found, listed)) => Err(broken(format!(
            "was changed: it has {found} {what}, the directory says {listed}"
        ))),
        None => Ok(()),
    }
}

fn manifest(file: &File, entry: &PackedEntry) -> Result<BundleManifest, String> {
    if entry.size > MAX_MANIFEST {
        return Err(format!(
            "`{MANIFEST}` has {} bytes, expected at most {MAX_MANIFEST}",
            entry.size
        ));
    }
    let mut text = Vec::new();
    unpacked(file, entry, |bytes| text.write_all(bytes)).map_err(|error| match error {
        LayoutError::Io(error) => format!("`{MANIFEST}` can't be read: {error}"),
        LayoutError::Broken(problem) => problem,
    })?;
    let unread = |error: serde_json::Error| format!("`{MANIFEST}` is no manifest: {error}");
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(unread)?;
    match value.get("schema").and_then(|schema| schema.as_str()) {
        Some(SCHEMA) => serde_json::from_value(value).map_err(unread),
        Some(other) => Err(format!(
            "found the schema `{}`, expected `{SCHEMA}`",
            shown(other)
        )),
        None => Err(format!("`{MANIFEST}` has no `schema`, expected `{SCHEMA}`")),
    }
}

/// Returns whether a name is one that we write. Such a name cannot lead out of the folder it is unpacked into.
fn is_ours(name: &str) -> bool {
    let inner = name
        .strip_prefix(RECORDS)
        .or_else(|| name.strip_prefix(REPORTS));
    match inner {
        Some(inner) => {
            !inner.is_empty() && !inner.starts_with('.') && !inner.contains(['/', '\\', ':', '\0'])
        }
        None => matches!(name, MANIFEST | SETTINGS),
    }
}

/// Returns a text from the bundle in a form that is safe in a message.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .take(100)
        .flat_map(char::escape_default)
        .collect()
}

/// Why a bundle cannot be relied on.
#[derive(Debug, Error)]
pub enum BundleError {
    /// The bundle cannot be read, or the file it is unpacked to cannot be written.
    #[error("can't read {}", path.display())]
    Io {
        /// The bundle's path.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The bundle was changed since it was written, or the file never was a bundle.
    #[error("{}: {problem}", path.display())]
    Broken {
        /// The bundle's path.
        path: PathBuf,
        /// What is wrong with the bundle.
        problem: String,
    },
}

impl Advice for BundleError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { .. } => "name a file that --bundle wrote".to_owned(),
            Self::Broken { .. } => {
                "don't rely on this bundle; request it again from its author".to_owned()
            }
        })
    }

    fn status(&self) -> Status {
        Status::Refused
    }
}
