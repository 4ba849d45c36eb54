"""The basic recurrent network of the first assignment, given: one step, and the loop over time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnn_utils.activations import softmax

Array = NDArray[np.float64]


def rnn_cell_forward(xt: Array, a_prev: Array, parameters: dict[str, Array]) -> tuple[Array, Array, tuple[Any, ...]]:
    """Take one step of a basic recurrent network.

    Parameters
    ----------
    xt : numpy.ndarray
        Input of this step, shape (n_x, m).
    a_prev : numpy.ndarray
        Hidden state before it, shape (n_a, m).
    parameters : dict
        ``Wax`` (n_a, n_x), ``Waa`` (n_a, n_a), ``Wya`` (n_y, n_a), ``ba`` (n_a, 1), ``by`` (n_y, 1).

    Returns
    -------
    a_next : numpy.ndarray
        Hidden state after the step, shape (n_a, m).
    yt_pred : numpy.ndarray
        Prediction, shape (n_y, m); every column adds up to 1.
    cache : tuple
        ``(a_next, a_prev, xt, parameters)``, for the way back.
    """
    Wax, Waa, Wya = parameters["Wax"], parameters["Waa"], parameters["Wya"]
    ba, by = parameters["ba"], parameters["by"]

    a_next = np.tanh(Waa @ a_prev + Wax @ xt + ba)  # (n_a, m)
    yt_pred = softmax(Wya @ a_next + by)  # (n_y, m)

    return a_next, yt_pred, (a_next, a_prev, xt, parameters)


def rnn_forward(
    x: Array, a0: Array, parameters: dict[str, Array]
) -> tuple[Array, Array, tuple[list[tuple[Any, ...]], Array]]:
    """Run a basic recurrent network over whole sequences.

    Parameters
    ----------
    x : numpy.ndarray
        Inputs, shape (n_x, m, T_x).
    a0 : numpy.ndarray
        Hidden state before the first step, shape (n_a, m).
    parameters : dict
        As in `rnn_cell_forward`; the same at every step.

    Returns
    -------
    a : numpy.ndarray
        Hidden states, shape (n_a, m, T_x).
    y_pred : numpy.ndarray
        Predictions, shape (n_y, m, T_x).
    caches : tuple
        The list of the T_x caches, and x.
    """
    _, m, T_x = x.shape
    n_y, n_a = parameters["Wya"].shape

    a = np.zeros((n_a, m, T_x))
    y_pred = np.zeros((n_y, m, T_x))
    cache_list = []

    a_next = a0  # (n_a, m)
    for t in range(T_x):
        a_next, yt_pred, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        a[:, :, t] = a_next
        y_pred[:, :, t] = yt_pred
        cache_list.append(cache)

    return a, y_pred, (cache_list, x)
