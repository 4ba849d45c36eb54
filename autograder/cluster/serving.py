"""What runs on a worker: a plugin that prepares it for one run and clears up afterwards, and the task that grades.

A worker takes part after it has shown, by trying, that it isolates student code and that it would grade as the
coordinator would. Nothing here raises on purpose: Dask logs the arguments of what fails, and these are answers, the
secret and students' work. For the same reason the plugin is added on the worker, by a function that checks first,
and not with ``Client.register_plugin``: a worker without this package would write what it cannot unpickle to its log.
"""

import asyncio
import contextlib
import pickle
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from distributed import Worker, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from autograder import run
from autograder.cluster import shipment
from autograder.cluster.shipment import Shipment
from autograder.errors import AutograderError, BusyError, Exit, IsolationError
from autograder.rendering import GradedSubmission
from autograder.sandbox import processors

_IDLE_SECONDS = 900.0  # then nothing of a run is left on a worker: its coordinator has died, or needs it no more
_LAST_SECONDS = 5.0  # for the submission at hand, when a worker closes


@dataclass(frozen=True)
class Refusal:
    """Why a worker does not take part, and which exit code that is if no other does."""

    why: str
    code: Exit = Exit.USAGE


@dataclass(frozen=True)
class Welcome:
    """A worker that is prepared.

    Attributes
    ----------
    identity : str
        Of the worker's process: another one at the same address has another.
    """

    identity: str


@dataclass(frozen=True, repr=False)
class Batch:
    """Submissions for one task; shown nowhere, since Dask shows the arguments of tasks.

    Attributes
    ----------
    seconds : float
        After which no further submission of the batch is begun.
    """

    jobs: tuple[run.Job, ...]
    seconds: float


@dataclass(frozen=True)
class Graded:
    """What came of a batch: what is written for the first so many of its jobs.

    Attributes
    ----------
    prepared : bool
        Whether this worker knows of the run at all.
    refusal : Refusal or None
        Why nothing more can be graded here.
    fault : bool
        Whether the next job failed in a way that is nobody's but ours.
    busy : str
        What there is to say of the next job if the machine gave it too little time; empty otherwise.
    """

    identity: str
    submissions: tuple[GradedSubmission, ...] = field(default=(), repr=False)
    prepared: bool = True
    refusal: Refusal | None = None
    fault: bool = False
    busy: str = ""
    seconds: float = 0.0


# One submission at a time in a process, however many threads or workers it has: a zygote is not for several threads,
# and what a host sets up (paths of modules, the garbage collector) belongs to the process.
_one_at_a_time = threading.Lock()


