"""Reads a notebook's cells from untrusted bytes; never executes anything.

A reader of our own, and not nbformat, for three reasons: real notebooks break the schema in harmless ways and none of
them may cost a student points; the bytes are hostile until shown otherwise; and a class should not wait for a JSON
schema to be compiled. What it takes from a notebook is little: which cells there are, their source, their names.

Whatever the bytes, the work is bounded, since nothing here runs in a sandbox: what is small to write may be large to
parse, in memory (a million empty lists) or in time (Python's parser is quadratic in the parts of one f-string).
"""

import ast
import errno
import hashlib
import itertools
import json
import math
import os
import re
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from autograder.errors import SubmissionError, UnreadableError

SIZE_CAP = 50 << 20  # bytes; a notebook with every output of this course in it has less than one million
VALUES_CAP = 5_000_000  # values in the JSON, each of which takes a hundred bytes or so when parsed
DIGITS_CAP = 400  # of one integer: all that a float can hold
DEPTH_CAP = 100  # levels of the JSON: the most nested outputs of real notebooks have a quarter of it
CELLS_CAP = 5_000
SOURCE_CAP = 1 << 20  # characters of code in all cells together, an emoji counted as two: so JSON escapes it
PARSE_CAP = 1 << 16  # characters of one cell that are parsed as Python: half a second at the very worst
_SCRIPT_PARSE_CAP = 1 << 18  # of all cells of a script, until one is found to define a function

_NO_FILE = frozenset([errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG, errno.EINVAL])  # a link, a socket, no name at all
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_VERSION = re.compile(r"(\d{1,2})\.(\d{1,3})")

_CONTAINERS = frozenset([dict, list])  # of JSON
_KINDS = frozenset(["code", "markdown", "raw"])

# A line of IPython's own, up to its end or the end of what a backslash continues. Blanks only before it, never a
# newline: a pattern that may begin anywhere in a run of blank lines takes quadratic time over it.
_MAGIC = re.compile(r"^([ \t]*)[%!?](?:\\\n|[^\n])*", re.MULTILINE)
_NO_CODE = re.compile(r"^[^={]*\[(?:markdown|md|raw)\]")
_DIVIDER = re.compile(r"^# ?%%([^\n]*)(?:\n|\Z)", re.MULTILINE)
_GOES_ON = re.compile(r"[ \t)\]}]|(?:elif|else|except|finally)\b")  # how a line begins that belongs to those above it
_CELL_MAGIC = re.compile(r"\s*%%(\w*)")
_PYTHON_MAGICS = frozenset(["time", "capture", "prun"])  # run the cell's Python and keep the names that it binds


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes
    ----------
    index : int
        Position among all cells of the notebook, from 0.
    grade_id : str
        nbgrader's name of the cell; empty where it has none.
    locked : bool
        nbgrader's ``locked``: given by the instructor, not the student's to edit.
    id : str
        The notebook format's own name of the cell; empty where it has none.
    kind : str
        ``code``, ``markdown`` or ``raw``.
    """

    index: int
    source: str
    grade_id: str = ""
    locked: bool = False
    points: float = 0.0
    id: str = ""
    kind: str = "code"

    @property
    def text(self) -> str:
        """The source without what editors change by themselves: line ends, trailing blanks, blank lines around."""
        return "\n".join([line.rstrip() for line in self.source.split("\n")]).strip()


@dataclass(frozen=True)
class Notebook:
    """A notebook's code cells in order, the digest of its bytes, and what is to be said about it.

    Attributes
    ----------
    script : bool
        Whether it is no notebook but a plain Python script, whose pieces stand for cells.
    written_for : (int, int) or None
        The version of Python that it says it was run with.
    texts : tuple of Cell
        Its markdown and raw cells, as far as they may be code cells whose type was changed.
    """

    cells: tuple[Cell, ...]
    sha256: str
    notes: tuple[str, ...] = ()
    script: bool = False
    written_for: tuple[int, int] | None = None
    texts: tuple[Cell, ...] = ()


def digest(content: bytes) -> str:
    """Return the SHA-256 of these bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _open(path: Path, root: Path, flags: int) -> int:
    """Open a file without following a link below a folder: what was a folder a moment ago may be a link now."""
    here = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    *folders, name = path.relative_to(root).parts
    try:
        for folder in folders:
            try:
                inner = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            except NotADirectoryError as error:
                raise OSError(errno.ELOOP, "not a folder any more") from error
            os.close(here)
            here = inner
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
    finally:
        os.close(here)


