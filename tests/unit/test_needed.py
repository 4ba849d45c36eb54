"""Which cells are needed by graded functions: by the names that statements bind and functions read."""

import pytest

from autograder import needed
from autograder.sandbox.session import CellToRun

GRADED = CellToRun(9, "def graded(x):\n    local = x\n    return helper(local)", ("graded",))


@pytest.mark.parametrize(
    ("source", "is_needed"),
    [
        ("def helper(y):\n    return y", True),
        ("helper = lambda y: y", True),
        ("from somewhere import helper", True),
        ("import somewhere as helper", True),
        ("for helper in range(3):\n    pass", True),
        ("def set_up():\n    global helper\n    helper = 1\nset_up()", True),
        ("from somewhere import *", True),
        ("%matplotlib inline\nhelper = 1", True),
        ("if True:\n    class helper: pass", True),
        ("local = 1", False),  # of the same name as a local variable of the function's
        ("x = 1", False),
        ("def other():\n    helper = 1", False),
        ("print(helper(graded(1)))", False),  # a demonstration
        ("while True: pass", False),
        ("helper = x" + " + x" * 1_500, True),  # deeper than `ast.unparse` goes
        ("helper = " + "lambda: " * 1_000 + "1", True),
        ("a = x" + " + x" * 1_500, False),
        ("helper = '\\d'", True),  # an odd escape is no warning of ours
        ("this is no Python", False),
        ("helper = (" * 500, False),
        ("", False),
    ],
)
def test_a_cell_is_needed_by_what_it_binds(source: str, is_needed: bool) -> None:  # noqa: FBT001
    """Assignments and definitions of what the function reads are needed, in whatever form; uses are not."""
    found = needed.cells([CellToRun(0, source), GRADED])
    assert found == ({0, 9} if is_needed else {9})


def test_what_is_needed_needs_more() -> None:
    """Through helpers of helpers, in any order, until nothing is added."""
    cells = [
        CellToRun(0, "scale = factor * 2"),
        CellToRun(1, "import numpy"),
        CellToRun(2, "factor = numpy.pi"),
        CellToRun(3, "def helper(y):\n    def inner(z):\n        return z * scale\n    return inner(y)"),
        CellToRun(4, "losses = [graded(n) for n in range(10)]"),
        CellToRun(5, "print(losses, scale)"),
        GRADED,
    ]
    assert needed.cells(cells) == {0, 1, 2, 3, 9}


def test_every_definition_of_a_graded_function_is_needed() -> None:
    """A cell that defines the function again may be the better answer."""
    again = CellToRun(20, "def graded(x):\n    return last(x)")
    assert needed.cells([GRADED, again, CellToRun(21, "def last(x): return x"), CellToRun(22, "y = 1")]) == {9, 20, 21}


@pytest.mark.parametrize(
    "taken",
    ["from own import helper", "import own\nhelper = own.helper", "import lib.own as helper", "%run -i own.py"],
)
def test_a_module_that_is_written_is_needed_where_it_is_imported(taken: str) -> None:
    """The cell that writes it to a file comes with the one that imports it; one that nobody imports does not."""
    written = CellToRun(0, "%%writefile lib/own.py\ndef helper(y):\n    return y")
    graded = CellToRun(2, taken + "\ndef graded(x):\n    return helper(x)", ("graded",))
    assert needed.cells([written, CellToRun(1, "%%file other.py\nhelper = 1"), graded]) == {0, 2}


def test_very_long_notebooks_are_not_read_to_their_end() -> None:
    """Graded cells come first: what nobody reads binds nothing."""
    long = [CellToRun(100 + n, "#" * 65_000) for n in range(5)]
    found = needed.cells([*long, CellToRun(0, "def helper(y):\n    return y"), GRADED])
    assert found == {9}


def test_names_of_what_is_too_deep_for_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are taken: more cells than needed are run, never fewer."""

    def fail(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(needed.symtable, "symtable", fail)
    sources = ["import a.b as helper", "def local(): pass", "q = 1", "for y, (z, *helper) in []: pass"]
    cells = [CellToRun(place, source) for place, source in enumerate(sources)]
    assert needed.cells([*cells, GRADED]) == {0, 1, 3, 9}
