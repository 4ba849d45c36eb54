"""The figures' language: gates are filled by value, hue is never the only cue, no words run into each other."""

import importlib
import re
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIGURES = sorted((ROOT / "source").glob("*/figures/*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
RED = "#b3261e"

every_figure = pytest.mark.parametrize("path", FIGURES, ids=lambda path: f"{path.parts[-3]}/{path.stem}")


@pytest.fixture
def canvas(monkeypatch):
    """Return the drawing module and an empty canvas."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    module = importlib.import_module("figures.canvas")
    return module, module.Canvas(200, 200, "a title", "a description")


def drawn(picture):
    """Return what stands on the card, in order."""
    return list(ET.fromstring(picture.svg()))[3:]  # noqa: S314 (made in this very test)


def words(path):
    """Return every line of text of a figure with the box it fills, widths estimated modestly."""
    for text in ET.parse(path).getroot().iter(f"{SVG}text"):  # noqa: S314 (our own file)
        size, x, y = (float(text.get(name)) for name in ("font-size", "x", "y"))
        label = "".join(text.itertext()).replace("\u200b", "").replace("\u0302", "").replace("\u0303", "")
        scripts = sum(len(part.text.replace("\u200b", "")) for part in text)
        width = 0.54 * size * (len(label) - 0.28 * scripts)  # raised and lowered characters are smaller
        left = x - {"start": 0, "middle": 0.5, "end": 1}[text.get("text-anchor")] * width
        yield label, (left, y - 0.72 * size, left + width, y + 0.1 * size)


def overlap(a, b):
    """Tell whether two boxes (left, top, right, bottom) share more than an edge."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def test_all_four_assignments_have_figures():
    """The glob finds the figures of every assignment: without this, the tests below could pass on nothing."""
    counts = {name: sum(path.parts[-3] == name for path in FIGURES) for name in {path.parts[-3] for path in FIGURES}}
    assert counts["rnn_step_by_step"] >= 5
    assert counts["lstm_step_by_step"] >= 5
    assert counts["backpropagation_through_time"] >= 6
    assert counts["types_of_rnn"] >= 6


@pytest.mark.parametrize("value", [0.1, 0.25, 0.5, 0.6, 0.9])
def test_a_gate_is_filled_up_to_its_value(canvas, value):
    """The filling's surface lies at `value` of the circle's height, between two points of its rim, on the right arc."""
    _, picture = canvas
    picture.gate((100, 90), 40, value)
    path = next(part for part in drawn(picture) if part.tag == f"{SVG}path")
    x0, y0, large, sweep, x1, y1 = (
        float(number)
        for number in re.fullmatch(
            r"M (\S+) (\S+) A 40 40 0 ([01]) ([01]) (\S+) (\S+) Z",
            path.get("d"),
        ).groups()
    )
    assert y0 == y1 == pytest.approx(130 - value * 80, abs=0.06)  # 130 is the lowest point
    for x in (x0, x1):
        assert (x - 100) ** 2 + (y0 - 90) ** 2 == pytest.approx(1600, abs=10)
    assert x0 < x1
    assert sweep == 0  # from left to right along the lower side
    assert large == (value > 0.5)


def test_a_full_gate_is_full_and_an_empty_one_empty(canvas):
    """At 1, where an arc would close on itself and vanish, the whole circle has the colour of the filling."""
    module, picture = canvas
    picture.gate((50, 50), 20, 1.0)
    picture.gate((150, 50), 20, 0.0)
    full, empty = (part for part in drawn(picture) if part.tag == f"{SVG}circle" and part.get("stroke") == "none")
    assert full.get("fill") == module.FILLING
    assert empty.get("fill") == module.GATE.fill != module.FILLING


def test_product_and_sum_look_different_without_words(canvas):
    """The star of a product has three strokes, the plus of a sum two, all through the centre and inside the circle."""
    _, picture = canvas
    for draw, strokes in ((picture.times, 3), (picture.plus, 2)):
        picture.parts.clear()
        draw((100, 100), 20)
        lines = [part for part in drawn(picture) if part.tag == f"{SVG}polyline"]
        assert len(lines) == strokes
        for line in lines:
            ends = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
            assert sum(x for x, _ in ends) / 2 == pytest.approx(100)
            assert sum(y for _, y in ends) / 2 == pytest.approx(100)
            assert all((x - 100) ** 2 + (y - 100) ** 2 < 400 for x, y in ends)


@every_figure
def test_what_is_red_is_dashed(path):
    """Every red line and outline is dashed, so that gradients are seen as such in grey; nothing else is red."""
    for part in ET.parse(path).getroot().iter():  # noqa: S314 (our own file)
        if part.get("stroke") == RED and part.tag != f"{SVG}circle":  # the dot of a fork has no length to dash
            assert part.get("stroke-dasharray"), ET.tostring(part)
    if path.parts[-3] != "backpropagation_through_time":
        assert RED not in path.read_text(encoding="utf-8")


@every_figure
def test_no_words_overlap(path):
    """No line of text of a figure runs into another."""
    for (one, here), (other, there) in combinations(words(path), 2):
        assert not overlap(here, there), f"{one!r} and {other!r}"
