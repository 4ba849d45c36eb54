"""PID 1 of the sandbox: builds its walls, starts the zygote, and looks after every guest from its birth to its end.

Started by `autograder.sandbox.launch` as a fresh interpreter; see `autograder.sandbox.isolation` for who is who. It
imports little of the standard library and nothing else, on purpose: numpy may start threads, and a process with threads
cannot enter a user namespace; and each guest's init is a fork of it, which costs as much as there is to copy.
"""

import contextlib
import dataclasses
import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
from dataclasses import dataclass
from typing import Any, NoReturn

from autograder.sandbox import isolation, zygote


@dataclass(frozen=True)
class _Watched:
    """A guest: a handle on it, the socket over which the host is told of its end, and what has to end with it.

    Attributes
    ----------
    init, init_pid : int
        A handle on its init and its pid; -1 without namespaces.
    home : str
        Its folder, where that does not go with its namespaces.
    """

    guest: int
    status: int
    init: int = -1
    init_pid: int = -1
    home: str = ""


def main(control: socket.socket, plan_as_data: dict[str, Any]) -> NoReturn:
    """Set up the sandbox and serve.

    Parameters
    ----------
    control : socket
        The control socket; the plan has come over it, and not among the arguments, which every guest could read.
    plan_as_data : dict
        The fields of `isolation.Plan` that the host decides.
    """
    os.umask(0o022)  # whatever the host's: guests of root read what is written here as somebody else
    try:
        plan = isolation.Plan(**plan_as_data)
        if "ids" not in plan.without:
            ids = isolation.unprivileged_ids(plan.runtime, reached_by_path=not plan.root)
            plan = dataclasses.replace(plan, ids=ids)
        if os.geteuid() == 0:
            with contextlib.suppress(OSError):  # as in a container whose root may not: it has no groups worth having
                os.setgroups([])
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        child = isolation.fork_into_namespaces(plan) if plan.namespaces else os.fork()
    except BaseException as error:  # noqa: BLE001  whatever it is, the host is told
        zygote.refuse(control, error)
    if child:
        there.close()
        _be_launcher(child, here, control, plan)
    here.close()
    _be_warden(there, control, plan)


def _be_launcher(child: int, link: socket.socket, control: socket.socket, plan: isolation.Plan) -> NoReturn:
    """Map the warden's ids, and wait for its end."""
    try:
        if plan.namespaces:
            _map_warden(link, plan)
    except BaseException as error:  # noqa: BLE001  likewise
        os.kill(child, signal.SIGKILL)
        zygote.refuse(control, error)
    control.close()
    link.close()
    os.close(0)  # the host may have long gone when the settings would come
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF
    shutil.rmtree(plan.base, ignore_errors=True)  # the host does it too, unless it was killed
    os._exit(code)


def _be_warden(link: socket.socket, control: socket.socket, plan: isolation.Plan) -> NoReturn:
    """Build the sandbox, start the zygote in it, and serve."""
    try:
        codes = zygote.codes()  # the root holds nothing of this package
        if plan.namespaces:
            isolation.ask_to_be_mapped(link)
            if not link.recv(6):  # nobody else is mapped, and so guests are who we are
                plan = dataclasses.replace(plan, ids=None)
        else:
            isolation.die_with_parent()
        link.close()
        isolation.be_dumpable(False)  # noqa: FBT003
        plan = dataclasses.replace(plan, threads=isolation.threads_are_counted(plan))
        if plan.root:
            isolation.build_root(plan)
        sys.path[:] = [plan.course, *(p for p in sys.path if p not in plan.unlisted)]
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gc.collect()
        gc.freeze()  # what is there now is shared with all that are forked; the collector must not touch its pages
        pid = os.fork()
    except BaseException as error:  # noqa: BLE001  likewise
        zygote.refuse(control, error)
    if pid == 0:
        here.close()
        isolation.die_with_parent()
        zygote.main(control, there, plan, codes)
    there.close()
    os.close(0)
    _serve(control, here, plan)


