"""`junit`: JUnit XML, one test suite per submission and one test per exercise.

There is no one standard. What is relied on is what three readers have in common: Jenkins' xUnit plugin (junit-10.xsd:
which attributes there may be), GitLab (a test is known by ``classname`` and ``name``, of two alike the second is
dropped, so the class name holds assignment and student), and dorny/test-reporter and mikepenz/action-junit-report for
GitHub (no heading of their own where the suite is called like the class).
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence

from autograder.model import ExerciseResult, Outcome, Report, Status
from autograder.reports.class_rows import Row
from autograder.reports.export import Entry, Export, Lost, Naming, each, findings
from autograder.reports.text import outcome_word, points_of, visible

FILE = "junit.xml"
_FAULTS = ("failure", "error")  # the student's and ours
_FAULT = {Outcome.PASSED: "", Outcome.GRADER_ERROR: "error"}  # of an exercise; else the student's
_UNGRADED = {Status.REJECTED: "failure", Status.GRADER_ERROR: "error"}


def export(entries: Sequence[Entry], naming: Naming) -> Export:  # noqa: ARG001  every format is called alike
    """Write a run as JUnit XML.

    A test passes where the exercise earned all of its points. Every other outcome of a student's is a ``failure``, also
    what was not reached: a suite that shows green has full marks. What we could not grade is an ``error``.
    """
    lost: Lost = []
    return Export([(FILE, _pieces(sorted(entries, key=lambda entry: entry.order), lost))], lost=lost)


def _pieces(entries: Sequence[Entry], lost: Lost) -> Iterator[str]:
    """Yield the file suite by suite: the totals, which stand first, are known without the reports."""
    root = ET.Element("testsuites", name="autograder")
    tests = [fault for entry in entries for fault in _faults(entry.row)]
    root.set("tests", str(len(tests)))
    for fault in _FAULTS:
        root.set(f"{fault}s", str(tests.count(fault)))
    root.set("time", _seconds(sum(entry.row.total_seconds for entry in entries)))
    root.text = "\n" if entries else None
    start, end, tag = _text(root).partition("</")
    yield f"<?xml version='1.0' encoding='utf-8'?>\n{start}"
    yield from each(entries, lambda entry: _shown(_suite(entry.report)), lost, lambda entry: _shown(_lost(entry.row)))
    yield f"{end}{tag}\n"


def _shown(suite: ET.Element) -> str:
    ET.indent(suite, level=1)
    return f"  {_text(suite)}\n"


def _lost(row: Row) -> ET.Element:
    """Return the suite of a submission whose report cannot be written here: an error of ours."""
    name = visible(f"{row.assignment}.{row.student}")
    suite = ET.Element("testsuite", name=name)
    case = ET.SubElement(suite, "testcase", classname=name, name="report", time="0.000")
    ET.SubElement(case, "error", type="grader_error", message="The report could not be exported.")
    _count(suite, suite)
    suite.set("skipped", "0")
    suite.set("time", _seconds(0.0))
    return suite


def _text(element: ET.Element) -> str:
    return ET.tostring(element, encoding="unicode")


def _suite(report: Report) -> ET.Element:
    name = visible(f"{report.assignment}.{report.student}")
    suite = ET.Element("testsuite", name=name)
    for title, fault, word, text in _tests(report):
        # how long one exercise took is not on record; readers print nonsense where there is no time at all
        case = ET.SubElement(suite, "testcase", classname=name, name=visible(title), time="0.000")
        if fault:
            first, _, _ = text.partition("\n")
            found = ET.SubElement(case, fault, type=word, message=visible(first))
            found.text = visible(text, keep="\n")
    _count(suite, suite)
    suite.set("skipped", "0")
    suite.set("time", _seconds(sum(report.seconds.values())))
    return suite


def _faults(row: Row) -> Iterator[str]:
    """Yield the kind of fault of each test, empty where it passes."""
    if row.status is not Status.GRADED:
        yield _UNGRADED[row.status]
        return
    for result in row.exercises:
        yield _FAULT.get(result.outcome, "failure")


def _tests(report: Report) -> Iterator[tuple[str, str, str, str]]:
    """Yield the name of each test, the kind of its fault or nothing, the outcome's word, and what to say."""
    if report.status is not Status.GRADED:
        yield "submission", _UNGRADED[report.status], report.status.value, report.reason
        return
    for result in report.exercises:
        fault = _FAULT.get(result.outcome, "failure")
        yield f"{result.id} {result.function}", fault, result.outcome.value, _said(result)


def _said(result: ExerciseResult) -> str:
    """Return outcome and points, then what the points were lost for."""
    first = f"{outcome_word(result.outcome)}: {points_of(result.score, result.max_score)} points"
    return "\n".join([first, *findings(result)])


def _count(element: ET.Element, cases: Sequence[ET.Element] | ET.Element) -> None:
    element.set("tests", str(len(cases)))
    for fault in _FAULTS:
        element.set(f"{fault}s", str(sum(case.find(fault) is not None for case in cases)))


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"
