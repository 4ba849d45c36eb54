"""Reads when something was submitted, from nbgrader's ``timestamp.txt``."""

import datetime as dt
import os
import re
import zoneinfo
from pathlib import Path

_TIME_CAP = 100  # bytes of a timestamp


def timestamp(folder: Path) -> dt.datetime | None:
    """Return the time in nbgrader's ``timestamp.txt``, in UTC; None where there is none that can be read."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(folder / "timestamp.txt", flags), "rb") as file:
            content = file.read(_TIME_CAP + 1)
        return parse_time(content.decode("utf-8-sig").strip()) if len(content) <= _TIME_CAP else None
    except (OSError, ValueError):
        return None


def parse_time(text: str) -> dt.datetime | None:
    """Return a time as nbgrader writes it: ISO 8601, or date, time and zone with blanks between.

    The zone is a name or an offset; a name that nobody knows (``PDT``) and none at all are UTC, as in nbgrader itself.
    """
    match text.split():
        case [date, time, zone] if re.fullmatch(r"[+-]\d\d(:?\d\d)?", zone):
            text, name = f"{date} {time}{zone}", ""
        case [date, time, zone]:
            text, name = f"{date} {time}", zone
        case _:
            name = ""
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=_zone(name))
        return moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):  # the year 1 has no hour before its first
        return None


def _zone(name: str) -> dt.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name) if name else dt.UTC
    except (
        zoneinfo.ZoneInfoNotFoundError,
        ValueError,
        OSError,
        TypeError,
    ):  # the last for a name like a package's file
        return dt.UTC
