"""Clues for a function that samples: networks wired by hand on which right and wrong ways of generating part visibly.

Nothing here knows a solution: each network is so simple that what it must say can be told in words.
"""

from typing import Any

import numpy as np

from public_tests.clues import Clue, Evidence, close, usable
from public_tests.compare import Kind
from public_tests.contract import Function, copied

MANY = 2000
SHARES = np.array([0.6, 0.3, 0.1])
# A share of 2000 draws has a standard deviation of 0.011 at most, and these are generators with fixed seeds
FAR = 0.08


def network(after_symbol: Any, after_state: Any, *, by: Any = None) -> dict[str, np.ndarray]:
    """Return parameters of a network whose units stand for symbols.

    Parameters
    ----------
    after_symbol, after_state : array_like
        Shape (n, n), entry [k, j]: how strongly symbol j, just read, or unit j, on before, turns unit k on.
    by : array_like, optional
        Scores of the symbols where no unit decides, shape (n,); without it the unit that is on is said.
    """
    after_symbol, after_state = np.array(after_symbol, dtype=float), np.array(after_state, dtype=float)
    n = len(after_symbol)
    return {
        "Wax": after_symbol,
        "Waa": after_state,
        "Wya": np.zeros((n, n)) if by is not None else 100.0 * np.eye(n),
        "ba": np.zeros((n, 1)),
        "by": np.zeros((n, 1)) if by is None else np.reshape(by, (n, 1)),
    }


def next_in_turn(n: int) -> np.ndarray:
    """Return the matrix that leads from each of n symbols to the next one, and from the last to the first."""
    return np.roll(np.eye(n), 1, axis=0)


def symbols_of(seen: Evidence, arguments: tuple[Any, ...]) -> np.ndarray | None:
    """Return what the student's function says to these arguments; None if that cannot be used."""
    values = seen.ask((*arguments, np.random.default_rng(3)))
    return values["indices"] if values is not None and usable(values, "indices") else None


def _start(symbol: int, n: int) -> np.ndarray:
    return np.eye(n)[:, [symbol]]


def what_is_read(seen: Evidence) -> Clue | None:
    """See a network that goes on reading its first input instead of what it said."""
    if seen.values("indices") is None:
        return None
    counts = network(10 * next_in_turn(4), np.zeros((4, 4)))
    said = symbols_of(seen, (_start(0, 4), np.zeros((4, 1)), counts, 5))
    if said is None or said.shape != (5, 1) or list(said[:, 0]) != [1, 1, 1, 1, 1]:
        return None
    return Clue(
        "A network that always says the symbol after the one it reads should count 1, 2, 3, 0, 1 from symbol 0; with "
        "your function it says 1, 1, 1, 1, 1: it reads x0 in every step.",
        "What does the network read in step 2, and where does the loop set that?",
    )


def what_is_remembered(seen: Evidence) -> Clue | None:
    """See a state that is not handed on."""
    if seen.values("indices") is None:
        return None
    turns = network(np.zeros((4, 4)), 10 * next_in_turn(4))
    start = 2 * _start(0, 4) - 1  # unit 0 is on, the others are off
    said = symbols_of(seen, (_start(0, 4), start, turns, 5))
    if said is None or said.shape != (5, 1) or list(said[:, 0]) != [1, 1, 1, 1, 1]:
        return None
    return Clue(
        "A network that turns one unit on after the other, whatever it reads, should say 1, 2, 3, 0, 1; with your "
        "function it says 1, 1, 1, 1, 1: its state is not handed on.",
        "What should step 2 know about step 1, beside the symbol?",
    )


def unused(seen: Evidence) -> Clue | None:
    """See a walk that does not begin with the given input, or not at the given state."""
    if seen.values("indices") is None:
        return None
    for place, name, think in (
        (0, "x0", "What does the network read in step 1?"),
        (1, "a0", "From which hidden state does step 1 start?"),
    ):
        arguments = list(copied(seen.general.arguments))
        before = seen.ask(tuple(arguments))
        arguments = list(copied(seen.general.arguments))
        arguments[place] = 0 * arguments[place]
        after = seen.ask(tuple(arguments))
        if before is None or after is None or not usable(before, "indices"):
            return None
        if np.array_equal(before["indices"], after["indices"]):
            return Clue(f"indices stays exactly the same when {name} is replaced by zeros: {name} is not used.", think)
    return None


