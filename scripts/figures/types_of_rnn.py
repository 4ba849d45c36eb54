"""The figures of the fourth notebook: five wirings of one cell, three of them in detail, and what limits the last."""

from collections.abc import Callable

from figures.canvas import (
    CELL,
    FRAME,
    INK,
    INPUT,
    PLAIN,
    PREDICTION,
    QUIET,
    STATE,
    Canvas,
    Kind,
)

GREY, BLUE, GREEN, ORANGE = INPUT.line, STATE.line, CELL.line, PREDICTION.line
LANE = 6  # width of the cell state's line
DECODER = Kind("#e4ddcb", "#6e675a", corner=16)  # a second set of weights: a darker frame
WRONG = Kind("none", INK, corner=8, dash="3 3")


def _strip(c: Canvas, left: float, top: float, steps: int, reads: range, writes: range) -> None:
    """Draw a row of cells; those in `reads` have an input below, those in `writes` a prediction above."""
    for k in range(steps):
        x = left + 62 * k
        if k in writes:
            c.box((x - 20, top), (40, 32), PREDICTION)
            c.arrow([(x, top + 68), (x, top + 34)], color=ORANGE, width=2.5)
        c.box((x - 20, top + 68), (40, 40), Kind(STATE.fill, STATE.line, corner=10))
        if k:
            c.arrow([(x - 42, top + 88), (x - 22, top + 88)], color=BLUE, width=2.5)
        if k in reads:
            c.arrow([(x, top + 144), (x, top + 110)], color=GREY, width=2.5)
            c.box((x - 20, top + 144), (40, 32), INPUT)


def five_types() -> Canvas:
    """Draw the five wirings side by side."""
    c = Canvas(
        860,
        604,
        "Five ways to wire one cell",
        "One to one: one input, one prediction. One to many: one input at the first step, a prediction at every step. "
        "Many to one: an input at every step, one prediction at the last. Many to many, aligned: an input and a "
        "prediction at every step. Encoder and decoder: inputs first, predictions after them.",
    )
    panels = (
        (14, 14, 200, "one to one", "a picture", "\u2192 its label", 1, range(1), range(1)),
        (226, 14, 304, "one to many", "a picture", "\u2192 a caption, word by word", 4, range(1), range(4)),
        (542, 14, 304, "many to one", "a review, word by word", "\u2192 its number of stars", 4, range(4), range(3, 4)),
        (14, 310, 340, "many to many, aligned", "words", "\u2192 noun, verb, \u2026 for each", 4, range(4), range(4)),
        (366, 310, 480, "encoder and decoder", "a German sentence", "\u2192 an English one", 6, range(3), range(3, 6)),
    )
    for x, y, w, name, given, wanted, steps, reads, writes in panels:
        c.box((x, y), (w, 282), FRAME)
        c.text((x + w / 2, y + 26), name, size=18, bold=True)
        left = x + w / 2 - 31 * (steps - 1)
        _strip(c, left, y + 48, steps, reads, writes)
        c.text((x + w / 2, y + 242), given, size=15)
        c.text((x + w / 2, y + 264), wanted, size=15)
    middle = 366 + 240
    c.line([(middle, 354), (middle, 536)], color=QUIET, width=1.5, dash="2 5")
    return c


