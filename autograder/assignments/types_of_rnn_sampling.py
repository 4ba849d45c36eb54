"""What a network that samples may say: inputs whose answer is certain, the law of the others, and judges of both.

No sample path is compared with another one: a symbol may be drawn by ``rng.choice``, from cumulated probabilities, with
Gumbel noise, in any order. Held instead are the path where every prediction is certain (`path`), the frequencies where
it is not (`chances`), and whether an answer follows the generator that it is given (`follows_generator`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import combinations
from typing import Any

import numpy as np

from autograder.draws import Rng, parameters
from autograder.model import Observation, Seed

Array = np.ndarray[Any, Any]
Inputs = tuple[Any, ...]

# Between the two largest scores of a certain prediction. Each symbol is another one with a probability below
# n_y * exp(-60) < 1e-25, so all the certain symbols of a submission together (a few hundred) go wrong by chance in less
# than one of 1e22. Even a Gumbel draw in float64 never reaches 60: its noise lies between -4 and 37.
GAP = 60.0
# Where the frequencies are compared: this many equal columns. With 600 of them an event of probability 0.3 is seen to
# be off when its frequency is off by 0.15, which is 8 standard deviations; chances are drawn so that mistakes are
# further off than that (see `_lively`). More columns would only cost time: most students sample them one by one.
MANY = 600
# Chernoff: of m independent draws, the share of an event of probability p is q or further out with a probability of at
# most exp(-m * KL(q, p)), exactly, for every m. We refuse at exp(-30) < 1e-13. The two random cases have 36 and 24
# events (a symbol in a step, a pair of symbols in two steps), each with two sides: 120 * 1e-13 < 1e-10 of the right
# submissions would be refused.
LIMIT = 30.0
_AT_ONCE = 64  # networks that are drawn and looked at together, where most will not do
# Of a mistake's sample and a student's, for a diagnosis only: 5 standard deviations of their difference.
APART = 25.0


def walk(x0: Array, a0: Array, p: dict[str, Array], steps: int) -> Any:
    """Take the likeliest symbol in every step; return the symbols (steps, m), the least gap and the largest score."""
    xt, a, said, gap, largest = x0, a0, [], np.inf, 0.0
    n_y = len(p["by"])
    for _ in range(steps):
        state = np.tanh(p["Waa"] @ a + p["Wax"] @ xt + p["ba"])
        scores = p["Wya"] @ state + p["by"]
        if n_y > 1:
            ordered = np.sort(scores, axis=0)
            gap = min(gap, float((ordered[-1] - ordered[-2]).min()))
        largest = max(largest, float(np.abs(scores).max()))
        said.append(scores.argmax(axis=0))
        xt, a = np.eye(n_y)[:, said[-1]], state
    return np.array(said), gap, largest


def certain(rng: Rng, n_y: int, n_a: int, m: int, steps: int) -> Inputs:
    """Draw inputs whose every prediction is all but certain, and whose path depends on all that should be handed on.

    Scaling all scores by one factor leaves the path as it is and widens the gaps; so the factor is chosen last.
    """
    for _ in range(20_000):
        p = parameters(rng, n_y, n_a, n_y)
        p["Wax"] *= 1.5
        # x0 is small beside a symbol (a column of an identity): the state before it is then not drowned by it
        x0, a0 = 0.3 * rng.standard_normal((n_y, m)), rng.uniform(-0.9, 0.9, (n_a, m))
        if steps > 1 and n_y > 1 and not _tells(x0, a0, p, steps):
            continue  # so dull that a mistake could hide
        _, gap, largest = walk(x0, a0, p, steps)
        factor = GAP / gap if np.isfinite(gap) else 1.0
        if largest * factor > 3e4:
            continue  # so large that a float32 answer could lose its way
        p["Wya"], p["by"] = p["Wya"] * factor, p["by"] * factor
        return x0, a0, p, steps, Seed(int(rng.integers(2**31)))
    raise RuntimeError("No draw has a path that tells mistakes apart: the sizes are too small for it.")


def _tells(x0: Array, a0: Array, p: dict[str, Array], steps: int) -> bool:
    """Return whether a path is lively, and another one where something is not handed on or not used.

    The path as it should be and the five mistaken ones are walked side by side, as one mini-batch: most draws fail.
    """
    m = x0.shape[1]
    unfed, unkept, unbiased = (slice(n * m, (n + 1) * m) for n in (1, 2, 5))  # the others lack a0 and x0
    start = np.hstack([a0, a0, a0, 0 * a0, a0, a0])  # (n_a, 6 m)
    first = read = p["Wax"] @ np.hstack([x0, x0, x0, x0, 0 * x0, x0])
    biases = np.repeat(p["ba"], 6 * m, axis=1)
    biases[:, unbiased] = 0.0
    a, said = start, []
    for _ in range(steps):
        a = np.tanh(p["Waa"] @ a + read + biases)
        said.append((p["Wya"] @ a + p["by"]).argmax(axis=0))
        read = p["Wax"][:, said[-1]]  # what Wax makes of the symbols as columns of an identity
        read[:, unfed], a[:, unkept] = first[:, unfed], start[:, unkept]
    paths = np.array(said).reshape(steps, 6, m)
    own = paths[:, :1]
    lively = (own[1:] != own[:-1]).mean() >= 0.4  # not one symbol on and on
    alike = m > 1 and (own == own[:, :, :1]).all()  # all examples the same
    return bool(lively and not alike and not (paths[:, 1:] == own).all(axis=(0, 2)).any())


def law(x0: Array, a0: Array, p: dict[str, Array], steps: int) -> tuple[Array, Array]:
    """Return the probability of every path of the first example, shape (n_y,) * steps, as it is and where luck repeats.

    Where each example has one number between 0 and 1 for all its steps, in the place of a draw in each, a path comes if
    that number lies in the slice of every one of its symbols: the second law. Leading axes of all arrays, of several
    networks, are leading axes of both.
    """
    n_y = p["by"].shape[-2]
    paths = np.indices((n_y,) * steps).reshape(steps, -1)  # one column for each path there is
    each = np.arange(paths.shape[1])
    xt, a = x0[..., :1], a0[..., :1]
    probability, low, high = np.ones(1), np.zeros(1), np.ones(1)
    for symbols in paths:
        a = np.tanh(p["Waa"] @ a + p["Wax"] @ xt + p["ba"])
        scores = p["Wya"] @ a + p["by"]
        powers = np.exp(scores - scores.max(axis=-2, keepdims=True))
        column = powers / powers.sum(axis=-2, keepdims=True)
        column = np.broadcast_to(column, (*column.shape[:-1], len(each)))
        own, reached = column[..., symbols, each], np.cumsum(column, axis=-2)[..., symbols, each]
        probability = probability * own
        low, high = np.maximum(low, reached - own), np.minimum(high, reached)
        xt = np.eye(n_y)[:, symbols]
    shape = (*own.shape[:-1], *(n_y,) * steps)
    return np.reshape(probability, shape), np.reshape(np.maximum(high - low, 0.0), shape)


def uncertain(rng: Rng, n_y: int, n_a: int, steps: int, m: int = MANY) -> Inputs:
    """Draw equal columns with lively chances: no symbol rare or certain, each step's leaning on the step before."""
    for _ in range(500):  # one network in a hundred will do
        p = parameters(rng, n_y, n_a, n_y, (_AT_ONCE,))
        p["Wax"] *= 2.5
        x0, a0 = rng.standard_normal((_AT_ONCE, n_y, 1)), rng.uniform(-0.9, 0.9, (_AT_ONCE, n_a, 1))
        laws, repeating = law(x0, a0, p, steps)
        for n in np.flatnonzero(_lively(laws)):
            if steps == 2 or _repeats(laws[n], repeating[n]):
                columns = np.ones((1, m))
                chosen = {name: value[n] for name, value in p.items()}
                return x0[n] @ columns, a0[n] @ columns, chosen, steps, Seed(int(rng.integers(2**31)))
    raise RuntimeError("No draw has chances that tell mistakes apart: the sizes are too small for it.")


