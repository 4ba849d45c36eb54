"""Finds a submission's answers: which cell answers which exercise, and which cells are run at all.

By marker, by nbgrader's ``grade_id``, and at last by the function's name: Colab and VS Code lose metadata, students
duplicate, split and move cells, other courses number their cells otherwise.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from autograder import newer_syntax
from autograder.model import Assignment, Exercise
from autograder.newer_syntax import Newer
from autograder.notebook import Cell, Notebook, parse_code, python_texts
from autograder.sandbox.session import CellToRun
from autograder.source import MARKER, SourceNotebook
from autograder.syntax_trees import names_in

_MARK = "UNQ_C"
_PLACES = 6  # cells that a note lists by their numbers
_PARSED_CAP = 1 << 18  # characters that are parsed, in all cells together: a few seconds at the very worst


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
    written_for : (int, int) or None
        The version of Python that the notebook says it was run with.
    """

    cells: tuple[CellToRun, ...]
    found: dict[str, Cell]
    notes: tuple[str, ...]
    written_for: tuple[int, int] | None = None


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
    own = [cell for cell in notebook.cells if not _given(cell, notebook, source)]
    read = _read(own, assignment, notebook.written_for)
    for exercise in assignment.exercises:
        candidates = _candidates(read, exercise)
        if not candidates:
            continue
        cell = _best(candidates, exercise).cell
        found[exercise.id] = cell
        if len(candidates) > 1:
            notes.append(
                f"`{exercise.function}` is defined in {_places(candidates)} of the notebook, "
                f"counted from the top; cell {cell.index + 1} was graded."
            )
    if found and not any(_MARK in entry.cell.source or entry.cell.grade_id for entry in read):
        notes.append("The notebook has lost its markers and metadata; the functions were found by their names.")
    binds: dict[int, tuple[str, ...]] = {}
    for exercise in assignment.exercises:
        if exercise.id in found:
            index = found[exercise.id].index
            binds[index] = (*binds.get(index, ()), exercise.function)
    tests = {f"test_{exercise.id}" for exercise in assignment.exercises}
    cells = tuple(
        CellToRun(cell.index, cell.source, binds.get(cell.index, ()))
        for cell in own
        if cell.index in binds or cell.grade_id not in tests
    )
    return Answers(cells, found, tuple(notes), notebook.written_for)


def lost(notebook: Notebook, assignment: Assignment, source: SourceNotebook, found: Answers) -> tuple[str, ...]:
    """Return what is to be said of given parts that are gone from a notebook; it is graded without them all the same.

    Parameters
    ----------
    notebook : Notebook
        The submission, in which `found` was found.
    """
    ids = {cell.grade_id for cell in notebook.cells}
    texts = {cell.text for cell in notebook.cells}
    given = {cell.grade_id: cell.text for cell in source.given}
    notes = []
    tests = [e for e in assignment.exercises if f"test_{e.id}" not in ids and given.get(f"test_{e.id}") not in texts]
    if tests and not notebook.script:
        notes.append(f"The notebook has lost the test cells of {_functions(tests)}; the grade needs none of them.")
    answered = [exercise for exercise in assignment.exercises if exercise.id in found.found]
    unmarked = [exercise for exercise in answered if exercise.id not in _markers(found.found[exercise.id].source)]
    if unmarked and any(_MARK in cell.source or cell.grade_id for cell in found.found.values()):  # else it is said
        notes.append(f"The marker in the cell of {_functions(unmarked)} is gone; the cell was found without it.")
    return tuple(notes)


def _given(cell: Cell, notebook: Notebook, source: SourceNotebook) -> bool:
    """Return whether a cell is one of the source's locked ones, or the piece of one in a script; or is empty."""
    text = cell.text
    if not notebook.script:
        return not text or text in source.given_texts
    lines = text.split("\n")
    code = next((number for number, line in enumerate(lines) if line and not line.startswith("#")), len(lines))
    bare = "\n".join(lines[code:])  # exports put comments of their own above it
    return any(bare in given for given in source.given_texts)


def _functions(exercises: Sequence[Exercise]) -> str:
    return ", ".join(f"`{exercise.function}`" for exercise in exercises)


@dataclass(frozen=True)
class _Read:
    """A cell and what can be seen in it, parsed once.

    Attributes
    ----------
    markers : frozenset of str
        The exercises whose markers it bears.
    tree : ast.Module or None
        None where it names none of the functions, does not parse, or comes after more than is parsed.
    """

    cell: Cell
    markers: frozenset[str]
    tree: ast.Module | None


def newer(source: str, written_for: tuple[int, int] | None) -> Newer | None:
    """Return what a cell is in a newer Python than ours; None where it is none, or ours can read it."""
    return None if parse_code(source) is not None else newer_syntax.newer(python_texts(source), written_for)


def _read(cells: Sequence[Cell], assignment: Assignment, written_for: tuple[int, int] | None) -> list[_Read]:
    room = _PARSED_CAP
    read = []
    for cell in cells:
        names = any(exercise.function in cell.source for exercise in assignment.exercises)
        room -= len(cell.source) if names else 0
        tree = parse_code(cell.source) if names and room >= 0 else None
        if tree is None and names and room >= 0:
            later = newer(cell.source, written_for)
            tree = later.tree if later is not None and later.tree.body else None
        read.append(_Read(cell, _markers(cell.source), tree))
    return read


def _markers(source: str) -> frozenset[str]:
    """Return the markers in a cell; line by line, since over many blank lines the pattern takes quadratic time."""
    if _MARK not in source:
        return frozenset()
    matches = (MARKER.match(line) for line in source.split("\n") if _MARK in line)
    return frozenset(match[1] for match in matches if match)


