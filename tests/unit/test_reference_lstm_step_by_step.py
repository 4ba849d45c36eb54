"""The reference of the second assignment, held to number-by-number loops and to ONNX's own LSTM; its hidden cases."""

import math
from typing import Any

import numpy as np
import pytest

from autograder import assignments, reference
from autograder.compare import compare
from autograder.course import Course
from autograder.diagnose import diagnose
from autograder.model import Assignment, Observation

NAME = "lstm_step_by_step"
GATES = "fico"

Loaded = tuple[Assignment, reference.Reference]


@pytest.fixture(scope="module")
def loaded(course: Course) -> Loaded:
    """Return the assignment and its reference."""
    return assignments.load(course, NAME), reference.load(course, NAME)


def logistic(total: float) -> float:
    """Return the sigmoid of one number, by way of tanh: it never overflows."""
    return 0.5 * (1.0 + math.tanh(0.5 * total))


def cell_by_hand(xt: Any, hidden: Any, held: Any, p: Any) -> tuple[Any, Any, Any]:
    """Return a_next, c_next and yt_pred of one step: loops over single numbers, the standard library's functions."""
    n_a, m, n_y = hidden.shape[0], hidden.shape[1], len(p["by"])
    a_next, c_next, yt_pred = np.empty((n_a, m)), np.empty((n_a, m)), np.empty((n_y, m))
    for j in range(m):
        for u in range(n_a):
            total = {}
            for gate in GATES:
                row = p[f"W{gate}"][u]
                terms = [float(row[v]) * float(hidden[v, j]) for v in range(n_a)]
                terms += [float(row[n_a + v]) * float(xt[v, j]) for v in range(xt.shape[0])]
                total[gate] = math.fsum([float(p[f"b{gate}"][u, 0]), *terms])
            kept = logistic(total["f"]) * float(held[u, j])
            written = logistic(total["i"]) * math.tanh(total["c"])
            c_next[u, j] = kept + written
            a_next[u, j] = logistic(total["o"]) * math.tanh(kept + written)
        scores = [
            math.fsum([float(p["by"][k, 0])] + [float(p["Wy"][k, u]) * float(a_next[u, j]) for u in range(n_a)])
            for k in range(n_y)
        ]
        powers = [math.exp(score - max(scores)) for score in scores]
        yt_pred[:, j] = [power / math.fsum(powers) for power in powers]
    return a_next, c_next, yt_pred


@pytest.mark.parametrize("seed", range(3))
def test_one_step_is_what_the_formulas_say(loaded: Loaded, seed: int) -> None:
    """On every hidden case, both states and the prediction agree with loops over single numbers; the cache is whole."""
    assignment, ref = loaded
    for case in assignment.exercise("UNQ_C1").cases:
        xt, a_prev, c_prev, p = case.draw(np.random.default_rng(seed))
        if xt.shape[1] > 8:  # loops over single numbers are slow; three examples say as much as forty
            xt, a_prev, c_prev = xt[:, :3], a_prev[:, :3], c_prev[:, :3]
        a_next, c_next, yt_pred, cache = ref.functions["lstm_cell_forward"](xt, a_prev, c_prev, p)
        by_hand = cell_by_hand(xt, a_prev, c_prev, p)
        np.testing.assert_allclose(a_next, by_hand[0], rtol=1e-10, atol=1e-13, err_msg=case.name)
        np.testing.assert_allclose(c_next, by_hand[1], rtol=1e-10, atol=1e-13, err_msg=case.name)
        np.testing.assert_allclose(yt_pred, by_hand[2], rtol=1e-9, atol=1e-13, err_msg=case.name)
        assert [id(part) for part in cache[:4]] == [id(a_next), id(c_next), id(a_prev), id(c_prev)]
        assert [id(part) for part in cache[8:]] == [id(xt), id(p)]
        ft, it, cct, ot = cache[4:8]
        np.testing.assert_allclose(ft * c_prev + it * cct, c_next, rtol=1e-12)
        np.testing.assert_allclose(ot * np.tanh(c_next), a_next, rtol=1e-12)


