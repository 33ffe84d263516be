//! An audit whose arguments and files are checked, and for which nothing is opened, created or asked yet. `audit` goes on
//! from here; `plan` ends here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::lookup_stage::LookupStage;
use super::order::MessageAges;
use super::refusals::{refuse_if_empty, refuse_to_replace};
use super::start_mode::{ResumeFlags, StartMode};
use super::{Args, header};
use crate::clock;
use crate::command::Env;
use crate::command::flags::{Pace, ReservedPaths, SourceKind, SourceSpec, StderrOptions};
use crate::exit::Failed;
use crate::input::{InputError, Inputs};
use crate::message::Zone;
use crate::offsets::Rules;
use crate::report::ReportFormat;
use crate::report::locale::Locale;
use crate::results::{EXAMINED, EarlierAccess, Header, Previous, ResultsWriter, SCHEMA};
use crate::settings::{Examine, Settings};
use crate::source::{Snapshot, TraceSource as _};

/// What an audit starts with.
#[derive(Debug)]
pub(in crate::command) struct Draft {
    pub(in crate::command) stderr: StderrOptions,
    pub(in crate::command) source: SourceSpec,
    /// The source, if it is a snapshot.
    pub(in crate::command) snapshot: Option<Snapshot>,
    pub(in crate::command) pace: Pace,
    pub(in crate::command) zone: Zone,
    pub(in crate::command) ages: MessageAges,
    pub(in crate::command) started: Timestamp,
    pub(in crate::command) inputs: Inputs,
    /// The reports in one file each.
    pub(in crate::command) reports: Vec<(ReportFormat, PathBuf)>,
    pub(in crate::command) results: PathBuf,
    pub(in crate::command) header: Header,
    pub(in crate::command) previous: Option<Previous>,
}

impl Draft {
    /// Refuses what can be refused without asking anybody and without creating a file. Credentials are not looked for.
    ///
    /// # Errors
    ///
    /// If a setting, the input, a path or the file of `--previous` does not allow the audit.
    pub(in crate::command) fn new(
        args: &Args,
        (settings, reserved): (&Settings, &ReservedPaths),
        env: &Env,
    ) -> Result<Self, Failed> {
        let stderr = args.stderr.start(settings, env)?;
        args.refuse_stream()?;
        let source = SourceSpec::of(settings)?;
        let pace = Pace::of(settings, source.kind(), env)?;
        let zone: Zone = settings.get("producer_zone")?;
        let expectations = args.expect.settle(settings, &zone.zone)?;
        let results = args.results_path();
        let started = (env.clock)();
        let ages = MessageAges::of(settings, &zone, started)?;
        let inputs = args.input.open(source.instance_of_rows())?;
        refuse_to_replace(&results)?;
        args.reports.check_bundle(reserved)?;
        let reports = args.reports.check(false, reserved, settings)?;
        Locale::of(settings)?;
        source.check(settings)?;
        let snapshot = source.open_snapshot()?;
        args.removed.check(&source)?;
        args.examine.check(source.kind())?;
        args.start.check(source.kind())?;
        pace.check_quota_file()?;
        refuse_if_empty(&inputs)?;
        args.reports.check_numbers(kept_columns(&inputs))?;
        let examine: Examine = settings.get("examine")?;
        let mut header = Header {
            schema: schema(examine, source.kind(), snapshot.as_ref()).to_owned(),
            source: source.text(),
            as_of: snapshot
                .as_ref()
                .and_then(Snapshot::as_of)
                .map(clock::rfc3339),
            rules: snapshot
                .as_ref()
                .map_or_else(Rules::default, Snapshot::rules),
            unasked_brokers: snapshot.as_ref().map(unasked_brokers).unwrap_or_default(),
            expectations,
            producer_zone: zone.name.clone(),
            born_column: settings.optional("born_column")?,
            rate: (!source.is_repeatable()).then(|| pace.rate.to_string()),
            ..header(&inputs, clock::rfc3339(started))?
        };
        let previous = args.start.open_previous(settings, &mut header)?;
        Ok(Self {
            stderr,
            source,
            snapshot,
            pace,
            zone,
            ages,
            started,
            inputs,
            reports,
            results,
            header,
            previous,
        })
    }

    /// Returns the first stage, which only the audit of a cluster has.
    pub(in crate::command) fn lookup(&self) -> Option<LookupStage> {
        let is_cluster = matches!(self.source, SourceSpec::Cluster(_));
        is_cluster.then(|| LookupStage::beside(&self.results))
    }

    /// Decides how the audit starts. `lookup` is its first stage.
    ///
    /// # Errors
    ///
    /// If there are answers of an earlier run that `flags` do not allow to continue or to discard, or if the results file
    /// cannot be written.
    pub(in crate::command) fn start(
        &self,
        flags: ResumeFlags,
        lookup: Option<&mut LookupStage>,
        access: EarlierAccess,
    ) -> Result<StartMode, Failed> {
        let (results, header) = (&self.results, &self.header);
        let start = match lookup {
            Some(lookup) => lookup.start_audit(flags, results, header, access)?,
            None => flags.start(results, header, access)?,
        };
        if !matches!(start, StartMode::AlreadyComplete) {
            ResultsWriter::refuse_unwritable(results)?;
        }
        Ok(start)
    }
}

/// Returns the names of kept columns, each as often as the columns of the rows change.
fn kept_columns(inputs: &Inputs) -> impl Iterator<Item = Result<String, InputError>> {
    let mut last: Option<Arc<[Box<str>]>> = None;
    inputs.of_all_shards().rows().flat_map(move |row| {
        let columns = row.map(|row| row.kept.columns);
        match columns {
            Err(error) => vec![Err(error)],
            Ok(columns)
                if last
                    .as_ref()
                    .is_some_and(|last| Arc::ptr_eq(last, &columns)) =>
            {
                vec![]
            }
            Ok(columns) => {
                let names = columns.iter().map(|name| Ok(name.to_string())).collect();
                last = Some(columns);
                names
            }
        }
    })
}

/// Returns the schema of the results file. A snapshot without what was examined is audited as if nothing were examined. A
/// service that records deliveries cannot be judged without reading more.
fn schema(examine: Examine, kind: SourceKind, snapshot: Option<&Snapshot>) -> &'static str {
    let is_unexamined = snapshot.is_some_and(|snapshot| snapshot.state().examination.is_none());
    match examine {
        _ if kind == SourceKind::Rmq => EXAMINED,
        Examine::Failures | Examine::FailuresAndTraces if !is_unexamined => EXAMINED,
        _ => SCHEMA,
    }
}

/// Returns the brokers whose offsets could not be read.
pub(super) fn unasked_brokers(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let unreachable = snapshot.state().unreachable.iter();
    unreachable
        .map(|(name, why)| (name.to_string(), why.to_string()))
        .collect()
}
