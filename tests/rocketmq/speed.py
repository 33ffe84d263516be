"""How fast, beside mqadmin on the same cluster in the same minute; how many calls a message costs; a million with coordinates.

The calls are counted and always judged. Times are what they are on the machine and the build at hand: they are judged by
the targets with STRICT=1 in the environment, else by a quarter of them.
"""
import os
import re

import tap

MESSAGES, GROUPS, MQADMIN = 2000, 10, 100
RATIO, CALLS, MILLION = 200, 1.3, 4.0
SLACK = 1 if os.environ.get("STRICT") == "1" else 4


def beside_mqadmin(suite):
    """2,000 unique keys at `--rate max`; mqadmin does 100 of them, one after the other, in a JVM that is warm."""
    orders = [message for message in suite.messages if message["topic"] == "orders"][:MESSAGES]
    asked = [{"msg_id": message["msg_id"], "topic": "orders"} for message in orders]
    suite.clients.words([(row["msg_id"], "orders") for row in asked[:MQADMIN]])
    theirs = MQADMIN / (int(re.search(r"in (\d+) ms", suite.clients.took)[1]) / 1000)
    ours = MESSAGES / min(suite.program.audit(suite.source, asked).took for _ in range(3))
    groups, dense, found = calls(suite, asked)
    few = [row for row in suite.asked if row["msg_id"] == suite.chosen[row["msg_id"], row["topic"]]["msg_id"]]
    _, sparse, more = calls(suite, few)
    found += more
    if groups < GROUPS:
        found.append(f"{groups} groups only")
    if dense > CALLS:
        found.append(f"{dense:.2f} calls a message, more than {CALLS}")
    if ours * SLACK < RATIO * theirs:
        found.append(f"less than {RATIO / SLACK:.0f} times mqadmin's {theirs:.1f} messages/s")
    suite.say("speed", f"{MESSAGES} keys x {groups} groups at {ours:,.0f} messages/s, mqadmin {theirs:.1f}/s: {ours / theirs:,.0f} times; "
              f"{dense:.3f} calls a message, {sparse:.2f} for {len(few)} in five topics", found)


def calls(suite, asked):
    """Returns the groups in the report, the calls per message counted by the tap, and the missing ones."""
    between = tap.Tap(suite.cluster.name_server)
    counted = suite.program.audit(f"rocketmq://{between.address}", asked)
    between.close()
    answered = sum(bool(groups) for groups in counted.words().values())
    found = [] if answered == len(asked) else [f"{answered} of {len(asked)} answered at the tap: {counted.said[-300:]}"]
    return len({row["group"] for row in counted.rows}), sum(between.calls.values()) / len(asked), found


def million(suite, rows=1_000_000):
    """With positions in the input no look-up is made: the time of a snapshot plus four seconds. Only the offsets are judged."""
    columns = ["msg_id", "topic", "broker", "queue_id", "queue_offset", "tag"]
    orders = [message for message in suite.messages if message["topic"] == "orders"]
    path, frozen = suite.home / "million.csv", suite.home / "million.json.gz"
    with open(path, "w") as file:
        file.write(",".join(columns) + "\n")
        for n in range(rows):
            place = orders[n % len(orders)]
            file.write(f"{n:032X},orders,{place['broker']},{place['queue_id']},{place['queue_offset']},{place['tag']}\n")
    few = suite.program.write("few.csv", orders[:1], ["msg_id", "topic"])
    status, said, snapshot = suite.program.run("snapshot", "--source", suite.source, "--messages", few, "-o", frozen)
    found = [] if status == 0 else [f"snapshot: exit status {status}: {said}"]
    report, results = suite.program.outputs()
    status, said, took = suite.program.run("audit", path, "--source", suite.source, "-o", report.with_suffix(".json"), "--results", results, "--no-progress", "--examine", "none")
    if status != 1 or f"{rows:,} answered" not in said:
        found.append(f"exit status {status}: {said[-500:]}")
    if took > SLACK * (snapshot + MILLION):
        found.append(f"more than the {snapshot:.1f} s of a snapshot and {SLACK * MILLION:.0f} s")
    suite.say("million", f"{rows:,} rows with coordinates in {took:.1f} s, a snapshot in {snapshot:.1f} s", found)
    path.unlink()
