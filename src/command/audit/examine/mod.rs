//! The last stage of an audit: what is known beyond the offsets is examined when all rows are settled, and becomes the
//! lines behind the rows of the results file.
//!
//! Copies are looked for after the offsets were read, never before: a copy is stored before the offset moves past its
//! message, so nothing can slip between (`docs/facts/processing.md` §C.3). Therefore a resumed run examines everything
//! anew, by the offsets of its answers.

mod matching;
mod survey;

use std::borrow::Cow;
use std::collections::BTreeMap;

use matching::lines;
use survey::Survey;

use crate::evidence::{Examination, ProofKind};
use crate::exit::Failed;
use crate::humanize::counted;
use crate::results::{Header, MessageContexts, Previous, SettledRows};
use crate::source::Snapshot;
use crate::verdict::EvidenceLine;

/// What is examined, and how.
#[derive(Debug, Clone, Copy)]
pub(in crate::command) enum Examiner<'a> {
    /// The snapshot holds what was examined when it was made.
    Snapshot(&'a Snapshot),
}

/// The run whose rows are examined.
#[derive(Clone, Copy)]
pub(super) struct ExaminedRun<'a> {
    pub(super) rows: &'a SettledRows,
    pub(super) header: &'a Header,
    contexts: &'a MessageContexts,
    previous: Option<&'a Previous>,
}

/// The names that a source has for the topics and groups of the rows.
#[derive(Debug, Clone, Copy)]
enum Names<'a> {
    /// Those of the brokers: an instance may be a part of them.
    OnBrokers(&'a Snapshot),
}

impl Names<'_> {
    fn topic<'n>(&self, instance: Option<&str>, topic: &'n str) -> Cow<'n, str> {
        match self {
            Self::OnBrokers(snapshot) => snapshot.topic_name(instance, topic),
        }
    }

    /// Returns the name of a group that answers about a topic.
    fn group<'n>(&self, instance: Option<&str>, topic: &str, group: &'n str) -> Cow<'n, str> {
        match self {
            Self::OnBrokers(snapshot) => {
                let namespace = snapshot.namespace_of_topic(instance, topic);
                namespace.map_or(Cow::Borrowed(group), |namespace| namespace.wrap(group))
            }
        }
    }
}

impl<'a> Examiner<'a> {
    const fn names(self) -> Names<'a> {
        match self {
            Self::Snapshot(snapshot) => Names::OnBrokers(snapshot),
        }
    }

    /// Examines the settled rows of a run and returns the lines behind them.
    ///
    /// # Errors
    ///
    /// If the rows cannot be read, or if a signal stops it. Whatever a source answers is no error.
    pub(super) fn examine(
        self,
        (rows, header): (&SettledRows, &Header),
        previous: Option<&Previous>,
    ) -> Result<Vec<EvidenceLine>, Failed> {
        let contexts = MessageContexts::of(header, &header.expectations);
        let run = ExaminedRun {
            rows,
            header,
            contexts: &contexts,
            previous,
        };
        let survey = Survey::of(run, self.names())?;
        let nothing = Examination::default();
        let examination = match self {
            Self::Snapshot(snapshot) => snapshot.state().examination.as_ref(),
        };
        let examination = examination.unwrap_or(&nothing);
        let lines = lines(run, &survey, examination, self.names())?;
        announce(examination, &lines);
        Ok(lines)
    }
}

/// Says what was found, and what could not be examined: each reason once.
fn announce(examination: &Examination, lines: &[EvidenceLine]) {
    let proofs = lines.iter().filter_map(|line| match line {
        EvidenceLine::Proof(proof) => Some(proof),
        _ => None,
    });
    let count = |kind| {
        let of_kind = proofs.clone().filter(|proof| proof.kind == kind);
        of_kind.count() as u64
    };
    tracing::info!(
        "examined {} beyond the offsets with {}: {}, {}",
        counted(examination.groups().len() as u64, "group", "groups"),
        counted(examination.calls, "call", "calls"),
        counted(
            count(ProofKind::DeadLettered),
            "dead letter",
            "dead letters"
        ),
        counted(
            count(ProofKind::Waiting),
            "waiting retry",
            "waiting retries"
        ),
    );
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in lines {
        if let EvidenceLine::Examined(topic) = line
            && let Some(why) = &topic.incomplete
        {
            let groups = reasons.entry(why).or_default();
            if !groups.contains(&&*topic.group) {
                groups.push(&topic.group);
            }
        }
    }
    for (why, groups) in reasons {
        tracing::warn!("not examined completely: {}: {why}", first_names(&groups));
    }
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
