"""Asks through the official `aliyun` CLI: one process an ask, the key from the environment.

    client.py ALIYUN

It has its own folder for a home, so that it finds no profile. What its own tables of parameters would stop is asked with
`--force`: it is the server's answer that counts.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

KEY = {"id": "ALIBABA_CLOUD_ACCESS_KEY_ID", "secret": "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
       "token": "ALIBABA_CLOUD_SECURITY_TOKEN"}


def answer(job, ask, home):
    parameters = [part for name, value in ask["params"].items() for part in (f"--{name}", value)]
    done = subprocess.run(
        [sys.argv[1], "ons", ask["action"], "--region", "cn-hangzhou", "--endpoint", job["endpoint"], "--insecure",
         "--method", job["variant"].upper(), "--force", "--version", "2019-02-14", *parameters],
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
        # Without its own retries: what is shown is what the server said first.
        env=os.environ | {"HOME": home, "ALIBABA_CLOUD_THROTTLING_RETRY_ENABLED": "false"}
        | {KEY[part]: value for part, value in ask["key"].items()},
    )
    if done.returncode == 0:
        return {"data": json.loads(done.stdout)}
    said = done.stdout + done.stderr
    parts = {name: re.search(rf"^{name}: (.*)$", said, re.M) for name in ("ErrorCode", "RequestId", "Message")}
    wait = re.search(r"X-Acs-Retry-After:\[(\d+)\]", said)
    return {"error": {
        "code": parts["ErrorCode"] and parts["ErrorCode"][1],
        "message": parts["Message"][1] if parts["Message"] else said,
        "request_id": parts["RequestId"] and parts["RequestId"][1],
        "retry_after": wait and wait[1],
    }}


job = json.load(sys.stdin)
with tempfile.TemporaryDirectory() as home:
    for ask in job["asks"]:
        print(json.dumps({"name": ask["name"], **answer(job, ask, home)}))
