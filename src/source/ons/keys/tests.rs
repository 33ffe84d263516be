//! Renewal under the paused clock: the wall clock of these tests follows tokio's.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, advance, sleep};

use super::*;

thread_local! {
    /// Start of the test on tokio's clock.
    static BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
}

fn clock() -> Timestamp {
    let now = Instant::now();
    let began = BEGAN.get().unwrap_or(now);
    BEGAN.set(Some(began));
    let start: Timestamp = "2026-08-01T12:00:00Z".parse().unwrap();
    start + now.duration_since(began)
}

fn issued(id: &str, minutes: i64) -> Issued {
    Issued {
        credentials: Credentials {
            provider: "p".into(),
            access_key_id: id.into(),
            access_key_secret: "s3cret".into(),
            security_token: Some("t0ken".into()),
        },
        expires: Some(clock() + SignedDuration::from_mins(minutes)),
    }
}

/// A renewer that counts, takes time, and may refuse.
#[derive(Default)]
struct Office {
    asked: AtomicUsize,
    takes: Duration,
    /// The number of requests to refuse first.
    refusals: AtomicI64,
    for_good: bool,
}

fn supplied(office: &Arc<Office>) -> KeyRotation {
    let office = office.clone();
    let renewer: Renewer = Arc::new(move || {
        let office = office.clone();
        async move {
            let number = office.asked.fetch_add(1, Relaxed) + 1;
            sleep(office.takes).await;
            if office.refusals.fetch_sub(1, Relaxed) > 0 {
                return Err(if office.for_good {
                    FetchError::permanent("no", "do this")
                } else {
                    FetchError::transient("not now")
                });
            }
            Ok(issued(&format!("key-{number}"), 60))
        }
        .boxed()
    });
    keys(CredentialSource::renewed(issued("key-0", 60), renewer))
}

fn keys(source: CredentialSource) -> KeyRotation {
    let endpoint = Endpoint::parse("ons://cn-hangzhou", false).unwrap();
    KeyRotation::new(source, endpoint, Signature::V3, clock).unwrap()
}

impl KeyRotation {
    fn id(&self) -> String {
        self.current().calls.key_id().to_owned()
    }

    async fn drive(&self) {
        if self.current().state(clock()) == KeyState::RenewalDue {
            self.renew_in_time(clock()).await;
        }
    }
}

