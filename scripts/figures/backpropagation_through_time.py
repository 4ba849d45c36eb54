"""The figures of the third notebook: one weight's routes, the fork, and the backward passes of both cells."""

from collections.abc import Callable

from figures.canvas import (
    CANDIDATE,
    CARD,
    FRAME,
    GRADIENT,
    INPUT,
    PLAIN,
    PREDICTION,
    QUIET,
    STATE,
    WEIGHT,
    Canvas,
    Kind,
    Point,
)

RED, BLUE = GRADIENT.line, STATE.line
LANE = 5  # width of the cell state's gradient, as its lane is thick on the way forward
PALE = Kind("#f6f4ee", "#b9b3a5", corner=16)  # a cell whose inside is not the subject


def _shape(c: Canvas, at: Point, shape: str, anchor: str = "middle") -> None:
    """Write a shape beside its arrow."""
    c.text(at, shape, size=14, anchor=anchor, color=QUIET)


def _factor(c: Canvas, centre: Point, label: str, width: float) -> None:
    """Draw what a gradient is multiplied by, entry by entry, on its way."""
    c.box((centre[0] - width / 2, centre[1] - 15), (width, 30), PLAIN, label, text_size=15)


def scalar_chain() -> Canvas:
    """Draw one weight, three steps, and the three routes along which the loss depends on it."""
    c = Canvas(
        860,
        476,
        "One weight, three routes to the loss",
        "Forward, in black: one weight w feeds the states 1, 2 and 3; each state feeds the next, state 3 the loss. "
        "Backward, in red and dashed: from the loss to state 3, 2 and 1, and from each of the three up to w. The "
        "gradient of w is the sum of three routes with two, three and four factors.",
    )
    xs, level = (72.0, 232.0, 406.0, 580.0), 224
    c.box((190, 26), (482, 48), WEIGHT, "w: one weight, used in every step", text_size=18)
    for k, x in enumerate(xs):
        c.box((x - 44, level - 30), (88, 60), STATE, f"a^{{<{k}>}}", text_size=20)
        if k:
            c.arrow([(xs[k - 1] + 44, level - 12), (x - 46, level - 12)])
            c.arrow([(x - 18, 74), (x - 18, level - 32)])
            c.back([(x + 18, level - 30), (x + 18, 76)])
            c.text((x + 30, 112), f"route {k}", size=16, anchor="start", bold=True)
            c.text((x + 30, 142), f"\u2202a^{{<{k}>}} / \u2202w", size=16, anchor="start")
        if k > 1:
            c.back([(x - 44, level + 14), (xs[k - 1] + 46, level + 14)])
            c.text(((xs[k - 1] + x) / 2, level + 54), f"\u2202a^{{<{k}>}} / \u2202a^{{<{k - 1}>}}", size=16)
    c.box((740, level - 30), (96, 60), PREDICTION, "loss L", text_size=20)
    c.arrow([(624, level - 12), (738, level - 12)])
    c.back([(740, level + 14), (626, level + 14)])
    c.text((682, level + 54), "\u2202L / \u2202a^{<3>}", size=16)

    far = "\u2202L/\u2202a^{<3>} \u00b7 \u2202a^{<3>}/\u2202a^{<2>}"  # what the two longer routes share
    routes = (
        ("route 3", "\u2202L/\u2202a^{<3>} \u00b7 \u2202a^{<3>}/\u2202w", "2 factors"),
        ("+ route 2", far + " \u00b7 \u2202a^{<2>}/\u2202w", "3 factors"),
        ("+ route 1", far + " \u00b7 \u2202a^{<2>}/\u2202a^{<1>} \u00b7 \u2202a^{<1>}/\u2202w", "4 factors"),
    )
    c.line([(60, 312), (800, 312)], color=QUIET, width=1)
    for k, (name, product, count) in enumerate(routes):
        y = 342 + 34 * k
        c.text((170, y), name, anchor="end", bold=True)
        c.text((196, y), product, anchor="start", size=17)
        c.text((800, y), count, anchor="end", color=QUIET)
    c.text((170, 450), "= dL/dw", anchor="end", bold=True, size=17)
    c.text((196, 450), "the direct way plus every way through the past", anchor="start", color=QUIET)
    return c


