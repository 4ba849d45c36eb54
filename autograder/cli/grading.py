"""Commands that grade a class and show what came of it: ``grade``, ``report``, ``demo``."""

import contextlib
import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.options import (
    HERE,
    ColumnOption,
    CourseOption,
    FormatOption,
    IdsOption,
    command_line,
    key_of,
    terminal,
    warn_of_nbgrader,
)
from autograder.errors import AutograderError, Exit, GraderError, StartError, UsageError

if TYPE_CHECKING:
    from autograder.coordinate import Order, Summary
    from autograder.exporting import Wanted, Written
    from autograder.model import Report
    from autograder.reports.changes import Changes
    from autograder.sandbox.launch import Launched


def grade(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="An nbgrader tree, a folder of .ipynb, one .ipynb, a class's zip from Canvas or Moodle, "
            "a folder of git clones. [default: submitted/]",
        ),
    ] = None,
    course: CourseOption = HERE,
    assignment: Annotated[str | None, typer.Option(help="Grade only this assignment.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where results go.", show_default="results/")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that grade at the same time.", show_default="one a core")
    ] = None,
    scheduler: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Let the workers of this Dask scheduler grade; see docs/scale.md."),
    ] = "",
    gradebook: Annotated[bool, typer.Option(help="Write the scores to nbgrader's gradebook.")] = True,  # noqa: FBT002
    min_isolation: Annotated[
        str, typer.Option(metavar="LEVEL", help="Grade nothing below this level: full, namespaces, filtered.")
    ] = "namespaces",
    fresh: Annotated[  # noqa: FBT002
        bool, typer.Option("--fresh", help="Grade everything again, also what has not changed.")
    ] = False,
    dry_run: Annotated[  # noqa: FBT002
        bool, typer.Option("--dry-run", help="Grade, show who would gain and who would lose, and write nothing.")
    ] = False,
    watch: Annotated[  # noqa: FBT002
        bool, typer.Option("--watch", help="Go on, and grade whatever comes or changes there, until Ctrl-C.")
    ] = False,
    which: Annotated[
        str, typer.Option(metavar="WHICH", help="Which notebook counts where a student handed in several: last, first.")
    ] = "last",
    formats: FormatOption = None,
    ids: IdsOption = None,
    columns: ColumnOption = None,
) -> None:
    """Grade submissions: reports, a page for each student, scores.csv, the gradebook's rows."""
    from autograder.sandbox.launch import Launched  # noqa: PLC0415

    if scheduler and workers:
        raise UsageError("--workers is for processes on this machine; with --scheduler, the cluster has its own.")
    with contextlib.ExitStack() as stack:
        launched = None
        if not scheduler:
            with contextlib.suppress(StartError):  # it is started later then, with patience
                launched = stack.enter_context(Launched())  # it imports while this process does
        from autograder import coordinate, pools, run  # noqa: PLC0415  --help must not wait for numpy
        from autograder.course import Course  # noqa: PLC0415

        where = Course.at(course)
        order = coordinate.Order(
            course=where,
            key=key_of(where),
            paths=tuple(paths or [where.root / "submitted"]),
            assignment=assignment,
            out=run.results_folder(where, out),
            workers=workers or pools.default_workers(),
            gradebook=gradebook,
            min_isolation=min_isolation,
            fresh=fresh,
            which=which,
            exports=_wanted(formats, ids, columns),
            command=command_line(),
            dry_run=dry_run,
            scheduler=scheduler,
        )
        warn_of_nbgrader(where)
        code = _fenced(order, functools.partial(_watch if watch else _grade, order, launched))
    raise typer.Exit(code)


