"""What a solution consists of: the telling expressions of the solution regions, each ready to be looked for."""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from autograder.expressions import RENAMED_OPERATIONS, Form, content, normal_form, renamed_form
from autograder.regions import Code, Region, find_regions, parse

# What may stand between two tokens of one expression in running text: blanks, line ends (also spelled out, as in
# JSON), continuation marks, and the marks that open a line of a comment or a quotation.
_GAP = r"(?:[\s\\#>]|\\[nrt])*"
_KEYWORDS = frozenset({"and", "or", "not", "in", "is", "if", "else", "for", "lambda", "await", "async"})
_NUMPY = ("np", "numpy")
_DROPPED = "(?:)"  # the dot of ``np.``, which is part of what `_numpy` returns
_LEAST_TEXT = 12  # characters of a line that is not Python, below which it tells nothing
_STORE_NAMES = 3  # in `a[:, :, t] = a_next`


@dataclass(frozen=True)
class Answer:
    """One telling piece of a solution.

    Attributes
    ----------
    text : str
        As the solution writes it, on one line.
    form, renamed : Form or None
        Its normal forms; `renamed` only where it is big enough to be recognised under other names, both None
        where it is no expression.
    size : int
        How much it tells; of two answers in one place the bigger is reported.
    cell : str
        Id of the cell whose answer it is.
    """

    text: str
    form: Form | None
    renamed: Form | None
    size: int
    cell: str = ""

    @cached_property
    def spellings(self) -> tuple[str, ...]:
        """The answer as text, also with ``np.dot`` for ``@`` and the other way round."""
        tree = parse(self.text) if self.form is not None else None
        if tree is None:
            return (self.text,)
        changed = (change.visit(ast.parse(self.text)) for change in (_ToDot(), _ToMatMul()))
        return tuple(dict.fromkeys([self.text, ast.unparse(tree), *map(ast.unparse, changed)]))

    @cached_property
    def words(self) -> frozenset[str]:
        """The words without which a text cannot hold the answer."""
        return frozenset(re.findall(r"\w+", self.text))

    @cached_property
    def fixed_words(self) -> frozenset[str]:
        """The words without which it cannot do so under other names either: functions and attributes."""
        return frozenset(re.findall(r"[^\W\d]\w*(?=\s*\()|(?<=\.)[^\W\d]\w*", self.text))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds the answer in text, whatever its layout."""
        return _any_of(_literal(s) for s in self.spellings)

    @cached_property
    def renamed_pattern(self) -> re.Pattern[str] | None:
        """Finds the answer in text under other names, where it is big enough for that."""
        if self.renamed is None:
            return None
        return _any_of(_with_groups(s, f"s{i}_") for i, s in enumerate(self.spellings))


class _ToDot(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.MatMult):
            return node
        dot = ast.Attribute(ast.Name("np", ast.Load()), "dot", ast.Load())
        return ast.Call(dot, [node.left, node.right], [])


class _ToMatMul(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="dot" | "matmul"), args=[left, right]):
                return ast.BinOp(left, ast.MatMult(), right)
        return node


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    try:
        found = list(tokenize.generate_tokens(io.StringIO(f"({text}\n)").readline))
    except (tokenize.TokenError, SyntaxError):
        return []
    return [t for t in found if t.type not in skipped][1:-1]


def _literal(text: str) -> str:
    tokens = _tokens(text)
    parts = [_numpy(tokens, i) or _plain(t) for i, t in enumerate(tokens)] or [re.escape(w) for w in text.split()]
    return _joined(parts)


def _numpy(tokens: list[tokenize.TokenInfo], i: int) -> str:
    """Return what stands for ``np.``, which a text may leave out; empty elsewhere."""
    if tokens[i].string in _NUMPY and i + 1 < len(tokens) and tokens[i + 1].string == ".":
        return rf"(?:(?:np|numpy){_GAP}\.)?"
    return _DROPPED if i and tokens[i].string == "." and tokens[i - 1].string in _NUMPY else ""


def _joined(parts: list[str]) -> str:
    pattern = _GAP.join(p for p in parts if p is not _DROPPED)
    return rf"(?<![\w.]){pattern}(?!\w)"


def _plain(token: tokenize.TokenInfo) -> str:
    escaped = re.escape(token.string)
    if token.type == tokenize.STRING:
        return re.sub(r"""["']""", r"""\\\\?["']""", escaped)  # either quote, and as JSON writes it
    return escaped


