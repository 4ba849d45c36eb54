"""What was submitted is found in every layout, and no name or link leads anywhere it should not."""

import datetime as dt
import os
import time
from pathlib import Path

import pytest
from dateutil.tz import gettz
from hypothesis import example, given
from hypothesis import strategies as st
from nbgrader.utils import parse_utc

from autograder import intake, notebook
from autograder.course import CONFIG, Course
from autograder.errors import SubmissionError, UsageError
from autograder.results import Results

RNN, LSTM = "rnn_step_by_step", "lstm_step_by_step"


@pytest.fixture
def course(tmp_path):
    """Make a course with two assignments."""
    root = tmp_path / "course"
    for name in (RNN, LSTM):
        folder = root / "source" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_text("the solution", encoding="utf-8")
    (root / CONFIG).touch()
    (root / "submitted").mkdir()
    return Course.at(root)


def _submit(course, student, assignment=RNN, file=None, text="{}"):
    folder = course.root / "submitted" / os.fsdecode(student) / assignment
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (file or f"{assignment}.ipynb")
    path.write_text(text, encoding="utf-8")
    return path


def _tree(course, assignment=None):
    return intake.find(course, [course.root / "submitted"], assignment)


def _files(tmp_path, *names):
    folder = tmp_path / "flat"
    folder.mkdir()
    for name in names:
        (folder / name).write_text(name, encoding="utf-8", errors="surrogateescape")
    return folder


# ---------------------------------------------------------------------------------------------------- nbgrader's tree


def test_tree(course):
    """Every student's folder of every assignment is a submission, in the order of assignment and student."""
    paths = [_submit(course, "bela", LSTM), _submit(course, "ada"), _submit(course, "bela")]
    assert [(s.assignment, s.student, s.path, s.folder) for s in _tree(course)] == [
        (LSTM, "bela", paths[0], f"{LSTM}/bela"),
        (RNN, "ada", paths[1], f"{RNN}/ada"),
        (RNN, "bela", paths[2], f"{RNN}/bela"),
    ]


def test_tree_of_one_assignment(course):
    """Only the assignment that was asked for is taken."""
    _submit(course, "ada")
    _submit(course, "ada", LSTM)
    assert [s.assignment for s in _tree(course, LSTM)] == [LSTM]


def test_other_files_beside(course):
    """Files beside the folders, folders of other things and hidden folders are no submissions."""
    _submit(course, "ada")
    submitted = course.root / "submitted"
    (submitted / "list.csv").touch()
    (submitted / "stray.ipynb").touch()
    (submitted / "nobody").mkdir()
    (submitted / "ada" / "old_assignment").mkdir()
    _submit(course, ".ipynb_checkpoints")
    _submit(course, "ada", file="data.csv")
    _submit(course, "ada", file="scratch.ipynb")
    assert [(s.student, s.path.name) for s in _tree(course)] == [("ada", f"{RNN}.ipynb")]


@pytest.mark.parametrize("name", [f"{RNN} (2).ipynb", "Homework.ipynb", "accentué.ipynb"])
def test_the_only_notebook_under_another_name(course, name):
    """A notebook that a browser or a student renamed is taken where it is the only one."""
    path = _submit(course, "ada", file=name)
    _submit(course, "ada", file=f"._{name}")  # what some systems put beside a file when they pack it
    (path.parent / ".ipynb_checkpoints").mkdir()
    assert [s.path for s in _tree(course)] == [path]


def test_no_notebook_or_too_many(course):
    """Where nobody can tell which notebook is meant, the place where it should be is named; it is refused there."""
    for name in ("one.ipynb", "two.ipynb"):
        _submit(course, "ada", file=name)
    _submit(course, "bela", file="photo.jpg")
    (course.root / "submitted" / "chidi").mkdir()
    (course.root / "submitted" / "chidi" / RNN).touch()  # a file where the folder should be
    found = _tree(course)
    assert [s.student for s in found] == ["ada", "bela", "chidi"]
    for submitted in found:
        with pytest.raises(SubmissionError, match=rf"There is no notebook `{RNN}\.ipynb`"):
            notebook.read_bytes(submitted.path)


def _link_student(course):
    (course.root / "elsewhere" / RNN).mkdir(parents=True)
    (course.root / "elsewhere" / RNN / f"{RNN}.ipynb").write_text("another's", encoding="utf-8")
    (course.root / "elsewhere" / RNN / "timestamp.txt").write_text("2025-02-02 12:30:00 UTC", encoding="utf-8")
    (course.root / "submitted" / "eve").symlink_to(course.root / "elsewhere")


