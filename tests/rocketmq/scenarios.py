"""A bad day: a broker stops before and during an audit and comes back, moves to another address, a group's offsets are reset,
a group is deleted. What can't be known must be unanswered, never guessed; what is answered must be right.
"""
import subprocess
import time

import wire
import words



def play(suite):
    for scene in (broker_away, broker_dies_meanwhile, broker_moves, offsets_reset, group_deleted):
        scene(suite)


def expected(suite):
    """Our words of the audit at rest, by unique key: they hold as long as no offset moves."""
    return {message["msg_id"]: suite.live.words()[pair] for pair, message in suite.chosen.items()}


def wrong_answers(suite, report, away=None):
    """Answers that differ from those at rest; and, with a broker away, what is said of its messages but `unanswered`."""
    right, found, unanswered = expected(suite), [], 0
    places = {message["msg_id"]: message for message in suite.chosen.values()}
    said = report.words()
    for row in report.rows:
        place, pair = places[row["msg_id"]], (row["msg_id"], row["topic"])
        mine = {group: (word, mark) for group, (word, mark, _) in said[pair].items()}
        if row["message_verdict"] == "unanswered":
            unanswered += 1
            if row["group"] or away is None:
                found.append(f"{row['msg_id']} on {place['broker']}: {row['message_verdict']} {row['group']} {row['error_message']}")
        elif not row["group"]:
            found.append(f"{row['msg_id']} on {place['broker']}: {row['message_verdict']}: {row['error_message']}")
        elif mine != {group: (word, mark) for group, (word, mark, _) in right[row["msg_id"]].items()}:
            if not (away == place["broker"] and row["track_type"] == "UNKNOWN"):
                found.append(f"{row['msg_id']} on {place['broker']}: {mine}, at rest {right[row['msg_id']]}")
    return found, unanswered


def rows(suite):
    return [{"msg_id": message["msg_id"], "topic": message["topic"]} for message in suite.chosen.values()]


def on(suite, broker):
    return sum(message["broker"] == broker for message in suite.chosen.values())


def broker_away(suite):
    """One broker of two is down from the start: its messages are unanswered, exit status 3."""
    broker = suite.cluster.brokers["broker-b"]
    broker.stop()
    report = suite.program.audit(suite.source, rows(suite), "--max-attempts", "2", "--timeout", "3s")
    found, unanswered = wrong_answers(suite, report, away="broker-b")
    if report.status != 3 or unanswered != on(suite, "broker-b"):
        found.append(f"exit status {report.status}, {unanswered} unanswered of {on(suite, 'broker-b')} there: {report.said[-400:]}")
    suite.say("broker away", f"{unanswered} of {len(report.words())} unanswered in {report.took:.1f} s", found)
    broker.start()
    settle(suite)


def broker_dies_meanwhile(suite):
    """A broker crashes in mid-audit; the audit is resumed when it is back, and ends like one that nothing happened to."""
    broker, program = suite.cluster.brokers["broker-b"], suite.program
    report, results = program.outputs()
    asked = program.write("asked-dies.csv", rows(suite), ["msg_id", "topic"])
    options = ["audit", asked, "--source", suite.source, "-o", report, "--results", results, "--no-progress",
               "--max-attempts", "2", "--timeout", "3s", "--rate", "100"]
    running = subprocess.Popen(program.command(*options), env=program.environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)  # of the three seconds that 300 messages take
    broker.stop(hard=True)
    said = running.communicate(timeout=120)[1]
    first = type(suite.live)(running.returncode, said, 0, report)
    found, unanswered = wrong_answers(suite, first, away="broker-b")
    if first.status != 3 or not unanswered:
        found.append(f"exit status {first.status}, {unanswered} unanswered: {said[-400:]}")
    broker.start()
    settle(suite)
    again = program.run(*options, "--resume")
    whole = type(suite.live)(*again, report)
    more, _ = wrong_answers(suite, whole)
    found += more
    if whole.status != 1:
        found.append(f"resumed: exit status {whole.status}: {whole.said[-400:]}")
    suite.say("broker dies", f"{unanswered} unanswered, then resumed", found)


