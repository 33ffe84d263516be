//! `OnsInstanceInServiceList`: the snapshot's instance, if it names one that the principal may use. Only topics and
//! groups that the principal has a right to are counted.

use std::collections::BTreeSet;

use serde::Serialize;

use super::ActionContext;
use crate::serve::ApiError;

#[derive(Serialize)]
pub(super) struct Data<'a> {
    #[serde(rename = "InstanceVO")]
    instances: Vec<InService<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct InService<'a> {
    instance_id: &'a str,
    instance_name: &'a str,
    topic_count: usize,
    group_count: usize,
}

pub(super) fn answer<'a>(context: &'a ActionContext<'_>) -> Result<Data<'a>, ApiError> {
    let snapshot = context.snapshot()?;
    let topics = snapshot.state().topics.iter();
    let topics: Vec<_> = topics
        .filter(|(name, _)| context.principal.may_use_topic(name).is_ok())
        .collect();
    let groups: BTreeSet<_> = topics
        .iter()
        .flat_map(|(_, topic)| &topic.groups)
        .map(|(group, _)| group)
        .collect();
    let permitted = snapshot
        .instance_id()
        .filter(|instance| context.principal.may_use_instance(Some(instance)).is_ok());
    let instances = permitted.into_iter().map(|instance_id| InService {
        instance_id,
        instance_name: snapshot.cluster(),
        topic_count: topics.len(),
        group_count: groups.len(),
    });
    Ok(Data {
        instances: instances.collect(),
    })
}
