"""Reads the zip of a class's submissions, and believes nothing that it says about itself.

Nothing is ever extracted: names of entries lead nowhere, and a notebook is unpacked in memory at the moment it is
graded, up to the size that any notebook may have. What no learning platform would pack (a name that climbs out of its
folder, two entries that share their bytes) refuses the archive; what one student can cause (too large, packed too
tightly, a link) refuses that student's submission.
"""

import stat
import struct
import weakref
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from io import FileIO
from itertools import zip_longest
from pathlib import Path

from autograder.errors import SubmissionError, UsageError
from autograder.notebook import SIZE_CAP

ENTRIES_CAP = 50_000
DIRECTORY_CAP = 12 << 20  # bytes of the list of entries, which is read as a whole
NAME_CAP = 1_000  # characters
RATIO_CAP = 200  # times larger than packed; a notebook full of zeros is a hundred times
RATIO_FROM = 1 << 20  # bytes: what is smaller costs nothing, however it is packed

_LISTED = b"PK\x01\x02"  # before each entry of the list
_HEADER = 30  # bytes at least, before an entry's own
_ENCRYPTED = 0x1 | 0x40
_UTF_8 = 0x800
_METHODS = frozenset([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])  # the others unpack without a bound, or not at all
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
_DAMAGED = "The notebook is damaged in the class's zip. Download the zip again, or submit the notebook again."
_SYSTEMS = frozenset(["__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints"])


@dataclass(frozen=True)
class Entry:
    """One file of a download, by its place and its time; never its content.

    Attributes
    ----------
    parts : tuple of str
        Folders and name.
    time : int
        Grows with the time of its last change.
    member : str
        Its name in the archive; empty for a file on disk.
    """

    parts: tuple[str, ...]
    time: int
    member: str = ""


class _Reader(FileIO):
    """A file of which no single read takes more than the list of entries may have."""

    bounded = True

    def read(self, size: int | None = -1, /) -> bytes:  # never None: it is a plain file
        if not self.bounded:
            return super().read(size) or b""
        content = super().read(DIRECTORY_CAP + 1 if size is None or size < 0 else min(size, DIRECTORY_CAP + 1)) or b""
        if len(content) > DIRECTORY_CAP or content.count(_LISTED) > ENTRIES_CAP:  # before anything is made of them
            raise _TooManyError
        return content


class _TooManyError(Exception):
    """The list of entries is too long to be read."""


class Archive:
    """A zip whose list of entries has been checked; its file stays open until nobody needs it any more."""

    def __init__(self, path: Path) -> None:
        """Read the list of entries, and nothing else.

        Raises
        ------
        UsageError
            If it is no zip, is broken, or is made to deceive.
        """
        self.path = path
        try:
            self._file = _Reader(path)
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}. Mend its permissions.") from error
        weakref.finalize(self, self._file.close)
        try:
            self._zip = zipfile.ZipFile(self._file)
            self._file.bounded = False
            infos = self._zip.infolist()
            self.entries = self._checked(infos)
        except _TooManyError as error:
            raise self._refused(f"it lists more than {ENTRIES_CAP} files") from error
        except _BROKEN as error:
            raise UsageError(f"{path} is no zip, or a broken one: download it again. Nothing was graded.") from error

    def read(self, member: str) -> bytes:
        """Return the bytes of an entry.

        Raises
        ------
        SubmissionError
            If it cannot be a student's notebook, or is damaged.
        """
        info = self._infos[member]
        problem = _problem(info)
        if problem:
            raise SubmissionError(problem)
        try:
            with self._zip.open(info) as file:
                content = file.read(info.file_size + 1)  # a larger number would be unpacked first, and then cut off
                if len(content) == info.file_size:
                    return content
        except _BROKEN as error:
            raise SubmissionError(_DAMAGED) from error
        raise SubmissionError(_DAMAGED)

    def _checked(self, infos: list[zipfile.ZipInfo]) -> tuple[Entry, ...]:
        """Return the files among these entries, without what operating systems add.

        Raises
        ------
        UsageError
            If the list was not made by a learning platform.
        """
        twice = [name for name, number in Counter(info.orig_filename for info in infos).items() if number > 1]
        if twice:
            raise self._refused(f"it has two files of one name ({twice[0][:80]!r})")
        for info in infos:
            if len(info.orig_filename) > NAME_CAP:
                raise self._refused(f"a name in it has more than {NAME_CAP} characters")
            if not _stays(info.orig_filename):
                raise self._refused(f"the name {info.orig_filename[:80]!r} leads out of it")
        ordered = sorted(infos, key=lambda info: info.header_offset)
        for info, after in zip_longest(ordered, ordered[1:]):
            end = after.header_offset if after else self._zip.start_dir
            if info.header_offset < 0 or info.header_offset + _HEADER + info.compress_size > end:
                raise self._refused(f"{info.orig_filename[:80]!r} shares its bytes with another file")
        self._infos = {info.filename: info for info in infos}
        entries = []
        for info in infos:
            parts = tuple(part for part in _name(info).split("/") if part not in {"", "."})
            if info.is_dir() or not parts or _of_system(parts):
                continue
            moment = 0
            for field in info.date_time:
                moment = moment * 100 + field
            entries.append(Entry(parts, moment, info.filename))
        return tuple(entries)

    def _refused(self, why: str) -> UsageError:
        return UsageError(
            f"{self.path} is not what a learning platform makes: {why}. Nothing was graded. "
            "Download it again; if it comes out the same, unpack it in a place of its own and look at it."
        )


def _stays(name: str) -> bool:
    """Return whether a name leads to nothing outside the archive, on any system."""
    parts = name.replace("\\", "/").split("/")
    drive = len(parts[0]) == 2 and parts[0].endswith(":")
    return bool(parts[0]) and not drive and ".." not in parts and "\0" not in name


def _of_system(parts: tuple[str, ...]) -> bool:
    return bool(_SYSTEMS & set(parts)) or parts[-1].startswith("._")


def _name(info: zipfile.ZipInfo) -> str:
    """Return an entry's name; many programs write UTF-8 and forget to say so."""
    if info.flag_bits & _UTF_8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _problem(info: zipfile.ZipInfo) -> str:
    """Return why an entry is not read; empty where it is."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        return "The submission is a link or a device in the class's zip, not a file. Submit the notebook itself."
    if info.flag_bits & _ENCRYPTED:
        return "The submission is encrypted. Submit the notebook without a password."
    if info.compress_type not in _METHODS:
        return "The submission is packed in a way that is not read here. Unpack the class's zip and grade the folder."
    if info.file_size > SIZE_CAP:
        return (
            f"The notebook is larger than {SIZE_CAP >> 20} MB. Clear its outputs (Kernel, Restart & Clear Output) "
            "and submit it again."
        )
    if info.file_size > RATIO_FROM and info.file_size > RATIO_CAP * info.compress_size:
        return (
            "The notebook unpacks to a multiple of its size that no notebook has, and was not read. Clear its outputs "
            "(Kernel, Restart & Clear Output) and submit it again."
        )
    return ""
