"""What tests of several folders share: the course itself, and a grader of its first assignment."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import database_server
import pytest
from hypothesis import settings

from autograder import demo
from autograder.course import Course
from autograder.grade import Grader
from autograder.sandbox.limits import Limits

# IPython warns where it has no home of its own to write to, as on some CI machines; here warnings are errors
os.environ.setdefault("IPYTHONDIR", tempfile.mkdtemp(prefix="ipython-"))

# a deadline measures the machine and its neighbours, not the code
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

ROOT = Path(__file__).resolve().parents[1]
KEY = b"a secret for tests, and only for tests"


@pytest.fixture(scope="session")
def course() -> Course:
    """Return the course of this repository."""
    return Course.at(ROOT)


@pytest.fixture(scope="session")
def solutions(course: Course) -> demo.Solutions:
    """Return what submissions are made from."""
    return demo.solutions(course)


@pytest.fixture(scope="module")
def grader(course: Course) -> Iterator[Grader]:
    """Return a grader of the first assignment, with short limits and a zygote of its own."""
    limits = Limits(cell_seconds=1.5, call_seconds=1.5, submission_seconds=20, memory=512 << 20)
    with Grader(course, demo.ASSIGNMENT, KEY, limits) as grader:
        yield grader


@pytest.fixture(scope="session")
def postgresql() -> Iterator[database_server.Server]:
    """Return a PostgreSQL server of our own; the tests are skipped, with what to install, where there can be none.

    Tests that use it belong to the group ``postgresql``, so that one process of a parallel run starts one server.
    """
    why = database_server.missing()
    if why:
        pytest.skip(why)
    server = database_server.Server()
    yield server
    server.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Complain where tests of one group would not stay together: all would pass, in much more time."""
    grouped = [item for item in items if item.get_closest_marker("xdist_group")]
    if config.getoption("loadgroup", default=False) and not all("@" in item.nodeid for item in grouped):
        raise pytest.UsageError("This pytest and this pytest-xdist do not keep groups of tests together.")
