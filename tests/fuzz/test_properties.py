"""What holds for any value on the wire, and for any change of what was recorded; searched by Hypothesis."""

import json
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import allowed
import found
import mutate
import numpy as np
import peer
import pytest
import targets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder import notebook
from autograder.errors import SubmissionError
from autograder.sandbox import wire
from autograder.sandbox.limits import Deadline

FRAMES = list(found.seeds("frames").values())
NOTEBOOKS = list(found.seeds("notebooks").values())
TIMES = 64  # bytes of memory for each byte of a frame or notebook: a list in JSON is one of brackets only
ROOM = 1 << 20  # bytes of memory for the smallest

bounded = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
chances = st.randoms(use_true_random=False)


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """Load the assignment, and let everything that is imported late be imported, before anything is measured."""
    targets.course()
    for name, target in targets.TARGETS.items():
        if name != "helper":
            target.run(next(iter(found.seeds(target.seeds).values())))


# ----------------------------------------------------------------------------------------------------- what is watched

_watched: list[str] | None = None


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched is not None:
        _watched.append(f"open {arguments[0]}" if event == "open" else event)


sys.addaudithook(_note)  # it cannot be taken away again, so it looks at one name and goes


@contextmanager
def events() -> Iterator[list[str]]:
    """Collect what the interpreter tells auditors meanwhile: code compiled or run, files opened, processes started."""
    global _watched  # noqa: PLW0603
    _watched = seen = []
    try:
        yield seen
    finally:
        _watched = None


def peak(function: Callable[[], Any]) -> int:
    """Return how many bytes more than before a function held at any time."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        function()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


# ------------------------------------------------------------------------------------------ values arrive as they were

text = st.text(st.characters(exclude_categories=()), max_size=30)  # lone surrogates, too: students have them
dtypes = st.sampled_from(sorted(wire.DTYPES)).map(np.dtype)
either_order = st.tuples(dtypes, st.booleans()).map(lambda pair: pair[0].newbyteorder(">") if pair[1] else pair[0])


def _laid_out(array: np.ndarray[Any, Any], how: int) -> np.ndarray[Any, Any]:
    """Return an array of the same type laid out in memory in another way, or cut from it."""
    match how:
        case 1:
            return np.asfortranarray(array)
        case 2 if array.ndim:
            return array[::-1]
        case 3 if array.ndim:
            return array[::2]
        case 4:
            return array.T
        case 5 if array.ndim:
            return np.broadcast_to(array, (2, *array.shape))
        case _:
            return array


arrays = st.tuples(
    either_order.flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    ),
    st.integers(0, 5),
).map(lambda pair: _laid_out(*pair))
generics = dtypes.flatmap(lambda dtype: hnp.arrays(dtype, ()).map(lambda array: array[()]))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.sampled_from([2**63 - 1, -(2**63), 0])
    | st.floats()
    | text
    | st.builds(wire.Opaque, st.text("aZ_9", max_size=80), st.text("aZ .9", max_size=200))
)
values = st.recursive(
    scalars | arrays | generics,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(text, inner, max_size=4)
        | inner.map(lambda value: [value, {"again": value}, value])
    ),
    max_leaves=16,
)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same to the last bit, but for the order of an array's bytes in memory."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray | np.generic):
        little = one.dtype.newbyteorder("<") if one.dtype.str not in wire.DTYPES else one.dtype
        return (
            little.str == other.dtype.str
            and one.shape == other.shape
            and one.astype(little).tobytes() == other.tobytes()
        )
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, float):
        return one.hex() == other.hex()
    return bool(one == other)


def arrived(frame: bytes, name: str = "value", known: Any = ()) -> Any:
    """Return a value as it is read at the other end."""
    header, body, rest = mutate.parts(frame)
    assert not rest
    assert wire.lengths(frame[: wire.PREFIX]) == (len(header), len(body))
    return wire.unpack(header, body).value(name, known)


@bounded
@given(values)
def test_every_value_that_may_travel_arrives_as_it_was(value: Any) -> None:
    """With type, shape, dtype and every bit; read-only; and what arrives is what may arrive."""
    got = arrived(wire.pack({"n": 1}, value=value))
    allowed.check(got)
    assert same(value, got)
    again = arrived(wire.pack({"n": 1}, value=got))
    assert same(got, again)


@bounded
@given(values, st.lists(arrays, max_size=3))
def test_an_array_of_ones_own_comes_back_as_the_same_object(value: Any, own: list[np.ndarray[Any, Any]]) -> None:
    """An answer that names the asker's arrays is rebuilt around them."""
    frame, _ = wire.pack_listed({}, own, value=[value, own])
    got = arrived(frame, known=own)
    allowed.check(got, own)
    assert same(value, got[0])
    assert all(theirs is mine for theirs, mine in zip(got[1], own, strict=True))


# ------------------------------------------------------------------------------------------------------- changed frames


@settings(bounded, max_examples=400)
@given(st.sampled_from(FRAMES), chances)
def test_a_changed_frame_is_refused_or_holds_only_what_may_travel(frame: bytes, rng: random.Random) -> None:
    """Bits, lengths, JSON, splices: a `WireError`, or base arrays, numbers, strings and containers of them."""
    targets.wire_frame(mutate.mutated("frames", frame, FRAMES, rng, 1 << 16))


