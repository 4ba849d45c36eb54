"""Where things stand in a course folder, and which of its files travel with one assignment."""

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import nbgrader_settings
from autograder.errors import UsageError

CONFIG = nbgrader_settings.CONFIG
MODULES = ("rnn_utils", "public_tests")  # packages that the notebooks import and the release carries
PUBLIC_TESTS = "public_tests/__main__.py"  # where it is shipped, students can run the public tests from a terminal

# nbgrader's own rule for names of assignments, made stricter: the name becomes a folder, a file and a module
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


def is_name(name: str) -> bool:
    """Return whether an assignment can have this name."""
    return _NAME.match(name) is not None


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
        if not cls.is_at(root):
            raise UsageError(
                f"{root} is not a course: it has no {CONFIG} beside a source/ folder. "
                "Go to the course's folder, or name it with --course."
            )
        return cls(root)

    @staticmethod
    def is_at(folder: Path) -> bool:
        """Return whether there is a course in `folder`."""
        return (folder / CONFIG).is_file() and (folder / "source").is_dir()

    def assignments(self) -> list[str]:
        """Return the names of all assignments, in alphabetical order."""
        return [name for name in self._folders() if is_name(name)]

    def misnamed(self) -> list[str]:
        """Return the folders of ``source/`` that hold a notebook of their name, and cannot be assignments by it."""
        return [name for name in self._folders() if not is_name(name)]

    def _folders(self) -> list[str]:
        return sorted(p.parent.name for p in (self.root / "source").glob("*/*.ipynb") if p.stem == p.parent.name)

    def configuration(self) -> Any:
        """Return nbgrader's configuration of this course, as traitlets reads it.

        Raises
        ------
        UsageError
            If it cannot be read.
        """
        file = nbgrader_settings.read(self.root / CONFIG)
        if file is None or file.error:
            why = file.error if file is not None else "it is gone"
            raise UsageError(f"{self.root / CONFIG} cannot be read: {why}")
        return copy.deepcopy(file.config)

    def gradebook(self) -> tuple[str, str]:
        """Return the gradebook's URL and the course's id as nbgrader is configured; empty where it is not.

        Raises
        ------
        UsageError
            If the configuration cannot be read.
        """
        settings = self.configuration().get("CourseDirectory", {})
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

    def shipped_modules(self, assignment: str, graded: frozenset[str], code: str) -> Iterator[tuple[str, bytes]]:
        """Yield the course's own modules as an assignment may carry them: those that its notebook needs, no others.

        Later assignments are given the solutions of earlier ones, and the modules that hold those must reach neither
        the earlier releases nor their guests. So only what the notebook imports is taken, directly or through other
        modules; of the public tests only the assignment's own; and never a module that defines a function which the
        assignment grades.

        Parameters
        ----------
        assignment : str
            Its name.
        graded : frozenset of str
            Names of the functions that the assignment grades.
        code : str
            The code cells of its notebook.

        Yields
        ------
        (str, bytes)
            Path relative to the course with forward slashes, and the file's content; in sorted order.

        Raises
        ------
        UsageError
            If the notebook imports a module that defines a function which it grades.
        """
        others = {f"public_tests.{name}" for name in self.assignments() if name != assignment}
        waiting = [*MODULES, "public_tests.__main__", f"public_tests.{assignment}"]
        asked = set(_imported(code, ""))
        waiting += asked
        found: dict[str, bytes] = {}
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in seen or name in others:
                continue
            seen.add(name)
            path = self._file_of(name)
            if path is None:
                continue
            content = path.read_bytes()
            if _defines_any(content, graded):
                if name in asked:
                    raise UsageError(
                        f"The notebook of {assignment} imports {name}, and that module defines a function "
                        "which the notebook grades. Import it from a module that does not."
                    )
                continue
            found[path.relative_to(self.root).as_posix()] = content
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            waiting += _imported(content.decode(errors="replace"), package)
        for package in MODULES:
            for path in (self.root / package).rglob("*"):
                if path.suffix in {".npz", ".txt"} and path.is_file() and f"public_tests.{path.stem}" not in others:
                    found[path.relative_to(self.root).as_posix()] = path.read_bytes()
        yield from sorted(found.items())

    def _file_of(self, module: str) -> Path | None:
        """Return the file of a module of the course's own packages; None where there is none."""
        if module.partition(".")[0] not in MODULES:
            return None
        path = self.root.joinpath(*module.split("."))
        return next((p for p in (path / "__init__.py", path.with_name(f"{path.name}.py")) if p.is_file()), None)


_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n]*)|import[ \t]+([\w., \t]+))", re.MULTILINE
)


def _imported(code: str, package: str) -> Iterator[str]:
    """Yield the names of modules that a text may import; a name that is no module after all has no file.

    Parameters
    ----------
    package : str
        Where the text's relative imports start.
    """
    for found in _IMPORT.finditer(code):
        origin, names, listed = found.groups()
        if listed is not None:
            modules = [part.split()[0] for part in listed.split(",") if part.split()]
        else:
            dots = len(origin) - len(origin.lstrip("."))
            start = package.split(".")[: len(package.split(".")) - dots + 1] if dots else []
            base = ".".join(filter(None, [*start, origin.lstrip(".")]))
            modules = [base, *(f"{base}.{name}" for name in re.findall(r"\w+", names))]
        for module in modules:
            parts = module.split(".")
            yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _defines_any(source: bytes, names: frozenset[str]) -> bool:
    """Return whether a module defines one of these functions at its top level."""
    if not any(name.encode() in source for name in names):
        return False  # most modules, and parsing them all would take longer than all else before grading begins
    return any(isinstance(node, ast.FunctionDef) and node.name in names for node in ast.parse(source).body)
