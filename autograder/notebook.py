"""Reads a notebook's cells from untrusted bytes; never executes anything.

A reader of our own, and not nbformat, for three reasons: real notebooks break the schema in harmless ways and none of
them may cost a student points; the bytes are hostile until shown otherwise; and a class should not wait for a JSON
schema to be compiled. What it takes from a notebook is little: which cells there are, their source, their names.
"""

import ast
import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import SubmissionError

SIZE_CAP = 50 << 20  # bytes; a notebook with every output of this course in it has less than one million
CELLS_CAP = 5_000
SOURCE_CAP = 2 << 20  # characters of code in all cells together
_MAGIC = re.compile(r"^(\s*)[%!?].*$", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A code cell.

    Attributes
    ----------
    index : int
        Position among all cells of the notebook, from 0.
    grade_id : str
        nbgrader's name of the cell; empty where it has none.
    locked : bool
        nbgrader's ``locked``: given by the instructor, not the student's to edit.
    """

    index: int
    source: str
    grade_id: str = ""
    locked: bool = False
    points: float = 0.0

    @property
    def text(self) -> str:
        """The source without what editors change by themselves: line ends, trailing blanks, blank lines around."""
        return "\n".join(line.rstrip() for line in self.source.splitlines()).strip()


@dataclass(frozen=True)
class Notebook:
    """A notebook's code cells in order, the digest of its bytes, and what is to be said about it."""

    cells: tuple[Cell, ...]
    sha256: str
    notes: tuple[str, ...] = ()


def digest(content: bytes) -> str:
    """Return the SHA-256 of these bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_bytes(path: Path) -> bytes:
    """Return a submitted file's bytes.

    Raises
    ------
    SubmissionError
        If it is not a plain file of acceptable size. A link is not followed: it could name any file of ours.
    """
    try:
        # O_NONBLOCK: opening a FIFO must not wait for a writer
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise SubmissionError("There is no notebook where one was expected.") from error
    except OSError as error:
        raise SubmissionError("The submission is a link, or cannot be opened. Submit the notebook itself.") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise SubmissionError("The submission is a folder, not a notebook. Submit the .ipynb file itself.")
        if not stat.S_ISREG(status.st_mode):
            raise SubmissionError("The submission is not a plain file. Submit the .ipynb file itself.")
        content = file.read(SIZE_CAP + 1)  # not st_size: the file may grow meanwhile
    if len(content) > SIZE_CAP:
        raise SubmissionError(
            f"The notebook is larger than {SIZE_CAP >> 20} MB. Clear its outputs (Kernel, Restart & Clear Output) "
            "and submit it again."
        )
    return content


def parse(content: bytes) -> Notebook:
    """Return the notebook in these bytes.

    nbformat 4 as it is, nbformat 3 by its own layout, and a plain Python script saved under a notebook's name as one
    single cell: what is graded is a function, and it is there.

    Raises
    ------
    SubmissionError
        If it is none of these, with a sentence for the student.
    """
    sha256 = digest(content)
    if not content.strip():
        raise SubmissionError("The file is empty. Save the notebook in Jupyter and submit it again.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SubmissionError(
            "The file is not a Jupyter notebook (it is not UTF-8 text). Submit the .ipynb file."
        ) from error
    try:
        document = json.loads(text, object_pairs_hook=_strict)
    except (ValueError, RecursionError) as error:
        if isinstance(error, _DuplicateKeyError):
            raise SubmissionError(f"The notebook is damaged: {error}. Open it in Jupyter and save it again.") from error
        if _is_script(text):
            note = "This is a plain Python script, not a notebook; it was read as one cell. Submit the notebook."
            return Notebook((Cell(0, text.replace("\r\n", "\n").replace("\r", "\n")),), sha256, (note,))
        raise SubmissionError(
            "The file is not a Jupyter notebook: it is not valid JSON. If a download or a merge broke it, "
            "open your own copy in Jupyter, save it and submit that."
        ) from error
    return _from_document(document, sha256)


class _DuplicateKeyError(ValueError):
    """The same key twice in one object: two readers would see two different notebooks."""


def _strict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _DuplicateKeyError("it has the same key twice in one object")
    return result


def _is_script(text: str) -> bool:
    try:
        tree = ast.parse(_MAGIC.sub(r"\1pass", text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(node, ast.FunctionDef) for node in tree.body)


def _from_document(document: Any, sha256: str) -> Notebook:
    version = document.get("nbformat") if isinstance(document, dict) else None
    notes: tuple[str, ...] = ()
    if version == 4 and isinstance(document.get("cells"), list):
        raw = document["cells"]
    elif version == 3 and isinstance(document.get("worksheets"), list):
        sheets = [sheet.get("cells") for sheet in document["worksheets"] if isinstance(sheet, dict)]
        raw = [cell for cells in sheets if isinstance(cells, list) for cell in cells]
        notes = ("The notebook is in the old format 3; opening it in Jupyter and saving it brings it up to date.",)
    else:
        raise SubmissionError(
            "The file is JSON but not a Jupyter notebook of format 4 (or 3). Submit the .ipynb that Jupyter saved."
        )
    if len(raw) > CELLS_CAP:
        raise SubmissionError(f"The notebook has {len(raw)} cells; {CELLS_CAP} are the most that are read.")
    cells = tuple(cell for index, item in enumerate(raw) if (cell := _cell(index, item)) is not None)
    if sum(len(cell.source) for cell in cells) > SOURCE_CAP:
        raise SubmissionError("The notebook has more than two million characters of code. Remove data from its cells.")
    return Notebook(cells, sha256, notes)


def _cell(index: int, item: Any) -> Cell | None:
    """Return the code cell in an entry of a notebook's list; None for every other kind."""
    if not isinstance(item, dict) or item.get("cell_type") != "code":
        return None
    source = item.get("source", item.get("input", ""))  # format 3 says input
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return None
    metadata = item.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if not isinstance(nbgrader, dict):
        nbgrader = {}
    grade_id, points = nbgrader.get("grade_id"), nbgrader.get("points")
    return Cell(
        index=index,
        source=source.replace("\r\n", "\n").replace("\r", "\n"),
        grade_id=grade_id if isinstance(grade_id, str) else "",
        locked=nbgrader.get("locked") is True,
        points=float(points) if isinstance(points, int | float) and not isinstance(points, bool) else 0.0,
    )


def parse_code(source: str) -> ast.Module | None:
    """Return a cell's syntax tree, its magic and shell lines passed over; None where it does not parse."""
    for text in (source, _MAGIC.sub(r"\1pass", source)):
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None
