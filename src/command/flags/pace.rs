//! Flags for the rate, the retries and the end of a run.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

#[cfg(feature = "redis")]
use super::source::ca_cert;
use crate::command::Env;
use crate::engine::{Backoff, Pacer, Policy, QuotaFile, Rate, SharedQuota};
#[cfg(feature = "redis")]
use crate::engine::{RedisQuota, RedisServer};
use crate::exit::Failed;
use crate::file::raise_open_files;
use crate::settings::{Auto, Deadline, FinishBy, QuotaUrl, Settings, Span};
#[cfg(feature = "redis")]
use crate::source::rocketmq::remoting::RemotingTls;

/// Stays below the quota of 10/s, which the account shares with the console and other tools (`docs/facts/ons-api.md`,
/// trap 22).
const API_RATE: NonZeroU32 = NonZeroU32::new(8).expect("eight is not zero");

/// For 5.x. Its quota is not published (`docs/facts/ons5.md` §A.3), so the first calls are few.
const RMQ_RATE: NonZeroU32 = NonZeroU32::new(5).expect("five is not zero");

/// Calls for dead letters in a minute: 80 % of their quota, as above (`docs/facts/ons-api.md` §2.1).
const DEAD_LETTER_CALLS: NonZeroU32 = NonZeroU32::new(480).expect("480 is not zero");

/// Messages traced in a minute: 80 % of their quota.
const TRACES: NonZeroU32 = NonZeroU32::new(24).expect("24 is not zero");

/// Rate × latency: enough for answers of two seconds at the default rate.
const API_CONCURRENCY: usize = 16;

/// A cluster can answer far more, but its consumers must not be slowed down.
const CLUSTER_RATE: NonZeroU32 = NonZeroU32::new(500).expect("five hundred is not zero");

/// Look-ups in flight. Each broker gets at most its share of them (`Options::in_flight`).
const CLUSTER_CONCURRENCY: usize = 64;

/// If the rate is unlimited, the number of connections limits it (`docs/facts/perf.md`).
const API_CONCURRENCY_AT_MAX: usize = 64;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Pace")]
pub(in crate::command) struct PaceFlags {
    /// Calls per time, retries included: 10/s, 600/m, max [default: 8/s for ons://, 5/s for rmq://, 500/s for a cluster, max
    /// for a snapshot]
    ///
    /// The quota of OnsMessageTrace is 10/s per account and region, shared with the console and every other tool. That of
    /// rmq:// is not published; if calls are throttled, the run slows down. On a cluster only look-ups of messages count; a
    /// message whose place the input gives needs none.
    ///
    /// Example that leaves half of the quota to others: ons-audit audit incident.csv --source ons://cn-hangzhou --rate
    /// 5/s --concurrency 8
    #[arg(long, value_name = "RATE")]
    rate: Option<String>,
    /// Calls in flight at the same time [default: 16 for ons:// and rmq://, 64 at --rate max and for a cluster, 1 for a snapshot]
    #[arg(long, value_name = "N")]
    concurrency: Option<String>,
    #[command(flatten)]
    more: MorePaceFlags,
}

/// Flags for the pace of look-ups in a cluster.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Pace")]
pub(in crate::command) struct ClusterPaceFlags {
    /// Look-ups of messages per time, retries included: 500/s, 600/m, max [default: 500/s]
    ///
    /// A message whose place the input gives needs no look-up.
    #[arg(long, value_name = "RATE")]
    rate: Option<String>,
    /// Look-ups in flight at the same time [default: 64]
    #[arg(long, value_name = "N")]
    concurrency: Option<String>,
    #[command(flatten)]
    more: MorePaceFlags,
}

/// Flags for the pace of any source.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Pace")]
struct MorePaceFlags {
    /// Calls that may start at once after a pause [default: 1]; runs that share a quota start theirs one by one
    #[arg(long, value_name = "N", conflicts_with = "quota_file")]
    burst: Option<String>,
    /// Most calls for one message, the first included [default: 5]
    #[arg(long, value_name = "N")]
    max_attempts: Option<String>,
    /// Share the rate with all runs on this machine that name the same file; it is created if missing
    ///
    /// Three runs at once with --rate 8/s --quota-file ~/.cache/ons-quota make 8 calls/s, all three together.
    #[arg(long, value_name = "FILE")]
    quota_file: Option<PathBuf>,
    /// Share the rate with all runs, on any machine, that name the same key of a Redis server: redis://[USER@]HOST[:PORT]/KEY
    ///
    /// rediss:// uses TLS and trusts --ca-cert, too; ?db=N names another database. The password comes from
    /// ONS_AUDIT_REDIS_PASSWORD. If the server cannot be reached, no call is made, and the run ends with 3; --resume continues
    /// it.
    ///
    /// Example, on every machine: --rate 8/s --shared-quota redis://redis.example/ons-quota
    #[arg(long, value_name = "URL", conflicts_with_all = ["quota_file", "burst"])]
    shared_quota: Option<String>,
}

