"""One cell with all mistakes behind switches does exactly what a cell with these mistakes in its text would do."""

import itertools
from typing import Any

import numpy as np
import pytest

from autograder import demo, loading
from autograder.course import Course
from autograder.errors import UsageError
from autograder.judging import protected, ready
from autograder.switches import Switches

SOLUTION = """\
def helper(x):
    return x + 1


def f(x, n):
    # nothing has been summed up yet
    total = 0
    for t in range(n):
        total += helper(x) * t

    return total, n
"""
ARGUMENTS = [(2, 3), (-1, 4), (5, 0)]


def namespace_of(code: Any, **known: Any) -> dict[str, Any]:
    """Execute a cell."""
    namespace = dict(known)
    exec(compile(code, "cell", "exec"), namespace)  # noqa: S102  our own text
    return namespace


def with_edits(*edits: tuple[str, str]) -> str:
    """Return the solution with these edits made, each of which applies once."""
    text = SOLUTION
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def switched(*edits: tuple[str, str]) -> tuple[Switches, Any]:
    """Return the switches of these edits, and the function with all of them off."""
    made = Switches(SOLUTION, [with_edits(edit) for edit in edits], known=["known"])
    return made, namespace_of(made.code, **made.globals)["f"]


@pytest.mark.parametrize(
    "edits",
    [
        (("+= helper(x)", "+= x"), ("range(n)", "range(1, n)")),  # in the body of a loop, and in its header
        (("total += helper(x) * t", "total = helper(x) * t"), ("return x + 1", "return x - 1")),  # in two functions
        (
            ("        total +=", "        x = -x\n        total +="),
            ("return total, n", "return n, total"),
        ),  # one more
        (("    total = 0\n", "    total = 1\n    total += 1\n"), ("x + 1", "x")),  # two for one
        (("    for t in range(n):\n        total += helper(x) * t\n", ""), ("total = 0", "total = n")),  # a loop less
        (("(x) * t", "(x) ** t"), ("return x + 1", "return abs(x)")),  # another operator
        (
            ("    total = 0", "    n = n + 1\n    total = 0"),
            ("helper(x) * t", "helper(t) * t"),
        ),  # at the top
    ],
)
def test_switches_do_what_edits_do(edits: tuple[tuple[str, str], ...]) -> None:
    """With none, each and both of two mistakes on, the function returns what the edited text would."""
    made, function = switched(*edits)
    for numbers in ((), (0,), (1,), (0, 1), ()):
        assert made.hold(numbers)
        edited = namespace_of(with_edits(*(edits[n] for n in numbers)))["f"]
        mistaken = made.with_mistakes(function, numbers)
        assert [mistaken(*a) for a in ARGUMENTS] == [edited(*a) for a in ARGUMENTS], numbers


def test_what_changes_parts_of_each_other_is_kept_apart() -> None:
    """Two mistakes of which one replaces what the other changes cannot both be on, though each can."""
    made, _ = switched(("+= helper(x) * t", "+= helper(x) - t"), ("+= helper(x)", "+= x"), ("total = 0", "total = 1"))
    assert all(made.hold([n]) for n in range(3))
    assert not made.hold([0, 1])
    assert made.hold([0, 2])
    assert made.hold([1, 2])


@pytest.mark.parametrize(
    "edit",
    [
        ("total = 0", "known = total = 0"),  # here it would be a local name in all versions
        ("def f(x, n):", "def f(x, n=1):"),
        ("def helper(x):", "step = 1\n\n\ndef helper(x):"),
        ("total = 0", "total = ("),
    ],
)
def test_what_no_switch_can_stand_for_is_left_out(edit: tuple[str, str]) -> None:
    """A version that needs another scope, signature or cell, or is no Python, is not there; the others are."""
    made, function = switched(edit, ("x + 1", "x + 2"))
    assert not made.hold([0])
    assert made.hold([1])
    assert function(2, 3) == (9, 3)


def outcome(function: Any, inputs: tuple[Any, ...]) -> Any:
    """Return what a function returns; what it raises is a value too."""
    try:
        with np.errstate(all="ignore"):
            return function(*ready(inputs))
    except Exception as error:  # noqa: BLE001  a mistake may raise anything
        return type(error)


@pytest.mark.parametrize("name", list(demo.CLASSES))
def test_every_mistake_of_the_course_has_its_switch(course: Course, name: str) -> None:
    """With each known mistake, and a part of all pairs, results equal those of the edited text, bit for bit."""
    assignment, reference = loading.load(course, name)
    for exercise in assignment.exercises:
        made, functions = reference.switched(exercise.id, exercise.mistakes)
        cases = [case for case in exercise.cases if not case.sampled][:2]
        inputs = [protected(case.draw(np.random.default_rng(n))) for n, case in enumerate(cases)]
        pairs = list(itertools.combinations(range(len(exercise.mistakes)), 2))
        held = 0
        for numbers in (*((n,) for n in range(len(exercise.mistakes))), *pairs[::7]):
            mistakes = [exercise.mistakes[n] for n in numbers]
            try:
                edited = reference.mistaken(exercise.id, *mistakes)[exercise.function]
            except UsageError:
                continue  # both edit the same text
            if not made.hold(numbers):
                assert len(numbers) > 1, mistakes[0].id
                continue
            held += 1
            mistaken = made.with_mistakes(functions[exercise.function], numbers)
            for given in inputs:
                np.testing.assert_equal(outcome(mistaken, given), outcome(edited, given), err_msg=str(numbers))
        assert held > len(exercise.mistakes)
