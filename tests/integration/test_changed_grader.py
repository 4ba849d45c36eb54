"""A changed grader grades again what its code decides, and makes words and pages anew where only they have changed."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sample_course
from gradebook_dump import points

from autograder import __version__

NAME = sample_course.NAME
OLD = Path(__file__).with_name("reports_of_0_1_0")
CLASS = {"ada": 100.0, "rosa": 50.0}  # rosa rounds to three places

pytestmark = pytest.mark.xdist_group("changed grader")  # one copy of the package, changed again and again


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Return a copy of the package that a command runs from."""
    folder = tmp_path_factory.mktemp("package")
    left_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(sample_course.ROOT / "autograder", folder / "autograder", ignore=left_out)
    return folder


@pytest.fixture(scope="module")
def graded(package, tmp_path_factory):
    """Return a course with a class of two, graded by that copy."""
    made = sample_course.make(tmp_path_factory.mktemp("course") / "course", {student: student for student in CLASS})
    done = grade(package, made)
    assert done.returncode == 0, done.stderr
    assert scores(made) == CLASS
    return made


@pytest.fixture
def edit(package):
    """Return a way to edit files of the copy; afterwards they are what they were."""
    kept = {}

    def replace(name, old, new):
        path = package / "autograder" / name
        text = path.read_text()
        kept.setdefault(path, text)
        assert text.count(old) == 1, old
        path.write_text(text.replace(old, new))

    yield replace
    for path, text in kept.items():
        path.write_text(text)


def grade(package, course, *arguments):
    """Grade with a copy of the package."""
    return subprocess.run(
        [sys.executable, "-m", "autograder", "grade", "--workers", "1", *arguments],
        cwd=course,
        env={**sample_course.environment(), "PYTHONPATH": os.fspath(package), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def report(course, student):
    """Return a report.json."""
    return json.loads((course / "results" / NAME / student / "report.json").read_text())


def scores(course):
    """Return what the reports say."""
    return {student: report(course, student)["score"] for student in CLASS}


def test_another_tolerance_in_the_code_grades_again(package, graded, edit):
    """What decides points has changed: everyone is graded again, once, who gains is told, and why."""
    edit("compare.py", "\nATOL = 1e-7", "\nATOL = 1e-2")
    done = grade(package, graded)
    assert done.returncode == 0, done.stderr
    assert "1 has more points, 0 have fewer, 1 as many as before" in done.stdout
    assert "2 were graded by other code of this version before, and again by this one" in done.stdout
    assert scores(graded) == points(graded) == {"ada": 100.0, "rosa": 100.0}
    again = grade(package, graded)
    assert "2 unchanged" in again.stdout
    assert "again by this one" not in again.stdout


def test_other_words_are_made_without_grading(package, graded, edit):
    """Feedback, page and the gradebook's comments are made anew; what only grading finds out stays as it is."""
    grade(package, graded)
    path = graded / "results" / NAME / "rosa" / "report.json"
    document = json.loads(path.read_text())
    document["notes"] = ["Only grading takes this note away."]
    path.write_text(json.dumps(document))
    edit("feedback.py", '"Every check is right."', '"All of it is as it should be."')
    edit("reports/templates/page.html.j2", "</h1>", " (with another head)</h1>")
    dry = grade(package, graded, "--dry-run")
    assert "2 unchanged" in dry.stdout
    assert report(graded, "rosa") == document

    done = grade(package, graded)
    assert done.returncode == 0, done.stderr
    assert "Graded again" not in done.stdout
    assert "2 unchanged" in done.stdout
    assert "2 pages were made again, since their words have changed" in done.stdout
    assert report(graded, "rosa")["notes"] == ["Only grading takes this note away."]
    assert report(graded, "ada")["exercises"][0]["feedback"] == "All of it is as it should be."
    pages = [path for folder in ("results", "feedback") for path in (graded / folder).rglob("*.html")]
    pages = [page for page in pages if page.parent.name in CLASS or page.parent.parent.name in CLASS]
    assert len(pages) == 4
    assert all("(with another head)" in page.read_text() for page in pages)
    with sqlite3.connect(graded / "gradebook.db") as book:
        comments = [text for (text,) in book.execute("select auto_comment from comment where auto_comment is not null")]
    book.close()
    assert any("All of it is as it should be" in text for text in comments)
    assert scores(graded) == points(graded) == CLASS
    assert "made again" not in grade(package, graded).stdout


def test_what_an_instructor_sees_grades_nothing_and_renders_nothing(package, graded, edit):
    """A command's or a table's code is no matter of a student's report."""
    grade(package, graded)
    edit("reports/table.py", "Need a person, because we failed: ", "Need a person: ")
    done = grade(package, graded)
    assert "2 unchanged" in done.stdout
    assert "made again" not in done.stdout


def test_results_of_0_1_0_are_read_graded_once_and_told(package, graded):
    """A folder of its reports and a gradebook are taken over: verdicts are compared, and the next run keeps them."""
    grade(package, graded)
    for student in CLASS:
        submission = graded / "submitted" / student / NAME / f"{NAME}.ipynb"
        document = json.loads((OLD / f"{student}.json").read_text())
        assert (document["schema"], document["provenance"]["grader"]) == (1, "0.1.0")
        document["provenance"]["submission_sha256"] = hashlib.sha256(submission.read_bytes()).hexdigest()
        if student == "rosa":
            document["exercises"][0]["score"], document["score"] = 10.0, 60.0  # by a fault that is mended since
        (graded / "results" / NAME / student / "report.json").write_text(json.dumps(document, indent=2))
    done = grade(package, graded)
    assert done.returncode == 0, done.stderr
    assert f"2 were graded by autograder 0.1.0 before, and again by this one ({__version__})" in done.stdout
    assert "0 have more points, 1 has fewer, 1 as many as before" in done.stdout
    assert "UNQ_C1: 10 → 0" in done.stdout
    assert scores(graded) == points(graded) == CLASS
    assert {report(graded, student)["provenance"]["grader"] for student in CLASS} == {__version__}
    assert "2 unchanged" in grade(package, graded).stdout
