"""Right answers to the fourth assignment in many styles, as a student's cells; each is the whole of one exercise."""

READ = """
def many_to_one_forward(x, a0, parameters):
    a, _, cache = rnn_forward(x, a0, parameters)
    a_last = a[:, :, -1]
    scores = np.dot(parameters["Wya"], a_last) + parameters["by"]
    y_pred = softmax(scores)
    return y_pred, cache
"""
GENERATE = """
def one_to_many_generate(x0, a0, parameters, steps, rng):
    n_y = parameters["by"].shape[0]
    m = x0.shape[1]
    indices = np.zeros((steps, m), dtype=int)
    xt = x0
    a_next = a0
    for t in range(steps):
        a_next, yt_pred, _ = rnn_cell_forward(xt, a_next, parameters)
        for i in range(m):
            indices[t, i] = rng.choice(n_y, p=yt_pred[:, i])
        xt = one_hot(indices[t], n_y)
    return indices
"""
BRIDGE = """
def encoder_decoder_forward(x, decoder_inputs, a0, encoder, decoder):
    n_d, m, T_y = decoder_inputs.shape
    n_y, n_a = decoder["Wy"].shape
    decoder_list = []
    a, _, c, encoder_caches = lstm_forward(x, a0, encoder)
    a_next = a[:, :, -1]
    c_next = c[:, :, -1]
    y_pred = np.zeros((n_y, m, T_y))
    for s in range(T_y):
        a_next, c_next, yt_pred, cache = lstm_cell_forward(decoder_inputs[:, :, s], a_next, c_next, decoder)
        y_pred[:, :, s] = yt_pred
        decoder_list.append(cache)
    caches = (encoder_caches, (decoder_list, decoder_inputs))
    return y_pred, caches
"""

READ_STYLES = {
    "plain": READ,
    "the last prediction of all": """
def many_to_one_forward(x, a0, parameters):
    _, y, cache = rnn_forward(x, a0, parameters)
    return y[..., -1], cache
""",
    "einsum over inlined steps": """
def many_to_one_forward(x, a0, parameters):
    p, state, kept = parameters, a0, []
    for t in range(x.shape[2]):
        before = state
        state = np.tanh(np.einsum("ij,jk", p["Waa"], before) + np.einsum("ij,jk", p["Wax"], x[:, :, t]) + p["ba"])
        kept.append((state, before, x[:, :, t], p))
    z = np.einsum("ij,jk->ik", p["Wya"], state) + p["by"]
    e = np.exp(z - z.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True), (kept, x)
""",
    "concatenated weights": """
def many_to_one_forward(x, a0, parameters):
    p, state, kept = parameters, a0, []
    W = np.hstack([p["Waa"], p["Wax"], p["ba"]])
    for xt in np.moveaxis(x, 2, 0):
        new = np.tanh(W @ np.vstack([state, xt, np.ones((1, x.shape[1]))]))
        kept.append([new, state, xt, dict(p)])
        state = new
    return softmax(np.hstack([p["Wya"], p["by"]]) @ np.vstack([state, np.ones((1, x.shape[1]))])), [kept, x]
""",
    "recursion": """
def many_to_one_forward(x, a0, parameters):
    def walk(t, state, kept):
        if t == x.shape[2]:
            return state, kept
        new, _, cache = rnn_cell_forward(x[:, :, t], state, parameters)
        return walk(t + 1, new, kept + [cache])
    last, kept = walk(0, a0, [])
    return softmax(parameters["Wya"] @ last + parameters["by"]), (kept, x)
""",
    "lists and stack, one example after the other": """
def many_to_one_forward(x, a0, parameters):
    _, _, cache = rnn_forward(x, a0, parameters)
    columns = []
    for i in range(x.shape[1]):
        a, _, _ = rnn_forward(x[:, i : i + 1], a0[:, i : i + 1], parameters)
        columns.append(softmax(parameters["Wya"] @ a[:, 0, -1:] + parameters["by"])[:, 0])
    return np.stack(columns, axis=1), cache
""",
    "float32": """
def many_to_one_forward(x, a0, parameters):
    small = {name: array.astype(np.float32) for name, array in parameters.items()}
    state = a0.astype(np.float32)
    for t in range(x.shape[2]):
        state = np.tanh(small["Waa"] @ state + small["Wax"] @ x[:, :, t].astype(np.float32) + small["ba"])
    _, _, cache = rnn_forward(x, a0, parameters)
    return softmax(small["Wya"] @ state + small["by"]).astype(np.float32), cache
""",
    "Fortran order": """
def many_to_one_forward(x, a0, parameters):
    a, _, cache = rnn_forward(np.asfortranarray(x), np.asfortranarray(a0), parameters)
    return np.asfortranarray(softmax(parameters["Wya"] @ np.asfortranarray(a[:, :, -1]) + parameters["by"])), cache
""",
}

