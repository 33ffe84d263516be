//! A report that is too long for one file: parts that appear together, each with its number and its rows in its name.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{BUFFER, Output, StagingFolder, beside, folder};

/// Files that are not complete yet. None is visible before [`Parts::commit`].
#[derive(Debug)]
pub struct Parts {
    target: PathBuf,
    /// The complete parts with their rows. They are closed, since there may be more of them than files that can be open
    /// at once.
    full: Vec<(PathBuf, u64)>,
    /// The folder of the complete parts, made with the first of them.
    staging: Option<StagingFolder>,
    open: BufWriter<NamedTempFile>,
}

impl Parts {
    /// Continues an output. `None` for a stream, which has no name that parts could be given.
    #[must_use]
    pub fn of(output: Output) -> Option<Self> {
        match output {
            Output::Replace { temp, target } => Some(Self {
                target,
                full: Vec::new(),
                staging: None,
                open: temp,
            }),
            Output::Stream(_) | Output::Terminal(_) => None,
        }
    }

    /// Ends the current part, which has `rows`, and begins the next one.
    ///
    /// # Errors
    ///
    /// If the parts cannot be written.
    pub fn turn(&mut self, rows: u64) -> io::Result<()> {
        let next = BufWriter::with_capacity(BUFFER, beside(&self.target)?);
        let full = flushed(std::mem::replace(&mut self.open, next))?;
        let staging = match &mut self.staging {
            Some(staging) => staging,
            none => none.insert(StagingFolder::beside(&self.target)?),
        };
        let path = staging.path().join(self.full.len().to_string());
        full.persist(&path).map_err(|error| error.error)?;
        self.full.push((path, rows));
        Ok(())
    }

    /// Makes all parts visible; the last of them has `rows`. A single part gets the name of the report. The parts of an
    /// earlier run are removed first, since they would be read together with these.
    ///
    /// # Errors
    ///
    /// If a part cannot be written or renamed, or an earlier one cannot be removed.
    pub fn commit(self, rows: u64) -> io::Result<Vec<(PathBuf, u64)>> {
        let last = flushed(self.open)?;
        remove_earlier(&self.target)?;
        let parts = self.full.len() + 1;
        let name = |nth, rows| match parts {
            1 => self.target.clone(),
            _ => part_name(&self.target, nth, parts, rows),
        };
        let mut seen = Vec::with_capacity(parts);
        for (nth, (path, rows)) in (1..).zip(self.full) {
            let name = name(nth, rows);
            fs::rename(path, &name)?;
            seen.push((name, rows));
        }
        let name = name(parts, rows);
        last.persist(&name).map_err(|error| error.error)?;
        seen.push((name, rows));
        Ok(seen)
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open.flush()
    }
}

fn flushed(file: BufWriter<NamedTempFile>) -> io::Result<NamedTempFile> {
    file.into_inner().map_err(io::IntoInnerError::into_error)
}

/// Returns `report.part-02-of-11.1000000-rows.csv`. Such names sort in order.
fn part_name(target: &Path, nth: usize, of: usize, rows: u64) -> PathBuf {
    let (stem, ending) = halves(target);
    let width = of.to_string().len();
    target.with_file_name(format!(
        "{stem}.part-{nth:0width$}-of-{of}.{rows}-rows{ending}"
    ))
}

/// Returns the name before its ending, and the ending with its dot.
fn halves(target: &Path) -> (String, String) {
    let [stem, ending] = [target.file_stem(), target.extension()]
        .map(|part| part.unwrap_or_default().to_string_lossy().into_owned());
    let dot = if ending.is_empty() { "" } else { "." };
    (stem, format!("{dot}{ending}"))
}

/// Removes the report, or its parts, of an earlier run.
fn remove_earlier(target: &Path) -> io::Result<()> {
    match fs::remove_file(target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let (stem, ending) = halves(target);
    for entry in fs::read_dir(folder(target))? {
        let entry = entry?;
        let is_part = entry
            .file_name()
            .to_str()
            .is_some_and(|name| is_part(name, &stem, &ending));
        if is_part && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn is_part(name: &str, stem: &str, ending: &str) -> bool {
    let numbers = || {
        let rest = name.strip_prefix(stem)?.strip_prefix(".part-")?;
        let rest = rest.strip_suffix(ending)?.strip_suffix("-rows")?;
        let (nth, rest) = rest.split_once("-of-")?;
        let (of, rows) = rest.split_once('.')?;
        Some([nth, of, rows])
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers().is_some_and(|numbers| numbers.into_iter().all(is_number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    fn parts(target: &Path, rows: &[u64]) -> Parts {
        let mut parts = Parts::of(Output::create(target).unwrap()).unwrap();
        for (nth, rows) in rows.iter().enumerate() {
            write!(parts, "part {nth}").unwrap();
            parts.turn(*rows).unwrap();
        }
        write!(parts, "last").unwrap();
        parts
    }

    #[test]
    fn parts_appear_together_and_take_the_place_of_earlier_ones() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("report.csv");
        drop(parts(&target, &[3]));
        assert_eq!(names(folder.path()), [""; 0], "half a set is none");

        parts(&target, &[3]).commit(2).unwrap();
        let two = [
            "report.part-1-of-2.3-rows.csv",
            "report.part-2-of-2.2-rows.csv",
        ];
        assert_eq!(names(folder.path()), two);
        let last = folder.path().join(two[1]);
        assert_eq!(fs::read(&last).unwrap(), b"last");
        assert_eq!(
            fs::metadata(last).unwrap().permissions().mode() & 0o777,
            0o600
        );

        parts(&target, &[]).commit(4).unwrap();
        assert_eq!(names(folder.path()), ["report.csv"]);

        for bystander in ["report.part-1.csv", "report.part-1-of-2.many-rows.csv"] {
            Output::create(&folder.path().join(bystander))
                .unwrap()
                .commit()
                .unwrap();
        }
        parts(&target, &[1; 10]).commit(1).unwrap();
        let names = names(folder.path());
        assert_eq!(names.len(), 13);
        assert_eq!(names[1], "report.part-02-of-11.1-rows.csv");
    }

    #[test]
    fn a_stream_has_no_parts() {
        let null = Output::create(Path::new("/dev/null")).unwrap();
        assert!(Parts::of(null).is_none());
    }
}
