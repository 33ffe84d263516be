//! Flags for metrics and notifications about the end of a run.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::SecretString;

use super::source::network;
use crate::command::Env;
use crate::command::outcome::Conclusion;
use crate::exit::{Failed, Status};
use crate::report::locale::Locale;
use crate::settings::{Settings, SettingsError};
use crate::source::ons::http::Address;
use crate::telemetry::metrics::{MetricsError, MetricsFile};
use crate::telemetry::webhook::Webhook;
use crate::telemetry::{CallCounts, RunEnd};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Notifications")]
pub(in crate::command) struct TelemetryFlags {
    /// Metrics for the textfile collector of Prometheus' node_exporter, in a file that ends in .prom
    ///
    /// Last run and last success, messages by verdict and by group, calls, retries, throttles, duration. The file is
    /// replaced whenever a run ends, also when it fails. Everyone may read it: it holds only counts and names of groups.
    ///
    /// Example: ons-audit audit orders.csv --source ons://cn-hangzhou --metrics
    /// /var/lib/prometheus/node-exporter/orders.prom
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Message format for the webhook in ONS_AUDIT_NOTIFY_URL: json, slack, dingtalk, feishu, wecom [default: json]
    ///
    /// When the run has ended, one POST says how: counts and names of groups, no message IDs. The address is a secret, so
    /// it comes from ONS_AUDIT_NOTIFY_URL or the setting notify_url and does not show in the process list.
    /// ONS_AUDIT_NOTIFY_SECRET signs messages to DingTalk and Feishu. A failed notification is a warning and changes
    /// nothing.
    ///
    /// Example: ONS_AUDIT_NOTIFY_URL=https://… ons-audit audit orders.csv --source ons://cn-hangzhou --notify-template
    /// dingtalk --notify-when problems
    #[arg(long, value_name = "NAME")]
    notify_template: Option<String>,
    /// `always`, or `problems` (only when something is not reconciled) [default: always]
    #[arg(long, value_name = "WHEN")]
    notify_when: Option<String>,
}

impl TelemetryFlags {
    pub(in crate::command) fn apply_to(&self, settings: &mut Settings) {
        let metrics = self.metrics.as_ref().map(|path| path.display());
        settings.flag("metrics", metrics);
        settings.flag("notify_template", self.notify_template.as_ref());
        settings.flag("notify_when", self.notify_when.as_ref());
    }
}

/// Reports the end of a run as metrics and as a notification.
#[derive(Debug)]
pub(in crate::command) struct RunMonitor {
    env: Env,
    started: Timestamp,
    /// The name of this audit in messages.
    name: String,
    locale: Locale,
    metrics: Option<MetricsFile>,
    webhook: Option<Webhook>,
    pub(in crate::command) call_counts: Cell<CallCounts>,
}

impl RunMonitor {
    /// Starts to monitor the run that writes the results file `results`.
    pub(in crate::command) fn start(
        results: &Path,
        settings: &Settings,
        env: &Env,
    ) -> Result<Self, Failed> {
        let metrics = settings.optional::<PathBuf>("metrics")?;
        let name = results.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self {
            env: env.clone(),
            started: (env.clock)(),
            name: name.trim_end_matches(".results").to_owned(),
            locale: Locale::of(settings)?,
            webhook: webhook(settings, env)?,
            metrics: metrics.map(|path| metrics_file(&path)).transpose()?,
            call_counts: Cell::default(),
        })
    }

    /// Reports the end of the run and returns its result. A failed notification does not change the result.
    pub(in crate::command) fn end(
        self,
        ended: Result<Conclusion, Failed>,
    ) -> Result<Status, Failed> {
        let (report, ended) = match ended {
            Ok(conclusion) => {
                let (report, ended) = conclusion.into_parts();
                (Some(report), ended)
            }
            Err(failed) => (None, Err(failed)),
        };
        let status = match &ended {
            Ok(status) => *status,
            Err(failed) => failed.status,
        };
        let end = RunEnd {
            status,
            started: self.started,
            finished: (self.env.clock)(),
            call_counts: self.call_counts.get(),
            locale: self.locale.clone(),
            report,
        };
        if let Some(metrics) = &self.metrics
            && let Err(error) = metrics.write(&end)
        {
            let error = anyhow::Error::new(error);
            tracing::warn!("{error:#}");
        }
        if let Some(webhook) = &self.webhook {
            let sent = self.env.runtime()?.block_on(webhook.send(&self.name, &end));
            if let Err(error) = sent {
                tracing::warn!("{error}");
            }
        }
        ended
    }
}

/// Opens the metrics file. A missing folder gives the same message as for any other file.
fn metrics_file(path: &Path) -> Result<MetricsFile, Failed> {
    MetricsFile::open(path).map_err(|error| match error {
        MetricsError::Io { path, source } => Failed::unwritable(&path, source),
        other => other.into(),
    })
}

/// Returns the webhook if one is set.
fn webhook(settings: &Settings, env: &Env) -> Result<Option<Webhook>, Failed> {
    // Invalid values are refused even if no webhook is set.
    let (template, when) = (
        settings.get("notify_template")?,
        settings.get("notify_when")?,
    );
    let (text, origin) = settings.text("notify_url");
    if text.is_empty() {
        return Ok(None);
    }
    let address = Address::parse(text, settings.get("allow_http")?);
    let address = address.map_err(|problem| SettingsError::Value {
        key: "notify_url",
        origin,
        problem: problem.to_string(),
    })?;
    Ok(Some(Webhook {
        address,
        template,
        secret: env
            .variable("ONS_AUDIT_NOTIFY_SECRET")
            .map(SecretString::from),
        when,
        network: network(settings)?,
    }))
}
