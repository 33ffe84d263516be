//! Requests as they are received: the answer is always complete JSON or XML, no token is shown, and no forged
//! signature verifies.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use ons_audit::clock;
use ons_audit::engine::{Pacer, Rate};
use ons_audit::serve::{
    AccessKeys, Authenticator, FaultInjector, Gateway, GatewayReply, GatewayRequest, KeySource,
    Quota, SigningSecret, Upstream,
};
use ons_audit::source::{Snapshot, Source};
use tokio::runtime::{Builder, Runtime};

/// A gateway with a key, and one that accepts every request.
static GATEWAYS: LazyLock<[Gateway; 2]> = LazyLock::new(|| {
    let keys = KeySource::Text("LTAI5tExampleKey:nobody-has-this-secret".into());
    let keys = AccessKeys::load(&keys).expect("a key");
    [Some(keys), None].map(|keys| {
        let snapshot = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/cluster.json");
        let snapshot = Snapshot::open(snapshot.as_ref()).expect("the sample");
        Gateway {
            authenticator: Authenticator::new(keys, clock::system, clock::system()),
            quota: Quota::new(Rate::Max),
            fault_injector: FaultInjector::new(Duration::ZERO, 0.0, 0),
            upstream: Upstream::new(
                Source::Snapshot(Box::new(snapshot)),
                Pacer::new(Rate::Max, std::num::NonZeroU32::MIN),
            ),
        }
    })
});

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
}

// `METHOD /path?query`, a header a line, an empty line, the body.
fuzz_target!(|bytes: &[u8]| {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((bytes, &b""[..]), |end| (&bytes[..end], &bytes[end + 2..]));
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let (method, target) = lines
        .next()
        .unwrap_or_default()
        .split_once(' ')
        .unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap_or_default();
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            headers.append(name, value);
        }
    }
    let request = GatewayRequest {
        method,
        path,
        query,
        headers: &headers,
        body,
    };
    if let Ok(call) = request.call()
        && let Some(signature) = call.signature
    {
        assert!(!signature.verifies(&SigningSecret::new("nobody-has-this-secret")));
        let hides = |token: &str| token.len() < 12 || !signature.signed_text().contains(token);
        assert!(
            signature.token.as_deref().is_none_or(hides),
            "{}",
            signature.signed_text()
        );
    }
    RUNTIME.with(|runtime| {
        for gateway in &*GATEWAYS {
            check(&runtime.block_on(gateway.answer(&request)));
        }
    });
});

fn check(reply: &GatewayReply) {
    let body = std::str::from_utf8(&reply.body).expect("text");
    assert!(body.contains(&reply.details.request_id));
    if reply.content_type.starts_with("application/json") {
        serde_json::from_str::<serde_json::Value>(body).expect("JSON");
    } else {
        let mut reader = quick_xml::Reader::from_str(body);
        while !matches!(
            reader.read_event().expect("XML"),
            quick_xml::events::Event::Eof
        ) {}
    }
}
