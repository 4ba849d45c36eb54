"""The same grading inside ``nbgrader autograde``: our steps in nbgrader's own lists, in the place of its kernel.

``nbgrader_config.py`` names them. nbgrader reads and sanitises the submission, we grade it in the sandbox and put the
outcome into the test cells, nbgrader saves what it reads there, we write what it cannot read (our texts, and scores of
cells that a tool has robbed of their metadata), and nbgrader takes off late penalties.

Nothing fails open: where we cannot grade, the step raises, nbgrader reports the failure and keeps no autograded
notebook, and the gradebook marks the submission for a person.
"""

import atexit
import functools
import json
import os
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder import autograded, gradebook, notebook, secret
from autograder.course import Course
from autograder.errors import AutograderError, BusyError, GraderError, SubmissionError
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
        report = _report(_course(self), resources)
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
            gradebook.write(resources["nbgrader"]["db_url"], [Graded(report)])
        return nb, resources


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


@functools.cache
def _grader(root: Path, assignment: str) -> Grader:
    course = Course.at(root)
    # like the command line, this is where the environment is read
    grader = Grader(course, assignment, secret.course_secret(course, os.environ.get("AUTOGRADER_SECRET")))
    atexit.register(grader.close)
    return grader


@functools.cache
def _release(course: Course, assignment: str) -> autograded.Document:
    path = course.root / "release" / assignment / f"{assignment}.ipynb"
    try:
        document: autograded.Document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NbGraderException(
            f"{path} cannot be read ({error}). Run `nbgrader generate_assignment {assignment}` first."
        ) from error
    return document
