"""The fourth assignment: one answer for a sequence, a network that generates, and an encoder with its decoder.

As in the others, every size is drawn anew for every student, and where a case is not about a size being small or equal
all sizes differ. What `one_to_many_generate` returns is random: `types_of_rnn_sampling` says how it is judged.
"""

from typing import Any

from autograder.assignments.types_of_rnn_mistakes import (
    ENCODER_DECODER_MISTAKES,
    GENERATE_MISTAKES,
    MANY_TO_ONE_MISTAKES,
)
from autograder.assignments.types_of_rnn_sampling import (
    SEEDED,
    certain,
    chances,
    follows_generator,
    path,
    seeded,
    uncertain,
)
from autograder.draws import Rng, distinct_sizes, large, lstm_parameters, sequence, square, steps, with_sizes
from autograder.model import Assignment, Case, Check, Exercise

FEW = 3  # time steps: enough to have a first, a middle and a last one

READING_CASES = (
    Case("all sizes different", lambda rng: sequence(rng, distinct_sizes(rng), steps(rng))),
    Case("one step", lambda rng: sequence(rng, distinct_sizes(rng), 1)),
    Case("batch of one", lambda rng: sequence(rng, with_sizes(distinct_sizes(rng), m=1), FEW)),
    Case("one class", lambda rng: sequence(rng, with_sizes(distinct_sizes(rng), n_y=1), FEW)),
    Case("one unit", lambda rng: sequence(rng, with_sizes(distinct_sizes(rng), n_a=1), FEW)),
    Case("n_a = n_x = n_y", lambda rng: sequence(rng, square(rng), 2)),
    Case("a long sequence", lambda rng: sequence(rng, distinct_sizes(rng), int(rng.integers(17, 25)))),
    Case("large activations", lambda rng: large(rng, sequence(rng, distinct_sizes(rng), FEW))),
    Case("a realistic mini-batch", lambda rng: sequence(rng, (27, 32, 29, 8), 6)),
)

GENERATING_CASES = (
    Case("all sizes different, no choice", lambda rng: certain(rng, 5, 7, 4, steps(rng))),
    Case("one step, no choice", lambda rng: certain(rng, 4, 5, 3, 1)),
    Case("batch of one, no choice", lambda rng: certain(rng, 6, 4, 1, steps(rng))),
    Case("n_a = n_x, as many steps as examples, no choice", lambda rng: certain(rng, 5, 5, 6, 6)),
    Case("two symbols, no choice", lambda rng: certain(rng, 2, 5, 4, steps(rng))),
    Case("one symbol", lambda rng: certain(rng, 1, 3, 4, FEW)),
    Case("a long sequence, no choice", lambda rng: certain(rng, 4, 6, 2, int(rng.integers(17, 22)))),
    Case("many equal examples, three symbols", lambda rng: uncertain(rng, 3, 5, 3), sampled=True),
    Case("many equal examples, four symbols", lambda rng: uncertain(rng, 4, 6, 2), sampled=True),
    Case(SEEDED[0], lambda _: seeded(11), alone=True),
    Case(SEEDED[1], lambda _: seeded(11), alone=True),
    Case(SEEDED[2], lambda _: seeded(12), alone=True),
)


def bridged(rng: Rng, **chosen: int) -> tuple[Any, ...]:
    """Draw the arguments of an encoder and a decoder: x (n_x, m, T_x), decoder_inputs (n_d, m, T_y), a0, two networks.

    Parameters
    ----------
    chosen : int
        Sizes that a case is about: n_x, n_d, n_a, n_y, m, T_x, T_y. All others differ from one another.
    """
    free = (int(n) for n in rng.permutation([2, 3, 4, 5, 6, 7, 8, 9]))
    named = dict(zip(("n_x", "n_d", "n_a", "n_y", "m", "T_x", "T_y", "unused"), free, strict=True)) | chosen
    n_x, n_d, n_a, n_y, m = (named[name] for name in ("n_x", "n_d", "n_a", "n_y", "m"))
    x, decoder_inputs = rng.standard_normal((n_x, m, named["T_x"])), rng.standard_normal((n_d, m, named["T_y"]))
    # the encoder's own predictions have a size that nothing else has: whoever returns them is told by their shape
    encoder, decoder = lstm_parameters(rng, n_x, n_a, named["unused"]), lstm_parameters(rng, n_d, n_a, n_y)
    return x, decoder_inputs, rng.uniform(-0.9, 0.9, (n_a, m)), encoder, decoder


def saturated(rng: Rng, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Drive the gates of both networks hard, and spread the decoder's logits by thousands.

    The gaps between logits are so wide that every right way of computing gives zeros and ones.
    """
    for weights in arguments[3:]:
        for gate in "fico":
            weights[f"b{gate}"] *= 8.0
    n_y = len(arguments[4]["by"])
    arguments[4]["by"] = 1000.0 * (rng.permutation(n_y)[:, None] - 0.5 * n_y)
    return arguments


BRIDGE_CASES = (
    Case("all sizes different", bridged),
    Case("T_y larger than T_x", lambda rng: bridged(rng, T_x=3, T_y=10)),
    Case("one step to read", lambda rng: bridged(rng, T_x=1)),
    Case("one step to say", lambda rng: bridged(rng, T_y=1)),
    Case("one step to read, one to say", lambda rng: bridged(rng, T_x=1, T_y=1)),
    Case("batch of one", lambda rng: bridged(rng, m=1)),
    Case("one class, one unit", lambda rng: bridged(rng, n_y=1, n_a=1)),
    Case("n_x = n_d = n_a = n_y, T_x = T_y", lambda rng: bridged(rng, n_x=4, n_d=4, n_a=4, n_y=4, T_x=5, T_y=5)),
    Case("saturated gates, large logits", lambda rng: saturated(rng, bridged(rng))),
    Case("a realistic mini-batch", lambda rng: bridged(rng, n_x=11, n_d=12, n_a=24, n_y=13, m=10, T_x=6, T_y=5)),
)

ASSIGNMENT = Assignment(
    name="types_of_rnn",
    exercises=(
        Exercise(
            id="UNQ_C1",
            function="many_to_one_forward",
            arguments=("x", "a0", "parameters"),
            checks=(Check("y_pred", 4, 0), Check("cache", 1, 1)),
            cases=READING_CASES,
            mistakes=MANY_TO_ONE_MISTAKES,
        ),
        Exercise(
            id="UNQ_C2",
            function="one_to_many_generate",
            arguments=("x0", "a0", "parameters", "steps", "rng"),
            checks=(
                Check("indices", 3, None, judge=path),
                Check("chances of indices", 3, None, judge=chances),
                # earned only beside the right path: numbers drawn from `rng` are no symbols of the network yet
                Check("indices from rng", 1, None, judge=path, across=follows_generator),
            ),
            cases=GENERATING_CASES,
            mistakes=GENERATE_MISTAKES,
        ),
        Exercise(
            id="UNQ_C3",
            function="encoder_decoder_forward",
            arguments=("x", "decoder_inputs", "a0", "encoder", "decoder"),
            checks=(Check("y_pred", 4, 0), Check("caches", 2, 1)),
            cases=BRIDGE_CASES,
            mistakes=ENCODER_DECODER_MISTAKES,
        ),
    ),
)
