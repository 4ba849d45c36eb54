"""When two pieces of Python say the same: normal forms of expressions, and how much an expression tells.

A normal form is a nested tuple without positions or layout. Spellings that numpy offers for one thing become one
(``np.dot(a, b)``, ``np.matmul(a, b)``, ``a.dot(b)`` and ``a @ b``; ``np.add(a, b)`` and ``a + b``; ``p["W"]`` and a
variable ``W`` unpacked from it), and the terms of sums and elementwise products are sorted, so that another order
is no disguise.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby, islice, permutations, product

Form = tuple[object, ...]  # a tag, then forms and strings; Python has no recursive alias before 3.12

_BINARY = {
    "dot": "@", "matmul": "@", "add": "+", "subtract": "-", "multiply": "*",
    "divide": "/", "true_divide": "/", "power": "**",
}  # fmt: skip
_SYMBOLS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.Pow: "**",
    ast.Mod: "%", ast.FloorDiv: "//",
}  # fmt: skip
_COMMUTATIVE = ("+", "*")
_NUMPY = ("np", "numpy", "jnp")

# Stock phrases: loops and allocations, which any program of this kind has and which tell nothing of a formula.
_STOCK = frozenset(
    {
        *("range", "len", "enumerate", "zip", "reversed", "list", "tuple", "dict", "set", "print", "isinstance"),
        *("int", "float", "str", "copy", "items", "keys", "values", "array", "asarray", "arange", "eye"),
        *("zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like"),
    }
)
_OPERATIONS = frozenset(
    {
        *("UnaryOp", "BoolOp", "Compare", "IfExp", "Lambda", "Await"),
        *("ListComp", "SetComp", "DictComp", "GeneratorExp"),
    }
)
_TELLS_NOTHING = frozenset({-1, 0, 1, 2})  # as constants
_LONG_STRING = 20
_MOST_ORDERS = 500  # of the terms of one expression; a lesson has a handful

# The least that an expression must tell. See docs/adr/004-stripping.md for how these were chosen.
TELLING = 4
TELLING_CALL = 3
RENAMED_OPERATIONS = 3
RENAMED_ARITHMETIC = 5
RENAMED_VARIABLES = 3


@dataclass(frozen=True)
class Content:
    """What an expression tells.

    Attributes
    ----------
    operations : int
        Calls other than stock phrases, operators, comparisons, comprehensions, lambdas.
    variables : frozenset of str
        The names it reads, functions of modules aside.
    details : int
        Keyword arguments and constants that had to be chosen.
    calls : bool
        Whether a call or a matrix product is among the operations.
    """

    operations: int
    variables: frozenset[str]
    details: int
    calls: bool

    @property
    def telling(self) -> bool:
        """Whether finding it word for word elsewhere gives an answer away."""
        weight = self.operations + len(self.variables) + self.details
        return self.operations > 0 and weight >= (TELLING_CALL if self.calls else TELLING)

    @property
    def telling_renamed(self) -> bool:
        """Whether it is big enough that finding it with other variables gives an answer away."""
        least = RENAMED_OPERATIONS if self.calls else RENAMED_ARITHMETIC
        return self.operations >= least and len(self.variables) >= RENAMED_VARIABLES


def normal_form(node: ast.AST) -> Form:
    """Return the normal form of a node."""
    special = _SPECIAL.get(type(node))
    if special is not None:
        form = special(node)
        if form is not None:
            return form
    fields: list[object] = [type(node).__name__]
    for name, value in ast.iter_fields(node):
        if name in ("ctx", "kind", "type_comment"):
            continue
        if isinstance(value, ast.AST):
            fields.append(normal_form(value))
        elif isinstance(value, list):
            fields.append(("list", *(normal_form(v) if isinstance(v, ast.AST) else repr(v) for v in value)))
        else:
            fields.append(repr(value))
    return tuple(fields)


def _name(node: ast.Name) -> Form:
    return ("name", node.id)


def _constant(node: ast.Constant) -> Form:
    value = node.value
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 1. and 1 are one
    return ("const", repr(value))


def _sequence(node: ast.Tuple | ast.List) -> Form:
    return ("sequence", *(normal_form(e) for e in node.elts))


def _subscript(node: ast.Subscript) -> Form | None:
    key = node.slice
    if isinstance(node.value, ast.Name) and isinstance(key, ast.Constant) and isinstance(key.value, str):
        return ("name", key.value)
    return None


def _attribute(node: ast.Attribute) -> Form | None:
    if isinstance(node.value, ast.Name) and node.value.id in _NUMPY:
        return ("function", node.attr)
    return None


def _unary(node: ast.UnaryOp) -> Form | None:
    if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        value = node.operand.value
        if isinstance(value, int | float):
            return ("const", repr(-value))
    return None


def _binary(node: ast.BinOp) -> Form:
    symbol = _SYMBOLS.get(type(node.op), type(node.op).__name__)
    return _operate(symbol, normal_form(node.left), normal_form(node.right))


def _operate(symbol: str, left: Form, right: Form) -> Form:
    if symbol not in _COMMUTATIVE:
        return ("op", symbol, left, right)
    terms: list[Form] = []
    for side in (left, right):
        terms += side[2:] if side[:2] == ("op", symbol) else [side]  # type: ignore[arg-type]
    # by shape first, so that renaming variables does not change the order; ties by what is written
    return ("op", symbol, *sorted(terms, key=lambda t: (_shape(t), repr(t))))


def _call(node: ast.Call) -> Form | None:
    function = node.func
    if isinstance(function, ast.Attribute):
        of_numpy = isinstance(function.value, ast.Name) and function.value.id in _NUMPY
        pair = 2
        if of_numpy and not node.keywords:
            if function.attr in _BINARY and len(node.args) == pair:
                return _operate(_BINARY[function.attr], *(normal_form(a) for a in node.args))
            if function.attr == "square" and len(node.args) == 1:
                return ("op", "**", normal_form(node.args[0]), ("const", "2"))
            if function.attr == "transpose" and len(node.args) == 1:
                return ("Attribute", normal_form(node.args[0]), repr("T"))
        elif function.attr == "dot" and len(node.args) == 1 and not node.keywords:
            return _operate("@", normal_form(function.value), normal_form(node.args[0]))
    callee: Form = ("function", function.id) if isinstance(function, ast.Name) else normal_form(function)
    named = sorted((str(k.arg), normal_form(k.value)) for k in node.keywords)
    return ("call", callee, *(normal_form(a) for a in node.args), *(("keyword", k, v) for k, v in named))


_SPECIAL: dict[type[ast.AST], Callable[..., Form | None]] = {
    ast.Name: _name, ast.Constant: _constant, ast.Tuple: _sequence, ast.List: _sequence,
    ast.Subscript: _subscript, ast.Attribute: _attribute, ast.UnaryOp: _unary, ast.BinOp: _binary, ast.Call: _call,
}  # fmt: skip


def _masked(form: Form) -> Form:
    if form[:1] == ("name",):
        return ("name",)
    return tuple(_masked(f) if isinstance(f, tuple) else f for f in form)


def _orders(form: Form) -> Iterator[Form]:
    """Yield the form with terms of equal shape in every order; renaming may have sorted them otherwise."""
    choices = [list(islice(_orders(part), _MOST_ORDERS)) if isinstance(part, tuple) else [part] for part in form]
    for parts in product(*choices):
        if parts[:1] != ("op",) or parts[1] not in _COMMUTATIVE:
            yield parts
            continue
        alike = [list(group) for _, group in groupby(parts[2:], key=_shape)]
        for orders in product(*map(permutations, alike)):
            yield (*parts[:2], *chain(*orders))


def _shape(term: object) -> str:
    return repr(_masked(term)) if isinstance(term, tuple) else ""


def renamed_form(form: Form) -> Form:
    """Return the form with its variables numbered in order of appearance: equal for consistent renamings."""
    return min((_numbered(order) for order in islice(_orders(form), _MOST_ORDERS)), key=repr)


def _numbered(form: Form) -> Form:
    numbers: dict[object, str] = {}

    def number(part: Form) -> Form:
        if part[:1] == ("name",):
            return ("name", numbers.setdefault(part[1], f"v{len(numbers)}"))
        return tuple(number(p) if isinstance(p, tuple) else p for p in part)

    return number(form)


def content(form: Form) -> Content:
    """Weigh a normal form."""
    operations, details, calls = 0, 0, False
    variables: set[str] = set()
    for part, stock in _walk(form, in_stock=False):
        tag = part[0]
        if tag == "name":
            variables.add(str(part[1]))
        elif tag == "op":
            operations += len(part) - 3
            calls = calls or part[1] == "@"
        elif tag == "call":
            if not is_stock(part):
                operations += 1
                calls = True
        elif tag == "keyword":
            details += not stock
        elif tag == "const":
            details += 0 if stock else _detail(str(part[1]))
        elif tag in _OPERATIONS:
            operations += 1
    return Content(operations, frozenset(variables), details, calls)


def is_stock(call: Form) -> bool:
    """Whether a call is a stock phrase."""
    callee = call[1]
    if not isinstance(callee, tuple):
        return False
    name = callee[1] if callee[0] == "function" else callee[2] if callee[0] == "Attribute" else ""
    return str(name).strip("'") in _STOCK


def _detail(constant: str) -> int:
    if constant[:1] in "'\"":
        return 3 if len(constant) > _LONG_STRING else 1
    try:
        return float(constant) not in _TELLS_NOTHING
    except ValueError:
        return 0  # None, True, ...


def _walk(form: Form, *, in_stock: bool) -> Iterator[tuple[Form, bool]]:
    """Yield every part, and whether it is a direct argument of a stock phrase."""
    yield form, in_stock
    stock = form[0] == "call" and is_stock(form)
    stock = stock or (in_stock and form[0] in ("sequence", "keyword"))
    for part in form[1:]:
        if isinstance(part, tuple) and part:
            yield from _walk(part, in_stock=stock)
