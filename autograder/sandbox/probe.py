"""Finds out how well student code is isolated, by trying forbidden acts in a throw-away guest.

Nothing is concluded from a kernel's version or a setting: an act is stopped or it is not.
"""

import os
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import GraderError
from autograder.model import Level
from autograder.sandbox.client import Zygote
from autograder.sandbox.isolation import GUARDED
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import CellToRun, Session

VARIABLE = "AUTOGRADER_PROBE"


@dataclass(frozen=True)
class Act:
    """One thing that a guest tried.

    Attributes
    ----------
    layer : str
        What is to stop it; ``-`` where it must be possible.
    needed : Level
        The lowest level at which it must come out right.
    said : str
        What came of it: ``done``, or the exception that stopped it.
    """

    name: str
    layer: str
    needed: Level
    said: str

    @property
    def right(self) -> bool:
        """Whether it came out as it should."""
        return (self.said == "done") == (self.layer == "-")


_F, _N = Level.FILTERED, Level.NAMESPACES

# Each act is the body of a function; one that raises has been stopped. Those of the layer ``-`` must work: a sandbox
# that forbids everything would pass otherwise. ``facts`` is what a guest cannot know by itself.
_ACTS = (
    ("compute with numpy", "-", _F, "assert np.ones((50, 50)).dot(np.ones((50, 50))).sum() == 125000"),
    ("write a temporary file", "-", _F, "f = tempfile.TemporaryFile(); f.write(b'x')"),
    ("read the clock, draw at random", "-", _F, "assert time.time() + random.random() > 0"),
    ("read a file of yours", "root, landlock", _F, "open(facts['canary']).read()"),
    ("read a file in your home folder", "root, landlock", _F, "open(facts['home']).read()"),
    ("list a folder of yours", "root, landlock", _F, "os.listdir(facts['folder'])"),
    ("read what Landlock alone guards", "landlock", _F, f"open({GUARDED!r}).read()"),
    ("read its own arguments", "landlock", _F, "open('/proc/self/cmdline').read()"),
    ("read the kernel's arguments", "root, landlock", _F, "open('/proc/cmdline').read()"),
    ("write outside its own folder", "root, landlock", _F, "open('/written', 'w')"),
    ("write into the interpreter", "root, landlock", _F, "open(os.__file__, 'a')"),
    ("write to a file of the kernel's", "landlock", _F, "open('/proc/self/comm', 'w').write('x')"),
    ("change a file's times", "root, seccomp", _F, "os.utime(os.__file__)"),
    ("see your environment", "environment", _F, "os.environ[facts['variable']]"),
    ("use a descriptor of ours", "descriptors", _F, "assert any(map(is_open, range(4, 64)))"),
    ("connect to a port of yours", "net, seccomp", _F, "socket.create_connection(('127.0.0.1', facts['port']), 2)"),
    ("open any socket", "seccomp", _F, "socket.socket(socket.AF_UNIX)"),
    ("run a program", "seccomp", _F, "import subprocess; subprocess.run(['/bin/sh', '-c', 'true'], check=True)"),
    ("fork", "seccomp", _F, "os.fork() or os._exit(0)"),
    ("make memory that no limit counts", "seccomp", _F, "os.memfd_create('x')"),
    ("signal you", "pid, seccomp", _F, "os.kill(facts['pid'], 0)"),
    ("enter new namespaces", "seccomp", _F, "made(libc.unshare(0x10000000))"),
    ("mount something", "capabilities, seccomp", _F, "made(libc.mount(b'x', b'/tmp', b'tmpfs', 0, b''))"),
    ("trace a process", "seccomp", _F, "made(libc.ptrace(0, 0, 0, 0))"),
    ("lock a file that others may lock", "seccomp", _F, "fcntl.flock(os.open(os.__file__, 0), fcntl.LOCK_SH)"),
    ("become root", "capabilities, seccomp", _F, "os.setuid(0)"),
    ("write a huge file", "rlimits", _F, "open('huge', 'wb').truncate(1 << 40)"),
    ("take all memory", "rlimits", _F, "bytearray(8 << 30)"),
    ("take a user's memory for pipes", "seccomp", _F, "fcntl.fcntl(os.pipe()[1], 1031, 1 << 20)"),
    ("see that there are other folders", "root", _N, "os.stat('/var')"),
    ("learn who started it", "pid", _N, "assert os.getppid()"),
    ("fill the disk", "root", _N, "[open(f'{n}', 'wb').write(bytes(1 << 22)) for n in range(24)]"),
    ("start more threads than its share", "rlimits, seccomp", _F, "many_threads(200)"),  # the last: they stay
)
_THREAD = ("start a thread", "-", _N, "t = threading.Thread(target=int); t.start(); t.join()")  # where it may
_GROUPED = ("start more threads than its group's share", "cgroup", Level.FULL, "many_threads(200)")

