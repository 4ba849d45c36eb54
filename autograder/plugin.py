"""The same grading inside ``nbgrader autograde``: our steps in nbgrader's own lists, in the place of its kernel.

``nbgrader_config.py`` names them. nbgrader reads and sanitises the submission, we grade it in the sandbox and put the
outcome into the test cells, nbgrader saves what it reads there, we write what it cannot read (our texts, and scores of
cells that a tool has robbed of their metadata), and nbgrader takes off late penalties.

Nothing fails open: where we cannot grade, the step raises, nbgrader reports the failure and keeps no autograded
notebook, and the gradebook marks the submission for a person. The traceback of what nobody expected goes to the log
beside the course's results, and not to the terminal, since it may hold a student's text.
"""

import atexit
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder import autograded, gradebook, notebook, secret
from autograder.course import Course
from autograder.errors import AutograderError, BusyError, GraderError, SubmissionError, UnreadableError
from autograder.failures import LOG, Failure, Problems
from autograder.grade import Grader
from autograder.gradebook import Graded
from autograder.model import Report, Status

_KEPT = "autograder"  # where one step leaves the report for the next


class RestoreCells(NbGraderPreprocessor):
    """Grades the submission, and gives graded cells back the metadata that another tool has lost."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Do so; the first of the sanitising steps."""
        course, assignment = _course(self), resources["nbgrader"]["assignment"]
        if resources["nbgrader"]["notebook"] != assignment:
            return nb, resources  # another notebook of the folder: it has no hidden tests
        with _fence(course, resources):
            report = _report(course, resources)
            changed = autograded.restored(nb, _release(course, assignment), report)
            return nbformat.from_dict(changed), resources


class GradeInSandbox(NbGraderPreprocessor):
    """Stands in the place of nbgrader's kernel: grades the submission and puts the outcome into the test cells."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Grade.

        Raises
        ------
        NbGraderException
            If we could not.
        """
        if resources["nbgrader"]["notebook"] != resources["nbgrader"]["assignment"]:
            return nb, resources
        course = _course(self)
        with _fence(course, resources):
            report = _report(course, resources)
            resources[_KEPT] = report
            if report.status is Status.GRADER_ERROR:
                gradebook.write(resources["nbgrader"]["db_url"], [Graded(report)])
                raise NbGraderException(f"autograder could not grade {report.student!r}: {report.reason}")
            return nbformat.from_dict(autograded.annotated(nb, report)), resources


class SaveFeedback(NbGraderPreprocessor):
    """Writes to the gradebook what nbgrader cannot read from outputs: our texts, and every score exactly."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Write; stands after SaveAutoGrades, which overwrites, and before AssignLatePenalties, which reads."""
        report = resources.get(_KEPT)
        if isinstance(report, Report):
            with _fence(_course(self), resources):
                gradebook.write(resources["nbgrader"]["db_url"], [Graded(report)])
        return nb, resources


@contextmanager
def _fence(course: Course, resources: dict[str, Any]) -> Iterator[None]:
    """Let nothing unexpected come to nbgrader as it is: the submission is marked for a person, and a sentence says so.

    Raises
    ------
    NbGraderException
        In the place of whatever went wrong.
    """
    try:
        yield
    except (NbGraderException, AutograderError):
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, it is told without its text
        names = resources["nbgrader"]
        student, assignment = names["student"], names["assignment"]
        failure = Failure.of("it could not be graded", error)
        reason = _log(course.root, assignment, student, failure)
        report = _grader(course.root, assignment).grader_error(student, reason)
        gradebook.write(names["db_url"], [Graded(report)])
        raise NbGraderException(f"autograder could not grade {student!r}: {reason}") from None


def _log(root: Path, assignment: str, student: str, failure: Failure) -> str:
    """Log a traceback; return the sentence for whoever reads about it."""
    log = root / "results" / LOG
    Problems(log).add_failure("", f"{assignment}/{student}", failure)
    return f"The grader failed on this submission: {failure.cause}. {log} has more."


def _course(step: NbGraderPreprocessor) -> Course:
    """Return the course that nbgrader works on: the step's exporter belongs to a converter, which knows it."""
    converter = step.parent.parent
    return Course.at(Path(converter.coursedir.root))


def _report(course: Course, resources: dict[str, Any]) -> Report:
    """Return the report of the submission that nbgrader has before it; the same for every step."""
    names = resources["nbgrader"]
    converter_path = course.root / "submitted" / names["student"] / names["assignment"]
    path = converter_path / f"{names['notebook']}.ipynb"
    try:
        content = notebook.read_bytes(path, course.root)
    except SubmissionError as error:
        raise NbGraderException(str(error)) from error
    except UnreadableError as error:
        return _grader(course.root, names["assignment"]).grader_error(names["student"], str(error))
    return _graded(course.root, names["assignment"], names["student"], content)


@functools.lru_cache(maxsize=2)
def _graded(root: Path, assignment: str, student: str, content: bytes) -> Report:
    try:
        grader = _grader(root, assignment)
    except AutograderError as error:
        raise NbGraderException(str(error)) from error
    try:
        try:
            return grader.grade(content, student)
        except BusyError:  # nothing of ours runs beside it, so it is given one more chance as it is
            return grader.grade(content, student)
    except GraderError as error:
        grader.restart()  # the next submission gets a fresh sandbox
        return grader.grader_error(student, str(error), notebook.digest(content))
    except AutograderError as error:
        raise NbGraderException(str(error)) from error
    except Exception as error:  # noqa: BLE001  ours, whatever it is: no score, and the class goes on
        grader.restart()
        reason = _log(root, assignment, student, Failure.of("it could not be graded", error))
        return grader.grader_error(student, reason, notebook.digest(content))


@functools.cache
def _grader(root: Path, assignment: str) -> Grader:
    course = Course.at(root)
    # like the command line, this is where the environment is read
    grader = Grader(course, assignment, secret.course_secret(course, os.environ.get("AUTOGRADER_SECRET")))
    atexit.register(grader.close)
    return grader


@functools.cache
def _release(course: Course, assignment: str) -> autograded.Document:
    document = autograded.release_notebook(course.root, assignment)
    if document is None:
        path = course.root / "release" / assignment / f"{assignment}.ipynb"
        raise NbGraderException(f"{path} cannot be read. Run `nbgrader generate_assignment {assignment}` first.")
    return document
