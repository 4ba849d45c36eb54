"""The right cells are found and run, whatever a notebook went through on its way to us."""

import textwrap

import pytest

from autograder import answers, notebook
from autograder.model import Assignment, Check, Exercise
from autograder.notebook import Cell, Notebook
from autograder.source import SourceNotebook

CELL = Exercise("UNQ_C1", "rnn_cell_forward", ("xt", "a_prev", "parameters"), (Check("a_next", 1, 0),), (), helper=None)
LOOP = Exercise("UNQ_C2", "rnn_forward", ("x", "a0", "parameters"), (Check("a", 1, 0),), (), helper="rnn_cell_forward")
ASSIGNMENT = Assignment("rnn_step_by_step", (CELL, LOOP))

IMPORTS = "import numpy as np\nfrom rnn_utils import *"
TEST_1 = "rnn_cell_forward_test(rnn_cell_forward)"
TEST_2 = "rnn_forward_test(rnn_forward)"
DEMO = "print(rnn_cell_forward)"
SOURCE = SourceNotebook(
    path=None,
    sha256="",
    imports=IMPORTS,
    solutions={},
    points={"UNQ_C1": 50.0, "UNQ_C2": 50.0},
    given=tuple(
        Cell(index, text, name, locked=True)
        for index, (text, name) in enumerate(
            [(IMPORTS, "imports"), (DEMO, "demo"), (TEST_1, "test_UNQ_C1"), (TEST_2, "test_UNQ_C2")]
        )
    ),
    code="",
    places={},
)


def _function(exercise, body="return x + 1", marker="", signature="x, y, z"):
    text = f"def {exercise.function}({signature}):\n{textwrap.indent(body, '    ')}\n"
    return f"# {marker} (unique cell identifier, do not edit)\n{text}" if marker else text


SOLVED_1, SOLVED_2 = _function(CELL, marker="UNQ_C1"), _function(LOOP, marker="UNQ_C2")
SKELETON = "a = None\na_next = None\nfor t in range(None):\n    a_next, yt = None, None\n    a[None] = None\nreturn a"
UNTOUCHED_1, UNTOUCHED_2 = (_function(exercise, SKELETON, marker=exercise.id) for exercise in (CELL, LOOP))


def _find(*cells):
    """Find the answers in these cells: a source each, or a source with its grade_id."""
    pairs = [(cell, "") if isinstance(cell, str) else cell for cell in cells]
    made = tuple(Cell(index, text, name) for index, (text, name) in enumerate(pairs))
    return answers.find(Notebook(made, "0" * 64), ASSIGNMENT, SOURCE)


def _found(*cells):
    return {exercise: cell.index for exercise, cell in _find(*cells).found.items()}


def _run(*cells):
    return [cell.index for cell in _find(*cells).cells]


# ---------------------------------------------------------------------------------------------------- the evidence


def test_the_notebook_as_it_should_be():
    """Each exercise is answered by its own cell, which is to bind its function; the given cells are not run."""
    result = _find(
        (IMPORTS, "imports"), (DEMO, "demo"), (SOLVED_1, "UNQ_C1"), (TEST_1, "test_UNQ_C1"), (SOLVED_2, "UNQ_C2"),
        (TEST_2, "test_UNQ_C2"), "x = 1",
    )  # fmt: skip
    assert {name: cell.index for name, cell in result.found.items()} == {"UNQ_C1": 2, "UNQ_C2": 4}
    assert [(cell.index, cell.binds) for cell in result.cells] == [
        (2, ("rnn_cell_forward",)),
        (4, ("rnn_forward",)),
        (6, ()),
    ]
    assert result.notes == ()


def test_marker_with_definition_comes_first():
    """The cell that bears the marker and defines the name is the answer, whatever comes later under the same name."""
    other = _function(CELL, "return 'something else'")
    assert _found(SOLVED_1, other, (other, "UNQ_C1"))["UNQ_C1"] == 0


