"""The references of the backward passes: held to central differences, to automatic differentiation, and to plain loops.

The forward passes that are differentiated here are written for this file: nothing is shared with the reference or with
``rnn_utils``. Automatic differentiation needs the package ``autograd``; without it those tests are skipped, loudly.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograder import assignments, reference
from autograder.course import Course
from autograder.model import Assignment
from rnn_utils import backward as given
from rnn_utils import lstm as given_lstm
from rnn_utils import numerical_gradient, relative_error
from rnn_utils import rnn as given_rnn

Loaded = tuple[Assignment, reference.Reference]
CASES_OF = {"UNQ_C1": "rnn", "UNQ_C2": "rnn", "UNQ_C3": "lstm", "UNQ_C4": "lstm"}
NO_AUTOGRAD = "autograd is not installed: the gradients are NOT held to automatic differentiation here"


@pytest.fixture(scope="module")
def loaded(course: Course) -> Loaded:
    """Return the third assignment and its reference."""
    return assignments.load(course, "backpropagation_through_time"), reference.load(
        course, "backpropagation_through_time"
    )


def states(xp: Any, kind: str, x: Any, a: Any, c: Any, p: Any) -> tuple[list[Any], Any]:
    """Run either network forward with a numpy of one's choice: the hidden states of all steps, and the last cell state.

    Its formulas are written differently from everything under test: gates by tanh, weights by einsum.
    """
    seen = []
    for t in range(x.shape[2]):
        xt = x[:, :, t]
        if kind == "rnn":
            a = xp.tanh(xp.einsum("ab,bm->am", p["Waa"], a) + xp.einsum("ai,im->am", p["Wax"], xt) + p["ba"])
        else:
            n_a = a.shape[0]
            s = {
                g: xp.einsum("ab,bm->am", p["W" + g][:, :n_a], a)
                + xp.einsum("ai,im->am", p["W" + g][:, n_a:], xt)
                + p["b" + g]
                for g in "fico"
            }
            f, i, o = ((1 + xp.tanh(s[g] / 2)) / 2 for g in "fio")
            c = f * c + i * xp.tanh(s["c"])
            a = o * xp.tanh(c)
        seen.append(a)
    return seen, c


def problem(
    exercise: str, arguments: tuple[Any, ...]
) -> tuple[str, dict[str, Any], Callable[[Any, dict[str, Any]], Any]]:
    """Return an exercise's inputs by the names of their gradients, and its loss as a function of them."""
    kind = CASES_OF[exercise]
    whole = exercise in ("UNQ_C2", "UNQ_C4")
    if whole:
        da, (boxes, x) = arguments
        first, x = boxes[0], x[:, :, : da.shape[2]]
        arriving = [da[:, :, t] for t in range(da.shape[2])]
    else:
        first = arguments[-1]
        x, arriving = first[-2][:, :, None], [arguments[0]]
    lane = arguments[1] if exercise == "UNQ_C3" else 0.0
    a_prev, c_prev = (first[1], 0.0) if kind == "rnn" else (first[2], first[3])
    p = first[-1]
    inputs = {f"d{name}": p[name] for name in p if name not in ("Wya", "Wy", "by")}
    inputs |= {"dx" if whole else "dxt": x, "da0" if whole else "da_prev": a_prev}
    if exercise == "UNQ_C3":
        inputs["dc_prev"] = c_prev

    def loss(xp: Any, v: dict[str, Any]) -> Any:
        weights = {name[1:]: value for name, value in v.items()}
        c = v.get("dc_prev", c_prev)
        seen, last_c = states(xp, kind, v["dx" if whole else "dxt"], v["da0" if whole else "da_prev"], c, weights)
        return sum(xp.sum(d * a) for d, a in zip(arriving, seen, strict=True)) + xp.sum(lane * last_c)

    return kind, {name: np.array(value) for name, value in inputs.items()}, loss


def gradients(loaded: Loaded, exercise: str, arguments: tuple[Any, ...]) -> dict[str, np.ndarray]:
    """Return what the reference says, with the axis of time that `problem` gives a single step."""
    assignment, ref = loaded
    found = dict(ref.functions[assignment.exercise(exercise).function](*arguments))
    if "dxt" in found:
        found["dxt"] = found["dxt"][:, :, None]
    return found


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("exercise", CASES_OF)
def test_gradients_are_what_a_nudge_measures(loaded: Loaded, exercise: str, seed: int) -> None:
    """On every hidden case of moderate size each gradient agrees with central differences of another forward pass."""
    assignment, _ = loaded
    for number, case in enumerate(assignment.exercise(exercise).cases):
        arguments = case.draw(np.random.default_rng([seed, number]))
        if case.name == "a realistic mini-batch":
            continue  # thousands of entries to nudge; automatic differentiation looks at it
        _, inputs, loss = problem(exercise, arguments)
        found = gradients(loaded, exercise, arguments)
        assert found.keys() == inputs.keys()
        for name, array in inputs.items():
            truth = numerical_gradient(lambda inputs=inputs, loss=loss: float(loss(np, inputs)), array)
            scale = max(float(np.linalg.norm(truth)), 1e-2)  # a vanished gradient has no relative error
            assert np.linalg.norm(found[name] - truth) / scale < 1e-7, (case.name, name)


