"""The student's check before submitting, with real notebooks and real kernels."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nbgrader.validator import Validator

from public_tests import execution, notebook_file
from public_tests.__main__ import main
from public_tests.structure import Structure, examine

ROOT = Path(__file__).resolve().parents[2]
SKELETON_1 = """# UNQ_C1 (unique cell identifier, do not edit)
# GRADED FUNCTION: rnn_cell_forward
def rnn_cell_forward(xt, a_prev, parameters):
    ### START CODE HERE ###
    # Step 1: the new hidden state, shape (n_a, m)
    a_next = None
    # Step 2: the prediction, shape (n_y, m)
    yt_pred = None
    ### END CODE HERE ###
    cache = (a_next, a_prev, xt, parameters)
    return a_next, yt_pred, cache
"""
SOLVED_1 = SKELETON_1.replace(
    "a_next = None", "p = parameters\n    a_next = np.tanh(p['Waa'] @ a_prev + p['Wax'] @ xt + p['ba'])"
).replace("yt_pred = None", "yt_pred = softmax(p['Wya'] @ a_next + p['by'])")
SKELETON_2 = """# UNQ_C2 (unique cell identifier, do not edit)
# GRADED FUNCTION: rnn_forward
def rnn_forward(x, a0, parameters):
    cache_list = []
    ### START CODE HERE ###
    # Step 1: through time
    for t in range(None):
        # Step 2: one step
        a_next, yt_pred, cache = None, None, None
    # Step 3: all together
    a, y_pred = None, None
    ### END CODE HERE ###
    return a, y_pred, (cache_list, x)
"""
SOLVED_2 = (
    SKELETON_2.replace("for t in", "states, predictions, a_next = [], [], a0\n    for t in")
    .replace("range(None)", "range(x.shape[2])")
    .replace(
        "cache = None, None, None",
        "cache = rnn_cell_forward(x[..., t], a_next, parameters)\n        cache_list.append(cache)\n"
        "        states.append(a_next)\n        predictions.append(yt_pred)",
    )
    .replace("y_pred = None, None", "y_pred = np.stack(states, axis=2), np.stack(predictions, axis=2)")
)
IMPORTS = "import numpy as np\nfrom rnn_utils import *\nfrom public_tests import *"
TEST_1, TEST_2 = "rnn_cell_forward_test(rnn_cell_forward)", "rnn_forward_test(rnn_forward)"


def code(source: str, grade_id: str = "", **metadata: Any) -> dict[str, Any]:
    """Return a code cell."""
    if grade_id:
        metadata["nbgrader"] = {
            "grade_id": grade_id,
            "schema_version": 3,
            "solution": grade_id.startswith("UNQ"),
            "grade": grade_id.startswith("test"),
            "locked": not grade_id.startswith("UNQ"),
            "task": False,
            **({"points": 50} if grade_id.startswith("test") else {}),
        }
    name = re.sub(r"\W+", "-", (grade_id or source)[:40])
    return {
        "cell_type": "code",
        "id": name,
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def cells(first: str = SOLVED_1, second: str = SOLVED_2) -> list[dict[str, Any]]:
    """Return the cells of a small notebook of the first assignment, with these answers."""
    return [
        code(IMPORTS, "imports"),
        code(first, "UNQ_C1"),
        code(TEST_1, "test_UNQ_C1"),
        code(second, "UNQ_C2"),
        code(TEST_2, "test_UNQ_C2"),
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a student's folder: the modules of the release, in a path that is not plain ASCII."""
    place = tmp_path / "Übung 1"
    for package in ("rnn_utils", "public_tests"):
        shutil.copytree(ROOT / package, place / package, ignore=shutil.ignore_patterns("__pycache__"))
    return place


def save(folder: Path, listed: list[dict[str, Any]]) -> Path:
    """Write a notebook of these cells and return its path."""
    path = folder / "rnn_step_by_step.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": listed}), encoding="utf-8")
    return path


