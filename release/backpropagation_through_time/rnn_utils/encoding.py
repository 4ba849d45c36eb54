"""Symbols as columns of zeros with a single one, and back."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def one_hot(indices: ArrayLike, size: int) -> NDArray[np.float64]:
    """Write every index as a column with a single 1.

    Parameters
    ----------
    indices : array_like of int
        Any shape, e.g. (m,) for one time step or (m, T_x) for whole sequences; each from 0 to size - 1.
    size : int
        How many symbols there are (n_x for inputs, n_y for targets).

    Returns
    -------
    numpy.ndarray
        Shape (size,) + the shape of `indices`, e.g. (size, m, T_x).

    Raises
    ------
    ValueError
        If an index is not a whole number from 0 to size - 1.
    """
    indices = np.asarray(indices)
    if not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(f"one_hot needs whole numbers as indices; these are of type {indices.dtype}.")
    if indices.size and (indices.min() < 0 or indices.max() >= size):
        raise ValueError(
            f"one_hot was given indices from {indices.min()} to {indices.max()}, "
            f"but with size={size} they must lie between 0 and {size - 1}."
        )
    columns = np.zeros((size, indices.size))  # one column per index
    columns[indices.ravel(), np.arange(indices.size)] = 1
    return columns.reshape((size, *indices.shape))


def from_one_hot(columns: ArrayLike) -> NDArray[np.intp]:
    """Return the index of the largest entry of every column: the way back from `one_hot`.

    Parameters
    ----------
    columns : array_like
        Shape (size, ...), e.g. one-hot columns or predicted probabilities of shape (n_y, m, T_x).

    Returns
    -------
    numpy.ndarray of int
        The same shape without its first axis.
    """
    indices: NDArray[np.intp] = np.argmax(columns, axis=0)
    return indices
