//! Flags for the rate, the retries and the end of a run.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::engine::{Backoff, Pacer, Policy, QuotaFile, Rate};
use crate::exit::Failed;
use crate::file::raise_open_files;
use crate::settings::{Auto, Deadline, FinishBy, Settings, Span};

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
    /// Calls that may start at once after a pause [default: 1]; runs that share a quota file start theirs one by one
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
}

/// The pace that the flags give.
#[derive(Debug, Clone)]
pub(in crate::command) struct Pace {
    pub(in crate::command) rate: Rate,
    burst: NonZeroU32,
    quota_file: Option<PathBuf>,
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
        clock: Clock,
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
            clock,
        };
        let quota_file = settings.optional::<PathBuf>("quota_file")?;
        if quota_file.is_some() && rate == Rate::Max && kind != SourceKind::Snapshot {
            let error = anyhow::anyhow!("--rate max has no limit that runs could share");
            let hint = "give all runs that share a quota file the same --rate, for example 8/s";
            return Err(Failed::refused(error, Some(hint.to_owned())));
        }
        Ok(Self {
            rate,
            burst: settings.get("burst")?,
            // Without a limit there is nothing to share.
            quota_file: quota_file.filter(|_| rate != Rate::Max),
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

    /// Refuses a quota file that cannot be used, and creates none.
    pub(in crate::command) fn check_quota_file(&self) -> Result<(), Failed> {
        Ok(self
            .quota_file
            .as_deref()
            .map_or(Ok(()), QuotaFile::check)?)
    }

    /// Returns the path of the quota file.
    pub(in crate::command) fn quota_file(&self) -> Option<&Path> {
        self.quota_file.as_deref()
    }

    /// Returns the path of the quota file for calls that have a quota of their own: `FILE.dead-letters`, `FILE.traces`.
    pub(in crate::command) fn own_quota_file(&self, quota: &str) -> Option<PathBuf> {
        let shared = self.quota_file.as_deref();
        shared.map(|path| path.with_added_extension(quota))
    }

    /// Opens the quota file, if there is one.
    pub(in crate::command) fn pacer(&self) -> Result<Pacer, Failed> {
        let pacer = Pacer::new(self.rate, self.burst);
        sharing(pacer, self.quota_file.as_deref())
    }

    /// Returns the pace of calls for dead letters. Opens their quota file, if there is one.
    pub(in crate::command) fn dead_letter_pacer(&self) -> Result<Pacer, Failed> {
        let pacer = Pacer::new(self.dead_letter_rate(), NonZeroU32::MIN);
        sharing(pacer, self.own_quota_file(DEAD_LETTERS).as_deref())
    }

    /// Returns the pace of traces. Opens their quota file, if there is one.
    pub(in crate::command) fn trace_pacer(&self) -> Result<Pacer, Failed> {
        let pacer = Pacer::new(self.trace_rate(), NonZeroU32::MIN);
        sharing(pacer, self.own_quota_file(TRACES_OF_MESSAGES).as_deref())
    }
}

/// The endings of quota files for calls that have a quota of their own.
pub(in crate::command) const DEAD_LETTERS: &str = "dead-letters";
pub(in crate::command) const TRACES_OF_MESSAGES: &str = "traces";

fn sharing(pacer: Pacer, quota_file: Option<&Path>) -> Result<Pacer, Failed> {
    Ok(match quota_file {
        Some(path) => pacer.sharing(QuotaFile::open(path)?),
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
