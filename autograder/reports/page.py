"""The student's page: one self-contained HTML file per submission, without script, opened from disk."""

import base64
import functools
import hashlib
from dataclasses import dataclass
from itertools import count

from jinja2 import Template
from markupsafe import Markup

from autograder.model import Report, Status
from autograder.reports.explanation import Explanation, explanation
from autograder.reports.markup import name, prose
from autograder.reports.templating import TEMPLATES, environment
from autograder.reports.text import listed, points, points_of, visible

# Stands in the place of a page that could not be made, so that whatever leads to it does not lead nowhere.
SUBSTITUTE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>This page could not be made</title></head>
<body>
<h1>This page could not be made</h1>
<p>Your submission was received, but the page about it could not be made. This is our fault, not yours. Your instructor
has been told.</p>
</body>
</html>
"""


@dataclass(frozen=True)
class _Page:
    """A report as the page tells it."""

    result: str
    score: str | None
    share: float  # of the points, in per cent
    sentence: str
    start: tuple[str, ...]  # names: the function, and the value if one is known
    first: int  # the exercise that this is about
    rejected: bool
    ours: bool
    again: bool
    exercises: tuple[Explanation, ...]
    about: tuple[tuple[str, str], ...]


def render(report: Report, when: str = "") -> str:
    """Render the page of one submission.

    Parameters
    ----------
    report : Report
        What the submission earned, and why. Its texts may come from anyone: they appear as text.
    when : str, optional
        The date to show; a report has none, so that the same work gives the same page.

    Returns
    -------
    str
        A whole HTML document that loads nothing and runs nothing.
    """
    template, style, style_hash = _compiled()
    return template.render(report=report, page=_page(report, when), when=when, style=style, style_hash=style_hash)


@functools.cache
def _compiled() -> tuple[Template, Markup, str]:
    """Compile the templates, once per process; the style's hash is what the page's own policy lets through."""
    made = environment(
        name=name, points=points, points_of=points_of, prose=prose, paragraphs=_paragraphs, visible=visible
    )
    style = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    # safe: the style is ours, a file beside this one, and no text of a report ever enters it
    return made.get_template("page.html.j2"), Markup(style), f"sha256-{digest}"  # noqa: S704


def _page(report: Report, when: str) -> _Page:
    """Decide what the page says."""
    exercises = () if report.score is None else tuple(map(explanation, count(1), report.exercises))
    if report.status is Status.REJECTED:
        exercises = ()  # nothing of it was read: rows of zeros would say more than we know
    opened = [exercise.result for exercise in exercises if exercise.result.score is None]
    known = [exercise for exercise in exercises if exercise.result.score is not None]
    todo = [exercise for exercise in known if not exercise.passed]
    checks = [check for exercise in known for check in exercise.result.checks]
    right = sum(check.passed for check in checks)
    start: tuple[str, ...] = ()
    if report.score is None:
        sentence = "Your submission has not been graded yet, because our grader failed: our fault, not yours."
    elif report.status is Status.REJECTED:
        sentence = "Your file could not be read, so nothing in it could be graded."
    elif todo:
        sentence = f"{right} of {len(checks)} checks right." if checks else "Nothing could be checked yet."
        first_wrong = [row.check.name for row in todo[0].rows if not row.check.passed]
        start = (todo[0].result.function, *first_wrong[:1])
    elif opened:
        sentence = f"All {len(checks)} checks right of what could be checked." if checks else ""
    else:
        sentence = f"All {len(checks)} checks right. Well done: there is nothing to change."
    if opened:
        functions = listed(f"`{result.function}`" for result in opened)
        most = points(sum(result.max_score for result in opened))
        sentence += f" {functions} could not be graded because of us, so {most} of the points are still open."
    return _Page(
        result=_result(report),
        score=None if report.score is None else points(report.score),
        share=_share(report),
        sentence=sentence,
        start=start,
        first=todo[0].number if todo else 0,
        rejected=report.status is Status.REJECTED,
        ours=report.status is Status.GRADER_ERROR,
        again=bool(todo),
        exercises=exercises,
        about=_about(report, when),
    )


def _result(report: Report) -> str:
    """Sum the report up for the window's title."""
    if report.score is None:
        return "Not graded yet"
    if report.status is Status.REJECTED:
        return "Could not be read"
    if report.needs_person:
        return f"{points(report.score)} of {points(report.max_score)} points so far"
    return f"{points(report.score)} of {points(report.max_score)} points"


def _share(report: Report) -> float:
    if report.score is None or report.max_score <= 0:
        return 0.0
    return round(min(max(100 * report.score / report.max_score, 0.0), 100.0), 2)


def _about(report: Report, when: str) -> tuple[tuple[str, str], ...]:
    """Choose what a student may see of the provenance.

    Left out are what the hidden inputs are drawn from, and the kernel: whoever wants to break out would look there.
    """
    origin = report.provenance
    rows = (
        ("Made on", when),
        ("Your file, SHA-256", origin.submission_sha256),
        ("Assignment", origin.assignment_digest),
        ("Grader", origin.grader),
        ("Python", origin.python),
        ("NumPy", origin.numpy),
        ("Isolation", origin.isolation),
        ("Limits", origin.limits),
    )
    return tuple((term, value) for term, value in rows if value)


def _paragraphs(text: str) -> list[Markup]:
    """Split our plain text at its line ends."""
    return [prose(line) for line in text.splitlines() if line.strip()]
