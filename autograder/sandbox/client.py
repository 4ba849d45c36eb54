"""The host's side of the sandbox: starts a zygote, asks it for guests, and speaks to them.

The other end of every socket here is hostile. Reads are bounded, writes cannot block for longer than the limit at
hand, and whatever is unexpected ends the guest.
"""

import base64
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

import autograder
from autograder.errors import GraderError, IsolationError
from autograder.model import Outcome
from autograder.sandbox import wire
from autograder.sandbox.limits import Limits
from autograder.sandbox.zygote import LENGTH, SETUP_FAILED

_START_SECONDS = 60.0  # a cold disk may take long to give numpy; this is our time, not a student's
_CHUNK = 1 << 18


class GuestDiedError(Exception):
    """A guest that has ended, or was ended, while it was to answer.

    Attributes
    ----------
    outcome : Outcome
        `Outcome.TIMED_OUT` or `Outcome.KILLED`.
    reason : str
        The limit that was hit, or how it ended; for the student.
    """

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


def runtime_paths() -> list[str]:
    """Return the folders and files of this machine that a guest may read: the interpreter's libraries, no programs."""
    paths = {"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"}
    for prefix in (sys.base_prefix, sys.prefix):
        paths |= {f"{prefix}/lib", f"{prefix}/lib64"}
    paths |= {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    existing = sorted(path for path in paths if os.path.lexists(path))
    # what lies inside another needs no binding of its own
    return [
        p for p in existing if not any(p != q and p.startswith(q + "/") and not Path(q).is_symlink() for q in existing)
    ]


def _clean_environment() -> dict[str, str]:
    """Return the whole environment of zygote and guests; nothing of ours is in it."""
    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {
        **dict.fromkeys(threads, "1"),
        "HOME": "/tmp/work",  # noqa: S108  the guest's own
        "IPYTHONDIR": "/tmp/work/.ipython",  # noqa: S108
        "MPLCONFIGDIR": "/tmp/work/.matplotlib",  # noqa: S108
        "MPLBACKEND": "agg",
        "LANG": "C.UTF-8",
        "PATH": "/nowhere",
        "TERM": "dumb",
    }


class Zygote:
    """A started zygote; a context manager. Not safe for use by several threads at once.

    Parameters
    ----------
    modules : mapping of str to bytes
        The course's own modules as the assignment may carry them.
    imports : str
        The source notebook's import cell, executed once, before any guest is forked.

    Raises
    ------
    IsolationError
        If this machine refuses a wall.
    """

    def __init__(self, modules: Mapping[str, bytes], imports: str) -> None:
        package = Path(autograder.__file__).parent
        settings = {
            "modules": {name: base64.b64encode(content).decode() for name, content in modules.items()},
            "imports": imports,
            "runtime": runtime_paths(),
            "hidden": [str(package)],
            "unlisted": [str(package.parent)] if package.parent.name != "site-packages" else [],
        }
        self._control, end = socket.socketpair()
        with end:
            start = f"import sys; sys.path.append({str(package.parent)!r}); " if settings["unlisted"] else ""
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-X", "utf8", "-c"),
                    f"{start}from autograder.sandbox.zygote import main; main({end.fileno()})",
                ],
                pass_fds=[end.fileno()],
                env=_clean_environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the host, which then closes the control socket
            )
        self._ready = False
        text = json.dumps(settings).encode()
        with contextlib.suppress(BrokenPipeError):  # then the answer, or its absence, says why
            self._control.sendall(LENGTH.pack(len(text)) + text)

    def _wait_until_ready(self) -> None:
        """Wait for the zygote's first word; not in the constructor, so that the host can load meanwhile."""
        self._control.settimeout(_START_SECONDS)
        try:
            answer = self._control.recv(65536)
        except TimeoutError:
            answer = b""
        message = json.loads(answer) if answer else {}
        if "ready" not in message:
            self._process.kill()
            stderr = self._process.stderr.read().decode(errors="replace")[-2000:] if self._process.stderr else ""
            self.close()
            why = message.get("error") or stderr or f"it did not start within {_START_SECONDS:.0f} s"
            if "unshare" in why or "mount" in why or "uid_map" in why or "Permission" in why:
                raise IsolationError(
                    f"This machine does not let student code be isolated ({why}). "
                    "Nothing was run. `autograder doctor` says what is missing and how to get it."
                )
            raise GraderError(f"The sandbox could not be started: {why}")
        self._ready = True

    def guest(self, limits: Limits) -> "Guest":
        """Return a new guest, ready for its first request."""
        if not self._ready:
            self._wait_until_ready()
        channel, channel_end = socket.socketpair()
        status, status_end = socket.socketpair()
        stdout, stdout_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        stderr, stderr_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        for end in (stdout_end, stderr_end):
            os.set_blocking(end, True)
        ends = [channel_end.fileno(), stdout_end, stderr_end, status_end.fileno()]
        try:
            socket.send_fds(self._control, [json.dumps(asdict(limits)).encode()], ends)
        except OSError as error:
            channel.close()
            status.close()
            os.close(stdout)
            os.close(stderr)
            raise GraderError(f"The sandbox has ended ({error}).") from error
        finally:
            channel_end.close()
            status_end.close()
            os.close(stdout_end)
            os.close(stderr_end)
        guest = Guest(channel, status, (stdout, stderr), limits)
        guest.wait_until_ready()
        return guest

    def close(self) -> None:
        """End the zygote, and with it every guest."""
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Guest:
    """A running guest; a context manager that leaves no process behind."""

    def __init__(self, channel: socket.socket, status: socket.socket, outputs: tuple[int, int], limits: Limits) -> None:
        self._channel, self._status, self._limits = channel, status, limits
        self._outputs = dict.fromkeys(outputs, limits.output)  # bytes still taken from each
        self._init = -1  # pidfd of init
        self._received = bytearray()
        self._told = b""
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
        GraderError
            If it does not come: no student code has run yet, so this is ours.
        """
        try:
            self.receive(time.monotonic() + _START_SECONDS, "starting")
        except GuestDiedError as error:
            self.close()
            raise GraderError(
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
        data, self._received = bytes(self._received[:size]), self._received[size:]
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
            self._poll.unregister(output)
            return
        self._outputs[output] -= len(part)
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
        end = time.monotonic() + 5
        status = select.poll()
        status.register(self._status, select.POLLIN)
        while b"ended" not in self._told and b"error" not in self._told:
            if not status.poll(max(0.0, end - time.monotonic()) * 1000) or not self._read_status():
                break
        self.kill()
        code = None
        for line in self._told.splitlines():
            with contextlib.suppress(ValueError):
                message = json.loads(line)
                if "error" in message:
                    return GraderError(f"A guest could not be started: {message['error']}")
                code = message.get("ended", code)
        if code == SETUP_FAILED:
            return GraderError("A guest could not be confined; nothing of the submission was run in it.")
        return GuestDiedError(Outcome.KILLED, _how(code))

    def kill(self) -> None:
        """End the guest and everything in its namespaces, and wait until it has ended."""
        if self._init < 0:
            with contextlib.suppress(OSError):
                self._status.settimeout(5)
                self._read_status()
        if self._init < 0:
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._init, signal.SIGKILL)
        ended = select.poll()
        ended.register(self._init, select.POLLIN)
        if not ended.poll(10_000):
            raise GraderError("A guest could not be ended within 10 s.")

    def close(self) -> None:
        """End the guest and close every descriptor."""
        if self._channel.fileno() < 0:
            return
        try:
            self.kill()
        finally:
            self._channel.close()
            self._status.close()
            for output in self._outputs:
                os.close(output)
            if self._init >= 0:
                os.close(self._init)

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
