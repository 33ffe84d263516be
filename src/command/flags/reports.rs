//! What comes out.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::exit::Failed;
use crate::file::Output;
use crate::report::{Format, Target};
use crate::settings::Layers;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Reports")]
pub(in crate::command) struct ReportFlags {
    /// Report, its format by its ending: .csv, .ndjson, .json, .md; may be given several times [default: CSV on stdout]
    ///
    /// .csv has a row per message and group, .ndjson a line per row with verdicts, .json the totals for a program,
    /// .md a summary for the ticket. `-` is CSV on stdout.
    ///
    /// Example: -o report.csv -o ticket.md --matrix matrix.csv
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,
    /// CSV with a row per message and a column per group
    #[arg(long, value_name = "FILE")]
    matrix: Option<PathBuf>,
    /// CSV of the bad rows, with file, line and reason
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Leave cells as they are that a spreadsheet would take for formulas
    #[arg(long)]
    raw_csv: bool,
    /// Begin CSV files with a byte order mark, by which Excel knows UTF-8
    #[arg(long)]
    bom: bool,
}

impl ReportFlags {
    pub(in crate::command) fn lay(&self, layers: &mut Layers) {
        layers.flag("raw_csv", self.raw_csv.then_some(true));
        layers.flag("bom", self.bom.then_some(true));
    }

    /// The first report that is a file with a place of its own, beside which the record belongs.
    pub(in crate::command) fn first_file(&self) -> Option<&Path> {
        let is_file = |path: &&PathBuf| {
            **path != Path::new("-")
                && std::fs::metadata(path).map_or(true, |found| found.is_file())
        };
        self.output.iter().find(is_file).map(PathBuf::as_path)
    }

    /// Opens every target, so that a path that can't be written costs no call. `taken` are files that must not be
    /// overwritten: the inputs and the record.
    pub(in crate::command) fn open(self, taken: &[PathBuf]) -> Result<Vec<Target>, Failed> {
        let default = if self.output.is_empty() {
            vec![PathBuf::from("-")]
        } else {
            Vec::new()
        };
        let outputs = self
            .output
            .into_iter()
            .chain(default)
            .map(|path| (None, path));
        let matrix = self
            .matrix
            .into_iter()
            .map(|path| (Some(Format::Matrix), path));
        let rejects = self
            .rejects
            .into_iter()
            .map(|path| (Some(Format::Rejects), path));
        let mut targets: Vec<Target> = Vec::new();
        for (format, path) in outputs.chain(matrix).chain(rejects) {
            let refuse =
                |what: String, hint: &str| Failed::refused(anyhow!(what), Some(hint.to_owned()));
            if targets.iter().any(|other| same(&other.path, &path)) {
                return Err(refuse(
                    format!("{} is to hold two reports", path.display()),
                    "name another file for one of them",
                ));
            }
            // `-` is standard input there and standard output here.
            if path != Path::new("-") && taken.iter().any(|other| same(other, &path)) {
                return Err(refuse(
                    format!("{} is an input or the record itself", path.display()),
                    "name another file for the report",
                ));
            }
            let format = format.or_else(|| format_of(&path)).ok_or_else(|| {
                refuse(
                    format!("{}: no report format has this ending", path.display()),
                    "the endings are .csv, .ndjson, .json and .md",
                )
            })?;
            let output = Output::create(&path).map_err(|error| {
                let error =
                    anyhow::Error::new(error).context(format!("can't write {}", path.display()));
                Failed::refused(
                    error,
                    Some(
                        "name a file in a folder that exists and that you may write to".to_owned(),
                    ),
                )
            })?;
            targets.push(Target {
                format,
                path,
                output,
            });
        }
        Ok(targets)
    }
}

/// The format by the ending; streams and devices without one get CSV.
fn format_of(path: &Path) -> Option<Format> {
    let stream = path == Path::new("-")
        || std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    Format::of(path).or(stream.then_some(Format::Csv))
}

/// Do both paths name one file, whether it exists or not?
fn same(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| {
        std::path::absolute(path)
            .map(|path| std::fs::canonicalize(&path).unwrap_or(path))
            .ok()
    };
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
