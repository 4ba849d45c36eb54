"""A value is right exactly when it is the same structure of the same shapes with entries near enough."""

import math
import re
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from autograder.compare import ATOL, ATOL_FLOAT32, RTOL, compare, described
from autograder.sandbox import wire
from autograder.sandbox.wire import Opaque

RNG = np.random.default_rng(7)


def _right(expected, actual):
    return compare(expected, actual, "a").right


def _problem(expected, actual, name="a_next"):
    verdict = compare(expected, actual, name)
    assert not verdict.right
    assert verdict.problem.startswith(f"`{name}")
    assert verdict.problem.endswith(".")
    return verdict.problem


def _travelled(value):
    """Return a value as it comes over the wire."""
    frame = wire.pack({}, value=value)
    header, _ = wire.lengths(frame[: wire.PREFIX])
    return wire.unpack(frame[wire.PREFIX : wire.PREFIX + header], frame[wire.PREFIX + header :]).value("value")


# ---------------------------------------------------------------------------------------------------- the oracle


def _near(expected, actual, atol=ATOL):
    """Say, in exact arithmetic and without numpy, whether one number is near another."""
    if not (math.isfinite(expected) and math.isfinite(actual)):
        return False
    ours, theirs = Fraction(expected), Fraction(actual)
    return abs(theirs - ours) <= Fraction(atol) + Fraction(RTOL) * abs(ours)


def _on_the_edge(expected, actual, atol=ATOL):
    """Say whether rounding may decide: the two sides of the inequality agree to twelve digits."""
    if not (math.isfinite(expected) and math.isfinite(actual)):
        return False
    ours, theirs = Fraction(expected), Fraction(actual)
    limit = Fraction(atol) + Fraction(RTOL) * abs(ours)
    return abs(abs(theirs - ours) - limit) <= limit * Fraction(1, 10**9)


def _is_float32(value):
    """Say, without numpy, whether a float is one that float32 holds: 24 bits of a mantissa, a smaller range."""
    if value == 0 or not math.isfinite(value):
        return True
    mantissa, exponent = math.frexp(abs(value))
    bits = 24 if exponent > -126 else 24 - (-125 - exponent)
    return exponent <= 128 and bits > 0 and (mantissa * 2**bits).is_integer()


FLOATS = st.floats(width=64) | st.sampled_from(
    [0.0, -0.0, 5e-324, -2.2e-308, 1e308, -1e308, math.inf, -math.inf, math.nan]
)
CLOSE = st.tuples(FLOATS, st.floats(-3e-5, 3e-5), st.floats(-3e-7, 3e-7)).map(
    lambda parts: (parts[0], parts[0] * (1 + parts[1]) + parts[2])
)
PAIRS = CLOSE | st.tuples(FLOATS, FLOATS) | FLOATS.map(lambda value: (value, value))


