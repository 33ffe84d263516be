//! The page `/metrics`: requests, their durations, and connections.
//!
//! Every label has a bounded set of values, so that no client can make the page grow without end.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::close_reason::CloseReason;
use crate::serve::CallDetails;

/// The media type of [`Metrics::page`].
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds: from an answer out of memory to one that is delayed on purpose.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// How many error codes of the source are counted by name, and how long they may be: far more than it documents
/// (`docs/facts/ons-api.md` §4.2).
const MAX_SOURCE_CODES: usize = 50;
const MAX_CODE_BYTES: usize = 64;

/// The labels of a request. A status of 0 means that it got no answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    action: &'static str,
    status: u16,
    code: Cow<'static, str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActionLabel {
    action: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// The counters of one listener.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<ActionLabel, Histogram, fn() -> Histogram>,
    aborted: Family<ReasonLabel, Counter>,
    /// The error codes of the source that have a label of their own.
    source_codes: Mutex<BTreeSet<String>>,
    pub(super) accepted: Counter,
    pub(super) open: Gauge,
    /// Lines of the access log that could not be written.
    pub(super) lost_lines: Counter,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("ons_audit_serve"),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            aborted: Family::default(),
            source_codes: Mutex::default(),
            accepted: Counter::default(),
            open: Gauge::default(),
            lost_lines: Counter::default(),
        };
        // A counter that exists from the start shows its first step.
        for reason in CloseReason::all() {
            let reason = reason.label();
            drop(metrics.aborted.get_or_create(&ReasonLabel { reason }));
        }
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "requests",
            "Requests by operation, HTTP status (0: connection dropped) and error code",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "request_duration",
            "From the end of a request's head to the start of its answer",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register(
            "connections_open",
            "Connections open now",
            self.open.clone(),
        );
        registry.register("connections", "Connections accepted", self.accepted.clone());
        registry.register(
            "connections_aborted",
            "Connections that ended badly, by reason",
            self.aborted.clone(),
        );
        registry.register(
            "log_lines_lost",
            "Lines of the access log that could not be written",
            self.lost_lines.clone(),
        );
    }

    /// Counts a request; `status` is 0 if it got no answer.
    pub(super) fn answered(&self, details: &CallDetails, status: u16, took: Duration) {
        let action = details.action.unwrap_or("other");
        let code = self.code(details);
        self.requests
            .get_or_create(&RequestLabels {
                action,
                status,
                code,
            })
            .inc();
        self.durations
            .get_or_create(&ActionLabel { action })
            .observe(took.as_secs_f64());
    }

    /// Returns the label for an error code: our own codes are a closed set, other codes beyond a limit are `other`.
    fn code(&self, details: &CallDetails) -> Cow<'static, str> {
        let code = details.code.clone().unwrap_or_default();
        let Cow::Owned(unknown) = &code else {
            return code;
        };
        let mut labelled = self
            .source_codes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if labelled.contains(unknown) {
            return code;
        }
        if labelled.len() < MAX_SOURCE_CODES && unknown.len() <= MAX_CODE_BYTES {
            labelled.insert(unknown.clone());
            return code;
        }
        "other".into()
    }

    /// Counts a connection that was closed for a reason.
    pub(super) fn aborted(&self, reason: &CloseReason) {
        let reason = reason.label();
        self.aborted.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// Returns the page in the `OpenMetrics` text format.
    pub(super) fn page(&self) -> String {
        let mut page = String::new();
        // Writing to a string can't fail.
        let _ = encode(&mut page, &self.registry);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(action: Option<&'static str>, code: Option<&'static str>) -> CallDetails {
        CallDetails {
            action,
            code: code.map(Into::into),
            ..CallDetails::default()
        }
    }

    #[track_caller]
    fn has(page: &str, line: &str) {
        assert!(page.lines().any(|found| found == line), "{line} in\n{page}");
    }

    #[test]
    fn requests_are_counted_by_operation_status_and_code() {
        let metrics = Metrics::new();
        let trace = details(Some("OnsMessageTrace"), None);
        metrics.answered(&trace, 200, Duration::from_micros(300));
        metrics.answered(&trace, 200, Duration::from_millis(30));
        let throttled = details(Some("OnsMessageTrace"), Some("Throttling.User"));
        metrics.answered(&throttled, 400, Duration::from_mins(1));
        metrics.answered(&details(None, None), 0, Duration::ZERO);
        let page = metrics.page();
        for line in [
            r#"ons_audit_serve_requests_total{action="OnsMessageTrace",status="200",code=""} 2"#,
            r#"ons_audit_serve_requests_total{action="OnsMessageTrace",status="400",code="Throttling.User"} 1"#,
            r#"ons_audit_serve_requests_total{action="other",status="0",code=""} 1"#,
            r#"ons_audit_serve_request_duration_seconds_bucket{le="0.0005",action="OnsMessageTrace"} 1"#,
            r#"ons_audit_serve_request_duration_seconds_bucket{le="10.0",action="OnsMessageTrace"} 2"#,
            r#"ons_audit_serve_request_duration_seconds_bucket{le="+Inf",action="OnsMessageTrace"} 3"#,
        ] {
            has(&page, line);
        }
    }

    #[test]
    fn endless_source_codes_do_not_make_an_endless_page() {
        let metrics = Metrics::new();
        let mut strange = details(Some("OnsMessageTrace"), None);
        for number in (0..100).chain(0..100) {
            strange.code = Some(format!("Strange.{number}").into());
            metrics.answered(&strange, 400, Duration::ZERO);
        }
        strange.code = Some("x".repeat(1000).into());
        metrics.answered(&strange, 400, Duration::ZERO);
        let page = metrics.page();
        assert_eq!(page.matches("Strange").count(), 50, "{page}");
        for (code, count) in [("Strange.7", 2), ("other", 101)] {
            has(
                &page,
                &format!(
                    r#"ons_audit_serve_requests_total{{action="OnsMessageTrace",status="400",code="{code}"}} {count}"#
                ),
            );
        }
    }

    #[test]
    fn every_close_reason_is_there_from_the_start() {
        let metrics = Metrics::new();
        metrics.aborted(&CloseReason::HeadTimeout);
        metrics.open.inc();
        let page = metrics.page();
        for reason in CloseReason::all() {
            let reason = reason.label();
            let count = u8::from(reason == "head_timeout");
            has(
                &page,
                &format!(
                    r#"ons_audit_serve_connections_aborted_total{{reason="{reason}"}} {count}"#
                ),
            );
        }
        has(&page, "ons_audit_serve_connections_open 1");
        assert!(page.ends_with("# EOF\n"));
    }
}
