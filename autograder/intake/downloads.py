"""Turns a class's download, packed or unpacked, into submissions."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from autograder.errors import UsageError
from autograder.intake.archive import Archive, Entry
from autograder.intake.platforms import ARCHIVES, Platform, choices, labelled, platform_of
from autograder.intake.submitted import Submitted, called, is_notebook, mentions, safe_name, stem, text

FILES_CAP = 200_000  # files and folders of a download that was unpacked
_DEPTH = 8  # folders below a student's


def only(known: Sequence[str], path: Path) -> str:
    """Return the assignment that a plain folder or file must be for.

    Raises
    ------
    UsageError
        If it can be several.
    """
    if is_notebook(path.name) and stem(path.name) in known:
        return stem(path.name)
    if len(known) == 1:
        return known[0]
    raise UsageError(f"Which assignment is {path} for? Say --assignment NAME; known are: {', '.join(known) or 'none'}.")


def received(
    of: int, which: str, file: str, assignment: str, known: Sequence[str], *, exact: bool = False
) -> tuple[str, ...]:
    """Return what a student should know about the choice of their notebook.

    Parameters
    ----------
    exact : bool
        Whether it was chosen for bearing the assignment's own name.
    """
    if of == 1 and file == f"{assignment}.ipynb":
        return ()
    notes = []
    if of > 1:
        last = f"the {which} of those called like the assignment, or of all where none is"
        why = "the one that bears the assignment's name" if exact else last
        notes.append(f"Of {of} notebooks handed in, `{text(file)}` was graded: {why}.")
    other = called(file, known) or mentions(file, known)
    if other not in {"", assignment}:
        notes.append(f"The notebook is called `{text(file)}`, and was graded as {assignment}. Is it the right one?")
    return tuple(notes)


def in_archive(archive: Archive, assignment: str | None, known: Sequence[str], which: str) -> Iterator[Submitted]:
    """Yield the submissions in a zip: a platform's, or a plain one of notebooks called after their students.

    Raises
    ------
    UsageError
        If it is neither.
    """
    entries = _without_common_folder(archive.entries)
    platform, other = platform_of(entries)
    if platform is None:
        yield from _plain(archive, entries, assignment, known)
        return
    if other is not None:
        raise UsageError(
            f"{archive.path} is a {platform} download but for {text('/'.join(other.parts))!r}, which {platform} names "
            "otherwise. Take out what was added, or unpack it and grade the parts one after the other."
        )
    yield from _of_platform(platform, entries, archive.path, archive, assignment, known, which)


def in_folder(root: Path, assignment: str | None, known: Sequence[str], which: str) -> Iterator[Submitted]:
    """Yield the submissions in a folder that a platform's download was unpacked to; nothing where it is none."""
    entries = list(_top(root))
    platform, other = platform_of(entries)
    if platform is None or (platform is Platform.CANVAS and other is not None):
        return  # a folder of notebooks in which one is called so by chance
    if other is not None:
        raise UsageError(
            f"{root} is a {platform} download but for {text(other.parts[0])!r}, which {platform} names otherwise. "
            "Move out what was added, and grade it by itself."
        )
    yield from _of_platform(platform, list(_files(root)), root, None, assignment, known, which)


def _of_platform(
    platform: Platform,
    entries: Sequence[Entry],
    place: Path,
    archive: Archive | None,
    assignment: str | None,
    known: Sequence[str],
    which: str,
) -> Iterator[Submitted]:
    pairs = labelled(platform, entries)
    name = assignment or _named((label.file for _, label in pairs), known, place)
    for choice in choices(pairs, name, known, which):
        notes = [*received(choice.of, which, choice.file, name, known)] if choice.entry else []
        if choice.late:
            notes.append(f"{platform} marks this submission as late.")
        parts = choice.entry.parts if choice.entry and archive is None else ()
        yield Submitted(
            text(choice.student),
            name,
            place.joinpath(*parts),
            f"{name}/{safe_name(choice.student)}",
            root=None if archive else place,
            name=text(choice.name),
            way=f"a {platform} download",
            platform=platform.value if choice.name and choice.student.isdecimal() else "",
            late=choice.late,
            of=choice.of,
            received=tuple(notes),
            problem=choice.problem,
            archive=archive,
            member=choice.entry.member if choice.entry else "",
        )


def _plain(
    archive: Archive, entries: Sequence[Entry], assignment: str | None, known: Sequence[str]
) -> Iterator[Submitted]:
    """Yield the notebooks of a plain zip; the student is the file's stem, as in a folder."""
    notebooks = [entry for entry in entries if is_notebook(entry.parts[-1])]
    deep = next((entry for entry in notebooks if len(entry.parts) > 1), None)
    if deep is not None:
        raise UsageError(
            f"{archive.path} is no download of Canvas or Moodle, and has folders ({text('/'.join(deep.parts))!r}). "
            "Unpack it, and name the folder."
        )
    if not notebooks:
        inner = next((entry for entry in entries if entry.parts[-1].lower().endswith(ARCHIVES)), None)
        also = f", but another archive ({text('/'.join(inner.parts))!r}). Unpack it, and name that one" if inner else ""
        raise UsageError(f"{archive.path} holds no notebook (*.ipynb){also}.")
    name = assignment or only(known, archive.path)
    for entry in sorted(notebooks, key=lambda entry: entry.parts):
        student = stem(entry.parts[-1])
        yield Submitted(
            text(student),
            name,
            archive.path,
            safe_name(student),
            way="a zip of notebooks",
            archive=archive,
            member=entry.member,
        )


def _named(files: Iterator[str], known: Sequence[str], place: Path) -> str:
    """Return the assignment that a download's files are called after."""
    listed = list(files)
    for fits in (called, mentions):
        names = {name for file in listed if (name := fits(file, known))}
        if len(names) == 1:
            return names.pop()
    return only(known, place)


def _without_common_folder(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return the entries without the one folder that all of them may be in: some programs pack the folder itself."""
    common = {entry.parts[0] for entry in entries}
    if len(common) != 1 or any(len(entry.parts) == 1 for entry in entries) or platform_of(entries)[0] is not None:
        return entries  # the last: a class of one
    return [Entry(entry.parts[1:], entry.time, entry.member) for entry in entries]


def _top(root: Path) -> Iterator[Entry]:
    """Yield what is directly in a folder: its files, and for each folder one entry that stands for its content."""
    with os.scandir(root) as found:
        for entry in found:
            if entry.name.startswith("."):
                continue
            if is_notebook(entry.name):
                yield Entry((entry.name,), 0)
            elif entry.is_dir(follow_symlinks=False):
                yield Entry((entry.name, "any.ipynb"), 0)


def _files(root: Path) -> Iterator[Entry]:
    """Yield the files below a folder, links as themselves; hidden ones and what is too much or too deep left out."""
    waiting: list[tuple[str, ...]] = [()]
    left = FILES_CAP
    while waiting:
        parts = waiting.pop()
        try:
            found = os.scandir(root.joinpath(*parts))
        except OSError:
            if not parts:
                raise
            yield Entry((*parts, "unreadable.ipynb"), 0)  # reading it tells that we are not let in
            continue
        with found:
            for entry in found:
                left -= 1
                if left < 0:
                    raise UsageError(f"{root} holds more than {FILES_CAP} files and folders. Grade it in parts.")
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if len(parts) < _DEPTH:
                        waiting.append((*parts, entry.name))
                else:
                    yield Entry((*parts, entry.name), entry.stat(follow_symlinks=False).st_mtime_ns)