def fork() -> Canvas:
    """Draw the state going two ways, and the two gradients that therefore come back."""
    c = Canvas(
        860,
        420,
        "A fork forward is a sum backward",
        "Forward: the state a of t leaves its cell and forks, up to the prediction and right to the next cell. "
        "Backward, red and dashed: da_out comes down from the prediction, da_future comes from the next cell on the "
        "right; they meet in a sum, da_next, which enters the cell of step t from the right.",
    )
    ahead, back = 182, 322
    for x, name in ((128, "t"), (706, "t + 1")):
        c.box((x, 128), (132, 250), FRAME)
        c.text((x + 66, 238), "cell", size=18, bold=True)
        c.text((x + 66, 264), name, size=18)
    c.arrow([(36, ahead), (126, ahead)], color=BLUE, width=3)
    c.back([(128, back), (36, back)])
    c.arrow([(260, ahead), (316, ahead)], color=BLUE, width=3)
    c.box((318, ahead - 27), (92, 54), STATE, "a^{<t>}", text_size=20)
    c.line([(410, ahead), (466, ahead)], color=BLUE, width=3)
    c.arrow([(466, ahead), (704, ahead)], color=BLUE, width=3)
    c.arrow([(466, ahead), (466, 82)], color=BLUE, width=3)
    c.dot((466, ahead), BLUE)
    c.box((434, 24), (136, 56), PREDICTION, "y\u0302^{<t>}, loss", text_size=18)

    c.line([(538, ahead + 9), (538, ahead - 9)], color=CARD, width=14)  # the gradient passes over the state's line
    c.back([(538, 80), (538, back - 20)])
    c.code((554, 116), "da_out", size=17, anchor="start")
    c.code((554, 142), "da[:, :, t]", size=15, anchor="start", color=QUIET)
    c.back([(706, back), (558, back)])
    c.code((630, back - 22), "da_future", size=17)
    c.text((630, back + 24), "da_prev of t + 1", size=14, color=QUIET)
    c.plus((538, back))
    c.back([(519, back), (262, back)])
    c.code((392, back - 22), "da_next = da_out + da_future", size=15)
    c.text((78, ahead - 20), "forward", size=15, color=QUIET)
    c.text((78, back - 20), "backward", size=15, color=QUIET)
    c.code((78, back + 22), "da_prev", size=15)
    c.text((430, 400), "every arrow carries (n_{a}, m)", size=15, color=QUIET)
    return c


