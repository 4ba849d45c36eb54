"""The sandbox tested by removal: each layer stops something by itself, and without it that is no longer stopped.

Many attacks meet several walls. To see one of them at work, those in front of it are taken away as well: with it in
place the case still holds, and without it the case fails.
"""

import ctypes
import os
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autograder import demo
from autograder.course import Course
from autograder.errors import GraderError, IsolationError
from autograder.grade import Grader
from autograder.model import Level
from autograder.sandbox import probe
from autograder.sandbox.client import Zygote
from autograder.sandbox.launch import Launched
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import Answer, CellToRun, Session

from . import corpus
from .test_corpus import KEY, Surroundings, declared

CASES = {case.id: case for case in corpus.all_cases()}
SECOND = ("seccomp", "landlock")  # the walls in front of the namespaces


KERNEL = ("subset", "ids")  # in front of what the kernel shows of itself


READING = "forgery/reading_the_source_notebook"


@dataclass(frozen=True)
class Removal:
    """A layer, the walls in front of it, and the case that tells."""

    layer: str
    front: tuple[str, ...]
    case: str


REMOVALS = (
    Removal("seccomp", (), "host/fork"),
    Removal("seccomp", (), "host/memfd"),
    Removal("seccomp", (), "host/locks"),
    Removal("landlock", ("proc", *KERNEL), "host/kernel_settings"),
    Removal("proc", ("landlock", *KERNEL), "host/kernel_settings"),
    Removal("rlimits", (), "host/file_sparse"),
    Removal("capabilities", (), "host/become_root"),
    Removal("descriptors", (), "host/every_descriptor"),
    Removal("environment", (), "host/environments"),
    Removal("root", ("landlock",), "host/exec_in_place"),
    Removal("root", ("landlock",), READING),
    Removal("landlock", ("root",), READING),
    Removal("net", SECOND, "host/network"),
    Removal("net", SECOND, "host/abstract_socket"),
)


def holds(course: Course, solutions: demo.Solutions, around: Surroundings, name: str, without: Collection[str]) -> bool:
    """Return whether a case gets its declared outcome in a sandbox without some layers."""
    case = CASES[name]
    with Grader(course, demo.ASSIGNMENT, KEY, corpus.limits_of(case), Launched(without=without)) as grader:
        grader._ready = True  # such a sandbox is below every floor, and would grade nothing
        report = grader.grade(corpus.content(case, solutions, around.facts), case.student)
    try:
        declared(case, report)
        around.check()
    except (AssertionError, pytest.fail.Exception):
        return False
    return True


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Surroundings]:
    """Return surroundings of its own for each test: some of these attacks get through."""
    made = Surroundings(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda r: f"{r.layer}-{r.case.partition('/')[2]}")
def test_each_layer_stops_something(
    removal: Removal, course: Course, solutions: demo.Solutions, around: Surroundings
) -> None:
    """The case holds with the layer, and fails without it."""
    if removal.case == READING and Path("/tmp") in course.root.parents:  # noqa: S108
        pytest.skip(
            "this course is below /tmp, which a guest's own covers: its source is hidden even without the layer"
        )
    assert holds(course, solutions, around, removal.case, removal.front)
    assert not holds(course, solutions, around, removal.case, (*removal.front, removal.layer))


def ask(body: str, without: Collection[str], *, namespaces: bool = True, **facts: Any) -> Answer:
    """Run the body of a function in a guest of a sandbox without some layers."""
    source = f"import ctypes, os\ndef f(facts):\n    {body}"
    with (
        Zygote({}, "", Launched(namespaces=namespaces, without=without)) as zygote,
        Session(zygote, [CellToRun(0, source, ("f",))], Limits()) as session,
    ):
        return session.call("f", (facts,))


def test_the_pid_namespace_hides_processes() -> None:
    """In it a guest sees two processes; without it those of the whole machine."""
    look = "return sorted(int(name) for name in os.listdir('/proc') if name.isdigit())"
    assert ask(look, SECOND).value == [1, 2]
    assert os.getpid() in ask(look, (*SECOND, "pid")).value


def test_init_cannot_be_looked_into() -> None:
    """Init's memory has come from outside: its being undumpable keeps a guest with as many rights out of it."""
    look = "return os.open('/proc/1/mem', os.O_RDONLY) > 0"
    assert ask(look, (*SECOND, "capabilities")).reason == "PermissionError"
    assert ask(look, (*SECOND, "capabilities", "dumpable")).value is True


def test_the_ipc_namespace_hides_shared_memory() -> None:
    """A segment of the machine's does not show in a guest; without the namespace it does."""
    libc = ctypes.CDLL(None, use_errno=True)
    segment = libc.shmget(0, 4096, 0o600 | 0o1000)
    if segment < 0:
        pytest.skip("this machine has no shared memory of System V's kind")
    look = "return len(open('/proc/sysvipc/shm').readlines())"
    front = (*SECOND, "subset")
    try:
        assert ask(look, front).value == 1, "only the heading"
        assert ask(look, (*front, "ipc")).value > 1
    finally:
        libc.shmctl(segment, 0, None)


