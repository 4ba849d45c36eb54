"""Public tests of the first assignment: one step of a recurrent network, and the walk through all of them."""

from typing import Any

from public_tests.clues import (
    another_output,
    axes_exchanged,
    ignores,
    not_finite,
    not_made_from,
    probabilities,
    rounded,
    squashed,
)
from public_tests.clues_in_time import cache_list, misplaced, not_carried, start_ignored, unfilled
from public_tests.contract import Array, Exercise, Keyed, PerStep, Record
from public_tests.runner import run

_ASSIGNMENT = "rnn_step_by_step"
_STATE = Array(("n_a", "m"))
_INPUT = Array(("n_x", "m"))
_INPUTS = Array(("n_x", "m", "T_x"))
_PARAMETERS = Keyed(
    {
        "Wax": Array(("n_a", "n_x")),
        "Waa": Array(("n_a", "n_a")),
        "Wya": Array(("n_y", "n_a")),
        "ba": Array(("n_a", "1")),
        "by": Array(("n_y", "1")),
    }
)
_CACHE = Record({"a_next": _STATE, "a_prev": _STATE, "xt": _INPUT, "parameters": _PARAMETERS})
_OVERFLOW = (
    "The exponential of a large number is infinity, and infinity divided by infinity is NaN. The softmax of rnn_utils "
    "is safe for large scores."
)

CELL = Exercise(
    assignment=_ASSIGNMENT,
    id="UNQ_C1",
    function="rnn_cell_forward",
    arguments=Record({"xt": _INPUT, "a_prev": _STATE, "parameters": _PARAMETERS}),
    returns=Record({"a_next": _STATE, "yt_pred": Array(("n_y", "m")), "cache": _CACHE}),
    clues=(
        rounded,
        another_output,
        axes_exchanged,
        not_finite("yt_pred", explains=_OVERFLOW),
        squashed("a_next"),
        ignores("a_next", "xt", "a_prev", "Wax", "Waa", "ba"),
        probabilities("yt_pred"),
        not_made_from("yt_pred", "a_next", via=("xt", "Wax", "ba")),
        ignores("yt_pred", "Wya", "by", "xt", "a_prev"),
    ),
)

LOOP = Exercise(
    assignment=_ASSIGNMENT,
    id="UNQ_C2",
    function="rnn_forward",
    arguments=Record({"x": _INPUTS, "a0": _STATE, "parameters": _PARAMETERS}),
    returns=Record(
        {
            "a": Array(("n_a", "m", "T_x")),
            "y_pred": Array(("n_y", "m", "T_x")),
            "caches": Record({"list of caches": PerStep(_CACHE), "x": _INPUTS}),
        }
    ),
    clues=(
        rounded,
        another_output,
        not_finite("y_pred", explains=_OVERFLOW),
        unfilled("a"),
        unfilled("y_pred"),
        misplaced("a"),
        misplaced("y_pred"),
        start_ignored("a", "a0"),
        not_carried("a", "x"),
        probabilities("y_pred"),
        squashed("a"),
        cache_list("caches", telling=0),
    ),
    helper=CELL,
)

EXERCISES = (CELL, LOOP)


def rnn_cell_forward_test(target: Any) -> None:
    """Run your ``rnn_cell_forward`` on the visible inputs and say what works and what to change.

    Raises
    ------
    PublicTestFailure
        If something is not right yet.
    """
    run(CELL, target)


def rnn_forward_test(target: Any) -> None:
    """Run your ``rnn_forward`` on the visible inputs and say what works and what to change.

    Raises
    ------
    PublicTestFailure
        If something is not right yet.
    """
    run(LOOP, target)
