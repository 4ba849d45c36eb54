"""Clues for backward passes: what a gradient must do whatever its formula is, asked of the student's own function.

A gradient is linear in what arrives, follows what was multiplied with, and agrees with what a nudge measures. None of
this needs a solution: the inputs are moved, and the answers compared.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from public_tests.clues import MATRIX, Clue, Evidence, Finder, called, close, moved, nudged, usable
from public_tests.compare import Kind, agree, place
from public_tests.contract import copied

Loss = Callable[[], float]
Nudge = Callable[[tuple[Any, ...], str], tuple[Loss, np.ndarray] | None]

_NO_FACTOR = (
    "Is there such a factor in the formula? (A mean over examples or steps is part of the loss, and so of what "
    "arrives: here examples and steps add up.)"
)


def bias_shape(*names: str) -> Finder:
    """See the gradient of a bias that lost its axis, or was summed over the wrong one, or over none."""

    def find(seen: Evidence) -> Clue | None:
        if seen.output not in names or seen.difference.kind is not Kind.SHAPE:
            return None
        name, wanted, given = seen.output, seen.expected[seen.output].shape, np.shape(seen.actual[seen.output])
        units, examples = wanted[0], seen.case.arguments[0].shape[1]
        if given == (units,):
            return Clue(
                f"{name} has shape {given}, expected {wanted}: sum over the batch and keep the dimension.",
                f"What would numpy make of a bias of shape {wanted} minus an array of shape {given}?",
            )
        if given == (units, examples):
            return Clue(
                f"{name} still has a column for each example: it has not been summed over the batch.",
                "One bias serves all examples: what happens to their contributions?",
            )
        if given in ((1, examples), (examples,)):
            return Clue(
                f"{name} has been summed over the units; the examples are what one bias has in common.",
                "Over which axis do the examples run?",
            )
        return None

    return find


def scaled(seen: Evidence) -> Clue | None:
    """See a gradient that is the right one times one number: a mean for a sum, a wrong sign, counted twice."""
    pair = seen.values(seen.output)
    if pair is None or not np.abs(pair[0]).max() > 1e-6 or not np.abs(pair[1]).max() > 0:
        return None
    expected, actual = pair
    where = np.unravel_index(np.abs(expected).argmax(), expected.shape)
    factor = float(actual[where] / expected[where])
    if factor == 0 or not close(actual, factor * expected):
        return None
    m = seen.case.arguments[0].shape[1]
    steps = seen.case.arguments[0].shape[2] if seen.case.arguments[0].ndim > MATRIX else 1
    known = {-1.0: "with the other sign", 2.0: "counted twice", 0.5: "halved", 1 / m: f"divided by m = {m}",
             float(m): f"times m = {m}", 1 / steps: f"divided by T_x = {steps}"}  # fmt: skip
    by = next((words for number, words in known.items() if abs(factor / number - 1) < 1e-4), f"times {factor:.4g}")
    return Clue(f"{seen.output} is the right one {by}.", _NO_FACTOR)


def turned_over(seen: Evidence) -> Clue | None:
    """See the gradient of square weights that is the transpose of what it should be."""
    pair = seen.values(seen.output)
    if pair and pair[0].ndim == MATRIX and pair[0].shape[0] > 1 and close(pair[0].T, pair[1]):
        return Clue(
            f"{seen.output} is the transpose of what it should be.",
            "Which index of the weights belongs to the new unit, and is it the same one in their gradient?",
        )
    return None


def nothing_in_it(seen: Evidence) -> Clue | None:
    """See a result that is zero everywhere, and should not be."""
    pair = seen.values(seen.output)
    if pair is None or pair[1].any() or not pair[0].any():
        return None
    return Clue(f"{seen.output} is zero everywhere.", f"What is added to {seen.output} or stored in it, and when?")


def not_linear(name: str, *arriving: str) -> Finder:
    """See a result that does not double when all that arrives doubles, as every gradient does."""

    def find(seen: Evidence) -> Clue | None:
        before = seen.ask(copied(seen.general.arguments)) if seen.values(name) else None
        arguments = copied(seen.general.arguments)
        for array in arguments[: len(arriving)]:
            array[...] *= 2
        after = seen.ask(arguments)
        if before is None or after is None or not usable(before, name) or not usable(after, name):
            return None
        if close(after[name], 2 * before[name]):
            return None
        what = " and ".join(arriving)
        return Clue(
            f"Every gradient doubles when {what} {'doubles' if len(arriving) == 1 else 'double'}; {name} does not.",
            f"How often does {what} stand as a factor in what you return as {name}?",
        )

    return find


def follows(name: str, *inputs: str) -> Finder:
    """See a result that changes with an input which it should not depend on."""

    def find(seen: Evidence) -> Clue | None:
        before = seen.ask(copied(seen.general.arguments)) if seen.values(name) else None
        if before is None or not usable(before, name):
            return None
        for leaf in inputs:
            after = nudged(seen, leaf)
            if after is not None and usable(after, name) and moved(before, after, name):
                return Clue(
                    f"{name} changes when {called(leaf)} changes, on which it should not depend at all.",
                    f"Where does {called(leaf)} stand in your formula, and what should stand there?",
                )
        return None

    return find


def second_tanh(name: str) -> Finder:
    """See a slope that was made from the tanh of a value that is a tanh already.

    Parameters
    ----------
    name : str
        The gradient of the bias: the sum over the examples of slope times what arrives.
    """

    def find(seen: Evidence) -> Clue | None:
        given = seen.actual.get(name)
        if seen.difference.kind is not Kind.VALUES or not isinstance(given, np.ndarray):
            return None
        arriving, cache = seen.case.arguments
        wrong = (arriving / np.cosh(cache[0]) ** 2).sum(axis=1)
        if given.size != wrong.size or not close(given.ravel(), wrong):
            return None
        return Clue(
            "The slope of the tanh is made from the tanh of a_next.",
            "Is a_next what went into the tanh, or what came out of it?",
        )

    return find


def weights_not_turned(name: str, weights: str) -> Finder:
    """See a square matrix that is used backwards as it was used forwards: nudge one entry, and see which row moves."""

    def find(seen: Evidence) -> Clue | None:
        before = seen.ask(copied(seen.general.arguments)) if seen.values(name) else None
        arguments = copied(seen.general.arguments)
        arguments[-1][-1][weights][0, 1] += 0.5
        after = seen.ask(arguments)
        if before is None or after is None or not usable(before, name) or not usable(after, name):
            return None
        rows = np.flatnonzero((before[name] != after[name]).any(axis=1))
        if rows.tolist() != [0]:
            return None
        return Clue(
            f"When {weights}[0, 1] is nudged, row 1 of {name} moves; it should be row 2.",
            f"Forward, {weights}[0, 1] led from unit 2 of the old state to unit 1 of the new one. And backward?",
        )

    return find


def blocks_exchanged(*names: str) -> Finder:
    """See weights' gradients whose columns stand in the order of the other stack: the input on top of the state."""

    def find(seen: Evidence) -> Clue | None:
        pair = seen.values(seen.output) if seen.output in names else None
        if pair is None:
            return None
        n_a = pair[0].shape[0]
        if not close(np.hstack([pair[0][:, n_a:], pair[0][:, :n_a]]), pair[1]):
            return None
        return Clue(
            f"{seen.output} has the right columns in another order.", "Which of the two lay on top in the stack?"
        )

    return find


