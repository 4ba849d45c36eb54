"""Finds out how well this machine isolates student code, by trying forbidden acts in a throw-away guest."""

import os
import platform
import socket
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from autograder import __version__
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import CellToRun, Session


@dataclass(frozen=True)
class Act:
    """One thing that a guest tried.

    Attributes
    ----------
    wall : str
        What is to stop it, or ``-`` where it must be possible.
    said : str
        What came of it, as far as the guest tells.
    """

    name: str
    wall: str
    said: str
    as_it_should: bool


# Each act is the body of a function that returns what it got; one that raises has been stopped. The last ones must
# work: a sandbox that forbids everything would pass otherwise.
_FORBIDDEN = (
    ("read a file of yours", "root", "return open({canary!r}).read()"),
    ("read a file in your home folder", "root", "return open({home!r}).read()"),
    ("write outside its own folder", "root", "open('/written', 'w')"),
    ("write into the interpreter", "root", "open(os.__file__, 'a')"),
    ("see the host's processes", "pid", "os.kill({pid}, 0)"),
    ("end the host", "pid", "os.kill({pid}, 15)"),
    ("see the host's environment", "environment", "return os.environ[{variable!r}]"),
    ("connect to a port of yours", "net", "socket.create_connection(('127.0.0.1', {port}), 2)"),
    ("mount something", "capabilities", "assert libc.mount(b'x', b'/tmp', b'tmpfs', 0, b'') == 0"),
    ("become root", "capabilities", "os.setuid(0)"),
    ("use a descriptor of ours", "descriptors", "return [os.fstat(n) for n in range({low}, 64)]"),
    ("write a huge file", "rlimits", "open('/tmp/big', 'wb').truncate(1 << 40)"),
    ("take all memory", "rlimits", "return len(bytearray(8 << 30))"),
    ("run a program", "root", "import subprocess; subprocess.run(['/bin/sh', '-c', 'true'], check=True)"),
)
_ALLOWED = (
    ("compute with numpy", "return float(np.ones((50, 50)).dot(np.ones((50, 50))).sum())"),
    ("write a temporary file", "import tempfile; f = tempfile.TemporaryFile(); f.write(b'x'); return 'written'"),
    ("read the clock, draw at random", "import time, random; return time.time() + random.random()"),
)


def attempts() -> list[Act]:
    """Try everything in a guest, and return what came of it.

    Raises
    ------
    IsolationError
        If there is no guest to be had.
    """
    variable = "AUTOGRADER_PROBE"
    os.environ[variable] = "canary"
    home = Path.home() if os.access(Path.home(), os.W_OK) else None
    with (
        tempfile.NamedTemporaryFile("w") as canary,
        tempfile.NamedTemporaryFile("w", dir=home) as at_home,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        facts = {
            "canary": canary.name,
            "home": at_home.name,
            "pid": os.getpid(),
            "variable": variable,
            "port": server.getsockname()[1],
            "low": 10,
        }
        acts = [(name, wall, body.format(**facts)) for name, wall, body in _FORBIDDEN]
        acts += [(name, "-", body) for name, body in _ALLOWED]
        source = ["import ctypes, os, socket", "libc = ctypes.CDLL(None)"]
        source += [f"def act{number}():\n    {body}" for number, (_, _, body) in enumerate(acts)]
        binds = tuple(f"act{number}" for number in range(len(acts)))
        cells = [CellToRun(0, "\n".join(source), binds)]
        found = []
        with Zygote({}, "import numpy as np") as zygote, Session(zygote, cells, Limits()) as session:
            for number, (name, wall, _) in enumerate(acts):
                answer = session.call(f"act{number}", ())
                done = answer.outcome is None
                said = "done" if done else (answer.fault.type if answer.fault else answer.reason)
                found.append(Act(name, wall, said, done == (wall == "-")))
    return found


def versions() -> list[str]:
    """Return lines that say what this is: kernel, interpreter, packages."""
    return [
        f"autograder {__version__}, Python {platform.python_version()}, numpy {np.__version__}",
        f"{platform.system()} {platform.release()} {platform.machine()}, uid {os.getuid()}, {sys.executable}",
    ]


def table(acts: Sequence[Act]) -> Table:
    """Return the attempts as a table for the terminal."""
    result = Table(title="What student code tried")
    for heading in ("act", "wall", "what came of it", ""):
        result.add_column(heading)
    for act in acts:
        result.add_row(act.name, act.wall, act.said, "as it should" if act.as_it_should else "NOT ISOLATED")
    return result
