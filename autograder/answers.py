"""Finds a submission's answers: which cell answers which exercise, and which cells are run at all.

By marker, by nbgrader's ``grade_id``, and at last by the function's name: Colab and VS Code lose metadata, students
duplicate, split and move cells, other courses number their cells otherwise.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from autograder import bindings, cell_text, newer_syntax
from autograder.model import Assignment, Exercise
from autograder.newer_syntax import Newer
from autograder.notebook import Cell, Notebook, parse_code, python_texts
from autograder.sandbox.session import CellToRun
from autograder.source import MARKER, SourceNotebook
from autograder.syntax_trees import names_in

_MARK = "UNQ_C"
_PLACES = 6  # cells that a note lists by their numbers
_MODULES_MOST = 20  # that cells write and others import from
_PARSED_CAP = 1 << 18  # characters that are parsed, in all cells together: a few seconds at the very worst


@dataclass(frozen=True)
class Answers:
    """What is run of a submission.

    Attributes
    ----------
    cells : tuple of CellToRun
        In the order of the notebook.
    found : dict of str to Cell
        By exercise id: the cell that answers it, with the text that is run. An exercise that is not here is missing.
    notes : tuple of str
        What the student should know about it, if the cells in `found` are those that count.
    later : mapping of str to Cell
        By exercise id: the last other cell that defines the function, so that it can be called as the exercise asks.
        What the notebook leaves under the function's name at its end is mostly of this cell; but where it stands above
        the one in `found`, only if that one binds nothing.
    hints : mapping of str to str
        By exercise id: why an exercise is missing, where its function stands in a cell that binds no names.
    places : mapping of str to str
        By exercise id: the cells that define a function, where they are several; for the notes.
    written_for : (int, int) or None
        The version of Python that the notebook says it was run with.
    """

    cells: tuple[CellToRun, ...]
    found: dict[str, Cell]
    notes: tuple[str, ...]
    written_for: tuple[int, int] | None = None
    later: Mapping[str, Cell] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)

    def note_for(self, exercise: Exercise, *, later: bool = False) -> str:
        """Return the note on which of the cells that define a function counted; empty where there is only one.

        Parameters
        ----------
        later : bool
            Whether it was the cell in `later`, and not the one in `found`.
        """
        if exercise.id not in self.places:
            return ""
        cell = (self.later if later else self.found)[exercise.id]
        counted = "counted, which is the better one" if later else "was graded"
        return (
            f"`{exercise.function}` is defined in {self.places[exercise.id]} of the notebook, counted from the top; "
            f"cell {cell.index + 1} {counted}."
        )

    def notes_where(self, later: Iterable[Exercise]) -> tuple[str, ...]:
        """Return the notes where of these exercises the cell in `later` counted."""
        instead = {self.note_for(exercise): self.note_for(exercise, later=True) for exercise in later}
        told = [instead.pop(note, note) for note in self.notes]
        return (*told, *filter(None, instead.values()))  # some are told only where the later cell counts


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
    later: dict[str, Cell] = {}
    places: dict[str, str] = {}
    own = [cell for cell in notebook.cells if not _given(cell, notebook, source)]
    reading = _Reading(assignment, notebook.written_for)
    read = [reading.read(cell) for cell in own]
    retyped = [entry for cell in notebook.texts if (entry := _retyped(cell, reading, assignment, source)) is not None]
    used: list[_Read] = []
    result = Answers((), found, (), later=later, places=places)
    for exercise in assignment.exercises:
        candidates, others = _candidates(read, exercise), _definitions(read, exercise)
        chosen = _best(candidates, exercise) if candidates else None
        changed = _changed_type(retyped, exercise)
        if changed is not None and (chosen is None or _state(changed, exercise) is _State.WRITTEN):
            # nbgrader makes code of it again; where another cell has the function as well, both may count
            if (
                chosen is None
                or _state(chosen, exercise) is not _State.WRITTEN
                or changed.cell.index < chosen.cell.index
            ):
                chosen = changed
            used.append(changed)
            others = sorted([*others, changed], key=lambda entry: entry.cell.index)
        if chosen is None:
            continue
        found[exercise.id] = chosen.cell
        last = _last_other(others, chosen, exercise)
        if last is not None:
            later[exercise.id] = last.cell
        told = {entry.cell.index: entry for entry in (*candidates, chosen, last) if entry is not None}
        if len(told) > 1:
            places[exercise.id] = _places([told[index] for index in sorted(told)])
            if len(candidates) > 1 or (last is not None and _defines(last, exercise)):
                notes.append(result.note_for(exercise))
    if found and not any(_MARK in entry.cell.source or entry.cell.grade_id for entry in [*read, *used]):
        notes.append("The notebook has lost its markers and metadata; the functions were found by their names.")
    notes += _type_notes(assignment, found)
    binds: dict[int, tuple[str, ...]] = {}
    for exercise in assignment.exercises:
        for cell in (found.get(exercise.id), later.get(exercise.id)):
            if cell is not None:
                binds[cell.index] = (*binds.get(cell.index, ()), exercise.function)
    tests = {f"test_{exercise.id}" for exercise in assignment.exercises}
    needed = {cell.index for cell in (*found.values(), *later.values())}
    run = [entry.cell for entry in read if entry.cell.index in needed or entry.cell.grade_id not in tests]
    run += {entry.cell.index: entry.cell for entry in used if entry.cell.index in needed}.values()
    cells = tuple(
        CellToRun(cell.index, cell.source, binds.get(cell.index, ()))
        for cell in sorted(run, key=lambda cell: cell.index)
    )
    hints = {
        exercise.id: hint
        for exercise in assignment.exercises
        if exercise.id not in found and (hint := _hint(read, exercise))
    }
    return replace(result, cells=cells, notes=tuple(notes), hints=hints, written_for=notebook.written_for)


def _type_notes(assignment: Assignment, found: Mapping[str, Cell]) -> Iterator[str]:
    """Yield what is to be said of answers in cells that are no code cells any more."""
    for exercise in assignment.exercises:
        cell = found.get(exercise.id)
        if cell is not None and cell.kind != "code":
            yield (
                f"The cell of `{exercise.function}` is a {cell.kind} cell now, which Jupyter does not run; it was run "
                "as code all the same."
            )


def lost(notebook: Notebook, assignment: Assignment, source: SourceNotebook, found: Answers) -> tuple[str, ...]:
    """Return what is to be said of given parts that are gone from a notebook; it is graded without them all the same.

    Parameters
    ----------
    notebook : Notebook
        The submission, in which `found` was found.
    """
    ids = {cell.grade_id for cell in (*notebook.cells, *notebook.texts)}
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
    cell : Cell
        With the text that is run, see `cell_text`.
    markers : frozenset of str
        The exercises whose markers it bears.
    tree : ast.Module or None
        None where it names none of the functions, does not parse, or comes after more than is parsed.
    bound : mapping of str to ast.AST or None
        By the functions that it binds: the last node that does. None stands for an import of a module that the
        notebook has written.
    imported : frozenset of str
        The functions that it imports from elsewhere, which may be nowhere.
    """

    cell: Cell
    markers: frozenset[str]
    tree: ast.Module | None
    bound: Mapping[str, ast.AST | None] = field(default_factory=dict)
    imported: frozenset[str] = frozenset()


