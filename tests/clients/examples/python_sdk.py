import os
from alibabacloud_ons20190214.client import Client
from alibabacloud_ons20190214.models import OnsMessageTraceRequest
from alibabacloud_tea_openapi.models import Config

client = Client(Config(
    access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
    access_key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
    endpoint="127.0.0.1:8181", protocol="HTTP",
))
answer = client.ons_message_trace(OnsMessageTraceRequest(
    instance_id="MQ_INST_1234567890123456_BXdemo", topic="orders", msg_id="0A15030B110F18B4AAC264BE6C450BA2",
))
for track in answer.body.data.message_track:
    print(track.consumer_group, track.track_type)
