"""Measure what naming a mistake costs: nothing for a right answer, and how much for a wrong one.

For every exercise the known mistakes are looked for in three answers: a right one, one that a single mistake explains,
and one that nothing explains, for which every mistake and every pair of mistakes is tried. The first time in a process
the mistaken solutions are compiled as well; a worker that grades a class does that once.
"""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from autograder import loading
from autograder.course import Course
from autograder.diagnose import diagnose
from autograder.hidden_tests import HiddenTests
from autograder.judging import judge, ready
from autograder.model import Exercise, Observation

ROOT = Path(__file__).resolve().parents[1]
STUDENT = "bench"


def off_by_a_little(value: Any) -> Any:
    """Return an answer that no mistake gives: every number a thousandth too large."""
    if isinstance(value, np.ndarray):
        return value * 1.001 if value.dtype.kind == "f" else value + 1
    if isinstance(value, dict):
        return {key: off_by_a_little(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(off_by_a_little(inner) for inner in value)
    return value


def milliseconds(work: Callable[[], Any]) -> float:
    """Time one call, in processor time: what else the machine does is no part of it."""
    begin = time.process_time()
    work()
    return (time.process_time() - begin) * 1e3


def observed(tests: HiddenTests, exercise: Exercise, function: Callable[..., Any]) -> list[Observation]:
    """Return what a function answers on every case of one student."""
    seen = []
    for case in exercise.cases:
        inputs = tests.inputs(exercise, case.name, STUDENT)
        begin = time.thread_time()
        with np.errstate(all="ignore"):
            returned = function(*ready(inputs))
        seen.append(Observation(case.name, inputs, returned, time.thread_time() - begin))
    return seen


def measure(tests: HiddenTests, exercise: Exercise, rounds: int) -> dict[str, float]:
    """Return milliseconds: comparing a right answer, naming a mistake, and finding none, the first time and after."""
    reference = tests.reference.functions[exercise.function]
    right = observed(tests, exercise, reference)
    unknown = [replace(o, returned=off_by_a_little(o.returned)) for o in right]
    mistake = exercise.mistakes[len(exercise.mistakes) // 2]
    known = observed(tests, exercise, tests.mistaken(exercise, (mistake,)))
    name = partial(tests.mistaken, exercise)

    def compare() -> None:
        for seen in right:
            for check in exercise.checks:
                judge(exercise, seen.returned, seen, check)

    first = milliseconds(lambda: diagnose(exercise, unknown, name))
    return {
        "right": statistics.median(milliseconds(compare) for _ in range(rounds)),
        "known": statistics.median(milliseconds(lambda: diagnose(exercise, known, name)) for _ in range(rounds)),
        "unknown": statistics.median(milliseconds(lambda: diagnose(exercise, unknown, name)) for _ in range(rounds)),
        "unknown, first": first,
    }


def measured(rounds: int = 5) -> dict[str, dict[str, float]]:
    """Return the milliseconds of every exercise of the course."""
    course = Course.at(ROOT)
    found = {}
    for name in course.assignments():
        tests = HiddenTests(*loading.load(course, name), b"bench" * 8)
        gc.collect()
        gc.freeze()  # as a worker does when it has loaded an assignment
        for exercise in tests.assignment.exercises:
            found[exercise.function] = {"mistakes": len(exercise.mistakes), **measure(tests, exercise, rounds)}
    return found


def table(found: dict[str, dict[str, float]]) -> str:
    """Return it as text."""
    lines = [
        "naming a mistake: processor milliseconds for all cases of one exercise, medians",
        f"{'':46s}{'compare':>9s}{'diagnose':>10s}{'diagnose':>10s}{'the first':>11s}",
        f"{'exercise':34s}{'mistakes':>12s}{'a right':>9s}{'a known':>10s}{'unknown':>10s}{'unknown':>11s}",
    ]
    for name, row in found.items():
        lines.append(
            f"{name:34s}{row['mistakes']:12d}{row['right']:9.2f}{row['known']:10.1f}"
            f"{row['unknown']:10.1f}{row['unknown, first']:11.1f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measured()))
