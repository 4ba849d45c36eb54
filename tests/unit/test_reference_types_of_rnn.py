"""The reference of the fourth assignment held to second implementations, and its judges to what they promise."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from student_cells import notebook
from student_cells_types_of_rnn import BRIDGE_STYLES, GENERATE_STYLES

from autograder import assignments, reference
from autograder.assignments import types_of_rnn_sampling as sampling
from autograder.course import Course
from autograder.judging import ready
from autograder.model import Assignment, Observation, Seed
from rnn_utils import cross_entropy, numerical_gradient, one_hot, relative_error, sigmoid, softmax
from rnn_utils.backward import lstm_backward, rnn_backward
from rnn_utils.lstm import lstm_cell_forward, lstm_forward
from rnn_utils.rnn import rnn_cell_forward, rnn_forward
from rnn_utils.wirings import prediction_gradients

Loaded = tuple[Assignment, reference.Reference]
GIVEN = {
    "one_hot": one_hot,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "lstm_cell_forward": lstm_cell_forward,
    "lstm_forward": lstm_forward,
    "rnn_cell_forward": rnn_cell_forward,
    "rnn_forward": rnn_forward,
}


@pytest.fixture(scope="module")
def loaded(course: Course) -> Loaded:
    """Return the fourth assignment and its reference."""
    return assignments.load(course, "types_of_rnn"), reference.load(course, "types_of_rnn")


def probabilities(scores: list[float]) -> list[float]:
    """Return the softmax of one column, with the standard library's mathematics only."""
    powers = [math.exp(score - max(scores)) for score in scores]
    return [power / math.fsum(powers) for power in powers]


def line(weights: Any, values: list[float], bias: Any) -> list[float]:
    """Return weights times values plus bias, number by number."""
    return [
        math.fsum([float(b), *(float(w) * v for w, v in zip(row, values, strict=True))])
        for row, b in zip(weights, bias[:, 0], strict=True)
    ]


def tanh(values: list[float]) -> list[float]:
    """Return the tanh of each number."""
    return [math.tanh(value) for value in values]


@pytest.mark.parametrize("seed", range(3))
def test_one_answer_is_what_the_formulas_say(loaded: Loaded, seed: int) -> None:
    """On every hidden case, the prediction agrees with loops over single numbers, and the cache is that of the loop."""
    assignment, ref = loaded
    for case in assignment.exercise("UNQ_C1").cases:
        x, a0, p = case.draw(np.random.default_rng(seed))
        y_pred, (caches, whole) = ref.functions["many_to_one_forward"](x, a0, p)
        assert whole is x
        assert len(caches) == x.shape[2]
        assert y_pred.shape == (len(p["by"]), x.shape[1])
        for i in range(min(x.shape[1], 3)):
            state = [float(value) for value in a0[:, i]]
            for t in range(x.shape[2]):
                stacked = [*state, *map(float, x[:, i, t])]
                state = tanh(line(np.hstack([p["Waa"], p["Wax"]]), stacked, p["ba"]))
                np.testing.assert_allclose(caches[t][0][:, i], state, rtol=1e-9, atol=1e-12, err_msg=case.name)
            right = probabilities(line(p["Wya"], state, p["by"]))
            np.testing.assert_allclose(y_pred[:, i], right, rtol=1e-9, atol=1e-12, err_msg=case.name)


def lstm_by_hand(inputs: Any, a: list[float], c: list[float], p: Any) -> Iterator[tuple[list[float], list[float]]]:
    """Yield the two states of one example after each step; inputs (n_x, T_x)."""
    for t in range(inputs.shape[1]):
        z = [*a, *map(float, inputs[:, t])]
        f, i, o = ([1 / (1 + math.exp(-v)) for v in line(p[f"W{g}"], z, p[f"b{g}"])] for g in "fio")
        new = tanh(line(p["Wc"], z, p["bc"]))
        c = [fk * ck + ik * nk for fk, ck, ik, nk in zip(f, c, i, new, strict=True)]
        a = [ok * vk for ok, vk in zip(o, tanh(c), strict=True)]
        yield a, c


