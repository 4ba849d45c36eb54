"""What is fuzzed: functions from hostile bytes that return nothing, and raise where a promise is broken.

A refusal that a target expects (`WireError`, `GuestDiedError`, `SubmissionError`, `UsageError`) is no finding; every
other exception is, and so is a value that is not what was promised, and taking too long.
"""

import contextlib
import json
import math
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import allowed
import nbformat
import numpy as np
from peer import CONTROL, Manner, Peer

from autograder import answers, exporting, helping, intake, loading, notebook, run
from autograder.course import Course
from autograder.errors import GraderError, SubmissionError, UsageError
from autograder.explain import explain, line_of
from autograder.grade import Grader
from autograder.intake import Submitted
from autograder.judging import judge, protected
from autograder.model import (
    Assignment,
    CheckResult,
    Exercise,
    ExerciseResult,
    Observation,
    Outcome,
    Provenance,
    Report,
    Status,
)
from autograder.nbgrader_folders import Folders
from autograder.recording import Recorder
from autograder.reference import Reference
from autograder.reports import json_report, text
from autograder.reports.formats import FORMATS
from autograder.results import Results
from autograder.sandbox import wire
from autograder.sandbox.connection import GuestDiedError
from autograder.sandbox.limits import Deadline, Limits
from autograder.sandbox.session import Answer, CellToRun, HelperRefusedError, Session

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT = "rnn_step_by_step"
LIMITS = Limits(cell_seconds=0.03, call_seconds=0.03, submission_seconds=0.2, guests=2, output=1024)
SLACK = 4.0  # wall-clock seconds over a limit: the machine is shared, and fuzzing is nice to it
CPU_CAP = 3.0  # processor seconds that reading some hundred kilobytes may take, with instrumentation
_FRAMES = 50  # that a reader takes from one stream
_KNOWN = (np.arange(6.0).reshape(2, 3), np.array(1.5), np.ones(4, np.float32))
for _array in _KNOWN:
    _array.flags.writeable = False
CELLS = (
    CellToRun(0, "# as recorded", ("rnn_cell_forward",)),
    CellToRun(1, "# as recorded", ("rnn_forward",)),
    CellToRun(2, "# as recorded", ()),
)


class TooSlowError(AssertionError):
    """A promise of bounded time that was broken."""


@contextlib.contextmanager
def bounded(cpu: float = CPU_CAP) -> Iterator[None]:
    """Complain if what is done inside takes more processor time than that."""
    started = time.thread_time()
    yield
    taken = time.thread_time() - started
    if taken > cpu:
        raise TooSlowError(f"{taken:.1f} s of processor time")


@cache
def course() -> tuple[Assignment, Reference]:
    """Return the assignment of this course that everything is recorded from, and its reference."""
    return loading.load(Course.at(ROOT), ASSIGNMENT)


# -------------------------------------------------------------------------------------------------------- the wire


def wire_frame(data: bytes) -> None:
    """Read a frame, and every value in it, with and without arrays that are known before."""
    for header, body in _split(data):
        with contextlib.suppress(wire.WireError), bounded():
            read_values(wire.unpack(header, body))


