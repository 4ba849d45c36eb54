"""One running guest, as the host sees it: frames, deadlines, capped output, and its end.

The other end of every socket here is hostile. Reads are bounded, writes cannot block for longer than the limit at
hand, and whatever is unexpected ends the guest.
"""

import contextlib
import json
import os
import select
import signal
import socket
import time
from types import TracebackType
from typing import Self

from autograder.errors import SandboxError
from autograder.model import Outcome
from autograder.sandbox import wire
from autograder.sandbox.limits import Limits
from autograder.sandbox.zygote import SETUP_FAILED

START_SECONDS = 60.0  # a cold disk may take long to give numpy; this is our time, not a student's
_CHUNK = 1 << 16
_SHOWN = 300  # bytes


class GuestDiedError(Exception):
    """A guest that has ended, or was ended, while it was to answer.

    Attributes
    ----------
    outcome : Outcome
        `Outcome.TIMED_OUT` or `Outcome.KILLED`.
    reason : str
        The limit that was hit, or how it ended; for the student.
    doubtful : bool
        True where it may have been ended from outside: the kernel short of memory, an operator's ``kill -9``.
    """

    def __init__(self, outcome: Outcome, reason: str, *, doubtful: bool = False) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason
        self.doubtful = doubtful


class Guest:
    """A running guest; a context manager that leaves no process behind."""

    def __init__(
        self, channel: socket.socket, status: socket.socket, outputs: tuple[int, int], limits: Limits, ending: list[int]
    ) -> None:
        self._channel, self._status, self._limits, self._ending = channel, status, limits, ending
        self._outputs = dict.fromkeys(outputs, limits.output)  # bytes still taken from each
        self._init = -1  # pidfd of init
        self._received = bytearray()
        self._told = b""
        self._printed = b""  # the beginning, for our own failures only
        self.output_truncated = False
        channel.setblocking(False)  # noqa: FBT003
        status.setblocking(False)  # noqa: FBT003
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN)
        self._poll.register(status, select.POLLIN)
        for output in outputs:
            self._poll.register(output, select.POLLIN)

    def wait_until_ready(self) -> None:
        """Wait for the first frame of a guest whose walls all stand.

        Raises
        ------
        SandboxError
            If it does not come: no student code has run yet, so this is ours.
        """
        try:
            self.receive(time.monotonic() + START_SECONDS, "starting")
        except GuestDiedError as error:
            self.close()
            raise SandboxError(
                f"A guest could not be started: {error.reason} {self._told.decode(errors='replace')}"
            ) from error

    # ---------------------------------------------------------------------------------------------- frames

    def send(self, frame: bytes, deadline: float, doing: str) -> None:
        """Send a frame; the guest may refuse to read it, but not for longer than the deadline."""
        self._poll.modify(self._channel, select.POLLIN | select.POLLOUT)
        view = memoryview(frame)
        try:
            while view:
                try:
                    view = view[self._channel.send(view[:_CHUNK]) :]
                except BlockingIOError:
                    self._wait(deadline, doing)
                except OSError as error:
                    raise self._death() from error
        finally:
            self._poll.modify(self._channel, select.POLLIN)

    def receive(self, deadline: float, doing: str) -> wire.Frame:
        """Return the next frame.

        Parameters
        ----------
        deadline : float
            On the monotonic clock.
        doing : str
            What the guest is doing; becomes part of the verdict if the deadline passes.

        Raises
        ------
        GuestDiedError
            If there will be none: the guest ended, took too long, or sent what is no frame. It has been ended then.
        """
        try:
            header, body = wire.lengths(self._exactly(wire.PREFIX, deadline, doing))
            return wire.unpack(self._exactly(header, deadline, doing), self._exactly(body, deadline, doing))
        except wire.WireError as error:
            self.kill()
            raise GuestDiedError(Outcome.KILLED, f"the notebook interfered with its own grading ({error})") from error

    def _exactly(self, size: int, deadline: float, doing: str) -> bytes:
        while len(self._received) < size:
            try:
                part = self._channel.recv(_CHUNK)
            except BlockingIOError:
                self._wait(deadline, doing)
                continue
            except OSError:
                part = b""
            if not part:
                raise self._death()
            self._received += part
        data = bytes(self._received[:size])
        del self._received[:size]
        return data

    def _wait(self, deadline: float, doing: str) -> None:
        """Wait until the channel can be used again, reading and capping the guest's output meanwhile."""
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                self.kill()
                raise GuestDiedError(Outcome.TIMED_OUT, doing)
            ready = dict(self._poll.poll(left * 1000))
            for output in ready.keys() & self._outputs.keys():
                self._drain(output)
            if self._status.fileno() in ready:
                self._read_status()
            if self._channel.fileno() in ready:
                return

    def _drain(self, output: int) -> None:
        try:
            part = os.read(output, 65536)
        except BlockingIOError:
            return
        if not part:
            with contextlib.suppress(KeyError):
                self._poll.unregister(output)
            return
        self._outputs[output] -= len(part)
        self._printed += part[: _SHOWN - len(self._printed)]
        if self._outputs[output] < 0:
            self.output_truncated = True

    def _read_status(self) -> bool:
        """Take what init says; return whether it may still say more."""
        try:
            data, handles, _, _ = socket.recv_fds(self._status, 4096, 1)
        except BlockingIOError:
            return True
        except OSError:
            data, handles = b"", []
        for handle in handles:
            if self._init >= 0:
                os.close(handle)
            else:
                self._init = handle
        self._told += data[: 4096 - len(self._told)]
        if not data:
            with contextlib.suppress(KeyError):  # it may have been read to its end before
                self._poll.unregister(self._status)
        return bool(data)

    # ---------------------------------------------------------------------------------------------- the end

    def _death(self) -> Exception:
        """Return what the end of the channel means: how init says that the guest ended."""
        end = time.monotonic() + 2
        status = select.poll()
        status.register(self._status, select.POLLIN)
        while b"ended" not in self._told and b"error" not in self._told:
            if not status.poll(max(0.0, end - time.monotonic()) * 1000) or not self._read_status():
                break
        self.kill()
        code = None
        for line in self._told.splitlines():
            with contextlib.suppress(ValueError, RecursionError):
                message = json.loads(line)
                if not isinstance(message, dict):
                    continue
                if "error" in message:
                    return SandboxError(f"A guest could not be started: {message['error']}")
                code = message["ended"] if type(message.get("ended")) is int else code
        if code == SETUP_FAILED:
            for output in self._outputs:
                self._drain(output)
            why = self._printed.decode(errors="replace")
            return SandboxError(f"A guest could not be confined ({why}); nothing of the submission was run in it.")
        return GuestDiedError(Outcome.KILLED, _how(code), doubtful=code in {None, -signal.SIGKILL})

    def kill(self) -> None:
        """End the guest and everything in its namespaces; its zygote waits until it has gone."""
        if self._init < 0:
            with contextlib.suppress(OSError):
                self._status.settimeout(5)
                self._read_status()
        if self._init >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._init, signal.SIGKILL)

    def close(self) -> None:
        """End the guest and close every descriptor."""
        if self._channel.fileno() < 0:
            return
        self.kill()
        self._channel.close()
        self._status.close()
        for output in self._outputs:
            os.close(output)
        if self._init >= 0:
            self._ending.append(self._init)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _how(code: int | None) -> str:
    """Return in words how a guest ended."""
    if code is None:
        return "the notebook's process ended"
    if code >= 0:
        return "the notebook ended its own Python process"
    if -code == signal.SIGXCPU:
        return "it used up its processor time"
    if -code == signal.SIGKILL:
        return "the notebook's process was killed, most likely for using too much memory"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    return f"the notebook's process crashed ({name})"
