"""Finds a submission's answers: which cell answers which exercise, and which cells are run at all.

By marker, by nbgrader's ``grade_id``, and at last by the function's name: Colab and VS Code lose metadata, students
duplicate, split and move cells, other courses number their cells otherwise.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.model import Assignment, Exercise
from autograder.notebook import Cell, Notebook, parse_code
from autograder.sandbox.session import CellToRun
from autograder.source import MARKER, SourceNotebook


@dataclass(frozen=True)
class Answers:
    """What is run of a submission.

    Attributes
    ----------
    cells : tuple of CellToRun
        In the order of the notebook.
    found : dict of str to Cell
        By exercise id: the cell that answers it. An exercise that is not here is missing.
    notes : tuple of str
        What the student should know about it.
    """

    cells: tuple[CellToRun, ...]
    found: dict[str, Cell]
    notes: tuple[str, ...]


def find(notebook: Notebook, assignment: Assignment, source: SourceNotebook) -> Answers:
    """Return the answers in a submission.

    Parameters
    ----------
    notebook : Notebook
        The submission.
    source : SourceNotebook
        Of the same assignment: its locked cells are not run, the import cell has been run already.
    """
    notes = list(notebook.notes)
    found: dict[str, Cell] = {}
    for exercise in assignment.exercises:
        candidates = _candidates(notebook.cells, exercise)
        if not candidates:
            continue
        cell = _best(candidates, exercise)
        found[exercise.id] = cell
        if len(candidates) > 1:
            places = ", ".join(str(c.index + 1) for c in candidates)
            notes.append(f"`{exercise.function}` is defined in cells {places}; cell {cell.index + 1} was graded.")
    if not any(MARKER.search(cell.source) or cell.grade_id for cell in notebook.cells) and found:
        notes.append("The notebook has lost its markers and metadata; the functions were found by their names.")
    binds: dict[int, tuple[str, ...]] = {}
    for exercise in assignment.exercises:
        if exercise.id in found:
            index = found[exercise.id].index
            binds[index] = (*binds.get(index, ()), exercise.function)
    given = {cell.text for cell in source.given}
    tests = {f"test_{exercise.id}" for exercise in assignment.exercises}
    cells = tuple(
        CellToRun(cell.index, cell.source, binds.get(cell.index, ()))
        for cell in notebook.cells
        if cell.index in binds or (cell.text and cell.text not in given and cell.grade_id not in tests)
    )
    return Answers(cells, found, tuple(notes))


def _candidates(cells: Sequence[Cell], exercise: Exercise) -> list[Cell]:
    """Return the cells that may answer an exercise, by the best evidence there is."""
    defining = [cell for cell in cells if _defines(cell, exercise)]
    marked = [cell for cell in defining if exercise.id in MARKER.findall(cell.source)]
    named = [cell for cell in defining if cell.grade_id == exercise.id]
    fitting = [cell for cell in defining if _fits(cell, exercise)]
    return marked or named or fitting or defining


def _best(candidates: Sequence[Cell], exercise: Exercise) -> Cell:
    """Return the last candidate that has been worked on, or the last one: an untouched copy answers nothing."""
    worked_on = [cell for cell in candidates if not _has_placeholder(cell, exercise)]
    return (worked_on or candidates)[-1]


def _defines(cell: Cell, exercise: Exercise) -> bool:
    tree = parse_code(cell.source)
    if tree is None:  # half-written, or not Python: what would a reader say?
        return re.search(rf"^(async\s+)?def\s+{exercise.function}\s*\(", cell.source, re.MULTILINE) is not None
    return any(exercise.function in _bound_by(node) for node in tree.body)


def _bound_by(node: ast.AST) -> set[str]:
    """Return the names that a statement binds by definition or assignment."""
    match node:
        case ast.FunctionDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case _:
            return set()


def _fits(cell: Cell, exercise: Exercise) -> bool:
    """Return whether the cell's function can be called with the exercise's arguments, by position."""
    tree = parse_code(cell.source)
    if tree is None:
        return True  # not known; then it is not held against it
    definitions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == exercise.function]
    if not definitions:
        return True
    signature, count = definitions[-1].args, len(exercise.arguments)
    positional = len(signature.posonlyargs) + len(signature.args)
    required = positional - len(signature.defaults)
    keywords_required = any(default is None for default in signature.kw_defaults)
    return required <= count and (count <= positional or signature.vararg is not None) and not keywords_required


def _has_placeholder(cell: Cell, exercise: Exercise) -> bool:
    """Return whether the exercise's function still has a ``None`` of the release where an answer belongs."""
    tree = parse_code(cell.source)
    if tree is None:
        return False
    function = next((n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == exercise.function), None)
    if function is None:
        return False
    for node in ast.walk(function):
        match node:
            case ast.Assign(value=ast.Constant(value=None)) | ast.Call(args=[ast.Constant(value=None)]):
                return True
            case ast.Assign(value=ast.Tuple(elts=[ast.Constant(value=None), *_])):
                return True
            case _:
                continue
    return False