def newer(source: str, written_for: tuple[int, int] | None) -> Newer | None:
    """Return what a cell is in a newer Python than ours; None where it is none, or ours can read it."""
    return None if parse_code(source) is not None else newer_syntax.newer(python_texts(source), written_for)


class _Reading:
    """Reads cells one after the other, from the top of the notebook, and parses no more than so many characters."""

    def __init__(self, assignment: Assignment, written_for: tuple[int, int] | None) -> None:
        self._written_for = written_for
        self._functions = frozenset(exercise.function for exercise in assignment.exercises)
        self._room = _PARSED_CAP
        self._modules: dict[str, frozenset[str]] = {}  # those that cells have written, and the functions in them

    def read(self, cell: Cell) -> _Read:
        """Return what is seen in a cell."""
        if not cell_text.is_plain(cell.source) and self._may_parse(cell.source, cell_text.most_parses(cell.source)):
            text = cell_text.runnable(cell.source)
            cell = cell if text == cell.source else replace(cell, source=text)
            self._take_in_module(text)
        markers = _markers(cell.source)
        names = any(function in cell.source for function in self._functions)
        names = names or any(module in cell.source for module in self._modules)
        tree = parse_code(cell.source) if names and self._may_parse(cell.source) else None
        if tree is None and names and self._may_parse(cell.source):
            later = newer(cell.source, self._written_for)
            tree = later.tree if later is not None and later.tree.body else None
        if tree is None:
            return _Read(cell, markers, tree)
        bound: dict[str, ast.AST | None] = dict(bindings.last(tree, self._functions, walruses=":=" in cell.source))
        imported: set[str] = set()
        if "import" in cell.source or self._modules:
            written, imported = self._imported(cell.source, tree)
            bound = {**dict.fromkeys(written), **bound}
        return _Read(cell, markers, tree, bound, frozenset(imported - bound.keys()))

    def _may_parse(self, source: str, times: int = 1) -> bool:
        cost = len(source) * times
        if cost > self._room:
            return False
        self._room -= cost
        return True

    def _imported(self, source: str, tree: ast.Module) -> tuple[set[str], set[str]]:
        """Return the functions that a cell takes from modules of the notebook's own, and from others."""
        written: set[str] = set()
        elsewhere: set[str] = set()
        for name, module in bindings.imports(tree):
            own = self._modules.get(module.rpartition(".")[2])
            if name == bindings.STAR:
                written |= own or set()
            elif name in self._functions:
                (elsewhere if own is None else written).add(name)
        if self._modules:
            for module in cell_text.modules_run(source):
                written |= self._modules.get(module, frozenset())
        return written, elsewhere

    def _take_in_module(self, text: str) -> None:
        """Remember the module that a cell writes, and which of the functions it defines."""
        module = cell_text.written_module(text)
        if not module or len(self._modules) == _MODULES_MOST or not self._may_parse(text):
            return
        tree = parse_code(cell_text.below_magic(text))
        found = bindings.last(tree, self._functions, walruses=False) if tree is not None else {}
        self._modules[module] = frozenset(found)


