"""What one submission may use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one submission and of its parts; the verdict names the one that was hit.

    With these defaults a hostile notebook costs the batch less than 60 s of one worker.

    Attributes
    ----------
    cell_seconds, call_seconds : float
        Wall-clock seconds of one cell, and of one call of a graded function.
    submission_seconds : float
        Wall-clock seconds of the whole submission.
    memory : int
        Bytes of address space beyond what the guest starts with.
    output : int
        Bytes of standard output and standard error, each, that are taken; the rest is thrown away.
    disk, file : int
        Bytes of the private file system, and of one file in it.
    guests : int
        How many guests of one submission may die: a dead one is replaced, but not for ever.
    threads : int
        How many threads a guest may have beside its first one.
    """

    cell_seconds: float = 10.0
    call_seconds: float = 10.0
    submission_seconds: float = 50.0
    memory: int = 1 << 30
    output: int = 1 << 20
    disk: int = 64 << 20
    file: int = 16 << 20
    guests: int = 4
    threads: int = 32

    @property
    def text(self) -> str:
        """All of them in one line, for the record."""
        return (
            f"{self.cell_seconds:g} s a cell, {self.call_seconds:g} s a call, {self.submission_seconds:g} s in all, "
            f"memory {size(self.memory)}, output {size(self.output)}, disk {size(self.disk)}, "
            f"{size(self.file)} a file, {self.threads} threads, {self.guests} guests"
        )


def size(count: int) -> str:
    """Return a number of bytes in the largest unit in which it is whole: ``1 GiB``, ``1536 MiB``, ``100 bytes``."""
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if count and count % (1 << shift) == 0:
            return f"{count >> shift} {unit}"
    return f"{count} bytes"
