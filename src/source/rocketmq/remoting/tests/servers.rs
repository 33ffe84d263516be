//! Connections to servers on sockets: lost, re-established, shared. No test waits for a clock: times are a
//! minute, or so short that they always elapse.

use std::net::TcpListener;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::join_all;

use super::super::{CallError, Cause, Remoting, RemotingOptions, Request, RequestCode};
use super::broker::{Asked, Broker, Step};
use super::{cluster, nothing, patient};

/// An address where no server listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_lost_connection_is_made_again() {
    let broker = Broker::scripted(|asked| match asked.connection {
        0 => vec![Step::Close],
        1 => vec![
            Step::Write(b"garbage".to_vec()),
            Step::Write([0xFF; 64].to_vec()),
        ],
        _ => vec![nothing(asked)],
    });
    let cluster = cluster(&broker);
    let lost = cluster.cluster_info().await.unwrap_err();
    assert!(
        matches!(lost.cause, Cause::Lost(_)) && lost.is_retryable(),
        "{lost}"
    );
    let garbage = cluster.cluster_info().await.unwrap_err();
    assert!(matches!(garbage.cause, Cause::Malformed(_)), "{garbage}");
    cluster.cluster_info().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_about_to_stop_is_asked_on_a_new_connection() {
    let broker = Broker::scripted(|asked| match asked.connection {
        0 => vec![asked.refuse(1500, "please go away")],
        _ => vec![nothing(asked)],
    });
    cluster(&broker).cluster_info().await.unwrap();
    let connections: Vec<_> = broker
        .asked()
        .iter()
        .map(|asked| asked.connection)
        .collect();
    assert_eq!(connections, [0, 1]);

    // A server that always sends GO_AWAY is not asked for ever.
    let stubborn = Broker::scripted(|asked| vec![asked.refuse(1500, "please go away")]);
    let error = cluster_error(&stubborn).await;
    assert!(
        matches!(error.cause, Cause::Lost(_)) && error.is_retryable(),
        "{error}"
    );
    assert_eq!(stubborn.asked().len(), 2);
}

async fn cluster_error(broker: &Broker) -> CallError {
    let at = &*broker.address;
    cluster(broker)
        .groups_of_topic(at, "orders")
        .await
        .unwrap_err()
}

#[tokio::test]
async fn calls_in_flight_are_bounded_for_each_server() {
    // The server is silent on all connections until a fifth call arrives.
    let held: Mutex<Vec<Asked>> = Mutex::default();
    let broker = Broker::scripted(move |asked| {
        let mut held = held.lock().unwrap();
        held.retain(|earlier| earlier.connection == asked.connection);
        held.push(asked.clone());
        if held.len() < 5 {
            return Vec::new();
        }
        held.drain(..).map(|asked| nothing(&asked)).collect()
    });
    let asks = async |in_flight| {
        let timeout = Duration::from_millis(20);
        let options = RemotingOptions {
            timeout,
            in_flight,
            ..RemotingOptions::default()
        };
        let cluster = Remoting::new(broker.address.parse().unwrap(), options);
        let asks = (0..8).map(|_| cluster.groups_of_topic(&broker.address, "orders"));
        join_all(asks).await
    };
    // The calls in flight wait for the fifth, which waits for one of them to end.
    for answer in asks(4).await.into_iter().take(4) {
        assert!(matches!(answer.unwrap_err().cause, Cause::TimedOut(_)));
    }
}

#[tokio::test]
async fn name_servers_take_turns_when_one_fails() {
    let busy = Broker::scripted(|asked| vec![asked.refuse(2, "busy")]);
    let unready = Broker::scripted(|asked| vec![asked.refuse(1, "name server not ready")]);
    let good = Broker::scripted(|asked| vec![nothing(asked)]);
    let list = format!(
        "rocketmq://{},{};{},{}",
        nowhere(),
        busy.address,
        unready.address,
        good.address
    );
    let cluster = Remoting::new(list.parse().unwrap(), patient());
    cluster.cluster_info().await.unwrap();
    cluster.topics(|_| Some(())).await.unwrap();
    let times = [&busy, &unready, &good].map(|server| server.asked().len());
    assert_eq!(times, [1, 1, 2], "the one that answered is asked again");

    // A definite answer of one name server is not repeated at another.
    let none = Broker::scripted(|asked| vec![asked.refuse(17, "no route")]);
    let list = format!("{},{}", none.address, good.address);
    let cluster = Remoting::new(list.parse().unwrap(), patient());
    assert_eq!(cluster.route("orders").await.unwrap(), None);
    assert_eq!(good.asked().len(), 2);
}

#[tokio::test]
async fn where_nobody_listens_all_calls_share_one_try() {
    let address = nowhere();
    let cluster = Remoting::new(address.parse().unwrap(), patient());
    let asks = (0..20).map(|_| cluster.groups_of_topic(&address, "orders"));
    for answer in join_all(asks).await {
        let error = answer.unwrap_err();
        assert!(matches!(error.cause, Cause::Connect(_)), "{error}");
        assert!(error.is_retryable() && error.hint().is_some());
    }
}

#[tokio::test]
async fn a_silent_server_is_left_for_a_new_connection() {
    let broker = Broker::scripted(|asked| match asked.connection {
        0 => Vec::new(),
        _ => vec![nothing(asked)],
    });
    let at = &*broker.address;
    let cluster = cluster(&broker);
    let request = Request::new(RequestCode::QueryTopicConsumeByWho);
    let brief = Duration::from_millis(1);
    let error = cluster.call_within(at, request, brief).await.unwrap_err();
    assert_eq!(error.cause, Cause::TimedOut(brief));
    assert!(error.is_retryable());
    cluster.groups_of_topic(at, "orders").await.unwrap();
}
