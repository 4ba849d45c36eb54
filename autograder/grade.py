"""Grades one submission: from its bytes to a `Report`.

The reference is evaluated here, in the host; the student's functions answer from a guest. What the guest returns is
compared, never believed.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Any, Self

import numpy as np

from autograder import answers, helping, loading, notebook, secret
from autograder.course import Course
from autograder.diagnose import diagnose
from autograder.errors import GraderError, IsolationError, SubmissionError
from autograder.explain import explain, line_of
from autograder.feedback import feedback
from autograder.judging import problem_of, ready
from autograder.model import (
    CheckResult,
    Exercise,
    ExerciseResult,
    Level,
    Mistake,
    Observation,
    Outcome,
    Report,
    Status,
)
from autograder.sandbox import probe
from autograder.sandbox.client import Zygote
from autograder.sandbox.launch import Launched
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import Answer, Session


@dataclass(frozen=True)
class Attempt:
    """An exercise as it was run once: what is wrong with each check, and how the run ended.

    Attributes
    ----------
    problems : mapping of str to str
        By check; a check without a problem is right on every case.
    stopped : Answer or None
        What kept the function from returning on some case.
    """

    problems: Mapping[str, str]
    observations: tuple[Observation, ...] = ()
    stopped: Answer | None = None


class Grader:
    """Grades submissions of one assignment; a context manager that keeps one zygote."""

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
        self.limits = limits or Limits()
        self._key = key
        written, modules = loading.written(course, name)
        # started first: it imports while the reference is loaded here
        self._course = modules, written.imports
        self._zygote = Zygote(*self._course, launched)
        self._floor = floor
        self._ready = False
        try:
            self.assignment, self.reference = loading.load(course, name)
            self.provenance = loading.provenance_of(course, name, key, written, modules)
        except BaseException:
            self._zygote.close()
            raise
        self._mistaken: dict[tuple[str, str], Callable[..., Any]] = {}

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
        """
        if self._ready:
            return
        try:
            self._zygote.wait_until_ready()
        except IsolationError:
            if self._floor > Level.FILTERED:
                raise
            self._zygote = Zygote(*self._course, Launched(namespaces=False))
        acts = probe.attempts(self._zygote)
        level = probe.level(acts)
        if level < max(self._floor, Level.FILTERED):
            wrong = ", ".join(act.name for act in acts if not act.right and act.needed <= self._floor)
            why = f"student code could {wrong}" if wrong else "guests get no control group of their own"
            raise IsolationError(
                f"The isolation level here is {level.word!r}, below {self._floor.word!r}: {why}. "
                "Nothing was graded. `autograder doctor` says what is missing and how to get it."
            )
        self.provenance = replace(self.provenance, isolation=level.word)
        self._ready = True

    def close(self) -> None:
        """End the zygote."""
        self._zygote.close()

    @property
    def max_score(self) -> float:
        """The points of the whole assignment."""
        return sum(self.reference.source.points.values())

    def grade(self, content: bytes, student: str) -> Report:
        """Return the report of one submission; never raises for anything that a submission can do.

        Raises
        ------
        GraderError
            If the fault is ours.
        """
        self.wait_until_ready()
        started = time.perf_counter()
        try:
            submission = notebook.parse(content)
        except SubmissionError as error:
            return self.rejected(student, str(error), notebook.digest(content))
        found = answers.find(submission, self.assignment, self.reference.source)
        run = _Run(self, student, found)
        with Session(self._zygote, found.cells, self.limits) as session:
            session.run_cells()
            cells_done = time.perf_counter()
            results = run.grade(session)
        notes = list(found.notes)
        for index, death in sorted(session.deaths.items()):
            notes.append(f"Cell {index + 1} was stopped: {death.reason}. The other cells were run without it.")
        if session.output_truncated:
            notes.append(f"The notebook printed more than {self.limits.output >> 20} MiB; the rest was not kept.")
        ended = time.perf_counter()
        return Report(
            assignment=self.assignment.name,
            student=student,
            status=Status.GRADED,
            score=round(sum(result.score for result in results), 6),
            max_score=self.max_score,
            exercises=results,
            provenance=replace(self.provenance, submission_sha256=submission.sha256),
            notes=tuple(notes),
            seconds={"cells": round(cells_done - started, 4), "cases": round(ended - cells_done, 4)},
        )

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
                    score=0.0,
                    max_score=points[e.id],
                    outcome=outcome,
                    checks=tuple(CheckResult(check.name, False, check.weight) for check in e.checks),  # noqa: FBT003
                )
                for e in self.assignment.exercises
            ),
            provenance=replace(self.provenance, submission_sha256=sha256),
            reason=reason,
        )

    def inputs(self, exercise: Exercise, case: str, student: str) -> tuple[Any, ...]:
        """Return a fresh copy of the inputs of one case for one student."""
        draw = next(c.draw for c in exercise.cases if c.name == case)
        return _protected(draw(secret.generator(self._key, self.assignment.name, exercise.id, case, student)))

    def order(self, exercise: Exercise, student: str) -> list[str]:
        """Return the cases in this student's own order: whoever counts calls learns nothing about which one it is."""
        names = [case.name for case in exercise.cases]
        secret.generator(self._key, self.assignment.name, exercise.id, "order of cases", student).shuffle(names)
        return names

    def mistaken(self, exercise: Exercise, mistake: Mistake) -> Callable[..., Any]:
        """Return an exercise's function as it is with a known mistake."""
        key = (exercise.id, mistake.id)
        if key not in self._mistaken:
            self._mistaken[key] = self.reference.mistaken(exercise.id, mistake)[exercise.function]
        return self._mistaken[key]


