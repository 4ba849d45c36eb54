"""Decides what a page says about one exercise: what works, what to change, where it departs, what to try."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from autograder.model import CheckResult, ExerciseResult, Outcome
from autograder.reports.departure_picture import Picture, facts, picture
from autograder.reports.text import listed, outcome_word

_CODE = re.compile(r"`([^`\n]+)`")
_KINDS = {Outcome.PASSED: "good", Outcome.FAILED: "change", Outcome.GRADER_ERROR: "ours"}  # the others: bad

# where the report itself has nothing to say
_HAPPENED = {
    Outcome.PASSED: ("Everything that was checked is right.",),
    Outcome.FAILED: ("It ran to the end, but not everything that it returned is right.",),
    Outcome.RAISED: (
        "It stopped with an error before it returned a result.",
        "Restart the kernel and run the cells in order: the same error should show up in your notebook.",
    ),
    Outcome.TIMED_OUT: (
        "It was still running when its time was up.",
        "Look for a loop that never ends, or that takes many more steps than the sequence has.",
    ),
    Outcome.KILLED: (
        "The program that ran it ended before it returned: out of memory, a crash, or an exit.",
        "Look for arrays much larger than the shapes in the docstring, and for calls that end the program.",
    ),
    Outcome.MISSING: (
        "There is no function of this name in your notebook.",
        "Define it in its own cell, under exactly this name, and run that cell before you save.",
    ),
    Outcome.SKIPPED: (
        "It was not reached: what ran before it had used up what one notebook may use.",
        "Make the cells before it finish quickly, and submit again.",
    ),
    Outcome.GRADER_ERROR: ("We could not grade it. That is our failure, not yours.",),
}
_UNTOUCHED = (
    "The places for your answer are still as they were handed out, so there was nothing to check.",
    "Read the section in the notebook, put your code in the place of each `None`, and run the test cell below it.",
)
_FOLLOWED = (
    "It was run with a correct version of the earlier function: the error above is not counted a second time here."
)


@dataclass(frozen=True)
class Value:
    """A returned value that is wrong, and what is known about it."""

    name: str
    problem: str
    facts: tuple[tuple[str, str], ...]
    picture: Picture | None


class Row(NamedTuple):
    """A check in the table, with the points it is worth, and its problem where nothing else on the page tells it."""

    check: CheckResult
    worth: float
    problem: str


@dataclass(frozen=True)
class Explanation:
    """One exercise as the page tells it.

    Attributes
    ----------
    kind : str
        Of the outcome's word: ``good``, ``change``, ``bad`` or ``ours``.
    works, change : tuple of str
        Paragraphs.
    value : Value or None
        The first that is wrong: what to begin with.
    others : tuple of Value
        What is wrong beside it, as far as there is more to say.
    rows : tuple of Row
        The table of checks, where some are right and some are not, or all were compared and wrong.
    unchecked : str
        The names of what could not be checked, listed; empty where there was something to check.
    """

    number: int
    result: ExerciseResult
    word: str
    kind: str
    passed: bool
    works: tuple[str, ...]
    change: tuple[str, ...]
    value: Value | None
    others: tuple[Value, ...]
    rows: tuple[Row, ...]
    unchecked: str


def explanation(number: int, result: ExerciseResult) -> Explanation:
    """Decide what the page says about one exercise.

    Parameters
    ----------
    number : int
        Its place on the page, from 1.
    result : ExerciseResult
        Its feedback may hold anything: what is not recognised here is shown as it is.
    """
    passed = result.outcome is Outcome.PASSED
    wrong = [check for check in result.checks if not check.passed]
    works, change = _paragraphs(result, wrong)
    told = " ".join(change)
    values = _values(wrong, told) if not result.untouched else []
    weight = sum(check.weight for check in result.checks)
    compared = result.outcome is Outcome.FAILED or (not passed and len(wrong) < len(result.checks))
    rows = (
        Row(
            check,
            result.max_score * check.weight / weight if weight else 0.0,
            "" if check.departure is not None or check.problem in told else check.problem,
        )
        for check in result.checks
    )
    return Explanation(
        number=number,
        result=result,
        word="not written yet" if result.untouched else outcome_word(result.outcome),
        kind="change" if result.untouched else _KINDS.get(result.outcome, "bad"),
        passed=passed,
        works=works,
        change=change,
        value=values[0] if values else None,
        others=tuple(values[1:]),
        rows=tuple(rows) if compared and not result.untouched else (),
        unchecked="" if passed or compared or result.untouched else listed(_names(wrong)),
    )


def _paragraphs(result: ExerciseResult, wrong: Sequence[CheckResult]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sort the lines of a feedback text into what works and what to change.

    The text also serves as nbgrader's comment. What the page tells in a place of its own leaves it here: the ideas of
    the hints, which are folded, and all problems but the first.
    """
    right = [check.name for check in result.checks if check.passed]
    problems = {check.problem for check in wrong if check.problem}
    ideas = {hint.idea for hint in result.hints}
    works: list[str] = []
    change: list[str] = []
    for line in result.feedback.splitlines():
        if _says_what_is_right(line, right) or line in ideas or line in problems or not line.strip():
            continue
        (works if line.startswith("It was run with a correct ") else change).append(line)
    if result.follow_through and not works:
        works = [_FOLLOWED]
    works = [*_right(result, right, wrong), *works]
    if result.untouched:
        return tuple(works) if right else (), _UNTOUCHED
    if problems and not result.hints:
        change.insert(0, next(check.problem for check in wrong if check.problem))
    if not change and result.outcome is not Outcome.PASSED:
        change = list(_HAPPENED[result.outcome])
    return tuple(works), tuple(change)


def _says_what_is_right(line: str, right: Sequence[str]) -> bool:
    return line == "Every check is right." or (line.endswith(" right.") and _CODE.findall(line) == list(right))


def _right(result: ExerciseResult, right: Sequence[str], wrong: Sequence[CheckResult]) -> list[str]:
    """Return what is right, in a sentence or two: there is always something to be said of what ran to its end."""
    if result.outcome is Outcome.PASSED:
        return [f"Every check is right: {listed(_names(result.checks))}." if right else "Every check is right."]
    if right:
        return [f"{listed(f'`{name}`' for name in right)} {'is' if len(right) == 1 else 'are'} right."]
    if result.outcome is not Outcome.FAILED:
        return []
    shaped = [
        f"`{check.name}`"
        for check in wrong
        if check.departure is not None and check.departure.of and check.departure.value == check.name
    ]
    says = [f"{listed(shaped)} {'has' if len(shaped) == 1 else 'have'} the right shape."] if shaped else []
    return ["It runs to its end without an error.", *says]


def _values(wrong: Iterable[CheckResult], told: str) -> list[Value]:
    """Return the wrong values of which it is known where they depart, with their problems as far as not told."""
    return [
        Value(
            check.name,
            "" if check.problem in told else check.problem,
            facts(check.departure),
            picture(check.departure),
        )
        for check in wrong
        if check.departure is not None
    ]


def _names(checks: Iterable[CheckResult]) -> list[str]:
    return [f"`{check.name}`" for check in checks]
