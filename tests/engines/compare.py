"""Compares what several processes found with what one found: compare.py COUNT SINGLE FOUND..., all NDJSON or Parquet."""

import json
import sys


def of_lines(path):
    with open(path) as file:
        for line in map(json.loads, file):
            if "summary" not in line:
                yield line["extra"]["order_id"], line["extra"]["amount"], line


def of_parquet(path):
    import pyarrow.parquet

    for row in pyarrow.parquet.read_table(path).to_pylist():
        line = {name: cell for name, cell in row.items() if cell is not None}
        for name in ("tracks", "error"):
            if name in line:
                line[name] = json.loads(line[name])
        yield row["order_id"], row["amount"], line


def found(paths):
    rows = {}
    for path in paths:
        for order_id, amount, line in (of_lines if path.endswith("ndjson") else of_parquet)(path):
            assert order_id not in rows, f"{order_id} has two rows"
            error = line.get("error", {})
            # The place of a rejected row is that in its own stream.
            rows[order_id] = (line["msg_id"], amount, line["verdict"], line.get("tracks"), error.get("code"))
    return rows


count, single, *several = sys.argv[1:]
one, many = found([single]), found(several)
assert len(one) == int(count), len(one)
differing = [order_id for order_id in one.keys() | many.keys() if one.get(order_id) != many.get(order_id)]
for order_id in sorted(differing)[:3]:
    print(order_id, one.get(order_id), many.get(order_id))
assert not differing, f"{len(differing)} of {count} rows differ"
print(f"{len(many)} rows of {len(several)} files equal those of one process")
