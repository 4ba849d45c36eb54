"""Demonstrations that build on a student's functions: they wait for them, and say so in a sentence."""

import ast
import json
import symtable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from student_cells import CELL_CODE, LOOP_CODE, edited, notebook

from public_tests import PublicTestFailure, builds_on

ROOT = Path(__file__).resolve().parents[2]
LATER = {"demo-recall": {"lstm_backward"}}  # a function is defined that calls it, and not yet called so
NAMES = sorted(path.name for path in (ROOT / "source").iterdir())
UNSOLVED = ("    a_next = np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, xt) + ba)\n", "    a_next = None\n")
WRONG = ("np.dot(Waa, a_prev) + ", "")
FORGOT_A_STEP = ("a_next = a0", "a_next = 0 * a0")


def sentence(*functions: Any) -> str:
    """Return what a demonstration says that builds on these functions; empty if it goes on."""
    try:
        builds_on(*functions)
    except PublicTestFailure as failure:
        return str(failure)
    return ""


def test_it_goes_on_with_functions_that_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    """Solved functions, and whatever is no exercise, stand in no demonstration's way; nothing is printed."""
    mine = notebook(CELL_CODE, LOOP_CODE)
    assert sentence(mine["rnn_forward"], mine["rnn_cell_forward"], len, None, 3) == ""
    assert capsys.readouterr().out == ""


def test_it_says_what_comes_first() -> None:
    """What is unfinished is to be solved, what is wrong is to be mended: one sentence, the earlier function first."""
    unsolved = notebook(edited(CELL_CODE, UNSOLVED), LOOP_CODE)
    expected = (
        "This demonstration builds on rnn_cell_forward, which is not finished yet: solve exercise 1 first, "
        "then run this cell again."
    )
    assert sentence(unsolved["rnn_cell_forward"]) == expected
    assert sentence(unsolved["rnn_forward"]) == expected, "the loop is right, and calls what is not"
    wrong = notebook(CELL_CODE, edited(LOOP_CODE, FORGOT_A_STEP))
    assert sentence(wrong["rnn_cell_forward"], wrong["rnn_forward"]) == (
        "This demonstration builds on rnn_forward, which does not pass its public test yet: mend it first, "
        "then run this cell again."
    )


def test_a_none_that_is_an_answer_is_no_placeholder() -> None:
    """A function that is right is right, also with a None between its markers."""
    regions = ("    a_next = np.tanh(", "    ### START CODE HERE ###\n    spare = None\n    a_next = np.tanh(")
    mine = notebook(edited(CELL_CODE, regions, ("    cache = (a", "    ### END CODE HERE ###\n    cache = (a")))
    assert sentence(mine["rnn_cell_forward"]) == ""


def test_what_the_function_prints_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    """A student's own prints belong to the test cell, where they were printed already."""
    mine = notebook(edited(CELL_CODE, WRONG, ("    cache = (a", "    print('here')\n    cache = (a")))
    assert "mend it first" in sentence(mine["rnn_cell_forward"])
    assert capsys.readouterr().out == ""


def test_a_notebook_shows_the_sentence_and_no_frames(capsys: pytest.CaptureFixture[str]) -> None:
    """In Jupyter the sentence stands alone, without a traceback."""
    shell = InteractiveShell.instance()
    try:
        mine = notebook(edited(CELL_CODE, UNSOLVED))
        shell.push({"builds_on": builds_on, "rnn_cell_forward": mine["rnn_cell_forward"]})
        shell.run_cell("builds_on(rnn_cell_forward)\nprint('not reached')")
    finally:
        InteractiveShell.clear_instance()
    shown = capsys.readouterr()
    assert (shown.out + shown.err).strip() == sentence(mine["rnn_cell_forward"])


# ------------------------------------------------------------------------------------------- the notebooks' own cells


def code_cells(folder: str, name: str) -> dict[str, str]:
    """Return the sources of a notebook's code cells by id."""
    document = json.loads((ROOT / folder / name / f"{name}.ipynb").read_text(encoding="utf-8"))
    return {cell["id"]: "".join(cell["source"]) for cell in document["cells"] if cell["cell_type"] == "code"}


def tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """Yield a table of names and all within it."""
    yield table
    for inner in table.get_children():
        yield from tables(inner)


def names(source: str) -> tuple[set[str], set[str]]:
    """Return the notebook's names that a cell binds, and those that it reads."""
    top = symtable.symtable(source, "cell", "exec")
    binds = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned()}
    reads = {
        symbol.get_name()
        for table in tables(top)
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (table is top or symbol.is_global())
    }
    return binds, reads


def said(source: str) -> set[str]:
    """Return the functions that a cell's first statement says it builds on."""
    match ast.parse(source).body[:1]:
        case [ast.Expr(ast.Call(ast.Name("builds_on"), args))]:
            return {name.id for name in args if isinstance(name, ast.Name)}
        case _:
            return set()


@pytest.mark.parametrize("name", NAMES)
def test_each_demonstration_says_what_it_builds_on(name: str) -> None:
    """It names every exercise without which it could not run: those that it calls, and those behind what it uses."""
    behind: dict[str, set[str]] = {}  # the exercises without which a name of the notebook is not there
    helpers = {"rnn_forward": {"rnn_cell_forward"}, "lstm_forward": {"lstm_cell_forward"}}
    helpers |= {"rnn_backward": {"rnn_cell_backward"}, "lstm_backward": {"lstm_cell_backward"}}
    guarded = 0
    for cell, source in code_cells("source", name).items():
        binds, reads = names(source)
        if cell.startswith("UNQ_"):
            (function,) = binds
            behind[function] = {function}
            continue
        needed = {exercise for used in reads - binds for exercise in behind.get(used, ())} - LATER.get(cell, set())
        if cell.startswith("demo-"):
            named = said(source)
            covered = named | {helper for function in named for helper in helpers.get(function, ())}
            assert needed <= covered, f"{cell} needs {needed - covered} and does not say so"
            assert named <= needed, f"{cell} says that it builds on {named - needed}, and does not"
            guarded += bool(named)
            needed |= named
        behind |= dict.fromkeys(binds, needed)
    assert guarded >= 5


@pytest.mark.parametrize("name", NAMES)
def test_an_unsolved_release_reads_kindly_to_its_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs every cell of an untouched release reads sentences about what comes first, and no traceback."""
    monkeypatch.syspath_prepend(str(ROOT))
    cells = code_cells("release", name)
    mine = notebook(cells["imports"], *(source for cell, source in cells.items() if cell.startswith("UNQ_")))
    waiting = [cell for cell, source in cells.items() if cell.startswith("test_") or said(source)]
    for cell in waiting:
        with pytest.raises(Exception, match="is not finished yet") as failure:
            exec(compile(cells[cell], cell, "exec"), mine)  # noqa: S102  our own notebook
        # by its name: a neighbour that has loaded the modules anew has made another class of it
        assert type(failure.value).__name__ == PublicTestFailure.__name__
        if cell.startswith("demo-"):
            assert str(failure.value).startswith("This demonstration builds on ")
            assert str(failure.value).count("\n") == 0
