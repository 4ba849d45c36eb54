"""The release, end to end: a real nbgrader course in a temporary folder, by hand and through `release()`."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import warnings
import zipfile
from pathlib import Path

import nbformat
import pytest

from autograder.course import Course
from autograder.errors import Exit, UsageError
from autograder.release import is_fresh, release
from autograder.release_folder import companions

ROOT = Path(__file__).parents[2]
NAME = "adding"
ANSWER = "total = np.dot(weights, x) + bias"
SOLUTION = f"""\
# UNQ_C1 (unique cell identifier, do not edit)
# GRADED FUNCTION: add_up
def add_up(x, weights, bias):
    \"\"\"Return the weighted sum.\"\"\"
    ### START CODE HERE ###
    # Step 1: the sum
    {ANSWER}
    ### END CODE HERE ###
    return total"""


def nbgrader(**marks) -> dict:
    """Return a cell's nbgrader metadata."""
    basis = {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3}
    return {"nbgrader": {**basis, **marks}}


def source_cells() -> list:
    """Return the cells of a small source notebook that has been run, as an instructor leaves it."""
    code, markdown = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    printed = nbformat.v4.new_output("stream", name="stdout", text="5\n")
    return [
        markdown("# Adding up\n\nThe sum is $w x + b$.", id="title"),
        code("import numpy as np", id="imports", metadata=nbgrader(locked=True, grade_id="imports")),
        code(SOLUTION, id="answer", metadata=nbgrader(solution=True, grade_id="UNQ_C1"), outputs=[printed]),
        code(
            "assert callable(add_up)\n### BEGIN HIDDEN TESTS\nassert add_up(1, 2, 3) == 5\n### END HIDDEN TESTS",
            id="test",
            metadata={
                **nbgrader(grade=True, locked=True, grade_id="test_UNQ_C1", points=7),
                "execution": {"a": "12:00"},
            },
            execution_count=3,
        ),
        markdown("Because of $b$.", id="why", metadata=nbgrader(grade=True, solution=True, grade_id="why", points=3)),
    ]


@pytest.fixture
def course(tmp_path):
    """Return a course with one assignment, a figure, and the project's own nbgrader_config.py."""
    root = tmp_path / "course"
    (root / "source" / NAME / "figures").mkdir(parents=True)
    (root / "source" / NAME / "figures" / "sum.svg").write_text("<svg><title>A sum</title></svg>", encoding="utf-8")
    for package, text in {
        "rnn_utils": "def softmax(z):\n    return z\n",
        "public_tests": "def add_up_test(target):\n    pass\n",
    }.items():
        (root / package).mkdir()
        (root / package / "__init__.py").write_text(text, encoding="utf-8")
    (root / "rnn_utils" / "solved.py").write_text("def add_up(x, weights, bias):\n    return 0\n", encoding="utf-8")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    write(Course.at(root), source_cells())
    return Course.at(root)


