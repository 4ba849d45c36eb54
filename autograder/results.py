"""The results folder: one folder a submission, replaced as a whole or not at all; one ``scores.csv``, one page."""

import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from autograder.errors import GraderError, UsageError
from autograder.model import Report
from autograder.reports import audit_status, class_page, json_report, page, scores
from autograder.reports.audit_status import AuditStatus
from autograder.reports.class_page import INDEX
from autograder.reports.class_rows import Register

REPORT, PAGE, SCORES, AUDIT = "report.json", "feedback.html", "scores.csv", "audit.json"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


class Results:
    """A results folder that can be written to."""

    def __init__(self, root: Path, *, make: bool = True) -> None:
        """Make the folder, or leave that for later; until then there is only reading."""
        self.root = root
        if make:
            self.make()

    def make(self) -> None:
        """Make the folder.

        Raises
        ------
        UsageError
            If it cannot be written to: told before anything is graded.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise UsageError(f"The results folder {self.root} cannot be written to: {error.strerror}.") from error

    def write(self, folder: str, report: Report, when: str = "") -> None:
        """Write a submission's report and page; the old ones stay until the new ones are complete.

        Raises
        ------
        GraderError
            If the disk does not take it.
        """
        target = self._target(folder)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _check_replaceable(target)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as fresh:
                Path(fresh, REPORT).write_text(json_report.to_json(report), encoding="utf-8")
                Path(fresh, PAGE).write_text(page.render(report, when), encoding="utf-8")
                Path(fresh).chmod(0o755)
                _put(Path(fresh), target)
        except (OSError, UnicodeError) as error:
            raise GraderError(f"The results of {folder} could not be written: {error}.") from error

    def read(self, folder: str) -> Report | None:
        """Return the report of an earlier run; None where there is none that can be read."""
        try:
            return json_report.from_json((self._target(folder) / REPORT).read_text(encoding="utf-8"))
        except (OSError, GraderError, UsageError, ValueError):
            return None

    def page(self, folder: str) -> Path:
        """Return where a submission's page stands."""
        return self._target(folder) / PAGE

    def write_scores(self, reports: Iterable[Report]) -> Path:
        """Write ``scores.csv`` and return its path."""
        target = self.root / SCORES
        _replace(target, scores.to_csv(reports))
        return target

    def write_class(self, register: Register, when: str = "") -> Path:
        """Write the instructor's page, or one for each assignment and one above them; return the first to open.

        Raises
        ------
        GraderError
            If the disk does not take it, or an assignment's name is none for a folder.
        """
        for place, text in class_page.pages(register, when, self._audit):
            target = self._target(place) if place != INDEX else self.root / INDEX
            _replace(target, text)
        return self.root / INDEX

    def _audit(self, assignment: str) -> AuditStatus | None:
        """Return what the last audit found: it stands beside the results, or in the course that they belong to."""
        for folder in (self.root, self.root.resolve().parent):
            try:
                found = audit_status.from_json((folder / AUDIT).read_text(encoding="utf-8"), assignment)
            except (OSError, ValueError):
                continue
            if found is not None:
                return found
        return None

    def _target(self, folder: str) -> Path:
        """Return a submission's folder, which is inside ours."""
        parts = folder.split("/")
        if not all(parts) or any(part.startswith(".") or "\0" in part for part in parts) or folder in {SCORES, INDEX}:
            raise GraderError(f"{folder!r} is no name for a folder of results. This is a fault of the grader.")
        return self.root.joinpath(*parts)


def _replace(target: Path, text: str) -> None:
    """Write a file of the whole class; the old one stays until the new one is complete.

    Raises
    ------
    GraderError
        If the disk does not take it.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as folder:
            fresh = Path(folder, target.name)
            fresh.write_text(text, encoding="utf-8")
            fresh.chmod(0o644)
            fresh.replace(target)
    except (OSError, UnicodeError) as error:
        raise GraderError(f"{target} could not be written: {error}.") from error


def _check_replaceable(target: Path) -> None:
    """Refuse to replace what is not one submission's results: a class graded before, a file, a link.

    Raises
    ------
    GraderError
        With the way out.
    """
    if not os.path.lexists(target):
        return
    ours = target.is_dir() and not target.is_symlink()
    if not ours or any(entry.is_dir() for entry in target.iterdir()):
        raise GraderError(
            f"{target} holds something else than the results of one submission, and is not replaced. "
            "Move it away, or name another folder with --out."
        )


def _put(fresh: Path, target: Path) -> None:
    """Put a complete folder in a target's place; what was there is left where the new one was."""
    if not target.exists():
        fresh.rename(target)  # the context manager does not mind that its folder has gone
        return
    if _exchange(fresh, target):
        return
    # a file system that cannot exchange two names: there is a moment without the old one, none with half of the new
    old = Path(tempfile.mkdtemp(dir=target.parent, prefix=".old-"))
    target.rename(old / "old")
    try:
        fresh.rename(target)
    except OSError:
        (old / "old").rename(target)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where this system or its file system cannot."""
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    if renameat2 is None:
        return False
    return bool(renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)
