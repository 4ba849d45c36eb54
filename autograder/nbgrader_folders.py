"""Writes what nbgrader's other commands look for: the autograded notebook, and our page where feedback belongs.

With these, the formgrader shows what ``autograder grade`` has graded, and ``nbgrader release_feedback`` hands our pages
out. Only the coordinator writes here; both come as bytes.
"""

import os
from pathlib import Path

from autograder import placing
from autograder.autograded import Document, release_notebook
from autograder.course import Course
from autograder.errors import GraderError
from autograder.intake import Submitted
from autograder.model import Report, Status

# What nbgrader's exchange puts beside a submission: when it came, and by what its author alone finds the feedback.
_FROM_EXCHANGE = ("timestamp.txt", "submission_secret.txt")
_LONGEST = 4096  # bytes of one of them; the exchange writes some hundred


class Folders:
    """``autograded/`` and ``feedback/`` of a course."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._notebooks, self._pages = course.root / "autograded", course.root / "feedback"
        self._releases: dict[str, Document | None] = {}
        self._beside: dict[str, list[tuple[str, bytes]]] = {}

    def sweep(self) -> None:
        """Remove what killed runs have left half made."""
        for root in (self._notebooks, self._pages):
            placing.sweep(root)

    def release(self, submitted: Submitted, report: Report) -> Document | None:
        """Return the release notebook that a submission's autograded notebook is made with.

        None where nothing is written here: there is no release, no verdict, or no folder that nbgrader could read.
        """
        if report.status is not Status.GRADED or not _is_folder(submitted.student):
            return None
        name = submitted.assignment
        if name not in self._releases:
            self._releases[name] = release_notebook(self._course.root, name)
            source = self._course.root / "source" / name
            self._beside[name] = [
                (found.relative_to(source).as_posix(), found.read_bytes())
                for found in sorted(source.rglob("*"))
                if found.is_file() and found.suffix != ".ipynb" and not _hidden(found.relative_to(source))
            ]
        return self._releases[name]

    def lacks(self, submitted: Submitted, made: int) -> tuple[bool, bool]:
        """Return whether notebook and page are missing, or older than the report of that time (in ns).

        What is newer was made by another command of nbgrader, and stays.
        """
        return _is_older(self._notebook(submitted), made), _is_older(self._page(submitted), made)

    def write(self, submitted: Submitted, notebook: bytes | None, page: bytes | None, made: int) -> None:
        """Write both for one submission, after `release` has said that there is something to write.

        Both bear the time of the report that they were made from. So a later run sees whether they are older (it was
        killed between the two, or graded without a gradebook), and makes them again.

        Parameters
        ----------
        notebook, page : bytes or None
            The autograded notebook and the student's page; None leaves what is there.
        made : int
            The time of the report, in nanoseconds.

        Raises
        ------
        GraderError
            If the disk does not take it.
        """
        place, sheet = self._notebook(submitted), self._page(submitted)
        try:
            if notebook is not None:
                files = [(place.name, notebook), *self._beside[submitted.assignment], *from_exchange(submitted)]
                _put(self._notebooks, place.parent, files, made)
            if page is not None:
                _put(self._pages, sheet.parent, [(sheet.name, page), *from_exchange(submitted)], made)
        except OSError as error:
            raise GraderError(f"{place} could not be written: {error}.") from error

    def _notebook(self, submitted: Submitted) -> Path:
        return self._notebooks / submitted.student / submitted.assignment / f"{submitted.assignment}.ipynb"

    def _page(self, submitted: Submitted) -> Path:
        return self._pages / submitted.student / submitted.assignment / f"{submitted.assignment}.html"


def from_exchange(submitted: Submitted) -> list[tuple[str, bytes]]:
    """Return what the exchange has put beside a submission; ``nbgrader release_feedback`` looks for it beside ours."""
    beside = [] if submitted.archive is not None else [submitted.path.with_name(name) for name in _FROM_EXCHANGE]
    kept = [path for path in beside if path.is_file() and not path.is_symlink() and path.stat().st_size <= _LONGEST]
    return [(path.name, path.read_bytes()) for path in kept]


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "__")) for part in path.parts)


def _is_folder(student: str) -> bool:
    """Return whether nbgrader could have a folder of this name."""
    return bool(student) and student == Path(student).name and not student.startswith(".") and "\0" not in student


def _is_older(path: Path, made: int) -> bool:
    """Return whether a file is older than a report, or not there."""
    try:
        return path.stat().st_mtime_ns < made
    except OSError:
        return True


def _put(root: Path, place: Path, files: list[tuple[str, bytes]], made: int) -> None:
    """Replace a folder by one with these files, whole or not at all; the first one bears the time of its report.

    What is not complete yet stands directly below `root`, where it is soon found if we are killed.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink():
        raise OSError(f"{place} is a link")
    with placing.scratch(root) as folder:
        fresh = folder / "fresh"
        known: set[Path] = set()
        for name, content in files:
            target = fresh / name
            if target.parent not in known:
                target.parent.mkdir(parents=True, exist_ok=True)
                known.add(target.parent)
            target.write_bytes(content)
        os.utime(fresh / files[0][0], ns=(made, made))
        placing.put(fresh, place)
