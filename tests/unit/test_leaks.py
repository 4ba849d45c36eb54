"""The leak check: every disguise is seen through, and honest teaching raises no alarm."""

import ast
import base64
import gzip
import io
import itertools
import json
import re
import struct
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.leaks import find_leaks, tells
from autograder.solutions import answers_of

CELL = '''# UNQ_C1
# GRADED FUNCTION: cell
def cell(xt, a_prev, parameters):
    """Return a_next, yt_pred and the tuple (a_next, a_prev, xt, parameters)."""
    Wax = parameters["Wax"]
    n_a, m = a_prev.shape
    ### START CODE HERE ###
    a_next = np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, xt) + ba)
    yt_pred = softmax(np.dot(Wya, a_next) + by)
    db = np.sum(dz, axis=1, keepdims=True)
    room = np.zeros((n_a, m))
    for t in range(T_x):
        a[:, :, t] = a_next
        caches.append(cache)
    c_next = ft * c_prev + it * cct
    s = np.tanh(z)
    n_z = n_a + n_x
    again = cell(xt, a_prev, parameters)
    ### END CODE HERE ###
    cache = (a_next, a_prev, xt, parameters)
    return a_next, yt_pred, cache
'''
ANSWERS = answers_of(CELL, "UNQ_C1")
FORMULA = "np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, xt) + ba)"


def notebook(**parts) -> bytes:
    """Return a notebook with one cell, as bytes."""
    cell = {"cell_type": "markdown", "id": "hint", "metadata": {}, "source": "Think.", **parts}
    meta = cell.pop("notebook_metadata", {})
    return json.dumps({"cells": [cell], "metadata": meta, "nbformat": 4, "nbformat_minor": 5}).encode()


def png(kind: bytes, body: bytes) -> bytes:
    """Return a PNG's signature and one chunk."""
    crc = struct.pack(">I", zlib.crc32(kind + body))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(body)) + kind + body + crc


