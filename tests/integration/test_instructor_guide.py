"""The instructor's guide, followed to the letter in an empty folder: files, commands, and what they print.

How the guide is written down: the title in a fenced block's info string says where its text goes. ``FILE`` is a whole
file; ``FILE, cell ID`` is one cell of a notebook; ``FILE.py, NAME`` is one function of a module. A ``text`` block with
a title is not written: its lines are seen there. ``console`` blocks hold commands after ``$`` and all that they print.
In a line ``…`` stands for any part of it, and alone on a line for any number of lines.
"""

import ast
import html
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from autograder import assignments, new, reference, release
from autograder.course import CONFIG, Course

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "instructor-guide.md"
NAME = "gru_step_by_step"
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


@dataclass
class Follower:
    """Someone who does exactly what the guide says."""

    folder: Path
    status: int = 0
    printed: list[str] = field(default_factory=list)

    def follow(self, block):
        """Do what one block asks, and hold it to what it promises."""
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
                self.folder = self.folder / command.removeprefix("cd ")
                continue
            assert self.status == 0 or command == "echo $?", f"line {block.line}: {self.printed[-1]}"
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
            self._hold(block, promised, done.stdout)

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


def sigmoid(number):
    """Return the logistic function of one number, from its definition."""
    return 1 / (1 + math.exp(-number))


def gru_by_the_entry(xt, a_prev, parameters):
    """Return one step of a GRU, number by number from the formulas: no stacking, no array arithmetic."""
    n_a, m = a_prev.shape
    n_x = xt.shape[0]
    a_next, ut, rt, cct = (np.full((n_a, m), np.nan) for _ in range(4))

    def weighed(gate, unit, example, state):
        row = parameters[f"W{gate}"][unit]
        from_state = sum(row[j] * state[j] for j in range(n_a))
        from_input = sum(row[n_a + j] * xt[j, example] for j in range(n_x))
        return from_state + from_input + parameters[f"b{gate}"][unit, 0]

    for example in range(m):
        old = [float(number) for number in a_prev[:, example]]
        for unit in range(n_a):
            ut[unit, example] = sigmoid(weighed("u", unit, example, old))
            rt[unit, example] = sigmoid(weighed("r", unit, example, old))
        let_through = [rt[unit, example] * old[unit] for unit in range(n_a)]
        for unit in range(n_a):
            new = math.tanh(weighed("c", unit, example, let_through))
            cct[unit, example] = new
            a_next[unit, example] = old[unit] + ut[unit, example] * (new - old[unit])
    return a_next, ut, rt, cct


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Return the course that the guide ends with; its files only, since commands take their time."""
    follower = Follower(tmp_path_factory.mktemp("course"))
    (follower.folder / "source").mkdir()
    (follower.folder / CONFIG).touch()
    new.make(Course.at(follower.folder), NAME)
    for block in blocks(GUIDE.read_text(encoding="utf-8")):
        if block.language in {"markdown", "python"}:
            follower.follow(block)
    return Course.at(follower.folder)


@pytest.fixture(scope="module")
def gru(course):
    """Return the guide's own solution."""
    return reference.load(course, NAME).functions["gru_cell_forward"]


@pytest.mark.slow
def test_the_guide_can_be_followed_word_for_word(tmp_path):
    """Every file is written, every command run, and what is printed is what the guide says."""
    follower = Follower(tmp_path)
    for block in blocks(GUIDE.read_text(encoding="utf-8")):
        follower.follow(block)
    assert follower.status == 0
    assert len(follower.printed) >= 10
    assert Course.at(follower.folder).assignments() == [NAME]
    assert (follower.folder / "gradebook.db").is_file()


