"""Exports are written whole or not at all, and what cannot be done is said in a sentence."""

import errno
import json
import resource
import typing
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from exported_reports import CLASS, entries, report, ungraded

from autograder import exporting, placing
from autograder.cli import options
from autograder.errors import GraderError, UsageError
from autograder.intake.submitted import safe_name
from autograder.reports.formats import FORMATS

ALL = ",".join(FORMATS)


def everything_in(folder):
    """Return all files below a folder and their content."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_format_is_written(tmp_path):
    """All formats at once: each has its file, nothing else is left behind, and anyone may read them."""
    written = exporting.write(exporting.wanted([ALL]), tmp_path, entries(*CLASS))
    assert written.problems == ()
    assert written.folder == tmp_path / "exports"
    files = everything_in(written.folder)
    assert {name for name in files if "/" not in name} == {
        *("grades.csv", "canvas.csv", "moodle.csv", "junit.xml", "summary.md", "annotations.txt", "reports.jsonl")
    }
    assert len([name for name in files if name.startswith("gradescope/")]) == 4
    assert {path.name for path in written.folder.iterdir()} == {name.split("/")[0] for name in files}
    assert len(written.lines) == 3
    assert len(written.notes) == 2


def test_formats_are_named_with_commas_and_again():
    """`--format a,b --format c` asks for three; twice the same is once."""
    assert exporting.wanted(["junit, csv", "github", "csv,"]).formats == ("junit", "csv", "github")


@pytest.mark.parametrize("name", ["pdf", "CSV", "junit;csv", "../x"])
def test_an_unknown_format_is_refused(name):
    """The sentence names it, and what there is."""
    with pytest.raises(UsageError, match=r"There is no format .*csv, canvas, moodle, junit, gradescope, github, jsonl"):
        exporting.wanted(["csv", name])


def test_help_names_every_format():
    """`--help` lists what there is."""
    for option in typing.get_args(options.FormatOption)[1:]:
        assert option.help.rstrip(".").split(": ")[1].split(", ") == list(FORMATS)


def test_a_file_of_ids_that_is_not_there_is_told(tmp_path):
    """Before anything is graded."""
    with pytest.raises(UsageError, match="cannot be read"):
        exporting.wanted(["canvas"], tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes("student,name\ns001,Zoë\n".encode("latin-1"))
    with pytest.raises(UsageError, match="cannot be read"):
        exporting.wanted(["canvas"], tmp_path / "latin.csv")


def test_nobody_stands_in_the_place_of_the_exports():
    """A student called like the folder has another one."""
    assert safe_name(exporting.FOLDER) != exporting.FOLDER


def test_nothing_is_made_where_nothing_is_asked_for(tmp_path):
    """Without a format there is no folder of exports."""
    exporting.check(exporting.wanted([]), tmp_path)
    assert exporting.write(exporting.wanted([]), tmp_path, entries(*CLASS)).folder is None
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_told_before(tmp_path):
    """A file stands where the folder should be."""
    (tmp_path / "exports").write_text("in the way")
    with pytest.raises(UsageError, match="exports cannot be written to"):
        exporting.check(exporting.wanted(["csv"]), tmp_path)


def test_a_full_disk_leaves_the_old_exports_whole(tmp_path, monkeypatch):
    """The disk fills up at the third file: all old files stand as they were, and one sentence says why."""
    asked = exporting.wanted([ALL])
    exporting.write(asked, tmp_path, entries(report("before")))
    before = everything_in(tmp_path)
    real, count = placing.fill, 0

    def full(path, pieces):
        nonlocal count
        count += 1
        if count < 3:
            return real(path, pieces)
        real(path, list(pieces)[:1])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(placing, "fill", full)
    written = exporting.write(asked, tmp_path, entries(*CLASS))
    monkeypatch.undo()
    assert everything_in(tmp_path) == before
    assert written.folder is None
    (problem,) = written.problems
    assert "No space left on device" in problem


def test_results_of_an_earlier_run_do_not_stay_for_gradescope(tmp_path):
    """Who had a verdict before and has none now has no file; a format that is not asked for is left alone."""
    asked = exporting.wanted(["gradescope", "csv"])
    exporting.write(asked, tmp_path, entries(report("s001")))
    assert "gradescope/rnn_step_by_step/0/results.json" in everything_in(tmp_path / "exports")
    exporting.write(exporting.wanted(["gradescope"]), tmp_path, entries(ungraded("s001")))
    assert list(everything_in(tmp_path / "exports")) == ["grades.csv"]


def test_the_summary_is_added_to_what_other_steps_wrote(tmp_path):
    """GitHub's file is written to by every step: ours stands after what is there."""
    summary = tmp_path / "summary"
    summary.write_text("from an earlier step\n")
    exporting.write(exporting.wanted(["github"], summary=summary), tmp_path, entries(report()))
    text = summary.read_text()
    assert text.startswith("from an earlier step\n")
    assert text.endswith((tmp_path / "exports" / "summary.md").read_text())
    exporting.write(exporting.wanted(["csv"], summary=summary), tmp_path, entries(report()))
    assert summary.read_text() == text, "other formats have none"


