"""Answers a student's call of a helper with the reference: what comes in is data from a guest, and computed with here.

So it is looked at twice: that it is what a helper can be handed at all, and that the answer cannot grow beyond bounds.
A frame of a few bytes can stand for a tree without end (dictionaries are shared there) or for an array without entries
but of any shape, whose product with another fills the memory.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograder.model import Exercise
from autograder.sandbox.session import HelperRefusedError

_ROOM = 5_000_000  # entries of all arrays handed over in one call, and of any array that can be made of them
_STEPS = 50_000_000  # multiplications of one product: half-precision ones take 4 ns each
_DEPTH = 16  # of containers in each other: shared dictionaries can be chained without end
_CONTAINER = 500  # as many entries as a container counts for: its parts are few but dear


def call(
    helper: Exercise, reference: Callable[..., Any], args: list[Any] | tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Return what the reference makes of a call.

    Raises
    ------
    HelperRefusedError
        For arguments that it cannot take; the text is for the student.
    """
    names = helper.arguments
    positional = dict(zip(names, args, strict=False))
    named = positional | dict(kwargs)
    if len(args) > len(names) or positional.keys() & kwargs.keys() or named.keys() != set(names):
        raise HelperRefusedError(f"{helper.function} takes {', '.join(names)}")
    look = _Look(helper.function)
    for name in names:
        look.at(named[name])
    look.at_sizes()
    try:
        with np.errstate(all="ignore"):
            return reference(*(named[name] for name in names))
    except Exception as error:  # whatever the reference makes of wrong arguments, it is the student's call
        raise HelperRefusedError(str(error)) from error


class _Look:
    """One look through the arguments of a call."""

    def __init__(self, function: str) -> None:
        self._function = function
        self._room = _ROOM
        self._sizes: list[int] = []
        self._axes = 0

    def at(self, value: Any, depth: int = 0, *, inside: bool = False) -> None:
        """Refuse what is no array of numbers, no number, or no container of them.

        Numbers stand alone or in dictionaries, never in lists: numpy would make arrays of objects out of mixed lists,
        and multiply texts and lists by repeating them.
        """
        if depth > _DEPTH:
            self._refuse()
        elif isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
            self._take(value.size + 1)
            self._sizes += value.shape
            self._axes = max(self._axes, value.ndim)
        elif isinstance(value, dict):
            self._take(_CONTAINER)
            for part in value.values():
                self.at(part, depth + 1)
        elif isinstance(value, tuple | list):
            self._take(_CONTAINER)
            for part in value:
                self.at(part, depth + 1, inside=True)
        elif not inside and isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
            self._take(1)
        else:
            raise HelperRefusedError(f"{self._function} was handed something else than arrays of numbers")

    def at_sizes(self) -> None:
        """Refuse arrays of which one could be made that is too large, or takes too long: by a product, or stretched."""
        axes = max(2, 2 * self._axes - 2)  # of a product of two
        sizes = sorted((max(n, 1) for n in self._sizes), reverse=True)
        if math.prod(sizes[:axes]) > _ROOM or math.prod(sizes[: axes + 1]) > _STEPS:
            self._refuse()

    def _take(self, entries: int) -> None:
        self._room -= entries
        if self._room < 0:
            self._refuse()

    def _refuse(self) -> None:
        raise HelperRefusedError(f"{self._function} was handed too large a value")
