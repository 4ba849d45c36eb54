"""The known mistakes of the second assignment: in one step of an LSTM, and in the loop over time."""

from autograder.model import Mistake

STACK = "np.concatenate([a_prev, xt], axis=0)"
FORGET, UPDATE = "ft = sigmoid(np.dot(Wf, z) + bf)", "it = sigmoid(np.dot(Wi, z) + bi)"
CANDIDATE, OUTPUT = "cct = np.tanh(np.dot(Wc, z) + bc)", "ot = sigmoid(np.dot(Wo, z) + bo)"
C_NEXT, A_NEXT = "c_next = ft * c_prev + it * cct", "a_next = ot * np.tanh(c_next)"
YT_PRED = "yt_pred = softmax(np.dot(Wy, a_next) + by)"
_NUDGE = "Nudge one bias and look which of `ft`, `it`, `cct` and `ot` in your cache move: how many should?"
_COLUMNS = "What should the entries of one column of the prediction add up to? What do yours add up to?"
_TERMS = "How many terms stand inside each nonlinearity in the formulas, and how many in your code?"
_LANE = "Follow the old cell state along its lane in the figure: what does it meet first, and what next?"

CELL_MISTAKES = (
    Mistake(
        "output-gate-forgotten",
        ((A_NEXT, "a_next = np.tanh(c_next)"),),
        "Three gates have a part in a step. Which of them decides what is shown, and where do you use it?",
        "You have computed all of the cell state through a tanh; a gate still decides how much of it is shown.",
    ),
    Mistake(
        "hidden-state-without-tanh",
        ((A_NEXT, "a_next = ot * c_next"),),
        "Between which two values does a hidden state lie? Do yours stay there?",
        "Before the output gate is applied, the cell state is squashed.",
    ),
    Mistake(
        "hidden-state-from-old-cell-state",
        ((A_NEXT, "a_next = ot * np.tanh(c_prev)"),),
        "Which cell state is shown after the step: the one that came in, or the one you have just made?",
        "The hidden state is read after writing.",
    ),
    Mistake(
        "hidden-state-from-candidate",
        ((A_NEXT, "a_next = ot * cct"),),
        "What does the output gate show: what might be written, or what is remembered?",
        "The hidden state is read off the lane.",
    ),
    Mistake(
        "old-cell-state-dropped",
        ((C_NEXT, "c_next = it * cct"),),
        "What does your new cell state remember of the old one?",
        "The new cell state is a sum of two products; one of them is missing.",
    ),
    Mistake(
        "forget-and-update-exchanged",
        ((C_NEXT, "c_next = it * c_prev + ft * cct"),),
        "Which gate says how much of the old is kept, and which how much of the new is written?",
        "Two gates stand in each other's place.",
    ),
    Mistake(
        "forget-gate-upside-down",
        ((C_NEXT, "c_next = (1 - ft) * c_prev + it * cct"),),
        "When the forget gate is 1, how much of the old cell state should be left?",
        "Mind the name: an open forget gate keeps.",
    ),
    Mistake(
        "one-gate-for-both",
        ((C_NEXT, "c_next = ft * c_prev + (1 - ft) * cct"),),
        "May an LSTM keep the old and write the new in one step, both wholly?",
        "Keeping and writing have a gate each; here they share one.",
    ),
    Mistake(
        "forget-gate-unused",
        ((C_NEXT, "c_next = c_prev + it * cct"),),
        _LANE,
        "One of the three gates has no part in your cell state.",
    ),
    Mistake(
        "update-gate-unused",
        ((C_NEXT, "c_next = ft * c_prev + cct"),),
        "Is all of the candidate written, always? What decides that?",
        "One of the three gates has no part in your cell state.",
    ),
    Mistake(
        "cell-state-squashed",
        ((C_NEXT, "c_next = np.tanh(ft * c_prev + it * cct)"),),
        "May a cell state be larger than 1? May yours?",
        "On its lane the cell state meets a product and a sum, and nothing else.",
    ),
    Mistake(
        "candidate-through-sigmoid",
        ((CANDIDATE, "cct = sigmoid(np.dot(Wc, z) + bc)"),),
        "Can your candidate be negative? Could a cell state ever fall if it cannot?",
        "Three of the four small networks end in the same function; the candidate ends in another.",
    ),
    Mistake(
        "gates-through-tanh",
        (
            (FORGET, FORGET.replace("sigmoid", "np.tanh")),
            (UPDATE, UPDATE.replace("sigmoid", "np.tanh")),
            (OUTPUT, OUTPUT.replace("sigmoid", "np.tanh")),
        ),
        "Between which two values does a gate lie? Can a gate keep less than nothing?",
        "Gates and candidate end in different functions.",
    ),
    Mistake(
        "input-on-top-of-state",
        ((STACK, "np.concatenate([xt, a_prev], axis=0)"),),
        "Which of the two stands on top in the stack? Its height meets the first columns of each weight.",
        "The order of the stack is part of what the weights mean.",
    ),
    Mistake(
        "update-gate-with-the-forget-bias",
        ((UPDATE, UPDATE.replace("+ bi", "+ bf")),),
        _NUDGE,
        "The bias of one gate is used twice, that of another never.",
    ),
    Mistake(
        "update-gate-with-the-forget-weights",
        ((UPDATE, UPDATE.replace("Wi", "Wf")),),
        "Each of the four small networks has weights of its own. Which have you used, and which not?",
        "The weights of one gate are used twice, those of another never.",
    ),
    Mistake(
        "output-gate-is-the-update-gate",
        ((OUTPUT, "ot = sigmoid(np.dot(Wi, z) + bi)"),),
        _NUDGE,
        "Two of your gates are one and the same.",
    ),
    Mistake(
        "gate-biases-dropped",
        (
            (FORGET, FORGET.replace(" + bf", "")),
            (UPDATE, UPDATE.replace(" + bi", "")),
            (CANDIDATE, CANDIDATE.replace(" + bc", "")),
            (OUTPUT, OUTPUT.replace(" + bo", "")),
        ),
        _TERMS,
        "Four of the parameters that you were given are never used.",
    ),
    Mistake(
        "forget-bias-dropped",
        ((FORGET, FORGET.replace(" + bf", "")),),
        _TERMS,
        "One of the gates has lost a term.",
    ),
    Mistake(
        "prediction-bias-dropped",
        ((" + by)", ")"),),
        "How many terms stand inside the softmax in the formula, and how many in your code?",
        "One of the parameters that you were given is never used for the prediction.",
    ),
    Mistake(
        "prediction-from-cell-state",
        ((YT_PRED, "yt_pred = softmax(np.dot(Wy, c_next) + by)"),),
        "Of the two states, which one does the prediction see: the one on the lane, or the one that is shown?",
        "What the output gate hides, the prediction does not see either.",
    ),
    Mistake(
        "prediction-from-old-state",
        ((YT_PRED, "yt_pred = softmax(np.dot(Wy, a_prev) + by)"),),
        "Which state does the prediction of a step rest on: the one before the step, or the one after it?",
        "The prediction is made from what this step has just computed.",
    ),
    Mistake(
        "softmax-over-rows",
        ((YT_PRED, "yt_pred = softmax((np.dot(Wy, a_next) + by).T).T"),),
        "Which axis of `(n_y, m)` runs over the classes? Add up the columns of your prediction, then the rows.",
        "Normalise along the axis of the classes: each column, one example, adds up to 1.",
    ),
    Mistake(
        "sigmoid-for-softmax",
        ((YT_PRED, "yt_pred = sigmoid(np.dot(Wy, a_next) + by)"),),
        _COLUMNS,
        "Gates are judged each on its own; the classes of one example share a total of 1.",
    ),
    Mistake(
        "no-softmax",
        ((YT_PRED, "yt_pred = np.dot(Wy, a_next) + by"),),
        "Are the entries of your prediction probabilities?",
        "The weighted sum is not yet the prediction: one function turns a column of numbers into probabilities.",
    ),
    Mistake(
        "cache-states-exchanged",
        (("cache = (a_next, c_next, a_prev, c_prev,", "cache = (c_next, a_next, c_prev, a_prev,"),),
        "What stands in the first four drawers of the cache, in which order?",
        "The hidden state comes before the cell state, both times.",
    ),
)

