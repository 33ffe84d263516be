//! The last stage of an audit: what is known beyond the offsets is examined when all rows are settled, and becomes the
//! lines behind the rows of the results file.
//!
//! Copies are looked for after the offsets were read, never before: a copy is stored before the offset moves past its
//! message, so nothing can slip between (`docs/facts/processing.md` §C.3). Therefore a resumed run examines everything
//! anew, by the offsets of its answers.

mod cluster;
mod matching;
mod rmq;
mod service;
mod survey;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending};

use anyhow::anyhow;
use jiff::Timestamp;

use matching::lines;
use survey::{GroupName, PairSurvey};

use super::query_run::stop_at_deadline;
use crate::clock::Clock;
use crate::command::Env;
use crate::command::signals::stop_on_signal;
use crate::engine::{Pacer, QuotaLost, Stop};
use crate::evidence::{Examination, ExaminedTopic, ProofKind};
use crate::exit::Failed;
use crate::humanize::{counted, printable, shortened};
use crate::results::{Header, MessageContexts, Previous, SettledRows};
use crate::settings::Deadline;
use crate::source::Snapshot;
use crate::telemetry::CallCounts;
use crate::verdict::{EvidenceLine, TracedRow};

pub(super) use cluster::ClusterExaminer;
pub(super) use rmq::RmqExaminer;
pub(super) use service::ServiceExaminer;

/// What is examined, and how.
#[derive(Debug, Clone, Copy)]
pub(in crate::command) enum ExamineSource<'a> {
    /// The snapshot holds what was examined when it was made.
    Snapshot(&'a Snapshot),
    /// The topics of a cluster are read.
    Cluster(&'a ClusterExaminer<'a>),
    /// A service is asked for dead letters and traces.
    Service(&'a ServiceExaminer<'a>),
    /// A service that has recorded the deliveries is asked for what judging them takes.
    Rmq(&'a RmqExaminer<'a>),
}

/// The run whose rows are examined.
#[derive(Clone, Copy)]
pub(super) struct ExaminedRun<'a> {
    pub(super) rows: &'a SettledRows,
    pub(super) header: &'a Header,
    contexts: &'a MessageContexts,
    previous: Option<&'a Previous>,
}

/// The last stage of a run: it begins when all rows are settled.
#[derive(Debug, Clone, Copy)]
pub(in crate::command) struct ExamineStage<'a> {
    pub(in crate::command) source: ExamineSource<'a>,
    /// The earlier results file from which some answers were taken.
    pub(in crate::command) previous: Option<&'a Previous>,
    /// The calls of the examination are added here.
    pub(in crate::command) call_counts: &'a Cell<CallCounts>,
    /// What could not be examined until then is not examined.
    pub(in crate::command) deadline: Option<&'a Deadline>,
}

/// What ends an examination early.
#[derive(Clone, Copy)]
struct ExamineLimits<'a> {
    env: &'a Env,
    deadline: Option<&'a Deadline>,
    /// The pacers of the calls. The examination ends if one of them loses its quota.
    pacers: [Option<&'a Pacer>; 2],
}

/// The names that a source has for the topics and groups of the rows.
#[derive(Debug, Clone, Copy)]
enum SourceNames<'a> {
    /// A service names them as the rows do.
    AsInRows,
    /// Brokers may have an instance as a part of the names.
    OnBrokers(&'a Snapshot),
}

impl SourceNames<'_> {
    fn topic<'n>(self, instance: Option<&str>, topic: &'n str) -> Cow<'n, str> {
        match self {
            Self::AsInRows => Cow::Borrowed(topic),
            Self::OnBrokers(snapshot) => snapshot.topic_name(instance, topic),
        }
    }

    /// Returns whether what names this instance, or none, is about the rows of another or of none. A snapshot of one
    /// instance answers rows without an instance.
    fn is_same_instance(self, named: Option<&str>, of_row: Option<&str>) -> bool {
        let only = match self {
            Self::AsInRows => None,
            Self::OnBrokers(snapshot) => snapshot.instance_id(),
        };
        named.is_none() || named == of_row || (of_row.is_none() && named == only)
    }

    /// Returns the name of a group that answers about a topic.
    fn group<'n>(self, instance: Option<&str>, topic: &str, group: &'n str) -> Cow<'n, str> {
        match self {
            Self::AsInRows => Cow::Borrowed(group),
            Self::OnBrokers(snapshot) => {
                let namespace = snapshot.namespace_of_topic(instance, topic);
                namespace.map_or(Cow::Borrowed(group), |namespace| namespace.wrap(group))
            }
        }
    }
}

