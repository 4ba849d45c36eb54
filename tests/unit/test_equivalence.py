"""Whether a surviving mutant is the same function: accepted only where it truly is, whatever ordinary draws say."""

import numpy as np
import pytest

from autograder.audit.equivalence import Equivalence, Judge
from autograder.audit.field import PRIME, Element, FieldWorld, random_elements
from autograder.audit.shapes import template
from autograder.draws import distinct_sizes, parameters, sequence, steps
from autograder.model import Case, Check, Exercise

SOLUTION = """\
def walk(x, a0, parameters):
    n_a, m = a0.shape
    n_x, _, T = x.shape
    a = np.zeros((n_a, m, T))
    held = a0
    for t in range(T):
        z = parameters["Waa"] @ held + parameters["Wax"] @ x[:, :, t] + parameters["ba"]
        held = np.tanh(z)
        a[:, :, t] = held
    e = np.exp(held - np.max(held, axis=0, keepdims=True))
    y = e / np.sum(e, axis=0, keepdims=True)
    return a, y
"""


def judge(solution=SOLUTION):
    """Return the judge of the walk."""
    cases = (Case("all sizes different", lambda rng: sequence(rng, distinct_sizes(rng), steps(rng))),)
    checks = (Check("a", 1, 0), Check("y", 1, 1))
    exercise = Exercise("UNQ_C1", "walk", ("x", "a0", "parameters"), checks, cases)
    return Judge(exercise, {"np": np, "__name__": "reference"}, {"UNQ_C1": solution})


PLAIN = SOLUTION.replace("held - np.max(held, axis=0, keepdims=True)", "held")


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("n_x, _, T = x.shape", "n_x, _, T = x.shape  # unpacked", Equivalence.BYTECODE),
        ("np.zeros((n_a, m, T))", "np.empty((n_a, m, T))", Equivalence.ALGEBRA),
        ("= held\n    e", "= held * 1\n    e", Equivalence.ALGEBRA),
        ("a[:, :, t] = held", "a[:, :, t] += held", Equivalence.ALGEBRA),
        ("np.zeros((n_a, m, T))", "np.zeros((n_a, m, T), dtype=np.float32)", Equivalence.PRECISION),
        ("range(T)", "range(min(T, 7))", Equivalence.UNRESOLVED),
        ("held = a0", "held = 0 * a0", Equivalence.UNRESOLVED),
        ("np.sum(e, axis=0, keepdims=True)", "np.sum(e, axis=0)", Equivalence.ALGEBRA),  # (m,) meets (n_a, m)
        ("np.sum(e, axis=0, keepdims=True)", "np.sum(e, axis=1, keepdims=True)", Equivalence.UNRESOLVED),
        ("a[:, :, t] = held", "a[:, :, t - 1] = held", Equivalence.UNRESOLVED),
        ('parameters["Waa"] @', 'parameters["Waa"].T @', Equivalence.UNRESOLVED),
        ("return a, y", "return a, held", Equivalence.UNRESOLVED),
        ("= held\n    e", "= np.round(held, 12)\n    e", Equivalence.UNRESOLVED),
        ("    return a, y", "    a0[0, 0] = 0.5\n    return a, y", Equivalence.UNRESOLVED),
        ("    return a, y", "    return a, x[: len(y), :, 0] * 0 + y", Equivalence.UNRESOLVED),
    ],
)
def test_a_mutant_is_called_what_it_is(old, new, verdict):
    """Rewritings of the same formula are accepted; whatever differs for some shape, input or later reader is not."""
    assert PLAIN.count(old) == 1
    assert judge(PLAIN).decide(PLAIN.replace(old, new)) is verdict


@pytest.mark.parametrize(
    "shift",
    ["held", "held - np.min(held, axis=0, keepdims=True)", "held - np.max(held)", "held - np.max(held, axis=1)"],
)
def test_the_traps_of_the_softmax_are_never_called_equivalent(shift):
    """Without its maximum, or with a wrong one, a softmax agrees to the last digit on ordinary scores and overflows."""
    mutant = SOLUTION.replace("held - np.max(held, axis=0, keepdims=True)", shift)
    assert mutant != SOLUTION
    assert judge().decide(mutant) is Equivalence.UNRESOLVED