def rnn_cell_backward() -> Canvas:
    """Draw one cell backwards: one gradient in, five out."""
    c = Canvas(
        860,
        540,
        "The recurrent cell, backwards",
        "From the right da_next is multiplied, entry by entry, by 1 minus a_next squared: dtanh. From there one way "
        "leads left through Waa transposed to da_prev, one down through Wax transposed to dxt, and three up: times "
        "a_prev transposed to dWaa, times xt transposed to dWax, and summed over the batch to dba.",
    )
    c.box((134, 124), (600, 300), FRAME)
    c.text((718, 406), "rnn_cell_backward", size=15, anchor="end", color=QUIET)
    level, fork_x = 294, 478
    _gradient(c, (790, level), "da_next", "(n_{a}, m)")
    c.back([(742, level), (668, level)])
    c.times((648, level))
    c.box((592, 184), (112, 44), STATE, "1 - a^{2}", text_size=18)
    c.code((648, 166), "a_next", size=15, color=QUIET)
    c.arrow([(648, 228), (648, level - 20)], color=BLUE)
    c.back([(629, level), (598, level)])
    _gradient(c, (550, level), "dtanh", "(n_{a}, m)")
    c.back([(502, level), (350, level)])
    c.dot((fork_x, level), RED)
    c.box((282, level - 22), (66, 44), WEIGHT, "W_{aa}^{T} \u00b7")
    c.back([(282, level), (118, level)])
    _gradient(c, (66, level), "da_prev", "(n_{a}, m)")

    c.back([(fork_x, level), (fork_x, 358)])
    c.box((fork_x - 33, 360), (66, 44), WEIGHT, "W_{ax}^{T} \u00b7")
    c.back([(fork_x, 404), (fork_x, 456)])
    c.box((fork_x - 48, 458), (96, 50), GRADIENT)
    c.code((fork_x, 483), "dxt", size=17)
    _shape(c, (fork_x + 60, 483), "(n_{x}, m)", "start")

    c.line([(fork_x, level), (fork_x, 232), (212, 232)], color=RED, width=2.5, dash="7 4")
    for x, name, shape, op, kind in (
        (212, "dWaa", "(n_{a}, n_{a})", "\u00b7 a_{prev}^{T}", STATE),
        (345, "dWax", "(n_{a}, n_{x})", "\u00b7 xt^{T}", INPUT),
        (fork_x, "dba", "(n_{a}, 1)", "\u03a3 over m", PLAIN),
    ):
        c.back([(x, 232), (x, 192)])
        c.box((x - 48, 152), (96, 38), kind, op, text_size=17)
        c.back([(x, 152), (x, 92)])
        c.box((x - 48, 40), (96, 50), GRADIENT)
        c.code((x, 65), name, size=17)
        _shape(c, (x, 24), shape)
    c.dot((345, 232), RED)
    return c


def _gradient(c: Canvas, centre: Point, code: str, shape: str = "", width: float = 96) -> None:
    """Draw a gradient by its name in code, its shape below."""
    x, y = centre
    c.box((x - width / 2, y - 26), (width, 52), GRADIENT)
    c.code((x, y), code, size=17)
    if shape:
        _shape(c, (x, y + 42), shape)


def rnn_backward() -> Canvas:
    """Draw the whole sequence backwards: the carry from step to step, the weights' gradients adding up."""
    c = Canvas(
        860,
        494,
        "The sequence, backwards",
        "From right to left the cells of the steps T_x, 2 and 1. Into each comes, from the right, the sum of da of its "
        "own step, from above, and da_prev of the step after it; the last step gets zeros. Each gives its slice of dx "
        "and adds to dWax, dWaa and dba. What leaves the first step is da0.",
    )
    level = 188
    _sequence(c, level, "rnn cell,", half=46, bar=398)
    for k, right in ((0, 243), (1, 453), (2, 708)):
        c.back([(right, level), ((212, 422, 677)[k], level)])
    for start, end in ((766, 748), (585, 556), (506, 493), (330, 283)):
        c.back([(start, level), (end, level)])
    c.text((530, level), "\u2026", size=26)
    c.code((294, level + 31), "da_prev")
    c.box((768, level - 24), (80, 48), GRADIENT, "zeros", text_size=17)
    c.back([(120, level), (92, level)])
    _gradient(c, (52, level), "da0", "(n_{a}, m)", 76)
    _accumulator(c, 424, "dWax,  dWaa,  dba")
    return c


def _sequence(c: Canvas, level: float, name: str, half: float, bar: float) -> None:
    """Draw three cells, their da from above with a sum at `level`, their dx and their share of the weights below."""
    for x, step, index in ((165, "1", "0"), (375, "2", "1"), (630, "T_{x}", "-1")):
        bottom = level + half
        c.box((x - 45, 142), (90, bottom - 142), PALE)
        c.text((x, (142 + bottom) / 2 - 12), name, size=15)
        c.text((x, (142 + bottom) / 2 + 12), f"t = {step}", size=17, bold=True)
        c.box((x + 37, 24), (120, 46), GRADIENT)
        c.code((x + 97, 47), f"da[:, :, {index}]", size=14)
        c.back([(x + 97, 70), (x + 97, level - 20)])
        c.plus((x + 97, level))
        c.back([(x - 18, bottom), (x - 18, bottom + 46)])
        c.box((x - 106, bottom + 48), (120, 42), GRADIENT)
        c.code((x - 46, bottom + 69), f"dx[:, :, {index}]", size=14)
        c.back([(x + 28, bottom), (x + 28, bar)])


