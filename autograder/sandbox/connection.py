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
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from autograder.errors import StartError
from autograder.model import Outcome
from autograder.sandbox import wire
from autograder.sandbox.limits import Deadline, Limits
from autograder.sandbox.zygote import SETUP_FAILED

START_SECONDS = 60.0  # a cold disk may take long to give numpy; this is our time, not a student's
_CHUNK = 1 << 16
_SHOWN = 300  # bytes
_CPU_CLOCK = 2  # CPUCLOCK_SCHED of the process whose number stands before it; see clock_getcpuclockid(3)
_STARVED = 0.1  # seconds without a processor that are worth another wait
_STARVED_SHARE = 0.05  # of the time since the guest began: what a quiet machine never keeps anybody waiting for


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
    starved : bool
        True where its time ran out while it was waiting for a processor: that the machine is busy is not its fault.
    """

    def __init__(self, outcome: Outcome, reason: str, *, doubtful: bool = False, starved: bool = False) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason
        self.doubtful = doubtful
        self.starved = starved


class Guest:
    """A running guest; a context manager that leaves no process behind."""

    def __init__(
        self, channel: socket.socket, status: socket.socket, outputs: tuple[int, int], limits: Limits, ending: list[int]
    ) -> None:
        self._channel, self._status, self._limits, self._ending = channel, status, limits, ending
        self._outputs = dict.fromkeys(outputs, limits.output)  # bytes still taken from each
        self._init = -1  # pidfd of init
        self._pid = 0  # of the guest
        self._received = bytearray()
        self._told = b""
        self._ready = False  # until then nothing of the student's has run, and whatever is said is said by us
        self._printed = b""  # the beginning of what is printed until then
        self._began = time.monotonic()
        self._starved = 0.0  # seconds, at the last look
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
        StartError
            If it does not come: no student code has run yet, so this is ours.
        """
        try:
            self.receive(Deadline(self._began + START_SECONDS, f"it took more than {START_SECONDS:.0f} s"))
        except GuestDiedError as error:
            self.close()
            raise StartError(f"A guest could not be started: {error.reason}.") from error
        except StartError:
            self.close()
            raise
        self._ready = True

    # ---------------------------------------------------------------------------------------------- frames

    def send(self, frame: bytes, deadline: Deadline) -> None:
        """Send a frame; the guest may refuse to read it, but not for longer than the deadline."""
        self._poll.modify(self._channel, select.POLLIN | select.POLLOUT)
        view = memoryview(frame)
        try:
            while view:
                try:
                    view = view[self._channel.send(view[:_CHUNK]) :]
                except BlockingIOError:
                    self._wait(deadline)
                except OSError as error:
                    raise self._death() from error
        finally:
            self._poll.modify(self._channel, select.POLLIN)

    def receive(self, deadline: Deadline, room: int = wire.BODY_CAP) -> wire.Frame:
        """Return the next frame.

        Parameters
        ----------
        deadline : Deadline
            When it has to be there.
        room : int
            Bytes of arrays that it may hold.

        Raises
        ------
        GuestDiedError
            If there will be none: the guest ended, took too long, or sent what is no frame. It has been ended then.
        """
        try:
            header, body = wire.lengths(self._exactly(wire.PREFIX, deadline), room)
            return wire.unpack(self._exactly(header, deadline), self._exactly(body, deadline))
        except wire.WireError as error:
            self.kill()
            raise GuestDiedError(Outcome.KILLED, f"the notebook interfered with its own grading ({error})") from error

    def _exactly(self, size: int, deadline: Deadline) -> bytes:
        while len(self._received) < size:
            try:
                part = self._channel.recv(_CHUNK)
            except BlockingIOError:
                self._wait(deadline)
                continue
            except OSError:
                part = b""
            if not part:
                raise self._death()
            self._received += part
        data = bytes(self._received[:size])
        del self._received[:size]
        return data

    def _wait(self, deadline: Deadline) -> None:
        """Wait until the channel can be used again, reading and capping the guest's output meanwhile."""
        while True:
            if deadline.left <= 0:
                self.expire(deadline)
            ready = dict(self._poll.poll(max(0.0, deadline.left) * 1000))
            for output in ready.keys() & self._outputs.keys():
                self._drain(output)
            if self._status.fileno() in ready:
                self._read_status()
            if self._channel.fileno() in ready:
                return

    def expire(self, deadline: Deadline) -> None:
        """Give a step that has used up its time what the machine has kept from it, or end the guest.

        Raises
        ------
        GuestDiedError
            If it has had all its time, or the submission has none left.
        """
        starved = self._newly_starved()
        if starved > _STARVED and deadline.put_off(starved):
            return
        self.kill()
        kept = self._starved > max(_STARVED, _STARVED_SHARE * (time.monotonic() - self._began))
        # a step that was put off until it had had its time is timed out, however long that took
        is_cut = deadline.last <= deadline.end
        raise GuestDiedError(Outcome.TIMED_OUT, deadline.reason, starved=is_cut and kept)

    def _newly_starved(self) -> float:
        """Return the seconds since the last look for which the guest wanted a processor and had none.

        A thread that waits while another one of the guest's own runs is not kept waiting by anybody else.
        """
        total = 0.0
        with contextlib.suppress(OSError, ValueError):  # it has ended, or this kernel does not keep count
            times = list(self._times())
            used = time.clock_gettime(~self._pid << 3 | _CPU_CLOCK)  # of all its threads, also those that have ended
            total = max((delayed - (used - ran) for ran, delayed in times), default=0.0)
        before, self._starved = self._starved, max(self._starved, total)
        return self._starved - before

    def _times(self) -> Iterator[tuple[float, float]]:
        """Yield the seconds for which each of the guest's threads ran, and for which it was ready to, and did not."""
        for task in Path(f"/proc/{self._pid}/task").iterdir() if self._pid else ():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread may have ended meanwhile
                ran, delayed, _ = (task / "schedstat").read_text(encoding="ascii").split()
                yield int(ran) / 1e9, int(delayed) / 1e9

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
        if not self._ready:
            self._printed += part[: _SHOWN - len(self._printed)]
        if self._outputs[output] < 0:
            self.output_truncated = True

    def _read_status(self) -> bool:
        """Take what init says; return whether it may still say more."""
        try:
            data, handles, _, _ = socket.recv_fds(self._status, 4096, 2)
        except BlockingIOError:
            return True
        except OSError:
            data, handles = b"", []
        if len(handles) == 2 and self._init < 0:
            self._init, guest = handles
            self._pid = _pid_of(guest)
            os.close(guest)
        else:
            for handle in handles:
                os.close(handle)
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
                if "error" in message and not self._ready:
                    return StartError(f"A guest could not be started: {message['error']}")
                code = message["ended"] if type(message.get("ended")) is int else code
        if code == SETUP_FAILED and not self._ready:
            for output in self._outputs:
                self._drain(output)
            why = self._printed.decode(errors="replace")
            return StartError(f"A guest could not be confined ({why}); nothing of the submission was run in it.")
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


def _pid_of(handle: int) -> int:
    """Return the process that a handle stands for; 0 where it is not to be had any more."""
    try:
        lines = Path(f"/proc/self/fdinfo/{handle}").read_text(encoding="ascii").splitlines()
        return max(0, int(next(line for line in lines if line.startswith("Pid:")).split()[1]))
    except (OSError, StopIteration, ValueError):
        return 0


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
