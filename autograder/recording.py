"""Writes down what becomes of each submission: results, nbgrader's folders, its gradebook; the one writer of a run.

Nothing of a report stays in memory but a small row. Where the disk or the gradebook fails, it is told once, and the
class goes on: what is missing is put in by the next run.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from autograder import exporting
from autograder.course import Course
from autograder.errors import GraderError, ServerAwayError
from autograder.exporting import Wanted, Written
from autograder.intake import Submitted
from autograder.model import Report
from autograder.nbgrader_folders import Folders
from autograder.reports.class_rows import Register, Row
from autograder.reports.export import Entry
from autograder.results import Results

_BATCH = 50  # new reports between two writes to the gradebook
_KEPT_BATCH = 500  # reports of an earlier run, of which it is only looked whether they are all there
_FAILURES = 3  # batches in a row that a gradebook may refuse: then it is left alone
_TOLD = 3  # sentences of one kind
_UNWRITTEN = "results that could not be written"


class _Problems:
    """What went wrong on our side; a disk that is full is not told for every student."""

    def __init__(self) -> None:
        self._told: dict[str, list[str]] = {}
        self._count: Counter[str] = Counter()

    def add(self, kind: str, sentence: str) -> None:
        """Take in a failure.

        Parameters
        ----------
        kind : str
            What is counted together, as a phrase: ``results that could not be written``.
        """
        self._count[kind] += 1
        told = self._told.setdefault(kind, [])
        if len(told) < _TOLD and sentence not in told:
            told.append(sentence)

    def lines(self) -> tuple[str, ...]:
        """Return the sentences, and how many there are that are not told."""
        lines = []
        for kind, told in self._told.items():
            lines += told
            more = self._count[kind] - len(told)
            if more > 0:
                lines.append(f"Likewise {more} more {kind}.")
        return tuple(lines)


class Recorder:
    """What a run writes, submission by submission."""

    def __init__(self, course: Course, results: Results, *, gradebook: bool, dry_run: bool = False) -> None:
        """Write nothing yet.

        Parameters
        ----------
        gradebook : bool
            Whether nbgrader's gradebook and folders are written, too.
        dry_run : bool
            Whether nothing is to be written at all, and only rows are kept.
        """
        self.register = Register()
        self._problems = _Problems()
        self._results = results
        self._dry_run = dry_run
        self._today = f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}"
        self._folders = Folders(course) if gradebook and not dry_run else None
        self._gradebook = _Gradebook(course) if gradebook and not dry_run else None

    def open(self, names: Sequence[str]) -> None:
        """Look whether everything can be written, and remove what killed runs left half made.

        Parameters
        ----------
        names : sequence of str
            The assignments that are to be written.

        Raises
        ------
        UsageError
            In one clear line; nothing has been written then.
        """
        if self._gradebook is not None:
            self._gradebook.open(names)
        if self._folders is not None:
            self._folders.sweep()

    def record(self, submitted: Submitted, report: Report, *, now: bool) -> Row:
        """Write one submission's report everywhere, or see that it is there; return what is kept of it.

        Parameters
        ----------
        now : bool
            Whether it was graded in this run.
        """
        folder: str | None = None if self._dry_run else submitted.folder
        if now and folder is not None:
            try:
                self._results.write(submitted.folder, report, self._today)
            except GraderError as error:
                self._problems.add(_UNWRITTEN, str(error))
                folder = None
        if folder is not None and self._folders is not None:
            file, page = self._results.file(folder), self._results.page(folder)
            try:
                self._folders.write(submitted, report, file, page, now=now)
            except GraderError as error:
                self._problems.add("folders of nbgrader's that could not be written", str(error))
        if self._gradebook is not None:
            self._gradebook.add(report, submitted.timestamp, now=now)
        return self.register.add(report, folder, submitted.folder)

    def set_aside(self, submitted: Submitted, report: Report, before: Report) -> bool:
        """Keep a report for `put_in_place`; return whether that was possible. If not, the one before it stays."""
        try:
            self._results.set_aside(submitted.folder, report)
        except GraderError as error:
            self._problems.add(_UNWRITTEN, str(error))
            self.record(submitted, before, now=False)
            return False
        return True

    def put_in_place(self, submitted: Submitted) -> None:
        """Write what was set aside of one submission everywhere."""
        report = self._results.aside(submitted.folder)
        if report is None:
            self._problems.add(_UNWRITTEN, f"What was set aside of {submitted.folder} has gone.")
        else:
            self.record(submitted, report, now=True)

    def flush(self) -> None:
        """Hand the gradebook what still waits for it."""
        if self._gradebook is not None:
            self._gradebook.flush()

    @property
    def problems(self) -> tuple[str, ...]:
        """What went wrong on our side, in whole sentences."""
        return (*self._problems.lines(), *(self._gradebook.problems if self._gradebook is not None else ()))

    def write_class(self) -> None:
        """Write ``scores.csv`` and the instructor's page."""
        try:
            self._results.write_scores(self.register)
        except GraderError as error:
            self._problems.add("tables that could not be written", str(error))
        try:
            self._results.write_class(self.register, self._today)
        except GraderError as error:
            self._problems.add("pages that could not be written", str(error))

    def export(self, asked: Wanted) -> Written:
        """Write the exports that were asked for; each report is read back from the disk when it is its turn."""
        entries = [Entry(row, row.folder or "", partial(self._results.load, row.folder)) for row in self.register]
        return exporting.write(asked, self._results.root, entries)


class _Gradebook:
    """Hands reports to the gradebook in batches; imports nbgrader only when there is one to write.

    Attributes
    ----------
    problems : list of str
        What went wrong, whole sentences.
    """

    def __init__(self, course: Course) -> None:
        self._course = course
        self._names: set[str] = set()  # of the assignments that are there
        self._fresh: list[tuple[Report, dt.datetime | None]] = []
        self._kept: list[tuple[Report, dt.datetime | None]] = []
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
        batch, most = (self._fresh, _BATCH) if now else (self._kept, _KEPT_BATCH)
        batch.append((report, timestamp))
        if len(batch) >= most:
            self.flush()

    def flush(self) -> None:
        fresh, kept = self._fresh, self._kept
        self._fresh, self._kept = [], []
        if not (fresh or kept):
            return
        from autograder import gradebook, gradebook_comparison  # noqa: PLC0415  likewise

        rows = [gradebook.Graded(report, timestamp) for report, timestamp in fresh]
        old = [gradebook.Graded(report, timestamp) for report, timestamp in kept]
        try:
            self._look()
            if old:
                rows += gradebook_comparison.missing(self._url, old, late_penalty=self._late_penalty)
            if rows:
                gradebook.write(self._url, rows, late_penalty=self._late_penalty)
        except gradebook.ImpossibleIdError as error:
            self._impossible.append(str(error))
        except GraderError as error:
            # a server that was waited for in vain is not waited for again
            self._failures += _FAILURES if isinstance(error, ServerAwayError) else 1
            self._why = self._why or str(error)
            self._lost += len(fresh) + len(kept)
        else:
            self._failures = 0

    def _look(self) -> None:
        """Refuse to write to a gradebook that failed again and again, or is no longer the one that we began with."""
        if self._failures >= _FAILURES:
            raise GraderError(self._why)
        if _identity(self._file) != self._identity:
            raise GraderError(f"The gradebook {self._file} was removed or replaced while this run was writing to it.")

    @property
    def problems(self) -> list[str]:
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
