"""What is wrong with a returned value, where it departs, and which of several verdicts is told."""

import numpy as np
import pytest

from autograder.compare import Verdict, compare
from autograder.departure import departure
from autograder.judging import judge, most_telling, part, protected, ready
from autograder.model import Band, Check, Exercise, Observation, Seed

TUPLE = Exercise("UNQ_C1", "f", ("x",), (Check("a", 1, 0), Check("b", 1, 1)), ())
KEYED = Exercise("UNQ_C1", "f", ("x",), (Check("dx", 1, "dx"),), ())


def judged(exercise, expected, returned):
    """Judge the first check of an exercise."""
    return judge(exercise, expected, Observation("case", (), returned), exercise.checks[0])


@pytest.mark.parametrize(
    ("exercise", "returned", "says"),
    [
        (TUPLE, None, "returns None"),
        (TUPLE, np.ones(2), "should return 2 values"),
        (TUPLE, (np.ones(2),), "should return 2 values; it returns 1"),
        (TUPLE, (None, np.ones(2)), "`a` is still None"),
        (KEYED, None, "returns None"),
        (KEYED, (np.ones(2),), "should return a dictionary"),
        (KEYED, {"dX": np.ones(2)}, "has no key `'dx'`"),
        (KEYED, {"dx": None}, "`dx` is still None"),
        (KEYED, {"dx": np.ones(3)}, "`dx` has shape (3,); its shape should be (2,)"),
    ],
)
def test_what_does_not_fit_is_said_in_terms_of_the_function(exercise, returned, says):
    """A wrong number of values, a missing key or a placeholder is told as such, before any value is compared."""
    expected = {"dx": np.ones(2)} if exercise is KEYED else (np.ones(2), np.ones(2))
    verdict = judged(exercise, expected, returned)
    assert not verdict.right
    assert says in verdict.problem


def test_a_judge_of_its_own_decides_about_a_random_value():
    """Where a check brings a judge, entries are not compared; it sees inputs, a right sample and the student's."""
    seen = []
    check = Check("indices", 1, None, judge=lambda inputs, ours, theirs: seen.append((inputs, ours, theirs)) or "no")
    exercise = Exercise("UNQ_C1", "f", ("rng",), (check,), ())
    inputs = (Seed(3),)
    verdict = judge(exercise, 7, Observation("case", inputs, 8), check)
    assert verdict == Verdict(right=False, problem="no")
    assert seen == [(inputs, 7, 8)]


def test_seeds_become_fresh_generators_for_every_call():
    """Two calls with the same inputs draw the same numbers: neither sees what the other has used up."""
    inputs = (np.ones(2), Seed(5))
    draws = [ready(inputs)[1].random() for _ in range(2)]
    assert draws == [np.random.default_rng(5).random()] * 2


def test_inputs_are_protected_however_deep():
    """An array in a cache in a list cannot be written to: reference and mistakes are handed the same one."""
    deep = np.zeros(2)
    protected(([(deep, {"W": deep})],))
    with pytest.raises(ValueError, match="read-only"):
        deep[0] = 1


def test_a_part_is_an_entry_a_key_or_the_whole():
    """What is not there is None, never an error."""
    assert part((1, 2), 1) == 2
    assert part({"a": 3}, "a") == 3
    assert part(7, None) == 7
    assert part((1,), 4) is None
    assert part({"a": 3}, "b") is None
    assert part(3, "a") is None


def test_a_departure_says_where_in_the_order_of_time():
    """The first wrong entry is that of the earliest step, not of the first row; examples are told apart."""
    right = np.zeros((2, 3, 4))
    wrong = right.copy()
    wrong[0, 2, 3] = wrong[1, 0, 1] = 5.0
    wrong[1, :, 2] = 5.0
    found = compare(right + 1, wrong + 1, "a").departure
    assert found.first == (2, 2, 1)
    assert (found.wrong, found.of) == (5, 24)
    assert found.picture == ("...o", ".o#.")
    assert found.band is Band.HUGE


@pytest.mark.parametrize(
    ("off", "band"), [(1e-4, Band.SLIGHT), (0.05, Band.SMALL), (1.0, Band.LARGE), (50.0, Band.HUGE), (np.nan, None)]
)
def test_how_far_off_is_told_as_a_band_only(off, band):
    """Four bands relative to the largest value, and none where the answer is no number."""
    expected = np.array([[2.0, -1.0]])
    actual = expected + np.array([[2.0 * off, 0.0]])
    assert departure(expected, actual, np.isclose(expected, actual, rtol=1e-9), "a").band is band


def test_no_value_of_either_side_is_in_a_departure():
    """Whatever the numbers are, a departure made of them is made of places, counts, shapes and a band."""
    rng = np.random.default_rng(0)
    expected = rng.standard_normal((3, 4))
    one = departure(expected, expected + 0.5, np.zeros((3, 4), bool), "a")
    other = departure(3 * expected, 3 * (expected + 0.5), np.zeros((3, 4), bool), "a")
    assert one == other


def test_a_wrong_shape_is_told_with_both_shapes_but_never_an_endless_one():
    """A shape is made of the student's numbers: one that no honest array has is not repeated."""
    assert compare(np.ones((2, 1)), np.ones(2), "b").departure.actual_shape == (2,)
    assert compare(np.ones((2, 1)), np.ones((0, 123456789)), "b").departure is None


def test_the_verdict_that_is_told_is_the_commonest_and_then_the_most_legible():
    """A shape that is wrong in one case of five does not hide where the values depart in the other four."""
    rng = np.random.default_rng(1)
    values = [
        compare(a, a + 1, "a") for a in (rng.standard_normal(s) for s in [(2, 3, 1), (4, 2, 6), (40, 2, 30), (3, 2, 2)])
    ]
    shape = compare(np.ones((3, 1)), np.ones(3), "a")
    assert most_telling([shape, *values]) is values[1]
    assert most_telling([shape, shape, values[0]]).departure.actual_shape == (3,)
