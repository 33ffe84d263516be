//! Results files: a file that opens is read to its end or refused, and what is rendered from it is well-formed.
#![no_main]

use std::cell::RefCell;
use std::io::BufWriter;

use libfuzzer_sys::fuzz_target;
use ons_audit::exit::Advice;
use ons_audit::file::Output;
use ons_audit::offsets::Rules;
use ons_audit::report::locale::Locale;
use ons_audit::report::{
    CsvDialect, ReportContext, ReportFormat, SummaryFormat, Target, Targets, TerminalSummary,
    render,
};
use ons_audit::results::{Line, ReadError, ResultsFile};
use ons_audit_fuzz::Reused;
use serde::de::IgnoredAny;

const FORMATS: [ReportFormat; 7] = [
    ReportFormat::Csv,
    ReportFormat::Matrix,
    ReportFormat::Ndjson,
    ReportFormat::Rejects,
    ReportFormat::Json,
    ReportFormat::Markdown,
    ReportFormat::Html,
];

thread_local! {
    static RESULTS: RefCell<Reused> = RefCell::default();
    static REPORTS: RefCell<[Reused; 7]> = RefCell::default();
}

fuzz_target!(|bytes: &[u8]| {
    RESULTS.with_borrow_mut(|file| match ResultsFile::open(&file.holding(bytes)) {
        Ok(results_file) => {
            if let Err(error) = read(&results_file) {
                check_error(&error);
            }
            REPORTS.with_borrow_mut(|reports| report(results_file, reports));
        }
        Err(error) => check_error(&error),
    });
});

fn check_error(error: &dyn Advice) {
    assert!(!error.to_string().is_empty() && error.hint().is_some());
}

/// Every line, the seal, and every answer that another line refers to.
fn read(results_file: &ResultsFile) -> Result<(), ReadError> {
    let (mut blocks, mut rows) = (results_file.blocks(true), 1..);
    while let Some(block) = blocks.next_block()? {
        for ((row, text), parsed) in block.lines().zip(results_file.parsed(&block)) {
            assert_eq!(Some(row), rows.next());
            let parsed = parsed.ok();
            let by_serde = serde_json::from_str::<Line>(text)
                .ok()
                .filter(|line| line.row == row);
            assert_eq!(
                format!("{parsed:?}"),
                format!("{by_serde:?}"),
                "read otherwise than by serde"
            );
            let Some(line) = parsed else {
                continue;
            };
            assert_eq!(line.answer().is_none(), line.same_as.is_some());
            assert!(
                line.extra
                    .0
                    .iter()
                    .all(|(_, value)| !value.get().is_empty())
            );
            if let Some(Ok(asked)) = line.same_as.map(|of| results_file.line_of(of)) {
                assert!(asked.starts_with(r#"{"row":"#));
            }
        }
    }
    Ok(())
}

fn report(results_file: ResultsFile, reports: &mut [Reused; 7]) {
    let context = ReportContext {
        groups: results_file.trailer().groups.iter().cloned().collect(),
        sheet_groups: None,
        columns: results_file.trailer().columns.clone(),
        file_column: None,
        number_columns: std::collections::BTreeSet::new(),
        marks: results_file.header().rules == Rules::Offsets,
        examined: results_file.header().is_examined(),
        evidence: results_file.states_evidence(),
        expectations: results_file.header().expectations.clone(),
        csv: CsvDialect::default(),
        locale: Locale::default(),
    };
    let target = |(format, report): (ReportFormat, &mut Reused)| Target {
        format,
        path: report.path(),
        output: Output::Stream(BufWriter::new(report.emptied())),
    };
    let targets = Targets {
        files: FORMATS.into_iter().zip(&mut *reports).map(target).collect(),
        ..Targets::default()
    };
    let results_files = [results_file];
    let Ok(rendered) = render(&results_files, &context, targets, false) else {
        return;
    };
    assert!(rendered.failures.is_empty(), "{:?}", rendered.failures);
    let (summary, made) = (rendered.summary, rendered.made);
    assert!(summary.tally.totals.tie());
    assert_eq!(summary.tally.totals, results_files[0].trailer().totals);
    let mut text = Vec::new();
    let terminal = TerminalSummary {
        made,
        reports: vec![("a.csv".into(), ReportFormat::Csv)],
        width: Some(80),
    };
    terminal
        .render(&summary, &mut text)
        .expect("memory takes all text");

    let rows = summary.tally.totals.rows;
    let [long, matrix, ndjson, rejects, json, _, page] = reports.each_ref().map(Reused::content);
    assert!(csv_rows(&long) >= rows);
    assert_eq!(csv_rows(&matrix), rows);
    assert_eq!(csv_rows(&rejects), summary.tally.totals.rejected);
    let lines = ndjson.split_inclusive(|&byte| byte == b'\n');
    let lines =
        lines.map(|line| serde_json::from_slice::<IgnoredAny>(line).expect("a line is JSON")); // numbers of any size
    assert!(lines.count() as u64 >= rows);
    serde_json::from_slice::<serde_json::Value>(&json).expect("the summary is JSON");
    let page = String::from_utf8(page).expect("the page is text");
    assert_eq!(
        page.matches("<script").count(),
        1,
        "ours, whatever the rows bring"
    );
}

/// Records behind the header, all as long as it.
fn csv_rows(text: &[u8]) -> u64 {
    let mut reader = csv::Reader::from_reader(text);
    let results_files = reader.byte_records();
    results_files
        .map(|results_file| results_file.expect("every results file has all cells"))
        .count() as u64
}
