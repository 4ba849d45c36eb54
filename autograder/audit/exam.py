"""Puts a changed solution before the hidden tests, in the sandbox, as a student's would be, for several students."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.compare import ATOL, RTOL
from autograder.errors import GraderError
from autograder.grade import Grader
from autograder.judging import judge, part
from autograder.model import Exercise, Observation, Outcome
from autograder.sandbox.session import CellToRun

_FIRST = 2  # cases: most mutants need no more
_FAR = 1000.0  # tolerances

STUDENTS = tuple(f"audit-{number}" for number in range(1, 6))  # each with inputs of their own


@dataclass(frozen=True)
class Sitting:
    """What became of one changed solution with one student's inputs.

    Attributes
    ----------
    outcome : Outcome
        `PASSED` where no check noticed.
    margin : float
        How far the worst entry of all was off, in tolerances; infinite where it was not about values, 0 where every
        entry was right. Above a thousand it is not followed further.
    """

    outcome: Outcome
    margin: float = 0.0


class Exam:
    """The hidden tests of one exercise, with inputs and expected values of several students at hand."""

    def __init__(self, grader: Grader, exercise: Exercise, students: Sequence[str] = STUDENTS) -> None:
        """Draw the inputs and ask the reference.

        Raises
        ------
        GraderError
            If the reference fails.
        """
        self._grader, self._exercise = grader, exercise
        tests = grader.tests
        self._cases = {
            student: [
                (case, inputs, tests.expected(exercise, case, inputs))
                for case in tests.order(exercise, student)
                for inputs in (tests.inputs(exercise, case, student),)
            ]
            for student in students
        }

    def sit(self, source: str) -> list[Sitting]:
        """Run a changed solution cell on every case of every student.

        Raises
        ------
        GraderError
            If the sandbox fails.
        """
        exercise = self._exercise
        solutions = self._grader.reference.source.solutions
        cells = []
        for index, other in enumerate(self._grader.assignment.exercises):
            if other.id == exercise.id:
                cells.append(CellToRun(index, source, (exercise.function,)))
                break
            cells.append(CellToRun(index, solutions[other.id].source, (other.function,)))
        with self._grader.session(cells) as session:
            session.run_cells()
            if exercise.function in session.unbound or session.deaths:
                return [Sitting(Outcome.RAISED, np.inf)] * len(self._cases)
            return [self._sit(session.call_each, cases) for cases in self._cases.values()]

    def _sit(self, call_each: Any, cases: list[tuple[str, tuple[Any, ...], Any]]) -> Sitting:
        """Run the cases of one student, until it is clear that the solution is wrong by far."""
        exercise = self._exercise
        seen: list[Observation] = []
        wrong: set[str] = set()
        margin = 0.0
        for batch in (cases[:_FIRST], cases[_FIRST:]):
            answers = call_each(exercise.function, [inputs for _, inputs, _ in batch]) if batch else []
            for (case, inputs, expected), answer in zip(batch, answers, strict=False):
                if answer.outcome is not None:
                    return Sitting(answer.outcome, np.inf)
                seen.append(Observation(case, inputs, answer.value))
                for check in exercise.checks:
                    if check.name in wrong or not judge(exercise, expected, seen[-1], check).right:
                        wrong.add(check.name)
                        margin = max(margin, _margin(part(expected, check.key), part(answer.value, check.key)))
            if margin > _FAR:
                return Sitting(Outcome.FAILED, margin)
            if len(answers) < len(batch):
                raise GraderError(f"{exercise.id} was answered on {len(answers)} of {len(batch)} cases.")
        for check in exercise.checks:
            if check.across is not None and check.name not in wrong and check.across(seen):
                wrong.add(check.name)
                margin = np.inf
        return Sitting(Outcome.FAILED if wrong else Outcome.PASSED, margin)


def _margin(expected: Any, actual: Any) -> float:
    """Return how many tolerances the worst entry is off; infinite where shapes or kinds differ."""
    pairs = list(_pairs(expected, actual))
    return max(pairs, default=np.inf)


def _pairs(expected: Any, actual: Any) -> Iterator[float]:
    if isinstance(expected, np.ndarray):
        if not isinstance(actual, np.ndarray) or actual.shape != expected.shape or actual.dtype.kind not in "iuf":
            yield np.inf
        elif expected.size:
            with np.errstate(all="ignore"):
                ratio = np.abs(actual - expected) / (ATOL + RTOL * np.abs(expected))
            yield float(np.max(np.where(np.isfinite(ratio), ratio, np.inf)))
    elif isinstance(expected, dict):
        same = isinstance(actual, dict) and expected.keys() == actual.keys()
        for key in expected if same else ():
            yield from _pairs(expected[key], actual[key])
        if not same:
            yield np.inf
    elif isinstance(expected, tuple | list):
        same = isinstance(actual, tuple | list) and len(actual) == len(expected)
        for ours, theirs in zip(expected, actual, strict=True) if same else ():
            yield from _pairs(ours, theirs)
        if not same:
            yield np.inf
