"""The command line: the only place that reads arguments and environment, prints, and exits."""

import gc
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder import __version__
from autograder.errors import AutograderError, Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from autograder.coordinate import Order
    from autograder.course import Course
    from autograder.exporting import Wanted, Written
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
    gradescope: Annotated[  # noqa: FBT002
        bool, typer.Option("--gradescope", help="Make the autograder zip for Gradescope instead; it holds the answers.")
    ] = False,
) -> None:
    """Make what students get: nbgrader's release, the course's modules, a leak check, a zip."""
    from autograder.course import Course  # noqa: PLC0415

    where = Course.at(course)
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
    from autograder import gradescope_zip, secret  # noqa: PLC0415
    from autograder.errors import UsageError  # noqa: PLC0415

    if check:
        raise UsageError("--check is for the students' release; say --gradescope without it.")
    key = secret.course_secret(where, os.environ.get("AUTOGRADER_SECRET"))
    for name in names:
        typer.echo(f"{name}: {gradescope_zip.build(where, name, key)}")
    typer.echo("Upload it under Configure Autograder. It holds the solution and the hidden tests: for nobody else.")


@app.command()
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
    gradebook: Annotated[bool, typer.Option(help="Write the scores to nbgrader's gradebook.")] = True,  # noqa: FBT002
    min_isolation: Annotated[
        str, typer.Option(metavar="LEVEL", help="Grade nothing below this level: full, namespaces, filtered.")
    ] = "namespaces",
    fresh: Annotated[  # noqa: FBT002
        bool, typer.Option("--fresh", help="Grade everything again, also what has not changed.")
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
            which=which,
            exports=_wanted(formats, ids, columns),
        )
        code = _grade(order, launched)
    raise typer.Exit(code)


def _grade(order: "Order", launched: "Launched | None" = None) -> int:
    """Grade and print what came of it; return the exit code."""
    from autograder import coordinate  # noqa: PLC0415
    from autograder.reports import progress, table  # noqa: PLC0415
    from autograder.reports.class_page import INDEX  # noqa: PLC0415
    from autograder.reports.text import visible  # noqa: PLC0415
    from autograder.results import PAGE  # noqa: PLC0415

    console = _console()
    with progress.bar(console) as (begin, step):
        summary = coordinate.grade_submissions(order, begin, step, launched)
    if summary.reports:
        console.print(table.summary(summary.reports))
    for remark in summary.remarks:
        typer.echo(visible(remark))
    kept = len(summary.reports) - summary.graded
    if kept:
        typer.echo(f"{kept} unchanged since an earlier run, and not graded again (--fresh grades them).")
    typer.echo(f"Scores: {summary.scores}")
    typer.echo(f"Class:  {order.out / INDEX}")
    example = next(iter(sorted(order.out.glob(f"**/[!.]*/{PAGE}"))), None)
    typer.echo(f"Pages:  one for each student, for example {example}")
    _tell(summary.exports)
    for problem in summary.problems:
        typer.echo(problem, err=True)
    return int(summary.exit_code)


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


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="A results folder.")] = Path("results"),
    formats: FormatOption = None,
    ids: IdsOption = None,
    columns: ColumnOption = None,
) -> None:
    """Make pages, scores.csv, the class page and exports again, from the reports on disk."""
    from autograder import reporting  # noqa: PLC0415
    from autograder.reports import table  # noqa: PLC0415

    reports, written = reporting.again(folder, _wanted(formats, ids, columns))
    _console().print(table.summary(reports))
    _tell(written)
    for problem in written.problems:
        typer.echo(problem, err=True)
    if written.problems:
        raise typer.Exit(Exit.UNGRADED)


@app.command()
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
    from autograder import inspection, secret  # noqa: PLC0415
    from autograder.course import Course  # noqa: PLC0415
    from autograder.reports.text import visible  # noqa: PLC0415

    where = Course.at(course)
    key = secret.course_secret(where, os.environ.get("AUTOGRADER_SECRET"))
    for line in inspection.inspect(where, key, student, assignment, exercise, path):
        typer.echo(visible(line))


@app.command()
def audit(
    names: Annotated[list[str] | None, typer.Argument(metavar="[ASSIGNMENT]...", help="Default: all.")] = None,
    course: CourseOption = HERE,
    workers: Annotated[int, typer.Option(min=0, help="How many at a time; 0: one for each core.")] = 0,
    key: Annotated[str, typer.Option(metavar="HEX", help="Draw the same inputs as an earlier audit did.")] = "",
) -> None:
    """Test the hidden tests: the solution earns all, the release nothing, mistakes and mutants lose points."""
    from autograder import auditing  # noqa: PLC0415
    from autograder.course import Course  # noqa: PLC0415

    where = Course.at(course)
    console = _console()
    weak = False
    for report in auditing.audited(where, names or where.assignments(), workers=workers, key=key):
        console.print(report.table)
        for complaint in report.complaints:
            typer.echo(complaint)
        weak |= not report.ok
    typer.echo(f"Written: {auditing.path_of(where)}")
    if weak:
        typer.echo("The hidden tests are weak: what is named above should not be.", err=True)
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
    typer.echo("Make the exercise in them yours. At any time, from now on:")
    typer.echo(f"  autograder release {name}{elsewhere}   # makes what students get")
    typer.echo(f"  autograder audit {name}{elsewhere}     # tests the hidden tests")


@app.command()
def demo(
    course: CourseOption = HERE,
    out: Annotated[Path | None, typer.Option(help="Where the sample class goes.", show_default=".demo/")] = None,
) -> None:
    """Release the assignments, let a sample class hand them in, grade it, and say where the pages are."""
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
