"""Python files as text, statement by statement: what each binds, and what it mentions.

Where that cannot be told, more is taken than needed, never less: a statement that does something instead of giving
values to names is one that every other depends on, and so is every line of a file that reaches for names at run time.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

_AT_RUN_TIME = frozenset(
    [
        *("__import__", "compile", "delattr", "eval", "exec", "getattr", "globals", "import_module", "importlib"),
        *("locals", "setattr", "sys", "vars"),
    ]
)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp)
_DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)


@dataclass
class Statement:
    """A top-level statement, gone through once.

    Attributes
    ----------
    text : str
        Without comments and blank lines, but for those within a text of its own.
    uses : set of str
        Every name that it mentions, also those of its own inside.
    binds : set of str
        The names of the module that it gives values to.
    imports : list
        The imports in it, wherever they stand.
    functions : list of int
        The lines in which the functions in it begin.
    """

    first: int
    last: int
    only_imports: bool
    text: str = ""
    uses: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, node: ast.stmt, lines: Sequence[str]) -> "Statement":
        """Go through a statement of a file with these lines."""
        made = cls(_begins(node), node.end_lineno or node.lineno, isinstance(node, ast.Import | ast.ImportFrom))
        within: set[int] = set()  # lines that lie within a text
        waiting: list[tuple[ast.AST, bool]] = [(node, True)]
        while waiting:
            part, outside = waiting.pop()
            match part:
                case ast.Name(id=name, ctx=context):
                    made.uses.add(name)
                    if outside and not isinstance(context, ast.Load):
                        made.binds.add(name)
                case ast.Global(names=names):
                    made.binds.update(names)
                case ast.Import() | ast.ImportFrom():
                    made.imports.append(part)
                    if outside:
                        made.binds.update(map(bound_by, part.names))
                case ast.Constant(value=str() | bytes()) | ast.JoinedStr():
                    within.update(range(part.lineno + 1, (part.end_lineno or part.lineno) + 1))
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and outside:
                made.binds.add(part.name)
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                made.functions.append(_begins(part))
            outside = outside and not isinstance(part, _SCOPES)
            waiting += [(inner, outside) for inner in ast.iter_child_nodes(part)]
        made.functions.sort()
        made.text = "\n".join(
            line.rstrip()
            for place, line in enumerate(lines[made.first - 1 : made.last], made.first)
            if place in within or (line.strip() and not line.lstrip().startswith("#"))
        )
        return made


def bound_by(alias: ast.alias) -> str:
    """Return the name that an import gives a value to."""
    return alias.asname or alias.name.split(".")[0]


def _begins(node: ast.stmt | ast.expr) -> int:
    """Return the line in which a statement or function begins, with what decorates it."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])


class Statements:
    """The top-level statements of a file."""

    def __init__(self, source: str) -> None:
        lines = source.split("\n")
        nodes = ast.parse(source).body
        self.all = [Statement.of(node, lines) for node in nodes]
        self.always = [number for number, node in enumerate(nodes) if not _only_defines(node)]
        self.binds: dict[str, list[int]] = {}
        for number, statement in enumerate(self.all):
            for name in statement.binds:
                self.binds.setdefault(name, []).append(number)
        self.uses: set[str] = set().union(*(statement.uses for statement in self.all))
        if self.uses & _AT_RUN_TIME:
            self.always = list(range(len(self.all)))

    def at(self, line: int) -> int | None:
        """Return the statement that a line belongs to."""
        return next((number for number, one in enumerate(self.all) if one.first <= line <= one.last), None)


def _only_defines(node: ast.stmt) -> bool:
    """Return whether a statement does nothing but give values to names; a text that stands alone does nothing."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return isinstance(node, _DEFINING) and all(
        isinstance(part, ast.Name | ast.Tuple | ast.List | ast.Starred)
        for target in targets
        for part in ast.walk(target)
        if isinstance(part, ast.expr)
    )
