//! A report that is too long for one file: parts, each with its number and its rows in its name, and a list of them.
//!
//! Several files cannot be replaced in one step. So the list of an earlier set is removed first, and the new one is
//! written last: whatever a killed run leaves, a list whose parts have the hashes it names is a whole set.

use std::fs;
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::{BUFFER, Output, Sha256, StagingFolder, beside, folder};

const SCHEMA: &str = "ons-audit-parts/1";

/// How the name of a list ends.
const LIST: &str = ".parts.json";

/// The list of the parts of a report.
#[derive(Debug, Serialize, Deserialize)]
pub struct PartsList {
    schema: String,
    /// The parts in their order.
    pub parts: Vec<ListedPart>,
}

/// What a list says of one part.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListedPart {
    /// The name of the file beside the list.
    pub file: String,
    /// The number of rows, not counting the header.
    pub rows: u64,
    /// The SHA-256 of the file, 64 hex digits.
    pub sha256: String,
}

impl PartsList {
    /// Returns whether the names of the parts are those of a whole set with the name of the list and these numbers of rows.
    fn is_whole(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.strip_suffix(LIST).unwrap_or_default();
        let of = self.parts.len() as u64;
        let mut numbered = (1..).zip(&self.parts);
        of > 1
            && numbered.all(|(nth, part)| {
                let ending = part
                    .file
                    .rsplit_once("-rows")
                    .map_or("", |(_, ending)| ending);
                let is_bare = !part.file.contains('/');
                is_bare && numbers_of(&part.file, stem, ending) == Some([nth, of, part.rows])
            })
    }

    /// Returns the path of the list of the parts of a report: `report.parts.json` for `report.csv`.
    #[must_use]
    pub fn path_for(report: &Path) -> PathBuf {
        report.with_file_name(format!("{}{LIST}", halves(report).0))
    }

    /// Returns whether a path has the name of a list.
    #[must_use]
    pub fn is_named(path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().ends_with(LIST)
    }

    /// Reads a list. `None` if the file is no list of files beside it.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut text = Vec::new();
        super::open_regular(path)?.read_to_end(&mut text)?;
        let list: Option<Self> = serde_json::from_slice(&text).ok();
        let list = list.filter(|list| list.schema == SCHEMA && list.is_whole(path));
        Ok(list)
    }
}

/// Files that are not complete yet. None is visible before [`Parts::commit`].
#[derive(Debug)]
pub struct Parts {
    target: PathBuf,
    /// The complete parts. They are closed, since there may be more of them than files that can be open at once.
    full: Vec<FullPart>,
    /// The folder of the complete parts, made with the first of them.
    staging: Option<StagingFolder>,
    open: BufWriter<NamedTempFile>,
    /// The hash of what is written to the open part.
    hash: Sha256,
}

/// A complete part under its temporary name.
#[derive(Debug)]
struct FullPart {
    path: PathBuf,
    rows: u64,
    sha256: String,
}