def largest_error(loaded: Loaded, exercise: str, draws: int) -> float:
    """Return the largest relative error against automatic differentiation, over hidden cases of many students."""
    autograd = pytest.importorskip("autograd", reason=NO_AUTOGRAD)
    numpy = pytest.importorskip("autograd.numpy", reason=NO_AUTOGRAD)
    assignment, _ = loaded
    cases = assignment.exercise(exercise).cases
    worst = 0.0
    for seed in range(draws):
        case = cases[seed % len(cases)]
        arguments = case.draw(np.random.default_rng([seed, 99]))
        _, inputs, loss = problem(exercise, arguments)
        truth = autograd.grad(lambda v, loss=loss: loss(numpy, v))(inputs)
        found = gradients(loaded, exercise, arguments)
        for name in inputs:
            if np.abs(truth[name]).max() > 1e-9:
                worst = max(worst, relative_error(found[name], truth[name]))
            else:  # nothing arrives: then nothing may be claimed
                assert np.abs(found[name]).max() < 1e-9
    return worst


@pytest.mark.parametrize("exercise", CASES_OF)
def test_gradients_are_what_automatic_differentiation_gives(loaded: Loaded, exercise: str) -> None:
    """Over dozens of random shapes, each gradient agrees to twelve digits with one that nobody derived by hand."""
    assert largest_error(loaded, exercise, draws=54) < 1e-12


def rnn_step_by_hand(da_next: Any, cache: Any) -> dict[str, Any]:
    """Return the gradients of one step of the basic network, entry by entry."""
    a, before, xt, p = cache
    (n_a, m), n_x = a.shape, len(xt)
    out = {"dxt": np.zeros((n_x, m)), "da_prev": np.zeros((n_a, m)), "dWax": np.zeros((n_a, n_x)),
           "dWaa": np.zeros((n_a, n_a)), "dba": np.zeros((n_a, 1))}  # fmt: skip
    for i in range(m):
        for u in range(n_a):
            total = math.fsum([p["ba"][u, 0], *(p["Waa"][u] * before[:, i]), *(p["Wax"][u] * xt[:, i])])
            s = float(da_next[u, i]) / math.cosh(total) ** 2
            out["dba"][u, 0] += s
            for v in range(n_a):
                out["dWaa"][u, v] += s * before[v, i]
                out["da_prev"][v, i] += s * p["Waa"][u, v]
            for v in range(n_x):
                out["dWax"][u, v] += s * xt[v, i]
                out["dxt"][v, i] += s * p["Wax"][u, v]
    return out


@pytest.mark.parametrize("seed", range(3))
def test_one_step_is_what_the_formulas_say(loaded: Loaded, seed: int) -> None:
    """One step backwards agrees with loops over single numbers, whose slope is made from the sum and not the state."""
    assignment, ref = loaded
    for case in assignment.exercise("UNQ_C1").cases:
        arguments = case.draw(np.random.default_rng(seed))
        if arguments[0].size > 300:
            continue
        found = ref.functions["rnn_cell_backward"](*arguments)
        for name, truth in rnn_step_by_hand(*arguments).items():
            np.testing.assert_allclose(found[name], truth, rtol=1e-8, atol=1e-11, err_msg=f"{case.name}, {name}")


@pytest.mark.parametrize("exercise", CASES_OF)
def test_the_given_backward_passes_agree_with_the_reference(loaded: Loaded, exercise: str) -> None:
    """What the next assignment is given computes what this one teaches."""
    assignment, ref = loaded
    name = assignment.exercise(exercise).function
    for case in assignment.exercise(exercise).cases:
        arguments = case.draw(np.random.default_rng(5))
        expected, found = ref.functions[name](*arguments), vars(given)[name](*arguments)
        assert all(np.allclose(found[key], expected[key], rtol=1e-12, atol=1e-14) for key in expected)


