"""A whole class of hostile files and folders, graded by the command: nobody loses by them, and no reader is reached."""

import csv
import dataclasses
import io
import json
import os
import re
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from autograder import coordinate, demo, intake, run, variants
from autograder.course import Course
from autograder.errors import AutograderError, SubmissionError
from autograder.reports import json_report, page, scores, table

from . import corpus
from .intake.on_disk import HONEST, NAME, Class, command, folder_of, graded_class, sparse, to
from .test_corpus import _Markup

LISTED = 40  # submissions that the table at the end of a run lists one by one
# what a terminal is sent by our own table and progress bar, and by nobody else
OUR_SEQUENCES = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[lh]|2K|1A)|\r")
# where a spreadsheet begins a formula: at the start, after what it takes for a separator, behind blanks and quotes
FORMULA = re.compile('(?:^|[;\t\r\n])[\\s"]*[=+@\\-\uff0b\uff0d\uff1d\uff20]')


pytestmark = pytest.mark.xdist_group("on disk")  # one class, graded once, is looked at from all sides


@pytest.fixture(scope="module")
def graded(course: Course, solutions: demo.Solutions, tmp_path_factory: pytest.TempPathFactory) -> Class:
    """Return the class."""
    return graded_class(course, solutions, tmp_path_factory.mktemp("hostile"))


def acts(text: str, *, keep: str = "\n") -> list[str]:
    """Return the characters of a text that would act unseen: controls, direction of reading, no width, no character."""
    kinds = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return [c for c in text if c not in keep and unicodedata.category(c) in kinds]


def test_everybody_has_the_verdict_they_should(graded: Class) -> None:
    """Nobody is passed over, whatever they are called; links, pipes and archives are refused by what they are."""
    assert graded.exit_code == 0, graded.said
    reports = graded.reports
    assert set(reports) == {folder_of(file) for file in (*HONEST, *(entry.file for entry in graded.entries))}
    for entry in graded.entries:
        report = reports[folder_of(entry.file)]
        told = (entry.file, report["reason"], report["notes"])
        assert (report["status"], report["score"]) == (entry.status, pytest.approx(entry.score)), told
        assert entry.reason in report["reason"], told
        assert report["exercises"], told


def test_honest_neighbours_notice_nothing(graded: Class, course: Course, tmp_path: Path) -> None:
    """Each has the very report that it has alone."""
    for student in HONEST:
        shutil.copy(graded.folder / f"{student}.ipynb", tmp_path)
    out = tmp_path / "out"
    code, said = command(course, "grade", tmp_path, "--assignment", NAME, "--out", out, "--no-gradebook")
    assert code == 0, said
    alone = [json.loads(path.read_text()) for path in out.glob("*/report.json")]
    assert {report["student"] for report in alone} == set(HONEST)
    for report in alone:
        assert report["score"] == 100.0
        assert report | {"seconds": {}} == graded.reports[folder_of(report["student"])] | {"seconds": {}}


def test_results_stay_where_they_belong(graded: Class) -> None:
    """Every name leads to a folder of its own just below the results; nothing is written anywhere else."""
    folders = [path for path in graded.out.iterdir() if path.is_dir()]
    assert len(folders) == len(graded.entries) + len(HONEST)
    assert {path.name for path in graded.out.iterdir() if not path.is_dir()} == {"index.html", "scores.csv"}
    for folder in folders:
        assert not folder.is_symlink()
        assert folder.name.isascii()
        assert folder.name.isprintable()
        assert {path.name for path in folder.iterdir()} == {"report.json", "feedback.html"}
    assert {path.name for path in graded.folder.parent.iterdir()} == {"class", "out"}
    assert not list(graded.folder.parent.parent.glob("*elsewhere*"))
    assert len(list(graded.folder.iterdir())) == len(folders)


def test_no_cell_of_the_scores_acts(graded: Class) -> None:
    """A spreadsheet starts no formula, and no row or column is added by a name."""
    written = (graded.out / "scores.csv").read_bytes().decode("utf-8")
    assert not acts(written)
    header, *rows = csv.reader(io.StringIO(written), strict=True)
    assert len(rows) == len(graded.reports)
    for row in rows:
        assert len(row) == len(header)
        assert not [cell for cell in row if FORMULA.search(cell)]
    full = [row for row in rows if row[header.index("score")] == "100.0"]
    assert len(full) == sum(report["score"] == 100.0 for report in graded.reports.values())


def test_no_page_acts(graded: Class) -> None:
    """Each page has its policy before all else, no active element, and no character that acts unseen."""
    assert len(graded.pages) == len(graded.reports)
    for path in graded.pages:
        shown = path.read_text(encoding="utf-8")
        head = shown.partition("<head>")[2].lstrip()
        assert head.startswith('<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src ')
        assert "unsafe" not in head.partition(">")[0]
        assert shown.count("http-equiv") == 1
        markup = _Markup()
        markup.feed(shown)
        assert not markup.active, path
        assert not acts(shown), path


