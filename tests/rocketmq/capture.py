"""Keeps the bytes of real servers for the unit tests: tests/data/rocketmq/VERSION/CODE-NAME.{request,answer}.bin.

    capture.py NAME_SERVER JARS MESSAGES.csv DIRECTORY

The cluster is one that suite.py has filled. What a Java client asks on its own, as mqadmin does, is taken from the tap
(`*.java.*`, and `*.java-binary.*` with the binary header); all other requests are made here.
"""
import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import cluster
import tap
import wire

STRICT = 401  # 4.9.4: from this version on, name servers answer in standard JSON


def keep(directory, name, asked, answered):
    directory.mkdir(parents=True, exist_ok=True)
    for kind, frame in (("request", asked), ("answer", answered)):
        (directory / f"{name}.{kind}.bin").write_bytes(frame)


def calls(name_server, brokers, message):
    """(name, server, code, fields, options) of every call of docs/facts/rocketmq.md §3.2, including refused ones."""
    topic, queue, offset = message["topic"], message["queue_id"], int(message["queue_offset"])
    broker = brokers[message["broker"]]
    physical = int(message["offset_msg_id"][16:], 16)
    span = {"beginTimestamp": 0, "endTimestamp": 2**63 - 1, "maxNum": 32}
    place = {"topic": topic, "queueId": queue}
    pull = {"consumerGroup": "TOOLS_CONSUMER", **place, "queueOffset": offset, "maxMsgNums": 2, "sysFlag": 4, "commitOffset": 0,
            "suspendTimeoutMillis": 0, "subscription": "*", "subVersion": 0, "expressionType": "TAG"}
    yield "route", name_server, wire.ROUTE, {"topic": topic}, {}
    yield "route-strict", name_server, wire.ROUTE, {"topic": topic}, {"version": STRICT}
    yield "route-asked-strict", name_server, wire.ROUTE, {"topic": topic, "acceptStandardJsonOnly": "true"}, {}
    yield "route-of-retry", name_server, wire.ROUTE, {"topic": "%RETRY%GID_failing"}, {}
    yield "route-none", name_server, wire.ROUTE, {"topic": "no-such-topic"}, {}
    yield "cluster", name_server, wire.CLUSTER, None, {}
    yield "topics", name_server, wire.TOPICS, None, {}
    yield "cluster-topics", name_server, wire.CLUSTER_TOPICS, {"cluster": cluster.NAME}, {}
    yield "cluster-topics-none", name_server, wire.CLUSTER_TOPICS, {"cluster": "no-such-cluster"}, {}
    yield "groups", broker, wire.WHO, {"topic": topic}, {}
    yield "groups-none", broker, wire.WHO, {"topic": "no-such-topic"}, {}
    yield "topics-of-group", broker, wire.TOPICS_OF, {"group": "GID_caught_up"}, {}
    for group in ("caught_up", "tagged", "sql", "broadcast", "pull", "pop", "offline", "never"):
        yield f"connections-{group}", broker, wire.CONNECTIONS, {"consumerGroup": f"GID_{group}"}, {}
        yield f"stats-{group}", broker, wire.CONSUME_STATS, {"consumerGroup": f"GID_{group}"}, {}
    yield "stats-topic", broker, wire.CONSUME_STATS, {"consumerGroup": "GID_unsubscribed", "topic": topic}, {}
    yield "stats-topic-list", broker, wire.CONSUME_STATS, {"consumerGroup": "GID_unsubscribed", "topicList": topic}, {}
    yield "broker-stats", broker, wire.BROKER_STATS, {"isOrder": "false"}, {}
    yield "offset", broker, wire.QUERY_OFFSET, {"consumerGroup": "GID_offline", **place}, {}
    yield "offset-none", broker, wire.QUERY_OFFSET, {"consumerGroup": "GID_never", **place, "setZeroIfNotFound": "false"}, {}
    yield "all-offsets", broker, wire.ALL_OFFSETS, None, {}
    yield "max", broker, wire.MAX_OFFSET, place, {}
    yield "min", broker, wire.MIN_OFFSET, place, {}
    yield "max-none", broker, wire.MAX_OFFSET, {"topic": "no-such-topic", "queueId": 0}, {}
    yield "search-offset", broker, wire.SEARCH_OFFSET, {**place, "timestamp": 0}, {}
    yield "view", broker, wire.VIEW, {"offset": physical}, {}
    yield "view-misplaced", broker, wire.VIEW, {"offset": physical + 4}, {}
    yield "view-none", broker, wire.VIEW, {"offset": 2**40}, {}
    yield "query", broker, wire.QUERY_MESSAGE, {"topic": topic, "key": message["msg_id"], **span, "indexType": "U"}, {}
    yield "query-unique", broker, wire.QUERY_MESSAGE, {"topic": topic, "key": message["msg_id"], **span, "_UNIQUE_KEY_QUERY": "true"}, {}
    yield "query-none", broker, wire.QUERY_MESSAGE, {"topic": topic, "key": "F" * 32, **span, "indexType": "U"}, {}
    yield "queue", broker, wire.QUEUE, {**place, "index": 0, "count": 4}, {}
    yield "queue-past-end", broker, wire.QUEUE, {**place, "index": 100000, "count": 4}, {}
    yield "queue-none", broker, wire.QUEUE, {"topic": topic, "queueId": 77, "index": 0, "count": 4}, {}
    yield "pull", broker, wire.PULL, pull, {}
    yield "pull-at-end", broker, wire.PULL, {**pull, "queueOffset": 1000000}, {}
    yield "subscription-groups", broker, wire.SUBSCRIPTION_GROUPS, None, {}
    yield "topic-config", broker, wire.TOPIC_CONFIG, {"topic": topic}, {}
    yield "topic-config-none", broker, wire.TOPIC_CONFIG, {"topic": "no-such-topic"}, {}
    yield "unsupported", broker, 999, None, {}


