"""Diagnoses a wrong answer: which known mistake yields exactly these outputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.compare import compare
from autograder.model import Exercise, Mistake


@dataclass(frozen=True)
class Observation:
    """One case as it was run: how to draw its inputs once more, and what the student's function returned."""

    inputs: Callable[[], tuple[Any, ...]]
    returned: Any


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
    return tuple(
        mistake.id
        for mistake in exercise.mistakes
        if all(_same(exercise, mistaken(mistake), observation) for observation in observations)
    )


def _same(exercise: Exercise, function: Callable[..., Any], observation: Observation) -> bool:
    try:
        with np.errstate(all="ignore"):
            expected = function(*observation.inputs())
    except Exception:  # noqa: BLE001  a mistake may raise where the student's code did not: then it is another one
        return False
    return all(
        compare(part(expected, check.key), part(observation.returned, check.key), check.name).right
        for check in exercise.checks
    )


def part(returned: Any, key: int | str) -> Any:
    """Return one returned value: an entry of the tuple or dictionary, or None where there is none."""
    if isinstance(key, str):
        return returned.get(key) if isinstance(returned, dict) else None
    return returned[key] if isinstance(returned, tuple | list) and key < len(returned) else None
