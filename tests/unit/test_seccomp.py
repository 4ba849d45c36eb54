"""The filter of system calls, executed by a small machine of the test's own, and its numbers held to the kernel's."""

import errno
import re
import struct
from pathlib import Path

import pytest

from autograder.sandbox import seccomp
from autograder.sandbox.syscalls import ALLOWED, ATTRIBUTES, NEWER, RULED

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
COLUMN = {"x86_64": 0, "aarch64": 1}
ALLOW, KILL = "allow", "kill"
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def verdict(machine, number, *arguments, audit=None, own_files=True, threads=True):
    """Run the program as the kernel does; return ``allow``, ``kill``, or the number of the error."""
    code, _ = seccomp._template(machine, own_files, threads)
    data = struct.pack("<IIQ6Q", number, audit or ARCHITECTURES[machine], 0, *arguments, *[0] * (6 - len(arguments)))
    accumulator, at = 0, 0
    while True:
        what, if_true, if_false, k = struct.unpack_from("<HBBI", code, 8 * at)
        at += 1
        if what == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, k)
        elif what == 0x54:
            accumulator &= k
        elif what == 0x06:
            return {0x7FFF0000: ALLOW, 0x80000000: KILL}.get(k, k & 0xFFFF)
        else:
            true = {0x15: accumulator == k, 0x35: accumulator >= k, 0x45: bool(accumulator & k)}[what]
            at += if_true if true else if_false


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_what_is_on_the_list_is_allowed_and_nothing_else(machine):
    """Every number that there is: allowed, ruled by its arguments, refused, or too young to exist."""
    allowed = {numbers[COLUMN[machine]] for numbers in ALLOWED.values()} - {None}
    ruled = {numbers[COLUMN[machine]] for numbers in RULED.values()}
    for number in range(NEWER):
        if number not in ruled:
            assert verdict(machine, number) == (ALLOW if number in allowed else errno.EPERM), number
    for number in (NEWER, NEWER + 1, 600, 100_000):
        assert verdict(machine, number) == errno.ENOSYS


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_another_architecture_ends_the_process(machine):
    """Numbers mean something else there; and x86-64's other interface, x32, is refused."""
    other = next(audit for name, audit in ARCHITECTURES.items() if name != machine)
    assert verdict(machine, 0, audit=other) == KILL
    assert verdict(machine, 0, audit=0x40000003) == KILL  # 32-bit x86
    assert verdict(machine, 0x40000000) == errno.EPERM
    assert verdict(machine, 0x40000000 | ALLOWED["read"][0]) == errno.EPERM


THREAD = 0x3D0F00  # what the C library passes for a thread
RULES = [
    ("clone", (THREAD,), ALLOW),
    ("clone", (17,), errno.EPERM),  # a fork
    ("clone", (0x4111,), errno.EPERM),  # a vfork
    *[("clone", (THREAD | 1 << bit,), errno.EPERM) for bit in (7, 17, 25, 26, 27, 28, 29, 30)],  # each CLONE_NEW*
    ("clone3", (0, 88), errno.ENOSYS),
    ("kill", (0xFFFFFFFF, 9), ALLOW),  # stands for the process itself
    ("kill", (1, 9), errno.EPERM),
    ("kill", (0, 9), errno.EPERM),
    ("tgkill", (0xFFFFFFFF, 5, 6), ALLOW),
    ("tgkill", (1, 1, 9), errno.EPERM),
    ("fcntl", (0, 3), ALLOW),
    ("fcntl", (0, 1030), ALLOW),
    ("fcntl", (0, 1032), ALLOW),
    ("fcntl", (0, 1031), errno.EPERM),  # a larger pipe
    *[("fcntl", (0, command), errno.EPERM) for command in (5, 6, 7, 8, 10, 15, 36, 37, 38, 1024, 1026, 1033)],
    ("ioctl", (0, 0x5413), ALLOW),
    ("ioctl", (0, 0x5412), errno.EPERM),
    ("ioctl", (0, 0x541C), errno.EPERM),
    ("prctl", (15,), ALLOW),
    *[("prctl", (option,), errno.EPERM) for option in (1, 4, 8, 22, 23, 24, 28, 38, 47, 0x59616D61)],
    ("prlimit64", (0,), ALLOW),
    ("prlimit64", (1,), errno.EPERM),
    ("socketpair", (1, 1), ALLOW),
    ("socketpair", (1, 1 | 0x80800), ALLOW),  # non-blocking, closed on exec
    ("socketpair", (1, 2), errno.EPERM),
    ("socketpair", (1, 5), errno.EPERM),
    ("socketpair", (2, 1), errno.EPERM),
]


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize(("name", "arguments", "expected"), RULES)
def test_what_depends_on_arguments(machine, name, arguments, expected):
    """A thread but no process, oneself but nobody else, a pair of connected ends but no socket."""
    assert verdict(machine, RULED[name][COLUMN[machine]], *arguments) == expected


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_without_a_root_of_its_own_a_guest_changes_no_file_s_attributes(machine):
    """Landlock does not look after modes and times, so at the level `filtered` the filter does."""
    for name in ATTRIBUTES:
        number = ALLOWED[name][COLUMN[machine]]
        if number is not None:
            assert verdict(machine, number) == ALLOW
            assert verdict(machine, number, own_files=False) == errno.EPERM


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_numbers_are_the_kernels(machine):
    """The tables hold what the kernel's own headers say."""
    if not HEADERS[machine].is_file():
        pytest.skip(f"{HEADERS[machine]} is missing: install linux-libc-dev to check the numbers of system calls")
    text = HEADERS[machine].read_text()
    known = {m[1]: int(m[2]) for m in re.finditer(r"#define __NR(?:3264)?_(\w+) (\d+)", text)}
    names = {m[1]: m[2] for m in re.finditer(r"#define __NR_(\w+) __NR3264_(\w+)", text)}
    for name, numbers in (ALLOWED | RULED).items():
        number = numbers[COLUMN[machine]]
        if number is not None:
            assert known.get(name, known.get(names.get(name, ""))) == number, name


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_where_threads_are_not_counted_none_can_be_started(machine):
    """The error is that of a limit: libraries then do without."""
    clone = RULED["clone"][COLUMN[machine]]
    assert verdict(machine, clone, THREAD, threads=False) == errno.EAGAIN
    assert verdict(machine, clone, 17, threads=False) == errno.EPERM
