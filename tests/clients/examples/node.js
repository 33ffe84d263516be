const { RPCClient } = require('@alicloud/pop-core');

const client = new RPCClient({
  endpoint: 'http://127.0.0.1:8181',
  apiVersion: '2019-02-14',
  accessKeyId: process.env.ALIBABA_CLOUD_ACCESS_KEY_ID,
  accessKeySecret: process.env.ALIBABA_CLOUD_ACCESS_KEY_SECRET,
});
const query = {
  InstanceId: 'MQ_INST_1234567890123456_BXdemo', Topic: 'orders', MsgId: '0A15030B110F18B4AAC264BE6C450BA2',
};
client.request('OnsMessageTrace', query).then(({ Data }) => {
  for (const track of Data.MessageTrack) console.log(track.ConsumerGroup, track.TrackType);
});
