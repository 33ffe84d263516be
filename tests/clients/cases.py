"""What every client asks, and what it must be told: the truth of tests/data/sample_truth.csv, the same for all.

A case is an ask (name, action, params, key) and what must come back for it: tracks, fields or a refusal.
"""
import csv
import json
from datetime import datetime

SAMPLE, LONELY, EXAMINED = "samples/cluster.json", "tests/clients/lonely.json", "tests/clients/examined.json"

# Invented for the suite. The token has the characters that signing gets wrong most easily.
KEYS = {
    "main": {"id": "suite-main", "secret": "suite-main-secret"},
    "narrow": {"id": "suite-narrow", "secret": "suite-narrow-secret", "topics": ["payments"]},
    "elsewhere": {"id": "suite-elsewhere", "secret": "suite-elsewhere-secret", "instances": ["MQ_INST_1_other"]},
    "retired": {"id": "suite-retired", "secret": "suite-retired-secret", "active": False},
    "sts": {"id": "suite-sts", "secret": "suite-sts-secret", "token": "suite+token/with=chars"},
}
UNKNOWN_KEY = {"id": "suite-nobody", "secret": "suite-nobody-secret"}


def keys_file():
    """The keys as `serve --keys` reads them. Texts, lists and truth values are written in TOML as in JSON."""
    tables = []
    for key in KEYS.values():
        lines = [f"{'security_token' if part == 'token' else part} = {json.dumps(value)}" for part, value in key.items()]
        tables.append("\n".join(["[[keys]]", *lines]))
    return "\n\n".join(tables) + "\n"


def case(name, action, params, key=KEYS["main"], **expected):
    key = {part: key[part] for part in ("id", "secret", "token") if part in key}
    return {"ask": {"name": name, "action": action, "params": params, "key": key}, **expected}


class Cluster:
    """A snapshot and what is known of its messages."""

    def __init__(self, root, path):
        self.state = json.loads((root / path).read_text())
        self.instance = self.state["instance_id"]
        self.tracks = {}

    def learn(self, rows):
        for row in rows:
            self.tracks.setdefault((row["topic"], row["msg_id"]), set()).add((row["group"], row["track_type"]))

    def params(self, topic, msg_id):
        return {"InstanceId": self.instance, "Topic": topic, "MsgId": msg_id}

    def trace(self, name, message, key=KEYS["main"], **params):
        """Asks for a message whose tracks are known."""
        asked = self.params(*message) | params
        return case(name, "OnsMessageTrace", asked, key, tracks=self.tracks[message], instance=self.instance)

    def refused(self, name, code, status, message, key=KEYS["main"], **params):
        """Asks what must be refused: with this code and this HTTP status."""
        asked = self.params(*message) | params
        asked = {parameter: value for parameter, value in asked.items() if value is not None}
        return case(name, "OnsMessageTrace", asked, key, code=code, status=status)


def sample(root):
    cluster = Cluster(root, SAMPLE)
    with open(root / "tests/data/sample_truth.csv", newline="") as rows:
        cluster.learn(csv.DictReader(rows))
    return cluster


def answers(root):
    """The whole protocol, against the sample."""
    cluster = sample(root)
    return [
        *every_track_type(cluster),
        *not_found(cluster, root),
        *keys_and_rights(cluster),
        *other_actions(cluster),
    ]


