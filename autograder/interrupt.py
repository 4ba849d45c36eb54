"""Lets Ctrl-C, or a service manager's request to end, be asked for at a moment that suits us."""

import os
import select
import signal
import sys
from types import FrameType, TracebackType
from typing import Any, Self

from autograder.errors import Exit

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_TWICE = b"\nStopped at once. What was written is whole; the same command goes on from there.\n"


class Interrupt:
    """A request to stop, kept until it is asked for; a context manager. The second one ends the process at once.

    Nothing of ours is torn by that: files are put in place whole, and workers, sandboxes and locks end with us.
    """

    def __init__(self) -> None:
        self._asked = False
        self._before: dict[int, Any] = {}
        # a pipe, since a handler may write to one at any moment, and `select` wakes up from it
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def __bool__(self) -> bool:
        return self._asked

    def wait(self, seconds: float) -> bool:
        """Wait for so long, or until we are asked to stop; return whether we are."""
        select.select([self._read], [], [], seconds)
        return self._asked

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked:
            os.write(sys.stderr.fileno(), _TWICE)
            os._exit(int(Exit.UNGRADED))
        self._asked = True
        os.write(self._write, b".")
