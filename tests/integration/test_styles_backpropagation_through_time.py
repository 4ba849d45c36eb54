"""Whole submissions of the third assignment, graded as a student's are: right ones in every style, real mistakes."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder import variants
from autograder.course import Course
from autograder.grade import Grader
from autograder.model import Outcome, Report
from autograder.sandbox.limits import Limits

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "unit"))

from student_cells import edited  # noqa: E402  shared with the tests of the public tests
from student_cells_backward import FUNCTIONS, PLAIN, STYLES, WRITES_INTO_DA  # noqa: E402

NAME = "backpropagation_through_time"
KEY = b"a secret for tests, and only for tests"
POINTS = {"UNQ_C1": 20.0, "UNQ_C2": 25.0, "UNQ_C3": 30.0, "UNQ_C4": 25.0}


@pytest.fixture(scope="module")
def backward_grader(course: Course) -> Iterator[Grader]:
    """Return a grader of the third assignment, with short limits and one zygote for all tests here."""
    limits = Limits(cell_seconds=3, call_seconds=3, submission_seconds=30, memory=512 << 20)
    with Grader(course, NAME, KEY, limits) as grader:
        yield grader


def graded(grader: Grader, cells: dict[str, str], student: str = "s001") -> Report:
    """Grade the release with these cells in the place of its exercises."""
    released = variants.read(ROOT / "release" / NAME / f"{NAME}.ipynb")
    marked = {name: f"# {name} (unique cell identifier, do not edit)\n{text}" for name, text in cells.items()}
    return grader.grade(variants.write(variants.with_sources(released, marked)), student)


@pytest.mark.parametrize("style", [*STYLES, "writes into da"])
def test_right_answers_lose_no_points_in_any_style(backward_grader: Grader, style: str) -> None:
    """However a right answer is written, and even if it writes into its copy of da, it earns everything."""
    cells = PLAIN | (WRITES_INTO_DA if style == "writes into da" else STYLES[style])
    report = graded(backward_grader, cells, f"student of {style}")
    assert report.score == 100.0, [
        (e.id, c.name, c.problem) for e in report.exercises for c in e.checks if not c.passed
    ]


MISTAKES = {
    "tanh of the state again": ("UNQ_C1", [("a_next ** 2", "np.tanh(a_next) ** 2")]),
    "derivative left out": ("UNQ_C1", [("(1 - a_next ** 2) * da_next", "da_next")]),
    "no keepdims": ("UNQ_C1", [("axis=1, keepdims=True", "axis=1")]),
    "da_prev for a_prev": ("UNQ_C1", [("a_prev.T)", "da_prev.T)")]),
    "future not added": ("UNQ_C2", [("da[:, :, t] + da_future", "da[:, :, t]")]),
    "added to itself": ("UNQ_C2", [('dWax += step["dWax"]', "dWax += dWax")]),
    "first cache at every step": ("UNQ_C2", [("cache_list[t]", "cache_list[0]")]),
    "caches[1] for the list": ("UNQ_C2", [("cache_list, x = caches", "cache_list, x = caches[1], caches[1]")]),
    "T_x of x": ("UNQ_C2", [("n_a, m, T_x = da.shape", "n_a, m, T_x = (*da.shape[:2], x.shape[2])")]),
    "dW for W": ("UNQ_C3", [("np.dot(Wf.T, dsf)", "np.dot(dWf.T, dsf)"), ("np.dot(Wo.T, dso)", "np.dot(dWo.T, dso)")]),
    "candidate's tanh again": ("UNQ_C3", [("(1 - cct ** 2)", "(1 - np.tanh(cct) ** 2)")]),
    "weights never fetched": ("UNQ_C3", [("parameters[name] for name in", "0 * parameters[name] for name in")]),
    "output gate left out": ("UNQ_C3", [("da_next * ot * (1 - tanh_c ** 2)", "da_next * (1 - tanh_c ** 2)")]),
    "da_prev not carried": ("UNQ_C4", [("da[:, :, t] + da_future", "da[:, :, t]")]),
    "neither carried": ("UNQ_C4", [("da[:, :, t] + da_future", "da[:, :, t]"), ("dc_future = step", "ignored = step")]),
    "overwritten": ("UNQ_C4", [("sums[name] += ", "sums[name] = ")]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_people_really_get_wrong_loses_points(backward_grader: Grader, mistake: str) -> None:
    """Each mistake found in public solutions costs points in its own exercise, and in no other."""
    exercise, edits = MISTAKES[mistake]
    report = graded(backward_grader, PLAIN | {exercise: edited(PLAIN[exercise], *edits)})
    scores = {e.id: e.score for e in report.exercises}
    assert scores[exercise] < POINTS[exercise]
    assert scores == POINTS | {exercise: scores[exercise]}  # a wrong step costs the walk nothing


def test_a_wrong_step_costs_the_walk_nothing(backward_grader: Grader) -> None:
    """With both steps wrong the walks still earn everything, run with right steps, and the report says so."""
    wrong = {
        "UNQ_C1": edited(PLAIN["UNQ_C1"], ("a_next ** 2", "a_next")),
        "UNQ_C3": edited(PLAIN["UNQ_C3"], ("dc * ft", "dc * it")),
    }
    walks = [e for e in graded(backward_grader, PLAIN | wrong).exercises if e.id in ("UNQ_C2", "UNQ_C4")]
    assert all(walk.outcome is Outcome.PASSED and walk.follow_through for walk in walks)


def test_partial_answers_earn_partial_credit(backward_grader: Grader) -> None:
    """One wrong gradient of eleven costs its own share and no more."""
    cells = PLAIN | {"UNQ_C3": edited(PLAIN["UNQ_C3"], ("dc_prev = dc * ft", "dc_prev = dc"))}
    result = next(e for e in graded(backward_grader, cells).exercises if e.id == "UNQ_C3")
    assert [check.name for check in result.checks if not check.passed] == ["dc_prev"]
    assert result.score == pytest.approx(30 * (1 - 4 / 28))


def test_functions_are_those_of_the_assignment(course: Course) -> None:
    """The shared styles name the functions that are graded."""
    from autograder import assignments

    assert {e.id: e.function for e in assignments.load(course, NAME).exercises} == FUNCTIONS
