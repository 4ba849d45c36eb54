"""The sample class in the second assignment: an LSTM's cell and its loop, in many styles, with two states to mix up."""
# ruff: noqa: E501  the class is a table: one member a line

from autograder import variants
from autograder.demo.members import (
    FAILED,
    PASSED,
    RAISED,
    Member,
    add_cell,
    before_return,
    colab,
    duplicated,
    mistaken,
)

_EINSUM = """\
    z = np.concatenate([a_prev, xt], axis=0)
    ft, it, ot = (sigmoid(np.einsum("iz,zm->im", W, z) + b) for W, b in ((Wf, bf), (Wi, bi), (Wo, bo)))
    cct = np.tanh(np.einsum("iz,zm->im", Wc, z) + bc)
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(np.einsum("yi,im->ym", Wy, a_next) + by)
"""
_STACKED_WEIGHTS = """\
    sums = np.vstack([Wf, Wi, Wo, Wc]) @ np.vstack([a_prev, xt]) + np.vstack([bf, bi, bo, bc])
    gates, candidate = np.split(sums, [3 * len(a_prev)])
    ft, it, ot = np.split(sigmoid(gates), 3)
    cct = np.tanh(candidate)
    c_next = c_prev * ft + cct * it
    a_next = np.tanh(c_next) * ot
    yt_pred = softmax(Wy @ a_next + by)
"""
_SPLIT_WEIGHTS = """\
    n_a = a_prev.shape[0]

    def weighted_sum(W, b):
        return W[:, :n_a] @ a_prev + W[:, n_a:] @ xt + b

    ft, it, ot = sigmoid(weighted_sum(Wf, bf)), sigmoid(weighted_sum(Wi, bi)), sigmoid(weighted_sum(Wo, bo))
    cct = np.tanh(weighted_sum(Wc, bc))
    c_next = ft * c_prev + it * cct
    a_next = np.asfortranarray(ot * np.tanh(c_next))
    scores = Wy @ a_next + by
    powers = np.exp(scores - scores.max(axis=0))
    yt_pred = powers / powers.sum(axis=0)
"""
_LISTS = """\
    hiddens, predictions, cells = [], [], []
    hidden, cell = a0, np.zeros(a0.shape)
    for step in np.moveaxis(x, 2, 0):
        hidden, cell, prediction, cache = lstm_cell_forward(step, hidden, cell, parameters)
        hiddens.append(hidden)
        predictions.append(prediction)
        cells.append(cell)
        cache_list.append(cache)
    a, y, c = (np.stack(steps, axis=2) for steps in (hiddens, predictions, cells))
"""
_INLINED = """\
    a, y, c = np.empty((n_a, m, T_x)), np.empty((n_y, m, T_x)), np.empty((n_a, m, T_x))
    hidden, cell = a0, np.zeros((n_a, m))
    for t in range(T_x):
        z = np.vstack([hidden, x[..., t]])
        ft, it, ot = (sigmoid(parameters["W" + g] @ z + parameters["b" + g]) for g in "fio")
        cct = np.tanh(parameters["Wc"] @ z + parameters["bc"])
        before = hidden, cell
        cell = ft * cell + it * cct
        hidden = ot * np.tanh(cell)
        a[..., t], c[..., t] = hidden, cell
        y[..., t] = softmax(parameters["Wy"] @ hidden + parameters["by"])
        cache_list.append((hidden, cell, *before, ft, it, cct, ot, x[..., t], parameters))
"""
_FLOAT32 = """\
    a, y, c = (np.zeros((size, m, T_x), dtype=np.float32) for size in (n_a, n_y, n_a))
    a_next, c_next = a0, np.zeros((n_a, m))
    for t in range(T_x):
        a_next, c_next, y[:, :, t], cache = lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)
        a[:, :, t], c[:, :, t] = a_next, c_next
        cache_list.append(cache)
"""
_RECURSION = """\
    def from_step(t, hidden, cell):
        if t == T_x:
            return []
        step = lstm_cell_forward(x[:, :, t], hidden, cell, parameters)
        return [step, *from_step(t + 1, step[0], step[1])]

    taken = from_step(0, a0, np.zeros((n_a, m)))
    a, c, y = (np.dstack([step[place] for step in taken]) for place in (0, 1, 2))
    cache_list = [step[3] for step in taken]
"""
_ONLY_THE_FIRST_GATES = """\
    z = np.concatenate([a_prev, xt], axis=0)
    ft = sigmoid(np.dot(Wf, z) + bf)
    it = sigmoid(np.dot(Wi, z) + bi)
    cct = None
    c_next = None
    ot = None
    a_next = None
    yt_pred = None
"""
_BESIDE = ("z = np.concatenate([a_prev, xt], axis=0)", "z = np.concatenate([a_prev, xt], axis=1)")
_NAME_OF_ANOTHER_CELL = ('n_y, n_a = parameters["Wy"].shape', "n_y, n_a = Wy.shape")
_GIVEN_LATER = '''\
# UNQ_C1 (unique cell identifier, do not edit)
from rnn_utils.lstm import lstm_cell_forward as given


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    """Asks the module that later assignments are handed."""
    return given(xt, a_prev, c_prev, parameters)
'''
_VISIBLE_ONLY = '''\
# UNQ_C2 (unique cell identifier, do not edit)
from pathlib import Path

import public_tests

seen = [dict(np.load(path)) for path in Path(public_tests.__file__).parent.rglob("*.npz")]


def lstm_forward(x, a0, parameters):
    """Answers with any stored array of the right shape, as the visible tests' expected values are."""
    (n_a, m), T_x = a0.shape, x.shape[2]
    shapes = (n_a, m, T_x), (len(parameters["by"]), m, T_x), (n_a, m, T_x)
    a, y, c = (
        next((v for file in seen for v in file.values() if v.shape == shape), np.zeros(shape)) for shape in shapes
    )
    return a, y, c, ([], x)
'''

