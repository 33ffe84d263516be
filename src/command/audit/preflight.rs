//! The pass over the input before the first call. It collects everything that must be known about the rows before they are
//! asked, so that the input is parsed only once for that.

use std::cell::Cell;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::order::BornTimes;
use crate::engine::{Forecast, Rate};
use crate::input::{Entry, InputError, Inputs, Row};
use crate::results::{KnownAnswer, Previous, QueryDigest, RowSet, SpreadsheetDamage};
use crate::source::rocketmq::QueriedTopic;

/// What is known of the rows before the first call.
#[derive(Debug, Default)]
pub(in crate::command) struct Preflight {
    /// Topics that are asked about.
    pub(in crate::command) topics: BTreeSet<QueriedTopic>,
    /// Whether a message has no position in the input.
    has_unplaced: bool,
    /// What the rows ask that an earlier run has settled.
    pub(in crate::command) digest: QueryDigest,
    pub(in crate::command) damage: SpreadsheetDamage,
    last_topic: Option<QueriedTopic>,
}

impl Preflight {
    /// Reads all rows, for a run that needs no forecast.
    ///
    /// # Errors
    ///
    /// If the input cannot be read.
    pub(in crate::command) fn read(
        inputs: &Inputs,
        done: Option<&RowSet>,
    ) -> Result<Self, InputError> {
        let mut preflight = Self::default();
        for row in inputs.rows() {
            preflight.add(&row?, done);
        }
        Ok(preflight)
    }

    /// Reads all rows and forecasts the run over those that are left: neither settled (`done`) nor carried over from
    /// `previous`. Also returns the number of messages that are carried over.
    ///
    /// # Errors
    ///
    /// If the input cannot be read.
    pub(in crate::command) fn read_with_forecast(
        inputs: &Inputs,
        (done, previous): (Option<&RowSet>, Option<&Previous>),
        terms: &ForecastTerms<'_>,
    ) -> Result<(Self, Forecast, u64), InputError> {
        let (mut preflight, carried) = (Self::default(), Cell::new(0));
        let rows = inputs.rows().filter(|row| {
            let Ok(row) = row else { return true };
            preflight.add(row, done);
            if done.is_some_and(|done| done.contains(row.row)) {
                return false;
            }
            let known = previous.map(|previous| previous.known_answer(row));
            if matches!(known, Some(KnownAnswer::Settled(_))) {
                carried.set(carried.get() + 1);
                return false;
            }
            preflight.damage.add_row(row);
            true
        });
        let forecast = Forecast::of(rows, terms.rate, terms.start, terms.retention, |row| {
            terms.born.of(row)
        })?;
        let forecast = if terms.needs_no_call_where_placed && preflight.is_placed() {
            forecast.without_calls()
        } else {
            forecast
        };
        Ok((preflight, forecast, carried.get()))
    }

    /// Returns whether the input gives the position of every message.
    pub(in crate::command) const fn is_placed(&self) -> bool {
        !self.has_unplaced
    }

    fn add(&mut self, row: &Row, done: Option<&RowSet>) {
        if done.is_some_and(|done| done.contains(row.row)) {
            self.digest.add_row(row);
        }
        let Entry::Query(query) = &row.entry else {
            return;
        };
        self.has_unplaced |= query.position.is_none();
        let is_last = |(instance, topic): &QueriedTopic| {
            *instance == query.instance_id && *topic == query.topic
        };
        if !self.last_topic.as_ref().is_some_and(is_last) {
            let topic = (query.instance_id.clone(), query.topic.clone());
            self.topics.insert(topic.clone());
            self.last_topic = Some(topic);
        }
    }
}

/// What a forecast assumes.
#[derive(Debug)]
pub(in crate::command) struct ForecastTerms<'a> {
    pub(in crate::command) rate: Rate,
    /// A cluster is not asked for a message whose position is given.
    pub(in crate::command) needs_no_call_where_placed: bool,
    pub(in crate::command) start: Timestamp,
    /// How long the source keeps messages. `None` if it keeps them for good.
    pub(in crate::command) retention: Option<std::time::Duration>,
    pub(in crate::command) born: &'a BornTimes<'a>,
}
