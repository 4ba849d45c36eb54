"""Public tests of the fourth assignment: many to one, one to many, encoder and decoder."""

from typing import Any

import numpy as np

from public_tests.clues import (
    Clue,
    Evidence,
    Finder,
    axes_exchanged,
    close,
    ignores,
    moved,
    not_finite,
    probabilities,
    rounded,
    usable,
)
from public_tests.clues_for_generating import (
    dice,
    first_step_right,
    no_symbols,
    one_step_off,
    unused,
    what_is_read,
    what_is_remembered,
)
from public_tests.clues_in_time import cache_list, misplaced, not_carried, unfilled
from public_tests.contract import Alone, Array, Exercise, Keyed, Luck, PerStep, Record, Whole, copied
from public_tests.runner import run

_ASSIGNMENT = "types_of_rnn"
_STATE = Array(("n_a", "m"))
_INPUT = Array(("n_x", "m"))
_INPUTS = Array(("n_x", "m", "T_x"))
_BIAS = Array(("n_a", "1"))
_PARAMETERS = Keyed(
    {
        "Wax": Array(("n_a", "n_x")),
        "Waa": Array(("n_a", "n_a")),
        "Wya": Array(("n_y", "n_a")),
        "ba": _BIAS,
        "by": Array(("n_y", "1")),
    }
)
_CACHE = Record({"a_next": _STATE, "a_prev": _STATE, "xt": _INPUT, "parameters": _PARAMETERS})
_OVERFLOW = (
    "The exponential of a large number is infinity, and infinity divided by infinity is NaN. The softmax of rnn_utils "
    "is safe for large scores."
)


def _lstm(inputs: str, classes: str) -> Keyed:
    """Return the layout of an LSTM's parameters."""
    gates = {f"{kind}{gate}": _BIAS if kind == "b" else Array(("n_a", f"n_a + {inputs}"))
             for gate in "fico" for kind in "Wb"}  # fmt: skip
    return Keyed({**gates, "Wy": Array((classes, "n_a")), "by": Array((classes, "1"))})


def _lstm_cache(inputs: str, parameters: Keyed) -> Record:
    """Return the layout of the cache of one step of an LSTM."""
    states = dict.fromkeys(("a_next", "c_next", "a_prev", "c_prev", "ft", "it", "cct", "ot"), _STATE)
    return Record({**states, "xt": Array((inputs, "m")), "parameters": parameters})


_ENCODER, _DECODER = _lstm("n_x", "n_e"), _lstm("n_d", "n_y")
_DECODER_INPUTS = Array(("n_d", "m", "T_y"))


def _nudged_step(seen: Evidence, place: int, step: int) -> tuple[Any, ...]:
    """Return the general case's arguments with one time step of one argument moved."""
    arguments = copied(seen.general.arguments)
    part = arguments[place][..., step]
    part += np.linspace(0.3, 0.9, part.size).reshape(part.shape)
    return tuple(arguments)


def _same_after(seen: Evidence, name: str, arguments: tuple[Any, ...], nudged: tuple[Any, ...]) -> bool:
    """Return whether a result stays exactly the same from one set of arguments to another."""
    before, after = seen.ask(copied(arguments)), seen.ask(copied(nudged))
    if before is None or after is None or not usable(before, name) or not usable(after, name):
        return False
    return not moved(before, after, name)


def end_not_read(name: str, think: str) -> Finder:
    """See a result that does not know of the last step of the sequence."""

    def find(seen: Evidence) -> Clue | None:
        if seen.values(name) is None or not _same_after(seen, name, seen.general.arguments, _nudged_step(seen, 0, -1)):
            return None
        return Clue(f"{name} stays exactly the same when the last time step of x changes.", think)

    return find


def several_states(seen: Evidence) -> Clue | None:
    """See a prediction that is right for one step, and made from more than the last state for several."""
    pair = seen.values("y_pred")
    if (
        pair is None
        or seen.case.arguments[0].shape[2] == 1
        or not close(pair[1].sum(axis=0), np.ones(pair[1].shape[1]))
    ):
        return None
    return Clue(
        "The columns of y_pred add up to 1, but they are not the prediction of the last hidden state.",
        "Of all the states, which one has read the whole sequence, and is it the only one that you use?",
    )


def time_kept(seen: Evidence) -> Clue | None:
    """See predictions of all steps where one was asked for."""
    wanted, given = seen.expected["y_pred"], seen.actual["y_pred"]
    if seen.output != "y_pred" or not isinstance(given, np.ndarray) or given.ndim <= wanted.ndim:
        return None
    return Clue(
        "There is an axis of time in y_pred: predictions of several steps.",
        "How many predictions does a network of this type make for one sequence, and from which state?",
    )


