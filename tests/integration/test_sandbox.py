"""What a guest can reach, what stops it, and that what stopped it is named.

Every attack is a student's cell, run in a real guest of a real zygote. What it found out comes back as the value that
its function returns, so each test looks at what the student would have.
"""
# ruff: noqa: E501  attacks are a table: one a line

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder import demo, variants
from autograder.course import Course
from autograder.grade import Grader
from autograder.loading import written
from autograder.model import Outcome
from autograder.sandbox import client, launch
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import Answer, CellToRun, HelperRefusedError, Session

LIMITS = Limits(cell_seconds=15.0, call_seconds=15.0, submission_seconds=40.0, memory=256 << 20)
TIGHT = Limits(cell_seconds=1.0, call_seconds=1.0, submission_seconds=15.0, memory=256 << 20)


@pytest.fixture(scope="module")
def zygote(course: Course) -> Iterator[Zygote]:
    """Return a zygote with the course's own modules, as for a real submission."""
    notebook, modules = written(course, "rnn_step_by_step")
    with Zygote(modules, notebook.imports) as zygote:
        yield zygote


def run(zygote: Zygote, source: str, *arguments: Any, limits: Limits = LIMITS) -> Answer:
    """Return what a student's ``f`` returns."""
    cells = [CellToRun(0, textwrap.dedent(source), ("f",))]
    with Session(zygote, cells, limits) as session:
        return session.call("f", arguments)


def body(zygote: Zygote, lines: str, *arguments: Any, limits: Limits = LIMITS) -> Answer:
    """Return what a function with this body returns."""
    source = "import os, sys, ctypes, socket, gc\ndef f(*args):\n" + textwrap.indent(textwrap.dedent(lines), "    ")
    return run(zygote, source, *arguments, limits=limits)


# ------------------------------------------------------------------------------------------------ ordinary work


def test_memory_that_was_never_written_is_noise_on_every_run(zygote: Zygote) -> None:
    """`np.empty` never holds zeros by chance: an accumulator that starts from it is wrong for every student."""
    for _ in range(3):
        value = body(zygote, "import numpy as np\na = np.zeros((3, 1)); del a\nreturn np.empty((3, 1))").value
        assert np.isnan(value).all()
    assert body(zygote, "import numpy as np\nreturn np.empty_like(np.zeros(2, int)) > 0").value.all()
    assert body(zygote, "import numpy as np\na = np.empty((2, 2)); a[:] = 3\nreturn a").value.tolist() == [
        [3, 3],
        [3, 3],
    ]


@pytest.mark.parametrize("namespaces", [True, False])
def test_the_courses_modules_are_those_of_the_course(namespaces: bool) -> None:  # noqa: FBT001
    """A package that no installation on this machine has is imported, with namespaces and without."""
    modules = {"rnn_utils/__init__.py": b"", "rnn_utils/only_here.py": b"WORD = 'here'\n"}
    launched = launch.Launched(namespaces=namespaces)
    with Zygote(modules, "from rnn_utils.only_here import WORD", launched) as zygote:
        assert run(zygote, "def f():\n    return WORD").value == "here"


def test_a_function_gets_arrays_and_gives_arrays(zygote: Zygote) -> None:
    """Inputs arrive whole and writable, values come back whole."""
    x = np.arange(6.0).reshape(2, 3)
    answer = body(zygote, "x, p = args; x += 1; return x, p['W'].T, (x.sum(), 3, 'text', None)", x, {"W": x})
    doubled, turned, rest = answer.value
    assert np.array_equal(doubled, x + 1)
    assert np.array_equal(turned, (x + 1).T), "the same array twice in one call is the same array there"
    assert rest == (21.0, 3, "text", None)


def test_inputs_changed_in_one_call_are_not_seen_by_the_next(zygote: Zygote) -> None:
    """Each call has its own copies, and the host's are untouched."""
    x = np.zeros(3)
    with Session(zygote, [CellToRun(0, "def f(x):\n    x += 1\n    return x", ("f",))], LIMITS) as session:
        for _ in range(3):
            assert np.array_equal(session.call("f", (x,)).value, np.ones(3))
    assert np.array_equal(x, np.zeros(3))


