"""A changed test regrades what it touches, says who gains and who loses before it writes, and nothing is done twice."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gradebook_dump import points

from autograder import assignments, demo
from autograder.course import CONFIG, MODULES, Course
from autograder.results import PAGE, REPORT, Results

NAME = demo.ASSIGNMENT
TESTS = Path("autograder") / "assignments" / f"{NAME}.py"
CLASS = {"ada": 100.0, "mei": 50.0, "ben": 80.0}

pytestmark = pytest.mark.xdist_group("regrading")  # one course, whose tests are changed again and again


@pytest.fixture(scope="module")
def room(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a course with hidden tests of its own and a class of three, graded."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(course.root / CONFIG, root)
    for name in (*MODULES, f"source/{NAME}", f"release/{NAME}"):
        shutil.copytree(course.root / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / TESTS).parent.mkdir(parents=True)
    shutil.copy(assignments.file_of(course, NAME), root / TESTS)
    made_from = demo.solutions(Course.at(root))
    members = {member.student: member for member in demo.MEMBERS}
    makers = {
        "ada": members["ada"].make,
        "mei": members["mei"].make,
        "ben": lambda s: s.mistaken(UNQ_C2="predictions-not-stored"),  # one of three checks is wrong
    }
    for student, make in makers.items():
        folder = root / "submitted" / student / NAME
        folder.mkdir(parents=True)
        (folder / f"{NAME}.ipynb").write_bytes(demo.content(demo.Member(student, make, 0.0), made_from))
    done = run(root)
    assert done.returncode == 0, done.stderr
    assert {student: report(root, student)["score"] for student in CLASS} == CLASS
    return root


def run(room: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Grade."""
    return subprocess.run(
        [Path(sys.executable).with_name("autograder"), "grade", "--workers", "1", *arguments],
        cwd=room,
        env={**os.environ, "AUTOGRADER_SECRET": "a secret for tests of regrading"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def report(room: Path, student: str) -> dict[str, object]:
    """Return a report.json."""
    return dict(json.loads((room / "results" / NAME / student / "report.json").read_text()))


def everything(room: Path, *, folders: bool = True) -> dict[str, tuple[int, int, int]]:
    """Return what tells whether anything in a course has been written, even for a moment; or only for good."""
    found = {}
    for path in sorted(room.rglob("*")):
        status = path.lstat()
        if "__pycache__" not in path.parts and (folders or not path.is_dir()):
            found[str(path.relative_to(room))] = (status.st_ino, status.st_mtime_ns, status.st_size)
    return found


def edit(room: Path, old: str, new: str) -> None:
    """Change the hidden tests."""
    text = (room / TESTS).read_text()
    assert text.count(old) == 1
    (room / TESTS).write_text(text.replace(old, new))


def marked(room: Path, student: str, exercise: int) -> str:
    """Write something into the report of one exercise that only marking it again would take away."""
    path = room / "results" / NAME / student / "report.json"
    document = json.loads(path.read_text())
    document["exercises"][exercise]["feedback"] = "As it was."
    path.write_text(json.dumps(document))
    return "As it was."


def test_a_comment_in_the_tests_regrades_nobody(room: Path) -> None:
    """What decides no grade touches none."""
    edit(room, "ASSIGNMENT = ", "# the end\nASSIGNMENT = ")
    assert "3 unchanged" in run(room).stdout


def test_a_changed_test_regrades_what_it_touches(room: Path) -> None:
    """A dry run says who would gain and lose and writes nothing; the run says the same first, and then writes it."""
    marks = {(student, n): marked(room, student, n) for student in CLASS for n in (0, 1)}
    edit(room, 'checks=(Check("a", 4, 0), Check("y_pred", 4, 1)', 'checks=(Check("a", 4, 0), Check("y_pred", 14, 1)')
    before = everything(room)
    dry = run(room, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert everything(room) == before, "nothing at all is written"
    assert "nothing was written" in dry.stdout
    said = [line for line in dry.stdout.splitlines() if "raded again" in line or "fewer" in line or "ben" in line]
    assert said[0].endswith(f"3 submissions, since these have changed: UNQ_C2 of {NAME}.")
    assert said[1] == "0 have more points, 1 has fewer, 2 as many as before."
    assert "UNQ_C2: 30 → 15" in said[2]
    assert "80" in said[2]
    assert "loses 15" in said[2]

    done = run(room)
    assert done.returncode == 0, done.stderr
    first = done.stdout.split("submissions: 3 graded")[0]
    assert all(line in first for line in said[:2])
    assert "unchanged" not in done.stdout
    for student, score in {**CLASS, "ben": 65.0}.items():
        found = report(room, student)
        assert found["score"] == score
        one, two = (part["feedback"] for part in found["exercises"])  # type: ignore[attr-defined]
        assert one == marks[student, 0], "the first exercise was not touched"
        assert two != marks[student, 1], "the second one was"
    assert points(room) == {**CLASS, "ben": 65.0}
    assert not [path for path in (room / "results").iterdir() if path.name.startswith(".")]
    assert "3 unchanged" in run(room).stdout


def test_a_change_of_the_helpers_tests_touches_both(room: Path) -> None:
    """Where the cell is wrong, the forward pass is run with another one: so what the cell's tests say counts there."""
    for student in CLASS:
        marked(room, student, 0)
        marked(room, student, 1)
    edit(room, 'Check("yt_pred", 4, 1)', 'Check("yt_pred", 5, 1)')
    assert f"UNQ_C1, UNQ_C2 of {NAME}" in run(room).stdout
    assert "As it was." not in (room / "results" / NAME / "ada" / "report.json").read_text()


def test_what_was_graded_when_a_run_was_killed_is_not_graded_again(room: Path) -> None:
    """Regraded, not yet told, and killed: the next run tells it, puts it in place, and grades only the rest."""
    path = room / "results" / NAME / "ben" / "report.json"
    heavy = 'Check("a", 4, 0), Check("y_pred", 14, 1)'
    if heavy not in (room / TESTS).read_text():  # no test above has made it so
        edit(room, 'Check("a", 4, 0), Check("y_pred", 4, 1)', heavy)
        run(room)
    edit(room, heavy, 'Check("a", 4, 0), Check("y_pred", 4, 1)')
    dry = run(room, "--dry-run")
    assert "gains" in dry.stdout
    text = path.read_text()
    run(room)
    regraded = json.loads(path.read_text())
    path.write_text(text)
    regraded["notes"] = ["Graded before the kill."]
    files = {REPORT: json.dumps(regraded).encode(), PAGE: path.with_name(PAGE).read_bytes()}
    Results(room / "results").set_aside(f"{NAME}/ben", files)
    done = run(room)
    assert "1 submission, since these have changed" in done.stdout
    assert "gains" in done.stdout
    assert report(room, "ben")["notes"] == ["Graded before the kill."]
    assert "2 unchanged" in done.stdout
    assert not (room / "results" / ".regraded").exists()


def test_grading_everything_again_says_that_nothing_has_changed(room: Path) -> None:
    """`--fresh` compares as well."""
    done = run(room, "--fresh")
    assert "Graded again, as they were handed in: 3 submissions.\n0 have more points, 0 have fewer, 3 as many" in (
        done.stdout
    )


def test_a_new_submission_is_no_change_of_a_grade(room: Path) -> None:
    """Who hands in something else is graded, and there is nothing to compare."""
    place = room / "submitted" / "mei" / NAME / f"{NAME}.ipynb"
    place.write_bytes((room / "submitted" / "ada" / NAME / f"{NAME}.ipynb").read_bytes())
    dry = run(room, "--dry-run")
    assert "Graded again" not in dry.stdout
    assert report(room, "mei")["score"] == 50.0
    done = run(room)
    assert "Graded again" not in done.stdout
    assert report(room, "mei")["score"] == 100.0


def test_a_dry_run_of_a_class_that_was_never_graded_writes_nothing(room: Path) -> None:
    """No results folder, no row in the gradebook; the table shows what it would be."""
    before = everything(room)
    dry = run(room, "--dry-run", "--out", "elsewhere")
    assert dry.returncode == 0, dry.stderr
    assert "3 submissions: 3 graded" in dry.stdout
    assert everything(room) == before
    assert not (room / "elsewhere").exists()


def test_results_of_a_newer_version_are_left_alone(room: Path) -> None:
    """One line, exit code 1, and nothing was done."""
    path = room / "results" / NAME / "ada" / "report.json"
    text = path.read_text()
    path.write_text(text.replace('"schema": 2', '"schema": 3'))
    before = everything(room, folders=False)
    for arguments in ((), ("--fresh",), ("--dry-run",)):
        done = run(room, *arguments)
        assert done.returncode == 1
        assert "was written by a newer autograder" in done.stderr
        assert done.stderr.count("\n") == 1
    assert everything(room, folders=False) == before
    path.write_text(text)


def test_two_runs_do_not_write_to_one_folder(room: Path) -> None:
    """The second one is told who has it, exits with 1, and has done nothing; a report is refused as well."""
    from autograder.holding import Hold

    hold = Hold(room / "results")
    hold.take("autograder grade --watch")
    before = everything(room, folders=False)
    done = run(room, "--fresh")
    again = subprocess.run(
        [Path(sys.executable).with_name("autograder"), "report"], cwd=room, capture_output=True, text=True, check=False
    )
    assert everything(room, folders=False) == before
    hold.release()
    for one in (done, again):
        assert one.returncode == 1
        assert f"process {os.getpid()} on " in one.stderr
        assert "`autograder grade --watch`" in one.stderr
        assert one.stderr.count("\n") == 1
    assert run(room).returncode == 0
