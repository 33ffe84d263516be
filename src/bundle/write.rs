//! Writes a bundle.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use zip::CompressionMethod;
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::{BundleEntry, BundleManifest, MANIFEST, RECORDS, REPORTS, SETTINGS};
use crate::file::{Output, Sha256};

/// How many bytes are read and packed at once.
const CHUNK: usize = 256 * 1024;

/// A bundle that is being written. [`BundleWriter::finish`] makes it visible.
pub struct BundleWriter {
    zip: ZipWriter<UntilError>,
    entries: Vec<BundleEntry>,
}

impl BundleWriter {
    /// Starts a bundle in `output`, which must be a file: sizes are written into the header before an entry once they are
    /// known, since strict readers of streams accept no others.
    #[must_use]
    pub fn new(output: Output) -> Self {
        Self {
            zip: ZipWriter::new(UntilError::new(output)),
            entries: Vec::new(),
        }
    }

    /// Packs a results file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or the bundle cannot be written.
    pub fn results_file(&mut self, path: &Path) -> io::Result<()> {
        let number = 1 + self
            .entries
            .iter()
            .filter(|entry| entry.name.starts_with(RECORDS))
            .count();
        let name = format!("{RECORDS}{number}-{}", bare_name(path));
        self.add_file(name, path, None)
    }

    /// Packs a report. `format` names the format of a report that can be rendered again.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or the bundle cannot be written.
    pub fn report(&mut self, path: &Path, format: Option<&str>) -> io::Result<()> {
        let mut name = format!("{REPORTS}{}", bare_name(path));
        let reserved = |name: &String| self.entries.iter().any(|entry| entry.name == *name);
        let mut number = 2;
        while reserved(&name) {
            name = format!("{REPORTS}{number}-{}", bare_name(path));
            number += 1;
        }
        self.add_file(name, path, format)
    }

    /// Packs the settings as `--show-settings` prints them, with masked secrets.
    ///
    /// # Errors
    ///
    /// The bundle cannot be written.
    pub fn settings(&mut self, text: &str) -> io::Result<()> {
        let options = options(text.len() as u64);
        self.zip.start_file(SETTINGS, options).map_err(bare)?;
        self.add(SETTINGS.to_owned(), Path::new(""), text.as_bytes(), None)
    }

    /// Packs the manifest and makes the bundle visible. The manifest's entries are replaced by those that were packed.
    ///
    /// # Errors
    ///
    /// The bundle cannot be written.
    pub fn finish(mut self, manifest: BundleManifest) -> io::Result<()> {
        let manifest = BundleManifest {
            entries: std::mem::take(&mut self.entries),
            ..manifest
        };
        let text = serde_json::to_vec_pretty(&manifest)?;
        let options = options(text.len() as u64);
        self.zip.start_file(MANIFEST, options).map_err(bare)?;
        self.zip.write_all(&text)?;
        self.zip.finish().map_err(bare)?.output.commit()
    }

    fn add_file(&mut self, name: String, path: &Path, format: Option<&str>) -> io::Result<()> {
        let file = File::open(path)?;
        let options = options(file.metadata()?.len());
        self.zip.start_file(&name, options).map_err(bare)?;
        self.add(name, path, file, format)
    }

    /// Packs the content of the entry that was started.
    fn add(
        &mut self,
        name: String,
        path: &Path,
        mut from: impl Read,
        format: Option<&str>,
    ) -> io::Result<()> {
        let (mut hash, mut size) = (Sha256::new(), 0);
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = from.read(&mut chunk)?;
            if read == 0 {
                break;
            }
            hash.update(&chunk[..read]);
            self.zip.write_all(&chunk[..read])?;
            size += read as u64;
        }
        self.entries.push(BundleEntry {
            name,
            path: path.display().to_string(),
            size,
            sha256: hash.hex(),
            format: format.map(str::to_owned),
        });
        Ok(())
    }
}

impl std::fmt::Debug for BundleWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

/// Takes everything and writes nothing once an error was returned. [`ZipWriter`] tries to write the directory when it is
/// dropped, and prints a message of its own if that fails.
struct UntilError {
    output: Output,
    has_failed: bool,
    /// The place in the output and its length, which [`ZipWriter`] relies on also after an error.
    at: u64,
    length: u64,
}

impl UntilError {
    const fn new(output: Output) -> Self {
        Self {
            output,
            has_failed: false,
            at: 0,
            length: 0,
        }
    }

    /// Does a step, unless an earlier one has failed.
    fn step<T>(
        &mut self,
        step: impl FnOnce(&mut Output) -> io::Result<T>,
        after_error: T,
    ) -> io::Result<T> {
        if self.has_failed {
            return Ok(after_error);
        }
        let result = step(&mut self.output);
        self.has_failed = result.is_err();
        result
    }
}

impl Write for UntilError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.step(|output| output.write(bytes), bytes.len())?;
        self.at += written as u64;
        self.length = self.length.max(self.at);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.step(Write::flush, ())
    }
}

impl Seek for UntilError {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        let place = place.ok_or(io::ErrorKind::InvalidInput)?;
        self.at = self.step(|output| output.seek(to), place)?;
        Ok(self.at)
    }
}

/// Returns the error of the operating system, if that is the cause.
fn bare(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        error => io::Error::other(error),
    }
}

/// Returns the options of an entry with `length` bytes: readable by the owner only. A length near 4 GiB needs ZIP64, which
/// some programs cannot read.
fn options(length: u64) -> SimpleFileOptions {
    /// What is packed may be a little longer than what is not.
    const LARGE: u64 = 0xf000_0000;
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .unix_permissions(0o600)
        .large_file(length >= LARGE)
}

/// Returns the file's name with the characters that every system's ZIP supports.
fn bare_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ');
    let name: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    match name.trim_matches('.') {
        "" => "unnamed".to_owned(),
        name => name.to_owned(),
    }
}