_CALL = "lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)"
_STEP = f"a_next, c_next, yt_pred, cache = {_CALL}"
_STORED = "Which slice of {0} belongs to step t, and what is in it after the loop?"

SEQUENCE_MISTAKES = (
    Mistake(
        "one-array-under-two-names",
        (("    c = np.zeros((n_a, m, T_x))", "    c = a"),),
        "Compare your `a` and your `c`: are their values different? Ask `np.shares_memory(a, c)`.",
        "Hidden states and cell states each need an array of their own; a second name is not a second array.",
    ),
    Mistake(
        "hidden-states-stored-twice",
        (("c[:, :, t] = c_next", "c[:, :, t] = a_next"),),
        "Compare your `a` and your `c`: are their values different?",
        "A step returns two states, and each has its own array.",
    ),
    Mistake(
        "hidden-state-starts-at-zero",
        (("a_next = a0", "a_next = np.zeros((n_a, m))"),),
        "Which hidden state goes into the very first step? Who gives it to your function?",
        "One of the function's arguments is never used.",
    ),
    Mistake(
        "cell-state-starts-from-a0",
        (("c_next = np.zeros((n_a, m))", "c_next = a0"),),
        "What is on the lane before the first step?",
        "Only one of the two states is given; the other starts from nothing.",
    ),
    Mistake(
        "a0-at-every-step",
        ((_CALL, _CALL.replace("a_next", "a0")),),
        "What should step 2 know about step 1? Two things are handed on.",
        "Each of the two states that the cell returned goes into its next call; one of yours stays behind.",
    ),
    Mistake(
        "cell-state-not-carried",
        ((_CALL, _CALL.replace("c_next", "np.zeros((n_a, m))")),),
        "What should step 2 know about step 1? Two things are handed on.",
        "The lane is empty before the first step, and only then.",
    ),
    Mistake(
        "neither-state-carried",
        ((_CALL, _CALL.replace("a_next", "a0").replace("c_next", "np.zeros((n_a, m))")),),
        "What should step 2 know about step 1?",
        "The two states that the cell returned go into its next call.",
    ),
    Mistake(
        "states-exchanged",
        ((_CALL, _CALL.replace("a_next, c_next", "c_next, a_next")),),
        "In which order does your cell take its two states?",
        "First the hidden state, then the cell state.",
    ),
    Mistake(
        "first-input-at-every-step",
        ((_CALL, _CALL.replace(", t]", ", 0]")),),
        "Which slice of `x` does step t read?",
        "The index of the loop belongs into the slice of the input.",
    ),
    Mistake(
        "loop-over-n_x",
        (("range(T_x)", "range(min(n_x, T_x))"),),
        "How many steps does your loop take, and how many has the sequence? `len(x)` counts the first axis.",
        "Time is the last axis of `x`.",
    ),
    Mistake(
        "last-step-missing",
        (("range(T_x)", "range(T_x - 1)"),),
        "Does your loop reach the last step?",
        "`range(T)` already leaves out T.",
    ),
    Mistake(
        "first-step-missing",
        (("range(T_x)", "range(1, T_x)"),),
        "With which step does your loop begin?",
        "Python counts from 0.",
    ),
    Mistake(
        "backwards-in-time",
        (("range(T_x)", "reversed(range(T_x))"),),
        "In which order does the network read the sequence?",
        "The first step comes first.",
    ),
    Mistake(
        "hidden-states-not-stored",
        (("        a[:, :, t] = a_next\n", ""),),
        _STORED.format("`a`"),
        "The hidden state of each step has its own slice, and has to be put there.",
    ),
    Mistake(
        "predictions-not-stored",
        (("        y[:, :, t] = yt_pred\n", ""),),
        _STORED.format("`y`"),
        "The prediction of each step has its own slice, and has to be put there.",
    ),
    Mistake(
        "cell-states-not-stored",
        (("        c[:, :, t] = c_next\n", ""),),
        _STORED.format("`c`"),
        "The cell state of each step has its own slice, and has to be put there.",
    ),
    Mistake(
        "predictions-one-step-off",
        (("y[:, :, t] = yt_pred", "y[:, :, (t + 1) % T_x] = yt_pred"),),
        _STORED.format("`y`"),
        "The prediction of step t is stored at step t.",
    ),
    Mistake(
        "old-cell-state-stored",
        ((_STEP, "c_old = c_next\n        " + _STEP), ("c[:, :, t] = c_next", "c[:, :, t] = c_old")),
        "Is the cell state that you keep for step t the one before the step, or the one after it?",
        "First take the step, then store what it returned.",
    ),
    Mistake(
        "caches-left-empty",
        (("cache_list.append(cache)", "np.append(np.zeros(1), np.zeros(1))"),),
        "How long is your list of caches after the loop? `np.append` returns a new array and leaves the old one alone.",
        "A list has an `append` of its own, which changes it.",
    ),
    Mistake(
        "caches-hold-last-only",
        (("cache_list.append(cache)", "cache_list = [cache]"),),
        "How long is your list of caches after the loop?",
        "Each step adds its cache to the ones before it.",
    ),
    Mistake(
        "caches-without-input",
        (("caches = (cache_list, x)", "caches = (cache_list, a0)"),),
        "What are the two things that `caches` holds?",
        "Beside the list stands the whole input.",
    ),
    Mistake(
        "returned-in-another-order",
        (("return a, y, c, caches", "return a, c, y, caches"),),
        "In which order should the four values be returned?",
        "The predictions come second, before the cell states.",
    ),
)
