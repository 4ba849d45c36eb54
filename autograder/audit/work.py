"""What a worker does for an audit; each keeps its graders, as it does when it grades a class."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from autograder import run
from autograder.audit.equivalence import Equivalence, Judge
from autograder.audit.exam import Exam, Sitting
from autograder.audit.findings import Fate, KnownMistake
from autograder.grade import Grader
from autograder.judging import judge, ready
from autograder.model import Exercise, Mistake, Observation, Outcome, Report
from autograder.run import Setting

_FATES = {
    Equivalence.BYTECODE: Fate.BYTECODE,
    Equivalence.ALGEBRA: Fate.ALGEBRA,
    Equivalence.PRECISION: Fate.PRECISION,
    Equivalence.UNRESOLVED: Fate.SURVIVED,
}


def graded(setting: Setting, assignment: str, content: bytes, students: Sequence[str]) -> list[Report]:
    """Grade one notebook with the inputs of several students."""
    grader = run.grader_of(setting, assignment)
    return [grader.grade(content, student) for student in students]


def mistake(
    setting: Setting, assignment: str, exercise_id: str, mistake_id: str, content: bytes, students: Sequence[str]
) -> KnownMistake:
    """Grade a notebook that holds one known mistake, and say what is not as it should be."""
    grader = run.grader_of(setting, assignment)
    grader.tests.remember(students)
    exercise = grader.assignment.exercise(exercise_id)
    known = next(m for m in exercise.mistakes if m.id == mistake_id)
    problem = ""
    for student in students:
        problem = problem or _problem(grader, exercise, known, content, student)
    return KnownMistake(exercise_id, mistake_id, problem)


def _problem(grader: Grader, exercise: Exercise, known: Mistake, content: bytes, student: str) -> str:
    result = next(e for e in grader.grade(content, student).exercises if e.id == exercise.id)
    if result.score is None:
        return f"it could not be graded: {result.feedback}"
    if result.score >= result.max_score:
        return "it loses no points."
    if result.outcome is not Outcome.FAILED:
        return f"it is not run to its end ({result.outcome}), so it can never be named."
    lost = {check.name for check in result.checks if not check.passed}
    should = _lost_here(grader, exercise, known, student)
    if lost != should:
        return f"it loses {_listed(lost)}; run beside the reference it changes {_listed(should)}."
    if known.id not in result.mistakes or result.together:
        named = _listed(set(result.mistakes)) if result.mistakes else "nothing"
        return f"it is named as {named}."
    return ""


def _lost_here(grader: Grader, exercise: Exercise, known: Mistake, student: str) -> set[str]:
    """Return the checks whose values a mistake changes, computed beside the reference."""
    tests = grader.tests
    function = tests.mistaken(exercise, (known,))
    lost = set()
    seen = []
    for case in (case.name for case in exercise.cases):
        inputs = tests.inputs(exercise, case, student)
        expected = tests.expected(exercise, case, inputs)
        with np.errstate(all="ignore"):
            seen.append(Observation(case, inputs, function(*ready(inputs))))
        lost |= {check.name for check in exercise.checks if not judge(exercise, expected, seen[-1], check).right}
    return lost | {c.name for c in exercise.checks if c.across is not None and c.name not in lost and c.across(seen)}


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "no check"


def sat(setting: Setting, assignment: str, exercise_id: str, sources: Sequence[str]) -> list[list[Sitting]]:
    """Put changed solutions before the hidden tests."""
    exam = _exam(run.grader_of(setting, assignment), exercise_id)
    return [exam.sit(source) for source in sources]


@lru_cache(maxsize=16)  # of this process: a course has about ten exercises
def _exam(grader: Grader, exercise_id: str) -> Exam:
    return Exam(grader, grader.assignment.exercise(exercise_id))


def decided(setting: Setting, assignment: str, exercise_id: str, source: str) -> Fate:
    """Decide what a mutant is that no test has killed."""
    return _FATES[_judge(run.grader_of(setting, assignment), exercise_id).decide(source)]


@lru_cache(maxsize=16)
def _judge(grader: Grader, exercise_id: str) -> Judge:
    solutions = {e: cell.source for e, cell in grader.reference.source.solutions.items()}
    return Judge(grader.assignment.exercise(exercise_id), dict(grader.reference.given), solutions)
