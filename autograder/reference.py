"""The source notebook's solution cells as trusted functions, and as the known mistakes would have them.

Only a host imports this. What it executes is the instructor's own notebook and the course's own modules.
"""

import ast
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

from autograder import source
from autograder.course import MODULES, Course
from autograder.errors import UsageError
from autograder.model import Mistake
from autograder.source import SourceNotebook
from autograder.switches import Switches


@dataclass(frozen=True)
class Reference:
    """The functions that the solution cells define.

    Attributes
    ----------
    functions : mapping of str to callable
        By name. They share one namespace, as they do in the notebook.
    given : mapping of str to object
        What the import cell leaves there.
    """

    source: SourceNotebook
    functions: Mapping[str, Callable[..., Any]]
    given: Mapping[str, Any]
    _solutions: Mapping[str, CodeType]

    def mistaken(self, exercise_id: str, *mistakes: Mistake) -> dict[str, Callable[..., Any]]:
        """Return the functions as they are when one solution cell holds known mistakes.

        Raises
        ------
        UsageError
            If an edit does not apply, alone or after the others.
        """
        where = str(self.source.path)
        codes = {**self._solutions, exercise_id: _compiled(self.text(exercise_id, *mistakes), where, exercise_id)}
        return _functions(self.given, codes, where)

    def text(self, exercise_id: str, *mistakes: Mistake) -> str:
        """Return a solution cell's source with known mistakes.

        Raises
        ------
        UsageError
            Likewise.
        """
        text = self.source.solutions[exercise_id].source
        for mistake in mistakes:
            text = edited(text, mistake, str(self.source.path))
        return text

    def switched(self, exercise_id: str, mistakes: Sequence[Mistake]) -> tuple[Switches, dict[str, Callable[..., Any]]]:
        """Return the functions with known mistakes that can be switched on and off, and their switches."""
        where = str(self.source.path)
        solution = self.source.solutions[exercise_id].source
        versions = [self.text(exercise_id, mistake) for mistake in mistakes]
        switches = Switches(solution, versions, {*self.given, *self.functions})
        codes = {**self._solutions, exercise_id: _compiled(switches.code, where, exercise_id)}
        return switches, _functions({**self.given, **switches.globals}, codes, where)


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
    where = str(notebook.path)
    given: dict[str, Any] = {"__name__": "reference"}
    try:
        exec(compile(notebook.imports, f"{where}: imports", "exec"), given)  # noqa: S102  the instructor's own cell
    except Exception as error:
        raise _failing(where, error) from error
    codes = {exercise: _compiled(cell.source, where, exercise) for exercise, cell in notebook.solutions.items()}
    return Reference(notebook, _functions(given, codes, where), given, codes)


def _use_modules_of(course: Course) -> None:
    """Let ``import rnn_utils`` find this course's modules, and not those of another course seen earlier."""
    root = str(course.root)
    if sys.path[:1] != [root]:
        sys.path[:] = [root, *(p for p in sys.path if p != root)]
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in MODULES and not (getattr(module, "__file__", None) or "").startswith(root + "/"):
            del sys.modules[name]


def _compiled(text: str | ast.Module, where: str, exercise: str) -> CodeType:
    try:
        return compile(text, f"{where}: {exercise}", "exec")
    except (SyntaxError, ValueError) as error:
        raise _failing(where, error) from error


def _functions(given: Mapping[str, Any], codes: Mapping[str, CodeType], where: str) -> dict[str, Callable[..., Any]]:
    """Execute solution cells beside what the import cell has given, and return what they define."""
    namespace = dict(given)
    try:
        for code in codes.values():
            exec(code, namespace)  # noqa: S102  the instructor's own cells
    except Exception as error:
        raise _failing(where, error) from error
    return {name: value for name, value in namespace.items() if callable(value) and value is not given.get(name)}


def _failing(where: str, error: Exception) -> UsageError:
    return UsageError(f"{where}: its import or solution cells fail: {type(error).__name__}: {error}")
