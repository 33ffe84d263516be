"""Was it processed? Consumers fail in every way on a real Apache RocketMQ cluster, write down what they did with every message,
and every verdict of an audit is compared with that.

    processing.py VERSION BINARY JARS SCRATCH

Prints how often each truth got each verdict, and the calls of each audit. Ends with 1 if one pair is wrong. The cluster is in
SCRATCH, on the loopback, and stopped at the end.
"""
import collections
import re
import signal
import sys
import time
from pathlib import Path

import cluster
import guarded
import tap
import truth
import wire
from audit import PLACE, Program
from clients import Clients, state

# A failure comes back after a second; level 15 gives a consumer the time to stop, and what has level 16 stays where it is.
# POP: the log of what has to be delivered again is read every second.
MORE = """messageDelayLevel=1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 5s 30m 30m 30m
traceTopicEnable=true
reviveScanTime=1000
"""
TRACE_TOPIC = "RMQ_SYS_TRACE_TOPIC"
CALLS = {wire.PULL: "pulls", wire.QUERY_MESSAGE: "look-ups", wire.DELAY_OFFSETS: "delay offsets", wire.SEARCH_OFFSET: "searches by time",
         wire.MAX_OFFSET: "ends", wire.MIN_OFFSET: "beginnings", wire.ALL_OFFSETS: "offset tables", wire.VIEW: "reads by place",
         wire.SUBSCRIPTION_GROUPS: "group tables", wire.CONNECTIONS: "connections", wire.ROUTE: "routes"}
# What the guide asks for: in 4.9 `defaultTopicPerm` and `defaultGroupPerm`, in 5.5 GET on everything and SUB on these.
EXAMINER = ("examiner", "examiner-secret-1")
PLAIN = ["defaultTopicPerm: SUB"]
SWEPT = f"Topic:%DLQ%*,Topic:SCHEDULE_TOPIC_XXXX,Topic:{TRACE_TOPIC},Group:TOOLS_CONSUMER"
# Where a copy must be, and nowhere else.
EXPECTED = {"dead letter": "dead letter", "rewound: dead letter": "dead letter", "dead letter on its way": "waiting", "retry pending": "waiting"}
COLUMNS = ["msg_id", "topic", "instance_id"]
READING = {"observed_at", "attempts", "request_id"}  # columns about the reading itself


