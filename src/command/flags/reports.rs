//! Flags for the reports.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::paths::{ReservedPaths, check, create, is_in, is_stream, open, refuse_unwritable, same};
use crate::command::Env;
use crate::command::evidence::BundleTarget;
use crate::exit::Failed;
use crate::file::{self, FileSet, PartsList};
use crate::humanize::shell_quoted;
use crate::report::{CsvDialect, ReportFormat, Targets, refuse_foreign};
use crate::settings::{Origin, Settings};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Reports")]
pub(in crate::command) struct ReportFlags {
    /// Report; its ending sets its format: .csv, .xlsx, .html, .ndjson, .json, .md, .parquet; can be repeated [default: CSV on stdout; with `report`, not if --matrix, --worklist or --bundle is given]
    ///
    /// .csv has a row per message and group; .xlsx the same in a workbook with a summary and the list to act on; .html is a
    /// page to mail with timeline and list; .ndjson has a line per row with verdicts; .json the totals for a program; .md is
    /// a summary for a ticket; .parquet has the rows of .csv with typed columns, for DuckDB or Spark. `-` is CSV on stdout.
    ///
    /// Example: ons-audit report day.results.ndjson -o report.xlsx -o ticket.md --matrix matrix.csv
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,
    /// CSV with one row per message and one column per group; Parquet if its name ends in .parquet
    #[arg(long, value_name = "FILE")]
    matrix: Option<PathBuf>,
    /// CSV of the bad rows with file, line and reason
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// All evidence in one ZIP: the results file, the reports, the settings, and a manifest with the SHA-256 of each
    ///
    /// `ons-audit verify FILE.zip` checks it anywhere without asking anybody. The inputs are named with their hashes but
    /// not packed; secrets never are.
    ///
    /// Example: ons-audit report day.results.ndjson -o report.csv -o ticket.md --bundle evidence.zip
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Time zone in reports for people: UTC, +08:00, Asia/Shanghai [default: UTC]
    ///
    /// It is named beside every time, also in the summary on the terminal. Formats for programs (.csv, .ndjson, .json) stay
    /// in UTC.
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    tz: Option<String>,
    /// Language of reports for people: en or zh; codes are never translated [default: en]
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<String>,
    #[command(flatten)]
    csv: CsvFlags,
    /// Most rows in one CSV file, not counting the header; the rest goes into further files
    ///
    /// A spreadsheet opens 1,048,576 rows and silently drops the rest. Each part has the header, and its name says which
    /// part it is and how many rows it has: report.part-1-of-2.1000000-rows.csv. Parts of an earlier report with the same
    /// name are removed. The list report.parts.json is removed first and written last: without it, the set of parts is not
    /// complete. `verify` checks it.
    ///
    /// Example: ons-audit report day.results.ndjson -o report.csv --split 1000000
    #[arg(long, value_name = "ROWS")]
    split: Option<String>,
    /// Kept columns whose plain numbers are numbers in the workbook, to add them up; all else stays text
    ///
    /// A plain number has at most 15 digits and no leading zeros, blanks, separators or exponent. An order number would lose
    /// its zeros as a number, so no column is converted unless it is named here.
    ///
    /// Example: ons-audit report day.results.ndjson -o report.xlsx --numbers amount
    #[arg(long, value_name = "COL,…", value_delimiter = ',')]
    numbers: Vec<String>,
    /// Folder of lists, one per group and verdict, of the messages that the group has not passed; nothing is sent
    ///
    /// GROUP.open.csv and GROUP.open.ndjson have the messages that the group has not passed, or, for 5.x, that a client has,
    /// each once. Absent, filtered (where that is not accepted) and undetermined ones have lists of their own, because
    /// sending them again is not what they need. worklist.json says which files belong together and whether the run was complete. An earlier
    /// worklist in the folder is replaced as a whole.
    ///
    /// Look at redrive/GID_billing.open.csv and ask again before you send anything.
    ///
    /// Example: ons-audit report day.results.ndjson --worklist redrive
    #[arg(long, value_name = "FOLDER")]
    worklist: Option<PathBuf>,
}

