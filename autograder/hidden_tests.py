"""The hidden tests of one assignment, ready to be asked: inputs of every case, expected values, mistaken functions.

Only a host holds this. Nothing of it but the inputs of a call ever reaches a guest.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder import secret, twins
from autograder.errors import GraderError, UsageError
from autograder.judging import protected, ready
from autograder.model import Assignment, Exercise, Mistake
from autograder.reference import Reference

if TYPE_CHECKING:
    from autograder.switches import Switches


class HiddenTests:
    """An assignment's definition and its reference, for the students of one course."""

    def __init__(self, assignment: Assignment, reference: Reference, key: bytes) -> None:
        """Keep them.

        Parameters
        ----------
        key : bytes
            The course secret, which inputs are drawn from.
        """
        self.assignment, self.reference = assignment, reference
        self._key = key
        self._skeletons: dict[str, str] = {}
        self._switched: dict[str, tuple[Switches, dict[str, Callable[..., Any]]]] = {}
        # a sentence where they do not go together: a kept exception would keep the frames of all whom it was raised to
        self._mistaken: dict[tuple[str, ...], Callable[..., Any] | str] = {}
        self._remembered: frozenset[str] = frozenset()
        self._inputs: dict[tuple[str, str, str], tuple[Any, ...]] = {}
        self._expected: dict[int, list[Any]] = {}  # by the id of inputs that are kept: nothing, or what is expected

    def remember(self, students: Iterable[str]) -> None:
        """From now on draw these students' inputs, and ask the reference about them, only once: they come again."""
        self._remembered |= set(students)

    def inputs(self, exercise: Exercise, case: str, student: str) -> tuple[Any, ...]:
        """Return the inputs of one case for one student; whoever calls the reference with them leaves them as they are.

        Their arrays are read-only.
        """
        if student not in self._remembered:
            return self._draw(exercise, case, student)
        key = (exercise.id, case, student)
        if key not in self._inputs:
            self._inputs[key] = self._draw(exercise, case, student)
            self._expected[id(self._inputs[key])] = []
        return self._inputs[key]

    def _draw(self, exercise: Exercise, case: str, student: str) -> tuple[Any, ...]:
        wanted = next(c for c in exercise.cases if c.name == case)

        def generator(name: str) -> np.random.Generator:
            return secret.generator(self._key, self.assignment.name, exercise.id, name, student)

        if not wanted.twin_of:
            return protected(wanted.draw(generator(case)))
        first = wanted.twin_of
        return protected(twins.draw(wanted, generator(first), generator(first), generator(case)))

    def order(self, exercise: Exercise, student: str) -> list[str]:
        """Return the cases in this student's own order: whoever counts calls learns nothing about which one it is."""
        names = [case.name for case in exercise.cases]
        secret.generator(self._key, self.assignment.name, exercise.id, "order of cases", student).shuffle(names)
        return names

    def mistaken(self, exercise: Exercise, mistakes: tuple[Mistake, ...]) -> Callable[..., Any]:
        """Return an exercise's function as it is with known mistakes.

        Raises
        ------
        UsageError
            If they do not go together: they edit the same text.
        """
        key = (exercise.id, *(mistake.id for mistake in mistakes))
        if key not in self._mistaken:
            try:
                self._mistaken[key] = self._with(exercise, mistakes)
            except UsageError as error:
                self._mistaken[key] = str(error)
        known = self._mistaken[key]
        if isinstance(known, str):
            raise UsageError(known)
        return known

    def _with(self, exercise: Exercise, mistakes: tuple[Mistake, ...]) -> Callable[..., Any]:
        self.reference.text(exercise.id, *mistakes)  # do they go together?
        if exercise.id not in self._switched:
            self._switched[exercise.id] = self.reference.switched(exercise.id, exercise.mistakes)
        switches, functions = self._switched[exercise.id]
        numbers = [exercise.mistakes.index(mistake) for mistake in mistakes]
        if switches.hold(numbers):
            return switches.with_mistakes(functions[exercise.function], numbers)
        return self.reference.mistaken(exercise.id, *mistakes)[exercise.function]

    def skeleton(self, exercise: Exercise) -> str:
        """Return the text of an exercise's cell as it is released."""
        if exercise.id not in self._skeletons:
            from autograder.blanking import blank  # noqa: PLC0415  not needed for right answers

            solution = self.reference.source.solutions[exercise.id]
            self._skeletons[exercise.id] = replace(solution, source=blank(solution.source).text).text
        return self._skeletons[exercise.id]

    def expected(self, exercise: Exercise, case: str, inputs: tuple[Any, ...]) -> Any:
        """Return what the reference makes of a case's inputs.

        Raises
        ------
        GraderError
            If it fails.
        """
        kept = self._expected.get(id(inputs), [])
        if kept:
            return kept[0]
        try:
            expected = self.reference.functions[exercise.function](*ready(inputs))
        except Exception as error:
            raise GraderError(
                f"The reference of {exercise.id} fails on the case {case!r}: {type(error).__name__}: {error}"
            ) from error
        kept.append(expected)
        return expected