def _fenced(order: "Order", run: Callable[[], int]) -> int:
    """Grade; whatever fails there that nobody expected is one sentence, and its traceback stands in the log.

    Raises
    ------
    AutograderError
        What is known, as it is, and everything else as a `GraderError`.
    """
    from autograder.failures import LOG, Failure, Problems  # noqa: PLC0415

    try:
        return run()
    except (AutograderError, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001  its text may be a student's, and has no place on a terminal
        problems = Problems(None if order.dry_run else order.out / LOG)
        problems.add_failure("runs", "The run", Failure.of("it ended before all was done", error))
        raise GraderError(" ".join(problems.lines())) from None


def _grade(order: "Order", launched: "Launched | None" = None) -> int:
    """Grade and print what came of it; return the exit code."""
    from autograder import coordinate  # noqa: PLC0415
    from autograder.interrupt import Interrupt  # noqa: PLC0415
    from autograder.reports import progress  # noqa: PLC0415

    console = terminal()
    with Interrupt() as interrupt, progress.bar(console) as (begin, step):
        audience = coordinate.Audience(begin, step, step, _tell_changes)
        summary = coordinate.grade_submissions(order, audience, launched, interrupt.__bool__)
    _show(order, summary)
    return int(summary.exit_code)


def _watch(order: "Order", launched: "Launched | None" = None) -> int:
    """Grade what comes until Ctrl-C, saying what came of each; return the exit code."""
    from autograder import coordinate  # noqa: PLC0415
    from autograder import watch as watching  # noqa: PLC0415
    from autograder.interrupt import Interrupt  # noqa: PLC0415
    from autograder.reports import progress, table  # noqa: PLC0415

    places = ", ".join(map(str, order.paths))
    with Interrupt() as interrupt, contextlib.ExitStack() as until_begun:
        begin, count = until_begun.enter_context(progress.bar(terminal()))
        has_begun = False

        def step(report: "Report") -> None:
            if has_begun:
                typer.echo(f"{time.strftime('%H:%M:%S')}  {table.line(report)}")
            else:
                count(report)

        def begun(summary: "Summary") -> None:
            nonlocal has_begun
            until_begun.close()
            has_begun = True
            _show(order, summary)
            typer.echo(f"Watching {places}: what comes or changes there is graded at once. Ctrl-C ends.")

        audience = coordinate.Audience(begin, step, count, _tell_changes, functools.partial(typer.echo, err=True))
        summary = watching.watch(order, audience, begun, interrupt, launched)
    typer.echo("Stopped.")
    _show(order, summary)
    return int(summary.exit_code)


def _tell_changes(changes: "Changes") -> None:
    """Say who gains and who loses, before it is written."""
    for sentence in changes.sentences():
        typer.echo(sentence)
    if list(changes):
        terminal().print(changes.table())


def _show(order: "Order", summary: "Summary") -> None:
    """Print what came of a run."""
    from autograder.reports import table  # noqa: PLC0415
    from autograder.reports.class_page import INDEX  # noqa: PLC0415
    from autograder.reports.text import visible  # noqa: PLC0415
    from autograder.results import PAGE  # noqa: PLC0415

    if summary.rows:
        terminal().print(table.summary(summary.rows))
    for remark in summary.remarks:
        typer.echo(visible(remark))
    if summary.kept:
        typer.echo(f"{summary.kept} unchanged since an earlier run, and not graded again (--fresh grades them).")
    if order.dry_run:
        typer.echo("A dry run: nothing was written.")
    elif summary.rows:
        typer.echo(f"Scores: {summary.scores}")
        typer.echo(f"Class:  {order.out / INDEX}")
    example = min((row.folder for row in summary.rows if row.folder is not None), default=None)
    if example is not None:
        typer.echo(f"Pages:  one for each student, for example {order.out / example / PAGE}")
    _tell(summary.exports)
    for problem in summary.problems:
        typer.echo(problem, err=True)


def _wanted(formats: list[str] | None, ids: Path | None, columns: list[str] | None) -> "Wanted":
    """Return which exports are asked for."""
    from autograder import exporting  # noqa: PLC0415

    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    return exporting.wanted(formats or (), ids, columns or (), Path(summary) if summary else None)


def _tell(exports: "Written") -> None:
    """Say what came of the exports."""
    if exports.folder:
        typer.echo(f"Exports: {exports.folder}")
    for note in exports.notes:
        typer.echo(note, err=True)
    for line in exports.lines:
        typer.echo(line)


def report(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="A results folder.")] = Path("results"),
    formats: FormatOption = None,
    ids: IdsOption = None,
    columns: ColumnOption = None,
) -> None:
    """Make pages, scores.csv, the class page and exports again, from the reports on disk."""
    from autograder import reporting  # noqa: PLC0415
    from autograder.reports import table  # noqa: PLC0415

    rows, written = reporting.again(folder, _wanted(formats, ids, columns), command_line())
    terminal().print(table.summary(rows))
    _tell(written)
    for problem in written.problems:
        typer.echo(problem, err=True)
    if written.problems:
        raise typer.Exit(Exit.UNGRADED)


def demo(
    course: CourseOption = HERE,
    out: Annotated[Path | None, typer.Option(help="Where the sample class goes.", show_default=".demo/")] = None,
) -> None:
    """Release the assignments, let a sample class hand them in, grade it, and say where the pages are."""
    from autograder import coordinate, pools  # noqa: PLC0415
    from autograder import demo as sample  # noqa: PLC0415
    from autograder.course import Course  # noqa: PLC0415

    where = Course.at(course)
    made = sample.make(where, out or where.root / ".demo")
    typer.echo(f"Released: {made.course.root / 'release'}")
    typer.echo(f"A sample class of {made.size} submissions: {made.course.root / 'submitted'}\n")
    order = coordinate.Order(
        course=made.course,
        key=key_of(made.course),
        paths=(made.course.root / "submitted",),
        assignment=None,
        out=made.course.root / "results",
        workers=pools.default_workers(),
        gradebook=True,
        min_isolation="namespaces",
        fresh=True,
        limits=sample.LIMITS,
    )
    code = _fenced(order, functools.partial(_grade, order))
    typer.echo(f"Gradebook: {made.course.root / 'gradebook.db'}")
    raise typer.Exit(code)
