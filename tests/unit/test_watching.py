"""While somebody writes, touches or breaks something, all that has settled is graded; a clock is moved by hand."""

import itertools
import json
import os
import time
from types import SimpleNamespace

import pytest

from autograder import intake, watch
from autograder.arrivals import PATIENCE
from autograder.coordinate import Audience
from autograder.errors import UsageError
from autograder.intake import Submitted
from autograder.model import Provenance, Report, Status
from autograder.notebook import digest

NAME = "rnn"
NOTEBOOK = '{"nbformat": 4, "cells": []}'
STEP = 0.1  # seconds between two things that happen


def _changing():
    """Return notebooks that are whole, each of them another one."""
    return (json.dumps({"nbformat": 4, "cells": [], "metadata": {"n": "1" * n}}) for n in itertools.count())


class Room:
    """A folder that is watched, and what of it was graded: who, and which bytes."""

    def __init__(self, root, monkeypatch):
        self.root, self.graded, self.said, self.now = root, [], [], 0.0
        self.broken = set()  # assignments that cannot be graded, and paths that cannot be read
        self.status = Status.GRADED
        (root / "submitted").mkdir()
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(intake, "find", lambda _course, paths, *_: self._found(paths))
        self.paths = (root / "submitted",)

    def start(self):
        """Begin to watch."""
        order = SimpleNamespace(course=None, paths=self.paths, assignment=None, which="last")
        self.watching = watch._Watch(self, order, Audience(say=self.said.append))
        self.watching.begin()

    # what a coordinator does for it

    def prepare(self):
        """Do nothing."""

    def write_class(self):
        """Do nothing."""

    def find(self):
        """Return what was handed in."""
        return self._found(self.paths)

    def _found(self, paths):
        if broken := self.broken & set(paths):
            raise UsageError(f"{broken.pop().name} is broken.")
        files = sorted(file for path in paths for file in path.rglob("*.ipynb"))
        return [Submitted(file.stem, file.parent.name, file, f"{file.parent.name}/{file.stem}") for file in files]

    def grade(self, submissions, audience):
        """Read each, and keep what was read."""
        if self.broken & {submitted.assignment for submitted in submissions}:
            raise UsageError("The assignment is broken.")
        for submitted in submissions:
            content = intake.read(submitted)
            self.graded.append((submitted.student, content.decode()))
            sha256 = digest(content)
            provenance = Provenance("", "", sha256, "", "", "", "")
            audience.step(Report(submitted.assignment, submitted.student, self.status, 0.0, 0.0, (), provenance))

    # what happens

    def hand_in(self, student, text=NOTEBOOK, folder="submitted", assignment=NAME):
        """Write a notebook."""
        path = self.root / folder / assignment / f"{student}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def pass_by(self, seconds, happens=lambda: None):
        """Let time pass, and something happen again and again in it."""
        end = self.now + seconds
        while self.now < end:
            happens()
            self.now += STEP
            self.watching.go_on()

    def counts(self):
        """Return how often each student was graded."""
        return {student: sum(who == student for who, _ in self.graded) for student, _ in self.graded}


@pytest.fixture
def room(tmp_path, monkeypatch):
    """Return a folder in which nobody has handed in anything."""
    return Room(tmp_path, monkeypatch)


def _touch(path, times=itertools.count()):  # noqa: B008  one count for all
    def touch():
        os.utime(path, ns=(0, next(times)))

    return touch


def test_a_file_that_is_touched_for_ever_keeps_nobody_waiting(room):
    """Neither those who come meanwhile, nor itself: its bytes are what they were, and it is graded once."""
    room.start()
    touch = _touch(room.hand_in("restless"))
    room.pass_by(1.0, touch)
    room.hand_in("ada")
    room.pass_by(1.0, touch)
    room.hand_in("bela")
    room.pass_by(1.0, touch)
    assert room.counts() == {"restless": 1, "ada": 1, "bela": 1}
    room.pass_by(30.0, touch)
    assert room.counts() == {"restless": 1, "ada": 1, "bela": 1}


