"""The command line: the only place that reads arguments and environment, prints, and exits."""

import contextlib
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder import __version__
from autograder.errors import AutograderError, Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from autograder.coordinate import Order
    from autograder.model import Report
    from autograder.sandbox.launch import Launched

app = typer.Typer(
    name="autograder",
    help="Grades notebooks without ever putting answers and student code into one process.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

CourseOption = Annotated[
    Path,
    typer.Option("--course", help="The course's folder (with nbgrader_config.py and source/).", show_default="here"),
]
HERE = Path()


def _version(value: bool) -> None:  # noqa: FBT001  Typer calls it so
    if value:
        typer.echo(f"autograder {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: FBT002  handled by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    pass


@app.command()
def release(
    names: Annotated[list[str] | None, typer.Argument(metavar="[ASSIGNMENT]...", help="Default: all.")] = None,
    course: CourseOption = HERE,
    check: Annotated[  # noqa: FBT002
        bool, typer.Option("--check", help="Write nothing; fail if the release is not what the source makes.")
    ] = False,
) -> None:
    """Make what students get: nbgrader's release, the course's modules, a leak check, a zip."""
    from autograder import release as releasing  # noqa: PLC0415  nbgrader takes seconds to import
    from autograder.course import Course  # noqa: PLC0415

    where = Course.at(course)
    wanted = names or where.assignments()
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


@app.command()
def grade(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...", help="An nbgrader tree, a folder of .ipynb, or one .ipynb. [default: submitted/]"
        ),
    ] = None,
    course: CourseOption = HERE,
    assignment: Annotated[str | None, typer.Option(help="Grade only this assignment.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where results go.", show_default="results/")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that grade at the same time.", show_default="one a core")
    ] = None,
    gradebook: Annotated[bool, typer.Option(help="Write the scores to nbgrader's gradebook.")] = True,  # noqa: FBT002
    min_isolation: Annotated[
        str, typer.Option(metavar="LEVEL", help="Grade nothing below this level: full, namespaces, filtered.")
    ] = "namespaces",
    fresh: Annotated[  # noqa: FBT002
        bool, typer.Option("--fresh", help="Grade everything again, also what has not changed.")
    ] = False,
) -> None:
    """Grade submissions: reports, a page for each student, scores.csv, the gradebook's rows."""
    from autograder.sandbox.launch import Launched  # noqa: PLC0415

    with Launched() as launched:  # first: the sandbox imports while this process does
        from autograder import coordinate, run, secret  # noqa: PLC0415  --help must not wait for numpy
        from autograder.course import Course  # noqa: PLC0415

        where = Course.at(course)
        order = coordinate.Order(
            course=where,
            key=secret.course_secret(where, os.environ.get("AUTOGRADER_SECRET")),
            paths=tuple(paths or [where.root / "submitted"]),
            assignment=assignment,
            out=run.results_folder(where, out),
            workers=workers or run.default_workers(),
            gradebook=gradebook,
            min_isolation=min_isolation,
            fresh=fresh,
        )
        code = _grade(order, launched)
    raise typer.Exit(code)


def _grade(order: "Order", launched: "Launched | None" = None) -> int:
    """Grade and print what came of it; return the exit code."""
    from autograder import coordinate  # noqa: PLC0415
    from autograder.reports import table  # noqa: PLC0415
    from autograder.results import PAGE  # noqa: PLC0415

    console = _console()
    with _progress(console) as (begin, step):
        summary = coordinate.grade_submissions(order, begin, step, launched)
    if summary.reports:
        console.print(table.summary(summary.reports))
    kept = len(summary.reports) - summary.graded
    if kept:
        typer.echo(f"{kept} unchanged since an earlier run, and not graded again (--fresh grades them).")
    typer.echo(f"Scores: {summary.scores}")
    example = next(iter(sorted(order.out.glob(f"**/[!.]*/{PAGE}"))), None)
    typer.echo(f"Pages:  one for each student, for example {example}")
    for problem in summary.problems:
        typer.echo(problem, err=True)
    return int(summary.exit_code)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="A results folder.")] = Path("results"),
) -> None:
    """Make pages and scores.csv again, from the reports on disk."""
    from autograder.errors import UsageError  # noqa: PLC0415
    from autograder.reports import table  # noqa: PLC0415
    from autograder.results import REPORT, Results  # noqa: PLC0415

    # what begins with a dot is a folder that a killed run was still writing
    found = (path.parent for path in folder.glob(f"**/{REPORT}"))
    folders = sorted(path for path in found if not any(p.startswith(".") for p in path.relative_to(folder).parts))
    if not folders:
        raise UsageError(f"{folder} holds no {REPORT}. Run `autograder grade` first, or name another folder.")
    results = Results(folder)
    reports = []
    for place in folders:
        name = place.relative_to(folder).as_posix()
        known = results.read(name)
        if known is None:
            raise UsageError(f"{place / REPORT} cannot be read; grade this submission again.")
        results.write(name, known)
        reports.append(known)
    results.write_scores(reports)
    _console().print(table.summary(reports))


