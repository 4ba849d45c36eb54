"""Knows how learning platforms name the files of a class that an instructor downloads.

Canvas packs one flat folder, ``lovelaceada_LATE_12345_67890_rnn_step_by_step-1.ipynb``: the student's name, ``LATE``
where it was, the student's number, the file's number, and the name that the student gave it. Of a student who handed
in again it packs the last attempt, with every file of it. Moodle packs a folder for each student and kind of
submission, ``Ada Lovelace_12345_assignsubmission_file_/``, or, where it was told so, no folders but names that begin
like that; newer ones leave out the last underscore.

The formats are those that both write today: `ContentZipper` in Canvas, `downloader` of `mod_assign` in Moodle.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from autograder.intake.archive import Entry
from autograder.intake.submitted import best_named, is_notebook, natural

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


class Platform(StrEnum):
    """A learning platform whose downloads are read."""

    CANVAS = "Canvas"
    MOODLE = "Moodle"


@dataclass(frozen=True)
class Label:
    """What a file's place says about it.

    Attributes
    ----------
    student, name : str
        The platform's number for the student, and the name; an anonymous one has only the first.
    file : str
        The name that the student gave the file.
    number : int
        Grows with the time at which it was handed in.
    """

    student: str
    name: str
    file: str
    number: int
    late: bool = False


@dataclass(frozen=True)
class Choice:
    """What one student handed in, and which file of it counts.

    Attributes
    ----------
    entry : Entry or None
        None where there is no notebook; `problem` says so.
    """

    student: str
    name: str
    late: bool
    entry: Entry | None
    file: str = ""
    of: int = 1
    problem: str = ""


# A number in the student's own name is no danger: Canvas takes underscores around it away, so the first is the
# student's. Names are up to 64 K long in a zip; each pattern can begin to match at one place only.
_CANVAS = re.compile(
    r"(?:(?P<name>.*?)_)??(?:(?P<late>late)_)?(?P<student>\d{1,19})_"
    r"(?:(?P<number>\d{1,19})_(?P<file>.+)|(?P<page>(?:text|link)\.html))",
    re.IGNORECASE | re.DOTALL,
)
_ANONYMOUS = re.compile(
    r"anon_(?:(?P<late>late)_)?(?P<student>[a-z0-9]{5})_(?:(?P<late2>late)_)?"
    r"(?:(?P<number>\d{1,19})_(?P<file>.+)|(?P<page>(?:text|link)\.html))",
    re.IGNORECASE | re.DOTALL,
)
_MOODLE = re.compile(r"(?P<name>.*?)(?:_(?P<student>\d{1,19}))?_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.DOTALL)


def _canvas(entry: Entry) -> Label | None:
    match = len(entry.parts) == 1 and (_CANVAS.fullmatch(entry.parts[0]) or _ANONYMOUS.fullmatch(entry.parts[0]))
    if not match:
        return None
    found = match.groupdict()
    return Label(
        student=found["student"],
        name=found.get("name") or "",
        file=found["file"] or found["page"],
        number=int(found["number"] or 0),
        late=bool(found["late"] or found.get("late2")),
    )


def _moodle(entry: Entry) -> Label | None:
    match = _MOODLE.fullmatch(entry.parts[0])
    if match is None or not (len(entry.parts) > 1 or match["file"]):
        return None
    name = match["name"].strip()
    file = entry.parts[-1] if len(entry.parts) > 1 else match["file"]
    # a default group has no number
    return Label(match["student"] or name, name if match["student"] else "", file, entry.time)


_READERS: Mapping[Platform, Callable[[Entry], Label | None]] = {Platform.CANVAS: _canvas, Platform.MOODLE: _moodle}


def platform_of(entries: Sequence[Entry]) -> tuple[Platform | None, Entry | None]:
    """Return the platform that named these files, and one that it did not name, if some are its and some are not.

    Notebooks decide, where there are any: a list of grades beside them does no harm.
    """
    deciding = [entry for entry in entries if is_notebook(entry.parts[-1])] or list(entries)
    for platform, label in _READERS.items():
        others = [entry for entry in deciding if label(entry) is None]
        if len(others) < len(deciding):
            return platform, next(iter(others), None)
    return None, None


def labelled(platform: Platform, entries: Sequence[Entry]) -> list[tuple[Entry, Label]]:
    """Return the files of a download with what their places say; strays are left out.

    Two students under one number are kept apart: their names join their ids. A platform does not do that, but a
    student who may choose a name could hand in for another.
    """
    pairs = [(entry, label) for entry in entries if (label := _READERS[platform](entry)) is not None]
    names: dict[str, set[str]] = {}
    for _, label in pairs:
        names.setdefault(label.student, set()).add(label.name)
    return [
        (entry, replace(label, student=f"{label.student} {label.name}") if len(names[label.student]) > 1 else label)
        for entry, label in pairs
    ]


def choices(
    pairs: Sequence[tuple[Entry, Label]], assignment: str, known: Sequence[str], which: str
) -> Iterator[Choice]:
    """Yield what each student handed in, and which notebook of it counts.

    That is the last one (or the first) of those that are called like the assignment, or of all where none is.
    """
    groups: dict[str, list[tuple[Entry, Label]]] = {}
    for entry, label in pairs:
        groups.setdefault(label.student, []).append((entry, label))
    for student, files in sorted(groups.items()):
        name = files[0][1].name
        late = any(label.late for _, label in files)
        notebooks = [(entry, label) for entry, label in files if is_notebook(label.file)]
        if not notebooks:
            yield Choice(student, name, late, None, problem=without_notebook([label.file for _, label in files]))
            continue
        named = best_named([label.file for _, label in notebooks], assignment, known)
        fitting = [notebooks[place] for place in named] or notebooks
        fitting.sort(key=lambda pair: (pair[1].number, natural(pair[1].file), pair[0].parts))
        entry, label = fitting[-1 if which == "last" else 0]
        yield Choice(student, name, late, entry, label.file, len(notebooks))


def without_notebook(files: Sequence[str]) -> str:
    """Return the sentence for a student who handed in other files."""
    packed = [name for name in files if name.lower().endswith(ARCHIVES)]
    if packed:
        return f"There is an archive (`{packed[0][:80]}`) where a notebook should be. Submit the .ipynb file itself."
    instead = f", only `{files[0][:80]}`" if files else ""
    return f"There is no notebook in this submission{instead}. Submit the .ipynb file."
