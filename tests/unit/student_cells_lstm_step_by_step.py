"""A student's cells of the second assignment: right ones in the plain style, and edits that write them in others."""

from student_cells import edited

# what the tests edit; a notebook's import cell gives np, sigmoid and softmax
CELL_CODE = """
def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    Wf, bf = parameters["Wf"], parameters["bf"]
    Wi, bi = parameters["Wi"], parameters["bi"]
    Wc, bc = parameters["Wc"], parameters["bc"]
    Wo, bo = parameters["Wo"], parameters["bo"]
    Wy, by = parameters["Wy"], parameters["by"]
    z = np.concatenate([a_prev, xt], axis=0)
    ft = sigmoid(np.dot(Wf, z) + bf)
    it = sigmoid(np.dot(Wi, z) + bi)
    cct = np.tanh(np.dot(Wc, z) + bc)
    ot = sigmoid(np.dot(Wo, z) + bo)
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(np.dot(Wy, a_next) + by)
    cache = (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)
    return a_next, c_next, yt_pred, cache
"""
LOOP_CODE = """
def lstm_forward(x, a0, parameters):
    caches = []
    n_x, m, T_x = x.shape
    n_y, n_a = parameters["Wy"].shape
    a = np.zeros((n_a, m, T_x))
    y = np.zeros((n_y, m, T_x))
    c = np.zeros((n_a, m, T_x))
    a_next = a0
    c_next = np.zeros((n_a, m))
    for t in range(T_x):
        a_next, c_next, yt_pred, cache = lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)
        a[:, :, t] = a_next
        y[:, :, t] = yt_pred
        c[:, :, t] = c_next
        caches.append(cache)
    caches = (caches, x)
    return a, y, c, caches
"""

_STACK = "z = np.concatenate([a_prev, xt], axis=0)"
_FOUR = """\
    ft = sigmoid(np.dot(Wf, z) + bf)
    it = sigmoid(np.dot(Wi, z) + bi)
    cct = np.tanh(np.dot(Wc, z) + bc)
    ot = sigmoid(np.dot(Wo, z) + bo)
"""
CELL_STYLES = {
    "plain": CELL_CODE,
    "matrix operator": CELL_CODE.replace("np.dot(Wf, z)", "Wf @ z").replace("np.dot(Wy, a_next)", "Wy @ a_next"),
    "einsum": edited(
        CELL_CODE,
        ("np.dot(Wf, z)", "np.einsum('ij,jm->im', Wf, z)"),
        ("np.dot(Wc, z)", "np.einsum('ij,jm', Wc, z)"),
        ("np.dot(Wy, a_next)", "np.einsum('ki,im->km', Wy, a_next)"),
    ),
    "concatenated weights": edited(
        CELL_CODE,
        (
            _FOUR,
            ("    all_four = np.vstack([Wf, Wi, Wo, Wc]) @ z + np.vstack([bf, bi, bo, bc])\n"
            "    ft, it, ot, cct = np.split(all_four, 4)\n"
            "    ft, it, ot, cct = sigmoid(ft), sigmoid(it), sigmoid(ot), np.tanh(cct)\n"),
        ),
    ),
    "weights split, no stack": edited(
        CELL_CODE,
        (_STACK, "n_a = len(a_prev)\n    both = lambda W: W[:, :n_a] @ a_prev + W[:, n_a:] @ xt"),
        (_FOUR, _FOUR.replace("np.dot(Wf, z)", "both(Wf)").replace("np.dot(Wi, z)", "both(Wi)")
         .replace("np.dot(Wc, z)", "both(Wc)").replace("np.dot(Wo, z)", "both(Wo)")),
    ),
    "an array filled by hand": edited(
        CELL_CODE,
        (_STACK, "n_a, m = a_prev.shape\n    z = np.zeros((n_a + xt.shape[0], m))\n    z[:n_a], z[n_a:] = a_prev, xt"),
    ),
    "a nested helper": edited(
        CELL_CODE,
        (_STACK, _STACK + "\n\n    def gate(name, squash=sigmoid):\n"
         "        return squash(np.dot(parameters['W' + name], z) + parameters['b' + name])\n"),
        (_FOUR, "    ft, it, cct, ot = gate('f'), gate('i'), gate('c', np.tanh), gate('o')\n"),
    ),
    "functions of their own": "def sigmoid(z):\n    return 1 / (1 + np.exp(-z))\n\ndef softmax(z):\n"
    "    e = np.exp(z - z.max(axis=0))\n    return e / e.sum(axis=0)\n" + CELL_CODE,
    "sigmoid by tanh": edited(
        CELL_CODE, ("ft = sigmoid(np.dot(Wf, z) + bf)", "ft = (1 + np.tanh((np.dot(Wf, z) + bf) / 2)) / 2")
    ),
    "float32": edited(
        CELL_CODE,
        (
            '    Wf, bf = parameters["Wf"]',
            ("    p = {k: v.astype(np.float32) for k, v in parameters.items()}\n"
            "    x32, a32, c32 = xt.astype(np.float32), a_prev.astype(np.float32), c_prev.astype(np.float32)\n"
            '    Wf, bf = p["Wf"]'),
        ),
        ('bf = p["Wf"], parameters["bf"]', 'bf = p["Wf"], p["bf"]'),
        *(
            (f'parameters["W{g}"], parameters["b{g}"]', f'p["W{g}"], p["b{g}"]')
            for g in "icoy"
        ),
        ("[a_prev, xt]", "[a32, x32]"),
        ("ft * c_prev", "ft * c32"),
    ),
    "Fortran order": edited(
        CELL_CODE,
        (_STACK, "z = np.asfortranarray(np.vstack((a_prev, xt)))"),
        ("    cache = (", "    a_next, c_next = np.asfortranarray(a_next), np.asfortranarray(c_next)\n    cache = ("),
    ),
    "the cache as a list": edited(
        CELL_CODE,
        ("(a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)",
         "[a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, dict(parameters)]"),
    ),
}  # fmt: skip

