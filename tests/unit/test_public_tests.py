"""The public tests: what passes, and which message each known mistake gets."""

import numpy as np
import pytest
from student_cells import CELL_CODE, LOOP_CODE, cell, edited, loop, message, notebook

from public_tests import rnn_cell_forward_test, rnn_forward_test

PASSED = "All public tests passed. Hidden tests use other inputs.\n"

CELL_STYLES = {
    "plain": (),
    "matrix operator": (
        ("np.dot(Waa, a_prev) + np.dot(Wax, xt)", "Waa @ a_prev + Wax @ xt"),
        ("np.dot(Wya, a_next)", "Wya @ a_next"),
    ),
    "einsum": (
        ("np.dot(Waa, a_prev)", "np.einsum('ij,jk->ik', Waa, a_prev)"),
        ("np.dot(Wya, a_next)", "np.einsum('ij,jk', Wya, a_next)"),
    ),
    "stacked": (("np.dot(Waa, a_prev) + np.dot(Wax, xt)", "np.hstack([Waa, Wax]) @ np.vstack([a_prev, xt])"),),
    "float32": (
        ("Wax = parameters", "xt, a_prev = xt.astype('f'), a_prev.astype('f')\n    Wax = parameters"),
        ("np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, xt) + ba)", "np.tanh((Waa @ a_prev + Wax @ xt + ba).astype('f'))"),
        ("softmax(np.dot(Wya, a_next) + by)", "softmax(Wya.astype('f') @ a_next + by.astype('f'))"),
    ),
    "cache as a list": (("(a_next, a_prev, xt, parameters)", "[a_next, a_prev, xt, dict(parameters)]"),),
}


