"""Finds the notebooks in a folder of git clones, one for each student.

What is graded is the working tree, as it was checked out. No git command is run: a clone's own configuration could
name any program, and its objects are a student's bytes. Only plain files are looked at, and no link is followed.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from autograder import notebook
from autograder.errors import SubmissionError, UnreadableError
from autograder.intake.files import notebooks_below

_HEAD_CAP = 300  # bytes of a file that names a commit or a branch
_REF = re.compile(r"ref: (refs/heads/[\w.-]+(?:/[\w.-]+)*)")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True)
class Clone:
    """A student's clone: the notebooks in its working tree, the nearest first, and the commit it stands at."""

    folder: Path
    notebooks: tuple[Path, ...]
    commit: str


def is_clone(folder: Path) -> bool:
    """Return whether a folder is a git repository with a working tree."""
    return os.path.lexists(f"{folder}/.git")


def look_into(folder: Path) -> Clone:
    """Return a clone's notebooks and its commit; an empty one where we are not let in."""
    found = sorted(notebooks_below(folder), key=lambda path: (len(path.parts), path))
    return Clone(folder, tuple(found), _commit(folder))


def _commit(folder: Path) -> str:
    """Return the commit that is checked out; empty where two plain files do not say it."""
    head = _line(folder, "HEAD")
    branch = _REF.fullmatch(head)
    if branch and ".." not in branch[1]:
        head = _line(folder, branch[1])
    return head if _COMMIT.fullmatch(head) else ""


def _line(folder: Path, name: str) -> str:
    """Return the one line of a small file in ``.git``; empty where it is none. No link is followed on the way."""
    try:
        content = notebook.read_bytes(folder / ".git" / name, folder)
        return content.decode("ascii").strip() if len(content) <= _HEAD_CAP else ""
    except (SubmissionError, UnreadableError, UnicodeDecodeError):
        return ""
