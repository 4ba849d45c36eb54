"""Results are replaced as a whole or not at all, and nothing but results is ever replaced."""

import ctypes
import errno
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from autograder import placing, results
from autograder.errors import GraderError, UsageError
from autograder.failures import LOG
from autograder.model import CheckResult, ExerciseResult, Outcome, Provenance, Report, Status
from autograder.rendering import rendered
from autograder.reports import json_report
from autograder.reports.json_report import NewerReportError
from autograder.results import PAGE, REPORT, SCORES, Results

PROVENANCE = Provenance("0.1.0", "feed", "c0ffee", "key", "namespaces", "3.11.9", "2.4.0")
EXERCISE = ExerciseResult(
    "UNQ_C1", "rnn_cell_forward", 40.0, 50.0, Outcome.FAILED, (CheckResult("a", passed=True, weight=4),)
)


def _report(score=40.0, student="ada", **changes):
    exercises = (replace(EXERCISE, score=score),)
    return replace(Report("rnn", student, Status.GRADED, score, 50.0, exercises, PROVENANCE), **changes)


def _write(out, folder, report, when=""):
    graded = rendered(report, when=when)
    out.write(folder, {REPORT: graded.report_json, PAGE: graded.page})


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def _cannot_exchange(monkeypatch):
    """Act as a file system that cannot exchange two names: the call is there and says EINVAL."""
    monkeypatch.setattr(placing, "exchange", lambda *_: False)


@pytest.fixture(params=["exchange", "no exchange"])
def out(request, tmp_path, monkeypatch):
    """Make a results folder, on a file system of each kind."""
    if request.param == "no exchange":
        _cannot_exchange(monkeypatch)
    return Results(tmp_path / "results")


# ------------------------------------------------------------------------------------------------ writing and reading


@pytest.mark.parametrize("folder", ["ada", "rnn/ada", "%2E", "a b", "%FF"])
def test_written_is_read(out, folder):
    """A report comes back as it was, its page beside it, and nothing else is left."""
    _write(out, folder, _report(), "2025-02-03")
    assert out.read(folder) == _report()
    assert _names(out.root / folder) == [PAGE, REPORT]
    assert "40" in (out.root / folder / PAGE).read_text(encoding="utf-8")
    assert _names((out.root / folder).parent) == [Path(folder).name]


def test_replaced_is_read(out):
    """A second report takes the place of the first, with its page."""
    for score in (40.0, 30.0, 20.0):
        _write(out, "rnn/ada", _report(score))
        assert out.read("rnn/ada").score == score
        assert _names(out.root / "rnn") == ["ada"]
        assert _names(out.root / "rnn" / "ada") == [PAGE, REPORT]


def test_others_are_not_touched(out):
    """Writing one student's results leaves the others' as they are."""
    _write(out, "rnn/ada", _report())
    before = (out.root / "rnn/ada" / REPORT).stat()
    _write(out, "rnn/bela", _report(20.0, "bela"))
    _write(out, "lstm/ada", _report(10.0))
    after = (out.root / "rnn/ada" / REPORT).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_files_beside_are_replaced_with_the_folder(out):
    """What an older version left in a submission's folder does not outlive its report."""
    _write(out, "ada", _report())
    (out.root / "ada" / "old.html").touch()
    _write(out, "ada", _report(20.0))
    assert _names(out.root / "ada") == [PAGE, REPORT]


def test_folders_can_be_read_by_others(out):
    """A page may be served to its reader: folders are open, files follow the umask."""
    _write(out, "ada", _report())
    assert (out.root / "ada").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000, b"\xff", b'{"schema": 0}', b"null", b"NaN"])
def test_damaged_reports_are_none(out, content):
    """A report that cannot be read is as good as none: the submission is graded again."""
    _write(out, "ada", _report())
    (out.root / "ada" / REPORT).write_bytes(content)
    assert out.read("ada") is None


