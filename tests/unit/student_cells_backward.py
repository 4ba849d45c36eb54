"""Right answers to the exercises of the third assignment, in the styles that students write; shared by several tests.

Each style is a whole cell. The functions that differ from the plain style only in a few lines are edits of it.
"""

from student_cells import edited

RNN_CELL = """
def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    Wax = parameters["Wax"]
    Waa = parameters["Waa"]
    dtanh = (1 - a_next ** 2) * da_next
    dxt = np.dot(Wax.T, dtanh)
    da_prev = np.dot(Waa.T, dtanh)
    dWax = np.dot(dtanh, xt.T)
    dWaa = np.dot(dtanh, a_prev.T)
    dba = np.sum(dtanh, axis=1, keepdims=True)
    gradients = {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}
    return gradients
"""
RNN_LOOP = """
def rnn_backward(da, caches):
    cache_list, x = caches
    n_a, m, T_x = da.shape
    n_x = x.shape[0]
    dx = np.zeros((n_x, m, T_x))
    dWax = np.zeros((n_a, n_x))
    dWaa = np.zeros((n_a, n_a))
    dba = np.zeros((n_a, 1))
    da_future = np.zeros((n_a, m))
    for t in reversed(range(T_x)):
        da_next = da[:, :, t] + da_future
        step = rnn_cell_backward(da_next, cache_list[t])
        da_future = step["da_prev"]
        dx[:, :, t] = step["dxt"]
        dWax += step["dWax"]
        dWaa += step["dWaa"]
        dba += step["dba"]
    da0 = da_future
    gradients = {"dx": dx, "da0": da0, "dWax": dWax, "dWaa": dWaa, "dba": dba}
    return gradients
"""
LSTM_CELL = """
def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    Wf, Wi, Wc, Wo = (parameters[name] for name in ("Wf", "Wi", "Wc", "Wo"))
    n_a = a_next.shape[0]
    z = np.concatenate([a_prev, xt], axis=0)
    tanh_c = np.tanh(c_next)
    dc = dc_next + da_next * ot * (1 - tanh_c ** 2)
    dsf = dc * c_prev * ft * (1 - ft)
    dsi = dc * cct * it * (1 - it)
    dsc = dc * it * (1 - cct ** 2)
    dso = da_next * tanh_c * ot * (1 - ot)
    dWf, dWi = np.dot(dsf, z.T), np.dot(dsi, z.T)
    dWc, dWo = np.dot(dsc, z.T), np.dot(dso, z.T)
    dbf = np.sum(dsf, axis=1, keepdims=True)
    dbi = np.sum(dsi, axis=1, keepdims=True)
    dbc = np.sum(dsc, axis=1, keepdims=True)
    dbo = np.sum(dso, axis=1, keepdims=True)
    dz = np.dot(Wf.T, dsf) + np.dot(Wi.T, dsi) + np.dot(Wc.T, dsc) + np.dot(Wo.T, dso)
    da_prev = dz[:n_a, :]
    dxt = dz[n_a:, :]
    dc_prev = dc * ft
    return {"dxt": dxt, "da_prev": da_prev, "dc_prev": dc_prev, "dWf": dWf, "dbf": dbf, "dWi": dWi, "dbi": dbi,
            "dWc": dWc, "dbc": dbc, "dWo": dWo, "dbo": dbo}
"""
LSTM_LOOP = """
def lstm_backward(da, caches):
    cache_list, x = caches
    n_a, m, T_x = da.shape
    n_x = x.shape[0]
    sums = {f"dW{g}": np.zeros((n_a, n_a + n_x)) for g in "fico"}
    sums.update({f"db{g}": np.zeros((n_a, 1)) for g in "fico"})
    dx = np.zeros((n_x, m, T_x))
    da_future = np.zeros((n_a, m))
    dc_future = np.zeros((n_a, m))
    for t in reversed(range(T_x)):
        da_next = da[:, :, t] + da_future
        step = lstm_cell_backward(da_next, dc_future, cache_list[t])
        da_future = step["da_prev"]
        dc_future = step["dc_prev"]
        dx[:, :, t] = step["dxt"]
        for name in sums:
            sums[name] += step[name]
    return {"dx": dx, "da0": da_future, **sums}
"""
PLAIN = {
    "UNQ_C1": RNN_CELL,
    "UNQ_C2": RNN_LOOP,
    "UNQ_C3": LSTM_CELL,
    "UNQ_C4": LSTM_LOOP,
}

# --- other styles: by style, the cells that are written differently ---------------------------------------------------

