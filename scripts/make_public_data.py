"""Write the visible cases of the public tests: inputs, and what the reference returns for them.

Run from anywhere: ``python scripts/make_public_data.py [ASSIGNMENT ...]``; with ``--check`` nothing is written, and the
exit code is 1 if a file is missing or stale.

A file is stale when its layout or its inputs differ, or when an expected value is off by more than rounding. Expected
values are not held to the last bit: tanh, exp and matrix products differ there from one processor to the next, and a
file that is right must not change because another machine looked at it.
"""

import argparse
import io
import json
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from autograder import reference  # noqa: E402  the course's own packages stand beside this folder
from autograder.course import Course  # noqa: E402
from autograder.errors import AutograderError  # noqa: E402
from public_tests.cases import LAYOUT, decoded, encoded  # noqa: E402
from public_tests.contract import Seed, copied  # noqa: E402
from rnn_utils import lstm, rnn  # noqa: E402  forward passes, whose caches the backward ones are given

RTOL, ATOL = 1e-9, 1e-13  # what processors differ by, and far below what a test would accept
MARGIN = 20.0  # between the two largest scores of a column where scores are large: float32 must pass too


@dataclass(frozen=True)
class Sizes:
    """One visible case: its name and the sizes of everything in it."""

    name: str
    n_x: int
    n_a: int
    n_y: int
    m: int
    T_x: int = 1
    scores: float = 1.0  # factor on what the prediction is made from
    more: int = 0  # steps that the forward pass took beyond those that the loss looks at
    last: bool = False  # whether the loss looks at the last step only
    n_d: int = 0  # units of a decoder's input
    T_y: int = 0  # steps of a decoder


