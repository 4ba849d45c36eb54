"""Draws hidden inputs: sizes, weights, biases, states and whole sequences, for the files in ``assignments/``.

Every size is drawn anew for every student. Biases and initial states are never zero, so that none can be left out, and
recurrent weights are kept small enough that two correct ways of rounding stay together over long sequences.
"""

from typing import Any

import numpy as np

Rng = np.random.Generator
Sizes = tuple[int, int, int, int]  # n_x, n_a, n_y, m


def distinct_sizes(rng: Rng) -> Sizes:
    """Draw n_x, n_a, n_y and m from 2, 4, 5, 6 and 7, no two alike."""
    n_x, n_a, n_y, m = (int(n) for n in rng.permutation([2, 4, 5, 6, 7])[:4])
    return n_x, n_a, n_y, m


def parameters(rng: Rng, n_x: int, n_a: int, n_y: int, many: tuple[int, ...] = ()) -> dict[str, np.ndarray[Any, Any]]:
    """Draw the parameters of a cell, or of ``many`` cells at once, in the leading axes of each array.

    The recurrent weights' spectral norm is at most 0.9 (it is at most the root of the largest sum of a row times that
    of a column): over long sequences two correct ways of rounding stay together instead of drifting apart, and a
    float32 answer stays right.
    """
    Waa = rng.standard_normal((*many, n_a, n_a))
    sizes = np.abs(Waa)
    bound = sizes.sum(axis=-2).max(axis=-1) * sizes.sum(axis=-1).max(axis=-1)
    return {
        "Wax": rng.standard_normal((*many, n_a, n_x)) / np.sqrt(n_x),
        "Waa": Waa * (0.9 / np.sqrt(bound))[..., None, None],
        "Wya": rng.standard_normal((*many, n_y, n_a)) * 1.5,
        "ba": away_from_zero(rng, n_a, many),
        "by": away_from_zero(rng, n_y, many),
    }


def away_from_zero(rng: Rng, n: int, many: tuple[int, ...] = ()) -> np.ndarray[Any, Any]:
    """Draw a bias (n, 1) whose entries lie between 0.2 and 0.8 in size: one that is left out is missed."""
    bias = rng.uniform(-0.6, 0.6, (*many, n, 1))
    return bias + np.copysign(0.2, bias)


def lstm_parameters(rng: Rng, n_x: int, n_a: int, n_y: int) -> dict[str, np.ndarray[Any, Any]]:
    """Draw the parameters of an LSTM cell: one weight (n_a, n_a + n_x) and one bias (n_a, 1) for each gate.

    The four gates differ in their weights and biases, so that none can stand in for another. Each weight's part for
    the state has a spectral norm of at most 0.8, for the same reason as in `parameters`.
    """
    drawn: dict[str, np.ndarray[Any, Any]] = {}
    for gate in "fico":
        from_state = rng.standard_normal((n_a, n_a))
        sizes = np.abs(from_state)
        from_state *= 0.8 / np.sqrt(sizes.sum(axis=0).max() * sizes.sum(axis=1).max())
        from_input = rng.standard_normal((n_a, n_x)) / np.sqrt(n_x)
        drawn[f"W{gate}"] = np.concatenate([from_state, from_input], axis=1)
        drawn[f"b{gate}"] = away_from_zero(rng, n_a)
    drawn["Wy"] = rng.standard_normal((n_y, n_a)) * 3.0  # hidden states of an LSTM are small
    drawn["by"] = away_from_zero(rng, n_y)
    return drawn


def step(rng: Rng, sizes: Sizes) -> tuple[Any, ...]:
    """Draw the arguments of one time step: xt (n_x, m), a_prev (n_a, m), parameters."""
    n_x, n_a, n_y, m = sizes
    xt, a_prev = rng.standard_normal((n_x, m)), rng.uniform(-0.9, 0.9, (n_a, m))
    return xt, a_prev, parameters(rng, n_x, n_a, n_y)


def sequence(rng: Rng, sizes: Sizes, T_x: int) -> tuple[Any, ...]:
    """Draw the arguments of a whole sequence: x (n_x, m, T_x), a0 (n_a, m), parameters."""
    n_x, n_a, n_y, m = sizes
    x, a0 = rng.standard_normal((n_x, m, T_x)), rng.uniform(-0.9, 0.9, (n_a, m))
    return x, a0, parameters(rng, n_x, n_a, n_y)


def large(rng: Rng, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Make states saturate and logits differ by thousands: a softmax without its maximum overflows.

    The gaps between logits are so wide that every right way of computing gives zeros and ones.
    """
    weights = arguments[2]
    n_y = len(weights["by"])
    weights["Wax"] *= 5.0
    weights["by"] = 1000.0 * (rng.permutation(n_y)[:, None] - 0.5 * n_y)
    return arguments


def with_sizes(sizes: Sizes, **replaced: int) -> Sizes:
    """Return the sizes with some of n_x, n_a, n_y and m replaced."""
    named = dict(zip(("n_x", "n_a", "n_y", "m"), sizes, strict=True)) | replaced
    return named["n_x"], named["n_a"], named["n_y"], named["m"]


def square(rng: Rng) -> Sizes:
    """Draw sizes with n_a = n_x = n_y, and a mini-batch of another size: no shape warns of an exchanged weight."""
    n, m = (int(k) for k in rng.permutation([3, 4, 5, 6, 7])[:2])
    return n, n, n, m


def steps(rng: Rng) -> int:
    """Draw a number of time steps that no other size has."""
    return int(rng.integers(8, 10))
