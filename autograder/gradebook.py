"""The one writer of nbgrader's gradebook: what a class earned, in the rows that ``nbgrader autograde`` would leave.

nbgrader's own models say what the tables are; the rows go in by SQLAlchemy Core, many at a time, one transaction per
batch, under a lock that lets one writer of ours in at a time. Nothing is kept in memory between batches, so nothing
stale is ever written: what a person may change at the same time (manual scores, extra credit, manual comments) is not
touched, and what depends on it the database computes. A batch that was interrupted is simply done again.
"""

import datetime as dt
import functools
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from autograder.errors import GraderError
from autograder.gradebook_access import check, ensure_assignment, models, url_in
from autograder.gradebook_connection import connected, failing_as, patiently
from autograder.model import ExerciseResult, Report, Status

__all__ = ["BATCH", "Graded", "LatePenalty", "check", "ensure_assignment", "url_in", "write"]

BATCH = 100  # submissions in one transaction

_ID_LENGTH = 128  # of nbgrader's column for student ids
_EQUAL = 1e-9  # points that differ by less are the same

# Words, and code between single backticks: what Markdown cannot take for markup, a link, a table or mathematics. An
# underscore belongs to a word only within it; at its edge it would begin emphasis.
_PLAIN = re.compile(
    r"(?!.*:/)(?:[^\W_]|(?<=[^\W_])_(?=[^\W_])|[ .,;:()/'\"\u201c\u201d%=?-]|`[^`|\\\n]+`)*",
)
_BACKTICKS = re.compile(r"`+")


class ImpossibleIdError(GraderError):
    """A student whose id no gradebook can hold; everything else is written."""


LatePenalty = Callable[[str, float, float], float | None]
"""As nbgrader's plugin has it: from student, score and seconds late to a penalty, or None."""


@dataclass(frozen=True)
class Graded:
    """One submission to write.

    Attributes
    ----------
    report : Report
        What it earned.
    timestamp : datetime.datetime or None
        When it was submitted; UTC where it names no time zone. None leaves what the gradebook has.
    """

    report: Report
    timestamp: dt.datetime | None = None


@dataclass(frozen=True)
class Layout:
    """What the gradebook knows about one assignment; a cell is its id and name."""

    assignment_id: str
    notebook_id: str  # of the notebook that bears the assignment's name, the one we grade
    points: Mapping[str, float]  # of its graded cells, by name
    grades: Mapping[str, Sequence[tuple[str, str]]]  # notebook id -> cells that get a grade
    comments: Mapping[str, Sequence[tuple[str, str]]]  # notebook id -> cells that get a comment


def write(url: str, submissions: Sequence[Graded], *, late_penalty: LatePenalty | None = None) -> None:
    """Write what a class earned.

    A graded submission gets its score in each test cell, and our text as each solution cell's automatic comment; a
    rejected one gets zeros and its reason; one that we could not grade keeps what is there and is marked as needing
    a person. Manual scores, extra credit and manual comments stay as they are, and a grade with a manual score is
    marked for another look, as nbgrader does it.

    Parameters
    ----------
    url : str
        SQLAlchemy's URL of the gradebook.
    submissions : sequence of Graded
        Of one assignment or several. Where a student has two for one assignment, the last counts.
    late_penalty : callable, optional
        nbgrader's late-penalty plugin, or its like; without one, penalties stay as they are.

    Raises
    ------
    GraderError
        If a whole batch was not written, because the gradebook failed; the batches before it are kept.
    ServerAwayError
        The same, where its server was away for longer than a restart takes.
    ImpossibleIdError
        If there is a student whose id no gradebook can hold; everything else is written.
    """
    groups: dict[str, dict[str, Graded]] = defaultdict(dict)
    impossible = []
    for graded in submissions:
        if is_recordable(graded.report.student):
            groups[graded.report.assignment][graded.report.student] = graded
        else:
            impossible.append(ascii(graded.report.student))
    api = models()
    with failing_as(GraderError, url), connected(url) as engine:
        layouts = patiently(engine, lambda connection: {name: layout_of(api, connection, name) for name in groups})
        for name, group in groups.items():
            for graded in group.values():
                _check_points(layouts[name], graded.report)
        for name, group in groups.items():
            rows, layout = list(group.values()), layouts[name]
            for start in range(0, len(rows), BATCH):
                batch = rows[start : start + BATCH]
                patiently(
                    engine,
                    functools.partial(_write_batch, api, layout=layout, batch=batch, late_penalty=late_penalty),
                )
    if impossible:
        raise ImpossibleIdError(
            f"The gradebook cannot hold these student ids, so their grades are only in the reports: "
            f"{', '.join(impossible)}. An id has at most {_ID_LENGTH} characters, all of them valid text."
        )


