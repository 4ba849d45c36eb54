"""The known mistakes of the fourth assignment: one answer for a sequence, generating, and the bridge."""

from autograder.model import Mistake

_LAST = "a_last = a[:, :, -1]"
_SCORES = "scores = np.dot(Wya, a_last) + by"
_PREDICT = "y_pred = softmax(scores)"
_COLUMNS = "What should the entries of one column of the prediction add up to? What do yours add up to?"
_WHICH_STATE = "Of all the states, which is the only one that has read the whole sequence?"

MANY_TO_ONE_MISTAKES = (
    Mistake("first-state", ((_LAST, "a_last = a[:, :, 0]"),), _WHICH_STATE, "Time is the last axis; you need its end."),
    Mistake(
        "state-before-the-last",
        ((_LAST, "a_last = a[:, :, max(a.shape[2] - 2, 0)]"),),
        _WHICH_STATE,
        "The last index of an axis is one less than its length; Python has a short way to write it.",
    ),
    Mistake(
        "initial-state",
        ((_LAST, "a_last = a0"),),
        "Does your prediction change when the sequence does?",
        "`a0` has read nothing. The reading made other states: one for each step.",
    ),
    Mistake(
        "mean-of-all-states",
        ((_LAST, "a_last = a.mean(axis=2)"),),
        _WHICH_STATE,
        "The prediction is made from one state, not from an average over time.",
    ),
    Mistake(
        "sum-of-all-states",
        ((_LAST, "a_last = a.sum(axis=2)"),),
        _WHICH_STATE,
        "The prediction is made from one state, not from a sum over time.",
    ),
    Mistake(
        "largest-of-all-states",
        ((_LAST, "a_last = a.max(axis=2)"),),
        _WHICH_STATE,
        "The prediction is made from one state, not from the largest entries over time.",
    ),
    Mistake(
        "state-squashed-twice",
        ((_LAST, "a_last = np.tanh(a[:, :, -1])"),),
        "What has the cell done already to the state that it returned?",
        "A hidden state has been through its nonlinearity; it is read as it is.",
    ),
    Mistake(
        "mean-of-all-predictions",
        (("a, _, cache", "a, all_of_them, cache"), (_PREDICT, "y_pred = all_of_them.mean(axis=2)")),
        "How many predictions does a network of this type make for one sequence, and when?",
        "One look at the end, and not an average of looks along the way.",
    ),
    Mistake(
        "sequence-from-its-end",
        (("rnn_forward(x, a0, parameters)", "rnn_forward(x[:, :, ::-1], a0, parameters)"),),
        "In which order does the network read the sequence?",
        "The first step comes first.",
    ),
    Mistake(
        "last-input-not-read",
        (("rnn_forward(x, a0, parameters)", "rnn_forward(x[:, :, : max(x.shape[2] - 1, 1)], a0, parameters)"),),
        "How many steps does your network read, and how many has the sequence?",
        "The whole of the sequence goes in.",
    ),
    Mistake(
        "state-starts-at-zero",
        (("rnn_forward(x, a0, parameters)", "rnn_forward(x, np.zeros_like(a0), parameters)"),),
        "Which state goes into the very first step? Who gives it to your function?",
        "One of the function's arguments is never used.",
    ),
    Mistake(
        "prediction-bias-dropped",
        ((_SCORES, "scores = np.dot(Wya, a_last)"),),
        "How many terms stand inside the softmax in the formula, and how many in your code?",
        "One of the given parameters is never used for the prediction.",
    ),
    Mistake(
        "no-softmax",
        ((_PREDICT, "y_pred = scores"),),
        "Are the entries of your prediction probabilities?",
        "The scores are not yet the prediction: one function turns a column of numbers into probabilities.",
    ),
    Mistake(
        "softmax-over-rows",
        ((_PREDICT, "y_pred = softmax(scores, axis=1)"),),
        "Which axis of `(n_y, m)` runs over the classes? Add up the columns of your prediction, then the rows.",
        "Normalise along the axis of the classes: each column, one example, adds up to 1.",
    ),
    Mistake(
        "softmax-over-everything",
        ((_PREDICT, "y_pred = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()"),),
        _COLUMNS,
        "Every example has its own probabilities: normalise each column by itself.",
    ),
    Mistake(
        "sigmoid-for-softmax",
        ((_PREDICT, "y_pred = sigmoid(scores)"),),
        _COLUMNS,
        "Each class on its own is not enough: the classes of one example share a total of 1.",
    ),
    Mistake(
        "softmax-twice",
        ((_PREDICT, "y_pred = softmax(softmax(scores))"),),
        "How often does the formula apply softmax?",
        "What comes out of softmax are probabilities already.",
    ),
    Mistake(
        "cache-of-the-last-step-only",
        ((_LAST, _LAST + "\n    cache = cache[0][-1]"),),
        "What will the backward pass need: one step, or all?",
        "What the given loop returned last is handed on as it is.",
    ),
    Mistake(
        "cache-without-the-input",
        ((_LAST, _LAST + "\n    cache = (cache[0], a0)"),),
        "What are the two things that the cache holds?",
        "Beside the list stands the whole input.",
    ),
)

