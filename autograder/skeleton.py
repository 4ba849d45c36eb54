"""What each kind of statement keeps when its answer goes: the table of docs/adr/004-stripping.md."""

import ast
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autograder.regions import Code, Region

_BODIES = ("body", "handlers", "orelse", "finalbody", "cases")
_KEPT = (ast.Pass, ast.Break, ast.Continue, ast.Global, ast.Nonlocal)


class Unsupported(Exception):  # noqa: N818 (not an error: the region is replaced whole instead)
    """A construct that this table does not know how to blank safely."""


@dataclass(frozen=True)
class Cut:
    """A piece of the text that goes, and what comes in its place."""

    start: int
    end: int
    text: str


def cuts(code: Code, region: Region, tells: Callable[[str], object]) -> Iterator[Cut]:
    """Yield what to cut from a region, and what to put there.

    Parameters
    ----------
    code : Code
        The cell, parsed.
    region : Region
        Which of its regions.
    tells : callable
        Whether a text gives an answer away; asked for docstrings.

    Raises
    ------
    Unsupported
        If a statement cannot be blanked safely.
    """
    yield from _Cutter(code, region, tells).block(code.tree)


class _Cutter:
    """One pass over a cell; holds what every step needs."""

    def __init__(self, code: Code, region: Region, tells: Callable[[str], object]) -> None:
        self.code = code
        self.region = region
        self.tells = tells

    def block(self, parent: ast.AST | None) -> Iterator[Cut]:
        for field in _BODIES:
            for child in getattr(parent, field, ()):
                if isinstance(child, ast.match_case):
                    if self._inside(child.pattern):
                        yield self._case(child)
                    yield from self.block(child)
                elif isinstance(child, ast.stmt | ast.ExceptHandler):
                    if self._inside(child):
                        yield from self._statement(child)
                    yield from self.block(child)

    def _inside(self, node: ast.AST) -> bool:
        line = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])  # type: ignore[attr-defined]
        return self.region.holds(line, line)

    # -- places ------------------------------------------------------------------------------------------------

    def _token(self, wanted: str, after: int) -> tuple[int, int]:
        """Return the first such token at or after a place."""
        for token in self.code.tokens:
            if token.start >= after and token.string == wanted and token.type in (tokenize.OP, tokenize.NAME):
                return token.start, token.end
        raise Unsupported(f"no {wanted!r} was found where one was expected.")

    def _header(self, node: ast.AST, keyword: str, last: ast.AST) -> tuple[int, int]:
        """Return what stands between a statement's keyword and its colon."""
        _, start = self._token(keyword, self.code.span(node)[0])
        end, _ = self._token(":", self.code.span(last)[1])
        return start, end

    # -- expressions -------------------------------------------------------------------------------------------

    def _target(self, node: ast.expr) -> Iterator[Cut]:
        """Keep names and named fields; an index is an answer."""
        if isinstance(node, ast.Tuple | ast.List):
            for element in node.elts:
                yield from self._target(element)
        elif isinstance(node, ast.Starred | ast.Attribute):
            yield from self._target(node.value)
        elif isinstance(node, ast.Subscript):
            yield from self._target(node.value)
            if not (isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)):
                _, start = self._token("[", self.code.span(node.value)[1])
                yield Cut(start, self.code.span(node)[1] - 1, "None")
        elif not isinstance(node, ast.Name):
            raise Unsupported("a result is stored in something that is computed.")

    def _plain(self, node: ast.expr | None) -> bool:
        """Whether an annotation, decorator or base class only names things."""
        allowed = (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Tuple, ast.List, ast.expr_context)
        union = (ast.BinOp, ast.BitOr)
        return node is None or all(isinstance(n, allowed + union) for n in ast.walk(node))

    # -- statements --------------------------------------------------------------------------------------------

    def _statement(self, node: ast.stmt | ast.ExceptHandler) -> Iterator[Cut]:  # noqa: PLR0915 (a table)
        start, end = self.code.span(node)
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from self._target(target)
                _, after = self._token("=", self.code.span(targets[-1])[1])
                shape = next((t for t in targets if isinstance(t, ast.Tuple | ast.List)), targets[0])
                yield Cut(after, end, " " + _nones(shape, value))
            case ast.AugAssign(target=target, value=value):
                # whether a value is added or overwritten is part of the answer: `+=` goes
                yield from self._target(target)
                yield Cut(self.code.span(target)[1], end, f" = {_none(value)}")
            case ast.AnnAssign(target=target, annotation=annotation, value=value):
                yield from self._target(target)
                if not self._plain(annotation):
                    raise Unsupported("an annotation computes something.")
                if value is not None:
                    _, after = self._token("=", self.code.span(annotation)[1])
                    yield Cut(after, end, f" {_none(value)}")
            case ast.Return(value=value) if value is not None:
                yield Cut(start + len("return"), end, " " + _nones(value, value))
            case ast.Expr(value=ast.Constant(value=str() as text)) if not self.tells(text):
                return
            case ast.Expr(value=ast.Constant(value=value)) if value is ...:
                return
            case ast.Expr(value=ast.Yield() | ast.YieldFrom() as value):
                yield Cut(start, end, f"yield {_none(value)}")
            case ast.Expr(value=value):
                yield Cut(start, end, _none(value))
            case ast.Raise(exc=exc) if exc is not None and not _not_implemented(exc):
                yield Cut(start + len("raise"), end, f" {_none(exc)}")
            case ast.Assert(test=test):
                yield Cut(start + len("assert"), end, f" {_none(test)}")
            case ast.Delete() | ast.Import() | ast.ImportFrom():
                yield Cut(start, end, "None")
            case ast.If(test=test) | ast.While(test=test):
                word = next(w for w in ("if", "elif", "while") if self.code.text.startswith(w, start))
                yield Cut(*self._header(node, word, test), f" {_none(test)}")
            case ast.For(target=target, iter=over) | ast.AsyncFor(target=target, iter=over):
                yield from self._target(target)
                _, after = self._token("in", self.code.span(target)[1])
                until, _ = self._token(":", self.code.span(over)[1])
                yield Cut(after, until, f" range({_none(over)})" if _is_range(over) else f" {_none(over)}")
            case ast.With(items=items) | ast.AsyncWith(items=items):
                last = items[-1].optional_vars or items[-1].context_expr
                yield Cut(*self._header(node, "with", last), " " + ", ".join(self._item(i) for i in items))
            case ast.ExceptHandler(type=kind, name=name) if kind is not None:
                first = self._header(node, "except", kind)[0]
                star = "*" if self.code.text[first : self.code.span(kind)[0]].strip(" \t\\\n(") == "*" else ""
                alias = f" as {name}" if name else ""
                yield Cut(first, self._header(node, "except", kind)[1], f"{star} None{alias}")
            case ast.Match(subject=subject):
                yield Cut(*self._header(node, "match", subject), f" {_none(subject)}")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from self._function(node)
            case ast.ClassDef(bases=bases, keywords=[]) if all(map(self._plain, bases)):
                self._no_type_parameters(node)
                yield from self._decorators(node)
            case ast.Try() | ast.Return() | ast.Raise() | ast.ExceptHandler():
                return  # nothing but keywords: a bare `return`, `raise`, `except`
            case _ if isinstance(node, _KEPT) or type(node).__name__ == "TryStar":
                return
            case _:
                raise Unsupported(f"a {type(node).__name__} statement cannot be blanked.")

    def _item(self, item: ast.withitem) -> str:
        if item.optional_vars is None:
            return _none(item.context_expr)
        if not isinstance(item.optional_vars, ast.Name):
            raise Unsupported("a `with` stores its result in something that is no name.")
        return f"{_none(item.context_expr)} as {item.optional_vars.id}"

    def _case(self, case: ast.match_case) -> Cut:
        pattern = case.pattern
        begin = self.code.span(pattern)[0]
        keyword = [t for t in self.code.tokens if t.string == "case" and t.start < begin][-1]
        end, _ = self._token(":", self.code.span(case.guard or pattern)[1])
        text = "None"
        if isinstance(pattern, ast.MatchAs):
            name = pattern.name or "_"
            text = name if pattern.pattern is None else f"None as {name}"
        guard = f" if {_none(case.guard)}" if case.guard is not None else ""
        return Cut(keyword.end, end, f" {text}{guard}")

    def _decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[Cut]:
        for decorator in node.decorator_list:
            if not self._plain(decorator):
                yield Cut(*self.code.span(decorator), "None")

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Cut]:
        self._no_type_parameters(node)
        yield from self._decorators(node)
        every = node.args
        named = [*every.posonlyargs, *every.args, *every.kwonlyargs, every.vararg, every.kwarg]
        if not all(map(self._plain, [node.returns, *(a.annotation for a in named if a is not None)])):
            raise Unsupported("an annotation computes something.")
        for default in [*every.defaults, *every.kw_defaults]:
            if default is not None:
                yield Cut(*self.code.span(default), "None")

    def _no_type_parameters(self, node: ast.AST) -> None:
        if getattr(node, "type_params", None):
            raise Unsupported("type parameters cannot be blanked.")


