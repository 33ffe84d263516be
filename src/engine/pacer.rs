//! Decides when the next call may begin.
//!
//! A [`Limiter`] stands behind a fair mutex, so calls begin in the order in which they were requested; governor's own
//! `until_ready` does not keep an order. A throttled answer holds all calls: none begins before the hold is over, and
//! afterwards the rate is lower (`adaptive_rate.rs`). An overloaded source (HTTP 503 without a stated wait) pauses all
//! calls briefly, and the rate stays: such answers come in storms that have nothing to do with our rate. Several runs share all of that through a [`SharedQuota`].
//!
//! Two limiters are at work: governor's for a run of its own, and [`QuotaState`] for runs that share a quota, whose
//! last call is known only from the shared state. Every change of the state goes through [`Pacer::apply`], wherever the
//! state is kept.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::quota_file::machine_clock;
use super::quota_state::{QuotaChange, QuotaOutcome, QuotaState, interval};
use super::{Limiter, QuotaLost, Rate, SharedQuota};
use crate::source::CallPacer;

/// The hold after a throttled answer that names none: the window of the quota.
const THROTTLED: Duration = Duration::from_secs(1);

/// The pause after an answer of an overloaded source. At 8 calls per second, a source that only fails gets 3 to 4 calls
/// per second.
const OVERLOADED: Duration = Duration::from_millis(250);

/// Gives permits for calls, at most as many per time as the rate allows.
#[derive(Debug)]
pub struct Pacer {
    limiter: Option<Limiter>,
    /// The full rate in calls per second. `None` if there is no limit.
    full: Option<f64>,
    turnstile: tokio::sync::Mutex<()>,
    view: Mutex<View>,
    shared: Option<SharedQuota>,
    /// Why the quota cannot be shared any more.
    lost: OnceLock<QuotaLost>,
    is_lost: CancellationToken,
    /// The highest rate that was observed when a call was throttled, in thousandths of a call per second.
    fastest: AtomicU64,
    started: Instant,
}

/// What a run knows of its quota.
#[derive(Debug)]
struct View {
    /// The state of the quota: that of this run, or a copy of the shared one.
    state: QuotaState,
    /// Pairs our clock with the quota state's clock, to convert between them.
    origin: (Instant, Duration),
}

impl View {
    fn at(now: Duration) -> Self {
        Self {
            state: QuotaState::default(),
            origin: (Instant::now(), now),
        }
    }

    fn now(&self) -> Duration {
        self.origin.1 + self.origin.0.elapsed()
    }

    /// Returns when it is `time` by the quota state's clock.
    fn instant(&self, time: Duration) -> Instant {
        self.origin.0 + time.saturating_sub(self.origin.1)
    }
}

/// Permission for one call. Its holder reports how the call ended.
#[derive(Debug, Clone, Copy)]
pub struct Permit(u64);

impl Pacer {
    /// Makes a pacer that allows `burst` calls at once after a pause; 1 spreads the calls evenly.
    #[must_use]
    pub fn new(rate: Rate, burst: NonZeroU32) -> Self {
        Self {
            limiter: Limiter::new(rate, burst),
            full: rate.interval().map(|interval| 1.0 / interval.as_secs_f64()),
            turnstile: tokio::sync::Mutex::default(),
            view: Mutex::new(View::at(Duration::ZERO)),
            shared: None,
            lost: OnceLock::new(),
            is_lost: CancellationToken::new(),
            fastest: AtomicU64::default(),
            started: Instant::now(),
        }
    }

    /// Shares the rate with all runs that name the same quota. Their calls begin one by one, without bursts. Nothing is
    /// shared if there is no limit.
    #[must_use]
    pub fn sharing(self, quota: impl Into<SharedQuota>) -> Self {
        Self {
            limiter: None,
            shared: self.full.is_some().then(|| quota.into()),
            view: Mutex::new(View::at(machine_clock())),
            ..self
        }
    }

    /// Returns whether there is a rate limit.
    #[must_use]
    pub const fn has_limit(&self) -> bool {
        self.full.is_some()
    }

