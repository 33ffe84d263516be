//! The script that changes the state on the server, its arguments and its reply.

use std::time::Duration;

use data_encoding::HEXLOWER;
use sha1::{Digest as _, Sha1};

use super::Changed;
use super::error::Problem;
use crate::engine::Rate;
use crate::engine::adaptive_rate::{AdaptiveRate, Slowdown, Slowed, lua_constants};
use crate::engine::quota_state::{LONGEST_HOLD, QuotaChange, QuotaOutcome, QuotaState};

/// The schema that the key names.
const SCHEMA: &str = "ons-audit-quota/1";

/// A key is kept for so long after the last time that matters.
const KEPT: Duration = Duration::from_hours(1);

/// The clock of the server, in microseconds since 1970.
const CLOCK: &str = "local time = redis.call('TIME')\nlocal clock = time[1] * 1000000 + time[2]\n";

/// The script, and the hash by which the server keeps it.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) text: String,
    pub(super) hash: String,
}

impl Script {
    pub(super) fn new() -> Self {
        Self::with_clock(CLOCK)
    }

    /// Makes a script that reads the time as these lines of Lua do.
    pub(super) fn with_clock(clock: &str) -> Self {
        let kept = KEPT.as_secs();
        let text = format!(
            "local SCHEMA, KEPT_SECONDS = '{SCHEMA}', {kept}\n{}{clock}{}",
            lua_constants(),
            include_str!("quota.lua")
        );
        Self {
            hash: HEXLOWER.encode(&Sha1::digest(text.as_bytes())),
            text,
        }
    }
}

/// Returns the arguments of a change; without one the rate is checked.
pub(super) fn arguments(rate: Rate, change: Option<QuotaChange>) -> [String; 5] {
    let (name, call, wait) = match change {
        None => ("check", 0, Duration::ZERO),
        Some(QuotaChange::Reserve) => ("reserve", 0, Duration::ZERO),
        Some(QuotaChange::Take) => ("take", 0, Duration::ZERO),
        Some(QuotaChange::Answered(call)) => ("answered", call, Duration::ZERO),
        Some(QuotaChange::Throttled { call, hold }) => ("throttled", call, hold.min(LONGEST_HOLD)),
        Some(QuotaChange::Pause(pause)) => ("pause", 0, pause),
    };
    let interval = rate.interval().unwrap_or_default();
    [
        rate.to_string(),
        (interval.as_secs_f64() * 1e6).to_string(),
        name.to_owned(),
        call.to_string(),
        wait.as_micros().to_string(),
    ]
}

/// A reply of the script.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    Changed(Changed),
    /// The rate under the key is another one.
    OtherRate(String),
    /// The key holds something else.
    Foreign,
}

impl Reply {
    pub(super) fn parse(words: &[String]) -> Result<Self, Problem> {
        let reply = match words {
            [word, rate] if word == "rate" => Some(Self::OtherRate(rate.clone())),
            [word] if word == "foreign" => Some(Self::Foreign),
            [word, rest @ ..] if word == "ok" => changed(rest).map(Self::Changed),
            _ => None,
        };
        reply.ok_or_else(|| Problem::Garbled(words.join(" ")))
    }
}

fn changed(words: &[String]) -> Option<Changed> {
    let [result, value, now, hold, free, last, begun, lowered @ ..] = words else {
        return None;
    };
    let outcome = match &**result {
        "begun" => QuotaOutcome::Begun(value.parse().ok()?),
        "at" => QuotaOutcome::At(micros(value)?),
        "lowered" => QuotaOutcome::Lowered(value == "1"),
        _ => return None,
    };
    Some(Changed {
        outcome,
        now: micros(now)?,
        state: QuotaState {
            hold: micros(hold)?,
            free: micros(free)?,
            last: Some(micros(last)?),
            begun: begun.parse().ok()?,
            adaptive_rate: adaptive_rate(lowered)?,
        },
    })
}

/// Parses the lowered rate; without words the rate is full.
fn adaptive_rate(words: &[String]) -> Option<AdaptiveRate> {
    let [
        calls,
        since,
        from,
        knee,
        full,
        answers,
        top,
        top_answers,
        top_throttled,
    ] = words
    else {
        return words.is_empty().then(AdaptiveRate::default);
    };
    let slowed = Slowed {
        calls: calls.parse().ok()?,
        since: micros(since)?,
        from: from.parse().ok()?,
        knee: knee.parse().ok()?,
        full: full.parse().ok()?,
        answers: answers.parse().ok()?,
        slowdown: Slowdown {
            top: top.parse().ok()?,
            answers: top_answers.parse().ok()?,
            throttled: top_throttled.parse().ok()?,
        },
    };
    Some(AdaptiveRate {
        slowed: Some(slowed),
    })
}

fn micros(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_micros)
}