def read_bytes(path: Path, root: Path | None = None) -> bytes:
    """Return a submitted file's bytes.

    Parameters
    ----------
    root : Path, optional
        A folder above it that is trusted; no link is followed below. Otherwise only the file itself may be none.

    Raises
    ------
    SubmissionError
        If it is not a plain file of acceptable size. A link is not followed: it could name any file of ours.
    UnreadableError
        If we are not let to read it, or the disk fails.
    """
    try:
        # O_NONBLOCK: opening a FIFO must not wait for a writer
        descriptor = _open(path, root or path.parent, os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        name = path.name.encode("utf-8", "replace").decode()
        raise SubmissionError(
            f"There is no notebook `{name}` in this submission. Submit it under this name."
        ) from error
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise UnreadableError(_unreadable(error)) from error
        raise SubmissionError("The submission is a link, or cannot be opened. Submit the notebook itself.") from error
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise SubmissionError("The submission is a folder, not a notebook. Submit the .ipynb file itself.")
        if not stat.S_ISREG(mode):
            raise SubmissionError("The submission is not a plain file. Submit the .ipynb file itself.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(SIZE_CAP + 1)  # not st_size: the file may grow meanwhile
    except OSError as error:
        raise UnreadableError(_unreadable(error)) from error
    finally:
        os.close(descriptor)
    if len(content) > SIZE_CAP:
        raise SubmissionError(
            f"The notebook is larger than {SIZE_CAP >> 20} MB. Clear its outputs (Kernel, Restart & Clear Output) "
            "and submit it again."
        )
    return content


def _unreadable(error: OSError) -> str:
    """Return the sentence for a file that we cannot read, which is no fault of the student's."""
    name = error.strerror or type(error).__name__
    return f"Its file cannot be read here: {name}. Mend its permissions, or the disk, and grade again."


def parse(content: bytes) -> Notebook:
    """Return the notebook in these bytes.

    nbformat 4 as it is, nbformat 3 by its own layout, and a plain Python script saved under a notebook's name in
    pieces: what is graded is a function, and it is there.

    Raises
    ------
    SubmissionError
        If it is none of these, with a sentence for the student.
    UnreadableError
        If it is what Git leaves of a large file that has not been fetched.
    """
    sha256 = digest(content)
    if content.startswith(_LFS_POINTER):
        raise UnreadableError(
            "Its file is a Git LFS pointer: the notebook itself was not fetched. Run `git lfs pull` in the clone, and "
            "grade again."
        )
    text = _text(content)
    try:
        loaded = _loaded(text)
    except ValueError as error:
        script = _script_cells(_plain(text))
        if script:
            note = "This is a plain Python script, not a notebook; it was read piece by piece. Submit the notebook."
            return Notebook(script, sha256, (note,), script=True)
        raise SubmissionError(
            "The file is not a Jupyter notebook: it is not valid JSON. If a download or a merge broke it, "
            "open your own copy in Jupyter, save it and submit that."
        ) from error
    return _from_document(loaded, sha256)


def document_of(content: bytes) -> dict[str, Any] | None:
    """Return the JSON of what `parse` takes for a notebook; None where that is a script.

    Raises
    ------
    SubmissionError
        If it is no notebook, with a sentence for the student.
    """
    try:
        loaded = _loaded(_text(content))
    except ValueError:
        return None
    raw_cells(loaded)
    return dict(loaded)


def _text(content: bytes) -> str:
    """Return the text of a submitted file, as far as it may be parsed."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SubmissionError(
            "The file is not a Jupyter notebook (it is not UTF-8 text). Submit the .ipynb file."
        ) from error
    if not text.strip():
        raise SubmissionError("The file is empty. Save the notebook in Jupyter and submit it again.")
    if sum(text.count(mark) for mark in ",:[{") > VALUES_CAP:
        raise SubmissionError(
            "The notebook holds more than five million values. Clear its outputs (Kernel, Restart & Clear Output), "
            "keep data in files, and submit it again."
        )
    return text


def _loaded(text: str) -> Any:
    """Return the JSON in a text.

    Raises
    ------
    SubmissionError
        If it has a key twice, or is nested too deeply.
    ValueError
        If it is no JSON.
    """
    too_deep = "The notebook is damaged: its JSON is nested too deeply. Open it in Jupyter and save it again."
    try:
        # NaN and the infinities are read, though no JSON: nbformat itself writes them, where an output held them
        loaded = json.loads(text, object_pairs_hook=_strict, parse_int=_integer)
    except _DuplicateKeyError as error:
        raise SubmissionError(f"The notebook is damaged: {error}. Open it in Jupyter and save it again.") from error
    except RecursionError as error:
        raise SubmissionError(too_deep) from error
    if _is_deeper(loaded, DEPTH_CAP):
        raise SubmissionError(too_deep)
    return loaded


def _is_deeper(value: Any, cap: int) -> bool:
    """Return whether JSON has more levels than that.

    A cap of our own: how deep Python's own parser and writer go depends on the interpreter and on who calls them. What
    is within it can be parsed, walked and written anywhere.
    """
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(cap):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS
        ]
        if not level:
            return False
    return True


class _DuplicateKeyError(ValueError):
    """The same key twice in one object: two readers would see two different notebooks."""


def _strict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _DuplicateKeyError("it has the same key twice in one object")
    return result


def _integer(text: str) -> int | float:
    """Return an integer of the JSON; infinity for one that no field of a notebook has a use for."""
    return int(text) if len(text) <= DIGITS_CAP else math.inf


def _plain(source: str) -> str:
    """Return a source with Python's own line ends, and with nothing that UTF-8 cannot write (half of an emoji)."""
    return source.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()


def _script_cells(text: str) -> tuple[Cell, ...]:
    """Return the code cells of a Python script; none where it defines no function.

    Jupytext and editors divide a script into cells by lines that begin with ``# %%``; a word in brackets there says
    that a cell is no code. Jupyter's and Colab's own exports have no such lines, and are divided at their blank lines.
    """
    if len(text) > SOURCE_CAP:
        return ()
    marks = [(0, 0, ""), *((found.start(), found.end(), found[1]) for found in _DIVIDER.finditer(text))]
    ends = [start for start, _, _ in marks[1:]] + [len(text)]
    sources = [
        "" if _NO_CODE.search(title) else text[begin:end]
        for (_, begin, title), end in zip(marks, ends, strict=True)
    ]  # fmt: skip
    if len(marks) == 1:
        sources = _pieces(text)
    cells = [Cell(index, source) for index, source in enumerate(sources) if source.strip()][:CELLS_CAP]
    room = _SCRIPT_PARSE_CAP
    for cell in cells:
        room -= len(cell.source) if "def " in cell.source else 0
        tree = parse_code(cell.source) if "def " in cell.source and room >= 0 else None
        if tree is not None and any(isinstance(node, ast.FunctionDef) for node in tree.body):
            return tuple(cells)
    return ()


def _pieces(text: str) -> list[str]:
    """Return a script in pieces, the whole of it where there would be too many.

    A line of code at the margin begins one if a blank line or comments after a blank line are above it, and takes the
    comments along: no function is cut, and an error in one piece does not take the others with it.
    """
    lines = text.split("\n")
    starts = [0]
    free, comments = True, None  # whether a piece may begin here, and where the comments above this line begin
    for number, line in enumerate(lines):
        if not line.strip():
            free = True
        elif line.startswith("#"):
            comments = number if free and comments is None else comments
        else:
            if free and not _GOES_ON.match(line):
                starts.append(number if comments is None else comments)
            free, comments = False, None
    if len(starts) > CELLS_CAP:
        return [text]
    return ["\n".join(lines[begin:end]) for begin, end in itertools.pairwise([*starts, len(lines)])]


def raw_cells(document: Any) -> list[Any]:
    """Return the entries of a notebook's list of cells, whatever they are; those of format 3 from all worksheets.

    Raises
    ------
    SubmissionError
        If the JSON is no notebook, or has too many.
    """
    version = document.get("nbformat") if isinstance(document, dict) else None
    if version == 4 and isinstance(document.get("cells"), list):
        raw: list[Any] = document["cells"]
    elif version == 3 and isinstance(document.get("worksheets"), list):
        sheets = [sheet.get("cells") for sheet in document["worksheets"] if isinstance(sheet, dict)]
        raw = [cell for cells in sheets if isinstance(cells, list) for cell in cells]
    else:
        raise SubmissionError(
            "The file is JSON but not a Jupyter notebook of format 4 (or 3). Submit the .ipynb that Jupyter saved."
        )
    if len(raw) > CELLS_CAP:
        raise SubmissionError(f"The notebook has {len(raw)} cells; {CELLS_CAP} are the most that are read.")
    return raw


def _from_document(document: Any, sha256: str) -> Notebook:
    raw = raw_cells(document)
    notes: tuple[str, ...] = ()
    if document["nbformat"] == 3:
        notes = ("The notebook is in the old format 3; opening it in Jupyter and saving it brings it up to date.",)
    cells = []
    texts = []
    unread = []
    for index, item in enumerate(raw):
        match _cell(index, item):
            case Cell(kind="code") as cell:
                cells.append(cell)
            case Cell() as cell:
                texts.append(cell)
            case "damaged":
                unread.append(index + 1)
            case _:
                continue
    if unread:
        which = f"Cell {unread[0]} of the notebook" + (f" and {len(unread) - 1} more" if len(unread) > 1 else "")
        notes = (*notes, f"{which} could not be read: no text stands where its code should be.")
    if sum(len(cell.source.encode("utf-16-le")) // 2 for cell in cells) > SOURCE_CAP:
        raise SubmissionError("The notebook has more than a million characters of code. Remove data from its cells.")
    return Notebook(tuple(cells), sha256, notes, written_for=_written_for(document), texts=tuple(texts))


def _written_for(document: dict[str, Any]) -> tuple[int, int] | None:
    """Return the version of Python in a notebook's metadata."""
    metadata = document.get("metadata")
    language = metadata.get("language_info") if isinstance(metadata, dict) else None
    version = language.get("version") if isinstance(language, dict) else None
    found = _VERSION.match(version) if isinstance(version, str) else None
    return (int(found[1]), int(found[2])) if found else None


def _cell(index: int, item: Any) -> Cell | Literal["other", "damaged"]:
    """Return the cell in an entry of a notebook's list, or what else the entry is.

    A markdown or raw cell is returned where it may be a code cell whose type was changed, which nbgrader changes back:
    it has nbgrader's metadata, or a function in it, and is not too long to be parsed.
    """
    if not isinstance(item, dict):
        return "damaged"
    kind = item.get("cell_type")
    if not isinstance(kind, str) or kind not in _KINDS:
        return "other"
    metadata = item.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if kind != "code" and not isinstance(nbgrader, dict) and not _mentions(item.get("source"), "def "):
        return "other"
    source = raw_source(item)
    if source is None:
        return "damaged" if kind == "code" else "other"
    text = source if isinstance(source, str) else "".join(source)
    if kind != "code" and len(text) > PARSE_CAP:
        return "other"
    if not isinstance(nbgrader, dict):
        nbgrader = {}
    grade_id, own_id = nbgrader.get("grade_id"), item.get("id")
    return Cell(
        index=index,
        source=_plain(text),
        grade_id=_plain(grade_id) if isinstance(grade_id, str) else "",
        locked=nbgrader.get("locked") is True,
        points=_points(nbgrader.get("points")),
        id=own_id if isinstance(own_id, str) else "",
        kind=kind,
    )


def _mentions(source: Any, word: str) -> bool:
    """Return whether a word stands in a source, which may be anything; a fast look at texts that are mostly prose."""
    try:
        return word in (source if isinstance(source, str) else "".join(source))
    except TypeError:
        return False


def raw_source(item: dict[str, Any]) -> str | list[str] | None:
    """Return a cell's source as it stands there, a text or lines of it; None where no text stands there."""
    source = item.get("source", item.get("input", ""))  # format 3 says input
    if isinstance(source, str) or (isinstance(source, list) and all(isinstance(line, str) for line in source)):
        return source
    return None


def _points(value: Any) -> float:
    """Return nbgrader's points of a cell; 0 for whatever is no number of points."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    try:
        points = float(value)
    except OverflowError:
        return 0.0
    return points if math.isfinite(points) and points > 0 else 0.0


def parse_code(source: str) -> ast.Module | None:
    """Return a cell's syntax tree, its magic and shell lines passed over.

    None where it does not parse, or is so long that it is not tried. A cell that is not Python at all, such as
    ``%%bash``, is an empty module.
    """
    return text_and_tree(source)[1]


def python_texts(source: str) -> tuple[str, ...]:
    """Return a cell's source as Python, in each way that it may be read; nothing where it is too long, or no Python."""
    magic = _CELL_MAGIC.match(source)
    if len(source) > PARSE_CAP or (magic and magic[1] not in _PYTHON_MAGICS):
        return ()
    return source, _MAGIC.sub(r"\1pass", source)


def text_and_tree(source: str) -> tuple[str, ast.Module | None]:
    """Return the Python text of a cell and its syntax tree, see `parse_code`; no text where there is no tree."""
    if len(source) > PARSE_CAP:
        return "", None
    magic = _CELL_MAGIC.match(source)
    if magic and magic[1] not in _PYTHON_MAGICS:
        return "", ast.Module([], [])
    tree = _tree(source)
    if tree is not None:
        return source, tree
    text = _MAGIC.sub(r"\1pass", source)
    tree = _tree(text) if text != source else None
    return (text, tree) if tree is not None else ("", None)


def _tree(text: str) -> ast.Module | None:
    """Return a syntax tree; None where there is none, or none that Python's parser can take."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a student's "\d" is no news for the instructor's terminal
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
