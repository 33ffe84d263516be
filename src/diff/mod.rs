//! What changed between two results files: `diff`.
//!
//! The unit is a message × group, and the key of a message is `(instance, topic, msg_id)`: several rows of one message
//! are one. Each results file says where the group stands with the message ([`GroupStatus`]), judged by that results file's own
//! expectations unless others are told; [`Change::of`] is the one rule that makes a change of two standings. What
//! was at fault is `resolved` only by a later answer that says so: not by silence, not by a message that was not
//! asked, not by a group that can't be told.
//!
//! [`compare`] reads OLD into 32 bytes for each of its distinct messages (`baseline`), then walks NEW once; answers that are
//! alike are held once (`answers`). Everything that sums up is made from one [`Tally`].

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

pub(crate) use render::{FORMATS, render};
pub(crate) use side::Side;
pub(crate) use terminal::TerminalChanges;
pub(crate) use text::Differences;
