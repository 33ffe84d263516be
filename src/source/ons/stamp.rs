//! Date and nonce: the parts of a request that differ between two calls for the same query.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use reqwest::header::HeaderValue;

/// Date and nonce of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Date in the format of the gateway: `2026-11-22T12:00:00Z`.
    pub(super) date: HeaderValue,
    /// 32 hex digits.
    pub(super) nonce: String,
}

impl Stamp {
    /// Returns the date as text.
    pub(super) fn date(&self) -> &str {
        self.date.to_str().unwrap_or_default() // a date is ASCII
    }
}

/// Creates stamps; no two are equal.
///
/// A nonce must be unique, not secret: it prevents a replay, and a request with another nonce needs the key. So
/// eight random bytes identify the client and a counter identifies the call. Random bytes are read once, not
/// for each call.
#[derive(Debug)]
pub(super) struct Stamps {
    client: [u8; 8],
    calls: AtomicU64,
    /// The date of the last call, with its second: formatting a date costs more than the rest of a stamp.
    last: Mutex<Option<(i64, HeaderValue)>>,
}

impl Stamps {
    /// Creates stamps for a client, which `client` identifies by random bytes.
    pub(super) fn new(client: [u8; 8]) -> Self {
        Self {
            client,
            calls: AtomicU64::new(0),
            last: Mutex::default(),
        }
    }

    /// Returns the stamp of the next call.
    pub(super) fn next(&self, now: Timestamp) -> Stamp {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.client);
        nonce[8..].copy_from_slice(&self.calls.fetch_add(1, Relaxed).to_be_bytes());
        Stamp {
            date: self.date(now),
            nonce: HEXLOWER.encode(&nonce),
        }
    }

    fn date(&self, now: Timestamp) -> HeaderValue {
        let second = now.as_second();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((of, date)) if *of == second => date.clone(),
            _ => {
                let date = HeaderValue::from_str(&format!("{now:.0}")).expect("a date is ASCII");
                *last = Some((second, date.clone()));
                date
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_whole_seconds_and_are_those_of_now() {
        let stamps = Stamps::new([0; 8]);
        for (now, date) in [
            ("2026-11-22T12:00:00.999Z", "2026-11-22T12:00:00Z"),
            ("2026-11-22T12:00:00.001Z", "2026-11-22T12:00:00Z"),
            ("2026-11-22T12:00:01.5Z", "2026-11-22T12:00:01Z"),
            ("2026-11-22T11:59:59Z", "2026-11-22T11:59:59Z"),
        ] {
            assert_eq!(stamps.next(now.parse().unwrap()).date(), date, "{now}");
        }
    }

    #[test]
    fn no_two_nonces_are_alike_neither_of_one_client_nor_of_two() {
        let clients = [Stamps::new([0xAB; 8]), Stamps::new([0xAC; 8])];
        let nonces = clients
            .iter()
            .flat_map(|client| (0..1000).map(|_| client.next(Timestamp::UNIX_EPOCH).nonce));
        let nonces: std::collections::HashSet<_> = nonces.collect();
        assert_eq!(nonces.len(), 2000);
        assert!(nonces.contains("abababababababab00000000000003e7"));
    }
}
