"""The operators that make mutants: small edits of array code, each one that a student's slip could be.

Tools for mutation testing know nothing of axes, transposes or gates, so these are ours. An operator looks at one node
of the syntax tree and yields replacements of its text; the rest of the cell stays as the instructor wrote it, so that a
mutant reads as a diff.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

_REDUCTIONS = {"sum": "mean", "mean": "sum", "max": "min", "min": "max", "argmax": "argmin"}
_ALONG_AXIS = {*_REDUCTIONS, "concatenate", "softmax", "stack", "cumsum", "prod"}
_SQUASHING = {"tanh": "sigmoid", "sigmoid": "np.tanh", "softmax": "sigmoid", "exp": ""}
_ALLOCATING = {"zeros", "zeros_like", "ones", "ones_like"}
_SWAPPED = {
    ast.Add: ("-",),
    ast.Sub: ("+",),
    ast.Mult: ("+", "/"),
    ast.Div: ("*",),
}
_COMPARED = {ast.Lt: ">=", ast.Gt: "<=", ast.LtE: ">", ast.GtE: "<", ast.Eq: "!=", ast.NotEq: "=="}
_OTHERS = 3  # names or keys of the same shape that are put in the place of one


@dataclass(frozen=True)
class Scope:
    """What is known about the function when it runs.

    Attributes
    ----------
    shapes : mapping of str to tuple
        Of the arrays among its local names, in the order in which they are bound.
    keys : mapping of str to mapping
        Of the dictionaries among them: the shape of each entry.
    first : mapping of str to int
        The line from which on each local name is bound; 0 for arguments.
    """

    shapes: Mapping[str, tuple[int, ...]]
    keys: Mapping[str, Mapping[str, tuple[int, ...]]]
    first: Mapping[str, int]


@dataclass(frozen=True)
class Replacement:
    """A node's text replaced: by which operator, and by what."""

    operator: str
    node: ast.AST
    text: str


def replacements(tree: ast.AST, source: str, scope: Scope) -> Iterator[Replacement]:
    """Yield every replacement below a node.

    Parameters
    ----------
    source : str
        The text that the tree was parsed from.
    """
    text = _Text(source)
    for parent in ast.walk(tree):
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, ast.expr):
                yield from _expression(node, parent, text, scope)
                yield from _operand(node, parent, text, scope)
            elif isinstance(node, ast.stmt):
                yield from _statement(node, text, scope)


class _Text:
    """The source, and the text of its nodes."""

    def __init__(self, source: str) -> None:
        self._source = source

    def of(self, node: ast.AST) -> str:
        return ast.get_source_segment(self._source, node) or ast.unparse(node)

    def operand(self, node: ast.AST) -> str:
        """Return a node's text as an operand: in parentheses where another operator could take it apart."""
        text = self.of(node)
        return f"({text})" if isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare | ast.IfExp | ast.BoolOp) else text


