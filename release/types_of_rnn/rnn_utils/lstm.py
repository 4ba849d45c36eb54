"""The LSTM of the second assignment, given: one step, and the loop over time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnn_utils.activations import sigmoid, softmax

Array = NDArray[np.float64]


def lstm_cell_forward(
    xt: Array, a_prev: Array, c_prev: Array, parameters: dict[str, Array]
) -> tuple[Array, Array, Array, tuple[Any, ...]]:
    """Take one step of an LSTM.

    Parameters
    ----------
    xt : numpy.ndarray
        Input of this step, shape (n_x, m).
    a_prev, c_prev : numpy.ndarray
        Hidden state and cell state before it, each of shape (n_a, m).
    parameters : dict
        ``Wf``, ``Wi``, ``Wc``, ``Wo``, each (n_a, n_a + n_x); ``bf``, ``bi``, ``bc``, ``bo``, each (n_a, 1);
        ``Wy`` (n_y, n_a), ``by`` (n_y, 1).

    Returns
    -------
    a_next, c_next : numpy.ndarray
        Hidden state and cell state after the step, each of shape (n_a, m).
    yt_pred : numpy.ndarray
        Prediction, shape (n_y, m); every column adds up to 1.
    cache : tuple
        ``(a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)``, for the way back.
    """
    z = np.concatenate([a_prev, xt], axis=0)  # (n_a + n_x, m): the state on top of the input

    ft = sigmoid(parameters["Wf"] @ z + parameters["bf"])  # (n_a, m): how much to keep
    it = sigmoid(parameters["Wi"] @ z + parameters["bi"])  # (n_a, m): how much to write
    cct = np.tanh(parameters["Wc"] @ z + parameters["bc"])  # (n_a, m): what to write
    ot = sigmoid(parameters["Wo"] @ z + parameters["bo"])  # (n_a, m): how much to show

    c_next = ft * c_prev + it * cct  # (n_a, m)
    a_next = ot * np.tanh(c_next)  # (n_a, m)
    yt_pred = softmax(parameters["Wy"] @ a_next + parameters["by"])  # (n_y, m)

    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_forward(
    x: Array, a0: Array, parameters: dict[str, Array]
) -> tuple[Array, Array, Array, tuple[list[tuple[Any, ...]], Array]]:
    """Run an LSTM over whole sequences; the cell state starts at zeros.

    Parameters
    ----------
    x : numpy.ndarray
        Inputs, shape (n_x, m, T_x).
    a0 : numpy.ndarray
        Hidden state before the first step, shape (n_a, m).
    parameters : dict
        As in `lstm_cell_forward`; the same at every step.

    Returns
    -------
    a : numpy.ndarray
        Hidden states, shape (n_a, m, T_x).
    y : numpy.ndarray
        Predictions, shape (n_y, m, T_x).
    c : numpy.ndarray
        Cell states, shape (n_a, m, T_x).
    caches : tuple
        The list of the T_x caches, and x.
    """
    _, m, T_x = x.shape
    n_y, n_a = parameters["Wy"].shape

    a = np.zeros((n_a, m, T_x))
    c = np.zeros((n_a, m, T_x))
    y = np.zeros((n_y, m, T_x))
    cache_list = []

    a_next = a0  # (n_a, m)
    c_next = np.zeros((n_a, m))
    for t in range(T_x):
        a_next, c_next, yt_pred, cache = lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)
        a[:, :, t] = a_next
        c[:, :, t] = c_next
        y[:, :, t] = yt_pred
        cache_list.append(cache)

    return a, y, c, (cache_list, x)