def test_overflow_is_looked_at_beside_the_field():
    """exp(a) / exp(a) is 1 over a field too; where numbers overflow only one of the two is."""
    one = SOLUTION[: SOLUTION.index("    e =")] + "    y = np.ones(held.shape)\n    return a, y\n"
    two = one.replace(
        "np.ones(held.shape)", "np.exp(1e3 * x[0, :, 0]) / np.exp(1e3 * x[0, :, 0]) * np.ones(held.shape)"
    )
    assert judge(one).decide(two) is Equivalence.UNRESOLVED


def test_arrays_that_are_shared_are_another_function():
    """Two results that are one array serve until somebody writes to one of them."""
    one = PLAIN.replace("return a, y", "return a, a.copy()")
    assert judge(one).decide(PLAIN.replace("return a, y", "return a, a")) is Equivalence.UNRESOLVED


def test_the_field_computes_exactly():
    """Sums, products, quotients and powers are those of whole numbers modulo the prime; equal arguments hash alike."""
    rng = np.random.default_rng(0)
    a, b = random_elements((3, 4), rng), random_elements((4, 2), rng)
    exact = [[sum(a[i, k].value * b[k, j].value for k in range(4)) % PRIME for j in range(2)] for i in range(3)]
    assert [[entry.value for entry in row] for row in a @ b] == exact
    assert (Element(7) / 3 * 3) == Element(7)
    assert 1 - Element(5) ** 2 == Element(-24)
    assert 0.5 * Element(8) == Element(4)
    assert np.tanh(a)[0, 0] == np.tanh(a.copy())[0, 0] != np.tanh(a)[0, 1]
    assert np.tanh(a)[0, 0] != np.exp(a)[0, 0]


def test_what_is_not_written_is_noise_in_the_field():
    """Two worlds read different things from memory that nothing was written to."""
    one, other = (FieldWorld({"np": np}, np.random.default_rng(seed)).names["np"].empty((2, 2)) for seed in (1, 2))
    assert not (one == other).any()


def test_sizes_are_recognised_by_how_they_vary():
    """Shapes of inputs are told from draws alone: which axes are the same size, and which is the sum of two."""

    def draw(rng):
        n_x, n_a, n_y, m = distinct_sizes(rng)
        joined = np.zeros((n_a, n_a + n_x))
        return np.zeros((n_x, m)), {"W": joined, "b": np.zeros((n_a, 1))}, [np.zeros((n_a, m))] * n_y

    open_inputs = template(draw)
    assert len(open_inputs.sizes) == 4
    x, named, listed = open_inputs.filled((1, 2, 3, 4), np.ones)
    assert x.shape == (1, 2)
    assert named["W"].shape == (3, 4)
    assert named["b"].shape == (3, 1)
    assert [a.shape for a in listed] == [(3, 2)] * 4


def test_a_size_that_is_always_one_proves_nothing():
    """Where the cases know one unit only, what a transpose does cannot be told, and no mutant is called equivalent."""
    assert template(lambda rng: sequence(rng, (*distinct_sizes(rng)[:1], 4, *distinct_sizes(rng)[2:]), 3)).open is False
    assert template(lambda rng: sequence(rng, distinct_sizes(rng), steps(rng))).open is True


def test_parameters_that_are_shared_stay_shared():
    """Every cache holds the same dictionary; inputs of other sizes do, too."""

    def draw(rng):
        n_x, n_a, n_y, m = distinct_sizes(rng)
        weights = parameters(rng, n_x, n_a, n_y)
        return ([(np.zeros((n_a, m)), weights)] * 3,)

    ((first, second, _),) = template(draw).filled((2, 2, 2, 2), np.ones)
    assert first[1] is second[1]