def _lively(laws: Array) -> Array:
    """Return of which laws the mistakes of sampling would be seen: all equal, independent steps, the likeliest alone.

    Parameters
    ----------
    laws : array of shape (many,) + (n_y,) * steps
    """
    many, n_y = laws.shape[:2]
    steps = laws.ndim - 1
    alone = np.array([_share(laws, (t,), leading=1) for t in range(steps)])  # (steps, many, n_y)
    largest = alone.max(axis=2)
    balanced = (largest.max(axis=0) < 0.8) & (largest.min(axis=0) > 1.3 / n_y)
    unequal = np.abs(alone - 1 / n_y).max(axis=(0, 2)) > 0.2
    leaning = np.zeros(many)
    for t in range(steps - 1):
        independent = alone[t][:, :, None] * alone[t + 1][:, None, :]
        leaning = np.maximum(leaning, np.abs(_share(laws, (t, t + 1), leading=1) - independent).max(axis=(1, 2)))
    return np.asarray(balanced & unequal & (leaning > 0.22))


def _repeats(probability: Array, same_luck: Array) -> bool:
    """Return whether a sample whose luck repeats is seen to break the law: 4 standard deviations beyond the limit.

    Half of the laws of three steps are such, and only few of two: one case of three steps is enough.
    """
    return any(
        (surprise(MANY * _share(same_luck, axes), MANY, _share(probability, axes)) > 2.5 * LIMIT).any()
        for axes in _events(probability.ndim)
    )