def _link_folder(course):
    (course.root / "submitted" / "eve").mkdir()
    (course.root / "submitted" / "eve" / RNN).symlink_to("../../source/" + RNN)


def _link_file(course):
    _submit(course, "eve").unlink()
    (course.root / "submitted" / "eve" / RNN / f"{RNN}.ipynb").symlink_to(f"../../../source/{RNN}/{RNN}.ipynb")


def _link_other_file(course):
    _submit(course, "eve").unlink()
    (course.root / "submitted" / "eve" / RNN / "mine.ipynb").symlink_to(f"../../../source/{RNN}/{RNN}.ipynb")


def _dangling_folder(course):
    (course.root / "submitted" / "eve").mkdir()
    (course.root / "submitted" / "eve" / RNN).symlink_to("nowhere")


@pytest.mark.parametrize("make", [_link_student, _link_folder, _link_file, _link_other_file, _dangling_folder])
def test_links_lead_nowhere(course, make):
    """A link in the place of the student's folder, the assignment's or the file is a submission that is refused.

    Followed, it would hand in the solution, or another student's work.
    """
    _submit(course, "ada")
    make(course)
    found = {s.student: s for s in _tree(course)}
    assert set(found) == {"ada", "eve"}
    with pytest.raises(SubmissionError, match="link"):
        notebook.read_bytes(found["eve"].path)
    assert found["eve"].timestamp is None


def test_linked_root_is_the_instructors_own(course, tmp_path):
    """The folder that is graded may be a link itself: its name comes from the instructor."""
    _submit(course, "ada")
    (tmp_path / "link").symlink_to(course.root / "submitted")
    assert [s.student for s in intake.find(course, [tmp_path / "link"], RNN)] == ["ada"]


# ---------------------------------------------------------------------------------------------------- files


def test_folder_of_notebooks(course, tmp_path):
    """In a folder of notebooks the student is the file's stem, and other files do not count."""
    folder = _files(tmp_path, "s002.ipynb", "s001.ipynb", "README.md", "s003.ipynb.bak", "._s001.ipynb")
    (folder / "s004.ipynb").mkdir()
    found = intake.find(course, [folder], RNN)
    assert [(s.student, s.assignment, s.path.name, s.folder) for s in found] == [
        ("s001", RNN, "s001.ipynb", "s001"),
        ("s002", RNN, "s002.ipynb", "s002"),
        ("s004", RNN, "s004.ipynb", "s004"),
    ]


def test_one_notebook(course, tmp_path):
    """One file is one submission; a notebook by an assignment's name needs no further word."""
    folder = _files(tmp_path, f"{LSTM}.ipynb", "ada.ipynb")
    assert [(s.student, s.assignment) for s in intake.find(course, [folder / f"{LSTM}.ipynb"], None)] == [(LSTM, LSTM)]
    assert [(s.student, s.assignment) for s in intake.find(course, [folder / "ada.ipynb"], RNN)] == [("ada", RNN)]


def test_several_paths(course, tmp_path):
    """Several paths are one class."""
    folder = _files(tmp_path, "chidi.ipynb")
    _submit(course, "ada")
    found = intake.find(course, [folder / "chidi.ipynb", course.root / "submitted"], RNN)
    assert [s.folder for s in found] == [f"{RNN}/ada", "chidi"]


@pytest.mark.parametrize(
    ("names", "assignment", "word"),
    [
        (["flat/nothing.ipynb"], RNN, "does not exist"),
        (["empty"], RNN, "holds no notebook"),
        (["flat"], None, "Say --assignment"),
        (["flat/s001.ipynb"], None, "Say --assignment"),
        (["flat"], "unknown", "no assignment 'unknown'"),
        (["flat"], "../source", "no assignment"),
        (["flat", "flat"], RNN, "same results folder: s001"),
        (["flat", "flat/s001.ipynb"], RNN, "same results folder: s001"),
    ],
)
def test_what_cannot_be_meant(course, tmp_path, names, assignment, word):
    """What is missing, empty, ambiguous or named twice is told in one line, before anything is graded."""
    _files(tmp_path, "s001.ipynb", "s002.ipynb")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=word):
        intake.find(course, [tmp_path / name for name in names], assignment)


def test_large_class(course, tmp_path):
    """Five thousand files are found in a moment."""
    folder = _files(tmp_path, *(f"s{n}.ipynb" for n in range(5_000)))
    started = time.perf_counter()
    assert len(intake.find(course, [folder], RNN)) == 5_000
    assert time.perf_counter() - started < 5


# ---------------------------------------------------------------------------------------------------- hostile names

