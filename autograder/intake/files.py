"""Looks for notebooks in a student's folder; follows no link, and looks at no more than anybody hands in."""

import os
from collections.abc import Iterator
from pathlib import Path

from autograder.intake.submitted import is_notebook

FILES_CAP = 20_000  # entries of one student's folder that are looked at
_DEPTH = 6  # folders below it
_SYSTEMS = frozenset(["__MACOSX"])


def notebooks_below(folder: Path) -> Iterator[Path]:
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
                    if entry.name.startswith(".") or entry.name in _SYSTEMS:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if depth < _DEPTH:
                            waiting.append((here / entry.name, depth + 1))
                    elif is_notebook(entry.name):
                        yield here / entry.name
        except OSError:
            continue


def listed(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of the notebooks directly in a folder, and of what else is there; hidden files left out.

    Raises
    ------
    OSError
        If we are not let in.
    """
    with os.scandir(folder) as found:
        names = sorted(entry.name for entry in found)
    others = [name for name in names if not is_notebook(name) and not name.startswith(".") and name not in _SYSTEMS]
    return [name for name in names if is_notebook(name)], others


def folders_of(root: Path) -> list[Path]:
    """Return the folders in a folder that may be students'."""
    with os.scandir(root) as found:
        return [root / name for name in sorted(entry.name for entry in found if _is_students(entry))]


def _is_students(entry: os.DirEntry[str]) -> bool:
    """Return whether this is a student's folder in a tree; a link that leads nowhere is nobody's, and stops nobody."""
    if entry.name.startswith(".") or entry.name.endswith(".ipynb"):
        return False
    try:
        return entry.is_dir()
    except OSError:
        return False
