"""The right cells are found and run, whatever a notebook went through on its way to us."""

import dataclasses
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
        "for rnn_cell_forward in [print]: pass",
        "for n, (rnn_cell_forward, *rest) in pairs: pass",
        "with closing(print) as rnn_cell_forward: pass",
        "(rnn_cell_forward := lambda x, y, z: x)",
        "print([rnn_cell_forward := one for one in (print, sum)])",
        "if (rnn_cell_forward := print): pass",
        "match 1:\n    case 1:\n        def rnn_cell_forward(x, y, z): return x",
        "from own_module import rnn_cell_forward",
        "from own_module import mine as rnn_cell_forward",
        "import own_module as rnn_cell_forward",
        "exec('def rnn_cell_forward(x, y, z): return x')",
        "exec(f'''def rnn_cell_forward(x, y, z):\n    return {1}''')",
        "exec(compile('rnn_cell_forward = print', 'a', 'exec'), globals())",
        "globals()['rnn_cell_forward'] = print",
        "globals().update({'rnn_cell_forward': print})",
        "setattr(__import__('__main__'), 'rnn_cell_forward', print)",
        "get_ipython().run_cell('def rnn_cell_forward(x, y, z): return x')",
        "def outer():\n    global rnn_cell_forward\n    def rnn_cell_forward(x, y, z): return x\nouter()",
        "    # UNQ_C1\n    def rnn_cell_forward(x, y, z):\n        return x",
        "# UNQ_C1\n    def rnn_cell_forward(x, y, z):\n        return x",
        ">>> def rnn_cell_forward(x, y, z):\n...     return x\n>>> rnn_cell_forward(1, 2, 3)\nno Python",
        "In [1]: def rnn_cell_forward(x, y, z):\n   ...:     return x",
        "%%prun\ndef rnn_cell_forward(x, y, z): return x",
        "%%capture out\ndef rnn_cell_forward(x, y, z): return x",
        "%%magic_of_a_package\ndef rnn_cell_forward(x, y, z): return x",
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
        "x = lambda: (rnn_cell_forward := 1)",
        "def outer():\n    for rnn_cell_forward in [print]: pass",
        "for cell.rnn_cell_forward in [print]: pass",
        "from rnn_cell_forward import other",
        "import rnn_cell_forward as other",
        "from rnn_cell_forward import *",
        "exec('other = rnn_cell_forward_2')",
        "exec(code)  # rnn_cell_forward",
        "print('rnn_cell_forward')",
        "%%timeit\ndef rnn_cell_forward(x, y, z): return x",
        "%%writefile a.py\ndef rnn_cell_forward(x, y, z): return x",
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


# ---------------------------------------------------------------------------- modules that the notebook itself writes

WRITTEN = "%%writefile lib/own.py\n" + _function(CELL)


@pytest.mark.parametrize(
    "taken",
    [
        "from own import rnn_cell_forward",
        "from lib.own import rnn_cell_forward",
        "from lib.own import *",
        "import own\nrnn_cell_forward = own.rnn_cell_forward",
        "from own import other as rnn_cell_forward",
        "%run lib/own.py",
        "%run -i own",
    ],
)
def test_imported_from_a_module_of_the_notebooks_own(taken):
    """What a cell writes to a file and another one takes from it is defined by the cell that takes it."""
    assert _found(WRITTEN, taken) == {"UNQ_C1": 1}
    assert _found(_function(CELL), WRITTEN, taken) == {"UNQ_C1": 2}  # the last definition, as in the notebook
    assert _found(SOLVED_1, WRITTEN, taken) == {"UNQ_C1": 0}
    assert _found(UNTOUCHED_1, WRITTEN, taken) == {"UNQ_C1": 2}
    assert _run(WRITTEN, taken) == [0, 1]


@pytest.mark.parametrize("taken", ["from own import other", "import own", "%run other.py", "from other import *"])
def test_modules_that_are_written_and_not_taken(taken):
    """A function in a file that no cell takes it from is not in the notebook."""
    assert _found(WRITTEN, taken) == {}


def test_an_import_from_elsewhere_is_not_preferred():
    """A module that may be nowhere does not take the place of a function that is there."""
    assert _found(_function(CELL), "from nowhere import rnn_cell_forward") == {"UNQ_C1": 0}
    assert _found("from nowhere import rnn_cell_forward", _function(CELL, signature="x")) == {"UNQ_C1": 1}


def test_indirect_bindings_come_last():
    """A string that is executed is asked only where no statement defines the function."""
    executed = "exec('def rnn_cell_forward(x, y, z): return x')"
    assert _found(_function(CELL), executed) == {"UNQ_C1": 0}
    assert _found("code = 'def rnn_cell_forward(x, y, z): return x'", "y = 2", "exec(code)", "z = 3") == {"UNQ_C1": 2}
    assert _found("exec(code)", "code = 'def rnn_cell_forward(x, y, z): return x'") == {}


