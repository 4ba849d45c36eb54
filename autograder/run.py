"""Grades many submissions over any ``concurrent.futures`` executor; what is done is not done again; one writer.

Workers are ours and trusted; each keeps one zygote for each assignment it meets. They are handed bytes and return
reports. Only the coordinator, which runs this module's `grade_class`, touches the results folder.
"""

import gc
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder import intake, loading, notebook
from autograder.course import Course
from autograder.errors import GraderError, IsolationError, SubmissionError, UsageError
from autograder.grade import Grader
from autograder.intake import Submitted
from autograder.model import Level, Provenance, Report, Status
from autograder.sandbox.launch import Launched
from autograder.sandbox.limits import Limits

_GARBAGE = 50_000  # objects between two collections: what a submission is made of holds hardly any cycles
TRIES = 2  # of one submission, when a worker dies under it


@dataclass(frozen=True)
class Setting:
    """What a worker needs to know; sent to each once."""

    course: Course
    key: bytes = field(repr=False)
    limits: Limits
    floor: Level = Level.NAMESPACES


@dataclass(frozen=True)
class Job:
    """One submission as a worker gets it: its bytes, or why they could not be read."""

    student: str
    assignment: str
    content: bytes | None = field(repr=False)
    problem: str = ""
    name: str = ""
    received: tuple[str, ...] = ()
    platform: str = ""

    def about(self, report: Report) -> Report:
        """Return a report with what is known of how the submission came."""
        return replace(report, name=self.name, received=self.received, platform=self.platform)


class WorkerDiedError(Exception):
    """A worker died under a submission, each time that it was tried; the executor is as good as before."""


class InProcess(Executor):
    """An executor that does the work at once, here: for a single notebook, which no pool would make faster."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do it, and return a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  the future hands it to whoever asks
            future.set_exception(error)
        return future


_graders: dict[tuple[Setting, str], Grader] = {}  # of this process; a zygote lives as long as its worker


def grade_one(setting: Setting, job: Job) -> Report:
    """Grade one submission in this process; the function that a worker runs.

    Raises
    ------
    IsolationError, UsageError
        If nothing can be graded here at all.
    """
    return job.about(_graded(setting, job))


def _graded(setting: Setting, job: Job) -> Report:
    grader = grader_of(setting, job.assignment)
    if job.content is None:
        return grader.rejected(job.student, job.problem)
    try:
        return grader.grade(job.content, job.student)
    except (IsolationError, UsageError):
        raise
    except Exception as error:  # noqa: BLE001  ours, whatever it is: no score, and the class goes on
        close_graders()  # the next submission gets a fresh zygote
        reason = str(error) if isinstance(error, GraderError) else f"{type(error).__name__}: {error}"
        return grader_of(setting, job.assignment).grader_error(job.student, reason, notebook.digest(job.content))


def grader_of(setting: Setting, assignment: str, launched: Launched | None = None) -> Grader:
    """Return this process's grader of an assignment; made at the first call."""
    key = (setting, assignment)
    if key not in _graders:
        _graders[key] = Grader(setting.course, assignment, setting.key, setting.limits, launched, setting.floor)
        gc.collect()
        gc.freeze()  # what is loaded now stays: the collector need not walk through it for every submission
        gc.set_threshold(_GARBAGE)
    return _graders[key]


def close_graders() -> None:
    """End every zygote of this process."""
    while _graders:
        _, grader = _graders.popitem()
        grader.close()


def prepare(setting: Setting, assignments: Iterable[str], launched: Launched | None = None) -> dict[str, Provenance]:
    """Load assignments and start their zygotes in this process, before there is a pool.

    Workers that are forked afterwards find them here: nothing is loaded twice, and one zygote serves all of them.

    Parameters
    ----------
    launched : Launched, optional
        A sandbox's first process, for the first assignment.

    Returns
    -------
    dict of str to Provenance
        What every report of an assignment will record, but for the submission's digest.

    Raises
    ------
    UsageError
        If an assignment cannot be graded as it stands.
    """
    result = {}
    for assignment in assignments:
        result[assignment] = grader_of(setting, assignment, launched).provenance
        launched = None
    return result


def examine(setting: Setting, assignments: Iterable[str]) -> dict[str, Provenance]:
    """Load assignments as `prepare` does, but start nothing: for a coordinator whose workers are elsewhere.

    Raises
    ------
    UsageError
        If an assignment cannot be graded as it stands.
    """
    result = {}
    for assignment in assignments:
        written = loading.written(setting.course, assignment)
        loading.load(setting.course, assignment)
        result[assignment] = loading.provenance_of(setting.course, assignment, setting.key, *written)
    return result


def wait_until_ready() -> None:
    """Wait for the zygotes of this process.

    Raises
    ------
    IsolationError
        If this machine refuses a wall.
    """
    for grader in _graders.values():
        grader.wait_until_ready()


