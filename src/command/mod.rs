//! The command line. Each command has one file with its flags and its steps.
//!
//! Flags that several commands share are in `flags`. They take precedence over the environment and the settings file
//! ([`Settings`](crate::settings::Settings)) and become plain values here. No other module knows clap.

#![expect(
    clippy::doc_markdown,
    reason = "the comments of flags are their help, read on a terminal"
)]

mod audit;
mod completions;
mod diff;
mod ending;
mod evidence;
mod expect;
mod flags;
mod help;
mod inspect;
mod man;
mod outcome;
mod plan;
mod rendering;
mod report;
mod serve;
mod signals;
mod snapshot;
mod snapshot_examination;
mod unwritten;
mod verify;

use std::cell::OnceCell;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use clap::{CommandFactory, FromArgMatches as _, Parser, Subcommand};
use tokio::runtime::Runtime;

use crate::clock::{self, Clock};
use crate::exit::{self, Failed, Status};
use crate::ui;

/// Which consumer groups consumed which messages?
///
/// Reads message IDs and topics, asks ApsaraMQ for RocketMQ (4.x: OnsMessageTrace, 5.x: GetTrace), an Apache RocketMQ
/// cluster or a snapshot of one about each, within the quota and never twice, and writes a reconciliation report.
#[derive(Debug, Parser)]
#[command(
    name = "ons-audit",
    version,
    max_term_width = 110,
    disable_help_subcommand = true
)]
#[command(
    after_help = "Exit status: 0 all reconciled, 1 something to look at, 2 refused before asking, 3 incomplete.
\nFirst steps:
  ons-audit plan  incident.csv --source ons://cn-hangzhou                what it would ask
  ons-audit audit incident.csv --source ons://cn-hangzhou -o report.csv  ask, judge, report
  ons-audit COMMAND --help                                               all flags, with examples"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

impl Cli {
    /// Returns all commands with their help.
    fn program() -> clap::Command {
        help::complete(Self::command())
    }

    fn parsed(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut program = Self::program();
        let matches = program.try_get_matches_from_mut(args)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut program))
    }

    /// Turns `help COMMAND` into `COMMAND --help`.
    fn or_help(self) -> Result<Self, clap::Error> {
        match self.command {
            Command::Help { command } => {
                let program = std::iter::once("ons-audit".to_owned());
                let args = program.chain(command).chain(["--help".to_owned()]);
                Self::parsed(args.map(OsString::from))
            }
            _ => Ok(self),
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask, judge, report: the main job
    Audit(Box<audit::Args>),
    /// Show what audit would ask and write, how long it takes and what expires first; asks nothing
    ///
    /// Takes the arguments of audit and refuses what audit refuses, except that it does not look for credentials and
    /// does not ask the name servers of a cluster. Creates, locks and changes no file; input from a pipe and the sheets of
    /// workbooks are kept in the system's folder for temporary files while it runs. The exit status does not depend on the
    /// forecast.
    Plan(Box<plan::Args>),
    /// Make reports again from results files; several are shards of one run
    Report(report::Args),
    /// Compare two results files: resolved, still open, regressed
    Diff(diff::Args),
    /// Draft the file of expected groups from answers
    Expect(expect::Args),
    /// Answer OnsMessageTrace over HTTP from any source
    Serve(serve::Args),
    /// Freeze a RocketMQ cluster's offsets into a snapshot file
    Snapshot(Box<snapshot::Args>),
    /// Decode message IDs: kind, producer, born time
    Inspect(inspect::Args),
    /// Check a results file, a bundle or the parts of a report
    Verify(verify::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Print the manual page
    Man(man::Args),
    /// The same as COMMAND --help
    #[command(hide = true)]
    Help {
        /// The command
        command: Vec<String>,
    },
}

impl Command {
    /// Returns the files and folders that the command writes and that may be left from an earlier run.
    fn outputs(&self) -> Vec<PathBuf> {
        match self {
            Self::Audit(args) => args.outputs(),
            Self::Report(args) => args.outputs(),
            Self::Diff(args) => args.outputs(),
            Self::Snapshot(args) => args.outputs(),
            _ => Vec::new(),
        }
    }
}

/// The environment of the process: its variables, its clock, and the one tokio runtime of a command.
#[derive(Debug, Clone)]
pub struct Env {
    variables: Vec<(String, String)>,
    clock: Clock,
    runtime: Rc<OnceCell<Runtime>>,
}

impl Env {
    /// Reads the environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let text = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(text).collect(),
            clock: clock::system,
            runtime: Rc::default(),
        }
    }

    /// Returns the value of a variable that is set and not empty.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        self.variables
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.clone())
    }

    /// Returns the value of a variable that is set, which may be empty.
    fn set_variable(&self, name: &str) -> Option<&str> {
        let mut named = self.variables.iter().filter(|(known, _)| known == name);
        named.next().map(|(_, value)| &**value)
    }

    /// Returns the tokio runtime, which is made at the first call. Connections belong to it, so a command has only one.
    fn runtime(&self) -> Result<&Runtime, Failed> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        enough_descriptors().map_err(|error| {
            let error = anyhow::Error::new(error).context("can't start");
            Failed::refused(error, None)
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failed::refused(error, None))?;
        Ok(self.runtime.get_or_init(|| runtime))
    }

    /// Returns whether output is coloured; `terminal` says whether it goes to a terminal.
    fn is_coloured(&self, terminal: bool) -> bool {
        ui::is_coloured(terminal, |name| self.variable(name))
    }
}

