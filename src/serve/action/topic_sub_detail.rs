//! `OnsTopicSubDetail`: the online groups that subscribe to a topic. As in the cloud, offline groups are missing, so the
//! answer cannot be used as a list of expected groups (`docs/facts/ons-api.md`, trap 8).

use serde::Serialize;

use super::ActionContext;
use crate::offsets::MessageModel;
use crate::serve::ApiError;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Data<'a> {
    topic: &'a str,
    subscription_data_list: List<'a>,
}

/// The inner list has the same name as the outer object.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct List<'a> {
    subscription_data_list: Vec<Subscription<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Subscription<'a> {
    group_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_model: Option<&'static str>,
    sub_string: &'a str,
}

pub(super) fn answer<'a>(context: &'a ActionContext<'_>) -> Result<Data<'a>, ApiError> {
    let (topic, state) = context.topic_state()?;
    let online = state.groups.iter().filter(|(_, state)| state.online);
    let subscribed = online.filter_map(|(group, group_state)| {
        Some(Subscription {
            group_id: group,
            message_model: match group_state.message_model {
                MessageModel::Clustering => Some("CLUSTERING"),
                MessageModel::Broadcasting => Some("BROADCASTING"),
                MessageModel::Other => None,
            },
            sub_string: state.expressions.get(group)?,
        })
    });
    Ok(Data {
        topic,
        subscription_data_list: List {
            subscription_data_list: subscribed.collect(),
        },
    })
}