impl<'a> ExamineSource<'a> {
    const fn names(self) -> SourceNames<'a> {
        match self {
            Self::Snapshot(snapshot) => SourceNames::OnBrokers(snapshot),
            Self::Cluster(cluster) => SourceNames::OnBrokers(cluster.snapshot),
            Self::Service(_) | Self::Rmq(_) => SourceNames::AsInRows,
        }
    }

    const fn pacers(self) -> [Option<&'a Pacer>; 2] {
        match self {
            Self::Snapshot(_) => [None, None],
            Self::Cluster(cluster) => [Some(cluster.pacer), None],
            Self::Service(service) => [Some(&service.dead_letters), Some(&service.traces)],
            Self::Rmq(rmq) => [Some(rmq.pacer), None],
        }
    }

    /// Examines the messages of the survey. Returns what was found, and the lines about messages that were traced.
    fn ask<'e>(
        self,
        run: ExaminedRun<'_>,
        survey: &PairSurvey,
        limits: ExamineLimits<'_>,
    ) -> Result<(Cow<'e, Examination>, Vec<EvidenceLine>), Failed>
    where
        'a: 'e,
    {
        let mut about_traces = Vec::new();
        let examination = match self {
            Self::Snapshot(snapshot) => {
                let examination = snapshot.state().examination.as_ref();
                examination.map_or_else(Cow::default, Cow::Borrowed)
            }
            Self::Cluster(cluster) => {
                let examination = limits.within(cluster.examine(run, survey))?;
                Cow::Owned(examination.unwrap_or_else(|late| late.examination(survey)))
            }
            Self::Service(service) => {
                // It begins no call after the deadline, and keeps what was answered before.
                let mut examination = limits.until_stopped(service.dead_letters(survey))?;
                let traces = service.traces(run, survey, &mut examination);
                about_traces = limits.until_stopped(traces)??;
                Cow::Owned(examination)
            }
            Self::Rmq(_) => Cow::default(), // it has no copies
        };
        Ok((examination, about_traces))
    }
}

impl ExamineStage<'_> {
    /// Examines the settled rows of a run. Returns the lines behind them and the number of calls that it took.
    ///
    /// # Errors
    ///
    /// If the rows cannot be read, or if a signal stops it. Whatever a source answers is no error.
    pub(super) fn examine(
        self,
        (rows, header): (&SettledRows, &Header),
        env: &Env,
    ) -> Result<(Vec<EvidenceLine>, u64), Failed> {
        let contexts = MessageContexts::of(header, &header.expectations);
        let run = ExaminedRun {
            rows,
            header,
            contexts: &contexts,
            previous: self.previous,
        };
        let limits = ExamineLimits {
            env,
            deadline: self.deadline,
            pacers: self.source.pacers(),
        };
        if let ExamineSource::Rmq(rmq) = self.source {
            // The verdicts rest on it, so without it the run is not complete.
            let examined = limits.within(rmq.lines(run))?;
            let (lines, calls) = examined.map_err(|late| {
                let error = anyhow!("the time is up ({})", late.given_by);
                Failed::incomplete(error, None)
            })??;
            CallCounts::add_calls(self.call_counts, calls);
            return Ok((lines, calls));
        }
        let names = self.source.names();
        let survey = PairSurvey::of(run, names)?;
        let (examination, mut about_traces) = self.source.ask(run, &survey, limits)?;
        CallCounts::add_calls(self.call_counts, examination.calls);
        let mut lines = lines(run, &survey, &examination, names)?;
        lines.append(&mut about_traces);
        announce(&examination, &lines, &survey);
        Ok((lines, examination.calls))
    }
}

/// The deadline came before a cluster was examined.
struct Late {
    given_by: String,
    at: Timestamp,
}

impl Late {
    /// Returns an examination in which no group is complete, with the deadline as the reason.
    fn examination(&self, survey: &PairSurvey) -> Examination {
        let topics = survey.groups.iter().map(|(name, pairs)| ExaminedTopic {
            group: pairs.source_name.clone(),
            instance_id: name.instance.clone(),
            topic: format!("%DLQ%{}", pairs.source_name).into(),
            from: None,
            to: self.at,
            incomplete: Some(format!("the time is up ({})", self.given_by).into()),
        });
        Examination {
            topics: topics.collect(),
            ..Examination::default()
        }
    }
}

