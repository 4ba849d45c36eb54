"""Proves that no expression of a solution stands anywhere in what students get.

Two nets, one behind the other. The first parses whatever can be parsed (code, and code in fences, in backticks, in
strings, comments, single lines of prose) and compares normal forms, so that layout, order of terms, ``np.dot`` for
``@`` and, for bigger expressions, the names of variables make no difference. The second looks for the answers as
text, whatever stands around them.
"""

import ast
import html
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from autograder.expressions import content, normal_form, renamed_form
from autograder.regions import Code, parse
from autograder.shipped import Piece, pieces_of
from autograder.solutions import Answer

_DEPTH = 3  # code in a string in a string in a string is nobody's accident
_FENCE = re.compile(r"^[ \t>]*(```+|~~~+)[^\n]*\n(.*?)^[ \t>]*\1", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"(?<!`)(`{1,2})(?!`)((?:[^`\n]|\n(?!\s*\n))+)\1(?!`)")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_PREFIX = re.compile(r"^(?:\s*(?:>>>|\.\.\.|In ?\[\d*\]:|Out ?\[\d*\]:|[>#*+|-]+(?=\s)|\d+[.)](?=\s)))*\s*")
_WORD = re.compile(r"\w+")
_SPELLED = frozenset({"np", "numpy", "dot", "matmul"})

_SAME = "it is an expression of the solution"
_RENAMED = "it is an expression of the solution with other variable names"
_TEXT = "the solution's text stands here"
_RENAMED_TEXT = "the solution's text stands here with other variable names"


@dataclass(frozen=True)
class Leak:
    """One place of the release that gives an answer away.

    Attributes
    ----------
    where : str
        File, cell and line.
    expression : str
        The part of the solution that stands there.
    why : str
        How it was recognised.
    """

    where: str
    expression: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}: {self.expression}"


@dataclass(frozen=True)
class _Hit:
    answer: Answer
    why: str
    line: int


def find_leaks(answers: Sequence[Answer], files: Iterable[tuple[str, bytes]]) -> list[Leak]:
    """Look for the answers in every file.

    Parameters
    ----------
    answers : sequence of Answer
        From `autograder.solutions.answers_of`, of all solution cells.
    files : iterable of (str, bytes)
        Relative path with forward slashes, and content.

    Returns
    -------
    list of Leak
        At most one for each answer and piece of text; what is part of a bigger leak is not listed again.
    """
    leaks = (
        Leak(_place(piece, hit.line), hit.answer.text, hit.why)
        for path, data in files
        for piece in pieces_of(path, data)
        for hit in _biggest(_scan(piece.text, answers))
    )
    return list(dict.fromkeys(leaks))


def tells(text: str, answers: Sequence[Answer]) -> Answer | None:
    """Return the biggest answer that a text gives away, if any."""
    hits = _biggest(_scan(text, answers))
    return hits[0].answer if hits else None


def _place(piece: Piece, line: int) -> str:
    return f"{piece.where}, line {line}" if piece.lines else piece.where


def _biggest(hits: Iterable[_Hit]) -> list[_Hit]:
    """Keep the first hit of each answer, and drop the parts of what is found anyway."""
    kept: list[_Hit] = []
    for hit in sorted(hits, key=lambda h: (-h.answer.size, h.answer.text, h.line)):
        if not any(hit.answer.text in k.answer.text for k in kept):
            kept.append(hit)
    return kept


def _scan(text: str, answers: Sequence[Answer], depth: int = 0) -> Iterator[_Hit]:
    """Yield every place of a text that gives an answer away; the line counts from 1."""
    if not answers or depth > _DEPTH or not text.strip():
        return
    plain = html.unescape(text)
    # a tag may stand between two words or, in highlighted code, within one expression: both readings
    for variant in dict.fromkeys([text, plain, _TAG.sub(" ", plain), _TAG.sub("", plain)]):
        yield from _scan_parsed(variant, answers, depth)
        yield from _scan_text(variant, answers)


def _scan_text(text: str, answers: Sequence[Answer]) -> Iterator[_Hit]:
    words = set(_WORD.findall(text)) | _SPELLED
    for answer in answers:
        found = answer.pattern.search(text) if answer.words <= words else None
        why = _TEXT
        if found is None and answer.renamed_pattern is not None and answer.fixed_words <= words:
            found, why = answer.renamed_pattern.search(text), _RENAMED_TEXT
        if found is not None:
            yield _Hit(answer, why, text.count("\n", 0, found.start()) + 1)


def _scan_parsed(text: str, answers: Sequence[Answer], depth: int) -> Iterator[_Hit]:
    exact = {a.form: a for a in reversed(answers) if a.form is not None}
    renamed = {a.renamed: a for a in reversed(answers) if a.renamed is not None}
    for tree, above in _trees(text):
        for node in ast.walk(tree):
            line = above + getattr(node, "lineno", 1)
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if node.value != text:
                    for hit in _scan(node.value, answers, depth + 1):
                        yield _Hit(hit.answer, hit.why, line + hit.line - 1)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    store = ("store", normal_form(target), normal_form(node.value))
                    if store in exact:
                        yield _Hit(exact[store], _SAME, line)
            elif isinstance(node, ast.expr):
                form = normal_form(node)
                if form in exact:
                    yield _Hit(exact[form], _SAME, line)
                elif renamed and content(form).telling_renamed and (other := renamed_form(form)) in renamed:
                    yield _Hit(renamed[other], _RENAMED, line)
    for comment, line in _comments(text):
        for hit in _scan(comment, answers, depth + 1):
            yield _Hit(hit.answer, hit.why, line + hit.line - 1)


def _trees(text: str) -> Iterator[tuple[ast.Module, int]]:
    """Yield whatever can be parsed of a text, and how many lines stand above it."""
    whole = Code(textwrap.dedent(text)).tree
    if whole is not None:
        yield whole, 0
        return
    for pattern in (_FENCE, _INLINE):
        for found in pattern.finditer(text):
            above = text.count("\n", 0, found.start(2))
            yield from ((t, above) for t in _attempts(found[2]))
    above = 0
    for block in re.split(r"(\n[ \t]*\n)", text):
        yield from ((t, above) for t in _attempts(block))
        for i, line in enumerate(block.split("\n") if "\n" in block.strip("\n") else []):
            yield from ((t, above + i) for t in _attempts(line))
        above += block.count("\n")


def _attempts(text: str) -> Iterator[ast.Module]:
    """Parse a block or a line of prose: as it is, without its marks, as a header, and after a colon."""
    unmarked = "\n".join(_PREFIX.sub("", line) for line in text.split("\n"))
    bare = text.strip() if "\n" not in text.strip("\n") else textwrap.dedent(text)
    tried = dict.fromkeys([bare, unmarked.strip(), re.sub(r"^[^\n]*?:\s+", "", unmarked.strip())])
    for attempt in tried:
        tree = Code(attempt).tree
        if tree is None and attempt.endswith(":"):
            tree = parse(attempt + " pass")
        if tree is not None and tree.body:
            yield tree


def _comments(text: str) -> Iterator[tuple[str, int]]:
    """Yield the comments of Python text, neighbours as one block, each with its first line."""
    code = Code(text)
    if code.tree is None:
        return
    block: list[str] = []
    first = last = 0
    for token in code.comments():
        line = code.line_of(token.start)
        if block and line != last + 1:
            yield "\n".join(block), first
            block = []
        if not block:
            first = line
        block.append(re.sub(r"^#+ ?", "", token.string))
        last = line
    if block:
        yield "\n".join(block), first
