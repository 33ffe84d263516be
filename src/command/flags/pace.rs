//! How fast, and how often.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use crate::clock::Clock;
use crate::engine::{Backoff, Pacer, Policy, QuotaFile, Rate};
use crate::exit::Failed;
use crate::settings::{Auto, Layers};

/// Headroom under the quota of 10/s, which the account shares with the console and all else (`facts/ons-api.md`, trap 22).
const API_RATE: NonZeroU32 = NonZeroU32::new(8).expect("eight is not zero");

/// Rate × latency: enough for answers of two seconds at the default rate.
const API_CONCURRENCY: usize = 16;

/// Where nothing limits the rate, connections do (`facts/perf.md`).
const API_CONCURRENCY_AT_MAX: usize = 64;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Pace")]
pub(in crate::command) struct PaceFlags {
    /// Calls per time, retries included: 10/s, 600/m, max [default: 8/s for the API, max for a snapshot]
    ///
    /// The quota of OnsMessageTrace is 10/s per account and region, shared with the console and every other tool.
    ///
    /// Example: --rate 5/s --concurrency 8 leaves half of the quota to others
    #[arg(long, value_name = "RATE")]
    rate: Option<String>,
    /// Calls that may begin at once after a pause [default: 1]
    #[arg(long, value_name = "N")]
    burst: Option<String>,
    /// Calls in flight at once [default: 16 for the API, 64 of it at --rate max, 1 for a snapshot]
    #[arg(long, value_name = "N")]
    concurrency: Option<String>,
    /// Calls for one message, the first included [default: 5]
    #[arg(long, value_name = "N")]
    max_attempts: Option<String>,
    /// Share the rate with every run on this machine that names the same file; made if it is not there
    ///
    /// Example: --rate 8/s --quota-file ~/.cache/ons-quota in three runs at once: 8/s for all three together
    #[arg(long, value_name = "FILE")]
    quota_file: Option<PathBuf>,
}

/// What the flags come to.
#[derive(Debug, Clone)]
pub(in crate::command) struct Pace {
    pub(in crate::command) rate: Rate,
    burst: NonZeroU32,
    quota_file: Option<PathBuf>,
    pub(in crate::command) policy: Policy,
}

impl PaceFlags {
    pub(in crate::command) fn lay(&self, layers: &mut Layers) {
        layers.flag("rate", self.rate.as_ref());
        layers.flag("burst", self.burst.as_ref());
        layers.flag("concurrency", self.concurrency.as_ref());
        layers.flag("max_attempts", self.max_attempts.as_ref());
        let quota_file = self.quota_file.as_ref().map(|path| path.display());
        layers.flag("quota_file", quota_file);
    }
}

/// How fast a source may be asked. `repeatable`: a snapshot, which has no quota.
pub(in crate::command) fn rate_of(layers: &Layers, repeatable: bool) -> Result<Rate, Failed> {
    let fitting = if repeatable {
        Rate::Max
    } else {
        Rate::per_second(API_RATE)
    };
    Ok(layers.get::<Auto<Rate>>("rate")?.or(fitting))
}

impl Pace {
    /// `repeatable`: a snapshot, which has no quota.
    pub(in crate::command) fn of(
        layers: &Layers,
        repeatable: bool,
        clock: Clock,
    ) -> Result<Self, Failed> {
        let rate = rate_of(layers, repeatable)?;
        let fitting = match rate {
            _ if repeatable => 1,
            Rate::Max => API_CONCURRENCY_AT_MAX,
            Rate::Limited { .. } => API_CONCURRENCY,
        };
        let concurrency = layers.get::<Auto<NonZeroUsize>>("concurrency")?;
        let policy = Policy {
            concurrency: concurrency
                .or(NonZeroUsize::new(fitting).unwrap_or(NonZeroUsize::MIN))
                .get(),
            max_attempts: layers.get::<NonZeroU32>("max_attempts")?.get(),
            backoff: Backoff::default(),
            clock,
        };
        let quota_file = layers.optional::<PathBuf>("quota_file")?;
        if quota_file.is_some() && rate == Rate::Max && !repeatable {
            let error = anyhow::anyhow!("--rate max has no limit that runs could share");
            let hint = "give all runs that share a quota file the same --rate, for example 8/s";
            return Err(Failed::refused(error, Some(hint.to_owned())));
        }
        Ok(Self {
            rate,
            burst: layers.get("burst")?,
            // Without a limit there is nothing to share.
            quota_file: quota_file.filter(|_| rate != Rate::Max),
            policy,
        })
    }

    /// Opens the quota file, if there is one.
    pub(in crate::command) fn pacer(&self) -> Result<Pacer, Failed> {
        let pacer = Pacer::new(self.rate, self.burst);
        Ok(match &self.quota_file {
            Some(path) => pacer.sharing(QuotaFile::open(path)?),
            None => pacer,
        })
    }
}
