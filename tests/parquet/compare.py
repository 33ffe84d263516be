#!/usr/bin/env python3
"""Compares every cell of a Parquet report with the CSV report, as DuckDB and PyArrow read it: compare.py X.parquet X.csv"""
import csv
import datetime
import sys

import duckdb
import pyarrow.parquet as pq

parquet, reference = sys.argv[1:]


def text(value):
    """A cell as the CSV writes it."""
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        value = value.astimezone(datetime.timezone.utc)
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (value.microsecond // 1000)
    return str(value)


with open(reference, newline="", encoding="utf-8") as file:
    header, *expected = csv.reader(file)


def compare(reader, names, rows):
    # A kept column whose name is taken is `input_NAME` in CSV and `NAME_2` in Parquet.
    assert len(names) == len(header), (reader, names, header)
    assert len({name.lower() for name in names}) == len(names), (reader, names)
    count = 0
    for count, (found, row) in enumerate(zip(rows, expected, strict=True), 1):
        cells = [text(value) for value in found]
        assert cells == row, f"{reader}: row {count}: {cells} and not {row}"
    print(f"{reader}: {count} rows of {len(names)} columns equal {reference}")


table = pq.ParquetFile(parquet)
rows = (row for batch in table.iter_batches() for row in zip(*(column.to_pylist() for column in batch.columns)))
compare("PyArrow", table.schema_arrow.names, rows)

connection = duckdb.connect()
connection.execute("SET TimeZone = 'UTC'")
found = connection.execute("SELECT * FROM read_parquet(?)", [parquet])
names = [column[0] for column in found.description]
compare("DuckDB", names, iter(found.fetchone, None))
