"""Measures grading against ``nbgrader autograde``, the same notebooks in the same run on the same machine.

Ratios are the claim, seconds are not: machines differ, and this one may be shared. Both sides are run in turns, and
the medians are compared. nbgrader gets a part of the class, because all of it would take a quarter of an hour.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from autograder import demo
from autograder.course import MODULES, Course

HERE = Path(__file__).resolve().parent
PLAIN_CONFIG = "c = get_config()\nc.CourseDirectory.course_id = 'bench'\n"


WRONG_EVERY = 8  # in 139 public solutions of these two functions, 13 mistakes were counted; here are some more


def composition(size: int) -> list[demo.Member]:
    """Return a class as real ones are: mostly right, one in eight wrong in some way.

    Members that hang or die are left out: nbgrader would wait half a minute for each.
    """
    able = [member for member in demo.MEMBERS if not member.student.startswith(("evil", "bad"))]
    right = [member for member in able if member.score == 100]
    wrong = [member for member in able if member.score < 100]
    return [
        wrong[n // WRONG_EVERY % len(wrong)] if n % WRONG_EVERY == WRONG_EVERY - 1 else right[n % len(right)]
        for n in range(size)
    ]


def make_class(folder: Path, size: int) -> Course:
    """Make a course with a class of this size."""
    made = demo.make(Course.at(HERE.parent), folder, [demo.ASSIGNMENT])
    shutil.rmtree(folder / "submitted")
    made_from = demo.solutions(made.course)
    for number, member in enumerate(composition(size)):
        place = folder / "submitted" / f"s{number:05d}" / demo.ASSIGNMENT
        place.mkdir(parents=True)
        (place / f"{demo.ASSIGNMENT}.ipynb").write_bytes(demo.content(member, made_from))
    return made.course


def make_plain(folder: Path, ours: Course, size: int) -> None:
    """Make the same course for nbgrader as it comes, with the first few of the same submissions."""
    folder.mkdir()
    (folder / "nbgrader_config.py").write_text(PLAIN_CONFIG)
    shutil.copytree(ours.root / "source", folder / "source")
    run(["nbgrader", "generate_assignment", demo.ASSIGNMENT], folder)
    for place in sorted((ours.root / "submitted").iterdir())[:size]:
        target = folder / "submitted" / place.name / demo.ASSIGNMENT
        shutil.copytree(place / demo.ASSIGNMENT, target)
        for name in MODULES:  # as a student's folder has them
            shutil.copytree(ours.root / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))


def run(command: Sequence[str], folder: Path) -> float:
    """Run a command and return its wall-clock seconds."""
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed in {folder}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.perf_counter() - started


def measure_ours(course: Course, workers: int) -> float:
    """Return the seconds of one whole run, gradebook and pages included, into a folder that is not there yet."""
    out = Path(tempfile.mkdtemp(dir=course.root), "results")
    return run(["autograder", "grade", "--fresh", "--workers", str(workers), "--out", str(out)], course.root)


def measure_single(course: Course) -> float:
    """Return the seconds of grading one notebook, from a cold start."""
    notebook = next((course.root / "submitted").glob("*/*/*.ipynb"))
    out = course.root / "single"
    shutil.rmtree(out, ignore_errors=True)
    arguments = ["--assignment", demo.ASSIGNMENT, "--out", str(out), "--no-gradebook"]
    return run(["autograder", "grade", str(notebook), *arguments], course.root)


def measure_nbgrader(folder: Path) -> float:
    """Return the seconds of ``nbgrader autograde`` and ``nbgrader generate_feedback``."""
    for name in ("autograded", "feedback"):
        shutil.rmtree(folder / name, ignore_errors=True)
    autograde = run(["nbgrader", "autograde", demo.ASSIGNMENT, "--force"], folder)
    return autograde + run(["nbgrader", "generate_feedback", demo.ASSIGNMENT, "--force"], folder)


def main() -> None:
    """Measure, print the table, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=200, help="submissions graded by us")
    parser.add_argument("--nbgrader", type=int, default=6, help="submissions graded by nbgrader")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    with tempfile.TemporaryDirectory() as temporary:
        ours = make_class(Path(temporary, "ours"), options.size)
        plain = Path(temporary, "plain")
        make_plain(plain, ours, options.nbgrader)
        seconds: dict[str, list[float]] = {"ours": [], "nbgrader": [], "single": []}
        for _ in range(options.rounds):  # in turns, so that a busy minute hits both
            seconds["ours"].append(measure_ours(ours, options.workers) / options.size)
            seconds["nbgrader"].append(measure_nbgrader(plain) / options.nbgrader)
            seconds["single"].append(measure_single(ours))
    figures = {
        name: {"median": statistics.median(values), "least": min(values), "most": max(values)}
        for name, values in seconds.items()
    }
    ratio = figures["nbgrader"]["median"] / figures["ours"]["median"]
    print(f"{options.size} submissions, {options.workers} workers, medians of {options.rounds} rounds\n")
    for name, label in (
        ("ours", "autograder grade, per submission"),
        ("nbgrader", "nbgrader autograde + generate_feedback, per submission"),
        ("single", "autograder grade, one notebook, cold"),
    ):
        f = figures[name]
        print(f"{label:58s} {f['median'] * 1000:9.1f} ms   ({f['least'] * 1000:.1f} to {f['most'] * 1000:.1f})")
    print(f"\nnbgrader : autograder = {ratio:.0f} : 1")
    record = {"size": options.size, "workers": options.workers, "ratio": ratio, "seconds": figures}
    (HERE / "results.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
