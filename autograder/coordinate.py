"""Coordinates one run: what is graded, where results go, one writer; then what the exit code says."""

import datetime as dt
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder import exporting, intake, run, workplace
from autograder.course import Course
from autograder.errors import Exit, GraderError, UsageError
from autograder.exporting import Wanted, Written
from autograder.intake import Submitted
from autograder.model import Level, Report, Status
from autograder.nbgrader_folders import Folders
from autograder.reports.class_rows import Register
from autograder.reports.export import Entry
from autograder.results import Results
from autograder.run import Job, Setting
from autograder.sandbox.launch import Launched
from autograder.sandbox.limits import Limits

_BATCH = 50  # reports between two writes to the gradebook


@dataclass(frozen=True)
class Order:
    """What a run is to do; see the options of ``autograder grade``."""

    course: Course
    key: bytes
    paths: tuple[Path, ...]
    assignment: str | None
    out: Path
    workers: int
    gradebook: bool
    min_isolation: str
    fresh: bool
    limits: Limits = field(default_factory=Limits)
    exports: Wanted = field(default_factory=Wanted)
    which: str = "last"
    scheduler: str = ""  # of a cluster whose workers do the work; empty for workers on this machine


@dataclass(frozen=True)
class Summary:
    """What came of a run.

    Attributes
    ----------
    graded : int
        How many were graded now; the others held from an earlier run.
    problems : tuple of str
        What went wrong on our side, beside the submissions that have no verdict.
    remarks : tuple of str
        How submissions came, where that has to be told, and which of several counts.
    """

    reports: tuple[Report, ...]
    graded: int
    scores: Path
    problems: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    exports: Written = field(default_factory=Written)

    @property
    def exit_code(self) -> Exit:
        """The command's exit code."""
        ours = any(report.status is Status.GRADER_ERROR for report in self.reports)
        return Exit.UNGRADED if ours or self.problems else Exit.OK


def floor_of(word: str) -> Level:
    """Return the lowest level that a run accepts.

    Raises
    ------
    UsageError
        If there is no such level, or it is not one for submissions.
    """
    level = Level.from_word(word)
    if level is None:
        raise UsageError(f"There is no isolation level {word!r}. The levels are: {', '.join(e.word for e in Level)}.")
    if level is Level.NONE:
        raise UsageError("Submissions are not graded without isolation. The lowest level for them is 'filtered'.")
    return level


def grade_submissions(
    order: Order, begin: Callable[[int], None], step: Callable[[Report], None], launched: Launched | None = None
) -> Summary:
    """Grade what was submitted and write every result.

    Parameters
    ----------
    begin : callable
        Called once with the number of submissions.
    step : callable
        Called with each report.
    launched : Launched, optional
        A sandbox's first process, if it has been started already.

    Raises
    ------
    UsageError, IsolationError
        Before anything is graded.
    """
    floor = floor_of(order.min_isolation)
    submissions = intake.find(order.course, order.paths, order.assignment, order.which)
    names = sorted({submitted.assignment for submitted in submissions})
    workers = max(1, min(order.workers, len(submissions)))
    setting = Setting(order.course, order.key, order.limits, floor)
    place = workplace.choose(setting, names, order.scheduler, workers, launched)  # a broken assignment is told now
    results = Results(order.out, make=False)
    writer = _Gradebook(order.course, names) if order.gradebook else None
    folders = Folders(order.course) if order.gradebook else None

    @functools.cache
    def look_before() -> None:  # workers have begun by then; nothing is written unless all is well here
        if writer is not None:
            writer.open()
        run.wait_until_ready()
        results.make()
        exporting.check(order.exports, order.out)

    def earlier(submitted: Submitted, job: Job) -> Report | None:
        known = None if order.fresh else results.read(submitted.folder)
        return known if run.is_current(known, place.provenance[submitted.assignment], job, floor) else None

    begin(len(submissions))
    reports, graded, problems = [], 0, []
    register = Register()
    entries: list[Entry] = []
    today = f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}"
    try:
        if workers == 1:
            look_before()
        for submitted, report, now in run.grade_class(
            setting,
            submissions,
            place.executor,
            place.another,
            in_flight=place.in_flight,
            earlier=earlier,
            meanwhile=look_before if workers > 1 else lambda: None,
        ):
            failed = _write_one(results, submitted.folder, report, today) if now else []
            problems += failed or _write_folders(folders, results, submitted, report, now=now)
            graded += now
            reports.append(report)
            register.add(report, None if failed else submitted.folder)
            entries.append(Entry(report, submitted.folder))
            if writer is not None:
                writer.add(report, submitted.timestamp)
            step(report)
        if writer is not None:
            writer.flush()
    except GraderError as error:
        problems.append(str(error))
        if left := len(submissions) - len(reports):
            problems.append(
                f"{left} of {len(submissions)} submissions have no result of this run. What there is, stays: "
                "the same command again does the rest."
            )
    finally:
        run.close_graders()
    scores = results.write_scores(reports)
    problems += _write_class(results, register, today)
    remarks = (
        *intake.remarks(submissions, order.which),
        *intake.passed_over(order.course, order.paths, submissions),
        *place.remarks(),
    )
    exports = exporting.write(order.exports, order.out, entries)
    return Summary(tuple(reports), graded, scores, (*problems, *exports.problems), remarks, exports)


