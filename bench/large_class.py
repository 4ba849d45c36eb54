"""Measures what a large class takes: memory of coordinator and workers, time, and the time of a second run.

Memory is the claim, as a ratio between two sizes of one class on one machine in one run; seconds are told beside it.
A worker is measured by the memory that is its own: it is forked, and what it shares with its coordinator counts once.
"""

import argparse
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from classes import course_in, hand_in

# the command, and in the end the most memory that its process ever had
RUN = """
import atexit, re, sys
from pathlib import Path

def told():
    most = re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]
    Path(sys.argv.pop()).write_text(most)

place = sys.argv.pop()
atexit.register(lambda: (sys.argv.append(place), told()))
from autograder.cli import main
main()
"""
_LOOK = 0.25  # seconds between two looks at the workers


@dataclass(frozen=True)
class Measured:
    """One run: kilobytes and seconds."""

    submissions: int
    coordinator: int
    worker: int
    seconds: float


def own(pid: int) -> int:
    """Return the kilobytes that only this process has; 0 where it has gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(map(int, re.findall(r"Private_(?:Clean|Dirty):\s*(\d+)", text)))


def workers_of(pid: int) -> list[int]:
    """Return the coordinator's workers: its children that run what it runs."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(one) for one in children if Path(f"/proc/{one}/cmdline").read_bytes() == command]
    except OSError:
        return []


def measure(folder: Path, size: int, workers: int, *arguments: str) -> Measured:
    """Grade and measure."""
    place = folder / "memory"
    began = time.perf_counter()
    command = [sys.executable, "-c", RUN, "grade", "--workers", str(workers), *arguments, str(place)]
    worker = 0
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        while process.poll() is None:
            worker = max([worker, *map(own, workers_of(process.pid))])
            time.sleep(_LOOK)
        said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        sys.exit(said[-2000:])
    return Measured(size, int(place.read_text()), worker, time.perf_counter() - began)


def main() -> None:
    """Measure, print the table, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    first: list[Measured] = []
    again: list[Measured] = []
    print(f"{options.workers} workers; peak memory in MB, seconds for the whole class\n")
    print("submissions  coordinator  worker's own   seconds    second run: coordinator  seconds")
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as temporary:
            course = course_in(Path(temporary, "course"))
            hand_in(course, size)
            first.append(measure(course.root, size, options.workers))
            again.append(measure(course.root, size, options.workers))
        one, two = first[-1], again[-1]
        print(
            f"{size:11d}  {one.coordinator / 1024:11.1f}  {one.worker / 1024:12.1f}  {one.seconds:8.1f}"
            f"  {two.coordinator / 1024:23.1f}  {two.seconds:7.1f}",
            flush=True,
        )
    print()
    for small, large in itertools.pairwise(zip(first, again, strict=True)):
        print(
            f"from {small[0].submissions} to {large[0].submissions} the coordinator grows "
            f"{large[0].coordinator / small[0].coordinator:.2f} times "
            f"(second run {large[1].coordinator / small[1].coordinator:.2f}), "
            f"a worker {large[0].worker / small[0].worker:.2f} times"
        )
    record = {"workers": options.workers, "first": [asdict(m) for m in first], "again": [asdict(m) for m in again]}
    Path(__file__).with_name("large_class.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