def _map_warden(link: socket.socket, plan: isolation.Plan) -> None:
    """Map the warden's ids, with those of its guests where that can be had; tell it which they are."""
    own = (0, os.geteuid(), os.getegid())
    if plan.ids is None:
        isolation.map_ids(link, [own])
    elif isolation.map_ids(link, [own, (isolation.GUEST_UID, *plan.ids)], [own]) == 0:
        link.send(b"guests")


def _serve(control: socket.socket, zygote_end: socket.socket, plan: isolation.Plan) -> NoReturn:
    """Make a guest for each request, until the host and its forked workers have closed the control socket."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(zygote_end, select.POLLHUP)
    watched: dict[int, _Watched] = {}  # by each of its handles
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == control.fileno():
                message, descriptors, _, _ = socket.recv_fds(control, 4096, 5)
                if not message:
                    os._exit(0)
                guest = _make_guest(zygote_end, json.loads(message), descriptors, plan)
                if guest is not None:
                    for handle in {guest.guest, guest.init} - {-1}:
                        watched[handle] = guest
                        poll.register(handle, select.POLLIN)
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
    if guest.home:
        shutil.rmtree(guest.home, ignore_errors=True)
    if guest.init >= 0:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(guest.init, signal.SIGKILL)


def _make_guest(
    zygote_end: socket.socket, limits: dict[str, Any], descriptors: list[int], plan: isolation.Plan
) -> _Watched | None:
    """Let the zygote fork a guest: into the namespaces of a fresh init, or into a fresh folder."""
    *ends, status = descriptors  # the channel, standard output, standard error, and a control group if there is one
    init, link, home = -1, -1, plan.home
    try:
        if plan.namespaces:
            init, link = _fork_init(ends, status, limits["disk"], plan)
        else:
            home = tempfile.mkdtemp(dir=plan.base, prefix="guest-")
            if plan.ids is not None:
                os.chown(home, *plan.ids)
        socket.send_fds(
            zygote_end,
            [json.dumps(limits | {"home": home, "ends": len(ends)}).encode()],
            [*ends, *([link] * (link >= 0))],
        )
        answer, handles, _, _ = socket.recv_fds(zygote_end, 4096, 1)
        error = {} if handles else json.loads(answer or b'{"error": "the zygote has ended"}')
    except OSError as failure:
        handles, error = [], {"error": str(failure)}
    finally:
        for descriptor in (*ends, *([link] * (link >= 0))):
            os.close(descriptor)
    if not handles:
        _tell(status, **error)
        os.close(status)
        if init >= 0:
            os.kill(init, signal.SIGKILL)
            os.waitpid(init, 0)
        return None
    handle = os.pidfd_open(init) if init >= 0 else -1
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(status)) as end:  # a host that has gone needs none
        socket.send_fds(end, [b'{"init": true}\n'], [handle if init >= 0 else handles[0], handles[0]])
    return _Watched(handles[0], status, handle, init, "" if plan.namespaces else home)


def _fork_init(ends: list[int], status: int, disk: int, plan: isolation.Plan) -> tuple[int, int]:
    """Fork an init; return its pid, and a socket over which it hands out its namespaces."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:  # init's copy is the only one afterwards: if init dies, the zygote does not wait for it
        init = isolation.fork_into_namespaces(plan, shared=isolation.CLONE_NEWNET)
        if init == 0:
            ours.close()
            for descriptor in ends:
                os.close(descriptor)
            _be_init(theirs, status, disk, plan)
    outer = isolation.GUEST_UID if plan.ids is not None else 0  # in our own namespace
    try:
        isolation.map_ids(ours, [(isolation.GUEST_UID, outer, outer)])
    except OSError:
        os.kill(init, signal.SIGKILL)
        os.waitpid(init, 0)
        ours.close()
        raise
    return init, ours.detach()


def _be_init(link: socket.socket, status: int, disk: int, plan: isolation.Plan) -> NoReturn:
    """PID 1 of a guest's namespaces: mount, hand the namespaces to the zygote, and wait for the host's end or ours."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whatever is orphaned in here is reaped by the kernel
        isolation.ask_to_be_mapped(link)
        isolation.become()
        isolation.be_dumpable("dumpable" in plan.without)
        isolation.mount_private(plan, disk)
        namespaces = isolation.open_namespaces(plan)
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