fn expired() -> Failure {
    let code = "InvalidSecurityToken.Expired".to_owned();
    Failure {
        hint: Some("hint".into()),
        ..Failure::new(FailureKind::Fatal, code, "m")
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_due_a_quarter_before_its_end_or_half_way() {
    for (minutes, due) in [(60, 45), (31, 16), (30, 15), (15, 7), (2, 1)] {
        let keys = keys(CredentialSource::renewed(
            issued("k", minutes),
            Arc::new(|| unreachable!()),
        ));
        let key = keys.current();
        let at = |minutes| key.state(clock() + SignedDuration::from_mins(minutes));
        assert_eq!(at(due - 1), KeyState::Valid, "{minutes}");
        assert_eq!(at(due + 1).min_good(), KeyState::RenewalDue, "{minutes}");
        assert_eq!(at(minutes), KeyState::Expired, "{minutes}");
    }
}

impl KeyState {
    /// The shortest key expires one minute after its renewal is due.
    fn min_good(self) -> Self {
        match self {
            Self::Valid => Self::Valid,
            Self::RenewalDue | Self::Expired => Self::RenewalDue,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_for_good_is_never_due() {
    let keys = keys(issued("k", 60).credentials.into());
    let later = clock() + SignedDuration::from_hours(24 * 365);
    assert_eq!(keys.current().state(later), KeyState::Valid);
}

/// One call per second for ten hours.
#[tokio::test(start_paused = true)]
async fn a_long_run_fetches_each_key_once_and_signs_with_none_expired() {
    let office = Arc::new(Office {
        takes: Duration::from_secs(3),
        ..Office::default()
    });
    let keys = supplied(&office);
    for _ in 0..36_000 {
        advance(Duration::from_secs(1)).await;
        assert_ne!(keys.current().state(clock()), KeyState::Expired);
        keys.drive().await;
    }
    // Each key is valid for 45 minutes before the next one is fetched.
    assert_eq!(office.asked.load(Relaxed), 13);
    assert_eq!(keys.id(), "key-13");
}

#[tokio::test(start_paused = true)]
async fn two_renewals_never_run_at_once() {
    let office = Arc::new(Office {
        takes: Duration::from_secs(3),
        ..Office::default()
    });
    let keys = supplied(&office);
    advance(Duration::from_mins(46)).await;
    join_all((0..16).map(|_| keys.drive())).await;
    assert_eq!((office.asked.load(Relaxed), keys.id()), (1, "key-1".into()));
}

/// Like calls: each one polls the renewal briefly and is dropped.
#[tokio::test(start_paused = true)]
async fn a_renewal_is_finished_by_calls_that_do_not_wait_for_it() {
    let office = Arc::new(Office {
        takes: Duration::from_secs(3),
        ..Office::default()
    });
    let keys = supplied(&office);
    advance(Duration::from_mins(46)).await;
    for _ in 0..40 {
        let call = sleep(Duration::from_millis(100));
        tokio::select! { () = call => {}, () = keys.drive() => {} }
    }
    assert_eq!((office.asked.load(Relaxed), keys.id()), (1, "key-1".into()));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_in_good_time_is_left_alone_for_a_minute() {
    let office = Arc::new(Office {
        refusals: 3.into(),
        ..Office::default()
    });
    let keys = supplied(&office);
    advance(Duration::from_mins(46)).await;
    for second in 0..240 {
        assert_eq!(
            office.asked.load(Relaxed),
            usize::div_ceil(second, 60),
            "second {second}"
        );
        keys.drive().await;
        advance(Duration::from_secs(1)).await;
    }
    assert_eq!((office.asked.load(Relaxed), keys.id()), (4, "key-4".into()));
}

#[tokio::test(start_paused = true)]
async fn an_expired_key_is_replaced_and_one_call_continues() {
    let office = Arc::new(Office {
        takes: Duration::from_secs(1),
        ..Office::default()
    });
    let keys = supplied(&office);
    let key = keys.current();
    advance(Duration::from_mins(61)).await;
    assert_eq!(key.state(clock()), KeyState::Expired);
    let mut gone_on = 0;
    for next in join_all((0..16).map(|_| keys.wait_for_next(&key))).await {
        match next {
            Ok(key) => {
                assert_eq!(key.calls.key_id(), "key-1");
                gone_on += 1;
            }
            Err(failure) => assert!(failure.no_call_made, "{failure:?}"),
        }
    }
    assert_eq!(gone_on, 1);
    assert_eq!((office.asked.load(Relaxed), keys.id()), (1, "key-1".into()));
}

/// Otherwise keys would be fetched for ever, and no query answered.
#[tokio::test(start_paused = true)]
async fn a_next_key_that_has_ended_too_ends_the_run() {
    let next: Renewer = Arc::new(|| async { Ok(issued("ended", 0)) }.boxed());
    let keys = keys(CredentialSource::renewed(issued("k", 60), next));
    let key = keys.current();
    advance(Duration::from_mins(61)).await;
    let failure = keys.wait_for_next(&key).await.unwrap_err();
    assert_eq!(
        (failure.kind, failure.no_call_made),
        (FailureKind::Fatal, false)
    );
    assert!(failure.hint.unwrap().contains("clock"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_is_replaced_once() {
    let office = Arc::new(Office::default());
    let keys = supplied(&office);
    let first = keys.current();
    let calls = join_all((0..16).map(|_| keys.replace(&first, expired())));
    for failure in calls.await {
        assert!(
            failure.kind.is_retryable() && failure.hint.is_none(),
            "{failure:?}"
        );
        assert_eq!(failure.code, expired().code);
    }
    assert_eq!((office.asked.load(Relaxed), keys.id()), (1, "key-1".into()));
    // A late response to the old key changes nothing.
    assert!(keys.replace(&first, expired()).await.kind.is_retryable());
    // The new key is refused too: no third one is fetched.
    assert_eq!(keys.replace(&keys.current(), expired()).await, expired());
    assert_eq!(office.asked.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_without_issuer_ends_the_run() {
    let keys = keys(issued("k", 60).credentials.into());
    assert_eq!(keys.replace(&keys.current(), expired()).await, expired());
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_refuses_decides_about_the_run() {
    for (for_good, kind) in [(true, FailureKind::Fatal), (false, FailureKind::Transport)] {
        let office = Arc::new(Office {
            refusals: 1.into(),
            for_good,
            ..Office::default()
        });
        let keys = supplied(&office);
        let failure = keys.replace(&keys.current(), expired()).await;
        assert_eq!(failure.kind, kind);
        assert!(
            failure.message.starts_with("no key to sign with: no"),
            "{}",
            failure.message
        );
        assert_eq!(keys.id(), "key-0");
    }
}

#[tokio::test(start_paused = true)]
async fn debug_shows_no_secret() {
    let source =
        CredentialSource::renewed(issued("LTAI5tABCDEFGHxyz", 60), Arc::new(|| unreachable!()));
    let shown = format!("{source:?} {:?}", keys(source.clone()));
    for secret in ["s3cret", "t0ken", "ABCDEF"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
