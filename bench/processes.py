"""Runs a command and measures it: seconds, processor time of all that it starts, and the most memory of each kind."""

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 3600.0  # seconds
_SAMPLES = 0.25  # seconds between two looks at the processes: each takes some milliseconds, and they keep a maximum


@dataclass
class Run:
    """What a command took.

    Attributes
    ----------
    seconds : float
        By the clock.
    cpu : float
        Processor time, in user mode and in the kernel, of everything that was started.
    memory : dict of str to int
        The most resident bytes that one process had, by kind: the command itself (``coordinator``), what it forked
        (``worker``), and the sandbox (``sandbox``).
    """

    seconds: float
    cpu: float
    memory: dict[str, int] = field(default_factory=dict)


def run(command: Sequence[str | Path], folder: Path, *, memory: bool = False) -> Run:
    """Run a command in a folder; end everything if it fails."""
    with _group() as group, tempfile.TemporaryFile("w+") as printed:
        before = _waited_for()
        begun = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command], cwd=folder, stdout=printed, stderr=subprocess.STDOUT,
            preexec_fn=None if group is None else lambda: _enter(group),  # noqa: PLW1509  before there are threads
        )  # fmt: skip
        watch = _Watch(process.pid)
        if memory:
            watch.start()
        code = process.wait(PATIENCE)
        seconds = time.perf_counter() - begun
        watch.stop()
        if code:
            printed.seek(0)
            sys.exit(f"{' '.join(map(str, command))} failed in {folder}:\n{printed.read()[-4000:]}")
        cpu = _waited_for() - before if group is None else _used_in(group)
    return Run(seconds, cpu, watch.most)


def _waited_for() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def _group() -> Iterator[Path | None]:
    """Make a control group, which counts also what nobody waits for; None where none can be made."""
    try:
        own = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
        base = Path(next(mount[1] for mount in mounts if mount[2] == "cgroup2") + own.removeprefix("0::"))
        path = base / f"autograder-bench-{os.getpid()}-{time.monotonic_ns()}"
        path.mkdir()
    except (OSError, StopIteration):
        yield None
        return
    try:
        yield path if (path / "cpu.stat").is_file() else None
    finally:
        for _ in range(100):  # what was ended may not have gone yet
            try:
                path.rmdir()
            except OSError:
                time.sleep(0.05)
            else:
                break


def _enter(group: Path) -> None:
    (group / "cgroup.procs").write_text(str(os.getpid()))


def _used_in(group: Path) -> float:
    lines = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
    return int(lines["usage_usec"]) / 1e6


class _Watch(threading.Thread):
    """Looks at the processes below one, again and again, for the most memory that each kind has had."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self._root = root
        self._done = threading.Event()
        self.most: dict[str, int] = {}

    def run(self) -> None:
        """Look until told to stop."""
        while not self._done.wait(_SAMPLES):
            below = {self._root}
            parents = _parents()
            while more := {pid for pid, parent in parents.items() if parent in below} - below:
                below |= more
            for pid in below:
                self._look(pid)

    def _look(self, pid: int) -> None:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        found = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "")
        if not found:
            return
        kind = "sandbox" if b"sandbox.warden" in command else "coordinator" if pid == self._root else "worker"
        self.most[kind] = max(self.most.get(kind, 0), int(found.split()[1]) * 1024)

    def stop(self) -> None:
        """End the looking."""
        self._done.set()
        if self.is_alive():
            self.join()


def _parents() -> dict[int, int]:
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            found[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
    return found
