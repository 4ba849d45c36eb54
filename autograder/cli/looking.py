"""Commands that look into one thing closely: ``explain`` a grade, ``doctor`` a machine."""

from pathlib import Path
from typing import Annotated

import typer

from autograder.cli.options import HERE, CourseOption, key_of, terminal
from autograder.errors import Exit


def explain(
    student: Annotated[str, typer.Argument(metavar="STUDENT")],
    assignment: Annotated[str, typer.Argument(metavar="ASSIGNMENT")],
    exercise: Annotated[str | None, typer.Argument(metavar="[UNQ_Cn]", help="Default: all.")] = None,
    path: Annotated[
        Path | None, typer.Option(help="Where submissions are, as for grade.", show_default="submitted/")
    ] = None,
    course: CourseOption = HERE,
) -> None:
    """Run a student's very inputs again and show both values. For the instructor: students' pages never show them."""
    from autograder import inspection  # noqa: PLC0415
    from autograder.course import Course  # noqa: PLC0415
    from autograder.reports.text import visible  # noqa: PLC0415

    where = Course.at(course)
    key = key_of(where)
    for line in inspection.inspect(where, key, student, assignment, exercise, path):
        typer.echo(visible(line))


def doctor(
    min_isolation: Annotated[
        str, typer.Option(metavar="LEVEL", help="The level that is wanted: full, namespaces, filtered.")
    ] = "namespaces",
) -> None:
    """Show how well student code is isolated here, layer by layer, by trying; and what would help."""
    from autograder import doctor as doctoring  # noqa: PLC0415
    from autograder.coordinate import floor_of  # noqa: PLC0415

    floor = floor_of(min_isolation)
    console = terminal()
    for line in doctoring.versions():
        typer.echo(line)
    found = doctoring.examine()
    for way in found.ways:
        if way.acts:
            console.print(doctoring.table(way))
    for line in doctoring.missing(found.ways, floor):
        typer.echo(line, err=True)
    if found.level < floor:
        console.print(doctoring.advice())
        typer.echo(f"Level: {found.level.word}, below {floor.word}. Nothing is graded here.", err=True)
        raise typer.Exit(Exit.ISOLATION)
    typer.echo(f"Level: {found.level.word}. Student code can be graded here.")