GENERATE_STYLES = {
    "plain": GENERATE,
    "cumulated probabilities": """
def one_to_many_generate(x0, a0, parameters, steps, rng):
    said = []
    xt, a = x0, a0
    for _ in range(steps):
        a, y, _ = rnn_cell_forward(xt, a, parameters)
        said.append((rng.random(x0.shape[1]) >= np.cumsum(y, axis=0)[:-1]).sum(axis=0))
        xt = one_hot(said[-1], len(y))
    return np.array(said)
""",
    "gumbel": """
def one_to_many_generate(x0, a0, parameters, steps, rng):
    p, a, xt, said = parameters, a0, x0, []
    for _ in range(steps):
        a = np.tanh(p["Waa"] @ a + p["Wax"] @ xt + p["ba"])
        z = p["Wya"] @ a + p["by"]
        said.append(np.argmax(z + rng.gumbel(size=z.shape), axis=0))
        xt = np.eye(len(z))[:, said[-1]]
    return np.stack(said)
""",
    "multinomial": """
def one_to_many_generate(x0, a0, parameters, steps, rng):
    a, xt, rows = a0, x0, []
    for _ in range(steps):
        a, y, _ = rnn_cell_forward(xt, a, parameters)
        xt = rng.multinomial(1, (y / y.sum(axis=0)).T).T.astype(float)
        rows.append(xt.argmax(axis=0))
    return np.vstack(rows)
""",
    "one example after the other": """
def one_to_many_generate(x0, a0, parameters, steps, rng):
    n_y, m = len(parameters["by"]), x0.shape[1]
    indices = np.empty((steps, m), dtype=np.int32, order="F")
    for i in range(m):
        xt, a = x0[:, [i]], a0[:, [i]]
        for t in range(steps):
            a, y, _ = rnn_cell_forward(xt, a, parameters)
            k = rng.choice(n_y, p=y.ravel())
            indices[t, i] = k
            xt = np.zeros((n_y, 1))
            xt[k] = 1
    return indices
""",
    "recursion, all luck drawn beforehand": """
def one_to_many_generate(x0, a0, parameters, steps, rng):
    luck = rng.random((steps, x0.shape[1]))
    def go_on(xt, a, t):
        if t == steps:
            return []
        a, y, _ = rnn_cell_forward(xt, a, parameters)
        now = np.array([int(np.searchsorted(np.cumsum(y[:, i])[:-1], luck[t, i], side="right"))
                        for i in range(len(luck[t]))])
        return [now] + go_on(one_hot(now, len(y)), a, t + 1)
    return np.array(go_on(x0, a0, 0))
""",
    "float32": """
def one_to_many_generate(x0, a0, parameters, steps, rng):
    p = {name: array.astype(np.float32) for name, array in parameters.items()}
    a, xt = a0.astype(np.float32), x0.astype(np.float32)
    indices = np.zeros((steps, x0.shape[1]), dtype=np.uint8)
    for t in range(steps):
        a = np.tanh(p["Waa"] @ a + p["Wax"] @ xt + p["ba"])
        y = softmax(p["Wya"] @ a + p["by"]).astype(np.float32)
        u = 1 - rng.random(x0.shape[1], dtype=np.float32)
        indices[t] = np.minimum((np.cumsum(y, axis=0) < u).sum(axis=0), len(y) - 1)
        xt = np.eye(len(y), dtype=np.float32)[:, indices[t]]
    return indices
""",
    "upside down": """
def one_to_many_generate(x0, a0, parameters, steps, rng):
    a, xt, said = a0, x0, []
    for _ in range(steps):
        a, y, _ = rnn_cell_forward(xt, a, parameters)
        above = np.cumsum(y[::-1], axis=0)
        said.append(len(y) - 1 - (above[:-1] <= rng.random(x0.shape[1])).sum(axis=0))
        xt = one_hot(said[-1], len(y))
    return np.array(said)
""",
}

