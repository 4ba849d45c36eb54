"""A zip is believed nothing: whatever it says of itself, nothing leaves it, and it costs next to nothing to look at.

Each hostile zip is made by hand, field by field, where Python's own writer would refuse to.
"""

import struct
import time
import tracemalloc
import warnings
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autograder.errors import SubmissionError, UsageError
from autograder.intake import archive
from autograder.intake.archive import Archive
from autograder.notebook import SIZE_CAP

NAME = "ada_1_2_rnn_step_by_step.ipynb"
TEXT = b'{"cells": []}'


def write(path, *members, **attributes):
    """Write a zip with these names and contents; attributes are set on the last entry."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name twice
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
            for number, (name, content) in enumerate(members, start=1):
                info = zipfile.ZipInfo(name)
                info.compress_type = zipfile.ZIP_DEFLATED
                if number == len(members):
                    for attribute, value in attributes.items():
                        setattr(info, attribute, value)
                made.writestr(info, content)
    return path


def patched(path, offset, new, *, last=False):
    """Overwrite bytes in a record of the list of entries: the first one's, or the last one's."""
    content = bytearray(path.read_bytes())
    at = (content.rfind if last else content.find)(b"PK\x01\x02") + offset
    content[at : at + len(new)] = new
    path.write_bytes(content)
    return path


def test_reads_what_is_there(tmp_path):
    """An honest zip lists its files with their times, and gives their bytes; what systems add is left out."""
    path = write(tmp_path / "a.zip", (NAME, TEXT), ("__MACOSX/._x", b"x"), (".DS_Store", b"x"), ("a/", b""))
    opened = Archive(path)
    (entry,) = opened.entries
    assert entry.parts == (NAME,)
    assert entry.time == 19800101000000
    assert opened.read(entry.member) == TEXT


def test_names_without_the_flag(tmp_path):
    """A name in UTF-8 that is not marked as such, as some platforms write it, is read as UTF-8."""
    path = write(tmp_path / "a.zip", ("muXXller_1_2_a.ipynb", TEXT))
    content = path.read_bytes().replace(b"muXXller", "mü\u00fcller".encode()[:8].ljust(8, b"r"))
    path.write_bytes(content)
    (entry,) = Archive(path).entries
    assert entry.parts[0].startswith("mü")
    assert Archive(path).read(entry.member) == TEXT


@pytest.mark.parametrize(
    "name",
    [
        "../out.ipynb", "a/../../out.ipynb", "/etc/out.ipynb", "//server/out.ipynb", "..\\out.ipynb", "\\out.ipynb",
        "C:/out.ipynb", "c:\\out.ipynb", "a/..", "n" * 1_001,
    ],
)  # fmt: skip
def test_names_that_lead_out(tmp_path, name):
    """An archive with one name that leads out of it is refused as a whole: no platform made it."""
    with pytest.raises(UsageError, match=r"leads out of it|more than 1000 characters"):
        Archive(write(tmp_path / "a.zip", (NAME, TEXT), (name, TEXT)))


def test_a_name_with_an_end_in_it(tmp_path):
    """A name that readers understand differently, since a zero byte ends it for some, is refused."""
    path = write(tmp_path / "a.zip", ("x.ipynb#y", TEXT))
    path.write_bytes(path.read_bytes().replace(b"x.ipynb#y", b"x.ipynb\0y"))
    with pytest.raises(UsageError, match="leads out of it"):
        Archive(path)


def test_a_name_twice(tmp_path):
    """Two files of one name are refused: two readers would see two different ones."""
    with pytest.raises(UsageError, match="two files of one name"):
        Archive(write(tmp_path / "a.zip", (NAME, TEXT), (NAME, b"other")))


@pytest.mark.parametrize("kind", [0o120777, 0o020666, 0o060666, 0o010666, 0o140777])
def test_links_and_devices(tmp_path, kind):
    """A link, a device or a pipe is that student's refusal, and nobody else's."""
    path = write(tmp_path / "a.zip", ("good.ipynb", TEXT), (NAME, b"/etc/passwd"), external_attr=kind << 16)
    opened = Archive(path)
    assert opened.read("good.ipynb") == TEXT
    with pytest.raises(SubmissionError, match="link or a device"):
        opened.read(NAME)


@pytest.mark.parametrize(
    ("offset", "new", "word"),
    [
        (8, b"\x01\x00", "encrypted"),
        (10, struct.pack("<H", zipfile.ZIP_BZIP2), "packed in a way"),
        (10, struct.pack("<H", zipfile.ZIP_LZMA), "packed in a way"),
        (10, struct.pack("<H", 99), "packed in a way"),
        (24, struct.pack("<L", SIZE_CAP + 1), "larger than 50 MB"),
        (24, struct.pack("<L", 2 << 20), "a multiple of its size"),
        (24, struct.pack("<L", 5), "damaged"),
        (24, struct.pack("<L", 10_000), "damaged"),
        (16, b"\0\0\0\0", "damaged"),
        (46, b"X", "damaged"),
    ],
)
def test_entries_that_lie(tmp_path, offset, new, word):
    """Encrypted, packed otherwise, too large, too tight, not as long as it says, another check sum, another name."""
    opened = Archive(patched(write(tmp_path / "a.zip", (NAME, TEXT)), offset, new))
    with pytest.raises(SubmissionError, match=word):
        opened.read(opened.entries[0].member)


def test_one_stream_for_many(tmp_path):
    """Entries that share one packed stream, the bomb that needs no nesting, are refused before any is unpacked."""
    path = write(tmp_path / "a.zip", ("a.ipynb", TEXT), ("b.ipynb", TEXT))
    with pytest.raises(UsageError, match="shares its bytes"):
        Archive(patched(path, 42, struct.pack("<L", 0), last=True))


def bomb(path, entries, size):
    """Write a zip of many files that are nothing but zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = packer.compress(b"\0" * size) + packer.flush()
    body, listed = bytearray(), bytearray()
    check = zlib.crc32(b"\0" * size)
    for number in range(entries):
        name = f"s{number}_1_2_a.ipynb".encode()
        fields = (0, 8, 0, 33, check, len(stream), size, len(name), 0)
        listed += struct.pack("<4s2H4H3L5H2L", b"PK\x01\x02", 20, 20, *fields, 0, 0, 0, 0, len(body)) + name
        body += struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, *fields) + name + stream
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, entries & 0xFFFF, entries & 0xFFFF, len(listed), len(body), 0)
    path.write_bytes(body + listed + end)
    return path


