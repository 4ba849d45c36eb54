"""`jsonl`: JSON Lines, one ``report.json`` a line, for programs that read a class as a stream."""

import json
from collections.abc import Sequence

from autograder.reports.export import Entry, Export, Naming
from autograder.reports.json_report import to_json

FILE = "reports.jsonl"


def export(entries: Sequence[Entry], naming: Naming) -> Export:  # noqa: ARG001  every format is called alike
    """Write every report as one line, by assignment and student."""
    rows = sorted((entry.report for entry in entries), key=lambda report: (report.assignment, report.student))
    lines = (json.dumps(json.loads(to_json(report)), separators=(",", ":")) for report in rows)
    return Export({FILE: "".join(f"{line}\n" for line in lines).encode()})
