"""A sample class, made from the notebooks: what real students hand in, what they get wrong, and what tries to cheat.

Each member declares what it earns; the tests hold the grader to it.
"""
# ruff: noqa: E501  the class is a table: one member a line

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autograder import assignments, release, source, variants
from autograder.course import CONFIG, MODULES, Course
from autograder.model import Assignment, Outcome
from autograder.reference import edited
from autograder.sandbox.limits import Limits
from autograder.variants import Document

ASSIGNMENT = "rnn_step_by_step"
LIMITS = Limits(
    cell_seconds=2.0, call_seconds=2.0, memory=512 << 20
)  # a demonstration should not wait for the bad ones

_START, _END = "    ### START CODE HERE ###\n", "    ### END CODE HERE ###\n"


@dataclass(frozen=True)
class Solutions:
    """What a member is made from.

    Attributes
    ----------
    release : dict
        The notebook as students get it.
    cells : mapping of str to str
        The source notebook's solution cells, by exercise.
    """

    release: Document
    cells: Mapping[str, str]
    assignment: Assignment

    def solved(self, **replaced: str) -> Document:
        """Return the release with every exercise solved, or as replaced."""
        return variants.with_sources(self.release, {**self.cells, **replaced})

    def with_regions(self, **regions: str) -> Document:
        """Return the release solved, with other lines between START and END."""
        return self.solved(**{name: self.region(name, text) for name, text in regions.items()})

    def region(self, name: str, text: str) -> str:
        """Return a solution cell with other lines between START and END."""
        before, rest = self.cells[name].split(_START)
        return before + _START + text + _END + rest.split(_END)[1]

    def mistaken(self, **mistakes: str) -> Document:
        """Return the release solved, with a known mistake of the catalogue in each exercise named."""
        return self.solved(**{name: self._mistake(name, mistake) for name, mistake in mistakes.items()})

    def _mistake(self, name: str, mistake: str) -> str:
        known = {m.id: m for m in self.assignment.exercise(name).mistakes}
        return edited(self.cells[name], known[mistake], name)


@dataclass(frozen=True)
class Member:
    """One submission of the sample class, and what it earns.

    Attributes
    ----------
    make : callable
        From the solutions to the notebook, or to the bytes of something that is none.
    outcomes : tuple of Outcome
        Of each exercise; empty where the submission is rejected.
    """

    student: str
    make: Callable[[Solutions], Document | bytes]
    score: float
    outcomes: tuple[Outcome, ...] = (Outcome.PASSED, Outcome.PASSED)
    mistakes: Mapping[str, str] = field(default_factory=dict)


PASSED, FAILED, RAISED, MISSING = Outcome.PASSED, Outcome.FAILED, Outcome.RAISED, Outcome.MISSING
TIMED_OUT, KILLED = Outcome.TIMED_OUT, Outcome.KILLED

_EINSUM = """\
    a_next = np.tanh(np.einsum("ij,jm->im", Waa, a_prev) + np.einsum("ij,jm->im", Wax, xt) + ba)
    scores = np.einsum("ij,jm->im", Wya, a_next) + by
    e = np.exp(scores - scores.max(axis=0, keepdims=True))
    yt_pred = e / e.sum(axis=0, keepdims=True)
"""
_STACKED_WEIGHTS = """\
    both = np.concatenate([Waa, Wax], axis=1) @ np.concatenate([a_prev, xt], axis=0)
    a_next = np.tanh(both + ba)
    yt_pred = softmax(Wya @ a_next + by)
"""
_LISTS = """\
    states, predictions, state = [], [], a0
    for step in np.moveaxis(x, 2, 0):
        state, prediction, cache = rnn_cell_forward(step, state, parameters)
        states.append(state)
        predictions.append(prediction)
        cache_list.append(cache)
    a, y_pred = np.stack(states, axis=2), np.stack(predictions, axis=-1)
"""
_INLINED = """\
    a, y_pred = np.empty((n_a, m, T_x)), np.empty((n_y, m, T_x))
    state = a0
    for t in range(T_x):
        old = state
        state = np.tanh(parameters["Waa"] @ old + parameters["Wax"] @ x[..., t] + parameters["ba"])
        a[..., t] = state
        y_pred[..., t] = softmax(parameters["Wya"] @ state + parameters["by"])
        cache_list.append((state, old, x[..., t], parameters))
"""
_FLOAT32 = """\
    a, y_pred = np.zeros((n_a, m, T_x), dtype=np.float32), np.zeros((n_y, m, T_x), dtype=np.float32)
    a_next = a0
    for t in range(T_x):
        a_next, y_pred[:, :, t], cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        a[:, :, t] = a_next
        cache_list.append(cache)
"""
_RECURSION = """\
    def from_step(t, state):
        if t == T_x:
            return []
        cache = rnn_cell_forward(x[:, :, t], state, parameters)
        return [cache, *from_step(t + 1, cache[0])]

    taken = from_step(0, a0)
    a = np.dstack([step[0] for step in taken])
    y_pred = np.dstack([step[1] for step in taken])
    cache_list = [step[2] for step in taken]
"""
_ROUNDED = """\
    a_next = np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, xt) + ba).round(4)
    yt_pred = softmax(np.dot(Wya, a_next) + by).round(4)
"""
_GLOBAL_NAME = """\
    a_next = np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, x_now) + ba)
    yt_pred = softmax(np.dot(Wya, a_next) + by)
"""
_WRONG_SHAPES = """\
    a_next = np.tanh(np.dot(Waa, xt) + np.dot(Wax, a_prev) + ba)
    yt_pred = softmax(np.dot(Wya, a_next) + by)
"""
_PATCHED = '''\
import numpy.testing
numpy.testing.assert_allclose = numpy.testing.assert_array_equal = lambda *a, **k: None
np.allclose = np.array_equal = lambda *a, **k: True


class Equal(np.ndarray):
    def __eq__(self, other):
        return True


def rnn_cell_forward(xt, a_prev, parameters):  # UNQ_C1
    """Claims to be right."""
    return Equal(a_prev.shape), Equal((2, xt.shape[1])), ()
'''
_STEALING = '''\
# UNQ_C1 (unique cell identifier, do not edit)
import gc, os, sys

found = []
wanted = ("rnn_step_by_step.ipynb", "gradebook.db", "secret", "environ")
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if name not in ("lib", "lib64", "usr", "task")]
    for name in set(wanted) & set(files):
        try:
            found.append(open(os.path.join(folder, name), "rb").read())
        except OSError:
            pass
for module in list(sys.modules):
    if module.startswith("autograder"):
        found.append(vars(sys.modules[module]))
answers = [o for o in gc.get_objects() if getattr(o, "__name__", "") == "rnn_cell_forward"]


def rnn_cell_forward(xt, a_prev, parameters):
    """Looks for the answer instead of computing it."""
    if answers:
        return answers[0](xt, a_prev, parameters)
    from autograder.reference import load
    return load(None, "rnn_step_by_step")
'''


