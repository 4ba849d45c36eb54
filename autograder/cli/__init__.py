"""The command line: the only place that reads arguments and environment, prints, and exits.

One module for each family of commands.
"""

import gc
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from autograder import __version__
from autograder.cli import authoring, grading, looking
from autograder.errors import AutograderError, Exit

app = typer.Typer(
    name="autograder",
    help="Grades notebooks without ever putting answers and student code into one process.",
    no_args_is_help=True,
    rich_markup_mode=None,  # with markup, help is set by Rich: beautiful, and three times as slow as all the rest of it
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


for _command, _short in (  # in few enough words for a line of 80 columns
    (authoring.release, "Make what students get: nbgrader's release, leak check, zip."),
    (grading.grade, "Grade submissions: reports, pages, scores.csv, gradebook."),
    (grading.report, "Make pages and exports again, from the reports on disk."),
    (looking.explain, "Show where a student's answer departs, with both values."),
    (authoring.audit, "Test the hidden tests: do they catch what is wrong?"),
    (looking.doctor, "Show how well student code is isolated here, by trying."),
    (authoring.new, "Start an assignment of your own from a template."),
    (grading.demo, "Grade a sample class, from release to pages."),
):
    app.command(short_help=_short)(_command)


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
