//! Opens a bundle. Nothing in the file is trusted.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;
use zip::ZipArchive;

use super::{BundleEntry, BundleManifest, MANIFEST, RECORDS, REPORTS, SCHEMA, SETTINGS};
use crate::exit::{Advice, Status};
use crate::file::Sha256;

/// The longest manifest that is read.
const MAX_MANIFEST: u64 = 64 * 1024 * 1024;

/// The highest ratio of unpacked to packed bytes that is accepted. Real results files and reports stay far below.
const MAX_EXPANSION: u64 = 500;

/// The first bytes of a ZIP.
const MAGIC: &[u8] = b"PK\x03\x04";

/// Returns whether the file is a bundle, judged by its first bytes.
///
/// # Errors
///
/// The file cannot be read.
pub fn is_bundle(path: &Path) -> io::Result<bool> {
    let mut first = Vec::new();
    File::open(path)?
        .take(MAGIC.len() as u64)
        .read_to_end(&mut first)?;
    Ok(first == MAGIC)
}

/// A bundle whose entries are exactly those of its manifest. [`Bundle::unpack`] compares the bytes.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    zip: ZipArchive<File>,
    manifest: BundleManifest,
}

impl Bundle {
    /// Opens a bundle and compares its entries with the manifest.
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
        let mut file = File::open(path).map_err(failed)?;
        let declared = declared_entries(&mut file).map_err(failed)?;
        let mut zip = ZipArchive::new(file)
            .map_err(|error| broken(format!("it is not a complete ZIP: {error}")))?;
        // The reader merges two entries of one name, and other programs may show the other one.
        if declared.is_none_or(|declared| declared != zip.len()) {
            return Err(broken(
                "it has several entries of one name, or its list of entries is incomplete"
                    .to_owned(),
            ));
        }
        let names = zip.file_names().map(|name| name.map(Cow::into_owned));
        let names: BTreeSet<String> = names
            .collect::<Result<_, _>>()
            .map_err(|error| broken(format!("an entry's name is not text: {error}")))?;
        if let Some(name) = names.iter().find(|name| !is_ours(name)) {
            return Err(broken(format!(
                "found the entry `{}`, expected results files, reports, settings and a manifest",
                shown(name)
            )));
        }
        let manifest = manifest(&mut zip).map_err(broken)?;
        let listed: BTreeSet<String> = manifest
            .entries
            .iter()
            .map(|entry| entry.name.clone())
            .collect();
        if listed.len() != manifest.entries.len() {
            return Err(broken("its manifest names an entry twice".to_owned()));
        }
        if let Some(missing) = listed.difference(&names).next() {
            return Err(broken(format!("`{}` is missing", shown(missing))));
        }
        if let Some(extra) = names.difference(&listed).find(|name| *name != MANIFEST) {
            return Err(broken(format!(
                "`{}` is in it, and its manifest does not name it",
                shown(extra)
            )));
        }
        if !listed.iter().any(|name| name.starts_with(RECORDS)) {
            return Err(broken("it contains no results file".to_owned()));
        }
        Ok(Self {
            path: path.to_owned(),
            zip,
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
    pub fn unpack(&mut self, entry: &BundleEntry, out: &mut dyn Write) -> Result<(), BundleError> {
        let path = self.path.clone();
        let broken = |problem: String| BundleError::Broken {
            path: path.clone(),
            problem,
        };
        let name = shown(&entry.name);
        let mut packed = self
            .zip
            .by_name(&entry.name)
            .map_err(|error| broken(format!("`{name}` can't be read: {error}")))?;
        if entry.size / MAX_EXPANSION > packed.compressed_size().max(1024) {
            return Err(broken(format!(
                "`{name}` would grow to {} bytes, far more than a report or a results file",
                entry.size
            )));
        }
        let (mut hash, mut size) = (Sha256::new(), 0_u64);
        let mut chunk = vec![0; 256 * 1024];
        while size <= entry.size {
            let read = packed
                .read(&mut chunk)
                .map_err(|error| broken(format!("`{name}` can't be read: {error}")))?;
            if read == 0 {
                break;
            }
            size += read as u64;
            hash.update(&chunk[..read]);
            out.write_all(&chunk[..read])
                .map_err(|source| BundleError::Io {
                    path: path.clone(),
                    source,
                })?;
        }
        let found = hash.hex();
        if size == entry.size && found == entry.sha256 {
            return Ok(());
        }
        Err(broken(format!(
            "`{name}` was changed: its sha256 is {found}, the manifest says {}",
            shown(&entry.sha256)
        )))
    }
}

/// Returns the number of entries that the end of the ZIP states. Bundles have no comment behind it.
fn declared_entries(file: &mut File) -> io::Result<Option<usize>> {
    /// The length of the end record without a comment.
    const END: u64 = 22;
    let length = file.seek(SeekFrom::End(0))?;
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    file.take(END).read_to_end(&mut end)?;
    file.seek(SeekFrom::Start(0))?;
    Ok((end.len() == 22 && end.starts_with(b"PK\x05\x06"))
        .then(|| usize::from(u16::from_le_bytes([end[10], end[11]]))))
}

fn manifest(zip: &mut ZipArchive<File>) -> Result<BundleManifest, String> {
    let packed = zip
        .by_name(MANIFEST)
        .map_err(|_| format!("`{MANIFEST}` is missing"))?;
    let mut text = Vec::new();
    packed
        .take(MAX_MANIFEST)
        .read_to_end(&mut text)
        .map_err(|error| format!("`{MANIFEST}` can't be read: {error}"))?;
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
fn shown(text: &str) -> String {
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
