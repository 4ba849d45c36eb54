"""Submissions are handed out, come back one by one, and a worker that dies takes no other submission with it."""

import os
import signal
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import pytest

from autograder import pools, run
from autograder.course import Course
from autograder.errors import BusyError, StartError
from autograder.intake import Submitted
from autograder.model import Provenance, Report, Status
from autograder.rendering import rendered
from autograder.sandbox.limits import Limits

SETTING = run.Setting(Course(Path()), b"", Limits())
NOBODY = Provenance("0.1.0", "", "", "", "namespaces", "3.11", "2.0")


def _report(job, status=Status.GRADED, reason=""):
    score = None if status is Status.GRADER_ERROR else 1.0
    return Report(job.assignment, job.student, status, score, 1.0, (), NOBODY, reason)


def _graded(job, log):
    """Grade as a worker does that some submissions are too much for; each beginning is written down."""
    with Path(log).open("a") as file:
        file.write(f"{job.student}\n")
    if job.student.startswith("killer"):
        os.kill(os.getpid(), signal.SIGKILL)
    if job.student == "unlucky" and Path(log).read_text().split().count("unlucky") == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if job.student.startswith("busy") and not job.alone:
        raise BusyError("too busy")
    if job.student == "busy-always":
        return rendered(_report(job, Status.GRADER_ERROR, "too busy"))
    tries = Path(log).read_text().split().count(job.student)
    if job.student == "startless" or (job.student == "startless-once" and tries == 1):
        raise StartError("no process is to be had")
    if job.student.startswith("s"):
        with Path(log).open("a") as file:
            file.write(f"{job.student}-done\n")
    return rendered(_report(job))


class _Workers(run.Workers):
    """Real processes that do not grade, but live and die like those that do."""

    def __init__(self, log):
        super().__init__(lambda: ProcessPoolExecutor(2), lambda _: self.most)
        self._log = str(log)
        self.most = 4

    def submit(self, _setting, job):
        return self._executor.submit(_graded, job, self._log)


@pytest.fixture
def workers(tmp_path):
    """Return two workers."""
    made = _Workers(tmp_path / "log")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _no_grader(monkeypatch):
    """Let a small grader answer where a coordinator asks for the report of what could not be graded."""

    class _Grader:
        def grader_error(self, student, reason, _sha256):
            return _report(run.Job(student, "rnn", b""), Status.GRADER_ERROR, reason)

    monkeypatch.setattr(run, "grader_of", lambda *_: _Grader())


def _submitted(tmp_path, names):
    for name in names:
        (tmp_path / f"{name}.ipynb").write_bytes(b"{}")
    return [Submitted(name, "rnn", tmp_path / f"{name}.ipynb", name) for name in names]


