//! One comparison feeds every report.

use std::io::{self, Write as _};

use super::csv::Layout;
use super::error::DiffError;
use super::side::Side;
use super::text::Differences;
use super::{compare, json, markdown};
use crate::report::{CsvDialect, ReportFormat, Target};

/// A report in the making.
#[derive(Debug)]
pub struct Sheet(Target);

impl Sheet {
    /// The formats there are.
    pub const FORMATS: [ReportFormat; 3] = [
        ReportFormat::Csv,
        ReportFormat::Json,
        ReportFormat::Markdown,
    ];

    /// `target` has one of [`Sheet::FORMATS`].
    #[must_use]
    pub const fn new(target: Target) -> Self {
        Self(target)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), DiffError> {
        let written = self.0.output.write_all(bytes);
        written.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> DiffError {
        DiffError::Write {
            path: self.0.path.clone(),
            source,
        }
    }

    fn is_csv(&self) -> bool {
        self.0.format == ReportFormat::Csv
    }
}

/// Compares two results files into all reports, which appear when everything has been read without an error, or not at all.
pub fn render<'r>(
    old: Side<'r>,
    new: Side<'r>,
    mut sheets: Vec<Sheet>,
    dialect: CsvDialect,
) -> Result<Differences<'r>, DiffError> {
    let mut columns = new.results_file.trailer().columns.clone();
    for name in &old.results_file.trailer().columns {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let layout = Layout { columns, dialect };
    let mut to_csv = |bytes: &[u8]| {
        let mut csv = sheets.iter_mut().filter(|sheet| sheet.is_csv());
        csv.try_for_each(|sheet| sheet.write(bytes))
    };
    to_csv(&layout.head())?;
    let tally = compare(&old, &new, |finding| to_csv(&layout.row(finding)))?;
    let differences = Differences { old, new, tally };
    for sheet in sheets {
        finish(sheet, &differences)?;
    }
    Ok(differences)
}

fn finish(mut sheet: Sheet, differences: &Differences<'_>) -> Result<(), DiffError> {
    let written = match sheet.0.format {
        ReportFormat::Json => json::render(differences, &mut sheet.0.output),
        ReportFormat::Markdown => markdown::render(differences, &mut sheet.0.output),
        _ => Ok(()),
    };
    let path = sheet.0.path.clone();
    written
        .and_then(|()| sheet.0.output.commit())
        .map_err(|source| DiffError::Write { path, source })
}
