//! Opens the files of reports, before anything is read or asked.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::reserved_paths::ReservedPaths;
use crate::exit::Failed;
use crate::file::Output;
use crate::report::{ReportFormat, Target};

/// Returns the paths of `-o`, or standard output if there are none.
pub(in crate::command) fn or_stdout(
    output: Vec<PathBuf>,
) -> impl Iterator<Item = (Option<ReportFormat>, PathBuf)> {
    let default = output.is_empty().then(|| PathBuf::from("-"));
    output.into_iter().chain(default).map(|path| (None, path))
}

/// Opens every target, so that one that cannot be written is found before the first call. None may be a reserved path.
/// `endings` are the formats that the ending of a path may select.
pub(in crate::command) fn open(
    wanted: impl Iterator<Item = (Option<ReportFormat>, PathBuf)>,
    reserved: &ReservedPaths,
    endings: &[ReportFormat],
) -> Result<Vec<Target>, Failed> {
    let mut targets: Vec<Target> = Vec::new();
    for (format, path) in wanted {
        let refuse =
            |what: String, hint: &str| Failed::refused(anyhow!(what), Some(hint.to_owned()));
        if targets.iter().any(|other| same(&other.path, &path)) {
            return Err(refuse(
                format!("{} is to hold two reports", path.display()),
                "name another file for one of them",
            ));
        }
        reserved.refuse(&path)?;
        let by_ending = || format_of(&path).filter(|format| endings.contains(format));
        let format = format.or_else(by_ending).ok_or_else(|| {
            refuse(
                format!("{}: no report format has this ending", path.display()),
                &format!("the endings are {}", listed(endings)),
            )
        })?;
        let output = created(&path)?;
        targets.push(Target {
            format,
            path,
            output,
        });
    }
    Ok(targets)
}

/// Opens one file to write. It must not be one of the reserved paths.
pub(in crate::command) fn create(path: &Path, reserved: &ReservedPaths) -> Result<Output, Failed> {
    reserved.refuse(path)?;
    created(path)
}

fn created(path: &Path) -> Result<Output, Failed> {
    Output::create(path).map_err(|error| Failed::unwritable(path, error))
}

/// Returns `.csv, .json and .md`.
fn listed(formats: &[ReportFormat]) -> String {
    let endings: Vec<_> = formats
        .iter()
        .filter_map(|format| format.ending())
        .collect();
    match endings.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Returns the format by the ending. Streams and devices without an ending get CSV.
fn format_of(path: &Path) -> Option<ReportFormat> {
    let stream = path == Path::new("-")
        || std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    ReportFormat::of(path).or(stream.then_some(ReportFormat::Csv))
}

/// Returns the path without links and `..`, as far as it exists.
fn real(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let parent = || {
        Some(
            std::fs::canonicalize(path.parent()?)
                .ok()?
                .join(path.file_name()?),
        )
    };
    Some(
        std::fs::canonicalize(&path)
            .ok()
            .or_else(parent)
            .unwrap_or(path),
    )
}

/// Returns whether a file is in a folder. Neither needs to exist.
pub(in crate::command) fn is_in(file: &Path, folder: &Path) -> bool {
    match (real(file), real(folder)) {
        (Some(file), Some(folder)) => file != Path::new("-") && file.starts_with(folder),
        _ => false,
    }
}

/// Returns whether both paths name one file. It need not exist.
pub(super) fn same(a: &Path, b: &Path) -> bool {
    a == b
        || (a != Path::new("-")
            && b != Path::new("-")
            && real(a).is_some()
            && real(a) == real(b)
            && !is_device(a))
}

fn is_device(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| !found.is_file())
}
