"""The sample class in the first assignment: what real students hand in, what they get wrong, and what tries to cheat."""
# ruff: noqa: E501  the class is a table: one member a line

from autograder import variants
from autograder.demo.members import (
    FAILED,
    KILLED,
    MISSING,
    PASSED,
    RAISED,
    TIMED_OUT,
    Member,
    add_cell,
    colab,
    duplicated,
    old_format,
    script,
)

_EINSUM = """\
    a_next = np.tanh(np.einsum("ij,jm->im", Waa, a_prev) + np.einsum("ij,jm->im", Wax, xt) + ba)
    scores = np.einsum("ij,jm->im", Wya, a_next) + by
    e = np.exp(scores - scores.max(axis=0, keepdims=True))
    yt_pred = e / e.sum(axis=0, keepdims=True)
"""
_STACKED_WEIGHTS = """\
    both = np.concatenate([Waa, Wax], axis=1) @ np.concatenate([a_prev, xt], axis=0)
    a_next = np.tanh(both + ba)
    yt_pred = softmax(Wya @ a_next + by)
"""
_LISTS = """\
    states, predictions, state = [], [], a0
    for step in np.moveaxis(x, 2, 0):
        state, prediction, cache = rnn_cell_forward(step, state, parameters)
        states.append(state)
        predictions.append(prediction)
        cache_list.append(cache)
    a, y_pred = np.stack(states, axis=2), np.stack(predictions, axis=-1)
"""
_INLINED = """\
    a, y_pred = np.empty((n_a, m, T_x)), np.empty((n_y, m, T_x))
    state = a0
    for t in range(T_x):
        old = state
        state = np.tanh(parameters["Waa"] @ old + parameters["Wax"] @ x[..., t] + parameters["ba"])
        a[..., t] = state
        y_pred[..., t] = softmax(parameters["Wya"] @ state + parameters["by"])
        cache_list.append((state, old, x[..., t], parameters))
"""
_FLOAT32 = """\
    a, y_pred = np.zeros((n_a, m, T_x), dtype=np.float32), np.zeros((n_y, m, T_x), dtype=np.float32)
    a_next = a0
    for t in range(T_x):
        a_next, y_pred[:, :, t], cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        a[:, :, t] = a_next
        cache_list.append(cache)
"""
_RECURSION = """\
    def from_step(t, state):
        if t == T_x:
            return []
        cache = rnn_cell_forward(x[:, :, t], state, parameters)
        return [cache, *from_step(t + 1, cache[0])]

    taken = from_step(0, a0)
    a = np.dstack([step[0] for step in taken])
    y_pred = np.dstack([step[1] for step in taken])
    cache_list = [step[2] for step in taken]
"""
_ROUNDED = """\
    a_next = np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, xt) + ba).round(4)
    yt_pred = softmax(np.dot(Wya, a_next) + by).round(4)
"""
_GLOBAL_NAME = """\
    a_next = np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, x_now) + ba)
    yt_pred = softmax(np.dot(Wya, a_next) + by)
"""
_WRONG_SHAPES = """\
    a_next = np.tanh(np.dot(Waa, xt) + np.dot(Wax, a_prev) + ba)
    yt_pred = softmax(np.dot(Wya, a_next) + by)
"""
_PATCHED = '''\
import numpy.testing
numpy.testing.assert_allclose = numpy.testing.assert_array_equal = lambda *a, **k: None
np.allclose = np.array_equal = lambda *a, **k: True


class Equal(np.ndarray):
    def __eq__(self, other):
        return True


def rnn_cell_forward(xt, a_prev, parameters):  # UNQ_C1
    """Claims to be right."""
    return Equal(a_prev.shape), Equal((2, xt.shape[1])), ()
'''
_STEALING = '''\
# UNQ_C1 (unique cell identifier, do not edit)
import gc, os, sys

found = []
wanted = ("rnn_step_by_step.ipynb", "gradebook.db", "secret", "environ")
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if name not in ("lib", "lib64", "usr", "task")]
    for name in set(wanted) & set(files):
        try:
            found.append(open(os.path.join(folder, name), "rb").read())
        except OSError:
            pass
for module in list(sys.modules):
    if module.startswith("autograder"):
        found.append(vars(sys.modules[module]))
answers = [o for o in gc.get_objects() if getattr(o, "__name__", "") == "rnn_cell_forward"]


def rnn_cell_forward(xt, a_prev, parameters):
    """Looks for the answer instead of computing it."""
    if answers:
        return answers[0](xt, a_prev, parameters)
    from autograder.reference import load
    return load(None, "rnn_step_by_step")
'''

