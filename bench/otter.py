"""The same class through ``otter run`` of otter-grader, which lives in a virtual environment of its own.

Its tests hold the same cases: inputs and expected values of one student, drawn and computed beforehand, compared with
``assert_allclose``. As everywhere in that tool, they run in the process of the student's notebook.
"""

import base64
import pickle
import subprocess
import sys
import venv
from pathlib import Path

from classes import NAME
from processes import Run, run

from autograder import loading
from autograder.course import MODULES, Course
from autograder.hidden_tests import HiddenTests
from autograder.judging import part

INSTALLING = 900  # seconds
NEEDED = ("otter-grader", "ipykernel", "matplotlib", "numpy")

TEST = '''\
"""Hidden cases of {id}."""

import base64
import pickle

import numpy as np
from otter.test_files import test_case

OK_FORMAT = False
name = "{id}"
points = {points}
CASES = pickle.loads(base64.b64decode("{cases}"))


def agree(expected, actual):
    if isinstance(expected, dict):
        assert expected.keys() == actual.keys()
        for key in expected:
            agree(expected[key], actual[key])
    elif isinstance(expected, (list, tuple)):
        assert len(expected) == len(actual)
        for one, other in zip(expected, actual):
            agree(one, other)
    else:
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-7)

'''
CHECK = """
@test_case()
def test_{number}(env):
    for inputs, expected in CASES:
        agree(expected[{key!r}], env["{function}"](*inputs)[{key!r}])

"""


def environment(folder: Path) -> Path | str:
    """Return the ``otter`` of a virtual environment, made where it is not there yet; or why there is none."""
    program = folder / "bin" / "otter"
    if program.is_file():
        return program
    try:
        venv.create(folder, with_pip=True)
        command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", *NEEDED]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALLING)
    except (OSError, subprocess.SubprocessError) as error:
        return f"it could not be installed: {error}"
    lines = done.stderr.strip().splitlines()
    return program if program.is_file() else f"it could not be installed: {lines[-1] if lines else 'no reason given'}"


def package(otter: Path, course: Course, folder: Path) -> Path:
    """Make the zip that ``otter run`` takes: tests and the course's modules."""
    tests = HiddenTests(*loading.load(course, NAME), b"a secret for a benchmark")
    (folder / "tests").mkdir(parents=True)
    for exercise in tests.assignment.exercises:
        cases = []
        for case in exercise.cases:
            inputs = tests.inputs(exercise, case.name, "bench")
            expected = tests.expected(exercise, case.name, inputs)
            cases.append((inputs, {check.key: part(expected, check.key) for check in exercise.checks}))
        packed = base64.b64encode(pickle.dumps(cases)).decode()  # our own values, for a tool that runs beside them
        points = tests.reference.source.points[exercise.id]
        text = TEST.format(id=exercise.id, points=points, cases=packed)
        for number, check in enumerate(exercise.checks):
            text += CHECK.format(number=number, key=check.key, function=exercise.function)
        (folder / "tests" / f"{exercise.id}.py").write_text(text)
    for name in MODULES:
        source = course.root / name
        for path in source.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                target = folder / name / path.relative_to(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
    (folder / "out").mkdir()
    (folder / "requirements.txt").write_text("numpy\nmatplotlib\n")
    run(
        [otter, "generate", "--tests-dir", "tests", "--output-path", "autograder.zip", "--no-environment", *MODULES],
        folder,
    )
    return folder / "autograder.zip"


def measure(otter: Path, packed: Path, submissions: list[Path]) -> Run:
    """Grade submissions one after the other, as the command does; return the sums."""
    total = Run(0.0, 0.0)
    for path in submissions:
        one = run([otter, "run", "--autograder", packed, "--output-dir", packed.parent / "out", "--no-logo", path],
                  packed.parent)  # fmt: skip
        total = Run(total.seconds + one.seconds, total.cpu + one.cpu)
    return total


if __name__ == "__main__":
    print(environment(Path(sys.argv[1])))
