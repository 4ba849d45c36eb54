"""Second draws of hidden cases: the same sizes, other values. Whoever remembers answers by how they look is wrong.

A function that keeps its first answer for each shape, and returns it again, is right as long as no two cases are alike
in their sizes. So each case has a twin: its generator gives the very choices of the first one (whole numbers, orders),
and other real numbers. The twin of an exercise's first case also has the same first argument, for those who look at
that alone.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from autograder.model import Assignment, Case, Exercise

_AGAIN = ", again"


class TwinGenerator(np.random.Generator):
    """Draws what another generator would draw where it is a choice, and something else where it is a real number."""

    def __init__(self, first: np.random.Generator, values: np.random.Generator) -> None:
        super().__init__(values.bit_generator)
        self._first = first

    def integers(self, *args: Any, **kwargs: Any) -> Any:
        """Draw whole numbers: sizes, indices."""
        return self._first.integers(*args, **kwargs)

    def permutation(self, *args: Any, **kwargs: Any) -> Any:
        """Draw an order."""
        return self._first.permutation(*args, **kwargs)

    def choice(self, *args: Any, **kwargs: Any) -> Any:
        """Draw from a list."""
        return self._first.choice(*args, **kwargs)

    def standard_normal(self, *args: Any, **kwargs: Any) -> Any:
        """Draw real numbers; the first generator draws as many, and so goes on to the same choices."""
        self._first.standard_normal(*args, **kwargs)
        return super().standard_normal(*args, **kwargs)

    def normal(self, *args: Any, **kwargs: Any) -> Any:
        """Draw real numbers, likewise."""
        self._first.normal(*args, **kwargs)
        return super().normal(*args, **kwargs)

    def uniform(self, *args: Any, **kwargs: Any) -> Any:
        """Draw real numbers, likewise."""
        self._first.uniform(*args, **kwargs)
        return super().uniform(*args, **kwargs)

    def random(self, *args: Any, **kwargs: Any) -> Any:
        """Draw real numbers, likewise."""
        self._first.random(*args, **kwargs)
        return super().random(*args, **kwargs)


def with_twins(assignment: Assignment) -> Assignment:
    """Return an assignment in which each case, but those that stand alone, has a twin behind it."""
    return replace(
        assignment,
        exercises=tuple(
            replace(exercise, cases=(*exercise.cases, *_twins(exercise))) for exercise in assignment.exercises
        ),
    )


def _twins(exercise: Exercise) -> list[Case]:
    # inputs that a law is worked out from were drawn to go together: none of them is exchanged
    is_compared = all(check.judge is None for check in exercise.checks)
    return [
        Case(case.name + _AGAIN, case.draw, twin_of=case.name, keeps_first=is_compared and number == 0)
        for number, case in enumerate(exercise.cases)
        if not (case.alone or case.sampled)
    ]


def draw(case: Case, first: np.random.Generator, first_again: np.random.Generator, values: Any) -> tuple[Any, ...]:
    """Return a twin's inputs.

    Parameters
    ----------
    first, first_again : Generator
        Two of them, as the case draws from one that it is a twin of.
    values : Generator
        What the twin's own numbers come from.
    """
    inputs = case.draw(TwinGenerator(first, values))
    return (case.draw(first_again)[0], *inputs[1:]) if case.keeps_first else inputs
