"""The figures of the first notebook: the carry, the axes, the cell, its shapes, the loop, the caches, the adder."""

from collections.abc import Callable
from itertools import pairwise

from figures.canvas import FRAME, INK, INPUT, MARK, PLAIN, PREDICTION, QUIET, STATE, WEIGHT, Canvas, Kind, Point

NONE = Kind("none", "none")


def column_addition() -> Canvas:
    """Draw 11 + 6 in binary, the units first: equal columns, unequal answers."""
    c = Canvas(
        860,
        372,
        "Column addition of 11 and 6, units first",
        "Five columns from left to right. Carry in: 0, 0, 1, 1, 1. First number: 1, 1, 0, 1, 0. Second number: 0, 1, "
        "1, 0, 0. Sum: 1, 0, 0, 0, 1. Columns 1 and 4 both hold 1 and 0, but their sums are 1 and 0.",
    )
    first, second, carry, total = (1, 1, 0, 1, 0), (0, 1, 1, 0, 0), (0, 0, 1, 1, 1), (1, 0, 0, 0, 1)
    rows = ((82, "carry in", carry, STATE), (142, "first number: 11", first, INPUT))
    rows += ((196, "second number: 6", second, INPUT), (264, "sum: 17", total, PREDICTION))
    columns = [290 + 116 * k for k in range(5)]
    for y, name, digits, kind in rows:
        c.text((222, y), name, anchor="end")
        for x, digit in zip(columns, digits, strict=True):
            c.box((x - 23, y - 23), (46, 46), kind, str(digit), text_size=20)
    for x, following in pairwise(columns):
        c.arrow([(x + 25, 82), (following - 25, 82)], color=STATE.line, width=3)
    for x, name, step in zip(columns, ("units", "twos", "fours", "eights", "sixteens"), range(1, 6), strict=True):
        c.text((x, 36), f"t = {step}", bold=True)
        c.text((x, 305), name, size=14, color=QUIET)
    c.line([(250, 230), (800, 230)], width=1.5)
    for x in (columns[0], columns[3]):
        c.box((x - 34, 113), (68, 178), MARK)
    c.text((columns[0], 345), "1, 0 gives 1", bold=True)
    c.text((columns[3], 345), "1, 0 gives 0", bold=True)
    c.arrow([(columns[0] + 70, 345), (columns[3] - 70, 345)], color=QUIET, width=1.5)
    c.text(((columns[0] + columns[3]) / 2, 329), "time", size=14, color=QUIET)
    return c


def _block(c: Canvas, at: Point, size: tuple[float, float, float], cut: str = "") -> None:
    """Draw a box with time to the right, units upwards and examples to the back; darken one cut."""
    (x, y), (w, h, d) = at, size
    sx, sy = 0.62 * d, -0.42 * d  # the direction to the back

    def face(*corners: tuple[float, float, float], dark: bool = False) -> None:
        kind = Kind("#8f8f8f", "#222222") if dark else Kind(INPUT.fill, INPUT.line)
        c.polygon([(x + w * r + sx * b, y + h * u + sy * b) for r, u, b in corners], kind)

    face((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0))  # front
    face((0, 0, 0), (1, 0, 0), (1, 0, 1), (0, 0, 1))  # top
    face((1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 0))  # right
    if cut == "time":
        face((0.4, 0, 0), (0.5, 0, 0), (0.5, 1, 0), (0.4, 1, 0), dark=True)
        face((0.4, 0, 0), (0.5, 0, 0), (0.5, 0, 1), (0.4, 0, 1), dark=True)
    elif cut == "example":
        face((0, 0, 0.4), (1, 0, 0.4), (1, 0, 0.55), (0, 0, 0.55), dark=True)
        face((1, 0, 0.4), (1, 0, 0.55), (1, 1, 0.55), (1, 1, 0.4), dark=True)
    elif cut == "unit":
        face((0, 0.4, 0), (1, 0.4, 0), (1, 0.52, 0), (0, 0.52, 0), dark=True)
        face((1, 0.4, 0), (1, 0.4, 1), (1, 0.52, 1), (1, 0.52, 0), dark=True)


