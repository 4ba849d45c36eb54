"""The release's own steps inside ``nbgrader generate_assignment``: three preprocessors, and a converter that reports.

The only module of the release that imports nbgrader at once; ``nbgrader_config.py`` names these classes, and
`autograder.release` imports them when it is time to work.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ComputeChecksums,
    IncludeHeaderFooter,
    InstantiateTests,
    LockCells,
    NbGraderPreprocessor,
    SaveCells,
)
from traitlets import Unicode

from autograder.blanking import blank
from autograder.course import Course
from autograder.errors import UsageError
from autograder.leaks import find_leaks
from autograder.regions import RegionError, has_marker, is_solution, source_of
from autograder.release_folder import companions, files_of, place
from autograder.solutions import Answer, answers_of

# nbgrader clears the place of a new release before it asks any step, and asks none after a failure
_REMOVED = "nbgrader keeps no earlier release over this; `autograder release` does, until a new one is whole."
_SHOWN = 25  # leaks in one message: more than these are one cause
_VOLATILE_CELL = ("execution", "ExecuteTime")  # when it was last run
_VOLATILE_NOTEBOOK = ("celltoolbar", "widgets", "signature")  # the instructor's view and last run


class BlankSolutions(NbGraderPreprocessor):  # type: ignore[misc]
    """Blanks the answers of solution cells and keeps their skeleton; stands where ``ClearSolutions`` stood."""

    text_stub = Unicode("YOUR ANSWER HERE", help="What replaces a written solution").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Blank every solution cell, or refuse and name every cell that cannot be."""
        name = f"{resources['metadata']['name']}.ipynb"
        raw = _source(resources)
        problems = [f"{name}{p}" for p in _format_problems(raw)]
        warnings = resources.setdefault("release_warnings", [])
        for cell in nb.cells:
            try:
                said = self._blank(cell)
            except RegionError as problem:
                problems.append(f"{name}, cell {cell.id!r}, {problem}")
            else:
                warnings += [f"{name}, cell {cell.id!r}, {s}" for s in said]
            for key in _VOLATILE_CELL:
                cell.metadata.pop(key, None)
        if problems:
            raise UsageError("\n".join(problems))
        for warning in warnings:
            self.log.warning(warning)
        for key in _VOLATILE_NOTEBOOK:
            nb.metadata.pop(key, None)
        nb.metadata.get("language_info", {}).pop("version", None)  # of whichever Python saved it last
        return nb, resources

    def _blank(self, cell: Any) -> list[str]:
        if not is_solution(cell):
            if cell.cell_type == "code":
                _refuse_stray_markers(cell.source)
            return []
        if cell.cell_type != "code":
            cell.source = self.text_stub
            return []
        blanked = blank(cell.source)
        cell.source = blanked.text
        said = list(blanked.replaced)
        said += [f"line {n}: only None is left here, and no comment says what belongs there." for n in blanked.bare]
        if not cell.metadata.get("nbgrader", {}).get("solution"):
            said.append("line 1: it bears a unique id, but nbgrader does not know it as a solution: mark it as one.")
        return said


class ShipCompanions(NbGraderPreprocessor):  # type: ignore[misc]
    """Puts modules, requirements and README beside the notebook, whichever way nbgrader was called."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Write the files; nbgrader has made the folder's other files by now."""
        assignment = resources["nbgrader"]["assignment"]
        if resources["nbgrader"]["notebook"] == assignment:
            course = Course.at(Path(_coursedir(self).root))
            place(companions(course, assignment, _source(resources)), _folder(self, resources))
        return nb, resources


