"""`moodle`: a CSV that the grade import of Moodle reads.

What is relied on, as `grade/import/csv/classes/load_data.php` of Moodle has it:

- The instructor says in a form which column identifies users, and what the others are; headings are free.
- One user who is not found stops the whole import.
- A row with an empty identifier, and to PHP "0" is empty too, gives its grades to the user of the row *before*. So no
  such row is written, and no column of identifiers that has a gap.
- "-" is no grade. An empty cell is none either for a grade item that exists, but may become 0 for a new one.
- A point is read as decimal sign in every language. Feedback is shown as HTML.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

from markupsafe import escape

from autograder.model import Report, Status
from autograder.reports.export import Entry, Export, Lost, Naming, each
from autograder.reports.spreadsheet import assignments, by_student, written
from autograder.reports.text import outcome_word, points, points_of, visible

FILE = "moodle.csv"
_NO_GRADE = "-"
_IDENTIFIERS = {"username": "Username", "email": "Email address", "idnumber": "ID number"}
_PLATFORM = "Moodle"
_EMPTY = frozenset(["", "0"])  # to PHP
_SHOWN = 10  # students that a note names


def export(entries: Sequence[Entry], naming: Naming) -> Export:
    """Write the scores of a run, with feedback, for the grade import of Moodle.

    Without a file of ids, a student's id is the user name. A submission that we could not grade has ``-``.
    """
    students = by_student(entries)
    usable = {student: found for student, found in students.items() if student.strip() not in _EMPTY}
    columns = {heading: [naming.of(student, column) for student in usable] for column, heading in _IDENTIFIERS.items()}
    known = {heading: column for heading, column in columns.items() if not _EMPTY & set(column)}
    numbered = not known and any(
        entry.row.platform == _PLATFORM for found in usable.values() for entry in found.values()
    )
    known = known or {"Username": list(usable)}
    names = list(assignments(entries))
    headings = [heading for name in names for heading in (naming.title(name), f"{naming.title(name)} feedback")]
    lost: Lost = []
    rows = (
        [
            *(column[position] for column in known.values()),
            *(part for name in names for part in _cells(found.get(name), lost)),
        ]
        for position, found in enumerate(usable.values())
    )
    left_out = [student for student in students if student not in usable]
    notes = [
        f"{FILE}: there is no column {heading!r}, since the file of ids has none for {_names(usable, column)}."
        for heading, column in columns.items()
        if _EMPTY & set(column) and set(column) != {""}
    ]
    if numbered:
        notes.append(
            f"{FILE}: students have the numbers of Moodle's download, by which its import finds nobody. Say with --ids "
            "who they are."
        )
    if left_out:
        notes.append(
            f"{FILE}: left out, since Moodle would give the grade to another student: {_names(left_out, left_out)}."
        )
    return Export([(FILE, written(chain([[*known, *headings]], rows)))], tuple(notes), lost=lost)


def _names(students: Iterable[str], identifiers: Iterable[str]) -> str:
    """Return the names of the students whose identifier is empty; the first few of many."""
    names = [
        repr(visible(student)) for student, one in zip(students, identifiers, strict=True) if one.strip() in _EMPTY
    ]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _cells(entry: Entry | None, lost: Lost) -> tuple[str, str]:
    """Return the grade and the feedback of one assignment; without its report, a submission has its grade."""
    if entry is None or entry.row.final_score is None:
        return _NO_GRADE, ""
    (said,) = each([entry], lambda one: str(escape(feedback(one.report))), lost, lambda _: "")
    return points(entry.row.final_score), said


def feedback(report: Report) -> str:
    """Return what a report says, in one line."""
    if report.status is Status.REJECTED:
        return " ".join(report.reason.split())
    parts = [
        f"{result.id} {result.function}: {outcome_word(result.outcome)}, "
        f"{points_of(result.score, result.max_score)} points. {result.feedback}"
        for result in report.exercises
    ]
    return " ".join(" ".join(parts).split())
