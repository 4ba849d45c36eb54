"""One submission in the sandbox: its cells run once, then its functions are called, over as many guests as it takes.

A guest that dies is replaced, the cell or call that killed it is not tried again, and the run goes on at the next one;
a bounded number of times, and never past the submission's own time. The last guest is not put at risk by cells that no
graded function needs.
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


@dataclass(frozen=True)
class CellToRun:
    """A student's cell: its index in the notebook, its source, and the graded functions it is to bind."""

    index: int
    source: str
    binds: tuple[str, ...] = ()


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
    """

    value: Any = None
    outcome: Outcome | None = None
    reason: str = ""
    fault: Fault | None = None


class HelperRefusedError(Exception):
    """The host's helper could not take what the student's function handed it; the text goes back to the guest."""


@dataclass
class Session:
    """The guests of one submission; a context manager.

    Attributes
    ----------
    faults : dict of int to Fault
        By cell: what it raised.
    deaths : dict of int to Answer
        By cell: how it ended its guest.
    unbound : set of str
        Graded functions that are not there after all cells have run.
    doubtful : set of str
        Where a guest ended in a way that the submission need not be the cause of.
    starved : bool
        Whether its time ran out while a guest was waiting for a processor.
    spared : set of int
        Cells that the last guest did not run, since others of that kind had ended the guests before it.
    """

    zygote: Zygote
    cells: Sequence[CellToRun]
    limits: Limits
    needed: Callable[[Sequence[CellToRun]], Collection[int]] = lambda cells: {cell.index for cell in cells}
    budget: Budget = None  # type: ignore[assignment]  # see __post_init__
    faults: dict[int, Fault] = field(default_factory=dict)
    deaths: dict[int, Answer] = field(default_factory=dict)
    unbound: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    starved: bool = False
    spared: set[int] = field(default_factory=set)
    output_truncated: bool = False
    _guest: Guest | None = None
    _dead: int = 0  # guests
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
        """Run the cells in a fresh guest; return whether there is one now."""
        self._drop()
        while self._dead < self.limits.guests and not self.budget.is_spent:
            if self._dead == self.limits.guests - 1 and self.deaths and not self.spared:
                self.spared = {cell.index for cell in self.cells} - {*self.needed(self.cells), *self.deaths}
            with self.budget.uncounted():
                self._guest = self.zygote.guest(self.limits)
            if self._run_cells_once(self._guest):
                return True
            self._dead += 1
            self._drop()
        return False

    def _run_cells_once(self, guest: Guest) -> bool:
        """Run every cell that has not killed a guest before; False if one did now."""
        alive = [cell for cell in self.cells if cell.index not in self.deaths and cell.index not in self.spared]
        self._number += 1
        self.unbound = {name for cell in self.cells if cell.index in self.deaths for name in cell.binds}
        request = {
            "do": "cells",
            "n": self._number,
            "cells": [{"index": c.index, "source": c.source, "binds": c.binds} for c in alive],
        }
        frame = wire.pack(request)
        for position, cell in enumerate(alive):
            deadline = self._deadline(self.limits.cell_seconds, f"in cell {cell.index + 1}")
            try:
                if position == 0:
                    guest.send(frame, deadline)
                message = guest.receive(deadline, wire.ROOM_LEAST).message
                if message.get("n") != self._number or message.get("cell") != cell.index:
                    raise _interference(guest)
            except GuestDiedError as death:
                self.deaths[cell.index] = Answer(outcome=death.outcome, reason=death.reason)
                self._note(death, f"cell {cell.index}")
                return False
            if (fault := _fault(message.get("error"))) is not None:
                self.faults[cell.index] = fault
            missing = message.get("missing")
            # what a guest says counts only as far as it is a list of names
            bound = [name for name in cell.binds if isinstance(missing, list) and name not in missing]
            self.unbound |= set(cell.binds) - set(bound)
        return True

    def _deadline(self, seconds: float, where: str) -> Deadline:
        """Return when this step must end, on its own account and on the submission's."""
        whole = f"{self.limits.submission_seconds:g} s for the whole notebook"
        return Deadline(time.monotonic() + seconds, f"{seconds:g} s {where}", self.budget.end, whole)

    def _note(self, death: GuestDiedError, where: str) -> None:
        """Take in whether the submission need not be the cause of a guest's end."""
        self.starved |= death.starved
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

        Returns
        -------
        list of Answer
            In order, up to the first that has an outcome: after it, no further call is made.
        """
        if self._guest is None and not self.run_cells():
            return [Answer(outcome=Outcome.SKIPPED, reason="the notebook had used up its own limits before")]
        guest = self._guest
        assert guest is not None  # noqa: S101  run_cells has just said so
        first = self._number + 1
        self._number += len(cases)
        # a generator travels as its seed, an argument at these places
        seeds = sorted({place for case in cases for place, value in enumerate(case) if isinstance(value, Seed)})
        sent = [tuple(value.number if isinstance(value, Seed) else value for value in case) for case in cases]
        request = {"do": "call", "n": first, "function": function, "helper": helper, "seeds": seeds, "room": room}
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
        self._dead += 1
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
        if "raised" in frame.message:
            fault = _fault(frame.message["raised"]) or Fault("Exception", "")
            if fault.type == "MemoryError":
                return Answer(outcome=Outcome.KILLED, reason=f"memory {size(self.limits.memory)}", fault=fault)
            return Answer(outcome=Outcome.RAISED, reason=fault.type, fault=fault)
        return Answer(value=frame.value("value"))


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