def _markers(source: str) -> frozenset[str]:
    """Return the markers in a cell; line by line, since over many blank lines the pattern takes quadratic time."""
    if _MARK not in source:
        return frozenset()
    matches = (MARKER.match(line) for line in source.split("\n") if _MARK in line)
    return frozenset(match[1] for match in matches if match)


def _retyped(cell: Cell, reading: _Reading, assignment: Assignment, source: SourceNotebook) -> _Read | None:
    """Return what is seen in a markdown or raw cell; None unless it was the code cell of an exercise."""
    ids = {exercise.id: source.solutions.get(exercise.id) for exercise in assignment.exercises}
    known = cell.grade_id in ids or any(given is not None and cell.id == given.id != "" for given in ids.values())
    return reading.read(cell) if known or _markers(cell.source) else None


def _changed_type(retyped: Sequence[_Read], exercise: Exercise) -> _Read | None:
    """Return the markdown or raw cell that an exercise is answered in; one that is not Python answers nothing."""
    defining = [entry for entry in retyped if entry.tree is not None and _defines(entry, exercise)]
    own = [entry for entry in defining if exercise.id in entry.markers or entry.cell.grade_id == exercise.id]
    return _best(own or defining, exercise) if defining else None


def _definitions(read: Sequence[_Read], exercise: Exercise) -> list[_Read]:
    """Return all cells that define a function, also those that may do so.

    A cell that defines a graded function by a statement is not suspected of binding another one by ``exec``: the look
    at it would cost more than all else that is done to find a right answer.
    """
    return [
        entry
        for entry in read
        if _defines(entry, exercise)
        or exercise.function in entry.imported
        or (not entry.bound and _binds_indirectly(entry, exercise))
    ]


def _binds_indirectly(entry: _Read, exercise: Exercise) -> bool:
    text = entry.cell.source
    return (
        entry.tree is not None
        and exercise.function in text
        and ("global" in text or bindings.executes_strings(text))
        and bindings.may_bind_indirectly(entry.tree, exercise.function)
    )


