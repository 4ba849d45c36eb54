"""One submission in the sandbox: its cells run in order, its functions are called on the way, over several guests.

A guest that dies is replaced, and the run goes on where it was: of a cell that killed a guest only the definitions are
run again, a call is not repeated, and cells that took long and that no graded function needs are left out. All of it a
bounded number of times, and never past the submission's own time, of which each exercise is kept its share.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from autograder.model import Outcome, Seed
from autograder.sandbox import wire
from autograder.sandbox.client import Zygote
from autograder.sandbox.connection import Guest, GuestDiedError
from autograder.sandbox.limits import Budget, Deadline, Limits, size

_ASKS_CAP = 10_000  # calls of the helper that one call of a graded function may make
_LONG_SECONDS = 1.0  # that a cell takes, or cells together, before anybody asks whether they are needed
_SHORTEST_SECONDS = 0.5  # that a cell gets, however little is left
_FAULTS = 5  # statements of one cell whose exceptions are kept


@dataclass(frozen=True)
class CellToRun:
    """A student's cell: its index in the notebook, its source, and the graded functions it is to bind.

    Attributes
    ----------
    restores : bool
        Whether it stands for the given import cell: from here on, given names are as the course gives them.
    """

    index: int
    source: str
    binds: tuple[str, ...] = ()
    restores: bool = False


@dataclass(frozen=True)
class Fault:
    """An exception in student code, as the guest tells it and the host has checked it.

    Attributes
    ----------
    cell, line : int
        Where the student's own code was last, as far as known; -1 and 0 otherwise.
    """

    type: str
    message: str
    cell: int = -1
    line: int = 0
    function: str = ""


@dataclass(frozen=True)
class Answer:
    """What a call came to: a value, or an outcome with its reason.

    Attributes
    ----------
    outcome : Outcome or None
        None where the function returned.
    helped : bool
        Whether the function called its helper, as far as known; a guest that died cannot say.
    """

    value: Any = None
    outcome: Outcome | None = None
    reason: str = ""
    fault: Fault | None = None
    helped: bool = True


class HelperRefusedError(Exception):
    """The host's helper could not take what the student's function handed it; the text goes back to the guest."""


@dataclass
class Session:
    """The guests of one submission; a context manager.

    Attributes
    ----------
    helpers : collection of str
        Graded functions that other graded functions call, and that the host may answer for.
    reserve : float
        Seconds that are kept for calls: cells that no graded function needs do not get them.
    faults : dict of int to list of Fault
        By cell: what it raised, statement by statement.
    deaths : dict of int to Answer
        By cell: how it ended its guest.
    unbound : set of str
        Graded functions that are not there, of those whose cells have run.
    doubtful : set of str
        Where a guest ended in a way that the submission need not be the cause of.
    starved : bool
        Whether its time ran out while a guest was waiting for a processor.
    spared : set of int
        Cells that were not run, or not again, for the time that they take: no graded function needs them.
    """

    zygote: Zygote
    cells: Sequence[CellToRun]
    limits: Limits
    needed: Callable[[Sequence[CellToRun]], Collection[int]] = lambda cells: {cell.index for cell in cells}
    budget: Budget = None  # type: ignore[assignment]  # see __post_init__
    helpers: Collection[str] = ()
    reserve: float = 0.0
    faults: dict[int, list[Fault]] = field(default_factory=dict)
    deaths: dict[int, Answer] = field(default_factory=dict)
    unbound: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    starved: bool = False
    spared: set[int] = field(default_factory=set)
    output_truncated: bool = False
    _guest: Guest | None = None
    _reached: int | None = None  # up to which cell was asked for last
    _next: int = 0  # the first cell, by its place in `cells`, that has not run in this guest
    _dead: int = 0  # guests that cells have killed
    _cut: set[int] = field(default_factory=set)  # cells of which only the definitions run
    _took: dict[int, float] = field(default_factory=dict)  # seconds, by cell
    _unneeded: frozenset[int] | None = None  # looked up when time begins to matter
    _has_timed_out: bool = False  # by itself, in some step
    _number: int = 0

    def __post_init__(self) -> None:
        self.budget = self.budget or Budget(self.limits.submission_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()

    def _drop(self) -> None:
        if self._guest is not None:
            self.output_truncated |= self._guest.output_truncated
            self._guest.close()
            self._guest = None

    def run_cells(self) -> bool:
        """Run all cells in a fresh guest; return whether there is one now."""
        return self.renew(self._end)

    @property
    def _end(self) -> int:
        """The last cell's index."""
        return self.cells[-1].index if self.cells else -1

    def renew(self, last: int) -> bool:
        """Run the cells up to one of them in a fresh guest; return whether there is one now."""
        self._drop()
        return self.run_to(last)

    def run_to(self, last: int) -> bool:
        """Run the cells, up to one of the notebook's, that have not run yet; return whether there is a guest now.

        Parameters
        ----------
        last : int
            The cell's index in the notebook.
        """
        self._reached = last
        end = sum(cell.index <= last for cell in self.cells)
        while self._dead < self.limits.guests and not self.budget.is_spent:
            if self._guest is None:
                with self.budget.uncounted():
                    self._guest = self.zygote.guest(self.limits)
                self._next = 0
                self.unbound.clear()
                self._spare()
            if self._next >= end or self._run(self._guest, self.cells[self._next : end]):
                self._next = max(self._next, end)
                return True
            self._dead += 1
            self._drop()
        self._drop()
        return False

    @property
    def cell_seconds(self) -> float:
        """Wall-clock seconds that cells have taken, each counted once."""
        return sum(self._took.values())

    def _spare(self) -> None:
        """Leave out cells that took long and that no graded function needs; for the last guest, all of those."""
        if self._dead and self._dead == self.limits.guests - 1:
            self.spared |= self._not_needed() - self.deaths.keys()
        elif long := {index for index, took in self._took.items() if took > _LONG_SECONDS}:
            self.spared |= long & self._not_needed()

    def _not_needed(self) -> frozenset[int]:
        """Return the cells that no graded function needs, looked up once."""
        if self._unneeded is None:
            self._unneeded = frozenset(cell.index for cell in self.cells) - frozenset(self.needed(self.cells))
        return self._unneeded

    def _run(self, guest: Guest, cells: Sequence[CellToRun]) -> bool:
        """Run cells, but those that are left out; return False if one has killed the guest."""
        alive = [cell for cell in cells if cell.index not in self.spared and not self._is_lost(cell)]
        self._number += 1
        self.unbound |= {name for cell in cells if self._is_lost(cell) for name in cell.binds}
        request = {
            "do": "cells",
            "n": self._number,
            "helpers": list(self.helpers),
            "cells": [
                {
                    "index": c.index,
                    "source": c.source,
                    "binds": c.binds,
                    "restores": c.restores,
                    "cut": c.index in self._cut,
                }
                for c in alive
            ],
        }
        for position, cell in enumerate(alive):
            begun = time.monotonic()
            try:
                deadline = self._cell_deadline(cell)
                if position == 0:
                    guest.send(wire.pack(request), deadline)
                message = guest.receive(deadline, wire.ROOM_LEAST).message
                if message.get("n") != self._number or message.get("cell") != cell.index:
                    raise _interference(guest)
            except GuestDiedError as death:
                self._take_death(cell, death, time.monotonic() - begun)
                return False
            self._took[cell.index] = time.monotonic() - begun
            self._take_reply(cell, message)
        return True

    def _is_lost(self, cell: CellToRun) -> bool:
        """Return whether not even a cell's definitions can be run."""
        return cell.index in self.deaths and cell.index not in self._cut

    def _take_death(self, cell: CellToRun, death: GuestDiedError, took: float) -> None:
        """Take in that a cell has killed its guest: the next one runs its definitions, unless these have done it."""
        self._took[cell.index] = took
        if cell.index in self._cut:
            self._cut.discard(cell.index)
        elif cell.index not in self.deaths:
            self._cut.add(cell.index)
        self.deaths.setdefault(cell.index, Answer(outcome=death.outcome, reason=death.reason))
        self._note(death, f"cell {cell.index}")

    def _take_reply(self, cell: CellToRun, message: dict[str, Any]) -> None:
        """Take in what a guest says of a cell; it counts only as far as it has the right form."""
        more = message.get("more")
        told = [message.get("error"), *(more[:_FAULTS] if isinstance(more, list) else ())]
        faults = [fault for each in told if (fault := _fault(each)) is not None]
        if faults:
            self.faults[cell.index] = faults
        missing = message.get("missing")
        bound = {name for name in cell.binds if isinstance(missing, list) and name not in missing}
        self.unbound = (self.unbound - bound) | (set(cell.binds) - bound)

    def _cell_deadline(self, cell: CellToRun) -> Deadline:
        """Return when a cell must end: one that no graded function needs does not get the time that calls may take."""
        seconds = self.limits.cell_seconds
        spent = sum(self._took.values())
        if spent > _LONG_SECONDS and cell.index in self._not_needed():
            left = self.limits.submission_seconds - self.reserve
            left -= sum(took for index, took in self._took.items() if index in self._not_needed())
            seconds = max(min(seconds, left), _SHORTEST_SECONDS)
        return self._deadline(seconds, f"in cell {cell.index + 1}")

    def _deadline(self, seconds: float, where: str) -> Deadline:
        """Return when this step must end, on its own account and on the submission's."""
        whole = f"{self.limits.submission_seconds:g} s for the whole notebook"
        return Deadline(time.monotonic() + seconds, f"{seconds:g} s {where}", self.budget.end, whole)

    def _note(self, death: GuestDiedError, where: str) -> None:
        """Take in whether the submission need not be the cause of a guest's end."""
        if death.outcome is Outcome.TIMED_OUT and not death.starved:
            self._has_timed_out = True
        # a submission that has used up its time by itself has not run out of it for being kept waiting
        self.starved |= death.starved and not self._has_timed_out
        if death.doubtful:
            self.doubtful.add(where)

    def call(
        self,
        function: str,
        arguments: tuple[Any, ...],
        helper: str | None = None,
        answer: Callable[..., Any] | None = None,
    ) -> Answer:
        """Call a graded function in the guest once; see `call_each`."""
        return self.call_each(function, [arguments], helper, answer)[0]

    def call_each(
        self,
        function: str,
        cases: Sequence[tuple[Any, ...]],
        helper: str | None = None,
        answer: Callable[..., Any] | None = None,
        room: int = wire.BODY_CAP,
        takes: int = 0,
    ) -> list[Answer]:
        """Call a graded function in the guest with each of these arguments, in one request, each under its own limit.

        Parameters
        ----------
        function : str
            Name of the function.
        cases : sequence of tuple
            The arguments of each call: arrays, numbers, containers of them, `Seed`. At least one.
        helper : str, optional
            Name that is answered by the host during these calls.
        answer : callable, optional
            The host's answer to a call of the helper; raises `HelperRefusedError` for arguments it cannot take.
        room : int
            Bytes of arrays that one answer may hold; a larger one tells no more than its shape.
        takes : int
            How many arguments the helper takes; 0 hands on what the student's function hands over.

        Returns
        -------
        list of Answer
            In order, up to the first that has an outcome: after it, no further call is made.
        """
        if self._guest is None and not self.run_to(self._end if self._reached is None else self._reached):
            return [Answer(outcome=Outcome.SKIPPED, reason="the notebook had used up its own limits before")]
        guest = self._guest
        assert guest is not None  # noqa: S101  run_cells has just said so
        first = self._number + 1
        self._number += len(cases)
        # a generator travels as its seed, an argument at these places
        seeds = sorted({place for case in cases for place, value in enumerate(case) if isinstance(value, Seed)})
        sent = [tuple(value.number if isinstance(value, Seed) else value for value in case) for case in cases]
        request = {
            "do": "call",
            "n": first,
            "function": function,
            "helper": helper,
            "takes": takes,
            "seeds": seeds,
            "room": room,
        }
        answers: list[Answer] = []
        try:
            guest.send(wire.pack(request, cases=sent), self._deadline(self.limits.call_seconds, f"in {function}"))
            for number in range(first, first + len(cases)):
                deadline = self._deadline(self.limits.call_seconds, f"in {function}")
                answers.append(self._one(guest, number, deadline, answer, room))
                if answers[-1].outcome is not None:
                    break
        except wire.WireError as error:
            death = _interference(guest, str(error))
        except GuestDiedError as error:
            death = error
        else:
            return answers
        self._drop()
        self._note(death, f"call {len(answers)} of {function}, helped by {helper}")
        return [*answers, Answer(outcome=death.outcome, reason=death.reason)]

    def _one(
        self, guest: Guest, number: int, deadline: Deadline, answer: Callable[..., Any] | None, room: int
    ) -> Answer:
        """Return the answer to one call, answering the guest's own questions until it comes."""
        for _ in range(_ASKS_CAP):
            if deadline.left <= 0:  # questions that come without a pause are received without a wait
                guest.expire(deadline)
            frame = guest.receive(deadline, room)
            if frame.message.get("n") != number:
                break
            if answer is None or "asks" not in frame.message:
                return self._answer(frame)
            guest.send(_helped(frame, answer), deadline)
        raise _interference(guest)

    def _answer(self, frame: wire.Frame) -> Answer:
        helped = frame.message.get("helped") is not False
        if "raised" in frame.message:
            fault = _fault(frame.message["raised"]) or Fault("Exception", "")
            if fault.type == "MemoryError":
                reason = f"memory {size(self.limits.memory)}"
                return Answer(outcome=Outcome.KILLED, reason=reason, fault=fault, helped=helped)
            return Answer(outcome=Outcome.RAISED, reason=fault.type, fault=fault, helped=helped)
        return Answer(value=frame.value("value"), helped=helped)