def numbers(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> np.ndarray:
    """Return numbers between -scale and scale with three decimals: a student can read and retype them."""
    return rng.integers(-999, 1000, shape) / 1000 * scale


def parameters(rng: np.random.Generator, s: Sizes) -> dict[str, np.ndarray]:
    """Return parameters of these sizes; no bias is zero, or a forgotten one would not be noticed."""
    return {
        "Wax": numbers(rng, s.n_a, s.n_x),
        "Waa": numbers(rng, s.n_a, s.n_a),
        "Wya": numbers(rng, s.n_y, s.n_a, scale=2.0 * s.scores),
        "ba": numbers(rng, s.n_a, 1),
        "by": numbers(rng, s.n_y, 1, scale=s.scores),
    }


def lstm_parameters(rng: np.random.Generator, s: Sizes) -> dict[str, np.ndarray]:
    """Return parameters of an LSTM of these sizes; no two gates are alike, and no bias is zero."""
    drawn = {}
    for gate in "fico":
        drawn[f"W{gate}"] = numbers(rng, s.n_a, s.n_a + s.n_x)
        drawn[f"b{gate}"] = numbers(rng, s.n_a, 1)
    drawn["Wy"] = numbers(rng, s.n_y, s.n_a, scale=4.0 * s.scores)  # hidden states of an LSTM are small
    drawn["by"] = numbers(rng, s.n_y, 1, scale=s.scores)
    return drawn


def one_step(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Return arguments for a function of one time step."""
    return numbers(rng, s.n_x, s.m, scale=2.0), numbers(rng, s.n_a, s.m), parameters(rng, s)


def all_steps(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Return arguments for a function that walks through time; the state it starts from is never zero."""
    return numbers(rng, s.n_x, s.m, s.T_x, scale=2.0), numbers(rng, s.n_a, s.m), parameters(rng, s)


def one_lstm_step(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Return arguments for one time step of an LSTM: input, hidden state, cell state, parameters."""
    xt, a_prev = numbers(rng, s.n_x, s.m, scale=2.0), numbers(rng, s.n_a, s.m)
    c_prev = numbers(rng, s.n_a, s.m, scale=2.0)
    return xt, a_prev, c_prev, lstm_parameters(rng, s)


def all_lstm_steps(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Return arguments for an LSTM that walks through time; the hidden state it starts from is never zero."""
    return numbers(rng, s.n_x, s.m, s.T_x, scale=2.0), numbers(rng, s.n_a, s.m), lstm_parameters(rng, s)


def one_step_back(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Return arguments for one step backwards: what arrives at the state, and the cache."""
    *_, cache = rnn.rnn_cell_forward(*one_step(rng, s))
    return numbers(rng, s.n_a, s.m), cache


def all_steps_back(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Return arguments for a walk backwards: what arrives from each prediction, and the caches."""
    *_, caches = rnn.rnn_forward(*all_steps(rng, replace(s, T_x=s.T_x + s.more)))
    return _arriving(rng, s), caches


def one_lstm_step_back(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Return arguments for one step of an LSTM backwards: what arrives at both states, and the cache."""
    *_, cache = lstm.lstm_cell_forward(*one_lstm_step(rng, s))
    return numbers(rng, s.n_a, s.m), numbers(rng, s.n_a, s.m), cache


def all_lstm_steps_back(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Return arguments for an LSTM's walk backwards: what arrives from each prediction, and the caches."""
    *_, caches = lstm.lstm_forward(*all_lstm_steps(rng, replace(s, T_x=s.T_x + s.more)))
    return _arriving(rng, s), caches


def _arriving(rng: np.random.Generator, s: Sizes) -> np.ndarray:
    da = numbers(rng, s.n_a, s.m, s.T_x)
    if s.last:
        da[:, :, :-1] = 0
    return da


def generating(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Return arguments for a network that samples, of which every prediction leaves no choice; T_x counts the steps.

    Drawn again until the symbols vary, and other ones come without the given first input or the given first state.
    """
    while True:
        xt, a_prev, drawn = one_step(rng, s)
        drawn |= {"Wya": drawn["Wya"] * 300.0, "by": drawn["by"] * 300.0}
        said, gap = _said(xt, a_prev, drawn, s.T_x)
        others = (_said(0 * xt, a_prev, drawn, s.T_x)[0], _said(xt, 0 * a_prev, drawn, s.T_x)[0])
        dull = s.T_x > 1 and s.n_y > 1 and (len(np.unique(said)) < 3 or any((said == o).all() for o in others))
        if gap > 2 * MARGIN and not dull:
            return xt, a_prev, drawn, s.T_x, Seed(int(rng.integers(1000)))


def _said(xt: np.ndarray, state: np.ndarray, drawn: dict[str, np.ndarray], steps: int) -> tuple[np.ndarray, float]:
    """Return the likeliest symbols step by step, and the least gap between the two largest scores."""
    said, gap = [], np.inf
    for _ in range(steps):
        state, _, _ = rnn.rnn_cell_forward(xt, state, drawn)
        scores = drawn["Wya"] @ state + drawn["by"]
        if len(scores) > 1:
            ordered = np.sort(scores, axis=0)
            gap = min(gap, float((ordered[-1] - ordered[-2]).min()))
        said.append(scores.argmax(axis=0))
        xt = np.eye(len(scores))[:, said[-1]]
    return np.array(said), gap


def over_the_bridge(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Return arguments for an encoder and a decoder; the encoder predicts two classes that nobody needs."""
    x, decoder_inputs = numbers(rng, s.n_x, s.m, s.T_x, scale=2.0), numbers(rng, s.n_d, s.m, s.T_y, scale=2.0)
    encoder, decoder = lstm_parameters(rng, replace(s, n_y=2, scores=1.0)), lstm_parameters(rng, replace(s, n_x=s.n_d))
    return x, decoder_inputs, numbers(rng, s.n_a, s.m), encoder, decoder


CELL = (
    Sizes("all sizes different", n_x=4, n_a=6, n_y=3, m=5),
    Sizes("a batch of one", n_x=4, n_a=3, n_y=2, m=1),
    Sizes("as many hidden units as inputs", n_x=4, n_a=4, n_y=3, m=6),
    Sizes("a single class", n_x=3, n_a=5, n_y=1, m=4),
    Sizes("scores of hundreds", n_x=3, n_a=5, n_y=4, m=6, scores=300.0),
)
LOOP = (
    Sizes("all sizes different", n_x=4, n_a=6, n_y=3, m=5, T_x=7),
    Sizes("a batch of one", n_x=3, n_a=5, n_y=2, m=1, T_x=4),
    Sizes("a single step", n_x=4, n_a=3, n_y=2, m=5, T_x=1),
    Sizes("as many hidden units as inputs", n_x=4, n_a=4, n_y=2, m=3, T_x=5),
    Sizes("a single class", n_x=5, n_a=4, n_y=1, m=2, T_x=3),
    Sizes("fewer steps than inputs", n_x=8, n_a=5, n_y=4, m=6, T_x=3),
    Sizes("scores of hundreds", n_x=3, n_a=6, n_y=4, m=2, T_x=5, scores=300.0),
)
STEP_BACK = (
    Sizes("all sizes different", n_x=4, n_a=6, n_y=3, m=5),
    Sizes("a batch of one", n_x=4, n_a=3, n_y=2, m=1),
    Sizes("as many hidden units as inputs", n_x=4, n_a=4, n_y=3, m=6),
    Sizes("a single class", n_x=3, n_a=5, n_y=1, m=4),
)
WALK_BACK = (
    Sizes("all sizes different", n_x=4, n_a=6, n_y=3, m=5, T_x=7),
    Sizes("a single step", n_x=4, n_a=3, n_y=2, m=5, T_x=1),
    Sizes("two steps", n_x=3, n_a=5, n_y=1, m=4, T_x=2),
    Sizes("loss at the last step only", n_x=3, n_a=4, n_y=2, m=5, T_x=6, last=True),
    Sizes("a batch of one", n_x=3, n_a=5, n_y=2, m=1, T_x=4),
    Sizes("as many hidden units as inputs", n_x=4, n_a=4, n_y=2, m=3, T_x=5),
    Sizes("da shorter than the forward pass", n_x=5, n_a=4, n_y=2, m=3, T_x=2, more=4),
)

# assignment -> function -> (the cases, how the arguments of one are drawn)
ASSIGNMENTS: dict[str, dict[str, tuple[tuple[Sizes, ...], Callable[..., tuple[Any, ...]]]]] = {
    "rnn_step_by_step": {"rnn_cell_forward": (CELL, one_step), "rnn_forward": (LOOP, all_steps)},
    "lstm_step_by_step": {"lstm_cell_forward": (CELL, one_lstm_step), "lstm_forward": (LOOP, all_lstm_steps)},
}

ASSIGNMENTS["backpropagation_through_time"] = {
    "rnn_cell_backward": (STEP_BACK, one_step_back),
    "rnn_backward": (WALK_BACK, all_steps_back),
    "lstm_cell_backward": (STEP_BACK, one_lstm_step_back),
    "lstm_backward": (WALK_BACK, all_lstm_steps_back),
}

GENERATE = (
    Sizes("all sizes different", n_x=4, n_a=6, n_y=4, m=5, T_x=7),
    Sizes("a batch of one", n_x=5, n_a=3, n_y=5, m=1, T_x=6),
    Sizes("a single step", n_x=3, n_a=5, n_y=3, m=4, T_x=1),
    Sizes("as many hidden units as symbols", n_x=5, n_a=5, n_y=5, m=3, T_x=6),
    Sizes("a single symbol", n_x=1, n_a=4, n_y=1, m=2, T_x=3),
)
BRIDGE = (
    Sizes("all sizes different", n_x=4, n_a=6, n_y=3, m=5, T_x=7, n_d=8, T_y=9),
    Sizes("T_y smaller than T_x", n_x=3, n_a=5, n_y=4, m=2, T_x=6, n_d=2, T_y=3),
    Sizes("a batch of one", n_x=3, n_a=5, n_y=2, m=1, T_x=4, n_d=4, T_y=3),
    Sizes("a single step on either side", n_x=4, n_a=3, n_y=2, m=5, T_x=1, n_d=2, T_y=1),
    Sizes("n_x = n_d = n_a, T_x = T_y", n_x=4, n_a=4, n_y=3, m=2, T_x=5, n_d=4, T_y=5),
    Sizes("a single class", n_x=5, n_a=4, n_y=1, m=2, T_x=3, n_d=3, T_y=4),
    Sizes("scores of hundreds", n_x=3, n_a=6, n_y=4, m=2, T_x=5, n_d=2, T_y=3, scores=300.0),
)
ASSIGNMENTS["types_of_rnn"] = {
    # one prediction for each example only: larger scores, so that an unsafe softmax overflows in one of them
    "many_to_one_forward": ((*LOOP[:-1], replace(LOOP[-1], scores=900.0)), all_steps),
    "one_to_many_generate": (GENERATE, generating),
    "encoder_decoder_forward": (BRIDGE, over_the_bridge),
}

# where a function returns its predictions, if not in the second place
PREDICTIONS = {"lstm_cell_forward": 2, "many_to_one_forward": 0, "encoder_decoder_forward": 0}


def draw(
    s: Sizes, name: str, function: Callable[..., Any], arguments: Callable[..., tuple[Any, ...]], place: int
) -> Any:
    """Return a case's arguments and what the reference returns for them.

    Where scores are large, the first draw is taken whose predictions are all but certain: with two scores nearly equal
    at several hundred, rounding to float32 would show.
    """
    for attempt in range(1000):
        given = arguments(np.random.default_rng([place, attempt]), s)
        expected = function(*copied(given))
        predictions = expected[PREDICTIONS.get(name, 1)] if s.scores != 1.0 else None
        if predictions is None or _certain(predictions):
            return given, expected
    raise SystemExit(f"No draw of the case {s.name!r} has scores far enough apart: change its sizes or its factor.")


def _certain(predictions: np.ndarray) -> bool:
    ordered = np.sort(predictions, axis=0)
    return bool((ordered[-2] < np.exp(-MARGIN)).all())


def content(course: Course, assignment: str) -> bytes:
    """Return the data file of an assignment, made anew."""
    functions = reference.load(course, assignment).functions
    arrays: dict[str, np.ndarray] = {}
    layout: dict[str, Any] = {}
    for name, (cases, arguments) in ASSIGNMENTS[assignment].items():
        layout[name] = []
        for place, s in enumerate(cases):
            given, expected = draw(s, name, functions[name], arguments, place)
            case = {"name": s.name, "arguments": encoded(given, arrays), "expected": encoded(expected, arrays)}
            layout[name].append(case)
    return packed(arrays, layout)


def packed(arrays: dict[str, np.ndarray], layout: dict[str, Any]) -> bytes:
    """Return an .npz whose bytes depend on its content alone: fixed times, no compression, order of entry."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in [*arrays.items(), (LAYOUT, np.frombuffer(json.dumps(layout).encode(), np.uint8))]:
            entry = io.BytesIO()
            np.lib.format.write_array(entry, array, allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3  # the same on every system
            archive.writestr(info, entry.getvalue())
    return buffer.getvalue()


def same(one: bytes, other: bytes) -> bool:
    """Return whether two data files say the same, up to the rounding of their expected values."""
    try:
        (a, a_layout), (b, b_layout) = _unpacked(one), _unpacked(other)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return False
    if packed(a, a_layout) != one or packed(b, b_layout) != other or list(a_layout) != list(b_layout):
        return False
    for function in a_layout:
        if len(a_layout[function]) != len(b_layout[function]):
            return False
        for x, y in zip(a_layout[function], b_layout[function], strict=True):
            # arguments, too, are computed where they are caches of a forward pass
            for part in ("arguments", "expected"):
                if not _equal(decoded(x[part], a), decoded(y[part], b)):
                    return False
            if x["name"] != y["name"]:
                return False
    return True


def _unpacked(data: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return arrays, json.loads(arrays.pop(LAYOUT).tobytes())


def _equal(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, int | Seed):
        return bool(one == other)
    if isinstance(one, np.ndarray):
        if one.dtype != other.dtype or one.shape != other.shape:
            return False
        return np.allclose(one, other, rtol=RTOL, atol=ATOL)
    if isinstance(one, dict):
        return list(one) == list(other) and all(_equal(one[key], other[key]) for key in one)
    return len(one) == len(other) and all(_equal(a, b) for a, b in zip(one, other, strict=True))


def main(argv: list[str] | None = None) -> int:
    """Write or check the data files; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the visible cases of the public tests.")
    parser.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="default: all")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is stale")
    parser.add_argument("--course", type=Path, default=ROOT, help="the course's folder (default: this one)")
    parser.add_argument("--out", type=Path, default=ROOT / "public_tests" / "data", help="where the files stand")
    options = parser.parse_args(argv)
    for name in options.assignments:
        if name not in ASSIGNMENTS:
            parser.error(f"there are no visible cases for {name!r}; there are for: {', '.join(ASSIGNMENTS)}.")
    stale = 0
    for assignment in options.assignments or ASSIGNMENTS:
        path = options.out / f"{assignment}.npz"
        try:
            made = content(Course.at(options.course), assignment)
        except AutograderError as error:
            print(error, file=sys.stderr)
            return 1
        if path.is_file() and same(path.read_bytes(), made):
            print(f"{path.name}: up to date")
        elif options.check:
            stale += 1
            print(f"{path.name}: stale or missing; run python scripts/make_public_data.py", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made)
            print(f"{path.name}: written, {len(made)} bytes")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