class _Run:
    """The exercises of one submission in one session."""

    def __init__(self, grader: Grader, student: str, found: answers.Answers) -> None:
        self._grader, self._student, self._found = grader, student, found
        self._sources = {cell.index: cell.source for cell in found.cells}

    def grade(self, session: Session) -> tuple[ExerciseResult, ...]:
        """Run every exercise with the student's own helpers, then once more with the host's where that can help."""
        exercises = self._grader.assignment.exercises
        by_function = {e.function: e for e in exercises}
        first: dict[str, Attempt] = {}
        for exercise in exercises:
            known = by_function.get(exercise.helper or "")
            first[exercise.id] = self._attempt(
                session, exercise, doubtful=known is not None and bool(first[known.id].problems)
            )
        second: dict[str, Attempt] = {}
        for exercise in exercises:
            helper = by_function.get(exercise.helper or "")
            if helper is None or not first[exercise.id].problems or not first[helper.id].problems:
                continue
            if exercise.id not in self._found.found:
                continue
            # a fresh guest: what the host answers for the helper must not be there when the helper itself is graded
            session.run_cells()
            second[exercise.id] = self._attempt(session, exercise, helper)
        return tuple(self._result(e, first[e.id], second.get(e.id)) for e in exercises)

    def _attempt(
        self, session: Session, exercise: Exercise, helper: Exercise | None = None, *, doubtful: bool = False
    ) -> Attempt:
        """Run an exercise on every case.

        Parameters
        ----------
        helper : Exercise, optional
            Answered by the host.
        doubtful : bool
            The student's own helper is wrong, and there will be a second attempt: where the first case already shows
            every check wrong, the other cases could change nothing.
        """
        cell = self._found.found.get(exercise.id)
        everything = {check.name: "" for check in exercise.checks}
        if cell is None:
            return Attempt(everything, stopped=Answer(outcome=Outcome.MISSING))
        if cell.index in session.deaths:
            return Attempt(everything, stopped=session.deaths[cell.index])
        if exercise.function in session.unbound:
            fault = session.faults.get(cell.index)
            outcome = Outcome.RAISED if fault else Outcome.MISSING
            return Attempt(everything, stopped=Answer(outcome=outcome, fault=fault))
        answer = partial(self._help, helper) if helper else None
        problems: dict[str, str] = {}
        observations: list[Observation] = []
        cases = self._grader.order(exercise, self._student)
        for batch in (cases[:1], cases[1:]) if doubtful else (cases,):
            inputs = [self._grader.inputs(exercise, case, self._student) for case in batch]
            given = session.call_each(exercise.function, inputs, helper.function if helper else None, answer)
            for case, arguments, returned in zip(batch, inputs, given, strict=False):
                if returned.outcome is not None:
                    return Attempt(everything, tuple(observations), returned)
                expected = self._expected(exercise, case, arguments)
                observations.append(Observation(case, arguments, returned.value))
                for check in exercise.checks:
                    problem = check.name not in problems and problem_of(exercise, expected, observations[-1], check)
                    if problem:
                        problems[check.name] = problem
            if len(given) < len(batch):
                raise GraderError(f"{exercise.id} was answered on {len(given)} of {len(batch)} cases.")
            if len(problems) == len(exercise.checks):
                break
        for check in exercise.checks:
            if check.across is not None and check.name not in problems:
                problem = check.across(observations)
                if problem:
                    problems[check.name] = problem
        return Attempt(problems, tuple(observations))

    def _expected(self, exercise: Exercise, case: str, inputs: tuple[Any, ...]) -> Any:
        try:
            return self._grader.reference.functions[exercise.function](*ready(inputs))
        except Exception as error:
            raise GraderError(
                f"The reference of {exercise.id} fails on the case {case!r}: {type(error).__name__}: {error}"
            ) from error

    def _help(self, helper: Exercise, /, *args: Any, **kwargs: Any) -> Any:
        return helping.call(helper, self._grader.reference.functions[helper.function], args, kwargs)

    def _result(self, exercise: Exercise, first: Attempt, second: Attempt | None) -> ExerciseResult:
        decisive = second if second is not None else first
        checks = []
        followed = False
        for check in exercise.checks:
            passed = check.name not in first.problems
            if not passed and second is not None and check.name not in second.problems:
                passed = followed = True
            problem = "" if passed else decisive.problems[check.name]
            checks.append(CheckResult(check.name, passed, check.weight, problem))
        outcome, reason, line = Outcome.PASSED, "", ""
        mistakes: tuple[str, ...] = ()
        if not all(check.passed for check in checks):
            stopped = decisive.stopped
            outcome = stopped.outcome if stopped and stopped.outcome else Outcome.FAILED
            if stopped is not None:
                reason, line = self._why(exercise, stopped)
            else:
                mistakes = diagnose(exercise, decisive.observations, partial(self._grader.mistaken, exercise))
        weights = sum(check.weight for check in exercise.checks)
        earned = sum(check.weight for check in checks if check.passed)
        points = self._grader.reference.source.points[exercise.id]
        return ExerciseResult(
            id=exercise.id,
            function=exercise.function,
            score=points if earned == weights else round(points * earned / weights, 6),
            max_score=points,
            outcome=outcome,
            checks=tuple(checks),
            mistakes=mistakes,
            follow_through=followed,
            feedback=feedback(exercise, outcome, checks, reason=reason, mistakes=mistakes, follow_through=followed),
            line=line,
        )

    def _why(self, exercise: Exercise, stopped: Answer) -> tuple[str, str]:
        """Return a sentence on why a function did not return, and the student's own line."""
        if stopped.fault is not None and stopped.outcome is Outcome.RAISED:
            return explain(stopped.fault, self._sources), line_of(stopped.fault, self._sources)
        if stopped.outcome is Outcome.MISSING and exercise.id in self._found.found:
            return f"Its cell was run, but `{exercise.function}` was no function afterwards.", ""
        return stopped.reason, ""


def _protected(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Make the arrays among a case's inputs read-only: reference and mistakes are all given the same ones."""

    def protect(value: Any) -> None:
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
        elif isinstance(value, dict | tuple | list):
            for part_of_it in value.values() if isinstance(value, dict) else value:
                protect(part_of_it)

    protect(inputs)
    return inputs
