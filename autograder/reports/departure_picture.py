"""Shows where an array departs: facts, a picture that needs no colour, and the same picture in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from autograder.model import Departure

_CELL = 16  # units of the drawing, which are pixels where there is room
_EDGE = 26  # for the numbers of rows and columns
_RUNS = 4  # stretches that are told one by one; more are counted

_RIGHT, _SOME, _EVERY = ".", "o", "#"


@dataclass(frozen=True)
class Picture:
    """Rows from top to bottom, time steps (of two axes: columns) from left to right.

    Attributes
    ----------
    right, half, box, full : str
        Path data: a dot for each entry that is right; where some examples are wrong a box, one half of which is filled
        (cut from corner to corner); and a filled box where all are.
    numbers : Markup
        Of the rows and columns, in the drawing.
    legend : tuple of (str, str)
        The marks that occur, by the names of their paths, with their meaning.
    words : str
        What the picture shows, in sentences.
    """

    name: str
    width: int
    height: int
    right: str
    half: str
    box: str
    full: str
    numbers: Markup
    legend: tuple[tuple[str, str], ...]
    axes: str
    words: str


def facts(departure: Departure) -> tuple[tuple[str, str], ...]:
    """Return what is known about a departure as pairs of a term and its text.

    Parameters
    ----------
    departure : Departure
        Of any array.
    """
    if departure.expected_shape != departure.actual_shape:
        return (("Expected shape", f"`{departure.expected_shape}`"), ("Your shape", f"`{departure.actual_shape}`"))
    rows = [("Shape", f"`{departure.actual_shape}`, as it should be")]
    if departure.of:
        rows.append(("Wrong entries", _share(departure.wrong, departure.of)))
    if departure.first:
        rows.append(("First wrong entry", _place(departure.first)))
    if departure.band is not None:
        rows.append(("How far off", departure.band.value))
    elif departure.of:
        rows.append(("How far off", "NaN or infinity: no finite number"))
    return tuple(rows)


def picture(departure: Departure) -> Picture | None:
    """Return the picture of a departure; None where it has none.

    Parameters
    ----------
    departure : Departure
        Its `picture` may come from a file: characters other than its three marks are left blank.
    """
    marks = departure.picture
    if not marks or not marks[0]:
        return None
    timed = len(departure.expected_shape) == 3
    across = "time step" if timed else "column"
    width = max(map(len, marks))
    meanings = {
        _RIGHT: ("right", "right"),
        _SOME: ("half", "wrong for some of the examples"),
        _EVERY: ("full", "wrong for every example" if timed else "wrong"),
    }
    half = _drawn(marks, _SOME, "{} {}v12h12z")
    return Picture(
        name=f"Where {departure.value} is wrong, by row and {across}",
        width=_EDGE + width * _CELL,
        height=_EDGE + len(marks) * _CELL,
        right=_drawn(marks, _RIGHT, "{} {}m4 4h4v4h-4z"),
        half=half,
        box=_drawn(marks, _SOME, "{} {}h12v12h-12z") if half else "",
        full=_drawn(marks, _EVERY, "{} {}h12v12h-12z"),
        numbers=_numbers(width, len(marks)),
        legend=tuple(meanings[mark] for mark in meanings if any(mark in row for row in marks)),
        axes=f"Rows from top to bottom, {across}s from left to right.",
        words=_words(marks, across),
    )


def _share(wrong: int, of: int) -> str:
    if wrong == of:
        return f"all {of}" if of > 1 else "the only one"
    share = 100 * wrong / of
    percent = "less than 1" if share < 1 else "more than 99" if share > 99 else f"{share:.0f}"
    return f"{wrong} of {of} ({percent}%)"


def _place(first: tuple[int, ...]) -> str:
    names = ("time step", "row", "column")[-len(first) :]
    return ", ".join(f"{name} {number}" for name, number in zip(names, first, strict=False))


def _drawn(marks: Sequence[str], wanted: str, path: str) -> str:
    """Return the path data of every place with this mark."""
    return "".join(
        "M" + path.format(_EDGE + column * _CELL + 2, _EDGE + row * _CELL + 2)
        for row, text in enumerate(marks)
        for column, mark in enumerate(text)
        if mark == wanted
    )


def _numbers(columns: int, rows: int) -> Markup:
    """Return the numbers above and beside the picture, as text of the drawing."""
    half, off = _CELL // 2, _EDGE - 7
    above = [f'<text class="column" x="{_EDGE + n * _CELL - half}" y="{off}">{n}</text>' for n in _numbered(columns)]
    beside = [f'<text class="row" x="{off}" y="{_EDGE + n * _CELL - half + 4}">{n}</text>' for n in _numbered(rows)]
    return Markup("".join(above + beside))  # noqa: S704  safe: nothing but whole numbers of ours is put in


def _numbered(count: int) -> list[int]:
    """Return which rows or columns bear their number: all of a few, every fifth of many."""
    return [n for n in range(1, count + 1) if count <= 12 or n == 1 or n % 5 == 0]


def _words(marks: Sequence[str], across: str) -> str:
    """Say what the picture shows: along the axis in which it takes fewer words."""
    columns = [_state(column) for column in zip(*marks, strict=False)]
    rows = [_state(row) for row in marks]
    if len(set(columns)) == 1 and columns[0]:
        return "Every entry is wrong." if columns[0] == _EVERY else "Every entry is right."
    by_columns, by_rows = _stretches(columns), _stretches(rows)
    # a stretch that is partly right says less than one that is right or wrong as a whole
    vague = columns.count(""), rows.count("")
    if (vague[1], len(by_rows)) < (vague[0], len(by_columns)):
        return _told(rows, by_rows, "row")
    return _told(columns, by_columns, across)


def _state(marks: Sequence[str]) -> str:
    """Return the mark that all of a row or column bear; empty where they differ."""
    return marks[0] if set(marks) in ({_RIGHT}, {_EVERY}) else ""


def _stretches(states: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return neighbours in the same state as (state, first, last), counted from 1."""
    found, at = [], 1
    for state, group in groupby(states):
        length = len(list(group))
        found.append((state, at, at + length - 1))
        at += length
    return found


_MEANING = {_RIGHT: "right", _EVERY: "wrong throughout", "": "partly wrong"}


def _told(states: Sequence[str], stretches: Sequence[tuple[str, int, int]], name: str) -> str:
    if len(stretches) == 1:
        said = [f"every {name} is {_MEANING[stretches[0][0]]}"]
    elif len(stretches) <= _RUNS:
        said = [f"{_from_to(name, first, last)} {_MEANING[state]}" for state, first, last in stretches]
    else:
        counted = [(states.count(state), meaning) for state, meaning in _MEANING.items() if state in states]
        said = [f"{number} {'is' if number == 1 else 'are'} {meaning}" for number, meaning in counted]
        said[0] = f"of {len(states)} {name}s, {said[0]}"
    text = ", ".join(said) + "."
    return text[0].upper() + text[1:]


def _from_to(name: str, first: int, last: int) -> str:
    return f"{name} {first} is" if first == last else f"{name}s {first} to {last} are"
