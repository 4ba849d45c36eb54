"""Finds the notebooks in a folder of git clones, one for each student.

What is graded is the working tree, as it was checked out. No git command is run: a clone's own configuration could
name any program, and its objects are a student's bytes. Only plain files are looked at, and no link is followed.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder import notebook
from autograder.errors import SubmissionError
from autograder.intake.platforms import is_notebook

FILES_CAP = 20_000  # entries of one clone that are looked at
_DEPTH = 6  # folders below a clone
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
    found = sorted(_notebooks(folder), key=lambda path: (len(path.parts), path))
    return Clone(folder, tuple(found), _commit(folder))


def _notebooks(folder: Path) -> Iterator[Path]:
    """Yield the notebooks below a folder, without links, hidden folders, and more than anybody checks in."""
    waiting = [(folder, 0)]
    left = FILES_CAP
    while waiting:
        here, depth = waiting.pop(0)
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    left -= 1
                    if left < 0:
                        return
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if depth < _DEPTH:
                            waiting.append((here / entry.name, depth + 1))
                    elif is_notebook(entry.name):
                        yield here / entry.name
        except OSError:
            continue


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
    except (SubmissionError, UnicodeDecodeError):
        return ""
