"""Commands of those who write assignments: ``release``, ``audit``, ``new``."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.options import HERE, CourseOption, key_of, terminal, warn_of_nbgrader
from autograder.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autograder.course import Course


def release(
    names: Annotated[list[str] | None, typer.Argument(metavar="[ASSIGNMENT]...", help="Default: all.")] = None,
    course: CourseOption = HERE,
    check: Annotated[  # noqa: FBT002
        bool, typer.Option("--check", help="Write nothing; fail if the release is not what the source makes.")
    ] = False,
    gradescope: Annotated[  # noqa: FBT002
        bool, typer.Option("--gradescope", help="Make the autograder zip for Gradescope instead; it holds the answers.")
    ] = False,
) -> None:
    """Make what students get: nbgrader's release, the course's modules, a leak check, a zip."""
    from autograder.course import Course  # noqa: PLC0415

    where = Course.at(course)
    warn_of_nbgrader(where, releases=True)
    wanted = names or where.assignments()
    if gradescope:
        _pack_for_gradescope(where, wanted, check=check)
        return
    from autograder import release as releasing  # noqa: PLC0415  nbgrader takes seconds to import

    if check:
        stale = [line for name in wanted for line in releasing.is_fresh(where, name)]
        for line in stale:
            typer.echo(line, err=True)
        if stale:
            typer.echo("The release is stale: run `make release` and commit the result.", err=True)
            raise typer.Exit(Exit.USAGE)
        typer.echo(f"The release of {', '.join(wanted)} is what the source makes.")
        return
    for made in releasing.release(where, wanted):
        typer.echo(f"{made.name}: {made.folder}")
        for warning in made.warnings:
            typer.echo(f"  {warning}", err=True)


def _pack_for_gradescope(where: "Course", names: "Sequence[str]", *, check: bool) -> None:
    from autograder import gradescope_zip  # noqa: PLC0415
    from autograder.errors import UsageError  # noqa: PLC0415

    if check:
        raise UsageError("--check is for the students' release; say --gradescope without it.")
    key = key_of(where)
    for name in names:
        typer.echo(f"{name}: {gradescope_zip.build(where, name, key)}")
    typer.echo("Upload it under Configure Autograder. It holds the solution and the hidden tests: for nobody else.")


def audit(
    names: Annotated[list[str] | None, typer.Argument(metavar="[ASSIGNMENT]...", help="Default: all.")] = None,
    course: CourseOption = HERE,
    workers: Annotated[int, typer.Option(min=0, help="How many at a time; 0: one for each core.")] = 0,
    key: Annotated[str, typer.Option(metavar="HEX", help="Draw the same inputs as an earlier audit did.")] = "",
) -> None:
    """Test the hidden tests: the solution earns all, the release nothing, mistakes and mutants lose points."""
    from autograder import auditing  # noqa: PLC0415
    from autograder.course import Course  # noqa: PLC0415
    from autograder.reports import progress  # noqa: PLC0415

    where = Course.at(course)
    warn_of_nbgrader(where)
    console = terminal()
    with progress.bar(console, "Auditing") as (begin, step):
        chosen = names or where.assignments()
        reports = list(auditing.audited(where, chosen, workers=workers, key=key, begin=begin, step=step))
    weak = False
    for report in reports:
        console.print(report.table)
        for complaint in report.complaints:
            typer.echo(complaint)
        weak |= not report.ok
    typer.echo(f"Written: {auditing.path_of(where)}")
    if weak:
        typer.echo("The hidden tests are weak: what is named above should not be.", err=True)
        raise typer.Exit(Exit.USAGE)


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="For example gru_step_by_step.")],
    course: CourseOption = HERE,
) -> None:
    """Start an assignment of your own from a template that can be released and graded at once."""
    from autograder import new as making  # noqa: PLC0415
    from autograder.course import Course  # noqa: PLC0415

    where = Course.at(course)
    made = making.make(where, name)
    elsewhere = "" if where.root == Path.cwd() else f" --course {shlex.quote(str(course))}"
    typer.echo(f"Made {made.notebook.relative_to(where.root)}, the notebook with its solution,")
    typer.echo(f"     {made.readme.relative_to(where.root)}, which students get beside it,")
    typer.echo(f"     {made.tests.relative_to(where.root)}, its hidden tests.")
    _mend_nbgrader(where)
    typer.echo("Make the exercise in them yours. At any time, from now on:")
    typer.echo(f"  autograder release {name}{elsewhere}   # makes what students get")
    typer.echo(f"  autograder audit {name}{elsewhere}     # tests the hidden tests")


def _mend_nbgrader(course: "Course") -> None:
    """Let nbgrader's own commands grade in the sandbox, and say so; where that cannot be done, why."""
    from autograder import nbgrader_steps  # noqa: PLC0415
    from autograder.course import CONFIG  # noqa: PLC0415
    from autograder.errors import UsageError  # noqa: PLC0415

    try:
        fixed = nbgrader_steps.fix(course.root)
    except UsageError as error:
        typer.echo(f"Warning: {error}", err=True)
        return
    if fixed.titles:
        typer.echo(f"Wrote to {CONFIG}, so that `nbgrader autograde` runs students' code in the sandbox, too:")
        typer.echo(f"     {', '.join(fixed.titles)}.")
