"""Grades many submissions over any ``concurrent.futures`` executor; what is done is not done again; one writer.

Workers are ours and trusted; each keeps one zygote for each assignment it meets. They are handed bytes and return
reports, with the bytes of all that is to be written. Only the coordinator, which runs this module's `grade_class`,
touches the results folder.
"""

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder import autograded, feedback, intake, loading, notebook, rendering
from autograder.course import Course
from autograder.errors import (
    AutograderError,
    BusyError,
    GraderError,
    IsolationError,
    StartError,
    SubmissionError,
    UnreadableError,
    UsageError,
)
from autograder.failures import LOG, Failure
from autograder.grade import Grader
from autograder.intake import Submitted
from autograder.model import ExerciseResult, Level, Provenance, Report, Status
from autograder.rendering import GradedSubmission
from autograder.sandbox.launch import Launched
from autograder.sandbox.limits import Limits

_GARBAGE = 50_000  # objects between two collections: what a submission is made of holds hardly any cycles
_LOOK_SECONDS = 0.5  # between two looks whether we are to stop, while nothing comes back
TRIES = 2  # of one submission, when a worker dies under it
_POOL_TRIES = 3  # here, where a dead worker takes the whole pool along: the first time says nothing of any submission
_START_TRIES = 3  # of one submission, each by a worker that has found no sandbox to be had
_STARTS_IN_VAIN = 12  # in a row, of any submissions: then there is no worker left


@dataclass(frozen=True)
class Setting:
    """What a worker needs to know; sent to each once.

    Attributes
    ----------
    today : str
        The date that pages show.
    autograded : bool
        Whether notebooks for nbgrader's formgrader are rendered, too.
    """

    course: Course
    key: bytes = field(repr=False)
    limits: Limits
    floor: Level = Level.NAMESPACES
    today: str = ""
    autograded: bool = False


@dataclass(frozen=True)
class Job:
    """One submission as a worker gets it: its bytes, or why they could not be read.

    Attributes
    ----------
    problem : str
        Why there are no bytes, where that is the submission's fault.
    failure : Failure or None
        Why there are none, where it is ours.
    unreadable : str
        Likewise, where it is known what to do about it.
    standing : tuple of ExerciseResult
        What of an earlier report still holds, and is not marked again.
    alone : bool
        Whether nothing else is graded beside it: if the machine is too busy even then, that is told.
    known : Report or None
        An earlier report that holds, of which only words and pages are to be made again; nothing is graded then.
    """

    student: str
    assignment: str
    content: bytes | None = field(repr=False)
    problem: str = ""
    failure: Failure | None = None
    name: str = ""
    received: tuple[str, ...] = ()
    platform: str = ""
    standing: tuple[ExerciseResult, ...] = field(default=(), repr=False)
    alone: bool = False
    known: Report | None = field(default=None, repr=False)
    unreadable: str = ""

    def about(self, report: Report) -> Report:
        """Return a report with what is known of how the submission came."""
        return replace(report, name=self.name, received=self.received, platform=self.platform)


class WorkerDiedError(Exception):
    """A worker died under a submission, each time that it was tried; the executor is as good as before."""


_graders: dict[tuple[Setting, str], Grader] = {}  # of this process; a zygote lives as long as its worker
_releases: dict[tuple[Path, str], autograded.Document | None] = {}  # likewise


def grade_one(setting: Setting, job: Job) -> GradedSubmission:
    """Grade one submission in this process, and render all that is written for it; the function that a worker runs.

    Raises
    ------
    IsolationError, UsageError
        If nothing can be graded here at all.
    StartError
        If no sandbox can be started here now.
    BusyError
        If the machine gave it too little time; never for a job that is alone.
    """
    if job.known is not None:
        return _rendered_again(setting, job, job.known)
    report, failures = _graded(setting, job)
    release = _release(setting, job.assignment)
    return rendering.rendered(job.about(report), job.content, release, setting.today, failures)


def _rendered_again(setting: Setting, job: Job, known: Report) -> GradedSubmission:
    """Return what is written for a submission whose report holds, with words and pages as this code makes them."""
    grader = grader_of(setting, job.assignment)
    report = replace(known, provenance=replace(known.provenance, words_digest=grader.provenance.words_digest))
    if known.status is Status.GRADED:
        exercises = {exercise.id: exercise for exercise in grader.assignment.exercises}
        results = (feedback.again(exercises[result.id], result) for result in known.exercises)
        report = replace(report, exercises=tuple(results))
    made = rendering.rendered(report, job.content, _release(setting, job.assignment), setting.today)
    return replace(made, was_graded=False)


