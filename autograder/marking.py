"""Marks the exercises of one submission: runs them in a session, compares, and says what they are worth."""

import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from autograder import helping, syntax_trees
from autograder.answers import Answers
from autograder.compare import Verdict
from autograder.diagnose import Diagnosis, diagnose
from autograder.errors import GraderError
from autograder.explain import explain, line_of
from autograder.failures import Failure
from autograder.feedback import feedback
from autograder.hidden_tests import HiddenTests
from autograder.judging import judge, most_telling
from autograder.model import CheckResult, Exercise, ExerciseResult, Hint, Observation, Outcome
from autograder.notebook import parse_code
from autograder.sandbox import wire
from autograder.sandbox.session import Answer, Session


@dataclass(frozen=True)
class Attempt:
    """An exercise as it was run once: what is wrong with each check, and how the run ended.

    Attributes
    ----------
    problems : mapping of str to Verdict
        By check; a check without a problem is right on every case.
    stopped : Answer or None
        What kept the function from returning on some case.
    """

    problems: Mapping[str, Verdict]
    observations: tuple[Observation, ...] = ()
    stopped: Answer | None = None


@dataclass(frozen=True)
class _Words:
    """Why an exercise is wrong, as far as it was found out.

    Attributes
    ----------
    reason, line : str
        Why the function did not return, and the student's own line.
    untouched : bool
        Whether nothing has been written.
    """

    reason: str = ""
    line: str = ""
    untouched: bool = False
    diagnosis: Diagnosis = field(default_factory=Diagnosis)


