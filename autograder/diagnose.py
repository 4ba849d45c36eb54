"""Diagnoses a wrong answer: which known mistake yields exactly these outputs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.compare import compare
from autograder.judging import part, ready
from autograder.model import Exercise, Mistake, Observation


def diagnose(
    exercise: Exercise,
    observations: Sequence[Observation],
    mistaken: Callable[[Mistake], Callable[..., Any]],
) -> tuple[str, ...]:
    """Return the ids of the known mistakes whose outputs equal the student's on every case.

    Parameters
    ----------
    observations : sequence of Observation
        Every case of the exercise; none may have raised.
    mistaken : callable
        From a mistake to the function as it is with that mistake.
    """
    return tuple(mistake.id for mistake in exercise.mistakes if _explains(exercise, mistaken(mistake), observations))


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
        finite = True
        for check in exercise.checks:
            theirs, ours = part(observation.returned, check.key), part(expected, check.key)
            if check.judge is not None:
                if check.judge(observation.inputs, ours, theirs):
                    return False
                continue
            theirs, ours, all_finite = _numbers(theirs, ours)
            if not compare(ours, theirs, check.name).right:
                return False
            finite &= all_finite
        told |= finite
    return told


def _numbers(theirs: Any, ours: Any) -> tuple[Any, Any, bool]:
    """Return two values with zeros where either is not finite, and whether both were finite everywhere."""
    if isinstance(ours, tuple | list) and isinstance(theirs, tuple | list) and len(ours) == len(theirs):
        pairs = [_numbers(one, other) for one, other in zip(theirs, ours, strict=True)]
        return [p[0] for p in pairs], [p[1] for p in pairs], all(p[2] for p in pairs)
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        named = {key: _numbers(theirs[key], ours[key]) for key in ours}
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
    return np.where(finite, theirs, 0.0), np.where(finite, ours, 0.0), bool(finite.all())