def test_marker_alone_is_no_evidence():
    """A marker in a cell that defines something else does not take the place of the definition."""
    assert _found("# UNQ_C1 (unique cell identifier)\nx = 1", _function(CELL))["UNQ_C1"] == 1


def test_grade_id_where_the_marker_is_gone():
    """Without a marker, nbgrader's name of the cell decides."""
    assert _found(_function(CELL), (_function(CELL), "UNQ_C1"), _function(CELL))["UNQ_C1"] == 1


def test_name_where_all_else_is_gone():
    """Without markers and metadata the last definition counts, and the student is told."""
    result = _find(_function(CELL), _function(LOOP), _function(CELL, "return 2"))
    assert {name: cell.index for name, cell in result.found.items()} == {"UNQ_C1": 2, "UNQ_C2": 1}
    assert any("lost its markers" in note for note in result.notes)


def test_numbers_of_another_course():
    """In a notebook whose cells are numbered otherwise, the functions are found by their names."""
    other = _function(CELL, marker="UNQ_C7")
    unrelated = "# UNQ_C1\ndef lstm_cell_forward(xt, a_prev, c_prev, parameters):\n    return xt\n"
    assert _found(unrelated, other, _function(LOOP, marker="UNQ_C1")) == {"UNQ_C1": 1, "UNQ_C2": 2}


@pytest.mark.parametrize(
    "marker", ["# UNQ_C1", "#UNQ_C1 (unique)", "   #   UNQ_C1", "%%time\n# UNQ_C1", "\n\n# UNQ_C1\n\n# GRADED FUNCTION"]
)
def test_marker_as_editors_leave_it(marker):
    """Blanks around the marker, lines before it, do not matter."""
    assert _found(f"{marker}\n{_function(CELL)}", _function(CELL))["UNQ_C1"] == 0


def test_marker_of_ten_is_not_that_of_one():
    """UNQ_C10 is another exercise than UNQ_C1."""
    assert _found(_function(CELL, marker="UNQ_C1"), _function(CELL, marker="UNQ_C10"))["UNQ_C1"] == 0


def test_missing_function():
    """A function that no cell defines is missing, and the others are graded."""
    assert _found("# UNQ_C1 (deleted)", SOLVED_2) == {"UNQ_C2": 1}
    assert _found() == {}


# -------------------------------------------------------------------------------------------- copies, moves, splits


@pytest.mark.parametrize("metadata", ["UNQ_C2", ""])
def test_untouched_copy_below(metadata):
    """An untouched copy of the exercise below the solved one costs nothing."""
    assert _found((SOLVED_2, metadata), (UNTOUCHED_2, metadata))["UNQ_C2"] == 0
    assert _found((UNTOUCHED_2, metadata), (SOLVED_2, metadata))["UNQ_C2"] == 1


def test_both_copies_solved():
    """Of two solved copies the last one counts, as in the notebook; the student is told which."""
    result = _find(SOLVED_1, "x = 1", SOLVED_1)
    assert result.found["UNQ_C1"].index == 2
    assert result.notes == (
        "`rnn_cell_forward` is defined in cells 1 and 3 of the notebook, counted from the top; cell 3 was graded.",
    )


def test_solved_in_a_cell_of_their_own():
    """A function written in a new cell counts where the marked one was left as it came."""
    assert _found((UNTOUCHED_1, "UNQ_C1"), _function(CELL))["UNQ_C1"] == 1
    assert _found(_function(CELL), (UNTOUCHED_1, "UNQ_C1"))["UNQ_C1"] == 0


def test_new_cell_that_does_not_fit_is_last():
    """Of the functions without a marker, one that can be called as the exercise asks is preferred."""
    unfit = _function(CELL, signature="x")
    assert _found((UNTOUCHED_1, "UNQ_C1"), _function(CELL), unfit)["UNQ_C1"] == 1
    assert _found(unfit) == {"UNQ_C1": 0}


