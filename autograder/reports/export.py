"""What an export is made of and gives: submissions with their reports, names that others know them by, files."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from autograder.model import ExerciseResult, Report
from autograder.reports.class_rows import Register, Row

_Piece = TypeVar("_Piece")


@dataclass(frozen=True, slots=True)
class Entry:
    """One submission of a run: what is in memory of it, and where its whole report is.

    Attributes
    ----------
    row : Row
        All that a table needs.
    place : str
        The folder below the results that its report stands in, with forward slashes.
    load : callable
        Reads the whole report; raises `GraderError` where there is none.
    """

    row: Row
    place: str
    load: Callable[[], Report]

    @classmethod
    def of(cls, report: Report, place: str) -> "Entry":
        """Return the entry of a report that is in memory."""
        return cls(Register().add(report, place), place, lambda: report)

    @property
    def report(self) -> Report:
        """The whole report, read now: nobody keeps those of a whole class."""
        return self.load()

    @property
    def order(self) -> tuple[str, str]:
        """Where it stands in most files: by assignment, then by student."""
        return self.row.assignment, self.row.student


@dataclass(frozen=True)
class Naming:
    """What students and assignments are called elsewhere.

    Attributes
    ----------
    people : mapping
        From a student's id in the reports to what a learning platform knows of them, by the columns of
        `autograder.reports.roster.COLUMNS`.
    titles : mapping of str to str
        From an assignment's name to the heading of its column; an assignment that is not in it keeps its name.
    """

    people: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)

    def of(self, student: str, column: str) -> str:
        """Return what is known of a student; empty where nothing is."""
        return self.people.get(student, {}).get(column, "")

    def title(self, assignment: str) -> str:
        """Return the heading of an assignment's column."""
        return self.titles.get(assignment, assignment)


@dataclass(frozen=True)
class Export:
    """What one format makes of the reports of a run.

    Attributes
    ----------
    files : iterable of (str, iterable of str)
        A path below the folder of exports, with forward slashes, and the text, in pieces. Gone through once, when it is
        written: what is large is never in memory as a whole.
    notes : tuple of str
        Sentences for the instructor: what is not in the files, and why.
    lines : tuple of str
        For the standard output, where a CI system looks for them.
    summary : str
        For the file that a CI system shows as the summary of a step.
    folder : str
        A folder of the format's own, replaced as a whole: nothing of an earlier run is left in it.
    lost : list of (Entry, Exception)
        Submissions that are not in the files because of us; complete when the files are written.
    """

    files: Iterable[tuple[str, Iterable[str]]]
    notes: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    summary: str = ""
    folder: str = ""
    lost: "Lost" = field(default_factory=list)


Lost = list[tuple[Entry, Exception]]


def each(
    entries: Iterable[Entry],
    make: Callable[[Entry], _Piece],
    lost: Lost,
    instead: Callable[[Entry], _Piece] | None = None,
) -> Iterator[_Piece]:
    """Yield what is made of each submission; one that fails is put down, and costs no other its piece.

    Parameters
    ----------
    instead : callable, optional
        What to yield in the place of one that fails; nothing where there is none.
    """
    for entry in entries:
        try:
            piece = make(entry)
        except OSError:  # a disk, and not this entry
            raise
        except Exception as error:  # noqa: BLE001  ours, whatever it is
            lost.append((entry, error))
            if instead is not None:
                yield instead(entry)
        else:
            yield piece


def findings(result: ExerciseResult) -> list[str]:
    """Return what an exercise lost points for, a line each: checks that failed, where it raised, the feedback."""
    wrong = [f"{check.name}: {check.problem or 'not right'}" for check in result.checks if not check.passed]
    return [text for text in (*wrong, result.line, result.feedback) if text]
