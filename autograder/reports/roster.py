"""Reads what learning platforms call students and assignments: a file of the instructor's own, and options."""

import csv
import io
from collections.abc import Iterable

from autograder.errors import UsageError
from autograder.reports.export import Naming
from autograder.reports.text import visible

_STUDENT = "student"
COLUMNS = ("name", "section", "canvas_id", "sis_user_id", "sis_login_id", "username", "email", "idnumber")
_SAID = 60  # characters of a wrong value that a complaint repeats


def naming(text: str | None, titles: Iterable[str]) -> Naming:
    """Return the names that learning platforms use.

    Parameters
    ----------
    text : str or None
        A CSV with a header: a column ``student`` with the ids of the reports, and any of `COLUMNS`; others are passed
        over. None where there is no file.
    titles : iterable of str
        ``assignment=heading of its column``, one for each assignment that another system calls otherwise.

    Raises
    ------
    UsageError
        If the file has no such header or a student twice, or a title is not of that form.
    """
    pairs = [title.partition("=") for title in titles]
    for name, sign, heading in pairs:
        if not (name.strip() and sign and heading.strip()):
            raise UsageError(f"--column {_said(name + sign + heading)} is not of the form ASSIGNMENT=HEADING.")
    return Naming({} if text is None else _people(text), {name.strip(): heading.strip() for name, _, heading in pairs})


def _people(text: str) -> dict[str, dict[str, str]]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), restval="", strict=True)
    people: dict[str, dict[str, str]] = {}
    try:
        headings = {(heading or "").strip().lower(): heading for heading in reader.fieldnames or ()}
        known = [column for column in COLUMNS if column in headings]
        if _STUDENT not in headings or not known:
            raise UsageError(
                f"The file of ids must begin with a header: {_STUDENT}, and one or more of {', '.join(COLUMNS)}."
            )
        for row in reader:
            student = row[headings[_STUDENT]].strip()
            if student in people:
                raise UsageError(
                    f"The file of ids has the student {_said(student)} twice, again in line {reader.line_num}."
                )
            people[student] = {column: row[headings[column]].strip() for column in known}
    except csv.Error as error:
        raise UsageError(f"The file of ids is not a CSV that can be read: {error}, line {reader.line_num}.") from error
    people.pop("", None)  # an empty line at the end, as spreadsheets leave them
    return people


def _said(value: str) -> str:
    return repr(visible(value)[:_SAID])
