//! Requests as they come over the wire: whatever they hold, the answer is whole JSON or XML, no token is shown, and no
//! signature holds that nobody made.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use ons_audit::clock;
use ons_audit::engine::{Pacer, Rate};
use ons_audit::serve::{
    Door, Drill, Gateway, Incoming, KeySource, Keys, Quota, Reply, Secret, Upstream,
};
use ons_audit::source::{Snapshot, Source};
use tokio::runtime::{Builder, Runtime};

/// One that knows a key, and one that lets anybody in.
static GATEWAYS: LazyLock<[Gateway; 2]> = LazyLock::new(|| {
    let keys = KeySource::Text("LTAI5tExampleKey:nobody-has-this-secret".into());
    let keys = Keys::load(&keys).expect("a key");
    [Some(keys), None].map(|keys| {
        let snapshot = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/cluster.json");
        let snapshot = Snapshot::open(snapshot.as_ref()).expect("the sample");
        Gateway {
            door: Door::new(keys, clock::system),
            quota: Quota::new(Rate::Max),
            drill: Drill::new(Duration::ZERO, 0.0, 0),
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
    let incoming = Incoming {
        method,
        path,
        query,
        headers: &headers,
        body,
    };
    if let Ok(call) = incoming.call()
        && let Some(proof) = call.proof
    {
        assert!(!proof.holds(&Secret::new("nobody-has-this-secret")));
        let hides = |token: &str| token.len() < 12 || !proof.shown().contains(token);
        assert!(
            proof.token.as_deref().is_none_or(hides),
            "{}",
            proof.shown()
        );
    }
    RUNTIME.with(|runtime| {
        for gateway in &*GATEWAYS {
            check(&runtime.block_on(gateway.answer(&incoming)));
        }
    });
});

fn check(reply: &Reply) {
    let body = std::str::from_utf8(&reply.body).expect("text");
    assert!(body.contains(&reply.note.request_id));
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
