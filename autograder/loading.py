"""Makes an assignment ready for grading: its definition and reference, fitting together, and what identifies them."""

import platform
from collections.abc import Mapping

import numpy as np

from autograder import __version__, assignments, code_digests, digests, reference, secret, source
from autograder.course import Course
from autograder.errors import UsageError
from autograder.model import Assignment, Provenance
from autograder.source import SourceNotebook
from autograder.twins import with_twins


def written(course: Course, name: str) -> tuple[SourceNotebook, dict[str, bytes]]:
    """Return an assignment's source notebook, and the course's modules as it may carry them."""
    notebook = source.read(course, name)
    return notebook, dict(course.shipped_modules(name, notebook.graded_functions(), notebook.code))


def provenance_of(
    course: Course, key: bytes, assignment: Assignment, notebook: SourceNotebook, modules: Mapping[str, bytes]
) -> Provenance:
    """Return what every report of an assignment records, but for the submission's digest, isolation level and limits.

    Parameters
    ----------
    key : bytes
        The course secret.
    assignment, notebook
        As `load` gives them.
    modules
        As `written` gives them.
    """
    exercises = digests.of_exercises(course, assignment, notebook, modules)
    return Provenance(
        grader=__version__,
        assignment_digest=digests.of_all(exercises),
        submission_sha256="",
        seed_key=secret.key_name(key),
        isolation="",
        python=platform.python_version(),
        numpy=np.__version__,
        kernel=platform.release(),
        exercise_digests=exercises,
        grader_digest=code_digests.of_points(),
        words_digest=code_digests.of_words(),
    )


def load(course: Course, name: str) -> tuple[Assignment, reference.Reference]:
    """Return an assignment's definition and its reference, which fit together.

    Raises
    ------
    UsageError
        In one clear line, before anything is graded.
    """
    assignment, loaded = with_twins(assignments.load(course, name)), reference.load(course, name)
    notebook = loaded.source
    ids = [exercise.id for exercise in assignment.exercises]
    if ids != list(notebook.solutions):
        raise UsageError(
            f"{notebook.path} has the exercises {', '.join(notebook.solutions)}; "
            f"its hidden tests are for {', '.join(ids)}."
        )
    for exercise in assignment.exercises:
        if exercise.function not in loaded.functions:
            raise UsageError(f"{notebook.path}: {exercise.id} does not define {exercise.function}.")
        for mistake in exercise.mistakes:
            reference.edited(notebook.solutions[exercise.id].source, mistake, str(notebook.path))
    return assignment, loaded