@app.command()
def audit(
    names: Annotated[list[str] | None, typer.Argument(metavar="[ASSIGNMENT]...", help="Default: all.")] = None,
    course: CourseOption = HERE,
) -> None:
    """Test the hidden tests: the solution earns all, the release nothing, every known mistake loses points."""
    from autograder import audit as auditing  # noqa: PLC0415
    from autograder.course import Course  # noqa: PLC0415

    where = Course.at(course)
    weak = False
    for name in names or where.assignments():
        findings = auditing.audit(where, name)
        _console().print(auditing.table(name, findings))
        weak |= any(not finding.as_it_should for finding in findings)
    if weak:
        typer.echo("The hidden tests are weak: see the rows marked above.", err=True)
        raise typer.Exit(Exit.USAGE)


@app.command()
def doctor(
    min_isolation: Annotated[
        str, typer.Option(metavar="LEVEL", help="The level that is wanted: full, namespaces, filtered.")
    ] = "namespaces",
) -> None:
    """Show how well student code is isolated here, layer by layer, by trying; and what would help."""
    from autograder import doctor as doctoring  # noqa: PLC0415
    from autograder.coordinate import floor_of  # noqa: PLC0415

    floor = floor_of(min_isolation)
    console = _console()
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


@app.command()
def demo(
    course: CourseOption = HERE,
    out: Annotated[Path | None, typer.Option(help="Where the sample class goes.", show_default=".demo/")] = None,
) -> None:
    """Make a sample class, release its assignment, grade it, and say where the pages are."""
    from autograder import coordinate, run, secret  # noqa: PLC0415
    from autograder import demo as sample  # noqa: PLC0415
    from autograder.course import Course  # noqa: PLC0415

    where = Course.at(course)
    made = sample.make(where, out or where.root / ".demo")
    typer.echo(f"Released: {made.course.root / 'release'}")
    typer.echo(f"A sample class of {made.size} submissions: {made.course.root / 'submitted'}\n")
    order = coordinate.Order(
        course=made.course,
        key=secret.course_secret(made.course, os.environ.get("AUTOGRADER_SECRET")),
        paths=(made.course.root / "submitted",),
        assignment=None,
        out=made.course.root / "results",
        workers=run.default_workers(),
        gradebook=True,
        min_isolation="namespaces",
        fresh=True,
        limits=sample.LIMITS,
    )
    code = _grade(order)
    typer.echo(f"Gradebook: {made.course.root / 'gradebook.db'}")
    raise typer.Exit(code)


def _console() -> "Console":
    from rich.console import Console  # noqa: PLC0415  needs a tenth of a second

    return Console(width=None if sys.stdout.isatty() else 120)


@contextlib.contextmanager
def _progress(console: "Console") -> "Iterator[tuple[Callable[[int], None], Callable[[Report], None]]]":
    """Show a progress bar on a terminal; nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("Grading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("grading", total=None)

        def begin(total: int) -> None:
            bar.update(task, total=total)

        def step(_report: "Report") -> None:
            bar.advance(task)

        yield begin, step


def main() -> None:
    """Run the command; the console script."""
    # one thread: workers grade side by side, and only a process with one thread can be forked without care
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # nbgrader calls `jupyter` and `alembic` by name: they are beside our own interpreter
    beside = str(Path(sys.executable).parent)
    if beside not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join(filter(None, [beside, os.environ.get("PATH", "")]))
    try:
        app()
    except AutograderError as error:
        typer.echo(f"autograder: {error}", err=True)
        raise SystemExit(int(error.exit_code)) from None
    except SystemExit as end:
        # Typer's own usage errors exit with 2, which here means a submission without a verdict
        usage = end.code == Exit.UNGRADED and not isinstance(end.__context__, typer.Exit)
        raise SystemExit(int(Exit.USAGE) if usage else end.code) from None
    finally:
        gc.freeze()  # the process ends: collecting what is left would take a fifth of a second, and give nothing back
