"""Grades one class on one road, with everything that belongs to it below this process, and writes down how it went.

::

    python tests/hostile/denial_roads.py '{"road": "pool", "folder": "...", "workers": 2, "limits": {...}, ...}'

A process of its own, so that the user and the limits that it is given (see `restricted`) hold for all of a road: the
command, its workers, a scheduler. What outlives its parent becomes a child of this process, and is told.
"""

import contextlib
import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
ROADS = ("pool", "dask", "nbgrader", "gradescope", "watch")
FORMATS = "csv,junit,jsonl,github"
_PR_SET_CHILD_SUBREAPER = 36
_LAUNCHER = "json.loads(control.recv"  # in the arguments of a sandbox's first process: what is below it is no host
_SETTLING = 10.0  # seconds for the kernel to take processes apart
_SHORT_LIMITS = """
import dataclasses
from autograder.sandbox.limits import Limits
given = {given!r}
Limits.__init__.__defaults__ = tuple(given.get(f.name, f.default) for f in dataclasses.fields(Limits))
"""


@dataclass
class Outcome:
    """How a road ended.

    Attributes
    ----------
    codes : list of int
        The exit code of each command.
    said : str
        What the commands printed.
    peak : int
        Bytes of memory of the largest process that holds grades: a command, or one of its workers.
    tasks : int
        The most processes and threads that were seen at a time.
    used, others : float
        Seconds of processor time: of this road, and of everything else on the machine meanwhile.
    processes, folders : list of str
        What is left.
    """

    codes: list[int] = field(default_factory=list)
    said: str = ""
    seconds: float = 0.0
    peak: int = 0
    tasks: int = 0
    used: float = 0.0
    others: float = 0.0
    processes: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)


class Road:
    """One road: a course's folder, and how its class is graded there."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        """Lay out what commands need beside the course.

        Parameters
        ----------
        plan : mapping
            ``road``, ``folder`` (with the course in it), ``workers``, ``limits`` (of a submission), ``late`` (students
            that come when the others have been graded), ``seconds`` (after which it is given up), ``assignment``.
        """
        self.plan = plan
        self.folder = Path(plan["folder"])
        self.course = self.folder / "course"
        self.name = str(plan["assignment"])
        self.temporary = self.folder / "tmp"
        short = self.folder / "short"
        for made in (self.temporary, self.folder / "home", short):
            made.mkdir()
        if plan["limits"]:
            (short / "sitecustomize.py").write_text(_SHORT_LIMITS.format(given=plan["limits"]), encoding="utf-8")
        self.environment = {
            "PATH": f"{BIN}:{os.defpath}:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "HOME": str(self.folder / "home"),
            "IPYTHONDIR": str(self.folder / "home" / "ipython"),
            "LOGNAME": "somebody",
            "USER": "somebody",
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": str(short),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "AUTOGRADER_SECRET": "a secret for tests of a class, and only for them",
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
        }
        self.end = time.monotonic() + float(plan["seconds"])
        self.outcome = Outcome()
        self._count = 0

    def run(self) -> Outcome:
        """Grade the class."""
        getattr(self, str(self.plan["road"]))()
        return self.outcome

    # ---------------------------------------------------------------------------------------------------- the roads

    def pool(self) -> None:
        """``autograder grade`` with workers of its own."""
        self._command([BIN / "autograder", "grade", *self._workers(), "--format", FORMATS])

    def dask(self) -> None:
        """``autograder grade --scheduler``, with a scheduler and workers here."""
        sys.path.insert(0, str(ROOT / "tests" / "integration"))
        from dask_cluster import Cluster

        os.environ.clear()
        os.environ.update(self.environment)
        place = self.folder / "cluster"
        place.mkdir()
        with Cluster(place) as cluster:
            cluster.have(good=int(self.plan["workers"]))
            self._command([BIN / "autograder", "grade", "--scheduler", cluster.address, "--format", FORMATS])

    def nbgrader(self) -> None:
        """``nbgrader autograde``."""
        self._command([BIN / "nbgrader", "autograde", self.name])

    def watch(self) -> None:
        """``autograder grade --watch``: some are there, others come."""
        submitted, waiting = self.course / "submitted", self.folder / "waiting"
        waiting.mkdir()
        for student in self.plan["late"]:
            (submitted / student).rename(waiting / student)
        process, output = self._started([BIN / "autograder", "grade", "--watch", *self._workers(), "--format", FORMATS])
        while b"Watching " not in output.read_bytes() and self._goes_on(process):
            time.sleep(0.05)
        for student in self.plan["late"]:
            (waiting / student).rename(submitted / student)
        everybody = {folder.name for folder in submitted.iterdir()}
        while not everybody <= self._reported() and self._goes_on(process):
            time.sleep(0.05)
        time.sleep(1.0)  # the class's pages and scores.csv follow the last report
        process.send_signal(signal.SIGINT)
        self._ended(process, output)

    def gradescope(self) -> None:
        """Lay out a container for each student as Gradescope does; run as many at a time as there are to be workers."""
        self._command([BIN / "autograder", "release", "--gradescope", self.name], counted=False)
        packed = self.course / ".autograder" / "gradescope" / f"{self.name}.zip"
        students = sorted(folder.name for folder in (self.course / "submitted").iterdir())
        with ThreadPoolExecutor(int(self.plan["workers"])) as several:
            list(several.map(lambda student: self._container(packed, student), students))

    def _container(self, packed: Path, student: str) -> None:
        place = self.folder / "containers" / student
        source = place / "source"
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(source)
        shutil.copy(source / "run_autograder", place)
        (place / "run_autograder").chmod(0o755)
        shutil.copy(self.folder / "short" / "sitecustomize.py", source / "grader")
        python = place / "venv" / "bin" / "python"  # stands for the environment that setup.sh makes
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
        python.chmod(0o755)
        shutil.copytree(self.course / "submitted" / student / self.name, place / "submission")
        metadata = {"id": 1, "users": [{"email": student, "id": 1}]}
        (place / "submission_metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
        self._command([place / "run_autograder"], cwd=place)

    # ---------------------------------------------------------------------------------------------------- commands

    def _workers(self) -> tuple[str, str]:
        return "--workers", str(self.plan["workers"])

    def _started(self, command: Sequence[str | Path], cwd: Path | None = None) -> tuple[subprocess.Popen[bytes], Path]:
        self._count += 1
        output = self.folder / f"said-{self._count}-{Path(command[0]).parent.name}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*map(str, command)], cwd=cwd or self.course, env=self.environment, stdout=file, stderr=file,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        return process, output

    def _goes_on(self, process: subprocess.Popen[bytes]) -> bool:
        return process.poll() is None and time.monotonic() < self.end

    def _ended(self, process: subprocess.Popen[bytes], output: Path, *, counted: bool = True) -> None:
        """Wait for a command; one that is not done in time is ended, and told as -999."""
        try:
            code = process.wait(max(0.0, self.end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = -999
        if counted or code:
            self.outcome.codes.append(code)
        self.outcome.said += output.read_text(encoding="utf-8", errors="replace")

    def _command(self, command: Sequence[str | Path], cwd: Path | None = None, *, counted: bool = True) -> None:
        process, output = self._started(command, cwd)
        self._ended(process, output, counted=counted)

    def _reported(self) -> set[str]:
        return {path.parent.name for path in (self.course / "results").glob("*/*/report.json")}


# -------------------------------------------------------------------------------------------------------- measuring


def below(pid: int) -> dict[int, str]:
    """Return the living processes below one, at any depth, each with its arguments."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = status.read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()[:2]
            if state != "Z":
                parents[int(status.parent.name)] = int(parent)
    found: dict[int, str] = {}
    while more := [p for p, parent in parents.items() if p not in found and parent in {pid, *found}]:
        for one in more:
            found[one] = ""
            with contextlib.suppress(OSError):
                arguments = Path(f"/proc/{one}/cmdline").read_bytes()
                found[one] = arguments.replace(b"\0", b" ").decode(errors="replace")
    return found


