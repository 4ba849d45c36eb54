"""Grades what arrives while a class is at work, until it is asked to stop; pool and sandbox stay as they are."""

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder import intake, notebook
from autograder.arrivals import Arrival, Settling, Tree, status_of
from autograder.coordinate import Audience, Coordinator, Order, Summary
from autograder.errors import SubmissionError, UnreadableError, UsageError
from autograder.intake import Submitted
from autograder.interrupt import Interrupt
from autograder.model import Report, Status
from autograder.nbgrader_folders import from_exchange
from autograder.sandbox.launch import Launched

_PAUSE = 0.2  # seconds between two looks at the submissions
_SHORT_PAUSE = 0.05  # between two looks at what is waited for
_SHARE = 12  # a look takes no more than one part in so many of the time, however many submissions there are
_WRITING_PAUSE = 0.5  # seconds between two times that the tables of the class are written
_WRITING_SHARE = 8  # likewise


def watch(
    order: Order,
    audience: Audience,
    begun: Callable[[Summary], None],
    interrupt: Interrupt,
    launched: Launched | None = None,
) -> Summary:
    """Grade what was submitted, then whatever comes or changes, until `interrupt` says stop.

    Parameters
    ----------
    begun : callable
        Called when what was there is graded, and we begin to wait.

    Raises
    ------
    UsageError, IsolationError
        Before anything is graded.
    """
    if order.dry_run:
        raise UsageError("--watch writes what it grades; --dry-run writes nothing. Choose one of them.")
    with Coordinator(order, launched, lambda: bool(interrupt), more_to_come=True) as coordinator:
        watching = _Watch(coordinator, order, audience)
        watching.begin()
        if not interrupt:
            begun(coordinator.summary(watching.found))
            while not interrupt.wait(watching.pause):
                watching.go_on()
        return coordinator.summary(watching.found)


