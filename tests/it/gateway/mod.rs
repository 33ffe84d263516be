//! A local gateway that answers `OnsMessageTrace` for the sample correctly, or as planned by a test.
//!
//! Every request is parsed from the wire and its signature recomputed ([`wire`]). Requests that no client
//! should send (a repeated nonce, a malformed date) fail the test when the gateway is dropped.

mod bodies;
mod fault;
mod socket;
mod state;
mod wire;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Condvar, LazyLock, Mutex};

use axum::Router;
use tokio_util::sync::CancellationToken;

pub(crate) use fault::{Fault, Refusal, respond};
pub(crate) use socket::{Breaker, ServerThread};
use state::{GatewayState, Seen, answer};
use wire::SignedByV3;
pub(crate) use wire::{Wire, is_date, text_of};

use super::tool::PATIENCE;

pub(crate) const KEY_ID: &str = "LTAI5tTheAuditTestsKey";
pub(crate) const SECRET: &str = "Zx81-secret-of-the-audit-tests";
pub(crate) const TOKEN: &str = "CAISstrange+token/with=chars";
pub(crate) const INSTANCE: &str = "MQ_INST_1234567890123456_BXdemo";

/// Group and track type of each group, by topic and message ID.
type Truth = HashMap<(String, String), Vec<(String, String)>>;

static TRUTH: LazyLock<Truth> = LazyLock::new(|| {
    let text = include_str!("../../data/sample_truth.csv");
    let mut truth = Truth::new();
    for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
        let (msg_id, topic, group, word): (String, String, String, String) = row.unwrap();
        truth
            .entry((topic, msg_id))
            .or_default()
            .push((group, word));
    }
    truth
});

/// One call, for a plan to decide about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// Number of the call, from 1.
    pub(crate) number: usize,
    /// Number of the call for this message, from 1.
    pub(crate) attempt: usize,
    pub(crate) msg_id: &'a str,
}

type Plan = Box<dyn Fn(Call<'_>) -> Option<Fault> + Send + Sync>;

/// The accepted credentials.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

impl Keys {
    pub(crate) fn check_v3(&self, signed: &SignedByV3) -> Result<(), Refusal> {
        let right = signed.is_right(&self.secret);
        self.check(&signed.key_id, right, &signed.canonical_request)
    }

    /// The error responses quote the signed text like the real ones, including key ID and token.
    fn check(&self, key_id: &str, right: bool, signed: &str) -> Result<(), Refusal> {
        if key_id != KEY_ID {
            let message = format!("Specified access key is not found: {key_id}");
            return Err(Refusal::new(404, "InvalidAccessKeyId.NotFound", message));
        }
        if !right {
            let token = self.token.as_deref().unwrap_or_default();
            let message = format!(
                "Specified signature is not matched with our calculation. server string to sign is:{signed} \
                 AccessKeyId={key_id} SecurityToken={token}"
            );
            return Err(Refusal::new(400, "SignatureDoesNotMatch", message));
        }
        Ok(())
    }
}

/// A builder of gateways.
pub(crate) struct Setup {
    keys: Keys,
    truth: Truth,
    plan: Plan,
    /// The message types of topics that are not normal ones.
    message_types: BTreeMap<String, i64>,
}

impl Setup {
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

    /// Adds a message consumed by `group`.
    pub(crate) fn knows(self, topic: &str, msg_id: &str, group: &str) -> Self {
        self.tells(topic, msg_id, &[(group, "CONSUMED")])
    }

    /// Adds a message with the track type of each group.
    pub(crate) fn tells(mut self, topic: &str, msg_id: &str, tracks: &[(&str, &str)]) -> Self {
        let owned = |(group, word): &(&str, &str)| ((*group).to_owned(), (*word).to_owned());
        let tracks = tracks.iter().map(owned).collect();
        self.truth
            .insert((topic.to_owned(), msg_id.to_owned()), tracks);
        self
    }

    /// Sets the message type of a topic: 4 is transactional, 5 delayed.
    pub(crate) fn message_type(mut self, topic: &str, number: i64) -> Self {
        self.message_types.insert(topic.to_owned(), number);
        self
    }

    /// Sets the plan of faults.
    pub(crate) fn plan(
        mut self,
        plan: impl Fn(Call<'_>) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        self.plan = Box::new(plan);
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

/// A gateway that runs until it is dropped.
pub(crate) struct Gateway {
    server: ServerThread,
    state: Arc<GatewayState>,
}

impl Gateway {
    /// Returns a builder of a gateway that answers every call correctly.
    pub(crate) fn setup() -> Setup {
        let keys = Keys {
            secret: SECRET.to_owned(),
            token: None,
        };
        Setup {
            keys,
            truth: Truth::new(),
            plan: Box::new(|_| None),
            message_types: BTreeMap::new(),
        }
    }

    /// Returns the value of `--source`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Returns the arrival time of each call, in order.
    pub(crate) fn arrivals(&self) -> Vec<std::time::Instant> {
        self.state.seen.lock().unwrap().arrivals.clone()
    }

    pub(crate) fn calls(&self) -> usize {
        self.state.seen.lock().unwrap().calls
    }

    /// Returns the versions of the valid signatures.
    pub(crate) fn signatures(&self) -> BTreeSet<&'static str> {
        self.state.seen.lock().unwrap().signatures.clone()
    }

    /// Returns when that many calls have arrived.
    #[track_caller]
    pub(crate) fn wait_for_calls(&self, calls: usize) {
        let seen = self.state.seen.lock().unwrap();
        let too_few = |seen: &mut Seen| seen.calls < calls;
        let called = &self.state.called;
        let (seen, waited) = called.wait_timeout_while(seen, PATIENCE, too_few).unwrap();
        assert!(!waited.timed_out(), "only {} calls came", seen.calls);
    }

    /// Sends the responses that are held back.
    pub(crate) fn release(&self) {
        self.state.released.cancel();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let ended = self.server.stop();
        if !std::thread::panicking() {
            ended.unwrap();
            let complaints = &self.state.seen.lock().unwrap().complaints;
            assert!(complaints.is_empty(), "{complaints:#?}");
        }
    }
}
