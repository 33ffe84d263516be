"""Clusters with TLS, and with access control of both kinds: ACL 1.0 in 4.9 and ACL 2.0 in 5.5."""
import concurrent.futures
import json

import capture
import cluster
from scenarios import registered

OPERATOR, AUDITOR = ("operator", "operator-secret-1"), ("auditor", "auditor-secret-1")

# The minimum that the README asks for: SUB on the topics here, GET on topics and groups in 5.5.
PLAIN_ACL = """accounts:
- accessKey: {0[0]}
  secretKey: {0[1]}
  admin: true
"""
PLAIN_ACCOUNT = """- accessKey: {0[0]}
  secretKey: {0[1]}
  admin: false
"""

ACL2 = """authenticationEnabled=true
authenticationProvider=org.apache.rocketmq.auth.authentication.provider.DefaultAuthenticationProvider
authenticationMetadataProvider=org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider
initAuthenticationUser={{"username":"{operator[0]}","password":"{operator[1]}"}}
innerClientAuthenticationCredentials={{"accessKey":"{operator[0]}","secretKey":"{operator[1]}"}}
authorizationEnabled=true
authorizationProvider=org.apache.rocketmq.auth.authorization.provider.DefaultAuthorizationProvider
authorizationMetadataProvider=org.apache.rocketmq.auth.authorization.provider.LocalAuthorizationMetadataProvider
"""


def tls(suite):
    """The same ports speak TLS; a server with an untrusted certificate gets no request."""
    found = []
    trusting = suite.program.audit(suite.source, suite.asked, "--tls", "--ca-cert", cluster.CERTIFICATE)
    if trusting.lines() != suite.live.lines():
        found.append(f"{len(trusting.rows)} rows, at rest {len(suite.live.rows)}: {trusting.said[-400:]}")
    doubting = suite.program.audit(suite.source, suite.asked, "--tls")
    if doubting.status != 2 or "certificate" not in doubting.said:
        found.append(f"without its authority: exit status {doubting.status}: {doubting.said[-400:]}")
    suite.say("tls", "with and without the authority", found)


def acl(suite):
    """An account that may read the topics suffices; a wrong or missing key ends the run before any answer."""
    topics = sorted({message["topic"] for message in suite.messages})
    plain = ["defaultTopicPerm: DENY", "defaultGroupPerm: DENY", "topicPerms:", *(f"- {topic}=SUB" for topic in topics)]
    guard(suite, {AUDITOR: (plain, [("Topic:*,Group:*", "Get")])})
    found = []
    dense = [message for message in suite.messages if message["topic"] == "orders"]  # found by reading queues, not by look-ups
    for asked in (suite.asked, dense):
        reader = suite.program.audit(suite.source, asked, **account(*AUDITOR))
        answered = {pair for pair, groups in reader.words().items() if groups.get("GID_caught_up", [""])[0] == "CONSUMED"}
        if reader.status != 1 or len(answered) != len(asked):
            found.append(f"auditor: exit status {reader.status}, {len(answered)} of {len(asked)} answered: {reader.said[-600:]}")
    for who, environment in (("a wrong key", account(AUDITOR[0], "not-the-secret")), ("a stranger", account("stranger", "none")), ("nobody", {})):
        refused = suite.program.audit(suite.source, suite.asked, **environment)
        if refused.status != 2 or any(row["group"] for row in refused.rows) or "ROCKETMQ_SECRET_KEY" not in refused.said:
            found.append(f"{who}: exit status {refused.status}, {len(refused.rows)} rows: {refused.said[-600:]}")
    suite.say("acl", f"{len(suite.asked)} and {len(dense)} answered to an account that may only read; wrong keys and none refused", found)


def account(key, secret):
    return {"ROCKETMQ_ACCESS_KEY": key, "ROCKETMQ_SECRET_KEY": secret}


def guard(suite, accounts):
    """Restarts the brokers with access control. The clients have no account, so their groups go offline.

    `accounts` maps key and secret to what the account may do: lines for 4.9, and pairs of resources and actions for 5.5.
    """
    conf = suite.home / "conf"
    if suite.version == "4.9":
        lines = [PLAIN_ACL.format(OPERATOR)]
        for account, (plain, _) in accounts.items():
            lines += [PLAIN_ACCOUNT.format(account), *(f"  {line}\n" for line in plain)]
        (conf / "plain_acl.yml").write_text("".join(lines))
        more = "aclEnable=true\n"
    else:
        more = ACL2.format(operator=OPERATOR)
    brokers = suite.cluster.brokers.values()
    together(lambda broker: broker.stop(), brokers)
    for broker in brokers:
        broker.start(more=more + ("" if suite.version == "4.9" else f"authConfigPath={broker.store}/auth\n"), wait=False)
    for broker in brokers:
        broker.java.wait_for(broker.ip, broker.port)
    registered(suite)
    if suite.version == "4.9":
        return
    (conf / "tools.yml").write_text("accessKey: {}\nsecretKey: {}\n".format(*OPERATOR))

    def grant(account):
        (key, secret), (_, granted) = account
        commands = [["createUser", "-u", key, "-p", secret, "-t", "Normal"]]
        commands += [["createAcl", "-s", f"User:{key}", "-r", resources, "-a", actions, "-d", "Allow"] for resources, actions in granted]
        for arguments in commands:
            said = capture.mqadmin(suite.jars, suite.home, arguments[0], "-n", suite.cluster.name_server, "-c", cluster.NAME, *arguments[1:])
            if said.count("success") < len(brokers):
                raise RuntimeError(f"{arguments}: {json.dumps(said[-600:])}")
    together(grant, accounts.items())


def together(do, things):
    """Does the same with all things at the same time, and raises what one of them raises."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(do, things))
