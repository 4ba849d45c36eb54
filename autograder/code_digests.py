"""Digests of the grader's own code: what of it decides points, what decides words and pages, all of it.

A report records the first two. Where the code that decides points has changed, a submission is graded again. Where only
what words and pages are made with has changed, they are made again from the report, without grading.

Every module belongs to one `Part`. What is not named here decides points: too much is then graded again, never too
little. A test holds the names to what grading really imports.
"""

import functools
import hashlib
from collections.abc import Iterator
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath


class Part(Enum):
    """What a module decides."""

    POINTS = "points"  # what a submission earns
    WORDS = "words"  # what its report, page and autograded notebook say beside the points
    NEITHER = "neither"


# Names below `autograder.`; of a template with its suffix
WORDS = (
    "autograded",
    "blanking",  # with what it imports: whether a cell is still as it was released
    "departure",
    "diagnose",
    "explain",
    "expressions",
    "feedback",
    "leaks",
    "regions",
    "rendering",
    "reports.departure_picture",
    "reports.explanation",
    "reports.json_report",
    "reports.markup",
    "reports.page",
    "reports.templates.exercise.html.j2",
    "reports.templates.page.*",
    "reports.templating",
    "reports.text",
    "shipped",
    "skeleton",
    "solutions",
    "switches",  # known mistakes, switched on and off: for a diagnosis
    "valid_notebook",
)
NEITHER = (
    "",  # the package itself: its version may change for words alone
    "__main__",
    "arrivals",
    "assignments.*",  # definitions, and with `draws` part of each exercise's own digest
    "audit",
    "audit.*",
    "auditing",
    "cli",
    "cli.*",
    "cluster",
    "cluster.*",
    "code_digests",
    "coordinate",
    "demo",
    "demo.*",
    "digests",
    "doctor",
    "draws",
    "errors",
    "exporting",
    "failures",
    "gradebook",
    "gradebook_*",
    "gradescope_zip",
    "holding",
    "inspection",
    "intake",
    "intake.*",
    "interrupt",
    "late",
    "nbgrader_*",
    "new",
    "placing",
    "plugin",
    "pools",
    "recording",
    "release",
    "release_*",
    "reporting",
    "reports",
    "reports.audit_status",
    "reports.canvas",
    "reports.changes",
    "reports.class_*",
    "reports.export",
    "reports.formats",
    "reports.github",
    "reports.gradescope",
    "reports.jsonl",
    "reports.junit",
    "reports.moodle",
    "reports.progress",
    "reports.roster",
    "reports.scores",
    "reports.spreadsheet",
    "reports.table",
    "reports.templates.class*",
    "reports.templates.summary.md.j2",
    "results",
    "run",
    "statements",
    "templates.*",
    "variants",
    "watch",
    "workplace",
)

_SUFFIXES = frozenset([".css", ".j2", ".js", ".py", ".template"])


def part_of(name: str) -> Part:
    """Return what a module or a template decides, by its name below the package."""
    if any(fnmatchcase(name, pattern) for pattern in WORDS):
        return Part.WORDS
    return Part.NEITHER if any(fnmatchcase(name, pattern) for pattern in NEITHER) else Part.POINTS


def name_of(path: PurePosixPath) -> str:
    """Return the name of a file below the package: of a module without its suffix, ``reports.page``."""
    parts = path.with_suffix("").parts if path.suffix == ".py" else path.parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def names(root: Path) -> Iterator[str]:
    """Yield the names of all files of a package."""
    for path in _files(root):
        yield name_of(PurePosixPath(path.relative_to(root).as_posix()))


def of_points() -> str:
    """Return the digest of the code that decides points."""
    return digest(Path(__file__).parent, Part.POINTS)


def of_words() -> str:
    """Return the digest of the code that words and pages are made with."""
    return digest(Path(__file__).parent, Part.WORDS)


def of_package() -> str:
    """Return the digest of all code of this package: two copies of one version may differ."""
    return digest(Path(__file__).parent, *Part)


@functools.cache
def digest(root: Path, *parts: Part) -> str:
    """Return the digest of what belongs to some parts of a package; read once a process."""
    whole = hashlib.sha256()
    for path in _files(root):
        inside = PurePosixPath(path.relative_to(root).as_posix())
        if part_of(name_of(inside)) in parts:
            whole.update(str(inside).encode() + b"\0")
            whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def _files(root: Path) -> list[Path]:
    """Return the modules and templates of a package, in a fixed order."""
    return sorted(p for p in root.rglob("*") if p.suffix in _SUFFIXES and p.is_file())