def _write_batch(
    api: Any, connection: sa.Connection, layout: Layout, batch: Sequence[Graded], late_penalty: LatePenalty | None
) -> None:
    """Write up to `BATCH` submissions of one assignment, on a connection whose transaction the caller ends."""
    submitted = _submitted(api, connection, layout, batch)
    notebooks = _submitted_notebooks(api, connection, layout, list(submitted.values()))
    rows = [row for by_notebook in notebooks.values() for row in by_notebook.values()]
    grade, comment = api.Grade.__table__, api.Comment.__table__
    has_grade, has_comment = _present(connection, grade, rows), _present(connection, comment, rows)

    new_grades, scores, doubts, opened, new_comments = [], [], [], [], []
    texts: list[dict[str, Any]] = []
    for report in (graded.report for graded in batch):
        for notebook_id, row in notebooks[submitted[report.student]].items():
            ours = notebook_id == layout.notebook_id
            for cell, name in layout.grades.get(notebook_id, ()):
                score = score_of(report, name) if ours else None
                if (row, cell) not in has_grade:
                    new_grades.append(_key(row, cell) | {"auto_score": score, "needs_manual_grade": score is None})
                elif score is not None:
                    scores.append({"row": row, "cell": cell, "value": score})
                elif ours and report.status is Status.GRADER_ERROR:
                    doubts.append({"row": row, "cell": cell})
                elif ours and is_open(report, name):
                    opened.append({"row": row, "cell": cell})
            for cell, name in layout.comments.get(notebook_id, ()):
                texts_here = comments_of(report, name) if ours else ()
                if (row, cell) not in has_comment:
                    new_comments.append(_key(row, cell) | {"auto_comment": next(iter(texts_here), None)})
                else:
                    texts.extend({"row": row, "cell": cell, "value": text} for text in texts_here)

    # nbgrader's rule: what was graded by hand before is to be looked at again
    by_hand = sa.case((grade.c.manual_score.is_not(None), sa.true()), else_=sa.false())
    value: sa.BindParameter[Any] = sa.bindparam("value")
    _execute(connection, sa.insert(grade), new_grades)
    _execute(connection, _at(grade).values(auto_score=value, needs_manual_grade=by_hand), scores)
    _execute(connection, _at(grade).values(needs_manual_grade=sa.true()), doubts)
    _execute(connection, _at(grade).values(auto_score=sa.null(), needs_manual_grade=sa.true()), opened)
    _execute(connection, sa.insert(comment), new_comments)
    _execute(connection, _at(comment).values(auto_comment=value), texts)
    if late_penalty is not None:
        settled = [submitted[g.report.student] for g in batch if g.report.status is not Status.GRADER_ERROR]
        _write_penalties(api, connection, layout, settled, late_penalty)


def _submitted(api: Any, connection: sa.Connection, layout: Layout, batch: Sequence[Graded]) -> dict[str, str]:
    """Return the submitted assignment's id for each student of the batch; make what is missing."""
    student, table = api.Student.__table__, api.SubmittedAssignment.__table__
    names = [graded.report.student for graded in batch]
    there = set(connection.scalars(sa.select(student.c.id).where(student.c.id.in_(names))))
    _execute(connection, sa.insert(student), [{"id": name} for name in names if name not in there])

    mine = (table.c.assignment_id == layout.assignment_id) & table.c.student_id.in_(names)
    ids = {row.student_id: row.id for row in connection.execute(sa.select(table.c.student_id, table.c.id).where(mine))}
    new, stamps = [], []
    for graded in batch:
        name, stamp = graded.report.student, in_utc(graded.timestamp)
        if name in ids:
            stamps.append({"row": ids[name], "value": stamp})
        else:
            ids[name] = uuid4().hex
            new.append({"id": ids[name], "assignment_id": layout.assignment_id, "student_id": name, "timestamp": stamp})
    _execute(connection, sa.insert(table), new)
    stamped = sa.update(table).where(table.c.id == sa.bindparam("row")).values(timestamp=sa.bindparam("value"))
    _execute(connection, stamped, [stamp for stamp in stamps if stamp["value"] is not None])
    return ids


