"""Every exercise that has a public test, in the order of the course; a new assignment is named here.

A release carries the public tests of its own assignment only, so here is what is there.
"""

from importlib import import_module
from importlib.resources import files
from types import ModuleType

from public_tests.contract import Exercise

ASSIGNMENTS = ("rnn_step_by_step", "lstm_step_by_step", "backpropagation_through_time", "types_of_rnn")


def _modules() -> tuple[ModuleType, ...]:
    """Import the tests that stand beside this file: what Python would find elsewhere belongs to another folder."""
    there = {path.name for path in files(__package__).iterdir()}
    return tuple(import_module(f"public_tests.{name}") for name in ASSIGNMENTS if f"{name}.py" in there)


MODULES = _modules()
EXERCISES: tuple[Exercise, ...] = tuple(exercise for module in MODULES for exercise in module.EXERCISES)


def by_function() -> dict[str, Exercise]:
    """Return the exercises by the name of their function."""
    return {exercise.function: exercise for exercise in EXERCISES}
