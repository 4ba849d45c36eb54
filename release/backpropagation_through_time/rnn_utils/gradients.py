"""Gradients by trying: the numerical check of a backward pass, and clipping."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray


def numerical_gradient(loss: Callable[[], float], array: NDArray[np.float64], h: float = 1e-5) -> NDArray[np.float64]:
    """Measure how a loss follows every entry of an array, by nudging one entry after the other.

    Parameters
    ----------
    loss : callable
        Takes nothing and returns one number; it reads `array` each time it is called.
    array : numpy.ndarray
        What to nudge, of any shape, float64. Each entry is moved and put back; at the end it is as it was.
    h : float
        How far to nudge. Too large, and the curve bends in between; too small, and rounding takes over.

    Returns
    -------
    numpy.ndarray
        The shape of `array`: ``(loss(entry + h) - loss(entry - h)) / (2 * h)`` for every entry.

    Raises
    ------
    TypeError
        If `array` cannot be nudged: no array of floats, or a copy would be needed.
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.float64:
        raise TypeError("numerical_gradient nudges the entries of an array of float64, in place.")
    gradient = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        kept = array[place]
        try:
            array[place] = kept + h
            above = loss()
            array[place] = kept - h
            below = loss()
        finally:
            array[place] = kept  # even if the loss raises
        gradient[place] = (above - below) / (2 * h)
    return gradient


def relative_error(one: ArrayLike, other: ArrayLike) -> float:
    """Return how far two arrays of the same shape are apart: the norm of the difference, relative to their norms.

    Parameters
    ----------
    one, other : array_like
        Of the same shape.

    Returns
    -------
    float
        ``norm(one - other) / (norm(one) + norm(other))``: 0 if they are equal, 1 if one of them is zero or they
        point in opposite directions. Below about 1e-7 a gradient is right; above 1e-4 it is wrong.

    Raises
    ------
    ValueError
        If the shapes differ: a difference of arrays of two shapes would be broadcast, and mean nothing.
    """
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if one.shape != other.shape:
        raise ValueError(f"relative_error compares arrays of one shape; these have {one.shape} and {other.shape}.")
    size = float(np.linalg.norm(one) + np.linalg.norm(other))
    return float(np.linalg.norm(one - other)) / size if size > 0 else 0.0


def clip_gradients(gradients: Mapping[str, NDArray[np.float64]], most: float) -> dict[str, NDArray[np.float64]]:
    """Shorten gradients that are too long together, and leave their direction as it is.

    Parameters
    ----------
    gradients : mapping of str to numpy.ndarray
        All gradients of one step of training.
    most : float
        The largest norm, of all entries of all arrays together.

    Returns
    -------
    dict
        New arrays under the same names: all multiplied by the same factor, 1 if the norm is not above `most`.
    """
    norm = float(np.sqrt(sum(float(np.sum(g**2)) for g in gradients.values())))
    factor = min(1.0, most / norm) if norm > 0 else 1.0
    return {name: factor * g for name, g in gradients.items()}
