"""Records the seeds: frames of a real graded submission, streams of real guests, notebooks of the demo class.

Run where the sandbox works, after a change of what travels or of what a notebook may be::

    python tests/fuzz/record.py

Everything comes from this course: hidden inputs are drawn with a key that is for tests only. Small files only; the
tests hold the whole to 300 kB.
"""

import contextlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT)]

import targets  # noqa: E402

from autograder import demo, variants  # noqa: E402
from autograder.course import Course  # noqa: E402
from autograder.grade import Grader  # noqa: E402
from autograder.reports import json_report  # noqa: E402
from autograder.sandbox import wire  # noqa: E402
from autograder.sandbox.connection import Guest  # noqa: E402
from autograder.sandbox.limits import Limits  # noqa: E402
from autograder.sandbox.session import CellToRun, Session  # noqa: E402

SEEDS = HERE / "seeds"
KEY = b"a key for recording, and only for recording"
FRAME_CAP = 9_000  # bytes of a frame that is kept
STREAM_CAP = 20_000

# What students do to a wire: every kind of value, and every kind of end.
_MANY_VALUES = """
def rnn_cell_forward(xt, a_prev, parameters):
    odd = [None, True, 1, -2.5, "text \\u00e9", 10**30, {1: 2}, object(), np.float32(1.5), np.int64(7), np.True_]
    arrays = [np.arange(6).reshape(2, 3).astype(t) for t in ("?", "i1", "u2", "i4", "u8", "f2", "f4", "c8", "c16")]
    return odd, arrays + [np.zeros((0, 3)), np.array(2.0), np.ones(2).view(np.matrix)], [parameters] * 3
"""
_ASKING = """
def rnn_forward(x, a0, parameters):
    caches, a = [], a0
    for t in range(x.shape[2]):
        a, y, cache = rnn_cell_forward(x[:, :, t], a, parameters=parameters)
        caches.append(cache)
    return a, y, (caches, x)
"""
_RAISING = """
def rnn_forward(x, a0, parameters):
    return undefined_name
"""
# Kept whole: the rest of a member's notebook says the same as that of every other.
_MEMBERS = ("ada", "xavier", "wanjiru", "bad-json", "bad-not-json", "bad-syntax", "evil-patch")


@contextlib.contextmanager
def recording(sent: list[bytes], received: list[bytes]) -> Iterator[None]:
    """Keep every frame that the host sends to a guest or takes from one meanwhile."""
    send, exactly = Guest.send, Guest._exactly

    def keep_sent(self: Guest, frame: bytes, *rest: Any) -> None:
        sent.append(frame)
        send(self, frame, *rest)

    def keep_received(self: Guest, size: int, *rest: Any) -> bytes:
        data = exactly(self, size, *rest)
        received.append(data)
        return data

    Guest.send, Guest._exactly = keep_sent, keep_received  # type: ignore[method-assign]
    try:
        yield
    finally:
        Guest.send, Guest._exactly = send, exactly  # type: ignore[method-assign]


def whole(pieces: list[bytes]) -> list[bytes]:
    """Return the frames that were read as prefix, header and body, one after the other."""
    return [b"".join(pieces[i : i + 3]) for i in range(0, len(pieces) - len(pieces) % 3, 3)]


def main() -> None:
    """Write all seeds anew."""
    shutil.rmtree(SEEDS, ignore_errors=True)
    course = Course.at(ROOT)
    solutions = demo.solutions(course)
    members = {member.student: member for member in demo.MEMBERS}
    with Grader(course, demo.ASSIGNMENT, KEY, Limits(cell_seconds=2, call_seconds=2)) as grader:
        _graded(grader, members, solutions)
        _streams(grader)
    _notebooks(members, solutions)
    _timestamps()
    total = sum(path.stat().st_size for path in SEEDS.rglob("*") if path.is_file())
    print(f"{sum(1 for path in SEEDS.rglob('*') if path.is_file())} seeds, {total} bytes")  # noqa: T201


def _write(folder: str, name: str, data: bytes) -> None:
    (SEEDS / folder).mkdir(parents=True, exist_ok=True)
    (SEEDS / folder / name).write_bytes(data)


