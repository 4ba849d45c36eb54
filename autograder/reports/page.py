"""The student's page: one self-contained HTML file per submission, without script, opened from disk."""

import base64
import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from autograder.model import CheckResult, ExerciseResult, Outcome, Report, Status
from autograder.reports.text import outcome_word, points, visible

TEMPLATES = Path(__file__).parent / "templates"

_CODE = re.compile(r"`([^`\n]+)`")
_KINDS = {Outcome.PASSED: "good", Outcome.FAILED: "change", Outcome.GRADER_ERROR: "ours"}  # the others: bad

_HAPPENED = {
    Outcome.PASSED: "Everything that was checked is right.",
    Outcome.FAILED: "It ran to the end, and {right} of {checks} checks are right.",
    Outcome.RAISED: "It stopped with an error before it returned a result.",
    Outcome.TIMED_OUT: "It was still running when its time was up.",
    Outcome.KILLED: "The program that ran it ended before it returned: out of memory, a crash, or an exit.",
    Outcome.MISSING: "There is no function of this name in your notebook.",
    Outcome.SKIPPED: "It was not reached: what ran before it had used up what one notebook may use.",
    Outcome.GRADER_ERROR: "We could not grade it. That is our failure, not yours.",
}
# where the report itself has no advice to give
_ADVICE = {
    Outcome.FAILED: "Begin with the first value below that is not right yet.",
    Outcome.RAISED: "Restart the kernel and run the cells in order: the same error should show up in your notebook.",
    Outcome.TIMED_OUT: "Look for a loop that never ends, or that takes many more steps than the sequence has.",
    Outcome.KILLED: "Look for arrays much larger than the shapes in the docstring, and for calls that end the program.",
    Outcome.MISSING: "Define it in its own cell, under exactly this name, and run that cell before you save.",
    Outcome.SKIPPED: "Make the cells before it finish quickly, and submit again.",
}


@dataclass(frozen=True)
class _Exercise:
    """One exercise as the page tells it."""

    number: int
    result: ExerciseResult
    word: str
    kind: str
    passed: bool
    happened: str
    advice: str
    right: tuple[CheckResult, ...]
    checks: tuple[tuple[CheckResult, float], ...]  # with the points each is worth


@dataclass(frozen=True)
class _Page:
    """A report as the page tells it."""

    result: str
    score: str | None
    share: float  # of the points, in per cent
    sentence: str
    start: tuple[str, ...]
    rejected: bool
    ours: bool
    again: bool
    exercises: tuple[_Exercise, ...]
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
    return template.render(report=report, page=_page(report), when=when, style=style, style_hash=style_hash)


@functools.cache
def _compiled() -> tuple[Template, Markup, str]:
    """Compile the templates, once per process; the style's hash is what the page's own policy lets through."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(name=_name, points=points, prose=_prose, paragraphs=_paragraphs, visible=visible)
    style = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    # safe: the style is ours, a file beside this one, and no text of a report ever enters it
    return environment.get_template("page.html.j2"), Markup(style), f"sha256-{digest}"  # noqa: S704


def _page(report: Report) -> _Page:
    """Decide what the page says."""
    exercises = () if report.score is None else tuple(map(_exercise, count(1), report.exercises))
    if report.status is Status.REJECTED:
        exercises = ()  # nothing of it was read: rows of zeros would say more than we know
    todo = [exercise for exercise in exercises if not exercise.passed]
    checks = [check for exercise in exercises for check, _ in exercise.checks]
    right = sum(check.passed for check in checks)
    start: tuple[str, ...] = ()
    if report.score is None:
        sentence = "Your submission has not been graded yet, because our grader failed: our fault, not yours."
    elif report.status is Status.REJECTED:
        sentence = "Your file could not be read, so nothing in it could be graded."
    elif todo:
        sentence = f"{right} of {len(checks)} checks right." if checks else "Nothing could be checked yet."
        first_wrong = [check.name for check, _ in todo[0].checks if not check.passed]
        start = (todo[0].result.function, *first_wrong[:1])
    else:
        sentence = f"All {len(checks)} checks right. Well done: there is nothing to change."
    return _Page(
        result=_result(report),
        score=None if report.score is None else points(report.score),
        share=_share(report),
        sentence=sentence,
        start=start,
        rejected=report.status is Status.REJECTED,
        ours=report.status is Status.GRADER_ERROR,
        again=bool(todo),
        exercises=exercises,
        about=_about(report),
    )


def _exercise(number: int, result: ExerciseResult) -> _Exercise:
    """Decide what the page says about one exercise."""
    right = tuple(check for check in result.checks if check.passed)
    happened = _HAPPENED[result.outcome].format(right=len(right), checks=len(result.checks))
    passed = result.outcome is Outcome.PASSED
    weight = sum(check.weight for check in result.checks)
    advice = _without_what_works(result.feedback, [check.name for check in right])
    return _Exercise(
        number=number,
        result=result,
        word=outcome_word(result.outcome),
        kind=_KINDS.get(result.outcome, "bad"),
        passed=passed,
        happened=happened,
        advice=advice or (happened if passed else _ADVICE.get(result.outcome, "")),
        right=right,
        checks=tuple((check, result.max_score * check.weight / weight if weight else 0.0) for check in result.checks),
    )


def _without_what_works(feedback: str, right: Sequence[str]) -> str:
    """Return a feedback text without the line that says what is right: the page says so in a list of its own."""
    first, _, rest = feedback.partition("\n")
    return rest if rest and first.endswith(" right.") and _CODE.split(first)[1::2] == list(right) else feedback


def _result(report: Report) -> str:
    """Sum the report up for the window's title."""
    if report.score is None:
        return "Not graded yet"
    if report.status is Status.REJECTED:
        return "Could not be read"
    return f"{points(report.score)} of {points(report.max_score)} points"


def _share(report: Report) -> float:
    if report.score is None or report.max_score <= 0:
        return 0.0
    return round(min(max(100 * report.score / report.max_score, 0.0), 100.0), 2)


def _about(report: Report) -> tuple[tuple[str, str], ...]:
    """Choose what a student may see of the provenance: all but what the hidden inputs are drawn from."""
    origin = report.provenance
    rows = (
        ("Your file, SHA-256", origin.submission_sha256),
        ("Assignment", origin.assignment_digest),
        ("Grader", origin.grader),
        ("Python", origin.python),
        ("NumPy", origin.numpy),
        ("Isolation", origin.isolation),
    )
    return tuple((term, value) for term, value in rows if value)


def _name(text: str) -> Markup:
    """Set a name in code, with leave to break the line after each underscore."""
    return escape(visible(text)).replace("_", Markup("_<wbr>"))


def _prose(text: str) -> Markup:
    """Set our plain text as HTML: what stands between backticks becomes code, everything else stays text."""
    parts = _CODE.split(visible(text, keep="\n"))
    return Markup().join(
        Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts)
    )


def _paragraphs(text: str) -> list[Markup]:
    """Split our plain text at its line ends."""
    return [_prose(line) for line in text.splitlines() if line.strip()]