def write(course: Course, cells: list) -> None:
    """Write the source notebook."""
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python", "version": "3.9.1"}})
    nbformat.write(notebook, course.root / "source" / NAME / f"{NAME}.ipynb")


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def cells_of(folder: Path) -> dict[str, dict]:
    """Return the released notebook's cells by id."""
    notebook = json.loads((folder / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    return {cell["id"]: {**cell, "source": "".join(cell["source"])} for cell in notebook["cells"]}


def test_the_readme_speaks_of_nothing_that_is_not_there(course):
    """Modules are named where the release carries them, and the command for public tests where it would run."""
    notebook = json.loads(course.source_notebook(NAME).read_text(encoding="utf-8"))

    def readme():
        return companions(course, NAME, notebook)["README.md"].decode()

    assert "it finds `rnn_utils` and `public_tests` because they stand beside it" in readme()
    (course.root / "public_tests" / "__main__.py").write_text("print(1)\n", encoding="utf-8")
    assert f"\n    python -m public_tests {NAME}.ipynb\n" in readme()
    shutil.rmtree(course.root / "public_tests")
    assert "it finds `rnn_utils` because it stands beside it" in readme()
    assert "public_tests" not in readme()
    shutil.rmtree(course.root / "rnn_utils")
    assert "rnn_utils" not in readme()
    assert "\n\n\n" not in readme()


def by_hand(course: Course, *options: str) -> subprocess.CompletedProcess:
    """Run nbgrader as an instructor would, in the course's folder with the environment activated."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    home = course.root.parent / "home"
    home.mkdir(exist_ok=True)
    environment = {"PATH": path, "HOME": str(home), "PYTHONPATH": str(ROOT), "JUPYTER_PLATFORM_DIRS": "1"}
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", NAME, *options]
    return subprocess.run(command, cwd=course.root, env=environment, capture_output=True, text=True, check=False)


def test_the_folder_holds_what_a_student_needs_and_nothing_of_the_solution(course):
    """Notebook, figures, modules, requirements and README are there; the module that solves the exercise is not."""
    (released,) = release(course, [NAME], gradebook=False)
    assert released.folder == course.root / "release" / NAME
    assert list(contents(released.folder)) == [
        "README.md",
        f"{NAME}.ipynb",
        "figures/sum.svg",
        "public_tests/__init__.py",
        "requirements.txt",
        "rnn_utils/__init__.py",
    ]
    assert b"np.dot" not in b"".join(contents(released.folder).values())
    readme = (released.folder / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("# Adding up\n")
    assert "| `public_tests/` |" in readme
    assert "python -m public_tests" not in readme, "there is no __main__ in it"
    assert "`add_up`" in readme
    requirements = (released.folder / "requirements.txt").read_text(encoding="utf-8").split()
    assert [r.split(">=")[0] for r in requirements] == ["numpy", "matplotlib", "jupyterlab", "nbclient"]
    assert not (course.root / "gradebook.db").exists()


def test_the_notebook_is_blanked_locked_cleared_and_signed(course):
    """Every cell is as nbgrader's students know it, with our skeleton in the solution cell."""
    (released,) = release(course, [NAME], gradebook=False)
    cells = cells_of(released.folder)
    assert list(cells) == ["title", "imports", "answer", "test", "why"]
    assert cells["answer"]["source"] == SOLUTION.replace(ANSWER, "total = None")
    assert cells["answer"]["outputs"] == []
    assert cells["answer"]["metadata"]["deletable"] is False
    assert "editable" not in cells["answer"]["metadata"]
    assert cells["test"]["source"] == "assert callable(add_up)"
    assert cells["test"]["execution_count"] is None
    assert "execution" not in cells["test"]["metadata"]
    assert cells["test"]["metadata"]["editable"] is False
    assert cells["imports"]["metadata"]["editable"] is False
    assert cells["why"]["source"] == "YOUR ANSWER HERE"
    # nbgrader's definition, written out: source, type, whether graded, solution, locked, id, points
    signed = cells["test"]["source"] + "code" + "True" + "False" + "True" + "test_UNQ_C1" + "7.0"
    digest = hashlib.md5(signed.encode()).hexdigest()  # noqa: S324 (nbgrader's choice)
    assert cells["test"]["metadata"]["nbgrader"]["checksum"] == digest
    notebook = json.loads((released.folder / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    assert notebook["metadata"] == {"language_info": {"name": "python"}}


def test_nbgrader_by_hand_makes_the_same_release(course, tmp_path):
    """`nbgrader generate_assignment` and `release()` agree byte for byte, and fill the same gradebook rows."""
    (released,) = release(course, [NAME], output=tmp_path / "ours")
    ours = rows(course)
    (course.root / "gradebook.db").unlink()
    ran = by_hand(course)
    assert ran.returncode == 0, ran.stderr
    assert contents(course.root / "release" / NAME) == contents(released.folder)
    assert rows(course) == ours == [("test_UNQ_C1", 7.0), ("why", 3.0)]


def rows(course: Course) -> list:
    """Return the graded cells that the gradebook knows."""
    with sqlite3.connect(course.root / "gradebook.db") as database:
        query = "select base_cell.name, grade_cells.max_score from grade_cells join base_cell using (id) order by 1"
        found = database.execute(query).fetchall()
    database.close()
    return found


def test_a_release_is_the_same_bytes_every_time(course, tmp_path):
    """Folder and archive are deterministic; the archive holds exactly the folder, under one name."""
    first, second = (release(course, output=tmp_path / name, gradebook=False)[0] for name in ("one", "two"))
    assert contents(first.folder) == contents(second.folder)
    assert first.archive.read_bytes() == second.archive.read_bytes()
    with zipfile.ZipFile(first.archive) as archive:
        assert {n: archive.read(n) for n in archive.namelist()} == {
            f"{NAME}/{n}": data for n, data in contents(first.folder).items()
        }
        assert {info.date_time for info in archive.infolist()} == {(2026, 1, 1, 0, 0, 0)}


def test_a_release_replaces_the_old_one_and_leaves_nothing_else(course):
    """What is no longer part of the assignment goes; temporary folders do not stay."""
    release(course, [NAME], gradebook=False)
    (course.root / "release" / NAME / "stale.txt").write_text("old", encoding="utf-8")
    release(course, [NAME], gradebook=False)
    assert sorted(p.name for p in (course.root / "release").iterdir()) == [NAME, f"{NAME}.zip"]
    assert "stale.txt" not in contents(course.root / "release" / NAME)


LEAKS = {
    "hint": (None, "Write `total = weights @ x + bias`."),
    "renamed": (None, "Like this:\n\n```\nnp.dot( weights ,x)\n```"),
    "beside": ("figures/notes.svg", "<svg><desc>np.dot(weights, x) + bias</desc></svg>"),
}


@pytest.mark.parametrize("kind", LEAKS)
def test_a_leak_is_refused_and_the_old_release_stays(course, kind):
    """`release()` says where the solution stands and changes neither the old release nor the gradebook."""
    release(course, [NAME], gradebook=False)
    before = contents(course.root / "release")
    beside, text = LEAKS[kind]
    if beside:
        (course.root / "source" / NAME / beside).write_text(text, encoding="utf-8")
    else:
        write(course, [*source_cells(), nbformat.v4.new_markdown_cell(text, id="hint")])
    with pytest.raises(UsageError) as refusal:
        release(course, [NAME])
    lines = str(refusal.value).splitlines()
    assert lines[0] == f"{NAME}.ipynb is not released: it would give its solution away."
    place = beside or f"{NAME}.ipynb, cell 'hint'"
    assert lines[1].startswith(f"{NAME}/{place}")
    assert "np.dot(weights, x)" in lines[1]
    assert "nbgrader" not in lines[-1], "nothing was removed"
    assert refusal.value.exit_code == Exit.USAGE
    assert contents(course.root / "release") == before
    assert not (course.root / "gradebook.db").exists()


def test_nbgrader_by_hand_refuses_a_leak(course):
    """A leak ends `nbgrader generate_assignment` with an error and no release, and which command keeps the old one."""
    write(course, [*source_cells(), nbformat.v4.new_raw_cell("np.dot(weights, x) + bias", id="hint")])
    ran = by_hand(course, "--no-db")
    assert ran.returncode == 1
    assert f"{NAME}/{NAME}.ipynb, cell 'hint' (raw), line 1" in ran.stderr
    assert "`autograder release` does, until a new one is whole." in ran.stderr
    assert not (course.root / "release" / NAME).exists()


def edited(**sources: str) -> list:
    """Return the source cells with some sources exchanged."""
    cells = source_cells()
    for cell in cells:
        cell.source = sources.get(cell.id, cell.source)
    return cells


BROKEN = {
    "no markers": (edited(answer="# UNQ_C1\ndef f():\n    return 1"), "cell 'answer', line 1: a solution cell needs"),
    "no end": (
        edited(answer="# UNQ_C1\n### START CODE HERE ###\na = 1"),
        "cell 'answer', line 2: START CODE HERE without",
    ),
    "stray region": (
        edited(imports="a = 1\n### START CODE HERE ###\n### END CODE HERE ###"),
        "cell 'imports', line 2: a START",
    ),
    "nbgrader's markers": (
        edited(imports="### BEGIN SOLUTION\na = 1\n### END SOLUTION"),
        "cell 'imports', line 1: BEGIN SOLUTION",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_markers_out_of_order_are_refused(course, kind):
    """The one line names notebook, cell, line, and what to do."""
    cells, says = BROKEN[kind]
    write(course, cells)
    with pytest.raises(UsageError) as refusal:
        release(course, [NAME], gradebook=False)
    assert str(refusal.value).startswith(f"{NAME}.ipynb, {says}")
    assert len(str(refusal.value).splitlines()) == 1


def test_all_broken_cells_are_named_at_once(course):
    """Two mistakes are two lines."""
    write(course, edited(answer="# UNQ_C1", imports="### BEGIN SOLUTION"))
    with pytest.raises(UsageError) as refusal:
        release(course, [NAME], gradebook=False)
    assert [line.split(",")[1] for line in str(refusal.value).splitlines()] == [" cell 'imports'", " cell 'answer'"]


@pytest.mark.parametrize("harm", ["no ids", "twice the same id"])
def test_a_notebook_without_stable_ids_is_refused(course, harm):
    """Ids that a reader would have to invent would be others every time."""
    path = course.source_notebook(NAME)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["id"] = "same"
        if harm == "no ids":
            del cell["id"]
            notebook["nbformat_minor"] = 4
    path.write_text(json.dumps(notebook), encoding="utf-8")
    with pytest.raises(UsageError, match=r"nbformat 4.4|have the id 'same'"):
        release(course, [NAME], gradebook=False)


def test_a_cell_known_by_its_mark_alone_is_blanked_too(course):
    """Where nbgrader's metadata was lost the answer still goes, and the instructor is told."""
    cells = source_cells()
    del cells[2].metadata["nbgrader"]
    write(course, cells)
    (released,) = release(course, [NAME], gradebook=False)
    assert "total = None" in cells_of(released.folder)["answer"]["source"]
    assert [w for w in released.warnings if "nbgrader does not know it" in w]


def test_a_region_that_is_replaced_whole_is_reported(course):
    """What could not be blanked is named, and its place raises."""
    write(course, edited(answer=SOLUTION.replace(ANSWER, "total = = x")))
    (released,) = release(course, [NAME], gradebook=False)
    assert "raise NotImplementedError()" in cells_of(released.folder)["answer"]["source"]
    (warning,) = released.warnings
    assert warning.startswith(f"{NAME}.ipynb, cell 'answer', line 5:")


def test_freshness_names_every_difference(course):
    """A fresh release has none; a stale, missing or extra file is named with the command that mends it."""
    assert is_fresh(course, NAME) == [
        f"release/{NAME} is missing. Run `autograder release {NAME}` and commit the result."
    ]
    folder = release(course, [NAME], gradebook=False)[0].folder
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_bytes(b"")
    assert is_fresh(course, NAME) == []
    (folder / "extra.txt").write_text("", encoding="utf-8")
    (folder / "requirements.txt").unlink()
    write(course, edited(title="# Adding up again"))
    said = [line.split(". ")[0] for line in is_fresh(course, NAME)]
    assert said == [
        f"release/{NAME}/requirements.txt is missing",
        f"release/{NAME}/extra.txt is not part of the release",
        f"release/{NAME}/README.md is stale",
        f"release/{NAME}/{NAME}.ipynb is stale",
    ]


def test_nbgrader_finds_its_programs_and_says_nothing_when_all_is_well(course, monkeypatch, capfd):
    """The environment need not be activated; nothing is printed; path and folder are as before."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    before = Path.cwd(), sys.path.copy()
    release(course, [NAME])
    assert rows(course) == [("test_UNQ_C1", 7.0), ("why", 3.0)]
    assert capfd.readouterr() == ("", "")
    assert (os.environ["PATH"], (Path.cwd(), sys.path)) == ("/usr/bin:/bin", before)


def test_an_unusable_gradebook_is_one_clear_line_and_the_old_release_stays(course):
    """Garbage, a lock and another version's gradebook are each told in one line; nothing is put in place."""
    gradebook = course.root / "gradebook.db"
    gradebook.write_bytes(b"this is no database at all" * 100)
    assert refusal_of(course).count("gradebook") >= 1
    gradebook.unlink()
    release(course, [NAME])
    before = contents(course.root / "release")
    with sqlite3.connect(gradebook, isolation_level=None) as database:
        database.execute("begin exclusive")
        assert "lock" in refusal_of(course)
    database.close()
    with sqlite3.connect(gradebook) as database:
        database.execute("update alembic_version set version_num = 'from the future'")
    database.close()
    assert "version" in refusal_of(course)
    assert contents(course.root / "release") == before


def refusal_of(course: Course) -> str:
    """Return the one line with which a release is refused."""
    with pytest.raises(UsageError) as refusal:
        release(course, [NAME])
    assert len(str(refusal.value).splitlines()) == 1
    return str(refusal.value)


def test_a_gradebook_that_refuses_its_rows_leaves_the_old_release(course):
    """Cells that submissions rest on cannot be taken away: nbgrader's own rule, told before anything is replaced."""
    release(course, [NAME])
    before = contents(course.root / "release")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader's own
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}", "rnn") as gradebook:
            gradebook.add_student("s1")
            gradebook.add_submission(NAME, "s1")
    write(course, source_cells()[:-1])
    with pytest.raises(
        UsageError, match=f"{NAME}: nbgrader could not record it in the gradebook: Cannot add or remove"
    ):
        release(course, [NAME])
    assert contents(course.root / "release") == before


def test_the_configuration_must_hold_our_steps(course):
    """Without a list ours is used; a list that would release the solution is refused."""
    config = course.root / "nbgrader_config.py"
    config.write_text("c = get_config()\n", encoding="utf-8")
    assert "total = None" in cells_of(release(course, gradebook=False)[0].folder)["answer"]["source"]
    config.write_text("c = get_config()\nc.GenerateAssignment.preprocessors = []\n", encoding="utf-8")
    with pytest.raises(UsageError, match="must hold BlankSolutions"):
        release(course, gradebook=False)
    config.write_text("c = get_config()\nc.GenerateAssignment.preprocessors = ['no.such.Step']\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"the preprocessor no\.such\.Step cannot be imported"):
        release(course, gradebook=False)
    config.write_text("import no_such_module\n", encoding="utf-8")
    with pytest.raises(UsageError, match="does not run: ModuleNotFoundError"):
        release(course, gradebook=False)


def test_no_option_of_the_configuration_switches_a_step_off(course):
    """A step that is disabled there is done all the same."""
    with (course.root / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write("c.BlankSolutions.enabled = c.RefuseLeaks.enabled = False\n")
    assert "total = None" in cells_of(release(course, gradebook=False)[0].folder)["answer"]["source"]


def test_unknown_assignments_and_unwritable_places_are_told(course, tmp_path):
    """Wrong usage is a sentence, before anything is built."""
    with pytest.raises(UsageError, match="There is no assignment 'nothing'"):
        release(course, [NAME, "nothing"])
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="could not be written"):
        release(course, [NAME], output=tmp_path / "file")


def test_a_module_is_never_mixed_with_another_of_its_name(course):
    """A different rnn_utils beside the source notebook is refused; a README of the instructor's own is kept."""
    folder = course.root / "source" / NAME
    (folder / "README.md").write_text("Ours.\n", encoding="utf-8")
    released = release(course, gradebook=False)[0].folder
    assert (released / "README.md").read_text(encoding="utf-8") == "Ours.\n"
    (folder / "rnn_utils").mkdir()
    (folder / "rnn_utils" / "__init__.py").write_text("other = 1\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"rnn_utils/__init__\.py stands in the assignment's source folder"):
        release(course, gradebook=False)


@pytest.mark.parametrize("name", Course.at(ROOT).assignments())
def test_the_courses_own_assignments_release_without_a_leak_or_a_warning(name, tmp_path):
    """Every assignment of the course can be released as it stands, and its solution cells run unsolved."""
    (released,) = release(Course.at(ROOT), [name], output=tmp_path, gradebook=False)
    assert released.warnings == ()
    notebook = nbformat.read(released.folder / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    solutions = [c.source for c in notebook.cells if c.metadata.get("nbgrader", {}).get("solution")]
    assert solutions
    for source in solutions:
        exec(compile(source, "cell", "exec"), {})  # noqa: S102 (a definition of our own, without its answer)
        assert "None" in source
