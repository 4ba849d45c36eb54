"""The instructor's pages: the class at a glance, one self-contained HTML file for each assignment."""

import base64
import functools
import hashlib
import posixpath
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from jinja2 import Environment
from markupsafe import Markup

from autograder.model import Outcome, Status
from autograder.reports import class_statistics as statistics
from autograder.reports.audit_status import AuditStatus
from autograder.reports.class_rows import Register, Row
from autograder.reports.markup import name, prose
from autograder.reports.templating import TEMPLATES, environment
from autograder.reports.text import listed, outcome_word, points, visible

INDEX, STUDENT = "index.html", "feedback.html"
FEW = 10  # rows that are shown at once; more are folded
LARGE = 500  # rows that a browser need not lay out before the page is shown
SLOWEST = 10
_PIECES = 1000  # of the template's that are handed on as one text
_REASON = 400  # characters of a reason: an error of ours can be a page long

# outcomes of a graded submission that somebody should look at, the most urgent first
_LOOK = (Outcome.GRADER_ERROR, Outcome.KILLED, Outcome.TIMED_OUT, Outcome.SKIPPED)
_NOTHING = "none of the assignment's functions is in the notebook: is it the right file?"
_UNTOUCHED = "not written yet"
_NONE = "\N{EN DASH}"  # in the place of points that there are none of
_STATUS = {Status.GRADED: "graded", Status.REJECTED: "rejected", Status.GRADER_ERROR: "not gradable"}


@dataclass(frozen=True)
class _Person:
    """Somebody's submission that needs a person."""

    row: Row
    word: str
    kind: str
    why: str


@dataclass(frozen=True)
class _Bar:
    """One bar of the distribution, in per cent of the width and in pixels."""

    label: str
    count: int
    x: float
    height: float


@dataclass(frozen=True)
class _Distribution:
    """The scores of those that were graded."""

    bars: tuple[_Bar, ...]
    ticks: tuple[tuple[float, int], ...]
    words: str
    low: float
    middle: float
    high: float
    sentence: str
    left_out: str


_BASE, _TALLEST = 140, 110  # the foot of the bars and the height of the tallest, in pixels


def render(assignment: str, rows: Sequence[Row], *, when: str = "", audit: AuditStatus | None = None) -> str:
    """Render the page of one assignment, to stand in the results folder itself.

    Parameters
    ----------
    rows : sequence of Row
        One for each submission, in the order in which they are listed.
    when : str, optional
        The date to show.
    audit : AuditStatus, optional
        What is known of the last audit of its hidden tests.

    Returns
    -------
    str
        A whole HTML document that loads nothing. Its only script sorts and searches the table of students; without it,
        the table is a plain one.
    """
    return "".join(_class_page(assignment, rows, when, audit, below="", up=""))


def pages(
    register: Register, when: str = "", audit: Callable[[str], AuditStatus | None] = lambda _: None
) -> Iterator[tuple[str, Iterable[str]]]:
    """Render the pages of a results folder, one after the other.

    Parameters
    ----------
    audit : callable
        From an assignment's name to what is known of its last audit.

    Yields
    ------
    (str, iterable of str)
        A path below the results folder, and the page in pieces, rendered as they are asked for. Of one assignment there
        is ``index.html``. Of several, each has an ``index.html`` in the folder of its name, and the one above them
        links to these.
    """
    classes = list(register.classes())
    if len(classes) == 1:
        assignment, rows = classes[0]
        yield INDEX, _class_page(assignment, rows, when, audit(assignment), below="", up="")
        return
    for assignment, rows in classes:
        text = _class_page(assignment, rows, when, audit(assignment), below=assignment, up=f"../{INDEX}")
        yield f"{assignment}/{INDEX}", text
    yield INDEX, [_overview(classes, when)]


def people(rows: Sequence[Row]) -> list[_Person]:
    """Return whose submission somebody should look at: ours first, unread and empty ones, what was stopped."""
    found: list[tuple[int, _Person]] = []
    for row in rows:
        if row.status is Status.GRADER_ERROR:
            found.append((0, _Person(row, "not gradable", "ours", row.reason)))
        elif row.status is Status.REJECTED:
            found.append((1, _Person(row, "rejected", "bad", row.reason)))
        else:
            if row.exercises and all(e.outcome is Outcome.MISSING for e in row.exercises):
                found.append((2, _Person(row, "missing", "bad", _NOTHING)))
            worst = min((_LOOK.index(e.outcome) for e in row.exercises if e.outcome in _LOOK), default=None)
            if worst is not None:
                kind = "ours" if row.ungraded else "bad"
                urgency = 0 if row.ungraded else 3 + worst
                found.append((urgency, _Person(row, outcome_word(_LOOK[worst]), kind, _stopped(row))))
    return [person for _, person in sorted(found, key=lambda pair: pair[0])]


