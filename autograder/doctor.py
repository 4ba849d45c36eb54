"""What `autograder doctor` says: the isolation level of this machine, act by act, and how to get a higher one."""

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from rich.table import Table

from autograder import __version__
from autograder.errors import AutograderError
from autograder.model import Level
from autograder.sandbox import landlock, probe
from autograder.sandbox.client import Zygote
from autograder.sandbox.launch import Launched

# ruff: noqa: E501  the table is one platform a line
_HELP = (
    ("Debian, Ubuntu before 23.10", "nothing to do; if `sysctl kernel.unprivileged_userns_clone` says 0, set it to 1"),
    ("Ubuntu 23.10 and later", "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile that allows `userns` to this interpreter"),
    ("GitHub Actions, ubuntu-24.04", "run that same sysctl in a step of its own before grading; the runner is thrown away"),
    ("GitLab CI", "a shell or docker runner that allows user namespaces; see Docker"),
    ("Docker, Podman", "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined (the default profile allows Landlock but no namespaces, and over a /proc with parts covered no fresh one can be mounted); or --min-isolation filtered in a container that is thrown away"),
    ("Kubernetes", "securityContext: seccompProfile: Unconfined, procMount: Unmasked, hostUsers: false; or --min-isolation filtered"),
    ("Windows", "WSL2, with a kernel from 6.6 on that has Landlock in its lsm= list"),
    ("macOS", "a Linux virtual machine: Lima, Colima, Multipass"),
    ("any of these, for `full`", "systemd-run --user --scope -p Delegate=yes autograder grade ..."),
)  # fmt: skip


@dataclass(frozen=True)
class Examined:
    """What was found out about one way of isolating.

    Attributes
    ----------
    acts : tuple of Act
        Empty where it could not even be started.
    problem : str
        Why not.
    """

    way: str
    level: Level
    acts: tuple[probe.Act, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """Everything that was found out."""

    ways: tuple[Examined, ...] = field(default=())

    @property
    def level(self) -> Level:
        """The highest level that was shown to hold."""
        return max((way.level for way in self.ways), default=Level.NONE)


def examine() -> Diagnosis:
    """Try the ways of isolating, from the strongest on, until one holds."""
    found = []
    for way, namespaces in (("with namespaces", True), ("without namespaces", False)):
        found.append(_examine(way, namespaces=namespaces))
        if found[-1].level > Level.NONE:
            break
    return Diagnosis(tuple(found))


def _examine(way: str, *, namespaces: bool) -> Examined:
    try:
        with Zygote({}, "", Launched(namespaces=namespaces)) as zygote:
            acts = probe.attempts(zygote)
    except AutograderError as error:
        return Examined(way, Level.NONE, problem=str(error))
    return Examined(way, probe.level(acts), tuple(acts))


def versions() -> list[str]:
    """Return lines that say what this is: kernel, interpreter, packages."""
    return [
        f"autograder {__version__}, Python {platform.python_version()}, numpy {np.__version__}",
        f"{platform.system()} {platform.release()} {platform.machine()}, uid {os.getuid()}, {sys.executable}",
        f"Landlock ABI {landlock.abi() or 'none'}",
    ]


def table(examined: Examined) -> Table:
    """Return what was tried as a table for the terminal."""
    result = Table(title=f"What student code tried, {examined.way}")
    for heading in ("act", "layer", "what came of it", ""):
        result.add_column(heading)
    for act in examined.acts:
        verdict = "as it should" if act.right else f"NOT ISOLATED, so below {act.needed.word}"
        if act.layer == "-" and not act.right:
            verdict = "MUST BE POSSIBLE"
        result.add_row(act.name, act.layer, "done" if act.said == "done" else f"stopped: {act.said}", verdict)
    return result


def advice() -> Table:
    """Return what to install or switch on, by platform."""
    result = Table(title="How to get a higher level")
    for heading in ("where", "what to do"):
        result.add_column(heading)
    for where, what in _HELP:
        result.add_row(where, what)
    return result


def missing(examined: Sequence[Examined], floor: Level) -> list[str]:
    """Return sentences on what keeps this machine below a level."""
    lines = []
    for way in examined:
        if way.problem:
            lines.append(f"{way.way.capitalize()}: {way.problem}")
        else:
            acts = [act.name for act in way.acts if not act.right and act.needed <= floor]
            if acts:
                lines.append(f"{way.way.capitalize()}, student code could: {', '.join(acts)}.")
    return lines