@given(st.lists(PAIRS, min_size=1, max_size=6))
@example([(1e308, -1e308)])
@example([(math.inf, math.inf)])
@example([(math.inf, 0.0)])
@example([(-math.inf, 1.0)])
@example([(math.nan, math.nan)])
@example([(0.0, -0.0)])
@example([(5e-324, -5e-324)])
@example([(1.0, math.nan), (1.0, 1.0)])
def test_numbers_against_exact_arithmetic(pairs):
    """An array of floats is right exactly when every entry is finite and near, computed with fractions."""
    assume(not any(_on_the_edge(*pair, atol) for pair in pairs for atol in (ATOL, ATOL_FLOAT32)))
    single = all(_is_float32(actual) for _, actual in pairs)
    strict, lenient = (all(_near(*pair, atol) for pair in pairs) for atol in (ATOL, ATOL_FLOAT32))
    expected, actual = (np.array(column) for column in zip(*pairs, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _right(expected, actual) is (strict or (single and lenient))


def test_the_edges():
    """The tolerances are those of the contract, seen from both sides."""
    assert (RTOL, ATOL) == (1e-5, 1e-7)
    for value in (1.0, -1.0, 1e6, 0.1):
        assert _right(np.array([value]), np.array([value * (1 + 0.99e-5)]))
        assert not _right(np.array([value]), np.array([value * (1 + 1.2e-5) + math.copysign(2e-7, value)]))
    assert _right(np.zeros(1), np.array([0.99e-7]))
    assert not _right(np.zeros(1), np.array([1.01e-7]))


def test_single_precision_is_right():
    """A function computed in float32 throughout is right; sums of dozens of terms lose digits, and may."""
    weights, state = RNG.standard_normal((40, 60)), RNG.standard_normal((60, 30))
    exact = np.tanh(weights @ state / 8)
    single = np.tanh(weights.astype(np.float32) @ state.astype(np.float32) / np.float32(8))
    assert single.dtype == np.float32
    assert _right(exact, single)
    assert _right(exact, exact.astype(np.float32))
    assert _right(exact, single.astype(np.float64))


@pytest.mark.parametrize("places", [3, 4, 5])
def test_rounded_answers_are_wrong(places):
    """An answer rounded for print is not the answer."""
    exact = np.tanh(RNG.standard_normal((5, 7)))
    assert not _right(exact, exact.round(places))
    assert not _right(exact, exact.round(places).astype(np.float32))
    assert not _right(exact, exact.astype(np.float16))


def test_one_wrong_entry_is_wrong():
    """A single wrong entry among many thousands is found."""
    expected = RNG.standard_normal((10, 20, 30))
    actual = expected.copy()
    actual[9, 19, 29] += 1e-3
    assert not _right(expected, actual)


# ---------------------------------------------------------------------------------------------------- shapes and types

ONES = np.ones((3, 4))


@pytest.mark.parametrize(
    "actual",
    [
        np.ones((3, 1)),
        np.ones((1, 4)),
        np.ones((4,)),
        np.ones((1, 1)),
        np.ones(1),
        np.ones(()),
        np.ones((4, 3)),
        np.ones((1, 3, 4)),
        np.ones((3, 4, 1)),
        np.ones(12),
        np.ones((0, 4)),
        np.ones((3, 0)),
    ],
    ids=lambda array: str(array.shape),
)
def test_shapes_that_would_broadcast(actual):
    """An array of another shape is wrong even where numpy would take the two for equal."""
    problem = _problem(ONES, actual)
    assert str(actual.shape) in problem
    assert "(3, 4)" in problem


def test_empty_arrays():
    """An empty array is right where an empty one of that shape was expected, and nowhere else."""
    assert _right(np.ones((0, 4)), np.ones((0, 4)))
    assert not _right(np.ones((0, 4)), np.ones((4, 0)))
    assert not _right(np.ones((0, 4)), [])


@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "i8", "u8", "f2", "f4", "f8", ">f8", ">i2"])
def test_real_dtypes_are_taken(dtype):
    """Whole numbers and floats of every width and byte order are numbers."""
    assert _right(np.array([[1.0, 2.0]]), np.array([[1, 2]], dtype=dtype))
    assert not _right(np.array([[1.0, 2.0]]), np.array([[1, 3]], dtype=dtype))


@pytest.mark.parametrize("dtype", ["?", "c8", "c16", "O", "U3", "S3", "M8[s]", "m8[s]"])
def test_other_dtypes_are_refused(dtype):
    """Truth values, complex numbers, objects and texts are no activations, whatever they compare equal to."""
    assert "real numbers" in _problem(np.ones((1, 2)), np.array([[1, 1]]).astype(dtype))


def test_structured_and_void_arrays_are_refused():
    """So are records."""
    assert "real numbers" in _problem(np.ones(2), np.zeros(2, dtype=[("x", "f8")]))


@pytest.mark.parametrize("actual", [3, 3.0, np.float64(3), np.float32(3), np.int8(3), np.array(3), np.array(3.0)])
def test_single_numbers(actual):
    """A number is right as Python's, as numpy's, or as an array without axes."""
    assert _right(3.0, actual)
    assert _right(np.float64(3), actual)
    assert _right(np.array(3), actual)
    assert _problem(3.1, actual) == "`a_next` is a number, but not the right one."


