"""Commands that look into one thing closely: ``explain`` a grade, ``doctor`` a machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.options import HERE, CourseOption, key_of, terminal
from autograder.errors import Exit, UsageError

if TYPE_CHECKING:
    from autograder.course import Course


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
    course: Annotated[
        Path | None,
        typer.Option("--course", help="The course whose configuration is looked at.", show_default="here, if one is"),
    ] = None,
    fix: Annotated[  # noqa: FBT002
        bool, typer.Option("--fix", help="Write the lines that the course's nbgrader_config.py needs.")
    ] = False,
) -> None:
    """Show how well student code is isolated, on this machine and by nbgrader in this course; and what would help."""
    from autograder import doctor as doctoring  # noqa: PLC0415
    from autograder.coordinate import floor_of  # noqa: PLC0415
    from autograder.course import Course  # noqa: PLC0415

    floor = floor_of(min_isolation)
    where = Course.at(course or HERE) if course is not None or fix or Course.is_at(HERE) else None
    console = terminal()
    for line in doctoring.versions():
        typer.echo(line)
    found = doctoring.examine()
    for way in found.ways:
        if way.acts:
            console.print(doctoring.table(way))
    if where is not None:
        _show_nbgrader(where, fix=fix)
    for line in doctoring.missing(found.ways, floor):
        typer.echo(line, err=True)
    if found.level < floor:
        console.print(doctoring.advice())
        typer.echo(f"Level: {found.level.word}, below {floor.word}. Nothing is graded here.", err=True)
        raise typer.Exit(Exit.ISOLATION)
    typer.echo(f"Level: {found.level.word}. Student code can be graded here.")


def _show_nbgrader(course: "Course", *, fix: bool) -> None:
    """Print what nbgrader's own commands would do in a course, and the lines that mend it; or write these."""
    from autograder import nbgrader_steps  # noqa: PLC0415
    from autograder.course import CONFIG  # noqa: PLC0415

    if fix:
        fixed = nbgrader_steps.fix(course.root)
        if fixed.titles:
            typer.echo(f"Written to {fixed.path}: {', '.join(fixed.titles)}.")
    found = nbgrader_steps.examine(course.root)
    for finding in found.findings:
        typer.echo(finding.text)
    try:
        statements = found.mending(*nbgrader_steps.Kind)
    except UsageError as error:
        statements = []
        typer.echo(str(error))
    if statements:
        typer.echo(f"\nThese lines at the end of {course.root / CONFIG} mend it; --fix writes them:\n")
        typer.echo("\n".join(["c = get_config()", *statements, ""]))
    if not found.findings:
        typer.echo(
            f"nbgrader in {course.root}: `nbgrader autograde` runs students' code in the sandbox, and nowhere else."
        )
    typer.echo(
        "`nbgrader validate` and the Validate button run a notebook in an ordinary kernel, whatever is configured: "
        "they are for students' own machines, not for what was handed in."
    )
