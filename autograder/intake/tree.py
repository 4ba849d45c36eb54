"""Finds the submissions in an nbgrader tree: ``root/<student>/<assignment>/<assignment>.ipynb``."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.intake import downloads
from autograder.intake.files import listed, notebooks_below
from autograder.intake.platforms import without_notebook
from autograder.intake.submitted import Submitted, best_named, is_notebook, natural, safe_name, text
from autograder.intake.times import timestamp

_NAMED = 3  # notebooks that a sentence names
_FOLDER_AND_FILE = 2  # parts of a notebook's path below its student


@dataclass(frozen=True)
class _Choice:
    """The notebook in a submission's folder, and of how many it was chosen; or why there is none."""

    path: Path
    of: int = 1
    exact: bool = False
    problem: str = ""


def submissions(
    root: Path, folders: Sequence[Path], names: Sequence[str], known: Sequence[str], which: str
) -> Iterator[Submitted]:
    """Yield the submissions in these students' folders.

    Parameters
    ----------
    names : sequence of str
        The assignments that are looked for.
    known : sequence of str
        All that the course has.
    """
    for student in folders:
        for name in names:
            folder = student / name
            if not _may_exist(folder):
                continue
            # Nothing is read through a link: it could lead to the solution, or to another student's work. The link
            # itself stands for the submission, and reading it is refused with a sentence.
            link = next((place for place in (student, folder) if os.path.islink(place)), None)  # noqa: PTH114  no OSError
            choice = _Choice(link) if link else _chosen(folder, name, known, which)
            counts = not (link or choice.problem)
            file = choice.path.name
            yield Submitted(
                text(student.name),
                name,
                choice.path,
                f"{name}/{safe_name(student.name)}",
                None if link else timestamp(folder),
                root,
                of=choice.of,
                exact=choice.exact,
                received=downloads.received(choice.of, which, file, name, known, exact=choice.exact) if counts else (),
                problem=choice.problem,
            )


@dataclass(frozen=True)
class Place:
    """Where a path stands in an nbgrader tree.

    Attributes
    ----------
    root : Path
        The folder of all students.
    student : Path
        The student's folder.
    assignment : str
        The assignment's folder; empty for the student's own.
    notebook : Path or None
        The notebook in there, where the path is one.
    """

    root: Path
    student: Path
    assignment: str = ""
    notebook: Path | None = None


def place_of(path: Path, submitted: Path) -> Place | None:
    """Return where a path stands in an nbgrader tree; None where it is not within a student's folder of one.

    Parameters
    ----------
    submitted : Path
        The course's own tree; every folder called like it is taken for one as well.
    """
    whole = Path(os.path.abspath(path))  # noqa: PTH100  no link is followed: a student's folder may be one
    for root in whole.parents:
        if root.name != submitted.name and not _is_same(root, submitted):
            continue
        student, *rest = whole.relative_to(root).parts
        if path.is_dir() and len(rest) <= 1:
            return Place(root, root / student, "".join(rest))
        if is_notebook(path.name) and len(rest) >= _FOLDER_AND_FILE:
            return Place(root, root / student, rest[0], whole)
    return None


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def submissions_at(place: Place, names: Sequence[str], known: Sequence[str], which: str) -> Iterator[Submitted]:
    """Yield what is at a place in a tree: all that a student handed in, one submission, or the notebook that is named.

    A notebook that is named counts whatever it is called and whatever stands beside it.
    """
    wanted = [name for name in names if place.assignment in {"", name}]
    for found in submissions(place.root, [place.student], wanted, known, which):
        if place.notebook is None or found.path in (place.notebook, *place.notebook.parents):
            yield found  # it would have been chosen anyway, or there is a link on the way to it
        else:
            yield replace(found, path=place.notebook, of=1, exact=False, received=(), problem="")


def _may_exist(path: Path) -> bool:
    """Return whether something is there, or may be there where we are not let in: nobody is passed over unseen."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _chosen(folder: Path, name: str, known: Sequence[str], which: str) -> _Choice:
    """Choose the notebook in a submission's folder.

    By its name, as nbgrader does, else the last copy of it (``rnn (2).ipynb``), else the only one; folders within are
    looked into where there is none here. Where nobody can tell which is meant, none is taken.
    """
    expected = folder / f"{name}.ipynb"
    try:
        if not folder.is_dir():
            return _Choice(expected)
        files, others = listed(folder)
    except OSError:
        return _Choice(expected)
    if expected.name in files:
        return _Choice(expected, len(files), exact=len(files) > 1)
    paths = [folder / file for file in files] or sorted(notebooks_below(folder))
    if len(paths) == 1:
        return _Choice(paths[0])
    if not paths:
        return _Choice(expected, problem=without_notebook(others) if others else "")  # reading it tells what is missing
    names = [path.name for path in paths]
    fitting = sorted((paths[place] for place in best_named(names, name, known)), key=lambda path: natural(path.name))
    if fitting:
        return _Choice(fitting[-1 if which == "last" else 0], len(paths))
    shown = ", ".join(f"`{text(file)[:80]}`" for file in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return _Choice(
        expected,
        problem=f"There are {len(names)} notebooks in this submission ({shown}{more}), and none is called like the "
        f"assignment, so nobody can tell which counts. Submit the right one as `{name}.ipynb`.",
    )
