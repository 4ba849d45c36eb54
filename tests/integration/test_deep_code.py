"""Code that is nested deeply, or has no end of parts: wrong answers like any other, beside which a right one counts."""

import json
import string
from collections.abc import Iterator, Mapping

import pytest

from autograder import autograded, demo
from autograder.course import Course
from autograder.grade import Grader
from autograder.model import Outcome, Report, Status
from autograder.reports import page
from autograder.sandbox.limits import Limits

KEY = b"a secret for tests of deep code"
SIGNATURE = "def rnn_cell_forward(xt, a_prev, parameters):\n"


def _nested(line: str, count: int, last: str) -> str:
    """Return a line in itself `count` times, each time one blank further in."""
    return "".join(f"{' ' * depth}{line}\n" for depth in range(1, count + 1)) + f"{' ' * (count + 1)}{last}\n"


# Each returns something wrong, or cannot even be compiled. Python's parser gives up at 200 parentheses, at some 3,000
# levels of a tree, at 100 levels of indentation: shapes lie on both sides.
EXPRESSIONS: Mapping[str, str] = {
    "sum of 960 terms": "a_prev" + " + a_prev" * 960,
    "sum of 2,500 terms": "a_prev" + " + a_prev" * 2_500,
    "sum of 3,000 terms": "a_prev" + " + a_prev" * 3_000,
    "sum of 7,000 terms": "a_prev" + " + a_prev" * 7_000,
    "products of 900 matrices": "a_prev" + " @ a_prev" * 900,
    "900 powers": "1" + " ** 1" * 900,
    "190 parentheses": "(" * 190 + "a_prev" + ")" * 190,
    "1,000 parentheses": "(" * 1_000 + "a_prev" + ")" * 1_000,
    "190 lists": "[" * 190 + "a_prev" + "]" * 190,
    "150 dicts": "{1: " * 150 + "a_prev" + "}" * 150,
    "190 subscripts": "a_prev[" * 190 + "0" + "]" * 190,
    "900 attributes": "a_prev" + ".T" * 900,
    "5,000 attributes": "a_prev" + ".T" * 5_000,
    "900 calls": "xt" + "()" * 900,
    "900 indices": "a_prev" + "[0]" * 900,
    "1,000 lambdas": "lambda: " * 1_000 + "a_prev",
    "8,000 lambdas": "lambda: " * 8_000 + "a_prev",
    "1,000 conditions": "xt if 0 else " * 1_000 + "a_prev",
    "5,000 conditions": "xt if 0 else " * 5_000 + "a_prev",
    "comparisons of 1,000 operators": "1" + " < 1" * 1_000,
    "1,000 negations": "not " * 1_000 + "a_prev",
    "60,000 signs": "-" * 60_000 + "1",
    "3,000 times and or": "1" + " and 1 or 1" * 3_000,
    "1,000 loops in a comprehension": "[1 " + "for a in () " * 1_000 + "]",
    "50 comprehensions": "[1 for a in " * 50 + "xt" + "]" * 50,
    "3,000 arguments": "xt(" + "a_prev, " * 3_000 + ")",
    "an f-string in each other": "f'{f\"{xt}\"}'",
    "an f-string of 2,000 parts": 'f"' + "{1}" * 2_000 + '"',
    "5,000 f-strings in a row": 'f"{1}" ' * 5_000,
    "a text of 60,000 characters": '"' + "a" * 60_000 + '"',
    "a text of a million characters": '"' + "a" * 1_000_000 + '"',
    "a number of 60,000 hexadecimal digits": "0x" + "f" * 60_000,
    "a number of 60,000 decimal digits": "9" * 60_000,
    "150 assignments in each other": "(a := " * 150 + "xt" + ")" * 150,
    "150 yields": "(yield " * 150 + "xt" + ")" * 150,
}
STATEMENTS: Mapping[str, str] = {
    "250 elif": " if xt is 0:\n  k = 0\n" + " elif xt is 9:\n  k = 1\n" * 250 + " return a_prev, a_prev, 1\n",
    "2,500 elif": " if xt is 0:\n  k = 0\n" + " elif xt is 9:\n  k = 1\n" * 2_500 + " return a_prev, a_prev, 1\n",
    "90 functions": _nested("def inner():", 90, "pass"),
    "90 classes": _nested("class Inner:", 90, "pass"),
    "90 conditions": _nested("if True:", 90, "return a_prev"),
    "19 loops": _nested("for _ in range(1):", 19, "return a_prev"),
    "19 tries": "".join(" " * n + "try:\n" for n in range(1, 20)) + " " * 20 + "pass\n"
    + "".join(" " * n + "finally:\n" + " " * n + " pass\n" for n in range(19, 0, -1)),
    "190 targets in each other": " " + "(" * 190 + "a" + ",)" * 190 + " = xt\n",
    "5,000 targets": " " + "a = " * 5_000 + "None\n",
    "a pattern of 3,000": " match xt:\n  case 1" + " | 1" * 3_000 + ":\n   pass\n",
    "an annotation of 1,000 parts": " a: " + "int[int].a" * 1_000 + " = None\n",
}  # fmt: skip
CELLS: Mapping[str, str] = {
    **{name: f"{SIGNATURE}    return {expression}\n" for name, expression in EXPRESSIONS.items()},
    **{name: f"{SIGNATURE}{statements}" for name, statements in STATEMENTS.items()},
    "500 decorators": "@staticmethod\n" * 500 + f"{SIGNATURE}    return a_prev\n",
    "a sum before the function": "a = 1" + " + 1" * 1_500 + f"\n{SIGNATURE}    return a_prev\n",
    "a sum after the function": f"{SIGNATURE}    return a_prev\n\na = 1" + " + 1" * 1_500 + "\n",
    "900 defaults": f"def rnn_cell_forward(xt, a_prev, parameters, {', '.join(f'a{n}=1' for n in range(900))}):\n"
    "    return a_prev\n",
    "a name and a lambda": "rnn_cell_forward = " + "lambda *a: " * 900 + "1\n",
}


