"""`csv`: one row per submission for a spreadsheet, with points and outcome of every exercise."""

import csv
import io
from collections.abc import Iterable, Sequence

from autograder.model import Report
from autograder.reports.export import Entry, Export, Naming
from autograder.reports.scores import cell, exercise_ids
from autograder.reports.text import outcome_word, points

FILE = "grades.csv"
_BOM = "\ufeff"  # or a spreadsheet takes an accent for two letters


def export(entries: Sequence[Entry], naming: Naming) -> Export:
    """Write the grades of a run as a spreadsheet reads them.

    Unlike ``scores.csv``, which is for programs, it begins with a byte order mark, gives points as the students' pages
    do, and says what became of each exercise. Points that we could not find out are empty cells.
    """
    rows = sorted((entry.report for entry in entries), key=lambda report: (report.assignment, report.student))
    exercises = exercise_ids(rows)
    headings = [
        *("student", "name", "assignment", "status", "points", "of"),
        *(f"{exercise} {what}" for exercise in exercises for what in ("points", "of", "outcome")),
        "reason",
    ]
    return Export({FILE: written([headings, *(_row(report, exercises, naming) for report in rows)], bom=True)})


def _row(report: Report, exercises: Iterable[str], naming: Naming) -> list[str]:
    results = {result.id: result for result in report.exercises} if report.score is not None else {}
    parts: list[str] = []
    for exercise in exercises:
        result = results.get(exercise)
        parts += (
            ["", "", ""]
            if result is None
            else [points(result.score), points(result.max_score), outcome_word(result.outcome)]
        )
    score = "" if report.score is None else points(report.score)
    name = naming.of(report.student, "name")
    return [
        *(report.student, name, report.assignment, report.status.value, score, points(report.max_score)),
        *parts,
        report.reason,
    ]


def written(rows: Iterable[Sequence[str]], *, bom: bool = False) -> bytes:
    """Write rows as a CSV whose cells no spreadsheet takes for formulas, and whose characters all can be seen."""
    out = io.StringIO()
    # a dash alone computes nothing, and Moodle knows "no grade" by it
    csv.writer(out).writerows([text if text == "-" else cell(text) for text in row] for row in rows)
    return ((_BOM if bom else "") + out.getvalue()).encode()


def by_student(entries: Iterable[Entry]) -> dict[str, dict[str, Report]]:
    """Return the reports of each student by assignment; both in alphabetical order."""
    found: dict[str, dict[str, Report]] = {}
    for report in sorted((entry.report for entry in entries), key=lambda r: (r.student, r.assignment)):
        found.setdefault(report.student, {})[report.assignment] = report
    return found


def assignments(entries: Iterable[Entry]) -> dict[str, float]:
    """Return what each assignment is worth, in alphabetical order."""
    worth: dict[str, float] = {}
    for report in sorted((entry.report for entry in entries), key=lambda report: report.assignment):
        worth[report.assignment] = max(report.max_score, worth.get(report.assignment, 0.0))
    return worth
