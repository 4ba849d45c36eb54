"""One submission as it was found, before anybody looked into it; and names that are safe to write."""

import datetime as dt
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from autograder import notebook
from autograder.errors import SubmissionError
from autograder.intake.archive import Archive

WHICH = ("last", "first")  # of several notebooks that one student handed in

_LONGEST = 200  # characters of a results folder's name
_KEPT = 120  # of a longer one, before its digest
_TAKEN = frozenset(["errors.log", "exports", "index.html", "scores.csv"])  # names of our own in the results folder
_SUFFIX = re.compile(r"\.ipynb(?:\.txt|\.json)?\Z", re.IGNORECASE)  # browsers add the second when they save one as text
_PARTS = re.compile(r"(\d+)")
_BEFORE = re.compile(r"(?:copy_of_)*")
_AFTER = re.compile(r"(?:[-_]|copy|\(\d*\)|\d)*")  # no two ways to begin alike: linear in what a student calls a file


@dataclass(frozen=True)
class Submitted:
    """One submission on disk, or in an archive.

    Attributes
    ----------
    folder : str
        Its folder below the results, with forward slashes.
    timestamp : datetime or None
        When it was submitted, as nbgrader's ``timestamp.txt`` says.
    root : Path or None
        The folder of all submissions: below it, nothing is read through a link.
    name : str
        The student's name, where the submission tells it and the id is something else.
    way : str
        How it came, where that has to be told: ``a Canvas download``.
    platform : str
        The learning platform whose number for them `student` is: ``Canvas``.
    late : bool
        Whether the platform marks it as late.
    of : int
        How many notebooks the student handed in, of which this one counts.
    exact : bool
        Whether it counts because it bears the assignment's own name, where that decides.
    received : tuple of str
        What the student and the instructor should know about what was handed in, sentence by sentence.
    problem : str
        Why there is nothing to read; empty where there is.
    archive, member : Archive or None, str
        The archive that holds it, and its name in there; `path` is then the archive's.
    """

    student: str
    assignment: str
    path: Path
    folder: str
    timestamp: dt.datetime | None = None
    root: Path | None = None
    name: str = ""
    way: str = ""
    platform: str = ""
    late: bool = False
    of: int = 1
    exact: bool = False
    received: tuple[str, ...] = ()
    problem: str = ""
    archive: Archive | None = field(default=None, repr=False, compare=False)
    member: str = ""


def read(submitted: Submitted) -> bytes:
    """Return a submission's bytes, read now and not kept.

    Raises
    ------
    SubmissionError
        If there is no notebook in it that can be read, with a sentence for the student.
    """
    if submitted.problem:
        raise SubmissionError(submitted.problem)
    if submitted.archive is not None:
        return submitted.archive.read(submitted.member)
    return notebook.read_bytes(submitted.path, submitted.root)


def text(name: str) -> str:
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


def is_notebook(name: str) -> bool:
    """Return whether a file is a notebook by its name, and not the shadow that some systems put beside one."""
    return not name.startswith("._") and stem(name) not in {name, ""}


def stem(name: str) -> str:
    """Return the name of a notebook without its suffix."""
    return _SUFFIX.sub("", name)


def called(file: str, known: Sequence[str]) -> str:
    """Return the assignment that a file is called after, as its notebook or a copy of it; empty where there is none.

    Browsers, platforms and notebook editors add to the name of a copy: ``rnn (2).ipynb``, ``rnn-1.ipynb``,
    ``rnn-Copy1.ipynb``, ``Copy of rnn.ipynb``.
    """
    plain = _plain(file)
    fitting = [name for name in known if name in plain and _copy_of(plain, name)]
    return max(fitting, key=len, default="")


def mentions(file: str, known: Sequence[str]) -> str:
    """Return the one assignment whose name stands in a notebook's, as in ``final-rnn``; empty where there is none."""
    plain = _plain(file)
    found = {name for name in known if name in plain and _is_word(plain, name)}
    longest = {name for name in found if not any(name != other and name in other for other in found)}
    return longest.pop() if len(longest) == 1 else ""


def best_named(files: Sequence[str], assignment: str, known: Sequence[str]) -> list[int]:
    """Return which of these notebooks' names fit an assignment best: copies of its own, else those that mention it."""
    for fits in (called, mentions):
        fitting = [place for place, file in enumerate(files) if fits(file, known) == assignment]
        if fitting:
            return fitting
    return []


def _plain(file: str) -> str:
    return stem(file).lower().replace(" ", "_") if is_notebook(file) else ""


def _is_word(plain: str, name: str) -> bool:
    before, _, after = plain.partition(name)
    return not (before[-1:].isalnum() or after[:1].isalnum())


def _copy_of(plain: str, name: str) -> bool:
    before, _, after = plain.partition(name)
    return _BEFORE.fullmatch(before) is not None and _AFTER.fullmatch(after) is not None


def natural(name: str) -> list[tuple[int, str]]:
    """Return a key that puts ``rnn-2`` before ``rnn-10``, and the name without a number first."""
    # the length of a number comes before its digits: any number of them, without an integer of that size
    return [(len(part.lstrip("0")), part) if part.isdecimal() else (-1, part) for part in _PARTS.split(stem(name))]