/// Checks that the files which a runtime opens can be opened: tokio panics if its pair of sockets for signals cannot.
fn enough_descriptors() -> io::Result<()> {
    const RUNTIME: usize = 6;
    let files = (0..RUNTIME).map(|_| File::open("/dev/null"));
    files.collect::<io::Result<Vec<_>>>().map(drop)
}

/// Parses the arguments of the process, runs the command, and returns the exit status.
#[must_use]
pub fn main(env: &Env) -> ExitCode {
    signals::survive_file_limits();
    exit::set_json(wants_json(std::env::args_os(), env));
    match Cli::parsed(std::env::args_os()).and_then(Cli::or_help) {
        Ok(cli) => {
            let serves = matches!(cli.command, Command::Serve(_));
            let outputs = cli.command.outputs();
            let command = || run(cli.command, env);
            exit::end(ending::ended(&outputs, serves, env.clock, command))
        }
        Err(usage) => {
            let text = usage.render();
            let terminal = if usage.use_stderr() {
                io::stderr().is_terminal()
            } else {
                io::stdout().is_terminal()
            };
            let text = if env.is_coloured(terminal) {
                text.ansi().to_string()
            } else {
                text.to_string()
            };
            exit::usage(&text, usage.use_stderr())
        }
    }
}

/// Returns whether messages are to be JSON, as far as arguments and environment say. Errors in the arguments themselves
/// and in the settings file are printed before the settings are known.
fn wants_json(args: impl Iterator<Item = OsString>, env: &Env) -> bool {
    let args: Vec<_> = args.collect();
    let mut given = args.iter().enumerate().filter_map(|(nth, arg)| {
        let arg = arg.to_str()?.strip_prefix("--log-format")?;
        match arg.strip_prefix('=') {
            Some(value) => Some(value),
            None if arg.is_empty() => args.get(nth + 1)?.to_str(),
            None => None,
        }
    });
    let given = given.next_back().map(str::to_owned);
    given
        .or_else(|| env.variable("ONS_AUDIT_LOG_FORMAT"))
        .as_deref()
        == Some("json")
}

fn run(command: Command, env: &Env) -> Result<Status, Failed> {
    match command {
        Command::Audit(args) => audit::run(*args, env),
        Command::Plan(args) => plan::run(&args, env),
        Command::Report(args) => report::run(args, env),
        Command::Diff(args) => diff::run(args, env),
        Command::Expect(args) => expect::run(args, env),
        Command::Serve(args) => serve::run(&args, env),
        Command::Snapshot(args) => snapshot::run(*args, env),
        Command::Inspect(args) => inspect::run(&args, env),
        Command::Verify(args) => verify::run(&args),
        Command::Completions(args) => completions::run(&args, Cli::program()),
        Command::Man(args) => man::run(&args, Cli::program()),
        Command::Help { .. } => unreachable!("it was turned into COMMAND --help"),
    }
}