def _accumulator(c: Canvas, y: float, names: str) -> None:
    """Draw where the weights' gradients of all steps add up."""
    c.box((120, y - 24), (610, 48), GRADIENT)
    c.code((425, y), names, size=17)
    c.text((425, y + 44), "one sum for all steps: every step adds its share", size=16, color=QUIET)


def lstm_cell_backward() -> Canvas:
    """Draw the LSTM cell backwards: two lanes, and the four ways into the weights."""
    c = Canvas(
        860,
        690,
        "The LSTM cell, backwards",
        "From the right, above, dc_next; below, da_next. da_next goes times tanh of c to the gate o, and times o times "
        "1 minus tanh of c squared up to the lane, where it is added to dc_next: dc. From dc three ways lead to i, to "
        "the candidate and to f; times f it leaves as dc_prev. From the gates four ways lead through their slopes and "
        "weights to dz, which is split into da_prev and dxt.",
    )
    c.box((134, 70), (600, 530), FRAME)
    c.text((718, 582), "lstm_cell_backward", size=15, anchor="end", color=QUIET)
    top, low = 130.0, 530.0
    _gradient(c, (790, top), "dc_next", "(n_{a}, m)")
    _gradient(c, (66, top), "dc_prev", "(n_{a}, m)")
    _gradient(c, (790, low), "da_next", "(n_{a}, m)")
    _gradient(c, (66, low), "da_prev", "(n_{a}, m)")
    _lanes(c, top, low)
    _gates_backward(c, low)
    c.text((36, 26), "red and dashed: gradients;", size=15, anchor="start", color=QUIET)
    c.box((262, 12), (40, 28), PLAIN, "\u2217 f", text_size=15)
    c.text((312, 26), "times f, entry by entry", size=15, anchor="start", color=QUIET)
    return c


def _lanes(c: Canvas, top: float, low: float) -> None:
    """Draw the lane of dc, the way of da_next up into it, and the ways from dc to the gates."""
    f, i, cct, o, out, gates = 236.0, 332.0, 432.0, 530.0, 638.0, 312.0
    c.back([(742, top), (out + 21, top)], width=LANE)
    c.plus((out, top))
    c.back([(out - 19, top), (116, top)], width=LANE)
    c.code((560, top - 24), "dc", size=18)
    _shape(c, (560, top + 24), "(n_{a}, m)")
    c.line([(742, low), (out, low), (out, gates)], color=RED, width=2.5, dash="7 4")
    c.back([(out, gates), (out, top + 20)])
    c.back([(out, gates), (o + 30, gates)])
    c.dot((out, gates), RED)
    _factor(c, (out, 226), "\u2217 o \u2217 (1 - tanh^{2}(c))", 172)
    c.dot((f, top), RED)
    c.back([(f, top), (f, gates - 30)])
    _factor(c, (f, 218), "\u2217 c^{<t-1>}", 84)
    write = (i + cct) / 2
    c.dot((write, top), RED)
    c.line([(write, top), (write, 178)], color=RED, width=2.5, dash="7 4")
    c.back([(write, 178), (i, 178), (i, gates - 30)])
    c.back([(write, 178), (cct, 178), (cct, gates - 30)])
    _factor(c, (i, 232), "\u2217 c\u0303", 52)
    _factor(c, (cct, 232), "\u2217 i", 52)
    _factor(c, (174, top), "\u2217 f", 46)
    c.text((out - 44, gates - 18), "\u2217 tanh(c)", size=15)


