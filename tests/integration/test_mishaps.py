"""Right answers keep their points, whatever else happens in their notebook; one error is never punished twice."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from autograder import demo, variants
from autograder.course import Course
from autograder.grade import Grader
from autograder.model import Outcome, Report
from autograder.sandbox.limits import Limits

KEY = b"a secret for tests, and only for tests"
RIGHT = (50.0, 50.0)


@dataclass(frozen=True)
class Mishap:
    """What has happened in a solved notebook.

    Attributes
    ----------
    edits : sequence of (str, str, str)
        A graded cell, and old and new text of its solution.
    before, last : sequence of str
        Cells of the student's own, before the first graded one and at the end.
    times : int
        How often each of those stands there.
    """

    name: str = ""
    edits: Sequence[Sequence[str]] = ()
    before: Sequence[str] = ()
    last: Sequence[str] = ()
    times: int = 1

    def notebook(self, solutions: demo.Solutions) -> bytes:
        """Return the notebook."""
        cells: dict[str, str] = {}
        for cell, old, new in self.edits:
            text = cells.get(cell, solutions.cells[cell])
            assert old in text, (cell, old)
            cells[cell] = text.replace(old, new)
        document = solutions.solved(**cells)
        for source in [*self.before] * self.times:
            document = variants.with_cell(document, source, before="UNQ_C1")
        for source in [*self.last] * self.times:
            document = variants.with_cell(document, source)
        return variants.write(document)


DATA = tomllib.loads(Path(__file__).with_name("mishaps.toml").read_text(encoding="utf-8"))
MISHAPS = {kind: [Mishap(**entry) for entry in entries] for kind, entries in DATA.items()}


def of(*kinds: str) -> pytest.MarkDecorator:
    """Return the parameters of a test: the mishaps of some kinds."""
    chosen = [mishap for kind in kinds for mishap in MISHAPS[kind]]
    return pytest.mark.parametrize("mishap", chosen, ids=lambda mishap: mishap.name)


@pytest.fixture(scope="module")
def tight(course: Course) -> Iterator[Grader]:
    """Return a grader whose limits are short, as far as a busy machine allows."""
    limits = Limits(cell_seconds=2.0, call_seconds=2.0, submission_seconds=25.0, memory=512 << 20)
    with Grader(course, demo.ASSIGNMENT, KEY, limits) as grader:
        yield grader


def scores(report: Report) -> tuple[float, ...]:
    """Return the points by exercise."""
    return tuple(result.score for result in report.exercises)


@of("names", "cells", "time", "values")
def test_a_mishap_costs_nothing(tight: Grader, solutions: demo.Solutions, mishap: Mishap) -> None:
    """Names, cells that stop, time and kinds of values: right functions keep all points."""
    report = tight.grade(mishap.notebook(solutions), "somebody")
    assert scores(report) == RIGHT, [result.feedback for result in report.exercises]


@of("helped")
def test_an_error_of_the_helper_is_punished_once(tight: Grader, solutions: demo.Solutions, mishap: Mishap) -> None:
    """However the loop over time holds the cell, and whatever the cell's parameters are called."""
    report = tight.grade(mishap.notebook(solutions), "somebody")
    cell, loop = report.exercises
    assert cell.score < 50.0
    assert loop.score == 50.0, loop.feedback
    assert loop.follow_through


@of("spoiling")
def test_a_helper_without_a_fault_of_its_own_is_helped_too(
    tight: Grader, solutions: demo.Solutions, mishap: Mishap
) -> None:
    """Called once it is right; what it does to whoever calls it again costs that one nothing."""
    report = tight.grade(mishap.notebook(solutions), "somebody")
    assert scores(report) == RIGHT, [result.feedback for result in report.exercises]


def test_what_ran_is_not_said_to_have_raised(tight: Grader, solutions: demo.Solutions) -> None:
    """A loop made for a cell of two values cannot take the host's three: its own run decides, and its words."""
    mishap = Mishap(
        edits=[
            ("UNQ_C1", "return a_next, yt_pred, cache", "return a_next, yt_pred"),
            ("UNQ_C2", "a_next, yt_pred, cache = rnn", "a_next, yt_pred = rnn"),
            ("UNQ_C2", "cache_list.append(cache)", "pass"),
        ]
    )
    loop = tight.grade(mishap.notebook(solutions), "somebody").exercises[1]
    assert loop.outcome is Outcome.FAILED
    assert 0 < loop.score < 50


def test_the_better_of_two_attempts_counts_as_a_whole(tight: Grader, solutions: demo.Solutions) -> None:
    """Half right where its test stands and half right at the end is not right."""
    mishap = Mishap(
        edits=[
            ("UNQ_C1", "np.tanh(", "squash("),
            ("UNQ_C1", "softmax(np.dot(Wya", "squeeze(np.dot(Wya"),
        ],
        before=("squash, squeeze = np.tanh, sigmoid",),
        last=("squash, squeeze = sigmoid, softmax",),
    )
    cell = tight.grade(mishap.notebook(solutions), "somebody").exercises[0]
    assert 0 < cell.score < 50


def test_a_cell_that_stopped_is_told_with_its_line_and_why(tight: Grader, solutions: demo.Solutions) -> None:
    """A name that is not there because its import failed is told by its package."""
    mishap = Mishap(
        edits=[("UNQ_C1", "softmax(", "soft(")], before=["x = 1\nfrom scikit_nowhere.extra import soft\ny = 2"]
    )
    report = tight.grade(mishap.notebook(solutions), "somebody")
    assert "the package `scikit_nowhere` is not part of this course" in report.exercises[0].feedback
    (told,) = [note for note in report.notes if "stopped" in note]
    assert "at its line 2" in told
    assert "scikit_nowhere" in told


def test_right_functions_are_done_before_what_stands_below_them(tight: Grader, solutions: demo.Solutions) -> None:
    """Nothing below the last right function is run: it takes no time, and is no reason for a note."""
    report = tight.grade(Mishap(last=["import time\ntime.sleep(60)"] * 3).notebook(solutions), "somebody")
    assert scores(report) == RIGHT
    assert report.notes == ()
    assert sum(report.seconds.values()) < 20
