"""What a worker on another machine needs to grade: the course's own files, the secret, and what it must agree with.

A worker has no folder of the course, and need not share a file system with anybody: a megabyte of files is sent to each
once. nbgrader's configuration stays at home, as it may hold the password of a database; so do submissions, which travel
with their jobs, and every result.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from autograder import __version__, assignments, code_digests
from autograder.course import MODULES, Course
from autograder.errors import GraderError
from autograder.model import Level, Provenance
from autograder.run import Setting
from autograder.sandbox.limits import Limits

_SUFFIXES = (".py", ".npz", ".txt")  # of the course's modules: what `Course.shipped_modules` may read


@dataclass(frozen=True)
class Shipment:
    """All that a worker is sent before its first job.

    Attributes
    ----------
    files : mapping of str to bytes
        Of the course: paths relative to its folder, with forward slashes.
    digests : mapping of str to str
        By assignment, the digest of all that decides its grades, as it is at home.
    """

    files: Mapping[str, bytes] = field(repr=False)
    digests: Mapping[str, str]
    key: bytes = field(repr=False)
    limits: Limits
    floor: Level
    today: str = ""
    autograded: bool = False

    def unpack(self, folder: Path) -> Setting:
        """Write the files below a folder of the worker's own, and return the setting in which it grades.

        Raises
        ------
        GraderError
            If the disk does not take them, or a path leads elsewhere.
        """
        try:
            for name, content in self.files.items():
                path = PurePosixPath(name)
                if path.is_absolute() or ".." in path.parts:
                    raise GraderError(f"{name!r} is no path within a course. This is a fault of the grader.")
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        except OSError as error:
            raise GraderError(f"The course could not be written to {folder}: {error.strerror}.") from error
        course = Course(folder.resolve())
        return Setting(course, self.key, self.limits, self.floor, self.today, self.autograded)


def pack(setting: Setting, expected: Mapping[str, Provenance]) -> Shipment:
    """Return what workers need to grade these assignments as they would be graded here.

    Parameters
    ----------
    expected : mapping of str to Provenance
        By assignment, as `autograder.loading.provenance_of` gives it.
    """
    course = setting.course
    # all notebooks, graded or not: which modules an assignment carries depends on what others there are
    paths = {course.source_notebook(name) for name in course.assignments()}
    for package in MODULES:
        paths.update(p for p in (course.root / package).rglob("*") if p.suffix in _SUFFIXES and p.is_file())
    for name in expected:
        paths.update(p for p in assignments.files_of(course, name) if p.is_relative_to(course.root))
        released = course.root / "release" / name / f"{name}.ipynb"
        if setting.autograded and released.is_file():
            paths.add(released)
    return Shipment(
        files={path.relative_to(course.root).as_posix(): path.read_bytes() for path in sorted(paths)},
        digests={name: provenance.assignment_digest for name, provenance in expected.items()},
        key=setting.key,
        limits=setting.limits,
        floor=setting.floor,
        today=setting.today,
        autograded=setting.autograded,
    )


def environment() -> dict[str, str]:
    """Return what must be alike wherever one class is graded, by the name under which a refusal tells it."""
    return {
        "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "numpy": np.__version__,
        "autograder": f"{__version__} (code {code_digests.of_package()[:12]})",
    }


def differences(needed: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Return a phrase for everything that is not as it is needed."""
    return [
        f"it has {name} {found.get(name, '?')}, and {value} is needed"
        for name, value in needed.items()
        if found.get(name) != value
    ]
