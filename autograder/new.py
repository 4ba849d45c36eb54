"""Starts a new assignment from the template: one exercise, its hidden tests, one mistake; graded at once."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from autograder.course import Course, is_name
from autograder.errors import UsageError

_LONGEST = 100  # characters of a name: with what is put before and after it, every file system takes it


@dataclass(frozen=True)
class NewAssignment:
    """What was written.

    Attributes
    ----------
    notebook, tests : Path
        The source notebook, and the file with its hidden tests.
    readme : Path
        What stands beside the students' notebook.
    """

    name: str
    notebook: Path
    tests: Path
    readme: Path


def make(course: Course, name: str) -> NewAssignment:
    """Write a new assignment into a course: all of it, or nothing.

    Parameters
    ----------
    course : Course
        The course.
    name : str
        The assignment's name: a folder of ``source/``, a notebook and a module get it.

    Returns
    -------
    NewAssignment
        Where its files are.

    Raises
    ------
    UsageError
        If the name is not one, the course has such an assignment or a part of one, or it cannot be written.
    """
    if not is_name(name) or len(name) > _LONGEST:
        raise UsageError(
            f"{name!r} cannot be an assignment's name: it begins with a letter and has only the letters a to z, digits "
            f"and _, at most {_LONGEST} of them, for example gru_step_by_step."
        )
    folder = course.root / "source" / name
    tests = course.root / "autograder" / "assignments" / f"{name}.py"
    for path in (folder, tests):
        if os.path.lexists(path):
            raise UsageError(
                f"The course already has {path.relative_to(course.root)}, and nothing is overwritten. "
                "Choose another name, or move it away."
            )
    title = name.replace("_", " ").strip().capitalize()
    files = {
        f"{name}.ipynb": _filled("notebook.ipynb.template", name, title),
        "README.md": _filled("README.md.template", name, title),
    }
    try:
        with _folders(tests.parent, stop=course.root), _beside(folder) as new_folder, _beside(tests) as new_tests:
            new_folder.mkdir()
            for file, content in files.items():
                (new_folder / file).write_bytes(content)
            new_tests.write_bytes(_filled("hidden_tests.py.template", name, title))
            _put(new_folder, folder, new_tests, tests)
    except OSError as error:
        raise UsageError(
            f"The assignment {name} could not be written to {course.root}: {error}. Is the folder writable?"
        ) from error
    return NewAssignment(name, folder / f"{name}.ipynb", tests, folder / "README.md")


def _filled(template: str, name: str, title: str) -> bytes:
    text = resources.files("autograder").joinpath("templates", template).read_text(encoding="utf-8")
    # neither needs quoting, in JSON or in Python: letters, digits, underscores and blanks
    return text.replace("@NAME@", name).replace("@TITLE@", title).encode()


@contextmanager
def _folders(folder: Path, stop: Path) -> Iterator[None]:
    """Make a folder and those above it, up to `stop`; if what follows fails, take back those that were made."""
    made = [path for path in (folder, *folder.parents[: len(folder.relative_to(stop).parts) - 1]) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in made:  # the innermost first
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """Give a path in a temporary folder next to `place`: only within one file system does a rename do it at once."""
    with tempfile.TemporaryDirectory(prefix=".new-", dir=place.parent) as temporary:
        yield Path(temporary) / place.name


def _put(new_folder: Path, folder: Path, new_tests: Path, tests: Path) -> None:
    """Put both in their places; if the second cannot be, the first is taken back."""
    new_folder.rename(folder)
    try:
        new_tests.rename(tests)
    except BaseException:
        folder.rename(new_folder)
        raise
