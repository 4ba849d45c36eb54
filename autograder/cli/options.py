"""What several commands have in common: options of one meaning, the terminal, what is read from the environment."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from autograder.course import Course

CourseOption = Annotated[
    Path,
    typer.Option("--course", help="The course's folder (with nbgrader_config.py and source/).", show_default="here"),
]
HERE = Path()
FormatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="NAME,...",
        help="Write these too, to exports/ in the results: csv, canvas, moodle, junit, gradescope, github, jsonl.",
    ),
]
IdsOption = Annotated[
    Path | None,
    typer.Option("--ids", help="A CSV with what Canvas or Moodle knows the students by; see docs/exports.md."),
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="ASSIGNMENT=HEADING", help="How Canvas or Moodle call an assignment's column."),
]


def key_of(course: "Course") -> bytes:
    """Return the course's secret; ``AUTOGRADER_SECRET`` stands above the file."""
    from autograder import secret  # noqa: PLC0415  --help must not wait for numpy

    return secret.course_secret(course, os.environ.get("AUTOGRADER_SECRET"))


def command_line() -> str:
    """Return what was typed, for whoever finds its results folder in use."""
    return shlex.join(["autograder", *sys.argv[1:]])


def terminal() -> "Console":
    """Return the terminal, or a page of a fixed width where there is none."""
    from rich.console import Console  # noqa: PLC0415  needs a tenth of a second

    return Console(width=None if sys.stdout.isatty() else 120)
