"""The course secret, and the seeds drawn from it: knowing the code of the tests is of no use without it."""

import contextlib
import errno
import hashlib
import hmac
import os
import secrets
import stat
import tempfile
from pathlib import Path

import numpy as np

from autograder.course import Course
from autograder.errors import UsageError

_FILE = ".autograder/secret"  # below the course's folder, never in git
_SHORTEST = 16  # bytes; a name of the key stands in every report, and a short key could be guessed from it
_LONGEST = 1 << 16  # bytes


def course_secret(course: Course, override: str | None) -> bytes:
    """Return the course's secret, making it at first use.

    Parameters
    ----------
    override : str or None
        The value of ``AUTOGRADER_SECRET``, for machines that must draw the same inputs.

    Raises
    ------
    UsageError
        If it can be neither read nor made, or others can read it.
    """
    if override:
        secret = override.strip().encode("utf-8", "surrogateescape")
        if len(secret) < _SHORTEST:
            raise UsageError(
                f"AUTOGRADER_SECRET is too short to be a secret: it needs {_SHORTEST} characters or more. "
                "`python -c 'import secrets; print(secrets.token_hex(32))'` draws one."
            )
        return secret
    path = course.root / _FILE
    try:
        path.parent.mkdir(exist_ok=True)
        try:
            secret, mode = _read(path)
        except FileNotFoundError:
            _make(path)
            secret, mode = _read(path)
    except OSError as error:
        raise UsageError(
            f"The course secret {path} can be neither read nor made ({error.strerror}). "
            "Mend its permissions, or set AUTOGRADER_SECRET."
        ) from error
    if mode & 0o077:
        raise UsageError(f"Others can read the course secret: run `chmod 600 {path}`, or remove it to draw a new one.")
    if len(secret) < _SHORTEST:
        raise UsageError(f"The course secret {path} is too short to be one. Remove it, and a new one is drawn.")
    return secret


def _read(path: Path) -> tuple[bytes, int]:
    """Return the secret and the permissions of the very file that it was read from."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a plain file")
        return file.read(_LONGEST).strip(), stat.S_IMODE(status.st_mode)


def _make(path: Path) -> None:
    """Draw a secret, unless another process has done so meanwhile: then its secret stands.

    A file appears under the name only when it is complete, so that nobody ever reads half of one.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(32).encode() + b"\n")
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def key_name(secret: bytes) -> str:
    """Return a name for the secret that tells nothing about it; reports record it."""
    return hmac.new(secret, b"name of this key", hashlib.sha256).hexdigest()[:16]


def generator(secret: bytes, *what: str) -> np.random.Generator:
    """Return the generator of the inputs of one assignment, exercise, case and student.

    The same secret and names give the same inputs on every machine and numpy version that keeps PCG64's stream.
    """
    parts = [part.encode("utf-8", "surrogatepass") for part in what]  # whatever a student is called
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)  # no two lists alike
    seed = hmac.new(secret, message, hashlib.sha256).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(seed, "big")))