    /// Waits until the caller may begin its call. Waits for ever if the quota is [`lost`](Self::lost).
    pub async fn turn(&self) -> Permit {
        if self.limiter.is_none() && self.shared.is_none() {
            let state = &mut self.view().state;
            if state.is_untroubled() {
                return Permit(state.count_call()); // nothing limits the rate, so the call need not queue
            }
        }
        let _first_in_line = self.turnstile.lock().await;
        let turn = match (&self.shared, self.full) {
            (Some(_), Some(full)) => self.shared_turn(full).await,
            _ => Some(self.own_turn().await),
        };
        match turn {
            Some(permit) => permit,
            None => std::future::pending().await,
        }
    }

    async fn own_turn(&self) -> Permit {
        loop {
            let (now, earliest) = {
                let view = self.view();
                let now = view.now();
                (now, view.state.earliest(now))
            };
            if let Some(earliest) = earliest {
                self.sleep_until(earliest).await;
                continue; // it may have grown meanwhile
            }
            if let Some(Err(earliest)) = self.limiter.as_ref().map(Limiter::check) {
                sleep_until(earliest).await;
                continue;
            }
            return Permit(self.view().state.begin(now));
        }
    }

    /// Reserves a turn, waits for it and takes it. Reserves again if a hold has begun meanwhile. Returns `None` if the
    /// quota is lost.
    async fn shared_turn(&self, full: f64) -> Option<Permit> {
        loop {
            if let QuotaOutcome::At(turn) = self.apply(QuotaChange::Reserve).await? {
                self.sleep_until(turn).await;
            }
            loop {
                match self.apply(QuotaChange::Take).await? {
                    QuotaOutcome::Begun(call) => return Some(Permit(call)),
                    QuotaOutcome::At(earliest)
                        if earliest <= self.view().now() + interval(full) =>
                    {
                        self.sleep_until(earliest).await;
                    }
                    QuotaOutcome::At(_) | QuotaOutcome::Lowered(_) => break,
                }
            }
        }
    }

    /// Reports that a call was answered and not throttled.
    pub async fn answered(&self, turn: Permit) {
        if self.view().state.is_untroubled() {
            return;
        }
        let was_slow = self.slowed_to().is_some();
        let applied = self.apply(QuotaChange::Answered(turn.0)).await;
        if applied.is_some() && was_slow && self.slowed_to().is_none() {
            tracing::info!("back at the full pace");
        }
    }

    /// Reports that a call was throttled. No call begins before the hold `asked` is over, which is that of the quota's
    /// window if there is none and at most a minute, and all later calls are slower. Of several holds the longest
    /// counts.
    pub async fn throttled(&self, turn: Permit, asked: Option<Duration>) {
        let change = QuotaChange::Throttled {
            call: turn.0,
            hold: asked.unwrap_or(THROTTLED),
        };
        let was_slow = self.slowed_to().is_some();
        let lowered = self.apply(change).await == Some(QuotaOutcome::Lowered(true));
        if lowered
            && !was_slow
            && let Some(pace) = self.slowed_to()
        {
            tracing::info!(
                "throttled: slowing down to {pace:.1} calls/s, then step by step up again"
            );
        }
    }

    /// Reports that the source was overloaded and stated no wait. No call begins before a short pause is over. Answers
    /// that come during the pause do not lengthen it, so calls that fail together cause one pause.
    pub async fn overloaded(&self) {
        self.apply(QuotaChange::Pause(OVERLOADED)).await;
    }

    /// Returns the current rate in calls per second if throttled answers have lowered it.
    #[must_use]
    pub fn slowed_to(&self) -> Option<f64> {
        let view = self.view();
        view.state.adaptive_rate.pace(view.now())
    }

    /// Returns when the quota cannot be shared any more, with the reason. No call begins afterwards.
    pub async fn lost(&self) -> QuotaLost {
        self.is_lost.cancelled().await;
        match self.lost.get() {
            Some(lost) => lost.clone(),
            None => std::future::pending().await,
        }
    }

    /// Returns why the quota cannot be shared any more.
    #[must_use]
    pub fn why_lost(&self) -> Option<&QuotaLost> {
        self.lost.get()
    }

    /// Returns the highest rate that was ever observed, in calls per second. It stands for the full rate of a run
    /// without a limit; later observations are of a rate that is lowered already.
    fn observed(&self) -> f64 {
        let millis = self.started.elapsed().as_millis().max(100);
        let calls = u128::from(self.view().state.begun.max(1));
        let now = u64::try_from(calls * 1_000_000 / millis).unwrap_or(u64::MAX);
        let fastest = self.fastest.fetch_max(now, Ordering::Relaxed).max(now);
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no 53 bits")]
        let fastest = fastest as f64;
        fastest / 1000.0
    }

