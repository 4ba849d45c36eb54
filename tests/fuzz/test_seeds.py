"""The targets hold for what was recorded, for what was found once, and for a short run of changes; and can fail."""

import contextlib
import json
import random
import re
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any, Self

import allowed
import found
import mutate
import numpy as np
import peer
import pytest
import targets

from autograder.model import Outcome
from autograder.reports import page
from autograder.sandbox import wire
from autograder.sandbox.session import Session

SEEDS_CAP = 300_000  # bytes of all seeds together
MEMORY_CAP = 64 << 20  # bytes that any of the small inputs here may take
SHORT = 1.0  # seconds of fuzzing of each target

EACH_SEED = [
    pytest.param(name, data, id=f"{name}-{file}")
    for name, target in targets.TARGETS.items()
    for file, data in found.seeds(target.seeds).items()
]
EACH_KEPT = [
    pytest.param(name, data, id=file.removesuffix(".bin"))
    for name in targets.TARGETS
    for file, data in found.kept(name).items()
]


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """Load the assignment before anything is measured."""
    targets.course()


@pytest.mark.parametrize(("name", "data"), EACH_SEED)
def test_what_was_recorded_keeps_the_promises(name: str, data: bytes) -> None:
    """Each target takes each of its seeds."""
    targets.TARGETS[name].run(data)