/// Flags for the form of CSV files.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Reports")]
pub(in crate::command) struct CsvFlags {
    /// Do not protect cells that a spreadsheet would take for formulas
    #[arg(long)]
    raw_csv: bool,
    /// Start CSV files with a byte order mark, so that Excel reads them as UTF-8
    #[arg(long)]
    bom: bool,
    /// Character between the cells of CSV reports: one of , ; | ^ ~ or \t for a tab [default: ,]
    ///
    /// Excel expects ; in countries that write a comma in numbers (Germany, France, Brazil, …).
    #[arg(long, value_name = "CHAR", alias = "out-delimiter")]
    output_delimiter: Option<String>,
}

impl CsvFlags {
    pub(in crate::command) fn apply_to(&self, settings: &mut Settings) {
        settings.flag("raw_csv", self.raw_csv.then_some(true));
        settings.flag("bom", self.bom.then_some(true));
        settings.flag("output_delimiter", self.output_delimiter.as_ref());
    }
}

impl ReportFlags {
    pub(in crate::command) fn apply_to(&self, settings: &mut Settings) {
        self.csv.apply_to(settings);
        settings.flag("split", self.split.as_ref());
        settings.flag("tz", self.tz.as_ref());
        settings.flag("lang", self.lang.as_ref());
    }

    /// Returns the flag of a report that is not the one on standard output, with its value.
    pub(in crate::command) fn beside_stdout(&self) -> Option<String> {
        let is_stdout = |path: &&PathBuf| path.as_path() == Path::new("-");
        let output = self.output.iter().find(|path| !is_stdout(path));
        let flags = [
            ("-o", output),
            ("--matrix", self.matrix.as_ref()),
            ("--rejects", self.rejects.as_ref()),
            ("--bundle", self.bundle.as_ref()),
            ("--worklist", self.worklist.as_ref()),
        ];
        let mut given = flags
            .into_iter()
            .filter_map(|(flag, path)| Some(format!("{flag} {}", path?.display())));
        let numbers = || (!self.numbers.is_empty()).then(|| "--numbers".to_owned());
        given.next().or_else(numbers)
    }

    /// Returns the first report that is a regular file. The results file is kept beside it.
    pub(in crate::command) fn first_file(&self) -> Option<&Path> {
        let is_file = |path: &&PathBuf| {
            **path != Path::new("-")
                && std::fs::metadata(path).map_or(true, |found| found.is_file())
        };
        self.output.iter().find(is_file).map(PathBuf::as_path)
    }

