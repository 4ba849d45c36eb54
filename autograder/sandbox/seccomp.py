"""A filter of system calls for guests: the kernel's seccomp, with a small program of our own.

The program is classic BPF over ``struct seccomp_data`` (call number, architecture, instruction pointer, six arguments):
the architecture is checked first, then the number, then for a few calls one argument. It ends in a refusal, so a call
that nobody thought of is refused. See seccomp(2) and the kernel's ``Documentation/userspace-api/seccomp_filter.rst``.
"""

import ctypes
import errno
import functools
import os
import struct
from collections.abc import Iterable, Mapping, Sequence

from autograder.sandbox.syscalls import ALLOWED, ATTRIBUTES, NEWER, RULED

# BPF: load a 32-bit word, jump if equal, jump if greater or equal, jump if any bit is set, mask, return
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets; of each 64-bit argument the low half, little-endian
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_X32 = 0x40000000  # numbers from here on are of x86-64's other interface, which would slip past the tables

_AUDIT = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column of the tables, the kernel's name
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER = 1

_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020080  # any of CLONE_NEW*, which no thread needs
_AF_UNIX, _SOCK_STREAM, _SOCKET_TYPES = 1, 1, 0xF
_TERMINAL_IOCTLS = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: keys for the terminal of whoever started us
_FCNTLS = (
    0,
    1,
    2,
    3,
    4,
    1030,
    1032,
)  # F_DUPFD, F_GETFD … F_SETFL, F_DUPFD_CLOEXEC, F_GETPIPE_SZ; no lock, no signal, no larger pipe: a user has so much
_PRCTLS = (2, 3, 15, 16, 39, 0x53564D41)  # get PDEATHSIG, DUMPABLE; set, get NAME; get NO_NEW_PRIVS; name memory

_OWN_ID = 0xFFFFFFFF  # stands for the id of the process until there is one
_UNKNOWN = _ERRNO | errno.ENOSYS

Instruction = tuple[int, int, int, int]


def supported() -> bool:
    """Return whether there is a table of calls for this machine's architecture."""
    return os.uname().machine in _AUDIT


@functools.cache
def _template(machine: str, own_files: bool, threads: bool) -> tuple[bytes, tuple[int, ...]]:  # noqa: FBT001
    """Return the program for a machine, and where in it the process's own id is to be put."""
    column, audit = _AUDIT[machine]
    allowed = {name: numbers for name, numbers in ALLOWED.items() if own_files or name not in ATTRIBUTES}
    rules = {number: [_returning(_ALLOW)] for number in _numbers(allowed.values(), column)}
    rules[RULED["clone3"][column]] = [_returning(_UNKNOWN)]  # its flags are out of our reach: the C library falls back
    # a thread, and nothing that has a namespace or a life of its own; where threads are not counted, not even that
    rules[RULED["clone"][column]] = [
        _argument(0),
        (_IF_ANY_BIT, 2, 0, _CLONE_NAMESPACES),
        (_IF_ANY_BIT, 0, 1, _CLONE_THREAD),
        _returning(_ALLOW if threads else _ERRNO | errno.EAGAIN),
        _returning(_ERRNO | errno.EPERM),
    ]
    rules[RULED["fcntl"][column]] = _one_of(_FCNTLS, argument=1)
    rules[RULED["prctl"][column]] = _one_of(_PRCTLS, argument=0)
    rules[RULED["prlimit64"][column]] = _one_of((0,), argument=0)
    rules[RULED["ioctl"][column]] = _one_of(_TERMINAL_IOCTLS, argument=1, found=_ERRNO | errno.EPERM, other=_ALLOW)
    # two connected ends, as an event loop wants them; a datagram socket could send elsewhere
    rules[RULED["socketpair"][column]] = [
        _argument(0),
        (_IF_EQUAL, 0, 4, _AF_UNIX),
        _argument(1),
        (_AND, 0, 0, _SOCKET_TYPES),
        (_IF_EQUAL, 0, 1, _SOCK_STREAM),
        _returning(_ALLOW),
        _returning(_ERRNO | errno.EPERM),
    ]
    for name in ("kill", "tgkill"):  # itself, as abort() does
        rules[RULED[name][column]] = _one_of((_OWN_ID,), argument=0)
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, audit),
        _returning(_KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_IF_AT_LEAST, 0, 1, _X32),
        _returning(_ERRNO | errno.EPERM),
        *_search(_ranges(rules)),
    ]
    own = tuple(n for n, instruction in enumerate(program) if instruction == (_IF_EQUAL, 0, 1, _OWN_ID))
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in program), own


def _numbers(calls: Iterable[Sequence[int | None]], column: int) -> list[int]:
    return [number for call in calls if (number := call[column]) is not None]


def _returning(verdict: int) -> Instruction:
    return _RETURN, 0, 0, verdict


def _argument(index: int) -> Instruction:
    return _LOAD, 0, 0, _FIRST_ARGUMENT + 8 * index


def _one_of(
    values: Iterable[int], *, argument: int, found: int = _ALLOW, other: int = _ERRNO | errno.EPERM
) -> list[Instruction]:
    """Return instructions that give one verdict where an argument has one of these values, and another elsewhere."""
    tests = [step for value in values for step in ((_IF_EQUAL, 0, 1, value), _returning(found))]
    return [_argument(argument), *tests, _returning(other)]


def _ranges(rules: Mapping[int, list[Instruction]]) -> list[tuple[int, list[Instruction]]]:
    """Return where each run of calls with the same rule begins, in order.

    What has no rule is refused; what is newer than the tables does not exist, so that a library does without it.
    """
    result: list[tuple[int, list[Instruction]]] = []
    for number in range(NEWER + 1):
        rule = [_returning(_UNKNOWN)] if number == NEWER else rules.get(number, [_returning(_ERRNO | errno.EPERM)])
        if not result or result[-1][1] != rule:
            result.append((number, rule))
    return result


def _search(ranges: Sequence[tuple[int, list[Instruction]]]) -> list[Instruction]:
    """Return a binary search over ranges: the kernel walks through it for every call there is, once for each guest."""
    if len(ranges) == 1:
        return ranges[0][1]
    half = len(ranges) // 2
    low, high = _search(ranges[:half]), _search(ranges[half:])
    return [(_IF_AT_LEAST, len(low), 0, ranges[half][0]), *low, *high]


def program(own_files: bool, threads: bool) -> bytes:  # noqa: FBT001
    """Return the filter for this process, which may signal itself and nobody else.

    Parameters
    ----------
    own_files : bool
        Whether all that it can reach is its own or read-only. If not, it may not change a file's mode or times either:
        Landlock does not look after those.
    threads : bool
        Whether it may start threads.
    """
    code, own = _template(os.uname().machine, own_files, threads)
    filled = bytearray(code)
    for place in own:
        struct.pack_into("<I", filled, 8 * place + 4, os.getpid())
    return bytes(filled)


def install(own_files: bool, threads: bool) -> None:  # noqa: FBT001
    """Put the filter on this process, for ever; no_new_privs must be set.

    Raises
    ------
    OSError
        If the kernel refuses it.
    """
    code = program(own_files, threads)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))  # struct sock_fprog
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(_SECCOMP[os.uname().machine], _SET_MODE_FILTER, 0, header) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"seccomp: {os.strerror(error)}")
