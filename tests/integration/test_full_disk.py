"""A full disk and a lost gradebook: told once, nothing is torn, and the next run completes what is missing."""

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from gradebook_dump import points

from autograder import demo
from autograder.course import CONFIG, MODULES, Course
from autograder.errors import SandboxError
from autograder.sandbox.launch import Launched

NAME = demo.ASSIGNMENT
COMMAND = Path(sys.executable).with_name("autograder")
ENVIRONMENT = {**os.environ, "AUTOGRADER_SECRET": "a secret for tests of full disks"}


@pytest.fixture
def room(course: Course, tmp_path: Path, solutions: demo.Solutions) -> Path:
    """Return a course of its own with a class of twelve."""
    shutil.copy(course.root / CONFIG, tmp_path)
    for name in (*MODULES, f"source/{NAME}", f"release/{NAME}"):
        shutil.copytree(course.root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    members = {member.student: member for member in demo.MEMBERS}
    contents = [demo.content(members[student], solutions) for student in ("ada", "mei")]
    for number in range(12):
        folder = tmp_path / "submitted" / f"s{number:02}" / NAME
        folder.mkdir(parents=True)
        (folder / f"{NAME}.ipynb").write_bytes(contents[number % 2])
    return tmp_path


EXPECTED = {f"s{number:02}": 50.0 if number % 2 else 100.0 for number in range(12)}


def scores(room: Path) -> dict[str, float]:
    """Return what scores.csv says."""
    with (room / "results" / "scores.csv").open(newline="") as file:
        return {row["student"]: float(row["score"]) for row in csv.DictReader(file)}


def torn(room: Path) -> list[Path]:
    """Return reports and pages that are not whole, and what is half made."""
    found = list(room.glob("results/**/.new-*"))
    for path in room.glob("results/*/*/report.json"):
        try:
            json.loads(path.read_text())
        except ValueError:
            found.append(path)
    return found + [path for path in room.glob("results/*/*/*.html") if "</html>" not in path.read_text()]


def test_a_full_disk_is_told_once_and_the_next_run_goes_on(room: Path) -> None:
    """The results are on a disk with room for a few of them: exit 2, few lines; with more room, the rest is graded."""
    (room / "results").mkdir()
    script = """
        mount -t tmpfs -o size=200k full results || exit 99
        "$1" grade --workers 2 --no-gradebook >first.out 2>first.err; echo $? >first.code
        cp -r results first
        mount -o remount,size=64m results
        "$1" grade --workers 2 --no-gradebook >second.out 2>second.err; echo $? >second.code
        cp -r results second
    """
    alone = [*([] if os.getuid() == 0 else ["--user", "--map-root-user"]), "--mount"]
    done = subprocess.run(
        ["unshare", *alone, "sh", "-c", script, "sh", COMMAND], cwd=room, env=ENVIRONMENT, check=False, timeout=200
    )
    if done.returncode in {1, 99}:
        pytest.skip("no file system can be mounted here")
    assert (room / "first.code").read_text() == "2\n"
    complaints = (room / "first.err").read_text()
    assert "No space left on device" in complaints
    assert complaints.count("\n") < 8, "not a line for every student"
    assert "Traceback" not in complaints
    written = list((room / "first" / NAME).glob("*/report.json"))
    assert 0 < len(written) < 12
    shutil.move(room / "first", room / "results")
    assert torn(room) == []
    shutil.rmtree(room / "results")
    assert (room / "second.code").read_text() == "0\n"
    assert f"{len(written)} unchanged" in (room / "second.out").read_text()
    shutil.move(room / "second", room / "results")
    assert scores(room) == EXPECTED
    assert torn(room) == []


def test_a_gradebook_that_vanishes_stops_nobody(room: Path) -> None:
    """Removed in the middle of a run: the class is graded, one line says what is missing, the next run puts it in."""
    process = subprocess.Popen(
        [COMMAND, "grade", "--workers", "1"],
        cwd=room,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 60
    while not list(room.glob("results/*/*/report.json")):  # the gradebook has been opened by then, and not yet written
        assert time.monotonic() < end
        time.sleep(0.005)
    (room / "gradebook.db").rename(room / "elsewhere.db")
    _, complaints = process.communicate(timeout=100)
    assert process.returncode == 2, complaints
    assert complaints.count("\n") == 1
    assert "was removed or replaced while this run was writing to it" in complaints
    assert "12 submissions" in complaints
    assert not (room / "gradebook.db").exists(), "an empty one in its place would hide the loss"
    assert scores(room) == EXPECTED
    again = subprocess.run(
        [COMMAND, "grade", "--workers", "1"], cwd=room, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert "12 unchanged" in again.stdout
    assert points(room) == EXPECTED


def test_a_row_that_is_missing_is_put_in_by_the_next_run(room: Path) -> None:
    """A copy of the gradebook is brought back, or a row was removed: what is kept is compared with what is there."""
    command = [COMMAND, "grade", "--workers", "1"]
    assert subprocess.run(command, cwd=room, env=ENVIRONMENT, capture_output=True, check=False).returncode == 0
    with sqlite3.connect(room / "gradebook.db") as book:
        book.execute(
            "delete from grade where notebook_id in (select sn.id from submitted_notebook sn "
            "join submitted_assignment sa on sa.id = sn.assignment_id where sa.student_id in ('s03', 's04'))"
        )
        book.execute("update grade set auto_score = 1 where auto_score = 50 and rowid % 3 = 0")
        book.execute("update comment set auto_comment = 'other' where rowid % 4 = 0")
    book.close()
    assert points(room) != EXPECTED
    done = subprocess.run(command, cwd=room, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "12 unchanged" in done.stdout
    assert points(room) == EXPECTED
    with sqlite3.connect(room / "gradebook.db") as book:
        assert book.execute("select count(*) from comment where auto_comment = 'other'").fetchone() == (0,)
    book.close()


def test_no_room_for_the_sandbox_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every folder for temporary files is full: one sentence that says so, and no traceback."""

    def full(*_: object, **__: object) -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp', '/var/tmp']")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(SandboxError, match="No usable temporary directory found"):
        Launched()
