//! Finds out which consumer groups consumed which messages, with evidence.
//!
//! The documentation is in `docs/`: `docs/README.md` is its index, `docs/architecture.md` explains the code, and
//! `docs/reference/` is what users may rely on.
//!
//! The program is one pipeline, which all commands share:
//!
//! ```text
//! argv · env · file → settings → rows → distinct queries
//!    → [ pace → sign → ask → classify → again? ] × n → outcome → results file
//!    → judge (expectations) → tally → report × formats → exit status
//! ```
//!
//! The modules in this order:
//!
//! - [`command`]: one file for each command with its flags and its steps. [`settings`] combines the flags with the
//!   environment and the settings file.
//! - [`input`] turns files into [`input::Row`]s (`delimited` splits CSV and its like into records and cells, for expectations
//!   files, too). [`message`] decodes message IDs and checks names.
//! - [`source`] answers queries: the HTTP API ([`source::ons`]), an Apache RocketMQ cluster ([`source::rocketmq`]), or a
//!   snapshot file. Messages of the last two are judged in this process by [`offsets`].
//! - [`engine`] makes the queries: the pacer, the retries and the loop.
//! - [`results`] is the results file, the evidence from which every report is made.
//! - [`serve`] is an HTTP gateway in front of any source. The audit and `serve` are tested against each other.
//! - [`verdict`] compares a results file with the expectations, and [`report`] renders the result.
//! - [`bundle`] packs results file, reports and settings into one file of evidence, and checks it.
//! - `diff` compares two results files.
//! - `telemetry` reports the end of a run to other programs.
//! - `ui` shows the log and the progress, [`exit`] defines the exit statuses, and [`mod@file`] is the only module that
//!   creates files.

pub mod bundle;
pub mod clock;
pub mod command;
pub(crate) mod delimited;
pub(crate) mod diff;
pub mod engine;
pub mod evidence;
pub mod exit;
pub mod file;
pub mod humanize;
pub mod input;
pub mod message;
pub mod offsets;
pub mod report;
pub mod results;
pub mod serve;
pub mod settings;
pub mod source;
pub(crate) mod telemetry;
pub(crate) mod ui;
pub mod verdict;
