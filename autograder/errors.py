"""Our failures and theirs, never confused; each of ours knows its exit code.

A student's mistake is not an exception here: it is an `autograder.model.Outcome`. Only a submission that cannot be
read at all is a `SubmissionError`, and it becomes a report with ``status: rejected``.
"""

from enum import IntEnum


class Exit(IntEnum):
    """What the command's exit code says; part of the contract with CI."""

    OK = 0  # every submission has a verdict, whatever the grades
    USAGE = 1  # usage or configuration: nothing was graded
    UNGRADED = 2  # some submission could not be graded because of us
    ISOLATION = 3  # isolation below the accepted level: nothing was run


class AutograderError(Exception):
    """Something that is ours to mend; its text says what happened, where, and what to do."""

    exit_code = Exit.UNGRADED


class UsageError(AutograderError):
    """Wrong usage or configuration, found before anything is graded."""

    exit_code = Exit.USAGE


class GraderError(AutograderError):
    """The grader failed; the submission it failed on gets no score, never a zero."""

    exit_code = Exit.UNGRADED


class UnreadableError(GraderError):
    """A submission's file cannot be read for a reason that is not its own: permissions, a disk, a Git LFS pointer."""


class SandboxError(GraderError):
    """The sandbox failed, or was ended from outside: a fresh one may do better."""


class StartError(SandboxError):
    """The sandbox, or a guest in it, could not be started: nothing of a submission has been run."""


class BusyError(GraderError):
    """The machine kept a submission waiting for a processor until its time was over: alone it may do better."""


class ServerAwayError(GraderError):
    """The gradebook's server stayed away for longer than it is waited for: trying again now is of no use."""


class IsolationError(AutograderError):
    """This machine cannot isolate student code to the accepted level."""

    exit_code = Exit.ISOLATION


class SubmissionError(Exception):
    """A submission that cannot be read; its text is a sentence the student understands."""