def pool(workers: int) -> Executor:
    """Return the default executor: processes of our own, or this one for a single worker.

    A worker is forked as long as this process has one thread, and so has loaded nothing twice; once there are more
    (a fork would inherit their locks), it is started afresh.
    """
    if workers == 1:
        return InProcess()
    method = "fork" if threading.active_count() == 1 else "spawn"
    executor = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context(method))
    for _ in range(workers):  # now, while there is little to copy
        executor.submit(os.getpid)
    return executor


def default_workers() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def job_for(submitted: Submitted) -> Job:
    """Read a submission's bytes."""
    try:
        content, problem = intake.read(submitted), ""
    except SubmissionError as error:
        content, problem = None, str(error)
    s = submitted
    return Job(s.student, s.assignment, content, problem, s.name, s.received, s.platform)


def is_current(earlier: Report | None, now: Provenance, job: Job, floor: Level) -> bool:
    """Return whether an earlier report is what grading the same bytes now would give, and well enough isolated."""
    if earlier is None or job.content is None or earlier.status is Status.GRADER_ERROR:
        return False
    was = earlier.provenance
    return (
        (was.grader, was.assignment_digest, was.seed_key) == (now.grader, now.assignment_digest, now.seed_key)
        and (Level.from_word(was.isolation) or Level.NONE) >= floor
        and was.submission_sha256 == notebook.digest(job.content)
        and earlier.student == job.student
        and job.about(earlier) == earlier
    )


def grade_class(
    setting: Setting,
    submissions: Iterable[Submitted],
    executor: Executor,
    make_pool: Callable[[], Executor],
    *,
    in_flight: Callable[[], int],
    earlier: Callable[[Submitted, Job], Report | None] = lambda _submitted, _job: None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Submitted, Report, bool]]:
    """Grade a class, yielding each report as it comes.

    Parameters
    ----------
    executor : Executor
        Does the work; shut down at the end.
    make_pool : callable
        Makes another executor where a worker died and took the first one with it; one that outlives its workers
        raises `WorkerDiedError` instead, for a submission that it has tried often enough.
    in_flight : callable
        Gives how many submissions are read and handed out at a time: what bounds the coordinator's memory.
    earlier : callable
        Gives the report of an earlier run where it still holds.
    meanwhile : callable
        Called whenever submissions have been handed out, before their reports are waited for.

    Yields
    ------
    (Submitted, Report, bool)
        The last says whether it was graded now.

    Raises
    ------
    IsolationError, UsageError
        From a worker that cannot grade at all.
    """
    waiting = iter(submissions)
    again: list[tuple[Submitted, Job]] = []
    tries: dict[str, int] = {}
    running: dict[Future[Report], tuple[Submitted, Job]] = {}
    try:
        while True:
            while len(running) < in_flight():
                if again:
                    if running:  # a suspect runs alone, so that no other is taken for it
                        break
                    submitted, job = again.pop()
                elif (submitted := next(waiting, None)) is not None:  # type: ignore[assignment]
                    job = job_for(submitted)
                    kept = earlier(submitted, job)
                    if kept is not None:
                        yield submitted, kept, False
                        continue
                else:
                    break
                try:
                    alone = submitted.folder in tries
                    running[executor.submit(grade_one, setting, job)] = (submitted, job)
                except BrokenProcessPool:
                    again.append((submitted, job))
                    break
                if alone:
                    break
            if not running and not again:
                return
            meanwhile()
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            broken = not running
            for future in done:
                submitted, job = running.pop(future)
                try:
                    report = _result(setting, job, future)
                except BrokenProcessPool:
                    broken = True
                    again.append((submitted, job))
                    continue
                yield submitted, report, True
            if broken:
                again += running.values()
                running.clear()
                executor.shutdown(cancel_futures=True)
                executor = make_pool()
                yield from _given_up(setting, again, tries)
    finally:
        executor.shutdown(cancel_futures=True)


def _given_up(
    setting: Setting, again: list[tuple[Submitted, Job]], tries: dict[str, int]
) -> Iterator[tuple[Submitted, Report, bool]]:
    """Count the tries of what a dead worker left behind, and take out what has had enough of them.

    Nobody can tell which of the submissions in flight it was; each is tried again, alone, and only one whose worker
    dies every time is given up.
    """
    for item in list(again):
        submitted, job = item
        tries[submitted.folder] = tries.get(submitted.folder, 0) + 1
        if tries[submitted.folder] >= TRIES:
            again.remove(item)
            yield submitted, _worker_died(setting, job), True


def _result(setting: Setting, job: Job, future: Future[Report]) -> Report:
    """Return the report of a job that is done, or the one that says that no worker survived it."""
    try:
        return future.result()
    except WorkerDiedError:
        return _worker_died(setting, job)


def _worker_died(setting: Setting, job: Job) -> Report:
    reason = "The worker that graded it died, each time. Look at the machine's memory, and at the log."
    sha256 = notebook.digest(job.content or b"")
    report = grader_of(setting, job.assignment).grader_error(job.student, reason, sha256)
    return job.about(report)


def results_folder(course: Course, out: Path | None) -> Path:
    """Return where results go: the folder asked for, or the course's ``results/``."""
    return out if out is not None else course.root / "results"
