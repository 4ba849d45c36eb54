"""The third assignment: both networks backwards, one step and then the whole sequence.

What the exercises are handed is drawn as for the earlier assignments: sizes anew for every student, biases and initial
states never zero. Caches come from a forward pass of this file's own, never from a student's.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from autograder.assignments.backpropagation_through_time_lstm_mistakes import (
    LSTM_CELL_MISTAKES,
    LSTM_SEQUENCE_MISTAKES,
)
from autograder.assignments.backpropagation_through_time_rnn_mistakes import RNN_CELL_MISTAKES, RNN_SEQUENCE_MISTAKES
from autograder.draws import Rng, Sizes, distinct_sizes, lstm_parameters, parameters, square, steps, with_sizes
from autograder.model import Assignment, Case, Check, Exercise

Array = np.ndarray[Any, Any]
Caches = tuple[list[tuple[Any, ...]], Array]
Forward = Callable[[Rng, Sizes, int, float], Caches]

FEW = 3  # time steps: enough to have a first, a middle and a last one, and no other size is 3 in `distinct_sizes`
STRONG = 8.0  # on the weights of the input: most units are then at the ends of tanh and of the gates


def rnn_forward(rng: Rng, sizes: Sizes, T: int, strength: float = 1.0) -> Caches:
    """Draw a sequence and run a basic network over it, as far as a backward pass needs it.

    Returns
    -------
    list of tuple
        The cache of each step, ``(a_next, a_prev, xt, parameters)``.
    ndarray
        x, shape (n_x, m, T).
    """
    n_x, n_a, n_y, m = sizes
    p = parameters(rng, n_x, n_a, n_y)
    p["Wax"] *= strength
    x, state = rng.standard_normal((n_x, m, T)), rng.uniform(-0.9, 0.9, (n_a, m))
    caches: list[tuple[Any, ...]] = []
    for xt in np.moveaxis(x, 2, 0):
        before, state = state, np.tanh(p["Waa"] @ state + p["Wax"] @ xt + p["ba"])
        caches.append((state, before, xt, p))
    return caches, x


def lstm_forward(rng: Rng, sizes: Sizes, T: int, strength: float = 1.0) -> Caches:
    """Draw a sequence and run an LSTM over it, as far as a backward pass needs it; the cell state starts at zeros.

    Returns
    -------
    list of tuple
        The cache of each step, ``(a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)``.
    ndarray
        x, shape (n_x, m, T).
    """
    n_x, n_a, n_y, m = sizes
    p = lstm_parameters(rng, n_x, n_a, n_y)
    for gate in "fico":
        p[f"W{gate}"][:, n_a:] *= strength
    x, a, c = rng.standard_normal((n_x, m, T)), rng.uniform(-0.9, 0.9, (n_a, m)), np.zeros((n_a, m))
    caches: list[tuple[Any, ...]] = []
    for xt in np.moveaxis(x, 2, 0):
        stacked = np.vstack([a, xt])
        sums = [p[f"W{gate}"] @ stacked + p[f"b{gate}"] for gate in "fico"]
        f, i, o = (0.5 + 0.5 * np.tanh(0.5 * sums[k]) for k in (0, 1, 3))  # the logistic function, safe for any sum
        candidate = np.tanh(sums[2])
        a_prev, c_prev = a, c
        c = f * c_prev + i * candidate
        a = o * np.tanh(c)
        caches.append((a, c, a_prev, c_prev, f, i, candidate, o, xt, p))
    return caches, x


def incoming(rng: Rng, *shape: int) -> Array:
    """Draw a gradient that reaches the states: the more entries, the smaller each, as for a mean over examples.

    The gradients of the weights, which add up over examples and steps, are then about 1, whatever the sizes: small
    mistakes show, and a float32 answer stays right.
    """
    drawn: Array = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
    return drawn


def rnn_step(rng: Rng, sizes: Sizes, strength: float = 1.0) -> tuple[Any, ...]:
    """Draw the arguments of one step backwards through a basic network: da_next (n_a, m), cache."""
    caches, _ = rnn_forward(rng, sizes, 1, strength)
    return incoming(rng, *caches[0][0].shape), caches[0]


def lstm_step(rng: Rng, sizes: Sizes, strength: float = 1.0) -> tuple[Any, ...]:
    """Draw the arguments of one step backwards through an LSTM: da_next and dc_next (n_a, m), cache.

    It is the second step of a sequence: the cell state before the first would be zero.
    """
    caches, _ = lstm_forward(rng, sizes, 2, strength)
    shape = caches[1][0].shape
    return incoming(rng, *shape), incoming(rng, *shape), caches[1]


def one_example(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Let the loss rest on one example of the mini-batch only."""
    arguments[0][:, 1:] = 0.0
    return arguments