@pytest.mark.parametrize("text", ['{"schema": 3}', '{\n  "schema": 12,\n  "student": "ada"\n}\n'])
def test_newer_reports_are_refused(out, text):
    """What a newer version wrote is neither read nor taken for a damaged report, which would be replaced."""
    _write(out, "ada", _report())
    _write(out, "bela", _report(student="bela"))
    (out.root / "ada" / REPORT).write_text(text, encoding="utf-8")
    with pytest.raises(NewerReportError, match=r"ada/report\.json: .* written by a newer autograder"):
        out.read("ada")
    with pytest.raises(NewerReportError):
        out.refuse_newer(["nobody", "bela", "ada"])
    out.refuse_newer(["nobody", "bela", "../outside"])


def test_missing_reports_are_none(out):
    """So is one that is not there, or is no file."""
    assert out.read("nobody") is None
    (out.root / "ada" / REPORT).mkdir(parents=True)
    assert out.read("ada") is None


# ---------------------------------------------------------------------------------------------------- all or nothing


def test_a_reader_never_sees_half(tmp_path):
    """Somebody who opens the results again and again while they are replaced always finds a whole report and page.

    On a file system that can exchange two names, as every one of Linux's own can.
    """
    out = Results(tmp_path)
    _write(out, "ada", _report(0.0))
    target = tmp_path / "ada"
    end = time.monotonic() + 1.5
    seen, problems = set(), []

    def read():
        while time.monotonic() < end:
            try:
                folder = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
            except OSError as error:
                problems.append(error)
                continue
            os.close(folder)
            report = out.read("ada")
            if report is None:  # it may have been exchanged between two look-ups, but never twice in a row
                report = out.read("ada") or out.read("ada")
            if report is None:
                problems.append("no report")
            else:
                seen.add(report.score)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    written = 0
    while time.monotonic() < end:
        written += 1
        _write(out, "ada", _report(float(written % 40)))
    for reader in readers:
        reader.join()
    assert problems == []
    assert written > 20
    assert len(seen) > 5


def test_exchange_is_one_step(tmp_path):
    """Two folders change names; where one is missing, nothing happens and the answer is no."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    (one / "a").touch()
    assert placing.exchange(one, other)
    assert (_names(one), _names(other)) == ([], ["a"])
    assert not placing.exchange(one, tmp_path / "missing")
    assert _names(tmp_path) == ["one", "other"]


def test_systems_without_the_call(tmp_path, monkeypatch):
    """A C library that has no such call is no reason to fail."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    out = Results(tmp_path)
    _write(out, "ada", _report(1.0))
    _write(out, "ada", _report(2.0))
    assert out.read("ada").score == 2.0
    assert _names(tmp_path) == ["ada"]


def _full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("module", "name", "failure"),
    [
        (results.Path, "write_bytes", _full),
        (results.Path, "chmod", _full),
        (results.Path, "mkdir", _full),
    ],
)
def test_failure_leaves_the_old_ones(out, monkeypatch, module, name, failure):
    """Where the new results cannot be made, it is told, the old ones stay, and nothing is left lying about."""
    _write(out, "rnn/ada", _report(40.0))
    with monkeypatch.context() as patch:
        patch.setattr(module, name, failure)
        with pytest.raises(GraderError):
            _write(out, "rnn/ada", _report(20.0))
    assert out.read("rnn/ada").score == 40.0
    assert _names(out.root / "rnn") == ["ada"]
    assert _names(out.root / "rnn" / "ada") == [PAGE, REPORT]


def test_failure_half_way_puts_the_old_ones_back(tmp_path, monkeypatch):
    """Without an exchange, a failure between the two renamings brings the old results back."""
    _cannot_exchange(monkeypatch)
    out = Results(tmp_path)
    _write(out, "ada", _report(40.0))
    rename = Path.rename

    def second_fails(path, target):
        return _full() if path.name.startswith(".new-") else rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", second_fails)
        with pytest.raises(GraderError, match="No space"):
            _write(out, "ada", _report(20.0))
    assert out.read("ada").score == 40.0
    assert _names(tmp_path) == ["ada"]


# ---------------------------------------------------------------------------------------------------- what is not ours


