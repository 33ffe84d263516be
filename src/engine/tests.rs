//! The loop on the paused clock: a scripted source, hours in milliseconds.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::num::NonZeroU32;
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use tokio::time::{Instant, advance, sleep};

use super::{Backoff, Engine, Pacer, Policy, RunOutcome, Sink, Stop};
use crate::input::{Entry, KeptCells, Row};
use crate::message::Query;
use crate::results::{KnownAnswer, Outcome};
use crate::source::{CallPacer, Failure, FailureKind, Trace, TraceSource};

/// Answers after `latency`, with what the script says next, or else with an empty trace.
struct Scripted {
    latency: Duration,
    script: RefCell<VecDeque<Failure>>,
    begun: RefCell<Vec<Duration>>,
    start: Instant,
    may_refuse: bool,
}

impl Scripted {
    fn new(latency_ms: u64, script: impl IntoIterator<Item = Failure>) -> Self {
        Self {
            latency: Duration::from_millis(latency_ms),
            script: RefCell::new(script.into_iter().collect()),
            begun: RefCell::default(),
            start: Instant::now(),
            may_refuse: false,
        }
    }

    /// Behind a gateway that may refuse everyone.
    fn wary(latency_ms: u64, script: impl IntoIterator<Item = Failure>) -> Self {
        Self {
            may_refuse: true,
            ..Self::new(latency_ms, script)
        }
    }
}

impl TraceSource for Scripted {
    async fn trace<P: CallPacer>(&self, _: &Query, _: &P) -> Result<Trace, Failure> {
        self.begun.borrow_mut().push(self.start.elapsed());
        let failure = self.script.borrow_mut().pop_front();
        sleep(self.latency).await;
        failure.map_or(Ok(Trace::new(Vec::new())), Err)
    }

    fn may_refuse_everyone(&self) -> bool {
        self.may_refuse
    }
}

#[derive(Default)]
pub(super) struct Collected {
    pub(super) rows: Vec<u64>,
    pub(super) outcomes: Vec<Outcome>,
    idle: usize,
}

impl Sink for Collected {
    fn settled(&mut self, row: &Row, outcome: Option<&Outcome>) -> anyhow::Result<()> {
        self.rows.push(row.row);
        self.outcomes.extend(outcome.cloned());
        Ok(())
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        self.idle += 1;
        Ok(())
    }

    fn tick(&mut self, _: Option<f64>) {}
}

fn row(row: u64) -> Row {
    let entry = if row.is_multiple_of(10) {
        Entry::Duplicate { of: 1 }
    } else {
        Entry::Query(Query {
            instance_id: None,
            topic: "orders".into(),
            msg_id: "AA".into(),
            position: None,
            born_after: None,
            send_result: None,
        })
    };
    Row {
        row,
        kept: KeptCells::nothing(),
        entry,
    }
}

pub(super) fn queries(count: u64) -> impl Iterator<Item = Row> {
    (1..)
        .filter(|nth: &u64| !nth.is_multiple_of(10))
        .take(usize::try_from(count).unwrap())
        .map(row)
}

fn failure(kind: FailureKind, retry_after: Option<u64>) -> Failure {
    Failure {
        retry_after: retry_after.map(Duration::from_secs),
        ..Failure::new(kind, None, "as scripted")
    }
}

fn policy(concurrency: usize) -> Policy {
    let backoff = Backoff {
        draw: || 1.0,
        ..Backoff::default()
    };
    Policy {
        concurrency,
        max_attempts: 5,
        backoff,
        clock: || Timestamp::UNIX_EPOCH,
    }
}

fn pacer(rate: &str) -> Pacer {
    Pacer::new(rate.parse().unwrap(), NonZeroU32::MIN)
}

pub(super) async fn audit(
    rows: impl Iterator<Item = Row>,
    source: &impl TraceSource,
    rate: &str,
    in_flight: usize,
    stop: &Stop,
) -> (RunOutcome, Collected) {
    let mut sink = Collected::default();
    let engine = Engine {
        source,
        pacer: &pacer(rate),
        policy: &policy(in_flight),
        stop,
        access_confirmed: false,
    };
    let ended = engine
        .run(
            rows.map(|row| Ok::<_, Infallible>((row, KnownAnswer::Unknown))),
            &mut sink,
        )
        .await
        .unwrap();
    (ended, sink)
}