class Processing:
    def __init__(self, version, binary, jars, home):
        self.version, self.jars, self.home = version, jars, Path(home)
        self.right, self.begin = True, time.monotonic()
        self.cluster = cluster.Cluster(jars, self.home, more=MORE)
        self.program = Program(binary, self.home)
        self.source = f"rocketmq://{self.cluster.name_server}"
        self.clients, self.done = None, time.monotonic()

    def say(self, check, what, found):
        """Prints one line with the time it took, and up to twenty differences below it."""
        self.right &= not found
        now = time.monotonic()
        took, self.done = now - self.done, now
        print(f"{self.version} {check:<14} {what}:", f"{len(found)} DIFFER" if found else "as it must be", f"({took:.0f} s)", flush=True)
        for line in found[:20]:
            print("   ", " ".join(str(line).split())[:1200])

    def play(self):
        self.cluster.start()
        self.clients = Clients(self.jars, self.home, self.cluster.name_server, "Listeners")
        said = self.clients.ask(f"play {self.home}")
        self.rest()
        self.log = truth.Log(self.home)
        self.pairs = self.log.pairs()
        if self.behind():  # on a busy machine clients commit later
            deadline = time.monotonic() + 60
            while self.behind() and time.monotonic() < deadline:
                time.sleep(0.5)
            self.rest()
        self.asked = [{"msg_id": msg_id, **truth.asked(topic)} for msg_id, topic in self.log.messages]
        self.copies = Copies(self.cluster.name_server)
        self.say("listeners", f"{said}, {len(self.pairs)} pairs", self.differing())

    def rest(self, still=6):
        """Waits until nothing has moved for so many seconds: clients commit their offsets, every five seconds by default, and
        send their trace records a little later."""
        before, since = None, time.monotonic()
        while time.monotonic() - since < still:
            now = state(self.cluster.name_server), [
                wire.ask(address, wire.MAX_OFFSET, {"topic": TRACE_TOPIC, "queueId": 0})[1].get("offset")
                for address in wire.masters(self.cluster.name_server).values()]
            if now != before:
                before, since = now, time.monotonic()
            time.sleep(0.2)

    def behind(self):
        """The first message that a group has processed and whose offset is not committed. Groups whose offsets went back are
        left out."""
        tables = {name: wire.offsets(address) for name, address in wire.masters(self.cluster.name_server).items()}
        for (key, topic, group), pair in self.pairs.items():
            message = pair.message
            committed = tables[message["broker"]].get(f"{topic}@{group}", {}).get(message["queue_id"], 0)
            if committed <= int(message["queue_offset"]) and not pair.truth.startswith("rewound"):
                return f"{group} {topic} {key}"
        return None

    def differing(self):
        """Where the cluster differs from the log: copies that are missing or too many, trace records that are missing."""
        found = []
        for (key, topic, group), pair in self.pairs.items():
            places = collections.Counter(copy["where"] for copy in self.copies.of(group, key, topic))
            expected = EXPECTED.get(pair.truth)
            if bool(places["dead letter"]) != (expected == "dead letter") or bool(places["waiting"]) != (expected == "waiting"):
                found.append(f"{group} {topic} {key}: {pair.truth}, copies {dict(places)}")
            traced = self.copies.traces[group.rpartition("%")[2], key]
            returned = [delivery for delivery in pair.deliveries if delivery["outcome"] != "stuck"]
            if pair.group["traced"] == "yes" and len(traced) < len(returned):
                found.append(f"{group} {topic} {key}: {len(returned)} deliveries, {len(traced)} trace records")
        found += truth.blind(self.pairs)
        return found

    def audit(self, examine, *options, source=None, asked=None, columns=None, **environment):
        return self.program.audit(source or self.source, asked or self.asked, "--examine", examine, *options,
                                  columns=columns or COLUMNS, **environment)

    def verdicts(self):
        """Both audits, pair by pair."""
        self.reports = {}
        for examine in ("failures", "failures,traces"):
            between = tap.Tap(self.cluster.name_server)
            report = self.reports[examine] = self.audit(examine, source=f"rocketmq://{between.address}")
            between.close()
            found, counts = truth.judge(self.pairs, report.rows, "traces" in examine)
            lines = self.explained(found)
            if report.status != 1:
                lines.insert(0, f"exit status {report.status}: {report.said[-600:]}")
            self.show(examine, counts, between.calls)
            self.say("verdicts", f"--examine {examine}, {sum(counts.values())} pairs in {report.took:.1f} s", lines)

    def show(self, examine, counts, calls):
        named = ", ".join(f"{count} {CALLS.get(code, code)}" for code, count in calls.most_common())
        print(f"  --examine {examine}: {sum(calls.values())} calls: {named}")
        for (name, verdict), count in sorted(counts.items()):
            print(f"    {count:>5}  {name:<40} {verdict}")

    def explained(self, found):
        """Each kind of fault once, with its number and an example; the number of lines is that of kinds."""
        kinds = collections.defaultdict(list)
        for pair, row, trouble in found:
            kinds[pair.truth, pair.group["group"], trouble, truth.said(row) if row else ""].append((pair, row, trouble))
        return [f"{len(pairs)} pairs, e.g. {self.explain(*pairs[0])}" for pairs in sorted(kinds.values(), key=len, reverse=True)]

    def explain(self, pair, row, trouble):
        """A wrong pair: the message, the group, the truth, the copies on the cluster, and what the program said."""
        message, group = pair.message, pair.group["group"]
        done = ", ".join(f"{delivery['attempt']} {delivery['outcome']} {delivery['time']}" for delivery in pair.deliveries)
        says = {name: row[name] for name in ("verdict", "track_type", "mark", *truth.MINE) if row.get(name)} if row else None
        copies = [f"{copy['topic']}[{copy['queue']}]@{copy['offset']} attempts {copy['attempts']} stored {copy['stored']} {copy['where']}"
                  for copy in self.copies.of(group, message["msg_id"], message["topic"])]
        traces = [f"{success} code {code} at {at}" for success, code, at in self.copies.traces[group.rpartition("%")[2], message["msg_id"]]]
        return (f"{message['msg_id']} {message['topic']} n={message.get('n')} {group}: {trouble}; truth: {pair.truth} [{done}]; "
                f"copies {copies}; traces {traces}; said {says}")

    def unexamined(self):
        """Without an examination every `passed` has the evidence `offset`, and nothing is dead, retrying or failed."""
        between = tap.Tap(self.cluster.name_server)
        report = self.audit("none", source=f"rocketmq://{between.address}")
        between.close()
        words = collections.Counter(truth.said(row) for row in report.rows if row["group"])
        # the columns are those of a run before there was an examination, or say so
        found = [f"{word}: {count}" for word, count in words.items() if word not in ("passed", "passed offset", "open", "filtered")]
        self.say("not examined", f"--examine none: {sum(between.calls.values())} calls, {dict(words)}", found)

    def other_ways(self):
        """IDs of another kind, and positions instead of look-ups. Copies are known by unique keys: a look-up by an offset ID
        finds the key; an input with a position and an offset ID has none, so nothing is examined, and the report says so."""
        live = self.audit("failures")
        messages = list(self.log.messages.values())
        by_offset_id = [{"msg_id": message["offset_msg_id"], **truth.asked(message["topic"])} for message in messages]
        placed = [{**message, **truth.asked(message["topic"])} for message in messages]
        neither = [{**row, "msg_id": row["offset_msg_id"]} for row in placed]
        besides = "msg_id", "mqadmin_track_type", "born_at", "tag"  # what an ID or an input says
        found = []
        for what, rows, columns in (("by offset IDs", by_offset_id, COLUMNS), ("with positions", placed, [*COLUMNS, *PLACE])):
            report = self.audit("failures", asked=rows, columns=columns)
            found += [f"{what}: {line}" for line in differences(live.rows, report.rows, besides)]
        report = self.audit("failures", asked=neither, columns=[*COLUMNS, *PLACE])
        said = collections.Counter((truth.said(row), row["evidence_note"]) for row in report.rows)
        found += [f"with positions and offset IDs: {count} {word} {note!r}" for (word, note), count in said.items()
                  if word not in ("open", "filtered") and (word != "passed offset" or not note)]
        self.say("other ways", "by offset IDs, with positions, with both", found)

    def snapshot(self):
        """A snapshot taken with the messages says what the cluster says, in every column."""
        found = []
        for examine in ("failures", "failures,traces"):
            frozen = self.home / f"frozen-{examine}.json.gz"
            asked = self.program.write("asked-frozen.csv", self.asked, COLUMNS)
            status, said, _ = self.program.run("snapshot", "--source", self.source, "--messages", asked, "-o", frozen, "--rate", "max", "--examine", examine)
            if status != 0:
                found.append(f"exit status {status}: {said[-600:]}")
                continue
            live, later = self.audit(examine), self.audit(examine, source=str(frozen))
            found += [f"{examine}: {line}" for line in differences(live.rows, later.rows)]
            if live.status != later.status:
                found.append(f"{examine}: exit status {live.status}, from the snapshot {later.status}: {later.said[-300:]}")
        self.say("snapshot", "taken with the messages, in every column", found)

    def redrive(self):
        """A dead letter that is sent again and then succeeds; and one that the dashboard's button gives to a listener."""
        dead = [pair.message["msg_id"] for key, pair in sorted(self.pairs.items()) if key[2] == "t_dead" and pair.truth == "dead letter"]
        sent, given = dead[0], dead[1]
        self.clients.ask("heal t_dead")
        self.clients.ask(f"resend t_dead {sent}")
        self.clients.ask(f"direct t_dead {given}")
        self.rest()
        found = []
        for examine in ("failures", "failures,traces"):
            report = self.audit(examine, asked=[{"msg_id": key, **truth.asked("events")} for key in (sent, given)])
            rows = {row["msg_id"]: row for row in report.rows if row["group"] == "t_dead"}
            for key, how in ((sent, "sent again"), (given, "given to a listener")):
                row = rows.get(key, {})
                print(f"    {how}, --examine {examine}:", ", ".join(f"{name} {row[name]}" for name in ("verdict", *truth.MINE) if row.get(name)))
                succeeded = key == sent and "traces" in examine
                right = (truth.said(row) == "passed trace" and row["evidence_note"].startswith("dead-lettered at")) if succeeded else (
                    row and truth.said(row) == "dead_lettered")
                if not right:
                    found.append(f"{how}, {examine}: {row}")
        self.say("redriven", "a dead letter sent again is passed by its trace; without traces, and given directly, dead_lettered", found)

    def permissions(self):
        """An account with the permissions that the guide names examines everything; one that may only read offsets and look up
        messages is told what is missing, and its audit ends as one that examines nothing."""
        guarded.guard(self, {EXAMINER: ([*PLAIN, "defaultGroupPerm: SUB"], [("Topic:*,Group:*", "Get"), (SWEPT, "Sub")]),
                             guarded.AUDITOR: ([*PLAIN, "defaultGroupPerm: DENY"], [("Topic:*,Group:*", "Get")])})
        found = []
        whole = self.audit("failures", **guarded.account(*guarded.OPERATOR))
        examined = self.audit("failures", **guarded.account(*EXAMINER))
        unexamined = self.audit("none", **guarded.account(*guarded.AUDITOR))
        # with many more calls, GET in 5.5 is enough for looking every message up
        refused = self.audit("failures", "--examine-limit", "2000", **guarded.account(*guarded.AUDITOR))
        found += differences(whole.rows, examined.rows)
        if not any(row["verdict"] == "dead_lettered" for row in whole.rows):
            found.append(f"no dead letter is seen: {whole.said[-400:]}")
        if refused.status != unexamined.status:
            found.append(f"exit status {refused.status}, without examining {unexamined.status}: {refused.said[-400:]}")
        notes = collections.Counter(row["evidence_note"] for row in refused.rows if truth.said(row) == "passed offset")
        told = [note for note in notes if re.search("SUB|permission", note)]
        if not told:
            found.append(f"nobody says which permission is missing: {notes.most_common(5)}")
        for note in told[:3]:
            print(f"    {notes[note]} pairs: {note}")
        for mine, all_of_it in zip(refused.rows, whole.rows):
            if mine["verdict"] != all_of_it["verdict"] and truth.said(mine) != "passed offset":
                found.append(f"{mine['msg_id']} {mine['group']}: {truth.said(mine)}, with all permissions {truth.said(all_of_it)}")
        self.say("permissions", "those of the guide suffice; without them the audit goes on and says why", found)

    def stop(self):
        if self.clients:
            self.clients.kill()
        self.cluster.stop()


