"""Gives out work to the workers of a cluster, and takes it back from those that die; everything here is on one loop.

Which worker gets what is decided here, and every task is bound to its worker: so a worker that was refused gets
nothing, so it is known what a dead one had at hand, and so what may have killed it is tried again where nothing else
is at stake.
"""

import asyncio
import contextlib
import math
import pickle
import time
from collections import deque
from collections.abc import Coroutine, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from distributed import Client

from autograder.cluster import serving, shipment
from autograder.cluster.serving import Batch, Graded, Refusal, Welcome
from autograder.cluster.shipment import Shipment
from autograder.errors import AutograderError, BusyError, Exit, GraderError, IsolationError, UsageError
from autograder.rendering import GradedSubmission
from autograder.run import TRIES, Job, WorkerDiedError

DEPTH = 2  # batches that a worker is given at a time: it begins the second while the first one's reports travel
MOST = 24  # submissions in a batch
_SECONDS = 0.5  # of work in a batch: a task costs a few milliseconds, and what is at hand when a worker dies is lost
_BYTES = 8 << 20  # of submissions in a batch
_LOOK_SECONDS = 1.0  # between two looks at who is there
_ANSWER_SECONDS = 30.0  # for a scheduler that is there
_SET_UP_SECONDS = 150.0  # for a worker: a cold disk may take long to give numpy
_GOODBYE_SECONDS = 15.0
_SLACK_SECONDS = 120.0  # beyond all that the limits allow a batch: then a worker hangs


@dataclass(eq=False)
class Item:
    """A submission on its way: how often a worker died under it, and who waits for what comes of it."""

    job: Job
    future: Future[GradedSubmission] = field(default_factory=Future)
    deaths: int = 0
    begun: bool = False

    def is_wanted(self) -> bool:
        """Return whether anybody still waits; from the first time on, that can no longer be taken back."""
        if not self.begun:
            self.begun = self.future.set_running_or_notify_cancel()
        return self.begun


@dataclass(eq=False)
class Member:
    """A worker that takes part.

    Attributes
    ----------
    running : dict of Task to list of Item
        The batches that it has.
    alone : bool
        Whether it has a submission under which a worker has died, and so gets nothing beside it.
    """

    address: str
    identity: str
    running: dict[asyncio.Task[None], list[Item]] = field(default_factory=dict)
    alone: bool = False