def measured(names: Sequence[str], nudge: Nudge) -> Finder:
    """Measure the first wrong entry by nudging what it belongs to: the last word where no other clue was found.

    Parameters
    ----------
    names : sequence of str
        The gradients that can be measured.
    nudge : callable
        From a copy of the arguments and a gradient's name to the loss as a function of nothing, and the array to nudge.
    """

    def find(seen: Evidence) -> Clue | None:
        pair = seen.values(seen.output) if seen.output in names else None
        made = nudge(copied(seen.case.arguments), seen.output) if pair else None
        if pair is None or made is None:
            return None
        from rnn_utils import numerical_gradient, relative_error  # noqa: PLC0415  needed only here

        loss, array = made
        truth = numerical_gradient(loss, array)
        if not np.allclose(truth, pair[0], rtol=1e-3, atol=1e-6):  # the measurement must be sure of itself
            return None
        worst = np.unravel_index(np.abs(pair[1] - truth).argmax(), truth.shape)
        where = place((seen.output,), tuple(int(i) for i in worst))
        return Clue(
            f"It disagrees with the numerical gradient too (relative error {relative_error(pair[1], truth):.2g}): most "
            f"in {where}, where a nudge measures {truth[worst]:.6f} and you have {float(pair[1][worst]):.6f}.",
            f"Which factors does the formula of {seen.output} have, and which of them could be another one in yours?",
        )

    return find


# --- the walk back through time -----------------------------------------------------------------------------------


def steps_left_out(name: str) -> Finder:
    """See time steps that still hold zeros because the loop did not come by."""

    def find(seen: Evidence) -> Clue | None:
        pair = seen.values(name)
        if pair is None or not pair[1].any():
            return None
        empty = [t + 1 for t in range(pair[0].shape[2]) if pair[0][..., t].any() and not pair[1][..., t].any()]
        if not empty:
            return None
        which = f"time step {empty[0]}" if len(empty) == 1 else f"time steps {', '.join(map(str, empty))}"
        return Clue(
            f"{name} is still zero in {which}.",
            "With which step does your loop begin, and with which does it end? (Python counts from 0, and range leaves "
            "out its end.)",
        )

    return find