def data_cube() -> Canvas:
    """Draw the array of inputs, and the three ways to cut it."""
    c = Canvas(
        860,
        440,
        "The input array and its three cuts",
        "A box: height n_x, units; depth m, examples; length from left to right T_x, time steps. Fixing the step gives "
        "shape (n_x, m); fixing the example gives (n_x, T_x); fixing the unit gives (m, T_x).",
    )
    x, y, w, h, d = 110, 150, 210, 190, 130
    _block(c, (x, y), (w, h, d))
    c.text((x + w / 2 + 50, 40), "x: shape (n_{x}, m, T_{x})", size=18, bold=True)
    c.arrow([(x, y + h + 18), (x + w, y + h + 18)])
    c.text((x + w / 2, y + h + 38), "T_{x} time steps", size=15)
    c.arrow([(x - 18, y), (x - 18, y + h)])
    c.text((x - 28, y + h / 2 - 10), "n_{x}", size=15, anchor="end")
    c.text((x - 28, y + h / 2 + 10), "units", size=15, anchor="end")
    c.arrow([(x + w + 14, y + h + 8), (x + w + 14 + 0.62 * d, y + h + 8 - 0.42 * d)])
    c.text((x + w + 62, y + h + 8), "m examples", size=15, anchor="start")
    cuts = (
        ("time", "x[:, :, 3]", "(n_{x}, m)", "one time step,", "all examples: xt"),
        ("example", "x[:, 6, :]", "(n_{x}, T_{x})", "one example,", "all its time"),
        ("unit", "x[17, :, :]", "(m, T_{x})", "one unit,", "everywhere"),
    )
    for k, (cut, code, shape, what, more) in enumerate(cuts):
        top = 40 + 134 * k
        if cut == "time":
            c.box((492, top - 22), (352, 128), Kind("#ffffff", INK, corner=8))
        _block(c, (510, top + 30), (84, 62, 52), cut)
        c.code((650, top + 6), code, size=16, anchor="start")
        c.text((650, top + 31), shape, size=16, anchor="start", bold=True)
        c.text((650, top + 59), what, size=15, anchor="start")
        c.text((650, top + 80), more, size=15, anchor="start")
    return c


def rnn_cell() -> Canvas:
    """Draw one cell: two things in, two out."""
    c = Canvas(
        860,
        470,
        "One recurrent cell",
        "The old state, through Waa, the input, through Wax, and the bias ba meet in a sum, which passes through tanh "
        "and becomes the new state. The new state goes on to the right and, through Wya, plus by, and softmax, up to "
        "the prediction.",
    )
    c.box((190, 105), (480, 255), FRAME)
    blue, level = STATE.line, 285
    c.box((24, level - 27), (96, 54), STATE, "a^{<t-1>}", text_size=20)
    c.arrow([(120, level), (216, level)], color=blue, width=3)
    c.text((155, level - 18), "(n_{a}, m)", size=13, color=QUIET)
    c.box((218, level - 22), (62, 44), WEIGHT, "W_{aa}")
    c.arrow([(280, level), (342, level)], color=blue, width=3)
    c.circle((362, level), 19, PLAIN, "+", text_size=24)

    c.box((314, 400), (96, 54), INPUT, "x^{<t>}", text_size=20)
    c.arrow([(362, 400), (362, 352)], color=INPUT.line, width=3)
    c.text((376, 381), "(n_{x}, m)", size=13, anchor="start", color=QUIET)
    c.box((331, 318), (62, 34), WEIGHT, "W_{ax}")
    c.line([(362, 318), (362, 305)], color=INPUT.line, width=3)
    c.box((338, 200), (48, 34), WEIGHT, "b_{a}")
    c.arrow([(362, 234), (362, 265)])

    c.arrow([(381, level), (438, level)])
    c.box((440, level - 24), (74, 48), PLAIN, "tanh")
    c.arrow([(514, level), (738, level)], color=blue, width=3)
    c.text((706, level - 18), "(n_{a}, m)", size=13, color=QUIET)
    c.box((740, level - 27), (96, 54), STATE, "a^{<t>}", text_size=20)
    c.text((788, level + 46), "next step", size=13, color=QUIET)
    c.text((72, level + 46), "last step", size=13, color=QUIET)

    c.circle((590, level), 4, Kind(blue, blue))
    c.arrow([(590, level), (590, 248)], color=blue, width=3)
    c.box((559, 212), (62, 34), WEIGHT, "W_{ya}")
    c.arrow([(590, 212), (590, 194)])
    c.circle((590, 177), 15, PLAIN, "+", text_size=20)
    c.box((496, 160), (48, 34), WEIGHT, "b_{y}")
    c.arrow([(544, 177), (574, 177)])
    c.arrow([(590, 162), (590, 149)])
    c.box((547, 115), (86, 33), PLAIN, "softmax", text_size=16)
    c.arrow([(590, 115), (590, 76)], color=PREDICTION.line, width=3)
    c.text((604, 92), "(n_{y}, m)", size=13, anchor="start", color=QUIET)
    c.box((542, 20), (96, 54), PREDICTION, "y\u0302^{<t>}", text_size=20)
    c.text((206, 128), "rnn_cell_forward", size=15, anchor="start", color=QUIET)
    return c