@pytest.mark.parametrize(
    "lines",
    [
        "import tempfile; f = tempfile.TemporaryFile(); f.write(b'x'); return f.tell()",
        "open('mine.txt', 'w').write('x'); return len(open('mine.txt').read())",
        "import logging, warnings; warnings.warn('w'); logging.error('e'); return 1",
        "import random, time; return int(random.random() < 1 and time.time() > 0)",
        "import threading; t = threading.Thread(target=len, args=('',)); t.start(); t.join(); return 1",
        "rng = np.random.default_rng(0); return int(rng.random() < 1)",
        "np.linalg.svd(np.random.randn(100, 100)); return 1",
        "from rnn_utils import softmax; return int(softmax(np.zeros((1, 1)))[0, 0])",
        "import json, re, math, itertools, collections; return 1",
    ],
)
def test_ordinary_work_works(zygote: Zygote, lines: str) -> None:
    """A sandbox that forbade everything would be of no use."""
    answer = body(zygote, lines)
    assert (answer.value, answer.fault) == (1, None)


def test_a_figure_can_be_drawn_to_memory(zygote: Zygote) -> None:
    """Matplotlib works, and %matplotlib inline does no harm."""
    source = """
    %matplotlib inline
    import io
    import matplotlib.pyplot as plt
    def f():
        plt.plot([1, 2])
        plt.savefig(picture := io.BytesIO())
        return picture.getvalue()[:4] == b"\\x89PNG"
    """
    answer = run(zygote, source, limits=Limits(cell_seconds=30, call_seconds=30, submission_seconds=60))
    assert answer.value is True, answer


def test_notebook_habits_are_tolerated(zygote: Zygote) -> None:
    """Magics, shell lines, display and a last expression are what notebooks are made of."""
    source = """
    %cd /content
    !pip install numpy
    files = !ls
    %load_ext autoreload
    %time 1 + 1
    display(np.zeros(2))
    def f():
        return len(files)
    "last"
    """
    assert run(zygote, source).value == 0


# ------------------------------------------------------------------------------------------------ what is not there

CANARY = "a canary that no guest may see"


@pytest.mark.parametrize(
    "lines",
    [
        "return open(args[0]).read()",
        "return open('/proc/1/root' + args[0]).read()",
        "os.link(args[0], 'x'); return open('x').read()",
        "os.symlink(args[0], 'y'); return open('y').read()",
        "return os.listdir(os.path.dirname(args[0]))",
        "return os.environ['AUTOGRADER_CANARY']",
        "return open('/proc/' + str(args[2]) + '/environ').read()",
        "os.kill(args[2], 0); return 'seen'",
        "return len([p for p in os.listdir('/proc') if p.isdigit()]) > 2 or 1 / 0",
        "return socket.create_connection(('127.0.0.1', args[1]), 1).recv(10)",
        "s = socket.socket(socket.AF_UNIX); s.connect('\\0' + args[3]); return s.recv(10)",
        "open('/usr/lib/x', 'w')",
        "open(os.__file__, 'a')",
        "open('/course/rnn_utils/__init__.py', 'a')",
        "os.mkdir('/x')",
        "os.chmod('/', 0o777)",
        "return ctypes.CDLL(None, use_errno=True).mount(b'x', b'/tmp', b'tmpfs', 0, b'') == 0 or 1 / 0",
        "return ctypes.CDLL(None, use_errno=True).umount2(b'/proc', 2) == 0 or 1 / 0",
        "return ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0 or 1 / 0",
        "os.setuid(0)",
        "open('/proc/1/mem', 'rb')",
        "os.write(os.open('/proc/self/uid_map', os.O_WRONLY), b'0 0 1')",
        "import autograder.reference",
        "import autograder.assignments.rnn_step_by_step",
        "import subprocess; return subprocess.check_output(['/bin/ls'])",
        "open('/dev/sda')",
        "open('/dev/mem')",
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))",
        "open('big', 'wb').truncate(1 << 40)",
        "[os.open('/dev/null', 0) for _ in range(1000)]",
    ],
)
def test_what_a_guest_tries_it_does_not_get(zygote: Zygote, tmp_path: Path, lines: str) -> None:
    """Files, environment, processes, network, mounts, rights: each attempt ends in an exception of its own."""
    canary = tmp_path / "canary"
    canary.write_text(CANARY)
    name = f"autograder-test-{os.getpid()}"
    os.environ["AUTOGRADER_CANARY"] = CANARY
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{name}")
        abstract.listen()
        answer = body(zygote, lines, str(canary), server.getsockname()[1], os.getpid(), name)
    assert answer.outcome is Outcome.RAISED, answer
    assert CANARY not in repr(answer)
    assert canary.read_text() == CANARY


