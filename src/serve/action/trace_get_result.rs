//! `OnsTraceGetResult`: what clients have reported about a message.
//!
//! A query is always finished. What a snapshot does not have is left out: who sent the message, and how long its processing
//! took. So `SubTime` is when the client reported.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::ActionContext;
use super::trace_query_by_msg_id::message_of;
use crate::evidence::{Proof, ProofKind};
use crate::serve::ApiError;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Data<'a> {
    query_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<&'a str>,
    topic: String,
    msg_id: String,
    status: &'static str,
    trace_list: TraceMaps<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TraceMaps<'a> {
    trace_map_do: Vec<TraceMap<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TraceMap<'a> {
    topic: String,
    msg_id: String,
    sub_list: SubMaps<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubMaps<'a> {
    sub_map_do: Vec<SubMap<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubMap<'a> {
    sub_group_name: Cow<'a, str>,
    success_count: usize,
    fail_count: usize,
    client_list: SubClients<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubClients<'a> {
    sub_client_info_do: Vec<SubClient<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubClient<'a> {
    sub_group_name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_host: Option<&'a str>,
    sub_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reconsume_times: Option<u32>,
    status: &'static str,
}

pub(super) fn answer<'a>(context: &'a ActionContext<'_>) -> Result<Data<'a>, ApiError> {
    let proofs = &context.examination()?.proofs;
    let snapshot = context.snapshot()?;
    let query_id = context.parameters.required("QueryId")?;
    let (topic, msg_id) = message_of(query_id)
        .ok_or_else(|| ApiError::invalid_field(format!("there is no query {query_id}")))?;
    context.principal.may_use_topic(&topic)?;
    let instance = context.instance()?;
    snapshot.topic(instance, &topic)?;
    let keys = snapshot.keys_of(instance, &topic, &msg_id);
    let name = snapshot.topic_name(instance, &topic);
    let reports = proofs.iter().filter(|proof| {
        matches!(proof.kind, ProofKind::Succeeded | ProofKind::Failed)
            && keys.contains(&&*proof.key)
            && proof.topic.as_ref().is_none_or(|topic| **topic == *name)
    });
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for report in reports {
        let group = snapshot.bare_name(instance, &report.group);
        groups.entry(group).or_default().push(report);
    }
    let groups: Vec<_> = groups.into_iter().map(group).collect();
    let trace = (!groups.is_empty()).then(|| TraceMap {
        topic: topic.clone(),
        msg_id: msg_id.clone(),
        sub_list: SubMaps { sub_map_do: groups },
    });
    Ok(Data {
        query_id,
        instance_id: instance,
        topic,
        msg_id,
        status: "finish",
        trace_list: TraceMaps {
            trace_map_do: trace.into_iter().collect(),
        },
    })
}

fn group<'a>((name, mut reports): (Cow<'a, str>, Vec<&'a Proof>)) -> SubMap<'a> {
    reports.sort_by_key(|report| report.at);
    let succeeded = reports
        .iter()
        .filter(|report| report.kind == ProofKind::Succeeded)
        .count();
    let client = |report: &&'a Proof| SubClient {
        sub_group_name: name.clone(),
        client_host: report.host.as_deref(),
        sub_time: report.at.as_millisecond(),
        reconsume_times: report.attempts.checked_sub(1),
        status: match report.kind {
            ProofKind::Succeeded => "CONSUME_SUCCESS",
            _ => "CONSUME_FAILED",
        },
    };
    let clients = reports.iter().map(client).collect();
    SubMap {
        success_count: succeeded,
        fail_count: reports.len() - succeeded,
        client_list: SubClients {
            sub_client_info_do: clients,
        },
        sub_group_name: name,
    }
}