def _split(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield header and body as the lengths have it, and once more with whatever there is behind the header."""
    if len(data) < wire.PREFIX:
        return
    try:
        header, body = wire.lengths(data[: wire.PREFIX])
    except wire.WireError:
        return
    rest = data[wire.PREFIX :]
    yield rest[:header], rest[header : header + body]
    if len(rest) != header + body:
        yield rest[:header], rest[header:]


def read_values(frame: wire.Frame) -> int:
    """Decode whatever a frame holds, check it, and return how many values were accepted."""
    assert type(frame.message) is dict
    allowed.check(frame.arrays)
    accepted = 0
    for name in [*frame.message, "value", "arguments", "cases"]:
        for known in ((), _KNOWN):
            with contextlib.suppress(wire.WireError):
                value = frame.value(name, known)
                allowed.check(value, known)
                assert allowed.weight(value) <= wire.BODY_CAP + sum(a.nbytes for a in _KNOWN)
                accepted += 1
    return accepted


# ------------------------------------------------------------------------------------------- the connection's reader


def reader(data: bytes) -> None:
    """Let a hostile guest send a stream: frames, then an end that is named, and all of it within the limit."""
    with Peer(data[CONTROL:], Manner.of(data), LIMITS) as peer:
        started = time.monotonic()
        deadline = started + LIMITS.call_seconds
        try:
            for _ in range(_FRAMES):
                frame = peer.guest.receive(Deadline(deadline, "fuzzing"))
                read_values(frame)
        except GuestDiedError as death:
            reason = death.reason
        else:
            reason = ""
        assert reason.isascii()
        over = time.monotonic() - deadline
        if over > SLACK:
            raise TooSlowError(f"a stream of {len(data)} bytes was read {over:.1f} s past its deadline")


class _Zygote:
    """Gives guests that all play the same stream."""

    def __init__(self, data: bytes, stack: contextlib.ExitStack) -> None:
        self._data, self._stack = data, stack

    def guest(self, limits: Limits) -> Any:
        return self._stack.enter_context(Peer(self._data[CONTROL:], Manner.of(self._data), limits)).guest


def session(data: bytes) -> None:
    """Let a hostile guest answer a whole session."""
    played(data)


def played(data: bytes) -> list[str]:
    """Play a session: cells, calls, questions to the helper, and what is made of it; return what each call came to."""
    assignment, reference = course()
    cell, sequence = assignment.exercises
    verdicts: list[str] = []
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        zygote: Any = _Zygote(data, stack)
        with Session(zygote, CELLS, LIMITS) as running:
            running.run_cells()
            for exercise, helper in ((cell, None), (sequence, None), (sequence, cell)):
                answer = partial(helped, helper) if helper else None
                given = running.call_each(
                    exercise.function, [inputs(exercise)] * 2, helper.function if helper else None, answer
                )
                assert 1 <= len(given) <= 2
                verdicts += [_judge(exercise, reference, returned) for returned in given]
    over = time.monotonic() - started - LIMITS.submission_seconds
    if over > SLACK:
        raise TooSlowError(f"a session took {over:.1f} s longer than its submission may")
    return verdicts


def _judge(exercise: Exercise, reference: Reference, returned: Answer) -> str:
    """Make of an answer what the grader makes of it: an outcome, the first problem, or nothing where all is right."""
    if returned.fault is not None:
        sources = {cell.index: cell.source for cell in CELLS}
        assert type(explain(returned.fault, sources)) is str
        assert type(line_of(returned.fault, sources)) is str
    if returned.outcome is not None:
        assert returned.reason.isascii()
        return str(returned.outcome)
    allowed.check(returned.value)
    expected = reference.functions[exercise.function](*inputs(exercise))
    seen = Observation("fuzzed", inputs(exercise), returned.value)
    problems = [judge(exercise, expected, seen, check).problem for check in exercise.checks]
    for problem in problems:
        assert type(problem) is str
        assert len(problem) < 500
        assert problem.isascii()
    return next(filter(None, problems), "")


@cache
def inputs(exercise: Exercise) -> tuple[Any, ...]:
    """Return the inputs that a fuzzed session calls with: small, so that recorded frames are."""
    drawn = np.random.default_rng(1)
    n_x, n_a, n_y, m, steps = 2, 3, 2, 2, 3
    shapes = {"Wax": (n_a, n_x), "Waa": (n_a, n_a), "Wya": (n_y, n_a), "ba": (n_a, 1), "by": (n_y, 1)}
    parameters = {name: drawn.standard_normal(shape) for name, shape in shapes.items()}
    x = drawn.standard_normal((n_x, m) if exercise.helper is None else (n_x, m, steps))
    return protected((x, drawn.standard_normal((n_a, m)), parameters))


def helped(helper: Exercise, /, *args: Any, **kwargs: Any) -> Any:
    """Answer a call of the helper as the grader does."""
    with bounded():
        return helping.call(helper, course()[1].functions[helper.function], args, kwargs)


def helper(data: bytes) -> None:
    """Hand the host's helper whatever arguments a frame holds."""
    for header, body in _split(data):
        try:
            frame = wire.unpack(header, body)
            match frame.value("arguments"):
                case [list() | tuple() as args, dict() as kwargs]:
                    answer = helped(course()[0].exercises[0], *args, **kwargs)
                    packed, _ = wire.pack_listed({}, frame.arrays, value=answer)
                    assert len(packed) <= wire.HEADER_CAP + wire.BODY_CAP + wire.PREFIX
        except (wire.WireError, HelperRefusedError):
            continue


# ---------------------------------------------------------------------------------------------------- the notebook


def parsed(data: bytes) -> notebook.Notebook | None:
    """Return the notebook in these bytes, checked; None where it is refused with a sentence."""
    with bounded():
        try:
            read = notebook.parse(data)
        except SubmissionError as refusal:
            sentence = str(refusal)
            assert sentence.endswith(".")
            assert sentence.isprintable()
            assert len(sentence) < 400
            return None
    assert len(read.sha256) == 64
    assert len(read.cells) <= notebook.CELLS_CAP
    assert all(a.index < b.index for a, b in zip(read.cells, read.cells[1:], strict=False))
    assert all(type(note) is str and note.isprintable() for note in read.notes)
    for cell in read.cells:
        for part in (cell.source, cell.grade_id, cell.text):
            assert type(part) is str
            assert "\r" not in part
            part.encode()  # nothing that UTF-8 cannot write
        assert type(cell.locked) is bool
        assert type(cell.points) is float
        assert 0 <= cell.points < math.inf
    return read


def notebook_bytes(data: bytes) -> None:
    """Read a notebook: it is one, or it is refused with a sentence for the student."""
    parsed(data)


def notebook_answers(data: bytes) -> None:
    """Find the answers in whatever is a notebook."""
    assignment, reference = course()
    read = parsed(data)
    if read is None:
        return
    with bounded():
        found = answers.find(read, assignment, reference.source)
    own = {cell.index for cell in read.cells}
    assert found.found.keys() <= {exercise.id for exercise in assignment.exercises}
    assert all(cell.index in own for cell in (*found.cells, *found.found.values()))
    assert {cell.index for cell in found.found.values()} <= {cell.index for cell in found.cells}
    assert all(type(note) is str and note.isprintable() for note in found.notes)


# ---------------------------------------------------------------------------------------------------- the recorder


class _Fabricating(Grader):
    """A grader whose answers are made up: what is fuzzed is the host, and guests would take most of the time."""

    def __init__(self) -> None:
        self.assignment, self.reference = course()
        self.limits = Limits()
        self.failures = ()
        self._zygote = None
        self.provenance = Provenance("0", "feed", "", "key", "namespaces", "3.11", "2.0")

    def grade(self, content: bytes, student: str, standing: Any = ()) -> Report:  # noqa: ARG002
        try:
            read = notebook.parse(content)
        except SubmissionError as error:
            return self.rejected(student, str(error), notebook.digest(content))
        found = answers.find(read, self.assignment, self.reference.source)
        results = tuple(self._result(exercise, found.found.get(exercise.id)) for exercise in self.assignment.exercises)
        return Report(
            assignment=self.assignment.name,
            student=student,
            status=Status.GRADED,
            score=sum(result.score for result in results),
            max_score=self.max_score,
            exercises=results,
            provenance=self._origin(read.sha256),
            notes=(*found.notes, *answers.lost(read, self.assignment, self.reference.source, found)),
        )

    def _result(self, exercise: Exercise, cell: Any) -> ExerciseResult:
        """Return a result that quotes the student, as real ones do."""
        return ExerciseResult(
            id=exercise.id,
            function=exercise.function,
            score=0.0 if cell is None else 1.0,
            max_score=self.reference.source.points[exercise.id],
            outcome=Outcome.MISSING if cell is None else Outcome.RAISED,
            checks=tuple(CheckResult(check.name, passed=False, weight=check.weight) for check in exercise.checks),
            feedback="" if cell is None else text.visible(cell.source[-200:]),
            line="" if cell is None else cell.text[:200],
            cell=-1 if cell is None else cell.index,
        )

    def close(self) -> None:
        """There is nothing to end."""


class _Class:
    """A class of six neighbours, recorded once, in a course with nbgrader's folders and without a gradebook."""

    def __init__(self) -> None:
        self._root = Path(_folder().name) / "course"
        for part in ("source", "release"):
            path = self._root / part / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
            path.parent.mkdir(parents=True)
            path.write_bytes((ROOT / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes())
        self._setting = run.Setting(Course(self._root), b"", Limits(), autograded=True)
        self._neighbours = [f"n{number}" for number in range(6)]
        for student in self._neighbours:
            self._hand_in(student, (ROOT / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes())
        self._record(self._neighbours, (), list(FORMATS))
        self._before = self._files()
        assert len(self._before) == 6 * 5  # report, page, notebook, its page, and Gradescope's

    def _hand_in(self, student: str, content: bytes) -> None:
        path = self._submitted(student).path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def _submitted(self, student: str) -> Submitted:
        path = self._root / "submitted" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        return Submitted(student, ASSIGNMENT, path, f"{ASSIGNMENT}/{student}")

    def _record(self, students: Iterable[str], kept: Iterable[str], formats: Sequence[str] = ()) -> None:
        """Record students who are graded and those whose reports hold; write exports only where some are asked for."""
        run._graders[self._setting, ASSIGNMENT] = _Fabricating()  # which is closed after a failure, as real ones are
        try:
            self._recorded(students, kept, formats)
        finally:  # whoever grades next in this process needs a real one
            run._graders.pop((self._setting, ASSIGNMENT), None)

    def _recorded(self, students: Iterable[str], kept: Iterable[str], formats: Sequence[str]) -> None:
        results = Results(self._root / "results")
        recorder = Recorder(Course(self._root), results, gradebook=False, today="2026-01-01")
        recorder._folders = Folders(Course(self._root))
        for student in kept:
            recorder.record(self._submitted(student), results.load(self._submitted(student).folder))
        for student in students:
            graded = run.grade_one(self._setting, run.job_for(self._submitted(student)))
            assert graded.failures == (), graded.failures[0].trace
            if graded.notebook is not None:
                nbformat.validate(json.loads(graded.notebook))
            recorder.record(self._submitted(student), graded.report, graded)
        problems: tuple[str, ...] = ()
        if formats:
            recorder.write_class()
            problems = recorder.export(exporting.wanted(formats)).problems
        assert (recorder.sentences(), problems) == ((), ())

    def _files(self) -> dict[str, bytes]:
        """Return what belongs to the neighbours."""
        results = self._root / "results"
        places = [
            folder / student
            for student in self._neighbours
            for folder in (
                results / ASSIGNMENT,
                results / exporting.FOLDER / "gradescope" / ASSIGNMENT,
                self._root / "autograded",
                self._root / "feedback",
            )
        ]
        return {str(path): path.read_bytes() for place in places for path in place.rglob("*") if path.is_file()}

    def record(self, data: bytes) -> None:
        """Record one more beside them, and then again as a run does that keeps it."""
        self._hand_in("fuzzed", data)
        with bounded():
            # one format at a time, as all of them take most of the time: which one, the input decides
            self._record(["fuzzed"], self._neighbours, [list(FORMATS)[zlib.crc32(data) % len(FORMATS)]])
            self._record([], ["fuzzed"])
        assert self._files() == self._before
        table = (self._root / "results" / "scores.csv").read_text(encoding="utf-8")
        assert table.count("\n") == 8
        assert not (self._root / "results" / "errors.log").exists()


@cache
def _class() -> _Class:
    return _Class()


def recorder(data: bytes) -> None:
    """Record any bytes as a submission among six: they are unharmed, and nothing fails."""
    _class().record(data)


# --------------------------------------------------------------------------------------------- names, times, reports


def timestamp(data: bytes) -> None:
    """Read nbgrader's timestamp, and take a student's name from a folder's."""
    when = intake.times.timestamp(_folder_with(data))
    if when is not None:
        assert when.utcoffset() is not None
        assert not when.utcoffset()
        assert type(when.isoformat()) is str
    name = os.fsdecode(data.replace(b"\0", b"").replace(b"/", b"")[:255])
    folder = intake.safe_name(name)
    assert folder
    assert folder.isascii()
    assert not folder.startswith(".")
    assert "/" not in folder
    assert len(folder) <= 255
    intake._text(name).encode()


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fuzz-")


def _folder_with(data: bytes) -> Path:
    folder = Path(_folder().name)
    (folder / "timestamp.txt").write_bytes(data)
    return folder


def report(data: bytes) -> None:
    """Read a report back: it is one, and is written as the same again, or it is refused with a sentence."""
    try:
        document = data.decode()
    except UnicodeDecodeError:  # as in `results`: such a file is none
        document = data.decode("utf-8", "surrogateescape")
    shown = text.visible(document, keep="\n")
    shown.encode()
    assert all(character.isprintable() or character == "\n" for character in shown)
    with bounded():
        try:
            read = json_report.from_json(document)
        except UsageError as refusal:
            read, sentence = None, str(refusal)
    if read is None:
        assert len(sentence) < 1000
        sentence.encode()
        return
    assert type(read) is Report
    try:
        written = json_report.to_json(read)
    except GraderError:  # a score where the grader failed, or none where it did not
        return
    assert json_report.from_json(written) == read
    for score in (read.score, read.max_score, *(exercise.score for exercise in read.exercises)):
        if score is not None:
            assert type(text.points(score)) is str


@dataclass(frozen=True)
class Target:
    """One target: its function, the kind of its seeds (a folder of ``seeds/``), and how long its inputs get."""

    run: Callable[[bytes], None]
    seeds: str
    longest: int


TARGETS = {
    "wire": Target(wire_frame, "frames", 1 << 15),
    "reader": Target(reader, "streams", 1 << 16),
    "session": Target(session, "streams", 1 << 15),
    "helper": Target(helper, "calls", 1 << 14),
    "notebook": Target(notebook_bytes, "notebooks", 1 << 16),
    "answers": Target(notebook_answers, "notebooks", 1 << 16),
    "recorder": Target(recorder, "notebooks", 1 << 15),
    "timestamp": Target(timestamp, "timestamps", 300),
    "report": Target(report, "reports", 1 << 14),
}

# Guests that die by the dozen, and numpy on absurd shapes, have warnings; here they would be noise.
if "pytest" not in sys.modules:
    import warnings

    warnings.simplefilter("ignore")
