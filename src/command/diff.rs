//! `diff`: what changed between two results files.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::World;
use super::flags::{
    CsvFlags, ExpectFlags, SettingsFlags, Taken, TalkFlags, open, or_stdout, zone_of,
};
use super::verify::checked;
use crate::diff::{Differences, Sheet, Side, Terminal, render};
use crate::exit::{self, Failed, Status};
use crate::record::Record;
use crate::report::CsvDialect;
use crate::ui;
use crate::verdict::Expectations;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The earlier results file, such as last night's
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The later results file, such as tonight's; if messages in it have no answer, diff exits with 3 as the audit did
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Report; its ending sets its format: .csv, .json, .md; can be repeated [default: CSV on stdout]
    ///
    /// .csv has a row per message and group that is or was at fault: regressed, new, still_open, unconfirmed or resolved.
    /// .json has the counts for a program, .md is a summary for a ticket. `-` is CSV on stdout.
    ///
    /// Example: ons-audit diff yesterday.results.ndjson today.results.ndjson -o changes.csv -o ticket.md
    #[arg(short, long, value_name = "FILE", help_heading = "Reports")]
    output: Vec<PathBuf>,
    #[command(flatten)]
    csv: CsvFlags,
    #[command(flatten)]
    expect: ExpectFlags,
    /// Exit with 0 instead of 1 when something regressed or opened; 2 and 3 stay
    #[arg(long, help_heading = "Messages")]
    exit_zero: bool,
    #[command(flatten)]
    talk: TalkFlags,
    #[command(flatten)]
    settings: SettingsFlags,
}

pub(super) fn run(args: Args, world: &World) -> Result<Status, Failed> {
    let mut layers = args.settings.layers(world)?;
    args.csv.lay(&mut layers);
    args.expect.lay(&mut layers);
    args.talk.lay(&mut layers);
    if let Some(shown) = args.settings.show(&layers) {
        return shown;
    }
    let talk = args.talk.start(&layers, world)?;
    let records = [Record::open(&args.old)?, Record::open(&args.new)?];
    let told = args.expect.settle(&layers, &zone_of(records[1].header()))?;
    let taken = Taken::default().read("a record", [&*args.old, &*args.new]);
    let taken = taken.settings(&layers)?;
    let targets = open(or_stdout(args.output), &taken, &Sheet::FORMATS)?;
    let report = first_file(targets.iter().map(|target| target.path.as_path()));
    // Everything is read once before the first word is written: a report of a file that does not hold is none.
    let [old, new] = &records;
    let [old, new] = [side(old, &told)?, side(new, &told)?];
    in_order(&old, &new)?;
    let sheets = targets.into_iter().map(Sheet::new).collect();
    let differences = render(old, new, sheets, CsvDialect::of(&layers)?)?;
    for warning in differences.warnings() {
        tracing::warn!("{warning}");
    }
    if !talk.quiet {
        say(&differences, report)?;
    }
    Ok(if differences.is_incomplete() {
        Status::Incomplete // as it ended the audit, whatever else was found
    } else if differences.is_alarming() && !args.exit_zero {
        Status::Findings
    } else {
        Status::Clean
    })
}

/// Each record is judged by its own expectations; by those told, if there are any.
fn side<'r>(record: &'r Record, told: &Expectations) -> Result<Side<'r>, Failed> {
    let expectations = if told.is_empty() && !told.accept_filtered {
        record.header().expectations.clone()
    } else {
        told.clone()
    };
    Ok(Side {
        record,
        summary: checked(record, expectations.clone())?,
        expectations,
    })
}

/// Swapped records would turn every resolution into a regression.
fn in_order(old: &Side<'_>, new: &Side<'_>) -> Result<(), Failed> {
    match (old.moment(), new.moment()) {
        (Some(earlier), Some(later)) if earlier > later => {
            let [old, new] = [old, new].map(|side| side.record.path().display());
            let error = anyhow!(
                "{old} speaks of {earlier:.3}, {new} of {later:.3}; expected the earlier record first"
            );
            let hint = format!("ons-audit diff {new} {old}");
            Err(Failed::refused(error, Some(hint)))
        }
        _ => Ok(()),
    }
}

fn first_file<'p>(mut paths: impl Iterator<Item = &'p Path>) -> Option<String> {
    let path = paths.find(|path| *path != Path::new("-"))?;
    Some(path.display().to_string())
}

fn say(differences: &Differences<'_>, report: Option<String>) -> Result<(), Failed> {
    let mut text = Vec::new();
    let width = ui::width();
    Terminal { report, width }
        .render(differences, &mut text)
        .map_err(|error| Failed::incomplete(error, None))?;
    exit::say(&String::from_utf8_lossy(&text));
    Ok(())
}