def _notes(summary: statistics.ExerciseSummary) -> list[str]:
    """Say what else became of an exercise, beside right and wrong."""
    ended = [o for o in Outcome if o not in {Outcome.PASSED, Outcome.FAILED} and summary.outcomes[o]]
    notes = [f"{outcome_word(outcome)}: {summary.outcomes[outcome]}" for outcome in ended]
    if summary.untouched:
        notes.append(f"{_UNTOUCHED}: {summary.untouched}")
    if summary.followed:
        notes.append(f"points with a correct helper: {summary.followed}")
    if summary.correlation is not None:
        notes.append(f"correlation with the rest of the score: {summary.correlation:.2f}".replace("-", "−"))  # noqa: RUF001
    return notes


def _stopped(row: Row) -> str:
    """Say which functions were stopped: those of the worst kind first, the others with how they ended."""
    found = {outcome: [f"`{e.function}`" for e in row.exercises if e.outcome is outcome] for outcome in _LOOK}
    (_, first), *others = [(outcome, names) for outcome, names in found.items() if names]
    return "; ".join([f"in {', '.join(first)}", *(f"{outcome_word(o)} in {', '.join(names)}" for o, names in others)])


def _class_page(
    assignment: str, rows: Sequence[Row], when: str, audit: AuditStatus | None, *, below: str, up: str
) -> Iterator[str]:
    templates, style, style_hash, script, script_hash = _compiled()
    graded = [row for row in rows if row.graded]
    link = functools.partial(_link, below)
    exercises = statistics.exercises(rows)
    stream = templates.get_template("class.html.j2").stream(
        assignment=assignment,
        when=when,
        up=up,
        counted=statistics.counted(rows),
        few=FEW,
        large=LARGE,
        link=link,
        people=people(rows),
        distribution=_distribution(rows) if any(not row.needs_person for row in graded) else None,
        exercises=exercises,
        notes=_notes,
        correlations=statistics.has_correlations(rows),
        mistakes=statistics.mistakes(rows),
        diagnosed=statistics.diagnosed(rows),
        number=len(rows),
        students=_students(rows, [e.id for e in exercises] or _ids(rows), link),
        functions=[e.function for e in exercises] or _functions(rows),
        most=points(max((row.max_score for row in rows), default=0.0)),
        slowest=_slowest(rows),
        audit=audit,
        outdated=audit is not None and bool(audit.digest) and audit.digest not in _values(rows, "Assignment"),
        versions=_versions(rows),
        style=style,
        style_hash=style_hash,
        script=script,
        script_hash=script_hash,
    )
    stream.enable_buffering(_PIECES)
    yield from stream


def _overview(classes: Sequence[tuple[str, Sequence[Row]]], when: str) -> str:
    """Render the page that leads to those of several assignments."""
    templates, style, style_hash, _, _ = _compiled()
    table = []
    for assignment, rows in classes:
        graded = [row for row in rows if row.graded]
        table.append(
            {
                "assignment": assignment,
                "href": f"{quote(assignment, errors='surrogateescape')}/{INDEX}",
                "submissions": len(rows),
                "graded": len(graded),
                "people": len(people(rows)),
                "full": statistics.bars(rows)[-1],
                "scores": _distribution(rows).sentence if any(not row.needs_person for row in graded) else "",
            }
        )
    return templates.get_template("class_overview.html.j2").render(
        table=table,
        when=when,
        counted=statistics.counted([row for _, rows in classes for row in rows]),
        style=style,
        style_hash=style_hash,
    )


@functools.cache
def _compiled() -> tuple[Environment, Markup, str, Markup, str]:
    """Compile the templates once; the hashes are what the page's own policy lets through."""
    made = environment(
        clip=_clip, name=name, per_cent=_per_cent, plural=_plural, points=points, prose=prose, visible=visible,
        words=_words,
    )  # fmt: skip
    style = (TEMPLATES / "class.css").read_text(encoding="utf-8")
    script = (TEMPLATES / "class.js").read_text(encoding="utf-8")
    # safe: both are ours, files beside this one, and no text of a report ever enters them
    return made, Markup(style), _hash(style), Markup(script), _hash(script)  # noqa: S704


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def _link(below: str, row: Row) -> str:
    """Return the address of a student's page, as seen from a page in the folder `below`; empty where there is none."""
    if row.folder is None:
        return ""
    place = posixpath.relpath(row.folder, below) if below else row.folder
    # a colon would begin an address of its own kind, a per cent sign stands for itself: all of it is quoted
    return f"{quote(place, errors='surrogateescape')}/{STUDENT}"


