"""Where a run's work is done: by workers on this machine, or by those of a cluster. The run itself need not know."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autograder import pools, run
from autograder.errors import UsageError
from autograder.model import Level, Provenance
from autograder.run import Setting, Workers
from autograder.sandbox.launch import Launched

_IN_FLIGHT = 16  # submissions read and handed out for each worker: enough to begin with while the gradebook is opened


@dataclass(frozen=True)
class Workplace:
    """Where the work is done.

    Attributes
    ----------
    provenance : mapping of str to Provenance
        What every report of an assignment will record, but for the submission's digest.
    workers : Workers
        Do the work.
    alone : bool
        Whether that is this process itself, one submission at a time.
    remarks : callable
        What is to be told of the workers afterwards.
    """

    provenance: Mapping[str, Provenance]
    workers: Workers
    alone: bool = False
    remarks: Callable[[], tuple[str, ...]] = tuple


def choose(
    setting: Setting, assignments: Sequence[str], scheduler: str, workers: int, launched: Launched | None
) -> Workplace:
    """Return the workers of a scheduler where there is to be one, and workers on this machine elsewhere.

    Raises
    ------
    UsageError
        If an assignment cannot be graded as it stands, there is no scheduler, or no worker that could grade.
    IsolationError
        If it is known already that no worker isolates student code well enough.
    """
    return _cluster(setting, assignments, scheduler) if scheduler else _here(setting, assignments, workers, launched)


def _here(setting: Setting, assignments: Sequence[str], workers: int, launched: Launched | None) -> Workplace:
    """Return workers forked from this process or, where there is to be one, this process itself."""
    provenance = run.prepare(setting, assignments, launched)
    most = pools.default_workers()
    remarks: tuple[str, ...] = ()
    if workers > most:  # two guests on one processor would take time from each other
        remarks = (f"--workers {workers}: this machine has {most} processors for us, and so many workers graded.",)
        workers = most
    if setting.floor < Level.NAMESPACES:
        run.wait_until_ready()  # it may take a second sandbox, which workers can only find if they are forked later
    made = Workers(functools.partial(pools.pool, workers), lambda _: _IN_FLIGHT * workers)
    return Workplace(provenance, made, alone=workers == 1, remarks=lambda: remarks)


def _cluster(setting: Setting, assignments: Sequence[str], address: str) -> Workplace:
    """Return the workers of a scheduler; at least one of them is ready."""
    try:
        from autograder.cluster.executor import ClusterExecutor  # noqa: PLC0415  its library is wanted only here
    except ImportError as error:
        raise UsageError(f"--scheduler needs more packages ({error}): pip install '.[cluster]' brings them.") from error
    provenance = run.examine(setting, assignments)
    executor = ClusterExecutor(address, setting, provenance)  # it outlives its workers: there is never another one
    return Workplace(provenance, Workers(lambda: executor, lambda cluster: cluster.in_flight), remarks=executor.remarks)