def _nones(shape: ast.expr, value: ast.expr) -> str:
    """Return as many ``None`` as the shape has places; names bound within the value stay bound."""
    bound = _none(value)
    if not isinstance(shape, ast.Tuple | ast.List) or not shape.elts:
        return bound
    places = [f"({_nones(e, _NOTHING)})" if isinstance(e, ast.Tuple | ast.List) else "None" for e in shape.elts]
    if bound != "None":
        places[0] = bound
    return ", ".join(places) + ("," if len(places) == 1 else "")


def _none(value: ast.AST) -> str:
    """Return ``None``, with the names that the value binds (`:=`) still bound."""
    names = list(dict.fromkeys(_bound(value)))
    bound = ", ".join(f"({name} := None)" for name in names)
    return f"({bound})" if len(names) > 1 else bound or "None"


def _bound(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Lambda):
        return  # its names are its own
    if isinstance(node, ast.NamedExpr):
        yield node.target.id
    for child in ast.iter_child_nodes(node):
        yield from _bound(child)


def _is_range(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range"


def _not_implemented(node: ast.expr) -> bool:
    called = node.func if isinstance(node, ast.Call) and not node.args and not node.keywords else node
    return isinstance(called, ast.Name) and called.id == "NotImplementedError"


_NOTHING = ast.Constant(None)
