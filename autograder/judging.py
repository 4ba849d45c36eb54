"""Judges one returned value of one case: what is wrong with it, in a sentence for the student."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.compare import Verdict, compare, count_of, described
from autograder.model import Check, Departure, Exercise, Observation, Seed


def judge(exercise: Exercise, expected: Any, seen: Observation, check: Check) -> Verdict:
    """Return whether one returned value is right, and what is wrong with it.

    Parameters
    ----------
    expected : any
        What the reference returned.
    seen : Observation
        The case, its inputs, and what the student's function returned.
    """
    misfit = _misfit(exercise, seen.returned, check)
    if misfit:
        return Verdict(False, misfit)  # noqa: FBT003
    theirs, ours = part(seen.returned, check.key), part(expected, check.key)
    if check.judge is not None:
        problem = check.judge(seen.inputs, ours, theirs)
        return Verdict(not problem, problem)
    return compare(ours, theirs, check.name)


def _misfit(exercise: Exercise, given: Any, check: Check) -> str:
    """Return why a value cannot be taken from what was returned; empty where it can."""
    key, name = check.key, check.name
    if given is None:
        return f"`{exercise.function}` returns None: its `return` line is missing, or not reached."
    count = len(exercise.checks)
    if count > 1 and isinstance(key, int):
        if not isinstance(given, tuple | list):
            return f"`{exercise.function}` should return {count} values; it returns {described(given)}."
        if len(given) != count:
            return f"`{exercise.function}` should return {count} values; it returns {count_of(given)}."
        if given[key] is None:
            return f"`{name}` is still None: the line that computes it has not been written yet."
    if isinstance(key, str):
        if not isinstance(given, dict):
            return f"`{exercise.function}` should return a dictionary; it returns {described(given)}."
        if key not in given:
            return f"The dictionary that `{exercise.function}` returns has no key `{key!r}`."
        if given[key] is None:
            return f"`{name}` is still None: the line that computes it has not been written yet."
    return ""


def most_telling(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict on a check that says most, of those on the cases where it is wrong.

    What is wrong in most cases comes first (a shape, say, or the values); among these an array whose picture shows
    several time steps and is small enough to be taken in at a glance.
    """
    kinds = Counter(_kind(verdict) for verdict in verdicts)
    return max(verdicts, key=lambda verdict: (kinds[_kind(verdict)], *_legible(verdict.departure)))


def _kind(verdict: Verdict) -> tuple[bool, bool, bool]:
    found = verdict.departure
    return found is not None, found is not None and bool(found.of), found is not None and found.band is not None


def _legible(found: Departure | None) -> tuple[bool, bool, int]:
    if found is None or not found.picture:
        return False, False, 0
    rows, columns = len(found.picture), len(found.picture[0])
    return rows <= 12 and columns <= 12, rows > 1 and columns > 2, rows * columns


def part(returned: Any, key: int | str | None) -> Any:
    """Return one returned value: an entry of the tuple or dictionary, the whole, or None where there is none."""
    if key is None:
        return returned
    if isinstance(key, str):
        return returned.get(key) if isinstance(returned, dict) else None
    return returned[key] if isinstance(returned, tuple | list) and key < len(returned) else None


def ready(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a case's inputs as a trusted function takes them: with a fresh generator in the place of each seed."""
    return tuple(np.random.default_rng(value.number) if isinstance(value, Seed) else value for value in inputs)


def protected(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Make the arrays among a case's inputs read-only: reference and mistakes are all given the same ones."""

    def protect(value: Any) -> None:
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
        elif isinstance(value, dict | tuple | list):
            for part_of_it in value.values() if isinstance(value, dict) else value:
                protect(part_of_it)

    protect(inputs)
    return inputs
