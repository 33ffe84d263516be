//! Opens a bundle and trusts nothing in it.

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

/// No manifest comes near it.
const LONGEST_MANIFEST: u64 = 64 * 1024 * 1024;

/// More than this many bytes out of one is no text that anybody wrote.
const MOST_EXPANSION: u64 = 500;

/// How a ZIP begins.
const MAGIC: &[u8] = b"PK\x03\x04";

/// Is it a bundle, by its first bytes?
pub fn is_bundle(path: &Path) -> io::Result<bool> {
    let mut first = Vec::new();
    File::open(path)?
        .take(MAGIC.len() as u64)
        .read_to_end(&mut first)?;
    Ok(first == MAGIC)
}

/// A bundle whose entries are exactly those of its manifest; their bytes are compared by [`Bundle::unpack`].
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    zip: ZipArchive<File>,
    manifest: BundleManifest,
}

impl Bundle {
    /// Opens `path` and compares what is inside with what the manifest names.
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
            .map_err(|error| broken(format!("it is no whole ZIP: {error}")))?;
        // Two entries of one name are one in the reader's list, and other readers may see the other one.
        if declared.is_none_or(|declared| declared != zip.len()) {
            return Err(broken(
                "entries stand in it twice, or its list of entries is not whole".to_owned(),
            ));
        }
        let names = zip.file_names().map(|name| name.map(Cow::into_owned));
        let names: BTreeSet<String> = names
            .collect::<Result<_, _>>()
            .map_err(|error| broken(format!("a name in it is no text: {error}")))?;
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
            return Err(broken("there is no results file in it".to_owned()));
        }
        Ok(Self {
            path: path.to_owned(),
            zip,
            manifest,
        })
    }

    /// What it says of itself.
    #[must_use]
    pub const fn manifest(&self) -> &BundleManifest {
        &self.manifest
    }

    /// The results files, in their order.
    pub fn results_files(&self) -> impl Iterator<Item = &BundleEntry> {
        self.manifest
            .entries
            .iter()
            .filter(|entry| entry.name.starts_with(RECORDS))
    }

    /// The reports.
    pub fn reports(&self) -> impl Iterator<Item = &BundleEntry> {
        self.manifest
            .entries
            .iter()
            .filter(|entry| entry.name.starts_with(REPORTS))
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> Option<&BundleEntry> {
        self.manifest
            .entries
            .iter()
            .find(|entry| entry.name == SETTINGS)
    }

    /// Reads an entry to its end into `out` and compares it with what the manifest says.
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
        if entry.size / MOST_EXPANSION > packed.compressed_size().max(1024) {
            return Err(broken(format!(
                "`{name}` would grow to {} bytes: no report or results file does",
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

/// How many entries the end of the ZIP tells of. A comment behind it is none of ours.
fn declared_entries(file: &mut File) -> io::Result<Option<usize>> {
    /// Signature, numbers, sizes, and the length of a comment.
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
        .take(LONGEST_MANIFEST)
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

/// A name that we give: nothing that leads out of the folder somebody unpacks it into.
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

/// Somebody else's text, in a message of ours.
fn shown(text: &str) -> String {
    text.chars()
        .take(100)
        .flat_map(char::escape_default)
        .collect()
}

/// Why a bundle can't be relied on.
#[derive(Debug, Error)]
pub enum BundleError {
    /// It, or what it was to be unpacked to.
    #[error("can't read {}", path.display())]
    Io {
        /// The bundle.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what it was when it was made, or never was a bundle.
    #[error("{}: {problem}", path.display())]
    Broken {
        /// The bundle.
        path: PathBuf,
        /// What was found.
        problem: String,
    },
}

impl Advice for BundleError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { .. } => "is it the file that --bundle wrote?".to_owned(),
            Self::Broken { .. } => {
                "don't rely on it; ask whoever made it for the bundle again".to_owned()
            }
        })
    }

    fn status(&self) -> Status {
        Status::Refused
    }
}
