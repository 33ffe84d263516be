//! Bodies that are too long, or too slow.

use std::convert::Infallible;
use std::io::Write as _;
use std::iter::{once, repeat_n};
use std::sync::LazyLock;
use std::time::Duration;

use axum::body::{Body, Bytes};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::{StreamExt as _, stream};

pub(super) const TEN_MEGABYTES: usize = 10_000_000;
const PIECE: usize = 50_000;

/// Ten megabytes in pieces.
pub(super) fn huge(request_id: &str) -> Body {
    let first = format!("{:PIECE$}", looks_empty(request_id));
    let blanks = Bytes::from(vec![b' '; PIECE]);
    let blanks = repeat_n(blanks, TEN_MEGABYTES / PIECE - 1);
    let pieces = once(Bytes::from(first)).chain(blanks);
    Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>)))
}

/// Decompressed, it has half a gigabyte; its beginning alone is a wrong answer.
pub(super) fn bomb(request_id: &str) -> Vec<u8> {
    static BLANKS: LazyLock<Vec<u8>> = LazyLock::new(|| gzip(&vec![b' '; 1 << 20]).repeat(512));
    [gzip(looks_empty(request_id).as_bytes()), BLANKS.clone()].concat()
}

fn looks_empty(request_id: &str) -> String {
    format!(r#"{{"RequestId":"{request_id}","Data":{{"MessageTrack":[]}}}}"#)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// A body in eight pieces, the last of them after `time`.
pub(super) fn trickle(body: &str, time: Duration) -> Body {
    let length = body.len().div_ceil(8);
    let pieces: Vec<_> = body
        .as_bytes()
        .chunks(length)
        .map(Bytes::copy_from_slice)
        .collect();
    Body::from_stream(stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(time / 8).await;
        Ok::<_, Infallible>(piece)
    }))
}
