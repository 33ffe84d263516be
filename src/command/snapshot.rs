//! `snapshot`: writes a cluster's offsets, and the positions of messages, to a file that can be judged later.
//!
//! It has the two stages of a cluster audit: messages are looked up, then the offsets are read. Both are written
//! instead of judged, so an audit of the file has the same verdicts as an audit of the cluster at that moment.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::Env;
use super::audit::{
    LookupStage, Preflight, QueryRun, ResumeFlags, announce_notes, header, read_offsets,
    resume_hint,
};
use super::flags::{
    ClusterExamineFlags, ClusterFlags, ClusterPaceFlags, ColumnFlags, ExamineSettings, Pace,
    RemovedBrokerFlags, ReservedPaths, SettingsFlags, SourceSpec, StderrFlags, create,
};
use super::signals::exit_on_signal;
use crate::clock::rfc3339;
use crate::exit::{Failed, NO_READER, Status};
use crate::file::{self, Compression, Output};
use crate::humanize::{self, count, counted};
use crate::message::{BornClock, Zone};
use crate::offsets::snapshot::{
    MessageEntry, MissingMessage, SnapshotDocument, SnapshotTime, SnapshotWriter,
};
use crate::results::{EarlierAccess, FoundView, Header, Line, ResultsFile};
use crate::settings::Examine;
use crate::source::Source;
use crate::source::rocketmq::{Cluster, QueriedTopic};

/// Number of bytes that are written at once.
const BLOCK: usize = 256 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: ClusterFlags,
    #[command(flatten)]
    removed: RemovedBrokerFlags,
    /// Files with message IDs and topics, as for audit: look their messages up and keep them, too
    ///
    /// Without them the snapshot knows no message; to audit against it you then need an input with the columns broker,
    /// queue_id and queue_offset.
    ///
    /// Example: ons-audit snapshot --source rocketmq://127.0.0.1:9876 --messages incident.csv -o cluster.json.gz
    #[arg(long, value_name = "INPUT", help_heading = "Snapshot")]
    messages: Vec<PathBuf>,
    /// Also keep these topics [default: the topics of the messages; without messages, all topics]
    #[arg(
        long,
        value_name = "TOPIC,…",
        value_delimiter = ',',
        help_heading = "Snapshot"
    )]
    topics: Vec<String>,
    #[command(flatten)]
    columns: ColumnFlags,
    /// The snapshot file; .gz and .zst are compressed, `-` is stdout
    #[arg(short, long, value_name = "FILE", help_heading = "Snapshot")]
    output: PathBuf,
    #[command(flatten)]
    examine: ClusterExamineFlags,
    #[command(flatten)]
    pace: ClusterPaceFlags,
    #[command(flatten)]
    resume: ResumeFlags,
    /// Time zone of the producers, used to decode born times from IDs [default: +08:00]
    #[arg(
        long,
        value_name = "ZONE",
        allow_hyphen_values = true,
        help_heading = "Snapshot"
    )]
    producer_zone: Option<String>,
    #[command(flatten)]
    stderr: StderrFlags,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl Args {
    /// Returns the snapshot file.
    pub(super) fn outputs(&self) -> Vec<PathBuf> {
        vec![self.output.clone()]
    }
}

