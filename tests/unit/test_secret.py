"""The secret is made once, kept from others, and gives every case of every student inputs of their own."""

import multiprocessing
import os
import stat
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import secret
from autograder.course import CONFIG, Course
from autograder.errors import UsageError


@pytest.fixture
def course(tmp_path):
    """Make an empty course."""
    (tmp_path / CONFIG).touch()
    (tmp_path / "source").mkdir()
    return Course.at(tmp_path)


def _file(course):
    return course.root / ".autograder" / "secret"


def test_made_at_first_use_and_kept(course):
    """The first use draws a secret of 256 bits; every later use gets the same one."""
    first = secret.course_secret(course, None)
    assert len(first) == 64
    assert set(first.decode()) <= set(string.hexdigits)
    assert secret.course_secret(course, None) == first
    assert secret.course_secret(course, "") == first  # an empty AUTOGRADER_SECRET is none


def test_every_course_has_its_own(course, tmp_path):
    """Two courses, or the same one after its secret was removed, draw different secrets."""
    first = secret.course_secret(course, None)
    _file(course).unlink()
    assert secret.course_secret(course, None) != first


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_may_read_it(course, umask):
    """The file's mode is 0600, whatever the umask, and nothing else is left beside it."""
    before = os.umask(umask)
    try:
        secret.course_secret(course, None)
    finally:
        os.umask(before)
    assert stat.S_IMODE(_file(course).stat().st_mode) == 0o600
    assert [path.name for path in _file(course).parent.iterdir()] == ["secret"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620, 0o601])
def test_refused_where_others_can_reach_it(course, mode):
    """A secret that others can read or write is one no more; the message has the command that mends it."""
    secret.course_secret(course, None)
    _file(course).chmod(mode)
    with pytest.raises(UsageError, match="chmod 600"):
        secret.course_secret(course, None)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["short", "empty", "folder", "link", "fifo", "no folder"])
def test_refused_where_it_is_none(course, tmp_path, kind):
    """What cannot be a secret is told with the file's name; nothing is read through a link, or waited for."""
    path = _file(course)
    if kind == "no folder":
        path.parent.write_text("a file", encoding="utf-8")
    else:
        path.parent.mkdir()
    if kind in {"short", "empty"}:
        path.write_text("abc" if kind == "short" else "\n", encoding="utf-8")
        path.chmod(0o600)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        (tmp_path / "elsewhere").write_text("0123456789abcdef" * 4, encoding="utf-8")
        (tmp_path / "elsewhere").chmod(0o600)
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "fifo":
        os.mkfifo(path, 0o600)
    with pytest.raises(UsageError, match=r"\.autograder/secret"):
        secret.course_secret(course, None)


def test_override(course):
    """AUTOGRADER_SECRET stands for the file, which is then neither read nor made."""
    assert secret.course_secret(course, "a long enough secret") == b"a long enough secret"
    assert secret.course_secret(course, "a long enough secret\n") == b"a long enough secret"
    assert not _file(course).exists()


def test_override_of_any_bytes(course):
    """The environment may hold bytes that are no UTF-8."""
    given_bytes = b"\xff\xfe" * 10
    assert secret.course_secret(course, os.fsdecode(given_bytes)) == given_bytes


@pytest.mark.parametrize("override", ["x", " ", "123456789012345", " " * 40])
def test_override_that_could_be_guessed(course, override):
    """A secret that anybody could try out is refused: its name stands in every report."""
    with pytest.raises(UsageError, match="AUTOGRADER_SECRET is too short"):
        secret.course_secret(course, override)


def _use_at_once(root, barrier, queue):
    course = Course.at(root)
    barrier.wait()
    try:
        queue.put(secret.course_secret(course, None))
    except UsageError as error:
        queue.put(str(error))


