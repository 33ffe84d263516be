"""Asks the gateway of tests/it/rmq for everything in its table through one official client of API 2022-08-01, and compares
every field that the client's models keep with the table.

    rocketmq5.py CLIENT:VARIANT COMMAND...

The gateway is an ignored test; it prints a job ({"endpoint", "id", "secret", "asks"}), serves until its stdin ends, and
fails if any request was not as it must be. COMMAND reads the job and the variant from stdin, and prints a line of JSON for
each ask: its name and either the data or the error that the client gave.
Prints one line, and each difference below it; ends with 1 if there is any.
"""
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEEDS_ELEMENTS = {"rocketmq5-node"}  # these can't make sense of null elements in lists, which the service sends
PATIENCE = 300  # seconds until a client that does nothing counts as hung
SERVER = ["cargo", "test", "--quiet", "--locked", "--test", "it", "--",
          "--ignored", "--exact", "--nocapture", "rmq::clients::serves_the_official_clients"]


@contextmanager
def serving():
    """Gives the job, and ends with the gateway's own verdict about the requests."""
    server = subprocess.Popen(SERVER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        job = next((line for line in server.stdout if line.startswith("{")), None)
        if job is None:
            sys.exit("the gateway does not start")
        yield json.loads(job)
        said, _ = server.communicate("", PATIENCE)
        if server.returncode:
            sys.exit(f"the gateway does not accept the requests:\n{said}")
    finally:
        server.kill()
        server.wait()


def environment():
    """No proxy stands between a client and the loopback, and no key of the person who runs this is used."""
    ours = {name: value for name, value in os.environ.items()
            if not name.upper().endswith("_PROXY") and not name.upper().startswith(("ALIBABA", "ALICLOUD"))}
    return ours | {"NO_PROXY": "127.0.0.1"}


def run(command, job):
    done = subprocess.run(command, input=json.dumps(job), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=PATIENCE, env=environment())
    if done.returncode:
        sys.stderr.write(done.stderr)
    answers = map(json.loads, done.stdout.splitlines())
    return {answer["name"]: answer for answer in answers}


def without_nothing(value):
    """Leaves out nulls and what is empty: the models keep neither apart from what is missing."""
    if isinstance(value, dict):
        kept = {name: without_nothing(inner) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if inner not in (None, {}, [])}
    if isinstance(value, list):
        kept = map(without_nothing, value)
        return [inner for inner in kept if inner not in (None, {}, [])]
    return value


def differences(value, expected, path=""):
    """Where two values differ, also in their types. An integer may be a number of another kind."""
    if isinstance(value, dict) and isinstance(expected, dict):
        for name in sorted(value.keys() | expected.keys()):
            yield from differences(value.get(name), expected.get(name), f"{path}.{name}")
    elif isinstance(value, list) and isinstance(expected, list) and len(value) == len(expected):
        for place, pair in enumerate(zip(value, expected)):
            yield from differences(*pair, f"{path}[{place}]")
    elif value != expected or isinstance(value, bool) != isinstance(expected, bool):
        yield f"{path[1:]} is {value!r}, expected {expected!r}"


def has_null_element(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, list) and None in value or any(map(has_null_element, inner))


def wrong(client, ask, answer):
    if answer is None:
        return ["no answer"]
    if "error" in answer:
        error, code = answer["error"], ask["body"].get("code", "")
        if client in NEEDS_ELEMENTS and has_null_element(ask["body"]):
            return []
        if ask["status"] == 200:
            return [f"refused: {error}"]
        expected = {"code": code or error["code"], "status": ask["status"]}
        got = {"code": error["code"], "status": error.get("status", ask["status"])}
        return differences(got, expected)
    if ask["status"] != 200:
        return [f"answered, expected {ask['status']}"]
    data = dict(answer["data"])
    if not data.pop("requestId", None):
        return ["no request ID"]
    return differences(without_nothing(data), without_nothing(ask["body"]))


def main(client, *command):
    name, _, variant = client.partition(":")
    with serving() as job:
        answers = run(command, job | {"variant": variant})
    found = [f"{ask['name']}: {what}" for ask in job["asks"] for what in wrong(name, ask, answers.get(ask["name"]))]
    print(f"{client:<24} {len(job['asks'])} asked,", f"{len(found)} DIFFER" if found else "as it must be")
    for what in found[:50]:
        print("   ", what)
    return not found


sys.exit(not main(*sys.argv[1:]))
