"""Says where an array departs from the right one, as far as a student may know it.

Hidden inputs stay the same when a student submits again, so whatever a page says can be collected. Shapes, places and a
count say where to look. How far off an answer is, is told as one of four bands for the whole array: with exact
differences, one's own value and the difference would make up the expected one.
"""

import numpy as np

from autograder.model import Band, Departure

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

_ROWS, _COLUMNS = 48, 64  # the largest picture


def departure(expected: Array, actual: Array, near: Flags, value: str) -> Departure:
    """Describe where two arrays of the same shape differ.

    Parameters
    ----------
    near : ndarray of bool
        Which entries count as right; at least one does not.
    value : str
        What the array is called.
    """
    wrong = ~near
    order = np.argwhere(wrong.transpose() if near.ndim == 3 else wrong)  # in the order of time
    place = order[0][[0, 2, 1]] if near.ndim == 3 else order[0]
    return Departure(
        value,
        expected.shape,
        actual.shape,
        int(wrong.sum()),
        near.size,
        tuple(int(index) + 1 for index in place) if near.ndim in (2, 3) else (),
        _band(expected, actual),
        _picture(wrong),
    )


def _band(expected: Array, actual: Array) -> Band | None:
    difference = float(np.abs(actual - expected).max())
    if not np.isfinite(difference):
        return None
    scale = float(np.abs(expected).max())
    for band, share in ((Band.SLIGHT, 1e-3), (Band.SMALL, 0.1), (Band.LARGE, 3.0)):
        if difference < share * scale:
            return band
    return Band.HUGE


def _picture(wrong: Flags) -> tuple[str, ...]:
    """Draw rows and time steps of three axes, rows and columns of two."""
    if wrong.ndim not in (2, 3) or not 0 < wrong.shape[0] <= _ROWS or not 0 < wrong.shape[-1] <= _COLUMNS:
        return ()
    some, every = (wrong.any(axis=1), wrong.all(axis=1)) if wrong.ndim == 3 else (wrong, wrong)
    marks = np.where(every, "#", np.where(some, "o", "."))
    return tuple("".join(row) for row in marks)
