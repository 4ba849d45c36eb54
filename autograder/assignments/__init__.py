"""The assignments of a course: one file each, with the inputs, cases, checks and mistakes of its exercises."""

import importlib.util
import sys
from pathlib import Path

from autograder.course import Course
from autograder.errors import UsageError
from autograder.model import Assignment


def file_of(course: Course, name: str) -> Path:
    """Return the file that defines an assignment: the course's own first, then the one in this package.

    Raises
    ------
    UsageError
        If there is none.
    """
    places = [course.root / "autograder" / "assignments" / f"{name}.py", Path(__file__).with_name(f"{name}.py")]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise UsageError(f"There are no hidden tests for {name!r}: {places[0]} is missing.")
    return path


def files_of(course: Course, name: str) -> list[Path]:
    """Return all files of a definition: its own, and those beside it whose names begin with its name.

    Raises
    ------
    UsageError
        If there is none.
    """
    path = file_of(course, name)
    return [path, *sorted(path.parent.glob(f"{name}_*.py"))]


def load(course: Course, name: str) -> Assignment:
    """Return an assignment's definition.

    Raises
    ------
    UsageError
        If there is none, or it is not one.
    """
    path = file_of(course, name)
    spec = importlib.util.spec_from_file_location(f"autograder.assignments.{name}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"{path} fails: {type(error).__name__}: {error}") from error
    assignment = getattr(module, "ASSIGNMENT", None)
    if not isinstance(assignment, Assignment) or assignment.name != name:
        raise UsageError(f"{path} must define ASSIGNMENT, an Assignment named {name!r}.")
    _check(assignment, path)
    return assignment


def _check(assignment: Assignment, path: Path) -> None:
    """Refuse a definition that could not grade rightly."""
    ids = [exercise.id for exercise in assignment.exercises]
    if not ids or len(set(ids)) != len(ids):
        raise UsageError(f"{path}: the ids of its exercises are not distinct, or there are none.")
    for exercise in assignment.exercises:
        for kind, names in (
            ("cases", [case.name for case in exercise.cases]),
            ("checks", [check.name for check in exercise.checks]),
        ):
            if not names or len(set(names)) != len(names):
                raise UsageError(f"{path}: {exercise.id} has no {kind}, or two with the same name.")
        if not all(check.weight > 0 for check in exercise.checks):
            raise UsageError(f"{path}: {exercise.id} has a check whose weight is not positive.")
        mistakes = [mistake.id for mistake in exercise.mistakes]
        if len(set(mistakes)) != len(mistakes):
            raise UsageError(f"{path}: {exercise.id} has two mistakes with the same id.")