    /// Makes a change where the state is kept, and keeps a copy of a shared state. If a quota file fails during a run, the
    /// run warns once and continues with its copy: a broken file must not lose answers. Returns `None` if the quota of
    /// several machines is lost.
    async fn apply(&self, change: QuotaChange) -> Option<QuotaOutcome> {
        let full = self.full.unwrap_or_else(|| self.observed());
        match &self.shared {
            None => Some(self.apply_here(change, full)),
            Some(SharedQuota::File(file)) => {
                let seen = file
                    .with(|state| {
                        let now = self.view().now();
                        state.distrust(now, full);
                        (state.apply(change, now, full), *state)
                    })
                    .await;
                Some(match seen {
                    Ok((outcome, state)) => {
                        self.view().state = state;
                        outcome
                    }
                    Err(error) => {
                        file.complain(&error);
                        self.apply_here(change, full)
                    }
                })
            }
            #[cfg(feature = "redis")]
            Some(SharedQuota::Redis(_)) if self.lost.get().is_some() => None,
            #[cfg(feature = "redis")]
            Some(SharedQuota::Redis(quota)) => match quota.apply(change).await {
                Ok(changed) => {
                    *self.view() = View {
                        state: changed.state,
                        origin: (Instant::now(), changed.now),
                    };
                    Some(changed.outcome)
                }
                Err(error) => {
                    let _ = self.lost.set((&error).into());
                    self.is_lost.cancel();
                    None
                }
            },
        }
    }

    fn apply_here(&self, change: QuotaChange, full: f64) -> QuotaOutcome {
        let mut view = self.view();
        let now = view.now();
        view.state.apply(change, now, full)
    }

