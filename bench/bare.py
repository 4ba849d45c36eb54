"""The bare limit: the same cells and the same cases in a plain fork, with numpy loaded, and nothing else.

There is no isolation, no limit of any kind, no report, no page, no gradebook: a submission's cells are executed in a
forked process, which draws the hidden inputs, calls the functions, compares with the reference and returns one number.
No grader can be quicker than this without grading less. Finding the cells in the notebooks is not counted.

Run as ``python bench/bare.py FOLDER COURSE WORKERS``; it prints the seconds of one submission, by the clock and
of the processor, without its own start.
"""

import contextlib
import gc
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from autograder import answers, loading, notebook
from autograder.course import Course
from autograder.errors import SubmissionError
from autograder.hidden_tests import HiddenTests
from autograder.judging import judge, ready
from autograder.model import Observation

KEY = b"a secret for a benchmark"


def own_cells(tests: HiddenTests, path: Path) -> list[str]:
    """Return the sources of the cells that the grader runs of a submission; none of what is no notebook."""
    try:
        submission = notebook.parse(path.read_bytes())
    except SubmissionError:
        return []
    found = answers.find(submission, tests.assignment, tests.reference.source)
    return [cell.source for cell in found.cells]


def score(tests: HiddenTests, cells: list[str], student: str) -> int:
    """Return how many checks are right, in whole percent."""
    namespace: dict[str, Any] = dict(tests.reference.given)
    for source in cells:
        with contextlib.suppress(Exception):  # a cell that fails, or that only IPython understands
            exec(compile(source, "cell", "exec"), namespace)  # noqa: S102  what a submission is executed for
    right = total = 0
    for exercise in tests.assignment.exercises:
        function = namespace.get(exercise.function)
        good = {check.name for check in exercise.checks}
        for name in tests.order(exercise, student):
            inputs = tests.inputs(exercise, name, student)
            expected = tests.expected(exercise, name, inputs)
            try:
                returned = function(*ready(inputs)) if function else None
            except Exception:  # noqa: BLE001  of the student's function
                returned = None
            seen = Observation(name, inputs, returned)
            good -= {check.name for check in exercise.checks if not judge(exercise, expected, seen, check).right}
        right, total = right + len(good), total + len(exercise.checks)
    return round(100 * right / total)


def grade(tests: HiddenTests, submissions: list[tuple[str, list[str]]]) -> list[int]:
    """Return the scores of students by their cells, each found out in a fork of its own."""
    scores = []
    for student, cells in submissions:
        here, there = os.pipe()
        child = os.fork()
        if child == 0:
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115  what cells print goes nowhere
            np.seterr(all="ignore")
            os.write(there, bytes([score(tests, cells, student)]))
            os._exit(0)
        os.close(there)
        scores.append(os.read(here, 1)[0])
        os.close(here)
        os.waitpid(child, 0)
    return scores


def main() -> None:
    """Grade in as many processes as asked for, side by side."""
    folder, course, workers = Path(sys.argv[1]), Course.at(Path(sys.argv[2])), int(sys.argv[3])
    paths = sorted(folder.glob("*/*/*.ipynb"))
    tests = HiddenTests(*loading.load(course, paths[0].stem), KEY)
    submissions = [(path.parts[-3], own_cells(tests, path)) for path in paths]  # reading is not counted either
    grade(tests, submissions[:4])
    gc.collect()
    gc.freeze()
    begun, used = time.perf_counter(), sum(os.times()[2:4])
    children = []
    for number in range(workers):
        child = os.fork()
        if child == 0:
            scores = grade(tests, submissions[number::workers])
            os._exit(0 if 100 in scores else 1)
        children.append(child)
    for child in children:
        if os.waitpid(child, 0)[1]:
            sys.exit("a worker failed")
    print((time.perf_counter() - begun) / len(paths), (sum(os.times()[2:4]) - used) / len(paths))


if __name__ == "__main__":
    main()
