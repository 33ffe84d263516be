//! An Apache RocketMQ cluster as the source, played by scripted servers.

mod audit;
mod born_times;
mod brokers;
pub(crate) mod cluster;
mod examine;
mod lies;
mod snapshot;
mod trouble;

use std::fmt::Write as _;

use self::cluster::{Cluster, Group, Message, State};
use super::tool::{Row, Tool, table};

/// Eight messages, and groups of every kind with offsets past all of them or before.
pub(crate) fn state() -> State {
    let push = |expression, kind| Group {
        subscriptions: vec![("orders", expression, kind)],
        ..Group::push(2)
    };
    let with = |online| Group {
        online: Some(online),
        ..Group::push(2)
    };
    let groups = [
        ("GID_broadcast", with(("CONSUME_PASSIVELY", "BROADCASTING"))),
        ("GID_caught_up", Group::push(2)),
        (
            "GID_elsewhere",
            Group {
                subscriptions: vec![("refunds", "*", "TAG")],
                ..Group::push(2)
            },
        ),
        (
            "GID_homeless",
            Group {
                homeless: true,
                ..Group::offline(2)
            },
        ),
        ("GID_lagging", Group::push(0)),
        (
            "GID_new",
            Group {
                offsets: [].into(),
                ..Group::push(0)
            },
        ),
        ("GID_offline", Group::offline(2)),
        ("GID_pop", with(("CONSUME_POP", "CLUSTERING"))),
        ("GID_pull", with(("CONSUME_ACTIVELY", "CLUSTERING"))),
        ("GID_sql", push("amount > 3", "SQL92")),
        ("GID_tagged", push("created", "TAG")),
        ("TOOLS_CONSUMER", Group::offline(2)),
    ];
    State {
        messages: (0..8).map(Message::nth).collect(),
        groups: groups.map(|(name, group)| (name.to_owned(), group)).into(),
        ..State::default()
    }
}

/// Returns an input with these columns.
fn input(header: &str, rows: impl IntoIterator<Item = String>) -> String {
    rows.into_iter()
        .fold(format!("{header}\n"), |mut text, row| {
            writeln!(text, "{row}").unwrap();
            text
        })
}

/// Returns `msg_id,topic` for each key.
pub(crate) fn keys(keys: impl IntoIterator<Item = String>) -> String {
    input(
        "msg_id,topic",
        keys.into_iter().map(|key| format!("{key},orders")),
    )
}

/// Returns the rows of a report about one message.
fn of(rows: &[Row], row: u64) -> Vec<&Row> {
    let number = row.to_string();
    rows.iter().filter(|row| row["row"] == number).collect()
}

/// Audits `in.csv` to a report; checks the exit status.
fn audit(tool: &Tool, cluster: &Cluster, flags: &str, status: i32) -> Vec<Row> {
    let call = tool
        .call("audit in.csv -o out.csv --source")
        .arg(&cluster.source());
    call.args(flags).ends(status);
    table(&tool.read("out.csv"))
}
