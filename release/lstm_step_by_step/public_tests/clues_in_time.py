"""Clues for functions that walk through time: the state that is carried, the steps that are filled, the caches."""

from typing import Any

import numpy as np

from public_tests.clues import CUBE, Clue, Evidence, Finder, close, moved, nudged, usable
from public_tests.compare import Kind, agree
from public_tests.contract import copied


def unfilled(name: str) -> Finder:
    """See a loop that ended too early: the last steps still hold what the array was made with."""

    def find(seen: Evidence) -> Clue | None:
        pair = seen.values(name)
        if pair is None or pair[0].ndim != CUBE:
            return None
        expected, actual = pair
        steps = actual.shape[-1]
        right = [agree(expected[..., t], actual[..., t]) for t in range(steps)]
        done = right.index(False)
        if done == 0 or any(actual[..., t].any() for t in range(done, steps)):
            return None
        first = seen.case.arguments[0]
        more = ""
        if first.ndim == CUBE and done == first.shape[0]:
            more = f" {done} is also the first size of the input."
        return Clue(
            f"Time steps 1 to {done} are right; from step {done + 1} on, {name} is still zero: the loop stops after "
            f"{done} of {steps} steps.{more}",
            "Which of the three sizes counts the time steps, and which one does your loop use?",
        )

    return find


def misplaced(name: str) -> Finder:
    """See right values that were stored at other steps."""

    def find(seen: Evidence) -> Clue | None:
        pair = seen.values(name)
        if pair is None or pair[0].ndim != CUBE or pair[0].shape[-1] < CUBE:
            return None
        expected, actual = pair
        think = f"At which place along the last axis of {name} does the result of step t belong?"
        if close(actual[..., 1:], expected[..., :-1]) or close(actual[..., :-1], expected[..., 1:]):
            return Clue(f"The values of {name} are right, but stored one time step away from their own.", think)
        if close(actual, expected[..., ::-1]):
            return Clue(f"The values of {name} are right, but in reversed order of time.", think)
        if all(close(actual[..., t], expected[..., -1]) for t in range(expected.shape[-1])):
            return Clue(f"Every time step of {name} holds the result of the last one.", think)
        return None

    return find


def start_ignored(name: str, start: str) -> Finder:
    """See a walk that does not begin at the state it is given."""

    def find(seen: Evidence) -> Clue | None:
        pair = seen.values(name)
        if pair is None or agree(pair[0][..., 0], pair[1][..., 0]):
            return None
        before = seen.ask(copied(seen.general.arguments))
        after = nudged(seen, start)
        if not usable(before, name) or not usable(after, name) or before is None or after is None:
            return None
        if moved(before, after, name):
            return None
        return Clue(
            f"{name} stays exactly the same when {start} changes: {start} is never used.",
            "From which hidden state does step 1 start?",
        )

    return find


def not_carried(name: str, driver: str) -> Finder:
    """See a walk whose first step is right and whose later steps are not.

    Parameters
    ----------
    driver : str
        The input with a slice for each step: what step 1 reads should still be felt in step 2.
    """

    def find(seen: Evidence) -> Clue | None:
        pair = seen.values(name)
        if pair is None or pair[0].ndim != CUBE or pair[0].shape[-1] == 1:
            return None
        expected, actual = pair
        if not agree(expected[..., 0], actual[..., 0]):
            return None
        saw = f"Time step 1 of {name} is right; later steps are not."
        before = seen.ask(copied(seen.general.arguments))
        after = nudged(seen, driver, first_step_only=True)
        if usable(before, name) and usable(after, name) and before is not None and after is not None:
            second = {"slice": before[name][..., 1]}, {"slice": after[name][..., 1]}
            if not moved(*second, "slice"):
                saw += " Step 2 does not change when the input of step 1 does, as if it were a first step itself."
        return Clue(saw, "What should step 2 know about step 1?")

    return find


def cache_list(name: str, telling: int) -> Finder:
    """See a list of caches that was not filled, not returned, or filled with one step's cache again and again.

    Parameters
    ----------
    name : str
        The returned pair: the list of caches, and the input.
    telling : int
        The place in one cache whose array differs from step to step.
    """

    def find(seen: Evidence) -> Clue | None:
        if seen.output != name or seen.difference.kind is Kind.ORDER:
            return None
        given = seen.actual[name]
        wanted = seen.expected[name][0]
        if isinstance(given, tuple | list) and len(given) == len(wanted) and len(given) != len(seen.expected[name]):
            return Clue(
                f"{name} is the list of caches alone.", f"{name} is a pair: the list, and what else will be needed?"
            )
        listed = given[0] if isinstance(given, tuple | list) and len(given) else None
        if seen.difference.kind is Kind.LENGTH and isinstance(listed, list) and not listed:
            return Clue(
                "The list of caches is empty at the end.",
                "What changes a list in place, and what returns a new one? (list.append does the first; np.append does "
                "the second, and what it returns is lost unless it is kept.)",
            )
        if isinstance(listed, np.ndarray):
            return Clue(
                "The caches have become one array (np.append makes arrays).", "What adds one item to a plain list?"
            )
        if seen.difference.kind is Kind.VALUES and isinstance(listed, list):
            return _repeated(listed, telling)
        return None

    return find


def _repeated(listed: list[Any], telling: int) -> Clue | None:
    held = [np.asarray(c[telling]) for c in listed if isinstance(c, tuple | list) and len(c) > telling]
    if len(held) == len(listed) > 1 and all(close(held[0], other) for other in held):
        return Clue("All the caches hold the same time step.", "When is each cache made, and when is it appended?")
    return None
