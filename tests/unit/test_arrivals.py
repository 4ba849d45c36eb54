"""What comes, changes or goes below a folder of submissions is seen, whatever a clock says; half a file must wait."""

import hashlib
import os
import shutil
import time

import pytest

from autograder import arrivals
from autograder.arrivals import Settling, Tree

NAME = "rnn"


@pytest.fixture
def root(tmp_path):
    """Return an nbgrader tree of two students."""
    for student in ("ada", "bela"):
        _hand_in(tmp_path, student)
    (tmp_path / "notes.txt").write_text("no notebook")
    return tmp_path


def _hand_in(root, student, text='{"cells": []}'):
    place = root / student / NAME
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{NAME}.ipynb").write_text(text)
    return place / f"{NAME}.ipynb"


def _seen(tree, looks=6):
    """Return whether something is seen within a few looks; each folder has had its turn by then."""
    return sum(tree.look() for _ in range(looks)) > 0


def test_nothing_happens(root):
    """As long as nothing changes, nothing is seen; other files, hidden ones and folders alone are nothing."""
    tree = Tree([root])
    assert len(tree) == 2
    assert not _seen(tree)
    (root / "more.txt").write_text("x")
    (root / "cyd" / NAME).mkdir(parents=True)
    (root / "ada" / NAME / ".ipynb_checkpoints").mkdir()
    (root / "ada" / NAME / ".ipynb_checkpoints" / "rnn-checkpoint.ipynb").write_text("{}")
    os.utime(root / "bela")
    assert not _seen(tree)


def _new_student(root):
    _hand_in(root, "cyd")


def _another_notebook(root):
    (root / "ada" / NAME / "rnn (2).ipynb").write_text("{}")


def _another_assignment(root):
    (root / "ada" / "lstm").mkdir()
    (root / "ada" / "lstm" / "lstm.ipynb").write_text("{}")


def _changed_in_place(root):
    with (root / "ada" / NAME / f"{NAME}.ipynb").open("a") as file:
        file.write(" ")


def _replaced_with_the_same_size_and_time(root):
    path = root / "ada" / NAME / f"{NAME}.ipynb"
    status = path.stat()
    fresh = path.with_name("fresh.tmp")
    fresh.write_text(path.read_text())
    os.utime(fresh, ns=(status.st_atime_ns, status.st_mtime_ns))
    fresh.replace(path)


def _touched_in_the_past(root):
    os.utime(root / "ada" / NAME / f"{NAME}.ipynb", (1.0, 1.0))


def _touched_in_the_future(root):
    os.utime(root / "ada" / NAME / f"{NAME}.ipynb", (9e9, 9e9))


def _removed(root):
    (root / "ada" / NAME / f"{NAME}.ipynb").unlink()


def _removed_with_the_student(root):
    shutil.rmtree(root / "ada")


def _a_timestamp(root):
    (root / "ada" / NAME / "timestamp.txt").write_text("2026-11-02 10:00:00 UTC")


@pytest.mark.parametrize(
    "change",
    [
        _new_student, _another_notebook, _another_assignment, _changed_in_place, _replaced_with_the_same_size_and_time,
        _touched_in_the_past, _touched_in_the_future, _removed, _removed_with_the_student, _a_timestamp,
    ],
)  # fmt: skip
def test_every_change_is_seen_once(root, change):
    """Something new, something different, something gone: seen within a few looks, and then no more."""
    tree = Tree([root])
    change(root)
    assert _seen(tree)
    assert not _seen(tree)


