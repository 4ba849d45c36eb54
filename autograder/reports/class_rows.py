"""What stays in memory of each report: a small row, so that a class of any size fits."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from autograder.model import ExerciseResult, Outcome, Report, Status

# where nothing was handed in that could be right or wrong
_NOT_ATTEMPTED = frozenset([Outcome.MISSING, Outcome.SKIPPED, Outcome.GRADER_ERROR])


@dataclass(frozen=True, slots=True)
class ExerciseRow:
    """One exercise of one submission."""

    id: str
    function: str
    outcome: Outcome
    score: float | None
    max_score: float
    checks: tuple[tuple[str, bool], ...]
    mistakes: tuple[str, ...]
    together: bool
    follow_through: bool
    untouched: bool = False

    @property
    def attempted(self) -> bool:
        """Whether there was an answer that could be right or wrong."""
        return not self.untouched and self.outcome not in _NOT_ATTEMPTED


@dataclass(frozen=True, slots=True)
class Row:
    """One submission.

    Attributes
    ----------
    folder : str or None
        Where its page stands, below the results and with forward slashes; None where there is no page.
    versions : tuple of (str, str)
        What it was graded with: the term and its value.
    name : str
        The student's name, where it is known and `student` is a number.
    platform : str
        The learning platform whose number `student` is; empty where it is an id of another kind.
    """

    student: str
    assignment: str
    folder: str | None
    status: Status
    score: float | None
    max_score: float
    reason: str
    exercises: tuple[ExerciseRow, ...]
    seconds: tuple[tuple[str, float], ...]
    versions: tuple[tuple[str, str], ...]
    name: str = ""
    platform: str = ""

    @property
    def graded(self) -> bool:
        """Whether it has a verdict on what it holds."""
        return self.status is Status.GRADED

    @property
    def needs_person(self) -> bool:
        """Whether something of it could not be graded because of us."""
        return self.score is None or bool(self.ungraded)

    @property
    def ungraded(self) -> tuple[str, ...]:
        """The exercises of a graded submission that need a person."""
        return tuple(part.id for part in self.exercises if part.score is None) if self.graded else ()

    @property
    def final_score(self) -> float | None:
        """The score where nothing of it is open: what may be handed on as a grade."""
        return None if self.needs_person else self.score

    @property
    def total_seconds(self) -> float:
        """The time that grading it took."""
        return sum(seconds for _, seconds in self.seconds)


class Register:
    """Takes in reports one after another and keeps a row of each; what is equal in many rows is kept once."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Row]] = {}
        self._shared: dict[Any, Any] = {}
        self._made: dict[tuple[str, str], int] = {}

    def add(self, report: Report, folder: str | None, key: str = "") -> Row:
        """Keep what the tables and pages of a class say of a report, and return it.

        Parameters
        ----------
        folder : str or None
            The folder of its page, below the results; None where no page could be written.
        key : str
            What is unique to the submission; a later report of it takes the place of an earlier one. Without one, the
            folder, or the student.
        """
        origin = report.provenance
        row = Row(
            student=report.student,
            assignment=self._share(report.assignment),
            folder=folder,
            status=report.status,
            score=report.score,
            max_score=report.max_score,
            reason=self._share(report.reason),
            exercises=tuple(self._exercise(result) for result in report.exercises),
            seconds=tuple((self._share(stage), seconds) for stage, seconds in report.seconds.items()),
            versions=self._share(
                (
                    ("Assignment", origin.assignment_digest),
                    ("Grader", origin.grader),
                    ("Isolation", origin.isolation),
                    ("Python", origin.python),
                    ("NumPy", origin.numpy),
                )
            ),
            name=report.name,
            platform=self._share(report.platform),
        )
        self._rows.setdefault(row.assignment, {})[key or folder or report.student] = row
        return row

    def add_newest(self, report: Report, folder: str, made: int) -> None:
        """Keep a report that was read back, unless there is a newer one on the same student's work.

        Parameters
        ----------
        made : int
            The time of its file, in nanoseconds.
        """
        work = report.assignment, report.student
        if made >= self._made.get(work, 0):
            self._made[work] = made
            self.add(report, folder, report.student)

    def with_others(self, others: Iterable[Row]) -> "Register":
        """Return a register of these rows and those of `others` whose submissions are not among them.

        A submission is one student's work on one assignment, wherever its results stand; of two in `others`, the last
        counts.
        """
        whole = Register()
        own = {(row.assignment, row.student) for row in self}
        for row in others:
            if (row.assignment, row.student) not in own:
                whole._rows.setdefault(row.assignment, {})[row.student] = row
        for assignment, rows in self._rows.items():
            whole._rows.setdefault(assignment, {}).update({f"/{key}": row for key, row in rows.items()})
        return whole

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def __iter__(self) -> Iterator[Row]:
        for rows in self._rows.values():
            yield from rows.values()

    def classes(self) -> Iterator[tuple[str, list[Row]]]:
        """Yield each assignment with its rows, in the order of ``scores.csv``."""
        for assignment in sorted(self._rows):
            yield assignment, sorted(self._rows[assignment].values(), key=lambda row: row.student)

    def _exercise(self, result: ExerciseResult) -> ExerciseRow:
        # most rows of a class are one of a few: hence shared as wholes
        row: ExerciseRow = self._share(
            ExerciseRow(
                id=result.id,
                function=result.function,
                outcome=result.outcome,
                score=result.score,
                max_score=result.max_score,
                checks=tuple((check.name, check.passed) for check in result.checks),
                mistakes=result.mistakes,
                together=result.together,
                follow_through=result.follow_through,
                untouched=result.untouched,
            )
        )
        return row

    def _share(self, value: Any) -> Any:
        return self._shared.setdefault(value, value)


Scored = Report | Row
"""What tables are made from: a report, or what is kept of one in memory."""