def zipped(text: str) -> bytes:
    """Return a zip with one text."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner/notes.txt", text)
    return data.getvalue()


def code_cell(source: str, outputs: list | None = None) -> dict:
    """Return the parts of a code cell."""
    return {"cell_type": "code", "source": source, "outputs": outputs or [], "execution_count": None}


HTML = "<span>np</span>.<span>tanh</span>(np.dot(Waa, a_prev)&nbsp;+ np.dot(Wax, xt) + ba)"
BASE64 = base64.b64encode(f"try a = {FORMULA}".encode()).decode()

PLACES = {
    "markdown": ("n.ipynb", notebook(source=f"Almost: a_next is {FORMULA}, is it not?")),
    "lines of markdown": (
        "n.ipynb",
        notebook(source=["Almost:\n", "`np.tanh(np.dot(Waa, a_prev)\n", "+ np.dot(Wax, xt) + ba)`"]),
    ),
    "fence": ("n.ipynb", notebook(source=f"Look:\n\n```python\na = {FORMULA}\n```\n")),
    "fence with other names": (
        "n.ipynb",
        notebook(source="Look:\n\n```python\nh = np.tanh(b\n   + W @ x +\n   U @ h)\n```\n"),
    ),
    "fence in a quotation": (
        "n.ipynb",
        notebook(source="Look:\n\n> ```\n> h = np.tanh(c +\n>     V @ x + U @ h)\n> ```\n"),
    ),
    "base64 in a file": ("notes.txt", f"Decode this: {BASE64}".encode()),
    "details": ("n.ipynb", notebook(source=f"<details><summary>Hint</summary><code>{HTML}</code></details>")),
    "quotation": ("n.ipynb", notebook(source="> np.tanh(np.dot(Waa, a_prev)\n> + np.dot(Wax, xt)\n> + ba)")),
    "code": ("n.ipynb", notebook(**code_cell(f"h = {FORMULA}"))),
    "code with magics": ("n.ipynb", notebook(**code_cell(f"%matplotlib inline\nh = {FORMULA}\n!ls"))),
    "code that is broken": ("n.ipynb", notebook(**code_cell(f"def f(:\n h = {FORMULA}"))),
    "comment": ("n.ipynb", notebook(**code_cell(f"x = 1\n# {FORMULA}"))),
    "comment over lines": (
        "m.py",
        b"x = 1\n# h = np.tanh(np.dot(Waa, a_prev)\n#    + np.dot(Wax, xt)\n#    + ba)\n",
    ),
    "docstring": ("rnn_utils/a.py", f'def f():\n    """Say {FORMULA}."""\n'.encode()),
    "docstring with other names": (
        "rnn_utils/a.py",
        b'def f():\n    """Say::\n\n        >>> h = np.tanh(c + W @ x + U @ h)\n    """\n',
    ),
    "string": ("rnn_utils/a.py", f"run('a = {FORMULA}')".encode()),
    "module": ("rnn_utils/a.py", f"def f(z):\n    return {FORMULA}".encode()),
    "stream": (
        "n.ipynb",
        notebook(**code_cell("x", [{"output_type": "stream", "name": "stdout", "text": ["> ", FORMULA]}])),
    ),
    "html output": (
        "n.ipynb",
        notebook(**code_cell("x", [{"output_type": "display_data", "metadata": {}, "data": {"text/html": HTML}}])),
    ),
    "traceback": (
        "n.ipynb",
        notebook(
            **code_cell("x", [{"output_type": "error", "ename": "E", "evalue": "", "traceback": [f"---> 3 {FORMULA}"]}])
        ),
    ),
    "attachment": ("n.ipynb", notebook(attachments={"a.txt": {"text/plain": BASE64}})),
    "picture attached": (
        "n.ipynb",
        notebook(
            attachments={"a.png": {"image/png": base64.b64encode(png(b"tEXt", f"c\0{FORMULA}".encode())).decode()}}
        ),
    ),
    "picture with packed text": ("figures/a.png", png(b"zTXt", b"c\0\0" + zlib.compress(FORMULA.encode()))),
    "data address": ("n.ipynb", notebook(source=f"![a](data:image/svg+xml;base64,{BASE64})")),
    "wrapped base64": (
        "n.ipynb",
        notebook(attachments={"a": {"b": "\n".join(BASE64[i : i + 20] for i in range(0, len(BASE64), 20))}}),
    ),
    "cell metadata": ("n.ipynb", notebook(metadata={"nbgrader": {"note": FORMULA}})),
    "name in metadata": ("n.ipynb", notebook(metadata={FORMULA: 1})),
    "notebook metadata": ("n.ipynb", notebook(notebook_metadata={"a": [{"b": FORMULA}]})),
    "drawing": (
        "figures/a.svg",
        b"<svg><text>np.tanh(<tspan>np.dot(Waa, a_prev)</tspan> + np.dot(Wax, xt)</text><text> + ba)</text></svg>",
    ),
    "drawing's description": ("figures/a.svg", f"<svg><desc>{FORMULA}</desc></svg>".encode()),
    "readme": ("README.md", f"| 1 | {FORMULA} |".encode()),
    "JSON": ("data.json", json.dumps({"a": {"b": [1, FORMULA]}}).encode()),
    "archive": ("a.zip", zipped(FORMULA)),
    "npz in gzip": ("a.gz", gzip.compress(zipped(FORMULA))),
    "bytes": ("a.bin", b"\xff\xfe\x00" + FORMULA.encode() + b"\x00\xff"),
    "notebook of another name": ("old/copy.ipynb", notebook(**code_cell(CELL))),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_planted_answer_is_found_wherever_it_stands(place):
    """The whole formula is named, and where it stands."""
    path, data = PLACES[place]
    leaks = find_leaks(ANSWERS, [("fine.txt", b"nothing here"), (path, data)])
    assert FORMULA in [leak.expression for leak in leaks]
    assert all(leak.where.startswith(path) for leak in leaks)


DISGUISES = {
    "blanks": "np . tanh( np.dot( Waa,a_prev )+np.dot( Wax,xt )+ba )",
    "lines": "np.tanh(\n    np.dot(Waa, a_prev)  # old\n    + np.dot(Wax, xt)\n    + ba\n)",
    "matrix product": "np.tanh(Waa @ a_prev + Wax @ xt + ba)",
    "method": "np.tanh(Waa.dot(a_prev) + np.matmul(Wax, xt) + ba)",
    "np.add": "np.tanh(np.add(np.dot(Waa, a_prev) + np.dot(Wax, xt), ba))",
    "another order": "np.tanh(ba + np.dot(Wax, xt) + np.dot(Waa, a_prev))",
    "brackets": "np.tanh(((np.dot(Waa, a_prev)) + (np.dot(Wax, xt) + (ba))))",
    "numpy": "numpy.tanh(numpy.dot(Waa, a_prev) + numpy.dot(Wax, xt) + ba)",
    "imported": "tanh(dot(Waa, a_prev) + Wax @ xt + ba)",
    "parameters": 'np.tanh(parameters["Waa"] @ a_prev + parameters["Wax"] @ xt + p["ba"])',
    "other names": "np.tanh(np.dot(U, h) + np.dot(V, x) + c)",
    "other names and order": "np.tanh(c + V @ x + U @ h)",
    "within more": "y = f(1 + 2 * np.tanh(U @ h + V @ x + c)[0])",
    "a smaller part": "np.dot(Wya, a_next)",
    "a keyword argument": "np.sum( dz, keepdims = True, axis=1 )",
    "where it is stored": "a[:,:,t]=a_next",
    "a call as a statement": "caches.append( cache )",
    "plain arithmetic": "c_next = cct * it + c_prev * ft",
}


CONTAINERS = [
    "{}\n",
    "See:\n\n```\n{}\n```",
    "Write `{}` there, and it works.",
    "The step: {}",
    "x = 1  # {}\n",
    ">>> {}\nand so on",
]


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("container", CONTAINERS)
def test_a_disguised_answer_is_found(disguise, container):
    """Layout, spelling, order of terms and names of variables are no disguise, in code and in prose."""
    code = DISGUISES[disguise]
    text = container.format(code if container.startswith(("{}", "See")) else code.replace("  # old\n", ""))
    assert tells(text, ANSWERS) is not None


HONEST = {
    "names": "`Wax`, `Waa`, `a_prev` and `xt`; then `a_next` and `np.tanh`; `parameters['Wax']`; `x.shape`",
    "signature": "`cell(xt, a_prev, parameters)` returns `(a_next, a_prev, xt, parameters)`",
    "formula": r"$a^{\langle t\rangle} = \tanh(W_{aa} a^{\langle t-1\rangle} + W_{ax} x + b_a)$",
    "formula in words": "a_next = tanh(Waa a_prev + Wax xt + ba), then the softmax of Wya a_next + by",
    "given lines": 'Wax = parameters["Wax"]\nn_a, m = a_prev.shape\nreturn a_next, yt_pred, cache',
    "slices": "xt = x[:, :, t]\nprint(x[:, :, 0], a[:, :, -1])",
    "allocations": "room = np.zeros((n_a, m))\na0 = np.ones((n_a, m)) * 3",
    "loops": "for t in range(T_x):\n    print(t)\nfor t in reversed(range(T_x)): pass",
    "shapes": "`(n_a, n_a + n_x)` times `(n_a + n_x, m)` is `(n_a, m)`",
    "another call": "a_next, yt_pred, cache = cell(x, a0, parameters)\nprint(np.sum(yt_pred, axis=0))",
    "a hint with dots": "`np.tanh(np.dot(Waa, ...) + ...)`",
    "other numpy": "W = rng.standard_normal((n_a, n_x)) / np.sqrt(n_x)\nz = W @ x\nprint(np.tanh(z))",
    "other formulas": "m = beta * m + (1 - beta) * g\nc = lr * m + beta * g\nl = -np.sum(y * np.log(p))",
    "skeleton": "a_next = None\nfor t in range(None):\n    a[None] = None",
}


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
@pytest.mark.parametrize("path", ["README.md", "rnn_utils/a.py", "n.ipynb"])
def test_honest_text_raises_no_alarm(text, path):
    """What every lesson says (names, shapes, formulas, loops, given lines) is not the solution."""
    data = notebook(source=text) if path.endswith(".ipynb") else text.encode()
    assert find_leaks(ANSWERS, [(path, data)]) == []


def test_renaming_may_change_the_order_of_like_terms():
    """Terms of one shape are compared in every order: sorting by name cannot hide which of them share a name."""
    answers = answers_of("### START CODE HERE ###\nz = np.tanh(p @ q + q @ r)\n### END CODE HERE ###\n")
    assert tells("np.tanh(b @ a + c @ b)", answers)
    assert tells("np.tanh(b @ a + c @ d)", answers) is None


def test_a_leak_says_where_what_and_how():
    """The line of a leak is enough to go and mend it."""
    data = notebook(source="One.\n\nTwo: `np.tanh(U @ h + V @ x + c)`.")
    (leak,) = find_leaks(ANSWERS, [("n.ipynb", data)])
    assert leak.where == "n.ipynb, cell 'hint' (markdown), line 3"
    assert leak.expression == FORMULA
    assert "other variable names" in leak.why
    assert str(leak).count("\n") == 0


def test_the_whole_is_named_and_not_each_of_its_parts():
    """One answer in one place is one line."""
    assert len(find_leaks(ANSWERS, [("a.txt", FORMULA.encode())])) == 1


def test_every_file_that_leaks_is_named():
    """All leaks are reported at once, not one a day."""
    leaks = find_leaks(ANSWERS, [("a.txt", FORMULA.encode()), ("b.txt", b""), ("c.txt", b"np.dot(Wya, a_next)")])
    assert [leak.where for leak in leaks] == ["a.txt, line 1", "c.txt, line 1"]


def test_an_answer_repeated_after_the_region_is_still_an_answer():
    """Small given expressions are excused; a whole formula left standing below the region is not."""
    answers = answers_of(CELL.replace("    return", f"    a_next = {FORMULA}\n    return"))
    assert FORMULA in [a.text for a in answers]


def test_a_small_given_expression_is_no_answer():
    """What the scaffold shows anyway cannot be given away."""
    assert tells("np.dot(Wya, a_next)", ANSWERS)
    given = CELL.replace("    n_a, m", "    z = np.dot(Wya, a_next)\n    n_a, m")
    assert tells("np.dot(Wya, a_next)", answers_of(given)) is None


def test_a_solution_that_is_not_python_is_searched_for_line_by_line():
    """Magics in a region do not blind the check."""
    region = "%timeit f(x)\ny = np.dot(W, x)\n!run the thing --now"
    source = f"# UNQ_C1\n### START CODE HERE ###\n{region}\n### END CODE HERE ###\n"
    answers = answers_of(source)
    assert tells("first y=np.dot( W,x )", answers)
    assert tells("then !run the  thing --now", answers)
    assert tells("%timeit and run", answers) is None


def test_code_in_a_string_of_the_solution_is_an_answer():
    """`exec` hides nothing."""
    source = f"### START CODE HERE ###\nexec('a_next = {FORMULA}')\n### END CODE HERE ###\n"
    assert tells("h = np.tanh(U @ h + V @ x + c)", answers_of(source))


NAMES = st.sampled_from(["alpha", "beta", "W1", "W2", "bias", "état"])


@st.composite
def formulas(draw, depth: int = 3) -> str:
    """Return a formula over matrices."""
    if depth == 0:
        return draw(NAMES)
    left, right = draw(formulas(depth - 1)), draw(formulas(depth - 1))
    return draw(
        st.sampled_from(
            [
                f"np.dot({left}, {right})",
                f"({left} + {right})",
                f"np.tanh({left})",
                f"({left} * {right})",
                f"({left} - {right})",
            ]
        )
    )


class _Rename(ast.NodeTransformer):
    """An oracle of its own: what a student's friend would do by hand."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return node if node.id == "np" else ast.Name(f"{node.id}_of_mine", node.ctx)


