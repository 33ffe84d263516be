//! Refusals and announcements before the first query.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use jiff::Timestamp;

use crate::engine::Forecast;
use crate::exit::Failed;
use crate::humanize;
use crate::input::{Entry, InputError, InputNotes, Inputs, Reject};
use crate::report::InputNotesText;
use crate::report::locale::Language;
use crate::results::{ReadError, ResultsFile, SpreadsheetDamage};
use crate::settings::{Deadline, MaxRejects};
use crate::source::ons::{Endpoint, Service};

/// Refuses a path with a file that is not a results file. An earlier results file is kept under another name.
pub(super) fn refuse_to_replace(results: &Path) -> Result<(), Failed> {
    match ResultsFile::open(results) {
        Ok(_) => Ok(()),
        Err(ReadError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Ok(())
        }
        Err(error) => Err(Failed::refused(
            anyhow::Error::new(error).context("the results file would replace a file that is none"),
            Some("name another results file with --results".to_owned()),
        )),
    }
}

/// Refuses an input with more rejected rows than `--max-rejects` allows.
pub(in crate::command) fn refuse_too_many_rejects(
    forecast: &Forecast,
    most: MaxRejects,
    inputs: &Inputs,
) -> Result<(), Failed> {
    let (rejected, rows) = match inputs.shard() {
        // All shards are refused, or none.
        Some(_) => rejects_of_all_shards(inputs)?,
        None => (forecast.rejected, forecast.rows),
    };
    if most.exceeded(rejected, rows) {
        return Err(too_many_rejects(rejected, rows, inputs));
    }
    Ok(())
}

/// Returns the number of rejected rows and of all rows of the inputs.
fn rejects_of_all_shards(inputs: &Inputs) -> Result<(u64, u64), InputError> {
    let mut counts = (0, 0);
    for row in inputs.of_all_shards().rows() {
        let is_rejected = matches!(row?.entry, Entry::Rejected(_));
        counts = (counts.0 + u64::from(is_rejected), counts.1 + 1);
    }
    Ok(counts)
}

/// A row whose instance does not fit the source.
#[derive(Debug)]
pub(super) struct UnfitInstance {
    /// Row of the input, from 1.
    pub(super) row: u64,
    /// The instance of another service. `None` if the source needs an instance, and neither the source nor the row names one.
    pub(super) instance: Option<Arc<str>>,
}

/// Returns the refusal of an input with a row that the source cannot be asked about because of its instance.
pub(super) fn refuse_unfit_instance(
    unfit: &UnfitInstance,
    endpoint: &Endpoint,
    inputs: &Inputs,
) -> Failed {
    let place = place_of(unfit.row, inputs);
    let Some(instance) = &unfit.instance else {
        let error = anyhow!("{place}: no instance, and {endpoint} names none");
        let hint = "name it in the source (rmq://REGION/INSTANCE_ID), with --instance, or in a column instance_id";
        return Failed::refused(error, hint.to_owned());
    };
    let flag = inputs.given_flags().get("--instance");
    let of_flag = if flag.is_some_and(|given| **given == **instance) {
        " (--instance)"
    } else {
        ""
    };
    let service = Service::of_instance(instance).unwrap_or(Service::Ons);
    let error = anyhow!("{place}: the instance `{instance}`{of_flag} belongs to {service}");
    let hint = endpoint.source_for(instance);
    Failed::refused(error, hint.map(|source| format!("--source {source}")))
}

/// Returns `orders.csv, row 7`: the row within its file.
fn place_of(row: u64, inputs: &Inputs) -> String {
    let mut row = row;
    for survey in inputs.surveys() {
        if row <= survey.rows {
            let path = humanize::input(Path::new(&survey.path));
            return format!("{path}, row {row}");
        }
        row -= survey.rows;
    }
    format!("row {row}")
}

/// Announces what will be asked. `retention` is how long the source keeps messages.
pub(super) fn announce(forecast: &Forecast, retention: Option<Duration>) {
    let time = forecast
        .seconds
        .map(|seconds| humanize::duration(Duration::from_secs_f64(seconds)));
    tracing::info!(
        "asking about {}{} ({}, {}, {} rejected)",
        humanize::counted(forecast.distinct, "message", "messages"),
        time.map(|time| format!(", about {time}"))
            .unwrap_or_default(),
        humanize::counted(forecast.rows, "row", "rows"),
        humanize::counted(forecast.duplicates, "duplicate", "duplicates"),
        humanize::count(forecast.rejected),
    );
    let [expired, expiring] = [forecast.expired, forecast.expiring].map(Option::unwrap_or_default);
    if expired + expiring > 0
        && let Some(retention) = retention
    {
        tracing::warn!(
            "by their IDs, {} older than {} and {} more will be before their turn: they may be gone",
            humanize::counted(expired, "message is", "messages are"),
            humanize::days(retention),
            humanize::count(expiring),
        );
    }
}

