"""What a demonstration begins with: ``builds_on(rnn_forward)`` lets it wait, in a sentence, for what is not solved."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any

from public_tests.catalogue import by_function
from public_tests.contract import Exercise
from public_tests.failure import PublicTestFailure
from public_tests.runner import first_problem
from public_tests.unsolved import placeholders


def builds_on(*functions: Any) -> None:
    """Go on if these functions of yours pass their public tests.

    Parameters
    ----------
    functions : functions of the exercises
        What the cell calls. One that is no exercise of this course is passed over.

    Raises
    ------
    PublicTestFailure
        In one sentence: which of them comes first, and what is to be done about it.
    """
    for name, target, exercise in _in_order(functions):
        if _passes(exercise, target):
            continue
        todo = "does not pass its public test yet: mend it first"
        if placeholders(target):
            todo = f"is not finished yet: solve exercise {exercise.id.removeprefix('UNQ_C')} first"
        raise PublicTestFailure(f"This demonstration builds on {name}, which {todo}, then run this cell again.")


def _in_order(functions: tuple[Any, ...]) -> Iterator[tuple[str, Any, Exercise]]:
    """Yield functions with their exercises, each after the one of the student's that it calls."""
    known = by_function()
    for target in functions:
        exercise = known.get(getattr(target, "__name__", ""))
        if exercise is None:
            continue
        helper = exercise.helper
        own = getattr(target, "__globals__", {}).get(helper.function) if helper else None
        if helper is not None and own is not None:
            yield helper.function, own, helper
        yield exercise.function, target, exercise


def _passes(exercise: Exercise, target: Any) -> bool:
    with contextlib.redirect_stdout(io.StringIO()):  # what a student's function prints belongs to its own test
        return not first_problem(exercise, target)
