"""A results folder is held by one run at a time; a second one is told who has it, and a dead one is in nobody's way."""

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from autograder import holding
from autograder.errors import UsageError
from autograder.holding import FILE, Hold, held


@pytest.fixture
def holder(tmp_path):
    """Start another process that holds the folder, with a forked child that would keep it open."""
    code = f"""
        import os, sys, time
        from pathlib import Path
        from autograder.holding import Hold
        hold = Hold(Path({str(tmp_path)!r}))
        hold.take("autograder grade --out somewhere")
        if os.fork() == 0:
            time.sleep(2)
            os._exit(0)
        print("held", flush=True)
        time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_the_second_one_is_told_who_has_it(tmp_path, holder):
    """Process, machine, time and command are named in one line, and nothing has been touched."""
    with pytest.raises(UsageError, match="Another run is writing to") as caught:
        Hold(tmp_path).take("autograder grade")
    said = str(caught.value)
    assert f"process {holder.pid} on {socket.gethostname()}, since 20" in said
    assert "`autograder grade --out somewhere`" in said
    assert "\n" not in said
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_killed_run_holds_nothing(tmp_path, holder):
    """Killed, with a child still alive: the file is there, and in nobody's way."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / FILE).is_file()
    hold = Hold(tmp_path)
    assert hold.take("autograder grade") == ""
    assert json.loads((tmp_path / FILE).read_text())["pid"] == os.getpid()
    hold.release()
    assert list(tmp_path.iterdir()) == []


def test_workers_of_a_killed_run_are_given_a_moment_to_end(tmp_path):
    """The lock is still held by a process that is about to end, while the one that the file names is dead: it waits."""
    (tmp_path / FILE).touch()
    dead = subprocess.Popen(["true"])
    dead.wait()
    (tmp_path / FILE).write_text(json.dumps({"pid": dead.pid, "host": socket.gethostname()}))
    handle = os.open(tmp_path / FILE, os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)
    ending = threading.Timer(0.3, os.close, [handle])
    ending.start()
    began = time.monotonic()
    with held(tmp_path, "autograder grade"):
        assert time.monotonic() - began > 0.2
    ending.join()


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"pid": "x\\u001b[2J"}', "[" * 100_000, "\xff" * 3000])
def test_whatever_the_file_says_it_is_the_lock_that_counts(tmp_path, text):
    """A file that was torn or edited is in nobody's way; and while it is locked, nothing in it reaches a terminal."""
    (tmp_path / FILE).write_bytes(text.encode("latin-1"))
    with held(tmp_path, "autograder grade"):
        (tmp_path / FILE).write_bytes(text.encode("latin-1"))
        with pytest.raises(UsageError, match="Another run is writing to") as caught:
            Hold(tmp_path).take("autograder grade")
    assert str(caught.value).isprintable()


def test_it_can_be_held_again(tmp_path):
    """One after the other, and again by the one who has it already."""
    hold = Hold(tmp_path)
    for _ in range(2):
        hold.take("a")
        hold.take("b")
        assert json.loads((tmp_path / FILE).read_text())["command"] == "a"
        hold.release()
        hold.release()


def test_a_file_that_went_away_meanwhile_is_not_taken_for_the_lock(tmp_path, monkeypatch):
    """Between opening and locking, the holder ends and removes the file: the next one locks a file that is there."""
    first = Hold(tmp_path)
    first.take("first")
    real = fcntl.flock

    def late(handle, how):
        first.release()
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    second = Hold(tmp_path)
    second.take("second")
    assert json.loads((tmp_path / FILE).read_text())["command"] == "second"
    monkeypatch.undo()
    with pytest.raises(UsageError, match="`second`"):
        Hold(tmp_path).take("third")


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch):
    """The run goes on, and the instructor is told to look after it."""

    def unknown(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", unknown)
    assert "knows no locks" in Hold(tmp_path).take("autograder grade")


@pytest.mark.parametrize("kind", ["folder", "link", "no folder"])
def test_a_place_where_no_lock_can_be_is_told(tmp_path, kind):
    """One line of usage, and no link is followed."""
    if kind == "folder":
        (tmp_path / FILE).mkdir()
    elif kind == "link":
        (tmp_path / FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="cannot be written to"):
        Hold(tmp_path / "none" if kind == "no folder" else tmp_path).take("autograder grade")
    assert not (tmp_path / "elsewhere").exists()


def test_the_moment_of_taking_is_no_dead_run(tmp_path):
    """Locked, and nothing written yet: it is waited for until it is known who it is."""
    handle = os.open(tmp_path / FILE, os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    writing = threading.Timer(0.2, os.pwrite, [handle, b'{"pid": 1, "host": "elsewhere"}', 0])
    writing.start()
    with pytest.raises(UsageError, match="process 1 on elsewhere"):
        Hold(tmp_path).take("autograder grade")
    writing.join()
    os.close(handle)
    assert holding._holder(os.open(tmp_path, os.O_RDONLY)) == {}
