//! The file as it is written. Unknown fields are ignored, missing lists are empty.

#![expect(clippy::struct_field_names, reason = "the field names are the file's")]

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::Messages;

const SCHEMA: &str = "ons-audit-snapshot/1";

#[derive(Debug, Deserialize)]
#[serde(expecting = "a snapshot object")]
pub(super) struct Document {
    #[serde(rename = "schema")]
    _schema: Schema,
    pub(super) cluster: Box<str>,
    pub(super) captured_at: Moment,
    pub(super) instance_id: Option<Arc<str>>,
    #[serde(default)]
    pub(super) brokers: Vec<Arc<str>>,
    #[serde(default)]
    pub(super) topics: Vec<Topic>,
    #[serde(default)]
    pub(super) groups: Vec<Group>,
    #[serde(default)]
    pub(super) messages: Messages,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "a topic object")]
pub(super) struct Topic {
    pub(super) topic: Arc<str>,
    #[serde(default)]
    pub(super) queues: Vec<Queue>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "a queue object")]
pub(super) struct Queue {
    pub(super) broker: Arc<str>,
    pub(super) queue_id: u32,
    pub(super) min_offset: u64,
    pub(super) max_offset: u64,
}

/// A group; one that is offline may not say how it consumes.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a group object")]
pub(super) struct Group {
    pub(super) group: Arc<str>,
    pub(super) online: bool,
    pub(super) consume_type: Option<Box<str>>,
    pub(super) message_model: Option<Box<str>>,
    #[serde(default)]
    pub(super) subscriptions: Vec<Subscription>,
    #[serde(default)]
    pub(super) offsets: Vec<Offset>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "a subscription object")]
pub(super) struct Subscription {
    pub(super) topic: Arc<str>,
    pub(super) expression: Option<Box<str>>,
    pub(super) expression_type: Option<Box<str>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an offset object")]
pub(super) struct Offset {
    pub(super) topic: Arc<str>,
    pub(super) broker: Arc<str>,
    pub(super) queue_id: u32,
    pub(super) offset: u64,
}

/// One entry of `messages`, alive only until it is packed.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a message object")]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) msg_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) topic: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) broker: Cow<'a, str>,
    pub(super) queue_id: u32,
    pub(super) queue_offset: u64,
    #[serde(borrow)]
    pub(super) tag: Option<Cow<'a, str>>,
    pub(super) stored_at: Option<Moment>,
}

/// Proof that the file says it is a snapshot of the version we read.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Schema;

impl TryFrom<String> for Schema {
    type Error = String;

    fn try_from(found: String) -> Result<Self, String> {
        match &*found {
            SCHEMA => Ok(Self),
            "ons-audit/1" => Err(format!(
                "this is a results file (`{found}`), expected a snapshot (`{SCHEMA}`)"
            )),
            _ => Err(format!("schema is `{found}`, expected `{SCHEMA}`")),
        }
    }
}

/// An RFC 3339 time.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "Cow<'_, str>")]
pub(super) struct Moment(pub(super) Timestamp);

impl TryFrom<Cow<'_, str>> for Moment {
    type Error = String;

    fn try_from(found: Cow<'_, str>) -> Result<Self, String> {
        found
            .parse()
            .map(Self)
            .map_err(|_| format!("`{found}` is not a time such as 2026-11-20T03:00:00Z"))
    }
}
