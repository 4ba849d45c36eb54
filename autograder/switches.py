"""All known mistakes of an exercise in one compiled cell, each behind a switch: any of them, and any two, at no cost.

A wrong answer that no single mistake explains is compared with every pair of them. To compile hundreds of solutions
that differ in a line takes several times as long as to run them, so they are compiled as one, in which the smallest
expression or statement that a mistake changes reads ``changed if mistakes[3] else right``.

Where two mistakes change parts of each other there is no such cell for both, and `Switches` says so.
"""

import ast
import builtins
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations
from typing import Any, TypeVar, cast

_NAME = "__mistakes__"  # what the cell calls the list of its switches
_Node = TypeVar("_Node", bound=ast.AST)


@dataclass(frozen=True)
class _Change:
    """What a version has from one statement of a block to before another, and the lines that these were parsed from."""

    start: int
    end: int
    theirs: list[ast.stmt]
    lines: list[str]


class Switches:
    """A solution cell with switches.

    Attributes
    ----------
    code : ast.Module
        To be compiled; it reads its switches from a global of the name that `globals` gives.
    """

    def __init__(self, solution: str, edited: Sequence[str], known: Collection[str]) -> None:
        """Make one cell out of a solution and its mistaken versions.

        Parameters
        ----------
        edited : sequence of str
            The cell with each of the mistakes, in the order of their numbers.
        known : collection of str
            Names that the cell finds around it. A version that binds one of them, where the solution does not, or the
            other way round, is left out: in one cell with the others a name has one scope. So is one that differs
            outside the bodies of the cell's functions.
        """
        self.code = ast.parse(solution)
        self._on = [False] * len(edited)
        self._held: set[int] = set()
        self._apart: set[tuple[int, int]] = set()
        self._lines = solution.splitlines()
        outside = frozenset([*known, *vars(builtins)])
        functions = [node for node in self.code.body if isinstance(node, ast.FunctionDef)]
        changes: dict[int, dict[int, _Change]] = {}  # by function, then by version
        for number, text in enumerate(edited):
            for place, function in enumerate(functions):
                change = _change(function, self._lines, text.splitlines())
                if change is None:
                    continue
                ours = function.body[change.start : change.end]
                if not (_bound(change.theirs) ^ _bound(ours)) & outside:
                    changes.setdefault(place, {})[number] = change
                    self._held.add(number)
        for place, found in changes.items():
            functions[place].body = self._statements(functions[place].body, found)
        ast.fix_missing_locations(self.code)

    @property
    def globals(self) -> dict[str, Any]:
        """What must stand in the namespace that the cell is executed in."""
        return {_NAME: self._on}

    def hold(self, numbers: Sequence[int]) -> bool:
        """Return whether these mistakes can be switched on together."""
        return self._held.issuperset(numbers) and not any(
            pair in self._apart for pair in combinations(sorted(numbers), 2)
        )

    def with_mistakes(self, function: Callable[..., Any], numbers: Collection[int]) -> Callable[..., Any]:
        """Return the cell's function as it is with these mistakes; not to be called by two threads at once."""
        wanted = [n in numbers for n in range(len(self._on))]

        def mistaken(*arguments: Any) -> Any:
            self._on[:] = wanted
            return function(*arguments)

        return mistaken

    # ------------------------------------------------------------------------------------------ statements

    def _statements(self, ours: list[ast.stmt], versions: Mapping[int, _Change]) -> list[ast.stmt]:
        """Return a block of statements in which each version's differences stand behind its switch."""
        changes = {n: list(self._parts(ours, change)) for n, change in versions.items()}
        result: list[ast.stmt] = []
        place = 0
        for start, end in _blocks([(part.start, part.end) for found in changes.values() for part in found]):
            result += ours[place:start]
            place = end
            there = {
                n: _within(ours, found, start, end)
                for n, found in changes.items()
                if any(_inside(part, start, end) for part in found)
            }
            result += self._block(ours[start:end], there)
        return result + ours[place:]

    def _parts(self, ours: list[ast.stmt], change: _Change) -> Iterator[_Change]:
        """Yield what really differs in a change: one by one where there are as many statements."""
        right, wrong = _texts(ours[change.start : change.end], self._lines), _texts(change.theirs, change.lines)
        for tag, i, j, k, m in SequenceMatcher(None, right, wrong, autojunk=False).get_opcodes():
            start = change.start + i
            if tag == "replace" and j - i == m - k:
                for n in range(j - i):
                    yield _Change(start + n, start + n + 1, [change.theirs[k + n]], change.lines)
            elif tag != "equal":
                yield _Change(start, change.start + j, change.theirs[k:m], change.lines)

    def _block(self, ours: list[ast.stmt], versions: dict[int, _Change]) -> list[ast.stmt]:
        if len(ours) == 1 and all(len(change.theirs) == 1 for change in versions.values()):
            lines = {n: change.lines for n, change in versions.items()}
            merged, whole = self._merged(ours[0], {n: change.theirs[0] for n, change in versions.items()}, lines)
            block: list[ast.stmt] = [merged]
        else:
            block, whole = ours, set(versions)
        self._keep_apart(whole, versions)
        for n in whole:
            block = [ast.If(_switch(n), versions[n].theirs or [ast.Pass()], block or [ast.Pass()])]
        return block

    def _keep_apart(self, whole: Collection[int], versions: Collection[int]) -> None:
        """Note that a version which replaces all of a node hides what the others change in it."""
        self._apart |= {(min(n, m), max(n, m)) for n in whole for m in versions if n != m}

    # ----------------------------------------------------------------------------------------- expressions

    def _merged(
        self, ours: _Node, versions: Mapping[int, _Node], lines: Mapping[int, list[str]]
    ) -> tuple[_Node, set[int]]:
        """Return a node with switches inside it, and the versions whose differences are none that it could hold."""
        whole = {n for n, theirs in versions.items() if not _alike_but_for_parts(ours, theirs)}
        inside = {n: theirs for n, theirs in versions.items() if n not in whole}
        fields: dict[str, Any] = {}
        for name, value in ast.iter_fields(ours):
            if not isinstance(value, ast.AST | list):
                fields[name] = value
                continue
            theirs = {n: getattr(version, name) for n, version in inside.items()}
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                blocks = {n: _Change(0, len(value), block, lines[n]) for n, block in theirs.items()}
                fields[name] = self._statements(value, blocks)
                continue
            parts = value if isinstance(value, list) else [value]
            new = []
            for index, part in enumerate(parts):
                there = {n: v[index] if isinstance(v, list) else v for n, v in theirs.items()}
                merged, failed = self._part(part, {n: v for n, v in there.items() if not _same(v, part)}, lines)
                new.append(merged)
                whole |= failed
            fields[name] = new if isinstance(value, list) else new[0]
        return type(ours)(**fields), whole

    def _part(
        self, ours: ast.AST, versions: dict[int, ast.AST], lines: Mapping[int, list[str]]
    ) -> tuple[ast.AST, set[int]]:
        """Return a part of a node likewise; an expression that is read can hold any other, behind its switch."""
        if not versions:
            return ours, set()
        merged, whole = self._merged(ours, versions, lines)
        if not all(_is_read(node) for node in (ours, *(versions[n] for n in whole))):
            return merged, whole
        self._keep_apart(whole, versions)
        for n in whole:
            merged = ast.IfExp(_switch(n), cast("ast.expr", versions[n]), cast("ast.expr", merged))
        return merged, set()