class Crew:
    """The workers of one run.

    Parameters
    ----------
    name : str
        Of the run, on the cluster.
    patience : float
        Seconds to wait for a worker while there is none.
    """

    def __init__(self, client: Client, address: str, name: str, goods: Shipment, patience: float) -> None:
        self.started: Future[None] = Future()
        self._client, self._address, self._name, self._patience = client, address, name, patience
        self._goods = pickle.dumps(goods)
        self._needed = shipment.environment()
        self._longest = 2 * goods.limits.submission_seconds
        self._members: dict[str, Member] = {}
        self._asked: dict[str, asyncio.Task[None]] = {}  # being prepared
        self._refused: dict[str, Refusal] = {}
        self._told: dict[str, Refusal] = {}  # also those that have left
        self._died: list[str] = []
        self._waiting: deque[Item] = deque()
        self._suspects: deque[Item] = deque()
        self._due = False
        self._pace = _SECONDS  # seconds of a submission, as far as known
        self._stop = asyncio.Event()
        self._failure: AutograderError | None = None
        self._nobody_since = time.monotonic()

    # ----------------------------------------------------------------------------------- what the coordinator asks for

    def add(self, item: Item) -> None:
        """Take a submission in."""
        if self._failure is not None:
            item.future.set_exception(self._failure)
            return
        self._waiting.append(item)
        self._plan()

    def stop(self) -> None:
        """Let `serve` come to its end."""
        self._stop.set()

    @property
    def size(self) -> int:
        """How many workers take part now."""
        return len(self._members)

    def remarks(self) -> list[str]:
        """Return a sentence for every reason for which workers took no part, and one about those that died."""
        reasons: dict[str, list[str]] = {}
        for address, refusal in sorted(self._told.items()):
            reasons.setdefault(refusal.why, []).append(address)
        said = [f"{_some('worker', which)} not used: {why}" for why, which in reasons.items()]
        if self._died:
            said.append(f"{_some('worker', self._died)} lost on the way; what was at hand there was graded elsewhere.")
        return said

    # ------------------------------------------------------------------------------------------------ the crew's life

    async def serve(self) -> None:
        """Look after the workers until `stop`; then send all of them home."""
        try:
            while not self._stop.is_set():
                await self._look()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), _LOOK_SECONDS)
        finally:
            await self._disband()

    async def _look(self) -> None:
        """Find out who has come and who has gone."""
        if self._failure is not None:
            return
        try:
            if self._client.status != "running":
                self._fail(self._scheduler_gone("it has closed the connection"))
                return
            present = set(await asyncio.wait_for(self._client.nthreads(), _ANSWER_SECONDS))
        except TimeoutError:
            self._fail(self._scheduler_gone(f"it has not answered for {_ANSWER_SECONDS:.0f} s"))
            return
        except OSError as error:
            self._fail(self._scheduler_gone(str(error)))
            return
        for address in self._members.keys() - present:
            self._lose(self._members[address])
        for address in self._asked.keys() - present:
            self._asked.pop(address).cancel()
        for address in self._refused.keys() - present:
            del self._refused[address]
        for address in present - self._members.keys() - self._asked.keys() - self._refused.keys():
            self._asked[address] = self._begin(self._admit(address))
        self._consider(len(present))

    async def _admit(self, address: str) -> None:
        """Prepare a worker; what it answers decides whether it takes part."""
        try:
            asking = self._client.run(
                serving.serve, self._name, self._needed, self._goods, workers=[address], on_error="return"
            )
            answer = (await asyncio.wait_for(asking, _SET_UP_SECONDS)).get(address)
        except (OSError, TimeoutError) as error:
            answer = error
        del self._asked[address]
        match answer:
            case Welcome(identity=identity):
                self._members[address] = Member(address, identity)
                self._plan()
            case Refusal():
                self._refuse(address, answer)
            case _:
                self._refuse(address, Refusal(_not_prepared(answer)))
        self._consider(1)

    def _refuse(self, address: str, refusal: Refusal) -> None:
        self._members.pop(address, None)
        self._refused[address] = self._told[address] = refusal

    def _consider(self, present: int) -> None:
        """Begin, or give up, where it is time for one of them."""
        if self._members:
            self._nobody_since = time.monotonic()
            if not self.started.done():
                self.started.set_result(None)
            return
        if self._asked or self._failure is not None:
            return
        waited = time.monotonic() - self._nobody_since
        if not self.started.done():
            if self._refused:
                self._fail(_all_refused(self._refused))
            elif not present and waited > self._patience:
                start = f"Start some: dask worker {self._address} --nthreads 1"
                self._fail(UsageError(f"The scheduler at {self._address} has no workers. {start}"))
        elif waited > self._patience:
            why = " ".join(self.remarks())
            self._fail(GraderError(f"No worker of {self._address} is left. {why}".strip()))

    def _lose(self, member: Member) -> None:
        """Take back what a worker had that is no more; should it be there after all, it is prepared again."""
        if self._members.pop(member.address, None) is not None:
            self._died.append(member.address)
        for asking, items in member.running.items():
            asking.cancel()
            self._suspect(items)
        member.running.clear()
        self._plan()

    def _fail(self, error: AutograderError) -> None:
        """Give up everything that is not graded yet."""
        self._failure = error
        if not self.started.done():
            self.started.set_exception(error)
        left = [*self._waiting, *self._suspects]
        self._waiting.clear()
        self._suspects.clear()
        for member in self._members.values():
            for asking, items in member.running.items():
                asking.cancel()
                left += items
            member.running.clear()
        for item in left:
            if item.is_wanted():
                item.future.set_exception(error)

    def _scheduler_gone(self, why: str) -> AutograderError:
        text = f"The scheduler at {self._address} went away ({why})."
        return GraderError(text) if self.started.done() else UsageError(text)

    async def _disband(self) -> None:
        """Send every worker home: no process of ours is left there."""
        self._fail(GraderError("The run has ended."))
        asked = list(self._asked.values())
        for asking in asked:
            asking.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        if self._client.status == "running":
            with contextlib.suppress(OSError, TimeoutError):
                saying = self._client.run(serving.dismiss, self._name, workers=list(self._members), on_error="ignore")
                await asyncio.wait_for(saying, _GOODBYE_SECONDS)

    # ------------------------------------------------------------------------------------------------------- the work

    def _plan(self) -> None:
        """Give out work at the next turn of the loop: once for all that happens in this one."""
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._give_out)

    def _give_out(self) -> None:
        self._due = False
        quiet = next(iter(self._members.values()), None)  # where suspects are tried, one at a time
        for member in self._members.values():
            if self._suspects and member is quiet:
                if not member.running:
                    self._start(member, [self._suspects.popleft()], alone=True)
                continue
            while not member.alone and len(member.running) < DEPTH and (items := self._take()):
                self._start(member, items)

    def _take(self) -> list[Item]:
        """Take a batch from what waits: smaller ones towards the end, so that all workers end together."""
        fair = math.ceil(len(self._waiting) / (DEPTH * len(self._members)))
        most = min(MOST, fair, max(1, int(_SECONDS / self._pace)))
        items: list[Item] = []
        size = 0
        while self._waiting and len(items) < most:
            size += len(self._waiting[0].job.content or b"")
            if items and size > _BYTES:
                break
            item = self._waiting.popleft()
            if item.is_wanted():
                items.append(item)
        return items

    def _start(self, member: Member, items: list[Item], *, alone: bool = False) -> None:
        member.alone = alone
        asking = self._begin(self._ask(member, items))
        member.running[asking] = items
        asking.add_done_callback(lambda _: self._finish(member, asking))

    def _finish(self, member: Member, asking: asyncio.Task[None]) -> None:
        if member.running.pop(asking, None) is not None:
            member.alone = False
        self._plan()

    def _begin(self, what: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin something beside; should it fail, it is a fault of ours, and nobody may wait for ever."""

        def end(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                self._fail(GraderError(f"The work could not be given out: {type(error).__name__}: {error}."))

        task = asyncio.create_task(what)
        task.add_done_callback(end)
        return task

    async def _ask(self, member: Member, items: list[Item]) -> None:
        """Let a worker grade a batch, and hand on what it says."""
        batch = Batch(tuple(item.job for item in items), 2 * _SECONDS)
        most = _SLACK_SECONDS + DEPTH * (batch.seconds + self._longest)
        task = self._client.submit(
            serving.grade_batch, self._name, batch, pure=False, workers=[member.address], allow_other_workers=False
        )
        try:
            graded = await asyncio.wait_for(task.result(), most)
        except Exception as error:  # noqa: BLE001  whatever it is, this worker did not grade them
            if self._client.status != "running":
                self._fail(self._scheduler_gone("it has closed the connection"))
                return
            if isinstance(error, TimeoutError):
                self._refuse(member.address, Refusal(f"it did not answer within {most:.0f} s"))
            self._lose(member)
        else:
            self._accept(member, items, graded)
        finally:
            task.release()

    def _accept(self, member: Member, items: list[Item], graded: Graded) -> None:
        """Hand on reports, and put the rest of a batch back."""
        if graded.identity != member.identity or not (
            graded.submissions or graded.refusal or graded.fault or graded.busy or not graded.prepared
        ):
            self._lose(member)  # it died, and another process answers at its address
            return
        for item, submission in zip(items, graded.submissions, strict=False):
            item.future.set_result(submission)
        rest = items[len(graded.submissions) :]
        if graded.submissions:
            self._pace = 0.7 * self._pace + 0.3 * graded.seconds / len(graded.submissions)
        if graded.refusal is not None:
            self._refuse(member.address, graded.refusal)
        elif not graded.prepared:  # it has had nothing to do for long: the next look prepares it again
            self._members.pop(member.address, None)
        elif graded.fault:
            self._suspect(rest[:1])
            rest = rest[1:]
        elif graded.busy:  # whoever waits for it asks again, with nothing beside it
            rest[0].future.set_exception(BusyError(graded.busy))
            rest = rest[1:]
        self._waiting.extendleft(reversed(rest))

    def _suspect(self, items: Iterable[Item]) -> None:
        """Count a worker's death against all that it had: nobody can tell which of them it was.

        Each is tried again alone, and only one whose worker dies every time is given up.
        """
        for item in items:
            item.deaths += 1
            if item.deaths >= TRIES:
                item.future.set_exception(WorkerDiedError())
            else:
                self._suspects.append(item)


def _not_prepared(answer: object) -> str:
    """Return in words what a worker that never came as far as our own code answered."""
    said = str(answer) or type(answer).__name__
    if "No module named 'autograder'" in said:
        return "the autograder is not installed there"
    if "autograder" in said:
        return f"another version of the autograder is installed there ({said})"
    return f"it could not be prepared ({said})"


def _all_refused(refused: dict[str, Refusal]) -> AutograderError:
    """Return the error of a run that no worker takes part in."""
    lines = [f"Worker {address}: {refusal.why}" for address, refusal in sorted(refused.items())]
    text = "No worker of the cluster can grade; nothing was graded.\n" + "\n".join(lines)
    isolation = all(refusal.code is Exit.ISOLATION for refusal in refused.values())
    return IsolationError(text) if isolation else UsageError(text)


def _some(what: str, which: list[str]) -> str:
    """Return ``Worker a was``, or ``5 workers (a, b and others) were``."""
    if len(which) == 1:
        return f"{what.capitalize()} {which[0]} was"
    shown = ", ".join(which[:2]) + (" and others" if len(which) > 2 else "")
    return f"{len(which)} {what}s ({shown}) were"