def test_both_copies_untouched():
    """Of two untouched copies one is graded: it is there, and not right."""
    assert _found(UNTOUCHED_1, UNTOUCHED_1) == {"UNQ_C1": 1}


def test_half_written_copy_below():
    """A copy that does not parse leaves the earlier definition in force, as it does in the notebook."""
    broken = _function(CELL, "return (x", marker="UNQ_C1")
    assert _found(SOLVED_1, broken)["UNQ_C1"] == 0
    assert _found(UNTOUCHED_1, broken)["UNQ_C1"] == 1
    assert _found(_function(CELL), broken.replace("UNQ", ""))["UNQ_C1"] == 0


@pytest.mark.parametrize(
    "body",
    [
        "a = None\nreturn a",
        "a, y = None, None\nreturn a",
        "a = np.zeros(3)\na[:, :, 0] = None\nreturn a",
        "for t in range(None):\n    pass",
        "None\nreturn x",
        "a_next, yt, cache = None, None, None",
        "while x:\n    if y:\n        a = None\nreturn a",
    ],
)
def test_every_placeholder_of_the_release(body):
    """Whatever the release leaves in the place of an answer tells an untouched copy from a solved one."""
    assert _found(SOLVED_1, _function(CELL, body, marker="UNQ_C1"))["UNQ_C1"] == 0


@pytest.mark.parametrize(
    "body",
    [
        "a = None\nfor t in x:\n    a = t\nreturn a",
        "best = None\nif best is None:\n    best, y = 1, 2\nreturn best",
        "a = None\na += 1",
        "a = None\nfor a in x:\n    pass",
        "a = None\nwith x as a:\n    pass",
        "a = None\n(a := 3)",
        "a = None\na: int = 3",
        "return np.sum(x, axis=None)",
        "y = x[None]\nreturn x[:, None]",
        "return x if x is not None else None",
    ],
)
def test_none_of_an_honest_programmer(body):
    """A variable that begins as None, or None as an argument, is a way to write, not a gap."""
    assert _found(UNTOUCHED_1, _function(CELL, body, marker="UNQ_C1"), UNTOUCHED_1)["UNQ_C1"] == 1


def test_merged_cells():
    """Both functions in one cell, both found there, and the cell is run once to bind both."""
    result = _find(SOLVED_1 + SOLVED_2)
    assert [(cell.index, cell.binds) for cell in result.cells] == [(0, ("rnn_cell_forward", "rnn_forward"))]


def test_moved_cells():
    """The order of the cells does not matter to what is found; they are run in the order of the notebook."""
    result = _find(SOLVED_2, SOLVED_1)
    assert {name: cell.index for name, cell in result.found.items()} == {"UNQ_C1": 1, "UNQ_C2": 0}
    assert [cell.index for cell in result.cells] == [0, 1]


def test_split_cell():
    """A cell that was split into helpers and function is still run in both parts."""
    assert _run("# UNQ_C1\nw = 3", _function(CELL)) == [0, 1]
    assert _found("# UNQ_C1\nw = 3", _function(CELL)) == {"UNQ_C1": 1}


# ---------------------------------------------------------------------------------------------------- ways to define


@pytest.mark.parametrize(
    "text",
    [
        "rnn_cell_forward = lambda x, y, z: x",
        "mine = print\nrnn_cell_forward = mine",
        "other, rnn_cell_forward = print, print",
        "[rnn_cell_forward, *rest] = print, print",
        "a = rnn_cell_forward = print",
        "rnn_cell_forward: object = print",
        "@decorated\n@twice(3)\ndef rnn_cell_forward(x, y, z): return x",
        "if True:\n    def rnn_cell_forward(x, y, z): return x",
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    def rnn_cell_forward(x, y, z): return x",
        "def rnn_cell_forward(x, y, z): return (x",
        "cd '/content'\ndef rnn_cell_forward(x, y, z): return x",
        "%%time\n!ls\ndef rnn_cell_forward(x, y, z): return x",
        "files = !ls\ndef rnn_cell_forward(x, y, z): return x",
        "def\trnn_cell_forward (x, y, z): return x",
        "'" + "a" * notebook.PARSE_CAP + "'\ndef rnn_cell_forward(x, y, z): return x",
    ],
    ids=lambda text: text[:30],
)
def test_what_defines_a_function(text):
    """However a cell binds the name, also half-written, or among lines that are not Python, it is found."""
    assert _found("x = 1", text) == {"UNQ_C1": 1}


