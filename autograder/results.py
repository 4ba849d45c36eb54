"""The results folder: one folder a submission, replaced as a whole or not at all; one ``scores.csv``, one page.

What is written for a submission comes here as bytes; nothing of it is rendered here.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from autograder import placing
from autograder.errors import GraderError, UsageError
from autograder.failures import LOG
from autograder.model import SCHEMA, Report
from autograder.reports import audit_status, class_page, json_report, scores
from autograder.reports.audit_status import AuditStatus
from autograder.reports.class_page import INDEX
from autograder.reports.class_rows import Register, Scored

REPORT, PAGE, SCORES, AUDIT = "report.json", "feedback.html", "scores.csv", "audit.json"

_ASIDE = ".regraded"  # below the results
_SCHEMA = re.compile(rb'\{\s*"schema":\s*(\d{1,9})\b')  # as `json_report` begins a report
_ASSIGNMENT = re.compile(rb'\{\s*"schema":\s*\d{1,9},\s*"assignment":\s*"([^"\\]*)"')
_BEGINNING = 400  # bytes of it


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

    def write(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Write the files of a submission, `REPORT` and `PAGE`; the old ones stay until the new ones are complete.

        Raises
        ------
        GraderError
            If the disk does not take it.
        """
        target = self._target(folder)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _check_replaceable(target)
            _put_folder(target, files)
        except OSError as error:
            raise GraderError(f"The results of {folder} could not be written: {error}.") from error

    def set_aside(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Keep what is to be written for a submission beside the results until it is known what it changes.

        Raises
        ------
        GraderError
            If the disk does not take it.
        """
        target = self._aside(folder)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _put_folder(target, files)
        except OSError as error:
            raise GraderError(f"The results of {folder} could not be set aside: {error}.") from error

    def aside(self, folder: str) -> Report | None:
        """Return a report that was set aside, by this run or one that was killed; None where there is none."""
        return _read(self._aside(folder) / REPORT)

    def files_aside(self, folder: str) -> dict[str, bytes]:
        """Return all that was set aside for a submission; nothing where it cannot be read."""
        try:
            return {path.name: path.read_bytes() for path in self._aside(folder).iterdir()}
        except OSError:
            return {}

    def clear_aside(self) -> None:
        """Remove what was set aside."""
        shutil.rmtree(self.root / _ASIDE, ignore_errors=True)

    def _aside(self, folder: str) -> Path:
        self._target(folder)  # refuses what would lead elsewhere
        # with a suffix: a submission's folder may be called like one that others are in
        return self.root / _ASIDE / f"{folder}{_ASIDE}"

    def write_page(self, folder: str, text: str) -> None:
        """Write a submission's page again; its report stays as it is.

        Raises
        ------
        GraderError
            If the disk does not take it.
        """
        _write(self.page(folder), [text])

    def folders(self) -> list[str]:
        """Return the folder of every report that is there, below the root and with forward slashes, sorted.

        A name that begins with a dot belongs to a run that was killed, or is set aside; what cannot be looked into
        holds nothing.
        """
        return sorted(_folders(self.root))

    def read(self, folder: str) -> Report | None:
        """Return the report of an earlier run; None where there is none that can be read.

        Raises
        ------
        NewerReportError
            If a newer version wrote it: it must not be replaced.
        """
        try:
            return _read(self.file(folder))
        except GraderError:
            return None

    def refuse_newer(self, folders: Iterable[str]) -> None:
        """Look whether any of these submissions was graded by a newer version, by the first bytes of each report.

        Raises
        ------
        NewerReportError
            If so, before anything of it is replaced.
        """
        for folder in folders:
            try:
                with self.file(folder).open("rb") as file:
                    schema = _SCHEMA.match(file.read(_BEGINNING))
            except (OSError, GraderError):
                continue
            if schema and int(schema[1]) > SCHEMA:
                self.read(folder)

    def refuse_others(self, assignments: Mapping[str, str]) -> None:
        """Look whether results of another assignment would be replaced, by the first bytes of each report.

        Parameters
        ----------
        assignments : mapping of str to str
            Folder of a submission -> the assignment that is to be graded.

        Raises
        ------
        UsageError
            If so, before anything is graded.
        """
        for folder, assignment in assignments.items():
            try:
                with self.file(folder).open("rb") as file:
                    known = _ASSIGNMENT.match(file.read(_BEGINNING))
            except (OSError, GraderError):
                continue
            other = known[1].decode("utf-8", "replace") if known else assignment
            if other != assignment:
                raise UsageError(
                    f"{self.file(folder).parent} holds results of {other}, which those of {assignment} would replace. "
                    "Name another folder with --out."
                )

    def load(self, folder: str | None) -> Report:
        """Return a report that this run has written, or found.

        Parameters
        ----------
        folder : str or None
            None where it could not be written.

        Raises
        ------
        GraderError
            If it is not there.
        """
        report = self.read(folder) if folder is not None else None
        if report is None:
            raise GraderError(f"a report is missing in {self.root}" + (f": {folder}" if folder else ""))
        return report

    def file(self, folder: str) -> Path:
        """Return where a submission's report stands."""
        return self._target(folder) / REPORT

    def page(self, folder: str) -> Path:
        """Return where a submission's page stands."""
        return self._target(folder) / PAGE

    def write_scores(self, reports: Iterable[Scored]) -> Path:
        """Write ``scores.csv`` and return its path."""
        _write(self.scores, [scores.to_csv(reports)])
        return self.scores

    @property
    def log(self) -> Path:
        """Where tracebacks of what nobody expected go."""
        return self.root / LOG

    @property
    def scores(self) -> Path:
        """Where ``scores.csv`` stands."""
        return self.root / SCORES

    def write_class(self, register: Register, when: str = "") -> Path:
        """Write the instructor's page, or one for each assignment and one above them; return the first to open.

        Raises
        ------
        GraderError
            If the disk does not take it, or an assignment's name is none for a folder.
        """
        for place, text in class_page.pages(register, when, self._audit):
            target = self._target(place) if place != INDEX else self.root / INDEX
            _write(target, text)
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
        is_ours = folder in {SCORES, INDEX, LOG}
        if is_ours or not all(parts) or any(part.startswith(".") or "\0" in part for part in parts):
            raise GraderError(f"{folder!r} is no name for a folder of results. This is a fault of the grader.")
        return self.root.joinpath(*parts)


def _folders(root: Path) -> Iterator[str]:
    """Yield the folders below `root` that hold a report, in no order; no link is followed."""
    waiting = [""]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(root / here) as entries:
                for entry in entries:
                    name = f"{here}/{entry.name}" if here else entry.name
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(name)
                    elif here and entry.name == REPORT:
                        yield here
        except OSError:
            continue


def _put_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Replace a folder by one with these files."""
    with placing.scratch(target.parent) as fresh:
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        fresh.chmod(0o755)
        placing.put(fresh, target)


def _read(path: Path) -> Report | None:
    """Return a report from disk; None where there is none that can be read."""
    try:
        return json_report.from_json(path.read_text(encoding="utf-8"))
    except json_report.NewerReportError as error:
        raise json_report.NewerReportError(f"{path}: {error}") from error
    except (OSError, UsageError, ValueError):
        return None


def _write(target: Path, pieces: Iterable[str]) -> None:
    """Write a file of the whole class; the old one stays until the new one is complete.

    Raises
    ------
    GraderError
        If the disk does not take it.
    """
    try:
        placing.write(target, pieces)
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