/// Warns about columns that a spreadsheet has damaged, while the list can still be made again.
pub(super) fn announce_damage(damage: &SpreadsheetDamage) {
    for column in damage.columns() {
        tracing::warn!("{column}");
    }
}

/// Warns about what a person should look at in the inputs.
pub(in crate::command) fn announce_notes(notes: &InputNotes) {
    let text = InputNotesText {
        notes,
        language: Language::English,
    };
    for warning in text.warnings() {
        tracing::warn!("{warning}");
    }
}

/// Announces how many answers of an earlier results file are reused.
pub(super) fn announce_carried(carried: u64) {
    if carried > 0 {
        tracing::info!(
            "{} more messages had passed when --previous was asked: their answers are carried",
            humanize::count(carried)
        );
    }
}

/// Announces how far the run will come before its deadline.
pub(super) fn announce_deadline(forecast: &Forecast, deadline: &Deadline, now: Timestamp) {
    let reached = reached(forecast, deadline, now);
    if let Some(reached) = reached.filter(|reached| *reached < forecast.distinct) {
        tracing::warn!(
            "time for about {} of them ({}): the oldest are asked first, --resume goes on with the others",
            humanize::count(reached),
            deadline.given_by,
        );
    }
}

/// Returns the number of messages that are asked before the deadline. `None` if nothing limits the rate.
pub(in crate::command) fn reached(
    forecast: &Forecast,
    deadline: &Deadline,
    now: Timestamp,
) -> Option<u64> {
    let (seconds, left) = (forecast.seconds?, deadline.left(now).as_secs_f64());
    if seconds <= left {
        return Some(forecast.distinct);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a share of a number of messages"
    )]
    let share = (forecast.distinct as f64 * left / seconds) as u64;
    Some(share)
}

/// Refuses an empty input. A failed export is often only a header, and must not count as "all reconciled".
pub(super) fn refuse_if_empty(inputs: &Inputs) -> Result<(), Failed> {
    if inputs.surveys().iter().any(|survey| survey.rows > 0) {
        return Ok(());
    }
    let names: Vec<_> = inputs
        .surveys()
        .iter()
        .map(|survey| humanize::input(Path::new(&survey.path)))
        .collect();
    let error = anyhow!(
        "no rows in {}: there is nothing to ask about",
        names.join(", ")
    );
    Err(Failed::refused(
        error,
        Some(
            "check the export that made it: it has no rows, only a header, or no line that says that a message was sent"
                .to_owned(),
        ),
    ))
}

/// Refuses a snapshot's audit if all rows are rejected. Reads only up to the first good row.
pub(super) fn refuse_if_all_are_bad(inputs: &Inputs) -> Result<(), Failed> {
    let mut rows = 0;
    for row in inputs.of_all_shards().rows() {
        if !matches!(row?.entry, Entry::Rejected(_)) {
            return Ok(());
        }
        rows += 1;
    }
    if rows == 0 {
        Ok(())
    } else {
        Err(too_many_rejects(rows, rows, inputs))
    }
}

fn too_many_rejects(rejected: u64, rows: u64, inputs: &Inputs) -> Failed {
    let first = match inputs.of_all_shards().first_rejects(1, |_| false) {
        Ok(first) => first.first().map(Reject::to_string).unwrap_or_default(),
        Err(error) => return error.into(),
    };
    let [bad, of_all] = [rejected, rows].map(humanize::count);
    if rejected == rows {
        let error = match rows {
            1 => anyhow!("the only row is bad: {first}"),
            _ => anyhow!("all {of_all} rows are bad, the first is {first}"),
        };
        let hint = "is this the list of message IDs? --msg-id-column, --topic-column and --topic say where they stand; \
                    `ons-audit plan` with the same input names more bad rows";
        return Failed::refused(error, hint.to_owned());
    }
    let error = anyhow!(
        "{bad} of {of_all} rows are bad, more than --max-rejects allows; the first is {first}"
    );
    let hint = "`ons-audit plan` with the same input names more of them";
    Failed::refused(error, hint.to_owned())
}