@pytest.mark.parametrize(
    "actual",
    [True, np.True_, np.array([3.0]), np.array([[3.0]]), "3", 3 + 0j, np.complex128(3), None, [3.0], 10**400, math.nan,
     math.inf, np.float64("nan"), np.array(math.nan)],
)  # fmt: skip
def test_what_is_no_single_number(actual):
    """Anything else is not a number, or not a finite one."""
    assert _problem(3.0, actual)


def test_python_numbers_where_an_array_was_expected():
    """A number or a nested list is not an array, even where it holds the right values."""
    assert "an array of shape (1,)" in _problem(np.ones(1), 1.0)
    assert "it is a list of 2 values" in _problem(np.ones(2), [1.0, 1.0])


def test_read_only_and_strided_arrays():
    """How an array lies in memory does not matter; nothing is written to it."""
    frozen = np.arange(12.0).reshape(3, 4)
    frozen.flags.writeable = False
    assert _right(np.arange(12.0).reshape(3, 4), frozen)
    assert not _right(frozen, np.arange(12.0).reshape(3, 4, order="F"))
    assert _right(frozen[::-1, ::2], frozen[::-1, ::2].copy())
    assert _right(frozen, np.asfortranarray(frozen))


def test_wide_integers():
    """The largest integers compare without overflow."""
    largest = np.array([2**64 - 1], dtype=np.uint64)
    assert _right(largest.astype(float), largest)
    assert not _right(np.array([-1.0]), largest)
    assert not _right(np.array([2.0**63]), np.array([-(2**63)]))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nothing_is_near_what_is_not_finite(bad):
    """Not even itself: and a tolerance relative to infinity lets nothing through."""
    broken = np.array([1.0, bad])
    for actual in (broken, np.ones(2), np.array([1.0, -bad]), np.array([1.0, 1e308])):
        assert not _right(broken, actual)
    assert "contains" in _problem(np.ones(2), broken)
    word = "NaN" if math.isnan(bad) else "infinity"
    assert word in _problem(np.ones(2), broken)
    assert word in _problem(np.array(1.0), np.array(bad))


# ---------------------------------------------------------------------------------------------------- structures


def _cache(step=0.0):
    parameters = {"Wax": RNG.standard_normal((3, 2)), "ba": np.ones((3, 1))}
    state = np.full((3, 4), 0.5) + step
    return (state, state + 1, np.ones((2, 4)), parameters)


def _copy(value):
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_copy(item) for item in value)
    return value.copy()


def test_nested_structures():
    """Caches are right through all their levels, as the very arrays or as copies, and after the wire."""
    caches = ([_cache(), _cache(1.0)], np.ones((2, 4, 2)))
    assert _right(caches, caches)
    assert _right(caches, _copy(caches))
    assert _right(caches, _travelled(caches))


def test_list_for_tuple():
    """A list serves for a tuple and the other way round: both unpack alike."""
    assert _right((np.ones(2), [1.0, 2.0]), [np.ones(2), (1.0, 2.0)])


