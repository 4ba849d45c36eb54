"""One processor for each worker of a machine, so that no guest takes time from another worker's.

The kernel shares a processor among threads, not among guests: where sessions are not grouped (``autogroup``, which
containers and services often lack), a guest with thirty threads gets thirty times as much as its neighbour with one. So
each worker claims a processor, and its guests stay on it. A claim is an abstract socket's name: everyone on the machine
sees it, and it ends with the process. A worker that sees no other leaves its guests wherever the kernel puts them.
"""

import contextlib
import ctypes
import os
import socket
import time
from pathlib import Path

_NAME = "autograder-processor-"
_LOOK_SECONDS = 1.0  # between two looks at who else is here

_claims: list[tuple[socket.socket, int]] = []  # of this process: one, or none
_seen: list[tuple[float, bool]] = []  # when we have looked last, and whether there was another worker


def claim() -> None:
    """Claim a processor for this process: the one that it is on, if nobody has it.

    Where all are taken already, there are more workers than processors, and this one's guests are not bound to any.
    """
    release()
    here = ctypes.CDLL(None).sched_getcpu()
    for processor in sorted(os.sched_getaffinity(0), key=lambda number: (number != here, number)):
        with contextlib.ExitStack() as undo, contextlib.suppress(OSError):
            name = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            name.bind(f"\0{_NAME}{processor}")
            undo.pop_all()
            _claims.append((name, processor))
            return


def release() -> None:
    """Give up this process's claim."""
    while _claims:
        _claims.pop()[0].close()
    _seen.clear()


def own() -> int | None:
    """Return the processor on which this process's guests are to stay; None where they may be on any."""
    return _claims[0][1] if _claims and _is_shared() else None


def _is_shared() -> bool:
    """Return whether another worker has a claim, as of a moment ago."""
    now = time.monotonic()
    if not _seen or now - _seen[0][0] > _LOOK_SECONDS:
        try:
            others = Path("/proc/net/unix").read_text(encoding="ascii", errors="replace").count(f"@{_NAME}") > 1
        except OSError:
            others = True
        _seen[:] = [(now, others)]
    return _seen[0][1]