def _switch(number: int) -> ast.expr:
    return ast.Subscript(ast.Name(_NAME, ast.Load()), ast.Constant(number), ast.Load())


def _bound(statements: Sequence[ast.stmt]) -> set[str]:
    """Return the names that statements bind."""
    nodes = [node for statement in statements for node in ast.walk(statement)]
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    return stored | {node.arg for node in nodes if isinstance(node, ast.arg)}


def _change(function: ast.FunctionDef, ours: list[str], theirs: list[str]) -> _Change | None:
    """Return the statements of a function's body in which a version's text differs; None where it does elsewhere.

    Only these are parsed: that a version is like the solution everywhere else is quickly seen by its lines.
    """
    shorter = min(len(ours), len(theirs))
    before = next((n for n in range(shorter) if ours[n] != theirs[n]), shorter)
    after = next((n for n in range(shorter - before) if ours[-1 - n] != theirs[-1 - n]), shorter - before)
    first, last, longer = before, len(ours) - after, len(theirs) - len(ours)
    body = function.body
    if first < body[0].lineno - 1 or last > (function.end_lineno or 0):
        return None
    start = sum((s.end_lineno or 0) <= first for s in body)
    end = max(start, sum(s.lineno <= last for s in body))
    if end > start:
        first, last = min(first, body[start].lineno - 1), max(last, body[end - 1].end_lineno or 0)
    text = ["if 1:", *theirs[first : last + longer], " " * body[0].col_offset + "pass"]  # there may be comments alone
    try:
        block = ast.parse("\n".join(text)).body
    except SyntaxError:
        return None
    return _Change(start, end, block[0].body[:-1], text) if len(block) == 1 and isinstance(block[0], ast.If) else None


