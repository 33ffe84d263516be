//! Flags that several commands share, and their conversion to values.

mod deadline;
mod expect;
mod input;
mod pace;
mod reports;
mod reserved_paths;
mod settings;
mod source;
mod talk;
mod targets;
mod telemetry;

pub(super) use deadline::{DeadlineFlags, deadline};
pub(super) use expect::{ExpectFlags, zone_of};
pub(super) use input::{ColumnFlags, InputFlags};
pub(super) use pace::{ClusterPaceFlags, Pace, PaceFlags, SourceKind, rate_of};
pub(super) use reports::{CsvFlags, ReportFlags};
pub(super) use reserved_paths::ReservedPaths;
pub(super) use settings::SettingsFlags;
pub(super) use source::{ClusterFlags, SourceFlags, SourceSpec};
pub(super) use talk::{MessageOptions, TalkFlags};
pub(super) use targets::{create, open, or_stdout};
pub(super) use telemetry::{RunMonitor, TelemetryFlags};
