"""What cannot be rendered costs one submission one artefact, and the report tells it in our words."""

import json
from dataclasses import replace

import pytest
from exported_reports import report

from autograder import autograded, rendering
from autograder.errors import GraderError
from autograder.model import Status
from autograder.rendering import is_complete, rendered
from autograder.reports import json_report, page

WORDS = "words of a student"
EMPTY = b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}'
RELEASE = {"cells": []}


def _raises(*_, **__):
    raise KeyError(WORDS)


def test_everything_is_rendered():
    """Report, page and notebook, from one call; nothing has failed."""
    graded = rendered(report(), EMPTY, RELEASE, "2025-02-03")
    assert json_report.from_json(graded.report_json.decode()) == graded.report == report()
    assert graded.page.decode() == page.render(report(), "2025-02-03")
    assert json.loads(graded.notebook)["nbformat"] == 4
    assert graded.failures == ()
    assert is_complete(graded.report)


@pytest.mark.parametrize(
    "changes", [{"status": Status.REJECTED, "score": 0.0}, {"status": Status.GRADER_ERROR, "score": None}]
)
def test_what_has_no_verdict_has_no_notebook(changes):
    """There is nothing that a formgrader could show."""
    assert rendered(replace(report(), **changes), EMPTY, RELEASE).notebook is None
    assert rendered(report(), EMPTY, None).notebook is None
    assert rendered(report(), b"def f():\n    return 1\n", RELEASE).notebook is None


@pytest.mark.parametrize(
    ("module", "name", "says"),
    [(page, "render", "The page of this submission"), (autograded, "from_bytes", "formgrader could not be made")],
)
def test_an_artefact_that_fails_is_told_in_the_report(monkeypatch, module, name, says):
    """A note in our words, the traceback beside it, everything else as it would be, and the next run tries again."""
    monkeypatch.setattr(module, name, _raises)
    graded = rendered(report(), EMPTY, RELEASE)
    (note,) = graded.report.notes
    assert says in note
    assert "the grade stands" in note
    assert json.loads(graded.report_json)["notes"] == [note]
    assert graded.report.score == report().score
    (failure,) = graded.failures
    assert WORDS in failure.trace
    assert WORDS not in failure.cause
    assert WORDS.encode() not in graded.report_json + graded.page
    assert not is_complete(graded.report)
    assert graded.page.decode().endswith("</html>\n")
    if module is autograded:
        assert note.split(". ")[0].replace("'", "&#39;").encode() in graded.page


def test_a_page_that_no_file_can_hold_is_one_that_failed(monkeypatch):
    """Half an emoji, say: it fails here, and not where the file is written."""
    monkeypatch.setattr(page, "render", lambda *_: "\ud800")
    graded = rendered(report())
    assert graded.page.decode() == page.SUBSTITUTE
    assert len(graded.failures) == 1


def test_a_report_that_cannot_be_written_is_a_failure_of_ours():
    """No number is made of what JSON does not know; the submission has no verdict, and says why."""
    graded = rendered(replace(report(), score=float("nan")))
    assert graded.report.status is Status.GRADER_ERROR
    assert json_report.from_json(graded.report_json.decode()) == graded.report
    assert "GraderError at autograder.reports.json_report:" in graded.report.reason
    assert len(graded.failures) == 1


def test_what_cannot_be_told_at_all_is_raised(monkeypatch):
    """Where not even a failure can be written, whoever asked has to know."""
    monkeypatch.setattr(json_report, "to_json", _raises)
    with pytest.raises(GraderError, match="Not even a report"):
        rendering.rendered(report())
