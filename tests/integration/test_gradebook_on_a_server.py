"""The gradebook on a database server: the same as on SQLite, and what only a server can do, such as going away."""

import csv
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import database_server
import pytest
import sample_course
import sqlalchemy as sa
from database_server import PASSWORD, Server
from gradebook_dump import dump
from sample_course import NAME

from autograder import demo, gradebook, gradebook_access, gradebook_connection
from autograder.errors import GraderError, UsageError
from autograder.model import ExerciseResult, Outcome, Provenance, Report, Status

pytestmark = pytest.mark.xdist_group("postgresql")

PATIENCE = 120.0  # seconds for anything that another process or thread is to do: the machine may be busy
RELEASE = sample_course.ROOT / "release" / NAME / f"{NAME}.ipynb"
ODD = {"née-ána": "ada", "o'brien": "jonas", 'the "x"': "pilar", "é" * 120: "vera"}
LATE = 'c.LateSubmissionPlugin.penalty_method = "zero"'
PROVENANCE = Provenance("g", "a", "s", "k", "namespaces", "3.11", "2.0")


def _report(student: str, score: float = 20.0) -> gradebook.Graded:
    parts = [(f"UNQ_C{n}", f"f{n}", score, 50.0, Outcome.FAILED) for n in (1, 2)]
    exercises = tuple(ExerciseResult(*part, feedback=f"About {part[1]}.") for part in parts)
    return gradebook.Graded(Report(NAME, student, Status.GRADED, 2 * score, 100.0, exercises, PROVENANCE))


