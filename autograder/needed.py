"""Which of a notebook's cells its graded functions cannot do without: with a last guest, only these are run."""

import ast
import symtable
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from autograder import bindings, cell_text
from autograder.notebook import text_and_tree
from autograder.sandbox.session import CellToRun

_CAP = 1 << 18  # characters that are looked at, in all cells together: a few seconds at the very worst
_ANYTHING = "*"  # what a star import binds


@dataclass(frozen=True)
class _Names:
    """What a cell binds in the notebook's namespace, and what it reads from there, at once or when it is called."""

    bound: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()


def cells(all_cells: Sequence[CellToRun]) -> frozenset[int]:
    """Return the indices of the cells that bind graded functions, of those that bind what these read, and so on.

    Every cell that binds such a name counts, since a later one may be the better answer, and so does one that writes a
    module to a file for another to import. What is bound in other ways than by a statement, such as by ``exec``, is not
    seen.
    """
    names = _names(all_cells)
    graded = {name for cell in all_cells for name in cell.binds}
    needed = {cell.index for cell in all_cells if cell.binds or names[cell.index].bound & graded}
    waiting = list(needed)
    while waiting:
        read = names[waiting.pop()].read
        for index, found in names.items():
            if index not in needed and (found.bound & read or _ANYTHING in found.bound):
                needed.add(index)
                waiting.append(index)
    return frozenset(needed)


def may_change(all_cells: Sequence[CellToRun], cell: int, place: int) -> bool:
    """Return whether what stands below a place in a notebook may change what a graded cell's function does.

    That is: a cell of the student's own, or another graded one that binds a name which the function reads, in itself or
    through what it calls.

    Parameters
    ----------
    cell, place : int
        The index of the graded cell, and of the cell below which its function is called.
    """
    below = [one for one in all_cells if one.index > place and not one.restores]
    if any(not one.binds for one in below):
        return True
    if not below:
        return False
    names = _names(all_cells)
    read = set(names[cell].read)
    for index in cells([replace(one, binds=one.binds if one.index == cell else ()) for one in all_cells]):
        read |= names[index].read
    return any(names[one.index].bound & read for one in below)


def _names(all_cells: Sequence[CellToRun]) -> dict[int, _Names]:
    room = _CAP
    names = {}
    for cell in sorted(all_cells, key=lambda cell: not cell.binds):  # those that matter most first
        room -= len(cell.source)
        text, tree = text_and_tree(cell.source) if room >= 0 else ("", None)
        names[cell.index] = _names_in(text, tree) if tree is not None else _Names()
        if room >= 0:
            names[cell.index] = _with_modules(cell.source, tree, names[cell.index])
    return names


def _with_modules(source: str, tree: ast.Module | None, names: _Names) -> _Names:
    """Add to a cell's names the module that it writes, and those that it imports or runs, each as ``name.py``."""
    written = cell_text.written_module(source)
    if written:
        return _Names(names.bound | {f"{written}.py"}, names.read)
    read = {module.rpartition(".")[2] for _, module in bindings.imports(tree)} if tree is not None else set()
    return _Names(names.bound, names.read | {f"{module}.py" for module in (*read, *cell_text.modules_run(source))})


def _names_in(text: str, tree: ast.Module) -> _Names:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as where the text was parsed
            table = symtable.symtable(text, "cell", "exec")
    except (SyntaxError, ValueError):  # it parses and cannot be compiled: the cell fails, and binds nothing
        return _Names()
    except (RecursionError, MemoryError):
        return _names_anywhere(tree)
    bound = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    read = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    for inner in _below(table):
        for symbol in inner.get_symbols():
            if symbol.is_global():
                read.add(symbol.get_name())
                if symbol.is_assigned():
                    bound.add(symbol.get_name())
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree)):
        bound.add(_ANYTHING)
    return _Names(frozenset(bound), frozenset(read))


def _names_anywhere(tree: ast.Module) -> _Names:
    """Return every name in a tree that is too deep for Python's own table of scopes: too many, but none is missing."""
    bound: set[str] = set()
    read: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                read.add(name)
            case ast.Name(id=name):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.Import(names=imported) | ast.ImportFrom(names=imported):
                bound |= {one.asname or one.name.split(".")[0] for one in imported}
            case _:
                continue
    return _Names(frozenset(bound), frozenset(read))


def _below(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    waiting = list(table.get_children())
    while waiting:
        one = waiting.pop()
        waiting += one.get_children()
        yield one
