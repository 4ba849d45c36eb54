"""How `autograder.gradebook` reaches nbgrader's gradebook, and makes sure that it is fit to be written.

Importing ``nbgrader.api`` the plain way takes 1.6 to 2.8 s, and hardly any of it is the gradebook: the package's
``__init__`` imports the server extensions and with them every application, and nbformat's validator imports a grammar
of web addresses (1.1 s) for a check that no notebook uses. `models` leaves out both, in about 0.45 s.
"""

import ast
import contextlib
import functools
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.errors import UsageError
from autograder.gradebook_connection import connected, failing_as, lock, patiently, shown

COURSE = "default_course"  # nbgrader's name for the course where its configuration gives none
GLANCE = 2.0  # seconds a gradebook may be busy when a run begins

_ALIAS = "_autograder_nbgrader"
# What nbgrader's models import on their way and never use: stand-ins with these names, or None for "not installed".
_UNUSED: dict[str, tuple[str, ...] | None] = {
    "rfc3987_syntax": None,  # jsonschema does without it
    "requests": (),
    "setuptools": (),
    "setuptools.archive_util": ("unpack_archive", "unpack_tarfile", "unpack_zipfile"),
}


def url_in(course_root: Path, configured: str = "") -> str:
    """Return the gradebook's URL as nbgrader takes it: ``CourseDirectory.db_url`` where that is configured."""
    return configured or f"sqlite:///{course_root.resolve() / 'gradebook.db'}"


def file_of(url: str) -> Path | None:
    """Return the file that a gradebook is kept in; None where a server has it."""
    parsed = sa.make_url(url)
    named = parsed.get_backend_name() == "sqlite" and parsed.database and not parsed.database.startswith("file:")
    return Path(parsed.database or "") if named else None


def check(url: str, course_root: Path) -> None:
    """Make sure that grades can be written, before anything is graded.

    Parameters
    ----------
    url : str
        SQLAlchemy's URL of the gradebook. An SQLite file that is still to be made is fine.
    course_root : Path
        The course's folder, against which the message shortens the file's name.

    Raises
    ------
    UsageError
        If the gradebook cannot be reached, read or written, is locked, is no gradebook, or belongs to another
        version of nbgrader. One line says which, and what to do.
    """
    with failing_as(UsageError, url, course_root), connected(url) as engine:
        where = shown(engine.url, course_root)
        if engine.dialect.name == "sqlite" and not _file_exists(engine.url, where):
            return
        with engine.connect() as connection:
            lock(connection, GLANCE, alone=False)  # leaving gives it back
            _check_schema(connection, where)
            _check_encoding(connection, where)


def ensure_assignment(url: str, name: str, notebook_path: Path, course_id: str = COURSE) -> None:
    """Put an assignment into the gradebook if it is not there, as ``nbgrader generate_assignment`` does.

    Parameters
    ----------
    url : str
        SQLAlchemy's URL of the gradebook; made where there is none.
    name : str
        The assignment.
    notebook_path : Path
        Its release notebook. The source notebook does as well: its solutions are not recorded, and nbgrader fills in
        what is left open when it next generates the assignment.
    course_id : str, optional
        nbgrader's name for the course.

    Raises
    ------
    UsageError
        If the notebook cannot be read, or the gradebook has the assignment with other cells or other points.
    """
    api = models()  # first: nbformat is quicker to import after it
    try:
        notebook = importlib.import_module("nbformat").read(notebook_path, as_version=4)
        _notebook(api, name, notebook)
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise UsageError(f"{notebook_path} cannot be read as a notebook: {error}. Is it a release notebook?") from error
    with failing_as(UsageError, url), connected(url) as engine:
        patiently(engine, lambda connection: _ensure(api, connection, name, notebook, course_id))


