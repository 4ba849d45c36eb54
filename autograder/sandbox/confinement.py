"""The walls that a guest puts up around itself, one function per wall; the last thing before student code.

The order matters: what needs a right comes before the right is given up, and the filter of system calls comes last. See
`autograder.sandbox.isolation` for the walls that stand already.
"""

import ctypes
import errno
import os
import resource
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.sandbox import isolation, landlock, seccomp

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 24, 38, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Confinement:
    """What can be made ready once, before there is a guest: Landlock's version, and its rules on what all may read."""

    plan: isolation.Plan
    version: int
    rules: tuple[landlock.Rule, ...]


def prepare(plan: isolation.Plan) -> Confinement:
    """Make ready what every guest needs; called by the zygote.

    Raises
    ------
    OSError
        If this kernel has no Landlock, or there is no filter for this architecture.
    """
    version = 0 if "landlock" in plan.without else landlock.abi()
    if not version and "landlock" not in plan.without:
        raise OSError(errno.ENOSYS, "landlock: this kernel has none, or has it switched off (lsm=)")
    if not seccomp.supported():
        raise OSError(errno.ENOSYS, f"seccomp: there is no filter for {os.uname().machine}")
    seccomp.program(plan.namespaces, plan.threads)
    readable = [*plan.runtime, plan.course, *(("/etc",) if plan.root else ())]
    rules = [landlock.rule(path, landlock.READ) for path in readable if os.path.exists(path)]  # noqa: PTH110
    rules += [landlock.rule("/", landlock.LIST)] if plan.root else []
    rules += [landlock.rule(f"/dev/{name}", landlock.DEVICE) for name in isolation.DEVICES]
    return Confinement(plan, version, tuple(rules))


def confine(
    ready: Confinement, *, home: str, memory: int, file: int, cpu_seconds: int, threads: int, keep: Iterable[int]
) -> None:
    """Take everything from this process that a guest does not need; the last thing before student code.

    Parameters
    ----------
    home : str
        The folder below which it may write.
    memory : int
        Bytes of address space beyond what the process has now.
    file : int
        Bytes of the largest file.
    cpu_seconds : int
        Seconds of processor time.
    threads : int
        How many it may start beside its first one, where they are counted; elsewhere it may start none.
    keep : iterable of int
        Descriptors that stay open.
    """
    without = ready.plan.without
    if "rlimits" not in without:
        limit_resources(memory, file, cpu_seconds, threads)
    os.setsid()
    isolation.die_with_parent()
    if "capabilities" not in without:
        drop_capabilities()
    isolation.call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if "landlock" not in without:
        # no file of /proc, though that is the guest's own: its arguments and mounts hold paths of the machine's
        landlock.restrict([*ready.rules, landlock.rule(home, landlock.WRITE)], ready.version)
    if "descriptors" not in without:
        close_descriptors(keep)
    if "seccomp" not in without:
        seccomp.install(ready.plan.namespaces, ready.plan.threads)


def limit_resources(memory: int, file: int, cpu_seconds: int, threads: int) -> None:
    """Set the rlimits; soft and hard alike, so that they cannot be raised again."""
    descriptor = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    pages = int(os.read(descriptor, 100).split()[0])
    os.close(descriptor)
    limits = {
        resource.RLIMIT_AS: pages * resource.getpagesize() + memory,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: file,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: 64,  # timers, which a user has a common stock of
        resource.RLIMIT_NPROC: threads + 2,  # with init and the first thread, all that its user has in its namespace
    }
    for which, value in limits.items():
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)  # noqa: PLW2901
        resource.setrlimit(which, (value, value))


def close_descriptors(keep: Iterable[int]) -> None:
    """Close every descriptor but 0, 1, 2 and those to keep."""
    start = 3
    for descriptor in sorted(keep):
        os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, 1 << 20)


def drop_capabilities() -> None:
    """Drop every capability, also from the bounding and ambient sets."""
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == -1:
            break  # the first number the kernel does not know
    isolation.call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    isolation.call("capset", header, (ctypes.c_uint32 * 6)())
