"""Whatever one submission is, and whatever fails in the host while it is recorded, the class is graded to its end."""

import csv
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import sample_course
from gradebook_dump import points
from sample_course import NAME

from autograder import autograded, coordinate, demo, gradebook, intake, marking, rendering, run, variants
from autograder.coordinate import Audience, Order
from autograder.course import Course
from autograder.errors import Exit
from autograder.exporting import Wanted
from autograder.failures import LOST_WORDS
from autograder.grade import Grader
from autograder.reports import json_report, junit, page, scores
from autograder.run import Job

HONEST = {"ada": "ada", "zoe": "ada"}
WORDS = "words that a student wrote"


def nested(levels: int) -> bytes:
    """Return a notebook of valid JSON whose metadata has so many levels."""
    inner = b"[" * levels + b"]" * levels
    return b'{"nbformat":4,"nbformat_minor":5,"metadata":{"x":' + inner + b'},"cells":[]}'


CELL_3 = b'{"cell_type":"code","language":"python","metadata":{},"input":"x = 1","outputs":[]}'
BAD = {
    "minor-no-number": b'{"nbformat":3,"nbformat_minor":[],"worksheets":[]}',
    "empty-cell": b'{"nbformat":3,"nbformat_minor":0,"worksheets":[{"cells":[' + CELL_3 + b",{}]}]}",
    "no-metadata": b'{"nbformat":3,"nbformat_minor":0,"worksheets":[{"cells":[{"cell_type":"code","input":"x = 1"}]}]}',
    "grade-id-a-list": b'{"nbformat":4,"cells":[{"cell_type":"code","metadata":{"nbgrader":{"grade_id":[]}}}]}',
    "long-integer": b'{"nbformat":4,"metadata":{"x":' + b"9" * 5000 + b'},"cells":[]}',
    "nested-90": nested(90),
    "nested-970": nested(970),
}
REJECTED = {"nested-970"}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a course in which honest students and all of the bad files were handed in."""
    root = sample_course.make(tmp_path_factory.mktemp("fence") / "course", HONEST)
    for name, content in BAD.items():
        hand_in(root, f"m-{name}", content)
    return root


def hand_in(root: Path, student: str, content: bytes) -> None:
    """Hand a file in."""
    folder = root / "submitted" / student / NAME
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{NAME}.ipynb").write_bytes(content)


def report(root: Path, student: str) -> dict[str, object]:
    """Return a report.json."""
    return dict(json.loads((root / "results" / NAME / student / "report.json").read_text()))


def table(root: Path) -> dict[str, str]:
    """Return the scores in scores.csv."""
    with (root / "results" / "scores.csv").open(newline="") as file:
        return {row["student"]: row["score"] for row in csv.DictReader(file)}


def test_a_class_with_every_bad_file_is_graded_twice(room: Path) -> None:
    """With the gradebook: exit 0, all have a verdict and a valid autograded notebook; the second run is the same."""
    for again in (False, True):
        done = sample_course.run(room, "grade", "--workers", "2")
        assert (done.returncode, done.stderr) == (0, "")
        assert ("unchanged" in done.stdout) is again
        assert {student: float(score) for student, score in table(room).items()} == {
            **dict.fromkeys(HONEST, 100.0),
            **{f"m-{name}": 0.0 for name in BAD},
        }
        assert points(room) == {student: float(score) for student, score in table(room).items()}
        for name in BAD:
            status = "rejected" if name in REJECTED else "graded"
            assert report(room, f"m-{name}")["status"] == status, name
            written = room / "autograded" / f"m-{name}" / NAME / f"{NAME}.ipynb"
            assert written.exists() is (status == "graded")
            if written.exists():
                nbformat.validate(json.loads(written.read_text()))
        assert not (room / "results" / "errors.log").exists()


# ------------------------------------------------------------------------------------------- what fails in the host


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[Path]:
    """Return a course of its own with two honest students and one in the middle, whose file has words."""
    root = sample_course.make(tmp_path / "course", {**HONEST, "mei": "mei"})
    yield root
    run.close_graders()


def graded(root: Path, **changes: object) -> coordinate.Summary:
    """Grade in this process, so that what is patched here fails there."""
    order = Order(
        Course.at(root), b"a secret for tests", (root / "submitted",), None, root / "results", workers=1,
        gradebook=True, min_isolation="namespaces", **{"fresh": False, **changes},  # type: ignore[arg-type]
    )  # fmt: skip
    return coordinate.grade_submissions(order, Audience())


def failing_for(student: str, function: object, at: int) -> object:
    """Return a function that fails where one of its arguments is about a student."""

    def fail(*arguments: object, **named: object) -> object:
        about = arguments[at]
        if getattr(about, "student", about) == student:
            raise KeyError(WORDS)
        return function(*arguments, **named)  # type: ignore[operator]

    return fail


def said(summary: coordinate.Summary) -> str:
    """Return what is told on the terminal."""
    return "\n".join(summary.problems)


def log(root: Path) -> str:
    """Return the log."""
    return (root / "results" / "errors.log").read_text()


def test_a_rendering_that_fails_costs_one_artefact(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A note in the report, a traceback in the log, exit 2, the others untouched; the next run tries again."""
    for module, name, at, note in (
        (page, "render", 0, "The page of this submission could not be made"),
        (autograded, "from_bytes", 2, "could not be made from this submission"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, failing_for("mei", getattr(module, name), at))
            first, second = graded(sample, fresh=True), graded(sample)
        for summary in (first, second):
            assert summary.exit_code is Exit.UNGRADED
            assert f"{NAME}/mei: " in said(summary)
            assert str(sample / "results" / "errors.log") in summary.problems[-1]
            assert WORDS not in said(summary)
        assert (first.kept, second.kept) == (0, 2)
        (told,) = report(sample, "mei")["notes"]  # type: ignore[misc]
        assert note in told
        assert report(sample, "mei")["score"] == 50.0
        assert WORDS in log(sample)
        assert all(WORDS not in path.read_text() for path in (sample / "results" / NAME).rglob("*.*"))
        for student in HONEST:
            assert "100 of 100" in (sample / "results" / NAME / student / "feedback.html").read_text()
            assert (sample / "autograded" / student / NAME / f"{NAME}.ipynb").exists()
        assert points(sample) == {"ada": 100, "zoe": 100, "mei": 50}
        assert set(table(sample)) == {"ada", "zoe", "mei"}
        mended = graded(sample)
        assert (mended.exit_code, mended.kept) == (Exit.OK, 2)
        assert report(sample, "mei")["notes"] == []
        assert "50 of 100" in (sample / "feedback" / "mei" / NAME / f"{NAME}.html").read_text()


def test_what_is_missing_of_a_report_that_holds_is_made_behind_the_same_fence(
    sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nbgrader's folders were removed they are made again; a failure is told, and the others are there."""
    assert graded(sample).exit_code is Exit.OK
    notebooks = {path: path.read_bytes() for path in (sample / "autograded").rglob("*.ipynb")}
    pages = {path: path.read_bytes() for path in (sample / "feedback").rglob("*.html")}
    assert (len(notebooks), len(pages)) == (3, 3)
    for path in notebooks:
        path.unlink()
    (sample / "feedback" / "ada" / NAME / f"{NAME}.html").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(autograded, "from_bytes", failing_for("mei", autograded.from_bytes, 2))
        summary = graded(sample)
    assert (summary.exit_code, summary.kept) == (Exit.UNGRADED, 3)
    assert "could not be made from this submission" in str(report(sample, "mei")["notes"])
    assert WORDS in log(sample)
    assert graded(sample).exit_code is Exit.OK
    assert {path: path.read_bytes() for path in notebooks} == notebooks
    assert {path: path.read_bytes() for path in pages} == pages


@pytest.mark.parametrize("error", [KeyError(WORDS), RecursionError(WORDS)], ids=["key", "recursion"])
def test_an_exceptions_text_enters_no_report(sample: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Grading fails on one: no score, a reason with type and place, the words in the log alone."""
    grade = Grader.grade

    def fail(self: Grader, content: bytes, student: str, *rest: object) -> object:
        if student == "mei":
            raise error
        return grade(self, content, student, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Grader, "grade", fail)
    summary = graded(sample, exports=Wanted(("junit", "csv", "github", "jsonl")))
    assert summary.exit_code is Exit.UNGRADED
    assert report(sample, "mei")["status"] == "grader_error"
    assert f"{type(error).__name__} at autograder.run:" in str(report(sample, "mei")["reason"])
    assert WORDS in log(sample)
    written = [path for path in sample.rglob("*") if path.is_file() and path.name != "errors.log"]
    assert [path for path in written if WORDS.encode() in path.read_bytes()] == []
    assert WORDS not in said(summary)
    assert points(sample) == {"ada": 100, "zoe": 100, "mei": None}


def test_a_submission_that_cannot_be_read_because_of_us_is_no_rejection(
    sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading raises what nobody expected: a failure of ours, not the student's, and the others are graded."""
    read = intake.read
    monkeypatch.setattr(intake, "read", lambda s: read(s) if s.student != "mei" else {}[WORDS])
    summary = graded(sample)
    assert report(sample, "mei")["status"] == "grader_error"
    assert WORDS not in json.dumps(report(sample, "mei"))
    assert points(sample) == {"ada": 100, "zoe": 100, "mei": None}
    assert summary.exit_code is Exit.UNGRADED


def test_a_worker_that_raises_costs_one_submission(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever comes back from a worker: the submission has no verdict, and the class goes on."""
    grade_one = run.grade_one

    def fail(setting: run.Setting, job: Job) -> object:
        if job.student == "mei":
            raise ValueError(WORDS)
        return grade_one(setting, job)

    monkeypatch.setattr(run, "grade_one", fail)
    summary = graded(sample)
    assert report(sample, "mei")["status"] == "grader_error"
    assert "its worker failed (ValueError" in said(summary)
    assert set(table(sample)) == {"ada", "zoe", "mei"}


@pytest.mark.parametrize(
    ("module", "name", "lost"),
    [
        (junit, "_pieces", "exports/junit.xml"),
        (scores, "to_csv", "scores.csv"),
        (coordinate.Recorder, "record", ""),
        (coordinate.exporting, "write", "exports/jsonl"),
        (coordinate.intake, "remarks", ""),
    ],
)
def test_what_is_made_of_the_class_fails_alone(
    sample: Path, monkeypatch: pytest.MonkeyPatch, module: object, name: str, lost: str
) -> None:
    """An export, a table, the records or the remarks: exit 2, a sentence, a traceback in the log; the rest is there."""

    def fail(*_: object, **__: object) -> object:
        raise KeyError(WORDS)

    monkeypatch.setattr(module, name, fail)
    summary = graded(sample, exports=Wanted(("junit", "csv")))
    assert summary.exit_code is Exit.UNGRADED
    assert WORDS in log(sample)
    assert WORDS not in said(summary)
    out = sample / "results"
    if name != "record":
        assert (out / NAME / "ada" / "report.json").exists()
        assert lost == "scores.csv" or set(table(sample)) == {"ada", "zoe", "mei"}
        assert (out / "index.html").exists()
    if module is junit:
        assert not (out / "exports" / "junit.xml").exists()
        assert (out / "exports" / "grades.csv").exists()


PLUGIN = """
from nbgrader.plugins import BasePlugin

class Late(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        if student_id == "mei":
            raise ValueError("words that a student wrote")
        return 1.0
"""


def test_a_row_that_the_gradebook_cannot_take_costs_only_itself(tmp_path: Path) -> None:
    """The late-penalty plugin fails for one of three: the other two are in the gradebook, and it is told."""
    root = sample_course.make(
        tmp_path / "course", {**HONEST, "mei": "mei"},
        "import sys",
        f"sys.path.insert(0, {str(tmp_path)!r})",
        "c.LateSubmissionPlugin.penalty_method = 'zero'",
        "c.AssignLatePenalties.plugin_class = 'late_plugin.Late'",
    )  # fmt: skip
    (tmp_path / "late_plugin.py").write_text(PLUGIN)
    assert sample_course.run(root, "grade", "--workers", "1").returncode == 0
    with sqlite3.connect(root / "gradebook.db") as book:
        book.execute("update assignment set duedate = '2026-01-01 00:00:00.000000'")
        book.execute("delete from grade")
    book.close()
    for arguments in ((), ("--fresh",)):
        done = sample_course.run(root, "grade", "--workers", "1", *arguments)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        assert WORDS not in done.stderr
        assert (
            f"{NAME} of 'mei': its row could not be written to the gradebook (ValueError at autograder." in done.stderr
        )
        assert points(root) == {"ada": 100, "zoe": 100}
        assert set(table(root)) == {"ada", "zoe", "mei"}
    assert WORDS in log(root)


@pytest.mark.parametrize(
    ("owner", "name", "at"),
    [("autograder.grade.Grader", "grade", 2), ("autograder.autograded", "restored", 2)],
    ids=["grading", "its notebook"],
)
def test_nbgraders_own_command_goes_on_and_shows_no_text_of_a_students(
    tmp_path: Path, owner: str, name: str, at: int
) -> None:
    """`nbgrader autograde`: the one on which we fail is marked for a person, the next one is graded."""
    root = sample_course.make(
        tmp_path / "course", {**HONEST, "mei": "mei"},
        "import importlib, autograder.plugin",
        f"owner = {owner}",
        f"real = owner.{name}",
        "def fail(*a, **k):",
        f"    if getattr(a[{at}], 'student', a[{at}]) == 'mei':",
        f"        raise KeyError({WORDS!r})",
        "    return real(*a, **k)",
        f"owner.{name} = fail",
    )  # fmt: skip
    url = gradebook.url_in(root)
    gradebook.ensure_assignment(url, NAME, root / "release" / NAME / f"{NAME}.ipynb")
    done = sample_course.run(root, "autograde", NAME, tool=("nbgrader",))
    assert done.returncode != 0
    assert "autograder could not grade 'mei'" in done.stderr, done.stderr
    assert "KeyError" in done.stderr
    assert WORDS not in done.stderr
    assert WORDS in log(root)
    assert points(root) == {"ada": 100, "zoe": 100, "mei": None}
    assert not (root / "autograded" / "mei" / NAME / f"{NAME}.ipynb").exists()
    with sqlite3.connect(root / "gradebook.db") as book:
        doubts = book.execute(
            "select count(*) from grade g join submitted_notebook sn on sn.id = g.notebook_id "
            "join submitted_assignment sa on sa.id = sn.assignment_id "
            "where sa.student_id = 'mei' and g.needs_manual_grade"
        ).fetchone()
    book.close()
    assert doubts == (2,)


def test_an_explanation_that_fails_costs_no_points(
    grader: Grader, solutions: demo.Solutions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The points of a wrong answer are known before it is explained; only the words are missing, which is told."""
    content = variants.write(solutions.mistaken(UNQ_C1="sigmoid-for-tanh"))
    explained = grader.grade(content, "ada")
    assert not grader.failures

    def broken(*_: object) -> None:
        raise KeyError(WORDS)

    monkeypatch.setattr(marking, "diagnose", broken)
    graded = grader.grade(content, "ada")
    assert [(e.score, e.outcome) for e in graded.exercises] == [(e.score, e.outcome) for e in explained.exercises]
    assert LOST_WORDS in graded.notes
    assert not rendering.is_complete(graded)
    assert [failure.what for failure in grader.failures] == ["why UNQ_C1 is wrong could not be found out"]
    assert WORDS not in json_report.to_json(graded)
    monkeypatch.undo()
    assert grader.grade(content, "ada").exercises == explained.exercises
    assert not grader.failures