def _events(steps: int) -> Iterator[tuple[int, ...]]:
    """Yield the steps whose symbols are looked at together: each step, then each pair of steps."""
    for size in (1, 2):
        yield from combinations(range(steps), size)


def _share(probability: Array, axes: tuple[int, ...], leading: int = 0) -> Array:
    """Return the probabilities of the symbols in these steps, whatever the others; leading axes are kept."""
    steps = range(probability.ndim - leading)
    return np.asarray(probability.sum(axis=tuple(leading + t for t in steps if t not in axes)))


def _counts(said: Array, axes: tuple[int, ...], n_y: int) -> Array:
    """Return how many columns have each combination of symbols in these steps."""
    places = np.ravel_multi_index(tuple(said[t] for t in axes), (n_y,) * len(axes))
    return np.bincount(places, minlength=n_y ** len(axes)).reshape((n_y,) * len(axes))


def surprise(count: Array, m: int, probability: Array) -> Array:
    """Return m * KL(count / m, probability): by how many factors e such a share, or one further out, is unlikely."""
    q = count / m
    p = np.clip(probability, 1e-300, 1 - 1e-16)
    with np.errstate(divide="ignore", invalid="ignore"):
        hit = np.where(q > 0, q * np.log(q / p), 0.0)
        miss = np.where(q < 1, (1 - q) * np.log((1 - q) / (1 - p)), 0.0)
    return np.asarray(m * (hit + miss))


def _departs(said: Array, probability: Array) -> tuple[int, ...] | None:
    """Return the first steps in which a sample is not as its law says; None where it is."""
    n_y, m = probability.shape[0], said.shape[1]
    for axes in _events(len(said)):
        if (surprise(_counts(said, axes, n_y), m, _share(probability, axes)) > LIMIT).any():
            return axes
    return None


def _differ(one: Array, other: Array, n_y: int) -> tuple[int, ...] | None:
    """Return the first steps in which two samples are not of one law; None where they may be."""
    for axes in _events(len(one)):
        a, b = _counts(one, axes, n_y), _counts(other, axes, n_y)
        if ((a - b) ** 2 > APART * (a + b)).any():
            return axes
    return None


def _misshapen(inputs: Inputs, given: Any) -> str:
    """Return why a value cannot be symbols at all; empty where it can."""
    x0, _, p, steps, _ = inputs
    shape, n_y = (steps, x0.shape[1]), len(p["by"])
    if not isinstance(given, np.ndarray):
        return "`indices` should be an array of integers, of shape (steps, m)."
    if given.shape != shape:
        turned = " Its axes are exchanged: one row for each step." if given.shape == shape[::-1] else ""
        return f"`indices` does not have the shape (steps, m).{turned}"
    if given.dtype.kind not in "iu":
        return f"`indices` should hold integers; its dtype is {given.dtype}."
    if given.size and (given.min() < 0 or given.max() >= n_y):
        return "`indices` holds numbers that are no symbols: they go from 0 to n_y - 1."
    return ""