def test_order_of_entries_counts_and_of_keys_does_not():
    """A tuple in another order is another tuple; a dictionary in another order is the same one."""
    assert not _right((np.ones(2), np.zeros(2)), (np.zeros(2), np.ones(2)))
    assert _right({"a": 1.0, "b": 2.0}, {"b": 2.0, "a": 1.0})


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda c: c[:3], "`cache` should hold 4 values; it holds 3."),
        (lambda c: (*c, 1), "`cache` should hold 4 values; it holds 5."),
        (lambda _: (), "`cache` should hold 4 values; it holds 0."),
        (lambda _: (0,) * 20_000, "`cache` should hold 4 values; it holds more than 9999."),
        (
            lambda c: dict(zip("abcd", c, strict=True)),
            "`cache` should be a tuple or list of 4 values; it is a dictionary.",
        ),
        (lambda c: c[0], "`cache` should be a tuple or list of 4 values; it is an array of shape (3, 4)."),
        (lambda _: None, "`cache` should be a tuple or list of 4 values; it is None."),
        (lambda _: "abcd", "`cache` should be a tuple or list of 4 values; it is a str."),
        (lambda c: (c[1], *c[1:]), "`cache[0]` has the right shape but wrong values everywhere."),
        (lambda c: (*c[:2], c[0], c[3]), "`cache[2]` has shape (3, 4); its shape should be (2, 4)."),
        (lambda c: (*c[:3], None), "`cache[3]` should be a dictionary; it is None."),
        (lambda c: (*c[:3], (1, 2)), "`cache[3]` should be a dictionary; it is a tuple of 2 values."),
        (lambda c: (*c[:3], {"Wax": c[3]["Wax"]}), "`cache[3]` lacks the key 'ba'."),
        (lambda c: (*c[:3], {}), "`cache[3]` lacks the key 'Wax'."),
        (lambda c: (*c[:3], c[3] | {"canary": 1}), "`cache[3]` has a key that was not expected."),
        (
            lambda c: (*c[:3], c[3] | {"ba": np.zeros((3, 1))}),
            "`cache[3]['ba']` has the right shape but wrong values everywhere.",
        ),
    ],
)
def test_first_difference_is_named(change, problem):
    """The first thing wrong is told by its place, and nothing of it is the student's own text."""
    cache = _cache()
    assert _problem(cache, change(cache), "cache") == problem
    assert _problem(cache, _travelled(change(cache)), "cache") == problem


def test_shared_arrays_are_told_apart():
    """One array that is right in one place and wrong in another is found in the other."""
    shared = np.ones(3)
    assert _right((np.ones(3), np.ones(3)), (shared, shared))
    assert "[1]" in _problem((np.ones(3), np.zeros(3)), (shared, shared))
    ours = np.ones(3)
    assert "[1]" in _problem((ours, ours), (np.ones(3), np.zeros(3)))


NUMBERS = st.integers(0, 2).map(float)
SMALL_ARRAYS = st.lists(NUMBERS, max_size=2).map(np.array) | NUMBERS.map(np.array)
VALUES = st.recursive(
    SMALL_ARRAYS | NUMBERS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.lists(inner, max_size=2).map(tuple)
        | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=6,
)


def _plain(value):
    """Return a value as plain Python in which equal means the same to a reader."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return ["sequence", *[_plain(item) for item in value]]
    array = np.asarray(value)
    return ("array", array.shape, tuple(array.ravel().tolist()))


@given(VALUES, VALUES)
def test_structures_against_plain_python(expected, actual):
    """Two structures are right for each other exactly when they are the same in plain Python."""
    assert _right(expected, actual) is (_plain(expected) == _plain(actual))
    assert _right(expected, expected)


# ------------------------------------------------------------------------------------------------ what does not travel


class _Equal(np.ndarray):
    """Claims to equal everything."""

    def __eq__(self, other):
        return True

    __hash__ = None


@pytest.mark.parametrize(
    "value",
    [
        np.ones((1, 2)).view(np.matrix),
        np.ma.masked_array([[1.0, 1.0]]),
        np.ones((1, 2)).view(_Equal),
        object(),
        "1",
        b"1",
        1j,
        {1.0},
        range(2),
        (n for n in (1.0, 1.0)),
        np.ones,
        {1: 1.0},
        np.array([[1.0, None]]),
        np.ones((1, 2), dtype=complex),
        np.ones((1, 2), dtype=np.longdouble),
        10**30,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_plain_array_is_refused(value):
    """Subclasses, look-alikes and other objects arrive as themselves nowhere, and are right nowhere."""
    assert not _right(np.ones((1, 2)), _travelled(value))
    assert not _right((np.ones((1, 2)),), (_travelled(value),))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "None"),
        (True, "a truth value"),
        (3, "a single number"),
        (np.float32(3), "a single number"),
        (np.ones((2, 3)), "an array of shape (2, 3)"),
        ([1, 2], "a list of 2 values"),
        ((), "a tuple of 0 values"),
        ({}, "a dictionary"),
        (Opaque("matrix", "a subclass of numpy.ndarray"), "a matrix"),
        (Opaque("ndarray", "of dtype object"), "an ndarray of dtype object"),
        (Opaque("dict", "a dictionary with other keys than short strings"), "a dict"),
        (Opaque("ndarray", "of dtype canary 0.618"), "an ndarray"),
        (Opaque("canary_0_618", "canary"), "another kind of object"),
        (Opaque("canary", "of dtype float128"), "another kind of object of dtype float128"),
    ],
)
def test_kinds_of_things_are_described(value, words):
    """A value is described by its kind; a type's name or text that a student may have chosen is not repeated."""
    assert described(value) == words


