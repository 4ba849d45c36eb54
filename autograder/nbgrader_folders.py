"""Writes what nbgrader's other commands look for: the autograded notebook, and our page where feedback belongs.

With these, the formgrader shows what ``autograder grade`` has graded, and ``nbgrader release_feedback`` hands our pages
out. Only the coordinator writes here.
"""

import json
import shutil
import tempfile
from pathlib import Path

from autograder import autograded, intake
from autograder.course import Course
from autograder.errors import GraderError, SubmissionError
from autograder.intake import Submitted
from autograder.model import Report, Status

_TIMESTAMP = "timestamp.txt"


class Folders:
    """``autograded/`` and ``feedback/`` of a course."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._releases: dict[str, autograded.Document | None] = {}
        self._beside: dict[str, list[tuple[str, bytes]]] = {}

    def write(self, submitted: Submitted, report: Report, page: Path, *, now: bool) -> None:
        """Write both for one submission.

        Parameters
        ----------
        page : Path
            The student's page.
        now : bool
            Whether it was graded in this run; otherwise only what is missing is written.

        Raises
        ------
        GraderError
            If the disk does not take it.
        """
        student, name = submitted.student, submitted.assignment
        release = self._release(name)
        if report.status is not Status.GRADED or release is None or not _is_folder(student):
            return
        place = self._course.root / "autograded" / student / name
        sheet = self._course.root / "feedback" / student / name / f"{name}.html"
        try:
            if now or not (place / f"{name}.ipynb").is_file():
                notebook = autograded.from_bytes(intake.read(submitted), release, report)
                files = [(f"{name}.ipynb", notebook), *self._beside[name]]
                stamp = submitted.path.parent / _TIMESTAMP
                if submitted.archive is None and stamp.is_file() and not stamp.is_symlink():
                    files.append((_TIMESTAMP, stamp.read_bytes()))
                _put(place, files)
            if page.is_file() and (now or not sheet.is_file()):
                _put(sheet.parent, [(sheet.name, page.read_bytes())])
        except (SubmissionError, ValueError, KeyError, TypeError):
            return  # what nbgrader cannot show: the report says what was wrong with it
        except OSError as error:
            raise GraderError(f"{place} could not be written: {error}.") from error

    def _release(self, name: str) -> autograded.Document | None:
        """Return the release notebook; None where there is none, and then there is nothing for the formgrader."""
        if name not in self._releases:
            path = self._course.root / "release" / name / f"{name}.ipynb"
            try:
                self._releases[name] = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                self._releases[name] = None
            source = self._course.root / "source" / name
            self._beside[name] = [
                (found.relative_to(source).as_posix(), found.read_bytes())
                for found in sorted(source.rglob("*"))
                if found.is_file() and found.suffix != ".ipynb" and not _hidden(found.relative_to(source))
            ]
        return self._releases[name]


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "__")) for part in path.parts)


def _is_folder(student: str) -> bool:
    """Return whether nbgrader could have a folder of this name."""
    return bool(student) and student == Path(student).name and not student.startswith(".") and "\0" not in student


def _put(place: Path, files: list[tuple[str, bytes]]) -> None:
    """Replace a folder by one with these files, whole or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".new-") as scratch:
        fresh, old = Path(scratch, "fresh"), Path(scratch, "old")
        made: set[Path] = set()
        for name, content in files:
            target = fresh / name
            if target.parent not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(target.parent)
            target.write_bytes(content)
        if place.is_symlink():
            raise OSError(f"{place} is a link")
        if place.exists():
            place.rename(old)
        fresh.rename(place)
        if old.exists():
            shutil.rmtree(old)
