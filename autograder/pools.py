"""Processes of this machine that do what they are handed, and end with the one that hands it out."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Any

from autograder.sandbox import isolation, processors


class InProcess(Executor):
    """An executor that does the work at once, here: for a single notebook, which no pool would make faster."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do it, and return a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  the future hands it to whoever asks
            future.set_exception(error)
        return future


def pool(workers: int) -> Executor:
    """Return the default executor: processes of our own, or this one for a single worker.

    A worker is forked as long as this process has one thread, and so has loaded nothing twice; once there are more
    (a fork would inherit their locks), it is started afresh.
    """
    if workers == 1:
        return InProcess()
    method = "fork" if threading.active_count() == 1 else "spawn"
    executor = ProcessPoolExecutor(workers, multiprocessing.get_context(method), _begin_work, (os.getpid(),))
    try:
        for _ in range(workers):  # now, while there is little to copy
            executor.submit(os.getpid)
    except (OSError, RuntimeError):  # no process or thread is to be had: then this one does the work
        executor.shutdown(wait=False, cancel_futures=True)
        return InProcess()
    return executor


def _begin_work(coordinator: int) -> None:
    """Make a process a worker: it ends with its coordinator, and Ctrl-C is for the coordinator alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    isolation.die_with_parent()
    processors.claim()
    if os.getppid() != coordinator:  # it was killed before that could be asked for
        os._exit(1)


def default_workers() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))
