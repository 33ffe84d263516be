"""Audits a real Apache RocketMQ cluster and compares every word with mqadmin's. One line a check; each difference below it.

    suite.py VERSION BINARY JARS SCRATCH

Ends with 1 if anything differs. The cluster is in SCRATCH, on the loopback, and stopped at the end.
"""
import csv
import random
import re
import signal
import sys
import time
from pathlib import Path

import capture
import cluster
import guarded
import scenarios
import speed
import wire
import words
from audit import PLACE, Program
from clients import Clients, state

SEED = 20261125
MESSAGES = 5000
SAMPLE = 300
CAUGHT_UP = ("GID_caught_up", "GID_failing", "GID_tagged", "GID_sql", "GID_pull", "GID_pop")
# They also read their retry topic once it exists, and then commit an offset for it.
LISTENING = ("GID_caught_up", "GID_failing", "GID_tagged", "GID_sql", "GID_lagging", "GID_unsubscribed", "GID_pop")


class Suite:
    def __init__(self, version, binary, jars, home):
        self.version, self.jars, self.home = version, jars, Path(home)
        self.right, self.begin = True, time.monotonic()
        self.cluster = cluster.Cluster(jars, self.home)
        self.program = Program(binary, self.home)
        self.source = f"rocketmq://{self.cluster.name_server}"
        self.clients = None

    def say(self, check, what, found):
        """Prints one line, and up to ten differences below it."""
        self.right &= not found
        print(f"{self.version} {check:<14} {what}:", f"{len(found)} DIFFER" if found else "as it must be", flush=True)
        for line in found[:10]:
            print("   ", " ".join(str(line).split())[:400])

    def fill(self):
        self.cluster.start()
        self.clients = Clients(self.jars, self.home, self.cluster.name_server)
        said = self.clients.ask(f"fill {MESSAGES} {self.home}")
        with open(self.home / "messages.csv") as file:
            self.messages = list(csv.DictReader(file))
        with open(self.home / "copies.csv") as file:
            self.copies = list(csv.DictReader(file))
        self.rest()
        took = time.monotonic() - self.begin
        self.say("cluster", f"{said} after {took:.0f} s", [] if len(self.messages) == MESSAGES else ["messages are missing"])

    def rest(self):
        """Waits until the groups that read everything have committed everything, and nothing moves any more."""
        deadline = time.monotonic() + 120
        counts = {}
        for message in self.messages:
            queue = message["broker"], message["topic"], message["queue_id"]
            counts[queue] = max(counts.get(queue, 0), int(message["queue_offset"]) + 1)
        before = None
        while time.monotonic() < deadline:
            tables = {name: wire.offsets(address) for name, address in wire.masters(self.cluster.name_server).items()}
            behind = [(topic, group) for (broker, topic, queue), count in counts.items() for group in CAUGHT_UP
                      if f"{topic}@{group}" in tables[broker] and tables[broker][f"{topic}@{group}"].get(queue, 0) < count]
            listening = [group for group in LISTENING if any(f"orders@{group}" in table for table in tables.values())]
            behind += [(broker, retry) for broker in tables for group in listening
                       if (retry := f"%RETRY%{group}@{group}") not in tables[broker]]
            if not behind and tables == before:
                return
            before = tables
            time.sleep(1)
        raise RuntimeError(f"the cluster does not come to rest: {sorted(set(behind))}")

    def sample(self):
        """Returns 300 random messages, every second one by its offset ID instead of its unique key."""
        chosen = random.Random(SEED).sample(self.messages, SAMPLE)
        return {(message["offset_msg_id" if n % 2 else "msg_id"], message["topic"]): message for n, message in enumerate(chosen)}

    def words(self):
        """Compares the track types of 300 messages and all groups."""
        self.chosen = self.sample()
        self.asked = [{"msg_id": msg_id, "topic": topic} for msg_id, topic in self.chosen]
        self.theirs = self.clients.words(list(self.chosen))
        self.live = self.program.audit(self.source, self.asked)
        found, equal, met = words.compare(self.version, self.chosen, self.live.words(), self.theirs, words.Truth(self.cluster.name_server))
        if self.live.status != 1:
            found.append(f"exit status {self.live.status}: {self.live.said}")
        self.say("words", f"{SAMPLE} messages, {equal} words equal mqadmin's", found)
        for case, count in met:
            print(f"    {count:>4} {case.group}: mqadmin {case.theirs}, we {case.ours}{' ' + case.mark if case.mark else ''}: {case.why}")

    def command(self):
        """Checks that the driver reports what the command prints."""
        found = []
        asked = [(pair, message) for pair, message in self.chosen.items() if message["topic"] == "orders"][:3]
        for (msg_id, topic), message in asked:
            if self.version == "4.9":  # in 4.9 the command takes only offset IDs, and no topic
                arguments = ["-i", message["offset_msg_id"]]
            else:
                arguments = ["-t", topic, "-i", msg_id]
            said = capture.mqadmin(self.jars, self.home, "queryMsgById", "-n", self.cluster.name_server, *arguments)
            printed = dict(re.findall(r"consumerGroup=(\S+), trackType=(\w+)", said))
            if printed != self.theirs[msg_id, topic]:
                found.append(f"{msg_id}: the driver says {self.theirs[msg_id, topic]}, the command {printed or said[-300:]!r}")
        self.say("command", f"mqadmin queryMsgById itself about {len(asked)}", found)

    def copies_elsewhere(self):
        """Retry copies have the group of their retry topic, dead letters have none, and a delayed message is told from the
        place where it waited."""
        found = []
        retries = [{"msg_id": copy["offset_msg_id"], "topic": copy["topic"]} for copy in self.copies[:5]]
        letters = self.first_of("%DLQ%GID_failing")
        waiting = self.first_of("SCHEDULE_TOPIC_XXXX")
        asked = retries + letters + waiting
        theirs = self.clients.words([(row["msg_id"], row["topic"]) for row in asked])
        said = self.program.audit(self.source, asked)
        ours = said.words()
        for row in retries:
            pair = row["msg_id"], row["topic"]
            if {group: word for group, (word, _, _) in ours.get(pair, {}).items()} != theirs[pair]:
                found.append(f"retry {pair}: ours {ours.get(pair)}, mqadmin {theirs[pair]}")
        for row in letters + waiting:
            pair = row["msg_id"], row["topic"]
            if ours.get(pair) or theirs[pair]:
                found.append(f"{pair}: ours {ours.get(pair)}, mqadmin {theirs[pair]}")
        codes = {row["topic"]: row["message_verdict"] for row in said.rows}
        if len(letters) < 2 or len(waiting) < 2:
            found.append(f"{len(letters)} dead letters, {len(waiting)} delayed copies")
        self.say("copies", f"{len(retries)} retries, {len(letters)} dead letters, {len(waiting)} waiting places ({codes})", found)

    def first_of(self, topic):
        """The offset ID of the first message of a topic on each broker."""
        rows = []
        for address in wire.masters(self.cluster.name_server).values():
            code, _, body = wire.ask(address, wire.QUEUE, {"topic": topic, "queueId": 0, "index": 0, "count": 1})
            if code == 0 and body:
                ip, _, port = address.rpartition(":")
                place = wire.plain_json(body)["queueData"][0]["physicOffset"]
                rows.append({"msg_id": bytes(map(int, ip.split("."))).hex().upper() + f"{int(port):08X}{place:016X}", "topic": topic})
        return rows

    def other_ways(self):
        """The same answer from coordinates, from a snapshot, and when the cluster is a list of name servers."""
        found = []
        placed = [{"msg_id": msg_id, "topic": topic, **{name: message[name] for name in PLACE}} for (msg_id, topic), message in self.chosen.items()]
        # Copies have unique keys, which an input with positions and offset IDs has not: processing.py tests that.
        given = self.program.audit(self.source, placed, "--examine", "none", columns=["msg_id", "topic", *PLACE])
        offsets = self.program.audit(self.source, self.asked, "--examine", "none")
        if given.lines() != offsets.lines():
            found.append(f"from coordinates: {first_difference(given, offsets)} {given.said[-300:] if given.status != 1 else ''}")
        dead = cluster.free_port()
        failed_over = self.program.audit(f"rocketmq://127.0.0.1:{dead},{self.cluster.name_server}", self.asked)
        if failed_over.lines() != self.live.lines():
            found.append(f"with a dead name server first: {first_difference(failed_over, self.live)} {failed_over.said[-300:]}")
        self.say("other ways", "coordinates, a dead name server before", found)

    def snapshot(self):
        """A snapshot judged later gives the answers of the cluster at the time of the capture."""
        frozen = self.home / "frozen.json.gz"
        asked = self.program.write("asked-frozen.csv", self.asked, ["msg_id", "topic"])
        status, said, took = self.program.run("snapshot", "--source", self.source, "--messages", asked, "-o", frozen, "--rate", "max")
        found = [] if status == 0 else [f"exit status {status}: {said}"]
        if not found:
            later = self.program.audit(str(frozen), self.asked)
            if later.lines() != self.live.lines():
                found.append(first_difference(later, self.live))
        self.say("snapshot", f"taken in {took:.1f} s and asked", found)

    def at_rest(self):
        before = state(self.cluster.name_server)
        for check in (self.words, self.command, self.copies_elsewhere, self.other_ways, self.snapshot):
            check()
        guarded.tls(self)
        speed.beside_mqadmin(self)
        speed.million(self)
        after = state(self.cluster.name_server)
        found = [f"{what}: {change}" for what in before for change in changes(before[what], after[what])]
        self.say("only reads", f"{len(before)} offset tables and lists before and after", found)

    def stop(self):
        if self.clients:
            self.clients.kill()
        self.cluster.stop()


def changes(before, after):
    """Returns what a table or list has gained, lost or changed."""
    if isinstance(before, list):
        return [f"{name} is new" for name in set(after) - set(before)] + [f"{name} is gone" for name in set(before) - set(after)]
    return [f"{key}: {before.get(key)} is now {after.get(key)}" for key in {**before, **after} if before.get(key) != after.get(key)]


def first_difference(one, other):
    for mine, theirs in zip(one.lines(), other.lines()):
        if mine != theirs:
            return f"{mine} and {theirs}"
    return f"{len(one.rows)} and {len(other.rows)} rows"


def main(version, binary, jars, home):
    suite = Suite(version, binary, jars, home)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        suite.fill()
        suite.at_rest()
        scenarios.play(suite)
        guarded.acl(suite)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        suite.stop()
    print(f"{version} took {time.monotonic() - suite.begin:.0f} s")
    sys.exit(not suite.right)


if __name__ == "__main__":
    main(*sys.argv[1:])
