"""Reads a notebook file for the student's check; never writes to it and never executes anything."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SIZE_CAP = 50 << 20  # bytes; the grader refuses more


class UsageError(Exception):
    """The command was given something that is no notebook file at all."""


class UnreadableError(Exception):
    """There is a file, and it cannot be read as a notebook; the text says what to do."""


@dataclass(frozen=True)
class CodeCell:
    """A code cell that is not empty.

    Attributes
    ----------
    number : int
        What Jupyter writes beside it after a restart and run all, from 1.
    grade_id : str
        nbgrader's name of the cell; empty where it has none.
    may_raise : bool
        Whether it bears Jupyter's tag ``raises-exception``.
    """

    number: int
    source: str
    grade_id: str = ""
    may_raise: bool = False

    def line(self, number: int) -> str:
        """Return one line of the source, from 1; empty if there is none."""
        lines = self.source.splitlines()
        return lines[number - 1].strip() if 1 <= number <= len(lines) else ""


@dataclass(frozen=True)
class NotebookFile:
    """A notebook as it lies on disk: where, its digest and size, and its code cells in order."""

    path: Path
    sha256: str
    size: int
    cells: tuple[CodeCell, ...]


def read(path: Path) -> NotebookFile:
    """Read a notebook file.

    Raises
    ------
    UsageError
        If there is no such file.
    UnreadableError
        If it is not a notebook that Jupyter could open and grade.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder. Name the notebook in it, a file that ends in .ipynb.")
    if not path.exists():
        raise UsageError(f"There is no file {path}. Check the name, and the folder you are in: {Path.cwd()}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > SIZE_CAP:
        raise UnreadableError(
            f"{path.name} is larger than {SIZE_CAP >> 20} MB, which the grader refuses. Clear its outputs in Jupyter, "
            "save it, and check it again."
        )
    cells = _cells(_document(content, path.name), path.name)
    return NotebookFile(path, digest(content), len(content), cells)


def digest(content: bytes) -> str:
    """Return the SHA-256 of these bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _document(content: bytes, name: str) -> dict[str, Any]:
    if not content.strip():
        raise UnreadableError(f"{name} is empty. Save the notebook in Jupyter, or take your last copy of it.")
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{name} is not a notebook: it is not text. Was another file renamed?") from error
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno} of the file)" if isinstance(error, json.JSONDecodeError) else ""
        raise UnreadableError(
            f"{name} is not a notebook: it is not valid JSON{where}. If it is a Python script, paste its code into the "
            "notebook you were given. If a download or a merge broke it, save it again in Jupyter, from your own copy."
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get("nbformat"), int):
        raise UnreadableError(f"{name} is JSON, but not a notebook: it has no nbformat. Was another file renamed?")
    if document["nbformat"] < 4:
        raise UnreadableError(
            f"{name} is in the old notebook format {document['nbformat']}. Open it in a current Jupyter and save it: "
            "that brings it to format 4, which is needed here."
        )
    if document["nbformat"] > 4 or not isinstance(document.get("cells"), list):
        raise UnreadableError(f"{name} is not a notebook of format 4. Save it again in a current Jupyter.")
    return document


def _cells(document: dict[str, Any], name: str) -> tuple[CodeCell, ...]:
    cells: list[CodeCell] = []
    for position, item in enumerate(document["cells"], 1):
        source = item.get("source", "") if isinstance(item, dict) else None
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str):
            raise UnreadableError(f"{name} is damaged: entry {position} of its list of cells is not a cell.")
        if item.get("cell_type") != "code" or not source.strip():
            continue
        metadata = item.get("metadata") if isinstance(item.get("metadata"), dict) else {}
        nbgrader, tags = metadata.get("nbgrader"), metadata.get("tags")
        grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else ""
        cells.append(
            CodeCell(
                number=len(cells) + 1,
                source="\n".join(source.splitlines()),
                grade_id=grade_id if isinstance(grade_id, str) else "",
                may_raise=isinstance(tags, list) and "raises-exception" in tags,
            )
        )
    return tuple(cells)