class Serving(WorkerPlugin):
    """One run on one worker: its files, its graders, their zygotes; all of it ends with the run or with the worker."""

    def __init__(self, name: str, goods: Shipment) -> None:
        self.name = name
        self.refusal: Refusal | None = None
        self._goods = goods
        self._folder: Path | None = None
        self._setting: run.Setting | None = None
        self._ended = False
        self._over = asyncio.Event()  # the same, for the worker's loop
        self._used = time.monotonic()
        self._watch: asyncio.Task[None] | None = None

    async def setup(self, worker: Worker) -> None:
        """Unpack the course, start the zygotes, try the isolation, compare the assignments; keep why not."""
        self._folder = Path(tempfile.mkdtemp(prefix="autograder-", dir=worker.local_directory))  # mode 0700
        self.refusal = await asyncio.to_thread(self._prepare, self._folder)
        if self.refusal is None:
            self._watch = asyncio.create_task(self._leave_when_idle(worker))

    def _prepare(self, folder: Path) -> Refusal | None:
        with _one_at_a_time:
            processors.claim()  # other workers may be on this machine
            try:
                setting = self._goods.unpack(folder)
                graders = {name: run.grader_of(setting, name) for name in self._goods.digests}
                for name, digest in self._goods.digests.items():
                    if graders[name].provenance.assignment_digest != digest:
                        return Refusal(f"its assignment {name} is not the one of the course, whatever it was sent")
                for grader in graders.values():
                    grader.wait_until_ready()
            except AutograderError as error:
                return _refusal(error)
            self._setting = setting
        return None

    def grade(self, batch: Batch, identity: str) -> Graded:
        """Grade a batch, in a thread of the worker's."""
        graded: list[GradedSubmission] = []
        refusal, fault, busy = None, False, ""
        with _one_at_a_time:
            begin = self._used = time.monotonic()
            for job in batch.jobs:
                if self._setting is None or self._ended:
                    break
                try:
                    graded.append(run.grade_one(self._setting, job))
                except BusyError as error:
                    busy = str(error)
                    break
                except AutograderError as error:
                    refusal = _refusal(error)
                    break
                except Exception:  # noqa: BLE001  an exception may be too large for Dask, which would never answer then
                    fault = True
                    break
                self._used = time.monotonic()
                if self._used - begin > batch.seconds:
                    break
            if self._ended:  # meanwhile: what the last one needed was perhaps made anew
                run.close_graders()
        return Graded(identity, tuple(graded), not self._ended, refusal, fault, busy, self._used - begin)

    async def _leave_when_idle(self, worker: Worker) -> None:
        while (left := self._used + _IDLE_SECONDS - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), left)
                return
        await worker.plugin_remove(self.name)

    async def teardown(self, worker: Worker) -> None:  # noqa: ARG002  Dask calls it so
        """End every process of this run, and remove its files."""
        self._ended = True
        self._over.set()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        free = _one_at_a_time.acquire(timeout=_LAST_SECONDS)  # if not, the sandbox ends under the one at hand
        try:
            run.close_graders()
            processors.release()
        finally:
            if free:
                _one_at_a_time.release()
        if self._folder is not None:
            with contextlib.suppress(ValueError):
                sys.path.remove(str(self._folder))
            shutil.rmtree(self._folder, ignore_errors=True)


def _refusal(error: AutograderError) -> Refusal:
    return Refusal(str(error), error.exit_code if isinstance(error, IsolationError) else Exit.USAGE)


async def serve(name: str, needed: Mapping[str, str], goods: bytes, dask_worker: Worker) -> Welcome | Refusal:
    """Prepare this worker for a run.

    Parameters
    ----------
    name : str
        Of the run.
    needed : mapping of str to str
        The coordinator's `shipment.environment`.
    goods : bytes
        A pickled `Shipment`, which is not looked at by a worker of another version.
    dask_worker : Worker
        Given by Dask.
    """
    wrong = shipment.differences(needed, shipment.environment())
    if wrong:
        return Refusal("; ".join(wrong))
    try:
        serving = Serving(name, pickle.loads(goods))  # noqa: S301  from whom a worker takes any code to run
        await dask_worker.plugin_add(serving, name=name)
        if serving.refusal is not None:
            await dask_worker.plugin_remove(name)
            return serving.refusal
    except Exception as error:  # noqa: BLE001  Dask would log what it was called with
        return Refusal(f"it could not be prepared: {type(error).__name__}: {error}")
    return Welcome(dask_worker.id)


async def dismiss(name: str, dask_worker: Worker) -> None:
    """End a run on this worker."""
    if name in dask_worker.plugins:
        await dask_worker.plugin_remove(name)


def grade_batch(name: str, batch: Batch) -> Graded:
    """Grade submissions on a worker that has been prepared: the task."""
    worker = get_worker()
    serving = worker.plugins.get(name)
    if not isinstance(serving, Serving):
        return Graded(worker.id, prepared=False)
    return serving.grade(batch, worker.id)


def needed_on_scheduler() -> Mapping[str, str]:
    """Return what the scheduler has: it reads the names of tasks, and so needs this package too."""
    return shipment.environment()