_CELL = "rnn_cell_forward(xt, a_next, parameters)"
_DRAW = "indices[t, i] = rng.choice(n_y, p=yt_pred[:, i])"
_FEED = "xt = one_hot(indices[t], n_y)"
_EXAMPLES = "        for i in range(m):\n            " + _DRAW
_LIKELY = "Give your function a prediction of 0.6, 0.3 and 0.1 a thousand times. How often should each symbol come?"
_READS = "What does the network read in step 2? Follow the arrow in the figure from the sampled symbol."
_WHOSE = "How many dice are rolled in one step: one for the mini-batch, or one for each example?"
_LUCK = "Call your function twice with equally seeded generators, then with another seed. What should be equal?"

GENERATE_MISTAKES = (
    Mistake("x0-at-every-step", ((_FEED, "xt = x0"),), _READS, "The symbols just sampled replace what is read."),
    Mistake(
        "prediction-fed-back",
        ((_FEED, "xt = yt_pred"),),
        _READS,
        "Not the probabilities come back, but the one symbol that was drawn from them, as a one-hot column.",
    ),
    Mistake(
        "likeliest-fed-back",
        ((_FEED, "xt = one_hot(yt_pred.argmax(axis=0), n_y)"),),
        "Is what the next step reads the very symbol that you have kept?",
        "What was drawn is kept and read; the likeliest symbol plays no part.",
    ),
    Mistake(
        "drawn-twice",
        ((_FEED, "xt = one_hot(np.array([rng.choice(n_y, p=yt_pred[:, i]) for i in range(m)]), n_y)"),),
        "Is what the next step reads the very symbol that you have kept?",
        "One draw for each example and step: kept, and read.",
    ),
    Mistake(
        "a0-at-every-step",
        ((_CELL, "rnn_cell_forward(xt, a0, parameters)"),),
        "What should step 2 know about step 1, beside the symbol?",
        "The state that the cell returned goes into its next call.",
    ),
    Mistake(
        "state-starts-at-zero",
        (("a_next = a0", "a_next = np.zeros_like(a0)"),),
        "Which state goes into the very first step? Who gives it to your function?",
        "One of the function's arguments is never used.",
    ),
    Mistake(
        "first-input-left-out",
        (("xt = x0", "xt = np.zeros_like(x0)"),),
        "What does the network read in step 1? Who gives it to your function?",
        "One of the function's arguments is never used.",
    ),
    Mistake(
        "input-symbol-kept",
        ((_FEED, _FEED + "\n    indices = np.vstack([x0.argmax(axis=0)[None, :], indices[:-1]])"),),
        "Which symbol stands in the first row: the one that was read, or the one that was said?",
        "Row t holds what was sampled in step t; the first input is no part of the answer.",
    ),
    Mistake(
        "last-step-missing",
        (("range(steps)", "range(steps - 1)"),),
        "Is there a symbol for every step?",
        "`range(T)` already leaves out T.",
    ),
    Mistake(
        "backwards-in-time",
        (("indices[t, i] = rng", "indices[steps - 1 - t, i] = rng"), ("one_hot(indices[t]", "one_hot(indices[-1 - t]")),
        "Which row holds the first symbol that was said?",
        "Rows stand in the order of time.",
    ),
    Mistake(
        "likeliest-instead-of-sample",
        ((_DRAW, "indices[t, i] = np.argmax(yt_pred[:, i])"),),
        _LIKELY,
        "The likeliest symbol is not a sample: the generator decides, with the probabilities of the column.",
    ),
    Mistake(
        "one-draw-for-the-mini-batch",
        ((_EXAMPLES, "        indices[t] = (np.cumsum(yt_pred, axis=0) < rng.random()).sum(axis=0).clip(0, n_y - 1)"),),
        _WHOSE,
        "Each example needs a draw of its own, in each step.",
    ),
    Mistake(
        "first-example-for-all",
        ((_DRAW, "indices[t, i] = rng.choice(n_y, p=yt_pred[:, 0])"),),
        "Whose probabilities does example 3 roll its die with?",
        "The column of the prediction belongs to one example: each has its own.",
    ),
    Mistake(
        "all-symbols-equally-likely",
        ((_DRAW, "indices[t, i] = rng.choice(n_y)"),),
        _LIKELY,
        "The choice has to be told the probabilities.",
    ),
    Mistake(
        "same-luck-in-every-step",
        (
            (
                "        a_next, yt_pred, _ =",
                "        luck = np.random.default_rng(0).random(m)\n        a_next, yt_pred, _ =",
            ),
            (_EXAMPLES, "        indices[t] = (np.cumsum(yt_pred, axis=0) < luck).sum(axis=0).clip(0, n_y - 1)"),
        ),
        "Who makes the generator: your function, in every step anew, or whoever calls it?",
        "A generator that is made anew begins again with the same numbers. Use the one you are given.",
    ),
    Mistake(
        "generator-not-used",
        ((_DRAW, "indices[t, i] = np.random.default_rng([7, t, i]).choice(n_y, p=yt_pred[:, i])"),),
        _LUCK,
        "All randomness comes from the argument `rng`, not from numpy's own and not from a generator made inside.",
    ),
    Mistake(
        "axes-exchanged",
        ((_FEED, _FEED + "\n    indices = indices.T"),),
        "What does one row of `indices` hold: one step, or one example?",
        "Steps first, then examples.",
    ),
)

