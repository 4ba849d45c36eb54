"""The public tests' comparison and data: tolerances, places, visible cases, and the script that makes them."""

import argparse
import ast
import importlib.util
import io
import math
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from student_cells import CELL_CODE, LOOP_CODE, notebook

from public_tests import cases, compare
from public_tests.contract import Array, leaves, sizes
from public_tests.rnn_step_by_step import CELL, EXERCISES, LOOP

ROOT = Path(__file__).resolve().parents[2]

MATRIX = Array(("n_a", "m"))


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6),
    st.integers(0, 5),
    st.floats(-1, 1).filter(lambda d: abs(d) > 1e-3),
)
@settings(max_examples=60, deadline=None)
def test_comparison_is_relative_and_finds_the_place(values: list[float], place: int, off: float) -> None:
    """Entries within the tolerance pass; one that is off is found in its row and column, and prints differently."""
    expected = np.array(values).reshape(2, 3)
    near = expected * (1 + 0.4 * compare.RTOL * np.sign(off)) + 0.4 * compare.ATOL
    assert compare.difference(MATRIX, expected, near, {}, ("a",), "a") is None
    far = expected.copy()
    far.flat[place] += off * 4 * (compare.RTOL * abs(far.flat[place]) + compare.ATOL) * 1e3
    found = compare.difference(MATRIX, expected, far, {}, ("a",), "a")
    assert found is not None
    row, column = divmod(place, 3)
    assert f"1 of 6 entries; first in row {row + 1}, column {column + 1}: a[{row}, {column}] is " in found.where
    shown = re.search(r" is (\S+), expected (\S+)\.$", found.where)
    assert shown is not None
    assert shown[1] != shown[2]
    assert float(shown[2]) == expected[row, column]


@pytest.mark.parametrize(
    ("actual", "right"),
    [(1 + 0.9e-5, True), (1 + 1.2e-5, False), (np.float32(0.1) * 10, True), (0.9999, False)],
)
def test_tolerance_is_the_hidden_tests_own(actual: float, *, right: bool) -> None:
    """One part in 100,000 is near enough and more is not: float32 is right, four rounded places are not."""
    expected = np.ones((2, 3))
    assert compare.agree(expected, expected * actual) is right
    assert compare.agree(expected * 0, expected * 0.9e-7)
    assert not compare.agree(expected * 0, expected * 1.1e-7)


def test_first_place_is_the_earliest_step() -> None:
    """In a cube the first departure is the first in time, not the first row."""
    expected = np.zeros((2, 3, 4))
    actual = expected.copy()
    actual[0, 0, 3] = actual[1, 0, 1] = actual[1, 2, 2] = 1
    found = compare.difference(Array(("n_a", "m", "T_x")), expected, actual, {}, ("a",), "a")
    assert found is not None
    assert "time step 2, row 2, column 1: a[1, 0, 1] is 1.0" in found.where


@pytest.mark.parametrize(
    ("actual", "says"),
    [
        (np.full((2, 3), np.nan), "NaN among its entries"),
        (np.full((2, 3), -np.inf), "infinity among its entries"),
        (np.ones((2, 3), dtype=bool), "dtype is bool"),
        (np.ones((2, 3), dtype=object), "dtype is object"),
        (np.float64(1.0), "is a single number"),
        (np.ones((1, 3)), "has shape (1, 3); it should have (2, 3)"),
        (np.ones((3, 2)), "axes are in another order"),
        (np.ones((2, 3)).view(np.matrix), "is a matrix"),
        (None, "is None"),
    ],
)
def test_what_is_no_right_array(actual: Any, says: str) -> None:
    """NaN, infinity, truth values, objects, other shapes and look-alikes are refused, each in its own words."""
    found = compare.difference(MATRIX, np.ones((2, 3)), actual, {}, ("a",), "a")
    assert found is not None
    assert says in found.says


# --- the data ---------------------------------------------------------------------------------------------------------


def visible(function: str) -> list[tuple[dict[str, int], tuple[Any, ...]]]:
    """Return sizes and arguments of every visible case."""
    exercise = next(e for e in EXERCISES if e.function == function)
    listed = cases.cases("rnn_step_by_step", function)
    return [(sizes(exercise, case.arguments), case.arguments) for case in listed]