/// Where runs share a quota.
#[derive(Debug, Clone)]
enum QuotaPlace {
    File(PathBuf),
    #[cfg(feature = "redis")]
    Redis(Box<RedisServer>),
}

impl QuotaPlace {
    /// Returns the place that the settings name.
    fn of(settings: &Settings, env: &Env) -> Result<Option<Self>, Failed> {
        let file = settings.optional::<PathBuf>("quota_file")?;
        let url = settings.optional::<QuotaUrl>("shared_quota")?;
        match (file, url) {
            (Some(_), Some(_)) => {
                let (_, file) = settings.text("quota_file");
                let (_, url) = settings.text("shared_quota");
                let error = anyhow!(
                    "quota_file (from {file}) and shared_quota (from {url}) exclude each other"
                );
                let hint = "--quota-file is for the runs on one machine, --shared-quota for those on several: leave one of them empty";
                Err(Failed::refused(error, hint.to_owned()))
            }
            (None, Some(url)) => Self::redis(url, settings, env).map(Some),
            (file, None) => Ok(file.map(Self::File)),
        }
    }

    #[cfg(feature = "redis")]
    fn redis(url: QuotaUrl, settings: &Settings, env: &Env) -> Result<Self, Failed> {
        let password = env.variable("ONS_AUDIT_REDIS_PASSWORD");
        if url.user.is_some() && password.is_none() {
            // It may be a password, so it is not shown.
            let error =
                anyhow!("--shared-quota names a user, and ONS_AUDIT_REDIS_PASSWORD is not set");
            let hint = "set the password of the user there; if the part before @ is the password, remove it from the address";
            return Err(Failed::refused(error, hint.to_owned()));
        }
        let authorities = url.is_tls.then(|| ca_cert(settings)).transpose()?;
        let tls = authorities.map(|pem| RemotingTls::new(pem.as_deref()));
        Ok(Self::Redis(Box::new(RedisServer {
            tls: tls.transpose()?,
            password: password.map(Into::into),
            url,
        })))
    }

    #[cfg(not(feature = "redis"))]
    fn redis(_: QuotaUrl, _: &Settings, _: &Env) -> Result<Self, Failed> {
        let error = anyhow!(
            "--shared-quota can't be used: this program was built without its feature `redis`"
        );
        let hint = "build it with `cargo install --features redis`, or share a --quota-file on one machine";
        Err(Failed::refused(error, hint.to_owned()))
    }

    /// Returns the place for calls that have a quota of their own.
    fn with_ending(&self, ending: &str) -> Self {
        match self {
            Self::File(path) => Self::File(path.with_added_extension(ending)),
            #[cfg(feature = "redis")]
            Self::Redis(server) => Self::Redis(Box::new(RedisServer {
                url: server.url.with_ending(ending),
                ..(**server).clone()
            })),
        }
    }

    /// Returns what kind of place it is, and its path or address.
    fn named(&self) -> (&'static str, PathBuf) {
        match self {
            Self::File(path) => ("quota file", path.clone()),
            #[cfg(feature = "redis")]
            Self::Redis(server) => ("shared quota", server.url.to_string().into()),
        }
    }

    /// Opens the file, or connects to the server.
    #[cfg_attr(
        not(feature = "redis"),
        expect(unused_variables, reason = "a file has no rate of its own")
    )]
    fn open(&self, rate: Rate, env: &Env) -> Result<SharedQuota, Failed> {
        match self {
            Self::File(path) => Ok(QuotaFile::open(path)?.into()),
            #[cfg(feature = "redis")]
            Self::Redis(server) => {
                let connecting = RedisQuota::connect((**server).clone(), rate);
                Ok(env.runtime()?.block_on(connecting)?.into())
            }
        }
    }
}

