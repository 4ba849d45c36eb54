"""What went wrong on our side: sentences for the instructor, and a log of the tracebacks of unexpected exceptions.

An exception's text may hold anything that a student wrote, so it never enters a report, a page or the terminal: a
sentence names the exception's type and the line of this package. The text stands in the log alone, with its traceback,
in printable ASCII and behind a mark on every line, so that no line of it can be taken for one of ours.
"""

import contextlib
import datetime as dt
import os
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import AutograderError, GraderError
from autograder.reports.text import visible

LOG = "errors.log"  # in the results folder; made when there is something to write

# a note of a report of which the explanation is missing: the next run tries again
LOST_WORDS = "Why an exercise is wrong could not be found out. This is a fault of the grader, and the points stand."

_PACKAGE = __name__.partition(".")[0]
_TOLD = 3  # sentences of one kind
_LOGGED = 100  # tracebacks of one run
_LOG_CAP = 4 << 20  # bytes of an old log, beyond which a run begins it anew
_LINE = 300  # characters of one line of a traceback
_FIRST, _LAST = 15, 45  # lines of a traceback that are kept: where it began, and where it ended
_MARK = "  | "


@dataclass(frozen=True)
class Failure:
    """An unexpected exception, as plain text that can travel from a worker to the coordinator.

    Attributes
    ----------
    what : str
        What could not be done, as a clause: ``the page could not be made``.
    cause : str
        The exception's type and the line of ours where it happened; no word of its text.
    trace : str
        The traceback, for the log.
    """

    what: str
    cause: str
    trace: str = field(repr=False)

    @classmethod
    def of(cls, what: str, error: BaseException) -> "Failure":
        """Return the failure that an exception was."""
        return cls(what, cause(error), _trace(error))


def cause(error: BaseException) -> str:
    """Return an exception's type and where in this package it happened, without its text."""
    kind = type(error)
    # a library may name its exceptions as it likes; of Python's own and ours it is known that no name is a student's
    known = kind.__module__ == "builtins" or kind.__module__.partition(".")[0] == _PACKAGE
    place = ""
    step = error.__traceback__
    while step is not None:
        module = step.tb_frame.f_globals.get("__name__")
        if isinstance(module, str) and module.partition(".")[0] == _PACKAGE:
            place = f" at {module}:{step.tb_lineno}"
        step = step.tb_next
    return f"{kind.__name__ if known else 'an exception'}{place}"


def _trace(error: BaseException) -> str:
    """Return a traceback in printable ASCII, its middle left out where it is long."""
    try:
        lines = "".join(traceback.format_exception(error)).splitlines()
    except Exception:  # noqa: BLE001  an exception that cannot be shown is still one
        lines = [f"{type(error).__name__}, whose traceback cannot be shown"]
    if len(lines) > _FIRST + _LAST:
        lines = [*lines[:_FIRST], f"... {len(lines) - _FIRST - _LAST} lines ...", *lines[-_LAST:]]
    return "\n".join(_printable(line) for line in lines)


def _printable(line: str) -> str:
    cut = line if len(line) <= _LINE else f"{line[:_LINE]}..."
    return visible(cut).encode("ascii", "backslashreplace").decode("ascii")


class Problems:
    """What went wrong in a run; a disk that is full is not told for every student."""

    def __init__(self, log: Path | None) -> None:
        """Write nothing yet.

        Parameters
        ----------
        log : Path or None
            Where tracebacks go; None where nothing may be written.
        """
        self._log = log
        self._logged = 0
        self._is_kept = True  # whether the log takes what it is given
        self._told: dict[str, list[str]] = {}
        self._count: Counter[str] = Counter()

    def add(self, kind: str, sentence: str) -> None:
        """Take in what went wrong.

        Parameters
        ----------
        kind : str
            What is counted together, as a phrase: ``results that could not be written``.
        """
        self._count[kind] += 1
        sentence = visible(sentence, keep="\n")
        told = self._told.setdefault(kind, [])
        if len(told) < _TOLD and sentence not in told:
            told.append(sentence)

    def add_failure(self, kind: str, where: str, failure: Failure) -> None:
        """Take in an unexpected exception, and append its traceback to the log.

        Parameters
        ----------
        where : str
            What it happened to: a submission's folder, or a phrase.
        """
        sentence = f"{where}: {failure.what} ({failure.cause})."
        self.add(kind, sentence)
        self._logged += 1
        if self._log is not None and self._logged <= _LOGGED:
            self._append(self._log, sentence, failure.trace)

    @contextlib.contextmanager
    def fence(self, kind: str, where: str, what: str) -> Iterator[None]:
        """Let nothing that happens inside end the run: take it in, and go on.

        Parameters
        ----------
        kind, where
            As above.
        what : str
            What could not be done then, as a clause.

        Raises
        ------
        AutograderError
            What is no `GraderError`: wrong usage, or isolation that is not to be had.
        BrokenPipeError
            If whoever was told something has gone.
        """
        try:
            yield
        except GraderError as error:
            self.add(kind, str(error))
        except (AutograderError, BrokenPipeError):
            raise
        except OSError as error:  # a disk or a file: nothing that a traceback would explain
            self.add(kind, f"{where}: {what} ({error.strerror or type(error).__name__}).")
        except Exception as error:  # noqa: BLE001  whatever it is, the class goes on
            self.add_failure(kind, where, Failure.of(what, error))

    def lines(self) -> tuple[str, ...]:
        """Return the sentences, how many there are that are not told, and where the tracebacks are."""
        lines = []
        for kind, told in self._told.items():
            lines += told
            more = self._count[kind] - len(told)
            if more > 0:
                lines.append(f"Likewise {more} more {kind}.")
        if self._logged and self._log is not None:
            where = f"is in {self._log}" if self._is_kept else f"could not be written to {self._log}"
            lines.append(f"What the grader did not expect, with tracebacks, {where}. Please report it.")
        return tuple(lines)

    def _append(self, log: Path, sentence: str, trace: str) -> None:
        """Append to the log; a log that cannot be written is no reason to end a run."""
        now = f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
        text = "\n".join([f"{now} {_printable(sentence)}", *(_MARK + line for line in trace.splitlines()), ""])
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            handle = os.open(log, flags, 0o644)
            try:
                if self._logged == 1 and os.fstat(handle).st_size > _LOG_CAP:
                    os.truncate(handle, 0)
                os.write(handle, text.encode("ascii", "backslashreplace"))
            finally:
                os.close(handle)
        except OSError:
            self._is_kept = False
