"""A few words of the remoting protocol, enough to look at a cluster without the program under test: frames out, frames in.

Only for reading: nothing here has a code that writes.
"""
import base64
import hashlib
import hmac
import json
import re
import socket
import struct
import zlib

ROUTE, CLUSTER, TOPICS, CLUSTER_TOPICS = 105, 106, 206, 224
PULL, QUERY_MESSAGE, QUERY_OFFSET, SEARCH_OFFSET, MAX_OFFSET, MIN_OFFSET, VIEW = 11, 12, 14, 29, 30, 31, 33
DELAY_OFFSETS = 45
ALL_OFFSETS, SUBSCRIPTION_GROUPS, CONNECTIONS, CONSUME_STATS, WHO, TOPICS_OF, BROKER_STATS, QUEUE, TOPIC_CONFIG = (
    43, 201, 203, 208, 300, 343, 317, 321, 351)
VERSION = 399  # below 4.9.4: a name server answers as it does to old clients


def request(code, fields=None, body=b"", opaque=1, version=VERSION):
    """The bytes of a request with a JSON header, as Java's RemotingCommand writes it."""
    header = {"code": code, "flag": 0, "language": "JAVA", "opaque": opaque, "serializeTypeCurrentRPC": "JSON", "version": version}
    if fields is not None:
        header["extFields"] = {name: str(value) for name, value in fields.items()}
    head = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    return struct.pack(">II", 4 + len(head) + len(body), len(head)) + head + body


def read_exactly(connection, count):
    parts = b""
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise EOFError(f"the connection was closed after {len(parts)} of {count} bytes")
        parts += part
    return parts


def read_frame(connection):
    """Reads one frame, including its length."""
    length = read_exactly(connection, 4)
    return length + read_exactly(connection, struct.unpack(">I", length)[0])


def parse(frame):
    """Returns header and body; the header only if it is JSON."""
    kind, = struct.unpack(">I", frame[4:8])
    if kind >> 24:
        raise ValueError("a binary header")
    return json.loads(frame[8:8 + kind]), frame[8 + kind:]


def call(address, code, fields=None, body=b"", version=VERSION, timeout=10):
    """Returns the raw request and the raw response."""
    ip, _, port = address.rpartition(":")
    asked = request(code, fields, body, version=version)
    with socket.create_connection((ip, int(port)), timeout=timeout) as connection:
        connection.sendall(asked)
        while True:
            answer = read_frame(connection)
            if parse(answer)[0]["flag"] & 1:  # the server may push requests of its own
                return asked, answer


def ask(address, code, fields=None, **more):
    """Returns code, ext fields and body of the response."""
    header, body = parse(call(address, code, fields, **more)[1])
    return header["code"], header.get("extFields", {}), body


def plain_json(text):
    """fastjson writes keys that are numbers or objects without quotes; Python wants them quoted."""
    if isinstance(text, bytes):
        text = text.decode()
    text = re.sub(r'([{,])(\{[^{}]*\}):', lambda key: key[1] + json.dumps(key[2]) + ":", text)
    return json.loads(re.sub(r'([{,])(-?\d+):', r'\1"\2":', text))


def masters(name_server):
    """broker name -> address of its master."""
    table = plain_json(ask(name_server, CLUSTER)[2])["brokerAddrTable"]
    return {name: broker["brokerAddrs"]["0"] for name, broker in table.items() if "0" in broker["brokerAddrs"]}


def offsets(broker):
    """{topic@group: {queue: offset}}, the broker's whole table."""
    code, _, body = ask(broker, ALL_OFFSETS)
    return plain_json(body)["offsetTable"] if code == 0 else {}


def groups(broker):
    """Returns the subscription groups of a broker."""
    return sorted(plain_json(ask(broker, SUBSCRIPTION_GROUPS)[2])["subscriptionGroupTable"])


def topics(name_server):
    return sorted(plain_json(ask(name_server, TOPICS)[2])["topicList"])


def signed(fields, account, body=b""):
    """Returns the fields with the signature of an account (key and secret): over all values in the order of their names."""
    fields = {name: str(value) for name, value in {**(fields or {}), "AccessKey": account[0]}.items()}
    content = "".join(fields[name] for name in sorted(fields)).encode() + body
    return {**fields, "Signature": base64.b64encode(hmac.digest(account[1].encode(), content, hashlib.sha1)).decode()}


def pull(topic, queue, offset, count=32, group="TOOLS_CONSUMER"):
    """The fields of a PULL_MESSAGE that returns at once and commits nothing."""
    return {"consumerGroup": group, "topic": topic, "queueId": queue, "queueOffset": offset, "maxMsgNums": count, "sysFlag": 4,
            "commitOffset": 0, "suspendTimeoutMillis": 0, "subscription": "*", "subVersion": 0, "expressionType": "TAG"}


def messages(body):
    """The stored messages in the body of an answer (IPv4 only)."""
    place = 0
    while place < len(body):
        size, _, _, queue, _, offset, _, flags, born, _, _, stored = struct.unpack(">iiiiiqqiq4siq", body[place:place + 64])
        attempts, = struct.unpack(">i", body[place + 72:place + 76])
        length, = struct.unpack(">i", body[place + 84:place + 88])
        content = body[place + 88:place + 88 + length]
        rest = place + 88 + length
        named = body[rest + 1:rest + 1 + body[rest]].decode()
        rest += 1 + body[rest]
        properties, = struct.unpack(">H", body[rest:rest + 2])
        pairs = body[rest + 2:rest + 2 + properties].decode().split("\x02")
        yield {"topic": named, "queue": queue, "offset": offset, "born": born, "stored": stored, "attempts": attempts,
               "content": zlib.decompress(content) if flags & 1 else content,
               "properties": dict(pair.split("\x01", 1) for pair in pairs if pair)}
        place += size


def everything(broker, topic, queue=0):
    """All messages of a queue."""
    code, found, _ = ask(broker, MIN_OFFSET, {"topic": topic, "queueId": queue})
    offset = int(found["offset"]) if code == 0 else 0
    while True:
        code, found, body = ask(broker, PULL, pull(topic, queue, offset))
        if code != 0:
            return
        yield from messages(body)
        offset = int(found["nextBeginOffset"])