impl Parts {
    /// Continues an output to which nothing was written. `None` for a stream, which has no name that parts could be given.
    #[must_use]
    pub fn of(output: Output) -> Option<Self> {
        match output {
            Output::Replace { temp, target } => Some(Self {
                target,
                full: Vec::new(),
                staging: None,
                open: temp,
                hash: Sha256::new(),
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
        let sha256 = std::mem::take(&mut self.hash).hex();
        self.full.push(FullPart { path, rows, sha256 });
        Ok(())
    }

    /// Makes all parts visible, and then their list; the last of them has `rows`. A single part gets the name of the report
    /// and no list. The list and the parts of an earlier run are removed first.
    ///
    /// # Errors
    ///
    /// If a part or the list cannot be written or renamed, or an earlier one cannot be removed.
    pub fn commit(self, rows: u64) -> io::Result<Vec<(PathBuf, u64)>> {
        self.commit_in_steps(rows, || {})
    }

    /// Does the work of [`Parts::commit`]. Calls `before` before each change of the folder.
    fn commit_in_steps(
        self,
        rows: u64,
        mut before: impl FnMut(),
    ) -> io::Result<Vec<(PathBuf, u64)>> {
        let last = flushed(self.open)?;
        let list_path = PartsList::path_for(&self.target);
        before();
        remove_if_there(&list_path)?;
        remove_earlier(&self.target, &mut before)?;
        let parts = self.full.len() + 1;
        let mut listed = Vec::with_capacity(parts);
        let mut name = |rows, sha256| {
            let name = match parts {
                1 => self.target.clone(),
                _ => part_name(&self.target, listed.len() + 1, parts, rows),
            };
            let file = name.file_name().unwrap_or_default();
            let file = file.to_string_lossy().into_owned();
            listed.push(ListedPart { file, rows, sha256 });
            name
        };
        let mut seen = Vec::with_capacity(parts);
        for part in self.full {
            let name = name(part.rows, part.sha256);
            before();
            fs::rename(part.path, &name)?;
            seen.push((name, part.rows));
        }
        let name = name(rows, self.hash.hex());
        before();
        last.persist(&name).map_err(|error| error.error)?;
        seen.push((name, rows));
        if parts > 1 {
            write_list(&list_path, listed, before)?;
        }
        Ok(seen)
    }
}

fn write_list(path: &Path, parts: Vec<ListedPart>, mut before: impl FnMut()) -> io::Result<()> {
    let schema = SCHEMA.to_owned();
    let mut json = serde_json::to_vec_pretty(&PartsList { schema, parts })?;
    json.push(b'\n');
    let mut temp = beside(path)?;
    temp.write_all(&json)?;
    before();
    temp.persist(path).map_err(|error| error.error)?;
    Ok(())
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.open.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
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
fn remove_earlier(target: &Path, mut before: impl FnMut()) -> io::Result<()> {
    before();
    remove_if_there(target)?;
    remove_earlier_parts(target, before)
}

fn remove_earlier_parts(target: &Path, mut before: impl FnMut()) -> io::Result<()> {
    let (stem, ending) = halves(target);
    for entry in fs::read_dir(folder(target))? {
        let entry = entry?;
        let is_part = entry
            .file_name()
            .to_str()
            .is_some_and(|name| is_part(name, &stem, &ending));
        if is_part && entry.file_type()?.is_file() {
            before();
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Removes the parts of an earlier report with this name, and before them their list, so that no list is left for a mixture.
///
/// # Errors
///
/// If the folder cannot be read or a file cannot be removed.
pub fn remove_parts(report: &Path) -> io::Result<()> {
    let target = super::followed(report)?;
    remove_if_there(&PartsList::path_for(&target))?;
    remove_earlier_parts(&target, || {})
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn is_part(name: &str, stem: &str, ending: &str) -> bool {
    numbers_of(name, stem, ending).is_some()
}

/// Returns the numbers in the name of a part: its own, that of all parts, and that of its rows.
fn numbers_of(name: &str, stem: &str, ending: &str) -> Option<[u64; 3]> {
    let rest = name.strip_prefix(stem)?.strip_prefix(".part-")?;
    let rest = rest.strip_suffix(ending)?.strip_suffix("-rows")?;
    let (nth, rest) = rest.split_once("-of-")?;
    let (of, rows) = rest.split_once('.')?;
    let number = |text: &str| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_number)
    };
    Some([number(nth)?, number(of)?, number(rows)?])
}

#[cfg(test)]
mod tests {
    use super::super::killed::killed_at_every_step;
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
            "report.parts.json",
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
        assert_eq!(names.len(), 14);
        assert_eq!(names[1], "report.part-02-of-11.1-rows.csv");
    }

    /// Returns whether there is a list whose parts are all as it says.
    fn is_whole(target: &Path) -> bool {
        let Ok(list) = PartsList::read(&PartsList::path_for(target)) else {
            return false;
        };
        let is_right = |part: &ListedPart| {
            let mut hash = Sha256::new();
            hash.update(&fs::read(target.with_file_name(&part.file)).unwrap());
            assert_eq!(hash.hex(), part.sha256, "a list of other parts");
            part.file.contains(&format!(".{}-rows", part.rows))
        };
        list.unwrap().parts.iter().all(is_right)
    }

    #[test]
    fn a_mixture_of_parts_never_has_a_list() {
        let name = "file::parts::tests::a_mixture_of_parts_never_has_a_list";
        killed_at_every_step(
            name,
            |folder| {
                let target = folder.join("report.csv");
                parts(&target, &[1, 2, 3]).commit(4).unwrap();
                assert!(is_whole(&target));
            },
            |folder, before| {
                let target = folder.join("report.csv");
                // The second part has the name of an earlier one.
                parts(&target, &[7, 2, 3])
                    .commit_in_steps(8, before)
                    .unwrap();
            },
            |folder, changes| {
                let target = folder.join("report.csv");
                let is_whole = is_whole(&target);
                assert_eq!(is_whole, changes == 0 || changes == 11, "{changes}");
                let old = folder.join("report.part-1-of-4.1-rows.csv");
                assert_eq!(old.exists() && is_whole, changes == 0);
            },
        );
    }

    #[test]
    fn a_stream_has_no_parts() {
        let null = Output::create(Path::new("/dev/null")).unwrap();
        assert!(Parts::of(null).is_none());
    }
}
