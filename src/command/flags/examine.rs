//! Flags for what is examined beyond the offsets.

use std::sync::Arc;

use anyhow::anyhow;

use super::SourceKind;
use crate::exit::Failed;
use crate::settings::{Examine, Settings, SettingsError};

/// Flags of commands that ask any source.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Was it processed?")]
pub(in crate::command) struct ExamineFlags {
    #[command(flatten)]
    cluster: ClusterExamineFlags,
    /// ons:// only: trace so many messages that an expected group has passed, picked at random [default: 0]
    ///
    /// The clients' reports say whether these messages were processed, and the report states the error rate with its
    /// 95 % interval. Breaks and dead letters are traced first, at most as many. The quota is 30 messages a minute.
    #[arg(long, value_name = "N")]
    trace_sample: Option<String>,
}

/// Flags of commands that read a cluster.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Was it processed?")]
pub(in crate::command) struct ClusterExamineFlags {
    /// What to examine beyond the offsets: failures, none, or failures,traces [default: failures]
    ///
    /// failures finds copies of messages in retry and dead-letter topics. traces also reads what clients of a cluster
    /// have reported about each delivery, if their traces are enabled.
    #[arg(long, value_name = "WHAT")]
    examine: Option<String>,
    /// Most calls that examining may take in one run [default: 20000]
    #[arg(long, value_name = "CALLS")]
    examine_limit: Option<String>,
    /// Topic with the trace records of a cluster's clients [default: `RMQ_SYS_TRACE_TOPIC`]
    #[arg(long, value_name = "NAME")]
    trace_topic: Option<String>,
}

impl ExamineFlags {
    /// Refuses flags that would have no effect on a source of this kind. Settings of other origins may be meant for other
    /// sources.
    pub(in crate::command) fn check(&self, kind: SourceKind) -> Result<(), Failed> {
        let cluster = &self.cluster;
        let examine = cluster.examine.as_deref();
        let (flag, only) = match kind {
            SourceKind::Rmq if examine == Some("none") => (
                "--examine none",
                "each answer says what the clients did, and what is still missing is always examined",
            ),
            SourceKind::Rmq if examine == Some("failures,traces") => (
                "--examine failures,traces",
                "each answer is a trace already",
            ),
            SourceKind::Rmq if self.trace_sample.is_some() => (
                "--trace-sample",
                "every message is traced, so no sample is needed",
            ),
            SourceKind::Rmq if cluster.trace_topic.is_some() => (
                "--trace-topic",
                "leave it out: each answer is a trace already",
            ),
            SourceKind::Api if cluster.trace_topic.is_some() => (
                "--trace-topic",
                "rocketmq:// has a topic with trace records",
            ),
            SourceKind::Api if examine == Some("failures,traces") => (
                "--examine failures,traces",
                "of a service, --trace-sample N traces some messages",
            ),
            SourceKind::Cluster if self.trace_sample.is_some() => (
                "--trace-sample",
                "of a cluster, --examine failures,traces reads the reports about all messages",
            ),
            SourceKind::Snapshot if self.trace_sample.is_some() => (
                "--trace-sample",
                "a snapshot holds what was examined when it was made",
            ),
            SourceKind::Snapshot if cluster.trace_topic.is_some() => (
                "--trace-topic",
                "a snapshot holds what was examined when it was made",
            ),
            _ => return Ok(()),
        };
        let error = anyhow!("{flag} has no effect on this source");
        Err(Failed::refused(error, Some(only.to_owned())))
    }

    pub(in crate::command) fn apply_to(&self, settings: &mut Settings) {
        self.cluster.apply_to(settings);
        settings.flag("trace_sample", self.trace_sample.as_ref());
    }
}

impl ClusterExamineFlags {
    pub(in crate::command) fn apply_to(&self, settings: &mut Settings) {
        settings.flag("examine", self.examine.as_ref());
        settings.flag("examine_limit", self.examine_limit.as_ref());
        settings.flag("trace_topic", self.trace_topic.as_ref());
    }
}

/// The settings of an examination.
#[derive(Debug)]
pub(in crate::command) struct ExamineSettings {
    pub(in crate::command) examine: Examine,
    /// Most calls that the examination may make.
    pub(in crate::command) limit: u64,
    /// The number of messages in the random sample of a service.
    pub(in crate::command) trace_sample: usize,
    /// The topic with the trace records of a cluster, if they are read.
    pub(in crate::command) trace_topic: Option<Arc<str>>,
}

impl ExamineSettings {
    pub(in crate::command) fn of(settings: &Settings) -> Result<Self, SettingsError> {
        let examine = settings.get("examine")?;
        let trace_topic: String = settings.get("trace_topic")?;
        Ok(Self {
            examine,
            limit: settings.get("examine_limit")?,
            trace_sample: settings.get("trace_sample")?,
            trace_topic: (examine == Examine::FailuresAndTraces).then(|| trace_topic.into()),
        })
    }
}
