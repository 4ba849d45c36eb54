"""What the notebooks import: right against independent formulas, for any finite number, and silent."""

import decimal
import inspect
import math
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import rnn_utils
from autograder.course import Course
from autograder.source import read
from rnn_utils import (
    binary_addition,
    bits_to_numbers,
    from_one_hot,
    initialise_rnn_parameters,
    numbers_to_bits,
    one_hot,
    orthogonal,
    plot_curves,
    plot_states,
    sigmoid,
    softmax,
)

ROOT = Path(__file__).resolve().parents[2]
FINITE = st.floats(allow_nan=False, allow_infinity=False)
HUGE = np.finfo(float).max


def exact_sigmoid(z):
    """Compute the logistic function with 60 decimal digits and an exponent range that floats do not have."""
    with decimal.localcontext(decimal.Context(prec=60, Emax=10**9, Emin=-(10**9))):
        return float(1 / (1 + (-Decimal(z)).exp()))


def exact_softmax(scores):
    """Compute the probabilities of one column with 60 decimal digits, straight from the definition."""
    with decimal.localcontext(decimal.Context(prec=60, Emax=10**9, Emin=-(10**9))):
        powers = [Decimal(float(score)).exp() for score in scores]
        return [float(power / sum(powers)) for power in powers]


@pytest.fixture(autouse=True)
def _numpy_complains():
    """Make numpy raise at any overflow, underflow or invalid operation that a function does not answer for."""
    with np.errstate(all="raise"):
        yield


@pytest.mark.parametrize("z", [0.0, 1.0, -1.0, 1e-12, 36.7, -36.7, 745.0, -700.0, 1e4, -1e4])
def test_sigmoid_agrees_with_the_definition_in_sixty_digits(z):
    """Every value is right to nearly full precision, also the tiny ones far to the left."""
    assert sigmoid(z) == pytest.approx(exact_sigmoid(z), rel=1e-14, abs=5e-324)


@given(hnp.arrays(float, hnp.array_shapes(max_dims=3, max_side=4), elements=FINITE))
def test_sigmoid_is_silent_and_bounded_for_any_finite_input(z):
    """No finite array makes it warn, leave the range from 0 to 1, change shape, or lose its symmetry."""
    result = sigmoid(z)
    assert result.shape == z.shape
    assert np.all((result >= 0) & (result <= 1))
    np.testing.assert_allclose(result + sigmoid(-z), 1, rtol=0, atol=1e-15)


@pytest.mark.parametrize("offset", [0.0, 1000.0, -1000.0, 1e4, -1e4])
def test_softmax_agrees_with_the_definition_in_sixty_digits(offset):
    """Columns of ordinary, large and very negative scores all come out as the definition says."""
    scores = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 0.25], [-4.0, 3.0, 700.0]]) + offset
    expected = np.transpose([exact_softmax(column) for column in scores.T])
    result = softmax(scores)
    with np.errstate(under="ignore"):  # the comparison's own: a tolerance of a tiny number is tinier
        np.testing.assert_allclose(result, expected, rtol=1e-11, atol=0)


@given(hnp.arrays(float, hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), elements=FINITE))
def test_softmax_is_silent_for_any_finite_input(z):
    """No finite array makes it warn; every column is a set of probabilities, its largest score the likeliest."""
    result = softmax(z)
    assert result.shape == z.shape
    assert np.all((result >= 0) & (result <= 1))
    np.testing.assert_allclose(result.sum(axis=0), 1, rtol=1e-12)
    largest = np.take_along_axis(result, np.argmax(z, axis=0)[np.newaxis], axis=0)
    assert np.all(largest == result.max(axis=0, keepdims=True))


def test_softmax_takes_scores_at_both_ends_of_the_floats():
    """Scores further apart than the largest float give a certainty, not nan."""
    np.testing.assert_array_equal(softmax([[HUGE, 1e4], [-HUGE, -1e4]]), [[1, 1], [0, 0]])


def test_softmax_runs_over_the_classes_unless_told_otherwise():
    """Columns add up to 1 by default, rows with axis=1, and the two differ."""
    scores = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 5.0]])
    np.testing.assert_allclose(softmax(scores).sum(axis=0), np.ones(3))
    np.testing.assert_allclose(softmax(scores, axis=1).sum(axis=1), np.ones(2))
    assert not np.allclose(softmax(scores), softmax(scores, axis=1))


