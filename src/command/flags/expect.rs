//! Who should have consumed.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use crate::exit::Failed;
use crate::record::Header;
use crate::settings::{Accept, Layers, Zone};
use crate::verdict::Expectations;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Expectations")]
pub(in crate::command) struct ExpectFlags {
    /// Groups that should have consumed each message, or those of one topic; may be given several times
    ///
    /// Only with an expectation is a group that was never started a finding (absent). Without one, the groups that
    /// an answer names are the expected ones, and filtered is accepted.
    ///
    /// Examples: --expect GID_billing,GID_shipping; --expect orders=GID_billing --expect payments=GID_ledger
    #[arg(long, value_name = "[TOPIC=]GROUP,…")]
    expect: Vec<String>,
    /// The same from a CSV file with the columns topic,group and, if need be, tags, valid_from, valid_to
    ///
    /// tags: the group is expected of messages with one of them (paid || created). valid_from, valid_to: of messages born
    /// in that time (2026-11-20T14:00:00+08:00, or 2026-11-20: whole days of the producers). A message whose tag or born
    /// time is not known counts as expected, so that nothing missed is hidden.
    #[arg(long, value_name = "FILE")]
    expect_file: Option<PathBuf>,
    /// An expected group whose subscription filters a message out is no break
    #[arg(long, value_name = "filtered")]
    accept: Option<String>,
}

impl ExpectFlags {
    pub(in crate::command) fn lay(&self, layers: &mut Layers) {
        layers.flag(
            "expect_file",
            self.expect_file.as_ref().map(|path| path.display()),
        );
        layers.flag("accept", self.accept.as_ref());
    }

    /// `zone` is the producers', for days.
    pub(in crate::command) fn settle(
        &self,
        layers: &Layers,
        zone: &TimeZone,
    ) -> Result<Expectations, Failed> {
        let mut expectations = Expectations::default();
        for value in &self.expect {
            expectations.add(value)?;
        }
        if let Some(path) = layers.optional::<PathBuf>("expect_file")? {
            expectations.add_file(&path, zone)?;
        }
        expectations.accept_filtered = layers.optional::<Accept>("accept")?.is_some();
        Ok(expectations)
    }
}

/// The zone of the producers in a record.
pub(in crate::command) fn zone_of(header: &Header) -> TimeZone {
    let zone = header.producer_zone.parse::<Zone>();
    zone.map_or(TimeZone::UTC, |zone| zone.zone)
}
