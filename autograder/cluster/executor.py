"""The cluster as an executor: the same ``submit`` as a local pool's, with a loop of its own behind it in a thread."""

import asyncio
import contextlib
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from typing import Any

import dask
from distributed import Client

from autograder import run
from autograder.cluster import serving, shipment
from autograder.cluster.crew import DEPTH, MOST, Crew, Item
from autograder.errors import GraderError, UsageError
from autograder.model import Provenance

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 30.0
_PATIENCE_SECONDS = (
    60.0  # for the first worker, and for another where the last one has gone: a nanny restarts it sooner
)
_END_SECONDS = 40.0
_LARGE = "1 GiB"  # a batch is as large as one submission may be, and Dask need not warn of that


class ClusterExecutor(Executor):
    """Grades on the workers of a scheduler; an executor for `autograder.run.grade_one` and nothing else.

    Workers are prepared by `autograder.cluster.serving` as they come, also later ones; submissions travel in batches;
    a submission whose worker dies is tried again, and raises `autograder.run.WorkerDiedError` in the end.
    """

    def __init__(
        self,
        address: str,
        setting: run.Setting,
        expected: Mapping[str, Provenance],
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        """Connect, and wait for the first worker that can grade.

        Parameters
        ----------
        address : str
            The scheduler's, such as ``tcp://127.0.0.1:8786``.
        expected : mapping of str to Provenance
            By assignment that will be graded, as it is at home.
        patience : float
            Seconds to wait for a worker while there is none.

        Raises
        ------
        UsageError
            If there is no scheduler, or no worker that could grade.
        IsolationError
            If no worker isolates student code well enough.
        """
        self._address, self._patience = address, patience
        self._goods = shipment.pack(setting, expected)
        self._crew: Crew | None = None
        self._ready: Future[None] = Future()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._live, name="autograder-cluster", daemon=True)
        self._thread.start()
        try:
            self._ready.result()
        except BaseException:
            self.shutdown()
            raise

    @property
    def in_flight(self) -> int:
        """How many submissions keep all workers busy: what they have at hand, and as many ready to follow."""
        return 2 * DEPTH * MOST * max(1, self._crew.size if self._crew else 1)

    def remarks(self) -> tuple[str, ...]:
        """Return what is to be told of the workers."""
        return tuple(self._crew.remarks()) if self._crew else ()

    def submit(self, function: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        """Let a worker grade a submission.

        Raises
        ------
        TypeError
            If it is asked for anything else than `autograder.run.grade_one`.
        """
        if function is not run.grade_one:
            raise TypeError(f"A cluster's workers are prepared for grading, not for {function!r}.")
        _, job = args  # the setting is there already
        item = Item(job)
        try:
            self._loop.call_soon_threadsafe(self._add, item)
        except RuntimeError:
            item.future.set_exception(GraderError("The cluster is no longer in use."))
        return item.future

    def _add(self, item: Item) -> None:
        if self._crew is not None:
            self._crew.add(item)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Send the workers home and close the connection; what is not graded by then is not graded any more."""
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._end)
        if wait:
            self._thread.join(_END_SECONDS)

    def _end(self) -> None:
        if self._crew is not None:
            self._crew.stop()

    # -------------------------------------------------------------------------------------------------- in the thread

    def _live(self) -> None:
        quiet = logging.getLogger("distributed")
        level = quiet.level
        quiet.setLevel(logging.CRITICAL)  # what has to be said is said in our own words
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner, dask.config.set(_CONFIGURATION):
                runner.run(self._main())
        except BaseException as error:  # noqa: BLE001  whoever waits is told
            if not self._ready.done():
                self._ready.set_exception(error)
        finally:
            quiet.setLevel(level)

    async def _main(self) -> None:
        client = await self._connected()
        try:
            await self._check_scheduler(client)
            name = f"autograder-{uuid.uuid4()}"
            self._crew = Crew(client, self._address, name, self._goods, self._patience)
            self._crew.started.add_done_callback(self._begin)
            await self._crew.serve()
        finally:
            await _close(client)

    def _begin(self, started: Future[None]) -> None:
        error = started.exception()
        if error is None:
            self._ready.set_result(None)
        else:
            self._ready.set_exception(error)

    async def _connected(self) -> Client:
        client = Client(
            self._address, asynchronous=True, set_as_default=False, timeout=_CONNECT_SECONDS, name="autograder"
        )
        try:
            # a time of our own: what is there, but speaks something else, may never come to an end of its greeting
            return await asyncio.wait_for(client, _CONNECT_SECONDS + 1)
        except (TypeError, ValueError) as error:
            wrong = UsageError(
                f"{self._address!r} is no scheduler's address, or needs settings that are not there ({error}). "
                "One is tcp://127.0.0.1:8786; for tls://, see docs/scale.md."
            )
        except (OSError, TimeoutError) as error:
            wrong = UsageError(
                f"No scheduler answers at {self._address} ({str(error) or type(error).__name__}). "
                "Start one with `dask scheduler`, or look at the address."
            )
        await _close(client)
        raise wrong

    async def _check_scheduler(self, client: Client) -> None:
        """Find out whether the scheduler can read what it is to hand on.

        Raises
        ------
        UsageError
            If it has another version of this package, or none.
        """
        here = shipment.environment()
        try:
            found = await asyncio.wait_for(client.run_on_scheduler(serving.needed_on_scheduler), _ANSWER_SECONDS)
            wrong = "; ".join(shipment.differences(here, found))
        except Exception as error:  # noqa: BLE001  it raises whatever the scheduler did
            wrong = f"it could not be asked ({str(error) or type(error).__name__})"
        if wrong:
            raise UsageError(
                f"The scheduler at {self._address} does not fit: {wrong}. "
                "Scheduler, workers and this machine need the same packages."
            )


async def _close(client: Client) -> None:
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(client.close(), _ANSWER_SECONDS)


_CONFIGURATION = {"distributed.admin.large-graph-warning-threshold": _LARGE}
