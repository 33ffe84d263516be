"""Runs the program under test as a user does."""
import csv
import os
import subprocess
import time
from pathlib import Path

PATIENCE = 300.0
SAYS = ["row", "msg_id", "topic", "group", "track_type", "verdict", "message_verdict", "error_code", "mark", "mqadmin_track_type"]
PLACE = ["broker", "queue_id", "queue_offset", "tag"]


class Audit:
    """The result of one run: exit status, output, rows of the CSV."""

    def __init__(self, status, said, took, report):
        self.status, self.said, self.took = status, said, took
        self.rows = list(csv.DictReader(report.open())) if report.exists() else []

    def words(self):
        """{(id, topic): {group: (track type, mark, mqadmin's word)}}."""
        words = {}
        for row in self.rows:
            groups = words.setdefault((row["msg_id"], row["topic"]), {})
            if row["group"]:
                groups[row["group"]] = row["track_type"], row["mark"], row["mqadmin_track_type"] or row["track_type"]
        return words

    def lines(self):
        """Returns the report without the fields that differ between equal runs."""
        return [[row.get(name, "") for name in SAYS] for row in self.rows]


class Program:
    def __init__(self, binary, home):
        self.binary, self.home, self.runs = binary, Path(home), 0
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("ONS_AUDIT", "ROCKETMQ"))}

    def write(self, name, rows, columns):
        path = self.home / name
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows([columns, *([row[column] for column in columns] for row in rows)])
        return path

    def command(self, *arguments):
        return [str(self.binary), *map(str, arguments)]

    def run(self, *arguments, **environment):
        begin = time.monotonic()
        done = subprocess.run(self.command(*arguments), env={**self.environment, **environment}, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=PATIENCE)
        return done.returncode, done.stderr, time.monotonic() - begin

    def outputs(self):
        self.runs += 1
        return self.home / f"report-{self.runs}.csv", self.home / f"report-{self.runs}.ndjson"

    def audit(self, source, rows, *options, columns=("msg_id", "topic"), **environment):
        """Audits rows at full speed and reads the report."""
        report, results = self.outputs()
        asked = self.write(f"asked-{self.runs}.csv", rows, columns)
        done = self.run("audit", asked, "--source", source, "-o", report, "--results", results, "--no-progress",
                        *([] if "--rate" in options else ["--rate", "max"]), *options, **environment)
        return Audit(*done, report)