@pytest.mark.parametrize(("name", "data"), EACH_KEPT)
def test_what_was_found_once_is_not_found_again(name: str, data: bytes) -> None:
    """What broke a promise once keeps it now, and takes little memory."""
    tracemalloc.start()
    try:
        targets.TARGETS[name].run(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_CAP


def test_every_kept_input_belongs_to_a_target() -> None:
    """None of them is passed over because of its name."""
    assert {path.name for path in found.KEPT.iterdir()} == {n for t in targets.TARGETS for n in found.kept(t)}


def test_the_seeds_are_small() -> None:
    """They are in everybody's clone."""
    assert sum(path.stat().st_size for path in found.SEEDS.rglob("*") if path.is_file()) < SEEDS_CAP


def test_the_recorded_streams_are_played_to_their_end() -> None:
    """A real guest's frames still make a whole session: else the changed ones would test only how a guest dies."""
    streams = found.seeds("streams")
    assert targets.played(streams["solved.stream"]) == [""] * 6
    values = targets.played(streams["values.stream"])
    assert len(values) == 6
    assert not set(values) & {*Outcome, ""}
    assert Outcome.RAISED in targets.played(streams["raising.stream"])


def test_the_recorded_frames_hold_values_and_questions() -> None:
    """Frames of both directions, with arrays, opaque values, faults, cells, calls, questions and answers."""
    messages = [wire.unpack(*mutate.parts(data)[:2]) for data in found.seeds("frames").values()]
    keys = {key for frame in messages for key in frame.message}
    assert {"do", "cells", "cases", "asks", "arguments", "value", "raised", "missing", "ready"} <= keys
    dtypes = {array.dtype.str for frame in messages for array in frame.arrays}
    assert {"|b1", "|i1", "<i8", "<f2", "<f4", "<f8", "<c16"} <= dtypes
    assert any('"o"' in json.dumps(frame.message) for frame in messages)


@pytest.mark.parametrize("name", targets.TARGETS)
def test_a_short_run_of_changes_finds_nothing(name: str) -> None:
    """Always the same changes, for about a second; `make fuzz` goes on."""
    target = targets.TARGETS[name]
    pool = list(found.seeds(target.seeds).values())
    rng = random.Random(3)  # noqa: S311
    end = time.monotonic() + SHORT
    while time.monotonic() < end:
        data = mutate.mutated(target.seeds, rng.choice(pool), pool, rng, target.longest)
        try:
            target.run(data)
        except Exception as error:
            error.add_note(f"the input: {data[:2000]!r}")
            raise


def test_a_changed_input_can_be_made_again() -> None:
    """The same chances give the same change: what a run says it tried can be tried again."""
    for kind in {target.seeds for target in targets.TARGETS.values()}:
        pool = list(found.seeds(kind).values())
        once, again = (mutate.mutated(kind, pool[0], pool, random.Random(7)) for _ in range(2))  # noqa: S311
        assert once == again


# --------------------------------------------------------------------------------------------- the targets can fail


class _Array(np.ndarray):  # type: ignore[type-arg]
    """A subclass."""


class _Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(2),
        np.zeros(2).view(_Array),
        np.array([object()]),
        np.array(["2020"], dtype="M8[D]"),
        np.longdouble(1),
        _Text("x"),
        {1: 2},
        {"a": [_Text("x")]},
        object(),
        b"bytes",
        1j,
        1 << 63,
        "x" * (wire.TEXT_CAP + 1),
        wire.Opaque("\u202e", ""),
        [lambda: 0],
        list(range(300, 300 + allowed.VALUES_CAP + 1)),
        np.frombuffer(b"\2", dtype="|b1"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_wire_never_carries_is_complained_of(value: Any) -> None:
    """The walk over a decoded value sees what does not belong there."""
    with pytest.raises(AssertionError):
        allowed.check([value])


def test_a_value_that_is_shared_without_end_is_walked_once() -> None:
    """A small frame may stand for a tree of 2**1000 leaves; the walk, and the grader's own, take it as it is stored."""
    chain = [["d", []], *(["d", [["a", ["r", i]], ["b", ["r", i]]]] for i in range(1000))]
    value = wire.unpack(json.dumps({"arrays": [], "value": ["l", chain]}).encode(), b"").value("value")
    allowed.check(value)
    assert len(value) == 1001


def test_a_target_that_takes_too_long_is_complained_of() -> None:
    """Time is one of the promises."""

    def work() -> None:
        end = time.thread_time() + 0.1
        with targets.bounded(cpu=0.05):
            while time.thread_time() < end:
                pass

    with pytest.raises(targets.TooSlowError):
        work()


def test_a_failure_behind_the_fence_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """What costs a submission one artefact in a class is what the recorder's target looks for."""
    seed = found.seeds("notebooks")["small.notebook"]
    targets.recorder(seed)
    with monkeypatch.context() as patch:
        patch.setattr(page, "render", lambda *_: 1 / 0)
        with pytest.raises(AssertionError, match="ZeroDivisionError"):
            targets.recorder(seed)
    targets.recorder(seed)


def test_findings_are_written_down_once_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run goes on after a finding; the same one is not kept twice."""
    monkeypatch.setattr(found, "FOUND", tmp_path / "found")

    def broken(data: bytes) -> None:
        if data:
            raise KeyError(data)

    findings = found.Findings("wire")
    assert [findings.run(broken, data) for data in (b"a", b"", b"b")] == [False, True, False]
    assert list(findings.counts.values()) == [2]
    assert [path.read_bytes() for path in (tmp_path / "found").glob("*.bin")] == [b"a"]
    assert "KeyError" in next((tmp_path / "found").glob("*.txt")).read_text()


# ------------------------------------------------------------------------------------------------- the reader's time


class _Flooding(peer.Peer):
    """A guest that asks the same again and again, and reads every answer: nobody ever waits for anything."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._drain, daemon=True).start()
        self._status.shutdown(socket.SHUT_WR)
        return super().__enter__()

    def _pieces(self) -> Any:
        while True:
            yield self._stream

    def _drain(self) -> None:
        with contextlib.suppress(OSError):
            while self._channel.recv(1 << 16):
                pass


@pytest.mark.parametrize("size", [3, 200], ids=["small", "large"])
def test_questions_without_a_pause_are_stopped_by_the_deadline(size: int) -> None:
    """The next one is always there already, so nobody waits, and nobody looks at the clock while waiting."""
    cell, sequence = targets.course()[0].exercises
    asks = wire.pack({"n": 1, "asks": cell.function}, arguments=((np.zeros((size, size)), 0, 0), {}))
    stream = asks * (50_000 // len(asks) + 1)
    limits = targets.LIMITS
    with _Flooding(stream, peer.Manner(3, 2, 0, pauses=False, seed=0), limits) as flooding:
        nowhere: Any = None
        running = Session(nowhere, (), limits)
        with running:
            running._guest = flooding.guest
            started = time.monotonic()
            answer = running.call(sequence.function, (), cell.function, lambda *_: 0)
        assert answer.outcome is Outcome.TIMED_OUT
        assert time.monotonic() < started + 2


def test_an_announced_frame_takes_no_memory_before_it_comes() -> None:
    """Sixty-four megabytes are announced, a few bytes are sent."""
    stream = (100).to_bytes(4) + wire.BODY_CAP.to_bytes(4) + b'{"arrays":[["<f8",[8388608]]]}'.ljust(100) + b"x" * 1000
    tracemalloc.start()
    try:
        targets.reader(b"\0\0" + stream)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


# ---------------------------------------------------------------------------------------------------- too large to keep


@pytest.mark.parametrize(
    "unit", [b"[],", b'{"":0},', b"[" * 900 + b"]" * 900 + b",", b"1,"], ids=["lists", "dicts", "deep", "ints"]
)
def test_a_header_of_values_by_the_million_is_refused_before_it_is_parsed(unit: bytes) -> None:
    """Eight megabytes of brackets took 360 megabytes; now they are counted first."""
    before, after = b'{"arrays":[],"value":[', b"0]}"
    header = before + unit * ((wire.HEADER_CAP - 100) // len(unit)) + after
    tracemalloc.start()
    try:
        with pytest.raises(wire.WireError):
            wire.unpack(header, b"")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_text_full_of_commas_arrives_as_its_name() -> None:
    """The reader counts commas before it knows that they are in strings; the writer knows that it does."""
    value = ["," * wire.TEXT_CAP] * (wire.MARKS_CAP // wire.TEXT_CAP + 1)
    header, body, _ = mutate.parts(wire.pack({"n": 1}, value=value))
    assert isinstance(wire.unpack(header, body).value("value"), wire.Opaque)


def test_the_largest_notebook_that_is_read_fits_into_a_frame() -> None:
    """Half a million emoji in a comment: refused with a sentence, or sent; never a frame that no guest takes."""
    for count in (200_000, 500_000, 700_000, 1_000_000):
        text = "# " + "\U0001f600" * count
        read = targets.parsed(json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": text}]}).encode())
        if read is not None:
            frame = wire.pack({"cells": [{"source": cell.source} for cell in read.cells]})
            wire.lengths(frame[: wire.PREFIX])
    assert read is None


def test_code_is_parsed_up_to_a_cap() -> None:
    """A megabyte of one-letter f-strings in sixteen cells took the host twelve seconds to parse."""
    cells = [{"cell_type": "code", "source": "rnn_forward = f'" + "{a}" * 21_000 + "'"}] * 16
    read = targets.parsed(json.dumps({"nbformat": 4, "cells": cells}).encode())
    assert read is not None
    assignment, reference = targets.course()
    with targets.bounded(cpu=6):
        found_answers = targets.answers.find(read, assignment, reference.source)
    assert len(found_answers.cells) == 16


# ------------------------------------------------------------------------------------------------------- the runners


def _run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(found.HERE / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_runner_without_coverage_says_so() -> None:
    """`make fuzz` falls back to it where atheris is missing, and nobody is to take it for more than it is."""
    ran = _run("run_plain.py", "timestamp", "--seconds", "0.5")
    assert ran.stdout.startswith("WITHOUT COVERAGE")
    assert "nothing found" in ran.stdout
    assert ran.returncode == 0


@pytest.mark.slow
def test_coverage_guided_fuzzing_finds_nothing_in_a_few_seconds() -> None:
    """A bounded run of what `make fuzz` does for long: of the two targets that hostile bytes reach first."""
    pytest.importorskip(
        "atheris",
        reason="NOT FUZZED WITH COVERAGE: atheris is not installed (make setup-ci); "
        "only seeds and random changes were tried",
    )
    ran = _run("run_atheris.py", "wire", "notebook", "--seconds", "6")
    for name in ("wire", "notebook"):
        said = re.search(rf"^{name}: (\d+) inputs .*; (.*)$", ran.stdout, re.MULTILINE)
        assert said, ran.stdout + ran.stderr
        assert int(said[1]) > len(found.seeds(targets.TARGETS[name].seeds)), "it did not get beyond the seeds"
        assert said[2] == "nothing found", ran.stdout + ran.stderr
    assert ran.returncode == 0
