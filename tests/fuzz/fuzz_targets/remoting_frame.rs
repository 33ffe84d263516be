//! What a RocketMQ server sends: the same frames come out however the bytes arrive, and nothing longer than what arrived.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use ons_audit::source::rocketmq::remoting::frame::{Frame, FrameDecoder};
use tokio_util::codec::Decoder;

fuzz_target!(|bytes: &[u8]| {
    let (whole, ended) = frames(bytes, bytes.len().max(1));
    for cut in [1, 7] {
        let (cut, cut_ended) = frames(bytes, cut);
        assert_eq!(cut, whole);
        assert_eq!(cut_ended, ended);
    }
    let held: usize = whole.iter().map(|frame| frame.body.len()).sum();
    assert!(held <= bytes.len());
});

/// The frames up to the end or the first that is none, and whether there was one.
fn frames(bytes: &[u8], cut: usize) -> (Vec<Frame>, bool) {
    let mut decoder = FrameDecoder::default();
    let (mut arrived, mut frames) = (BytesMut::new(), Vec::new());
    for piece in bytes.chunks(cut) {
        arrived.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut arrived) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    return (frames, true);
                }
            }
        }
    }
    assert!(
        arrived.capacity() <= 4 * bytes.len().max(1024),
        "no room on the word of a length"
    );
    (frames, false)
}
