//! Effective settings and their origin: flag > environment > settings file > default.
//!
//! The defaults are a complete settings file that is compiled into the program (`samples/settings.toml`). So a test
//! finds a missing default, and the sample is always up to date. Every value keeps its [`Origin`]: an error names the
//! flag, the variable or the file that has to change.

mod deadline;
mod error;
mod layers;
mod quota_url;
mod value;

pub use deadline::{Deadline, FinishBy};
pub use error::SettingsError;
pub use layers::{Origin, Settings, variables};
pub use quota_url::QuotaUrl;
pub use value::{Accept, Auto, Examine, LogFormat, MaxRejects, Share, Span};