def measure(outcome: Outcome, stop: threading.Event) -> None:
    """Note the memory of processes that hold grades, and how many tasks there are, until it is to stop."""
    own = os.getpid()
    while not stop.wait(0.1):
        everything = below(own)
        sandboxes = {pid for pid, arguments in everything.items() if _LAUNCHER in arguments}
        inside = {pid for sandbox in sandboxes for pid in below(sandbox)} | sandboxes
        tasks = 0
        for pid in everything:
            with contextlib.suppress(OSError, StopIteration):
                lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
                values = dict(line.split(":", 1) for line in lines if ":" in line)
                tasks += int(values["Threads"])
                if pid not in inside and "VmHWM" in values:
                    outcome.peak = max(outcome.peak, int(values["VmHWM"].split()[0]) << 10)
        outcome.tasks = max(outcome.tasks, tasks)


def busy() -> float:
    """Return the seconds for which the machine's processors have been at work so far."""
    user, nice, system, _idle, _waiting, irq, soft = map(int, Path("/proc/stat").read_text("ascii").split()[1:8])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def used() -> float:
    """Return the seconds of processor time of this process and all that have ended below it."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


@contextlib.contextmanager
def measured(outcome: Outcome) -> Iterator[None]:
    """Measure what happens now."""
    stop = threading.Event()
    thread = threading.Thread(target=measure, args=(outcome, stop))
    begun, before, own = time.monotonic(), busy(), used()
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        outcome.seconds = time.monotonic() - begun
        end = time.monotonic() + _SETTLING
        while (left := below(os.getpid())) and time.monotonic() < end:
            time.sleep(0.05)
            _reap()
        outcome.processes = list(left.values())
        outcome.used = used() - own
        outcome.others = busy() - before - outcome.used


def _reap() -> None:
    """Take in the end of processes whose parents have gone."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    """Grade as the plan says, and write down how it went."""
    plan = json.loads(sys.argv[1])
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    road = Road(plan)
    with measured(road.outcome):
        road.run()
    road.outcome.folders = sorted(path.name for path in road.temporary.glob("autograder-*"))
    (road.folder / "outcome.json").write_text(json.dumps(asdict(road.outcome)), encoding="utf-8")


if __name__ == "__main__":
    main()
