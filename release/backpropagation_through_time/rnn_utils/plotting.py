"""Plots in the visual language of the course's figures; they read in grey, too."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

# lines differ in hue, in dash and in marker, and each is labelled: no meaning hangs on colour alone
_LINES = (
    {"color": "#1f5fa8", "linestyle": "-", "marker": "o"},
    {"color": "#c05a00", "linestyle": "--", "marker": "s"},
    {"color": "#2e7d4f", "linestyle": "-.", "marker": "^"},
    {"color": "#555555", "linestyle": ":", "marker": "D"},
    {"color": "#7a3e9d", "linestyle": (0, (6, 2, 1, 2, 1, 2)), "marker": "v"},
)


def _pyplot() -> Any:
    """Return matplotlib's plotting module, or say what is missing."""
    try:
        import matplotlib.pyplot as plt  # noqa: PLC0415  (only drawing needs it, and it loads slowly)
    except ImportError as error:
        raise ImportError(
            "This cell draws a plot, and matplotlib is not installed. Install it with "
            "`python -m pip install matplotlib`, restart the kernel, and run the cell again."
        ) from error
    return plt


def plot_curves(
    curves: Mapping[str, ArrayLike], *, title: str, xlabel: str, ylabel: str, log: bool = False, start: int = 1
) -> None:
    """Draw one line per entry of a dictionary.

    Parameters
    ----------
    curves : dict of str to array_like
        Label and values; every value stands at one step, counted from `start`.
    title, xlabel, ylabel : str
        What the reader should see, and the names of the axes.
    log : bool
        Whether equal distances upwards mean equal factors.
    start : int
        Where the horizontal axis begins.
    """
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(7.5, 4.2))
    for (label, curve), style in zip(curves.items(), _LINES * len(curves), strict=False):
        values = np.asarray(curve)
        steps = np.arange(start, start + len(values))
        axes.plot(steps, values, label=label, markersize=4, markevery=max(1, len(values) // 12), **style)
    if log:
        axes.set_yscale("log")
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    axes.grid(visible=True, color="#dddddd")
    axes.locator_params(axis="x", integer=True)  # there is no step 1.5
    axes.legend()
    figure.tight_layout()
    plt.show()


def plot_states(states: ArrayLike, *, title: str, rows: Sequence[str], xlabel: str = "time step t") -> None:
    """Draw a picture of numbers between -1 and 1: one row per unit, one column per time step.

    Parameters
    ----------
    states : array_like
        Shape (units, T_x). Blue is +1, white 0, orange -1, always; short ones also show each number's sign.
    title : str
        What the reader should see.
    rows : sequence of str
        The name of each row.
    xlabel : str
        The name of the horizontal axis.
    """
    states = np.asarray(states)
    units, T_x = states.shape
    plt = _pyplot()
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415  (as above)

    figure, axes = plt.subplots(figsize=(8.5, 1.4 + 0.45 * units))
    hues = LinearSegmentedColormap.from_list("states", ["#c05a00", "white", "#1f5fa8"])
    picture = axes.imshow(states, cmap=hues, vmin=-1, vmax=1, aspect="auto")  # limits fixed: plots compare
    if units * T_x <= 400:  # more would not be legible
        for row, column in np.ndindex(states.shape):
            value = states[row, column]
            sign = "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else "0"
            axes.text(column, row, sign, ha="center", va="center", color="white" if abs(value) > 0.6 else "black")
    axes.set(title=title, xlabel=xlabel)
    axes.set_yticks(range(units), labels=rows)
    axes.set_xticks(range(0, T_x, max(1, T_x // 20)), labels=range(1, T_x + 1, max(1, T_x // 20)))
    figure.colorbar(picture, ticks=[-1, 0, 1])
    figure.tight_layout()
    plt.show()


def plot_gates(gates: ArrayLike, *, title: str, rows: Sequence[str], xlabel: str = "time step t") -> None:
    """Draw a picture of gates: one row per gate, one column per time step, the darker the wider open.

    Parameters
    ----------
    gates : array_like
        Shape (gates, T_x), between 0 (closed, white) and 1 (open, dark); short ones also show the numbers.
    title : str
        What the reader should see.
    rows : sequence of str
        The name of each row.
    xlabel : str
        The name of the horizontal axis.
    """
    gates = np.asarray(gates)
    count, T_x = gates.shape
    plt = _pyplot()

    figure, axes = plt.subplots(figsize=(8.5, 1.4 + 0.45 * count))
    picture = axes.imshow(gates, cmap="Greys", vmin=0, vmax=1, aspect="auto")  # limits fixed: plots compare
    if T_x <= 20:  # more would not be legible
        for row, column in np.ndindex(gates.shape):
            value = gates[row, column]
            axes.text(column, row, f"{value:.1f}", ha="center", va="center", color="white" if value > 0.5 else "black")
    axes.set(title=title, xlabel=xlabel)
    axes.set_yticks(range(count), labels=rows)
    axes.set_xticks(range(0, T_x, max(1, T_x // 20)), labels=range(1, T_x + 1, max(1, T_x // 20)))
    figure.colorbar(picture, ticks=[0, 0.5, 1])
    figure.tight_layout()
    plt.show()