def without(place: int, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Set one of the incoming gradients to zero: what enters by the other path is then seen alone."""
    arguments[place][...] = 0.0
    return arguments


def sequence(forward: Forward, rng: Rng, sizes: Sizes, T: int, more: int = 0, strength: float = 1.0) -> tuple[Any, ...]:
    """Draw the arguments of a whole sequence backwards: da (n_a, m, T), caches.

    Parameters
    ----------
    more : int
        How many steps the forward pass is longer than `da`.
    """
    caches = forward(rng, sizes, T + more, strength)
    return incoming(rng, *caches[0][0][0].shape, T), caches


def only_at_the_end(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Let the loss rest on the last step only: all that earlier steps hear of it has been carried to them."""
    da = arguments[0]
    da[:, :, :-1] = 0.0
    da[:, :, -1] *= np.sqrt(da.shape[2])
    return arguments


def sequence_cases(forward: Forward) -> tuple[Case, ...]:
    """Return the cases of a backward pass through time: the same for both networks."""
    draw: Callable[..., tuple[Any, ...]] = partial(sequence, forward)
    return (
        Case("all sizes different", lambda rng: draw(rng, distinct_sizes(rng), steps(rng))),
        Case("loss at the last step only", lambda rng: only_at_the_end(draw(rng, distinct_sizes(rng), 5))),
        Case("da shorter than the forward pass", lambda rng: draw(rng, distinct_sizes(rng), FEW, more=5)),
        Case("one step", lambda rng: draw(rng, distinct_sizes(rng), 1)),
        Case("two steps", lambda rng: draw(rng, distinct_sizes(rng), 2)),
        Case("batch of one", lambda rng: draw(rng, with_sizes(distinct_sizes(rng), m=1), FEW)),
        Case("n_a = n_x = n_y", lambda rng: draw(rng, square(rng), 2)),
        Case("saturated units", lambda rng: draw(rng, distinct_sizes(rng), FEW, strength=STRONG)),
        Case("a long sequence", lambda rng: draw(rng, distinct_sizes(rng), int(rng.integers(17, 25)))),
    )


RNN_CELL_CASES = (
    Case("all sizes different", lambda rng: rnn_step(rng, distinct_sizes(rng))),
    Case("batch of one", lambda rng: rnn_step(rng, with_sizes(distinct_sizes(rng), m=1))),
    Case("n_a = n_x = n_y", lambda rng: rnn_step(rng, square(rng))),
    Case("one unit", lambda rng: rnn_step(rng, with_sizes(distinct_sizes(rng), n_a=1))),
    Case("saturated units", lambda rng: rnn_step(rng, distinct_sizes(rng), STRONG)),
    Case("loss of one example only", lambda rng: one_example(rnn_step(rng, distinct_sizes(rng)))),
    Case("a realistic mini-batch", lambda rng: rnn_step(rng, (27, 40, 30, 16))),
)

LSTM_CELL_CASES = (
    Case("all sizes different", lambda rng: lstm_step(rng, distinct_sizes(rng))),
    Case("nothing from the next cell state", lambda rng: without(1, lstm_step(rng, distinct_sizes(rng)))),
    Case("nothing from the hidden state", lambda rng: without(0, lstm_step(rng, distinct_sizes(rng)))),
    Case("batch of one", lambda rng: lstm_step(rng, with_sizes(distinct_sizes(rng), m=1))),
    Case("n_a = n_x = n_y", lambda rng: lstm_step(rng, square(rng))),
    Case("one unit", lambda rng: lstm_step(rng, with_sizes(distinct_sizes(rng), n_a=1))),
    Case("saturated gates", lambda rng: lstm_step(rng, distinct_sizes(rng), STRONG)),
    Case("a realistic mini-batch", lambda rng: lstm_step(rng, (27, 24, 30, 16))),
)


def checks(*weighted: tuple[float, Sequence[str]]) -> tuple[Check, ...]:
    """Return a check for each key of the returned dictionary, named as the key is."""
    return tuple(Check(name, weight, name) for weight, names in weighted for name in names)


ASSIGNMENT = Assignment(
    name="backpropagation_through_time",
    exercises=(
        Exercise(
            id="UNQ_C1",
            function="rnn_cell_backward",
            arguments=("da_next", "cache"),
            checks=checks((2, ("dxt",)), (3, ("da_prev",)), (2, ("dWax", "dWaa")), (1, ("dba",))),
            cases=RNN_CELL_CASES,
            mistakes=RNN_CELL_MISTAKES,
        ),
        Exercise(
            id="UNQ_C2",
            function="rnn_backward",
            arguments=("da", "caches"),
            checks=checks((3, ("dx", "da0")), (2, ("dWax", "dWaa")), (1, ("dba",))),
            cases=sequence_cases(rnn_forward),
            mistakes=RNN_SEQUENCE_MISTAKES,
            helper="rnn_cell_backward",
        ),
        Exercise(
            id="UNQ_C3",
            function="lstm_cell_backward",
            arguments=("da_next", "dc_next", "cache"),
            checks=checks(
                (4, ("dxt", "da_prev", "dc_prev")),
                (3, ("dWf",)), (1, ("dbf",)), (3, ("dWi",)), (1, ("dbi",)),
                (3, ("dWc",)), (1, ("dbc",)), (3, ("dWo",)), (1, ("dbo",)),
            ),
            cases=LSTM_CELL_CASES,
            mistakes=LSTM_CELL_MISTAKES,
        ),
        Exercise(
            id="UNQ_C4",
            function="lstm_backward",
            arguments=("da", "caches"),
            checks=checks(
                (4, ("dx", "da0")),
                (2, ("dWf",)), (1, ("dbf",)), (2, ("dWi",)), (1, ("dbi",)),
                (2, ("dWc",)), (1, ("dbc",)), (2, ("dWo",)), (1, ("dbo",)),
            ),
            cases=sequence_cases(lstm_forward),
            mistakes=LSTM_SEQUENCE_MISTAKES,
            helper="lstm_cell_backward",
        ),
    ),
)  # fmt: skip
