"""What a class is made from: an assignment's notebooks, and members who each hand in one and earn what they declare."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from autograder import variants
from autograder.model import Assignment, Outcome
from autograder.reference import edited
from autograder.variants import Document

PASSED, FAILED, RAISED, MISSING = Outcome.PASSED, Outcome.FAILED, Outcome.RAISED, Outcome.MISSING
TIMED_OUT, KILLED = Outcome.TIMED_OUT, Outcome.KILLED

_START, _END = "    ### START CODE HERE ###\n", "    ### END CODE HERE ###\n"


@dataclass(frozen=True)
class Solutions:
    """What a member is made from.

    Attributes
    ----------
    release : dict
        The notebook as students get it.
    cells : mapping of str to str
        The source notebook's solution cells, by exercise.
    """

    release: Document
    cells: Mapping[str, str]
    assignment: Assignment

    def solved(self, **replaced: str) -> Document:
        """Return the release with every exercise solved, or as replaced."""
        return variants.with_sources(self.release, {**self.cells, **replaced})

    def solved_only(self, *names: str) -> Document:
        """Return the release with these exercises solved and the others as they were released."""
        return variants.with_sources(self.release, {name: self.cells[name] for name in names})

    def with_regions(self, **regions: str) -> Document:
        """Return the release solved, with other lines between START and END."""
        return self.solved(**{name: self.region(name, text) for name, text in regions.items()})

    def region(self, name: str, text: str) -> str:
        """Return a solution cell with other lines between START and END."""
        before, rest = self.cells[name].split(_START)
        return before + _START + text + _END + rest.split(_END)[1]

    def edited(self, name: str, *edits: tuple[str, str]) -> Document:
        """Return the release solved, with texts of one exercise's cell replaced.

        Raises
        ------
        ValueError
            If a text does not stand in the cell exactly once: the solution has changed under the sample class.
        """
        cell = self.cells[name]
        for old, new in edits:
            if cell.count(old) != 1:
                raise ValueError(f"{name} of {self.assignment.name} has {old!r} {cell.count(old)} times, not once.")
            cell = cell.replace(old, new)
        return self.solved(**{name: cell})

    def mistaken(self, **mistakes: str | tuple[str, ...]) -> Document:
        """Return the release solved, with known mistakes of the catalogue in each exercise named."""
        return self.solved(**{name: self.mistaken_cell(name, ids) for name, ids in mistakes.items()})

    def mistaken_cell(self, name: str, ids: str | tuple[str, ...]) -> str:
        """Return a solution cell with known mistakes."""
        known = {m.id: m for m in self.assignment.exercise(name).mistakes}
        cell = self.cells[name]
        for one in (ids,) if isinstance(ids, str) else ids:
            cell = edited(cell, known[one], name)
        return cell


@dataclass(frozen=True)
class Member:
    """One submission of the sample class, and what it earns.

    Attributes
    ----------
    make : callable
        From the solutions to the notebook, or to the bytes of something that is none.
    outcomes : tuple of Outcome
        Of each exercise; empty where the submission is rejected.
    mistakes : mapping of str to str or tuple of str
        The known mistake that is named, by exercise; several where it takes them together.
    days_late : int
        After the day on which the assignment is due.
    """

    student: str
    make: Callable[[Solutions], Document | bytes]
    score: float
    outcomes: tuple[Outcome, ...] = (PASSED, PASSED)
    mistakes: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    days_late: int = 0

    def named(self, exercise: str) -> tuple[str, ...]:
        """Return the known mistakes that are named in an exercise."""
        ids = self.mistakes.get(exercise, ())
        return (ids,) if isinstance(ids, str) else ids


def mistaken(student: str, score: float, count: int, days_late: int = 0, **mistakes: str | tuple[str, ...]) -> Member:
    """Return a member who makes known mistakes, in the exercises named, of an assignment with `count` exercises."""
    outcomes = tuple(FAILED if f"UNQ_C{n}" in mistakes else PASSED for n in range(1, count + 1))
    return Member(student, lambda s: s.mistaken(**mistakes), score, outcomes, mistakes, days_late)


def add_cell(text: str, before: str = "UNQ_C1") -> Callable[[Solutions], Document]:
    """Return a member's maker: solved, with one more cell before an exercise."""
    return lambda s: variants.with_cell(s.solved(), text, before=before)


def colab(s: Solutions) -> Document:
    """Return what comes back from a tool that drops metadata and begins with its own lines."""
    mount = "from google.colab import drive\ndrive.mount('/content/drive')\n!pip install numpy\n%cd /content\n"
    return variants.without_metadata(s.solved(UNQ_C1=mount + s.cells["UNQ_C1"]))


def duplicated(name: str) -> Callable[[Solutions], Document]:
    """Return a member's maker: solved, with an untouched copy of an exercise's cell at the end."""

    def make(s: Solutions) -> Document:
        untouched = next(c for c in s.release["cells"] if variants.grade_id(c) == name)
        document = s.solved()
        return document | {"cells": [*document["cells"], untouched]}

    return make


def script(s: Solutions) -> bytes:
    """Return a plain Python script saved under a notebook's name."""
    return ("import numpy as np\n" + "\n".join(s.cells.values())).encode()


def old_format(s: Solutions) -> bytes:
    """Return a notebook of format 3."""
    cells = [
        {"cell_type": "code", "input": variants.source_of(c), "language": "python", "metadata": {}, "outputs": []}
        for c in s.solved()["cells"]
        if c["cell_type"] == "code"
    ]
    return variants.write(
        {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]}
    )


def before_return(s: Solutions, name: str, line: str, returned: str) -> Document:
    """Return the release solved, with a line more before an exercise's own return statement."""
    return s.edited(name, (f"    return {returned}", f"    {line}\n    return {returned}"))
