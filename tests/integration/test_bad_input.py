"""A mess of a folder, as instructors get it: each thing with its sentence, nothing lost, the rest graded."""

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import unicodedata
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from autograder import demo, gradebook, gradebook_access
from autograder.course import CONFIG, MODULES, Course
from autograder.errors import GraderError
from autograder.model import Provenance, Report, Status

NAME, OTHER = demo.ASSIGNMENT, "lstm_step_by_step"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def room(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a course of its own with two assignments, released."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(course.root / CONFIG, root)
    for name in (*MODULES, *(f"{kind}/{name}" for kind in ("source", "release") for name in (NAME, OTHER))):
        shutil.copytree(course.root / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def run(room: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of this environment in a course's folder."""
    return subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=room,
        env={
            **os.environ, "AUTOGRADER_SECRET": "a secret for tests", "HOME": str(room),
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )  # fmt: skip


def grade(room: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Grade without a gradebook."""
    return run(room, "autograder", "grade", *arguments, "--no-gradebook", "--workers", "2")


@pytest.fixture(scope="module")
def right(room: Path) -> bytes:
    """Return a notebook that earns everything."""
    (member,) = (m for m in demo.MEMBERS if m.student == "ada")
    return demo.content(member, demo.solutions(Course.at(room)))


@pytest.fixture(scope="module")
def empty(room: Path) -> bytes:
    """Return a notebook that earns nothing."""
    return (room / "release" / NAME / f"{NAME}.ipynb").read_bytes()


def zipped(path: Path, **files: bytes) -> bytes:
    """Return the bytes of a zip."""
    with zipfile.ZipFile(path, "w") as made:
        for name, content in files.items():
            made.writestr(name, content)
    return path.read_bytes()


# What each student hands in, by file; what it earns, or that it is rejected; and what is said about it.
HANDED_IN: dict[str, tuple[tuple[str, ...], float | None, str]] = {
    "browser": ((f"{NAME} (2).ipynb",), 100, ""),
    "drive": ((f"Copy of {NAME}.ipynb",), 100, ""),
    "text": ((f"{NAME}.ipynb.txt",), 100, ""),
    "shouting": ((f"{NAME.upper()}.IPYNB",), 100, ""),
    "nested": ((f"mine/{NAME}/{NAME}.ipynb",), 100, ""),
    "other files": ((f"{NAME}.ipynb", "data.csv", "photo.png", "work.zip"), 100, ""),
    "two": ((f"{NAME}.ipynb", f"-{NAME} (1).ipynb"), 100, "the one that bears the assignment's name"),
    "copies": ((f"-{NAME} (2).ipynb", f"{NAME} (10).ipynb"), 100, f"`{NAME} (10).ipynb` was graded: the last of those"),
    "named": ((f"{NAME}_named.ipynb", "-scratch.ipynb"), 100, f"`{NAME}_named.ipynb` was graded: the last of those"),
    "undecided": (
        ("draft.ipynb", "final.ipynb"),
        None,
        "2 notebooks in this submission (`draft.ipynb`, `final.ipynb`)",
    ),
    "packed": (("work.zip",), None, "There is an archive (`work.zip`) where a notebook should be."),
    "page": ((f"{NAME}.html",), None, f"There is no notebook in this submission, only `{NAME}.html`."),
    "nothing": ((), None, f"There is no notebook `{NAME}.ipynb` in this submission."),
    "wrong one": ((f"*{NAME}.ipynb",), 0, f"It looks like the notebook of {OTHER}: is it the right file?"),
    "Zoë": ((f"{NAME}.ipynb",), 100, ""),
    unicodedata.normalize("NFD", "Zoë"): ((f"{NAME}.ipynb",), 100, ""),
    "=1+1": ((f"{NAME}.ipynb",), 100, ""),
    "back\\slash": ((f"{NAME}.ipynb",), 100, ""),
    " blanks ": ((f"{NAME}.ipynb",), 100, ""),
}


@pytest.fixture(scope="module")
def class_of_mishaps(room: Path, right: bytes, empty: bytes) -> Path:
    """Write the tree: a file's name begins with - for an empty notebook, with * for another assignment's."""
    root = room / "mess"
    other = (room / "source" / OTHER / f"{OTHER}.ipynb").read_bytes()
    for student, (files, _, _) in HANDED_IN.items():
        folder = root / student / NAME
        folder.mkdir(parents=True)
        for file in files:
            path = folder / file.lstrip("-*")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes({"-": empty, "*": other}.get(file[0], right if ".ipynb" in file.lower() else b"x"))
    (root / "stray.ipynb").write_bytes(right)
    (root / "more.zip").write_bytes(b"PK")
    for folder in ("misspelt/rnn_step_by_stepp", "direct"):
        (root / folder).mkdir(parents=True)
        (root / folder / f"{NAME}.ipynb").write_bytes(right)
    return root


def test_a_mess_of_a_tree(room: Path, class_of_mishaps: Path) -> None:
    """Whatever was handed in is graded or rejected with its sentence, and what was passed over is named."""
    done = grade(room, "mess", "--assignment", NAME, "--out", "of-mess")
    assert (done.returncode, done.stderr) == (0, "")
    with (room / "of-mess" / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert len(rows) == len(HANDED_IN)
    reports = {
        found["student"]: found
        for path in (room / "of-mess" / NAME).glob("*/report.json")
        if (found := json.loads(path.read_text(encoding="utf-8")))
    }
    assert len(reports) == len(HANDED_IN)
    for student, (_, score, said) in HANDED_IN.items():
        report = reports[student.replace("\\", "\\\\")]
        assert report["status"] == ("rejected" if score is None else "graded"), student
        assert report["score"] == (score or 0), student
        words = " ".join([report.get("reason", ""), *report.get("received", ()), *report.get("notes", ())])
        assert said in words if said else not report.get("received"), (student, words)
    assert f"{NAME}: 'Zoe\\u0308', 'Zo\\xeb' look like one student, and are graded as 2." in done.stdout
    assert "1 submission with several notebooks, of which the one of the assignment's name counts; " in done.stdout
    assert "2 submissions with several notebooks, of which the last counts (--which first: the first)." in done.stdout
    (left,) = (line for line in done.stdout.splitlines() if line.endswith("passed over."))
    for name in ("direct/rnn_step_by_step.ipynb", "misspelt/rnn_step_by_stepp/", "more.zip", "stray.ipynb"):
        assert f"'{name}'" in left
    page = (room / "of-mess" / "index.html").read_text(encoding="utf-8")
    assert page.count("is it the right file?") == 1, "who handed in another assignment needs a person"


def test_files_of_other_types_beside_notebooks(room: Path, right: bytes) -> None:
    """In a folder of notebooks, what is none is named, and so is an archive that may hold somebody's work."""
    folder = room / "flat"
    folder.mkdir()
    for name in ("ada.ipynb", "ADA.ipynb.txt", "mei.ipynb.json"):
        (folder / name).write_bytes(right)
    for name in ("grades.xlsx", "ben.zip", ".hidden"):
        (folder / name).write_bytes(b"x")
    (folder / "late").mkdir()
    done = grade(room, "flat", "--assignment", NAME, "--out", "of-flat")
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 submissions: 3 graded" in done.stdout
    assert "flat: 'ben.zip', 'grades.xlsx', 'late/': no submission of a known assignment, passed over." in done.stdout
    assert f"{NAME}: 'ADA', 'ada' look like one student" in done.stdout


def test_a_zip_within_a_zip(room: Path, right: bytes) -> None:
    """A class's zip that was packed once more is told, with what to do."""
    inner = zipped(room / "inner.zip", **{f"a_1_2_{NAME}.ipynb": right})
    zipped(room / "outer.zip", **{"submissions.zip": inner})
    done = grade(room, "outer.zip", "--out", "of-outer")
    assert done.returncode == 1
    assert done.stderr == (
        "autograder: outer.zip holds no notebook (*.ipynb), but another archive ('submissions.zip'). Unpack it, and "
        "name that one.\n"
    )
    assert not (room / "of-outer").exists()


def older(path: Path) -> None:
    """Take a gradebook back to the schema before courses, which nbgrader's own downgrade fails to do."""
    connection = sqlite3.connect(path)
    with connection:
        connection.executescript("""
            CREATE TABLE before AS SELECT id, name, duedate FROM assignment;
            DROP TABLE assignment;
            CREATE TABLE assignment (id VARCHAR(32) NOT NULL PRIMARY KEY, name VARCHAR(128) NOT NULL UNIQUE,
                duedate DATETIME);
            INSERT INTO assignment SELECT * FROM before;
            DROP TABLE before;
            DROP TABLE course;
            UPDATE alembic_version SET version_num = '282d30a0218e';
        """)
    connection.close()


def test_a_gradebook_from_an_older_nbgrader(room: Path, right: bytes) -> None:
    """It is told before anything is graded, with the command that helps, and not a byte of it is touched."""
    (room / "ada.ipynb").write_bytes(right)
    command = ("autograder", "grade", "ada.ipynb", "--assignment", NAME, "--workers", "1")
    assert run(room, *command, "--out", "new").returncode == 0
    older(room / "gradebook.db")
    before = (room / "gradebook.db").read_bytes()
    done = run(room, *command, "--out", "old")
    assert done.returncode == 1
    assert done.stderr == (
        "autograder: The gradebook gradebook.db was made by an older nbgrader. Make a copy of it, run "
        "`nbgrader db upgrade`, and grade again.\n"
    )
    assert (room / "gradebook.db").read_bytes() == before
    assert not (room / "old").exists()


def test_a_full_disk_under_the_gradebook(room: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It is told in a sentence, without frames of the database's; nothing of the batch is half written."""
    url = f"sqlite:///{room / 'full.db'}"
    gradebook_access.ensure_assignment(url, NAME, room / "release" / NAME / f"{NAME}.ipynb", "rnn")
    pages = sqlite3.connect(room / "full.db").execute("PRAGMA page_count").fetchone()[0]

    def full(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    origin = Provenance("", "", "", "", "", "", "")
    one = Report(NAME, "", Status.REJECTED, 0.0, 100.0, (), origin, reason="x" * 500)
    reports = [gradebook.Graded(replace(one, student=f"s{number:03}"), None) for number in range(200)]
    sa.event.listen(sa.Engine, "connect", full)
    try:
        with pytest.raises(GraderError, match=r"full\.db could not be written: the disk is full\. Make room"):
            gradebook.write(url, reports)
    finally:
        sa.event.remove(sa.Engine, "connect", full)
    assert capfd.readouterr() == ("", "")
    connection = sqlite3.connect(room / "full.db")
    assert connection.execute("SELECT count(*) FROM submitted_assignment").fetchone() == (0,)
    assert connection.execute("SELECT id FROM course").fetchall() == [("rnn",)], "no second course by the way"
    connection.close()
    gradebook.write(url, reports)
