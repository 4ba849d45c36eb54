"""Where the time goes: one class graded in this process, with a stopwatch at every stage."""

import functools
import importlib
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograder import coordinate
from autograder.course import Course

# What is timed, stage by stage: a function or method, where it is looked up. What one calls of another is the other's.
STAGES = (
    ("read", "autograder.run", "job_for"),
    ("read", "autograder.notebook", "parse"),
    ("read", "autograder.answers", "find"),
    ("guest: fork, namespaces, end", "autograder.sandbox.client", "Zygote.guest"),
    ("guest: fork, namespaces, end", "autograder.sandbox.connection", "Guest.close"),
    ("cells", "autograder.sandbox.session", "Session.run_to"),
    ("draw the inputs", "autograder.hidden_tests", "HiddenTests.inputs"),
    ("cases: send, wait, receive", "autograder.sandbox.session", "Session.call_each"),
    ("reference", "autograder.hidden_tests", "HiddenTests.expected"),
    ("compare", "autograder.marking", "judge"),
    ("diagnose", "autograder.marking", "diagnose"),
    ("report", "autograder.reports.json_report", "to_json"),
    ("page", "autograder.reports.page", "render"),
    ("notebook for nbgrader", "autograder.autograded", "from_bytes"),
    ("files of the results", "autograder.results", "Results.write"),
    ("files for nbgrader", "autograder.nbgrader_folders", "Folders.write"),
    ("gradebook", "autograder.gradebook", "write"),
    ("class page", "autograder.results", "Results.write_class"),
)


class Stopwatch:
    """Counts the time of every stage; a stage that begins within another one stops the other's."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stages: list[str] = []
        self._since = 0.0

    def _lap(self) -> None:
        now = time.perf_counter()
        if self._stages:
            self.seconds[self._stages[-1]] += now - self._since
        self._since = now

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that counts as a stage."""

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self._lap()
            self._stages.append(stage)
            try:
                return function(*args, **kwargs)
            finally:
                self._lap()
                self._stages.pop()

        return wrapped


def place(module: str, path: str) -> tuple[Any, str]:
    """Return what holds a function or method, and its name there."""
    *outer, name = path.split(".")
    return functools.reduce(getattr, outer, importlib.import_module(module)), name


def measure(course: Course, submitted: Path, key: bytes) -> dict[str, float]:
    """Grade a class and return the seconds of each stage; ``everything else`` is the rest, start and end included."""
    watch = Stopwatch()
    originals = []
    for stage, module, path in STAGES:
        owner, name = place(module, path)
        originals.append((owner, name, getattr(owner, name)))
        setattr(owner, name, watch.timed(stage, originals[-1][2]))
    order = coordinate.Order(
        course=course, key=key, paths=(submitted,), assignment=None, out=course.root / "stages", workers=1,
        gradebook=True, min_isolation="namespaces", fresh=True,
    )  # fmt: skip
    try:
        watch.timed("everything else", coordinate.grade_submissions)(order, coordinate.Audience())
    finally:
        for owner, name, function in originals:
            setattr(owner, name, function)
    return dict(watch.seconds)
