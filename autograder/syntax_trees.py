"""Syntax trees of untrusted code, gone through without recursion: how deep a tree is must not matter to the host.

A sum of a thousand terms is a thousand levels deep, and so is an ``elif`` with as many branches. Functions that call
themselves, `ast.dump` and `ast.unparse` among them, raise `RecursionError` over such a tree; `ast.walk` does not.
"""

import ast
from collections.abc import Iterator


def equal(one: ast.AST, other: ast.AST) -> bool:
    """Return whether two trees are the same code, wherever their nodes stand in their texts."""
    waiting: list[tuple[object, object]] = [(one, other)]
    while waiting:
        ours, theirs = waiting.pop()
        if type(ours) is not type(theirs):
            return False
        if isinstance(ours, ast.AST):
            waiting += [(getattr(ours, name, None), getattr(theirs, name, None)) for name in ours._fields]
        elif isinstance(ours, list) and isinstance(theirs, list):
            if len(ours) != len(theirs):
                return False
            waiting += zip(ours, theirs, strict=True)
        elif isinstance(ours, float | complex):
            if repr(ours) != repr(theirs):  # 0.0 == -0.0
                return False
        elif ours != theirs:  # not by `repr`, which refuses an integer of more than 4,300 digits
            return False
    return True


def names_in(target: ast.expr) -> Iterator[ast.Name]:
    """Yield the names in a target of an assignment, in order; subscripts and attributes bind none."""
    waiting = [target]
    while waiting:
        match waiting.pop():
            case ast.Name() as name:
                yield name
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                waiting += reversed(parts)
            case ast.Starred(value=value):
                waiting.append(value)
            case _:
                continue
