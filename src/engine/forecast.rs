//! Forecasts a run: what it would ask, how long it takes, and which messages expire before their turn.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Rate;
use crate::input::{Entry, Row};

/// How long `ApsaraMQ` keeps messages by default (`docs/facts/ons-api.md` §2.3).
pub const RETENTION: Duration = Duration::from_hours(72);

/// A forecast of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Forecast {
    /// Input rows.
    pub rows: u64,
    /// Queries that would be asked.
    pub distinct: u64,
    /// Rows that repeat an earlier row.
    pub duplicates: u64,
    /// Rejected rows.
    pub rejected: u64,
    /// Seconds from the first call to the last answer, without retries. `None` if nothing limits the rate.
    pub seconds: Option<f64>,
    /// The oldest message.
    pub oldest: Option<Oldest>,
    /// Messages whose born time is known.
    pub dated: u64,
    /// How many of those are older than the retention already. `None` if the source keeps messages for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired: Option<u64>,
    /// How many more of those will be older than the retention when their turn comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiring: Option<u64>,
}

/// The message with the earliest born time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Oldest {
    /// Row of the input, from 1.
    pub row: u64,
    /// The ID as the input has it.
    pub msg_id: String,
    /// The born time.
    pub born_at: Timestamp,
}

impl Forecast {
    /// Counts `rows`, asked in their order at `rate` from `start` on, of a source that keeps messages for `retention`.
    /// `born` returns the born time of a row's message, if it is known.
    ///
    /// # Errors
    ///
    /// The first error of `rows`.
    pub fn of<E>(
        rows: impl Iterator<Item = Result<Row, E>>,
        rate: Rate,
        start: Timestamp,
        retention: Option<Duration>,
        born: impl Fn(&Row) -> Option<Timestamp>,
    ) -> Result<Self, E> {
        let mut forecast = Self {
            expired: retention.map(|_| 0),
            expiring: retention.map(|_| 0),
            ..Self::default()
        };
        for row in rows {
            let row = row?;
            forecast.rows += 1;
            match &row.entry {
                Entry::Duplicate { .. } => forecast.duplicates += 1,
                Entry::Rejected(_) => forecast.rejected += 1,
                Entry::Query(query) => {
                    forecast.distinct += 1;
                    if let Some(born) = born(&row) {
                        let turn = rate.time_for(forecast.distinct).unwrap_or_default();
                        forecast.date(
                            row.row,
                            &query.msg_id,
                            born,
                            ExpiryTerms {
                                start,
                                turn,
                                retention,
                            },
                        );
                    }
                }
            }
        }
        forecast.seconds = rate
            .time_for(forecast.distinct)
            .map(|time| time.as_secs_f64());
        Ok(forecast)
    }

    /// Returns the forecast of a run that makes no call for a message: it takes no time.
    #[must_use]
    pub fn without_calls(self) -> Self {
        Self {
            seconds: None,
            expiring: self.expiring.map(|_| 0),
            ..self
        }
    }

    fn date(&mut self, row: u64, msg_id: &str, born: Timestamp, terms: ExpiryTerms) {
        self.dated += 1;
        if self
            .oldest
            .as_ref()
            .is_none_or(|oldest| born < oldest.born_at)
        {
            self.oldest = Some(Oldest {
                row,
                msg_id: msg_id.to_owned(),
                born_at: born,
            });
        }
        let outlives = |wait: Duration| {
            let age = terms
                .start
                .duration_since(born)
                .saturating_add(signed(wait));
            terms.retention.is_some_and(|most| age > signed(most))
        };
        if outlives(Duration::ZERO) {
            self.expired = self.expired.map(|expired| expired + 1);
        } else if outlives(terms.turn) {
            self.expiring = self.expiring.map(|expiring| expiring + 1);
        }
    }
}

#[derive(Clone, Copy)]
struct ExpiryTerms {
    start: Timestamp,
    turn: Duration,
    retention: Option<Duration>,
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{KeptCells, Reject};
    use crate::message::Query;

    fn row(row: u64, entry: Entry) -> Row {
        Row {
            row,
            kept: KeptCells::nothing(),
            entry,
        }
    }

    fn query(id: &str) -> Entry {
        Entry::Query(Query {
            instance_id: None,
            topic: "orders".into(),
            msg_id: id.into(),
            position: None,
            born_after: None,
            send_result: None,
        })
    }

    #[test]
    fn it_says_what_is_asked_how_long_it_takes_and_what_expires() {
        let start: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        // Ages in seconds; the retention is 10 s here, and a call is made each second.
        let ages = |row: &Row| {
            let Entry::Query(query) = &row.entry else {
                return None;
            };
            query
                .msg_id
                .parse()
                .ok()
                .map(|age: i64| start - SignedDuration::from_secs(age))
        };
        let reject = Reject {
            file: "-".into(),
            line: 1,
            column: "msg_id".into(),
            found: String::new(),
            reason: String::new(),
            msg_id: None,
            topic: None,
        };
        let rows = [
            query("3"),  // turn at 0 s
            query("11"), // expired already
            query("x"),  // tells nothing
            query("8"),  // 11 s old at its turn
            Entry::Duplicate { of: 1 },
            query("6"), // 10 s old at its turn: still there
            Entry::Rejected(Box::new(reject)),
        ];
        let rows = (1..).zip(rows).map(|(nth, entry)| row(nth, entry));
        let rows = rows.map(Ok::<_, std::convert::Infallible>);
        let forecast = Forecast::of(
            rows,
            "1/s".parse().unwrap(),
            start,
            Some(Duration::from_secs(10)),
            ages,
        )
        .unwrap();
        assert_eq!(
            (
                forecast.rows,
                forecast.distinct,
                forecast.duplicates,
                forecast.rejected
            ),
            (7, 5, 1, 1)
        );
        assert_eq!(forecast.seconds, Some(4.0));
        assert_eq!(
            (forecast.dated, forecast.expired, forecast.expiring),
            (4, Some(1), Some(1))
        );
        assert_eq!(forecast.oldest.unwrap().row, 2);
    }
}
