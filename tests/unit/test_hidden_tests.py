"""A worker asks the hidden tests for every submission, for as long as it lives: they must keep nothing of it."""

import contextlib
import gc
import weakref
from itertools import combinations

from autograder import demo, loading
from autograder.errors import UsageError
from autograder.hidden_tests import HiddenTests


class _Answer:
    """Stands for what a student's function returned."""


def test_asking_for_what_does_not_go_together_keeps_nothing(course):
    """Two mistakes that edit the same text are refused each time, and whoever asked can be forgotten."""
    tests = HiddenTests(*loading.load(course, demo.ASSIGNMENT), b"a secret for tests")

    def ask():
        answer, refused = _Answer(), 0
        for exercise in tests.assignment.exercises:
            for pair in combinations(exercise.mistakes, 2):
                with contextlib.suppress(UsageError):
                    tests.mistaken(exercise, pair)
                    continue
                refused += 1
        return weakref.ref(answer), refused

    asked = [ask() for _ in range(3)]
    gc.collect()
    assert [answer() for answer, _ in asked] == [None, None, None]
    assert len({refused for _, refused in asked}) == 1
    assert asked[0][1] > 5
