r"""The family `denial`: submissions that would stop a class, or cost a neighbour points. One TOML file each.

A file says what it tries, of which kind it is, how the notebook is made, and what it must itself end with::

    tries = "Holds as many native threads as it gets."
    kind = "threads"            # one of KINDS
    quick = true                # optional: takes no longer than an honest one, and belongs to the short share
    repeat = 15                 # optional: so often stand the cells of `first` there

    [cells]                     # as in the other families, see `corpus`
    first = ["..."]
    UNQ_C1 = "..."

    [made]                      # instead of a text in [cells]: a Python expression, with `solution` (the cell's) in it
    UNQ_C1 = "solution.replace('tanh', 'sin')"

    [file]                      # instead of both: any bytes at all, with `solved` and `notebook` in the expression
    bytes = "b'{}'"

    [outcome]
    status = ["graded"]         # those that it may end with; "graded" where nothing stands here
    score = [0.0, 100.0]        # or one number
    says = ["Cell 3 was stopped"]   # parts of its reason, its notes and its feedback
    never = ["LEAKED-7"]        # what must stand nowhere in what is written or said; put together when it is run

None of them may end as a `grader_error` unless its file says so.
"""

import copy
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import demo, variants

from . import corpus

FOLDER = Path(__file__).resolve().parent / "denial"
KINDS = (
    "files",  # bytes that break what is done for one submission in the host
    "threads",  # as many as can be had
    "kernel memory",  # and other stocks that a user or a machine has once
    "processor",  # all of its time
    "endings",  # ways to die that look like our own failure
    "depth",  # recursion and size in the host
    "budget",  # the time of one submission, again and again
    "memory",  # of the host
)


@dataclass(frozen=True)
class Case:
    """One submission that would deny others their grades, with its declared outcome."""

    name: str
    tries: str
    kind: str
    quick: bool
    cells: Mapping[str, Any]
    made: Mapping[str, str]
    file: Mapping[str, str]
    statuses: tuple[str, ...]
    scores: tuple[float, float]
    says: tuple[str, ...]
    never: tuple[str, ...]

    @property
    def student(self) -> str:
        """The submission's student, who stands in the middle of the class."""
        return "m-" + self.name.replace("_", "-")

    def content(self, solutions: demo.Solutions) -> bytes:
        """Return the submission's bytes."""
        solved = solutions.solved()
        names = {"json": json, "solved": variants.write(solved), "notebook": solved, "copy": copy}
        if self.file:
            content = eval(f"({self.file['bytes']})", names)  # noqa: S307  our own data
            assert isinstance(content, bytes)
            return content
        made = {
            name: eval(f"({text})", names | {"solution": solutions.cells.get(name, "")})  # noqa: S307  our own data
            for name, text in self.made.items()
        }
        plain = corpus.Case(self.name, self.tries, "limits", {}, {**self.cells, **made}, {}, {})
        return corpus.content(plain, solutions, {})


def read(path: Path) -> Case:
    """Return a case; complains of what it does not know, so that no word of a file goes unread."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    unknown = set(data) - {"tries", "kind", "quick", "repeat", "cells", "made", "file", "outcome"}
    unknown |= (set(data.get("cells", {})) | set(data.get("made", {}))) - {"UNQ_C1", "UNQ_C2", "first", "last"}
    unknown |= set(data.get("file", {})) - {"bytes"}
    unknown |= set(data["outcome"]) - {"status", "score", "says", "never"}
    assert not unknown, f"{path.name}: unknown {unknown}"
    assert data["kind"] in KINDS, f"{path.name}: what kind is {data['kind']!r}?"
    cells, outcome = dict(data.get("cells", {})), data["outcome"]
    if "repeat" in data:
        cells["first"] = cells["first"] * data["repeat"]
    score = outcome["score"]
    low, high = score if isinstance(score, list) else (score, score)
    return Case(
        path.stem, data["tries"], data["kind"], data.get("quick", False), cells, data.get("made", {}),
        data.get("file", {}), tuple(outcome.get("status", ["graded"])), (low, high), tuple(outcome.get("says", ())),
        tuple(outcome.get("never", ())),
    )  # fmt: skip


def all_cases() -> list[Case]:
    """Return the whole family, in order."""
    return [read(path) for path in sorted(FOLDER.glob("*.toml"))]


def of_kind(kind: str) -> list[Case]:
    """Return the cases of one kind, in order."""
    return [case for case in all_cases() if case.kind == kind]
