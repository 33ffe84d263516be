"""Asks API 2022-08-01 through the official Python SDK, one after another or all at once.

What it prints has gone through the SDK's models, so it also shows that they find each field where they look for it.
"""
import asyncio
import json
import re
import sys

from alibabacloud_rocketmq20220801 import models
from alibabacloud_rocketmq20220801.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.models import Config

PATHS = {
    "GetTrace": ("instance", "topic", "message"),
    "GetMessageDetail": ("instance", "topic", "message"),
    "ListTopicSubscriptions": ("instance", "topic"),
    "GetConsumerGroupLag": ("instance", "group"),
    "GetConsumerGroup": ("instance", "group"),
    "GetInstance": ("instance",),
}
AT_ONCE = 20


def call(client, ask, method_suffix=""):
    operation = ask["operation"]
    method = getattr(client, re.sub("(?<=[a-z])(?=[A-Z])", "_", operation).lower() + method_suffix)
    # An operation without parameters takes no request.
    request = getattr(models, operation + "Request", None)
    return method(*(ask[name] for name in PATHS[operation]), *([request().from_map(ask["query"])] if request else []))


def refused(error):
    if not isinstance(error, AlibabaCloudException):
        return {"error": {"code": type(error).__name__, "message": str(error)}}  # the SDK can't make sense of the answer
    return {"error": {"code": error.code, "message": error.message, "status": error.status_code}}


def one_after_another(client, asks):
    for ask in asks:
        try:
            yield ask, {"data": call(client, ask).body.to_map()}
        except Exception as error:
            yield ask, refused(error)


async def all_at_once(client, asks):
    free = asyncio.Semaphore(AT_ONCE)

    async def answer(ask):
        async with free:
            try:
                return ask, {"data": (await call(client, ask, "_async")).body.to_map()}
            except Exception as error:
                return ask, refused(error)

    return await asyncio.gather(*map(answer, asks))


job = json.load(sys.stdin)
client = Client(Config(
    access_key_id=job["id"], access_key_secret=job["secret"], endpoint=job["endpoint"], protocol="HTTP"))
is_async = job["variant"] == "async"
answers = asyncio.run(all_at_once(client, job["asks"])) if is_async else one_after_another(client, job["asks"])
for ask, answer in answers:
    print(json.dumps({"name": ask["name"], **answer}))
