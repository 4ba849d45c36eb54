"""Measures grading on a Dask cluster against the local pool: the same class, two workers each, in turns, in one run.

Scheduler, workers and coordinator share this machine's cores, as the local pool and its coordinator do: what the
cluster costs more is what Dask costs. Ratios are the claim; that of processor time is the quieter one on a machine that
does much else. Each turn is a process of its own. Run as ``python bench/cluster.py [--size N] [--rounds N]``.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import classes
import psutil
from distributed import Client

from autograder import coordinate
from autograder.course import Course
from autograder.model import Report
from autograder.sandbox.launch import Launched

KEY = b"a secret for a benchmark"


def grade(course: Course, submitted: Path, out: Path, workers: int, scheduler: str) -> dict[str, float]:
    """Grade a class, and return the seconds of the whole run and those between the first report and the last."""
    moments: list[float] = []

    def step(_: Report) -> None:
        moments.append(time.perf_counter())

    started = time.perf_counter()
    with contextlib.nullcontext() if scheduler else Launched() as launched:
        order = coordinate.Order(
            course=course,
            key=KEY,
            paths=(submitted,),
            assignment=None,
            out=out,
            workers=workers,
            gradebook=False,
            min_isolation="namespaces",
            fresh=True,
            scheduler=scheduler,
        )
        summary = coordinate.grade_submissions(order, coordinate.Audience(step=step), launched)
    if summary.exit_code:
        sys.exit("\n".join(summary.problems))
    return {
        "run": time.perf_counter() - started,
        "reports": (moments[-1] - moments[0]) / (len(moments) - 1) * len(moments),
        "cpu": sum(os.times()[:4]),  # of this process, and of those that it has waited for
    }


def turn(course: Course, out: Path, workers: int, scheduler: str) -> dict[str, float]:
    """Grade in a process of its own, as the command does: one whose first fork finds one thread."""
    arguments = [str(course.root), str(out), str(workers), scheduler]
    done = subprocess.run([sys.executable, __file__, "--one", *arguments], capture_output=True, text=True, check=False)
    shutil.rmtree(out, ignore_errors=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


@contextlib.contextmanager
def cluster(folder: Path, workers: int, nanny: bool) -> Iterator[tuple[str, list[psutil.Process]]]:  # noqa: FBT001
    """Start a scheduler and workers of one thread each; yield the address and all of their processes."""
    file = folder / "scheduler.json"
    common = ["--no-dashboard", "--scheduler-file", str(file)]
    one = ["worker", "--nthreads", "1", *([] if nanny else ["--no-nanny"]), "--local-directory", str(folder), *common]
    commands = [["scheduler", "--host", "127.0.0.1", "--port", "0", *common], *[one] * workers]
    dask = str(Path(sys.executable).with_name("dask"))
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    with contextlib.ExitStack() as stack:
        started = []
        for number, command in enumerate(commands):
            log = stack.enter_context((folder / f"{number}.log").open("wb"))
            process = subprocess.Popen([dask, *command], stdout=log, stderr=log, env=environment)
            stack.callback(process.wait)
            stack.callback(process.kill)
            started.append(psutil.Process(process.pid))
        while not file.is_file():
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        with Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)
        yield address, started


def seconds_of(process: psutil.Process) -> float:
    """Return the processor time of a process, of its children, and of all that these have waited for."""
    every = {one.pid: one for one in (process, *process.children(recursive=True))}
    return sum(sum(one.cpu_times()[:4]) for one in every.values())


def main() -> None:
    """Measure in turns, print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=400, help="submissions in one turn")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nanny", action="store_true", help="workers with a nanny, which starts a dead one anew")
    options = parser.parse_args()
    turns: list[tuple[dict[str, float], dict[str, float]]] = []
    with tempfile.TemporaryDirectory() as temporary:
        course = classes.course_in(Path(temporary, "course"))
        classes.hand_in(course, options.size)
        with cluster(Path(temporary), options.workers, options.nanny) as (address, processes):
            for _ in range(options.rounds):
                local = turn(course, Path(temporary, "local"), options.workers, "")
                before = [seconds_of(process) for process in processes]
                remote = turn(course, Path(temporary, "remote"), options.workers, address)
                spent = [seconds_of(process) - old for process, old in zip(processes, before, strict=True)]
                remote |= {"coordinator": remote["cpu"], "scheduler": spent[0], "workers": sum(spent[1:])}
                remote["cpu"] += sum(spent)
                turns.append((local, remote))
                print({name: round(local[name] / remote[name], 3) for name in local}, flush=True)
    print(f"\n{options.size} submissions, {options.workers} workers each, medians of {options.rounds} turns\n")
    print(f"{'milliseconds a submission':48s}{'local':>8s}{'cluster':>9s}{'ratio':>8s}")
    for name, label in (
        ("reports", "from the first report to the last"),
        ("run", "the whole run, connecting and preparing included"),
        ("cpu", "processor time of all processes"),
    ):
        ratio = statistics.median(local[name] / remote[name] for local, remote in turns)
        here, there = (statistics.median(t[side][name] for t in turns) / options.size * 1000 for side in (0, 1))
        print(f"{label:48s}{here:8.1f}{there:9.1f}{ratio:8.2f}")
    for name in ("coordinator", "scheduler", "workers"):
        there = statistics.median(remote[name] for _, remote in turns) / options.size * 1000
        print(f"{'  of that: ' + name:48s}{'':8s}{there:9.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        root, out, workers, scheduler = sys.argv[2:]
        measured = grade(Course.at(Path(root)), Path(root, "submitted"), Path(out), int(workers), scheduler)
        print(json.dumps(measured))
    else:
        main()
