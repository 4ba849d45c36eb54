"""``autograder grade --watch`` as a class at work has it: a real process, notebooks that come and change, Ctrl-C."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradebook_dump import points

from autograder import arrivals, demo
from autograder.course import CONFIG, MODULES, Course

NAME = demo.ASSIGNMENT
_PATIENCE = 60.0  # seconds for a machine that is busy with something else


class Room:
    """A course, and a process that watches its submissions."""

    def __init__(self, root: Path, made_from: demo.Solutions) -> None:
        self.root = root
        self._members = {member.student: member for member in demo.MEMBERS}
        self._made_from = made_from
        self._output = root / "output"
        self.process: subprocess.Popen[bytes] | None = None

    def content(self, member: str) -> bytes:
        """Return a notebook of the sample class."""
        return demo.content(self._members[member], self._made_from)

    def place(self, student: str) -> Path:
        """Return where a student's notebook stands."""
        path = self.root / "submitted" / student / NAME / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def start(self, *arguments: str) -> None:
        """Start to watch, and wait until it is said."""
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [Path(sys.executable).with_name("autograder"), "grade", "--watch", *arguments],
                cwd=self.root,
                env={**os.environ, "AUTOGRADER_SECRET": "a secret for tests of watching"},
                stdout=output,
                stderr=output,
            )
        self.until("Watching ")

    def until(self, said: str, times: int = 1) -> str:
        """Wait until something has been printed so often, and return all that has been printed."""
        assert self.process is not None
        end = time.monotonic() + _PATIENCE
        while (text := self._output.read_text()).count(said) < times:
            assert time.monotonic() < end, text
            assert self.process.poll() is None, text
            time.sleep(0.02)
        return text

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Press Ctrl-C; return the exit code, and what was printed."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(_PATIENCE), self._output.read_text()

    def report(self, student: str) -> dict[str, object]:
        """Return a report.json."""
        return dict(json.loads((self.root / "results" / NAME / student / "report.json").read_text()))

    def scores(self) -> dict[str, float]:
        """Return what scores.csv says."""
        with (self.root / "results" / "scores.csv").open(newline="") as file:
            return {row["student"]: float(row["score"]) for row in csv.DictReader(file)}

    def until_scores(self, expected: dict[str, float]) -> None:
        """Wait until scores.csv says so."""
        end = time.monotonic() + _PATIENCE
        while self.scores() != expected:
            assert time.monotonic() < end, self.scores()
            time.sleep(0.05)


@pytest.fixture
def room(course: Course, tmp_path: Path, solutions: demo.Solutions) -> Iterator[Room]:
    """Return a course of its own, released."""
    shutil.copy(course.root / CONFIG, tmp_path)
    for name in (*MODULES, f"source/{NAME}", f"release/{NAME}"):
        shutil.copytree(course.root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "submitted").mkdir()
    made = Room(tmp_path, solutions)
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait()


