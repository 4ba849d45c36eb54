"""Grades a class of honest students with cases of the family `denial` in its middle; says what the honest ones lost.

::

    python tests/hostile/denial_class.py --size 200 --cases 30  a large class on two workers, with the limits that hold
                                                                for everybody, and the gradebook
    python tests/hostile/denial_class.py NAME ...               a small class with the cases and kinds of these names

A class is made in a throw-away course, and graded by one of the roads of `denial_roads`, by a user and within limits of
`restricted`. What comes of the honest students is held to what comes of them on the same road without the cases.
"""

# ruff: noqa: T201  it is a command, too

import argparse
import contextlib
import csv
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT / "tests") not in sys.path:  # where this is run as a script
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from autograder import demo, variants  # noqa: E402
from autograder.course import CONFIG, MODULES, Course  # noqa: E402
from autograder.sandbox.limits import Limits  # noqa: E402
from hostile import denial_cases, restricted  # noqa: E402
from hostile.denial_cases import Case  # noqa: E402
from hostile.denial_roads import Outcome  # noqa: E402

NAME = demo.ASSIGNMENT
LIMITS = {"cell_seconds": 2.0, "call_seconds": 2.0, "submission_seconds": 6.0}
LATE = ("y-right", "z-untouched")  # of the honest students; on the road `watch` they come when the others are there
_MARGIN = 200 << 20  # bytes that a process that holds grades may need beyond what it needs without the cases
_BUSY = 0.05  # of the time: when other programs use more of a processor, a submission may have got too little
_STARTS = 240.0  # seconds for a road's own work, on a machine that is busy with something else
# The most tasks that an honest class was seen to have, by road: at all, and for each worker; and what is added. It is
# less than the threads of two guests, so that a few cases can use up what is left.
_TASKS = {"pool": (8, 7), "watch": (8, 7), "nbgrader": (8, 7), "gradescope": (4, 14), "dask": (40, 26)}
_SPARE = 48
_MEMORY = 1536 << 20  # bytes for all of a road; one guest may take 1 GiB of it


@dataclass(frozen=True)
class Terms:
    """On which road a class is graded, by how many workers, as whom, and within which limit of the kernel's."""

    road: str = "pool"
    workers: int = 2
    user: str = "root" if os.getuid() == 0 else "ordinary"
    limit: str = "none"


@dataclass(frozen=True)
class Graded:
    """A class that has been graded.

    Attributes
    ----------
    reports : mapping
        By student, what there is to be compared.
    written : mapping of str to bytes
        Every file that was made, by its path in the class's folder.
    scores : set of str
        The students in ``scores.csv``; None on roads that write none.
    """

    outcome: Outcome
    reports: Mapping[str, Any]
    written: Mapping[str, bytes]
    scores: set[str] | None


@functools.cache
def solutions() -> demo.Solutions:
    """Return what submissions are made from."""
    return demo.solutions(Course.at(ROOT))


def honest() -> dict[str, bytes]:
    """Return the honest students: two before the cases and two after them."""
    made_from = solutions()
    documents = {
        "a-right": made_from.solved(),
        "b-wrong": made_from.mistaken(UNQ_C1="sigmoid-for-tanh"),
        "y-right": made_from.solved(),
        "z-untouched": made_from.release,
    }
    return {student: variants.write(document) for student, document in documents.items()}


