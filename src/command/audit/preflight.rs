//! The pass over the input before the first call. It collects everything that must be known about the rows before they are
//! asked, so that the input is parsed only once for that.

use std::cell::Cell;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::order::BornTimes;
use super::refusals::{UnfitInstance, refuse_unfit_instance};
use crate::engine::{Forecast, Rate};
use crate::exit::Failed;
use crate::input::{Entry, InputError, Inputs, Row};
use crate::results::{KnownAnswer, Previous, QueryDigest, RowSet, SpreadsheetDamage};
use crate::source::ons::{Endpoint, Service};
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
    /// The first row that the source cannot be asked about because of its instance.
    unfit_instance: Option<UnfitInstance>,
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
    /// If the input cannot be read, or the instance of a row does not fit the source.
    pub(in crate::command) fn read_with_forecast(
        inputs: &Inputs,
        (done, previous): (Option<&RowSet>, Option<&Previous>),
        terms: &ForecastTerms<'_>,
    ) -> Result<(Self, Forecast, u64), Failed> {
        let (mut preflight, carried) = (Self::default(), Cell::new(0));
        let rows = inputs.rows().filter(|row| {
            let Ok(row) = row else { return true };
            preflight.check_instance(row, terms.endpoint);
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
        if let (Some(unfit), Some(endpoint)) = (&preflight.unfit_instance, terms.endpoint) {
            return Err(refuse_unfit_instance(unfit, endpoint, inputs));
        }
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

    /// Returns the number of instances that are asked about; rows without one are about the one of the source.
    pub(in crate::command) fn instances(&self) -> usize {
        let instances: BTreeSet<_> = self.topics.iter().map(|(instance, _)| instance).collect();
        instances.len()
    }

    /// Notes the first row whose instance does not fit the source. To be called before the row is added.
    fn check_instance(&mut self, row: &Row, endpoint: Option<&Endpoint>) {
        let (Some(endpoint), Entry::Query(query)) = (endpoint, &row.entry) else {
            return;
        };
        let last = self.last_topic.as_ref();
        let is_known = last.is_some_and(|(instance, _)| *instance == query.instance_id);
        if is_known || self.unfit_instance.is_some() {
            return;
        }
        let is_unfit = match &query.instance_id {
            Some(instance) => endpoint.source_for(instance).is_some(),
            None => endpoint.service() == Service::Rmq && endpoint.instance().is_none(),
        };
        if is_unfit {
            self.unfit_instance = Some(UnfitInstance {
                row: row.row,
                instance: query.instance_id.clone(),
            });
        }
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
    /// The address, if the source is a service of Alibaba Cloud.
    pub(in crate::command) endpoint: Option<&'a Endpoint>,
}
