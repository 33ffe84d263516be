//! `report`: render reports again from results files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use tempfile::TempDir;

use super::Env;
use super::flags::{
    ExpectFlags, ReportFlags, ReservedPaths, SettingsFlags, StderrFlags, or_recorded, zone_of,
};
use super::outcome::{ConcludeOptions, conclude};
use crate::exit::{Failed, Status};
use crate::report::CsvDialect;
use crate::report::locale::Locale;
use crate::results::{ResultsFile, merge};
use crate::settings::Settings;
use crate::verdict::Expectations;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Results files that `audit` wrote; several are all shards of one run, or runs about other messages each
    ///
    /// All shards of a run (`audit --shard`) give the reports of one run; a shard that is missing, doubled or of another run is
    /// refused. Of other results files, each message is counted once in its file: one that two files have is counted twice.
    /// Files that expect other groups need one --expect or --expect-file for all.
    #[arg(required = true, value_name = "RESULTS")]
    results: Vec<PathBuf>,
    /// Put all shards of a run together in this results file, which is like that of a run without shards
    #[arg(long = "results", value_name = "FILE", help_heading = "Reports")]
    merged: Option<PathBuf>,
    #[command(flatten)]
    reports: ReportFlags,
    #[command(flatten)]
    expect: ExpectFlags,
    /// Exit with 0 instead of 1 when there is something to look at; 2 and 3 stay
    #[arg(long, help_heading = "Messages")]
    exit_zero: bool,
    #[command(flatten)]
    stderr: StderrFlags,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl Args {
    /// Returns the reports.
    pub(super) fn outputs(&self) -> Vec<PathBuf> {
        let reports = self.reports.paths().map(Path::to_owned);
        reports.chain(self.merged.clone()).collect()
    }

    /// Returns the paths that no report may replace.
    fn reserved_paths(&self, settings: &Settings) -> Result<ReservedPaths, Failed> {
        let results = self.results.iter().map(PathBuf::as_path);
        let reserved = ReservedPaths::default().read("the results file", results);
        let reserved = match &self.merged {
            Some(path) => reserved.results_file(path)?,
            None => reserved,
        };
        reserved.settings(settings)
    }
}

pub(super) fn run(args: Args, env: &Env) -> Result<Status, Failed> {
    let mut settings = args.settings.merged_settings(env)?;
    args.reports.apply_to(&mut settings);
    args.expect.apply_to(&mut settings);
    args.stderr.apply_to(&mut settings);
    if let Some(shown) = args.settings.show(&settings) {
        return shown;
    }
    let stderr = args.stderr.start(&settings, env)?;
    let results_files = args
        .results
        .iter()
        .map(|path| ResultsFile::open(path))
        .collect::<Result<Vec<_>, _>>()?;
    let reserved = args.reserved_paths(&settings)?;
    let whole = MergedShards::of(
        &results_files,
        args.merged.as_deref(),
        args.reports.bundle(),
    )?;
    let results_files = whole
        .as_ref()
        .map_or(Ok(results_files), MergedShards::open)?;
    let zone = results_files
        .first()
        .map(|results_file| zone_of(results_file.header()));
    let given = args
        .expect
        .settle(&settings, &zone.unwrap_or(jiff::tz::TimeZone::UTC))?;
    refuse_twice(&results_files)?;
    // Other expectations need no new answers. If no flag gives any, those of the run apply.
    let recorded = if given.is_empty() {
        in_common(&results_files)?
    } else {
        Expectations::default()
    };
    let expectations = or_recorded(&given, recorded);
    if !given.is_empty() {
        warn_of_acceptance(&results_files, &given);
    }
    warn_of_sources(&results_files);
    let trailers = results_files.iter().map(ResultsFile::trailer);
    let columns = trailers.flat_map(|trailer| trailer.columns.iter().cloned());
    args.reports.check_numbers(columns.map(Ok::<_, Failed>))?;
    let bundle = args.reports.open_bundle(&reserved, &settings, env)?;
    let no_default = args.reports.names_another_report();
    let numbers = args.reports.numbers();
    let targets = args.reports.open(no_default, &reserved, &settings)?;
    let ending = ConcludeOptions {
        numbers,
        exit_zero: args.exit_zero,
        quiet: stderr.quiet,
        csv: CsvDialect::of(&settings)?,
        bundle,
        report_flags: None,
        locale: Locale::of(&settings)?,
    };
    let conclusion = conclude(&results_files, expectations, targets, ending, true)?;
    conclusion.into_parts().1
}

/// The results file of a run whose shards were put together.
struct MergedShards {
    path: PathBuf,
    /// The folder of a file that is not kept.
    folder: Option<TempDir>,
}

