"""Syntax of a newer Python is told from a mistake: where the newer one reads it, and in no other case."""

import ast

import pytest

from autograder.newer_syntax import NEWEST, newer

OLD = (3, 11)
NEWER = {
    'f"{parameters["Wax"].shape}"': (3, 12),
    "print(f'{p['Wax']:>{width}}', end='')": (3, 12),
    'f"{"\\n".join(names)}"': (3, 12),
    "f'{names + [\n  1,  # one\n]}'": (3, 12),
    'f"""{\nx  # a comment\n}"""': (3, 12),
    'f"{f"{f"{1 + 1}"}"}"': (3, 12),
    'f"{d["a"]!r:{"<"}10} {d["b"]=}"': (3, 12),
    '"a" f"{d["a"]}" "b"': (3, 12),
    "def first[T](values: list[T]) -> T:\n    return values[0]": (3, 12),
    "def f[*Ts, **P](*args: *Ts): pass": (3, 12),
    "class Stack[T: (int, str)]:\n    pass": (3, 12),
    "class Stack[T](list): pass": (3, 12),
    "x = 1; type Pair = tuple[int, int]": (3, 12),
    "type Pair[T] = tuple[T, T]": (3, 12),
    "def f[T = int](x: T) -> T: return x": (3, 13),
    "t'{name}'": (3, 14),
    "async def f[T](x: T): pass": (3, 12),
    'def f(x):\n    print(f"{x["a"]}")\n    return x': (3, 12),
}
WRONG = [
    "def f(x:\n    return x",
    "def f(x)\n    return x",
    "return np.dot(Waa, a_prev",
    "x = (1, 2]",
    "print(f\"{x['a'}\")",
    'f"{d["a"]}" + (',
    'f"{d["a" + ]}"',
    'f"{}"',
    'f"{d["a"]"',
    'f"{x!z}" f"{d["a"]}"',
    "def f[](x): pass",
    "def f[T(x): pass",
    "def f[1](x): pass",
    "def f[T](x) return x",
    "class C[T]\n    pass",
    "type = = 3",
    "type X int",
    "type(x) = 3",
    "print 'x'",
    "except ValueError, error:\n    pass",
    "try:\n    pass\nexcept ValueError, error:\n    pass",
    "  x = 1\n y = 2",
    "for i in range(3)\n    print(i)",
    "x = 'a",
    "if x = 3: pass",
    'f"{x = = 3}" f"{d["a"]}"',
    "a b c",
    "def",
    "class",
    "type",
    "t'{'",
    "```python\nx = 1\n```",
    '>>> x = f"{d["a"]}"',
    "",
]


@pytest.mark.parametrize("text", NEWER)
def test_newer_syntax_is_recognised(text):
    """What some later version reads, and the old one does not, is told with that version."""
    found = newer([text], ours=OLD)
    assert found is not None
    assert found.version == NEWER[text]


@pytest.mark.parametrize("text", NEWER)
def test_an_interpreter_that_reads_it_is_not_too_old(text):
    """Nothing is newer than the version that brought it."""
    assert newer([text], ours=NEWER[text]) is None


@pytest.mark.parametrize("text", WRONG)
@pytest.mark.parametrize("written_for", [None, (3, 8), (3, 12), (3, 13)])
def test_a_mistake_stays_the_students(text, written_for):
    """What no version reads is never taken for newer syntax, whatever Python the notebook names."""
    assert newer([text], written_for, ours=OLD) is None


@pytest.mark.parametrize("text", [
    "x = 'f'; y = \"{a}\"", "f'{x}'", "f'{{{x}}}'", "rf'\\{x}'", "f'\\N{DEGREE SIGN}'", "f'{x:%H:%M}'", "f'{x!r:>{w}}'",
    "f'{(lambda: 1)()}'", "type = 3\ntype(type)", "match x:\n    case [1]: pass", "x: list[int] = [1]", "f'{a != b}'",
    "d = {'f': 1}  # f'{'", "b'{'", "f'''{x}\n'{y}'\n'''",
])  # fmt: skip
def test_what_every_version_reads_is_not_newer(text):
    """Syntax that was always there says nothing of a version."""
    ast.parse(text)
    assert newer([text], ours=OLD) is None


def test_exceptions_without_brackets_need_the_notebooks_word():
    """``except A, B:`` is Python 2 as well: it is newer only in a notebook that says so."""
    text = "try:\n    pass\nexcept ValueError, TypeError:\n    pass"
    assert newer([text], (3, 12), ours=OLD) is None
    found = newer([text], (3, 14), ours=OLD)
    assert found is not None
    assert found.version == (3, 14)


def test_a_version_that_is_not_known_yet_has_the_benefit_of_the_doubt():
    """Of a notebook beyond what is known, only what is plainly broken stays the student's."""
    later = (3, NEWEST[1] + 1)
    assert newer(["lazy import numpy"], later, ours=OLD) is not None
    assert newer(["lazy import numpy"], NEWEST, ours=OLD) is None
    assert newer(["np.dot(a, (b)"], later, ours=OLD) is None
    assert newer(["x = 'a"], later, ours=OLD) is None


def test_the_tree_names_the_function():
    """The answer is found in a cell that our interpreter cannot read."""
    found = newer(["def g[T](x: T) -> T:\n    return x"], ours=OLD)
    assert isinstance(found.tree.body[0], ast.FunctionDef)
    assert found.tree.body[0].name == "g"


def test_hostile_texts_take_no_time():
    """Nesting without end, or a thousand quotes, is refused."""
    assert newer(["f'{" * 5000], ours=OLD) is None
    assert newer(['f"' * 5000], ours=OLD) is None
    assert newer(["f'{" * 6 + "1," * 10_000 + "}'" * 6], ours=OLD) is None
    assert newer(["f'{" + "(" * 50_000 + "}'"], ours=OLD) is None
    assert newer(["\\" * 60_000 + "f'{x['a']}'"], ours=OLD) is None