def shape_blocks() -> Canvas:
    """Draw the weighted sum of the new state to scale."""
    c = Canvas(
        860,
        262,
        "The shapes in the sum of the new state",
        "Drawn to scale for n_a = 4, n_x = 3, m = 5: Waa, 4 by 4, times the old state, 4 by 5, plus Wax, 4 by 3, times "
        "the input, 3 by 5, plus ba, 4 by 1, make 4 by 5. One column, one example, is marked throughout.",
    )
    unit, middle = 23, 124
    blocks = (
        ("W_{aa}", "(n_{a}, n_{a})", 4, 4, WEIGHT, "\u00b7"),
        ("a^{<t-1>}", "(n_{a}, m)", 4, 5, STATE, "+"),
        ("W_{ax}", "(n_{a}, n_{x})", 4, 3, WEIGHT, "\u00b7"),
        ("x^{<t>}", "(n_{x}, m)", 3, 5, INPUT, "+"),
        ("b_{a}", "(n_{a}, 1)", 4, 1, WEIGHT, "="),
        ("sum", "(n_{a}, m)", 4, 5, PLAIN, ""),
    )
    x = 30.0
    for name, shape, rows, columns, kind, after in blocks:
        w, h = columns * unit, rows * unit
        top = middle - h / 2
        c.grid((x, top), rows, columns, unit, kind)
        if columns == 5:  # five examples: a block whose columns are examples
            c.box((x + unit, top - 4), (unit, h + 8), Kind("#00000022", INK, dash="4 3"))
        c.text((x + w / 2, 46), name, size=18)
        c.text((x + w / 2, 202), shape, size=14, bold=True)
        x += w
        c.text((x + 24, middle), after, size=24)
        x += 48
    c.text((430, 236), "the dashed column is one example, all the way through", size=14, color=QUIET)
    return c


def rnn_unrolled() -> Canvas:
    """Draw the cell over time: one set of weights, one state handed on."""
    c = Canvas(
        860,
        416,
        "The same cell at every time step",
        "From left to right the same cell reads x of step 1, 2 and so on to T_x, gives a prediction above, and hands "
        "its state to the right; the first is given a of 0. One set of parameters serves all steps.",
    )
    blue, level = STATE.line, 190
    c.box((20, level - 24), (72, 48), STATE, "a^{<0>}")
    c.code((56, level + 42), "a0", color=QUIET)
    steps = (
        (214, "1", "x[:, :, 0]", "a^{<1>}"),
        (424, "2", "x[:, :, 1]", "a^{<2>}"),
        (694, "T_x", "x[:, :, -1]", "a^{<Tx>}"),
    )
    left = 92.0
    for x, step, code, state in steps:
        c.box((x - 55, level - 42), (110, 84), FRAME)
        c.text((x, level - 12), "cell", size=18, bold=True)
        c.text((x, level + 16), "W, b", size=15, color=QUIET)
        c.arrow([(left, level), (x - 57, level)], color=blue, width=3)
        c.box((x - 36, 296), (72, 44), INPUT, f"x^{{<{step.replace('_', '')}>}}")
        c.arrow([(x, 296), (x, level + 44)], color=INPUT.line, width=3)
        c.code((x, 358), code, color=QUIET)
        c.box((x - 36, 34), (72, 44), PREDICTION, f"y\u0302^{{<{step.replace('_', '')}>}}")
        c.arrow([(x, level - 42), (x, 80)], color=PREDICTION.line, width=3)
        c.text((x + 83, level - 20), state)
        left = x + 55 if step != "2" else 588  # dots stand between step 2 and the last
    c.arrow([(479, level), (534, level)], color=blue, width=3)
    c.text((560, level), "\u2026", size=26)
    c.arrow([(749, level), (820, level)], color=blue, width=3)
    c.text((430, 392), "W, b: the same W_{aa}, W_{ax}, W_{ya}, b_{a}, b_{y} in every cell", size=15)
    return c


