"""An assignment that could not grade rightly is refused in one clear line, by `audit` and by `grade` before it runs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import loading, new
from autograder.course import CONFIG, Course
from autograder.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
NAME = "first_steps"
CASES = """CASES = (
    Case("all sizes different", lambda rng: arguments(rng, *two_sizes(rng))),
    Case("as many units as examples", square),
    Case("batch of one", lambda rng: arguments(rng, two_sizes(rng)[0], 1)),
)"""
DEFINITIONS = {
    "a mistake whose edit no longer applies": (
        ("keep * a_prev + (1 - keep) * xt", "keep * before"),
        r"the mistake 'shares-exchanged' no longer applies: its text 'keep \* before' stands 0 times in the solution",
    ),
    "an exercise without cases": ((CASES, "CASES = ()"), r"UNQ_C1 has no cases, or two with the same name"),
    "two cases with one name": (('"batch of one"', '"all sizes different"'), r"UNQ_C1 has no cases, or two with"),
    "an exercise without checks": (
        ('checks=(Check("a_next", 3, 0), Check("change", 1, 1))', "checks=()"),
        r"UNQ_C1 has no checks, or two with the same name",
    ),
    "a weight of zero": (('Check("change", 1, 1)', 'Check("change", 0, 1)'), r"a check whose weight is not positive"),
    "a weight that is no number": (
        ('Check("change", 1, 1)', 'Check("change", float("nan"), 1)'),
        r"a check whose weight is not positive",
    ),
    "two mistakes with one id": (("mistakes=MISTAKES", "mistakes=MISTAKES * 2"), r"two mistakes with the same id"),
    "two exercises with one id": (
        ("mistakes=MISTAKES,\n        ),\n    ),", "mistakes=MISTAKES,\n        ),\n    ) * 2,"),
        r"the ids of its exercises are not distinct",
    ),
}


def broken(root, old, new_text):
    """Make a course with a new assignment whose definition was changed in one place."""
    (root / "source").mkdir()
    shutil.copy(ROOT / CONFIG, root)
    made = new.make(Course.at(root), NAME)
    text = made.tests.read_text()
    assert text.count(old) == 1, f"the template no longer has {old!r}"
    made.tests.write_text(text.replace(old, new_text))
    return made


@pytest.mark.parametrize("harm", DEFINITIONS)
def test_a_definition_that_could_not_grade_rightly_is_refused(tmp_path, harm):
    """Whatever loads the assignment says in one line which exercise it is and what is wrong with it."""
    (old, new_text), says = DEFINITIONS[harm]
    broken(tmp_path, old, new_text)
    with pytest.raises(UsageError, match=says) as refused:
        loading.load(Course.at(tmp_path), NAME)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("points", [None, 0, -5, "ten", float("nan")])
def test_points_that_are_missing_from_the_notebook_are_told(tmp_path, points):
    """Points stand in the test cell's metadata, and are a positive number."""
    made = broken(tmp_path, "Rng = np.random.Generator", "Rng = np.random.Generator")
    notebook = json.loads(made.notebook.read_text())
    settings = next(c["metadata"]["nbgrader"] for c in notebook["cells"] if c["id"] == "test_UNQ_C1")
    settings["points"] = points
    if points is None:
        del settings["points"]
    made.notebook.write_text(json.dumps(notebook))
    with pytest.raises(UsageError, match="UNQ_C1 has no test cell 'test_UNQ_C1' with points in its nbgrader metadata"):
        loading.load(Course.at(tmp_path), NAME)


@pytest.mark.parametrize("command", ["audit", "grade"])
def test_the_commands_say_so_and_nothing_has_run(tmp_path, command):
    """One line on the error stream, exit code 1, no results and no audit."""
    (old, new_text), says = DEFINITIONS["a weight of zero"]
    made = broken(tmp_path, old, new_text)
    arguments = {"audit": ["audit", NAME], "grade": ["grade", str(made.notebook), "--assignment", NAME]}[command]
    done = subprocess.run(
        [Path(sys.executable).with_name("autograder"), *arguments],
        cwd=tmp_path,
        env={**os.environ, "AUTOGRADER_SECRET": "a secret for tests"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert not list(tmp_path.glob("**/audit.json")) + list(tmp_path.glob("**/report.json"))
