"""The progress bar of a run, for a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autograder.model import Report


@contextmanager
def bar(console: Console) -> Iterator[tuple[Callable[[int], None], Callable[[Report], None]]]:
    """Show a progress bar on a terminal; nothing elsewhere.

    Yields
    ------
    (callable, callable)
        To be called once with the number of submissions, and with each report.
    """
    columns = (TextColumn("Grading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task("grading", total=None)

        def begin(total: int) -> None:
            shown.update(task, total=total)

        def step(_report: Report) -> None:
            shown.advance(task)

        yield begin, step