def test_no_report_acts(graded: Class) -> None:
    """A report that is printed with `cat` does nothing, and none has a second value under one key."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    for path in graded.out.glob("*/report.json"):
        written = path.read_bytes()
        assert written.isascii()
        assert not acts(written.decode())
        json.loads(written, object_pairs_hook=once, parse_constant=pytest.fail)


def test_nothing_acts_on_the_terminal(graded: Class, course: Course, tmp_path: Path) -> None:
    """The terminal is sent nothing but our own colours; a terminal without any, nothing but text."""
    assert not acts(OUR_SEQUENCES.sub("", graded.said)), graded.said
    shown = tmp_path / "shown"
    hostile = [path for path in sorted(graded.out.iterdir()) if "%" in path.name or "+" in path.name]
    for folder in hostile[:LISTED]:
        shutil.copytree(folder, shown / folder.name)
    code, said = command(course, "report", shown, TERM="dumb", NO_COLOR="1")
    assert code == 0, said
    assert "\\x1b]0;owned" in said  # the names were printed
    assert not acts(said.replace("\r\n", "\n")), said
    for made in shown.glob("*/feedback.html"):
        assert not acts(made.read_text(encoding="utf-8")), made


def test_no_name_of_the_corpus_acts(graded: Class) -> None:
    """Nor do names that no file can have: another way in, such as a list of a learning platform, may allow them."""
    honest = json_report.from_json((graded.out / folder_of(HONEST[1]) / "report.json").read_text())
    reports = [dataclasses.replace(honest, student=case.student) for case in corpus.all_cases()]
    header, *rows = csv.reader(io.StringIO(scores.to_csv(reports)), strict=True)
    assert [len(row) for row in rows] == [len(header)] * len(reports)
    assert not [cell for row in rows for cell in row if FORMULA.search(cell) or acts(cell)]
    for first in range(0, len(reports), LISTED):
        screen = Console(file=io.StringIO(), force_terminal=True, width=160)
        screen.print(table.summary(reports[first : first + LISTED]))
        assert not acts(OUR_SEQUENCES.sub("", screen.file.getvalue()))  # type: ignore[attr-defined]
    for report in reports:
        assert not acts(json_report.to_json(report))
        assert not acts(page.render(report))


# ------------------------------------------------------------------------------------- what must not stop the others


def _tree_inside(path: Path) -> None:
    (path / NAME).mkdir(parents=True)
    (path / NAME / f"{NAME}.ipynb").write_text("{}")


def _to_source(path: Path) -> None:
    _tree_inside(path.parent.parent / "source")
    path.symlink_to("../source")


def _to_forbidden(path: Path) -> None:
    closed = path.parent.parent / "closed"
    closed.mkdir()
    path.symlink_to(closed / "x")
    closed.chmod(0)


@pytest.mark.parametrize(
    ("file", "make"),
    [
        ("eve.ipynb", to("x" * 300)),  # no file can be called so: asking about it fails
        ("eve.ipynb", _to_forbidden),  # root may ask, others may not
        ("eve.ipynb", _tree_inside),  # looks like one student of an nbgrader tree
        ("eve.ipynb", _to_source),
        ("eve", to("x" * 300)),
        ("eve", to("eve")),
        ("eve", os.mkfifo),
    ],
    ids=[
        "long link",
        "forbidden link",
        "folder like a tree",
        "link to the course",
        "long link to a folder",
        "loop",
        "pipe",
    ],
)
def test_one_entry_costs_nobody_else_their_grade(
    course: Course, tmp_path: Path, file: str, make: Callable[[Path], object]
) -> None:
    """The others are found and read, whatever lies beside them."""
    folder = tmp_path / "class"
    folder.mkdir()
    for student in HONEST:
        (folder / f"{student}.ipynb").write_text("{}")
    make(folder / file)
    found = {submitted.student: submitted for submitted in intake.find(course, [folder], NAME)}
    assert set(HONEST) <= set(found)
    assert all(run.job_for(found[student]).content == b"{}" for student in HONEST)
    if file.endswith(".ipynb"):
        assert run.job_for(found["eve"]).content is None


@pytest.mark.parametrize("target", ["x" * 300, "eve", "/etc", "../class"], ids=["long", "loop", "folder", "above"])
def test_one_link_costs_nobody_else_their_grade_in_a_tree(course: Course, tmp_path: Path, target: str) -> None:
    """The same in nbgrader's layout, where students are folders."""
    folder = tmp_path / "class"
    for student in HONEST:
        (folder / student / NAME).mkdir(parents=True)
        (folder / student / NAME / f"{NAME}.ipynb").write_text("{}")
    (folder / "eve").symlink_to(target)
    (folder / "mallory").mkdir()
    (folder / "mallory" / NAME).symlink_to(target)
    found = {submitted.student: submitted for submitted in intake.find(course, [folder], NAME)}
    assert {*HONEST, "mallory"} <= set(found)
    for student, submitted in found.items():
        assert run.job_for(submitted).content == (b"{}" if student in HONEST else None)


