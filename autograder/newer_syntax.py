"""Tells a cell in a newer Python than ours from one that no Python can read.

An interpreter that is older than a student's refuses syntax that is right there. What each newer version allows is
written here as an older one can read it: if the cell parses then, it is the interpreter that is too old, and if it does
not, the cell is wrong in any Python. So an ordinary mistake is never taken for newer syntax.

Nothing of the result is run: that takes a newer interpreter.
"""

import ast
import io
import itertools
import re
import sys
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Version = tuple[int, int]

NEWEST: Version = (3, 14)  # whose syntax is known here
_DEPTH = 5  # of strings within strings, each level of which is read twice
_PREFIX = re.compile(r"(?<![\w.])(?i:[rbuft]|br|rb|fr|rf|tr|rt)?(\"\"\"|'''|\"|')")
_NAMED = re.compile(r"\\N\{[^{}\n]*\}")
_SKIPPED = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT, tokenize.ENCODING}
_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True)
class Newer:
    """A cell in newer syntax: what it would be in an older one, and the first version that reads it as it is."""

    tree: ast.Module
    version: Version


class _WrongError(Exception):
    """The text is no Python of any version that is known here."""


def newer(
    texts: Sequence[str], written_for: Version | None = None, ours: Version = sys.version_info[:2]
) -> Newer | None:
    """Return what a cell that does not parse here is in newer Python; None where it is in none.

    Parameters
    ----------
    texts : sequence of str
        The cell's source as Python, in each way that it may be read.
    written_for : (int, int), optional
        The version that the notebook says it was run with. For one beyond `NEWEST` there is no telling what is right,
        as long as brackets and strings end where they should.
    ours : (int, int)
        The version that refused it.
    """
    for text in texts:
        found: set[Version] = set()
        try:
            plain = _without_strings(text, found, 0)
            tree = _parsed(_older(plain, found, written_for))
        except (_WrongError, tokenize.TokenError, IndentationError, SyntaxError, ValueError):
            continue
        except (RecursionError, MemoryError):
            return None
        if tree is not None and found and max(found) > ours:
            return Newer(tree, max(found))
    if written_for is not None and written_for > max(ours, NEWEST) and any(map(_ends_well, texts)):
        return Newer(ast.Module([], []), written_for)
    return None


