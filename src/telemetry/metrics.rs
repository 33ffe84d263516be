//! Writes the end of a run as a file for the textfile collector of Prometheus' `node_exporter`, which reads `*.prom`.
//!
//! A failed run keeps `last_success` from the previous run's file. It writes no counts, because old counts would look like
//! today's. Every series has the label `audit`, the file's own name: a collector refuses two files with equal series. The
//! file is world-readable (0644), since the collector runs as another user; it holds no answers, only counts and group names.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::{ReportTotals, RunEnd};
use crate::exit::Advice;
use crate::file;
use crate::verdict::{Evidence, MessageVerdict, Verdict};

/// The prefix of every metric name.
const PREFIX: &str = "ons_audit";

/// The beginning of the file.
const OPENING: &str = "# HELP ons_audit_";

/// The series that a failed run keeps.
const LAST_SUCCESS: &str = "ons_audit_last_success_timestamp_seconds{";

/// A gauge for seconds and for counts.
type GaugeValue = Gauge<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MessageLabels {
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GroupLabels {
    group: String,
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EvidenceLabels {
    group: String,
    evidence: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ToolLabels {
    version: &'static str,
}

/// A metrics file that is replaced when the run has ended.
#[derive(Debug)]
pub(crate) struct MetricsFile {
    path: PathBuf,
    last_success: Option<f64>,
}

/// Why the metrics cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetricsError {
    /// The file cannot be read or written.
    #[error("can't write metrics to {}", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The path holds another kind of file.
    #[error("{} holds something else than our metrics, and is not replaced", path.display())]
    Foreign { path: PathBuf },
    /// The collector would not read the file.
    #[error("the metrics file {} does not end in .prom, so node_exporter would not read it", path.display())]
    Name { path: PathBuf },
}

impl Advice for MetricsError {
    fn hint(&self) -> Option<String> {
        let hint = "name a file of its own for each audit, in the folder that node_exporter reads, such as \
                    --metrics /var/lib/prometheus/node-exporter/orders.prom";
        Some(hint.to_owned())
    }
}

impl MetricsFile {
    /// Reads the last success from the previous run's file.
    ///
    /// # Errors
    ///
    /// The name does not end in `.prom`, the folder cannot be written to, or the file holds something else than our metrics.
    pub(crate) fn open(path: &Path) -> Result<Self, MetricsError> {
        let failed = |source| MetricsError::Io {
            path: path.to_owned(),
            source,
        };
        if path.extension().is_none_or(|ending| ending != "prom") {
            let path = path.to_owned();
            return Err(MetricsError::Name { path });
        }
        // If the folder cannot be written to, the run must fail now and not after hours.
        file::refuse_folder(path).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            last_success: last_success(&earlier(path)?),
        })
    }

    /// Replaces the file.
    ///
    /// # Errors
    ///
    /// The file cannot be written, or another program replaced it during the run.
    pub(crate) fn write(&self, end: &RunEnd) -> Result<(), MetricsError> {
        earlier(&self.path)?;
        let audit = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let text = page(&audit, end, self.last_success);
        file::publish(&self.path, text.as_bytes()).map_err(|source| MetricsError::Io {
            path: self.path.clone(),
            source,
        })
    }
}

/// Returns the previous run's file, or an empty text. A file that holds something else is refused.
fn earlier(path: &Path) -> Result<String, MetricsError> {
    let earlier = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => "?".to_owned(),
        Err(source) => {
            let path = path.to_owned();
            return Err(MetricsError::Io { path, source });
        }
    };
    if !earlier.is_empty() && !earlier.starts_with(OPENING) {
        let path = path.to_owned();
        return Err(MetricsError::Foreign { path });
    }
    Ok(earlier)
}

fn last_success(earlier: &str) -> Option<f64> {
    let line = earlier
        .lines()
        .find(|line| line.starts_with(LAST_SUCCESS))?;
    let (_, value) = line.rsplit_once(' ')?;
    value.parse().ok()
}

/// Returns the whole file.
fn page(audit: &str, end: &RunEnd, last_success: Option<f64>) -> String {
    let label = ("audit".into(), audit.to_owned().into());
    let registry = Registry::with_prefix_and_labels(PREFIX, std::iter::once(label));
    let mut page = MetricsPage(registry);
    page.of_run(end, last_success);
    if let Some(report) = &end.report {
        page.of_report(report);
    }
    let mut text = String::new();
    encode(&mut text, &page.0).expect("writing to memory cannot fail");
    in_order(&text)
}