def _add_cell(text: str) -> Callable[[Solutions], Document]:
    """Return a member's maker: solved, with one more cell before the first exercise."""
    return lambda s: variants.with_cell(s.solved(), text, before="UNQ_C1")


def _colab(s: Solutions) -> Document:
    """Return what comes back from a tool that drops metadata and begins with its own lines."""
    mount = "from google.colab import drive\ndrive.mount('/content/drive')\n!pip install numpy\n%cd /content\n"
    return variants.without_metadata(s.solved(UNQ_C1=mount + s.cells["UNQ_C1"]))


def _duplicated(s: Solutions) -> Document:
    """Return a notebook with an untouched copy of an exercise's cell below the solved one."""
    untouched = next(c for c in s.release["cells"] if variants.grade_id(c) == "UNQ_C2")
    document = s.solved()
    return document | {"cells": [*document["cells"], untouched]}


def _script(s: Solutions) -> bytes:
    """Return a plain Python script saved under a notebook's name."""
    return ("import numpy as np\n" + "\n".join(s.cells.values())).encode()


def _old_format(s: Solutions) -> bytes:
    """Return a notebook of format 3."""
    cells = [
        {"cell_type": "code", "input": variants.source_of(c), "language": "python", "metadata": {}, "outputs": []}
        for c in s.solved()["cells"]
        if c["cell_type"] == "code"
    ]
    return variants.write(
        {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]}
    )


