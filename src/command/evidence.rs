//! Evidence bundles: packing for `--bundle`, checking for `verify`.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::rendering::{checked, context};
use crate::bundle::{Bundle, BundleEntry, BundleManifest, BundleWriter, SCHEMA};
use crate::clock::{self, Clock};
use crate::exit::{Failed, Status, print};
use crate::file::{self, Output, Sha256, StagingFolder};
use crate::humanize::counted;
use crate::report::locale::Locale;
use crate::report::{
    CsvDialect, ReportContext, ReportError, ReportFormat, Target, Targets, render,
};
use crate::results::ResultsFile;
use crate::settings::Settings;
use crate::verdict::Expectations;

const TOOL: &str = concat!("ons-audit ", env!("CARGO_PKG_VERSION"));

/// The number of the wording of reports. It grows when a text for people changes in them: a report of a bundle with another
/// wording differs although nothing was changed in it.
const WORDING: u32 = 7;

/// The first wording whose reports of several results files name the file of each row.
const WORDING_WITH_FILES: u32 = 3;

/// The formats without texts for people. A change of the wording does not change them.
const WORDLESS: [&str; 5] = ["csv", "matrix", "rejects", "parquet", "parquet matrix"];

/// The formats with reproducible bytes, by their names in manifests.
const REPRODUCIBLE: &[(ReportFormat, &str)] = &[
    (ReportFormat::Csv, "csv"),
    (ReportFormat::Matrix, "matrix"),
    (ReportFormat::Ndjson, "ndjson"),
    (ReportFormat::Rejects, "rejects"),
    (ReportFormat::Json, "json"),
    (ReportFormat::Markdown, "markdown"),
    (ReportFormat::Html, "html"),
    #[cfg(feature = "parquet")]
    (ReportFormat::Parquet, "parquet"),
    #[cfg(feature = "parquet")]
    (ReportFormat::ParquetMatrix, "parquet matrix"),
];

/// A bundle that is to be written. It is opened before the first query.
#[derive(Debug)]
pub(super) struct BundleTarget {
    pub(super) path: PathBuf,
    pub(super) output: Output,
    /// The settings as `--show-settings` prints them.
    pub(super) settings: String,
    pub(super) clock: Clock,
}

impl BundleTarget {
    /// Packs the results files and their reports. The format of a report is `None` for a part of a split report, which
    /// cannot be rendered alone.
    pub(super) fn pack(
        self,
        results_files: &[ResultsFile],
        expectations: Expectations,
        reports: &[(PathBuf, Option<ReportFormat>)],
    ) -> Result<(), ReportError> {
        let path = self.path.clone();
        self.write(results_files, expectations, reports)
            .map_err(|source| ReportError::Write { path, source })
    }

    fn write(
        self,
        results_files: &[ResultsFile],
        expectations: Expectations,
        reports: &[(PathBuf, Option<ReportFormat>)],
    ) -> io::Result<()> {
        let mut writer = BundleWriter::new(self.output);
        for results_file in results_files {
            writer.results_file(results_file.path())?;
        }
        for (path, format) in reports {
            writer.report(path, format.and_then(name_of))?;
        }
        writer.settings(&self.settings)?;
        let headers = || results_files.iter().map(ResultsFile::header);
        writer.finish(BundleManifest {
            schema: SCHEMA.to_owned(),
            tool: TOOL.to_owned(),
            wording: WORDING,
            made_at: clock::rfc3339((self.clock)()),
            sources: headers().map(|header| header.source.clone()).collect(),
            inputs: headers().flat_map(|header| header.inputs.clone()).collect(),
            expectations,
            entries: Vec::new(),
        })
    }
}

fn name_of(format: ReportFormat) -> Option<&'static str> {
    let (_, name) = REPRODUCIBLE.iter().find(|(known, _)| *known == format)?;
    Some(name)
}

fn format_of(entry: &BundleEntry) -> Option<ReportFormat> {
    let name = entry.format.as_deref()?;
    let (format, _) = REPRODUCIBLE.iter().find(|(_, known)| *known == name)?;
    Some(*format)
}

/// Checks a bundle offline: every hash, the seals and totals of its results files, and whether its results files render
/// to its reports.
pub(super) fn verify(path: &Path) -> Result<Status, Failed> {
    let bundle = Bundle::open(path)?;
    let folder = StagingFolder::in_system_folder().map_err(|error| Failed::refused(error, None))?;
    let results_files = unpack_results_files(&bundle, folder.path())?;
    let reports: Vec<BundleEntry> = bundle.reports().cloned().collect();
    for report in &reports {
        bundle.unpack(report, &mut io::sink())?;
    }
    let settings = unpack_settings(&bundle, folder.path())?;
    for results_file in &results_files {
        checked(results_file, results_file.header().expectations.clone())?;
    }
    let settings = Settings::new(std::iter::empty(), Some(&settings))?;
    let manifest = bundle.manifest();
    let whole = CsvDialect {
        split: None,
        ..CsvDialect::of(&settings)?
    };
    check_manifest(path, manifest, &results_files)?;
    let expectations = manifest.expectations.clone();
    let mut context = context(&results_files, expectations, whole, Locale::of(&settings)?);
    if manifest.wording < WORDING_WITH_FILES && context.file_column.take().is_some() {
        context.columns.remove(0);
    }
    let again = rendered_again(&reports, &results_files, &context, folder.path())?;
    let mut lines = vec![format!(
        "{}: {}, each with the sha256 that its manifest names; made {} by {}",
        path.display(),
        counted(manifest.entries.len() as u64 + 1, "entry", "entries"),
        manifest.made_at,
        manifest.tool,
    )];
    lines.extend(results_files.iter().map(seal_of));
    for (report, hash) in reports.iter().zip(again) {
        lines.push(compared(report, hash.as_deref(), manifest)?);
    }
    print(&format!(
        "{}\nThis proves that nothing in it was changed since it was made. It does not prove that the source told the truth,\n\
         nor who made the bundle: with new hashes, a new manifest can be made.\n",
        lines.join("\n")
    ))?;
    Ok(Status::Clean)
}

