"""What is put in a place is whole, and what a killed process left half made is swept away, but never another's work."""

import fcntl
import os
import subprocess
import sys
import textwrap

import pytest

from autograder import placing


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["exchange", "no exchange"])
def folder(request, tmp_path, monkeypatch):
    """Return an empty folder, on a file system of each kind."""
    if request.param == "no exchange":
        monkeypatch.setattr(placing, "exchange", lambda *_: False)
    return tmp_path


@pytest.mark.parametrize("there", ["nothing", "file", "folder", "link", "link that leads nowhere"])
def test_whatever_was_there_is_replaced(folder, there):
    """A file takes the place of a file, of a folder or of a link; what a link leads to stays."""
    target = folder / "target"
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "kept").touch()
    if there == "file":
        target.write_text("old")
    elif there == "folder":
        target.mkdir()
        (target / "old").touch()
    elif there != "nothing":
        target.symlink_to("elsewhere" if there == "link" else "nowhere")
    with placing.scratch(folder) as scratch:
        (scratch / "fresh").write_text("new")
        placing.put(scratch / "fresh", target)
    assert not target.is_symlink()
    assert target.read_text() == "new"
    assert _names(folder) == ["elsewhere", "target"]
    assert _names(folder / "elsewhere") == ["kept"]


def test_pieces_are_written_as_they_are(tmp_path):
    """Line ends and characters of every kind come back byte for byte, and anyone may read the file."""
    placing.write(tmp_path / "below" / "file", ["a\r\n", "", "é\n\N{PILE OF POO}"])
    assert (tmp_path / "below" / "file").read_bytes() == "a\r\né\n\N{PILE OF POO}".encode()
    assert (tmp_path / "below" / "file").stat().st_mode & 0o777 == 0o644


def test_a_failure_among_the_pieces_leaves_the_old_file(tmp_path):
    """A page is rendered while it is written: where that fails half-way, nothing of it is seen."""

    def pieces():
        yield "new"
        raise OSError("no more")

    placing.write(tmp_path / "file", ["old"])
    with pytest.raises(OSError, match="no more"):
        placing.write(tmp_path / "file", pieces())
    assert (tmp_path / "file").read_text() == "old"
    assert _names(tmp_path) == ["file"]


def test_what_a_killed_process_left_is_swept_away(tmp_path):
    """Killed with a half-written folder: the next sweep removes it, and nothing else."""
    code = f"""
        import os, signal
        from pathlib import Path
        from autograder import placing
        with placing.scratch(Path({str(tmp_path)!r})) as folder:
            (folder / "half").write_text("half of it")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert done.returncode == -9
    (left,) = _names(tmp_path)
    assert left.startswith(".new-")
    (tmp_path / ".new-file").touch()
    (tmp_path / ".new-link").symlink_to(tmp_path)
    (tmp_path / ".newer").mkdir()
    (tmp_path / "ada").mkdir()
    placing.sweep(tmp_path)
    assert _names(tmp_path) == [".new-file", ".new-link", ".newer", "ada"]


def test_what_is_being_written_is_not_swept_away(tmp_path):
    """Another run that sweeps the same folder leaves alone what somebody is still filling."""
    with placing.scratch(tmp_path) as folder:
        (folder / "half").touch()
        placing.sweep(tmp_path)
        assert _names(folder) == ["half"]
    placing.sweep(tmp_path / "nowhere")


def test_where_locks_are_unknown_nothing_is_swept(tmp_path, monkeypatch):
    """A file system without locks: work goes on, and what might be somebody's is left where it is."""

    def unknown(*_):
        raise OSError(95, os.strerror(95))

    monkeypatch.setattr(fcntl, "flock", unknown)
    with placing.scratch(tmp_path) as folder:
        placing.sweep(tmp_path)
        assert folder.is_dir()
