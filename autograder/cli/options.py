"""What several commands have in common: options of one meaning, the terminal, what is read from the environment."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.errors import UsageError

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


def warn_of_nbgrader(course: "Course", *, releases: bool = False) -> None:
    """Say on stderr where nbgrader's own commands would run students' code outside the sandbox.

    Parameters
    ----------
    releases : bool
        Whether a release that is not looked through for solutions is told, too.
    """
    from autograder import nbgrader_steps  # noqa: PLC0415  --help must not wait for it
    from autograder.course import CONFIG  # noqa: PLC0415

    kernel = nbgrader_steps.Kind.KERNEL
    found = nbgrader_steps.examine(course.root)
    told = found.of(kernel, nbgrader_steps.Kind.LEAK) if releases else found.of(kernel)
    for finding in told:
        typer.echo(f"Warning: {finding.text}", err=True)
    if not told:
        return
    try:
        statements = found.mending(kernel)
    except UsageError as error:
        typer.echo(str(error), err=True)
        return
    if statements:
        typer.echo(f"These lines at the end of {course.root / CONFIG} mend it:", err=True)
        typer.echo("\n".join(statements), err=True)
    if all(finding.trait is not None for finding in told):
        typer.echo("`autograder doctor` shows all that is to be mended, `autograder doctor --fix` writes it.", err=True)
