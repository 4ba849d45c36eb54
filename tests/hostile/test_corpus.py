"""Every hostile submission of the corpus earns what it declares, and changes nothing around it."""

import dataclasses
import html.parser
import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder import demo
from autograder.course import Course
from autograder.grade import Grader
from autograder.model import Report, Status
from autograder.reports import json_report, page

from . import corpus

CASES = corpus.all_cases()
KEY = b"a secret for tests, and only for tests"
SETTLING = 10.0  # seconds for the kernel to take processes apart
LITTERED = ("/tmp", "/dev/shm", "/var/tmp", ".")  # noqa: S108  where nothing of a submission may be left


class Surroundings:
    """What is around a submission and must neither be seen nor touched: canaries, an environment, open sockets."""

    def __init__(self, folder: Path) -> None:
        self.canary_text = f"canary-{secrets.token_hex(8)}"
        self.canary = folder / "canary.txt"
        self.canary.write_text(self.canary_text)
        self.variable = "AUTOGRADER_HOSTILE_TEST"
        self.variable_text = f"canary-{secrets.token_hex(8)}"
        os.environ[self.variable] = self.variable_text
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(self.tcp.getsockname())
        self.abstract_name = f"autograder-{secrets.token_hex(8)}"
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind("\0" + self.abstract_name)
        self.unix.listen()
        for each in (self.tcp, self.udp, self.unix):
            each.settimeout(0)

    @property
    def facts(self) -> dict[str, Any]:
        """What a case may name."""
        return {
            "canary": self.canary,
            "variable": self.variable,
            "port": self.tcp.getsockname()[1],
            "abstract": self.abstract_name,
            "pid": os.getpid(),
            "niceness": os.getpriority(os.PRIO_PROCESS, 0),
        }

    def check(self) -> None:
        """Complain of any trace of a submission here."""
        assert self.canary.read_text() == self.canary_text, "the canary was written to"
        assert os.environ[self.variable] == self.variable_text
        for each in (self.tcp, self.unix):
            with pytest.raises(BlockingIOError):  # nobody has connected
                each.accept()
        with pytest.raises(BlockingIOError):
            self.udp.recv(100)

    def close(self) -> None:
        """Close the sockets."""
        for each in (self.tcp, self.udp, self.unix):
            each.close()
        del os.environ[self.variable]


class _Markup(html.parser.HTMLParser):
    """Collects what could be active in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "iframe", "object", "embed", "form", "base", "link", "img", "audio", "video"}:
            self.active.append(tag)
        for name, value in attrs:
            outside = name in {"href", "src", "action"} and not (value or "").startswith("#")
            if name.startswith("on") or outside:
                self.active.append(f"{tag} {name}={value}")


def processes_below(pid: int) -> set[int]:
    """Return the living processes below one, at any depth."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = status.read_text().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(status.parent.name)] = int(parent)
    found: set[int] = set()
    while more := {p for p, parent in parents.items() if parent in {pid, *found}} - found:
        found |= more
    return found


def litter() -> dict[str, set[str]]:
    """Return the names in every place where a submission might leave something."""
    return {place: {entry.name for entry in Path(place).iterdir()} for place in LITTERED}


def lasting(report: Report) -> Report:
    """Return a report without what differs from run to run."""
    return dataclasses.replace(report, seconds={})


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    """Return what must stay untouched."""
    around = Surroundings(tmp_path_factory.mktemp("around"))
    yield around
    around.close()


@pytest.fixture(scope="module")
def trusted(course: Course, surroundings: Surroundings) -> Iterator[Grader]:
    """Return a grader for the whole corpus; its sandbox is started with the canary in the environment."""
    assert surroundings.variable in os.environ
    with Grader(course, demo.ASSIGNMENT, KEY) as grader:
        grader.wait_until_ready()
        yield grader


@pytest.fixture(scope="module")
def neighbours(trusted: Grader, solutions: demo.Solutions) -> dict[str, tuple[bytes, Report]]:
    """Return two honest submissions, one right and one wrong, with their reports when nobody is beside them."""
    made = {
        "honest-right": demo.variants.write(solutions.solved()),
        "honest-wrong": demo.variants.write(solutions.mistaken(UNQ_C1="sigmoid-for-tanh")),
    }
    return {name: (content, lasting(trusted.grade(content, name))) for name, content in made.items()}


def test_the_corpus_is_as_large_and_as_broad_as_promised() -> None:
    """At least 110 cases, and each family has its share."""
    assert len(CASES) >= 110
    for family in corpus.FAMILIES:
        assert sum(case.id.startswith(family + "/") for case in CASES) >= 20


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_hostile_submission(
    case: corpus.Case,
    trusted: Grader,
    surroundings: Surroundings,
    neighbours: dict[str, tuple[bytes, Report]],
    solutions: demo.Solutions,
) -> None:
    """It gets its declared outcome; its neighbours, the machine and the reader of its page notice nothing.

    The neighbour after one case is the one before the next; a right one and a wrong one take turns.
    """
    limits = corpus.limits_of(case)
    content = corpus.content(case, solutions, surroundings.facts)
    running, names = processes_below(os.getpid()), litter()

    started = time.monotonic()
    trusted.limits = limits
    try:
        report = trusted.grade(content, case.student)
    finally:
        trusted.limits = type(limits)()
    took = time.monotonic() - started
    neighbour = sorted(neighbours)[CASES.index(case) // 2 % 2]  # by twos: two processes may share the cases in turns
    honest, alone = neighbours[neighbour]
    after = trusted.grade(honest, neighbour)

    declared(case, report)
    assert lasting(after) == alone
    assert took < limits.submission_seconds + SETTLING
    surroundings.check()
    written = json_report.to_json(report)
    shown = page.render(report, "")
    for text in (surroundings.canary_text, surroundings.variable_text):
        assert text not in written
        assert text not in shown
    markup = _Markup()
    markup.feed(shown)
    assert not markup.active
    until = time.monotonic() + SETTLING
    while processes_below(os.getpid()) - running and time.monotonic() < until:
        time.sleep(0.01)
    assert not processes_below(os.getpid()) - running, "a process has outlived its submission"
    left = {place: now - names[place] for place, now in litter().items()}
    # another program of this machine may make files meanwhile; those of the corpus are all called so
    assert not {name for new in left.values() for name in new if "hostile" in name}


def declared(case: corpus.Case, report: Report) -> None:
    """Hold a report to what its case declares."""
    wanted = case.outcome
    told = [(e.outcome.value, e.score, e.feedback) for e in report.exercises], report.reason, report.notes
    assert report.status is Status(wanted.get("status", "graded")), told
    assert report.score == pytest.approx(wanted["score"]), told
    assert wanted.get("reason", "") in report.reason, told
    for exercise in report.exercises:
        choices = wanted.get(exercise.id, [])
        pairs = [c.partition(": ")[::2] for c in ([choices] if isinstance(choices, str) else choices)]
        assert not pairs or any(exercise.outcome.value == o and says in exercise.feedback for o, says in pairs), told
    for note in wanted.get("notes", ()):
        assert any(note in said for said in report.notes), told
