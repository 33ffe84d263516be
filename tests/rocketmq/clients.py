"""Clients.java in a JVM of its own: asked a line at a time."""
import os
import subprocess
import sys

import cluster
import wire

HERE = os.path.dirname(os.path.abspath(__file__))


class Clients:
    def __init__(self, jars, home, name_server):
        self.home = home
        self.log = open(home / "clients.log", "wb")
        command = ["java", "-Xmx512m", "-XX:+UseSerialGC", *cluster.OPENED, f"-Duser.home={home}", f"-Drocketmq.home.dir={home}",
                   "-cp", f"{jars}/*", f"{HERE}/Clients.java", name_server]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        cwd=home, env={**os.environ, "ROCKETMQ_HOME": str(home)}, start_new_session=True)

    def ask(self, command):
        """The rest of the answer; a failure ends the run, with what Java printed last."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        word, _, rest = self.process.stdout.readline().strip().partition(" ")
        if word != "ok":
            sys.stderr.write("".join(open(self.log.name, errors="replace").readlines()[-30:]))
            raise RuntimeError(f"{command.split()[0]}: {rest or 'the JVM has ended'}")
        return rest

    def words(self, asked):
        """mqadmin's words: {(id, topic): {group: word}}. No groups: nobody consumes the topic, or {"": "failed"}."""
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
    """All that a client could have written: offsets, groups and topics. A broker's books about POP are its own."""
    brokers = wire.masters(name_server)

    def offsets(address):
        return {key: queues for key, queues in wire.offsets(address).items() if "@CID_RMQ_SYS_" not in key}
    return {"topics": wire.topics(name_server),
            **{f"offsets of {name}": offsets(address) for name, address in brokers.items()},
            **{f"groups of {name}": wire.groups(address) for name, address in brokers.items()}}
