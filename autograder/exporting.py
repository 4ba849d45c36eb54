"""Writes the exports of a run: all that can be made are complete before the first is put in place."""

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder import placing
from autograder.errors import GraderError, UsageError
from autograder.failures import Failure
from autograder.reports import roster
from autograder.reports.export import Entry, Export, Naming
from autograder.reports.formats import FORMATS
from autograder.reports.text import visible

FOLDER = "exports"  # below the results
_TOLD = 3  # submissions that a format lacks


@dataclass(frozen=True)
class Wanted:
    """Which exports a run is to make.

    Attributes
    ----------
    formats : tuple of str
        Keys of `autograder.reports.formats.FORMATS`.
    summary : Path or None
        The file that a CI system shows as the summary of a step; summaries are added at its end.
    """

    formats: tuple[str, ...] = ()
    naming: Naming = field(default_factory=Naming)
    summary: Path | None = None


@dataclass(frozen=True)
class Written:
    """What came of writing them.

    Attributes
    ----------
    folder : Path or None
        Where they are; None where none were asked for, or they could not be written.
    lines, notes : tuple of str
        For the standard output as they are; for the instructor.
    problems : tuple of str
        What went wrong on our side.
    failures : tuple of Failure
        What of it nobody expected; not in `problems`.
    """

    folder: Path | None = None
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


def wanted(
    formats: Sequence[str], ids: Path | None = None, titles: Sequence[str] = (), summary: Path | None = None
) -> Wanted:
    """Return what the options of the command line ask for.

    Parameters
    ----------
    formats : sequence of str
        Names of formats, each text one or several with commas between.
    ids : Path, optional
        A file with the names that learning platforms use, see `autograder.reports.roster.naming`.
    titles : sequence of str
        Headings of assignments' columns, likewise.

    Raises
    ------
    UsageError
        If a format is unknown, or the file of ids cannot be read.
    """
    names = tuple(dict.fromkeys(name.strip() for text in formats for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise UsageError(f"There is no format {unknown[0]!r}. The formats are: {', '.join(FORMATS)}.")
    try:
        text = ids.read_text(encoding="utf-8") if ids is not None else None
    except (OSError, UnicodeError) as error:
        raise UsageError(f"The file of ids {ids} cannot be read: {error}.") from error
    return Wanted(names, roster.naming(text, titles), summary)


def check(asked: Wanted, root: Path) -> None:
    """Look whether exports can be written below a results folder, before anything is graded.

    Raises
    ------
    UsageError
        If they cannot.
    """
    if not asked.formats:
        return
    folder = root / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with placing.scratch(folder):
            pass
    except OSError as error:
        raise UsageError(f"The exports cannot be written to {folder}: {error.strerror}.") from error


def write(asked: Wanted, root: Path, entries: Sequence[Entry]) -> Written:
    """Write the exports that were asked for below a results folder.

    Old ones are replaced when all the new ones are complete; exports that were not asked for stay as they are. A format
    that cannot be made costs only itself; a full disk costs all.
    """
    if not asked.formats:
        return Written()
    folder = root / FOLDER
    made: list[Export] = []
    problems: list[str] = []
    failures: list[Failure] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with placing.scratch(folder) as fresh:
            for name in asked.formats:
                try:
                    export = FORMATS[name](entries, asked.naming)
                    _fill(fresh / name, export)
                except OSError:
                    raise
                except (GraderError, UnicodeError) as error:
                    problems.append(f"The export {name!r} could not be written: {error}.")
                except Exception as error:  # noqa: BLE001  ours, whatever it is: the other formats are written
                    failures.append(Failure.of(f"{name!r} could not be written", error))
                else:
                    made.append(export)
                    _tell_lost(name, export, problems, failures)
                    continue
                shutil.rmtree(fresh / name, ignore_errors=True)
            for new in sorted(fresh.glob("*/*")):
                placing.put(new, folder / new.name)
    except OSError as error:
        why = f"The exports could not all be written: {error}. What is in {folder} is whole, but may be old."
        return Written(problems=(why,))
    problems += _add("".join(export.summary for export in made), asked.summary)
    return Written(
        folder if made else None,
        tuple(line for export in made for line in export.lines),
        tuple(note for export in made for note in export.notes),
        tuple(problems),
        tuple(failures),
    )


def _tell_lost(name: str, export: Export, problems: list[str], failures: list[Failure]) -> None:
    """Say which submissions a format lacks; the first few of many."""
    for entry, error in export.lost[:_TOLD]:
        where = visible(entry.place or f"{entry.row.assignment}/{entry.row.student}")
        if isinstance(error, GraderError):
            problems.append(f"The export {name!r} lacks {where}: {error}.")
        else:
            failures.append(Failure.of(f"{name!r} lacks {where}", error))
    if len(export.lost) > _TOLD:
        problems.append(f"The export {name!r} lacks {len(export.lost) - _TOLD} submissions more.")


def _fill(fresh: Path, export: Export) -> None:
    """Write the files of one format into a folder of its own."""
    fresh.mkdir()
    (fresh / export.folder).mkdir(exist_ok=True)
    for name, pieces in export.files:
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        placing.fill(path, pieces)


def _add(text: str, summary: Path | None) -> list[str]:
    """Add text at the end of the summary; half of it is taken away again if the disk is full."""
    if not text or summary is None:
        return []
    try:
        with summary.open("ab", buffering=0) as file:  # a buffer would try again what has failed
            before, rest = file.seek(0, os.SEEK_END), text.encode()
            try:
                while rest:
                    rest = rest[file.write(rest) :]
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(before)
                raise
    except OSError as error:
        return [f"The summary could not be added to {summary}: {error.strerror}."]
    return []
