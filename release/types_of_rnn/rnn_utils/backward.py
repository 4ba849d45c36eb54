"""Backpropagation through time of the third assignment, given: for the basic network and for the LSTM."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def rnn_cell_backward(da_next: Array, cache: tuple[Any, ...]) -> dict[str, Array]:
    """Take one step of a basic recurrent network backwards.

    Parameters
    ----------
    da_next : numpy.ndarray
        Gradient of the loss with respect to the state after the step, shape (n_a, m).
    cache : tuple
        Of that step, from ``rnn_cell_forward``.

    Returns
    -------
    dict
        ``dxt`` (n_x, m), ``da_prev`` (n_a, m), ``dWax`` (n_a, n_x), ``dWaa`` (n_a, n_a), ``dba`` (n_a, 1).
    """
    a_next, a_prev, xt, parameters = cache
    dtanh = (1 - a_next**2) * da_next  # (n_a, m): the slope of tanh, from the value of tanh
    return {
        "dxt": parameters["Wax"].T @ dtanh,
        "da_prev": parameters["Waa"].T @ dtanh,
        "dWax": dtanh @ xt.T,
        "dWaa": dtanh @ a_prev.T,
        "dba": dtanh.sum(axis=1, keepdims=True),
    }


def rnn_backward(da: Array, caches: tuple[list[tuple[Any, ...]], Array]) -> dict[str, Array]:
    """Run a basic recurrent network backwards through time.

    Parameters
    ----------
    da : numpy.ndarray
        Gradient of the loss with respect to every state as it enters its prediction, shape (n_a, m, T_x).
    caches : tuple
        From ``rnn_forward``.

    Returns
    -------
    dict
        ``dx`` (n_x, m, T_x), ``da0`` (n_a, m), ``dWax`` (n_a, n_x), ``dWaa`` (n_a, n_a), ``dba`` (n_a, 1).
    """
    cache_list, x = caches
    n_a, m, T_x = da.shape
    n_x = x.shape[0]

    gradients = {
        "dx": np.zeros((n_x, m, T_x)),
        "dWax": np.zeros((n_a, n_x)),
        "dWaa": np.zeros((n_a, n_a)),
        "dba": np.zeros((n_a, 1)),
    }
    da_future = np.zeros((n_a, m))  # nothing comes after the last step
    for t in reversed(range(T_x)):
        step = rnn_cell_backward(da[:, :, t] + da_future, cache_list[t])
        da_future = step["da_prev"]
        gradients["dx"][:, :, t] = step["dxt"]
        for name in ("dWax", "dWaa", "dba"):
            gradients[name] += step[name]  # the same weights at every step: their gradients add up
    gradients["da0"] = da_future
    return gradients


def lstm_cell_backward(da_next: Array, dc_next: Array, cache: tuple[Any, ...]) -> dict[str, Array]:
    """Take one step of an LSTM backwards.

    Parameters
    ----------
    da_next, dc_next : numpy.ndarray
        Gradients of the loss with respect to the hidden state and the cell state after the step, each (n_a, m).
    cache : tuple
        Of that step, from ``lstm_cell_forward``.

    Returns
    -------
    dict
        ``dxt`` (n_x, m), ``da_prev`` and ``dc_prev`` (n_a, m), ``dWf``, ``dWi``, ``dWc``, ``dWo`` (n_a, n_a + n_x),
        ``dbf``, ``dbi``, ``dbc``, ``dbo`` (n_a, 1).
    """
    _, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    n_a = a_prev.shape[0]

    tanh_c = np.tanh(c_next)
    dc = dc_next + da_next * ot * (1 - tanh_c**2)  # (n_a, m): from the next step, and through this step's state
    before = {  # gradients before the nonlinearities, each (n_a, m)
        "f": dc * c_prev * ft * (1 - ft),
        "i": dc * cct * it * (1 - it),
        "c": dc * it * (1 - cct**2),
        "o": da_next * tanh_c * ot * (1 - ot),
    }
    z = np.concatenate([a_prev, xt], axis=0)  # (n_a + n_x, m)
    dz = sum(parameters[f"W{gate}"].T @ d for gate, d in before.items())  # (n_a + n_x, m)

    gradients = {"dxt": dz[n_a:], "da_prev": dz[:n_a], "dc_prev": dc * ft}
    for gate, d in before.items():
        gradients[f"dW{gate}"] = d @ z.T
        gradients[f"db{gate}"] = d.sum(axis=1, keepdims=True)
    return gradients


def lstm_backward(
    da: Array, caches: tuple[list[tuple[Any, ...]], Array], dc_last: Array | None = None
) -> dict[str, Array]:
    """Run an LSTM backwards through time.

    Parameters
    ----------
    da : numpy.ndarray
        Gradient of the loss with respect to every hidden state as it enters its prediction, shape (n_a, m, T_x);
        it may be shorter than the forward pass was.
    caches : tuple
        From ``lstm_forward``.
    dc_last : numpy.ndarray, optional
        Gradient that reaches the last cell state from outside, shape (n_a, m): from a decoder that starts from it.
        Zeros where none is given.

    Returns
    -------
    dict
        ``dx`` (n_x, m, T_x), ``da0`` and ``dc0`` (n_a, m), ``dWf``, ``dWi``, ``dWc``, ``dWo`` (n_a, n_a + n_x),
        ``dbf``, ``dbi``, ``dbc``, ``dbo`` (n_a, 1).
    """
    cache_list, x = caches
    n_a, m, T_x = da.shape
    n_x = x.shape[0]

    weights = [f"d{kind}{gate}" for gate in "fico" for kind in "Wb"]
    gradients = {name: np.zeros((n_a, n_a + n_x if name[1] == "W" else 1)) for name in weights}
    gradients["dx"] = np.zeros((n_x, m, T_x))
    da_future = np.zeros((n_a, m))
    dc_future = np.zeros((n_a, m)) if dc_last is None else dc_last
    for t in reversed(range(T_x)):
        step = lstm_cell_backward(da[:, :, t] + da_future, dc_future, cache_list[t])
        da_future, dc_future = step["da_prev"], step["dc_prev"]  # both are carried
        gradients["dx"][:, :, t] = step["dxt"]
        for name in weights:
            gradients[name] += step[name]
    gradients["da0"], gradients["dc0"] = da_future, dc_future
    return gradients
