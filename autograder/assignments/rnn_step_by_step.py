"""The first assignment: one cell of a basic recurrent network, and the loop over time.

Every size is drawn anew for every student. Where a case is not about a size being small or equal, all sizes differ, so
that no axis can be mistaken for another; biases and initial states are never zero, so that none can be left out.
"""

from autograder.draws import distinct_sizes, large, sequence, square, step, steps, with_sizes
from autograder.model import Assignment, Case, Check, Exercise, Mistake

FEW = 3  # time steps: enough to have a first, a middle and a last one, and no other size is 3 in `distinct_sizes`

CELL_CASES = (
    Case("all sizes different", lambda rng: step(rng, distinct_sizes(rng))),
    Case("batch of one", lambda rng: step(rng, with_sizes(distinct_sizes(rng), m=1))),
    Case("one class", lambda rng: step(rng, with_sizes(distinct_sizes(rng), n_y=1))),
    Case("n_a = n_x = n_y", lambda rng: step(rng, square(rng))),
    Case("one unit", lambda rng: step(rng, with_sizes(distinct_sizes(rng), n_a=1))),
    Case("large activations", lambda rng: large(rng, step(rng, distinct_sizes(rng)))),
    Case("a realistic mini-batch", lambda rng: step(rng, (27, 40, 30, 16))),
)

SEQUENCE_CASES = (
    Case("all sizes different", lambda rng: sequence(rng, distinct_sizes(rng), steps(rng))),
    Case("one step", lambda rng: sequence(rng, distinct_sizes(rng), 1)),
    Case("batch of one", lambda rng: sequence(rng, with_sizes(distinct_sizes(rng), m=1), FEW)),
    Case("one class", lambda rng: sequence(rng, with_sizes(distinct_sizes(rng), n_y=1), FEW)),
    Case("n_a = n_x = n_y", lambda rng: sequence(rng, square(rng), 2)),
    Case("a long sequence", lambda rng: sequence(rng, distinct_sizes(rng), int(rng.integers(17, 25)))),
    Case("large activations", lambda rng: large(rng, sequence(rng, distinct_sizes(rng), FEW))),
    Case("a realistic mini-batch", lambda rng: sequence(rng, (27, 32, 29, 8), 6)),
)

A_NEXT = "a_next = np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, xt) + ba)"
YT_PRED = "yt_pred = softmax(np.dot(Wya, a_next) + by)"

CELL_MISTAKES = (
    Mistake(
        "sigmoid-for-tanh",
        (("np.tanh(", "sigmoid("),),
        "Between which two values does a hidden state lie? Look at yours: does any entry fall below zero?",
        "The state's nonlinearity is the one whose values lie between -1 and 1.",
    ),
    Mistake(
        "no-nonlinearity",
        ((A_NEXT, "a_next = np.dot(Waa, a_prev) + np.dot(Wax, xt) + ba"),),
        "Between which two values does a hidden state lie? Do yours stay there?",
        "The sum of the three terms is not yet the state: a nonlinearity comes after it.",
    ),
    Mistake(
        "state-bias-dropped",
        ((" + ba)", ")"),),
        "How many terms stand inside the nonlinearity in the formula, and how many in your code?",
        "One of the parameters that you unpacked is never used for the state.",
    ),
    Mistake(
        "prediction-bias-dropped",
        ((" + by)", ")"),),
        "How many terms stand inside the softmax in the formula, and how many in your code?",
        "One of the parameters that you unpacked is never used for the prediction.",
    ),
    Mistake(
        "prediction-from-old-state",
        (("np.dot(Wya, a_next)", "np.dot(Wya, a_prev)"),),
        "Which state does the prediction of a step rest on: the one before the step, or the one after it?",
        "The prediction is made from what this step has just computed.",
    ),
    Mistake(
        "softmax-over-rows",
        ((YT_PRED, "yt_pred = softmax((np.dot(Wya, a_next) + by).T).T"),),
        "Which axis of `(n_y, m)` runs over the classes? Add up the columns of your prediction, then the rows.",
        "Normalise along the axis of the classes: each column, one example, adds up to 1.",
    ),
    Mistake(
        "softmax-over-everything",
        ((YT_PRED, "e = np.exp(np.dot(Wya, a_next) + by)\n    yt_pred = e / e.sum()"),),
        "What should the entries of one column of the prediction add up to? What do yours add up to?",
        "Every example has its own probabilities: normalise each column by itself.",
    ),
    Mistake(
        "sigmoid-for-softmax",
        (("softmax(np.dot(Wya", "sigmoid(np.dot(Wya"),),
        "What should the entries of one column of the prediction add up to? What do yours add up to?",
        "Each class on its own is not enough: the classes of one example share a total of 1.",
    ),
    Mistake(
        "no-softmax",
        ((YT_PRED, "yt_pred = np.dot(Wya, a_next) + by"),),
        "Are the entries of your prediction probabilities?",
        "The weighted sum is not yet the prediction: one function turns a column of numbers into probabilities.",
    ),
    Mistake(
        "recurrent-weights-transposed",
        (("np.dot(Waa, a_prev)", "np.dot(Waa.T, a_prev)"),),
        "In a product of matrix and state, which index of the matrix belongs to the new unit?",
        "`Waa` is square, so no shape warns you: it is used as it is, not turned over.",
    ),
    Mistake(
        "state-left-out",
        (("np.dot(Waa, a_prev) + np.dot(Wax, xt)", "np.dot(Wax, xt)"),),
        "What does your new state remember of the old one?",
        "Two products add up inside the nonlinearity: one with the input, one with the old state.",
    ),
    Mistake(
        "cache-holds-old-state-twice",
        (("cache = (a_next, a_prev, xt, parameters)", "cache = (a_prev, a_prev, xt, parameters)"),),
        "What stands first in the cache?",
        "The cache begins with the state that this step has computed.",
    ),
)

