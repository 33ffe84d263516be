//! Flags for the expected groups.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use crate::exit::Failed;
use crate::message::Zone;
use crate::results::Header;
use crate::settings::{Accept, Settings};
use crate::verdict::Expectations;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Expectations")]
pub(in crate::command) struct ExpectFlags {
    /// Groups that should have consumed every message, or those of one topic; can be repeated
    ///
    /// Only with an expectation is a group that was never started reported (absent). Without one, the groups in an
    /// answer are the expected ones, and filtered is accepted.
    ///
    /// Examples:
    ///
    /// ons-audit report day.results.ndjson --expect GID_billing,GID_shipping
    ///
    /// ons-audit report day.results.ndjson --expect orders=GID_billing --expect payments=GID_ledger
    #[arg(long, value_name = "[TOPIC=]GROUP,…")]
    expect: Vec<String>,
    /// Expected groups from a CSV file with the columns topic,group and optionally tags, valid_from, valid_to
    ///
    /// tags: the group is expected to consume messages with one of these tags (paid || created). valid_from, valid_to:
    /// messages born in that time (2026-11-20T14:00:00+08:00, or 2026-11-20: whole days in the producers' zone). A
    /// message whose tag or born time is unknown counts as expected, so that nothing missed is hidden.
    #[arg(long, value_name = "FILE")]
    expect_file: Option<PathBuf>,
    /// Do not count as breaks: filtered (by an expected group's subscription), dead_lettered, or both
    ///
    /// Example: --accept filtered,dead_lettered
    #[arg(long, value_name = "filtered,…")]
    accept: Option<String>,
}

impl ExpectFlags {
    pub(in crate::command) fn apply_to(&self, settings: &mut Settings) {
        settings.flag(
            "expect_file",
            self.expect_file.as_ref().map(|path| path.display()),
        );
        settings.flag("accept", self.accept.as_ref());
    }

    /// Reads the expectations. `zone` is the producers' time zone, in which days are read.
    pub(in crate::command) fn settle(
        &self,
        settings: &Settings,
        zone: &TimeZone,
    ) -> Result<Expectations, Failed> {
        let mut expectations = Expectations::default();
        for value in &self.expect {
            expectations.add(value)?;
        }
        if let Some(path) = settings.optional::<PathBuf>("expect_file")? {
            expectations.add_file(&path, zone)?;
        }
        let accept: Accept = settings.optional("accept")?.unwrap_or_default();
        expectations.accept_filtered = accept.filtered;
        expectations.accept_dead_lettered = accept.dead_lettered;
        Ok(expectations)
    }
}

/// Returns the expectations that reports judge by: those of the flags, or those of the run, with what the flags accept
/// besides.
pub(in crate::command) fn or_recorded(
    given: &Expectations,
    recorded: Expectations,
) -> Expectations {
    if !given.is_empty() {
        return given.clone();
    }
    let mut expectations = recorded;
    expectations.accept_filtered |= given.accept_filtered;
    expectations.accept_dead_lettered |= given.accept_dead_lettered;
    expectations
}

/// Returns the producers' time zone of a results file.
pub(in crate::command) fn zone_of(header: &Header) -> TimeZone {
    let zone = header.producer_zone.parse::<Zone>();
    zone.map_or(TimeZone::UTC, |zone| zone.zone)
}
