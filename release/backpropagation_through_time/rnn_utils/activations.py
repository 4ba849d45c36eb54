"""Functions that turn weighted sums into activations; right for any finite number, however large."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def sigmoid(z: ArrayLike) -> NDArray[np.float64]:
    """Squash every number into the range from 0 to 1.

    Parameters
    ----------
    z : array_like
        Weighted sums, of any shape.

    Returns
    -------
    numpy.ndarray
        ``1 / (1 + exp(-z))``, entry by entry; the shape of `z`.

    Notes
    -----
    ``exp(-z)`` is too large for a float once z is below about -709. For negative z we use the same fraction,
    multiplied above and below by ``exp(z)``: ``exp(z) / (exp(z) + 1)``. So the exponent is never positive.
    """
    z = np.asarray(z)
    with np.errstate(under="ignore"):  # exp of something very negative is 0, and that is right
        e = np.exp(-np.abs(z))  # between 0 and 1
        result: NDArray[np.float64] = np.where(z >= 0, 1, e) / (1 + e)
    return result


def softmax(z: ArrayLike, axis: int = 0) -> NDArray[np.float64]:
    """Turn scores into probabilities that add up to 1 along one axis.

    Parameters
    ----------
    z : array_like
        Scores ("logits"), usually of shape (n_y, m): one row per class, one column per example.
    axis : int
        The axis that runs over the classes. In this course it is the first one, so every column adds up to 1.

    Returns
    -------
    numpy.ndarray
        ``exp(z) / sum of exp(z) along axis``; the shape of `z`.

    Notes
    -----
    The largest score is subtracted first. That multiplies the fraction above and below by the same number, so the
    probabilities stay what they are, and no exponent is positive any more: nothing can overflow.
    """
    z = np.asarray(z)
    # Two scores can lie further apart than the largest float; exp(-inf) is 0, and that is right.
    with np.errstate(over="ignore", under="ignore"):
        e = np.exp(z - np.max(z, axis=axis, keepdims=True))  # the largest entry is exp(0) = 1
        result: NDArray[np.float64] = e / np.sum(e, axis=axis, keepdims=True)
    return result
