//! Which consumer groups consumed which messages, with evidence.
//!
//! The documentation is in `docs/`: `docs/README.md` is its index, `docs/architecture.md` explains the code, and
//! `docs/reference/` is what users may rely on.
//!
//! The program is one straight line, and no command has a second way of doing anything:
//!
//! ```text
//! argv · env · file → settings → rows → distinct queries
//!    → [ pace → sign → ask → classify → again? ] × n → outcome → results file
//!    → judge (expectations) → tally → report × formats → exit status
//! ```
//!
//! Read it in that order:
//!
//! - [`command`]: one file a command, its flags and its story; [`settings`] says what the flags mean together
//!   with the environment and the settings file.
//! - [`input`] turns files into [`input::Row`]s (`delimited` splits CSV and its like into records and cells, for expectations
//!   files, too), [`message`] knows what a message ID is and which names there can be.
//! - [`source`] is whatever answers queries: the HTTP API ([`source::ons`]), an Apache RocketMQ cluster
//!   ([`source::rocketmq`]), or a snapshot file. The last two are judged in this process by [`offsets`].
//! - [`engine`] asks: the pacer, the retries and the one loop.
//! - [`results`] is the results file, the evidence from which every report is made.
//! - [`serve`] puts HTTP in front of any source, so it and the audit prove each other.
//! - [`verdict`] judges what a results file says against what was expected, [`report`] shows it.
//! - [`bundle`] packs results file, reports and settings into one file of evidence, and checks it.
//! - `diff` folds two results files into what changed between them.
//! - `telemetry` reports the end of a run to machines.
//! - `ui` shows the log and the progress, [`exit`] says how it ended, [`mod@file`] is the only place that
//!   creates files.

pub mod bundle;
pub mod clock;
pub mod command;
pub(crate) mod delimited;
pub(crate) mod diff;
pub mod engine;
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