@pytest.mark.parametrize("seed", range(3))
def test_encoder_and_decoder_are_what_the_formulas_say(loaded: Loaded, seed: int) -> None:
    """On every hidden case, predictions and caches agree with loops over single numbers and another vectorised way."""
    assignment, ref = loaded
    other = notebook(BRIDGE_STYLES["inlined cell, einsum"], **GIVEN)["encoder_decoder_forward"]
    for case in assignment.exercise("UNQ_C3").cases:
        x, fed, a0, encoder, decoder = case.draw(np.random.default_rng(seed))
        y_pred, ((first, read), (second, given)) = ref.functions["encoder_decoder_forward"](
            x, fed, a0, encoder, decoder
        )
        assert (read is x, given is fed) == (True, True)
        assert (len(first), len(second)) == (x.shape[2], fed.shape[2])
        for i in range(min(x.shape[1], 2)):
            start = [float(v) for v in a0[:, i]]
            a, c = list(lstm_by_hand(x[:, i], start, [0.0] * len(start), encoder))[-1]
            np.testing.assert_allclose(first[-1][0][:, i], a, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(second[0][3][:, i], c, rtol=1e-9, atol=1e-12)
            for t, (state, _) in enumerate(lstm_by_hand(fed[:, i], a, c, decoder)):
                right = probabilities(line(decoder["Wy"], state, decoder["by"]))
                np.testing.assert_allclose(y_pred[:, i, t], right, rtol=1e-9, atol=1e-12, err_msg=case.name)
        again, (again_first, again_second) = other(x, fed, a0, encoder, decoder)
        np.testing.assert_allclose(y_pred, again, rtol=1e-9, atol=1e-12)
        for ours, theirs in zip((*first, *second), (*again_first[0], *again_second[0]), strict=True):
            for one, two in zip(ours[:9], theirs[:9], strict=True):
                np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12)


def test_gradients_cross_the_bridge(loaded: Loaded) -> None:
    """The caches serve the given backward pass: every parameter's gradient agrees with central differences."""
    _, ref = loaded
    forward = ref.functions["encoder_decoder_forward"]
    assignment = loaded[0]
    draw = (
        assignment.exercise("UNQ_C3").cases[1].draw
    )  # three steps to read: what is far back would be lost in rounding
    x, fed, a0, encoder, decoder = draw(np.random.default_rng(5))
    n_y, m, T_y = len(decoder["by"]), fed.shape[1], fed.shape[2]
    y = one_hot(np.random.default_rng(6).integers(0, n_y, (m, T_y)), n_y)

    def loss() -> float:
        return cross_entropy(forward(x, fed, a0, encoder, decoder)[0], y)

    y_pred, (encoder_caches, decoder_caches) = forward(x, fed, a0, encoder, decoder)
    states = np.stack([cache[0] for cache in decoder_caches[0]], axis=2)
    da, dWy, dby = prediction_gradients(y_pred, y, states, decoder["Wy"])
    of_decoder = {**lstm_backward(da, decoder_caches), "dWy": dWy, "dby": dby}
    at_the_end = np.zeros((*a0.shape, x.shape[2]))
    at_the_end[:, :, -1] = of_decoder["da0"]
    of_encoder = lstm_backward(at_the_end, encoder_caches, of_decoder["dc0"])
    for network, found in ((encoder, of_encoder), (decoder, of_decoder)):
        for name in network:
            if f"d{name}" in found:
                assert relative_error(found[f"d{name}"], numerical_gradient(loss, network[name])) < 1e-6, name
    assert relative_error(of_encoder["da0"], numerical_gradient(loss, a0)) < 1e-6
    assert relative_error(of_encoder["dx"], numerical_gradient(loss, x)) < 1e-6