_STEP = "a_next, yt_pred, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)"

SEQUENCE_MISTAKES = (
    Mistake(
        "a0-at-every-step",
        (("rnn_cell_forward(x[:, :, t], a_next, parameters)", "rnn_cell_forward(x[:, :, t], a0, parameters)"),),
        "What should step 2 know about step 1?",
        "The state that the cell returned goes into its next call.",
    ),
    Mistake(
        "state-starts-at-zero",
        (("a_next = a0", "a_next = np.zeros((n_a, m))"),),
        "Which state goes into the very first step? Who gives it to your function?",
        "One of the function's arguments is never used.",
    ),
    Mistake(
        "first-input-at-every-step",
        (("x[:, :, t], a_next", "x[:, :, 0], a_next"),),
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
        "states-not-stored",
        (("        a[:, :, t] = a_next\n", ""),),
        "What is in `a` after the loop?",
        "The state of each step has its own slice of `a`, and has to be put there.",
    ),
    Mistake(
        "predictions-not-stored",
        (("        y_pred[:, :, t] = yt_pred\n", ""),),
        "What is in `y_pred` after the loop?",
        "The prediction of each step has its own slice of `y_pred`, and has to be put there.",
    ),
    Mistake(
        "old-state-stored",
        (
            (_STEP, "a_old = a_next\n        " + _STEP),
            ("a[:, :, t] = a_next", "a[:, :, t] = a_old"),
        ),
        "Is the state that you keep for step t the one before the step, or the one after it?",
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
        "caches-in-reverse",
        (("cache_list.append(cache)", "cache_list.insert(0, cache)"),),
        "Which cache stands first in your list?",
        "The caches stand in the order of time.",
    ),
    Mistake(
        "caches-without-input",
        (("caches = (cache_list, x)", "caches = (cache_list, a0)"),),
        "What are the two things that `caches` holds?",
        "Beside the list stands the whole input.",
    ),
)

ASSIGNMENT = Assignment(
    name="rnn_step_by_step",
    exercises=(
        Exercise(
            id="UNQ_C1",
            function="rnn_cell_forward",
            arguments=("xt", "a_prev", "parameters"),
            checks=(Check("a_next", 4, 0), Check("yt_pred", 4, 1), Check("cache", 2, 2)),
            cases=CELL_CASES,
            mistakes=CELL_MISTAKES,
        ),
        Exercise(
            id="UNQ_C2",
            function="rnn_forward",
            arguments=("x", "a0", "parameters"),
            checks=(Check("a", 4, 0), Check("y_pred", 4, 1), Check("caches", 2, 2)),
            cases=SEQUENCE_CASES,
            mistakes=SEQUENCE_MISTAKES,
            helper="rnn_cell_forward",
        ),
    ),
)
