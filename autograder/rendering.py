"""Renders all that is written for one submission; whatever fails there costs that submission that artefact.

The fence round what the host does for a submission: workers call it after grading, and the coordinator only places the
bytes. What could not be made is told in the report, in words of our own, and its traceback travels beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from autograder import autograded
from autograder.errors import GraderError
from autograder.failures import LOST_WORDS, Failure
from autograder.model import CheckResult, ExerciseResult, Outcome, Report, Status
from autograder.reports import json_report, page

_LOST = "This is a fault of the grader, not of the submission, and the grade stands."
_LOST_PAGE = f"The page of this submission could not be made. {_LOST}"
_LOST_NOTEBOOK = f"The notebook for nbgrader's formgrader could not be made from this submission. {_LOST}"


@dataclass(frozen=True)
class GradedSubmission:
    """A submission's report, and the bytes of all that is written for it.

    Attributes
    ----------
    report_json, page : bytes
        ``report.json`` and ``feedback.html``.
    notebook : bytes or None
        The autograded notebook; None where there is none to be had.
    failures : tuple of Failure
        What went wrong unexpectedly.
    was_graded : bool
        False where only words and pages were made again, from a report of an earlier run.
    """

    report: Report
    report_json: bytes = field(repr=False)
    page: bytes = field(repr=False)
    notebook: bytes | None = field(default=None, repr=False)
    failures: tuple[Failure, ...] = ()
    was_graded: bool = True


def rendered(
    report: Report,
    content: bytes | None = None,
    release: autograded.Document | None = None,
    when: str = "",
    failures: Sequence[Failure] = (),
) -> GradedSubmission:
    """Render a submission's report, page and autograded notebook; never raises for anything in a submission.

    Parameters
    ----------
    content : bytes, optional
        The submission, for the autograded notebook.
    release : dict, optional
        The assignment's release notebook, likewise; where there is none, there is no autograded notebook either.
    when : str, optional
        The date that the page shows.
    failures : sequence of Failure
        What went wrong before.
    """
    fence = _Fence(failures)
    notebook = None
    if report.status is Status.GRADED and content is not None and release is not None:
        notebook = fence.tried("the autograded notebook", lambda: autograded.from_bytes(content, release, report))
        if fence.has_failed:
            report = _with_note(report, _LOST_NOTEBOOK)
    shown = fence.tried("the page", lambda: page.render(report, when).encode())
    if shown is None:
        report, shown = _with_note(report, _LOST_PAGE), page.SUBSTITUTE.encode()
    # last, so that it holds the notes
    written = fence.tried("report.json", lambda: json_report.to_json(report).encode())
    if written is not None:
        return GradedSubmission(report, written, shown, notebook, tuple(fence.failures))
    if report.status is Status.GRADER_ERROR:
        raise GraderError(f"Not even a report that says so could be written: {fence.failures[-1].cause}.")
    reason = f"Its report could not be written: {fence.failures[-1].cause}. This is a fault of the grader."
    return rendered(without_verdict(report, reason), when=when, failures=fence.failures)


def is_complete(report: Report) -> bool:
    """Return whether all that belongs to a report could be made; what could not is tried again by the next run."""
    return not {_LOST_NOTEBOOK, _LOST_PAGE, LOST_WORDS} & set(report.notes)


def without_verdict(report: Report, reason: str) -> Report:
    """Return the report of a submission that was graded, and whose results cannot be kept: no score."""
    return replace(
        report,
        status=Status.GRADER_ERROR,
        score=None,
        exercises=tuple(
            ExerciseResult(
                id=result.id,
                function=result.function,
                score=None,
                max_score=result.max_score,
                outcome=Outcome.GRADER_ERROR,
                checks=tuple(CheckResult(check.name, False, check.weight) for check in result.checks),  # noqa: FBT003
            )
            for result in report.exercises
        ),
        reason=reason,
        notes=(),
        seconds={},
    )


def _with_note(report: Report, note: str) -> Report:
    return replace(report, notes=(*report.notes, note))


class _Fence:
    """Tries what may fail, and keeps what did."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        self.failures = list(failures)
        self.has_failed = False

    def tried(self, what: str, make: Callable[[], bytes | None]) -> bytes | None:
        """Return what is made; None where that fails, and then there is a failure more."""
        try:
            return make()
        except Exception as error:  # noqa: BLE001  whatever it is, it costs this submission this artefact
            self.failures.append(Failure.of(f"{what} could not be made", error))
            self.has_failed = True
            return None
