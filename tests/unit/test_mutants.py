"""Mutants: each operator makes the slips it is named for, and the rest of the cell stays as it was written."""

import ast

import numpy as np
import pytest

from autograder.audit.mutants import mutants, scope_of
from autograder.audit.operators import Scope

CELL = '''\
def step(x, W, U, b):
    """Take a step."""
    z = W @ x + np.dot(U.T, x) + b  # the sum
    s = np.sum(z, axis=1, keepdims=True)
    return np.tanh(z), s
'''
LOOP = """\
def run(x, gains):
    n, m, T = x.shape
    a = np.zeros((n, m, T))
    c = np.zeros((n, m, T))
    total = np.zeros((n, m))
    kept = []
    for t in reversed(range(T)):
        total += x[:, :, t] * gains["up"]
        a[:, :, t] = total
        c[:, :, t] = total - gains["down"]
        kept.append(total.copy())
    return a, c, kept
"""


def made(cell, *arguments):
    """Return the mutants of a cell's only function, as it runs with these arguments."""
    names = {"np": np}
    exec(cell, names)  # noqa: S102  our own text
    function = names[ast.parse(cell).body[0].name]
    return mutants(cell, function.__name__, scope_of(function, arguments))


@pytest.fixture(scope="module")
def of_step():
    """Make the mutants of one step."""
    square = np.ones((3, 3))
    return made(CELL, np.ones((3, 4)), square, 2 * square, np.ones((3, 1)))


@pytest.fixture(scope="module")
def of_loop():
    """Make the mutants of a loop."""
    gains = {"up": np.ones((2, 3)), "down": np.ones((2, 3)), "other": np.ones(5)}
    return made(LOOP, np.ones((2, 3, 4)), gains)


@pytest.mark.parametrize(
    ("operator", "line"),
    [
        ("axis changed", "s = np.sum(z, keepdims=True, axis=0)"),
        ("axis dropped", "s = np.sum(z, keepdims=True)"),
        ("keepdims dropped", "s = np.sum(z, axis=1)"),
        ("reduction", "s = np.mean(z, axis=1, keepdims=True)"),
        ("transpose removed", "z = W @ x + np.dot(U, x) + b  # the sum"),
        ("transpose added", "z = W.T @ x + np.dot(U.T, x) + b  # the sum"),
        ("product exchanged", "z = x @ W + np.dot(U.T, x) + b  # the sum"),
        ("product elementwise", "z = (W * x) + np.dot(U.T, x) + b  # the sum"),
        ("term dropped", "z = (W @ x + np.dot(U.T, x))  # the sum"),
        ("arithmetic", "z = ((W @ x + np.dot(U.T, x)) - b)  # the sum"),
        ("another nonlinearity", "return sigmoid(z), s"),
        ("nonlinearity dropped", "return z, s"),
        ("entries exchanged", "return s, np.tanh(z)"),
        ("name exchanged", "z = U @ x + np.dot(U.T, x) + b  # the sum"),
        ("sign turned", "z = W @ x + np.dot(U.T, x) + (-b)  # the sum"),
        ("rounded", "z = np.round(W @ x + np.dot(U.T, x) + b, 3)  # the sum"),
    ],
)
def test_an_operator_makes_its_slip_in_a_step(of_step, operator, line):
    """The mutated line stands in the cell, under the operator's name, with its comment."""
    assert any(m.operator == operator and f"    {line}\n" in m.source for m in of_step), [
        m.diff for m in of_step if m.operator == operator
    ]


@pytest.mark.parametrize(
    ("operator", "line"),
    [
        ("reversed dropped", "for t in range(T):"),
        ("loop one step shorter", "for t in reversed(range(T - 1)):"),
        ("overwritten, not added", 'total = x[:, :, t] * gains["up"]'),
        ("index", "a[:, :, t - 1] = total"),
        ("index", 'total += x[:, :, 0] * gains["up"]'),
        ("key exchanged", 'total += x[:, :, t] * gains["down"]'),
        ("one array under two names", "c = a"),
        ("allocation", "a = np.empty((n, m, T))"),
        ("dtype", "a = np.zeros((n, m, T), dtype=np.float32)"),
        ("copy dropped", "kept.append(total)"),
        ("line dropped", "pass"),
        ("put in front", "kept.insert(0, total.copy())"),
        ("operands exchanged", 'c[:, :, t] = (gains["down"] - total)'),
        ("entries exchanged", "m, n, T = x.shape"),
    ],
)
def test_an_operator_makes_its_slip_in_a_loop(of_loop, operator, line):
    """The mutated line stands in the cell, under the operator's name."""
    assert any(m.operator == operator and f"    {line}\n" in m.source for m in of_loop), [
        m.diff for m in of_loop if m.operator == operator
    ]


def test_keys_are_exchanged_only_for_others_of_the_same_shape(of_loop):
    """A key whose entry has another shape would only raise, and nobody confuses the two."""
    assert not any('gains["other"]' in m.source for m in of_loop)


def test_no_two_mutants_are_alike_and_each_is_one_edit(of_step, of_loop):
    """Every mutant parses, differs from the cell and from all others, and its diff is one old and one new line."""
    for cell, found in ((CELL, of_step), (LOOP, of_loop)):
        trees = {ast.dump(ast.parse(m.source)) for m in found}
        assert len(trees) == len(found) >= 40
        assert ast.dump(ast.parse(cell)) not in trees
        assert all(m.diff.count("\n-") + m.diff.startswith("-") == 1 for m in found)


def test_a_waiver_is_void_once_the_solution_changes(of_step):
    """The same edit in a cell that was changed elsewhere has another digest."""
    changed = CELL.replace("Take a step.", "Take one step.")
    square = np.ones((3, 3))
    others = {m.diff: m.digest for m in made(changed, np.ones((3, 4)), square, square, np.ones((3, 1)))}
    assert others[of_step[0].diff] != of_step[0].digest


def test_text_that_is_not_ascii_stays_where_it_is():
    """Positions in a syntax tree are counted in bytes; a mutant after an accent must not be cut in the middle."""
    cell = 'def f(x):\n    café = "é"; y = x + 1\n    return y\n'
    found = mutants(cell, "f", Scope({}, {}, {}))
    assert 'def f(x):\n    café = "é"; y = (x - 1)\n    return y\n' in [m.source for m in found]