#[expect(clippy::too_many_lines, reason = "the story of the command")]
pub(super) fn run(args: Args, env: &Env) -> Result<Status, Failed> {
    let mut settings = args.settings.merged_settings(env)?;
    args.source.apply_to(&mut settings);
    args.examine.apply_to(&mut settings);
    args.pace.apply_to(&mut settings);
    args.stderr.apply_to(&mut settings);
    settings.flag("producer_zone", args.producer_zone.as_ref());
    if let Some(shown) = args.settings.show(&settings) {
        return shown;
    }
    let stderr = args.stderr.start(&settings, env)?;
    let spec = SourceSpec::of(&settings)?;
    let source_text = spec.text();
    let pace = Pace::of(&settings, spec.kind(), env)?;
    let zone: Zone = settings.get("producer_zone")?;
    let examination = ExamineSettings::of(&settings)?;
    if !matches!(spec, SourceSpec::Cluster(_)) {
        let error = anyhow!("`{source_text}` is not a cluster: only rocketmq:// can be frozen");
        let hint = "--source rocketmq://HOST:9876 names the name server of a cluster".to_owned();
        return Err(Failed::refused(error, hint));
    }
    let inputs = match &*args.messages {
        [] => None,
        paths => Some(args.columns.open(paths, Some(Vec::new()), None)?),
    };
    let input_paths = args.messages.iter().map(PathBuf::as_path);
    let reserved = ReservedPaths::default()
        .read("an input", input_paths)
        .settings(&settings)?
        .located(&args.output, "--output")?;
    let output = create(&args.output, &reserved)?;
    let source = spec.connect(&settings, env)?;
    args.removed.declare(&source)?;
    let Source::Cluster(cluster) = source else {
        unreachable!("it was named a cluster");
    };
    let mut lookup = LookupStage::beside(&args.output);
    let mut topics = BTreeSet::new();
    let located = match inputs {
        None => None,
        Some(inputs) => {
            let started = (env.clock)();
            let born = BornClock::new(started, &zone.zone);
            let header = Header {
                source: source_text,
                producer_zone: zone.name,
                brokers: cluster.seen().iter().map(ToString::to_string).collect(),
                ..header(&inputs, rfc3339(started))?
            };
            let start = lookup.start(args.resume, &header, EarlierAccess::Continue)?;
            let preflight = Preflight::read(&inputs, start.done())?;
            announce_notes(&inputs.notes());
            start.compare(preflight.digest, lookup.path())?;
            let is_placed = preflight.is_placed();
            topics = preflight.topics;
            let (pacer, calls) = (pace.pacer(env)?, Cell::default());
            let run = QueryRun {
                start,
                call_counts: Some(&calls),
                ..QueryRun::new((env, &inputs), &stderr, (pace.policy, &pacer))
            };
            let found = (!is_placed).then(|| lookup.look_up(run, &cluster, (&header, born)));
            found.transpose()?
        }
    };
    topics.extend(
        args.topics
            .iter()
            .map(|topic| (None, topic.as_str().into())),
    );
    if topics.is_empty() {
        topics = env.runtime()?.block_on(all_topics(&cluster))?;
    }
    let document = read_offsets(&cluster, &topics, located.as_ref());
    let mut document = env.runtime()?.block_on(document)?;
    let is_wanted = examination.examine != Examine::None;
    if let Some(located) = located.as_ref().filter(|_| is_wanted) {
        let pacer = pace.pacer(env)?;
        examination.add_to(&mut document, located, (env, &cluster, &pacer))?;
    }
    exit_on_signal(resume_hint(located.as_ref()));
    let counts = write(&args.output, output, &document, located.as_ref())?;
    if located.is_some() {
        lookup.clear(counts.unanswered);
    }
    Ok(counts.report(&args.output, &document))
}

async fn all_topics(cluster: &Cluster) -> Result<BTreeSet<QueriedTopic>, Failed> {
    let names = cluster.topics().await.map_err(|failure| {
        let error = anyhow!("the topics can't be listed: {}", failure.message);
        let hint = "name them with --topics".to_owned();
        Failed::refused(error, failure.hint.unwrap_or(hint))
    })?;
    Ok(names.into_iter().map(|name| (None, name)).collect())
}

/// Counts of the messages in a snapshot file.
#[derive(Debug, Default)]
struct SnapshotCounts {
    messages: u64,
    not_found: u64,
    unanswered: u64,
}