/// The pace that the flags give.
#[derive(Debug, Clone)]
pub(in crate::command) struct Pace {
    pub(in crate::command) rate: Rate,
    burst: NonZeroU32,
    shared: Option<QuotaPlace>,
    pub(in crate::command) policy: Policy,
}

impl PaceFlags {
    pub(in crate::command) fn apply_to(&self, settings: &mut Settings) {
        settings.flag("rate", self.rate.as_ref());
        settings.flag("concurrency", self.concurrency.as_ref());
        self.more.apply_to(settings);
    }
}

impl ClusterPaceFlags {
    pub(in crate::command) fn apply_to(&self, settings: &mut Settings) {
        settings.flag("rate", self.rate.as_ref());
        settings.flag("concurrency", self.concurrency.as_ref());
        self.more.apply_to(settings);
    }
}

impl MorePaceFlags {
    fn apply_to(&self, settings: &mut Settings) {
        settings.flag("burst", self.burst.as_ref());
        settings.flag("max_attempts", self.max_attempts.as_ref());
        let quota_file = self.quota_file.as_ref().map(|path| path.display());
        settings.flag("quota_file", quota_file);
        settings.flag("shared_quota", self.shared_quota.as_ref());
    }
}

/// The kind of a source, which decides its default pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::command) enum SourceKind {
    /// The API of 4.x, which has a quota.
    Api,
    /// The API of 5.x, whose quota is unknown.
    Rmq,
    /// A cluster, which also serves its consumers.
    Cluster,
    /// A snapshot, which has no limit.
    Snapshot,
}

/// Returns the rate limit of a source.
pub(in crate::command) fn rate_of(settings: &Settings, kind: SourceKind) -> Result<Rate, Failed> {
    let fitting = match kind {
        SourceKind::Api => Rate::per_second(API_RATE),
        SourceKind::Rmq => Rate::per_second(RMQ_RATE),
        SourceKind::Cluster => Rate::per_second(CLUSTER_RATE),
        SourceKind::Snapshot => Rate::Max,
    };
    Ok(settings.get::<Auto<Rate>>("rate")?.or(fitting))
}

/// Returns so many calls a minute. If the rate of the run is below the default, to leave more of the quotas to others,
/// there are fewer in the same proportion.
fn in_proportion(rate: Rate, a_minute: NonZeroU32) -> Rate {
    let (Some(interval), Some(default)) = (rate.interval(), Rate::per_second(API_RATE).interval())
    else {
        return Rate::Max;
    };
    let calls = u128::from(a_minute.get()) * default.as_nanos() / interval.as_nanos().max(1);
    let calls = u32::try_from(calls).ok().and_then(NonZeroU32::new);
    Rate::Limited {
        calls: calls.unwrap_or(NonZeroU32::MIN).min(a_minute),
        per: Duration::from_mins(1),
    }
}

/// Open files that an audit needs besides connections: input, results file, reports and those of the runtime.
const FILES_WITHOUT_CONNECTIONS: u64 = 40;

/// Returns how many calls may be in flight with this limit of open files, if each has a connection of its own.
fn concurrency_within(concurrency: usize, open_files: Option<u64>) -> usize {
    let room = open_files.map(|files| files.saturating_sub(FILES_WITHOUT_CONNECTIONS).max(1));
    room.and_then(|room| usize::try_from(room).ok())
        .map_or(concurrency, |room| concurrency.min(room))
}

impl Pace {
    /// Raises the limit of open files. If it does not allow a connection for each call in flight, lowers the
    /// concurrency and says so. All calls to a broker of a cluster share one connection.
    pub(in crate::command) fn fit_open_files(&mut self, kind: SourceKind) {
        let open_files = raise_open_files();
        let wanted = self.policy.concurrency;
        let allowed = concurrency_within(wanted, open_files);
        if matches!(kind, SourceKind::Api | SourceKind::Rmq) && allowed < wanted {
            self.policy.concurrency = allowed;
            let limit = open_files.unwrap_or_default();
            tracing::warn!(
                "concurrency {allowed} instead of {wanted}: only {limit} files may be open at once; raise the limit, for \
                 example with `ulimit -n 1024`"
            );
        }
    }

