"""The sample class in the third assignment: gradients in many styles, and the mistakes that people make on the way back."""
# ruff: noqa: E501  the class is a table: one member a line

from autograder import variants
from autograder.demo.members import FAILED, MISSING, PASSED, RAISED, Member, add_cell, colab, mistaken

_EINSUM = """\
    dtanh = da_next - da_next * a_next * a_next
    dxt = np.einsum("ai,am->im", Wax, dtanh)
    da_prev = np.einsum("ab,am->bm", Waa, dtanh)
    dWax = np.einsum("am,im->ai", dtanh, xt)
    dWaa = np.einsum("am,bm->ab", dtanh, a_prev)
    dba = np.einsum("am->a", dtanh)[:, np.newaxis]
"""
_STACKED_WEIGHTS = """\
    tanh_c = np.tanh(c_next)
    dc = dc_next + ot * da_next * (1 - tanh_c * tanh_c)
    ds = np.vstack([
        dc * c_prev * ft * (1 - ft), dc * cct * it * (1 - it), dc * it * (1 - cct * cct), da_next * tanh_c * ot * (1 - ot)
    ])
    dWf, dWi, dWc, dWo = np.split(ds @ z.T, 4)
    dbf, dbi, dbc, dbo = np.split(ds.sum(axis=1, keepdims=True), 4)
    dz = np.vstack([Wf, Wi, Wc, Wo]).T @ ds
    da_prev, dxt = dz[:n_a], dz[n_a:]
    dc_prev = ft * dc
"""
_INLINED = """\
    dx, d = np.empty((n_x, m, T_x)), np.zeros((n_a, m))
    dWax, dWaa, dba = np.zeros((n_a, n_x)), np.zeros((n_a, n_a)), np.zeros((n_a, 1))
    for t in range(T_x - 1, -1, -1):
        after, before, now, parameters = cache_list[t]
        s = (d + da[..., t]) * (1 - after) * (1 + after)
        dx[..., t], d = parameters["Wax"].T @ s, parameters["Waa"].T @ s
        dWax, dWaa, dba = dWax + s @ now.T, dWaa + s @ before.T, dba + s.sum(axis=1).reshape(-1, 1)
    da0 = d
"""
_LISTS = """\
    steps, d = [], 0
    for t in reversed(range(T_x)):
        steps.insert(0, rnn_cell_backward(da[:, :, t] + d, cache_list[t]))
        d = steps[0]["da_prev"]
    dx = np.stack([step["dxt"] for step in steps], axis=2)
    dWax, dWaa, dba = (sum(step[name] for step in steps) for name in ("dWax", "dWaa", "dba"))
    da0 = d
"""
_RECURSION = """\
    def back(t, d):
        step = rnn_cell_backward(da[:, :, t] + d, cache_list[t])
        return [*(back(t - 1, step["da_prev"]) if t else []), step]

    steps = back(T_x - 1, np.zeros((n_a, m)))
    dx, da0 = np.dstack([step["dxt"] for step in steps]), steps[0]["da_prev"]
    dWax, dWaa, dba = (np.sum([step[name] for step in steps], axis=0) for name in ("dWax", "dWaa", "dba"))
"""
_FLOAT32 = """\
    narrow = np.float32
    dtanh = ((1 - a_next**2) * da_next).astype(narrow)
    dxt, da_prev = Wax.T.astype(narrow) @ dtanh, Waa.T.astype(narrow) @ dtanh
    dWax, dWaa = dtanh @ xt.T.astype(narrow), dtanh @ a_prev.T.astype(narrow)
    dba = dtanh.sum(axis=1, keepdims=True)
"""
# an older published template of this exercise walks so: the hidden state's gradient is taken anew in every step
_OLD_TEMPLATE = """\
    dc_prev = np.zeros((n_a, m))
    for t in reversed(range(T_x)):
        gradients = lstm_cell_backward(da[:, :, t], dc_prev, cache_list[t])
        dc_prev = gradients["dc_prev"]
        dx[:, :, t] = gradients["dxt"]
        for total, name in ((dWf, "dWf"), (dWi, "dWi"), (dWc, "dWc"), (dWo, "dWo")):
            total += gradients[name]
        for total, name in ((dbf, "dbf"), (dbi, "dbi"), (dbc, "dbc"), (dbo, "dbo")):
            total += gradients[name]
    da0 = gradients["da_prev"]
"""
_OWN_FORWARD = '''\
def rnn_forward(x, a0, parameters):
    """Their own from the first assignment, with the mistake that it had there."""
    steps = [rnn_cell_forward(x[:, :, t], a0, parameters) for t in range(x.shape[2])]
    return np.dstack([s[0] for s in steps]), np.dstack([s[1] for s in steps]), ([s[2] for s in steps], 0 * x)


def lstm_forward(x, a0, parameters):
    """Not taken over yet."""
    return None
'''
_ALL_STEPS_OF_X = ("n_a, m, T_x = da.shape", "n_a, m, T_x = da.shape[0], *x.shape[1:]")
_LAST_TWO_UNTOUCHED = ("UNQ_C1", "UNQ_C2")
_GIVEN_LATER = """\
# UNQ_C3 (unique cell identifier, do not edit)
try:
    from rnn_utils.backward import lstm_cell_backward
except ImportError:
    import rnn_utils

    lstm_cell_backward = vars(rnn_utils).get("lstm_cell_backward")
"""
_BY_DIFFERENCES = '''\
# UNQ_C1 (unique cell identifier, do not edit)
def rnn_cell_backward(da_next, cache):
    """Central differences of the given forward step, all of them."""
    a_next, a_prev, xt, parameters = cache
    names = {"dxt": xt, "da_prev": a_prev, "dWax": parameters["Wax"], "dWaa": parameters["Waa"], "dba": parameters["ba"]}
    values = {name: np.array(value) for name, value in names.items()}

    def loss():
        p = {"Wax": values["dWax"], "Waa": values["dWaa"], "ba": values["dba"]}
        a = rnn_cell_forward(values["dxt"], values["da_prev"], parameters | p)[0]
        return np.sum(a * da_next)

    gradients = {}
    for name, value in values.items():
        gradients[name] = np.zeros(value.shape)
        for place in np.ndindex(value.shape):
            kept = value[place]
            value[place] = kept + 1e-5
            up = loss()
            value[place] = kept - 1e-5
            gradients[name][place] = (up - loss()) / 2e-5
            value[place] = kept
    return gradients
'''

