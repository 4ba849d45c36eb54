"""Writes down what becomes of each submission: results, nbgrader's folders, its gradebook; the one writer of a run.

Nothing of a report stays in memory but a small row. Where the disk or the gradebook fails, it is told once, and the
class goes on: what is missing is put in by the next run.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import partial

from autograder import exporting, intake, notebook, rendering
from autograder.autograded import Document
from autograder.course import Course
from autograder.errors import SubmissionError, UnreadableError, UsageError
from autograder.exporting import Wanted, Written
from autograder.failures import Problems
from autograder.gradebook_batches import GradebookBatches
from autograder.intake import Submitted
from autograder.model import Report
from autograder.nbgrader_folders import Folders
from autograder.rendering import GradedSubmission
from autograder.reports.class_rows import Register, Row
from autograder.reports.export import Entry
from autograder.results import PAGE, REPORT, Results

_UNWRITTEN = "results that could not be written"
_FOLDERS = "folders of nbgrader's that could not be written"
_FAILED = "submissions on which the grader failed unexpectedly"
_UNREAD = "reports of earlier runs that cannot be read"
_NOTEBOOK = "autograded.ipynb"  # of what is set aside


class Recorder:
    """What a run writes, submission by submission.

    Attributes
    ----------
    problems : Problems
        What went wrong on our side.
    """

    def __init__(
        self, course: Course, results: Results, *, gradebook: bool, dry_run: bool = False, today: str = ""
    ) -> None:
        """Write nothing yet.

        Parameters
        ----------
        gradebook : bool
            Whether nbgrader's gradebook and folders are written, too.
        dry_run : bool
            Whether nothing is to be written at all, and only rows are kept.
        today : str
            The date that pages show.
        """
        self.register = Register()
        self._others: tuple[Row, ...] | None = None  # rows of earlier runs, once they have been read
        self.problems = Problems(None if dry_run else results.log)
        self._results = results
        self._dry_run = dry_run
        self._today = today
        self._folders = Folders(course) if gradebook and not dry_run else None
        self._gradebook = GradebookBatches(course, self.problems) if gradebook and not dry_run else None

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

    def record(self, submitted: Submitted, report: Report, graded: GradedSubmission | None = None) -> Row:
        """Write what comes of one submission everywhere, or see that it is there; return what is kept of it.

        Parameters
        ----------
        graded : GradedSubmission, optional
            What is to be written, where it was graded in this run; its report is `report`.
        """
        folder: str | None = None if self._dry_run else submitted.folder
        if graded is not None:
            self._tell(submitted, graded)
            folder = folder if folder is not None and self._write(folder, graded) else None
        if folder is not None and self._folders is not None:
            with self.problems.fence(_FOLDERS, folder, "nbgrader's folders could not be written"):
                report = self._record_in_folders(self._folders, submitted, folder, report, graded)
        if self._gradebook is not None:
            self._gradebook.add(report, submitted.timestamp, now=graded is not None)
        return self.register.add(report, folder, submitted.folder)

    def _write(self, folder: str, graded: GradedSubmission) -> bool:
        """Write a submission's results; return whether that was possible."""
        is_written = False
        with self.problems.fence(_UNWRITTEN, folder, "its results could not be written"):
            self._results.write(folder, _files(graded))
            is_written = True
        return is_written  # noqa: RET504  the fence may have left out what is above

    def _tell(self, submitted: Submitted, graded: GradedSubmission) -> None:
        for failure in graded.failures:
            self.problems.add_failure(_FAILED, submitted.folder, failure)

    def _record_in_folders(
        self, folders: Folders, submitted: Submitted, folder: str, report: Report, graded: GradedSubmission | None
    ) -> Report:
        """Write nbgrader's folders, or what of them is missing; return the report as it is then."""
        release = folders.release(submitted, report)
        if release is None:
            return report
        made = self._results.file(folder).stat().st_mtime_ns
        if graded is not None:
            # a script has no notebook, and no page there either
            if graded.notebook is not None or not rendering.is_complete(graded.report):
                folders.write(submitted, graded.notebook, graded.page, made)
            return report
        lacks_notebook, lacks_page = folders.lacks(submitted, made)
        if lacks_notebook:
            return self._complete_folders(folders, submitted, report, release, lacks_page=lacks_page)
        if lacks_page:
            folders.write(submitted, None, self._results.page(folder).read_bytes(), made)
        return report

    def _complete_folders(
        self, folders: Folders, submitted: Submitted, report: Report, release: Document, *, lacks_page: bool
    ) -> Report:
        """Make the autograded notebook of a report that holds; return the report, which tells if that failed."""
        folder = submitted.folder
        try:
            content = intake.read(submitted)
        except (SubmissionError, UnreadableError):  # it has gone meanwhile
            return report
        if notebook.digest(content) != report.provenance.submission_sha256:
            return report  # it has changed meanwhile: the next run grades it
        again = rendering.rendered(report, content, release, self._today)
        if again.failures:
            self._tell(submitted, again)
            self._write(folder, again)  # so that the report tells it, and the next run tries again
        elif again.notebook is None:
            return report
        made = self._results.file(folder).stat().st_mtime_ns
        folders.write(submitted, again.notebook, self._results.page(folder).read_bytes() if lacks_page else None, made)
        return again.report

    def set_aside(self, submitted: Submitted, graded: GradedSubmission, before: Report) -> bool:
        """Keep what was graded for `put_in_place`; return whether that was possible. If not, the one before it stays.

        What went wrong with it is told now.
        """
        is_kept = False
        with self.problems.fence(_UNWRITTEN, submitted.folder, "its results could not be set aside"):
            notebook_file = {_NOTEBOOK: graded.notebook} if graded.notebook is not None else {}
            self._results.set_aside(submitted.folder, {**_files(graded), **notebook_file})
            is_kept = True
        if is_kept:
            self._tell(submitted, graded)
        else:
            self.record(submitted, before)
        return is_kept

    def put_in_place(self, submitted: Submitted) -> None:
        """Write what was set aside of one submission everywhere."""
        report, files = self._results.aside(submitted.folder), self._results.files_aside(submitted.folder)
        if report is None or PAGE not in files:
            self.problems.add(_UNWRITTEN, f"What was set aside of {submitted.folder} has gone.")
            return
        self.record(submitted, report, GradedSubmission(report, files[REPORT], files[PAGE], files.get(_NOTEBOOK)))

    def flush(self) -> None:
        """Hand the gradebook what still waits for it."""
        if self._gradebook is not None:
            self._gradebook.flush()

    def sentences(self) -> tuple[str, ...]:
        """Return what went wrong on our side, in whole sentences."""
        return (*(self._gradebook.problems if self._gradebook is not None else ()), *self.problems.lines())

    def others(self) -> list[Row]:
        """Return the rows of what earlier runs have graded and this one does not touch.

        They are read from the results folder at the first call, a report at a time. The folder is ours alone while the
        run lasts, so that what is read once holds.
        """
        if self._others is None:
            own = {row.folder for row in self.register}
            self._others = tuple(read_rows(self._results, self.problems, own))
        own_work = {(row.assignment, row.student) for row in self.register}
        return [row for row in self._others if (row.assignment, row.student) not in own_work]

    def _whole(self) -> Register:
        """Return the rows of the whole results folder: those of this run, and of all that it does not touch."""
        return self.register.with_others(self.others())

    def write_class(self) -> None:
        """Write ``scores.csv`` and the instructor's page, of all that is in the results folder."""
        whole = self._whole()
        with self.problems.fence("tables that could not be written", "The class", "scores.csv could not be written"):
            self._results.write_scores(whole)
        with self.problems.fence("pages that could not be written", "The class", "its page could not be written"):
            self._results.write_class(whole, self._today)

    def export(self, asked: Wanted) -> Written:
        """Write the exports that were asked for, of all that is in the results folder.

        Each report is read back from the disk when it is its turn.
        """
        if not asked.formats:
            return Written()
        entries = [Entry(row, row.folder or "", partial(self._results.load, row.folder)) for row in self._whole()]
        written = Written()
        with self.problems.fence("exports that could not be written", "The exports", "they could not be written"):
            written = exporting.write(asked, self._results.root, entries)
        for failure in written.failures:
            self.problems.add_failure("exports that could not be written", "The exports", failure)
        return written


def read_rows(results: Results, problems: Problems, without: Collection[str | None] = ()) -> Iterator[Row]:
    """Yield a row of each report in a results folder, the older of two reports on the same work left out.

    Parameters
    ----------
    problems : Problems
        Is told of reports that cannot be read.
    without : collection of str
        Folders that are passed over.
    """
    register = Register()
    for folder in results.folders():
        if folder in without:
            continue
        try:
            report = results.read(folder)
        except UsageError:  # of a newer version; a run is refused before it comes to that
            report = None
        if report is None:
            problems.add(
                _UNREAD,
                f"{results.file(folder)} cannot be read, so it is missing from the tables of the class. Grade this "
                "submission again, or remove the file.",
            )
            continue
        register.add_newest(report, folder, results.file(folder).stat().st_mtime_ns)
    yield from register


def _files(graded: GradedSubmission) -> dict[str, bytes]:
    return {REPORT: graded.report_json, PAGE: graded.page}