# ------------------------------------------------------------------------------- code cells whose type was changed

WITH_IDS = dataclasses.replace(SOURCE, solutions={"UNQ_C1": Cell(0, SOLVED_1, "UNQ_C1", id="first")})


def _find_with_texts(code, texts):
    notebook = Notebook(tuple(code), "0" * 64, texts=tuple(texts))
    return answers.find(notebook, ASSIGNMENT, WITH_IDS)


@pytest.mark.parametrize("kind", ["markdown", "raw"])
@pytest.mark.parametrize(
    ("source", "ids"),
    [
        (_function(CELL), {"grade_id": "UNQ_C1"}),
        (_function(CELL), {"id": "first"}),
        (SOLVED_1, {}),
        ("rnn_cell_forward = lambda x, y, z: x", {"grade_id": "UNQ_C1"}),
        (textwrap.indent(SOLVED_1, "  "), {"id": "first"}),
    ],
)
def test_a_cell_whose_type_was_changed(kind, source, ids):
    """It is known by nbgrader's name, by its id or by its marker, and run in its place as the code that it was."""
    changed = Cell(1, source, kind=kind, **ids)
    result = _find_with_texts([Cell(0, "x = 1"), Cell(2, SOLVED_2)], [changed])
    assert {name: cell.index for name, cell in result.found.items()} == {"UNQ_C1": 1, "UNQ_C2": 2}
    assert [(cell.index, cell.binds) for cell in result.cells] == [
        (0, ()),
        (1, ("rnn_cell_forward",)),
        (2, ("rnn_forward",)),
    ]
    assert [note for note in result.notes if f"is a {kind} cell now" in note]


@pytest.mark.parametrize(
    "changed",
    [
        Cell(1, "In def rnn_cell_forward(x) the state is kept.", "UNQ_C1", kind="markdown"),
        Cell(1, "def rnn_cell_forward(", "UNQ_C1", kind="raw"),
        Cell(1, "def rnn_cell_forward(x, y, z): return x", kind="raw"),
        Cell(1, "def rnn_cell_forward(x, y, z): return x", "demo", kind="raw", id="second"),
        Cell(1, "def rnn_cell_forward_2(x, y, z): return x", "UNQ_C1", kind="raw"),
    ],
)
def test_texts_that_were_no_answer(changed):
    """Prose, half-written code, and cells that were never graded stay what they are."""
    result = _find_with_texts([Cell(0, SOLVED_2)], [changed])
    assert [cell.index for cell in result.cells] == [0]
    assert result.found.keys() == {"UNQ_C2"}


def test_a_changed_cell_beside_code():
    """Where the function stands in a code cell, too, both may count; one that was not written does not."""
    changed = Cell(1, SOLVED_1, "UNQ_C1", kind="raw")
    below = _find_with_texts([Cell(2, _function(CELL))], [changed])
    above = _find_with_texts([Cell(0, _function(CELL))], [changed])
    assert (below.found["UNQ_C1"].index, below.later["UNQ_C1"].index) == (1, 2)
    assert (above.found["UNQ_C1"].index, above.later["UNQ_C1"].index) == (0, 1)
    assert [cell.index for cell in above.cells] == [0, 1]
    untouched = dataclasses.replace(changed, source=UNTOUCHED_1)
    alone = _find_with_texts([Cell(2, _function(CELL))], [untouched])
    assert (alone.found["UNQ_C1"].index, dict(alone.later), [c.index for c in alone.cells]) == (2, {}, [2])
    over = _find_with_texts([Cell(0, UNTOUCHED_1)], [changed])
    assert (over.found["UNQ_C1"].index, dict(over.later)) == (1, {})
    assert _find_with_texts([], [untouched]).found["UNQ_C1"].index == 1


# ------------------------------------------------------------------------------------------------- two candidates


def _later(*cells):
    return {exercise: cell.index for exercise, cell in _find(*cells).later.items()}


@pytest.mark.parametrize(
    "again",
    [
        _function(CELL),
        "rnn_cell_forward = lambda x, y, z: x",
        "rnn_cell_forward = other",
        "for rnn_cell_forward in [other]: pass",
        "from elsewhere import rnn_cell_forward",
        "exec('def rnn_cell_forward(x, y, z): return x')",
        "globals()['rnn_cell_forward'] = other",
        "    # again\n    def rnn_cell_forward(x, y, z):\n        return x",
    ],
)
def test_the_last_other_definition(again):
    """Beside the marked cell, the last one that may leave another function under the name is known."""
    assert _found(SOLVED_1, again) == {"UNQ_C1": 0}
    assert _later(SOLVED_1, again) == {"UNQ_C1": 1}
    assert _later(SOLVED_1, _function(CELL), "x = 1", again, SOLVED_2) == {"UNQ_C1": 3}
    assert _later(again, SOLVED_1) == {"UNQ_C1": 0}
    assert [cell.index for cell in _find(SOLVED_1, (again, "test_UNQ_C1")).cells] == [0, 1]


