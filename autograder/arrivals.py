"""Sees what is new or different below folders of submissions, by looking: on any file system, and at little cost.

A look asks for the status of every folder and notebook that is known, and reads only the folders that have changed. No
clock of the machine or of a file server is compared with another: what counts is whether a status is what it was.
"""

import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder import notebook
from autograder.errors import SubmissionError, UnreadableError
from autograder.intake.submitted import is_notebook

SETTLED = 0.25  # seconds for which a file must have stayed as it is
PATIENCE = 10.0  # seconds for which a file that never stays as it is is waited for, before it is looked at all the same
_HALF = 2.0  # the same, for one that does not end as a notebook does: it may be half of one
_DEPTH = 8  # folders below the one that is watched
_YOUNG = 1.0  # seconds for which a folder that has changed is read again: its status may not tell two changes apart
_ROUNDS = 4  # looks in which every folder is looked at once; notebooks are looked at every time
_END = 64  # bytes of a notebook's end that are looked at
_END_OF_ZIP = b"PK\x05\x06"
_OTHERS = frozenset(["timestamp.txt"])  # nbgrader's own, which says when something was handed in

_Status = tuple[int, int, int]


class Tree:
    """What lies below some paths, as it was at the last look."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Look for the first time.

        Parameters
        ----------
        paths : iterable of Path
            Folders, notebooks, archives.
        """
        self._files: dict[str, _Status] = {}
        self._folders: dict[str, int] = {}
        self._depth: dict[str, int] = {}
        self._young: dict[str, float] = {}
        self._round = 0
        self._roots = [os.fspath(path) for path in paths]
        for path in self._roots:
            self._add(path, 0)

    def look(self) -> bool:
        """Look again; return whether a notebook has come, has changed, or has gone."""
        changed = False
        self._round += 1
        now = time.monotonic()
        for path in [*self._due(), *self._young, *(root for root in self._roots if root in self._folders)]:
            changed |= self._look_into(path, now)
        for path, known in list(self._files.items()):
            status = status_of(path)
            if status != known:
                changed = True
                if status is None:
                    self._files.pop(path, None)
                else:
                    self._files[path] = status
        for root in self._roots:
            if root not in self._files and root not in self._folders:
                changed |= self._add(root, 0)
        return changed

    def _due(self) -> Iterator[str]:
        """Yield the folders whose turn it is."""
        for number, path in enumerate(list(self._folders)):
            if number % _ROUNDS == self._round % _ROUNDS:
                yield path

    def _look_into(self, path: str, now: float) -> bool:
        """Look at one folder, and read it if it is not what it was; return whether that brought anything."""
        if path not in self._folders:
            self._young.pop(path, None)
            return False
        try:
            modified = os.lstat(path).st_mtime_ns
        except OSError:
            self._forget(path)
            return False  # the notebooks in it are missed by themselves
        if modified != self._folders[path]:
            self._young[path] = now + _YOUNG
        elif path not in self._young:
            return False
        elif self._young[path] < now:
            del self._young[path]
        self._folders[path] = modified
        return self._read(path)

    def _read(self, path: str) -> bool:
        """Read a folder; return whether it holds something that was not known."""
        new = False
        try:
            with os.scandir(path) as found:
                for entry in found:
                    if entry.path not in self._files and entry.path not in self._folders:
                        new |= self._add(entry.path, self._depth[path] + 1)
        except OSError:
            self._forget(path)
        return new

    def _add(self, path: str, depth: int) -> bool:
        """Take in a path and what is below it; return whether that is a notebook, or a folder that holds one."""
        name = os.path.basename(path)  # noqa: PTH119  of thousands of paths
        if depth and name.startswith("."):
            return False
        try:
            status = os.lstat(path) if depth else os.stat(path)  # noqa: PTH116  likewise
        except OSError:
            return False
        if stat.S_ISDIR(status.st_mode):
            if depth > _DEPTH:
                return False
            self._folders[path], self._depth[path] = status.st_mtime_ns, depth
            self._young[path] = time.monotonic() + _YOUNG
            return self._read(path)
        if depth and not is_notebook(name) and name not in _OTHERS:
            return False
        self._files[path] = _told(status)
        return True

    def _forget(self, path: str) -> None:
        for known in (self._folders, self._depth, self._young):
            known.pop(path, None)

    def __len__(self) -> int:
        return len(self._files)


@dataclass(frozen=True)
class Arrival:
    """A file that is waited for no longer.

    Attributes
    ----------
    sha256 : str
        Of its bytes; empty where they cannot be read, or are too many to be read here.
    is_settled : bool
        Whether it has stayed as it is. If not, it was written to again and again until patience was at an end.
    """

    sha256: str
    is_settled: bool = True


@dataclass
class _Waiting:
    """A file that is waited for: what it was at the last look, and since when its bytes are what they are."""

    status: _Status | None
    since: float
    patience_ends: float
    sha256: str = ""


class Settling:
    """What has arrived and is waited for, each file for itself, until it has stayed as it is for a while.

    A file that is only touched, or written again with the same bytes, stays as it is.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, path: Path) -> None:
        """Wait for a file; one that is waited for already has its time, whatever happens to others."""
        now = time.monotonic()
        self._waiting.setdefault(os.fspath(path), _Waiting(status_of(path), now, now + PATIENCE))

    def settled(self) -> dict[str, Arrival]:
        """Return the files that are waited for no longer; what has gone is none of them."""
        done = {}
        now = time.monotonic()
        for path, waiting in list(self._waiting.items()):
            status = status_of(path)
            if status is None:
                if waiting.status is None:
                    del self._waiting[path]
                waiting.status, waiting.since, waiting.sha256 = None, now, ""
                continue
            if status != waiting.status:
                sha256 = _digest(path)
                if not sha256 or sha256 != waiting.sha256:
                    waiting.since = now
                waiting.status, waiting.sha256 = status, sha256
            is_settled = now - waiting.since >= (SETTLED if _looks_whole(path) else _HALF)
            if is_settled or now >= waiting.patience_ends:
                del self._waiting[path]
                done[path] = Arrival(waiting.sha256 or _digest(path), is_settled)
        return done


def _digest(path: str) -> str:
    try:
        return notebook.digest(notebook.read_bytes(Path(path)))
    except (SubmissionError, UnreadableError):
        return ""


def status_of(path: str | Path) -> _Status | None:
    """Return what tells whether a file is what it was; None where there is none."""
    try:
        return _told(os.lstat(path))
    except OSError:
        return None


def _told(status: os.stat_result) -> _Status:
    return status.st_mtime_ns, status.st_size, status.st_ino


def _looks_whole(path: str) -> bool:
    """Return whether a file ends as a notebook or an archive does, or is something else than a file."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return True
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _END))
            end = file.read(_END)
            return end.rstrip().endswith(b"}") or _END_OF_ZIP in end
    except OSError:
        return True
