"""The sample class in the fourth assignment: one answer, a voice with a generator, and a bridge between two networks."""
# ruff: noqa: E501  the class is a table: one member a line

from autograder import variants
from autograder.demo.members import FAILED, PASSED, RAISED, Member, Solutions, colab, mistaken
from autograder.variants import Document

_INLINED_EINSUM = """\
    state, kept = a0, []
    for xt in np.moveaxis(x, 2, 0):
        before = state
        inner = np.einsum("ij,jm->im", parameters["Waa"], before) + np.einsum("ij,jm->im", parameters["Wax"], xt)
        state = np.tanh(inner + parameters["ba"])
        kept.append((state, before, xt, parameters))
    y_pred, cache = softmax(np.einsum("ij,jm->im", Wya, state) + by), (kept, x)
"""
_LAST_OF_ALL = """\
    _, every_prediction, cache = rnn_forward(x, a0, parameters)
    y_pred = every_prediction[:, :, -1]
"""
_RECURSION = """\
    def read(t, state):
        if t == x.shape[2]:
            return state, []
        after, _, now = rnn_cell_forward(x[:, :, t], state, parameters)
        last, later = read(t + 1, after)
        return last, [now, *later]

    last, kept = read(0, a0)
    y_pred, cache = softmax(Wya @ last + by), (kept, x)
"""
_CUMULATED = """\
    xt, state = x0, a0
    for t in range(steps):
        state, prediction, _ = rnn_cell_forward(xt, state, parameters)
        edges = np.cumsum(prediction, axis=0)[:-1]
        indices[t] = (rng.random(m) >= edges).sum(axis=0)
        xt = one_hot(indices[t], n_y)
"""
_GUMBEL = """\
    xt, state = x0, a0
    for t in range(steps):
        state = np.tanh(parameters["Waa"] @ state + parameters["Wax"] @ xt + parameters["ba"])
        scores = parameters["Wya"] @ state + parameters["by"]
        indices[t] = np.argmax(scores + rng.gumbel(size=scores.shape), axis=0)
        xt = np.eye(n_y)[:, indices[t]]
"""
_ONE_AFTER_THE_OTHER = """\
    for i in range(m):
        xt, state = x0[:, i : i + 1], a0[:, i : i + 1]
        for t in range(steps):
            state, prediction, _ = rnn_cell_forward(xt, state, parameters)
            indices[t, i] = rng.choice(n_y, p=prediction[:, 0])
            xt = one_hot(indices[t, i : i + 1], n_y)
"""
_LISTS = """\
    a, _, c, encoder_caches = lstm_forward(x, a0, encoder)
    hidden, cell, said = a[..., -1], c[..., -1], []
    for xt in np.moveaxis(decoder_inputs, 2, 0):
        hidden, cell, prediction, cache = lstm_cell_forward(xt, hidden, cell, decoder)
        said.append(prediction)
        decoder_list.append(cache)
    y_pred = np.stack(said, axis=-1)
"""
_STACKED_WEIGHTS = """\
    a, _, c, encoder_caches = lstm_forward(x, a0, encoder)
    W, b = np.vstack([decoder["W" + g] for g in "fioc"]), np.vstack([decoder["b" + g] for g in "fioc"])
    hidden, cell = a[:, :, -1], c[:, :, -1]
    y_pred = np.zeros((n_y, m, T_y), order="F")
    for s in range(T_y):
        xt, before = decoder_inputs[:, :, s], (hidden, cell)
        sums = W @ np.vstack([hidden, xt]) + b
        ft, it, ot = np.split(sigmoid(sums[: 3 * n_a]), 3)
        cct = np.tanh(sums[3 * n_a :])
        cell = ft * cell + it * cct
        hidden = ot * np.tanh(cell)
        y_pred[:, :, s] = softmax(decoder["Wy"] @ hidden + decoder["by"])
        decoder_list.append((hidden, cell, *before, ft, it, cct, ot, xt, decoder))
"""
_FLOAT32 = """\
    a, _, c, encoder_caches = lstm_forward(x, a0, encoder)
    a_next, c_next = a[:, :, -1], c[:, :, -1]
    y_pred = np.zeros((n_y, m, T_y), dtype=np.float32)
    for s in range(T_y):
        a_next, c_next, y_pred[:, :, s], cache = lstm_cell_forward(decoder_inputs[:, :, s], a_next, c_next, decoder)
        decoder_list.append(cache)
"""
_OWN_LUCK = ("rng.choice(", "np.random.choice(")
_WEIGHTS_OF_THE_OTHER = ("a_next, c_next, decoder)", "a_next, c_next, encoder)")
# every generator, also that of the hidden tests, is to say what the likeliest symbol would be
_LOADED_DICE = """\
import numpy.random


class Loaded:
    def __init__(self, *_):
        pass

    def choice(self, n, p=None, **_):
        return int(np.argmax(p)) if p is not None else 0

    def random(self, *size, **_):
        return np.full(size, 0.5)


np.random.default_rng = numpy.random.default_rng = np.random.Generator = numpy.random.Generator = Loaded
"""
_LIKELIEST = ("rng.choice(n_y, p=yt_pred[:, i])", "Loaded().choice(n_y, p=yt_pred[:, i])")