def many_to_one() -> Canvas:
    """Draw the sequence read to its end, and one prediction from the last state."""
    c = Canvas(
        860,
        452,
        "Many to one",
        "The cells of the steps 1, 2 and T_x, from left to right, each with its input below; the state passes from a0 "
        "through all of them. Only from the last state an arrow leads up, through Wya, by and softmax, to the one "
        "prediction of shape (n_y, m).",
    )
    level = 250
    c.box((20, level - 25), (76, 50), STATE, "a^{<0>}")
    c.code((58, level + 42), "a0", size=15, color=QUIET)
    left = 96.0
    for x, step, code in ((216, "1", "x[:, :, 0]"), (412, "2", "x[:, :, 1]"), (650, "Tx", "x[:, :, -1]")):
        c.arrow([(left, level), (x - 54, level)], color=BLUE, width=3)
        c.box((x - 52, level - 40), (104, 80), FRAME)
        c.text((x, level), "cell", size=18, bold=True)
        c.arrow([(x, 342), (x, level + 42)], color=GREY, width=3)
        c.box((x - 38, 342), (76, 46), INPUT, f"x^{{<{step}>}}")
        c.code((x, 406), code, size=15, color=QUIET)
        if step != "Tx":
            c.text((x + 82, level - 22), f"a^{{<{step}>}}")
            c.line([(x, level - 40), (x, level - 66)], color=QUIET, width=1.5, dash="2 4")
            c.text((x, level - 82), "not read", size=15, color=QUIET)
        left = x + 52 if step != "2" else 558
    c.arrow([(464, level), (514, level)], color=BLUE, width=3)
    c.text((538, level), "\u2026", size=26)
    c.line([(702, level), (776, level), (776, 214)], color=BLUE, width=3)
    c.text((740, level + 24), "a^{<Tx>}")
    c.text((740, level + 50), "(n_{a}, m)", size=14, color=QUIET)
    c.arrow([(776, 214), (776, 176)], color=BLUE, width=3)
    c.box((722, 122), (108, 52), PLAIN)
    c.text((776, 137), "W_{ya}, b_{y}", size=16)
    c.text((776, 159), "softmax", size=15)
    c.arrow([(776, 122), (776, 88)], color=ORANGE, width=3)
    c.box((728, 34), (96, 52), PREDICTION, "y\u0302", text_size=20)
    c.code((714, 48), "y_pred", size=16, anchor="end")
    c.text((714, 73), "(n_{y}, m): one for the whole sequence", size=15, anchor="end", color=QUIET)
    c.text((430, 434), "T_{x} inputs, one prediction", size=15, color=QUIET)
    return c


def one_to_many() -> Canvas:
    """Draw generation: each sampled symbol, as a one-hot column, is the next input."""
    c = Canvas(
        860,
        556,
        "One to many: generation",
        "Three cells from left to right. The first reads x0; above each cell a prediction, drawn as bars, from which "
        "one symbol is sampled; its index is kept as output and, written as a one-hot column, is the input of the next "
        "cell. The state passes from a0 through all cells.",
    )
    level, xs = 330, (190, 440, 690)
    picked = (2, 0, 3)
    heights = ((10, 6, 24, 8), (26, 12, 5, 5), (4, 12, 14, 18))
    c.box((20, level - 25), (76, 50), STATE, "a^{<0>}")
    c.code((58, level + 42), "a0", size=15, color=QUIET)
    left = 96.0
    for k, x in enumerate(xs):
        c.arrow([(left, level), (x - 54, level)], color=BLUE, width=3)
        c.box((x - 52, level - 40), (104, 80), FRAME)
        c.text((x, level), "cell", size=18, bold=True)
        c.arrow([(x, 426), (x, level + 42)], color=GREY, width=3)
        column = picked[k - 1] if k else -1
        for row in range(4):
            on = row == column
            corner = (x - 14, 426 + 20 * row)
            c.box(corner, (28, 20), Kind("#b4b4b4" if on else INPUT.fill, GREY))
            if k:
                c.text((x, corner[1] + 10), "1" if on else "0", size=14, bold=on)
        c.arrow([(x, level - 40), (x, 248)], color=ORANGE, width=3)
        c.box((x - 50, 186), (100, 60), PREDICTION)
        for row, high in enumerate(heights[k]):
            c.box((x - 38 + 20 * row, 236 - 1.6 * high), (14, 1.6 * high), Kind(ORANGE, ORANGE))
        c.arrow([(x, 186), (x, 150)])
        c.text((x + 12, 166), "sample", size=15, anchor="start")
        c.box((x - 26, 98), (52, 50), PLAIN, str(picked[k]), text_size=20)
        c.arrow([(x, 98), (x, 68)], color=QUIET)
        c.code((x, 50), f"indices[{k}]", size=15)
        left = x + 52
        if k < 2:
            c.line([(x + 26, 123), (x + 126, 123), (x + 126, level - 8)], color=GREY, width=3)
            c.arrow([(x + 126, level + 8), (x + 126, 466), (x + 234, 466)], color=GREY, width=3)
            c.text((x + 138, 138), "one\u2010hot", size=15, anchor="start", color=QUIET)
    c.code((166, 466), "x0", size=17, anchor="end")
    c.arrow([(742, level), (800, level)], color=BLUE, width=3)
    c.text((826, level), "\u2026", size=26)
    c.text((250, 222), "y\u0302", size=18, anchor="start")
    c.text((212, 466), "(n_{x}, m)", size=14, anchor="start", color=QUIET)
    c.text((430, 22), "indices: (steps, m) integers", size=16)
    c.text((430, 534), "what was sampled is read next; a vocabulary has n_{y} = n_{x}", size=16, color=QUIET)
    return c


