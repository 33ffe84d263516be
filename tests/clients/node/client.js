// Asks through Node's client (signature V1): by GET with everything in the query, or by POST with a form.
const { RPCClient } = require('@alicloud/pop-core');

function client(job, key) {
  return new RPCClient({
    endpoint: `http://${job.endpoint}`,
    apiVersion: '2019-02-14',
    accessKeyId: key.id,
    accessKeySecret: key.secret,
    securityToken: key.token,
  });
}

async function answer(job, ask) {
  try {
    const method = job.variant.toUpperCase();
    return { data: await client(job, ask.key).request(ask.action, ask.params, { method }) };
  } catch (error) {
    if (!error.data) return { error: { code: error.name, message: error.message } }; // it can't make sense of the answer
    const { statusCode, headers } = error.entry.response;
    return {
      error: {
        code: error.code,
        message: error.data.Message,
        status: statusCode,
        request_id: error.data.RequestId,
        retry_after: headers['x-acs-retry-after'],
      },
    };
  }
}

async function main() {
  const job = JSON.parse(require('fs').readFileSync(0));
  for (const ask of job.asks) {
    console.log(JSON.stringify({ name: ask.name, ...await answer(job, ask) }));
  }
}

main();
