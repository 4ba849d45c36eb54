"""Finds what was submitted: an nbgrader ``submitted/`` tree, a folder of notebooks, or one notebook.

Opens nothing but folders; what is in a file is for the grader to find out.
"""

import datetime as dt
import hashlib
import os
import re
import zoneinfo
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from autograder.course import Course
from autograder.errors import UsageError

_LONGEST = 200  # characters of a results folder's name
_KEPT = 120  # of a longer one, before its digest
_TIME_CAP = 100  # bytes of a timestamp
_TAKEN = frozenset(["scores.csv"])  # names of our own in the results folder


@dataclass(frozen=True)
class Submitted:
    """One submission on disk.

    Attributes
    ----------
    folder : str
        Its folder below the results, with forward slashes.
    timestamp : datetime or None
        When it was submitted, as nbgrader's ``timestamp.txt`` says.
    root : Path or None
        The folder of all submissions: below it, nothing is read through a link.
    """

    student: str
    assignment: str
    path: Path
    folder: str
    timestamp: dt.datetime | None = None
    root: Path | None = None


def find(course: Course, paths: Sequence[Path], assignment: str | None) -> list[Submitted]:
    """Return the submissions below these paths, sorted by assignment and student.

    Parameters
    ----------
    assignment : str or None
        Only this one; needed where the paths do not say which it is.

    Raises
    ------
    UsageError
        If a path does not exist, holds no submission, or leaves the assignment open.
    """
    known = course.assignments()
    if assignment is not None:
        course.source_notebook(assignment)  # an unknown name is told at once
    found: list[Submitted] = []
    for path in paths:
        if not os.path.lexists(path):
            raise UsageError(f"{path} does not exist. Name a folder of submissions or a notebook.")
        try:
            here = list(_tree(path, [assignment] if assignment else known)) if path.is_dir() else []
            if not here:
                here = list(_flat(path, assignment or _only(known, path)))
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}. Mend its permissions.") from error
        if not here:
            raise UsageError(f"{path} holds no notebook (*.ipynb), and is no nbgrader folder of submissions either.")
        found += here
    count = Counter(submitted.folder for submitted in found)
    twice = sorted(folder for folder, number in count.items() if number > 1)
    if twice:
        raise UsageError(
            f"Two submissions would have the same results folder: {', '.join(twice[:5])}. "
            "Grade them one after the other, each with its own --out."
        )
    return sorted(found, key=lambda s: (s.assignment, s.student))


def _only(known: Sequence[str], path: Path) -> str:
    """Return the assignment that a plain folder or file must be for."""
    if path.suffix == ".ipynb" and path.stem in known:
        return path.stem
    if len(known) == 1:
        return known[0]
    raise UsageError(f"Which assignment is {path} for? Say --assignment NAME; known are: {', '.join(known) or 'none'}.")


def _tree(root: Path, names: Sequence[str]) -> Iterator[Submitted]:
    """Yield the submissions of an nbgrader tree: ``root/<student>/<assignment>/<assignment>.ipynb``."""
    for student in _folders(root):
        for name in names:
            folder = student / name
            if not _may_exist(folder):
                continue
            # Nothing is read through a link: it could lead to the solution, or to another student's work. The link
            # itself stands for the submission, and reading it is refused with a sentence.
            link = next((place for place in (student, folder) if place.is_symlink()), None)
            yield Submitted(
                _text(student.name),
                name,
                link or _notebook_in(folder, name),
                f"{name}/{safe_name(student.name)}",
                None if link else _timestamp(folder),
                root,
            )


def _may_exist(path: Path) -> bool:
    """Return whether something is there, or may be there where we are not let in: nobody is passed over unseen."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _notebook_in(folder: Path, name: str) -> Path:
    """Return the notebook in a submission's folder: by its name, else the only one; else where it should be."""
    expected = folder / f"{name}.ipynb"
    try:
        if not folder.is_dir() or os.path.lexists(expected):
            return expected
        others = _notebooks(folder)
    except OSError:
        return expected
    return others[0] if len(others) == 1 else expected


def _notebooks(folder: Path) -> list[Path]:
    """Return the notebooks in a folder, without the shadows (``._a.ipynb``) that some systems put beside files."""
    return sorted(path for path in folder.iterdir() if path.suffix == ".ipynb" and not path.name.startswith("._"))


def _flat(path: Path, assignment: str) -> Iterator[Submitted]:
    """Yield the notebooks in a folder, or the one named; the student is the file's stem."""
    for file in _notebooks(path) if path.is_dir() else [path]:
        yield Submitted(_text(file.stem), assignment, file, safe_name(file.stem))


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if _is_students(path))


def _is_students(path: Path) -> bool:
    """Return whether this is a student's folder in a tree; a link that leads nowhere is nobody's, and stops nobody."""
    if path.name.startswith(".") or path.suffix == ".ipynb":
        return False
    try:
        return path.is_dir()
    except OSError:
        return False


def _text(name: str) -> str:
    """Return a file's name as text that can be written anywhere; bytes that are no UTF-8 shown escaped."""
    # a backslash in the name is doubled: no two names are shown alike
    return os.fsencode(name).replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def safe_name(name: str) -> str:
    """Return a folder name for a student that cannot lead anywhere else, distinct for distinct students."""
    quoted = quote(os.fsencode(name), safe=" +,=@()")
    if quoted.startswith(".") or quoted in _TAKEN:
        quoted = f"%{ord(quoted[0]):02X}{quoted[1:]}"
    if len(quoted) > _LONGEST:  # a file system takes 255 bytes; %~ is nothing that quoting gives
        return f"{quoted[:_KEPT]}%~{hashlib.sha256(os.fsencode(name)).hexdigest()}"
    return quoted or "%"


def _timestamp(folder: Path) -> dt.datetime | None:
    """Return the time in nbgrader's ``timestamp.txt``, in UTC; None where there is none that can be read."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(folder / "timestamp.txt", flags), "rb") as file:
            content = file.read(_TIME_CAP + 1)
        return _parse_time(content.decode("utf-8-sig").strip()) if len(content) <= _TIME_CAP else None
    except (OSError, ValueError):
        return None


def _parse_time(text: str) -> dt.datetime | None:
    """Return a time as nbgrader writes it: ISO 8601, or date, time and zone with blanks between.

    The zone is a name or an offset; a name that nobody knows (``PDT``) and none at all are UTC, as in nbgrader itself.
    """
    match text.split():
        case [date, time, zone] if re.fullmatch(r"[+-]\d\d(:?\d\d)?", zone):
            text, name = f"{date} {time}{zone}", ""
        case [date, time, zone]:
            text, name = f"{date} {time}", zone
        case _:
            name = ""
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=_zone(name))
        return moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):  # the year 1 has no hour before its first
        return None


def _zone(name: str) -> dt.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name) if name else dt.UTC
    except (
        zoneinfo.ZoneInfoNotFoundError,
        ValueError,
        OSError,
        TypeError,
    ):  # the last for a name like a package's file
        return dt.UTC
