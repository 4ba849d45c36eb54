"""The public tests of the fourth assignment: what passes, and which message each known mistake gets."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from student_cells import edited, message, notebook
from student_cells_types_of_rnn import (
    BRIDGE,
    BRIDGE_STYLES,
    GENERATE,
    GENERATE_STYLES,
    READ,
    READ_STYLES,
)

from public_tests import cases
from public_tests.clues_for_generating import dice
from public_tests.compare import changed
from public_tests.contract import Luck, Seed, Whole, copied, sizes
from public_tests.types_of_rnn import (
    ENCODER_DECODER,
    EXERCISES,
    MANY_TO_ONE,
    encoder_decoder_forward_test,
    many_to_one_forward_test,
    one_to_many_generate_test,
)
from rnn_utils import one_hot, sigmoid, softmax
from rnn_utils.lstm import lstm_cell_forward, lstm_forward
from rnn_utils.rnn import rnn_cell_forward, rnn_forward

PASSED = "All public tests passed. Hidden tests use other inputs.\n"
GIVEN = {
    "one_hot": one_hot,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "lstm_cell_forward": lstm_cell_forward,
    "lstm_forward": lstm_forward,
    "rnn_cell_forward": rnn_cell_forward,
    "rnn_forward": rnn_forward,
}
TESTS: dict[str, Callable[[Any], None]] = {
    "many_to_one_forward": many_to_one_forward_test,
    "one_to_many_generate": one_to_many_generate_test,
    "encoder_decoder_forward": encoder_decoder_forward_test,
}
STYLES = {
    "many_to_one_forward": READ_STYLES,
    "one_to_many_generate": GENERATE_STYLES,
    "encoder_decoder_forward": BRIDGE_STYLES,
}
PLAIN = {"many_to_one_forward": READ, "one_to_many_generate": GENERATE, "encoder_decoder_forward": BRIDGE}


def function(name: str, code: str) -> Callable[..., Any]:
    """Return a student's function, made by this cell beside the given ones."""
    return notebook(code, **GIVEN)[name]


