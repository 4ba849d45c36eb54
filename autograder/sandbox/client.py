"""The host's side of the sandbox: starts a zygote, and asks it for guests."""

import base64
import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

import autograder
from autograder.errors import GraderError, IsolationError
from autograder.sandbox.connection import START_SECONDS, Guest
from autograder.sandbox.limits import Limits

_END_SECONDS = 10.0  # for the kernel to take a guest apart: our time, not a student's

_PIPE_BYTES = 1 << 20  # so that the settings fit, and nobody waits until the interpreter has started


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

    Forked children of the process that started it may use it side by side with it: each request is one packet, and
    each guest answers over sockets of its own. The zygote lives until all of them have closed it.

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
        self._owner = os.getpid()
        self._control, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
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
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pipesize=_PIPE_BYTES,
                start_new_session=True,  # Ctrl-C is for the host, which then closes the control socket
            )
        self._ready = False
        self._ending: list[int] = []  # pidfds of guests that have been killed and may not have gone yet
        assert self._process.stdin is not None  # noqa: S101  it is a pipe
        with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:  # then the answer says why, or none
            stdin.write(json.dumps(settings).encode())

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
            self._process.kill()
            stderr = self._process.stderr.read().decode(errors="replace")[-2000:] if self._process.stderr else ""
            self.close()
            why = message.get("error") or stderr or f"it did not start within {START_SECONDS:.0f} s"
            if "unshare" in why or "mount" in why or "uid_map" in why or "Permission" in why:
                raise IsolationError(
                    f"This machine does not let student code be isolated ({why}). "
                    "Nothing was run. `autograder doctor` says what is missing and how to get it."
                )
            raise GraderError(f"The sandbox could not be started: {why}")
        self._ready = True

    def guest(self, limits: Limits) -> Guest:
        """Return a new guest, ready for its first request."""
        self.wait_until_ready()
        self._await_ended(most=1)  # the last one's namespaces may be taken apart while we go on
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
        guest = Guest(channel, status, (stdout, stderr), limits, self._ending)
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
                raise GraderError(f"A guest could not be ended within {_END_SECONDS:.0f} s.")

    def close(self) -> None:
        """End the zygote, and with it every guest; in a forked child, only its own use of it."""
        with contextlib.suppress(GraderError):  # then the end of its namespace does it
            self._await_ended(most=0)
        self._control.close()
        if self._owner != os.getpid():
            return
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
