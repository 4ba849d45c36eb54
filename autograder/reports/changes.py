"""Who gains and who loses where the same work was graded again: told before anything is replaced."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from autograder.model import Report
from autograder.reports.text import points, visible

_EQUAL = 1e-6  # points: scores are rounded to so much
_NONE = "no verdict"


@dataclass(frozen=True, slots=True)
class Change:
    """One submission that has another result than before.

    Attributes
    ----------
    before, after : float or None
        Its scores; None where there is no verdict.
    exercises : tuple of (str, float or None, float or None)
        The exercises whose points differ: id, points before and after; None where there was or is none.
    """

    student: str
    assignment: str
    before: float | None
    after: float | None
    exercises: tuple[tuple[str, float | None, float | None], ...]

    @property
    def gain(self) -> float:
        """By how many points the score grows; negative where it falls. A verdict that is lost counts as all of it."""
        return (self.after or 0.0) - (self.before or 0.0)

    @property
    def order(self) -> tuple[bool, float, str, str]:
        """Who loses stands first, and most of all who loses most: they will ask."""
        return self.gain > 0, self.gain, self.assignment, self.student


class Changes:
    """What grading the same submissions again has changed; of those that stay as they are, only the number is kept."""

    def __init__(self) -> None:
        self._changes: list[Change] = []
        self._touched: dict[str, set[str]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Change]:
        yield from sorted(self._changes, key=lambda change: change.order)

    def add(self, before: Report, after: Report) -> None:
        """Take in one submission that was graded again."""
        self._count += 1
        was, digests = dict(before.provenance.exercise_digests), dict(after.provenance.exercise_digests)
        touched = {name for name in was.keys() | digests.keys() if was.get(name) != digests.get(name)}
        self._touched.setdefault(after.assignment, set()).update(touched)
        earned = {result.id: result.score for result in before.exercises} if before.score is not None else {}
        earns = {result.id: result.score for result in after.exercises} if after.score is not None else {}
        differing = tuple(
            (name, earned.get(name), earns.get(name))
            for name in dict.fromkeys((*earned, *earns))
            if _differ(earned.get(name), earns.get(name))
        )
        if differing or _differ(before.score, after.score):
            self._changes.append(Change(after.student, after.assignment, before.score, after.score, differing))

    def sentences(self) -> list[str]:
        """Return what was graded again, and how many gain and lose by it."""
        gain = sum(change.gain > _EQUAL for change in self._changes)
        lose = sum(change.gain < -_EQUAL or change.after is None for change in self._changes)
        number = f"{self._count} submission{'' if self._count == 1 else 's'}"
        touched = [
            f"{', '.join(map(visible, sorted(names)))} of {visible(assignment)}"
            for assignment, names in sorted(self._touched.items())
            if names
        ]
        why = f", since these have changed: {'; '.join(touched)}" if touched else ""
        shifted = len(self._changes) - gain - lose
        inside = f", {shifted} with points that have moved between exercises" if shifted else ""
        return [
            f"Graded again, as they were handed in: {number}{why}.",
            f"{_some(gain)} more points, {_some(lose)} fewer, {self._count - gain - lose} as many as before{inside}.",
        ]

    def table(self) -> Table:
        """Return who gains and who loses, everyone of them."""
        several = len({change.assignment for change in self._changes}) > 1
        table = Table()
        table.add_column("student", overflow="fold")
        if several:
            table.add_column("assignment", overflow="fold")
        table.add_column("exercises", overflow="fold")
        table.add_column("before", justify="right")
        table.add_column("after", justify="right")
        table.add_column("")
        for change in self:
            inside = [f"{visible(name)}: {_shown(was)} → {_shown(now)}" for name, was, now in change.exercises]
            table.add_row(
                Text(visible(change.student)),
                *([Text(visible(change.assignment))] if several else []),
                Text(", ".join(inside)),
                Text(_shown(change.before)),
                Text(_shown(change.after)),
                _said(change),
            )
        return table


def _differ(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is not other
    return abs(one - other) > _EQUAL


def _shown(score: float | None) -> str:
    return _NONE if score is None else points(score)


def _some(number: int) -> str:
    return f"{number} {'has' if number == 1 else 'have'}"


def _said(change: Change) -> Text:
    if change.after is None:
        return Text("loses its verdict, because of us", style="bold magenta")
    if any(now is None for _, _, now in change.exercises):
        return Text("needs a person now, because of us", style="bold magenta")
    if change.gain < -_EQUAL:
        return Text(f"loses {points(-change.gain)}", style="red")
    if change.gain > _EQUAL:
        return Text(f"gains {points(change.gain)}", style="green")
    return Text("as many in all")