def caches_drawer() -> Canvas:
    """Draw the caches as a chest of drawers."""
    c = Canvas(
        860,
        408,
        "The caches as a chest of drawers",
        "One drawer per time step, in the order of time; each has the compartments a_next, a_prev, xt, parameters. The "
        "list of drawers and the whole input x make the pair caches.",
    )
    names = (("a_next", STATE), ("a_prev", STATE), ("xt", INPUT), ("parameters", WEIGHT))
    widths = (104, 104, 84, 124)
    c.box((150, 98), (464, 290), FRAME)
    c.code((382, 78), "cache_list", size=17)
    for k, (y, label) in enumerate(((114, "t = 1"), (184, "t = 2"), (310, "t = T_{x}"))):
        c.text((138, y + 29), label, anchor="end")
        c.box((164, y), (436, 58), Kind("#ffffff", "#6e675a", corner=6))
        x = 174.0
        for (name, kind), w in zip(names, widths, strict=True):
            c.box((x, y + 9), (w - 4, 40), kind)
            c.code((x + w / 2 - 2, y + 29), name, size=15)
            x += w
        c.code((30, y + 29), ("[0]", "[1]", "[-1]")[k], color=QUIET, anchor="start")
    c.text((382, 276), "\u22ee", size=28)
    c.box((690, 150), (124, 176), INPUT)
    c.code((752, 226), "x", size=22)
    c.text((752, 258), "(n_{x}, m, T_{x})", size=14)
    c.code((752, 78), "x", size=17)
    c.code((430, 30), "caches = (cache_list, x)", size=18)
    return c


def adder() -> Canvas:
    """Draw the three units that add."""
    c = Canvas(
        860,
        464,
        "Three units that add binary numbers",
        "Two digits below feed three units with weight 10. The units ask for at least one, at least two and all three "
        "ones among digits and carry. Unit 2 is the carry and feeds all three in the next step with weight 5. Unit 1 "
        "minus unit 2 plus unit 3 gives the digit of the sum.",
    )
    units = ((230, "unit 1", "at least one"), (430, "unit 2", "at least two"), (630, "unit 3", "all three"))
    inputs = ((230, "a_{2}^{<t-1>}", STATE, 3.0), (430, "x_{1}^{<t>}", INPUT, 1.8), (630, "x_{2}^{<t>}", INPUT, 1.8))
    for x, label, kind, width in inputs:
        for u, _, _ in units:
            c.arrow([(x, 350), _towards((u, 232), (x, 350))], color=kind.line, width=width)
        c.box((x - 42, 350), (84, 52), kind, label, text_size=20)
    loop = [(466, 204), (500, 176), (790, 176), (790, 440), (230, 440), (230, 404)]
    c.arrow(loop, color=STATE.line, width=3)
    for (u, name, asks), sign in zip(units, "+-+", strict=True):
        top = (430 + (u - 430) * 0.25, 92)
        c.arrow([_towards((u, 232), top), top], color=PREDICTION.line, width=2.5)
        c.text((top[0] + 0.45 * (u - top[0]) + (-22 if u <= 430 else 22), 142), sign, size=22, bold=True)
        c.circle((u, 232), 45, STATE)
        c.text((u, 222), name, bold=True)
        c.text((u, 243), asks, size=12.5)
    c.box((320, 30), (220, 60), PREDICTION)
    c.text((430, 60), "digit of the sum", size=17)
    c.text((780, 158), "the carry, handed on", size=14, color=QUIET, anchor="end")
    c.text((178, 366), "old carry", size=14, color=QUIET, anchor="end")
    c.text((178, 386), "weight 5", size=14, color=QUIET, anchor="end")
    c.text((682, 366), "two digits", size=14, color=QUIET, anchor="start")
    c.text((682, 386), "weight 10", size=14, color=QUIET, anchor="start")
    return c


def _towards(centre: Point, other: Point, radius: float = 47) -> Point:
    """Return the point on the rim of a unit that faces another point."""
    dx, dy = other[0] - centre[0], other[1] - centre[1]
    length = (dx * dx + dy * dy) ** 0.5
    return centre[0] + radius * dx / length, centre[1] + radius * dy / length


FIGURES: dict[str, Callable[[], Canvas]] = {
    "adder.svg": adder,
    "caches_drawer.svg": caches_drawer,
    "column_addition.svg": column_addition,
    "data_cube.svg": data_cube,
    "rnn_cell.svg": rnn_cell,
    "rnn_unrolled.svg": rnn_unrolled,
    "shape_blocks.svg": shape_blocks,
}