@pytest.mark.parametrize("function", [sigmoid, softmax])
def test_activations_leave_their_input_alone_and_keep_float32(function):
    """The array handed in is unchanged, and single precision stays single precision."""
    z = np.array([[1.0, -2.0], [3.0, 0.5]], dtype=np.float32)
    before = z.copy()
    assert function(z).dtype == np.float32
    np.testing.assert_array_equal(z, before)
    assert not np.shares_memory(function(z), z)


def test_one_hot_puts_the_symbols_on_the_first_axis():
    """Sequences of shape (m, T_x) become inputs of shape (n_x, m, T_x), one 1 in each column."""
    words = np.array([[0, 3, 1], [2, 2, 4]])
    x = one_hot(words, 5)
    assert x.shape == (5, 2, 3)
    for unit, example, step in np.ndindex(x.shape):
        assert x[unit, example, step] == (1.0 if words[example, step] == unit else 0.0)


@given(hnp.arrays(int, hnp.array_shapes(max_dims=3, max_side=4), elements=st.integers(0, 6)))
def test_from_one_hot_undoes_one_hot(indices):
    """There and back again gives the same indices, whatever their shape."""
    np.testing.assert_array_equal(from_one_hot(one_hot(indices, 7)), indices)


@pytest.mark.parametrize("indices", [[0, 5], [-1, 2]])
def test_one_hot_refuses_indices_out_of_range(indices):
    """A negative index would silently count from the end: the message names the range instead."""
    with pytest.raises(ValueError, match=r"between 0 and 4"):
        one_hot(indices, 5)


def test_one_hot_refuses_fractions():
    """An index of 1.5 is a mistake, not a request to round."""
    with pytest.raises(ValueError, match="whole numbers"):
        one_hot([0.0, 1.5], 5)


@given(st.lists(st.integers(0, 2**70 - 1), max_size=5))
def test_numbers_survive_being_written_as_bits(numbers):
    """Numbers beyond 64 bits too come back exactly, and the units stand first."""
    bits = numbers_to_bits(numbers, 70)
    assert bits.shape == (len(numbers), 70)
    assert bits_to_numbers(bits) == numbers
    assert [sum(int(bit) << k for k, bit in enumerate(row)) for row in bits] == numbers


@pytest.mark.parametrize("number", [8, -1])
def test_numbers_that_do_not_fit_are_refused(number):
    """Three bits hold 0 to 7: anything else is named, not cut."""
    with pytest.raises(ValueError, match=str(number)):
        numbers_to_bits([number], 3)


@given(st.integers(1, 5), st.integers(2, 90), st.integers(0, 99))
def test_binary_addition_adds(m, T_x, seed):
    """The targets are the digits of the true sums, found here by carrying by hand; nothing overflows."""
    x, y = binary_addition(m, T_x, np.random.default_rng(seed))
    assert x.shape == (2, m, T_x)
    assert y.shape == (1, m, T_x)
    for example in range(m):
        carry = 0
        for step in range(T_x):
            carry, digit = divmod(int(x[0, example, step]) + int(x[1, example, step]) + carry, 2)
            assert digit == y[0, example, step]
        assert carry == 0


def test_binary_addition_is_varied_and_repeatable():
    """Equal seeds give equal problems, other seeds others; ones are about as frequent as zeros."""
    x, _ = binary_addition(50, 100, np.random.default_rng(3))
    same, _ = binary_addition(50, 100, np.random.default_rng(3))
    other, _ = binary_addition(50, 100, np.random.default_rng(4))
    np.testing.assert_array_equal(x, same)
    assert not np.array_equal(x, other)
    assert 0.45 < x[:, :, :-1].mean() < 0.55


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.5])
def test_orthogonal_stretches_every_vector_alike(radius):
    """The transpose times the matrix is radius squared times the identity."""
    q = orthogonal(7, np.random.default_rng(0), radius)
    np.testing.assert_allclose(q.T @ q, radius**2 * np.eye(7), atol=1e-12)


def test_initial_parameters_have_the_shapes_of_the_notebook():
    """Five parameters; all sizes differ, so that no transposed shape could pass; no bias is zero."""
    parameters = initialise_rnn_parameters(3, 5, 2, np.random.default_rng(0))
    shapes = {name: value.shape for name, value in parameters.items()}
    assert shapes == {"Wax": (5, 3), "Waa": (5, 5), "Wya": (2, 5), "ba": (5, 1), "by": (2, 1)}
    assert np.all(parameters["ba"] != 0)
    assert np.all(parameters["by"] != 0)