    /// Refuses a bundle that cannot be written, and opens none.
    pub(in crate::command) fn check_bundle(&self, reserved: &ReservedPaths) -> Result<(), Failed> {
        let Some(path) = &self.bundle else {
            return Ok(());
        };
        let hint = || Some("name a file for it: --bundle evidence.zip".to_owned());
        if path == Path::new("-") {
            let error = anyhow!(
                "a bundle can't be written to standard output, where reports and messages go"
            );
            return Err(Failed::refused(error, hint()));
        }
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            let error = anyhow!(
                "{} is a pipe or a device, and a bundle needs a file",
                path.display()
            );
            return Err(Failed::refused(error, hint()));
        }
        let mut reports = self.output.iter().chain(&self.matrix).chain(&self.rejects);
        if reports.any(|report| same(report, path)) {
            return Err(Failed::refused(
                anyhow!("{} is to hold a report and the bundle", path.display()),
                "name another file for one of them".to_owned(),
            ));
        }
        reserved.refuse(path)?;
        let is_zip = |ending: &OsStr| ending.eq_ignore_ascii_case("zip");
        if !path.extension().is_some_and(is_zip) {
            return Err(Failed::refused(
                anyhow!(
                    "{}: a bundle is a ZIP, expected a name that ends in .zip",
                    path.display()
                ),
                "name a file for it: --bundle evidence.zip".to_owned(),
            ));
        }
        refuse_unwritable(path)
    }

    /// Opens the bundle if a flag asks for it.
    pub(in crate::command) fn open_bundle(
        &self,
        reserved: &ReservedPaths,
        settings: &Settings,
        env: &Env,
    ) -> Result<Option<BundleTarget>, Failed> {
        self.check_bundle(reserved)?;
        let Some(path) = self.bundle.clone() else {
            return Ok(None);
        };
        Ok(Some(BundleTarget {
            output: create(&path, reserved)?,
            path,
            settings: settings.show(),
            clock: env.clock,
        }))
    }

    /// Returns the flags that say how reports look, as words of a command, without `--numbers`.
    pub(in crate::command) fn repeated(settings: &Settings) -> Vec<String> {
        let keys = ["split", "output_delimiter", "raw_csv", "bom", "tz", "lang"];
        let flags = keys.map(|key| match settings.text(key) {
            (_, Origin::Flag(flag)) if matches!(key, "raw_csv" | "bom") => Some(flag),
            (value, Origin::Flag(flag)) => Some(format!("{flag}={}", shell_quoted(value))),
            _ => None,
        });
        flags.into_iter().flatten().collect()
    }

    /// Returns the columns of `--numbers`.
    pub(in crate::command) fn numbers(&self) -> Vec<String> {
        self.numbers.clone()
    }

    /// Refuses a column of `--numbers` that is not kept. `columns` are the kept columns, and are read only as far as needed.
    pub(in crate::command) fn check_numbers<E>(
        &self,
        columns: impl Iterator<Item = Result<String, E>>,
    ) -> Result<(), Failed>
    where
        Failed: From<E>,
    {
        let mut missing: Vec<_> = self.numbers.iter().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let mut kept: Vec<String> = Vec::new();
        for column in columns {
            let column = column?;
            missing.retain(|name| **name != column);
            if missing.is_empty() {
                return Ok(());
            }
            if !kept.contains(&column) {
                kept.push(column);
            }
        }
        Err(Failed::refused(
            anyhow!("--numbers: no column `{}` is kept", missing[0]),
            Some(if kept.is_empty() {
                "no column is kept: --keep names columns of the input".to_owned()
            } else {
                format!("the kept columns are {}", kept.join(", "))
            }),
        ))
    }

    /// Returns every file and folder that will be written.
    pub(in crate::command) fn paths(&self) -> impl Iterator<Item = &Path> {
        let files = self.output.iter().chain(&self.matrix).chain(&self.rejects);
        let all = files.chain(&self.bundle).chain(&self.worklist);
        all.map(PathBuf::as_path)
    }

    /// Returns whether a worklist, a matrix or a bundle is wanted.
    pub(in crate::command) const fn names_another_report(&self) -> bool {
        self.worklist.is_some() || self.matrix.is_some() || self.bundle.is_some()
    }

    /// Returns the reports in one file each, with their formats. Refuses those that cannot be written, and opens none. None
    /// may be one of the reserved paths. Without `-o` there is a CSV on standard output, unless `no_default` is set.
    pub(in crate::command) fn check(
        &self,
        no_default: bool,
        reserved: &ReservedPaths,
        settings: &Settings,
    ) -> Result<Vec<(ReportFormat, PathBuf)>, Failed> {
        let files = check(self.wanted(no_default), reserved, ReportFormat::BY_ENDING)?;
        let is_workbook = |(format, _): &(ReportFormat, PathBuf)| *format == ReportFormat::Xlsx;
        if !self.numbers.is_empty() && !files.iter().any(is_workbook) {
            return Err(Failed::refused(
                anyhow!("--numbers is for a workbook, and no report is one"),
                "add -o report.xlsx, or leave --numbers out".to_owned(),
            ));
        }
        if CsvDialect::of(settings)?.split.is_some() {
            refuse_to_split_streams(&files)?;
            self.check_lists(&files, reserved)?;
        }
        if let Some(folder) = &self.worklist {
            let paths = files.iter().map(|(_, path)| path);
            check_worklist(folder, reserved.paths().chain(paths))?;
        }
        Ok(files)
    }

    /// Refuses a split report whose list of parts would replace another file.
    fn check_lists(
        &self,
        files: &[(ReportFormat, PathBuf)],
        reserved: &ReservedPaths,
    ) -> Result<(), Failed> {
        let mut taken: Vec<PathBuf> = self.paths().map(Path::to_owned).collect();
        for (_, report) in files.iter().filter(|(format, _)| format.is_csv()) {
            let target = file::followed(report);
            let target = target.map_err(|error| Failed::unwritable(report, error))?;
            let list = PartsList::path_for(&target);
            reserved.refuse(&list)?;
            let (problem, hint) = if taken.iter().any(|other| same(other, &list)) {
                let hint = "name another file for one of them";
                ("is another report or its list, too", hint)
            } else if list.exists() && !matches!(PartsList::read(&list), Ok(Some(_))) {
                let hint = "remove it if it is a damaged list, or name another file for the report";
                ("is there and no list of an earlier run", hint)
            } else {
                taken.push(list);
                continue;
            };
            return Err(Failed::refused(
                anyhow!(
                    "{} is to list the parts of {}, and {problem}",
                    list.display(),
                    report.display()
                ),
                hint.to_owned(),
            ));
        }
        Ok(())
    }

    /// Opens every target that [`check`](Self::check) allows.
    pub(in crate::command) fn open(
        self,
        no_default: bool,
        reserved: &ReservedPaths,
        settings: &Settings,
    ) -> Result<Targets, Failed> {
        let files = open(self.check(no_default, reserved, settings)?)?;
        let worklist = self.worklist.map(|folder| {
            let set = FileSet::create(&folder);
            let set = set.map_err(|error| Failed::unwritable(&folder, error))?;
            Ok::<_, Failed>((folder, set))
        });
        let worklist = worklist.transpose()?;
        Ok(Targets { files, worklist })
    }

    /// Returns the reports in one file each, with the formats that flags give them.
    fn wanted(
        &self,
        no_default: bool,
    ) -> impl Iterator<Item = (Option<ReportFormat>, PathBuf)> + use<> {
        let mut wanted: Vec<_> = self
            .output
            .iter()
            .map(|path| (None, path.clone()))
            .collect();
        if self.output.is_empty() && !no_default {
            wanted.push((None, PathBuf::from("-")));
        }
        let mut add = |format, path: &Option<PathBuf>| {
            wanted.extend(path.iter().map(|path| (Some(format), path.clone())));
        };
        add(matrix_format(self.matrix.as_deref()), &self.matrix);
        add(ReportFormat::Rejects, &self.rejects);
        wanted.into_iter()
    }

    /// Returns the path of the bundle.
    pub(in crate::command) fn bundle(&self) -> Option<&Path> {
        self.bundle.as_deref()
    }

    /// Returns the folder of the worklist.
    pub(in crate::command) fn worklist(&self) -> Option<&Path> {
        self.worklist.as_deref()
    }
}

