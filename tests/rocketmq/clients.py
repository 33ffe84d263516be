"""Runs Clients.java or Listeners.java in its own JVM; one line per command."""
import os
import subprocess
import sys

import cluster
import wire

HERE = os.path.dirname(os.path.abspath(__file__))


class Clients:
    def __init__(self, jars, home, name_server, program="Clients"):
        self.home = home
        self.log = open(home / "clients.log", "wb")
        command = ["java", "-Xmx512m", "-XX:+UseSerialGC", *cluster.OPENED, f"-Duser.home={home}", f"-Drocketmq.home.dir={home}",
                   "-cp", f"{jars}/*", f"{HERE}/{program}.java", name_server]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        cwd=home, env={**os.environ, "ROCKETMQ_HOME": str(home)}, start_new_session=True)

    def ask(self, command):
        """Returns the rest of the answer; a failure ends the run and shows the last output of Java."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        word, _, rest = self.process.stdout.readline().strip().partition(" ")
        if word != "ok":
            sys.stderr.write("".join(open(self.log.name, errors="replace").readlines()[-30:]))
            raise RuntimeError(f"{command.split()[0]}: {rest or 'the JVM has ended'}")
        return rest

    def words(self, asked):
        """Returns mqadmin's track types: {(id, topic): {group: word}}; no groups if none consumes the topic, or {"": "failed"}."""
        source, target = self.home / "asked.csv", self.home / "words.csv"
        source.write_text("".join(f"{msg_id},{topic}\n" for msg_id, topic in asked))
        self.took = self.ask(f"words {source} {target}")
        words = {pair: {} for pair in asked}
        for line in target.read_text().splitlines():
            msg_id, topic, group, word, _ = line.split(",", 4)
            if word != "no consumer":
                words[msg_id, topic][group] = word
        return words

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def state(name_server):
    """Returns everything that a client can write: offsets, groups and topics.

    A broker writes its POP data itself, and from 5.0 on the offsets of broadcasting clients (`topic@group@client`), at times
    of its own.
    """
    brokers = wire.masters(name_server)

    def offsets(address):
        return {key: queues for key, queues in wire.offsets(address).items()
                if "@CID_RMQ_SYS_" not in key and key.count("@") < 2}
    return {"topics": wire.topics(name_server),
            **{f"offsets of {name}": offsets(address) for name, address in brokers.items()},
            **{f"groups of {name}": wire.groups(address) for name, address in brokers.items()}}
