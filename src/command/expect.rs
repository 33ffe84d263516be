//! `expect learn`: drafts an expectations file from the observed answers.
//!
//! Answers show which groups consume today, not which should: a group that was never started is in no answer, and an
//! obsolete one may be in all of them. So the file is a draft until it is reviewed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::Env;
use super::flags::{SettingsFlags, StderrFlags};
use crate::exit::{Failed, Status};
use crate::file::Output;
use crate::humanize;
use crate::results::{Line, ReadError, ResultsFile};
use crate::verdict::{
    AnswerView, DRAFT, Expectations, MessageContext, RowEvidence, Verdict, judge,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: ExpectCommand,
}

#[derive(Debug, clap::Subcommand)]
enum ExpectCommand {
    /// Draft an expectations file from the answers in results files, for a person to confirm
    Learn(Box<LearnArgs>),
}

#[derive(Debug, clap::Args)]
struct LearnArgs {
    /// Results files that `audit` wrote
    #[arg(required = true, value_name = "RESULTS")]
    results: Vec<PathBuf>,
    /// The draft: CSV for --expect-file; `-` is standard output [default: -]
    ///
    /// One line per topic and group in the answers, with how many of the topic's answers name the group and in how many it
    /// had passed. Go through the lines, delete what is not expected, add what was never started, and delete the comments
    /// at the top: until then every audit that reads the file says that it is a draft.
    ///
    /// Example: ons-audit expect learn report.results.ndjson -o expected.csv
    #[arg(short, long, value_name = "FILE", help_heading = "Reports")]
    output: Option<PathBuf>,
    #[command(flatten)]
    stderr: StderrFlags,
    #[command(flatten)]
    settings: SettingsFlags,
}

pub(super) fn run(args: Args, env: &Env) -> Result<Status, Failed> {
    let ExpectCommand::Learn(args) = args.command;
    let mut settings = args.settings.merged_settings(env)?;
    args.stderr.apply_to(&mut settings);
    if let Some(shown) = args.settings.show(&settings) {
        return shown;
    }
    args.stderr.start(&settings, env)?;
    let path = args.output.unwrap_or_else(|| PathBuf::from("-"));
    refuse_to_replace(&path)?;
    let mut learnt = ObservedGroups::default();
    for results in &args.results {
        learnt.add(&ResultsFile::open(results)?)?;
    }
    if learnt.topics.is_empty() {
        let error = anyhow!(
            "no message in these results files was answered: there is nothing to learn from"
        );
        return Err(Failed::refused(error, None));
    }
    let unwritten = |error| Failed::unwritable(&path, error);
    let mut output = Output::create(&path).map_err(unwritten)?;
    write(&learnt, &mut output)
        .and_then(|()| output.commit())
        .map_err(|error| Failed {
            status: Status::Incomplete, // like every report that cannot be written
            ..unwritten(error)
        })?;
    let lines = learnt
        .topics
        .values()
        .map(|(_, groups)| groups.len() as u64)
        .sum();
    tracing::warn!(
        "a draft with {}: it shows who answers, not who should; go through it before you rely on it",
        humanize::counted(lines, "line", "lines")
    );
    Ok(Status::Clean)
}

/// Refuses to replace a file, because it may have been reviewed.
fn refuse_to_replace(path: &Path) -> Result<(), Failed> {
    if std::fs::metadata(path).is_ok_and(|found| found.is_file()) {
        let error = anyhow!(
            "{} exists, and what people wrote in it would be lost",
            path.display()
        );
        let hint = "name another file with -o, and compare the two".to_owned();
        return Err(Failed::refused(error, Some(hint)));
    }
    Ok(())
}

/// Writes the draft. Readers of expectations ignore the columns behind `group`.
fn write(learnt: &ObservedGroups, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(
        out,
        "{DRAFT} by `ons-audit expect learn`: who answered, not who should. Delete the lines of groups that nobody expects,\n\
         # add those that were never started (no answer names them), then delete these lines."
    )?;
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([
        "topic",
        "group",
        "in_answers",
        "of_answers",
        "had_passed",
        "look_at",
    ])?;
    for (topic, (answers, groups)) in &learnt.topics {
        for (group, seen) in groups {
            let [named, of, passed] = [seen.answers, *answers, seen.passed].map(|n| n.to_string());
            csv.write_record([
                topic,
                group,
                &named,
                &of,
                &passed,
                &doubts(group, *seen, *answers),
            ])?;
        }
    }
    csv.flush()
}

/// Returns the reasons against expecting a group of every message of a topic.
fn doubts(group: &str, seen: GroupSeen, answers: u64) -> String {
    let passed_none = if seen.by_deliveries {
        "passed none: no records (Remoting clients?), lag, or stuck?"
    } else {
        "passed none: offline, pulling, broadcasting or stuck?"
    };
    let doubts = [
        (
            seen.answers < answers,
            "in some answers only: since when, or of which tags?",
        ),
        (seen.passed == 0, passed_none),
        (
            group.starts_with("CID_RMQ_SYS_") || group == "TOOLS_CONSUMER",
            "a group of RocketMQ's own",
        ),
    ];
    let doubts: Vec<_> = doubts
        .into_iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, doubt)| doubt)
        .collect();
    doubts.join(" ")
}

/// What the answers about one topic show of one group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct GroupSeen {
    /// Number of answers that name the group.
    answers: u64,
    /// Number of answers by which the group had passed or filtered the message.
    passed: u64,
    /// Whether the answers are of a source that records deliveries.
    by_deliveries: bool,
}

/// What the answers show, by topic.
#[derive(Debug, Default)]
struct ObservedGroups {
    /// Each topic with the number of its answers and the groups in them.
    topics: BTreeMap<String, (u64, BTreeMap<String, GroupSeen>)>,
}

impl ObservedGroups {
    /// Adds all answers of a results file. Checks its seal on the way.
    fn add(&mut self, results_file: &ResultsFile) -> Result<(), ReadError> {
        let by_deliveries = results_file.header().records_deliveries();
        let mut blocks = results_file.blocks(true);
        while let Some(block) = blocks.next_block()? {
            for line in results_file.parsed(&block) {
                let line = line?;
                self.add_line(&line, results_file.evidence_of(&line), by_deliveries);
            }
        }
        Ok(())
    }

    /// Adds a line. Lines without an answer are skipped. The answer of a duplicate is counted in the line that holds
    /// it.
    fn add_line(&mut self, line: &Line<'_>, evidence: RowEvidence<'_>, by_deliveries: bool) {
        let Some(tracks) = &line.tracks else { return };
        let nothing_expected = Expectations::default();
        let context = MessageContext::of_topic(&line.topic);
        let answer = AnswerView::Tracks(tracks);
        let judged = judge(answer, &context, &nothing_expected, evidence);
        if !self.topics.contains_key(&*line.topic) {
            self.topics
                .insert(line.topic.to_string(), Default::default());
        }
        let Some((answers, groups)) = self.topics.get_mut(&*line.topic) else {
            return;
        };
        *answers += 1;
        for track in &judged.groups {
            if !groups.contains_key(track.group) {
                groups.insert(track.group.to_owned(), GroupSeen::default());
            }
            if let Some(seen) = groups.get_mut(track.group) {
                seen.answers += 1;
                seen.by_deliveries |= by_deliveries;
                let verdict = track.verdict();
                seen.passed += u64::from(matches!(verdict, Verdict::Passed | Verdict::Filtered));
            }
        }
    }
}
