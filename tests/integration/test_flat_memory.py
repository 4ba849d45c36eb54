"""What a class takes of the coordinator's memory hardly grows with the class: no report stays there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from autograder import demo
from autograder.course import CONFIG, MODULES, Course

NAME = demo.ASSIGNMENT
SMALL, LARGE = 200, 2000
# the command, and in the end the most memory that its process ever had
RUN = """
import atexit, re, sys
from pathlib import Path
status = Path("/proc/self/status")
atexit.register(lambda: print("PEAK", re.search(r"VmHWM:\\s*(\\d+)", status.read_text())[1], flush=True))
from autograder.cli import main
main()
"""


def grade(room: Path, *arguments: str) -> tuple[str, int]:
    """Grade without the gradebook; return what is printed and the peak of memory in kilobytes."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, "grade", "--no-gradebook", "--workers", "1", *arguments],
        cwd=room,
        env={**os.environ, "AUTOGRADER_SECRET": "a secret for tests of memory"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, int(done.stdout.rsplit("PEAK ", 1)[1])


def copy(room: Path, first: int, last: int) -> None:
    """Let more students hand in what the first one did, with results as if they had been graded."""
    results = room / "results" / NAME
    report = json.loads((results / "s0000" / "report.json").read_text())
    page = (results / "s0000" / "feedback.html").read_text()
    for number in range(first, last):
        student = f"s{number:04}"
        place = room / "submitted" / student / NAME
        place.mkdir(parents=True)
        os.link(room / "submitted" / "s0000" / NAME / f"{NAME}.ipynb", place / f"{NAME}.ipynb")
        (results / student).mkdir()
        (results / student / "report.json").write_text(json.dumps({**report, "student": student}))
        (results / student / "feedback.html").write_text(page)


def test_ten_times_the_class_takes_hardly_more_memory(
    course: Course, tmp_path: Path, solutions: demo.Solutions
) -> None:
    """A class of 200 and one of 2,000 are gone through, with every export: the coordinator's peak hardly moves."""
    shutil.copy(course.root / CONFIG, tmp_path)
    for name in (*MODULES, f"source/{NAME}", f"release/{NAME}"):
        shutil.copytree(course.root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    place = tmp_path / "submitted" / "s0000" / NAME
    place.mkdir(parents=True)
    wrong = demo.Member("s0000", lambda s: s.mistaken(UNQ_C1="softmax-over-rows", UNQ_C2="a0-at-every-step"), 0.0)
    (place / f"{NAME}.ipynb").write_bytes(demo.content(wrong, solutions))
    grade(tmp_path)
    peaks = []
    for first, last in ((1, SMALL), (SMALL, LARGE)):
        copy(tmp_path, first, last)
        said, peak = grade(tmp_path, "--format", "csv,canvas,moodle,junit,gradescope,github,jsonl")
        assert f"{last} unchanged" in said
        peaks.append(peak)
    exports = tmp_path / "results" / "exports"
    assert len((exports / "reports.jsonl").read_text().splitlines()) == LARGE
    assert len(list((exports / "gradescope" / NAME).iterdir())) == LARGE
    assert len((tmp_path / "results" / "scores.csv").read_text().splitlines()) == LARGE + 1
    small, large = peaks
    assert large / small < 1.15, f"{small} kB became {large} kB"
