"""JUnit XML, GitHub's summary and annotations, JSON Lines: each opened by a reader that is not ours."""

import json
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from exported_reports import CLASS, RNN, classes, entries, exercise, files, partial, rejected, report, ungraded
from hypothesis import given, settings
from markdown_it import MarkdownIt

from autograder.model import Outcome
from autograder.reports import github, jsonl, junit
from autograder.reports.export import Naming
from autograder.reports.json_report import from_json
from autograder.reports.text import visible

PLAIN = Naming()
SCHEMA = Path(__file__).parents[1] / "schemas" / "junit.xsd"


# ---- JUnit XML -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema():
    """Return the schema, for lxml to validate with."""
    etree = pytest.importorskip("lxml.etree")
    return etree.XMLSchema(etree.parse(str(SCHEMA)))


@settings(deadline=None, max_examples=60)  # the first call compiles and imports
@given(classes())
def test_junit_is_valid_xml_of_the_schema(schema, group):
    """Whatever students are called, a strict XML parser reads it and the schema accepts it."""
    from lxml import etree

    schema.assertValid(etree.fromstring(files(junit.export(group, PLAIN))[junit.FILE]))


def test_junit_schema_refuses_what_readers_would_not_understand(schema):
    """The schema is no rubber stamp: without the class of a test, or with a made-up element, it says no."""
    from lxml import etree

    good = files(junit.export(entries(partial()), PLAIN))[junit.FILE].decode()
    for old, new in ((' classname="', ' klass="'), ("failure", "fault"), ('tests="2"', 'tests="two"')):
        assert old in good
        assert not schema.validate(etree.fromstring(good.replace(old, new).encode()))


def test_junit_reader_counts_tests_failures_and_errors():
    """A reader of others finds one suite per submission, with as many tests, failures and errors as there are."""
    junitparser = pytest.importorskip("junitparser")
    suites = {
        s.name: s for s in junitparser.JUnitXml.fromstring(files(junit.export(entries(*CLASS), PLAIN))[junit.FILE])
    }
    counts = {name: (suite.tests, suite.failures, suite.errors) for name, suite in suites.items()}
    assert counts == {
        "rnn_step_by_step.s001": (2, 0, 0),
        "rnn_step_by_step.partial": (2, 2, 0),
        "rnn_step_by_step.rejected": (1, 1, 0),
        "rnn_step_by_step.ungraded": (1, 0, 1),
        "lstm_step_by_step.s001": (2, 0, 0),
        "lstm_step_by_step.partial": (1, 0, 1),
    }
    for name, suite in suites.items():
        assert {case.classname for case in suite} == {name}, "GitLab and Jenkins know a test by its class"
    failed = next(iter(suites["rnn_step_by_step.partial"]))
    (result,) = failed.result
    assert isinstance(result, junitparser.Failure)
    assert (result.type, result.message) == ("failed", "failed: 33.33 of 50 points")
    assert "yt_pred: `yt_pred` departs." in result.text
    (error,) = next(iter(suites["rnn_step_by_step.ungraded"])).result
    assert isinstance(error, junitparser.Error)
    assert error.message == "The reference fails: 100%."
    assert suites["rnn_step_by_step.s001"].time == 0.5


@pytest.mark.parametrize("outcome", Outcome)
def test_junit_suite_is_green_with_full_marks_only(outcome):
    """Every outcome that costs points is a failure, also what was not reached; ours is an error."""
    junitparser = pytest.importorskip("junitparser")
    score = 50.0 if outcome is Outcome.PASSED else 0.0
    made = files(junit.export(entries(report(exercises=(exercise(1, outcome, score),))), PLAIN))[junit.FILE]
    (suite,) = junitparser.JUnitXml.fromstring(made)
    expected = {Outcome.PASSED: (0, 0), Outcome.GRADER_ERROR: (0, 1)}.get(outcome, (1, 0))
    assert (suite.failures, suite.errors) == expected


# ---- GitHub ----------------------------------------------------------------------------------------


def runner_reads(line):
    """Read a line as GitHub's runner does: the command, its properties, its message; None where it is no command."""
    found = re.match(r"\s*::([\w-]+)(?: ([^:]*))?::(.*)\Z", line)
    if not found:
        return None

    def unescaped(text):
        for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
            text = text.replace(code, sign)
        return text

    name, properties, message = found.groups()
    pairs = (pair.split("=", 1) for pair in (properties or "").split(","))
    return name, {key: unescaped(value) for key, value in pairs}, unescaped(message)


