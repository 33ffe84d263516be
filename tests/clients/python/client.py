"""Asks through the official Python SDK: signature V3 or V1, sync or async.

What it prints has gone through the SDK's models, so it also shows that they find each field where they look for it.
"""
import asyncio
import json
import re
import sys

from alibabacloud_ons20190214 import models
from alibabacloud_ons20190214.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.models import Config


def call(job, ask, method_suffix=""):
    key = ask["key"]
    client = Client(Config(
        access_key_id=key["id"],
        access_key_secret=key["secret"],
        security_token=key.get("token"),
        endpoint=job["endpoint"],
        protocol="HTTP",
        signature_algorithm="v2" if job["variant"].startswith("v1") else None,  # the SDK's name for V1
    ))
    # OnsMessageTrace is ons_message_trace(OnsMessageTraceRequest), and OnsDLQMessageGetById is ons_dlqmessage_get_by_id(…).
    # An action without parameters takes no request.
    method = getattr(client, re.sub("(?<=[a-z])(?=[A-Z])", "_", ask["action"]).lower() + method_suffix)
    request = getattr(models, ask["action"] + "Request", None)
    return method(*[request().from_map(ask["params"])] if request else [])


def refused(error):
    if not isinstance(error, AlibabaCloudException):
        return {"error": {"code": type(error).__name__, "message": str(error)}}  # the SDK can't make sense of the answer
    return {"error": {
        "code": error.code,
        "message": error.message,
        "status": error.status_code,
        "request_id": (error.data or {}).get("RequestId"),
        "retry_after": error.retry_after,
    }}


def one_after_another(job):
    for ask in job["asks"]:
        try:
            yield ask, {"data": call(job, ask).body.to_map()}
        except Exception as error:
            yield ask, refused(error)


async def all_at_once(job):
    async def answer(ask):
        try:
            return ask, {"data": (await call(job, ask, "_async")).body.to_map()}
        except Exception as error:
            return ask, refused(error)

    return await asyncio.gather(*map(answer, job["asks"]))


job = json.load(sys.stdin)
answers = asyncio.run(all_at_once(job)) if job["variant"].endswith("async") else one_after_another(job)
for ask, answer in answers:
    print(json.dumps({"name": ask["name"], **answer}))