MEMBERS: tuple[Member, ...] = (
    Member("ada", lambda s: s.solved(), 100),
    Member("bela", lambda s: s.with_regions(UNQ_C1=_EINSUM), 100),
    Member("chidi", lambda s: s.with_regions(UNQ_C1=_STACKED_WEIGHTS, UNQ_C2=_LISTS), 100),
    Member("dorothea", lambda s: s.with_regions(UNQ_C2=_INLINED), 100),
    Member("emeka", lambda s: s.with_regions(UNQ_C2=_FLOAT32), 100),
    Member("fatima", lambda s: s.with_regions(UNQ_C1=_SPLIT_WEIGHTS, UNQ_C2=_RECURSION), 100),
    Member("gustav", lambda s: s.release, 0, (FAILED, RAISED)),
    Member("hana", lambda s: s.with_regions(UNQ_C1=_ONLY_THE_FIRST_GATES), 40, (FAILED, PASSED)),
    mistaken("ines", 60, 2, UNQ_C1="output-gate-forgotten"),
    mistaken("jonas", 85, 2, UNQ_C1="softmax-over-rows"),
    mistaken("kalinda", 40, 2, UNQ_C1=("forget-bias-dropped", "prediction-bias-dropped")),
    mistaken("lars", 88, 2, 1, UNQ_C2="one-array-under-two-names"),
    mistaken("mei", 60, 2, UNQ_C2=("hidden-state-starts-at-zero", "predictions-not-stored")),
    mistaken("noor", 60, 2, UNQ_C2="cell-state-starts-from-a0"),
    mistaken("pilar", 0, 2, UNQ_C1="candidate-through-sigmoid", UNQ_C2="cell-state-not-carried"),
    Member("quentin", lambda s: s.edited("UNQ_C2", _NAME_OF_ANOTHER_CELL), 60, (PASSED, RAISED)),
    Member("rosa", lambda s: before_return(s, "UNQ_C1", "a_next = a_next.round(3)", "a_next, c_next"), 80, (FAILED, PASSED)),
    Member("sven", lambda s: s.solved(), 100, days_late=1),
    Member("tala", lambda s: s.edited("UNQ_C1", _BESIDE), 40, (RAISED, PASSED)),
    Member("umberto", lambda s: variants.without_metadata(s.solved()), 100, days_late=3),
    Member("vera", colab, 100),
    Member("wanjiru", duplicated("UNQ_C1"), 100),
    Member("bad-not-json", lambda _: b"I will hand it in tomorrow.", 0, ()),
    Member("evil-later", lambda s: s.solved(UNQ_C1=_GIVEN_LATER), 40, (RAISED, PASSED)),
    Member("evil-visible", lambda s: s.solved(UNQ_C2=_VISIBLE_ONLY), 60, (PASSED, FAILED)),
    Member("evil-exit-cell", add_cell("import os\nos._exit(0)\n", before="UNQ_C2"), 100),
)  # fmt: skip
