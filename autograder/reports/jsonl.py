"""`jsonl`: JSON Lines, one ``report.json`` a line, for programs that read a class as a stream."""

import json
from collections.abc import Sequence

from autograder.reports.export import Entry, Export, Lost, Naming, each
from autograder.reports.json_report import to_json

FILE = "reports.jsonl"


def export(entries: Sequence[Entry], naming: Naming) -> Export:  # noqa: ARG001  every format is called alike
    """Write every report as one line, by assignment and student."""
    rows = sorted(entries, key=lambda entry: entry.order)
    lost: Lost = []
    return Export([(FILE, each(rows, _line, lost))], lost=lost)


def _line(entry: Entry) -> str:
    return json.dumps(json.loads(to_json(entry.report)), separators=(",", ":")) + "\n"