def check(
    path: Path, *options: str, cwd: Path | None = None, without: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the check as a student does, in a process where some packages cannot be imported."""
    blocked = path.parent / "blocked"
    blocked.mkdir(exist_ok=True)
    for name in without:
        text = f'raise ModuleNotFoundError("No module named {name}", name="{name}")'
        (blocked / f"{name}.py").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(blocked), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-m", "public_tests", path.name if cwd is None else str(path), *options],
        cwd=cwd or path.parent,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


# --- with a kernel ----------------------------------------------------------------------------------------------------


def test_solved_notebook_passes_and_gets_a_receipt(folder: Path) -> None:
    """Exit code 0, a receipt with the file's own digest, and the file as it was; nothing of the grader is needed."""
    noisy = [code("%matplotlib inline\n!echo shell\nawait __import__('asyncio').sleep(0)\nprint('Ω')")]
    tagged = [code("1 / 0", tags=["raises-exception"])]
    path = save(folder, cells() + noisy + tagged)
    before, changed = path.read_bytes(), path.stat().st_mtime_ns
    done = check(path, without=("nbgrader", "autograder"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "UNQ_C1  rnn_cell_forward: cell 2, its test in cell 3" in done.stdout
    assert "ok: all 7 code cells ran without an error" in done.stdout
    assert "passed     rnn_cell_forward_test" in done.stdout
    assert "passed     rnn_forward_test" in done.stdout
    assert f"SHA-256   {hashlib.sha256(before).hexdigest()}" in done.stdout
    assert f"size      {len(before)} bytes" in done.stdout
    assert re.search(r"checked   \d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d", done.stdout)
    assert "passed    structure, restart and run all, 2 of 2 public tests" in done.stdout
    assert "next      Submit this file as it is." in done.stdout
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, changed)


def test_unsolved_notebook_is_met_kindly(folder: Path) -> None:
    """The first exercise solved and the second not: one test passes, the other says what is next; exit code 1."""
    demo = [code("open('beside.txt').close()\nstates = rnn_forward(np.ones((2, 3, 4)), np.ones((5, 3)), {})[0]")]
    (folder / "beside.txt").touch()
    path = save(folder, cells(second=SKELETON_2) + demo)
    done = check(path, cwd=folder.parent)  # from another folder: the notebook runs in its own
    assert done.returncode == 1
    assert "passed     rnn_cell_forward_test" in done.stdout
    assert "NOT RIGHT  rnn_forward is not finished yet" in done.stdout
    assert 'the step "Step 1: through time" still holds a placeholder, in line 7 of the cell' in done.stdout
    assert "Cell 6 stops with an error: TypeError" in done.stdout
    assert "It may only follow from the public test that does not pass, below." in done.stdout
    assert "passed    structure, 1 of 2 public tests" in done.stdout
    assert "next      Work on rnn_forward, save the notebook, and check it again." in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_first_error_is_explained_by_cell_and_line(folder: Path) -> None:
    """A name that only a deleted cell had set: the cell, the line and the likely reason are named, once."""
    helper = code("def scale(values):\n    factor = 2\n    return values * factor * loudness")
    path = save(folder, [*cells(), helper, code("print('fine')\nscale(3)"), code("also_missing")])
    done = check(path)
    assert done.returncode == 1
    assert "Cell 7 stops with an error: NameError: name 'loudness' is not defined" in done.stdout
    assert "Cell 6, line 3 (called from cell 7): return values * factor * loudness" in done.stdout
    assert "a name from a cell that is gone" in done.stdout
    assert "also_missing" not in done.stdout
    assert "passed    structure, 2 of 2 public tests" in done.stdout
    assert "next      Mend the cell named under Restart and run all" in done.stdout


def test_the_kernel_gets_one_thread_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small arrays need one thread; who has set another number keeps it."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
        assert execution._environment()[name] == "1"
        monkeypatch.setenv(name, "4")
        assert execution._environment()[name] == "4"


def test_endless_loop_is_stopped(folder: Path) -> None:
    """A cell that does not end is stopped and named; what was tested before it counts, the rest was not run."""
    listed = cells()
    listed.insert(3, code("while True:\n    pass"))
    done = check(save(folder, listed), "--timeout", "2")
    assert done.returncode == 1
    assert "Cell 4 was still running after 2 s and was stopped" in done.stdout
    assert "It begins: while True:" in done.stdout
    assert "passed     rnn_cell_forward_test" in done.stdout
    assert "NOT RUN    rnn_forward_test" in done.stdout


@pytest.mark.parametrize("end", ["import os\nos._exit(3)", "exit()"])
def test_end_of_the_kernel_is_explained(end: str, folder: Path) -> None:
    """A cell that ends the kernel, at once or after it, is named, and the check itself goes on to its receipt."""
    listed = cells()
    listed.insert(1, code(end))
    done = check(save(folder, listed))
    assert done.returncode == 1
    assert "The kernel ended while cell 2 was running" in done.stdout
    assert "NOT RUN    rnn_cell_forward_test" in done.stdout
    assert "SHA-256" in done.stdout


def test_file_saved_meanwhile_is_noticed(folder: Path) -> None:
    """A receipt for a file that has changed since it was read would be worth nothing: it says to check again."""
    listed = [*cells(), code("with open('rnn_step_by_step.ipynb', 'a') as file:\n    file.write(' ')")]
    done = check(save(folder, listed))
    assert "passed    structure, restart and run all, 2 of 2 public tests" in done.stdout
    assert "next      The file was saved while it was being checked: check it again." in done.stdout
    assert done.returncode == 1


def test_failing_public_test_fails_validation(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation by nbgrader sees a public test that does not pass as a failure, and shows the friendly text."""
    path = save(folder, cells(first=SKELETON_1))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    results = Validator().validate(str(path))
    assert [failed["source"].strip() for failed in results["failed"]] == [TEST_1, TEST_2]
    assert "rnn_cell_forward is not finished yet" in results["failed"][0]["error"]
    assert "Traceback" not in results["failed"][0]["error"]


# --- without a kernel -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["nbclient", "ipykernel"])
def test_without_jupyter_says_what_to_install(folder: Path, missing: str) -> None:
    """Where the notebook cannot be run, the structure is checked all the same and the missing package is named."""
    done = check(save(folder, cells()), without=(missing,))
    assert done.returncode == 1
    assert f"NOT RUN    The notebook was not run: {missing} is not installed" in done.stdout
    assert "python -m pip install nbclient ipykernel" in done.stdout
    assert "passed    structure, 0 of 2 public tests" in done.stdout
    assert "next      Install what is missing" in done.stdout


UNREADABLE = {
    "empty": (b"  \n", "is empty"),
    "not JSON": (b'{"cells": [', "not valid JSON (line 1 of the file)"),
    "script": (b"def f(x):\n    return x\n", "If it is a Python script"),
    "binary": (b"\x89PNG\xff\xfe", "it is not text"),
    "other JSON": (b"[1, 2]", "it has no nbformat"),
    "nbformat 3": (b'{"nbformat": 3, "nbformat_minor": 0, "worksheets": []}', "the old notebook format 3"),
    "nbformat 5": (b'{"nbformat": 5, "cells": []}', "not a notebook of format 4"),
    "no cells": (b'{"nbformat": 4}', "not a notebook of format 4"),
    "damaged cell": (b'{"nbformat": 4, "cells": [7]}', "entry 1 of its list of cells is not a cell"),
    "deep": (b"[" * 200_000, "not valid JSON"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_unreadable_file_gets_one_clear_sentence(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no notebook gets exit code 1 and a sentence that names it and says what to do."""
    content, says = UNREADABLE[kind]
    path = tmp_path / "mine.ipynb"
    path.write_bytes(content)
    assert main([str(path)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("mine.ipynb is ")
    assert says in shown.err
    assert path.read_bytes() == content


def test_wrong_usage_exits_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file, a folder, no file at all and a bad option are wrong usage: exit code 2 and a clear sentence."""
    assert main([str(tmp_path / "none.ipynb")]) == 2
    assert "There is no file" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 2
    assert "is a folder. Name the notebook in it" in capsys.readouterr().err
    for arguments in ([], ["a.ipynb", "--timeout", "soon"], ["a.ipynb", "b.ipynb"]):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 2
        assert "usage: python -m public_tests" in capsys.readouterr().err


def test_notebook_of_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A notebook without any function of the course is told so, gets a receipt, and exit code 1."""
    assert main([str(save(tmp_path, [code("print('hello')")]))]) == 1
    shown = capsys.readouterr().out
    assert "No cell of this notebook defines or tests a function of this course" in shown
    assert "SHA-256" in shown
    assert "next      Check the notebook that came with the assignment" in shown


def structure(tmp_path: Path, listed: list[dict[str, Any]]) -> Structure:
    """Return what is found in a notebook of these cells."""
    return examine(notebook_file.read(save(tmp_path, listed)))


def test_structure_of_a_whole_notebook_is_right(tmp_path: Path) -> None:
    """Solved or not, a notebook with all its cells has no structural problem; empty cells are not counted."""
    for listed in (cells(), [code(""), *cells(SKELETON_1, SKELETON_2)]):
        found = structure(tmp_path, listed)
        assert (found.problems, found.notes) == ((), ())
        assert [(p.answer.number, p.test.number) for p in found.places if p.answer and p.test] == [(2, 3), (4, 5)]


def test_lost_metadata_does_no_harm(tmp_path: Path) -> None:
    """An editor that drops all metadata leaves a notebook that is still understood by its functions' names."""
    listed = [{**cell, "metadata": {}} for cell in cells()]
    found = structure(tmp_path, listed)
    assert found.problems == ()
    assert len(found.notes) == 2
    assert "has lost its nbgrader metadata" in found.notes[0]
    assert [p.exercise.function for p in found.places] == ["rnn_cell_forward", "rnn_forward"]


def _without(listed: list[dict[str, Any]], index: int) -> list[dict[str, Any]]:
    return listed[:index] + listed[index + 1 :]


def _edited(index: int, old: str, new: str) -> list[dict[str, Any]]:
    listed = cells()
    assert old in listed[index]["source"]
    listed[index]["source"] = listed[index]["source"].replace(old, new)
    return listed


BROKEN = {
    "marker twice": ([*cells(), code(SOLVED_1)], "Cells 2 and 6 all bear the marker UNQ_C1"),
    "answer deleted": (_without(cells(), 1), "The cell UNQ_C1, which should define rnn_cell_forward, is missing"),
    "test deleted": (_without(cells(), 4), "The test cell of rnn_forward (test_UNQ_C2) is missing"),
    "test twice": ([*cells(), code(TEST_1, "test_UNQ_C1")], "Cells 3 and 6 all are the test cell test_UNQ_C1"),
    "marker lost": (
        _edited(1, "# UNQ_C1 (unique", "# (unique"),
        "Cell 2 defines rnn_cell_forward but has lost its first",
    ),
    "region opened twice": (
        _edited(3, "    # Step 1", "    ### START CODE HERE ###\n    # Step 1"),
        "Cell 4 (rnn_forward) should have the line ### START CODE HERE ### once",
    ),
    "region not closed": (_edited(1, "    ### END CODE HERE ###\n", ""), "it has 1 and 0"),
    "function renamed": (_edited(1, "def rnn_cell_forward", "def cell"), "does not define rnn_cell_forward"),
    "moved elsewhere": (
        [*_edited(1, "def rnn_cell_forward", "def cell"), code("def rnn_cell_forward(xt, a_prev, parameters): ...")],
        "rnn_cell_forward is defined in cell 6, but the marker UNQ_C1 stands in cell 2",
    ),
    "syntax": (
        _edited(1, "xt, a_prev, parameters):", "xt, a_prev, parameters)"),
        "Cell 2, line 3, is not valid Python: expected ':': def rnn_cell_forward(xt, a_prev, parameters)",
    ),
    "indent": (_edited(3, "    cache_list", "  cache_list"), "Cell 4, line 7, is not valid Python: unexpected indent"),
    "shell line without a mark": ([*cells(), code("cd 'my folder'")], "Cell 6, line 1, is not valid Python"),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_damage_to_the_structure_is_named(damage: str, tmp_path: Path) -> None:
    """Each kind of damage is found, with the cell and what to do about it."""
    listed, says = BROKEN[damage]
    problems = structure(tmp_path, listed).problems
    assert any(says in problem for problem in problems), problems


def test_an_earlier_definition_is_a_note(tmp_path: Path) -> None:
    """A trial version in another cell is no fault; which one is graded is said."""
    found = structure(tmp_path, [*cells(), code("def rnn_forward(x, a0, parameters):\n    return None")])
    assert found.problems == ()
    assert found.notes == ("rnn_forward is also defined in cell 6; what is graded is cell 4.",)


def test_syntax_is_read_without_ipython_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Magic and shell lines are no syntax errors, whether or not IPython is there to translate them."""
    listed = [*cells(), code("%time x = 1\n!ls\nx?"), code("%%bash\nif then else"), code("await f()")]
    assert structure(tmp_path, listed).problems == ()
    monkeypatch.setitem(sys.modules, "IPython.core.inputtransformer2", None)
    listed[5]["source"] = "%time x = 1\n!ls"
    assert structure(tmp_path, listed).problems == ()
