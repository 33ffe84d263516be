//! `serve`: answers `OnsMessageTrace` over HTTP from any source.
//!
//! Settings, keys, certificate and source are checked before the port is opened.

mod access;
mod signals;

use std::io::{self, IsTerminal as _, Write};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::Env;
use super::flags::{SettingsFlags, SourceFlags, SourceSpec, rate_of};
use crate::clock::Clock;
use crate::engine::{Pacer, Rate};
use crate::exit::{self, Failed, Status};
use crate::serve::{
    AccessKeys, Authenticator, FaultInjector, Gateway, Limits, Quota, Server, Upstream, listen,
};
use crate::settings::{LogFormat, Settings, Share, Span};
use crate::source::Source;
use crate::ui::{LogStyle, hold_log, start_queued_log};
use access::AccessControl;
use signals::{Actions, Signals};

/// How old the subscriptions of a topic may be that an answer relies on. A server runs longer than subscriptions hold.
const SUBSCRIBERS_KEPT: SignedDuration = SignedDuration::from_mins(1);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceFlags,
    /// How fast to ask the source: 10/s, 600/m, max [default: 8/s for ons://, 5/s for rmq://, 500/s for a cluster, max for a
    /// snapshot]
    #[arg(long, value_name = "RATE", help_heading = "Source")]
    rate: Option<String>,
    #[command(flatten)]
    access: AccessFlags,
    #[command(flatten)]
    drill: DrillFlags,
    /// No access log: only the address, warnings and errors on stderr
    #[arg(short, long, help_heading = "Messages")]
    quiet: bool,
    /// Log lines as text or as json (one object per line); the access log is always json [default: text]
    #[arg(long, value_name = "FORMAT", help_heading = "Messages")]
    log_format: Option<String>,
    #[command(flatten)]
    settings: SettingsFlags,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Clients")]
struct AccessFlags {
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8181]
    ///
    /// The first line on stderr names the address. An address that other machines can reach needs keys and TLS.
    ///
    /// Example: ons-audit serve --source ons://cn-hangzhou --listen 0.0.0.0:8443 --keys keys.toml --tls-cert cert.pem
    /// --tls-key key.pem
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Access keys that may ask: a TOML file, mode 0600, read again on SIGHUP
    ///
    /// One [[keys]] table per key: id, secret, and optionally topics = [...], instances = [...], security_token, account,
    /// active = false. For a few keys ONS_AUDIT_SERVE_KEYS=id:secret,... will do.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Calls per time, for each account and operation: 10/s, 600/m, max [default: max]
    #[arg(long, value_name = "RATE")]
    quota: Option<String>,
    /// Certificate chain of the server, PEM; read again on SIGHUP
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Its private key, PEM, mode 0600
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Listen without TLS on other addresses, because a proxy in front speaks TLS
    #[arg(long)]
    behind_proxy: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Drill: what goes wrong on purpose, off by default")]
struct DrillFlags {
    /// Every answer takes this much longer
    #[arg(long, value_name = "DURATION")]
    latency: Option<String>,
    /// This share of the requests gets a fault: 503, 500, throttling, an HTML page, no answer at all
    ///
    /// Example that rehearses a bad day of the cloud: ons-audit serve --source samples/cluster.json --latency 200ms
    /// --fault-rate 20% --quota 10/s
    #[arg(long, value_name = "P%")]
    fault_rate: Option<String>,
    /// The same seed brings the same faults in the same order [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<String>,
}

impl Args {
    fn apply_to(&self, settings: &mut Settings) {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        self.source.apply_to(settings);
        settings.flag("rate", self.rate.as_ref());
        settings.flag("listen", self.access.listen.as_ref());
        settings.flag("keys", path(&self.access.keys));
        settings.flag("quota", self.access.quota.as_ref());
        settings.flag("tls_cert", path(&self.access.tls_cert));
        settings.flag("tls_key", path(&self.access.tls_key));
        settings.flag("behind_proxy", self.access.behind_proxy.then_some(true));
        settings.flag("latency", self.drill.latency.as_ref());
        settings.flag("fault_rate", self.drill.fault_rate.as_ref());
        settings.flag("seed", self.drill.seed.as_ref());
        settings.flag("log_format", self.log_format.as_ref());
    }
}