def test_several_processes_make_one(course):
    """Processes that use the secret for the first time at the same moment all get the same one."""
    context = multiprocessing.get_context("fork")
    for _ in range(10):
        barrier, queue = context.Barrier(4), context.SimpleQueue()
        processes = [context.Process(target=_use_at_once, args=(course.root, barrier, queue)) for _ in range(4)]
        for process in processes:
            process.start()
        drawn = {queue.get() for _ in processes}
        for process in processes:
            process.join()
        assert drawn == {_file(course).read_bytes().strip()}
        assert [path.name for path in _file(course).parent.iterdir()] == ["secret"]
        _file(course).unlink()


def test_a_slow_maker_is_not_read_half_way(course, monkeypatch):
    """Between the moments in which a secret is begun and in which it is complete, nobody can see it."""
    seen = []
    draw = secret.secrets.token_hex

    def slowly(size):
        seen.append(_file(course).exists())
        return draw(size)

    monkeypatch.setattr(secret.secrets, "token_hex", slowly)
    secret.course_secret(course, None)
    assert seen == [False]


def test_the_first_of_two_makers_wins(course, monkeypatch):
    """Where another process was quicker, its secret is the course's."""
    draw = secret.secrets.token_hex

    def overtaken(size):
        _file(course).write_bytes(b"0123456789abcdef" * 4)
        _file(course).chmod(0o600)
        return draw(size)

    monkeypatch.setattr(secret.secrets, "token_hex", overtaken)
    assert secret.course_secret(course, None) == b"0123456789abcdef" * 4


# ------------------------------------------------------------------------------------------------ what is drawn from it

KEY = b"0123456789abcdef"
PARTS = st.lists(st.text(st.characters(codec=None), max_size=4), max_size=4)


def _draw(key, *what):
    return secret.generator(key, *what).standard_normal(4).tolist()


def test_same_names_give_the_same_inputs():
    """A grade can be reproduced: the same secret and names draw the same numbers, on every machine."""
    names = ("rnn_step_by_step", "UNQ_C1", "one step", "ada")
    assert _draw(KEY, *names) == _draw(KEY, *names)
    assert secret.generator(KEY, *names).integers(0, 1 << 32, 3).tolist() == PINNED


# Drawn when this test was written: a change of these numbers is a change of every student's inputs.
PINNED = [2697779550, 2566719948, 1882699191]


@given(PARTS, PARTS)
def test_different_names_give_different_inputs(one, other):
    """Names that differ anywhere, also only in where one ends and the next begins, draw different numbers."""
    assert (_draw(KEY, *one) == _draw(KEY, *other)) is (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (("ab",), ("a", "b")),
        (("a", ""), ("a",)),
        (("", "a"), ("a", "")),
        (("UNQ_C1", "1"), ("UNQ_C11", "")),
        (("a\0\0\0\x01b",), ("a", "b")),
        ((), ("",)),
        (("\ud800",), ("?",)),
        (("é",), ("e\u0301",)),
    ],
)
def test_names_do_not_run_together(one, other):
    """Nobody can choose a name that makes their inputs those of another case."""
    assert _draw(KEY, *one) != _draw(KEY, *other)


def test_another_secret_gives_other_inputs():
    """Without the secret, knowing the names is of no use."""
    assert _draw(KEY, "ada") != _draw(KEY + b"0", "ada")


def test_generators_are_independent():
    """What is drawn from one generator does not move another."""
    one, other = secret.generator(KEY, "a"), secret.generator(KEY, "a")
    one.standard_normal(100)
    assert other.standard_normal(4).tolist() == _draw(KEY, "a")
    assert isinstance(one.bit_generator, np.random.PCG64)


def test_name_of_the_key():
    """The name that reports record is the same for the same secret, another for another, and no part of it."""
    name = secret.key_name(KEY)
    assert name == secret.key_name(KEY)
    assert name != secret.key_name(KEY + b"0")
    assert len(name) == 16
    assert name not in KEY.decode()
    assert KEY.decode() not in name