@settings(deadline=None)
@given(formulas())
def test_any_telling_formula_is_found_reformatted_and_any_big_one_renamed(formula):
    """For every formula that the check holds to be an answer: other layout never hides it, nor, if big, other names."""
    answers = answers_of(f"### START CODE HERE ###\ny = {formula}\n### END CODE HERE ###\n")
    if not answers:
        return
    whole = answers[0]
    spread = whole.text.replace("(", "( \n ").replace(",", " ,")
    assert tells(f"y = ({spread}\n)", answers) == whole
    assert tells(f"Let y be {spread}, then.", answers) == whole
    if whole.renamed is not None:
        other = ast.unparse(_Rename().visit(ast.parse(whole.text)))
        assert tells(f"z = {other}", answers) == whole
        assert tells(f"so {other} it is", answers) == whole


@settings(max_examples=60, deadline=None)
@given(formulas(), formulas())
def test_an_alarm_always_has_a_cause(formula, other):
    """What is reported has, under some renaming, the very values of an expression that stands in the text."""
    answers = answers_of(f"### START CODE HERE ###\ny = {formula}\n### END CODE HERE ###\n")
    found = tells(other, answers)
    if found is not None:
        parts = [ast.unparse(n) for n in ast.walk(ast.parse(other)) if isinstance(n, ast.expr)]
        assert any(_same_values(found.text, part) for part in parts)


def _same_values(answer: str, part: str) -> bool:
    """Whether numbers say that two formulas are one up to names; an oracle that knows nothing of normal forms."""
    values = dict(zip(["alpha", "beta", "W1", "W2", "bias", "état"], np.linspace(0.31, 1.7, 6), strict=True))
    names = sorted(values.keys() & set(re.findall(r"\w+", answer)))
    try:
        target = eval(part, {"np": np, **values})  # noqa: S307 (our own formula)
    except (SyntaxError, NameError):
        return False
    code = compile(answer, "answer", "eval")
    if not isinstance(target, float):
        return False
    choices = itertools.product(values.values(), repeat=len(names))
    return any(np.isclose(eval(code, {"np": np, **dict(zip(names, c, strict=True))}), target) for c in choices)  # noqa: S307