def one_step_off(seen: Evidence) -> Clue | None:
    """See right symbols in other rows."""
    pair = seen.values("indices")
    if pair is None or len(pair[0]) < 3:
        return None
    expected, actual = pair
    think = "Which row of indices holds the symbol that is sampled in step t?"
    if close(actual[1:], expected[:-1]):
        return Clue("The symbols are right, but one row too low: the first row holds what was read in step 1.", think)
    if close(actual[::-1], expected):
        return Clue("The symbols are right, but in reversed order of time.", think)
    if close(actual[:-1], expected[:-1]) and not actual[-1].any():
        return Clue("All steps but the last are right, and the last is zero.", "How many steps does your loop take?")
    return None


def first_step_right(seen: Evidence) -> Clue | None:
    """See a first step that is right and later ones that are not."""
    pair = seen.values("indices")
    if pair is None or not np.array_equal(pair[0][:1], pair[1][:1]):
        return None
    return Clue(
        "The symbols of step 1 are right; later ones are not.",
        "Two things travel from step to step. Which, and in which form does the cell read each of them?",
    )


def no_symbols(seen: Evidence) -> Clue | None:
    """See numbers in the place of symbols: no integers."""
    if seen.output != "indices" or seen.difference.kind is not Kind.DTYPE:
        return None
    return Clue(
        "A symbol is the place of a row in the prediction.", "What does rng.choice return, and where is it put?"
    )


def dice(target: Function) -> str:
    """Return what is wrong with the way a function samples, in a few sentences; empty if nothing shows.

    Asked once all visible cases pass: there every prediction leaves no choice, here each leaves plenty.
    """
    free = network(np.zeros((3, 3)), np.zeros((3, 3)), by=np.log(SHARES))
    equal = np.zeros((3, MANY))

    def say(parameters: dict[str, np.ndarray], steps: int, seed: int) -> np.ndarray:
        said = target(equal.copy(), equal.copy(), copied(parameters), steps, np.random.default_rng(seed))
        return np.asarray(said)

    said = say(free, 2, 1)
    return (
        _too_alike(said)
        or _wrong_shares(said)
        or _steps_alike(said)
        or _another_read(say)
        or _luck(say(free, 2, 1), said, say(free, 2, 2))
    )


_ASKED = "With probabilities 0.6, 0.3 and 0.1 in every step, and 2000 examples, "


def _too_alike(said: np.ndarray) -> str:
    if (said == 0).all():
        return (
            f"{_ASKED}your function says symbol 0 every time: always the likeliest.\n"
            "Think: how often should the other two come, and what in your code could ever choose them?"
        )
    if (said == said[:, :1]).all():
        return (
            f"{_ASKED}all examples get the same symbol in each step.\n"
            "Think: how many dice are rolled in one step, one for the mini-batch or one for each example?"
        )
    return ""


def _wrong_shares(said: np.ndarray) -> str:
    for step, row in enumerate(said, start=1):
        shares = np.bincount(row, minlength=3)[:3] / MANY
        if np.abs(shares - SHARES).max() > FAR:
            found = ", ".join(f"{share:.2f}" for share in shares)
            return (
                f"{_ASKED}the symbols come with the shares {found} in step {step}.\n"
                "Think: where does your draw get to know the probabilities, and are they those of this example?"
            )
    return ""


def _steps_alike(said: np.ndarray) -> str:
    both = np.bincount(3 * said[0] + said[1], minlength=9)[:9].reshape(3, 3) / MANY
    if np.abs(both - np.outer(SHARES, SHARES)).max() <= FAR:
        return ""
    return (
        f"{_ASKED}what comes in step 2 hangs on the luck of step 1, though nothing in this network does.\n"
        "Think: is a generator made anew in each step? It begins again with the same numbers. Use rng, as it is given."
    )


def _another_read(say: Any) -> str:
    counts = network(10 * next_in_turn(3), np.zeros((3, 3)))  # reading zeros, all symbols are equally likely
    first, second = say(counts, 2, 4)
    if np.array_equal((first + 1) % 3, second):
        return ""
    return (
        "A network that always says the symbol after the one it reads should go from 0 to 1, from 1 to 2, from 2 to 0; "
        "with your function it often does not.\n"
        "Think: is what the next step reads, as a one-hot column, the very symbol that is kept in indices?"
    )


def _luck(again: np.ndarray, once: np.ndarray, other: np.ndarray) -> str:
    if not np.array_equal(once, again):
        return (
            "Two calls with generators of the same seed give different symbols.\n"
            "Think: where do your random numbers come from? All of them should be drawn from rng."
        )
    if np.array_equal(once, other):
        return (
            "Generators with different seeds give the very same symbols.\n"
            "Think: where do your random numbers come from? All of them should be drawn from rng."
        )
    return ""
