"""Public tests of the second assignment: one step of an LSTM, and the walk through all of them."""

from typing import Any

from public_tests.clues import (
    another_output,
    axes_exchanged,
    ignores,
    not_finite,
    not_made_from,
    probabilities,
    rounded,
)
from public_tests.clues_for_gates import after_the_gates, gates, handed_on, never_filled, one_array, stored, upside_down
from public_tests.clues_in_time import cache_list, misplaced, not_carried, start_ignored, unfilled
from public_tests.contract import Array, Exercise, Keyed, PerStep, Record
from public_tests.runner import run

_ASSIGNMENT = "lstm_step_by_step"
_STATE = Array(("n_a", "m"))
_INPUT = Array(("n_x", "m"))
_INPUTS = Array(("n_x", "m", "T_x"))
_WEIGHT = Array(("n_a", "n_a + n_x"))
_BIAS = Array(("n_a", "1"))
_PARAMETERS = Keyed(
    {
        "Wf": _WEIGHT,
        "bf": _BIAS,
        "Wi": _WEIGHT,
        "bi": _BIAS,
        "Wc": _WEIGHT,
        "bc": _BIAS,
        "Wo": _WEIGHT,
        "bo": _BIAS,
        "Wy": Array(("n_y", "n_a")),
        "by": Array(("n_y", "1")),
    }
)
_CACHE = Record(
    {
        "a_next": _STATE,
        "c_next": _STATE,
        "a_prev": _STATE,
        "c_prev": _STATE,
        "ft": _STATE,
        "it": _STATE,
        "cct": _STATE,
        "ot": _STATE,
        "xt": _INPUT,
        "parameters": _PARAMETERS,
    }
)
_BIASES = {"ft": "bf", "it": "bi", "cct": "bc", "ot": "bo"}  # nudged, each should move one drawer of the cache
_OVERFLOW = (
    "The exponential of a large number is infinity, and infinity divided by infinity is NaN. The softmax of rnn_utils "
    "is safe for large scores."
)

CELL = Exercise(
    assignment=_ASSIGNMENT,
    id="UNQ_C1",
    function="lstm_cell_forward",
    arguments=Record({"xt": _INPUT, "a_prev": _STATE, "c_prev": _STATE, "parameters": _PARAMETERS}),
    returns=Record({"a_next": _STATE, "c_next": _STATE, "yt_pred": Array(("n_y", "m")), "cache": _CACHE}),
    clues=(
        rounded,
        another_output,
        axes_exchanged,
        not_finite("yt_pred", explains=_OVERFLOW),
        upside_down("Wf", "Wi", "Wc", "Wo", state="a_prev"),
        gates("cache", _BIASES, ("a_next", "c_next")),
        ignores("c_next", "c_prev"),
        ignores("a_next", "c_prev"),
        after_the_gates(
            "cache",
            _BIASES,
            {
                "c_next": (("ft", "it", "cct"), "What does the old cell state meet on its lane, first and second?"),
                "a_next": (("ot",), "Which gate and which function stand between c_next and a_next?"),
            },
        ),
        probabilities("yt_pred"),
        not_made_from("yt_pred", "a_next", via=("bo", "bc")),
        ignores("yt_pred", "Wy", "by", "bo"),
    ),
)

LOOP = Exercise(
    assignment=_ASSIGNMENT,
    id="UNQ_C2",
    function="lstm_forward",
    arguments=Record({"x": _INPUTS, "a0": _STATE, "parameters": _PARAMETERS}),
    returns=Record(
        {
            "a": Array(("n_a", "m", "T_x")),
            "y": Array(("n_y", "m", "T_x")),
            "c": Array(("n_a", "m", "T_x")),
            "caches": Record({"list of caches": PerStep(_CACHE), "x": _INPUTS}),
        }
    ),
    clues=(
        rounded,
        one_array("a", "c"),
        unfilled("a"),
        unfilled("y"),
        unfilled("c"),
        misplaced("a"),
        misplaced("y"),
        misplaced("c"),
        stored("a", "a_next", "caches"),
        stored("c", "c_next", "caches"),
        never_filled("a"),
        never_filled("y"),
        another_output,
        not_finite("y", explains=_OVERFLOW),
        start_ignored("a", "a0"),
        handed_on("caches", "x"),
        not_carried("a", "x"),
        probabilities("y"),
        cache_list("caches", telling=0),
    ),
    helper=CELL,
)

EXERCISES = (CELL, LOOP)


def lstm_cell_forward_test(target: Any) -> None:
    """Run your ``lstm_cell_forward`` on the visible inputs and say what works and what to change.

    Raises
    ------
    PublicTestFailure
        If something is not right yet.
    """
    run(CELL, target)


def lstm_forward_test(target: Any) -> None:
    """Run your ``lstm_forward`` on the visible inputs and say what works and what to change.

    Raises
    ------
    PublicTestFailure
        If something is not right yet.
    """
    run(LOOP, target)
