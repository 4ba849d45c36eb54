"""Control groups, version 2: limits on what a guest's threads use together, where a writable subtree can be had.

The host makes one group for each guest and hands over an open ``cgroup.procs``; the guest moves itself into the group
by writing to it, and closes it. No path of the hierarchy is in a guest's root. See the kernel's
``Documentation/admin-guide/cgroup-v2.rst``.
"""

import contextlib
import itertools
import os
from pathlib import Path
from typing import Self

NEEDED = ("memory", "pids")
_SLACK = 64 << 20  # bytes beyond the limit of address space: then Python's own MemoryError comes first
_PIDS = 64  # threads of one guest
_PERIOD = 100_000  # microseconds of processor time in as many of the clock: one core

_numbers = itertools.count()


def delegated() -> Path | None:
    """Return a group below which groups with the limits needed can be made; None where there is none.

    Only the unified hierarchy counts. A group with processes in it cannot limit its children, so this process moves
    into a child of its own where that is needed; if others are left beside it, there is no subtree to be had.
    """
    try:
        own = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
        base = Path(next(mount[1] for mount in mounts if mount[2] == "cgroup2") + own.removeprefix("0::"))
        if not set(NEEDED) <= set((base / "cgroup.controllers").read_text().split()):
            return None
        if not set(NEEDED) <= set((base / "cgroup.subtree_control").read_text().split()):
            _delegate(base)
        with Group.make(base, 1 << 30):
            return base
    except (OSError, StopIteration):
        return None


def _delegate(base: Path) -> None:
    """Switch the limits on for the children of a group that we may be in ourselves."""
    wanted = " ".join(f"+{name}" for name in NEEDED)
    try:
        (base / "cgroup.subtree_control").write_text(wanted)
    except OSError:
        host = base / "autograder-host"
        host.mkdir(exist_ok=True)
        (host / "cgroup.procs").write_text(str(os.getpid()))
        (base / "cgroup.subtree_control").write_text(wanted)


class Group:
    """A group for one guest; a context manager that removes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.procs = os.open(path / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)

    @classmethod
    def make(cls, base: Path, memory: int) -> Self:
        """Make a group below another.

        Parameters
        ----------
        memory : int
            Bytes that the guest may use.

        Raises
        ------
        OSError
            If a limit cannot be set: a group without it would be worth nothing.
        """
        path = base / f"autograder-guest-{os.getpid()}-{next(_numbers)}"
        path.mkdir()
        limits = {"memory.max": memory + _SLACK, "pids.max": _PIDS}
        try:
            for name, value in limits.items():
                if name.partition(".")[0] in NEEDED:
                    (path / name).write_text(str(value))
            for name, more in (("memory.swap.max", "0"), ("cpu.max", f"{_PERIOD} {_PERIOD}")):
                with contextlib.suppress(OSError):  # not every kernel has swap, not every subtree the processor
                    (path / name).write_text(more)
            return cls(path)
        except BaseException:
            path.rmdir()
            raise

    def close(self) -> None:
        """Close our descriptor; the guest has its own copy."""
        if self.procs >= 0:
            os.close(self.procs)
            self.procs = -1

    def remove(self) -> bool:
        """Remove the group, if nobody is in it any more; return whether it has gone."""
        self.close()
        try:
            self._path.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()
