r"""The corpus of hostile submissions: one TOML file each, read here into notebooks. Hostile code is data.

A file says what it tries, what stops it, how the notebook is made, and what it must earn::

    tries = "Returns an object that calls itself equal to everything."
    stopped_by = "wire"             # one of LAYERS
    limits = {call = 2.0}           # optional: cell, call, submission (seconds), memory, output, disk, file (MiB)

    [cells]                         # what is not named stays the source's solution
    UNQ_C1 = "..."                  # replaces the cell of an exercise; "{{solution}}" in it stands for the solution
    first = ["..."]                 # further code cells, right after the import cell
    last = ["..."]                  # at the very end

    [file]                          # instead of [cells]: any bytes at all
    name = "intake-bom"             # the file's stem, and so the student; optional
    bytes = "b'\xef\xbb\xbf' + solved"   # a Python expression; `solved` is the solved notebook's bytes

    [outcome]
    score = 50.0
    status = "graded"               # optional; "rejected" has no exercises, and `reason`
    reason = "not JSON"             # part of it
    UNQ_C1 = "timed_out: 2 s in rnn_cell_forward"   # outcome, and after the colon a part of what the student reads
    UNQ_C2 = ["passed", "raised"]                   # or one of several, where the machine decides which
    notes = ["output truncated at 1 MiB"]           # parts of notes on the whole notebook

In every text ``{{canary}}`` is a file of the host's, ``{{variable}}`` a variable of its environment, ``{{port}}`` a
port that it listens on, ``{{abstract}}`` an abstract Unix socket likewise, ``{{pid}}`` its process, ``{{niceness}}``
that process's own.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import demo, variants
from autograder.sandbox.limits import Limits

HERE = Path(__file__).resolve().parent
FAMILIES = ("values", "forgery", "host", "intake")

# What stops a hostile submission. The first five are rules of ours about data; the rest are the sandbox's layers.
LAYERS = frozenset(
    [
        "wire",  # frames: what is no plain data does not travel; replies are numbered
        "compare",  # exact shape, real numbers, finite, near
        "intake",  # size caps, strict JSON, names, links
        "reports",  # escaping in pages, CSV, terminal
        "process",  # answers are in another process; locked cells are not run; cases are secret
        "limits",  # time, output, number of guests
        "rlimits",  # memory, file size, descriptors, processor time
        "root",  # the minimal read-only root, and the private sized tmpfs
        "namespaces",  # pid, net, ipc, uts, user
        "capabilities",  # none, no_new_privs, undumpable
        "descriptors",  # closed
        "environment",  # clean
        "seccomp",
        "landlock",
        "cgroup",
    ]
)


@dataclass(frozen=True)
class Case:
    """One hostile submission with its declared outcome."""

    id: str
    tries: str
    stopped_by: str
    limits: Mapping[str, float]
    cells: Mapping[str, Any]
    file: Mapping[str, str]
    outcome: Mapping[str, Any]

    @property
    def student(self) -> str:
        """The submission's student; also the stem of its file."""
        return self.file.get("name", self.id.replace("/", "-").replace("_", "-"))


def read(path: Path) -> Case:
    """Return a case; complains of what it does not know, so that no word of a file goes unread."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    name = f"{path.parent.name}/{path.stem}"
    unknown = set(data) - {"tries", "stopped_by", "limits", "cells", "file", "outcome"}
    unknown |= set(data.get("cells", {})) - {"UNQ_C1", "UNQ_C2", "first", "last"}
    unknown |= set(data.get("file", {})) - {"name", "bytes"}
    unknown |= set(data["outcome"]) - {"score", "status", "reason", "UNQ_C1", "UNQ_C2", "notes"}
    unknown |= set(data.get("limits", {})) - set(_LIMITS)
    assert not unknown, f"{name}: unknown {unknown}"
    assert data["stopped_by"] in LAYERS, f"{name}: stopped by {data['stopped_by']!r}?"
    return Case(
        name, data["tries"], data["stopped_by"], data.get("limits", {}), data.get("cells", {}), data.get("file", {}),
        data["outcome"],
    )  # fmt: skip


def all_cases() -> list[Case]:
    """Return the whole corpus, in order."""
    return [read(path) for family in FAMILIES for path in sorted((HERE / family).glob("*.toml"))]


_LIMITS = {"cell": "cell_seconds", "call": "call_seconds", "submission": "submission_seconds"} | {
    name: name for name in ("memory", "output", "disk", "file")
}


def limits_of(case: Case) -> Limits:
    """Return the limits of a case: those of every submission, but quick, and as the case wants them."""
    seconds = {"cell_seconds": 2.0, "call_seconds": 2.0, "submission_seconds": 20.0}
    wanted = {
        _LIMITS[name]: float(value) if _LIMITS[name].endswith("seconds") else int(value * (1 << 20))
        for name, value in case.limits.items()
    }
    return Limits(**(seconds | wanted))  # type: ignore[arg-type]


def filled(text: str, facts: Mapping[str, Any]) -> str:
    """Return a text of a case with the host's facts in it."""
    for name, value in facts.items():
        text = text.replace("{{" + name + "}}", str(value))
    return text


def content(case: Case, solutions: demo.Solutions, facts: Mapping[str, Any]) -> bytes:
    """Return the bytes of a hostile submission."""
    solved = variants.write(solutions.solved())
    if case.file:
        expression = filled(case.file["bytes"], facts)
        made = eval(expression, {"json": json, "solved": solved, "notebook": json.loads(solved)})  # noqa: S307  our own data
        assert isinstance(made, bytes)
        return made
    replaced = {
        name: filled(case.cells[name].replace("{{solution}}", solutions.cells[name]), facts)
        for name in ("UNQ_C1", "UNQ_C2")
        if name in case.cells
    }
    document = solutions.solved(**replaced)
    cells = document["cells"]
    after_imports = 1 + next(n for n, cell in enumerate(cells) if cell["cell_type"] == "code")
    first = [_code(filled(source, facts), f"first-{n}") for n, source in enumerate(case.cells.get("first", []))]
    last = [_code(filled(source, facts), f"last-{n}") for n, source in enumerate(case.cells.get("last", []))]
    document["cells"] = [*cells[:after_imports], *first, *cells[after_imports:], *last]
    return variants.write(document)


def _code(source: str, name: str) -> dict[str, Any]:
    return {
        "cell_type": "code", "execution_count": None, "id": name, "metadata": {}, "outputs": [], "source": source,
    }  # fmt: skip