def _is_running(pid):
    """Return whether a process is there and has not closed its files: one that has is only waiting to be reaped."""
    try:
        return any(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _statuses(reports):
    return {submitted.student: report.status for submitted, report, _ in reports}


def test_one_whose_worker_always_dies_ruins_nobody_elses_report(tmp_path, workers):
    """Two dozen are in flight when a worker dies, and again when it dies a second time: all but the one are graded."""
    names = [f"s{number:02}" for number in range(24)]
    names.insert(12, "killer")
    workers.most = 25
    reports = list(run.grade_class(SETTING, _submitted(tmp_path, names), workers))
    assert len(reports) == 25
    assert _statuses(reports) == {name: Status.GRADER_ERROR if name == "killer" else Status.GRADED for name in names}
    (reason,) = [report.reason for _, report, _ in reports if report.reason]
    assert "worker that graded it died, each time" in reason


def test_a_worker_that_dies_once_costs_no_verdict(tmp_path, workers):
    """Killed from outside, short of memory for a moment: the submission is graded at the next try."""
    names = ["unlucky", *(f"s{number}" for number in range(6))]
    reports = list(run.grade_class(SETTING, _submitted(tmp_path, names), workers))
    assert set(_statuses(reports).values()) == {Status.GRADED}
    assert Counter(submitted.student for submitted, _, _ in reports) == Counter(names)


def test_two_killers_are_told_apart(tmp_path, workers):
    """Both are given up, nobody beside them, and each is tried alone before that."""
    names = ["killer1", "a", "b", "killer2", "c"]
    reports = list(run.grade_class(SETTING, _submitted(tmp_path, names), workers))
    statuses = _statuses(reports)
    assert {name for name, status in statuses.items() if status is Status.GRADER_ERROR} == {"killer1", "killer2"}
    assert len(statuses) == 5


def test_one_that_the_machine_kept_waiting_is_tried_again_alone(tmp_path, workers):
    """Nothing is begun before all others are done; what had too little time even then has no verdict, and says why."""
    names = ["busy-once", *(f"s{number}" for number in range(6)), "busy-always"]
    reports = list(run.grade_class(SETTING, _submitted(tmp_path, names), workers))
    assert _statuses(reports) == {
        name: Status.GRADER_ERROR if name == "busy-always" else Status.GRADED for name in names
    }
    assert [report.reason for _, report, _ in reports if report.reason] == ["too busy"]
    log = (tmp_path / "log").read_text().split()
    last = len(log) - 1 - log[::-1].index("busy-once")
    begun, done = Counter(log[:last]), Counter(name.removesuffix("-done") for name in log[:last] if "-done" in name)
    assert all(done[name] == begun[name] for name in names if name.startswith("s"))
    assert all(log.count(name) == 2 for name in ("busy-once", "busy-always"))


def test_one_without_a_sandbox_is_tried_again_and_costs_nobody_else(tmp_path, workers):
    """A worker that can start none hands it back; after some tries it has no verdict, and the class goes on."""
    names = ["startless", "startless-once", *(f"s{number}" for number in range(6))]
    reports = list(run.grade_class(SETTING, _submitted(tmp_path, names), workers))
    assert _statuses(reports) == {name: Status.GRADER_ERROR if name == "startless" else Status.GRADED for name in names}
    assert any("no process is to be had" in report.reason for _, report, _ in reports)
    assert 2 <= (tmp_path / "log").read_text().split().count("startless") <= 5


def test_what_holds_is_not_handed_out(tmp_path, workers):
    """Where an earlier report holds, no worker sees the submission, and the executor is left for the next class."""
    submissions = _submitted(tmp_path, ["a", "b", "c"])
    kept = {"b": _report(run.Job("b", "rnn", b""))}
    for _ in range(2):
        earlier = lambda submitted, job: kept.get(submitted.student, job)  # noqa: E731
        reports = list(run.grade_class(SETTING, submissions, workers, earlier=earlier))
        assert {(s.student, g is not None) for s, _, g in reports} == {("a", True), ("b", False), ("c", True)}
    assert sorted((tmp_path / "log").read_text().split()) == ["a", "a", "c", "c"]


def test_no_more_is_in_memory_than_was_handed_out(tmp_path):
    """Notebooks are read when there is room for them: what bounds the coordinator's memory."""
    waiting, most = set(), 0

    class _Slow(run.Workers):
        def submit(self, _setting, job):
            nonlocal most
            waiting.add(job.student)
            most = max(most, len(waiting))
            future = Future()
            future.set_result(rendered(_report(job)))
            return future

    workers = _Slow(pools.InProcess, lambda _: 5)
    for submitted, _, _ in run.grade_class(SETTING, _submitted(tmp_path, [f"s{n}" for n in range(30)]), workers):
        waiting.remove(submitted.student)
    assert most == 5
    assert not waiting


def test_workers_end_with_their_coordinator(tmp_path):
    """A coordinator that is killed leaves no worker behind."""
    read, write = os.pipe()
    coordinator = os.fork()
    if coordinator == 0:
        os.close(read)
        pool = pools.pool(2)
        pids = {pool.submit(os.getpid).result() for _ in range(20)}
        os.write(write, " ".join(map(str, pids)).encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.close(write)
    os.waitpid(coordinator, 0)
    with os.fdopen(read) as pipe:  # workers hold the other end: it closes when they end
        workers = [int(pid) for pid in pipe.read().split()]
    assert workers
    assert not any(_is_running(pid) for pid in workers)
