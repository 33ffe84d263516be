//! What holds, and where it comes from: flag > environment > settings file > default.
//!
//! The default is a complete settings file compiled into the program (`samples/settings.toml`), so a missing default
//! fails in a test and not in the field, and the sample can't go stale. Every value keeps its [`Origin`]: an error
//! names the flag, the variable or the file that has to change.

mod deadline;
mod layers;
mod value;

pub use deadline::{Deadline, FinishBy};
pub use layers::{Origin, Settings, SettingsError};
pub use value::{Accept, Auto, LogFormat, MaxRejects, Share, Span};