def _gates_backward(c: Canvas, low: float) -> None:
    """Draw the gates, their slopes, the weights' gradients, and the way through the weights back to dz."""
    gates = 312.0
    for x, name, fill, slope in (
        (236.0, "f", 0.85, "f(1 - f)"),
        (332.0, "i", 0.4, "i(1 - i)"),
        (432.0, "c", None, "(1 - c\u0303^{2})"),
        (530.0, "o", 0.6, "o(1 - o)"),
    ):
        if fill is None:
            c.box((x - 28, gates - 28), (56, 56), CANDIDATE, "c\u0303", text_size=20)
        else:
            c.gate((x, gates), 28, fill, name)
        c.back([(x, gates + 28), (x, 410)])
        _factor(c, (x, 370), f"\u2217 {slope}", 88)
        c.box((x - 44, 412), (88, 36), GRADIENT)
        c.code((x, 430), f"dW{name} db{name}", size=14)
        c.box((x - 44, 448), (88, 36), WEIGHT, f"W_{{{name}}}^{{T}} \u00b7")
        c.back([(x, 484), (x, low - 2)])
    c.back([(530, low), (216, low)])
    c.box((152, low - 24), (62, 48), PLAIN, "split", text_size=17)
    c.back([(152, low), (116, low)])
    c.text((390, low + 24), "dz, a sum of four: (n_{a} + n_{x}, m)", size=15, color=QUIET)
    c.back([(183, low + 24), (183, 624)])
    c.box((135, 626), (96, 50), GRADIENT)
    c.code((183, 651), "dxt", size=17)
    _shape(c, (244, 651), "(n_{x}, m)", "start")


def lstm_backward() -> Canvas:
    """Draw the LSTM's sequence backwards: two things carried from step to step."""
    c = Canvas(
        860,
        510,
        "The LSTM's sequence, backwards",
        "From right to left the cells of the steps T_x, 2 and 1, joined by two lanes: dc_prev above and da_prev below. "
        "Both begin with zeros. To da_prev is added, before each cell, da of that step, from above. Each cell gives "
        "its slice of dx and adds to the gradients of the weights. What leaves the first step below is da0.",
    )
    upper, level = 168, 240
    for start, end in ((766, 677), (585, 556), (506, 422), (330, 212), (120, 92)):
        c.back([(start, upper), (end, upper)], width=LANE)
    for x in (262, 472, 727):
        c.line([(x, upper - 8), (x, upper + 8)], color=CARD, width=14)  # da passes over the lane of dc
    _sequence(c, level, "lstm cell,", half=34, bar=414)
    for start, end in (
        (766, 748),
        (708, 677),
        (585, 556),
        (506, 493),
        (453, 422),
        (330, 283),
        (243, 212),
        (120, 92),
    ):
        c.back([(start, level), (end, level)])
    for y in (upper, level):
        c.text((530, y), "\u2026", size=26)
        c.box((768, y - 22), (80, 44), GRADIENT, "zeros", text_size=17)
    c.code((298, upper - 22), "dc_prev", size=13)
    c.code((294, level + 31), "da_prev")
    _gradient(c, (52, level), "da0", "(n_{a}, m)", 76)
    c.text((52, upper - 10), "c^{<0>} is", size=14, color=QUIET)
    c.text((52, upper + 10), "zeros", size=14, color=QUIET)
    _accumulator(c, 440, "dWf dbf  dWi dbi  dWc dbc  dWo dbo")
    return c


FIGURES: dict[str, Callable[[], Canvas]] = {
    "fork.svg": fork,
    "lstm_backward.svg": lstm_backward,
    "lstm_cell_backward.svg": lstm_cell_backward,
    "rnn_backward.svg": rnn_backward,
    "rnn_cell_backward.svg": rnn_cell_backward,
    "scalar_chain.svg": scalar_chain,
}