HOSTILE = [
    b"..",
    b".",
    b".hidden",
    b"~root",
    b"a b",
    b"-rf",
    b"*",
    b"a\\b",
    b"C:",
    b"CON",
    "Zoë Ångström".encode(),
    "Zoe\u0308".encode(),
    "\u202etxt.exe".encode(),
    b"new\nline",
    b"\x1b[31mred",
    b"tab\t",
    b"\xff\xfe",
    b"\xc3\x28",
    b"=HYPERLINK(0)",
    b"+1",
    b"@sum",
    b"%41",
    b"A",
    b"%2E%2E",
    b"scores.csv",
    b"%73cores.csv",
    b"a" * 240,
    b"a" * 239 + b"b",
    "é".encode() * 120,
    "é".encode() * 119 + b"e",
    b" ",
    b"a ",
    b"a",
    b"report.json",
]


def test_hostile_students_of_a_folder(course, tmp_path):
    """Whatever a file is called, its results have a folder of their own, just below the results folder."""
    names = [os.fsdecode(name) + ".ipynb" for name in HOSTILE]
    found = intake.find(course, [_files(tmp_path, *names)], RNN)
    assert {s.path.name for s in found} == set(names)
    out = tmp_path / "out"
    results = Results(out)
    for submitted in found:
        (out / submitted.folder).mkdir()  # distinct, and taken by the file system: else it is refused
        assert (out / submitted.folder).resolve().parent == out.resolve()
        assert results.read(submitted.folder) is None
        assert submitted.student.encode("utf-8")
    results.write_scores([])
    assert len(list(out.iterdir())) == len(HOSTILE) + 1


def test_hostile_students_of_a_tree(course, tmp_path):
    """The same below an assignment's folder of results."""
    students = [name for name in HOSTILE if not name.startswith(b".")]
    for name in students:
        _submit(course, name)
    out = tmp_path / "out" / RNN
    out.mkdir(parents=True)
    found = _tree(course, RNN)
    for submitted in found:
        place = tmp_path / "out" / submitted.folder
        place.mkdir()
        assert place.resolve().parent == out.resolve()
    assert len(list(out.iterdir())) == len(students) == len(found)


@given(st.lists(st.binary(max_size=255), unique=True, max_size=6))
@example([b"", b"%", b".", b"%2E", b"%2e"])
@example([b"a" * 201, b"a" * 202, b"a" * 120])
@example(["é".encode() * 127, "é".encode() * 126])
def test_safe_names(names):
    """Distinct names stay distinct; none leads elsewhere, hides itself, or is too long for a file system."""
    safe = [intake.safe_name(os.fsdecode(name)) for name in names]
    assert len(set(safe)) == len(names)
    for name in safe:
        assert name.isascii()
        assert name.isprintable()
        assert 0 < len(name) <= 200
        assert name[0] != "."
        assert name != "scores.csv"
        assert not set(name) & set("/\\\0:*?<>|\"'$`;&!")


def test_plain_names_stay_as_they_are():
    """An ordinary student id is its own folder name, so that people find it."""
    for name in ("ada", "s001", "ada.lovelace@example.org", "Lovelace, Ada", "a-b_c", "x" * 200):
        assert intake.safe_name(name) == name


# ---------------------------------------------------------------------------------------------------- timestamps


def _stamped(course, content):
    path = _submit(course, "ada").with_name("timestamp.txt")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("zone", ["UTC", "CET", "EST", "GMT", "Asia/Tokyo", "Europe/Berlin", "America/Los_Angeles"])
