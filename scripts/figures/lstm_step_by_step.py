"""The figures of the second notebook: the LSTM's cell, its three acts, its stack, its two lanes, its cache."""

from collections.abc import Callable

from figures.canvas import (
    CANDIDATE,
    CELL,
    FRAME,
    GATE,
    INK,
    INPUT,
    PLAIN,
    PREDICTION,
    QUIET,
    STATE,
    WEIGHT,
    Canvas,
    Kind,
)

GREEN, BLUE, VIOLET = CELL.line, STATE.line, GATE.line
LANE = 6  # width of the cell state's line: the conveyor


# where the parts of the cell stand: two lanes, the gates' level, the four columns, the way out and the way up
TOP, GATES, LOW = 165, 325, 470
F, I, CCT, O = 252.0, 354.0, 456.0, 548.0  # noqa: E741 (the field's names)
OUT, UP = 616.0, 692.0


def lstm_cell() -> Canvas:
    """Draw one cell: the lane of the cell state on top, the lane of the hidden state below, four gates between."""
    c = Canvas(
        860,
        640,
        "One LSTM cell",
        "Above, a straight lane carries the cell state from left to right: it is multiplied by the forget gate f, then "
        "the product of the gate i and the candidate is added. Below, the old hidden state is stacked on the input and "
        "feeds f, i, the candidate and o. The new cell state, through tanh and times o, is the new hidden state, which "
        "leaves to the right and, through Wy, by and softmax, upwards as the prediction.",
    )
    c.box((134, 108), (600, 430), FRAME)
    c.text((718, 520), "lstm_cell_forward", size=15, anchor="end", color=QUIET)
    for x, y, kind, name in (
        (18, TOP, CELL, "c^{<t-1>}"),
        (746, TOP, CELL, "c^{<t>}"),
        (18, LOW, STATE, "a^{<t-1>}"),
        (746, LOW, STATE, "a^{<t>}"),
    ):
        c.box((x, y - 27), (96, 54), kind, name, text_size=20)
        c.text((x + 48, y + 44), "(n_{a}, m)", size=14, color=QUIET)
    _stack_and_gates(c)
    _forget_and_write(c)
    _read_and_predict(c)

    c.times((36, 36), 13)
    c.text((58, 36), "product, entry by entry", size=14, anchor="start", color=QUIET)
    c.plus((36, 68), 13)
    c.text((58, 68), "sum", size=14, anchor="start", color=QUIET)
    c.gate((284, 36), 13, 0.5)
    c.text((306, 36), "gate: empty is 0, full is 1", size=14, anchor="start", color=QUIET)
    c.text((276, 68), "\u03c3", size=16, anchor="start")
    c.text((306, 68), "sigmoid", size=14, anchor="start", color=QUIET)
    return c


def _stack_and_gates(c: Canvas) -> None:
    """Draw the way from the old state and the input, stacked, to the three gates and the candidate."""
    c.arrow([(114, LOW), (146, LOW)], color=BLUE, width=3)
    c.box((148, LOW - 24), (64, 48), PLAIN, "stack", text_size=17)
    c.box((132, 572), (96, 54), INPUT, "x^{<t>}", text_size=20)
    c.arrow([(180, 572), (180, LOW + 26)], color=INPUT.line, width=3)
    c.text((192, 554), "(n_{x}, m)", size=14, anchor="start", color=QUIET)
    c.line([(212, LOW), (O, LOW)])
    c.text((300, LOW + 20), "z", size=18)
    c.text((318, LOW + 20), "(n_{a} + n_{x}, m)", size=14, anchor="start", color=QUIET)
    for x, name, squash in ((F, "f", "\u03c3"), (I, "i", "\u03c3"), (CCT, "c", "tanh"), (O, "o", "\u03c3")):
        if x != O:
            c.dot((x, LOW))
        c.arrow([(x, LOW), (x, 434)])
        c.box((x - 38, 400), (76, 34), WEIGHT, f"W_{{{name}}}  b_{{{name}}}", text_size=17)
        c.arrow([(x, 400), (x, GATES + 30)])
        c.text((x + 10, 380), squash, size=15, anchor="start", color=QUIET)
    for x, name, code, fill in ((F, "f^{<t>}", "ft", 0.85), (I, "i^{<t>}", "it", 0.4), (O, "o^{<t>}", "ot", 0.6)):
        c.gate((x, GATES), 28, fill, name)
        c.code((x - 34, GATES - 2), code, anchor="end", color=QUIET)
    c.box((CCT - 28, GATES - 28), (56, 56), CANDIDATE, "c\u0303^{<t>}", text_size=20)
    c.code((CCT - 34, GATES - 2), "cct", anchor="end", color=QUIET)


