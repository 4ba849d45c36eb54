"""Expected against actual: the first thing that is wrong with a value, and where."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from public_tests.contract import COUNTS, Array, Keyed, Luck, Node, PerStep, Record, Whole, parts

RTOL, ATOL = 1e-5, 1e-7  # the hidden tests' own: a float32 answer is right, a rounded one is not


class Kind(StrEnum):
    """What is wrong with a value."""

    NONE = "none"  # nothing is there
    TYPE = "type"
    LENGTH = "length"
    SHAPE = "shape"
    DTYPE = "dtype"
    NOT_FINITE = "not finite"
    VALUES = "values"
    ORDER = "order"


@dataclass(frozen=True)
class Difference:
    """The first thing that is wrong.

    Attributes
    ----------
    path : tuple of (str or int)
        From the returned value's name down, e.g. ``("caches", "list of caches", 2, "a_prev")``.
    says : str
        What is wrong, in one or two sentences.
    where : str
        Where it departs; empty if it is not a matter of places.
    expected, actual : object
        The two values that were compared last.
    """

    kind: Kind
    path: tuple[str | int, ...]
    says: str
    where: str = ""
    expected: Any = None
    actual: Any = None


def agree(expected: np.ndarray, actual: Any) -> bool:
    """Return whether an array is right: its shape, a real numeric dtype, finite, and its values."""
    return (
        type(actual) is np.ndarray
        and actual.shape == expected.shape
        and actual.dtype.kind in "fiu"
        and bool(np.isfinite(actual).all())
        and bool(np.isclose(actual, expected, rtol=RTOL, atol=ATOL).all())
    )


def difference(
    node: Node, expected: Any, actual: Any, sizes: dict[str, int], path: tuple[str | int, ...], name: str
) -> Difference | None:
    """Return the first thing that is wrong with a value, or None.

    Parameters
    ----------
    sizes : dict of str to int
        The letters of the shapes as numbers.
    path, name
        Where the value stands, for programs and for readers.
    """
    if actual is None:
        return Difference(Kind.NONE, path, f"{name} is None: nothing has been computed for it.", "", expected, actual)
    if isinstance(node, Array):
        return _array(node, expected, actual, path, name)
    if isinstance(node, Keyed):
        return _keyed(node, expected, actual, sizes, path, name)
    if isinstance(node, Record):
        return _record(node, expected, actual, sizes, path, name)
    return _per_step(node, expected, actual, sizes, path, name)


def _array(node: Array, expected: np.ndarray, actual: Any, path: tuple[str | int, ...], name: str) -> Difference | None:
    def wrong(kind: Kind, says: str, where: str = "") -> Difference:
        return Difference(kind, path, says, where, expected, actual)

    if type(actual) is not np.ndarray:  # a matrix or a masked array computes by rules of its own
        return wrong(Kind.TYPE, f"{name} is {described(actual)}; it should be a numpy array of shape {shape_of(node)}.")
    if actual.shape != expected.shape:
        return wrong(Kind.SHAPE, _shape_says(node, expected, actual, name))
    if actual.dtype.kind not in "fiu":
        return wrong(
            Kind.DTYPE,
            f"{name} has the right shape, but its dtype is {actual.dtype}; it should hold real numbers (float64).",
        )
    if node.integers and actual.dtype.kind == "f":
        return wrong(
            Kind.DTYPE, f"{name} has the right shape, but its dtype is {actual.dtype}; it should hold integers (int)."
        )
    if not np.isfinite(actual).all():
        bad = ~np.isfinite(actual)
        kinds = " and ".join(
            word for word, there in (("NaN", np.isnan(actual).any()), ("infinity", np.isinf(actual).any())) if there
        )
        first = _first(bad)
        return wrong(
            Kind.NOT_FINITE,
            f"{name} has the right shape, but {kinds} among its entries.",
            f"{bad.sum()} of {bad.size} entries; first in {place(path, first)}.",
        )
    off = ~np.isclose(actual, expected, rtol=RTOL, atol=ATOL)
    if not off.any():
        return None
    first = _first(off)
    # repr of a float is as long as it takes to tell it from every other: two that differ never print alike
    return wrong(
        Kind.VALUES,
        f"{name} has the right shape {actual.shape}, but not the right values.",
        f"{off.sum()} of {off.size} entries; first in {place(path, first)} is {actual[first].item()!r}, "
        f"expected {expected[first].item()!r}.",
    )


def _shape_says(node: Array, expected: np.ndarray, actual: np.ndarray, name: str) -> str:
    text = f"{name} has shape {actual.shape}; it should have {expected.shape}, that is {shape_of(node)}: "
    counts = [COUNTS.get(letter, letter) for letter in node.shape]
    # what is a row in most arrays is a column where it stands second, as n_x does in Wax
    text += ", ".join([*counts[:1], *(words.replace("one row", "one column") for words in counts[1:])]) + "."
    if actual.ndim > 1 and sorted(actual.shape) == sorted(expected.shape):
        text += " All its sizes are right, but the axes are in another order."
    elif actual.size == expected.size and actual.ndim < expected.ndim:
        text += " An axis of size 1 was lost on the way (keepdims, or a slice, may be the reason)."
    elif actual.ndim == 2 and expected.ndim == 2 and 1 in expected.shape and set(actual.shape) - set(expected.shape):
        text += " It may have been broadcast on the way: compare the shapes of what is added."
    return text


def _keyed(
    node: Keyed, expected: Any, actual: Any, sizes: dict[str, int], path: tuple[str | int, ...], name: str
) -> Difference | None:
    wanted = ", ".join(node.fields)
    if not isinstance(actual, dict):
        says = f"{name} is {described(actual)}; it should be a dictionary with the keys {wanted}."
        return Difference(Kind.TYPE, path, says, "", expected, actual)
    missing = [key for key in node.fields if key not in actual]
    if missing:
        says = f"{name} has no {' and no '.join(missing)}; its keys should be {wanted}."
        return Difference(Kind.LENGTH, path, says, "", expected, actual)
    if len(actual) > len(node.fields):
        says = f"{name} has a key too many; its keys should be {wanted}."
        return Difference(Kind.LENGTH, path, says, "", expected, actual)
    for key, inner in node.fields.items():
        found = difference(inner, expected[key], actual[key], sizes, (*path, key), f'{name}["{key}"]')
        if found:
            return found
    return None


def _record(
    node: Record, expected: Any, actual: Any, sizes: dict[str, int], path: tuple[str | int, ...], name: str
) -> Difference | None:
    wanted = ", ".join(node.fields)
    count = len(node.fields)
    if not isinstance(actual, tuple | list):
        says = f"{name} is {described(actual)}; it should be a tuple of {count} values, in this order: {wanted}."
        return Difference(Kind.TYPE, path, says, "", expected, actual)
    pairs = list(zip(node.fields.items(), expected, strict=True))
    if len(actual) != count:
        says = f"{name} holds {len(actual)} values; it should hold {count}, in this order: {wanted}."
        absent = [
            key for (key, inner), value in pairs if not any(_same(inner, value, given, sizes) for given in actual)
        ]
        if len(actual) < count and 0 < len(absent) < count:
            says += f" As far as the values tell, {' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} missing."
        return Difference(Kind.LENGTH, path, says, "", expected, actual)
    for place_, ((key, inner), value) in enumerate(pairs):
        found = difference(inner, value, actual[place_], sizes, (*path, key), f"{key} in {name}")
        if found is None:
            continue
        order = _order([[_same(inner, v, given, sizes) for given in actual] for (_, inner), v in pairs])
        if order:
            names = list(node.fields)
            has = ", ".join(names[order.index(i)] for i in range(count))
            says = f"{name} holds the right values in another order: it has {has}; it should have {wanted}."
            return Difference(Kind.ORDER, path, says, "", expected, actual)
        return found
    return None


def _per_step(
    node: PerStep, expected: Any, actual: Any, sizes: dict[str, int], path: tuple[str | int, ...], name: str
) -> Difference | None:
    count = sizes[node.length]
    if not isinstance(actual, tuple | list):
        says = f"The {name} is {described(actual)}; it should be a list of {count} entries, one for each time step."
        return Difference(Kind.TYPE, path, says, "", expected, actual)
    if len(actual) != count:
        has = "is empty" if not len(actual) else f"has {len(actual)} entries"
        says = f"The {name} {has}; it should have {count}, one for each of the {node.length} = {count} time steps."
        return Difference(Kind.LENGTH, path, says, "", expected, actual)
    for step, (value, given) in enumerate(zip(expected, actual, strict=True)):
        found = difference(node.item, value, given, sizes, (*path, step), f"the cache of time step {step + 1}")
        if found:
            return found
    return None


def _order(fits: list[list[bool]], taken: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Return for each row the column that it gets, each another one that fits it; empty if there is no such order."""
    if len(taken) == len(fits):
        return taken
    free = (column for column, fit in enumerate(fits[len(taken)]) if fit and column not in taken)
    return next(filter(None, (_order(fits, (*taken, column)) for column in free)), ())