def test_the_gradient_of_one_answer_enters_at_the_end(loaded: Loaded) -> None:
    """The cache of the many-to-one network serves the given backward pass, with a loss at the last step only."""
    assignment, ref = loaded
    x, a0, p = assignment.exercise("UNQ_C1").cases[0].draw(np.random.default_rng(1))
    y = one_hot(np.random.default_rng(2).integers(0, len(p["by"]), x.shape[1]), len(p["by"]))
    forward = ref.functions["many_to_one_forward"]
    y_pred, cache = forward(x, a0, p)
    da = np.zeros((*a0.shape, x.shape[2]))
    da[:, :, -1], dWya, dby = prediction_gradients(y_pred, y, cache[0][-1][0], p["Wya"])
    found = {**rnn_backward(da, cache), "dWya": dWya, "dby": dby}
    for name in p:
        measured = numerical_gradient(lambda: cross_entropy(forward(x, a0, p)[0], y), p[name])
        assert relative_error(found[f"d{name}"], measured) < 1e-6, name


# --- sampling ---------------------------------------------------------------------------------------------------------


def generate(style: str) -> Callable[..., Any]:
    """Return a right way of generating."""
    function: Callable[..., Any] = notebook(GENERATE_STYLES[style], **GIVEN)["one_to_many_generate"]
    return function


def exact_law(x0: Any, a0: Any, p: Any, steps: int) -> dict[tuple[int, ...], float]:
    """Return the probability of every path of the first example, by walking down the tree of paths."""

    def walk(xt: list[float], state: list[float], left: int) -> dict[tuple[int, ...], float]:
        if not left:
            return {(): 1.0}
        state = tanh(line(np.hstack([p["Waa"], p["Wax"]]), [*state, *xt], p["ba"]))
        found = {}
        for symbol, chance in enumerate(probabilities(line(p["Wya"], state, p["by"]))):
            read = [float(symbol == k) for k in range(len(p["by"]))]
            for rest, other in walk(read, state, left - 1).items():
                found[symbol, *rest] = chance * other
        return found

    return walk([float(v) for v in x0[:, 0]], [float(v) for v in a0[:, 0]], steps)


