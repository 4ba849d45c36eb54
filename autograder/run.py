"""Grades many submissions over any ``concurrent.futures`` executor; what is done is not done again; one writer.

Workers are ours and trusted; each keeps one zygote for each assignment it meets. They are handed bytes and return
reports. Only the coordinator, which runs this module's `grade_class`, touches the results folder.
"""

import gc
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder import intake, loading, notebook
from autograder.course import Course
from autograder.errors import GraderError, IsolationError, SandboxError, SubmissionError, UsageError
from autograder.grade import Grader
from autograder.intake import Submitted
from autograder.model import ExerciseResult, Level, Provenance, Report, Status
from autograder.sandbox import isolation
from autograder.sandbox.launch import Launched
from autograder.sandbox.limits import Limits

_SANDBOXES = 2  # that one submission is given: the first one may have been ended from outside
_GARBAGE = 50_000  # objects between two collections: what a submission is made of holds hardly any cycles
TRIES = 3  # of one submission, when a worker dies under it: the first time it may have been another's fault, or ours


@dataclass(frozen=True)
class Setting:
    """What a worker needs to know; sent to each once."""

    course: Course
    key: bytes = field(repr=False)
    limits: Limits
    floor: Level = Level.NAMESPACES


@dataclass(frozen=True)
class Job:
    """One submission as a worker gets it: its bytes, or why they could not be read.

    Attributes
    ----------
    standing : tuple of ExerciseResult
        What of an earlier report still holds, and is not marked again.
    """

    student: str
    assignment: str
    content: bytes | None = field(repr=False)
    problem: str = ""
    name: str = ""
    received: tuple[str, ...] = ()
    platform: str = ""
    standing: tuple[ExerciseResult, ...] = field(default=(), repr=False)

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
    if job.content is None:
        return grader_of(setting, job.assignment).rejected(job.student, job.problem)
    reason = ""
    for _ in range(_SANDBOXES):
        try:
            return grader_of(setting, job.assignment).grade(job.content, job.student, job.standing)
        except (IsolationError, UsageError):
            raise
        except SandboxError as error:
            close_graders()  # the next try, or the next submission, gets a fresh zygote
            reason = str(error)
        except Exception as error:  # noqa: BLE001  ours, whatever it is: no score, and the class goes on
            close_graders()
            reason = str(error) if isinstance(error, GraderError) else f"{type(error).__name__}: {error}"
            break
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
    for name in assignments:
        notebook, modules = loading.written(setting.course, name)
        assignment, _ = loading.load(setting.course, name)
        result[name] = loading.provenance_of(setting.course, setting.key, assignment, notebook, modules)
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
    executor = ProcessPoolExecutor(workers, multiprocessing.get_context(method), _begin_work, (os.getpid(),))
    for _ in range(workers):  # now, while there is little to copy
        executor.submit(os.getpid)
    return executor


