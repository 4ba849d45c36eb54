"""The public tests of the second assignment: what passes, and which message each mistake gets."""

import math
from typing import Any

import numpy as np
import pytest
from student_cells import edited, message, notebook
from student_cells_lstm_step_by_step import CELL_CODE, CELL_STYLES, LOOP_CODE, LOOP_STYLES

from public_tests import cases, lstm_cell_forward_test, lstm_forward_test
from public_tests.contract import sizes
from public_tests.lstm_step_by_step import CELL, EXERCISES
from rnn_utils import sigmoid, softmax

PASSED = "All public tests passed. Hidden tests use other inputs.\n"


def cell(*edits: tuple[str, str]) -> Any:
    """Return the student's function of one step after these edits."""
    return notebook(edited(CELL_CODE, *edits), sigmoid=sigmoid, softmax=softmax)["lstm_cell_forward"]


def loop(*edits: tuple[str, str], code: str = LOOP_CODE, **names: Any) -> Any:
    """Return the student's function of all steps after these edits, their function of one step being right."""
    return notebook(CELL_CODE, edited(code, *edits), sigmoid=sigmoid, softmax=softmax, **names)["lstm_forward"]


@pytest.mark.parametrize("code", CELL_STYLES.values(), ids=CELL_STYLES)
def test_right_cell_passes_in_every_style(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A right function of one step passes however it is written, and exactly one known sentence is printed."""
    lstm_cell_forward_test(notebook(code, sigmoid=sigmoid, softmax=softmax)["lstm_cell_forward"])
    assert capsys.readouterr().out == PASSED


@pytest.mark.parametrize("code", LOOP_STYLES.values(), ids=LOOP_STYLES)
def test_right_loop_passes_in_every_style(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A right walk through time passes however it is written."""
    lstm_forward_test(loop(code=code))
    assert capsys.readouterr().out == PASSED


# --- the mistakes, and what each message must say ---------------------------------------------------------------------

FORGET, UPDATE = "ft = sigmoid(np.dot(Wf, z) + bf)", "it = sigmoid(np.dot(Wi, z) + bi)"
CANDIDATE, OUTPUT = "cct = np.tanh(np.dot(Wc, z) + bc)", "ot = sigmoid(np.dot(Wo, z) + bo)"
C_NEXT, A_NEXT = "c_next = ft * c_prev + it * cct", "a_next = ot * np.tanh(c_next)"
PREDICTION = "softmax(np.dot(Wy, a_next) + by)"
CACHE = "(a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)"
CELL_MISTAKES = {
    "output gate forgotten": ([(A_NEXT, "a_next = np.tanh(c_next)")],
                              ["What works: c_next.", "a_next stays exactly the same when `ot` changes"]),
    "no tanh on the way out": ([(A_NEXT, "a_next = ot * c_next")],
                               ["`ot` and `c_next` are right: look at the line that makes a_next"]),
    "old cell state dropped": ([(C_NEXT, "c_next = it * cct")], ["stays exactly the same when c_prev changes"]),
    "forget gate unused": ([(C_NEXT, "c_next = c_prev + it * cct")],
                           ["c_next stays exactly the same when `ft` changes"]),
    "update gate unused": ([(C_NEXT, "c_next = ft * c_prev + cct")],
                           ["c_next stays exactly the same when `it` changes"]),
    "gates exchanged": ([(C_NEXT, "c_next = it * c_prev + ft * cct")],
                        ["`ft`, `it`, `cct` and `ot` are right: look at the line that makes c_next"]),
    "cell state squashed": ([(C_NEXT, "c_next = np.tanh(ft * c_prev + it * cct)")],
                            ["All values of c_next lie between -1 and 1; some should not"]),
    "candidate through sigmoid": ([(CANDIDATE, CANDIDATE.replace("np.tanh", "sigmoid"))],
                                  ["`cct` in your cache has no negative value", "Which function does the formula"]),
    "gate through tanh": ([(FORGET, FORGET.replace("sigmoid", "np.tanh"))],
                          ["`ft` in your cache has negative values: a gate lies between 0 and 1"]),
    "candidate without a function": ([(CANDIDATE, "cct = np.dot(Wc, z) + bc")],
                                     ["`cct` in your cache has values outside the range from -1 to 1"]),
    "bias of another gate": ([(UPDATE, UPDATE.replace("+ bi", "+ bf"))],
                             ["When only bf changes", "`ft` and `it`. It should be `ft` alone"]),
    "weights of another gate": ([(OUTPUT, OUTPUT.replace("Wo", "Wc"))],
                                ["When only Wc changes", "`cct` and `ot`. It should be `cct` alone"]),
    "bias dropped": ([(FORGET, FORGET.replace(" + bf", ""))], ["When only bf changes", ": nothing. It should be"]),
    "gate turned around": ([(FORGET, "ft = 1 - sigmoid(np.dot(Wf, z) + bf)")],
                           ["In your cache `ft` is wrong; `it`, `cct` and `ot` are right"]),
    "input on top": ([("[a_prev, xt]", "[xt, a_prev]")],
                     ["With the first columns of Wf, Wi, Wc, Wo moved behind the others, your results would be right",
                      "Which of the two stands on top"]),
    "side by side": ([("axis=0", "axis=1")], ["ValueError in lstm_cell_forward", "a_prev (6, 5), xt (4, 5)"]),
    "matrix product on the lane": ([("ft * c_prev", "np.dot(ft, c_prev)")], ["inner sizes must be equal"]),
    "states returned in another order": ([("return a_next, c_next", "return c_next, a_next")],
                                         ["What you return as a_next is c_next"]),
    "prediction from the lane": ([("np.dot(Wy, a_next)", "np.dot(Wy, c_next)")],
                                 ["What works: a_next, c_next and cache.", "yt_pred stays exactly the same when bo"]),
    "prediction from before": ([("np.dot(Wy, a_next)", "np.dot(Wy, a_prev)")],
                               ["yt_pred stays the same when a_next changes"]),
    "sigmoid for softmax": ([(PREDICTION, "sigmoid(np.dot(Wy, a_next) + by)")], ["as sigmoid does"]),
    "softmax over rows": ([(PREDICTION, "softmax((np.dot(Wy, a_next) + by).T).T")],
                          ["Each row of yt_pred adds up to 1"]),
    "no softmax": ([(PREDICTION, "np.dot(Wy, a_next) + by")], ["yt_pred holds scores, not probabilities"]),
    "unsafe softmax": ([(PREDICTION, "np.exp(Wy @ a_next + by) / np.exp(Wy @ a_next + by).sum(axis=0)")],
                       ['Input: "scores of hundreds"', "infinity divided by infinity"]),
    "cache in another order": ([(CACHE, "(c_next, a_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)")],
                               ["cache holds the right values in another order: it has c_next, a_next, a_prev"]),
    "cache without the gates": ([(CACHE, "(a_next, c_next, a_prev, c_prev, xt, parameters)")],
                                ["cache holds 6 values; it should hold 10", "ft and it and cct and ot are missing"]),
    "bias flattened": ([("np.dot(Wf, z) + bf", "np.dot(Wf, z) + bf.ravel()")], ["do not fit", "bf (6, 1)"]),
    "changed in place": ([(C_NEXT, "c_prev *= ft\n    c_next = c_prev + it * cct")],
                         ["changes its input c_prev in place"]),
    "rounded": ([("return a_next, c_next", "return a_next, np.round(c_next, 4)")],
                ["c_next", "right to 4 digits"]),
    "key misspelt": ([('parameters["Wo"]', 'parameters["Wu"]')], ["no key 'Wu'", "Wc, Wf, Wi, Wo, Wy"]),
}  # fmt: skip


@pytest.mark.parametrize("mistake", CELL_MISTAKES)
def test_mistake_in_the_cell_is_named(mistake: str) -> None:
    """Each mistake in the function of one step fails, with a message that names the likely bug."""
    edits, says = CELL_MISTAKES[mistake]
    text = message(lstm_cell_forward_test, cell(*edits))
    assert text.startswith("lstm_cell_forward: not right yet.")
    for part in says:
        assert part in text, text


CALL = "lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)"
LOOP_MISTAKES = {
    "one array, two names": ([("    c = np.zeros((n_a, m, T_x))", "    c = a")],
                             ["a and c share their memory", "What works: y, c and caches."]),
    "three names in one line": ([("    a = np.zeros((n_a, m, T_x))\n", ""),
                                 ("    c = np.zeros((n_a, m, T_x))", "    a = c = np.zeros((n_a, m, T_x))")],
                                ["a and c share their memory"]),
    "hidden state from zeros": ([("a_next = a0", "a_next = np.zeros((n_a, m))")],
                                ["a stays exactly the same when a0 changes: a0 is never used"]),
    "cell state from a0": ([("c_next = np.zeros((n_a, m))", "c_next = a0")],
                           ["Step 1 is given another cell state than it should be"]),
    "a0 at every step": ([(CALL, CALL.replace("a_next", "a0"))],
                         ["Step 2 is given another hidden state than step 1 returned"]),
    "cell state not carried": ([(CALL, CALL.replace("c_next", "np.zeros((n_a, m))"))],
                               ["Step 2 is given another cell state than step 1 returned", "are both renewed?"]),
    "states exchanged": ([(CALL, CALL.replace("a_next, c_next", "c_next, a_next"))],
                         ["Step 1 is given another hidden state than it should be"]),
    "the first input always": ([(CALL, CALL.replace(", t]", ", 0]"))],
                               ["Step 2 reads another input than x[:, :, 1]"]),
    "backwards": ([("range(T_x)", "reversed(range(T_x))")], ["Step 1 reads another input than x[:, :, 0]"]),
    "len(x)": ([("range(T_x)", "range(len(x))")], ["the loop stops after 4 of 7 steps", "first size of the input"]),
    "first step missing": ([("range(T_x)", "range(1, T_x)")],
                           ["Time step 1 of a is still zero", "With which step does your loop begin?"]),
    "hidden states not stored": ([("        a[:, :, t] = a_next\n", "")],
                                 ["every step made the right a_next; what stands in a is still zero"]),
    "predictions not stored": ([("        y[:, :, t] = yt_pred\n", "")], ["y is zero everywhere"]),
    "hidden states stored twice": ([("c[:, :, t] = c_next", "c[:, :, t] = a_next")],
                                   ["every step made the right c_next; what stands in c is a"]),
    "cell state one step late": ([("c[:, :, t] = c_next", "c[:, :, (t + 1) % T_x] = c_next")],
                                 ["The values of c are right, but stored one time step away"]),
    "returned in another order": ([("return a, y, c, caches", "return a, c, y, caches")],
                                  ["What you return as y is c"]),
    "three values returned": ([("return a, y, c, caches", "return a, y, caches")],
                              ["it should return 4 values, in this order: a, y, c, caches"]),
    "three names for four": ([("a_next, c_next, yt_pred, cache = ", "a_next, yt_pred, cache = ")],
                             ["Count both"]),
    "np.append, result lost": ([("caches.append(cache)", "np.append(caches, np.ones(3))")],
                               ["The list of caches is empty at the end"]),
    "caches without x": ([("caches = (caches, x)", "pass")], ["caches is the list of caches alone"]),
    "same cache": ([("caches = (caches, x)", "caches = ([cache] * T_x, x)")],
                   ["All the caches hold the same time step"]),
    "global parameter": ([('n_y, n_a = parameters["Wy"].shape', "n_y, n_a = Wy.shape")],
                         ["`Wy` is not set inside the function"]),
}  # fmt: skip


@pytest.mark.parametrize("mistake", LOOP_MISTAKES)
def test_mistake_in_the_loop_is_named(mistake: str) -> None:
    """Each mistake in the function of all steps fails, with a message that names the likely bug."""
    edits, says = LOOP_MISTAKES[mistake]
    text = message(lstm_forward_test, loop(*edits, Wy=np.zeros((3, 6)) if mistake == "global parameter" else None))
    assert text.startswith("lstm_forward: not right yet.")
    for part in says:
        assert part in text, text


def test_wrong_cell_is_pointed_at() -> None:
    """Where the loop is right and the step that it calls is not, the student is sent to the step."""
    wrong = edited(CELL_CODE, (C_NEXT, "c_next = it * cct"))
    target = notebook(wrong, LOOP_CODE, sigmoid=sigmoid, softmax=softmax)["lstm_forward"]
    text = message(lstm_forward_test, target)
    assert "It calls your lstm_cell_forward, which does not pass its own test: mend that first." in text
    assert "Think:" not in text


# --- the visible cases ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.function)
def test_visible_cases_cover_what_tells_bugs_apart(exercise: Any) -> None:
    """Several sizes, never just one; no initial state and no bias is zero anywhere; cell states exceed 1."""
    listed = cases.cases(exercise.assignment, exercise.function)
    found = [sizes(exercise, case.arguments) for case in listed]
    assert len(set(found[0].values())) == len(found[0])  # all sizes different in the first
    assert any(s["m"] == 1 for s in found)
    assert any(s["n_a"] == s["n_x"] for s in found)
    assert any(s["n_y"] == 1 for s in found)
    for case in listed:
        assert all(np.abs(state).max() > 0.1 for state in case.arguments[1:-1])
        assert all(np.abs(case.arguments[-1][f"b{gate}"]).max() > 0.01 for gate in "ficoy")
    if exercise is CELL:
        assert max(np.abs(case.arguments[2]).max() for case in listed) > 1
    else:
        assert any(s["T_x"] == 1 for s in found)
        assert any(s["T_x"] < s["n_x"] for s in found)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.function)