def test_proc_shows_processes_alone() -> None:
    """The machine's sockets, and so those of other guests, are not counted there; with all of it mounted they are."""
    look = "return len(open('/proc/net/unix').readlines())"
    assert ask(look, SECOND).reason == "FileNotFoundError"
    assert ask(look, (*SECOND, "subset")).value > 1


def test_landlock_closes_the_files_of_proc() -> None:
    """A guest's own arguments and mounts are not for it to read; and there is no path of a course in the arguments."""
    look = "return open('/proc/self/cmdline').read()"
    assert ask(look, ()).reason == "PermissionError"
    arguments = ask(look, ("landlock",)).value
    assert str(Path(demo.__file__).parents[2]) not in arguments.replace(sys.executable, "")
    assert "json" in arguments


@pytest.mark.skipif(os.getuid() != 0, reason="an ordinary user's guests are that user, who is not root")
def test_guests_of_root_are_not_root_outside_either() -> None:
    """What the kernel shows root alone stays shut."""
    look = "return os.open('/proc/kpageflags', os.O_RDONLY) > 0"
    front = (*SECOND, "proc", "subset")
    assert ask(look, front).reason == "PermissionError"
    assert ask(look, (*front, "ids")).value is True


THREADS = """
    attributes, thread = ctypes.create_string_buffer(64), ctypes.c_ulong()
    libc = ctypes.CDLL(None)
    libc.pthread_attr_init(attributes)
    libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(16384))
    pause = ctypes.cast(libc.pause, ctypes.c_void_p)
    return sum(libc.pthread_create(ctypes.byref(thread), attributes, pause, None) == 0 for _ in range(500))
"""


def test_threads_are_counted() -> None:
    """Of 500 threads with small stacks a guest gets its share; without rlimits all of them."""
    assert ask(THREADS, ()).value == Limits().threads
    assert ask(THREADS, ("rlimits",)).value == 500


def test_where_threads_are_not_counted_there_are_none(course: Course) -> None:
    """Root's threads are counted by nothing, nor are those of a guest without namespaces."""
    assert ask(THREADS, (), namespaces=False).value == 0
    if os.getuid() == 0:
        assert ask(THREADS, ("ids",)).value == 0


def test_standard_input_is_each_guests_own() -> None:
    """Flags that one guest sets on it are not there for the next."""
    source = """
import fcntl, os

def f():
    before = fcntl.fcntl(0, fcntl.F_GETFL)
    fcntl.fcntl(0, fcntl.F_SETFL, os.O_APPEND)
    return before
"""
    with Zygote({}, "", Launched()) as zygote:
        seen = []
        for _ in range(2):
            with Session(zygote, [CellToRun(0, source, ("f",))], Limits()) as session:
                seen.append(session.call("f", ()).value)
    assert seen[0] == seen[1]


def test_no_pipe_is_made_larger() -> None:
    """A user has a common stock of memory for pipes."""
    grow = "import fcntl; return fcntl.fcntl(os.pipe()[1], 1031, 1 << 20)"
    assert ask(grow, ()).reason == "PermissionError"
    assert ask(grow, ("seccomp",)).value == 1 << 20


def test_the_uts_namespace_hides_the_machines_name() -> None:
    """A guest's machine is called guest."""
    assert ask("return os.uname().nodename", ()).value == "guest"
    assert ask("return os.uname().nodename", ("uts",)).value == os.uname().nodename


@pytest.mark.parametrize("layer", ["root", "environment", "descriptors", "landlock"])
def test_a_weakened_sandbox_is_seen_through_and_refused(layer: str, course: Course, solutions: demo.Solutions) -> None:
    """A grader finds out by trying that a layer is missing, and grades nothing."""
    os.environ[probe.VARIABLE] = "canary"
    with (
        Grader(course, demo.ASSIGNMENT, KEY, launched=Launched(without=(layer,))) as grader,
        pytest.raises((IsolationError, GraderError)),
    ):
        grader.grade(demo.variants.write(solutions.solved()), "somebody")


def test_without_namespaces_the_level_is_filtered_and_the_grade_the_same(
    course: Course, solutions: demo.Solutions
) -> None:
    """Landlock and seccomp alone: accepted where the floor says so, refused where it does not."""
    content = demo.variants.write(solutions.mistaken(UNQ_C1="sigmoid-for-tanh"))
    with Grader(course, demo.ASSIGNMENT, KEY) as grader:
        full = grader.grade(content, "somebody")
    with Grader(course, demo.ASSIGNMENT, KEY, launched=Launched(namespaces=False), floor=Level.FILTERED) as grader:
        filtered = grader.grade(content, "somebody")
    assert filtered.provenance.isolation == "filtered"
    assert (filtered.score, filtered.exercises) == (full.score, full.exercises)
    with (
        Grader(course, demo.ASSIGNMENT, KEY, launched=Launched(namespaces=False)) as grader,
        pytest.raises(IsolationError, match="filtered"),
    ):
        grader.grade(content, "somebody")
