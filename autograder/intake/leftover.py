"""Says what lies beside the submissions and was not taken for one: nothing that was handed in is passed over unseen."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from autograder.course import Course
from autograder.intake.files import listed
from autograder.intake.submitted import Submitted, is_notebook, text

_NAMED = 8  # names in one sentence
_OURS = frozenset(["timestamp.txt", "gradebook.db"])


def passed_over(course: Course, paths: Sequence[Path], found: Sequence[Submitted]) -> list[str]:
    """Return one sentence for each folder in which something was passed over.

    Parameters
    ----------
    paths : sequence of Path
        What was to be graded.
    found : sequence of Submitted
        What was taken. Who handed in nothing at all is no news; a file that nobody looked at is.
    """
    sentences = []
    for path in paths:
        here = [s for s in found if path == (s.root or s.path.parent)] if path.is_dir() else []
        if not here or any(
            "download" in s.way for s in here
        ):  # in a platform's folder all that is there is a student's
            continue
        try:
            left = sorted(_beside(path, here, course.assignments()))
        except OSError:
            continue
        if left:
            more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
            names = ", ".join(f"'{text(name)[:80]}'" for name in left[:_NAMED])
            sentences.append(
                f"{text(os.fspath(path))}: {names}{more}: no submission of a known assignment, passed over."
            )
    return sentences


def _beside(root: Path, here: Sequence[Submitted], known: Sequence[str]) -> Iterator[str]:
    """Yield what lies in a folder and is no submission; of a folder, with a slash at its end."""
    in_folders = {s.path.relative_to(root).parts[0] for s in here if s.root is not None}
    taken = in_folders | {s.path.name for s in here}
    tree = any(s.root is not None and not s.way for s in here)
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _OURS:
                continue
            folder = entry.is_dir()
            if tree and folder and not entry.is_symlink():
                yield from _in_students_folder(Path(entry), known)
            elif entry.name not in taken:
                yield f"{entry.name}/" if folder else entry.name


def _in_students_folder(student: Path, known: Sequence[str]) -> Iterator[str]:
    """Yield folders of an unknown assignment that hold a notebook, and notebooks outside of any."""
    with os.scandir(student) as entries:
        for entry in entries:
            if entry.name in known or entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if _holds_notebook(Path(entry)):
                    yield f"{student.name}/{entry.name}/"
            elif is_notebook(entry.name):
                yield f"{student.name}/{entry.name}"


def _holds_notebook(folder: Path) -> bool:
    try:
        return bool(listed(folder)[0])
    except OSError:
        return True  # nobody knows, so it is said