_INLINED = CELL_CODE.split("\n", 2)[2].rsplit("    return", 1)[0].replace("\n    ", "\n        ").strip()
LOOP_STYLES = {
    "plain": LOOP_CODE,
    "lists and np.stack": """
def lstm_forward(x, a0, parameters):
    steps, a_next, c_next = [], a0, 0 * a0
    for xt in np.moveaxis(x, 2, 0):
        a_next, c_next, yt_pred, cache = lstm_cell_forward(xt, a_next, c_next, parameters)
        steps.append((a_next, yt_pred, c_next, cache))
    a, y, c, caches = zip(*steps)
    return np.stack(a, axis=2), np.stack(y, axis=-1), np.stack(c, axis=2), (list(caches), x)
""",
    "recursion": """
def lstm_forward(x, a0, parameters):
    def walk(t, hidden, cell):
        if t == x.shape[2]:
            return []
        step = lstm_cell_forward(x[..., t], hidden, cell, parameters)
        return [step] + walk(t + 1, step[0], step[1])
    a, c, y, caches = zip(*walk(0, a0, np.zeros_like(a0)))
    return np.dstack(a), np.dstack(y), np.dstack(c), (list(caches), x)
""",
    "while": edited(LOOP_CODE, ("for t in range(T_x):", "t = -1\n    while t + 1 < T_x:\n        t += 1")),
    "the cell inlined": f"""
def lstm_forward(x, a0, parameters):
    m, T_x = x.shape[1:]
    n_y, n_a = parameters["Wy"].shape
    a, y, c = np.empty((n_a, m, T_x)), np.empty((n_y, m, T_x)), np.empty((n_a, m, T_x))
    a_prev, c_prev, listed = a0, np.zeros((n_a, m)), []
    for t in range(T_x):
        xt = x[:, :, t]
        {_INLINED}
        a[..., t], y[..., t], c[..., t] = a_next, yt_pred, c_next
        listed.append(cache)
        a_prev, c_prev = a_next, c_next
    return a, y, c, (listed, x)
""",
    "einsum of everything at once": """
def lstm_forward(x, a0, parameters):
    n_a = len(a0)
    W = np.stack([parameters["W" + g] for g in "fico"])
    b = np.stack([parameters["b" + g] for g in "fico"])
    from_input = np.einsum("gij,jmt->gimt", W[:, :, n_a:], x) + b[..., None]
    hidden, cell, a, c, caches = a0, np.zeros(a0.shape), [], [], []
    for t in range(x.shape[2]):
        f, i, g, o = from_input[..., t] + np.einsum("gij,jm->gim", W[:, :, :n_a], hidden)
        f, i, g, o = sigmoid(f), sigmoid(i), np.tanh(g), sigmoid(o)
        before = hidden, cell
        cell = f * cell + i * g
        hidden = o * np.tanh(cell)
        caches.append((hidden, cell, *before, f, i, g, o, x[:, :, t], parameters))
        a.append(hidden)
        c.append(cell)
    a = np.stack(a, axis=2)
    scores = np.einsum("ki,imt->kmt", parameters["Wy"], a) + parameters["by"][..., None]
    return a, softmax(scores), np.stack(c, axis=2), (caches, x)
""",
    "float32": edited(
        LOOP_CODE,
        ("    a = np.zeros((n_a, m, T_x))", "    a = np.zeros((n_a, m, T_x), dtype=np.float32)"),
        ("    y = np.zeros((n_y, m, T_x))", "    y = np.zeros((n_y, m, T_x), dtype=np.float32)"),
        ("    c = np.zeros((n_a, m, T_x))", "    c = np.zeros((n_a, m, T_x), dtype=np.float32)"),
    ),
    "Fortran order": edited(
        LOOP_CODE,
        ("    c = np.zeros((n_a, m, T_x))", "    c = np.zeros((n_a, m, T_x), order='F')"),
        ("    a = np.zeros((n_a, m, T_x))", "    a = np.zeros((T_x, m, n_a)).T"),
    ),
}