def _texts(statements: list[ast.stmt], lines: list[str]) -> list[str]:
    """Return the lines of each statement: what is the same there is the same."""
    return ["\n".join(lines[statement.lineno - 1 : statement.end_lineno]) for statement in statements]


def _same(one: ast.AST, other: ast.AST) -> bool:
    return type(one) is type(other) and ast.dump(one) == ast.dump(other)


def _blocks(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans that overlap, or are the same gap, as one."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(set(spans)):
        if result and (start < result[-1][1] or (start, end) == result[-1]):
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def _inside(part: _Change, start: int, end: int) -> bool:
    """Return whether a change is part of a block; a gap at a block's edge is none of its own."""
    first, last = part.start, part.end
    return (first, last) == (start, end) or start <= first < last <= end or start < first == last < end


def _within(ours: list[ast.stmt], changes: list[_Change], start: int, end: int) -> _Change:
    """Return what a version has in the place of a block of ours."""
    theirs: list[ast.stmt] = []
    place = start
    parts = [part for part in changes if _inside(part, start, end)]
    for part in parts:
        theirs += [*ours[place : part.start], *part.theirs]
        place = part.end
    return _Change(start, end, [*theirs, *ours[place:end]], parts[0].lines)


def _alike_but_for_parts(ours: ast.AST, theirs: ast.AST) -> bool:
    """Return whether two nodes are of one kind, with the same names and operators, and as many parts of each sort."""
    if type(ours) is not type(theirs):
        return False
    for name, value in ast.iter_fields(ours):
        other = getattr(theirs, name)
        if isinstance(value, list):
            statements = bool(value) and isinstance(value[0], ast.stmt)
            if not statements and (len(value) != len(other) or not all(isinstance(part, ast.AST) for part in value)):
                if value != other:
                    return False
            elif statements and not other:
                return False
        elif not (isinstance(value, ast.AST) and isinstance(other, ast.AST)) and value != other:
            return False
    return True


def _is_read(node: ast.AST) -> bool:
    """Return whether a node is an expression in whose place any other can stand."""
    if not isinstance(node, ast.expr) or isinstance(node, ast.Slice | ast.Starred | ast.FormattedValue):
        return False
    if isinstance(node, ast.Tuple) and any(isinstance(part, ast.Slice | ast.Starred) for part in node.elts):
        return False  # an index: `a[:, t]`
    return isinstance(getattr(node, "ctx", None), ast.Load | None)
