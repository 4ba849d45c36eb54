"""A course without our steps in its configuration: it is told and mended, and then nbgrader runs no student's code."""

import json
import sqlite3
import subprocess
from pathlib import Path

import pytest
from sample_course import BIN, NAME, make, run

from autograder.course import CONFIG

HAND_MADE = 'c = get_config()\nc.CourseDirectory.course_id = "mine"\n'
MISSING = f"{CONFIG}: c.Autograde.autograde_preprocessors is not set, and nbgrader's default has"


def course_of(folder: Path, config: str, canary: Path) -> Path:
    """Make a course with one submission, whose right answers are followed by a cell that writes outside."""
    course = make(folder, {"eve": "ada"})
    (course / CONFIG).write_text(config)
    path = course / "submitted" / "eve" / NAME / f"{NAME}.ipynb"
    document = json.loads(path.read_text())
    source = f"open({str(canary)!r}, 'w').write('here')"
    cell = {"cell_type": "code", "id": "eve", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    document["cells"].append(cell)
    path.write_text(json.dumps(document))
    return course


@pytest.mark.slow
def test_nbgrader_runs_no_students_code_once_it_is_mended(tmp_path: Path) -> None:
    """Before, it writes where it likes; after, it is graded all the same."""
    canary = tmp_path / "canary"
    course = course_of(tmp_path / "course", HAND_MADE, canary)
    released = run(course, "release", NAME)
    assert released.returncode == 0, released.stderr
    assert f"Warning: {MISSING}" in released.stderr
    assert f"Warning: {CONFIG}: c.GenerateAssignment.preprocessors is not set" in released.stderr

    assert run(course, "autograde", NAME, tool=("nbgrader",)).returncode == 0
    assert canary.exists(), "nbgrader's own defaults have changed: is all of this still needed?"
    canary.unlink()

    graded = run(course, "grade", "--no-gradebook")
    assert graded.returncode == 0, graded.stderr
    assert graded.stderr.startswith(f"Warning: {MISSING}")
    assert graded.stderr.count("Warning: ") == 1
    assert '    "autograder.plugin.GradeInSandbox",\n' in graded.stderr
    assert "`autograder doctor --fix`" in graded.stderr

    shown = run(course, "doctor")
    assert shown.returncode == 0, shown.stderr
    assert MISSING in shown.stdout
    assert (course / CONFIG).read_text() == HAND_MADE
    fixed = run(course, "doctor", "--fix")
    assert fixed.returncode == 0, fixed.stderr
    assert f"Written to {course / CONFIG}: " in fixed.stdout
    assert (course / CONFIG).read_text().startswith(HAND_MADE)

    done = run(course, "autograde", NAME, "--force", tool=("nbgrader",))
    assert done.returncode == 0, done.stderr
    assert not canary.exists()
    with sqlite3.connect(course / "gradebook.db") as book:
        assert book.execute("select sum(auto_score) from grade").fetchone() == (100.0,)
    book.close()
    assert run(course, "grade", "--no-gradebook").stderr == ""


@pytest.mark.slow
def test_nbgrader_goes_on_without_a_configuration_that_raises(tmp_path: Path) -> None:
    """That is why such a file is told as what it is: as good as none."""
    canary = tmp_path / "canary"
    course = course_of(tmp_path / "course", HAND_MADE, canary)
    assert run(course, "doctor", "--fix").returncode == 0
    released = run(course, "release", NAME)
    assert (released.returncode, released.stderr) == (0, "")
    with (course / CONFIG).open("a") as file:
        file.write("c.Autograde.autograde_preprocessors.drop('nbgrader.preprocessors.LimitOutput')\n")
    line = (course / CONFIG).read_text().count("\n")
    graded = run(course, "grade", "--no-gradebook")
    assert graded.returncode == 0, graded.stderr
    assert graded.stderr.startswith(f"Warning: {CONFIG}:{line}: it raises AttributeError: ")
    refused = run(course, "doctor", "--fix")
    assert refused.returncode == 1
    assert f"{CONFIG}:{line}: it raises AttributeError: " in refused.stderr
    run(course, "autograde", NAME, tool=("nbgrader",))
    assert canary.exists(), "nbgrader refuses such a file by now: then the sentence is wrong"


@pytest.mark.slow
def test_a_course_of_quickstart_is_made_right_by_new(tmp_path: Path) -> None:
    """What nbgrader itself makes has none of our steps; `new` writes them and says so, and nothing else is changed."""
    made = subprocess.run(
        [BIN / "nbgrader", "quickstart", "course101"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    course = tmp_path / "course101"
    before = (course / CONFIG).read_text()
    audited = run(course, "audit", "ps1")
    assert MISSING in audited.stderr
    new = run(course, "new", "warm_up")
    assert (new.returncode, new.stderr) == (0, "")
    assert f"Wrote to {CONFIG}, so that `nbgrader autograde` runs students' code in the sandbox, too:" in new.stdout
    assert (course / CONFIG).read_text().startswith(before.rstrip())
    released = run(course, "release", "warm_up")
    assert (released.returncode, released.stderr) == (0, "")
    again = run(course, "new", "second")
    assert CONFIG not in again.stdout
    assert "and nowhere else" in run(course, "doctor").stdout


def test_the_doctor_works_without_a_course(tmp_path: Path) -> None:
    """Somewhere else, it speaks of the machine alone; a course that is named must be one."""
    done = run(tmp_path, "doctor")
    assert done.returncode == 0, done.stderr
    assert "nbgrader" not in done.stdout
    for arguments in (("--course", "."), ("--fix",)):
        done = run(tmp_path, "doctor", *arguments)
        assert done.returncode == 1
        assert "is not a course" in done.stderr


@pytest.mark.parametrize("command", ["--help", "doctor --help"])
def test_help_does_not_wait_for_the_configuration(tmp_path: Path, command: str) -> None:
    """It imports neither traitlets nor numpy."""
    code = "import sys; from autograder.cli import app; "
    code += f"app({command.split()!r}, standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([BIN / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert not {"traitlets", "numpy", "jupyter_core"} & set(done.stdout.split())