impl SnapshotCounts {
    /// Announces what is in the file and what is missing in it.
    fn report(&self, path: &Path, captured: &SnapshotDocument) -> Status {
        tracing::info!(
            "{}: {}, {}, {}, {} not found, {} without an answer",
            path.display(),
            counted(captured.topics.len() as u64, "topic", "topics"),
            counted(captured.groups.len() as u64, "group", "groups"),
            counted(self.messages, "message", "messages"),
            count(self.not_found),
            count(self.unanswered),
        );
        if self.unanswered > 0 || !captured.unreachable.is_empty() {
            Status::Incomplete
        } else if self.not_found > 0 {
            Status::Findings
        } else {
            Status::Clean
        }
    }
}

/// Writes the file. A compressed one is written to a scratch file first.
fn write(
    path: &Path,
    mut output: Output,
    captured: &SnapshotDocument,
    found: Option<&ResultsFile>,
) -> Result<SnapshotCounts, Failed> {
    let failed = |error: io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::BrokenPipe => NO_READER,
            _ => "make room, then run the same command with --resume",
        };
        let error =
            anyhow::Error::new(error).context(format!("can't write {}", humanize::output(path)));
        Failed::incomplete(error, hint.to_owned())
    };
    let scratch = file::scratch(path).map_err(failed)?;
    let out = BufWriter::with_capacity(BLOCK, scratch);
    let mut writer = SnapshotWriter::new(out, captured).map_err(failed)?;
    let mut counts = SnapshotCounts::default();
    if let Some(results_file) = found {
        each_line(results_file, true, |line| {
            if let Some(found) = &line.found {
                counts.messages += 1;
                writer.message(&message(line, found)).map_err(failed)?;
            }
            Ok(())
        })?;
        each_line(results_file, false, |line| {
            if let Some(error) = &line.error {
                match &*error.kind {
                    "not_found" => counts.not_found += 1,
                    _ => counts.unanswered += 1,
                }
                writer.missing(&missing(line)).map_err(failed)?;
            }
            Ok(())
        })?;
    }
    let out = writer.finish().map_err(failed)?;
    let mut scratch: File = out
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    scratch.seek(SeekFrom::Start(0)).map_err(failed)?;
    let from = BufReader::with_capacity(BLOCK, scratch);
    Compression::of(path)
        .copy(from, &mut output)
        .map_err(failed)?;
    output.commit().map_err(failed)?;
    Ok(counts)
}

/// Calls a function for each line. `check` says whether the seal is computed on the way.
pub(super) fn each_line(
    results_file: &ResultsFile,
    check: bool,
    mut take: impl FnMut(&Line<'_>) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let mut blocks = results_file.blocks(check);
    while let Some(block) = blocks.next_block()? {
        for line in results_file.parsed(&block) {
            take(&line?)?;
        }
    }
    Ok(())
}

fn message<'a>(line: &'a Line<'a>, found: &'a FoundView<'a>) -> MessageEntry<'a> {
    let time = |text: &str| text.parse().ok().map(SnapshotTime);
    MessageEntry {
        msg_id: (&*line.msg_id).into(),
        unique_key: line.unique_key.as_ref().map(|key| (&**key).into()),
        topic: (&*found.topic).into(),
        broker: (&*found.broker).into(),
        queue_id: found.queue_id,
        queue_offset: found.queue_offset,
        tag: found.tag.as_ref().map(|tag| (&**tag).into()),
        stored_at: found.stored_at.as_deref().and_then(time),
        born_at: time(&line.born_at),
        store_host: found.store_host.as_ref().map(|store| (&**store).into()),
    }
}

fn missing<'a>(line: &'a Line<'a>) -> MissingMessage<'a> {
    let error = line.error.as_ref();
    let text = |text: Option<&'a str>| text.unwrap_or_default().into();
    MissingMessage {
        msg_id: (&*line.msg_id).into(),
        topic: (&*line.topic).into(),
        kind: text(error.map(|error| &*error.kind)),
        code: text(error.map(|error| &*error.code)),
        message: text(error.map(|error| &*error.message)),
    }
}
