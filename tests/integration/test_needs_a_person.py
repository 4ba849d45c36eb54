"""What we cannot judge is neither a zero nor full marks, on any surface, and is told to a person."""

import csv
import json
import os
import re
import sqlite3
import sys

import pytest
import sample_course

from autograder import demo, run
from autograder.course import Course
from autograder.errors import Exit
from autograder.intake import Submitted
from autograder.model import Status

NAME = sample_course.NAME
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22e\nsize 12345\n"
# the newest syntax that this interpreter cannot read, in a line that changes nothing
NEWER = 'print(f"{parameters["Wax"].shape}")' if sys.version_info < (3, 12) else "print(t'{parameters}')"
NEEDED = "3.12" if sys.version_info < (3, 12) else "3.14"

pytestmark = [
    pytest.mark.xdist_group("needs a person"),
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="this interpreter reads all syntax that is known"),
]


def newer(made_from, exercise="UNQ_C1"):
    """Return a right notebook, one cell of which this interpreter cannot read."""
    cell = made_from.cells[exercise].replace("    Wax = ", f"    {NEWER}\n    Wax = ", 1)
    assert NEWER in cell
    return json.dumps(made_from.solved(**{exercise: cell})).encode()


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Return a course with a class of four, graded, and what the command said."""
    course = sample_course.make(tmp_path_factory.mktemp("course") / "course", {"ada": "ada", "mei": "mei"})
    made_from = demo.solutions(Course.at(sample_course.ROOT))
    for student, content in {"nia": newer(made_from), "lfs": POINTER.encode()}.items():
        folder = course / "submitted" / student / NAME
        folder.mkdir(parents=True)
        (folder / f"{NAME}.ipynb").write_bytes(content)
    done = sample_course.run(course, "grade", "--workers", "1", "--format", "csv,canvas,moodle,gradescope,junit,github")
    return course, done


def report(course, student):
    """Return a report.json."""
    return json.loads((course / "results" / NAME / student / "report.json").read_text())


def rows(course, student):
    """Return the gradebook's points of a student, and whether a person is to grade them."""
    with sqlite3.connect(course / "gradebook.db") as book:
        found = book.execute(
            "select b.name, g.auto_score, g.needs_manual_grade from grade g join base_cell b on b.id = g.cell_id "
            "join submitted_notebook sn on sn.id = g.notebook_id "
            "join submitted_assignment sa on sa.id = sn.assignment_id where sa.student_id = ?",
            (student,),
        ).fetchall()
    book.close()
    return {name: (score, bool(by_hand)) for name, score, by_hand in found}


def test_the_rest_is_graded_and_the_command_says_2(graded):
    """One exercise is open, with a reason; the next one is graded with a right helper, and its neighbours as ever."""
    course, done = graded
    assert done.returncode == Exit.UNGRADED, done.stderr
    found = report(course, "nia")
    assert (found["status"], found["score"]) == ("graded", 50.0)
    first, second = found["exercises"]
    assert (first["outcome"], first["score"], second["score"]) == ("grader_error", None, 50.0)
    assert f"its cell is written in Python {NEEDED}" in first["feedback"]
    assert report(course, "ada")["score"] == 100.0
    assert "50 of 100, needs a person" in done.stdout
    assert "1 of the graded need a person for an exercise" in done.stdout


def test_a_pointer_of_git_is_no_notebook_of_the_students(graded):
    """It is told what to do, and has no score."""
    course, _ = graded
    found = report(course, "lfs")
    assert (found["status"], found["score"]) == ("grader_error", None)
    assert "git lfs pull" in found["reason"]
    assert [part["score"] for part in found["exercises"]] == [None, None]


