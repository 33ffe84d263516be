//! INT and TERM stop the server, HUP reloads keys and certificate.
//!
//! A thread of its own receives the signals, so that they work whatever the other threads wait for.

use std::io;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator;
use tokio_util::sync::CancellationToken;

use crate::exit::Status;

/// How long the process may take after the first signal: the grace for requests in flight, and some seconds more.
const END: Duration = Duration::from_secs(15);

/// How long the process may take after the second signal.
const END_AT_ONCE: Duration = Duration::from_secs(1);

/// The signals of the server, which are handled from the moment they are registered.
#[derive(Debug)]
pub(super) struct Signals(iterator::Signals);

/// The parts of the server that a signal acts on.
#[derive(Debug)]
pub(super) struct Actions {
    /// Cancelled at the first INT or TERM.
    pub(super) stop: CancellationToken,
    /// Cancelled at the second.
    pub(super) stop_at_once: CancellationToken,
    /// Receives a message at every HUP.
    pub(super) reload: SyncSender<()>,
}

impl Signals {
    /// Registers HUP, which would end the process by default.
    pub(super) fn register_hang_up() -> io::Result<Self> {
        iterator::Signals::new([SIGHUP]).map(Self)
    }

    /// Registers INT and TERM.
    pub(super) fn register_ends(&self) -> io::Result<()> {
        self.0.add_signal(SIGINT)?;
        self.0.add_signal(SIGTERM)
    }

    /// Starts the thread. If the process does not end in time after a signal, the thread ends it.
    pub(super) fn handle(mut self, actions: Actions) -> io::Result<()> {
        let thread = thread::Builder::new().name("signals".to_owned());
        thread.spawn(move || {
            for signal in self.0.forever() {
                match signal {
                    // If a message waits already, its reload begins after this signal.
                    SIGHUP => drop(actions.reload.try_send(())),
                    _ if actions.stop.is_cancelled() => {
                        actions.stop_at_once.cancel();
                        end_within(END_AT_ONCE);
                    }
                    _ => {
                        tracing::info!(
                            "stopping: requests in flight are answered first; press Ctrl-C again to stop immediately"
                        );
                        actions.stop.cancel();
                        end_within(END);
                    }
                }
            }
        })?;
        Ok(())
    }
}

/// Ends the process after this time, if it has not ended before: a stderr that nobody reads may block it.
fn end_within(time: Duration) {
    thread::spawn(move || {
        thread::sleep(time);
        #[expect(
            clippy::disallowed_methods,
            clippy::exit,
            reason = "the main thread may be blocked for ever"
        )]
        std::process::exit(Status::Incomplete as i32);
    });
}
