//! Reads a request like the real gateway and recomputes its signature.

use std::collections::BTreeMap;

use ons_audit::source::ons::percent::{canonical_query, encode};

use super::super::gateway::{Keys, Refusal, Wire, is_date, text_of};

const VERSION: &str = "2022-08-01";

/// The operations that the gateway answers. All of them only read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    GetTrace,
    GetMessageDetail,
    ListTopicSubscriptions,
    GetConsumerGroupLag,
    GetConsumerGroup,
    GetInstance,
}

impl Operation {
    pub(crate) const ALL: [Self; 6] = [
        Self::GetTrace,
        Self::GetMessageDetail,
        Self::ListTopicSubscriptions,
        Self::GetConsumerGroupLag,
        Self::GetConsumerGroup,
        Self::GetInstance,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::GetTrace => "GetTrace",
            Self::GetMessageDetail => "GetMessageDetail",
            Self::ListTopicSubscriptions => "ListTopicSubscriptions",
            Self::GetConsumerGroupLag => "GetConsumerGroupLag",
            Self::GetConsumerGroup => "GetConsumerGroup",
            Self::GetInstance => "GetInstance",
        }
    }

    /// Returns the parameters that the operation can have in its query.
    const fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::GetTrace => &["startTime", "endTime"],
            Self::GetConsumerGroupLag => &["topicName", "liteTopicName"],
            _ => &[],
        }
    }
}

/// What is asked for. A name that the operation does not have is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    pub(crate) operation: Operation,
    pub(crate) instance: String,
    /// Of a lag: the parameter.
    pub(crate) topic: String,
    pub(crate) message: String,
    pub(crate) group: String,
}

/// A request whose signature is right.
#[derive(Debug)]
pub(super) struct Request {
    /// `None`: no operation has this path.
    pub(super) asked: Option<Asked>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) nonce: String,
}

/// `Err(Ok(…))` is an error response of the gateway; `Err(Err(…))` a request that no client should send.
pub(super) fn read(wire: &Wire<'_>, keys: &Keys) -> Result<Request, Result<Refusal, String>> {
    let fact = |holds: bool, what: &str| holds.then_some(()).ok_or(Err(what.to_owned()));
    fact(wire.method == "GET", "no GET")?;
    fact(wire.body.is_empty(), "a body")?;
    let query = decoded(wire.query).map_err(Err)?;
    let parameters: Vec<_> = query.iter().collect();
    let signed = wire
        .signed_by_v3(&canonical_query(&parameters))
        .map_err(Err)?;
    fact(signed.version == VERSION, "another version")?;
    fact(is_date(&signed.date), "a date of another form")?;
    fact(signed.nonce.len() >= 16, "a short nonce")?;
    fact(signed.token == keys.token, "not the security token")?;
    for name in wire.headers.keys() {
        let needs_signature = name.as_str().starts_with("x-acs-");
        let signs = format!("\n{name}:");
        let is_signed = signed.canonical_request.contains(&signs);
        fact(!needs_signature || is_signed, "an x-acs header not signed")?;
    }
    keys.check_v3(&signed).map_err(Ok)?;
    let asked = asked(wire.path, &query).map_err(Err)?;
    if let Some(asked) = &asked {
        fact(signed.action == asked.operation.as_str(), "another action")?;
        let known = asked.operation.parameters();
        let strange = query.keys().find(|name| !known.contains(&name.as_str()));
        fact(strange.is_none(), "a parameter that the operation lacks")?;
    }
    Ok(Request {
        asked,
        query,
        nonce: signed.nonce,
    })
}

/// Finds the operation by its path. Every segment must be encoded as the official clients do it.
pub(super) fn asked(path: &str, query: &BTreeMap<String, String>) -> Result<Option<Asked>, String> {
    let segments = path.strip_prefix('/').ok_or("no path")?.split('/');
    let mut names = Vec::new();
    for segment in segments {
        let name = text_of(segment)?;
        if encode(&name) != segment || name.is_empty() {
            return Err(format!("badly encoded segment {segment:?}"));
        }
        names.push(name);
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (operation, instance, topic, message, group) = match names[..] {
        ["instances", i] => (Operation::GetInstance, i, "", "", ""),
        ["instances", i, "topics", t, "traces", m] => (Operation::GetTrace, i, t, m, ""),
        ["instances", i, "topics", t, "messages", m] => (Operation::GetMessageDetail, i, t, m, ""),
        ["instances", i, "topics", t, "subscriptions"] => {
            (Operation::ListTopicSubscriptions, i, t, "", "")
        }
        ["instances", i, "consumerGroups", g] => (Operation::GetConsumerGroup, i, "", "", g),
        ["instances", i, "consumerGroups", g, "lag"] => {
            let topic = query.get("topicName").map_or("", String::as_str);
            (Operation::GetConsumerGroupLag, i, topic, "", g)
        }
        _ => return Ok(None),
    };
    Ok(Some(Asked {
        operation,
        instance: instance.to_owned(),
        topic: topic.to_owned(),
        message: message.to_owned(),
        group: group.to_owned(),
    }))
}

/// Decodes `key=value&…`. The Python SDK sends blanks as `+` and signs them as `%20`.
fn decoded(query: &str) -> Result<BTreeMap<String, String>, String> {
    let mut parameters = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or(format!("no `=` in {pair}"))?;
        let value = text_of(&value.replace('+', "%20"))?;
        if parameters.insert(text_of(key)?, value).is_some() {
            return Err(format!("{key} twice"));
        }
    }
    Ok(parameters)
}
