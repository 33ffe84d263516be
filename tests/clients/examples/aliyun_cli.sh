aliyun ons OnsMessageTrace --endpoint 127.0.0.1:8181 --insecure --region cn-hangzhou \
  --InstanceId MQ_INST_1234567890123456_BXdemo --Topic orders --MsgId 0A15030B110F18B4AAC264BE6C450BA2