MANY_TO_ONE = Exercise(
    assignment=_ASSIGNMENT,
    id="UNQ_C1",
    function="many_to_one_forward",
    arguments=Record({"x": _INPUTS, "a0": _STATE, "parameters": _PARAMETERS}),
    returns=Record({"y_pred": Array(("n_y", "m")), "cache": Record({"list of caches": PerStep(_CACHE), "x": _INPUTS})}),
    clues=(
        rounded,
        axes_exchanged,
        not_finite("y_pred", explains=_OVERFLOW),
        time_kept,
        probabilities("y_pred"),
        end_not_read("y_pred", "Which of the states has read the last step, and where does it stand on the time axis?"),
        ignores("y_pred", "a0", "Wya", "by"),
        several_states,
        cache_list("cache", telling=0),
    ),
)

GENERATE = Exercise(
    assignment=_ASSIGNMENT,
    id="UNQ_C2",
    function="one_to_many_generate",
    arguments=Record(
        {"x0": _INPUT, "a0": _STATE, "parameters": _PARAMETERS, "steps": Whole("steps"), "rng": Luck()},
    ),
    returns=Alone("indices", Array(("steps", "m"), integers=True)),
    clues=(no_symbols, what_is_read, what_is_remembered, unused, one_step_off, first_step_right),
    further=dice,
)


def _closed(parameters: dict[str, np.ndarray], gate: str) -> None:
    """Close a gate for good, in place."""
    parameters[f"W{gate}"][:] = 0
    parameters[f"b{gate}"][:] = -60


_NO_CELL_STATE = (
    "With the encoder's output gate closed only its cell state knows of x, and then y_pred no longer changes with x: "
    "the cell state does not cross the bridge."
)
_NO_HIDDEN_STATE = (
    "With the decoder's forget gate closed only the hidden state can bring x to it, and then y_pred no longer changes "
    "with x: the hidden state does not cross the bridge."
)


def bridge(seen: Evidence) -> Clue | None:
    """See which of the two states does not cross from the encoder to the decoder, by closing gates around the other."""
    if seen.values("y_pred") is None:
        return None
    plain, nudged = copied(seen.general.arguments), _nudged_step(seen, 0, 0)
    think = "Which two arrays does the encoder leave behind, and where does the decoder start from?"
    if _same_after(seen, "y_pred", plain, nudged):
        return Clue("y_pred stays exactly the same when x changes: the decoder knows nothing of the encoder.", think)
    for gate, place, says in (("o", 3, _NO_CELL_STATE), ("f", 4, _NO_HIDDEN_STATE)):
        one, other = copied(plain), copied(nudged)
        _closed(one[place], gate)
        _closed(other[place], gate)
        if _same_after(seen, "y_pred", one, other):
            return Clue(says, think)
    return None


def first_step_wrong(seen: Evidence) -> Clue | None:
    """See a decoder that is off from its first step on."""
    pair = seen.values("y_pred")
    if pair is None or close(pair[0][..., 0], pair[1][..., 0]):
        return None
    return Clue(
        "y_pred is off from the decoder's first step on.",
        "What do a_next and c_next hold before the decoder's first step: each its own state, from the encoder's end?",
    )


ENCODER_DECODER = Exercise(
    assignment=_ASSIGNMENT,
    id="UNQ_C3",
    function="encoder_decoder_forward",
    arguments=Record(
        {"x": _INPUTS, "decoder_inputs": _DECODER_INPUTS, "a0": _STATE, "encoder": _ENCODER, "decoder": _DECODER}
    ),
    returns=Record(
        {
            "y_pred": Array(("n_y", "m", "T_y")),
            "caches": Record(
                {
                    "the encoder's caches": Record(
                        {"list of the encoder's caches": PerStep(_lstm_cache("n_x", _ENCODER)), "x": _INPUTS}
                    ),
                    "the decoder's caches": Record(
                        {
                            "list of the decoder's caches": PerStep(_lstm_cache("n_d", _DECODER), length="T_y"),
                            "decoder_inputs": _DECODER_INPUTS,
                        }
                    ),
                }
            ),
        }
    ),
    clues=(
        rounded,
        not_finite("y_pred", explains=_OVERFLOW),
        unfilled("y_pred"),
        misplaced("y_pred"),
        probabilities("y_pred"),
        bridge,
        end_not_read("y_pred", "At which of the encoder's steps do its states leave for the decoder?"),
        ignores("y_pred", "a0"),
        not_carried("y_pred", "decoder_inputs"),
        first_step_wrong,
    ),
)

EXERCISES = (MANY_TO_ONE, GENERATE, ENCODER_DECODER)


def many_to_one_forward_test(target: Any) -> None:
    """Run your ``many_to_one_forward`` on the visible inputs and say what works and what to change.

    Raises
    ------
    PublicTestFailure
        If something is not right yet.
    """
    run(MANY_TO_ONE, target)


def one_to_many_generate_test(target: Any) -> None:
    """Run your ``one_to_many_generate`` on the visible inputs and say what works and what to change.

    Raises
    ------
    PublicTestFailure
        If something is not right yet.
    """
    run(GENERATE, target)


def encoder_decoder_forward_test(target: Any) -> None:
    """Run your ``encoder_decoder_forward`` on the visible inputs and say what works and what to change.

    Raises
    ------
    PublicTestFailure
        If something is not right yet.
    """
    run(ENCODER_DECODER, target)
