//! Where settings come from besides the flags.

use std::path::PathBuf;

use crate::command::World;
use crate::exit::{Failed, Status, print};
use crate::settings::Layers;

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
    pub(in crate::command) fn layers(&self, world: &World) -> Result<Layers, Failed> {
        Ok(Layers::new(
            world.environment.iter().cloned(),
            self.config.as_deref(),
        )?)
    }

    /// Shows the settings, if that is all that was asked for.
    pub(in crate::command) fn show(&self, layers: &Layers) -> Option<Result<Status, Failed>> {
        self.show_settings
            .then(|| print(&layers.show()).map(|()| Status::Clean))
    }
}
