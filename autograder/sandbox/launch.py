"""Starts the sandbox's first process; light, so that it can be done before anything else is imported.

What the sandbox imports and what the host imports take about as long: begun together, they are done together.
"""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Self

import autograder
from autograder.errors import StartError
from autograder.sandbox import cgroup

_PIPE_BYTES = 1 << 20  # so that the course fits, and nobody waits until the zygote is ready for it


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
    """Return the whole environment of the sandbox; nothing of ours is in it."""
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


# What the first process runs. Every guest could read it among the process's arguments: so it holds no path.
_FIRST = (
    "import json, socket, sys; control = socket.socket(fileno={}); told = json.loads(control.recv(1 << 20)); "
    "sys.path += told['paths']; from autograder.sandbox.warden import main; main(control, told['plan'])"
)


def _start(control: socket.socket, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the first process, with its end of the control socket."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-X", "utf8", "-c", _FIRST.format(control.fileno())],
        pass_fds=[control.fileno()],
        env=environment,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the host, which then closes the control socket
    )
    assert process.stdin is not None  # noqa: S101  it is a pipe
    with contextlib.suppress(OSError):  # a user's memory for pipes may be used up: then the course is waited for
        fcntl.fcntl(process.stdin, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return process


class Launched:
    """The sandbox's first process, and the control socket to it; a context manager that ends it.

    Attributes
    ----------
    process : Popen
        The launcher.
    groups : Path or None
        Below which guests get control groups of their own; None where that cannot be had.
    control : socket
        One packet a request; ends everything when the last copy of it is closed.
    """

    def __init__(self, *, namespaces: bool = True, without: Collection[str] = ()) -> None:
        """Start it.

        Parameters
        ----------
        namespaces : bool
            False for the level `filtered`.
        without : collection of str
            Layers to leave out, see `autograder.sandbox.isolation.Plan`; only for testing the others.

        Raises
        ------
        StartError
            If it cannot be started; nothing of it is left then.
        """
        package = Path(autograder.__file__).parent
        unlisted = [str(package.parent)] if package.parent.name != "site-packages" else []
        self.groups = cgroup.delegated() if namespaces and "cgroup" not in without else None
        plan = {
            "namespaces": namespaces,
            "base": "",
            "runtime": runtime_paths(),
            "hidden": [str(package)],
            "unlisted": unlisted,
            "without": sorted(without),
        }
        environment = _clean_environment() if "environment" not in without else os.environ | _clean_environment()
        try:
            plan["base"] = self._base = tempfile.mkdtemp(prefix="autograder-")
        except OSError as error:
            raise StartError(
                f"There is no room for the sandbox's own folder ({error.strerror}). Make some, or set TMPDIR."
            ) from error
        with contextlib.ExitStack() as undo:  # nothing is left of what does not come to be
            undo.callback(shutil.rmtree, self._base, ignore_errors=True)
            try:
                Path(self._base).chmod(0o711)  # without namespaces guests of root pass through it as nobody
                self.control, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                undo.callback(self.control.close)
                with end:
                    self.process = _start(end, environment)
                undo.callback(self.close)
                self.control.sendall(json.dumps({"paths": unlisted, "plan": plan}).encode())
            except OSError as error:
                raise StartError(f"The sandbox's first process could not be started: {error.strerror}.") from error
            undo.pop_all()

    def close(self) -> None:
        """End it, and everything below it."""
        self.control.close()
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()
        shutil.rmtree(self._base, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
