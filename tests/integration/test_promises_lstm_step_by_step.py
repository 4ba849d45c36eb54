"""What the second notebook's explanations promise is what its cells print, whatever seed was set elsewhere."""

import contextlib
import io
import math
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "source/lstm_step_by_step/lstm_step_by_step.ipynb"

# where the number is told, how; which cell prints it, how
PROMISES = (
    ("more-units-explain", r"With 50 units .*? at delay (\d+)", "demo-more-units", r" 50 units:.*delay +(\d+)"),
    ("more-units-explain", r"with 200 units at delay (\d+)", "demo-more-units", r"200 units:.*delay +(\d+)"),
    ("one-unit-explain", r"they end up at ([\d.]+\d) and", "demo-one-unit", r"w = 1.0:  0.3 becomes (\S+)"),
    ("one-unit-explain", r"and ([\d.]+\d) and go on", "demo-one-unit", r"w = 1.0:.* 0.8 becomes (\S+)"),
    ("lane-explain", r"After (\d+), ", "demo-half-life", r"bias 0:.*after +(\S+) steps"),
    ("lane-explain", r", ([\d.]+\d), 14", "demo-half-life", r"bias 1:.*after +(\S+) steps"),
    ("lane-explain", r", ([\d.]+\d) and", "demo-half-life", r"bias 3:.*after +(\S+) steps"),
    ("lane-explain", r"and (\d+) steps", "demo-half-life", r"bias 5:.*after +(\S+) steps"),
    ("write-explain", r"it ends ([\d.]+\d) away", "demo-write", r"always open .*c ends (\S+)"),
    ("read-explain", r"lets through ([\d.]+\d) and", "demo-read", r"step  3:.*a = (\S+)"),
    ("read-explain", r"and ([\d.]+\d)\. The cell", "demo-read", r"step  9:.*a = (\S+)"),
    ("cell-by-hand-explain", r"at (\S+\d)\. With", "demo-cell-by-hand", r"x = 0:[^=]*c = .* = (\S+)"),
    ("cell-by-hand-explain", r"the candidate, ([\d.]+\d),", "demo-cell-by-hand", r"candidate (\S+)"),
    ("cell-by-hand-explain", r"as ([\d.]+\d)\. A sum", "demo-cell-by-hand", r"x = 1:[^=]*c = .* = (\S+)"),
    ("conveyor-explain", r"it is about (\w+) times", "demo-conveyor", r"bias 3:.*whole cell (\S+)"),
    ("heat-explain", r"from ([\d.]+\d) in step 4", "demo-gates", r"steps 4 to 12: +\[(\S+)"),
    ("heat-explain", r"to ([\d.]+\d) in step 12", "demo-gates", r"steps 4 to 12: .* ([\d.]+)\]"),
    ("latch-explain", r"a coin's ([\d.]+\d)", "demo-latch", r"K = 5:.*1000 steps (\S+)"),
    ("compare-explain", r"still reads ([\d.]+\d)", "demo-memory-compared", r"RNN.*four(?: +\S+){2} +(\S+)"),
    ("compare-explain", r"after 20 steps (nothing)", "demo-memory-compared", r"random gates(?: +\S+){2} +(\S+)"),
    ("compare-explain", r"after 50 steps ([\d.]+\d) is left", "demo-memory-compared", r"bias 5(?: +\S+){3} +(\S+)"),
    ("compare-explain", r"with luck ([\d.]+\d)", "demo-memory-compared", r"bias 5 .* to (\S+)"),
    ("compare-explain", r"stay at ([\d.]+\d)", "demo-memory-compared", r"flag(?: +\S+){5} +(\S+)"),
)
WORDS = {"eight": 8, "nothing": 0}


pytestmark = pytest.mark.xdist_group("promises of the LSTM notebook")  # which is run once for all of them


@pytest.fixture(scope="module")
def run():
    """Return the cells' sources and what each of them printed, run in order in one namespace."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    cells = nbformat.read(SOURCE, as_version=nbformat.NO_CONVERT).cells
    namespace: dict[str, object] = {}
    printed = {}
    np.random.seed(999)  # noqa: NPY002  a seed that somebody set elsewhere: nothing may depend on it
    for cell in cells:
        if cell.cell_type == "code":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(cell.source, cell.id, "exec"), namespace)  # noqa: S102 (our own notebook)
            printed[cell.id] = out.getvalue()
            pyplot.close("all")
    return {cell.id: cell.source for cell in cells}, printed, namespace


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: f"{promise[0]} {promise[3]}")
def test_numbers_in_the_explanations_were_measured(promise, run):
    """A number that an explanation names is the number that its cell prints, to the digits that are written."""
    sources, printed, _ = run
    told_in, told, printed_by, shown = promise
    found = re.search(told, sources[told_in])
    assert found, told
    claim = found[1].replace("\u2212", "-")
    value = float(re.search(shown, printed[printed_by])[1])
    if claim in WORDS:
        assert round(value) == WORDS[claim]
    elif (told_in, claim) == ("latch-explain", "0.5"):
        assert abs(value - 0.5) < 3 * math.sqrt(0.25 / 500)  # a share of 500 runs
    else:
        assert round(value, len(claim.partition(".")[2])) == float(claim)


def test_the_latch_holds_as_the_text_says(run):
    """K = 3 is right for some thirty steps; K = 6 in all but a few runs after a thousand, K = 8 in all."""
    _, printed, namespace = run
    assert 25 <= int(re.search(r"K = 3:.*until step +(\d+)", printed["demo-latch"])[1]) <= 40
    assert 0.98 < namespace["accuracy"]["K = 6"][1000] <= 1
    assert namespace["accuracy"]["K = 8"].min() == 1
    left = float(re.search(r"K = 8:.*nudge to c: (\S+)", printed["demo-latch"])[1])
    assert left == pytest.approx((1 / (1 + math.exp(-8))) ** 1000, rel=0.02)


def test_the_nudges_on_the_lane_agree_with_the_chain_rule(run):
    """What the demonstration measures is the product of the Jacobians of (a, c), written out a second time."""
    _, _, namespace = run
    rng = np.random.default_rng(11)
    n_a, steps = 4, 6
    weights = namespace["initialise_lstm_parameters"](2, n_a, 2, rng, forget_bias=1)
    data = rng.standard_normal((2, 1, steps))
    nudged = data.copy()
    nudged[:, :, 0] += 1e-6
    c, c_nudged = (namespace["lstm_forward"](d, np.zeros((n_a, 1)), weights)[2] for d in (data, nudged))
    caches = namespace["lstm_forward"](data, np.zeros((n_a, 1)), weights)[3][0]
    moved_a, moved_c = np.zeros((n_a, 1)), np.zeros((n_a, 1))
    for t, (_, c_next, _, c_prev, ft, it, cct, ot, _, _) in enumerate(caches):
        moved_z = np.vstack([moved_a, np.full((2, 1), 1e-6 if t == 0 else 0.0)])
        d = {gate: weights[f"W{gate}"] @ moved_z for gate in "fico"}
        moved_c = (
            ft * moved_c + ft * (1 - ft) * d["f"] * c_prev + it * (1 - it) * d["i"] * cct + it * (1 - cct**2) * d["c"]
        )
        moved_a = ot * (1 - ot) * d["o"] * np.tanh(c_next) + ot * (1 - np.tanh(c_next) ** 2) * moved_c
        np.testing.assert_allclose((c_nudged - c)[:, :, t], moved_c, rtol=1e-3, atol=1e-12)
