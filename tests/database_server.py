"""A PostgreSQL server for tests: in a folder of its own, on a socket in it, gone with it."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

PASSWORD = "for-this-test-only"  # noqa: S105  a server that lives for minutes and listens in a folder of its own
OWNER = "instructor"
START_SECONDS = 120.0
_PLACES = "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"


def missing() -> str:
    """Return why there can be no server here; empty where there can be one."""
    if _program("postgres") is None:
        return "the tests of the gradebook on PostgreSQL need its server: apt-get install postgresql"
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        return f"the tests of the gradebook on PostgreSQL need its Python driver: make setup-ci ({error})"
    return ""


def _program(name: str) -> str | None:
    """Return the path of one of the server's programs; Debian keeps them off the search path."""
    found = sorted(path for place in _PLACES for path in Path("/").glob(f"{place.removeprefix('/')}/{name}"))
    return str(found[-1]) if found else shutil.which(name)


def _nobody() -> dict[str, Any]:
    """Return how a child becomes an ordinary user: the server refuses to run as root."""
    if os.geteuid():
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("There is no ordinary user that the server could run as.")


class Server:
    """One server; `start` and `stop` it as often as a test likes."""

    def __init__(self) -> None:
        self._as = _nobody()
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a short name: a socket's path has at most 107 characters
        if self._as:
            os.chown(self.folder, self._as["user"], self._as["group"])
        self.folder.chmod(0o755)
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._call(
            *(_program("initdb"), "--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"),
            *(f"--username={OWNER}", f"--pwfile={secret}", self._data),
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _call(self, *command: str | None) -> None:
        done = subprocess.run(
            [part for part in command if part], cwd="/", capture_output=True, text=True, check=False, **self._as
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start it, and wait until it answers."""
        # nothing here is worth a wait for the disk; whoever loses power in a test runs it again
        options = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")
        settings = [part for option in options for part in ("-c", option)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_program("postgres"), "-D", self._data, "-k", str(self.folder), *settings],
                cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._as,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            self.run("postgres", "SELECT 1")
        except sa.exc.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stop it at once, whoever is connected; a server that is stopped stays so."""
        if self._process is not None:
            self._process.send_signal(2)  # SIGINT: "fast", connections are closed and what is committed is kept
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop it for good and remove everything."""
        self.stop()
        shutil.rmtree(self.folder)

    def url(self, database: str, password: str = PASSWORD, driver: str = "psycopg") -> str:
        """Return SQLAlchemy's URL of one of its databases."""
        return f"postgresql+{driver}://{OWNER}:{password}@/{database}?host={self.folder}"

    def run(self, database: str, *statements: str) -> list[Any]:
        """Run statements, each by itself, and return the rows of the last."""
        engine = sa.create_engine(self.url(database), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            for statement in statements:
                rows = connection.execute(sa.text(statement))
            return rows.all() if rows.returns_rows else []

    def create(self, database: str, template: str = "template0") -> str:
        """Make a database, empty or as a copy of another, and return its URL."""
        self.run("postgres", f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        self.run("postgres", f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)
