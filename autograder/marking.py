"""Marks the exercises of one submission: runs them in a session, compares, and says what they are worth."""

import math
import re
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from autograder import helping, needed, syntax_trees
from autograder.answers import Answers, newer
from autograder.compare import Verdict
from autograder.diagnose import Diagnosis, diagnose
from autograder.errors import GraderError
from autograder.explain import explain, failed_imports, line_of
from autograder.failures import Failure
from autograder.feedback import feedback
from autograder.hidden_tests import HiddenTests
from autograder.judging import judge, most_telling
from autograder.model import CheckResult, Exercise, ExerciseResult, Hint, Observation, Outcome
from autograder.newer_syntax import Newer
from autograder.notebook import parse_code
from autograder.sandbox import wire
from autograder.sandbox.session import Answer, Fault, Session

_ENDLESS = frozenset([Outcome.TIMED_OUT, Outcome.KILLED, Outcome.SKIPPED])  # what the same call would end with again
_TOLD_CELLS = 4  # that stopped, in notes
_SLOW_HELPER_SECONDS = 0.05  # of one call of a helper: then it may have used up the time of whoever calls it


def _is_over(attempt: "Attempt") -> bool:
    """Return whether an attempt came to an end by itself: after a time limit another one would take as long."""
    return attempt.stopped is None or attempt.stopped.outcome not in _ENDLESS


def _is_timed_out(attempt: "Attempt") -> bool:
    return attempt.stopped is not None and attempt.stopped.outcome is Outcome.TIMED_OUT


_UNKNOWN_NAME = re.compile(r"name '(\w+)' is not defined")


def _too_old(what: str, later: Newer) -> str:
    """Return the sentence for what our Python is too old to read."""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    theirs = f"{later.version[0]}.{later.version[1]}"
    return (
        f"It could not be graded here: {what} is written in Python {theirs}, and the grader runs {ours}, which cannot "
        "read it. That costs no points: a person, or a newer grader, will grade it."
    )


def _share(points: float, earned: float, weights: float) -> float:
    return points if earned == weights else round(points * earned / weights, 6)


