"""Nobody stops a class: honest students beside the cases of the family `denial` get what they get without them.

A short share is graded always. All of it, on every road, by each number of workers, as each user and within each limit,
combined so that every pair is tried, is graded by ``make denial``.
"""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from autograder import demo
from autograder.course import Course
from autograder.errors import BusyError
from autograder.grade import Grader
from autograder.model import Status
from autograder.sandbox.limits import Limits

from . import denial_cases, denial_class, pairs, restricted
from .denial_cases import Case
from .denial_class import Terms
from .denial_roads import ROADS

CASES = denial_cases.all_cases()
VALUES = {
    "workers": (1, 2, 4),
    "user": restricted.USERS,
    "limit": restricted.LIMITS,
    "road": ROADS,
    "kind": denial_cases.KINDS,
}
_AT_A_TIME = {"files": 6, "depth": 4, "endings": 5}  # cases of a kind in one class; of the others, which take time:
_FEW = 3
_STARTS = 10.0  # seconds for the starts of one submission's guests, on a machine that is busy with something else


def impossible(row: pairs.Row) -> str:
    """Return the reason for which there is no such class; empty where there is one."""
    if (row["user"], row["limit"]) == ("root", "nproc"):
        return "the kernel does not count the processes of root"
    if row["road"] == "nbgrader" and row["workers"] != 1:
        return "nbgrader autograde grades one submission after the other"
    return ""


ROWS = pairs.covering(VALUES, impossible)


def _classes() -> Iterator[tuple[Terms, list[Case]]]:
    """Yield the class of each row: the rows of a kind take turns with its cases."""
    turns = {
        kind: max(
            _AT_A_TIME.get(kind, _FEW),
            -(-len(denial_cases.of_kind(kind)) // sum(row["kind"] == kind for row in ROWS)),
        )
        for kind in denial_cases.KINDS
    }
    begun = dict.fromkeys(denial_cases.KINDS, 0)
    for row in ROWS:
        kind = str(row["kind"])
        cases = denial_cases.of_kind(kind)
        chosen = [cases[(begun[kind] + n) % len(cases)] for n in range(min(turns[kind], len(cases)))]
        begun[kind] += len(chosen)
        yield Terms(str(row["road"]), int(str(row["workers"])), str(row["user"]), str(row["limit"])), chosen


CLASSES = list(_classes())


def held(terms: Terms, cases: list[Case]) -> None:
    """Grade a class, and complain of everything that is not as it should be."""
    why = restricted.missing(terms.user, terms.limit)
    if why:
        pytest.skip(f"NOT TRIED: {why}")
    if terms.road == "dask":
        pytest.importorskip(
            "distributed", reason="distributed is not installed (make setup-ci): NOT TRIED on a cluster"
        )
    members = denial_class.honest() | {case.student: case.content(denial_class.solutions()) for case in cases}
    wrong = denial_class.wrong(denial_class.grade(members, terms), cases, terms)
    assert not wrong, f"{terms}, {[case.name for case in cases]}:\n" + "\n".join(wrong)


def test_the_family_is_as_broad_as_promised() -> None:
    """Each kind has several members, and each says what it tries."""
    assert len(CASES) >= 90
    for kind in denial_cases.KINDS:
        assert len(denial_cases.of_kind(kind)) >= 7
    assert all(case.tries.endswith(".") for case in CASES)


@pytest.mark.parametrize("user", [Terms().user, "ordinary"])
def test_a_class_with_quick_cases(user: str) -> None:
    """A share of the cases that take no time, on two workers; as an ordinary user with few processes to be had."""
    quick = [case for case in CASES if case.quick]
    share = quick[::4] if user == Terms().user else quick[2::4]
    held(Terms("pool", 2, user, "none" if user == Terms().user else "nproc"), share)


@pytest.mark.denial
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("terms", "cases"),
    CLASSES,
    ids=[f"{t.road}-{t.workers}-{t.user}-{t.limit}-{cases[0].kind.replace(' ', '_')}" for t, cases in CLASSES],
)
def test_a_class(terms: Terms, cases: list[Case]) -> None:
    """One row of the combinations: the honest students' reports are what they are without the cases."""
    held(terms, cases)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=() if case.name == "killed_in_every_call" else pytest.mark.denial)
        for case in denial_cases.of_kind("budget")
    ],
)
def test_a_submission_has_one_budget(case: Case, course: Course, solutions: demo.Solutions) -> None:
    """However often it dies, sleeps or is tried again: no more than its time, and what starting its guests takes."""
    limits = Limits(cell_seconds=2, call_seconds=2, submission_seconds=5)
    with Grader(course, demo.ASSIGNMENT, b"a secret for tests of one budget", limits) as grader:
        grader.wait_until_ready()
        begun = time.monotonic()
        with contextlib.suppress(BusyError):  # other programs kept it waiting: that is told, and costs no more time
            assert grader.grade(case.content(solutions), case.student).status is Status.GRADED
        took = time.monotonic() - begun
    assert took < limits.submission_seconds + _STARTS


_COUNT = """
import os, threading
started = 0
try:
    for _ in range(500):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        started += 1
except RuntimeError:
    pass
print(started, flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("limit", ["nproc", "pids"])
def test_a_limit_of_tasks_is_one(limit: str) -> None:
    """A command gets no more tasks than it may have: what the classes are held to is there."""
    why = restricted.missing("ordinary", limit)
    if why:
        pytest.skip(f"NOT TRIED: {why}")
    with contextlib.ExitStack() as stack:
        wanted: dict[str, object] = {"user": "ordinary", "uid": restricted.uid(), "groups": []}
        if limit == "nproc":
            wanted["nproc"] = 40
        else:
            wanted["groups"] = [str(stack.enter_context(restricted.group("pids", 40)))]
        command = [sys.executable, restricted.__file__, json.dumps(wanted), sys.executable, "-c", _COUNT]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert 30 <= int(done.stdout) < 100, done.stderr  # of 500; an ordinary user may have tasks elsewhere
