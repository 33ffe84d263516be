"""Makes rows and a snapshot that knows their messages: rows.py COUNT PARTS CLUSTER. PARTS files have the rows by message."""

import csv
import json
import sys
import zlib

count, parts, cluster = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


def message(nth):
    return f"1E0578FE110F18B4AAC2{nth:012X}"


def row(nth):
    if nth % 1000 == 999:
        return [f"A-{nth}", message(nth)[:28] + "****", "orders", f"{nth}.51"]
    # Every hundredth row repeats a message.
    return [f"A-{nth}", message(nth - 37 if nth % 100 == 99 else nth), "orders", f"{nth}.51"]


with open(cluster) as file:
    snapshot = json.load(file)
queues = next(topic["queues"] for topic in snapshot["topics"] if topic["topic"] == "orders")
snapshot["messages"] = [
    {
        "msg_id": message(nth),
        "topic": "orders",
        "broker": queues[nth % len(queues)]["broker"],
        "queue_id": queues[nth % len(queues)]["queue_id"],
        "queue_offset": queues[nth % len(queues)]["max_offset"] - 1 - nth % 300,
        "tag": ["created", "paid"][nth % 2],
    }
    for nth in range(count)
    if nth % 777 != 5
]
snapshot["examined"], snapshot["proofs"] = [], []
with open("snapshot.json", "w") as file:
    json.dump(snapshot, file)

files = [open(f"part-{part}.csv", "w", newline="") for part in range(parts)] + [open("rows.csv", "w", newline="")]
writers = [csv.writer(file) for file in files]
for writer in writers:
    writer.writerow(["order_id", "msg_id", "topic", "amount"])
for nth in range(count):
    cells = row(nth)
    writers[-1].writerow(cells)
    writers[zlib.crc32(cells[1].encode()) % parts].writerow(cells)
for file in files:
    file.close()