def _distribution(rows: Sequence[Row]) -> _Distribution:
    counts = statistics.bars(rows)
    tallest = max(counts)
    steps = [f"{10 * i} to below {10 * (i + 1)} %" for i in range(10)]
    steps[0] = "more than 0, below 10 %"
    labels = ["no points", *steps, "all points"]
    centres = [4.0, *(14.0 + 8 * i for i in range(10)), 96.0]
    drawn = tuple(
        _Bar(label, count, round(centre - 3.2, 2), round(max(_TALLEST * count / tallest, 2.0), 1) if count else 0.0)
        for label, count, centre in zip(labels, counts, centres, strict=True)
    )
    graded = [row for row in rows if row.graded and not row.needs_person]
    low, middle, high = statistics.quartiles(_shares(graded))
    most = {row.max_score for row in graded}
    if len(most) == 1:
        scores = [row.score for row in graded if row.score is not None]
        shown, whole = [points(score) for score in statistics.quartiles(scores)], f"{points(most.pop())} points"
    else:
        shown, whole = [points(100 * share) for share in (low, middle, high)], "100 % of the points"
    words = ", ".join(f"{bar.label}: {bar.count}" for bar in drawn if bar.count)
    return _Distribution(
        bars=drawn,
        ticks=tuple((10.0 + 8 * i, 10 * i) for i in range(1, 10)),
        words=f"Scores of {len(graded)} graded submissions by share of the points. {words}.",
        low=_across(low),
        middle=_across(middle),
        high=_across(high),
        sentence=f"Median {shown[1]} of {whole}; the quartiles are {shown[0]} and {shown[2]}.",
        left_out=_left_out(rows),
    )


def _left_out(rows: Sequence[Row]) -> str:
    """Say which submissions the distribution leaves out: nothing that nobody read is counted as a zero."""
    counts = Counter(row.status for row in rows)
    parts = [
        f"{counts[status]} {words}"
        for status, words in ((Status.REJECTED, "rejected"), (Status.GRADER_ERROR, "not gradable because of us"))
        if counts[status]
    ]
    opened = sum(bool(row.ungraded) for row in rows)
    parts += [f"{opened} with an exercise that needs a person"] if opened else []
    return f"Without the submissions that say nothing about a solution: {listed(parts)}." if parts else ""


def _shares(graded: Sequence[Row]) -> list[float]:
    return [min(max((row.score or 0.0) / row.max_score, 0.0), 1.0) if row.max_score else 1.0 for row in graded]


def _across(share: float) -> float:
    """Return where a share of the points stands, in per cent of the picture's width."""
    if share <= 0:
        return 4.0
    return 96.0 if share > 1 - 1e-6 else round(10 + 80 * share, 2)


def _students(
    rows: Sequence[Row], ids: Sequence[str], link: Callable[[Row], str]
) -> Iterator[tuple[str, str, str, str, list[str]]]:
    """Yield a line of the table: address, name, score, what became of it, and a cell for each exercise."""
    for row in rows:
        looks = [e.outcome for e in row.exercises if e.outcome in _LOOK] if row.graded else []
        status = ", ".join([_STATUS[row.status], *map(outcome_word, dict.fromkeys(looks))])
        parts = {e.id: _cell(e.score, e.outcome, e.untouched) for e in row.exercises} if row.graded else {}
        score = "no score" if row.score is None else points(row.score)
        yield link(row), visible(row.student), score, status, [parts.get(exercise, _NONE) for exercise in ids]


@functools.cache
def _cell(score: float | None, outcome: Outcome, untouched: bool) -> str:  # noqa: FBT001  a cache key
    """Say what an exercise earned, and how it ended where it did not run to its end."""
    if score is None:
        return "needs a person"
    if untouched:
        return f"{points(score)}, {_UNTOUCHED}"
    ran = outcome in {Outcome.PASSED, Outcome.FAILED}
    return points(score) if ran else f"{points(score)}, {outcome_word(outcome)}"


def _ids(rows: Sequence[Row]) -> list[str]:
    return list(statistics.by_exercise(rows))


def _functions(rows: Sequence[Row]) -> list[str]:
    return [group[0][1].function for group in statistics.by_exercise(rows).values()]


def _slowest(rows: Sequence[Row]) -> list[tuple[Row, str, str]]:
    """Return the submissions that took longest: each with its time, and what it is made of."""
    timed = sorted((row for row in rows if row.total_seconds > 0), key=lambda row: -row.total_seconds)
    return [
        (row, f"{row.total_seconds:.2f}", ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in row.seconds))
        for row in timed[:SLOWEST]
    ]


def _values(rows: Sequence[Row], term: str) -> Counter[str]:
    return Counter(value for row in rows for name_, value in row.versions if name_ == term and value)


def _versions(rows: Sequence[Row]) -> list[tuple[str, list[tuple[str, int]]]]:
    """Say what the submissions were graded with; more than one value of a kind is told with how many have it."""
    terms = [term for term, _ in rows[0].versions] if rows else []
    return [(term, _values(rows, term).most_common()) for term in terms if _values(rows, term)]


def _per_cent(share: float) -> str:
    """Write a share: never 100 % unless it is all, nor 0 % unless it is none."""
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _words(mistake: str) -> str:
    """Say a mistake's id as a phrase: ``a0 at every step``."""
    return visible(mistake.replace("-", " "))


def _clip(text: str) -> str:
    return text if len(text) <= _REASON else f"{text[:_REASON]}…"
