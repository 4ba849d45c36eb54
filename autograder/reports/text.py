"""Text that others wrote, made safe to show: on a page, in a spreadsheet, in a terminal."""

from collections.abc import Iterable
from decimal import ROUND_DOWN, Decimal

from autograder.model import Outcome

_CENT = Decimal("0.01")
_OPEN = "still open"
_NOISE = 6  # digits after the point in which a sum of floating point numbers may be wrong

_WORDS = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.RAISED: "raised",
    Outcome.TIMED_OUT: "timed out",
    Outcome.KILLED: "killed",
    Outcome.MISSING: "missing",
    Outcome.SKIPPED: "skipped",
    Outcome.GRADER_ERROR: "not graded",
}


def visible(text: str, *, keep: str = "") -> str:
    r"""Show what would otherwise act unseen: control, bidirectional and zero-width characters, as escapes.

    Parameters
    ----------
    text : str
        Any text, from anyone; lone surrogates (file names have them) are welcome.
    keep : str, optional
        Characters that stay as they are, e.g. the newlines of a paragraph.

    Returns
    -------
    str
        The text with each unprintable character as its Python escape, e.g. ``\x1b`` or ``\u202e``: printable
        everywhere, encodable as UTF-8, and without effect on a terminal or on the direction of the line.
    """
    if text.isprintable():
        return text
    # Python's own notion: everything of the categories Other and Separator is unprintable, but for the space
    return "".join(c if c.isprintable() or c in keep else _escape(c) for c in text)


def points(score: float) -> str:
    """Write points as a reader expects them: ``70``, ``33.33``; cut, so that 99.999 never reads as 100."""
    cut = Decimal(repr(round(float(score), _NOISE))).quantize(_CENT, rounding=ROUND_DOWN)
    return f"{cut.normalize() + 0:f}"  # adding 0 makes a negative zero positive


def points_of(score: float | None, most: float) -> str:
    """Write points out of how many: ``30 of 50``; what a person has yet to grade is no number of points."""
    return f"{_OPEN}, {points(most)}" if score is None else f"{points(score)} of {points(most)}"


def outcome_word(outcome: Outcome) -> str:
    """Return the word by which lists and tables call an outcome."""
    return _WORDS[outcome]


def listed(names: Iterable[str]) -> str:
    """Write names as a sentence lists them: ``a``, ``a and b``, ``a, b and c``; nothing for none."""
    *before, last = tuple(names) or ("",)
    return f"{', '.join(before)} and {last}" if before else last


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