def _forget_and_write(c: Canvas) -> None:
    """Draw the lane of the cell state, and what meets it: first a product, then a sum."""
    write = (I + CCT) / 2
    c.arrow([(114, TOP), (F - 20, TOP)], color=GREEN, width=LANE)
    c.arrow([(F + 19, TOP), (write - 20, TOP)], color=GREEN, width=LANE)
    c.arrow([(write + 19, TOP), (744, TOP)], color=GREEN, width=LANE)
    c.times((F, TOP))
    c.plus((write, TOP))
    c.arrow([(F, GATES - 28), (F, TOP + 20)], color=VIOLET)
    c.times((write, 245))
    c.arrow([(I, GATES - 28), (I, 245), (write - 20, 245)], color=VIOLET)
    c.arrow([(CCT, GATES - 28), (CCT, 245), (write + 20, 245)], color=GREEN)
    c.arrow([(write, 226), (write, TOP + 20)], color=GREEN)


def _read_and_predict(c: Canvas) -> None:
    """Draw the way from the new cell state to the new hidden state, and from there up to the prediction."""
    c.dot((OUT, TOP), GREEN)
    c.arrow([(OUT, TOP), (OUT, 208)], color=GREEN)
    c.box((OUT - 31, 210), (62, 38), PLAIN, "tanh", text_size=17)
    c.arrow([(OUT, 248), (OUT, GATES - 20)])
    c.times((OUT, GATES))
    c.arrow([(O + 28, GATES), (OUT - 20, GATES)], color=VIOLET)
    c.line([(OUT, GATES + 19), (OUT, LOW), (UP, LOW)], color=BLUE, width=3)
    c.arrow([(UP, LOW), (744, LOW)], color=BLUE, width=3)

    c.dot((UP, LOW), BLUE)
    c.arrow([(UP, LOW), (UP, 420)], color=BLUE, width=3)
    c.box((UP - 28, 362), (56, 56), WEIGHT)
    c.text((UP, 379), "W_{y}", size=17)
    c.text((UP, 402), "b_{y}", size=17)
    c.arrow([(UP, 362), (UP, 262)])
    c.line([(UP, TOP + 10), (UP, TOP - 10)], color=FRAME.fill, width=14)  # the way up passes over the lane
    c.box((UP - 34, 226), (68, 34), PLAIN, "softmax", text_size=15)
    c.arrow([(UP, 226), (UP, 76)], color=PREDICTION.line, width=3)
    c.text((UP + 14, 92), "(n_{y}, m)", size=14, anchor="start", color=QUIET)
    c.box((UP - 48, 20), (96, 54), PREDICTION, "y\u0302^{<t>}", text_size=20)