class Marking:
    """The exercises of one submission in one session.

    Attributes
    ----------
    failures : list of Failure
        What went wrong on our side, and cost no points.
    """

    def __init__(self, tests: HiddenTests, student: str, found: Answers) -> None:
        """Keep what is to be marked.

        Parameters
        ----------
        tests : HiddenTests
            Of the assignment.
        student : str
            Whose inputs are drawn.
        found : Answers
            Where the answers stand in the submission.
        """
        self.failures: list[Failure] = []
        self._tests, self._student, self._found = tests, student, found
        self._sources = {cell.index: cell.source for cell in found.cells}

    def results(self, session: Session, standing: Sequence[ExerciseResult] = ()) -> tuple[ExerciseResult, ...]:
        """Run every exercise and say what it is worth.

        Parameters
        ----------
        standing : sequence of ExerciseResult
            Results that stand as they are. Their exercises are called all the same, in their turn: what they leave
            behind in the notebook is there for the others as it would be if all were marked.
        """
        results = {result.id: result for result in standing}
        for exercise, first, second in self.attempts(session, frozenset(results)):
            if exercise.id not in results:
                with session.budget.uncounted():
                    results[exercise.id] = self._result(exercise, first, second)
        return tuple(results[exercise.id] for exercise in self._tests.assignment.exercises)

    def attempts(
        self, session: Session, standing: Collection[str] = ()
    ) -> Iterator[tuple[Exercise, Attempt, Attempt | None]]:
        """Run every exercise with the student's own helpers, then once more with the host's where that can help.

        Nothing is kept of an exercise here once it is yielded: what a student's functions return may be large.

        Parameters
        ----------
        standing : collection of str
            Ids of exercises that need no second attempt.

        Yields
        ------
        (Exercise, Attempt, Attempt or None)
            As soon as it is known what becomes of an exercise; those with a second attempt come last.
        """
        by_function = {e.function: e for e in self._tests.assignment.exercises}
        is_wrong: dict[str, bool] = {}
        again: list[tuple[Exercise, Exercise, Attempt]] = []
        for exercise in self._tests.assignment.exercises:
            helper = by_function.get(exercise.helper or "")
            doubtful = helper is not None and is_wrong[helper.id]
            first = self._attempt(session, exercise, doubtful=doubtful)
            is_wrong[exercise.id] = bool(first.problems)
            is_answered = exercise.id in self._found.found and exercise.id not in standing
            if helper is not None and doubtful and first.problems and is_answered:
                again.append((exercise, helper, replace(first, observations=())))
            else:
                yield exercise, first, None
        for exercise, helper, first in again:
            # a fresh guest: what the host answers for the helper must not be there when the helper itself is graded
            session.run_cells()
            yield exercise, first, self._attempt(session, exercise, helper)

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
        everything = {check.name: Verdict(False) for check in exercise.checks}  # noqa: FBT003
        if cell is None:
            return Attempt(everything, stopped=Answer(outcome=Outcome.MISSING))
        if cell.index in session.deaths:
            return Attempt(everything, stopped=session.deaths[cell.index])
        if exercise.function in session.unbound:
            fault = session.faults.get(cell.index)
            outcome = Outcome.RAISED if fault else Outcome.MISSING
            return Attempt(everything, stopped=Answer(outcome=outcome, fault=fault))
        answer = partial(self._help, helper) if helper else None
        wrong: dict[str, list[Verdict]] = {}
        observations: list[Observation] = []
        cases = self._tests.order(exercise, self._student)
        sampled = {case.name for case in exercise.cases if case.sampled}
        for batch in filter(None, (cases[:1], cases[1:]) if doubtful else (cases,)):
            with session.budget.uncounted():
                inputs = [self._tests.inputs(exercise, case, self._student) for case in batch]
                wanted = [
                    (None, math.inf) if case in sampled else self._expected(exercise, case, arguments)
                    for case, arguments in zip(batch, inputs, strict=True)
                ]
            room = max(wire.room_for(expected) for expected, _ in wanted)
            name = helper.function if helper else None
            given = session.call_each(exercise.function, inputs, name, answer, room)
            for case, arguments, returned, (expected, seconds) in zip(batch, inputs, given, wanted, strict=False):
                if returned.outcome is not None:
                    if case in sampled:  # on inputs that not even the reference takes, it is our fault
                        self._expected(exercise, case, arguments)
                    return Attempt(everything, tuple(observations), returned)
                observations.append(Observation(case, arguments, returned.value, seconds))
                for check in exercise.checks:
                    verdict = judge(exercise, expected, observations[-1], check)
                    if not verdict.right:
                        wrong.setdefault(check.name, []).append(verdict)
            if len(given) < len(batch):
                raise GraderError(f"{exercise.id} was answered on {len(given)} of {len(batch)} cases.")
            if len(wrong) == len(exercise.checks):
                break
        for check in exercise.checks:
            problem = check.across(observations) if check.across is not None and check.name not in wrong else ""
            if problem:
                wrong[check.name] = [Verdict(False, problem)]  # noqa: FBT003
        return Attempt({name: most_telling(found) for name, found in wrong.items()}, tuple(observations))

    def _expected(self, exercise: Exercise, case: str, inputs: tuple[Any, ...]) -> tuple[Any, float]:
        """Return what the reference returns, and the seconds that it takes."""
        begun = time.thread_time()
        expected = self._tests.expected(exercise, case, inputs)
        return expected, time.thread_time() - begun

    def _help(self, helper: Exercise, /, *args: Any, **kwargs: Any) -> Any:
        return helping.call(helper, self._tests.reference.functions[helper.function], args, kwargs)

    def _result(self, exercise: Exercise, first: Attempt, second: Attempt | None) -> ExerciseResult:
        decisive = second if second is not None else first
        checks = []
        followed = False
        for check in exercise.checks:
            passed = check.name not in first.problems
            if not passed and second is not None and check.name not in second.problems:
                passed = followed = True
            verdict = Verdict(True) if passed else decisive.problems[check.name]  # noqa: FBT003
            checks.append(CheckResult(check.name, passed, check.weight, verdict.problem, verdict.departure))
        outcome = Outcome.PASSED
        if not all(check.passed for check in checks):
            stopped = decisive.stopped
            outcome = stopped.outcome if stopped and stopped.outcome else Outcome.FAILED
        words = _Words()
        if outcome is not Outcome.PASSED:
            try:
                words = self._words(exercise, decisive)
            except Exception as error:  # noqa: BLE001  the points are known: what fails here costs words alone
                self.failures.append(Failure.of(f"why {exercise.id} is wrong could not be found out", error))
        diagnosis = words.diagnosis
        weights = sum(check.weight for check in exercise.checks)
        earned = sum(check.weight for check in checks if check.passed)
        points = self._tests.reference.source.points[exercise.id]
        hints = tuple(Hint(mistake.id, mistake.idea, mistake.nearly) for mistake in diagnosis.mistakes)
        return ExerciseResult(
            id=exercise.id,
            function=exercise.function,
            score=points if earned == weights else round(points * earned / weights, 6),
            max_score=points,
            outcome=outcome,
            checks=tuple(checks),
            mistakes=tuple(hint.id for hint in hints),
            follow_through=followed,
            feedback=feedback(
                exercise,
                outcome,
                checks,
                reason=words.reason,
                hints=hints,
                together=diagnosis.together,
                follow_through=followed,
                untouched=words.untouched,
            ),
            line=words.line,
            hints=hints,
            together=diagnosis.together,
            place=self._tests.reference.source.places[exercise.id],
            cell=self._found.found[exercise.id].index if exercise.id in self._found.found else -1,
            untouched=words.untouched,
        )

    def _words(self, exercise: Exercise, attempt: Attempt) -> "_Words":
        """Find out why an exercise is wrong."""
        untouched = self._untouched(exercise)
        if attempt.stopped is not None:
            return _Words(*self._why(exercise, attempt.stopped), untouched=untouched)
        diagnosis = diagnose(exercise, attempt.observations, partial(self._tests.mistaken, exercise))
        return _Words(diagnosis=diagnosis, untouched=untouched)

    def _untouched(self, exercise: Exercise) -> bool:
        """Return whether an exercise's cell still does what it did when it was released; comments are no answer."""
        cell = self._found.found.get(exercise.id)
        if cell is None:
            return False
        theirs, released = parse_code(cell.text), parse_code(self._tests.skeleton(exercise))
        return theirs is not None and released is not None and syntax_trees.equal(theirs, released)

    def _why(self, exercise: Exercise, stopped: Answer) -> tuple[str, str]:
        """Return a sentence on why a function did not return, and the student's own line."""
        if stopped.fault is not None and stopped.outcome is Outcome.RAISED:
            return explain(stopped.fault, self._sources), line_of(stopped.fault, self._sources)
        if stopped.outcome is Outcome.MISSING and exercise.id in self._found.found:
            return f"Its cell was run, but `{exercise.function}` was no function afterwards.", ""
        return stopped.reason, ""
