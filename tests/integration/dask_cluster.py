"""A Dask cluster on the loopback interface for tests: a scheduler and workers, each a process that can be killed."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import psutil

import autograder

_DASK = str(Path(sys.executable).with_name("dask"))
_START_SECONDS = 90.0  # on a machine that does much else

# What every worker loads first: some students' submissions kill the worker that grades them, as running out of memory
# would, all of the time or once.
_PRELOAD = """
import os, signal
from pathlib import Path
from autograder import run

def dask_setup(worker):
    grade_one = run.grade_one

    def deadly(setting, job):
        once = Path(os.environ["DEADLY"], job.student)
        if job.student == "deadly" or (job.student == "unlucky" and not once.exists()):
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if job.student == "faulty":
            raise RecursionError
        return grade_one(setting, job)

    run.grade_one = deadly
"""


class Cluster:
    """A scheduler and its workers; a context manager that leaves no process behind.

    Workers are of three kinds: ``good``, ``other`` (another version of this package), ``bare`` (no namespaces to be
    had).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._workers: dict[str, list[subprocess.Popen[bytes]]] = {"good": [], "other": [], "bare": []}
        self._count = 0
        self._preload = folder / "preload.py"
        self._preload.write_text(_PRELOAD)
        self._other = folder / "other"
        shutil.copytree(
            Path(autograder.__file__).parent, self._other / "autograder", ignore=shutil.ignore_patterns("__pycache__")
        )
        with (self._other / "autograder" / "grade.py").open("a") as file:
            file.write("# changed\n")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler = self._run("scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard")

    def _run(self, *command: str, before: tuple[str, ...] = (), **environment: str) -> subprocess.Popen[bytes]:
        self._count += 1
        log = self._folder / f"{self._count}-{command[0]}.log"
        with log.open("wb") as file:
            return subprocess.Popen(
                [*before, _DASK, *command],
                stdout=file,
                stderr=file,
                cwd=self._folder,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment},
            )

    def have(self, good: int = 0, other: int = 0, bare: int = 0) -> None:
        """Start and kill workers until there are so many of each kind, all known to the scheduler."""
        for kind, count in (("good", good), ("other", other), ("bare", bare)):
            alive = [process for process in self._workers[kind] if process.poll() is None]
            for process in alive[count:]:
                kill(process)
            self._workers[kind] = alive[:count] + [self._start(kind) for _ in range(count - len(alive))]
        self.wait_for(good + other + bare)

    def _start(self, kind: str) -> subprocess.Popen[bytes]:
        self._count += 1
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", f"{kind}-{self._count}")
        command = ("worker", self.address, *options, "--local-directory", str(self._folder / f"scratch-{self._count}"))
        if kind == "other":
            return self._run(*command, PYTHONPATH=str(self._other))
        if kind == "bare":
            limit = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
            return self._run(*command, before=("unshare", "--user", "--map-root-user", "sh", "-c", limit, "sh"))
        return self._run(*command, "--preload", str(self._preload), DEADLY=str(self._folder))

    def wait_for(self, count: int) -> None:
        """Wait until the scheduler knows of exactly so many workers."""
        from distributed import Client

        deadline = time.monotonic() + _START_SECONDS
        with Client(self.address, timeout=_START_SECONDS, set_as_default=False) as client:
            while len(client.nthreads()) != count:
                assert time.monotonic() < deadline, f"{client.nthreads()}\n{self.log()[-3000:]}"
                time.sleep(0.05)

    def good(self) -> list[subprocess.Popen[bytes]]:
        """Return the good workers that are alive."""
        return [process for process in self._workers["good"] if process.poll() is None]

    def children(self) -> list[str]:
        """Return the command line of every process below a good worker."""
        found = []
        for process in self.good():
            for child in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    found.append(" ".join(child.cmdline()))
        return found

    def log(self) -> str:
        """Return what scheduler and workers have said so far."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self._folder.glob("*.log")))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*(p for workers in self._workers.values() for p in workers), self.scheduler):
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process at once."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()


def reports(out: Path) -> dict[str, dict[str, object]]:
    """Return every report below a folder of results, without the times that it took."""
    found = {}
    for path in out.rglob("report.json"):
        found[path.parent.name] = {k: v for k, v in json.loads(path.read_text()).items() if k != "seconds"}
    return found
