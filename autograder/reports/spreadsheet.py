"""`csv`: one row per submission for a spreadsheet, with points and outcome of every exercise."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from autograder.reports.class_rows import Row
from autograder.reports.export import Entry, Export, Naming
from autograder.reports.scores import cell, exercise_ids, needing_person
from autograder.reports.text import outcome_word, points

FILE = "grades.csv"
_BOM = "\ufeff"  # or a spreadsheet takes an accent for two letters


def export(entries: Sequence[Entry], naming: Naming) -> Export:
    """Write the grades of a run as a spreadsheet reads them.

    Unlike ``scores.csv``, which is for programs, it begins with a byte order mark, gives points as the students' pages
    do, and says what became of each exercise. Points that we could not find out are empty cells.
    """
    rows = [entry.row for entry in sorted(entries, key=lambda entry: entry.order)]
    exercises = exercise_ids(rows)
    headings = [
        *("student", "name", "assignment", "status", "points", "of"),
        *(f"{exercise} {what}" for exercise in exercises for what in ("points", "of", "outcome")),
        "reason",
    ]
    lines = (_line(row, exercises, naming) for row in rows)
    return Export([(FILE, written(chain([headings], lines), bom=True))])


def _line(row: Row, exercises: Iterable[str], naming: Naming) -> list[str]:
    results = {result.id: result for result in row.exercises} if row.score is not None else {}
    parts: list[str] = []
    for exercise in exercises:
        result = results.get(exercise)
        parts += (
            ["", "", ""]
            if result is None
            else [_points(result.score), points(result.max_score), outcome_word(result.outcome)]
        )
    name = naming.of(row.student, "name")
    return [
        *(row.student, name, row.assignment, row.status.value, _points(row.final_score), points(row.max_score)),
        *parts,
        row.reason or needing_person(row),
    ]


def _points(score: float | None) -> str:
    return "" if score is None else points(score)


def written(rows: Iterable[Sequence[str]], *, bom: bool = False) -> Iterator[str]:
    """Yield rows as lines of a CSV whose cells no spreadsheet takes for formulas, and whose characters can be seen."""
    out = io.StringIO()
    writer = csv.writer(out)
    if bom:
        yield _BOM
    for row in rows:
        # a dash alone computes nothing, and Moodle knows "no grade" by it
        writer.writerow([text if text == "-" else cell(text) for text in row])
        yield out.getvalue()
        out.seek(0)
        out.truncate()


def by_student(entries: Iterable[Entry]) -> dict[str, dict[str, Entry]]:
    """Return what each student handed in by assignment; both in alphabetical order."""
    found: dict[str, dict[str, Entry]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.row.student, entry.row.assignment)):
        found.setdefault(entry.row.student, {})[entry.row.assignment] = entry
    return found


def assignments(entries: Iterable[Entry]) -> dict[str, float]:
    """Return what each assignment is worth, in alphabetical order."""
    worth: dict[str, float] = {}
    for row in sorted((entry.row for entry in entries), key=lambda row: row.assignment):
        worth[row.assignment] = max(row.max_score, worth.get(row.assignment, 0.0))
    return worth