def _ensure(api: Any, connection: sa.Connection, name: str, notebook: Any, course_id: str) -> None:
    """Do so, on a connection whose transaction the caller ends."""
    _create_missing(connection)
    with Session(connection) as session:
        if session.get(api.Course, course_id) is None:
            session.add(api.Course(id=course_id))
        assignment = session.scalar(sa.select(api.Assignment).where(api.Assignment.name == name))
        if assignment is None:
            assignment = api.Assignment(name=name, course_id=course_id)
            session.add(assignment)
        known = next((n for n in assignment.notebooks if n.name == name), None)
        fresh = _notebook(api, name, notebook)
        if known is None:
            fresh.assignment = assignment
            session.add(fresh)
        elif _cells(known) != _cells(fresh):
            raise UsageError(
                f"The gradebook has {name!r} with other graded cells or points than its notebook now has. "
                f"Run `nbgrader generate_assignment {name} --force` so that both agree, and grade again."
            )
        session.flush()


@contextlib.contextmanager
def opened(url: str, course_id: str = COURSE) -> Iterator[Any]:
    """Open nbgrader's ``Gradebook``, made first where there is none, and close it on leaving.

    Without a course id, nothing is written by opening it; with one, the course is put in where it is not there yet.
    """
    api = models()
    with connected(url) as engine:
        patiently(engine, _create_missing)
    with api.Gradebook(url, course_id) as book:
        yield book


@functools.cache
def models() -> Any:
    """Return the module ``nbgrader.api``, without the rest of nbgrader where that can be done.

    The module is imported as part of a package of another name that has nbgrader's folder and no ``__init__``:
    ``nbgrader`` itself is left as it is, to be imported by whoever wants it, and if it already is, or if anything
    about this fails, the plain import is used. Both read and write the same database in the same way.
    """
    if "nbgrader" not in sys.modules:
        with contextlib.suppress(ImportError, AttributeError):
            return _light_models()
    return importlib.import_module("nbgrader.api")


def _light_models() -> ModuleType:
    package = ModuleType(_ALIAS)
    package.__path__ = [str(_folder())]
    sys.modules[_ALIAS] = package
    with _stand_ins():
        try:
            return importlib.import_module(f"{_ALIAS}.api")
        except BaseException:
            for name in [name for name in sys.modules if name.partition(".")[0] == _ALIAS]:
                del sys.modules[name]
            raise


@contextlib.contextmanager
def _stand_ins() -> Iterator[None]:
    """Keep modules that would not be used from being imported, for a while; those that are loaded stay as they are."""
    placed = [name for name in _UNUSED if name not in sys.modules]
    for name in placed:
        attributes = _UNUSED[name]
        if attributes is None:
            sys.modules[name] = None  # type: ignore[assignment]  # Python's own way to say that there is none
            continue
        stand_in = ModuleType(name)
        stand_in.__dict__.update(dict.fromkeys(attributes))
        sys.modules[name] = stand_in
    try:
        yield
    finally:
        for name in placed:
            del sys.modules[name]


def _notebook(api: Any, name: str, notebook: Any) -> Any:
    """Return nbgrader's record of a source notebook and its cells."""
    record = api.Notebook(name=name, kernelspec=json.dumps(notebook.metadata.get("kernelspec", {})))
    for cell in notebook.cells:
        graded, solution = api.utils.is_grade(cell), api.utils.is_solution(cell)
        locked, task = api.utils.is_locked(cell), api.utils.is_task(cell)
        if not (graded or solution or locked or task):
            continue
        settings = cell.metadata.nbgrader
        grade_id, digest = settings["grade_id"], api.utils.compute_checksum(cell)
        if graded or task:
            kind = api.GradeCell if graded else api.TaskCell
            kind(name=grade_id, notebook=record, max_score=float(settings["points"]), cell_type=cell.cell_type)
        if solution:
            api.SolutionCell(name=grade_id, notebook=record)
        # a solution cell that nbgrader has not stamped may hold the solution, which is not for the gradebook
        told = not solution or settings.get("checksum") == digest
        api.SourceCell(
            name=grade_id, notebook=record, cell_type=cell.cell_type, locked=bool(locked),
            source=cell.source if told else None, checksum=digest if told else None,
        )  # fmt: skip
    return record


def _cells(notebook: Any) -> set[tuple[str, str, float | None]]:
    """Return what grading depends on in nbgrader's record of a notebook."""
    graded = {("grade", cell.name, cell.max_score) for cell in notebook.grade_cells}
    return graded | {("solution", cell.name, None) for cell in notebook.solution_cells}


