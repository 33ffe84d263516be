//! The layers together.
//!
//! - `captures`: frames of real servers.
//! - `bodies`: the JSON of answers, in the shapes that servers of different versions write.
//! - `wire`: one connection in memory, on a clock that the test moves.
//! - `servers`: connections to servers on sockets, `calls`: typed calls, `access`: signatures and TLS.

mod access;
mod bodies;
mod calls;
mod captures;
mod servers;
mod wire;

#[path = "../../../../../tests/it/broker.rs"]
mod broker;

use std::time::Duration;

use super::{QueueOf, Remoting, RemotingOptions};
use broker::{Asked, Broker, Step};

const ORDERS: QueueOf<'static> = QueueOf {
    topic: "orders",
    queue_id: 3,
};

fn patient() -> RemotingOptions {
    RemotingOptions {
        timeout: Duration::from_mins(1),
        ..RemotingOptions::default()
    }
}

/// A cluster with one server, used as name server and as broker.
fn cluster(broker: &Broker) -> Remoting {
    Remoting::new(broker.address.parse().unwrap(), patient())
}

/// Success, with a minimal body.
fn nothing(asked: &Asked) -> Step {
    asked.ok(match asked.code {
        43 | 208 => r#"{"offsetTable":{}}"#,
        105 => r#"{"queueDatas":[],"brokerDatas":[]}"#,
        106 => r#"{"brokerAddrTable":{}}"#,
        201 => r#"{"subscriptionGroupTable":{}}"#,
        203 => r#"{"connectionSet":[]}"#,
        206 => r#"{"topicList":[]}"#,
        300 => r#"{"groupList":[]}"#,
        _ => "{}",
    })
}
