"""Finds what was submitted: an nbgrader ``submitted/`` tree, a folder of notebooks, or one notebook.

Opens nothing but folders; what is in a file is for the grader to find out.
"""

import datetime as dt
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from autograder.course import Course
from autograder.errors import UsageError


@dataclass(frozen=True)
class Submitted:
    """One submission on disk.

    Attributes
    ----------
    folder : str
        Its folder below the results, with forward slashes.
    timestamp : datetime or None
        When it was submitted, as nbgrader's ``timestamp.txt`` says.
    """

    student: str
    assignment: str
    path: Path
    folder: str
    timestamp: dt.datetime | None = None


def find(course: Course, paths: Sequence[Path], assignment: str | None) -> list[Submitted]:
    """Return the submissions below these paths, sorted by assignment and student.

    Parameters
    ----------
    assignment : str or None
        Only this one; needed where the paths do not say which it is.

    Raises
    ------
    UsageError
        If a path does not exist, holds no submission, or leaves the assignment open.
    """
    known = course.assignments()
    if assignment is not None:
        course.source_notebook(assignment)  # an unknown name is told at once
    found: list[Submitted] = []
    for path in paths:
        if not os.path.lexists(path):
            raise UsageError(f"{path} does not exist. Name a folder of submissions or a notebook.")
        here = list(_tree(path, [assignment] if assignment else known)) if path.is_dir() else []
        if not here:
            here = list(_flat(path, assignment or _only(known, path)))
        if not here:
            raise UsageError(f"{path} holds no notebook (*.ipynb), and is no nbgrader folder of submissions either.")
        found += here
    twice = (
        {s.folder for s in found if sum(other.folder == s.folder for other in found) > 1} if len(paths) > 1 else set()
    )
    if twice:
        raise UsageError(f"Two submissions would have the same results folder: {', '.join(sorted(twice))}.")
    return sorted(found, key=lambda s: (s.assignment, s.student))


def _only(known: Sequence[str], path: Path) -> str:
    """Return the assignment that a plain folder or file must be for."""
    if path.suffix == ".ipynb" and path.stem in known:
        return path.stem
    if len(known) == 1:
        return known[0]
    raise UsageError(f"Which assignment is {path} for? Say --assignment NAME; known are: {', '.join(known) or 'none'}.")


def _tree(root: Path, names: Sequence[str]) -> Iterator[Submitted]:
    """Yield the submissions of an nbgrader tree: ``root/<student>/<assignment>/<assignment>.ipynb``."""
    for student in _folders(root):
        for name in names:
            folder = student / name
            if not os.path.lexists(folder):
                continue
            yield Submitted(
                _text(student.name),
                name,
                _notebook_in(folder, name),
                f"{name}/{safe_name(student.name)}",
                _timestamp(folder),
            )


def _notebook_in(folder: Path, name: str) -> Path:
    """Return the notebook in a submission's folder: by its name, else the only one; else where it should be."""
    expected = folder / f"{name}.ipynb"
    if os.path.lexists(expected) or folder.is_symlink() or not folder.is_dir():
        return expected
    others = sorted(folder.glob("*.ipynb"))
    return others[0] if len(others) == 1 else expected


def _flat(path: Path, assignment: str) -> Iterator[Submitted]:
    """Yield the notebooks in a folder, or the one named; the student is the file's stem."""
    files = sorted(p for p in path.iterdir() if p.suffix == ".ipynb") if path.is_dir() else [path]
    for file in files:
        yield Submitted(_text(file.stem), assignment, file, safe_name(file.stem))


def _folders(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.is_symlink() and not p.name.startswith("."))


def _text(name: str) -> str:
    """Return a file's name as text that can be written anywhere; bytes that are no UTF-8 shown escaped."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def safe_name(name: str) -> str:
    """Return a folder name for a student that cannot lead anywhere else, distinct for distinct students."""
    quoted = quote(os.fsencode(name), safe=" +,=@()")
    return "%2E" + quoted[1:] if quoted.startswith(".") else quoted


def _timestamp(folder: Path) -> dt.datetime | None:
    """Return the time in nbgrader's ``timestamp.txt``; None where there is none that can be read."""
    path = folder / "timestamp.txt"
    try:
        if path.is_symlink() or not path.is_file():
            return None
        text = path.read_text(encoding="utf-8")[:100].strip()
    except (OSError, ValueError):
        return None
    try:  # nbgrader writes the zone's name, or its offset after a blank
        time = dt.datetime.fromisoformat(re.sub(r"\s+(?=[+-]\d{4}$)", "", text.removesuffix("UTC").strip()))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)