def test_a_guest_has_no_descriptor_but_its_channel(zygote: Zygote) -> None:
    """Beside 0, 1 and 2 there is one socket, and nothing of the host's or the zygote's."""
    answer = body(
        zygote,
        """
        found = {}
        for n in range(1024):
            try:
                found[str(n)] = os.readlink(f"/proc/self/fd/{n}").split(":")[0]
            except OSError:
                pass
        return found
        """,
    )
    kinds = list(answer.value.values())
    assert kinds[:3] == ["/dev/null", "pipe", "pipe"]
    assert kinds[3:] == ["socket"]


def test_nothing_of_the_grader_is_in_the_guests_memory(zygote: Zygote) -> None:
    """The modules loaded there are the wire and the guest; hidden tests and reference are not among them."""
    answer = body(zygote, "return sorted(m for m in sys.modules if m.startswith('autograder'))")
    assert answer.value == [
        "autograder",
        "autograder.sandbox",
        "autograder.sandbox.confinement",
        "autograder.sandbox.guest",
        "autograder.sandbox.isolation",
        "autograder.sandbox.landlock",
        "autograder.sandbox.seccomp",
        "autograder.sandbox.syscalls",
        "autograder.sandbox.warden",
        "autograder.sandbox.wire",
        "autograder.sandbox.zygote",
    ]


def test_the_file_system_holds_no_notebook_and_no_hidden_test(zygote: Zygote, course: Course) -> None:
    """Walk everything that can be read: no source notebook, no gradebook, no secret, no file of the package."""
    answer = body(
        zygote,
        """
        found = []
        for folder, _, files in os.walk("/"):
            if folder.startswith("/proc") or "/nbgrader/tests" in folder:  # nbgrader itself ships a gradebook
                continue
            for name in files:
                if name in ("gradebook.db", "secret", "rnn_step_by_step.ipynb") or "/autograder/" in folder + "/":
                    found.append(folder + "/" + name)
        return found
        """,
        limits=Limits(call_seconds=60, submission_seconds=80),
    )
    assert answer.value == []
    assert (course.root / "source").is_dir()


def test_guests_leave_nothing_for_the_next(zygote: Zygote) -> None:
    """Files, changed modules and shared memory of one guest are not there in another."""
    traces = """
    open("/tmp/trace", "w").write("x")
    np.pi = 3
    import rnn_utils; rnn_utils.softmax = None
    return 1
    """
    assert body(zygote, traces).value == 1
    look = "import rnn_utils; return os.path.exists('/tmp/trace'), bool(np.pi == 3), rnn_utils.softmax is None"
    assert body(zygote, look).value == (False, False, False)


# ------------------------------------------------------------------------------------------------ limits


@pytest.mark.parametrize(
    ("lines", "outcome", "reason"),
    [
        ("while True: pass", Outcome.TIMED_OUT, "1 s in f"),
        ("import time; time.sleep(60)", Outcome.TIMED_OUT, "1 s in f"),
        ("import re; re.match(r'(a+)+$', 'a' * 60 + 'b')", Outcome.TIMED_OUT, "1 s in f"),
        ("while True:\n    try:\n        while True: pass\n    except BaseException: pass", Outcome.TIMED_OUT, "1 s in f"),
        ("import signal; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]\nwhile True: pass", Outcome.TIMED_OUT, "1 s in f"),
        ("return bytearray(1 << 33)", Outcome.KILLED, "memory 256 MiB"),
        ("x = []\nwhile True: x.append(bytearray(1 << 20))", Outcome.KILLED, "memory 256 MiB"),
        ("os._exit(0)", Outcome.KILLED, "the notebook ended its own Python process"),
        ("os.kill(os.getpid(), 9)", Outcome.KILLED, "the notebook's process was killed"),
        ("ctypes.string_at(0)", Outcome.KILLED, "SIGSEGV"),
        ("os.close(int([n for n in os.listdir('/proc/self/fd') if int(n) > 2][0]))", Outcome.KILLED, "ended"),
        ("raise SystemExit(0)", Outcome.RAISED, "SystemExit"),
        ("raise KeyboardInterrupt", Outcome.RAISED, "KeyboardInterrupt"),
        ("def g(): return g()\nreturn g()", Outcome.RAISED, "RecursionError"),
        ("x = open('/tmp/full', 'wb')\nwhile True: x.write(bytes(1 << 20))", Outcome.RAISED, "OSError"),
    ],
)  # fmt: skip
def test_the_limit_that_was_hit_is_named(zygote: Zygote, lines: str, outcome: Outcome, reason: str) -> None:
    """Time, memory, disk, exits and crashes each have their own verdict."""
    answer = body(zygote, lines, limits=TIGHT if outcome is Outcome.TIMED_OUT else LIMITS)
    assert answer.outcome is outcome, answer
    assert reason in answer.reason


