"""Clues for a network with gates: what its caches tell of each gate, and of the two states that are handed on.

As everywhere in this package, nothing here knows a solution: the caches are read, and the student's own function is
asked again with one bias nudged, or with the columns of the weights exchanged.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from public_tests.clues import Clue, Evidence, Finder, moved, nudged, usable
from public_tests.compare import Kind, agree
from public_tests.contract import PerStep, Record, copied, parts

_STATES = {"hidden state": ("a_prev", "a_next"), "cell state": ("c_prev", "c_next")}
_TINY = 1e-9


def _drawers(node: Any, cache: Any) -> dict[str, Any] | None:
    """Return what a cache holds, by name; None if it is none of the right length."""
    if isinstance(node, Record) and isinstance(cache, tuple | list) and len(cache) == len(node.fields):
        return parts(node, cache)
    return None


def upside_down(*weights: str, state: str) -> Finder:
    """See the input stacked on top of the state: with the columns of all weights exchanged, the results are right.

    Parameters
    ----------
    weights : str
        The weights that multiply the stack.
    state : str
        The argument whose height says how many columns belong to the state.
    """

    def find(seen: Evidence) -> Clue | None:
        if seen.difference.kind is not Kind.VALUES:
            return None
        arguments = copied(seen.general.arguments)
        given = parts(seen.exercise.arguments, arguments)
        n_a = len(given[state])
        for name in weights:
            both = given["parameters"][name]
            given["parameters"][name] = np.concatenate([both[:, n_a:], both[:, :n_a]], axis=1)
        told = seen.ask(arguments)
        expected = parts(seen.exercise.returns, seen.general.expected)
        arrays = [name for name, value in expected.items() if isinstance(value, np.ndarray)]
        if told is None or not all(agree(expected[name], told[name]) for name in arrays):
            return None
        return Clue(
            f"With the first columns of {', '.join(weights)} moved behind the others, your results would be right.",
            "Which of the two stands on top in the stack, and which columns of the weights does it meet?",
        )

    return find


def gates(cache: str, biases: Mapping[str, str], states: tuple[str, ...]) -> Finder:
    """See which gates or candidates in the cache are wrong, and which of them follow another's bias or weights.

    Parameters
    ----------
    cache : str
        The returned value that holds them.
    biases : mapping of str to str
        From each gate to its bias: only this bias should move it. Its weights are named alike, with a capital W.
    states : tuple of str
        The returned values that are made of them.
    """

    def find(seen: Evidence) -> Clue | None:
        given, wanted = _caches(seen, cache, states)
        if given is None or wanted is None:
            return None
        right = [name for name in biases if agree(wanted[name], given[name])]
        wrong = [name for name in biases if name not in right]
        if not wrong:
            return None
        return _strayed(seen, cache, biases) or _out_of_range(given, wanted, wrong) or _where(right, wrong)

    return find


def after_the_gates(
    cache: str, biases: Mapping[str, str], made_of: Mapping[str, tuple[tuple[str, ...], str]]
) -> Finder:
    """See a state that is wrong although everything that it is made of is right.

    Parameters
    ----------
    made_of : mapping of str to (tuple of str, str)
        From each returned state, the first made first, to the gates that it is made of and the question to ask.
    """

    def find(seen: Evidence) -> Clue | None:
        given, wanted = _caches(seen, cache, tuple(made_of))
        if given is None or wanted is None or not all(agree(wanted[name], given[name]) for name in biases):
            return None
        wrong = [name for name in made_of if not agree(seen.expected[name], seen.actual[name])]
        state = wrong[0]  # what is made of it is wrong for that reason alone, perhaps
        parts_of_it, think = made_of[state]
        for gate in parts_of_it:
            if _unheard(seen, state, biases[gate]):
                return Clue(f"{state} stays exactly the same when `{gate}` changes.", think)
        expected, actual = seen.expected[state], seen.actual[state]
        if isinstance(actual, np.ndarray) and np.abs(expected).max() > 1 >= np.abs(actual).max():
            return Clue(f"All values of {state} lie between -1 and 1; some should not.", think)
        before = [name for name in made_of if name not in wrong]
        return Clue(f"{_listed([*biases, *before])} are right: look at the line that makes {state}.", think)

    return find


def _unheard(seen: Evidence, state: str, bias: str) -> bool:
    """Return whether a state does not move at all when a bias, and the gate with it, does."""
    before, after = seen.ask(copied(seen.general.arguments)), nudged(seen, bias)
    if not usable(before, state) or not usable(after, state) or before is None or after is None:
        return False
    return not moved(before, after, state)


def _caches(seen: Evidence, cache: str, states: tuple[str, ...]) -> tuple[dict[str, Any] | None, ...]:
    """Return what the student's cache holds and what it should, where a state has wrong values."""
    if seen.output not in states or seen.values(seen.output) is None:
        return None, None
    node = seen.exercise.returns.fields[cache]
    return _drawers(node, seen.actual.get(cache)), _drawers(node, seen.expected[cache])


def _strayed(seen: Evidence, cache: str, biases: Mapping[str, str]) -> Clue | None:
    """See a bias, or weights, that move another gate than their own, or none."""
    node = seen.exercise.returns.fields[cache]
    before = seen.ask(copied(seen.general.arguments))
    kept = _drawers(node, before[cache]) if before is not None else None
    if kept is None:
        return None
    for own, bias in biases.items():
        for leaf in (bias, bias.replace("b", "W", 1)):
            after = nudged(seen, leaf)
            now = _drawers(node, after[cache]) if after is not None else None
            if now is None:
                return None
            stirred = [name for name in biases if moved(kept, now, name)]
            if stirred != [own]:
                return Clue(
                    f"When only {leaf} changes, what moves of {_listed([*biases])}: {_listed(stirred) or 'nothing'}. "
                    f"It should be `{own}` alone.",
                    "Which weights and which bias belong to which of the four?",
                )
    return None


