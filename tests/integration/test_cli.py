"""The command as instructors and CI use it: real processes, exit codes, what is said where."""

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from gradebook_dump import points

from autograder import demo, variants
from autograder.course import CONFIG, MODULES, Course

NAME = demo.ASSIGNMENT


@pytest.fixture(scope="module")
def room(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a course of its own, released, in a temporary folder."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(course.root / CONFIG, root)
    for name in (*MODULES, f"source/{NAME}", f"release/{NAME}"):
        shutil.copytree(course.root / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def run(room: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a course's folder."""
    return subprocess.run(
        [Path(sys.executable).with_name("autograder"), *arguments],
        cwd=room,
        env={**os.environ, "AUTOGRADER_SECRET": "a secret for tests", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def hand_in(room: Path, folder: str, *students: str, made_in: Path | None = None) -> Path:
    """Put members of the sample class into a flat folder."""
    place = room / folder
    place.mkdir()
    made_from = demo.solutions(Course.at(made_in or room))
    for member in demo.MEMBERS:
        if member.student in students:
            (place / f"{member.student}.ipynb").write_bytes(demo.content(member, made_from))
    return place


def report(out: Path, student: str) -> dict[str, object]:
    """Return a report.json."""
    return dict(json.loads((out / student / "report.json").read_text()))


def test_the_source_earns_everything_and_the_release_nothing(room: Path) -> None:
    """The two commands of the contract: all of the points, and none of them."""
    for folder, score in (("source", 100.0), ("release", 0.0)):
        notebook = f"{folder}/{NAME}/{NAME}.ipynb"
        done = run(room, "grade", notebook, "--assignment", NAME, "--out", f"out-{folder}", "--no-gradebook")
        assert done.returncode == 0, done.stderr
        assert report(room / f"out-{folder}", NAME)["score"] == score
    assert not (room / "gradebook.db").exists()


def test_a_folder_is_graded_into_reports_pages_scores_and_gradebook(room: Path) -> None:
    """Two workers, a rejected one among them; everything is written, the table is printed, nothing else is."""
    submitted = hand_in(room, "flat", "ada", "mei", "bad-empty", "evil-exit")
    (submitted / "notes.txt").write_text("not a notebook")
    (submitted / "linked.ipynb").symlink_to("/etc/passwd")
    (submitted / "folder.ipynb").mkdir()
    done = run(room, "grade", "flat", "--assignment", NAME, "--out", "flat-out", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout, "quiet when not on a terminal"
    with (room / "flat-out/scores.csv").open(newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert {name: (row["status"], float(row["score"])) for name, row in rows.items()} == {
        "ada": ("graded", 100),
        "mei": ("graded", 50),
        "evil-exit": ("graded", 50),
        "bad-empty": ("rejected", 0),
        "linked": ("rejected", 0),
        "folder": ("rejected", 0),
    }
    for name in rows:
        assert "<html" in (room / "flat-out" / name / "feedback.html").read_text()
    written = report(room / "flat-out", "mei")
    assert written["schema"] == 2
    assert written["provenance"]["isolation"] == "namespaces"  # type: ignore[index]
    assert written["provenance"]["kernel"] == os.uname().release  # type: ignore[index]
    assert "50 s in all, memory 1 GiB, output 1 MiB" in written["provenance"]["limits"]  # type: ignore[index]
    assert points(room) == {"ada": 100, "mei": 50, "evil-exit": 50, "bad-empty": 0, "linked": 0, "folder": 0}


def test_what_has_not_changed_is_not_graded_again(room: Path) -> None:
    """The second run keeps the reports as they are; a changed notebook alone is graded; --fresh grades all."""
    submitted = hand_in(room, "again", "ada", "mei")
    command = ("grade", "again", "--assignment", NAME, "--out", "again-out", "--no-gradebook", "--workers", "1")
    run(room, *command)
    before = {name: (room / "again-out" / name / "report.json").stat().st_ino for name in ("ada", "mei")}
    (submitted / "mei.ipynb").write_bytes((submitted / "ada.ipynb").read_bytes())
    done = run(room, *command)
    after = {name: (room / "again-out" / name / "report.json").stat().st_ino for name in ("ada", "mei")}
    assert "1 unchanged" in done.stdout
    assert before["ada"] == after["ada"]
    assert before["mei"] != after["mei"]
    assert report(room / "again-out", "mei")["score"] == 100
    assert "unchanged" not in run(room, *command, "--fresh").stdout
    other = run(room, *command, AUTOGRADER_SECRET="another secret for tests")  # noqa: S106
    assert "unchanged" not in other.stdout, "with other inputs, the old reports say nothing"


def test_an_nbgrader_tree_is_graded_by_its_folders(room: Path) -> None:
    """Results go below the assignment; a student without a notebook is rejected with a sentence."""
    content = (hand_in(room, "one", "ada") / "ada.ipynb").read_bytes()
    for student in ("zoë", "two words"):
        place = room / "submitted" / student / NAME
        place.mkdir(parents=True)
        (place / f"{NAME}.ipynb").write_bytes(content)
        (place / "timestamp.txt").write_text("2026-11-02 10:00:00.000000 UTC")
    (room / "submitted" / "absent" / NAME).mkdir(parents=True)
    done = run(room, "grade", "--out", "tree-out", "--workers", "1", "--no-gradebook")
    assert done.returncode == 0, done.stderr
    reports = [json.loads(path.read_text()) for path in (room / "tree-out" / NAME).glob("*/report.json")]
    assert {r["student"]: r["score"] for r in reports} == {"zoë": 100, "two words": 100, "absent": 0}
    (reason,) = [r["reason"] for r in reports if r["status"] == "rejected"]
    assert reason.startswith("There is no notebook")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("grade", "nowhere"), "nowhere does not exist"),
        (("grade", "flat", "--assignment", "nothing"), "There is no assignment 'nothing'"),
        (("grade", f"source/{NAME}", "--assignment", NAME, "--out", "/proc/out"), "cannot be written to"),
        (("grade", "rnn_utils", "--assignment", NAME), "holds no notebook"),
        (("grade", "flat", "--assignment", NAME, "--min-isolation", "perfect"), "no isolation level 'perfect'"),
        (("grade", "--workers", "none"), "Invalid value"),
        (("grade", "--nonsense"), "No such option"),
        (("nonsense",), "No such command"),
        (("release", "nothing"), "There is no assignment 'nothing'"),
        (("report", "rnn_utils"), "holds no report.json"),
    ],
)
def test_wrong_usage_is_one_clear_line_and_exit_1(room: Path, arguments: tuple[str, ...], said: str) -> None:
    """Nothing is graded, nothing is written, and there is no traceback."""
    (room / "flat").mkdir(exist_ok=True)
    done = run(room, *arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_outside_a_course_the_command_says_so(tmp_path: Path) -> None:
    """A folder without source/ and nbgrader_config.py is no course."""
    done = run(tmp_path, "grade")
    assert done.returncode == 1
    assert "is not a course" in done.stderr


@pytest.mark.parametrize("damage", ["locked", "no database", "no source"])
def test_what_is_broken_is_told_before_anything_is_graded(room: Path, tmp_path: Path, damage: str) -> None:
    """A locked or broken gradebook and a missing source notebook end the run before the first submission."""
    root = tmp_path / "course"
    shutil.copytree(room, root, ignore=shutil.ignore_patterns("*out*", "gradebook.db", "submitted", "flat"))
    place = hand_in(root, "class", "ada")
    book = sqlite3.connect(root / "gradebook.db", isolation_level=None)
    if damage == "locked":
        book.execute("create table x (y)")
        book.execute("begin exclusive")
    elif damage == "no database":
        (root / "gradebook.db").write_text("this is no database, it is a text that is long enough to be one")
    else:
        (root / "source" / NAME / f"{NAME}.ipynb").unlink()
    done = run(root, "grade", str(place), "--assignment", NAME, "--workers", "1")
    book.close()
    assert done.returncode == 1, done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert not list((root / "results").glob("*/report.json")) if (root / "results").exists() else True


def test_a_level_that_is_not_to_be_had_is_exit_3(room: Path) -> None:
    """Asked for more than there is, nothing is run."""
    (room / "flat").mkdir(exist_ok=True)
    done = run(room, "grade", f"source/{NAME}/{NAME}.ipynb", "--out", "o3", "--min-isolation", "full", "--no-gradebook")
    assert done.returncode == 3
    assert "no control group of their own. Nothing was graded" in done.stderr
    assert not (room / "o3").exists()


def test_our_failure_is_no_zero_and_exit_2(room: Path, tmp_path: Path) -> None:
    """A reference that fails on a case gives no score, leaves the others alone, and makes the run exit with 2."""
    root = tmp_path / "course"
    shutil.copytree(room, root, ignore=shutil.ignore_patterns("*out*", "gradebook.db", "submitted", "flat"))
    source = root / "source" / NAME / f"{NAME}.ipynb"
    document = variants.read(source)
    cell = next(c for c in document["cells"] if variants.grade_id(c) == "UNQ_C1")
    broken = variants.source_of(cell).replace(
        "    ### START CODE HERE ###\n", "    assert xt.shape[1] > 1\n    ### START CODE HERE ###\n"
    )
    source.write_bytes(variants.write(variants.with_sources(document, {"UNQ_C1": broken})))
    place = hand_in(root, "class", "ada", "bad-empty", made_in=room)
    done = run(root, "grade", str(place), "--assignment", NAME, "--out", "o", "--workers", "1")
    assert done.returncode == 2, done.stderr
    ada = report(root / "o", "ada")
    assert (ada["status"], ada["score"]) == ("grader_error", None)
    assert report(root / "o", "bad-empty")["status"] == "rejected"
    with sqlite3.connect(root / "gradebook.db") as book:
        rows = book.execute(
            "select g.auto_score, g.needs_manual_grade from grade g "
            "join submitted_notebook sn on sn.id = g.notebook_id "
            "join submitted_assignment sa on sa.id = sn.assignment_id where sa.student_id = 'ada'"
        ).fetchall()
    book.close()
    assert rows == [(None, 1), (None, 1)]


def test_pages_are_made_again_from_reports(room: Path) -> None:
    """`autograder report` needs nothing but the reports."""
    hand_in(room, "for-pages", "ada")
    run(room, "grade", "for-pages", "--assignment", NAME, "--out", "p", "--no-gradebook", "--workers", "1")
    before = (room / "p/scores.csv").read_text()
    (room / "p/scores.csv").unlink()
    (room / "p/ada/feedback.html").unlink()
    done = run(room, "report", "p")
    assert done.returncode == 0, done.stderr
    assert (room / "p/scores.csv").read_text() == before
    assert "100 of 100" in (room / "p/ada/feedback.html").read_text()


def test_doctor_tries_and_finds_this_machine_fit(room: Path) -> None:
    """Every forbidden act is stopped, every ordinary one works."""
    done = run(room, "doctor")
    assert done.returncode == 0, done.stdout
    assert "NOT ISOLATED" not in done.stdout
    assert "connect to a port" in done.stdout


def test_the_audit_fails_where_tests_are_weak_and_keeps_what_it_found(room: Path, tmp_path: Path) -> None:
    """With a check taken away, the audit names what gets through, exits 1, and leaves it in audit.json."""
    root = tmp_path / "course"
    shutil.copytree(room, root, ignore=shutil.ignore_patterns("*out*", "gradebook.db", "submitted", "flat"))
    from autograder import assignments

    weak = assignments.file_of(Course.at(room), NAME).read_text()
    for old, new in (
        ('Check("yt_pred", 4, 1), ', ""),
        ("cases=SEQUENCE_CASES", "cases=SEQUENCE_CASES[:1]"),
        ("mistakes=SEQUENCE_MISTAKES", "mistakes=SEQUENCE_MISTAKES[:1]"),
    ):
        assert weak.count(old) == 1
        weak = weak.replace(old, new)
    place = root / "autograder" / "assignments"
    place.mkdir(parents=True)
    (place / f"{NAME}.py").write_text(weak)
    done = run(root, "audit", "--key", "00" * 32)
    assert done.returncode == 1
    assert "The hidden tests are weak" in done.stderr
    assert "it should earn 100" in done.stdout
    kept = json.loads((root / "audit.json").read_text())["assignments"][NAME]
    assert (kept["passed"], kept["key"]) == (False, "00" * 32)


def test_help_is_quick_to_import(course: Course) -> None:
    """`--help` loads neither numpy nor nbgrader nor IPython."""
    code = "import sys, autograder.cli; print(sorted({'numpy', 'nbgrader', 'IPython', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=course.root)
    assert done.stdout.strip() == "[]"