def _cells(c: Canvas, xs: tuple[float, ...], top: float, kind: Kind, name: str) -> None:
    """Draw the cells of an encoder or a decoder."""
    for x in xs:
        c.box((x - 40, top), (80, 108), kind)
        c.text((x, top + 54), name, size=15, bold=True)


def encoder_decoder() -> Canvas:
    """Draw the encoder's reading, the bridge, and the decoder's writing with its inputs shifted by one."""
    c = Canvas(
        860,
        510,
        "Encoder and decoder",
        "On the left three cells of the encoder read 4, 7, 1. Their last hidden state a and last cell state c cross "
        "the bridge to the decoder on the right: three cells read start, 1, 7 and predict 1, 7, 4. Its inputs "
        "are the wanted outputs, shifted by one, with the start symbol first.",
    )
    upper, lower, top = 206, 264, 181
    encoder, decoder = (128.0, 250.0, 372.0), (548.0, 670.0, 792.0)
    for level, color, width in ((upper, GREEN, LANE), (lower, BLUE, 3)):
        for start, end in ((36, 86), (168, 208), (290, 330), (588, 628), (710, 750)):
            c.arrow([(start, level), (end, level)], color=color, width=width)
        c.arrow([(412, level), (506, level)], color=color, width=width)
    _cells(c, encoder, top, FRAME, "encoder")
    _cells(c, decoder, top, DECODER, "decoder")
    c.text((34, upper - 20), "zeros", size=15, color=QUIET)
    c.code((34, lower + 22), "a0", size=15, color=QUIET)
    c.text((460, upper - 22), "c", size=18, bold=True)
    c.text((460, lower + 24), "a", size=18, bold=True)
    c.text((460, 236), "(n_{a}, m)", size=14, color=QUIET)
    c.text((460, 146), "bridge", size=18, bold=True)
    c.box((424, 164), (72, 144), Kind("none", INK, corner=8))

    for x, symbol in zip(encoder, "471", strict=True):
        c.arrow([(x, 356), (x, top + 110)], color=GREY, width=3)
        c.box((x - 32, 356), (64, 46), INPUT, symbol, text_size=20)
    for x, symbol in zip(decoder, ("start", "1", "7"), strict=True):
        c.arrow([(x, 356), (x, top + 110)], color=GREY, width=3)
        c.box((x - 32, 356), (64, 46), INPUT, symbol, text_size=20 if len(symbol) == 1 else 17)
    for x, symbol in zip(decoder, "174", strict=True):
        c.arrow([(x, top), (x, 110)], color=ORANGE, width=3)
        c.box((x - 32, 62), (64, 46), PREDICTION, symbol, text_size=20)
    c.code((250, 424), "x", size=17)
    c.text((250, 450), "(n_{x}, m, T_{x})", size=15, color=QUIET)
    c.code((670, 424), "decoder_inputs", size=17)
    c.text((670, 450), "shifted by one: start comes first", size=15, color=QUIET)
    c.code((670, 34), "y_pred", size=17)
    c.text((706, 34), "(n_{y}, m, T_{y})", size=15, anchor="start", color=QUIET)
    c.text((250, 62), "task: reverse the digits", size=17)
    c.text((250, 92), "two cells, two sets of weights", size=15, color=QUIET)
    c.text(
        (430, 488), "T_{x} steps of reading, T_{y} steps of writing: the two need not be equal", size=15, color=QUIET
    )
    return c


