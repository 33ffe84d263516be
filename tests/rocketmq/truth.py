"""What really became of every message in every group, by what the listeners of Listeners.java wrote down; and what an audit
may say about it.

A pair is a message and a group. Its truth is a phrase below. For each phrase there is what the report must say: the verdict,
followed by the evidence if the verdict is `passed`.
"""
import collections
import csv
import dataclasses
import json

# Without trace records.
COPIES = {
    "success": {"passed no_failure"},
    # It may never have committed an offset in its retry topic (5.5.0 does so later than 4.9.7): then it may be a pull consumer.
    "success, group offline": {"passed no_failure", "passed offset"},
    "success after failures": {"passed retried"},
    # an ordered consumer keeps the message and tries again: nothing of that is on the cluster
    "success after failures, in order": {"passed no_failure"},
    "dead letter": {"dead_lettered"},
    # 4.9: the dead letter of an ordered consumer waits in the schedule topic first, longer the more attempts there were
    "dead letter on its way": {"dead_lettered", "retrying"},
    "retry pending": {"retrying"},
    # retryQueueNums 0: the broker says that it took the message back, and stores nothing
    "no retries: lost": {"passed offset"},
    "no retries: success": {"passed offset"},
    "POP: failed": {"passed offset"},
    "POP: success": {"passed offset"},
    "POP: success after failures": {"passed offset"},
    "pull: success": {"passed offset"},
    "filtered": {"filtered"},
    "filtered, group offline": {"passed offset", "passed no_failure"},
    # A reset to the end: no listener ever got the message, so none failed. Nothing on the cluster tells it from a success, and
    # `no_failure` is true of it. Demanded is that it gets no evidence of a delivery: no retry, no trace, no attempt.
    "skipped by a reset": {"passed offset", "passed no_failure"},
    "rewound: success": {"open"},
    "rewound: dead letter": {"open"},
}
# With trace records, for groups that write them; the others as without.
TRACES = {
    **COPIES,
    "success": {"passed trace"},
    "success after failures": {"passed trace"},
    "success after failures, in order": {"passed trace"},
    "no retries: lost": {"failed"},
    "no retries: success": {"passed trace"},
    "POP: failed": {"failed"},
    "POP: success": {"passed trace"},
    "POP: success after failures": {"passed trace"},
}
# Why there is no more than the offset, or what stands against the verdict.
NOTED = {"no retries: lost", "no retries: success", "POP: failed", "POP: success", "POP: success after failures", "pull: success",
         "rewound: dead letter"}
# Kinds of groups and what their truths begin with.
PREFIXES = {"no_retries": "no retries: ", "pop": "POP: ", "pull": "pull: ", "rewound": "rewound: "}
MINE = ["evidence", "attempts_seen", "evidence_at", "evidence_host", "evidence_note"]


@dataclasses.dataclass
class Pair:
    message: dict
    group: dict
    deliveries: list
    truth: str


def table(path):
    with open(path) as file:
        return list(csv.DictReader(file))


class Log:
    """The messages, the groups and the deliveries of a run of Listeners.java."""

    def __init__(self, home):
        self.messages = {(row["msg_id"], row["topic"]): row for row in table(home / "messages.csv")}
        self.groups = {row["group"]: row for row in table(home / "groups.csv")}
        self.deliveries = collections.defaultdict(list)
        with open(home / "deliveries.ndjson") as file:
            for line in map(json.loads, file):
                self.deliveries[line["key"], line["topic"], line["group"]].append(line)

    def pairs(self):
        """{(unique key, topic, group): Pair} of every group that reads the topic."""
        return {(*place, name): Pair(message, group, done := self.deliveries[*place, name], truth(message, group, done))
                for place, message in self.messages.items() for name, group in self.groups.items()
                if message["topic"] in group["topics"].split(";")}


def truth(message, group, deliveries):
    kind = "push" if group["kind"] == "rewound" and message["topic"] != "events" else group["kind"]
    prefix = PREFIXES.get(kind, "")
    outcomes = [delivery["outcome"] for delivery in deliveries]
    if not outcomes and group["tag"] not in ("", message["tag"]):
        return "filtered, group offline" if group["group"].endswith("_offline") else "filtered"
    if not outcomes and kind == "skipped":
        return "skipped by a reset"
    if not outcomes:
        return "never delivered"  # for which there is no rule: the driver or the cluster did something else
    if outcomes[-1] == "success":
        if kind == "standing" or kind == "push" and group["group"].endswith("_offline"):
            return "success, group offline"
        if len(outcomes) == 1:
            return prefix + "success"
        return prefix + "success after failures" + (", in order" if kind == "ordered" else "")
    if len(outcomes) < int(group["limit"]):
        return "never finished"
    return {"pending": "retry pending", "standing": "retry pending", "ordered_waits": "dead letter on its way", "no_retries": "no retries: lost", "pop": "POP: failed"}.get(kind, prefix + "dead letter")