def grade(members: Mapping[str, bytes], terms: Terms, limits: Mapping[str, float] = LIMITS) -> Graded:
    """Grade a class in a course of its own."""
    number = restricted.uid() if terms.user != "root" else 0
    parts = len(members) / terms.workers
    seconds = _STARTS + 2 * parts * limits.get("submission_seconds", Limits().submission_seconds)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autograder-denial-")))
        _lay_out(folder / "course", members, terms)
        folder.chmod(0o755)
        if number != os.getuid():
            for path in (folder, *folder.rglob("*")):
                os.chown(path, number, number)
        wanted: dict[str, object] = {"user": terms.user, "uid": number, "groups": []}
        at_all, each = _TASKS[terms.road]
        tasks = at_all + each * terms.workers + _SPARE
        if terms.limit == "nproc":
            wanted["nproc"] = tasks
        elif terms.limit != "none":
            most = tasks if terms.limit == "pids" else _MEMORY
            wanted["groups"] = [str(stack.enter_context(restricted.group(terms.limit, most)))]
        plan = {
            "road": terms.road,
            "folder": str(folder),
            "workers": terms.workers,
            "limits": dict(limits),
            "late": [student for student in LATE if student in members],
            "seconds": seconds,
            "assignment": NAME,
        }
        command = [sys.executable, str(ROOT / "tests" / "hostile" / "restricted.py"), json.dumps(wanted)]
        command += [sys.executable, str(ROOT / "tests" / "hostile" / "denial_roads.py"), json.dumps(plan)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
        assert done.returncode == 0, f"{terms}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return _read(folder, terms)


@functools.cache
def _released() -> "tempfile.TemporaryDirectory[str]":
    """Return a folder with a course whose gradebook knows its assignment, as nbgrader needs it; takes a while."""
    folder = tempfile.TemporaryDirectory(prefix="autograder-denial-")
    demo.make(Course.at(ROOT), Path(folder.name, "course"), [NAME])
    shutil.rmtree(Path(folder.name, "course", "submitted"))
    return folder


def _lay_out(course: Path, members: Mapping[str, bytes], terms: Terms) -> None:
    """Make a course with a class that has handed in."""
    if terms.road == "nbgrader":
        shutil.copytree(Path(_released().name, "course"), course)
    else:
        course.mkdir()
        shutil.copy(ROOT / CONFIG, course)
        for name in (*MODULES, f"source/{NAME}", f"release/{NAME}"):
            shutil.copytree(ROOT / name, course / name, ignore=shutil.ignore_patterns("__pycache__"))
    for student, content in members.items():
        place = course / "submitted" / student / NAME
        place.mkdir(parents=True)
        (place / f"{NAME}.ipynb").write_bytes(content)


# ---------------------------------------------------------------------------------------------------- what came of it


def _read(folder: Path, terms: Terms) -> Graded:
    """Read all that a road has left."""
    outcome = Outcome(**json.loads((folder / "outcome.json").read_text(encoding="utf-8")))
    course, written = folder / "course", {}
    made = (*course.glob("results/**/*"), *course.glob("autograded/**/*"), *folder.glob("containers/*/results/*"))
    for path in (*made, folder / "summary.md"):
        if path.is_file():
            written[path.relative_to(folder).as_posix()] = path.read_bytes()
    if terms.road == "nbgrader":
        return Graded(outcome, _from_gradebook(course), written, None)
    if terms.road == "gradescope":
        results = {
            path.parents[1].name: json.loads(path.read_text(encoding="utf-8"))
            for path in (folder / "containers").glob("*/results/results.json")
        }
        for result in results.values():
            del result["execution_time"]
        return Graded(outcome, results, written, None)
    reports = {
        p.parent.name: _lasting(json.loads(p.read_text("utf-8"))) for p in course.glob("results/*/*/report.json")
    }
    table = written.get("course/results/scores.csv", b"").decode()
    return Graded(outcome, reports, written, {row["student"] for row in csv.DictReader(table.splitlines())})


def _lasting(report: dict[str, Any]) -> dict[str, Any]:
    """Return a report without what may differ from run to run, and from user to user."""
    level = report["provenance"]["isolation"]
    isolation = "high enough" if level in {"namespaces", "full"} else level
    return {
        **{key: value for key, value in report.items() if key != "seconds"},
        "provenance": report["provenance"] | {"isolation": isolation},
    }


def _from_gradebook(course: Path) -> dict[str, Any]:
    """Return what nbgrader knows of each student, and the notebook that it shows to who grades."""
    from nbgrader.api import Gradebook

    found = {}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        for submission in book.assignment_submissions(NAME):
            (notebook,) = submission.notebooks
            student = submission.student.id
            path = course / "autograded" / student / NAME / f"{NAME}.ipynb"
            shown = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            found[student] = {
                "score": submission.score,
                "grades": {grade.name: (grade.auto_score, grade.needs_manual_grade) for grade in notebook.grades},
                "comments": {comment.name: comment.auto_comment for comment in notebook.comments},
                "cells": [{k: v for k, v in cell.items() if k != "id"} for cell in shown.get("cells", ())],
            }
    return found


@functools.cache
def alone(road: str) -> Graded:
    """Return the honest students as they are graded on a road without any case among them."""
    graded = grade(honest(), Terms(road, 1))
    assert set(graded.outcome.codes) == {0}, graded.outcome.said[-4000:]
    assert graded.reports.keys() == honest().keys()
    return graded


def wrong(graded: Graded, cases: Sequence[Case], terms: Terms) -> list[str]:
    """Return everything that is not as it should be in a class with these cases in it."""
    without, outcome = alone(terms.road), graded.outcome
    found = [
        f"{student}: {_difference(expected, graded.reports.get(student))}"
        for student, expected in without.reports.items()
        if graded.reports.get(student) != expected
    ]
    everybody = {*without.reports, *(case.student for case in cases)}
    if graded.scores is not None and graded.scores != everybody:
        found.append(f"scores.csv has {len(graded.scores)} of {len(everybody)} students")
    is_busy = outcome.others > _BUSY * outcome.seconds
    unheard = 0
    for case in cases:
        told = graded.reports.get(case.student)
        if terms.road in {"pool", "dask", "watch"}:
            if told is None:
                found.append(f"{case.student} has no report")
            elif is_busy and _was_unheard(told):
                unheard += 1  # other programs kept it waiting, and it is said
            else:
                found += _undeclared(case, told)
        elif told is not None and not _is_ungraded(told) and not _is_declared(case, told["score"]):
            found.append(f"{case.student} has {told['score']} points")
        texts = {**graded.written, "what was printed": outcome.said.encode()}
        for word in case.never:
            found += [f"{case.name}: {word} stands in {path}" for path, text in texts.items() if word.encode() in text]
    right = {0, 2} if unheard or (terms.road == "gradescope" and is_busy) else {0}
    if terms.road == "nbgrader" and (is_busy or any(case.kind == "files" for case in cases)):
        right = {0, 1}  # nbgrader's own code, with its own traceback, for what it cannot read or we did not grade
    if not set(outcome.codes) <= right:
        found.append(f"exit codes {outcome.codes}")
    if "Traceback" in outcome.said and not (terms.road == "nbgrader" and 1 in right):
        found.append("a traceback was printed")
    if outcome.processes or outcome.folders:
        found.append(f"left behind: {outcome.processes} {outcome.folders}")
    if outcome.peak > without.outcome.peak + _MARGIN:
        found.append(f"a process took {outcome.peak >> 20} MiB; without the cases {without.outcome.peak >> 20} MiB")
    return found + ([f"what was printed: {outcome.said[-3000:]}"] if found else [])


def _was_unheard(report: Mapping[str, Any]) -> bool:
    """Return whether a report says that the machine was too busy for a submission."""
    return report["status"] == "grader_error" and "too busy" in report["reason"]


def _is_ungraded(row: Mapping[str, Any]) -> bool:
    """Return whether nbgrader has no grade of ours."""
    return any(score is None for score, _ in row.get("grades", {}).values())


def _is_declared(case: Case, score: float) -> bool:
    """Return whether a score is within what a case declares."""
    return case.scores[0] - 1e-6 <= score <= case.scores[1] + 1e-6


def _undeclared(case: Case, report: Mapping[str, Any]) -> list[str]:
    """Return where a case did not end as its file says."""
    said = " ".join([report["reason"], *report["notes"], *(exercise["feedback"] for exercise in report["exercises"])])
    found = [f"{case.student} does not say {words!r}" for words in case.says if words not in said]
    score = report["score"]
    if report["status"] not in case.statuses:
        found.append(f"{case.student} is {report['status']}: {report['reason'][:200]}")
    elif score is None or not _is_declared(case, score):
        found.append(f"{case.student} has {score} points: {said[:300]}")
    return found


def _difference(expected: Any, actual: Any) -> str:
    """Return where two reports differ."""
    if not isinstance(expected, dict) or not isinstance(actual, dict):
        return "no report" if actual is None else f"{str(actual)[:200]} instead of {str(expected)[:200]}"
    differing = [key for key in {**expected, **actual} if expected.get(key) != actual.get(key)]
    return "; ".join(
        f"{key}: {str(actual.get(key))[:300]} instead of {str(expected.get(key))[:200]}" for key in differing
    )


# ------------------------------------------------------------------------------------------------------ the command


def spread(size: int, count: int) -> tuple[dict[str, bytes], list[Case]]:
    """Return a class of a size with so many cases spread among its honest students, and the cases."""
    every = denial_cases.all_cases()
    cases = [every[n * len(every) // count] for n in range(count)]
    kinds = list(honest().values())
    members = {f"{n:04}-honest": kinds[n % len(kinds)] for n in range(size - count)}
    step = max(1, (size - count) // count)
    return members | {f"{n * step:04}-{case.student}": case.content(solutions()) for n, case in enumerate(cases)}, cases


def large(size: int, count: int, workers: int) -> int:
    """Grade a large class within the limits that hold for everybody; print figures, and return an exit code."""
    members, cases = spread(size, count)
    points = {content: report["score"] for content, report in _by_content(alone("pool")).items()}
    print(f"{size} submissions, {len(cases)} of them hostile, {workers} workers, gradebook on", flush=True)
    begun = time.monotonic()
    graded = grade(members, Terms("pool", workers), {})
    took = time.monotonic() - begun
    short = [
        student for student, content in members.items()
        if student.endswith("-honest") and graded.reports.get(student, {}).get("score") != points[content]
    ]  # fmt: skip
    limit = count * Limits().submission_seconds / workers
    print(f"honest students with their points: {size - count - len(short)} of {size - count}")
    print(f"exit codes: {graded.outcome.codes}; students in scores.csv: {len(graded.scores or ())}")
    print(f"wall time {took:.0f} s ({graded.outcome.seconds:.0f} s of it graded); the limits add up to {limit:.0f} s")
    print(f"largest process that holds grades: {graded.outcome.peak >> 20} MiB; left: {graded.outcome.processes}")
    print(f"processor time: {graded.outcome.used:.0f} s; of other programs meanwhile: {graded.outcome.others:.0f} s")
    unheard = [student for student, report in graded.reports.items() if report["status"] == "grader_error"]
    print(f"without a verdict: {unheard}")
    expected = {2} if unheard else {0}
    is_right = not short and set(graded.outcome.codes) == expected and len(graded.scores or ()) == size
    return int(not (is_right and took < limit and "Traceback" not in graded.outcome.said))


def _by_content(graded: Graded) -> dict[bytes, Any]:
    return {content: graded.reports[student] for student, content in honest().items()}


def main() -> int:
    """Grade a class, and say what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--size", type=int, default=0)
    parser.add_argument("--cases", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--road", default="pool")
    parser.add_argument("--user", default=Terms().user)
    parser.add_argument("--limit", default="none")
    given = parser.parse_args()
    if given.size:
        return large(given.size, given.cases, given.workers)
    cases = [c for c in denial_cases.all_cases() if any(word in {c.name, c.kind} for word in given.words)]
    terms = Terms(given.road, given.workers, given.user, given.limit)
    graded = grade({**honest(), **{case.student: case.content(solutions()) for case in cases}}, terms)
    o = graded.outcome
    print(
        f"{o.seconds:.1f} s, peak {o.peak >> 20} MiB, {o.tasks} tasks, {o.used:.1f} s used, {o.others:.1f} s by others"
    )
    for line in (found := wrong(graded, cases, terms)):
        print(line)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