@pytest.mark.parametrize("shape", [(0, 618_033_988, 749_894_848), (0, 1, 6, 1, 8, 0, 3), (314_159_265, 0)])
def test_shapes_that_tell_something_are_not_repeated(shape):
    """An array without entries may have any numbers for its shape: a hidden input is not shown that way."""
    for expected in (np.ones((3, 4)), (np.ones(2),)):
        shown = re.findall(r"\d+", _problem(expected, np.empty(shape)).replace("(3, 4)", "").replace("of 1 values", ""))
        assert shown == []


# ---------------------------------------------------------------------------------------------------- where it departs


def _from(step, to=6):
    near = np.zeros((2, 3, 6))
    near[:, :, step:to] = 1
    return near


@pytest.mark.parametrize(
    ("difference", "where"),
    [
        (_from(0), " everywhere"),
        (_from(1), ": time step 1 is right, step 2 is the first to depart"),
        (_from(3), ": time steps 1 to 3 are right, step 4 is the first to depart"),
        (_from(5), ": time steps 1 to 5 are right, step 6 is the first to depart"),
        (_from(2, 3), ": time steps 1 to 2 are right, step 3 is the first to depart"),
        (_from(0, 1), " in 1 of 6 time steps, the first among them"),
        (_from(0, 5), " in 5 of 6 time steps, the first among them"),
        (np.eye(3)[:, :, None] * np.ones(6), " from the first time step on"),
        (np.eye(3)[:, :, None], " in 3 of 9 entries"),
        (np.eye(3), " in 3 of 9 entries"),
        (np.pad([1], (0, 999)), " in 1 of 1000 entries"),
        (np.ones((2, 2)), " everywhere"),
        (np.eye(2)[None, None], " in 2 of 4 entries"),
    ],
)
def test_where_it_departs(difference, where):
    """What is said of the place is true: which step is the first, how many entries are wrong."""
    expected = RNG.standard_normal(difference.shape)
    assert _problem(expected, expected + difference) == f"`a_next` has the right shape but wrong values{where}."


LONG = st.floats(0.1, 9.9).map(lambda x: round(x, 12) + 1.23456e-7)


@given(
    st.lists(LONG, min_size=1, max_size=6),
    st.lists(st.floats(allow_nan=True) | st.sampled_from([0.0, math.inf]), min_size=1, max_size=6),
    st.sampled_from(["array", "number", "tuple", "dictionary"]),
)
def test_no_expected_value_in_any_sentence(ours, theirs, kind):
    """No sentence about a wrong value holds digits of the values that were expected, or of those that came."""
    expected, actual = np.array(ours), np.array(theirs)
    if kind == "number":
        expected, actual = expected[0], actual[0]
    elif kind == "tuple":
        expected, actual = (expected,), (actual,)
    elif kind == "dictionary":
        expected, actual = {"a": expected}, {"a": actual}
    verdict = compare(expected, actual, "name")
    assume(not verdict.right)
    assert "." not in verdict.problem[:-1].replace("None", "")  # shapes and counts are whole numbers, values are not
    for number in re.findall(r"\d+", verdict.problem):
        assert int(number) <= 6
