//! Handles calls: counts, parses and answers them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex};

use axum::body::{self, Body};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::Response;
use tokio_util::sync::CancellationToken;

use super::bodies::trickle;
use super::fault::{Fault, Refusal, respond};
use super::socket::Breaker;
use super::wire::{Asked, Wire};
use super::{Call, INSTANCE, Setup, TRUTH};

const JSON: &str = "application/json;charset=utf-8";

pub(super) struct GatewayState {
    pub(super) setup: Setup,
    pub(super) seen: Mutex<Seen>,
    pub(super) called: Condvar,
    pub(super) released: CancellationToken,
}

#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) calls: usize,
    pub(super) arrivals: Vec<std::time::Instant>,
    attempts: HashMap<String, usize>,
    nonces: HashSet<String>,
    pub(super) signatures: BTreeSet<&'static str>,
    pub(super) complaints: Vec<String>,
}

pub(super) async fn answer(
    State(state): State<Arc<GatewayState>>,
    ConnectInfo(breaker): ConnectInfo<Breaker>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = body::to_bytes(body, 4096).await.unwrap_or_default();
    let wire = Wire::of(&head, &body);
    if wire.calls("OnsDLQMessagePageQueryByGroupId") {
        return no_dead_letters();
    }
    if wire.calls("OnsTopicList") {
        return state.topic_type(wire.parameter("Topic").unwrap_or_default());
    }
    let (number, asked) = state.note(&wire);
    let request_id = format!("0A1B2C3D-0000-4000-8000-{number:012X}");
    let (asked, fault) = match asked {
        Ok(asked) => asked,
        Err(refusal) => return refusal.json(&request_id),
    };
    if let Some(response) = fault.as_ref().and_then(|fault| fault.response(&request_id)) {
        if matches!(fault, Some(Fault::Reset)) {
            breaker.reset_after(0);
        }
        return response;
    }
    match fault {
        Some(Fault::Slow(wait)) => tokio::time::sleep(wait).await,
        Some(Fault::Held) => state.released.cancelled().await,
        Some(Fault::ResetInside) => breaker.reset_after(160), // its header is shorter, and the whole response longer
        _ => {}
    }
    state.truth(&asked, fault.as_ref(), number, &request_id)
}

/// Returns an empty page of dead letters. Such calls are not counted: what is examined beyond the answers has tests of its
/// own.
fn no_dead_letters() -> Response<Body> {
    let page = r#"{"RequestId":"0A1B2C3D-0000-4000-8000-000000000000","MsgFoundDo":{"TaskId":"t","MaxPageCount":0,"CurrentPage":1,"MsgFoundList":{"OnsRestMessageDo":[]}}}"#;
    respond(200, &[("content-type", JSON)], page)
}

impl GatewayState {
    /// Returns the list of topics with one topic. Such calls are not counted.
    fn topic_type(&self, topic: &str) -> Response<Body> {
        let message_type = self.setup.message_types.get(topic).copied().unwrap_or(0);
        let entry = serde_json::json!({"Topic": topic, "MessageType": message_type});
        let list = serde_json::json!({"RequestId": "R", "Data": {"PublishInfoDo": [entry]}});
        respond(200, &[("content-type", JSON)], list.to_string())
    }

    /// Counts a call, parses it, and looks up its planned fault.
    fn note(&self, wire: &Wire<'_>) -> (usize, Result<(Asked, Option<Fault>), Refusal>) {
        let mut seen = self.seen.lock().unwrap();
        seen.calls += 1;
        seen.arrivals.push(std::time::Instant::now());
        self.called.notify_all();
        let number = seen.calls;
        let asked = match wire.read(&self.setup.keys) {
            Ok(asked) if !seen.nonces.insert(asked.nonce.clone()) => {
                Err(Err(format!("nonce {} twice", asked.nonce)))
            }
            read => read,
        };
        let read = match asked {
            Ok(asked) => {
                seen.signatures.insert(asked.signature);
                let attempts = seen.attempts.entry(asked.msg_id.clone()).or_default();
                *attempts += 1;
                let fault = (self.setup.plan)(Call {
                    number,
                    attempt: *attempts,
                    msg_id: &asked.msg_id,
                });
                Ok((asked, fault))
            }
            Err(Ok(refusal)) => Err(refusal),
            Err(Err(complaint)) => {
                seen.complaints.push(format!("call {number}: {complaint}"));
                Err(Refusal::new(400, "InvalidParameter", complaint))
            }
        };
        (number, read)
    }

    /// Returns the correct response: groups in any order; a missing message with one of two statuses.
    fn truth(
        &self,
        asked: &Asked,
        fault: Option<&Fault>,
        number: usize,
        request_id: &str,
    ) -> Response<Body> {
        let key = (asked.topic.clone(), asked.msg_id.clone());
        let of_sample = || {
            TRUTH
                .get(&key)
                .filter(|_| asked.instance.as_deref() == Some(INSTANCE))
        };
        let Some(tracks) = self.setup.truth.get(&key).or_else(of_sample) else {
            let status = if number.is_multiple_of(2) { 404 } else { 400 };
            return Fault::NoMessage(status).response(request_id).unwrap();
        };
        let mut tracks: Vec<_> = tracks
            .iter()
            .map(|(group, word)| {
                serde_json::json!({"ConsumerGroup": group, "TrackType": word, "InstanceId": asked.instance})
            })
            .collect();
        if matches!(fault, Some(Fault::Twice)) {
            tracks.extend_from_within(..);
        }
        fastrand::Rng::with_seed(number as u64).shuffle(&mut tracks);
        let body = serde_json::json!({"RequestId": request_id, "Data": {"MessageTrack": tracks}});
        let body = body.to_string();
        let (kind, body) = match fault {
            Some(Fault::WrongType) => ("text/html", body.into()),
            Some(Fault::Trickle(time)) => (JSON, trickle(&body, *time)),
            _ => (JSON, body.into()),
        };
        respond(200, &[("content-type", kind)], body)
    }
}
