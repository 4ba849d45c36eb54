"""Runs a command as another user and within limits of the kernel's, as containers and services run one.

::

    python tests/hostile/restricted.py '{"user": "ordinary", "uid": 20000, "nproc": 90, "groups": []}' COMMAND ...

Needs root for all but a limit of processes. What a machine has no means for is said by `missing`, with the reason.
"""

import contextlib
import json
import os
import resource
import signal
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from autograder.sandbox.isolation import CLONE_NEWNS, CLONE_NEWUSER, be_dumpable, call  # noqa: E402
from hostile import ordinary_user  # noqa: E402

USERS = ("root", "ordinary", "rootless")
LIMITS = ("none", "nproc", "pids", "memory", "cpu")
_FILES = {  # of a control group: the limit's file in version 1 and in version 2
    "pids": ("pids.max", "pids.max"),
    "memory": ("memory.limit_in_bytes", "memory.max"),
    "cpu": ("cpu.shares", "cpu.weight"),
}


_SHARE = (1024, 100)  # of a processor: what every group has from the beginning, in version 1 and in version 2


def missing(user: str, limit: str) -> str:
    """Return why this process cannot run a command so; empty where it can."""
    if os.getuid() != 0:
        if user == "root":
            return "only root can run a command as root"
        if limit in _FILES:
            return f"only root can make a control group ({limit})"
        return ""
    if limit in _FILES:
        try:
            with group(limit, 1 << 20):
                pass
        except OSError as error:
            return f"no control group for {limit} is to be had here ({error})"
    return ""


@contextlib.contextmanager
def group(controller: str, limit: int = 0) -> Iterator[Path]:
    """Make a control group of our own below the one that we are in, and remove it; what is left in it is killed.

    In one for processor time the kernel no longer shares by sessions (``autogroup``), but by threads.

    Raises
    ------
    OSError
        If there is none to be had.
    """
    folder, version = _hierarchy(controller)
    made = folder / f"autograder-denial-{uuid.uuid4().hex[:12]}"
    made.mkdir()
    try:
        (made / _FILES[controller][version - 1]).write_text(
            str(_SHARE[version - 1] if controller == "cpu" else limit), encoding="ascii"
        )
        yield made
    finally:
        _remove(made)


def _hierarchy(controller: str) -> tuple[Path, int]:
    """Return our own group in a controller's hierarchy, and the version."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()]
    for _, names, path in groups:
        if controller in names.split(","):
            base = next(mount[1] for mount in mounts if mount[2] == "cgroup" and controller in mount[3].split(","))
            own = Path(base + path)
            return (own if own.is_dir() else Path(base)), 1
    base = next((mount[1] for mount in mounts if mount[2] == "cgroup2"), None)
    own = Path((base or "/nowhere") + next((path for number, _, path in groups if number == "0"), "/"))
    if controller not in (own / "cgroup.controllers").read_text(encoding="utf-8").split():
        raise OSError(f"{own} has no {controller} to give")
    if controller not in (own / "cgroup.subtree_control").read_text(encoding="utf-8").split():
        (own / "cgroup.subtree_control").write_text(f"+{controller}")
    return own, 2


def _remove(made: Path) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError):
            made.rmdir()
            return
        with contextlib.suppress(OSError):
            for pid in (made / "cgroup.procs").read_text(encoding="utf-8").split():
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.05)
    made.rmdir()


def uid() -> int:
    """Return a user that nobody else is: what is counted for a user is then counted for this command alone."""
    if os.getuid() != 0:
        return os.getuid()
    wanted = 20_000 + os.getpid() % 20_000
    ranges = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text("ascii").splitlines()]
    return wanted if any(first <= wanted < first + count for first, _, count in ranges) else ordinary_user.UID


def become(user: str, number: int) -> None:
    """Make this process an ordinary user's, or that user's root in a namespace with one id."""
    if user == "root":
        return
    if os.getuid() == 0:
        ordinary_user.uncover([Path(sys.base_prefix), Path(sys.prefix), ROOT])
        os.setgroups([])
        os.setresgid(number, number, number)
        os.setresuid(number, number, number)
    os.umask(0o022)
    if user == "rootless":
        inside = os.getuid(), os.getgid()
        call("unshare", CLONE_NEWUSER | CLONE_NEWNS)
        be_dumpable(True)  # noqa: FBT003  who changes ids is not, and then its own files in /proc are shut
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {inside[0]} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {inside[1]} 1", encoding="ascii")


def threads_of(number: int) -> int:
    """Return how many threads a user has now."""
    count = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError, StopIteration):
            lines = status.read_text(encoding="utf-8", errors="replace").splitlines()
            if int(next(line for line in lines if line.startswith("Uid:")).split()[1]) == number:
                count += int(next(line for line in lines if line.startswith("Threads:")).split()[1])
    return count


def main() -> None:
    """Take on the limits and the user, and then become the command."""
    wanted: Mapping[str, object] = json.loads(sys.argv[1])
    for folder in wanted["groups"]:  # type: ignore[attr-defined]
        Path(folder, "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
    number = int(str(wanted["uid"]))
    become(str(wanted["user"]), number)
    if wanted.get("nproc"):
        most = int(str(wanted["nproc"])) + threads_of(number)
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
    os.chdir(ROOT)  # again, by its path: the folder that we were in may be a covered one
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  the command is our own test's


if __name__ == "__main__":
    main()