def _out_of_range(given: Mapping[str, Any], wanted: Mapping[str, Any], wrong: list[str]) -> Clue | None:
    for name in wrong:
        values = given[name]
        if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
            return None
        think = f"Which function does the formula put around the sum for `{name}`, and what range do its values have?"
        if values.min() < -_TINY and wanted[name].min() >= 0:
            return Clue(f"`{name}` in your cache has negative values: a gate lies between 0 and 1.", think)
        if values.min() >= 0 > wanted[name].min():
            return Clue(f"`{name}` in your cache has no negative value; some should be negative.", think)
        if np.abs(values).max() > 1 + _TINY:
            return Clue(f"`{name}` in your cache has values outside the range from -1 to 1.", think)
    return None


def _where(right: list[str], wrong: list[str]) -> Clue:
    are = "is" if len(wrong) == 1 else "are"
    but = f"; {_listed(right)} {'is' if len(right) == 1 else 'are'} right" if right else ""
    return Clue(
        f"In your cache {_listed(wrong)} {are} wrong{but}.",
        "Which weights, which bias and which function belong to each of them, and what do they multiply?",
    )


def one_array(one: str, other: str) -> Finder:
    """See two returned values that are one array under two names."""

    def find(seen: Evidence) -> Clue | None:
        first, second = seen.actual.get(one), seen.actual.get(other)
        if not (isinstance(first, np.ndarray) and isinstance(second, np.ndarray) and np.shares_memory(first, second)):
            return None
        return Clue(
            f"{one} and {other} share their memory: what is stored in one overwrites what was stored in the other.",
            "When does a second name mean a second array, and when not?",
        )

    return find


def handed_on(caches: str, inputs: str) -> Finder:
    """See, from what the caches hold, a step that was given another state or another input than it should be.

    Parameters
    ----------
    inputs : str
        The argument with a slice for each step.
    """

    def find(seen: Evidence) -> Clue | None:
        opened = _opened(seen, caches)
        if not opened or seen.output == caches or seen.difference.kind is not Kind.VALUES:
            return None  # if the caches alone are wrong, the steps were right
        node = _node(seen, caches)
        wanted = [_drawers(node, cache) or {} for cache in seen.expected[caches][0]]
        for step, (given, right) in enumerate(zip(opened, wanted, strict=True)):
            if not agree(right["xt"], given["xt"]):
                return Clue(
                    f"Step {step + 1} reads another input than {inputs}[:, :, {step}].",
                    "Which index moves from one step to the next, and with which step does the loop begin?",
                )
            for name, (before, after) in _STATES.items():
                if step == 0 and not agree(right[before], given[before]):
                    return Clue(
                        f"Step 1 is given another {name} than it should be.", f"From which {name} does it start?"
                    )
                if step and not agree(np.asarray(opened[step - 1][after]), given[before]):
                    return Clue(
                        f"Step {step + 1} is given another {name} than step {step} returned.",
                        "Two things travel from step to step: which two names carry them, and are both renewed?",
                    )
        return None

    return find


def stored(name: str, kept: str, caches: str) -> Finder:
    """See results that the steps made rightly, as the caches show, and that were stored wrongly.

    Parameters
    ----------
    name, kept : str
        The returned array, and what one step calls its part of it.
    """

    def find(seen: Evidence) -> Clue | None:
        pair, opened = seen.values(name), _opened(seen, caches)
        if pair is None or not opened:
            return None
        expected, actual = pair
        if not all(agree(expected[..., t], drawers[kept]) for t, drawers in enumerate(opened)):
            return None
        others = [other for other, value in seen.expected.items() if other != name and _equals(value, actual)]
        what = "still zero" if not actual.any() else others[0] if others else "something else"
        return Clue(
            f"Your caches show that every step made the right {kept}; what stands in {name} is {what}.",
            f"Which of the values that a step returns belongs in {name}, and at which place?",
        )

    return find


def never_filled(name: str) -> Finder:
    """See a result of all steps that holds nothing but zeros, all of it or in its first step."""

    def find(seen: Evidence) -> Clue | None:
        pair = seen.values(name)
        if pair is None or pair[1][..., 0].any():
            return None
        if pair[1].any():
            return Clue(f"Time step 1 of {name} is still zero.", "With which step does your loop begin?")
        return Clue(f"{name} is zero everywhere.", f"What is stored in {name} at each step, and in which line?")

    return find


def _equals(value: Any, actual: np.ndarray) -> bool:
    """Return whether a returned value is an array and the same as another."""
    return isinstance(value, np.ndarray) and agree(value, actual)


def _node(seen: Evidence, caches: str) -> Any:
    """Return what one of the caches should hold."""
    pair = seen.exercise.returns.fields[caches]
    return next(node for node in pair.fields.values() if isinstance(node, PerStep)).item


def _opened(seen: Evidence, caches: str) -> list[dict[str, Any]]:
    """Return what each of the student's caches holds, by name; empty if there is not one for each step."""
    given = seen.actual.get(caches)
    listed = given[0] if isinstance(given, tuple | list) and len(given) else None
    if not isinstance(listed, tuple | list) or len(listed) != len(seen.expected[caches][0]):
        return []
    opened = [_drawers(_node(seen, caches), cache) for cache in listed]
    found = [drawers for drawers in opened if drawers is not None]
    return found if len(found) == len(opened) else []


def _listed(names: list[str]) -> str:
    """Return names for a sentence, each marked as code: one of them is ``it``."""
    marked = [f"`{name}`" for name in names]
    return ", ".join(marked[:-1]) + " and " + marked[-1] if len(marked) > 1 else "".join(marked)