@pytest.mark.parametrize(
    "text",
    [
        "async def rnn_cell_forward(x, y, z): return x",
        "class rnn_cell_forward: pass",
        "class Cell:\n    def rnn_cell_forward(self, x, y): return x",
        "def outer():\n    def rnn_cell_forward(x, y, z): return x",
        "def outer():\n    rnn_cell_forward = 1",
        "# def rnn_cell_forward(x, y, z): return x",
        "'''\ndef rnn_cell_forward(x, y, z): return x\n'''",
        "def rnn_cell_forward_2(x, y, z): return x",
        "def my_rnn_cell_forward(x, y, z): return x",
        "rnn_cell_forward(1, 2, 3)",
        "print(rnn_cell_forward)",
        "cell.rnn_cell_forward = 3",
        "cells['rnn_cell_forward'] = 3",
        "rnn_cell_forward: object",
        "%%bash\ndef rnn_cell_forward(x, y, z): return x",
        "async def rnn_cell_forward(x, y, z): return (x",
    ],
    ids=lambda text: text[:30],
)
def test_namesakes_that_define_nothing(text):
    """A method, an inner or asynchronous function, a comment, a call: none of them is the exercise's function."""
    assert _found(text) == {}
    assert _found(_function(CELL), text) == {"UNQ_C1": 0}


@pytest.mark.parametrize(
    ("signature", "fits"),
    [
        ("x, y, z", True),
        ("inputs, state, weights", True),
        ("x, y, z=None", True),
        ("x, y, z, w=1, *, v=2", True),
        ("x, /, y, z", True),
        ("*args", True),
        ("x, *rest, **options", True),
        ("x, y", False),
        ("", False),
        ("x, y, z, w", False),
        ("x, y, z, *, w", False),
        ("*, xt, a_prev, parameters", False),
        ("**options", False),
    ],
)
def test_signature_decides_between_namesakes(signature, fits):
    """Without markers, the last function that takes the exercise's arguments is the answer: names do not matter."""
    assert _found(_function(CELL), _function(CELL, signature=signature)) == {"UNQ_C1": 1 if fits else 0}
    assert _found(_function(CELL), f"rnn_cell_forward = lambda {signature}: 0") == {"UNQ_C1": 1 if fits else 0}


def test_signature_is_not_held_against_the_only_one():
    """A function that cannot be called as asked is still the answer where there is no other: it will say why."""
    assert _found(_function(CELL, signature="x")) == {"UNQ_C1": 0}
    assert _found(_function(CELL, signature="x", marker="UNQ_C1"), "x = 1") == {"UNQ_C1": 0}


def test_defined_twice_in_one_cell():
    """In one cell the last definition counts, as when it is run."""
    twice = _function(CELL) + _function(CELL, signature="x")
    assert _found(_function(CELL), twice) == {"UNQ_C1": 0}
    assert _found(_function(CELL), _function(CELL, signature="x") + _function(CELL)) == {"UNQ_C1": 1}
    assert _found(_function(CELL) + "async def rnn_cell_forward(x, y, z): pass\n") == {}
    branch = "if True:\n    def rnn_cell_forward(x): pass\n    def rnn_cell_forward(x, y, z): pass\n"
    assert _found(_function(CELL), branch) == {"UNQ_C1": 1}


# ---------------------------------------------------------------------------------------------------- what is run


