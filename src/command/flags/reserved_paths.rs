//! Files that a command reads or writes itself: no report may replace one of them, and each needs a path of its own.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::targets::same;
use crate::exit::Failed;
use crate::results::{ordered_path, partial_path};
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
        for path in [partial, ordered_path(results)] {
            reserved = reserved.keep(path, GROWS, flag)?;
        }
        reserved.located(results, flag)
    }

    /// Adds the results file of messages that are looked up before `path` is made, and the files from which it is made.
    pub(in crate::command) fn located(self, path: &Path, flag: &str) -> Result<Self, Failed> {
        let located = path.with_added_extension("located");
        let mut reserved = self;
        for path in [partial_path(&located), ordered_path(&located), located] {
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
