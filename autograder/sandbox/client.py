"""The host's side of the sandbox: starts a zygote, and asks it for guests."""

import base64
import contextlib
import errno
import json
import os
import select
import socket
from collections.abc import Mapping
from dataclasses import asdict
from types import TracebackType
from typing import Self

from autograder.errors import GraderError, IsolationError, SandboxError, StartError
from autograder.sandbox import cgroup, processors
from autograder.sandbox.connection import START_SECONDS, Guest
from autograder.sandbox.launch import Launched
from autograder.sandbox.limits import Limits

# what a machine is short of for a while, and does not refuse
_PASSING = frozenset([errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EBUSY])
_END_SECONDS = 10.0  # for the kernel to take a guest apart: our time, not a student's


class Zygote:
    """A started zygote; a context manager. Not safe for use by several threads at once.

    Forked children of the process that started it may use it side by side with it: each request is one packet, and
    each guest answers over sockets of its own. The zygote lives until all of them have closed it.

    Parameters
    ----------
    modules : mapping of str to bytes
        The course's own modules as the assignment may carry them.
    imports : str
        The source notebook's import cell, executed once, before any guest is forked.
    launched : Launched, optional
        A first process that has been started already; it is ours from now on.

    Raises
    ------
    IsolationError
        If this machine refuses a wall.
    """

    def __init__(self, modules: Mapping[str, bytes], imports: str, launched: Launched | None = None) -> None:
        self._owner = os.getpid()
        self._launched = launched or Launched()
        self._control = self._launched.control
        self._ready = False
        self.threads = True  # whether guests may start any, as far as known
        self.grouped = self._launched.groups is not None
        self._ending: list[int] = []  # pidfds of guests that have been killed and may not have gone yet
        self._groups: list[cgroup.Group] = []  # of guests, in the order in which they began
        course = {
            "modules": {name: base64.b64encode(content).decode() for name, content in modules.items()},
            "imports": imports,
        }
        stdin = self._launched.process.stdin
        assert stdin is not None  # noqa: S101  it is a pipe
        with contextlib.suppress(BrokenPipeError), stdin:  # then the answer says why, or its absence
            stdin.write(json.dumps(course).encode())

    def wait_until_ready(self) -> None:
        """Wait for the zygote's first word; not in the constructor, so that the host can load meanwhile."""
        if self._ready or self._owner != os.getpid():  # the first word is for its owner; requests wait in the socket
            return
        self._control.settimeout(START_SECONDS)
        try:
            answer = self._control.recv(65536)
        except TimeoutError:
            answer = b""
        message = json.loads(answer) if answer else {}
        if "ready" not in message:
            process = self._launched.process
            process.kill()
            stderr = process.stderr.read().decode(errors="replace")[-2000:] if process.stderr else ""
            self.close()
            why = message.get("error") or stderr or f"it did not start within {START_SECONDS:.0f} s"
            is_passing = message.get("errno") in _PASSING
            if not is_passing and any(
                word in why for word in ("clone", "mount", "uid_map", "Permission", "landlock", "seccomp")
            ):
                raise IsolationError(
                    f"This machine does not let student code be isolated ({why}). "
                    "Nothing was run. `autograder doctor` says what is missing and how to get it."
                )
            raise StartError(f"The sandbox could not be started: {why}")
        self._ready = True
        self.threads = bool(message["threads"])

    def guest(self, limits: Limits) -> Guest:
        """Return a new guest, ready for its first request."""
        self.wait_until_ready()
        self._await_ended(most=1)  # the last one's namespaces may be taken apart while we go on
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            try:
                channel, channel_end = socket.socketpair()
                ours.enter_context(channel)
                theirs.enter_context(channel_end)
                status, status_end = socket.socketpair()
                ours.enter_context(status)
                theirs.enter_context(status_end)
                pipes = []
                for _ in ("standard output", "standard error"):
                    reading, writing = os.pipe2(os.O_CLOEXEC)
                    ours.callback(os.close, reading)
                    theirs.callback(os.close, writing)
                    os.set_blocking(reading, False)
                    pipes.append((reading, writing))
                ends = [channel_end.fileno(), *(writing for _, writing in pipes)]
                if self._launched.groups is not None:
                    group = cgroup.Group.make(self._launched.groups, limits.memory)
                    self._groups.append(group)
                    theirs.callback(group.close)
                    ends.append(group.procs)
                request = asdict(limits) | {"processor": processors.own()}
                socket.send_fds(self._control, [json.dumps(request).encode()], [*ends, status_end.fileno()])
            except OSError as error:
                raise StartError(f"There is no sandbox to start a guest in ({error}).") from error
            ours.pop_all()
        guest = Guest(channel, status, (pipes[0][0], pipes[1][0]), limits, self._ending)
        guest.wait_until_ready()
        return guest

    def _await_ended(self, most: int) -> None:
        """Wait until no more than so many of the guests that were killed are still there."""
        while len(self._ending) > most:
            handle = self._ending.pop(0)
            ended = select.poll()
            ended.register(handle, select.POLLIN)
            gone = ended.poll(_END_SECONDS * 1000)
            os.close(handle)
            if not gone:
                raise SandboxError(f"A guest could not be ended within {_END_SECONDS:.0f} s.")
            self._groups = [group for group in self._groups if not group.remove()]

    def close(self) -> None:
        """End the zygote, and with it every guest; in a forked child, only its own use of it."""
        with contextlib.suppress(GraderError):  # then the end of its namespace does it
            self._await_ended(most=0)
        if self._owner == os.getpid():
            self._launched.close()
        else:
            self._control.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