def test_given_cells_are_not_run_again():
    """Imports, demonstrations and public tests are known by their text, however an editor changed its blanks."""
    assert _run(IMPORTS, f"\n{DEMO}   \n", TEST_1, TEST_2, "x = 1") == [4]


def test_tests_are_not_run_by_their_name_either():
    """An edited test cell is known by its grade_id; an edited import cell is the student's, and is run."""
    assert _run(("print('my test')", "test_UNQ_C1"), (IMPORTS + "\nimport math", "imports")) == [1]


def test_answer_in_a_test_cell_is_run():
    """A function that ended up in the test's cell is still the student's answer."""
    result = _find((_function(CELL) + TEST_1, "test_UNQ_C1"))
    assert [(cell.index, cell.binds) for cell in result.cells] == [(0, ("rnn_cell_forward",))]


def test_hostile_metadata_hurts_nobody_else():
    """A student who names an own cell as a test loses that cell alone, and a lock of theirs means nothing."""
    locked = Notebook((Cell(0, "x = 1", locked=True, points=1e9), Cell(1, SOLVED_1, locked=True)), "0" * 64)
    result = answers.find(locked, ASSIGNMENT, SOURCE)
    assert [cell.index for cell in result.cells] == [0, 1]
    assert _run(("x = 1", "test_UNQ_C1"), ("y = 2", "test_UNQ_C9"), (SOLVED_1, "UNQ_C1")) == [1, 2]


def test_empty_cells_are_not_run():
    """Empty code cells are nothing to send anywhere."""
    assert _run("", "  \n\t\n", "x = 1") == [2]


def test_cells_are_run_as_they_were_written():
    """What is run is the student's own text, blanks and magics included."""
    text = "\n  \n%time x = 1   \n!ls\n"
    assert [cell.source for cell in _find(text).cells] == [text]


# ---------------------------------------------------------------------------------------------------- notes, and bounds


def test_notes_of_the_reader_are_kept():
    """What was noticed while reading comes first."""
    read = Notebook((Cell(0, SOLVED_1),), "0" * 64, ("It is old.",))
    assert answers.find(read, ASSIGNMENT, SOURCE).notes == ("It is old.",)


def test_note_about_many_copies_stays_short():
    """A thousand copies are counted, not listed."""
    (note,) = _find(*[SOLVED_1] * 1000).notes
    assert (
        note
        == "`rnn_cell_forward` is defined in 1000 cells of the notebook, counted from the top; cell 1000 was graded."
    )


def test_nothing_lost_where_a_marker_is_left():
    """A notebook with a marker or a name of nbgrader's has not lost everything, and is not told so."""
    assert _find(SOLVED_1, _function(LOOP)).notes == ()
    assert _find((_function(CELL), "UNQ_C1")).notes == ()


def test_nothing_lost_where_nothing_was_found():
    """A notebook without any of the functions hears that they are missing, not that it lost its markers."""
    assert _find("x = 1").notes == ()


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "\n" * 1_000_000 + "# UNQ_C",
        "# UNQ_C" + "\n" * 1_000_000 + "def rnn_cell_forward(",
        "#" * 1_000_000 + "UNQ_C1 rnn_cell_forward",
        "def " * 250_000 + "rnn_cell_forward",
        "def" + " " * 1_000_000 + "rnn_cell_forward",
        "rnn_cell_forward = f'" + "{a}" * 20_000 + "'",
        "rnn_cell_forward = " + "(" * 60_000,
        "x, " * 15_000 + "rnn_cell_forward = 1",
    ],
    ids=lambda text: text[:8] + "..." + text[-16:],
)
def test_time_is_bounded(text):
    """A cell of the longest kind that is read at all is dealt with in a moment."""
    _find(text, SOLVED_1)


def test_many_cells_are_found_in_a_moment():
    """Thousands of cells that name the function are parsed once each."""
    assert len(_find(*[f"rnn_cell_forward({n})" for n in range(notebook.CELLS_CAP)]).cells) == notebook.CELLS_CAP
