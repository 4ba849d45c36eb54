"""Reports that the tests of exports share: every status and outcome, and names that would like to act."""

from dataclasses import replace

from hypothesis import strategies as st

from autograder.model import CheckResult, ExerciseResult, Outcome, Provenance, Report, Status
from autograder.reports.export import Entry

RNN, LSTM = "rnn_step_by_step", "lstm_step_by_step"
PROVENANCE = Provenance("0.1.0", "feed", "c0ffee", "SEED-CANARY", "namespaces", "3.11.9", "2.4.0")
HOSTILE = (
    '=HYPERLINK("x";"y")',
    "+1",
    "-1+2",
    "@SUM(A1)",
    "\t=1",
    "a;=1",
    "\x1b[31mred",
    "\u202egnp",
    "a,b;c\"d'e",
    "two\nlines",
    "<script>alert(1)</script>",
    "![x](https://example.org/x.png)",
    "@everyone #1 | `x`",
    "::error::x",
    "##[stop-commands]x",
    "    Points Possible",
    "0",
    " ",
    "\udc80",
    "\x00\ufffe",
    "]]>",
    "café Ž",
)


def exercise(number=1, outcome=Outcome.PASSED, score=50.0, **changes):
    """Return an exercise's result, of 50 points."""
    checks = (
        CheckResult("a_next", passed=True, weight=4),
        CheckResult("yt_pred", passed=outcome is Outcome.PASSED, weight=4, problem="`yt_pred` departs."),
    )
    score = None if outcome is Outcome.GRADER_ERROR else score
    made = ExerciseResult(f"UNQ_C{number}", f"function_{number}", score, 50.0, outcome, checks, feedback="Look again.")
    return replace(made, **changes)


def report(student="s001", assignment=RNN, **changes):
    """Return a report with full marks."""
    exercises = changes.pop("exercises", (exercise(1), exercise(2)))
    score = sum(part.score or 0.0 for part in exercises)
    made = Report(assignment, student, Status.GRADED, score, 100.0, exercises, PROVENANCE, seconds={"cells": 0.5})
    return replace(made, **changes)


def partial(student="partial", assignment=RNN):
    """Return a report of someone who earned a part: one exercise failed, one raised."""
    return report(
        student,
        assignment,
        exercises=(
            exercise(1, Outcome.FAILED, 100 / 3),
            exercise(2, Outcome.RAISED, 0.0, checks=(), line="line 14: y = Wy @ a"),
        ),
    )


def rejected(student="rejected", assignment=RNN):
    """Return the report of a submission that could not be read."""
    return report(
        student, assignment, status=Status.REJECTED, score=0.0, exercises=(), reason="It is a PDF, not a notebook."
    )


def ungraded(student="ungraded", assignment=RNN):
    """Return the report of a submission that we could not grade."""
    return report(
        student, assignment, status=Status.GRADER_ERROR, score=None, exercises=(), reason="The reference fails: 100%."
    )


CLASS = (report(), partial(), rejected(), ungraded(), report("s001", LSTM), ungraded("partial", LSTM))


def entries(*reports):
    """Return reports with the places of an nbgrader tree."""
    return [Entry.of(made, f"{made.assignment}/{number}") for number, made in enumerate(reports)]


students = st.text(max_size=12) | st.sampled_from(HOSTILE)


@st.composite
def classes(draw):
    """Draw a class: any names and texts, every kind of report, one or two assignments, no student twice in one."""
    kinds = st.sampled_from([report, partial, rejected, ungraded])
    names = draw(st.lists(st.tuples(students, st.sampled_from([RNN, LSTM])), unique=True, max_size=6))
    return entries(*(_saying(draw(kinds)(*name), draw(students)) for name in names))


def _saying(made, text):
    """Return a report that says something else: reason, notes, feedback, the student's line, the function's name."""
    parts = tuple(replace(part, function=text, feedback=text, line=text) for part in made.exercises)
    return replace(made, exercises=parts, notes=(text,), reason=text if made.reason else "")


def files(export):
    """Return what an export writes, by path."""
    return {path: "".join(pieces).encode() for path, pieces in export.files}
