"""Empties the regions of a solution cell: the answers go; markers, comments, names and skeleton stay.

The original text is edited at the places that its syntax tree and its tokens name, so that all the rest keeps every
blank. What each kind of statement becomes, and why, stands in docs/adr/004-stripping.md; `autograder.skeleton`
is that table in code.
"""

import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.leaks import tells
from autograder.regions import Code, Region, RegionError, Token, compiles, find_regions, unify_newlines
from autograder.skeleton import Cut, Unsupported, cuts
from autograder.solutions import Answer, answers_of

STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")


@dataclass(frozen=True)
class Blanked:
    """A solution cell as students get it.

    Attributes
    ----------
    text : str
        The cell's new source.
    replaced : tuple of str
        One sentence for each region that could not be blanked and was replaced whole.
    bare : tuple of int
        Lines (of the new text) that are only ``None`` with no comment above or beside them: correct, but a student
        may wonder what belongs there.
    """

    text: str
    replaced: tuple[str, ...] = ()
    bare: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    text: str


def blank(source: str) -> Blanked:
    """Blank every answer of a solution cell.

    Parameters
    ----------
    source : str
        The cell with its solution.

    Returns
    -------
    Blanked
        The text without the answers; it is Python, up to IPython's own lines outside the regions.

    Raises
    ------
    RegionError
        If the cell has no region, its markers are out of order or stand in the middle of a statement, or what
        stands around them is not Python.
    """
    text = unify_newlines(source)
    regions = find_regions(text)
    if not regions:
        raise RegionError(
            1,
            "a solution cell needs its answer between ### START CODE HERE ### and ### END CODE HERE ###; "
            "there is neither.",
        )
    answers = answers_of(text)
    replaced = []
    # from the last to the first: line numbers above an edited region stay as they are
    for region in reversed(regions):
        text, why = _blank_region(text, region, answers)
        if why:
            replaced.append(f"line {region.start}: {why} The region was replaced whole.")
    return Blanked(text, tuple(reversed(replaced)), tuple(_bare_lines(text)))


def _blank_region(text: str, region: Region, answers: list[Answer]) -> tuple[str, str]:
    """Return the text with this region blanked, and why it had to be replaced whole, if so."""
    code = Code(text, find_regions(text))
    why = ""
    if code.tree is None or not code.tokens:
        why = "this is not Python that can be taken apart."
    else:
        _check_markers(code, region)
        try:
            edits = list(_edits(code, region, answers))
        except Unsupported as problem:
            why = f"{problem}"
        else:
            new = _apply(text if not code.magic else code.text, edits)
            new = _restore(text, new, region) if code.magic else new
            why = _flaw(new, region, answers)
            if not why:
                return new, ""
    return _replace_whole(text, region), why


def _check_markers(code: Code, region: Region) -> None:
    comments = {code.line_of(t.start) for t in code.comments()}
    inside_statement = False
    for token in code.tokens:
        line = code.line_of(token.start)
        if token.type == tokenize.COMMENT and line in (region.start, region.end) and inside_statement:
            raise RegionError(line, "this marker stands in the middle of a statement; put it above or below.")
        if token.type == tokenize.NEWLINE:
            inside_statement = False
        elif token.type not in _LAYOUT:
            inside_statement = True
    for line in (region.start, region.end):
        if line not in comments:
            raise RegionError(line, "this marker stands inside a string, where it marks nothing.")


_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def _edits(code: Code, region: Region, answers: list[Answer]) -> Iterator[_Edit]:
    """Yield all edits of a region: what is cut, comments out of what is cut, comments that tell."""
    comments = [t for t in code.comments() if region.holds(code.line_of(t.start), code.line_of(t.start))]
    lost: set[Token] = set()
    for cut in cuts(code, region, lambda t: tells(t, answers)):
        yield _Edit(cut.start, cut.end, cut.text)
        inner = [t for t in comments if cut.start <= t.start < cut.end]
        lost.update(inner)
        kept = [t.string for t in inner if not tells(t.string, answers)]
        if kept:
            yield _comments_above(code, cut, kept)
    for token in comments:
        if token in lost or not tells(token.string, answers):
            continue
        line = code.line_of(token.start)
        start, end = code.starts[line - 1], token.end
        if code.text[start : token.start].strip():
            start = len(code.text[: token.start].rstrip(" \t"))
        else:
            end += 1  # a line of its own goes with its end
        yield _Edit(start, end, "")


def _comments_above(code: Code, cut: Cut, comments: list[str]) -> _Edit:
    """Keep comments from within a blanked expression: above its statement, where they still make sense."""
    start, fresh = 0, True
    for token in code.tokens:
        if token.start > cut.start:
            break
        if token.type == tokenize.NEWLINE:
            fresh = True
        elif fresh and token.type not in _LAYOUT:
            start, fresh = code.starts[code.line_of(token.start) - 1], False
    indent = re.match(r"[ \t]*", code.text[start:])
    margin = indent[0] if indent else ""
    return _Edit(start, start, "".join(f"{margin}{c}\n" for c in comments))


def _apply(text: str, edits: list[_Edit]) -> str:
    parts, done = [], 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if edit.start < done:
            raise RuntimeError("two edits of one place: a bug in autograder.skeleton")  # never half an answer
        parts += [text[done : edit.start], edit.text]
        done = edit.end
    return "".join([*parts, text[done:]])


def _restore(text: str, new: str, region: Region) -> str:
    """Put IPython's own lines, replaced for parsing, back around the region."""
    old_lines, new_lines = text.split("\n"), new.split("\n")
    tail = len(old_lines) - region.end
    middle = new_lines[region.start : len(new_lines) - tail - 1]
    return "\n".join([*old_lines[: region.start], *middle, *old_lines[region.end - 1 :]])


def _flaw(new: str, region: Region, answers: list[Answer]) -> str:
    """Return what is wrong with a blanked text; empty when nothing is."""
    regions = find_regions(new)
    code = Code(new, regions)
    if code.tree is None or not (code.magic or compiles(new)):
        return "blanked, it would not be Python any more."
    now = next(r for r in regions if r.start == region.start)
    left = tells("\n".join(new.split("\n")[now.start : now.end - 1]), answers)
    return f"blanked, it would still tell `{left.text}`." if left else ""


def _replace_whole(text: str, region: Region) -> str:
    lines = text.split("\n")
    inside = lines[region.start : region.end - 1]
    margins = [lines[region.start - 1], *(line for line in inside if line.strip() and line.lstrip()[0] != "#")]
    for margin in margins[:2]:
        indent = margin[: len(margin) - len(margin.lstrip())]
        stub = [indent + line for line in STUB]
        new = "\n".join([*lines[: region.start], *stub, *lines[region.end - 1 :]])
        if Code(new, find_regions(new)).tree is not None:
            return new
    raise RegionError(
        region.start,
        "even with the region emptied this cell is not Python. Mend what stands around the region, or let the "
        "region hold whole statements.",
    )


def _bare_lines(text: str) -> Iterator[int]:
    lines = text.split("\n")
    for region in find_regions(text):
        for number in range(region.start + 1, region.end):
            explained = number - 1 > region.start and lines[number - 2].lstrip().startswith("#")
            if lines[number - 1].strip() == "None" and not explained:
                yield number
