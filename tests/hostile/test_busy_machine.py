"""A busy machine is nobody's fault, and no excuse: a guest that was kept waiting gets its time, others get no more."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from autograder import demo, variants
from autograder.course import Course
from autograder.errors import BusyError
from autograder.grade import Grader
from autograder.model import Outcome
from autograder.sandbox import processors
from autograder.sandbox.client import Zygote
from autograder.sandbox.launch import Launched
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import Answer, CellToRun, Session

KEY = b"a secret for tests of a busy machine"
COMPUTING = """
import time

def f(seconds):
    begun, started = time.process_time(), time.monotonic()
    while time.process_time() - begun < seconds:
        pass
    return [time.process_time() - begun, time.monotonic() - started]
"""
STARVED_AND_CUT = "# UNQ_C1\ndef rnn_cell_forward(xt, a_prev, parameters):\n    while True:\n        pass\n"

pytestmark = pytest.mark.xdist_group("busy machine")  # two of them at a time would share no processor with their own


@contextlib.contextmanager
def one_processor(others: int) -> Iterator[None]:
    """Stay on one processor, sandboxes included, beside so many processes that compute on it without end.

    Each of them is a session of its own, as programs of other users are.
    """
    before = os.sched_getaffinity(0)
    processor = max(before)
    os.sched_setaffinity(0, {processor})
    spinning = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True) for _ in range(others)
    ]
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
        for process in spinning:
            process.send_signal(signal.SIGKILL)
            process.wait()


def called(source: str, argument: object, limits: Limits) -> tuple[Answer, Session]:
    """Call `f` of a cell in a guest; return what came of it, and the session."""
    with Zygote({}, "", Launched()) as zygote, Session(zygote, [CellToRun(0, source, ("f",))], limits) as session:
        return session.call("f", (argument,)), session


def test_a_guest_that_is_kept_waiting_gets_its_time() -> None:
    """Beside three others it takes far longer than its limit for what fits into it, and is let do it."""
    limits = Limits(cell_seconds=10, call_seconds=1, submission_seconds=60)
    with one_processor(others=3):
        answer, session = called(COMPUTING, 0.7, limits)
    assert answer.outcome is None, answer
    used, took = answer.value
    assert used < 1
    assert took > limits.call_seconds, "the processor was not busy at all"
    assert not session.starved


@pytest.mark.parametrize(
    "body",
    [
        "time.sleep(60)",
        "while True: pass",
        "while True: threading.Thread(target=sum, args=(range(20_000),)).start()",
        "threading.Event().wait()",
        "[threading.Thread(target=sum, args=(range(10 ** 12),)).start() for _ in range(8)]",
    ],
    ids=["sleeper", "spinner", "threads without a pause", "waiting for itself", "threads that wait for each other"],
)
@pytest.mark.parametrize("others", [0, 2])
def test_one_that_does_not_end_is_timed_out(body: str, others: int) -> None:
    """Whether it sleeps, computes or keeps itself waiting, and whoever else is there: it is its own fault."""
    source = f"import threading, time\ndef f(_):\n    {body}\n    time.sleep(60)"
    limits = Limits(cell_seconds=10, call_seconds=0.5, submission_seconds=60)
    with one_processor(others):
        answer, session = called(source, 0, limits)
    assert answer.outcome is Outcome.TIMED_OUT
    assert answer.reason == "0.5 s in f"
    assert not session.starved


def test_a_submission_whose_time_runs_out_while_it_waits_is_ours_to_repeat(
    course: Course, solutions: demo.Solutions
) -> None:
    """It is never told as the student's: the grader says that the machine was too busy."""
    limits = Limits(cell_seconds=20, call_seconds=20, submission_seconds=4)
    with one_processor(others=3), Grader(course, demo.ASSIGNMENT, KEY, limits) as grader:
        with pytest.raises(BusyError, match="too busy"):
            grader.grade(variants.write(solutions.solved(UNQ_C1=STARVED_AND_CUT)), "somebody")
        grader.limits = Limits()
        report = grader.grade(variants.write(solutions.solved()), "somebody")
    assert report.score == 100


def test_a_guest_with_threads_leaves_its_neighbour_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty threads that would be everywhere stay on their worker's processor, and another worker's guest has its own.

    Its share of a processor is compared with what it has alone, whatever else this machine does.
    """
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("NOT TRIED: this machine has one processor")
    source = """
import os, threading

def spin():
    while True:
        pass

def f(_):
    try:
        os.sched_setaffinity(0, range(os.cpu_count()))
    except OSError:
        pass
    for _ in range(30):
        threading.Thread(target=spin).start()
    return sorted(os.sched_getaffinity(0))
"""
    limits = Limits(cell_seconds=20, call_seconds=20, submission_seconds=60)
    here, there = sorted(os.sched_getaffinity(0))[:2]
    shares = []
    for beside in (False, True):
        with contextlib.ExitStack() as stack:
            if beside:
                monkeypatch.setattr(processors, "own", lambda: there)
                zygote = stack.enter_context(Zygote({}, "", Launched()))
                hostile = stack.enter_context(Session(zygote, [CellToRun(0, source, ("f",))], limits))
                assert hostile.call("f", (0,)).value == [there]
            monkeypatch.setattr(processors, "own", lambda: here)
            used, took = called(COMPUTING, 0.5, limits)[0].value
            shares.append(used / took)
    alone, beside_threads = shares
    assert beside_threads > alone / 4  # on a machine that does nothing else both are nearly one