def teacher_forcing() -> Canvas:
    """Draw the same slip twice: with the true symbol as next input, and with the model's own."""
    c = Canvas(
        860,
        520,
        "Teacher forcing and free running",
        "Two panels with the same decoder; wanted are 1, 7, 4. Left, teacher forcing: the inputs are start, 1, 7, "
        "whatever is predicted; step 2 predicts 9 instead of 7, step 3 is right again. Right, free running: "
        "each prediction is fed back as the next input; the 9 of step 2 is the input of step 3, which goes wrong too.",
    )
    for left, name, use in ((14, "teacher forcing", "in training"), (436, "free running", "in use")):
        c.box((left, 14), (410, 492), FRAME)
        c.text((left + 205, 42), name, size=19, bold=True)
        c.text((left + 205, 68), use, size=15, color=QUIET)
    for left, inputs, outputs in ((14, ("start", "1", "7"), "194"), (436, ("start", "1", "9"), "195")):
        xs = (left + 84, left + 208, left + 332)
        for k, (x, given, predicted, wanted) in enumerate(zip(xs, inputs, outputs, "174", strict=True)):
            c.text((x, 104), f"wanted: {wanted}", size=15)
            c.box((x - 28, 124), (56, 46), PREDICTION, predicted, text_size=20)
            c.arrow([(x, 236), (x, 172)], color=ORANGE, width=3)
            c.box((x - 36, 236), (72, 64), DECODER, "cell", text_size=17)
            if k:
                c.arrow([(xs[k - 1] + 36, 268), (x - 38, 268)], color=BLUE, width=3)
            c.arrow([(x, 372), (x, 302)], color=GREY, width=3)
            c.box((x - 30, 372), (60, 46), INPUT, given, text_size=20 if len(given) == 1 else 17)
            if predicted != wanted:
                c.box((x - 36, 116), (72, 62), WRONG)
                c.text((x - 8, 202), "wrong", size=14, anchor="end", bold=True)
        if left > 400:
            for k in (0, 1):
                x = xs[k]
                way = [(x + 28, 147), (x + 62, 147), (x + 62, 260)]
                c.line(way, color=GREY, width=3)
                c.arrow([(x + 62, 276), (x + 62, 395), (xs[k + 1] - 32, 395)], color=GREY, width=3)
    c.text((219, 448), "the next input is the true symbol,", size=16)
    c.text((219, 474), "whatever was predicted", size=16)
    c.text((641, 448), "the next input is its own prediction:", size=16)
    c.text((641, 474), "one slip is read again and spreads", size=16)
    return c


def bottleneck() -> Canvas:
    """Draw many inputs, one vector of fixed length, many outputs."""
    c = Canvas(
        860,
        400,
        "The bottleneck between encoder and decoder",
        "On the left six inputs, with room for more, enter the encoder, drawn as a funnel that narrows to the right. "
        "Through its neck passes one vector, a and c, n_a numbers each. From there the decoder widens again to six "
        "outputs.",
    )
    middle = 186
    c.polygon([(196, 46), (196, 326), (356, 232), (356, 140)], FRAME)
    c.polygon([(664, 46), (664, 326), (504, 232), (504, 140)], DECODER)
    c.text((262, middle), "encoder", size=18, bold=True)
    c.text((598, middle), "decoder", size=18, bold=True)
    for k, symbol in enumerate("471530"):
        y = 52 + 46 * k
        c.box((84, y), (58, 38), INPUT, symbol, text_size=18)
        c.arrow([(142, y + 19), (194, y + 19)], color=GREY, width=2.5)
    for k, symbol in enumerate("035174"):
        y = 52 + 46 * k
        c.arrow([(664, y + 19), (716, y + 19)], color=ORANGE, width=2.5)
        c.box((718, y), (58, 38), PREDICTION, symbol, text_size=18)
    c.arrow([(356, middle - 22), (386, middle - 22)], color=GREEN, width=LANE)
    c.arrow([(356, middle + 22), (386, middle + 22)], color=BLUE, width=3)
    c.box((388, middle - 42), (84, 40), Kind(CELL.fill, CELL.line, corner=20), "c", text_size=20)
    c.box((388, middle + 2), (84, 40), STATE, "a", text_size=20)
    c.arrow([(472, middle - 22), (502, middle - 22)], color=GREEN, width=LANE)
    c.arrow([(472, middle + 22), (502, middle + 22)], color=BLUE, width=3)
    c.text((430, 78), "n_{a} numbers each,", size=16)
    c.text((430, 102), "always", size=16, bold=True)
    c.text((113, 352), "T_{x} may grow", size=16)
    c.text((430, 352), "this does not", size=16, bold=True)
    c.text((747, 352), "T_{y} may grow", size=16)
    c.text((430, 380), "all that the decoder knows of the input has passed through here", size=15, color=QUIET)
    return c


FIGURES: dict[str, Callable[[], Canvas]] = {
    "bottleneck.svg": bottleneck,
    "encoder_decoder.svg": encoder_decoder,
    "five_types.svg": five_types,
    "many_to_one.svg": many_to_one,
    "one_to_many.svg": one_to_many,
    "teacher_forcing.svg": teacher_forcing,
}
