"""What nobody expected is told without a word of a student's, and its traceback stands in a log that cannot act."""

import os
import pickle

import pytest

from autograder import failures, reference
from autograder.errors import GraderError, UsageError
from autograder.failures import LOG, Failure, Problems

WORDS = "words of a \x1b[31mstudent\u202e\nTraceback (ours)"


class _ForeignError(Exception):
    """An exception of somebody else's."""


def _caught(error):
    try:
        raise error
    except type(error) as caught:
        return caught


def test_the_cause_is_a_type_and_a_place_of_ours():
    """Neither an exception's text nor a type that is neither Python's nor ours is told; our own line is."""
    with pytest.raises(UsageError) as caught:
        reference.edited("a", type("M", (), {"id": WORDS, "edits": ((WORDS, ""),)})(), WORDS)
    assert failures.cause(caught.value).startswith("UsageError at autograder.reference:")
    assert failures.cause(_caught(KeyError(WORDS))) == "KeyError"
    assert failures.cause(_caught(_ForeignError(WORDS))) == "an exception"


def test_a_failure_travels():
    """A worker sends it to the coordinator."""
    failure = Failure.of("the page could not be made", _caught(KeyError(WORDS)))
    assert pickle.loads(pickle.dumps(failure)) == failure  # noqa: S301  ours


def test_the_log_shows_a_traceback_as_quoted_ascii(tmp_path):
    """Every line of a traceback bears a mark, escapes and other scripts are escaped, and a sentence names the log."""
    problems = Problems(tmp_path / "out" / LOG)
    assert problems.lines() == ()
    problems.add_failure("pages", "rnn/ada", Failure.of("the page could not be made", _caught(KeyError(WORDS))))
    with problems.fence("pages", "rnn/bob", "the page could not be made"):
        raise RuntimeError(WORDS)
    text = (tmp_path / "out" / LOG).read_bytes()
    assert text.isascii()
    assert b"\x1b" not in text
    first, *rest = text.decode().splitlines()
    assert first.endswith("UTC rnn/ada: the page could not be made (KeyError).")
    assert rest[0] == "  | Traceback (most recent call last):"
    assert sum(not line.startswith("  | ") for line in rest) == 1
    assert "  | Traceback (ours)" in rest
    *told, last = problems.lines()
    assert len(told) == 2
    assert str(tmp_path / "out" / LOG) in last
    assert "student" not in "".join(problems.lines())


def _deep(count):
    return _deeper(count) + 1


def _deeper(count):
    return _deep(count) + 1


def _long(count):
    raise KeyError("x" * count)


@pytest.mark.parametrize("fail", [_deep, _long])
def test_a_traceback_is_bounded(fail):
    """Five megabytes of text, or a thousand frames, are a few kilobytes of log."""
    with pytest.raises((KeyError, RecursionError)) as caught:
        fail(5_000_000)
    assert len(Failure.of("it", caught.value).trace) < 30_000


def test_an_exception_that_cannot_be_shown_is_still_one(monkeypatch):
    """Where the traceback itself cannot be made, the type is left."""
    monkeypatch.setattr(failures.traceback, "format_exception", lambda _: 1 / 0)
    assert "KeyError" in Failure.of("it", _caught(KeyError())).trace


def test_the_log_is_bounded(tmp_path, monkeypatch):
    """A run writes so many tracebacks, and a log that has grown large is begun anew."""
    log = tmp_path / LOG
    monkeypatch.setattr(failures, "_LOGGED", 3)
    monkeypatch.setattr(failures, "_LOG_CAP", 1000)
    log.write_text("x" * 2000)
    problems = Problems(log)
    for number in range(9):
        problems.add_failure("pages", f"s{number}", Failure("it", "KeyError", "trace"))
    assert log.read_text().count("trace") == 3
    assert "x" * 10 not in log.read_text()
    assert "Likewise 6 more pages." in problems.lines()
    Problems(log).add_failure("pages", "again", Failure("it", "KeyError", "trace"))
    assert log.read_text().count("trace") == 4


def test_a_log_that_cannot_be_written_ends_nothing(tmp_path):
    """A link in its place is not followed, and it is said that there is no log."""
    (tmp_path / LOG).symlink_to(tmp_path / "elsewhere")
    problems = Problems(tmp_path / LOG)
    problems.add_failure("pages", "ada", Failure("it", "KeyError", "trace"))
    assert not os.path.lexists(tmp_path / "elsewhere")
    assert "could not be written to" in problems.lines()[-1]


def test_a_fence_lets_through_what_ends_a_run():
    """Wrong usage, and a reader who has gone; what is known to go wrong with one submission is a sentence."""
    problems = Problems(None)
    for error in (UsageError("no"), BrokenPipeError()):
        with pytest.raises(type(error)), problems.fence("kind", "ada", "it failed"):
            raise error
    with problems.fence("kind", "ada", "it failed"):
        raise GraderError("The disk is full.")
    with problems.fence("kind", "ada", "it failed"):
        raise PermissionError(13, "Permission denied", WORDS)
    assert problems.lines() == ("The disk is full.", "ada: it failed (Permission denied).")