    pub(in crate::command) fn of(
        settings: &Settings,
        kind: SourceKind,
        env: &Env,
    ) -> Result<Self, Failed> {
        let rate = rate_of(settings, kind)?;
        let fitting = match (kind, rate) {
            (SourceKind::Snapshot, _) => 1,
            (SourceKind::Cluster, _) => CLUSTER_CONCURRENCY,
            (SourceKind::Api | SourceKind::Rmq, Rate::Max) => API_CONCURRENCY_AT_MAX,
            (SourceKind::Api | SourceKind::Rmq, Rate::Limited { .. }) => API_CONCURRENCY,
        };
        let concurrency = settings.get::<Auto<NonZeroUsize>>("concurrency")?;
        let policy = Policy {
            concurrency: concurrency
                .or(NonZeroUsize::new(fitting).unwrap_or(NonZeroUsize::MIN))
                .get(),
            max_attempts: settings.get::<NonZeroU32>("max_attempts")?.get(),
            backoff: Backoff::default(),
            clock: env.clock,
        };
        let shared = QuotaPlace::of(settings, env)?;
        if shared.is_some() && rate == Rate::Max && kind != SourceKind::Snapshot {
            let error = anyhow!("--rate max has no limit that runs could share");
            let hint = "give all runs that share a quota the same --rate, for example 8/s";
            return Err(Failed::refused(error, Some(hint.to_owned())));
        }
        Ok(Self {
            rate,
            burst: settings.get("burst")?,
            // Without a limit there is nothing to share.
            shared: shared.filter(|_| rate != Rate::Max),
            policy,
        })
    }

    /// Returns the rate of calls for dead letters, which have a quota of their own.
    pub(in crate::command) fn dead_letter_rate(&self) -> Rate {
        in_proportion(self.rate, DEAD_LETTER_CALLS)
    }

    /// Returns the rate at which messages are traced, which has a quota of its own.
    pub(in crate::command) fn trace_rate(&self) -> Rate {
        in_proportion(self.rate, TRACES)
    }

    /// Refuses a quota file that cannot be used, and creates none. A Redis server is not asked yet.
    pub(in crate::command) fn check_quota_file(&self) -> Result<(), Failed> {
        if let Some(QuotaPlace::File(path)) = &self.shared {
            QuotaFile::check(path)?;
        }
        Ok(())
    }

    /// Returns the places where the quota of this run is shared, with what kind of place each is: that of the run, and
    /// those of calls that have a quota of their own, `FILE.dead-letters` or `KEY.traces`.
    pub(in crate::command) fn shared_places<'p>(
        &'p self,
        own_quotas: impl IntoIterator<Item = &'p str> + 'p,
    ) -> impl Iterator<Item = (&'static str, PathBuf)> + 'p {
        let of_run = self.shared.as_ref().map(QuotaPlace::named);
        let own = own_quotas.into_iter().filter_map(|quota| {
            let place = self.shared.as_ref()?;
            Some(place.with_ending(quota).named())
        });
        of_run.into_iter().chain(own)
    }

    /// Returns the pace of the run. Opens the shared quota, if there is one.
    pub(in crate::command) fn pacer(&self, env: &Env) -> Result<Pacer, Failed> {
        sharing(self.rate, self.burst, self.shared.as_ref(), env)
    }

    /// Returns the pace of calls for dead letters. Opens their shared quota, if there is one.
    pub(in crate::command) fn dead_letter_pacer(&self, env: &Env) -> Result<Pacer, Failed> {
        self.own_pacer(self.dead_letter_rate(), DEAD_LETTERS, env)
    }

    /// Returns the pace of traces. Opens their shared quota, if there is one.
    pub(in crate::command) fn trace_pacer(&self, env: &Env) -> Result<Pacer, Failed> {
        self.own_pacer(self.trace_rate(), TRACES_OF_MESSAGES, env)
    }

    fn own_pacer(&self, rate: Rate, quota: &str, env: &Env) -> Result<Pacer, Failed> {
        let place = self.shared.as_ref().map(|place| place.with_ending(quota));
        sharing(rate, NonZeroU32::MIN, place.as_ref(), env)
    }
}

/// The endings of shared quotas for calls that have a quota of their own.
pub(in crate::command) const DEAD_LETTERS: &str = "dead-letters";
pub(in crate::command) const TRACES_OF_MESSAGES: &str = "traces";

