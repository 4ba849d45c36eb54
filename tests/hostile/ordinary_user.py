"""Runs a command as an ordinary user, for a suite that runs as root.

::

    python tests/hostile/ordinary_user.py COMMAND ARGUMENT ...

The command must be able to reach this interpreter, its packages and this checkout. As root's they often lie below a
folder that nobody else may enter (``/root``). Such a folder is covered with an empty one, in a mount namespace that
ends with the command, and what is needed is mounted into it again, each at its own path.
"""

import os
import stat
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from autograder.sandbox.isolation import CLONE_NEWNS, MS_BIND, MS_PRIVATE, MS_REC, call, mount  # noqa: E402

UID = GID = 65534  # nobody's, on every Linux


def closed(path: Path) -> Path | None:
    """Return the topmost folder above a path that others may not enter; None where there is none."""
    above = reversed(path.resolve().parents)
    return next((folder for folder in above if not folder.stat().st_mode & stat.S_IXOTH), None)


def uncover(paths: list[Path]) -> None:
    """Make paths reachable for everyone, in a mount namespace of this process's own.

    Raises
    ------
    OSError
        If the kernel does not let us.
    """
    covers = {path.resolve(): folder for path in paths if (folder := closed(path))}
    if not covers:
        return
    call("unshare", CLONE_NEWNS)
    mount("", "/", flags=MS_REC | MS_PRIVATE)
    aside = Path(tempfile.mkdtemp(prefix="autograder-aside-"))
    mount("tmpfs", str(aside), "tmpfs", options="mode=755")
    kept = {path: aside / str(number) for number, path in enumerate(covers)}
    for path, place in kept.items():
        place.mkdir()
        mount(str(path), str(place), flags=MS_BIND | MS_REC)
    for folder in set(covers.values()):
        mount("tmpfs", str(folder), "tmpfs", options="mode=755")
    for path, place in kept.items():
        path.mkdir(parents=True, exist_ok=True)
        mount(str(place), str(path), flags=MS_BIND | MS_REC)
    call("umount2", str(aside).encode(), 2)  # lazily: what is below it is in use elsewhere
    aside.rmdir()


def main() -> None:
    """Become an ordinary user and then the command."""
    uncover([Path(sys.base_prefix), Path(sys.prefix), ROOT])
    os.umask(0o022)
    os.setgroups([])
    os.setresgid(GID, GID, GID)
    os.setresuid(UID, UID, UID)  # from root to another: the kernel takes every capability away
    os.chdir(ROOT)  # again, by its path: the folder that we were in may be the covered one
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606  the command is our own test's


if __name__ == "__main__":
    main()