def _with_groups(text: str, prefix: str) -> str:
    """Return a pattern in which variables are groups: the first may be any name, the next ones the same."""
    tokens = _tokens(text)
    groups: dict[str, str] = {}
    parts = []
    for i, token in enumerate(tokens):
        before = tokens[i - 1].string if i else ""
        after = tokens[i + 1].string if i + 1 < len(tokens) else ""
        # functions, attributes, keyword arguments and modules are themselves under any renaming
        fixed = token.type != tokenize.NAME or token.string in _KEYWORDS or before == "." or after in ("(", "=")
        if module := _numpy(tokens, i):
            parts.append(module)
        elif fixed:
            parts.append(_plain(token))
        elif token.string in groups:
            parts.append(rf"(?P={groups[token.string]})")
        else:
            groups[token.string] = name = f"{prefix}{len(groups)}"
            parts.append(rf"(?P<{name}>[^\W\d]\w*)")
    return _joined(parts)


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{p})" for p in patterns))


def answers_of(source: str, cell: str = "") -> list[Answer]:
    """Return the telling pieces of every region of a solution cell, the biggest first.

    Left out is what the cell itself gives: expressions that also stand outside the regions (small ones: a whole
    answer repeated there is a leak, not a gift), and its functions called with their own parameters, which is how
    text refers to them.

    Parameters
    ----------
    source : str
        The cell as the instructor wrote it.
    cell : str
        Its id.

    Raises
    ------
    RegionError
        If the markers are not in order.
    """
    regions = find_regions(source)
    code = Code(source, regions)
    if code.tree is None:
        found = [a for r in regions for a in _answers_of_text(code.lines[r.start : r.end - 1], cell)]
    else:
        given = set(_given(code.tree, regions))
        inside = (n for n in _nodes(code.tree) if any(_within(n, r) for r in regions))
        found = [a for n in inside for a in _answers_of_node(n, code, cell) if a.form not in given]
    unique = {(a.form, a.text if a.form is None else ""): a for a in reversed(found)}
    return sorted(unique.values(), key=lambda a: (-a.size, a.text))


def _within(node: ast.AST, region: Region) -> bool:
    return region.holds(getattr(node, "lineno", 0), getattr(node, "end_lineno", None) or 0)


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every expression and statement but annotations, which document and stay."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns"):
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST):
                yield node
                yield from _nodes(node)


def _given(tree: ast.AST, regions: list[Region]) -> Iterator[Form]:
    for node in _nodes(tree):
        if isinstance(node, ast.expr) and not any(_within(node, r) for r in regions):
            form = normal_form(node)
            if content(form).operations < RENAMED_OPERATIONS:
                yield form
        if isinstance(node, ast.FunctionDef):
            names = (("name", a.arg) for a in (*node.args.posonlyargs, *node.args.args))
            yield ("call", ("function", node.name), *names)


def _answers_of_node(node: ast.AST, code: Code, cell: str) -> Iterator[Answer]:
    if isinstance(node, ast.Assign):
        # where a result is stored is an answer too: `a[:, :, t] = a_next` has no telling expression, but tells
        for target in node.targets:
            store: Form = ("store", normal_form(target), normal_form(node.value))
            if isinstance(target, ast.Subscript) and len(content(store).variables) >= _STORE_NAMES:
                yield Answer(f"{_written(target, code)} = {_written(node.value, code)}", store, None, 1, cell)
    if not isinstance(node, ast.expr):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        inner = Code(node.value)  # code in a string, for `exec`
        for part in _nodes(inner.tree) if inner.tree is not None else ():
            yield from _answers_of_node(part, inner, cell)
    form = normal_form(node)
    told = content(form)
    if told.telling:
        renamed = renamed_form(form) if told.telling_renamed else None
        size = told.operations + len(told.variables) + told.details
        yield Answer(_written(node, code), form, renamed, size, cell)


def _written(node: ast.expr, code: Code) -> str:
    """Return an expression as it is written, on one line."""
    text = ast.get_source_segment(code.text, node) or ""
    return text if text and "\n" not in text else ast.unparse(node)


def _answers_of_text(lines: list[str], cell: str) -> Iterator[Answer]:
    """Yield what can be told of code that is not Python: the expressions of lines that are, else the lines."""
    for line in lines:
        text = line.strip()
        code = Code(f"{text} pass" if text.endswith(":") else text)
        if code.tree is not None and not code.magic:
            for node in _nodes(code.tree):
                yield from _answers_of_node(node, code, cell)
        elif len(text) >= _LEAST_TEXT and not text.startswith("#"):
            yield Answer(text, None, None, len(text), cell)