def _graded(setting: Setting, job: Job) -> tuple[Report, tuple[Failure, ...]]:
    if job.failure is not None:
        return _ungraded(setting, job, job.failure)
    if job.unreadable:
        return grader_of(setting, job.assignment).grader_error(job.student, job.unreadable), ()
    if job.content is None:
        return grader_of(setting, job.assignment).rejected(job.student, job.problem), ()
    grader = grader_of(setting, job.assignment)
    try:
        return grader.grade(job.content, job.student, job.standing), grader.failures
    except (IsolationError, UsageError, StartError):
        raise
    except BusyError as error:
        if not job.alone:
            raise
        reason = str(error)
    except UnreadableError as error:
        reason = str(error)
    except GraderError as error:
        grader.restart()
        reason = str(error)
    except Exception as error:  # noqa: BLE001  ours, whatever it is: no score, and the class goes on
        grader.restart()
        return _ungraded(setting, job, Failure.of("it could not be graded", error))
    return grader.grader_error(job.student, reason, notebook.digest(job.content)), ()


def _ungraded(setting: Setting, job: Job, failure: Failure) -> tuple[Report, tuple[Failure, ...]]:
    """Return the report of a submission that we failed on; its reason has no word of the exception's."""
    reason = f"The grader failed on this submission: {failure.cause}. Its instructor finds more in {LOG}."
    sha256 = notebook.digest(job.content or b"")
    return grader_of(setting, job.assignment).grader_error(job.student, reason, sha256), (failure,)


def _given_up(setting: Setting, job: Job, failure: Failure) -> GradedSubmission:
    """Return what is written for a submission of which a worker's answer cannot be used."""
    report, failures = _ungraded(setting, job, failure)
    return rendering.rendered(job.about(report), when=setting.today, failures=failures)


def _release(setting: Setting, assignment: str) -> autograded.Document | None:
    """Return an assignment's release notebook, read once; None where no autograded notebooks are asked for."""
    if not setting.autograded:
        return None
    key = (setting.course.root, assignment)
    if key not in _releases:
        _releases[key] = autograded.release_notebook(*key)
    return _releases[key]


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
    _releases.clear()
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

    def submit(self, setting: Setting, job: Job) -> Future[GradedSubmission]:
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


def job_for(submitted: Submitted) -> Job:
    """Read a submission's bytes."""
    content, problem, failure, unreadable = None, "", None, ""
    try:
        content = intake.read(submitted)
    except SubmissionError as error:
        problem = str(error)
    except UnreadableError as error:
        unreadable = str(error)
    except Exception as error:  # noqa: BLE001  ours, whatever it is: no score, and the class goes on
        failure = Failure.of("it could not be read", error)
    s = submitted
    return Job(
        s.student, s.assignment, content, problem, failure, s.name, s.received, s.platform, unreadable=unreadable
    )


def is_current(earlier: Report, now: Provenance, job: Job, setting: Setting) -> bool:
    """Return whether an earlier report has the points that grading the same bytes now would give."""
    return (
        _is_comparable(earlier, now, job, setting)
        and rendering.is_complete(earlier)
        # another Python may read what that one did not
        and (earlier.provenance.python == now.python or not earlier.needs_person)
        and earlier.provenance.exercise_digests == now.exercise_digests
        and earlier.student == job.student
        and job.about(earlier) == earlier
    )


def still_standing(earlier: Report, now: Provenance, job: Job, setting: Setting) -> tuple[ExerciseResult, ...]:
    """Return the results of an earlier report whose exercises are what they were: a change has not touched them."""
    has_other_words = earlier.provenance.words_digest != now.words_digest  # one report is not told in two voices
    if earlier.status is not Status.GRADED or has_other_words or not _is_comparable(earlier, now, job, setting):
        return ()
    was, digests = dict(earlier.provenance.exercise_digests), dict(now.exercise_digests)
    return tuple(
        result
        for result in earlier.exercises
        if result.score is not None and was.get(result.id) == digests.get(result.id, "")
    )


def _is_comparable(earlier: Report, now: Provenance, job: Job, setting: Setting) -> bool:
    """Return whether an earlier report is of the same bytes, inputs, grader and limits, and well enough isolated."""
    was = earlier.provenance
    return (
        job.content is not None
        and earlier.status is not Status.GRADER_ERROR
        and (was.grader_digest, was.seed_key, was.limits) == (now.grader_digest, now.seed_key, setting.limits.text)
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
    stopped: Callable[[], bool] = lambda: False,
) -> "Iterator[_Graded]":
    """Grade a class, yielding each submission's report as it comes.

    Parameters
    ----------
    workers : Workers
        Do the work, and are there still when it is done.
    earlier : callable
        Gives the report of an earlier run where it still holds, else the job as it is to be done.
    meanwhile : callable
        Called whenever submissions have been handed out, before their reports are waited for.
    stopped : callable
        Says whether no more is to be begun; what a worker has begun is finished.

    Yields
    ------
    (Submitted, Report, GradedSubmission or None)
        The last is what is to be written of what was graded now; None where an earlier report holds.

    Raises
    ------
    IsolationError, UsageError
        From a worker that cannot grade at all.
    """
    handout = _Handout(setting, iter(submissions), workers, earlier, stopped)
    while True:
        yield from handout.hand_out()
        if handout.is_done:
            return
        meanwhile()
        yield from handout.take_back()


_Graded = tuple[Submitted, Report, GradedSubmission | None]


