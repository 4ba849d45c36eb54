"""Finds what was submitted, however it came: each way in is recognised by what is there, and said.

An nbgrader ``submitted/`` tree, a folder of notebooks, one notebook, the zip that Canvas or Moodle makes of a class
(or what was unpacked from it), a zip of notebooks, a folder of git clones. Opens nothing but folders and lists of
archives; what is in a notebook is for the grader to find out.
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from autograder.course import Course
from autograder.errors import UsageError
from autograder.intake import downloads, tree
from autograder.intake.archive import Archive
from autograder.intake.clones import Clone, is_clone, look_into
from autograder.intake.files import folders_of, listed
from autograder.intake.leftover import passed_over
from autograder.intake.platforms import ARCHIVES
from autograder.intake.submitted import (
    WHICH,
    Submitted,
    best_named,
    called,
    is_notebook,
    mentions,
    natural,
    read,
    safe_name,
    stem,
)
from autograder.intake.submitted import text as _text

__all__ = ["WHICH", "Submitted", "find", "passed_over", "read", "remarks", "safe_name", "whole_classes"]

_NAMED = 5  # names in one sentence
_ZIP = b"PK"  # how each begins


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
            here = list(_in_tree(course, path, assignment, known, which) or _below(path, assignment, known, which))
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
        by_name = sum(submitted.of > 1 and submitted.exact for submitted in members)
        several = sum(submitted.of > 1 and not submitted.exact for submitted in members)
        parts = [f"read as {way}, {_plural(len(members))}"] if way else []
        if late:
            parts.append(f"{late} marked late")
        if by_name:
            parts.append(f"{_plural(by_name)} with several notebooks, of which the one of the assignment's name counts")
        if several:
            other = next(word for word in WHICH if word != which)
            parts.append(
                f"{_plural(several)} with several notebooks, of which the {which} counts (--which {other}: the {other})"
            )
        sentences.append(f"{_text(place)}: {'; '.join(parts)}.")
    return [*sentences, *_alike(found)]


def whole_classes(paths: Sequence[Path], found: Sequence[Submitted]) -> list[str]:
    """Return the assignments of which whole classes were looked for: not those of single files and single students."""
    classes = {
        submitted.assignment
        for submitted in found
        if submitted.archive is not None
        or submitted.root in paths
        or (submitted.root is None and submitted.path.parent in paths)
    }
    return sorted(classes)


def _alike(found: Sequence[Submitted]) -> Iterator[str]:
    """Yield what is to be said about students who may be one person: their ids differ in how they are written only."""
    groups: dict[tuple[str, str], list[str]] = {}
    for submitted in found:
        plain = "".join(
            letter for letter in unicodedata.normalize("NFKD", submitted.student).casefold() if letter.isalnum()
        )
        if plain:
            groups.setdefault((submitted.assignment, plain), []).append(submitted.student)
    for (assignment, _), students in groups.items():
        if len(students) > 1:
            ids = ", ".join(ascii(student) for student in students[:_NAMED])
            yield (
                f"{assignment}: {ids} look like one student, and are graded as {len(students)}. If it is one, move all "
                "but one of them away."
            )


def _plural(number: int) -> str:
    return f"{number} submission{'' if number == 1 else 's'}"


def _below(path: Path, assignment: str | None, known: Sequence[str], which: str) -> Iterator[Submitted]:
    """Yield the submissions of one path, by the first way in that it can be."""
    if path.is_file():
        if not is_notebook(path.name) and _is_zip(path):
            yield from downloads.in_archive(Archive(path), assignment, known, which)
            return
        if path.suffix.lower() in ARCHIVES:
            raise UsageError(f"{path} is an archive that is not read here, or no zip after all. Unpack it first.")
    if path.is_dir():
        folders = folders_of(path)
        if any(is_clone(folder) for folder in folders):
            yield from _clones(path, folders, assignment, known, which)
            return
        download = list(downloads.in_folder(path, assignment, known, which))
        if download:
            yield from download
            return
        handed_in = list(tree.submissions(path, folders, [assignment] if assignment else known, known, which))
        if handed_in:
            yield from handed_in
            return
    yield from _flat(path, assignment or downloads.only(known, path))


def _in_tree(course: Course, path: Path, assignment: str | None, known: Sequence[str], which: str) -> list[Submitted]:
    """Return the submissions of a path within an nbgrader tree: a student's folder, a submission's, or its notebook.

    Raises
    ------
    UsageError
        If it is a submission of another assignment than the one that is asked for.
    """
    place = tree.place_of(path, course.root / "submitted")
    if place is None or (path.is_dir() and is_clone(path)):
        return []
    if assignment is not None and place.assignment in known and place.assignment != assignment:
        raise UsageError(
            f"{path} is a submission of {place.assignment}, and not of {assignment}: leave out --assignment, or name "
            "another path."
        )
    return list(tree.submissions_at(place, [assignment] if assignment else known, known, which))


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ZIP)) == _ZIP


def _flat(path: Path, assignment: str) -> Iterator[Submitted]:
    """Yield the notebooks in a folder, or the one named; the student is the file's stem."""
    for file in listed(path)[0] if path.is_dir() else [path.name]:
        yield Submitted(_text(stem(file)), assignment, path / file if path.is_dir() else path, safe_name(stem(file)))


def _clones(
    root: Path, folders: Sequence[Path], assignment: str | None, known: Sequence[str], which: str
) -> Iterator[Submitted]:
    """Yield the submissions in a folder of git clones; a folder that is none is a student whose clone failed.

    Where it is open which assignment is meant, each notebook that is called like one is a submission of that one;
    who has none of them is told for all that the class handed in.
    """
    clones = [look_into(folder) if not folder.is_symlink() else Clone(folder, (), "") for folder in folders]
    if assignment is None:
        names = sorted({name for clone in clones for path in clone.notebooks if (name := _meant(path.name, known))})
        names = names or [downloads.only(known, root)]
    else:
        names = [assignment]
    for clone in clones:
        own = {_meant(path.name, known) for path in clone.notebooks} & set(names)
        for name in names:
            if assignment is None and own and name not in own:
                continue
            yield _cloned(root, clone, name, known, which)


def _cloned(root: Path, clone: Clone, name: str, known: Sequence[str], which: str) -> Submitted:
    """Return one clone's submission of one assignment: the nearest notebook of its name, a copy, or the only one."""
    exact = [path for path in clone.notebooks if path.name == f"{name}.ipynb"]
    copies = [clone.notebooks[place] for place in best_named([p.name for p in clone.notebooks], name, known)]
    others = [path for path in clone.notebooks if not _meant(path.name, known)]
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
        path, of = nearest[-1 if which == "last" else 0], len(copies or others)
    by_name = bool(exact) and of > 1
    notes = [] if problem else list(downloads.received(of, which, path.name, name, known, exact=by_name))
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
        exact=by_name,
        received=tuple(notes),
        problem=problem,
    )


def _meant(file: str, known: Sequence[str]) -> str:
    return called(file, known) or mentions(file, known)
