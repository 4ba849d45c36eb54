"""Two trees are equal where their code is, at any depth."""

import ast

import pytest

from autograder import syntax_trees
from autograder.notebook import parse_code


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = 1", "x  =  1  # a comment", True),
        ("def f(a, *, b=1):\n    return a", "def f(a, *, b=1):\n\n    return (a)", True),
        ("x = 'a'", 'x = "a"', True),
        ("x = 1", "x = 1.0", False),
        ("x = 1", "x = True", False),
        ("x = 0.0", "x = -0.0", False),
        ("x = 1e999 - 1e999", "x = 1e999 - 1e999", True),
        ("x = 'a'", "x = b'a'", False),
        ("x = u'a'", "x = 'a'", False),
        ("x = None", "x = ...", False),
        ("f(a)", "f(a, b)", False),
        ("f(a, b)", "f(b, a)", False),
        ("x = a.b", "x = a.c", False),
        ("def f(): pass", "async def f(): pass", False),
        ("return_ = 1", "return_: int = 1", False),
        ("x = a - b", "x = a + b", False),
        ("x = 0x" + "f" * 5_000, "x = 0x" + "f" * 5_000, True),  # more digits than `repr` writes
        ("x = 0x" + "f" * 5_000, "x = 0x" + "f" * 4_999 + "e", False),
        ("x = 1" + " + 1" * 1_500, "x = 1" + " + 1" * 1_500, True),
        ("x = 1" + " + 1" * 1_500, "x = 2" + " + 1" * 1_500, False),
        ("if x:\n  y\n" + "elif x:\n  y\n" * 900, "if x:\n  y\n" + "elif x:\n  y\n" * 899, False),
    ],
)
def test_trees_are_equal_where_their_code_is(one: str, other: str, same: bool) -> None:  # noqa: FBT001
    """Whatever stands between the parts, and however deep they lie."""
    trees = parse_code(one), parse_code(other)
    assert syntax_trees.equal(*trees) is same
    try:
        assert (ast.dump(trees[0]) == ast.dump(trees[1])) is same
    except (RecursionError, ValueError):
        assert len(one) > 5_000


def test_names_of_a_target_come_in_order() -> None:
    """Those that are bound, and no others."""
    (statement,) = ast.parse("a, (b, *c), d[e], f.g, [h, (i,)] = x").body
    assert [name.id for name in syntax_trees.names_in(statement.targets[0])] == ["a", "b", "c", "h", "i"]


def test_names_of_a_target_at_any_depth() -> None:
    """Deeper than Python's parser would read, and than a function could call itself."""
    target: ast.expr = ast.Name("a", ast.Store())
    for _ in range(5_000):
        target = ast.Tuple([target], ast.Store())
    assert [name.id for name in syntax_trees.names_in(target)] == ["a"]
