"""Finds which statements of a cell bind which names in the notebook, in its syntax tree."""

import ast
import re
from collections.abc import Collection, Iterator

from autograder.syntax_trees import names_in

# How code binds a name that is only written in a string; what it does is not known before it is run.
_INDIRECT = frozenset(
    ["exec", "eval", "globals", "locals", "vars", "setattr", "run_cell", "run_code", "user_ns", "__dict__"]
)
STAR = "*"  # stands for all names of a module


def last(tree: ast.Module, names: Collection[str], *, walruses: bool) -> dict[str, ast.AST]:
    """Return the last node of a cell that binds each of these names, but for imports.

    Parameters
    ----------
    walruses : bool
        Whether assignments in expressions are looked for, which takes a walk over all of them.
    """
    found: dict[str, ast.AST] = {}
    for node in _statements(tree):
        if walruses:
            for inner in _assignment_expressions(node):
                if inner.target.id in names:
                    found[inner.target.id] = inner
        for name in _bound_by(node):
            if name in names:
                found[name] = node
    return found


def imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each name that a cell imports with the module that it comes from; `STAR` for all names of one."""
    for node in _statements(tree):
        match node:
            case ast.Import(names=imported):
                for one in imported:
                    yield one.asname or one.name.partition(".")[0], one.name
            case ast.ImportFrom(module=module, names=imported):
                for one in imported:
                    yield one.asname or one.name, module or ""
            case _:
                continue


def quotes(tree: ast.Module, name: str) -> bool:
    """Return whether a name stands in a string of a cell, as in code for ``exec``."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    return any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) and word.search(node.value) is not None
        for node in ast.walk(tree)
    )


def may_bind_indirectly(tree: ast.Module, name: str) -> bool:
    """Return whether a cell may bind a name other than by a statement of its own.

    By ``exec`` and its like, from a string with the name in it, or by a function that declares the name ``global``.
    """
    if any(isinstance(node, ast.Global) and name in node.names for node in ast.walk(tree)):
        return True
    return _is_indirect(tree) and quotes(tree, name)


def executes_strings(source: str) -> bool:
    """Return whether a cell's text has the name of ``exec`` or its like in it, or of more than that."""
    return any(word in source for word in _INDIRECT)


def _is_indirect(tree: ast.Module) -> bool:
    return any(
        (isinstance(node, ast.Name) and node.id in _INDIRECT)
        or (isinstance(node, ast.Attribute) and node.attr in _INDIRECT)
        for node in ast.walk(tree)
    )


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield a cell's statements in order, with those inside its conditions, loops, ``try``, ``with`` and ``match``.

    What stands in a function or class binds no name of the notebook.
    """
    waiting = list(reversed(tree.body))
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for child in reversed([child for child in ast.iter_child_nodes(node) if isinstance(child, _BLOCKS)]):
            waiting += [child] if isinstance(child, ast.stmt) else reversed(child.body)


_BLOCKS = (ast.stmt, ast.ExceptHandler, ast.match_case)


def _bound_by(node: ast.stmt) -> set[str]:
    """Return the names that a statement binds by definition or assignment."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {name.id for target in targets for name in names_in(target)}
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            return {name}
        case ast.For(target=target) | ast.AsyncFor(target=target):
            return {name.id for name in names_in(target)}
        case ast.With(items=items) | ast.AsyncWith(items=items):
            targets = [item.optional_vars for item in items if item.optional_vars is not None]
            return {name.id for target in targets for name in names_in(target)}
        case _:
            return set()


def _assignment_expressions(statement: ast.stmt) -> Iterator[ast.NamedExpr]:
    """Yield the assignments in a statement's own expressions; those in a comprehension bind outside of it."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.NamedExpr):
            yield node
        if isinstance(node, ast.Lambda) or (isinstance(node, _BLOCKS) and node is not statement):
            continue
        waiting += ast.iter_child_nodes(node)
