"""Puts files and folders in their places whole or not at all, and sweeps away what a killed process left half made."""

import contextlib
import ctypes
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

_PREFIX = ".new-"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextlib.contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Make a folder in another one for what is not complete yet; it is gone afterwards.

    It is locked as long as its process lives, so that `sweep` can tell it from what nobody will complete any more.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=_PREFIX) as name:
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(OSError):  # a file system without locks: nothing is swept there
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield Path(name)  # TemporaryDirectory does not mind if it has been put elsewhere meanwhile
        finally:
            os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what killed processes have left in a folder; what somebody is still working on stays."""
    try:
        with os.scandir(folder) as found:
            names = [entry.path for entry in found if entry.name.startswith(_PREFIX) and entry.is_dir()]
    except OSError:
        return
    for name in names:
        with contextlib.suppress(OSError):
            handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(name, ignore_errors=True)
            finally:
                os.close(handle)


def write(target: Path, pieces: Iterable[str]) -> None:
    """Write a file; the old one stays until the new one is complete.

    Raises
    ------
    OSError, UnicodeError
        If the disk does not take it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with scratch(target.parent) as folder:
        fresh = folder / target.name
        fill(fresh, pieces)
        fresh.chmod(0o644)
        fresh.replace(target)


def fill(path: Path, pieces: Iterable[str]) -> None:
    """Write text piece by piece, as UTF-8, its line ends as they are."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(pieces)


def put(fresh: Path, target: Path) -> None:
    """Put a complete file or folder in a target's place; what was there is left where the new one was, or removed.

    Raises
    ------
    OSError
        If it cannot be done; the old one stands then.
    """
    if not os.path.lexists(target):
        fresh.rename(target)
        return
    if exchange(fresh, target):
        return
    # a file system that cannot exchange two names: there is a moment without the old one, none with half of the new
    with scratch(target.parent) as spare:
        old = spare / "old"
        target.rename(old)
        try:
            fresh.rename(target)
        except OSError:
            old.rename(target)
            raise


def exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where this system or its file system cannot."""
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    if renameat2 is None:
        return False
    return bool(renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)
