//! A local gateway that answers from a [`Truth`], with faults and denials on demand.
//!
//! Requests that no client should send (a POST, a repeated nonce, a badly encoded name) fail the test when the gateway is
//! dropped.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};

use axum::Router;
use axum::body::{self, Body};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::Response;
use tokio_util::sync::CancellationToken;

use super::super::gateway::{Breaker, Keys, Refusal, SECRET, ServerThread, Wire, respond};
use super::super::tool::PATIENCE;
use super::fault::{self, Rate};
use super::truth::Truth;
use super::wire::{self, Asked, Operation};

/// A builder of gateways.
pub(crate) struct Setup {
    truth: Arc<Truth>,
    keys: Keys,
    faults: Rate,
    refused: BTreeMap<Operation, (u16, &'static str)>,
    held_every: usize,
}

impl Setup {
    /// So many percent of the requests get a fault.
    pub(crate) fn faults(mut self, percent: u64, seed: u64) -> Self {
        self.faults = Rate { percent, seed };
        self
    }

    /// Answers an operation with an error only.
    pub(crate) fn refuses(mut self, operation: Operation, status: u16, code: &'static str) -> Self {
        self.refused.insert(operation, (status, code));
        self
    }

    /// Requires this security token.
    pub(crate) fn token(mut self, token: &str) -> Self {
        self.keys.token = Some(token.to_owned());
        self
    }

    /// Expects a different secret than the client's.
    pub(crate) fn secret(mut self, secret: &str) -> Self {
        secret.clone_into(&mut self.keys.secret);
        self
    }

    /// Holds the answer to every so many-th request back until the test releases it.
    pub(crate) fn holds_every(mut self, requests: usize) -> Self {
        self.held_every = requests;
        self
    }

    /// Starts the gateway on a free port, in a thread.
    pub(crate) fn start(self) -> Gateway {
        let state = Arc::new(GatewayState {
            setup: self,
            seen: Mutex::default(),
            called: Condvar::new(),
            released: CancellationToken::new(),
        });
        let router = Router::new().fallback(answer).with_state(state.clone());
        Gateway {
            server: ServerThread::start(router),
            state,
        }
    }
}

struct GatewayState {
    setup: Setup,
    seen: Mutex<Seen>,
    called: Condvar,
    released: CancellationToken,
}

#[derive(Debug, Default)]
struct Seen {
    requests: usize,
    attempts: BTreeMap<Asked, usize>,
    denied: BTreeSet<Operation>,
    faults: usize,
    bounded: usize,
    nonces: HashSet<String>,
    complaints: Vec<String>,
}

async fn answer(
    State(state): State<Arc<GatewayState>>,
    ConnectInfo(breaker): ConnectInfo<Breaker>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = body::to_bytes(body, 4096).await.unwrap_or_default();
    let wire = Wire::of(&head, &body);
    let read = wire::read(&wire, &state.setup.keys);
    let (number, noted) = state.note(&wire, read);
    let request_id = format!("0A1B2C3D-0000-5000-8000-{number:012X}");
    if number.is_multiple_of(state.setup.held_every) {
        state.released.cancelled().await;
    }
    match noted {
        Ok((asked, None)) => state.truth(&asked, &request_id),
        Ok((_, Some(fault))) => fault::response(fault, &request_id, &breaker),
        Err(refusal) => refusal.json(&request_id),
    }
}

impl GatewayState {
    /// Counts a request, and looks up its fault.
    fn note(
        &self,
        wire: &Wire<'_>,
        read: Result<wire::Request, Result<Refusal, String>>,
    ) -> (usize, Result<(Asked, Option<u64>), Refusal>) {
        let mut seen = self.seen.lock().unwrap();
        seen.requests += 1;
        self.called.notify_all();
        let number = seen.requests;
        let target = format!("{} {}?{}", wire.method, wire.path, wire.query);
        let mut complain = |what: &str| {
            seen.complaints
                .push(format!("request {number}, {target}: {what}"));
            Refusal::new(400, "InvalidParameter", what)
        };
        let request = match read {
            Ok(request) => request,
            Err(Ok(refusal)) => return (number, Err(refusal)),
            Err(Err(what)) => {
                let refusal = complain(&what);
                return (number, Err(refusal));
            }
        };
        let Some(asked) = request.asked else {
            let refusal = Refusal::new(404, "InvalidAction.NotFound", "no such operation");
            return (number, Err(refusal));
        };
        let wrong = self.setup.truth.complaint(&asked, &request.query);
        if let Some(what) = wrong {
            complain(&what);
        }
        if !seen.nonces.insert(request.nonce) {
            seen.complaints
                .push(format!("request {number}: a nonce twice"));
        }
        seen.bounded += usize::from(request.query.contains_key("startTime"));
        let attempts = seen.attempts.entry(asked.clone()).or_default();
        let attempt = *attempts;
        *attempts += 1;
        let fault = self.setup.faults.fault(&asked, attempt);
        seen.faults += usize::from(fault.is_some());
        (number, Ok((asked, fault)))
    }