def broker_moves(suite):
    """The master comes back at another address with the same store, as after a failover or in a new pod: what was consumed
    stays consumed, and mqadmin says otherwise."""
    broker = suite.cluster.brokers["broker-b"]
    broker.stop()
    broker.start(ip="127.0.0.3", port=suite.cluster.port())
    settle(suite)
    suite.clients.ask("send orders 4 " + str(suite.home / "sent.csv"))  # the old address is forgotten for sure
    suite.rest()
    report = suite.program.audit(suite.source, suite.asked)
    theirs = suite.clients.words([(row["msg_id"], row["topic"]) for row in suite.asked[:60]])
    found, misled = [], 0
    right, said = suite.live.words(), report.words()
    for pair, message in suite.chosen.items():
        mine = said.get(pair, {})
        if {group: word[:2] for group, word in mine.items()} != {group: word[:2] for group, word in right[pair].items()}:
            found.append(f"{pair} on {message['broker']}: {mine}, before {right[pair]}")
        for group, (word, _, told) in mine.items() if pair in theirs else ():
            other = theirs[pair].get(group, theirs[pair].get("", "?"))
            misled += message["broker"] == "broker-b" and other == "NOT_CONSUME_YET" and word == "CONSUMED"
            by_offset_id = pair[0] == message["offset_msg_id"] and message["broker"] == "broker-b"
            if told != other and not by_offset_id and (suite.version, group) != ("4.9", "GID_broadcast"):
                found.append(f"{pair} {group}: the report says that mqadmin says {told}, it says {other}")
    if not misled:
        found.append("mqadmin is not misled, so this is no test")
    suite.say("broker moves", f"{misled} words that mqadmin has turned into NOT_CONSUME_YET", found)


def offsets_reset(suite):
    """The report follows the offsets, wherever an operator puts them."""
    found = []
    for when, passed in (("now", True), ("0", False)):
        suite.clients.ask(f"mqadmin resetOffsetByTime -g GID_offline -t orders -s {when} -f true")
        report = suite.program.audit(suite.source, [row for row in rows(suite) if row["topic"] == "orders"])
        truth = words.Truth(suite.cluster.name_server)
        places = {message["msg_id"]: message for message in suite.chosen.values()}
        for (msg_id, topic), groups in report.words().items():
            word, mark, _ = groups["GID_offline"]
            if (word == "CONSUMED") != passed or truth.passed("GID_offline", places[msg_id]) != passed or mark != "offline":
                found.append(f"reset to {when}: {msg_id}: {word} {mark}, passed {truth.passed('GID_offline', places[msg_id])}")
    suite.say("offsets reset", "to the end and to the beginning", found)


def group_deleted(suite):
    """A group that is gone has no row; one that was expected is absent."""
    for address in wire.masters(suite.cluster.name_server).values():
        suite.clients.ask(f"mqadmin deleteSubGroup -g GID_offline -b {address} -r true")
    orders = [row for row in rows(suite) if row["topic"] == "orders"]
    report = suite.program.audit(suite.source, orders, "--expect", "orders=GID_offline,GID_caught_up")
    found = [f"{row['msg_id']} {row['group']}: {row['track_type']} {row['verdict']}" for row in report.rows
             if row["group"] == "GID_offline" and (row["verdict"], row["track_type"]) != ("absent", "")]
    absent = sum(row["verdict"] == "absent" for row in report.rows)
    if absent != len(orders):
        found.append(f"{absent} absent of {len(orders)}")
    suite.say("group deleted", f"{absent} absent", found)


def settle(suite):
    """Waits until both brokers are in the route and the clients have come back to them."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            masters = wire.masters(suite.cluster.name_server)
            here = {name: broker.address for name, broker in suite.cluster.brokers.items()}
            online = [group for address in here.values() for group in ("GID_caught_up", "GID_lagging", "GID_pull", "GID_stale_broadcast")
                      if wire.ask(address, wire.CONNECTIONS, {"consumerGroup": group})[0] == 0]
            if masters == here and len(online) == 8:
                suite.rest()
                return
        except (OSError, EOFError):
            pass
        time.sleep(0.5)
    raise RuntimeError(f"the cluster does not settle: {masters}, {online}")