@pytest.mark.parametrize("seed", range(3))
def test_the_law_of_paths_is_that_of_the_formulas(seed: int) -> None:
    """What samples are held to agrees with a walk down the tree of all paths, number by number."""
    x0, a0, p, steps, _ = sampling.uncertain(np.random.default_rng(seed), 3, 5, 4)
    law, _ = sampling.law(x0, a0, p, steps)
    assert law.shape == (3, 3, 3, 3)
    for path, chance in exact_law(x0, a0, p, steps).items():
        assert law[path] == pytest.approx(chance, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_law_where_luck_repeats_is_that_of_the_mistake(seed: int) -> None:
    """Walks of 20,000 examples, each with one number for all its steps, come as often as the second law says."""
    x0, a0, p, steps, _ = sampling.uncertain(np.random.default_rng(seed), 3, 5, 3)
    _, law = sampling.law(x0, a0, p, steps)
    assert law.sum() == pytest.approx(1.0)
    m = 20_000
    luck = np.random.default_rng(seed + 100).random(m)
    xt, a, said = np.repeat(x0[:, :1], m, axis=1), np.repeat(a0[:, :1], m, axis=1), []
    for _ in range(steps):
        a = np.tanh(p["Waa"] @ a + p["Wax"] @ xt + p["ba"])
        powers = np.exp(p["Wya"] @ a + p["by"])
        said.append((np.cumsum(powers / powers.sum(axis=0), axis=0) < luck).sum(axis=0))
        xt = np.eye(3)[:, said[-1]]
    shares = sampling._counts(np.array(said), tuple(range(steps)), 3) / m
    assert np.abs(shares - law).max() < 0.02  # 5 standard deviations and more


def test_a_sample_that_keeps_the_law_is_never_taken_for_one_whose_luck_repeats(loaded: Loaded) -> None:
    """Whoever draws from a generator of their own keeps the law: in a diagnosis the mistake's sample does not fit."""
    assignment, ref = loaded
    exercise = assignment.exercise("UNQ_C2")
    (mistake,) = (m for m in exercise.mistakes if m.id == "same-luck-in-every-step")
    mistaken = ref.mistaken("UNQ_C2", mistake)["one_to_many_generate"]
    right = ref.functions["one_to_many_generate"]
    for seed in range(40):
        inputs = sampling.uncertain(np.random.default_rng(seed), 3, 5, 3)
        theirs = right(*inputs[:4], np.random.default_rng([seed, 5]))
        assert sampling.chances(inputs, mistaken(*ready(inputs)), theirs), seed


def test_two_runs_of_the_seeded_network_never_agree_by_chance() -> None:
    """In 8 examples of 40 steps there are so many choices that equal symbols come from an equal generator."""
    x0, a0, p, steps, _ = sampling.seeded(11)
    examples, m = x0.shape[1], 5000
    rng, agreed = np.random.default_rng(3), np.ones(m)  # the chance that another run of an example says the same
    xt, a = np.repeat(x0[:, :1], m, axis=1), np.repeat(a0[:, :1], m, axis=1)
    for _ in range(steps):
        a = np.tanh(p["Waa"] @ a + p["Wax"] @ xt + p["ba"])
        powers = np.exp(p["Wya"] @ a + p["by"])
        column = powers / powers.sum(axis=0)
        said = (np.cumsum(column, axis=0) < rng.random(m)).sum(axis=0).clip(0, len(column) - 1)
        agreed *= column[said, np.arange(m)]
        xt = np.eye(len(column))[:, said]
    assert agreed.mean() ** examples < 1e-40


def test_surprise_bounds_the_binomial_tail() -> None:
    """exp(-surprise) is never below the exact probability of a count so far out or further, summed term by term."""
    for m, p in ((30, 0.3), (200, 0.02), (500, 0.5), (2000, 0.9)):
        logs = [
            math.lgamma(m + 1)
            - math.lgamma(k + 1)
            - math.lgamma(m - k + 1)
            + k * math.log(p)
            + (m - k) * math.log1p(-p)
            for k in range(m + 1)
        ]
        bound = sampling.surprise(np.arange(m + 1), m, np.array(p))
        for k in range(0, m + 1, max(1, m // 50)):
            tail = logs[k:] if k > m * p else logs[: k + 1]
            assert max(tail) + math.log(math.fsum(math.exp(v - max(tail)) for v in tail)) <= -bound[k] + 1e-6


def test_thousands_of_right_samples_are_accepted() -> None:
    """No right sample of ten thousand, drawn from the exact law, comes near being refused."""
    rng = np.random.default_rng(0)
    largest = 0.0
    for _ in range(20):
        for n_y, n_a, steps in ((3, 5, 4), (4, 6, 3)):
            inputs = sampling.uncertain(rng, n_y, n_a, steps)
            law, _ = sampling.law(*inputs[:4])
            samples = rng.multinomial(sampling.MANY, law.ravel(), size=250).reshape(250, *law.shape)
            for axes in sampling._events(steps):
                others = tuple(t + 1 for t in range(steps) if t not in axes)
                surprise = sampling.surprise(samples.sum(axis=others), sampling.MANY, sampling._share(law, axes))
                largest = max(largest, float(surprise.max()))
            said = np.array(np.unravel_index(np.repeat(np.arange(law.size), samples[0].ravel()), law.shape))
            assert sampling.chances(inputs, said, said) == ""
    assert 8 < largest < 0.7 * sampling.LIMIT  # 10,000 samples, 630,000 events: near log(630,000) = 13


@pytest.mark.parametrize("style", GENERATE_STYLES)
@pytest.mark.parametrize("student", range(3))
def test_every_way_of_drawing_is_right(loaded: Loaded, style: str, student: int) -> None:
    """On every hidden case, each check accepts each right way of drawing, and all cases together do."""
    assignment, ref = loaded
    exercise = assignment.exercise("UNQ_C2")
    function, seen = generate(style), []
    for case in exercise.cases:
        inputs = case.draw(np.random.default_rng([student, len(case.name)]))
        expected = ref.functions["one_to_many_generate"](*ready(inputs))
        seen.append(Observation(case.name, inputs, function(*ready(inputs))))
        for check in exercise.checks:
            assert check.judge is not None
            assert check.judge(inputs, expected, seen[-1].returned) == "", (case.name, check.name)
    assert sampling.follows_generator(seen) == ""


@pytest.mark.parametrize("mistake", ["likeliest-instead-of-sample", "one-draw-for-the-mini-batch", "drawn-twice",
                                     "prediction-fed-back", "likeliest-fed-back", "same-luck-in-every-step",
                                     "all-symbols-equally-likely"])  # fmt: skip
def test_mistakes_of_sampling_are_refused_for_every_student(loaded: Loaded, mistake: str) -> None:
    """Whatever inputs a student gets, each mistake of sampling breaks the law of the sample in one case or both."""
    assignment, ref = loaded
    exercise = assignment.exercise("UNQ_C2")
    wrong = ref.mistaken("UNQ_C2", next(m for m in exercise.mistakes if m.id == mistake))["one_to_many_generate"]
    for student in range(6):
        problems = []
        for case in exercise.cases:
            if case.name.startswith("many equal"):
                inputs = case.draw(np.random.default_rng(student))
                right = generate("cumulated probabilities")(*ready(inputs))
                problems.append(sampling.chances(inputs, right, wrong(*ready(inputs))))
        assert any(problems), student


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda said: said.T, "axes are exchanged"),
        (lambda said: said[:-1], "does not have the shape"),
        (lambda said: said.astype(float), "its dtype is float64"),
        (lambda said: said + 5, "no symbols"),
        (lambda said: said.tolist(), "should be an array of integers"),
        (lambda _: None, "should be an array of integers"),
        (lambda said: np.vstack([said[:2], (said[2:] + 1) % 5]), "steps 1 to 2 are right, step 3 is not"),
        (lambda said: (said + 1) % 5, "departs in the first step"),
    ],
)
def test_what_is_wrong_with_symbols_is_said(loaded: Loaded, spoil: Callable[[Any], Any], says: str) -> None:
    """Shape, kind, range and the first wrong step are told, and every judge of a case refuses with the same words."""
    case = loaded[0].exercise("UNQ_C2").cases[0]
    inputs = case.draw(np.random.default_rng(0))
    right = generate("plain")(*ready(inputs))
    for judge in (sampling.path, sampling.chances):
        assert judge(inputs, right, right) == ""
        assert says in judge(inputs, right, spoil(right))