def _folder() -> Path:
    """Return nbgrader's folder, without importing it."""
    spec = importlib.util.find_spec("nbgrader")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("nbgrader is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def _create_missing(connection: sa.Connection) -> None:
    """Make the tables of an empty gradebook, as nbgrader does, but without its detour over the ``alembic`` command.

    That command has to be found on the search path, which it is not when our own command is called by its full name.
    """
    if not sa.inspect(connection).get_table_names():
        stamp = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), nullable=False))
        stamp.create(connection)
        connection.execute(sa.insert(stamp).values(version_num=_revisions()[0]))
    models().Base.metadata.create_all(connection)


def _revisions() -> tuple[str, frozenset[str]]:
    """Return the revision of the schema that this nbgrader writes, and all that it knows how to upgrade from.

    Read from its migration scripts as text: Alembic itself takes half a second to import.
    """
    known: dict[str, str | None] = {}
    for path in (_folder() / "alembic" / "versions").glob("*.py"):
        values = {
            statement.targets[0].id: statement.value.value
            for statement in ast.parse(path.read_bytes()).body
            if isinstance(statement, ast.Assign)
            and isinstance(statement.targets[0], ast.Name)
            and isinstance(statement.value, ast.Constant)
        }
        known[str(values["revision"])] = values["down_revision"]  # type: ignore[assignment]
    heads = known.keys() - known.values()
    if len(heads) != 1:
        raise UsageError(f"This nbgrader has {len(heads)} newest revisions of its gradebook, not one. Reinstall it.")
    return heads.pop(), frozenset(known)


def _file_exists(url: sa.URL, where: str) -> bool:
    """Say whether there is a file to look into; complain where none could be made, or that one not be written."""
    if not url.database or url.database == ":memory:":
        raise UsageError("The gradebook's URL names no file, so the grades would be lost. Give it a file.")
    if url.database.startswith("file:"):
        return True  # SQLite's own kind of URL: opening it will tell
    path = Path(url.database)
    if path.is_dir():
        raise UsageError(f"The gradebook {where} is a folder, not a file. Move it away, or give another --gradebook.")
    if path.exists():
        if not os.access(path, os.R_OK | os.W_OK):
            raise UsageError(f"The gradebook {where} may not be read and written by you. Ask its owner for both.")
        return True
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"The gradebook {where} cannot be made: its folder is missing, or you may not write there.")
    return False


def _check_schema(connection: sa.Connection, where: str) -> None:
    tables = sa.inspect(connection).get_table_names()
    if not tables:
        return
    if "alembic_version" not in tables:
        raise UsageError(f"{where} is a database, but no gradebook of nbgrader: it is not stamped with a version.")
    head, known = _revisions()
    stamps = set(connection.scalars(sa.text("SELECT version_num FROM alembic_version")))
    if stamps == {head}:
        # a write that changes nothing and is never committed: nothing short of it tells that writing is allowed
        connection.execute(sa.text("UPDATE alembic_version SET version_num = version_num"))
        return
    if stamps and stamps <= known:
        raise UsageError(
            f"The gradebook {where} was made by an older nbgrader. Make a copy of it, run `nbgrader db upgrade`, "
            "and grade again."
        )
    stamp = ", ".join(sorted(map(ascii, stamps))) or "none"
    raise UsageError(
        f"The gradebook {where} has a version of its schema ({stamp}) that this nbgrader does not know. It was made "
        "by a newer nbgrader, or by another program: update nbgrader, or give the right gradebook."
    )


def _check_encoding(connection: sa.Connection, where: str) -> None:
    """Refuse a database that cannot hold every student's name: SQLite always can, PostgreSQL if it was made so."""
    if connection.dialect.name == "postgresql":
        encoding = connection.scalar(sa.text("SHOW server_encoding"))
        if encoding != "UTF8":
            raise UsageError(
                f"The gradebook {where} is kept in {encoding}, which cannot hold every name and comment. Make the "
                "database anew with `createdb --encoding=UTF8 --template=template0`."
            )