fn sharing(
    rate: Rate,
    burst: NonZeroU32,
    place: Option<&QuotaPlace>,
    env: &Env,
) -> Result<Pacer, Failed> {
    let pacer = Pacer::new(rate, burst);
    Ok(match place {
        Some(place) => pacer.sharing(place.open(rate, env)?),
        None => pacer,
    })
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Time")]
pub(in crate::command) struct DeadlineFlags {
    /// Start no call after this time: 06:00 (the next one on this machine's clock) or 2026-11-23T06:00+08:00
    ///
    /// The oldest messages are asked first, because they expire first. The same command with --resume asks the rest.
    ///
    /// Example, every night until everything is answered: ons-audit audit incident.csv --source ons://cn-hangzhou -o
    /// report.csv --finish-by 06:00 --resume
    #[arg(long, value_name = "TIME", conflicts_with = "max_time")]
    finish_by: Option<String>,
    /// Start no call after this much time: 2h, 90m; the oldest messages are asked first
    #[arg(long, value_name = "DURATION")]
    max_time: Option<String>,
    /// Column that says when a message was born, where its ID does not; the oldest messages are asked first
    ///
    /// RFC 3339, `2026-11-22 03:00:00` on the producers' clock, or seconds or milliseconds since 1970. It must be one of
    /// the columns that --keep keeps.
    #[arg(long, value_name = "COLUMN")]
    born_column: Option<String>,
}

impl DeadlineFlags {
    pub(in crate::command) fn apply_to(&self, settings: &mut Settings) {
        settings.flag("finish_by", self.finish_by.as_ref());
        settings.flag("max_time", self.max_time.as_ref());
        settings.flag("born_column", self.born_column.as_ref());
    }
}

/// Returns the time zone of this machine's clock: UTC if neither `TZ` nor the system names one.
///
/// # Errors
///
/// If `TZ` names no zone. UTC in its place could end a run hours too early or too late.
fn machine_zone() -> Result<TimeZone, Failed> {
    let named = std::env::var("TZ").unwrap_or_default();
    if named.is_empty() {
        return Ok(TimeZone::system());
    }
    TimeZone::try_system().map_err(|_| {
        let error =
            anyhow!("--finish-by is a time of day, and TZ is `{named}`, which is no time zone");
        let hint = "set TZ, for example TZ=Asia/Shanghai, or give the zone: --finish-by 2026-11-23T06:00+08:00";
        Failed::refused(error, hint.to_owned())
    })
}

/// Returns the earlier one of the deadlines that are set.
pub(in crate::command) fn deadline(
    settings: &Settings,
    now: Timestamp,
) -> Result<Option<Deadline>, Failed> {
    let given_by = |flag, key| format!("{flag} {}", settings.text(key).0);
    let mut deadline: Option<Deadline> = None;
    if let Some(finish_by) = settings.optional::<FinishBy>("finish_by")? {
        let zone = match finish_by {
            FinishBy::TimeOfDay(_) => machine_zone()?,
            FinishBy::Moment(_) => TimeZone::UTC,
        };
        deadline = finish_by.moment(now, &zone).map(|at| {
            let (text, _) = settings.text("finish_by");
            let moment = at.to_zoned(zone).strftime("%F %H:%M:%S %:z");
            tracing::info!("--finish-by {text} is {moment}");
            Deadline {
                at,
                given_by: given_by("--finish-by", "finish_by"),
            }
        });
    }
    if let Some(Span(most)) = settings.optional::<Span>("max_time")? {
        let most = SignedDuration::try_from(most).unwrap_or(SignedDuration::MAX);
        let at = now.checked_add(most).unwrap_or(Timestamp::MAX);
        if deadline.as_ref().is_none_or(|other| at < other.at) {
            deadline = Some(Deadline {
                at,
                given_by: given_by("--max-time", "max_time"),
            });
        }
    }
    match deadline {
        Some(over) if over.at <= now => Err(Failed::refused(
            anyhow!(
                "{} is over: it was {}",
                over.given_by,
                crate::clock::rfc3339(over.at)
            ),
            Some("--finish-by 06:00 means the next time that clocks show it".to_owned()),
        )),
        settled => Ok(settled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_quotas_are_used_in_the_proportion_of_the_rate() {
        for (rate, dead_letters, traces) in [
            ("8/s", "480/m", "24/m"),
            ("20/s", "480/m", "24/m"),
            ("5/s", "300/m", "15/m"),
            ("30/m", "30/m", "1/m"),
            ("1/h", "1/m", "1/m"),
            ("max", "max", "max"),
        ] {
            let rates = [DEAD_LETTER_CALLS, TRACES]
                .map(|most| in_proportion(rate.parse().unwrap(), most).to_string());
            assert_eq!(rates, [dead_letters, traces], "{rate}");
        }
    }
}
