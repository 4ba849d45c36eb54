"""Where the answer of an exercise stands in its cell: solution cells, markers, and the code between them."""

import ast
import io
import re
import tokenize
import warnings
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_UNIQUE = re.compile(r"^[ \t]*#[ \t]*(UNQ_C\d+)\b", re.MULTILINE)
_ANY_MARKER = re.compile(r"#\s*(START|END)\s+CODE\s+HERE", re.IGNORECASE)
_MARKER = re.compile(r"[ \t]*#+\s*(START|END)\s+CODE\s+HERE\b.*", re.IGNORECASE)
_GRADED = re.compile(r"^[ \t]*#[ \t]*GRADED FUNCTION:[ \t]*(\w+)", re.MULTILINE)
_MAGIC = re.compile(r"([ \t]*)([%!?]|\w+\?{1,2}[ \t]*$)")


class RegionError(Exception):
    """A solution cell whose region cannot be told; says the line in the cell and what is wrong there."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


@dataclass(frozen=True)
class Region:
    """The lines between two markers; both numbers are those of the markers themselves, counted from 1."""

    start: int
    end: int

    def holds(self, first: int, last: int) -> bool:
        """Whether the lines from `first` to `last` stand between the markers."""
        return self.start < first and last < self.end


def unify_newlines(source: str) -> str:
    """Return the source with the line ends that Python itself would see."""
    return source.replace("\r\n", "\n").replace("\r", "\n")


def unique_id(source: str) -> str | None:
    """Return ``UNQ_Cn`` where a comment at the start of a line says so."""
    found = _UNIQUE.search(source)
    return found[1] if found else None


def is_solution(cell: Mapping[str, Any]) -> bool:
    """Whether a notebook's cell holds an answer: nbgrader says so, or it bears a unique id and is no test."""
    marks = cell.get("metadata", {}).get("nbgrader", {})
    if marks.get("solution"):
        return True
    if cell.get("cell_type") != "code" or marks.get("grade") or marks.get("locked"):
        return False
    return unique_id(source_of(cell)) is not None


def source_of(cell: Mapping[str, Any]) -> str:
    """Return the text of a cell, which the file format stores as a string or as a list of lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def graded_functions(source: str) -> tuple[str, ...]:
    """Return the names of the functions that a solution cell defines or announces."""
    names = _GRADED.findall(source)
    tree = Code(source).tree
    if tree is not None:
        names += [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return tuple(dict.fromkeys(names))


def has_marker(source: str) -> bool:
    """Whether any START or END marker stands in the text."""
    return _ANY_MARKER.search(source) is not None


def find_regions(source: str) -> list[Region]:
    """Find the regions of a cell, in order.

    Raises
    ------
    RegionError
        If a marker is nested, has no partner, or shares its line with code.
    """
    regions: list[Region] = []
    open_at = 0
    for number, line in enumerate(unify_newlines(source).split("\n"), 1):
        if not _ANY_MARKER.search(line):
            continue
        marker = _MARKER.fullmatch(line)
        if marker is None:
            raise RegionError(number, "a START or END marker must stand on a line of its own.")
        starts = marker[1].upper() == "START"
        if starts and open_at:
            raise RegionError(number, f"START CODE HERE again, but the one of line {open_at} has not ended.")
        if not starts and not open_at:
            raise RegionError(number, "END CODE HERE without a START CODE HERE above it.")
        if starts:
            open_at = number
        else:
            regions.append(Region(open_at, number))
            open_at = 0
    if open_at:
        raise RegionError(open_at, "START CODE HERE without an END CODE HERE below it.")
    return regions


def parse(text: str) -> ast.Module | None:
    """Parse Python, quietly; None where it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a notebook is not our business
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def compiles(text: str) -> bool:
    """Whether a notebook could run the text as a cell; `await` at the top is allowed there."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "cell", "exec", flags=flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def without_magics(source: str, spared: list[Region]) -> str:
    """Return the source with IPython's own lines outside the regions replaced by ``pass``, line for line."""
    lines = source.split("\n")
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    for i, line in enumerate(lines):
        magic = _MAGIC.match(line)
        if magic is None or any(r.holds(i + 1, i + 1) for r in spared):
            continue
        lines[i] = "" if i == first and line.startswith("%%") else f"{magic[1]}pass"
    return "\n".join(lines)


class Code:
    """A cell's source with its syntax tree and tokens, all positions as offsets into the text.

    Attributes
    ----------
    text : str
        With unified line ends and, where only that makes it Python, IPython's lines outside the regions
        replaced. `magic` says whether that was needed.
    tree : ast.Module or None
        None where the text is not Python even so.
    """

    def __init__(self, source: str, regions: list[Region] | None = None) -> None:
        self.text = unify_newlines(source)
        self.tree = parse(self.text)
        self.magic = False
        if self.tree is None:
            plain = without_magics(self.text, regions or [])
            self.tree = parse(plain)
            if self.tree is not None:
                self.text, self.magic = plain, True

    @cached_property
    def lines(self) -> list[str]:
        """The lines, without their ends."""
        return self.text.split("\n")

    @cached_property
    def starts(self) -> list[int]:
        """Where each line begins."""
        starts = [0]
        for line in self.lines:
            starts.append(starts[-1] + len(line) + 1)
        return starts

    def offset(self, line: int, column: int) -> int:
        """Return the place of a syntax node's line (from 1) and column (in UTF-8 bytes)."""
        text = self.lines[line - 1]
        if not text.isascii():
            column = len(text.encode()[:column].decode())
        return self.starts[line - 1] + column

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return where a node begins and ends."""
        at: Any = node  # every node asked for has a position
        return self.offset(at.lineno, at.col_offset), self.offset(at.end_lineno, at.end_col_offset)

    def line_of(self, offset: int) -> int:
        """Return the line number of a place."""
        return bisect_right(self.starts, offset)

    @cached_property
    def tokens(self) -> list["Token"]:
        """The tokens that stand for something; empty where the text cannot be read as tokens."""
        found = []
        try:
            for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
                start = self.starts[token.start[0] - 1] + token.start[1]
                found.append(Token(token.type, token.string, start, start + len(token.string)))
        except (tokenize.TokenError, SyntaxError, IndexError):
            return []
        return found

    def comments(self) -> Iterator["Token"]:
        """Yield the comments."""
        return (t for t in self.tokens if t.type == tokenize.COMMENT)


@dataclass(frozen=True)
class Token:
    """A token and its place in the text."""

    type: int
    string: str
    start: int
    end: int
