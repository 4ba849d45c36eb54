"""A small course in a folder of its own, as an instructor has it once an assignment is released and handed in."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder import demo
from autograder.course import CONFIG, MODULES, Course

ROOT = Path(__file__).resolve().parents[1]
NAME = demo.ASSIGNMENT
BIN = Path(sys.executable).parent
STAMP = "2026-02-05 10:00:00 UTC"


def make(folder: Path, handed_in: Mapping[str, str], *settings: str) -> Path:
    """Make it; nothing is graded yet, and there is no gradebook.

    Parameters
    ----------
    handed_in : mapping of str to str
        Student -> the member of the sample class whose notebook it hands in.
    settings : str
        Lines for nbgrader's configuration.
    """
    folder.mkdir(parents=True)
    shutil.copy(ROOT / CONFIG, folder)
    with (folder / CONFIG).open("a", encoding="utf-8") as config:
        config.writelines(f"{line}\n" for line in settings)
    for part in (*MODULES, f"source/{NAME}", f"release/{NAME}"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    members = {member.student: member for member in demo.MEMBERS}
    made_from = demo.solutions(Course.at(ROOT))
    for student, member in handed_in.items():
        place = folder / "submitted" / student / NAME
        place.mkdir(parents=True)
        (place / f"{NAME}.ipynb").write_bytes(demo.content(members[member], made_from))
        (place / "timestamp.txt").write_text(STAMP)
        (place / "submission_secret.txt").write_text(f"{student}'s, from the exchange")
    return folder


def environment() -> dict[str, str]:
    """Return the environment of a command: with ours and nbgrader's on the search path."""
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    return os.environ | {"PATH": path, "AUTOGRADER_SECRET": "the same inputs, in whichever folder it is graded"}


def run(course: Path, *command: str, tool: Sequence[str] = ("autograder",)) -> subprocess.CompletedProcess[str]:
    """Run a command in a course's folder, ours or another."""
    program, *first = tool
    return subprocess.run(
        [BIN / program, *first, *command],
        cwd=course, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