@pytest.mark.parametrize("function", ["rnn_cell_forward", "rnn_forward"])
def test_visible_cases_cover_what_tells_bugs_apart(function: str) -> None:
    """Several sizes, never just one; no initial state and no bias is zero anywhere."""
    listed = [s for s, _ in visible(function)]
    first = list(listed[0].values())
    assert len(set(first)) == len(first)  # all sizes different
    assert any(s["m"] == 1 for s in listed)
    assert any(s["n_a"] == s["n_x"] for s in listed)
    assert any(s["n_y"] == 1 for s in listed)
    if function == "rnn_forward":
        assert listed[0]["T_x"] >= 3
        assert any(s["T_x"] == 1 for s in listed)
        assert any(s["T_x"] < s["n_x"] for s in listed)
        assert any(s["T_x"] > s["n_x"] for s in listed)
    for _, (_, state, parameters) in visible(function):
        assert np.abs(state).max() > 0.1
        assert all(np.abs(parameters[bias]).max() > 0.1 for bias in ("ba", "by"))
    scores = [np.abs(p["Wya"]).sum(axis=1).max() for _, (_, _, p) in visible(function)]
    assert max(scores) > 200


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.function)
def test_expected_values_agree_with_plain_loops(exercise: Any) -> None:
    """The stored values are what the formulas give, written out a second time entry by entry."""
    for case in cases.cases(exercise.assignment, exercise.function):
        x, state, p = case.arguments
        steps = x[..., None] if exercise is CELL else x
        found_a, found_y = (v[..., None] if exercise is CELL else v for v in case.expected[:2])
        for t in range(steps.shape[2]):
            new, predictions = by_hand(steps[..., t], state, p)
            np.testing.assert_allclose(found_a[..., t], new, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(found_y[..., t], predictions, rtol=1e-9, atol=1e-12)
            cache = case.expected[2] if exercise is CELL else case.expected[2][0][t]
            np.testing.assert_array_equal(cache[1], state)
            np.testing.assert_array_equal(cache[2], steps[..., t])
            state = found_a[..., t]


def by_hand(xt: np.ndarray, state: np.ndarray, p: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return state and prediction of one step, computed with the standard library's numbers alone."""
    new, predictions = np.empty_like(state), np.empty((len(p["by"]), state.shape[1]))
    for j in range(state.shape[1]):
        for i in range(len(state)):
            total = math.fsum(float(w) * float(v) for w, v in zip(p["Wax"][i], xt[:, j], strict=True))
            total += math.fsum(float(w) * float(v) for w, v in zip(p["Waa"][i], state[:, j], strict=True))
            new[i, j] = math.tanh(total + float(p["ba"][i, 0]))
        scores = [
            math.fsum(float(w) * float(v) for w, v in zip(row, new[:, j], strict=True)) + float(b)
            for row, b in zip(p["Wya"], p["by"][:, 0], strict=True)
        ]
        powers = [math.exp(s - max(scores)) for s in scores]
        predictions[:, j] = [power / math.fsum(powers) for power in powers]
    return new, predictions


@pytest.fixture(scope="module")
def script() -> Any:
    """Return the script that makes the data, as a module."""
    spec = importlib.util.spec_from_file_location("make_public_data", ROOT / "scripts" / "make_public_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_public_data"] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def stand_in() -> dict[str, Any]:
    """Return right functions, in place of the reference's: what is tested is the script and not the notebook."""
    return {name: f for name, f in notebook(CELL_CODE, LOOP_CODE).items() if name.startswith("rnn_")}


def test_data_are_the_same_bytes_every_time(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs write the same bytes, and the committed file says the same as both."""
    monkeypatch.setattr(script.reference, "load", lambda *_: argparse.Namespace(functions=stand_in()))
    made = script.content(None, "rnn_step_by_step")
    assert made == script.content(None, "rnn_step_by_step")
    committed = (ROOT / "public_tests" / "data" / "rnn_step_by_step.npz").read_bytes()
    assert script.same(committed, made)
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_check_fails_on_stale_data_and_writes_nothing(
    script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--check exits with 1 for a missing, damaged or outdated file and with 0 once it has been written."""
    functions = stand_in()
    monkeypatch.setattr(script.reference, "load", lambda *_: argparse.Namespace(functions=functions))
    monkeypatch.setattr(script.Course, "at", lambda _: None)
    file = tmp_path / "rnn_step_by_step.npz"
    assert script.main(["rnn_step_by_step", "--check", "--out", str(tmp_path)]) == 1
    assert not file.exists()
    assert script.main(["rnn_step_by_step", "--out", str(tmp_path)]) == 0
    assert script.main(["rnn_step_by_step", "--check", "--out", str(tmp_path)]) == 0
    good = file.read_bytes()
    file.write_bytes(good[:-40])
    assert script.main(["rnn_step_by_step", "--check", "--out", str(tmp_path)]) == 1
    file.write_bytes(good)
    right = functions["rnn_cell_forward"]
    functions["rnn_cell_forward"] = lambda *given: (right(*given)[0] * 1.0001, *right(*given)[1:])
    assert script.main(["rnn_step_by_step", "--check", "--out", str(tmp_path)]) == 1
    assert file.read_bytes() == good
    functions["rnn_cell_forward"] = lambda *given: (right(*given)[0] * (1 + 1e-15), *right(*given)[1:])
    assert script.main(["rnn_step_by_step", "--check", "--out", str(tmp_path)]) == 0  # another processor's rounding
    assert "run python scripts/make_public_data.py" in capsys.readouterr().err


def test_no_solution_in_the_package() -> None:
    """No module computes a hidden state or a prediction: none multiplies matrices or takes a tanh."""
    for path in (ROOT / "public_tests").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        operators = {type(node.op) for node in ast.walk(tree) if isinstance(node, ast.BinOp)}
        assert not names & {"tanh", "dot", "matmul", "einsum", "tensordot", "inner"}, path.name
        assert ast.MatMult not in operators, path.name


def test_leaves_are_named_as_the_notebook_names_them() -> None:
    """The contract of the loop reaches every array of its arguments under the notebook's own name."""
    case = cases.cases("rnn_step_by_step", "rnn_forward")[0]
    assert [name for name, _, _ in leaves(LOOP.arguments, case.arguments)] == [
        "x", "a0", "Wax", "Waa", "Wya", "ba", "by",
    ]  # fmt: skip