@pytest.mark.parametrize("edits", CELL_STYLES.values(), ids=CELL_STYLES)
def test_right_cell_passes_in_every_style(
    edits: tuple[tuple[str, str], ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """A right function passes however it is written, and exactly one known sentence is printed."""
    rnn_cell_forward_test(cell(*edits))
    assert capsys.readouterr().out == PASSED


LOOP_STYLES = {
    "plain": (),
    "lists and stack": (
        ("a = np.zeros((n_a, m, T_x))", "a = []"),
        ("y_pred = np.zeros((n_y, m, T_x))", "y_pred = []"),
        ("a[:, :, t] = a_next", "a.append(a_next)"),
        ("y_pred[:, :, t] = yt_pred", "y_pred.append(yt_pred)"),
        ("return a, y_pred, caches", "return np.stack(a, axis=2), np.stack(y_pred, axis=2), caches"),
    ),
    "float32": (
        ("np.zeros((n_a, m, T_x))", "np.zeros((n_a, m, T_x), dtype=np.float32)"),
        ("np.zeros((n_y, m, T_x))", "np.zeros((n_y, m, T_x), dtype=np.float32)"),
    ),
    "time first, then moved": (
        ("np.zeros((n_a, m, T_x))", "np.zeros((T_x, n_a, m))"),
        ("a[:, :, t] = a_next", "a[t] = a_next"),
        ("return a, ", "return np.moveaxis(a, 0, 2), "),
    ),
    "while": (("for t in range(T_x):", "t = -1\n    while t + 1 < T_x:\n        t += 1"),),
}


@pytest.mark.parametrize("edits", LOOP_STYLES.values(), ids=LOOP_STYLES)
def test_right_loop_passes_in_every_style(
    edits: tuple[tuple[str, str], ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """A right walk through time passes however it is written."""
    rnn_forward_test(loop(*edits))
    assert capsys.readouterr().out == PASSED


# --- the mistakes, and what each message must say ---------------------------------------------------------------------

SOFTMAX = "softmax(np.dot(Wya, a_next) + by)"
CELL_MISTAKES = {
    "sigmoid for tanh": ([("np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, xt) + ba)",
                           "1 / (1 + np.exp(-(Waa @ a_prev + Wax @ xt + ba)))")],
                         ["a_next is what sigmoid gives"]),
    "no tanh": ([("np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, xt) + ba)", "Waa @ a_prev + Wax @ xt + ba")],
                ["no function has been applied"]),
    "relu for tanh": ([("np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, xt) + ba)",
                        "np.maximum(0, Waa @ a_prev + Wax @ xt + ba)")], ["a_next has no negative value"]),
    "bias dropped": ([(" + ba)", ")")], ["a_next stays exactly the same when ba changes"]),
    "state dropped": ([("np.dot(Waa, a_prev) + ", "")],
                      ["a_next stays exactly the same when a_prev or Waa changes"]),
    "input dropped": ([(" + np.dot(Wax, xt)", "")], ["stays exactly the same when xt or Wax changes"]),
    "prediction's bias dropped": ([(" + by)", ")")],
                                  ["yt_pred stays exactly the same when by changes", "What works: a_next and cache."]),
    "prediction from a_prev": ([("np.dot(Wya, a_next)", "np.dot(Wya, a_prev)")],
                               ["yt_pred stays the same when a_next changes", "the one before it, or a_next?"]),
    "softmax over rows": ([("np.max(z, axis=0", "np.max(z, axis=1"), ("e.sum(axis=0", "e.sum(axis=1")],
                          ["Each row of yt_pred adds up to 1; each column, one example, should",
                           "Which axis of yt_pred runs over the classes?"]),
    "softmax over everything": ([("np.max(z, axis=0, keepdims=True)", "np.max(z)"),
                                 ("e.sum(axis=0, keepdims=True)", "e.sum()")],
                                ["All entries of yt_pred together add up to 1"]),
    "no softmax": ([(SOFTMAX, "np.dot(Wya, a_next) + by")], ["yt_pred holds scores, not probabilities"]),
    "sigmoid for softmax": ([(SOFTMAX, "1 / (1 + np.exp(-(Wya @ a_next + by)))")], ["as sigmoid does"]),
    "unsafe softmax": ([("np.exp(z - np.max(z, axis=0, keepdims=True))", "np.exp(z)")],
                       ['Input: "scores of hundreds"', "NaN among its entries", "infinity divided by infinity"]),
    "cache in another order": ([("(a_next, a_prev, xt, parameters)", "(a_prev, a_next, xt, parameters)")],
                               ["it has a_prev, a_next, xt, parameters; it should have a_next, a_prev, xt, parameters",
                                "What works: a_next and yt_pred."]),
    "cache without xt": ([("(a_next, a_prev, xt, parameters)", "(a_next, a_prev, parameters)")],
                         ["cache holds 3 values; it should hold 4", "xt is missing"]),
    "cache is None": ([("cache = (a_next, a_prev, xt, parameters)", "cache = None if True else 0")], ["cache is None"]),
    "rounded": ([("return a_next, yt_pred", "return np.round(a_next, 4), yt_pred")],
                ["The values are right to 4 digits"]),
    "changed in place": ([("Wax = parameters", "a_prev *= 1.5\n    Wax = parameters")],
                         ["changes its input a_prev in place"]),
    "parameters changed": ([("    a_next = np.tanh", "    ba += 1\n    a_next = np.tanh")],
                           ["changes its input ba in place"]),
    "parameters emptied": ([("    return a_next", "    parameters.clear()\n    return a_next")],
                           ["changes its input parameters in place"]),
    "bias flattened": ([(" + ba)", " + ba.ravel())")],
                       ["do not fit", "line 12: a_next = np.tanh", "ba (6, 1)"]),
    "summed without keepdims": ([("return a_next, yt_pred", "return a_next.sum(axis=1), yt_pred")],
                                ["a_next has shape (6,); it should have (6, 5), that is (n_a, m)"]),
    "transposed": ([("return a_next, yt_pred", "return a_next.T, yt_pred")], ["the axes are in another order"]),
    "returned in another order": ([("return a_next, yt_pred", "return yt_pred, a_next")],
                                  ["a_next has shape (3, 5)"]),
    "two values returned": ([("return a_next, yt_pred, cache", "return a_next, yt_pred")],
                            ["returns a tuple of 2 values; it should return 3 values", "a_next, yt_pred, cache"]),
    "nothing returned": ([("    return a_next, yt_pred, cache", "    done = True")], ["The function returns None"]),
    "complex": ([("return a_next,", "return a_next + 0j,")], ["dtype is complex128"]),
    "a list": ([("return a_next,", "return a_next.tolist(),")], ["a_next is a list of 6 values"]),
    "factors exchanged": ([("np.dot(Wax, xt)", "np.dot(xt, Wax)")],
                          ["inner sizes must be equal", "xt (4, 5), Wax (6, 4)"]),
    "parameter not read": ([('    Wya = parameters["Wya"]\n', "")], ["read it from the dictionary `parameters`"]),
    "key misspelt": ([('["Wax"]', '["Wxa"]')], ["no key 'Wxa'", "The keys of `parameters` are Waa, Wax, Wya, ba, by"]),
    "exit": ([("    cache = (", "    raise SystemExit\n    cache = (")], ["Take that line out"]),
    "memory of the last call": ([("def rnn_cell_forward(xt, a_prev, parameters):",
                                  "def rnn_cell_forward(xt, a_prev, parameters, seen=[]):\n    seen.append(1)"),
                                 (" + ba)", " + ba * (1 if len(seen) < 6 else 2))")],
                                ["a later call with the same input is not", "from one call to the next"]),
}  # fmt: skip


@pytest.mark.parametrize("mistake", CELL_MISTAKES)
def test_mistake_in_the_cell_is_named(mistake: str) -> None:
    """Each mistake in the function of one step fails, with a message that names the likely bug."""
    edits, says = CELL_MISTAKES[mistake]
    text = message(rnn_cell_forward_test, cell(*edits))
    assert text.startswith("rnn_cell_forward: not right yet.")
    for part in says:
        assert part in text, text


CALL = "rnn_cell_forward(x[:, :, t], a_next, parameters)"
LOOP_MISTAKES = {
    "a0 at every step": ([(CALL, "rnn_cell_forward(x[:, :, t], a0, parameters)")],
                         ["Time step 1 of a is right; later steps are not", "as if it were a first step itself",
                          "What should step 2 know about step 1?"]),
    "np.append, result lost": ([("caches.append(cache)", "np.append(caches, np.ones(3))")],
                               ["The list of caches in caches is empty; it should have 7",
                                "What works: a and y_pred.", "np.append does the second"]),
    "np.append, ragged": ([("caches.append(cache)", "caches = np.append(caches, cache)")],
                          ["ValueError in rnn_forward, line 13: caches = np.append", "parts with different shapes"]),
    "len(x)": ([("range(T_x)", "range(len(x))")],
               ["the loop stops after 4 of 7 steps", "4 is also the first size of the input",
                "Which of the three sizes counts the time steps"]),
    "one step too many": ([("range(T_x)", "range(T_x + 1)")], ["Place 7 was asked for on axis 2"]),
    "started from zeros": ([("a_next = a0", "a_next = np.zeros(a0.shape)")],
                           ["a stays exactly the same when a0 changes", "From which hidden state does step 1 start?"]),
    "whole a as state": ([(CALL, "rnn_cell_forward(x[:, :, t], a, parameters)")],
                         ["in rnn_cell_forward, which rnn_forward calls", "a_prev (6, 5, 7)"]),
    "stored one step late": ([("y_pred[:, :, t] = yt_pred", "y_pred[:, :, (t + 1) % T_x] = yt_pred")],
                             ["The values of y_pred are right, but stored one time step away"]),
    "backwards": ([("a[:, :, t] = a_next", "a[:, :, T_x - 1 - t] = a_next"),
                   ("y_pred[:, :, t] = yt_pred", "y_pred[:, :, T_x - 1 - t] = yt_pred")],
                  ["in reversed order of time"]),
    "only the last": ([("a[:, :, t] = a_next", "a[:] = a_next[:, :, None]")], ["holds the result of the last one"]),
    "caches without x": ([("caches = (caches, x)", "pass")], ["caches is the list of caches alone"]),
    "pair in another order": ([("(caches, x)", "(x, caches)")],
                              ["x, list of caches; it should have list of caches, x"]),
    "same cache": ([("caches = (caches, x)", "caches = ([cache] * T_x, x)")],
                   ["All the caches hold the same time step"]),
    "global parameter": ([('n_y, n_a = parameters["Wya"].shape', "n_y, n_a = Wya.shape")],
                         ["What to change", "`Wya` is not set inside the function"]),
    "batch first": ([("n_x, m, T_x = x.shape", "m, T_x, n_x = x.shape")],
                    ["What is stored has shape (6,5), the place for it has (6,4)"]),
    "two names for three": ([("n_x, m, T_x = x.shape", "m, T_x = x.shape")], ["three axes has a shape of three"]),
}  # fmt: skip


@pytest.mark.parametrize("mistake", LOOP_MISTAKES)
def test_mistake_in_the_loop_is_named(mistake: str) -> None:
    """Each mistake in the function of all steps fails, with a message that names the likely bug."""
    edits, says = LOOP_MISTAKES[mistake]
    text = message(rnn_forward_test, loop(*edits, Wya=np.zeros((3, 6)) if mistake == "global parameter" else None))
    assert text.startswith("rnn_forward: not right yet.")
    for part in says:
        assert part in text, text


def test_wrong_helper_is_pointed_at() -> None:
    """Where the loop is right and the step that it calls is not, the student is sent to the step."""
    wrong = edited(CELL_CODE, ("np.dot(Waa, a_prev) + ", ""))  # as if the loop never used a0
    text = message(rnn_forward_test, notebook(wrong, LOOP_CODE)["rnn_forward"])
    assert "It calls your rnn_cell_forward, which does not pass its own test: mend that first." in text
    assert "Think:" not in text  # a clue about the loop would lead away from it
