// Asks API 2022-08-01 through the official SDK for Node. What it prints has gone through the SDK's models.
const { default: Client, ...models } = require('@alicloud/rocketmq20220801');
const { $OpenApiUtil } = require('@alicloud/openapi-core');

const PATHS = {
  GetTrace: ['instance', 'topic', 'message'],
  GetMessageDetail: ['instance', 'topic', 'message'],
  ListTopicSubscriptions: ['instance', 'topic'],
  GetConsumerGroupLag: ['instance', 'group'],
  GetConsumerGroup: ['instance', 'group'],
  GetInstance: ['instance'],
};

async function answer(client, ask) {
  const { operation } = ask;
  const names = PATHS[operation].map((name) => ask[name]);
  const Request = models[`${operation}Request`]; // an operation without parameters takes none
  const method = operation[0].toLowerCase() + operation.slice(1);
  try {
    const { body } = await client[method](...names, ...(Request ? [new Request(ask.query)] : []));
    return { data: body.toMap() };
  } catch (error) {
    return { error: { code: error.code || error.name, message: error.message, status: error.statusCode } };
  }
}

async function main() {
  const job = JSON.parse(require('fs').readFileSync(0));
  const client = new Client(new $OpenApiUtil.Config({
    accessKeyId: job.id,
    accessKeySecret: job.secret,
    endpoint: job.endpoint,
    protocol: 'HTTP',
  }));
  for (const ask of job.asks) {
    console.log(JSON.stringify({ name: ask.name, ...await answer(client, ask) }));
  }
}

main();