def _parsed(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


# -------------------------------------------------------------------------------------------------------- strings


def _without_strings(text: str, found: set[Version], depth: int) -> str:
    """Return a text in which each f-string and template string is an empty string; what stands in them is checked."""
    if depth > _DEPTH:
        raise _WrongError
    pieces, done, place = [], 0, 0
    while place < len(text):
        if text[place] == "#":
            place = _line_end(text, place)
            continue
        string = _PREFIX.match(text, place)
        if string is None:
            place += 1
            continue
        prefix = string[0][: -len(string[1])].lower()
        if not {"f", "t"} & set(prefix):
            place = _string_end(text, string.end(), string[1])
            continue
        if "t" in prefix:
            found.add((3, 14))
        end = _formatted(text, string.end(), string[1], raw="r" in prefix, found=found, depth=depth)
        pieces += [text[done:place], '""']
        place = done = end
    return "".join([*pieces, text[done:]])


def _line_end(text: str, place: int) -> int:
    end = text.find("\n", place)
    return len(text) if end < 0 else end


def _string_end(text: str, place: int, quote: str) -> int:
    """Return where a plain string ends, from behind its opening quote."""
    while place < len(text):
        if text[place] == "\\":
            place += 2
        elif text.startswith(quote, place):
            return place + len(quote)
        elif text[place] == "\n" and len(quote) == 1:
            raise _WrongError
        else:
            place += 1
    raise _WrongError


def _formatted(
    text: str, place: int, quote: str, *, raw: bool, found: set[Version], depth: int, spec: bool = False
) -> int:
    """Return where a formatted string ends, or the format of one of its fields; check what is computed in it."""
    while place < len(text):
        letter = text[place]
        if spec and letter == "}":
            return place
        if text.startswith(quote, place):
            if spec:
                raise _WrongError
            return place + len(quote)
        if letter == "\\" and not raw:
            named = _NAMED.match(text, place)
            place = named.end() if named else place + (1 if text[place + 1 : place + 2] in "{}" else 2)
        elif letter == "\n" and len(quote) == 1:
            raise _WrongError
        elif not spec and text[place : place + 2] in {"{{", "}}"}:
            place += 2
        elif letter == "}":
            raise _WrongError
        elif letter == "{":
            place = _field(text, place + 1, quote, raw=raw, found=found, depth=depth)
        else:
            place += 1
    raise _WrongError


def _field(text: str, start: int, quote: str, *, raw: bool, found: set[Version], depth: int) -> int:
    """Return where a field in braces ends, from behind its opening brace."""
    place, brackets = start, []
    while place < len(text):
        letter = text[place]
        string = _PREFIX.match(text, place)
        if letter == "#":
            place = _line_end(text, place)
        elif string is not None:
            if text.startswith(quote, string.end() - len(string[1])):
                found.add((3, 12))  # the quote of the string itself, within it
            prefix = string[0][: -len(string[1])].lower()
            inner = bool({"f", "t"} & set(prefix))
            place = (
                _formatted(text, string.end(), string[1], raw="r" in prefix, found=found, depth=depth + 1)
                if inner and depth < _DEPTH
                else _string_end(text, string.end(), string[1])
            )
        elif letter in _OPENING:
            brackets.append(letter)
            place += 1
        elif letter in _CLOSING and brackets:
            if _OPENING.index(brackets.pop()) != _CLOSING.index(letter):
                raise _WrongError
            place += 1
        elif not brackets and (letter == "}" or (letter in "!:" and text[place : place + 2] != "!=")):
            break
        else:
            place += 1
    else:
        raise _WrongError
    _check_expression(text[start:place], quote, found, depth)
    if text[place] == "!":
        if text[place + 1 : place + 2] not in {"r", "s", "a"}:
            raise _WrongError
        place += 2
    if text[place : place + 1] == ":":
        place = _formatted(text, place + 1, quote, raw=raw, found=found, depth=depth, spec=True)
    if text[place : place + 1] != "}":
        raise _WrongError
    return place + 1


def _check_expression(expression: str, quote: str, found: set[Version], depth: int) -> None:
    """Refuse what is computed in a field if it is no expression; see what of it older versions did not allow."""
    bare = expression.rstrip()
    bare = bare[:-1] if bare.endswith("=") and not bare.endswith(("==", "!=", "<=", ">=")) else expression
    tree = _parsed(f"({_without_strings(bare, found, depth + 1)}\n)") if bare.strip() else None
    if tree is None:
        raise _WrongError
    if "\\" in expression or "#" in expression or ("\n" in expression and len(quote) == 1):
        found.add((3, 12))


# --------------------------------------------------------------------------------------------------------- tokens


def _older(text: str, found: set[Version], written_for: Version | None) -> str:
    """Return a text without type parameters and other statements of newer versions."""
    cuts: list[tuple[int, int, str]] = []
    starts = [0, *(place + 1 for place, letter in enumerate(text) if letter == "\n")]
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in _SKIPPED]
    begins = {0, *(n + 1 for n, (one, two) in enumerate(itertools.pairwise(tokens)) if _begins_statement(one, two))}

    def at(token: tokenize.TokenInfo, *, end: bool = False) -> int:
        line, column = token.end if end else token.start
        return starts[line - 1] + column

    for n, token in enumerate(tokens):
        following = tokens[n + 1 : n + 3]
        if token.string in {"def", "class"} and [t.string for t in following[1:]] == ["["]:
            last = _bracket_end(tokens, n + 2)
            _check_parameters(tokens[n + 3 : last], found)
            cuts.append((at(tokens[n + 2]), at(tokens[last], end=True), ""))
        elif n in begins and token.string == "type" and following and following[0].string.isidentifier():
            last = n + 1
            if [t.string for t in following[1:]] == ["["]:
                last = _bracket_end(tokens, n + 2)
                _check_parameters(tokens[n + 3 : last], found)
            if [t.string for t in tokens[last + 1 : last + 2]] != ["="]:
                continue
            found.add((3, 12))
            cuts += [(at(token), at(following[0]), ""), (at(following[0], end=True), at(tokens[last], end=True), "")]
        elif n in begins and token.string == "except" and written_for is not None and written_for >= (3, 14):
            # without the notebook's word for it, this is Python 2: `except ValueError, error:`
            last = next((k for k in range(n + 1, len(tokens)) if tokens[k].string == ":"), n)
            inside = [t.string for t in tokens[n + 1 : last]]
            if "," in inside and inside[0] != "(" and "as" not in inside:
                found.add((3, 14))
                cuts += [(at(tokens[n + 1]), at(tokens[n + 1]), "("), (at(tokens[last]), at(tokens[last]), ")")]
    for start, end, instead in sorted(cuts, reverse=True):
        text = text[:start] + instead + text[end:]
    return text


def _begins_statement(one: tokenize.TokenInfo, two: tokenize.TokenInfo) -> bool:
    """Return whether a statement may begin with the second of two tokens."""
    return two.start[0] > one.end[0] or one.string in {":", ";"}


def _nesting(token: tokenize.TokenInfo) -> int:
    """Return by how many levels a token leads into brackets, or out of them."""
    return (token.string in {*_OPENING}) - (token.string in {*_CLOSING})


def _bracket_end(tokens: Sequence[tokenize.TokenInfo], start: int) -> int:
    depth = 0
    for n in range(start, len(tokens)):
        depth += _nesting(tokens[n])
        if depth == 0:
            return n
    raise _WrongError


def _check_parameters(tokens: Sequence[tokenize.TokenInfo], found: set[Version]) -> None:
    """Refuse what are no type parameters: names, perhaps starred, with a bound, and since 3.13 with a default."""
    found.add((3, 12))
    groups = list(_by_comma(tokens))
    if groups and not groups[-1]:
        groups.pop()  # behind a last comma
    if not groups:
        raise _WrongError
    for group in groups:
        stars = "".join(token.string for token in group if token.string in {"*", "**"}) if group else ""
        plain = group[1:] if stars and group[0].string == stars else group
        if not plain or _parsed(f"def f({' '.join(token.string for token in plain)}): pass") is None:
            raise _WrongError
        if any(token.string == "=" for token in plain):
            found.add((3, 13))


def _by_comma(tokens: Sequence[tokenize.TokenInfo]) -> Iterator[list[tokenize.TokenInfo]]:
    group: list[tokenize.TokenInfo] = []
    depth = 0
    for token in tokens:
        depth += _nesting(token)
        if token.string == "," and depth == 0:
            yield group
            group = []
        else:
            group.append(token)
    yield group


def _ends_well(text: str) -> bool:
    """Return whether brackets, strings and blocks of a text end where they should, whatever it means."""
    try:
        plain = _without_strings(text, set(), 0)
        tokens = list(tokenize.generate_tokens(io.StringIO(plain).readline))
    except (_WrongError, tokenize.TokenError, SyntaxError, RecursionError):
        return False
    return not any(token.type == tokenize.ERRORTOKEN for token in tokens)