class Copies:
    """All copies and trace records on a cluster, read without the program under test."""

    def __init__(self, name_server):
        self.found, self.traces = collections.defaultdict(list), collections.defaultdict(list)
        topics = wire.topics(name_server)
        for address in wire.masters(name_server).values():
            committed = wire.offsets(address)
            for topic in topics:
                if topic.startswith(("%DLQ%", "%RETRY%")):
                    for copy in wire.everything(address, topic):
                        self.add(copy, committed)
            delivered = wire.plain_json(wire.ask(address, wire.DELAY_OFFSETS)[2])["offsetTable"]
            for level in range(1, 19):
                for copy in wire.everything(address, "SCHEDULE_TOPIC_XXXX", level - 1):
                    # 4.9 does not name a level of which nothing was delivered yet
                    if copy["offset"] >= delivered.get(str(level), 0):
                        self.keep(copy, re.sub("^%(RETRY|DLQ)%", "", copy["properties"].get("REAL_TOPIC", "")), "waiting")
            for record in wire.everything(address, TRACE_TOPIC):
                self.trace(record["content"].decode())

    def add(self, copy, committed):
        prefix, group = copy["topic"].removeprefix("%").split("%", 1)
        if prefix == "DLQ":
            return self.keep(copy, group, "dead letter")
        # %RETRY%group_topic of POP: the committed offset names the group
        group = next((key.partition("@")[2] for key in committed if key.partition("@")[0] == copy["topic"]), group)
        passed = committed.get(f"{copy['topic']}@{group}", {}).get(str(copy["queue"]), 0)
        self.keep(copy, group, "retried" if copy["offset"] < passed else "waiting")

    def keep(self, copy, group, where):
        properties = copy["properties"]
        self.found[group, properties.get("UNIQ_KEY"), properties.get("home")].append({**copy, "where": where})

    def trace(self, text):
        for record in text.split("\x02"):
            fields = record.lstrip("\n").split("\x01")
            if fields[0] == "SubAfter":
                self.traces[fields[8] if len(fields) > 8 else "", fields[2]].append((fields[4], fields[6], fields[7] if len(fields) > 7 else ""))

    def of(self, group, key, topic):
        return self.found.get((group, key, topic), [])


def differences(one, other, besides=()):
    """The cells that differ, by row and column, except for what is about the reading itself and `besides`."""
    found = [] if len(one) == len(other) else [f"{len(one)} and {len(other)} rows"]
    for mine, theirs in zip(one, other):
        cells = {name: (mine.get(name), theirs.get(name)) for name in {**mine, **theirs}
                 if mine.get(name) != theirs.get(name) and name not in READING and name not in besides}
        if cells:
            found.append(f"{mine['msg_id']} {mine['topic']} {mine['group']}: {cells}")
    return found


def main(version, binary, jars, home):
    suite = Processing(version, binary, jars, home)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        suite.play()
        suite.verdicts()
        suite.unexamined()
        suite.other_ways()
        suite.snapshot()
        suite.redrive()
        suite.permissions()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        suite.stop()
    print(f"{version} took {time.monotonic() - suite.begin:.0f} s for processing")
    sys.exit(not suite.right)


if __name__ == "__main__":
    main(*sys.argv[1:])
