"""Every exercise that has a public test, in the order of the course; a new assignment is named here.

A release carries the public tests of its own assignment only, so here is what is there.
"""

from importlib import import_module
from types import ModuleType

from public_tests.contract import Exercise

ASSIGNMENTS = ("rnn_step_by_step", "lstm_step_by_step", "backpropagation_through_time", "types_of_rnn")


def _modules() -> tuple[ModuleType, ...]:
    found = []
    for assignment in ASSIGNMENTS:
        name = f"public_tests.{assignment}"
        try:
            found.append(import_module(name))
        except ModuleNotFoundError as error:
            if error.name != name:  # something else is missing, and that must not pass unseen
                raise
    return tuple(found)


MODULES = _modules()
EXERCISES: tuple[Exercise, ...] = tuple(exercise for module in MODULES for exercise in module.EXERCISES)


def by_function() -> dict[str, Exercise]:
    """Return the exercises by the name of their function."""
    return {exercise.function: exercise for exercise in EXERCISES}
