"""Someone who does exactly what a guide says.

How the guides are written down: the title in a fenced block's info string says where its text goes. ``FILE`` is a whole
file; ``FILE, cell ID`` is one cell of a notebook; ``FILE.py, NAME`` is one function of a module; ``FILE, end`` is added
at the end. A ``text`` block with a title is not written: its lines are seen there. ``console`` blocks hold commands
after ``$`` and all that they print. In a line ``…`` stands for any part of it, and alone on a line for any number of
lines.
What a person does in a browser stands in the text; ``<!-- here: NAME -->`` says where, and the test does the same.
"""

import ast
import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

GUIDES = Path(__file__).resolve().parents[2] / "docs"
DEED = re.compile(r"<!-- here: (.*?) -->")
FENCE = re.compile(r"^(`{3,})(\w*)(?: title=\"([^\"\n]+)\")?[ \t]*\n(.*?)^\1[ \t]*$\n?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block of the guide, with the prose before it."""

    language: str
    title: str
    text: str
    before: str
    line: int


def blocks(guide):
    """Return the fenced blocks of a guide in order."""
    found, end = [], 0
    for match in FENCE.finditer(guide):
        _, language, title, text = match.groups()
        line = guide.count("\n", 0, match.start()) + 1
        found.append(Block(language, title or "", text, guide[end : match.start()], line))
        end = match.end()
    assert "```" not in FENCE.sub("", guide), "a fence that is not closed, or an info string that is not understood"
    return found


def unnamed(guide):
    """Return the lines of blocks that the prose before them does not name: titles are not shown everywhere."""
    found = []
    for block in blocks(guide):
        name, _, part = block.title.partition(", ")
        wanted = name if part == "end" else part.removeprefix("cell ") or name
        shown = block.language == "text" or f"`{wanted}`" in block.before
        if bool(block.title) == (block.language == "console") or not (shown or block.language == "console"):
            found.append(block.line)
    return found


@dataclass
class Follower:
    """Someone who does exactly what the guide says.

    Attributes
    ----------
    deeds : mapping
        What a person does elsewhere, by name: called with the folder.
    """

    folder: Path
    deeds: dict[str, Callable[[Path], None]] = field(default_factory=dict)
    status: int = 0
    printed: list[str] = field(default_factory=list)

    def follow_all(self, guide):
        """Do all that a guide asks."""
        for block in blocks(guide):
            self.follow(block)

    def follow(self, block):
        """Do what one block asks and the text before it, and hold it to what it promises."""
        for name in DEED.findall(block.before):
            self.deeds[name](self.folder)
        if block.language == "console":
            self._type(block)
        elif block.language == "text":
            self._look(block)
        else:
            self._write(block)

    def _write(self, block):
        name, _, part = block.title.partition(", ")
        path = self.folder / name
        if not part:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif part == "end":
            with path.open("a", encoding="utf-8") as file:
                file.write(block.text)
        elif part.startswith("cell "):
            notebook = json.loads(path.read_text(encoding="utf-8"))
            (cell,) = [cell for cell in notebook["cells"] if cell["id"] == part.removeprefix("cell ")]
            assert cell["cell_type"] == ("code" if block.language == "python" else block.language)
            cell["source"] = block.text.removesuffix("\n")
            path.write_text(json.dumps(notebook, indent=1), encoding="utf-8")
        else:
            source = path.read_text(encoding="utf-8")
            (old,) = [node for node in ast.parse(source).body if getattr(node, "name", "") == part]
            lines = source.splitlines(keepends=True)
            path.write_text("".join([*lines[: old.lineno - 1], block.text, *lines[old.end_lineno :]]), encoding="utf-8")

    def _look(self, block):
        name, _, part = block.title.partition(", cell ")
        seen = (self.folder / name).read_text(encoding="utf-8")
        if part:
            seen = "".join(next(cell["source"] for cell in json.loads(seen)["cells"] if cell["id"] == part))
        elif name.endswith(".html"):
            body = re.sub(r"<(style|title|head)\b.*?</\1>", "", seen, flags=re.DOTALL)
            body = re.sub(r"</(?:dd|dt|h\d|li|p|summary|td|th)>", "\n", body)
            seen = html.unescape(re.sub(r"<[^>]+>", "", body))
        self._hold(block, block.text, seen, anywhere=True)

    def _type(self, block):
        commands = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
        assert commands[0] == ""
        for command, _, promised in (entry.partition("\n") for entry in commands[1:]):
            if command.startswith("cd "):
                self.folder = (self.folder / command.removeprefix("cd ")).resolve(strict=True)
                continue
            assert self.status == 0 or command == "echo $?", f"line {block.line}: {self.printed[-1]}"
            self.type(command)
            self._hold(block, promised, self.printed[-1])

    def type(self, command):
        """Run one command as a shell would after the last one."""
        done = subprocess.run(
            ["bash", "-c", f"(exit {self.status}); {command}"],
            cwd=self.folder,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("AUTOGRADER_")},
                "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        self.status = done.returncode
        self.printed.append(done.stdout)

    @staticmethod
    def _hold(block, promised, seen, *, anywhere=False):
        def plain(text):
            lines = (re.sub(r"([━─])\1+", r"\1", line) for line in text.splitlines() if line.strip())
            words = (" ".join(line.split()) for line in lines)  # how wide a table is drawn does not matter
            return "".join(f"\n{line}" for line in words) + "\n"

        lines = ("[^\n]*".join(map(re.escape, part.split("…"))) for part in plain(promised).split("\n…\n"))
        pattern = "\n(?:.*\n)?".join(lines)
        found = (re.search if anywhere else re.fullmatch)(pattern, plain(seen), re.DOTALL)
        assert found, f"line {block.line} promises\n{promised}\nand what is seen is\n{seen}"
