"""Carries out audits on a pool of workers and keeps what they found in ``audit.json``."""

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from autograder import __version__, pools, run
from autograder.audit import Audit
from autograder.audit.findings import complaints, summary
from autograder.course import Course
from autograder.errors import UsageError
from autograder.run import Setting
from autograder.sandbox.launch import Launched
from autograder.sandbox.limits import Limits

_LIMITS = Limits(call_seconds=2.0)  # a mutant that never ends is soon known to be one


@dataclass(frozen=True)
class Audited:
    """What is to be said about one assignment."""

    ok: bool
    table: Table
    complaints: tuple[str, ...]


def path_of(course: Course) -> Path:
    """Return where a course's last audit is kept."""
    return course.root / "audit.json"


def audited(
    course: Course,
    names: Sequence[str],
    *,
    workers: int = 0,
    key: str = "",
    begin: Callable[[int], None] = lambda _: None,
    step: Callable[[], None] = lambda: None,
) -> Iterator[Audited]:
    """Audit assignments on all workers; write ``audit.json`` in the end.

    The work of all assignments is handed out first, so that no worker waits for the last part of an assignment.

    Parameters
    ----------
    workers : int
        How many; 0 for one on each core.
    key : str
        Hexadecimal; what inputs are drawn from. Drawn anew where it is empty.
    begin, step : callable
        Called once with the number of parts that are known of, and after each part.

    Raises
    ------
    UsageError
        If an assignment is not fit to be graded, or has not been released.
    IsolationError
        If this machine does not isolate well enough.
    """
    try:
        drawn = bytes.fromhex(key) if key else secrets.token_bytes(32)
    except ValueError as error:
        raise UsageError(f"--key {key!r} is not hexadecimal.") from error
    launched = Launched()
    setting = Setting(course, drawn, _LIMITS)
    kept: dict[str, Any] = {}
    try:
        run.prepare(setting, names, launched)
        run.wait_until_ready()
        with pools.pool(workers or pools.default_workers()) as executor:
            audits = [Audit(setting, name, executor) for name in names]
            begin(sum(audit.parts for audit in audits))
            for name, audit in zip(names, audits, strict=True):
                findings = audit.findings(step)
                kept[name] = findings.to_json()
                table = summary(findings, [exercise.id for exercise in audit.exercises])
                yield Audited(findings.ok, table, tuple(complaints(findings)))
    finally:
        run.close_graders()
    _keep(course, kept, drawn.hex())


def _keep(course: Course, kept: dict[str, Any], key: str) -> None:
    """Write what was found; what an earlier audit found about other assignments stays."""
    path = path_of(course)
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))["assignments"]
    except (OSError, ValueError, KeyError, TypeError):
        earlier = {}
    when = datetime.now(UTC).isoformat(timespec="seconds")
    found = {name: {"when": when, "key": key, **findings} for name, findings in kept.items()}
    document = {"schema": 1, "grader": __version__, "assignments": {**earlier, **found}}
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)