_ENCODE = "lstm_forward(x, a0, encoder)"
_A_BRIDGE, _C_BRIDGE = "a_next = a[:, :, -1]", "c_next = c[:, :, -1]"
_DECODE = "lstm_cell_forward(decoder_inputs[:, :, s], a_next, c_next, decoder)"
_CALL = "a_next, c_next, yt_pred, cache = " + _DECODE
_BRIDGE = "Which two arrays cross the bridge in the figure, and at which of the encoder's steps do they leave it?"
_TIMES = "There are two lengths of time, T_x and T_y. Whose steps does the decoder take?"
_CARRY = "What should the decoder's step 2 know about its step 1?"

ENCODER_DECODER_MISTAKES = (
    Mistake(
        "decoder-starts-from-a0",
        ((_A_BRIDGE, "a_next = a0"),),
        _BRIDGE,
        "`a0` has read nothing. The decoder's first hidden state is the one that the encoder ended with.",
    ),
    Mistake(
        "hidden-state-not-handed-over",
        ((_A_BRIDGE, "a_next = np.zeros((n_a, m))"),),
        _BRIDGE,
        "The decoder's first hidden state is the one that the encoder ended with.",
    ),
    Mistake(
        "cell-state-not-handed-over",
        ((_C_BRIDGE, "c_next = np.zeros((n_a, m))"),),
        _BRIDGE,
        "An LSTM remembers in two arrays: the cell state crosses the bridge as well.",
    ),
    Mistake(
        "nothing-handed-over",
        ((_A_BRIDGE, "a_next = a0"), (_C_BRIDGE, "c_next = np.zeros((n_a, m))")),
        "What does your decoder know of the sequence that the encoder has read?",
        "Both of its first states come from the encoder's last step.",
    ),
    Mistake(
        "hidden-state-as-cell-state",
        ((_C_BRIDGE, "c_next = a[:, :, -1]"),),
        _BRIDGE,
        "The two states go over the bridge each on its own lane.",
    ),
    Mistake(
        "cell-state-as-hidden-state",
        ((_A_BRIDGE, "a_next = c[:, :, -1]"),),
        _BRIDGE,
        "The two states go over the bridge each on its own lane.",
    ),
    Mistake(
        "states-exchanged",
        ((_A_BRIDGE, "a_next = c[:, :, -1]"), (_C_BRIDGE, "c_next = a[:, :, -1]")),
        "In which order does the given loop return its four values?",
        "The hidden states come first, the cell states third.",
    ),
    Mistake(
        "first-states-of-the-encoder",
        ((_A_BRIDGE, "a_next = a[:, :, 0]"), (_C_BRIDGE, "c_next = c[:, :, 0]")),
        _BRIDGE,
        "Only the last states have read everything.",
    ),
    Mistake(
        "encoder-starts-at-zero",
        ((_ENCODE, "lstm_forward(x, np.zeros_like(a0), encoder)"),),
        "Which hidden state goes into the encoder's first step? Who gives it to your function?",
        "One of the function's arguments is never used.",
    ),
    Mistake(
        "encoder-reads-backwards",
        ((_ENCODE, "lstm_forward(x[:, :, ::-1], a0, encoder)"),),
        "In which order does the encoder read?",
        "The input goes in as it is; if anything is to be reversed, the networks learn it.",
    ),
    Mistake(
        "hidden-state-not-carried",
        ((_CALL, "_, c_next, yt_pred, cache = " + _DECODE),),
        _CARRY,
        "Both states that the cell returned go into its next call.",
    ),
    Mistake(
        "cell-state-not-carried",
        ((_CALL, "a_next, _, yt_pred, cache = " + _DECODE),),
        _CARRY,
        "Both states that the cell returned go into its next call.",
    ),
    Mistake(
        "bridge-at-every-step",
        ((_CALL, "_, _, yt_pred, cache = " + _DECODE),),
        _CARRY,
        "The encoder's states begin the decoder's time; then it goes on from its own.",
    ),
    Mistake(
        "first-input-at-every-step",
        (("decoder_inputs[:, :, s]", "decoder_inputs[:, :, 0]"),),
        "Which slice of `decoder_inputs` does step s read?",
        "The index of the loop belongs into the slice of the input.",
    ),
    Mistake(
        "inputs-one-step-late",
        (("decoder_inputs[:, :, s]", "decoder_inputs[:, :, max(s - 1, 0)]"),),
        "Which slice of `decoder_inputs` does step s read? Are they shifted already when your function gets them?",
        "The inputs come with their start symbol in front: step s reads slice s.",
    ),
    Mistake(
        "loop-over-the-encoders-time",
        (("range(T_y)", "range(min(T_y, x.shape[2]))"),),
        _TIMES,
        "The number of steps is that of the decoder's inputs.",
    ),
    Mistake(
        "last-step-missing",
        (("range(T_y)", "range(T_y - 1)"),),
        "Does your loop reach the last step?",
        "`range(T)` already leaves out T.",
    ),
    Mistake(
        "predictions-not-stored",
        (("        y_pred[:, :, s] = yt_pred\n", ""),),
        "What is in `y_pred` after the loop?",
        "The prediction of each step has its own slice of `y_pred`, and has to be put there.",
    ),
    Mistake(
        "predictions-in-reverse",
        (("y_pred[:, :, s] = yt_pred", "y_pred[:, :, T_y - 1 - s] = yt_pred"),),
        "In which slice does the prediction of step s belong?",
        "Predictions stand in the order in which they were made.",
    ),
    Mistake(
        "decoder-caches-left-empty",
        (("decoder_list.append(cache)", "np.append(np.zeros(1), np.zeros(1))"),),
        "How long is the decoder's list after the loop? `np.append` returns a new array and leaves the old one alone.",
        "A list has an `append` of its own, which changes it.",
    ),
    Mistake(
        "decoder-caches-in-reverse",
        (("decoder_list.append(cache)", "decoder_list.insert(0, cache)"),),
        "Which cache stands first in your list?",
        "The caches stand in the order of time.",
    ),
    Mistake(
        "caches-exchanged",
        (
            (
                "caches = (encoder_caches, (decoder_list, decoder_inputs))",
                "caches = ((decoder_list, decoder_inputs), encoder_caches)",
            ),
        ),
        "Whose caches stand first?",
        "The encoder's, then the decoder's.",
    ),
    Mistake(
        "encoder-input-in-decoder-caches",
        (("(decoder_list, decoder_inputs))", "(decoder_list, x))"),),
        "Beside a list of caches stands what was read. What did the decoder read?",
        "Each network's caches are the pair of its list and its own input.",
    ),
)
