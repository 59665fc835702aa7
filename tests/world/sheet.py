"""Writes a table of users as people's software does: `sheet.py HOW < rows.json > users.csv`."""
import json
import sys

import pandas

LOUD = {True: "TRUE", False: "FALSE"}
NUMBERS = {True: "1", False: "0"}

# How it is written: what pandas is told, and what it makes of truths.
HOW = {
    # As pandas does by itself: True and False.
    "pandas": ({}, {}),
    # LibreOffice Calc, saved as CSV with its first suggestion.
    "calc": ({}, LOUD),
    # Excel where a comma is the decimal point: "CSV UTF-8".
    "excel": ({"sep": ";", "lineterminator": "\r\n", "encoding": "utf-8-sig"}, LOUD),
    # Cells that were copied out of a sheet.
    "tabs": ({"sep": "\t"}, LOUD),
    # Rows that were emptied instead of being deleted.
    "emptied": ({"lineterminator": "\r\n"}, LOUD),
    # Where truths were numbers.
    "numbers": ({}, NUMBERS),
    # With the numbers of the rows, which is what pandas does by itself.
    "numbered": ({"index": True}, {}),
    # A column of numbers with gaps.
    "fractions": ({}, {True: "1.0", False: "0.0"}),
}

how, truths = HOW[sys.argv[1]]
table = pandas.DataFrame(json.load(sys.stdin))
for column in table.columns:
    if truths and table[column].dtype == bool:
        table[column] = table[column].map(truths)
if sys.argv[1] == "emptied":
    table = table.reindex(range(-1, len(table) + 3))
encoding = how.pop("encoding", "utf-8")
text = table.to_csv(**{"index": False, **how})
sys.stdout.buffer.write(text.encode(encoding))
