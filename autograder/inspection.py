"""Shows an instructor, and only an instructor, the very inputs of a student's hidden tests with both values.

The page never shows them: whoever has expected values can hand them in. What is printed here stays in the instructor's
terminal.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from autograder import answers, intake, notebook
from autograder.course import Course
from autograder.errors import SubmissionError, UsageError
from autograder.grade import Grader
from autograder.hidden_tests import HiddenTests
from autograder.judging import judge, part
from autograder.marking import Attempt, Marking
from autograder.model import Exercise, Seed
from autograder.sandbox.session import Answer
from autograder.schedule import schedule

_LISTED = 2  # entries of a list that are shown: caches have one for every time step


def inspect(
    course: Course, key: bytes, student: str, assignment: str, exercise_id: str | None, path: Path | None
) -> Iterator[str]:
    """Grade one submission again and yield, line by line, where each exercise departs.

    Parameters
    ----------
    key : bytes
        The course secret: the inputs are the same as when the submission was graded.
    exercise_id : str or None
        Only this one, as ``UNQ_C2``.
    path : Path or None
        Where submissions are, if not in ``submitted/``.

    Raises
    ------
    UsageError
        If there is no such submission or exercise, or the file cannot be read.
    """
    course.source_notebook(assignment)  # says so itself if there is none
    found = intake.find(course, [path or course.root / "submitted"], assignment)
    submitted = next((s for s in found if s.student == student and s.assignment == assignment), None)
    if submitted is None:
        known = ", ".join(sorted({s.student for s in found})[:10])
        raise UsageError(f"{student!r} has handed in nothing for {assignment}. Submissions are there from: {known}.")
    try:
        submission = notebook.parse(intake.read(submitted))
    except SubmissionError as error:
        raise UsageError(f"{submitted.path}: {error}") from error
    with Grader(course, assignment, key) as grader:
        grader.wait_until_ready()
        chosen = [e for e in grader.assignment.exercises if exercise_id in (None, e.id)]
        if not chosen:
            ids = ", ".join(e.id for e in grader.assignment.exercises)
            raise UsageError(f"{assignment} has no exercise {exercise_id!r}; it has {ids}.")
        answered = answers.find(submission, grader.assignment, grader.reference.source)
        planned = schedule(submission, grader.assignment, grader.reference.source, answered)
        marking = Marking(grader.tests, student, answered, planned.places)
        with grader.session(planned.cells(answered.cells)) as session:
            attempts = {exercise.id: (first, second) for exercise, first, second in marking.attempts(session)}
        for exercise in chosen:
            yield from _exercise(grader.tests, student, exercise, *attempts[exercise.id])


def _exercise(
    tests: HiddenTests, student: str, exercise: Exercise, first: Attempt, second: Attempt | None
) -> Iterator[str]:
    yield f"{exercise.id}  {exercise.function}"
    if second is not None:
        right = [c.name for c in exercise.checks if c.name in first.problems and c.name not in second.problems]
        yield f"  Run again with the reference's {exercise.helper}; right only so: {', '.join(right) or 'nothing'}."
    attempt = second or first
    if not attempt.problems:
        yield "  Every check is right on every case."
    shown = False
    for seen in attempt.observations:
        expected = tests.expected(exercise, seen.case, seen.inputs)
        wrong = [check for check in exercise.checks if not judge(exercise, expected, seen, check).right]
        if not wrong:
            continue
        shown = True
        yield from _inputs(exercise, seen.case, seen.inputs)
        for check in wrong:
            yield f"    {check.name}: {judge(exercise, expected, seen, check).problem}"
            theirs, ours = part(seen.returned, check.key), part(expected, check.key)
            yield from _value("expected", ours, 6)
            yield from _value("returned", theirs, 6)
            yield from _difference(ours, theirs)
    if attempt.stopped is not None:
        yield from _stopped(tests, student, exercise, attempt)
    elif attempt.problems and not shown:
        yield from (f"  {name}: {verdict.problem}" for name, verdict in attempt.problems.items())


def _stopped(tests: HiddenTests, student: str, exercise: Exercise, attempt: Attempt) -> Iterator[str]:
    stopped: Answer = attempt.stopped or Answer()
    order = tests.order(exercise, student)
    fault = stopped.fault
    why = f"{fault.type}: {fault.message} (line {fault.line} of its cell)" if fault else stopped.reason
    yield f"  It ended with {stopped.outcome}: {why or 'no such function'}"
    if stopped.outcome is not None and stopped.reason and len(attempt.observations) < len(order):
        case = order[len(attempt.observations)]
        yield from _inputs(exercise, case, tests.inputs(exercise, case, student))


def _inputs(exercise: Exercise, case: str, inputs: tuple[Any, ...]) -> Iterator[str]:
    yield f"  The case {case!r}:"
    for name, value in zip(exercise.arguments, inputs, strict=True):
        yield from _value(name, value, 4)


def _value(name: str, value: Any, indent: int) -> Iterator[str]:
    """Yield a value with its name, containers entry by entry."""
    blank = " " * indent
    if isinstance(value, np.ndarray):
        printed = np.array2string(value, precision=8, threshold=120, edgeitems=3, max_line_width=110)
        yield f"{blank}{name}  {value.dtype}, shape {value.shape}"
        yield from (f"{blank}  {line}" for line in printed.split("\n"))
    elif isinstance(value, dict | tuple | list):
        yield f"{blank}{name}  {type(value).__name__} of {len(value)}"
        items = list(value.items() if isinstance(value, dict) else enumerate(value))
        shown = items[:_LISTED] if isinstance(value, list) else items
        for key, inner in shown:
            yield from _value(f"[{key!r}]", inner, indent + 2)
        if len(shown) < len(items):
            yield f"{blank}  and {len(items) - len(shown)} more"
    elif isinstance(value, Seed):
        yield f"{blank}{name}  numpy.random.default_rng({value.number})"
    else:
        yield f"{blank}{name}  {value!r}"


def _difference(expected: Any, actual: Any) -> Iterator[str]:
    if isinstance(expected, np.ndarray) and isinstance(actual, np.ndarray) and expected.shape == actual.shape:
        with np.errstate(all="ignore"):
            largest = np.abs(actual.astype(float) - expected).max() if actual.dtype.kind in "iuf" else np.nan
        yield f"      largest difference: {largest:.3g}"
