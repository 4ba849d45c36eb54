"""Compares expected with actual values: is it right, and if not, what is the first thing wrong with it.

Right means: the same structure, exactly the same shape, real numbers, all finite, and each within
``atol + rtol * |expected|``. Where every entry is a float32 number the student computed in float32, and ``atol`` allows
for the rounding of its sums. The rules are strict where numpy is generous, and each says why:

* *Shape first.* ``np.allclose`` broadcasts: one right number would equal a whole array of it.
* *Finite before values.* NaN compares false with everything; a test written as "no entry is too far off" would pass
  an array of NaN. Here an entry is right only if it is shown to be near enough.
* *Base arrays only.* The wire has already rebuilt every array from bytes; what was a subclass, an object array or a
  look-alike arrives as `Opaque` and is refused by its type's name.
* *Nothing is near infinity.* The tolerance of an infinite expected value would be infinite as well.
* *No truth values, no complex numbers.* ``True == 1`` and ``1 + 0j == 1``, but neither is an activation.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.departure import departure
from autograder.model import Departure
from autograder.sandbox.wire import Opaque

RTOL = 1e-5  # float32 answers are right (about 1e-7 off); answers rounded to four places are not
ATOL = 1e-7
ATOL_FLOAT32 = 2e-6  # where every value is a float32: sums of dozens of terms near 1 are that far off by themselves


@dataclass(frozen=True)
class Verdict:
    """Whether a value is right, and the first thing wrong with it.

    Attributes
    ----------
    problem : str
        One sentence for the student, with shapes but never a value of ours; empty where right.
    departure : Departure or None
        Where it departs, for an array.
    """

    right: bool
    problem: str = ""
    departure: Departure | None = None


RIGHT = Verdict(True)  # noqa: FBT003


def _wrong(problem: str, departure: Departure | None = None) -> Verdict:
    return Verdict(False, problem, departure)  # noqa: FBT003


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
    with np.errstate(all="ignore"):  # 1e308 - -1e308 is infinite, and infinity less itself is NaN: neither is near
        return _compare(expected, actual, name, set())


def _compare(expected: Any, actual: Any, name: str, right: set[tuple[int, int]]) -> Verdict:
    """Compare, knowing which pairs of objects are right already: a cache holds the same parameters at every step."""
    pair = (id(expected), id(actual))  # both live as long as this comparison, so an id names one object
    if pair in right:
        return RIGHT
    if isinstance(expected, tuple | list):
        verdict = _sequence(expected, actual, name, right)
    elif isinstance(expected, dict):
        verdict = _mapping(expected, actual, name, right)
    else:
        verdict = _array(np.asarray(expected), actual, name)
    if verdict.right:
        right.add(pair)
    return verdict


def _sequence(expected: tuple[Any, ...] | list[Any], actual: Any, name: str, right: set[tuple[int, int]]) -> Verdict:
    """Compare entry by entry; a list serves where a tuple was expected, both unpack alike."""
    if not isinstance(actual, tuple | list):
        return _wrong(f"`{name}` should be a tuple or list of {len(expected)} values; it is {described(actual)}.")
    if len(actual) != len(expected):
        return _wrong(f"`{name}` should hold {len(expected)} values; it holds {count_of(actual)}.")
    for index, (theirs, ours) in enumerate(zip(actual, expected, strict=True)):
        verdict = _compare(ours, theirs, f"{name}[{index}]", right)
        if not verdict.right:
            return verdict
    return RIGHT


def _mapping(expected: dict[str, Any], actual: Any, name: str, right: set[tuple[int, int]]) -> Verdict:
    if not isinstance(actual, dict):
        return _wrong(f"`{name}` should be a dictionary; it is {described(actual)}.")
    if actual.keys() != expected.keys():
        missing = [key for key in expected if key not in actual]
        if missing:
            return _wrong(f"`{name}` lacks the key {missing[0]!r}.")
        return _wrong(f"`{name}` has a key that was not expected.")
    for key, value in expected.items():
        verdict = _compare(value, actual[key], f"{name}[{key!r}]", right)
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
        return _wrong(
            f"`{name}` has {_shaped(actual.shape)}; its shape should be {expected.shape}.",
            Departure(name, expected.shape, actual.shape) if _may_be_shown(actual.shape) else None,
        )
    if actual.dtype.kind not in "iuf":
        return _wrong(f"`{name}` holds values of dtype {actual.dtype}; real numbers were expected.")
    theirs, ours = actual.astype(np.float64, copy=False), expected.astype(np.float64, copy=False)
    if not (theirs - ours).any():
        return RIGHT  # the same numbers, and finite: a difference with NaN or infinity in it is never zero
    if not np.isfinite(theirs).all():
        what = "NaN (not a number)" if np.isnan(theirs).any() else "infinity"
        return _wrong(
            f"`{name}` {'has the right shape but contains' if expected.ndim else 'is'} {what}.",
            departure(ours, theirs, _near(theirs, ours, ATOL), name),
        )
    near = _near(theirs, ours, ATOL)
    if not near.all() and np.array_equal(theirs, _narrowed(theirs)):
        near = _near(theirs, ours, ATOL_FLOAT32)
    if near.all():
        return RIGHT
    if not expected.ndim:
        return _wrong(f"`{name}` is a number, but not the right one.")
    return _wrong(f"`{name}` has the right shape but wrong values{_where(near)}.", departure(ours, theirs, near, name))


def _near(theirs: np.ndarray[Any, Any], ours: np.ndarray[Any, Any], atol: float) -> np.ndarray[Any, Any]:
    return np.asarray(np.isfinite(ours) & (np.abs(theirs - ours) <= atol + RTOL * np.abs(ours)))


def _narrowed(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the values as float32 can hold them: unchanged where they were computed in float32."""
    return values.astype(np.float32).astype(np.float64)