def _last_other(definitions: Sequence[_Read], chosen: _Read, exercise: Exercise) -> _Read | None:
    """Return the last cell, but for the one that was chosen, that may leave another function under the name."""
    others = (
        entry
        for entry in reversed(definitions)
        if entry.cell.index != chosen.cell.index
        and _state(entry, exercise) is _State.WRITTEN
        and _fits(entry, exercise)
    )
    return next(others, None)


def _candidates(read: Sequence[_Read], exercise: Exercise) -> list[_Read]:
    """Return the cells that may answer an exercise, by the best evidence there is.

    Where the cell that is marked was left as it came, and the function written in another one, that other one is what
    the student means, and what their notebook runs. Where no cell defines the function by a statement of its own, the
    last one that may bind it in another way is asked: whether it does, is seen when it is run.
    """
    defining = [entry for entry in read if _defines(entry, exercise)]
    if not defining:
        return _last_resort(read, exercise)[-1:]
    if len(defining) == 1:
        return defining  # as in most notebooks: there is nothing to weigh up
    marked = [entry for entry in defining if exercise.id in entry.markers]
    named = [entry for entry in defining if entry.cell.grade_id == exercise.id]
    fitting = [entry for entry in defining if _fits(entry, exercise)]
    groups = [group for group in (marked, named, fitting, defining) if group]
    worked_on = (group for group in groups if any(_state(entry, exercise) is _State.WRITTEN for entry in group))
    return next(worked_on, groups[0] if groups else [])


def _last_resort(read: Sequence[_Read], exercise: Exercise) -> list[_Read]:
    """Return the cells that may bind a function by an import, or by ``exec`` and its like."""
    found = [e for e in read if exercise.function in e.imported or _binds_indirectly(e, exercise)]
    if found:
        return found
    quoting = [entry for entry in read if entry.tree is not None and bindings.quotes(entry.tree, exercise.function)]
    if not quoting:
        return []
    return [
        entry
        for entry in read
        if entry.cell.index > quoting[0].cell.index and bindings.executes_strings(entry.cell.source)
    ]


def _hint(read: Sequence[_Read], exercise: Exercise) -> str:
    """Return why a function that stands in a cell is bound by none: the magic that it stands under."""
    definition = _definition_of(exercise.function)
    for entry in reversed(read):
        magic = cell_text.magic_that_keeps_nothing(entry.cell.source) if "%%" in entry.cell.source else None
        if magic is not None and exercise.function in entry.cell.source and definition.search(entry.cell.source):
            name, what = magic
            return f"The cell of `{exercise.function}` begins with `{name}`, which {what}: remove that line."
    return ""


def _definition_of(function: str) -> re.Pattern[str]:
    return re.compile(rf"^(?:async[ \t]+)?def[ \t]+{function}[ \t]*\(|^{function}[ \t]*=[^=]", re.MULTILINE)


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
    last = entry.bound.get(exercise.function)
    if isinstance(last, ast.FunctionDef) and _has_placeholder(last):
        return _State.UNTOUCHED
    return _State.WRITTEN


def _defines(entry: _Read, exercise: Exercise) -> bool:
    if exercise.function in entry.bound:
        return not isinstance(entry.bound[exercise.function], ast.AsyncFunctionDef | ast.ClassDef)
    if entry.tree is None and exercise.function in entry.cell.source:  # half-written: what would a reader say?
        return re.search(rf"^def[ \t]+{exercise.function}[ \t]*\(", entry.cell.source, re.MULTILINE) is not None
    return False


def _fits(entry: _Read, exercise: Exercise) -> bool:
    """Return whether the cell's function can be called with the exercise's arguments, by position."""
    match entry.bound.get(exercise.function):
        case ast.FunctionDef(args=signature, decorator_list=[]):
            pass
        case ast.Assign(value=ast.Lambda(args=signature)) | ast.NamedExpr(value=ast.Lambda(args=signature)):
            pass
        case _:
            return True  # not known; then it is not held against it
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
