"""Compares the sheets that LibreOffice has read from a.xlsx with the CSVs of the same record, cell by cell."""

import csv
import sys


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def told(name, cell):
    """A cell of a CSV as the sheet shows it."""
    if name in ("born_at", "observed_at", "evidence_at"):
        return cell.replace("T", " ").removesuffix("Z")
    return cell


compared = 0
for sheet, path in (("Detail", "a.csv"), ("Matrix", "m.csv")):
    (head, *rows), (names, *expected) = read(f"a-{sheet}.csv"), read(path)
    if [name.split(" (")[0] for name in head] != names:
        sys.exit(f"{sheet}: LibreOffice sees the columns {head}, {path} has {names}")
    if len(rows) != len(expected):
        sys.exit(f"{sheet}: LibreOffice sees {len(rows)} rows, {path} has {len(expected)}")
    for nth, (row, wanted) in enumerate(zip(rows, expected), start=2):
        for name, cell, text in zip(names, row, wanted):
            if cell != told(name, text):
                sys.exit(f"{sheet}, row {nth}, {name}: LibreOffice sees {cell!r}, expected {told(name, text)!r}")
            compared += 1
summary = [cell for row in read("a-Summary.csv") for cell in row]
for text in ("GID_billing", "GID_ledger", "By consumer group"):
    if text not in summary:
        sys.exit(f"Summary: LibreOffice does not see {text!r}")
print(f"LibreOffice opens the workbook: {compared} cells are those of the CSVs")
