"""Where in a submission each exercise is called: where its test stands, as in the student's own notebook.

A function is right if it is right as it stood where its test stands, or as the notebook leaves it. What a cell further
down does to a name (a loop over ``np``, an own ``softmax`` tried out on one vector) is no matter of a function that was
right when it was tested.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autograder.answers import Answers
from autograder.model import Assignment
from autograder.notebook import Notebook
from autograder.sandbox.session import CellToRun
from autograder.source import SourceNotebook

IMPORTS = "imports"  # nbgrader's name of the given import cell


@dataclass(frozen=True)
class Schedule:
    """Where exercises are called, and where given names are as the course gives them.

    Attributes
    ----------
    places : mapping of str to int
        By exercise id, the cell below which it is called: the submission's own test cell, else the graded cell itself.
        In the order in which they are called.
    imports : int
        The given import cell; -1 where the submission has it no more, or not as it was given.
    """

    places: Mapping[str, int]
    imports: int = -1

    def cells(self, own: Sequence[CellToRun]) -> list[CellToRun]:
        """Return the cells that are run, with the given import cell in its place among them."""
        restoring = [CellToRun(self.imports, "", restores=True)] if self.imports >= 0 else []
        return sorted([*own, *restoring], key=lambda cell: cell.index)


def schedule(notebook: Notebook, assignment: Assignment, source: SourceNotebook, answers: Answers) -> Schedule:
    """Return where a submission's exercises are called.

    Parameters
    ----------
    notebook : Notebook
        The submission, in which `answers` were found.
    """
    given = {cell.grade_id: cell.text for cell in source.given}
    places = {}
    for exercise in assignment.exercises:
        if exercise.id not in answers.found:
            continue
        own, test = answers.found[exercise.id].index, f"test_{exercise.id}"
        below = (
            cell.index
            for cell in notebook.cells
            if cell.index > own and (cell.grade_id == test or (test in given and cell.text == given[test]))
        )
        places[exercise.id] = next(below, own)
    imports = given.get(IMPORTS, "")
    restored = (cell.index for cell in notebook.cells if imports and cell.text == imports)
    return Schedule(dict(sorted(places.items(), key=lambda item: item[1])), next(restored, -1))
