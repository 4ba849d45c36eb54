"""The results folder: one folder a submission, replaced as a whole or not at all; one ``scores.csv``."""

import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from autograder.errors import GraderError, UsageError
from autograder.model import Report
from autograder.reports import json_report, page, scores

REPORT, PAGE = "report.json", "feedback.html"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


class Results:
    """A results folder that can be written to."""

    def __init__(self, root: Path) -> None:
        """Make the folder.

        Raises
        ------
        UsageError
            If it cannot be written to: told before anything is graded.
        """
        self.root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=root):
                pass
        except OSError as error:
            raise UsageError(f"The results folder {root} cannot be written to: {error.strerror}.") from error

    def write(self, folder: str, report: Report, when: str = "") -> None:
        """Write a submission's report and page; the old ones stay until the new ones are complete.

        Raises
        ------
        GraderError
            If the disk does not take it.
        """
        target = self.root / folder
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as fresh:
                Path(fresh, REPORT).write_text(json_report.to_json(report), encoding="utf-8")
                Path(fresh, PAGE).write_text(page.render(report, when), encoding="utf-8")
                Path(fresh).chmod(0o755)
                _put(Path(fresh), target)
        except OSError as error:
            raise GraderError(f"The results of {folder} could not be written: {error}.") from error

    def read(self, folder: str) -> Report | None:
        """Return the report of an earlier run; None where there is none that can be read."""
        try:
            return json_report.from_json((self.root / folder / REPORT).read_text(encoding="utf-8"))
        except (OSError, GraderError, UsageError, ValueError):
            return None

    def write_scores(self, reports: Iterable[Report]) -> Path:
        """Write ``scores.csv`` and return its path."""
        target = self.root / "scores.csv"
        with tempfile.NamedTemporaryFile("w", dir=self.root, prefix=".new-", delete=False, encoding="utf-8") as file:
            file.write(scores.to_csv(reports))
        Path(file.name).chmod(0o644)
        Path(file.name).replace(target)
        return target


def _put(fresh: Path, target: Path) -> None:
    """Put a complete folder in a target's place; what was there is left where the new one was."""
    if not target.exists():
        fresh.rename(target)
        fresh.mkdir()  # the context manager removes it
        return
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(fresh), os.fsencode(target)
    if libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return
    # a file system that cannot exchange two names: there is a moment without the old one, none with half of the new
    old = Path(tempfile.mkdtemp(dir=target.parent, prefix=".old-"))
    target.rename(old / "old")
    fresh.rename(target)
    fresh.mkdir()
    shutil.rmtree(old)