def test_bombs_cost_nothing(tmp_path):
    """Hundreds of files that would unpack to gigabytes are refused one by one, without unpacking a byte of them."""
    opened = Archive(bomb(tmp_path / "bomb.zip", 500, 10 << 20))
    tracemalloc.start()
    started = time.perf_counter()
    for entry in opened.entries:
        with pytest.raises(SubmissionError, match="a multiple of its size"):
            opened.read(entry.member)
    taken, (_, peak) = time.perf_counter() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(opened.entries) == 500
    assert taken < 2
    assert peak < 2 << 20


def test_a_lie_about_the_size_costs_nothing(tmp_path):
    """An entry that unpacks to far more than it says is read no further than it says."""
    path = bomb(tmp_path / "bomb.zip", 1, 40 << 20)
    opened = Archive(patched(path, 24, struct.pack("<L", 1_000)))
    tracemalloc.start()
    with pytest.raises(SubmissionError, match="damaged"):
        opened.read(opened.entries[0].member)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.timeout(20)
@pytest.mark.parametrize("how", ["many entries", "long list"])
def test_lists_without_end(tmp_path, how):
    """A list of a million entries, or one of gigabytes, is refused before anything is made of it."""
    if how == "many entries":
        path = bomb(tmp_path / "a.zip", archive.ENTRIES_CAP + 1, 10)
    else:
        path = tmp_path / "a.zip"
        size = 3 << 30
        with path.open("wb") as file:
            file.truncate(size)
            file.seek(size)
            file.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, size, 0, 0))
    started = time.perf_counter()
    with pytest.raises(UsageError, match="lists more than 50000 files"):
        Archive(path)
    assert time.perf_counter() - started < 5


def test_as_many_as_a_large_class_has(tmp_path):
    """Ten thousand files are listed in about a second."""
    path = bomb(tmp_path / "a.zip", 10_000, 10)
    started = time.perf_counter()
    assert len(Archive(path).entries) == 10_000
    assert time.perf_counter() - started < 3


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 17, b"PK\x05\x06" + b"\xff" * 18]
)
def test_no_zips(tmp_path, content):
    """What only begins like a zip is told."""
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(UsageError, match="is no zip, or a broken one"):
        Archive(tmp_path / "a.zip")


def test_not_let_in(tmp_path):
    """A zip that cannot be opened is told with the reason."""
    with pytest.raises(UsageError, match="No such file"):
        Archive(tmp_path / "a.zip")


def test_closed_when_nobody_needs_it(tmp_path):
    """The file is closed with the last reference, also where the zip is refused."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    opened = Archive(write(tmp_path / "a.zip", (NAME, TEXT)))
    del opened
    with pytest.raises(UsageError):
        Archive(write(tmp_path / "b.zip", ("../a", TEXT)))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """Return the bytes of a zip, and a place for changed ones."""
    folder = tmp_path_factory.mktemp("fuzz")
    return write(folder / "a.zip", (NAME, TEXT), ("b_2_3_c.ipynb", TEXT * 50)).read_bytes(), folder / "b.zip"


@given(changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8), cut=st.integers(0, 10_000))
@example(changes=[], cut=0)
def test_any_bytes(honest, changes, cut):
    """Whatever is changed in a zip, it is read or refused with a sentence, and nothing else happens."""
    content, path = honest
    altered = bytearray(content)
    for at, value in changes:
        altered[at % len(altered)] = value
    path.write_bytes(altered[: len(altered) - cut % 60 if cut else None])
    try:
        opened = Archive(path)
    except UsageError:
        return
    for entry in opened.entries:
        try:
            assert len(opened.read(entry.member)) <= SIZE_CAP
        except SubmissionError:
            continue
