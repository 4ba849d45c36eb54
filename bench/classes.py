"""Makes the class that all graders grade: as real ones are, mostly right, one in eight wrong in some way."""

import shutil
from pathlib import Path

from processes import run

from autograder import demo
from autograder.course import MODULES, Course

ROOT = Path(__file__).resolve().parents[1]
NAME = demo.ASSIGNMENT
PLAIN_CONFIG = "c = get_config()\nc.CourseDirectory.course_id = 'bench'\n"
WRONG_EVERY = 8  # in 139 public solutions of these two functions, 13 mistakes were counted; here are some more


def composition(size: int) -> list[demo.Member]:
    """Return the members of a class.

    Members that hang or die are left out: nbgrader would wait half a minute for each.
    """
    able = [member for member in demo.MEMBERS if not member.student.startswith(("evil", "bad"))]
    right = [member for member in able if member.score == 100]
    wrong = [member for member in able if member.score < 100]
    return [
        wrong[n // WRONG_EVERY % len(wrong)] if n % WRONG_EVERY == WRONG_EVERY - 1 else right[n % len(right)]
        for n in range(size)
    ]


def contents(course: Course, size: int) -> list[bytes]:
    """Return what a class hands in."""
    made_from = demo.solutions(course)
    known = {member.student: demo.content(member, made_from) for member in composition(size)}
    return [known[member.student] for member in composition(size)]


def course_in(folder: Path) -> Course:
    """Make a course of the first assignment, released, into which nobody has handed in yet."""
    made = demo.make(Course.at(ROOT), folder, [NAME])
    shutil.rmtree(folder / "submitted")
    return made.course


def hand_in(course: Course, size: int, folder: str = "submitted") -> Path:
    """Let a class hand in, and return where: an nbgrader tree."""
    place = course.root / folder
    for number, content in enumerate(contents(course, size)):
        own = place / f"s{number:05d}" / NAME
        own.mkdir(parents=True)
        (own / f"{NAME}.ipynb").write_bytes(content)
    return place


def plain_course(folder: Path, ours: Course, size: int) -> None:
    """Make the same course for nbgrader as it comes, with the first few of the same submissions."""
    folder.mkdir()
    (folder / "nbgrader_config.py").write_text(PLAIN_CONFIG)
    shutil.copytree(ours.root / "source", folder / "source")
    run(["nbgrader", "generate_assignment", NAME], folder)
    for place in sorted((ours.root / "submitted").iterdir())[:size]:
        target = folder / "submitted" / place.name / NAME
        shutil.copytree(place / NAME, target)
        for name in MODULES:  # as a student's folder has them
            shutil.copytree(ours.root / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
