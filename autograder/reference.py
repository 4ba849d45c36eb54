"""The source notebook's solution cells as trusted functions, and as the known mistakes would have them.

Only a host imports this. What it executes is the instructor's own notebook and the course's own modules.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

from autograder import source
from autograder.course import MODULES, Course
from autograder.errors import UsageError
from autograder.model import Mistake
from autograder.source import SourceNotebook


@dataclass(frozen=True)
class Reference:
    """The functions that the solution cells define.

    Attributes
    ----------
    functions : mapping of str to callable
        By name. They share one namespace, as they do in the notebook.
    """

    source: SourceNotebook
    functions: Mapping[str, Callable[..., Any]]
    _imports: CodeType

    def mistaken(self, exercise_id: str, mistake: Mistake) -> dict[str, Callable[..., Any]]:
        """Return the functions as they are when one solution cell holds a known mistake.

        Raises
        ------
        UsageError
            If the mistake's edit no longer applies.
        """
        solutions = {e: c.source for e, c in self.source.solutions.items()}
        solutions[exercise_id] = edited(solutions[exercise_id], mistake, str(self.source.path))
        return _execute(self._imports, solutions, str(self.source.path))


def edited(solution: str, mistake: Mistake, where: str) -> str:
    """Return a solution cell's source with a mistake's edits made.

    Raises
    ------
    UsageError
        If an edit's old text does not stand exactly once in the cell: the solution has changed under it.
    """
    for old, new in mistake.edits:
        if solution.count(old) != 1:
            raise UsageError(
                f"{where}: the mistake {mistake.id!r} no longer applies: its text {old!r} stands "
                f"{solution.count(old)} times in the solution, not once."
            )
        solution = solution.replace(old, new)
    return solution


def load(course: Course, assignment: str) -> Reference:
    """Execute an assignment's import and solution cells and return what they define.

    Raises
    ------
    UsageError
        If the notebook is not a source notebook, or its cells fail.
    """
    notebook = source.read(course, assignment)
    _use_modules_of(course)
    imports = compile(notebook.imports, f"{notebook.path}: imports", "exec")
    solutions = {exercise: cell.source for exercise, cell in notebook.solutions.items()}
    functions = _execute(imports, solutions, str(notebook.path))
    return Reference(notebook, functions, imports)


def _use_modules_of(course: Course) -> None:
    """Let ``import rnn_utils`` find this course's modules, and not those of another course seen earlier."""
    root = str(course.root)
    if sys.path[:1] != [root]:
        sys.path[:] = [root, *(p for p in sys.path if p != root)]
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in MODULES and not (getattr(module, "__file__", None) or "").startswith(root + "/"):
            del sys.modules[name]


def _execute(imports: CodeType, solutions: Mapping[str, str], where: str) -> dict[str, Callable[..., Any]]:
    namespace: dict[str, Any] = {"__name__": "reference"}
    try:
        exec(imports, namespace)  # noqa: S102  the instructor's own cell
        given = set(namespace)
        for exercise, text in solutions.items():
            exec(compile(text, f"{where}: {exercise}", "exec"), namespace)  # noqa: S102  likewise
    except Exception as error:
        raise UsageError(f"{where}: its import or solution cells fail: {type(error).__name__}: {error}") from error
    return {name: value for name, value in namespace.items() if name not in given and callable(value)}
