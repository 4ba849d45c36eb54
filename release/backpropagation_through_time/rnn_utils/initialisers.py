"""Starting weights."""

import numpy as np
from numpy.typing import NDArray


def orthogonal(n: int, rng: np.random.Generator, radius: float = 1.0) -> NDArray[np.float64]:
    """Return a random (n, n) matrix that turns vectors, and stretches all of them by the same factor.

    Parameters
    ----------
    n : int
        Number of rows and columns.
    rng : numpy.random.Generator
        Where the randomness comes from, e.g. ``np.random.default_rng(1)``.
    radius : float
        The factor: below 1 every product with the matrix shrinks, above 1 it grows.

    Returns
    -------
    numpy.ndarray
        Shape (n, n); its transpose times itself is ``radius**2`` times the identity.
    """
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    # qr fixes the signs by convention; taking them from r makes every rotation equally likely
    return radius * q * np.sign(np.diag(r))


def initialise_rnn_parameters(n_x: int, n_a: int, n_y: int, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Draw the five parameters of a basic recurrent cell.

    Parameters
    ----------
    n_x, n_a, n_y : int
        Units in one input, one hidden state and one prediction.
    rng : numpy.random.Generator
        Where the randomness comes from, e.g. ``np.random.default_rng(1)``.

    Returns
    -------
    dict
        ``Wax`` (n_a, n_x), ``Waa`` (n_a, n_a), ``Wya`` (n_y, n_a), ``ba`` (n_a, 1), ``by`` (n_y, 1).

    Notes
    -----
    Each weight is normal with variance 1 / (number of columns), so that a weighted sum is about as large as what
    is summed, whatever the sizes. Biases are small but not zero, so that leaving one out cannot go unnoticed.
    """
    return {
        "Wax": rng.standard_normal((n_a, n_x)) / np.sqrt(n_x),
        "Waa": rng.standard_normal((n_a, n_a)) / np.sqrt(n_a),
        "Wya": rng.standard_normal((n_y, n_a)) / np.sqrt(n_a),
        "ba": 0.1 * rng.standard_normal((n_a, 1)),
        "by": 0.1 * rng.standard_normal((n_y, 1)),
    }


def initialise_lstm_parameters(
    n_x: int, n_a: int, n_y: int, rng: np.random.Generator, forget_bias: float = 0.0
) -> dict[str, NDArray[np.float64]]:
    """Draw the ten parameters of an LSTM cell.

    Parameters
    ----------
    n_x, n_a, n_y : int
        Units in one input, one hidden state and one prediction.
    rng : numpy.random.Generator
        Where the randomness comes from, e.g. ``np.random.default_rng(1)``.
    forget_bias : float
        Added to ``bf``: the larger it is, the more of its cell state an untrained LSTM keeps.

    Returns
    -------
    dict
        ``Wf``, ``Wi``, ``Wc``, ``Wo``, each (n_a, n_a + n_x); ``bf``, ``bi``, ``bc``, ``bo``, each (n_a, 1);
        ``Wy`` (n_y, n_a), ``by`` (n_y, 1).

    Notes
    -----
    Scaled as in `initialise_rnn_parameters`.
    """
    parameters = {}
    for gate in "fico":
        parameters[f"W{gate}"] = rng.standard_normal((n_a, n_a + n_x)) / np.sqrt(n_a + n_x)
        parameters[f"b{gate}"] = 0.1 * rng.standard_normal((n_a, 1))
    parameters["bf"] += forget_bias
    parameters["Wy"] = rng.standard_normal((n_y, n_a)) / np.sqrt(n_a)
    parameters["by"] = 0.1 * rng.standard_normal((n_y, 1))
    return parameters