def lstm_forget_write_read() -> Canvas:
    """Draw the three acts on one conveyor, with the numbers of one unit."""
    c = Canvas(
        860,
        420,
        "Forget, write, read",
        "One cell state of one unit on its way through three panels. Forget: 2.0 times f = 0.9 leaves 1.8. Write: i = "
        "0.5 times the candidate, -0.4, is -0.2; added, it gives 1.6. Read: tanh of 1.6 is 0.92; times o = 0.25 it "
        "gives the hidden state 0.23, while 1.6 travels on.",
    )
    lane, gates = 122, 262
    panels = (
        (14, "1  forget", "f \u2217 c^{<t-1>}", "keep how much?"),
        (296, "2  write", "c^{<t>} = f \u2217 c^{<t-1>} + i \u2217 c\u0303", "take in how much, of what?"),
        (578, "3  read", "a^{<t>} = o \u2217 tanh(c^{<t>})", "show how much?"),
    )
    for x, name, formula, asks in panels:
        c.box((x, 14), (268, 392), FRAME)
        c.text((x + 18, 40), name, size=18, bold=True, anchor="start")
        c.text((x + 134, 356), formula, size=18)
        c.text((x + 134, 385), asks, size=15, color=QUIET)

    c.box((28, lane - 24), (74, 48), CELL, "2.0")
    c.text((65, lane - 42), "c^{<t-1>}", size=15)
    c.arrow([(102, lane), (146, lane)], color=GREEN, width=LANE)
    c.times((166, lane))
    c.gate((166, gates), 28, 0.9, "f")
    c.text((206, gates), "0.9", anchor="start")
    c.arrow([(166, gates - 28), (166, lane + 20)], color=VIOLET)
    c.arrow([(185, lane), (405, lane)], color=GREEN, width=LANE)
    c.text((245, lane - 20), "1.8")

    c.plus((425, lane))
    c.times((425, 196))
    c.arrow([(425, 177), (425, lane + 20)], color=GREEN)
    c.text((438, 158), "-0.2", anchor="start")
    c.gate((362, gates), 28, 0.5, "i")
    c.text((328, gates), "0.5", anchor="end")
    c.arrow([(362, gates - 28), (362, 196), (405, 196)], color=VIOLET)
    c.box((450, gates - 28), (56, 56), CANDIDATE, "c\u0303", text_size=20)
    c.text((514, gates), "-0.4", size=15, anchor="start")
    c.arrow([(478, gates - 28), (478, 196), (445, 196)], color=GREEN)
    c.arrow([(444, lane), (756, lane)], color=GREEN, width=LANE)
    c.text((510, lane - 20), "1.6")

    c.box((758, lane - 24), (74, 48), CELL, "1.6")
    c.text((795, lane - 42), "c^{<t>}", size=15)
    c.dot((660, lane), GREEN)
    c.arrow([(660, lane), (660, 158)], color=GREEN)
    c.box((630, 160), (60, 36), PLAIN, "tanh", text_size=17)
    c.text((672, 219), "0.92", size=15, anchor="start")
    c.arrow([(660, 196), (660, gates - 20)])
    c.times((660, gates))
    c.gate((612, 304), 20, 0.25, "o", text_size=17)
    c.text((638, 308), "0.25", size=15, anchor="start")
    c.arrow([(612, 284), (612, gates), (640, gates)], color=VIOLET)
    c.arrow([(679, gates), (756, gates)], color=BLUE, width=3)
    c.box((758, gates - 24), (74, 48), STATE, "0.23")
    c.text((795, gates - 42), "a^{<t>}", size=15)
    return c


