"""Looks which of the reports that a gradebook should have are not in it: so that what is there is not written again.

It is the gradebook itself that is asked, and no list of our own: whatever was removed, brought back from a copy or
graded by another program meanwhile is seen. Nothing is written here.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import sqlalchemy as sa

from autograder.errors import GraderError
from autograder.gradebook import (
    Graded,
    LatePenalty,
    Layout,
    comments_of,
    in_utc,
    is_open,
    is_recordable,
    layout_of,
    penalties,
    score_of,
)
from autograder.gradebook_access import models
from autograder.gradebook_connection import connected, failing_as, patiently
from autograder.model import Status

_BATCH = 500  # submissions that are asked for at once


def missing(url: str, submissions: Sequence[Graded], *, late_penalty: LatePenalty | None = None) -> list[Graded]:
    """Return those submissions of which `autograder.gradebook.write` would change something.

    What only a person decides (manual scores, extra credit, whether somebody has looked) is not compared.

    Parameters
    ----------
    url, submissions, late_penalty
        As `write` takes them.

    Raises
    ------
    GraderError
        If the gradebook cannot be read.
    """
    groups: dict[str, list[Graded]] = defaultdict(list)
    found = []
    for graded in submissions:
        if is_recordable(graded.report.student):
            groups[graded.report.assignment].append(graded)
        else:
            found.append(graded)  # to be told by whoever writes
    api = models()
    with failing_as(GraderError, url), connected(url) as engine:
        for name, group in groups.items():
            for start in range(0, len(group), _BATCH):
                batch = group[start : start + _BATCH]
                found += patiently(engine, partial(_missing, api, name=name, batch=batch, late_penalty=late_penalty))
    return found


def _missing(
    api: Any, connection: sa.Connection, name: str, batch: Sequence[Graded], late_penalty: LatePenalty | None
) -> list[Graded]:
    """Return those of a batch, all of one assignment."""
    rows = _Rows(api, connection, layout_of(api, connection, name), [graded.report.student for graded in batch])
    lacking = rows.wrongly_penalised(late_penalty) if late_penalty is not None else set()
    return [g for g in batch if g.report.student in lacking or not rows.hold(g)]


class _Rows:
    """What a gradebook has of some students and one assignment."""

    def __init__(self, api: Any, connection: sa.Connection, layout: Layout, students: Sequence[str]) -> None:
        self._api, self._connection, self._layout = api, connection, layout
        assignment, notebook = api.SubmittedAssignment.__table__, api.SubmittedNotebook.__table__
        mine = (assignment.c.assignment_id == layout.assignment_id) & assignment.c.student_id.in_(students)
        columns = sa.select(assignment.c.student_id, assignment.c.id, assignment.c.timestamp)
        self._submitted = {row.student_id: row for row in connection.execute(columns.where(mine))}
        ids = [row.id for row in self._submitted.values()]
        self._notebooks: dict[str, dict[str, str]] = defaultdict(dict)  # submitted assignment -> notebook -> its row
        self._penalties: dict[str, tuple[str, float | None]] = {}  # row -> submitted assignment, what is taken off
        query = sa.select(
            notebook.c.assignment_id, notebook.c.notebook_id, notebook.c.id, notebook.c.late_submission_penalty
        )
        for row in connection.execute(query.where(notebook.c.assignment_id.in_(ids))):
            self._notebooks[row.assignment_id][row.notebook_id] = row.id
            self._penalties[row.id] = (row.assignment_id, row.late_submission_penalty)
        self._scores = self._cells(api.Grade.__table__, "auto_score", layout.grades)
        self._texts = self._cells(api.Comment.__table__, "auto_comment", layout.comments)

    def _cells(
        self, table: sa.Table, column: str, cells: Mapping[str, Sequence[tuple[str, str]]]
    ) -> dict[tuple[str, str], Any]:
        """Return a column by submitted notebook and cell; named by cells, for which the gradebook has an index."""
        ids = [cell for cell, _ in chain.from_iterable(cells.values())]
        query = sa.select(table.c.notebook_id, table.c.cell_id, table.c[column])
        wanted = table.c.cell_id.in_(ids) & table.c.notebook_id.in_(list(self._penalties))
        return {(row[0], row[1]): row[2] for row in self._connection.execute(query.where(wanted))}

    def hold(self, graded: Graded) -> bool:
        """Return whether all that a report says is there already."""
        report, layout = graded.report, self._layout
        row = self._submitted.get(report.student)
        if row is None or report.status is Status.GRADER_ERROR:
            return False
        if graded.timestamp is not None and row.timestamp != in_utc(graded.timestamp):
            return False
        notebooks = self._notebooks.get(row.id, {})
        for notebook in {*layout.grades, *layout.comments, layout.notebook_id}:
            if notebook not in notebooks:
                return False
            ours, submitted = notebook == layout.notebook_id, notebooks[notebook]
            for cell, name in layout.grades.get(notebook, ()):
                score = score_of(report, name) if ours else None
                if (submitted, cell) not in self._scores or score not in {None, self._scores[submitted, cell]}:
                    return False
                if ours and is_open(report, name) and self._scores[submitted, cell] is not None:
                    return False
            for cell, name in layout.comments.get(notebook, ()):
                text = comments_of(report, name) if ours else ()
                if (submitted, cell) not in self._texts or text not in {(), (self._texts[submitted, cell],)}:
                    return False
        return True

    def wrongly_penalised(self, late_penalty: LatePenalty) -> set[str]:
        """Return the students of whom something else is taken off than the plugin says now."""
        ids = [row.id for row in self._submitted.values()]
        students = {row.id: student for student, row in self._submitted.items()}
        now = penalties(self._api, self._connection, self._layout, ids, late_penalty)
        return {students[self._penalties[row][0]] for row, value in now.items() if self._penalties[row][1] != value}
