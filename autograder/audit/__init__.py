"""Tests the hidden tests: the solution earns all, the scaffold nothing, every mistake and every mutant loses points.

Each is graded as a submission would be, in the same sandbox, with the inputs of several students: none must get through
because somebody's inputs happened to be kind.
"""

import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograder import assignments, run, variants
from autograder.audit import work
from autograder.audit.exam import STUDENTS, Sitting
from autograder.audit.findings import Fate, Findings, KnownMistake, Mutated, Submission
from autograder.audit.mutants import Mutant, mutants, scope_of
from autograder.course import Course
from autograder.errors import UsageError
from autograder.judging import ready
from autograder.model import Exercise, Outcome, Report
from autograder.reference import edited
from autograder.run import Setting

_TOGETHER = 16  # mutants that a worker is handed at once
_FEW = STUDENTS[:3]  # for whole notebooks


@dataclass(frozen=True)
class Waiver:
    """A surviving mutant that somebody has looked at: why it may live, and who says so."""

    reason: str
    by: str


class Audit:
    """The audit of one assignment, with its parts under way on an executor."""

    def __init__(self, setting: Setting, name: str, executor: Executor) -> None:
        """Hand out the work; `findings` collects it.

        Raises
        ------
        UsageError
            If the assignment is not fit to be graded, or has not been released.
        """
        self._setting, self._name, self._executor = setting, name, executor
        course = setting.course
        released = course.root / "release" / name / f"{name}.ipynb"
        if not released.is_file():
            raise UsageError(f"{released} is missing: run `autograder release {name}` first.")
        self._release = variants.read(released)
        self._waivers = waivers(course, name)
        grader = run.grader_of(setting, name)
        self._full = grader.max_score
        self._digest = grader.provenance.assignment_digest
        self.exercises = grader.assignment.exercises
        self._solutions = {e: c.source for e, c in grader.reference.source.solutions.items()}
        self._where = str(grader.reference.source.path)
        self._functions = grader.reference.functions
        self._whole = [
            ("the solution", self._full, min, self._graded(self._solutions)),
            ("the release, untouched", 0.0, max, self._graded({})),
        ]
        self._mistakes = [self._mistake(e, m.id) for e in self.exercises for m in e.mistakes]
        self._mutants = [part for exercise in self.exercises for part in self._sittings(exercise)]

    def _graded(self, sources: dict[str, str]) -> Future[list[Report]]:
        content = variants.write(variants.with_sources(self._release, sources))
        return self._executor.submit(work.graded, self._setting, self._name, content, _FEW)

    def _mistake(self, exercise: Exercise, mistake_id: str) -> Future[KnownMistake]:
        mistake = next(m for m in exercise.mistakes if m.id == mistake_id)
        wrong = edited(self._solutions[exercise.id], mistake, self._where)
        content = variants.write(variants.with_sources(self._release, self._solutions | {exercise.id: wrong}))
        return self._executor.submit(work.mistake, self._setting, self._name, exercise.id, mistake_id, content, _FEW)

    def _sittings(self, exercise: Exercise) -> Iterator[tuple[Exercise, list[Mutant], Future[list[list[Sitting]]]]]:
        inputs = ready(exercise.cases[0].draw(np.random.default_rng(0)))
        scope = scope_of(self._functions[exercise.function], inputs)
        made = mutants(self._solutions[exercise.id], exercise.function, scope)
        for start in range(0, len(made), _TOGETHER):
            part = made[start : start + _TOGETHER]
            sources = [mutant.source for mutant in part]
            yield exercise, part, self._executor.submit(work.sat, self._setting, self._name, exercise.id, sources)

    @property
    def parts(self) -> int:
        """How many parts were handed out; what survives them is decided in further ones."""
        return len(self._mutants) + len(self._mistakes)

    def findings(self, step: Callable[[], None] = lambda: None) -> Findings:
        """Wait for the parts and return what they found.

        Parameters
        ----------
        step : callable
            Called after each of `parts`.
        """
        done: list[Mutated] = []
        doubtful: list[tuple[int, Future[Fate]]] = []
        for exercise, part, future in self._mutants:
            for mutant, sittings in zip(part, future.result(), strict=True):
                found = _fate(exercise, mutant, sittings)
                if found.fate is Fate.SURVIVED:
                    doubtful.append((len(done), self._decide(exercise, mutant)))
                done.append(found)
            step()
        mistakes = []
        for known in self._mistakes:
            mistakes.append(known.result())
            step()
        for index, decision in doubtful:
            done[index] = replace(done[index], fate=decision.result())
        needed = {m.digest for m in done if m.fate in (Fate.SURVIVED, Fate.ESCAPED)}
        return Findings(
            self._name,
            self._digest,
            len(STUDENTS),
            tuple(
                Submission(name, wanted, _worst(future.result(), pick)) for name, wanted, pick, future in self._whole
            ),
            tuple(mistakes),
            tuple(self._waived(mutant) for mutant in done),
            tuple(digest for digest in self._waivers if digest not in needed),
        )

    def _decide(self, exercise: Exercise, mutant: Mutant) -> Future[Fate]:
        return self._executor.submit(work.decided, self._setting, self._name, exercise.id, mutant.source)

    def _waived(self, mutant: Mutated) -> Mutated:
        waiver = self._waivers.get(mutant.digest)
        if waiver is None or mutant.fate not in (Fate.SURVIVED, Fate.ESCAPED):
            return mutant
        return replace(mutant, fate=Fate.WAIVED, reason=f"{waiver.reason} ({waiver.by})")


def _fate(exercise: Exercise, mutant: Mutant, sittings: Sequence[Sitting]) -> Mutated:
    """Return what became of a mutant, for all students together: killed only if it is killed for each."""
    outcomes = [sitting.outcome for sitting in sittings]
    passed = outcomes.count(Outcome.PASSED)
    margin = None
    if passed:
        fate = Fate.SURVIVED if passed == len(outcomes) else Fate.ESCAPED
    elif Outcome.FAILED in outcomes:
        fate = Fate.WRONG
        margins = [s.margin for s in sittings if s.outcome is Outcome.FAILED and np.isfinite(s.margin)]
        margin = min(margins, default=None)
    else:
        fate = Fate.RAISED if set(outcomes) == {Outcome.RAISED} else Fate.STOPPED
    return Mutated(exercise.id, mutant.operator, mutant.line, mutant.diff, mutant.digest, fate, margin)


def _worst(reports: Sequence[Report], pick: Callable[[list[float]], float]) -> float:
    return pick([report.score if report.score is not None else float("nan") for report in reports])


def waivers(course: Course, name: str) -> dict[str, Waiver]:
    """Return an assignment's waivers by the mutant's digest: from NAME.waivers.toml beside its definition.

    Raises
    ------
    UsageError
        If the file is not what it should be.
    """
    path = assignments.file_of(course, name).with_suffix(".waivers.toml")
    if not path.is_file():
        return {}
    try:
        entries: list[Any] = tomllib.loads(path.read_text(encoding="utf-8")).get("waiver", [])
        return {str(e["mutant"]): Waiver(str(e["reason"]), str(e["by"])) for e in entries}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is not a file of waivers: {type(error).__name__}: {error}. Each [[waiver]] has mutant, reason, by."
        ) from error