class RefuseLeaks(NbGraderPreprocessor):  # type: ignore[misc]
    """Refuses a release in which an expression of the solution stands anywhere; the last of all steps."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Look through the finished notebook and everything beside it.

        Raises
        ------
        UsageError
            With one line for each leak.
        """
        name = f"{resources['metadata']['name']}.ipynb"
        files = files_of(_folder(self, resources))
        files[name] = nbformat.writes(nb).encode()
        # every notebook of the folder: none may give away the answers of another
        notebooks = sorted(Path(resources["metadata"]["path"]).glob("*.ipynb"))
        answers = [a for path in notebooks for a in answers_in(_read(path))]
        leaks = find_leaks(answers, sorted(files.items()))
        if leaks:
            more = [f"… and {len(leaks) - _SHOWN} more."] if len(leaks) > _SHOWN else []
            by_hand = not isinstance(self.parent.parent, ReportingConverter)
            raise UsageError(
                "\n".join(
                    [
                        f"{name} is not released: it would give its solution away.",
                        *(f"{resources['nbgrader']['assignment']}/{leak}" for leak in leaks[:_SHOWN]),
                        *more,
                        "Say it another way there (a formula, a question, other code), or put it inside the region.",
                        *([_REMOVED] if by_hand else []),
                    ]
                )
            )
        return nb, resources


# nbgrader's own list, with ClearSolutions replaced and two steps added at the end.
STEPS = [
    IncludeHeaderFooter,
    InstantiateTests,
    LockCells,
    BlankSolutions,
    ClearOutput,
    CheckCellMetadata,
    ComputeChecksums,
    SaveCells,
    ClearHiddenTests,
    ClearMarkScheme,
    ComputeChecksums,
    CheckCellMetadata,
    ShipCompanions,
    RefuseLeaks,
]


class ReportingConverter(GenerateAssignment):  # type: ignore[misc]
    """nbgrader's converter, which remembers what nbgrader itself only logs.

    Attributes
    ----------
    failure : Exception or None
        The first exception of a step.
    warnings : list of str
        What `BlankSolutions` has to say.
    """

    failure: Exception | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.warnings: list[str] = []

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Do as nbgrader does, and remember a failure."""
        try:
            super().init_assignment(assignment_id, student_id)
        except Exception as error:
            self.failure = self.failure or error
            raise

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """Do as nbgrader does, and remember a failure."""
        try:
            super().convert_single_notebook(notebook_filename)
        except Exception as error:
            self.failure = self.failure or error
            raise

    def write_single_notebook(self, output: str, resources: Any) -> None:
        """Do as nbgrader does, and remember the warnings."""
        self.warnings += resources.get("release_warnings", [])
        super().write_single_notebook(output, resources)


def answers_in(notebook: dict[str, Any]) -> list[Answer]:
    """Return the answers of all solution cells of a source notebook."""
    cells = (c for c in notebook["cells"] if c.get("cell_type") == "code" and is_solution(c))
    return [a for c in cells for a in answers_of(source_of(c), str(c.get("id", "")))]


def _source(resources: Any) -> dict[str, Any]:
    """Read the notebook as it stands in the file, before nbformat mended anything."""
    return _read(Path(resources["metadata"]["path"]) / f"{resources['metadata']['name']}.ipynb")


def _read(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def _format_problems(notebook: dict[str, Any]) -> list[str]:
    version = (notebook.get("nbformat"), notebook.get("nbformat_minor", 0))
    if version < (4, 5):
        return [f": it has nbformat {version[0]}.{version[1]}, without cell ids. Save it once with a current Jupyter."]
    ids = Counter(cell.get("id") for cell in notebook["cells"])
    missing = [": a cell has no id. Save it once with a current Jupyter."] if None in ids else []
    return missing + [f": {n} cells have the id {i!r}; give each its own." for i, n in ids.items() if i and n > 1]


def _refuse_stray_markers(source: str) -> None:
    for number, line in enumerate(source.splitlines(), 1):
        if has_marker(line):
            raise RegionError(
                number,
                "a START or END marker in a cell that is no solution cell: its answer would be released. Mark the "
                "cell as a solution in nbgrader, or begin it with its # UNQ_Cn line.",
            )
        if "BEGIN SOLUTION" in line or "END SOLUTION" in line:
            raise RegionError(
                number,
                "BEGIN SOLUTION and END SOLUTION mean nothing in this course. Use ### START CODE HERE ### and "
                "### END CODE HERE ### in a solution cell.",
            )


def _coursedir(step: Any) -> Any:
    return step.parent.parent.coursedir  # preprocessor -> exporter -> converter


def _folder(step: Any, resources: Any) -> Path:
    """Return the folder of the assignment that is being written."""
    where = _coursedir(step)
    names = resources["nbgrader"]
    return Path(where.format_path(where.release_directory, names["student"], names["assignment"]))
