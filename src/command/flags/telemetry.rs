//! What machines are told of a run's end.

use std::cell::Cell;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::command::World;
use crate::exit::{Failed, Status};
use crate::settings::Layers;
use crate::telemetry::metrics::MetricsFile;
use crate::telemetry::{Effort, Figures, RunEnd};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Telling machines")]
pub(in crate::command) struct TelemetryFlags {
    /// Metrics for the textfile collector of Prometheus' node_exporter, which reads files that end in .prom
    ///
    /// Last run and last success apart, messages by verdict and by group, calls, retries, throttles, duration. It is
    /// replaced whenever the run ends, also when it fails. All may read it: it holds counts and the names of groups.
    ///
    /// Example: --metrics /var/lib/prometheus/node-exporter/orders.prom
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
}

impl TelemetryFlags {
    pub(in crate::command) fn lay(&self, layers: &mut Layers) {
        let metrics = self.metrics.as_ref().map(|path| path.display());
        layers.flag("metrics", metrics);
    }
}

/// Waits for the run's end, to tell of it.
#[derive(Debug)]
pub(in crate::command) struct Watch {
    clock: Clock,
    started: Timestamp,
    metrics: Option<MetricsFile>,
    pub(in crate::command) effort: Cell<Effort>,
}

impl Watch {
    /// The run begins.
    pub(in crate::command) fn begin(layers: &Layers, world: &World) -> Result<Self, Failed> {
        let metrics = layers.optional::<PathBuf>("metrics")?;
        Ok(Self {
            clock: world.clock,
            started: (world.clock)(),
            metrics: metrics.map(|path| MetricsFile::open(&path)).transpose()?,
            effort: Cell::default(),
        })
    }

    /// The run has ended: tells whoever wants to know, and ends as the run did. A machine that can't be told changes
    /// nothing about what was found.
    pub(in crate::command) fn end(
        self,
        ended: Result<(Status, Figures), Failed>,
    ) -> Result<Status, Failed> {
        let (ended, figures) = match ended {
            Ok((status, figures)) => (Ok(status), Some(figures)),
            Err(failed) => (Err(failed), None),
        };
        let end = RunEnd {
            status: *ended
                .as_ref()
                .map_or_else(|failed| &failed.status, |status| status),
            started: self.started,
            finished: (self.clock)(),
            effort: self.effort.get(),
            figures,
        };
        if let Some(metrics) = &self.metrics
            && let Err(error) = metrics.write(&end)
        {
            let error = anyhow::Error::new(error);
            tracing::warn!("{error:#}");
        }
        ended
    }
}
