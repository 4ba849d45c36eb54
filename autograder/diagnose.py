"""Diagnoses a wrong answer: which known mistake, or which two of them together, yields exactly these outputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from autograder.compare import ATOL_FLOAT32, RTOL, compare
from autograder.errors import UsageError
from autograder.judging import part, ready
from autograder.model import Exercise, Mistake, Observation


@dataclass(frozen=True)
class Diagnosis:
    """The known mistakes that explain an answer.

    Attributes
    ----------
    mistakes : tuple of Mistake
        None where nothing that is known explains it.
    together : bool
        True where it takes all of them at once; otherwise each explains the answer alone, and they are named together
        because the answer does not tell them apart.
    """

    mistakes: tuple[Mistake, ...] = ()
    together: bool = False


def diagnose(
    exercise: Exercise,
    observations: Sequence[Observation],
    mistaken: Callable[[tuple[Mistake, ...]], Callable[..., Any]],
) -> Diagnosis:
    """Return the known mistakes whose outputs equal the student's on every case.

    Pairs are tried only where no single mistake fits; a pair is named only if it is the only one.

    Parameters
    ----------
    observations : sequence of Observation
        Every case of the exercise; none may have raised.
    mistaken : callable
        From mistakes to the function as it is with all of them; raises `UsageError` where they do not go together.
    """
    # the quickest case first: what does not fit is mostly seen there, at the least cost
    seen = sorted(observations, key=lambda observation: (observation.seconds, _size(observation.inputs)))
    alone = tuple(mistake for mistake in exercise.mistakes if _explains(exercise, mistaken((mistake,)), seen))
    if alone:
        return Diagnosis(alone)
    found: list[tuple[Mistake, ...]] = []
    for pair in combinations(exercise.mistakes, 2):
        try:
            function = mistaken(pair)
        except UsageError:
            continue  # both edit the same line
        if _explains(exercise, function, seen):
            found.append(pair)
    return Diagnosis(found[0], together=True) if len(found) == 1 else Diagnosis()


def _size(value: Any) -> int:
    """Return how many numbers there are in a value."""
    if isinstance(value, np.ndarray):
        return value.size
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, tuple | list) else 1


def _explains(exercise: Exercise, function: Callable[..., Any], observations: Sequence[Observation]) -> bool:
    """Return whether a mistaken function gives what the student's gave, wherever both are numbers.

    A mistake often overflows where the activations are huge, and there the details decide who gets NaN and who gets
    infinity: such entries say nothing for or against. But in one case at least everything must be a number.
    """
    told = False
    for observation in observations:
        try:
            with np.errstate(all="ignore"):
                expected = function(*ready(observation.inputs))
        except Exception:  # noqa: BLE001  a mistake may raise where the student's code did not: then it is another one
            return False
        finite, known = True, dict[tuple[int, int], tuple[Any, Any, bool]]()
        for check in exercise.checks:
            theirs, ours = part(observation.returned, check.key), part(expected, check.key)
            if check.judge is not None:
                if check.judge(observation.inputs, ours, theirs):
                    return False
                continue
            if _far(theirs, ours):
                return False
            theirs, ours, all_finite = _numbers(theirs, ours, known)
            if not compare(ours, theirs, check.name).right:
                return False
            finite &= all_finite
        told |= finite
    return told


def _far(theirs: Any, ours: Any) -> bool:
    """Return whether two arrays differ in their first or last entry, by more than any tolerance: most do, and there."""
    if not (isinstance(ours, np.ndarray) and isinstance(theirs, np.ndarray) and ours.size and ours.size == theirs.size):
        return False
    if not ours.dtype.kind == theirs.dtype.kind == "f":
        return False
    # what is not finite tells nothing here: a difference that is NaN, or from infinity, is above no tolerance
    return any(abs(ours.item(n) - theirs.item(n)) > ATOL_FLOAT32 + RTOL * abs(ours.item(n)) for n in (0, -1))


def _numbers(theirs: Any, ours: Any, known: dict[tuple[int, int], tuple[Any, Any, bool]]) -> tuple[Any, Any, bool]:
    """Return two values with zeros where either is not finite, and whether both were finite everywhere.

    Parameters
    ----------
    known : dict
        What has been returned for pairs of objects already: a cache holds the same parameters at every step. Both live
        as long as this is used, so an id names one object.
    """
    pair = (id(theirs), id(ours))
    if pair not in known:
        known[pair] = _numbers_of(theirs, ours, known)
    return known[pair]


def _numbers_of(theirs: Any, ours: Any, known: dict[tuple[int, int], tuple[Any, Any, bool]]) -> tuple[Any, Any, bool]:
    if isinstance(ours, tuple | list) and isinstance(theirs, tuple | list) and len(ours) == len(theirs):
        pairs = [_numbers(one, other, known) for one, other in zip(theirs, ours, strict=True)]
        return [p[0] for p in pairs], [p[1] for p in pairs], all(p[2] for p in pairs)
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        named = {key: _numbers(theirs[key], ours[key], known) for key in ours}
        return (
            {k: p[0] for k, p in named.items()},
            {k: p[1] for k, p in named.items()},
            all(p[2] for p in named.values()),
        )
    if not (isinstance(ours, np.ndarray) and isinstance(theirs, np.ndarray) and ours.shape == theirs.shape):
        return theirs, ours, True
    if not ours.dtype.kind == theirs.dtype.kind == "f":
        return theirs, ours, True
    finite = np.isfinite(ours) & np.isfinite(theirs)
    if finite.all():
        return theirs, ours, True
    return np.where(finite, theirs, 0.0), np.where(finite, ours, 0.0), False
