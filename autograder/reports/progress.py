"""The progress bar of a run, for a terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_APART = 0.1  # seconds between two pictures


@contextmanager
def bar(console: Console, doing: str = "Grading") -> Iterator[tuple[Callable[[int], None], Callable[..., None]]]:
    """Show a progress bar on a terminal; nothing elsewhere.

    It is drawn anew by whoever reports a step, and not by a thread: while there is one thread only, workers can be
    forked, which is quicker and takes less memory than to start them afresh.

    Yields
    ------
    (callable, callable)
        To be called once with the number of submissions, or parts, and with each that is done.
    """
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal, auto_refresh=False
    ) as shown:
        task = shown.add_task(doing, total=None)
        last = time.monotonic()

        def begin(total: int) -> None:
            shown.update(task, total=total, refresh=True)

        def step(*_: object) -> None:
            nonlocal last
            shown.advance(task)
            if time.monotonic() - last > _APART:
                shown.refresh()
                last = time.monotonic()

        yield begin, step
