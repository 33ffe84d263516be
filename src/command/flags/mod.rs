//! Flags that several commands share, and their conversion to values.

mod common;
mod examine;
mod expect;
mod input;
mod pace;
mod paths;
mod reports;
mod source;
mod telemetry;

pub(super) use common::{SettingsFlags, StderrFlags, StderrOptions};
pub(super) use examine::{ClusterExamineFlags, ExamineFlags, ExamineSettings};
pub(super) use expect::{ExpectFlags, or_recorded, zone_of};
pub(super) use input::{ColumnFlags, InputFlags};
pub(super) use pace::{
    ClusterPaceFlags, DEAD_LETTERS, DeadlineFlags, Pace, PaceFlags, SourceKind, TRACES_OF_MESSAGES,
    deadline, rate_of,
};
pub(super) use paths::{ReservedPaths, check, create, open, or_stdout};
pub(super) use reports::{CsvFlags, ReportFlags};
pub(super) use source::{ClusterFlags, RemovedBrokerFlags, SourceFlags, SourceSpec};
pub(super) use telemetry::{RunMonitor, TelemetryFlags};
