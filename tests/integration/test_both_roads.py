"""Two roads to one gradebook: ``nbgrader autograde`` with our steps in its lists, and ``autograder grade``."""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import sqlalchemy as sa
from nbgrader.api import Gradebook

from autograder import demo
from autograder.course import Course

ROOT = Path(__file__).resolve().parents[2]
NAME = demo.ASSIGNMENT
BIN = Path(sys.executable).parent
CHOSEN = ("ada", "jonas", "pilar", "tala", "vera", "gustav", "wanjiru", "evil-exit", "bad-deleted", "umberto", "yael")

pytestmark = pytest.mark.xdist_group("both roads")  # each is gone once, which takes half a minute

# late work gets nothing; and an exchange beside the course's folder, through which feedback is handed out
SETTINGS = """
import pathlib
c.LateSubmissionPlugin.penalty_method = "zero"
c.Exchange.root = str(pathlib.Path.cwd() / "exchange")
"""


def run(course: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of nbgrader's or ours in a course's folder."""
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    return subprocess.run([*command], cwd=course, env=environment, capture_output=True, text=True, check=False)


def copied(course: Path, name: str) -> Path:
    """Copy a course, its secret included: the same inputs are drawn."""
    other = course.with_name(name)
    shutil.copytree(course, other)
    return other


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a course with a few submissions, released, with a due date that some have missed."""
    course = tmp_path_factory.mktemp("roads") / "course"
    demo.make(Course.at(ROOT), course, [NAME])
    submitted = course / "submitted"
    for folder in submitted.iterdir():
        if folder.name not in CHOSEN:
            shutil.rmtree(folder)
    for student, when in (("ada", "2030-01-01 10:00:00 UTC"), ("jonas", "2030-01-03 10:00:00 UTC")):
        (submitted / student / NAME / "timestamp.txt").write_text(when)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        book.update_or_create_assignment(NAME, duedate="2030-01-02 00:00:00 UTC")
    for folder in submitted.glob(f"*/{NAME}"):  # as ``nbgrader collect`` brings it
        (folder / "submission_secret.txt").write_text(f"the secret of {folder.parent.name}")
    (course / "exchange").mkdir()
    (course / "exchange").chmod(0o777)  # as nbgrader wants it: every student writes there
    with (course / "nbgrader_config.py").open("a") as config:
        config.write(SETTINGS)
    done = run(course, BIN / "autograder", "doctor")  # makes nothing; the secret comes with the first grading
    assert done.returncode == 0, done.stderr
    (course / ".autograder").mkdir(exist_ok=True)
    return course


@pytest.fixture(scope="module")
def roads(fresh: Path) -> Iterator[dict[str, Path]]:
    """Grade two copies of the course, one by each road."""
    ours = copied(fresh, "ours")
    first = run(ours, BIN / "autograder", "grade")
    assert first.returncode == 0, first.stderr
    theirs = copied(fresh, "theirs")
    shutil.rmtree(theirs / ".autograder")
    shutil.copytree(ours / ".autograder", theirs / ".autograder")
    second = run(theirs, BIN / "nbgrader", "autograde", NAME)
    assert second.returncode == 0, second.stderr[-2000:]
    return {"ours": ours, "theirs": theirs}


def rows(course: Path) -> dict[str, dict[str, object]]:
    """Return all that the gradebook says of every submission."""
    found = {}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        for submission in book.assignment_submissions(NAME):
            (notebook,) = submission.notebooks
            found[submission.student.id] = {
                "score": submission.score,
                "timestamp": submission.timestamp,
                "penalty": notebook.late_submission_penalty,
                "grades": {
                    g.name: (g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade)
                    for g in notebook.grades
                },
                "comments": {c.name: (c.auto_comment, c.manual_comment) for c in notebook.comments},
            }
    return found


def notebooks(course: Path) -> dict[str, object]:
    """Return every autograded notebook, read by nbformat, which complains where one is not valid."""
    found = {}
    for path in (course / "autograded").glob(f"*/{NAME}/{NAME}.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.pop("id", None)  # nbformat gives a copied cell an id drawn at random
        found[path.parent.parent.name] = notebook
    return found


def test_both_roads_end_in_the_same_gradebook(roads: dict[str, Path]) -> None:
    """Scores, comments, time stamps and late penalties are the same, row by row, and right."""
    ours, theirs = rows(roads["ours"]), rows(roads["theirs"])
    assert ours.keys() == set(CHOSEN)
    assert ours == theirs
    declared = {member.student: member.score for member in demo.MEMBERS}
    on_time = {student: row["score"] for student, row in ours.items() if student != "jonas"}
    assert on_time == {student: declared[student] for student in on_time}
    assert ours["jonas"]["penalty"] == declared["jonas"]  # late: all of it is taken off


def test_both_roads_end_in_the_same_autograded_notebooks(roads: dict[str, Path]) -> None:
    """What the formgrader shows is the same, whichever way it was graded; also where metadata was lost."""
    ours, theirs = notebooks(roads["ours"]), notebooks(roads["theirs"])
    assert ours.keys() == theirs.keys() == set(CHOSEN)
    for student, notebook in ours.items():
        assert notebook == theirs[student], student
        tests = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "test_UNQ_C1"]
        assert len(tests) == 1
        assert [output.output_type for output in tests[0].outputs] == ["stream", "execute_result"]


def test_nbgrader_reads_our_outputs_as_the_scores_they_say(roads: dict[str, Path]) -> None:
    """Its own rule for partial credit gives each test cell's score: zero stays zero, and never becomes full marks."""
    from nbgrader.utils import determine_grade

    scores = rows(roads["ours"])
    for student, notebook in notebooks(roads["ours"]).items():
        for cell in notebook.cells:
            settings = cell.metadata.get("nbgrader", {})
            if settings.get("grade"):
                earned, _ = determine_grade(cell)
                assert earned == scores[student]["grades"][settings["grade_id"]][0], (student, settings["grade_id"])


def exported(course: Path) -> list[dict[str, str]]:
    """Return the rows that ``nbgrader export`` writes."""
    done = run(course, BIN / "nbgrader", "export")
    assert done.returncode == 0, done.stderr[-2000:]
    with (course / "grades.csv").open(newline="", encoding="utf-8") as file:
        return sorted(csv.DictReader(file), key=repr)


def test_both_roads_end_in_the_same_exported_table(roads: dict[str, Path]) -> None:
    """``nbgrader export`` writes the same CSV after either road, with what was earned and what was taken off."""
    ours, theirs = exported(roads["ours"]), exported(roads["theirs"])
    assert ours == theirs
    declared = {member.student: member.score for member in demo.MEMBERS if member.student in CHOSEN}
    assert {row["student_id"]: float(row["raw_score"]) for row in ours} == declared
    late = {row["student_id"]: float(row["late_submission_penalty"]) for row in ours}
    assert late == dict.fromkeys(declared, 0.0) | {"jonas": declared["jonas"]}
    assert {row["student_id"]: float(row["score"]) for row in ours} == declared | {"jonas": 0.0}


def released(course: Path) -> list[bytes]:
    """Return the pages that ``nbgrader release_feedback`` hands out."""
    done = run(course, BIN / "nbgrader", "release_feedback", NAME)
    assert done.returncode == 0, done.stderr[-2000:]
    return sorted(path.read_bytes() for path in (course / "exchange").rglob("feedback/*.html"))


def test_feedback_is_where_nbgrader_hands_it_out(roads: dict[str, Path]) -> None:
    """On our road our pages are released as they are; on the other, what ``generate_feedback`` makes with our texts.

    To each student alone: nbgrader names a page after the secret that came with the submission.
    """
    ours = roads["ours"]
    page = ours / "feedback" / "ada" / NAME / f"{NAME}.html"
    assert page.read_bytes() == (ours / "results" / NAME / "ada" / "feedback.html").read_bytes()
    done = run(roads["theirs"], BIN / "nbgrader", "generate_feedback", NAME)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = (roads["theirs"] / "feedback" / "jonas" / NAME / f"{NAME}.html").read_text()
    assert "softmax over rows" in theirs  # our comment, in nbgrader's own page
    for course in roads.values():
        pages = [path.read_bytes() for path in (course / "feedback").glob(f"*/{NAME}/*.html")]
        assert len(pages) == len(CHOSEN)
        assert released(course) == sorted(pages)


@pytest.mark.parametrize("again", ["ours", "theirs"])
def test_what_a_person_has_written_survives_a_regrade_by_either(roads: dict[str, Path], again: str) -> None:
    """Manual scores, extra credit and manual comments stay; a grade with one is marked to be looked at again."""
    course = copied(roads["ours"], f"regraded-{again}")
    url = f"sqlite:///{course / 'gradebook.db'}"
    with Gradebook(url) as book:
        grade = book.find_grade("test_UNQ_C1", NAME, NAME, "pilar")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 41.0, 2.5, False
        book.find_comment("UNQ_C1", NAME, NAME, "pilar").manual_comment = "We talked about it."
        book.db.commit()
    before = rows(course)
    command = (
        [BIN / "autograder", "grade", "--fresh"]
        if again == "ours"
        else [BIN / "nbgrader", "autograde", NAME, "--force"]
    )
    done = run(course, *command)
    assert done.returncode == 0, done.stderr[-2000:]
    after = rows(course)
    assert after["pilar"]["grades"]["test_UNQ_C1"] == (30.0, 41.0, 2.5, True)
    assert after["pilar"]["comments"]["UNQ_C1"][1] == "We talked about it."
    del before["pilar"], after["pilar"]
    assert after == before


def test_a_failure_of_ours_is_nobodys_zero(fresh: Path) -> None:
    """Where our grader cannot grade, nbgrader keeps no notebook and no score, says so, and does not exit with 0."""
    course = copied(fresh, "broken")
    for folder in (course / "submitted").iterdir():
        if folder.name != "ada":
            shutil.rmtree(folder)
    own = course / "autograder" / "assignments"
    own.mkdir(parents=True)
    text = (ROOT / "autograder" / "assignments" / f"{NAME}.py").read_text()
    wrong = 'Case("batch of one", lambda rng: (None, None, None))'
    right = 'Case("batch of one", lambda rng: step(rng, with_sizes(distinct_sizes(rng), m=1)))'
    assert text.count(right) == 1
    (own / f"{NAME}.py").write_text(text.replace(right, wrong))  # the reference fails on it
    done = run(course, BIN / "nbgrader", "autograde", NAME)
    assert done.returncode != 0
    assert "There was an error processing assignment" in done.stderr
    assert not (course / "autograded" / "ada" / NAME / f"{NAME}.ipynb").exists()
    engine = sa.create_engine(f"sqlite:///{course / 'gradebook.db'}")
    with engine.connect() as connection:
        assert set(connection.scalars(sa.text("SELECT auto_score FROM grade"))) <= {None}
