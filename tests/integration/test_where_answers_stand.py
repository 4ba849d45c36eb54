"""A right function counts wherever it stands and however it is bound; where nothing can bind it, we say why."""

import json

import pytest

from autograder import demo
from autograder.grade import Grader
from autograder.model import Report
from autograder.variants import Document, code_cell, grade_id


def graded(grader: Grader, document: Document) -> Report:
    """Grade a notebook."""
    return grader.grade(json.dumps(document).encode(), "ada")


def around(document: Document, *above: str, below: str = "") -> Document:
    """Return a notebook with more cells above the first exercise, and one at the end."""
    at = next(k for k, cell in enumerate(document["cells"]) if grade_id(cell) == "UNQ_C1")
    cells = document["cells"]
    more = [code_cell(below)] if below else []
    return document | {"cells": [*cells[:at], *map(code_cell, above), *cells[at:], *more]}


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("%%writefile own.py\n", "from own import act"),
        ("%%writefile ./lib/own.py\n", "from lib.own import *"),
        ("%%file /content/own.py\n", "import own\nact = own.act"),
        ("%%writefile test.py\n", "import test as own\nact = own.act"),
        ("%%writefile first.py\nx = 1\n", "%run first.py\nact = np.tanh"),
    ],
)
def test_a_helper_in_a_module(grader: Grader, solutions: demo.Solutions, written: str, taken: str) -> None:
    """What a cell writes to a file can be imported; its folder is made, or is the guest's own."""
    written += "import numpy as np\ndef act(z):\n    return np.tanh(z)\n"
    text = solutions.cells["UNQ_C1"].replace("np.tanh(", "act(")
    report = graded(grader, around(solutions.solved(UNQ_C1=text), written, "import math", taken))
    assert report.score == 100.0, report.exercises[0].feedback


def test_a_module_that_is_written_twice(grader: Grader, solutions: demo.Solutions) -> None:
    """The second text counts where it is loaded again, though it is as long as the first and written in one moment."""
    cells = ["%%writefile own.py\nimport numpy as np\nact = np.sinh\n", "import importlib\nimport own"]
    cells += [cells[0].replace("sinh", "tanh"), "importlib.reload(own)\nact = own.act"]
    text = solutions.cells["UNQ_C1"].replace("np.tanh(", "act(")
    assert graded(grader, around(solutions.solved(UNQ_C1=text), *cells)).score == 100.0


def test_the_courses_modules_are_not_replaced(grader: Grader, solutions: demo.Solutions) -> None:
    """A file of the name of one of the course's modules, or of numpy's, is not what is imported."""
    cells = ["%%writefile rnn_utils.py\nx = 1", "%%writefile numpy.py\nx = 1", "%%writefile public_tests.py\nx = 1"]
    assert (
        graded(grader, around(solutions.solved(), *cells, "from rnn_utils import *\nimport numpy as np")).score == 100.0
    )
