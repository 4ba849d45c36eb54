"""Landlock: what of the file system a guest may reach, said by the process itself, for ever. See landlock(7).

A second wall behind the minimal root, and the first one where there are no namespaces. Rules name folders by open
descriptors; what the kernel cannot do yet (its ABI is asked for, not its version) is left out.
"""

import ctypes
import fcntl
import os
import stat
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_VERSION, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = 1, 2, 4, 8, 16, 32
_MAKE_DIR, _MAKE_REG, _MAKE_SYM, _REFER, _TRUNCATE, _IOCTL_DEV = 128, 256, 4096, 1 << 13, 1 << 14, 1 << 15
_ALL_FILE = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}  # access rights by ABI
_ALL_NET = {4: 3}  # bind and connect with TCP
_ALL_SCOPES = {6: 3}  # abstract sockets, signals

# Libraries are mapped, never executed as programs, so reading is enough.
READ = _READ_FILE | _READ_DIR
WRITE = (
    READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SYM | _REFER | _TRUNCATE
)  # but no device, socket or FIFO is made
LIST = _READ_DIR
DEVICE = _READ_FILE | _WRITE_FILE
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV  # rights that a single file can have

Rule = tuple[int, int]  # a descriptor, and the rights on what it is
_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """Return the version of Landlock that this kernel speaks; 0 for none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)))


def rule(path: str, rights: int) -> Rule:
    """Return a rule on a folder and all below it, or on a file."""
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    descriptor = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, 10)  # the low numbers are for the guest's own
    os.close(opened)
    return descriptor, rights if stat.S_ISDIR(os.fstat(descriptor).st_mode) else rights & _OF_FILES


def restrict(rules: Iterable[Rule], version: int) -> None:
    """Restrict this process to what the rules allow: no other file, no TCP, no signal and abstract socket outside.

    Parameters
    ----------
    rules : iterable of (int, int)
        As `rule` makes them; possibly in a process that this one is a fork of.
    version : int
        As `abi` gives it, at least 1.

    Raises
    ------
    OSError
        If the kernel refuses it; no_new_privs must be set.
    """
    handled, net, scopes = (_newest(table, version) for table in (_ALL_FILE, _ALL_NET, _ALL_SCOPES))
    attributes = (ctypes.c_uint64 * 3)(handled, net, scopes)
    size = 24 if version >= 6 else 16 if version >= 4 else 8  # the structure has grown
    ruleset = _call(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    try:
        for descriptor, rights in rules:
            packed = (rights & handled).to_bytes(8, "little") + descriptor.to_bytes(
                4, "little"
            )  # as the kernel wants it
            _call(_ADD_RULE, ruleset, _PATH_BENEATH, packed, 0)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _newest(table: dict[int, int], version: int) -> int:
    return next((table[n] for n in sorted(table, reverse=True) if n <= version), 0)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"landlock: {os.strerror(error)}")
    return result
