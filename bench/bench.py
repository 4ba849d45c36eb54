"""Measures grading: ours, ``nbgrader autograde``, ``otter run`` and the bare limit, in one run on one machine.

Ratios are the claim, seconds are not: machines differ, and this one may be shared. All sides grade the same class, in
turns, round after round, so that a busy minute hits all of them. What takes seconds for one submission gets a part of
the class. The figures are printed, and kept in ``results.json`` beside this file.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import diagnosis
import isolation
import otter
import stages
from classes import NAME, ROOT, course_in, hand_in, plain_course
from processes import Run, run

from autograder import __version__
from autograder.course import Course

HERE = Path(__file__).resolve().parent
KEY = "a secret for a benchmark"
MIB = 1 << 20
STARTS = 5  # of a quick command, in each round


class Figures:
    """Seconds and processor seconds of each side, round by round, and the memory of ours."""

    def __init__(self) -> None:
        self.rounds: dict[str, list[Run]] = {}
        self.memory: dict[str, int] = {}

    def add(self, side: str, one: Run, submissions: int = 1) -> None:
        """Note what a side took for so many submissions."""
        share = Run(one.seconds / submissions, one.cpu / submissions)
        self.rounds.setdefault(side, []).append(share)

    def seconds(self, side: str) -> float:
        """Return the median seconds of one submission."""
        return statistics.median(one.seconds for one in self.rounds[side])

    def ratio(self, side: str, other: str) -> tuple[float, float, float]:
        """Return the median of the rounds' ratios of two sides, the least and the most."""
        pairs = zip(self.rounds[side], self.rounds[other], strict=True)
        ratios = sorted(one.seconds / another.seconds for one, another in pairs)
        return statistics.median(ratios), ratios[0], ratios[-1]

    def record(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {side: _spread(rounds) for side, rounds in self.rounds.items()}


def _spread(rounds: Sequence[Run]) -> dict[str, Any]:
    seconds = [one.seconds for one in rounds]
    return {
        "seconds": {"median": statistics.median(seconds), "least": min(seconds), "most": max(seconds)},
        "cpu": statistics.median(one.cpu for one in rounds),
    }


def grade(course: Course, submitted: Path, workers: int, *, memory: bool = False) -> Run:
    """Grade a class, gradebook and pages included, into folders that are not there yet."""
    _clear(course.root)
    out = Path(tempfile.mkdtemp(dir=course.root), "results")
    command = ["autograder", "grade", submitted, "--fresh", "--workers", str(workers), "--out", out]
    took = run(command, course.root, memory=memory)
    shutil.rmtree(out.parent)
    return took


def grade_one(course: Course, submitted: Path) -> Run:
    """Grade one notebook, from a cold start."""
    notebook = next(submitted.glob("*/*/*.ipynb"))
    out = course.root / "single"
    shutil.rmtree(out, ignore_errors=True)
    return run(["autograder", "grade", notebook, "--assignment", NAME, "--out", out, "--no-gradebook"], course.root)


def _clear(course: Path) -> None:
    """Remove what nbgrader's commands, or ours, have written into a course; its gradebook stays."""
    for name in ("autograded", "feedback"):
        shutil.rmtree(course / name, ignore_errors=True)


def with_nbgrader(folder: Path) -> Run:
    """Run ``nbgrader autograde`` and ``nbgrader generate_feedback``."""
    _clear(folder)
    autograde = run(["nbgrader", "autograde", NAME, "--force"], folder)
    feedback = run(["nbgrader", "generate_feedback", NAME, "--force"], folder)
    return Run(autograde.seconds + feedback.seconds, autograde.cpu + feedback.cpu)


def bare(course: Course, submitted: Path, workers: int) -> Run:
    """Run the bare limit; it leaves its own start out."""
    command = [sys.executable, str(HERE / "bare.py"), str(submitted), str(course.root), str(workers)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, cpu = map(float, done.stdout.split())
    return Run(seconds, cpu)


def compare(options: argparse.Namespace, folder: Path) -> tuple[Figures, str]:
    """Let all sides grade in turns; return the figures, and why one of them is missing."""
    ours = course_in(folder / "ours")
    submitted = hand_in(ours, options.size)
    plain_course(folder / "plain", ours, options.nbgrader)
    program = otter.environment(options.otter) if options.otter_size else "it was not asked for"
    packed = otter.package(program, ours, folder / "otter") if isinstance(program, Path) else None
    few = sorted(submitted.glob("*/*/*.ipynb"))[: options.otter_size]
    figures = Figures()
    # files are in memory afterwards, for all sides; looking at processes costs time, so that this run is not a round
    figures.memory = grade(ours, submitted, options.workers, memory=True).memory
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds} …", file=sys.stderr)
        figures.add("ours", grade(ours, submitted, options.workers), options.size)
        figures.add("bare", bare(ours, submitted, options.workers))
        figures.add("nbgrader", with_nbgrader(folder / "plain"), options.nbgrader)
        if packed is not None and isinstance(program, Path):
            figures.add("otter", otter.measure(program, packed, few), len(few))
        figures.add("single", grade_one(ours, submitted))
        for _ in range(STARTS):
            figures.add("help", run(["autograder", "--help"], ours.root))
            figures.add("python", run([sys.executable, "-c", "pass"], ours.root))
    return figures, "" if packed is not None else str(program)


def grow(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Grade classes of growing size; return seconds of a submission and memory of each."""
    course = course_in(folder / "growing")
    found = []
    for size in options.growth:
        print(f"{size} submissions …", file=sys.stderr)
        submitted = hand_in(course, size, f"class-{size}")
        took = grade(course, submitted, options.workers, memory=True)
        found.append({"submissions": size, "seconds": took.seconds, "cpu": took.cpu, "memory": took.memory})
        shutil.rmtree(submitted)
    return found


def where_time_goes(folder: Path, size: int) -> dict[str, float]:
    """Return milliseconds of a submission, stage by stage, in one process."""
    course = course_in(folder / "staged")
    seconds = stages.measure(course, hand_in(course, size), KEY.encode())
    return {stage: 1000 * spent / size for stage, spent in seconds.items()}


def machine() -> dict[str, Any]:
    """Return what this machine is, as far as it matters."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "grader": __version__,
    }


def table(record: dict[str, Any]) -> str:
    """Return the figures as a page of text."""
    sides, ratios, here = record["sides"], record["ratios"], record["machine"]
    lines = [
        f"{record['size']} submissions, {record['workers']} workers, medians of {record['rounds']} rounds",
        f"{here['cores']} cores, load {here['load']} when it began, {here['system']}, Python {here['python']}",
        "",
        f"{'':44}{'ms a submission':>16}{'least':>9}{'most':>9}{'CPU ms':>9}",
    ]
    labels = (
        ("ours", "autograder grade, all of it"),
        ("bare", "the bare limit: a fork, cells, cases"),
        ("nbgrader", "nbgrader autograde + generate_feedback"),
        ("otter", "otter run"),
        ("single", "autograder grade, one notebook, cold"),
        ("help", "autograder --help"),
        ("python", "python -c pass"),
    )
    for side, label in labels:
        if side not in sides:
            lines.append(f"{label:44}  {record['otter']}")
            continue
        seconds, cpu = sides[side]["seconds"], sides[side]["cpu"]
        figures = "".join(
            f"{seconds[key] * 1000:{width}.1f}" for key, width in (("median", 16), ("least", 9), ("most", 9))
        )
        lines.append(f"{label:44}{figures}" + (f"{cpu * 1000:9.1f}" if cpu else ""))
    lines.append("")
    for name, (median, least, most) in ratios.items():
        lines.append(f"{name:44}{median:14.1f} : 1   ({least:.1f} to {most:.1f})")
    most = ", ".join(f"{kind} {size / MIB:.0f} MiB" for kind, size in sorted(record["memory"].items()))
    lines += ["", f"most memory of one process: {most}"]
    lines += ["", f"{'submissions':>12}{'ms each':>10}{'CPU ms':>9}   most memory of one process"]
    for row in record["growth"]:
        n = row["submissions"]
        most = ", ".join(f"{kind} {size / MIB:.0f} MiB" for kind, size in sorted(row["memory"].items()))
        lines.append(f"{n:12}{row['seconds'] / n * 1000:10.1f}{row['cpu'] / n * 1000:9.1f}   {most}")
    total = sum(record["stages"].values())
    lines += ["", f"where the time of one worker goes: {total:.1f} ms a submission"]
    for stage, spent in sorted(record["stages"].items(), key=lambda item: -item[1]):
        lines.append(f"{stage:44}{spent:9.2f} ms {100 * spent / total:5.1f} %")
    return "\n".join([*lines, "", isolation.table(record["isolation"]), "", diagnosis.table(record["diagnosis"])])


def main() -> None:
    """Measure, print the table, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=500, help="submissions graded by us, and by the bare limit")
    # over the ninth of the class, in which a cell stands twice, nbgrader stops
    parser.add_argument("--nbgrader", type=int, default=8, help="submissions graded by nbgrader: the first ones")
    parser.add_argument("--otter-size", type=int, default=3, help="submissions graded by otter-grader; 0: without it")
    parser.add_argument("--otter", type=Path, default=ROOT / ".bench" / "otter", help="its virtual environment")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", default="100,1000", help="sizes of classes, e.g. 100,1000,10000")
    parser.add_argument("--out", type=Path, default=HERE / "results.json", help="where the figures are kept")
    options = parser.parse_args()
    options.growth = [int(size) for size in options.growth.split(",") if size]
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["AUTOGRADER_SECRET"] = KEY
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a second start is quicker than a first one, as for everybody

    here = machine()
    with tempfile.TemporaryDirectory(prefix="autograder-bench-") as temporary:
        folder = Path(temporary)
        figures, missing = compare(options, folder)
        ratios = {"nbgrader : autograder": figures.ratio("nbgrader", "ours")}
        if "otter" in figures.rounds:
            ratios["otter : autograder"] = figures.ratio("otter", "ours")
        ratios["autograder : the bare limit"] = figures.ratio("ours", "bare")
        record = {
            "machine": here,
            "size": options.size,
            "workers": options.workers,
            "rounds": options.rounds,
            "otter": missing or "installed",
            "sides": figures.record(),
            "memory": figures.memory,
            "ratios": ratios,
            "growth": grow(options, folder),
            "stages": where_time_goes(folder, min(options.size, 100)),
            "isolation": isolation.measure(),
            "diagnosis": diagnosis.measured(),
        }
    print(table(record))
    options.out.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