def _interference(guest: Guest, detail: str = "") -> GuestDiedError:
    guest.kill()
    return GuestDiedError(
        Outcome.KILLED, "the notebook interfered with its own grading" + (f" ({detail})" if detail else "")
    )


def _helped(frame: wire.Frame, answer: Callable[..., Any]) -> bytes:
    """Return the frame that answers a call of the helper."""
    match frame.value("arguments"):
        case [list() | tuple() as args, dict() as kwargs]:
            pass
        case _:
            raise wire.WireError("a call of the helper without its arguments")
    try:
        return wire.pack_listed({}, frame.arrays, value=answer(*args, **kwargs))[0]
    except HelperRefusedError as error:
        return wire.pack({"refused": wire.printable(str(error), 300)})


def _fault(data: Any) -> Fault | None:
    """Return what a guest tells about an exception, as far as it has the right form."""
    if not isinstance(data, dict):
        return None

    def text(key: str, most: int) -> str:
        value = data.get(key, "")
        return wire.printable(value, most) if isinstance(value, str) else ""

    def number(key: str, default: int) -> int:
        value = data.get(key, default)
        return value if type(value) is int and -1 <= value < 1 << 31 else default

    return Fault(
        text("type", 80) or "Exception",
        text("message", 300),
        number("cell", -1),
        number("line", 0),
        text("function", 80),
    )
