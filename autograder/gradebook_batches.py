"""Hands reports to the gradebook in batches; a row that cannot be written costs only itself.

nbgrader is imported only where there is a gradebook to write.
"""

import datetime as dt
import time
from collections.abc import Sequence
from pathlib import Path

from autograder.course import Course
from autograder.errors import GraderError, ServerAwayError
from autograder.failures import Failure, Problems
from autograder.model import Report

_BATCH = 50  # new reports between two writes to the gradebook
_KEPT_BATCH = 500  # reports of an earlier run, of which it is only looked whether they are all there
_FAILURES = 3  # batches in a row that a gradebook may refuse: then it is left alone
_ALONE_SECONDS = 10.0  # that rows are tried one by one while none of them can be written: then it is the gradebook

_Item = tuple[Report, dt.datetime | None, bool]  # the last says whether it was graded in this run


class GradebookBatches:
    """The gradebook of a run."""

    def __init__(self, course: Course, problems: Problems) -> None:
        """Open nothing yet.

        Parameters
        ----------
        problems : Problems
            Takes in what goes wrong with single rows.
        """
        self._course, self._told = course, problems
        self._names: set[str] = set()  # of the assignments that are there
        self._fresh: list[_Item] = []
        self._kept: list[_Item] = []
        self._url = ""
        self._file: Path | None = None
        self._identity: tuple[int, int] | None = None
        self._failures = 0  # in a row
        self._why = ""
        self._lost = 0
        self._impossible: list[str] = []

    def open(self, names: Sequence[str]) -> None:
        """Look whether the gradebook can be written to, and put the assignments in.

        Raises
        ------
        UsageError
            In one clear line.
        """
        from autograder import gradebook_access, late  # noqa: PLC0415  they take half a second to import

        if self._names.issuperset(names):
            return
        url, course_id = self._course.gradebook()
        self._late_penalty = late.late_penalty(self._course)
        self._url = gradebook_access.url_in(self._course.root, url)
        gradebook_access.check(self._url, self._course.root)
        for name in set(names) - self._names:
            released = self._course.root / "release" / name / f"{name}.ipynb"
            notebook = released if released.is_file() else self._course.source_notebook(name)
            gradebook_access.ensure_assignment(self._url, name, notebook, course_id or gradebook_access.COURSE)
        self._file = gradebook_access.file_of(self._url)
        self._identity = _identity(self._file)
        self._names.update(names)

    def add(self, report: Report, timestamp: dt.datetime | None, *, now: bool) -> None:
        """Take a report in; it is written with others."""
        batch, most = (self._fresh, _BATCH) if now else (self._kept, _KEPT_BATCH)
        batch.append((report, timestamp, now))
        if len(batch) >= most:
            self.flush()

    def flush(self) -> None:
        """Write what waits; where a batch cannot be written, row by row."""
        batch = [*self._fresh, *self._kept]
        self._fresh, self._kept = [], []
        if not batch:
            return
        error = self._tried(batch)
        if error is None:
            self._failures = 0
        elif isinstance(error, ServerAwayError) or len(batch) == 1 or self._failures >= _FAILURES:
            self._lose(batch, error)
        else:
            self._write_one_by_one(batch)

    def _write_one_by_one(self, batch: Sequence[_Item]) -> None:
        """Write a batch that could not be written as a whole, so that only what is wrong in it is lost."""
        began = time.monotonic()
        lost: list[tuple[_Item, Exception]] = []
        for position, item in enumerate(batch):
            error = self._tried([item])
            if error is None:
                continue
            lost.append((item, error))
            waits = isinstance(error, ServerAwayError) or time.monotonic() - began > _ALONE_SECONDS
            if waits and len(lost) == position + 1:
                lost += [(other, error) for other in batch[position + 1 :]]
                break
        if len(lost) == len(batch):
            self._lose(batch, lost[0][1])
            return
        self._failures = 0
        for item, error in lost:
            self._lose_row(item, error)

    def _tried(self, batch: Sequence[_Item]) -> Exception | None:
        """Write a batch; return what went wrong, if it was the batch."""
        from autograder import gradebook, gradebook_comparison  # noqa: PLC0415  likewise

        rows = [gradebook.Graded(report, timestamp) for report, timestamp, now in batch if now]
        old = [gradebook.Graded(report, timestamp) for report, timestamp, now in batch if not now]
        try:
            self._look()
            if old:
                rows += gradebook_comparison.missing(self._url, old, late_penalty=self._late_penalty)
            if rows:
                gradebook.write(self._url, rows, late_penalty=self._late_penalty)
        except gradebook.ImpossibleIdError as error:
            if str(error) not in self._impossible:
                self._impossible.append(str(error))
        except Exception as error:  # noqa: BLE001  ours or the late-penalty plugin's: no reason to end the run
            return error
        return None

    def _lose(self, batch: Sequence[_Item], error: Exception) -> None:
        """Count a batch that is lost because of the gradebook, and not because of any row in it."""
        if len(batch) == 1 and not isinstance(error, GraderError):
            self._lose_row(batch[0], error)
            return
        # a server that was waited for in vain is not waited for again
        self._failures += _FAILURES if isinstance(error, ServerAwayError) else 1
        self._lost += len(batch)
        if isinstance(error, GraderError):
            self._why = self._why or str(error)
            return
        failure = Failure.of("it could not be written", error)
        self._told.add_failure("batches that the gradebook could not take", "The gradebook", failure)
        self._why = self._why or f"The gradebook could not be written: {failure.cause}."

    def _lose_row(self, item: _Item, error: Exception) -> None:
        """Tell that one submission is not in the gradebook."""
        report, _, _ = item
        kind = "rows that are not in the gradebook"
        if isinstance(error, GraderError):
            self._told.add(kind, f"{report.assignment} of {report.student!a} is not in the gradebook: {error}")
            return
        failure = Failure.of("its row could not be written to the gradebook", error)
        self._told.add_failure(kind, f"{report.assignment} of {report.student!a}", failure)

    def _look(self) -> None:
        """Refuse to write to a gradebook that failed again and again, or is no longer the one that we began with."""
        if self._failures >= _FAILURES:
            raise GraderError(self._why)
        if _identity(self._file) != self._identity:
            raise GraderError(f"The gradebook {self._file} was removed or replaced while this run was writing to it.")

    @property
    def problems(self) -> list[str]:
        """What went wrong with the gradebook as a whole, in whole sentences."""
        if not self._lost:
            return self._impossible
        lost = f"the results of {self._lost} submission{'' if self._lost == 1 else 's'} are not in it"
        kept = f"They are kept, and {lost}: the same command again puts them in, and grades nothing twice."
        return [f"{self._why} {kept}", *self._impossible]


def _identity(file: Path | None) -> tuple[int, int] | None:
    """Return what tells one file from another one of its name; None where there is none, or no file at all."""
    try:
        status = file.stat() if file is not None else None
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if status is not None else None
