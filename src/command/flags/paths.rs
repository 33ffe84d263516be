//! Files that a command reads and writes. No report may replace a file that is read or kept, and each needs a path of its
//! own. Reports are opened before anything is read or asked.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::exit::Failed;
use crate::file::{self, Output};
use crate::report::{ReportFormat, Target};
use crate::results::partial_path;
use crate::settings::Settings;

/// The settings that name files to read.
const READ: [(&str, &str); 5] = [
    ("expect_file", "the file of expected groups"),
    ("ca_cert", "the file of certificate authorities"),
    ("keys", "the file of access keys"),
    ("tls_cert", "a certificate"),
    ("tls_key", "a private key"),
];

/// The settings that name files to write, each with the flag that names another one.
const KEPT: [(&str, &str, &str); 2] = [
    ("quota_file", "the quota file", "--quota-file"),
    ("metrics", "the file of metrics", "--metrics"),
];

/// The file that keeps the answers of a killed run.
const GROWS: &str = "where the results file grows";

/// Each path with a description of its file.
#[derive(Debug, Default)]
pub(in crate::command) struct ReservedPaths(Vec<(PathBuf, &'static str)>);

impl ReservedPaths {
    /// Adds files that are read.
    pub(in crate::command) fn read<'p>(
        mut self,
        what: &'static str,
        paths: impl IntoIterator<Item = &'p Path>,
    ) -> Self {
        let paths = paths.into_iter().map(|path| (path.to_owned(), what));
        self.0.extend(paths);
        self
    }

    /// Adds the files that settings name, and the settings file.
    pub(in crate::command) fn settings(self, settings: &Settings) -> Result<Self, Failed> {
        let (source, _) = settings.text("source");
        let snapshot = (!source.is_empty() && !source.contains("://")).then(|| Path::new(source));
        let mut reserved = self
            .read("the settings file", settings.file())
            .read("the source", snapshot);
        for (key, what) in READ {
            let path = settings.optional::<PathBuf>(key)?;
            reserved = reserved.read(what, path.as_deref());
        }
        for (key, what, flag) in KEPT {
            if let Some(path) = settings.optional::<PathBuf>(key)? {
                reserved = reserved.keep(path, what, flag)?;
            }
        }
        Ok(reserved)
    }

    /// Adds a results file, and the files from which it is made.
    pub(in crate::command) fn results_file(self, results: &Path) -> Result<Self, Failed> {
        let flag = "--results";
        let partial = partial_path(results);
        if partial == results {
            let error = anyhow!(
                "{} ends with .partial, as the file does in which a results file grows",
                results.display()
            );
            let hint = format!("{flag} {}", results.with_extension("").display());
            return Err(Failed::refused(error, hint));
        }
        let mut reserved = self.keep(results.to_owned(), "the results file", flag)?;
        reserved = reserved.keep(partial, GROWS, flag)?;
        reserved.located(results, flag)
    }

    /// Adds the results file of messages that are looked up before `path` is made, and the files from which it is made.
    pub(in crate::command) fn located(self, path: &Path, flag: &str) -> Result<Self, Failed> {
        let located = path.with_added_extension("located");
        let mut reserved = self;
        for path in [partial_path(&located), located] {
            reserved = reserved.keep(path, GROWS, flag)?;
        }
        Ok(reserved)
    }

    /// Adds a file that is written and needs a path of its own.
    fn keep(mut self, path: PathBuf, what: &'static str, flag: &str) -> Result<Self, Failed> {
        if path == Path::new("-") {
            let error = anyhow!("{what} can't be standard output, where reports go");
            return Err(Failed::refused(error, format!("{flag} names a file")));
        }
        if let Some(other) = self.what(&path) {
            let error = anyhow!("{} is {other}, and can't be {what}, too", path.display());
            let hint = format!("name another file with {flag}");
            return Err(Failed::refused(error, hint));
        }
        self.0.push((path, what));
        Ok(self)
    }

    /// Refuses a report at one of the paths.
    pub(in crate::command) fn refuse(&self, path: &Path) -> Result<(), Failed> {
        // `-` is standard input for an input and standard output for a report.
        match self.what(path) {
            Some(what) if path != Path::new("-") => Err(Failed::refused(
                anyhow!("{} is {what}: no report may replace it", path.display()),
                "name another file for the report".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// Returns all paths.
    pub(in crate::command) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.iter().map(|(path, _)| path)
    }

    fn what(&self, path: &Path) -> Option<&'static str> {
        let found = self.0.iter().find(|(reserved, _)| same(reserved, path));
        found.map(|(_, what)| *what)
    }
}

/// Returns the paths of `-o`, or standard output if there are none.
pub(in crate::command) fn or_stdout(
    output: Vec<PathBuf>,
) -> impl Iterator<Item = (Option<ReportFormat>, PathBuf)> {
    let default = output.is_empty().then(|| PathBuf::from("-"));
    output.into_iter().chain(default).map(|path| (None, path))
}

/// Decides the format of every target. Refuses those that cannot be written, and opens none. `endings` are the formats that
/// the ending of a path may select.
pub(in crate::command) fn check(
    wanted: impl Iterator<Item = (Option<ReportFormat>, PathBuf)>,
    reserved: &ReservedPaths,
    endings: &[ReportFormat],
) -> Result<Vec<(ReportFormat, PathBuf)>, Failed> {
    let mut targets: Vec<(ReportFormat, PathBuf)> = Vec::new();
    for (format, path) in wanted {
        let refuse =
            |what: String, hint: &str| Failed::refused(anyhow!(what), Some(hint.to_owned()));
        if targets.iter().any(|(_, other)| same(other, &path)) {
            return Err(refuse(
                format!("{} is to hold two reports", path.display()),
                "name another file for one of them",
            ));
        }
        reserved.refuse(&path)?;
        let is_parquet = |ending: &OsStr| ending.eq_ignore_ascii_case("parquet");
        if !cfg!(feature = "parquet") && path.extension().is_some_and(is_parquet) {
            return Err(refuse(
                format!(
                    "{}: this build of ons-audit writes no Parquet, because it lacks the Cargo feature `parquet`",
                    path.display()
                ),
                "build it with `--features parquet`, or let the name end in .csv",
            ));
        }
        if let Some(format) = format
            && let Some(other) = format_of(&path).filter(|other| other.is_csv() != format.is_csv())
        {
            return Err(refuse(
                format!(
                    "{}: this report is a CSV, and {} is the ending of another format",
                    path.display(),
                    other.ending().unwrap_or_default()
                ),
                "let its name end in .csv",
            ));
        }
        let by_ending = || format_of(&path).filter(|format| endings.contains(format));
        let format = format.or_else(by_ending).ok_or_else(|| {
            refuse(
                format!("{}: no report format has this ending", path.display()),
                &format!("the endings are {}", listed(endings)),
            )
        })?;
        refuse_unwritable(&path)?;
        targets.push((format, path));
    }
    Ok(targets)
}

/// Opens every target that [`check`] allows, so that one that cannot be written is found before the first call.
pub(in crate::command) fn open(
    checked: Vec<(ReportFormat, PathBuf)>,
) -> Result<Vec<Target>, Failed> {
    let opened = checked.into_iter().map(|(format, path)| {
        Ok(Target {
            format,
            output: created(&path)?,
            path,
        })
    });
    opened.collect()
}

/// Refuses a path that cannot be written, and opens nothing.
pub(in crate::command) fn refuse_unwritable(path: &Path) -> Result<(), Failed> {
    file::refuse_unwritable(path).map_err(|error| Failed::unwritable(path, error))
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
    ReportFormat::of(path).or(is_stream(path).then_some(ReportFormat::Csv))
}

/// Returns whether the path is standard output, a device or a pipe.
pub(super) fn is_stream(path: &Path) -> bool {
    path == Path::new("-")
        || std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Returns the path without links and `..`, as far as it exists.
fn real(path: &Path) -> Option<PathBuf> {
    let path = file::followed(&std::path::absolute(path).ok()?).ok()?;
    let parent = || {
        Some(
            std::fs::canonicalize(path.parent()?)
                .ok()?
                .join(path.file_name()?),
        )
    };
    Some(parent().unwrap_or(path))
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