EINSUM = {
    "UNQ_C1": edited(
        RNN_CELL,
        ("np.dot(Wax.T, dtanh)", "np.einsum('ai,am->im', Wax, dtanh)"),
        ("np.dot(Waa.T, dtanh)", "np.einsum('ab,am->bm', Waa, dtanh)"),
        ("np.dot(dtanh, xt.T)", "np.einsum('am,im->ai', dtanh, xt)"),
        ("np.dot(dtanh, a_prev.T)", "np.einsum('am,bm->ab', dtanh, a_prev)"),
        ("np.sum(dtanh, axis=1, keepdims=True)", "np.einsum('am->a', dtanh)[:, None]"),
    ),
    "UNQ_C3": edited(
        LSTM_CELL,
        ("np.dot(dsf, z.T), np.dot(dsi, z.T)", "np.einsum('am,zm->az', dsf, z), np.einsum('am,zm', dsi, z)"),
        ("np.dot(Wf.T, dsf)", "np.einsum('az,am->zm', Wf, dsf)"),
    ),
}
CONCATENATED = {
    "UNQ_C1": """
def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    n_a = a_next.shape[0]
    W = np.hstack([parameters["Waa"], parameters["Wax"], parameters["ba"]])
    stack = np.vstack([a_prev, xt, np.ones((1, xt.shape[1]))])
    d = da_next - da_next * a_next * a_next
    dW, dstack = d @ stack.T, W.T @ d
    return dict(dxt=dstack[n_a:-1], da_prev=dstack[:n_a], dWax=dW[:, n_a:-1], dWaa=dW[:, :n_a], dba=dW[:, -1:])
""",
    "UNQ_C3": """
def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    n_a = len(a_next)
    W = np.vstack([parameters["W" + g] for g in "fico"])
    z = np.vstack([a_prev, xt])
    squashed = np.tanh(c_next)
    dc = dc_next + ot * da_next * (1 - squashed * squashed)
    d = np.vstack([dc * c_prev * ft * (1 - ft), dc * cct * it * (1 - it), dc * it * (1 - cct * cct),
                   da_next * squashed * ot * (1 - ot)])
    dW, db, dz = d @ z.T, d.sum(1, keepdims=True), W.T @ d
    out = {"dxt": dz[n_a:], "da_prev": dz[:n_a], "dc_prev": dc * ft}
    for k, g in enumerate("fico"):
        out["dW" + g] = dW[k * n_a:(k + 1) * n_a]
        out["db" + g] = db[k * n_a:(k + 1) * n_a]
    return out
""",
}
LISTS = {
    "UNQ_C2": """
def rnn_backward(da, caches):
    drawers, x = caches
    steps = []
    carry = 0
    for cut, drawer in list(zip(np.moveaxis(da, 2, 0), drawers))[::-1]:
        steps.append(rnn_cell_backward(cut + carry, drawer))
        carry = steps[-1]["da_prev"]
    out = {name: sum(step[name] for step in steps) for name in ("dWax", "dWaa", "dba")}
    out["dx"] = np.stack([step["dxt"] for step in steps[::-1]], axis=2)
    out["da0"] = carry
    return out
""",
    "UNQ_C4": """
def lstm_backward(da, caches):
    drawers, x = caches
    steps = []
    da_carry = dc_carry = np.zeros(da.shape[:2])
    for cut, drawer in list(zip(np.moveaxis(da, 2, 0), drawers))[::-1]:
        steps.append(lstm_cell_backward(cut + da_carry, dc_carry, drawer))
        da_carry, dc_carry = steps[-1]["da_prev"], steps[-1]["dc_prev"]
    out = {"d" + k + g: np.sum([step["d" + k + g] for step in steps], axis=0) for g in "fico" for k in "Wb"}
    out["dx"] = np.stack([step["dxt"] for step in steps[::-1]], axis=2)
    out["da0"] = da_carry
    return out
""",
}
RECURSION = {
    "UNQ_C2": """
def rnn_backward(da, caches):
    drawers, x = caches

    def back(t, d_next):
        here = rnn_cell_backward(da[:, :, t] + d_next, drawers[t])
        if t == 0:
            return dict(dx=[here["dxt"]], da0=here["da_prev"], **{k: here[k] for k in ("dWax", "dWaa", "dba")})
        before = back(t - 1, here["da_prev"])
        before["dx"].append(here["dxt"])
        for k in ("dWax", "dWaa", "dba"):
            before[k] = before[k] + here[k]
        return before

    out = back(da.shape[2] - 1, np.zeros(da.shape[:2]))
    out["dx"] = np.stack(out["dx"], axis=-1)
    return out
""",
    "UNQ_C4": """
def one_step(pair, cut, drawer):
    return lstm_cell_backward(cut + pair[0], pair[1], drawer)

def lstm_backward(da, caches):
    drawers, x = caches

    def back(t, pair):
        if t < 0:
            return pair[0], []
        step = one_step(pair, da[..., t], drawers[t])
        da0, earlier = back(t - 1, (step["da_prev"], step["dc_prev"]))
        return da0, earlier + [step]

    da0, steps = back(da.shape[-1] - 1, (0.0 * da[..., 0], 0.0 * da[..., 0]))
    out = {"dx": np.dstack([s["dxt"] for s in steps]), "da0": da0}
    for g in "fico":
        out["dW" + g] = sum(s["dW" + g] for s in steps)
        out["db" + g] = sum(s["db" + g] for s in steps)
    return out
""",
}
INLINED = {
    "UNQ_C2": """
def rnn_backward(da, caches):
    (cache_list, x), (n_a, m, T_x) = caches, da.shape
    _, a0, _, parameters = cache_list[0]
    dx, d = np.empty((x.shape[0], m, T_x)), np.zeros((n_a, m))
    dWax, dWaa, dba = np.zeros((n_a, len(x))), np.zeros((n_a, n_a)), np.zeros((n_a, 1))
    t = T_x
    while t:
        t -= 1
        a, before, now, _ = cache_list[t]
        s = (d + da[..., t]) * (1 - a) * (1 + a)
        dx[..., t] = parameters["Wax"].T @ s
        d = parameters["Waa"].T @ s
        dWax, dWaa, dba = dWax + s @ now.T, dWaa + s @ before.T, dba + s.sum(axis=1).reshape(n_a, 1)
    return {"dx": dx, "da0": d, "dWax": dWax, "dWaa": dWaa, "dba": dba}
""",
    "UNQ_C4": LSTM_CELL.replace("lstm_cell_backward", "my_own_step")
    + LSTM_LOOP.replace("lstm_cell_backward", "my_own_step"),
}
_NARROW_RNN = "    a_next, a_prev, xt, da_next = (v.astype('f') for v in (a_next, a_prev, xt, da_next))\n"
_NARROW_LSTM = """    given = (da_next, dc_next, a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt)
    da_next, dc_next, a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt = (v.astype('f') for v in given)
"""
FLOAT32 = {
    "UNQ_C1": edited(
        RNN_CELL,
        ("    Wax = parameters", _NARROW_RNN + "    Wax = parameters"),
        ('parameters["Wax"]', 'parameters["Wax"].astype("f")'),
        ('parameters["Waa"]', 'parameters["Waa"].astype("f")'),
    ),
    "UNQ_C2": RNN_LOOP.replace("))\n    d", "), dtype=np.float32)\n    d"),
    "UNQ_C3": edited(
        LSTM_CELL,
        (
            "    Wf, Wi, Wc, Wo = (parameters[name] for",
            _NARROW_LSTM + "    Wf, Wi, Wc, Wo = (parameters[name].astype('f') for",
        ),
    ),
    "UNQ_C4": LSTM_LOOP.replace(")) for", "), dtype='f') for").replace("T_x))\n", "T_x), dtype='f')\n"),
}
FORTRAN = {
    "UNQ_C1": RNN_CELL.replace("return gradients", "return {k: np.asfortranarray(v) for k, v in gradients.items()}"),
    "UNQ_C2": edited(
        RNN_LOOP, ("(n_x, m, T_x))", "(n_x, m, T_x), order='F')"), ("(n_a, n_a))", "(n_a, n_a), order='F')")
    ),
    "UNQ_C4": edited(
        LSTM_LOOP,
        ("return {", "return {k: np.asfortranarray(v) for k, v in {"),
        ("**sums}", "**sums}.items()}"),
    ),
}
_IN_PLACE = ("da_next = da[:, :, t] + da_future", "da[:, :, t] += da_future\n        da_next = da[:, :, t]")
WRITES_INTO_DA = {"UNQ_C2": edited(RNN_LOOP, _IN_PLACE), "UNQ_C4": edited(LSTM_LOOP, _IN_PLACE)}
MORE_KEYS = {
    "UNQ_C4": edited(LSTM_LOOP, ('"da0": da_future', '"da0": da_future, "dc0": dc_future')),
}

STYLES = {
    "plain": {},
    "einsum": EINSUM,
    "concatenated weights": CONCATENATED,
    "lists and np.stack": LISTS,
    "recursion and helpers": RECURSION,
    "inlined cell": INLINED,
    "float32": FLOAT32,
    "Fortran order": FORTRAN,
    "one key more than asked for": MORE_KEYS,
}
FUNCTIONS = {
    "UNQ_C1": "rnn_cell_backward",
    "UNQ_C2": "rnn_backward",
    "UNQ_C3": "lstm_cell_backward",
    "UNQ_C4": "lstm_backward",
}
