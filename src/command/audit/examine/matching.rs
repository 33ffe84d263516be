//! The second pass over the settled rows: which of the proofs are about which message.

use std::collections::HashMap;

use super::survey::{GroupName, PairSurvey, each_message_if, instance_of, key_of};
use super::{ExaminedRun, SourceNames};
use crate::evidence::{Examination, ExaminedTopic, Proof};
use crate::results::{Line, ResultsError};
use crate::verdict::{EvidenceLine, Judged, RowProof};

/// Returns the lines behind the rows: the examined topics by group, then the proofs by row.
pub(super) fn lines(
    run: ExaminedRun<'_>,
    survey: &PairSurvey,
    examination: &Examination,
    names: SourceNames<'_>,
) -> Result<Vec<EvidenceLine>, ResultsError> {
    let topics = topics(survey, examination, names).map(EvidenceLine::Examined);
    let mut lines: Vec<_> = topics.collect();
    let mut by_key: HashMap<&str, Vec<&Proof>> = HashMap::new();
    for proof in &examination.proofs {
        by_key.entry(&proof.key).or_default().push(proof);
    }
    let mut proofs = Vec::new();
    let is_carried = |line: &Line<'_>| !line.carried_from.is_empty();
    let is_named = |line: &Line<'_>| {
        is_carried(line) || key_of(line).is_some_and(|key| by_key.contains_key(key))
    };
    each_message_if(run, None, is_named, |line, _, judged| {
        let of_key = key_of(line).and_then(|key| by_key.get(key));
        let of_key = of_key.into_iter().flatten();
        proofs.extend(of_key.filter_map(|proof| row_proof((survey, names), line, judged, proof)));
        if is_carried(line) {
            let earlier = run.previous.map(|previous| previous.reports(line));
            proofs.extend(earlier.unwrap_or_default());
        }
    })?;
    proofs.sort_by(|one, other| {
        let key = |proof: &RowProof| (proof.row, proof.group.clone(), proof.at, proof.kind);
        key(one).cmp(&key(other))
    });
    proofs.dedup();
    lines.extend(proofs.into_iter().map(EvidenceLine::Proof));
    let unexamined = survey.unexamined.iter().cloned();
    lines.extend(unexamined.map(EvidenceLine::Unexamined));
    Ok(lines)
}

/// Returns the examined topics of the groups of the rows, with the names that the rows have for these groups.
fn topics(
    survey: &PairSurvey,
    examination: &Examination,
    source_names: SourceNames<'_>,
) -> impl Iterator<Item = ExaminedTopic> {
    let mut by_name: HashMap<&str, Vec<&GroupName>> = HashMap::new();
    for (name, pairs) in &survey.groups {
        by_name.entry(&pairs.source_name).or_default().push(name);
    }
    let mut topics = Vec::new();
    for topic in &examination.topics {
        let names = by_name.get(&*topic.group).into_iter().flatten();
        let is_it = |name: &&&GroupName| {
            let of_rows = name.instance.as_deref();
            source_names.is_same_instance(topic.instance_id.as_deref(), of_rows)
        };
        topics.extend(names.filter(is_it).map(|name| ExaminedTopic {
            group: name.group.clone(),
            instance_id: name.instance.clone(),
            ..topic.clone()
        }));
    }
    topics.sort_by(|a, b| {
        let key = |topic: &ExaminedTopic| {
            (
                topic.group.clone(),
                topic.instance_id.clone(),
                topic.topic.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    topics.into_iter()
}

/// Returns what a proof with the key of a row says about it. `None` if it is about another topic or group, or about a
/// group that has reached no message: a cluster is not asked about such a group, so a snapshot says nothing of it either.
fn row_proof(
    (survey, names): (&PairSurvey, SourceNames<'_>),
    line: &Line<'_>,
    judged: &Judged<'_>,
    proof: &Proof,
) -> Option<RowProof> {
    let instance = instance_of(line);
    let is_of_instance = names.is_same_instance(proof.instance_id.as_deref(), instance);
    let topic = proof.topic.as_deref();
    let is_of_topic = topic.is_none_or(|topic| *topic == *names.topic(instance, &line.topic));
    if !is_of_instance || !is_of_topic {
        return None;
    }
    let is_surveyed = |group: &&str| {
        let name = GroupName {
            instance: instance.map(Into::into),
            group: (*group).into(),
        };
        survey.groups.contains_key(&name)
    };
    let mut groups = judged
        .groups
        .iter()
        .map(|seen| seen.group)
        .filter(is_surveyed);
    let group = groups.find(|group| *names.group(instance, &line.topic, group) == *proof.group)?;
    Some(RowProof {
        row: line.row,
        group: group.into(),
        kind: proof.kind,
        at: proof.at,
        attempts: proof.attempts,
        host: proof.host.clone(),
        reason: proof.reason,
    })
}
