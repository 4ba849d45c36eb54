"""A right function counts wherever it stands and however it is bound; where nothing can bind it, we say why."""

import json
import textwrap
from collections.abc import Callable

import pytest

from autograder import autograded, demo, variants
from autograder.course import Course
from autograder.grade import Grader
from autograder.model import Outcome, Report
from autograder.variants import Document, code_cell, grade_id, source_of

MARK = "# UNQ_C1 (unique cell identifier, do not edit)\n"
RIGHT = """\
def rnn_cell_forward(xt, a_prev, parameters):
    p = parameters
    a = np.tanh(p["Waa"] @ a_prev + p["Wax"] @ xt + p["ba"])

    return a, softmax(p["Wya"] @ a + p["by"]), (a, a_prev, xt, p)
"""
NAMED_STEP = RIGHT.replace("rnn_cell_forward", "step")
MODULE = "import numpy as np\nfrom rnn_utils import softmax\n\n" + RIGHT


def graded(grader: Grader, document: Document) -> Report:
    """Grade a notebook."""
    return grader.grade(json.dumps(document).encode(), "ada")


def around(document: Document, *above: str, below: str = "") -> Document:
    """Return a notebook with more cells above the first exercise, and one at the end."""
    at = next(k for k, cell in enumerate(document["cells"]) if grade_id(cell) == "UNQ_C1")
    cells = document["cells"]
    more = [code_cell(below)] if below else []
    return document | {"cells": [*cells[:at], *map(code_cell, above), *cells[at:], *more]}


def changed(document: Document, kind: str, *lost: str) -> Document:
    """Return a notebook whose first exercise is no code cell any more, and has lost what is named."""

    def change(cell: Document) -> Document:
        if grade_id(cell) != "UNQ_C1":
            return cell
        gone = {"outputs", "execution_count", *lost}
        metadata = {} if "metadata" in lost else cell["metadata"]
        return {key: value for key, value in cell.items() if key not in gone} | {
            "cell_type": kind,
            "metadata": metadata,
        }

    return variants.mapped(document, change)


@pytest.mark.parametrize("kind", ["markdown", "raw"])
@pytest.mark.parametrize("lost", [(), ("id",), ("metadata",), ("metadata", "id")])
def test_a_cell_whose_type_was_changed_is_graded_and_changed_back(
    grader: Grader, solutions: demo.Solutions, course: Course, kind: str, lost: tuple[str, ...]
) -> None:
    """It is found by nbgrader's name, by its id or by its marker, and is a code cell in the autograded notebook."""
    document = changed(solutions.solved(), kind, *lost)
    report = graded(grader, document)
    assert report.score == 100.0
    assert f"The cell of `rnn_cell_forward` is a {kind} cell now" in report.notes[0]
    place = report.exercises[0].cell
    assert source_of(document["cells"][place]) == solutions.cells["UNQ_C1"]
    release = variants.read(course.root / "release" / demo.ASSIGNMENT / f"{demo.ASSIGNMENT}.ipynb")
    content = autograded.from_bytes(json.dumps(document).encode(), release, report)
    assert content is not None
    cells = json.loads(content)["cells"]
    assert (cells[place]["cell_type"], grade_id(cells[place])) == ("code", "UNQ_C1")
    assert cells[place]["outputs"] == []
    test = next(cell for cell in cells if grade_id(cell) == "test_UNQ_C1")
    assert [output["output_type"] for output in test["outputs"]] == ["stream", "execute_result"]
    assert [grade_id(cell) for cell in cells].count("UNQ_C1") == 1


def test_a_mistake_in_a_cell_whose_type_was_changed(grader: Grader, solutions: demo.Solutions) -> None:
    """It costs what it costs in a code cell, and gets the same hint."""
    report = graded(grader, changed(solutions.mistaken(UNQ_C1="softmax-over-rows"), "raw"))
    assert (report.score, report.exercises[0].mistakes) == (80.0, ("softmax-over-rows",))


def prompted(text: str) -> str:
    """Return code as Python's own prompt shows it."""
    first, *more = text.splitlines()
    return "\n".join([f">>> {first}", *(f"... {line}".rstrip() for line in more)]) + "\n"


