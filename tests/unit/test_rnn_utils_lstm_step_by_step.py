"""What the second assignment adds to rnn_utils: the picture of gates."""

import numpy as np
import pytest

from rnn_utils import plot_curves, plot_gates


@pytest.fixture
def pyplot(monkeypatch):
    """Return matplotlib drawing into memory, with the figure left open for a look."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    plt = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr(plt, "show", lambda: None)
    yield plt
    plt.close("all")


def test_gates_are_drawn_with_fixed_limits_and_numbers(pyplot):
    """Open is dark in every plot, whatever else is in it, and the number stands in each field."""
    plot_gates(np.array([[0.2, 0.3, 0.35], [0.9, 0.04, 0.5]]), title="gates", rows=["forget", "update"])
    axes = pyplot.gcf().axes[0]
    (picture,) = axes.get_images()
    assert picture.get_clim() == (0, 1)
    red, green, blue, _ = picture.cmap(0.95)
    assert max(red, green, blue) < 0.2
    assert [text.get_text() for text in axes.texts] == ["0.2", "0.3", "0.3", "0.9", "0.0", "0.5"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["forget", "update"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3"]


def test_long_gates_are_drawn_without_numbers(pyplot):
    """Numbers that would not be legible are left out, and the steps are still counted from 1."""
    plot_gates(np.zeros((3, 100)), title="gates", rows=["f", "i", "o"])
    axes = pyplot.gcf().axes[0]
    assert not axes.texts
    assert axes.get_xticklabels()[0].get_text() == "1"


def test_five_curves_are_told_apart_without_colour(pyplot):
    """Each of five lines has a dash and a marker of its own."""
    plot_curves({str(k): [1, 2, k] for k in range(5)}, title="t", xlabel="x", ylabel="y")
    lines = pyplot.gcf().axes[0].get_lines()
    assert len({(line.get_marker(), str(line._unscaled_dash_pattern)) for line in lines}) == 5
    assert len({line.get_marker() for line in lines}) == 5