@pytest.mark.parametrize(("name", "style"), [(name, style) for name in STYLES for style in STYLES[name]])
def test_right_answer_passes_in_every_style(name: str, style: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A right function passes however it is written, and exactly one known sentence is printed."""
    TESTS[name](function(name, STYLES[name][style]))
    assert capsys.readouterr().out == PASSED


LAST, SCORES, SOFTMAX = "a[:, :, -1]", 'np.dot(parameters["Wya"], a_last) + parameters["by"]', "softmax(scores)"
DRAW, FEED = "rng.choice(n_y, p=yt_pred[:, i])", "one_hot(indices[t], n_y)"
ROW = "        for i in range(m):\n            indices[t, i] = " + DRAW
DECODE = "lstm_cell_forward(decoder_inputs[:, :, s], a_next, c_next, decoder)"
A_BRIDGE, C_BRIDGE = "a_next = a[:, :, -1]", "c_next = c[:, :, -1]"
UNIFORM = "(rng.random({}) >= np.cumsum(yt_pred, axis=0)[:-1]).sum(axis=0)"

UNSAFE = 'z = decoder["Wy"] @ a_next + decoder["by"]\n        y_pred[:, :, s] = np.exp(z) / np.exp(z).sum(axis=0)'

MISTAKES: dict[str, dict[str, tuple[list[tuple[str, str]], list[str]]]] = {
    "many_to_one_forward": {
        "first state": ([(LAST, "a[:, :, 0]")],
                        ["y_pred stays exactly the same when the last time step of x changes",
                         "Which of the states has read the last step"]),
        "initial state": ([(LAST, "a0")], ["stays exactly the same when the last time step of x changes"]),
        "mean of the states": ([(LAST, "a.mean(axis=2)")],
                               ["not the prediction of the last hidden state", "the only one that you use?"]),
        "all predictions": ([("a, _, cache", "a, y_pred, cache"), ("y_pred = " + SOFTMAX, "pass")],
                            ["y_pred has shape (3, 5, 7); it should have (3, 5)", "There is an axis of time"]),
        "axis of time kept": ([("return y_pred, cache", "return y_pred[:, :, None], cache")],
                              ["y_pred has shape (3, 5, 1)", "There is an axis of time"]),
        "a0 ignored": ([("= rnn_forward(x, a0", "= rnn_forward(x, 0 * a0")],
                       ["y_pred stays exactly the same when a0 changes"]),
        "bias dropped": ([(' + parameters["by"]', "")], ["y_pred stays exactly the same when by changes"]),
        "no softmax": ([(SOFTMAX, "scores")], ["y_pred holds scores, not probabilities"]),
        "softmax over rows": ([(SOFTMAX, "softmax(scores, axis=1)")], ["Each row of y_pred adds up to 1"]),
        "softmax over everything": ([(SOFTMAX, "np.exp(scores) / np.exp(scores).sum()")],
                                    ["All entries of y_pred together add up to 1"]),
        "sigmoid": ([(SOFTMAX, "sigmoid(scores)")], ["as sigmoid does"]),
        "unsafe softmax": ([(SOFTMAX, "np.exp(scores) / np.exp(scores).sum(axis=0)")],
                           ['Input: "scores of hundreds"', "NaN among its entries", "infinity divided by infinity"]),
        "last cache only": ([("return y_pred, cache", "return y_pred, cache[0][-1]")],
                            ["cache holds 4 values; it should hold 2", "What works: y_pred."]),
        "list alone": ([("return y_pred, cache", "return y_pred, cache[0]")], ["cache is the list of caches alone"]),
        "only the prediction": ([("return y_pred, cache", "return y_pred")],
                                ["should return 2 values, in this order: y_pred, cache"]),
        "transposed": ([("return y_pred, cache", "return y_pred.T, cache")], ["the axes are in another order"]),
    },
    "one_to_many_generate": {
        "x0 at every step": ([(FEED, "x0")], ["it reads x0 in every step", "What does the network read in step 2"]),
        "state not carried": ([("(xt, a_next, parameters)", "(xt, a0, parameters)")],
                              ["its state is not handed on", "beside the symbol?"]),
        "a0 ignored": ([("a_next = a0", "a_next = 0 * a0")], ["when a0 is replaced by zeros: a0 is not used"]),
        "x0 ignored": ([("xt = x0", "xt = 0 * x0")], ["when x0 is replaced by zeros: x0 is not used"]),
        "exchanged axes": ([("return indices", "return indices.T")],
                           ["indices has shape (5, 7); it should have (7, 5), that is (steps, m)",
                            "the axes are in another order"]),
        "first input kept": ([("return indices", "return np.vstack([x0.argmax(axis=0), indices[:-1]])")],
                             ["one row too low", "Which row of indices"]),
        "reversed": ([("return indices", "return indices[::-1]")], ["in reversed order of time"]),
        "last step missing": ([("range(steps)", "range(steps - 1)")], ["the last is zero", "How many steps"]),
        "first example for all": ([(DRAW, "rng.choice(n_y, p=yt_pred[:, 0])")], ["not the right values"]),
        "uniform": ([(DRAW, "rng.choice(n_y)")], ["not the right values"]),
        "prediction fed back": ([(FEED, "yt_pred")], ["the very symbol that is kept in indices?"]),
        "drawn twice": ([(FEED, "one_hot(np.array([rng.choice(n_y, p=q) for q in yt_pred.T]), n_y)")],
                        ["the very symbol that is kept in indices?"]),
        "likeliest": ([(DRAW, "np.argmax(yt_pred[:, i])")],
                      ["your function says symbol 0 every time: always the likeliest", "What works: the 5 visible"]),
        "one die for the batch": ([(ROW, "        indices[t] = " + UNIFORM.format(""))],
                                  ["all examples get the same symbol in each step", "how many dice"]),
        "temperature": ([(DRAW, "rng.choice(n_y, p=yt_pred[:, i]**3 / (yt_pred[:, i]**3).sum())")],
                        ["the symbols come with the shares 0.8"]),
        "new generator in each step": ([(ROW, "        indices[t] = " + UNIFORM.format("m").replace(
                                            "rng", "np.random.default_rng(0)"))],
                                       ["hangs on the luck of step 1", "is a generator made anew"]),
        "numpy's own luck": ([(DRAW, "np.random.choice(n_y, p=yt_pred[:, i])")],
                             ["generators of the same seed give different symbols", "drawn from rng"]),
        "a seed of one's own": ([("    xt = x0", "    rng = np.random.default_rng(0)\n    xt = x0")],
                                ["different seeds give the very same symbols"]),
        "floats": ([("return indices", "return indices.astype(float)")],
                   ["its dtype is float64; it should hold integers (int)", "A symbol is the place of a row"]),
        "a list": ([("return indices", "return list(indices)")], ["indices is a list of 7 values"]),
        "nothing returned": ([("    return indices", "    done = True")],
                             ["The function returns None", "`return indices`"]),
    },
    "encoder_decoder_forward": {
        "nothing crosses": ([(A_BRIDGE, "a_next = a0"), (C_BRIDGE, "c_next = 0 * a0")],
                            ["stays exactly the same when x changes", "knows nothing of the encoder"]),
        "only a crosses": ([(C_BRIDGE, "c_next = 0 * a0")],
                           ["the cell state does not cross the bridge", "Which two arrays"]),
        "only c crosses": ([(A_BRIDGE, "a_next = a0")], ["the hidden state does not cross the bridge"]),
        "a on both lanes": ([(C_BRIDGE, "c_next = a[:, :, -1]")], ["the cell state does not cross the bridge"]),
        "c on both lanes": ([(A_BRIDGE, "a_next = c[:, :, -1]")], ["off from the decoder's first step on"]),
        "first states": ([(A_BRIDGE, "a_next = a[:, :, 0]"), (C_BRIDGE, "c_next = c[:, :, 0]")],
                         ["same when the last time step of x changes", "At which of the encoder's steps"]),
        "a0 ignored": ([("(x, a0, encoder)", "(x, 0 * a0, encoder)")], ["stays exactly the same when a0 changes"]),
        "states not carried": ([("a_next, c_next, yt_pred", "_, _, yt_pred")],
                               ["Time step 1 of y_pred is right; later steps are not",
                                "What should step 2 know about step 1?"]),
        "loop over T_x": ([("range(T_y)", "range(x.shape[2])")], ["the loop stops after 7 of 9 steps"]),
        "stored backwards": ([("y_pred[:, :, s] =", "y_pred[:, :, -1 - s] =")], ["in reversed order of time"]),
        "unsafe softmax": ([("yt_pred, cache = ", "_, cache = "), ("y_pred[:, :, s] = yt_pred", UNSAFE)],
                           ["infinity divided by infinity"]),
        "caches exchanged": ([("(encoder_caches, (decoder_list, decoder_inputs))",
                               "((decoder_list, decoder_inputs), encoder_caches)")],
                             ["it has the decoder's caches, the encoder's caches", "What works: y_pred."]),
        "caches left empty": ([("decoder_list.append(cache)", "np.append(decoder_list, 1)")],
                              ["The list of the decoder's caches in", "is empty; it should have 9"]),
        "decoder's caches alone": ([("caches = (encoder_caches, (decoder_list, decoder_inputs))",
                                     "caches = decoder_list")], ["caches holds 9 values; it should hold 2"]),
        "decoder reads x": ([("decoder_inputs[:, :, s]", "x[:, :, s]")], ["do not fit"]),
        "encoder's parameters": ([(DECODE, DECODE.replace("c_next, decoder", "c_next, encoder"))], ["do not fit"]),
    },
}  # fmt: skip


@pytest.mark.parametrize(("name", "mistake"), [(name, mistake) for name in MISTAKES for mistake in MISTAKES[name]])
def test_mistake_is_named(name: str, mistake: str) -> None:
    """Each mistake fails, with a message that names the likely bug."""
    edits, says = MISTAKES[name][mistake]
    text = message(TESTS[name], function(name, edited(PLAIN[name], *edits)))
    assert text.startswith(f"{name}: not right yet.")
    for part in says:
        assert part in text, text


def test_probes_of_sampling_never_refuse_a_right_way() -> None:
    """With five hundred other seeds in the place of the fixed ones, right ways of drawing pass all probes."""
    right = function("one_to_many_generate", GENERATE_STYLES["cumulated probabilities"])
    for shift in range(500):
        stream = np.random.default_rng(shift)
        seeds = {number: int(stream.integers(2**40)) for number in range(10)}

        def reseeded(x0: Any, a0: Any, p: Any, steps: int, rng: Any, seeds: dict[int, int] = seeds) -> Any:
            given = next(
                n for n in range(10) if np.random.default_rng(n).bit_generator.state == rng.bit_generator.state
            )
            return right(x0, a0, p, steps, np.random.default_rng(seeds[given]))

        assert dice(reseeded) == ""


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.function)
def test_visible_cases_cover_what_tells_bugs_apart(exercise: Any) -> None:
    """Several sizes: all different, a batch of one, one step, n_a = n_x, n_y = 1; no state and no bias is zero."""
    listed = [sizes(exercise, case.arguments) for case in cases.cases("types_of_rnn", exercise.function)]
    generating = exercise.function == "one_to_many_generate"
    first = [number for letter, number in listed[0].items() if not (generating and letter == "n_x")]
    assert len(set(first)) == len(first)
    steps = "steps" if generating else "T_x"
    assert any(s["m"] == 1 for s in listed)
    assert any(s[steps] == 1 for s in listed)
    assert any(s["n_a"] == s["n_x"] for s in listed)
    assert any(s["n_y"] == 1 for s in listed)
    assert listed[0][steps] >= 3
    if exercise is ENCODER_DECODER:
        assert any(s["T_y"] < s["T_x"] for s in listed)
        assert any(s["T_y"] > s["T_x"] for s in listed)
    for case in cases.cases("types_of_rnn", exercise.function):
        start = case.arguments[2 if exercise is ENCODER_DECODER else 1]
        assert np.abs(start).max() > 0.1


def test_expected_values_agree_with_plain_loops() -> None:
    """The stored values are what the formulas give, written out a second time, one example after the other."""
    for case in cases.cases("types_of_rnn", MANY_TO_ONE.function):
        x, a0, p = case.arguments
        for i in range(x.shape[1]):
            state = a0[:, i]
            for t in range(x.shape[2]):
                state = np.tanh(p["Waa"].dot(state) + p["Wax"].dot(x[:, i, t]) + p["ba"][:, 0])
            z = p["Wya"].dot(state) + p["by"][:, 0]
            np.testing.assert_allclose(
                case.expected[0][:, i], np.exp(z - z.max()) / np.exp(z - z.max()).sum(), atol=1e-12
            )
    for case in cases.cases("types_of_rnn", ENCODER_DECODER.function):
        x, fed, a0, encoder, decoder = case.arguments
        for i in range(x.shape[1]):
            a, c = a0[:, i], 0 * a0[:, i]
            for p, inputs in ((encoder, x), (decoder, fed)):
                for t in range(inputs.shape[2]):
                    z = np.r_[a, inputs[:, i, t]]
                    f, u, o = (1 / (1 + np.exp(-p[f"W{g}"].dot(z) - p[f"b{g}"][:, 0])) for g in "fio")
                    c = f * c + u * np.tanh(p["Wc"].dot(z) + p["bc"][:, 0])
                    a = o * np.tanh(c)
                    if p is decoder:
                        s = p["Wy"].dot(a) + p["by"][:, 0]
                        right = np.exp(s - s.max()) / np.exp(s - s.max()).sum()
                        np.testing.assert_allclose(case.expected[0][:, i, t], right, atol=1e-12)


def test_seeds_and_numbers_survive_the_data_file() -> None:
    """Whole numbers and seeds come back from the layout as they went in; a copy of a seed is a fresh generator."""
    arrays: dict[str, np.ndarray] = {}
    assert cases.decoded(cases.encoded((3, Seed(7)), arrays), arrays) == (3, Seed(7))
    one, other = copied((Seed(7), Seed(7)))
    assert one is not other
    assert one.random() == other.random() == np.random.default_rng(7).random()
    assert changed(Whole("steps"), 3, 3) == changed(Luck(), Seed(1), one) == []
    with pytest.raises(TypeError, match="not a bool"):
        cases.encoded(True, arrays)  # noqa: FBT003