@dataclass(frozen=True)
class _Drawn:
    """The inputs of one case, equal to themselves alone: what follows from them is computed once for all checks."""

    inputs: Inputs

    def __hash__(self) -> int:
        return id(self.inputs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Drawn) and other.inputs is self.inputs


@lru_cache(maxsize=64)
def _is_free(drawn: _Drawn) -> bool:
    x0, a0, p, steps, _ = drawn.inputs
    return bool(walk(x0, a0, p, steps)[1] < GAP / 2)


def _free(inputs: Inputs) -> bool:
    """Return whether there is a choice, and so no path to be held to."""
    return _is_free(_Drawn(inputs))


@lru_cache(maxsize=16)
def _law(drawn: _Drawn) -> Array:
    x0, a0, p, steps, _ = drawn.inputs
    return law(x0, a0, p, steps)[0]


def _alike(said: Array) -> bool:
    """Return whether all examples got the same symbols."""
    return bool((said == said[:, :1]).all())


def path(inputs: Inputs, expected: Any, given: Any) -> str:
    """Judge the symbols themselves: their shape and range and, where every prediction is certain, which they are."""
    free = _free(inputs)
    problem = _misshapen(inputs, given)
    if expected is not None and _misshapen(inputs, expected):  # a mistake's, in a diagnosis
        same = np.shape(given) == np.shape(expected) and (free or np.array_equal(expected, given))
        return "" if same else problem or "`indices` is not what this mistake gives."
    if problem or free or np.array_equal(expected, given):
        return problem
    wrong = np.flatnonzero((expected != given).any(axis=1))
    if wrong[0] == 0:
        return "`indices` departs in the first step, though its prediction leaves no choice."
    right = "step 1 is" if wrong[0] == 1 else f"steps 1 to {wrong[0]} are"
    return f"`indices` departs: {right} right, step {wrong[0] + 1} is not, though its prediction leaves no choice."


def chances(inputs: Inputs, expected: Any, given: Any) -> str:
    """Judge how often symbols come, over many equal columns; and which they are, where there is no choice.

    A student's sample is held to the exact law. In a diagnosis `expected` is a mistake's sample, which breaks that law:
    then the two samples are held to one another.
    """
    problem = path(inputs, expected, given)
    if problem or not _free(inputs) or (expected is not None and _misshapen(inputs, expected)):
        return problem
    x0, _, p, _, _ = inputs
    if _alike(given) or (expected is not None and _alike(expected)):  # by chance in less than 1 of 1e60
        return "" if np.array_equal(expected, given) else ALIKE
    if x0.shape[1] < MANY:
        return ""
    right = _law(_Drawn(inputs))
    axes = _departs(given, right)
    if expected is not None:
        departs = _departs(expected, right)
        if departs is not None:  # a mistake that breaks the law is none of a student who keeps it
            axes = departs if axes is None else _differ(expected, given, len(p["by"]))
    if axes is None:
        return ""
    if len(axes) == 1:
        return f"In step {axes[0] + 1} the symbols do not come as often as the prediction says."
    return (
        f"Each step by itself is right, but what comes in step {axes[1] + 1} after the symbol of step {axes[0] + 1} "
        "does not come as often as it should."
    )


ALIKE = "All examples of the mini-batch get the same symbols, in every step: nothing is drawn for each of them."
SEEDED = ("a generator", "the same generator again", "another generator")  # the cases that `follows_generator` reads


@cache
def seeded(number: int) -> Inputs:
    """Return the same inputs for every student, with plenty of choice in all steps: only the generator's seed differs.

    Of the networks of the first 150 seeds it is the one that stays undecided longest.
    """
    rng = np.random.default_rng(4)
    x0, a0, p, _, _ = uncertain(rng, 3, 5, 3, m=8)
    return x0, a0, p, 40, Seed(number)


def follows_generator(observations: Sequence[Observation]) -> str:
    """Judge whether the given generator decides, and nothing else; two runs agree by chance in less than 1 of 1e40."""
    returned = {seen.case: seen.returned for seen in observations}
    once, again, other = (returned[name] for name in SEEDED)
    if not np.array_equal(once, again):
        return "Two calls with the same inputs and equally seeded generators give different symbols: do they use `rng`?"
    if np.array_equal(once, other):
        return "The symbols are the same whatever the generator `rng`: nothing is drawn from it."
    return ""