def test_annotations_say_what_needs_a_person():
    """An error for what we could not grade, a warning for what was rejected, nothing for the others."""
    made = github.export(entries(*CLASS), PLAIN)
    assert [runner_reads(line) for line in made.lines] == [
        ("error", {"title": "No verdict"}, "partial, lstm_step_by_step: The reference fails: 100%."),
        ("error", {"title": "No verdict"}, "ungraded, rnn_step_by_step: The reference fails: 100%."),
        ("warning", {"title": "Rejected"}, "rejected, rnn_step_by_step: It is a PDF, not a notebook."),
    ]
    assert files(made)[github.ANNOTATIONS].decode().splitlines() == list(made.lines)


def test_annotations_are_as_many_as_github_shows():
    """Of more than ten of a kind, the tenth says how many there are."""
    lines = github.export(entries(*(ungraded(f"s{n:03}") for n in range(25))), PLAIN).lines
    assert len(lines) == 10
    assert runner_reads(lines[-1])[2] == "And 16 more: see scores.csv."
    assert len(github.export(entries(*(ungraded(f"s{n:03}") for n in range(10))), PLAIN).lines) == 10


def test_a_property_ends_where_it_should():
    """Colons, commas, percent signs and line ends of a title and a message come through as they were."""
    line = github.annotation("error", "a: b, 100%2C", "50%0A\n::warning::x: y, z")
    assert "\n" not in line
    assert runner_reads(line) == ("error", {"title": "a: b, 100%2C"}, "50%0A\\n::warning::x: y, z")


@settings(deadline=None, max_examples=60)  # the first call compiles and imports
@given(classes())
def test_no_name_becomes_a_command_of_its_own(group):
    """Each annotation is one line that is one command: no student's name can start another."""
    for line in github.export(group, PLAIN).lines:
        assert line.isprintable()
        assert runner_reads(line)[0] in {"error", "warning"}


@settings(deadline=None, max_examples=60)  # the first call compiles and imports
@given(classes())
def test_summary_shows_names_as_text(group):
    """Rendered as Markdown, the table has a row per submission, and every name stands in it as text and code."""
    shown = BeautifulSoup(
        MarkdownIt("commonmark", {"html": True}).enable("table").render(github.export(group, PLAIN).summary),
        "html.parser",
    )
    assert {tag.name for tag in shown.find_all()} <= {
        "h2",
        "p",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "code",
    }
    rows = [[cell.get_text() for cell in row.find_all("td")] for row in shown.select("tbody tr")]
    assert sorted(row[0] for row in rows) == sorted(visible(entry.report.student) for entry in group)
    for row in rows:
        if row[2] == "grader error":
            assert row[3] == ""
        elif row[2] == "rejected":
            assert row[3] == "0 of 100"


def test_summary_fits_into_what_github_takes():
    """Of a huge class the table is cut below 1 MiB, says by how much, and what needs a person is not cut."""
    group = entries(*(report(f"{n:05}" + "x" * 100) for n in range(6000)), ungraded("zoe"))
    text = github.export(group, PLAIN).summary
    assert len(text.encode()) < 1 << 20
    shown = text.count("<tr>") - 1
    assert f"And {len(group) - shown} more" in text
    assert "zoe" in text
    assert "6001 submissions: 6000 graded, 0 rejected, 1 not gradable because of us." in text


# ---- JSON Lines ------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)  # the first call compiles and imports
@given(classes())
def test_json_lines_are_the_reports(group):
    """Each line is plain ASCII, one JSON object, and reads back as the very report."""
    lines = files(jsonl.export(group, PLAIN))[jsonl.FILE].decode("ascii").splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)
    expected = sorted((entry.report for entry in group), key=lambda made: (made.assignment, made.student))
    assert [from_json(line) for line in lines] == expected


def test_json_lines_keep_null_for_no_verdict():
    """What could not be graded has no score in JSON either."""
    made = files(jsonl.export(entries(ungraded(), rejected()), PLAIN))[jsonl.FILE].decode()
    scores = {json.loads(line)["student"]: json.loads(line)["score"] for line in made.splitlines()}
    assert scores == {"ungraded": None, "rejected": 0.0}
    assert RNN in made