def test_a_file_that_is_written_for_ever_is_graded_at_last(room):
    """From a copy of what it was at one moment, and no more often than patience ends; others are not kept waiting."""
    room.start()
    path, contents = room.hand_in("restless", ""), _changing()
    room.hand_in("ada")
    room.pass_by(1.0, lambda: path.write_text(next(contents)))
    assert room.counts() == {"ada": 1}
    room.pass_by(PATIENCE, lambda: path.write_text(next(contents)))
    assert room.counts() == {"ada": 1, "restless": 1}
    room.pass_by(2 * PATIENCE, lambda: path.write_text(next(contents)))
    assert room.counts() == {"ada": 1, "restless": 3}
    room.pass_by(1.0)
    assert room.graded[-1] == ("restless", path.read_text()), "the last one counts"
    assert len(room.graded) == 5


def test_half_a_file_is_waited_for_as_long_as_it_grows(room):
    """A slow upload is no notebook until it has arrived."""
    room.start()
    whole = json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": "{}" * 400}]})
    pieces = (whole[:n] for n in range(len(whole)))
    path = room.hand_in("slow", "")
    room.pass_by(5 * PATIENCE, lambda: path.write_text(next(pieces)))
    assert room.graded == []
    path.write_text(whole)
    room.pass_by(1.0)
    assert room.graded == [("slow", whole)]


def test_what_was_graded_is_graded_again_only_where_it_has_changed(room):
    """The same bytes under another time are not; without a verdict they are."""
    path = room.hand_in("ada")
    room.start()
    _touch(path)()
    room.pass_by(1.0)
    assert room.counts() == {"ada": 1}
    path.write_text(NOTEBOOK + " ")
    room.status = Status.GRADER_ERROR
    room.pass_by(1.0)
    room.status = Status.GRADED
    for expected in (3, 3):
        _touch(path)()
        room.pass_by(1.0)
        assert room.counts() == {"ada": expected}


def test_half_of_a_download_keeps_nobody_waiting(room):
    """What is at the other paths is graded meanwhile; it is told once, and looked at again by itself."""
    other = room.root / "other"
    other.mkdir()
    room.paths = (other, *room.paths)
    room.hand_in("cyd", folder="other")
    room.start()
    room.broken.add(other)
    room.hand_in("ada")
    room.pass_by(1.0)
    room.hand_in("dana", folder="other")
    room.pass_by(1.0)
    assert room.counts() == {"cyd": 1, "ada": 1}
    assert [submitted.student for submitted in room.watching.found] == ["ada", "cyd"]
    assert room.said == ["Not graded yet: other is broken."]
    room.broken.clear()
    room.pass_by(1.0)
    assert room.counts() == {"cyd": 1, "ada": 1, "dana": 1}


def test_two_submissions_of_one_student_keep_nobody_else_waiting(room, monkeypatch):
    """Neither of the two is graded: nobody can tell which counts."""
    other = room.root / "other"
    other.mkdir()
    room.paths = (other, *room.paths)
    room.start()

    def find():
        raise UsageError("Two submissions would have the same results folder.")

    monkeypatch.setattr(room, "find", find)
    for student, folder in (("cyd", "other"), ("cyd", "submitted"), ("ada", "submitted")):
        room.hand_in(student, folder=folder)
    room.pass_by(1.0)
    assert room.counts() == {"ada": 1}
    assert len(room.said) == 1


def test_an_assignment_that_is_broken_keeps_no_other_waiting(room):
    """It is told, and watching goes on."""
    room.start()
    room.broken.add("lstm")
    room.hand_in("ada", assignment="lstm")
    room.hand_in("bela")
    room.pass_by(1.0)
    assert room.counts() == {"bela": 1}
    assert room.said == ["Not graded yet: The assignment is broken."]