def test_initial_weights_keep_sums_about_as_large_as_what_is_summed():
    """Weighted sums of unit-variance inputs have a variance near 1 whether there are few or many."""
    for n_x in (4, 400):
        parameters = initialise_rnn_parameters(n_x, 2000, 1, np.random.default_rng(1))
        variances = (parameters["Wax"] ** 2).sum(axis=1)
        assert variances.mean() == pytest.approx(1, abs=0.05)


def test_star_import_brings_exactly_the_public_names():
    """``from rnn_utils import *`` brings what ``__all__`` lists and nothing else, numpy included."""
    namespace: dict[str, object] = {}
    exec("from rnn_utils import *", namespace)  # noqa: S102 (the very line of the notebooks)
    assert set(namespace) - {"__builtins__"} == set(rnn_utils.__all__)


def test_everything_public_says_what_it_takes_and_gives():
    """Each public function has a docstring with its parameters, for learners who ask with a question mark."""
    for name in rnn_utils.__all__:
        documentation = inspect.getdoc(getattr(rnn_utils, name)) or ""
        assert "Parameters\n---" in documentation, name


def test_importing_loads_no_plotting_library():
    """Grading and public tests import this package often: matplotlib is loaded only to draw."""
    code = "import sys, rnn_utils; sys.exit(any(m.split('.')[0] == 'matplotlib' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("assignment", "answers"),
    [
        ("rnn_step_by_step", r"def (rnn|lstm)_|tanh\("),
        ("lstm_step_by_step", r"def lstm_|def \w+_backward"),
        ("backpropagation_through_time", r"def \w+_backward"),
        ("types_of_rnn", r"def (many_to_one|one_to_many|encoder_decoder)_"),
    ],
)
def test_the_answers_are_not_here(assignment, answers):
    """What an assignment's release carries of rnn_utils holds no function that it or a later assignment grades."""
    course = Course.at(ROOT)
    source = read(course, assignment)
    carried = dict(course.shipped_modules(assignment, source.graded_functions(), source.code))
    text = "\n".join(content.decode() for name, content in carried.items() if name.startswith("rnn_utils/"))
    assert "def one_hot" in text
    assert not re.search(answers, text)


def test_a_missing_plotting_library_is_explained(monkeypatch):
    """Without matplotlib the plot says what to install instead of showing a bare import error."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        plot_curves({"a": [1, 2]}, title="t", xlabel="x", ylabel="y")


@pytest.fixture
def pyplot(monkeypatch):
    """Return matplotlib drawing into memory, with the figure left open for a look."""
    matplotlib = pytest.importorskip("matplotlib")
    with np.errstate(all="warn"):
        matplotlib.use("agg")
        plt = pytest.importorskip("matplotlib.pyplot")
        monkeypatch.setattr(plt, "show", lambda: None)
        plt.close("all")
        yield plt
        plt.close("all")


def test_curves_are_drawn_where_they_belong(pyplot):
    """Values stand above their steps, counted from `start`; every line is labelled; no two look alike in grey."""
    curves = {f"line {k}": np.arange(1, 6) ** k for k in range(1, 5)}
    plot_curves(curves, title="powers", xlabel="t", ylabel="t^k", log=True, start=1)
    axes = pyplot.gcf().axes[0]
    for line, values in zip(axes.lines, curves.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4, 5])
        np.testing.assert_array_equal(line.get_ydata(), values)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(curves)
    assert len({(line.get_linestyle(), line.get_marker()) for line in axes.lines}) == 4
    assert axes.get_yscale() == "log"


def test_states_are_drawn_with_fixed_limits_and_signs(pyplot):
    """Equal numbers look equal in any two plots, and the sign is written, so that the plot reads in grey."""
    states = np.array([[0.1, -0.1, 0.0], [0.2, 0.05, -0.02]])
    plot_states(states, title="states", rows=["first", "second"])
    axes = pyplot.gcf().axes[0]
    picture = axes.images[0]
    np.testing.assert_array_equal(picture.get_array(), states)
    assert picture.get_clim() == (-1, 1)
    assert [text.get_text() for text in axes.texts] == ["+", "\u2212", "0", "+", "+", "\u2212"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first", "second"]


def test_exact_oracles_agree_with_math():
    """The oracles of this file are themselves held to the standard library on an easy input."""
    assert exact_sigmoid(0.3) == pytest.approx(1 / (1 + math.exp(-0.3)), rel=1e-15)
    total = math.exp(1) + math.exp(2)
    assert exact_softmax([1.0, 2.0]) == pytest.approx([math.exp(1) / total, math.exp(2) / total], rel=1e-15)
