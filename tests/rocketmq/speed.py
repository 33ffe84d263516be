"""How fast, beside mqadmin on the same cluster in the same minute; and how many calls a message costs the brokers."""
import re
import time

import tap

MESSAGES, GROUPS, MQADMIN = 2000, 10, 100
RATIO, CALLS = 200, 1.3


def measure(suite):
    """2,000 unique keys at `--rate max`; mqadmin does 100 of them, one after the other, in a JVM that is warm."""
    orders = [message for message in suite.messages if message["topic"] == "orders"][:MESSAGES]
    asked = [{"msg_id": message["msg_id"], "topic": "orders"} for message in orders]
    suite.clients.words([(row["msg_id"], "orders") for row in asked[:MQADMIN]])
    theirs = MQADMIN / (int(re.search(r"in (\d+) ms", suite.clients.took)[1]) / 1000)
    runs = [suite.program.audit(suite.source, asked) for _ in range(3)]
    ours = MESSAGES / min(run.took for run in runs)
    between = tap.Tap(suite.cluster.name_server)
    counted = suite.program.audit(f"rocketmq://{between.address}", asked)
    between.close()
    calls = sum(between.calls.values()) / MESSAGES
    groups = len({row["group"] for row in counted.rows})
    found = []
    if groups < GROUPS or len(counted.words()) != MESSAGES:
        found.append(f"{len(counted.words())} messages, {groups} groups: {counted.said[-300:]}")
    if calls > CALLS:
        found.append(f"{calls:.2f} calls a message, more than {CALLS}: {dict(between.calls)}")
    if ours < RATIO * theirs:
        found.append(f"less than {RATIO} times mqadmin's {theirs:.1f} messages/s")
    print(f"    calls by code: {dict(sorted(between.calls.items()))}")
    suite.say("speed", f"{MESSAGES} keys x {groups} groups at {ours:,.0f} messages/s, mqadmin {theirs:.1f}/s: {ours / theirs:,.0f} times; "
              f"{calls:.3f} calls a message", found)


def million(suite, rows=1_000_000):
    """With coordinates in the input nobody is asked about a message: the time of a snapshot, and four seconds more."""
    columns = ["msg_id", "topic", "broker", "queue_id", "queue_offset", "tag"]
    orders = [message for message in suite.messages if message["topic"] == "orders"]
    path = suite.home / "million.csv"
    with open(path, "w") as file:
        file.write(",".join(columns) + "\n")
        for n in range(rows):
            place = orders[n % len(orders)]
            file.write(f"{n:032X},orders,{place['broker']},{place['queue_id']},{place['queue_offset']},{place['tag']}\n")
    _, said, snapshot = suite.program.run("snapshot", "--source", suite.source, "--messages", path, "-o", suite.home / "million.json.gz")
    report, results = suite.outputs()
    begin = time.monotonic()
    status, said, _ = suite.program.run("audit", path, "--source", suite.source, "-o", report, "--results", results, "--keep", "", "--no-progress")
    took = time.monotonic() - begin
    suite.say("million", f"{rows:,} rows with coordinates in {took:.1f} s, exit status {status}, a snapshot in {snapshot:.1f} s", [])