def test_a_graded_class_is_not_replaced(out):
    """A single submission by an assignment's name does not sweep away that assignment's whole class."""
    _write(out, "rnn/ada", _report())
    with pytest.raises(GraderError, match="--out"):
        _write(out, "rnn", _report(student="rnn"))
    assert out.read("rnn/ada") == _report()
    assert _names(out.root) == ["rnn"]


@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
def test_files_and_links_are_not_replaced(out, tmp_path, kind):
    """A file or link in the place of a results folder is somebody's; it stays, and the message says where it is."""
    target = out.root / "ada"
    (tmp_path / "elsewhere").mkdir()
    if kind == "file":
        target.write_text("mine", encoding="utf-8")
    else:
        target.symlink_to(tmp_path / ("elsewhere" if kind == "link" else "nowhere"))
    with pytest.raises(GraderError, match="ada holds something else"):
        _write(out, "ada", _report())
    assert target.is_symlink() or target.read_text(encoding="utf-8") == "mine"
    assert _names(tmp_path / "elsewhere") == []
    assert _names(out.root) == ["ada"]


@pytest.mark.parametrize(
    "folder",
    ["", ".", "..", "../ada", "rnn/../../ada", "/etc", "rnn//ada", "ada/", ".new-1", "rnn/.ada", "a\0b", SCORES, LOG],
)
def test_folders_stay_inside(out, tmp_path, folder):
    """A name that would lead elsewhere, or to a file of ours, is refused; reading it finds nothing."""
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / REPORT).write_text(json_report.to_json(_report()), encoding="utf-8")
    assert out.read(folder) is None
    with pytest.raises(GraderError, match="no name for a folder"):
        _write(out, folder, _report())
    assert _names(out.root) == []


# ---------------------------------------------------------------------------------------------------- the folder itself


def test_folder_is_made(tmp_path):
    """The results folder is made with all above it, and used again as it is."""
    _write(Results(tmp_path / "a" / "b"), "ada", _report())
    assert Results(tmp_path / "a" / "b").read("ada") == _report()
    assert _names(tmp_path / "a" / "b") == ["ada"]


def _is_a_file(tmp_path):
    (tmp_path / "out").touch()
    return tmp_path / "out"


def _is_below_a_file(tmp_path):
    return _is_a_file(tmp_path) / "results"


def _is_a_dangling_link(tmp_path):
    (tmp_path / "out").symlink_to("nowhere")
    return tmp_path / "out"


@pytest.mark.parametrize(
    "make",
    [_is_a_file, _is_below_a_file, _is_a_dangling_link, lambda _: Path("/proc/results"), lambda _: Path("/proc")],
)
def test_unwritable_folder_is_told_at_once(tmp_path, make):
    """A folder that cannot be made or written to is one clear line, before anything is graded."""
    with pytest.raises(UsageError, match="cannot be written to") as caught:
        Results(make(tmp_path))
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------------------------------------------- scores.csv


def test_scores(out):
    """The table of the class is written beside the folders, and replaced as a whole."""
    assert out.write_scores([_report(40.0)]) == out.root / SCORES
    out.write_scores([_report(40.0), _report(30.0, "bela")])
    lines = (out.root / SCORES).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("bela,rnn,graded,30")
    assert _names(out.root) == [SCORES]
    assert (out.root / SCORES).stat().st_mode & 0o777 == 0o644


def test_scores_of_hostile_students(out):
    """Any student's name can be written."""
    path = out.write_scores([_report(student="\ud800\x1b=1")])
    assert path.read_bytes().decode("utf-8").count("\n") == 2


def test_scores_that_cannot_be_written(out, monkeypatch):
    """Where the table cannot be written it is told, and the old one stays."""
    out.write_scores([_report(40.0)])
    before = (out.root / SCORES).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _full)
        with pytest.raises(GraderError, match="No space"):
            out.write_scores([])
    assert (out.root / SCORES).read_bytes() == before
    assert _names(out.root) == [SCORES]


def test_scores_where_a_folder_is(out):
    """A folder in the place of the table is told as well."""
    (out.root / SCORES).mkdir()
    with pytest.raises(GraderError, match=SCORES):
        out.write_scores([])