_SOURCE = """
import ctypes, fcntl, os, random, socket, tempfile, threading, time

import numpy as np

libc = ctypes.CDLL(None)

def made(result):
    assert result == 0

def is_open(descriptor):
    try:
        return bool(os.fstat(descriptor))
    except OSError:
        return False

def many_threads(most):
    # not Python's, which would run out of memory first
    attributes, thread = ctypes.create_string_buffer(64), ctypes.c_ulong()
    libc.pthread_attr_init(attributes)
    libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(16384))
    pause = ctypes.cast(libc.pause, ctypes.c_void_p)
    for _ in range(most):
        made(libc.pthread_create(ctypes.byref(thread), attributes, pause, None))

def attempts(facts):
    said = []
    for act in ACTS:
        try:
            act(facts)
        except BaseException as error:
            said.append(type(error).__name__)
        else:
            said.append("done")
    return said

ACTS = []
"""


def attempts(zygote: Zygote) -> list[Act]:
    """Try everything in a guest, and return what came of it.

    Raises
    ------
    GraderError, IsolationError
        If there is no guest to be had, or it does not come to an end.
    """
    zygote.wait_until_ready()
    tried = _attempts(zygote, [_THREAD, *_ACTS] if zygote.threads else _ACTS, Limits())
    if zygote.grouped:  # the rlimit, which would come first, is out of the way here
        tried += _attempts(zygote, [_GROUPED], Limits(threads=1000))
    return tried


def _attempts(zygote: Zygote, acts: Sequence[tuple[str, str, Level, str]], limits: Limits) -> list[Act]:
    """Try some acts in one guest."""
    lines = [f"def act(facts):\n    {body}\nACTS.append(act)" for _, _, _, body in acts]
    cells = [CellToRun(0, _SOURCE + "\n".join(lines), ("attempts",))]
    os.environ[VARIABLE] = "canary"
    home = Path.home() if os.access(Path.home(), os.W_OK) else None
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.NamedTemporaryFile("w") as canary,
        tempfile.NamedTemporaryFile("w", dir=home, prefix=".autograder-probe-") as at_home,
        socket.create_server(("127.0.0.1", 0)) as server,
        Session(zygote, cells, limits) as session,
    ):
        facts = {
            "canary": canary.name,
            "home": at_home.name,
            "folder": folder,
            "pid": os.getpid(),
            "variable": VARIABLE,
            "port": server.getsockname()[1],
        }
        answer = session.call("attempts", (facts,))
    said = answer.value
    if not isinstance(said, list) or len(said) != len(acts):
        raise GraderError(f"The sandbox could not be tried: {answer.reason or said}")
    return [Act(name, layer, needed, str(what)) for (name, layer, needed, _), what in zip(acts, said, strict=True)]


def level(acts: Sequence[Act]) -> Level:
    """Return the level that these attempts show: the highest of those tried at which everything came out right."""
    tried = {act.needed for act in acts}
    for candidate in sorted(tried, reverse=True):
        if all(act.right for act in acts if act.needed <= candidate):
            return candidate
    return Level.NONE