def _same(node: Node, expected: Any, actual: Any, sizes: dict[str, int]) -> bool:
    return difference(node, expected, actual, sizes, ("value",), "value") is None


def _first(off: np.ndarray) -> tuple[int, ...]:
    """Return the first marked place: in the earliest time step, there the first row, there the first column."""
    if off.ndim <= 2:
        return tuple(int(i) for i in np.argwhere(off)[0])
    step, *rest = (int(i) for i in np.argwhere(np.moveaxis(off, -1, 0))[0])
    return (*rest, step)


def place(path: tuple[str | int, ...], index: tuple[int, ...]) -> str:
    """Return a place in words and as code, e.g. ``time step 2, row 1, column 3: a[0, 2, 1]``."""
    words = [f"{word} {i + 1}" for word, i in zip(("row", "column"), index, strict=False)]
    if len(index) > 2:
        words.insert(0, f"time step {index[-1] + 1}")
    return ", ".join(words) + f": {path[-1]}[{', '.join(map(str, index))}]"


def shape_of(node: Array) -> str:
    """Return a shape in the letters of the notebook, e.g. ``(n_a, m)``."""
    return f"({', '.join(node.shape)}{',' if len(node.shape) == 1 else ''})"


def described(value: Any) -> str:
    """Return what a value is, in a few words."""
    if type(value) is np.ndarray:
        return f"an array of shape {value.shape}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)} values"
    if isinstance(value, np.generic | float | int):
        return "a single number"
    kind = type(value).__name__
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"


def changed(node: Node, before: Any, after: Any, name: str = "") -> list[str]:
    """Return the names of the arguments that a call has changed in place."""
    if isinstance(node, Whole | Luck):
        return []
    if isinstance(node, Keyed) and set(before) != set(after):
        return [name]
    if isinstance(node, Keyed | Record):
        was, now = parts(node, before), parts(node, after)
        return [n for key, inner in node.fields.items() for n in changed(inner, was[key], now[key], key)]
    if isinstance(node, PerStep):
        if len(before) != len(after):
            return [name]
        pairs = zip(before, after, strict=True)
        return sorted({n for was, now in pairs for n in changed(node.item, was, now, name)})
    return [] if isinstance(after, np.ndarray) and np.array_equal(before, after, equal_nan=True) else [name]
