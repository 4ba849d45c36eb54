"""A sample class, made from the notebooks: what real students hand in, what they get wrong, and what tries to cheat.

Each member declares what it earns; the tests hold the grader to it. The same students hand in several assignments, some
of them late, some not at all.
"""

import datetime as dt
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder import assignments, release, source, variants
from autograder.course import CONFIG, MODULES, Course
from autograder.demo import backpropagation_through_time, lstm_step_by_step, rnn_step_by_step, types_of_rnn
from autograder.demo.members import Member, Solutions
from autograder.errors import UsageError
from autograder.sandbox.limits import Limits

__all__ = ["ASSIGNMENT", "CLASSES", "LIMITS", "MEMBERS", "Made", "Member", "Solutions", "content", "make", "solutions"]

CLASSES: Mapping[str, tuple[Member, ...]] = {
    "rnn_step_by_step": rnn_step_by_step.MEMBERS,
    "lstm_step_by_step": lstm_step_by_step.MEMBERS,
    "backpropagation_through_time": backpropagation_through_time.MEMBERS,
    "types_of_rnn": types_of_rnn.MEMBERS,
}
ASSIGNMENT = "rnn_step_by_step"  # the one that is meant where none is named: it has all that can go wrong
MEMBERS = CLASSES[ASSIGNMENT]
LIMITS = Limits(
    cell_seconds=2.0, call_seconds=2.0, memory=512 << 20
)  # a demonstration should not wait for the bad ones

FIRST_DUE = dt.datetime(2026, 2, 6, 12, tzinfo=dt.UTC)  # a Friday at noon
_BETWEEN = dt.timedelta(weeks=2)  # from one assignment's due date to the next one's


@dataclass(frozen=True)
class Made:
    """The sample course on disk.

    Attributes
    ----------
    size : int
        How many submissions there are.
    assignments : tuple of str
        In the order in which they are taught.
    """

    course: Course
    size: int
    assignments: tuple[str, ...]


def solutions(course: Course, name: str = ASSIGNMENT) -> Solutions:
    """Return what members are made from; the assignment must have been released."""
    released = course.root / "release" / name / f"{name}.ipynb"
    written = source.read(course, name)
    cells = {exercise: cell.source for exercise, cell in written.solutions.items()}
    return Solutions(variants.read(released), cells, assignments.load(course, name))


def content(member: Member, made_from: Solutions) -> bytes:
    """Return the bytes that a member hands in."""
    document = member.make(made_from)
    return document if isinstance(document, bytes) else variants.write(document)


def due(name: str) -> dt.datetime:
    """Return when an assignment is due."""
    return FIRST_DUE + list(CLASSES).index(name) * _BETWEEN


def make(course: Course, folder: Path, names: Sequence[str] = ()) -> Made:
    """Make a course of its own in a folder, release its assignments, and let the sample class hand in.

    Parameters
    ----------
    names : sequence of str
        Only these assignments; none means all that the course has of those that there is a class for.

    Raises
    ------
    UsageError
        If the course has none of them.
    """
    wanted = [name for name in CLASSES if name in (names or course.assignments())]
    if not wanted:
        raise UsageError(f"{course.root} has none of the assignments that there is a sample class for.")
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    shutil.copy(course.root / CONFIG, folder)
    for name in (*MODULES, *(f"source/{name}" for name in wanted)):
        shutil.copytree(course.root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    sample = Course.at(folder)
    release.release(sample, wanted)
    _set_due_dates(sample, wanted)
    for name in wanted:
        made_from = solutions(sample, name)
        for place, member in enumerate(CLASSES[name]):
            _hand_in(sample, name, content(member, made_from), member, place)
    return Made(sample, sum(len(CLASSES[name]) for name in wanted), tuple(wanted))


def _hand_in(sample: Course, name: str, notebook: bytes, member: Member, place: int) -> None:
    """Put a notebook where ``nbgrader collect`` puts it, with the time at which it came."""
    folder = sample.root / "submitted" / member.student / name
    folder.mkdir(parents=True)
    (folder / f"{name}.ipynb").write_bytes(notebook)
    early = dt.timedelta(hours=1 + 7 * place % 20)  # anything that is not the same for all, and less than a day
    when = due(name) + dt.timedelta(days=member.days_late) - early
    (folder / "timestamp.txt").write_text(f"{when:%Y-%m-%d %H:%M:%S.%f} UTC\n", encoding="utf-8")


def _set_due_dates(sample: Course, names: Sequence[str]) -> None:
    """Write to the gradebook when each assignment was due: nbgrader knows by this who was late."""
    from autograder import gradebook_access  # noqa: PLC0415  half a second, and a class without dates needs none of it

    url, course_id = sample.gradebook()
    with gradebook_access.opened(gradebook_access.url_in(sample.root, url), course_id) as book:
        for name in names:
            book.update_or_create_assignment(name, duedate=due(name).replace(tzinfo=None))  # UTC, as nbgrader keeps it