    async fn sleep_until(&self, time: Duration) {
        let instant = self.view().instant(time);
        sleep_until(instant).await;
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallPacer for Pacer {
    type Permit = Permit;

    async fn turn(&self) -> Permit {
        self.turn().await
    }

    async fn answered(&self, turn: Permit) {
        self.answered(turn).await;
    }

    async fn throttled(&self, turn: Permit, asked: Option<Duration>) {
        self.throttled(turn, asked).await;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::QuotaFile;
    use futures::future::join_all;
    use std::cell::RefCell;

    fn pacer(rate: &str, burst: u32) -> Pacer {
        Pacer::new(rate.parse().unwrap(), NonZeroU32::new(burst).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn ten_a_second_means_ten_a_second() {
        let (pacer, start) = (pacer("10/s", 1), Instant::now());
        for _ in 0..101 {
            pacer.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_calls_than_the_rate() {
        let (pacer, start) = (pacer("10/s", 1), Instant::now());
        let mut begun = Vec::new();
        for nth in 0..200_u64 {
            tokio::time::sleep(Duration::from_millis(nth * 37 % 260)).await;
            pacer.turn().await;
            begun.push(start.elapsed());
        }
        for window in begun.windows(11) {
            assert!(
                window[10] >= window[0] + Duration::from_secs(1),
                "{window:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_what_may_begin_at_once_after_a_pause() {
        let (pacer, start) = (pacer("10/s", 3), Instant::now());
        for _ in 0..3 {
            pacer.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        pacer.turn().await;
        assert_eq!(start.elapsed(), Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_centuries_is_no_limit() {
        let (pacer, start) = (pacer("1/h", u32::MAX), Instant::now());
        for _ in 0..1000 {
            pacer.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_first_come_first_served() {
        let (pacer, order) = (pacer("50/s", 1), RefCell::new(Vec::new()));
        join_all((0..64).map(|nth| {
            let (pacer, order) = (&pacer, &order);
            async move {
                pacer.turn().await;
                order.borrow_mut().push(nth);
            }
        }))
        .await;
        assert_eq!(*order.borrow(), (0..64).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn no_call_begins_inside_a_hold_even_of_those_already_waiting() {
        let (pacer, start) = (pacer("10/s", 1), Instant::now());
        let (begun, turns) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let callers = join_all((0..8).map(|_| async {
            let turn = pacer.turn().await;
            begun.borrow_mut().push(start.elapsed());
            turns.borrow_mut().push(turn);
        }));
        let throttled = async {
            tokio::time::sleep(Duration::from_millis(250)).await;
            let turn = turns.borrow()[0];
            pacer.throttled(turn, Some(Duration::from_secs(30))).await;
            // A shorter one shortens nothing.
            pacer.throttled(turn, Some(Duration::from_secs(5))).await;
        };
        futures::future::join(callers, throttled).await;
        let (before, after): (Vec<_>, Vec<_>) = begun
            .into_inner()
            .into_iter()
            .partition(|at| *at <= Duration::from_millis(250));
        assert_eq!(before.len(), 3);
        assert!(
            after.iter().all(|at| *at >= Duration::from_millis(30_250)),
            "{after:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_only_holds_count() {
        let (pacer, start) = (pacer("max", 1), Instant::now());
        for _ in 0..1000 {
            pacer.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        let turn = pacer.turn().await;
        pacer.throttled(turn, Some(Duration::from_secs(2))).await;
        pacer.turn().await;
        assert_eq!(start.elapsed(), Duration::from_secs(2));
    }

    fn apart(pair: &[Duration]) -> Duration {
        pair[1].saturating_sub(pair[0])
    }

    /// Three runs with a quota file, each as fast as it may, for `seconds`; when their calls began.
    async fn three_runs(seconds: u64, throttled_at: Option<u64>) -> Vec<Vec<Duration>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quota");
        let runs: Vec<_> = (0..3)
            .map(|_| pacer("10/s", 4).sharing(QuotaFile::open(&path).unwrap()))
            .collect();
        let start = Instant::now();
        join_all(runs.iter().enumerate().map(|(nth, run)| async move {
            let mut begun = Vec::new();
            let mut throttled = throttled_at.filter(|_| nth == 0).map(Duration::from_millis);
            while start.elapsed() < Duration::from_secs(seconds) {
                let turn = run.turn().await;
                begun.push(start.elapsed());
                if throttled.is_some_and(|at| start.elapsed() >= at) {
                    throttled = None;
                    run.throttled(turn, Some(Duration::from_secs(3))).await;
                }
            }
            begun
        }))
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn runs_that_share_a_file_share_the_rate_evenly() {
        let runs = three_runs(30, None).await;
        let mut all: Vec<_> = runs.concat();
        all.sort();
        assert!(
            all.windows(2)
                .all(|pair| apart(pair) >= Duration::from_millis(100)),
            "{all:?}"
        );
        assert!(all.len() >= 290, "and they use it: {}", all.len());
        let fair = |run: &Vec<Duration>| run.len().abs_diff(all.len() / 3) <= 2;
        assert!(runs.iter().all(fair), "{runs:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn runs_that_share_a_file_make_no_burst_after_a_stop() {
        for stopped_at in [0, 250, 999, 1000, 1050].map(Duration::from_millis) {
            let stop = async {
                tokio::time::sleep(stopped_at).await;
                tokio::time::advance(Duration::from_mins(5)).await;
                std::future::pending::<()>().await;
            };
            let runs = tokio::select! {
                runs = three_runs(305, None) => runs,
                () = stop => unreachable!("it waits for ever"),
            };
            let mut all: Vec<_> = runs.concat();
            all.sort();
            let tenth = Duration::from_millis(100);
            assert!(all.windows(2).all(|pair| apart(pair) >= tenth), "{all:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_answer_to_one_holds_and_slows_all() {
        let mut all = three_runs(20, Some(5000)).await.concat();
        all.sort();
        let gaps = all.windows(2).map(apart);
        assert!(gaps.max() >= Some(Duration::from_secs(3)), "{all:?}");
        let after: Vec<_> = all
            .iter()
            .copied()
            .filter(|at| *at > Duration::from_secs(8))
            .collect();
        assert!(apart(&after) >= Duration::from_millis(140), "{after:?}");
    }

    proptest! {
        #[test]
        fn no_rate_and_no_burst_is_too_much(calls in "[1-9][0-9]{0,8}", unit in "[smh]", burst in 1_u32..) {
            let rate = format!("{calls}/{unit}");
            prop_assert!(pacer(&rate, burst).limiter.is_some());
        }
    }
}
