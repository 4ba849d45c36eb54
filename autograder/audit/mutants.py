"""Makes mutants of a reference solution: the operators applied one at a time, each result a whole cell and a diff."""

import ast
import difflib
import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

from autograder.audit.operators import Scope, replacements


@dataclass(frozen=True)
class Mutant:
    """A solution cell with one edit.

    Attributes
    ----------
    operator : str
        The kind of edit.
    line : int
        Where, counted from 1 within the cell.
    source : str
        The whole cell.
    diff : str
        What was changed: the old line and the new one.
    digest : str
        Of the diff and of the cell it belongs to: a waiver names it, and is void once the solution changes.
    """

    operator: str
    line: int
    source: str
    diff: str
    digest: str


def mutants(cell: str, function: str, scope: Scope) -> list[Mutant]:
    """Return the mutants of a solution cell, no two alike and none like the cell itself.

    Parameters
    ----------
    cell : str
        Its source. Given lines are changed as well: a student can, too.
    function : str
        The graded function; other functions of the cell are changed too.
    scope : Scope
        What the function's names hold when it runs.
    """
    tree = ast.parse(cell)
    seen = {ast.dump(tree)}
    found = []
    encoded = cell.encode()
    starts = _line_starts(encoded)
    for replacement in replacements(tree, cell, scope):
        node: Any = replacement.node
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        source = (encoded[:begin] + replacement.text.encode() + encoded[end:]).decode()
        try:
            written = ast.dump(ast.parse(source))
        except SyntaxError:
            continue  # a text that the operator could not foresee
        if written in seen:
            continue
        seen.add(written)
        changed = [
            line
            for line in difflib.unified_diff(cell.splitlines(), source.splitlines(), lineterm="", n=0)
            if not line.startswith(("---", "+++", "@@"))
        ]
        diff = "\n".join(changed)
        digest = hashlib.sha256(f"{function}\0{cell}\0{diff}".encode()).hexdigest()[:16]
        found.append(Mutant(replacement.operator, node.lineno, source, diff, digest))
    return found


def _line_starts(encoded: bytes) -> list[int]:
    starts = [0]
    for line in encoded.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts


def scope_of(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Scope:
    """Run a function once and return what its local names hold in the end, and where each is bound first."""
    code = function.__code__
    shapes: dict[str, tuple[int, ...]] = {}
    keys: dict[str, dict[str, tuple[int, ...]]] = {}
    first = dict.fromkeys(code.co_varnames[: code.co_argcount], 0)

    def watch(frame: FrameType, event: str, _argument: object) -> Any:
        if frame.f_code is not code:
            return None
        for name, value in frame.f_locals.items():
            first.setdefault(name, frame.f_lineno)
            if isinstance(value, np.ndarray):
                shapes[name] = value.shape
            elif isinstance(value, dict):
                keys[name] = {key: entry.shape for key, entry in value.items() if isinstance(entry, np.ndarray)}
        return watch if event != "return" else None

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return Scope(shapes, keys, first)