class _Watch:
    """What is known of the submissions, and what of it has been graded.

    Attributes
    ----------
    found : sequence of Submitted
        As they were at the last look.
    """

    def __init__(self, coordinator: Coordinator, order: Order, audience: Audience) -> None:
        self.found: Sequence[Submitted] = ()
        self._coordinator, self._order = coordinator, order
        self._audience = replace(audience, step=self._remembering(audience.step), kept=self._remembering(audience.kept))
        self._missing = any(not os.path.lexists(path) for path in order.paths)
        self._tree = Tree(order.paths)
        self._settling = Settling()
        self._graded: dict[str, _State] = {}  # by folder of results: what the file was when it was handed out
        self._digests: dict[tuple[str, str], str] = {}  # by assignment and student: of the bytes that have a verdict
        self._complaint = ""
        self._next_look = self._next_settling = self._next_writing = 0.0
        self._is_written = True

    def _remembering(self, tell: Callable[[Report], None]) -> Callable[[Report], None]:
        """Return a callback that also keeps which bytes a verdict is on."""

        def told(report: Report) -> None:
            has_verdict = report.status is not Status.GRADER_ERROR
            sha256 = report.provenance.submission_sha256 if has_verdict else ""
            self._digests[report.assignment, report.student] = sha256
            tell(report)

        return told

    @property
    def pause(self) -> float:
        """Seconds until there is something to do."""
        moments = [self._next_look]
        moments += [self._next_settling] if self._settling else []
        moments += [] if self._is_written else [self._next_writing]
        return max(0.0, min(moments) - time.monotonic())

    def begin(self) -> None:
        """Grade what is there, as a run that does not watch would do it."""
        self._coordinator.prepare()
        # an empty folder is fine here, one that is not there is a slip
        self.found = self._coordinator.find() if len(self._tree) or self._missing else ()
        self._audience.begin(len(self.found))
        self._grade([(submitted, _State.of(submitted)) for submitted in self.found])
        self._is_written = True  # the summary does it

    def go_on(self) -> None:
        """Look what has come or changed, grade what of it has settled, and write what has become of the class."""
        began = time.monotonic()
        if began >= self._next_look:
            if self._tree.look() or self._complaint:  # what could not be read need not have changed since
                self._consider()
            self._next_look = _next(began, _PAUSE, _SHARE)
        began = time.monotonic()
        if self._settling and began >= self._next_settling:
            arrived = self._settling.settled()
            self._next_settling = _next(began, _SHORT_PAUSE, _SHARE)
            self._take(arrived)
        began = time.monotonic()
        if not self._is_written and began >= self._next_writing:
            self._coordinator.write_class()
            self._is_written = True
            self._next_writing = _next(began, _WRITING_PAUSE, _WRITING_SHARE)

    def _consider(self) -> None:
        """Find out which submissions have come or changed, and wait until they are whole."""
        self.found = self._find() if len(self._tree) else ()
        for submitted in self.found:
            # where there is no file yet, there is nothing to grade yet either
            if _State.of(submitted) != self._graded.get(submitted.folder) and status_of(submitted.path) is not None:
                self._settling.add(submitted.path)

    def _find(self) -> Sequence[Submitted]:
        """Return what is there; where one path cannot be read, as half of a download, what is at the others."""
        try:
            found: Sequence[Submitted] = self._coordinator.find()
        except UsageError as error:
            found, complaint = self._found_one_by_one(), str(error)
        else:
            complaint = ""
        if complaint and complaint != self._complaint:
            self._audience.say(f"Not graded yet: {complaint}")
        self._complaint = complaint
        return found

    def _found_one_by_one(self) -> Sequence[Submitted]:
        """Return what is at each path that can be read, but for students of whom there are two submissions then."""
        found: list[Submitted] = []
        for path in self._order.paths:
            try:
                found += intake.find(self._order.course, [path], self._order.assignment, self._order.which)
            except UsageError:
                found += [
                    submitted for submitted in self.found if Path(path) in (submitted.path, *submitted.path.parents)
                ]
        count = Counter(submitted.folder for submitted in found)
        return sorted((s for s in found if count[s.folder] == 1), key=lambda s: (s.assignment, s.student))

    def _take(self, arrived: Mapping[str, Arrival]) -> None:
        """Grade what has arrived, but for files that are what they were, with another time."""
        settled: list[tuple[Submitted, _State]] = []
        restless: list[tuple[Submitted, _State]] = []
        for submitted in self.found:
            arrival = arrived.get(os.fspath(submitted.path))
            if arrival is None:
                continue
            known, state = self._graded.get(submitted.folder), _State.of(submitted)
            graded = self._digests.get((submitted.assignment, submitted.student))
            if known is not None and known.beside == state.beside and arrival.sha256 and arrival.sha256 == graded:
                self._graded[submitted.folder] = state
            else:
                (settled if arrival.is_settled else restless).append((submitted, state))
        self._grade_each(settled)
        for submitted, state in restless:
            self._grade_as_it_is(submitted, state)

    def _grade_as_it_is(self, submitted: Submitted, state: "_State") -> None:
        """Grade a copy of a file that changes all the time, if it is a whole notebook; else wait for it again.

        It is a copy, since what grades it and what writes its pages each read the file.
        """
        try:
            content = intake.read(submitted)
            is_whole = submitted.archive is None and not notebook.parse(content).script  # a script may end anywhere
        except (SubmissionError, UnreadableError):
            is_whole = False
        if not is_whole:
            self._settling.add(submitted.path)
            return
        with tempfile.TemporaryDirectory(prefix="autograder-") as name:
            copy = Path(name, submitted.path.name)
            copy.write_bytes(content)
            for beside, written in from_exchange(submitted):
                copy.with_name(beside).write_bytes(written)
            self._grade_each([(replace(submitted, path=copy, root=copy.parent), state)])

    def _grade(self, arrived: Sequence[tuple[Submitted, "_State"]]) -> None:
        """Grade submissions, each with what its file was before it was read.

        Raises
        ------
        UsageError
            If an assignment cannot be graded as it stands.
        """
        if arrived:
            self._graded.update((submitted.folder, state) for submitted, state in arrived)
            self._is_written = False
            self._coordinator.grade([submitted for submitted, _ in arrived], self._audience)

    def _grade_each(self, arrived: Sequence[tuple[Submitted, "_State"]]) -> None:
        """Grade submissions; where one assignment cannot be graded, say so, and grade those of the others."""
        for name in sorted({submitted.assignment for submitted, _ in arrived}):
            try:
                self._grade([entry for entry in arrived if entry[0].assignment == name])
            except UsageError as error:
                self._audience.say(f"Not graded yet: {error}")


def _next(began: float, pause: float, share: int) -> float:
    """Return when to do again what began then and ends now, so that it takes one part of the time in so many."""
    ended = time.monotonic()
    return ended + max(pause, share * (ended - began))


@dataclass(frozen=True)
class _State:
    """What tells whether a submission is what it was: its file, and what is told beside it."""

    status: object
    beside: object

    @classmethod
    def of(cls, submitted: Submitted) -> "_State":
        return cls(status_of(submitted.path), (os.fspath(submitted.path), submitted.timestamp, submitted.problem))
