"""The small data sets of the fourth assignment, and the gradient from the loss to the states."""

import numpy as np
import pytest

from rnn_utils import cross_entropy, from_one_hot, numerical_gradient, relative_error, softmax
from rnn_utils.wirings import contains_run, prediction_gradients, reversal


@pytest.mark.parametrize(("m", "length", "run"), [(50, 12, 3), (7, 3, 3), (30, 8, 2), (1, 5, 1)])
def test_runs_are_found_as_text_finds_them(m, length, run):
    """The answer is whether the string of bits, read as text, contains the run; shapes and values as documented."""
    x, y = contains_run(m, length, np.random.default_rng(m), run)
    assert x.shape == (1, m, length)
    assert y.shape == (2, m)
    assert set(np.unique(x)) <= {-1.0, 1.0}
    texts = ["".join("1" if bit > 0 else "0" for bit in row) for row in x[0]]
    assert [bool(answer) for answer in from_one_hot(y)] == ["1" * run in text for text in texts]
    assert np.array_equal(y.sum(axis=0), np.ones(m))


def test_both_answers_occur():
    """Of many strings of twelve bits about 58 % have three ones in a row."""
    _, y = contains_run(4000, 12, np.random.default_rng(0))
    assert 0.55 < y[1].mean() < 0.62


@pytest.mark.parametrize(("m", "length"), [(6, 4), (1, 1), (3, 7)])
def test_reversal_is_shifted_as_a_decoder_needs_it(m, length):
    """Targets are the digits in reverse; the decoder reads a start symbol and then the targets but for the last."""
    x, decoder_inputs, y = reversal(m, length, np.random.default_rng(length))
    assert (x.shape, decoder_inputs.shape, y.shape) == ((10, m, length), (11, m, length), (10, m, length))
    digits, fed, wanted = from_one_hot(x), from_one_hot(decoder_inputs), from_one_hot(y)
    for i in range(m):
        assert list(wanted[i]) == list(digits[i])[::-1]
        assert list(fed[i]) == [10, *list(wanted[i])[:-1]]
    for array in (x, decoder_inputs, y):
        assert np.array_equal(array.sum(axis=0), np.ones((m, length)))


@pytest.mark.parametrize("shape", [(5,), (5, 4), (1,), (1, 1), (2, 6)])
def test_prediction_gradients_are_what_nudges_measure(shape):
    """The three gradients agree with central differences of the loss, for one step and for several."""
    rng = np.random.default_rng(len(shape))
    n_y, n_a = 3, 4
    a, Wy, by = rng.standard_normal((n_a, *shape)), rng.standard_normal((n_y, n_a)), rng.standard_normal((n_y, 1))
    y = np.moveaxis(np.eye(n_y)[rng.integers(0, n_y, shape)], -1, 0)

    def predict():
        return softmax(np.tensordot(Wy, a, axes=1) + by.reshape(n_y, *[1] * len(shape)))

    found = prediction_gradients(predict(), y, a, Wy)
    for gradient, array in zip(found, (a, Wy, by), strict=True):
        assert gradient.shape == array.shape
        assert relative_error(gradient, numerical_gradient(lambda: cross_entropy(predict(), y), array)) < 1e-8
