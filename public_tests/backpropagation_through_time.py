"""Public tests of the third assignment: both networks backwards, one step and whole sequences."""

from collections.abc import Callable
from typing import Any

import numpy as np

from public_tests.clues import another_output, ignores, rounded
from public_tests.clues_in_time import misplaced
from public_tests.clues_of_gradients import (
    Loss,
    bias_shape,
    blocks_exchanged,
    caches_not_opened,
    follows,
    last_counted_twice,
    measured,
    not_carried_back,
    not_linear,
    nothing_in_it,
    one_share,
    runs_forwards,
    scaled,
    second_tanh,
    slice_not_read,
    steps_left_out,
    turned_over,
    weights_not_turned,
)
from public_tests.contract import Array, Exercise, Keyed, PerStep, Record
from public_tests.runner import run
from rnn_utils import lstm, rnn

_ASSIGNMENT = "backpropagation_through_time"
_STATE = Array(("n_a", "m"))
_INPUT = Array(("n_x", "m"))
_BIAS = Array(("n_a", "1"))
_GATE = Array(("n_a", "n_a + n_x"))
_DA = Array(("n_a", "m", "T_x"))
_DX = Array(("n_x", "m", "T_x"))

_RNN_PARAMETERS = Keyed(
    {
        "Wax": Array(("n_a", "n_x")),
        "Waa": Array(("n_a", "n_a")),
        "Wya": Array(("n_y", "n_a")),
        "ba": _BIAS,
        "by": Array(("n_y", "1")),
    }
)
_RNN_CACHE = Record({"a_next": _STATE, "a_prev": _STATE, "xt": _INPUT, "parameters": _RNN_PARAMETERS})
_RNN_WEIGHTS = {"dWax": Array(("n_a", "n_x")), "dWaa": Array(("n_a", "n_a")), "dba": _BIAS}

_LSTM_PARAMETERS = Keyed(
    {
        **{f"W{gate}": _GATE for gate in "fico"},
        **{f"b{gate}": _BIAS for gate in "fico"},
        "Wy": Array(("n_y", "n_a")),
        "by": Array(("n_y", "1")),
    }
)
_LSTM_CACHE = Record(
    {
        **dict.fromkeys(("a_next", "c_next", "a_prev", "c_prev", "ft", "it", "cct", "ot"), _STATE),
        "xt": _INPUT,
        "parameters": _LSTM_PARAMETERS,
    }
)
_LSTM_WEIGHTS = {f"d{kind}{gate}": node for gate in "fico" for kind, node in (("W", _GATE), ("b", _BIAS))}
_LSTM_BIASES = tuple(f"db{gate}" for gate in "fico")
_LSTM_MATRICES = tuple(f"dW{gate}" for gate in "fico")

_ARRAYS = {"dxt": "xt", "da_prev": "a_prev", "dc_prev": "c_prev"}  # what a gradient belongs to, if not a parameter


def _caches(cache: Record) -> Record:
    """Return what a forward pass leaves behind; it may have taken more steps than da has."""
    return Record({"list of caches": PerStep(cache, "T_forward"), "x": Array(("n_x", "m", "T_forward"))})


# --- losses to nudge: each result of the forward pass, weighed by what arrives ----------------------------------------


def _nudge_rnn_cell(arguments: tuple[Any, ...], name: str) -> tuple[Loss, np.ndarray] | None:
    da_next, (_, a_prev, xt, parameters) = arguments
    arrays = {"a_prev": a_prev, "xt": xt, **parameters}
    array = arrays[_ARRAYS.get(name, name[1:])]
    return lambda: float(np.sum(da_next * rnn.rnn_cell_forward(xt, a_prev, parameters)[0])), array


def _nudge_lstm_cell(arguments: tuple[Any, ...], name: str) -> tuple[Loss, np.ndarray] | None:
    da_next, dc_next, cache = arguments
    _, _, a_prev, c_prev, *_, xt, parameters = cache
    arrays = {"a_prev": a_prev, "c_prev": c_prev, "xt": xt, **parameters}

    def loss() -> float:
        a_next, c_next, _, _ = lstm.lstm_cell_forward(xt, a_prev, c_prev, parameters)
        return float(np.sum(da_next * a_next) + np.sum(dc_next * c_next))

    return loss, arrays[_ARRAYS.get(name, name[1:])]


def _nudge_sequence(forward: Callable[..., Any], old_state: int) -> Callable[..., tuple[Loss, np.ndarray] | None]:
    def nudge(arguments: tuple[Any, ...], name: str) -> tuple[Loss, np.ndarray] | None:
        da, (boxes, x) = arguments
        x = x[:, :, : da.shape[2]]
        a0, parameters = boxes[0][old_state], boxes[0][-1]
        array = {"x": x, "a0": a0, **parameters}[name[1:]]
        return lambda: float(np.sum(da * forward(x, a0, parameters)[0])), array

    return nudge


# --- the exercises: results in the order in which they are made, so that the first wrong one is what to mend ---------