@pytest.fixture(scope="module")
def grader(course: Course) -> Iterator[Grader]:
    """Return a grader whose limits of time no busy machine reaches: Python needs a while to refuse some of these."""
    limits = Limits(cell_seconds=60, call_seconds=60, submission_seconds=200, memory=512 << 20)
    with Grader(course, demo.ASSIGNMENT, KEY, limits) as grader:
        yield grader


def _graded(grader: Grader, solutions: demo.Solutions, cell: str) -> tuple[bytes, Report]:
    content = json.dumps(solutions.solved(UNQ_C1=cell)).encode()
    return content, grader.grade(content, "deep")


def _stands(report: Report) -> None:
    """Hold a report to what it says of a wrong first and a right second exercise."""
    wrong, right = report.exercises
    assert report.status is Status.GRADED
    assert (wrong.score, wrong.outcome in {Outcome.FAILED, Outcome.RAISED, Outcome.MISSING}) == (0.0, True), wrong
    assert (right.score, right.outcome) == (right.max_score, Outcome.PASSED)


@pytest.mark.parametrize("name", CELLS)
def test_a_right_answer_counts_beside_deep_code(grader: Grader, solutions: demo.Solutions, name: str) -> None:
    """All the way to the notebook and the page that are written of it."""
    content, report = _graded(grader, solutions, CELLS[name])
    _stands(report)
    assert autograded.from_bytes(content, solutions.release, report)
    assert page.render(report)


@pytest.mark.parametrize("name", ["sum of 960 terms", "250 elif", "a number of 60,000 hexadecimal digits"])
def test_nbgraders_road_takes_deep_code(
    course: Course, grader: Grader, solutions: demo.Solutions, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """``nbgrader autograde`` grades by the same functions, and fails where they raise."""
    from autograder import plugin

    monkeypatch.setattr(plugin, "_grader", lambda *_: grader)
    content = json.dumps(solutions.solved(UNQ_C1=CELLS[name])).encode()
    _stands(plugin._graded.__wrapped__(course.root, demo.ASSIGNMENT, "deep", content))


@pytest.mark.parametrize("name", ["sum of 3,000 terms", "8,000 lambdas", "60,000 signs", "1,000 parentheses"])
def test_what_python_cannot_read_is_told(grader: Grader, solutions: demo.Solutions, name: str) -> None:
    """The cell is named as the cause, not a call that has no end."""
    _, report = _graded(grader, solutions, CELLS[name])
    (said,) = {exercise.feedback for exercise in report.exercises[:1]}
    assert "without end" not in said
    assert "nested" in said or "cannot read" in said, said


def test_cells_beside_deep_code_are_still_found(grader: Grader, solutions: demo.Solutions) -> None:
    """A copy of the answer, and a deep cell that is nobody's answer."""
    letters = "".join(f"{letter} = 1" + " + 1" * 1_200 + "\n" for letter in string.ascii_lowercase[:8])
    document = solutions.solved()
    cells = document["cells"]
    extra = {"cell_type": "code", "metadata": {}, "source": letters, "outputs": [], "execution_count": None}
    content = json.dumps({**document, "cells": [extra, *cells, extra]}).encode()
    report = grader.grade(content, "deep")
    assert report.score == report.max_score
