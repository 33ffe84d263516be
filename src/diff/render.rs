//! Renders a comparison: one walk feeds every report.

use super::compare::compare;
use super::formats::{DiffCsv, markdown};
use super::json::json;
use super::side::Side;
use super::text::Differences;
use crate::report::{CsvDialect, OpenReport, ReportError, ReportFormat, Target};
use crate::results::ReadError;

/// The formats of a comparison.
pub(crate) const FORMATS: [ReportFormat; 3] = [
    ReportFormat::Csv,
    ReportFormat::Json,
    ReportFormat::Markdown,
];

/// Compares two results files and writes all reports, each with one of [`FORMATS`]. They become visible once everything
/// is read without an error. Returns the errors of those that could not be written.
///
/// # Errors
///
/// A results file cannot be read or does not hold.
pub(crate) fn render<'r>(
    old: Side<'r>,
    new: Side<'r>,
    targets: Vec<Target>,
    dialect: CsvDialect,
) -> Result<(Differences<'r>, Vec<ReportError>), ReadError> {
    let csv = DiffCsv {
        columns: kept_columns(&old, &new),
        dialect,
    };
    let open = |target: Target| (target.format, OpenReport::single_file(target));
    let mut reports: Vec<_> = targets.into_iter().map(open).collect();
    let is_csv = |format: ReportFormat| format == ReportFormat::Csv;
    for (_, report) in reports.iter_mut().filter(|(format, _)| is_csv(*format)) {
        report.begin(&csv.head());
    }
    let tally = compare(&old, &new, |finding| {
        let row = csv.row(finding);
        for (_, report) in reports.iter_mut().filter(|(format, _)| is_csv(*format)) {
            report.take(&row);
        }
    })?;
    let differences = Differences { old, new, tally };
    for (format, report) in &mut reports {
        let mut foot = Vec::new();
        match format {
            ReportFormat::Json => json(&differences, &mut foot),
            ReportFormat::Markdown => markdown(&differences, &mut foot),
            _ => Ok(()),
        }
        .expect("writing to memory cannot fail");
        report.end(&foot);
    }
    let ended = reports.into_iter().map(|(_, report)| report.commit());
    let failures = ended.filter_map(Result::err).collect();
    Ok((differences, failures))
}

/// Returns the kept columns of NEW, then those that only OLD has.
fn kept_columns(old: &Side<'_>, new: &Side<'_>) -> Vec<String> {
    let mut columns = new.results_file.trailer().columns.clone();
    for name in &old.results_file.trailer().columns {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    columns
}