def test_a_folder_whose_time_does_not_move_is_read_all_the_same(root, monkeypatch):
    """A file server's clock is coarse: what came in the same moment as something else is seen as well."""
    tree = Tree([root])
    status = (root / "ada" / NAME).stat()
    _another_notebook(root)
    assert _seen(tree)
    (root / "ada" / NAME / "rnn (3).ipynb").write_text("{}")
    os.utime(root / "ada" / NAME, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert _seen(tree)


def test_paths_of_every_kind_are_followed(tmp_path):
    """A notebook or an archive by itself; one that is away for a moment, and a folder that is."""
    notebook, folder = tmp_path / "one.ipynb", tmp_path / "many"
    notebook.write_text("{}")
    folder.mkdir()
    tree = Tree([notebook, folder])
    assert len(tree) == 1
    notebook.unlink()
    folder.rmdir()
    assert _seen(tree)
    notebook.write_text("{}")
    assert _seen(tree)
    folder.mkdir()
    (folder / "two.ipynb").write_text("{}")
    assert _seen(tree)
    assert len(tree) == 2


def test_no_link_is_followed(root):
    """Whatever a student's link leads to is not looked at, and a circle is no trouble."""
    (root / "ada" / "circle").symlink_to(root)
    (root / "ada" / NAME / "linked.ipynb").symlink_to("/etc/passwd")
    assert len(Tree([root])) == 3


def test_deep_folders_end_somewhere(tmp_path):
    """A folder in a folder in a folder is read to a depth that no submission has."""
    deep = tmp_path.joinpath(*"abcdefghijklmnop")
    deep.mkdir(parents=True)
    (deep / "x.ipynb").write_text("{}")
    assert len(Tree([tmp_path])) == 0


def test_a_large_class_costs_little(tmp_path):
    """A look at a thousand submissions takes a small part of what reading their folders takes."""
    for number in range(1000):
        _hand_in(tmp_path, f"s{number:04}")
    began = time.process_time()
    tree = Tree([tmp_path])
    reading = time.process_time() - began
    began = time.process_time()
    tree._young.clear()  # as it is a second later
    for _ in range(4):
        tree.look()
    looking = (time.process_time() - began) / 4
    assert looking < reading / 2


# ------------------------------------------------------------------------------------------------------ settling


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that is moved by hand."""

    class _Clock:
        now = 100.0

        def pass_by(self, seconds):
            self.now += seconds

    made = _Clock()
    monkeypatch.setattr(arrivals.time, "monotonic", lambda: made.now)
    return made


def test_what_stays_as_it_is_is_whole(root, clock):
    """A notebook that nobody has written to for a quarter of a second; told once."""
    path = root / "ada" / NAME / f"{NAME}.ipynb"
    settling = Settling()
    settling.add(path)
    assert settling
    assert settling.settled() == {}
    clock.pass_by(arrivals.SETTLED)
    assert settling.settled().keys() == {str(path)}
    assert not settling


def test_what_still_changes_is_waited_for(root, clock):
    """However long that takes, and though its time is set to the past."""
    path = root / "ada" / NAME / f"{NAME}.ipynb"
    settling = Settling()
    settling.add(path)
    for number in range(20):
        clock.pass_by(arrivals.SETTLED / 2)
        path.write_text('{"cells": [' + "1," * number + "1]}")
        os.utime(path, (5.0, 5.0 + number))
        assert settling.settled() == {}
    clock.pass_by(arrivals.SETTLED)
    assert settling.settled().keys() == {str(path)}


def test_each_file_is_waited_for_by_itself(root, clock):
    """What is added again, since something else has changed, does not begin to wait anew."""
    ada, bela = (root / student / NAME / f"{NAME}.ipynb" for student in ("ada", "bela"))
    settling = Settling()
    settled = []
    for number in range(3):
        settling.add(ada)
        settling.add(bela)
        bela.write_text('{"cells": [' + "1," * number + "1]}")
        clock.pass_by(arrivals.SETTLED / 2)
        settled.append(settling.settled().keys())
    assert settled == [set(), {str(ada)}, set()]


@pytest.mark.parametrize("way", ["touched", "written again", "replaced"])
def test_a_file_with_the_same_bytes_stays_as_it_is(root, clock, way):
    """However often it is touched, and though it is another file of the same name."""
    path = root / "ada" / NAME / f"{NAME}.ipynb"
    content = path.read_bytes()
    settling = Settling()
    settling.add(path)
    seen = []
    for number in range(6):
        clock.pass_by(arrivals.SETTLED / 2)
        if way == "replaced":
            path.with_suffix(".tmp").write_bytes(content)
            path.with_suffix(".tmp").replace(path)
        elif way == "written again":
            path.write_bytes(content)
        os.utime(path, (5.0, 5.0 + number))
        seen += settling.settled().items()
    assert seen == [(str(path), arrivals.Arrival(hashlib.sha256(content).hexdigest()))]


def test_patience_ends_with_a_file_that_never_stays_as_it_is(root, clock):
    """It is told apart from what has settled; and waited for as long again, if somebody chooses to."""
    path = root / "ada" / NAME / f"{NAME}.ipynb"
    settling = Settling()
    for _ in range(2):
        settling.add(path)
        for number in range(int(arrivals.PATIENCE / 0.1) - 1):
            clock.pass_by(0.1)
            path.write_text('{"cells": [' + "1," * (number % 7) + "1]}")
            assert settling.settled() == {}
        clock.pass_by(0.2)
        path.write_text("{}")
        assert settling.settled() == {str(path): arrivals.Arrival(hashlib.sha256(b"{}").hexdigest(), is_settled=False)}
    assert not settling


def test_half_a_notebook_is_waited_for_longer(root, clock):
    """One that does not end as a notebook does may be half of one; in the end it is graded as it is."""
    path = _hand_in(root, "ada", '{"cells": [{"cell_ty')
    settling = Settling()
    settling.add(path)
    clock.pass_by(2 * arrivals.SETTLED)
    assert settling.settled() == {}
    path.write_text('{"cells": []}\n')
    assert settling.settled() == {}
    clock.pass_by(arrivals.SETTLED)
    assert settling.settled().keys() == {str(path)}
    _hand_in(root, "ada", "this is no notebook")
    settling.add(path)
    clock.pass_by(10.0)
    assert settling.settled().keys() == {str(path)}


def test_what_has_gone_is_not_waited_for(root, clock):
    """Removed again before it was whole, or never there."""
    settling = Settling()
    settling.add(root / "nobody.ipynb")
    path = root / "ada" / NAME / f"{NAME}.ipynb"
    settling.add(path)
    path.unlink()
    for _ in range(3):
        assert settling.settled() == {}
        clock.pass_by(1.0)
    assert not settling


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "zip"])
def test_what_is_no_notebook_holds_nothing_up(tmp_path, clock, kind):
    """A pipe that nobody writes to, a link, a folder; an archive is whole when its list is there."""
    path = tmp_path / "x.ipynb"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"PK\x03\x04" + bytes(100) + b"PK\x05\x06" + bytes(18))
    settling = Settling()
    settling.add(path)
    clock.pass_by(arrivals.SETTLED)
    assert settling.settled().keys() == {str(path)}
