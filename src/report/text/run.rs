//! Facts of the run: source, times, rate, calls, and where the results file is.

use std::time::Duration;

use jiff::Timestamp;

use super::SummaryText;
use crate::humanize::{count, counted};
use crate::offsets::Rules;
use crate::report::locale::{Language, Locale, phrases};
use crate::results::ResultsFile;

/// A label and its value.
pub(in crate::report) type RunFact = (&'static str, String);

impl SummaryText<'_> {
    /// Returns the facts of each results file and of the report.
    pub(in crate::report) fn facts(&self) -> Vec<RunFact> {
        let locale = self.locale;
        let results_files = self.summary.results_files.iter();
        let mut facts: Vec<_> = results_files
            .flat_map(|results_file| of(results_file, locale))
            .collect();
        facts.extend(
            self.calls()
                .map(|calls| (locale.text(phrases::CALLS), calls)),
        );
        facts.push((
            locale.text(phrases::REPORT_ZONE),
            locale.time_format.label().to_owned(),
        ));
        let none = self.no_expectations().map(str::to_owned);
        facts.extend(none.map(|none| (locale.text(phrases::EXPECTATIONS), none)));
        facts
    }

    /// Returns the number of calls to a service. A snapshot is not called, and calls to a cluster are not one per
    /// message.
    pub(in crate::report) fn calls(&self) -> Option<String> {
        let is_called = |results_file: &ResultsFile| {
            results_file.header().rate.is_some() && results_file.header().rules == Rules::Gateway
        };
        if !self.summary.results_files.iter().all(is_called) {
            return None;
        }
        let tally = &self.summary.tally;
        let inferences = self.summary.results_files.iter();
        let inferences = inferences.filter_map(|file| file.trailer().inference.as_ref());
        let types: u64 = inferences.map(|section| section.calls).sum();
        let calls_for_messages = tally.calls + types;
        let [calls, retries, throttled] =
            [calls_for_messages, tally.retries, tally.throttled].map(count);
        let sections = self.summary.results_files.iter();
        let sections = sections.filter_map(|results_file| results_file.trailer().evidence);
        let examining: u64 = sections.map(|section| section.calls).sum();
        let all =
            (examining > 0).then(|| (count(calls_for_messages + examining), count(examining)));
        let of_messages = if self.is_chinese() {
            format!("{calls} 次，其中重试 {retries} 次，被限流 {throttled} 次")
        } else {
            format!(
                "{calls} ({}, {throttled} throttled)",
                counted(tally.retries, "retry", "retries")
            )
        };
        Some(match all {
            None => of_messages,
            Some((all, examining)) if self.is_chinese() => {
                format!("{all} 次：检查 {examining} 次，查询消息 {of_messages}")
            }
            Some((all, examining)) => {
                format!("{all}: {examining} to examine, for messages {of_messages}")
            }
        })
    }
}

fn of(results_file: &ResultsFile, locale: &Locale) -> Vec<RunFact> {
    let (header, trailer) = (results_file.header(), results_file.trailer());
    let inputs = header.inputs.iter().map(|input| {
        let text = match locale.language {
            Language::English => format!(
                "{}, {}, SHA-256 {}",
                input.path,
                counted(input.rows, "row", "rows"),
                input.sha256
            ),
            Language::Chinese => format!(
                "{}，{} 行，SHA-256 {}",
                input.path,
                count(input.rows),
                input.sha256
            ),
        };
        (phrases::INPUT, text)
    });
    let mut facts = vec![(phrases::SOURCE, header.source.clone())];
    facts.extend(inputs);
    let time = |text: &str| format!("{} {}", locale.recorded(text), locale.time_format.name());
    facts.extend([
        (phrases::BEGAN, time(&header.started_at)),
        (phrases::ENDED, time(&trailer.finished_at)),
    ]);
    facts.extend(took(results_file).map(|took| (phrases::TOOK, locale.duration(took))));
    facts.extend(header.rate.clone().map(|rate| (phrases::RATE, rate)));
    facts.extend([
        (phrases::PRODUCER_ZONE, header.producer_zone.clone()),
        (phrases::TOOL, header.tool.clone()),
        (phrases::RUN_ID, header.run_id.clone()),
        (
            phrases::RESULTS_FILE_PATH,
            results_file.path().display().to_string(),
        ),
        (phrases::RESULTS_FILE_SHA256, trailer.sha256.clone()),
    ]);
    facts
        .into_iter()
        .map(|(phrase, text)| (locale.text(phrase), text))
        .collect()
}

fn took(results_file: &ResultsFile) -> Option<Duration> {
    let [from, to] = [
        &results_file.header().started_at,
        &results_file.trailer().finished_at,
    ];
    let [from, to] = [from.parse::<Timestamp>().ok()?, to.parse().ok()?];
    Duration::try_from(to.duration_since(from)).ok()
}