/// Compares what the manifest says of sources and inputs with the sealed results files.
fn check_manifest(
    path: &Path,
    manifest: &BundleManifest,
    results_files: &[ResultsFile],
) -> Result<(), Failed> {
    let headers = || results_files.iter().map(ResultsFile::header);
    let has_sources = headers().map(|header| &header.source).eq(&manifest.sources);
    let has_inputs = headers()
        .flat_map(|header| &header.inputs)
        .eq(&manifest.inputs);
    let what = match (has_sources, has_inputs) {
        (true, true) => return Ok(()),
        (false, _) => "sources",
        (true, false) => "inputs",
    };
    let path = path.display();
    Err(Failed::refused(
        anyhow!("{path}: its manifest names other {what} than its results files"),
        "don't rely on this bundle; request it again from its author".to_owned(),
    ))
}

fn seal_of(results_file: &ResultsFile) -> String {
    let (path, trailer) = (results_file.path().display(), results_file.trailer());
    let rows = counted(trailer.totals.rows, "row", "rows");
    format!(
        "{path}: the seal holds (sha256 {}), {rows}, the totals tie",
        trailer.sha256
    )
}

/// Returns the finding about a packed report. `hash` is the hash of the report rendered again.
fn compared(
    report: &BundleEntry,
    hash: Option<&str>,
    manifest: &BundleManifest,
) -> Result<String, Failed> {
    let (name, tool) = (&report.name, &manifest.tool);
    Ok(match hash {
        None => format!("{name}: its hash holds; it was not rendered again"),
        Some(hash) if hash == report.sha256 => {
            format!("{name}: the results file, rendered again, gives the same bytes")
        }
        Some(_) if *tool != TOOL => {
            format!("{name}: its hash holds; {TOOL} renders it otherwise than {tool}")
        }
        Some(_) if manifest.wording != WORDING && has_wording(report) => {
            format!("{name}: its hash holds; this build of {TOOL} words it differently")
        }
        Some(_) => {
            let error = anyhow!("{name} is not what its results file renders to");
            let hint =
                "don't rely on it; `ons-audit report` makes reports from the results file anew";
            return Err(Failed::refused(error, Some(hint.to_owned())));
        }
    })
}

fn has_wording(report: &BundleEntry) -> bool {
    let format = report.format.as_deref();
    format.is_some_and(|format| !WORDLESS.contains(&format))
}

/// Unpacks the results files. They are known by the names they had.
fn unpack_results_files(bundle: &Bundle, folder: &Path) -> Result<Vec<ResultsFile>, Failed> {
    let entries: Vec<BundleEntry> = bundle.results_files().cloned().collect();
    let mut results_files = Vec::new();
    for (nth, entry) in entries.iter().enumerate() {
        let place = folder.join(format!("results-{nth}"));
        unpack(bundle, entry, &place)?;
        results_files.push(ResultsFile::open(&place)?.known_as(Path::new(&entry.path)));
    }
    Ok(results_files)
}

fn unpack_settings(bundle: &Bundle, folder: &Path) -> Result<PathBuf, Failed> {
    let place = folder.join("settings.toml");
    let settings = bundle.settings().cloned();
    let settings =
        settings.ok_or_else(|| Failed::refused(anyhow!("there are no settings in it"), None))?;
    unpack(bundle, &settings, &place)?;
    Ok(place)
}

fn unpack(bundle: &Bundle, entry: &BundleEntry, place: &Path) -> Result<(), Failed> {
    let mut file = file::create_private(place).map_err(|error| Failed::refused(error, None))?;
    Ok(bundle.unpack(entry, &mut file)?)
}

/// Returns the hashes of the reports rendered again; `None` where bytes cannot be compared: parts, worklists,
/// workbooks.
fn rendered_again(
    reports: &[BundleEntry],
    results_files: &[ResultsFile],
    context: &ReportContext,
    folder: &Path,
) -> Result<Vec<Option<String>>, Failed> {
    let place = |nth: usize| folder.join(format!("report-{nth}"));
    let failed = |error: io::Error| Failed::refused(error, None);
    let mut files = Vec::new();
    for (nth, report) in reports.iter().enumerate() {
        if let Some(format) = format_of(report) {
            files.push(Target {
                format,
                path: place(nth),
                output: Output::create(&place(nth)).map_err(failed)?,
            });
        }
    }
    let targets = Targets {
        files,
        ..Targets::default()
    };
    let rendered = render(results_files, context, targets, false)?;
    if let Some(error) = rendered.failures.into_iter().next() {
        return Err(error.into());
    }
    let hash = |(nth, report): (usize, &BundleEntry)| match format_of(report) {
        Some(_) => hash_of(&place(nth)).map(Some).map_err(failed),
        None => Ok(None),
    };
    reports.iter().enumerate().map(hash).collect()
}

pub(super) fn hash_of(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut file::open_regular(path)?, &mut hash)?;
    Ok(hash.hex())
}
