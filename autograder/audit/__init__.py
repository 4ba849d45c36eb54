"""Tests the hidden tests: the solution earns all, the scaffold nothing, every known mistake loses points.

Each is put into a notebook and graded as a submission would be, in the same sandbox, for several students: a mistake
must not get through because somebody's inputs happened to be kind.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.table import Table

from autograder import variants
from autograder.course import Course
from autograder.errors import UsageError
from autograder.grade import Grader
from autograder.model import Report
from autograder.reference import edited

_STUDENTS = ("audit-1", "audit-2", "audit-3")


@dataclass(frozen=True)
class Finding:
    """What one kind of submission earned, at most or at least, over several students.

    Attributes
    ----------
    expected : str
        What it should earn.
    earned : float
        The worst case: the least for a solution, the most for anything else.
    """

    submission: str
    expected: str
    earned: float
    as_it_should: bool


def audit(course: Course, name: str) -> list[Finding]:
    """Grade the solution, the release and every known mistake of an assignment.

    Raises
    ------
    UsageError
        If the assignment is not fit to be graded, or has not been released.
    """
    released = course.root / "release" / name / f"{name}.ipynb"
    if not released.is_file():
        raise UsageError(f"{released} is missing: run `autograder release {name}` first.")
    release = variants.read(released)
    with Grader(course, name, secrets.token_bytes(32)) as grader:
        solutions = {e: c.source for e, c in grader.reference.source.solutions.items()}

        def earned(sources: dict[str, str]) -> list[Report]:
            content = variants.write(variants.with_sources(release, sources))
            return [grader.grade(content, student) for student in _STUDENTS]

        findings = [
            _exactly("the solution", earned(solutions), grader.max_score, min),
            _exactly("the release, untouched", earned({}), 0.0, max),
        ]
        for exercise in grader.assignment.exercises:
            full = grader.reference.source.points[exercise.id]
            for mistake in exercise.mistakes:
                wrong = edited(solutions[exercise.id], mistake, str(grader.reference.source.path))
                reports = earned(solutions | {exercise.id: wrong})
                scores = [next(e.score for e in report.exercises if e.id == exercise.id) for report in reports]
                findings.append(
                    Finding(f"{exercise.id} {mistake.id}", f"below {full:g}", max(scores), max(scores) < full)
                )
    return findings


def _scores(reports: Sequence[Report]) -> list[float]:
    return [report.score if report.score is not None else float("nan") for report in reports]


def _exactly(what: str, reports: Sequence[Report], expected: float, worst: Callable[[list[float]], float]) -> Finding:
    """Hold a submission to one score for every student; `worst` says which of the scores is the worst case."""
    scores = _scores(reports)
    return Finding(what, f"{expected:g}", worst(scores), all(score == expected for score in scores))


def table(name: str, findings: Sequence[Finding]) -> Table:
    """Return the findings as a table for the terminal."""
    result = Table(title=f"Audit of {name}, {len(_STUDENTS)} students' inputs each")
    for heading in ("submission", "should earn", "earned", ""):
        result.add_column(heading)
    for finding in findings:
        verdict = "as it should" if finding.as_it_should else "WEAK"
        result.add_row(finding.submission, finding.expected, f"{finding.earned:g}", verdict)
    return result