@pytest.mark.parametrize("seed", range(2))
def test_a_sequence_is_one_step_after_the_other(loaded: Loaded, seed: int) -> None:
    """On every hidden case the loop agrees with steps taken by hand: a from a0, c from zeros, caches in order."""
    assignment, ref = loaded
    for case in assignment.exercise("UNQ_C2").cases:
        x, a0, p = case.draw(np.random.default_rng(seed))
        if a0.size * x.shape[2] > 400:
            x, a0 = x[:, :2, :], a0[:, :2]
        a, y, c, (caches, whole) = ref.functions["lstm_forward"](x, a0, p)
        assert whole is x
        assert len(caches) == x.shape[2]
        hidden, held = a0, np.zeros(a0.shape)
        for t in range(x.shape[2]):
            before = hidden, held
            hidden, held, prediction = cell_by_hand(x[:, :, t], *before, p)
            np.testing.assert_allclose(a[:, :, t], hidden, rtol=1e-9, atol=1e-12, err_msg=case.name)
            np.testing.assert_allclose(c[:, :, t], held, rtol=1e-9, atol=1e-12, err_msg=case.name)
            np.testing.assert_allclose(y[:, :, t], prediction, rtol=1e-7, atol=1e-12, err_msg=case.name)
            for place, wanted in enumerate((hidden, held, *before)):
                np.testing.assert_allclose(caches[t][place], wanted, rtol=1e-9, atol=1e-12)
            assert np.array_equal(caches[t][8], x[:, :, t])
            assert caches[t][9] is p


def onnx_lstm(x: Any, a0: Any, p: Any) -> tuple[Any, Any, Any]:
    """Return all hidden states, and the last hidden and cell state, as ONNX's reference evaluator computes them.

    ONNX stacks its gates in the order i, o, f, c, keeps the weights of input (W) and state (R) apart, has two biases
    for each gate (the second is zero here), puts time first and examples before units; ``initial_h`` is our a0.
    """
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: one oracle fewer for the forward passes")
    reference_evaluator = pytest.importorskip("onnx.reference")
    n_a, n_x = len(a0), len(x)
    order = "iofc"
    W = np.concatenate([p[f"W{g}"][:, n_a:] for g in order])[None]
    R = np.concatenate([p[f"W{g}"][:, :n_a] for g in order])[None]
    B = np.concatenate([p[f"b{g}"][:, 0] for g in order] + [np.zeros(4 * n_a)])[None]
    arrays = {
        "X": np.moveaxis(x, 2, 0).swapaxes(1, 2),
        "W": W,
        "R": R,
        "B": B,
        "H": a0.T[None],
        "C": np.zeros((1, a0.shape[1], n_a)),
    }
    double = onnx.TensorProto.DOUBLE
    node = onnx.helper.make_node(
        "LSTM", ["X", "W", "R", "B", "", "H", "C"], ["Y", "Y_h", "Y_c"], hidden_size=n_a, direction="forward"
    )
    graph = onnx.helper.make_graph(
        [node],
        "lstm",
        [onnx.helper.make_tensor_value_info(k, double, v.shape) for k, v in arrays.items()],
        [onnx.helper.make_tensor_value_info(k, double, None) for k in ("Y", "Y_h", "Y_c")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 22)])
    states, last, held = reference_evaluator.ReferenceEvaluator(model).run(None, arrays)
    assert states.shape == (x.shape[2], 1, x.shape[1], n_a)
    assert W.shape == (1, 4 * n_a, n_x)
    return np.moveaxis(states[:, 0], 0, 2).swapaxes(0, 1), last[0].T, held[0].T


