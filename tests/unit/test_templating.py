"""Compiled templates: kept for the next run, never wrong, and never in the way."""

import sys
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from autograder.reports import templating


def made(folder: Path) -> Environment:
    """Return an environment that keeps what it compiles beside its templates."""
    cache = templating._BesideTemplates(folder / "__pycache__")
    return Environment(loader=FileSystemLoader(folder), bytecode_cache=cache, autoescape=True)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one template; compiled code is kept, whatever the settings of this machine."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "page.j2").write_text("one {{ word }}")
    return tmp_path


def kept(folder: Path) -> list[Path]:
    """Return the files with compiled code."""
    return sorted((folder / "__pycache__").iterdir())


def test_a_compiled_template_is_loaded_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second environment compiles nothing."""
    assert made(folder).get_template("page.j2").render(word="<b>") == "one &lt;b&gt;"
    assert len(kept(folder)) == 1
    monkeypatch.setattr(Environment, "_generate", None)  # would be called to compile
    assert made(folder).get_template("page.j2").render(word="<b>") == "one &lt;b&gt;"


def test_a_changed_template_is_compiled_anew(folder: Path) -> None:
    """What was compiled from another text is replaced, not used."""
    made(folder).get_template("page.j2")
    (folder / "page.j2").write_text("two {{ word }}")
    assert made(folder).get_template("page.j2").render(word="x") == "two x"
    assert len(kept(folder)) == 1
    assert made(folder).get_template("page.j2").render(word="x") == "two x"


@pytest.mark.parametrize("cut", [0, 5, 40, -1])
def test_a_torn_file_is_compiled_anew(folder: Path, cut: int) -> None:
    """Whatever a killed process or a full disk has left there."""
    made(folder).get_template("page.j2")
    (file,) = kept(folder)
    whole = file.read_bytes()
    file.write_bytes(whole[:cut])
    assert made(folder).get_template("page.j2").render(word="x") == "one x"
    assert kept(folder)[0].read_bytes() == whole


def test_where_nothing_can_be_kept_pages_are_made_all_the_same(folder: Path) -> None:
    """An installation that belongs to somebody else; here a file stands where the folder should be."""
    (folder / "__pycache__").write_text("")
    assert made(folder).get_template("page.j2").render(word="x") == "one x"


def test_nothing_is_kept_where_python_keeps_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``PYTHONDONTWRITEBYTECODE`` is honoured."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made(folder).get_template("page.j2")
    assert not (folder / "__pycache__").exists()