MEMBERS: tuple[Member, ...] = (
    Member("ada", lambda s: s.solved(), 100),
    Member("bela", lambda s: s.with_regions(UNQ_C1=_EINSUM), 100),
    Member("chidi", lambda s: s.with_regions(UNQ_C1=_STACKED_WEIGHTS, UNQ_C2=_LISTS), 100),
    Member("dorothea", lambda s: s.with_regions(UNQ_C2=_INLINED), 100),
    Member("emeka", lambda s: s.with_regions(UNQ_C2=_FLOAT32), 100),
    Member("fatima", lambda s: s.with_regions(UNQ_C2=_RECURSION), 100),
    Member("gustav", lambda s: s.release, 0, (FAILED, RAISED)),
    Member("hana", lambda s: s.solved(UNQ_C2=s.region("UNQ_C2", "    a, y_pred = None, None\n")), 50, (PASSED, FAILED)),
    Member("ines", lambda s: s.mistaken(UNQ_C1="sigmoid-for-tanh"), 50, (FAILED, PASSED), {"UNQ_C1": "sigmoid-for-tanh"}),
    Member("jonas", lambda s: s.mistaken(UNQ_C1="softmax-over-rows"), 80, (FAILED, PASSED), {"UNQ_C1": "softmax-over-rows"} ),
    Member("kalinda", lambda s: s.mistaken(UNQ_C1="state-bias-dropped"), 50, (FAILED, PASSED), {"UNQ_C1": "state-bias-dropped"}),
    Member("lars", lambda s: s.mistaken(UNQ_C1="prediction-from-old-state"), 80, (FAILED, PASSED), {"UNQ_C1": "prediction-from-old-state"}),
    Member("mei", lambda s: s.mistaken(UNQ_C2="a0-at-every-step"), 50, (PASSED, FAILED), {"UNQ_C2": "a0-at-every-step"}),
    Member("noor", lambda s: s.mistaken(UNQ_C2="state-starts-at-zero"), 50, (PASSED, FAILED), {"UNQ_C2": "state-starts-at-zero"}),
    Member("oluwaseun", lambda s: s.mistaken(UNQ_C2="caches-left-empty"), 90, (PASSED, FAILED), {"UNQ_C2": "caches-left-empty"}),
    Member("pilar", lambda s: s.mistaken(UNQ_C1="softmax-over-everything", UNQ_C2="a0-at-every-step"), 30, (FAILED, FAILED), {"UNQ_C1": "softmax-over-everything", "UNQ_C2": "a0-at-every-step"}),
    Member("quentin", lambda s: s.solved(UNQ_C2=s.cells["UNQ_C2"].replace("range(T_x)", "range(len(x))")), 50, (PASSED, RAISED)),
    Member("rosa", lambda s: s.with_regions(UNQ_C1=_ROUNDED), 50, (FAILED, PASSED)),
    Member("sven", lambda s: s.with_regions(UNQ_C1=_GLOBAL_NAME), 50, (RAISED, PASSED)),
    Member("tala", lambda s: s.with_regions(UNQ_C1=_WRONG_SHAPES), 50, (RAISED, PASSED)),
    Member("umberto", lambda s: variants.without_metadata(s.solved()), 100),
    Member("vera", _colab, 100),
    Member("wanjiru", _duplicated, 100),
    Member("xavier", _script, 100),
    Member("yael", _old_format, 100),
    Member("zoran", lambda s: s.solved(UNQ_C1=s.cells["UNQ_C1"].replace("return a_next", "# return a_next")), 50, (FAILED, PASSED)),
    Member("bad-not-json", lambda _: b"I finished it, please see my laptop.", 0, ()),
    Member("bad-empty", lambda _: b"", 0, ()),
    Member("bad-json", lambda _: b'{"answer": 42}', 0, ()),
    Member("bad-syntax", lambda s: s.solved(UNQ_C1=s.cells["UNQ_C1"].replace("np.dot(Waa, a_prev)", "np.dot(Waa, a_prev")), 50, (RAISED, PASSED)),
    Member("bad-deleted", lambda s: s.solved(UNQ_C1="# UNQ_C1 (deleted)"), 50, (MISSING, PASSED)),
    Member("evil-loop", lambda s: s.with_regions(UNQ_C1="    while True:\n        pass\n    a_next = yt_pred = 0\n"), 50, (TIMED_OUT, PASSED)),
    Member("evil-memory", lambda s: s.with_regions(UNQ_C1="    a_next = bytearray(1 << 34)\n    yt_pred = a_next\n"), 50, (KILLED, PASSED)),
    Member("evil-exit", lambda s: s.with_regions(UNQ_C1="    import os\n    os._exit(0)\n    a_next = yt_pred = 0\n"), 50, (KILLED, PASSED)),
    Member("evil-exit-cell", _add_cell("import os\nos._exit(0)\n"), 100),
    Member("evil-loop-cell", _add_cell("while True:\n    pass\n"), 100),
    Member("evil-flood", _add_cell("print('x' * (64 << 20))\n"), 100),
    Member("evil-patch", lambda s: s.solved(UNQ_C1=_PATCHED), 50, (FAILED, PASSED)),
    Member("evil-thief", lambda s: s.solved(UNQ_C1=_STEALING), 50, (RAISED, PASSED)),
)  # fmt: skip


@dataclass(frozen=True)
class Made:
    """The sample course on disk."""

    course: Course
    size: int


def solutions(course: Course) -> Solutions:
    """Return what members are made from; the assignment must have been released."""
    released = course.root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    written = source.read(course, ASSIGNMENT)
    cells = {exercise: cell.source for exercise, cell in written.solutions.items()}
    return Solutions(variants.read(released), cells, assignments.load(course, ASSIGNMENT))


def content(member: Member, made_from: Solutions) -> bytes:
    """Return the bytes that a member hands in."""
    document = member.make(made_from)
    return document if isinstance(document, bytes) else variants.write(document)


def make(course: Course, folder: Path) -> Made:
    """Make a course of its own in a folder, release its assignment, and let the sample class hand in."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    shutil.copy(course.root / CONFIG, folder)
    for name in MODULES:
        shutil.copytree(course.root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(course.root / "source" / ASSIGNMENT, folder / "source" / ASSIGNMENT)
    sample = Course.at(folder)
    release.release(sample, [ASSIGNMENT])
    made_from = solutions(sample)
    for member in MEMBERS:
        place = folder / "submitted" / member.student / ASSIGNMENT
        place.mkdir(parents=True)
        (place / f"{ASSIGNMENT}.ipynb").write_bytes(content(member, made_from))
    return Made(sample, len(MEMBERS))
