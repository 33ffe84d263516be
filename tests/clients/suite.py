"""Asks `serve` through one client and compares what came with what is.

    suite.py scenarios BINARY CLIENT:VARIANT COMMAND...
    suite.py example BINARY CLIENT FILE COMMAND...

For `scenarios`, COMMAND reads a job from stdin ({"endpoint", "variant", "asks"}) and prints a line of JSON for each ask: its
name and either the data or the error that the client gave. It is started once a scenario, each with a server of its own.
For `example`, COMMAND is given the path of a copy of FILE that asks this server instead of the default address.
Prints one line a scenario, and each difference below it; ends with 1 if there is any.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import cases
import compare
from server import PATIENCE, ROOT, serving


def environment(**more):
    """No proxy stands between a client and the loopback, and no key of the person who runs this is used."""
    ours = {name: value for name, value in os.environ.items()
            if not name.upper().endswith("_PROXY") and not name.upper().startswith(("ALIBABA", "ALICLOUD"))}
    return ours | {"NO_PROXY": "127.0.0.1"} | more


def run(command, **options):
    """What a client prints; what it has to say of a trouble is for the reader."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, **options)
    if done.returncode:
        sys.stderr.write(done.stderr)
    return done.stdout


def report(client, scenario, asked, found):
    print(f"{client:<16} {scenario:<10} {asked:>3} asked,", f"{len(found)} DIFFER" if found else "as it must be")
    for what in found:
        print("   ", " ".join(what.split()))
    return not found


def scenarios(binary, client, *command):
    right = True
    for scenario, source, options, make in cases.SCENARIOS:
        asked = make(ROOT)
        with serving(binary, source, cases.keys_file(), options) as (endpoint, log):
            job = {"endpoint": endpoint, "variant": client.partition(":")[2], "asks": [case["ask"] for case in asked]}
            said = run(command, input=json.dumps(job), env=environment())
        answers = {answer["name"]: answer for answer in map(json.loads, said.splitlines())}
        found = [*compare.findings(client, scenario, asked, answers, "".join(log))]
        right &= report(client, scenario, len(asked), found)
    return right


def example(binary, client, file, *command):
    """The examples ask for the sample's first message and print a line a group, or the answer as it came."""
    truth = cases.sample(ROOT).tracks["orders", "0A15030B110F18B4AAC264BE6C450BA2"]
    key = cases.KEYS["main"]
    with serving(binary, cases.SAMPLE, cases.keys_file()) as (endpoint, _), tempfile.TemporaryDirectory() as folder:
        text = Path(file).read_text()
        copy = Path(folder, Path(file).name)
        copy.write_text(text.replace("127.0.0.1:8181", endpoint))
        said = run([*command, copy], env=environment(
            HOME=folder, ALIBABA_CLOUD_ACCESS_KEY_ID=key["id"], ALIBABA_CLOUD_ACCESS_KEY_SECRET=key["secret"]))
    expected = sorted(" ".join(track) for track in truth)
    if said.startswith("{"):
        got = sorted(f"{track['ConsumerGroup']} {track['TrackType']}" for track in json.loads(said)["Data"]["MessageTrack"])
    else:
        got = sorted(said.splitlines())
    return report(client, "example", 1, [] if got == expected else [f"printed {got}, expected {expected}"])


sys.exit(not {"scenarios": scenarios, "example": example}[sys.argv[1]](*sys.argv[2:]))
