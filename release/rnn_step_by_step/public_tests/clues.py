"""Cheap, general properties of a wrong result that tell what the bug is likely to be.

Nothing here knows a solution. A clue either reads the wrong values (do the columns add up to 1?) or asks the student's
own function again with one input nudged (does the result depend on the bias at all?).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from public_tests.compare import Difference, Kind, agree
from public_tests.contract import Case, Exercise, Keyed, copied, leaves

MATRIX, CUBE = 2, 3  # axes: one step's value, and one with a slice for each time step


@dataclass(frozen=True)
class Clue:
    """What was seen, and a question that leads on. Never the answer."""

    saw: str
    think: str


@dataclass(frozen=True)
class Evidence:
    """What there is to reason from when an exercise fails on a case.

    Attributes
    ----------
    difference : Difference
        The first thing wrong.
    expected, actual : dict
        The returned values by name.
    ask : callable
        From arguments to what the student's function returns for them, by name; None if it fails on them.
    general : Case
        The case with all sizes different, which is the one to probe with.
    """

    exercise: Exercise
    case: Case
    difference: Difference
    expected: dict[str, Any]
    actual: dict[str, Any]
    general: Case
    ask: Callable[[tuple[Any, ...]], dict[str, Any] | None] = field(repr=False)

    @property
    def output(self) -> str:
        """The name of the returned value that is wrong."""
        return str(self.difference.path[0]) if self.difference.path else ""

    def values(self, name: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Return expected and actual values if `name` is what is wrong and only its values are."""
        if self.output != name or self.difference.kind is not Kind.VALUES or len(self.difference.path) != 1:
            return None
        return self.expected[name], self.actual[name]


Finder = Callable[[Evidence], Clue | None]


def close(one: Any, other: Any) -> bool:
    """Return whether two arrays agree well enough to be the same thing."""
    return np.shape(one) == np.shape(other) and bool(np.allclose(one, other, rtol=1e-4, atol=1e-6))


def rounded(seen: Evidence) -> Clue | None:
    """See values that are right but for their last digits."""
    pair = seen.values(seen.output)
    if pair is None:
        return None
    expected, actual = pair
    for digits in range(1, 8):
        if np.array_equal(actual, np.round(expected, digits)):
            return Clue(f"The values are right to {digits} digits.", "Is something rounded on the way?")
    return None


def axes_exchanged(seen: Evidence) -> Clue | None:
    """See a square result that is the transpose of the right one."""
    pair = seen.values(seen.output)
    if pair and pair[0].ndim == MATRIX and close(pair[0].T, pair[1]):
        return Clue(f"{seen.output} is the transpose of what it should be.", "Which axis runs over the examples?")
    return None


def another_output(seen: Evidence) -> Clue | None:
    """See one returned value in another's place."""
    given = seen.actual.get(seen.output)
    for name, value in seen.expected.items():
        if name != seen.output and isinstance(value, np.ndarray) and agree(value, given):
            think = "In which order should the values be returned?"
            if isinstance(seen.exercise.returns, Keyed):
                think = "Which letter and which key belong together?"
            return Clue(f"What you return as {seen.output} is {name}.", think)
    return None


def not_finite(name: str, *, explains: str) -> Finder:
    """See NaN or infinity; `explains` says where it most often comes from in this result."""

    def find(seen: Evidence) -> Clue | None:
        if seen.output != name or seen.difference.kind is not Kind.NOT_FINITE:
            return None
        return Clue(explains, "How large do the numbers get that go into each function here?")

    return find


def squashed(name: str) -> Finder:
    """See values that should be a tanh of something and are another function of it, or none."""

    def find(seen: Evidence) -> Clue | None:
        pair = seen.values(name)
        if pair is None:
            return None
        expected, actual = pair
        inside = np.abs(expected) < 1 - 1e-9  # where the function can be undone
        before = np.arctanh(expected[inside])
        given = actual[inside]
        think = "Which function does the formula put around the sum, and what range do its values have?"
        if given.size == 0:
            return None
        if close(given, 1 / (1 + np.exp(-before))):
            return Clue(f"{name} is what sigmoid gives: all its values lie between 0 and 1.", think)
        if close(given, before):
            return Clue(f"{name} is the sum itself: no function has been applied to it.", think)
        if close(given, np.maximum(before, 0)):
            return Clue(f"{name} has no negative value: negative sums have become 0.", think)
        if np.abs(actual).max() > 1 + 1e-9:
            return Clue(f"{name} has values outside -1 to 1, which tanh never gives.", think)
        if actual.min() >= 0 > expected.min():
            return Clue(f"{name} has no negative value; some should be negative.", think)
        return None

    return find