def ipython(text: str) -> str:
    """Return code as IPython's prompt shows it."""
    first, *more = text.splitlines()
    return "\n".join([f"In [12]: {first}", *(f"    ...: {line}" for line in more)]) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        textwrap.indent(MARK + RIGHT, "    "),
        textwrap.indent(MARK + RIGHT, "\t"),
        MARK + "\n" + textwrap.indent(RIGHT, "  "),
        textwrap.indent(MARK + RIGHT, " ") + "# the end\n",
        prompted(RIGHT),
        MARK + prompted(RIGHT),
        prompted(RIGHT) + ">>> rnn_cell_forward.__name__\n'rnn_cell_forward'\n>>> print('a b')\na b\n",
        ipython(RIGHT) + "\nOut[12]: a b\n",
        "%%time\n" + MARK + RIGHT,
        "%%capture out\n" + MARK + RIGHT,
        "%%prun -q\n" + MARK + RIGHT,
        "%%memit\n" + MARK + RIGHT,
        MARK + NAMED_STEP + "for rnn_cell_forward in [step]:\n    pass\n",
        MARK + NAMED_STEP + "(rnn_cell_forward := step)\n",
        MARK + NAMED_STEP + "import contextlib\nwith contextlib.nullcontext(step) as rnn_cell_forward:\n    pass\n",
        MARK + f"exec({RIGHT!r})\n",
        MARK + f"text = {RIGHT!r}\nexec(compile(text, 'mine', 'exec'), globals())\n",
        MARK + NAMED_STEP + "globals()['rnn_cell_forward'] = step\n",
        MARK + NAMED_STEP + "def bind():\n    global rnn_cell_forward\n    rnn_cell_forward = step\nbind()\n",
        MARK + f"get_ipython().run_cell({RIGHT!r})\n",
        MARK + NAMED_STEP + "import functools\nrnn_cell_forward = functools.partial(step)\n",
        MARK
        + "class Step:\n"
        + textwrap.indent(RIGHT.replace("rnn_cell_forward(", "__call__(self, "), "    ")
        + "rnn_cell_forward = Step()\n",
    ],
)
def test_a_right_function_in_another_form(grader: Grader, solutions: demo.Solutions, text: str) -> None:
    """Pasted, indented, timed, bound by any statement or by a string: what is right is right, and no other suffers."""
    report = graded(grader, solutions.solved(UNQ_C1=text))
    assert report.score == 100.0, report.exercises[0].feedback


@pytest.mark.parametrize("wrap", [prompted, ipython, lambda text: textwrap.indent(text, "    "), "%%time\n{}".format])
def test_the_line_of_an_error_is_the_students(
    grader: Grader, solutions: demo.Solutions, wrap: Callable[[str], str]
) -> None:
    """What is taken away around the code leaves every line where it was."""
    text = wrap(RIGHT.replace("return a,", "return missing,"))
    number = next(k for k, line in enumerate(text.splitlines(), 1) if "missing" in line)
    exercise = graded(grader, solutions.solved(UNQ_C1=text)).exercises[0]
    assert exercise.line.startswith(f"line {number}: return missing,")


@pytest.mark.parametrize(
    ("above", "text"),
    [
        (("%%writefile own.py\n" + MODULE,), MARK + "from own import rnn_cell_forward\n"),
        (("%%writefile own.py\n" + MODULE,), MARK + "from own import *\n"),
        (("%%file own.py\n" + MODULE,), MARK + "import own\nrnn_cell_forward = own.rnn_cell_forward\n"),
        (("%%writefile lib/own.py\n" + MODULE,), MARK + "from lib.own import rnn_cell_forward\n"),
        (("%%writefile /content/own.py\n" + MODULE,), MARK + "from own import rnn_cell_forward as rnn_cell_forward\n"),
        (("%%writefile own.py\n" + MODULE,), MARK + "%run own.py\n"),
        ((f"open('own.py', 'w').write({MODULE!r})",), MARK + "from own import rnn_cell_forward\n"),
        (("%%writefile test.py\n" + MODULE,), MARK + "from test import rnn_cell_forward\n"),
        (
            ("%%writefile first.py\nx = 1", "import first", "%%writefile own.py\n" + MODULE),
            MARK + "from own import rnn_cell_forward\n",
        ),
        (
            ("%%writefile own.py\nimport numpy as np\n", "%%writefile -a own.py\n" + MODULE),
            MARK + "from own import rnn_cell_forward\n",
        ),
        ((f"text = {RIGHT!r}",), MARK + "exec(text)\n"),
    ],
)
def test_a_right_function_from_elsewhere(
    grader: Grader, solutions: demo.Solutions, above: tuple[str, ...], text: str
) -> None:
    """A module that the notebook has written can be imported, as beside any notebook."""
    report = graded(grader, around(solutions.solved(UNQ_C1=text), *above))
    assert report.score == 100.0, report.exercises[0].feedback


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


@pytest.mark.parametrize(
    ("magic", "what"),
    [
        ("%%timeit", "runs it and keeps nothing of it"),
        ("%%writefile own.py", "writes it to a file and does not run it"),
        ("%%bash", "does not run it as Python"),
        ("%%latex", "does not run it as Python"),
    ],
)
def test_a_magic_that_binds_nothing_is_named(grader: Grader, solutions: demo.Solutions, magic: str, what: str) -> None:
    """The function is missing, and its feedback says which line to remove; the next exercise is graded all the same."""
    report = graded(grader, solutions.solved(UNQ_C1=f"{magic}\n{MARK}{RIGHT}"))
    first, second = report.exercises
    said = f"The cell of `rnn_cell_forward` begins with `{magic.split(maxsplit=1)[0]}`, which {what}: remove that line."
    assert (first.outcome, first.score, first.feedback) == (Outcome.MISSING, 0.0, said)
    assert second.score == 50.0


def test_what_a_string_does_not_define_is_missing(grader: Grader, solutions: demo.Solutions) -> None:
    """A cell that only might bind the function is asked, and told that it has not."""
    report = graded(grader, solutions.solved(UNQ_C1="exec('1; rnn_cell_forward_is_written_tomorrow = 0')"))
    assert report.exercises[0].feedback == "No cell of the notebook defines `rnn_cell_forward`."
    report = graded(grader, solutions.solved(UNQ_C1="exec('x = 1  # rnn_cell_forward')"))
    assert report.exercises[0].outcome is Outcome.MISSING
    assert (report.exercises[0].score, report.exercises[1].score) == (0.0, 50.0)