def test_two_students_are_never_one(course: Course, tmp_path: Path) -> None:
    """A name that is no UTF-8, and another that is how it is shown, are two students: each has inputs and a grade."""
    for name in (b"\xff", rb"\xff", b"\xc3\xbf"):
        (tmp_path / os.fsdecode(name + b".ipynb")).write_text("{}")
    found = intake.find(course, [tmp_path], NAME)
    assert len({submitted.student for submitted in found}) == len({submitted.folder for submitted in found}) == 3


# --------------------------------------------------------------------------- what changes between listing and reading


def _swapped_folder(path: Path) -> None:
    shutil.move(path.parent, path.parent.with_name("kept"))
    path.parent.symlink_to(path.parents[3] / "solution")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (Path.unlink, "There is no notebook"),
        (lambda path: (path.unlink(), path.symlink_to(path.parents[3] / "solution" / path.name)), "is a link"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "plain file"),
        (lambda path: (path.unlink(), path.mkdir()), "folder"),
        (lambda path: os.truncate(path, 1 << 40), "larger than"),
        (lambda path: shutil.rmtree(path.parent), "There is no notebook"),
        (_swapped_folder, "link"),
    ],
    ids=["gone", "link", "pipe", "folder", "grown", "folder gone", "folder swapped for a link"],
)
def test_what_changes_after_it_was_found(
    course: Course, tmp_path: Path, change: Callable[[Path], object], why: str
) -> None:
    """What was looked at when the class was listed may be something else when it is read: it is not believed."""
    (tmp_path / "solution").mkdir()
    (tmp_path / "solution" / f"{NAME}.ipynb").write_text("the solution")
    path = tmp_path / "class" / "eve" / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    (submitted,) = intake.find(course, [tmp_path / "class"], NAME)
    change(path)
    job = run.job_for(submitted)
    assert job.content is None
    assert why in job.problem


def test_a_class_goes_on_when_files_vanish_and_grow(
    course: Course, solutions: demo.Solutions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a whole run, each file that has changed costs its own student something; one that we cannot read is ours."""
    folder = tmp_path / "class"
    folder.mkdir()
    for student in (*HONEST, "gone", "grown", "failing"):
        (folder / f"{student}.ipynb").write_bytes(variants.write(solutions.solved()))
    opened, found = os.open, intake.find

    def find(*arguments: Any) -> Any:
        submissions = found(*arguments)
        (folder / "gone.ipynb").unlink()
        os.truncate(folder / "grown.ipynb", 1 << 40)
        return submissions

    def failing(path: Any, *arguments: Any, **named: Any) -> int:
        if str(path).endswith("failing.ipynb"):
            raise OSError(5, "Input/output error")
        return opened(path, *arguments, **named)

    monkeypatch.setattr(intake, "find", find)
    monkeypatch.setattr(os, "open", failing)
    order = coordinate.Order(
        course, b"a secret for tests", (folder,), NAME, tmp_path / "out", workers=1, gradebook=False,
        min_isolation="namespaces", fresh=True,
    )  # fmt: skip
    try:
        summary = coordinate.grade_submissions(order, coordinate.Audience())
    except (AutograderError, SubmissionError) as error:
        pytest.fail(f"the class was stopped: {error}")
    scores = {report.student: (report.status.value, report.score) for report in summary.rows}
    lost = {"gone": ("rejected", 0.0), "grown": ("rejected", 0.0), "failing": ("grader_error", None)}
    assert scores == dict.fromkeys(HONEST, ("graded", 100.0)) | lost
    assert summary.exit_code == 2


# ---------------------------------------------------------------------------------------------- nbgrader's timestamps


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.symlink_to("/dev/zero"),
        os.mkfifo,
        Path.mkdir,
        sparse(1 << 40),
        lambda path: path.write_bytes(b"\xff\xfe2\x000\x00"),
        lambda path: path.write_text("2025-02-02 12:30:00 ../../../etc/passwd\n"),
        lambda path: path.write_text("2025-02-02 12:30:00 \x1b]0;owned\x07"),
        lambda path: path.write_text("0001-01-01 00:00:00 +23:59"),
        lambda path: path.write_text("9" * 90),
        lambda path: path.write_text("=HYPERLINK(1)\n<script>owned()</script>"),
    ],
    ids=["link", "endless", "pipe", "folder", "terabyte", "bytes", "zone", "escapes", "year 1", "digits", "markup"],
)
def test_a_hostile_timestamp_is_no_time_or_a_time(
    course: Course, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    """Whatever stands in place of nbgrader's timestamp, the submission is read, and the time is one or none."""
    folder = tmp_path / "eve" / NAME
    folder.mkdir(parents=True)
    (folder / f"{NAME}.ipynb").write_text("{}")
    make(folder / "timestamp.txt")
    (submitted,) = intake.find(course, [tmp_path], NAME)
    assert run.job_for(submitted).content == b"{}"
    assert submitted.timestamp is None or submitted.timestamp.isoformat() == "2025-02-02T12:30:00+00:00"
