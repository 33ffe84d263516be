//! What comes out.

use std::path::{Path, PathBuf};

use super::targets::{open, or_stdout};
use crate::exit::Failed;
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
    #[command(flatten)]
    csv: CsvFlags,
}

/// How CSV files are written.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Reports")]
pub(in crate::command) struct CsvFlags {
    /// Leave cells as they are that a spreadsheet would take for formulas
    #[arg(long)]
    raw_csv: bool,
    /// Begin CSV files with a byte order mark, by which Excel knows UTF-8
    #[arg(long)]
    bom: bool,
}

impl CsvFlags {
    pub(in crate::command) fn lay(&self, layers: &mut Layers) {
        layers.flag("raw_csv", self.raw_csv.then_some(true));
        layers.flag("bom", self.bom.then_some(true));
    }
}

impl ReportFlags {
    pub(in crate::command) fn lay(&self, layers: &mut Layers) {
        self.csv.lay(layers);
    }

    /// The first report that is a file with a place of its own, beside which the record belongs.
    pub(in crate::command) fn first_file(&self) -> Option<&Path> {
        let is_file = |path: &&PathBuf| {
            **path != Path::new("-")
                && std::fs::metadata(path).map_or(true, |found| found.is_file())
        };
        self.output.iter().find(is_file).map(PathBuf::as_path)
    }

    /// Opens every target. `taken` are files that must not be overwritten: the inputs and the record.
    pub(in crate::command) fn open(self, taken: &[PathBuf]) -> Result<Vec<Target>, Failed> {
        let matrix = self
            .matrix
            .into_iter()
            .map(|path| (Some(Format::Matrix), path));
        let rejects = self
            .rejects
            .into_iter()
            .map(|path| (Some(Format::Rejects), path));
        let wanted = or_stdout(self.output).chain(matrix).chain(rejects);
        let endings = [Format::Csv, Format::Ndjson, Format::Json, Format::Markdown];
        open(wanted, taken, &endings)
    }
}