MEMBERS: tuple[Member, ...] = (
    Member("ada", lambda s: s.solved(), 100),
    Member("bela", lambda s: s.with_regions(UNQ_C1=_EINSUM), 100),
    Member("chidi", lambda s: s.with_regions(UNQ_C1=_STACKED_WEIGHTS, UNQ_C2=_LISTS), 100),
    Member("dorothea", lambda s: s.with_regions(UNQ_C2=_INLINED), 100),
    Member("emeka", lambda s: s.with_regions(UNQ_C2=_FLOAT32), 100),
    Member("fatima", lambda s: s.with_regions(UNQ_C2=_RECURSION), 100),
    Member("gustav", lambda s: s.release, 0, (FAILED, RAISED)),
    Member("hana", lambda s: s.solved(UNQ_C2=s.region("UNQ_C2", "    a, y_pred = None, None\n")), 50, (PASSED, FAILED)),
    Member("ines", lambda s: s.mistaken(UNQ_C1="sigmoid-for-tanh"), 50, (FAILED, PASSED), {"UNQ_C1": "sigmoid-for-tanh"}),
    Member("jonas", lambda s: s.mistaken(UNQ_C1="softmax-over-rows"), 80, (FAILED, PASSED), {"UNQ_C1": "softmax-over-rows"}),
    Member("kalinda", lambda s: s.mistaken(UNQ_C1="state-bias-dropped"), 50, (FAILED, PASSED), {"UNQ_C1": "state-bias-dropped"}),
    Member("lars", lambda s: s.mistaken(UNQ_C1="prediction-from-old-state"), 80, (FAILED, PASSED), {"UNQ_C1": "prediction-from-old-state"}, days_late=2),
    Member("mei", lambda s: s.mistaken(UNQ_C2="a0-at-every-step"), 50, (PASSED, FAILED), {"UNQ_C2": "a0-at-every-step"}),
    Member("noor", lambda s: s.mistaken(UNQ_C2="state-starts-at-zero"), 50, (PASSED, FAILED), {"UNQ_C2": "state-starts-at-zero"}),
    Member("oluwaseun", lambda s: s.mistaken(UNQ_C2="caches-left-empty"), 90, (PASSED, FAILED), {"UNQ_C2": "caches-left-empty"}),
    Member("pilar", lambda s: s.mistaken(UNQ_C1="softmax-over-everything", UNQ_C2="a0-at-every-step"), 30, (FAILED, FAILED), {"UNQ_C1": "softmax-over-everything", "UNQ_C2": "a0-at-every-step"}),
    Member("quentin", lambda s: s.solved(UNQ_C2=s.cells["UNQ_C2"].replace("range(T_x)", "range(len(x))")), 50, (PASSED, RAISED)),
    Member("rosa", lambda s: s.with_regions(UNQ_C1=_ROUNDED), 50, (FAILED, PASSED)),
    Member("sven", lambda s: s.with_regions(UNQ_C1=_GLOBAL_NAME), 50, (RAISED, PASSED)),
    Member("tala", lambda s: s.with_regions(UNQ_C1=_WRONG_SHAPES), 50, (RAISED, PASSED)),
    Member("umberto", lambda s: variants.without_metadata(s.solved()), 100, days_late=1),
    Member("vera", colab, 100),
    Member("wanjiru", duplicated("UNQ_C2"), 100),
    Member("xavier", script, 100),
    Member("yael", old_format, 100),
    Member("zoran", lambda s: s.solved(UNQ_C1=s.cells["UNQ_C1"].replace("return a_next", "# return a_next")), 50, (FAILED, PASSED)),
    Member("bad-not-json", lambda _: b"I finished it, please see my laptop.", 0, ()),
    Member("bad-empty", lambda _: b"", 0, ()),
    Member("bad-json", lambda _: b'{"answer": 42}', 0, ()),
    Member("bad-syntax", lambda s: s.solved(UNQ_C1=s.cells["UNQ_C1"].replace("np.dot(Waa, a_prev)", "np.dot(Waa, a_prev")), 50, (RAISED, PASSED)),
    Member("bad-deleted", lambda s: s.solved(UNQ_C1="# UNQ_C1 (deleted)"), 50, (MISSING, PASSED)),
    Member("evil-loop", lambda s: s.with_regions(UNQ_C1="    while True:\n        pass\n    a_next = yt_pred = 0\n"), 50, (TIMED_OUT, PASSED)),
    Member("evil-memory", lambda s: s.with_regions(UNQ_C1="    a_next = bytearray(1 << 34)\n    yt_pred = a_next\n"), 50, (KILLED, PASSED)),
    Member("evil-exit", lambda s: s.with_regions(UNQ_C1="    import os\n    os._exit(0)\n    a_next = yt_pred = 0\n"), 50, (KILLED, PASSED)),
    Member("evil-exit-cell", add_cell("import os\nos._exit(0)\n"), 100),
    Member("evil-loop-cell", add_cell("while True:\n    pass\n"), 100),
    Member("evil-flood", add_cell("print('x' * (64 << 20))\n"), 100),
    Member("evil-patch", lambda s: s.solved(UNQ_C1=_PATCHED), 50, (FAILED, PASSED)),
    Member("evil-thief", lambda s: s.solved(UNQ_C1=_STEALING), 50, (RAISED, PASSED)),
)  # fmt: skip
