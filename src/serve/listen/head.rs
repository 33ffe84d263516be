//! A request's head while it is on its way, in no more memory than it has bytes.
//!
//! hyper takes some 18 KiB for a connection; a client that sends its head byte by byte shall not have them. So hyper
//! gets a head that is whole, or one that it will refuse, and nothing here understands more of it than where it ends.

use std::io;

use memchr::memchr_iter;
use tokio::io::AsyncRead;
use tokio::time::timeout;

use super::activity::Phase;
use super::ending::{Ending, Fault};
use super::house::House;
use super::wire::{Wire, read_once};

/// Waits until a head has arrived. `Err(None)` when none will come, which is nobody's fault.
pub(super) async fn arrive<S>(wire: &mut Wire<S>, house: &House) -> Result<(), Option<Ending>>
where
    S: AsyncRead + Unpin,
{
    if wire.read.is_empty() {
        let read = tokio::select! {
            biased;
            read = timeout(house.limits.idle, read_on(wire)) => read,
            () = house.stop.cancelled() => return Err(None),
        };
        if !matches!(read, Ok(Ok(1..))) {
            return Err(None);
        }
    }
    let limit = house.limits.head_bytes;
    let all = async {
        let mut known = 0;
        while !is_for_hyper(&wire.read, known, limit) {
            known = wire.read.len();
            if read_on(wire).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        io::Result::Ok(())
    };
    let arrived = tokio::select! {
        biased;
        arrived = timeout(house.limits.head, all) => arrived,
        () = house.kill.cancelled() => return Err(Some(Ending::shutdown())),
    };
    match arrived {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::QuotaExceeded => {
            Err(Some(Ending::crowded()))
        }
        Ok(Err(_)) => {
            let detail = "left in the midst of a request's head";
            Err(Some(Ending::new(Fault::Left, detail)))
        }
        Err(_) => Err(Some(Ending::overdue(Phase::Head))),
    }
}

/// Reads once. Line ends before a head mean nothing (RFC 9112, 2.2), and are not kept.
async fn read_on<S: AsyncRead + Unpin>(wire: &mut Wire<S>) -> io::Result<usize> {
    let Wire {
        stream,
        read,
        activity,
        share,
    } = wire;
    let keep = |bytes: &[u8]| {
        if bytes.is_empty() {
            activity.end();
        }
        if !share.add(bytes.len()) {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let is_first = read.is_empty();
        let blank = bytes
            .iter()
            .take_while(|byte| is_first && is_line_end(**byte));
        let kept = &bytes[blank.count()..];
        read.reserve_exact(kept.len());
        read.extend_from_slice(kept);
        Ok(bytes.len())
    };
    read_once(stream, keep).await?
}

const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Can hyper say at once what to do with these bytes? The first `known` of them could not tell.
fn is_for_hyper(bytes: &[u8], known: usize, limit: usize) -> bool {
    // An end that began among the known bytes has its last byte behind them.
    let from = known.saturating_sub(2);
    let ends = |at: usize| {
        let rest = &bytes[from + at + 1..];
        rest.starts_with(b"\n") || rest.starts_with(b"\r\n")
    };
    bytes.len() >= limit || has_no_method(bytes) || memchr_iter(b'\n', &bytes[from..]).any(ends)
}

/// Is the first word none that may stand there? That is garbage, and TLS.
fn has_no_method(bytes: &[u8]) -> bool {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let word = bytes
        .iter()
        .take(32)
        .take_while(|byte| is_token(byte))
        .count();
    word < 32
        && bytes
            .get(word)
            .is_some_and(|byte| *byte != b' ' || word == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 100;

    #[test]
    fn a_head_ends_with_an_empty_line_wherever_it_is_cut() {
        for head in [
            "GET / HTTP/1.1\r\nhost: ons\r\n\r\n",
            "GET / HTTP/1.1\nhost: ons\n\n",
            "GET / HTTP/1.1\nhost: ons\n\r\n",
        ] {
            let bytes = head.as_bytes();
            for end in 0..bytes.len() {
                for known in 0..=end {
                    assert!(
                        !is_for_hyper(&bytes[..end], known, LIMIT),
                        "{head:?} {known} {end}"
                    );
                }
                assert!(is_for_hyper(bytes, end, LIMIT), "{head:?} {end}");
            }
            let more = format!("{head}body");
            assert!(is_for_hyper(more.as_bytes(), 3, LIMIT));
        }
    }

    #[test]
    fn what_is_no_request_is_not_waited_for() {
        for garbage in [
            "\u{16}\u{3}\u{1}",
            " GET",
            "GET\0",
            "G(",
            "{\"json\": 1}",
            "GET\r\n",
        ] {
            assert!(is_for_hyper(garbage.as_bytes(), 0, LIMIT), "{garbage:?}");
        }
        for begun in [
            "",
            "G",
            "GET",
            "GET ",
            "get /\u{1}",
            "M-SEARCH *",
            &"x".repeat(99),
        ] {
            assert!(!is_for_hyper(begun.as_bytes(), 0, LIMIT), "{begun:?}");
        }
        assert!(
            is_for_hyper("x".repeat(100).as_bytes(), 0, LIMIT),
            "too long"
        );
    }
}
