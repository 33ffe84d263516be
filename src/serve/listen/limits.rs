//! How much of the machine clients may take, and for how long.

use std::time::Duration;

/// The bounds of a listener.
///
/// A request of `OnsMessageTrace` is under 2 KiB and arrives in one piece, so the defaults are far from any well-behaved
/// client (`docs/facts/ons-api.md` §3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections, never more than the open files allow. Further connections wait in the system's queue.
    pub connections: usize,
    /// The longest request line and headers together, in bytes.
    pub head_bytes: usize,
    /// The longest body, in bytes.
    pub body_bytes: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long request line and headers may take, from their first byte.
    pub head: Duration,
    /// How long a body may take.
    pub body: Duration,
    /// How long the client may take to accept an answer.
    pub write: Duration,
    /// How long a connection is kept without a request.
    pub idle: Duration,
    /// How long the end waits for requests in flight.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2048,
            head_bytes: 16 * 1024,
            body_bytes: 16 * 1024,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            write: Duration::from_secs(30),
            idle: Duration::from_mins(1),
            grace: Duration::from_secs(10),
        }
    }
}

/// Open files that the program and its source need for themselves.
const RESERVED: usize = 64;

impl Limits {
    /// Returns how many connections there can be with this limit of open files.
    pub(super) fn max_connections(&self, open_files: Option<u64>) -> usize {
        let open_files = open_files
            .and_then(|files| usize::try_from(files).ok())
            .unwrap_or(usize::MAX);
        self.connections
            .min(open_files.saturating_sub(RESERVED))
            .max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_bound_the_connections() {
        let limits = Limits::default();
        assert_eq!(limits.max_connections(None), 2048);
        assert_eq!(limits.max_connections(Some(1_000_000)), 2048);
        assert_eq!(limits.max_connections(Some(1024)), 1024 - 64);
        assert_eq!(limits.max_connections(Some(16)), 1, "one at least");
    }
}
