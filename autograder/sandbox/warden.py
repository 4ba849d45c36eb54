"""PID 1 of the sandbox: builds its walls, starts the zygote, and looks after every guest from its birth to its end.

Started by `autograder.sandbox.launch` as a fresh interpreter; see `autograder.sandbox.isolation` for who is who. It
imports little of the standard library and nothing else, on purpose: numpy may start threads, and a process with threads
cannot enter a user namespace; and each guest's init is a fork of it, which costs as much as there is to copy.
"""

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any, NoReturn

from autograder.sandbox import isolation, zygote


@dataclass(frozen=True)
class _Watched:
    """A guest: handles on it and on its init, init's pid, and the socket over which the host is told of its end."""

    guest: int
    init: int
    init_pid: int
    status: int


def main(descriptor: int, walls: dict[str, Any]) -> NoReturn:
    """Set up the sandbox and serve.

    Parameters
    ----------
    descriptor : int
        The control socket.
    walls : dict
        ``runtime`` and ``hidden`` as `isolation.build_root` takes them; ``unlisted``, what is no longer on the path.
    """
    control = socket.socket(fileno=descriptor)
    try:
        outer = os.geteuid(), os.getegid()
        child = isolation.fork_into_namespaces()
    except BaseException as error:  # noqa: BLE001  whatever it is, the host is told
        _refuse(control, error)
    if child:
        control.close()
        os.close(0)  # the host may have long gone when the settings would come
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    try:
        isolation.become(0, outer)
        codes = zygote.codes()  # the root holds nothing of this package
        isolation.build_root(walls["runtime"], walls["hidden"])
        sys.path[:] = [isolation.COURSE, *(p for p in sys.path if p not in walls["unlisted"])]
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gc.collect()
        gc.freeze()  # what is there now is shared with all that are forked; the collector must not touch its pages
        pid = os.fork()
    except BaseException as error:  # noqa: BLE001  likewise
        _refuse(control, error)
    if pid == 0:
        here.close()
        zygote.main(control, there, codes)
    there.close()
    os.close(0)
    _serve(control, here, walls["runtime"])


def _refuse(control: socket.socket, error: BaseException) -> NoReturn:
    control.sendall(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
    os._exit(1)


def _serve(control: socket.socket, zygote_end: socket.socket, runtime: list[str]) -> NoReturn:
    """Make a guest for each request, until the host and its forked workers have closed the control socket."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(zygote_end, select.POLLHUP)
    watched: dict[int, _Watched] = {}  # by each of its two handles
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == control.fileno():
                message, descriptors, _, _ = socket.recv_fds(control, 4096, 4)
                if not message:
                    os._exit(0)
                guest = _make_guest(zygote_end, message, descriptors, runtime)
                if guest is not None:
                    watched |= {guest.guest: guest, guest.init: guest}
                    poll.register(guest.guest, select.POLLIN)
                    poll.register(guest.init, select.POLLIN)
            elif descriptor == zygote_end.fileno():
                os._exit(1)  # the host learns it from its sockets
            elif descriptor in watched:
                guest = watched.pop(descriptor)
                poll.unregister(descriptor)
                if descriptor == guest.guest:
                    _guest_ended(guest)
                else:
                    os.waitpid(guest.init_pid, 0)
                os.close(descriptor)


def _guest_ended(guest: _Watched) -> None:
    """Tell the host how a guest ended, and end what it has left behind."""
    ended = os.waitid(os.P_PIDFD, guest.guest, os.WEXITED)
    if ended is not None:
        _tell(guest.status, ended=ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status)
    os.close(guest.status)
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(guest.init, signal.SIGKILL)


def _make_guest(
    zygote_end: socket.socket, request: bytes, descriptors: list[int], runtime: list[str]
) -> _Watched | None:
    """Fork an init with fresh namespaces, and let the zygote fork a guest into them."""
    *ends, status = descriptors
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        init = isolation.fork_into_namespaces()
        if init == 0:
            ours.close()
            for descriptor in ends:
                os.close(descriptor)
            _be_init(theirs, status, json.loads(request)["disk"], runtime)
        handle = os.pidfd_open(init)
        theirs.close()  # init's end is the only one now: if init dies, the zygote does not wait for it
        socket.send_fds(zygote_end, [request], [*ends, ours.fileno()])
        answer, handles, _, _ = socket.recv_fds(zygote_end, 4096, 1)
    except OSError as error:
        _tell(status, error=str(error))
        os.close(status)
        return None
    finally:
        ours.close()
        theirs.close()
        for descriptor in ends:
            os.close(descriptor)
    if not handles:
        _tell(status, **json.loads(answer or b'{"error": "the zygote has ended"}'))
        os.close(status)
        os.kill(init, signal.SIGKILL)
        os.waitpid(init, 0)
        os.close(handle)
        return None
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(status)) as end:  # a host that has gone needs none
        socket.send_fds(end, [b'{"init": true}\n'], [handle])
    return _Watched(handles[0], handle, init, status)


def _be_init(link: socket.socket, status: int, disk: int, runtime: list[str]) -> NoReturn:
    """PID 1 of a guest's namespaces: mount, hand the namespaces to the zygote, and wait for the host's end or ours."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whatever is orphaned in here is reaped by the kernel
        isolation.become(isolation.GUEST_UID, (0, 0))
        isolation.mount_private(disk, runtime)
        namespaces = isolation.open_namespaces()
        socket.send_fds(link, [b"made"], namespaces)
    except BaseException as error:  # noqa: BLE001  told to the host, then the end
        _tell(status, error=f"{type(error).__name__}: {error}")
        os._exit(1)
    link.close()
    for namespace in namespaces:
        os.close(namespace)
    poll = select.poll()
    poll.register(status, select.POLLHUP)
    poll.poll()
    os._exit(0)  # whatever is left in these namespaces ends now


def _tell(status: int, **message: Any) -> None:
    with contextlib.suppress(OSError):  # if the host has gone, nobody is left to be told
        os.write(status, json.dumps(message).encode() + b"\n")