def test_a_class_at_work(room: Room) -> None:
    """What was there, comes, comes in pieces, changes or is nothing is graded when it is whole; Ctrl-C ends it well."""
    room.place("ada").write_bytes(room.content("ada"))
    room.start("--workers", "2")
    assert room.scores() == {"ada": 100.0}

    room.place("mei").write_bytes(room.content("mei"))
    assert "100 of 100" not in room.until(f"mei  {NAME}").split("Watching ")[1]
    room.until_scores({"ada": 100.0, "mei": 50.0})

    whole = room.content("ada")
    with room.place("slow").open("wb") as file:
        for start in range(0, len(whole), len(whole) // 3):  # with pauses in which half a notebook lies there
            file.write(whole[start : start + len(whole) // 3])
            file.flush()
            time.sleep(0.7)
    said = room.until(f"slow  {NAME}")
    assert said.count(f"slow  {NAME}  100 of 100") == 1, "half of it was never graded"

    room.place("mei").write_bytes(room.content("ada"))
    room.place("bad").write_bytes(b"this is no notebook")
    room.until(f"mei  {NAME}", times=2)
    room.until(f"bad  {NAME}  rejected")
    expected = {"ada": 100.0, "mei": 100.0, "slow": 100.0, "bad": 0.0}
    room.until_scores(expected)

    code, said = room.stop()
    assert code == 0, said
    assert "Stopped." in said
    assert "4 submissions: 3 graded, 1 rejected" in said
    assert "Traceback" not in said
    assert {student: room.report(student)["score"] for student in expected} == expected
    assert "slow" in (room.root / "results" / "index.html").read_text()
    assert {path.name for path in (room.root / "results").iterdir()} == {NAME, "index.html", "scores.csv"}
    assert points(room.root) == expected


def test_a_file_that_is_touched_all_the_time_keeps_nobody_waiting(room: Room) -> None:
    """As long as it goes on, who comes is graded; and so is the file itself, whose bytes stay what they are."""
    room.start("--workers", "1")
    restless, over = room.place("restless"), threading.Event()
    restless.write_bytes(room.content("mei"))

    def touch() -> None:
        while not over.wait(0.03):
            os.utime(restless)

    thread = threading.Thread(target=touch)
    thread.start()
    try:
        for student in ("ada", "jonas"):
            room.place(student).write_bytes(room.content("ada"))
            room.until(f"{student}  {NAME}  100 of 100")
        room.until_scores({"ada": 100.0, "jonas": 100.0, "restless": 50.0})
    finally:
        over.set()
        thread.join()
    code, said = room.stop()
    assert code == 0, said
    assert said.count(f"restless  {NAME}  50 of 100") == 1
    assert "unchanged since" not in said


def test_a_pointer_that_is_written_all_the_time_ends_nothing(room: Room) -> None:
    """What Git leaves of a large file is no notebook to be graded yet; who comes meanwhile is graded."""
    room.start("--workers", "1")
    restless, over = room.place("restless"), threading.Event()

    def write() -> None:
        number = 0
        while not over.wait(0.03):
            number += 1
            restless.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{number:064}\nsize 9\n")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        time.sleep(arrivals.PATIENCE + 2)
        room.place("ada").write_bytes(room.content("ada"))
        room.until(f"ada  {NAME}  100 of 100")
    finally:
        over.set()
        thread.join()
    room.until(f"restless  {NAME}")
    code, said = room.stop()
    assert code == 2, said
    assert "Traceback" not in said


def test_nothing_there_yet_and_asked_to_end_by_a_service(room: Room) -> None:
    """An empty folder is watched, others are kept out meanwhile, and a request to end is as good as Ctrl-C."""
    room.start("--workers", "1", "--no-gradebook")
    refused = subprocess.run(
        [Path(sys.executable).with_name("autograder"), "grade", "--no-gradebook", f"source/{NAME}/{NAME}.ipynb"],
        cwd=room.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "`autograder grade --watch --workers 1 --no-gradebook`" in refused.stderr
    room.place("ada").write_bytes(room.content("ada"))
    room.until(f"ada  {NAME}  100 of 100")
    code, said = room.stop(signal.SIGTERM)
    assert code == 0, said
    assert room.scores() == {"ada": 100.0}
    assert not (room.root / "results" / ".lock").exists()


def test_ctrl_c_while_a_class_is_graded(room: Room) -> None:
    """Without `--watch`, too: what is begun is finished and kept, the rest is told, and the next run does only that."""
    for number in range(40):
        room.place(f"s{number:02}").write_bytes(room.content("ada"))
    command = [Path(sys.executable).with_name("autograder"), "grade", "--workers", "1", "--no-gradebook"]
    with subprocess.Popen(command, cwd=room.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + _PATIENCE
        while not list((room.root / "results").glob("*/s*/report.json")):
            assert time.monotonic() < end
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said, complaint = process.communicate(timeout=_PATIENCE)
    done = len(list((room.root / "results").glob("*/s*/report.json")))
    assert 0 < done < 40, "the machine was too quick, or too slow, for this test"
    assert process.returncode == 2
    assert f"{40 - done} of 40 submissions have no result of this run" in complaint
    assert "Traceback" not in said + complaint
    assert not (room.root / "results" / "scores.csv").exists(), "a part of the class is not written as all of it"
    again = subprocess.run(command, cwd=room.root, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert f"{done} unchanged" in again.stdout
    assert len(room.scores()) == 40


@pytest.mark.parametrize("arguments", [("--watch", "--dry-run"), ("--watch", "nowhere")])
def test_what_cannot_be_watched_is_told(room: Room, arguments: tuple[str, ...]) -> None:
    """One line and exit code 1."""
    done = subprocess.run(
        [Path(sys.executable).with_name("autograder"), "grade", *arguments],
        cwd=room.root,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
