//! `diff`: what changed between two results files.
//!
//! The unit is a message × group. A message is identified by `(instance, topic, msg_id)`, so several rows of one message
//! count as one. Each results file gives the group a status ([`change::GroupStatus`]), judged by its own expectations unless
//! flags give others. [`change::Change::of`] is the only rule that turns two statuses into a change. A fault is `resolved`
//! only by a later answer that says so: not by a missing message or group, and not by an undetermined verdict.
//!
//! [`compare`] reads OLD into 32 bytes per distinct message ([`index`]), then walks through NEW once. All summaries are made
//! from one [`tally`].

mod change;
mod compare;
mod finding;
mod formats;
mod index;
mod json;
mod notes;
mod render;
mod side;
mod tally;
mod terminal;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use json::value as differences_value;
pub(crate) use render::{FORMATS, render};
pub(crate) use side::Side;
pub(crate) use terminal::TerminalChanges;
pub(crate) use text::Differences;