def test_output_is_capped_and_does_not_block(zygote: Zygote) -> None:
    """A flood of output neither fills the host's memory nor stops the function."""
    source = "def f():\n    for _ in range(50): print('x' * (1 << 20))\n    return 1"
    with Session(zygote, [CellToRun(0, source, ("f",))], Limits(output=1 << 16, call_seconds=20)) as session:
        assert session.call("f", ()).value == 1
        session.run_cells()
        assert session.output_truncated


def test_a_value_too_large_for_the_wire_is_named(zygote: Zygote) -> None:
    """A terabyte view costs nobody a terabyte."""
    answer = body(zygote, "return np.broadcast_to(np.zeros(1), (1 << 20, 1 << 20))")
    assert "Opaque" in type(answer.value).__name__


def test_a_cell_that_kills_its_guest_is_skipped_and_the_rest_goes_on(zygote: Zygote) -> None:
    """The cells after it are run by the next guest, and its functions can be called."""
    cells = [
        CellToRun(0, "import os"),
        CellToRun(1, "os._exit(3)"),
        CellToRun(2, "while True: pass"),
        CellToRun(3, "1 / 0"),
        CellToRun(4, "def f(): return 'here'", ("f",)),
    ]
    with Session(zygote, cells, TIGHT) as session:
        assert session.call("f", ()).value == "here"
        assert {index: death.outcome for index, death in session.deaths.items()} == {
            1: Outcome.KILLED,
            2: Outcome.TIMED_OUT,
        }
        assert session.deaths[2].reason == "1 s in cell 3"
        assert [fault.type for fault in session.faults[3]] == ["ZeroDivisionError"]


def test_guests_are_replaced_a_bounded_number_of_times(zygote: Zygote) -> None:
    """A notebook whose every cell kills its guest does not get a guest for each."""
    cells = [CellToRun(n, "import os; os._exit(1)", (f"f{n}",)) for n in range(20)]
    with Session(zygote, cells, LIMITS) as session:
        assert session.call("f0", ()).outcome is Outcome.SKIPPED
        assert len(session.deaths) == LIMITS.guests


def test_the_last_guest_runs_only_what_is_needed(zygote: Zygote) -> None:
    """Any number of cells that end their guests leave the graded functions one, and what these need."""
    deadly = [CellToRun(n, "import os; os._exit(1)") for n in range(1, 21)]
    cells = [CellToRun(0, "one = 1"), *deadly, CellToRun(21, "def f(): return one", ("f",))]
    with Session(zygote, cells, LIMITS, lambda _: {0, 21}) as session:
        assert session.call("f", ()).value == 1
        assert len(session.deaths) == LIMITS.guests - 1
        assert session.spared == {*range(1, 21)} - session.deaths.keys()


def test_cells_of_ones_own_that_end_every_guest_cost_no_points(grader: Grader, solutions: demo.Solutions) -> None:
    """However many there are: the graded functions and what they need are run in the last guest without the others."""
    notebook = solutions.solved()
    for number in range(2 * grader.limits.guests):
        notebook = variants.with_cell(notebook, f"import os\nif {number} >= 0:\n    os._exit(1)", before="UNQ_C1")
    report = grader.grade(variants.write(notebook), "somebody")
    assert report.score == report.max_score
    stopped = [note for note in report.notes if "was stopped" in note]
    assert len(stopped) == grader.limits.guests - 1
    assert "cells that no graded function needs did not run again" in report.notes[-1]