MEMBERS: tuple[Member, ...] = (
    Member("ada", lambda s: s.solved(), 100, (PASSED,) * 4),
    Member("bela", lambda s: s.with_regions(UNQ_C1=_EINSUM), 100, (PASSED,) * 4),
    Member("chidi", lambda s: s.with_regions(UNQ_C2=_LISTS, UNQ_C3=_STACKED_WEIGHTS), 100, (PASSED,) * 4),
    Member("dorothea", lambda s: s.with_regions(UNQ_C2=_INLINED), 100, (PASSED,) * 4),
    Member("emeka", lambda s: s.with_regions(UNQ_C1=_FLOAT32), 100, (PASSED,) * 4),
    Member("fatima", lambda s: s.with_regions(UNQ_C2=_RECURSION), 100, (PASSED,) * 4),
    Member("gustav", lambda s: s.release, 0, (FAILED, RAISED, FAILED, RAISED)),
    Member("hana", lambda s: s.solved_only(*_LAST_TWO_UNTOUCHED), 45, (PASSED, PASSED, FAILED, RAISED)),
    mistaken("ines", 80, 4, UNQ_C1="tanh-taken-twice"),
    mistaken("jonas", 75, 4, UNQ_C2=("future-not-added", "bias-overwritten")),
    Member("kalinda", lambda s: s.with_regions(UNQ_C4=_OLD_TEMPLATE), 75, (PASSED, PASSED, PASSED, FAILED), {"UNQ_C4": "hidden-future-not-added"}),
    mistaken("mei", 73.214286, 4, UNQ_C3=("lane-left-out", "biases-lose-their-axis")),
    Member("noor", add_cell(_OWN_FORWARD), 100, (PASSED,) * 4),
    mistaken("oluwaseun", 73.636364, 4, 2, UNQ_C2="shares-overwritten", UNQ_C4="shares-overwritten"),
    mistaken("pilar", 89.428571, 4, UNQ_C1="bias-loses-its-axis", UNQ_C3="gradients-for-weights"),
    Member("quentin", lambda s: s.edited("UNQ_C2", _ALL_STEPS_OF_X), 75, (PASSED, RAISED, PASSED, PASSED)),
    Member("rosa", lambda s: s.solved(UNQ_C1=_BY_DIFFERENCES), 100, (PASSED,) * 4),
    mistaken("tala", 75, 4, UNQ_C4="cell-future-never-updated"),
    Member("umberto", lambda s: variants.without_metadata(s.solved()), 100, (PASSED,) * 4),
    Member("vera", colab, 100, (PASSED,) * 4, days_late=1),
    Member("evil-later", lambda s: s.solved(UNQ_C3=_GIVEN_LATER), 70, (PASSED, PASSED, MISSING, PASSED)),
)  # fmt: skip