def test_the_well_known_wrong_values_are_not_ours(loaded: Loaded) -> None:
    """In the widely copied set-up dx[1][2] begins with 0.00218; with -0.00173 only if nothing is carried."""
    _, ref = loaded
    rng = np.random.RandomState(1)
    x, a0 = rng.randn(3, 10, 7), rng.randn(5, 10)
    p = {}
    for gate in "fioc":
        p[f"W{gate}"], p[f"b{gate}"] = rng.randn(5, 8), rng.randn(5, 1)
    p["Wy"], p["by"] = np.zeros((2, 5)), np.zeros((2, 1))
    _, _, _, caches = given_lstm.lstm_forward(x, a0, p)
    da = rng.randn(5, 10, 4)
    found = ref.functions["lstm_backward"](da, caches)
    assert found["dx"].shape == (3, 10, 4)
    assert found["dx"][1, 2, 0] == pytest.approx(0.00218254, abs=5e-9)
    neither = given.lstm_cell_backward(da[:, :, 0], np.zeros((5, 10)), caches[0][0])["dxt"]
    assert neither[1, 2] == pytest.approx(-0.00173313, abs=5e-9)  # the old exercise: neither lane is carried

    def loss() -> float:
        a, _, _, _ = given_lstm.lstm_forward(x, a0, p)
        return float(np.sum(da * a[:, :, :4]))

    assert relative_error(found["da0"], numerical_gradient(loss, a0)) < 1e-7
    assert relative_error(found["dx"], numerical_gradient(loss, x)[:, :, :4]) < 1e-7


def test_cases_leave_no_axis_to_chance(loaded: Loaded) -> None:
    """In ordinary cases all sizes differ; biases and initial states are never zero; the special cases are special."""
    assignment, _ = loaded
    for exercise in assignment.exercises:
        for case in exercise.cases:
            for seed in range(15):
                arguments = case.draw(np.random.default_rng(seed))
                arriving, last = arguments[0], arguments[-1]
                whole = arriving.ndim == 3
                cache = last[0][0] if whole else last
                x = last[1] if whole else cache[-2]
                sizes = [arriving.shape[0], *x.shape[:2], len(cache[-1]["by"]), *arriving.shape[2:]]
                if case.name == "all sizes different":
                    assert len(set(sizes)) == len(sizes)
                if case.name == "batch of one":
                    assert arriving.shape[1] == 1
                if case.name == "n_a = n_x = n_y":
                    assert sizes[0] == sizes[1] == sizes[3] != sizes[2]
                if case.name == "da shorter than the forward pass":
                    assert arriving.shape[2] < x.shape[2] == len(last[0])
                if case.name == "loss at the last step only":
                    assert not arriving[:, :, :-1].any()
                    assert arriving[:, :, -1].all()
                start = cache[1] if CASES_OF[exercise.id] == "rnn" else cache[2]
                assert np.abs(start).min() > 0
                assert all(np.abs(cache[-1][name]).min() > 0.1 for name in cache[-1] if name[0] == "b")
                if whole and CASES_OF[exercise.id] == "lstm":
                    assert not cache[3].any()  # the cell state starts at zeros


def test_caches_are_those_of_a_right_forward_pass(loaded: Loaded) -> None:
    """What the hidden cases hand to students is what the given forward passes would have cached."""
    assignment, _ = loaded
    for exercise, forward in (("UNQ_C2", given_rnn.rnn_forward), ("UNQ_C4", given_lstm.lstm_forward)):
        for case in assignment.exercise(exercise).cases:
            _, (boxes, x) = case.draw(np.random.default_rng(3))
            start = boxes[0][1 if exercise == "UNQ_C2" else 2]
            *_, (expected, _) = forward(x, start, boxes[0][-1])
            for box, wanted in zip(boxes, expected, strict=True):
                for field, truth in zip(box[:-1], wanted[:-1], strict=True):
                    np.testing.assert_allclose(field, truth, rtol=1e-9, atol=1e-12)


def narrowed(value: Any) -> Any:
    """Return a copy in float32, however deep it is nested."""
    if isinstance(value, np.ndarray):
        return value.astype(np.float32)
    if isinstance(value, dict):
        return {key: narrowed(inner) for key, inner in value.items()}
    return type(value)(narrowed(inner) for inner in value)


def test_a_float32_answer_stays_right(loaded: Loaded) -> None:
    """Everything computed in float32 is within the tolerance on every case, for many students."""
    from autograder.compare import compare

    assignment, ref = loaded
    for exercise in assignment.exercises:
        function = ref.functions[exercise.function]
        for case in exercise.cases:
            for seed in range(20):
                arguments = case.draw(np.random.default_rng(seed))
                expected, actual = function(*arguments), function(*narrowed(arguments))
                for check in exercise.checks:
                    verdict = compare(expected[check.key], np.float32(actual[check.key]), check.name)
                    assert verdict.right, (case.name, seed, verdict.problem)