@dataclass(frozen=True)
class Attempt:
    """An exercise as it was run once: what is wrong with each check, and how the run ended.

    Attributes
    ----------
    problems : mapping of str to Verdict
        By check; a check without a problem is right on every case.
    stopped : Answer or None
        What kept the function from returning on some case.
    helped : bool
        Whether it called its helper, as far as known.
    seconds : float
        Wall-clock seconds of one call.
    at_end : bool
        Whether it was run below all cells, and not where its test stands.
    """

    problems: Mapping[str, Verdict]
    observations: tuple[Observation, ...] = ()
    stopped: Answer | None = None
    helped: bool = True
    seconds: float = 0.0
    at_end: bool = False


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

    def __init__(self, tests: HiddenTests, student: str, found: Answers, places: Mapping[str, int]) -> None:
        """Keep what is to be marked.

        Parameters
        ----------
        tests : HiddenTests
            Of the assignment.
        student : str
            Whose inputs are drawn.
        found : Answers
            Where the answers stand in the submission.
        places : mapping of str to int
            By exercise id, below which cell it is called.
        """
        self.failures: list[Failure] = []
        self._tests, self._student, self._found = tests, student, found
        self._faults: Mapping[int, Sequence[Fault]] = {}
        self._places = places
        self._end = found.cells[-1].index if found.cells else -1
        self._by_function = {exercise.function: exercise for exercise in tests.assignment.exercises}
        self._sources = {cell.index: cell.source for cell in found.cells}
        self._later: dict[int, Newer | None] = {}

    def results(self, session: Session, standing: Sequence[ExerciseResult] = ()) -> tuple[ExerciseResult, ...]:
        """Run every exercise and say what it is worth.

        Parameters
        ----------
        standing : sequence of ExerciseResult
            Results that stand as they are. Their exercises are called all the same, in their turn: what they leave
            behind in the notebook is there for the others as it would be if all were marked.
        """
        self._faults = session.faults
        results = {result.id: result for result in standing}
        for exercise, first, second in self.attempts(session, frozenset(results)):
            if exercise.id not in results:
                with session.budget.uncounted():
                    results[exercise.id] = self._result(exercise, first, second)
        return tuple(results[exercise.id] for exercise in self._tests.assignment.exercises)

    def stopped_cells(self) -> list[str]:
        """Return a sentence for each of the student's cells that stopped on the way, but not for too many."""
        # a cell that our Python cannot read is told as ours, with its exercise
        stopped = [(index, faults) for index, faults in sorted(self._faults.items()) if self._newer(index) is None]
        missing = failed_imports(self._faults, self._sources)
        sentences = []
        for index, faults in stopped[:_TOLD_CELLS]:
            where = f" at its line {faults[0].line}" if faults[0].cell == index and faults[0].line else ""
            why = explain(faults[0], self._sources, missing)
            sentences.append(f"Cell {index + 1} stopped{where}: {why} What else is in it was run all the same.")
        if len(stopped) > _TOLD_CELLS:
            more = len(stopped) - _TOLD_CELLS
            sentences.append(f"{more} more cell{'s' if more > 1 else ''} stopped like that.")
        return sentences

    def attempts(
        self, session: Session, standing: Collection[str] = ()
    ) -> Iterator[tuple[Exercise, Attempt, Attempt | None]]:
        """Run every exercise where its test stands; what is wrong there once more at the end, then with help.

        Cells are run on the way, and not at all below the last exercise where everything is right. Of the attempts with
        the student's own helper the better one counts, as a whole. Nothing is kept of an exercise here once it is
        yielded: what a student's functions return may be large.

        Parameters
        ----------
        standing : collection of str
            Ids of exercises whose results stand: they are called all the same, once.

        Yields
        ------
        (Exercise, Attempt, Attempt or None)
            With the student's own helper, and with the host's; as soon as it is known what becomes of an exercise.
        """
        tried: dict[str, Attempt] = {}
        for exercise in self._in_order():
            attempt = self._in_place(session, exercise, tried)
            tried[exercise.id] = replace(attempt, observations=())
            if not attempt.problems or exercise.id in standing or exercise.id not in self._places:
                yield exercise, attempt, None
            else:
                tried[exercise.id] = attempt
        left = [e for e in self._in_order() if tried[e.id].problems and e.id not in standing and e.id in self._places]
        changing = [e for e in left if _is_over(tried[e.id]) and self._may_change(session, e)]
        if changing:
            session.run_to(self._end)
            for exercise in changing:
                last = self._attempt(session, exercise)
                if self._earned(exercise, last) > self._earned(exercise, tried[exercise.id]):
                    tried[exercise.id] = replace(last, at_end=True)
        for exercise in left:
            own = tried[exercise.id]
            helper = self._by_function.get(exercise.helper or "")
            if helper is None or not own.problems or not self._may_be_helped(own, tried.get(helper.id)):
                yield exercise, own, None
                continue
            # a fresh guest: what the host answers for the helper must not be there when the helper itself is graded
            session.renew(self._end if own.at_end else self._places[exercise.id])
            yield exercise, own, self._attempt(session, exercise, helper)

    def _may_change(self, session: Session, exercise: Exercise) -> bool:
        """Return whether a call at the end of the notebook may come to something else."""
        own, place = self._found.found[exercise.id].index, self._places[exercise.id]
        later = self._found.later.get(exercise.id)
        return (later is not None and later.index > place) or needed.may_change(session.cells, own, place)

    def _counted(self, exercise: Exercise, attempt: Attempt) -> int:
        """Return the cell whose function an attempt was made with; -1 where there is none."""
        found, later = self._found.found.get(exercise.id), self._found.later.get(exercise.id)
        if found is None:
            return -1
        if later is None or later.index < found.index:
            return found.index
        return later.index if attempt.at_end or later.index <= self._places[exercise.id] else found.index

    def _in_order(self) -> list[Exercise]:
        """Return the exercises in the order in which they are called; those that are missing come first."""
        exercises = self._tests.assignment.exercises
        return sorted(exercises, key=lambda exercise: self._places.get(exercise.id, -1))

    def _in_place(self, session: Session, exercise: Exercise, tried: Mapping[str, Attempt]) -> Attempt:
        """Run an exercise where its test stands."""
        if exercise.id in self._places:
            session.run_to(self._places[exercise.id])
        helper = self._by_function.get(exercise.helper or "")
        known = tried.get(helper.id) if helper is not None else None
        if known is not None and known.stopped is not None and known.stopped.outcome in _ENDLESS:
            # calling it again would take as long again; the host's helper is what can save this one
            return Attempt(self._everything(exercise), stopped=known.stopped)
        return self._attempt(session, exercise, doubtful=known is not None and bool(known.problems))

    def _may_be_helped(self, own: Attempt, helper: Attempt | None) -> bool:
        """Return whether an exercise that is wrong could be right with the host's helper."""
        if own.stopped is not None and own.stopped.outcome is Outcome.MISSING:
            return False
        if _is_timed_out(own) and helper is not None and not _is_timed_out(helper):
            return helper.seconds > _SLOW_HELPER_SECONDS  # else it is not the helper's time that was used up
        return own.helped or (helper is not None and helper.stopped is not None)

    def _earned(self, exercise: Exercise, attempt: Attempt) -> float:
        return sum(check.weight for check in exercise.checks if check.name not in attempt.problems)

    def _everything(self, exercise: Exercise) -> dict[str, Verdict]:
        return {check.name: Verdict(False) for check in exercise.checks}  # noqa: FBT003

    def _attempt(
        self,
        session: Session,
        exercise: Exercise,
        helper: Exercise | None = None,
        *,
        doubtful: bool = False,
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
        everything = self._everything(exercise)
        if cell is None:
            hint = self._found.hints.get(exercise.id, "")
            return Attempt(everything, stopped=Answer(outcome=Outcome.MISSING, reason=hint), helped=False)
        if exercise.function in session.unbound:
            later = self._newer(cell.index)
            if later is not None:
                cannot = Answer(outcome=Outcome.GRADER_ERROR, reason=_too_old("its cell", later))
                return Attempt(everything, stopped=cannot, helped=False)
            if cell.index in session.deaths:
                return Attempt(everything, stopped=session.deaths[cell.index], helped=False)
            fault = next(iter(session.faults.get(cell.index, ())), None)
            outcome = Outcome.RAISED if fault else Outcome.MISSING
            return Attempt(everything, stopped=Answer(outcome=outcome, fault=fault), helped=False)
        answer = partial(self._help, helper) if helper else None
        wrong: dict[str, list[Verdict]] = {}
        helped, seconds_each = False, 0.0
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
            name, takes = (helper.function, len(helper.arguments)) if helper else (None, 0)
            begun = time.monotonic()
            given = session.call_each(exercise.function, inputs, name, answer, room, takes)
            seconds_each = (time.monotonic() - begun) / len(batch)
            helped |= any(one.helped for one in given)
            for case, arguments, returned, (expected, seconds) in zip(batch, inputs, given, wanted, strict=False):
                if returned.outcome is not None:
                    if case in sampled:  # on inputs that not even the reference takes, it is our fault
                        self._expected(exercise, case, arguments)
                    return Attempt(everything, tuple(observations), returned, helped, seconds_each)
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
        problems = {name: most_telling(found) for name, found in wrong.items()}
        return Attempt(problems, tuple(observations), None, helped, seconds_each)

    def _expected(self, exercise: Exercise, case: str, inputs: tuple[Any, ...]) -> tuple[Any, float]:
        """Return what the reference returns, and the seconds that it takes."""
        begun = time.thread_time()
        expected = self._tests.expected(exercise, case, inputs)
        return expected, time.thread_time() - begun

    def _help(self, helper: Exercise, /, *args: Any, **kwargs: Any) -> Any:
        return helping.call(helper, self._tests.reference.functions[helper.function], args, kwargs)

    def _result(self, exercise: Exercise, first: Attempt, second: Attempt | None) -> ExerciseResult:
        decisive = self._decisive(exercise, first, second)
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
        missing = self._not_read_here(decisive.stopped) if outcome is Outcome.RAISED else ""
        if missing:
            outcome = Outcome.GRADER_ERROR
            decisive = replace(decisive, stopped=Answer(outcome=outcome, reason=missing))
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
            score=None if outcome is Outcome.GRADER_ERROR else _share(points, earned, weights),
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
            cell=self._counted(exercise, first),
            untouched=words.untouched,
            reason=words.reason,
        )

    def _decisive(self, exercise: Exercise, first: Attempt, second: Attempt | None) -> Attempt:
        """Return the attempt that decides outcome and words: the one that earned more, else the one that returned."""
        if second is None:
            return first
        gained = self._earned(exercise, second) - self._earned(exercise, first)
        if gained:
            return second if gained > 0 else first
        return first if first.stopped is None and second.stopped is not None else second

    def _newer(self, index: int) -> Newer | None:
        """Return what a cell of the submission is in a newer Python than ours; None where it is none."""
        if index not in self._later:
            self._later[index] = newer(self._sources[index], self._found.written_for)
        return self._later[index]

    def _not_read_here(self, stopped: Answer | None) -> str:
        """Return why a name was not there, where a cell that our Python cannot read may have bound it; else nothing."""
        fault = stopped.fault if stopped is not None else None
        name = _UNKNOWN_NAME.match(fault.message) if fault is not None and fault.type == "NameError" else None
        for index, source in self._sources.items() if name else ():
            if name and name[1] in source and (later := self._newer(index)) is not None:
                return _too_old(f"cell {index + 1}, which `{name[1]}` stands in,", later)
        return ""

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
            missing = failed_imports(self._faults, self._sources)
            return explain(stopped.fault, self._sources, missing), line_of(stopped.fault, self._sources)
        if stopped.outcome is Outcome.MISSING and exercise.id in self._found.found:
            return f"Its cell was run, but `{exercise.function}` was no function afterwards.", ""
        return stopped.reason, ""