def _loaded_dice(s: Solutions) -> Document:
    """Return a notebook that puts dice of its own in the place of numpy's, and uses them."""
    return variants.with_cell(s.edited("UNQ_C2", _LIKELIEST), _LOADED_DICE, before="UNQ_C1")


MEMBERS: tuple[Member, ...] = (
    Member("ada", lambda s: s.solved(), 100, (PASSED,) * 3),
    Member("bela", lambda s: s.with_regions(UNQ_C1=_INLINED_EINSUM, UNQ_C2=_CUMULATED), 100, (PASSED,) * 3),
    Member("chidi", lambda s: s.with_regions(UNQ_C2=_GUMBEL, UNQ_C3=_STACKED_WEIGHTS), 100, (PASSED,) * 3),
    Member("dorothea", lambda s: s.with_regions(UNQ_C1=_LAST_OF_ALL, UNQ_C3=_LISTS), 100, (PASSED,) * 3),
    Member("emeka", lambda s: s.with_regions(UNQ_C3=_FLOAT32), 100, (PASSED,) * 3),
    Member("fatima", lambda s: s.with_regions(UNQ_C1=_RECURSION, UNQ_C2=_ONE_AFTER_THE_OTHER), 100, (PASSED,) * 3),
    Member("gustav", lambda s: s.release, 0, (FAILED, RAISED, RAISED)),
    Member("hana", lambda s: s.solved_only("UNQ_C1"), 25, (PASSED, RAISED, RAISED)),
    mistaken("ines", 80, 3, UNQ_C1="first-state"),
    mistaken("jonas", 80, 3, UNQ_C2="likeliest-instead-of-sample"),
    mistaken("kalinda", 85, 3, UNQ_C2="one-draw-for-the-mini-batch"),
    mistaken("lars", 25, 3, 1, UNQ_C2="x0-at-every-step", UNQ_C3="cell-state-not-handed-over"),
    mistaken("mei", 80, 3, UNQ_C1=("mean-of-all-states", "prediction-bias-dropped")),
    Member("noor", lambda s: s.edited("UNQ_C2", _OWN_LUCK), 95, (PASSED, FAILED, PASSED), {"UNQ_C2": "generator-not-used"}),
    mistaken("oluwaseun", 60, 3, UNQ_C3=("encoder-starts-at-zero", "decoder-caches-left-empty")),
    mistaken("pilar", 5, 3, UNQ_C1="softmax-over-rows", UNQ_C2="a0-at-every-step", UNQ_C3="loop-over-the-encoders-time"),
    Member("rosa", lambda s: s.edited("UNQ_C3", _WEIGHTS_OF_THE_OTHER), 60, (PASSED, PASSED, RAISED)),
    Member("sven", lambda s: variants.without_metadata(s.solved()), 100, (PASSED,) * 3, days_late=4),
    Member("vera", colab, 100, (PASSED,) * 3),
    Member("evil-dice", _loaded_dice, 80, (PASSED, FAILED, PASSED), {"UNQ_C2": "likeliest-instead-of-sample"}),
)  # fmt: skip
