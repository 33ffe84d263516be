//! A small HTTP server that records the requests it receives.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use reqwest::Url;
use tokio_util::sync::CancellationToken;

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

type Answer = (u16, String);
type Replies = Box<dyn Fn(&Asked) -> Answer + Send + Sync>;

struct Desk {
    replies: Replies,
    asked: Mutex<Vec<Asked>>,
}

/// A server that runs until it is dropped.
pub(super) struct Server {
    pub(super) url: Url,
    desk: Arc<Desk>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn answering(replies: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let desk = Arc::new(Desk {
            replies: Box::new(replies),
            asked: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let serve = serve(listener, desk.clone(), stop.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            url: url.parse().unwrap(),
            desk,
            stop,
            thread: Some(std::thread::spawn(move || runtime.block_on(serve))),
        }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.desk.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

async fn serve(listener: std::net::TcpListener, desk: Arc<Desk>, stop: CancellationToken) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let router = Router::new().fallback(answer).with_state(desk);
    tokio::select! {
        served = axum::serve(listener, router) => served.unwrap(),
        () = stop.cancelled() => {}
    }
}

async fn answer(State(desk): State<Arc<Desk>>, request: Request) -> (StatusCode, String) {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let query = head.uri.query().unwrap_or_default();
    let asked = Asked {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: pairs(query),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let (status, text) = (desk.replies)(&asked);
    desk.asked.lock().unwrap().push(asked);
    (StatusCode::from_u16(status).unwrap(), text)
}

/// Decodes the pairs of a query or form.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}
