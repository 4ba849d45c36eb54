"""Blanking: what a student sees of a solution cell, construct by construct."""

import ast
import textwrap

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.blanking import blank
from autograder.regions import RegionError, find_regions, unify_newlines

START, END = "### START CODE HERE ###", "### END CODE HERE ###"


def cell(code: str) -> str:
    """Return a solution cell whose region holds this code."""
    body = textwrap.indent(textwrap.dedent(code).strip("\n"), "    ")
    return f"# UNQ_C1\ndef exercise(x, y):\n    given = x\n    {START}\n{body}\n    {END}\n    return given\n"


def inside(text: str) -> str:
    """Return what stands between the markers, dedented."""
    (region,) = find_regions(text)
    return textwrap.dedent("\n".join(text.split("\n")[region.start : region.end - 1]))


SKELETONS = {
    "name": ("a = np.dot(x, y)", "a = None"),
    "constant": ("a = 3", "a = None"),
    "tuple": ("a, b, c = step(x, y)", "a, b, c = None, None, None"),
    "tuple in parentheses": ("(a, b) = x, y", "(a, b) = None, None"),
    "tuple of one": ("a, = x", "a, = None,"),
    "nested tuple": ("(a, b), c = f(x)", "(a, b), c = (None, None), None"),
    "list of targets": ("[a, b] = f(x)", "[a, b] = None, None"),
    "starred": ("a, *rest = f(x)", "a, *rest = None, None"),
    "chained": ("a = b = np.zeros((x, y))", "a = b = None"),
    "chained with a tuple": ("a = b, c = f(x)", "a = b, c = None, None"),
    # that a value is added, and not put in its place, is half of the answer
    "augmented": ("total += x * y", "total = None"),
    "augmented item": ("total[t] @= x", "total[None] = None"),
    # where a result is stored is an answer; the name of a field is a name
    "index": ("a[:, :, t] = a_next", "a[None] = None"),
    "named field": ('gradients["dWax"] = x @ y', 'gradients["dWax"] = None'),
    "index of a named field": ('cache["a"][t + 1] = x', 'cache["a"][None] = None'),
    "attribute": ("self.state = x + y", "self.state = None"),
    "annotated": ("a: np.ndarray = x @ y", "a: np.ndarray = None"),
    "annotated without a value": ("a: list[int]", "a: list[int]"),
    "default argument with an equals sign": ("a = lambda q=1: q", "a = None"),
    "keyword argument": ("a = f(x, axis=0)", "a = None"),
    "walrus": ("print(n := len(x))", "(n := None)"),
    "walrus in a condition": ("if (n := len(x)) > 3:\n    a = n", "if (n := None):\n    a = None"),
    "two walruses": ("a = (n := f(x)) + (k := g(x))", "a = ((n := None), (k := None))"),
    "walrus of a lambda": ("a = lambda: (n := 1)", "a = None"),
    "call": ("caches.append(cache)", "None"),
    "expression": ("x + y", "None"),
    "exec": ("exec('a = x @ y')", "None"),
    "docstring": ('"""What this is."""', '"""What this is."""'),
    "string with the answer": ('a = x @ y + z\n"x @ y + z"', "a = None\nNone"),
    "range": ("for t in range(1, T_x):\n    pass", "for t in range(None):\n    pass"),
    "reversed range": ("for t in reversed(range(T_x)):\n    pass", "for t in None:\n    pass"),
    "enumerate": ("for t, (a, b) in enumerate(x):\n    pass", "for t, (a, b) in None:\n    pass"),
    "loop into an item": ("for a[3] in x: pass", "for a[None] in None: pass"),
    "loop with else": ("for t in x:\n    break\nelse:\n    a = y", "for t in None:\n    break\nelse:\n    a = None"),
    "while": ("while a < b and f(x):\n    a = a + 1", "while None:\n    a = None"),
    "if": (
        "if a > b:\n    a = x\nelif a == b:\n    a = y\nelse:\n    a = x @ y",
        "if None:\n    a = None\nelif None:\n    a = None\nelse:\n    a = None",
    ),
    "condition in parentheses": ("if (a >\n        b):\n    a = x", "if None:\n    a = None"),
    "condition with a slice": ("if x[1:2]: a = 1", "if None: a = None"),
    "condition with a lambda": ("if (lambda: x)(): a = 1", "if None: a = None"),
    "with": ("with f(x) as a, g(y):\n    b = a", "with None as a, None:\n    b = None"),
    "with in parentheses": ("with (\n    f(x) as a,\n    g(y),\n):\n    b = a", "with None as a, None:\n    b = None"),
    "try": (
        (
            "try:\n    a = f(x)\nexcept (KeyError, ValueError) as e:\n    a = y\nexcept:\n    raise\nelse:\n    a = 1\n"
            "finally:\n    b = 2"
        ),
        (
            "try:\n    a = None\nexcept None as e:\n    a = None\nexcept:\n    raise\nelse:\n    a = None\n"
            "finally:\n    b = None"
        ),
    ),
    "except group": (
        "try:\n    f()\nexcept* ValueError as e:\n    a = x",
        "try:\n    None\nexcept* None as e:\n    a = None",
    ),
    "raise": ("raise ValueError(x + y) from e", "raise None"),
    "raise not implemented": ("raise NotImplementedError()", "raise NotImplementedError()"),
    "assert": ("assert x.shape == y.shape, 'no'", "assert None"),
    "return": ("return x @ y", "return None"),
    "return of several": ("return a, f(b), c", "return None, None, None"),
    "bare return": ("return", "return"),
    "yield": ("yield x + y", "yield None"),
    "yield from": ("yield from f(x)", "yield None"),
    "delete": ("del x[0]", "None"),
    "import": ("import scipy.special as s", "None"),
    "import of names": ("from scipy.special import softmax, expit", "None"),
    "global": ("global a\na = 1", "global a\na = None"),
    "keywords": ("for t in x:\n    continue", "for t in None:\n    continue"),
    "function": (
        "def inner(a, /, b: int = 3, *c, d=x + 1, **e) -> float:\n    '''Doc.'''\n    return a @ b",
        "def inner(a, /, b: int = None, *c, d=None, **e) -> float:\n    '''Doc.'''\n    return None",
    ),
    "async": (
        "async def inner():\n    async for t in f(x):\n        await g(t)\n    async with h() as k:\n        a = k",
        "async def inner():\n    async for t in None:\n        None\n    async with None as k:\n        a = None",
    ),
    "decorators": ("@property\n@cache(size=x)\ndef inner(): pass", "@property\n@None\ndef inner(): pass"),
    "class": (
        "class A(Base):\n    b = x + y\n    def c(self): return 1",
        "class A(Base):\n    b = None\n    def c(self): return None",
    ),
    "lambda": ("a = lambda q: q @ y", "a = None"),
    "comprehension": ("a = [f(t) for t in x if t > 1]", "a = None"),
    "match": (
        (
            "match f(x):\n    case [1, b] if b > 2:\n        a = b\n    case (3 | 4):\n        a = 2\n"
            "    case int() as k:\n        a = k\n    case other:\n        a = 1"
        ),
        (
            "match None:\n    case None if None:\n        a = None\n    case None:\n        a = None\n"
            "    case None as k:\n        a = None\n    case other:\n        a = None"
        ),
    ),
    "match with a wildcard": ("match x, y:\n    case _: a = 1", "match None:\n    case _: a = None"),
    "one line": ("a = 1; b = f(x); g(b)", "a = None; b = None; None"),
    "one line with a block": ("for t in x: a = t; b = a", "for t in None: a = None; b = None"),
    "several lines": ("a = f(x,\n      y)", "a = None"),
    "several lines in parentheses": ("a = (\n    x\n    + y\n)", "a = None"),
    "backslash": ("a = x + \\\n    y", "a = None"),
    "string of several lines": ('a = """\n### not a comment\n  x + y\n"""\nb = 1', "a = None\nb = None"),
    "not ASCII": ('ä = "ö" + é  # für später', "ä = None  # für später"),
    "not ASCII before an index": ('d["éé"][t] = π * 2', 'd["éé"][None] = None'),
    "tabs": ("if x:\n\ta = y\n\tb = a", "if None:\n\ta = None\n\tb = None"),
    "blanks": ("a   =   x  +  y   # sum", "a   = None   # sum"),
    "comment of its own": ("# Step 1: the state\na = x @ y", "# Step 1: the state\na = None"),
    "comments within an expression": (
        "a = (x  # the old\n     + y)  # and the new",
        "# the old\na = None  # and the new",
    ),
    "comment in a header": ("if (x  # one\n    and y):  # two\n    a = 1", "# one\nif None:  # two\n    a = None"),
    "comment with the answer": ("a = np.dot(x, y)  # np.dot(x, y)", "a = None"),
    "comment that was code": ("# a = np.dot( x,y ) + 1\na = np.dot(x, y)\n# shape (n, m)", "a = None\n# shape (n, m)"),
    "comment with the answer, renamed": (
        "# p = tanh(q @ r + s @ t)\na = np.tanh(np.dot(w, x) + np.dot(u, y))",
        "a = None",
    ),
    "blank lines": ("a = x\n\n\nb = y", "a = None\n\n\nb = None"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("name", SKELETONS)
def test_each_construct_keeps_its_skeleton_and_loses_its_answer(name):
    """The region reads exactly as the table says; all around it is untouched; nothing was replaced whole."""
    before, after = SKELETONS[name]
    blanked = blank(cell(before))
    assert inside(blanked.text) == textwrap.dedent(after)
    assert blanked.text == cell(after) if after else True
    assert blanked.replaced == ()


@pytest.mark.parametrize("name", SKELETONS)
def test_blanking_twice_changes_nothing_more(name):
    """A blanked cell is blank."""
    once = blank(cell(SKELETONS[name][0])).text
    assert blank(once).text == once


WHOLE = {
    "not Python": "a = = x @ y",
    "a magic": "%timeit f(x)\na = x @ y",
    "a shell line": "!rm -r x\na = 1",
    "a store into a call": "f(x)[0] = y",
    "a class with keywords": "class A(metaclass=f(x)): pass",
    "a computed annotation": "a: f(x) = 3",
    "a target in brackets": "(a) += x @ y",
    "a signature that is an answer": "def inner(a, b=None): pass\nz = inner(a, b=None)",
    "a with into an item": "with f(x) as a[0]: pass",
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_cannot_be_blanked_is_replaced_whole_and_says_so(name):
    """Nothing of the region is left but a line that raises; the report names the region's line."""
    blanked = blank(cell(WHOLE[name]))
    assert inside(blanked.text) == "# YOUR CODE HERE\nraise NotImplementedError()"
    assert len(blanked.replaced) == 1
    assert blanked.replaced[0].startswith("line 4:")
    ast.parse(blanked.text)
    assert blank(blanked.text).text == blanked.text


def test_magics_outside_the_region_stay():
    """IPython's lines around a region are no hindrance and are kept as they are."""
    source = cell("a = x @ y").replace("    given = x", "    given = x\n    %time given\n    !ls")
    blanked = blank(f"%%capture out\n{source}")
    assert blanked.text == f"%%capture out\n{source}".replace("a = x @ y", "a = None")
    assert blanked.replaced == ()


def test_several_regions_are_each_blanked():
    """Two regions in one cell are two answers."""
    source = f"{START}\na = f(x)\n{END}\nb = g(x)\n{START}\nc = h(\n    x)\n{END}"
    assert blank(source).text == f"{START}\na = None\n{END}\nb = g(x)\n{START}\nc = None\n{END}"


def test_a_region_may_hold_a_header_without_its_body_and_a_body_without_its_header():
    """Only what stands between the markers is an answer."""
    header = f"{START}\nfor t in range(n):\n{END}\n    a = f(t)\n"
    body = f"for t in range(n):\n    {START}\n    a = f(t)\n    {END}\n"
    assert blank(header).text == f"{START}\nfor t in range(None):\n{END}\n    a = f(t)\n"
    assert blank(body).text == f"for t in range(n):\n    {START}\n    a = None\n    {END}\n"


def test_line_ends_of_other_systems_are_understood():
    """Carriage returns do not shift what is cut."""
    source = cell("ä = f(x)\nb = g(y)")
    for end in ("\r\n", "\r"):
        assert blank(source.replace("\n", end)).text == blank(source).text


def test_a_bare_none_without_a_comment_is_reported():
    """An instructor hears of a step that a student could not guess; a comment above it is enough."""
    assert blank(cell("caches.append(x)")).bare == (5,)
    assert blank(cell("# keep it\ncaches.append(x)")).bare == ()


REFUSED = {
    "no markers": ("def f():\n    return 1\n", 1, "START CODE HERE"),
    "no end": (f"{START}\na = 1\n", 1, "without an END"),
    "no start": (f"a = 1\n{END}\n", 2, "without a START"),
    "end before start": (f"{END}\na = 1\n{START}\n", 1, "without a START"),
    "nested": (f"{START}\na = 1\n{START}\n{END}\n{END}\n", 3, "line 1 has not ended"),
    "two ends": (f"{START}\na = 1\n{END}\n{END}\n", 4, "without a START"),
    "beside code": (f"{START}\na = 1\nb = 2  {END}\n", 3, "a line of its own"),
    "in a string": (f'a = """\n{START}\n{END}\n"""\n', 2, "inside a string"),
    "in the middle of a statement": (f"a = f(\n{START}\n    x,\n{END}\n)\n", 2, "middle of a statement"),
    "broken outside": (f"def f(:\n    {START}\n    a = 1\n    {END}\n", 2, "is not Python"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_markers_out_of_order_are_refused_with_their_line(name):
    """The message says which line is wrong and what to do; no half-blanked cell comes out."""
    source, line, says = REFUSED[name]
    with pytest.raises(RegionError, match=says) as refusal:
        blank(source)
    assert refusal.value.line == line


# -- any code at all -----------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "dWax", "état", "x_1"])
TELLTALE = "SECRET"  # every generated answer holds it, and no skeleton may


@st.composite
def expressions(draw, depth: int = 2) -> str:
    """Return an expression that calls or reads a telltale, in any layout."""
    inner = expressions(depth - 1) if depth else st.just(f"{TELLTALE}_x")
    kind = draw(st.integers(0, 9 if depth else 0))
    e = draw(inner)
    return {
        0: f"{TELLTALE}({e})",
        1: f"({e}\n  + {TELLTALE} # note one\n  )",
        2: f"[{TELLTALE} for q in ({e}) if q]",
        3: f"(lambda q={TELLTALE}: {e})",
        4: f"{e} \\\n  @ {TELLTALE}",
        5: f'"""ü\n{TELLTALE}""" + ({e})',
        6: f"{{'k': {e}, **{TELLTALE}}}",
        7: f"({e})[{TELLTALE}:, ::2]",
        8: f"(f'{{{TELLTALE}_é}}:=' if ({e}) else {TELLTALE})",
        9: f"(not ({e}))",
    }[kind]


@st.composite
def statements(draw, depth: int = 2) -> list[str]:
    """Return the lines of a few statements."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        name, other, e = draw(NAMES), draw(NAMES), draw(expressions())
        simple = [
            f"{name} = {e}",
            f"{name}, {other} = {e}",
            f"{name} += {e}",
            f"{name}[{TELLTALE}] = {e}",
            f"{name}: int = {e}",
            f"{name} = {other} = {e}",
            f"{TELLTALE}.append({e})",
            f"{name} = {TELLTALE}; {other} = {e}",
            f"return {e}",
            f"assert {e}, {TELLTALE}",
        ]
        blocks = [
            f"for {name} in {e}:",
            f"for {name} in range({e}):",
            f"while ({e}):",
            f"if ({e}):",
            f"with ({e}) as {name}:",
            f"def {name}({other}={e}):",
            f"try:\n    {name} = {e}\nexcept {TELLTALE}:",
        ]
        choice = draw(st.integers(0, len(simple) + (len(blocks) if depth else 0) - 1))
        note = draw(st.sampled_from(["", "  # note two", "\n# note three"]))
        if choice < len(simple):
            lines += (simple[choice] + note).split("\n")
        else:
            lines += (blocks[choice - len(simple)] + note.replace("\n", "  ")).split("\n")
            # inside strings an indentation is text; the generated ones do not mind
            lines += [f"    {line}" for line in draw(statements(depth - 1))]
    return lines


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(statements())
def test_any_code_is_blanked_to_python_without_its_answers(lines):
    """Whatever the statements: the result is Python, idempotent, and tells nothing; comments and names are kept."""
    source = cell("\n".join(lines))
    tree = ast.parse(source)
    blanked = blank(source)
    assert blanked.replaced == ()
    assert TELLTALE not in blanked.text
    compile(blanked.text, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert blank(blanked.text).text == blanked.text
    assert _stored(ast.parse(blanked.text)) == _stored(tree)
    for note in ("# note one", "# note two", "# note three"):
        assert blanked.text.count(note) == source.count(note)
    outside = source.split(START)[0], source.split(END)[1]
    assert (blanked.text.split(START)[0], blanked.text.split(END)[1]) == outside


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_in_a_region_is_blanked_or_refused_never_shown(text):
    """Text that is hardly ever Python is blanked or replaced whole; a refusal names a line of the cell."""
    source = f"def f():\n    {START}\n    {TELLTALE}({TELLTALE}{text}\n    {END}\n"
    try:
        blanked = blank(source).text
    except RegionError as refusal:
        line = refusal.line
    else:
        line = 1
        assert TELLTALE not in blanked
        ast.parse(blanked)
    assert 1 <= line <= len(unify_newlines(source).split("\n"))


def _stored(tree: ast.AST) -> list[str]:
    """Return the names that statements store to, in order: an oracle of its own, by walking the tree."""
    names = []
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.For):
            names += [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name) and n.id != TELLTALE]
    return sorted(names)