@pytest.mark.parametrize("seed", range(40))
def test_states_are_those_of_onnx(loaded: Loaded, seed: int) -> None:
    """On random shapes all hidden states and the last cell state agree with another project's LSTM."""
    rng = np.random.default_rng([9, seed])
    n_x, n_a, n_y, m, T_x = (int(n) for n in rng.integers(1, 8, 5))
    p = {f"W{g}": rng.standard_normal((n_a, n_a + n_x)) for g in GATES}
    p |= {f"b{g}": rng.standard_normal((n_a, 1)) for g in GATES}
    p |= {"Wy": rng.standard_normal((n_y, n_a)), "by": rng.standard_normal((n_y, 1))}
    x, a0 = rng.standard_normal((n_x, m, T_x)), rng.standard_normal((n_a, m))
    a, _, c, _ = loaded[1].functions["lstm_forward"](x, a0, p)
    states, last, held = onnx_lstm(x, a0, p)
    np.testing.assert_allclose(a, states, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(a[:, :, -1], last, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(c[:, :, -1], held, rtol=1e-10, atol=1e-13)


def test_reference_and_given_network_are_one(loaded: Loaded) -> None:
    """What later assignments are given in rnn_utils computes what this assignment's reference computes."""
    from rnn_utils import lstm

    assignment, ref = loaded
    for exercise in assignment.exercises:
        for case in exercise.cases:
            given = case.draw(np.random.default_rng(5))
            expected, actual = ref.functions[exercise.function](*given), vars(lstm)[exercise.function](*given)
            for check in exercise.checks:
                assert compare(expected[check.key], actual[check.key], check.name).right, (case.name, check.name)


def test_cases_leave_no_axis_to_chance(loaded: Loaded) -> None:
    """In ordinary cases all sizes differ, biases and states are never zero; the special cases are special."""
    assignment, _ = loaded
    special = {"batch of one": "m", "one class": "n_y", "one unit": "n_a", "one input": "n_x", "one step": "T_x"}
    for exercise in assignment.exercises:
        names = {case.name for case in exercise.cases}
        assert names >= {"all sizes different", "batch of one", "one class", "one unit", "n_a = n_x = n_y"}
        for case in exercise.cases:
            for seed in range(20):
                x, *states, p = case.draw(np.random.default_rng(seed))
                sizes = {"n_x": x.shape[0], "n_a": states[0].shape[0], "n_y": len(p["by"]), "m": x.shape[1]}
                if x.ndim == 3:
                    sizes["T_x"] = x.shape[2]
                if case.name == "all sizes different":
                    assert len(set(sizes.values())) == len(sizes), (case.name, sizes)
                if case.name in special:
                    assert sizes[special[case.name]] == 1
                if case.name == "n_a = n_x = n_y":
                    assert sizes["n_a"] == sizes["n_x"] == sizes["n_y"] != sizes["m"]
                assert all(np.abs(state).min() > 0 for state in states)
                assert all(np.abs(p[f"b{gate}"]).min() > 0.1 for gate in GATES)
                assert np.abs(p["by"]).min() > 0 or case.name == "saturated gates"


def test_saturated_gates_are_saturated(loaded: Loaded) -> None:
    """In that case most gates are nearly shut or nearly open, and a softmax without its maximum overflows."""
    assignment, ref = loaded
    draw = next(case.draw for case in assignment.exercise("UNQ_C1").cases if case.name == "saturated gates")
    gates = []
    for seed in range(20):
        given = draw(np.random.default_rng(seed))
        _, _, prediction, cache = ref.functions["lstm_cell_forward"](*given)
        gates += [np.minimum(gate, 1 - gate).ravel() for gate in (cache[4], cache[5], cache[7])]
        assert np.isfinite(prediction).all()
        assert np.abs(given[-1]["by"]).max() > 709  # exp of more is infinity
    assert np.mean(np.concatenate(gates) < 0.1) > 0.6


@pytest.mark.parametrize("mixed", [False, True], ids=["all in float32", "float32 and float64 mixed"])
def test_a_float32_answer_stays_right(loaded: Loaded, *, mixed: bool) -> None:
    """Computed in float32, wholly or up to a cell state that starts in float64, it is within the tolerance."""
    assignment, ref = loaded

    def narrow(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: narrow(inner) for key, inner in value.items()}
        return value.astype(np.float32)

    for exercise in assignment.exercises:
        for case in exercise.cases:
            for seed in range(60):
                given = case.draw(np.random.default_rng(seed))
                expected = ref.functions[exercise.function](*given)
                actual = ref.functions[exercise.function](*map(narrow, given))
                for check in exercise.checks[:3]:
                    value = actual[check.key] if mixed else narrow(actual[check.key])
                    verdict = compare(expected[check.key], value, check.name)
                    assert verdict.right, (case.name, seed, verdict.problem)


@pytest.mark.parametrize("exercise_id", ["UNQ_C1", "UNQ_C2"])
def test_each_mistake_is_wrong_and_is_told_from_the_others(loaded: Loaded, exercise_id: str) -> None:
    """For several students each mistake fails a check, and the diagnosis of its outputs names it and nothing else."""
    assignment, ref = loaded
    exercise = assignment.exercise(exercise_id)
    mistaken = {m.id: ref.mistaken(exercise_id, m)[exercise.function] for m in exercise.mistakes}
    for seed in range(2):
        drawn = [(case.name, case.draw(np.random.default_rng([seed, k]))) for k, case in enumerate(exercise.cases)]
        for name, function in mistaken.items():
            with np.errstate(all="ignore"):
                seen = [Observation(case, given, function(*given)) for case, given in drawn]
            wrong = [
                check.name
                for observation in seen
                for check in exercise.checks
                if not compare(
                    ref.functions[exercise.function](*observation.inputs)[check.key],
                    observation.returned[check.key],
                    check.name,
                ).right
            ]
            assert wrong, name
            found = diagnose(exercise, seen, lambda mistakes: mistaken[mistakes[0].id])
            assert [m.id for m in found.mistakes] == [name]