class _Handout:
    """What of a class waits, is with a worker, or is suspected to have killed one."""

    def __init__(
        self,
        setting: Setting,
        waiting: Iterator[Submitted],
        workers: Workers,
        earlier: Callable[[Submitted, Job], Report | Job],
        stopped: Callable[[], bool],
    ) -> None:
        self._setting, self._waiting, self._workers = setting, waiting, workers
        self._earlier, self._stopped = earlier, stopped
        self._suspects: list[tuple[Submitted, Job]] = []  # that run alone: a worker may have died under them
        self._again: list[tuple[Submitted, Job]] = []  # whose worker had no sandbox
        self._deaths: Counter[str] = Counter()
        self._unstarted: Counter[str] = Counter()
        self._in_vain = 0  # starts of a sandbox, since one was there
        self._running: dict[Future[GradedSubmission], tuple[Submitted, Job]] = {}

    @property
    def is_done(self) -> bool:
        """Whether nothing is left that is to be done."""
        return not self._running and (not (self._suspects or self._again) or self._stopped())

    def hand_out(self) -> Iterator[_Graded]:
        """Give workers what they have room for; yield what need not be graded."""
        while len(self._running) < self._workers.in_flight and not self._stopped():
            if self._suspects:
                if self._running:  # a suspect runs alone, so that no other is taken for it
                    return
                submitted, job = self._suspects.pop()
            elif (following := next(self._waiting, None)) is not None:
                submitted = following
                known = self._earlier(submitted, job_for(submitted))
                if isinstance(known, Report):
                    yield submitted, known, None
                    continue
                job = known
            elif self._again:
                submitted, job = self._again.pop()
            else:
                return
            try:
                self._running[self._workers.submit(self._setting, job)] = (submitted, job)
            except BrokenProcessPool:
                self._suspects.append((submitted, replace(job, alone=True)))  # though nobody has begun with it
                return
            if job.alone:
                return

    def take_back(self) -> Iterator[_Graded]:
        """Wait for something to be done, but not for ever; yield what is, and replace workers that have died."""
        is_broken = not self._running  # it took nothing of what it was handed
        done, _ = wait(self._running, _LOOK_SECONDS, return_when=FIRST_COMPLETED)
        died = []
        for future in done:
            submitted, job = self._running.pop(future)
            try:
                graded = future.result()
            except BrokenProcessPool:
                died.append((submitted, job))
                continue
            except WorkerDiedError:
                graded = _worker_died(self._setting, job)
            except BusyError:
                self._suspects.append((submitted, replace(job, alone=True)))
                continue
            except StartError as error:
                self._note_unstarted(error)
                self._unstarted[submitted.folder] += 1
                if self._unstarted[submitted.folder] < _START_TRIES:
                    self._again.insert(0, (submitted, job))
                    continue
                graded = _unstarted(self._setting, job, error)
            except AutograderError:
                raise
            except Exception as error:  # noqa: BLE001  a worker never raises for a submission: ours, and it goes on
                graded = _given_up(self._setting, job, Failure.of("its worker failed", error))
            else:
                self._in_vain = 0
            yield submitted, graded.report, graded
        if self._stopped():  # what no worker has begun with is left
            self._running = {future: item for future, item in self._running.items() if not future.cancel()}
        if not died and not is_broken:
            return
        died += self._running.values()
        self._running.clear()
        self._workers.renew()
        for submitted, job in died:
            self._deaths[submitted.folder] += 1
            if self._deaths[submitted.folder] < _POOL_TRIES:
                self._suspects.append((submitted, replace(job, alone=True)))
            else:
                graded = _worker_died(self._setting, job)
                yield submitted, graded.report, graded

    def _note_unstarted(self, error: StartError) -> None:
        """Take in that a worker could not start a sandbox.

        Raises
        ------
        GraderError
            If none could for long: what is not graded has no result, and the class is not gone through in vain.
        """
        self._in_vain += 1
        if self._in_vain >= _STARTS_IN_VAIN:
            raise GraderError(f"No worker could start a sandbox any more. {error}") from error


def _unstarted(setting: Setting, job: Job, error: StartError) -> GradedSubmission:
    return _without_verdict(
        setting, job, f"{error} That was tried with patience, and by {_START_TRIES} workers. Grade it again."
    )


def _worker_died(setting: Setting, job: Job) -> GradedSubmission:
    reason = "The worker that graded it died, each time. Look at the machine's memory, and at the log."
    return _without_verdict(setting, job, reason)


def _without_verdict(setting: Setting, job: Job, reason: str) -> GradedSubmission:
    """Return what is written for a submission that we could not grade."""
    sha256 = notebook.digest(job.content or b"")
    report = grader_of(setting, job.assignment).grader_error(job.student, reason, sha256)
    return rendering.rendered(job.about(report), when=setting.today)


def results_folder(course: Course, out: Path | None) -> Path:
    """Return where results go: the folder asked for, or the course's ``results/``."""
    return out if out is not None else course.root / "results"