@pytest.mark.parametrize("month", [1, 7])
def test_what_nbgrader_writes(course, zone, month):
    """The default format, in any time zone that it may be configured to, is read as nbgrader itself reads it."""
    moment = dt.datetime(2025, month, 15, 22, 30, 1, 250, tzinfo=gettz(zone))
    text = moment.strftime("%Y-%m-%d %H:%M:%S.%f %Z")
    _stamped(course, text.encode())
    (submitted,) = _tree(course)
    assert submitted.timestamp.tzinfo is dt.UTC
    assert submitted.timestamp.replace(tzinfo=None) == parse_utc(text)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2025-02-02 12:30:00.948203 UTC", 12),
        ("2025-02-02 12:30:00 UTC\n", 12),
        ("\ufeff2025-02-02 12:30:00", 12),
        ("2025-02-02T12:30:00Z", 12),
        ("2025-02-02T12:30:00.5+02:00", 10),
        ("2025-02-02 12:30:00 +0200", 10),
        ("2025-02-02 12:30:00 -03", 15),
        ("2025-02-02 12:30:00 America/New_York", 17),
        ("2025-02-02 12:30:00 XYZ", 12),
        ("2025-02-02 12:30:00 ../../etc/passwd", 12),
        ("2025-02-02 12:30:00 /etc/localtime", 12),
        ("2025-02-02 12:30:00 Europe", 12),
        ("2025-02-02 12:30:00 \0", 12),
        ("2025-02-02", 0),
    ],
)
def test_times_are_read(course, text, hour):
    """ISO 8601, an offset or a zone's name after a blank; without a zone that is known it is UTC."""
    _stamped(course, text.encode())
    (submitted,) = _tree(course)
    assert submitted.timestamp.tzinfo is dt.UTC
    assert (submitted.timestamp.day, submitted.timestamp.hour) == (2, hour)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"yesterday",
        b"\xff\xfe\x00",
        b"0001-01-01 00:00:00 +0900",
        b"9999-12-31 23:59:59 -0900",
        b"0001-01-01 00:00:00 Asia/Tokyo",
        b"9999-12-31 23:59:59 America/New_York",
        b"2025-13-40 99:99:99 UTC",
        b"2025-02-02 12:30:00 +9999",
        b"1" * 100_000,
        b"2025-02-02 12:30:00 UTC" + b" " * 100 + b"and more",
    ],
)
def test_times_that_are_none(course, content):
    """A timestamp that nobody can read is no timestamp; the submission is graded all the same."""
    _stamped(course, content)
    (submitted,) = _tree(course)
    assert submitted.timestamp is None


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["fifo", "link", "folder", "huge", "missing"])
def test_timestamps_that_are_no_files(course, tmp_path, kind):
    """A pipe, a link, a folder or a terabyte in the place of the timestamp is not waited for, followed or read."""
    path = _submit(course, "ada").with_name("timestamp.txt")
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        (tmp_path / "time").write_text("2025-02-02 12:30:00 UTC", encoding="utf-8")
        path.symlink_to(tmp_path / "time")
    elif kind == "folder":
        path.mkdir()
    elif kind == "huge":
        path.touch()
        os.truncate(path, 1 << 40)
    (submitted,) = _tree(course)
    assert submitted.timestamp is None


@given(
    st.text(max_size=40) | st.from_regex(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z+-][A-Za-z0-9/.]{0,6}", fullmatch=True)
)
def test_any_text_for_a_time(text):
    """Any text at all is a time in UTC or none."""
    moment = intake.times.parse_time(text)
    assert moment is None or moment.tzinfo is dt.UTC


@pytest.mark.parametrize("below", ["", f"/{RNN}", f"/{RNN}/{RNN}.ipynb"])
@pytest.mark.parametrize("base", ["submitted", "elsewhere/submitted"])
def test_a_place_within_a_tree_is_its_students(course, monkeypatch, below, base):
    """A student's folder, a submission's and its notebook are that student's work, however the path is written."""
    path = _submit(course, "ada")
    _submit(course, "bela")
    _submit(course, "ada", LSTM)
    (path.parent / "timestamp.txt").write_text("2025-02-02 12:30:00 UTC", encoding="utf-8")
    root = course.root / base
    if not root.exists():
        root.parent.mkdir()
        (course.root / "submitted").rename(root)
    monkeypatch.chdir(root / "ada")
    expected = [(RNN, "ada", f"{RNN}/ada", root / "ada" / RNN / f"{RNN}.ipynb")]
    if not below:
        expected.insert(0, (LSTM, "ada", f"{LSTM}/ada", root / "ada" / LSTM / f"{LSTM}.ipynb"))
    for path in (Path(f"{root}/ada{below}"), Path(f".{below}")):
        found = intake.find(course, [path], None)
        assert [(s.assignment, s.student, s.folder, s.path) for s in found] == expected
        assert found[-1].timestamp is not None
        assert intake.passed_over(course, [path], found) == []


def test_a_notebook_that_is_named_counts_whatever_stands_beside_it(course):
    """An older copy in a student's folder is graded as that student's when it is the one that is named."""
    _submit(course, "ada")
    other = _submit(course, "ada", file="earlier.ipynb")
    (found,) = intake.find(course, [other], None)
    assert (found.student, found.assignment, found.path, found.received) == ("ada", RNN, other, ())


def test_a_named_submission_of_another_assignment_is_refused(course):
    """A path that says one assignment and an option that says another contradict each other."""
    path = _submit(course, "ada")
    with pytest.raises(UsageError, match=f"is a submission of {RNN}, and not of {LSTM}"):
        intake.find(course, [path], LSTM)


def test_notebooks_outside_of_a_tree_keep_their_own_names(course):
    """The source notebook stands in a folder of the assignment's name too, and nobody is called ``source``."""
    (found,) = intake.find(course, [course.source_notebook(RNN)], RNN)
    assert (found.student, found.folder) == (RNN, RNN)