def probabilities(name: str) -> Finder:
    """See values of which each column should add up to 1, and what they add up to instead."""

    def find(seen: Evidence) -> Clue | None:
        pair = seen.values(name)
        if pair is None:
            return None
        expected, actual = pair
        think = f"Which axis of {name} runs over the classes?"
        if close(actual.sum(axis=0), np.ones(actual.shape[1:])):
            return None
        should = "each column, one example, should"
        if actual.ndim == CUBE:
            should = "in each time step, " + should
        if close(actual.sum(axis=1), np.ones(actual.sum(axis=1).shape)):
            return Clue(f"Each row of {name} adds up to 1; {should}.", think)
        if actual.ndim == CUBE and close(actual.sum(axis=2), np.ones(actual.shape[:2])):
            return Clue(f"{name} adds up to 1 over the time steps; {should}.", think)
        if close(actual.sum(axis=(0, 1)), np.ones(actual.shape[2:])) or close(actual.sum(), 1.0):
            return Clue(f"All entries of {name} together add up to 1; {should}.", think)
        if expected.min() > 1e-200:
            score = actual - np.log(expected)
            if close(score, np.broadcast_to(score[:1], score.shape)):
                return Clue(
                    f"{name} holds scores, not probabilities: its columns do not add up to 1.",
                    "What turns scores into probabilities?",
                )
        if actual.min() >= 0 and actual.max() <= 1:
            return Clue(
                f"All values of {name} lie between 0 and 1, but its columns do not add up to 1: it looks as if each "
                "entry had been squashed by itself, as sigmoid does.",
                "Which function compares the classes with each other?",
            )
        return Clue(f"The columns of {name} do not add up to 1; {should}.", "What turns scores into probabilities?")

    return find


def nudged(seen: Evidence, leaf: str, *, first_step_only: bool = False) -> dict[str, Any] | None:
    """Return what the student's function gives when one input is moved a little."""
    arguments = copied(seen.general.arguments)
    for name, _, array in leaves(seen.exercise.arguments, arguments):
        if name == leaf:
            part = array[..., 0] if first_step_only else array
            # a ramp and no constant: softmax does not notice a constant added to all its scores
            part += np.linspace(0.1, 0.4, part.size).reshape(part.shape)
    return seen.ask(arguments)


def moved(before: dict[str, Any], after: dict[str, Any], name: str) -> bool:
    """Return whether a result has changed at all."""
    return not np.array_equal(before[name], after[name], equal_nan=True)


def usable(values: dict[str, Any] | None, name: str) -> bool:
    """Return whether a probe gave an array of real numbers under this name."""
    return values is not None and isinstance(values.get(name), np.ndarray) and values[name].dtype.kind in "fiu"


def called(leaf: str) -> str:
    """Return how a sentence calls an input: by its name, but for the one whose name is a word of the sentence."""
    return "the gate `it`" if leaf == "it" else leaf


def ignores(name: str, *inputs: str) -> Finder:
    """See a result that stays exactly the same when an input it should depend on is moved."""

    def find(seen: Evidence) -> Clue | None:
        before = seen.ask(copied(seen.general.arguments)) if seen.values(name) else None
        if before is None or not usable(before, name):
            return None
        unmoved = []
        for leaf in inputs:
            after = nudged(seen, leaf)
            if after is not None and usable(after, name) and not moved(before, after, name):
                unmoved.append(called(leaf))
        if not unmoved:
            return None
        names = " or ".join(unmoved)
        return Clue(
            f"{name} stays exactly the same when {names} changes.",
            f"Where does the formula use {names.replace(' or ', ' and ')}?",
        )

    return find


def not_made_from(name: str, source: str, via: tuple[str, ...]) -> Finder:
    """See a result that does not follow another result that it should be computed from.

    Parameters
    ----------
    via : tuple of str
        Inputs that move `source`, and through it alone should move `name`.
    """

    def find(seen: Evidence) -> Clue | None:
        before = seen.ask(copied(seen.general.arguments)) if seen.values(name) else None
        if before is None or not (usable(before, name) and usable(before, source)):
            return None
        for leaf in via:
            after = nudged(seen, leaf)
            if after is None or not usable(after, name) or not usable(after, source):
                return None
            if not moved(before, after, source) or moved(before, after, name):
                return None
        return Clue(
            f"{name} stays the same when {source} changes: it is computed from something else.",
            f"Which hidden state does the prediction of this step rest on: the one before it, or {source}?",
        )

    return find