def _candidates(read: Sequence[_Read], exercise: Exercise) -> list[_Read]:
    """Return the cells that may answer an exercise, by the best evidence there is.

    Where the cell that is marked was left as it came, and the function written in another one, that other one is what
    the student means, and what their notebook runs.
    """
    defining = [entry for entry in read if _defines(entry, exercise)]
    if len(defining) <= 1:
        return defining  # as in most notebooks: there is nothing to weigh up
    marked = [entry for entry in defining if exercise.id in entry.markers]
    named = [entry for entry in defining if entry.cell.grade_id == exercise.id]
    fitting = [entry for entry in defining if _fits(entry, exercise)]
    groups = [group for group in (marked, named, fitting, defining) if group]
    worked_on = (group for group in groups if any(_state(entry, exercise) is _State.WRITTEN for entry in group))
    return next(worked_on, groups[0] if groups else [])


class _State(IntEnum):
    """How far an answer has got."""

    UNTOUCHED = 0  # or not complete: a placeholder of the release is left
    UNREADABLE = 1  # does not parse: in the notebook, an earlier definition stays in force
    WRITTEN = 2


def _best(candidates: Sequence[_Read], exercise: Exercise) -> _Read:
    """Return the last candidate of those that have got furthest: an untouched copy answers nothing."""
    if len(candidates) == 1:
        return candidates[0]
    furthest = max(_state(entry, exercise) for entry in candidates)
    return [entry for entry in candidates if _state(entry, exercise) is furthest][-1]


def _places(entries: Sequence[_Read]) -> str:
    numbers = [str(entry.cell.index + 1) for entry in entries]
    if len(numbers) > _PLACES:
        return f"{len(numbers)} cells"
    return f"cells {', '.join(numbers[:-1])} and {numbers[-1]}"


def _state(entry: _Read, exercise: Exercise) -> _State:
    if entry.tree is None:
        return _State.UNREADABLE
    definitions = [node for node in _statements(entry.tree) if exercise.function in _bound_by(node)]
    last = definitions[-1] if definitions else None
    if isinstance(last, ast.FunctionDef) and _has_placeholder(last):
        return _State.UNTOUCHED
    return _State.WRITTEN


def _defines(entry: _Read, exercise: Exercise) -> bool:
    if exercise.function not in entry.cell.source:
        return False
    if entry.tree is None:  # half-written, or not Python: what would a reader say?
        return re.search(rf"^def[ \t]+{exercise.function}[ \t]*\(", entry.cell.source, re.MULTILINE) is not None
    bound = [node for node in _statements(entry.tree) if exercise.function in _bound_by(node)]
    return bool(bound) and not isinstance(bound[-1], ast.AsyncFunctionDef | ast.ClassDef)


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield a cell's statements in order, with those inside its conditions, loops, ``try`` and ``with``.

    What stands in a function or class binds no name of the notebook.
    """
    waiting = list(reversed(tree.body))
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt | ast.ExceptHandler)]
        for child in reversed(inner):
            waiting += reversed(child.body) if isinstance(child, ast.ExceptHandler) else [child]


def _bound_by(node: ast.AST) -> set[str]:
    """Return the names that a statement binds by definition or assignment."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {name.id for target in targets for name in names_in(target)}
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            return {name}
        case _:
            return set()


def _fits(entry: _Read, exercise: Exercise) -> bool:
    """Return whether the cell's function can be called with the exercise's arguments, by position."""
    if entry.tree is None:
        return True  # not known; then it is not held against it
    bound = [node for node in _statements(entry.tree) if exercise.function in _bound_by(node)]
    match bound[-1:]:
        case [ast.FunctionDef(args=signature, decorator_list=[])] | [ast.Assign(value=ast.Lambda(args=signature))]:
            pass
        case _:
            return True
    count = len(exercise.arguments)
    positional = len(signature.posonlyargs) + len(signature.args)
    required = positional - len(signature.defaults)
    keywords_required = any(default is None for default in signature.kw_defaults)
    return required <= count and (count <= positional or signature.vararg is not None) and not keywords_required


def _has_placeholder(function: ast.FunctionDef) -> bool:
    """Return whether a function still has a ``None`` of the release where an answer belongs.

    That is: a name that is given nothing but None, an entry set to None, a None alone on its line, a loop over
    ``range(None)``. A variable that begins as None and gets a value later is an honest programmer's.
    """
    empty: set[str] = set()
    filled: set[str] = set()
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target, given in _pairs(targets, value):
                    if not _is_none(given):
                        filled |= {name.id for name in names_in(target)}
                    elif isinstance(target, ast.Name):
                        empty.add(target.id)
                    elif isinstance(target, ast.Subscript):
                        return True
            case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=None), *_]):
                return True
            case ast.Expr(value=ast.Constant(value=None)):
                return True
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target) | ast.NamedExpr(target=target):
                filled |= {name.id for name in names_in(target)}
            case ast.For(target=target) | ast.withitem(optional_vars=ast.expr() as target):
                filled |= {name.id for name in names_in(target)}
            case _:
                continue
    return bool(empty - filled)


def _pairs(targets: Sequence[ast.expr], value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield each target of an assignment with what it is given; ``a, y = None, None`` entry by entry."""
    for target in targets:
        match target, value:
            case (ast.Tuple(elts=names), ast.Tuple(elts=values)) if len(names) == len(values):
                yield from zip(names, values, strict=True)
            case _:
                yield target, value


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