def _submitted_notebooks(
    api: Any, connection: sa.Connection, layout: Layout, submitted: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Return submitted assignment -> notebook -> id of the submitted notebook; make what is missing."""
    table = api.SubmittedNotebook.__table__
    ids: dict[str, dict[str, str]] = {assignment: {} for assignment in submitted}
    query = sa.select(table.c.assignment_id, table.c.notebook_id, table.c.id)
    for row in connection.execute(query.where(table.c.assignment_id.in_(submitted))):
        ids[row.assignment_id][row.notebook_id] = row.id
    new = []
    for assignment, by_notebook in ids.items():
        for notebook in sorted({*layout.grades, *layout.comments, layout.notebook_id} - by_notebook.keys()):
            by_notebook[notebook] = uuid4().hex
            new.append({"id": by_notebook[notebook], "assignment_id": assignment, "notebook_id": notebook})
    _execute(connection, sa.insert(table), new)
    return ids


def _write_penalties(
    api: Any, connection: sa.Connection, layout: Layout, submitted: Collection[str], late_penalty: LatePenalty
) -> None:
    """Do for late submissions what nbgrader does."""
    found = penalties(api, connection, layout, submitted, late_penalty)
    table = api.SubmittedNotebook.__table__
    penalised = sa.update(table).where(table.c.id == sa.bindparam("row"))
    _execute(
        connection,
        penalised.values(late_submission_penalty=sa.bindparam("value")),
        [{"row": row, "value": value} for row, value in found.items()],
    )


def penalties(
    api: Any, connection: sa.Connection, layout: Layout, submitted: Collection[str], late_penalty: LatePenalty
) -> dict[str, float | None]:
    """Return what is taken off each submitted notebook: of the late ones what the plugin says, at most what was earned.

    Parameters
    ----------
    submitted : collection of str
        Ids of submitted assignments.
    """
    notebook, assignment = api.SubmittedNotebook, api.SubmittedAssignment
    table = notebook.__table__
    query = (
        sa.select(table.c.id, assignment.student_id, assignment.timestamp, assignment.extension, api.Assignment.duedate)
        .join_from(table, assignment, table.c.assignment_id == assignment.id)
        .join(api.Assignment, assignment.assignment_id == api.Assignment.id)
        .where(assignment.id.in_(submitted), table.c.notebook_id == layout.notebook_id)
    )
    found: dict[str, float | None] = {}
    late: dict[str, tuple[str, float]] = {}
    for row in connection.execute(query).all():
        found[row.id] = None
        if row.timestamp is not None and row.duedate is not None:
            seconds = (row.timestamp - row.duedate - (row.extension or dt.timedelta())).total_seconds()
            if seconds > 0:
                late[row.id] = (row.student_id, seconds)
    # asked only of those that are late: it is a sum over all grades
    earned = sa.select(notebook.id, notebook.score.label("earned")).where(notebook.id.in_(list(late)))
    for row in connection.execute(earned).all() if late else ():
        penalty = late_penalty(late[row.id][0], row.earned, late[row.id][1])
        found[row.id] = None if penalty is None else max(0.0, min(penalty, row.earned))
    return found


def layout_of(api: Any, connection: sa.Connection, name: str) -> Layout:
    """Read what the gradebook knows about an assignment."""
    notebook, cell = api.Notebook.__table__, api.BaseCell.__table__
    assignment_id = connection.scalar(sa.select(api.Assignment.id).where(api.Assignment.name == name))
    query = sa.select(notebook.c.name, notebook.c.id).where(notebook.c.assignment_id == assignment_id)
    notebooks: dict[str, str] = {row.name: row.id for row in connection.execute(query)}
    if name not in notebooks:
        raise GraderError(
            f"The gradebook does not know the assignment {name!r}. Run `nbgrader generate_assignment {name}`, and "
            "grade again: what was graded already is kept."
        )
    grades, comments, points = defaultdict(list), defaultdict(list), {}
    in_ours = cell.c.notebook_id.in_(list(notebooks.values()))
    for row in connection.execute(sa.select(cell.c.id, cell.c.name, cell.c.notebook_id, cell.c.type).where(in_ours)):
        if row.type in {"GradeCell", "TaskCell"}:
            grades[row.notebook_id].append((row.id, row.name))
        if row.type in {"SolutionCell", "TaskCell"}:
            comments[row.notebook_id].append((row.id, row.name))
    max_scores = connection.execute(sa.select(api.GradeCell.id, api.GradeCell.max_score))
    worth = {row.id: row.max_score for row in max_scores}
    points = {name: worth[key] for key, name in grades[notebooks[name]] if key in worth}
    return Layout(assignment_id or "", notebooks[name], points, grades, comments)


def _check_points(layout: Layout, report: Report) -> None:
    """Refuse scores on another scale than the gradebook's: 40 of 50 is not 40 of 40."""
    for exercise in report.exercises:
        known = layout.points.get(_test_cell(exercise))
        if known is None or abs(known - exercise.max_score) > _EQUAL:
            raise GraderError(
                f"The gradebook has {'no' if known is None else f'{known:g} points for'} {_test_cell(exercise)!r} of "
                f"{report.assignment!r}, and the grader counts {exercise.max_score:g} points. Run `nbgrader "
                f"generate_assignment {report.assignment} --force`, and grade again: what was graded already is kept."
            )


def _test_cell(exercise: ExerciseResult) -> str:
    return f"test_{exercise.id}"


def score_of(report: Report, cell: str) -> float | None:
    """Return what a cell earned; None where it is not for us to say."""
    if report.status is Status.REJECTED:
        return 0.0
    if report.status is Status.GRADER_ERROR:
        return None
    for exercise in report.exercises:
        if _test_cell(exercise) == cell and exercise.score is not None:
            return float(exercise.score)
    return None


def is_open(report: Report, cell: str) -> bool:
    """Return whether a person has to grade a cell of a submission whose other cells were graded."""
    return report.score is not None and any(e.score is None and _test_cell(e) == cell for e in report.exercises)


def comments_of(report: Report, cell: str) -> tuple[str | None, ...]:
    """Return the automatic comment of a solution cell as a tuple of one; of none where it stays as it is."""
    if report.status is Status.REJECTED:
        return (_comment(report.reason, ""),)
    if report.status is Status.GRADER_ERROR:
        return ()
    return tuple(_comment(e.feedback, e.line) for e in report.exercises if e.id == cell)


def _comment(text: str, line: str) -> str | None:
    """Write our text for nbgrader's feedback page, which sets comments as Markdown and lets markup through.

    What is more than plain words is fenced as code, as is the student's line: nothing in it can then act as markup.
    """
    paragraphs = [p if _PLAIN.fullmatch(p) else _fenced(p) for p in text.splitlines() if p.strip()]
    return "\n\n".join(paragraphs + [_fenced(line)] * bool(line)) or None


def _fenced(text: str) -> str:
    fence = "`" * (3 + max(map(len, _BACKTICKS.findall(text)), default=0))
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return f"{fence}text\n{shown}\n{fence}"


def is_recordable(student: str) -> bool:
    return bool(student) and len(student) <= _ID_LENGTH and not re.search("[\0\ud800-\udfff]", student)


def in_utc(moment: dt.datetime | None) -> dt.datetime | None:
    """Return a moment as nbgrader stores it: in UTC, without saying so."""
    if moment is None or moment.tzinfo is None:
        return moment
    return moment.astimezone(dt.UTC).replace(tzinfo=None)


def _present(connection: sa.Connection, table: sa.Table, rows: Sequence[str]) -> set[tuple[str, str]]:
    """Return submitted notebook and cell of the grades or comments that are there."""
    query = sa.select(table.c.notebook_id, table.c.cell_id).where(table.c.notebook_id.in_(rows))
    return {(row.notebook_id, row.cell_id) for row in connection.execute(query)}


def _key(row: str, cell: str) -> dict[str, Any]:
    return {"id": uuid4().hex, "notebook_id": row, "cell_id": cell}


def _at(table: sa.Table) -> sa.Update:
    """Begin an update of the grade or comment of one cell in one submitted notebook."""
    return sa.update(table).where(table.c.notebook_id == sa.bindparam("row"), table.c.cell_id == sa.bindparam("cell"))


def _execute(connection: sa.Connection, statement: sa.Executable, rows: Sequence[Mapping[str, Any]]) -> None:
    """Run a statement for many rows at once; an empty list must not mean a row of defaults."""
    if rows:
        connection.execute(statement, list(rows))