def test_expected_values_agree_with_plain_loops(exercise: Any) -> None:
    """The stored values are what the formulas give, written out a second time number by number."""
    for case in cases.cases(exercise.assignment, exercise.function):
        x, hidden, p = case.arguments[0], case.arguments[1], case.arguments[-1]
        held = case.arguments[2] if exercise is CELL else np.zeros(hidden.shape)
        steps = x[..., None] if exercise is CELL else x
        if exercise is CELL:
            a, c, y = (value[..., None] for value in case.expected[:3])
        else:
            a, y, c = case.expected[:3]
        for t in range(steps.shape[2]):
            for j in range(steps.shape[1]):
                new_a, new_c, new_y = by_hand(steps[:, j, t], hidden[:, j], held[:, j], p)
                np.testing.assert_allclose(a[:, j, t], new_a, rtol=1e-9, atol=1e-12)
                np.testing.assert_allclose(c[:, j, t], new_c, rtol=1e-9, atol=1e-12)
                np.testing.assert_allclose(y[:, j, t], new_y, rtol=1e-9, atol=1e-12)
            hidden, held = a[..., t], c[..., t]


def by_hand(xt: Any, hidden: Any, held: Any, p: Any) -> tuple[list[float], list[float], list[float]]:
    """Return both states and the prediction of one example, with the standard library's numbers alone."""
    new_a, new_c = [], []
    seen = [float(v) for v in hidden] + [float(v) for v in xt]
    for unit in range(len(hidden)):
        total = {
            gate: math.fsum(float(w) * v for w, v in zip(p[f"W{gate}"][unit], seen, strict=True))
            + float(p[f"b{gate}"][unit, 0])
            for gate in "fico"
        }
        opened = {gate: 1 / (1 + math.exp(-total[gate])) for gate in "fio"}
        new_c.append(opened["f"] * float(held[unit]) + opened["i"] * math.tanh(total["c"]))
        new_a.append(opened["o"] * math.tanh(new_c[-1]))
    scores = [
        math.fsum(float(w) * v for w, v in zip(row, new_a, strict=True)) + float(b)
        for row, b in zip(p["Wy"], p["by"][:, 0], strict=True)
    ]
    powers = [math.exp(score - max(scores)) for score in scores]
    return new_a, new_c, [power / math.fsum(powers) for power in powers]
