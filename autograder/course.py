"""Where things stand in a course folder, and which of its files travel with one assignment."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import UsageError

CONFIG = "nbgrader_config.py"
MODULES = ("rnn_utils", "public_tests")  # packages that the notebooks import and the release carries

# nbgrader's own rule for names of assignments, made stricter: the name becomes a folder, a file and a module
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True)
class Course:
    """A folder with ``nbgrader_config.py`` and ``source/``; the package may be installed elsewhere."""

    root: Path

    @classmethod
    def at(cls, folder: Path) -> "Course":
        """Return the course in `folder`.

        Raises
        ------
        UsageError
            If the folder is not a course.
        """
        root = folder.resolve()
        if not (root / CONFIG).is_file() or not (root / "source").is_dir():
            raise UsageError(
                f"{root} is not a course: it has no {CONFIG} beside a source/ folder. "
                "Go to the course's folder, or name it with --course."
            )
        return cls(root)

    def assignments(self) -> list[str]:
        """Return the names of all assignments, in alphabetical order."""
        return sorted(p.parent.name for p in (self.root / "source").glob("*/*.ipynb") if p.stem == p.parent.name)

    def gradebook(self) -> tuple[str, str]:
        """Return the gradebook's URL and the course's id as nbgrader is configured; empty where it is not.

        Raises
        ------
        UsageError
            If the configuration cannot be read.
        """
        from traitlets.config.loader import PyFileConfigLoader  # noqa: PLC0415  needed only where there is a gradebook

        try:
            config = PyFileConfigLoader(CONFIG, path=str(self.root)).load_config()
        except Exception as error:  # it is Python, and can fail in every way
            raise UsageError(f"{self.root / CONFIG} cannot be read: {type(error).__name__}: {error}") from error
        settings = config.get("CourseDirectory", {})
        return str(settings.get("db_url", "")), str(settings.get("course_id", ""))

    def source_notebook(self, assignment: str) -> Path:
        """Return the path of an assignment's source notebook.

        Raises
        ------
        UsageError
            If there is no such assignment.
        """
        path = self.root / "source" / assignment / f"{assignment}.ipynb"
        if not _NAME.match(assignment) or not path.is_file():
            known = ", ".join(self.assignments()) or "none"
            raise UsageError(
                f"There is no assignment {assignment!r} in {self.root}: source/{assignment}/{assignment}.ipynb "
                f"is missing. Known assignments: {known}."
            )
        return path

    def shipped_modules(self, graded: frozenset[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the course's own modules as an assignment may carry them.

        A module that defines a function which the assignment grades stays behind: later assignments are given the
        solutions of earlier ones, and those must reach neither the earlier release nor an earlier guest.

        Parameters
        ----------
        graded : frozenset of str
            Names of the functions that the assignment grades.

        Yields
        ------
        (str, bytes)
            Path relative to the course with forward slashes, and the file's content; in sorted order.
        """
        for package in MODULES:
            folder = self.root / package
            for path in sorted(folder.rglob("*")):
                if path.suffix not in {".py", ".npz", ".txt"} or not path.is_file():
                    continue
                content = path.read_bytes()
                if path.suffix == ".py" and _defines_any(content, graded):
                    continue
                yield path.relative_to(self.root).as_posix(), content


def _defines_any(source: bytes, names: frozenset[str]) -> bool:
    """Return whether a module defines one of these functions at its top level."""
    if not any(name.encode() in source for name in names):
        return False  # most modules, and parsing them all would take longer than all else before grading begins
    return any(isinstance(node, ast.FunctionDef) and node.name in names for node in ast.parse(source).body)
