"""The public tests of the third assignment: what passes, and which message each known mistake gets."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from student_cells import edited, message, notebook
from student_cells_backward import FUNCTIONS, PLAIN, STYLES, WRITES_INTO_DA

from public_tests import backpropagation_through_time as tests
from public_tests.cases import cases
from public_tests.contract import copied, leaves, parts
from rnn_utils import relative_error

PASSED = "All public tests passed. Hidden tests use other inputs.\n"
C1, C2, C3, C4 = FUNCTIONS


def public_test(exercise: str) -> Callable[[Any], None]:
    """Return the public test of an exercise."""
    return vars(tests)[f"{FUNCTIONS[exercise]}_test"]


def solved(exercise: str, *edits: tuple[str, str], **names: Any) -> Any:
    """Return the student's function of an exercise after these edits, the other cells being right."""
    cells = PLAIN | {exercise: edited(PLAIN[exercise], *edits)}
    return notebook(*cells.values(), **names)[FUNCTIONS[exercise]]


@pytest.mark.parametrize("style", STYLES)
def test_right_answers_pass_in_every_style(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Right functions pass however they are written, and exactly one known sentence is printed for each."""
    names = notebook(*(PLAIN | STYLES[style]).values())
    for exercise, function in FUNCTIONS.items():
        public_test(exercise)(names[function])
        assert capsys.readouterr().out == PASSED


SLOPE = "(1 - a_next ** 2) * da_next"
CALL = "lstm_cell_backward(da_next, dc_future, cache_list[t])"
MISTAKES: dict[str, tuple[str, list[tuple[str, str]], list[str]]] = {
    "tanh taken twice": (C1, [("a_next ** 2", "np.tanh(a_next) ** 2")],
                         ["made from the tanh of a_next", "what went into the tanh, or what came out of it?"]),
    "derivative left out": (C1, [(SLOPE, "da_next")], ["dba stays exactly the same when a_next changes"]),
    "slope of the old state": (C1, [("(1 - a_next **", "(1 - 0 * a_next - a_prev **")],
                               ["dba stays exactly the same when a_next changes"]),
    "no keepdims": (C1, [("axis=1, keepdims=True", "axis=1")],
                    ["dba has shape (6,), expected (6, 1): sum over the batch and keep the dimension.",
                     "What works: dWax, dWaa, da_prev and dxt."]),
    "not summed": (C1, [("np.sum(dtanh, axis=1, keepdims=True)", "dtanh")], ["it has not been summed over the batch"]),
    "summed over units": (C1, [("axis=1, keepdims", "axis=0, keepdims")], ["has been summed over the units"]),
    "da_prev for a_prev": (C1, [("a_prev.T)", "da_prev.T)")], ["dWaa stays exactly the same when a_prev changes"]),
    "not transposed": (C1, [("np.dot(Waa.T, dtanh)", "np.dot(Waa, dtanh)")],
                       ["When Waa[0, 1] is nudged, row 1 of da_prev moves; it should be row 2"]),
    "gradient transposed": (C1, [("np.dot(dtanh, a_prev.T)", "np.dot(a_prev, dtanh.T)")],
                            ["dWaa is the transpose of what it should be"]),
    "mean": (C1, [("np.sum(", "np.mean(")], ["dba is the right one divided by m = 5"]),
    "sign": (C1, [("dxt = np.dot", "dxt = -np.dot")], ["dxt is the right one with the other sign"]),
    "another slope": (C1, [("a_next ** 2", "a_next")],
                      ["disagrees with the numerical gradient too (relative error 0.5)", "where a nudge measures"]),
    "quadratic": (C1, [("dxt = np.dot(Wax.T, dtanh)", "dxt = np.dot(Wax.T, dtanh * da_next)")],
                  ["doubles when da_next doubles; dxt does not"]),
    "depends on too much": (C1, [("axis=1, keepdims=True)", "axis=1, keepdims=True) + a_prev[:, :1]")],
                            ["dba changes when a_prev changes"]),
    "swapped keys": (C1, [('"dWax": dWax, "dWaa": dWaa', '"dWax": dWax, "dWaa": dWaa + 0, "x": 0'),
                          ('"dxt": dxt, "da_prev": da_prev', '"dxt": dxt, "da_prv": da_prev')],
                     ["has no da_prev.", "It has 'da_prv' and 'x', which nobody will look for: is a key misspelt?"]),
    "a tuple": (C1, [("return gradients", "return tuple(gradients.values())")],
                ["returns a tuple of 5 values; it should return a dictionary"]),
    "nothing returned": (C1, [("    return gradients", "    done = True")], ["The function returns None"]),
    "weights not fetched": (C1, [('    Waa = parameters["Waa"]\n', "")], ["read it from the dictionary `parameters`"]),
    "wrong axes": (C1, [("np.dot(dtanh, xt.T)", "np.dot(xt, dtanh.T)")],
                   ["dWax has shape (4, 6); it should have (6, 4), that is (n_a, n_x)",
                    "one row for each hidden unit, one column for each unit of the input", "in another order"]),
    "future not added": (C2, [("da[:, :, t] + da_future", "da[:, :, t]")],
                         ["The last time step of dx is right; earlier ones are not", "nothing is carried back"]),
    "future never updated": (C2, [('        da_future = step["da_prev"]\n', "")], ["nothing is carried back"]),
    "future piles up": (C2, [('da_future = step["da_prev"]', 'da_future = da_future + step["da_prev"]')],
                        ["Something of the last step reaches the one before it"]),
    "overwritten": (C2, [("dWax += ", "dWax = ")], ["dWax is the share of time step 1 alone",
                                                    "What works: dx, da0, dWaa and dba."]),
    "added to itself": (C2, [('dWaa += step["dWaa"]', "dWaa += dWaa")], ["dWaa is zero everywhere"]),
    "first cache": (C2, [("cache_list[t]", "cache_list[0]")], ["when the cache of time step 2 changes"]),
    "caches[1] for the list": (C2, [("cache_list, x = caches", "cache_list, x = caches[1], caches[1]")],
                               ["In that line: da_next (6, 5), cache_list (4, 5, 7)."]),
    "forwards": (C2, [("reversed(range(T_x))", "range(T_x)")], ["a gradient has travelled with time"]),
    "first step missing": (C2, [("reversed(range(T_x))", "range(T_x - 1, 0, -1)")], ["still zero in time step 1"]),
    "one slice": (C2, [("da[:, :, t]", "da[:, :, -1]")], ["dx of time step 1 stays the same when da of time"]),
    "dx reversed": (C2, [("dx[:, :, t]", "dx[:, :, T_x - 1 - t]")], ["in reversed order of time"]),
    "dx not stored": (C2, [('        dx[:, :, t] = step["dxt"]\n', "")], ["dx is zero everywhere"]),
    "mean over steps": (C2, [('"dba": dba}', '"dba": dba / T_x}')], ["dba is the right one divided by T_x = 7"]),
    "no da0": (C2, [("da0 = da_future", "da0 = 0 * da_future")], ["da0 is zero everywhere"]),
    "T_x of x": (C2, [("n_a, m, T_x = da.shape", "n_a, m, T_x = (*da.shape[:2], x.shape[2])")],
                 ['Input: "da shorter than the forward pass"', "which has only 2 places"]),
    "the whole cube": (C2, [("da_next = da[:, :, t] + da_future", "da_next = da")], ["in rnn_cell_backward"]),
    "lane only": (C3, [("dc = dc_next + da_next * ot * (1 - tanh_c ** 2)", "dc = dc_next")],
                  ["dc_prev stays exactly the same when da_next or ot or c_next changes"]),
    "output gate left out": (C3, [("da_next * ot * (1 - tanh_c ** 2)", "da_next * (1 - tanh_c ** 2)")],
                             ["dc_prev stays exactly the same when ot changes"]),
    "output gate from dc": (C3, [("dso = da_next", "dso = dc")], ["dbo changes when dc_next changes"]),
    "update gate forgotten": (C3, [("dsc = dc * it", "dsc = dc")], ["the same when the gate `it` changes"]),
    "tanh of cct": (C3, [("(1 - cct ** 2)", "(1 - np.tanh(cct) ** 2)")], ["disagrees with the numerical gradient"]),
    "gates exchanged": (C3, [("dc * c_prev * ft * (1 - ft)", "dc * cct * it * (1 - it)")],
                        ["What you return as dbf is dbi", "Which letter and which key belong together?"]),
    "dW for W": (C3, [("np.dot(Wf.T, dsf)", "np.dot(dWf.T, dsf)")], ["stays exactly the same when Wf changes"]),
    "upside down": (C3, [("[a_prev, xt]", "[xt, a_prev]")], ["dWf has the right columns in another order"]),
    "split in the wrong place": (C3, [("dz[:n_a, :]", "dz[:xt.shape[0], :]")],
                                 ["da_prev has shape (4, 5); it should have (6, 5)"]),
    "lane without f": (C3, [("dc_prev = dc * ft", "dc_prev = dc")], ["dc_prev stays exactly the same when ft changes"]),
    "hidden lane not carried": (C4, [("da[:, :, t] + da_future", "da[:, :, t]")],
                                ["Two arrows join neighbouring cells. Is each of them carried"]),
    "neither lane carried": (C4, [("da[:, :, t] + da_future", "da[:, :, t]"), ("dc_future = step", "ignored = step")],
                             ["nothing is carried back"]),
    "overwritten sums": (C4, [("sums[name] += ", "sums[name] = ")], ["dWf is the share of time step 1 alone"]),
    "starts from da": (C4, [("da_future = np.zeros((n_a, m))", "da_future = da[:, :, -1]")],
                       ["The last time step of dx is twice what it should be"]),
    "arguments exchanged": (C4, [(CALL, CALL.replace("da_next, dc_future", "dc_future, da_next"))],
                            ["disagrees with the numerical gradient too"]),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(mistake: str) -> None:
    """Each mistake fails, with a message that names the likely bug."""
    exercise, edits, says = MISTAKES[mistake]
    text = message(public_test(exercise), solved(exercise, *edits))
    assert text.startswith(f"{FUNCTIONS[exercise]}: not right yet.")
    for part in says:
        assert part in text, text


@pytest.mark.parametrize("exercise", WRITES_INTO_DA)
def test_writing_into_da_is_pointed_at(exercise: str) -> None:
    """Right values do not excuse a function that changes da: whoever called it finds other numbers there."""
    text = message(public_test(exercise), notebook(*(PLAIN | WRITES_INTO_DA).values())[FUNCTIONS[exercise]])
    assert "changes its input da in place" in text
    assert "Does a line with +=" in text


def test_wrong_step_is_pointed_at_from_the_walk() -> None:
    """Where the walk is right and the step that it calls is not, the student is sent to the step."""
    cells = PLAIN | {C1: edited(PLAIN[C1], (SLOPE, "da_next"))}
    text = message(public_test(C2), notebook(*cells.values())[FUNCTIONS[C2]])
    assert "It calls your rnn_cell_backward, which does not pass its own test: mend that first." in text


def test_one_step_hides_what_two_steps_show() -> None:
    """A sum that is overwritten is right for a single step: the visible inputs have more than one."""
    wrong = solved(C2, ("dWax += ", "dWax = "))
    right = solved(C2)
    for case in cases(tests.RNN_LOOP.assignment, FUNCTIONS[C2]):
        agrees = np.allclose(wrong(*copied(case.arguments))["dWax"], right(*copied(case.arguments))["dWax"])
        assert agrees is (case.arguments[0].shape[2] == 1)


@pytest.mark.parametrize("exercise", tests.EXERCISES, ids=lambda e: e.function)
def test_visible_cases_cover_what_tells_bugs_apart(exercise: Any) -> None:
    """Several sizes, a batch of one, as many units as inputs; one step, two, more; loss at the end only; a short da."""
    listed = cases(exercise.assignment, exercise.function)
    read = "x" if exercise in (tests.RNN_LOOP, tests.LSTM_LOOP) else "xt"
    xs = [{name: value for name, _, value in leaves(exercise.arguments, c.arguments)}[read] for c in listed]
    units = [c.arguments[0].shape[0] for c in listed]
    assert len({units[0], *xs[0].shape}) == xs[0].ndim + 1  # all sizes different
    assert any(x.shape[1] == 1 for x in xs)
    assert any(n_a == x.shape[0] for n_a, x in zip(units, xs, strict=True))
    if read == "x":
        steps = [c.arguments[0].shape[2] for c in listed]
        assert {1, 2} < set(steps)
        assert max(steps) > 3
        assert any(not c.arguments[0][..., :-1].any() and c.arguments[0].shape[2] > 3 for c in listed)
        assert any(t < x.shape[2] for t, x in zip(steps, xs, strict=True))


NUDGES = {
    C1: (tests.RNN_CELL, tests._nudge_rnn_cell),
    C2: (tests.RNN_LOOP, tests._nudge_sequence(tests.rnn.rnn_forward, 1)),
    C3: (tests.LSTM_CELL, tests._nudge_lstm_cell),
    C4: (tests.LSTM_LOOP, tests._nudge_sequence(tests.lstm.lstm_forward, 2)),
}


@pytest.mark.parametrize("exercise", NUDGES)
def test_expected_values_are_what_a_nudge_measures(exercise: str) -> None:
    """Every stored gradient agrees with the numerical gradient of the given forward pass."""
    from rnn_utils import numerical_gradient

    contract, nudge = NUDGES[exercise]
    for case in cases(contract.assignment, contract.function):
        for name, expected in parts(contract.returns, case.expected).items():
            loss, array = nudge(copied(case.arguments), name)
            assert relative_error(numerical_gradient(loss, array), expected) < 1e-7, (case.name, name)
