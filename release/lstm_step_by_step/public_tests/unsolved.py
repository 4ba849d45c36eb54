"""Finds the placeholders that are still in a function: the ``None`` that waits for an answer."""

import ast
import inspect
import textwrap
from dataclasses import dataclass
from typing import Any

_REGION = ("### START CODE HERE", "### END CODE HERE")


@dataclass(frozen=True)
class Placeholder:
    """One line that still waits for an answer.

    Attributes
    ----------
    line : int
        Its number in the student's cell, from 1.
    text : str
        The line.
    step : str
        The comment above it, which says what the step is for; empty if there is none.
    """

    line: int
    text: str
    step: str


def placeholders(target: Any) -> tuple[Placeholder, ...]:
    """Return the placeholders in a function's source, in order; none if the source cannot be had."""
    try:
        lines, start = inspect.getsourcelines(target)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return ()
    numbers = sorted({node.lineno for node in ast.walk(tree) if _waits(node)})
    first, last = _region(lines)
    return tuple(
        Placeholder(max(start, 1) + n - 1, lines[n - 1].strip(), _comment_above(lines, n))
        for n in numbers
        if first <= n <= last
    )


def _waits(node: ast.AST) -> Any:
    """Return whether a statement or a part of it is a placeholder.

    None as a keyword's value or in a subscript that reads is ordinary code (``axis=None``, ``a[:, None]``) and is
    passed over.
    """
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        return _is_none(node.slice)  # a place to store in, which is an answer too
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.NamedExpr | ast.Return):
        return node.value is not None and _is_none(node.value)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and node.value.value in (None, ...)
    if isinstance(node, ast.For | ast.comprehension):
        return _is_none(node.iter) or (isinstance(node.iter, ast.Call) and any(map(_is_none, node.iter.args)))
    if isinstance(node, ast.If | ast.While):
        return _is_none(node.test)
    if isinstance(node, ast.Call):
        return any(map(_is_none, node.args))
    if isinstance(node, ast.Raise):
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    return False


def _is_none(node: ast.AST) -> bool:
    if isinstance(node, ast.Tuple):
        return bool(node.elts) and all(map(_is_none, node.elts))
    return isinstance(node, ast.Constant) and (node.value is None or node.value is ...)


def _region(lines: list[str]) -> tuple[int, int]:
    """Return the first and last line of the region that is the student's; everything where the markers are gone."""
    marks = [[n for n, line in enumerate(lines, 1) if mark in line] for mark in _REGION]
    if len(marks[0]) == len(marks[1]) == 1 and marks[0] < marks[1]:
        return marks[0][0], marks[1][0]
    return 1, len(lines)


def _comment_above(lines: list[str], number: int) -> str:
    for line in reversed(lines[: number - 1]):
        text = line.strip()
        if text.startswith("###"):
            return ""
        if text.startswith("#"):
            return text.lstrip("# ").rstrip()
        if not text.endswith(("= None", "(None)")) and text:
            return ""  # another step's code stands between
    return ""