def _function(node: ast.Call) -> str:
    """Return the name of a function that is called by name, as ``np.name`` or as a method."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _from_numpy(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) and node.func.value.id == "np"


def _expression(node: ast.expr, parent: ast.AST, text: _Text, scope: Scope) -> Iterator[Replacement]:
    match node:
        case ast.Call():
            yield from _call(node, text)
        case ast.BinOp():
            yield from _binary(node, text)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield Replacement("sign", node, text.operand(operand))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
            swapped = f"{text.operand(left)} {_COMPARED[type(op)]} {text.operand(right)}"
            yield Replacement("comparison", node, swapped)
        case ast.Attribute(attr="T", value=value):
            yield Replacement("transpose removed", node, text.operand(value))
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            yield from _number(node, parent, value)
        case ast.Subscript(ctx=ast.Load() | ast.Store()):
            yield from _subscript(node, text, scope)
        case ast.Name(id=name, ctx=ast.Load()) if name in scope.shapes:
            if not (isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store)):
                yield from _names(node, name, scope)
        case ast.Dict(keys=names, values=values) if len(values) > 1:
            yield from _mixed(node, names, values, text)
        case ast.Tuple(elts=entries, ctx=ast.Load()) if not isinstance(parent, ast.Subscript):
            yield from _exchanged(node, entries, text)
        case ast.Tuple(elts=entries, ctx=ast.Store()):
            yield from _exchanged(node, entries, text)


def _operand(node: ast.expr, parent: ast.AST, text: _Text, scope: Scope) -> Iterator[Replacement]:
    """Yield what can happen to an array on its way into a sum, a product or a call."""
    base = node.value if isinstance(node, ast.Subscript) else node
    if not isinstance(base, ast.Name) or base.id not in scope.shapes or not isinstance(node.ctx, ast.Load):  # type: ignore[attr-defined]
        return
    if not isinstance(parent, ast.BinOp | ast.Call):
        return
    written = text.of(node)
    yield Replacement("sign turned", node, f"(-{written})")
    yield Replacement("squared", node, f"({written} * {written})")
    axes = len(scope.shapes[base.id])
    if axes == 2 and isinstance(node, ast.Name) and scope.shapes[base.id][1] > 1:
        yield Replacement("first column for all", node, f"{written}[:, :1]")


def _whole(node: ast.expr, text: _Text) -> Iterator[Replacement]:
    """Yield what can happen to an array before it is stored; what is only allocated holds nothing yet."""
    if isinstance(node, ast.Call) and _function(node) in _ALLOCATING:
        return
    written = text.of(node)
    yield Replacement("rounded", node, f"np.round({written}, 3)")
    yield Replacement("half precision", node, f"({written}).astype(np.float16)")
    yield Replacement("doubled", node, f"2 * ({written})")
    yield Replacement("examples shifted", node, f"np.roll({written}, 1, axis=1)")


def _call(node: ast.Call, text: _Text) -> Iterator[Replacement]:
    name = _function(node)
    called = text.of(node.func)

    def again(arguments: list[ast.expr], keywords: list[ast.keyword], function: str = called, more: str = "") -> str:
        parts = [text.of(a) for a in arguments] + [f"{k.arg}={text.of(k.value)}" for k in keywords if k.arg]
        return f"{function}({', '.join(parts + ([more] if more else []))})"

    if name in _ALONG_AXIS:
        given = {k.arg: k for k in node.keywords}
        for keyword in node.keywords:
            rest = [k for k in node.keywords if k is not keyword]
            if keyword.arg == "axis":
                axis = text.of(keyword.value)
                yield Replacement(
                    "axis changed", node, again(node.args, rest, more=f"axis={'0' if axis != '0' else '1'}")
                )
                kept = [k for k in rest if k.arg != "keepdims"] if name not in _REDUCTIONS else rest
                yield Replacement("axis dropped", node, again(node.args, kept))
            if keyword.arg == "keepdims":
                yield Replacement("keepdims dropped", node, again(node.args, rest))
        if name == "softmax" and "axis" not in given and len(node.args) == 1:
            yield Replacement("axis changed", node, again(node.args, node.keywords, more="axis=1"))
    if name in _REDUCTIONS and called.endswith(name):
        yield Replacement("reduction", node, again(node.args, node.keywords, called[: -len(name)] + _REDUCTIONS[name]))
    if name in {"concatenate", "vstack", "hstack"} and node.args and isinstance(node.args[0], ast.List | ast.Tuple):
        joined = ", ".join(text.of(entry) for entry in reversed(node.args[0].elts))
        more = [text.of(a) for a in node.args[1:]] + [f"{k.arg}={text.of(k.value)}" for k in node.keywords if k.arg]
        yield Replacement("joined in another order", node, f"{called}({', '.join([f'[{joined}]', *more])})")
    if name in {"dot", "matmul"} and _from_numpy(node) and len(node.args) == 2:
        yield from _product(node, node.args[0], node.args[1], called + "({}, {})", text)
    if name in _SQUASHING and len(node.args) == 1:
        if _SQUASHING[name]:
            yield Replacement("another nonlinearity", node, again(node.args, [], _SQUASHING[name]))
        yield Replacement("nonlinearity dropped", node, text.operand(node.args[0]))
    if name in _ALLOCATING and _from_numpy(node):
        like = "_like" if name.endswith("_like") else ""
        for other in {"zeros", "ones", "empty"} - {name.removesuffix("_like")}:
            yield Replacement("allocation", node, again(node.args, node.keywords, f"np.{other}{like}"))
        if not any(k.arg == "dtype" for k in node.keywords):
            yield Replacement("dtype", node, again(node.args, node.keywords, more="dtype=np.float32"))
            yield Replacement("dtype", node, again(node.args, node.keywords, more="dtype=int"))
    if isinstance(node.func, ast.Name) and name not in {"range", "reversed", "len", "zip", "enumerate"}:
        for index in range(len(node.args) - 1):
            order = [*node.args[:index], node.args[index + 1], node.args[index], *node.args[index + 2 :]]
            yield Replacement("arguments exchanged", node, again(order, node.keywords))
    if name == "copy" and not node.args and isinstance(node.func, ast.Attribute):
        yield Replacement("copy dropped", node, text.of(node.func.value))
    yield from _loop(node, name, text)


def _loop(node: ast.Call, name: str, text: _Text) -> Iterator[Replacement]:
    if name == "reversed" and len(node.args) == 1:
        yield Replacement("reversed dropped", node, text.of(node.args[0]))
    if name == "range" and len(node.args) == 1:
        end = text.of(node.args[0])
        yield Replacement("loop one step shorter", node, f"range({text.operand(node.args[0])} - 1)")
        yield Replacement("loop starts late", node, f"range(1, {end})")
        yield Replacement("loop backwards", node, f"range({text.operand(node.args[0])} - 1, -1, -1)")


def _product(node: ast.expr, left: ast.expr, right: ast.expr, form: str, text: _Text) -> Iterator[Replacement]:
    a, b = text.operand(left), text.operand(right)
    yield Replacement("product exchanged", node, form.format(b, a))
    yield Replacement("product elementwise", node, f"({a} * {b})")
    for operand, transposed in ((left, (f"{a}.T", b)), (right, (a, f"{b}.T"))):
        if not (isinstance(operand, ast.Attribute) and operand.attr == "T"):
            yield Replacement("transpose added", node, form.format(*transposed))


def _binary(node: ast.BinOp, text: _Text) -> Iterator[Replacement]:
    left, right = text.operand(node.left), text.operand(node.right)
    if isinstance(node.op, ast.MatMult):
        yield from _product(node, node.left, node.right, "{} @ {}", text)
        return
    for sign in _SWAPPED.get(type(node.op), ()):
        yield Replacement("arithmetic", node, f"({left} {sign} {right})")
    if isinstance(node.op, ast.Sub | ast.Div):
        sign = "-" if isinstance(node.op, ast.Sub) else "/"
        yield Replacement("operands exchanged", node, f"({right} {sign} {left})")
    if isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.Pow):
        what = "term dropped" if isinstance(node.op, ast.Add | ast.Sub) else "factor dropped"
        yield Replacement(what, node, left)
        if not isinstance(node.op, ast.Pow):
            yield Replacement(what, node, right)


def _number(node: ast.Constant, parent: ast.AST, value: float) -> Iterator[Replacement]:
    if isinstance(parent, ast.keyword):
        return  # an axis: it has operators of its own
    others = [value + 1, value - 1] if type(value) is int else [0.0, 2 * value]
    for other in others:
        yield Replacement("constant", node, repr(other) if other >= 0 else f"({other!r})")


def _subscript(node: ast.Subscript, text: _Text, scope: Scope) -> Iterator[Replacement]:
    index = node.slice
    entries = index.elts if isinstance(index, ast.Tuple) else [index]
    for entry in entries:
        if isinstance(entry, ast.Name):
            yield Replacement("index", entry, f"{entry.id} - 1")
            yield Replacement("index", entry, f"{entry.id} + 1")
            yield Replacement("index", entry, "0")
            yield Replacement("index", entry, "-1")
        elif isinstance(entry, ast.Slice) and (entry.lower is None) != (entry.upper is None) and entry.step is None:
            bound = text.of(entry.lower or entry.upper or entry)
            yield Replacement("slice", entry, f":{bound}" if entry.upper is None else f"{bound}:")
    if isinstance(index, ast.Constant) and isinstance(index.value, str) and isinstance(node.ctx, ast.Load):
        known = scope.keys.get(text.of(node.value), {})
        shape = known.get(index.value)
        others = [key for key, other in known.items() if key != index.value and other == shape]
        for key in others[:_OTHERS]:
            yield Replacement("key exchanged", index, repr(key).replace("'", '"'))


def _names(node: ast.Name, name: str, scope: Scope) -> Iterator[Replacement]:
    others = [
        other
        for other, shape in scope.shapes.items()
        if other != name and shape == scope.shapes[name] and scope.first.get(other, 0) <= node.lineno
    ]
    # those bound nearest are the likeliest slips
    others.sort(key=lambda other: abs(scope.first.get(other, 0) - scope.first.get(name, 0)))
    for other in others[:_OTHERS]:
        yield Replacement("name exchanged", node, other)


def _exchanged(node: ast.Tuple, entries: list[ast.expr], text: _Text) -> Iterator[Replacement]:
    written = [text.of(entry) for entry in entries]
    for index, (one, other) in enumerate(pairwise(written)):
        if one != other:
            listed = [*written[:index], other, one, *written[index + 2 :]]
            bracket = "({})" if text.of(node).startswith("(") else "{}"
            yield Replacement("entries exchanged", node, bracket.format(", ".join(listed)))


def _mixed(node: ast.Dict, names: list[ast.expr | None], values: list[ast.expr], text: _Text) -> Iterator[Replacement]:
    """Yield dictionaries in which two neighbours have changed values, or one is missing."""
    written = [(text.of(name), text.of(value)) for name, value in zip(names, values, strict=True) if name is not None]
    for index, ((name, value), (other, its)) in enumerate(pairwise(written)):
        if value != its:
            listed = [*written[:index], (name, its), (other, value), *written[index + 2 :]]
            yield Replacement("entries exchanged", node, "{" + ", ".join(f"{k}: {v}" for k, v in listed) + "}")
    for index in range(len(written)):
        listed = written[:index] + written[index + 1 :]
        yield Replacement("entry left out", node, "{" + ", ".join(f"{k}: {v}" for k, v in listed) + "}")


def _statement(node: ast.stmt, text: _Text, scope: Scope) -> Iterator[Replacement]:
    match node:
        case ast.AugAssign(target=target, value=value):
            yield Replacement("overwritten, not added", node, f"{text.of(target)} = {text.of(value)}")
            sign = "-=" if isinstance(node.op, ast.Add) else "+="
            yield Replacement("arithmetic", node, f"{text.of(target)} {sign} {text.of(value)}")
            yield Replacement("line dropped", node, "pass")
            yield from _whole(value, text)
        case ast.Assign(targets=[ast.Subscript() as target]):
            yield Replacement("line dropped", node, "pass")
            yield Replacement("added, not stored", node, f"{text.of(target)} += {text.of(node.value)}")
            yield from _whole(node.value, text)
        case ast.Assign(targets=[ast.Name(id=name)]):
            if len(scope.shapes.get(name, ())) > 1 and not isinstance(node.value, ast.Subscript | ast.Name):
                yield from _whole(node.value, text)
            if scope.first.get(name, node.lineno + 1) <= node.lineno:
                yield Replacement("line dropped", node, "pass")
            if isinstance(node.value, ast.Call) and _function(node.value) in _ALLOCATING:
                shape = scope.shapes.get(name)
                for other, its in scope.shapes.items():
                    if other != name and its == shape and scope.first.get(other, 0) <= node.lineno:
                        yield Replacement("one array under two names", node, f"{name} = {other}")
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="append", value=listed), args=[entry])):
            yield Replacement("line dropped", node, "pass")
            yield Replacement("overwritten, not added", node, f"{text.of(listed)} = [{text.of(entry)}]")
            yield Replacement("put in front", node, f"{text.of(listed)}.insert(0, {text.of(entry)})")
