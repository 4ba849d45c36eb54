"""The second assignment, graded for real: right answers in many styles lose no points, real mistakes lose some."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autograder import variants
from autograder.course import Course
from autograder.grade import Grader
from autograder.model import Outcome, Report
from autograder.reference import edited as with_mistake
from autograder.sandbox.limits import Limits

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
from student_cells import edited
from student_cells_lstm_step_by_step import CELL_CODE, CELL_STYLES, LOOP_CODE, LOOP_STYLES

NAME = "lstm_step_by_step"
KEY = b"a secret for tests, and only for tests"

Grade = Callable[..., Report]


@pytest.fixture(scope="module")
def graded(course: Course) -> Iterator[Grader]:
    """Return one grader for this file, with a zygote of its own."""
    limits = Limits(cell_seconds=2.0, call_seconds=2.0, submission_seconds=20, memory=512 << 20)
    with Grader(course, NAME, KEY, limits) as grader:
        yield grader


@pytest.fixture(scope="module")
def grade(course: Course, graded: Grader) -> Grade:
    """Return a function from a student's two cells to their report."""
    release = variants.read(course.root / "release" / NAME / f"{NAME}.ipynb")

    def run(cell: str = CELL_CODE, loop: str = LOOP_CODE, *, student: str = "somebody") -> Report:
        sources = {
            "UNQ_C1": f"# UNQ_C1 (unique cell identifier, do not edit)\n{cell}",
            "UNQ_C2": f"# UNQ_C2 (unique cell identifier, do not edit)\n{loop}",
        }
        return graded.grade(variants.write(variants.with_sources(release, sources)), student)

    return run


def explained(report: Report) -> str:
    """Return what the report says is wrong, for a failing test's message."""
    return "; ".join(c.problem for e in report.exercises for c in e.checks if c.problem) or str(report.exercises)


@pytest.mark.parametrize("style", CELL_STYLES)
def test_a_right_cell_in_any_style_earns_everything(grade: Grade, style: str) -> None:
    """One step, written in another way, earns full marks for two students, and so does the loop that calls it."""
    for student in ("ada", "grace"):
        report = grade(cell=CELL_STYLES[style], student=student)
        assert report.score == 100, explained(report)


@pytest.mark.parametrize("style", LOOP_STYLES)
def test_a_right_loop_in_any_style_earns_everything(grade: Grade, style: str) -> None:
    """The walk through time, written in another way, earns full marks for two students."""
    for student in ("ada", "grace"):
        report = grade(loop=LOOP_STYLES[style], student=student)
        assert report.score == 100, explained(report)


# of each mistake that was found in public solutions: which cell, and the checks that it may cost
FOUND = {
    "sigmoid-for-softmax": ("UNQ_C1", {"yt_pred"}),
    "output-gate-forgotten": ("UNQ_C1", {"a_next", "yt_pred", "cache"}),
    "forget-and-update-exchanged": ("UNQ_C1", {"a_next", "c_next", "yt_pred", "cache"}),
    "update-gate-with-the-forget-weights": ("UNQ_C1", {"a_next", "c_next", "yt_pred", "cache"}),
    "candidate-through-sigmoid": ("UNQ_C1", {"a_next", "c_next", "yt_pred", "cache"}),
    "old-cell-state-dropped": ("UNQ_C1", {"a_next", "c_next", "yt_pred", "cache"}),
    "one-array-under-two-names": ("UNQ_C2", {"a"}),
    "hidden-state-starts-at-zero": ("UNQ_C2", {"a", "y", "c", "caches"}),
    "cell-state-starts-from-a0": ("UNQ_C2", {"a", "y", "c", "caches"}),
    "predictions-one-step-off": ("UNQ_C2", {"y"}),
    "old-cell-state-stored": ("UNQ_C2", {"c"}),
}


@pytest.mark.parametrize("mistake", FOUND)
def test_a_mistake_that_was_found_costs_its_checks_and_no_more(graded: Grader, grade: Grade, mistake: str) -> None:
    """Exactly the checks that it spoils are lost; the hint is its own; the other exercise keeps all of its points."""
    place, spoilt = FOUND[mistake]
    exercise = graded.assignment.exercise(place)
    known = next(m for m in exercise.mistakes if m.id == mistake)
    source = with_mistake(graded.reference.source.solutions[place].source, known, "the test")
    report = grade(**{"cell" if place == "UNQ_C1" else "loop": source})
    mine, other = sorted(report.exercises, key=lambda e: e.id != place)
    assert {check.name for check in mine.checks if not check.passed} == spoilt
    assert mine.score is not None
    assert mine.score < mine.max_score
    assert mine.mistakes == (mistake,)
    assert other.score == other.max_score
    assert other.follow_through == (place == "UNQ_C1")


def test_a_name_from_an_earlier_cell_is_not_there(grade: Grade) -> None:
    """A loop that reads `Wy` from the notebook instead of from `parameters` earns nothing, and is told which name."""
    loop = edited(LOOP_CODE, ('n_y, n_a = parameters["Wy"].shape', "n_y, n_a = Wy.shape"))
    report = grade(loop=loop)
    second = report.exercises[1]
    assert (second.outcome, second.score) == (Outcome.RAISED, 0)
    assert "Wy" in second.feedback
    assert report.exercises[0].score == 60


def test_a_loop_that_lets_a_state_go_is_told_so(grade: Grade) -> None:
    """With the cell state left behind at every step, the diagnosis speaks of what is handed on."""
    old = "lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)"
    report = grade(loop=edited(LOOP_CODE, (old, old.replace("c_next", "np.zeros((n_a, m))"))))
    assert report.exercises[1].mistakes == ("cell-state-not-carried",)
    assert report.exercises[1].score == 0
