//! One connection from its first byte to its last.
//!
//! While nothing comes, a connection is a socket and a task that waits; while a head comes, it is those and the bytes
//! of that head. hyper with its buffers is there only from a whole head to the answer, and a moment longer for the next
//! request. So ten thousand clients that are idle cost little, whether they have asked before or not.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};

use super::activity::{Activity, Phase};
use super::ending::Ending;
use super::exchange::Exchange;
use super::head;
use super::house::House;
use super::room::Share;
use super::wire::{Wire, read_once};

/// How long hyper is kept behind an answer: clients in a hurry don't pay for a new one with each request.
const WARM: Duration = Duration::from_millis(100);

/// A client that was refused in the midst of what it sent is heard out this long and this far, so that it sees why:
/// unread bytes would reset the connection, and the answer with it.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 4 * 1024 * 1024;

type Http<S> = http1::Connection<TokioIo<Wire<S>>, Exchange>;

/// What became of a connection that hyper had.
enum Served<S> {
    /// Nothing comes for the time being.
    Parked(Wire<S>),
    /// It is over, though the client may still be talking.
    Refused(Wire<S>, Option<Ending>),
    /// It is over.
    Over(Option<Ending>),
}

/// Serves a connection until it ends; says how, if it ended badly.
pub(super) async fn attend<S>(stream: S, peer: SocketAddr, house: &Arc<House>) -> Option<Ending>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Arc::new(Activity::default());
    let mut wire = Wire {
        stream,
        read: Vec::new(),
        activity: activity.clone(),
        share: Share::of(&house.room),
    };
    loop {
        if let Err(ending) = head::arrive(&mut wire, house).await {
            return ending;
        }
        let exchange = Exchange {
            house: house.clone(),
            activity: activity.clone(),
            peer,
        };
        let turn = tokio::select! {
            biased;
            turn = house.turns.acquire() => turn,
            () = house.kill.cancelled() => return Some(Ending::shutdown()),
        };
        let served = serve(wire, exchange).await;
        drop(turn);
        match served {
            Served::Parked(parked) => wire = parked,
            Served::Refused(mut wire, ending) => {
                linger(&mut wire.stream, house).await;
                return ending;
            }
            Served::Over(ending) => return ending,
        }
    }
}

async fn serve<S>(wire: Wire<S>, exchange: Exchange) -> Served<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (house, activity) = (exchange.house.clone(), exchange.activity.clone());
    activity.enter(Phase::Head);
    let mut http = Box::pin(house.http.serve_connection(TokioIo::new(wire), exchange));
    let ended = tokio::select! {
        biased;
        ended = http.as_mut() => ended,
        phase = overdue(&activity, &house) => return give_up(http, phase),
        () = house.stop.cancelled() => {
            http.as_mut().graceful_shutdown();
            tokio::select! {
                biased;
                ended = http.as_mut() => ended,
                phase = overdue(&activity, &house) => return give_up(http, phase),
                () = house.kill.cancelled() => return Served::Over(Some(Ending::shutdown())),
            }
        }
    };
    let refused = ended.as_ref().is_err_and(hyper::Error::is_parse);
    let ending = ended.err().and_then(|error| Ending::of(&error, &activity));
    if (refused || activity.has_unread()) && !activity.has_ended() {
        let parts = Pin::into_inner(http).into_parts();
        Served::Refused(parts.io.into_inner(), ending)
    } else {
        Served::Over(ending)
    }
}

/// Nothing has moved for too long: a connection that only waits is parked, any other ends.
fn give_up<S>(http: Pin<Box<Http<S>>>, phase: Phase) -> Served<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    if !matches!(phase, Phase::Waiting | Phase::Next) {
        return Served::Over(Some(Ending::overdue(phase)));
    }
    let parts = Pin::into_inner(http).into_parts();
    let mut wire = parts.io.into_inner();
    // What hyper has read of the next head.
    wire.read = parts.read_buf.into();
    wire.share.release();
    if wire.share.add(wire.read.len()) {
        Served::Parked(wire)
    } else {
        Served::Over(Some(Ending::crowded()))
    }
}

/// Returns the phase that lasts too long. To be polled after hyper, in the same task: each time something has moved,
/// the time begins anew. The timer is moved only when it rings, or would ring too late.
async fn overdue(activity: &Activity, house: &House) -> Phase {
    let mut mark = None;
    let mut deadline = None;
    let mut timer = pin!(sleep(WARM));
    std::future::poll_fn(|cx| {
        let phase = activity.phase();
        if mark.replace(activity.mark()) != Some(activity.mark()) {
            deadline = patience(phase, house).map(|patience| Instant::now() + patience);
        }
        if is_in_the_way(phase, house) {
            return Poll::Ready(phase);
        }
        let Some(deadline) = deadline else {
            return Poll::Pending;
        };
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(phase);
            }
            timer.set(sleep_until(deadline));
        }
        Poll::Pending
    })
    .await
}

/// Does a connection keep hyper to itself for nothing, while others wait for their turn?
fn is_in_the_way(phase: Phase, house: &House) -> bool {
    matches!(phase, Phase::Waiting | Phase::Next) && house.turns.available_permits() == 0
}

/// How long a phase may last.
fn patience(phase: Phase, house: &House) -> Option<Duration> {
    let limits = &house.limits;
    match phase {
        Phase::Waiting | Phase::Next => Some(WARM),
        // hyper has seen all of it, and should know.
        Phase::Head => Some(limits.head),
        Phase::Body => Some(limits.body),
        // The source has time-outs of its own.
        Phase::Answering => None,
        Phase::Writing => Some(limits.write),
    }
}

/// Reads what a refused client still sends, and throws it away.
async fn linger(stream: &mut (impl AsyncRead + Unpin), house: &House) {
    let mut left = LINGER_BYTES;
    let drain = async {
        while let Ok(read @ 1..) = read_once(stream, <[u8]>::len).await {
            left = left.saturating_sub(read);
            if left == 0 {
                break;
            }
        }
    };
    tokio::select! {
        _ = timeout(LINGER, drain) => {}
        () = house.kill.cancelled() => {}
    }
}