/// Refuses a folder of a worklist that holds anything else than an earlier worklist, or cannot be made.
fn check_worklist<'p>(
    folder: &Path,
    mut others: impl Iterator<Item = &'p PathBuf>,
) -> Result<(), Failed> {
    if let Some(other) = others.find(|other| is_in(other, folder)) {
        let (other, folder) = (other.display(), folder.display());
        return Err(Failed::refused(
            anyhow!("{other} would be replaced with the folder {folder}"),
            Some("--worklist names a folder of its own".to_owned()),
        ));
    }
    refuse_foreign(folder).map_err(|error| {
        let hint = "--worklist names a folder of its own, which is made or replaced as a whole";
        Failed::refused(error, Some(hint.to_owned()))
    })?;
    let writable = file::followed(folder).and_then(|target| file::refuse_folder(&target));
    writable.map_err(|error| Failed::unwritable(folder, error))
}

/// Returns the format of a matrix: CSV, or Parquet if its name ends so.
fn matrix_format(path: Option<&Path>) -> ReportFormat {
    match path.and_then(ReportFormat::of) {
        #[cfg(feature = "parquet")]
        Some(ReportFormat::Parquet) => ReportFormat::ParquetMatrix,
        _ => ReportFormat::Matrix,
    }
}

/// Refuses to split streams, since parts need names.
fn refuse_to_split_streams(targets: &[(ReportFormat, PathBuf)]) -> Result<(), Failed> {
    let split = targets
        .iter()
        .find(|(format, path)| format.is_csv() && is_stream(path));
    match split {
        None => Ok(()),
        Some((_, path)) => Err(Failed::refused(
            anyhow!("{} can't be split into files", path.display()),
            Some("--split needs a report in a file, such as -o report.csv".to_owned()),
        )),
    }
}