/// Sorts the series under their headings. The registry keeps them in a hash map, and equal runs must write equal files.
fn in_order(page: &str) -> String {
    let mut lines: Vec<&str> = page.lines().collect();
    for series in lines.chunk_by_mut(|a, b| is_series(a) && is_series(b)) {
        series.sort_unstable();
    }
    lines.join("\n") + "\n"
}

fn is_series(line: &str) -> bool {
    !line.starts_with('#')
}

struct MetricsPage(Registry);

impl MetricsPage {
    fn of_run(&mut self, end: &RunEnd, last_success: Option<f64>) {
        let tool = Family::<ToolLabels, GaugeValue>::default();
        let version = env!("CARGO_PKG_VERSION");
        tool.get_or_create(&ToolLabels { version }).set(1.0);
        self.0
            .register("tool_info", "The version that wrote this", tool);
        self.time(
            "last_run_timestamp",
            "When the last run ended, however it did",
            seconds(end.finished),
        );
        let success = if end.is_success() {
            Some(seconds(end.finished))
        } else {
            last_success
        };
        if let Some(success) = success {
            self.time(
                "last_success_timestamp",
                "When the last complete run ended (exit status 0 or 1): every message was answered",
                success,
            );
        }
        let duration = end.finished.duration_since(end.started).as_secs_f64();
        self.time("last_run_duration", "How long the last run took", duration);
        let status = f64::from(end.status as u8);
        self.number(
            "last_run_exit_status",
            "0 all reconciled, 1 something to look at, 2 refused, 3 incomplete",
            status,
        );
        let complete = f64::from(u8::from(end.is_complete()));
        self.number(
            "last_run_complete",
            "1 if every message was answered",
            complete,
        );
        for (name, help, count) in [
            (
                "last_run_calls",
                "Calls of the last run, retries included",
                end.call_counts.calls,
            ),
            (
                "last_run_retries",
                "Calls of the last run that asked again",
                end.call_counts.retries,
            ),
            (
                "last_run_throttles",
                "Calls of the last run that were throttled",
                end.call_counts.throttles,
            ),
        ] {
            self.number(name, help, number(count));
        }
    }

    fn of_report(&mut self, report: &ReportTotals) {
        let tally = report.tally();
        self.number(
            "rows",
            "Rows of the last run's input",
            number(tally.totals.rows),
        );
        let messages = Family::<MessageLabels, GaugeValue>::default();
        for verdict in MessageVerdict::ALL {
            let label = MessageLabels {
                verdict: verdict.as_str(),
            };
            messages
                .get_or_create(&label)
                .set(number(tally.messages(verdict)));
        }
        let help = "Distinct messages of the last run by verdict (rejected: rows)";
        self.0.register("messages", help, messages);
        let groups = Family::<GroupLabels, GaugeValue>::default();
        for (group, counted) in &tally.groups {
            for verdict in Verdict::ALL {
                let label = GroupLabels {
                    group: group.clone(),
                    verdict: verdict.as_str(),
                };
                groups
                    .get_or_create(&label)
                    .set(number(counted.count(verdict)));
            }
        }
        let help = "Distinct messages of the last run by group and verdict";
        self.0.register("group_messages", help, groups);
        let passed = Family::<EvidenceLabels, GaugeValue>::default();
        for (group, counted) in &tally.groups {
            for evidence in Evidence::ALL {
                let label = EvidenceLabels {
                    group: group.clone(),
                    evidence: evidence.as_str(),
                };
                let messages = number(counted.evidence(evidence));
                passed.get_or_create(&label).set(messages);
            }
        }
        let help =
            "Distinct messages of the last run that a group has passed, by what that rests on";
        self.0.register("group_passed", help, passed);
    }

    fn time(&mut self, name: &str, help: &str, seconds: f64) {
        let gauge = GaugeValue::default();
        gauge.set(seconds);
        self.0.register_with_unit(name, help, Unit::Seconds, gauge);
    }

