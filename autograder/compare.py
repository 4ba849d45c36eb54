"""Compares expected with actual values: is it right, and if not, what is the first thing wrong with it.

Right means: the same structure, exactly the same shape, real numbers, all finite, and each within
``atol + rtol * |expected|``. The rules are strict where numpy is generous, and each says why:

* *Shape first.* ``np.allclose`` broadcasts: one right number would equal a whole array of it.
* *Finite before values.* NaN compares false with everything; a test written as "no entry is too far off" would pass
  an array of NaN. Here an entry is right only if it is shown to be near enough.
* *Base arrays only.* The wire has already rebuilt every array from bytes; what was a subclass, an object array or a
  look-alike arrives as `Opaque` and is refused by its type's name.
* *No truth values, no complex numbers.* ``True == 1`` and ``1 + 0j == 1``, but neither is an activation.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.sandbox.wire import Opaque

RTOL = 1e-5  # float32 answers are right (about 1e-7 off); answers rounded to four places are not
ATOL = 1e-7


@dataclass(frozen=True)
class Verdict:
    """Whether a value is right, and the first thing wrong with it.

    Attributes
    ----------
    problem : str
        One sentence for the student, with shapes but never a value of ours; empty where right.
    """

    right: bool
    problem: str = ""


RIGHT = Verdict(True)  # noqa: FBT003


def _wrong(problem: str) -> Verdict:
    return Verdict(False, problem)  # noqa: FBT003


def compare(expected: Any, actual: Any, name: str) -> Verdict:
    """Compare a returned value with what was expected.

    Parameters
    ----------
    expected : ndarray, number, or tuple, list, dict of such
        From the reference.
    actual : any
        As it came over the wire.
    name : str
        What the notebook calls the value.
    """
    if isinstance(expected, tuple | list):
        return _sequence(expected, actual, name)
    if isinstance(expected, dict):
        return _mapping(expected, actual, name)
    return _array(np.asarray(expected), actual, name)


def _sequence(expected: tuple[Any, ...] | list[Any], actual: Any, name: str) -> Verdict:
    """Compare entry by entry; a list serves where a tuple was expected, both unpack alike."""
    if not isinstance(actual, tuple | list):
        return _wrong(f"`{name}` should be a tuple or list of {len(expected)} values; it is {described(actual)}.")
    if len(actual) != len(expected):
        return _wrong(f"`{name}` should hold {len(expected)} values; it holds {len(actual)}.")
    for index, (theirs, ours) in enumerate(zip(actual, expected, strict=True)):
        verdict = compare(ours, theirs, f"{name}[{index}]")
        if not verdict.right:
            return verdict
    return RIGHT


def _mapping(expected: dict[str, Any], actual: Any, name: str) -> Verdict:
    if not isinstance(actual, dict):
        return _wrong(f"`{name}` should be a dictionary; it is {described(actual)}.")
    missing = [key for key in expected if key not in actual]
    if missing:
        return _wrong(f"`{name}` lacks the key {missing[0]!r}.")
    surplus = [key for key in actual if key not in expected]
    if surplus:
        return _wrong(f"`{name}` has a key that was not expected.")
    for key, value in expected.items():
        verdict = compare(value, actual[key], f"{name}[{key!r}]")
        if not verdict.right:
            return verdict
    return RIGHT


def _array(expected: np.ndarray[Any, Any], actual: Any, name: str) -> Verdict:
    if isinstance(actual, np.generic | int | float) and not isinstance(actual, bool) and expected.ndim == 0:
        actual = np.asarray(actual)
    if not isinstance(actual, np.ndarray):
        wanted = f"an array of shape {expected.shape}" if expected.ndim else "a number"
        return _wrong(f"`{name}` should be {wanted}; it is {described(actual)}.")
    if actual.shape != expected.shape:
        return _wrong(f"`{name}` has shape {actual.shape}; its shape should be {expected.shape}.")
    if actual.dtype.kind not in "iuf":
        return _wrong(f"`{name}` holds values of dtype {actual.dtype}; real numbers were expected.")
    theirs, ours = actual.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(theirs)
    if not finite.all():
        what = "NaN (not a number)" if np.isnan(theirs).any() else "infinity"
        return _wrong(f"`{name}` has the right shape but contains {what}.")
    with np.errstate(over="ignore"):  # 1e308 - -1e308 is infinite, and so not near
        near = np.abs(theirs - ours) <= ATOL + RTOL * np.abs(ours)
    if near.all():
        return RIGHT
    return _wrong(f"`{name}` has the right shape but wrong values{_where(near)}.")


def _where(near: np.ndarray[Any, Any]) -> str:
    """Return where an array departs: its share of wrong entries and, along a time axis, the first wrong step."""
    share = f"{(~near).sum()} of {near.size} entries" if not near.any() else f"{(~near).mean():.0%} of its entries"
    if near.all(axis=None) or near.ndim != 3:
        return " everywhere" if not near.any() else f" in {share}"
    wrong_steps = np.flatnonzero(~near.all(axis=(0, 1)))
    first = int(wrong_steps[0])
    if near.shape[2] == 1:
        return ""
    before = "time step 1 is" if first == 1 else f"time steps 1 to {first} are"
    if first == 0:
        return " from the first time step on"
    return f": {before} right, step {first + 1} is the first to depart"


# What an opaque value may be called on a page. The name of a type is the student's to choose at run time: printed as it
# comes, it would carry hidden inputs out.
_SHOWN_TYPES = frozenset(
    [
        "matrix",
        "MaskedArray",
        "str",
        "bytes",
        "function",
        "generator",
        "map",
        "zip",
        "range",
        "set",
        "ndarray",
        "Tensor",
    ]
)
_SHOWN_TEXT = re.compile(r"of dtype [a-z]+\d{0,3}\Z")


def _opaque(value: Opaque) -> str:
    kind = f"a {value.type}" if value.type in _SHOWN_TYPES else "another kind of object"
    return kind + (f" {value.text}" if _SHOWN_TEXT.match(value.text) else "")


def described(value: Any) -> str:
    """Return what kind of thing a value is, for a sentence."""
    if value is None:
        return "None"
    if isinstance(value, Opaque):
        return _opaque(value)
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)} values"
    if isinstance(value, dict):
        return "a dictionary"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, np.generic | int | float):
        return "a single number"
    return f"a {type(value).__name__}"