#[tokio::test(start_paused = true)]
async fn a_thousand_answers_of_half_a_second_at_ten_a_second() {
    let source = Scripted::new(500, []);
    let (ended, sink) = audit(queries(1000), &source, "10/s", 8, &Stop::new()).await;
    assert!(matches!(ended, RunOutcome::Complete));
    assert_eq!(source.start.elapsed(), Duration::from_millis(100_400));
    assert_eq!(sink.outcomes.len(), 1000);
    assert!(
        sink.idle >= 1000,
        "whatever came is handed on before the next wait"
    );
}

/// As where a key ended before the call: each gets another turn, at the pace, and no attempt is lost.
#[tokio::test(start_paused = true)]
async fn a_turn_in_which_nobody_was_asked_is_no_attempt() {
    let unasked = || Failure {
        no_call_made: true,
        ..failure(FailureKind::Server, None)
    };
    let source = Scripted::new(0, (0..9).map(|_| unasked()));
    let (ended, sink) = audit(queries(3), &source, "10/s", 3, &Stop::new()).await;
    assert!(matches!(ended, RunOutcome::Complete));
    let once = |outcome: &Outcome| outcome.answer.is_ok() && outcome.attempts == 1;
    assert!(sink.outcomes.len() == 3 && sink.outcomes.iter().all(once));
    let turns = (0..12).map(|turn| Duration::from_millis(100 * turn));
    assert!(source.begun.borrow().iter().copied().eq(turns));
}

/// As where too many files are open: calls wait for others to end, and no attempt is lost.
#[tokio::test(start_paused = true)]
async fn a_call_without_a_free_file_waits_and_is_no_attempt() {
    let out_of_files = || Failure {
        out_of_files: true,
        ..failure(FailureKind::Transport, None)
    };
    let source = Scripted::new(0, (0..30).map(|_| out_of_files()));
    let (ended, sink) = audit(queries(3), &source, "max", 3, &Stop::new()).await;
    assert!(matches!(ended, RunOutcome::Complete));
    let once = |outcome: &Outcome| outcome.answer.is_ok() && outcome.attempts == 1;
    assert!(sink.outcomes.len() == 3 && sink.outcomes.iter().all(once));
    assert_eq!(source.start.elapsed(), Duration::from_secs(10));

    let source = Scripted::new(0, (0..1000).map(|_| out_of_files()));
    let (ended, _) = audit(queries(3), &source, "max", 1, &Stop::new()).await;
    assert!(matches!(ended, RunOutcome::Fatal(_)), "{ended:?}");
    assert_eq!(source.start.elapsed(), Duration::from_mins(2));
}

/// Knows everything itself, as a snapshot does.
#[derive(Default)]
struct AtHand {
    asked: Cell<u64>,
}

impl TraceSource for AtHand {
    async fn trace<P: CallPacer>(&self, _: &Query, _: &P) -> Result<Trace, Failure> {
        self.asked.set(self.asked.get() + 1);
        Ok(Trace::new(Vec::new()))
    }

