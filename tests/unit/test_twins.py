"""Cases of the same sizes and other values: a function that remembers its answers is wrong for every student."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder import loading
from autograder.course import Course
from autograder.hidden_tests import HiddenTests
from autograder.judging import judge
from autograder.model import Exercise, Observation

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENTS = ("rnn_step_by_step", "lstm_step_by_step", "backpropagation_through_time", "types_of_rnn")
STUDENTS = 60
KEY = b"a secret for tests, and only for tests"

Key = Callable[[int, tuple[Any, ...]], Any]
MEMORIES: dict[str, Key] = {
    "by the shapes of all arguments": lambda _, inputs: repr([shapes(value) for value in inputs]),
    "by the first argument": lambda _, inputs: repr(inputs[0].tolist() if hasattr(inputs[0], "tolist") else inputs[0]),
    "by whether a call is an odd one": lambda number, _: number % 2,
}


def shapes(value: Any) -> Any:
    """Return the shapes of all arrays in a value."""
    if isinstance(value, np.ndarray):
        return value.shape
    if isinstance(value, dict):
        return {key: shapes(inner) for key, inner in value.items()}
    return [shapes(inner) for inner in value] if isinstance(value, tuple | list) else type(value).__name__


def arrays(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    """Yield all arrays in a value."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict | tuple | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from arrays(inner)


@pytest.fixture(scope="module", params=ASSIGNMENTS)
def tests(request: pytest.FixtureRequest) -> HiddenTests:
    """Return the hidden tests of each assignment."""
    return HiddenTests(*loading.load(Course.at(ROOT), request.param), KEY)


def is_right(tests: HiddenTests, exercise: Exercise, student: str, key: Key) -> bool:
    """Return whether the reference, with a memory of its answers, is right on all of a student's cases."""
    memory: dict[Any, Any] = {}
    sampled = {case.name for case in exercise.cases if case.sampled}
    for number, case in enumerate(tests.order(exercise, student)):
        inputs = tests.inputs(exercise, case, student)
        expected = tests.expected(exercise, case, inputs)
        answer = memory.setdefault(key(number, inputs), expected)
        if case in sampled:
            continue
        seen = Observation(case, inputs, answer)
        if not all(judge(exercise, expected, seen, check).right for check in exercise.checks):
            return False
    return True


@pytest.mark.parametrize("memory", MEMORIES)
def test_whoever_remembers_answers_is_wrong_for_every_student(tests: HiddenTests, memory: str) -> None:
    """Before there were twins, one who remembered by shape was right for three of four students."""
    tests.remember(f"s{number}" for number in range(STUDENTS))
    for exercise in tests.assignment.exercises:
        if memory == "by the first argument" and not any(case.keeps_first for case in exercise.cases):
            continue  # arguments that a law is worked out from go together: no two cases have the same first one
        right = [n for n in range(STUDENTS) if is_right(tests, exercise, f"s{n}", MEMORIES[memory])]
        assert right == [], exercise.id


def test_a_twin_has_the_same_sizes_and_other_values(tests: HiddenTests) -> None:
    """And the same first argument, where it is the first case's."""
    for exercise in tests.assignment.exercises:
        twins = [case for case in exercise.cases if case.twin_of]
        assert len(twins) >= len(exercise.cases) // 3
        for case in twins:
            one, two = (tests.inputs(exercise, name, "somebody") for name in (case.twin_of, case.name))
            assert shapes(one) == shapes(two), case.name
            assert not all(map(np.array_equal, arrays(one[1:]), arrays(two[1:]))), case.name
            if case.keeps_first:
                assert np.array_equal(one[0], two[0]), case.name