BRIDGE_STYLES = {
    "plain": BRIDGE,
    "lists and stack": """
def encoder_decoder_forward(x, decoder_inputs, a0, encoder, decoder):
    a, _, c, first = lstm_forward(x, a0, encoder)
    at, ct, ys, kept = a[..., -1], c[..., -1], [], []
    for xt in np.moveaxis(decoder_inputs, 2, 0):
        at, ct, y, cache = lstm_cell_forward(xt, at, ct, decoder)
        ys.append(y)
        kept.append(cache)
    return np.stack(ys, axis=-1), [first, [kept, decoder_inputs]]
""",
    "states from the last cache": """
def encoder_decoder_forward(x, decoder_inputs, a0, encoder, decoder):
    encoder_caches = lstm_forward(x, a0, encoder)[3]
    state = encoder_caches[0][-1][:2]
    T_y = decoder_inputs.shape[-1]
    steps = []
    for t in range(T_y):
        step = lstm_cell_forward(decoder_inputs[:, :, t], *state, decoder)
        state = step[:2]
        steps.append(step)
    y_pred = np.concatenate([step[2][:, :, None] for step in steps], axis=2)
    return y_pred, (encoder_caches, ([step[3] for step in steps], decoder_inputs))
""",
    "inlined cell, einsum": """
def encoder_decoder_forward(x, decoder_inputs, a0, encoder, decoder):
    def run(inputs, a, c, p):
        kept, ys = [], []
        for t in range(inputs.shape[2]):
            z = np.concatenate([a, inputs[:, :, t]])
            f, i, o = (1 / (1 + np.exp(-(np.einsum("ij,jk->ik", p["W" + g], z) + p["b" + g]))) for g in "fio")
            new = np.tanh(np.einsum("ij,jk->ik", p["Wc"], z) + p["bc"])
            c_next = f * c + i * new
            a_next = o * np.tanh(c_next)
            scores = np.einsum("ij,jk->ik", p["Wy"], a_next) + p["by"]
            e = np.exp(scores - scores.max(axis=0))
            ys.append(e / e.sum(axis=0))
            kept.append((a_next, c_next, a, c, f, i, new, o, inputs[:, :, t], p))
            a, c = a_next, c_next
        return a, c, np.stack(ys, axis=2), (kept, inputs)
    a, c, _, first = run(x, a0, np.zeros_like(a0), encoder)
    _, _, y, second = run(decoder_inputs, a, c, decoder)
    return y, (first, second)
""",
    "concatenated weights": """
def encoder_decoder_forward(x, decoder_inputs, a0, encoder, decoder):
    a, _, c, first = lstm_forward(x, a0, encoder)
    W = np.vstack([decoder["W" + g] for g in "fioc"])
    b = np.vstack([decoder["b" + g] for g in "fioc"])
    a, c, n = a[:, :, -1], c[:, :, -1], len(a0)
    y_pred = np.zeros((len(decoder["by"]), x.shape[1], decoder_inputs.shape[2]))
    kept = []
    for t in range(decoder_inputs.shape[2]):
        z = W @ np.vstack([a, decoder_inputs[:, :, t]]) + b
        f, i, o, new = *sigmoid(z[: 3 * n]).reshape(3, n, -1), np.tanh(z[3 * n :])
        a_prev, c_prev = a, c
        c = f * c_prev + i * new
        a = o * np.tanh(c)
        y_pred[:, :, t] = softmax(decoder["Wy"] @ a + decoder["by"])
        kept.append((a, c, a_prev, c_prev, f, i, new, o, decoder_inputs[:, :, t], decoder))
    return y_pred, (first, (kept, decoder_inputs))
""",
    "recursion": """
def encoder_decoder_forward(x, decoder_inputs, a0, encoder, decoder):
    def read(t, a, c, p, inputs):
        if t == inputs.shape[2]:
            return a, c, [], []
        a, c, y, cache = lstm_cell_forward(inputs[:, :, t], a, c, p)
        a_last, c_last, ys, kept = read(t + 1, a, c, p, inputs)
        return a_last, c_last, [y] + ys, [cache] + kept
    a, c, _, first = read(0, a0, 0 * a0, encoder, x)
    _, _, ys, second = read(0, a, c, decoder, decoder_inputs)
    return np.dstack(ys), ((first, x), (second, decoder_inputs))
""",
    "float32": """
def encoder_decoder_forward(x, decoder_inputs, a0, encoder, decoder):
    def small(p):
        return {name: array.astype(np.float32) for name, array in p.items()}
    a, _, c, first = lstm_forward(x.astype(np.float32), a0.astype(np.float32), small(encoder))
    a, c = a[:, :, -1].astype(np.float32), c[:, :, -1].astype(np.float32)
    p, kept, ys = small(decoder), [], []
    for t in range(decoder_inputs.shape[2]):
        a, c, y, cache = lstm_cell_forward(decoder_inputs[:, :, t].astype(np.float32), a, c, p)
        ys.append(y.astype(np.float32))
        kept.append(cache)
    return np.stack(ys, axis=2), (first, (kept, decoder_inputs))
""",
    "Fortran order": """
def encoder_decoder_forward(x, decoder_inputs, a0, encoder, decoder):
    a, _, c, first = lstm_forward(np.asfortranarray(x), np.asfortranarray(a0), encoder)
    at, ct = np.asfortranarray(a[:, :, -1]), np.asfortranarray(c[:, :, -1])
    y_pred = np.zeros((len(decoder["by"]), x.shape[1], decoder_inputs.shape[2]), order="F")
    kept = []
    for t in range(y_pred.shape[2]):
        at, ct, y_pred[:, :, t], cache = lstm_cell_forward(decoder_inputs[:, :, t], at, ct, decoder)
        kept.append(cache)
    return y_pred, (first, (kept, decoder_inputs))
""",
}