def stacking() -> Canvas:
    """Draw to scale how the old state on top of the input makes z, and which columns of the weights meet which."""
    c = Canvas(
        860,
        372,
        "The old state stacked on the input",
        "Drawn to scale for n_a = 4, n_x = 3, m = 5. The old state, 4 by 5, on top of the input, 3 by 5, makes z, 7 by "
        "5. Wf, 4 by 7, has a left block of 4 columns, which meets the state's rows, and a right block of 3 columns, "
        "which meets the input's rows. Wf times z plus bf, 4 by 1, is 4 by 5.",
    )
    unit, top = 22, 92
    rows_a, rows_x, examples = 4, 3, 5
    wide, a_high, x_high = examples * unit, rows_a * unit, rows_x * unit

    left = 84
    c.grid((left, top - 16), rows_a, examples, unit, STATE)
    c.grid((left, top + a_high + 12), rows_x, examples, unit, INPUT)
    c.text((left + wide / 2, 50), "a^{<t-1>}", size=18)
    c.text((left + wide / 2, top + a_high + x_high + 32), "x^{<t>}", size=18)
    _height(c, left - 14, top - 16, a_high, "n_{a}")
    _height(c, left - 14, top + a_high + 12, x_high, "n_{x}")
    c.arrow([(left + wide + 12, top + 77), (left + wide + 56, top + 77)])
    c.text((left + wide + 34, top + 58), "stack", size=15)

    z = left + wide + 66
    c.grid((z, top), rows_a, examples, unit, STATE)
    c.grid((z, top + a_high), rows_x, examples, unit, INPUT)
    c.text((z + wide / 2, 66), "z", size=18)
    c.text((z + wide / 2, 276), "(n_{a} + n_{x}, m)", size=15, bold=True)

    w = z + wide + 84
    middle = top + (a_high + x_high) / 2
    w_top = middle - a_high / 2
    c.grid((w, w_top), rows_a, rows_a, unit, Kind("#e7f0fb", WEIGHT.line))
    c.grid((w + a_high, w_top), rows_a, rows_x, unit, Kind("#efefef", WEIGHT.line))
    c.line([(w + a_high, w_top - 8), (w + a_high, w_top + a_high + 8)], width=3.5)
    c.text((w + 3.5 * unit, 66), "W_{f}", size=18)
    c.text((w + a_high / 2, w_top - 20), "for a", size=15)
    c.text((w + a_high + x_high / 2, w_top - 20), "for x", size=15)
    c.text((w + a_high / 2, w_top + a_high + 20), "n_{a}", size=15)
    c.text((w + a_high + x_high / 2, w_top + a_high + 20), "n_{x}", size=15)
    c.text((w + 3.5 * unit, 276), "(n_{a}, n_{a} + n_{x})", size=15, bold=True)

    c.text((w + 7 * unit + 17, middle), "\u00b7", size=28)
    again = w + 7 * unit + 34
    c.grid((again, top), rows_a, examples, unit, STATE)
    c.grid((again, top + a_high), rows_x, examples, unit, INPUT)
    c.text((again + wide / 2, 66), "z", size=18)
    c.text((again + wide + 18, middle), "+", size=24)
    b = again + wide + 36
    c.grid((b, w_top), rows_a, 1, unit, WEIGHT)
    c.text((b + unit / 2, 66), "b_{f}", size=18)
    c.text((b + unit / 2, 276), "(n_{a}, 1)", size=15, bold=True)
    for start in (left, z, again):
        offset = 16 if start == left else 0
        tall = a_high + x_high + (28 if start == left else 0)
        c.box((start + unit, top - 4 - offset), (unit, tall + 8), Kind("#00000022", INK, dash="4 3"))
    c.text((430, 318), "W_{f} \u00b7 z + b_{f}: (n_{a}, m).  W_{i}, W_{c} and W_{o} are cut the same way.", size=17)
    c.text((430, 346), "the dashed column is one example", size=15, color=QUIET)
    return c


def _height(c: Canvas, x: float, top: float, high: float, name: str) -> None:
    """Draw a bracket along the left side of a block, with the name of its height."""
    c.line([(x + 6, top), (x, top), (x, top + high), (x + 6, top + high)], width=1.5)
    c.text((x - 8, top + high / 2), name, size=17, anchor="end")


