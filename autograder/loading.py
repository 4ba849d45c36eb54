"""Makes an assignment ready for grading: its definition and reference, fitting together, and what identifies them."""

import hashlib
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from autograder import __version__, assignments, draws, reference, secret, source
from autograder.course import Course
from autograder.errors import UsageError
from autograder.model import Assignment, Provenance
from autograder.source import SourceNotebook


def _digest(source: str, definition: Iterable[Path], modules: Mapping[str, bytes]) -> str:
    """Return the digest of all that decides the grades of an assignment."""
    digest = hashlib.sha256(source.encode())
    files = [path.read_bytes() for path in (*definition, Path(str(draws.__file__)))]  # and what they draw inputs with
    for content in (*files, *(name.encode() + b"\0" + content for name, content in sorted(modules.items()))):
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def written(course: Course, name: str) -> tuple[SourceNotebook, dict[str, bytes]]:
    """Return an assignment's source notebook, and the course's modules as it may carry them."""
    notebook = source.read(course, name)
    return notebook, dict(course.shipped_modules(name, notebook.graded_functions(), notebook.code))


def provenance_of(
    course: Course, name: str, key: bytes, notebook: SourceNotebook, modules: Mapping[str, bytes]
) -> Provenance:
    """Return what every report of an assignment records, but for the submission's digest, isolation level and limits.

    Parameters
    ----------
    key : bytes
        The course secret.
    notebook, modules
        As `written` gives them.
    """
    return Provenance(
        grader=__version__,
        assignment_digest=_digest(notebook.sha256, assignments.files_of(course, name), modules),
        submission_sha256="",
        seed_key=secret.key_name(key),
        isolation="",
        python=platform.python_version(),
        numpy=np.__version__,
        kernel=platform.release(),
    )


def load(course: Course, name: str) -> tuple[Assignment, reference.Reference]:
    """Return an assignment's definition and its reference, which fit together.

    Raises
    ------
    UsageError
        In one clear line, before anything is graded.
    """
    assignment, loaded = assignments.load(course, name), reference.load(course, name)
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
