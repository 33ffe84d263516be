//! Flags for the settings file.

use std::path::PathBuf;

use crate::command::Env;
use crate::exit::{Failed, Status, print};
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Settings")]
pub(in crate::command) struct SettingsFlags {
    /// Settings file (TOML). Most flags can be set there or as ONS_AUDIT_… variables; --show-settings lists them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print every setting with its origin, and ask nothing
    #[arg(long)]
    show_settings: bool,
}

impl SettingsFlags {
    pub(in crate::command) fn merged_settings(&self, env: &Env) -> Result<Settings, Failed> {
        Ok(Settings::new(
            env.variables.iter().cloned(),
            self.config.as_deref(),
        )?)
    }

    /// Prints the settings if `--show-settings` is given.
    pub(in crate::command) fn show(&self, settings: &Settings) -> Option<Result<Status, Failed>> {
        self.show_settings
            .then(|| print(&settings.show()).map(|()| Status::Clean))
    }
}