def asked(topic):
    """The columns of an input that ask for a topic: a namespace is an instance."""
    space, _, name = topic.rpartition("%")
    return {"topic": name, "instance_id": space}


def answered(row):
    """A row of a report with topic and group as they are on the cluster."""
    space = f"{row['instance_id']}%" if row["instance_id"] else ""
    return {**row, "topic": space + row["topic"], "group": space + row["group"] if row["group"] else ""}


def said(row):
    return " ".join(filter(None, [row["verdict"], row.get("evidence", "")]))


def wrong(pair, row, traces):
    """What is wrong with a row of the report; None if nothing is."""
    is_traced = traces and pair.group["traced"] == "yes"
    allowed = (TRACES if is_traced else COPIES).get(pair.truth, set())
    if said(row) not in allowed:
        return f"not {' or '.join(sorted(allowed)) or 'in the rules'}"
    if row["verdict"] != "passed" and row["evidence"]:
        return "evidence beside another verdict than passed"
    attempts = row["attempts_seen"]
    if attempts and (int(attempts) != len(pair.deliveries) or not pair.deliveries):
        return f"attempts_seen {attempts}, delivered {len(pair.deliveries)} times"
    if pair.truth in NOTED and row["evidence"] in ("", "offset") and row["verdict"] in ("passed", "open") and not row["evidence_note"]:
        return "no evidence_note"
    if row["verdict"] in ("dead_lettered", "retrying", "failed") and not row["evidence_at"]:
        return "no evidence_at"
    return None


def judge(pairs, rows, traces):
    """Returns (pair, row, what is wrong) of every wrong pair, and how often each truth got each verdict."""
    rows = [answered(row) for row in rows]
    by_key = {(row["msg_id"], row["topic"], row["group"]): row for row in rows if row["group"]}
    found, counts = [], collections.Counter()
    for key, pair in pairs.items():
        row = by_key.pop(key, None)
        is_traced = traces and pair.group["traced"] == "yes"
        counts[pair.truth + (" (traced)" if is_traced else ""), said(row) if row else "no row"] += 1
        trouble = wrong(pair, row, traces) if row else "no row"
        if trouble:
            found.append((pair, row, trouble))
    # A group that does not read the topic gets no message of it, so nothing may be claimed about one.
    for row in by_key.values():
        if row["verdict"] in ("passed", "dead_lettered", "retrying", "failed"):
            found.append((Pair(row, {"group": row["group"]}, [], "never read"), row, "the group does not read the topic"))
    return found, counts


def ideal(pairs, traces):
    """The rows of a report without a fault, as a test of the judge: each kind of change to a row must be found."""
    for (msg_id, topic, group), pair in pairs.items():
        is_traced = traces and pair.group["traced"] == "yes"
        verdict, _, evidence = min((TRACES if is_traced else COPIES)[pair.truth]).partition(" ")
        yield {"msg_id": msg_id, **asked(topic), "group": group.rpartition("%")[2], "verdict": verdict, "evidence": evidence, "evidence_at": "2026",
               "attempts_seen": "" if evidence in ("no_failure", "offset") or verdict in ("open", "filtered") else str(len(pair.deliveries)),
               "evidence_note": "a note" if pair.truth in NOTED else ""}


def blind(pairs):
    """Faults that the judge does not find: none, or the judge is wrong."""
    found = []
    for traces in (False, True):
        rows = list(ideal(pairs, traces))
        if judge(pairs, rows, traces)[0]:
            found.append(f"a report without a fault is refused: {judge(pairs, rows, traces)[0][0][1:]}")
        first = {}
        for place, pair in enumerate(pairs.values()):
            first.setdefault(pair.truth, place)
        for name, place in first.items():
            row, changes = rows[place], [{"verdict": "absent"}, {"attempts_seen": "99"}, {"group": "nobody"}]
            changes.append({"verdict": "dead_lettered", "evidence": ""} if row["verdict"] != "dead_lettered" else {"verdict": "passed", "evidence": "no_failure"})
            if name in NOTED and row["evidence"] in ("", "offset") and row["verdict"] in ("passed", "open"):
                changes.append({"evidence_note": ""})
            for change in changes:
                if not judge(pairs, [*rows[:place], {**row, **change}, *rows[place + 1:]], traces)[0]:
                    found.append(f"{name}: {change} is not found")
    return found
