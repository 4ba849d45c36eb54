"""Known wrong solutions of the third assignment, for the basic network: found in public solutions, or near to those."""

from autograder.model import Mistake

RNN_CELL_MISTAKES = (
    Mistake(
        "slope-left-out",
        (("dtanh = (1 - a_next**2) * da_next", "dtanh = da_next"),),
        "Between the state and the weighted sum stands a tanh. What does a tanh do to a nudge that passes through it?",
        "The gradient is multiplied, entry by entry, by the slope of the tanh before anything else is done with it.",
    ),
    Mistake(
        "tanh-taken-twice",
        (("a_next**2", "np.tanh(a_next) ** 2"),),
        "What is `a_next`: what went into the tanh, or what came out of it?",
        "The slope is wanted from the value that the tanh has already given; no second tanh is needed.",
    ),
    Mistake(
        "slope-of-the-old-state",
        (("a_next**2", "a_prev**2"),),
        "Which state came out of the tanh of this step, the old one or the new one?",
        "The slope belongs to the value that this step has made.",
    ),
    Mistake(
        "slope-not-squared",
        (("a_next**2", "a_next"),),
        "At a state of 0 the tanh is steepest, and at 1 and at -1 it is flat. Is your slope flat at -1, too?",
        "The slope is the same for a state and for its negative: something is squared.",
    ),
    Mistake(
        "slope-of-sigmoid",
        (("(1 - a_next**2)", "a_next * (1 - a_next)"),),
        "Whose slope is yours? How steep is a tanh where its value is 0?",
        "At a value of 0 the slope of a tanh is 1.",
    ),
    Mistake(
        "incoming-gradient-left-out",
        (("(1 - a_next**2) * da_next", "1 - a_next**2"),),
        "If the loss did not depend on the state at all, what would all your gradients be?",
        "What comes in from the right of the figure is a factor of everything that goes out.",
    ),
    Mistake(
        "old-state-past-the-tanh",
        (("np.dot(Waa.T, dtanh)", "np.dot(Waa.T, da_next)"),),
        "On its way to the old state, what does the gradient pass first: the weights or the tanh?",
        "All five gradients start from the same array, the one you computed first.",
    ),
    Mistake(
        "input-past-the-tanh",
        (("np.dot(Wax.T, dtanh)", "np.dot(Wax.T, da_next)"),),
        "On its way to the input, what does the gradient pass first: the weights or the tanh?",
        "The input and the old state are reached from the same array.",
    ),
    Mistake(
        "recurrent-weights-not-transposed",
        (("np.dot(Waa.T, dtanh)", "np.dot(Waa, dtanh)"),),
        "Forward, row i of the matrix collects for unit i of the new state. What should be collected on the way back?",
        "`Waa` is square, so no shape warns you: backwards, its columns do what its rows did.",
    ),
    Mistake(
        "weights-from-the-new-state",
        (("np.dot(dtanh, a_prev.T)", "np.dot(dtanh, a_next.T)"),),
        "What did `Waa` multiply on the way forward: the state before the step, or the state after it?",
        "The gradient of a weight matrix needs what the matrix was multiplied with.",
    ),
    Mistake(
        "weights-from-a-gradient",
        (("np.dot(dtanh, a_prev.T)", "np.dot(dtanh, da_prev.T)"),),
        "`da_prev` and `a_prev` have one shape and two meanings. Which of them did `Waa` multiply?",
        "A weight's gradient is made from a gradient and a value, not from two gradients.",
    ),
    Mistake(
        "recurrent-gradient-transposed",
        (("np.dot(dtanh, a_prev.T)", "np.dot(a_prev, dtanh.T)"),),
        "`Waa` is square, so its gradient fits either way round. Which index belongs to the new unit?",
        "As in `Waa` itself, the rows belong to the new state and the columns to the old one.",
    ),
    Mistake(
        "bias-loses-its-axis",
        ((", axis=1, keepdims=True)", ", axis=1)"),),
        "Compare the shape of your `dba` with that of `ba`.",
        "Sum over the examples and keep the axis, so that a column stays a column.",
    ),
    Mistake(
        "bias-summed-over-units",
        (("axis=1, keepdims", "axis=0, keepdims"),),
        "One bias serves all examples, not all units. Over which axis do the examples run?",
        "Every unit has a bias of its own, so there is one sum for each row.",
    ),
    Mistake(
        "bias-averaged",
        (("np.sum(dtanh, axis=1", "np.mean(dtanh, axis=1"),),
        "The bias is added to each example. Do their contributions add up, or is there a mean in the formula?",
        "If the loss is a mean over examples, that is in `da_next` already.",
    ),
    Mistake(
        "weights-averaged",
        (
            ("np.dot(dtanh, xt.T)", "np.dot(dtanh, xt.T) / dtanh.shape[1]"),
            ("np.dot(dtanh, a_prev.T)", "np.dot(dtanh, a_prev.T) / dtanh.shape[1]"),
            ("keepdims=True)", "keepdims=True) / dtanh.shape[1]"),
        ),
        "By which number do your gradients of the weights differ from the right ones? Try it with a mini-batch of one.",
        "If the loss is a mean over examples, that is in `da_next` already; here the examples add up.",
    ),
)

