"""A class of hostile files and folders between honest ones, made on disk and graded by the command on a terminal."""

import fcntl
import io
import json
import os
import pty
import socket
import stat
import struct
import subprocess
import sys
import tarfile
import termios
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostile import corpus

from autograder import demo, intake, notebook, variants
from autograder.course import Course

NAME = demo.ASSIGNMENT
HONEST = ("!honest", "honest", "~honest")  # among the first, in the middle, among the last
MEBIBYTE = 1 << 20

# File names, each of a right solution: what counts is that they do nothing.
NAMES = (
    b"..",
    b".",
    b".hidden",
    b"--out=elsewhere",
    b"-rf",
    b"~root",
    b"$(touch elsewhere)",
    b"`touch elsewhere`",
    b"*",
    b"C:\\elsewhere",
    b"..\\elsewhere",
    b"CON",
    b"nul.txt",
    b"report.json",
    b"feedback.html",
    b".new-x",
    b"%2e%2e%2felsewhere",
    "Zo\u00eb".encode(),
    "Zoe\u0308".encode(),
    b"ADA",
    b"ada",
    b"ada ",
    b"ada\r",
    b"%61da",
    b"n" * 249,
    "\u00e9".encode() * 124,
    "\u0301".encode() * 124,  # accents upon accents
    b"\xff\xfe",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"=1+1",
    b"@SUM(1)",
    b"\t=1+1",
    b"=cmd|' !A0",
    b"a;=1+1",
    b"a\n=1+1,100",
)


@dataclass(frozen=True)
class Entry:
    """Something in a folder of submissions, and what becomes of it."""

    file: bytes
    make: Callable[[Path], object]
    status: str = "rejected"
    score: float = 0.0
    reason: str = ""


def _zip_bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../elsewhere.ipynb", b" " * (64 * MEBIBYTE))
    return made.getvalue()


def _tar() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        link = tarfile.TarInfo("elsewhere")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("elsewhere/../../elsewhere.ipynb"))
    return made.getvalue()


def sparse(size: int) -> Callable[[Path], object]:
    """Return what makes a file of that size which takes no room on the disk."""

    def make(path: Path) -> None:
        path.touch()
        os.truncate(path, size)

    return make


def _socket(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{folder}/{path.name}")  # a socket's own path may be no longer than 107 bytes
    os.close(folder)


def _device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero


def _folder(path: Path) -> None:
    path.mkdir()
    (path / f"{NAME}.ipynb").write_text("{}")


def to(target: str) -> Callable[[Path], object]:
    """Return what makes a link to a target."""
    return lambda path: path.symlink_to(target)


def entries(course: Course, solved: bytes) -> Iterator[Entry]:
    """Yield what a hostile class puts into one flat folder."""
    source = str(course.source_notebook(NAME))
    for stem, target in (
        ("to-solution", source),
        ("to-passwd", "/etc/passwd"),
        ("to-environment", "/proc/self/environ"),
        ("to-neighbour", f"{HONEST[1]}.ipynb"),
        ("to-folder", "/etc"),
        ("to-nothing", "nothing.ipynb"),
        ("to-itself", "to-itself.ipynb"),
        ("to-endless", "/dev/zero"),
    ):
        yield Entry(f"{stem}.ipynb".encode(), to(target), reason="is a link")
    yield Entry(b"pipe.ipynb", os.mkfifo, reason="plain file")
    yield Entry(b"socket.ipynb", _socket, reason="cannot be opened")
    yield Entry(b"device.ipynb", _device, reason="plain file")
    yield Entry(b"folder.ipynb", _folder, reason="a folder")
    yield Entry(b"empty.ipynb", Path.touch, reason="empty")
    yield Entry(b"beyond-the-cap.ipynb", sparse(notebook.SIZE_CAP + 1), reason="larger than 50 MB")
    yield Entry(b"terabyte.ipynb", sparse(1 << 40), reason="larger than 50 MB")
    yield Entry(b"nulls.ipynb", sparse(MEBIBYTE), reason="not valid JSON")
    yield Entry(b"zip.ipynb", lambda path: path.write_bytes(_zip_bomb()), reason="not UTF-8")
    yield Entry(b"tar.ipynb", lambda path: path.write_bytes(_tar()), reason="not UTF-8")
    # whose it was before cannot be seen in a file: it is graded like any other
    yield Entry(b"hard-link.ipynb", lambda p: os.link(p.with_name(f"{HONEST[1]}.ipynb"), p), "graded", 100.0)
    for name in NAMES:
        yield Entry(name + b".ipynb", lambda path: path.write_bytes(solved), "graded", 100.0)


def of_corpus(solutions: demo.Solutions) -> Iterator[Entry]:
    """Yield the intake family of the corpus as files, but for what is there for its size or its time."""
    facts = {"canary": "", "variable": "", "port": 1, "abstract": "", "pid": 1}
    for case in corpus.all_cases():
        if not case.id.startswith("intake/") or case.limits:
            continue
        content = corpus.content(case, solutions, facts)
        if len(content) > MEBIBYTE:
            continue
        possible = not set(case.student) & {"/", "\0"} and len(case.student.encode()) < 250
        file = f"{case.student if possible else case.id.replace('/', '-')}.ipynb"
        wanted = case.outcome
        yield Entry(
            file.encode(),
            lambda path, content=content: path.write_bytes(content),  # type: ignore[misc]
            wanted.get("status", "graded"),
            wanted["score"],
            wanted.get("reason", ""),
        )


@dataclass(frozen=True)
class Class:
    """A class that was graded: what was handed in, what came of it, and what the terminal was sent."""

    folder: Path
    out: Path
    entries: tuple[Entry, ...]
    said: str
    exit_code: int

    @property
    def reports(self) -> dict[str, dict[str, Any]]:
        """The reports on disk, by folder."""
        return {path.parent.name: json.loads(path.read_text("utf-8")) for path in self.out.glob("*/report.json")}

    @property
    def pages(self) -> list[Path]:
        """The students' pages."""
        return sorted(self.out.glob("*/feedback.html"))


def folder_of(file: str | bytes) -> str:
    """Return where the results of a file are."""
    return intake.safe_name(os.fsdecode(file).removesuffix(".ipynb"))


def command(course: Course, *arguments: str | Path, **environment: str) -> tuple[int, str]:
    """Run the command on a terminal; return its exit code and every character that the terminal was sent."""
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    settings = {"AUTOGRADER_SECRET": "a secret for tests", "TERM": "xterm-256color", **environment}
    with subprocess.Popen(
        [sys.executable, "-m", "autograder", *arguments],
        cwd=course.root,
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        said = bytearray()
        try:
            while part := os.read(master, 1 << 16):
                said += part
        except OSError:  # the other end is closed
            pass
        code = process.wait(60)
    os.close(master)
    return code, said.decode("utf-8")


def graded_class(course: Course, solutions: demo.Solutions, place: Path) -> Class:
    """Hand in everything hostile between honest neighbours, and grade it once."""
    folder, out = place / "class", place / "out"
    folder.mkdir()
    solved = variants.write(solutions.solved())
    for student in HONEST:
        (folder / f"{student}.ipynb").write_bytes(solved)
    made = []
    for entry in (*entries(course, solved), *of_corpus(solutions)):
        path = folder / os.fsdecode(entry.file)
        assert not os.path.lexists(path), f"two entries are called {entry.file!r}"
        try:
            entry.make(path)
        except PermissionError:  # only root can make a device
            continue
        made.append(entry)
    code, said = command(course, "grade", folder, "--assignment", NAME, "--out", out, "--no-gradebook")
    return Class(folder, out, tuple(made), said, code)
