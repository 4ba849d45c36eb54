"""What travels to a worker and what does not; needs no Dask."""

import shutil
import sys

import pytest

from autograder import loading, run, workplace
from autograder.cluster import shipment
from autograder.cluster.shipment import Shipment
from autograder.course import CONFIG, Course
from autograder.errors import GraderError, UsageError
from autograder.model import Level
from autograder.sandbox.limits import Limits

KEY = b"a secret that travels, but is never shown"


def provenance(course, name):
    """Return what a report of an assignment records."""
    return run.examine(run.Setting(course, KEY, Limits()), [name])[name]


@pytest.mark.parametrize("name", ["rnn_step_by_step", "types_of_rnn"])
def test_a_worker_grades_by_the_same_course(course, tmp_path, name):
    """What is unpacked elsewhere has the digest that stands in every report, and can be loaded."""
    packed = shipment.pack(run.Setting(course, KEY, Limits()), {name: provenance(course, name)})
    setting = packed.unpack(tmp_path)
    assert setting.course.root == tmp_path
    assert provenance(setting.course, name) == provenance(course, name)
    assert loading.load(setting.course, name)[0].name == name


def test_an_assignment_of_ones_own_travels_too(course, tmp_path):
    """Hidden tests that stand in the course's folder are packed; those of the package are there already."""
    own = Course(tmp_path / "own")
    for name in ("source", "rnn_utils", "public_tests"):
        shutil.copytree(course.root / name, own.root / name)
    written = own.root / "autograder" / "assignments"
    written.mkdir(parents=True)
    shutil.copy(course.root / "autograder/assignments/rnn_step_by_step.py", written)
    setting = run.Setting(own, KEY, Limits())
    own_name, given = "rnn_step_by_step", "lstm_step_by_step"
    files = shipment.pack(setting, {name: provenance(own, name) for name in (own_name, given)}).files
    assert [name for name in files if name.startswith("autograder/")] == ["autograder/assignments/rnn_step_by_step.py"]


def test_nothing_else_travels(course):
    """No configuration, which may name a database and its password, no submission, no result, no secret's file."""
    files = shipment.pack(run.Setting(course, KEY, Limits()), {}).files
    assert {name.split("/")[0] for name in files} == {"source", "rnn_utils", "public_tests"}
    assert CONFIG not in files
    assert all(KEY not in content for content in files.values())


def test_what_is_secret_is_not_shown(course):
    """Neither the secret nor an answer nor a student's work is in any representation that could be logged."""
    packed = shipment.pack(run.Setting(course, KEY, Limits()), {})
    job = run.Job("s1", "rnn_step_by_step", b"a student's work")
    for shown in (repr(packed), repr(job)):
        assert "secret that travels" not in shown
        assert "rnn_cell_forward" not in shown
        assert "student's work" not in shown


@pytest.mark.parametrize("name", ["../outside.py", "/etc/outside.py", "source/../../outside.py"])
def test_a_path_that_leads_elsewhere_is_refused(tmp_path, name):
    """A worker writes nothing outside its own folder, whatever it is sent."""
    with pytest.raises(GraderError, match="no path within a course"):
        Shipment({name: b""}, {}, KEY, Limits(), Level.NAMESPACES).unpack(tmp_path / "folder")
    assert not (tmp_path / "outside.py").exists()


def test_every_difference_is_told():
    """Another Python, numpy or copy of this package is named with what is needed; the same has no difference."""
    here = shipment.environment()
    assert shipment.differences(here, shipment.environment()) == []
    there = {**here, "numpy": "1.0", "Python": "2.7"}
    assert shipment.differences(here, there) == [
        f"it has Python 2.7, and {here['Python']} is needed",
        f"it has numpy 1.0, and {here['numpy']} is needed",
    ]


def test_a_scheduler_without_the_library_is_told(course, monkeypatch):
    """`--scheduler` where distributed is not installed: what brings it."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "autograder.cluster.executor", raising=False)
    with pytest.raises(UsageError, match=r"pip install '\.\[cluster\]'"):
        workplace.choose(run.Setting(course, KEY, Limits()), [], "tcp://127.0.0.1:1", 1, None)
