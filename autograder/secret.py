"""The course secret, and the seeds drawn from it: knowing the code of the tests is of no use without it."""

import hashlib
import hmac
import os
import secrets

import numpy as np

from autograder.course import Course
from autograder.errors import UsageError

_FILE = ".autograder/secret"  # below the course's folder, never in git


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
        return override.encode()
    path = course.root / _FILE
    try:
        path.parent.mkdir(exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            secret = path.read_bytes().strip()
        else:
            secret = secrets.token_hex(32).encode()
            with os.fdopen(descriptor, "wb") as file:
                file.write(secret + b"\n")
    except OSError as error:
        raise UsageError(
            f"The course secret {path} can be neither read nor made ({error.strerror}). "
            "Mend its permissions, or set AUTOGRADER_SECRET."
        ) from error
    if path.stat().st_mode & 0o077:
        raise UsageError(f"Others can read the course secret: run `chmod 600 {path}`, or remove it to draw a new one.")
    if len(secret) < 16:
        raise UsageError(f"The course secret {path} is too short to be one. Remove it, and a new one is drawn.")
    return secret


def key_name(secret: bytes) -> str:
    """Return a name for the secret that tells nothing about it; reports record it."""
    return hmac.new(secret, b"name of this key", hashlib.sha256).hexdigest()[:16]


def generator(secret: bytes, *what: str) -> np.random.Generator:
    """Return the generator of the inputs of one assignment, exercise, case and student.

    The same secret and names give the same inputs on every machine and numpy version that keeps PCG64's stream.
    """
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in what)  # no two lists alike
    seed = hmac.new(secret, message, hashlib.sha256).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(seed, "big")))
