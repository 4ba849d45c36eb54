"""Holds a results folder for one process at a time, and says to another one who has it.

The lock is the kernel's (flock), and ends with its process, however that ends. The file that bears it also says who
holds it; when the lock is gone, what the file says means nothing, and it is in nobody's way.
"""

import contextlib
import datetime as dt
import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from autograder.errors import UsageError

FILE = ".lock"  # in the results folder
_LONGEST = 2000  # bytes of it that are read
_DYING = 2.0  # seconds that processes of a killed run may take to end
_PAUSE = 0.05
_UNLOCKABLE = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})


class Hold:
    """The right to write to a results folder; to be had by one process at a time, until `release` or its end."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._handle = -1
        # a forked worker must not go on holding what its coordinator held
        os.register_at_fork(after_in_child=self._forget)

    def take(self, command: str) -> str:
        """Take it.

        Parameters
        ----------
        command : str
            What it is needed for, for whoever asks next.

        Returns
        -------
        str
            What is to be said where the file system knows no locks; empty where it does.

        Raises
        ------
        UsageError
            If somebody else has it: who, where, since when, for what. Nothing has been done then.
        """
        if self._handle >= 0:
            return ""
        deadline = time.monotonic() + _DYING
        while True:
            try:
                handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
            except OSError as error:
                raise UsageError(f"{self._path} cannot be written to: {error.strerror}.") from error
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _holder(handle)
                os.close(handle)
                # the coordinator was killed a moment ago, and its workers are still about to end
                if not _is_dead(holder) or time.monotonic() > deadline:
                    raise UsageError(self._held_by(holder)) from None
                time.sleep(_PAUSE)
                continue
            except OSError as error:
                os.close(handle)
                if error.errno not in _UNLOCKABLE:
                    raise UsageError(f"{self._path} cannot be locked: {error.strerror}.") from error
                return (
                    f"The file system of {self._path.parent} knows no locks ({error.strerror}): "
                    "see to it that no other run writes there at the same time."
                )
            if self._is_current(handle):
                break
            os.close(handle)  # another run ended, and took the file with it, between our two steps
        self._handle = handle
        since = dt.datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        about = {"pid": os.getpid(), "host": socket.gethostname(), "since": since, "command": command}
        os.truncate(handle, 0)
        os.pwrite(handle, json.dumps(about).encode() + b"\n", 0)
        return ""

    def release(self) -> None:
        """Give it back, and take the file away."""
        if self._handle < 0:
            return
        with contextlib.suppress(OSError):
            self._path.unlink()  # while it is ours: whoever has opened it meanwhile sees that it is no longer there
        self._forget()

    def _forget(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _is_current(self, handle: int) -> bool:
        """Return whether the file that we hold is the one that the next will open."""
        ours = os.fstat(handle)
        try:
            there = self._path.stat(follow_symlinks=False)
        except FileNotFoundError:
            return False
        return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)

    def _held_by(self, holder: dict[str, object]) -> str:
        who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')}"
        command = f", `{holder['command']}`" if holder.get("command") else ""
        return (
            f"Another run is writing to {self._path.parent}: {who}, since {holder.get('since', '?')}{command}. "
            "Wait for it to end, or name another folder with --out."
        )


@contextlib.contextmanager
def held(folder: Path, command: str) -> Iterator[str]:
    """Hold a results folder for a while; see `Hold.take`."""
    hold = Hold(folder)
    remark = hold.take(command)
    try:
        yield remark
    finally:
        hold.release()


def _holder(handle: int) -> dict[str, object]:
    """Return what the file says of who holds it; what is no such thing is as good as nothing."""
    try:
        found = json.loads(os.pread(handle, _LONGEST, 0))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {key: "".join(c for c in str(value) if c.isprintable()) for key, value in found.items()}


def _is_dead(holder: dict[str, object]) -> bool:
    """Return whether the process that the file names has ended: only then is it worth a while of waiting."""
    pid = str(holder.get("pid", ""))
    if holder.get("host") != socket.gethostname() or not pid.isdecimal():
        return not holder  # just taken, and not yet written down: a moment later it says who
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
