"""The second assignment: one cell of an LSTM, and the loop over time with its two states.

As in the first, every size is drawn anew for every student, and where a case is not about a size being small or equal
all sizes differ. Biases, hidden states and cell states are never zero; cell states are as large as 2 in ordinary cases,
so that a tanh too many or too few shows.
"""

from typing import Any

import numpy as np

from autograder.assignments.lstm_step_by_step_mistakes import CELL_MISTAKES, SEQUENCE_MISTAKES
from autograder.draws import Rng, Sizes, away_from_zero, distinct_sizes, lstm_parameters, square, steps, with_sizes
from autograder.model import Assignment, Case, Check, Exercise

Array = np.ndarray[Any, Any]

FINE, COARSE = 4096, 128  # inputs and states are fractions of the one, weights of the other: see `coarse`
FEW = 3  # time steps: enough to have a first, a middle and a last one


def step(rng: Rng, sizes: Sizes) -> tuple[Any, ...]:
    """Draw the arguments of one time step: xt (n_x, m), a_prev and c_prev (n_a, m), parameters."""
    n_x, n_a, n_y, m = sizes
    xt, a_prev = rng.standard_normal((n_x, m)), rng.uniform(-0.9, 0.9, (n_a, m))
    c_prev = 2.5 * away_from_zero(rng, n_a * m).reshape(n_a, m)  # between 0.5 and 2 in size
    return coarse(xt, FINE), coarse(a_prev, FINE), coarse(c_prev, FINE), _parameters(rng, n_x, n_a, n_y)


def sequence(rng: Rng, sizes: Sizes, T_x: int) -> tuple[Any, ...]:
    """Draw the arguments of a whole sequence: x (n_x, m, T_x), a0 (n_a, m), parameters."""
    n_x, n_a, n_y, m = sizes
    x, a0 = rng.standard_normal((n_x, m, T_x)), rng.uniform(-0.9, 0.9, (n_a, m))
    return coarse(x, FINE), coarse(a0, FINE), _parameters(rng, n_x, n_a, n_y)


def _parameters(rng: Rng, n_x: int, n_a: int, n_y: int) -> dict[str, Array]:
    return {name: coarse(value, COARSE) for name, value in lstm_parameters(rng, n_x, n_a, n_y).items()}


def coarse(values: Array, fraction: int) -> Array:
    """Round to the nearest multiple of 1 / fraction, away from zero where that would be 0.

    Fractions of 4096 for inputs and states times fractions of 128 for weights make sums that are exact in float32 as
    well. Small entries of a state, where errors count most, then stay right in an answer that mixes float32 with
    float64, which `compare` does not know as float32. In float16 not even the inputs are exact, and that shows.
    """
    return np.where(values < 0, -1, 1) * np.maximum(np.round(fraction * np.abs(values)), 1) / fraction


def saturated(rng: Rng, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Make gates almost open or almost closed, and logits differ by thousands: a softmax without its maximum overflows.

    The gaps between logits are so wide that every right way of computing gives zeros and ones.
    """
    weights = arguments[-1]
    for gate in "fico":
        weights[f"b{gate}"] *= 8.0
    n_y = len(weights["by"])
    weights["by"] = 1000.0 * (rng.permutation(n_y)[:, None] - 0.5 * n_y)
    return arguments


def calm(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Halve what the gates hear of the hidden state: over many steps, two right ways of rounding then stay together."""
    weights = arguments[-1]
    n_a = len(weights["bf"])
    for gate in "fico":
        weights[f"W{gate}"][:, :n_a] *= 0.5
    return arguments


CELL_CASES = (
    Case("all sizes different", lambda rng: step(rng, distinct_sizes(rng))),
    Case("batch of one", lambda rng: step(rng, with_sizes(distinct_sizes(rng), m=1))),
    Case("one class", lambda rng: step(rng, with_sizes(distinct_sizes(rng), n_y=1))),
    Case("one input", lambda rng: step(rng, with_sizes(distinct_sizes(rng), n_x=1))),
    Case("n_a = n_x = n_y", lambda rng: step(rng, square(rng))),
    Case("one unit", lambda rng: step(rng, with_sizes(distinct_sizes(rng), n_a=1))),
    Case("saturated gates", lambda rng: saturated(rng, step(rng, distinct_sizes(rng)))),
    Case("a realistic mini-batch", lambda rng: step(rng, (27, 40, 30, 16))),
)

SEQUENCE_CASES = (
    Case("all sizes different", lambda rng: sequence(rng, distinct_sizes(rng), steps(rng))),
    Case("one step", lambda rng: sequence(rng, distinct_sizes(rng), 1)),
    Case("batch of one", lambda rng: sequence(rng, with_sizes(distinct_sizes(rng), m=1), FEW)),
    Case("one class", lambda rng: sequence(rng, with_sizes(distinct_sizes(rng), n_y=1), FEW)),
    Case("n_a = n_x = n_y", lambda rng: sequence(rng, square(rng), 2)),
    Case("one unit", lambda rng: sequence(rng, with_sizes(distinct_sizes(rng), n_a=1), FEW)),
    Case("a long sequence", lambda rng: calm(sequence(rng, distinct_sizes(rng), int(rng.integers(17, 25))))),
    Case("saturated gates", lambda rng: saturated(rng, sequence(rng, distinct_sizes(rng), FEW))),
    Case("a realistic mini-batch", lambda rng: sequence(rng, (27, 24, 28, 8), 6)),
)

ASSIGNMENT = Assignment(
    name="lstm_step_by_step",
    exercises=(
        Exercise(
            id="UNQ_C1",
            function="lstm_cell_forward",
            arguments=("xt", "a_prev", "c_prev", "parameters"),
            checks=(Check("a_next", 4, 0), Check("c_next", 4, 1), Check("yt_pred", 3, 2), Check("cache", 1, 3)),
            cases=CELL_CASES,
            mistakes=CELL_MISTAKES,
        ),
        Exercise(
            id="UNQ_C2",
            function="lstm_forward",
            arguments=("x", "a0", "parameters"),
            checks=(Check("a", 3, 0), Check("y", 2, 1), Check("c", 3, 2), Check("caches", 2, 3)),
            cases=SEQUENCE_CASES,
            mistakes=SEQUENCE_MISTAKES,
            helper="lstm_cell_forward",
        ),
    ),
)