def mqadmin(jars, home, *arguments, options=()):
    command = ["java", *cluster.JVM, *options, f"-Duser.home={home}", f"-Drocketmq.home.dir={home}", "-cp", f"{jars}/*",
               "org.apache.rocketmq.tools.command.MQAdminStartup", *arguments]
    done = subprocess.run(command, env={**os.environ, "ROCKETMQ_HOME": str(home)}, capture_output=True, text=True, timeout=120)
    for body in re.findall(r"^Message Body Path: +(\S+)$", done.stdout, re.M):  # always under the same /tmp/rocketmq
        Path(body).unlink(missing_ok=True)
    return done.stdout


def main(name_server, jars, messages, directory):
    directory, home = Path(directory), Path(messages).parent
    with open(messages) as file:
        message = next(row for row in csv.DictReader(file) if row["topic"] == "orders" and row["tag"] == "paid")
    for name, server, code, fields, options in calls(name_server, wire.masters(name_server), message):
        keep(directory, f"{code}-{name}", *wire.call(server, code, fields, **options))
    for variant, options in (("java", []), ("java-binary", ["-Drocketmq.serialize.type=ROCKETMQ"])):
        names = {wire.ROUTE: "route", wire.CLUSTER: "cluster", wire.WHO: "groups", wire.CONNECTIONS: "connections",
                 wire.CONSUME_STATS: "stats", wire.QUERY_MESSAGE: "query", wire.TOPIC_CONFIG: "topic-config"}
        kept = {}
        between = tap.Tap(name_server, keep=lambda code, *frames: kept.setdefault(code, frames))
        mqadmin(jars, home, "queryMsgByUniqueKey", "-n", between.address, "-t", message["topic"], "-i", message["msg_id"], options=options)
        between.close()
        for code, frames in kept.items():
            if code in names:
                keep(directory, f"{code}-{names[code]}.{variant}", *frames)
        print(variant, dict(between.calls))


if __name__ == "__main__":
    main(*sys.argv[1:])
