"""The audit: it passes good tests, fails weak ones, and says which mutant got through."""

import json
import shutil
from pathlib import Path

import pytest

from autograder import run
from autograder.audit import Audit, waivers
from autograder.audit.findings import Fate, complaints
from autograder.course import Course
from autograder.errors import UsageError
from autograder.pools import InProcess
from autograder.run import Setting
from autograder.sandbox.limits import Limits

ROOT = Path(__file__).resolve().parents[2]
NAME = "rnn_step_by_step"
KEY = b"a secret of thirty-two bytes, yes"

of_one_audit = pytest.mark.xdist_group("a weak audit")  # which takes seconds: one worker makes it, for all that look


@pytest.fixture
def course(tmp_path):
    """Copy the course with its first assignment, and a definition of its own that a test may weaken."""
    return copied_to(tmp_path)


def copied_to(folder):
    """Copy the course; the second exercise's tests are made small, for here they are not looked at."""
    for name in ("rnn_utils", "public_tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("source", "release"):
        shutil.copytree(ROOT / name / NAME, folder / name / NAME)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    own = folder / "autograder" / "assignments"
    own.mkdir(parents=True)
    shutil.copy(ROOT / "autograder" / "assignments" / f"{NAME}.py", own)
    course = Course.at(folder)
    changed(course, "cases=SEQUENCE_CASES", "cases=SEQUENCE_CASES[:1]")
    changed(course, "mistakes=SEQUENCE_MISTAKES", "mistakes=SEQUENCE_MISTAKES[:1]")
    return course


def changed(course, old, new):
    """Change the definition; the text that is changed stands there once."""
    path = course.root / "autograder" / "assignments" / f"{NAME}.py"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def findings(course):
    """Audit the assignment."""
    setting = Setting(course, KEY, Limits(call_seconds=2.0))
    try:
        run.prepare(setting, [NAME])
        run.wait_until_ready()
        return Audit(setting, NAME, InProcess()).findings()
    finally:
        run.close_graders()


@pytest.fixture(scope="module")
def weak(tmp_path_factory):
    """Return a course whose first exercise has a single small case, and what its audit found."""
    course = copied_to(tmp_path_factory.mktemp("weak"))
    changed(course, "cases=CELL_CASES,", "cases=CELL_CASES[4:5],")
    return course, findings(course)


@of_one_audit
def test_a_case_list_cut_to_one_is_found_to_be_weak(weak):
    """With a single small case, mutants get through that the full list kills, and each is shown as a diff."""
    _, found = weak
    assert not found.ok
    survivors = [m for m in found.survivors if m.exercise == "UNQ_C1"]
    assert any("Waa.T" in m.diff for m in survivors)
    told = "\n".join(complaints(found))
    assert all(m.diff in told and m.digest in told for m in survivors)


@of_one_audit
def test_findings_are_plain_json(weak):
    """What is found can be kept and read by any program."""
    kept = json.loads(json.dumps(weak[1].to_json()))
    assert kept["passed"] is False
    assert {m["fate"] for m in kept["mutants"]} > {"killed: wrong values", "SURVIVED"}
    assert len(kept["assignment_digest"]) == 64


@of_one_audit
def test_a_waiver_lets_a_mutant_live_until_it_is_not_needed(weak):
    """A survivor that somebody has looked at is waived by its digest; a waiver that nothing needs is an error."""
    course, found = weak
    survivor = next(m for m in found.survivors if m.fate is Fate.SURVIVED)
    path = course.root / "autograder" / "assignments" / f"{NAME}.waivers.toml"
    path.write_text(
        f'[[waiver]]\nmutant = "{survivor.digest}"\nreason = "one unit"\nby = "A. Lecturer"\n\n'
        '[[waiver]]\nmutant = "0123456789abcdef"\nreason = "long ago"\nby = "A. Lecturer"\n',
        encoding="utf-8",
    )
    again = findings(course)
    (waived,) = [m for m in again.mutants if m.fate is Fate.WAIVED]
    assert (waived.digest, waived.reason) == (survivor.digest, "one unit (A. Lecturer)")
    assert again.unused == ("0123456789abcdef",)
    assert len(again.survivors) == len(found.survivors) - 1


def test_a_check_removed_is_found_to_be_weak(course):
    """A value that nobody looks at lets its mistakes through: they lose no points, and the audit says so."""
    changed(course, 'Check("a_next", 4, 0), Check("yt_pred", 4, 1), Check("cache", 2, 2)', 'Check("a_next", 4, 0),')
    found = findings(course)
    problems = {m.mistake: m.problem for m in found.mistakes if m.exercise == "UNQ_C1"}
    assert problems["softmax-over-rows"] == "it loses no points."
    assert problems["cache-holds-old-state-twice"] == "it loses no points."
    assert problems["recurrent-weights-transposed"] == ""


def test_waivers_that_cannot_be_read_stop_the_audit(course):
    """A file of waivers that is not one is told as such, before anything runs."""
    path = course.root / "autograder" / "assignments" / f"{NAME}.waivers.toml"
    for text in ("[[waiver]\n", '[[waiver]]\nmutant = "a"\nreason = "b"\n', "waiver = 3\n"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match="is not a file of waivers"):
            waivers(course, NAME)