def _until(true: Callable[[], Any]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _setting(url: str) -> str:
    return f"c.CourseDirectory.db_url = {url!r}"


@pytest.fixture(scope="module")
def ready(postgresql: Server) -> str:
    """Make a gradebook that has the assignment, for tests to copy; return its name."""
    gradebook.ensure_assignment(postgresql.create("ready"), NAME, RELEASE)
    return "ready"


@pytest.fixture
def url(postgresql: Server, ready: str) -> str:
    """Return the URL of a gradebook that has the assignment, and no student."""
    return postgresql.create("book", ready)


def _students(url: str) -> list[str]:
    return [dict(row)["id"] for row in dump(url)["student"]]


# ---- the same as on SQLite ---------------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_class_ends_in_equal_gradebooks(postgresql: Server, tmp_path: Path) -> None:
    """``autograder grade`` leaves every table equal on both databases; odd names, late penalties and comments too.

    And nbgrader's queries, those that its formgrader makes and those that it exports by, answer the same on both.
    """
    from nbgrader.api import Gradebook
    from nbgrader.plugins import CsvExportPlugin

    urls = [f"sqlite:///{tmp_path / 'gradebook.db'}", postgresql.create("equal")]
    dumps, answers, exported = [], [], []
    for number, url in enumerate(urls):
        course = sample_course.make(tmp_path / f"course{number}", ODD, _setting(url), LATE)
        (course / ".autograder").mkdir()
        (course / ".autograder" / "secret").write_text("ab" * 32)
        gradebook.ensure_assignment(url, NAME, RELEASE, "rnn")
        with Gradebook(url, "rnn") as book:
            book.update_or_create_assignment(NAME, duedate="2026-02-04 10:00:00 UTC")
        done = sample_course.run(course, "grade", "--workers", "1")
        assert done.returncode == 0, done.stderr
        dumps.append(dump(url))
        with Gradebook(url, "rnn") as book:
            answers.append(_queries(book))
            exporter = CsvExportPlugin()
            exporter.to = str(course / "grades.csv")
            exporter.export(book)
        with (course / "grades.csv").open(newline="", encoding="utf-8") as file:
            exported.append(sorted(csv.DictReader(file), key=repr))  # nbgrader leaves the order to the database
    assert dumps[0] == dumps[1]
    assert answers[0] == answers[1]
    assert exported[0] == exported[1]
    declared = {member.student: member.score for member in demo.MEMBERS}
    scores = {row["student_id"]: float(row["raw_score"]) for row in exported[0]}
    assert scores == {student: declared[member] for student, member in ODD.items()}
    assert {float(row["score"]) for row in exported[0]} == {0.0}  # all of them came late
    assert len(dumps[0]["grade"]) == len(dumps[0]["comment"]) == 2 * len(ODD)


def _queries(book: Any) -> list[Any]:
    """Return what the formgrader asks a gradebook, without what is drawn at random."""
    averages = [getattr(book, f"average_assignment_{kind}score")(NAME) for kind in ("", "code_", "written_", "task_")]
    averages += [getattr(book, f"average_notebook_{kind}score")(NAME, NAME) for kind in ("", "code_", "written_")]
    tables = [
        book.student_dicts(),
        book.submission_dicts(NAME),
        book.notebook_submission_dicts(NAME, NAME),
        [assignment.to_dict() for assignment in book.assignments],
        [submission.to_dict() for submission in book.student_submissions("o'brien")],
        [grade.to_dict() for grade in book.find_submission_notebook(NAME, NAME, "née-ána").grades],
    ]
    plain = [[{k: v for k, v in row.items() if k != "id"} for row in rows] for rows in tables]
    names = sorted(row["id"] for row in tables[0])
    return [averages, names, [sorted(rows, key=repr) for rows in plain]]


# ---- one writer at a time ----------------------------------------------------------------------------


@contextmanager
def _writing(*actions: Callable[[], Any]) -> Iterator[list[BaseException]]:
    """Do things at the same time in threads, and wait for them on leaving; what they raise is collected."""
    raised: list[BaseException] = []

    def caught(action: Callable[[], Any]) -> None:
        try:
            action()
        except BaseException as error:  # noqa: BLE001  handed to the test
            raised.append(error)

    threads = [threading.Thread(target=caught, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    yield raised
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_two_coordinators_begin_an_empty_gradebook_together(postgresql: Server) -> None:
    """Whoever comes second waits for its turn; both find the assignment, and nothing of either is lost."""
    url = postgresql.create("empty")
    gradebook_access.models()

    def coordinate(letter: str) -> None:
        gradebook.ensure_assignment(url, NAME, RELEASE)
        for number in range(3):
            gradebook.write(url, [_report(f"{letter}{number}"), _report("shared", 10.0)])

    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with gradebook_connection.connected(url) as engine, engine.connect() as first:
        gradebook_connection.lock(first, 1.0)
        with _writing(lambda: coordinate("a"), lambda: coordinate("b")) as raised:
            _until(lambda: postgresql.run("postgres", waiting) == [(2,)])
            assert postgresql.run("empty", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
            first.rollback()
    assert raised == []
    assert _students(url) == ["a0", "a1", "a2", "b0", "b1", "b2", "shared"]
    assert len(dump(url)["grade"]) == 14


def test_a_turn_that_does_not_come_is_told_in_one_sentence(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradebook that another run keeps locked is named, with what to do, and nothing is half written."""
    monkeypatch.setattr(gradebook_connection, "_WAIT", 0.1)
    with gradebook_connection.connected(url) as engine, engine.connect() as other:
        gradebook_connection.lock(other, 1.0)
        with pytest.raises(GraderError, match=r"locked by another program\. Close what is using it") as caught:
            gradebook.write(url, [_report("s001")])
    assert "\n" not in str(caught.value)
    assert _students(url) == []
    gradebook.write(url, [_report("s001")])
    assert _students(url) == ["s001"]


def test_rows_that_nbgrader_has_open_are_waited_for(postgresql: Server, url: str) -> None:
    """A row that another program has changed and not committed is overwritten only after it is."""
    gradebook.write(url, [_report("s001")])
    with gradebook_connection.connected(url) as engine, engine.connect() as formgrader:
        formgrader.execute(sa.text("UPDATE grade SET manual_score = 42, needs_manual_grade = false"))
        with _writing(lambda: gradebook.write(url, [_report("s001", 30.0)])) as raised:
            blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'book'"
            _until(lambda: postgresql.run("postgres", blocked) == [(1,)])
            formgrader.commit()
    assert raised == []
    grades = [dict(row) for row in dump(url)["grade"]]
    assert [(g["auto_score"], g["manual_score"], g["needs_manual_grade"]) for g in grades] == 2 * [(30.0, 42.0, True)]


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_two_runs_at_once_lose_nothing(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Two ``autograder grade`` on one gradebook, from two course folders: each has all of its rows in it."""
    url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    if database == "postgresql":
        url = request.getfixturevalue("postgresql").create("both")
    classes = ({"ann": "ada", "bob": "jonas"}, {"cid": "ada", "dan": "pilar"})
    folders = [sample_course.make(tmp_path / min(students), students, _setting(url)) for students in classes]
    command = [sample_course.BIN / "autograder", "grade", "--workers", "1"]
    runs = [
        subprocess.Popen(command, cwd=folder, env=sample_course.environment(), stderr=subprocess.PIPE, text=True,
                         stdout=subprocess.DEVNULL)
        for folder in folders
    ]  # fmt: skip
    said = [one.communicate(timeout=PATIENCE)[1] for one in runs]
    assert [one.returncode for one in runs] == [0, 0], said
    assert _students(url) == ["ann", "bob", "cid", "dan"]
    assert len(dump(url)["grade"]) == 8


ONE_BY_ONE = "from autograder import recording\nrecording._BATCH = 1\nfrom autograder.cli import main\nmain()"


@pytest.mark.slow
def test_an_id_that_no_gradebook_can_hold_stops_nobody_else(tmp_path: Path) -> None:
    """Whoever comes after it is graded and has rows; the id is named, in one line, and the exit code says it."""
    url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    course = sample_course.make(tmp_path / "course", {"a" * 129: "ada", "bob": "jonas", "cid": "ada"}, _setting(url))
    done = subprocess.run(
        [sys.executable, "-c", ONE_BY_ONE, "grade", "--workers", "1"],
        cwd=course, env=sample_course.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert "a" * 129 in line
    assert len(list(course.glob("results/*/*/report.json"))) == 3
    assert _students(url) == ["bob", "cid"]


# ---- a server that goes away -------------------------------------------------------------------------


@contextmanager
def _at_first(event: str, act: Callable[[], Any]) -> Iterator[list[str]]:
    """Do something once, just before the gradebook's first insertion of grades, or before its commit."""
    done: list[str] = []

    def hook(connection: sa.Connection, *what: Any) -> None:
        # of the statements that are executed, the second argument is the text
        mine = event == "commit" or what[1].startswith("INSERT INTO grade")
        if mine and not done:
            done.append(event)
            act()

    sa.event.listen(sa.Engine, event, hook)
    try:
        yield done
    finally:
        sa.event.remove(sa.Engine, event, hook)


OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'book' AND pid <> pg_backend_pid()"


@pytest.mark.parametrize("event", ["before_cursor_execute", "commit"])
def test_a_connection_that_is_lost_is_made_again(postgresql: Server, url: str, event: str) -> None:
    """Lost in the middle of a batch or just before its end: the batch is written once, whole."""
    with _at_first(event, lambda: postgresql.run("postgres", OTHERS)) as happened:
        gradebook.write(url, [_report("s001"), _report("s002")])
    assert happened
    assert _students(url) == ["s001", "s002"]
    assert len(dump(url)["grade"]) == len(dump(url)["comment"]) == 4


def test_a_server_that_restarts_is_waited_for(postgresql: Server, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in the middle of a batch and back only after some tries: nothing is lost and nothing is there twice."""
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            postgresql.start()

    monkeypatch.setattr(gradebook_connection.time, "sleep", sleep)
    monkeypatch.setattr(database_server, "time", _Unpatched())
    with _at_first("before_cursor_execute", postgresql.stop):
        gradebook.write(url, [_report("s001"), _report("s002")])
    assert pauses == sorted(pauses)
    assert len(pauses) >= 3
    assert _students(url) == ["s001", "s002"]


class _Unpatched:
    """The clock as it is, for the server's own waiting."""

    sleep, monotonic = staticmethod(time.sleep), staticmethod(time.monotonic)


STOPPER = """
import pathlib, sys, time
import sqlalchemy as sa
from autograder import gradebook_connection, recording
from autograder.cli import main

recording._BATCH = 1
gradebook_connection._PATIENCE = float(sys.argv.pop(1))
reached, go = map(pathlib.Path, (sys.argv.pop(1), sys.argv.pop(1)))

@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def hook(connection, cursor, statement, *rest):
    if statement.startswith("INSERT INTO grade ") and not go.exists():
        reached.touch()
        while not go.exists():
            time.sleep(0.02)

main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("comes_back", [True, False])
def test_a_run_survives_its_server(postgresql: Server, tmp_path: Path, comes_back: bool) -> None:  # noqa: FBT001
    """A server that is stopped in the middle of a run and started again is not noticed; one that stays away is told.

    In one line, without the password, with exit code 2. All reports are there, and the next run completes the rows
    from them and grades nothing again.
    """
    url = postgresql.create("book")
    course = sample_course.make(tmp_path / "course", {"ann": "ada", "bob": "jonas", "cid": "pilar"}, _setting(url))
    reached, go = tmp_path / "reached", tmp_path / "go"
    patience = str(PATIENCE if comes_back else 0.5)
    command = [sys.executable, "-c", STOPPER, patience, str(reached), str(go), "grade", "--workers", "1"]
    with subprocess.Popen(
        command, cwd=course, env=sample_course.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as one:
        _until(lambda: reached.exists() or one.poll() is not None)
        postgresql.stop()
        go.touch()
        if comes_back:
            postgresql.start()
        said, complained = one.communicate(timeout=PATIENCE)
    if not comes_back:
        postgresql.start()
    assert len(list((course / "results" / NAME).glob("*/report.json"))) == 3
    assert PASSWORD not in said + complained
    if comes_back:
        assert (one.returncode, complained) == (0, "")
    else:
        assert one.returncode == 2, complained
        (line,) = complained.splitlines()
        assert "cannot be reached" in line
        assert "the same command again puts them in, and grades nothing twice" in line
        assert dump(url)["grade"] == []
        done = sample_course.run(course, "grade", "--workers", "1")
        assert done.returncode == 0, done.stderr
        assert "3 unchanged since an earlier run, and not graded again" in done.stdout
    assert _students(url) == ["ann", "bob", "cid"]
    assert sorted(dict(row)["auto_score"] for row in dump(url)["grade"]) == [0.0, 30.0, 30.0, 50.0, 50.0, 50.0]


# ---- what cannot work is told before anything is graded ----------------------------------------------


def _fails(url: str, course: Path) -> str:
    """Return what is said of a gradebook that cannot be used."""
    try:
        gradebook.check(url, course)
        gradebook.ensure_assignment(url, NAME, RELEASE)
    except UsageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda url: url.replace(PASSWORD, "secret-word"), "does not let us in"),
        (lambda url: url.replace("/book", "/nobook"), 'database "nobook" does not exist'),
        (lambda url: url.replace("host=", "host=/nowhere"), "cannot be reached"),
        (lambda url: url.replace("?host=", "?options=-c%20nonsense%3Dsecret-word&host="), "cannot be reached"),
        (lambda _: "postgresql+psycopg://me:secret-word@127.0.0.1:9/book", "Connection refused"),
        (lambda _: "postgresql://127.0.0.1:9/book?user=me&password=secret-word", "Connection refused"),
        (lambda _: "postgresql+psycopg://me:a@secret-word@127.0.0.1:9/book", "%40 for an @ in a password"),
        (lambda _: "postgresql+psycopg://me:secret-word@127.0.0.1:port/book", "not one that SQLAlchemy reads"),
        (lambda _: "postgresql+psycopg2://me:secret-word@127.0.0.1:9/book", "driver that is not installed"),
        (lambda _: "postgresql+psycopg://me:secret-word@127.0.0.1:9/book?secret=1", "secret"),
    ],
    ids=["password", "database", "socket", "option", "port", "query", "at", "no port", "driver", "parameter"],
)
def test_a_server_that_cannot_work_is_told_at_once(url: str, tmp_path: Path, change: Any, said: str) -> None:
    """Each in one line that names the server and never the password, wherever that stands."""
    message = _fails(change(url), tmp_path)
    assert said in message
    assert "\n" not in message
    assert "secret-word" not in message
    assert PASSWORD not in message


def test_a_user_who_may_not_write_is_told_whom_to_ask(postgresql: Server, tmp_path: Path) -> None:
    """Neither into an empty database nor into a gradebook that is there."""
    url = postgresql.create("theirs")
    postgresql.run("theirs", "DROP ROLE IF EXISTS guest", f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    as_guest = url.replace(f"//{database_server.OWNER}:", "//guest:")
    assert "permission denied for schema public. Make its user the database's owner." in _fails(as_guest, tmp_path)
    gradebook.ensure_assignment(url, NAME, RELEASE)
    assert "permission denied for table alembic_version" in _fails(as_guest, tmp_path)


def test_a_database_that_cannot_hold_every_name_is_refused(postgresql: Server, tmp_path: Path) -> None:
    """One that is kept in another encoding than UTF-8 would lose students; how to make it is told."""
    postgresql.run("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    assert "is kept in LATIN1" in _fails(postgresql.url("latin"), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["password", "driver"])
def test_the_command_ends_before_anything_is_graded(postgresql: Server, tmp_path: Path, missing: str) -> None:
    """With a wrong password, or without the driver: one line, exit code 1, no result, no secret on the screen."""
    url = postgresql.create("book")
    url = url.replace(PASSWORD, "not-the-password") if missing == "password" else url
    course = sample_course.make(tmp_path / "course", {"ann": "ada"}, _setting(url))
    environment = sample_course.environment()
    if missing == "driver":  # a module of the driver's name that cannot be imported, before the real one
        (tmp_path / "path").mkdir()
        (tmp_path / "path" / "psycopg.py").write_text("raise ImportError('no psycopg here')\n")
        environment["PYTHONPATH"] = str(tmp_path / "path")
    done = subprocess.run(
        [sample_course.BIN / "autograder", "grade", "--workers", "1"],
        cwd=course, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()
    assert ("pip install 'rnn-course-autograder[postgresql]'" if missing == "driver" else "password") in line
    assert "not-the-password" not in line
    assert PASSWORD not in line
    assert not list(course.glob("results/**/report.json"))
