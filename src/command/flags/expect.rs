//! Who should have consumed.

use std::path::PathBuf;

use crate::exit::Failed;
use crate::settings::{Accept, Layers};
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
    /// The same from a CSV file with the columns topic,group
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

    pub(in crate::command) fn settle(&self, layers: &Layers) -> Result<Expectations, Failed> {
        let mut expectations = Expectations::default();
        for value in &self.expect {
            expectations.add(value)?;
        }
        if let Some(path) = layers.optional::<PathBuf>("expect_file")? {
            expectations.add_file(&path)?;
        }
        expectations.accept_filtered = layers.optional::<Accept>("accept")?.is_some();
        Ok(expectations)
    }
}
