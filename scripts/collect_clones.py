"""Clone the students' repositories that a list names: one folder for each, with the notebooks and nothing else.

``python3 scripts/collect_clones.py LIST FOLDER``, where LIST has one student a line, ``STUDENT ADDRESS``; a line that
begins with ``#`` is for you. ADDRESS is ``OWNER/NAME``, at the server that ``--server`` or CI names, or a whole
``https://`` address. ``COLLECT_TOKEN`` in the environment is shown to that server alone, and kept in no clone.
`autograder grade FOLDER` then finds a folder of clones.

Exit codes: 0 all are there, 1 the list is not one and nothing was cloned, 2 some could not be cloned: those have no
folder, since an empty one would look like a student who handed in nothing.

A repository is a stranger's: no hook, filter or submodule of it is run or fetched, links are written as plain files,
and what is too large or takes too long is given up. It needs git and Python's standard library.
"""

import argparse
import base64
import os
import re
import resource
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

AT_ONCE = 8  # clones; it is the server that takes its time
SECONDS = 180  # for each command
LARGEST = 200 << 20  # bytes of one file, so also of what comes over the wire
NOTEBOOKS = 64 << 20  # bytes of a student's notebooks in all
MOST = 1000  # notebooks of a student

STUDENT = re.compile(r"[^\s./#-][^/]{0,99}")
SHORT = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)+", re.ASCII)
WHOLE = re.compile(r"https://[!-~]+")

# what a clone could otherwise bring to life, or leave for later
SAFE = {
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.symlinks": "false",
    "submodule.recurse": "false",
}


class ListError(Exception):
    """A list that cannot be followed; its text says what to mend."""


class CloneError(Exception):
    """A repository that could not be cloned; its text says why."""


def read(text: str, server: str) -> dict[str, str]:
    """Return the address of each student's repository.

    Raises
    ------
    ListError
        With the line.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        student, _, address = line.strip().rpartition(" ")
        student = student.strip()
        if not STUDENT.fullmatch(student) or not student.isprintable():
            raise ListError(f"Line {number} does not begin with a student: STUDENT ADDRESS, for example ada ada/rnn.")
        if SHORT.fullmatch(address):
            if not server:
                raise ListError(f"Line {number}: {address} is at no server. Name one with --server https://...")
            address = f"{server.rstrip('/')}/{address.removesuffix('.git')}.git"
        elif not WHOLE.fullmatch(address):
            raise ListError(f"Line {number}: {address!r} is no address: OWNER/NAME, or one that begins with https://.")
        if student in found:
            raise ListError(f"Line {number}: {student} has a repository already.")
        found[student] = address
    if not found:
        raise ListError("The list names no student.")
    alike = [name for name, count in Counter(map(str.casefold, found)).items() if count > 1]
    if alike:
        raise ListError(f"Two students are called {alike[0]}, but for upper and lower case: one folder for two.")
    return found


def environment(server: str, token: str, user: str) -> dict[str, str]:
    """Return what git is told: nothing of this machine's configuration, and the token only for one server."""
    settings = dict(SAFE)
    if token and server:
        shown = base64.b64encode(f"{user}:{token}".encode()).decode("ascii")
        settings[f"http.{server.rstrip('/')}/.extraHeader"] = f"Authorization: Basic {shown}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "COLLECT_"))}
    ours = {
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    for number, (key, value) in enumerate(settings.items()):
        ours |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return kept | ours


def git(settings: Mapping[str, str], *arguments: str | Path) -> bytes:
    """Run git and return what it prints.

    Raises
    ------
    CloneError
        With the last line that it complained with.
    """
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607  whichever git is installed
            env=settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise CloneError(f"it took more than {SECONDS} seconds") from error
    if done.returncode:
        complaint = done.stderr.decode(errors="replace").strip().splitlines() or [f"git ended with {done.returncode}"]
        raise CloneError(complaint[-1][:300])
    return done.stdout


def clone(settings: Mapping[str, str], address: str, folder: Path) -> str:
    """Clone one repository without its history, and return the commit; nothing stays of a failure.

    Raises
    ------
    CloneError
        Saying why.
    """
    how = ("--quiet", "--depth", "1", "--no-tags", "--no-checkout", "--template=")
    try:
        git(settings, "clone", *how, "--", address, folder)
        return _write_notebooks(settings, folder)
    except (CloneError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise CloneError(str(error)) from error


def _write_notebooks(settings: Mapping[str, str], folder: Path) -> str:
    """Write the notebooks of a clone's newest commit, and return that commit."""
    here = ("-C", folder)
    try:
        commit = git(settings, *here, "rev-parse", "--verify", "--quiet", "HEAD").decode("ascii").strip()
    except CloneError:
        return "no commit"  # a repository that nobody has pushed to
    listed = git(settings, *here, "ls-tree", "-r", "-l", "-z", "HEAD").split(b"\0")
    notebooks = [entry for entry in listed if entry.lower().endswith(b".ipynb")]
    sizes = [entry.partition(b"\t")[0].split()[-1] for entry in notebooks]
    if len(notebooks) > MOST or sum(int(size) for size in sizes if size.isdigit()) > NOTEBOOKS:
        raise CloneError(f"it has more than {MOST} notebooks, or more than {NOTEBOOKS >> 20} MiB of them")
    if notebooks:
        git(settings, *here, "checkout", "--quiet", "HEAD", "--", ":(icase)*.ipynb")
    return commit[:12]


def main() -> int:
    """Read the list, clone, and say what came of it."""
    parser = argparse.ArgumentParser(description="Clone the students' repositories that a list names.")
    parser.add_argument("list", type=Path, help="one student a line: STUDENT ADDRESS")
    parser.add_argument("folder", type=Path, help="where the clones go; a new one")
    at = os.environ.get("GITHUB_SERVER_URL") or os.environ.get("CI_SERVER_URL") or ""
    parser.add_argument("--server", default=at, help="where OWNER/NAME is [default: what CI says]")
    parser.add_argument("--user", default="x-access-token", help="the name that goes with the token")
    options = parser.parse_args()
    try:
        students = read(options.list.read_text(encoding="utf-8"), options.server)
        options.folder.mkdir(parents=True)
    except (ListError, OSError, UnicodeError) as error:
        print(f"{error} Nothing was cloned.", file=sys.stderr)
        return 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST))  # for git: what we write ourselves is small
    settings = environment(options.server, os.environ.get("COLLECT_TOKEN", ""), options.user)
    failed = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = {
            student: pool.submit(clone, settings, address, options.folder / student)
            for student, address in students.items()
        }
        for student, job in jobs.items():
            try:
                print(f"{student}: {job.result()}")
            except CloneError as error:
                failed += 1
                # another server wrote this: it is shown, and does nothing to a terminal
                print(f"{student}: could not be cloned: {ascii(str(error))[1:-1]}", file=sys.stderr)
    print(f"{len(students) - failed} of {len(students)} repositories cloned.")
    return 2 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