    /// Returns the answer of the table.
    fn truth(&self, asked: &Asked, request_id: &str) -> Response<Body> {
        let operation = asked.operation;
        if self.seen.lock().unwrap().denied.contains(&operation) {
            return match operation {
                Operation::GetConsumerGroupLag | Operation::GetMessageDetail => {
                    fault::of_service(403, request_id, Some("NoPermission"))
                }
                _ => Refusal::new(403, "Forbidden.RAM", "User not authorized.").json(request_id),
            };
        }
        if let Some((status, code)) = self.setup.refused.get(&operation) {
            return Refusal::new(*status, code, "refused").json(request_id);
        }
        let reply = self.setup.truth.reply(asked);
        let mut body = reply.body;
        body["requestId"] = request_id.into();
        let kind = [("content-type", "application/json;charset=utf-8")];
        respond(reply.status, &kind, body.to_string())
    }
}

/// A gateway that runs until it is dropped.
pub(crate) struct Gateway {
    server: ServerThread,
    state: Arc<GatewayState>,
}

impl Gateway {
    /// Returns a builder of a gateway that answers every request as the table says.
    pub(crate) fn setup(truth: &Arc<Truth>) -> Setup {
        Setup {
            truth: truth.clone(),
            keys: Keys {
                secret: SECRET.to_owned(),
                token: None,
            },
            faults: Rate {
                percent: 0,
                seed: 0,
            },
            refused: BTreeMap::new(),
            held_every: usize::MAX,
        }
    }

    /// From now on, the key lacks the permission for an operation.
    pub(crate) fn deny(&self, operation: Operation) {
        self.state.seen.lock().unwrap().denied.insert(operation);
    }

    /// Returns `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Returns the number of requests whose signature was right, by operation.
    pub(crate) fn calls(&self) -> BTreeMap<Operation, usize> {
        let mut calls = BTreeMap::new();
        for (asked, attempts) in &self.state.seen.lock().unwrap().attempts {
            *calls.entry(asked.operation).or_default() += attempts;
        }
        calls
    }

    /// Returns what was asked for, each once.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let seen = self.state.seen.lock().unwrap();
        seen.attempts.keys().cloned().collect()
    }

    /// Returns the number of requests that got a fault.
    pub(crate) fn faults(&self) -> usize {
        self.state.seen.lock().unwrap().faults
    }

    /// Returns the number of requests that bound the time of the message.
    pub(crate) fn bounded(&self) -> usize {
        self.state.seen.lock().unwrap().bounded
    }

    /// Returns when that many requests have arrived.
    #[track_caller]
    pub(crate) fn wait_for_requests(&self, requests: usize) {
        let seen = self.state.seen.lock().unwrap();
        let too_few = |seen: &mut Seen| seen.requests < requests;
        let called = &self.state.called;
        let (seen, waited) = called.wait_timeout_while(seen, PATIENCE, too_few).unwrap();
        assert!(!waited.timed_out(), "only {} requests came", seen.requests);
    }

    /// Sends the answers that are held back.
    pub(crate) fn release(&self) {
        self.state.released.cancel();
    }

    /// Returns the requests that no client should send, and forgets them.
    pub(crate) fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.state.seen.lock().unwrap().complaints)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let ended = self.server.stop();
        if !std::thread::panicking() {
            ended.unwrap();
            let complaints = self.take_complaints();
            assert!(complaints.is_empty(), "{complaints:#?}");
        }
    }
}