impl MergedShards {
    /// Puts shards together at `kept`, or in a temporary file. Returns `None` if the results files are no shards.
    fn of(
        files: &[ResultsFile],
        kept: Option<&Path>,
        bundle: Option<&Path>,
    ) -> Result<Option<Self>, Failed> {
        let refused = |error: &'static str, hint: &str| {
            Err(Failed::refused(anyhow!(error), Some(hint.to_owned())))
        };
        if !files.iter().any(|file| file.header().shard().is_some()) {
            return match kept {
                None => Ok(None),
                Some(_) => refused(
                    "--results puts shards together, and none is given",
                    "name the results files of all shards of a run (`audit --shard`)",
                ),
            };
        }
        if bundle.is_some() && kept.is_none() {
            return refused(
                "a bundle holds the results file, and shards have none together",
                "add --results FILE, which puts the shards together",
            );
        }
        let (path, folder) = if let Some(path) = kept {
            (path.to_owned(), None)
        } else {
            let folder = tempfile::tempdir().map_err(|error| {
                let error = anyhow::Error::new(error).context("can't put shards together");
                Failed::refused(error, "TMPDIR names a folder with room".to_owned())
            })?;
            (folder.path().join(MERGED), Some(folder))
        };
        merge(files, &path)?;
        Ok(Some(Self { path, folder }))
    }

    fn open(&self) -> Result<Vec<ResultsFile>, Failed> {
        let file = ResultsFile::open(&self.path)?;
        Ok(vec![match &self.folder {
            None => file,
            Some(_) => file.known_as(MERGED.as_ref()),
        }])
    }
}

/// The name of the results file of shards that is not kept.
const MERGED: &str = "merged.results.ndjson";

/// Warns of what the runs accepted and these reports do not.
fn warn_of_acceptance(results_files: &[ResultsFile], given: &Expectations) {
    let accepted = |of: fn(&Expectations) -> bool| {
        let mut recorded = results_files.iter().map(|file| &file.header().expectations);
        recorded.any(of) && !of(given)
    };
    let words: [(_, &str, _); 2] = [
        (accepted(|of| of.accept_filtered), "filtered", "filtered"),
        (
            accepted(|of| of.accept_dead_lettered),
            "dead-lettered",
            "dead_lettered",
        ),
    ];
    for (_, what, word) in words.into_iter().filter(|(is_accepted, ..)| *is_accepted) {
        tracing::warn!(
            "the run accepted {what} messages; without --accept {word} they are breaks in these reports"
        );
    }
}

/// Returns the expectations if they are the same in all shards.
fn in_common(results_files: &[ResultsFile]) -> Result<Expectations, Failed> {
    let expected = |results_file: &ResultsFile| results_file.header().expectations.clone();
    let first = results_files.first().map(expected).unwrap_or_default();
    match results_files
        .iter()
        .find(|results_file| expected(results_file) != first)
    {
        None => Ok(first),
        Some(other) => {
            let [one, other] =
                [&results_files[0], other].map(|results_file| results_file.path().display());
            Err(Failed::refused(
                anyhow!(
                    "{one} and {other} expect different groups, so they are not shards of one run"
                ),
                "name the groups of all with --expect or --expect-file, or make a report of each"
                    .to_owned(),
            ))
        }
    }
}

/// Refuses to count the same answers twice. A resumed run may have left an earlier results file with the same run ID.
fn refuse_twice(results_files: &[ResultsFile]) -> Result<(), Failed> {
    for (nth, results_file) in results_files.iter().enumerate() {
        let is_same = |earlier: &&ResultsFile| {
            earlier.trailer().sha256 == results_file.trailer().sha256
                || earlier.header().run_id == results_file.header().run_id
        };
        if let Some(earlier) = results_files[..nth].iter().find(is_same) {
            let [one, other] =
                [earlier, results_file].map(|results_file| results_file.path().display());
            return Err(Failed::refused(
                anyhow!(
                    "{one} and {other} are results files of the same run: its messages would count twice"
                ),
                "name one of them".to_owned(),
            ));
        }
        let has_same_inputs = |earlier: &&ResultsFile| {
            let [one, other] = [earlier, results_file].map(|file| &file.header().inputs);
            let hashes = one.iter().map(|input| &input.sha256);
            !one.is_empty() && hashes.eq(other.iter().map(|input| &input.sha256))
        };
        if let Some(earlier) = results_files[..nth].iter().find(has_same_inputs)
            && earlier.header().source == results_file.header().source
        {
            let [one, other] =
                [earlier, results_file].map(|results_file| results_file.path().display());
            return Err(Failed::refused(
                anyhow!(
                    "{one} and {other} are answers to the same inputs: their messages would count twice"
                ),
                format!("name one of them; `ons-audit diff {one} {other}` compares them"),
            ));
        }
    }
    Ok(())
}

fn warn_of_sources(results_files: &[ResultsFile]) {
    let sources: BTreeSet<_> = results_files
        .iter()
        .map(|results_file| &*results_file.header().source)
        .collect();
    if sources.len() > 1 {
        tracing::warn!(
            "these results files have different sources: {}",
            sources.into_iter().collect::<Vec<_>>().join(", ")
        );
    }
}
