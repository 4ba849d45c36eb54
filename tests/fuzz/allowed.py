"""What a value that came over the wire may be made of: walked to its end, whatever is shared in it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.sandbox import wire

SCALARS = (int, float, str, bool, type(None))
GENERICS = frozenset(np.dtype(name).type for name in wire.DTYPES)
VALUES_CAP = 3 * wire.NODE_CAP  # different objects in one value: what the decoder counts, and some room


def check(value: Any, known: Sequence[np.ndarray[Any, Any]] = ()) -> None:
    """Complain unless a value holds nothing but what the wire may carry, each of exactly its type.

    Parameters
    ----------
    known : sequence of ndarray
        Arrays of one's own that the other end may have named; they are as they were.
    """
    own = {id(array) for array in known}
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        assert len(seen) <= VALUES_CAP, "more values than the cap"
        kind = type(item)
        if kind is np.ndarray:
            if id(item) not in own:
                _check_array(item)
        elif kind in {tuple, list}:
            waiting += item
        elif kind is dict:
            assert all(type(key) is str and len(key) <= wire.TEXT_CAP for key in item), "a key that is no short string"
            waiting += item.values()
        elif kind is wire.Opaque:
            for text, most in ((item.type, 80), (item.text, 200)):
                assert type(text) is str
                assert text.isascii(), "an opaque value's text is not ASCII"
                assert len(text) <= 10 * most, "an opaque value's text is long"  # each character may be escaped
        elif kind is int:
            assert -(1 << 63) <= item < 1 << 63, "an integer of more than 64 bits"
        elif kind is str:
            assert len(item) <= wire.TEXT_CAP, "a string over the cap"
        else:
            assert kind in SCALARS or kind in GENERICS, f"a value of type {kind}"


def _check_array(array: np.ndarray[Any, Any]) -> None:
    assert array.dtype.str in wire.DTYPES, f"an array of dtype {array.dtype}"
    assert not array.dtype.hasobject
    assert array.ndim <= wire.DIMENSIONS_CAP
    assert array.nbytes <= wire.BODY_CAP, "an array over the cap"
    assert not array.flags.writeable, "an array that can be written to"
    if array.dtype.kind == "b" and array.size:
        assert array.view(np.uint8).max() <= 1, "a truth value that is neither true nor false"


def weight(value: Any) -> int:
    """Return how many bytes the arrays of a value take that is known to be good, each counted once."""
    seen: dict[int, int] = {}
    waiting = [value]
    visited: set[int] = set()
    while waiting:
        item = waiting.pop()
        if id(item) in visited:
            continue
        visited.add(id(item))
        if isinstance(item, np.ndarray):
            seen[id(item)] = item.nbytes
        elif isinstance(item, tuple | list):
            waiting += item
        elif isinstance(item, dict):
            waiting += item.values()
    return sum(seen.values())