def _graded(grader: Grader, members: dict[str, demo.Member], solutions: demo.Solutions) -> None:
    """Grade members of the demo class; keep their reports, and one small frame of each kind from each direction."""
    kept: set[tuple[Any, ...]] = set()
    for student in ("ada", "pilar", "sven", "bad-not-json"):
        sent: list[bytes] = []
        received: list[bytes] = []
        with recording(sent, received):
            report = grader.grade(demo.content(members[student], solutions), student)
        _write("reports", f"{student}.json", json_report.to_json(report).encode())
        for way, frames in (("to", sent), ("from", whole(received))):
            for number, frame in enumerate(frames):
                kind = (way, *_kind(frame))
                if kind not in kept and len(frame) <= FRAME_CAP:
                    kept.add(kind)
                    _write("frames", f"{student}-{way}-guest-{number:02}.frame", frame)
                    if "asks" in kind:
                        _write("calls", f"{student}-{number:02}.frame", frame)
    _write("reports", "grader-error.json", json_report.to_json(grader.grader_error("mei", "the disk is full")).encode())


def _kind(frame: bytes) -> tuple[Any, ...]:
    """Return what distinguishes a frame from others: its keys, and whether anything is wrong."""
    length, _ = wire.lengths(frame[: wire.PREFIX])
    message = json.loads(frame[wire.PREFIX : wire.PREFIX + length])
    return (*sorted(message), message.get("do"), message.get("function"), message.get("error") is None)


def _streams(grader: Grader) -> None:
    """Run the sessions that the target plays, with guests that are real, and keep what they sent."""
    cell, sequence = grader.assignment.exercises
    solved = {e: c.source for e, c in grader.reference.source.solutions.items()}
    for name, sources in {
        "solved": (solved["UNQ_C1"], solved["UNQ_C2"], "1 / 0"),
        "values": (_MANY_VALUES, _ASKING, "print('hello')"),
        "raising": (_MANY_VALUES, _RAISING, "x = 1"),
    }.items():
        cells = [CellToRun(c.index, s, c.binds) for c, s in zip(targets.CELLS, sources, strict=True)]
        pieces: list[bytes] = []
        with recording([], pieces), Session(grader._zygote, cells, grader.limits) as session:
            session.run_cells()
            for exercise, helper in ((cell, None), (sequence, None), (sequence, cell)):
                session.call_each(
                    exercise.function,
                    [targets.inputs(exercise)] * 2,
                    helper.function if helper else None,
                    targets.partial(targets.helped, helper) if helper else None,
                )
        frames = whole(pieces)[1:]  # the first says that the guest is ready, before there is a session
        stream = b"".join(frames)
        assert len(stream) <= STREAM_CAP, (name, len(stream))
        _write("streams", f"{name}.stream", b"\0\0" + stream)
        sizes: set[int] = set()
        for number, frame in enumerate(frames):
            if name == "values" and len(frame) <= FRAME_CAP and len(frame) not in sizes:
                sizes.add(len(frame))
                _write("frames", f"values-{number:02}.frame", frame)
                if "asks" in _kind(frame):
                    _write("calls", f"values-{number:02}.frame", frame)
    for control in (0x01, 0x0A, 0x0D, 0x34, 0x43):  # other manners of the shortest one: pieces, endings, output, pauses
        shortest = min((SEEDS / "streams").glob("*.stream"), key=lambda path: path.stat().st_size)
        _write("streams", f"{shortest.stem}-{control:02x}.played", bytes([control, 7]) + shortest.read_bytes()[2:])


def _notebooks(members: dict[str, demo.Member], solutions: demo.Solutions) -> None:
    for student in _MEMBERS:
        content = demo.content(members[student], solutions)
        if len(content) > 30_000:  # the prose between the cells is the same in all of them
            document = json.loads(content)
            document["cells"] = [c for c in document["cells"] if c["cell_type"] == "code"]
            content = variants.write(document)
        _write("notebooks", f"{student}.notebook", content)
    old = json.loads(demo.content(members["yael"], solutions))
    _write("notebooks", "yael.notebook", json.dumps(old).encode())
    plain = variants.without_metadata(solutions.mistaken(UNQ_C1="sigmoid-for-tanh"))
    plain["cells"] = [c for c in plain["cells"] if "def rnn" in variants.source_of(c)] + [{"cell_type": "markdown"}]
    _write("notebooks", "small.notebook", variants.write(plain))


def _timestamps() -> None:
    for name, written in {
        "nbgrader": "2024-10-01 12:30:00.000000 UTC",
        "offset": "2024-10-01 12:30:00 +02:00",
        "iso": "2024-10-01T12:30:00.5+05:30\n",
        "zone": "2024-10-01 12:30:00 Europe/Zurich",
        "first-year": "0001-01-01 00:00:00 +14:00",
    }.items():
        _write("timestamps", f"{name}.txt", written.encode())


if __name__ == "__main__":
    main()
