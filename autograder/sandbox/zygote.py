"""The trusted middle: imports everything once, and forks a guest into namespaces that stand already, on request.

A fork of `autograder.sandbox.warden`, inside the walls from its first moment; see `autograder.sandbox.isolation`.
"""

import base64
import contextlib
import gc
import importlib
import json
import math
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from autograder.sandbox import confinement, isolation

if TYPE_CHECKING:
    from autograder.sandbox.guest import Kernel

CHANNEL = 3  # a guest's only descriptor beside standard input, output and error
SETUP_FAILED = 99  # exit code of a guest that did not get as far as student code


def main(
    control: socket.socket, warden: socket.socket, plan: isolation.Plan, codes: Mapping[str, CodeType]
) -> NoReturn:
    """Import, wait for the course on standard input, and serve.

    Parameters
    ----------
    control : socket
        The host's, for one word: ready, or what went wrong.
    warden : socket
        Brings requests.
    codes : mapping of str to code
        As `codes` gives it.
    """
    try:
        kernel = _prepare(plan, codes)
        ready = confinement.prepare(plan)
    except BaseException as error:  # noqa: BLE001  whatever it is, the host is told
        refuse(control, error)
    control.sendall(json.dumps({"ready": os.getpid(), "threads": plan.threads}).encode())
    control.close()
    _serve(warden, kernel, ready)


def refuse(control: socket.socket, error: BaseException) -> NoReturn:
    """Tell the host why there will be no sandbox, and end."""
    told = {"error": f"{type(error).__name__}: {error}", "errno": getattr(error, "errno", None)}
    control.sendall(json.dumps(told).encode())
    os._exit(1)


def codes() -> dict[str, CodeType]:
    """Return the code of the modules that run in the sandbox, without executing it."""
    result = {}
    for name in ("wire", "guest"):
        path = Path(__file__).with_name(f"{name}.py")
        result[name] = compile(path.read_bytes(), str(path), "exec")
    return result


def _prepare(plan: isolation.Plan, codes: Mapping[str, CodeType]) -> "Kernel":
    """Import what guests need: first what does not depend on the course, while the host is still reading it."""
    os.makedirs(plan.home, exist_ok=True)  # noqa: PTH103  for what IPython writes while it starts
    os.chdir(plan.home)
    os.environ.update(HOME=plan.home, IPYTHONDIR=f"{plan.home}/.ipython", MPLCONFIGDIR=f"{plan.home}/.matplotlib")
    _execute("wire", codes["wire"])
    guest = _execute("guest", codes["guest"])
    course = json.load(sys.stdin)
    null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, 0)  # standard input has brought the course, and leads nowhere from now on
    os.close(null)
    isolation.put_modules(plan, {name: base64.b64decode(content) for name, content in course["modules"].items()})
    importlib.invalidate_caches()  # IPython has looked through sys.path before their folder was there
    kernel: Kernel = guest.Kernel(course["imports"])
    gc.collect()
    gc.freeze()  # what is there now is shared with every guest; the collector must not touch, and so copy, its pages
    return kernel


def _execute(name: str, code: CodeType) -> ModuleType:
    """Execute a module's code as the module."""
    package = sys.modules["autograder.sandbox"]
    module = ModuleType(f"{package.__name__}.{name}")
    sys.modules[module.__name__] = module
    setattr(package, name, module)
    exec(code, module.__dict__)  # noqa: S102  our own
    return module


def _serve(warden: socket.socket, kernel: "Kernel", ready: confinement.Confinement) -> NoReturn:
    """Fork a guest for each request, until the warden has gone."""
    own = isolation.own_pid_namespace()
    while True:
        request, descriptors, _, _ = socket.recv_fds(warden, 4096, 5)
        if not request:
            os._exit(0)
        limits = json.loads(request)
        ends, link = descriptors[: limits["ends"]], descriptors[limits["ends"] :]
        namespaces: list[int] = []
        try:
            if link:
                with socket.socket(fileno=link[0]) as init:
                    namespaces = socket.recv_fds(init, 16, isolation.NAMESPACES)[1]  # none if it has died
                guest = isolation.fork_below(ready.plan, namespaces, own)
            else:
                guest = isolation.fork_sibling()
        except OSError as error:
            warden.sendall(json.dumps({"error": str(error)}).encode())
        else:
            if guest == 0:
                warden.close()
                os.close(own)
                _be_guest(kernel, limits, namespaces, ends, ready)
            handle = os.pidfd_open(guest)
            socket.send_fds(warden, [b"{}"], [handle])
            os.close(handle)
        for descriptor in (*ends, *namespaces):
            os.close(descriptor)


def _be_guest(
    kernel: "Kernel",
    limits: dict[str, Any],
    namespaces: Sequence[int],
    ends: Sequence[int],
    ready: confinement.Confinement,
) -> NoReturn:
    """Enter the namespaces, arrange the descriptors, put up the last walls, and serve."""
    channel, stdout, stderr, *group = ends
    try:
        if group:
            os.write(group[0], b"0")  # this process moves into its control group
        if limits["processor"] is not None:
            with contextlib.suppress(OSError):  # it has been taken offline, say: this is about fairness only
                os.sched_setaffinity(0, [limits["processor"]])
        isolation.enter(ready.plan, namespaces)
        null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        os.dup2(null, 0)  # its own: flags on the one that it has inherited would be seen by every other guest
        os.chdir(limits["home"])
        os.environ["TMPDIR"] = limits["home"]
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        os.dup2(channel, CHANNEL)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        from autograder.sandbox import guest  # noqa: PLC0415  imported long ago, by the zygote

        confinement.confine(
            ready,
            home="/tmp" if namespaces else limits["home"],  # noqa: S108  its own
            memory=limits["memory"],
            file=limits["file"],
            cpu_seconds=math.ceil(limits["submission_seconds"]) + 5,
            threads=limits["threads"],
            keep=[CHANNEL],
        )
    except BaseException as error:  # noqa: BLE001  the warden reports the exit code, stderr the reason
        os.write(2, f"{type(error).__name__}: {error}".encode())
        os._exit(SETUP_FAILED)
    try:
        guest.serve(kernel, CHANNEL)
    except SystemExit:
        os._exit(0)
    except BaseException:  # noqa: BLE001  the student's code broke the server loop; its traceback is of no use to anyone
        os._exit(1)
