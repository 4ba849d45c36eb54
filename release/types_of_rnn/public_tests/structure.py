"""Looks at a notebook without running it: the cells that count should be there, once each, markers intact."""

import ast
import re
import warnings
from dataclasses import dataclass

from public_tests.catalogue import EXERCISES, by_function
from public_tests.contract import Exercise
from public_tests.notebook_file import CodeCell, NotebookFile

START, END = "### START CODE HERE ###", "### END CODE HERE ###"

_MARKER = re.compile(r"^\s*#\s*(UNQ_C\d+)\b", re.MULTILINE)
_TEST_ID = re.compile(r"test_(UNQ_C\d+)\Z")
_TEST_CALL = re.compile(r"^[^#\n]*?\b(\w+)_test\s*\(", re.MULTILINE)
_MAGIC_LINE = re.compile(r"^(\s*)[%!?].*$", re.MULTILINE)


@dataclass(frozen=True)
class Place:
    """Where an exercise stands in a notebook; None for what is not there."""

    exercise: Exercise
    answer: CodeCell | None
    test: CodeCell | None


@dataclass(frozen=True)
class Structure:
    """What was found.

    Attributes
    ----------
    places : tuple of Place
        The exercises of the notebook's assignment, in order; empty if it is no notebook of this course.
    problems : tuple of str
        What should be mended before submitting.
    notes : tuple of str
        What is worth knowing and does no harm.
    """

    places: tuple[Place, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def examine(notebook: NotebookFile) -> Structure:
    """Return what a notebook's structure is, and what is wrong with it."""
    exercises = _exercises(notebook)
    if not exercises:
        names = ", ".join(by_function())
        return Structure((), (f"No cell of this notebook defines or tests a function of this course: {names}.",), ())
    problems: list[str] = []
    notes: list[str] = []
    places = tuple(_place(exercise, notebook, problems, notes) for exercise in exercises)
    for cell in notebook.cells:
        wrong = syntax_error(cell)
        if wrong:
            problems.append(wrong)
    return Structure(places, tuple(problems), tuple(notes))


def _exercises(notebook: NotebookFile) -> tuple[Exercise, ...]:
    """Return the exercises of the assignment that the notebook belongs to.

    Its own test cells say which; where their metadata was lost, calls of test functions do, and at last definitions.
    """
    known = by_function()
    by_id = {f for cell in notebook.cells if _TEST_ID.match(cell.grade_id) for f in _TEST_CALL.findall(cell.source)}
    by_call = {function for cell in notebook.cells for function in _TEST_CALL.findall(cell.source)}
    by_definition = {function for function in known if any(_defines(cell, function) for cell in notebook.cells)}
    for functions in (by_id, by_call, by_definition):
        assignments = {known[function].assignment for function in functions & set(known)}
        if assignments:
            return tuple(exercise for exercise in EXERCISES if exercise.assignment in assignments)
    return ()


def _place(exercise: Exercise, notebook: NotebookFile, problems: list[str], notes: list[str]) -> Place:
    name = exercise.function
    tests = _test_cells(exercise, notebook, problems, notes)
    others = [cell for cell in notebook.cells if cell not in tests]
    marked = [cell for cell in others if exercise.id in _MARKER.findall(cell.source)]
    defining = [cell for cell in others if _defines(cell, name)]
    both = [cell for cell in marked if cell in defining]
    answer = next(iter(both or defining[-1:] or marked), None)
    if len(marked) > 1:
        numbers = " and ".join(str(cell.number) for cell in marked)
        problems.append(f"Cells {numbers} all bear the marker {exercise.id}. Keep the one with your answer.")
    if answer is None:
        problems.append(
            f"The cell {exercise.id}, which should define {name}, is missing. "
            "Copy it back from the notebook you were given."
        )
        return Place(exercise, None, tests[0] if tests else None)
    if not marked:
        problems.append(
            f"Cell {answer.number} defines {name} but has lost its first line. It should be: "
            f"# {exercise.id} (unique cell identifier, do not edit)"
        )
    elif answer not in defining and syntax_error(answer) == "":
        problems.append(f"Cell {answer.number} bears the marker {exercise.id} but does not define {name}.")
    elif answer not in marked:
        problems.append(
            f"{name} is defined in cell {answer.number}, but the marker {exercise.id} stands in cell "
            f"{marked[0].number}. Write your answer in the marked cell."
        )
    starts, ends = answer.source.count(START), answer.source.count(END)
    if (starts, ends) != (1, 1) or answer.source.index(START) > answer.source.index(END):
        problems.append(
            f"Cell {answer.number} ({name}) should have the line {START} once and, after it, the line {END} once; "
            f"it has {starts} and {ends}. Put them back around your code."
        )
    elsewhere = [str(cell.number) for cell in defining if cell is not answer]
    if elsewhere and len(marked) == 1:
        notes.append(f"{name} is also defined in cell {', '.join(elsewhere)}; what is graded is cell {answer.number}.")
    return Place(exercise, answer, tests[0] if tests else None)


def _test_cells(exercise: Exercise, notebook: NotebookFile, problems: list[str], notes: list[str]) -> list[CodeCell]:
    """Return the cells that test an exercise: those of the right grade_id, else those that call its test."""
    wanted = f"test_{exercise.id}"
    tests = [cell for cell in notebook.cells if cell.grade_id == wanted]
    calling = [cell for cell in notebook.cells if exercise.function in _TEST_CALL.findall(cell.source)]
    if len(tests) > 1:
        numbers = " and ".join(str(cell.number) for cell in tests)
        problems.append(f"Cells {numbers} all are the test cell {wanted}. Delete the copy.")
    elif not tests and calling:
        notes.append(
            f"The test cell of {exercise.function} has lost its nbgrader metadata (some editors drop it). "
            "Your answer will still be found by its function's name."
        )
    elif not tests:
        problems.append(
            f"The test cell of {exercise.function} ({wanted}) is missing. "
            "Copy it back from the notebook you were given."
        )
    elif tests[0] not in calling:
        notes.append(f"Cell {tests[0].number}, the test cell of {exercise.function}, no longer calls the public test.")
    return tests or calling


def _defines(cell: CodeCell, function: str) -> bool:
    return re.search(rf"^def\s+{function}\s*\(", cell.source, re.MULTILINE) is not None


def syntax_error(cell: CodeCell) -> str:
    """Return what is wrong with a cell's syntax, and where; empty if Python can read it."""
    text = _plain_python(cell.source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a string is no error
            compile(text, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
    except SyntaxError as error:
        line = error.lineno or 1
        quoted = cell.line(line)
        return f"Cell {cell.number}, line {line}, is not valid Python: {error.msg}" + (f": {quoted}" if quoted else ".")
    except ValueError:  # a NUL among the characters
        return f"Cell {cell.number} holds a character that Python cannot read. Type the line anew."
    return ""


def _plain_python(source: str) -> str:
    """Return a cell as Python sees it: what only notebooks know, such as ``%time``, is translated or left out."""
    try:
        from IPython.core.inputtransformer2 import TransformerManager  # noqa: PLC0415  it may not be installed
    except ImportError:
        return "" if source.lstrip().startswith("%%") else _MAGIC_LINE.sub(r"\1pass", source)
    try:
        return TransformerManager().transform_cell(source)
    except SyntaxError:
        return source