def every_track_type(cluster):
    """A message for each track type in each topic and each kind of ID, and two dozen evenly from all."""
    chosen = {}
    for message, tracks in cluster.tracks.items():
        topic, msg_id = message
        for _, word in tracks:
            chosen.setdefault((topic, len(msg_id), word), message)
    messages = sorted(cluster.tracks)
    chosen |= {message: message for message in messages[:: len(messages) // 24]}
    for message in sorted(set(chosen.values())):
        yield cluster.trace(f"trace {message[0]} {message[1]}", message)


def not_found(cluster, root):
    """Messages of the incident list that the cluster has not, and names that it has not."""
    known = sorted(cluster.tracks)[0]
    with open(root / "samples/incident.csv", newline="") as file:
        rows = [(row["topic"], row["msg_id"]) for row in csv.DictReader(file)]
    topics = {topic["topic"] for topic in cluster.state["topics"]}
    for message in dict.fromkeys(rows):
        well_formed = len(message[1]) in (32, 34) and all(digit in "0123456789ABCDEFabcdef" for digit in message[1])
        if message not in cluster.tracks and message[0] in topics and well_formed:
            yield cluster.refused(f"no message {message[1]}", "BIZ_NO_MESSAGE", 404, message)
    yield cluster.refused("no topic", "BIZ_TOPIC_NOT_FOUND", 404, ("invoices", known[1]))
    yield cluster.refused("no topic, brackets in its name", "BIZ_TOPIC_NOT_FOUND", 404, ("orders(v2)", known[1]))
    yield cluster.refused("no topic, all that is escaped in its name", "BIZ_TOPIC_NOT_FOUND", 404, (RESERVED, known[1]))
    yield cluster.refused("no instance", "INSTANCE_NOT_FOUND", 404, known, InstanceId="MQ_INST_1_other")
    yield cluster.refused("no MsgId", "MissingMsgId", 400, known, MsgId=None)
    yield cluster.refused("no Topic", "MissingTopic", 400, known, Topic=None)


# A wrong escape anywhere would be SignatureDoesNotMatch.
RESERVED = "a b+c*d~e%f/g=h&i:j'k(l)m!n,o;p@q$r#s?t[u]v\"w\\x中é"


def keys_and_rights(cluster):
    known = sorted(cluster.tracks)[0]
    payment = next(message for message in sorted(cluster.tracks) if message[0] == "payments")
    main, narrow, sts = KEYS["main"], KEYS["narrow"], KEYS["sts"]
    wrong_secret, wrong_token = main | {"secret": "suite-wrong"}, sts | {"token": "suite-wrong+token"}
    without_token = {part: value for part, value in sts.items() if part != "token"}
    yield cluster.refused("unknown key", "InvalidAccessKeyId.NotFound", 404, known, UNKNOWN_KEY)
    yield cluster.refused("retired key", "InvalidAccessKeyId.Inactive", 400, known, KEYS["retired"])
    # The legacy SDK compares the server's string to sign with its own; if they are the same, it is the secret.
    yield cluster.refused("wrong secret", "SignatureDoesNotMatch", 400, known, wrong_secret) | {
        "code_by": {"legacy:json": "InvalidAccessKeySecret"}}
    yield cluster.trace("key for one topic", payment, narrow)
    yield cluster.refused("key for another topic", "NoPermission", 403, known, narrow)
    yield cluster.refused("key for another instance", "NoPermission", 403, known, KEYS["elsewhere"])
    yield cluster.trace("STS token", known, sts)
    yield cluster.refused("wrong STS token", "InvalidSecurityToken.MismatchWithAccessKey", 400, known, wrong_token)
    yield cluster.refused("no STS token", "MissingSecurityToken", 400, known, without_token)
    # Not a right but a parameter: without an instance the sample's own is meant.
    known_without = cluster.trace("no InstanceId", known)
    del known_without["ask"]["params"]["InstanceId"]
    yield known_without


def other_actions(cluster):
    """The actions beside OnsMessageTrace: are the fields where the SDKs look for them?"""
    instance, topic = cluster.instance, "orders"
    message = next(message for message in cluster.state["messages"] if message["topic"] == topic)
    groups = [group for group in cluster.state["groups"] if group["online"]]
    subscribed = {
        (group["group"], group["message_model"].upper(), subscription["expression"])
        for group in groups for subscription in group["subscriptions"] if subscription["topic"] == topic
    }
    yield case("subscriptions", "OnsTopicSubDetail", {"InstanceId": instance, "Topic": topic},
               fields={"Data.Topic": topic}, subscriptions=subscribed)
    yield case("message", "OnsMessageGetByMsgId", cluster.params(topic, message["msg_id"]),
               fields={"Data.Topic": topic, "Data.MsgId": message["msg_id"], "Data.InstanceId": instance,
                       "Data.StoreTimestamp": millis(message["stored_at"])})
    yield case("no such message", "OnsMessageGetByMsgId", cluster.params(topic, "0" * 32),
               code="BIZ_NO_MESSAGE", status=404)
    span = {"InstanceId": instance, "Topic": topic, "GroupId": groups[0]["group"]}
    newest = max(message["stored_at"] for message in cluster.state["messages"] if message["topic"] == topic)
    yield case("time span", "OnsConsumerTimeSpan", span,
               fields={"Data.Topic": topic, "Data.InstanceId": instance, "Data.MaxTimeStamp": millis(newest)})
    yield case("regions", "OnsRegionList", {}, present=["Data.RegionDo.0.OnsRegionId"])
    yield case("instances", "OnsInstanceInServiceList", {}, fields={"Data.InstanceVO.0.InstanceId": instance})
    yield case("an action that there is not", "OnsTopicList", {"InstanceId": instance},
               code="InvalidAction.NotFound", status=404)


def millis(time):
    return round(datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() * 1000)


def empty(root):
    """A topic without groups, and one with, so that an empty list is not all there is."""
    cluster = Cluster(root, LONELY)
    messages = {message["topic"]: (message["topic"], message["msg_id"]) for message in cluster.state["messages"]}
    cluster.tracks = {messages["unheard"]: set(), messages["heard"]: {("GID_only", "CONSUMED")}}
    times = {"BeginTime": "0", "EndTime": "1"}
    not_examined = case("a snapshot that was not examined", "OnsTraceQueryByMsgId", cluster.params(*messages["heard"]) | times,
                        code="InvalidAction.NotFound", status=404)
    return [*(cluster.trace(f"trace {topic}", message) for topic, message in messages.items()), not_examined]


def evidence(root):
    """Dead letters and traces: are the fields where the SDKs look for them?"""
    cluster = Cluster(root, EXAMINED)
    letters = [proof for proof in cluster.state["proofs"] if proof["kind"] == "dead_lettered"]
    failed, succeeded, _ = (proof for proof in cluster.state["proofs"] if proof["kind"] != "dead_lettered")
    yield from dead_letters(cluster, letters)
    yield from traces(cluster, failed, succeeded)
    group = {"InstanceId": cluster.instance, "GroupId": failed["group"], "MsgId": failed["key"]}
    for action in ("OnsDLQMessageResendById", "OnsTopicDelete"):
        asked = group if "DLQ" in action else {"InstanceId": cluster.instance, "Topic": "orders"}
        yield case(f"{action} writes", action, asked, code="InvalidAction.NotFound", status=404)


def dead_letters(cluster, letters):
    action, at = "OnsDLQMessagePageQueryByGroupId", "MsgFoundDo.MsgFoundList.OnsRestMessageDo"
    begin, end = millis("2026-11-20T05:00:00Z"), millis("2026-11-20T06:00:00Z")
    page = {"InstanceId": cluster.instance, "GroupId": letters[0]["group"], "BeginTime": begin, "EndTime": end,
            "CurrentPage": 1, "PageSize": 5}
    task = f"{begin:016X}{end:016X}{5:02X}"
    first, last = letters[0], letters[5]
    yield case("dead letters, page 1", action, text(page), fields={
        "MsgFoundDo.TaskId": task, "MsgFoundDo.CurrentPage": 1, "MsgFoundDo.MaxPageCount": 2,
        f"{at}.0.MsgId": first["key"], f"{at}.0.Topic": "orders", f"{at}.0.InstanceId": cluster.instance,
        f"{at}.0.StoreTimestamp": millis(first["at"]), f"{at}.0.ReconsumeTimes": 16,
        f"{at}.0.PropertyList.MessageProperty.0.Name": "UNIQ_KEY",
        f"{at}.0.PropertyList.MessageProperty.0.Value": first["key"],
        f"{at}.0.PropertyList.MessageProperty.1.Name": "DLQ_ORIGIN_TOPIC",
        f"{at}.4.MsgId": letters[4]["key"], f"{at}.5.MsgId": None})
    yield case("dead letters, page 2", action, text(page | {"CurrentPage": 2, "TaskId": task}), fields={
        "MsgFoundDo.CurrentPage": 2, f"{at}.0.MsgId": last["key"], f"{at}.0.ReconsumeTimes": 3, f"{at}.1.MsgId": None})
    yield case("no dead letters", action, text(page | {"GroupId": "GID_quiet"}), fields={
        "MsgFoundDo.MaxPageCount": 0, f"{at}.0.MsgId": None})
    yield case("dead letters, page 51", action, text(page | {"CurrentPage": 51}),
               code="BIZ_FIELD_CHECK_INVALID", status=400)
    yield case("dead letters of no group", action, text(page | {"GroupId": "GID_nobody"}),
               code="BIZ_SUBSCRIPTION_NOT_FOUND", status=404)
    yield case("dead letters, key for another topic", action, text(page), KEYS["narrow"], code="NoPermission", status=403)
    one = {"InstanceId": cluster.instance, "GroupId": last["group"], "MsgId": last["key"]}
    yield case("a dead letter", "OnsDLQMessageGetById", one, fields={
        "Data.MsgId": last["key"], "Data.Topic": "orders", "Data.StoreTimestamp": millis(last["at"]),
        "Data.ReconsumeTimes": 3, "Data.PropertyList.MessageProperty.0.Value": last["key"]})
    yield case("no such dead letter", "OnsDLQMessageGetById", one | {"GroupId": "GID_quiet"},
               code="BIZ_NO_MESSAGE", status=404)


def traces(cluster, failed, succeeded):
    topic, msg_id, at = "orders", failed["key"], "TraceData.TraceList.TraceMapDo.0"
    times = {"BeginTime": millis("2026-11-20T00:00:00Z"), "EndTime": millis("2026-11-21T00:00:00Z")}
    query = f"{topic}\n{msg_id}".encode().hex().upper()
    clients = f"{at}.SubList.SubMapDo.0.ClientList.SubClientInfoDo"
    yield case("a query for a trace", "OnsTraceQueryByMsgId", text(cluster.params(topic, msg_id) | times),
               fields={"QueryId": query})
    yield case("a query without times", "OnsTraceQueryByMsgId", cluster.params(topic, msg_id),
               code="MissingBeginTime", status=400)
    yield case("a trace", "OnsTraceGetResult", {"QueryId": query}, fields={
        "TraceData.QueryId": query, "TraceData.Status": "finish", "TraceData.Topic": topic, "TraceData.MsgId": msg_id,
        f"{at}.MsgId": msg_id, f"{at}.SubList.SubMapDo.0.SubGroupName": failed["group"],
        f"{at}.SubList.SubMapDo.0.SuccessCount": 1, f"{at}.SubList.SubMapDo.0.FailCount": 1,
        f"{clients}.0.Status": "CONSUME_FAILED", f"{clients}.0.SubTime": millis(failed["at"]),
        f"{clients}.0.ClientHost": failed["host"], f"{clients}.0.ReconsumeTimes": 0,
        f"{clients}.1.Status": "CONSUME_SUCCESS", f"{clients}.1.SubTime": millis(succeeded["at"]),
        f"{clients}.1.ReconsumeTimes": 1, f"{at}.SubList.SubMapDo.1.SubGroupName": "GID_quiet"})
    yield case("a trace, key for another topic", "OnsTraceGetResult", {"QueryId": query}, KEYS["narrow"],
               code="NoPermission", status=403)


def text(params):
    return {name: str(value) for name, value in params.items()}


def throttled(root):
    """More calls than the quota has: each is answered or throttled."""
    cluster = sample(root)
    known = sorted(cluster.tracks)[0]
    return [cluster.trace(f"call {number}", known) | {"may_be": "Throttling.User"} for number in range(8)]


# Name, source, options of serve, cases.
SCENARIOS = [
    ("answers", SAMPLE, [], answers),
    ("empty", LONELY, [], empty),
    ("evidence", EXAMINED, [], lambda root: list(evidence(root))),
    ("throttled", SAMPLE, ["--quota", "3/m"], throttled),
]