def _where(near: np.ndarray[Any, Any]) -> str:
    """Return where an array departs: its share of wrong entries and, along a time axis, the first wrong step."""
    if not near.any():
        return " everywhere"
    if near.ndim != 3 or near.shape[2] == 1:
        return f" in {(~near).sum()} of {near.size} entries"
    wrong_steps = np.flatnonzero(~near.all(axis=(0, 1)))
    first = int(wrong_steps[0])
    if len(wrong_steps) == near.shape[2]:
        return " from the first time step on"
    if first == 0:
        return f" in {len(wrong_steps)} of {near.shape[2]} time steps, the first among them"
    before = "time step 1 is" if first == 1 else f"time steps 1 to {first} are"
    return f": {before} right, step {first + 1} is the first to depart"


# What an opaque value may be called on a page. The name of a type is the student's to choose at run time: printed as it
# comes, it would carry hidden inputs out.
_SHOWN_TYPES = frozenset(
    [
        "matrix",
        "MaskedArray",
        "str",
        "bytes",
        "dict",
        "list",
        "tuple",
        "complex",
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
_LENGTH_SHOWN = 9_999
_SHOWN_TEXT = re.compile(
    r"of dtype (bool|u?int(8|16|32|64)|float(16|32|64|96|128)|complex(64|128|192|256)|object|str\d{1,3}|"
    r"bytes\d{1,3}|void\d{1,3}|(datetime|timedelta)64)\Z"
)


_SHAPE_TEXT = re.compile(r"of shape \((\d{1,20}(?:, \d{1,20}){0,31},?)\)\Z", re.ASCII)


def _opaque(value: Opaque) -> str:
    shape = _SHAPE_TEXT.match(value.text) if value.type == "ndarray" else None
    if shape:
        sizes = tuple(int(size) for size in shape[1].split(",") if size.strip())
        return f"an array of {_shaped(sizes)}, which is too large to be compared"
    kind = f"{'an' if value.type == 'ndarray' else 'a'} {value.type}"
    if value.type not in _SHOWN_TYPES:
        kind = "another kind of object"
    return kind + (f" {value.text}" if _SHOWN_TEXT.match(value.text) else "")


def _may_be_shown(shape: tuple[int, ...]) -> bool:
    return len(shape) <= 4 and all(n <= _LENGTH_SHOWN for n in shape)


def _shaped(shape: tuple[int, ...]) -> str:
    """Return a student's shape for a sentence; one that no honest array of this course has says only what it is.

    An array without entries costs nothing and has a shape of any numbers at all: hidden inputs, for example.
    """
    if len(shape) > 4:
        return "a shape of more than four axes"
    return f"shape {shape}" if _may_be_shown(shape) else "a shape with a very long axis"


def count_of(values: tuple[Any, ...] | list[Any]) -> str:
    """Return how many values there are, for a sentence."""
    return str(len(values)) if len(values) <= _LENGTH_SHOWN else f"more than {_LENGTH_SHOWN}"


def described(value: Any) -> str:
    """Return what kind of thing a value is, for a sentence."""
    if value is None:
        return "None"
    if isinstance(value, Opaque):
        return _opaque(value)
    if isinstance(value, np.ndarray):
        return f"an array of {_shaped(value.shape)}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {count_of(value)} values"
    if isinstance(value, dict):
        return "a dictionary"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, np.generic | int | float):
        return "a single number"
    return f"a {type(value).__name__}"
