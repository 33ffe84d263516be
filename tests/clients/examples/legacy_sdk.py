import json, os
from aliyunsdkcore.client import AcsClient
from aliyunsdkons.request.v20190214.OnsMessageTraceRequest import OnsMessageTraceRequest

client = AcsClient(
    os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"], os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"], "cn-hangzhou",
)
request = OnsMessageTraceRequest()
request.set_endpoint("127.0.0.1:8181")
request.set_InstanceId("MQ_INST_1234567890123456_BXdemo")
request.set_Topic("orders")
request.set_MsgId("0A15030B110F18B4AAC264BE6C450BA2")
for track in json.loads(client.do_action_with_exception(request))["Data"]["MessageTrack"]:
    print(track["ConsumerGroup"], track["TrackType"])
