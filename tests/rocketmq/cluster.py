"""An Apache RocketMQ cluster for a test: a name server and brokers of one version, in a scratch folder, on the loopback.

Everything started here is stopped by `Cluster.stop`, by its process ID. Heaps and files are small; the JVMs compile little,
because they live for a minute or two.
"""
import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

NAME = "TestCluster"
PATIENCE = 60.0  # seconds that a server may take to start or stop on a busy machine

# 4.9 frees its mapped files by reflection.
OPENED = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.nio", "sun.nio.ch", "jdk.internal.ref")]
JVM = ["-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", *OPENED]

# Small files, quick retries (a retry waits for the third delay level and on), patience on a busy machine.
BROKER = """brokerClusterName={cluster}
brokerName={name}
brokerId={role}
brokerRole={kind}
namesrvAddr={name_server}
brokerIP1={ip}
brokerIP2={ip}
listenPort={port}
bindAddress={ip}
storePathRootDir={store}
storePathCommitLog={store}/commitlog
mappedFileSizeCommitLog=16777216
mappedFileSizeConsumeQueue=60000
maxHashSlotNum=10000
maxIndexNum=40000
messageDelayLevel=1s 1s 1s 2s 2s 2s 2s 2s 2s 2s 2s 2s 2s 2s 2s 2s 2s 2s
timerWheelEnable=true
mappedFileSizeTimerLog=1048576
transactionCheckInterval=600000
autoCreateTopicEnable=true
autoCreateSubscriptionGroup=true
enablePropertyFilter=true
flushDiskType=ASYNC_FLUSH
flushConsumerOffsetInterval=1000
diskMaxUsedSpaceRatio=95
fileReservedTime=72
osPageCacheBusyTimeOutMills=30000
waitTimeMillsInSendQueue=30000
waitTimeMillsInPullQueue=30000
waitTimeMillsInHeartbeatQueue=60000
registerNameServerPeriod=10000
{more}"""

TLS = Path(__file__).resolve().parents[1] / "data" / "tls"
CERTIFICATE = TLS / "gateway.pem"
# The same ports speak TLS and plain text.
JVM += ["-Dtls.test.mode.enable=false", f"-Dtls.server.certPath={CERTIFICATE}", f"-Dtls.server.keyPath={TLS / 'gateway.key'}"]

# 4.9 does not start without its logging configuration.
LOGBACK = '<configuration><root level="OFF"/></configuration>\n'


def free_port(taken=()):
    """A free port whose neighbours are free too: a broker also listens two below (VIP) and one above (HA).

    Five digits, so that an address keeps its length when the tap replaces it; below those that the system hands out, so that
    nobody is given it before the server has it.
    """
    while True:
        port = random.randrange(10010, 32760)
        if any(abs(port - other) < 4 for other in taken):
            continue
        try:
            for neighbour in (port - 2, port, port + 1):
                with socket.socket() as probe:
                    probe.bind(("", neighbour))
        except OSError:
            continue
        return port


class Java:
    """A server JVM: starts it, waits for it, stops it."""

    def __init__(self, jars, home, main, arguments, heap="256m"):
        self.log = home / f"{main.rpartition('.')[2]}-{time.monotonic_ns()}.log"
        command = ["java", *JVM, f"-Xmx{heap}", "-XX:MaxDirectMemorySize=768m", f"-Duser.home={home}",
                   f"-Drocketmq.home.dir={home}", "-cp", f"{jars}/*", main, *arguments]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, "ROCKETMQ_HOME": str(home)}, start_new_session=True)

    def wait_for(self, ip, port):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"a server ended at its start: {self.log.read_text()[-2000:]}")
            try:
                socket.create_connection((ip, port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"nothing listens on {ip}:{port} after {PATIENCE:.0f} s: {self.log.read_text()[-2000:]}")

    def stop(self, hard=False):
        """Stops a server. SIGTERM lets a broker write its offsets; `hard` simulates a crash."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL if hard else signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Broker:
    """A broker of the cluster. It keeps its store when it is stopped and started again, also at another address."""

    def __init__(self, cluster, name, role=0):
        self.cluster, self.name, self.role, self.java = cluster, name, role, None
        self.store = cluster.home / (name if role == 0 else f"{name}-slave")
        self.ip, self.port = "127.0.0.1", cluster.port()

    @property
    def address(self):
        return f"{self.ip}:{self.port}"

    def start(self, ip=None, port=None, more="", wait=True):
        more = self.cluster.more + more
        self.ip, self.port = ip or self.ip, port or self.port
        self.store.mkdir(exist_ok=True)
        file = self.store / "broker.conf"
        file.write_text(BROKER.format(cluster=NAME, name=self.name, role=self.role, ip=self.ip, port=self.port,
                                      kind="SLAVE" if self.role else "ASYNC_MASTER", store=self.store, name_server=self.cluster.name_server, more=more))
        self.java = Java(self.cluster.jars, self.cluster.home, "org.apache.rocketmq.broker.BrokerStartup", ["-c", file], "320m")
        if wait:
            self.java.wait_for(self.ip, self.port)

    def stop(self, hard=False):
        if self.java:
            self.java.stop(hard)
        self.java = None


class Cluster:
    def __init__(self, jars, home, brokers=("broker-a", "broker-b"), more=""):
        """`more` has lines of the brokers' configuration, which win over those above."""
        self.jars, self.home, self.taken, self.more = jars, Path(home), [], more
        (self.home / "conf").mkdir(parents=True, exist_ok=True)
        for program in ("namesrv", "broker", "tools"):
            (self.home / "conf" / f"logback_{program}.xml").write_text(LOGBACK)
        self.name_server = f"127.0.0.1:{self.port()}"
        self.names = None
        self.brokers = {name: Broker(self, name) for name in brokers}

    def port(self):
        self.taken.append(free_port(self.taken))
        return self.taken[-1]

    def start(self):
        port = self.name_server.rpartition(":")[2]
        file = self.home / "namesrv.conf"
        file.write_text(f"listenPort={port}\nbindAddress=127.0.0.1\nkvConfigPath={self.home}/kv.json\n")
        self.names = Java(self.jars, self.home, "org.apache.rocketmq.namesrv.NamesrvStartup", ["-c", file], "128m")
        self.names.wait_for("127.0.0.1", int(port))
        for broker in self.brokers.values():
            broker.start(wait=False)
        for broker in self.brokers.values():
            broker.java.wait_for(broker.ip, broker.port)

    def stop(self):
        servers = [server for server in [self.names, *(broker.java for broker in self.brokers.values())] if server]
        for server in servers:
            server.process.kill()
        for server in servers:
            server.process.wait()
