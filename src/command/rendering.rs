//! Rendering that several commands share: the context of reports, and the check of a results file.

use std::collections::BTreeSet;

use anyhow::anyhow;

use crate::exit::Failed;
use crate::offsets::Rules;
use crate::report::locale::Locale;
use crate::report::{CsvDialect, Rendered, ReportContext, Summary, Targets, render};
use crate::results::ResultsFile;
use crate::verdict::Expectations;

/// Returns the context of reports about these results files.
pub(super) fn context(
    results_files: &[ResultsFile],
    expectations: Expectations,
    csv: CsvDialect,
    locale: Locale,
) -> ReportContext {
    let answered = results_files
        .iter()
        .flat_map(|results_file| results_file.trailer().groups.iter().map(String::as_str));
    let groups: BTreeSet<&str> = answered.chain(expectations.groups()).collect();
    let mut columns: Vec<String> = Vec::new();
    for name in results_files
        .iter()
        .flat_map(|results_file| &results_file.trailer().columns)
    {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let file_column = (results_files.len() > 1).then(|| {
        let mut name = "results_file".to_owned();
        while columns.contains(&name) {
            name.push('_');
        }
        columns.insert(0, name.clone());
        name
    });
    ReportContext {
        groups: groups.into_iter().map(str::to_owned).collect(),
        sheet_groups: None,
        columns,
        file_column,
        number_columns: BTreeSet::new(),
        marks: results_files
            .iter()
            .map(ResultsFile::header)
            .any(|header| header.rules == Rules::Offsets || header.records_deliveries()),
        examined: results_files
            .iter()
            .any(|results_file| results_file.header().is_examined()),
        evidence: results_files.iter().any(ResultsFile::states_evidence),
        expectations,
        csv,
        locale,
    }
}

/// Reads a results file and checks its seal and its totals. Returns the summary by `expectations`.
pub(super) fn checked(
    results_file: &ResultsFile,
    expectations: Expectations,
) -> Result<Summary<'_>, Failed> {
    let context = ReportContext::without_groups(expectations);
    // Rendering into no report reads every line, counts it, and compares seal and totals.
    let Rendered { summary, .. } = render(
        std::slice::from_ref(results_file),
        &context,
        Targets::default(),
        true,
    )?;
    let totals = &summary.tally.totals;
    if totals.tie() {
        return Ok(summary);
    }
    let path = results_file.path().display();
    let error = anyhow!("{path}: the totals do not tie: {totals:?}");
    Err(Failed::refused(
        error,
        Some("don't rely on this file".to_owned()),
    ))
}