RNN_CELL = Exercise(
    assignment=_ASSIGNMENT,
    id="UNQ_C1",
    function="rnn_cell_backward",
    arguments=Record({"da_next": _STATE, "cache": _RNN_CACHE}),
    returns=Keyed({"dba": _BIAS, "dWax": _RNN_WEIGHTS["dWax"], "dWaa": _RNN_WEIGHTS["dWaa"], "da_prev": _STATE,
                   "dxt": _INPUT}),
    clues=(
        rounded,
        bias_shape("dba"),
        second_tanh("dba"),
        another_output,
        nothing_in_it,
        scaled,
        turned_over,
        ignores("dba", "da_next", "a_next"),
        follows("dba", "a_prev", "xt", "Wax", "Waa"),
        not_linear("dba", "da_next"),
        ignores("dWax", "xt", "a_next"),
        ignores("dWaa", "a_prev", "a_next"),
        follows("dWaa", "xt", "Waa"),
        not_linear("dWaa", "da_next"),
        ignores("da_prev", "Waa", "a_next"),
        weights_not_turned("da_prev", "Waa"),
        not_linear("da_prev", "da_next"),
        ignores("dxt", "Wax", "a_next"),
        not_linear("dxt", "da_next"),
        measured(("dba", "dWax", "dWaa", "da_prev", "dxt"), _nudge_rnn_cell),
    ),
)  # fmt: skip

RNN_LOOP = Exercise(
    assignment=_ASSIGNMENT,
    id="UNQ_C2",
    function="rnn_backward",
    arguments=Record({"da": _DA, "caches": _caches(_RNN_CACHE)}),
    returns=Keyed({"dx": _DX, "da0": _STATE, **_RNN_WEIGHTS}),
    clues=(
        rounded,
        bias_shape("dba"),
        misplaced("dx"),
        steps_left_out("dx"),
        caches_not_opened,
        slice_not_read("dx"),
        runs_forwards("dx"),
        last_counted_twice("dx"),
        not_carried_back("dx", lanes=1),
        one_share("dWax", "dWaa", "dba"),
        nothing_in_it,
        scaled,
        measured(("dx", "da0", "dWax", "dWaa", "dba"), _nudge_sequence(rnn.rnn_forward, 1)),
    ),
    helper=RNN_CELL,
)

LSTM_CELL = Exercise(
    assignment=_ASSIGNMENT,
    id="UNQ_C3",
    function="lstm_cell_backward",
    arguments=Record({"da_next": _STATE, "dc_next": _STATE, "cache": _LSTM_CACHE}),
    returns=Keyed({"dc_prev": _STATE, **dict.fromkeys(_LSTM_BIASES, _BIAS),
                   **dict.fromkeys(_LSTM_MATRICES, _GATE), "da_prev": _STATE, "dxt": _INPUT}),
    clues=(
        rounded,
        bias_shape(*_LSTM_BIASES),
        another_output,
        nothing_in_it,
        scaled,
        blocks_exchanged(*_LSTM_MATRICES),
        ignores("dc_prev", "da_next", "dc_next", "ot", "ft", "c_next"),
        follows("dc_prev", "a_next", "it", "cct", "c_prev"),
        ignores("dbf", "da_next", "dc_next", "c_prev", "ft"),
        follows("dbf", "it", "cct", "a_next"),
        ignores("dbi", "da_next", "dc_next", "cct", "it"),
        follows("dbi", "ft", "c_prev", "a_next"),
        ignores("dbc", "da_next", "dc_next", "it", "cct"),
        follows("dbc", "ft", "c_prev", "a_next"),
        ignores("dbo", "da_next", "c_next", "ot"),
        follows("dbo", "dc_next", "ft", "it", "cct", "c_prev", "a_next"),
        *(ignores(name, "a_prev", "xt") for name in _LSTM_MATRICES),
        *(check(name, *names) for name in ("da_prev", "dxt") for check, names in (
            (ignores, ("Wf", "Wi", "Wc", "Wo")), (not_linear, ("da_next", "dc_next")))),
        measured(("dc_prev", *_LSTM_WEIGHTS, "da_prev", "dxt"), _nudge_lstm_cell),
    ),
)  # fmt: skip

LSTM_LOOP = Exercise(
    assignment=_ASSIGNMENT,
    id="UNQ_C4",
    function="lstm_backward",
    arguments=Record({"da": _DA, "caches": _caches(_LSTM_CACHE)}),
    returns=Keyed({"dx": _DX, "da0": _STATE, **_LSTM_WEIGHTS}),
    clues=(
        rounded,
        bias_shape(*_LSTM_BIASES),
        another_output,
        misplaced("dx"),
        steps_left_out("dx"),
        caches_not_opened,
        slice_not_read("dx"),
        runs_forwards("dx"),
        last_counted_twice("dx"),
        not_carried_back("dx", lanes=2),
        one_share(*_LSTM_WEIGHTS),
        nothing_in_it,
        scaled,
        measured(("dx", "da0", *_LSTM_WEIGHTS), _nudge_sequence(lstm.lstm_forward, 2)),
    ),
    helper=LSTM_CELL,
)

EXERCISES = (RNN_CELL, RNN_LOOP, LSTM_CELL, LSTM_LOOP)


def rnn_cell_backward_test(target: Any) -> None:
    """Run your ``rnn_cell_backward`` on the visible inputs and say what works and what to change.

    Raises
    ------
    PublicTestFailure
        If something is not right yet.
    """
    run(RNN_CELL, target)


def rnn_backward_test(target: Any) -> None:
    """Run your ``rnn_backward`` on the visible inputs and say what works and what to change.

    Raises
    ------
    PublicTestFailure
        If something is not right yet.
    """
    run(RNN_LOOP, target)


def lstm_cell_backward_test(target: Any) -> None:
    """Run your ``lstm_cell_backward`` on the visible inputs and say what works and what to change.

    Raises
    ------
    PublicTestFailure
        If something is not right yet.
    """
    run(LSTM_CELL, target)


def lstm_backward_test(target: Any) -> None:
    """Run your ``lstm_backward`` on the visible inputs and say what works and what to change.

    Raises
    ------
    PublicTestFailure
        If something is not right yet.
    """
    run(LSTM_LOOP, target)
