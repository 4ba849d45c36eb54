"""What a run does not touch stays, in every file that is made of the whole class."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import sample_course
from sample_course import NAME

OTHER = "warm_up"


def graded(course: Path, *arguments: str, code: int = 0) -> str:
    """Grade, see that the exit code is as it should be, and return what was said."""
    done = sample_course.run(course, "grade", *arguments)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def scores(out: Path) -> dict[tuple[str, str], str]:
    """Return what scores.csv says, by assignment and student."""
    with (out / "scores.csv").open(newline="", encoding="utf-8") as file:
        return {(row["assignment"], row["student"]): row["score"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a course with two assignments that three students handed in, all graded once."""
    root = tmp_path_factory.mktemp("partial") / "course"
    sample_course.make(root, {"ada": "ada", "ben": "tala", "cy": "umberto"})
    made = sample_course.run(root, "new", OTHER)
    assert made.returncode == 0, made.stderr
    for student in ("ada", "ben"):
        shutil.copytree(root / "source" / OTHER, root / "submitted" / student / OTHER)
    graded(root, "--format", "csv,jsonl")
    return root


@pytest.fixture
def again(course: Path, tmp_path: Path) -> Path:
    """Return a copy of it."""
    return Path(shutil.copytree(course, tmp_path / "course"))


def test_a_run_over_one_assignment_keeps_the_others(again: Path) -> None:
    """Scores, class page and exports still have both assignments after a run over one of them."""
    before = scores(again / "results")
    assert len(before) == 5
    said = graded(again, "--assignment", OTHER, "--format", "csv,jsonl")
    assert "ben" in said
    assert "cy" not in said  # the table is of the run
    assert scores(again / "results") == before
    page = (again / "results" / "index.html").read_text()
    assert NAME in page.replace("<wbr>", "")
    assert OTHER in page.replace("<wbr>", "")
    exports = again / "results" / "exports"
    assert len((exports / "reports.jsonl").read_text().splitlines()) == 5
    assert len((exports / "grades.csv").read_text(encoding="utf-8-sig").splitlines()) == 6


def test_a_run_over_one_file_keeps_the_rest_of_a_folder(course: Path, tmp_path: Path) -> None:
    """A notebook graded by itself takes the place of its own row, and of no other."""
    flat, out = tmp_path / "flat", tmp_path / "out"
    flat.mkdir()
    for student in ("ada", "ben", "cy"):
        shutil.copy(course / "submitted" / student / NAME / f"{NAME}.ipynb", flat / f"{student}.ipynb")
    common = ("--assignment", NAME, "--out", str(out), "--no-gradebook")
    graded(course, str(flat), *common)
    before = scores(out)
    shutil.copy(flat / "ada.ipynb", flat / "ben.ipynb")
    graded(course, str(flat / "ben.ipynb"), *common)
    assert scores(out) == before | {(NAME, "ben"): before[NAME, "ada"]}


def test_one_file_of_a_tree_is_its_students(again: Path) -> None:
    """A notebook named within ``submitted/`` is graded as that student's, into the same place and row."""
    before = scores(again / "results")
    path = again / "submitted" / "ben" / OTHER / f"{OTHER}.ipynb"
    path.write_text(path.read_text().replace("a_next - a_prev", "a_prev - a_next"))
    said = graded(again, str(path.relative_to(again)))
    assert "no submission in this one" not in said
    found = scores(again / "results")
    assert found.keys() == before.keys()
    assert {work for work in found if found[work] != before[work]} == {(OTHER, "ben")}


def test_a_submission_that_is_gone_keeps_its_row_and_is_told(again: Path) -> None:
    """Who is graded, and has no submission any more, stays in the tables; a sentence says so."""
    before = scores(again / "results")
    shutil.rmtree(again / "submitted" / "cy")
    said = graded(again)
    assert scores(again / "results") == before
    assert f"{NAME}: 1 with results of an earlier run, and no submission in this one: 'cy'." in said
    shutil.rmtree(again / "results" / NAME / "cy")
    assert "earlier run, and no submission" not in graded(again)
    assert scores(again / "results").keys() == before.keys() - {(NAME, "cy")}


def test_of_two_reports_on_the_same_work_the_newer_counts(again: Path) -> None:
    """A student's work that was graded from a tree and from a file is one row, with what was graded last."""
    shutil.copy(again / "submitted" / "cy" / NAME / f"{NAME}.ipynb", again / "ada.ipynb")
    graded(again, "ada.ipynb", "--assignment", NAME, "--no-gradebook")
    found = scores(again / "results")
    assert len(found) == 5
    assert found[NAME, "ada"] == found[NAME, "cy"]
    done = sample_course.run(again, "report")
    assert done.returncode == 0, done.stderr
    assert scores(again / "results") == found


def test_a_damaged_report_that_is_not_touched_is_told(again: Path) -> None:
    """A report that cannot be read is missing from the tables, which is a problem and no secret."""
    damaged = again / "results" / NAME / "cy" / "report.json"
    damaged.write_text(damaged.read_text()[:300])
    said = graded(again, "submitted", "--assignment", OTHER, code=2)
    assert "cy/report.json cannot be read" in said
    assert len(scores(again / "results")) == 4


def test_results_of_another_assignment_are_not_replaced(course: Path, tmp_path: Path) -> None:
    """Two assignments of a student would stand in the same folder of a flat run: the second is refused."""
    ada, out = tmp_path / "ada.ipynb", tmp_path / "out"
    shutil.copy(course / "submitted" / "ada" / NAME / f"{NAME}.ipynb", ada)
    graded(course, str(ada), "--assignment", NAME, "--out", str(out), "--no-gradebook")
    said = graded(course, str(ada), "--assignment", OTHER, "--out", str(out), "--no-gradebook", code=1)
    assert f"holds results of {NAME}, which those of {OTHER} would replace" in said
    assert json.loads((out / "ada" / "report.json").read_text())["assignment"] == NAME
