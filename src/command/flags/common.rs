//! Flags of almost every command: the settings file, and what is shown on stderr.

use std::io::IsTerminal;
use std::path::PathBuf;

use crate::command::Env;
use crate::exit::{self, Failed, Status, print};
use crate::settings::{LogFormat, Settings};
use crate::ui::{LogStyle, ProgressMode, Screen, start_log};

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

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Messages")]
pub(in crate::command) struct StderrFlags {
    /// Only warnings and errors on stderr
    #[arg(short, long)]
    quiet: bool,
    /// No progress; the summary stays
    #[arg(long)]
    no_progress: bool,
    /// Log lines as text or as json (one object per line) [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

/// What is shown on stderr: the log, the progress and the summary.
#[derive(Debug, Clone)]
pub(in crate::command) struct StderrOptions {
    pub(in crate::command) mode: ProgressMode,
    pub(in crate::command) screen: Screen,
    pub(in crate::command) quiet: bool,
}

impl StderrFlags {
    pub(in crate::command) fn apply_to(&self, settings: &mut Settings) {
        settings.flag("log_format", self.log_format.as_ref());
    }

    /// Starts the log and decides how progress is shown.
    pub(in crate::command) fn start(
        &self,
        settings: &Settings,
        env: &Env,
    ) -> Result<StderrOptions, Failed> {
        let format: LogFormat = settings.get("log_format")?;
        exit::set_json(format == LogFormat::Json);
        let screen = Screen::default();
        let terminal = std::io::stderr().is_terminal();
        let style = LogStyle {
            format,
            quiet: self.quiet,
            colours: env.is_coloured(terminal),
        };
        start_log(style, &screen);
        let wanted = !self.quiet && !self.no_progress;
        let mode = ProgressMode::resolve(wanted, terminal, format == LogFormat::Json);
        Ok(StderrOptions {
            mode,
            screen,
            quiet: self.quiet,
        })
    }
}