def test_every_surface_leaves_it_open(graded):
    """Page, class page, table, exports and gradebook have neither a zero nor full marks for it."""
    course, _ = graded
    results = course / "results"
    page = re.sub("<[^>]*>", "", (results / NAME / "nia" / "feedback.html").read_text())
    assert "points so far" in page
    assert "still open, 50 points" in page
    whole = re.sub("<[^>]*>", " ", (results / "index.html").read_text())
    assert re.search(r"nia\s+not graded", whole), "it is among those that need a person"
    assert "1 not gradable because of us and 1 with an exercise that needs a person" in whole
    table = {line["student"]: line for line in csv.DictReader((results / "scores.csv").read_text().splitlines())}
    assert (table["nia"]["UNQ_C1"], table["nia"]["UNQ_C2"], table["nia"]["score"]) == ("", "50.0", "50.0")
    assert table["nia"]["reason"] == "UNQ_C1 needs a person, and is not in the score."
    exports = results / "exports"
    canvas = [line for line in csv.reader((exports / "canvas.csv").read_text().splitlines()) if line[0] == "nia"]
    assert canvas[0][-1] == ""
    moodle = [line for line in csv.reader((exports / "moodle.csv").read_text().splitlines()) if "nia" in line]
    assert "-" in moodle[0]
    assert not list((exports / "gradescope").glob("**/nia/*"))
    grades = list(csv.reader((exports / "grades.csv").read_text("utf-8-sig").splitlines()))
    assert [line[4] for line in grades if line[0] == "nia"] == [""]
    assert 'type="grader_error"' in (exports / "junit.xml").read_text()
    assert "nia" in (exports / "annotations.txt").read_text()
    assert rows(course, "nia") == {"test_UNQ_C1": (None, True), "test_UNQ_C2": (50.0, False)}
    assert rows(course, "lfs") == {"test_UNQ_C1": (None, True), "test_UNQ_C2": (None, True)}
    cells = json.loads((course / "autograded" / "nia" / NAME / f"{NAME}.ipynb").read_text())["cells"]
    outputs = {c["metadata"].get("nbgrader", {}).get("grade_id"): c.get("outputs") for c in cells}
    assert [one["output_type"] for one in outputs["test_UNQ_C1"]] == ["error"]


def test_a_second_run_keeps_it_and_says_2_again(graded):
    """The same interpreter would find the same; a submission that needs a person is not forgotten."""
    course, _ = graded
    again = sample_course.run(course, "grade", "--workers", "1")
    assert again.returncode == Exit.UNGRADED
    assert "3 unchanged" in again.stdout
    path = course / "results" / NAME / "nia" / "report.json"
    document = json.loads(path.read_text())
    document["provenance"]["python"] = "3.10.1"
    path.write_text(json.dumps(document))
    assert "2 unchanged" in sample_course.run(course, "grade", "--workers", "1").stdout, "another Python may read it"


@pytest.mark.slow
def test_nbgraders_own_road_leaves_the_same_rows(graded):
    """After `nbgrader autograde` the exercise waits for a person there, too, without a zero."""
    course, _ = graded
    before = rows(course, "nia")
    done = sample_course.run(course, "autograde", NAME, "--student", "nia", "--force", tool=("nbgrader",))
    assert done.returncode == 0, done.stderr
    assert rows(course, "nia") == before


def test_a_helper_in_newer_syntax_is_no_students_error(grader, solutions):
    """A function that calls one from a cell that we cannot read is open as well; one that is wrong anyway is not."""
    right = solutions.cells["UNQ_C1"].replace("np.tanh(", "act(", 1)
    document = solutions.solved(UNQ_C1=right)
    place = next(n for n, cell in enumerate(document["cells"]) if cell.get("id") == "UNQ_C1")
    helper = {"cell_type": "code", "id": "own", "metadata": {}, "outputs": [], "execution_count": None}
    newer_line = NEWER.replace("parameters", "{'Wax': z}" if "t'" in NEWER else "dict(Wax=z)")
    helper["source"] = f"def act(z):\n    {newer_line}\n    return np.tanh(z)"
    document["cells"].insert(place, helper)
    found = grader.grade(json.dumps(document).encode(), "nia")
    assert [result.score for result in found.exercises] == [None, 50.0]
    assert "`act`" in found.exercises[0].feedback
    helper["source"] = "def act(z):\n    return np.tanh(z"
    found = grader.grade(json.dumps(document).encode(), "nia")
    assert [result.score for result in found.exercises] == [0.0, 50.0], "an ordinary mistake stays the student's"


def test_a_file_that_we_may_not_read_is_ours(grader, tmp_path, monkeypatch):
    """Permissions and disks say nothing of a student; a missing file still does."""
    path = tmp_path / "ada.ipynb"
    path.write_text("{}")
    opened = os.open

    def refuse(name, flags, *args, **kwargs):
        if os.fspath(name) == "ada.ipynb":
            raise PermissionError(13, "Permission denied")
        return opened(name, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    job = run.job_for(Submitted("ada", NAME, path, "ada"))
    assert job.content is None
    assert not job.problem
    monkeypatch.setattr(run, "grader_of", lambda *_: grader)
    monkeypatch.setattr(run, "_release", lambda *_: None)
    graded = run.grade_one(run.Setting(Course.at(sample_course.ROOT), b"", grader.limits), job)
    assert (graded.report.status, graded.report.score) == (Status.GRADER_ERROR, None)
    assert "Mend its permissions" in graded.report.reason
    gone = run.job_for(Submitted("ben", NAME, tmp_path / "ben.ipynb", "ben"))
    assert "no notebook" in gone.problem
