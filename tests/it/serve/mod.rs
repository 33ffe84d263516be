//! The real `serve` as clients and operators see it.

mod abuse;
mod access;
mod audit;
mod evidence;
mod http;
mod infer;
mod rmq;
mod signals;

use super::running::Running;
use super::tool::{Call, Tool};

/// An access key for every test.
const KEYS: &str = "[[keys]]\nid = 'served-key-id'\nsecret = 'served-key-secret'\n";

/// A running server.
struct Served {
    running: Running,
    /// The address that the server printed.
    url: String,
}

impl Served {
    /// Serves the sample on a free port with these flags and the key.
    fn start(tool: &Tool, flags: &str) -> Self {
        let call = tool.call("serve --source samples/cluster.json --listen 127.0.0.1:0");
        let call = call.args(flags);
        if flags.contains("--keys") {
            return Self::of(call);
        }
        tool.write_private("keys.toml", KEYS);
        Self::of(call.args("--keys keys.toml"))
    }

    fn of(call: Call<'_>) -> Self {
        let mut running = call.start();
        let line = running.line();
        let url = line.strip_prefix("listening on ");
        let url = url.unwrap_or_else(|| panic!("its first line was `{line}`"));
        Self {
            url: url.to_owned(),
            running,
        }
    }

    /// Stops it as an operator does. Returns its stderr.
    fn end(self) -> String {
        self.running.signal("TERM");
        self.running.ends(0).1
    }
}

/// Adds the key to a call.
fn with_key(call: Call<'_>) -> Call<'_> {
    call.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "served-key-id")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "served-key-secret")
}