@settings(bounded, max_examples=120)
@given(st.sampled_from(FRAMES), chances)
def test_a_changed_frame_takes_memory_in_proportion(frame: bytes, rng: random.Random) -> None:
    """A small frame cannot become a large value."""
    changed = mutate.mutated("frames", frame, FRAMES, rng, 1 << 17)
    assert peak(lambda: targets.wire_frame(changed)) < TIMES * len(changed) + ROOM


@settings(bounded, max_examples=200)
@given(st.sampled_from(FRAMES), chances)
def test_reading_a_frame_runs_nothing(frame: bytes, rng: random.Random) -> None:
    """No code is compiled, imported or run, no file opened, nothing looked up by name."""
    header, body, _ = mutate.parts(mutate.mutated("frames", frame, FRAMES, rng, 1 << 16))
    with events() as seen:
        try:
            read = wire.unpack(header, body)
            for name in read.message:
                read.value(name)
        except wire.WireError:
            pass
    assert not seen


def test_running_something_would_be_seen() -> None:
    """The watch sees what it is there for."""
    with events() as seen:
        eval("1 + 1")  # noqa: S307
    assert {"compile", "exec"} <= set(seen)


@settings(bounded, max_examples=60)
@given(chances, st.integers(0, 255), st.integers(0, 255))
def test_a_stream_ends_in_frames_or_in_a_named_death(rng: random.Random, first: int, second: int) -> None:
    """However it is cut into pieces, and however the guest ends: in time, and with no other exception."""
    pool = list(found.seeds("streams").values())
    stream = mutate.mutated("streams", rng.choice(pool), pool, rng, 1 << 15)
    targets.reader(bytes([first, second]) + stream[peer.CONTROL :])


@settings(bounded, max_examples=40)
@given(st.lists(values, min_size=1, max_size=4), st.integers(0, 3), st.integers(0, 255))
def test_frames_arrive_whole_in_whatever_pieces_they_are_sent(sent: list[Any], pieces: int, seed: int) -> None:
    """The borders of packets mean nothing."""
    stream = b"".join(wire.pack({"n": n}, value=value) for n, value in enumerate(sent))
    with peer.Peer(stream, peer.Manner(pieces, 0, 0, pauses=False, seed=seed), targets.LIMITS) as playing:
        for number, value in enumerate(sent):
            frame = playing.guest.receive(Deadline(time.monotonic() + 20, "reading"))
            assert frame.message["n"] == number
            assert same(value, frame.value("value"))


# ---------------------------------------------------------------------------------------------------- changed notebooks


@settings(bounded, max_examples=150)
@given(st.sampled_from(NOTEBOOKS), chances)
def test_a_changed_notebook_is_one_or_is_refused_with_a_sentence(content: bytes, rng: random.Random) -> None:
    """And the answers in it are found, whatever the code in it has become."""
    targets.notebook_answers(mutate.mutated("notebooks", content, NOTEBOOKS, rng, 1 << 17))


@settings(bounded, max_examples=60)
@given(st.sampled_from(NOTEBOOKS), chances)
def test_a_changed_notebook_takes_memory_in_proportion(content: bytes, rng: random.Random) -> None:
    """Where it is no JSON, it may be parsed as Python; that is capped, and dearer."""
    changed = mutate.mutated("notebooks", content, NOTEBOOKS, rng, 1 << 17)
    python = 2_000 * min(len(changed), notebook.PARSE_CAP) if not _is_json(changed) else 0
    assert peak(lambda: targets.notebook_bytes(changed)) < TIMES * len(changed) + python + ROOM


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


@settings(bounded, max_examples=80)
@given(st.sampled_from(NOTEBOOKS), chances)
def test_reading_a_notebook_runs_nothing(content: bytes, rng: random.Random) -> None:
    """Python in it may be parsed (auditors call that compiling); nothing is run, imported or opened.

    Where it does not parse, Python itself looks for a file of the source's name, to quote the line: there is none.
    """
    assignment, reference = targets.course()
    changed = mutate.mutated("notebooks", content, NOTEBOOKS, rng, 1 << 16)
    with events() as seen:
        try:
            read = notebook.parse(changed)
            targets.answers.find(read, assignment, reference.source)
        except SubmissionError:
            pass
    assert set(seen) <= {"compile", "open <unknown>"}


# ----------------------------------------------------------------------------------------------------------- the others


@settings(bounded, max_examples=150)
@given(st.sampled_from(["timestamp", "report"]), chances)
def test_changed_times_and_reports_are_read_or_refused(name: str, rng: random.Random) -> None:
    """A timestamp is a time or none; a report is written again as the same, or refused with a sentence."""
    target = targets.TARGETS[name]
    pool = list(found.seeds(target.seeds).values())
    target.run(mutate.mutated(target.seeds, rng.choice(pool), pool, rng, target.longest))


@settings(bounded, max_examples=100)
@given(st.text(st.characters(exclude_categories=()), max_size=60), st.binary(max_size=120))
def test_any_text_is_a_time_or_none_and_any_name_a_folder(written: str, name: bytes) -> None:
    """Not only what was recorded and changed."""
    targets.timestamp(written.encode("utf-8", "surrogatepass"))
    targets.timestamp(name)
