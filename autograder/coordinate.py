"""Coordinates one run: what is graded, where results go, one writer; then what the exit code says."""

import datetime as dt
import functools
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from autograder import __version__, exporting, intake, placing, run, workplace
from autograder.course import Course
from autograder.errors import AutograderError, Exit, GraderError, UsageError
from autograder.exporting import Wanted, Written
from autograder.failures import Failure
from autograder.holding import Hold
from autograder.intake import Submitted
from autograder.model import Level, Report, Status
from autograder.recording import Recorder
from autograder.rendering import GradedSubmission
from autograder.reports.changes import Changes
from autograder.reports.class_rows import Row
from autograder.results import Results
from autograder.run import Job, Setting
from autograder.sandbox.launch import Launched
from autograder.sandbox.limits import Limits
from autograder.workplace import Workplace

_NAMED = 5  # students in one sentence


@dataclass(frozen=True)
class Order:
    """What a run is to do; see the options of ``autograder grade``.

    Attributes
    ----------
    command : str
        What was asked for, in words, for whoever finds the results folder in use.
    dry_run : bool
        Grade, tell what would change, and write nothing.
    scheduler : str
        Of a cluster whose workers do the work; empty for workers on this machine.
    """

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
    command: str = ""
    dry_run: bool = False
    scheduler: str = ""


@dataclass(frozen=True)
class Audience:
    """Who is told what a run does, while it does it.

    Attributes
    ----------
    begin : callable
        Called once with the number of submissions.
    step : callable
        Called with each report of this run.
    kept : callable
        Called with each report that holds from an earlier one.
    changes : callable
        Called with who gains and who loses where the same work was graded again, before any of it is written.
    say : callable
        Called with a sentence that cannot wait for the end.
    """

    begin: Callable[[int], None] = lambda _: None
    step: Callable[[Report], None] = lambda _: None
    kept: Callable[[Report], None] = lambda _: None
    changes: Callable[[Changes], None] = lambda _: None
    say: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class Summary:
    """What came of a run.

    Attributes
    ----------
    rows : tuple of Row
        What is kept in memory of each report.
    kept : int
        How many held from an earlier run, and were not graded.
    problems : tuple of str
        What went wrong on our side, beside the submissions that have no verdict.
    remarks : tuple of str
        How submissions came, where that has to be told, and which of several counts.
    """

    rows: tuple[Row, ...]
    kept: int
    scores: Path
    problems: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    exports: Written = field(default_factory=Written)

    @property
    def exit_code(self) -> Exit:
        """The command's exit code."""
        ours = any(row.needs_person for row in self.rows)
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
    order: Order, audience: Audience, launched: Launched | None = None, stopped: Callable[[], bool] = lambda: False
) -> Summary:
    """Grade what was submitted and write every result.

    Parameters
    ----------
    launched : Launched, optional
        A sandbox's first process, if it has been started already.
    stopped : callable
        Says whether no more is to be begun.

    Raises
    ------
    UsageError, IsolationError
        Before anything is graded.
    """
    with Coordinator(order, launched, stopped) as coordinator:
        submissions = coordinator.find()
        audience.begin(len(submissions))
        coordinator.grade(submissions, audience)
        return coordinator.summary(submissions)