def test_guests_that_were_asked_for_anew_are_not_counted(zygote: Zygote) -> None:
    """Only guests that died are numbered: second attempts at exercises are not lost to a notebook's slow cells."""
    cells = [CellToRun(0, "import os; os._exit(1)"), CellToRun(1, "def f(): return 1", ("f",))]
    with Session(zygote, cells, LIMITS) as session:
        for _ in range(3 * LIMITS.guests):
            assert session.run_cells()
        assert session.call("f", ()).value == 1


def test_the_whole_submission_has_a_limit_of_its_own(zygote: Zygote) -> None:
    """Many cells that are each within their limit still end."""
    limits = Limits(cell_seconds=5, call_seconds=5, submission_seconds=1.5)
    cells = [CellToRun(n, "import time; time.sleep(0.4)") for n in range(50)]
    started = time.monotonic()
    with Session(zygote, cells, limits) as session:
        session.run_cells()
        assert session.call("f", ()).outcome is Outcome.SKIPPED
        reasons = {death.reason for death in session.deaths.values()}
    assert reasons == {"1.5 s for the whole notebook"}
    assert time.monotonic() - started < 10


# ------------------------------------------------------------------------------------------------ the channel

FIND_CHANNEL = "n = [int(n) for n in os.listdir('/proc/self/fd') if int(n) > 2][0]"


@pytest.mark.parametrize(
    "lines",
    [
        "os.write(n, b'\\xff' * 64)",
        "os.write(n, b'\\0\\0\\0\\x02\\0\\0\\0\\0[]')",
        "os.write(n, b'\\0\\0\\0\\x0f\\0\\0\\0\\0' + b'{\"n\":99999999} ')",
        "os.write(n, b'\\0\\x80\\0\\0\\0\\0\\0\\0')\nimport time; time.sleep(30)",
        "import pickle; os.write(n, pickle.dumps(print))",
    ],
)
def test_a_forged_frame_ends_the_guest_and_nothing_else(zygote: Zygote, lines: str) -> None:
    """Raw bytes, wrong numbers, lengths without content and pickles are an end, not a verdict."""
    answer = body(zygote, f"{FIND_CHANNEL}\n{lines}\nreturn 1", limits=TIGHT)
    assert answer.outcome in {Outcome.KILLED, Outcome.TIMED_OUT}
    assert body(zygote, "return 1").value == 1


def test_a_second_reply_is_not_taken_for_the_next_call(zygote: Zygote) -> None:
    """A guest that answers twice is ended at the next call: a late reply never answers another question."""
    source = f"""
    import os
    from autograder.sandbox import wire
    {FIND_CHANNEL}
    def f(x):
        for ahead in range(5):
            os.write(n, wire.pack({{"n": x + ahead}}, value="forged"))
        return "own"
    """
    with Session(zygote, [CellToRun(0, textwrap.dedent(source), ("f",))], LIMITS) as session:
        first = session.call("f", (2,))
        second = session.call("f", (3,))
    assert first.value == "forged", "a guest may answer as it likes: it is its own answer"
    assert second.outcome is not None or second.value == "forged"


def test_printing_is_not_answering(zygote: Zygote) -> None:
    """What a student prints goes to the pipes, however much it looks like a frame."""
    answer = body(zygote, "os.write(1, b'\\0\\0\\0\\x02\\0\\0\\0\\0{}'); print('\\0\\0'); return 2")
    assert answer.value == 2