pub(super) fn run(args: &Args, env: &Env) -> Result<Status, Failed> {
    let mut settings = args.settings.merged_settings(env)?;
    args.apply_to(&mut settings);
    if let Some(shown) = args.settings.show(&settings) {
        return shown;
    }
    let format: LogFormat = settings.get("log_format")?;
    exit::set_json(format == LogFormat::Json);
    let runtime = env.runtime()?;
    // Until the port is open, INT and TERM end the process at once, as by default: nothing is to be finished.
    let signals = Signals::register_hang_up().map_err(cant_start)?;
    // The address must be the first line, so log lines of the setup are held back.
    let style = LogStyle {
        format,
        quiet: args.quiet,
        colours: env.is_coloured(io::stderr().is_terminal()),
    };
    let (settled, held) = hold_log(style, || ServerSetup::from_settings(&settings, env));
    let opened = settled.and_then(|setup| {
        let bound = bind(setup.listen)?;
        // Signals are handled before the address is printed, because a reader of the address may send one at once.
        signals.register_ends().map_err(cant_start)?;
        Ok((bound, setup))
    });
    if let Ok(((_, address), setup)) = &opened {
        let listening = format!("listening on {}://{address}", setup.access.scheme());
        if format == LogFormat::Json {
            exit::say_json("INFO", &listening, &serde_json::Value::Null);
        } else {
            exit::say(&(listening + "\n"));
        }
    }
    exit::say(&String::from_utf8_lossy(&held));
    let ((listener, _), setup) = opened?;
    let queue = start_queued_log(style).map_err(cant_start)?;
    setup.warn();
    let log = (!args.quiet).then(|| Box::new(io::stderr()) as _);
    let ended = runtime.block_on(setup.serve(listener, signals, log, env.clock));
    if let Ok(unfinished @ 1..) = ended {
        tracing::warn!("{unfinished} connections were cut off");
    }
    queue.finish();
    match ended.map_err(|error| Failed::incomplete(error, None))? {
        0 => Ok(Status::Clean),
        _ => Ok(Status::Incomplete),
    }
}

fn cant_start(error: io::Error) -> Failed {
    Failed::refused(error, None)
}

fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failed> {
    let bound = TcpListener::bind(address)
        .and_then(|listener| {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        })
        .with_context(|| format!("can't listen on {address}"));
    let hint = "another process may have the port: --listen 127.0.0.1:0 takes a free one";
    bound.map_err(|error| Failed::refused(error, hint.to_owned()))
}

struct ServerSetup {
    listen: SocketAddr,
    access: AccessControl,
    keys: Option<AccessKeys>,
    fault_injector: FaultInjector,
    upstream: Upstream,
    quota: Rate,
}

impl ServerSetup {
    fn from_settings(settings: &Settings, env: &Env) -> Result<Self, Failed> {
        let listen: SocketAddr = settings.get("listen")?;
        let access = AccessControl::from_settings(settings, env, listen)?;
        let quota: Rate = settings.get("quota")?;
        let latency = settings.optional::<Span>("latency")?;
        let fault_injector = FaultInjector::new(
            latency.map_or(Duration::ZERO, |span| span.0),
            settings.get::<Share>("fault_rate")?.0,
            settings.get("seed")?,
        );
        let named = SourceSpec::of(settings)?;
        let rate = rate_of(settings, named.kind())?;
        let source = match named.connect(settings, env)? {
            Source::Rmq(rmq) => {
                Source::Rmq(Box::new(rmq.keeping_subscribers_for(SUBSCRIBERS_KEPT)))
            }
            source => source,
        };
        Ok(Self {
            listen,
            keys: access.keys()?,
            access,
            fault_injector,
            upstream: Upstream::new(source, Pacer::new(rate, NonZeroU32::MIN)),
            quota,
        })
    }

    /// Logs what an operator must not overlook.
    fn warn(&self) {
        if !self.access.has_keys() {
            tracing::warn!(
                "no access keys: every client that reaches this port is answered, and no signature is checked"
            );
        }
        if !self.fault_injector.is_off() {
            tracing::warn!(
                "DRILL: {}; answers are late or wrong on purpose",
                self.fault_injector
            );
        }
        if self.quota != Rate::Max {
            tracing::warn!(
                "quota: {} for each account and operation, beyond it Throttling.User",
                self.quota
            );
        }
    }

    /// Serves until a signal; returns the number of connections that were cut off.
    async fn serve(
        self,
        listener: TcpListener,
        signals: Signals,
        log: Option<Box<dyn Write + Send>>,
        clock: Clock,
    ) -> io::Result<usize> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        // The port is open, so an earlier server there has ended and accepts no more requests.
        let started = clock();
        let gateway = Arc::new(Gateway {
            authenticator: Authenticator::new(self.keys, clock, started),
            quota: Quota::new(self.quota),
            fault_injector: self.fault_injector,
            upstream: self.upstream,
        });
        let stop = CancellationToken::new();
        let server = Server {
            handler: Arc::clone(&gateway),
            tls: self.access.tls.clone(),
            limits: Limits::default(),
            log,
            clock,
        };
        let stop_at_once = CancellationToken::new();
        signals.handle(Actions {
            stop: stop.clone(),
            stop_at_once: stop_at_once.clone(),
            reload: self.access.reloads(gateway)?,
        })?;
        tokio::select! {
            ended = listen::run(listener, server, stop) => ended.map(|ended| ended.unfinished),
            // The second signal cuts off all connections, uncounted.
            () = stop_at_once.cancelled() => Err(io::Error::other("stopped immediately by a second signal")),
        }
    }
}
