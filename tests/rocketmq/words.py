"""What the words must be: mqadmin's, or else one of the cases in which mqadmin is known to mislead.

Each case names its groups, mqadmin's word, ours, and why; and it is checked to be that case, by the broker's own offset table
and by where the consumer that read everything saw the message.
"""
import dataclasses

import wire


@dataclasses.dataclass
class Case:
    group: str
    theirs: str
    ours: str
    mark: str
    why: str
    passed: bool | None = None  # whether the offset must have passed the message
    topics: tuple = ("orders", "plain")
    versions: tuple = ("4.9", "5.5")
    told: bool = True  # whether mqadmin's answer is in the report


CASES = [
    Case("GID_offline", "NOT_ONLINE", "CONSUMED", "offline", "mqadmin never looks at the offsets of a group that is offline", True),
    Case("GID_offline", "NOT_ONLINE", "NOT_CONSUME_YET", "offline", "as above, and the offset has not passed", False),
    Case("GID_pull", "PULL", "CONSUMED", "pull", "mqadmin never looks at the offsets of a pull group", True),
    Case("GID_sql", "CONSUMED", "UNKNOWN", "filter_unknown", "mqadmin takes SQL92 for no filter; nobody can tell from offsets", True),
    Case("GID_unsubscribed", "NOT_CONSUME_YET", "CONSUMED", "unsubscribed",
         "the broker lists no offsets of topics that an online group no longer subscribes to", True, topics=("orders",)),
    Case("GID_stale_broadcast", "CONSUMED", "CONSUME_BROADCASTING", "",
         "mqadmin judges by offsets left from the time before the group broadcast", True),
    Case("GID_broadcast", "NOT_ONLINE", "CONSUME_BROADCASTING", "",
         "before 5.0 mqadmin had no word for broadcasting (apache/rocketmq#4487); the report tells the word of 5.x",
         versions=("4.9",), told=False),
]


class Truth:
    """The current offsets of the brokers, and whether they have passed a message."""

    def __init__(self, name_server):
        self.tables = {name: wire.offsets(address) for name, address in wire.masters(name_server).items()}

    def passed(self, group, message):
        offsets = self.tables[message["broker"]].get(f"{message['topic']}@{group}", {})
        return offsets.get(message["queue_id"], -1) > int(message["queue_offset"])


def compare(version, messages, ours, theirs, truth):
    """The differences that are none of the cases, and how often each case was met.

    `messages` maps (id, topic) to its place; `ours` and `theirs` map it to the words of each group.
    """
    found, met, equal = [], {id(case): 0 for case in CASES if version in case.versions}, 0
    for pair, message in messages.items():
        mine, other = ours.get(pair, {}), theirs[pair]
        if set(mine) != set(other):
            found.append(f"{pair}: our groups {sorted(mine)}, mqadmin's {sorted(other)}")
            continue
        for group, (word, mark, told) in mine.items():
            case = next((case for case in CASES if (case.group, case.theirs, case.ours, case.mark) == (group, other[group], word, mark)
                         and message["topic"] in case.topics and version in case.versions), None)
            if case:
                met[id(case)] += 1
                if case.passed not in (None, truth.passed(group, message)):
                    found.append(f"{pair} {group}: {word} beside {other[group]}, and the offset says otherwise")
            elif word == other[group] and mark in ("", "pop" if group == "GID_pop" else ""):
                equal += 1
            else:
                found.append(f"{pair} {group}: ours {word} {mark}, mqadmin {other[group]}")
            if told != other[group] and not (case and not case.told):
                found.append(f"{pair} {group}: the report says that mqadmin says {told}, it says {other[group]}")
    never = [case for case in CASES if met.get(id(case)) == 0]
    found += [f"never met: {case.group} {case.theirs} -> {case.ours}" for case in never]
    return found, equal, [(case, met[id(case)]) for case in CASES if id(case) in met]
