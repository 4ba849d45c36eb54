"""Judges one returned value of one case: what is wrong with it, in a sentence for the student."""

from typing import Any

import numpy as np

from autograder.compare import compare, count_of, described
from autograder.model import Check, Exercise, Observation, Seed


def problem_of(exercise: Exercise, expected: Any, seen: Observation, check: Check) -> str:
    """Return what is wrong with one returned value; empty where it is right."""
    key, name, given = check.key, check.name, seen.returned
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
    theirs, ours = part(given, key), part(expected, key)
    if check.judge is not None:
        return check.judge(seen.inputs, ours, theirs)
    return compare(ours, theirs, name).problem


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