def caches_not_opened(seen: Evidence) -> Clue | None:
    """See a loop that opens the wrong caches: changing one of them changes nothing."""
    before = seen.ask(copied(seen.general.arguments)) if seen.difference.kind is Kind.VALUES else None
    if before is None:
        return None
    steps = seen.general.arguments[0].shape[2]
    for t in range(steps):
        arguments = copied(seen.general.arguments)
        for field in arguments[1][0][t][:-1]:
            field[...] *= 0.5
        after = seen.ask(arguments)
        if after is not None and all(usable(after, n) and not moved(before, after, n) for n in before):
            return Clue(
                f"Nothing changes when the cache of time step {t + 1} changes: it is never used.",
                "Which drawer does each step open?",
            )
    return None


def slice_not_read(name: str) -> Finder:
    """See a step that does not hear of its own prediction."""

    def find(seen: Evidence) -> Clue | None:
        before = seen.ask(copied(seen.general.arguments)) if seen.values(name) else None
        after = nudged(seen, "da", first_step_only=True)
        if before is None or after is None or not usable(before, name) or not usable(after, name):
            return None
        if not before[name].any() or moved({"first": before[name][..., 0]}, {"first": after[name][..., 0]}, "first"):
            return None
        return Clue(
            f"{name} of time step 1 stays the same when da of time step 1 changes.",
            "Which slice of da arrives at step t?",
        )

    return find


def not_carried_back(name: str, lanes: int) -> Finder:
    """See a walk whose last step is right and whose earlier steps are not.

    Parameters
    ----------
    lanes : int
        How many things are carried from step to step: 1, or 2 in an LSTM.
    """

    def find(seen: Evidence) -> Clue | None:
        pair = seen.values(name)
        if pair is None or pair[0].shape[2] == 1 or not agree(pair[0][..., -1], pair[1][..., -1]):
            return None
        saw = f"The last time step of {name} is right; earlier ones are not."
        before = seen.ask(copied(seen.general.arguments))
        arguments = copied(seen.general.arguments)
        arguments[0][..., -1] += 1.0
        after = seen.ask(arguments)
        if before is None or after is None or not usable(before, name) or not usable(after, name):
            return None
        if moved({"": before[name][..., -2]}, {"": after[name][..., -2]}, ""):
            saw += " Something of the last step reaches the one before it, but not what should."
            think = "What does a step hand back for the state before it, and what do you add to that or leave out?"
            if lanes == 2:
                think = (
                    "Two arrows join neighbouring cells. Is each of them carried, and does each arrive in its place?"
                )
            return Clue(saw, think)
        saw += " What da says at the last step does not reach the step before it: nothing is carried back."
        return Clue(saw, "Which gradients arrive at a state that was read by its prediction and by the next step?")

    return find


def runs_forwards(name: str) -> Finder:
    """See a loop that runs with time: what da says at step 1 reaches step 2."""

    def find(seen: Evidence) -> Clue | None:
        before = seen.ask(copied(seen.general.arguments)) if seen.values(name) else None
        after = nudged(seen, "da", first_step_only=True)
        if before is None or after is None or not usable(before, name) or not usable(after, name):
            return None
        if not moved({"": before[name][..., 1]}, {"": after[name][..., 1]}, ""):
            return None
        return Clue(
            f"What da says at step 1 reaches {name} of step 2: a gradient has travelled with time and not against it.",
            "Which step has to be done first, if each waits for what the next one hands back?",
        )

    return find


def last_counted_twice(name: str) -> Finder:
    """See a walk that begins with the last slice of da in the carry, and then adds it again."""

    def find(seen: Evidence) -> Clue | None:
        pair = seen.values(name)
        if pair is None or not pair[0][..., -1].any() or not close(pair[1][..., -1], 2 * pair[0][..., -1]):
            return None
        return Clue(
            f"The last time step of {name} is twice what it should be.",
            "What comes from beyond the last step, and what do you start with in its place?",
        )

    return find


def one_share(*names: str) -> Finder:
    """See a sum over time that holds the share of the first step alone, which the loop comes to last."""

    def find(seen: Evidence) -> Clue | None:
        pair = seen.values(seen.output) if seen.output in names else None
        da, (boxes, x) = seen.case.arguments
        if pair is None or da.shape[2] == 1:
            return None
        rest = seen.ask(copied((da[..., 1:], (boxes[1:], x[..., 1:]))))
        if rest is None or not usable(rest, "da0") or rest["da0"].shape != da.shape[:2]:
            return None
        alone = seen.ask(copied((da[..., :1] + rest["da0"][..., None], (boxes[:1], x[..., :1]))))
        if alone is None or not usable(alone, seen.output) or not close(alone[seen.output], pair[1]):
            return None
        # an LSTM's first step has no share in dWf: there zeros alone prove nothing
        if not any(usable(seen.actual, n) and seen.actual[n].any() and close(alone[n], seen.actual[n]) for n in names):
            return None
        return Clue(
            f"{seen.output} is the share of time step 1 alone, the step that your loop comes to last.",
            "Every step used the same weights. What should happen to the shares of the steps before?",
        )

    return find