    fn number(&mut self, name: &str, help: &str, number: f64) {
        let gauge = GaugeValue::default();
        gauge.set(number);
        self.0.register(name, help, gauge);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact to the millisecond for longer than anyone will read it"
)]
fn seconds(time: Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Prometheus knows no other numbers"
)]
const fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Status;
    use crate::report::locale::Locale;
    use crate::telemetry::CallCounts;
    use crate::telemetry::tests::missed_by;

    fn end(status: Status, report: Option<ReportTotals>) -> RunEnd {
        RunEnd {
            status,
            started: "2026-11-22T12:00:00Z".parse().unwrap(),
            finished: "2026-11-22T12:01:30.5Z".parse().unwrap(),
            locale: Locale::default(),
            call_counts: CallCounts {
                calls: 7,
                retries: 2,
                throttles: 1,
            },
            report,
        }
    }

    fn value(page: &str, series: &str) -> Option<f64> {
        let line = page.lines().find(|line| line.starts_with(series))?;
        line.rsplit_once(' ')?.1.parse().ok()
    }

    #[test]
    fn equal_runs_write_equal_files() {
        let page = || {
            page(
                "orders",
                &end(Status::Findings, Some(missed_by(&["GID_a"], "orders"))),
                None,
            )
        };
        let first = page();
        assert!((0..20).all(|_| page() == first), "{first}");
        assert!(first.ends_with("# EOF\n"), "{first}");
    }

    #[test]
    fn a_run_is_written_with_its_counts() {
        let page = page(
            "orders",
            &end(Status::Findings, Some(missed_by(&["GID_\"a\\"], "orders"))),
            None,
        );
        for (series, expected) in [
            (
                "ons_audit_last_run_timestamp_seconds{audit=\"orders\"}",
                1_795_348_890.5,
            ),
            (
                "ons_audit_last_success_timestamp_seconds{audit=\"orders\"}",
                1_795_348_890.5,
            ),
            (
                "ons_audit_last_run_duration_seconds{audit=\"orders\"}",
                90.5,
            ),
            ("ons_audit_last_run_exit_status{audit=\"orders\"}", 1.0),
            ("ons_audit_last_run_complete{audit=\"orders\"}", 1.0),
            ("ons_audit_last_run_calls{audit=\"orders\"}", 7.0),
            ("ons_audit_last_run_retries{audit=\"orders\"}", 2.0),
            ("ons_audit_last_run_throttles{audit=\"orders\"}", 1.0),
            (
                "ons_audit_messages{audit=\"orders\",verdict=\"break\"}",
                1.0,
            ),
            (
                "ons_audit_messages{audit=\"orders\",verdict=\"reconciled\"}",
                0.0,
            ),
            (
                "ons_audit_group_messages{audit=\"orders\",group=\"GID_\\\"a\\\\\",verdict=\"open\"}",
                1.0,
            ),
        ] {
            assert_eq!(value(&page, series), Some(expected), "{series}\n{page}");
        }
    }

    #[test]
    fn a_failed_run_keeps_the_last_success_and_no_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders.prom");
        let write = |end: &RunEnd| {
            MetricsFile::open(&path).unwrap().write(end).unwrap();
            std::fs::read_to_string(&path).unwrap()
        };
        let refused = write(&end(Status::Refused, None));
        assert_eq!(value(&refused, LAST_SUCCESS), None, "there was none yet");
        write(&end(Status::Clean, Some(missed_by(&["GID_a"], "orders"))));
        for status in [Status::Incomplete, Status::Refused] {
            let mut later = end(status, None);
            later.finished = "2026-11-23T12:00:00Z".parse().unwrap();
            let page = write(&later);
            assert_eq!(value(&page, LAST_SUCCESS), Some(1_795_348_890.5));
            assert_eq!(
                value(&page, "ons_audit_last_run_timestamp_seconds"),
                Some(1_795_435_200.0)
            );
            assert_eq!(value(&page, "ons_audit_last_run_complete"), Some(0.0));
            assert!(!page.contains("ons_audit_messages"), "{page}");
        }
    }

    #[test]
    fn foreign_files_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("a.prom", &b"msg_id,topic\n"[..]),
            ("b.prom", &[0xff, 0xfe]),
        ] {
            let path = folder.path().join(name);
            std::io::Write::write_all(&mut file::create_private(&path).unwrap(), text).unwrap();
            let error = MetricsFile::open(&path).unwrap_err();
            assert!(matches!(error, MetricsError::Foreign { .. }) && error.hint().is_some());
        }
        assert!(MetricsFile::open(&folder.path().join("no/such.prom")).is_err());
        for name in ["a.txt", "prom", ".prom"] {
            let error = MetricsFile::open(&folder.path().join(name)).unwrap_err();
            assert!(matches!(error, MetricsError::Name { .. }), "{error}");
        }
        // Another program replaced the file during the run.
        let path = folder.path().join("late.prom");
        let metrics = MetricsFile::open(&path).unwrap();
        let text = b"a file about ons_audit\n";
        std::io::Write::write_all(&mut file::create_private(&path).unwrap(), text).unwrap();
        let late = metrics.write(&end(Status::Clean, None)).unwrap_err();
        assert!(matches!(late, MetricsError::Foreign { .. }));
        assert_eq!(std::fs::read(&path).unwrap(), text);
    }
}
