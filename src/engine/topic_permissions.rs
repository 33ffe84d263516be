//! The topics that the key may ask about.
//!
//! Permissions are given by instance and topic (`docs/facts/ons-api.md` §1.5), so one denied query need not mean that
//! all are denied. The answers so far decide:
//!
//! | answered so far | a denied query |
//! |---|---|
//! | nothing | ends the run: the key is probably denied everything |
//! | only other topics | is that query's outcome, and that of all later queries about its topic, which are not asked |
//! | this topic | ends the run: a permission was revoked meanwhile |
//!
//! Only one call is in flight until something is answered (`gate.rs`), so the case never depends on the order of
//! answers.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use crate::message::Query;
use crate::source::{Failure, FailureKind, Trace};

/// At most so many topics are remembered. Queries about further topics are all asked.
const TOPICS: usize = 10_000;

/// Instance and topic.
type TopicKey = (Option<Arc<str>>, Arc<str>);

/// What the answers so far say about the permissions of the key.
#[derive(Debug)]
pub(super) struct TopicPermissions {
    access_confirmed: Cell<bool>,
    known: RefCell<HashMap<TopicKey, TopicAccess>>,
}

#[derive(Debug)]
enum TopicAccess {
    Answered,
    Refused(Failure),
}

impl TopicPermissions {
    /// Makes the state of a run that knows nothing of any topic. `access_confirmed` says that an earlier part of the
    /// run was answered, so the key may ask about some topic.
    pub(super) fn new(access_confirmed: bool) -> Self {
        Self {
            access_confirmed: Cell::new(access_confirmed),
            known: RefCell::default(),
        }
    }

    /// Returns the error that the query would get, if its topic is known to be denied.
    pub(super) fn refusal(&self, query: &Query) -> Option<Failure> {
        match self.known.borrow().get(&topic_key(query)) {
            Some(TopicAccess::Refused(failure)) => Some(Failure {
                request_id: None,
                http_status: None,
                message: format!(
                    "not asked, since the key may not ask about this topic: {}",
                    failure.message
                ),
                ..failure.clone()
            }),
            Some(TopicAccess::Answered) | None => None,
        }
    }

    /// Records an answer. An error for want of a permission becomes that of its query, or one that ends the run.
    pub(super) fn learn(
        &self,
        query: &Query,
        answer: Result<Trace, Failure>,
    ) -> Result<Trace, Failure> {
        match answer {
            Ok(trace) => {
                self.access_confirmed.set(true);
                self.remember(query, TopicAccess::Answered);
                Ok(trace)
            }
            Err(failure) if failure.kind == FailureKind::Forbidden => {
                Err(self.forbidden(query, failure))
            }
            Err(failure) => {
                self.access_confirmed
                    .set(self.access_confirmed.get() || failure.proves_access());
                Err(failure)
            }
        }
    }

    fn forbidden(&self, query: &Query, mut failure: Failure) -> Failure {
        let known = matches!(
            self.known.borrow().get(&topic_key(query)),
            Some(TopicAccess::Answered)
        );
        if known || !self.access_confirmed.get() {
            failure.kind = FailureKind::Fatal;
            return failure;
        }
        failure.kind = FailureKind::Refused;
        if self.remember(query, TopicAccess::Refused(failure.clone())) {
            let (code, hint) = (failure.code.as_deref(), failure.hint.as_deref());
            tracing::warn!(
                "the key may not ask about topic {} ({}), so its messages stay unanswered: {}",
                query.topic,
                code.unwrap_or("no code"),
                hint.unwrap_or("see its rights")
            );
        }
        failure
    }

    /// Records the access to a topic. Returns whether it was not known before.
    fn remember(&self, query: &Query, now: TopicAccess) -> bool {
        let (topic_key, mut known) = (topic_key(query), self.known.borrow_mut());
        if let Some(before) = known.get_mut(&topic_key) {
            let is_news = std::mem::discriminant(before) != std::mem::discriminant(&now);
            *before = now;
            return is_news;
        }
        if known.len() < TOPICS {
            known.insert(topic_key, now);
        }
        true
    }
}

