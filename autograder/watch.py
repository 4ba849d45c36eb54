"""Grades what arrives while a class is at work, until it is asked to stop; pool and sandbox stay as they are."""

import os
import time
from collections.abc import Callable, Sequence

from autograder.arrivals import Settling, Tree, status_of
from autograder.coordinate import Audience, Coordinator, Order, Summary
from autograder.errors import UsageError
from autograder.intake import Submitted
from autograder.interrupt import Interrupt
from autograder.sandbox.launch import Launched

_PAUSE = 0.2  # seconds between two looks at the submissions
_SHORT_PAUSE = 0.05  # while there is something that is waited for
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
        self._coordinator, self._audience = coordinator, audience
        self._missing = any(not os.path.lexists(path) for path in order.paths)
        self._tree = Tree(order.paths)
        self._settling = Settling()
        self._graded: dict[str, object] = {}  # by folder of results: what the file was when it was handed out
        self._complaint = ""
        self._next_look = self._next_writing = 0.0
        self._is_written = True

    @property
    def pause(self) -> float:
        """Seconds until there is something to do."""
        if self._settling:
            return _SHORT_PAUSE
        moments = [self._next_look] if self._is_written else [self._next_look, self._next_writing]
        return max(0.0, min(moments) - time.monotonic())

    def begin(self) -> None:
        """Grade what is there, as a run that does not watch would do it."""
        self._coordinator.prepare()
        # an empty folder is fine here, one that is not there is a slip
        self.found = self._coordinator.find() if len(self._tree) or self._missing else ()
        self._audience.begin(len(self.found))
        self._grade(self.found)
        self._is_written = True  # the summary does it

    def go_on(self) -> None:
        """Look what has come or changed, grade what of it has settled, and write what has become of the class."""
        began = time.monotonic()
        if began >= self._next_look:
            if self._tree.look():
                self._consider()
            ended = time.monotonic()
            self._next_look = ended + max(_PAUSE, _SHARE * (ended - began))
        settled = self._settling.settled()
        if settled:
            self._grade([submitted for submitted in self.found if os.fspath(submitted.path) in settled])
        began = time.monotonic()
        if not self._is_written and began >= self._next_writing:
            self._coordinator.write_class()
            self._is_written = True
            ended = time.monotonic()
            self._next_writing = ended + max(_WRITING_PAUSE, _WRITING_SHARE * (ended - began))

    def _consider(self) -> None:
        """Find out which submissions have come or changed, and wait until they are whole."""
        try:
            self.found = self._coordinator.find() if len(self._tree) else ()
        except UsageError as error:  # half of a download, say: the next look may find all of it
            if str(error) != self._complaint:
                self._complaint = str(error)
                self._audience.say(f"Not graded yet: {error}")
            return
        self._complaint = ""
        for submitted in self.found:
            # where there is no file yet, there is nothing to grade yet either
            if _state(submitted) != self._graded.get(submitted.folder) and status_of(submitted.path) is not None:
                self._settling.add(submitted.path)

    def _grade(self, submissions: Sequence[Submitted]) -> None:
        if submissions:
            self._graded.update((submitted.folder, _state(submitted)) for submitted in submissions)
            self._coordinator.grade(submissions, self._audience)
            self._is_written = False


def _state(submitted: Submitted) -> object:
    """Return what tells whether a submission is what it was."""
    return os.fspath(submitted.path), status_of(submitted.path), submitted.timestamp, submitted.problem
