"""The words of the project as data: assignments and their parts, outcomes and reports."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np

SCHEMA = 2  # of report.json


class Outcome(StrEnum):
    """What became of one exercise."""

    PASSED = "passed"  # every check right
    FAILED = "failed"  # it ran, and at least one check is wrong
    RAISED = "raised"  # the student's function raised an exception
    TIMED_OUT = "timed_out"  # it ran into its time limit
    KILLED = "killed"  # the guest died: memory, a crash, an exit
    MISSING = "missing"  # no such function in the notebook
    SKIPPED = "skipped"  # not reached: the submission used up its own limits
    GRADER_ERROR = "grader_error"  # ours: no score


class Status(StrEnum):
    """What became of one submission."""

    GRADED = "graded"
    REJECTED = "rejected"  # unreadable: score 0, with the reason
    GRADER_ERROR = "grader_error"  # ours: no score


@dataclass(frozen=True)
class Seed:
    """An argument that every call receives as a fresh ``numpy.random.default_rng(number)``."""

    number: int


@dataclass(frozen=True)
class Observation:
    """One case as it was run: its name, its inputs, and what the student's function returned.

    Attributes
    ----------
    seconds : float
        How long the reference computed, as far as known: so long will each known mistake.
    """

    case: str
    inputs: tuple[Any, ...]
    returned: Any
    seconds: float = 0.0


@dataclass(frozen=True)
class Check:
    """One returned value of an exercise.

    Attributes
    ----------
    name : str
        As the notebook calls it, e.g. ``a_next``.
    weight : float
        Its share of the exercise's points, relative to the other checks.
    key : int, str or None
        Where it stands in what the function returns: position in the tuple, or key of the dictionary; ``None`` where
        the function returns this one value alone.
    judge : callable or None
        For values that are random: from a case's inputs, one sample that is right (None where the case is `sampled`)
        and the student's, to what is wrong with it, empty where nothing is. Without one, values are compared entry by
        entry.
    across : callable or None
        What only several cases together can show (that an answer follows the generator it is given, say): from all
        observations to what is wrong, empty where nothing is. Asked only where every single case is right.
    """

    name: str
    weight: float
    key: int | str | None
    judge: Callable[[tuple[Any, ...], Any, Any], str] | None = None
    across: "Callable[[Sequence[Observation]], str] | None" = None


@dataclass(frozen=True)
class Case:
    """One hidden input.

    Attributes
    ----------
    name : str
        What is special about it, e.g. ``one step``; for the instructor, never shown to a student.
    draw : callable
        From a seeded generator to the positional arguments of the exercise's function.
    sampled : bool
        What is right here is a law, which the judges of all checks work out from the inputs; a sample of the
        reference's own says nothing about it. It is still asked where a student's function fails: whose fault is it?
    alone : bool
        Whether there is no second case of the same sizes beside it, as where nothing is drawn at random.
    twin_of : str
        The case that this one has its sizes from; set by `autograder.twins`, and by no definition.
    keeps_first : bool
        Whether it has that case's first argument as well.
    """

    name: str
    draw: Callable[[np.random.Generator], tuple[Any, ...]]
    sampled: bool = False
    alone: bool = False
    twin_of: str = ""
    keeps_first: bool = False


@dataclass(frozen=True)
class Mistake:
    """A known wrong solution.

    Attributes
    ----------
    id : str
        E.g. ``a0-at-every-step``.
    edits : tuple of (str, str)
        Old and new text; each old text stands exactly once in the reference solution's cell.
    idea : str
        The first hint: a question or an idea, never the answer.
    nearly : str
        The second hint: nearly there, still no code.
    """

    id: str
    edits: tuple[tuple[str, str], ...]
    idea: str
    nearly: str


@dataclass(frozen=True)
class Exercise:
    """One graded function.

    Attributes
    ----------
    id : str
        ``UNQ_C1``; also the nbgrader ``grade_id`` of its cell. The test cell's is ``test_UNQ_C1``.
    function : str
        The function's name.
    arguments : tuple of str
        Names of its positional arguments.
    checks, cases, mistakes : tuple
        What is checked, on which inputs, and which wrong solutions are known.
    helper : str or None
        Name of the earlier exercise's function that this one calls.
    """

    id: str
    function: str
    arguments: tuple[str, ...]
    checks: tuple[Check, ...]
    cases: tuple[Case, ...]
    mistakes: tuple[Mistake, ...] = ()
    helper: str | None = None


@dataclass(frozen=True)
class Assignment:
    """One folder of ``source/``, one notebook: the exercises in the order of the notebook."""

    name: str
    exercises: tuple[Exercise, ...]

    def exercise(self, exercise_id: str) -> Exercise:
        """Return the exercise with this id."""
        return next(e for e in self.exercises if e.id == exercise_id)


class Level(IntEnum):
    """How well student code is isolated; each includes what the one before it has.

    `NONE` is a separate process, and not enough for a submission. `FILTERED` has Landlock, seccomp and rlimits;
    `NAMESPACES` adds namespaces and a minimal root; `FULL` a control group of the guest's own.
    """

    NONE = 0
    FILTERED = 1
    NAMESPACES = 2
    FULL = 3

    @property
    def word(self) -> str:
        """How it is called on the command line and in reports."""
        return self.name.lower()

    @classmethod
    def from_word(cls, word: str) -> "Level | None":
        """Return the level of this name; None where there is none."""
        return cls.__members__.get(word.upper()) if word == word.lower() else None


class Band(StrEnum):
    """How far an answer is off, as a student may know it: never by how much exactly."""

    SLIGHT = "by less than a thousandth of the largest value"
    SMALL = "by less than a tenth of the largest value"
    LARGE = "by about as much as the values themselves"
    HUGE = "by far more than the values themselves"


@dataclass(frozen=True)
class Departure:
    """Where an array departs from what is right, without a value of either.

    Attributes
    ----------
    value : str
        Which array: ``caches[0][2][1]``.
    expected_shape, actual_shape : tuple of int
        The shapes; the rest is there only where they are equal.
    wrong, of : int
        How many entries are wrong, of how many.
    first : tuple of int
        The first wrong entry in the order of time, counted from 1: time step, row and column for three axes, row and
        column for two.
    band : Band or None
        How far the worst entry is off; None where it is not a finite number.
    picture : tuple of str
        One text for each row, one character for each time step (of two axes: column): ``.`` right, ``o`` wrong for
        some examples, ``#`` wrong for all. Empty where it would be too large.
    """

    value: str
    expected_shape: tuple[int, ...]
    actual_shape: tuple[int, ...]
    wrong: int = 0
    of: int = 0
    first: tuple[int, ...] = ()
    band: Band | None = None
    picture: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckResult:
    """Whether one check earned its weight."""

    name: str
    passed: bool
    weight: float
    problem: str = ""  # one sentence, for the student; empty when it passed
    departure: Departure | None = None


@dataclass(frozen=True)
class Hint:
    """What is known about a mistake that explains an answer: its id, the idea, and nearly the solution."""

    id: str
    idea: str
    nearly: str

    @property
    def words(self) -> str:
        """The mistake as a phrase: ``a0 at every step``."""
        return self.id.replace("-", " ")


@dataclass(frozen=True)
class ExerciseResult:
    """What one exercise earned, and why.

    Attributes
    ----------
    follow_through : bool
        True where a check was earned only with the helper answered by the host: an early error that was not
        punished twice.
    score : float or None
        None exactly where the outcome is ``grader_error``: it needs a person, and is neither zero nor full.
    feedback : str
        Plain text for the student.
    line : str
        The student's own line where the function raised, as ``line 14: y = np.dot(Wy, a)``; empty otherwise.
    hints : tuple of Hint
        One for each of `mistakes`.
    together : bool
        True where it takes all of `mistakes` at once to explain the answer; otherwise each explains it alone.
    place : str
        The heading of the notebook's section that holds the exercise.
    untouched : bool
        True where the cell is still as it was handed out.
    reason : str
        What raised, or which limit was hit, as `feedback` tells it: with it the text can be made again.
    """

    id: str
    function: str
    score: float | None
    max_score: float
    outcome: Outcome
    checks: tuple[CheckResult, ...] = ()
    mistakes: tuple[str, ...] = ()
    follow_through: bool = False
    feedback: str = ""
    line: str = ""
    hints: tuple[Hint, ...] = ()
    together: bool = False
    place: str = ""
    cell: int = -1
    untouched: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Provenance:
    """What a grade was made with, and can be reproduced from.

    Attributes
    ----------
    kernel : str
        Release of the kernel that held the student's code: isolation is its work.
    limits : str
        What one submission could use, in one line. Like the kernel, empty in reports older than this record.
    exercise_digests : tuple of (str, str)
        By exercise, the digest of all that decides its result beside the submission; see `autograder.digests`.
    grader_digest, words_digest : str
        Of the grader's own code: what of it decides points, and what words and pages are made with; see
        `autograder.code_digests`. Empty in reports of 0.1.0.
    """

    grader: str
    assignment_digest: str
    submission_sha256: str
    seed_key: str
    isolation: str
    python: str
    numpy: str
    kernel: str = ""
    limits: str = ""
    exercise_digests: tuple[tuple[str, str], ...] = ()
    grader_digest: str = ""
    words_digest: str = ""


@dataclass(frozen=True)
class Report:
    """What one submission earned, and why.

    Attributes
    ----------
    score : float or None
        The sum of the points that are known; None exactly where ``status`` is ``grader_error``: our failure is never a
        student's zero.
    reason : str
        Why it was rejected, or what failed on our side; empty when graded.
    notes : tuple of str
        Sentences about the notebook as a whole, for the student (a cell that failed, metadata that was lost).
    seconds : mapping
        Wall-clock seconds by stage.
    name : str
        The student's name, where a learning platform tells it and `student` is its number for them.
    received : tuple of str
        Sentences about what was handed in, and what of it counts.
    public_tests : bool
        Whether students of this assignment have public tests that they can run from a terminal.
    platform : str
        The learning platform whose number for them `student` is; empty where it is an id of another kind.
    """

    assignment: str
    student: str
    status: Status
    score: float | None
    max_score: float
    exercises: tuple[ExerciseResult, ...]
    provenance: Provenance
    reason: str = ""
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    name: str = ""
    received: tuple[str, ...] = ()
    public_tests: bool = False
    platform: str = ""

    @property
    def needs_person(self) -> bool:
        """Whether something of it could not be graded because of us."""
        return self.score is None or any(result.score is None for result in self.exercises)