def test_the_hosts_helper_answers_and_refuses(zygote: Zygote) -> None:
    """A call of the helper goes to the host; what the host cannot take comes back as an exception."""

    def double(x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            raise HelperRefusedError("no array")
        return 2 * x

    source = """
    def helper(x): return "the student's own"
    def f(x):
        try:
            helper("text")
        except ValueError as error:
            return helper(x), str(error)
    """
    with Session(zygote, [CellToRun(0, textwrap.dedent(source), ("f",))], LIMITS) as session:
        value, message = session.call("f", (np.ones(2),), "helper", double).value
        assert np.array_equal(value, [2.0, 2.0])
        assert message == "no array"
        assert session.call("f", (np.ones(2),)).value is None, "only during that call"


# ------------------------------------------------------------------------------------------------ nothing survives


def children_of(pid: int) -> set[int]:
    """Return the process ids below a process."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found |= {int(child)} | children_of(int(child))
    return found


def test_no_process_outlives_its_guest(zygote: Zygote) -> None:
    """Forked children, daemons and whoever ignores signals end with the guest."""
    before = children_of(os.getpid())
    lines = """
    import signal
    for n in range(20):
        if os.fork() == 0:
            os.setsid()
            signal.signal(15, signal.SIG_IGN)
            while True:
                pass
    return 1
    """
    body(zygote, lines, limits=TIGHT)
    until = time.monotonic() + 10
    while time.monotonic() < until and len(alive(children_of(os.getpid()))) > len(alive(before)):
        time.sleep(0.05)
    assert len(alive(children_of(os.getpid()))) <= len(alive(before))


def alive(pids: set[int]) -> set[int]:
    """Return those that are no zombies."""
    result = set()
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                result.add(pid)
        except OSError:
            continue
    return result


def test_everything_ends_when_the_host_is_killed(course: Course) -> None:
    """A host ended by SIGKILL leaves neither zygote nor guest behind."""
    script = """
import sys, time
from autograder.sandbox import client
from autograder.sandbox.client import Zygote
from autograder.sandbox.limits import Limits
zygote = Zygote({}, "")
guest = zygote.guest(Limits())
print("ready", flush=True)
time.sleep(60)
"""
    host = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=course.root)
    assert host.stdout is not None
    assert host.stdout.readline() == b"ready\n"
    below = children_of(host.pid)
    assert len(below) >= 5, "launcher, warden, zygote, init and guest"
    host.send_signal(signal.SIGKILL)
    host.wait()
    host.stdout.close()
    until = time.monotonic() + 10
    while time.monotonic() < until and alive(below):
        time.sleep(0.05)
    assert not alive(below)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("def f():\n    1 / 0", 2),
        ("\n\n  \ndef f():\n    1 / 0", 5),
        ("\n\n%time 1\ndef f():\n    1 / 0", 5),
        ("from __future__ import annotations\n\ndef f():\n    x = 1\n    return x / 0", 5),
        ("print('a')\ndef g():\n    return 1 / 0\ndef f():\n    return g()", 3),
    ],
)
def test_an_exception_is_placed_on_the_students_own_line(zygote: Zygote, source: str, line: int) -> None:
    """Line numbers count as the student's editor does, with magics and blank lines before them or not."""
    answer = run(zygote, source)
    assert answer.fault is not None
    assert (answer.fault.type, answer.fault.cell, answer.fault.line) == ("ZeroDivisionError", 0, line)


def test_a_cell_sees_the_future_of_the_cells_before_it(zygote: Zygote) -> None:
    """A ``from __future__`` line holds for later cells, as it does in a notebook."""
    cells = [
        CellToRun(0, "from __future__ import annotations"),
        CellToRun(1, "def f(x: not_defined = 1): return x", ("f",)),
    ]
    with Session(zygote, cells, LIMITS) as session:
        assert session.call("f", ()).value == 1


def test_an_interpreter_below_tmp_is_there_and_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone below /tmp keeps its libraries although a guest has a /tmp of its own; what lies beside them is unseen."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "library.py").write_text("x = 1\n")
    (tmp_path / "secret.txt").write_text(CANARY)
    known = launch.runtime_paths()
    monkeypatch.setattr(launch, "runtime_paths", lambda: [*known, str(tmp_path / "lib")])
    lines = f"""
    sys.path.append({str(tmp_path / "lib")!r})
    import library
    refused = 0
    for attempt in ("open({str(tmp_path / "lib" / "new")!r}, 'w')", "open({str(tmp_path / "lib" / "library.py")!r}, 'a')",
                    "open({str(tmp_path / "secret.txt")!r})"):
        try:
            eval(attempt)
        except OSError:
            refused += 1
    return library.x, refused
    """
    with client.Zygote({}, "") as zygote:
        assert body(zygote, lines).value == (1, 3)
    assert (tmp_path / "lib" / "library.py").read_text() == "x = 1\n"