RNN_SEQUENCE_MISTAKES = (
    Mistake(
        "future-not-added",
        (("da_next = da_out + da_future", "da_next = da_out"),),
        "A state goes up to its prediction and right to the next step. How many gradients come back to it?",
        "Both are added before the cell's own backward step is taken.",
    ),
    Mistake(
        "future-never-updated",
        (('        da_future = step["da_prev"]\n', ""),),
        "If the loss rests on the last step only, what does the first step hear of it in your loop?",
        "Each backward step returns a gradient for the state before it: hand it on.",
    ),
    Mistake(
        "future-piles-up",
        (('da_future = step["da_prev"]', 'da_future = da_future + step["da_prev"]'),),
        "What a step hands back has come through all later steps. What is counted twice if you add the old carry?",
        "The carry is replaced at every step; only the weights' gradients are sums.",
    ),
    Mistake(
        "carry-past-the-cell",
        (('da_future = step["da_prev"]', "da_future = da_next"),),
        "Which gradient belongs to the state before a step: the one that went into the cell, or the one that came out?",
        "The cell's backward step turns the gradient of its new state into that of its old one.",
    ),
    Mistake(
        "shares-overwritten",
        (("dWax += ", "dWax = "), ("dWaa += ", "dWaa = "), ("dba += ", "dba = ")),
        "Each step reads the same weights. What does a weight used ten times owe to each of the ten?",
        "The share of every step is added to what the steps after it have left in the sum.",
    ),
    Mistake(
        "bias-overwritten",
        (("dba += ", "dba = "),),
        "`dWax` and `dWaa` collect the shares of all steps. What does `dba` do?",
        "One bias serves all steps, as one matrix does.",
    ),
    Mistake(
        "added-to-themselves",
        (
            ('dWax += step["dWax"]', "dWax += dWax"),
            ('dWaa += step["dWaa"]', "dWaa += dWaa"),
            ('dba += step["dba"]', "dba += dba"),
        ),
        "Your sums start at zeros. What is added to them, and where does it come from?",
        "What is added is the share of the step, out of the dictionary that the cell returned.",
    ),
    Mistake(
        "shares-averaged",
        (("    da0 = da_future", "    dWax, dWaa, dba = dWax / T_x, dWaa / T_x, dba / T_x\n    da0 = da_future"),),
        "By which number do your gradients of the weights differ from the right ones? Try it with one step.",
        "If the loss is a mean over steps, that is in `da` already; here the steps add up.",
    ),
    Mistake(
        "first-cache-at-every-step",
        (("cache_list[t]", "cache_list[0]"),),
        "Each step forward has left a drawer of its own. Which one do you open at step t?",
        "The index of the loop belongs into the list of caches.",
    ),
    Mistake(
        "cache-of-the-step-before",
        (("cache_list[t]", "cache_list[t - 1]"),),
        "The list of caches and the slices of `da` are in the same order. Do you open the same place of both?",
        "Step t reads slice t and drawer t.",
    ),
    Mistake(
        "forwards-in-time",
        (("reversed(range(T_x))", "range(T_x)"),),
        "Which step must be done before the gradient of step 1 can be known?",
        "The gradient travels from the last step to the first, and so does the loop.",
    ),
    Mistake(
        "first-step-missing",
        (("reversed(range(T_x))", "reversed(range(1, T_x))"),),
        "Does your loop reach the first step?",
        "Python counts from 0.",
    ),
    Mistake(
        "last-step-missing",
        (("reversed(range(T_x))", "reversed(range(T_x - 1))"),),
        "With which step does your loop begin?",
        "`range(T)` already leaves out T.",
    ),
    Mistake(
        "one-slice-for-all-steps",
        (("da_out = da[:, :, t]", "da_out = da[:, :, -1]"),),
        "Every step has its own slice of `da`. Which one do you take at step t?",
        "The index of the loop belongs into the last axis of `da`.",
    ),
    Mistake(
        "slices-summed",
        (("da_out = da[:, :, t]", "da_out = da.sum(axis=2)"),),
        "Which two arrows of the figure enter the state of one step? How do the predictions of others reach it?",
        "Only the step's own slice comes from above; all the rest comes along the carry.",
    ),
    Mistake(
        "inputs-gradient-not-stored",
        (('        dx[:, :, t] = step["dxt"]\n', ""),),
        "What is in `dx` after the loop?",
        "Every step has its own slice of `dx`, and its gradient has to be put there.",
    ),
    Mistake(
        "inputs-gradient-reversed",
        (("dx[:, :, t]", "dx[:, :, T_x - 1 - t]"),),
        "The loop runs backwards. Does that change where the gradient of step t belongs?",
        "The axes of `dx` are those of `x`: step t stands at place t.",
    ),
    Mistake(
        "start-gets-nothing",
        (("da0 = da_future", "da0 = np.zeros((n_a, m))"),),
        "The initial state was an input too. What does the first step hand back?",
        "After the last turn of the loop the carry has arrived at the initial state.",
    ),
    Mistake(
        "start-before-the-cell",
        (("da0 = da_future", "da0 = da_next"),),
        "Is `da0` the gradient of the state after the first step, or of the state before it?",
        "It has to pass backwards through the first step's cell.",
    ),
)
