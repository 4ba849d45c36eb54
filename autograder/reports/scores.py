"""`scores.csv`: one row per submission, safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from autograder.reports.class_rows import Scored
from autograder.reports.text import listed, visible

_BEFORE = ("student", "assignment", "status", "score", "max_score")
_AFTER = ("reason",)

# Where a spreadsheet would start a formula: at the beginning of a cell, and after the semicolon that separates cells
# where the comma is the decimal sign; spaces and quotes may go before. Some versions take the full-width forms as well.
_FORMULA = re.compile('(^|;)([ "]*)([=+@\uff0b\uff0d\uff1d\uff20-])')
_LEADING = ("\t", "\r", "\n")  # skipped by a spreadsheet, which then meets what follows
_DIGITS = re.compile(r"(\d+)")


def to_csv(reports: Iterable[Scored]) -> str:
    """Write the scores of a class.

    Parameters
    ----------
    reports : iterable of Report or Row
        In any order; of one assignment or of several.

    Returns
    -------
    str
        A header and one row per report, by assignment and student. Columns: student, assignment, status, score,
        max_score, one per exercise with its score, reason. What we could not grade, a
        submission or an exercise of it, has empty scores.
    """
    rows = sorted(reports, key=lambda report: (report.assignment, report.student))
    exercises = exercise_ids(rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_BEFORE, *map(cell, exercises), *_AFTER])
    for report in rows:
        graded = report.score is not None
        earned = {exercise.id: exercise.score for exercise in report.exercises} if graded else {}
        writer.writerow(
            [
                cell(report.student),
                cell(report.assignment),
                report.status.value,
                "" if report.score is None else report.score,
                report.max_score,
                *("" if (score := earned.get(exercise)) is None else score for exercise in exercises),
                cell(report.reason or needing_person(report)),
            ]
        )
    return out.getvalue()


def needing_person(report: Scored) -> str:
    """Return a sentence where exercises of a graded submission need a person; its score is the sum of the others."""
    ids = [exercise.id for exercise in report.exercises if exercise.score is None]
    if report.score is None or not ids:
        return ""
    return f"{listed(ids)} {'needs a person, and is' if len(ids) == 1 else 'need a person, and are'} not in the score."


def exercise_ids(reports: Sequence[Scored]) -> list[str]:
    """Return the ids of all exercises in `reports`, ``UNQ_C2`` before ``UNQ_C10``."""
    ids = {exercise.id for report in reports for exercise in report.exercises}
    return sorted(ids, key=lambda name: [(int(p), "") if p.isdecimal() else (0, p) for p in _DIGITS.split(name)])


def cell(text: str) -> str:
    """Return `text` as a cell that no spreadsheet takes for a formula: an apostrophe goes before what starts one."""
    shown = _FORMULA.sub(r"\1\2'\3", visible(text))
    return f"'{shown}" if text.startswith(_LEADING) else shown
