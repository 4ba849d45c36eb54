"""The trusted middle: enters the namespaces, imports everything once, and forks a guest on request.

Started by `autograder.sandbox.client` as a fresh interpreter; see `autograder.sandbox.isolation` for who is who. Until
the walls stand it imports the standard library only: numpy may start threads, and a process with threads cannot
enter a user namespace.
"""

import base64
import contextlib
import gc
import json
import math
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from autograder.sandbox import isolation

if TYPE_CHECKING:
    from autograder.sandbox.guest import Kernel

SETUP_FAILED = 99  # exit code of a guest that did not get as far as student code


def main(descriptor: int) -> NoReturn:
    """Set up the zygote as standard input says, and serve; `descriptor` is the control socket."""
    control = socket.socket(fileno=descriptor)
    try:
        settings: dict[str, Any] = json.load(sys.stdin)
        outer = os.geteuid(), os.getegid()
        child = isolation.fork_into_namespaces()
    except BaseException as error:  # noqa: BLE001  whatever it is, the host is told
        _refuse(control, error)
    if child:
        control.close()
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    try:
        isolation.become(0, outer)
        kernel = _prepare(settings)
    except BaseException as error:  # noqa: BLE001  likewise
        _refuse(control, error)
    control.sendall(json.dumps({"ready": os.getpid()}).encode())
    _serve(control, kernel, settings["runtime"])


def _refuse(control: socket.socket, error: BaseException) -> NoReturn:
    control.sendall(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
    os._exit(1)


def _prepare(settings: dict[str, Any]) -> "Kernel":
    """Build the root, move into it, and import what guests need; called by PID 1 of the new namespaces."""
    modules = {name: base64.b64decode(content) for name, content in settings["modules"].items()}
    wire_code, guest_code = _code_of("wire"), _code_of("guest")  # the root holds nothing of this package
    isolation.build_root(settings["runtime"], settings["hidden"], modules)
    null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, 0)  # standard input has brought the settings, and leads nowhere from now on
    os.close(null)
    os.makedirs(isolation.HOME, exist_ok=True)  # noqa: PTH103  for what IPython writes while it starts
    os.chdir(isolation.HOME)
    sys.path[:] = [isolation.COURSE, *(p for p in sys.path if p not in settings["unlisted"])]
    _execute("wire", wire_code)  # only now: it imports numpy
    kernel: Kernel = _execute("guest", guest_code).Kernel(settings["imports"])
    gc.collect()
    gc.freeze()  # what is there now is shared with every guest; the collector must not touch, and so copy, its pages
    return kernel


def _code_of(name: str) -> CodeType:
    """Return the code of a module of this package, without executing it."""
    path = Path(__file__).with_name(f"{name}.py")
    return compile(path.read_bytes(), str(path), "exec")


def _execute(name: str, code: CodeType) -> ModuleType:
    """Execute a module's code as the module."""
    package = sys.modules["autograder.sandbox"]
    module = ModuleType(f"{package.__name__}.{name}")
    sys.modules[module.__name__] = module
    setattr(package, name, module)
    exec(code, module.__dict__)  # noqa: S102  our own
    return module


def _serve(control: socket.socket, kernel: "Kernel", runtime: Sequence[str]) -> NoReturn:
    """Fork a guest for each request, until the host and its forked workers have closed the control socket."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 4096, 4)
        if not message:
            os._exit(0)
        _reap()
        status = descriptors[-1]
        try:
            init = isolation.fork_into_namespaces()
        except OSError as error:
            _tell(status, error=str(error))
        else:
            if init == 0:
                control.close()
                _be_init(kernel, runtime, json.loads(message), descriptors)
            _hand_over(status, os.pidfd_open(init))
        for descriptor in descriptors:
            os.close(descriptor)


def _hand_over(status: int, handle: int) -> None:
    """Give the host its handle on a guest's init."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(status)) as end:  # a host that has gone needs none
        socket.send_fds(end, [b'{"init": true}\n'], [handle])
    os.close(handle)


def _reap() -> None:
    """Collect what has ended: children of ours, and init processes whose parent has exited."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _be_init(kernel: "Kernel", runtime: Sequence[str], limits: dict[str, Any], descriptors: Sequence[int]) -> NoReturn:
    """PID 1 of the guest's namespaces: mount, fork the guest, wait for its end or the host's, and end everything."""
    channel, stdout, stderr, status = descriptors
    try:
        isolation.become(isolation.GUEST_UID, (0, 0))
        isolation.mount_private(limits["disk"], runtime)
        guest = os.fork()
    except BaseException as error:  # noqa: BLE001  told to the host, then the end
        _tell(status, error=f"{type(error).__name__}: {error}")
        os._exit(1)
    if guest == 0:
        _be_guest(kernel, limits, channel, stdout, stderr)
    for descriptor in (channel, stdout, stderr):
        os.close(descriptor)
    handle = os.pidfd_open(guest)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(status, select.POLLIN | select.POLLHUP)
    events = dict(poll.poll())
    if handle in events:
        _tell(status, ended=os.waitstatus_to_exitcode(os.waitpid(guest, 0)[1]))
    os._exit(0)  # whatever is left in these namespaces ends now


def _be_guest(kernel: "Kernel", limits: dict[str, Any], channel: int, stdout: int, stderr: int) -> NoReturn:
    """Arrange the descriptors, put up the last walls, and serve."""
    try:
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        from autograder.sandbox import guest  # noqa: PLC0415  imported long ago, by the zygote

        isolation.confine_guest(
            memory=limits["memory"],
            file=limits["file"],
            cpu_seconds=math.ceil(limits["submission_seconds"]) + 5,
            keep=[channel],
        )
    except BaseException as error:  # noqa: BLE001  init reports the exit code, stderr the reason
        os.write(2, f"{type(error).__name__}: {error}".encode())
        os._exit(SETUP_FAILED)
    try:
        guest.serve(kernel, channel)
    except SystemExit:
        os._exit(0)
    except BaseException:  # noqa: BLE001  the student's code broke the server loop; its traceback is of no use to anyone
        os._exit(1)


def _tell(status: int, **message: Any) -> None:
    with contextlib.suppress(OSError):  # if the host has gone, nobody is left to be told
        os.write(status, json.dumps(message).encode() + b"\n")
