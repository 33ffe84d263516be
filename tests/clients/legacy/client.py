"""Asks through the Python SDK of before 2021 (signature V1): as JSON or as XML, the format that V1 has by default."""
import importlib
import json
import sys
import warnings
from xml.etree import ElementTree

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.auth.credentials import AccessKeyCredential, StsTokenCredential
from aliyunsdkcore.client import AcsClient

LISTS = {
    "MessageTrack", "MessageProperty", "RegionDo", "InstanceVO", "Tag", "OnsRestMessageDo", "TraceMapDo", "SubMapDo",
    "SubClientInfoDo",
    ("SubscriptionDataList", "SubscriptionDataList"),
}
warnings.simplefilter("ignore")  # the one call that shows XML and headers is deprecated


def fields(element):
    """An XML element as the JSON of the same answer."""
    if not len(element):
        return element.text or ""
    value = {}
    for child in element:
        if child.tag in LISTS or (element.tag, child.tag) in LISTS:
            value.setdefault(child.tag, []).append(fields(child))
        else:
            value[child.tag] = fields(child)
    return value


def client(key):
    if "token" in key:
        credential = StsTokenCredential(key["id"], key["secret"], key["token"])
    else:
        credential = AccessKeyCredential(key["id"], key["secret"])
    return AcsClient(region_id="cn-hangzhou", credential=credential)


def request(job, ask):
    name = ask["action"] + "Request"
    request = getattr(importlib.import_module("aliyunsdkons.request.v20190214." + name), name)()
    request.set_endpoint(job["endpoint"])
    for parameter, value in ask["params"].items():
        getattr(request, "set_" + parameter)(value)
    return request


def as_json(job, ask):
    try:
        return {"data": json.loads(client(ask["key"]).do_action_with_exception(request(job, ask)))}
    except ServerException as error:
        return {"error": {
            "code": error.error_code,
            "message": error.message,
            "status": error.http_status,
            "request_id": error.request_id,
        }}


def as_xml(job, ask):
    asked = request(job, ask)
    asked.set_accept_format("XML")
    status, headers, body = client(ask["key"]).get_response(asked)
    answer = fields(ElementTree.fromstring(body))
    if status == 200:
        return {"data": answer}
    return {"error": {
        "code": answer["Code"],
        "message": answer["Message"],
        "status": status,
        "request_id": answer["RequestId"],
        "retry_after": headers.get("x-acs-retry-after"),
    }}


job = json.load(sys.stdin)
answer = {"json": as_json, "xml": as_xml}[job["variant"]]
for ask in job["asks"]:
    try:
        got = answer(job, ask)
    except Exception as error:  # the SDK can't make sense of the answer
        got = {"error": {"code": type(error).__name__, "message": str(error)}}
    print(json.dumps({"name": ask["name"], **got}))
