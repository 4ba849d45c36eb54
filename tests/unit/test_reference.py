"""The reference computes what its formulas say: held to a second implementation that shares nothing with it."""

import math
from typing import Any

import numpy as np
import pytest

from autograder import assignments, reference
from autograder.course import Course
from autograder.model import Assignment

Matrix = list[list[float]]


def cell_by_hand(xt: Any, a_prev: Any, p: Any) -> tuple[Matrix, Matrix]:
    """Return a_next and yt_pred of one step, entry by entry, with the standard library's mathematics only."""
    n_a, m, n_y = len(p["ba"]), xt.shape[1], len(p["by"])
    a_next: Matrix = [[0.0] * m for _ in range(n_a)]
    yt_pred: Matrix = [[0.0] * m for _ in range(n_y)]
    for i in range(m):
        for u in range(n_a):
            total = [float(p["ba"][u, 0])]
            total += [float(p["Waa"][u, v]) * float(a_prev[v, i]) for v in range(n_a)]
            total += [float(p["Wax"][u, v]) * float(xt[v, i]) for v in range(xt.shape[0])]
            a_next[u][i] = math.tanh(math.fsum(total))
        scores = [
            math.fsum([float(p["by"][k, 0])] + [float(p["Wya"][k, u]) * a_next[u][i] for u in range(n_a)])
            for k in range(n_y)
        ]
        largest = max(scores)
        powers = [math.exp(score - largest) for score in scores]
        for k in range(n_y):
            yt_pred[k][i] = powers[k] / math.fsum(powers)
    return a_next, yt_pred


@pytest.fixture(scope="module")
def loaded(course: Course) -> tuple[Assignment, reference.Reference]:
    """Return the first assignment and its reference."""
    return assignments.load(course, "rnn_step_by_step"), reference.load(course, "rnn_step_by_step")


@pytest.mark.parametrize("seed", range(5))
def test_one_step_is_what_the_formulas_say(loaded: tuple[Assignment, reference.Reference], seed: int) -> None:
    """On every hidden case, state and prediction agree with loops over single numbers."""
    assignment, ref = loaded
    for case in assignment.exercise("UNQ_C1").cases:
        xt, a_prev, p = case.draw(np.random.default_rng(seed))
        a_next, yt_pred, cache = ref.functions["rnn_cell_forward"](xt, a_prev, p)
        by_hand = cell_by_hand(xt, a_prev, p)
        np.testing.assert_allclose(a_next, by_hand[0], rtol=1e-11, atol=1e-13, err_msg=case.name)
        np.testing.assert_allclose(yt_pred, by_hand[1], rtol=1e-9, atol=1e-13, err_msg=case.name)
        assert [id(part) for part in cache] == [id(a_next), id(a_prev), id(xt), id(p)]


@pytest.mark.parametrize("seed", range(3))
def test_a_sequence_is_one_step_after_the_other(loaded: tuple[Assignment, reference.Reference], seed: int) -> None:
    """On every hidden case, the loop agrees with steps taken by hand, and its caches stand in the order of time."""
    assignment, ref = loaded
    for case in assignment.exercise("UNQ_C2").cases:
        x, a0, p = case.draw(np.random.default_rng(seed))
        if x.shape[1] * x.shape[2] * len(a0) > 2500:
            x = x[:, :2, :]  # loops over single numbers are slow; two examples say as much as sixteen
            a0 = a0[:, :2]
        a, y_pred, (caches, whole) = ref.functions["rnn_forward"](x, a0, p)
        state = a0
        assert whole is x
        assert len(caches) == x.shape[2]
        for t in range(x.shape[2]):
            before = state
            state, prediction = (np.array(part) for part in cell_by_hand(x[:, :, t], before, p))
            np.testing.assert_allclose(a[:, :, t], state, rtol=1e-9, atol=1e-12, err_msg=case.name)
            np.testing.assert_allclose(y_pred[:, :, t], prediction, rtol=1e-7, atol=1e-12, err_msg=case.name)
            np.testing.assert_allclose(caches[t][0], state, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(caches[t][1], before, rtol=1e-9, atol=1e-12)
            assert np.array_equal(caches[t][2], x[:, :, t])
            assert caches[t][3] is p


def test_cases_leave_no_axis_to_chance(loaded: tuple[Assignment, reference.Reference]) -> None:
    """In ordinary cases all sizes differ, biases and initial states are never zero; the special cases are special."""
    assignment, _ = loaded
    special = {"batch of one": "m", "one class": "n_y", "one unit": "n_a", "one step": "T_x"}
    for exercise in assignment.exercises:
        for case in exercise.cases:
            for seed in range(20):
                x, a0, p = case.draw(np.random.default_rng(seed))
                sizes = {"n_x": x.shape[0], "n_a": a0.shape[0], "n_y": len(p["by"]), "m": x.shape[1]}
                if x.ndim == 3:
                    sizes["T_x"] = x.shape[2]
                if "all sizes different" in case.name:
                    assert len(set(sizes.values())) == len(sizes), (case.name, sizes)
                if case.name in special:
                    assert sizes[special[case.name]] == 1
                assert np.abs(a0).min() > 0
                assert np.abs(p["ba"]).min() > 0
                assert np.abs(p["by"]).min() > 0 or case.name == "large activations"


def test_a_float32_answer_stays_right(loaded: tuple[Assignment, reference.Reference]) -> None:
    """Everything computed in float32 is within the tolerance on every case, for many students."""
    from autograder.compare import compare

    assignment, ref = loaded
    for exercise in assignment.exercises:
        for case in exercise.cases:
            for seed in range(40):
                x, a0, p = case.draw(np.random.default_rng(seed))
                narrow = {key: value.astype(np.float32) for key, value in p.items()}
                expected = ref.functions[exercise.function](x, a0, p)
                actual = ref.functions[exercise.function](x.astype(np.float32), a0.astype(np.float32), narrow)
                for check in exercise.checks[:2]:
                    verdict = compare(expected[check.key], actual[check.key], check.name)
                    assert verdict.right, (case.name, seed, verdict.problem)
