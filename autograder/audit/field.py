"""Computes with array code over a prime field, where two formulas that agree on random elements are the same formula.

Floating point cannot tell equal from nearly equal. Over the integers modulo a large prime sums and products are exact,
and two different polynomials agree on random elements with a probability of about one in 10**17. Functions that are no
polynomials, such as tanh, become keyed hashes: equal arguments give equal values, and nothing else relates them.
"""

import hashlib
from fractions import Fraction
from types import FunctionType
from typing import Any

import numpy as np

PRIME = (1 << 61) - 1


class Element:
    """A number modulo `PRIME`, with the arithmetic that numpy asks of the entries of an array."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value % PRIME

    def _other(self, other: object) -> int | None:
        if isinstance(other, Element):
            return other.value
        if isinstance(other, bool | np.bool_):
            return None
        if isinstance(other, int | np.integer):
            return int(other) % PRIME
        if isinstance(other, float | np.floating) and np.isfinite(other):
            exact = Fraction(float(other))
            return exact.numerator * pow(exact.denominator, -1, PRIME) % PRIME
        return None

    def __add__(self, other: object) -> "Element":
        value = self._other(other)
        return NotImplemented if value is None else Element(self.value + value)

    __radd__ = __add__

    def __sub__(self, other: object) -> "Element":
        value = self._other(other)
        return NotImplemented if value is None else Element(self.value - value)

    def __rsub__(self, other: object) -> "Element":
        value = self._other(other)
        return NotImplemented if value is None else Element(value - self.value)

    def __mul__(self, other: object) -> "Element":
        value = self._other(other)
        return NotImplemented if value is None else Element(self.value * value)

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> "Element":
        value = self._other(other)
        if value is None:
            return NotImplemented
        if value == 0:
            raise ZeroDivisionError
        return Element(self.value * pow(value, -1, PRIME))

    def __rtruediv__(self, other: object) -> "Element":
        value = self._other(other)
        if value is None:
            return NotImplemented
        return Element(value) / self

    def __pow__(self, exponent: object) -> "Element":
        if isinstance(exponent, int | np.integer) or (isinstance(exponent, float) and exponent.is_integer()):
            return Element(pow(self.value, int(exponent), PRIME))
        return _hashed("power", self.value, repr(exponent))

    def __neg__(self) -> "Element":
        return Element(-self.value)

    def __eq__(self, other: object) -> bool:
        value = self._other(other)
        return value is not None and value == self.value

    def __hash__(self) -> int:
        return hash(self.value)

    # numpy calls these for its functions of the same names
    def tanh(self) -> "Element":
        """Return the keyed hash that stands for tanh."""
        return _hashed("tanh", self.value)

    def exp(self) -> "Element":
        """Return the keyed hash that stands for exp."""
        return _hashed("exp", self.value)

    def log(self) -> "Element":
        """Return the keyed hash that stands for log."""
        return _hashed("log", self.value)

    def sqrt(self) -> "Element":
        """Return the keyed hash that stands for the square root."""
        return _hashed("sqrt", self.value)


def _hashed(*what: object) -> Element:
    return Element(int.from_bytes(hashlib.blake2b(repr(what).encode(), digest_size=16).digest()))


def random_elements(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Return an array of random elements."""
    return _filled(shape, lambda: Element(int(rng.integers(1, PRIME))))


def _filled(shape: Any, make: Any) -> np.ndarray[Any, Any]:
    result = np.empty(shape, dtype=object)
    for place in np.ndindex(result.shape):
        result[place] = make()
    return result


class FieldNumpy:
    """numpy as field code sees it: arrays are made of elements, and what `empty` returns is noise."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def zeros(self, shape: Any, dtype: Any = None, **_: Any) -> np.ndarray[Any, Any]:  # noqa: ARG002  looked at apart
        """Return zeros."""
        return _filled(shape, lambda: Element(0))

    def ones(self, shape: Any, dtype: Any = None, **_: Any) -> np.ndarray[Any, Any]:  # noqa: ARG002
        """Return ones."""
        return _filled(shape, lambda: Element(1))

    def empty(self, shape: Any, dtype: Any = None, **_: Any) -> np.ndarray[Any, Any]:  # noqa: ARG002
        """Return noise: whatever is read of it must have been written before."""
        return random_elements(np.empty(shape, dtype=bool).shape, self._rng)

    def zeros_like(self, like: Any, **_: Any) -> np.ndarray[Any, Any]:
        """Return zeros of this shape."""
        return self.zeros(np.shape(like))

    def ones_like(self, like: Any, **_: Any) -> np.ndarray[Any, Any]:
        """Return ones of this shape."""
        return self.ones(np.shape(like))

    def empty_like(self, like: Any, **_: Any) -> np.ndarray[Any, Any]:
        """Return noise of this shape."""
        return self.empty(np.shape(like))


def _sigmoid(z: Any) -> Any:
    return np.frompyfunc(lambda entry: _hashed("sigmoid", (Element(0) + entry).value), 1, 1)(
        np.asarray(z, dtype=object)
    )


def _softmax(z: Any, axis: int = 0) -> Any:
    e = np.exp(np.asarray(z, dtype=object))
    return e / np.sum(e, axis=axis, keepdims=True)


class FieldWorld:
    """The namespace of a notebook's import cell, made over for the field."""

    def __init__(self, given: dict[str, Any], rng: np.random.Generator) -> None:
        """Make the names over: numpy, the nonlinearities, and the given functions that use them."""
        self._numpy = FieldNumpy(rng)
        self._made: dict[int, Any] = {}
        self.names = {name: self._over(value) for name, value in given.items()}

    def _over(self, value: Any) -> Any:
        if value is np:
            return self._numpy
        if not isinstance(value, FunctionType) or not value.__module__.startswith("rnn_utils"):
            return value
        if value.__name__ in {"sigmoid", "softmax"}:
            return _sigmoid if value.__name__ == "sigmoid" else _softmax
        if id(value) not in self._made:
            names: dict[str, Any] = {}
            made = FunctionType(value.__code__, names, value.__name__, value.__defaults__, value.__closure__)
            self._made[id(value)] = made
            names.update({name: self._over(inner) for name, inner in value.__globals__.items()})
        return self._made[id(value)]

    def functions(self, *codes: Any) -> dict[str, Any]:
        """Execute solution cells in a copy of the namespace and return it."""
        names = dict(self.names)
        for code in codes:
            exec(code, names)  # noqa: S102  the instructor's own cells, and mutants of them
        return names
