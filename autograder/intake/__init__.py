"""Finds what was submitted, however it came: each way in is recognised by what is there, and said.

An nbgrader ``submitted/`` tree, a folder of notebooks, one notebook, the zip that Canvas or Moodle makes of a class
(or what was unpacked from it), a zip of notebooks, a folder of git clones. Opens nothing but folders and lists of
archives; what is in a notebook is for the grader to find out.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from autograder.course import Course
from autograder.errors import UsageError
from autograder.intake import downloads
from autograder.intake.archive import Archive
from autograder.intake.clones import Clone, is_clone, look_into
from autograder.intake.submitted import WHICH, Submitted, called, natural, read, safe_name
from autograder.intake.submitted import text as _text
from autograder.intake.times import timestamp as _timestamp

__all__ = ["WHICH", "Submitted", "find", "read", "remarks", "safe_name"]

_ZIP = b"PK"  # how each begins
_OTHER_ARCHIVES = (".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def find(course: Course, paths: Sequence[Path], assignment: str | None, which: str = "last") -> list[Submitted]:
    """Return the submissions below these paths, sorted by assignment and student.

    Parameters
    ----------
    assignment : str or None
        Only this one; needed where the paths do not say which it is.
    which : str
        Which one counts where a student handed in several notebooks: ``last`` or ``first``.

    Raises
    ------
    UsageError
        If a path does not exist, holds no submission, or leaves the assignment open.
    """
    known = course.assignments()
    if assignment is not None:
        course.source_notebook(assignment)  # an unknown name is told at once
    if which not in WHICH:
        raise UsageError(f"--which {which} is unknown; it is one of: {', '.join(WHICH)}.")
    found: list[Submitted] = []
    for path in paths:
        if not os.path.lexists(path):
            raise UsageError(f"{path} does not exist. Name a folder of submissions, a zip of them, or a notebook.")
        try:
            here = list(_below(path, assignment, known, which))
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


def remarks(found: Sequence[Submitted], which: str = "last") -> list[str]:
    """Return what is to be said about how submissions came, one sentence for each way in that needs one."""
    sources: dict[tuple[str, str], list[Submitted]] = {}
    for submitted in found:
        if submitted.way or submitted.of > 1:
            source = submitted.path if submitted.archive is not None else submitted.root or submitted.path
            sources.setdefault((os.fspath(source), submitted.way), []).append(submitted)
    sentences = []
    for (place, way), members in sources.items():
        late = sum(submitted.late for submitted in members)
        several = sum(submitted.of > 1 for submitted in members)
        parts = [f"read as {way}, {_plural(len(members))}"] if way else []
        if late:
            parts.append(f"{late} marked late")
        if several:
            other = next(word for word in WHICH if word != which)
            parts.append(
                f"{_plural(several)} with several notebooks, of which the {which} counts (--which {other}: the {other})"
            )
        sentences.append(f"{_text(place)}: {'; '.join(parts)}.")
    return sentences


def _plural(number: int) -> str:
    return f"{number} submission{'' if number == 1 else 's'}"


def _below(path: Path, assignment: str | None, known: Sequence[str], which: str) -> Iterator[Submitted]:
    """Yield the submissions of one path, by the first way in that it can be."""
    if path.is_file():
        if path.suffix.lower() != ".ipynb" and _is_zip(path):
            yield from downloads.in_archive(Archive(path), assignment, known, which)
            return
        if path.suffix.lower() == ".zip" or path.suffix.lower() in _OTHER_ARCHIVES:
            raise UsageError(f"{path} is an archive that is not read here, or no zip after all. Unpack it first.")
    if path.is_dir():
        folders = _folders(path)
        if any(is_clone(folder) for folder in folders):
            yield from _clones(path, folders, assignment, known, which)
            return
        download = list(downloads.in_folder(path, assignment, known, which))
        if download:
            yield from download
            return
        tree = list(_tree(path, folders, [assignment] if assignment else known, known, which))
        if tree:
            yield from tree
            return
    yield from _flat(path, assignment or downloads.only(known, path))


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ZIP)) == _ZIP


def _tree(
    root: Path, folders: Sequence[Path], names: Sequence[str], known: Sequence[str], which: str
) -> Iterator[Submitted]:
    """Yield the submissions of an nbgrader tree: ``root/<student>/<assignment>/<assignment>.ipynb``."""
    for student in folders:
        for name in names:
            folder = student / name
            if not _may_exist(folder):
                continue
            # Nothing is read through a link: it could lead to the solution, or to another student's work. The link
            # itself stands for the submission, and reading it is refused with a sentence.
            link = next((place for place in (student, folder) if place.is_symlink()), None)
            notebook, of = (link, 1) if link else _notebook_in(folder, name, known, which)
            yield Submitted(
                _text(student.name),
                name,
                notebook,
                f"{name}/{safe_name(student.name)}",
                None if link else _timestamp(folder),
                root,
                of=of,
                received=() if link else downloads.received(of, which, notebook.name, name, known),
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


def _notebook_in(folder: Path, name: str, known: Sequence[str], which: str) -> tuple[Path, int]:
    """Return the notebook in a submission's folder, and of how many it was chosen.

    By its name, else the only one, else by the name of a copy (``rnn (2).ipynb``); else where it should be.
    """
    expected = folder / f"{name}.ipynb"
    try:
        if not folder.is_dir() or os.path.lexists(expected):
            return expected, 1
        others = _notebooks(folder)
    except OSError:
        return expected, 1
    if len(others) == 1:
        return others[0], 1
    copies = sorted((path for path in others if called(path.name, known) == name), key=lambda path: natural(path.name))
    return (copies[-1 if which == "last" else 0], len(others)) if copies else (expected, 1)


def _notebooks(folder: Path) -> list[Path]:
    """Return the notebooks in a folder, without the shadows (``._a.ipynb``) that some systems put beside files."""
    with os.scandir(folder) as found:
        names = sorted(entry.name for entry in found if entry.name.endswith(".ipynb"))
    return [folder / name for name in names if not name.startswith("._") and name != ".ipynb"]


def _flat(path: Path, assignment: str) -> Iterator[Submitted]:
    """Yield the notebooks in a folder, or the one named; the student is the file's stem."""
    for file in _notebooks(path) if path.is_dir() else [path]:
        yield Submitted(_text(file.stem), assignment, file, safe_name(file.stem))


