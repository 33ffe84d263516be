"""Audits the messages of a Parquet table with Spark. Each partition is piped through one ons-audit process, and all of them share
one quota:

    spark-submit audit.py IN OUT PROCESSES --source ons://cn-hangzhou --rate 8/s --shared-quota redis://redis.example/ons-audit

IN has the columns msg_id and topic; all others are kept, but their names have no comma and are none of those in FOUND. OUT has them
as text, and what is known of each message. ons-audit must be on the PATH of every worker, and the keys in its environment.
"""

import itertools
import json
import subprocess
import sys
import tempfile
import threading

import pandas
from pyspark.sql import SparkSession
from pyspark.sql.functions import col

IDENTITY = ["msg_id", "topic", "instance_id"]
FOUND = ["verdict", "tracks", "error", "observed_at"]
LINES = 10_000


def frame_of(lines, columns):
    """Returns the lines of an NDJSON report as a table."""
    rows = []
    for line in map(json.loads, lines):
        extra = line.get("extra", {})
        row = [(line if column in IDENTITY + FOUND else extra).get(column) for column in columns]
        rows.append([json.dumps(cell) if isinstance(cell, (dict, list)) else cell for cell in row])
    return pandas.DataFrame(rows, columns=columns, dtype=str)


def audited(arguments, columns):
    """Returns a function that audits the frames of one partition."""

    def audit(frames):
        first = next(frames, None)
        if first is None:
            return  # an empty stream is refused
        said = tempfile.TemporaryFile()
        command = ["ons-audit", "audit", "-", "--stream=ordered", "--input-format", "ndjson", "--quiet", *arguments]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said)
        written = [0]

        def write():
            try:
                with process.stdin as stdin:
                    for frame in itertools.chain([first], frames):
                        stdin.write(frame.to_json(orient="records", lines=True).encode())
                        written[0] += len(frame)
            except BrokenPipeError:
                pass  # its exit status says why

        writer = threading.Thread(target=write)
        writer.start()
        read = 0
        while lines := list(itertools.islice(process.stdout, LINES)):
            read += len(lines)
            yield frame_of(lines, columns)
        writer.join()
        # 1: something to look at; 3 with all lines: some messages have no answer, and their rows say so.
        if process.wait() not in (0, 1, 3) or read < written[0]:
            said.seek(0)
            raise RuntimeError(said.read().decode(errors="replace"))

    return audit


def main(source, target, processes, *arguments):
    # A second attempt at a partition would ask everything again.
    spark = SparkSession.builder.appName("ons-audit").config("spark.speculation", "false").getOrCreate()
    table = spark.read.parquet(source)
    table = table.select([col(name).cast("string") for name in table.columns])
    kept = [name for name in table.columns if name not in IDENTITY]
    if taken := set(kept) & set(FOUND):
        sys.exit(f"IN has columns with names of OUT: {', '.join(taken)}; rename them")
    if kept:
        # Without it, the columns of a position (broker, queue_id, queue_offset) are used and not kept.
        arguments = [*arguments, "--keep", ",".join(kept)]
    columns = [name for name in IDENTITY if name in table.columns] + kept + FOUND
    # Rows of one message meet in one process, so it is asked about once.
    table = table.repartition(int(processes), "topic", "msg_id")
    schema = ", ".join(f"`{name}` string" for name in columns)
    table.mapInPandas(audited(arguments, columns), schema).write.mode("overwrite").parquet(target)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
