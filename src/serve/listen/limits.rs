//! How much of the machine clients may take, and for how long.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The bounds of a listener.
///
/// A request of `OnsMessageTrace` is under 2 KiB and arrives in one piece, so the defaults are far from any client that
/// means well (`facts/ons-api.md` §3.5). With them the listener stays within 200 MB, whatever clients do: some 3 KiB a
/// connection, 4 KiB a head that is on its way, 30 KiB a request, and the large ones (measured).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; more of them wait in the system's queue. Never more than there may be open files.
    pub connections: usize,
    /// Requests that are read and answered at the same time; more of them wait for their turn.
    pub requests: usize,
    /// The longest request line and headers together, in bytes.
    pub head_bytes: usize,
    /// The longest body, in bytes.
    pub body_bytes: usize,
    /// All requests on their way together, beyond the first 4 KiB of each and with 32 KiB for a body that is awaited,
    /// in bytes.
    pub large_bytes: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long request line and headers may take, from their first byte.
    pub head: Duration,
    /// How long a body may take.
    pub body: Duration,
    /// How long an answer may take to be accepted.
    pub write: Duration,
    /// How long a connection is kept without a request.
    pub idle: Duration,
    /// How long requests in flight are awaited at the end.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 12_288,
            requests: 2048,
            head_bytes: 64 * 1024,
            body_bytes: 64 * 1024,
            large_bytes: 16 * 1024 * 1024,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            write: Duration::from_secs(30),
            idle: Duration::from_mins(1),
            grace: Duration::from_secs(10),
        }
    }
}

/// Open files that are not for clients: the program's own, and those of its source.
const RESERVED: usize = 64;

impl Limits {
    /// How many connections there can be where that many files may be open.
    pub(super) fn seats(&self, open_files: Option<u64>) -> usize {
        let open_files = open_files
            .and_then(|files| usize::try_from(files).ok())
            .unwrap_or(usize::MAX);
        self.connections
            .min(open_files.saturating_sub(RESERVED))
            .max(1)
    }
}

/// Lets this process open as many files as the system allows it, where a shell's default is often 1024.
/// Returns how many that are; `None` is without end.
pub(super) fn raise_open_files() -> Option<u64> {
    let found = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: found.maximum,
        maximum: found.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => found.maximum,
        // Some systems have a lower ceiling than they say; the process goes on with what it had.
        Err(_) => found.current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_connections_than_files() {
        let limits = Limits::default();
        assert_eq!(limits.seats(None), 12_288);
        assert_eq!(limits.seats(Some(1_000_000)), 12_288);
        assert_eq!(limits.seats(Some(1024)), 1024 - 64);
        assert_eq!(limits.seats(Some(16)), 1, "one at least");
    }

    #[test]
    fn the_limit_of_open_files_is_raised_to_the_highest() {
        let raised = raise_open_files();
        let now = getrlimit(Resource::Nofile);
        assert_eq!(now.current, raised);
        assert_eq!(now.current, now.maximum);
    }
}
