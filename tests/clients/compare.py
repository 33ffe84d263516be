"""In what answers are not what they must be. Every function gives its findings as sentences."""
import json
from collections import Counter

from cases import KEYS

# These don't give their caller the time to wait.
HIDES_RETRY_AFTER = {"legacy:json", "go:v3", "go:v3-form"}


def at(value, path):
    """The value at `Data.RegionDo.0.Id`, or None."""
    for step in path.split("."):
        if isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def findings(client, scenario, asked, answers, log):
    for case in asked:
        name = case["ask"]["name"]
        yield from (f"{name}: {what}" for what in differences(client, case, answers.get(name)))
    yield from request_ids(answers, log)
    yield from secrets(answers, log)
    if scenario == "throttled":
        yield from throttling(client, answers)


def differences(client, case, answer):
    if answer is None:
        return ["no answer"]
    if "error" in answer:
        return wrong_error(client, case, answer["error"])
    if "code" in case:
        return [f"answered, expected {case['code']}"]
    return wrong_data(case, answer["data"])


def wrong_error(client, case, error):
    code = case.get("code_by", {}).get(client) or case.get("code") or case.get("may_be")
    if not code:
        yield f"refused: {error}"
    elif error["code"] != code:
        yield f"code {error['code']}, expected {code}: {error['message']}"
    status = 400 if "may_be" in case else case.get("status")
    # A client that doesn't show the status leaves it out.
    if status and error.get("status", status) != status:
        yield f"status {error['status']}, expected {status}"
    if not error.get("message"):
        yield "no message"


def wrong_data(case, data):
    if "tracks" in case:
        yield from wrong_tracks(case, at(data, "Data.MessageTrack") or [])
    if "subscriptions" in case:
        listed = at(data, "Data.SubscriptionDataList.SubscriptionDataList") or []
        got = {(entry["GroupId"], entry["MessageModel"], entry["SubString"]) for entry in listed}
        if got != case["subscriptions"]:
            yield f"subscriptions {sorted(got)}, expected {sorted(case['subscriptions'])}"
    for path, value in case.get("fields", {}).items():
        if str(at(data, path)) != str(value):  # XML knows only text
            yield f"{path} is {at(data, path)!r}, expected {value!r}"
    for path in case.get("present", []):
        if not at(data, path):
            yield f"{path} is missing"


def wrong_tracks(case, tracks):
    """The order of the groups means nothing, but none may come twice."""
    got = Counter((track["ConsumerGroup"], track["TrackType"]) for track in tracks)
    if got != Counter(case["tracks"]):
        yield f"tracks {sorted(got.elements())}, expected {sorted(case['tracks'])}"
    if any(track["InstanceId"] != case["instance"] for track in tracks):
        yield f"a track of another instance than {case['instance']}"


def request_ids(answers, log):
    """Every answer has a request ID of its own, and the log has it, too."""
    ids = []
    for name, answer in answers.items():
        given = answer["data"].get("RequestId") if "data" in answer else answer["error"].get("request_id")
        if given:
            ids.append(given)
        else:
            yield f"{name}: no request ID"
    for given, times in Counter(ids).items():
        if times > 1:
            yield f"request ID {given} came {times} times"
        if given not in log:
            yield f"request ID {given} is not in the log"


def secrets(answers, log):
    said = log + json.dumps(answers)
    for key in KEYS.values():
        for part in ("secret", "token"):
            if part in key and key[part] in said:
                yield f"the {part} of {key['id']} is in the log or in an answer"


def throttling(client, answers):
    """At least one call got through, at least one did not, and it was told how long to wait."""
    errors = [answer["error"] for answer in answers.values() if "error" in answer]
    if not errors:
        yield "no call was throttled"
    if len(errors) == len(answers):
        yield "every call was throttled"
    waits = [error.get("retry_after") for error in errors]
    if client not in HIDES_RETRY_AFTER and not all(wait and 0 < int(wait) <= 60_000 for wait in waits):
        yield f"x-acs-retry-after is {waits}, expected milliseconds up to a minute"