    fn answer_locally(&self, _: &Query, is_paced: bool) -> Option<Result<Trace, Failure>> {
        (!is_paced).then(|| Err(failure(FailureKind::Transport, None)))
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_at_hand_is_neither_asked_nor_asked_again_unless_a_rate_is_to_be_kept() {
    for in_flight in [1, 8] {
        let (source, start) = (AtHand::default(), Instant::now());
        let (ended, sink) = audit(queries(3000), &source, "max", in_flight, &Stop::new()).await;
        assert!(matches!(ended, RunOutcome::Complete));
        let once = |outcome: &Outcome| outcome.answer.is_err() && outcome.attempts == 1;
        assert!(sink.outcomes.len() == 3000 && sink.outcomes.iter().all(once));
        assert_eq!((source.asked.get(), start.elapsed()), (0, Duration::ZERO));
        audit(queries(101), &source, "10/s", in_flight, &Stop::new()).await;
        let ten_seconds = Duration::from_secs(10);
        assert_eq!((source.asked.get(), start.elapsed()), (101, ten_seconds));
    }
}

#[tokio::test(start_paused = true)]
async fn too_few_in_flight_and_the_source_sets_the_pace() {
    let source = Scripted::new(500, []);
    audit(queries(100), &source, "10/s", 2, &Stop::new()).await;
    assert_eq!(source.start.elapsed(), Duration::from_millis(25_100));
}

#[tokio::test(start_paused = true)]
async fn a_throttled_answer_holds_everyone_and_costs_one_call() {
    let source = Scripted::new(500, [failure(FailureKind::Throttled, Some(30))]);
    let (_, sink) = audit(queries(50), &source, "10/s", 8, &Stop::new()).await;
    let begun = source.begun.borrow();
    assert_eq!(begun.len(), 51);
    let (held_from, held_until) = (Duration::from_millis(500), Duration::from_millis(30_500));
    assert!(
        begun.iter().all(|at| *at <= held_from || *at >= held_until),
        "{begun:?}"
    );
    let throttled: Vec<_> = sink
        .outcomes
        .iter()
        .filter(|outcome| outcome.throttled > 0)
        .collect();
    assert_eq!(throttled.len(), 1);
    assert_eq!(
        (throttled[0].attempts, throttled[0].answer.is_ok()),
        (2, true)
    );
}

#[tokio::test(start_paused = true)]
async fn no_source_makes_us_wait_for_more_than_a_minute() {
    let source = Scripted::new(0, [failure(FailureKind::Throttled, Some(86_400))]);
    audit(queries(1), &source, "10/s", 1, &Stop::new()).await;
    assert_eq!(source.start.elapsed(), Duration::from_mins(1));
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_asked_again_with_growing_pauses() {
    let source = Scripted::new(
        100,
        [
            failure(FailureKind::Transport, None),
            failure(FailureKind::Server, None),
        ],
    );
    let (_, sink) = audit(queries(1), &source, "max", 1, &Stop::new()).await;
    assert_eq!(
        (sink.outcomes[0].attempts, sink.outcomes[0].answer.is_ok()),
        (3, true)
    );
    let begun: Vec<_> = source
        .begun
        .borrow()
        .iter()
        .map(Duration::as_millis)
        .collect();
    assert_eq!(
        begun,
        [0, 600, 1700],
        "0.5 s and 1 s after answers of 0.1 s"
    );
}

#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_the_error_is_the_outcome() {
    let source = Scripted::new(
        0,
        std::iter::repeat_n(failure(FailureKind::Server, None), 5),
    );
    let (ended, sink) = audit(queries(2), &source, "max", 1, &Stop::new()).await;
    assert!(matches!(ended, RunOutcome::Complete));
    assert_eq!(
        (sink.outcomes[0].attempts, sink.outcomes[0].answer.is_err()),
        (5, true)
    );
    assert_eq!(
        (sink.outcomes[1].attempts, sink.outcomes[1].answer.is_ok()),
        (1, true)
    );
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_asked_once() {
    let script = [
        failure(FailureKind::NotFound, None),
        failure(FailureKind::Refused, None),
    ];
    let source = Scripted::new(0, script);
    let (_, sink) = audit(queries(2), &source, "max", 1, &Stop::new()).await;
    assert!(
        sink.outcomes
            .iter()
            .all(|outcome| outcome.attempts == 1 && outcome.answer.is_err())
    );
}

#[tokio::test(start_paused = true)]
async fn what_every_query_would_get_ends_the_run_and_is_no_outcome() {
    let source = Scripted::new(100, [failure(FailureKind::Fatal, None)]);
    let (ended, sink) = audit(queries(1000), &source, "10/s", 8, &Stop::new()).await;
    assert!(matches!(ended, RunOutcome::Fatal(_)));
    assert!(
        sink.rows.len() <= 2,
        "those in flight are awaited: {:?}",
        sink.rows
    );
    assert!(source.begun.borrow().len() <= 2);
}

#[tokio::test(start_paused = true)]
async fn the_first_request_to_stop_drains() {
    let (source, stop) = (Scripted::new(700, []), Stop::new());
    let pulled = Cell::new(0);
    let rows = (1..1_000_000)
        .inspect(|_| pulled.set(pulled.get() + 1))
        .map(row);
    let stopping = async {
        sleep(Duration::from_millis(2_050)).await;
        stop.request();
    };
    let ((ended, sink), ()) =
        futures::future::join(audit(rows, &source, "10/s", 8, &stop), stopping).await;
    assert!(matches!(ended, RunOutcome::Stopped));
    let calls = source.begun.borrow().len();
    assert_eq!(
        (calls, sink.outcomes.len()),
        (21, 21),
        "every call that was made is an answer that is kept"
    );
    assert!(
        pulled.get() < 40,
        "a row is read only when a slot is free: {}",
        pulled.get()
    );
    assert_eq!(source.start.elapsed(), Duration::from_millis(2_700));
}

#[tokio::test(start_paused = true)]
async fn the_second_request_drops_what_is_in_flight_and_so_does_the_end_of_the_grace() {
    for (again_after, ends_after) in [(Some(1_000), 3_000), (None, 7_000)] {
        let (source, stop) = (Scripted::new(60_000, []), Stop::new());
        let stopping = async {
            sleep(Duration::from_secs(2)).await;
            stop.request();
            if let Some(again) = again_after {
                sleep(Duration::from_millis(again)).await;
                stop.request();
            }
        };
        let ((ended, sink), ()) =
            futures::future::join(audit(queries(100), &source, "10/s", 8, &stop), stopping).await;
        assert!(matches!(ended, RunOutcome::Stopped));
        assert!(sink.outcomes.is_empty());
        assert_eq!(source.start.elapsed(), Duration::from_millis(ends_after));
    }
}

/// Audits rows as they arrive.
async fn audit_arriving(
    rows: impl futures::Stream<Item = Row>,
    source: &impl TraceSource,
    stop: &Stop,
) -> (RunOutcome, Collected) {
    let mut sink = Collected::default();
    let engine = Engine {
        source,
        pacer: &pacer("10/s"),
        policy: &policy(8),
        stop,
        access_confirmed: false,
    };
    let rows = rows.map(|row| Ok::<_, Infallible>((row, KnownAnswer::Unknown)));
    let ended = engine.run_stream(rows, &mut sink).await.unwrap();
    (ended, sink)
}

#[tokio::test(start_paused = true)]
async fn calls_go_on_while_the_next_row_has_not_arrived() {
    let source = Scripted::new(500, []);
    let (outbox, arriving) = futures::channel::mpsc::unbounded();
    let sending = async move {
        for row in queries(3) {
            outbox.unbounded_send(row).unwrap();
            sleep(Duration::from_mins(1)).await;
        }
    };
    let stop = Stop::new();
    let ((ended, sink), ()) =
        futures::future::join(audit_arriving(arriving, &source, &stop), sending).await;
    assert!(matches!(ended, RunOutcome::Complete));
    assert_eq!(sink.rows, [1, 2, 3]);
    let seconds: Vec<_> = source
        .begun
        .borrow()
        .iter()
        .map(Duration::as_secs)
        .collect();
    assert_eq!(seconds, [0, 60, 120]);
    assert!(sink.idle > 3, "the sink writes out while rows are awaited");
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait_for_the_next_row() {
    let (source, stop) = (Scripted::new(500, []), Stop::new());
    let rows = futures::stream::iter(queries(2)).chain(futures::stream::pending());
    let stopping = async {
        sleep(Duration::from_mins(1)).await;
        stop.request();
    };
    let ((ended, sink), ()) =
        futures::future::join(audit_arriving(rows, &source, &stop), stopping).await;
    assert!(matches!(ended, RunOutcome::Stopped));
    assert_eq!(sink.rows, [1, 2]);
    assert_eq!(source.start.elapsed(), Duration::from_mins(1));
}

#[tokio::test(start_paused = true)]
async fn rows_that_need_no_call_wait_for_nobody() {
    let source = Scripted::new(0, []);
    let rows = (1..=1000).map(|nth| row(nth * 10));
    let (ended, sink) = audit(rows, &source, "1/h", 4, &Stop::new()).await;
    assert!(matches!(ended, RunOutcome::Complete));
    assert_eq!((sink.rows.len(), sink.outcomes.len()), (1000, 0));
    assert_eq!(source.start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_every_query_would_get_costs_one_call() {
    for kind in [FailureKind::Fatal, FailureKind::Expired] {
        let source = Scripted::wary(500, [failure(kind, None)]);
        let (ended, sink) = audit(queries(20_000), &source, "max", 64, &Stop::new()).await;
        assert!(matches!(ended, RunOutcome::Fatal(_)));
        assert_eq!((source.begun.borrow().len(), sink.rows.len()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_proves_nothing_keeps_the_gate_shut() {
    let refused = Failure::new(FailureKind::Refused, "InvalidParameter".to_owned(), "");
    let script = [
        failure(FailureKind::Server, None),
        failure(FailureKind::Transport, None),
        failure(FailureKind::Throttled, Some(1)),
        refused,
        failure(FailureKind::Fatal, None),
    ];
    let source = Scripted::wary(500, script);
    let (ended, _) = audit(queries(1000), &source, "max", 64, &Stop::new()).await;
    assert!(matches!(ended, RunOutcome::Fatal(_)));
    let begun = source.begun.borrow();
    assert_eq!(begun.len(), 5, "one after the other: {begun:?}");
    let apart = |pair: &[Duration]| pair[1] >= pair[0] + Duration::from_millis(500);
    assert!(begun.windows(2).all(apart), "{begun:?}");
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_lets_everyone_through() {
    let no_group = Failure::new(FailureKind::Refused, "BIZ_NEW".to_owned(), "");
    for proof in [
        None,
        Some(failure(FailureKind::NotFound, None)),
        Some(no_group),
    ] {
        let source = Scripted::wary(500, proof);
        audit(queries(1000), &source, "10/s", 8, &Stop::new()).await;
        // The other tests' 100.4 s, and what the first round trip keeps the second call waiting.
        assert_eq!(source.start.elapsed(), Duration::from_millis(100_800));
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_answer_halves_the_pace_and_it_climbs_back() {
    let source = Scripted::new(100, [failure(FailureKind::Throttled, None)]);
    audit(queries(1000), &source, "10/s", 8, &Stop::new()).await;
    let begun = source.begun.borrow();
    let gap = |nth: usize| begun[nth + 1].saturating_sub(begun[nth]).as_millis();
    let first = begun
        .iter()
        .position(|at| *at >= Duration::from_millis(1100))
        .unwrap();
    assert!((150..=200).contains(&gap(first)), "{}", gap(first));
    assert!(
        (100..=106).contains(&gap(first + 10)),
        "{}",
        gap(first + 10)
    );
    assert_eq!(gap(begun.len() - 2), 100);
}

fn overload() -> Failure {
    Failure {
        http_status: Some(503),
        ..failure(FailureKind::Server, None)
    }
}

#[tokio::test(start_paused = true)]
async fn an_overload_pauses_everyone_once_and_the_pace_stays() {
    let source = Scripted::new(20, [overload(), overload()]);
    let (_, sink) = audit(queries(100), &source, "100/s", 8, &Stop::new()).await;
    assert!(sink.outcomes.iter().all(|outcome| outcome.answer.is_ok()));
    let begun = source.begun.borrow();
    assert_eq!(begun.len(), 102, "each was asked again");
    let gaps: Vec<_> = begun
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]).as_millis())
        .collect();
    // The calls at 0 and 10 ms fail. The first answer comes at 20 ms, the second one during the pause.
    let pauses = gaps.iter().filter(|gap| **gap > 10).count();
    assert_eq!((gaps.iter().max(), pauses), (Some(&260), 1), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_overload_slows_the_run_but_not_to_a_crawl() {
    for (rate, in_flight, at_least, at_most) in [("8/s", 16, 3.0, 7.0), ("max", 64, 50.0, 250.0)] {
        let storm = (0..4000).map(|nth| match nth % 5 {
            0 | 2 => overload(),
            _ => failure(FailureKind::NotFound, None),
        });
        let source = Scripted::new(50, storm);
        audit(queries(1000), &source, rate, in_flight, &Stop::new()).await;
        let calls = u32::try_from(source.begun.borrow().len()).unwrap();
        let pace = f64::from(calls) / source.start.elapsed().as_secs_f64();
        assert!(calls > 1500, "asked again: {calls}");
        assert!(pace > at_least && pace < at_most, "{rate}: {pace}");
    }
}

/// As after SIGSTOP and SIGCONT: the clock jumps, and every timer that ended meanwhile fires at once. The moments of
/// the stop cover the first call, ordinary calls, holds, pauses before another attempt, and the end.
#[tokio::test(start_paused = true)]
async fn a_stop_of_minutes_loses_nothing_and_no_burst_follows() {
    let script = || {
        [
            failure(FailureKind::Server, None),
            failure(FailureKind::Throttled, Some(1)),
            overload(),
            failure(FailureKind::Transport, None),
            overload(),
        ]
    };
    for stopped_at in (0..9000).step_by(41).map(Duration::from_millis) {
        let source = Scripted::wary(300, script());
        let stop = async {
            sleep(stopped_at).await;
            advance(Duration::from_mins(5)).await;
            std::future::pending::<()>().await;
        };
        let run_stop = Stop::new();
        let (ended, sink) = tokio::select! {
            ended = audit(queries(60), &source, "10/s", 8, &run_stop) => ended,
            () = stop => unreachable!("it waits for ever"),
        };
        assert!(matches!(ended, RunOutcome::Complete));
        assert!(sink.outcomes.len() == 60, "{stopped_at:?}");
        assert!(sink.outcomes.iter().all(|outcome| outcome.answer.is_ok()));
        let begun = source.begun.borrow();
        let second = Duration::from_secs(1);
        assert!(
            begun
                .windows(11)
                .all(|calls| calls[10] >= calls[0] + second),
            "stopped at {stopped_at:?}: {begun:?}"
        );
    }
}