def _clones(
    root: Path, folders: Sequence[Path], assignment: str | None, known: Sequence[str], which: str
) -> Iterator[Submitted]:
    """Yield the submissions in a folder of git clones; a folder that is none is a student whose clone failed.

    Where it is open which assignment is meant, each notebook that is called like one is a submission of that one;
    who has none of them is told for all that the class handed in.
    """
    clones = [look_into(folder) if not folder.is_symlink() else Clone(folder, (), "") for folder in folders]
    if assignment is None:
        names = sorted({name for clone in clones for path in clone.notebooks if (name := called(path.name, known))})
        names = names or [downloads.only(known, root)]
    else:
        names = [assignment]
    for clone in clones:
        own = {called(path.name, known) for path in clone.notebooks} & set(names)
        for name in names:
            if assignment is None and own and name not in own:
                continue
            yield _cloned(root, clone, name, known, which)


def _cloned(root: Path, clone: Clone, name: str, known: Sequence[str], which: str) -> Submitted:
    """Return one clone's submission of one assignment: the nearest notebook of its name, a copy, or the only one."""
    exact = [path for path in clone.notebooks if path.name == f"{name}.ipynb"]
    copies = [path for path in clone.notebooks if called(path.name, known) == name]
    others = [path for path in clone.notebooks if not called(path.name, known)]
    fitting = exact or copies or (others if len(others) == 1 else [])
    nearest = [path for path in fitting if len(path.parts) == len(fitting[0].parts)]
    problem, path, of = "", clone.folder / f"{name}.ipynb", 1
    if clone.folder.is_symlink():
        problem = "The submission is a link, not a clone. Clone the repository itself."
    elif not fitting:
        problem = f"There is no notebook `{name}.ipynb` in this clone. Commit it under this name, and push it."
    elif exact and len(nearest) > 1:
        places = " and ".join(f"`{_text(os.fspath(path.relative_to(clone.folder)))}`" for path in nearest[:2])
        problem = f"There are two notebooks of this name, {places}, and nobody can tell which counts. Keep one."
    else:
        nearest.sort(key=lambda path: natural(path.name))
        path, of = nearest[-1 if which == "last" else 0], len(exact or copies or others)
    notes = [] if problem else list(downloads.received(of, which, path.name, name, known))
    if clone.commit:
        notes.append(f"The clone was graded as it stands at commit {clone.commit[:12]}.")
    return Submitted(
        _text(clone.folder.name),
        name,
        path,
        f"{name}/{safe_name(clone.folder.name)}",
        root=root,
        way="a folder of git clones",
        of=of,
        received=tuple(notes),
        problem=problem,
    )


def _folders(root: Path) -> list[Path]:
    with os.scandir(root) as found:
        return [root / name for name in sorted(entry.name for entry in found if _is_students(entry))]


def _is_students(entry: os.DirEntry[str]) -> bool:
    """Return whether this is a student's folder in a tree; a link that leads nowhere is nobody's, and stops nobody."""
    if entry.name.startswith(".") or entry.name.endswith(".ipynb"):
        return False
    try:
        return entry.is_dir()
    except OSError:
        return False
