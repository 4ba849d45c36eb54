"""What an audit finds, as data, as a table for the terminal, and as JSON."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from rich.table import Table


class Fate(StrEnum):
    """What became of a mutant."""

    WRONG = "killed: wrong values"
    RAISED = "killed: it raised"
    STOPPED = "killed: a limit"
    BYTECODE = "equivalent: the same bytecode"
    ALGEBRA = "equivalent: the same formula"
    PRECISION = "equivalent within the tolerance: another dtype"
    WAIVED = "waived"
    SURVIVED = "SURVIVED"
    ESCAPED = "SURVIVED for some students"


KILLED = (Fate.WRONG, Fate.RAISED, Fate.STOPPED)
EQUIVALENT = (Fate.BYTECODE, Fate.ALGEBRA, Fate.PRECISION)


@dataclass(frozen=True)
class Submission:
    """A whole notebook that was graded: what it should earn, and the worst of what it earned."""

    name: str
    expected: float
    earned: float

    @property
    def ok(self) -> bool:
        """Whether it earned what it should."""
        return self.earned == self.expected


@dataclass(frozen=True)
class KnownMistake:
    """A mistake of the catalogue, put into the solution.

    Attributes
    ----------
    problem : str
        What is not as it should be: it loses no points, other checks than it should, or is named as another; empty
        where all is well.
    """

    exercise: str
    mistake: str
    problem: str = ""


@dataclass(frozen=True)
class Mutated:
    """A generated mutant.

    Attributes
    ----------
    margin : float or None
        For wrong values: how many tolerances the worst entry was off, with the student for whom that is least.
    reason : str
        Of a waiver, with the name of who gave it.
    """

    exercise: str
    operator: str
    line: int
    diff: str
    digest: str
    fate: Fate
    margin: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Findings:
    """What the audit of one assignment found.

    Attributes
    ----------
    assignment_digest : str
        What was audited.
    unused : tuple of str
        Waivers that no mutant needs: the solution has changed under them, or the tests have become better.
    """

    assignment: str
    assignment_digest: str
    students: int
    submissions: tuple[Submission, ...]
    mistakes: tuple[KnownMistake, ...]
    mutants: tuple[Mutated, ...]
    unused: tuple[str, ...] = ()

    @property
    def survivors(self) -> tuple[Mutated, ...]:
        """The mutants that nothing explains."""
        return tuple(m for m in self.mutants if m.fate in (Fate.SURVIVED, Fate.ESCAPED))

    @property
    def ok(self) -> bool:
        """Whether the hidden tests may be trusted."""
        return (
            all(submission.ok for submission in self.submissions)
            and not any(mistake.problem for mistake in self.mistakes)
            and not self.survivors
            and not self.unused
        )

    def to_json(self) -> dict[str, Any]:
        """Return the findings as JSON knows them."""
        return {"passed": self.ok, **asdict(self)}


def summary(findings: Findings, exercises: Sequence[str]) -> Table:
    """Return one line for each exercise."""
    table = Table(title=f"Audit of {findings.assignment}, {findings.students} students' inputs each")
    for heading in ("exercise", "mistakes", "as they should", "mutants", "killed", "equivalent", "waived", "survived"):
        table.add_column(heading, justify="left" if heading == "exercise" else "right")
    table.add_column("smallest margin", justify="right")
    for exercise in exercises:
        known = [m for m in findings.mistakes if m.exercise == exercise]
        made = [m for m in findings.mutants if m.exercise == exercise]
        fates = Counter(m.fate for m in made)
        margins = [m.margin for m in made if m.margin is not None]
        table.add_row(
            exercise,
            str(len(known)),
            str(sum(not m.problem for m in known)),
            str(len(made)),
            " + ".join(str(fates[fate]) for fate in KILLED),
            " + ".join(str(fates[fate]) for fate in EQUIVALENT),
            str(fates[Fate.WAIVED]),
            str(fates[Fate.SURVIVED] + fates[Fate.ESCAPED]),
            f"{min(margins):.0f} tolerances" if margins else "",
        )
    table.caption = (
        "killed: by wrong values + by raising + at a limit; equivalent: the same bytecode + the same formula "
        "+ another dtype within the tolerance"
    )
    return table


def complaints(findings: Findings) -> Iterable[str]:
    """Yield what is not as it should be, each as a text of its own."""
    for submission in findings.submissions:
        if not submission.ok:
            yield f"{submission.name} earned {submission.earned:g}; it should earn {submission.expected:g}."
    for mistake in findings.mistakes:
        if mistake.problem:
            yield f"{mistake.exercise}, the mistake {mistake.mistake!r}: {mistake.problem}"
    for mutant in findings.survivors:
        what = f"{mutant.exercise}, line {mutant.line}, {mutant.operator} ({mutant.digest})"
        yield f"{what}, {mutant.fate}:\n{mutant.diff}"
    for digest in findings.unused:
        yield f"The waiver {digest} is void: no mutant needs it. Remove it."