impl ExamineLimits<'_> {
    /// Returns when a pacer has lost the quota that it shares.
    async fn quota_lost(self) -> QuotaLost {
        async fn lost(pacer: Option<&Pacer>) -> QuotaLost {
            match pacer {
                Some(pacer) => pacer.lost().await,
                None => pending().await,
            }
        }
        let [one, other] = self.pacers;
        tokio::select! {
            error = lost(one) => error,
            error = lost(other) => error,
        }
    }

    /// Waits for an answer, whatever the deadline.
    ///
    /// # Errors
    ///
    /// If a signal stops it, or the shared quota is lost.
    fn until_stopped<T>(self, answer: impl Future<Output = T>) -> Result<T, Failed> {
        let stop = Stop::new();
        self.env.runtime()?.block_on(async {
            tokio::select! {
                answer = answer => Ok(answer),
                lost = self.quota_lost() => Err(lost.into()),
                error = stop_on_signal(&stop) => Err(Failed::incomplete(error, None)),
                () = stop.draining() => Err(Failed::incomplete(anyhow!("stopped as asked"), None)),
            }
        })
    }

    /// Waits for an answer until the deadline.
    ///
    /// # Errors
    ///
    /// If a signal stops it, or the shared quota is lost.
    fn within<T>(self, answer: impl Future<Output = T>) -> Result<Result<T, Late>, Failed> {
        let (stop, is_late) = (Stop::new(), Cell::new(false));
        let clock: Clock = self.env.clock;
        self.env.runtime()?.block_on(async {
            tokio::select! {
                answer = answer => Ok(Ok(answer)),
                lost = self.quota_lost() => Err(lost.into()),
                error = stop_on_signal(&stop) => Err(Failed::incomplete(error, None)),
                never = stop_at_deadline(self.deadline, clock, &stop, &is_late) => match never {},
                () = stop.draining() => match self.deadline.filter(|_| is_late.get()) {
                    Some(deadline) => Ok(Err(Late {
                        given_by: deadline.given_by.clone(),
                        at: clock(),
                    })),
                    None => Err(Failed::incomplete(anyhow!("stopped as asked"), None)),
                },
            }
        })
    }
}

/// The most characters of a reason that are logged.
const REASON_SHOWN: usize = 300;

/// Says what was found, and what could not be examined: each reason once. A group that no verdict relies on is no warning.
fn announce(examination: &Examination, lines: &[EvidenceLine], survey: &PairSurvey) {
    let (mut groups, mut reasons) = (BTreeSet::new(), BTreeMap::new());
    let (mut dead_letters, mut waiting) = (0, 0);
    let mut untraced: BTreeMap<&str, u64> = BTreeMap::new();
    for line in lines {
        match line {
            EvidenceLine::Examined(topic) => {
                let name = GroupName {
                    instance: topic.instance_id.clone(),
                    group: topic.group.clone(),
                };
                let relied_on = survey.groups.get(&name);
                let relied_on = relied_on.is_some_and(|pairs| pairs.is_relied_on);
                if let Some(why) = &topic.incomplete {
                    let of_reason: &mut BTreeSet<&str> =
                        reasons.entry((!relied_on, &**why)).or_default();
                    of_reason.insert(&topic.group);
                }
                groups.insert(name);
            }
            EvidenceLine::Proof(proof) if proof.kind == ProofKind::DeadLettered => {
                dead_letters += 1;
            }
            EvidenceLine::Proof(proof) if proof.kind == ProofKind::Waiting => waiting += 1,
            EvidenceLine::Traced(TracedRow {
                error: Some(why), ..
            }) => *untraced.entry(&**why).or_insert(0) += 1,
            EvidenceLine::Proof(_)
            | EvidenceLine::Traced(_)
            | EvidenceLine::Unexamined(_)
            | EvidenceLine::Lag(_)
            | EvidenceLine::Policy(_) => {}
        }
    }
    let calls = match examination.calls {
        0 => String::new(),
        calls => format!(" with {}", counted(calls, "call", "calls")),
    };
    tracing::info!(
        "examined {} beyond the offsets{calls}: {}, {}",
        counted(groups.len() as u64, "group", "groups"),
        counted(dead_letters, "dead letter", "dead letters"),
        counted(waiting, "waiting retry", "waiting retries"),
    );
    for ((is_remark, why), groups) in reasons {
        let groups: Vec<_> = groups.into_iter().collect();
        let why = shown(why);
        let said = format!("not examined completely: {}: {why}", first_names(&groups));
        if is_remark {
            tracing::info!("{said}");
        } else {
            tracing::warn!("{said}");
        }
    }
    for (why, messages) in untraced {
        let why = shown(why);
        tracing::warn!(
            "not traced: {}: {why}",
            counted(messages, "message", "messages")
        );
    }
}

/// Returns a reason as it is logged.
fn shown(why: &str) -> String {
    shortened(&printable(why), REASON_SHOWN)
}

/// Returns the first names of a list and the number of the others.
fn first_names(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
