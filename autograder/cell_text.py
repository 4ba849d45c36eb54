"""Returns the text of a cell as it is run: without what a paste or a tool has put around its code.

The same text is parsed by the host, run by the guest and quoted to the student. Every change keeps the number of lines,
so that a line of the text is the same line of the student's cell.
"""

import re

from autograder.notebook import PARSE_CAP, text_and_tree

_MOST_PARSES = 6  # of one cell
_MAGIC_LINE = re.compile(r"\s*%%(\w{1,40})[^\n]*")
_MAGICS_MOST = 2  # that stand one below the other

# Run the cell's code and keep the names that it binds. Passed over: IPython would compile the code under another name
# than the cell's, and an error would be on no line of it.
_PASSED_OVER = frozenset(["time", "prun", "debug"])

# What becomes of a cell's code under a magic of IPython's, or a frequent one of others, that keeps no name of it.
_ANOTHER_LANGUAGE = "does not run it as Python"
_NOTHING_KEPT = {
    **dict.fromkeys(
        [
            "html", "HTML", "svg", "SVG", "latex", "markdown", "javascript", "js", "bash", "sh", "cmd", "script", "sx",
            "system", "perl", "ruby", "R", "sql", "bigquery", "julia",
        ],
        _ANOTHER_LANGUAGE,
    ),
    **dict.fromkeys(["python", "python2", "python3", "pypy"], "runs it apart from the notebook"),
    **dict.fromkeys(["writefile", "file"], "writes it to a file and does not run it"),
    "timeit": "runs it and keeps nothing of it",
    "code_wrap": "does not run it",
}  # fmt: skip

_PROMPT = re.compile(r"[ \t]*(?:>>>|In ?\[\d*\]:|\.{3,}:|\.\.\.) ?")
_FIRST_PROMPT = re.compile(r"^[ \t]*(?:>>>|In ?\[\d*\]:)", re.MULTILINE)
_INDENTED = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*+([ \t]++)[^#\n]")  # the first line that is neither blank nor comment

_FOLDERS = r"[\"']?(?:[^\s\"']{0,200}/)?"
_WRITE_FILE = re.compile(rf"\s*%%(?:writefile|file)[ \t]+(?:-a[ \t]+)?{_FOLDERS}(\w{{1,80}})\.py\b")
_RUN_FILE = re.compile(rf"^[ \t]*%run[ \t]+(?:-\w+[ \t]+)*{_FOLDERS}(\w{{1,80}})", re.MULTILINE)


def is_plain(source: str) -> bool:
    """Return whether a cell is run as it stands; found out without parsing it."""
    if "%%" in source or _INDENTED.match(source):
        return False
    return not ((">>>" in source or "In [" in source or "In[" in source) and _FIRST_PROMPT.search(source))


def most_parses(source: str) -> int:
    """Return how often `runnable` parses a cell at the most: a bound for whoever has to pay for it."""
    magic = _MAGIC_LINE.match(source)
    return 0 if is_plain(source) or (magic and _is_kept(magic[1])) else _MOST_PARSES


def runnable(source: str) -> str:
    """Return the text of a cell as it is run.

    A cell that is Python only without its indentation, or without the prompts of an interactive session, is taken so;
    and magics are passed over that change nothing about which names the cell binds, also those of packages that are
    not there while grading. All other cells are returned as they are.
    """
    if is_plain(source) or len(source) > PARSE_CAP:
        return source
    text = _without_magics(source)
    if text == source and _MAGIC_LINE.match(text):
        return text
    variants = [_dedented(text)] if _INDENTED.match(text) else []
    if _FIRST_PROMPT.search(text):
        variants += [_unprompted(text), _prompted_lines(text)]
    if not variants or _is_python(text):
        return text
    return next(filter(_is_python, variants), text)


def magic_that_keeps_nothing(text: str) -> tuple[str, str] | None:
    """Return the magic under which a cell binds no names, and what it does with the cell; None where there is none.

    Parameters
    ----------
    text : str
        As `runnable` returns it.
    """
    magic = _MAGIC_LINE.match(text)
    if magic is None or magic[1] == "capture":
        return None
    return f"%%{magic[1]}", _NOTHING_KEPT.get(magic[1], "is not there while grading")


def below_magic(text: str) -> str:
    """Return what stands below the magic that a cell begins with."""
    magic = _MAGIC_LINE.match(text)
    return text[magic.end() :] if magic else text


def written_module(text: str) -> str:
    """Return the name of the module that a cell writes to a file; empty where it writes none."""
    written = _WRITE_FILE.match(text) if "%%" in text else None
    return written[1] if written else ""


def modules_run(text: str) -> list[str]:
    """Return the names of the files that ``%run`` runs in a cell, which binds what they define."""
    return _RUN_FILE.findall(text) if "%run" in text else []


def _is_python(text: str) -> bool:
    return text_and_tree(text)[1] is not None


def _is_kept(magic: str) -> bool:
    """Return whether a cell is run with its magic."""
    return magic in _NOTHING_KEPT or magic == "capture"


def _without_magics(source: str) -> str:
    text = source
    for _ in range(_MAGICS_MOST):
        magic = _MAGIC_LINE.match(text)
        if magic is None or _is_kept(magic[1]):
            break
        rest = "\n" * magic[0].count("\n") + text[magic.end() :]
        if magic[1] not in _PASSED_OVER and not _is_python(rest):
            break
        text = rest
    return text


def _dedented(text: str) -> str:
    """Return a cell without the indentation of its first line of code; comments may stand at the margin."""
    indented = _INDENTED.match(text)
    return "\n".join(line.removeprefix(indented[1]) for line in text.split("\n")) if indented else text


def _unprompted(text: str) -> str:
    """Return a cell without the prompts of an interactive session."""
    return "\n".join(line[found.end() :] if (found := _PROMPT.match(line)) else line for line in text.split("\n"))


def _prompted_lines(text: str) -> str:
    """Return the lines below prompts, without these: all others are what the session had printed."""
    return "\n".join(line[found.end() :] if (found := _PROMPT.match(line)) else "" for line in text.split("\n"))