fn topic_key(query: &Query) -> TopicKey {
    (query.instance_id.clone(), query.topic.clone())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use FailureKind::{Fatal, NotFound, Refused, Server};

    use super::super::tests::{audit, queries};
    use super::*;
    use crate::engine::{RunOutcome, Stop};
    use crate::input::{Entry, Row};
    use crate::source::{CallPacer, TraceSource};

    /// Answers about some topics, until its right is taken away.
    struct Limited {
        topics: &'static [&'static str],
        until_call: usize,
        asked: RefCell<Vec<String>>,
    }

    impl TraceSource for Limited {
        async fn trace<P: CallPacer>(&self, query: &Query, _: &P) -> Result<Trace, Failure> {
            let call = {
                let mut asked = self.asked.borrow_mut();
                asked.push(query.topic.to_string());
                asked.len()
            };
            tokio::time::sleep(Duration::from_millis(100)).await;
            if self.topics.contains(&&*query.topic) && call <= self.until_call {
                return Ok(Trace::new(Vec::new()));
            }
            Err(Failure {
                request_id: Some("R".into()),
                ..Failure::new(FailureKind::Forbidden, "NoPermission".to_owned(), "may not")
            })
        }

        fn may_refuse_everyone(&self) -> bool {
            true
        }
    }

    fn limited(topics: &'static [&'static str], until_call: usize) -> Limited {
        Limited {
            topics,
            until_call,
            asked: RefCell::default(),
        }
    }

    /// Queries about each topic in turn, so many each.
    fn about(topics: &'static [(&'static str, usize)]) -> impl Iterator<Item = Row> {
        let names = topics
            .iter()
            .flat_map(|(topic, times)| std::iter::repeat_n(*topic, *times));
        queries(1000).zip(names).map(|(mut row, topic)| {
            if let Entry::Query(query) = &mut row.entry {
                query.topic = topic.into();
            }
            row
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_that_is_not_the_keys_costs_few_calls_and_stops_nothing() {
        for in_flight in [1, 8] {
            let source = limited(&["payments", "refunds"], usize::MAX);
            let rows = about(&[("payments", 3), ("orders", 200), ("refunds", 300)]);
            let (ended, sink) = audit(rows, &source, "max", in_flight, &Stop::new()).await;
            assert!(matches!(ended, RunOutcome::Complete));
            let answered = sink
                .outcomes
                .iter()
                .filter(|outcome| outcome.answer.is_ok());
            assert_eq!((answered.count(), sink.outcomes.len()), (303, 503));
            let asked = source.asked.borrow();
            let of_orders = asked.iter().filter(|topic| *topic == "orders").count();
            assert!((1..=in_flight).contains(&of_orders), "{of_orders}");
            let refused = sink.outcomes.iter().filter_map(|outcome| {
                let failure = outcome.answer.as_ref().err()?;
                assert_eq!(failure.kind, Refused);
                assert_eq!(failure.code.as_deref(), Some("NoPermission"));
                assert_eq!(outcome.attempts == 1, failure.request_id.is_some());
                Some(usize::try_from(outcome.attempts).unwrap())
            });
            assert_eq!(refused.sum::<usize>(), of_orders, "calls, and no more");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn before_anything_is_answered_it_stops_the_run_after_one_call() {
        let source = limited(&["payments"], usize::MAX);
        let rows = about(&[("orders", 1), ("payments", 100)]);
        let (ended, sink) = audit(rows, &source, "max", 8, &Stop::new()).await;
        assert!(matches!(ended, RunOutcome::Fatal(failure) if failure.kind == Fatal));
        assert_eq!((source.asked.borrow().len(), sink.rows.len()), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_that_is_taken_away_stops_the_run() {
        let source = limited(&["payments"], 50);
        let rows = about(&[("payments", 500)]);
        let (ended, sink) = audit(rows, &source, "max", 8, &Stop::new()).await;
        assert!(matches!(ended, RunOutcome::Fatal(_)));
        assert_eq!(sink.rows.len(), 50, "the answers are kept");
        assert!(source.asked.borrow().len() <= 58);
    }

    #[test]
    fn an_earlier_part_of_the_run_proves_as_much_as_this_one() {
        let query = Query {
            instance_id: None,
            topic: "orders".into(),
            msg_id: "AA".into(),
            position: None,
            born_after: None,
            send_result: None,
        };
        let judged = |access_confirmed, before: Option<FailureKind>| {
            let permissions = TopicPermissions::new(access_confirmed);
            if let Some(kind) = before {
                let _ = permissions.learn(&query, Err(Failure::new(kind, None, "")));
            }
            let refusal = Failure::new(FailureKind::Forbidden, None, "");
            permissions.learn(&query, Err(refusal)).unwrap_err().kind
        };
        assert_eq!(judged(false, None), Fatal);
        assert_eq!(judged(true, None), Refused);
        assert_eq!(judged(false, Some(NotFound)), Refused);
        assert_eq!(judged(false, Some(Server)), Fatal);
    }
}