@pytest.mark.parametrize("place", ["/dev/full", "none/there"])
def test_a_summary_that_cannot_be_added_is_a_problem_of_ours(tmp_path, place):
    """A full disk, or no such folder: the exports stand, and a sentence says what is missing."""
    asked = exporting.wanted(["github"], summary=tmp_path / place)
    written = exporting.write(asked, tmp_path, entries(report()))
    assert written.folder is not None
    (problem,) = written.problems
    assert problem.startswith("The summary could not be added to ")


def test_a_summary_is_added_whole_or_not_at_all(tmp_path):
    """A limit is reached in the middle of ours: what other steps wrote is left as it was."""
    summary = tmp_path / "summary"
    summary.write_text("x" * 50_000)
    asked = exporting.wanted(["github"], summary=summary)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_100, hard))
    try:
        written = exporting.write(asked, tmp_path, entries(*CLASS))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "The summary could not be added to" in written.problems[0]
    assert summary.read_text() == "x" * 50_000


def test_what_cannot_be_written_is_no_traceback(tmp_path):
    """A report that breaks the rule about scores is ours to mend: a sentence, and it is not in the file."""
    broken = replace(report("broken"), score=None)
    written = exporting.write(exporting.wanted(["jsonl"]), tmp_path, entries(broken, report("whole")))
    assert "fault of the grader" in written.problems[0]
    (line,) = (tmp_path / "exports" / "reports.jsonl").read_text().splitlines()
    assert json.loads(line)["student"] == "whole"


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("error", [GraderError("a report is missing"), KeyError("words of a student")])
def test_an_entry_that_cannot_be_exported_costs_no_other_its_own(tmp_path, format_, error):
    """Five of seven reports cannot be read: two are told apart, all rows are there that need no report."""

    def fail():
        raise error

    good = entries(report("first"), report("last"))
    bad = [replace(entry, load=fail) for entry in entries(*(report(f"bad{number}") for number in range(5)))]
    written = exporting.write(exporting.wanted([format_]), tmp_path, [good[0], *bad, good[1]])
    text = "".join(content.decode() for content in everything_in(written.folder).values())
    if format_ in {"csv", "canvas", "github"}:  # they need rows alone
        assert (written.problems, written.failures) == ((), ())
        return
    told = [*written.problems, *(f"{failure.what} {failure.cause}" for failure in written.failures)]
    assert len(told) == 4
    assert sum("lacks 2 submissions more" in line for line in told) == 1
    assert "words of a student" not in "".join(told)
    if format_ == "gradescope":
        assert len(everything_in(written.folder)) == 2
        return
    assert "first" in text
    assert "last" in text
    assert ("bad1" in text) is (format_ != "jsonl")
    if format_ == "junit":
        suites = ET.fromstring(text)  # noqa: S314  ours
        assert [len(suite.findall("testcase/error")) for suite in suites] == [1] * 5 + [0] * 2


def test_a_format_that_fails_costs_only_itself(tmp_path, monkeypatch):
    """What nobody expected is told without its text, nothing of that format is left, and the others are there."""

    def fail(*_):
        raise KeyError("words of a student")

    exporting.write(exporting.wanted(["junit", "csv"]), tmp_path, entries(report("before")))
    before = everything_in(tmp_path / "exports")
    monkeypatch.setattr(exporting, "FORMATS", {**FORMATS, "junit": fail})
    written = exporting.write(exporting.wanted(["junit", "csv"]), tmp_path, entries(report("after")))
    assert written.problems == ()
    (failure,) = written.failures
    assert failure.cause.startswith("KeyError at autograder.exporting:")
    after = everything_in(tmp_path / "exports")
    assert after.keys() == before.keys()
    assert after["junit.xml"] == before["junit.xml"]
    assert b"after" in after["grades.csv"]
