"""Isolation holds for graders that are nobody in particular: a suite that runs as root runs a part of itself again.

An ordinary user's sandbox is built in another way: it has no right over the machine to begin with, writes a map of one
user, may not clear a mount's flags, and gets no control group.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from . import corpus, ordinary_user

CLONE_NEWUSER = 0x10000000
STARTS = f"import os, sys, autograder, IPython, numpy, pytest; sys.exit(os.getuid() != {ordinary_user.UID})"
UNSHARES = f"import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare({CLONE_NEWUSER}) != 0)"
NOT_TRIED = "NOT TRIED AS AN ORDINARY USER: "

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ordinary user")]


def one_of_each() -> list[str]:
    """Return the first case of each family for each layer that stops any of it."""
    first: dict[tuple[str, str], str] = {}
    for case in corpus.all_cases():
        first.setdefault((case.id.partition("/")[0], case.stopped_by), case.id)
    return sorted(first.values())


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python as an ordinary user, in the checkout, with a home folder of that user's own."""
    command = [sys.executable, str(Path(ordinary_user.__file__)), sys.executable, *arguments]
    environment = {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280, check=False)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Return an ordinary user's home; the tests are skipped, with the reason, where nobody can become one."""
    if os.getuid() != 0:
        pytest.skip("the whole suite runs as an ordinary user already")
    folder = Path(tempfile.mkdtemp(prefix="autograder-ordinary-"))
    os.chown(folder, ordinary_user.UID, ordinary_user.GID)
    try:
        tried = run(folder, "-c", STARTS)
        if tried.returncode:
            pytest.skip(f"{NOT_TRIED}it cannot run this interpreter and its packages: {tried.stderr.strip()[-300:]}")
        if run(folder, "-c", UNSHARES).returncode:
            pytest.skip(f"{NOT_TRIED}this machine allows user namespaces to root alone (see `autograder doctor`)")
        yield folder
    finally:
        shutil.rmtree(folder)


def test_an_ordinary_user_has_no_rights_of_roots(home: Path, tmp_path: Path) -> None:
    """What runs there is another user, without groups and capabilities, who cannot read root's files."""
    private = tmp_path / "private"
    private.write_text("root's")
    private.chmod(0o600)
    told = run(
        home, "-c",
        "import os; rights = dict(line.split(':\t') for line in open('/proc/self/status') if ':\t' in line);"
        f"print(os.getresuid(), os.getgroups(), int(rights['CapPrm'], 16), os.access({str(private)!r}, os.R_OK))",
    )  # fmt: skip
    assert told.stdout.split("\n")[0] == f"{(ordinary_user.UID,) * 3} [] 0 False", told.stderr
    assert private.read_text() == "root's"


def test_an_ordinary_users_sandbox_reaches_the_default_floor(home: Path) -> None:
    """`autograder doctor` tries every forbidden act in that user's sandbox, and finds at least `namespaces`."""
    doctor = run(home, "-m", "autograder", "doctor")
    assert f"uid {ordinary_user.UID}" in doctor.stdout
    assert any(f"Level: {level}." in doctor.stdout for level in ("namespaces", "full")), doctor.stdout + doctor.stderr
    assert doctor.returncode == 0


@pytest.mark.parametrize("what", ["removal", "corpus"])
def test_an_ordinary_users_sandbox_holds(home: Path, what: str) -> None:
    """Each layer stops something there too, and so does the whole of them each kind of hostile submission."""
    if what == "removal":
        chosen, least = ["tests/hostile/test_removal.py"], 20
    else:
        cases = one_of_each()
        chosen = [f"tests/hostile/test_corpus.py::test_a_hostile_submission[{case}]" for case in cases]
        least = len(cases)
    report = home / f"{what}.xml"
    ran = run(home, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}", *chosen)
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr
    tests = list(ET.parse(report).iter("testcase"))  # noqa: S314  our own
    assert len(tests) >= least
    skipped = [test.get("name") for test in tests if test.find("skipped") is not None]
    assert what == "removal" or not skipped
    assert len(skipped) <= 3, ran.stdout  # what this machine, or a checkout below /tmp, cannot show


SHUT = """
import sys
from pathlib import Path
from autograder import intake
from autograder.course import Course
from autograder.errors import SubmissionError, UnreadableError

root, name = Path(sys.argv[1]), "rnn_step_by_step"
for number, student in enumerate(("ada", "ben", "cyd")):
    download = root / "download" / f"{student} b_{number + 7}_assignsubmission_file"
    for folder in (root / "tree" / student / name, download):
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_text("{}")
shut = [root / "tree" / "ben", root / "tree" / "cyd" / name, folder]
for folder in shut:
    folder.chmod(0)
for way in ("tree", "download"):
    for submitted in intake.find(Course.at(Path.cwd()), [root / way], name):
        try:
            print(submitted.student, len(intake.read(submitted)))
        except (SubmissionError, UnreadableError):
            print(submitted.student, "shut")
for folder in shut:
    folder.chmod(0o700)
"""


def test_a_folder_that_is_shut_stops_nobody_else(home: Path) -> None:
    """In a tree and in an unpacked download, the others are found; whoever is shut in is not passed over either."""
    told = run(home, "-c", SHUT, str(home / "shut"))
    assert told.returncode == 0, told.stderr
    assert told.stdout.split("\n")[:-1] == ["ada 2", "ben shut", "cyd shut", "7 2", "8 2", "9 shut"]