@pytest.mark.parametrize(
    "again",
    [
        UNTOUCHED_1,
        _function(CELL, signature="x"),
        _function(CELL, "return (x"),
        "rnn_cell_forward(1, 2, 3)",
        "async def rnn_cell_forward(x, y, z): return x",
        "exec('print(1)')",
        SOLVED_2,
    ],
)
def test_what_is_no_second_candidate(again):
    """An untouched copy, one that cannot be called as asked, one that does not parse, and uses are none."""
    assert _later(_function(CELL, marker="UNQ_C1", signature="x, y, z, w=0"), again) == {}


def test_notes_on_which_definition_counted():
    """The note says which of two cells counted; by itself it speaks of the marked one."""
    result = _find("x = 1", SOLVED_1, SOLVED_2, _function(CELL))
    said = "`rnn_cell_forward` is defined in cells 2 and 4 of the notebook, counted from the top; cell "
    assert result.notes == (said + "2 was graded.",)
    assert result.notes_where([]) == result.notes_where([LOOP]) == result.notes
    assert result.note_for(CELL, later=True) == said + "4 counted, which is the better one."
    assert result.notes_where([CELL]) == (result.note_for(CELL, later=True),)
    assert result.note_for(LOOP) == result.note_for(LOOP, later=True) == ""


def test_what_may_define_nothing_is_told_only_where_it_counted():
    """An import that may fail is not said to define the function unless that function was the better one."""
    result = _find(SOLVED_1, "from nowhere import rnn_cell_forward")
    assert result.notes == ()
    assert result.notes_where([CELL]) == (result.note_for(CELL, later=True),) != ("",)


# ---------------------------------------------------------------------------------------------------- magics


@pytest.mark.parametrize(
    ("magic", "what"),
    [
        ("%%timeit", "runs it and keeps nothing of it"),
        ("%%timeit -n 1", "runs it and keeps nothing of it"),
        ("%%writefile cell.py", "writes it to a file and does not run it"),
        ("%%bash", "does not run it as Python"),
        ("%%html", "does not run it as Python"),
        ("%%python3", "runs it apart from the notebook"),
        ("%%time\n%%timeit", "runs it and keeps nothing of it"),
        ("%%cython\ncdef int n", "is not there while grading"),
    ],
)
def test_the_magic_that_keeps_nothing_is_named(magic, what):
    """A function under a magic that binds no names is missing, and the student is told which line to remove."""
    result = _find(f"{magic}\n{SOLVED_1}", SOLVED_2)
    assert result.found.keys() == {"UNQ_C2"}
    name = next(word for word in ("%%cython", magic.split("\n")[-1].split()[0]) if word in magic)
    said = f"The cell of `rnn_cell_forward` begins with `{name}`, which {what}: remove that line."
    assert result.hints == {"UNQ_C1": said}


def test_no_magic_is_named_where_the_function_is_elsewhere():
    """A timed copy of a function that another cell defines is no trouble; nor is a cell that only calls it."""
    assert _find(SOLVED_1, f"%%timeit\n{_function(CELL)}").hints == {}
    assert _find("%%timeit\nrnn_cell_forward(1, 2, 3)", "%%bash\ngrep rnn_cell_forward").hints == {}


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
        "    >>> rnn_cell_forward(\n" * 20_000,
        "  rnn_cell_forward = " + "(" * 60_000,
        "%%a\n%%b\nrnn_cell_forward = " + "(" * 60_000,
        "exec('rnn_cell_forward')" + "\nf(y := 1)" * 6_000,
        "%%writefile " + "/" * 60_000 + "rnn_cell_forward",
    ],
    ids=lambda text: text[:8] + "..." + text[-16:],
)
def test_time_is_bounded(text):
    """A cell of the longest kind that is read at all is dealt with in a moment."""
    _find(text, SOLVED_1)


def test_many_cells_are_found_in_a_moment():
    """Thousands of cells that name the function are parsed once each."""
    assert len(_find(*[f"rnn_cell_forward({n})" for n in range(notebook.CELLS_CAP)]).cells) == notebook.CELLS_CAP


@pytest.mark.timeout(60)
def test_many_modules_are_found_in_a_moment():
    """Thousands of cells that write modules, or run them, or execute strings, are gone through once."""
    written = [f"%%writefile a{n}.py\nrnn_cell_forward = 1" for n in range(2_000)]
    assert _found(*written, *[f"%run a{n}.py" for n in range(2_000)]).keys() == {"UNQ_C1"}
    assert _find(*["exec('rnn_cell_forward')" + " # a" * 100] * 2_000).found.keys() == {"UNQ_C1"}
