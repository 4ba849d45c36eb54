"""Known mistakes are named from outputs alone: one by itself, two together, or all that an answer cannot tell apart."""

import numpy as np
import pytest

from autograder.diagnose import Diagnosis, diagnose
from autograder.errors import UsageError
from autograder.model import Case, Check, Exercise, Mistake, Observation

SOLUTION = "def f(x):\n    a = 2 * x + 1\n    b = a - 3\n    return a, b\n"


def mistake(name, old, new):
    """Return a mistake that is one edit."""
    return Mistake(name, ((old, new),), "idea", "nearly")


DOUBLE = mistake("factor-forgotten", "2 * x", "x")
BIAS = mistake("bias-dropped", " + 1", "")
SIGN = mistake("sign-turned", "a - 3", "a + 3")
SAME = mistake("three-added", "- 3", "+ 3")
RAISES = mistake("divides", "2 * x", "x / None")


def function_of(text):
    """Execute a text and return its f."""
    namespace = {}
    exec(text, namespace)  # noqa: S102  our own text
    return namespace["f"]


def mistaken(mistakes):
    """Return the solution with these mistakes made."""
    text = SOLUTION
    for one in mistakes:
        for old, new in one.edits:
            if text.count(old) != 1:
                raise UsageError("it does not apply")
            text = text.replace(old, new)
    return function_of(text)


def diagnosed(function, *mistakes):
    """Diagnose a function that gave wrong answers on two cases."""
    exercise = Exercise("UNQ_C1", "f", ("x",), (Check("a", 1, 0), Check("b", 1, 1)), (Case("c", None),), mistakes)
    inputs = [(np.array([[0.3, -1.2]]),), (np.array([[2.0]]),)]
    return diagnose(exercise, [Observation("c", given, function(*given)) for given in inputs], mistaken)


@pytest.mark.parametrize("one", [DOUBLE, BIAS, SIGN])
def test_a_single_mistake_is_named_as_itself(one):
    """Outputs that equal those of one mistake name that one, however many others are known."""
    assert diagnosed(mistaken((one,)), DOUBLE, BIAS, SIGN) == Diagnosis((one,))


def test_two_mistakes_at_once_are_named_together():
    """Where no single one fits, the pair that does is named, and said to be a pair."""
    assert diagnosed(mistaken((DOUBLE, SIGN)), DOUBLE, BIAS, SIGN) == Diagnosis((DOUBLE, SIGN), together=True)


def test_mistakes_that_look_alike_are_all_named_and_not_as_a_pair():
    """Two edits with the same outputs cannot be told apart, so neither is kept back."""
    assert diagnosed(mistaken((SIGN,)), SIGN, SAME) == Diagnosis((SIGN, SAME))


def test_what_nothing_explains_stays_unnamed():
    """An answer that is wrong in a new way gets no name, and neither does one that two different pairs explain."""
    assert diagnosed(lambda x: (x * 7, x), DOUBLE, BIAS, SIGN) == Diagnosis()
    assert diagnosed(mistaken((DOUBLE, SIGN)), DOUBLE, SIGN, SAME) == Diagnosis()


def test_a_mistake_that_raises_explains_nothing():
    """The student's function returned, so it did something else."""
    assert diagnosed(mistaken((DOUBLE,)), RAISES, DOUBLE) == Diagnosis((DOUBLE,))