def _begin_work(coordinator: int) -> None:
    """Make a process a worker: it ends with its coordinator, and Ctrl-C is for the coordinator alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    isolation.die_with_parent()
    if os.getppid() != coordinator:  # it was killed before that could be asked for
        os._exit(1)


class Workers:
    """Those who grade: an executor, and another one in its place where a dead worker has taken it along."""

    def __init__(self, make: Callable[[], Executor], in_flight: Callable[[Any], int]) -> None:
        """Make the first executor.

        Parameters
        ----------
        make : callable
            Makes one; one that outlives its workers raises `WorkerDiedError` for a submission that it has tried often
            enough.
        in_flight : callable
            From the executor to how many submissions are to be read and handed out at a time: what bounds the
            coordinator's memory.
        """
        self._make, self._in_flight = make, in_flight
        self._executor = make()

    @property
    def in_flight(self) -> int:
        """How many submissions are to be handed out at a time, as it is now."""
        return self._in_flight(self._executor)

    def submit(self, setting: Setting, job: Job) -> Future[Report]:
        """Hand out a submission.

        Raises
        ------
        BrokenProcessPool
            If a worker has died meanwhile.
        """
        return self._executor.submit(grade_one, setting, job)

    def renew(self) -> None:
        """Replace an executor that is broken."""
        self._executor.shutdown(cancel_futures=True)
        self._executor = self._make()

    def close(self) -> None:
        """Wait for what is being graded, and end."""
        self._executor.shutdown(cancel_futures=True)


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


def is_current(earlier: Report, now: Provenance, job: Job, setting: Setting) -> bool:
    """Return whether an earlier report is what grading the same bytes now would give, and well enough isolated."""
    return (
        _is_comparable(earlier, now, job, setting)
        and earlier.provenance.exercise_digests == now.exercise_digests
        and earlier.student == job.student
        and job.about(earlier) == earlier
    )


def still_standing(earlier: Report, now: Provenance, job: Job, setting: Setting) -> tuple[ExerciseResult, ...]:
    """Return the results of an earlier report whose exercises are what they were: a change has not touched them."""
    if earlier.status is not Status.GRADED or not _is_comparable(earlier, now, job, setting):
        return ()
    was, digests = dict(earlier.provenance.exercise_digests), dict(now.exercise_digests)
    return tuple(result for result in earlier.exercises if was.get(result.id) == digests.get(result.id, ""))


def _is_comparable(earlier: Report, now: Provenance, job: Job, setting: Setting) -> bool:
    """Return whether an earlier report is of the same bytes, inputs, grader and limits, and well enough isolated."""
    was = earlier.provenance
    return (
        job.content is not None
        and earlier.status is not Status.GRADER_ERROR
        and (was.grader, was.seed_key, was.limits) == (now.grader, now.seed_key, setting.limits.text)
        and (Level.from_word(was.isolation) or Level.NONE) >= setting.floor
        and was.submission_sha256 == notebook.digest(job.content)
    )


def grade_class(
    setting: Setting,
    submissions: Iterable[Submitted],
    workers: Workers,
    *,
    earlier: Callable[[Submitted, Job], Report | Job] = lambda _submitted, job: job,
    meanwhile: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Submitted, Report, bool]]:
    """Grade a class, yielding each report as it comes.

    Parameters
    ----------
    workers : Workers
        Do the work, and are there still when it is done.
    earlier : callable
        Gives the report of an earlier run where it still holds, else the job as it is to be done.
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
    suspects: list[tuple[Submitted, Job]] = []  # under which a worker may have died
    deaths: Counter[str] = Counter()
    running: dict[Future[Report], tuple[Submitted, Job]] = {}
    while True:
        while len(running) < workers.in_flight:
            if suspects:
                if running:  # a suspect runs alone, so that no other is taken for it
                    break
                submitted, job = suspects.pop()
            elif (submitted := next(waiting, None)) is not None:  # type: ignore[assignment]
                known = earlier(submitted, job_for(submitted))
                if isinstance(known, Report):
                    yield submitted, known, False
                    continue
                job = known
            else:
                break
            try:
                running[workers.submit(setting, job)] = (submitted, job)
            except BrokenProcessPool:
                suspects.append((submitted, job))  # though nobody has begun with it
                break
            if deaths[submitted.folder]:
                break
        if not running and not suspects:
            return
        meanwhile()
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        died = []
        for future in done:
            submitted, job = running.pop(future)
            try:
                report = future.result()
            except BrokenProcessPool:
                died.append((submitted, job))
                continue
            except WorkerDiedError:
                report = _worker_died(setting, job)
            yield submitted, report, True
        if died or not done:
            died += running.values()
            running.clear()
            workers.renew()
            for submitted, job in died:
                deaths[submitted.folder] += 1
                if deaths[submitted.folder] < TRIES:
                    suspects.append((submitted, job))
                else:
                    yield submitted, _worker_died(setting, job), True


def _worker_died(setting: Setting, job: Job) -> Report:
    reason = "The worker that graded it died, each time. Look at the machine's memory, and at the log."
    sha256 = notebook.digest(job.content or b"")
    report = grader_of(setting, job.assignment).grader_error(job.student, reason, sha256)
    return job.about(report)


def results_folder(course: Course, out: Path | None) -> Path:
    """Return where results go: the folder asked for, or the course's ``results/``."""
    return out if out is not None else course.root / "results"
