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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from autograder import reference  # noqa: E402  the course's own packages stand beside this folder
from autograder.course import Course  # noqa: E402
from autograder.errors import AutograderError  # noqa: E402
from public_tests.cases import LAYOUT, decoded, encoded  # noqa: E402

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


def one_step(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Return arguments for a function of one time step."""
    return numbers(rng, s.n_x, s.m, scale=2.0), numbers(rng, s.n_a, s.m), parameters(rng, s)


def all_steps(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Return arguments for a function that walks through time; the state it starts from is never zero."""
    return numbers(rng, s.n_x, s.m, s.T_x, scale=2.0), numbers(rng, s.n_a, s.m), parameters(rng, s)


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

# assignment -> function -> (the cases, how the arguments of one are drawn)
ASSIGNMENTS: dict[str, dict[str, tuple[tuple[Sizes, ...], Callable[..., tuple[Any, ...]]]]] = {
    "rnn_step_by_step": {"rnn_cell_forward": (CELL, one_step), "rnn_forward": (LOOP, all_steps)},
}


def draw(s: Sizes, function: Callable[..., Any], arguments: Callable[..., tuple[Any, ...]], place: int) -> Any:
    """Return a case's arguments and what the reference returns for them.

    Where scores are large, the first draw is taken whose predictions are all but certain: with two scores nearly equal
    at several hundred, rounding to float32 would show.
    """
    for attempt in range(1000):
        given = arguments(np.random.default_rng([place, attempt]), s)
        expected = function(*given)
        if s.scores == 1.0 or _certain(expected[1]):
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
            given, expected = draw(s, functions[name], arguments, place)
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
            if x["name"] != y["name"] or not _equal(decoded(x["arguments"], a), decoded(y["arguments"], b), exact=True):
                return False
            if not _equal(decoded(x["expected"], a), decoded(y["expected"], b), exact=False):
                return False
    return True


def _unpacked(data: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return arrays, json.loads(arrays.pop(LAYOUT).tobytes())


def _equal(one: Any, other: Any, *, exact: bool) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        if one.dtype != other.dtype or one.shape != other.shape:
            return False
        return np.array_equal(one, other) if exact else np.allclose(one, other, rtol=RTOL, atol=ATOL)
    if isinstance(one, dict):
        return list(one) == list(other) and all(_equal(one[key], other[key], exact=exact) for key in one)
    return len(one) == len(other) and all(_equal(a, b, exact=exact) for a, b in zip(one, other, strict=True))


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