def test_the_solution_is_a_gru(gru):
    """The guide's function agrees with the formulas, computed number by number, for many sizes."""
    rng = np.random.default_rng(3)
    for _ in range(40):
        n_x, n_a, m = rng.integers(1, 6, 3)
        xt, a_prev = rng.standard_normal((n_x, m)), rng.uniform(-1, 1, (n_a, m))
        parameters = {f"W{gate}": 2 * rng.standard_normal((n_a, n_a + n_x)) for gate in "urc"}
        parameters |= {f"b{gate}": rng.standard_normal((n_a, 1)) for gate in "urc"}
        for ours, theirs in zip(gru(xt, a_prev, parameters), gru_by_the_entry(xt, a_prev, parameters), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


def test_the_hidden_cases_are_what_the_guide_says_of_them(course, gru):
    """Sizes differ where they should, no bias and no state is near zero, and the solution is right on all of them."""
    (exercise,) = assignments.load(course, NAME).exercises
    cases = {case.name: case for case in exercise.cases}
    for seed in range(20):
        drawn = {name: case.draw(np.random.default_rng(seed)) for name, case in cases.items()}
        for xt, a_prev, parameters in drawn.values():
            assert np.abs(a_prev).min() > 0.2
            assert min(np.abs(parameters[f"b{gate}"]).min() for gate in "urc") > 0.2
            for ours, theirs in zip(gru(xt, a_prev, parameters), gru_by_the_entry(xt, a_prev, parameters), strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-10)
        (n_x, m), (n_a, _) = drawn["all sizes different"][0].shape, drawn["all sizes different"][1].shape
        assert len({n_x, n_a, m}) == 3
        assert drawn["batch of one"][0].shape[1] == 1
        assert drawn["n_x = n_a = m"][0].shape == drawn["n_x = n_a = m"][1].shape
        assert len(set(drawn["n_x = n_a = m"][0].shape)) == 1


@pytest.mark.parametrize("folder", ["source", "release"])
def test_the_visible_example_says_which_value_is_right(course, capsys, folder):
    """Solved, all four are right, as the text below promises; unsolved, all four are named, not only the first."""
    if folder == "release":
        release.release(course, [NAME], gradebook=False)
    path = course.root / folder / NAME / f"{NAME}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    if folder == "source":
        exec(compile(code, str(path), "exec"), {})  # noqa: S102  the guide's own notebook
        assert f"```text\n{capsys.readouterr().out}```" in text
    else:
        with pytest.raises(AssertionError, match="a_next and ut and rt and cct"):
            exec(compile(code, str(path), "exec"), {})  # noqa: S102
        assert capsys.readouterr().out == "".join(f"{name}: still None\n" for name in ("a_next", "ut", "rt", "cct"))


def test_what_the_guide_writes_is_in_our_own_style(course):
    """The hidden tests of the guide pass the linter and the formatter that ours pass."""
    path = course.root / "autograder" / "assignments" / f"{NAME}.py"
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not installed")
    # outside this repository the folder is no package, and need not be
    for command in (["check", "--ignore", "INP001"], ["format", "--check"]):
        done = subprocess.run(
            [ruff, *command, "--no-cache", "--config", GUIDE.parents[1] / "pyproject.toml", path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_prose_names_what_each_block_is():
    """Titles are not shown everywhere: the text before a block names the cell, the file or the function too."""
    for block in blocks(GUIDE.read_text(encoding="utf-8")):
        assert block.language in {"console", "markdown", "python", "text"}, f"line {block.line}"
        assert bool(block.title) == (block.language != "console"), f"line {block.line}"
        if block.language in {"markdown", "python"}:
            name, _, part = block.title.partition(", ")
            wanted = part.removeprefix("cell ") or name
            assert f"`{wanted}`" in block.before, f"line {block.line} is not introduced as {wanted}"


@pytest.mark.parametrize(
    ("guide", "why"),
    [
        ("```console\n$ echo one\ntwo\n```\n", "line 1 promises"),
        ("```console\n$ echo one\n```\n", "line 1 promises"),
        ("```console\n$ echo one; echo two\none\n```\n", "line 1 promises"),
        ("```console\n$ false\n$ echo one\none\n```\n", "line 1: "),
        ('Text\n\n```text title="file"\nthree\n```\n', "line 3 promises"),
        ("```console\n$ echo one\none\n", "a fence that is not closed"),
    ],
)
def test_a_broken_promise_is_noticed(tmp_path, guide, why):
    """A wrong, missing or further line, a failure passed over, and an open fence are each found, with the line."""
    (tmp_path / "file").write_text("one\ntwo\n")
    follower = Follower(tmp_path)

    def follow():
        for block in blocks(guide):
            follower.follow(block)

    with pytest.raises(AssertionError, match=why):
        follow()


def test_a_kept_promise_is_not_complained_of(tmp_path):
    """Files, single functions, commands, exit codes and what differs from machine to machine are all followed."""
    guide = (
        '```python title="a/b.py"\nx = 1\n\n\ndef f():\n    return 1\n\n\nprint(f() + x)\n```\n'
        "```console\n$ cd a\n$ python3 b.py\n2\n```\n"
        '```python title="b.py, f"\ndef f():\n    return 5\n```\n'
        "```console\n$ python3 b.py; pwd; exit 3\n6\n…/a\n$ echo $?\n3\n```\n"
        '```text title="b.py"\ndef f():\n    return 5\n…\nprint(f() + x)\n```\n'
    )
    follower = Follower(tmp_path)
    for block in blocks(guide):
        follower.follow(block)
    assert follower.status == 0