def _write_one(results: Results, folder: str, report: Report, today: str) -> list[str]:
    """Write a submission's results; return what went wrong: this one's folder, or the whole disk, the others follow."""
    try:
        results.write(folder, report, today)
    except GraderError as error:
        return [str(error)]
    return []


def _write_folders(
    folders: Folders | None, results: Results, submitted: Submitted, report: Report, *, now: bool
) -> list[str]:
    """Write what nbgrader's other commands look for; return what went wrong."""
    if folders is None:
        return []
    try:
        folders.write(submitted, report, results.page(submitted.folder), now=now)
    except GraderError as error:
        return [str(error)]
    return []


def _write_class(results: Results, register: Register, today: str) -> list[str]:
    """Write the instructor's page; return what went wrong: the scores are there all the same."""
    try:
        results.write_class(register, today)
    except GraderError as error:
        return [str(error)]
    return []


class _Gradebook:
    """Hands reports to the gradebook in batches; imports nbgrader only when there is one to write."""

    def __init__(self, course: Course, names: Sequence[str]) -> None:
        self._course, self._names = course, names
        self._waiting: list[tuple[Report, dt.datetime | None]] = []
        self._opened = False

    def open(self) -> None:
        """Look whether the gradebook can be written to, and put the assignments in.

        Raises
        ------
        UsageError
            In one clear line.
        """
        from autograder import gradebook, gradebook_access, late  # noqa: PLC0415  they take half a second to import

        url, course_id = self._course.gradebook()
        self._write, self._graded = gradebook.write, gradebook.Graded
        self._late_penalty = late.late_penalty(self._course)
        self._url = gradebook_access.url_in(self._course.root, url)
        gradebook_access.check(self._url, self._course.root)
        for name in self._names:
            released = self._course.root / "release" / name / f"{name}.ipynb"
            notebook = released if released.is_file() else self._course.source_notebook(name)
            gradebook_access.ensure_assignment(self._url, name, notebook, course_id or gradebook_access.COURSE)
        self._opened = True

    def add(self, report: Report, timestamp: dt.datetime | None) -> None:
        self._waiting.append((report, timestamp))
        if len(self._waiting) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        if not self._opened:  # everything held from an earlier run
            self.open()
        batch, self._waiting = self._waiting, []
        if batch:
            rows = [self._graded(report, timestamp) for report, timestamp in batch]
            self._write(self._url, rows, late_penalty=self._late_penalty)
