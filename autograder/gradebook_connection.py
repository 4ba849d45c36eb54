"""Connections to the gradebook's database: one writer at a time, patience with a server that goes away, plain words.

SQLite and PostgreSQL are looked after; another database is used as SQLAlchemy gives it, without the lock.
"""

import contextlib
import logging
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError

from autograder.errors import AutograderError, GraderError, ServerAwayError, UsageError

Result = TypeVar("Result")

_WAIT = 30.0  # seconds a writer waits for its turn before it calls the gradebook locked
_PATIENCE = 60.0  # seconds a server may be away in the middle of a run: enough for a restart, or for a stand-in
_PAUSE = 0.1  # seconds before the first new try; doubled from one to the next
_LONGEST_PAUSE = 5.0  # seconds
_TRIES = 3  # of a batch that another program's rows have crossed

_LOCK = 1_853_186_151  # whatever of ours writes to one database asks for this advisory lock; the number means nothing

# What libpq is told, unless the URL says otherwise: a network that swallows everything must not hold a run for hours.
_LIBPQ = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "application_name": f"autograder {os.getpid()} on {socket.gethostname()}",
}
_LIBPQ_DRIVERS = ("psycopg", "psycopg2")

# PostgreSQL's own codes, by what is to be done
_BUSY = frozenset({"55P03"})  # the lock was not had in time
_CROSSED = frozenset({"23505", "40001", "40P01"})  # unique key, serialisation, deadlock: look again at what is there
_FORBIDDEN, _FULL = "42501", "53100"
_AWAY = re.compile(r"08...|57P0[123]|53300")  # no connection, shut down, crashed, starting, too many connections

# psycopg remarks upon every connection that breaks under it; whether that matters, we say ourselves
logging.getLogger("psycopg").addHandler(logging.NullHandler())


@contextlib.contextmanager
def connected(url: str) -> Iterator[sa.Engine]:
    """Give an engine for the gradebook, and close its connections on leaving.

    Raises
    ------
    UsageError
        If the URL cannot be read, or its driver is not installed.
    """
    engine = _engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def lock(connection: sa.Connection, wait: float, *, alone: bool = True) -> None:
    """Wait until nobody else of ours writes; then the connection's transaction is the only one until it ends.

    On SQLite it is the writer's lock that every program takes. On PostgreSQL it is an advisory lock: it binds our own
    runs, and goes with the transaction, so that no crash and no lost connection leaves it behind.

    Parameters
    ----------
    wait : float
        Seconds after which the wait is given up; also a wait for a row that another program has open.
    alone : bool
        Whether a server is asked for the lock too: just to look, several may come at once.
    """
    milliseconds = str(int(wait * 1000))
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {milliseconds}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.set_config("lock_timeout", milliseconds, sa.true())))
        if alone:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def patiently(engine: sa.Engine, act: Callable[[sa.Connection], Result]) -> Result:
    """Do something in one locked transaction, whole or not at all; again where the database was away for a while.

    Parameters
    ----------
    act : callable
        Looks at what is there and writes what is missing. It may be called several times: a connection that is lost
        during the commit does not tell whether there was one.
    """
    pause, crossed, deadline = _PAUSE, 0, None
    while True:
        try:
            with engine.connect() as connection:
                lock(connection, _WAIT)
                result = act(connection)
                connection.commit()
                return result
        except DBAPIError as error:
            crossed += _is_crossed(error)
            if deadline is None:
                deadline = time.monotonic() + _PATIENCE
            passes = _is_away(error) if not _is_crossed(error) else crossed < _TRIES
            if not passes or time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


@contextlib.contextmanager
def failing_as(kind: type[AutograderError], url: str, course_root: Path | None = None) -> Iterator[None]:
    """Turn a failure of the database into our own error, in one line."""
    try:
        yield
    except SQLAlchemyError as error:
        if kind is GraderError and isinstance(error, DBAPIError) and _is_away(error):
            kind = ServerAwayError
        raise kind(_unusable(sa.make_url(url), course_root or Path.cwd(), error)) from error


def shown(url: sa.URL, course_root: Path) -> str:
    """Return how a message names the gradebook; never with its password, wherever in the URL that stands."""
    if url.get_backend_name() != "sqlite" or not url.database:
        where = {"host": url.query["host"]} if "host" in url.query else {}
        return url.set(query=where).render_as_string(hide_password=True)
    path, root = Path(url.database), course_root.resolve()
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    # an @ that is left over belongs to a password, whose end would be taken for the server's name and shown
    if parsed is None or "@" in (parsed.host or ""):
        raise UsageError(
            "The gradebook's URL is not one that SQLAlchemy reads. It should look like sqlite:////folder/gradebook.db "
            "or postgresql+psycopg://user:password@host/database, with %40 for an @ in a password, %2F for a /, "
            "%3A for a : and %25 for a %."
        )
    try:
        libpq = _LIBPQ if parsed.get_driver_name() in _LIBPQ_DRIVERS else {}
        options = {key: value for key, value in libpq.items() if key not in parsed.query}
        return sa.create_engine(parsed, connect_args=options)
    except (NoSuchModuleError, ImportError) as error:
        help_with = "pip install 'rnn-course-autograder[postgresql]'"
        advice = f" Install it: {help_with}." if parsed.get_backend_name() == "postgresql" else ""
        raise UsageError(
            f"The gradebook {shown(parsed, Path.cwd())} needs a database driver that is not installed: {error}.{advice}"
        ) from error


def _state(error: DBAPIError) -> str:
    """Return PostgreSQL's code of an error; empty where there is none."""
    return str(getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or "")


def _is_crossed(error: DBAPIError) -> bool:
    return _state(error) in _CROSSED or "UNIQUE constraint" in str(error.orig)


def _is_away(error: DBAPIError) -> bool:
    """Return whether the server went away: a later try may find it again."""
    state = _state(error)
    if error.connection_invalidated or _AWAY.fullmatch(state):
        return True
    # where there is no connection yet, drivers give a sentence and no code
    return isinstance(error, OperationalError) and not state and not type(error.orig).__module__.startswith("sqlite")


def _unusable(url: sa.URL, course_root: Path, error: SQLAlchemyError) -> str:
    """Say in one line what is wrong with the gradebook."""
    where = shown(url, course_root)
    detail = str(getattr(error, "orig", None) or error).partition("\n")[0].rstrip(". ")
    if url.password:
        detail = detail.replace(str(url.password), "***")
    answered = error if isinstance(error, DBAPIError) else None
    if "locked" in detail or (answered and _state(answered) in _BUSY):
        return (
            f"The gradebook {where} is locked by another program. Close what is using it "
            "(another run, an nbgrader command, a database viewer), and grade again."
        )
    if "not a database" in detail or "malformed" in detail:
        return (
            f"The gradebook {where} is not a database, or a damaged one ({detail}). Bring back a copy, or move it away."
        )
    if "disk is full" in detail or (answered and _state(answered) == _FULL):
        return f"The gradebook {where} could not be written: the disk is full. Make room, and grade again."
    if answered and _is_away(answered):
        return (
            f"The database server of the gradebook {where} cannot be reached, or does not let us in ({detail}). "
            "See that it runs, and that db_url in nbgrader_config.py is right, and grade again."
        )
    advice = " Make its user the database's owner." if answered and _state(answered) == _FORBIDDEN else ""
    return f"The gradebook {where} cannot be used: {detail}.{advice}"
