//! What all connections of a listener share.

use std::io;
use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::service::TowerToHyperService;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::access_log::AccessLog;
use super::metrics::Metrics;
use super::room::Room;
use super::routes::routes;
use super::{Answer, Limits, Server, Tls};

/// What all connections of a listener share.
#[derive(Debug)]
pub(super) struct House {
    pub(super) routes: TowerToHyperService<Router>,
    pub(super) http: http1::Builder,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) limits: Limits,
    /// For requests that are read and answered.
    pub(super) turns: Semaphore,
    /// For large requests.
    pub(super) room: Arc<Room>,
    pub(super) log: AccessLog,
    pub(super) metrics: Arc<Metrics>,
    /// No new requests.
    pub(super) stop: CancellationToken,
    /// No more waiting for requests in flight either.
    pub(super) kill: CancellationToken,
}

impl House {
    pub(super) fn new(server: Server<impl Answer>, stop: CancellationToken) -> io::Result<Self> {
        let metrics = Arc::new(Metrics::new());
        Ok(Self {
            routes: TowerToHyperService::new(routes(server.gateway, metrics.clone())),
            http: http(&server.limits),
            tls: server.tls,
            limits: server.limits,
            turns: Semaphore::new(server.limits.requests),
            room: Room::new(server.limits.large_bytes),
            log: AccessLog::to(server.log, server.clock, &metrics.lost_lines)?,
            metrics,
            stop,
            kill: CancellationToken::new(),
        })
    }
}

/// How hyper is to speak HTTP/1. Its own time-out is off: the connection knows more phases than the head.
fn http(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.header_read_timeout(None)
        .max_buf_size(limits.head_bytes);
    http
}
