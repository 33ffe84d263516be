//! A client for the name servers and brokers of one cluster.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::frame::FrameDecoder;
use super::peer::{Connector, Peer};
use super::tls::{Dialer, RemotingTls};
use super::{AclKeys, CallError, Cause, NameServers, Request, RequestCode, Response, response};
use crate::source::ons::redact::Redactor;

/// Length limit for a remark of a server, in characters.
const REMARK: usize = 300;

/// Options of a client.
#[derive(Debug, Clone)]
pub struct RemotingOptions {
    /// Keys that sign every call, if the cluster has ACL.
    pub keys: Option<AclKeys>,
    /// TLS settings, for brokers and name servers.
    pub tls: Option<RemotingTls>,
    /// Namespace of version 2, sent as a field of every call. A namespace of version 1 is a part of names
    /// ([`Namespace`](super::Namespace)).
    pub namespace_v2: Option<String>,
    /// Limit for one call, without the time to connect.
    pub timeout: Duration,
    /// Limit for concurrent calls per server.
    pub in_flight: usize,
}

impl Default for RemotingOptions {
    fn default() -> Self {
        Self {
            keys: None,
            tls: None,
            namespace_v2: None,
            timeout: Duration::from_secs(5),
            in_flight: 32,
        }
    }
}

/// A client of a cluster. Clones share connections.
#[derive(Debug, Clone)]
pub struct Remoting(Arc<ClientState>);

#[derive(Debug)]
struct ClientState {
    name_servers: NameServers,
    /// Index of the name server that answered last.
    preferred: AtomicUsize,
    options: RemotingOptions,
    connector: Connector,
    peers: Mutex<HashMap<Arc<str>, Arc<Peer>>>,
}

impl Remoting {
    /// Creates a client; does not connect.
    #[must_use]
    pub fn new(name_servers: NameServers, options: RemotingOptions) -> Self {
        Self(Arc::new(ClientState {
            name_servers,
            preferred: AtomicUsize::new(0),
            connector: Connector {
                dialer: Dialer::new(options.tls.clone()),
                decoder: FrameDecoder::default(),
                drivers: TaskTracker::new(),
            },
            options,
            peers: Mutex::default(),
        }))
    }

    /// Returns the name servers.
    #[must_use]
    pub fn name_servers(&self) -> &NameServers {
        &self.0.name_servers
    }

    /// Returns the limit for one call.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.0.options.timeout
    }

    /// Calls the server at an address.
    ///
    /// # Errors
    ///
    /// If no response arrives, or its code is not success.
    pub async fn call(&self, address: &str, request: Request) -> Result<Response, CallError> {
        self.call_within(address, request, self.timeout()).await
    }

    /// Calls the server with a different time limit, for responses that take long.
    ///
    /// # Errors
    ///
    /// If no response arrives, or its code is not success.
    pub async fn call_within(
        &self,
        address: &str,
        request: Request,
        within: Duration,
    ) -> Result<Response, CallError> {
        let call = request.code();
        let answer = self.ask(address, request, within).await?;
        if answer.code == response::SUCCESS {
            return Ok(answer);
        }
        Err(CallError {
            address: address.into(),
            call,
            cause: cause(call, &answer),
        })
    }

    /// Returns the name server to ask after `failed` failures in this call: first the one that answered last,
    /// then the others in order.
    pub(super) fn name_server(&self, failed: usize) -> &Arc<str> {
        let addresses = self.0.name_servers.addresses();
        let preferred = self.0.preferred.load(Ordering::Relaxed);
        &addresses[(preferred + failed) % addresses.len()]
    }

    /// Makes later calls ask this name server first.
    pub(super) fn prefer(&self, address: &Arc<str>) {
        let addresses = self.0.name_servers.addresses();
        let at = addresses.iter().position(|known| known == address);
        self.0
            .preferred
            .store(at.unwrap_or_default(), Ordering::Relaxed);
    }

    /// Calls the server at an address; accepts any code of the response. The remark of the response is one short
    /// line without keys.
    pub(super) async fn ask(
        &self,
        address: &str,
        request: Request,
        within: Duration,
    ) -> Result<Response, CallError> {
        let peer = self.peer(address);
        let request = self.complete(request);
        let answer = peer.ask(&request, within, &self.0.connector).await;
        let mut answer = answer.map_err(|cause| CallError {
            address: peer.address.clone(),
            call: request.code(),
            cause,
        })?;
        if let Some(remark) = &mut answer.remark {
            *remark = self.redactor(&request).excerpt(remark, REMARK);
        }
        Ok(answer)
    }

    /// Returns what hides the keys and the signature of a request.
    fn redactor(&self, request: &Request) -> Redactor {
        let keys = self.0.options.keys.as_ref();
        keys.map_or_else(Redactor::default, |keys| keys.redactor(request))
    }

    /// Completes a request: adds the namespace, then signs it.
    fn complete(&self, request: Request) -> Request {
        let options = &self.0.options;
        let request = match &options.namespace_v2 {
            Some(namespace) => request.with("nsd", true).with("ns", namespace),
            None => request,
        };
        match &options.keys {
            Some(keys) => keys.sign(request),
            None => request,
        }
    }

    fn peer(&self, address: &str) -> Arc<Peer> {
        let peers = &self.0.peers;
        let mut peers = peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(peer) = peers.get(address) {
            return peer.clone();
        }
        let address: Arc<str> = address.into();
        let peer = Arc::new(Peer::new(address.clone(), self.0.options.in_flight));
        peers.insert(address, peer.clone());
        peer
    }
}

/// Returns the cause for a response whose code is not success.
pub(super) fn cause(call: RequestCode, answer: &Response) -> Cause {
    let remark = answer.remark.clone().unwrap_or_default();
    Cause::from_code(call, answer.code, remark)
}
