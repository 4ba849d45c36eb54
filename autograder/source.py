"""A source notebook: the one truth about its assignment. Points, solutions, given cells."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from autograder import notebook
from autograder.course import Course
from autograder.errors import SubmissionError, UnreadableError, UsageError
from autograder.notebook import Cell

MARKER = re.compile(r"^\s*#\s*(UNQ_C\d+)\b", re.MULTILINE)
_HEADING = re.compile(r"^#{1,3}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_FUNCTION = re.compile(r"^def\s+(\w+)\s*\(", re.MULTILINE)


@dataclass(frozen=True)
class SourceNotebook:
    """What the grader takes from a source notebook.

    Attributes
    ----------
    imports : str
        The given import cell, restored in every submission.
    solutions : mapping of str to Cell
        By exercise id, in the order of the notebook.
    points : mapping of str to float
        By exercise id; they stand in the nbgrader metadata of the test cell, and nowhere else.
    given : tuple of Cell
        The locked cells: public tests and demonstrations, which are not run again when a submission is graded.
    code : str
        All code cells.
    places : mapping of str to str
        By exercise id, the heading of the section that it stands in; empty where there is none.
    """

    path: Path
    sha256: str
    imports: str
    solutions: Mapping[str, Cell]
    points: Mapping[str, float]
    given: tuple[Cell, ...]
    code: str
    places: Mapping[str, str]

    @cached_property
    def given_texts(self) -> frozenset[str]:
        """The texts of the locked cells, to recognise them by where metadata was lost."""
        return frozenset(cell.text for cell in self.given)

    def graded_functions(self) -> frozenset[str]:
        """Return the names of the functions that the exercises' cells define at top level."""
        return frozenset(name for cell in self.solutions.values() for name in functions_in(cell.source))


def functions_in(source: str) -> list[str]:
    """Return the names of the functions that a cell defines at top level."""
    return _FUNCTION.findall(source)


def whose(course: Course, cells: Iterable[Cell]) -> str:
    """Return the assignment whose functions these cells define; empty where it is none of this course."""
    defined = {name for cell in cells for name in functions_in(cell.source)}
    shares = {}
    for name in course.assignments() if defined else ():
        try:
            shares[name] = len(defined & read(course, name).graded_functions())
        except UsageError:
            continue  # another assignment is broken, which is no matter of this one
    best = max(shares, key=lambda name: shares[name], default="")
    return best if shares.get(best) else ""


def read(course: Course, assignment: str) -> SourceNotebook:
    """Return the source notebook of an assignment.

    Raises
    ------
    UsageError
        If it is missing or not what a source notebook must be, in one clear line.
    """
    path = course.source_notebook(assignment)
    try:
        content = notebook.read_bytes(path)
        document = notebook.parse(content)
    except (SubmissionError, UnreadableError) as error:
        raise UsageError(f"{path}: {error}") from error
    solutions: dict[str, Cell] = {}
    for cell in document.cells:
        marker = MARKER.search(cell.source)
        if marker and not cell.locked:
            if marker[1] in solutions:
                raise UsageError(f"{path}: two cells bear the marker {marker[1]}.")
            solutions[marker[1]] = cell
    if not solutions:
        raise UsageError(f"{path}: no solution cell bears a marker such as '# UNQ_C1'.")
    by_id = {cell.grade_id: cell for cell in document.cells if cell.grade_id}
    points = {}
    for exercise in solutions:
        test = by_id.get(f"test_{exercise}")
        if test is None or test.points <= 0:
            raise UsageError(
                f"{path}: {exercise} has no test cell 'test_{exercise}' with points in its nbgrader metadata."
            )
        points[exercise] = test.points
    imports = by_id.get("imports")
    if imports is None:
        raise UsageError(f"{path}: the import cell with grade_id 'imports' is missing.")
    given = tuple(cell for cell in document.cells if cell.locked)
    code = "\n".join(cell.source for cell in document.cells)
    headings = _headings(content)
    places = {exercise: headings.get(cell.index, "") for exercise, cell in solutions.items()}
    return SourceNotebook(path, document.sha256, imports.source, solutions, points, given, code, places)


def _headings(content: bytes) -> dict[int, str]:
    """Return the heading above each cell of a notebook, by the cell's index; of a notebook that has been read."""
    found, heading = {}, ""
    for index, cell in enumerate(json.loads(content).get("cells", [])):
        text = cell.get("source", "")
        if cell.get("cell_type") == "markdown":
            above = _HEADING.findall(text if isinstance(text, str) else "".join(text))
            heading = above[-1].strip() if above else heading
        found[index] = heading
    return found
