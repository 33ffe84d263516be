"""A few words of the remoting protocol, enough to look at a cluster without the program under test: frames out, frames in.

Only for reading: nothing here has a code that writes.
"""
import json
import re
import socket
import struct

ROUTE, CLUSTER, TOPICS, CLUSTER_TOPICS = 105, 106, 206, 224
PULL, QUERY_MESSAGE, QUERY_OFFSET, SEARCH_OFFSET, MAX_OFFSET, MIN_OFFSET, VIEW = 11, 12, 14, 29, 30, 31, 33
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
