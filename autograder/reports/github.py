"""`github`: the summary of a step of GitHub Actions, and annotations for what someone has to look at."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from jinja2 import Template

from autograder.model import Status
from autograder.reports.class_rows import Row
from autograder.reports.export import Entry, Export, Naming
from autograder.reports.scores import needing_person
from autograder.reports.templating import environment
from autograder.reports.text import points, visible

SUMMARY, ANNOTATIONS = "summary.md", "annotations.txt"
_LARGEST = 900_000  # bytes: GitHub refuses a summary of more than 1 MiB, other steps' included
_SHOWN = 10  # annotations of one kind that GitHub shows of a step
_KINDS = ((Status.GRADER_ERROR, "error", "No verdict"), (Status.REJECTED, "warning", "Rejected"))


def export(entries: Sequence[Entry], naming: Naming) -> Export:  # noqa: ARG001  every format is called alike
    """Write a run as GitHub shows it.

    Both are written as files too, so that they can be looked at elsewhere. Whoever sees the repository sees them:
    the summary names students and their scores, annotations name those whose submission needs a person.
    """
    rows = [entry.row for entry in sorted(entries, key=lambda entry: entry.order)]
    lines = tuple(line for status, kind, title in _KINDS for line in _annotations(rows, status, kind, title))
    text = summary(rows)
    files = [(SUMMARY, (text,)), (ANNOTATIONS, tuple(f"{line}\n" for line in lines))]
    return Export(files, lines=lines, summary=text)


def summary(reports: Sequence[Row]) -> str:
    """Return the summary: how many were graded, and a table of as many submissions as GitHub takes.

    The table is HTML, which Markdown passes on as it is: there are no marks in it that a name could make use of.
    """
    counts = Counter(report.status for report in reports)
    before, after = (
        _template().render(
            part=part,
            total=len(reports),
            graded=counts[Status.GRADED],
            rejected=counts[Status.REJECTED],
            ungraded=counts[Status.GRADER_ERROR],
        )
        for part in ("before", "after")
    )
    rows, size = [], len(before) + len(after)
    # what needs a person goes first, and is the last to be cut off
    for report in sorted(reports, key=lambda report: report.status is Status.GRADED and not report.needs_person):
        row = _template().render(
            part="row",
            student=visible(report.student),
            assignment=visible(report.assignment),
            status=report.status.value.replace("_", " "),
            score="" if report.score is None else f"{points(report.score)} of {points(report.max_score)}",
            reason=visible(report.reason or needing_person(report)),
        )
        size += len(row.encode())
        if size > _LARGEST:
            break
        rows.append(row)
    cut = len(reports) - len(rows)
    more = f"And {cut} more: they are in scores.csv.\n" if cut else ""
    return before + "".join(rows) + after + more


def _annotations(reports: Sequence[Row], status: Status, kind: str, title: str) -> Iterator[str]:
    found = [report for report in reports if _kind(report) is status]
    listed = found if len(found) <= _SHOWN else found[: _SHOWN - 1]
    for report in listed:
        yield annotation(
            kind,
            title,
            f"{visible(report.student)}, {visible(report.assignment)}: {report.reason or needing_person(report)}",
        )
    if len(found) > len(listed):
        yield annotation(kind, title, f"And {len(found) - len(listed)} more: see scores.csv.")


def _kind(report: Row) -> Status:
    """Return the status that a submission is told under: one with an exercise that needs a person needs one, too."""
    return Status.GRADER_ERROR if report.needs_person else report.status


def annotation(kind: str, title: str, message: str) -> str:
    """Return a workflow command that shows a message; whatever the message holds, it is one command and no other.

    Percent signs and line ends are escaped as the toolkit of GitHub Actions does it, colons and commas too where they
    would end a property.
    """
    return f"::{kind} title={_escaped(title).replace(':', '%3A').replace(',', '%2C')}::{_escaped(visible(message))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


@cache
def _template() -> Template:
    return environment().get_template("summary.md.j2")
