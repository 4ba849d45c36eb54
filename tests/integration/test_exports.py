"""The ways out as instructors and CI use them: real runs, each file opened by a reader of its own."""

import csv
import json
import os
import shutil
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest

from autograder import demo, gradescope_zip
from autograder.course import CONFIG, MODULES, Course
from autograder.reports.formats import FORMATS

NAME = demo.ASSIGNMENT
SECRET = "a secret for tests of exports"  # noqa: S105  of nothing
SCORES = {"ada": 100.0, "mei": 50.0, "bad-empty": 0.0}


pytestmark = pytest.mark.xdist_group("exports")  # of one graded class and one zip


@pytest.fixture(scope="module")
def room(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a course of its own, released, and a class of three: full marks, half of them, and a rejected one."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(course.root / CONFIG, root)
    for name in (*MODULES, f"source/{NAME}", f"release/{NAME}"):
        shutil.copytree(course.root / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    made_from = demo.solutions(Course.at(root))
    for member in demo.MEMBERS:
        if member.student in SCORES:
            folder = root / "submitted" / member.student / NAME
            folder.mkdir(parents=True)
            (folder / f"{NAME}.ipynb").write_bytes(demo.content(member, made_from))
    return root


def run(room: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a course's folder."""
    return subprocess.run(
        [Path(sys.executable).with_name("autograder"), *arguments],
        cwd=room,
        env={**os.environ, "AUTOGRADER_SECRET": SECRET, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def graded(room: Path) -> Path:
    """Grade the class with every format there is, as a step of a CI job; return the results."""
    (room / "step").write_text("# An earlier step\n")
    done = run(room, "grade", "--format", ",".join(FORMATS), GITHUB_STEP_SUMMARY=str(room / "step"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "Exports: " in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("::")] == (
        (room / "results/exports/annotations.txt").read_text().splitlines()
    )
    return room / "results"


def test_every_format_has_the_scores_of_the_run(graded: Path) -> None:
    """One run, seven formats: each reader finds the scores that `scores.csv` has."""
    exports = graded / "exports"

    def rows(name: str) -> list[dict[str, str]]:
        with (exports / name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    with (graded / "scores.csv").open(newline="") as file:
        assert {row["student"]: float(row["score"]) for row in csv.DictReader(file)} == SCORES
    assert {row["student"]: float(row["points"]) for row in rows("grades.csv")} == SCORES
    assert {row["SIS Login ID"]: float(row[NAME]) for row in rows("canvas.csv")[1:]} == SCORES
    assert {row["Username"]: float(row[NAME]) for row in rows("moodle.csv")} == SCORES
    reports = map(json.loads, (exports / "reports.jsonl").read_text().splitlines())
    assert {report["student"]: report["score"] for report in reports} == SCORES
    for student, score in SCORES.items():
        results = json.loads((exports / "gradescope" / NAME / student / "results.json").read_text())
        assert results["score"] == score
    suites = {
        suite.get("name"): suite.get("failures")
        for suite in ET.parse(exports / "junit.xml").getroot()  # noqa: S314  our own file
    }
    assert suites == {f"{NAME}.ada": "0", f"{NAME}.mei": "1", f"{NAME}.bad-empty": "1"}


def test_the_summary_of_the_step_is_added_and_what_was_rejected_is_annotated(room: Path, graded: Path) -> None:
    """The file that GitHub names keeps what was there; one warning names the rejected submission."""
    summary = (room / "step").read_text()
    assert summary.startswith("# An earlier step\n")
    assert summary.count("<tr>") == 1 + len(SCORES)
    (line,) = (graded / "exports" / "annotations.txt").read_text().splitlines()
    assert line.startswith("::warning title=Rejected::bad-empty, ")


def test_report_writes_exports_again_from_the_reports_on_disk(room: Path, graded: Path) -> None:
    """The same bytes as from the run, but for nothing; with a file of ids, other names."""
    again = room / "again"
    shutil.copytree(graded, again, ignore=shutil.ignore_patterns("exports"))
    done = run(room, "report", "again", "--format", "csv,junit,gradescope", "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    for name in ("grades.csv", "junit.xml", "reports.jsonl", f"gradescope/{NAME}/mei/results.json"):
        assert (again / "exports" / name).read_bytes() == (graded / "exports" / name).read_bytes()
    (room / "ids.csv").write_text("student,name,canvas_id\nada,Ada L.,4711\n")
    done = run(room, "report", "again", "--format", "canvas", "--ids", "ids.csv", "--column", f"{NAME}=RNN (12)")
    assert done.returncode == 0, done.stderr
    with (again / "exports" / "canvas.csv").open(newline="") as file:
        header, _, first, *_ = csv.reader(file)
    assert header[-1] == "RNN (12)"
    assert first == ["Ada L.", "4711", "", "", "", "100"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--format", "csv,pdf"), "There is no format 'pdf'"),
        (("--format", "canvas", "--ids", "nowhere.csv"), "The file of ids nowhere.csv cannot be read"),
        (("--format", "canvas", "--column", "x"), "--column 'x' is not of the form"),
    ],
)
def test_a_wrong_wish_is_told_before_anything_runs(room: Path, options: tuple[str, ...], said: str) -> None:
    """Exit code 1, one sentence, and no results."""
    for command in (("grade", "--no-gradebook", "--out", "untouched"), ("report", "results")):
        done = run(room, *command, *options)
        assert done.returncode == 1
        assert done.stderr.startswith(f"autograder: {said}")
        assert done.stderr.count("\n") == 1
    assert not (room / "untouched").exists()


def test_a_folder_of_exports_that_cannot_be_written_to_is_told_before(room: Path) -> None:
    """A file stands in its place: exit code 1, and nothing is graded."""
    (room / "blocked").mkdir()
    (room / "blocked" / "exports").write_text("in the way")
    done = run(room, "grade", "--no-gradebook", "--out", "blocked", "--format", "csv")
    assert done.returncode == 1
    assert "exports cannot be written to" in done.stderr
    assert [path.name for path in (room / "blocked").iterdir()] == ["exports"]


def test_nbgrader_export_reads_what_was_graded(room: Path, graded: Path) -> None:
    """The `export` command of nbgrader finds the scores in the gradebook that `autograder grade` wrote."""
    assert graded.is_dir()
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "export", "--to", "nbgrader.csv"],
        cwd=room,
        env={**os.environ, "HOME": str(room)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    with (room / "nbgrader.csv").open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert {student: float(row["score"]) for student, row in rows.items()} == SCORES
    assert {row["assignment"] for row in rows.values()} == {NAME}


# ---- Gradescope ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packed(room: Path) -> Path:
    """Make the zip for Gradescope."""
    shutil.copytree(room / "source" / NAME, room / "source" / "another")
    done = run(room, "release", "--gradescope", NAME)
    shutil.rmtree(room / "source" / "another")
    assert done.returncode == 0, done.stderr
    assert "for nobody else" in done.stdout
    path = room / ".autograder" / "gradescope" / f"{NAME}.zip"
    assert str(path) in done.stdout
    return path


@pytest.fixture
def container(packed: Path, tmp_path: Path) -> Path:
    """Lay the zip out as Gradescope's container has it, with one student's submission to come."""
    source = tmp_path / "source"
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(source)
        for info in archive.infolist():
            (source / info.filename).chmod(info.external_attr >> 16 & 0o777)
    shutil.copy(source / "run_autograder", tmp_path)
    # stands for the environment that setup.sh makes
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (tmp_path / "submission").mkdir()
    users = [{"email": "zoe@example.org", "id": 2}, {"email": "ada@example.org", "id": 1}]
    (tmp_path / "submission_metadata.json").write_text(json.dumps({"id": 123, "users": users}))
    return tmp_path


def started(container: Path) -> subprocess.CompletedProcess[str]:
    """Run it as Gradescope does."""
    return subprocess.run(
        [container / "run_autograder"], cwd=container, capture_output=True, text=True, check=False, timeout=120
    )


def test_the_zip_holds_what_grading_needs_and_no_secret(room: Path, packed: Path) -> None:
    """Scripts at the top and executable, the one assignment; not the secret, other assignments, the configuration."""
    with zipfile.ZipFile(packed) as archive:
        names = set(archive.namelist())
        content = {name: archive.read(name) for name in names}
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
    assert {"setup.sh", "run_autograder", "secret", "requirements.txt"} <= names
    for script in ("setup.sh", "run_autograder"):
        assert content[script].startswith(b"#!/usr/bin/env bash\n")
        assert modes[script] & stat.S_IXUSR
        subprocess.run(["bash", "-n"], input=content[script], check=True)
    assert {name for name in names if name.startswith("course/source/")} == {f"course/source/{NAME}/{NAME}.ipynb"}
    hidden = {name for name in names if "/assignments/" in name}
    assert hidden == {"grader/autograder/assignments/__init__.py", f"grader/autograder/assignments/{NAME}.py"}
    assert all(SECRET.encode() not in data for data in content.values())
    assert content["secret"].decode().strip() == gradescope_zip.derived_key(SECRET.encode(), NAME)
    assert all(str(room).encode() not in data for data in content.values()), "no path of this machine"
    assert b"numpy==" in content["requirements.txt"]
    assert b"nbgrader" not in content["requirements.txt"]
    assert stat.S_IMODE(packed.stat().st_mode) == 0o600
    assert not list((room / "release").glob("*gradescope*"))


def test_the_zip_is_the_same_for_the_same_content(room: Path, packed: Path) -> None:
    """Made twice, it is equal byte for byte, so that an upload can be compared."""
    before = packed.read_bytes()
    # by the command again: this process may have packages of other courses on its path, from other tests
    assert run(room, "release", "--gradescope", NAME).returncode == 0
    assert packed.read_bytes() == before


def test_a_submission_is_graded_in_the_container(room: Path, container: Path) -> None:
    """A notebook in a folder, renamed: the score, the level that held, and the inputs of the whole group."""
    (container / "submission" / "mine").mkdir()
    shutil.copy(room / f"submitted/mei/{NAME}/{NAME}.ipynb", container / "submission/mine/final (2).ipynb")
    done = started(container)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ada@example.org+zoe@example.org" in done.stdout
    results = json.loads((container / "results" / "results.json").read_text())
    assert results["score"] == 50.0
    assert results["extra_data"]["isolation"] in {"filtered", "namespaces", "full"}
    assert [path.name for path in (container / "results").iterdir()] == ["results.json"]


def test_a_submission_without_a_notebook_is_rejected_with_a_reason(container: Path) -> None:
    """That is the student's to mend: 0, and a sentence; a link out of the submission is no notebook either."""
    (container / "submission" / "notes.txt").write_text("later")
    (container / "submission" / f"{NAME}.ipynb").symlink_to(container / "source/course/source" / NAME / f"{NAME}.ipynb")
    assert started(container).returncode == 0
    results = json.loads((container / "results" / "results.json").read_text())
    assert results["score"] == 0.0
    assert f"There is no notebook `{NAME}.ipynb`" in results["tests"][0]["output"]


def test_what_cannot_be_graded_has_no_results(room: Path, container: Path) -> None:
    """The grader is broken: an exit code, the reason for the instructor, and no file that could be read as a zero."""
    shutil.copy(room / f"submitted/ada/{NAME}/{NAME}.ipynb", container / "submission")
    (container / "results").mkdir()
    (container / "results" / "results.json").write_text('{"score": 0}')
    (container / "source/grader/autograder/assignments" / f"{NAME}.py").unlink()
    done = started(container)
    assert done.returncode != 0
    assert "There are no hidden tests" in done.stderr
    assert "This is no zero." in done.stdout
    assert list((container / "results").iterdir()) == []


def test_gradescope_and_check_do_not_go_together(room: Path) -> None:
    """Nothing is guessed: a sentence and exit code 1."""
    done = run(room, "release", "--gradescope", "--check", NAME)
    assert done.returncode == 1
    assert "without it" in done.stderr