class Coordinator:
    """One run, from its hold on the results folder to its summary; a context manager that ends every process of it."""

    def __init__(
        self, order: Order, launched: Launched | None, stopped: Callable[[], bool], *, more_to_come: bool = False
    ) -> None:
        """Take hold of the results folder, if there is one already.

        Parameters
        ----------
        more_to_come : bool
            Whether there may be work for more workers than the first submissions need.

        Raises
        ------
        UsageError
            If another run has it, or the order cannot be carried out.
        """
        self._order = order
        self._floor = floor_of(order.min_isolation)
        today = f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}"
        is_recorded = order.gradebook and not order.dry_run
        self._setting = Setting(order.course, order.key, order.limits, self._floor, today, autograded=is_recorded)
        self._launched, self._stopped = launched, stopped
        self._more_to_come = more_to_come
        self._fresh = order.fresh
        self._left = 0  # submissions that were to be graded, and were not
        self._is_whole = False  # whether the class was gone through once
        self._is_broken = False  # whether the run ended before that, for a reason that nobody expected
        self._place: Workplace | None = None
        self._results = Results(order.out, make=False)
        self._recorder = Recorder(
            order.course, self._results, gradebook=order.gradebook, dry_run=order.dry_run, today=today
        )
        self._aside: set[str] = set()  # folders of reports that a killed run has graded, and not yet put in place
        self._kept = self._rendered = 0
        self._former: Counter[str] = Counter()  # versions of the grader whose verdicts were not kept
        self._failures: list[str] = []  # of the run as a whole
        self._is_claimed = False
        self._hold = Hold(order.out)
        self._remark = self._hold.take(order.command) if order.out.is_dir() and not order.dry_run else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._place is not None:
            self._place.workers.close()
        run.close_graders()
        self._hold.release()

    def find(self) -> list[Submitted]:
        """Return what was submitted.

        Raises
        ------
        UsageError
            If there is nothing.
        """
        order = self._order
        return intake.find(order.course, order.paths, order.assignment, order.which)

    def grade(self, submissions: Sequence[Submitted], audience: Audience) -> None:
        """Grade submissions, and write down what came of each.

        What was graded again as it was handed in is set aside until all is graded: then it is told who gains and who
        loses, and only then is anything of it replaced.

        Raises
        ------
        UsageError, IsolationError
            Before anything is graded. Later, whatever happens is told in the summary.
        """
        self._results.refuse_newer({*(submitted.folder for submitted in submissions), *self._results.folders()})
        self._results.refuse_others({submitted.folder: submitted.assignment for submitted in submissions})
        names = sorted({submitted.assignment for submitted in submissions})
        place = self._placed(names, len(submissions))

        @functools.cache
        def look_before() -> None:  # workers have begun by then; nothing is written unless all is well here
            if not self._order.dry_run:
                self._recorder.open(names)
            run.wait_until_ready()
            claim()

        @functools.cache
        def claim() -> None:
            if not self._order.dry_run:
                self._recorder.open(names)
                self._claim(names)

        if place.alone:
            look_before()
        changes, left = Changes(), len(submissions)
        regraded: list[Submitted] = []
        try:
            for submitted, report, graded in run.grade_class(
                self._setting,
                submissions,
                place.workers,
                earlier=functools.partial(self._earlier, place),
                meanwhile=look_before,
                stopped=self._stopped,
            ):
                claim()
                left -= 1
                with self._fence(submitted.folder):
                    self._take(submitted, report, graded, changes, regraded)
                    holds = graded is None or not graded.was_graded
                    (audience.kept if holds else audience.step)(report)
        except BrokenPipeError:  # whoever was told has gone
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, what was graded is kept
            self._end(error)
        self._left += left
        self._is_whole |= not left
        self._fresh = False  # whatever is graded again in this run has changed
        if changes:
            audience.changes(changes)
        for submitted in regraded:
            with self._fence(submitted.folder):
                self._recorder.put_in_place(submitted)
        self._recorder.flush()
        if self._is_claimed:
            self._results.clear_aside()

    def _take(
        self,
        submitted: Submitted,
        report: Report,
        graded: GradedSubmission | None,
        changes: Changes,
        regraded: list[Submitted],
    ) -> None:
        """Record what came of one submission, or set it aside where the same work was graded before."""
        if graded is not None and not graded.was_graded:
            self._kept += 1
            self._rendered += 1
            self._recorder.record(submitted, report, None if self._order.dry_run else graded)
            return
        is_aside = submitted.folder in self._aside
        before = self._before(submitted, report) if graded is not None or is_aside else None
        self._kept += before is None and graded is None
        if before is not None:
            changes.add(before, report)
            if before.provenance.grader_digest != report.provenance.grader_digest:
                self._former[before.provenance.grader] += 1
        if before is None or self._order.dry_run:
            self._recorder.record(submitted, report, graded)
        elif graded is None or self._recorder.set_aside(submitted, graded, before):
            regraded.append(submitted)

    def _fence(self, where: str) -> AbstractContextManager[None]:
        """Let nothing that happens with one submission end the class: the last of several fences."""
        kind = "submissions that could not be recorded"
        return self._recorder.problems.fence(kind, where, "it could not be recorded")

    def _end(self, error: Exception) -> None:
        """Take in why no more can be graded.

        Raises
        ------
        AutograderError
            If it is known what is wrong, and nothing has been recorded yet.
        """
        if isinstance(error, GraderError):
            self._failures.append(str(error))
        elif isinstance(error, AutograderError):
            if not self._recorder.register:
                raise error
            self._failures.append(str(error))
        else:
            self._is_broken = True
            failure = Failure.of("it ended before all was graded", error)
            self._recorder.problems.add_failure("runs", "The run", failure)

    def prepare(self) -> None:
        """Make sure that results can be written, before there is anything to grade.

        Raises
        ------
        UsageError
            If they cannot.
        """
        self._claim(())

    def write_class(self) -> None:
        """Write what is made of the whole class.

        Of a class that is graded for the first time, a part must not look like the whole: it is written when the class
        was gone through, or when it is known that it will not be.
        """
        is_better = self._is_whole or self._is_broken or self._results.scores.exists()
        if self._is_claimed and is_better and self._recorder.register:
            self._recorder.write_class()

    def summary(self, submissions: Sequence[Submitted]) -> Summary:
        """Write what is made of the whole class, and sum up."""
        self.write_class()
        exports = self._recorder.export(self._order.exports) if self._is_claimed and self._is_whole else Written()
        failures = list(self._failures)
        if self._left:
            failures.append(
                f"{self._left} of {len(submissions)} submissions have no result of this run. What there is, stays: "
                "the same command again does the rest."
            )
        remarks: list[str] = [self._remark]
        with self._recorder.problems.fence("remarks", "The run", "it could not be told how submissions came"):
            remarks += intake.remarks(submissions, self._order.which)
            remarks += intake.passed_over(self._order.course, self._order.paths, submissions)
            remarks += self._without_submission(submissions) if self._is_claimed and self._is_whole else ()
        remarks += self._place.remarks() if self._place is not None else ()
        remarks += self._of_the_grader()
        remarks += [
            f"source/{name} was passed over: the name of an assignment begins with a small letter and has small "
            "letters, digits and underscores. Rename the folder and its notebook."
            for name in self._order.course.misnamed()
        ]
        return Summary(
            rows=tuple(self._recorder.register),
            kept=self._kept,
            scores=self._results.scores,
            problems=(*failures, *exports.problems, *self._recorder.sentences()),
            remarks=tuple(filter(None, remarks)),
            exports=exports,
        )

    def _of_the_grader(self) -> list[str]:
        """Return what is to be said of reports that a grader of other code has made."""
        sentences = []
        for version, number in sorted(self._former.items()):
            whose = "other code of this version" if version == __version__ else f"autograder {version}"
            sentences.append(
                f"{number} {'was' if number == 1 else 'were'} graded by {whose} before, and again by this one "
                f"({__version__}), since what decides points has changed in it."
            )
        if self._rendered:
            pages = "1 page was" if self._rendered == 1 else f"{self._rendered} pages were"
            sentences.append(f"{pages} made again, since their words have changed; nothing was graded for it.")
        return sentences

    def _without_submission(self, submissions: Sequence[Submitted]) -> list[str]:
        """Say whose results stay though there was no submission of theirs where a whole class was looked for."""
        looked_through = intake.whole_classes(self._order.paths, submissions)
        sentences = []
        for assignment in looked_through:
            left = sorted(row.student for row in self._recorder.others() if row.assignment == assignment)
            if left:
                names = ", ".join(ascii(student) for student in left[:_NAMED])
                more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
                sentences.append(
                    f"{assignment}: {len(left)} with results of an earlier run, and no submission in this one: {names}"
                    f"{more}. They stay as they are; whose folder in {self._results.root} is removed is left out."
                )
        return sentences

    def _placed(self, names: Sequence[str], number: int) -> Workplace:
        """Return who does the work, with these assignments loaded: one that is broken is told now."""
        if self._place is not None and not self._place.provenance.keys() >= set(names):
            self._place.workers.close()  # they know of other assignments only
            names, self._place = sorted({*names, *self._place.provenance}), None
        if self._place is None:
            workers = self._order.workers if self._more_to_come else max(1, min(self._order.workers, number))
            self._place = workplace.choose(self._setting, names, self._order.scheduler, workers, self._launched)
            self._launched = None  # it belongs to the first assignment's grader now
        return self._place

    def _claim(self, names: Sequence[str]) -> None:
        """Make the results folder ours, if it was not there when we began, and clear it of what is half made."""
        self._results.make()
        self._is_claimed = True
        self._remark = self._hold.take(self._order.command) or self._remark
        exporting.check(self._order.exports, self._order.out)
        for folder in (".", exporting.FOLDER, *names):
            placing.sweep(self._order.out / folder)

    def _earlier(self, place: Workplace, submitted: Submitted, job: Job) -> Report | Job:
        """Return the report of an earlier run where it still holds, else the job with what of it does."""
        if self._fresh:
            return job
        now = place.provenance[submitted.assignment]
        known = self._results.read(submitted.folder)
        if known is None:
            return job
        if run.is_current(known, now, job, self._setting):
            if known.provenance.words_digest == now.words_digest:
                return known
            return replace(job, known=known)
        aside = self._results.aside(submitted.folder)
        if aside is not None and run.is_current(aside, now, job, self._setting):
            self._aside.add(submitted.folder)
            return aside
        return replace(job, standing=run.still_standing(known, now, job, self._setting))

    def _before(self, submitted: Submitted, report: Report) -> Report | None:
        """Return the verdict that there is on the very bytes that were graded again; None where there is none."""
        known = self._results.read(submitted.folder)
        if known is None or known.status is Status.GRADER_ERROR:
            return None
        sha256 = report.provenance.submission_sha256
        return known if sha256 and known.provenance.submission_sha256 == sha256 else None
