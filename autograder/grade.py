"""Grades one submission: from its bytes to a `Report`.

The reference is evaluated here, in the host; the student's functions answer from a guest. What the guest returns is
compared, never believed.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar

from autograder import answers, loading, needed, notebook, source
from autograder.course import PUBLIC_TESTS, Course
from autograder.errors import BusyError, IsolationError, SandboxError, StartError, SubmissionError
from autograder.failures import LOST_WORDS, Failure
from autograder.hidden_tests import HiddenTests
from autograder.marking import Marking
from autograder.model import CheckResult, ExerciseResult, Level, Outcome, Provenance, Report, Status
from autograder.sandbox import probe
from autograder.sandbox.client import Zygote
from autograder.sandbox.launch import Launched
from autograder.sandbox.limits import Budget, Limits, size
from autograder.sandbox.session import CellToRun, Session
from autograder.schedule import schedule

_RUNS = 3  # of one submission whose guest ends as if killed from outside: what is its own doing happens again
_SANDBOXES = 2  # that one submission is given: the first one may have been ended from outside
_RESERVE = 0.8  # of a submission's time, that calls are kept at most from cells that no graded function needs
_PAUSES = (0.2, 1.0, 3.0)  # seconds before each further try to start a sandbox: what is used up may come back

_T = TypeVar("_T")


class Grader:
    """Grades submissions of one assignment; a context manager that keeps one sandbox.

    Attributes
    ----------
    failures : tuple of Failure
        What went wrong on our side with the last submission, and cost it no points.
    """

    def __init__(
        self,
        course: Course,
        name: str,
        key: bytes,
        limits: Limits | None = None,
        launched: Launched | None = None,
        floor: Level = Level.NAMESPACES,
    ) -> None:
        """Load the assignment and start the zygote.

        Parameters
        ----------
        key : bytes
            The course secret.
        launched : Launched, optional
            The first process of a sandbox; started here where none is given.
        floor : Level
            The lowest isolation at which submissions are graded.

        Raises
        ------
        UsageError
            If the assignment cannot be graded as it stands.
        """
        self._where = course
        self.limits = limits or Limits()
        self.failures: tuple[Failure, ...] = ()
        written, modules = loading.written(course, name)
        self._course = modules, written.imports
        self._floor = floor
        self._namespaces = True
        self._ready = self._was_ready = False
        self._zygote: Zygote | None = None
        with contextlib.suppress(StartError):  # then there will be other tries, when it is needed
            # started first: it imports while the reference is loaded here
            self._zygote = Zygote(*self._course, launched)
        try:
            self.assignment, self.reference = loading.load(course, name)
            self.tests = HiddenTests(self.assignment, self.reference, key)
            self.provenance = loading.provenance_of(course, key, self.assignment, written, modules)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait_until_ready(self) -> None:
        """Wait until there can be guests, and find out how well they are isolated, by trying.

        Raises
        ------
        IsolationError
            If that is below the floor.
        StartError
            If no sandbox can be started, each time that it was tried.
        """
        self._patiently(lambda: None)

    def _patiently(self, act: Callable[[], _T], budget: Budget | None = None) -> _T:
        """Do something in a sandbox; where there is none, start another one, with patience.

        Raises
        ------
        IsolationError
            If the isolation is below the floor.
        SandboxError
            If there is none in the end.
        """
        pauses, sandboxes = iter(_PAUSES), 0
        uncounted = budget.uncounted if budget is not None else contextlib.nullcontext
        while True:
            try:
                with uncounted():
                    self._make_ready()
                return act()
            except SandboxError as error:
                self.restart()
                pause = next(pauses, None)
                is_unstarted = isinstance(error, StartError)
                sandboxes += not is_unstarted
                if pause is None or sandboxes == _SANDBOXES:
                    raise
                if is_unstarted:
                    with uncounted():
                        time.sleep(pause)

    def _make_ready(self) -> None:
        """Start a sandbox if there is none, wait for it, and find out how well guests are isolated."""
        if self._ready:
            return
        try:
            self._sandbox().wait_until_ready()
        except IsolationError as error:
            if self._was_ready:  # what could be had a moment ago is not refused, but used up
                raise StartError(str(error)) from error
            if self._floor > Level.FILTERED or not self._namespaces:
                raise
            self.restart()
            self._namespaces = False
        acts = probe.attempts(self._sandbox())
        level = probe.level(acts)
        if level < max(self._floor, Level.FILTERED):
            wrong = ", ".join(act.name for act in acts if not act.right and act.needed <= self._floor)
            why = f"student code could {wrong}" if wrong else "guests get no control group of their own"
            raise IsolationError(
                f"The isolation level here is {level.word!r}, below {self._floor.word!r}: {why}. "
                "Nothing was graded. `autograder doctor` says what is missing and how to get it."
            )
        self.provenance = replace(self.provenance, isolation=level.word)
        self._ready = self._was_ready = True

    def _sandbox(self) -> Zygote:
        """Return the sandbox, started now if there is none."""
        if self._zygote is None:
            self._zygote = Zygote(*self._course, Launched(namespaces=self._namespaces))
        return self._zygote

    def restart(self) -> None:
        """End the sandbox; the next submission gets a fresh one."""
        self.close()
        self._zygote, self._ready = None, False

    def session(self, cells: Sequence[CellToRun], budget: Budget | None = None) -> Session:
        """Return a session in which these cells can be run; with a time of its own if none is given."""
        exercises = self.assignment.exercises
        return Session(
            self._sandbox(),
            cells,
            self.limits,
            needed.cells,
            budget or Budget(self.limits.submission_seconds),
            helpers=sorted({exercise.helper for exercise in exercises if exercise.helper}),
            reserve=min(self.limits.call_seconds * len(exercises), _RESERVE * self.limits.submission_seconds),
        )

    def close(self) -> None:
        """End the sandbox."""
        if self._zygote is not None:
            self._zygote.close()

    @property
    def max_score(self) -> float:
        """The points of the whole assignment."""
        return sum(self.reference.source.points.values())

    def grade(self, content: bytes, student: str, standing: Sequence[ExerciseResult] = ()) -> Report:
        """Return the report of one submission; never raises for anything that a submission can do.

        One time limit holds for all of it, however often it is run.

        Parameters
        ----------
        standing : sequence of ExerciseResult
            Results of an earlier run that stand as they are.

        Raises
        ------
        GraderError
            If the fault is ours: `SandboxError` where there is no sandbox to be had, `BusyError` where the machine gave
            the submission too little of its time.
        """
        self.wait_until_ready()
        self.failures = ()
        try:
            submission = notebook.parse(content)
        except SubmissionError as error:
            return self.rejected(student, str(error), notebook.digest(content))
        budget = Budget(self.limits.submission_seconds)
        return self._patiently(lambda: self._graded(submission, student, standing, budget), budget)

    def _graded(
        self, submission: notebook.Notebook, student: str, standing: Sequence[ExerciseResult], budget: Budget
    ) -> Report:
        """Grade a submission that can be read, in the sandbox that there is."""
        found = answers.find(submission, self.assignment, self.reference.source)
        planned = schedule(submission, self.assignment, self.reference.source, found)
        marking = Marking(self.tests, student, found, planned.places)
        cells = planned.cells(found.cells)
        doubtful: set[str] = set()
        for _ in range(_RUNS):
            started = time.perf_counter()
            with self.session(cells, budget) as session:
                results = marking.results(session, standing)
            self.failures = tuple(marking.failures)
            marking.failures.clear()
            if session.doubtful <= doubtful or budget.is_spent:  # no doubt, or it ended at the same places as before
                break
            doubtful |= session.doubtful
        if session.starved and not all(result.outcome is Outcome.PASSED for result in results):
            raise BusyError(
                "The machine was too busy to grade it: its time ran out while it was waiting for a processor. Grade it "
                "again when less is going on, or with fewer workers."
            )
        later = [
            exercise
            for exercise, result in zip(self.assignment.exercises, results, strict=True)
            if exercise.id in found.later and result.cell == found.later[exercise.id].index
        ]
        notes = [*found.notes_where(later), *answers.lost(submission, self.assignment, self.reference.source, found)]
        if not found.found:
            notes = [*found.notes, self._nothing_found(submission)]
        if not all(result.outcome is Outcome.PASSED or result.untouched for result in results):
            notes += marking.stopped_cells()
        for index, death in sorted(session.deaths.items()):
            notes.append(f"Cell {index + 1} was stopped: {death.reason}. The other cells were run without it.")
        if self.failures:
            notes.append(LOST_WORDS)
        if session.spared:
            others = "a cell" if len(session.spared) == 1 else f"{len(session.spared)} cells"
            notes.append(f"For the time that it takes, {others} that no graded function needs did not run again.")
        if session.output_truncated:
            notes.append(f"The notebook prints more than is kept: output truncated at {size(self.limits.output)}.")
        ended = time.perf_counter()
        return Report(
            assignment=self.assignment.name,
            student=student,
            status=Status.GRADED,
            score=round(sum(result.score or 0.0 for result in results), 6),
            max_score=self.max_score,
            exercises=results,
            provenance=self._origin(submission.sha256),
            notes=tuple(notes),
            seconds={
                "cells": round(session.cell_seconds, 4),
                "cases": round(ended - started - session.cell_seconds, 4),
            },
            public_tests=PUBLIC_TESTS in self._course[0],
        )

    def _nothing_found(self, submission: notebook.Notebook) -> str:
        """Return the sentence for a notebook that has none of the assignment's functions."""
        functions = ", ".join(f"`{exercise.function}`" for exercise in self.assignment.exercises)
        other = source.whose(self._where, submission.cells)
        looks = f" It looks like the notebook of {other}: is it the right file?" if other else ""
        return f"No cell of this notebook defines {functions}, so there is nothing to grade.{looks}"

    def _origin(self, sha256: str) -> Provenance:
        return replace(self.provenance, submission_sha256=sha256, limits=self.limits.text)

    def rejected(self, student: str, reason: str, sha256: str = "") -> Report:
        """Return the report of a submission that cannot be read."""
        return self._without_verdict(student, Status.REJECTED, Outcome.MISSING, reason, sha256)

    def grader_error(self, student: str, reason: str, sha256: str = "") -> Report:
        """Return the report of a submission on which we failed: no score."""
        return self._without_verdict(student, Status.GRADER_ERROR, Outcome.GRADER_ERROR, reason, sha256)

    def _without_verdict(self, student: str, status: Status, outcome: Outcome, reason: str, sha256: str) -> Report:
        points = self.reference.source.points
        return Report(
            assignment=self.assignment.name,
            student=student,
            status=status,
            score=0.0 if status is Status.REJECTED else None,
            max_score=self.max_score,
            exercises=tuple(
                ExerciseResult(
                    id=e.id,
                    function=e.function,
                    score=0.0 if status is Status.REJECTED else None,
                    max_score=points[e.id],
                    outcome=outcome,
                    checks=tuple(CheckResult(check.name, False, check.weight) for check in e.checks),  # noqa: FBT003
                )
                for e in self.assignment.exercises
            ),
            provenance=self._origin(sha256),
            reason=reason,
        )