def test_certain_inputs_leave_no_choice_and_depend_on_everything(loaded: Loaded) -> None:
    """Where a path is compared, no other path has a chance, and it changes without x0, a0, the bias or a hand-over."""
    assignment, ref = loaded
    known = {mistake.id: mistake for mistake in assignment.exercise("UNQ_C2").mistakes}
    mistaken = [
        ref.mistaken("UNQ_C2", known[name])["one_to_many_generate"] for name in ("x0-at-every-step", "a0-at-every-step")
    ]
    for case in assignment.exercise("UNQ_C2").cases:
        if "no choice" not in case.name:
            continue
        x0, a0, p, steps, seed = case.draw(np.random.default_rng(9))
        assert isinstance(seed, Seed)
        said, gap, largest = sampling.walk(x0, a0, p, steps)
        assert gap > 59
        assert largest < 4e4
        assert np.array_equal(said, generate("gumbel")(x0, a0, p, steps, np.random.default_rng(1)))
        if steps > 1:
            without = ((0 * x0, a0, p), (x0, 0 * a0, p), (x0, a0, p | {"ba": 0 * p["ba"]}))
            others = [generate("gumbel")(*inputs, steps, np.random.default_rng(1)) for inputs in without]
            others += [wrong(x0, a0, p, steps, np.random.default_rng(1)) for wrong in mistaken]
            assert not any(np.array_equal(said, other) for other in others), case.name