def lstm_unrolled() -> Canvas:
    """Draw the LSTM over time: two lanes from cell to cell."""
    c = Canvas(
        860,
        470,
        "The LSTM over time",
        "From left to right the same cell reads x of step 1, 2 and so on to T_x, and predicts, above. Two lanes run "
        "from cell to cell: the thick lane of the cell state c on top, which starts at zeros, and the lane of the "
        "hidden state a, which starts at a0. One set of parameters serves all steps.",
    )
    upper, lower = 176, 254
    c.box((18, upper - 25), (84, 50), CELL, "c^{<0>}")
    c.text((60, upper - 42), "zeros", size=15, color=QUIET)
    c.box((18, lower - 25), (84, 50), STATE, "a^{<0>}")
    c.code((60, lower + 42), "a0", size=15, color=QUIET)
    steps = ((222, "1", "x[:, :, 0]"), (432, "2", "x[:, :, 1]"), (698, "Tx", "x[:, :, -1]"))
    left = 102.0
    for x, step, code in steps:
        c.box((x - 55, upper - 42), (110, lower - upper + 84), FRAME)
        c.text((x, 204), "cell", size=18, bold=True)
        c.text((x, 230), "W, b", size=15, color=QUIET)
        for level, color, width in ((upper, GREEN, LANE), (lower, BLUE, 3)):
            c.arrow([(left, level), (x - 57, level)], color=color, width=width)
        c.box((x - 38, 348), (76, 46), INPUT, f"x^{{<{step}>}}")
        c.arrow([(x, 348), (x, lower + 44)], color=INPUT.line, width=3)
        c.code((x, 412), code, size=15, color=QUIET)
        c.box((x - 38, 24), (76, 46), PREDICTION, f"y\u0302^{{<{step}>}}")
        c.arrow([(x, upper - 42), (x, 72)], color=PREDICTION.line, width=3)
        c.text((x + 86, upper - 22), f"c^{{<{step}>}}")
        c.text((x + 86, lower - 20), f"a^{{<{step}>}}")
        left = x + 55 if step != "2" else 592  # dots stand between step 2 and the last
    for level, color, width in ((upper, GREEN, LANE), (lower, BLUE, 3)):
        c.arrow([(487, level), (542, level)], color=color, width=width)
        c.text((568, level), "\u2026", size=26)
        c.arrow([(753, level), (832, level)], color=color, width=width)
    c.text((430, 446), "both lanes carry (n_{a}, m); W, b: the same ten parameters in every cell", size=16)
    return c


def lstm_cache_drawer() -> Canvas:
    """Draw the ten fields of the cell's cache, in order, as a chest of drawers."""
    c = Canvas(
        860,
        596,
        "The cache of one step, ten drawers",
        "From top to bottom, numbered 0 to 9: a_next, c_next, a_prev, c_prev, ft, it, cct, ot, all of shape (n_a, m); "
        "xt, shape (n_x, m); parameters, a dictionary.",
    )
    states, inputs = "(n_{a}, m)", "(n_{x}, m)"
    drawers = (
        ("a_next", "a^{<t>}", STATE, states, "the new hidden state"),
        ("c_next", "c^{<t>}", CELL, states, "the new cell state"),
        ("a_prev", "a^{<t-1>}", STATE, states, "the old hidden state"),
        ("c_prev", "c^{<t-1>}", CELL, states, "the old cell state"),
        ("ft", "f^{<t>}", GATE, states, "forget gate, 0 to 1"),
        ("it", "i^{<t>}", GATE, states, "update gate, 0 to 1"),
        ("cct", "c\u0303^{<t>}", CANDIDATE, states, "candidate, -1 to 1"),
        ("ot", "o^{<t>}", GATE, states, "output gate, 0 to 1"),
        ("xt", "x^{<t>}", INPUT, inputs, "the input of this step"),
        ("parameters", "W, b", WEIGHT, "", "the dictionary of all ten"),
    )
    c.code((430, 30), "cache: one tuple, ten fields, always in this order", size=17)
    c.box((84, 54), (424, 528), FRAME)
    for k, (code, symbol, kind, shape, words) in enumerate(drawers):
        y = 64 + 51 * k
        c.code((30, y + 23), f"[{k}]", size=16, color=QUIET, anchor="start")
        c.box((98, y), (396, 46), Kind("#ffffff", "#6e675a", corner=6))
        if kind is GATE:
            c.gate((140, y + 23), 20, 0.5)
        else:
            c.box((106, y + 6), (68, 34), Kind(kind.fill, kind.line, corner=min(kind.corner, 17)))
        c.text((140, y + 23), symbol, size=15)
        c.code((190, y + 23), code, size=18, anchor="start")
        if shape:
            c.text((480, y + 23), shape, size=16, anchor="end")
        c.text((530, y + 23), words, size=17, anchor="start")
    return c


FIGURES: dict[str, Callable[[], Canvas]] = {
    "lstm_cache_drawer.svg": lstm_cache_drawer,
    "lstm_cell.svg": lstm_cell,
    "lstm_forget_write_read.svg": lstm_forget_write_read,
    "lstm_unrolled.svg": lstm_unrolled,
    "stacking.svg": stacking,
}
