"""For the several types of networks of the fourth assignment: two tasks, and where the loss enters a network."""

import numpy as np
from numpy.typing import NDArray

from rnn_utils.encoding import one_hot

Array = NDArray[np.float64]

DIGITS = 10
START = 10  # the decoder's first symbol, after the ten digits


def contains_run(m: int, T_x: int, rng: np.random.Generator, run: int = 3) -> tuple[Array, Array]:
    """Draw strings of bits, and whether each holds a run of ones.

    Parameters
    ----------
    m : int
        How many strings.
    T_x : int
        How many bits in each.
    rng : numpy.random.Generator
        Where the randomness comes from, e.g. ``np.random.default_rng(1)``.
    run : int
        How many ones in a row are looked for; at most `T_x`.

    Returns
    -------
    x : numpy.ndarray
        Shape (1, m, T_x): +1 for a one, -1 for a zero.
    y : numpy.ndarray
        Shape (2, m), one-hot columns: class 1 is "there is such a run", class 0 "there is none".
    """
    bits = rng.integers(0, 2, size=(m, T_x))
    windows = np.lib.stride_tricks.sliding_window_view(bits, run, axis=1)  # (m, T_x - run + 1, run)
    found = windows.all(axis=2).any(axis=1)  # (m,)
    x = (2.0 * bits - 1)[np.newaxis, :, :]  # (m, T_x) -> (1, m, T_x)
    return x, one_hot(found.astype(int), 2)


def reversal(m: int, T_x: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Draw digits, and the same digits in the reverse order, for an encoder and a decoder.

    Parameters
    ----------
    m : int
        How many examples.
    T_x : int
        How many digits in each.
    rng : numpy.random.Generator
        Where the randomness comes from, e.g. ``np.random.default_rng(1)``.

    Returns
    -------
    x : numpy.ndarray
        One-hot digits, shape (10, m, T_x): what the encoder reads.
    decoder_inputs : numpy.ndarray
        Shape (11, m, T_x): the start symbol (row 10), then the wanted digits but for the last.
    y : numpy.ndarray
        One-hot digits, shape (10, m, T_x): what is wanted, the last digit first.
    """
    digits = rng.integers(0, DIGITS, size=(m, T_x))
    wanted = digits[:, ::-1]
    shifted = np.concatenate([np.full((m, 1), START), wanted[:, :-1]], axis=1)  # one step later, the start in front
    return one_hot(digits, DIGITS), one_hot(shifted, DIGITS + 1), one_hot(wanted, DIGITS)


def prediction_gradients(y_pred: Array, y: Array, a: Array, Wy: Array) -> tuple[Array, Array, Array]:
    """Take the loss back through the predictions, up to the hidden states that they were made from.

    Parameters
    ----------
    y_pred : numpy.ndarray
        Predictions, softmax(Wy a + by), shape (n_y, m) for one step or (n_y, m, T_y) for several.
    y : numpy.ndarray
        One-hot targets of the same shape.
    a : numpy.ndarray
        The hidden states behind the predictions, shape (n_a, m) or (n_a, m, T_y).
    Wy : numpy.ndarray
        Weights from the state to the prediction, shape (n_y, n_a).

    Returns
    -------
    da : numpy.ndarray
        Gradient of the loss with respect to every state as it enters its prediction; the shape of `a`.
    dWy : numpy.ndarray
        Shape (n_y, n_a).
    dby : numpy.ndarray
        Shape (n_y, 1).

    Notes
    -----
    The loss is `cross_entropy`, a mean over examples and steps. Through softmax its gradient with respect to the
    scores is simply (y_pred - y) / (number of predictions).
    """
    n_y, n_a = Wy.shape
    dscores = ((y_pred - y) / y[0].size).reshape(n_y, -1)  # (n_y, m * T_y): each prediction a column
    states = a.reshape(n_a, -1)  # (n_a, m * T_y): in the same order
    da = (Wy.T @ dscores).reshape(a.shape)
    return da, dscores @ states.T, dscores.sum(axis=1, keepdims=True)
